"""What a Yuma epoch is given: a subnet's hyperparameters and the state of its UIDs, checked and in arrays.

The fields are those of opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/subtensor/src/epoch/run_epoch.rs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, NotRequired, TypeAlias, TypedDict, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simdai.mechanisms._domain import vectors

__all__ = ["ABSENT", "UNCOMMITTED", "EpochArrays", "EpochInput", "YumaParams", "dense_rows", "epoch_arrays"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Rows: TypeAlias = Sequence[Sequence[Sequence[int]]] | Ints

ABSENT = -1  # an entry that a sparse row does not hold
UNCOMMITTED = 2**63 - 1  # block of a commitment that nobody made
U16_MAX = 65535

GREATEST = {  # of hyperparameters, none of which is below zero
    "kappa_u16": U16_MAX,
    "bonds_penalty_u16": U16_MAX,
    "bonds_moving_average_ppm": 10**6,
    "alpha_low_u16": U16_MAX,
    "alpha_high_u16": U16_MAX,
    "alpha_sigmoid_steepness_raw": math.inf,
    "max_allowed_validators": math.inf,
    "activity_cutoff": math.inf,
    "min_stake": math.inf,
    "emission_rao": math.inf,
}


class YumaParams(TypedDict):
    """Hyperparameters of a subnet; ``_u16`` is a share times 65535, ``_ppm`` times 10^6, ``_raw`` times 100.

    ``yuma_version`` is "yuma2" or "yuma3"; only "yuma3" reads the four alpha fields. ``min_stake`` is in the
    unit of the stake, ``activity_cutoff`` in blocks.
    """

    yuma_version: str
    kappa_u16: int
    bonds_penalty_u16: int
    bonds_moving_average_ppm: int
    liquid_alpha: bool
    alpha_low_u16: int
    alpha_high_u16: int
    alpha_sigmoid_steepness_raw: int
    max_allowed_validators: int
    activity_cutoff: int
    min_stake: int
    owner_uid: int | None
    emission_rao: int


class EpochInput(TypedDict):
    """State of n UIDs before an epoch; blocks are block numbers, matrices lists of (uid, u16) or (n, n) ints.

    ``last_tempo_block`` is the block after the last epoch run (before the first: the present block less the
    tempo). ``commit_block`` is the block of each UID's pending commitment of weights, None without one; leave
    it out where weights are set in the open.
    """

    block: int
    last_tempo_block: int
    stake: ArrayLike
    validator_permit: ArrayLike
    last_update: ArrayLike
    block_at_registration: ArrayLike
    weights: Rows
    bonds_prior: Rows
    commit_block: NotRequired[Sequence[int | None]]


class EpochArrays(NamedTuple):
    """An `EpochInput` checked and in arrays of n UIDs; sparse rows as matrices with `ABSENT`.

    ``committed`` is the block of the pending commitment, the largest int64 without one.
    """

    block: int
    last_tempo_block: int
    stake: Floats
    permit: Bools
    updated: Ints
    registered: Ints
    committed: Ints
    weights: Ints
    bonds: Ints


def dense_rows(rows: Rows, n: int) -> Ints:
    """Sparse rows of (uid, u16) as an (n, n) int64 matrix with `ABSENT` where there is no entry.

    Parameters
    ----------
    rows : at most n lists of (uid, value), a matrix already in this form passes; uids from n on are dropped
    n : int, number of UIDs

    Raises
    ------
    ValueError : more rows than UIDs, or a matrix of another shape
    """
    if isinstance(rows, np.ndarray):
        if rows.shape != (n, n):
            raise ValueError(f"a matrix of shape {rows.shape} was given for {n} UIDs; expected ({n}, {n})")
        return rows.astype(np.int64, copy=False)
    if len(rows) > n:
        raise ValueError(f"{len(rows)} rows were given for {n} UIDs")
    out = np.full((n, n), ABSENT, dtype=np.int64)
    counts = [len(row) for row in rows]
    entries = np.fromiter(chain.from_iterable(chain.from_iterable(rows)), dtype=np.int64).reshape(-1, 2)
    setter, uid, value = np.repeat(np.arange(len(rows)), counts), entries[:, 0], entries[:, 1]
    known = uid < n
    out[setter[known], uid[known]] = value[known]
    return out


def epoch_arrays(params: YumaParams, n: int, epoch: EpochInput) -> EpochArrays:
    """Check an epoch's input and lay it out in arrays.

    Raises
    ------
    ValueError : an unknown version, a hyperparameter outside its range, negative stake, arrays that are not
        of n UIDs, or entries that are not u16
    """
    version = params["yuma_version"]
    if version not in ("yuma2", "yuma3"):
        raise ValueError(f"unknown yuma_version {version!r}; expected one of: yuma2, yuma3")
    for name, value in params.items():
        most = GREATEST.get(name)
        if most is not None and not 0 <= cast(float, value) <= most:
            raise ValueError(f"{name} = {value!r}: must lie in [0, {most}]")
    commits = epoch.get("commit_block") or [None] * n
    return EpochArrays(
        block=epoch["block"],
        last_tempo_block=epoch["last_tempo_block"],
        stake=vectors(0.0, stake=_vector(epoch["stake"], n, "stake", np.float64))[0],
        permit=_vector(epoch["validator_permit"], n, "validator_permit", np.bool_),
        updated=_vector(epoch["last_update"], n, "last_update", np.int64),
        registered=_vector(epoch["block_at_registration"], n, "block_at_registration", np.int64),
        committed=_vector(
            [UNCOMMITTED if block is None else block for block in commits], n, "commit_block", np.int64
        ),
        weights=_u16_rows(epoch["weights"], n, "weights"),
        bonds=_u16_rows(epoch["bonds_prior"], n, "bonds_prior"),
    )


def _u16_rows(rows: Rows, n: int, name: str) -> Ints:
    out = dense_rows(rows, n)
    if out.min(initial=0) < ABSENT or out.max(initial=0) > U16_MAX:
        raise ValueError(f"{name} holds {out.min()} to {out.max()}; expected u16 entries, 0 to {U16_MAX}")
    return out


def _vector(values: ArrayLike, n: int, name: str, dtype: Any) -> NDArray[Any]:
    out = np.asarray(values, dtype=dtype)
    if out.shape != (n,):
        raise ValueError(f"{name} has shape {out.shape}; expected ({n},)")
    return out
