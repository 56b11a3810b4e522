"""Query fees of The Graph: customers pay the gateway, indexers collect from its escrow."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from simdai.economy.ledger import WORLD
from simdai.networks.the_graph_rewards import Ints, whole_zeros
from simdai.networks.the_graph_rules import WEI, Horizon, Objects, QueryFees

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["FeeWatcher", "Payments"]

MICRO = 10**6
SUMS = ("queries", "right", "burned", "protocol", "curators", "delegators", "indexers")

Floats = NDArray[np.float64]


class FeeWatcher(Protocol):
    """Somebody who acts around the collection of fees, in its block."""

    def before_fees(self, js: Ints, curators: Objects) -> None:
        """Pools ``js`` are about to get ``curators`` wei."""

    def after_fees(self) -> None:
        """They have got them."""


class Payments:
    """The gateway: it chooses indexers, buys GRT, and owes every indexer what its answers were worth.

    Accounts: ``NAME.gateway`` (USD) and ``NAME.escrow``. Receipts are counted in GRT by indexer and subgraph.
    """

    def __init__(self, network: TheGraphNetwork, indexers: int, subgraphs: int) -> None:
        self.network, world = network, network.world
        self.gateway = f"{network.name}.gateway"
        world.ledger.open(self.gateway)
        self.escrow = network.accounts.open("escrow")
        self.receipts: Floats = np.zeros((indexers, subgraphs))
        self.success: Floats = np.ones(subgraphs)
        """Share of queries that were answered rightly since the gateway settled last, by subgraph."""
        self.paid_share: Floats = np.ones(subgraphs)
        """Share of queries that were answered at all, and paid for."""
        self.vouchers: defaultdict[int, int] = defaultdict(lambda: 1)
        """Vouchers into which an indexer cuts the fees of an allocation."""
        self.watchers: list[FeeWatcher] = []
        self.sums = dict.fromkeys(SUMS, 0.0)
        """Since the start: queries, those answered rightly, GRT of query fees by receiver. What is burned
        before everything else, ``protocol``, is part of ``burned``."""
        self._collected = whole_zeros(indexers, subgraphs)  # by this allocation, net of the first two cuts
        self._claims: list[deque[tuple[int, int]]] = [deque() for _ in range(indexers)]  # block, wei locked
        self._settled = 0.0

    # -- customers -------------------------------------------------------------------------------------------

    def route(self) -> Floats:
        """Share of each subgraph's queries that every indexer gets, (indexers, subgraphs)."""
        network, indexers = self.network, self.network.indexers
        if not network.foundation["gateway"]:
            return np.zeros_like(self.receipts)
        better = np.exp(network.rules.gateway.quality_sensitivity * (indexers.quality - 1.0))
        weights = (network.allocations.tokens > 0) * (better * indexers.up)[:, None]
        total = weights.sum(axis=0)
        shares: Floats = weights / np.where(total > 0, total, 1.0)
        return shares

    def settle(self) -> None:
        """Serve the queries since the last time: customers pay, the gateway buys GRT and gives receipts."""
        network, world, indexers = self.network, self.network.world, self.network.indexers
        days = world.env.now - self._settled
        self._settled = world.env.now
        answered = self.route() * indexers.quality[:, None]
        self.paid_share = answered.sum(axis=0)
        self.success = (answered * ~indexers.forging[:, None]).sum(axis=0)
        queries = network.subgraphs.queries * days
        worth = queries * answered
        paid = float(worth.sum())
        self.sums["queries"] += float(queries.sum())
        self.sums["right"] += float(queries @ self.success)
        amount = round(paid * world.on(network.rules.gateway.price) / world.scale * MICRO)
        usd = amount / MICRO * world.scale
        network.sums["revenue_usd"] += usd
        network.token.note_fees(amount / MICRO, days)
        if amount:
            world.ledger.transfer(amount, "USD", WORLD, self.gateway)
            self.receipts += worth * (network.accounts.buy(amount, self.gateway, self.escrow) / WEI / paid)

    def fee_rate(self) -> Floats:
        """GRT of query fees a day that each subgraph brings at present."""
        price = self.network.world.on(self.network.rules.gateway.price) / self.network.token.price
        rate: Floats = self.network.subgraphs.queries * self.paid_share * price
        return rate

    # -- indexers --------------------------------------------------------------------------------------------

    def collect(self, i: int) -> int:
        """Let an indexer collect its receipts; returns the wei that are its own."""
        js, gross = self._due(i)
        if not len(js):
            return 0
        parts = self._parts(i, js, gross)
        for watcher in self.watchers:
            watcher.before_fees(js, parts.curators)
        self._pay(i, js, parts)
        self._lock(i, int(gross.sum()))
        for watcher in self.watchers:
            watcher.after_fees()
        return int(parts.indexer.sum())

    def _due(self, i: int) -> tuple[Ints, Objects]:
        """Subgraphs on which fees are collected now, and how much; stake and escrow bound it."""
        left = self.network.accounts.wei[self.escrow]
        factor = self.network.protocol.locked_by_fees(1)
        if factor:
            available, _ = self.network.stakes.capacity(i)
            left = min(left, max(available - self.locked(i), 0) // factor)
        js = np.flatnonzero(self.receipts[i] * WEI >= 1.0)
        gross = np.array([int(wei) for wei in (self.receipts[i, js] * WEI).tolist()], dtype=object)
        if gross.sum() > left:
            before = np.cumsum(gross) - gross
            gross = np.minimum(gross, np.maximum(left - before, 0))
            js, gross = js[(gross > 0).astype(bool)], gross[(gross > 0).astype(bool)]
        self.receipts[i, js] = np.maximum(self.receipts[i, js] - gross.astype(float) / WEI, 0.0)
        return js, gross

    def _parts(self, i: int, js: Ints, gross: Objects) -> QueryFees:
        """Parts of the fees, which come in as many vouchers as the indexer likes."""
        network, n = self.network, self.vouchers[i]
        sums = [whole_zeros(len(js)) for _ in QueryFees._fields]
        for k in range(n):
            voucher = gross // n + (k < gross % n)
            paid = np.flatnonzero((voucher > 0).astype(bool))
            parts = network.protocol.fee_parts(
                voucher[paid],
                network.indexers.fees_kept[i],
                (network.pools.shares[js[paid]] > 0).astype(bool),
                network.stakes.pools[i]["shares"] > 0,
                network.rewards.tokens[i, js[paid]],
                self._collected[i, js[paid]],
            )
            self._collected[i, js[paid]] += parts.net
            for total, part in zip(sums, parts, strict=True):
                total[paid] += part
        return QueryFees(*sums)

    def _pay(self, i: int, js: Ints, parts: QueryFees) -> None:
        network, accounts = self.network, self.network.accounts
        burned, curators, delegators, indexer = (int(part.sum()) for part in parts[:4])
        accounts.burn(burned, self.escrow)
        network.pools.collect(js, parts.curators, self.escrow)
        accounts.move(delegators, self.escrow, network.stakes.account)
        network.stakes.add(i, 0, delegators)
        accounts.move(indexer, self.escrow, network.indexers.wallets[i])
        protocol = burned + delegators + indexer - int(parts.net.sum())
        amounts = burned, protocol, curators, delegators, indexer
        for what, wei in zip(SUMS[2:], amounts, strict=True):
            self.sums[what] += wei / WEI

    def end(self, i: int, js: Ints) -> None:
        """Allocations on ``js`` are closed; the next ones begin without fees collected."""
        self._collected[i, js] = 0

    # -- stake locked by fees --------------------------------------------------------------------------------

    def _lock(self, i: int, gross: int) -> None:
        protocol, chain = self.network.protocol, self.network.chain
        if isinstance(protocol, Horizon):
            due = chain.block + chain.blocks(protocol.thawing)
            self._claims[i].append((due, protocol.locked_by_fees(gross)))

    def locked(self, i: int) -> int:
        """Wei of an indexer's stake that collected fees lock now."""
        claims, block = self._claims[i], self.network.chain.block
        while claims and claims[0][0] <= block:
            claims.popleft()
        return sum(wei for _, wei in claims)
