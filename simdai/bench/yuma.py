"""W4: Yuma epochs of a subnet of 64 validators and 256 UIDs, on the weights that peers are timed on.

The weights are W4's, in u16 as validators set them; what is computed is the chain's own rule. A validator's
weight on itself does not count. Weights are put in place between epochs, outside the timer, as for peers.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.kernel import SubnetConsensus
from simdai.mechanisms.yuma import YumaParams

VALIDATORS, UIDS, KEPT, MATRICES, EPOCHS = 64, 256, 64, 16, 400
VOTERS = np.arange(VALIDATORS)
TEMPO = 360
EMISSION_RAO = 360 * 10**9
PARAMS: YumaParams = {
    "yuma_version": "yuma3",
    "kappa_u16": 32767,
    "bonds_penalty_u16": 65535,
    "bonds_moving_average_ppm": 900_000,
    "liquid_alpha": False,
    "alpha_low_u16": 45875,
    "alpha_high_u16": 58982,
    "alpha_sigmoid_steepness_raw": 1000,
    "max_allowed_validators": VALIDATORS,
    "activity_cutoff": 5000,
    "min_stake": 0,
    "owner_uid": None,
    "emission_rao": EMISSION_RAO,
}


def inputs(seed: int, kept: int) -> tuple[NDArray[np.float64], list[NDArray[np.uint16]]]:
    """Stakes (64,) and 16 matrices (64, 256) of u16 weights, each row with its ``kept`` largest."""
    random = np.random.default_rng(seed)
    stake = random.pareto(1.2, VALIDATORS) + 1.0
    quality = random.random(UIDS) ** 3
    matrices = []
    for _ in range(MATRICES):
        weights = quality * random.lognormal(0.0, 0.2, (VALIDATORS, UIDS))
        least = np.sort(weights, axis=1)[:, -kept][:, None]
        weights = np.where(weights >= least, weights, 0.0)
        matrices.append((weights * 65535 / weights.max(axis=1, keepdims=True) + 0.5).astype(np.uint16))
    return stake / stake.sum(), matrices


class Subnet:
    """A subnet that runs through the matrices, one an epoch."""

    def __init__(self, seed: int, kept: int, kernel: Any = None, **changes: Any) -> None:
        stake, self.matrices = inputs(seed, kept)
        self.consensus = SubnetConsensus(UIDS, {**PARAMS, **changes}, kernel=kernel)  # type: ignore[typeddict-item]
        self.consensus.set_stake(np.r_[stake, np.zeros(UIDS - VALIDATORS)])
        self.epochs = 0

    def set_weights(self) -> int:
        """Put the next matrix in place; the block of its epoch."""
        block = TEMPO * (self.epochs + 1)
        self.consensus.set_all_weights(VOTERS, self.matrices[self.epochs % MATRICES], block - 1)
        self.epochs += 1
        return block

    def time(self, epochs: int) -> tuple[float, float]:
        """Run so many epochs; seconds of CPU and of wall."""
        cpu = wall = 0
        for _ in range(epochs):
            block = self.set_weights()
            began, began_wall = time.process_time_ns(), time.perf_counter_ns()
            self.consensus.run(block, EMISSION_RAO)
            cpu += time.process_time_ns() - began
            wall += time.perf_counter_ns() - began_wall
        return cpu / 1e9, wall / 1e9


def w4(seed: int, epochs: int = EPOCHS, kernel: Any = None) -> dict[str, Any]:
    """Time ``epochs`` epochs of W4, and a quarter as many of each variant.

    ``events`` are epochs. ``difference_from_definition`` is the largest difference of the last epoch's
    incentives and dividends from those of the plain NumPy definition on the same inputs.
    """
    subnet = Subnet(seed, KEPT, kernel)
    subnet.time(1)  # the first epoch has no bonds and makes room
    cpu, wall = subnet.time(epochs - 1)
    bonds = subnet.consensus.bonds.copy()
    last_cpu, last_wall = subnet.time(1)
    found = subnet.consensus
    out = {
        "events": epochs,
        "cpu_seconds": cpu + last_cpu,
        "wall_seconds": wall + last_wall,
        "validators": VALIDATORS,
        "uids": UIDS,
        "sum_incentive_squared": float((found.incentive**2).sum()),
        "sum_dividends_squared": float((found.dividends**2).sum()),
        "difference_from_definition": difference(subnet, bonds),
    }
    out["us_per_epoch"] = 1e6 * out["cpu_seconds"] / epochs
    few = max(epochs // 4, 1)
    for name, kept, changes in (
        ("yuma2", KEPT, {"yuma_version": "yuma2"}),
        ("liquid_alpha", KEPT, {"liquid_alpha": True}),
        ("dense", UIDS, {}),
        ("dense_liquid_alpha", UIDS, {"liquid_alpha": True}),
    ):
        variant = Subnet(seed, kept, kernel, **changes)
        variant.time(1)
        out[f"us_per_epoch_{name}"] = 1e6 * variant.time(few)[0] / few
    began = time.process_time_ns()
    found.set_params(found.params)
    found.run(TEMPO * (subnet.epochs + 1), EMISSION_RAO, epochs=few)
    out["us_per_epoch_unchanged"] = (time.process_time_ns() - began) / 1e3 / few
    out["share_advanced"] = found.epochs_advanced / few
    return out


def definition(seed: int, epochs: int = 20) -> dict[str, Any]:
    """Time so many epochs of W4 by the plain NumPy definition."""
    subnet = Subnet(seed, KEPT, "reference")
    cpu, wall = subnet.time(epochs)
    return {"events": epochs, "cpu_seconds": cpu, "wall_seconds": wall}


def difference(subnet: Subnet, bonds: NDArray[np.uint16]) -> float:
    """Largest difference of the last epoch from its definition, which starts from ``bonds``."""
    found = subnet.consensus
    defined = SubnetConsensus(UIDS, found.params, kernel="reference")
    for name in ("stake", "permit", "updated", "registered", "committed", "targets", "values", "counts"):
        getattr(defined, name)[:] = getattr(found, name)
    defined.set_bonds(bonds)
    defined.run(TEMPO * subnet.epochs, EMISSION_RAO)
    return max(
        float(np.abs(found.incentive - defined.incentive).max()),
        float(np.abs(found.dividends - defined.dividends).max()),
    )
