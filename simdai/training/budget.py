"""Where the money of open work comes from: a stated sum, or a share of what a network creates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import model_validator

from simdai.economy.actors import World, absent
from simdai.economy.ledger import WORLD
from simdai.economy.paths import Path, PathOf
from simdai.errors import Problem
from simdai.registry import Configured
from simdai.units import Name, Share

__all__ = ["Budget", "Purse"]

MICRO = 10**6
DAYS_PER_YEAR = 365.25


class Budget(Configured):
    """USD a year that somebody gives, or a share of the tokens that a network creates for participants.

    A network pays its participants itself; those who do this work are some of them, and sell what they are
    paid. Here the tokens count at the price of their day, so that nothing is created twice.

    Parameters
    ----------
    usd : USD a year from outside
    network : whose tokens pay
    share : of the tokens that the network creates for its participants
    """

    usd: Annotated[Path, PathOf("USD/y")] | None = None
    network: Name | None = None
    share: Share | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.usd is None) == (self.network is None):
            raise ValueError("give either 'usd', or 'network' and 'share'")
        if (self.network is None) != (self.share is None):
            raise ValueError("'network' and 'share' belong together")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.network is not None:
            paying = [n for n, network in scenario.networks.items() if getattr(network, "emits", False)]
            yield from absent("network that creates tokens", {"network": self.network}, paying)


class Purse:
    """The account ``NAME.budget``: what comes in accrues with time, what goes out is paid at once.

    Attributes
    ----------
    received_usd, paid_usd : real USD since the start
    """

    def __init__(self, rules: Budget, world: World, name: str) -> None:
        self.rules, self.world, self.account = rules, world, f"{name}.budget"
        world.ledger.open(self.account)
        self.received_usd = self.paid_usd = 0.0
        self._units = [0, 0]  # micro-USD posted: received, paid
        self._day = 0.0
        self._subsidy_then = 0.0

    def accrue(self) -> float:
        """Take in what has come since the last time; returns it, real USD."""
        now = self.world.env.now
        if self.rules.usd is not None:
            come = self.world.on(self.rules.usd) * (now - self._day) / DAYS_PER_YEAR
        else:
            subsidy = float(self.world.networks[str(self.rules.network)].flows.subsidy_usd)
            come = max(subsidy - self._subsidy_then, 0.0) * float(self.rules.share or 0.0)
            self._subsidy_then = subsidy
        self._day = now
        self.received_usd += come
        self._post(0, self.received_usd, WORLD, self.account)
        return come

    def pay(self, usd: float, target: str = WORLD) -> float:
        """Pay real USD, as far as there are any; returns what was paid."""
        paid = min(usd, self.left_usd)
        self.paid_usd += paid
        self._post(1, self.paid_usd, self.account, target)
        return paid

    @property
    def left_usd(self) -> float:
        """Real USD not paid out yet."""
        return max(self.received_usd - self.paid_usd, 0.0)

    def _post(self, which: int, real: float, source: str, target: str) -> None:
        """Bring the ledger to the whole micro-USD of a running sum."""
        units = int(real / self.world.scale * MICRO)
        self.world.ledger.transfer(units - self._units[which], "USD", source, target)
        self._units[which] = units
