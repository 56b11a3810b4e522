"""Open runs over years: who decides, who comes for pay, who cheats, what models are worth, who captures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.economy.actors import only
from simdai.economy.models import ModelSource
from simdai.errors import ScenarioError
from simdai.mechanisms.governance import ProposalPath, cycle_days
from simdai.mechanisms.low_communication import compression_quality, flop_efficiency, replica_multiplier
from simdai.mechanisms.scaling import BESIROGLU_2024
from simdai.schema import Scenario
from simdai.simulation import Simulation
from simdai.training.membership import poisson
from simdai.training.model_quality import Anchor
from simdai.training.open_run import OpenRunning
from tests.unit.test_rounds import RUN, scenario, simulate

UNISWAP = {
    "kind": "token_vote",
    "forum": 7.0,
    "snapshot": 5.0,
    "delay_blocks": 13140,
    "vote_blocks": 40320,
    "timelock": 2.0,
    "block": 12 / 86400,
    "quorum": 0.04,
    "voters": {
        "count": 100,
        "voting_share": 0.4,
        "concentration": 1.0,
        "turnout": 0.3,
        "turnout_spread": 3.0,
        "support": 1.0,
    },
}
PATH = ProposalPath(7, 5, 13140, 40320, 172_800, 12)
SIGNERS = {"count": 9, "threshold": 6, "response": 0.25}
OPEN = {"entry": {"start": 8, "least": 0, "turnover": 0.03, "sensitivity": 2.0, "memory": 7.0}}
SHORT = {"recipe.tokens": 1e10, "pause": 1.0, "rounds_per_event": 50}


# -- decisions -----------------------------------------------------------------------------------------------


def test_a_proposal_takes_the_blocks_of_uniswap():
    """docs.uniswap.org: 13,140 + 40,320 blocks of 12 s, 2 days of timelock; 7 + 5 days before."""
    stages = PATH.from_forum(0.0)
    assert (stages.poll_opens_d, stages.poll_closes_d) == (7.0, 12.0)
    assert stages.submitted == 12 * 7200
    assert stages.vote_opens == stages.submitted + 13140
    assert stages.vote_closes == stages.vote_opens + 40320
    assert stages.executed == stages.vote_closes + 1 + 14_400
    assert PATH.day_of(stages.executed) == pytest.approx(
        cycle_days(7, 5, 13140, 40320, 172_800, 12), abs=2e-4
    )


def test_a_proposal_waits_for_the_next_block():
    assert PATH.block_at(0.1 / 86_400) == 1
    assert PATH.block_at(24 / 86_400) == 2


def test_a_vote_that_always_passes_takes_twenty_one_days():
    run, o = simulate({"governance": UNISWAP, **SHORT}, horizon="100 d")
    assert len(run.decision_days) >= 2
    assert o["run.governance_wait_days"] == pytest.approx(21.4, abs=0.05)


def test_failed_proposals_come_back_until_they_pass():
    """Poll and vote each pass half of the time: three failures on average before a success.

    A failed poll costs 12 days (2 in 3 failures), a failed vote 19.4, and the success 21.4: 64.9 in all.
    """
    voters = {**UNISWAP["voters"], "support": 0.5, "concentration": 0.0}
    changes = {"governance": {**UNISWAP, "voters": voters}, "entry.step": 10.0, **SHORT}
    waits = [wait for seed in range(4) for wait in simulate(changes, seed, horizon="3 y")[0].decision_days]
    assert np.mean(waits) == pytest.approx(64.9, rel=0.3)
    assert min(waits) == pytest.approx(21.4, abs=0.05)


def test_without_a_quorum_nothing_is_ever_decided():
    run, o = simulate({"governance": {**UNISWAP, "quorum": 0.5}}, horizon="200 d")
    assert run.stage == "deciding" and run.decisions.tries > 5
    assert math.isnan(o["run.governance_wait_days"]) and o["run.runs"] == 0


def test_turnout_is_that_of_the_beta_law_and_revision_helps():
    run, _ = simulate({"governance": UNISWAP, **SHORT}, horizon="2 y")
    votes = run.decisions
    assert votes.propensity.mean() == pytest.approx(0.3, abs=0.07)
    assert np.mean(votes.turnouts) == pytest.approx(float((votes.stakes * votes.propensity).sum()), rel=0.3)
    voters = {**UNISWAP["voters"], "support": 0.35, "concentration": 0.0}
    stuck = simulate({"governance": {**UNISWAP, "voters": voters}}, horizon="1 y")[0]
    helped = simulate({"governance": {**UNISWAP, "voters": voters, "revision": 1.0}}, horizon="1 y")[0]
    assert len(helped.releases) > len(stuck.releases)


def test_an_executive_decides_in_the_median_time_of_the_law():
    changes = {"governance": {"kind": "executive", "median": 5.0, "log_sigma": 0.0}, **SHORT}
    _, o = simulate(changes, horizon="60 d")
    assert o["run.governance_wait_days"] == pytest.approx(5.0)


def test_signers_restart_a_stopped_run_within_hours_and_a_vote_within_weeks():
    def after(governance: dict[str, Any]) -> OpenRunning:
        changes = {"governance": governance, "incidents": 100.0, "recipe.tokens": 1e13}
        return simulate(changes, horizon="90 d")[0]

    fast, slow = after({**UNISWAP, "emergency": SIGNERS}), after(UNISWAP)
    assert fast.incidents > slow.incidents > 0  # the slow one stands still most of the time
    assert fast.all_runs.rounds > slow.all_runs.rounds


def test_the_sixth_of_nine_signatures_takes_the_closed_form_on_average():
    run, _ = simulate({"governance": {**UNISWAP, "emergency": SIGNERS}})
    mean = np.mean([run.decisions.signed_after() for _ in range(4000)])
    assert mean == pytest.approx(0.25 * sum(1 / k for k in range(4, 10)), rel=0.03)


# -- nodes come for the pay ----------------------------------------------------------------------------------


def test_the_number_of_nodes_settles_where_the_budget_pays_for_them():
    """M = budget / cost of a node: 5 times the nodes of the start."""
    budget = {"usd": 40 * 10.0 * 8766}
    changes = {**OPEN, "budget": budget, "recipe.tokens": 1e15, "rounds_per_event": 500}
    series = Simulation(scenario(changes, horizon="2 y"), seed=1).run().series
    assert np.mean(series["run.nodes.count"][20:]) == pytest.approx(40, rel=0.05)
    assert np.mean(series["run.reward_ratio"][20:]) == pytest.approx(1.0, abs=0.1)


def test_nodes_leave_when_the_pay_is_halved_and_volunteers_stay():
    entry = {**OPEN["entry"], "start": 40, "least": 3}
    half = simulate({"entry": entry, "budget": {"usd": 20 * 10.0 * 8766}}, horizon="300 d")[1]
    none = simulate({"entry": entry, "budget": {"usd": 1.0}}, horizon="300 d")[1]
    assert half["run.nodes.count"] == pytest.approx(20, abs=4)
    assert none["run.nodes.count"] == 3


def test_a_run_that_lost_all_its_nodes_finds_new_ones_when_it_pays():
    run, _ = simulate({"entry": {**OPEN["entry"], "start": 0}, "budget": {"usd": 1e6}}, horizon="300 d")
    assert run.nodes.count == pytest.approx(1e6 / (10.0 * 8766), rel=0.4)


def test_one_node_more_changes_nobody_elses_luck():
    changes = {"nodes.hosts.jitter": 0.2, "nodes.hosts.speed_spread": 0.2}
    seven, eight = (
        simulate({**changes, "entry": {**RUN["entry"], "start": n, "least": n}})[0].nodes for n in (7, 8)
    )
    assert (eight.flops[:7] == seven.flops).all()


@pytest.mark.parametrize("mean", [0.3, 4.0, 60.0])
def test_arrivals_are_poisson(mean):
    numbers = [poisson(mean, u) for u in (np.arange(2000) + 0.5) / 2000]
    assert np.mean(numbers) == pytest.approx(mean, rel=0.01)
    assert np.var(numbers) == pytest.approx(mean, rel=0.03)


def test_money_and_stakes_are_exact_and_the_same_at_any_scale():
    checks = {"audited": 0.5, "cost": 0.1, "stake": 1000.0, "dishonest": 0.0}
    found = {}
    for scale in (1.0, 4.0):
        sim = Simulation(scenario({**OPEN, "checks": checks}, scale=scale, horizon="90 d"), seed=2)
        found[scale] = dict(sim.run().outcomes)
        run, ledger = sim.world.training["run"], sim.world.ledger
        assert ledger.imbalance("USD") == 0
        assert ledger.balance("USD", "run.stakes") == run.nodes.count * int(1000.0 / scale * 1e6)
        left = run.purse.received_usd - run.purse.paid_usd
        assert ledger.balance("USD", "run.budget") == pytest.approx(left / scale * 1e6, abs=1.0)
    assert found[1.0] == found[4.0]


# -- checks --------------------------------------------------------------------------------------------------

CHECKS = {"audited": 0.2, "cost": 0.5, "detection": 1.0, "dishonest": 0.5}


def test_without_a_stake_cheating_pays_and_cheats_are_thrown_out():
    """Where cost equals reward and nothing is at stake, nothing short of certain detection deters: p* = 1."""
    run, o = simulate({"checks": CHECKS, "rounds_per_event": 1}, horizon="20 d")
    assert o["run.caught"] > 0
    assert 0 < o["run.cheated_share"] < 0.5
    assert not run.nodes.here[run.nodes.dishonest].any()  # all found within 83 rounds at one in five


def test_a_stake_above_the_bound_deters_all_cheats():
    """p* = C / (R + S) with C = R: a stake of four times the reward of a round, at p = 0.2."""
    _, o = simulate({"checks": {**CHECKS, "stake": 1000.0}})
    assert o["run.cheated_share"] == 0.0 and o["run.caught"] == 0.0


def test_checks_take_their_share_and_made_up_work_spoils_the_rest():
    """v = p c / (1 + p c) = 0.1 / 1.1; (1 - x)^2 of what is left."""
    honest, _ = simulate({"checks": {**CHECKS, "dishonest": 0.0}})
    assert honest.all_runs.sound_flop == pytest.approx(honest.all_runs.flop / 1.1)
    unchecked, o = simulate({"checks": {**CHECKS, "audited": 0.0, "cost": 0.0}})
    x = o["run.cheated_share"]
    assert x == pytest.approx(unchecked.nodes.dishonest.mean())
    assert unchecked.all_runs.sound_flop == pytest.approx(unchecked.all_runs.flop * (1 - x) ** 2)


# -- models --------------------------------------------------------------------------------------------------


def test_the_equivalent_of_a_run_is_its_compute_times_phi_and_chi():
    run, _ = simulate()
    mu = replica_multiplier(1e9, 8, 100)
    phi = flop_efficiency(mu, run.this_run.flop, BESIROGLU_2024)
    assert run.done_flop[0] == pytest.approx(run.this_run.flop * phi * compression_quality(2.0))


def test_a_run_like_the_anchor_gets_the_anchors_index_and_ten_times_the_compute_13_points_more():
    run, _ = simulate()
    anchor: Anchor = run.rules.quality.anchor
    at_anchor = run.yardstick._anchor_day
    then = run.yardstick.index(anchor.equivalent) - 13.2 * math.log10(2.83 ** ((20 - at_anchor) / 365.25))
    assert then == pytest.approx(anchor.index)
    gain = run.yardstick.index(10 * anchor.equivalent) - run.yardstick.index(anchor.equivalent)
    assert gain == pytest.approx(13.2)


def test_lent_compute_stands_with_the_nodes_and_makes_larger_models():
    sim = Simulation(simdai.load("training/commons_run"), seed=1)
    run = sim.world.training["commons_run"]
    own, small = run.nodes.h100e, run._plan()
    run.nodes.lent = lambda: 1e5
    large = run._plan()
    assert run.nodes.h100e == pytest.approx(own + 1e5)
    assert run.lent_h100e == pytest.approx(1e5)
    assert large.params > 3.0 * small.params
    run.nodes.lent = None
    run._plan()
    assert run.nodes.h100e == pytest.approx(own)


def test_open_runs_are_a_source_of_models():
    run, _ = simulate({"record": {"2024-11-29": 100.6}, **SHORT}, horizon="30 d")
    assert isinstance(run, ModelSource)
    assert run.releases[0].day == -398 and run.releases[0].index == 100.6
    assert run.live_index == max(release.index for release in run.releases)
    assert all(release.lead_days > 0 for release in run.releases[1:])


def test_the_mean_index_is_that_of_the_best_model_by_the_days_it_led():
    run, o = simulate({"record": {"2024-11-29": 100.6}, "pause": 1000.0})
    _, second = run.releases
    assert second.index < 100.6  # a small run; the record leads throughout
    assert o["run.mean_index"] == pytest.approx(100.6)
    run, o = simulate({"record": {"2024-11-29": 60.0}, "pause": 1000.0})
    second = run.releases[1]
    assert o["run.mean_index"] == pytest.approx((60.0 * second.day + second.index * (20 - second.day)) / 20)


def test_incidents_come_by_training_time_at_their_rate():
    signers = {**UNISWAP, "emergency": SIGNERS}
    changes = {"governance": signers, "incidents": 100.0, "recipe.tokens": 1e13}
    run, _ = simulate(changes, horizon="150 d")
    expected = 100 * run.all_runs.seconds / 86400 / 365.25
    assert run.incidents == pytest.approx(expected, abs=3 * math.sqrt(expected))


def test_contributors_improve_the_software_of_a_run_by_their_power():
    """Twice the contributors at an elasticity of 0.35: 0.35 ln 2 in ln A, 13.2 x 0.35 log10 2 points."""
    project = {
        "kind": "open_project",
        "researchers": 100.0,
        "retention_1y": 0.35,
        "pay": 1e5,
        "budget": {"usd": 1e7},
        "epoch": 7.0,
        "pay_memory": 90.0,
        "run": "run",
    }
    content = {
        **RUN,
        "pause": 1000.0,
        "contributors": "commons",
        "quality": {**RUN["quality"], "contributors_power": 0.35},
    }
    sim = Simulation(
        Scenario(start="2026-01-01", horizon=10.0, training={"run": content, "commons": project}), seed=1
    )
    sim.run()
    run, commons = sim.world.training["run"], sim.world.training["commons"]
    before, index = run.log_software, run.yardstick.index(1e22)
    commons.employ(200.0, 300.0)
    assert run.log_software - before == pytest.approx(0.35 * math.log(2))
    assert run.yardstick.index(1e22) - index == pytest.approx(13.2 * 0.35 * math.log10(2))
    assert commons.research_h100e == pytest.approx(8 * 1e15 / 9.89e14)
    assert commons.live_index == run.live_index


PLANNED = {
    "recipe": {"days": 30.0, "overtraining": 1.0, "longest": 60.0, "step_time": 40.0},
    "rounds": {"sync": {"kind": "star"}, "payload": {"bits": 2.0, "density": 0.015625, "index_bits": 12.0}},
    "rounds_per_event": 500,
}


def test_a_planned_run_lasts_as_long_as_planned_and_is_compute_optimal():
    run, o = simulate(PLANNED, horizon="50 d")
    assert o["run.lead_days"] == pytest.approx(30.0, rel=0.02)
    plan = run.plan
    assert 5 < plan.tokens / plan.params < 40  # about twenty tokens a parameter, fewer with the compute lost


def test_faster_links_bring_more_exchange_and_a_better_model():
    slow = {**PLANNED, "nodes.hosts.up": 1e7, "nodes.hosts.down": 1e7}
    before, _ = simulate(slow, horizon="50 d")
    shock = [{"kind": "bandwidth_step", "at": "2026-01-01", "factor": 10.0}]
    after, _ = simulate(slow, horizon="50 d", shocks=shock)
    assert after.plan.inner_steps < before.plan.inner_steps
    assert after.live_index > before.live_index


def test_a_breakthrough_gives_back_its_share_of_what_distance_costs():
    shock = [{"kind": "training_breakthrough", "at": "2026-01-01", "relief": 0.5}]
    with_it, _ = simulate(shocks=shock)
    without, _ = simulate()
    kept = without.done_flop[0] / without.this_run.flop
    assert with_it.done_flop[0] / with_it.this_run.flop == pytest.approx(math.sqrt(kept))


def test_a_run_pays_nodes_what_a_seller_of_the_scenario_asks():
    cloud = {"kind": "cloud", "hardware": "h100", "capacity": 10, "price": 3.0}
    h100 = {
        "kind": "accelerator",
        "speed": 1.0,
        "memory": 80.0,
        "power": 700.0,
        "capital_cost": 3e4,
        "life": "4 y",
    }
    changes = {"nodes.hosts.cost": None, "nodes.hosts.seller": "big", "nodes.hosts.gpus": 8.0}
    run, _ = simulate(changes, clouds={"big": cloud}, hardware={"h100": h100})
    assert run.nodes.usd_per_day() == pytest.approx(24 * 8 * 3.0)


# -- capture, and money from a network -----------------------------------------------------------------------


def captured(**changes: Any) -> dict[str, float]:
    base = {"horizon": "200 d", "demand.customers.jobs_per_day": 5, "scale": 20, "record_every": "50 d"}
    return dict(
        simdai.Simulation(simdai.load("attacks/governance_capture", set=base | changes), seed=3)
        .run()
        .outcomes
    )


@pytest.fixture(scope="module")
def undefended() -> dict[str, float]:
    return captured(**{"training.commons_run.governance.emergency": None})


def test_borrowed_votes_take_the_budget_until_the_others_have_voted(undefended):
    o = undefended
    name = "mesh.governance_capture"
    assert o[f"{name}.carried"] == 1.0 and o[f"{name}.vetoed"] == 0.0
    assert (
        o[f"{name}.proceeds_usd"] == pytest.approx(o[f"{name}.diverted_usd"], abs=1.0)
        and o[f"{name}.profit_usd"] > 0
    )
    assert o[f"{name}.profit_usd"] == pytest.approx(o[f"{name}.proceeds_usd"] - o[f"{name}.spent_usd"])


def test_signers_who_cancel_in_the_timelock_make_capture_a_loss(undefended):
    o = captured()
    assert o["mesh.governance_capture.vetoed"] == 1.0
    assert o["mesh.governance_capture.profit_usd"] < 0.0 == o["mesh.governance_capture.diverted_usd"]
    assert o["commons_run.paid_usd"] == pytest.approx(undefended["commons_run.paid_usd"], rel=0.2)


def test_a_quorum_above_the_votes_at_hand_stops_capture():
    o = captured(**{"training.commons_run.governance.quorum": 0.25})
    assert o["mesh.governance_capture.carried"] == 0.0


def test_a_networks_emission_pays_its_run_its_share():
    base = {
        "horizon": "60 d",
        "demand.customers.jobs_per_day": 5,
        "scale": 20,
        "record_every": "20 d",
        "shocks": [],
    }
    sim = simdai.Simulation(simdai.load("attacks/governance_capture", set=base), seed=3)
    sim.run()
    purse, network = sim.world.training["commons_run"].purse, sim.world.networks["mesh"]
    assert purse.received_usd == pytest.approx(0.5 * network.flows.subsidy_usd, rel=0.15)  # of whole epochs
    assert sim.world.ledger.imbalance("MESH") == 0


def test_a_subnets_incentive_is_sold_and_reaches_the_run_to_the_last_micro_usd():
    sim = simdai.Simulation(simdai.load("open_training", set={"horizon": "60 d"}), seed=3)
    sim.run()
    run, ledger = sim.world.training["commons_run"], sim.world.ledger
    assert run.purse.received_usd > 1e5
    assert ledger.balance("USD", "commons_run.budget") == run.purse._received - run.purse._paid
    assert {asset: ledger.imbalance(asset) for asset in ledger.assets} == dict.fromkeys(ledger.assets, 0)
    more = simdai.Simulation(
        simdai.load("open_training", set={"horizon": "60 d", "training.commons_run.budget.share": 0.16}),
        seed=3,
    )
    more.run()
    assert more.world.training["commons_run"].purse.received_usd == pytest.approx(
        2 * run.purse.received_usd, rel=0.1
    )


def test_labs_people_and_open_runs_live_in_one_world():
    content = simdai.load("talent", set={"horizon": "90 d"}).model_dump()
    content["training"]["run"] = {**RUN, "contributors": "commons"}
    commons = content["training"]["commons"]
    commons |= {"run": "run", "research_h100e": None, "index": None}
    sim = Simulation(Scenario(**{k: v for k, v in content.items() if v is not None}), seed=1)
    sim.run()
    assert only(sim.world.institutions, "labour_market").counts.sum() > 0
    assert isinstance(sim.world.training["run"], OpenRunning) and sim.world.training["run"].releases


@pytest.mark.parametrize(
    ("shock", "said"),
    [
        ({"kind": "bandwidth_step", "factor": 2.0, "runs": ["nobody"]}, "nobody"),
        ({"kind": "training_breakthrough", "relief": 1.5}, "relief"),
        ({"kind": "governance_capture", "network": "mesh", "run": "run", "borrowed": 0.2}, "mesh"),
        ({"kind": "governance_capture", "network": "mesh", "run": "run"}, "together above 0"),
    ],
)
def test_shocks_that_do_not_fit_are_refused(shock, said):
    with pytest.raises(ScenarioError, match=said):
        scenario(shocks=[{"at": "2026-02-01", **shock}])


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"network": "bittensor", "subnet": "trainings", "share": 0.1}, "training"),
        ({"subnet": "training", "usd": 1e6}, "needs its 'network'"),
        ({"network": "bittensor", "share": 0.1, "usd": 1e6}, "either 'usd'"),
    ],
)
def test_a_budget_that_nobody_pays_is_refused(budget, said):
    with pytest.raises(ScenarioError, match=said):
        simdai.load("open_training", set={"training.commons_run.budget": budget})
