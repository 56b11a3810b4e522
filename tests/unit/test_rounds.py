"""Rounds of open training: against the runs on record, the closed forms, and cases worked by hand."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.low_communication import (
    effective_throughput,
    open_run_duration,
    order_statistic_mean,
    pipeline_slowdown,
)
from simdai.schema import Scenario
from simdai.simulation import Simulation
from simdai.training.open_run import OpenRunning
from simdai.training.recipe import forecast
from simdai.training.sync import Gather, Links, Payload, Ring, Star

NODE: dict[str, Any] = {
    "peak": 1e15,
    "mfu": 0.4,
    "memory": 640.0,
    "up": 1e9,
    "down": 1e9,
    "cost": 10.0,
}
RUN: dict[str, Any] = {
    "kind": "open_run",
    "budget": {"usd": 8 * 10.0 * 8766},
    "nodes": {"hosts": NODE},
    "entry": {"start": 8, "least": 8, "most": 8, "turnover": 0.0, "sensitivity": 0.0, "memory": 14.0},
    "recipe": {"params": 1e9, "tokens": 1e11, "longest": 300.0, "inner_steps": 100, "step_tokens": 1e6},
    "rounds": {"sync": {"kind": "ring"}, "payload": {"bits": 16.0}},
    "pause": 1000.0,
    "rounds_per_event": 10,
    "quality": {
        "anchor": {
            "index": 114.6,
            "date": "2026-03-09",
            "flop": 4.8e23,
            "params": 7.27e10,
            "replicas": 16.9,
            "inner_steps": 30,
            "payload": {"bits": 2.0, "density": 0.015625, "index_bits": 12.0},
        },
        "points_per_oom": 13.2,
        "software": {"kind": "annual", "value": 1.0, "annual_factor": 2.83},
    },
}


def scenario(changes: dict[str, Any] | None = None, **top: Any) -> Scenario:
    run = copy.deepcopy(RUN)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = run
        for key in parents:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    top = {"start": "2026-01-01", "horizon": "20 d", "record_every": "5 d"} | top
    return Scenario(training={"run": run}, **top)


def simulate(
    changes: dict[str, Any] | None = None, seed: int = 1, **top: Any
) -> tuple[OpenRunning, dict[str, float]]:
    sim = Simulation(scenario(changes, **top), seed=seed)
    outcomes = dict(sim.run().outcomes)
    return sim.world.training["run"], outcomes


# -- the runs on record --------------------------------------------------------------------------------------


def test_opendiloco_computes_nine_tenths_of_the_time():
    """arXiv:2407.07852: 67.5 minutes of steps and 300 s of exchange, utilisation 0.90 to 0.95."""
    run = simdai.Simulation(simdai.load("training/opendiloco", set={"horizon": "2 d"}), seed=1).run()
    assert run.outcomes["opendiloco.utilisation"] == pytest.approx(67.5 / 72.5, abs=0.002)
    assert 0.90 <= run.outcomes["opendiloco.utilisation"] <= 0.95
    assert run.outcomes["opendiloco.round_minutes"] == pytest.approx(72.5, rel=0.005)


@pytest.mark.parametrize(("link", "utilisation"), [(3.17e8, 0.83), (1.443e9, 0.957)], ids=["world", "usa"])
def test_intellect_1_keeps_its_hosts_as_busy_as_printed(link, utilisation):
    """arXiv:2412.01152: 38 minutes of steps, all-reduces of 469 s worldwide and 103 s within the USA."""
    hosts = {"training.intellect1.nodes.hosts.up": link, "training.intellect1.nodes.hosts.down": link}
    run = simdai.Simulation(simdai.load("training/intellect1", set={"horizon": "5 d", **hosts}), seed=1).run()
    assert run.outcomes["intellect1.utilisation"] == pytest.approx(utilisation, abs=0.003)
    assert run.outcomes["intellect1.replicas"] == 14


def test_covenant_72b_takes_the_printed_rounds_and_eighty_days():
    """arXiv:2603.08163: 1,200 s and 70 s, 16.9 updates of 30 x 192 x 2,048 tokens, 1.1e12 tokens in all."""
    changes = {"training.covenant.rounds_per_event": 200}
    run = simdai.Simulation(simdai.load("training/covenant", set=changes), seed=1).run()
    o = run.outcomes
    assert o["covenant.utilisation"] == pytest.approx(0.945, abs=0.002)
    assert o["covenant.replicas"] == pytest.approx(16.9, abs=0.4)
    assert o["covenant.round_minutes"] * 60 == pytest.approx(1270, rel=0.01)
    printed = open_run_duration(1.1e12, 16.9, 30, 192, 2048, 1270) / 86_400
    assert o["covenant.lead_days"] == pytest.approx(printed, rel=0.03)
    assert o["covenant.flop"] == pytest.approx(4.8e23, rel=0.01)
    assert o["covenant.index"] == pytest.approx(114.6, abs=1.0)  # its own anchor


# -- closed forms --------------------------------------------------------------------------------------------


def test_alike_nodes_do_what_the_closed_form_says_to_the_last_token():
    run, o = simulate()
    step = 6 * 1e9 * 1e6 / (1e15 * 0.4)
    ring = 2 * 7 / 8 * 16e9 / 1e9
    assert o["run.round_minutes"] * 60 == pytest.approx(100 * step + ring)
    assert o["run.utilisation"] == pytest.approx(100 * step / (100 * step + ring))
    rounds = math.ceil(1e11 / (8 * 100 * 1e6))
    assert run.all_runs.rounds == rounds
    assert o["run.lead_days"] == pytest.approx(rounds * (100 * step + ring) / 86_400)
    assert o["run.flop"] == pytest.approx(6 * 1e9 * rounds * 8 * 100 * 1e6)
    assert forecast(run._crew(), 100).utilisation == pytest.approx(o["run.utilisation"])


def test_unlike_nodes_reach_the_effective_throughput_of_the_closed_form():
    """Presence, stragglers and exchange together: simulated FLOP/s against sum surv F m x U."""
    changes = {
        "entry": {**RUN["entry"], "start": 40, "least": 40, "most": 40},
        "nodes.hosts.availability": 0.8,
        "nodes.hosts.jitter": 0.1,
        "recipe.tokens": 1e13,
    }
    run, o = simulate(changes)
    alone = np.full(40, 0.8 * 1e15 * 0.4)
    # The slowest of about 32 that are there sets the pace of all.
    waits = order_statistic_mean(32, 32, 0.1)
    expected = effective_throughput(alone, o["run.utilisation"]) / waits
    assert o["run.flop"] / run.all_runs.seconds == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("rank", [8, 6])
def test_waiting_for_the_fastest_follows_the_order_statistics(rank):
    """T_c is the rank-th of 8 lognormal times: David and Nagaraja (2003)."""
    run, o = simulate(
        {
            "nodes.hosts.jitter": 0.3,
            "rounds.accepted": rank / 8,
            "recipe.tokens": 4e11,
            "rounds_per_event": 50,
        }
    )
    compute = run.all_runs.compute_seconds / run.all_runs.rounds
    assert compute == pytest.approx(100 * 15 * order_statistic_mean(8, rank, 0.3), rel=0.02)
    assert o["run.replicas"] == rank


def test_a_deadline_leaves_out_who_is_late():
    run, o = simulate({"nodes.hosts.jitter": 0.3, "rounds.deadline": 1500.0, "rounds_per_event": 50})
    assert o["run.replicas"] == pytest.approx(4.0, rel=0.1)  # half are slower than the median
    assert run.all_runs.compute_seconds / run.all_runs.rounds <= 1500.0


def test_failing_nodes_lose_their_round_and_come_back_with_the_state():
    """Up for 1 / h = 2 days, then half a day of repair and 128 s for 16 bytes x 1e9 at 1 Gbit/s."""
    _, o = simulate(
        {
            "nodes.hosts.failures": 0.5,
            "nodes.hosts.repair": 0.5,
            "recipe.tokens": 1e13,
            "rounds_per_event": 16,
        },
        horizon="60 d",
    )
    round_days = o["run.round_minutes"] / 1440
    away = math.ceil((0.5 + 128 / 86_400) / round_days) * round_days
    assert o["run.replicas"] / 8 == pytest.approx(2.0 / (2.0 + round_days / 2 + away), rel=0.05)


def test_one_round_at_a_time_and_many_at_once_agree():
    changes = {
        "nodes.hosts.availability": 0.9,
        "nodes.hosts.jitter": 0.05,
        "nodes.hosts.failures": 0.05,
        "nodes.hosts.repair": 0.2,
    }
    one = simulate({**changes, "rounds_per_event": 1})[1]
    many = simulate({**changes, "rounds_per_event": 64})[1]
    assert many["run.replicas"] == pytest.approx(one["run.replicas"], rel=0.005)
    assert many["run.lead_days"] == pytest.approx(one["run.lead_days"], rel=0.005)
    assert simulate({"rounds_per_event": 1})[1]["run.flop"] == simulate()[1]["run.flop"]


def test_overlapping_hides_the_exchange_behind_the_steps():
    """T = max(T_c, T_s) / (1 - o), Streaming DiLoCo."""
    _, o = simulate({"rounds.overlap": 0.05})
    assert o["run.round_minutes"] * 60 == pytest.approx(1500 / 0.95)
    _, slow = simulate({"rounds.overlap": 0.05, "nodes.hosts.up": 1e7, "nodes.hosts.down": 1e7})
    assert slow["run.round_minutes"] * 60 == pytest.approx(2 * 7 / 8 * 16e9 / 1e7 / 0.95)


# -- exchange ------------------------------------------------------------------------------------------------

LINKS = Links(np.array([1e9, 1e9]), np.array([1e8, 1e7]), np.array([5e8, 5e8]), np.array([0.0, 0.0]))


def test_the_slowest_link_sets_the_pace_of_an_exchange():
    assert Star(store=3.0).each(LINKS, 2) == pytest.approx([10 + 2 + 3, 100 + 2 + 3])
    assert Ring().each(LINKS, 2) == pytest.approx([10, 100])  # 2 (M - 1) / M = 1
    assert Gather().each(LINKS, 10) == pytest.approx([10 + 20, 100 + 20])


def test_covenants_70_seconds_cannot_come_from_gathering_over_its_quoted_links():
    """110 Mbit/s up and 500 down, 20 peers, 15.9 Gbit each: far beyond the 70 s printed."""
    bits = Payload(bits=2.0, density=64 / 4096, index_bits=12.0).size(7.27e10)
    assert bits == pytest.approx(15.9e9, rel=0.01)
    assert Gather().of(bits, 20, 110e6, 500e6, 0.0) > 700


# -- models that do not fit a node ---------------------------------------------------------------------------


def test_nodes_too_small_for_the_model_join_in_groups():
    """16 bytes x 1e11 parameters are 1.6e12: 3 nodes of 640 GiB a replica, 2 replicas of 8 nodes."""
    pipeline = {"microbatches": 10, "utilisation": 0.5}
    run, o = simulate({"recipe.params": 1e11, "recipe.tokens": 1e9, "rounds.pipeline": pipeline})
    assert o["run.replicas"] == 2
    compute = run.all_runs.compute_seconds / run.all_runs.rounds
    alone = 6 * 1e11 * 1e6 / (1e15 * 0.4)
    assert compute == pytest.approx(100 * alone / 3 * pipeline_slowdown(3, 10) / 0.5)


def test_a_replica_needs_all_its_nodes():
    pipeline = {"microbatches": 10, "utilisation": 0.5}
    changes = {
        "recipe.params": 1e11,
        "recipe.tokens": 1e13,
        "rounds.pipeline": pipeline,
        "nodes.hosts.availability": 0.9,
        "entry": {**RUN["entry"], "start": 60, "least": 60, "most": 60},
        "recipe.step_tokens": 1e5,
    }
    _, o = simulate(changes, horizon="60 d")
    assert o["run.replicas"] == pytest.approx(20 * 0.9**3, rel=0.05)


def test_without_pipelines_nothing_is_trained_that_does_not_fit():
    run, o = simulate({"recipe.params": 1e11, "recipe.longest": 10.0})
    assert o["run.flop"] == 0.0 and o["run.runs"] == 0.0
    assert run.releases == []


# -- bad input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipe.tokens": None}, "either 'params' and 'tokens'"),
        ({"recipe.step_time": 40.0}, "either 'step_tokens' or 'step_time'"),
        ({"nodes.hosts.cost": None}, "either 'cost'"),
        ({"nodes.hosts.cost": None, "nodes.hosts.seller": "nowhere", "nodes.hosts.gpus": 8.0}, "nowhere"),
        ({"nodes.hosts.memory": 0.0}, "memory"),
        ({"entry.most": 2}, "most"),
        ({"rounds.payload.bits": 0.0}, "bits"),
        ({"rounds.accepted": 0.0}, "accepted"),
        ({"contributors": "nobody"}, "nobody"),
        ({"record": {"2027-01-01": 120.0}}, "or before"),
        ({"nodes": {}}, "at least one"),
        ({"governance": {"kind": "vote"}}, "token_vote"),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    with pytest.raises(ScenarioError, match=said):
        scenario(changes)
