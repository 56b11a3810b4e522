"""Bittensor: how a block's TAO is split between subnets, one rule for each era.

Shares are float64 (n,) arrays in the order of the subnets given; they sum to 1 unless nobody qualifies.
Arrays of different lengths, entries outside the range stated and entries that are no number raise ValueError.

Sources: ST = opentensor/subtensor@14bc6f9f9 (2026-06-30), RAO = RaoFoundation/subtensor, its successor, at
the commit named; both pallets/subtensor/src.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simdai.mechanisms._domain import finite, positive, vectors

__all__ = [
    "apply_gate",
    "flow_ema",
    "gate_bar",
    "net_flow",
    "redistribute_disabled",
    "shares_by_flow",
    "shares_by_price",
    "shares_by_root_votes",
    "shares_by_tier",
]

Floats: TypeAlias = NDArray[np.float64]

FIRST_TIER = 32  # ranks of the proposed tiers
LAST_RANK = 64
FIRST_TIER_SHARE = 0.75
CROSSING_SLACK = 1e-12  # a running sum of shares that meets its quantile exactly must count as met


def shares_by_root_votes(
    stake: ArrayLike, weights: ArrayLike, kappa: float = 32767 / 65535, rho: float = 10.0
) -> Floats:
    """Share of each subnet by the votes of root validators, the rule of the first era.

    A subnet's rank is the stake-weighted sum of its votes, discounted by a sigmoid of the stake behind them.

    Parameters
    ----------
    stake : (m,) >= 0, TAO of each root validator (the 64 largest have a seat), any unit
    weights : (m, n) >= 0, votes; each row is normalised
    kappa : share of stake at which the discount is one half
    rho : steepness of the sigmoid

    Returns
    -------
    (n,) float64; zeros when nobody votes

    Notes
    -----
    In force 2023 to 2025-02. Rows were not normalised before PR 415 (2024): a vote for two subnets counted
    twice. Source: opentensor/subtensor@00a7d6e64 root.rs root_epoch; kappa and rho: ST runtime/src/lib.rs.
    """
    held = _normalise(vectors(0.0, stake=stake)[0])
    (votes,) = vectors(0.0, weights=weights)
    if votes.shape[:1] != held.shape:
        raise ValueError(f"{len(votes)} rows of weights were given for {len(held)} validators")
    totals = votes.sum(axis=1, keepdims=True)
    rank = held @ (votes / np.where(totals > 0.0, totals, 1.0))
    trust = held @ (votes > 0.0)
    return _normalise(rank / (1.0 + np.exp(-rho * (trust - kappa))))


def shares_by_price(ema: ArrayLike, miner_burned: ArrayLike) -> Floats:
    """Share of each subnet from price EMA x (1 - miner burn); all burned falls back to price alone.

    Parameters
    ----------
    ema : (n,) >= 0 [TAO/alpha], see `price_ema`
    miner_burned : (n,) >= 0, part of the last tempo's miner incentive that fell to the owner; above 1 counts
        as 1

    Returns
    -------
    (n,) float64; zeros when all prices are zero

    Notes
    -----
    In force since 2026-06; without the burn (``miner_burned`` of 0) from 2025-02-13 to 2025-11.
    Source: ST coinbase/subnet_emissions.rs get_shares, get_shares_price_ema.
    """
    average, burned = vectors(0.0, ema=ema, miner_burned=miner_burned)
    price = _normalise(average)
    kept = price * (1.0 - np.minimum(burned, 1.0))
    return _normalise(kept) if kept.sum() > 0.0 else price


def redistribute_disabled(shares: ArrayLike, enabled: ArrayLike) -> Floats:
    """Shares of emission-disabled subnets go to the enabled ones pro rata.

    Parameters
    ----------
    shares : (n,) >= 0
    enabled : (n,) bool

    Returns
    -------
    (n,) float64; unchanged when all are enabled, zeros when no enabled one has a share

    Notes
    -----
    The last step of every rule of shares; disabled subnets still mint alpha for their participants.
    In force since 2026-06-23. Source: ST coinbase/subnet_emissions.rs get_subnet_block_emissions.
    """
    given, _ = vectors(0.0, shares=shares, enabled=enabled)
    on = np.asarray(enabled, dtype=np.bool_)
    return given.copy() if on.all() else _normalise(np.where(on, given, 0.0))


def gate_bar(shares: ArrayLike, mode: str, q: float | None = None, rank: int | None = None) -> float:
    """Bar theta of the Hill gate by 'quantile' or 'rank'.

    Parameters
    ----------
    shares : (n,) >= 0; only those above zero count
    mode : "quantile": the share at which the running sum of shares, largest first, reaches ``q``;
        "rank": the ``rank``-th largest share, the smallest when there are fewer
    q : float in [0, 1] (0.61 at launch, 0.75 on 2026-08-02)
    rank : int >= 1

    Returns
    -------
    float; 0 when no share is above zero

    Raises
    ------
    ValueError : an unknown mode, or its argument missing or out of range

    Notes
    -----
    Recomputed every 360 blocks, kept between (and kept when it would become 0). In force since 2026-07-27.
    Source: RAO@f8ff769a4 coinbase/subnet_emissions.rs maybe_update_emission_gate_bar.
    """
    (given,) = vectors(0.0, shares=shares)
    ordered = np.sort(given[given > 0.0])[::-1]
    if mode == "quantile" and q is not None and 0.0 <= q <= 1.0:
        reached = np.cumsum(ordered) >= q - CROSSING_SLACK
        at = int(np.argmax(reached)) if reached.any() else len(ordered) - 1
    elif mode == "rank" and rank is not None and rank >= 1:
        at = min(rank, len(ordered)) - 1
    else:
        raise ValueError(
            f"mode = {mode!r}, q = {q!r}, rank = {rank!r}: give 'quantile' and q, or 'rank' and rank >= 1"
        )
    return float(ordered[at]) if len(ordered) else 0.0


def apply_gate(shares: ArrayLike, theta: float, h: float = 3.0) -> Floats:
    """Shares after v/(1 + (theta/v)^h), renormalised; theta <= 0 leaves them as they are.

    Parameters
    ----------
    shares : (n,) >= 0
    theta : bar, see `gate_bar`; a share at the bar is halved before renormalising
    h : steepness > 0

    Returns
    -------
    (n,) float64; the shares given when every one vanishes behind the gate

    Notes
    -----
    Nothing is withheld: emission only moves up to larger shares. In force since 2026-07-27.
    Source: RAO@f8ff769a4 coinbase/subnet_emissions.rs apply_emission_gate (fallback: RAO@7e20eb76c).
    """
    (given,) = vectors(0.0, shares=shares)
    finite(theta=theta)
    positive(h=h)
    if theta <= 0.0:
        return given.copy()
    emitting = given > 0.0
    with np.errstate(over="ignore"):
        ratio = np.power(theta / np.where(emitting, given, 1.0), h)
    gated = np.where(emitting, given / (1.0 + ratio), 0.0)
    return _normalise(gated) if gated.sum() > 0.0 else given.copy()


def shares_by_flow(ema_flow: ArrayLike, cutoff: float = 0.0, p: float = 1.0) -> Floats:
    """Taoflow shares from EMA of net user flow in TAO; zeros when no subnet is above the limit.

    Parameters
    ----------
    ema_flow : (n,) [TAO/block], see `flow_ema` and, from 2026-05, `net_flow`
    cutoff : floor of the lower limit [TAO/block]
    p : exponent > 0

    Returns
    -------
    (n,) float64

    Notes
    -----
    The lower limit is the smallest flow, not above zero, but at least ``cutoff``; what lies above it counts.
    In force 2025-11 to 2026-06. Source: ST coinbase/subnet_emissions.rs get_shares_flow,
    inplace_pow_normalize.
    """
    (flow,) = vectors(ema_flow=ema_flow)
    finite(cutoff=cutoff)
    positive(p=p)
    limit = max(cutoff, float(flow.min(initial=0.0)))
    above = np.maximum(flow - limit, 0.0)
    top = above.max(initial=0.0)
    return _normalise((above / top) ** p) if top > 0.0 else np.zeros_like(flow)


def flow_ema(current: float, flow: float, smoothing: float, blocks: int = 1) -> float:
    """Next EMA of a subnet's flow, TAO per block; it starts from 0.

    Parameters
    ----------
    current : EMA so far [TAO/block]
    flow : TAO staked less unstaked by users during a block (or the protocol's flow)
    smoothing : weight of a block, in [0, 1]; 3.209e-6 is a half-life of 30 days
    blocks : int >= 0, that all have this flow

    Notes
    -----
    In force 2025-11 to 2026-06. Source: ST coinbase/subnet_emissions.rs get_ema_flow.
    """
    kept = (1.0 - smoothing) ** blocks
    return kept * current + (1.0 - kept) * flow


def net_flow(user: ArrayLike, protocol: ArrayLike) -> Floats:
    """User flow EMA less the normalised protocol flow EMA, in TAO.

    Parameters
    ----------
    user : (n,) [TAO/block], EMA of users' net flow
    protocol : (n,) [TAO/block], EMA of injections and chain buys less root sells

    Returns
    -------
    (n,) float64 [TAO/block]

    Notes
    -----
    Protocol flows above zero are scaled so that they do not sum to more than the positive user flows; those
    below zero count in full. In force 2026-05 to 2026-06. Source: ST coinbase/subnet_emissions.rs
    get_shares_flow.
    """
    users, chain = vectors(user=user, protocol=protocol)
    cost = np.maximum(chain, 0.0).sum()
    norm = min(1.0, float(np.maximum(users, 0.0).sum() / cost)) if cost > 0.0 else 0.0
    return users - np.where(chain > 0.0, norm * chain, chain)


def shares_by_tier(scores: ArrayLike, netuids: Sequence[int]) -> Floats:
    """Proposed 75/25 tiers: ranks 1-32 share 75 %, ranks 33-64 share 25 %, the rest nothing.

    Parameters
    ----------
    scores : (n,), any unit; only those above zero are ranked
    netuids : (n,) int; equal scores rank by the lower netuid

    Returns
    -------
    (n,) float64; inside a tier pro rata to score; with at most 32 positive scores the first tier takes all

    Raises
    ------
    ValueError : lengths differ, or a netuid given twice

    Notes
    -----
    Never live. Source: RAO PR 3010 (closed, July 2026) and RAO@1d1de96a3 docs/concepts/emissions.mdx.
    """
    score, _ = vectors(scores=scores, netuids=netuids)
    ids = np.asarray(netuids, dtype=np.int64)
    if len(np.unique(ids)) < len(ids):
        raise ValueError("netuids: one is given twice")
    ranked = [int(i) for i in np.lexsort((ids, -score)) if score[i] > 0.0]
    first, second = ranked[:FIRST_TIER], ranked[FIRST_TIER:LAST_RANK]
    out = np.zeros_like(score)
    out[first] = _normalise(score[first]) * (FIRST_TIER_SHARE if second else 1.0)
    out[second] = _normalise(score[second]) * (1.0 - FIRST_TIER_SHARE)
    return out


def _normalise(values: Floats) -> Floats:
    total = values.sum()
    return values / total if total > 0.0 else np.zeros_like(values)
