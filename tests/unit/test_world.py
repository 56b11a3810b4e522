"""Worlds and simulations: the shipped examples, luck, replay, branches, scale."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.economy.ledger import Ledger
from simdai.errors import LedgerError, SimdaiError
from simdai.kernel import COMPILED
from simdai.kernel.market_spec import TRACE_KINDS
from simdai.simulation import Run, Simulation
from tests.worlds import BEHAVIOUR, SMALL, run, small

LIVELY = {
    "networks.gridnet.providers.racks.behaviour": BEHAVIOUR,
    "networks.gridnet.providers.racks.repricing": {"use_target": 0.7, "speed": 0.02, "memory": 7.0},
    "networks.gridnet.token.speculation": {"kind": "traders", "fundamental_speed": 4.0, "noise": 0.6},
    "networks.gridnet.token.traders_share": 0.2,
    "networks.gridnet.pay": {"kind": "buyback", "fee": 0.1},
    "shocks": [{"kind": "demand_step", "at": "2026-01-15", "factor": 1.5}],
}


def columns(out: Run, kind: str) -> list[tuple[Any, ...]]:
    """Trace records of a kind as (time, id, other)."""
    assert out.trace is not None
    rows = out.trace[out.trace["kind"] == TRACE_KINDS.index(kind) + 1]
    return [(row["time"], row["id"], row["other"]) for row in rows]


# -- the shipped examples


def test_the_minimal_example_is_short_and_runs_on_the_reference_kernel_in_seconds() -> None:
    scenario = simdai.load("examples/minimal")
    assert scenario.provenance.content.count(b"\n") < 25
    assert scenario.horizon <= 30
    out = Simulation(scenario, kernel="reference").run()
    assert out.seconds < 10  # about half a second on an idle machine
    assert out.outcomes["niche.cost.unit_cost_ratio"] < 1
    assert out.outcomes["gridnet.token.burned"] > 0
    assert set(out.series) <= set(out.units)
    assert len(out.times) == 31


def test_every_number_of_the_first_market_has_a_source() -> None:
    scenario = simdai.load("examples/first_market")
    used = [use for _, use in scenario.provenance.parameters]
    assert len(used) > 60
    assert all(use.source and use.date and use.grade in "ABC" for use in used)


# -- what a run gives


def test_outcomes_are_measured_after_the_warm_up() -> None:
    whole = Simulation(small()).run()
    late = Simulation(small({"warm_up": 20.0})).run()
    assert late.digest == whole.digest
    jobs = whole.series["gridnet.jobs_completed"]
    assert np.isnan(jobs[0]), "of no time"
    assert whole.outcomes["gridnet.jobs_completed"] == jobs[1:].sum()
    assert late.outcomes["gridnet.jobs_completed"] == jobs[21:].sum()


def test_every_outcome_and_series_has_a_unit_and_a_dotted_name() -> None:
    out = run(LIVELY)
    for name in {*out.outcomes, *out.series}:
        assert "." in name
        assert out.units[name]
    expected = {
        "gridnet.price_usd_per_gpu_hour",
        "gridnet.utilisation",
        "gridnet.wait_hours_p90",
        "gridnet.jobs_completed",
        "gridnet.failed_share",
        "gridnet.providers.count",
        "gridnet.providers.margin",
        "gridnet.providers.retention",
        "gridnet.token.price_usd",
        "gridnet.token.supply",
        "gridnet.token.burned",
        "niche.cost.unit_cost_ratio",
        "market.share.gridnet",
    }
    assert expected <= set(out.outcomes)


def test_the_ledger_balances_at_every_recording_and_at_the_end() -> None:
    sim = Simulation(small(LIVELY))
    checks: list[float] = []
    sim.world.recorder.checks.append(lambda: checks.append(sim.now))
    sim.run()
    assert checks == list(range(29))
    assert all(sim.world.ledger.imbalance(asset) == 0 for asset in ("USD", "GRID"))


def test_a_leak_stops_the_run_at_the_next_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = Simulation(small())
    sim.run(3.5)
    monkeypatch.setattr(Ledger, "imbalance", lambda self, asset: int(asset == "GRID"))
    with pytest.raises(LedgerError, match="GRID does not balance"):
        sim.run()
    assert sim.now == 4


# -- luck


def test_the_same_seed_gives_the_same_bits_and_another_replication_others() -> None:
    first, again = run(LIVELY, seed=7), run(LIVELY, seed=7)
    assert first.digests == again.digests
    assert first.outcomes == pytest.approx(again.outcomes, rel=0, abs=0, nan_ok=True)
    assert run(LIVELY, seed=7, replication=1).digest != first.digest


@pytest.mark.skipif(not COMPILED, reason="the compiled kernel is not built")
@pytest.mark.parametrize("match", [{"kind": "cheapest"}, {"kind": "reverse_auction", "bids": 3}])
def test_the_compiled_kernel_and_the_twin_give_the_same_world(match: dict[str, Any]) -> None:
    changes = LIVELY | {"networks.gridnet.match": match}
    compiled, twin = (run(changes, kernel=kernel) for kernel in ("compiled", "reference"))
    assert (compiled.kernel, twin.kernel) == ("compiled", "reference")
    assert compiled.digests == twin.digests
    assert compiled.outcomes == pytest.approx(twin.outcomes, rel=0, abs=0, nan_ok=True)
    for name, column in compiled.series.items():
        np.testing.assert_array_equal(column, twin.series[name], err_msg=name)


def test_a_venue_that_nobody_uses_changes_no_job_and_no_provider() -> None:
    """Nor any price, share or balance: everything that was there before is the same to the last bit."""
    idle = SMALL["networks"]["gridnet"] | {
        "token": SMALL["networks"]["gridnet"]["token"] | {"symbol": "IDLE"}
    }
    idle["providers"] = {"old": SMALL["networks"]["gridnet"]["providers"]["racks"] | {"hardware": "k80"}}
    old = SMALL["hardware"]["h100"] | {"speed": 0.01}
    changes = LIVELY | {"demand.startups.hardware": ["h100"], "hardware.k80": old}
    alone = run(changes, trace=True)
    # the idle network stands first, so that every number of the others shifts
    networks = {"aside": idle, "gridnet": small(changes).model_dump()["networks"]["gridnet"]}
    both = run(
        changes
        | {"networks": networks, "clouds.aside_cloud": SMALL["clouds"]["bigcloud"] | {"hardware": "k80"}},
        trace=True,
    )
    assert both.outcomes["aside.jobs_completed"] == both.outcomes["aside_cloud.jobs_completed"] == 0
    for name, value in alone.outcomes.items():
        assert both.outcomes[name] == value or np.isnan(value), name
    for name, column in alone.series.items():
        np.testing.assert_array_equal(column, both.series[name], err_msg=name)
    for kind in ("arrive", "start", "done", "fail"):
        mine = [(when, number) for when, number, _ in columns(alone, kind)]
        assert mine == [(when, number) for when, number, _ in columns(both, kind)], kind


def spells_and_arrivals(count: int) -> tuple[dict[tuple[str, int], list[tuple[float, str]]], list[float]]:
    """Times at which each provider, by pool and place in it, went on and offline; times of arrivals."""
    sim = Simulation(small({"networks.gridnet.providers.racks.count": count}), trace=True)
    out = sim.run(14)
    spells, names = {}, {}
    for pool, spec in enumerate(sim.world.market.pools_spec):
        table = sim.world.market.providers(pool)
        for uid, index in zip(table["uid"].tolist(), table["index"].tolist(), strict=True):
            names[uid] = (spec.name, index)
            spells[spec.name, index] = list[tuple[float, str]]()
    for kind in ("up", "down"):
        for when, uid, _ in columns(out, kind):
            spells[names[uid]].append((when, kind))
    return spells, sorted(when for kind in ("arrive", "outside") for when, _, _ in columns(out, kind))


def test_one_more_provider_leaves_every_other_ones_spells_and_every_arrival_alone() -> None:
    few, arrivals = spells_and_arrivals(50)
    more, arrivals_then = spells_and_arrivals(51)
    assert len(more) == 51
    assert {name: more[name] for name in few} == few
    assert arrivals == arrivals_then


# -- order of building


def test_the_order_of_actors_in_the_file_does_not_touch_their_luck() -> None:
    two = SMALL["demand"] | {"labs": SMALL["demand"]["startups"] | {"jobs_per_day": 30.0}}
    forward = Simulation(small({"demand": two})).run(5).series
    backward = Simulation(small({"demand": dict(reversed(two.items()))})).run(5).series
    for name in ("startups.jobs_per_day", "labs.jobs_per_day"):
        np.testing.assert_array_equal(forward[name], backward[name])


# -- steps, branches, users' own processes


def test_running_in_pieces_and_by_steps_is_running_at_once() -> None:
    whole = run(LIVELY)
    pieces = Simulation(small(LIVELY))
    for until in (0.25, 7, 13.5):
        pieces.run(until)
    for _ in range(20):
        pieces.step()
    assert pieces.run().digests == whole.digests


def test_branches_share_the_past_and_with_the_same_luck_the_future() -> None:
    sim = Simulation(small(LIVELY))
    sim.run(10)
    sim.step()
    (twin,) = sim.branch(1, luck="same")
    assert twin.now == sim.now
    assert twin.run().digests == sim.run().digests


def test_fresh_branches_share_the_past_and_go_their_own_ways() -> None:
    sim = Simulation(small(LIVELY))
    sim.run(10)
    branches = sim.branch(3)
    past = sim.result().digests
    runs = [branch.run() for branch in branches]
    assert all(out.digests[:10] == past for out in runs)
    assert len({out.digest for out in runs} | {sim.run().digest}) == 4
    assert len({out.outcomes["gridnet.token.price_usd"] for out in runs}) == 3
    # a branch can be branched again
    (child,) = branches[0].branch(1, luck="same")
    assert child.run().digests == runs[0].digests


def test_a_simulation_that_was_changed_by_hand_cannot_be_branched() -> None:
    sim = Simulation(small(LIVELY))
    sim.run(10)
    sim.world.market.set_ask(0, 1)
    with pytest.raises(SimdaiError, match="changed by hand"):
        sim.branch(1)


def test_users_processes_share_the_clock() -> None:
    sim, seen = Simulation(small()), list[float]()

    def watch() -> Any:
        while True:
            yield sim.env.timeout(1.0)
            seen.append(sim.world.networks["gridnet"].token.price)

    sim.env.process(watch())
    sim.run(10)
    assert len(seen) == 9


def test_running_backwards_or_beyond_the_horizon_is_refused() -> None:
    sim = Simulation(small())
    sim.run(5)
    for until in (4, 29, float("nan")):
        with pytest.raises(SimdaiError, match="cannot run until"):
            sim.run(until)


# -- cost


def test_the_ledgers_check_costs_at_most_three_percent() -> None:
    """Some 0.1 % for 3,000 accounts, measured."""
    sim = Simulation(simdai.load("examples/minimal"))
    checks = sim.world.recorder.checks
    spent = 0.0

    def timed() -> None:
        nonlocal spent
        began = time.process_time()
        sim.world.ledger.check()
        spent += time.process_time() - began

    checks[checks.index(sim.world.ledger.check)] = timed
    began = time.process_time()
    sim.run()
    assert 0 < spent < 0.03 * (time.process_time() - began)


# -- scale


def test_at_scale_two_counts_are_reported_in_real_units_and_prices_hold() -> None:
    big = {
        "networks.gridnet.providers.racks.count": 400,
        "demand.startups.jobs_per_day": 800.0,
        "clouds.bigcloud.capacity": 480,
        "networks.gridnet.token.market.liquidity": 8e6,
        "networks.gridnet.token.supply": 8e7,
        "networks.gridnet.emit": {"kind": "fixed", "per_day": 800.0},
        "networks.gridnet.pay": {"kind": "burn"},
    }
    whole, half = run(big), run(big | {"scale": 2.0})
    for name, tolerance in {
        "gridnet.price_usd_per_gpu_hour": 0.01,
        "gridnet.utilisation": 0.04,
        "gridnet.jobs_completed": 0.04,
        "gridnet.revenue_usd": 0.05,
        "gridnet.providers.count": 0.0,
        "gridnet.token.price_usd": 0.01,
        "gridnet.token.supply": 0.01,
        "gridnet.token.issued": 1e-9,
        "gridnet.token.burned": 0.05,
        "market.share.gridnet": 0.04,
        "niche.cost.unit_cost_ratio": 0.04,
    }.items():
        assert half.outcomes[name] == pytest.approx(whole.outcomes[name], rel=tolerance), name
    assert half.series["bigcloud.capacity"][0] == 480
    assert half.n_events < 0.6 * whole.n_events
