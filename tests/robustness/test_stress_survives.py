"""A battery that was killed goes on where it stopped, and ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from simdai.errors import ResultsError
from simdai.experiments.folder import LEDGER, reading
from simdai.experiments.stress import load_battery, stress
from simdai.registry import FrozenMapping
from tests.worlds import small

ROOT = Path(__file__).parents[2]
RUNS = """
import sys
sys.path.insert(0, {root!r})
from simdai.experiments import store
from tests.robustness.test_stress_survives import asked
store.WAIT = 0.05
asked({path!r})
"""
N_RUNS = (2 * 2 + 1) * 6


def asked(path: Path | str | None):
    """Two stresses at two severities, six replications."""
    battery = load_battery("quick").only(["price_crash", "demand_drought"])
    soon = {name: one.model_copy(update={"after": 3.0}) for name, one in battery.stresses.items()}
    battery = battery.model_copy(update={"horizon": 14.0, "stresses": FrozenMapping(soon)})
    world = small({"record_every": 7.0})
    return stress(world, battery=battery, replications=6, out=path, progress=False)


def stored(path: Path) -> int:
    try:
        with reading(path / LEDGER) as ledger:
            return int(ledger.execute("SELECT count(*) FROM runs").fetchone()[0])
    except ResultsError:
        return 0


def test_a_battery_that_was_killed_resumes_and_equals_one_that_was_not(tmp_path):
    path, script = tmp_path / "runs", tmp_path / "battery.py"
    script.write_text(RUNS.format(root=str(ROOT), path=str(path)))
    process = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(ROOT)})
    for _ in range(1200):
        if stored(path) or process.poll() is not None:
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = stored(path)
    assert 0 < kept < N_RUNS
    resumed, whole = asked(path), asked(None)
    assert stored(path) == N_RUNS
    assert resumed.study.hash == whole.study.hash
    assert resumed.grades == whole.grades
