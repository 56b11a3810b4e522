"""What scenarios give beside what sources say: how the tables are made, and whether those committed hold."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from simdai.errors import ParameterError, ResultsError
from simdai.experiments.calibration import calibration_table, is_inside, measured, sourced
from simdai.experiments.reference_table import read_table
from simdai.results import RunSeries

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
ROWS = [row for path in sorted(REFERENCE.glob("calibration_*.csv")) for row in read_table(path.read_text())]
START = datetime.date(2026, 1, 1)
DAYS = np.arange(5.0)
RUN = RunSeries(
    times=DAYS,
    digests=np.zeros(5, dtype=np.uint64),
    values={
        "net.use": np.array([np.nan, 0.2, 0.4, 0.6, 0.9]),
        "net.sold_usd": np.array([np.nan, 10.0, 20.0, 30.0, 40.0]),
        "net.burned": np.array([0.0, 1.0, 4.0, 9.0, 16.0]),
        "net.price": np.full(5, 1.5),
        "cloud.price": np.full(5, 6.0),
        "gap.lag": 365.25 + DAYS,
    },
    units={
        **{"net.use": "1", "net.sold_usd": "USD", "net.burned": "token"},
        **{"net.price": "USD/h", "cloud.price": "USD/h", "gap.lag": "d"},
    },
)


def given(series: str, taken: str, first: str, last: str, against: str = "") -> dict[str, str]:
    return {
        **{"scenario": "small", "series": series, "taken": taken, "against": against},
        **{"from": f"2026-01-0{first}", "to": f"2026-01-0{last}"},
    }


@pytest.mark.parametrize(
    ("row", "unit", "value"),
    [
        (given("net.use", "mean", "2", "3"), "fraction", 0.5),
        (given("net.sold_usd", "sum", "2", "4"), "USD", 90.0),
        (given("net.sold_usd", "sum", "2", "4"), "USD/day", 30.0),
        (given("net.burned", "rise", "2", "3"), "RENDER", 8.0),
        (given("net.price", "discount", "1", "4", "cloud.price"), "fraction", 0.75),
        (given("gap.lag", "mean", "1", "1"), "month", 12.0),
    ],
    ids=lambda value: value["taken"] if isinstance(value, dict) else "",
)
def test_a_row_is_taken_over_its_days_in_the_unit_of_its_source(row, unit, value):
    """The third of January is what was recorded at its end, day 3; a single day is its beginning."""
    assert measured(RUN, row, START, unit) == pytest.approx(value)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ResultsError, match=r"net\.used.*Did you mean 'net\.use'"):
        measured(RUN, given("net.used", "mean", "2", "3"), START, "1")
    with pytest.raises(ResultsError, match="unknown way to take a series 'mode'"):
        measured(RUN, given("net.use", "mode", "2", "3"), START, "1")
    with pytest.raises(ParameterError, match="no_such"):
        sourced("akash.no_such", "akash.no_such")


def test_sources_give_a_range_and_lists_count_with_all_their_values():
    said = sourced("akash.utilisation_weighted.2026-02", "akash.utilisation_weighted.2026-05")
    assert (said.low, said.high, said.unit) == (0.5887, 0.721, "fraction") and len(said.uses) == 2
    tiers = "hardware.tier_prices_2026_05.H100"
    said = sourced(f"{tiers}.longtail", f"{tiers}.hyperscaler")
    assert (said.low, said.high, said.unit) == (1.99, 5.0, "USD/h")


def test_an_interval_is_inside_where_it_meets_the_range_and_a_single_value_stands_for_a_tenth():
    assert is_inside(0.5, 0.6, 0.59, 0.72) and not is_inside(0.5, 0.58, 0.59, 0.72)
    assert is_inside(85.0, 91.0, 100.0, 100.0) and not is_inside(85.0, 89.0, 100.0, 100.0)
    assert is_inside(109.0, 120.0, 100.0, 100.0) and not is_inside(111.0, 120.0, 100.0, 100.0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['series']} {row['from']} {row['taken']}")
def test_the_tables_say_what_their_numbers_say_and_why_a_source_is_not_met(row):
    said = sourced(row["low"], row["high"])
    low, mean, high = (float(row[key]) for key in ("simulated_low", "simulated", "simulated_high"))
    assert low <= mean <= high and int(row["n"]) >= 10
    assert (float(row["sourced_low"]), float(row["sourced_high"])) == pytest.approx(said[:2], rel=1e-3)
    assert row["source"] and row["date"] and set(row["grade"].split("; ")) <= set("ABC")
    inside = is_inside(low, high, said.low, said.high)
    assert (row["inside"] == "yes") == inside
    assert inside or row["why"]


def test_the_start_of_the_scenarios_is_still_what_the_tables_say():
    """Two runs lie within four standard errors, 4 / sqrt(2) sd; the table's intervals are 2 x 0.715 sd."""
    early = [row for row in ROWS if row["to"] < "2026-03"]
    assert len({row["scenario"] for row in early}) == 2
    for row, now in zip(early, calibration_table(early, replications=2), strict=True):
        half = 0.5 * (float(row["simulated_high"]) - float(row["simulated_low"]))
        error = 4.0 / 2.0**0.5 / 0.715 * half + 1e-3 * abs(float(row["simulated"]))
        assert float(now["simulated"]) == pytest.approx(float(row["simulated"]), abs=error), row["series"]
