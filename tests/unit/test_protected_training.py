"""Training on protected data: who agrees, what is reached, what it costs, takes and leaks."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from simdai.errors import ScenarioError
from simdai.schema import Scenario
from simdai.simulation import Simulation

NODE = {"peak": 4e15, "mfu": 0.25, "memory": 320.0, "up": 1e9, "down": 1e9, "cost": 10.0}
ACCESS: dict[str, dict[str, Any]] = {
    "public": {"kind": "public_data"},
    "federated": {
        "kind": "federated",
        "node": NODE,
        "rounds": {"sync": {"kind": "star"}, "payload": {"bits": 16.0}},
        "inner_steps": 50,
        "step_tokens": 5e4,
        "epsilon": 8.0,
        "noise": {"plain": 0.91, "tight": 0.5, "loose": 8.0, "at_tight": 0.838, "at_loose": 0.867},
        "slowdown": 1.2,
        "member_harm": 0.01,
        "reconstructed": 0.05,
    },
    "enclave": {"kind": "enclave", "loss": 0.25, "break_hazard": 0.01, "held": "60 d"},
    "visits": {
        "kind": "compute_to_data",
        "node": NODE,
        "passes": 2,
        "at_once": 5,
        "review": 2.0,
        "fee": 100.0,
        "multiplier": 1.1,
        "output_leak": 0.001,
    },
}
RUN: dict[str, Any] = {
    "kind": "protected_run",
    "owners": "hospitals",
    "offer": 1000.0,
    "deadline": 400.0,
    "every": 300.0,
    "params": 1e9,
    "epochs": 2,
    "cluster": {"peak": 1e17, "mfu": 0.4, "cost": 100.0},
    "public_tokens": 1e8,
    "base": 140.0,
    "gain": 4.0,
    "scale_tokens": 1e8,
    "slope": 0.1,
    "point_value": 1e6,
}
OWNERS = {
    "kind": "data_owners",
    "count": 20,
    "tokens": 1e8,
    "harm": 1e6,
    "handling": 1e4,
    "tolerance": 0.5,
    "answer": 30.0,
}


def scenario(changes: dict[str, Any] | None = None, **runs: str) -> Scenario:
    """One run for each keyword, which names its access."""
    runs = runs or {name: name for name in ACCESS}
    content: dict[str, Any] = {
        "start": "2026-01-01",
        "horizon": 290.0,
        "record_every": 10.0,
        "institutions": {"hospitals": dict(OWNERS)},
        "training": {name: {**RUN, "access": copy.deepcopy(ACCESS[kind])} for name, kind in runs.items()},
    }
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = content
        for key in parents:
            place = place[key]
        place[last] = value
    return Scenario(**content)


def simulate(
    changes: dict[str, Any] | None = None, seed: int = 1, **runs: str
) -> tuple[Any, dict[str, float]]:
    sim = Simulation(scenario(changes, **runs), seed=seed)
    return sim.world, dict(sim.run().outcomes)


def test_public_data_alone_bring_their_logarithm_and_leak_nothing():
    _, o = simulate(public="public")
    assert o["public.gain"] == pytest.approx(4 * math.log(2))
    assert o["public.leak"] == o["public.owners"] == 0.0
    flop = 6 * 1e9 * 1e8 * 2
    assert o["public.cost_usd"] == pytest.approx(flop / 4e16 / 3600 * 100)
    assert o["public.lead_days"] == pytest.approx(flop / 4e16 / 86400)


def test_an_enclave_reaches_all_that_agree_at_the_cost_of_its_loss():
    world, o = simulate(enclave="enclave")
    assert o["enclave.owners"] == 20 and o["enclave.data_share"] == pytest.approx(1.0)
    assert o["enclave.gain"] == pytest.approx(4 * math.log(1 + (1e8 + 20e8) / 1e8))
    assert o["enclave.overhead"] == pytest.approx(1 / 0.75)
    assert o["enclave.leak"] == pytest.approx(1 - math.exp(-0.01 * 60 / 365.25))
    paid = 20 * 1e8 / 1e6 * 1000.0
    flop = 6 * 1e9 * 21e8 * 2 / 0.75
    assert o["enclave.cost_usd"] == pytest.approx(paid + flop / 4e16 / 3600 * 100)
    assert world.ledger.balance("USD", "hospitals.income") == pytest.approx(paid * 1e6, abs=1)
    assert world.ledger.balance("USD", "enclave.budget") == 0


def test_visits_take_turns_and_a_review_each():
    _, o = simulate(visits="visits")
    visit = 6 * 1e9 * 1e8 * 1.1 / (4e15 * 0.25) / 86400 + 2.0  # one pass: half of two epochs
    wait = o["visits.lead_days"] - 2 * 4 * visit  # 20 owners, five side by side, two passes
    assert 30 < wait < 290  # the last of twenty answers
    assert o["visits.gain"] == pytest.approx(4 * math.log(22))
    assert o["visits.leak"] == pytest.approx(1 - 0.999**2)


def test_federated_training_pays_in_noise_and_in_distance():
    _, o = simulate(federated="federated")
    assert o["federated.owners"] == 20
    noise = 10 * (math.log(0.91 / 0.09) - math.log(0.867 / 0.133))
    assert o["federated.gain"] < 4 * math.log(22) - noise  # distance on top
    assert o["federated.gain"] > 4 * math.log(22) - noise - 6
    assert o["federated.leak"] == pytest.approx(0.01, rel=1e-3)
    _, bare = simulate({"training.federated.access.epsilon": None}, federated="federated")
    assert bare["federated.gain"] == pytest.approx(o["federated.gain"] + noise, abs=0.01)
    assert bare["federated.leak"] == 0.05


def test_federated_rounds_take_the_time_of_the_owners_machines():
    world, o = simulate(federated="federated")
    run = world.training["federated"]
    step = 6 * 1e9 * 5e4 / (4e15 * 0.25 / 1.2)
    exchange = 2 * 16e9 / 1e9
    rounds = math.ceil(20 * 1e8 * 2 / (20 * 50 * 5e4))
    assert run.federation._rounds == rounds
    assert o["federated.lead_days"] - rounds * (50 * step + exchange) / 86400 > 30  # answers came before


def test_owners_want_more_for_what_leaks_more():
    agreeing = [
        simulate({"training.enclave.access.break_hazard": hazard}, enclave="enclave")[1]["enclave.owners"]
        for hazard in (0.0, 0.6, 5.0)
    ]
    assert agreeing[0] == 20 and agreeing[1] == 0  # 100,000 USD against 10,000 + 9.4 % of a million
    assert agreeing[2] == 0


def test_no_price_moves_an_owner_beyond_its_tolerance():
    changes = {"institutions.hospitals.tolerance": 0.001, "training.enclave.offer": 1e9}
    assert simulate(changes, enclave="enclave")[1]["enclave.owners"] == 0


def test_who_answers_too_late_is_left_out():
    _, o = simulate(
        {"training.enclave.deadline": 30.0, "institutions.hospitals.count": 400}, enclave="enclave"
    )
    assert o["enclave.owners"] / 400 == pytest.approx(1 - math.exp(-1), abs=0.07)
    assert o["enclave.lead_days"] == pytest.approx(30.0, abs=1.0)


def test_whose_data_leak_stays_away_and_its_harm_counts():
    changes = {
        "training.enclave.access.break_hazard": 0.3,
        "training.enclave.offer": 1e5,
        "institutions.hospitals.count": 200,
        "horizon": 1490.0,
    }
    world, o = simulate(changes, enclave="enclave")
    hurt = int(world.institutions["hospitals"].hurt["enclave"].sum())
    assert o["enclave.harm_usd"] == pytest.approx(hurt * 1e6)
    assert o["enclave.models"] == 5
    asked_last = 200 - hurt
    assert hurt > 0 and asked_last <= o["enclave.owners"] <= 200


def test_the_niche_names_the_best_protected_run_against_public_data():
    _, o = simulate()
    assert o["niche.privacy.quality_gain"] == pytest.approx(
        max(o["enclave.gain"], o["visits.gain"], o["federated.gain"]) - o["public.gain"]
    )
    assert o["niche.privacy.data_share"] == pytest.approx(1.0)


def test_a_million_tokens_are_worth_the_points_that_they_bring():
    _, o = simulate(enclave="enclave")
    points = 4 * math.log(22) - 4 * math.log(2)
    assert o["enclave.data_value_usd"] == pytest.approx(points * 1e6 / 2000)
    assert o["enclave.net_value_usd"] == pytest.approx(
        o["enclave.gain"] * 1e6 - o["enclave.cost_usd"] - o["enclave.harm_usd"]
    )


def test_adding_a_run_changes_nobody_elses_luck():
    alone = simulate(enclave="enclave")[1]
    together = simulate(enclave="enclave", other="enclave", visits="visits")[1]
    assert {k: v for k, v in together.items() if k.startswith("enclave.")} == {
        k: v for k, v in alone.items() if k.startswith("enclave.")
    }


def test_owners_differ_by_their_spreads():
    spreads = {f"institutions.hospitals.{what}_spread": 1.0 for what in ("tokens", "harm", "handling")}
    world, o = simulate({**spreads, "institutions.hospitals.count": 500}, enclave="enclave")
    owners = world.institutions["hospitals"]
    assert np.std(np.log(owners.tokens)) == pytest.approx(1.0, abs=0.1)
    assert 0 < o["enclave.owners"] < 500
    assert o["enclave.data_share"] > o["enclave.owners"] / 500  # the large ones are paid more


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training.enclave.owners": "banks"}, "banks"),
        ({"training.enclave.access": {"kind": "handshake"}}, "compute_to_data"),
        ({"training.enclave.access.loss": 1.0}, "loss"),
        ({"training.federated.access.slowdown": 0.5}, "slowdown"),
        ({"institutions.hospitals.tokens": 0.0}, "tokens"),
        ({"training.public.cluster.mfu": 0.0}, "mfu"),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    with pytest.raises(ScenarioError, match=said):
        scenario(changes)
