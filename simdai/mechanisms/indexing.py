"""The Graph: how an indexing reward splits, and the curation tax.

Beside this module, and public here too: the running sums of rewards
(:mod:`~simdai.mechanisms.indexing_book`), query fees (:mod:`~simdai.mechanisms.indexing_fees`), stake,
delegation and slashes (:mod:`~simdai.mechanisms.indexing_delegation`), the life of an allocation, disputes
and eligibility (:mod:`~simdai.mechanisms.indexing_allocations`).

Integers stay integers: an amount given as int (wei) is divided with the protocol's rounding, one given as
float (GRT) is not rounded. Regimes: "legacy" until Horizon (contracts deployed on Arbitrum One in November
2025), then "horizon".
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from simdai.mechanisms._domain import non_negative, positive, unit_interval
from simdai.mechanisms._exact import amounts
from simdai.mechanisms.indexing_allocations import (
    Dispute,
    EligibilityRule,
    Poi,
    indexer_eligible,
    is_stale,
    legacy_close,
    legacy_slash,
    poi_outcome,
    resolve_dispute,
    water_filling,
)
from simdai.mechanisms.indexing_book import AllocationRewards, RewardBook, SubgraphRewards, indexing_rewards
from simdai.mechanisms.indexing_delegation import (
    Capacity,
    Slash,
    allocation_capacity,
    delegate,
    delegation_tax,
    part,
    release,
    shrink,
    slash,
    slash_wei,
    thaw,
    undelegate,
)
from simdai.mechanisms.indexing_fees import (
    MAX_PPM,
    FeeWaterfall,
    check_ppm,
    cut_rounded_up,
    exponential_rebate,
    fee_stake_lock,
    fee_waterfall,
    paid_whole,
    rebate_increments,
)

__all__ = [
    "AllocationRewards",
    "Capacity",
    "Dispute",
    "EligibilityRule",
    "FeeWaterfall",
    "Poi",
    "RewardBook",
    "RewardSplit",
    "Slash",
    "SubgraphRewards",
    "allocation_capacity",
    "curation_tax",
    "delegate",
    "delegation_score",
    "delegation_tax",
    "exponential_rebate",
    "fee_stake_lock",
    "fee_waterfall",
    "indexer_eligible",
    "indexing_reward_split",
    "indexing_rewards",
    "is_stale",
    "legacy_close",
    "legacy_slash",
    "paid_whole",
    "poi_outcome",
    "rebate_increments",
    "release",
    "resolve_dispute",
    "shrink",
    "slash",
    "slash_wei",
    "thaw",
    "undelegate",
    "water_filling",
    "withholding_min_tax",
]


class RewardSplit(NamedTuple):
    """Indexing reward in two parts, in the unit given."""

    indexer: Any
    delegators: Any


def indexing_reward_split(total: Any, cut_ppm: int, delegated: object, regime: str) -> RewardSplit:
    """Split an indexing reward between the indexer and its delegators.

    Parameters
    ----------
    total : reward, int [wei] or float [GRT], >= 0; or a NumPy array of Python ints, of several allocations
    cut_ppm : int [ppm]: the indexer's part (``"legacy"``) or the delegators' (``"horizon"``)
    delegated : truthy when the pool has delegation (legacy: tokens; horizon: shares); an amount or a bool
    regime : ``"legacy"`` | ``"horizon"``

    Returns
    -------
    RewardSplit : (indexer, delegators), summing to ``total``; the side that owns the cut is rounded down

    Raises
    ------
    ValueError : a cut outside [0, 1e6] ppm, a negative reward, an unknown regime

    Notes
    -----
    Source: legacy Staking.sol ``_collectDelegationIndexingRewards`` (graphprotocol/contracts@289772e4,
    2024-05), Horizon AllocationHandler.sol ``_distributeIndexingRewards`` (graphprotocol/contracts@687d928b,
    2026-08-03).
    """
    if regime not in ("legacy", "horizon"):
        raise ValueError(f"unknown regime {regime!r}; expected one of: legacy, horizon")
    check_ppm(cut_ppm=cut_ppm)
    non_negative(total=total.min(initial=0) if isinstance(total, np.ndarray) else total)
    if not delegated:
        return RewardSplit(total, total - total)
    cut = part(total, cut_ppm, MAX_PPM)
    return RewardSplit(cut, total - cut) if regime == "legacy" else RewardSplit(total - cut, cut)


def curation_tax(deposit_wei: int, tax_ppm: int, layer: int | str) -> int:
    """Tax burned when a curator signals, wei: rounded down on L1, up on L2.

    Parameters
    ----------
    deposit_wei : int [wei], gross
    tax_ppm : int [ppm], 10,000 since October 2021 (GIP-0013), 25,000 before
    layer : 1 or 2, also ``"L1"``, ``"L2"``

    Raises
    ------
    ValueError : a tax outside [0, 1e6] ppm, a negative deposit, an unknown layer

    Notes
    -----
    Source: Curation.sol and L2Curation.sol ``tokensToSignal``, graphprotocol/contracts@687d928b (2026-08-03).
    """
    check_ppm(tax_ppm=tax_ppm)
    (deposit_wei,) = amounts(deposit_wei=deposit_wei)
    match str(layer).upper().removeprefix("L"):
        case "1":
            return deposit_wei * tax_ppm // MAX_PPM
        case "2":
            return int(cut_rounded_up(deposit_wei, tax_ppm))
    raise ValueError(f"unknown layer {layer!r}; expected one of: L1, L2")


def withholding_min_tax(supply: float, other_signal: float, rate_per_block: float, blocks: float) -> float:
    """Curation tax, a share, above which hiding a manifest does not pay: ``M/psi ((1+i)^T - 1)``.

    The attacker signals a subgraph that nobody else can index and takes all its rewards until the oracle
    denies it.

    Parameters
    ----------
    supply : M [GRT]; other_signal : psi, signal of the others [GRT]
    rate_per_block : i, issuance per block as a share of supply; blocks : T until the denial

    Raises
    ------
    ValueError : a negative argument, no other signal

    Notes
    -----
    Source: GIP-0013, appendix A (2021-07-13): 0.46% at M = 10.168e9, psi = 3.684e6, i = 1.22e-8, T = 137.
    """
    non_negative(supply=supply, rate_per_block=rate_per_block, blocks=blocks)
    positive(other_signal=other_signal)
    return supply / other_signal * math.expm1(blocks * math.log1p(rate_per_block))


def delegation_score(reward: Any, indexer_cut: Any, own: Any, delegated: Any) -> Any:
    """Score by which a delegator orders indexers: ``(1 - cut) reward / (own + delegated)``.

    Numbers, or NumPy arrays of several indexers. The policy of the model, not a rule of the protocol; it
    ignores that delegators share their part without own stake. Raises ValueError for a cut outside [0, 1], a
    negative reward, or no stake.
    """
    for bound in (np.min, np.max):
        unit_interval(indexer_cut=float(bound(indexer_cut)))
    non_negative(reward=float(np.min(reward)))
    positive(stake=float(np.min(own + delegated)))
    return (1.0 - indexer_cut) * reward / (own + delegated)
