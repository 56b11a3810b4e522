"""Studies: the runs are those asked for, whoever makes them; what fails is a row; results can be read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_studies import Formula, asked, made

import simdai
from simdai.errors import EngineError, ResultsError, ScenarioError
from simdai.experiments.estimate import begun
from simdai.experiments.rerun import rerun
from simdai.experiments.runners import Cluster, Inline, Limits, Pool, Runner, runner
from simdai.experiments.study import Study
from simdai.experiments.study_file import load_study
from simdai.experiments.sweeping import Forecast, size

ONE_POINT = {"kind": "factorial", "levels": 1}
NOISY = Formula("a + 10 * b", noise=1.0)


def test_every_point_has_its_replications_and_its_values():
    study = made(asked(replications=3), NOISY)
    table = study.runs
    assert len(table) == 12 and set(table["status"]) == {"ok"}
    assert table.groupby("point")["replication"].apply(list).tolist() == [[0, 1, 2]] * 4
    noise = table["y"] - table["a"] - 10 * table["b"]
    assert np.allclose(noise.to_numpy().reshape(4, 3), noise.to_numpy()[:3]), "points share their luck"
    assert table.attrs["units"]["y"] == "USD"
    assert list(table.columns) == ["point", "replication", "status", "seconds", "a", "b", "y", "z"]


def test_points_may_have_luck_of_their_own():
    study = made(asked(replications=2, luck="independent"), Formula("0", noise=1.0))
    assert len(set(study.values("y"))) == 8


def test_results_do_not_depend_on_who_makes_the_runs():
    study = asked(replications=3, series=["level"])
    alone = made(study, NOISY)
    for by in (Pool(1), Pool(2)):
        assert made(study, NOISY, by).hash == alone.hash
    assert made(asked(replications=3, series=["level"], seed=2), NOISY).hash != alone.hash


def test_a_real_study_is_the_same_inline_and_in_a_pool(tmp_path: Path):
    study = load_study("first_sweep", set={"horizon": "3 d", "warm_up": "0 d"}, replications=1)
    alone = simdai.sweep(study, progress=False)
    shared = simdai.sweep(study, kind="pool", out=tmp_path / "kept", progress=False)
    assert alone.hash == shared.hash == Study.load(tmp_path / "kept").hash and len(alone) == 12
    assert rerun(tmp_path / "kept", "p5-r0").identical


def test_what_is_stored_is_what_is_in_memory(tmp_path: Path):
    study = asked(replications=2, series=["level"])
    stored, memory = made(study, NOISY, out=tmp_path / "kept"), made(study, NOISY)
    assert stored.hash == memory.hash and stored.runs["y"].equals(memory.runs["y"])
    assert stored.points.equals(memory.points)
    assert (
        stored.run_series["p1-r1"].values["level"].tolist()
        == memory.run_series["p1-r1"].values["level"].tolist()
    )
    assert (tmp_path / "kept" / "study.yaml").exists()


def test_only_the_outcomes_asked_for_are_kept_and_a_misspelt_one_stops_at_once():
    study = made(asked(outcomes=["y"]))
    assert study.outcomes == ("y",)
    with pytest.raises(ScenarioError, match=r"outcomes\[1\].*'yy'.*constant, cost, y, z"):
        made(asked(outcomes=["z", "yy"]))
    with pytest.raises(ScenarioError, match=r"series\[0\]"):
        made(asked(series=["lever"]))
    assert made(asked(outcomes=[])).outcomes == ("constant", "cost", "y", "z")


def test_a_failed_run_is_a_row_with_its_point_seed_traceback_and_replay(tmp_path: Path):
    study = made(asked(replications=2), Formula("a", fails_above=1.5), out=tmp_path / "kept")
    assert len(study) == 8 and len(study.failures) == 4
    row = study.failures.iloc[0]
    assert row["key"] == "p2-r0" and row["a"] == 2.0 and row["seed"] == 1
    assert row["error"] == "ValueError: a = 2 is made to fail" and "Traceback" in row["traceback"]
    assert row["replay"] == f"simdai rerun {tmp_path / 'kept'} p2-r0"
    assert math.isnan(study.means("y")[2]) and study.means("y")[0] == 1.0
    again = rerun(tmp_path / "kept", "p2-r0", simulate=Formula("a", fails_above=1.5))
    assert again.identical and "made to fail" in again.error
    mended = rerun(tmp_path / "kept", "p2-r0", simulate=Formula("a"))
    assert not mended.identical and "the repetition did not" in mended.difference


def test_a_point_that_makes_no_scenario_is_a_failed_row_and_not_the_end():
    days = {"horizon": {"kind": "uniform", "path": "horizon", "low": "10 d", "high": "40 d"}}
    warm = {"warm_up": {"kind": "uniform", "path": "warm_up", "low": "1 d", "high": "20 d"}}
    study = made(asked(uncertainties={**days, **warm}, design={"kind": "factorial", "levels": 2}))
    assert study.failures["key"].tolist() == ["p1-r0"] and "warm_up" in study.failures["traceback"][0]


def test_the_same_call_makes_nothing_and_more_replications_make_the_rest(tmp_path: Path):
    said: list[str] = []
    first = made(asked(replications=2), NOISY, out=tmp_path / "kept")
    never = Formula("a", fails_above=0.0)
    assert made(asked(replications=2), never, out=tmp_path / "kept", told=said.append).hash == first.hash
    assert len(said) == 1 and "8 runs stored" in said[0]
    wider = made(asked(replications=5), NOISY, out=tmp_path / "kept")
    assert wider.hash == made(asked(replications=5), NOISY).hash


def test_another_study_under_the_same_name_is_refused_with_what_differs(tmp_path: Path):
    made(asked(), out=tmp_path / "kept")
    with pytest.raises(ResultsError, match=r"study\.design\.levels: 2 → 3"):
        made(asked(design={"kind": "factorial", "levels": 3}), out=tmp_path / "kept")
    with pytest.raises(ResultsError, match="runs of a study"):
        simdai.run("examples/minimal", until=1.0, out=tmp_path / "kept")
    other = made(asked(design={"kind": "factorial", "levels": 3}), out=tmp_path / "kept", force=True)
    assert other.n_points == 9 and len(Study.load(tmp_path / "kept")) == 9


RULE = {"half_width": 0.2, "of": ["y"], "least": 10, "most": 60}


def test_replications_stop_when_the_mean_is_known_and_not_before(tmp_path: Path):
    """y = a + noise, mean 1 or 2: the half-width wanted is twice as wide at 2, so fewer runs do."""
    study = made(asked(factors=1, replications=RULE), Formula("a", noise=0.5))
    counts = study.runs.groupby("point").size().tolist()
    assert 10 < counts[0] < 60 and counts[1] == 10
    for point, (n, mean) in enumerate(zip(counts, (1.0, 2.0), strict=True)):
        row = study.summary("y").iloc[point]
        assert row["n"] == n and (row["high"] - row["low"]) / 2 <= 0.2 * row["mean"]
        assert abs(row["mean"] - mean) < 0.5


@pytest.mark.parametrize("by", [Inline(), Pool(1)], ids=["inline", "pool"])
def test_a_rule_for_replications_gives_the_same_for_any_runner_and_after_a_stop(tmp_path: Path, by: Runner):
    study, formula = asked(replications=RULE), Formula("a", noise=0.7)
    whole = made(study, formula)
    half = asked(replications={**RULE, "most": 15})
    made(half, formula, out=tmp_path / "kept")
    assert made(study, formula, by, out=tmp_path / "kept").hash == whole.hash
    assert made(study, Formula("a", fails_above=0.0), out=tmp_path / "kept").hash == whole.hash


def test_a_point_that_always_fails_ends_at_the_cap():
    study = made(asked(factors=1, replications={**RULE, "most": 20}), Formula("a", fails_above=1.5))
    assert study.runs.groupby("point").size().tolist() == [10, 20]


def test_a_run_over_its_limits_is_a_failed_row(tmp_path: Path):
    limits = Limits(seconds=5.0, memory_bytes=1 << 30)  # a busy machine starts no run within one second
    formula = Formula("a", hangs_at=(1,), greedy_at=(2,))
    study = made(asked(design=ONE_POINT, replications=4), formula, Pool(1, limits))
    assert study.failures["key"].tolist() == ["p0-r1", "p0-r2"] and len(study) == 4
    assert "longer than 5 s" in study.failures["error"][0]
    assert study.failures["error"][1] == "MemoryError"


def test_a_run_that_kills_its_worker_is_a_failed_row_and_the_rest_of_its_batch_is_made_again():
    study = made(asked(design=ONE_POINT, replications=9), Formula("a", dies_at=(4,)), Pool(1))
    assert study.failures["key"].tolist() == ["p0-r4"] and len(study) == 9
    assert "died twice" in study.failures["error"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "inline", "workers": 2}, "one process"),
        ({"kind": "pool", "cluster": "local:1"}, "one of the two"),
        ({"cluster": "local:1", "limits": Limits(seconds=1.0)}, "sets its own"),
        ({"kind": "threads"}, "one of: dask, inline, pool"),
        ({"workers": 0}, "at least one"),
    ],
)
def test_runners_that_contradict_themselves_are_refused(arguments: dict, said: str):
    with pytest.raises(ScenarioError, match=said):
        runner(**arguments)


def test_a_cluster_that_is_not_there_is_said_so(monkeypatch):
    pytest.importorskip("distributed")
    with pytest.raises(ScenarioError, match="local:N"):
        made(asked(), by=Cluster("local:no"))
    with pytest.raises(EngineError, match="no Dask scheduler answers"):
        made(asked(), by=Cluster("nowhere"))


def test_what_it_takes_is_told_before_anything_starts(tmp_path: Path):
    heard: list[str] = []
    made(asked(replications=2), out=tmp_path / "kept", told=heard.append)
    assert heard == [f"4 points, 8 runs to make: less than a minute, about 3 kB in {tmp_path / 'kept'}"]
    heard.clear()
    made(asked(replications=RULE), told=heard.append)
    assert heard == ["4 points, at least 40 runs to make: less than a minute"]
    forecast = Forecast(1, 3000, 2, 7200.0, 1.3e8, tmp_path, False)
    said = "1 point, 3,000 runs to make: about 2 hours with 2 workers, about 130 MB in"
    assert str(forecast) == f"{said} {tmp_path}"
    assert (size(999), size(1.26e9)) == ("1 kB", "1.3 GB")


def test_a_slow_start_is_counted_once(monkeypatch):
    """Five seconds at time zero, then a hundredth of a second a day: fifteen seconds for a thousand days."""

    class Slow:
        now, until = 0.0, 0.0

        def __init__(self, *arguments: object, **options: object) -> None:
            Slow.now += 1.0

        def run(self, until: float) -> None:
            Slow.now += (5.0 if Slow.until == 0.0 else 0.0) + 0.01 * (until - Slow.until)
            Slow.until = until

        def result(self) -> str:
            return "run"

    monkeypatch.setattr("simdai.simulation.Simulation", Slow)
    monkeypatch.setattr("simdai.experiments.estimate.time.perf_counter", lambda: Slow.now)
    scenario = SimpleNamespace(horizon=1000.0)
    run, seconds, share = begun(scenario, SimpleNamespace(until=None, seed=1), None)
    assert run == "run" and seconds == pytest.approx(16.0) and 2.0 / 1000 <= share < 1.0


def test_the_forecast_of_room_is_of_the_right_size(tmp_path: Path):
    said: list[str] = []
    made(asked(replications=1500), NOISY, out=tmp_path / "kept", told=said.append)
    number, unit = said[0].split("about ")[-1].split()[:2]
    told = float(number) * {"kB": 1e3, "MB": 1e6}[unit]
    found = sum(file.stat().st_size for file in (tmp_path / "kept").rglob("*") if file.is_file())
    assert found / 2 < told < found * 2


def test_a_summary_pools_points_by_replication_and_has_units():
    study = made(asked(replications=3), NOISY)
    table = study.summary("y", by="b")
    assert list(table.columns) == ["b", "outcome", "unit", "mean", "low", "high", "n"]
    assert table["n"].tolist() == [3, 3] and table["unit"].tolist() == ["USD", "USD"]
    assert table["mean"][1] - table["mean"][0] == pytest.approx(10.0)
    every = study.summary()
    assert len(every) == 8 and {"point", "a", "b"} <= set(every.columns)
    with pytest.raises(ResultsError, match="Did you mean"):
        study.summary("y", by="aa")
    with pytest.raises(ResultsError, match="unknown outcome"):
        study.summary("constant")


def test_a_difference_of_levels_is_paired_and_loses_the_common_noise():
    study = made(asked(replications=4), NOISY)
    difference = study.difference("y", {"b": 1.0}, {"b": 2.0})
    assert difference.mean == pytest.approx(10.0) and difference.half_width < 1e-9 and difference.n == 4
    own = made(asked(replications=4, luck="independent"), NOISY).difference("y", {"b": 1.0}, {"b": 2.0})
    assert own.half_width > 0.1
    with pytest.raises(ResultsError, match="no point has"):
        study.where(b=1.5)


def test_a_study_says_what_it_is():
    study = made(asked(replications=2), Formula("a", fails_above=1.5))
    assert "4 points, 8 runs, 4 failed" in repr(study)
    page = study._repr_html_()
    assert "4 points, 8 runs, 4 failed" in page and "least" in page
    said = study.to_json()
    json.dumps(said, allow_nan=False)
    assert said["failed"] == 4 and said["outcomes"]["y"]["mean"] == 1.0 and said["result_hash"] == study.hash


def test_a_scenario_folder_is_no_study(tmp_path: Path):
    simdai.run("examples/minimal", until=1.0, out=tmp_path / "kept")
    with pytest.raises(ResultsError, match="no study"):
        Study.load(tmp_path / "kept")
    with pytest.raises(ResultsError, match="no such folder"):
        Study.load(tmp_path / "none")


def test_a_sweep_on_the_command_line_prints_stores_reports_and_ends_with_4_when_runs_fail(
    tmp_path: Path, monkeypatch, capsys
):
    from simdai.cli import run_app
    from simdai.experiments import sweeping

    monkeypatch.chdir(tmp_path)
    content = {
        "base": "examples/minimal",
        "levers": {"a": {"kind": "choice", "path": "scale", "values": [1, 2]}},
        "outcomes": ["gridnet.utilisation"],
        "design": {"kind": "factorial"},
    }
    Path("mine.yaml").write_text(json.dumps(content))
    words = ["sweep", "mine.yaml", "--set", "horizon=2 d", "--set", "warm_up=0", "--replications", "1"]
    assert run_app(words) == 0
    out, err = capsys.readouterr()
    assert "gridnet.utilisation" in out and "report: results/mine/report.html" in out
    assert "2 points, 2 runs to make" in err
    assert run_app([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2
    planned = sweeping.planned_study
    formula = Formula("a", fails_above=1.5)
    monkeypatch.setattr(sweeping, "planned_study", lambda *a: planned(a[0], None, formula))
    Path("mine.yaml").write_text(json.dumps({**content, "outcomes": ["y"]}))
    assert run_app([*words, "--out", "other"]) == 4
    assert "simdai rerun other p1-r0" in capsys.readouterr().err
    assert run_app(["sweep", "mine.yaml", "--time-limit", "-3 s"]) == 2
    assert run_app(["sweep", "nothing_like_it"]) == 2


def test_inline_is_what_one_worker_means():
    assert runner() == runner(kind="inline") or isinstance(runner(), Inline)
    assert runner(2) == Pool(2) and runner(3, "dask") == Cluster("local:3")
