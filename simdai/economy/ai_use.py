"""Customers of models: what a group would pay, what it cares for, where its people live."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from simdai.economy.actors import Demand, World, absent, exactly_one, only
from simdai.errors import Problem
from simdai.registry import FrozenMapping
from simdai.units import Name, NonNegative, Quantity, Share

__all__ = ["AiUse", "AiUseActor"]

DAYS_PER_YEAR = 365.25
UsdPerYear = Annotated[float, Quantity("USD/y", low=0.0)]


class AiUse(Demand, kind="ai_use"):
    """A segment of the market for models: consumers, developers, a regulated industry.

    Parameters
    ----------
    wallet : USD a year that it would pay at the reference price if everybody used models
    wallet_growth : of that [1/yr]
    quality : utils of an index point
    privacy, risk : utils of a seller's full privacy, and of dealing with one unvetted provider
    jurisdictions : place to its share of the segment
    specialised : whether its tasks lie in special domains, in which fine-tuned models are better
    revenue : USD a year that each lab or host takes here at the start; others are not offered
    """

    wallet: UsdPerYear = Field(gt=0.0)
    wallet_growth: Annotated[float, Quantity("1/y")]
    quality: NonNegative
    privacy: NonNegative
    risk: NonNegative
    jurisdictions: FrozenMapping[Name, Share]
    specialised: bool = False
    revenue: FrozenMapping[Name, UsdPerYear]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not math.isclose(sum(self.jurisdictions.values()), 1.0, abs_tol=1e-9):
            raise ValueError("jurisdictions: the shares must add up to 1")
        if any(usd <= 0.0 for usd in self.revenue.values()):
            raise ValueError("revenue: leave out who takes nothing, it is not offered")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        problems = list(exactly_one(scenario, "institutions", "model_market"))
        yield from problems
        if problems:
            return
        market = next(m for m in scenario.institutions.values() if m.kind == "model_market")
        sellers = {*market.hosts, *(name for name, lab in scenario.labs.items() if hasattr(lab, "serving"))}
        yield from absent("lab or host", {f"revenue.{name}": name for name in self.revenue}, sellers)
        used = math.fsum(self.shares(market).values())
        if used >= 1.0:
            found = f"use of {used:.0%} of the wallet at the start"
            yield Problem(path="revenue", found=found, allowed="less than all of it")
        for regulator in scenario.institutions.values():
            for place, banned in getattr(regulator, "bans", {}).items():
                hit = sorted(set(banned) & set(self.revenue)) if place in self.jurisdictions else []
                if hit:
                    found = f"{hit[0]}, banned in {place} from the start"
                    yield Problem(path="revenue", found=found, allowed="sellers that may sell here")

    def shares(self, market: Any) -> dict[str, float]:
        """Share of the segment's use that each seller has at the start."""
        return {name: usd / (self.wallet * market.price_of(name)) for name, usd in self.revenue.items()}

    def build(self, world: World, name: str) -> AiUseActor:
        return AiUseActor(self, world, name)


class AiUseActor:
    """A segment on the clock. The model market lets it choose.

    Attributes
    ----------
    level : factor on its wallet; shocks change it
    """

    def __init__(self, rules: AiUse, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0

    @property
    def wallet(self) -> float:
        """USD a year that it would pay now at the reference price if everybody used models."""
        return (
            self.rules.wallet
            * self.level
            * math.exp(self.rules.wallet_growth * self.world.env.now / DAYS_PER_YEAR)
        )

    def start(self) -> None:
        """Report the segment."""
        market, recorder, name = only(self.world.institutions, "model_market"), self.world.recorder, self.name
        for seller in self.rules.revenue:
            reading = market.share_reading(name, seller)
            recorder.series(f"{name}.use_share.{seller}", "1", reading)
            recorder.outcome(f"{name}.use_share.{seller}", "1", reading)
        recorder.series(f"{name}.spent_usd", "USD", lambda: market.spent(name))

    def apply(self) -> None:
        """A change of the level counts from the market's next day on."""
