"""What is left of results after kills, interrupts, full disks, damaged files and two writers."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simdai.errors import ResultsError
from simdai.experiments import runs
from simdai.experiments.folder import read, read_manifest
from simdai.experiments.store import Store

UNIT = Path(__file__).parent.parent / "unit"
sys.path.insert(0, str(UNIT))
from made_runs import Made, plan  # noqa: E402

SLOW_RUNS = """
import sys, time
from pathlib import Path
sys.path.insert(0, {unit!r})
from made_runs import Made, plan
from simdai.experiments import runs

class Slow(Made):
    def __call__(self, *arguments):
        time.sleep(0.25)
        return super().__call__(*arguments)

if {guarded}:
    runs.stored(plan(replications=400, simulate=Slow()), Path({path!r}), workers={workers})
"""


def start(path: Path, workers: int, guarded: str = "True") -> subprocess.Popen[str]:
    script = path.parent / "slow_runs.py"
    script.write_text(SLOW_RUNS.format(unit=str(UNIT), path=str(path), workers=workers, guarded=guarded))
    environment = {**os.environ, "PYTHONPATH": str(UNIT.parent.parent)}
    return subprocess.Popen([sys.executable, str(script)], text=True, stderr=subprocess.PIPE, env=environment)


def wait_for_runs(path: Path, n: int) -> None:
    for _ in range(600):
        try:
            if len(read(path).records) >= n:
                return
        except ResultsError:
            pass
        time.sleep(0.1)
    raise AssertionError("no runs were stored within a minute")


def children(pid: int) -> list[int]:
    psutil = pytest.importorskip("psutil")
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def outlived(pids: list[int], seconds: float = 20.0) -> list[int]:
    """Those of the processes that are still there after some seconds."""
    psutil = pytest.importorskip("psutil")
    _, left = psutil.wait_procs(
        [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=seconds
    )
    return [process.pid for process in left]


@pytest.mark.parametrize("workers", [1, 2])
def test_after_kill_9_the_committed_runs_are_there_and_the_rest_is_made(tmp_path: Path, workers: int):
    path = tmp_path / "kept"
    process = start(path, workers)
    wait_for_runs(path, 3)
    inner = children(process.pid)
    process.kill()
    process.wait()
    kept = read(path)
    assert len(kept.records) >= 3
    assert set(kept.run_series) == {record.key for record in kept.records}
    wanted = len(kept.records) + 2
    again = runs.stored(plan(replications=wanted), path)
    assert again.hash == runs.in_memory(plan(replications=wanted), 1, False)[0].hash
    assert not outlived(inner), "worker processes outlive the one that started them"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_keeps_what_was_made_and_stops_the_workers(tmp_path: Path, workers: int):
    path = tmp_path / "kept"
    process = start(path, workers)
    wait_for_runs(path, 3)
    inner = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert not outlived(inner)
    manifest = read_manifest(path)
    assert manifest["counts"]["ok"] == len(read(path).records) >= 3
    assert manifest["result_hash"] == read(path).hash


def test_a_script_without_a_main_guard_may_use_workers(tmp_path: Path):
    path = tmp_path / "kept"
    process = start(path, 2, guarded="__name__")
    wait_for_runs(path, 3)
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_run_that_kills_its_worker_is_one_failed_row(tmp_path: Path):
    results = runs.stored(plan(replications=6, simulate=Made(dies=(2,))), tmp_path / "kept", workers=2)
    assert [record.key for record in results.failed] == ["p0-r2"]
    assert "the worker process died twice" in results.failed[0].error
    assert len(results.records) == 6


def test_a_second_writer_is_turned_away(tmp_path: Path):
    with Store(tmp_path / "kept"), pytest.raises(ResultsError, match="another run is writing"):
        runs.stored(plan(), tmp_path / "kept")


def test_a_shard_that_no_row_names_is_swept_away(tmp_path: Path):
    runs.stored(plan(), tmp_path / "kept")
    orphan = tmp_path / "kept" / "series" / "p0-r1.parquet"
    orphan.write_bytes(b"half a file")
    unfinished = tmp_path / "kept" / "series" / ".p0-r2.parquet.unfinished"
    unfinished.write_bytes(b"half a file")
    results = runs.stored(plan(replications=2), tmp_path / "kept")
    assert results.hash == runs.in_memory(plan(replications=2), 1, False)[0].hash
    assert len(results.series) == 10
    assert not unfinished.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_that_names_the_folder_and_keeps_the_rows(tmp_path: Path, monkeypatch):
    import pyarrow.parquet as pq

    path = tmp_path / "kept"
    runs.stored(plan(replications=2), path)

    def full(table, file, **options):
        with open("/dev/full", "wb") as stream:
            stream.write(b"x" * 100_000)

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(ResultsError, match="No space left"):
        runs.stored(plan(replications=5), path)
    monkeypatch.undo()
    assert len(read(path).records) == 2
    assert (
        runs.stored(plan(replications=5), path).hash == runs.in_memory(plan(replications=5), 1, False)[0].hash
    )


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("precious")
    for force in (False, True):
        with pytest.raises(ResultsError, match="not results of simdai"):
            runs.stored(plan(), tmp_path, force=force)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_force_takes_only_what_runs_wrote(tmp_path: Path):
    runs.stored(plan(), tmp_path / "kept")
    (tmp_path / "kept" / "notes.txt").write_text("precious")
    runs.stored(plan(seed=2), tmp_path / "kept", force=True)
    assert (tmp_path / "kept" / "notes.txt").read_text() == "precious"


def test_a_file_in_the_way_is_said_so(tmp_path: Path):
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(ResultsError, match="is a file"):
        runs.stored(plan(), tmp_path / "kept")


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: (p / "manifest.json").write_text("{"),
        lambda p: (p / "manifest.json").write_text("[]"),
        lambda p: (p / "manifest.json").write_text('{"format": 999}'),
        lambda p: (p / "manifest.json").unlink(),
        lambda p: (p / "ledger.sqlite").unlink(),
        lambda p: (p / "ledger.sqlite").write_bytes(b"not a database, but long enough to look like one" * 50),
        lambda p: next((p / "series").iterdir()).write_bytes(b"not a table"),
        lambda p: next((p / "series").iterdir()).unlink(),
    ],
)
def test_damaged_results_are_an_error_and_not_a_traceback(tmp_path: Path, damage):
    runs.stored(plan(), tmp_path / "kept")
    damage(tmp_path / "kept")
    with pytest.raises(ResultsError):
        _ = read(tmp_path / "kept").series


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_results_in_a_read_only_folder_can_be_read(tmp_path: Path):
    made = runs.stored(plan(), tmp_path / "kept")
    (tmp_path / "kept").chmod(0o500)
    try:
        assert read(tmp_path / "kept").hash == made.hash
    finally:
        (tmp_path / "kept").chmod(0o700)


def test_a_crash_before_the_first_row_leaves_a_folder_that_can_be_used(tmp_path: Path):
    with Store(tmp_path / "kept") as store:
        store.begin(runs.provenance.manifest(plan()))
    assert runs.stored(plan(), tmp_path / "kept").hash == runs.in_memory(plan(), 1, False)[0].hash


def test_the_ledger_is_plain_sqlite_and_the_manifest_plain_json(tmp_path: Path):
    runs.stored(plan(replications=2), tmp_path / "kept")
    rows = sqlite3.connect(tmp_path / "kept" / "ledger.sqlite").execute(
        "SELECT key, status, json_extract(outcomes, '$.price') FROM runs ORDER BY key"
    )
    assert list(rows) == [("p0-r0", "ok", 1.0), ("p0-r1", "ok", 2.0)]
    assert json.loads((tmp_path / "kept" / "manifest.json").read_text())["name"] == "made"


OWN_KIND = """
import simdai
from simdai.economy.shocks import DatedShock

class Strike(DatedShock, kind="strike"):
    share: float

    def strike(self, world):
        for segment in world.demand.values():
            segment.level *= self.share
            segment.apply()
        return lambda: None

shock = {"kind": "strike", "at": "2026-01-02", "share": 0.5}
changes = {"horizon": "3 d", "warm_up": "0 d", "shocks": [shock]}
scenario = simdai.load("examples/minimal", set=changes)
alone, shared = (simdai.run(scenario, replications=3, workers=n) for n in (1, 2))
print(alone.hash == shared.hash, len(shared.failed))
"""


def test_a_kind_of_a_users_script_travels_to_the_workers(tmp_path: Path):
    (tmp_path / "own.py").write_text(OWN_KIND)
    environment = {**os.environ, "PYTHONPATH": str(UNIT.parent.parent)}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "own.py")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert done.stdout == "True 0\n", done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_line_ends_in_order_when_asked_to(tmp_path: Path, sent: signal.Signals, status: int):
    words = ("--kernel", "reference", "--replications", "500", "--workers", "2", "--set", "horizon=8 d")
    process = subprocess.Popen(
        [sys.executable, "-m", "simdai", "run", "examples/minimal", *words, "--out", str(tmp_path / "kept")],
        cwd=UNIT.parent.parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_runs(tmp_path / "kept", 3)
    inner = children(process.pid)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert ("the same command goes on from there" in errors) == (sent == signal.SIGINT)
    assert not outlived(inner)
    assert read_manifest(tmp_path / "kept")["counts"]["ok"] >= 3
