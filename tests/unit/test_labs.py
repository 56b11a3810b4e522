"""Labs on the clock: money, compute, runs, releases; what the start says, and what changes bring."""

from __future__ import annotations

import functools
import itertools
import json
import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.economy.bills import Bill
from simdai.economy.draws import Draws
from simdai.economy.ledger import WORLD
from simdai.engine.streams import EntityStream
from simdai.errors import ScenarioError
from simdai.labs.chip_supply import monthly_lots
from simdai.simulation import Simulation
from tests.worlds import SMALL

ALONE = {"institutions.researchers": None}


@functools.cache
def loaded(changes: str, horizon: str) -> simdai.Scenario:
    return simdai.load("labs_race", set={"horizon": horizon, "record_every": "10 d", **json.loads(changes)})


def race(changes: dict[str, Any] | None = None, horizon: str = "40 d") -> simdai.Scenario:
    """The race of the labs, short and changed."""
    return loaded(json.dumps(changes or {}), horizon)


def run(changes: dict[str, Any] | None = None, horizon: str = "40 d", seed: int = 1) -> Simulation:
    sim = Simulation(race(changes, horizon), seed=seed)
    sim.run()
    return sim


def series(sim: Simulation, name: str) -> np.ndarray:
    return sim.world.recorder.series_table()[name][1]


def outcome(sim: Simulation, name: str) -> float:
    return sim.world.recorder.outcomes()[name][0]


# -- the start


def test_the_gaps_of_the_start_lie_beside_their_sources():
    sim = run()
    first = {name: column[0] for name, (_, column) in sim.world.recorder.series_table().items()}
    assert first["gap.quality.served_points"] == pytest.approx(8.0, abs=0.5)  # Epoch AI, 2026-05-29: about 8
    assert first["gap.quality.trained_points"] == pytest.approx(39.0, abs=0.5)  # Covenant-72B against GPT-5.2
    assert 32 <= first["gap.quality.trained_lag_days"] / 30.4375 <= 36  # Llama-2-70B's level is 32 months old
    assert first["gap.scale.largest_run_ratio"] == pytest.approx(1042, abs=1)  # 5e26 over 4.8e23 FLOP
    assert first["openai.run_rate_usd"] == pytest.approx(21.4e9)
    assert first["anthropic.run_rate_usd"] == pytest.approx(9e9)


def test_the_shares_of_the_start_are_those_that_the_tables_imply():
    sim = Simulation(race(), seed=1)
    # 13.5e9 of 250e9 USD at the reference price; 0.39e9 at a tenth of it
    assert series(sim, "consumer.use_share.openai")[:1].size == 0  # nothing is recorded before it runs
    market = sim.world.institutions["models"]
    assert market.share_reading("consumer", "openai")() == pytest.approx(13.5 / 250)
    assert market.share_reading("developer", "open_on_cloud")() == pytest.approx(0.39 / 250 / 0.1)


def test_every_lab_explains_its_index_by_compute_and_software():
    """Index = leader's + k log10 of effective compute: both sides agree at the date of the anchor."""
    sim = Simulation(race(), seed=1)
    frontier = sim.world.institutions["frontier"]
    age = frontier.rules.newest_model_age
    for name in ("openai", "google", "anthropic", "meta"):
        lab = sim.world.labs[name]
        flop = lab.training.flop_of_newest(age)
        then = frontier.earlier(lab.log_software, -age)
        assert frontier.index(flop, then, -age) == pytest.approx(lab.rules.index)
    assert sim.world.labs["openai"].log_software == 0.0
    assert sim.world.labs["meta"].log_software < sim.world.labs["google"].log_software < 0.0


def test_software_of_the_leader_doubles_at_the_pace_counted_before_the_start():
    sim = run(ALONE, horizon="60 d")
    grown = series(sim, "openai.research.log_software")
    per_year = (grown[-1] - grown[0]) / 60 * 365.25
    assert per_year == pytest.approx(math.log(2) / (8 / 12), rel=0.05)  # halving in 8 months: 1.04 a year


def test_every_lab_starts_with_a_run_in_progress_that_ends_within_its_length():
    sim = Simulation(race(), seed=1)
    for name in ("openai", "google", "anthropic", "meta"):
        training = sim.world.labs[name].training
        assert training.run is not None
        assert -136.0 <= training.run.start <= 0.0 < training.run.end


# -- money


def test_no_money_is_lost_and_no_lab_overdraws():
    sim = run(horizon="120 d")
    ledger = sim.world.ledger
    ledger.check()
    assert ledger.imbalance("USD") == 0
    assert all(ledger.balance("USD", lab) >= 0 for lab in ("openai", "google", "anthropic", "meta"))


def test_what_customers_spend_is_what_sellers_take():
    sim = run(ALONE, horizon="90 d")
    spent = sum(series(sim, f"{name}.spent_usd")[-1] for name in sim.world.demand)
    taken = sum(sim.world.labs[n].service.revenue_usd for n in ("openai", "google", "anthropic", "meta"))
    assert spent == pytest.approx(taken + series(sim, "open_on_cloud.sales_usd")[-1], rel=1e-9)


def test_cash_is_what_came_in_less_what_went_out():
    sim = run(ALONE, horizon="90 d")
    lab = sim.world.labs["anthropic"]
    bills = (lab.funding.pay, lab.funding.compute, lab.funding.other)
    expected = 20e9 + lab.service.revenue_usd + lab.funding.raised_usd - sum(b.paid + b.owed for b in bills)
    assert lab.cash == pytest.approx(expected, abs=1.0)


def test_money_in_other_units_gives_the_same_world():
    one, eight = (run({"scale": scale}, horizon="60 d") for scale in (1, 8))
    for name in ("openai.cash_usd", "openai.run_rate_usd", "gap.quality.served_points", "meta.compute.h100e"):
        assert outcome(eight, name) == pytest.approx(outcome(one, name), rel=1e-9)


def test_a_captive_lab_ends_each_day_with_an_empty_account():
    sim = run(ALONE)
    assert sim.world.ledger.balance("USD", "google") == 0
    assert sim.world.labs["google"].funding.spent_usd > 0


def test_a_lab_that_nobody_funds_stops_paying_gives_up_compute_and_is_sold():
    """No cash and no rounds: its burn of some 19e9 USD a year finds nobody."""
    broke = ALONE | {"labs.openai.capital.cash": 1e9, "institutions.investors.rounds.base": -50}
    sim = run(broke, horizon="300 d")
    lab = sim.world.labs["openai"]
    assert lab.sold and outcome(sim, "openai.sold") == 1.0
    assert lab.fleet.h100e == 0.0 and lab.researchers == 0.0 and lab.live_index == -math.inf
    assert series(sim, "consumer.use_share.openai")[-1] < series(sim, "consumer.use_share.openai")[0]
    assert sim.world.ledger.balance("USD", "openai") == 0
    sim.world.ledger.check()


def test_a_round_dilutes_by_what_it_brings_over_the_value():
    # Certain success, ready money only above the need, no equity pay: one attempt decides.
    eager = ALONE | {
        "institutions.investors.rounds.base": 50,
        "institutions.investors.rounds.attempts_per_year": "1000 1/y",
        "institutions.investors.rounds.pause": "39 d",
        "labs.openai.staff.equity_pay": 0,
    }
    sim = run(eager, horizon="30 d")
    funding = sim.world.labs["openai"].funding
    assert funding.rounds == 1 and funding.raised_usd > 0
    sold = 1.0 - funding.kept
    assert 0.067 <= sold <= 0.143 or funding.raised_usd == pytest.approx(funding.raised_usd)
    assert sold * funding.valuation == pytest.approx(funding.raised_usd, rel=0.2)  # the value moved since


def test_the_value_of_a_lab_at_the_start_follows_its_run_rate_growth_and_the_mood():
    # 1.4 x 36 x (21.4/5)^-.25 x (3.4/3)^.25 = 36.17 times 21.4e9 at a neutral mood (34.1 in March 2026)
    sim = Simulation(race(), seed=1)
    investors = sim.world.institutions["investors"]
    investors.forced = 0.0
    assert sim.world.labs["openai"].funding.valuation == pytest.approx(36.17 * 21.4e9, rel=1e-3)


def test_bills_keep_what_cannot_be_paid():
    sim = Simulation(race(), seed=1)
    sim.world.ledger.open("poor")
    sim.world.ledger.transfer(5_000_000, "USD", WORLD, "poor")
    bill = Bill(sim.world, "poor", WORLD)
    bill.add(7.5)
    assert bill.settle() == 5.0 and bill.owed == 2.5
    assert sim.world.ledger.balance("USD", "poor") == 0


# -- compute


def test_monthly_lots_continue_the_growth_of_the_year():
    lots = monthly_lots(100.0, 4.0)
    assert len(lots) == 12 and sum(lots) == pytest.approx(300.0)
    assert all(b / a == pytest.approx(4 ** (1 / 12)) for a, b in itertools.pairwise(lots))


def test_labs_never_get_more_than_their_share_of_the_worlds_supply():
    sim = run(ALONE | {"institutions.chip_supply.labs_share": 0.05}, horizon="200 d")
    supply = sim.world.institutions["chip_supply"]
    made = sum(0.05 * supply.per_year(day) / 365.25 for day in range(201))
    assert supply.delivered <= made
    assert supply.due("openai") > 0.0  # the rest stays on the book
    free = run(ALONE | {"institutions.chip_supply.labs_share": 1.0}, horizon="200 d")
    assert free.world.institutions["chip_supply"].waited == 0.0
    assert free.world.labs["openai"].fleet.h100e > sim.world.labs["openai"].fleet.h100e


def test_a_chip_cut_delays_deliveries_and_loses_none():
    cut = {"kind": "chip_cut", "at": "2026-01-15", "share": 0.5, "lasts": "60 d"}
    plain, hit = run(ALONE, horizon="60 d"), run(ALONE | {"shocks": [cut]}, horizon="60 d")
    assert hit.world.labs["openai"].fleet.h100e < plain.world.labs["openai"].fleet.h100e
    after, before = run(ALONE | {"shocks": [cut]}, horizon="100 d"), run(ALONE, horizon="100 d")
    assert after.world.labs["openai"].fleet.h100e == pytest.approx(
        before.world.labs["openai"].fleet.h100e, rel=1e-6
    )


def test_owned_machines_break_and_contracts_end():
    sim = run(ALONE)
    fleet = sim.world.labs["google"].fleet
    held = fleet.held
    fleet.wear(365.25)
    assert fleet.held == pytest.approx(held * math.exp(-0.05))
    before, oldest = fleet.held, fleet.lots[0]
    oldest.day = -6 * 365.25
    assert fleet.retire() == pytest.approx(oldest.h100e)
    assert fleet.held == pytest.approx(before - oldest.h100e)


def test_the_value_of_a_fleet_falls_with_the_price_of_new_chips():
    supply = Simulation(race(), seed=1).world.institutions["chip_supply"]
    # 30,000 USD new at the start of 2026; a year later 10^-0.14 of it, and 5 % are broken
    assert supply.unit_price(0.0) == pytest.approx(30_000)
    assert supply.value(0.0, 365.25) == pytest.approx(30_000 * 10**-0.14 * math.exp(-0.05))


def test_customers_are_refused_rather_than_served_for_nothing():
    tight = ALONE | {"labs.anthropic.compute.h100e": 2.2e5, "labs.anthropic.compute.growth": 1.0}
    sim = run(tight, horizon="150 d")
    lab = sim.world.labs["anthropic"]
    assert outcome(sim, "anthropic.serving.refused_share") > 0.0
    assert lab.service.h100e + lab.training.h100e <= 0.9 * lab.fleet.h100e * 1.001  # prices fell since
    assert lab.fleet.rented > 0.0 or lab.service.refused_h100e > 0.0


# -- runs and releases


def test_runs_follow_one_another_and_models_come_out_after_them():
    sim = run(ALONE, horizon="300 d")
    lab = sim.world.labs["openai"]
    runs = lab.training.finished
    assert len(runs) >= 2
    assert all(b.start >= a.end for a, b in itertools.pairwise(runs))
    assert all(r.lead_days > 60.0 for r in lab.releases)
    assert lab.releases[0].day > runs[0].end
    assert lab.live_index >= max(r.index for r in lab.releases)


def test_event_by_event_the_runs_of_a_world_have_the_goodput_of_the_closed_form_within_a_point():
    sim = run(ALONE, horizon="300 d")
    technology = sim.world.institutions["frontier"].rules.training
    for name in ("openai", "google", "anthropic", "meta"):
        lab = sim.world.labs[name]
        expected = technology.goodput(lab.training.finished[-1].h100e, 2026.5)
        assert abs(outcome(sim, f"{name}.training.goodput") - expected) < 0.01
        assert sum(r.interruptions for r in lab.training.finished) > 500


def test_a_lab_waits_when_the_next_model_would_not_be_better():
    patient = run(ALONE | {"labs.openai.training.least_gain": 100}, horizon="200 d")
    assert len(patient.world.labs["openai"].training.finished) == 1  # the one in progress


def test_failed_runs_yield_half_of_the_gain():
    changes = ALONE | {"institutions.frontier.training.noise": 0.0}
    good = run(changes | {"institutions.frontier.training.success": 1.0}, horizon="90 d")
    bad = run(changes | {"institutions.frontier.training.success": 0.0}, horizon="90 d")
    for name in ("openai", "google", "anthropic", "meta"):
        a, b = (sim.world.labs[name] for sim in (good, bad))
        if len(a.training.finished) == len(b.training.finished) == 1:
            full, half = (lab.training.best_index - lab.rules.index for lab in (a, b))
            assert full > 0 and half == pytest.approx(full / 2)
    assert good.world.labs["meta"].training.best_index > bad.world.labs["meta"].training.best_index


def test_refreshes_raise_the_live_model_and_not_the_record():
    sim = run(ALONE | {"labs.meta.release.refresh": "35 d", "labs.meta.release.refresh_sd": "0 d"})
    meta = sim.world.labs["meta"]
    assert meta.live_index == pytest.approx(meta.rules.index + 2.0) and not meta.releases


def test_a_replaced_model_gets_cheaper_with_each_release():
    sim = run(ALONE, horizon="200 d")
    assert 0.0 < outcome(sim, "anthropic.serving.price_of_start_quality") < 1.0


def test_more_compute_makes_the_better_model():
    more = ALONE | {"labs.meta.compute.h100e": 8e6, "institutions.frontier.training.noise": 0}
    plain = run(ALONE | {"institutions.frontier.training.noise": 0}, horizon="180 d")
    rich = run(more, horizon="180 d")
    # Its index at the start is the same, so its software is worse; but what it adds is larger.
    assert rich.world.labs["meta"].log_software < plain.world.labs["meta"].log_software
    assert rich.world.labs["meta"].fleet.h100e > plain.world.labs["meta"].fleet.h100e


def test_without_a_labour_market_staff_grows_by_plan():
    sim = run(ALONE, horizon="180 d")
    people = sim.world.labs["google"].people
    assert people.researchers / 3060 == pytest.approx(1.2**0.5, rel=0.05)
    assert people.pay_usd == people.rules.cash_pay + people.rules.equity_pay


def test_the_labour_market_reports_to_the_labs():
    sim = run(horizon="56 d")
    lab = sim.world.labs["openai"]
    market = sim.world.institutions["researchers"]
    assert lab.researchers == pytest.approx(market.staff("openai").full_time.sum())
    assert lab.people.labour == pytest.approx(market.labour("openai"), rel=0.03)  # they learned for days


def test_taking_one_lab_away_leaves_the_luck_of_the_others():
    changes = ALONE | {"labs.meta": None, "demand.consumer.revenue.meta": None}
    changes |= {"institutions.regulator.bans": {"restricted": ["openai", "google", "anthropic"]}}
    with_, without = run(ALONE), run(changes)
    for name in ("openai", "google"):
        a, b = with_.world.labs[name].training, without.world.labs[name].training
        assert a.decision_days[0] == b.decision_days[0]
        first = lambda t: t.run or t.finished[0]  # noqa: E731
        assert first(a).planned_days == first(b).planned_days


# -- the frontier and open weights


def test_what_is_public_is_what_the_best_lab_knew_a_delay_ago():
    sim = run(ALONE, horizon="60 d")
    frontier = sim.world.institutions["frontier"]
    assert frontier.delay > 60.0
    expected = frontier.growth * (60.0 - frontier.delay) / 365.25
    assert frontier.log_software == pytest.approx(expected + max(0.0, frontier._best[0]), abs=0.02)


def test_open_weights_trail_the_closed_frontier_unless_they_stop():
    sim = run(ALONE, horizon="300 d")
    served, closed = (series(sim, f"gap.quality.{side}_index") for side in ("served", "closed"))
    assert np.all(served <= closed) and served[-1] > served[0]
    stop = {"kind": "open_weights_change", "at": "2026-01-01", "releases": 0}
    stopped = run(ALONE | {"shocks": [stop]}, horizon="300 d")
    assert series(stopped, "gap.quality.served_index")[-1] == served[0]


def test_an_open_release_lifts_what_anybody_can_serve_to_the_lab_s_own():
    shock = {"kind": "open_release", "at": "2026-01-10", "lab": "openai"}
    sim = run(ALONE | {"shocks": [shock]})
    assert series(sim, "gap.quality.served_index")[-1] >= 153.75


# -- shocks and mistakes


def test_a_funding_winter_lowers_values_and_stops_counting_on_rounds():
    winter = {"kind": "funding_winter", "at": "2026-01-02", "sentiment": -2, "lasts": "20 d"}
    sim = run(ALONE | {"shocks": [winter]})
    moods = series(sim, "investors.sentiment")
    assert moods[1] == -2.0 and moods[-1] != -2.0


def test_a_takedown_moves_only_those_who_live_there():
    takedown = {"kind": "api_takedown", "at": "2026-01-02", "jurisdiction": "strict", "lasts": "150 d"}
    quiet = ALONE | {"institutions.regulator.takedowns": {}}
    plain = run(quiet, horizon="120 d")
    hit = run(quiet | {"shocks": [takedown], "institutions.regulator.compliance": 1.0}, horizon="120 d")
    lost = 1.0 - series(hit, "consumer.use_share.openai")[-1] / series(plain, "consumer.use_share.openai")[-1]
    assert lost == pytest.approx(0.10, abs=0.01)  # a tenth of the segment
    reach = series(hit, "niche.censorship.reachable_share_closed")
    assert reach[0] == pytest.approx(0.95) and reach[1] == pytest.approx(
        0.95 * 0.9
    )  # 60e9 of 1.2e12 never could
    assert series(hit, "niche.censorship.reachable_share_open")[-1] == 1.0


def test_a_breakthrough_lifts_one_lab_at_once_and_the_others_when_it_is_published():
    shock = {"kind": "software_breakthrough", "at": "2026-01-10", "lab": "anthropic", "factor": 10}
    plain, hit = run(ALONE), run(ALONE | {"shocks": [shock]})
    a, b = (sim.world.labs["anthropic"].log_software for sim in (plain, hit))
    assert b - a == pytest.approx(math.log(10), abs=0.05)
    assert hit.world.labs["openai"].log_software == pytest.approx(plain.world.labs["openai"].log_software)


@pytest.mark.parametrize(
    ("loop", "frozen", "days"),
    [
        ("quality_to_demand", "run_rate_usd", "150 d"),
        ("revenue_to_compute", "compute.on_order_h100e", "150 d"),
        ("revenue_to_compute", "compute.h100e", "400 d"),
    ],
)
def test_cutting_a_feedback_changes_what_it_feeds(loop, frozen, days):
    shock = {"kind": "feedback_cut", "at": "2026-01-02", "loop": loop}
    plain, cut = run(ALONE, horizon=days), run(ALONE | {"shocks": [shock]}, horizon=days)
    assert outcome(cut, f"openai.{frozen}") != outcome(plain, f"openai.{frozen}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"institutions.frontier": None}, "0 of kind 'research_frontier' in institutions; exactly one"),
        ({"labs.anthropic.compute.h100e": 1.7e5}, "more than 180,122 H100e, which the sales of the start"),
        ({"institutions.investors": None}, "0 of kind 'investors'"),
        ({"demand.consumer.jurisdictions": {"free": 0.5}}, "must add up to 1"),
        ({"demand.consumer.revenue.nobody": 1e9}, "Did you mean|unknown lab or host 'nobody'"),
        ({"demand.consumer.wallet": "1e9 USD/y"}, "less than all of it"),
        ({"institutions.regulator.bans": {"free": ["openai"]}}, "banned in free from the start"),
        ({"institutions.regulator.takedowns": {"nowhere": 0.1}}, "unknown jurisdiction 'nowhere'"),
        ({"institutions.chip_supply.rental_price": "1 USD/h"}, "must cost at least contract_price"),
        ({"institutions.frontier.training.shortest": "100 d"}, "between shortest and longest"),
        ({"shocks": [{"kind": "chip_cut", "at": "2026-02-01", "share": 0.3}]}, "an end"),
        ({"shocks": [{"kind": "open_release", "at": "2026-02-01", "lab": "open_weights"}]}, "closed lab"),
    ],
)
def test_mistakes_are_told_with_their_place(changes, said):
    with pytest.raises(ScenarioError, match=said):
        race(changes)


def test_numbers_of_a_decision_do_not_depend_on_those_before():
    draws = Draws(EntityStream(7))
    third = draws.normal(3)
    assert Draws(EntityStream(7)).normal(3) == third
    stream = EntityStream(2**64 - 5)
    for entity in (0, 7, 2**63):
        many = [float(stream.uniforms(np.array([entity], dtype=np.uint64), n)[0]) for n in range(5)]
        assert [stream.uniform(entity, n) for n in range(5)] == many


# -- what swings


def test_prices_by_the_hour_swing_about_their_trend_and_are_expected_to_return_to_it():
    swing = {"institutions.chip_supply.swing": {"sd": 0.3, "memory": "100 d"}}
    sim, calm = run(ALONE | swing, horizon="60 d"), run(ALONE, horizon="60 d")
    supply, trend = (s.world.institutions["chip_supply"] for s in (sim, calm))
    ratio = supply.contract_price(60.0) / trend.contract_price(60.0)
    assert 1e-3 < abs(math.log(ratio)) < 1.5  # five standard deviations
    assert supply.rental_price(60.0) / trend.rental_price(60.0) == pytest.approx(ratio)
    later = supply.contract_price(160.0) / trend.contract_price(160.0)
    assert math.log(later) == pytest.approx(math.log(ratio) / math.e)  # faded to 1/e in its memory
    assert supply.unit_price(60.0) == trend.unit_price(60.0)  # to own one costs what it did


def test_a_cloud_s_price_swings_with_the_market():
    cloud = {"kind": "cloud", "hardware": "h100", "capacity": 10, "price": 3.0, "market": "chip_supply"}
    swing = {"institutions.chip_supply.swing": {"sd": 0.3, "memory": "100 d"}}
    world = {"hardware": SMALL["hardware"], "clouds": {"cloud": cloud}}
    sim = run(ALONE | swing | world, horizon="60 d")
    supply = sim.world.institutions["chip_supply"]
    assert supply.swung != 1.0
    assert series(sim, "cloud.list_price_usd_per_gpu_hour")[-1] == pytest.approx(3.0 * supply.swung)
    with pytest.raises(ScenarioError, match="institution whose prices swing"):
        run(ALONE | world, horizon="60 d")


def test_open_weights_scatter_around_what_they_trail():
    often = {"labs.open_weights.releases_per_year": "200 1/y", "labs.open_weights.behind_log_sigma": 1e-6}
    plain, noisy = (run(ALONE | often | {"labs.open_weights.noise": noise}) for noise in (0.0, 2.0))
    exact, scattered = ([r.index for r in s.world.labs["open_weights"].releases] for s in (plain, noisy))
    assert len(exact) == len(scattered) > 10  # the same luck
    off = np.array(scattered) - np.array(exact)
    assert np.std(off) == pytest.approx(2.0, rel=0.6) and abs(np.mean(off)) < 2.0


def test_the_largest_run_the_parents_investment_and_what_the_world_made_are_recorded_as_they_add_up():
    sim = run(horizon="200 d")
    capex = series(sim, "google.parent.capex_usd")
    assert capex[0] == 0.0 and np.all(np.diff(capex) > 0.0)
    assert capex[-1] == pytest.approx(175e9 * 200 / 365.25, rel=0.2)  # guidance of 2026: 175 to 185e9
    made = series(sim, "chip_supply.world_h100e")[-1]
    assert made == pytest.approx(
        sum(sim.world.institutions["chip_supply"].per_year(d) for d in range(1, 200)) / 365.25, rel=0.01
    )
    finished = [run.flop for run in sim.world.labs["openai"].training.finished]
    assert series(sim, "openai.training.largest_flop")[-1] == pytest.approx(max(finished))
