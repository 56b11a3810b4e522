"""What is to be run, and one run of it."""

from __future__ import annotations

import fnmatch
import functools
import re
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from simdai.errors import ScenarioError
from simdai.experiments.store import Finished
from simdai.results import RunRecord, RunSeries, content_hash

__all__ = ["EVERYTHING", "Keep", "Plan", "Task", "finish", "matcher", "packed"]


class Task(NamedTuple):
    """One run of a plan.

    Parameters
    ----------
    point : int >= 0
    replication : int >= 0
    changes : dotted path to value, what the point changes in the plan's one scenario; None where the point is
        one of the plan's scenarios as it is
    seed : int >= 0; None for the plan's, which all points then share
    """

    point: int
    replication: int
    changes: Mapping[str, Any] | None = None
    seed: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        """What tells the run from the others of its plan."""
        return self.point, self.replication


@dataclass(frozen=True)
class Keep:
    """Which outcomes and series of a run are kept; ``*`` stands for any letters.

    Parameters
    ----------
    outcomes, series : names or patterns
    """

    outcomes: tuple[str, ...] = ("*",)
    series: tuple[str, ...] = ("*",)


EVERYTHING = Keep()


@functools.lru_cache(maxsize=64)
def matcher(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """What matches one of several names or patterns."""
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be run.

    Parameters
    ----------
    scenarios : one for each point; or the one that all points change
    replications : int >= 1, runs of each point
    seed : int >= 0, shared by all points, so that they share their luck
    until : float [day], None for each scenario's horizon
    kernel : ``compiled``, ``reference``, or None for the one at hand
    trace : whether the events are kept
    keep : which outcomes and series are kept
    simulate : makes one run, ``(scenario, seed, replication, plan, watch) -> Run``; None for `Simulation`
    """

    scenarios: tuple[Any, ...]
    replications: int = 1
    seed: int = 1
    until: float | None = None
    kernel: Literal["compiled", "reference"] | None = None
    trace: bool = False
    keep: Keep = EVERYTHING
    simulate: Callable[..., Any] | None = None
    _latest: dict[str, tuple[int, Any]] = field(default_factory=dict, repr=False, compare=False)

    def tasks(self) -> list[Task]:
        """All runs of all scenarios, in key order."""
        return [Task(p, r) for p in range(len(self.scenarios)) for r in range(self.replications)]

    def scenario(self, task: Task) -> Any:
        """The scenario of a run; that of the latest point is remembered, for its other replications.

        Raises
        ------
        ScenarioError : the point's changes make no sound scenario
        """
        if task.changes is None:
            return self.scenarios[task.point]
        latest = self._latest.get("")
        if latest is None or latest[0] != task.point:
            latest = task.point, self.scenarios[0].varied(task.changes)
            self._latest[""] = latest
        return latest[1]

    def seed_of(self, task: Task) -> int:
        """The seed of a run."""
        return self.seed if task.seed is None else task.seed

    def __reduce__(self) -> tuple[Any, ...]:
        names = [name for name in self.__dataclass_fields__ if name != "_latest"]
        return _made, ({name: getattr(self, name) for name in names},)


def _made(fields: dict[str, Any]) -> Plan:
    return Plan(**fields)


def simulate(
    scenario: Any, seed: int, replication: int, plan: Plan, watch: Callable[[Any], None] | None = None
) -> Any:
    """Run one replication; ``watch`` is given the simulation before it starts."""
    from simdai.simulation import Simulation

    sim = Simulation(scenario, seed=seed, replication=replication, kernel=plan.kernel, trace=plan.trace)
    if watch is not None:
        watch(sim)
    return sim.run(until=plan.until)


def finish(plan: Plan, task: Task, watch: Callable[[Any], None] | None = None) -> Finished:
    """Make one run; whatever goes wrong in it becomes its error.

    Raises
    ------
    ScenarioError : a scenario that is run as it is cannot be built, whatever the replication
    """
    started = time.perf_counter()
    try:
        scenario = plan.scenario(task)
        run = (plan.simulate or simulate)(scenario, plan.seed_of(task), task.replication, plan, watch)
        return packed(run, task, time.perf_counter() - started, plan.keep)
    except Exception as error:
        if isinstance(error, ScenarioError) and task.changes is None:
            raise
        return failed(task, traceback.format_exc(), time.perf_counter() - started)


def failed(task: Task, error: str, seconds: float = 0.0) -> Finished:
    """A run that brought nothing but its error."""
    record = RunRecord(
        point=task.point, replication=task.replication, status="failed", error=error, seconds=seconds
    )
    return Finished(record)


def packed(run: Any, task: Task, seconds: float, keep: Keep = EVERYTHING) -> Finished:
    """Bring a `Run` into the form that travels and is stored.

    The content hash is that of what is kept, with the digest of all events.
    """
    wanted = matcher(keep.outcomes)
    outcomes = {name: float(value) for name, value in run.outcomes.items() if wanted.match(name)}
    series = None
    if keep.series:
        wanted = matcher(keep.series)
        names = [name for name in run.series if wanted.match(name)]
        series = RunSeries(
            times=np.asarray(run.times, np.float64),
            digests=np.array([d % 2**64 for d in run.digests], np.uint64),
            values={name: np.asarray(run.series[name], np.float64) for name in names},
            units={name: run.units.get(name, "") for name in names},
        )
    digest = int(run.digest) % 2**64
    record = RunRecord(
        point=task.point,
        replication=task.replication,
        outcomes=outcomes,
        seconds=seconds,
        digest=digest,
        n_events=int(run.n_events),
        kernel=str(run.kernel),
        content=content_hash(outcomes, series, digest),
    )
    return Finished(record, series, {name: run.units.get(name, "") for name in outcomes}, traced(run.trace))


def traced(trace: Any) -> Mapping[str, Any] | None:
    """Bring the events of a run, a structured array, into columns."""
    return None if trace is None else {name: trace[name] for name in trace.dtype.names}
