"""The Graph's indexing-reward accumulators, in wei, block by block.

The contract keeps three running sums instead of looping over indexers: issuance per signalled token, rewards
per subgraph, rewards per allocated token. This module is that bookkeeping as a frozen value: every hook
returns a new book.

Source: graphprotocol/contracts@687d928b (2026-08-03),
packages/contracts/contracts/rewards/RewardsManager.sol. Regime: linear issuance (GIP-0037, GIP-0043: since
2023) with the reclaim rules of the 2026 code.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simdai.mechanisms._exact import amounts, whole

__all__ = [
    "AllocationRewards",
    "RewardBook",
    "SubgraphRewards",
    "indexing_rewards",
    "per_unit",
    "units_worth",
]

SCALE = 10**18
"""Fixed point of the accumulators (FIXED_POINT_SCALING_FACTOR)."""


def per_unit(wei: Any, tokens: Any) -> Any:
    """Growth of an accumulator when ``wei`` are shared by ``tokens`` > 0 [1e-18 wei per wei], rounded down.

    Both are ints, or NumPy arrays of Python ints. Issuance by signal, and rewards of a subgraph by
    allocation.
    """
    return wei * SCALE // tokens


def units_worth(growth: Any, tokens: Any) -> Any:
    """Wei that ``tokens`` earned while their accumulator grew by ``growth``, rounded down.

    Both are ints, or NumPy arrays of Python ints. Rewards of a subgraph by its signal, and of an allocation
    by its size.
    """
    return growth * tokens // SCALE


@dataclass(frozen=True)
class SubgraphRewards:
    """What the contract knows of one subgraph.

    Parameters
    ----------
    signal, allocated : int [wei], tokens in its curation pool (collected fees included), tokens allocated to
        it
    denied : bool, on the deny list of the availability oracle
    per_signal : int [1e-18 wei per wei], global accumulator at its last update
    accrued : int [wei], rewards handed to its allocations so far
    per_token : int [1e-18 wei per wei], accumulator per allocated token
    reclaimed : int [wei], rewards that no allocation may have
    """

    signal: int = 0
    allocated: int = 0
    denied: bool = False
    per_signal: int = 0
    accrued: int = 0
    per_token: int = 0
    reclaimed: int = 0


@dataclass(frozen=True)
class AllocationRewards:
    """What the contract knows of one allocation.

    Parameters
    ----------
    subgraph : the subgraph it serves
    tokens : int [wei], its size
    per_token : int [1e-18 wei per wei], the subgraph's accumulator when rewards were last settled
    pending : int [wei], earned before a resize and not yet taken
    paid, reclaimed : int [wei], taken so far, lost so far
    is_open : bool
    """

    subgraph: Hashable
    tokens: int
    per_token: int
    pending: int = 0
    paid: int = 0
    reclaimed: int = 0
    is_open: bool = True


@dataclass(frozen=True)
class RewardBook:
    """Accumulators of all subgraphs at one block; every method returns a new book.

    Each hook first brings the accumulators to its block under the *old* signal, allocation and status, then
    changes them. Blocks in which a subgraph has signal but no allocation, too little signal, or is denied are
    reclaimed, never paid later. Every division floors, so the number of updates is part of the result.

    Parameters
    ----------
    issuance_per_block : int [wei]
    min_signal : int [wei], signal below which a subgraph earns nothing
    block : int, the last update
    per_signal : int [1e-18 wei per wei], rho: issuance per signalled token so far
    unclaimable : int [wei], issuance of blocks without any signal
    subgraphs, allocations : states by name

    Notes
    -----
    Source: RewardsManager.sol (see the module). The contract mints what is reclaimed to a treasury where one
    is set; here the amount is counted and the caller decides.
    """

    issuance_per_block: int
    min_signal: int = 0
    block: int = 0
    per_signal: int = 0
    unclaimable: int = 0
    subgraphs: Mapping[Hashable, SubgraphRewards] = field(default_factory=dict)
    allocations: Mapping[Hashable, AllocationRewards] = field(default_factory=dict)

    @property
    def total_signal(self) -> int:
        """Tokens in the curation contract, wei."""
        return sum(s.signal for s in self.subgraphs.values())

    @property
    def accrued(self) -> int:
        """Rewards handed to the allocations of all subgraphs, wei."""
        return sum(s.accrued for s in self.subgraphs.values())

    @property
    def paid(self) -> int:
        """Rewards taken by all allocations, wei."""
        return sum(a.paid for a in self.allocations.values())

    @property
    def reclaimed(self) -> int:
        """Rewards reclaimed from subgraphs and from allocations, wei; :attr:`unclaimable` not included."""
        subgraphs = sum(s.reclaimed for s in self.subgraphs.values())
        return subgraphs + sum(a.reclaimed for a in self.allocations.values())

    def claimable(self, allocation: Hashable) -> int:
        """Wei that ``allocation`` would take at the book's block."""
        held = self.allocations[allocation]
        if not held.is_open:
            return 0
        per_token = self.subgraphs[held.subgraph].per_token - held.per_token
        return held.pending + int(units_worth(per_token, held.tokens))

    def earned(self, allocation: Hashable) -> int:
        """Wei taken by ``allocation`` so far, and claimable."""
        return self.allocations[allocation].paid + self.claimable(allocation)

    def advance(self, block: int) -> RewardBook:
        """Bring the global accumulator to ``block``; ValueError when it lies in the past."""
        if not block >= self.block:
            raise ValueError(
                f"block {block} comes after block {self.block}; give events in the order of blocks"
            )
        issued = self.issuance_per_block * (block - self.block)
        signal = self.total_signal
        if signal == 0:
            return replace(self, block=block, unclaimable=self.unclaimable + issued)
        return replace(self, block=block, per_signal=self.per_signal + per_unit(issued, signal))

    def update(self, block: int, subgraph: Hashable) -> RewardBook:
        """Bring one subgraph to ``block``: its share of issuance goes to its allocations or is reclaimed."""
        book = self.advance(block)
        state = book.subgraphs.get(subgraph) or SubgraphRewards(per_signal=book.per_signal)
        return book._with_subgraph(subgraph, book._updated(state))

    def settle(self, block: int) -> RewardBook:
        """Bring every subgraph to ``block``."""
        book = self.advance(block)
        return replace(book, subgraphs={name: book._updated(state) for name, state in book.subgraphs.items()})

    def signal(self, block: int, subgraph: Hashable, tokens: int) -> RewardBook:
        """Add ``tokens`` wei to the curation pool (mint, collected fees); negative: take them out (burn)."""
        book = self.update(block, subgraph)
        state = book.subgraphs[subgraph]
        signal = state.signal + whole(tokens=tokens)[0]
        if signal < 0:
            raise ValueError(f"subgraph {subgraph!r} holds {state.signal} wei of signal; cannot add {tokens}")
        return book._with_subgraph(subgraph, replace(state, signal=signal))

    def deny(self, block: int, subgraph: Hashable, denied: bool = True) -> RewardBook:
        """Put a subgraph on the deny list (rewards from now on are reclaimed), or take it off."""
        book = self.update(block, subgraph)
        return book._with_subgraph(subgraph, replace(book.subgraphs[subgraph], denied=denied))

    def allow(self, block: int, subgraph: Hashable) -> RewardBook:
        """Take a subgraph off the deny list."""
        return self.deny(block, subgraph, denied=False)

    def allocate(self, block: int, allocation: Hashable, subgraph: Hashable, tokens: int) -> RewardBook:
        """Open ``allocation`` of ``tokens`` wei on ``subgraph``; names are used once."""
        if allocation in self.allocations:
            raise ValueError(f"allocation {allocation!r} exists already")
        (tokens,) = amounts(tokens=tokens)
        book = self.update(block, subgraph)
        opened = AllocationRewards(subgraph, tokens, book.subgraphs[subgraph].per_token)
        return book._with_allocation(allocation, opened)._allocated(subgraph, tokens)

    def resize(self, block: int, allocation: Hashable, tokens: int) -> RewardBook:
        """Change the size of an open allocation; what it earned stays pending (Horizon)."""
        held = self._open(allocation)
        (tokens,) = amounts(tokens=tokens)
        book = self.update(block, held.subgraph)
        per_token = book.subgraphs[held.subgraph].per_token
        resized = replace(held, tokens=tokens, per_token=per_token, pending=book.claimable(allocation))
        return book._with_allocation(allocation, resized)._allocated(held.subgraph, tokens - held.tokens)

    def take(self, block: int, allocation: Hashable) -> RewardBook:
        """Pay what an open allocation earned; on a denied subgraph all of it is reclaimed instead.

        Horizon's service does not take on a denied subgraph but waits, so nothing is lost if the denial ends
        in time (:func:`~simdai.mechanisms.indexing.poi_outcome`).
        """
        book = self.update(block, self._open(allocation).subgraph)
        held = book.allocations[allocation]
        return book._clear(allocation, paid=not book.subgraphs[held.subgraph].denied)

    def reclaim(self, block: int, allocation: Hashable) -> RewardBook:
        """Forfeit what an open allocation earned: stale or zero proof of indexing."""
        return self.update(block, self._open(allocation).subgraph)._clear(allocation, paid=False)

    def close(self, block: int, allocation: Hashable) -> RewardBook:
        """Take, then close. To close without reward, :meth:`reclaim` first."""
        book = self.take(block, allocation)
        held = book.allocations[allocation]
        book = book._with_allocation(allocation, replace(held, is_open=False))
        return book._allocated(held.subgraph, -held.tokens)

    def _updated(self, state: SubgraphRewards) -> SubgraphRewards:
        rewards = units_worth(self.per_signal - state.per_signal, state.signal)
        if state.denied or state.signal < self.min_signal or state.allocated == 0:
            return replace(state, per_signal=self.per_signal, reclaimed=state.reclaimed + rewards)
        return replace(
            state,
            per_signal=self.per_signal,
            accrued=state.accrued + rewards,
            per_token=state.per_token + per_unit(rewards, state.allocated),
        )

    def _open(self, allocation: Hashable) -> AllocationRewards:
        held = self.allocations.get(allocation)
        if held is None or not held.is_open:
            raise ValueError(f"no open allocation {allocation!r}")
        return held

    def _clear(self, allocation: Hashable, paid: bool) -> RewardBook:
        held, rewards = self.allocations[allocation], self.claimable(allocation)
        per_token = self.subgraphs[held.subgraph].per_token
        cleared = replace(
            held,
            per_token=per_token,
            pending=0,
            paid=held.paid + (rewards if paid else 0),
            reclaimed=held.reclaimed + (0 if paid else rewards),
        )
        return self._with_allocation(allocation, cleared)

    def _allocated(self, subgraph: Hashable, tokens: int) -> RewardBook:
        state = self.subgraphs[subgraph]
        return self._with_subgraph(subgraph, replace(state, allocated=state.allocated + tokens))

    def _with_subgraph(self, name: Hashable, state: SubgraphRewards) -> RewardBook:
        return replace(self, subgraphs={**self.subgraphs, name: state})

    def _with_allocation(self, name: Hashable, state: AllocationRewards) -> RewardBook:
        return replace(self, allocations={**self.allocations, name: state})


ACTIONS: Mapping[str, Callable[..., RewardBook]] = {
    "signal": RewardBook.signal,
    "deny": RewardBook.deny,
    "allow": RewardBook.allow,
    "allocate": RewardBook.allocate,
    "resize": RewardBook.resize,
    "take": RewardBook.take,
    "reclaim": RewardBook.reclaim,
    "close": RewardBook.close,
}


def indexing_rewards(
    issuance_per_block: int, events: Iterable[tuple[Any, ...]], end_block: int, min_signal: int = 0
) -> RewardBook:
    """Reward accumulators up to ``end_block``, from an empty book at block 0.

    Parameters
    ----------
    issuance_per_block : int [wei]
    events : in the order of blocks (ties: as given), each a tuple that starts with its block and its action:
        ``(block, "signal", subgraph, wei)`` (change of the pool, negative for a burn),
        ``(block, "allocate", allocation, subgraph, wei)``, ``(block, "resize", allocation, wei)``,
        ``(block, "deny", subgraph)``, ``(block, "allow", subgraph)``,
        ``(block, "take", allocation)``, ``(block, "reclaim", allocation)``, ``(block, "close", allocation)``
    end_block : int, at or after the last event
    min_signal : int [wei], signal below which a subgraph earns nothing

    Returns
    -------
    RewardBook : every subgraph brought to ``end_block``. ``per_signal`` is rho, ``subgraphs[j].per_token`` is
        a_j (both integers at 1e18 scale); ``earned(allocation)``, ``paid``, ``reclaimed`` and ``unclaimable``
        are wei

    Raises
    ------
    ValueError : an unknown action, events out of order, an allocation that does not exist, an amount that is
        negative or not whole

    Notes
    -----
    accrued + reclaimed from subgraphs + unclaimable <= issuance_per_block * end_block; what is missing is
    lost to floors. Source: RewardsManager.sol, graphprotocol/contracts@687d928b (2026-08-03).
    """
    issuance, least = amounts(issuance_per_block=issuance_per_block, min_signal=min_signal)
    book = RewardBook(issuance, least)
    for block, action, *arguments in events:
        if action not in ACTIONS:
            raise ValueError(f"unknown action {action!r}; expected one of: {', '.join(ACTIONS)}")
        book = ACTIONS[action](book, block, *arguments)
    return book.settle(end_block)
