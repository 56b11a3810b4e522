"""How long a run will take on the readable kernel, so that nobody waits for a mistake of the installation."""

from __future__ import annotations

import dataclasses
import time
import warnings
from typing import Any

from simdai.errors import EngineError
from simdai.experiments.plan import Plan

LONGEST = 120.0  # seconds a run without the compiled kernel may take unasked
SLICE = 1.0  # seconds of the trial


def on_kernel_at_hand(plan: Plan, n_runs: int, workers: int) -> Plan:
    """Settle the kernel; stop before runs of over two minutes where the compiled kernel is missing.

    Runs that ask for the reference kernel by name are never stopped.

    Returns
    -------
    Plan : with the reference kernel by name where it is the only one and quick enough

    Raises
    ------
    EngineError : with the cure for the system at hand
    """
    from simdai.kernel import COMPILED, WHY_REFERENCE

    if plan.kernel == "compiled" and not COMPILED:
        raise EngineError(f"there is no compiled kernel to run on.\n{WHY_REFERENCE}")
    if COMPILED or plan.kernel is not None or plan.simulate is not None:
        return plan
    each = max(seconds_per_run(scenario, plan) for scenario in plan.scenarios)
    total = each * n_runs / min(workers, n_runs)
    if total > LONGEST:
        runs = "1 run" if n_runs == 1 else f"{n_runs} runs"
        raise EngineError(
            f"{runs} would take about {duration(total)}, because the compiled kernel is missing.\n"
            f"{WHY_REFERENCE}\nTo run all the same: --kernel reference (in Python: kernel='reference')."
        )
    warnings.warn(f"runs use the reference kernel, which is far slower: {WHY_REFERENCE}", stacklevel=2)
    return dataclasses.replace(plan, kernel="reference")


def seconds_per_run(scenario: Any, plan: Plan) -> float:
    """Estimate the wall time [s] of one run from its first second or so."""
    from simdai.simulation import Simulation

    horizon = float(plan.until or scenario.horizon)
    sim = Simulation(scenario, seed=plan.seed, replication=0, kernel="reference")
    started = time.perf_counter()
    day = horizon / 2**16
    until = 0.0
    while (spent := time.perf_counter() - started) < SLICE:
        if until >= horizon:
            return spent
        until = min(until + day, horizon)
        sim.run(until=until)
        day *= 2
    return spent * horizon / until


def duration(seconds: float) -> str:
    """Write a time as a person would say it.

    >>> duration(90), duration(7200), duration(400_000)
    ('2 minutes', '2 hours', '5 days')
    """
    for unit, size in (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0)):
        if seconds >= 1.5 * size or unit == "minute":
            n = max(round(seconds / size), 1)
            return f"{n} {unit}{'s' * (n != 1)}"
    raise AssertionError("minutes are always enough")
