"""The life of an Akash order: bids come in, the tenant picks any one of them, a lease runs and ends.

Not a lowest-price auction by rule: price, auditor, region and reputation are the tenant's to weigh. Every
call returns the new state of the order and why it was refused (None: accepted); a refused call changes
nothing. Source: akash-network/node@3efe26bf (2026-04-28) x/market/handler/server.go, x/market/keeper,
x/market/hooks; defaults from chain-sdk@55f1c683 (2026-07-02) go/node/market/v1beta5/params.go. Regime from
2026-04 (reclamation: AEP-82).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from simdai.mechanisms._exact import Exact, exact

__all__ = [
    "Bid",
    "Order",
    "OrderBook",
    "accept_bid",
    "bid_refusal",
    "close_bid",
    "close_lease",
    "exhaust_escrow",
    "place_bid",
    "reopened",
    "start_reclaim",
]

Attributes = Mapping[str, str]
OrderState = Literal["open", "active", "closed"]
BidState = Literal["open", "active", "lost", "closed"]
LeaseState = Literal["active", "reclaiming", "closed", "insufficient_funds"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a tenant asks for.

    ``max_price`` in micro-units a block; ``attributes`` must all be met, signed by every auditor of
    ``signed_by_all`` and by one of ``signed_by_any``, or just declared when neither is given;
    ``reclamation_hours`` is the least notice the tenant wants before its provider takes the resources back.
    """

    max_price: Exact
    attributes: Attributes = field(default_factory=dict)
    signed_by_all: frozenset[str] = frozenset()
    signed_by_any: frozenset[str] = frozenset()
    reclamation_hours: float | None = None


@dataclass(frozen=True, kw_only=True)
class Bid:
    """A provider's offer: ``price`` and ``deposit`` in micro-units (a block, once), and what it can show.

    ``attributes`` it declares, ``audited`` attributes by auditor, whether the offered resources match the
    order's and its hardware can do what they ask (``capable``), and the notice it gives before reclaiming, if
    it gives any.
    """

    provider: str
    price: Exact
    deposit: int
    attributes: Attributes = field(default_factory=dict)
    audited: Mapping[str, Attributes] = field(default_factory=dict)
    resources_match: bool = True
    registered: bool = True
    capable: bool = True
    reclamation_hours: float | None = None


@dataclass(frozen=True)
class Entry:
    """A bid in the book and how it stands."""

    bid: Bid
    state: BidState = "open"


@dataclass(frozen=True)
class OrderBook:
    """An order, its bids in order of arrival, and the lease, if there is or was one.

    ``deadline`` is the hour from which a reclaiming provider may close; ``renews`` tells that the tenant
    ended the lease, so that a new order opens at once (`reopened`).
    """

    order: Order
    entries: tuple[Entry, ...] = ()
    state: OrderState = "open"
    lease: LeaseState | None = None
    deadline: float | None = None
    renews: bool = False

    @property
    def deposits(self) -> dict[str, int]:
        """Bid deposits still held, by provider: those of open bids and of the winner, micro-units."""
        return {e.bid.provider: e.bid.deposit for e in self.entries if e.state in ("open", "active")}

    @property
    def winner(self) -> Bid | None:
        """The bid under lease."""
        return next((e.bid for e in self.entries if e.state == "active"), None)


def bid_refusal(
    order: Order,
    bid: Bid,
    bid_count: int = 0,
    order_open: bool = True,
    min_deposit: int = 500_000,
    max_bids: int = 20,
    min_reclamation_hours: float = 1.0,
    max_reclamation_hours: float = 720.0,
) -> str | None:
    """Why a bid is refused, or None; the first of the checks, in the order in which the chain makes them.

    ``deposit`` below 0.5 AKT or ACT; ``bids``: more than ``max_bids`` are there already, so the 21st still
    enters (lost bids do not count, withdrawn ones do); ``order`` not open; ``price`` zero or above the
    maximum; ``resources``; ``provider`` not registered; ``attributes``; ``capabilities``; ``reclamation``:
    none offered or shorter than asked, or an offer outside [1 h, 30 d].
    """
    price, max_price = exact(price=bid.price, max_price=order.max_price)
    wanted, offered = order.reclamation_hours, bid.reclamation_hours
    checks = {
        "deposit": bid.deposit >= min_deposit,
        "bids": bid_count <= max_bids,
        "order": order_open,
        "price": 0 < price <= max_price,
        "resources": bid.resources_match,
        "provider": bid.registered,
        "attributes": _attributes_match(order, bid),
        "capabilities": bid.capable,
        "reclamation": (wanted is None or (offered is not None and offered >= wanted))
        and (offered is None or min_reclamation_hours <= offered <= max_reclamation_hours),
    }
    return next((name for name, passed in checks.items() if not passed), None)


def _attributes_match(order: Order, bid: Bid) -> bool:
    def signed(auditor: str) -> bool:
        return auditor in bid.audited and order.attributes.items() <= bid.audited[auditor].items()

    if not order.signed_by_all and not order.signed_by_any:
        return order.attributes.items() <= bid.attributes.items()
    everyone = all(map(signed, order.signed_by_all))
    return everyone and (not order.signed_by_any or any(map(signed, order.signed_by_any)))


def place_bid(book: OrderBook, bid: Bid) -> tuple[OrderBook, str | None]:
    """Enter a bid; its deposit is held. Refusals as in `bid_refusal` at its defaults, or ``exists``."""
    if any(e.bid.provider == bid.provider for e in book.entries):
        return book, "exists"
    count = sum(e.state != "lost" for e in book.entries)
    refusal = bid_refusal(book.order, bid, count, book.state == "open")
    return (book, refusal) if refusal else (replace(book, entries=(*book.entries, Entry(bid))), None)


def accept_bid(book: OrderBook, provider: str) -> tuple[OrderBook, str | None]:
    """The tenant picks a bid: a lease starts at its price.

    All other open bids are lost and get their deposits back. Refused as ``order`` (not open) or ``bid`` (no
    open bid of this provider).
    """
    if book.state != "open":
        return book, "order"
    if not any(e.bid.provider == provider and e.state == "open" for e in book.entries):
        return book, "bid"
    entries = tuple(
        e if e.state != "open" else replace(e, state="active" if e.bid.provider == provider else "lost")
        for e in book.entries
    )
    return replace(book, entries=entries, state="active", lease="active"), None


def close_lease(book: OrderBook) -> tuple[OrderBook, str | None]:
    """The tenant ends the lease; bid and order close and the winner's deposit returns. Refused as ``lease``.

    While its deployment stays open, a new order opens (`reopened`).
    """
    if book.lease not in ("active", "reclaiming"):
        return book, "lease"
    return replace(_ended(book, "closed"), renews=True), None


def close_bid(book: OrderBook, provider: str, now: float = 0.0) -> tuple[OrderBook, str | None]:
    """The provider withdraws its bid; under lease, lease and order close with it and no order follows.

    ``now`` in hours. With a reclamation window the lease must first be reclaimed (refused as ``reclaim not
    started``) and the window waited out, paid in full (``reclaim window``). Other refusals: ``bid``,
    ``lease``.
    """
    entry = next((e for e in book.entries if e.bid.provider == provider), None)
    if entry is None or entry.state in ("lost", "closed"):
        return book, "bid"
    if entry.state == "open":
        closed = tuple(replace(e, state="closed") if e is entry else e for e in book.entries)
        return replace(book, entries=closed), None
    if book.lease == "active" and entry.bid.reclamation_hours is not None:
        return book, "reclaim not started"
    if book.lease == "reclaiming" and book.deadline is not None and now < book.deadline:
        return book, "reclaim window"
    return _ended(book, "closed"), None


def start_reclaim(book: OrderBook, now: float) -> tuple[OrderBook, str | None]:
    """The provider gives notice at hour ``now``; the lease runs on, paid, until the window has passed.

    Refused as ``lease`` (not active) or ``reclamation`` (the bid had no window).
    """
    if book.lease != "active":
        return book, "lease"
    window = book.winner.reclamation_hours if book.winner else None
    if window is None:
        return book, "reclamation"
    return replace(book, lease="reclaiming", deadline=now + window), None


def exhaust_escrow(book: OrderBook) -> OrderBook:
    """The tenant's escrow is overdrawn: order and bids close, a lease ends for insufficient funds."""
    return _ended(book, "insufficient_funds")


def reopened(book: OrderBook) -> OrderBook | None:
    """The order that follows when the tenant ended a lease and kept its deployment; None otherwise."""
    return OrderBook(book.order) if book.renews else None


def _ended(book: OrderBook, lease: LeaseState) -> OrderBook:
    """Everything closed that was open; a lease that runs ends as ``lease``."""
    entries = tuple(replace(e, state="closed") if e.state in ("open", "active") else e for e in book.entries)
    running = book.lease in ("active", "reclaiming")
    return replace(
        book, entries=entries, state="closed", lease=lease if running else book.lease, deadline=None
    )
