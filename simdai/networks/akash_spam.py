"""Throwaway bids that fill Akash's orders, so that real providers cannot bid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from simdai.economy.actors import World
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.mechanisms.lease_market import Bid, OrderBook, place_bid
from simdai.units import PositiveCount, Usd

__all__ = ["BidSpam", "BidSpammer"]

MICRO = 10**6


class BidSpam(Attack, kind="bid_spam"):
    """Somebody bids on every order first, at the highest price, and never means to serve it.

    Tenants take no such bid; an order that is full of them takes no other, until its tenant gives it up. The
    deposits return when the bids are withdrawn. No auditor signs for a spammer: orders that ask for a
    signature are safe from it.

    Parameters
    ----------
    bids : on each order
    fee : of the chain for a bid, USD
    """

    against: ClassVar[tuple[str, ...]] = ("akash",)

    bids: PositiveCount
    fee: Usd

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against and network.hosts is None:
            found = f"{self.network!r}, where nobody leases to deployments"
            yield Problem(path="network", found=found, allowed="an Akash network with hosts")

    def build(self, world: World, name: str) -> BidSpammer:
        return BidSpammer(self, world, name)


class BidSpammer(AttackActor):
    """The attacker on the clock. Reports ``bids`` besides what every attack reports, and what it locked.

    ``deposits_usd`` is the worth of all deposits that its bids put down for a while.
    """

    rules: BidSpam

    def __init__(self, rules: BidSpam, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.placed, self.locked = 0, 0.0

    def start(self) -> None:
        super().start()
        self.measure("bids", "count", (0.0, 0.0, 1.0))
        self.measure("deposits_usd", "USD", (0.0, 0.0, 0.0, 1.0))

    @property
    def sums(self) -> Sums:
        return self.spent, self.earned, float(self.placed), self.locked

    def strike(self) -> Callable[[], None]:
        spammers = self.network.desk.spammers
        spammers.append(self)
        return lambda: spammers.remove(self)

    def crowd(self, book: OrderBook) -> OrderBook:
        """The order with the attacker's bids in it; each is paid for once."""
        deposit = self.network.rules.orders.deposit
        placed = 0
        for n in range(self.rules.bids):
            bid = Bid(
                provider=f"spam[{n}]",
                price=book.order.max_price,
                deposit=round(deposit * MICRO),
                attributes=book.order.attributes,
                reclamation_hours=book.order.reclamation_hours,
            )
            book, refusal = place_bid(book, bid)
            placed += refusal is None
        if placed:
            self.placed += placed
            self.locked += placed * deposit * self.network.token.price
            amount = self.bring(placed * self.rules.fee)
            self.world.ledger.transfer(amount, "USD", self.account, WORLD)
        return book
