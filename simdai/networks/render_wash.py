"""Wash demand: operators who buy their own rendering to draw on the job pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from simdai.economy.actors import World
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.mechanisms.wash_trading import wash_spend_in_equilibrium
from simdai.units import PositiveCount, Share, Usd

__all__ = ["WashActor", "WashDemand"]

MICRO = 10**6


class WashDemand(Attack, kind="wash_demand"):
    """Operators buy work of their own nodes at the end of each epoch and sell the reward at once.

    They know the epoch's other spend and the price. Fee and burn are lost to them; what they get is their
    share of the job pool. Their jobs need no GPU time.

    Parameters
    ----------
    attackers : operators alike, each spending what is best for itself given the others
    spend : or: USD that they spend together in an epoch
    captured : share of the work bought that is assigned to their own nodes; the rest goes to other nodes, in
        proportion to their work
    """

    against: ClassVar[tuple[str, ...]] = ("render",)

    attackers: PositiveCount = 1
    spend: Usd | None = None
    captured: Share = 1.0

    def build(self, world: World, name: str) -> WashActor:
        return WashActor(self, world, name)


class WashActor(AttackActor):
    """The attackers on the clock.

    Besides what every attack reports: ``profit_at_spot_usd``, with the reward at the price before the
    attackers' own sale, and ``pool_taken_usd``, that reward itself, which other nodes would have got.
    """

    rules: WashDemand

    def __init__(self, rules: WashDemand, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.token = self.network.token
        world.ledger.open(self.account, self.token.asset)
        self.reward_usd = 0.0

    def start(self) -> None:
        super().start()
        self.measure("profit_at_spot_usd", "USD", (-1.0, 0.0, 1.0))
        self.measure("pool_taken_usd", "USD", (0.0, 0.0, 1.0))

    @property
    def sums(self) -> Sums:
        return self.spent, self.earned, self.reward_usd

    def strike(self) -> Callable[[], None]:
        self.network.wash_traders.append(self)
        return lambda: self.network.wash_traders.remove(self)

    # -- what the network asks -------------------------------------------------------------------------------

    def buy(self, others: float, pool: float, price: float, till: str) -> tuple[float, float]:
        """Pay into ``till``; returns the USD paid, and those of them for work of their own nodes."""
        rules = self.rules
        if rules.spend is not None:
            usd = rules.spend / self.world.scale
        else:
            usd = wash_spend_in_equilibrium(others, pool, price, rules.attackers)
        amount = self.bring(usd)
        self.world.ledger.transfer(amount, "USD", self.account, till)
        return amount / MICRO, amount / MICRO * rules.captured

    def receive(self, amount: int) -> None:
        """Sell the reward, ``amount`` base units on the traders' account."""
        self.reward_usd += amount / self.token.units_per_usd
        self.token.sell(amount, self.account, self.account)
        self.take_home()
