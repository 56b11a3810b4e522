"""The compiled Yuma epoch equals its definition: to 1e-9 in shares, to a unit in whole numbers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simdai import kernel
from simdai.kernel import COMPILED
from simdai.mechanisms.yuma import ABSENT, yuma_epoch

pytestmark = pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")

TOP = 65535
SHARES = (
    "stake",
    "active_stake",
    "weights_norm",
    "consensus",
    "clipped",
    "validator_trust",
    "incentive",
    "bonds_norm",
    "bonds_stored",
    "dividends",
)


def random_params(random: np.random.Generator, n: int) -> Any:
    return {
        "yuma_version": random.choice(["yuma2", "yuma3"]),
        "kappa_u16": int(random.choice([0, 16384, 32767, 45000, TOP])),
        "bonds_penalty_u16": int(random.choice([0, 20000, TOP, TOP])),
        "bonds_moving_average_ppm": int(random.choice([0, 500_000, 900_000, 1_000_000])),
        "liquid_alpha": bool(random.random() < 0.5),
        "alpha_low_u16": int(random.choice([6554, 45875])),
        "alpha_high_u16": int(random.choice([19661, 58982])),
        "alpha_sigmoid_steepness_raw": int(random.choice([1, 1000, 10_000])),
        "max_allowed_validators": int(random.integers(0, n + 2)),
        "activity_cutoff": 20,
        "min_stake": int(random.choice([0, 3])),
        "owner_uid": None if random.random() < 0.5 else int(random.integers(n)),
        "emission_rao": 360_000_000_000,
    }


def random_rows(random: np.random.Generator, n: int, tied: bool) -> Any:
    values = random.integers(0, 4, (n, n)) * 20000 if tied else random.integers(0, TOP + 1, (n, n))
    present = random.random((n, n)) < random.choice([0.0, 0.2, 0.9])
    return np.where(present, values, ABSENT)


def random_epoch(random: np.random.Generator, n: int) -> Any:
    tied = bool(random.random() < 0.5)
    stake = random.integers(0, 6, n) if tied else random.pareto(1.2, n) * 10
    epoch = {
        "block": 100,
        "last_tempo_block": 95,
        "stake": stake.astype(float),
        "validator_permit": random.random(n) < random.choice([0.0, 0.5, 1.0]),
        "last_update": random.integers(75, 100, n),
        "block_at_registration": random.integers(75, 100, n) * (random.random(n) < random.choice([0, 0.5])),
        "weights": random_rows(random, n, tied),
        "bonds_prior": random_rows(random, n, tied),
    }
    if random.random() < 0.3:
        epoch["commit_block"] = [
            None if random.random() < 0.5 else int(random.integers(70, 100)) for _ in range(n)
        ]
    return epoch


def same(one: Any, other: Any) -> None:
    for name in SHARES:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-9, err_msg=name)
    assert one["new_permit"].tolist() == other["new_permit"].tolist()
    for name in ("bonds_u16", "server_emission", "validator_emission"):
        unit = 1 if name == "bonds_u16" else 360_000_000_000 // 2**32 + 1
        assert np.abs(np.array(one[name]) - np.array(other[name])).max() <= unit, name


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 24))
def test_the_compiled_epoch_equals_its_definition(seed, n):
    random = np.random.default_rng(seed)
    params, epoch = random_params(random, n), random_epoch(random, n)
    same(kernel.yuma_epoch(params, n, epoch), yuma_epoch(params, n, epoch))


@pytest.mark.parametrize("seed", range(12))
def test_they_are_equal_for_a_whole_subnet(seed):
    random = np.random.default_rng(seed)
    params, epoch = random_params(random, 256), random_epoch(random, 256)
    params["max_allowed_validators"] = 64
    same(kernel.yuma_epoch(params, 256, epoch), yuma_epoch(params, 256, epoch))
