"""The Graph's staking contract on the clock: provisions, delegation pools, thawing, slashes; in whole wei."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simdai.economy.calendar import Calendar, Phase
from simdai.mechanisms.indexing import (
    allocation_capacity,
    delegate,
    delegation_tax,
    release,
    shrink,
    thaw,
    undelegate,
)
from simdai.networks.the_graph_rules import WEI, GraphProtocol, Horizon, Legacy, ppm
from simdai.networks.the_graph_tokens import GrtAccounts

__all__ = ["Chain", "Stakes"]

Pool = dict[str, int]

SECONDS_PER_DAY = 86_400

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Chain:
    """Blocks and epochs: block 0 comes with midnight of the scenario's first day.

    Parameters
    ----------
    calendar : tells the time
    block_seconds : of a block
    epoch_blocks : of an epoch
    """

    def __init__(self, calendar: Calendar, block_seconds: int, epoch_blocks: int) -> None:
        self.calendar, self.block_seconds, self.epoch_blocks = calendar, block_seconds, epoch_blocks

    @property
    def seconds(self) -> int:
        """Seconds since the start."""
        return round(self.calendar.now * SECONDS_PER_DAY)

    @property
    def block(self) -> int:
        """The block that was made last."""
        return self.seconds // self.block_seconds

    @property
    def epoch(self) -> int:
        return self.block // self.epoch_blocks

    def time(self, block: int) -> float:
        """Days from the start to a block."""
        return block * self.block_seconds / SECONDS_PER_DAY

    def blocks(self, days: float) -> int:
        """Whole blocks in some days, rounded up."""
        return -(-round(days * SECONDS_PER_DAY) // self.block_seconds)


class Stakes:
    """What every indexer has at stake, and what is delegated to it.

    The account ``NAME.staking`` holds all of it. ``own[i]`` and ``pools[i]`` are pools as of
    :mod:`~simdai.mechanisms.indexing_delegation`; in the legacy protocol what delegators have given back lies
    outside the pools, in ``locked``.
    """

    def __init__(self, accounts: GrtAccounts, chain: Chain, protocol: GraphProtocol, indexers: int) -> None:
        self.accounts, self.chain, self.protocol = accounts, chain, protocol
        self.account = accounts.open("staking")
        self.own: list[Pool] = [{"tokens": 0, "thawing": 0, "thawing_shares": 0} for _ in range(indexers)]
        self.pools: list[Pool] = [{**pool, "shares": 0} for pool in self.own]
        self.locked = 0
        self._voided = [[0, 0] for _ in range(indexers)]  # times a slash has ended all requests: own, pool

    # -- indexers --------------------------------------------------------------------------------------------

    def provision(self, i: int, wei: int, source: int) -> None:
        """Stake ``wei`` of the account ``source``."""
        self.accounts.move(wei, source, self.account)
        self.own[i]["tokens"] += wei

    def capacity(self, i: int) -> tuple[int, int]:
        """Wei that an indexer may allocate, and delegated wei that idle."""
        own, pool = self.own[i], self.pools[i]
        delegated = pool["tokens"] - pool["thawing"]
        available, idle = allocation_capacity(
            own["tokens"], own["thawing"], delegated, self.protocol.delegation_ratio
        )
        return int(available), int(idle)

    def active_grt(self, rows: Ints) -> tuple[Floats, Floats]:
        """GRT of own stake and of delegation that do not thaw, of some indexers."""
        own, pools = (
            np.array([(pools[i]["tokens"] - pools[i]["thawing"]) / WEI for i in rows.tolist()])
            for pools in (self.own, self.pools)
        )
        return own, pools

    def thaw(self, i: int, wei: int, target: int, then: Callable[[], None]) -> None:
        """Let own stake thaw; it reaches the account ``target`` when it is free, and ``then`` is called."""
        self.own[i], request = thaw(self.own[i], wei, round_up=True)
        protocol = self.protocol
        if isinstance(protocol, Legacy):
            wait = protocol.thawing_blocks
        else:
            assert isinstance(protocol, Horizon)
            wait = self.chain.blocks(protocol.thawing)
        free = partial(self._free_own, i, request, target, self._voided[i][0], then)
        self._at(self.chain.block + wait, free)

    def _free_own(self, i: int, request: int, target: int, voided: int, then: Callable[[], None]) -> None:
        if self._voided[i][0] == voided:
            self.own[i], wei = release(self.own[i], request)
            self.accounts.move(wei, self.account, target)
        then()

    # -- delegators ------------------------------------------------------------------------------------------

    def delegate(self, i: int, wei: int, source: int, taxed: bool = True) -> int:
        """Delegate ``wei`` of the account ``source``; returns the shares.

        The legacy tax is burned, but for what was delegated before the start.
        """
        tax = self._tax(wei) if taxed else 0
        self.accounts.burn(tax, source)
        self.pools[i], shares = delegate(self.pools[i], wei - tax, minimum=WEI)
        self.accounts.move(wei - tax, source, self.account)
        return shares

    def may_delegate(self, i: int, wei: int) -> bool:
        """Whether a delegation of ``wei`` is taken: enough is left of it, and the pool not slashed whole."""
        pool = self.pools[i]
        return wei - self._tax(wei) >= WEI and (pool["tokens"] > 0 or pool["shares"] == 0)

    def _tax(self, wei: int) -> int:
        protocol = self.protocol
        return delegation_tax(wei, ppm(protocol.delegation_tax)) if isinstance(protocol, Legacy) else 0

    def undelegate(self, i: int, shares: int, target: int) -> int:
        """Give back shares; their tokens reach the account ``target`` when free. Returns the wei."""
        self.pools[i], wei, request = undelegate(self.pools[i], shares)
        protocol, chain = self.protocol, self.chain
        if isinstance(protocol, Legacy):
            self.pools[i], wei = release(self.pools[i], request)
            self.locked += wei
            due = (chain.epoch + protocol.unbonding_epochs) * chain.epoch_blocks
            self._at(max(due, chain.block), partial(self._unlock, wei, target))
        else:
            assert isinstance(protocol, Horizon)
            due = chain.block + chain.blocks(protocol.thawing)
            self._at(due, partial(self._free, i, request, target, self._voided[i][1]))
        return wei

    def _free(self, i: int, request: int, target: int, voided: int) -> None:
        if self._voided[i][1] == voided:
            self.pools[i], wei = release(self.pools[i], request)
            self.accounts.move(wei, self.account, target)

    def _unlock(self, wei: int, target: int) -> None:
        self.locked -= wei
        self.accounts.move(wei, self.account, target)

    def worth(self, i: int, shares: int) -> int:
        """Wei of the pool that shares stand for."""
        pool = self.pools[i]
        return shares * (pool["tokens"] - pool["thawing"]) // pool["shares"] if shares else 0

    # -- income and loss -------------------------------------------------------------------------------------

    def add(self, i: int, own: int, delegated: int) -> None:
        """Book wei that the account has received as own stake and for the delegation pool."""
        self.own[i]["tokens"] += own
        self.pools[i]["tokens"] += delegated

    def snapshot(self, i: int) -> int:
        """Wei of own stake and delegation, thawing ones included."""
        return self.own[i]["tokens"] + self.pools[i]["tokens"]

    def slash(self, i: int, snapshot: int, fisherman: int) -> tuple[int, int, int]:
        """Slash an indexer for an accepted dispute: wei from own stake, from delegation, to the fisherman.

        Thawing stake loses in proportion, as Horizon has it.
        """
        own, delegated = self.own[i]["tokens"], self.pools[i]["tokens"]
        taken, others, reward = self.protocol.slashing.slashed(own, delegated, snapshot)
        for pools, loss, kind in ((self.own, taken, 0), (self.pools, others, 1)):
            thawing = pools[i]["thawing_shares"]
            pools[i] = shrink(pools[i], loss)
            self._voided[i][kind] += bool(thawing and not pools[i]["thawing_shares"])
        self.accounts.move(reward, self.account, fisherman)
        self.accounts.burn(taken + others - reward, self.account)
        return taken, others, reward

    def _at(self, block: int, action: partial[None]) -> None:
        self.chain.calendar.at(self.chain.time(block), Phase.EPOCHS, action)

    def check(self) -> None:
        """Assert that the contract holds what it owes."""
        owed = sum(pool["tokens"] for pool in (*self.own, *self.pools)) + self.locked
        held = self.accounts.wei[self.account]
        assert held == owed, f"the staking contract holds {held} wei and owes {owed}"
