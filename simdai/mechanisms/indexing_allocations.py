"""The Graph: the life of an allocation, disputes, the eligibility oracle, and where to allocate.

Source keys: GC = graphprotocol/contracts@687d928b (2026-08-03); the legacy contracts are read at 289772e4
(2024-05).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simdai.mechanisms._domain import non_negative, positive
from simdai.mechanisms.indexing_fees import MAX_PPM, check_ppm

__all__ = [
    "Dispute",
    "EligibilityRule",
    "Poi",
    "indexer_eligible",
    "is_stale",
    "legacy_close",
    "legacy_slash",
    "poi_outcome",
    "resolve_dispute",
    "water_filling",
]

Action = Literal["take", "reclaim", "defer"]


class Poi(NamedTuple):
    """Outcome of a proof of indexing.

    ``condition`` is one of ``"paid"``, ``"stale"``, ``"zero"``, ``"young"``, ``"denied"``; ``action`` what
    becomes of the rewards: ``"take"`` (paid), ``"reclaim"`` (forfeited) or ``"defer"`` (kept for a later
    proof).
    """

    condition: str
    action: Action


class Dispute(NamedTuple):
    """What happens to a dispute's deposit and reward, in the unit given."""

    fisherman: float
    burned: float


def is_stale(now_s: float, last_s: float, max_staleness_s: float) -> bool:
    """Return whether an open allocation is stale: too long since its creation or its last proof.

    Anyone may resize a stale allocation to 0. Times in unix seconds; the limit is 2,419,200 s (28 d) on
    Arbitrum One. Source: GC Allocation.sol ``isStale``. Raises ValueError when ``last_s`` lies after
    ``now_s``.
    """
    non_negative(elapsed=now_s - last_s)
    return now_s - last_s > max_staleness_s


def poi_outcome(
    *,
    now_s: float,
    last_s: float,
    created_epoch: int,
    epoch: int,
    max_staleness_s: float,
    zero: bool = False,
    denied: bool = False,
) -> Poi:
    """Outcome of presenting a proof of indexing (Horizon); every presentation restarts the staleness clock.

    Parameters
    ----------
    now_s, last_s : unix s, now and the later of creation and last proof
    created_epoch, epoch : epoch of creation, current epoch
    max_staleness_s : s, as in :func:`is_stale`
    zero : the proof is the zero hash
    denied : the subgraph is on the deny list

    Returns
    -------
    Poi : tests in the contract's order: stale and zero forfeit, young (epoch of creation) and denied defer,
        else paid

    Notes
    -----
    After payment or forfeit an over-allocated indexer's allocation is resized to 0. Source: GC
    AllocationHandler.sol ``presentPOI``.
    """
    if is_stale(now_s, last_s, max_staleness_s):
        return Poi("stale", "reclaim")
    if zero:
        return Poi("zero", "reclaim")
    if epoch <= created_epoch:
        return Poi("young", "defer")
    if denied:
        return Poi("denied", "defer")
    return Poi("paid", "take")


def legacy_close(
    *, created_epoch: int, epoch: int, max_epochs: int, zero: bool = False, by_indexer: bool = True
) -> Poi:
    """Outcome of closing a legacy allocation of more than zero tokens.

    An allocation runs at least one epoch. After ``max_epochs`` (28) anyone may close it, and its rewards are
    lost when somebody other than the indexer does, as they are when the proof of indexing is zero.

    Returns
    -------
    Poi : ``("paid", "take")``, or condition ``"zero"`` or ``"late"`` with ``"reclaim"``

    Raises
    ------
    ValueError : closed in the epoch of creation; closed by another before ``max_epochs`` have passed

    Notes
    -----
    The documents say that a late close forfeits. The contract pays an indexer that closes late before anybody
    else does. Rewards not distributed by the legacy contract were never minted. Source: Staking.sol
    ``_closeAllocation``, graphprotocol/contracts@289772e4 (2024-05).
    """
    epochs = epoch - created_epoch
    if epochs < 1:
        raise ValueError("an allocation cannot be closed in the epoch of its creation")
    if not by_indexer and epochs <= max_epochs:
        raise ValueError(
            f"open for {epochs} epochs: until {max_epochs} have passed only the indexer may close it"
        )
    if not by_indexer:
        return Poi("late", "reclaim")
    return Poi("zero", "reclaim") if zero else Poi("paid", "take")


def legacy_slash(stake_wei: int, slash_ppm: int, fisherman_ppm: int) -> tuple[int, int]:
    """Legacy slash of an indexer's own stake: (fisherman's reward, burned), wei.

    Both cuts round down; mainnet held 25,000 ppm of stake and 500,000 ppm of the slash (graph.mainnet.yml,
    GC). Delegators were never slashed. Source: GC packages/contracts DisputeManager.sol ``_slashIndexer``.
    Raises ValueError for a cut outside [0, 1e6] ppm or when the slash rounds to nothing.
    """
    check_ppm(slash_ppm=slash_ppm, fisherman_ppm=fisherman_ppm)
    slashed = stake_wei * slash_ppm // MAX_PPM
    if slashed <= 0:
        raise ValueError(f"stake_wei = {stake_wei!r}: a dispute must have tokens to slash")
    reward = slashed * fisherman_ppm // MAX_PPM
    return reward, slashed - reward


def resolve_dispute(verdict: str, deposit: float, reward: float = 0.0) -> Dispute:
    """What the fisherman gets and what is burned when a dispute ends.

    Parameters
    ----------
    verdict : ``"accepted"`` (deposit back, and the fisherman's part of the slash), ``"drawn"``,
        ``"cancelled"`` (deposit back), ``"rejected"`` (deposit burned)
    deposit : any unit; 10,000 GRT on Arbitrum One, and half of that for each of two conflicting attestations
    reward : fisherman's part of the slash, same unit; counts when accepted

    Raises
    ------
    ValueError : an unknown verdict, a negative amount

    Notes
    -----
    Source: GC subgraph-service DisputeManager.sol.
    """
    non_negative(deposit=deposit, reward=reward)
    match verdict:
        case "accepted":
            return Dispute(deposit + reward, 0)
        case "drawn" | "cancelled":
            return Dispute(deposit, 0)
        case "rejected":
            return Dispute(0, deposit)
    raise ValueError(f"unknown verdict {verdict!r}; expected one of: accepted, drawn, cancelled, rejected")


def indexer_eligible(
    now_s: float,
    renewed_s: float | None,
    oracle_s: float,
    *,
    period_s: float,
    timeout_s: float,
    enabled: bool = True,
) -> bool:
    """Return whether an indexer may take rewards under the eligibility oracle.

    Parameters
    ----------
    now_s : unix s
    renewed_s : last renewal of the indexer, unix s; None when it never was
    oracle_s : last report of the oracle about anybody, unix s
    period_s, timeout_s : s; a renewal lasts 14 d, and after 7 d of silence everybody is eligible
    enabled : the global switch

    Notes
    -----
    Source: GC packages/issuance RewardsEligibilityOracle.sol ``isEligible``; GIP-0079 (2026).
    """
    if not enabled or oracle_s + timeout_s < now_s:
        return True
    return renewed_s is not None and now_s < renewed_s + period_s


@dataclass(frozen=True)
class EligibilityRule:
    """What the oracle's nodes ask of an indexer (GIP-0079, 2026: 5 days of 28, 5 s, 50,000 blocks, 500 GRT).

    Parameters
    ----------
    days, window_days : int [d], days of service asked for, length of the window that ends today
    max_seconds : s; max_blocks_behind : blocks; both exclusive
    min_signal_grt : GRT of curation signal on the subgraph queried
    """

    days: int
    window_days: int
    max_seconds: float
    max_blocks_behind: int
    min_signal_grt: float

    def serves(self, status: int, seconds: float, blocks_behind: int, signal_grt: float) -> bool:
        """Return whether one answered query counts as service of its day."""
        answered = status == 200 and seconds < self.max_seconds
        return answered and blocks_behind < self.max_blocks_behind and signal_grt >= self.min_signal_grt

    def renews(self, served_days: Sequence[int], today: int) -> bool:
        """Return whether days of service (day numbers, in any order) earn a renewal on day ``today``."""
        first = today - self.window_days + 1
        return len({day for day in served_days if first <= day <= today}) >= self.days


def _fill(weights: NDArray[np.float64], others: NDArray[np.float64], capacity: float) -> NDArray[np.float64]:
    """Water-filling over subgraphs on which others have allocated."""
    order = np.argsort(-weights / others, kind="stable")
    roots = np.cumsum(np.sqrt(weights[order] * others[order]))
    level = roots / (capacity + np.cumsum(others[order]))  # square root of the common marginal reward
    above = np.sqrt(weights[order] / others[order]) > level
    count = len(above) if above.all() else int(np.argmin(above))
    chosen, tokens = order[:count], np.zeros(len(weights))
    if count:
        tokens[chosen] = np.sqrt(weights[chosen] * others[chosen]) / level[count - 1] - others[chosen]
    return np.maximum(tokens, 0.0)


def _best(
    weights: NDArray[np.float64], others: NDArray[np.float64], capacity: float, smallest: float
) -> NDArray[np.float64]:
    tokens = np.zeros(len(weights))
    empty = np.flatnonzero((others == 0) & (weights > 0))
    empty = empty[np.argsort(-weights[empty], kind="stable")][: int(capacity // smallest)]
    tokens[empty] = smallest
    served = (others > 0) & (weights > 0)
    left = capacity - smallest * len(empty)
    if served.any():
        tokens[served] = _fill(weights[served], others[served], left)
    elif len(empty):
        tokens[empty[0]] += left
    return tokens


def water_filling(
    rewards: ArrayLike,
    others: ArrayLike,
    capacity: float,
    costs: ArrayLike | None = None,
    smallest: float = 1.0,
    dropped: float = 0.0,
) -> NDArray[np.float64]:
    """Allocate ``capacity`` over subgraphs so as to maximise ``sum_j r_j x_j/(A_j + x_j) - c_j [x_j > 0]``.

    At the optimum without costs the marginal reward ``r_j A_j/(A_j + x_j)^2`` is equal over the subgraphs
    chosen and no smaller than ``r_j/A_j`` of those left out.

    Parameters
    ----------
    rewards : (n,) r_j, reward of the whole subgraph over the horizon, k sigma_j/Sigma x blocks; 0 when denied
    others : (n,) A_j, tokens that others have allocated, any unit
    capacity : tokens to allocate, same unit, >= 0
    costs : (n,) c_j, cost of indexing the subgraph over the horizon, unit of ``rewards``; None for no costs
    smallest : tokens put on a subgraph that nobody else serves, where any amount takes the whole reward
    dropped : share of the subgraphs that lose which a pass drops, at least one; more is faster and misses
        more

    Returns
    -------
    (n,) float, sums to at most ``capacity`` (all of it while a chosen subgraph is left)

    Raises
    ------
    ValueError : arrays of different lengths, a negative entry, ``smallest`` not above 0

    Notes
    -----
    Exact without costs. With costs the subgraph that loses most is dropped until none loses: every drop
    gains, the end may miss the best set. O(n log n) a pass. An agent policy, not a rule of the protocol.
    """
    weights, taken = np.asarray(rewards, dtype=float), np.asarray(others, dtype=float)
    fixed = np.zeros(len(weights)) if costs is None else np.asarray(costs, dtype=float)
    if not weights.shape == taken.shape == fixed.shape:
        raise ValueError("rewards, others and costs must have the same length")
    for name, values in (("rewards", weights), ("others", taken), ("costs", fixed)):
        if np.any(~(values >= 0)):
            raise ValueError(f"{name} must be zero or above")
    non_negative(capacity=capacity)
    positive(smallest=smallest)
    weights = weights.copy()
    while True:
        tokens = _best(weights, taken, capacity, smallest)
        chosen = tokens > 0
        gains = np.where(chosen, weights * tokens / np.where(chosen, taken + tokens, 1.0) - fixed, 0.0)
        if len(gains) == 0 or gains.min() >= 0:
            return tokens
        losers = max(int(dropped * np.count_nonzero(gains < 0)), 1)
        weights[np.argsort(gains, kind="stable")[:losers]] = 0.0
