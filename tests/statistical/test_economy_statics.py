"""Markets against queueing theory; comparative statics of the first market over paired runs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import stats

import simdai
from simdai.kernel import COMPILED
from simdai.simulation import Simulation
from tests.worlds import small

pytestmark = pytest.mark.statistical

SEED = 20261122
needs_kernel = pytest.mark.skipif(not COMPILED, reason="takes minutes without the compiled kernel")


def interval(values: list[float], confidence: float = 0.99) -> tuple[float, float]:
    """Mean and half width of its confidence interval."""
    half = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * stats.sem(values)
    return float(np.mean(values)), float(half)


def erlang_c(servers: int, load: float) -> float:
    """Chance of waiting in M/M/c (Erlang, 1917)."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def test_waits_at_a_cloud_are_those_of_erlang() -> None:
    """20 GPUs, 32 jobs a day of half a day: load 16, chance of waiting 0.2561, mean wait 0.768 h."""
    changes = {
        "networks": {},
        "clouds.bigcloud.capacity": 20,
        "demand.startups.jobs_per_day": 32.0,
        "demand.startups.choice.outside_share": 0.0,
        "horizon": 600.0,
        "warm_up": 30.0,
        "record_every": 30.0,
    }
    expected = 24.0 * erlang_c(20, 16.0) / (2.0 * 20 - 32)
    assert expected == pytest.approx(0.7683, abs=1e-4)
    waits = [
        Simulation(small(changes), seed=SEED, replication=r).run().outcomes["bigcloud.wait_hours_mean"]
        for r in range(12)
    ]
    mean, half = interval(waits)
    assert abs(mean - expected) < half
    assert half < 0.35 * expected, "too noisy to say anything"


def test_the_share_that_stays_outside_is_the_logits() -> None:
    """Price 3 at a reference of 2.5, b = 2, a fifth outside: odds 4 (2.5 / 3)^2 = 2.78, outside 0.265."""
    changes = {"networks": {}, "clouds.bigcloud.capacity": 10_000, "horizon": 100.0, "record_every": 100.0}
    expected = 1 / (1 + 4 * (2.5 / 3) ** 2)
    shares = [
        Simulation(small(changes), seed=SEED, replication=r).run().outcomes["market.share.outside"]
        for r in range(10)
    ]
    mean, half = interval(shares)
    assert abs(mean - expected) < half
    assert half < 0.03 * expected


# -- comparative statics

FROM = "2026-07-01"  # day 30, the end of the warm-up
STATICS: dict[str, dict[str, Any]] = {
    "base": {},
    "demand": {"shocks": [{"kind": "demand_step", "at": FROM, "factor": 2.0}]},
    "token": {"networks.gridnet.token.price": 0.075},
    "crash": {
        "shocks": [
            {"kind": "token_price_crash", "at": FROM, "network": "gridnet", "drop": 0.5, "belief": 0.5}
        ]
    },
    "ban": {"shocks": [{"kind": "jurisdiction_ban", "at": FROM, "jurisdiction": "america"}]},
}
REPLICATIONS = 5


@cache
def replicated(case: str, scale: int = 5) -> tuple[dict[str, float], ...]:
    """Outcomes of the first market, a fifth of its size, in each replication."""
    seldom = {"record_every": "30 d"}  # outcomes are measured over the whole window, whatever is recorded
    scenario = simdai.load("examples/first_market", set={"scale": scale, **seldom, **STATICS[case]})
    return tuple(Simulation(scenario, seed=SEED, replication=r).run().outcomes for r in range(REPLICATIONS))


def change(case: str, outcome: str) -> tuple[float, float]:
    """Paired relative change of an outcome and the half width of its 99 % interval."""
    return interval(
        [
            then[outcome] / now[outcome] - 1
            for then, now in zip(replicated(case), replicated("base"), strict=True)
        ]
    )


@needs_kernel
@pytest.mark.parametrize(
    ("case", "outcome", "low", "high"),
    [
        # Twice the demand: prices, use and waits up, entry, and the token with the fees that burn it.
        ("demand", "gridnet.price_usd_per_gpu_hour", 0.15, 0.35),
        ("demand", "gridnet.utilisation", 0.15, 0.35),
        ("demand", "gridnet.wait_hours_mean", 1.0, 8.0),
        ("demand", "gridnet.providers.count", 0.10, 0.30),
        ("demand", "gridnet.token.burned", 0.40, 0.70),
        ("demand", "gridnet.token.price_usd", 0.02, 0.12),
        ("demand", "market.share.gridnet", -0.40, -0.20),  # the cloud has room, the network has not
        # Half the token price: income down, exits up, fewer providers, hardly a change for customers.
        ("token", "gridnet.providers.margin", -0.20, -0.05),
        ("token", "gridnet.providers.exits", 0.20, 1.50),
        ("token", "gridnet.providers.count", -0.10, -0.02),
        ("token", "gridnet.price_usd_per_gpu_hour", 0.0, 0.05),
        ("crash", "gridnet.token.price_usd", -0.55, -0.35),
        ("crash", "gridnet.providers.margin", -0.25, -0.05),
        ("crash", "gridnet.providers.count", -0.09, -0.01),
        # A ban on half of the racks and two fifths of the homes: capacity gone, prices and waits up.
        ("ban", "gridnet.providers.count", -0.45, -0.30),
        ("ban", "gridnet.price_usd_per_gpu_hour", 0.08, 0.25),
        ("ban", "gridnet.wait_hours_mean", 1.0, 6.0),
        ("ban", "gridnet.jobs_completed", -0.35, -0.15),
        ("ban", "market.share.outside", 0.30, 1.0),
    ],
)
def test_comparative_statics(case: str, outcome: str, low: float, high: float) -> None:
    mean, half = change(case, outcome)
    assert low < mean < high
    assert half < 0.8 * abs(mean), "too noisy to say anything"


@needs_kernel
def test_entry_answers_demand_and_exit_the_token_price() -> None:
    base, demand, token = (replicated(case) for case in ("base", "demand", "token"))
    for now, more, poorer in zip(base, demand, token, strict=True):
        assert more["gridnet.providers.entries"] > 5 * now["gridnet.providers.entries"] + 100
        assert poorer["gridnet.providers.exits"] > now["gridnet.providers.exits"]
        assert poorer["gridnet.providers.retention"] < now["gridnet.providers.retention"]


@needs_kernel
def test_after_a_demand_step_prices_answer_before_supply() -> None:
    """Entry waits for income to be seen and for hardware to come: a month and a half."""
    scenario = simdai.load("examples/first_market", set={"scale": 5, **STATICS["demand"]})
    series = Simulation(scenario, seed=SEED).run().series
    racks = series["gridnet.providers.racks.count"]
    price = series["training.price_usd_per_gpu_hour"]
    waits = series["batch.wait_hours_mean"]
    assert waits[31:38].mean() > 2 * waits[20:30].mean(), "waits rise in the first week"
    assert price[60:75].mean() > 1.02 * price[20:30].mean(), "prices rise in the second month"
    assert racks[31:75].max() <= 1.01 * racks[30], "nobody enters within 45 days"
    assert racks[-1] > 1.1 * racks[30], "but then they do"


@needs_kernel
def test_a_market_at_half_the_scale_tells_the_same() -> None:
    fine, coarse = replicated("base", 5), replicated("base", 10)
    for outcome in (
        "gridnet.price_usd_per_gpu_hour",
        "gridnet.utilisation",
        "market.share.gridnet",
        "gridnet.jobs_completed",
        "gridnet.providers.count",
        "niche.cost.unit_cost_ratio",
    ):
        a, half_a = interval([out[outcome] for out in fine])
        b, half_b = interval([out[outcome] for out in coarse])
        assert abs(a - b) < half_a + half_b + 0.005 * a, outcome
        assert half_a < 0.04 * a, "too noisy to say anything"
