"""What is left of a study after kills, full disks and lost workers: nothing lost, doubled or changed."""

from __future__ import annotations

import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from simdai.errors import ResultsError
from simdai.experiments.folder import LEDGER, reading
from simdai.experiments.runners import Cluster, Pool
from simdai.experiments.store import Store
from simdai.experiments.study import Study

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit"))
from made_studies import Formula, asked, made  # noqa: E402

psutil = pytest.importorskip("psutil")

NOISY = Formula("a + b", noise=1.0)
SWEEP = """
import pickle, sys
from pathlib import Path
sys.path.insert(0, {unit!r})
from simdai.experiments import runners, store
from simdai.experiments.sweeping import swept
store.WAIT = 0.05
study, formula = pickle.loads(Path({pickled!r}).read_bytes())
swept(study, runners.{runner}, Path({path!r}), progress=False, simulate=formula)
"""


def sweeping(path: Path, runner: str = "Inline()", seconds: float = 0.01, **limits: str):
    """Start a study in a process of its own."""
    script, pickled = path.parent / "sweep.py", path.parent / "study.pickle"
    unit = str(ROOT / "tests" / "unit")
    study = asked(replications=60, series=["level"])
    pickled.write_bytes(pickle.dumps((study, Formula("a + b", noise=1.0, seconds=seconds))))
    script.write_text(SWEEP.format(unit=unit, pickled=str(pickled), runner=runner, path=str(path)))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **limits}
    return subprocess.Popen(
        [sys.executable, str(script)], text=True, stderr=subprocess.PIPE, env=environment, cwd=path.parent
    )


def stored(path: Path) -> int:
    try:
        with reading(path / LEDGER) as ledger:
            return int(ledger.execute("SELECT count(*) FROM runs").fetchone()[0])
    except ResultsError:
        return 0


def until(condition, seconds: float = 60.0) -> None:
    for _ in range(int(seconds * 10)):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to that within a minute")


def rows(path: Path) -> list[tuple]:
    with sqlite3.connect(path / LEDGER) as ledger:
        return sorted(ledger.execute("SELECT key, content FROM runs"))


def killed_again_and_again(path: Path, kills: int, seed: int, runner: str) -> Study:
    """Kill the study at random instants after its first runs; what is committed must stay as it is."""
    luck = random.Random(seed)
    study = asked(replications=60, series=["level"])
    before: list[tuple] = []
    for _ in range(kills):
        process = sweeping(path, runner)
        n = len(before)
        until(lambda n=n, p=process: stored(path) > n or p.poll() is not None)
        time.sleep(luck.random() * 0.4)
        process.kill()
        process.wait()
        process.stderr.close()
        after = rows(path)
        assert set(before) <= set(after), "a committed run was lost or changed"
        before = after
    made(study, NOISY, out=path)
    whole = Study.load(path)
    assert whole.hash == made(study, NOISY).hash and len(whole) == 240
    assert set(whole.run_series) == {key for key, _ in rows(path)}
    named = {row[0] for row in sqlite3.connect(path / LEDGER).execute("SELECT DISTINCT shard FROM runs")}
    assert {file.name for file in (path / "series").iterdir()} == named, "a shard that no row names"
    return whole


def test_after_kills_at_random_instants_nothing_is_lost_doubled_or_changed(tmp_path: Path):
    kept = killed_again_and_again(tmp_path / "kept", 4, 1, "Inline()")
    pool = killed_again_and_again(tmp_path / "pool", 1, 2, "Pool(2)")
    assert kept.hash == pool.hash


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["Inline()", "Pool(2)"])
def test_after_many_kills_nothing_is_lost_doubled_or_changed(tmp_path: Path, runner: str):
    found = {killed_again_and_again(tmp_path / f"kept{n}", 5, n, runner).hash for n in range(4)}
    assert len(found) == 1


def test_a_study_can_be_read_while_it_runs_and_a_second_writer_is_told_who_writes(tmp_path: Path):
    path = tmp_path / "kept"
    process = sweeping(path, seconds=0.05)
    try:
        until(lambda: stored(path) >= 3)
        seen = Study.load(path)
        assert 3 <= len(seen) < 240 and seen.n_points == 4
        assert seen.summary("y")["n"].max() >= 3 and len(seen.run_series) == len(seen)
        with pytest.raises(ResultsError, match=f"another run is writing there .process {process.pid} on "):
            made(asked(replications=60, series=["level"]), NOISY, out=path)
        assert stored(path) >= len(seen)
    finally:
        process.kill()
        process.communicate()


def kill_a_worker_when_runs_come(parent: psutil.Process, path: Path, names: str) -> threading.Thread:
    """Kill one process below ``parent`` whose command line has a word, once runs are stored."""

    def watch() -> None:
        until(lambda: stored(path) >= 5)
        below = [p for p in parent.children(recursive=True) if names in " ".join(p.cmdline())]
        busy = sorted(below, key=lambda p: sum(p.cpu_times()[:2]))
        busy[-1].kill()
        killed.append(busy[-1].pid)

    killed: list[int] = []
    thread = threading.Thread(target=watch)
    thread.killed = killed
    thread.start()
    return thread


def test_when_a_worker_is_killed_its_batch_is_made_again(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("simdai.experiments.store.WAIT", 0.05)
    study = asked(replications=60)
    slow = Formula("a + b", noise=1.0, seconds=0.01)
    killer = kill_a_worker_when_runs_come(psutil.Process(), tmp_path / "kept", "spawn_main")
    swept = made(study, slow, Pool(2), out=tmp_path / "kept")
    killer.join()
    assert killer.killed and swept.hash == made(study, NOISY).hash and not len(swept.failures)


def test_when_a_dask_worker_is_killed_its_batch_is_made_again(tmp_path: Path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("simdai.experiments.store.WAIT", 0.05)
    study = asked(replications=60)
    slow = Formula("a + b", noise=1.0, seconds=0.02)
    killer = kill_a_worker_when_runs_come(psutil.Process(), tmp_path / "kept", "spawn_main")
    swept = made(study, slow, Cluster("local:2"), out=tmp_path / "kept")
    killer.join()
    assert killer.killed and swept.hash == made(study, NOISY).hash and not len(swept.failures)


def test_a_full_database_is_an_error_that_keeps_the_rows_and_the_study_goes_on(tmp_path: Path, monkeypatch):
    path = tmp_path / "kept"
    study = asked(replications=200)
    opened = Store._open

    def cramped(self):
        ledger = opened(self)
        ledger.execute("PRAGMA max_page_count = 30")
        return ledger

    monkeypatch.setattr("simdai.experiments.store.WAIT", 0.0)
    monkeypatch.setattr("simdai.experiments.runners.inline.HANDED_OVER", 0.01)
    monkeypatch.setattr(Store, "_open", cramped)
    with pytest.raises(ResultsError, match="full"):
        made(study, NOISY, out=path)
    monkeypatch.undo()
    assert 0 < stored(path) < 800
    assert made(study, NOISY, out=path).hash == made(study, NOISY).hash


@pytest.mark.skipif(os.name == "nt", reason="limits of file sizes are a matter of Unix")
def test_a_disk_that_takes_no_more_ends_with_a_sentence_and_status_3(tmp_path: Path):
    """The process may write no file beyond 100 kB; the ledger comes to need more."""
    study = tmp_path / "mine.yaml"
    study.write_text(
        "base: examples/minimal\nset: {horizon: 1 d, warm_up: 0 d}\nreplications: 40\n"
        "levers: {a: {kind: choice, path: scale, values: [1, 2]}}\ndesign: {kind: factorial}\n"
    )
    command = f"ulimit -f 100; exec {sys.executable} -m simdai sweep {study} --out {tmp_path / 'kept'}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert str(tmp_path / "kept") in done.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_error_at_once_and_can_still_be_read(tmp_path: Path):
    first = made(asked(replications=2), NOISY, out=tmp_path / "kept")
    (tmp_path / "kept").chmod(0o500)
    try:
        with pytest.raises(ResultsError, match=r"[Pp]ermission"):
            made(asked(replications=3), NOISY, out=tmp_path / "kept")
        assert Study.load(tmp_path / "kept").hash == first.hash
    finally:
        (tmp_path / "kept").chmod(0o700)
    assert made(asked(replications=3), NOISY, out=tmp_path / "kept").n_points == 4


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
def test_an_interrupt_keeps_what_was_made(tmp_path: Path):
    path = tmp_path / "kept"
    process = sweeping(path, "Pool(1)", seconds=0.05)
    until(lambda: stored(path) >= 5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert Study.load(path).provenance["counts"]["ok"] == stored(path) >= 5


@pytest.mark.slow
def test_ten_thousand_short_runs_cost_less_than_a_millisecond_each_and_no_memory(tmp_path: Path):
    """Processor time of driver and worker, whatever else the machine does, the runs themselves included."""
    study, process = asked(replications=2500), psutil.Process()
    made(asked(replications=3), NOISY, Pool(1), out=tmp_path / "warm")
    before, held = sum(process.cpu_times()[:4]), process.memory_info().rss
    swept = made(study, NOISY, Pool(1), out=tmp_path / "kept")
    each = (sum(process.cpu_times()[:4]) - before) / 10_000
    print(
        f"\n{each * 1e3:.2f} ms of processor time a run, {1e3 * swept.runs['seconds'].median():.2f} ms inside"
    )
    assert len(swept) == 10_000
    assert each < 1e-3
    assert process.memory_info().rss - held < 60e6
