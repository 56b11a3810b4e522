"""How long runs will take and how much room they need, from the first second of one of them."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from simdai.errors import EngineError
from simdai.experiments.plan import Plan, Task, packed

LONGEST = 120.0  # seconds a run without the compiled kernel may take unasked
SLICE = 1.0  # seconds of the trial
ROW_BYTES = 260  # of a row of the ledger with its two indices, without its outcomes
SERIES_SHARE = 0.7  # of the bytes of series that is left after compression


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


@dataclasses.dataclass(frozen=True)
class Trial:
    """What the first second or so of a run tells of the whole.

    Parameters
    ----------
    seconds : float, wall time of the whole run
    n_bytes : float, of its row and of the series that are kept
    outcomes, series : names of all that it reports and records
    """

    seconds: float
    n_bytes: float
    outcomes: tuple[str, ...]
    series: tuple[str, ...]


def trial(plan: Plan, task: Task) -> Trial:
    """Begin one run, and think the rest."""
    if plan.simulate is None:
        run, seconds, share = begun(plan.scenario(task), plan, plan.kernel)
    else:
        started = time.perf_counter()
        run = plan.simulate(plan.scenario(task), plan.seed_of(task), task.replication, plan, None)
        seconds, share = time.perf_counter() - started, 1.0
    one = packed(run, task, seconds, plan.keep)
    row = ROW_BYTES + sum(len(name) + 22 for name in one.record.outcomes)
    return Trial(seconds, row + SERIES_SHARE * one.size / share, tuple(run.outcomes), tuple(run.series))


def seconds_per_run(scenario: Any, plan: Plan) -> float:
    """Estimate the wall time [s] of one run on the reference kernel from its first second or so."""
    return begun(scenario, plan, "reference")[1]


def begun(
    scenario: Any, plan: Plan, kernel: Literal["compiled", "reference"] | None
) -> tuple[Any, float, float]:
    """Run for a second or so.

    Returns
    -------
    the run as it stands, the wall time [s] of all of it, the share of it that was made
    """
    from simdai.simulation import Simulation

    horizon = float(plan.until or scenario.horizon)
    started = time.perf_counter()
    sim = Simulation(scenario, seed=plan.seed, replication=0, kernel=kernel)
    first = day = until = horizon / 2**10
    sim.run(until=until)  # what is made once, and libraries loaded, does not count for the rest
    stopped = warm = time.perf_counter()
    stages = []
    while until < horizon and stopped - warm < SLICE:
        day *= 2
        until = min(until + day, horizon)
        sim.run(until=until)
        stages.append((day, time.perf_counter() - stopped))
        stopped = time.perf_counter()
    rest = stopped - warm if until >= horizon else unbroken(stages, horizon - first)
    return sim.result(), warm - started + rest, until / horizon


def unbroken(stages: Sequence[tuple[float, float]], days: float) -> float:
    """Wall time [s] of days on end, from stages of days and seconds.

    A stage takes time for its days, and some for its end, however short it is; a line tells them apart.
    """
    lengths, seconds = np.array(stages).T
    most = float(seconds.sum() / lengths.sum() * days)
    if len(stages) < 2:
        return most
    each, end = np.polyfit(lengths, seconds, 1)
    return float(np.clip(end + each * days, seconds.sum(), max(most, seconds.sum())))


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
