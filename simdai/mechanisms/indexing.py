"""The Graph: how an indexing reward splits, what stake may do, and what a slash takes.

Beside this module, and public here too: the running sums of rewards
(:mod:`~simdai.mechanisms.indexing_book`), query fees (:mod:`~simdai.mechanisms.indexing_fees`), the life of
an allocation, disputes and eligibility (:mod:`~simdai.mechanisms.indexing_allocations`).

Integers stay integers: an amount given as int (wei) is divided with the protocol's rounding, one given as
float (GRT) is not rounded. Regimes: "legacy" until Horizon (contracts deployed on Arbitrum One in November
2025), then "horizon".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

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
from simdai.mechanisms.indexing_fees import (
    MAX_PPM,
    FeeWaterfall,
    check_ppm,
    cut_rounded_up,
    exponential_rebate,
    fee_stake_lock,
    fee_waterfall,
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
    "exponential_rebate",
    "fee_stake_lock",
    "fee_waterfall",
    "indexer_eligible",
    "indexing_reward_split",
    "indexing_rewards",
    "is_stale",
    "legacy_close",
    "legacy_slash",
    "poi_outcome",
    "rebate_increments",
    "resolve_dispute",
    "slash",
    "water_filling",
    "withholding_min_tax",
]

Amount = TypeVar("Amount", int, float)


class RewardSplit(NamedTuple):
    """Indexing reward in two parts, in the unit given."""

    indexer: float
    delegators: float


class Capacity(NamedTuple):
    """Tokens that may be allocated, and delegated tokens that may not, in the unit given."""

    available: float
    idle: float


class Slash(NamedTuple):
    """A slash, in the unit given; ``provider`` + ``delegators`` + ``skipped`` = ``tokens``.

    ``tokens`` is what the arbitrator asked for, ``provider`` and ``delegators`` what was taken from the
    provision and from the delegation pool, ``skipped`` what delegators were spared, ``fisherman`` and
    ``burned`` where it went, ``provision`` and ``delegated`` what is left.
    """

    tokens: float
    provider: float
    delegators: float
    skipped: float
    fisherman: float
    burned: float
    provision: float
    delegated: float


def _part(amount: Amount, numerator: Amount, denominator: Amount) -> Amount:
    """Return amount * numerator / denominator, floored when all are integers."""
    if isinstance(amount, int) and isinstance(numerator, int) and isinstance(denominator, int):
        return amount * numerator // denominator
    return amount * numerator / denominator


def indexing_reward_split(total: Amount, cut_ppm: int, delegated: object, regime: str) -> RewardSplit:
    """Split an indexing reward between the indexer and its delegators.

    Parameters
    ----------
    total : reward, int [wei] or float [GRT], >= 0
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
    non_negative(total=total)
    if not delegated:
        return RewardSplit(total, total - total)
    cut = _part(total, cut_ppm, MAX_PPM)
    return RewardSplit(cut, total - cut) if regime == "legacy" else RewardSplit(total - cut, cut)


def allocation_capacity(provision: float, thawing: float, delegated: float, ratio: int = 16) -> Capacity:
    """Tokens an indexer may allocate, and delegation that idles because it exceeds ``ratio`` x own stake.

    Parameters
    ----------
    provision, thawing : own stake in the data service and the part of it on its way out, any unit
    delegated : tokens of the delegation pool that are not thawing, same unit
    ratio : delegation ratio, 16 on Arbitrum One

    Returns
    -------
    Capacity : (available, idle), same unit

    Raises
    ------
    ValueError : a negative amount, more thawing than provisioned

    Notes
    -----
    Source: HorizonStakingBase.sol ``getTokensAvailable``, graphprotocol/contracts@687d928b (2026-08-03).
    """
    non_negative(thawing=thawing, delegated=delegated, ratio=ratio)
    own = provision - thawing
    if own < 0:
        raise ValueError(f"thawing = {thawing!r}: exceeds the provision of {provision!r}")
    usable = min(delegated, own * ratio)
    return Capacity(own + usable, delegated - usable)


def delegate(
    pool: Mapping[str, Amount], tokens: Amount, *, minimum: float = 1
) -> tuple[dict[str, Amount], Amount]:
    """Delegate to a pool: shares are issued at the price of tokens that are not thawing. No tax (Horizon).

    Parameters
    ----------
    pool : ``{"tokens", "shares", "thawing"}``; int [wei] (shares round down) or float [GRT]
    tokens : amount delegated, same unit
    minimum : least delegation, same unit: 1 GRT, that is ``10**18`` for amounts in wei

    Returns
    -------
    (pool, shares) : the new pool and the shares issued; an empty pool, or one that thaws whole, gives a share
        a token

    Raises
    ------
    ValueError : less than ``minimum``; a pool with shares but no tokens; no share for the tokens

    Notes
    -----
    Source: HorizonStaking.sol ``_delegate``, graphprotocol/contracts@687d928b (2026-08-03). The legacy regime
    burned 0.5% first.
    """
    held, shares, thawing = pool["tokens"], pool["shares"], pool["thawing"]
    if not tokens >= minimum:
        raise ValueError(f"tokens = {tokens!r}: a delegation must be at least {minimum!r}")
    if held == 0 and shares != 0:
        raise ValueError("the pool has shares but no tokens: it was slashed whole and takes no delegation")
    issued = tokens if held in (0, thawing) else _part(tokens, shares, held - thawing)
    if issued == 0:
        raise ValueError(f"tokens = {tokens!r}: too little for one share")
    return {"tokens": held + tokens, "shares": shares + issued, "thawing": thawing}, issued


def slash(
    provision: float,
    delegated: float,
    fraction: float,
    fisherman_cut: float = 0.5,
    delegation_slashing: bool = False,
    max_fraction: float = 0.1,
) -> Slash:
    """Horizon's slash of a fraction of the snapshot: provision plus the whole delegation pool.

    The provision pays first; delegators pay the rest only where governance has enabled it. With 16 times as
    much delegation as own stake, 2.5% of the snapshot is 42.5% of own stake and 1/17 wipes it out.

    Parameters
    ----------
    provision, delegated : float [GRT], thawing tokens included
    fraction : share of the snapshot, in [0, ``max_fraction``]
    fisherman_cut : share of what the provision pays; the smaller of the provision's verifier cut and the
        dispute contract's cut (which governance may not set above one half)
    delegation_slashing : whether delegators can be slashed (off on Arbitrum One)
    max_fraction : most that the arbitrator may slash (10% on Arbitrum One)

    Returns
    -------
    Slash [GRT]

    Raises
    ------
    ValueError : a fraction above ``max_fraction``, a negative amount, a share outside [0, 1]

    Notes
    -----
    Source: DisputeManager.sol ``_slashIndexer``, HorizonStaking.sol ``slash``,
    graphprotocol/contracts@687d928b (2026-08-03).
    """
    non_negative(provision=provision, delegated=delegated)
    unit_interval(fraction=fraction, fisherman_cut=fisherman_cut, max_fraction=max_fraction)
    if fraction > max_fraction:
        raise ValueError(f"fraction = {fraction!r}: the arbitrator may slash at most {max_fraction!r}")
    tokens = fraction * (provision + delegated)
    provider = min(tokens, provision)
    rest = tokens - provider
    delegators = rest if delegation_slashing else 0.0
    fisherman = fisherman_cut * provider
    return Slash(
        tokens=tokens,
        provider=provider,
        delegators=delegators,
        skipped=rest - delegators,
        fisherman=fisherman,
        burned=provider - fisherman + delegators,
        provision=provision - provider,
        delegated=delegated - delegators,
    )


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
            return cut_rounded_up(deposit_wei, tax_ppm)
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


def delegation_score(reward: float, indexer_cut: float, own: float, delegated: float) -> float:
    """Score by which a delegator orders indexers: ``(1 - cut) reward / (own + delegated)``.

    The policy of the model, not a rule of the protocol; it ignores that delegators share their part without
    own stake. Raises ValueError for a cut outside [0, 1], a negative reward, or no stake.
    """
    unit_interval(indexer_cut=indexer_cut)
    non_negative(reward=reward)
    positive(stake=own + delegated)
    return (1.0 - indexer_cut) * reward / (own + delegated)
