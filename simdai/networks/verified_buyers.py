"""Buyers of checked work, who come to notice what share of it is false."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simdai.economy.actors import Demand, World, absent
from simdai.errors import Problem
from simdai.mechanisms.choice import smooth
from simdai.mechanisms.verification import quality_factor
from simdai.units import Name, NonNegative, PerDay, PositiveDays, Usd

__all__ = ["Buyers", "WorkBuyers"]


class WorkBuyers(Demand, kind="work_buyers"):
    """Buyers of checked work, who come to notice what share of it is false.

    Parameters
    ----------
    network : where they buy
    tasks_per_day : at a level of 1, at the reference price and without fraud
    reference_price : USD for a task
    elasticity : by which demand falls with the price
    memory : days over which they notice fraud; demand is then `quality_factor` of what they bought
    """

    network: Name
    tasks_per_day: PerDay
    reference_price: Usd
    elasticity: NonNegative
    memory: PositiveDays

    def check(self, scenario: Any) -> Iterator[Problem]:
        named = [name for name, n in scenario.networks.items() if n.kind == "verified_work"]
        yield from absent("network of kind 'verified_work'", {"network": self.network}, named)

    def build(self, world: World, name: str) -> Buyers:
        return Buyers(self, world, name)


class Buyers:
    """Buyers on the clock; ``level`` is a factor on their demand."""

    def __init__(self, rules: WorkBuyers, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0
        self.noticed = 0.0
        self.price = rules.reference_price
        """USD for a task, as told last."""

    def start(self) -> None:
        """Report; the network asks for the demand of each day."""
        self.world.recorder.series(f"{self.name}.tasks_per_day", "1/d", lambda: self.tasks_per_day)

    def apply(self) -> None:
        """The level is read whenever the network asks."""

    @property
    def tasks_per_day(self) -> float:
        """Tasks a day that they want now."""
        rules = self.rules
        dear: float = (self.price / rules.reference_price) ** -rules.elasticity
        return self.level * rules.tasks_per_day * dear * quality_factor(self.noticed)

    def notice(self, price: float, undetected: float, days: float) -> None:
        """They bought work at a price [USD a task], of which a share was false and accepted."""
        self.price = price
        self.noticed = smooth(self.noticed, undetected, days, self.rules.memory)
