"""The report stands alone, says what it shows, and draws what there is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_runs import MadeScenario, failing, plan

from simdai.errors import ResultsError
from simdai.experiments import runs
from simdai.report.figures import apart, compact, curves, figures, spread
from simdai.report.page import page, sources, write


@dataclass(frozen=True)
class Market(MadeScenario):
    @property
    def canonical(self) -> str:
        return '{"clouds": {"cloud": {}}, "networks": {"grid": {}}, "demand": {"labs": {}}}'


def market_runs(scenario, seed, replication, plan, watch=None):
    times = np.arange(5.0)
    series = {
        "grid.price_usd_per_gpu_hour": np.array([np.nan, 1.0, 1.2, 1.1, 1.0 + 0.1 * replication]),
        "cloud.price_usd_per_gpu_hour": np.full(5, 3.5),
        "labs.price_usd_per_gpu_hour": np.full(5, 2.0),
        "grid.wait_hours_mean": np.zeros(5),
        "grid.providers.count": np.full(5, 100.0),
        "grid.providers.homes.count": np.full(5, 60.0),
        "grid.token.price_usd": np.full(5, 0.1),
        "grid.token.burned": times,
        "grid.token.issued": 2 * times,
        "nobody.knows": times,
    }
    units = {
        **dict.fromkeys(series, "USD/h"),
        "grid.wait_hours_mean": "h",
        "grid.providers.count": "count",
        "grid.providers.homes.count": "count",
        "grid.token.price_usd": "USD",
        "grid.token.burned": "token",
        "grid.token.issued": "token",
    }
    return SimpleNamespace(
        outcomes={"niche.cost.unit_cost_ratio": 0.5},
        units={**units, "niche.cost.unit_cost_ratio": "1"},
        times=times,
        series=series,
        digest=1,
        digests=[0] * 5,
        n_events=10,
        kernel="compiled",
        trace=None,
    )


@pytest.fixture(scope="module")
def results():
    return runs.in_memory(plan(scenario=Market(), simulate=market_runs, replications=3), 1, False)[0]


class Tags(HTMLParser):
    """Collects addresses that a browser would fetch, and checks that tags close in order."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input", "wbr", "col"})

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_fetches_nothing_and_its_tags_close(results):
    text = page(results)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert all(address.startswith("#") for address in tags.fetched)
    assert "@import" not in text and not re.search(r"url\((?!#)", text)


def test_the_page_holds_question_outcomes_hash_and_command(results):
    text = page(results)
    for part in ("Does it count?", "unit_", "95 % interval", results.hash, "3 replications of seed 1"):
        assert part in text


def test_every_figure_says_what_it_shows(results):
    for drawn in figures(results):
        assert drawn.sentence.endswith("means over 3 replications, bands hold the middle 90 % of them.")


def test_figures_take_the_series_that_belong_to_them(results):
    shown = {drawn.title: drawn.names for drawn in figures(results)}
    assert set(shown["Price of a GPU-hour by venue"]) == {
        "grid.price_usd_per_gpu_hour",
        "cloud.price_usd_per_gpu_hour",
    }
    assert shown["Price of a GPU-hour by customer"] == ("labs.price_usd_per_gpu_hour",)
    assert set(shown["Tokens created and destroyed"]) == {"grid.token.burned", "grid.token.issued"}
    assert len(shown["Providers and supply"]) == 2


def test_a_series_that_is_zero_throughout_is_not_drawn(results):
    assert "Waiting time" not in {drawn.title for drawn in figures(results)}


def test_curves_are_means_and_quantiles_over_replications(results):
    (line,) = curves(results, ["grid.price_usd_per_gpu_hour"])
    # The last instant of replications 0, 1, 2 is 1.0, 1.1, 1.2.
    assert line.mean[-1] == pytest.approx(1.1)
    assert line.low[-1] == pytest.approx(1.01)
    assert line.high[-1] == pytest.approx(1.19)
    assert np.isnan(line.mean[0]) and line.n == 3


def test_no_word_of_a_figure_lies_outside_it_or_on_other_axes(results):
    for drawn in figures(results):
        drawn.figure.draw_without_rendering()
        edge = drawn.figure.bbox.padded(1.0)
        boxes = [ax.get_tightbbox() for ax in drawn.figure.axes]
        assert all(edge.x0 <= b.x0 and edge.y0 <= b.y0 and b.x1 <= edge.x1 and b.y1 <= edge.y1 for b in boxes)
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_bands_leave_out_what_is_not_a_number():
    table = np.array([[1.0, np.nan, np.nan], [2.0, 4.0, np.nan], [5.0, 0.0, np.nan]])
    mean, low, high = spread(table)
    assert mean[:2].tolist() == pytest.approx([8 / 3, 2.0])
    assert low[:2].tolist() == pytest.approx([1.1, 0.2])  # 5 % of the way through 1, 2, 5 and through 0, 4
    assert high[:2].tolist() == pytest.approx([4.7, 3.8])
    assert np.isnan([mean[2], low[2], high[2]]).all()


def test_the_same_results_give_the_same_page(results):
    assert page(results) == page(results)


def test_names_from_outside_are_text_on_the_page():
    made = runs.in_memory(plan(scenario=MadeScenario(name="<script>x</script>")), 1, False)[0]
    assert "<script>" not in page(made)


def test_failed_runs_are_named_first():
    made = runs.in_memory(plan(replications=3, simulate=failing(1)), 1, False)[0]
    text = page(made)
    assert "1 of 3 runs failed" in text and "made to fail" in text
    assert text.index("1 of 3 runs failed") < text.index("Outcomes")


def test_results_without_any_good_run_still_have_a_page():
    made = runs.in_memory(plan(replications=2, simulate=failing(0, 1)), 1, False)[0]
    assert "2 of 2 runs failed" in page(made)


def test_grade_c_is_marked_in_the_sources():
    use = {
        "name": "a.b",
        "value": 2.5,
        "unit": "USD/h",
        "date": "2026",
        "source": "guess",
        "note": "",
        "path": "x",
    }
    text = sources([{**use, "grade": "C"}, {**use, "name": "a.c", "grade": "A"}])
    assert text.count('class="c"') == 1
    assert "1 read in a primary source (A), 1 inferred or assumed (C)" in text


def test_plot_draws_named_series_on_axes(results):
    import matplotlib

    matplotlib.use("Agg")
    axes = results.plot("grid.price_usd_per_gpu_hour", "cloud.price_usd_per_gpu_hour")
    assert len(axes.lines) == 2
    assert axes.get_ylabel() == "USD per GPU-hour"
    again = results.plot("grid.token.burned", ax=axes.figure.add_subplot())
    assert len(again.lines) == 1


def test_plot_refuses_unknown_series_and_mixed_units(results):
    with pytest.raises(ResultsError, match=r"Did you mean 'grid\.token\.burned'"):
        results.plot("grid.token.burnt")
    with pytest.raises(ResultsError, match="different units"):
        results.plot("grid.token.burned", "grid.token.price_usd")


def test_results_in_memory_have_no_place_for_a_report(results, tmp_path: Path):
    with pytest.raises(ResultsError, match="only in memory"):
        write(results)
    assert write(results, tmp_path / "page.html").read_text() == page(results)


def test_labels_move_apart_about_their_middle():
    assert apart([0.0, 0.0, 1.0], 0.5) == [-0.25, 0.25, 1.0]
    assert apart([0.2, 0.9], 0.1) == [0.2, 0.9]
    assert apart([], 0.1) == []
    crowded = apart([0.5, 0.5, 0.5, 0.52, 0.9], 0.1)
    assert np.all(np.diff(crowded) >= 0.1 - 1e-12)


def test_ticks_of_one_axis_share_a_scale():
    assert [compact(y, 20_000.0) for y in (0.0, 5_000.0, 20_000.0)] == ["0", "5 k", "20 k"]
    assert compact(2.5e6, 4e6) == "2.5 M"
    assert compact(900.0, 1_000.0) == "900"
