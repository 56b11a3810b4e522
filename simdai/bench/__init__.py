"""``simdai bench``: speed of the kernel that scenarios use, each repeat in a fresh interpreter.

Rates on shared machines move by a third: compare the ratio to the calibration draw, or to SimPy in the same
run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

Work = Callable[[], dict[str, Any]]
SEED = 20261122
SIZES = {"w1": 200_000, "w2": 1_000, "w4": 400}
PEERS = {"w1": "simpy", "w2": "simpy", "w4": "numpy"}
FIGURES = (
    "cpu_seconds",
    "wall_seconds",
    "events_per_cpu_second",
    "ns_per_event",
    "calibration_ns",
    "peak_rss_mib",
)


def calibration_ns() -> float:
    """Nanoseconds of CPU for one standard exponential of SFC64 in NumPy's C loop: median of seven rounds."""
    import numpy as np

    generator = np.random.Generator(np.random.SFC64(1))
    buffer = np.empty(1 << 14)
    rounds = []
    for _ in range(7):
        began = time.process_time_ns()
        for _ in range(100):
            generator.standard_exponential(out=buffer)
        rounds.append((time.process_time_ns() - began) / (100 * buffer.size))
    return statistics.median(rounds)


def rss_mib(field: str) -> float:
    """``VmHWM`` (peak) or ``VmRSS`` (now) of this process in MiB; nan where /proc is missing."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(field):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return float("nan")


def one_repeat(workload: str, size: int, days: float, repeat: int, against: str | None) -> dict[str, Any]:
    """One timed run in this process; with ``against`` the peer does the same work afterwards."""
    seed = SEED + repeat
    calibration = calibration_ns()
    work, peer = works(workload, size, days, seed)
    before = rss_mib("VmRSS")
    out = timed(work)
    out["calibration_ns"] = calibration
    out["ns_per_event_over_calibration"] = out["ns_per_event"] / calibration
    out["peak_rss_mib"] = rss_mib("VmHWM")
    out["above_interpreter_mib"] = out["peak_rss_mib"] - before
    if against:
        out[against] = timed(peer)
        out[f"times_{against}"] = out["events_per_cpu_second"] / out[against]["events_per_cpu_second"]
    return out


def works(workload: str, size: int, days: float, seed: int) -> tuple[Work, Work]:
    """A workload on the kernel that scenarios use, and the same by its peer."""
    if workload == "w4":
        from simdai.bench.yuma import definition, w4

        return partial(w4, seed, size), partial(definition, seed)
    from simdai.bench import plain_simpy, workloads

    if workload == "w1":
        return partial(workloads.w1, size, seed), partial(plain_simpy.w1, size, seed)
    return partial(workloads.w2, size, days, seed), partial(plain_simpy.w2, size, days, seed)


def timed(work: Work) -> dict[str, Any]:
    """Results of ``work`` with its wall and CPU seconds: its own measure, else building included."""
    wall, cpu = time.perf_counter(), time.process_time()
    out = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    out = {"cpu_seconds": cpu, "wall_seconds": wall} | out
    cpu = out["cpu_seconds"]
    out["events_per_cpu_second"] = out["events"] / cpu
    out["ns_per_event"] = 1e9 * cpu / out["events"]
    return out


def run(
    workload: str,
    providers: int | None = None,
    days: float | None = None,
    repeats: int = 5,
    against: str | None = None,
) -> dict[str, Any]:
    """Run a workload ``repeats`` times, each in a fresh interpreter.

    Parameters
    ----------
    workload : {"w1", "w2", "w4"}
    providers : W2's providers (10^3 .. 10^6), W1's customers, or W4's epochs
    days : W2's horizon
    against : the peer that does the same work in the same process: "simpy", for W4 "numpy"

    Returns
    -------
    dict with the median of each figure, ``<figure>_range``, the workload's checks, and every repeat
    """
    from simdai.bench.workloads import HORIZON_DAYS
    from simdai.errors import SimdaiError

    if workload not in SIZES:
        raise SimdaiError(f"unknown workload {workload!r}; expected one of: {', '.join(SIZES)}")
    if against not in (None, PEERS[workload]):
        raise SimdaiError(f"{workload} has no peer {against!r}; expected {PEERS[workload]}")
    size = providers or SIZES[workload]
    horizon = days or HORIZON_DAYS.get(size, min(20.0, 2e4 / size))
    arguments = [workload, str(size), str(horizon)]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    rows = []
    for repeat in range(repeats):
        command = [sys.executable, "-m", "simdai.bench", *arguments, str(repeat), against or "-"]
        child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if child.returncode:
            raise SimdaiError(f"repeat {repeat} of {workload} failed: {child.stderr.strip()[-500:]}")
        rows.append(json.loads(child.stdout))
    out: dict[str, Any] = {"workload": workload, "size": size, "repeats": repeats}
    if workload == "w2":
        out["days"] = horizon
    for name in rows[0]:
        values = [row[name] for row in rows]
        if isinstance(values[0], (int, float)):
            out[name] = statistics.median(values)
            if name in FIGURES or name.startswith(("times", "us_per_epoch")):
                out[f"{name}_range"] = [min(values), max(values)]
        else:
            out[name] = values[-1]
    out["runs"] = rows
    return out


def text(result: dict[str, Any]) -> str:
    """A few lines for people."""
    lines = [f"{result['workload']}, size {result['size']:,}, {result['repeats']} repeats (medians)"]
    lines.append(
        f"  {result['events']:,.0f} events, {result['cpu_seconds']:.3f} s of CPU, "
        f"{result['events_per_cpu_second'] / 1e6:.3g} M events/s"
    )
    lines.append(
        f"  {result['ns_per_event']:.1f} ns an event = {result['ns_per_event_over_calibration']:.1f} x "
        f"the calibration draw of {result['calibration_ns']:.2f} ns"
    )
    lines.append(
        f"  peak {result['peak_rss_mib']:.0f} MiB, "
        f"{result['above_interpreter_mib']:.0f} MiB above the interpreter"
    )
    for name, peer in (("simpy", "plain SimPy"), ("numpy", "plain NumPy")):
        if f"times_{name}" in result:
            low, high = result[f"times_{name}_range"]
            ratio = f"{result[f'times_{name}']:.0f} x {peer}"
            lines.append(f"  {ratio} in the same process ({low:.0f} .. {high:.0f})")
    for name, value in result.items():
        if name.startswith("expected_"):
            check = name.removeprefix("expected_")
            lines.append(f"  {check.replace('_', ' ')}: {result[check]:.5f} (theory {value:.5f})")
    for name, value in result.items():
        if name.startswith("us_per_epoch") and not name.endswith("_range"):
            variant = name.removeprefix("us_per_epoch").replace("_", " ").strip() or "as given"
            lines.append(f"  {value:8.1f} µs an epoch, {variant}")
    if "difference_from_definition" in result:
        lines.append(f"  {result['difference_from_definition']:.1e} from the plain definition at most")
    for name, size in result.get("memory_bytes", {}).items():
        lines.append(f"  {size / 2**20:8.1f} MiB  {name}")
    return "\n".join(lines)
