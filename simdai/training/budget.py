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

    A subnet that can be funded pays its share into the budget: the tokens are sold there. Any other network
    pays its participants itself; those who do this work are some of them, and sell what they are paid. Then
    the tokens count at the price of their day, so that nothing is created twice.

    Parameters
    ----------
    usd : USD a year from outside
    network : whose tokens pay
    subnet : of the network, whose miners' incentive pays; the whole network without
    share : of what the network creates for its participants, or the subnet for its miners
    """

    usd: Annotated[Path, PathOf("USD/y")] | None = None
    network: Name | None = None
    subnet: Name | None = None
    share: Share | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.usd is None) == (self.network is None):
            raise ValueError("give either 'usd', or 'network' and 'share'")
        if (self.network is None) != (self.share is None):
            raise ValueError("'network' and 'share' belong together")
        if self.subnet is not None and self.network is None:
            raise ValueError("'subnet' needs its 'network'")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.network is None:
            return
        networks = scenario.networks
        paying = [name for name, network in networks.items() if getattr(network, "emits", False)]
        yield from absent("network that creates tokens", {"network": self.network}, paying)
        if self.subnet is not None and self.network in paying:
            groups = getattr(networks[self.network], "subnets", {})
            single = [name for name, group in groups.items() if group.count == 1]
            yield from absent("subnet that stands alone", {"subnet": self.subnet}, single)


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
        self._received = self._paid = 0  # micro-USD on the ledger
        self._day = self._subsidy_then = 0.0
        if rules.subnet is not None:
            subnet = world.networks[str(rules.network)].subnets[rules.subnet]
            subnet.fund(self.account, rules.share)

    def accrue(self) -> float:
        """Take in what has come since the last time; returns it, real USD."""
        if self.rules.subnet is not None:
            return self._arrived()
        now = self.world.env.now
        if self.rules.usd is not None:
            come = self.world.on(self.rules.usd) * (now - self._day) / DAYS_PER_YEAR
        else:
            subsidy = float(self.world.networks[str(self.rules.network)].flows.subsidy_usd)
            come = max(subsidy - self._subsidy_then, 0.0) * float(self.rules.share or 0.0)
            self._subsidy_then = subsidy
        self._day = now
        self.received_usd += come
        posted = int(self.received_usd / self.world.scale * MICRO)
        self.world.ledger.transfer(posted - self._received, "USD", WORLD, self.account)
        self._received = posted
        return come

    def _arrived(self) -> float:
        """What the subnet has paid into the account."""
        held = self.world.ledger.balance("USD", self.account)
        come = held - (self._received - self._paid)
        self._received += come
        self.received_usd += come * self.world.scale / MICRO
        return come * self.world.scale / MICRO

    def pay(self, usd: float, target: str = WORLD) -> float:
        """Pay real USD, as far as there are any; returns what was paid."""
        paid = min(usd, self.left_usd)
        self.paid_usd += paid
        posted = min(int(self.paid_usd / self.world.scale * MICRO), self._received)
        self.world.ledger.transfer(posted - self._paid, "USD", self.account, target)
        self._paid = posted
        return paid

    @property
    def left_usd(self) -> float:
        """Real USD not paid out yet."""
        return max(self.received_usd - self.paid_usd, 0.0)
