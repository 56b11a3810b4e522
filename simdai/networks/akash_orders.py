"""Akash's order book at work: deployments, the bids on their orders, their leases and escrow accounts."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.escrow import (
    LeaseAccount,
    escrow_add_payment,
    escrow_close,
    escrow_close_payment,
    escrow_deposit,
    escrow_open,
    escrow_withdraw,
)
from simdai.mechanisms.lease_market import (
    Bid,
    OrderBook,
    accept_bid,
    close_bid,
    close_lease,
    exhaust_escrow,
    place_bid,
    reopened,
    start_reclaim,
)
from simdai.networks.akash_pricing import Pricing, Wanted
from simdai.networks.akash_rules import Bidders

if TYPE_CHECKING:
    from simdai.networks.akash import AkashNetwork

__all__ = ["Deployment", "LeaseDesk", "Leased", "Tenant"]

HOURS = 24.0
MICRO = 10**6

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Tenant(Protocol):
    """Whose deployments they are."""

    wanted: Wanted
    reputation_weight: float
    job_class: int

    def leased(self, deployment: Deployment, waited: float) -> None:
        """A lease of a deployment has begun, ``waited`` days after its order."""

    def ended(self, deployment: Deployment, why: str) -> None:
        """A lease of a deployment is over, and no order is open any more."""


@dataclass
class Deployment:
    """What a tenant runs: one order after the other, a lease under it, and the escrow that pays for it.

    Attributes
    ----------
    number : key of its luck
    gpus : that it needs; ends : day on which it is done
    deposit : micro-units that the tenant puts into escrow at a time
    careless : whether the tenant forgets to top the escrow up
    reserved : whether it was sold under a reservation
    paid : micro-units that the lease now running has paid
    book : the order now open or under lease; since : day on which it was opened
    host : row of the provider under lease, -1 without; rate : micro-units a block
    counted : day up to which its hours of work are counted
    """

    tenant: Tenant
    number: int
    gpus: int
    ends: float
    deposit: int
    careless: bool
    book: OrderBook
    since: float
    account: LeaseAccount | None = None
    host: int = -1
    rate: float = math.nan
    reserved: bool = False
    paid: int = 0
    counted: float = 0.0


@dataclass(frozen=True)
class Leased:
    """What leases paid in an epoch.

    Parameters
    ----------
    spot, reserved : (rows,) micro-units for each host, of deployments with and without a reservation
    unpaid : micro-units of work that nobody pays
    """

    spot: Ints
    reserved: Ints
    unpaid: int


@dataclass
class _Epoch:
    """The same, in the making."""

    spot: Counter[int] = field(default_factory=Counter)
    reserved: Counter[int] = field(default_factory=Counter)
    unpaid: int = 0


class LeaseDesk:
    """The hosts' GPUs, who leases them, and the orders that wait for a bid.

    Every provider of the population can serve several leases, each for a part of its GPUs. It bids on an
    order when it is online and has the GPUs free. Providers withdraw what they earned once an epoch; whatever
    runs beyond a deposit until then is lost to them.

    Parameters
    ----------
    hosts : name of the population; pricing : how its providers bid
    """

    def __init__(self, network: AkashNetwork, hosts: str, pricing: Pricing) -> None:
        self.network, self.world, self.pricing = network, network.world, pricing
        self.name, self.hosts = hosts, network.populations[hosts]
        self.live: list[Deployment] = []
        self.waiting: deque[Deployment] = deque()
        self.spammers: list[Any] = []
        """Attackers who bid on every order first."""
        self.refusals: Counter[str] = Counter()
        """Bids refused since the start, by reason."""
        self.bids = 0
        self._busy = np.zeros(0, dtype=np.int64)  # GPUs under lease, by row
        self._last: dict[int, float] = {}  # rate per GPU of the last lease, by row
        self._epoch = _Epoch()

    @property
    def rules(self) -> Bidders:
        """What the scenario says of the hosts."""
        rules = self.hosts.rules
        assert isinstance(rules, Bidders)
        return rules

    @property
    def height(self) -> int:
        """Blocks since the start."""
        return math.floor(self.world.env.now / self.network.rules.block)

    @property
    def list_price(self) -> float:
        """USD per GPU-hour that a tenant expects: the lowest ask; nan without hosts."""
        asks = self.hosts.book.ask[self.hosts.book.present]
        return float(asks.min()) if len(asks) else math.nan

    def lowest_free(self, gpus: int) -> float:
        """Lowest ask of a provider that could take a deployment at once; infinite when none could."""
        able = self._able(gpus)
        return float(self.hosts.book.ask[able].min()) if able else math.inf

    # -- orders and bids -------------------------------------------------------------------------------------

    def tender(self, deployment: Deployment) -> None:
        """Take bids on an order; the tenant picks one, or waits for a bid to come."""
        deployment.since = self.world.env.now
        if not self._served(deployment):
            self.waiting.append(deployment)

    def withdraw(self, deployment: Deployment, why: str) -> None:
        """The tenant gives up an order that nobody serves."""
        if deployment in self.waiting:
            self.waiting.remove(deployment)
            deployment.tenant.ended(deployment, why)

    def _served(self, deployment: Deployment, online: Bools | None = None) -> bool:
        """Whether a lease came of the bids that providers can make now."""
        book = deployment.book
        for spammer in self.spammers:
            book = spammer.crowd(book)
        rates: dict[str, tuple[float, int]] = {}
        for row in self._able(deployment.gpus, online):
            bid, rate = self._bid(row, deployment)
            if bid is None:
                continue
            book, refusal = place_bid(book, bid)
            if refusal is None:
                rates[bid.provider] = rate, row
                self.bids += 1
            elif refusal != "exists":
                self.refusals[refusal] += 1
        deployment.book = book
        if not rates:
            return False
        weight = deployment.tenant.reputation_weight
        score = 1.0 + weight * (1.0 - self.rules.reputation)  # alike for all hosts of a population
        winner = min(rates, key=lambda provider: (score * rates[provider][0], rates[provider][1]))
        self._lease(deployment, winner, *rates[winner])
        return True

    def _online(self) -> Bools:
        """(rows,) whether each provider is there and may work."""
        book, market = self.hosts.book, self.world.compute.market
        self._grow()
        online = np.zeros(len(self._busy), dtype=bool)
        for place, pool in enumerate(self.hosts.pools):
            if book.size_of(place):
                table = market.providers(pool)
                online[book.rows_at(place)[table["index"]]] = table["online"] & ~table["banned"]
        return online

    def _able(self, gpus: int, online: Bools | None = None) -> list[int]:
        """Rows of the providers that are online, stay, and have ``gpus`` free."""
        there = self._online() if online is None else online
        free = self.rules.gpus - self._busy
        able: list[int] = np.flatnonzero(there & (self.hosts.book.leaves == 0) & (free >= gpus)).tolist()
        return able

    def _grow(self) -> None:
        new = len(self.hosts.book.alive) - len(self._busy)
        if new:
            self._busy = np.concatenate([self._busy, np.zeros(new, dtype=np.int64)])

    def _bid(self, row: int, deployment: Deployment) -> tuple[Bid | None, float]:
        """What a provider offers for an order, and its rate as a number."""
        rules, order = self.rules, deployment.book.order
        rivals = [rate for other, rate in self._last.items() if other != row]
        ask = float(self.hosts.book.ask[row])
        rate = self.pricing.rate(
            ask,
            self.hosts.marginal_cost,
            deployment.gpus,
            deployment.tenant.wanted,
            rivals,
            float(order.max_price),
        )
        if rate is None or rate <= 0:
            return None, math.nan
        return rules.bid(f"{self.name}[{row}]", rate, self.network.rules.orders.deposit), float(rate)

    # -- leases ----------------------------------------------------------------------------------------------

    def _lease(self, deployment: Deployment, provider: str, rate: float, row: int) -> None:
        """The tenant accepts a bid: GPUs are taken and paid for by the block from now on."""
        deployment.book, refusal = accept_bid(deployment.book, provider)
        assert refusal is None, "an open order takes an open bid"
        now, height = self.world.env.now, self.height
        account = deployment.account
        if account is None:
            account = escrow_open([deployment.deposit], [rate], height)
        else:
            account = escrow_add_payment(account, rate, height)
        deployment.account, deployment.rate, deployment.host = account, rate, row
        deployment.paid, deployment.counted = 0, now
        if not deployment.careless:
            self._top_up(deployment)
        self._take(row, deployment.gpus)
        self._last[row] = rate / deployment.gpus
        self.live.append(deployment)
        deployment.tenant.leased(deployment, now - deployment.since)
        self._count(deployment, started=1, wait_days=now - deployment.since)

    def _take(self, row: int, gpus: int) -> None:
        self._busy[row] += gpus
        self.world.compute.let(self.hosts.pools[int(self.hosts.book.place[row])], gpus)

    def _count(self, deployment: Deployment, **amounts: float) -> None:
        """Count the hours of a lease up to now, and more of it, among the network's sales."""
        now, hosts = self.world.env.now, self.hosts
        hours = (now - deployment.counted) * HOURS * deployment.gpus
        deployment.counted = now
        hosts.sold_hours += hours
        hosts.book.value[deployment.host] += amounts.get("revenue", 0) / MICRO
        job_class = deployment.tenant.job_class
        self.world.compute.sell(self.network.venue, job_class, gpu_hours=hours, **amounts)

    def _collect(self, deployment: Deployment, account: LeaseAccount, **amounts: float) -> None:
        """Take over the account as settled: what its last payment has paid out goes to the host."""
        payment = account.payments[-1]
        more = payment.withdrawn - deployment.paid
        deployment.account, deployment.paid = account, payment.withdrawn
        paid = self._epoch.reserved if deployment.reserved else self._epoch.spot
        paid[deployment.host] += more
        self._epoch.unpaid += payment.unsettled if payment.state == "overdrawn" else 0
        self._count(deployment, revenue=more, **amounts)

    def _release(self, deployment: Deployment) -> None:
        """The lease is over: its GPUs are free, and orders that wait may have them."""
        self.live.remove(deployment)
        self._take(deployment.host, -deployment.gpus)
        deployment.host = -1

    def _serve_waiting(self) -> None:
        if not self.waiting:
            return
        online = self._online()
        for deployment in list(self.waiting):
            if self._served(deployment, online):
                self.waiting.remove(deployment)

    def finish(self, deployment: Deployment, why: str = "done") -> None:
        """The tenant closes lease and deployment; what is left of its deposits returns."""
        assert deployment.account is not None
        self._collect(deployment, escrow_close(deployment.account, self.height), completed=1)
        deployment.book, _ = close_lease(deployment.book)
        self._release(deployment)
        deployment.tenant.ended(deployment, why)
        self._serve_waiting()

    def move(self, deployment: Deployment) -> None:
        """The tenant closes the lease but not the deployment: a new order opens at once."""
        deployment.book, _ = close_lease(deployment.book)
        self._interrupt(deployment, reopened(deployment.book))

    def _interrupt(self, deployment: Deployment, order: OrderBook | None) -> None:
        """A lease is over before its tenant is done, who goes on under another order if there can be one."""
        assert deployment.account is not None
        index = len(deployment.account.payments) - 1
        self._collect(deployment, escrow_close_payment(deployment.account, index, self.height))
        self._release(deployment)
        if order is None or deployment.account.state == "overdrawn":
            deployment.tenant.ended(deployment, "exhausted")
        else:
            deployment.book = order
            self.tender(deployment)
        self._serve_waiting()

    # -- once an epoch ---------------------------------------------------------------------------------------

    def settle(self) -> Leased:
        """Providers withdraw, tenants top up, leases end that cannot go on; returns what was paid."""
        self._grow()
        online = self._online() if self.live else np.zeros(0, dtype=bool)
        for deployment in list(self.live):
            self._settle(deployment, online)
        self._serve_waiting()
        epoch, self._epoch = self._epoch, _Epoch()
        n = len(self._busy)
        spot, reserved = (
            np.bincount(list(paid), list(paid.values()), n).astype(np.int64)
            if paid
            else np.zeros(n, dtype=np.int64)
            for paid in (epoch.spot, epoch.reserved)
        )
        return Leased(spot, reserved, epoch.unpaid)

    def _settle(self, deployment: Deployment, online: Bools) -> None:
        assert deployment.account is not None
        index = len(deployment.account.payments) - 1
        self._collect(deployment, escrow_withdraw(deployment.account, index, self.height))
        if deployment.account.state == "overdrawn":
            deployment.book = exhaust_escrow(deployment.book)
            self._release(deployment)
            deployment.tenant.ended(deployment, "exhausted")
            return
        if not deployment.careless:
            self._top_up(deployment)
        self._look_after(deployment, online)

    def _top_up(self, deployment: Deployment) -> None:
        """A careful tenant keeps two epochs' rent in escrow."""
        assert deployment.account is not None
        while deployment.account.funds < 2 * deployment.rate * self.network.blocks:
            more = max(deployment.deposit, 1)
            deployment.account = escrow_deposit(deployment.account, more, self.height)

    def _look_after(self, deployment: Deployment, online: Bools) -> None:
        """A host that gives notice reclaims its GPUs; one that has gone, or is dark, loses its tenant."""
        row, book, now = deployment.host, self.hosts.book, self.world.env.now * HOURS
        provider = f"{self.name}[{row}]"
        if book.leaves[row] > 0 and deployment.book.lease == "active":
            deployment.book, _ = start_reclaim(deployment.book, now)
        if not book.alive[row]:
            deployment.book, refusal = close_bid(deployment.book, provider, now)
            if refusal is not None:  # gone before its notice was over: the tenant closes
                self.move(deployment)
            else:  # no order follows of itself: the tenant deploys anew
                self._interrupt(deployment, OrderBook(deployment.book.order))
        elif not online[row]:
            self.move(deployment)

    @property
    def gpus_let(self) -> int:
        """GPUs under lease."""
        return int(self._busy.sum())
