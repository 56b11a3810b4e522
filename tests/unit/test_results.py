"""Results of runs that were made by hand: what is stored, shown, hashed and compared."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from made_runs import Made, MadeScenario, counting, failing, plan

from simdai.errors import ResultsError, ScenarioError
from simdai.experiments import Comparison, runs
from simdai.experiments.folder import read
from simdai.results import Results, content_hash, number


def test_the_same_runs_have_the_same_hash_for_any_number_of_workers():
    alone = runs.in_memory(plan(replications=6), 1, False)[0]
    shared = runs.in_memory(plan(replications=6), 2, False)[0]
    assert alone.hash == shared.hash
    assert alone.outcomes.equals(shared.outcomes)
    assert alone.series.equals(shared.series)


def test_the_hash_tells_seeds_series_outcomes_and_traces_apart():
    made = runs.in_memory(plan(), 1, False)[0]
    assert runs.in_memory(plan(seed=2), 1, False)[0].hash != made.hash
    record, series = made.records[0], made.run_series["p0-r0"]
    base = content_hash(record.outcomes, series, record.digest)
    nudged = {**record.outcomes, "price": math.nextafter(record.outcomes["price"], 9.0)}
    assert content_hash(nudged, series, record.digest) != base
    assert content_hash(record.outcomes, series, record.digest + 1) != base
    assert content_hash(record.outcomes, None, record.digest) != base


def test_the_hash_takes_every_nan_for_the_same_and_zero_apart_from_minus_zero():
    odd_nan = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    assert content_hash({"x": math.nan}, None, 0) == content_hash({"x": float(odd_nan)}, None, 0)
    assert content_hash({"x": 0.0}, None, 0) != content_hash({"x": -0.0}, None, 0)


def test_outcomes_have_an_interval_and_n_with_several_replications():
    table = runs.in_memory(plan(replications=3), 1, False)[0].outcomes.set_index("outcome")
    assert list(table.columns) == ["unit", "mean", "low", "high", "n"]
    # The made price is seed + replication: 1, 2, 3. Mean 2, s = 1, t(0.975, 2) = 4.303 (Student's table).
    row = table.loc["price"]
    assert row["mean"] == 2.0
    assert row["high"] - row["mean"] == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert row["n"] == 3
    assert row["unit"] == "USD/h"


def test_one_replication_has_no_interval_and_json_says_null():
    results = runs.in_memory(plan(), 1, False)[0]
    said = results.to_json()
    assert said["outcomes"]["price"] == {"mean": 1.0, "low": None, "high": None, "n": 1, "unit": "USD/h"}
    assert set(said) == {"scenario", "seed", "replications", "outcomes", "result_hash"}
    json.dumps(said, allow_nan=False)


def test_an_outcome_that_some_runs_lack_counts_only_those_that_have_it():
    table = runs.in_memory(plan(replications=4), 1, False)[0].outcomes.set_index("outcome")
    assert table.loc["sometimes", "n"] == 2
    assert table.loc["sometimes", "mean"] == 1.0


def test_gaps_selects_gaps_and_niches():
    results = runs.in_memory(plan(), 1, False)[0]
    assert list(results.gaps()["outcome"]) == ["gap.scale.ratio", "niche.cost.ratio"]


def test_series_have_days_dates_replications_and_units():
    table = runs.in_memory(plan(replications=2), 1, False)[0].series
    assert list(table.columns) == ["replication", "time", "date", "market.price", "market.queue"]
    assert table.attrs["units"] == {"time": "d", "market.price": "USD/h", "market.queue": "jobs"}
    assert table["date"].iloc[2].isoformat() == "2026-01-03T00:00:00"
    assert len(table) == 2 * 5


def test_what_is_saved_comes_back_to_the_last_bit(tmp_path: Path):
    made = runs.in_memory(plan(replications=3), 1, False)[0]
    back = Results.load(made.save(tmp_path / "kept"))
    assert back.hash == made.hash
    assert back.outcomes.equals(made.outcomes)
    assert back.series.equals(made.series)
    assert back.series.attrs == made.series.attrs
    for key, series in made.run_series.items():
        record = next(r for r in back.records if r.key == key)
        assert content_hash(record.outcomes, back.run_series[key], record.digest) == record.content
        assert back.run_series[key].units == series.units


def test_saving_over_results_is_refused(tmp_path: Path):
    made = runs.in_memory(plan(), 1, False)[0]
    made.save(tmp_path / "kept")
    with pytest.raises(ResultsError, match="holds results already"):
        made.save(tmp_path / "kept")


def test_the_same_inputs_again_make_no_run(tmp_path: Path):
    said: list[str] = []
    first = runs.stored(plan(replications=2), tmp_path / "a")
    again = runs.stored(plan(replications=2, simulate=failing(0, 1)), tmp_path / "a", told=said.append)
    assert again.hash == first.hash
    assert len(said) == 1 and "2 of 2 runs" in said[0] and "--force" in said[0]


def test_more_replications_make_only_the_missing_runs(tmp_path: Path):
    runs.stored(plan(replications=2), tmp_path / "a")
    wide = runs.stored(plan(replications=5, simulate=failing(0, 1)), tmp_path / "a")
    assert not wide.failed
    assert wide.hash == runs.in_memory(plan(replications=5), 1, False)[0].hash
    narrow = runs.stored(plan(replications=2), tmp_path / "a")
    assert narrow.hash == runs.in_memory(plan(replications=2), 1, False)[0].hash
    assert read(tmp_path / "a").hash == wide.hash
    assert read(tmp_path / "a").provenance["replications"] == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 7}, "seed 1 → 7"),
        ({"until": 2.0}, "until None → 2.0"),
        ({"scenario": MadeScenario(level=3.0)}, "scenario: level: 1.0 → 3.0"),
        ({"trace": True}, "no trace was kept"),
    ],
)
def test_other_inputs_under_a_used_name_are_refused_with_what_differs(tmp_path: Path, changes, said):
    first = runs.stored(plan(), tmp_path / "a")
    with pytest.raises(ResultsError) as refused:
        runs.stored(plan(**changes), tmp_path / "a")
    assert said in str(refused.value)
    assert "--out" in str(refused.value) and "--force" in str(refused.value)
    assert read(tmp_path / "a").hash == first.hash
    forced = runs.stored(plan(**changes), tmp_path / "a", force=True)
    assert forced.hash == runs.in_memory(plan(**changes), 1, False)[0].hash


def test_results_of_other_code_are_not_taken_for_those_of_this_one(tmp_path: Path, monkeypatch):
    runs.stored(plan(), tmp_path / "a")
    monkeypatch.setattr("simdai.experiments.provenance.code_hash", lambda: "other")
    with pytest.raises(ResultsError, match="the code of simdai changed"):
        runs.stored(plan(), tmp_path / "a")


def test_a_failed_run_is_a_row_with_its_error_and_the_others_stay(tmp_path: Path):
    for workers in (1, 2):
        results = runs.stored(plan(replications=4, simulate=failing(1, 3)), tmp_path / f"a{workers}", workers)
        assert [record.key for record in results.failed] == ["p0-r1", "p0-r3"]
        assert results.failed[0].short_error == "ValueError: made to fail"
        assert results.outcomes.set_index("outcome").loc["price", "n"] == 2
        table = results.runs.set_index("key")
        assert table.loc["p0-r1", "status"] == "failed"
        assert table.loc["p0-r0", "price"] == 1.0


def test_failed_runs_are_tried_again(tmp_path: Path):
    runs.stored(plan(replications=3, simulate=failing(1)), tmp_path / "a")
    results = runs.stored(plan(replications=3), tmp_path / "a")
    assert not results.failed
    assert results.hash == runs.in_memory(plan(replications=3), 1, False)[0].hash


def test_a_mistake_in_the_scenario_stops_everything_at_once(tmp_path: Path):
    for workers in (1, 2):
        with pytest.raises(ScenarioError, match="no such venue"):
            runs.stored(plan(replications=4, simulate=Made(mistake=True)), tmp_path / f"a{workers}", workers)


def test_the_manifest_holds_what_is_needed_to_make_the_runs_again(tmp_path: Path):
    results = runs.stored(plan(replications=2, seed=5), tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["seed"] == 5
    assert manifest["scenario"]["resolved"] == {"level": 1.0}
    assert manifest["result_hash"] == results.hash
    assert manifest["counts"] == {"runs": 2, "ok": 2, "failed": 0, "events": 20}
    assert (tmp_path / "a" / "scenario.yaml").read_text() == manifest["scenario"]["text"]


def test_a_trace_is_kept_when_asked_for(tmp_path: Path):
    import pyarrow.parquet as pq

    runs.stored(plan(trace=True), tmp_path / "a")
    table = pq.read_table(tmp_path / "a" / "trace" / "p0-r0.parquet")
    assert table.column_names == ["time", "kind", "id"]
    assert table["time"].to_pylist() == [0.5, 1.5]


def test_a_comparison_pairs_replications():
    a, b = runs.in_memory(plan(scenarios=(MadeScenario(), MadeScenario(level=3.0)), replications=4), 1, False)
    table = Comparison(a, b).differences.set_index("outcome")
    # Each pair differs by exactly 3 - 1 = 2, whatever the replication: the interval has no width.
    assert table.loc["price", ["a", "b", "difference", "low", "high", "n"]].tolist() == [2.5, 4.5, 2, 2, 2, 4]


def test_a_comparison_leaves_out_pairs_of_which_one_failed():
    a, b = (runs.in_memory(plan(replications=4, simulate=s), 1, False)[0] for s in (Made(), failing(2)))
    table = Comparison(a, b).differences.set_index("outcome")
    assert table.loc["price", "n"] == 3


def test_workers_keep_every_run_once():
    made = counting(40)
    assert sorted(made) == [(0, r) for r in range(40)]


def test_numbers_are_written_for_readers():
    assert number(1234567.8) == "1.235 M"
    assert number(-23.4e9) == "-23.4 bn"
    assert number(123456.7) == "123,457"
    assert number(12345.678) == "12,346"
    assert number(1234.5678) == "1,234.6"
    assert number(0.0123456) == "0.01235"
    assert number(2.0) == "2"
    assert number(0.0) == "0"
    assert number(-1.5e-9) == "-1.5e-09"
    assert number(math.nan) == "–"
    assert number(math.inf) == "inf"


@pytest.mark.parametrize("bad", [{"seed": -1}, {"seed": 1.5}, {"replications": 0}, {"replications": True}])
def test_numbers_that_make_no_sense_are_refused(bad):
    with pytest.raises(ScenarioError, match="whole number"):
        runs.run(MadeScenario(), **bad)


def test_html_shows_the_scenario_name_as_text():
    results = runs.in_memory(plan(scenario=MadeScenario(name="<b>x</b>"), replications=2), 1, False)[0]
    page = results._repr_html_()
    assert "&lt;b&gt;x" in page and "95 % interval" in page


def test_a_progress_bar_appears_only_when_the_work_takes_a_while(capsys, monkeypatch):
    import time

    from simdai.experiments.runners import progress

    class Slow(Made):
        def __call__(self, *arguments):
            time.sleep(0.15)
            return super().__call__(*arguments)

    runs.in_memory(plan(replications=4), 1, True)
    assert "runs" not in capsys.readouterr().err
    monkeypatch.setattr(progress, "PROGRESS_AFTER", 0.2)
    runs.in_memory(plan(replications=4, simulate=Slow()), 1, True)
    out, err = capsys.readouterr()
    assert "runs:" in err and out == ""
