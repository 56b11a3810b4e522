"""Yuma consensus as a game of two teams: what a cabal that votes for itself takes from a subnet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simdai.mechanisms.yuma import yuma_epoch
from simdai.mechanisms.yuma_input import YumaParams

__all__ = ["SUBNET_DEFAULTS", "capture_curve", "capture_table", "retained_emission"]

U16_MAX = 65535
RAO = 10**9

SUBNET_DEFAULTS: YumaParams = {
    "yuma_version": "yuma3",
    "kappa_u16": 32767,
    "bonds_penalty_u16": U16_MAX,
    "bonds_moving_average_ppm": 900_000,
    "liquid_alpha": False,
    "alpha_low_u16": 45875,
    "alpha_high_u16": 58982,
    "alpha_sigmoid_steepness_raw": 1000,
    "max_allowed_validators": 64,
    "activity_cutoff": 5000,
    "min_stake": 0,
    "owner_uid": None,
    "emission_rao": RAO,
}
"""Hyperparameters of a new subnet (opentensor/subtensor@14bc6f9f9, 2026-06-30, subnets/subnet.rs)."""


def retained_emission(
    honest_stake: float,
    self_weight: float,
    params: YumaParams = SUBNET_DEFAULTS,
    validators: int = 8,
    epochs: int = 200,
) -> float:
    """Share of a subnet's emission that honest validators and their miner keep beside a cabal.

    Honest validators hold ``honest_stake`` in equal parts and give ``self_weight`` to the honest miner and
    the rest to the cabal's; the cabal is one validator that votes for its own miner alone.

    Parameters
    ----------
    honest_stake, self_weight : in [0, 1]
    params : hyperparameters
    validators : honest ones
    epochs : until bonds have settled

    Returns
    -------
    float in [0, 1], of incentive and dividends of the last epoch

    Raises
    ------
    ValueError : an argument out of range

    Notes
    -----
    Above kappa, honest stake clips the cabal's miner to what it gives it; below, the cabal sets the
    consensus. Source: opentensor/subtensor@14bc6f9f9 docs/consensus.md, which plots this game.
    """
    if not (0.0 <= honest_stake <= 1.0 and 0.0 <= self_weight <= 1.0 and validators > 0 and epochs > 0):
        raise ValueError(
            f"honest_stake = {honest_stake!r}, self_weight = {self_weight!r}: must lie in [0, 1]; "
            "validators and epochs must be above 0"
        )
    cabal, honest_miner, cabal_miner = validators, validators + 1, validators + 2
    n = validators + 3
    stake = np.zeros(n)
    stake[:validators], stake[cabal] = honest_stake / validators, 1.0 - honest_stake
    given = round(self_weight * U16_MAX)
    honest_votes = [(honest_miner, given), (cabal_miner, U16_MAX - given)]
    weights = [honest_votes] * validators + [[(cabal_miner, U16_MAX)], [], []]
    permit, bonds = stake > 0.0, np.zeros((n, n), dtype=np.int64)
    tempo = 360
    for epoch in range(1, epochs + 1):
        result = yuma_epoch(
            params,
            n,
            {
                "block": epoch * tempo,
                "last_tempo_block": (epoch - 1) * tempo + 1,
                "stake": stake * 10**6 * RAO,
                "validator_permit": permit,
                "last_update": np.full(n, epoch * tempo - 1),
                "block_at_registration": np.full(n, -1),
                "weights": weights,
                "bonds_prior": bonds,
            },
        )
        moved, bonds = not np.array_equal(bonds, result["bonds_u16"]), result["bonds_u16"]
        permit = result["new_permit"]
        if not moved:
            break
    paid = np.array(result["server_emission"]) + np.array(result["validator_emission"])
    kept = int(paid[:validators].sum() + paid[honest_miner])
    return kept / int(paid.sum())


def capture_curve(
    cabal_stakes: Sequence[float], self_weight: float, params: YumaParams = SUBNET_DEFAULTS
) -> list[float]:
    """Share of the emission that a cabal takes, for each share of the stake that it holds.

    Parameters
    ----------
    cabal_stakes : in [0, 1]
    self_weight, params : as in `retained_emission`
    """
    return [1.0 - retained_emission(1.0 - stake, self_weight, params) for stake in cabal_stakes]


def capture_table() -> str:
    """What a cabal takes by its stake and by what honest validators give its miner, as text with commas."""
    stakes = [k / 20 for k in range(1, 20)]
    given = (0.0, 0.1, 0.25, 0.5)
    curves = [capture_curve(stakes, 1.0 - part) for part in given]
    lines = ["cabal_stake," + ",".join(f"honest_gives_{part:g}" for part in given)]
    for row in zip(stakes, *curves, strict=True):
        lines.append(",".join(f"{value:.4f}" for value in row))
    return "\n".join(lines) + "\n"
