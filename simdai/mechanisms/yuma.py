"""Yuma consensus: one epoch of a Bittensor subnet, from validators' weights to emissions and bonds.

The epoch of opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/subtensor/src/epoch/run_epoch.rs and
math.rs, in float64. The chain computes in 32 fractional bits with every product rounded down; the two agree
within 1e-7. Where the chain's grain decides a yes or no it is kept: a share of stake below 2^-32 is no stake,
and stored bonds and emissions are rounded down from multiples of 2^-32.

A matrix has validators in rows and miners in columns. Rows are sparse: an entry of zero that is present
differs from an absent one (`yuma_epoch`, Notes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from simdai.mechanisms._domain import unit_interval, vectors
from simdai.mechanisms.yuma_input import (
    ABSENT,
    U16_MAX,
    Bools,
    EpochInput,
    Floats,
    Ints,
    YumaParams,
    dense_rows,
    epoch_arrays,
)

__all__ = [
    "ABSENT",
    "EpochInput",
    "EpochResult",
    "YumaParams",
    "dense_rows",
    "max_upscale_rows",
    "max_upscale_u16",
    "weighted_median",
    "weighted_median_columns",
    "yuma_epoch",
]

GRAIN = 2.0**32  # the chain's fractions are multiples of 1 / GRAIN
KAPPA_SLACK = 1e-9  # stake shares are sums of rounded numbers: a majority met exactly must count as met


class EpochResult(TypedDict):
    """Everything an epoch computes: float64 shares, (n,) or (n, n); ``bonds_u16`` is the next prior.

    ``stake`` and ``active_stake`` are normalised; ``weights_norm`` is masked, then normalised by row;
    ``clipped`` is it cut at ``consensus``. ``bonds_norm`` pays the dividends, ``bonds_stored`` is what is
    kept, in [0, 1]. Emissions are rao, Python ints.
    """

    stake: Floats
    active_stake: Floats
    weights_norm: Floats
    consensus: Floats
    clipped: Floats
    validator_trust: Floats
    incentive: Floats
    bonds_norm: Floats
    bonds_stored: Floats
    bonds_u16: Ints
    dividends: Floats
    server_emission: list[int]
    validator_emission: list[int]
    new_permit: Bools


class _Bonds(NamedTuple):
    norm: Floats
    stored: Floats
    dividends: Floats


def weighted_median(stake: ArrayLike, score: ArrayLike, kappa: float) -> float:
    """Largest score w with stake(score >= w) >= kappa, over holders of positive stake; 0 when there is none.

    Parameters
    ----------
    stake : (m,) >= 0, any unit; normalised here
    score : (m,)
    kappa : share of the stake that must back the score, in [0, 1]; met within 1e-9

    Returns
    -------
    float, one of the scores

    Raises
    ------
    ValueError : as `weighted_median_columns`

    Notes
    -----
    Equivalently the smallest score v with stake(score <= v) > 1 - kappa. A minority below ``kappa`` cannot
    raise it. Source: as `weighted_median_columns`.
    """
    column = np.asarray(score, dtype=np.float64).reshape(-1, 1)
    return float(weighted_median_columns(stake, column, kappa)[0])


def weighted_median_columns(stake: ArrayLike, weights: ArrayLike, kappa: float) -> Floats:
    """Stake-weighted median of every column of a validator x miner matrix.

    Parameters
    ----------
    stake : (m,) >= 0, any unit; normalised over the positive ones
    weights : (m, n), absent weights as 0
    kappa : share of the stake that must back a weight, in [0, 1]; met within 1e-9

    Returns
    -------
    (n,) float64; zeros when nobody has stake

    Raises
    ------
    ValueError : negative stake, a number of stakes that is not that of rows, kappa outside [0, 1]

    Notes
    -----
    Selection, not bisection: the result is an entry of the column to the last bit. O(n m log m).
    Source: opentensor/subtensor@14bc6f9f9 epoch/math.rs weighted_median_col, 2026-06-30.
    """
    (shares,) = vectors(0.0, stake=stake)
    unit_interval(kappa=kappa)
    scores = np.asarray(weights, dtype=np.float64)
    if scores.ndim != 2 or shares.shape != scores.shape[:1]:
        raise ValueError(f"stakes of shape {shares.shape} were given for weights of shape {scores.shape}")
    held = shares > 0.0
    if not held.any():
        return np.zeros(scores.shape[1])
    shares, columns = _normalise(shares[held]), scores[held].T
    order = np.argsort(-columns, axis=1, kind="stable")
    backing = np.cumsum(shares[order], axis=1)
    backing[:, -1] = 1.0
    first = np.argmax(backing >= kappa - KAPPA_SLACK, axis=1)
    rows = np.arange(len(columns))
    median: Floats = columns[rows, order[rows, first]]
    return median


def max_upscale_u16(weights: Sequence[float]) -> list[int]:
    """Weights as the chain stores them: the largest becomes 65535, the others are rounded to the nearest.

    Parameters
    ----------
    weights : (m,) >= 0, any unit

    Returns
    -------
    list of int, 0 .. 65535; all zero when all weights are

    Notes
    -----
    Halves are rounded up. Source: opentensor/subtensor@14bc6f9f9 epoch/math.rs vec_max_upscale_to_u16,
    2026-06-30.
    """
    upscaled: list[int] = max_upscale_rows([list(weights)])[0].tolist()
    return upscaled


def max_upscale_rows(weights: ArrayLike) -> Ints:
    """Each row of (m, n) weights as `max_upscale_u16` stores it; int64."""
    given = np.asarray(weights, dtype=np.float64)
    top = given.max(axis=1, keepdims=True, initial=0.0)
    return np.floor(given * U16_MAX / np.where(top > 0.0, top, 1.0) + 0.5).astype(np.int64)


def yuma_epoch(params: YumaParams, n: int, epoch: EpochInput) -> EpochResult:
    """One epoch of n UIDs.

    Validators with a permit rank miners; weights above what a stake majority ``kappa`` backs are clipped to
    it; miners share by clipped rank (incentive), validators by their bonds to the miners that earn
    (dividends).

    Parameters
    ----------
    params : `YumaParams`
    n : int > 0, number of UIDs
    epoch : `EpochInput`

    Returns
    -------
    EpochResult

    Raises
    ------
    ValueError : an unknown version, a hyperparameter outside its range, negative stake, or arrays that are
        not of n UIDs

    Notes
    -----
    - The owner's UID is permitted whatever its stake, may weigh itself, and is not held to ``min_stake``.
    - "yuma2": bonds are shares of each miner's column, stake enters them. "yuma3": bonds are per pair, stake
      enters only the dividends; under liquid alpha a bond's speed depends on its weight's distance from
      consensus.
    - Present and absent: under liquid alpha (in force when some consensus is above zero) a bond without an
      entry in the bond weights is lost at once, one with an entry of zero decays. Entries are those of the
      masked weights at penalty 0; at full penalty those that clipping did not bring to zero; between, those
      above zero.

    Source: opentensor/subtensor@14bc6f9f9 epoch/run_epoch.rs epoch_mechanism, 2026-06-30; new subnets start
    with "yuma3", "yuma2" is the original of 2023.
    """
    owner = params.get("owner_uid")
    given = epoch_arrays(params, n, epoch)
    updated, registered = given.updated, given.registered
    permit = _with_owner(given.permit, owner)
    stake = _stake_shares(given.stake, params["min_stake"], owner)
    new_permit = _with_owner(_top_k(stake, params["max_allowed_validators"]), owner)

    inactive = updated + params["activity_cutoff"] < given.block
    active = _normalise(np.where(inactive | ~permit, 0.0, stake))
    mask = _weight_mask(permit, owner, updated, registered, given.committed)
    weights, present = _masked_weights(given.weights, mask)

    consensus = weighted_median_columns(active, weights, params["kappa_u16"] / U16_MAX)
    clipped = np.minimum(weights, consensus)
    incentive = _normalise(active @ clipped)

    prior = given.bonds.clip(min=0).astype(np.float64)
    prior[:, registered >= given.last_tempo_block] = 0.0
    penalty = params["bonds_penalty_u16"] / U16_MAX
    target, held = _bond_weights(weights, clipped, present, consensus, penalty)
    if params["yuma_version"] == "yuma2":
        bonds = _bonds_by_stake(target, prior, fixed_alpha(params), active, incentive)
    else:
        speed = _bond_alpha(params, target, prior / U16_MAX, consensus)
        kept = held if isinstance(speed, np.ndarray) else np.ones_like(held)
        bonds = _bonds_by_pair(target, prior / U16_MAX, speed, kept, active, incentive)

    stored = np.where(new_permit[:, None], bonds.stored, 0.0)
    server, validator = _emissions(incentive, bonds.dividends, active, stake, params["emission_rao"])
    return EpochResult(
        stake=stake,
        active_stake=active,
        weights_norm=weights,
        consensus=consensus,
        clipped=clipped,
        validator_trust=clipped.sum(axis=1),
        incentive=incentive,
        bonds_norm=bonds.norm,
        bonds_stored=stored,
        bonds_u16=np.floor(_grains(stored) * U16_MAX / GRAIN).astype(np.int64),
        dividends=bonds.dividends,
        server_emission=server,
        validator_emission=validator,
        new_permit=new_permit,
    )


def _normalise(values: Floats) -> Floats:
    total = values.sum()
    return values / total if total != 0.0 else values


def normalise_columns(matrix: Floats) -> Floats:
    """Each column divided by its sum; a column of zeros stays."""
    totals = matrix.sum(axis=0)
    return matrix / np.where(totals == 0.0, 1.0, totals)


def upscale_columns(matrix: Floats) -> Floats:
    """Each column divided by its largest entry; a column of zeros stays."""
    top = matrix.max(axis=0, initial=0.0)
    return matrix / np.where(top == 0.0, 1.0, top)


def _grains(shares: Floats) -> Floats:
    """Shares as whole multiples of 2^-32, rounded down; 2e-6 of a grain forgives float64's own rounding."""
    return np.floor(shares * GRAIN + 2e-6)


def _with_owner(permit: Bools, owner: int | None) -> Bools:
    out = permit.copy()
    if owner is not None:
        out[owner] = True
    return out


def _stake_shares(stake: Floats, min_stake: int, owner: int | None) -> Floats:
    low = np.floor(stake) < min_stake
    if owner is not None:
        low[owner] = False
    shares = _normalise(np.where(low, 0.0, stake))
    return np.where(_grains(shares) < 1.0, 0.0, shares)


def _top_k(stake: Floats, k: int) -> Bools:
    """The k largest stakes above zero; equal stakes go to the higher uid."""
    grains = _grains(stake)
    out = np.asarray(grains > 0.0)
    out[np.argsort(grains, kind="stable")[: max(len(grains) - k, 0)]] = False
    return out


def _weight_mask(permit: Bools, owner: int | None, updated: Ints, registered: Ints, committed: Ints) -> Bools:
    """Weights that count: set by a permitted UID, on another one, after that one's registration."""
    mask = permit[:, None] & (updated[:, None] > registered)
    own = np.arange(len(permit))
    mask[own, own] &= own == (ABSENT if owner is None else owner)
    mask &= committed[:, None] >= registered
    return mask


def _masked_weights(raw: Ints, mask: Bools) -> tuple[Floats, Bools]:
    present = (raw != ABSENT) & mask
    weights = np.where(present, raw, 0).astype(np.float64)
    totals = weights.sum(axis=1, keepdims=True)
    return weights / np.where(totals == 0.0, 1.0, totals), present


def _bond_weights(
    weights: Floats, clipped: Floats, present: Bools, consensus: Floats, penalty: float
) -> tuple[Floats, Bools]:
    """Weights that bonds follow, part of the way to the clipped ones, and which entries they hold."""
    if penalty == 0.0:
        return weights, present
    if penalty == 1.0:
        return clipped, present & ((weights <= consensus) | (consensus > 0.0))
    target = weights + penalty * (clipped - weights)
    held = np.asarray(_grains(target) >= 1.0)
    return np.where(held, target, 0.0), held


def fixed_alpha(params: YumaParams) -> float:
    """Share of the way to its weight that a bond goes in an epoch."""
    return (1_000_000 - params["bonds_moving_average_ppm"]) / 1_000_000


def _bond_alpha(params: YumaParams, target: Floats, prior: Floats, consensus: Floats) -> Floats | float:
    """How fast bonds follow their weights: one number, or one per pair under liquid alpha."""
    if not params.get("liquid_alpha", False) or not consensus.any():
        return fixed_alpha(params)
    low, high = params["alpha_low_u16"] / U16_MAX, params["alpha_high_u16"] / U16_MAX
    steepness = params["alpha_sigmoid_steepness_raw"] / 100.0
    distance = np.where(target >= prior, target - consensus, prior - target).clip(0.0, 1.0)
    sigmoid = 1.0 / (1.0 + np.exp((-steepness * (distance - 0.5)).clip(-20.0, 20.0)))
    return np.asarray((low + (high - low) * sigmoid).clip(low, high))


def _bonds_by_stake(target: Floats, prior: Floats, alpha: float, active: Floats, incentive: Floats) -> _Bonds:
    """Yuma 2: a bond is a share of the miner's column, fed by stake times weight."""
    bought = normalise_columns(active[:, None] * target)
    norm = normalise_columns(alpha * bought + (1.0 - alpha) * normalise_columns(prior))
    return _Bonds(norm, upscale_columns(norm), _normalise(norm @ incentive))


def _bonds_by_pair(
    target: Floats, prior: Floats, alpha: Floats | float, kept: Bools, active: Floats, incentive: Floats
) -> _Bonds:
    """Yuma 3: a bond follows the weight of its pair; stake enters the dividends only."""
    moved = np.minimum((1.0 - alpha) * prior + alpha * target, 1.0)
    stored = np.where(kept, moved, 0.0)
    norm = normalise_columns(stored)
    return _Bonds(norm, stored, _normalise(active * (norm @ incentive)))


def _emissions(
    incentive: Floats, dividends: Floats, active: Floats, stake: Floats, emission_rao: int
) -> tuple[list[int], list[int]]:
    """Rao of each UID as miner and as validator, rounded down."""
    total = incentive.sum() + dividends.sum()
    if total == 0.0:
        return [0] * len(stake), _rao(active if active.any() else stake, emission_rao)
    return _rao(incentive / total, emission_rao), _rao(dividends / total, emission_rao)


def _rao(shares: Floats, emission_rao: int) -> list[int]:
    return [int(grains) * emission_rao >> 32 for grains in _grains(shares).tolist()]
