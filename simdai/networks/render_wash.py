"""Wash demand: operators who buy their own rendering to draw on the job pool."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from simdai.economy.actors import World, absent
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.shocks import DatedShock, ShockActor
from simdai.errors import Problem
from simdai.mechanisms.wash_trading import wash_spend_in_equilibrium
from simdai.units import Name, PositiveCount, Share, Usd

__all__ = ["WashActor", "WashDemand"]

MICRO = 10**6

Sums = tuple[float, float, float]  # USD spent, got by selling the reward, and its worth before the sale

MEASURES: dict[str, Sums] = {
    "spent_usd": (1.0, 0.0, 0.0),
    "proceeds_usd": (0.0, 1.0, 0.0),
    "profit_usd": (-1.0, 1.0, 0.0),
    "profit_at_spot_usd": (-1.0, 0.0, 1.0),
}


class WashDemand(DatedShock, kind="wash_demand"):
    """Operators buy work of their own nodes at the end of each epoch and sell the reward at once.

    They know the epoch's other spend and the price. Fee and burn are lost to them; what they get is their
    share of the job pool. Their jobs need no GPU time.

    Parameters
    ----------
    network : a Render network
    attackers : operators alike, each spending what is best for itself given the others
    spend : or: USD that they spend together in an epoch
    captured : share of the work bought that is assigned to their own nodes; the rest goes to other nodes, in
        proportion to their work
    """

    network: Name
    attackers: PositiveCount = 1
    spend: Usd | None = None
    captured: Share = 1.0

    def missing(self, scenario: Any) -> Iterator[Problem]:
        pools = [name for name, network in scenario.networks.items() if hasattr(network, "pools")]
        yield from absent("network with a job pool", {"network": self.network}, pools)
        rivals = [s for s in scenario.shocks if isinstance(s, WashDemand) and s.network == self.network]
        if rivals and rivals[0] is not self:
            found = f"a second 'wash_demand' on {self.network!r}"
            yield Problem(path="network", found=found, allowed="one; 'attackers' says how many operators")

    def build(self, world: World, name: str) -> WashActor:
        return WashActor(self, world, name)


class WashActor(ShockActor):
    """The attackers on the clock.

    Accounts: ``NETWORK.wash``, in USD and in the token. Owners bring the money from outside and take the
    proceeds there.
    """

    rules: WashDemand

    def __init__(self, rules: WashDemand, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.rules = rules
        self.network = world.networks[rules.network]
        self.account = f"{rules.network}.wash"
        self.token = self.network.token
        world.ledger.open(self.account)
        world.ledger.open(self.account, self.token.asset)
        self.spent = self.earned = self.reward_usd = 0.0
        """USD since the start; the reward at the price before the attackers' own sale."""
        self._then = (0.0, 0.0, 0.0)

    def start(self) -> None:
        """Put the attack on the calendar and report it."""
        super().start()
        recorder, scale = self.world.recorder, self.world.scale
        nothing = (0.0, 0.0, 0.0)
        for measure, weights in MEASURES.items():
            name = f"{self.account}.{measure}"
            recorder.series(name, "USD", lambda w=weights: scale * self._sum(w, nothing))  # type: ignore[misc]
            recorder.outcome(name, "USD", lambda w=weights: scale * self._sum(w, self._then))  # type: ignore[misc]
        self.world.at_window(self._start_window)

    @property
    def _sums(self) -> Sums:
        return self.spent, self.earned, self.reward_usd

    def _start_window(self) -> None:
        self._then = self._sums

    def _sum(self, weights: Sums, then: Sums) -> float:
        return math.fsum(w * (now - t) for w, now, t in zip(weights, self._sums, then, strict=True))

    def _strike(self) -> None:
        self.network.wash_traders.append(self)
        if self.rules.lasts is not None:
            end = self.world.env.now + self.rules.lasts
            self.world.calendar.at(end, Phase.SHOCKS, lambda: self.network.wash_traders.remove(self))

    # -- what the network asks -------------------------------------------------------------------------------

    def buy(self, others: float, pool: float, price: float, till: str) -> tuple[float, float]:
        """Pay into ``till``; returns the USD paid, and those of them for work of their own nodes."""
        rules = self.rules
        if rules.spend is not None:
            usd = rules.spend / self.world.scale
        else:
            usd = wash_spend_in_equilibrium(others, pool, price, rules.attackers)
        amount = round(usd * MICRO)
        self.world.ledger.transfer(amount, "USD", WORLD, self.account)
        self.world.ledger.transfer(amount, "USD", self.account, till)
        self.spent += amount / MICRO
        return amount / MICRO, amount / MICRO * rules.captured

    def receive(self, amount: int, source: str) -> None:
        """Take base units of reward out of the account ``source`` and sell them."""
        ledger, token = self.world.ledger, self.token
        ledger.transfer(amount, token.asset, source, self.account)
        self.reward_usd += amount / token.units_per_usd
        usd = token.sell(amount, self.account, self.account)
        self.earned += usd / MICRO
        ledger.transfer(usd, "USD", self.account, WORLD)
