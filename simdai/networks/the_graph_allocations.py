"""The Graph's allocations on the clock: proofs of indexing, what they pay, and how stake is spread anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.indexing import Poi, legacy_close, poi_outcome, water_filling
from simdai.networks.the_graph_rewards import Ints, whole_zeros
from simdai.networks.the_graph_rules import WEI, Horizon, Legacy, Objects
from simdai.networks.the_graph_staking import SECONDS_PER_DAY

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["Allocations"]

Floats = NDArray[np.float64]

PRECISION = 2**53  # of the shares in which a capacity is cut
DROPPED = 0.5  # share of the subgraphs that do not pay which an indexer gives up before it looks again


class Allocations:
    """Who has allocated what since when. Sizes are `Rewards.tokens`; `tokens` repeats them as floats.

    An indexer presents the proofs of all its allocations together.
    """

    def __init__(self, network: TheGraphNetwork, indexers: int, subgraphs: int) -> None:
        self.network = network
        self.tokens: Floats = np.zeros((indexers, subgraphs))
        """GRT by indexer and subgraph."""
        self._created = np.zeros((indexers, subgraphs), dtype=np.int64)  # epoch
        self._proved_s = [0] * indexers  # when proofs were presented last, or allocations opened

    def open_on(self, i: int) -> Ints:
        """Subgraphs on which an indexer has allocated."""
        return np.flatnonzero(self.tokens[i])

    # -- proofs ----------------------------------------------------------------------------------------------

    def prove(self, i: int) -> int:
        """Present the proofs of all allocations of an indexer; returns the wei of rewards that it may take.

        In the legacy protocol that closes them.
        """
        network, js = self.network, self.open_on(i)
        if not len(js):
            self._proved_s[i] = network.chain.seconds
            return 0
        outcomes = self._outcomes(i, js)
        take = js[[outcomes[j].action == "take" for j in js.tolist()]]
        lost = js[[outcomes[j].action == "reclaim" for j in js.tolist()]]
        rewards, block = network.rewards, network.chain.block
        reward = self._taken(i, take)
        rewards.forfeited += int(rewards.clear(block, i, lost).sum()) if len(lost) else 0
        rewards.paid += reward
        self._proved_s[i] = network.chain.seconds
        if isinstance(network.protocol, Legacy):
            self._set(i, np.concatenate([take, lost]), whole_zeros(len(take) + len(lost)))
        else:
            self._shed(i, np.concatenate([take, lost]))
        return reward

    def wind_up(self, i: int) -> int:
        """Take the rewards of all allocations, young ones too, and close them; returns the wei."""
        js = self.open_on(i)
        reward = self._taken(i, js)
        self.network.rewards.paid += reward
        self.close(i)
        return reward

    def _taken(self, i: int, js: Ints) -> int:
        """Wei that proofs pay; nothing to those who are not eligible, nor for a subgraph that is denied."""
        if not len(js):
            return 0
        rewards = self.network.rewards
        earned = rewards.clear(self.network.chain.block, i, js)
        paid = earned[~rewards.denied[js]].sum() if self.network.oracles.eligible(i) else 0
        rewards.forfeited += int(earned.sum() - paid)
        return int(paid)

    def _outcomes(self, i: int, js: Ints) -> dict[int, Poi]:
        """What becomes of the proofs on ``js``.

        A legacy allocation that cannot be closed yet is deferred; one that stayed open too long has been
        closed by somebody else.
        """
        chain, protocol, epoch = self.network.chain, self.network.protocol, self.network.chain.epoch
        created, denied = self._created[i, js].tolist(), self.network.rewards.denied[js].tolist()
        known: dict[tuple[int, bool], Poi] = {}
        for key in set(zip(created, denied, strict=True)):
            if isinstance(protocol, Legacy):
                known[key] = self._legacy_outcome(key[0], protocol.max_allocation_epochs)
            else:
                assert isinstance(protocol, Horizon)
                known[key] = poi_outcome(
                    now_s=chain.seconds,
                    last_s=self._proved_s[i],
                    created_epoch=key[0],
                    epoch=epoch,
                    max_staleness_s=protocol.max_poi_staleness * SECONDS_PER_DAY,
                    denied=key[1],
                )
        return dict(zip(js.tolist(), (known[key] for key in zip(created, denied, strict=True)), strict=True))

    def _legacy_outcome(self, created: int, most: int) -> Poi:
        epoch = self.network.chain.epoch
        if epoch <= created:
            return Poi("young", "defer")
        in_time = epoch - created <= most
        return legacy_close(created_epoch=created, epoch=epoch, max_epochs=most, by_indexer=in_time)

    def _shed(self, i: int, js: Ints) -> None:
        """Horizon: an allocation that is proved while its indexer has allocated too much is emptied."""
        available, _ = self.network.stakes.capacity(i)
        tokens = self.network.rewards.tokens[i]
        over = int(tokens.sum()) - available
        if over <= 0:
            return
        before = np.cumsum(tokens[js]) - tokens[js]  # freed by the proofs before each
        emptied = js[(before < over).astype(bool)]
        self._set(i, emptied, whole_zeros(len(emptied)))

    # -- sizes -----------------------------------------------------------------------------------------------

    def spread_evenly(self, i: int) -> None:
        """Spread an indexer's capacity in proportion to signal, as if it knew nothing of the others."""
        network = self.network
        available, _ = network.stakes.capacity(i)
        signal = np.where(network.subgraphs.indexable(i), network.rewards.signal.astype(float), 0.0)
        total = signal.sum()
        self.put(i, signal / total * (available / WEI) if total else signal, available)

    def spread(self, i: int, costs: Floats, days: float) -> None:
        """Spread an indexer's capacity so that it earns most over ``days`` at ``costs`` (GRT) a subgraph."""
        network, rewards = self.network, self.network.rewards
        available, _ = network.stakes.capacity(i)
        js = np.flatnonzero(network.subgraphs.indexable(i))
        earning = js[~rewards.denied[js] & (rewards.signal[js] >= max(rewards.min_signal, 1)).astype(bool)]
        pot = rewards.per_block / WEI * network.chain.blocks(days) / max(rewards.total_signal, 1)
        worth = pot * rewards.signal[earning].astype(float)
        worth[worth <= costs[earning]] = 0.0  # no part of it could pay
        others = np.maximum(self._allocated(earning) - self.tokens[i, earning], 0.0)
        sizes = np.zeros(len(self.tokens[i]))
        if available:
            sizes[earning] = water_filling(worth, others, available / WEI, costs[earning], dropped=DROPPED)
        self.put(i, sizes, available)

    def _allocated(self, js: Ints) -> Floats:
        allocated: Floats = self.network.rewards.allocated[js].astype(float) / WEI
        return allocated

    def put(self, i: int, sizes: Floats, available: int) -> None:
        """Give an indexer's allocations these sizes (GRT), cut to whole wei of what is ``available``.

        An allocation that could not be closed yet keeps its size.
        """
        rewards, kept = self.network.rewards, self._young(i)
        available -= int(rewards.tokens[i, kept].sum())
        sizes[kept] = 0.0
        total = max(float(sizes.sum()), available / WEI)
        shares = np.floor(sizes / total * PRECISION) if total else sizes
        wanted = shares.astype(np.int64).astype(object) * max(available, 0) // PRECISION
        wanted[kept] = rewards.tokens[i, kept]
        changed = np.flatnonzero((wanted != rewards.tokens[i]).astype(bool))
        if len(changed):
            self._set(i, changed, wanted[changed])

    def _young(self, i: int) -> Ints:
        """Legacy allocations that cannot be closed in their first epoch."""
        if not isinstance(self.network.protocol, Legacy):
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero((self.tokens[i] > 0) & (self._created[i] >= self.network.chain.epoch))

    def close(self, i: int) -> None:
        """Close all allocations; what proofs have not taken is lost."""
        js = self.open_on(i)
        if len(js):
            self._set(i, js, whole_zeros(len(js)))

    def _set(self, i: int, js: Ints, sizes: Objects) -> None:
        network = self.network
        rewards, block = network.rewards, network.chain.block
        closed = js[(sizes == 0).astype(bool)]
        if len(closed):
            rewards.forfeited += int(rewards.clear(block, i, closed).sum())
            network.payments.end(i, closed)
        opened = js[(rewards.tokens[i, js] == 0).astype(bool)]
        self._created[i, opened] = network.chain.epoch
        rewards.resize(block, i, js, sizes)
        self.tokens[i, js] = sizes.astype(float) / WEI

    def restart(self, i: int, sizes: Objects) -> None:
        """Open allocations of these sizes under another protocol; their time begins now."""
        self._proved_s[i] = self.network.chain.seconds
        js = np.flatnonzero((sizes > 0).astype(bool))
        self._created[i, js] = self.network.chain.epoch
        if len(js):
            self._set(i, js, sizes[js])
