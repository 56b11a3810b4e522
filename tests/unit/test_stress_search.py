"""The search for the cheapest break: planted weak designs break near their break-point, strong ones hold."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from made_studies import NAMES, Formula, factor

import simdai
from simdai.errors import ResultsError, ScenarioError
from simdai.experiments.runners import Pool
from simdai.experiments.stress import Property, Search, cheapest_break
from simdai.report import analysis_figures as draw

pytest.importorskip("optuna")

BASE = simdai.load("examples/minimal", set={"networks.gridnet.token.price": 1.0})
A, AB = {"a": factor(NAMES[0])}, {"a": factor(NAMES[0]), "b": factor(NAMES[1])}
HOLDS = Property(outcome="y", at_least=0.0)


def hunted(formula: Formula, stresses=None, prop=HOLDS, cost: str = "a", **options) -> Search:
    return cheapest_break(BASE, stresses or A, prop, cost, simulate=formula, **options)


def test_the_least_severity_that_breaks_is_found_and_confirmed():
    """y = 1.4 - a breaks above 1.4."""
    found = hunted(Formula("1.4 - a"), budget=60)
    assert found.verdict == "broken"
    assert 1.4 < found.cost_to_break < 1.4 + 0.01
    assert found.confirmed.n == 20 and found.confirmed.mean < 0
    assert "y >= 0: broken at a = 1.40" in str(found)


def test_noise_moves_a_break_only_as_far_as_it_takes_to_be_clear():
    """The 90 % interval of five runs with noise 0.05 reaches 0.048 from the mean: 10 % at most beyond 1.4."""
    found = hunted(Formula("1.4 - a", noise=0.05), budget=80)
    assert found.verdict == "broken" and 1.34 < found.cost_to_break < 1.54


def test_the_cheapest_combination_of_two_stresses_is_found_within_a_tenth():
    """(a - 1)(b - 1) > 0.25 breaks; spending 2 a + b is least at b - 1 = 2 (a - 1) = 0.7071: 4.4142."""
    weak = Formula("0.25 - (a - 1) * (b - 1)", cost="2 * a + b")
    found = hunted(weak, AB, cost="cost", budget=200, replications=2)
    assert found.verdict == "broken" and found.cost_unit == "USD"
    assert 4.4142 < found.cost_to_break < 4.4142 * 1.03
    assert found.levels()["b"] == pytest.approx(1.7071, abs=0.15)


def test_an_option_that_breaks_cheaply_is_chosen():
    stresses = {**A, "way": {"kind": "choice", "path": NAMES[2], "values": [5000, 1, 2]}}
    weak = Formula("np.where(c == 1, 1.2 - a, np.where(c == 2, 1.6 - a, 1.0))")
    found = hunted(weak, stresses, budget=80, replications=2)
    assert found.levels()["way"] == 1.0 and 1.2 < found.cost_to_break < 1.22


def test_a_design_that_holds_is_reported_as_not_broken_within_the_budget_and_never_as_safe():
    found = hunted(Formula("10 - a", noise=0.1), budget=40)
    assert found.verdict == "not broken within budget" and found.best is None
    assert found.cost_to_break == math.inf and found.levels() == {} and len(found.looks) <= 40
    assert "not broken within the budget" in str(found) and "may break it" in str(found)
    assert "safe" not in str(found)
    with pytest.raises(ResultsError, match="nothing to replay"):
        found.save("nowhere.yaml")


def test_a_break_by_luck_is_not_believed():
    """Ten times as much noise as distance: some points look broken, fresh luck says they are not."""
    found = hunted(Formula("0.4 + 0 * a", noise=1.0), budget=40, replications=2, seed=6, fresh=200)
    assert found.verdict == "not broken within budget"
    assert found.unconfirmed or not any(look.broken for look in found.looks)


def test_a_property_may_be_an_upper_bound():
    found = hunted(Formula("a"), prop=Property(outcome="y", at_most=1.75), budget=50)
    assert 1.75 < found.cost_to_break < 1.76


def test_the_same_search_finds_the_same_with_any_runner():
    formula = Formula("1.4 - a * b", noise=0.1)
    alone = hunted(formula, AB, budget=40)
    shared = hunted(formula, AB, budget=40, by=Pool(2))
    assert alone.table.equals(shared.table) and alone.cost_to_break == shared.cost_to_break
    assert not alone.table.equals(hunted(formula, AB, budget=40, seed=2).table)


def test_a_break_is_saved_as_a_scenario_that_replays_it(tmp_path: Path):
    found = hunted(Formula("1.4 - a"), budget=40)
    saved = simdai.load(found.save(tmp_path / "break.yaml"))
    assert saved.scale == found.levels()["a"] > 1.4
    assert saved.with_changes({"question": BASE.question}) == found.scenario
    assert "y >= 0" in saved.question


def test_the_table_and_the_figure_show_every_look():
    found = hunted(Formula("1.4 - a"), budget=40)
    table = found.table
    assert list(table.columns) == ["look", "a", "cost", "mean", "low", "high", "n", "margin", "broken"]
    assert len(table) <= 40 and table["broken"].any() and not table["broken"].all()
    assert (table["broken"] == (table["a"] > 1.4)).all()
    assert "looks" in draw.search(found).get_xlabel()


def test_runs_that_fail_are_no_breaks():
    found = hunted(Formula("1.4 - a", fails_above=1.3), budget=30)
    assert found.verdict == "not broken within budget" and "made to fail" in found.errors[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stresses": {"a": {"kind": "unifrm", "path": "scale"}}}, "Did you mean 'uniform'"),
        ({"stresses": {"a": factor(NAMES[0]) | {"low": 3}}}, "is not below"),
        ({"budget": 1}, "at least 2 points"),
    ],
)
def test_a_search_that_cannot_be_is_refused(change: dict, said: str):
    with pytest.raises(ScenarioError, match=said):
        hunted(Formula("a"), **change)


def test_a_property_needs_one_threshold_and_the_runs_its_outcome():
    with pytest.raises(ScenarioError, match="one threshold"):
        Property(outcome="y")
    with pytest.raises(ResultsError, match="unknown cost 'costs'"):
        hunted(Formula("a"), cost="costs")
    with pytest.raises(ResultsError, match="unknown outcome"):
        hunted(Formula("a"), prop=Property(outcome="yy", at_least=0.0))
