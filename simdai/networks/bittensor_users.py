"""Customers who pay subnets for what their miners deliver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from simdai.economy.actors import Demand, World, absent
from simdai.economy.paths import Path, PathOf
from simdai.errors import Problem
from simdai.units import Name, NonNegative, Positive

__all__ = ["SubnetUsers", "Users"]


class SubnetUsers(Demand, kind="subnet_users"):
    """Customers of all subnets of one domain.

    They spend ``level`` times ``spend`` at the reference quality and in proportion to the best subnets'
    quality to a power beyond it; subnets share what they spend by quality to a power.

    Parameters
    ----------
    network : a Bittensor network
    domain : that they need
    spend : USD a day, a path over time
    reference : quality index at which they spend that
    elasticity : power of quality in their spending
    choosiness : power of quality in a subnet's share of it
    """

    network: Name
    domain: Name
    spend: Annotated[Path, PathOf("USD/d")]
    reference: Positive
    elasticity: NonNegative
    choosiness: NonNegative

    def check(self, scenario: Any) -> Iterator[Problem]:
        networks = {name: n for name, n in scenario.networks.items() if n.kind == "bittensor"}
        yield from absent("Bittensor network", {"network": self.network}, networks)
        if self.network in networks:
            domains = {group.domain for group in networks[self.network].subnets.values()}
            yield from absent("domain", {"domain": self.domain}, sorted(domains))

    def build(self, world: World, name: str) -> Users:
        return Users(self, world, name)


class Users:
    """The customers on the clock; the network asks them for their payments at each step."""

    def __init__(self, rules: SubnetUsers, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0
        """Factor on what they spend; shocks change it."""
        self.spent = 0.0
        """Real USD since the start."""
        self._then = 0.0

    def start(self) -> None:
        """Tell the network, and report."""
        self.network = self.world.networks[self.rules.network]
        self.network.users.append(self)
        recorder = self.world.recorder
        recorder.series(f"{self.name}.spend_usd", "USD", lambda: self.spent)
        recorder.outcome(f"{self.name}.spend_usd", "USD", lambda: self.spent - self._then)
        self.world.at_window(self._start_window)

    def apply(self) -> None:
        """Nothing to do before the next step asks for payments."""

    def _start_window(self) -> None:
        self._then = self.spent

    def payments(self, days: float) -> dict[int, float]:
        """Real USD that each slot's owner gets for the last ``days``."""
        self.world.calendar.events[self.name] += 1
        subnets = [s for s in self.network.subnets.values() if s.alive and s.domain == self.rules.domain]
        quality = np.array([subnet.quality_index for subnet in subnets])
        if not quality.any():
            return {}
        rules = self.rules
        shares = quality**rules.choosiness * (quality > 0.0)
        shares /= shares.sum()
        index = float(shares @ quality) / rules.reference
        usd = self.level * self.world.on(rules.spend) * index**rules.elasticity * days
        self.spent += usd
        return {subnet.slot: float(share) * usd for subnet, share in zip(subnets, shares, strict=True)}
