"""The kernel against queueing theory: replications, their confidence interval, and a check that it is narrow.

The half width belongs to one false alarm in 1,000, were the seeds free.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, stats

from simdai.bench import workloads
from simdai.engine import Environment, Streams
from simdai.kernel import COMPILED, JobClassSpec, Law, PoolSpec, VenueSpec, make_market
from simdai.kernel.market_spec import TRACE_KINDS
from simdai.mechanisms.queues import erlang_c

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.skipif(not COMPILED, reason="replications of this size need the compiled kernel"),
]

SEED = 20261122


def agrees(sample, expected, narrow):
    """The mean of the replications agrees with the theory, and the interval says something."""
    sample = np.asarray(sample, dtype=float)
    half = stats.t.ppf(0.9995, len(sample) - 1) * stats.sem(sample)
    assert half < narrow * expected, f"half width {half:.3g}: too noisy to say anything"
    assert abs(sample.mean() - expected) < half, f"{sample.mean():.6g} +- {half:.3g}, theory {expected:.6g}"


def replications(n: int, measure: Callable[[int], dict[str, float]]) -> dict[str, np.ndarray]:
    rows = [measure(SEED + r) for r in range(n)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def queue(seed, arrivals, service, servers=1, patience=None, customers=100_000):
    """One queue in a pooled venue, measured after the first tenth of the customers."""
    env = Environment()
    market = make_market(
        env,
        venues=[VenueSpec("queue", "pooled", capacity=servers)],
        pools=[],
        job_classes=[
            JobClassSpec("customers", arrivals, service, limit=customers, patience=patience or Law("never"))
        ],
        seed=seed,
    )
    market.set_shares(0, [1.0])
    env.run(until=market.signal("arrivals", at=customers // 10))
    market.reset_counters()
    began, busy = env.now, market.venue_table()["gpu_days"][0]
    env.run(until=market.signal("arrivals", at=customers))
    c = {name: table[0, 0].item() for name, table in market.counters().items()}
    return {
        "wait": c["wait_days"] / c["started"],
        "waiting": c["waited"] / c["started"],
        "reneged": c["reneged"] / c["submitted"],
        "busy": (market.venue_table()["gpu_days"][0] - busy) / (env.now - began),
    }


# -- one queue -----------------------------------------------------------------------------------------------


def test_the_benchmarks_queue_agrees_with_erlang_c():
    """W1: 50 servers, load 45. Erlang (1917)."""
    # The definition of W1 prints both numbers.
    assert erlang_c(50, 45.0) == pytest.approx(0.363864, abs=5e-7)
    assert workloads.mean_wait_of_theory() == pytest.approx(0.072773, abs=5e-7)
    w1 = replications(30, lambda seed: workloads.w1(100_000, seed))
    agrees(w1["mean_wait"], 0.072773, narrow=0.1)
    agrees(w1["share_waiting"], 0.363864, narrow=0.05)


def test_erlang_c_by_hand():
    """Two servers, load 1: B(1) = 1/2, B(2) = (1/2) / (2 + 1/2) = 1/5, C = (1/5) / (1 - 1/2 x 4/5) = 1/3."""
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3, rel=1e-15)
    assert erlang_c(1, 0.8) == pytest.approx(0.8, rel=1e-15)


def test_a_single_server_agrees_with_m_m_1():
    """Mean wait rho / (mu - lambda) = 0.8 / 0.2 = 4; a share rho waits."""
    out = replications(30, lambda seed: queue(seed, 0.8, Law("exponential", 1.0)))
    agrees(out["wait"], 4.0, narrow=0.1)
    agrees(out["waiting"], 0.8, narrow=0.01)
    agrees(out["busy"], 0.8, narrow=0.01)


@pytest.mark.parametrize(
    ("law", "second_moment"),
    [
        (Law("deterministic", 1.0), 1.0),
        (Law("lognormal", 1.0, 0.8), math.exp(0.8**2)),
        (Law("weibull", 1.0, 2.0), math.gamma(2.0) / math.gamma(1.5) ** 2),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_single_server_agrees_with_pollaczek_and_khinchine(law, second_moment):
    """Mean wait lambda E[S^2] / (2 (1 - rho)); Pollaczek (1930), Khinchine (1932)."""
    out = replications(30, lambda seed: queue(seed, 0.7, law))
    agrees(out["wait"], 0.7 * second_moment / (2 * 0.3), narrow=0.1)
    agrees(out["waiting"], 0.7, narrow=0.02)


@pytest.mark.parametrize(
    "law", [Law("exponential", 1.0), Law("lognormal", 1.0, 1.5), Law("deterministic", 1.0)]
)
def test_losses_without_patience_agree_with_erlang_b_for_any_service_law(law):
    """Ten servers, load 8; who finds all busy leaves. Erlang (1917); any law: Sevast'yanov (1957)."""
    blocking = 1.0
    for k in range(1, 11):
        blocking = 8 * blocking / (k + 8 * blocking)
    assert blocking == pytest.approx(0.12166, abs=1e-5)  # in every table of Erlang's loss formula
    out = replications(
        20, lambda seed: queue(seed, 8.0, law, servers=10, patience=Law("deterministic", 1e-9))
    )
    agrees(out["reneged"], blocking, narrow=0.05)
    agrees(out["busy"], 8 * (1 - blocking), narrow=0.02)


def test_abandonment_agrees_with_erlang_a():
    """M/M/c+M: a birth-death chain with deaths min(n, c) mu + (n - c)^+ theta; Palm (1957)."""
    c, arrivals, theta = 10, 11.0, 0.5
    weight = [1.0]
    for n in range(1, 400):
        weight.append(weight[-1] * arrivals / (min(n, c) + max(n - c, 0) * theta))
    p = np.array(weight) / sum(weight)
    waiting = (np.maximum(np.arange(400) - c, 0) * p).sum()
    out = replications(
        30,
        lambda seed: queue(
            seed, arrivals, Law("exponential", 1.0), servers=c, patience=Law("exponential", 1 / theta)
        ),
    )
    agrees(out["reneged"], theta * waiting / arrivals, narrow=0.05)
    agrees(out["busy"], (np.minimum(np.arange(400), c) * p).sum(), narrow=0.01)


# -- the benchmark's marketplace -----------------------------------------------------------------------------


def test_the_benchmarks_marketplace_agrees_with_its_stationary_theory():
    """W2 with 1,000 providers over 20 days; the definition of W2 derives the figures."""
    w2 = replications(12, lambda seed: workloads.w2(1000, 20.0, seed))
    agrees(w2["online_share"], 0.8, narrow=0.005)
    agrees(w2["failures_per_completion"], 1 / 12, narrow=0.02)
    # Busy from an empty start, in hours: 0.56 (1 - (1 - exp(-T/2)) 2/T) = 0.5577 at 20 days.
    agrees(w2["busy_share"], 0.56 * (1 - (1 - math.exp(-240)) / 240), narrow=0.01)
    assert w2["expected_busy_share"][0] == pytest.approx(0.5577, abs=5e-5)
    # P* = 0.56 x 12/13 x 1.35 / 0.05, "about 13.96": the mean ask of working providers is known to 1 %.
    assert abs(w2["token_price"].mean() / 13.96 - 1) < 0.015
    assert stats.sem(w2["token_price"]) < 0.005 * 13.96


def test_the_marketplaces_events_are_as_many_as_its_definition_says():
    """About 3.1e5 events in 20 days: turns, arrivals, completions, failures; epochs before the horizon."""
    out = workloads.w2(1000, 20.0, SEED)
    assert out["epochs"] == 479
    hours, n = 480, 1000
    turns = 2 * n * hours / 30
    attempts_ending = 0.28 * n * hours * (1 + 1 / 12)
    assert out["events"] == pytest.approx(turns + 0.28 * n * hours + attempts_ending + 479, rel=0.01)


# -- arrivals ------------------------------------------------------------------------------------------------


def arrival_times(days, seed=SEED, **options):
    """Arrivals of one class, all of which stay outside."""
    env = Environment()
    jobs = JobClassSpec("jobs", 2000.0, Law("exponential", 1.0), **options)
    market = make_market(env, venues=[], pools=[], job_classes=[jobs], seed=seed, trace=True)
    env.run(until=days)
    assert set(market.trace["kind"]) == {TRACE_KINDS.index("outside") + 1}
    return market.trace["time"]


def test_arrivals_are_a_poisson_process():
    times = arrival_times(50)
    gaps = np.diff(times) * 2000
    assert stats.kstest(gaps, "expon").pvalue > 1e-4
    hourly = np.bincount((times * 24).astype(int), minlength=1200)
    dispersion = ((hourly - hourly.mean()) ** 2).sum() / hourly.mean()
    assert 1e-4 < stats.chi2.sf(dispersion, 1199) < 1 - 1e-4
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4.5 / math.sqrt(len(gaps))


def test_hourly_arrivals_follow_the_profile_of_the_day():
    """Rate 2000 (1 + 0.6 cos 2 pi (t - 0.6)), integrated over each hour."""
    days = 100
    times = arrival_times(days, diurnal_amplitude=0.6, diurnal_peak=0.6)
    edges = np.arange(25) / 24
    share = np.diff(edges + 0.6 * np.sin(2 * np.pi * (edges - 0.6)) / (2 * np.pi))
    assert share.sum() == pytest.approx(1) and share.max() > 3.5 * share.min()
    counts = np.histogram(times % 1, edges)[0]
    statistic = ((counts - 2000 * days * share) ** 2 / (2000 * days * share)).sum()
    assert 1e-4 < stats.chi2.sf(statistic, 24) < 1 - 1e-4
    assert 5 / math.sqrt(counts.min()) < 0.1, "too noisy to say anything"


# -- providers -----------------------------------------------------------------------------------------------


def providers(n, seed=SEED, **options):
    env = Environment()
    market = make_market(
        env,
        venues=[VenueSpec("venue", "cheapest")],
        pools=[PoolSpec("homes", 0, 0, **options)],
        job_classes=[],
        streams=Streams(seed),
    )
    market.add_providers(0, np.ones(n, dtype=np.int64))
    return env, market


@pytest.mark.parametrize(
    ("online", "offline"),
    [
        (Law("exponential", 1.0), Law("exponential", 0.25)),
        (Law("weibull", 1.0, 0.7), Law("weibull", 0.25, 1.5)),
        (Law("lognormal", 1.0, 1.2), Law("deterministic", 0.25)),
    ],
    ids=lambda law: law.kind,
)
def test_availability_is_the_mean_spell_online_over_the_mean_cycle(online, offline):
    """1 / (1 + 0.25) = 0.8, measured after 50 days, when the common start is forgotten."""
    env, market = providers(3000, online=online, offline=offline)
    env.run(until=50)
    before = market.providers(0)["online_days"]
    env.run(until=250)
    agrees((market.providers(0)["online_days"] - before) / 200, 0.8, narrow=0.01)


def test_the_first_state_is_drawn_with_the_long_run_share():
    _, market = providers(20_000, online=Law("exponential", 3.0), offline=Law("exponential", 2.0))
    online = int(market.providers(0)["online"].sum())
    assert abs(online - 12_000) < 4.5 * math.sqrt(20_000 * 0.6 * 0.4)


def test_a_daily_profile_of_availability_solves_its_equation():
    """p' = (1 - p) (1 + a cos) / off - p (1 - a cos) / on, integrated to the ninth day."""
    n, on, off, a, peak = 20_000, 0.5, 0.3, 0.8, 0.7
    env, market = providers(
        n,
        online=Law("exponential", on),
        offline=Law("exponential", off),
        diurnal_amplitude=a,
        diurnal_peak=peak,
    )

    def slope(t, p):
        wave = a * math.cos(2 * math.pi * (t - peak))
        return (1 - p) * (1 + wave) / off - p * (1 - wave) / on

    times = 8 + np.arange(0, 24, 2) / 24
    expected = integrate.solve_ivp(slope, (0, 9), [on / (on + off)], t_eval=times, rtol=1e-9, atol=1e-9).y[0]
    assert expected.max() - expected.min() > 0.3, "the profile must be visible"
    for time, p in zip(times, expected, strict=True):
        env.run(until=time)
        z = (market.pools()["idle"][0] - n * p) / math.sqrt(n * p * (1 - p))
        assert abs(z) < 4.5, f"at {time:.2f}: z = {z:.1f}"


@pytest.mark.parametrize(
    "law", [Law("lognormal", 0.5, 1.0), Law("weibull", 0.5, 0.7), Law("exponential", 0.5)]
)
def test_jobs_in_service_without_a_limit_are_poisson_whatever_the_law(law):
    """M/G/infinity: mean and variance lambda E[S] = 40 (Takács 1962)."""

    def running(seed):
        env = Environment()
        market = make_market(
            env,
            venues=[VenueSpec("cloud", "pooled", capacity=10**6)],
            pools=[],
            job_classes=[JobClassSpec("jobs", 80.0, law)],
            seed=seed,
        )
        market.set_shares(0, [1.0])
        env.run(until=30)
        return {"running": float(market.counters()["running"][0, 0])}

    sample = replications(300, running)["running"]
    agrees(sample, 40.0, narrow=0.04)
    ratio = sample.var(ddof=1) / 40
    assert 1e-4 < stats.chi2.sf(299 * ratio, 299) < 1 - 1e-4
