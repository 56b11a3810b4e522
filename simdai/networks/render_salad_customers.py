"""Customers of Salad on the Render network: containers and gateways, as many as its stages say, or more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simdai.economy.actors import Demand, World, absent
from simdai.errors import Problem
from simdai.units import Name

__all__ = ["SaladCustomers", "SaladCustomersActor"]


class SaladCustomers(Demand, kind="salad_customers"):
    """Those who pay what the stages of Salad say; here others can make them more or fewer.

    Parameters
    ----------
    network : a Render network with Salad
    """

    network: Name

    def check(self, scenario: Any) -> Iterator[Problem]:
        with_salad = [name for name, n in scenario.networks.items() if getattr(n, "salad", None)]
        yield from absent("network with Salad", {"network": self.network}, with_salad)

    def build(self, world: World, name: str) -> SaladCustomersActor:
        return SaladCustomersActor(self, world, name)


class SaladCustomersActor:
    """The customers on the clock; Salad asks for their payments.

    Attributes
    ----------
    level : factor on what they pay
    """

    def __init__(self, rules: SaladCustomers, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0

    def start(self) -> None:
        """Nothing: Salad has the clock."""

    def apply(self) -> None:
        """Tell Salad how many they are."""
        self.world.calendar.events[self.name] += 1
        self.world.networks[self.rules.network].salad.level = self.level
