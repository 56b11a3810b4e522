"""Stresses laid on a design: what applies, what is measured, how it is graded, what breaks it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

import simdai
from simdai import registry
from simdai.cli import app
from simdai.errors import ScenarioError
from simdai.experiments.stress import Battery, Challenge, break_point, load_battery
from simdai.experiments.stress.battery import UNSTRESSED, attacks_on
from simdai.experiments.stress.measures import MEASURES, Pair
from simdai.report.page import table
from simdai.report.stress_page import page
from simdai.results import RunSeries
from simdai.schema.scenario import Verdict
from tests.worlds import small

QUIET = {
    "question": "Does it hold?",
    "severities": ("mild", "extreme"),
    "replications": 2,
    "horizon": 14.0,
    "stresses": {
        "drought": {
            "shock": "demand_step",
            "about": "customers stay away",
            "after": 7.0,
            "levels": {"factor": (0.9, 0.05)},
        },
        "crash": {
            "shock": "token_price_crash",
            "about": "holders sell",
            "after": 7.0,
            "levels": {"drop": (0.1, 0.9)},
        },
        "oracle": {
            "shock": "oracle_outage",
            "about": "no price",
            "after": 7.0,
            "fields": {"lasts": 1.0},
            "levels": {},
        },
    },
    "verdicts": {
        "service": {"bent_below": 0.95, "broke_below": 0.8},
        "price_drawdown": {"bent_above": 0.05, "broke_above": 0.5},
    },
}


@pytest.fixture(scope="module")
def card():
    scenario = small({"record_every": 7.0, "horizon": "28 d"})
    return simdai.stress(scenario, battery=Battery(**QUIET))


def test_each_stress_is_graded_by_the_limits_of_the_battery(card):
    assert card.grades["drought"] == {"mild": ("bent", "service"), "extreme": ("broke", "service")} or (
        card.grades["drought"]["extreme"] == ("broke", "service")
    )
    assert card.grades["crash"]["mild"] == ("bent", "price_drawdown")
    assert card.grades["crash"]["extreme"] == ("broke", "price_drawdown")
    assert set(card.broken) == {"drought", "crash"}


def test_a_stress_without_a_place_in_the_network_is_skipped_with_its_reason(card):
    assert set(card.applied.skipped) == {"oracle"}
    assert card.applied.skipped["oracle"] == "there is no network with a price oracle here"
    assert "oracle" not in card.grades


def test_a_price_crash_shows_the_fall_that_was_asked_for(card):
    table = card.table.set_index(["stress", "severity", "measure"])
    assert table.loc[("crash", "extreme", "price_drawdown"), "mean"] == pytest.approx(0.9, abs=0.02)


def test_limits_in_the_scenario_come_before_those_of_the_battery():
    scenario = small({"record_every": 7.0, "verdicts": {"price_drawdown": {"broke_above": 0.99}}})
    only = {**QUIET, "stresses": {"crash": QUIET["stresses"]["crash"]}}
    assert simdai.stress(scenario, battery=Battery(**only)).broken == []


def test_the_report_is_one_page_that_names_every_stress_and_how_to_run_it_again(card):
    text = page(card)
    assert all(name in text for name in ("drought", "crash", "oracle", "simdai stress", "<svg"))
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_the_report_shows_every_measure_of_a_stress_once_with_its_severities_side_by_side(card):
    text = page(card)
    rows = text[text.index("<h2>Measures") : text.index("<h2>What decides")].split("<tr>")
    assert sum("price_<wbr>drawdown" in row for row in rows) == len(card.grades)
    drawdown = next(row for row in rows if "price_<wbr>drawdown" in row)
    assert drawdown.count('class="graded"') == len(card.applied.battery.severities)
    assert all(row.count("<b ") <= len(card.applied.battery.severities) for row in rows)


def test_heads_of_tables_may_break_so_that_no_column_leaves_the_page():
    cells = table(("moved", "networks.worknet.stake.usd_per_gpu"), [("", "400")])
    assert "networks.<wbr>worknet.<wbr>stake.<wbr>usd_<wbr>per_<wbr>gpu</th>" in cells


def test_the_same_battery_twice_gives_the_same_bits(card):
    again = simdai.stress(small({"record_every": 7.0, "horizon": "28 d"}), battery=Battery(**QUIET))
    assert again.study.hash == card.study.hash


def pair(providers: list[float]) -> Pair:
    times = np.array([0.0, 10.0, 20.0, 30.0, 40.0])

    def series(values: list[float]) -> RunSeries:
        return RunSeries(times, np.zeros(5, np.uint64), {"n.providers.count": np.array(values)}, {})

    return Pair("n", 10.0, {"n.attack.profit_usd": 5.0}, {}, series(providers), series([100.0] * 5))


def test_recovery_counts_from_the_shock_to_the_last_day_below():
    assert MEASURES["recovery_days"].of(pair([100, 50, 80, 96, 99])) == 20.0
    assert MEASURES["recovery_days"].of(pair([100, 99, 98, 97, 96])) == 0.0
    assert MEASURES["recovery_days"].of(pair([100, 50, 50, 50, 50])) == 30.0


def test_capacity_is_read_against_the_unstressed_run_and_absent_beyond_the_horizon():
    assert MEASURES["capacity_30d"].of(pair([100, 50, 60, 70, 80])) == 0.8
    assert math.isnan(MEASURES["capacity_90d"].of(pair([100, 50, 60, 70, 80])))


def test_attack_profit_is_what_attacks_of_the_stressed_run_gained():
    assert MEASURES["attack_profit"].of(pair([1, 1, 1, 1, 1])) == 5.0


@pytest.mark.parametrize(
    ("value", "grade"), [(0.95, "held"), (0.9, "held"), (0.89, "bent"), (0.5, "bent"), (0.49, "broke")]
)
def test_a_verdict_is_bent_below_one_limit_and_broke_below_the_other(value, grade):
    assert Verdict(bent_below=0.9, broke_below=0.5).of(value) == grade


def test_the_standard_battery_is_sound_and_covers_every_worked_design():
    battery = load_battery()
    for name in ("work_token", "stake_for_access", "dual_token"):
        scenario = simdai.load(f"designs/{name}")
        applied = battery.applied(scenario, next(iter(scenario.networks)))
        assert UNSTRESSED in applied.variants
        assert len({stress for stress, _ in applied.names}) >= 14, applied.skipped


def test_a_battery_with_faults_says_where(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "severities: [a, b]\nreplications: 0\nhorizon: 3 d\nstresses: {}\nverdicts: {}\nsize: 3\n"
    )
    with pytest.raises(ScenarioError) as caught:
        load_battery(str(file))
    assert "mine.yaml:2" in str(caught.value) and "mine.yaml:6" in str(caught.value)
    with pytest.raises(ScenarioError, match="2 are needed"):
        Battery(**{**QUIET, "stresses": {"x": {**QUIET["stresses"]["crash"], "levels": {"drop": (0.1,)}}}})
    with pytest.raises(ScenarioError, match="demand_step"):
        Battery(**{**QUIET, "stresses": {"x": {**QUIET["stresses"]["crash"], "shock": "demand_stp"}}})


def test_an_unknown_network_or_stress_names_the_nearest():
    with pytest.raises(ScenarioError, match="gridnet"):
        simdai.stress(small(), network="gridnett", battery=Battery(**QUIET))
    with pytest.raises(ScenarioError, match="drought"):
        break_point(Challenge(small(), "drouht", battery=Battery(**QUIET)))


def test_the_search_finds_the_loss_of_demand_that_breaks_service():
    """Demand scaled by f from day 7 of 28 leaves 1/4 + 3/4 f of the jobs: 0.8 needs f = 0.73.

    With two runs it is clear somewhat below."""
    scenario = small({"record_every": 7.0, "horizon": "28 d"})
    found = break_point(
        Challenge(scenario, "drought", battery=Battery(**QUIET)), budget=14, replications=2, fresh=3
    )
    assert found.verdict == "broken"
    assert 0.6 < found.levels()["factor"] < 0.73


SHORT = ("--set", "horizon=28 d", "--set", "warm_up=1 d")


def test_the_command_line_prints_grades_and_writes_a_design_to_begin_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(app, ["new", "design", "mine"]).exit_code == 0
    assert runner.invoke(app, ["check", "./mine.yaml"]).exit_code == 0
    battery = {**QUIET, "stresses": {"crash": QUIET["stresses"]["crash"]}}
    (tmp_path / "b.yaml").write_text(json.dumps(battery))
    done = runner.invoke(
        app,
        [
            *[
                "stress",
                "./mine.yaml",
                "--battery",
                "./b.yaml",
                "--replications",
                "2",
                "--workers",
                "1",
                "--json",
            ],
            *SHORT,
        ],
    )
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.stdout[done.stdout.index("{") :])["grades"]["crash"]) == {"mild", "extreme"}
    assert (tmp_path / "results" / "stress_mine" / "report.html").exists()


def test_the_standard_battery_has_three_severities_for_every_attack_there_is():
    battery = load_battery()
    tried = {stress.shock for stress in battery.stresses.values()}
    kinds = {kind for network in registry.kinds("network") for kind in attacks_on(network)}
    assert len(kinds) > 20 and kinds <= tried
    assert all(len(v) == 3 for s in battery.stresses.values() for v in s.levels.values())


@pytest.mark.parametrize(
    ("name", "network", "skipped"),
    [
        ("networks/render", "render", set()),
        ("networks/akash", "akash", {"oracle_arbitrage"}),
        ("networks/ionet", "ionet", set()),
        ("networks/bittensor_subnet", "bittensor", set()),
        ("the_graph", "the_graph", set()),
        ("ocean", "ocean", set()),
        ("singularitynet", "singularitynet", set()),
        ("networks/bitcoin", "bitcoin", {"fickle_mining"}),
    ],
)
def test_every_attack_on_a_kind_of_network_applies_to_the_librarys_by_itself(name, network, skipped):
    scenario = simdai.load(name)
    battery = load_battery()
    attacks = attacks_on(scenario.networks[network].kind)
    assert attacks
    chosen = battery.only(s for s, stress in battery.stresses.items() if stress.shock in attacks)
    applied = chosen.applied(scenario, network)
    assert set(applied.skipped) == skipped, applied.skipped
    assert not applied.untried
