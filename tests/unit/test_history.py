"""Looking back: what nobody knew is drawn, what happened is read, checked and held against the runs."""

from __future__ import annotations

import copy
import datetime
import io
import itertools
import json
import math
import re
import shlex
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from made_runs import MadeScenario, plan

import simdai
from simdai.errors import ResultsError, ScenarioError
from simdai.experiments import runs
from simdai.experiments.assumptions import (
    assumed,
    assumptions_study,
    assumptions_table,
    screened,
    screening_study,
)
from simdai.metrics import Held, inside_shares, observed
from simdai.report.observed import held_rows, observed_figures, observed_sentence
from simdai.report.page import page
from simdai.report.study_page import page as study_page
from simdai.schema import Scenario, drawn, load
from simdai.schema.uncertainty import Uncertainty
from simdai.world import build
from tests.worlds import SMALL

PRICE = {"series": "gridnet.token.price_usd", "unit": "USD", "source": "a shop", "grade": "B"}


def small(**changes):
    return copy.deepcopy(SMALL) | {"record_every": 7.0} | changes


# -- what nobody knew


def test_a_draw_moves_all_its_paths_by_one_factor():
    unknown = {"costs": {"paths": ["clouds.bigcloud.price.value", "hardware.h100.power"], "log_sd": 0.5}}
    made, factors = drawn(Scenario(**small(uncertainties=unknown)), lambda name: 0.8)
    assert factors["costs"] == pytest.approx(math.exp(0.5 * 0.8416212))  # the 80 % quantile of a normal
    assert made.clouds["bigcloud"].price.value == pytest.approx(3.0 * factors["costs"])
    assert made.hardware["h100"].power == pytest.approx(1000.0 * factors["costs"])


def test_a_number_with_two_uncertainties_takes_both_factors():
    unknown = {name: {"paths": ["clouds.bigcloud.price.value"], "log_sd": 0.5} for name in ("a", "b")}
    made, factors = drawn(Scenario(**small(uncertainties=unknown)), lambda name: 0.9)
    assert made.clouds["bigcloud"].price.value == pytest.approx(3.0 * factors["a"] * factors["b"])


@pytest.mark.parametrize("quantile", [0.0, 1.0 - 2.0**-53])
def test_a_draw_is_cut_at_two_and_a_half_standard_deviations(quantile):
    law = Uncertainty(paths=("x",), log_sd=0.4)
    assert abs(math.log(law.factor(quantile))) == pytest.approx(1.0)


def test_half_of_the_draws_lie_on_either_side_of_what_the_scenario_says():
    unknown = {"price": {"paths": ["clouds.bigcloud.price.value"], "log_sd": 0.3}}
    scenario = Scenario(**small(uncertainties=unknown))
    prices = [
        build(scenario, seed=3, replication=r).scenario.clouds["bigcloud"].price.value for r in range(40)
    ]
    assert len(set(prices)) == 40
    assert 10 <= sum(price > 3.0 for price in prices) <= 30  # beyond it once in 700 seeds
    assert np.std(np.log(prices)) == pytest.approx(0.3, rel=0.4)


def test_another_uncertainty_changes_nobody_elses_draw_and_equal_runs_draw_alike():
    one = {"price": {"paths": ["clouds.bigcloud.price.value"], "log_sd": 0.3}}
    two = one | {"power": {"paths": ["hardware.h100.power"], "log_sd": 0.3}}
    worlds = [build(Scenario(**small(uncertainties=u)), seed=1, replication=2) for u in (one, two, one)]
    prices = [world.scenario.clouds["bigcloud"].price.value for world in worlds]
    assert prices[0] == prices[1] == prices[2] != 3.0


def test_what_was_drawn_is_an_outcome():
    unknown = {"price": {"paths": ["clouds.bigcloud.price.value"], "log_sd": 0.3}}
    sim = simdai.Simulation(Scenario(**small(uncertainties=unknown, horizon="1 d", record_every=1.0)), seed=1)
    price = sim.world.scenario.clouds["bigcloud"].price.value
    assert sim.run().outcomes["uncertainty.price"] == pytest.approx(price / 3.0)


def test_an_uncertainty_of_nothing_is_refused_with_the_nearest_path():
    unknown = {"price": {"paths": ["clouds.bigcloud.price.valu"], "log_sd": 0.3}}
    with pytest.raises(ScenarioError, match=r"no number at .*Did you mean 'clouds.bigcloud.price.value'"):
        Scenario(**small(uncertainties=unknown))


def test_a_draw_that_the_scenario_does_not_allow_is_refused_with_its_place():
    unknown = {"churn": {"paths": ["demand.startups.choice.outside_share"], "log_sd": 5.0}}
    with pytest.raises(ScenarioError, match="outside_share"):
        drawn(Scenario(**small(uncertainties=unknown)), lambda name: 0.99)


# -- what happened

SEEN = "price: {{series: {series}, values: {{2026-01-20: 1.2}}, {rest}}}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write an observation file of a project with a parameter file, and load a scenario that names it."""
    monkeypatch.chdir(tmp_path)
    for folder in ("parameters", "observations"):
        (tmp_path / folder).mkdir()
    shop = "price: {value: {2026-01: 1.1, 2026-02: 0.9}, unit: USD, date: 2026, source: a shop, grade: B}\n"
    (tmp_path / "parameters" / "shop.yaml").write_text(shop)

    def write(text, **changes):
        (tmp_path / "observations" / "seen.yaml").write_text(text)
        (tmp_path / "market.yaml").write_text(json.dumps(small(observations=["seen"]) | changes))
        return load("./market.yaml")

    return write


def test_observations_are_read_by_name_and_travel_with_the_scenario(project):
    scenario = project(SEEN.format(series="gridnet.token.price_usd", rest="unit: USD, source: x, grade: A"))
    entry = scenario.observations["seen"]["price"]
    assert entry.values[datetime.date(2026, 1, 20)] == 1.2 and entry.grade == "A"
    assert any(name.endswith("seen.yaml") for name, _ in scenario.provenance.files)
    assert scenario.with_changes({"horizon": "20 d"}).observations == scenario.observations


def test_an_entry_takes_unit_source_and_grade_of_the_parameter_that_it_refers_to(project):
    scenario = project(
        "price: {series: gridnet.token.price_usd, values: {2026-01-20: {parameter: shop.price.2026-01}}}\n"
    )
    entry = scenario.observations["seen"]["price"]
    assert (*entry.values.values(), entry.unit, entry.source, entry.grade) == (1.1, "USD", "a shop", "B")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            SEEN.format(series="a.b", rest="unit: USD, grade: A"),
            "seen.yaml.*source",
        ),
        (SEEN.format(series="a.b", rest="unit: furlong, source: x, grade: A"), "furlong"),
        (SEEN.format(series="a.b", rest="unit: USD, source: x, grade: D"), "grade.*'D'"),
        (SEEN.format(series="a.b", rest="unit: USD, source: x, grade: A, valeu: 1"), "unknown key 'valeu'"),
        ("price: {series: a.b, values: {}, unit: USD, source: x, grade: A}\n", "at least one dated value"),
        ("price: {series: a.b, values: {soon: 1}, unit: USD, source: x, grade: A}\n", "soon"),
    ],
)
def test_a_faulty_observation_is_refused_at_its_place(project, text, said):
    with pytest.raises(ScenarioError, match=said):
        project(text)


def test_an_unknown_file_of_observations_is_refused_with_the_nearest(project):
    with pytest.raises(ScenarioError, match="market.yaml.*unknown observations 'sean'.*Did you mean 'seen'"):
        project("{}\n", observations=["sean"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"series": "gridnet.token.prise_usd"}, "unknown series .*Did you mean 'gridnet.token.price_usd'"),
        ({"unit": "USD/h"}, "unit 'USD/h'; a unit like 'USD', that of gridnet.token.price_usd"),
    ],
)
def test_an_observation_of_what_no_run_records_is_refused_before_the_first_run(change, said):
    seen = {"prices": {"price": PRICE | {"values": {"2026-01-20": 1.0}} | change}}
    with pytest.raises(ScenarioError, match=said):
        simdai.run(Scenario(**small(observations=seen)))


# -- held against the runs

LOOK_BACK = {
    "price": {
        "series": "market.price",
        "values": {"2026-01-03": 2.5, "2026-01-04": 9.0},
        "note": "of a sale",
    },
    "queue": {"series": "market.queue", "values": {"2026-01-04": 3.0}, "over": 2.0},
    "later": {"series": "market.queue", "values": {"2027-01-01": 3.0}},
}
"""Of made runs: the price is 1 + replication + sin(day + 1), the queue replication times day."""


class Looked(MadeScenario):
    observations: ClassVar[dict] = {}  # nothing to check before the first run

    @property
    def canonical(self):
        rest = {"unit": "USD/h", "source": "x", "grade": "A", "over": None, "note": ""}
        seen = {name: rest | entry for name, entry in LOOK_BACK.items()}
        seen["queue"]["unit"] = seen["later"]["unit"] = "1"
        return json.dumps({"observations": {"made": seen}})


def looked_back(replications=5):
    return runs.in_memory(plan(Looked(), replications=replications), 1, False)[0]


def test_observations_are_held_against_the_runs_on_their_day_or_over_their_days():
    price, high, queue = observed(looked_back())
    assert price.runs == pytest.approx([1.0 + r + math.sin(3.0) for r in range(5)])
    assert queue.runs == pytest.approx([2.0 * r for r in range(5)])  # two days at r a day
    assert (price.quantile, queue.quantile) == (0.4, 0.4)  # 2.5 lies above runs 0 and 1, 3 above 0 and 2
    assert price.inside and queue.inside and not high.inside and high.quantile == 1.0


def test_a_value_equal_to_a_run_counts_half_and_the_band_holds_its_ends():
    held = Held(
        "g", "n", "s", datetime.date(2026, 1, 1), 0.0, math.nan, 3.0, "1", "A", "x", "", np.arange(21.0)
    )
    assert held.band == (1.0, 10.0, 19.0) and held.quantile == pytest.approx(3.5 / 21)
    assert (
        held.inside and held.width == pytest.approx(1.8) and held.width_oom == pytest.approx(math.log10(19))
    )


def test_the_table_counts_what_lies_inside_and_leaves_out_what_comes_after_the_end():
    results = looked_back()
    table = results.observed()
    assert list(table["observation"]) == ["price", "price", "queue"]
    assert list(table["inside"]) == [True, False, True] and set(table["n"]) == {5}
    assert inside_shares(observed(results)) == {"made": (2, 3)}


def test_the_report_says_how_many_lie_inside_and_draws_each_group():
    results = looked_back()
    held = observed(results)
    assert observed_sentence(held).startswith("2 of 3 observations (67 %)")
    assert "take 20" in observed_sentence(held)  # five runs make no band
    assert [row[0] for row in held_rows(held)] == ["made", "price", "price", "queue"]
    assert [row[6] for row in held_rows(held)[1:]] == ["", "outside", ""]
    assert [group for group, _ in observed_figures(results)] == ["made"]
    assert "What really happened" in page(results) and "x – of a sale" in page(results)


def test_results_without_observations_say_so():
    results = runs.in_memory(plan(replications=1), 1, False)[0]
    with pytest.raises(ResultsError, match="no observations"):
        results.observed()
    assert "What really happened" not in page(results)


# -- what is assumed


def test_every_assumed_parameter_is_moved_alone_and_its_effect_measured(project, tmp_path):
    power = "power: {value: 1000, unit: W, date: 2026, source: assumption, grade: C}\n"
    share = "outside: {value: 0.9, unit: 1, date: 2026, source: assumption, grade: C}\n"
    (tmp_path / "parameters" / "guess.yaml").write_text(power + share)
    scenario = project("{}\n", horizon="2 d", record_every=1.0)
    scenario = scenario.with_changes(
        {
            "hardware.h100.power": {"parameter": "guess.power"},
            "demand.startups.choice.outside_share": {"parameter": "guess.outside"},
        }
    )
    assert assumed(scenario) == {
        "guess.outside": ("demand.startups.choice.outside_share",),
        "guess.power": ("hardware.h100.power",),
    }
    study = assumptions_study(scenario, outcomes=["startups.jobs_completed"], replications=2)
    assert study.n_points == 5
    made = simdai.sweep(study)
    assert '<td class="c">C</td>' in study_page(made)  # marked in the report
    table = assumptions_table(made).set_index("parameter")
    outside = table.loc["guess.outside"]
    assert outside["moved"] == pytest.approx(0.05)  # 1.2 x 0.9 would be no share
    assert outside["down"] > 0 > outside["up"] and table.index[0] == "guess.outside"


def test_of_many_assumed_parameters_those_are_moved_alone_that_stand_out_when_all_move(project, tmp_path):
    entry = "{value: %s, unit: %s, date: 2026, source: assumption, grade: C}\n"
    guesses = {"power": ("1000", "W"), "outside": ("0.5", "1"), "life": ("4", "y")}
    text = "".join(f"{name}: {entry % values}" for name, values in guesses.items())
    (tmp_path / "parameters" / "guess.yaml").write_text(text)
    paths = ("hardware.h100.power", "demand.startups.choice.outside_share", "hardware.h100.life")
    scenario = project("{}\n", horizon="2 d", record_every=1.0)
    scenario = scenario.with_changes(
        {path: {"parameter": f"guess.{name}"} for name, path in zip(guesses, paths, strict=True)}
    )
    screening = screening_study(scenario, pairs=6, outcomes=["startups.jobs_completed"])
    assert screening.n_points == 12
    names = screened(simdai.sweep(screening), keep=1)
    assert names == ["guess.outside"], "power and life move no job"
    assert assumptions_study(scenario, only=names).n_points == 3


REFERENCE = Path(__file__).parents[2] / "results" / "reference"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "outcome"),
    [("labs_race", "gap.speed.lead_time_days_closed"), ("landscape", "gap.scale.compute_ratio")],
)
def test_the_reference_tables_of_assumptions_come_out_again(name: str, outcome: str):
    text = (REFERENCE / f"assumptions_{name}.csv").read_text()
    words = shlex.split(text.splitlines()[0].removeprefix("# simdai assumptions "))
    settings = [value for word, value in itertools.pairwise(words) if word == "--set"]
    kept = pd.read_csv(io.StringIO(text), comment="#")
    row = kept[kept["outcome"] == outcome].iloc[0]
    scenario = load(words[0], set=settings)
    paths = list(assumed(scenario)[row["parameter"]])
    ends = {"low": 1.0 - row["moved"], "high": 1.0 + row["moved"], "relative": True}
    factor = {"kind": "uniform", "path": paths, "note": row["parameter"], **ends}
    study = {"base": scenario, "uncertainties": {"one": factor}, "design": {"kind": "one_at_a_time"}}
    table = assumptions_table(simdai.sweep(study | {"outcomes": [row["outcome"]]}))
    assert table.loc[0, ["middle", "down", "up"]].tolist() == pytest.approx(
        row[["middle", "down", "up"]].tolist(), rel=1e-3
    )


# -- the scenario


STATE = (
    r"labs\.\w+\.(index|behind_median|capital\.(cash|growth_last_year|valuation_factor|units_per_usd)|compute\.)",
    r"labs\.\w+\.(capital\.(capex|cash_flow)\.points|staff\.(headcount|growth|cash_pay|equity_pay|retention_2y))",
    r"demand\.\w+\.(wallet|quality|revenue\.\w+|jobs_per_day|growth|vbytes|spend\.value)$",
    r"institutions\.chip_supply\.(trend|labs_share|contract_price|rental_price|unit_price|price_fall|swing)",
    r"institutions\.(investors\.valuation\.\w+_power|frontier\.points_per_oom|frontier\.software\.halving)",
    r"institutions\.token_sector|clouds\.\w+\.price",
    r"networks\.\w+\.token\.(supply|price|absorbed|market)|networks\.bitcoin\.(chain|entry\.(decline|on_order))",
    r"networks\.bitcoin\.miners\.\w+\.(sites|hash_rate|efficiency)$|networks\.bittensor\.root_stake",
    r"networks\.akash\.(issuance\[\d\]\.rule\.bonded|providers\.racks\.(count|ask))$",
    r"uncertainties\.",
)
"""Paths of how things stood, where they seemed to go, and how well that was known."""


def test_how_things_stood_is_of_the_time_or_assumed():
    used = load("history").provenance.parameters
    state = [use for path, use in used if any(re.match(pattern, path) for pattern in STATE)]
    later = [use for use in state if str(use.date)[:7] > "2024-02" or str(use.date) == "2024"]
    assert len(state) > 150
    assert {use.name for use in later if not use.source.startswith("assumption")} == set()


def test_the_look_back_takes_no_record_of_later_years():
    scenario = load("history")
    assert scenario.start == datetime.date(2024, 1, 1) and scenario.end.date() == datetime.date(2026, 7, 1)
    record = scenario.institutions["scoreboard"].record
    assert max(*record.closed, *record.open_weights) < scenario.start
    prices = {name: net.token.price for name, net in scenario.networks.items()}
    assert prices == {"akash": 2.5, "bitcoin": 42260.0, "bittensor": 280.0, "render": 4.6}


def test_the_share_of_akt_staked_is_drawn_for_all_rules_and_stays_a_share():
    scenario = load("history")
    law = scenario.uncertainties["akash_bonded"]
    rules = scenario.networks["akash"].issuance.rules
    assert len(law.paths) == len(rules) == 4
    assert {rule.bonded for rule in rules} == {0.63}
    assert 0.63 * law.factor(1.0 - 2.0**-53) < 1.0


def test_the_look_back_observes_money_compute_models_and_networks_with_sources():
    groups = load("history").observations
    assert set(groups) == {"compute", "models", "money", "networks"}
    entries = [entry for group in groups.values() for entry in group.values()]
    assert sum(len(entry.values) for entry in entries) >= 60 and all(entry.source for entry in entries)
