"""Analyses of studies against closed forms and planted truths."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_studies import NAMES, Formula, asked, factor, made

import simdai
from simdai.errors import ResultsError, ScenarioError
from simdai.experiments import Comparison
from simdai.experiments.analysis import (
    attribute,
    balanced_effects,
    cart,
    correlations,
    morris,
    prim,
    sobol,
    tipping_point,
    tornado,
    warm_up,
)
from simdai.experiments.analysis.attribution import shapley
from simdai.experiments.analysis.variance import indices
from simdai.experiments.analysis.warm_up import mser
from simdai.experiments.statistics import bca_interval, holm, p_value
from simdai.report import analysis_figures as draw
from simdai.report import study_page
from simdai.results import Results, RunRecord, RunSeries


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def test_holm_multiplies_by_the_number_of_tests_left_and_never_falls():
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 is 0.02, 0.03, 0.06, 0.04; the last rises to 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, math.nan, 0.6])[0] == 1.0 and math.isnan(holm([0.5, math.nan, 0.6])[1])


def test_a_p_value_is_that_of_students_test():
    """For 1, 2, 3: t = 2 sqrt 3 = 3.464 with 2 degrees of freedom: p = 1 - t / sqrt(t^2 + 2) = 0.0742."""
    assert p_value([1.0, 2.0, 3.0]) == pytest.approx(1 - 3.4641 / math.sqrt(14.0), abs=1e-5)
    assert p_value([2.0, 2.0]) == 0.0 and p_value([0.0, 0.0]) == 1.0 and math.isnan(p_value([1.0]))


def test_a_bootstrap_interval_leans_to_the_long_side_and_repeats_itself():
    skewed = np.random.default_rng(1).exponential(size=30)
    interval = bca_interval(skewed)
    assert interval.high - interval.mean > interval.mean - interval.low > 0
    assert interval == bca_interval(skewed) and interval.n == 30
    assert bca_interval([3.0, 3.0, math.nan])[:3] == (3.0, 3.0, 3.0) and math.isnan(bca_interval([1.0]).low)
    assert bca_interval(skewed, statistic="median").mean == np.median(skewed)


def of_values(*pairs: tuple[float, ...]) -> Results:
    records = [RunRecord(replication=n, outcomes={"y": y}) for n, y in enumerate(pairs)]
    return Results({"name": "made", "seed": 1}, records, {}, {"y": "USD"})


def test_a_comparison_tells_p_values_and_what_common_luck_brings():
    """b = a + 1 or 2 in turn: the difference varies little, a and b each much."""
    noise = (0.0, 3.0, -3.0, 6.0)
    pair = Comparison(of_values(*noise), of_values(*(y + 1 + n % 2 for n, y in enumerate(noise))))
    row = pair.differences.iloc[0]
    assert row["difference"] == 1.5 and row["p"] == row["p_holm"] == p_value([1, 2, 1, 2])
    ax = draw.differences(pair.differences)
    (bar,) = ax.patches
    assert bar.get_width() == pytest.approx(1.5 / 1.5) and ax.get_yticklabels()[0].get_text() == "y"
    rows = {"a": [2.0, 2.0, 4.0], "difference": [0.0, 1.0, -4.0], "p_holm": [1.0, 0.3, 0.01]}
    ends = {"outcome": ["same", "luck", "sure"], "low": [0.0, -1.0, -5.0], "high": [0.0, 3.0, -3.0]}
    ax = draw.differences(pd.DataFrame(rows | ends))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["sure", "luck"], "the widest first"
    assert [bar.get_width() for bar in ax.patches] == [-1.0, 0.5]
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()
    luck = pair.luck.iloc[0]
    apart = math.sqrt(np.var(noise, ddof=1) + np.var([1.0, 5.0, -2.0, 8.0], ddof=1))
    assert luck["ratio"] == pytest.approx(np.std([1, 2, 1, 2], ddof=1) / apart) and luck["ratio"] < 0.2
    assert luck["paired"] == pytest.approx(luck["ratio"] * luck["independent"])


def test_mser_cuts_a_start_that_dies_out_and_nothing_else():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=400)
    start = 30.0 * np.exp(-np.arange(400) / 10.0)
    assert 20 <= mser(noise + start) <= 80
    assert mser(np.zeros(50)) == 0 and mser(noise[:12]) == 0
    assert mser(3.5 + np.spacing(3.5) * rng.integers(0, 2, 50)) == 0, "rounding is no start"
    trend = np.arange(400.0)
    assert mser(trend) == 200, "a series that never settles is cut in the middle"


def test_the_cut_of_a_scenario_is_the_longest_of_its_runs():
    times = np.arange(100.0)
    digests = np.zeros(100, np.uint64)
    flat, late = np.tile([1.0, 2.0], 50), np.where(times < 20, 40.0, 1.0) + np.tile([0.0, 1.0], 50)
    series = {
        f"p0-r{n}": RunSeries(times, digests, {"x": x}, {"x": "USD"}) for n, x in enumerate((flat, late))
    }
    results = Results({}, [RunRecord(replication=n) for n in (0, 1)], series, {})
    table = warm_up(results)
    row = table.iloc[0]
    assert row["cut"] == 20.0 and row["settled"] and row["mean_after"] == pytest.approx(1.5)
    assert row["mean_before"] == 40.5 and row["n"] == 2
    (line, after), (grey,) = (ax := draw.warm_up(table)).lines, ax.patches
    assert line.get_ydata().tolist() == ((flat + late) / 2).tolist() and ax.get_ylabel().endswith("USD")
    assert grey.get_extents().transformed(ax.transData.inverted()).x1 == pytest.approx(20.0)
    assert after.get_ydata()[0] == pytest.approx(1.5)


def test_a_series_without_a_value_at_the_start_is_cut_like_any_other_and_one_with_holes_has_not_settled():
    times = np.arange(101.0)
    late = np.where(times <= 20, 40.0, 1.0) + np.tile([1.0, 0.0], 51)[:101]
    begun, holes = late.copy(), late.copy()
    begun[0] = holes[[0, 50]] = math.nan
    series = {"p0-r0": RunSeries(times, np.zeros(101, np.uint64), {"begun": begun, "holes": holes}, {})}
    table = warm_up(Results({}, [RunRecord(replication=0)], series, {})).set_index("series")
    assert table["cut"]["begun"] == 21.0 and table["mean_after"]["begun"] == pytest.approx(1.5)
    assert table["settled"].to_dict() == {"begun": True, "holes": False}


def test_a_tornado_shows_what_each_end_does_and_the_widest_first():
    study = made(asked(design={"kind": "one_at_a_time"}, replications=3), Formula("a + 10 * b", noise=1.0))
    table = tornado(study, "y")
    assert table["factor"].tolist() == ["b", "b", "a", "a"]
    assert table["difference"].to_numpy() == pytest.approx([-5.0, 5.0, -0.5, 0.5])
    assert table["value"].tolist() == [1.0, 2.0, 1.0, 2.0] and table.attrs["units"]["y"] == "USD"
    assert np.allclose(table["high"] - table["low"], 0.0, atol=1e-9), "common luck cancels"
    with pytest.raises(ResultsError, match="needs the design one_at_a_time"):
        tornado(made(asked()), "y")
    assert "[USD]" in draw.tornado(table).get_xlabel()


def test_random_balance_tells_the_factor_that_matters_from_one_that_does_not():
    layout = {"kind": "random_balance", "pairs": 16}
    table = balanced_effects(made(asked(design=layout), "3 * a"), "y").set_index("factor")
    assert table.index.tolist() == ["a", "b"]
    assert table["effect"]["a"] == pytest.approx(3.0)
    assert table["score"]["a"] == pytest.approx(4.0), "the root of 16 pairs, all of whose effect is this"
    assert abs(table["score"]["b"]) < 3.0 and table["n"].tolist() == [16, 16]
    bent = balanced_effects(made(asked(design=layout), "(a - 1.5) * (b - 1.5)"), "y")
    assert bent["effect"].abs().max() < 1e-12, "what two do together cancels"
    broken = balanced_effects(made(asked(design=layout), Formula("3 * a", fails_above=1.5)), "y")
    assert broken["n"].tolist() == [0, 0] and broken["score"].tolist() == [0.0, 0.0]


def test_morris_finds_the_slope_of_a_line_and_the_spread_of_an_interaction():
    pytest.importorskip("SALib")
    layout = {"kind": "morris", "trajectories": 6}
    table = morris(made(asked(design=layout), "3 * a - 7 * b"), "y").set_index("factor")
    assert table.index.tolist() == ["b", "a"]
    assert table["mu"].to_numpy() == pytest.approx([-7.0, 3.0]) and table["mu_star"]["b"] == pytest.approx(
        7.0
    )
    assert table["sigma"].max() < 1e-9
    bent = morris(made(asked(design=layout), "10 * (a - 1) * (b - 1)"), "y")
    assert bent["sigma"].min() > 0.5
    assert draw.morris(bent).get_xlabel()


def ishigami(x: np.ndarray) -> np.ndarray:
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def test_sobol_indices_are_those_of_the_ishigami_function():
    """Closed form: Ishigami and Homma (1990); first 0.3139, 0.4424, 0, total 0.5576, 0.4424, 0.2437."""
    from scipy.stats import qmc, sobol_indices

    sample = 2 * np.pi * qmc.Sobol(6, rng=np.random.default_rng(1)).random(4096) - np.pi
    a, b = sample[:, :3], sample[:, 3:]
    mixed = [np.where(np.arange(3) == k, b, a) for k in range(3)]
    table = np.array([ishigami(x) for x in (a, b, *mixed)])
    first, total = indices(table)
    assert first == pytest.approx([0.3139, 0.4424, 0.0], abs=0.02)
    assert total == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.02)
    values = {"f_A": table[None, 0], "f_B": table[None, 1], "f_AB": table[2:, None]}
    other = sobol_indices(func=values, n=4096)
    assert total == pytest.approx(np.ravel(other.total_order), abs=0.01)


def test_the_sobol_analysis_of_a_sum_splits_the_variance_by_squares():
    """y = a + 2 b of equal ranges: 1/5 and 4/5 of the variance, no interaction."""
    study = made(asked(design={"kind": "sobol", "base_points": 64}), "a + 2 * b")
    table = sobol(study, "y")
    assert table["factor"].tolist() == ["b", "b", "a", "a"]
    assert table["share"].to_numpy() == pytest.approx([0.8, 0.8, 0.2, 0.2], abs=0.07)
    assert np.all(table["low"] <= table["share"]) and np.all(table["share"] <= table["high"])
    failing = made(asked(design={"kind": "sobol", "base_points": 64}), Formula("a", fails_above=1.9))
    assert 4 <= sobol(failing, "y")["n"].iloc[0] < 64
    assert draw.sobol(table).get_legend() is not None


def test_correlations_find_what_goes_along_and_leave_out_what_does_not():
    study = made(
        asked(factors=3, design={"kind": "latin_hypercube", "points": 60}), "np.exp(5 * a) - 0.1 * b"
    )
    table = correlations(study, "y").set_index("factor")
    assert table.index[0] == "a" and table["correlation"]["a"] > 0.99
    assert table["low"]["c"] < 0 < table["high"]["c"]
    assert draw.correlations(table.reset_index()).get_xlabel()


PLANTED = "np.where((a > 1.6) & (b < 1.5), 10.0, 0.0)"


@pytest.fixture(scope="module")
def planted():
    pytest.importorskip("ema_workbench")
    return made(asked(factors=3, design={"kind": "latin_hypercube", "points": 250}), PLANTED)


def test_prim_recovers_a_planted_box(planted):
    table = prim(planted, "y", above=5.0).set_index("factor")
    assert set(table.index) == {"a", "b"} and set(table["box"]) == {0}
    assert table["low"]["a"] == pytest.approx(1.6, abs=0.05) and table["high"]["b"] == pytest.approx(
        1.5, abs=0.05
    )
    assert table["density"].iloc[0] >= 0.8 and table["coverage"].iloc[0] >= 0.9 and table["p"].max() < 1e-6
    assert table.attrs["condition"] == "y > 5" and table.attrs["interest"] == pytest.approx(0.2, abs=0.04)
    ax = draw.boxes(prim(planted, "y", above=5.0))
    assert "of all cases with y > 5" in ax.get_xlabel()


def test_the_report_shows_where_what_a_study_looks_for_comes_about():
    pytest.importorskip("ema_workbench")
    design = {"kind": "latin_hypercube", "points": 60}
    page = study_page.page(made(asked(design=design, discover={"y": {"above": 1.5}, "z": {"above": 9}}), "a"))
    assert "Where it comes about" in page and "y &gt; 1.5" in page
    assert "z &gt; 9 at none of the points" in page


def test_cart_recovers_a_planted_box(planted):
    table = cart(planted, "y", above=5.0)
    leaf = table[table["leaf"] == 0].set_index("factor")
    assert leaf["density"].iloc[0] > 0.95 and leaf["coverage"].iloc[0] > 0.9
    assert leaf["low"]["a"] == pytest.approx(1.6, abs=0.05) and leaf["high"]["b"] == pytest.approx(
        1.5, abs=0.05
    )


def test_discovery_says_when_a_threshold_tells_nothing_apart(planted):
    with pytest.raises(ResultsError, match="at none of the points; it lies from 0 to 10"):
        prim(planted, "y", above=50.0)
    with pytest.raises(ResultsError, match="one threshold"):
        cart(planted, "y")


BASE = simdai.load("examples/minimal", set={"networks.gridnet.token.price": 1.0})


def tipping(formula: Formula, **options):
    arguments = {"low": 1.0, "high": 2.0, "outcome": "y", "threshold": 1.5, "replications": 8, **options}
    return tipping_point(BASE, "scale", simulate=formula, **arguments)


def test_a_tipping_point_is_where_the_mean_passes_and_its_interval_where_the_ends_do():
    """y = a + noise: the mean passes 1.5 at 1.5 - mean(noise), the ends at t half-widths to both sides."""
    table = tipping(Formula("a", noise=0.1), tolerance=1e-3)
    row = table.iloc[0]
    luck = np.array([np.random.default_rng([1, r]).normal(size=3)[0] for r in range(8)]) * 0.1
    half = 2.364624 * luck.std(ddof=1) / math.sqrt(8)
    assert row["level"] == pytest.approx(1.5 - luck.mean(), abs=2e-3)
    assert row["low"] == pytest.approx(row["level"] - half, abs=4e-3)
    assert row["high"] == pytest.approx(row["level"] + half, abs=4e-3)
    assert row["rising"] and row["crossings"] == 1 and row["n"] == 8
    assert row["runs"] == 8 * len(table.attrs["trace"])
    assert draw.tipping(table).get_xlabel() == "scale"


def test_a_tipping_point_may_fall_lie_elsewhere_or_not_be_there():
    falling = tipping(Formula("3 - a", noise=0.1), threshold=1.5).iloc[0]
    assert not falling["rising"] and falling["low"] < falling["level"] < falling["high"]
    nowhere = tipping(Formula("a"), threshold=9.0).iloc[0]
    assert math.isnan(nowhere["level"]) and math.isnan(nowhere["low"]) and nowhere["crossings"] == 0
    edge = tipping(Formula("a", noise=1.0), threshold=1.9).iloc[0]
    assert edge["high"] == math.inf and math.isfinite(edge["level"])
    twice = tipping(Formula("np.sin((a - 1) * 6)"), threshold=0.2).iloc[0]
    assert twice["crossings"] == 2 and twice["level"] == pytest.approx(1 + math.asin(0.2) / 6, abs=0.01)


def test_a_tipping_point_may_be_looked_for_by_factors_and_in_a_unit():
    path = "clouds.bigcloud.price"
    table = tipping_point(
        BASE, path, "0.01 USD/h", "100 USD/h", "y", 1.0, scale="log", simulate=Formula("d"), replications=2
    )
    assert table["level"][0] == pytest.approx(1.0, rel=0.06) and table["unit"][0] == "USD/h"
    with pytest.raises(ScenarioError, match="is no range"):
        tipping(Formula("a"), low=2.0, high=1.0)


def test_the_parts_of_a_product_are_those_worked_out_by_hand():
    """y = a b from 1 x 1 to 2 x 3: moving a brings 1 or 3, moving b 2 or 4; on average 2 and 3 of 5."""
    levers = {"a": {NAMES[0]: 2.0}, "b": {NAMES[1]: 3.0}}
    table = attribute(BASE, None, "y", levers=levers, replications=3, simulate=Formula("a * b", noise=1.0))
    assert table["lever"].tolist() == ["a", "b", "whole change"]
    assert table["part"].to_numpy() == pytest.approx([2.0, 3.0, 5.0]) and table.attrs["runs"] == 12
    assert draw.attribution(table).get_xlabel() == "part of the change of y [USD]"


def test_the_levers_between_two_scenarios_are_the_values_that_differ():
    other = BASE.with_changes({NAMES[0]: 2.0, "clouds.bigcloud.price": "4 USD/h"})
    table = attribute(BASE, other, "y", replications=2, simulate=Formula("a + d"))
    assert sorted(table["part"]) == pytest.approx([0.5, 1.0, 1.5]) and table["lever"][2] == "whole change"
    assert {"scale"} < set(table["lever"]) and any("clouds.bigcloud.price" in name for name in table["lever"])
    with pytest.raises(ScenarioError, match="nothing moved"):
        attribute(BASE, BASE, simulate=Formula("a"))


@pytest.mark.parametrize("n", [3, 10])
def test_shapley_values_sum_to_the_whole_and_are_fair(n: int):
    """A player that adds nothing gets nothing, and equal players get the same."""
    from simdai.experiments.analysis.attribution import all_orders, needed

    orders = all_orders(n, 1)

    def worth(coalition: int) -> np.ndarray:
        useful = coalition & ~(1 << (n - 1))
        return np.array([float(useful.bit_count()) ** 2, 1.0])

    game = {coalition: worth(coalition) for coalition in needed(n, orders)}
    parts = shapley(game, n, orders)
    assert sum(part[0] for part in parts) == pytest.approx((n - 1) ** 2) and parts[-1][0] == 0.0
    assert [part[0] for part in parts[:-1]] == pytest.approx(
        [n - 1.0] * (n - 1), rel=0 if orders is None else 0.3
    )


@pytest.mark.parametrize(
    "design",
    [
        {"kind": "one_at_a_time"},
        {"kind": "latin_hypercube", "points": 12},
        {"kind": "sobol", "base_points": 8},
    ],
)
def test_the_report_of_a_study_leads_with_what_its_design_is_for(tmp_path: Path, design: dict):
    names = {"token": {"kind": "choice", "path": "scale", "values": [1, 2]}, "price": factor(NAMES[1])}
    study = made(asked(uncertainties=names, design=design, outcomes=["y"]), "a + b", out=tmp_path / "kept")
    page = study_page.page(study)
    heading = study_page.ANALYSES[study.file.design.analysis][0]
    assert heading in page and page.count("<svg") == 2 and "networks.gridnet.token.price" in page
    assert study_page.write(study).read_text() == page


def test_the_report_names_failed_runs_with_their_replay_and_escapes_text(tmp_path: Path):
    study = made(asked(question="is a < b?"), Formula("a", fails_above=1.5), out=tmp_path / "kept")
    page = study_page.page(study)
    assert f"simdai rerun {tmp_path / 'kept'} p2-r0" in page and "is a &lt; b?" in page
    assert "2 of 4 runs failed" in page
