"""The compiled kernel's pending events under stress: far, near, all at once, at any rate.

Each stress is a small program on a market; in a small size both kernels must give the same history, in a
large one the compiled kernel must give what follows from the description.
"""

import math

import numpy as np
import pytest

from simdai.engine import Environment
from simdai.kernel import COMPILED, JobClassSpec, Law, PoolSpec, VenueSpec, make_market
from simdai.kernel.market_spec import TRACE_KINDS

pytestmark = pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")

FAR = 1e15


def always(days):
    return Law("deterministic", days)


def cloud(kernel, *classes, capacity=10**9, pools=(), start=0.0):
    """A market with one cloud that serves every class, and perhaps pools at a second venue."""
    env = Environment(start)
    market = make_market(
        env,
        venues=[VenueSpec("cloud", "pooled", capacity=capacity), VenueSpec("homes", "cheapest")],
        pools=pools,
        job_classes=classes,
        seed=3,
        kernel=kernel,
        trace=True,
    )
    for c in range(len(classes)):
        market.set_shares(c, [1.0, 0.0])
    return env, market


def times(market, kind):
    return market.trace["time"][market.trace["kind"] == TRACE_KINDS.index(kind) + 1]


def in_order(market):
    return bool(np.all(np.diff(market.trace["time"]) >= 0))


# -- the stresses --------------------------------------------------------------------------------------------


def a_lone_far_event(kernel, n):
    """``n`` short jobs and one that ends after 1e15 days, when nothing else is left."""
    env, market = cloud(
        kernel,
        JobClassSpec("long", 1.0, always(FAR), regular=True, limit=1),
        JobClassSpec("short", n / 10, Law("exponential", 0.1), limit=n),
    )
    env.run()
    return env, market


def near_events_after_a_far_one(kernel, n):
    """After 1e15 days of nothing, ``n`` short jobs."""
    env, market = cloud(
        kernel,
        JobClassSpec("long", 1.0, always(FAR), regular=True, limit=1),
        JobClassSpec("short", 0.0, Law("exponential", 300.0), limit=n),
    )
    market.signal("done").callbacks.append(lambda _: market.set_rate(1, 0.5))
    env.run()
    return env, market


def one_instant(kernel, n):
    """``n`` jobs start at one instant, end at one instant, and ``n`` providers turn together."""
    turning = PoolSpec("turning", 1, 0, online=always(1.0), offline=always(0.5))
    jobs = JobClassSpec("jobs", 2.0 * n, always(1.0), regular=True, limit=n)
    env, market = cloud(kernel, jobs, capacity=0, pools=[turning])
    market.add_providers(0, np.ones(n, dtype=np.int64), online=True)
    env.timeout(1.0).callbacks.append(lambda _: market.set_capacity(0, n))
    env.run(until=4.25)
    return env, market


def tiny_and_huge_delays(kernel, n):
    """Delays of 1e-9, 1 and 1e9 days side by side."""
    env, market = cloud(
        kernel,
        *(JobClassSpec(f"{days:g}", 1e9, Law("exponential", days), limit=n) for days in (1e-9, 1.0, 1e9)),
    )
    env.run()
    return env, market


def a_drifting_rate(kernel, n):
    """The rate rises a thousandfold, falls again, and the providers' spells stay as they are."""
    homes = PoolSpec("homes", 1, 0, online=Law("exponential", 1.0), offline=Law("exponential", 0.25))
    env, market = cloud(kernel, JobClassSpec("jobs", 1.0, Law("exponential", 0.01)), pools=[homes])
    market.add_providers(0, np.ones(max(n // 1000, 1), dtype=np.int64))
    for day, rate in enumerate((1.0, n / 30, n / 1000, 1.0, n / 3, 1.0), start=1):
        market.set_rate(0, rate)
        env.run(until=float(day))
    return env, market


def a_look_ahead(kernel, n):
    """Somebody looks at a far event, and then ``n`` near ones are scheduled, again and again."""
    homes = PoolSpec("homes", 1, 0, online=Law("exponential", 0.5), offline=Law("exponential", 0.5))
    env, market = cloud(kernel, JobClassSpec("long", 1.0, always(1e6), regular=True, limit=1), pools=[homes])
    seen = []

    def macro():
        yield env.timeout(2.0)
        for _ in range(4):
            seen.append(env.peek())
            uids = market.add_providers(0, np.ones(n, dtype=np.int64))
            seen.append(env.peek())
            yield env.timeout(0.25)
            seen.append(env.peek())
            market.remove_providers(uids)
            yield env.timeout(1000.0)

    env.process(macro())
    env.run(until=4100.0)
    market.seen = seen
    return env, market


def cancelled_events(kernel, n):
    """Jobs that would run for a long time fail again and again; their ends stay behind in the calendar."""
    fragile = PoolSpec("fragile", 1, 0, online=Law("exponential", 0.1), offline=Law("exponential", 0.01))
    jobs = JobClassSpec("jobs", 1.0 * n, Law("lognormal", 1.0, 2.0), redraw=True)
    env, market = cloud(kernel, jobs, pools=[fragile])
    market.set_shares(0, [0.0, 1.0])
    market.add_providers(0, np.arange(n))
    env.run(until=3.0)
    return env, market


def a_start_before_zero(kernel, n):
    """The clock starts at -3.5 days."""
    homes = PoolSpec("homes", 1, 0, online=Law("exponential", 1.0), offline=Law("exponential", 0.25))
    jobs = JobClassSpec("jobs", 1.0 * n, Law("exponential", 0.5))
    env, market = cloud(kernel, jobs, pools=[homes], start=-3.5)
    market.add_providers(0, np.ones(n, dtype=np.int64))
    env.run(until=2.0)
    return env, market


def a_late_start(kernel, n):
    """The clock starts at a million days."""
    homes = PoolSpec("homes", 1, 0, online=Law("exponential", 1.0), offline=Law("exponential", 0.25))
    jobs = JobClassSpec("jobs", 1.0 * n, Law("exponential", 0.5))
    env, market = cloud(kernel, jobs, pools=[homes], start=1e6)
    market.add_providers(0, np.ones(n, dtype=np.int64))
    env.run(until=1e6 + 3)
    return env, market


STRESSES = [
    a_lone_far_event,
    near_events_after_a_far_one,
    one_instant,
    tiny_and_huge_delays,
    a_drifting_rate,
    a_look_ahead,
    cancelled_events,
    a_start_before_zero,
    a_late_start,
]


@pytest.mark.parametrize("stress", STRESSES, ids=lambda stress: stress.__name__)
@pytest.mark.parametrize("n", [1, 40, 700])
def test_both_kernels_go_through_each_stress_alike(stress, n):
    (env_a, a), (env_b, b) = stress("compiled", n), stress("reference", n)
    assert a.trace.tolist() == b.trace.tolist()
    assert a.state() == b.state()
    assert (env_a.now, env_a.sequence) == (env_b.now, env_b.sequence)
    assert getattr(a, "seen", None) == getattr(b, "seen", None)


# -- large sizes ---------------------------------------------------------------------------------------------


def test_a_lone_event_in_the_far_future_is_found():
    env, market = a_lone_far_event("compiled", 100_000)
    assert env.now == FAR + 1 and in_order(market)
    assert market.counters()["completed"][0].tolist() == [1, 100_000]
    assert env.peek() == math.inf


def test_near_events_after_a_far_one_keep_their_order():
    """At 1e15 days the clock's steps are an eighth of a day: many events share an instant."""
    env, market = near_events_after_a_far_one("compiled", 50_000)
    assert market.counters()["completed"][0].tolist() == [1, 50_000]
    assert in_order(market) and FAR + 90_000 < env.now < FAR + 120_000


def test_a_hundred_thousand_events_can_share_an_instant():
    n = 100_000
    _, market = one_instant("compiled", n)
    trace = market.trace
    for kind, when in (("start", [1.0]), ("done", [2.0]), ("down", [1.0, 2.5, 4.0]), ("up", [1.5, 3.0])):
        rows = trace[trace["kind"] == TRACE_KINDS.index(kind) + 1]
        assert rows["time"].tolist() == np.repeat(when, n).tolist()
        assert rows["id"].tolist() == list(range(n)) * len(when), "ties go by insertion"


def test_delays_of_any_size_live_side_by_side():
    n = 30_000
    env, market = tiny_and_huge_delays("compiled", n)
    assert market.counters()["completed"][0].tolist() == [n, n, n]
    assert in_order(market)
    # The last of n exponential delays comes after about mean (log n + 0.58), with a spread of 1.28 means.
    assert 1e9 * (math.log(n) - 3) < env.now < 1e9 * (math.log(n) + 12)


def test_a_rate_can_drift_a_thousandfold_and_back():
    n = 300_000
    _, market = a_drifting_rate("compiled", n)
    assert in_order(market)
    by_day = np.histogram(times(market, "arrive"), np.arange(7))[0]
    for count, rate in zip(by_day, (1.0, n / 30, n / 1000, 1.0, n / 3, 1.0), strict=True):
        assert abs(count - rate) < 5 * math.sqrt(rate) + 5
    done = times(market, "done")
    assert len(done) + market.counters()["running"].sum() == by_day.sum()


def test_a_look_ahead_does_not_disturb_what_comes_before():
    n = 20_000
    _, market = a_look_ahead("compiled", n)
    assert in_order(market)
    far = 1.0 + 1e6
    for ahead, near, later in np.array(market.seen).reshape(4, 3):
        assert far >= ahead > near < later
    # Everybody turns at rate 2 a day, for a quarter of a day, four times.
    turns = len(times(market, "up")) + len(times(market, "down"))
    assert abs(turns - 4 * n * 0.5) < 5 * math.sqrt(4 * n * 0.5)


def test_ends_of_failed_work_do_not_count():
    n = 5_000
    _, market = cancelled_events("compiled", n)
    assert in_order(market)
    c = {name: int(table.sum()) for name, table in market.counters().items() if name != "wait_days"}
    assert c["failed_attempts"] > 4 * n
    assert c["started"] == c["completed"] + c["failed_attempts"] + c["running"]
    assert len(times(market, "done")) == c["completed"] and len(times(market, "fail")) == c["failed_attempts"]
