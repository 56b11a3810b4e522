"""The Graph's rewards manager on the clock: the accumulators of subgraphs and allocations, in whole wei."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.indexing_book import per_unit, units_worth
from simdai.networks.the_graph_rules import Objects

__all__ = ["Ints", "Rewards", "whole_zeros"]

Ints = NDArray[np.int64]


def whole_zeros(*shape: int) -> Objects:
    """An array of the Python integer zero."""
    array = np.empty(shape, dtype=object)
    array[...] = 0
    return array


class Rewards:
    """The bookkeeping of :class:`~simdai.mechanisms.indexing_book.RewardBook` in columns, changed in place.

    The arithmetic is the book's own. One allocation of each indexer on each subgraph; a closed one has no
    tokens. Every method first brings the accumulators of the subgraphs it touches to its block.

    Parameters
    ----------
    indexers, subgraphs : how many
    per_block, min_signal : wei
    """

    def __init__(self, indexers: int, subgraphs: int, per_block: int, min_signal: int) -> None:
        self.per_block, self.min_signal = per_block, min_signal
        self.block = 0
        self.per_signal = 0
        self.unclaimable = 0
        self.issued = 0
        """Wei of all blocks so far."""
        self.total_signal = 0
        self.signal = whole_zeros(subgraphs)
        self.allocated = whole_zeros(subgraphs)
        self.denied = np.zeros(subgraphs, dtype=bool)
        self.accrued = whole_zeros(subgraphs)
        self.reclaimed = whole_zeros(subgraphs)
        self.per_token = whole_zeros(subgraphs)
        self._seen = whole_zeros(subgraphs)  # per_signal at the subgraph's last update
        self.tokens = whole_zeros(indexers, subgraphs)
        self.pending = whole_zeros(indexers, subgraphs)
        self._settled = whole_zeros(indexers, subgraphs)  # per_token when rewards were last settled
        self.paid = 0
        self.forfeited = 0
        """Wei that allocations took, and lost, so far."""
        self._updates = 0
        self._lost = 0  # wei: bound on what the floors of per_signal have lost

    # -- accumulators ----------------------------------------------------------------------------------------

    def advance(self, block: int) -> None:
        """Bring the global accumulator to ``block``."""
        assert block >= self.block, f"block {block} comes after block {self.block}"
        issued = self.per_block * (block - self.block)
        self.block = block
        if not issued:
            return
        self.issued += issued
        if self.total_signal == 0:
            self.unclaimable += issued
            return
        self.per_signal += per_unit(issued, self.total_signal)
        self._lost += units_worth(1, self.total_signal) + 1

    def update(self, block: int, js: Ints) -> None:
        """Bring subgraphs to ``block``: their shares of issuance go to their allocations or are reclaimed."""
        self.advance(block)
        js = js[(self._seen[js] != self.per_signal).astype(bool)]
        if not len(js):
            return
        signal, allocated = self.signal[js], self.allocated[js]
        rewards = units_worth(self.per_signal - self._seen[js], signal)
        self._seen[js] = self.per_signal
        self._updates += len(js)
        paid = self._earns(js)
        earning, rest = js[paid], js[~paid]
        self.reclaimed[rest] += rewards[~paid]
        self.accrued[earning] += rewards[paid]
        self.per_token[earning] += per_unit(rewards[paid], allocated[paid])

    def _earns(self, js: Ints) -> NDArray[np.bool_]:
        """Which subgraphs hand their rewards on: allocated, with enough signal, not denied."""
        enough = (self.signal[js] >= self.min_signal) & (self.allocated[js] > 0)
        earns: NDArray[np.bool_] = enough.astype(bool) & ~self.denied[js]
        return earns

    def idle(self) -> Ints:
        """Subgraphs with signal whose rewards nobody may have at present."""
        js = np.flatnonzero((self.signal > 0).astype(bool))
        return js[~self._earns(js)]

    def settle(self, block: int) -> None:
        """Bring every subgraph to ``block``."""
        self.update(block, np.arange(len(self.signal)))

    # -- changes ---------------------------------------------------------------------------------------------

    def change_rate(self, block: int, per_block: int, min_signal: int) -> None:
        """Issue ``per_block`` wei a block from ``block`` on, to subgraphs of ``min_signal``."""
        self.settle(block) if min_signal != self.min_signal else self.advance(block)
        self.per_block, self.min_signal = per_block, min_signal

    def add_signal(self, block: int, js: Ints, tokens: Objects) -> None:
        """Add wei to curation pools: deposits, collected fees; negative for what leaves them."""
        self.update(block, js)
        self.signal[js] += tokens
        self.total_signal += int(tokens.sum())

    def deny(self, block: int, j: int, denied: bool = True) -> None:
        """Put a subgraph on the deny list or take it off."""
        self.update(block, np.array([j]))
        self.denied[j] = denied

    def resize(self, block: int, i: int, js: Ints, tokens: Objects) -> None:
        """Change the sizes of allocations, or open them; what they earned stays pending."""
        self.update(block, js)
        self.pending[i, js] = self._claimable(i, js)
        self._settled[i, js] = self.per_token[js]
        self.allocated[js] += tokens - self.tokens[i, js]
        self.tokens[i, js] = tokens

    def clear(self, block: int, i: int, js: Ints) -> Objects:
        """Take off what allocations have earned; returns their wei, which the caller pays or forfeits."""
        self.update(block, js)
        earned = self._claimable(i, js)
        self.pending[i, js] = 0
        self._settled[i, js] = self.per_token[js]
        return earned

    def _claimable(self, i: int, js: Ints) -> Objects:
        growth = self.per_token[js] - self._settled[i, js]
        claimable: Objects = self.pending[i, js] + units_worth(growth, self.tokens[i, js])
        return claimable

    def claimable(self, i: int) -> Objects:
        """(subgraphs,) wei that an indexer's allocations could take at the subgraphs' last updates."""
        return self._claimable(i, np.arange(len(self.signal)))

    # -- reading ---------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Assert that nothing is created beyond the issuance, and that only floors lose any of it."""
        assert self.paid + self.forfeited <= int(self.accrued.sum())
        attributed = int(self.accrued.sum() + self.reclaimed.sum()) + self.unclaimable
        unseen = sum(units_worth(self.per_signal - self._seen, self.signal).tolist())
        lost = self.issued - attributed - unseen
        assert 0 <= lost <= self._lost + self._updates + len(self.signal), f"{lost} wei of issuance are lost"
        assert int(self.signal.sum()) == self.total_signal
        assert (self.tokens.sum(axis=0) == self.allocated).all()
