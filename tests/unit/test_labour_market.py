"""Researchers on the clock: facts at the start, who moves when terms change, and what employers are told."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from simdai.economy.employers import Employer, employers
from simdai.economy.labour_market import Researching
from simdai.errors import ScenarioError
from simdai.mechanisms.talent import quit_hazard
from simdai.schema import Scenario
from simdai.simulation import Simulation

LAB: dict[str, Any] = {
    "kind": "hiring_plan",
    "researchers": 1000.0,
    "growth": 1.0,
    "planning": "6 month",
    "pay": 1.5e6,
    "pay_ceiling": 3e6,
    "research_h100e": 1e5,
    "index": 150.0,
    "retention_2y": 0.7,
}
WORLD: dict[str, Any] = {
    "start": "2026-01-01",
    "horizon": "1 y",
    "record_every": "14 d",
    "institutions": {
        "market": {
            "kind": "labour_market",
            "step": "14 d",
            "outside": 4000,
            "outside_pay": 4e5,
            "growth": 0.0,
            "ability_spread": 1.0,
            "tenure": "16 month",
            "tastes": {"pay": 3.0, "compute": 0.35, "quality": 0.05, "stay": 2.5},
            "matching": {
                "scale": "2 1/y",
                "elasticity": 0.5,
                "flow": "0.02 1/y",
                "planning": "6 month",
                "screening": 0.5,
            },
            "bidding": {"speed": 0.0, "vacancies": 0.1},
            "teams": {
                "size": 8.0,
                "span": 6.0,
                "colleague_cost": 0.004,
                "level_cost": 0.05,
                "ramp": "0.35 y",
                "mentoring": 0.1,
            },
            "open_work": {
                "effort": 0.25,
                "mission": 0.6,
                "mission_spread": 1.0,
                "aversion": 1.0,
                "volatility": 1.0,
                "vesting": "1 y",
            },
        }
    },
    "labs": {"alpha": LAB, "beta": dict(LAB)},
    "training": {
        "commons": {
            "kind": "open_project",
            "researchers": 100.0,
            "retention_1y": 0.35,
            "pay": 150e3,
            "budget": {"usd": 15e6},
            "epoch": "14 d",
            "pay_memory": "3 month",
            "research_h100e": 100.0,
            "index": 115.0,
        }
    },
}


def scenario(changes: dict[str, Any] | None = None) -> Scenario:
    content = copy.deepcopy(WORLD)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = content
        for key in parents:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return Scenario(**content)


def simulate(changes: dict[str, Any] | None = None, seed: int = 1) -> tuple[Simulation, dict[str, float]]:
    sim = Simulation(scenario(changes), seed=seed)
    return sim, dict(sim.run().outcomes)


def market(sim: Simulation) -> Researching:
    found: Researching = sim.world.institutions["market"]
    return found


def test_everybody_is_somewhere_all_the_time():
    sim = Simulation(scenario({"institutions.market.growth": 0.1}), seed=2)
    for day in (0.1, 100, 365):
        sim.run(until=day)
        m = market(sim)
        inside = sum(len(m.staff(name).ability) for name in m.number)
        assert inside + m.outside_count == m.people.n
    assert m.people.n == math.floor(6000 * math.exp(0.1 * 364 / 365.25))


def test_moves_account_for_every_change_of_a_staff():
    sim = Simulation(scenario({"labs.alpha.growth": 1.5}), seed=2)
    sim.run(until=0.5)
    before = market(sim).counts
    sim.run()
    m = market(sim)
    for name, j in m.number.items():
        came = sum(n for (_, b), n in m.moves.items() if b == name)
        went = sum(n for (a, _), n in m.moves.items() if a == name)
        assert m.counts[j] - before[j] == came - went


def test_the_start_is_as_stated():
    sim = Simulation(scenario(), seed=1)
    sim.run(until=0.5)
    m = market(sim)
    assert {n: float(m.staff(n).full_time.sum()) for n in m.number} == {
        "alpha": 1000.0,
        "beta": 1000.0,
        "commons": 100.0,
    }
    assert len(m.staff("commons").ability) == 400  # a quarter of their time each
    everybody = m.people.ability
    assert np.median(everybody) == pytest.approx(1.0, rel=0.05)
    assert m.staff("alpha").ability.min() >= np.quantile(everybody, 0.48)


def test_expected_exits_at_the_start_are_the_measured_ones():
    sim = Simulation(scenario({"labs.beta.retention_2y": 0.5}), seed=1)
    sim.run(until=0.5)
    m = market(sim)
    for name, hazard in (
        ("alpha", quit_hazard(0.7)),
        ("beta", quit_hazard(0.5)),
        ("commons", -math.log(0.35)),
    ):
        j = m.number[name]
        assert m.hazards.of(m.people.at(j), j).sum(axis=1).mean() == pytest.approx(hazard, rel=1e-9)


def test_approaches_that_measured_exits_leave_no_room_for_are_not_made():
    sim = Simulation(
        scenario({"labs.alpha.retention_2y": 0.999, "institutions.market.matching.flow": 0.1}), seed=1
    )
    sim.run(until=0.5)
    m = market(sim)
    j = m.number["alpha"]
    assert m.hazards.quits[j] == 0.0 and m.hazards.approached[j] < 1.0
    assert m.hazards.of(m.people.at(j), j).sum(axis=1).mean() == pytest.approx(quit_hazard(0.999))


def test_simulated_exits_of_a_year_agree_with_measured_retention():
    """Four replications of some 360 exits each: a standard error of 2.6 %."""
    changes = {"labs.alpha.growth": 1.0, "institutions.market.matching.flow": 0.0}
    found = np.mean([simulate(changes, seed)[1]["market.alpha.exit_hazard"] for seed in range(4)])
    assert found == pytest.approx(quit_hazard(0.7), rel=0.1)


def test_simulated_flows_between_labs_have_the_counted_ratio():
    flows = [{"origin": "alpha", "destination": "beta", "ratio": 6.0}]
    changes = {
        "institutions.market.flow_ratios": flows,
        "institutions.market.matching.flow": 0.2,
        "labs.alpha.retention_2y": 0.2,
        "labs.beta.retention_2y": 0.2,
        "horizon": "15 d",  # one step: later the vacancies of both labs differ
    }
    sim = Simulation(scenario(changes), seed=1)
    sim.run(until=0.5)
    m = market(sim)
    i, j = m.number["alpha"], m.number["beta"]
    forth = m.hazards.of(m.people.at(i), i)[:, j].sum()
    back = m.hazards.of(m.people.at(j), j)[:, i].sum()
    assert forth / back == pytest.approx(6.0, rel=0.03)  # the shares of able people differ a little
    moved = [simulate(changes, seed)[0].world.institutions["market"].moves for seed in range(8)]
    ratio = sum(m["alpha", "beta"] for m in moved) / sum(m["beta", "alpha"] for m in moved)
    assert 4.0 < ratio < 9.0


def test_dearer_pay_draws_people_from_the_other_lab():
    low = simulate({"labs.beta.pay": 1.5e6, "institutions.market.matching.flow": 0.1})[1]
    sim = Simulation(scenario({"institutions.market.matching.flow": 0.1}), seed=1)
    sim.run(until=0.5)
    sim.world.labs["beta"].pay_usd = 3e6  # after the rates were fitted
    high = dict(sim.run().outcomes)
    assert high["market.beta.left"] < low["market.beta.left"]
    assert high["market.alpha.left"] > low["market.alpha.left"]


def test_doubled_pay_divides_exits_to_outside_by_eight():
    sim = Simulation(scenario(), seed=1)
    sim.run(until=0.5)
    m = market(sim)
    before = m.hazards.of(m.people.at(0), 0)[0, -1]
    sim.world.labs["alpha"].pay_usd *= 2.0
    m.hazards.look(m.outside_pay, m.posts, m.counts, m.outside_count)
    assert m.hazards.of(m.people.at(0), 0)[0, -1] == pytest.approx(before / 8.0)


def test_pay_rises_where_posts_stay_vacant_and_not_above_the_ceiling():
    _, outcomes = simulate(
        {
            "institutions.market.bidding.speed": 2.0,
            "labs.alpha.growth": 4.0,
            "labs.beta.growth": 4.0,
            "labs.beta.pay_ceiling": 1.6e6,
            "institutions.market.matching.scale": 0.2,
        }
    )
    assert outcomes["market.alpha.pay_usd"] > 1.7e6
    assert outcomes["market.beta.pay_usd"] == pytest.approx(1.6e6)


def test_labs_hire_no_more_than_they_have_posts_for():
    _, outcomes = simulate({"institutions.market.matching.scale": 50.0, "labs.alpha.retention_2y": 1.0})
    assert outcomes["market.alpha.hired"] <= 100 + 14  # the posts of the start, and one step's rounding


def test_without_vacancies_nobody_is_hired_or_approached():
    _, outcomes = simulate({"labs.alpha.growth": 0.1, "labs.beta.growth": 0.1})
    assert outcomes["market.alpha.hired"] == 0.0


def test_able_people_alone_are_hired_from_outside():
    sim, _ = simulate({"labs.alpha.growth": 1.5, "institutions.market.matching.screening": 0.8})
    m = market(sim)
    assert m.people.quantile[m.people.at(0)].min() >= 0.8


def test_a_newcomer_counts_less_than_an_old_hand_and_costs_a_mentor():
    sim = Simulation(scenario(), seed=1)
    sim.run(until=0.5)
    m = market(sim)
    grown = m.labour("alpha")
    m.people.since[m.people.at(0)] = sim.now - 1e4
    full = float(m.people.ability[m.people.at(0)].sum()) * m.rules.teams.tree.share(1000)
    assert grown < m.labour("alpha")
    assert m.labour("alpha") == pytest.approx(full)
    m.people.since[m.people.at(0)] = sim.now
    assert m.labour("alpha") == 0.0  # newcomers alone: nobody works, all would be mentors


def test_employers_are_told_who_works_for_them():
    sim, outcomes = simulate({"labs.alpha.growth": 2.0})
    lab = sim.world.labs["alpha"]
    assert lab.researchers == market(sim).counts[0] == outcomes["market.alpha.researchers"] > 1000
    assert lab.labour == pytest.approx(market(sim).labour("alpha"), rel=0.01)  # told a day before the end
    assert set(employers(sim.world)) == {"alpha", "beta", "commons"}
    assert all(isinstance(e, Employer) for e in employers(sim.world).values())


def test_dearer_tokens_keep_more_contributors_and_longer_vesting_fewer():
    def after_a_year(pay: float, vesting: str) -> float:
        changes = {"institutions.market.open_work.vesting": vesting}
        sim = Simulation(scenario(changes), seed=1)
        sim.run(until=0.5)
        sim.world.training["commons"].purse.rules = sim.world.training["commons"].rules.budget.replace(
            usd=pay * 100.0
        )
        return float(dict(sim.run().outcomes)["market.commons.researchers"])

    usual = after_a_year(150e3, "1 y")
    assert after_a_year(600e3, "1 y") > usual
    assert after_a_year(600e3, "4 y") < after_a_year(600e3, "1 y")


BOUNTIES = {"prize": 20e3, "per_year": 104.0, "entry_cost": 2e3}


def test_bounties_draw_the_labour_of_the_contest_formula_and_are_paid_exactly():
    """Three enter for 20,000 USD at a cost of 2,000 each: n = floor(sqrt(10)); effort V (n - 1) / n."""
    sim, outcomes = simulate({"training.commons.bounties": BOUNTIES})
    assert outcomes["commons.prizes"] == 103  # two a week, up to the last step of the year
    m = market(sim)
    full_time = 104 * 20e3 * (2 / 3) / 4e5
    mean_ability = math.exp(0.5)
    assert m.bounty_labour[2] / full_time == pytest.approx(mean_ability, rel=0.6)  # six entrants a step
    purse = sim.world.training["commons"].purse
    assert purse.paid_usd + purse.left_usd == pytest.approx(purse.received_usd)
    held = sim.world.ledger.balance("USD", "commons.budget")
    assert held == int(purse.received_usd * 1e6) - int(purse.paid_usd * 1e6)


def test_bounties_bring_contributors():
    none = simulate()[1]["market.commons.hired"]
    some = simulate({"training.commons.bounties": {**BOUNTIES, "per_year": 1000.0}})[1][
        "market.commons.hired"
    ]
    assert some > none


def test_a_review_queue_that_cannot_keep_up_piles_up_until_the_wait_puts_off_as_many_as_are_too_many():
    review = {"maintainers": 1, "merges_per_day": 8.0, "sent_per_day": 0.25, "patience": 10.0}
    sim, outcomes = simulate({"training.commons.review": review, "institutions.market.matching.scale": 0.0})
    project = sim.world.training["commons"]
    sent = 0.25 * project.researchers
    assert outcomes["commons.merged_share"] == pytest.approx(8.0 / sent, rel=0.03)  # of the step before
    # behind the backlog, a rest of a service of an eighth of a day
    assert outcomes["commons.review_wait_days"] == pytest.approx(10.0 * np.log(sent / 8.0) + 1 / 8, rel=0.03)
    patient = {
        "training.commons.review": review | {"patience": 1e6},
        "institutions.market.matching.scale": 0.0,
    }
    assert simulate(patient)[1]["commons.review_wait_days"] > 100
    assert project.merged_labour < project.labour


def test_an_exodus_moves_the_stated_share_of_every_lab_to_the_open_side():
    shock = [{"kind": "talent_exodus", "at": "2026-03-01", "share": 0.2}]
    sim = Simulation(scenario({"shocks": shock}), seed=1)
    sim.run(until=58.5)
    before = market(sim).counts
    sim.run(until=59.5)
    after = market(sim).counts
    assert before[:2] - after[:2] == pytest.approx(np.round(0.2 * before[:2]))
    assert after[2] - before[2] == pytest.approx((before[:2] - after[:2]).sum())


def test_one_researcher_more_outside_changes_nobody_elses_luck():
    plain, more = simulate()[0], simulate({"institutions.market.outside": 4001})[0]
    a, b = market(plain).people, market(more).people
    assert (a.ability[:6000] == b.ability[:6000]).all()
    assert (a.place[:6000] == b.place[:6000]).mean() > 0.97


def test_one_simulated_person_may_stand_for_many():
    one, many = simulate()[1], simulate({"institutions.market.represents": 5})[1]
    assert many["market.alpha.researchers"] % 5 == 0
    assert many["market.alpha.exit_hazard"] == pytest.approx(one["market.alpha.exit_hazard"], rel=0.35)
    assert many["market.effective_labour_ratio"] == pytest.approx(
        one["market.effective_labour_ratio"], rel=0.3
    )


def test_a_market_without_an_open_side_runs():
    _, outcomes = simulate({"training": None})
    assert outcomes["market.alpha.researchers"] > 0
    assert "market.top_decile_share" not in outcomes


def test_a_smaller_step_gives_the_same_market():
    def staff(step: str) -> float:
        runs = [
            simulate({"institutions.market.step": step, "labs.alpha.growth": 2.0}, s)[1] for s in range(3)
        ]
        return float(np.mean([o["market.alpha.researchers"] for o in runs]))

    assert staff("5 d") == pytest.approx(staff("28 d"), rel=0.05)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"institutions.market.flow_ratios": [{"origin": "alpha", "destination": "gamma", "ratio": 2.0}]},
            "gamma",
        ),
        (
            {
                "institutions.market.flow_ratios": [
                    {"origin": "alpha", "destination": "beta", "ratio": 2.0},
                    {"origin": "beta", "destination": "alpha", "ratio": 0.5},
                ]
            },
            "form no circle",
        ),
        ({"institutions.second": WORLD["institutions"]["market"]}, "exactly one"),
        ({"institutions.market.growth": -0.1}, "growth"),
        ({"institutions.market.teams.size": 400.0}, "nothing but talk"),
        ({"institutions.market.open_work.effort": 0.0}, "effort"),
        ({"training.commons.index": None}, "research_h100e"),
        ({"training.commons.run": "nothing", "training.commons.index": None}, "run"),
        ({"training.commons.budget": {"network": "nowhere", "share": 0.1}}, "nowhere"),
        ({"training.commons.budget": {"network": "nowhere"}}, "belong together"),
        ({"shocks": [{"kind": "talent_exodus", "at": "2026-03-01", "share": 0.2, "lasts": "9 d"}]}, "lasts"),
        (
            {
                "shocks": [{"kind": "talent_exodus", "at": "2026-03-01", "share": 0.2}],
                "institutions": None,
            },
            "labour_market",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    with pytest.raises(ScenarioError, match=said):
        scenario(changes)
