"""Runs in this process or over worker processes; the results do not depend on which.

Every run is a function of its scenario, seed and replication alone, so runs may be made in any order and by
any process. Each comes back as a `Finished`, a failed one with its error; nothing that was made is lost.
"""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from threading import Event, Thread
from types import ModuleType
from typing import Any, Literal

import numpy as np

from simdai.errors import EngineError, ScenarioError
from simdai.experiments.store import Finished
from simdai.results import RunRecord, RunSeries, content_hash

TASK_SECONDS = 0.5  # a task of a worker holds runs for about this long, so that its overhead does not show
PROGRESS_AFTER = 2.0  # seconds before a progress bar appears
FLUSH_SECONDS = 1.0
NEW_POOLS = 3  # how often a pool whose workers all died is started again

Task = tuple[int, int]  # point, replication


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be run: scenarios (the points of a design), each ``replications`` times.

    Parameters
    ----------
    scenarios : one for each point
    replications : int >= 1
    seed : int >= 0, shared by all points, so that they share their luck
    until : float [day], None for each scenario's horizon
    kernel : ``compiled``, ``reference``, or None for the one at hand
    trace : whether the events are kept
    simulate : makes one run, ``(scenario, seed, replication, plan, watch) -> Run``; None for `Simulation`
    """

    scenarios: tuple[Any, ...]
    replications: int = 1
    seed: int = 1
    until: float | None = None
    kernel: Literal["compiled", "reference"] | None = None
    trace: bool = False
    simulate: Callable[..., Any] | None = None

    def tasks(self) -> list[Task]:
        """All (point, replication), in key order."""
        return [(p, r) for p in range(len(self.scenarios)) for r in range(self.replications)]


def execute(
    plan: Plan,
    tasks: Sequence[Task],
    sink: Callable[[list[Finished]], None],
    workers: int = 1,
    progress: bool | None = None,
) -> None:
    """Make the runs and hand them to ``sink`` in groups as they are done.

    Parameters
    ----------
    plan : what the tasks are parts of
    tasks : which runs to make
    sink : takes finished runs; called in this thread, also for those in hand when an interrupt comes
    workers : int >= 1, processes
    progress : show a bar on stderr; None for "where somebody watches"

    Raises
    ------
    ScenarioError : a world cannot be built as the scenario says
    EngineError : worker processes do not start
    """
    if workers < 1:
        raise ScenarioError(f"workers = {workers}: at least one process is needed")
    if not tasks:
        return
    make = inline if workers == 1 else pooled
    make(plan, tasks, sink, workers, progress)


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
    ScenarioError : the scenario cannot be built, whatever the replication
    """
    point, replication = task
    started = time.perf_counter()
    try:
        run = (plan.simulate or simulate)(plan.scenarios[point], plan.seed, replication, plan, watch)
        return packed(run, point, replication, time.perf_counter() - started)
    except ScenarioError:
        raise
    except Exception:
        seconds = time.perf_counter() - started
        error = traceback.format_exc()
        failed = RunRecord(
            point=point, replication=replication, status="failed", error=error, seconds=seconds
        )
        return Finished(failed)


def packed(run: Any, point: int, replication: int, seconds: float) -> Finished:
    """Bring a `Run` into the form that travels and is stored."""
    names = list(run.series)
    series = RunSeries(
        times=np.asarray(run.times, np.float64),
        digests=np.array([d % 2**64 for d in run.digests], np.uint64),
        values={name: np.asarray(run.series[name], np.float64) for name in names},
        units={name: run.units.get(name, "") for name in names},
    )
    outcomes = {name: float(value) for name, value in run.outcomes.items()}
    digest = int(run.digest) % 2**64
    record = RunRecord(
        point=point,
        replication=replication,
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


def inline(
    plan: Plan, tasks: Sequence[Task], sink: Callable[[list[Finished]], None], _: int, progress: bool | None
) -> None:
    """Make the runs one after the other in this process."""
    done: list[Finished] = []
    flushed = time.perf_counter()
    try:
        with bar(len(tasks), progress) as shown:
            for count, task in enumerate(tasks):
                with watching(shown, count, plan) as watch:
                    done.append(finish(plan, task, watch))
                shown.n = count + 1
                shown.update(0)
                if time.perf_counter() - flushed > FLUSH_SECONDS:
                    sink(done)
                    done, flushed = [], time.perf_counter()
    finally:
        sink(done)


def pooled(
    plan: Plan,
    tasks: Sequence[Task],
    sink: Callable[[list[Finished]], None],
    workers: int,
    progress: bool | None,
) -> None:
    """Make the runs over worker processes: a batch a task, sized by how long runs turn out to take.

    When a worker dies, the batch it had is tried again, a run at a time; a run that kills its worker alone is
    recorded as failed.
    """
    import cloudpickle

    payload = cloudpickle.dumps(plan)
    waiting, singles = deque(tasks), deque[Task]()
    alone: set[Task] = set()
    seconds: list[float] = []
    pools = 0
    with bar(len(tasks), progress) as shown:
        while waiting or singles:
            pools += 1
            with pool(min(workers, len(waiting) + len(singles)), payload) as executor:
                running: dict[Any, list[Task]] = {}
                while waiting or singles or running:
                    while (waiting or singles) and len(running) < 2 * workers:
                        batch = take(waiting, singles, seconds, workers)
                        running[executor.schedule(_batch, args=(batch,))] = batch
                    ready, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                    shown.update(0)
                    broken = False
                    for future in ready:
                        batch = running.pop(future)
                        finished, lost = outcome(future, batch, alone)
                        seconds += [one.record.seconds for one in finished]
                        sink(finished)
                        shown.update(len(finished))
                        singles.extend(lost)
                        broken = broken or bool(lost and future_broke(future))
                    if broken:
                        for batch in running.values():
                            singles.extend(batch)
                        break
            if (waiting or singles) and pools > NEW_POOLS:
                raise EngineError(
                    "the worker processes stop as soon as they start; run with --workers 1 to see why"
                )


def take(waiting: deque[Task], singles: deque[Task], seconds: Sequence[float], workers: int) -> list[Task]:
    """Take the next batch: half a second of runs, or one while their length is unknown or one was lost."""
    if singles:
        return [singles.popleft()]
    size = 1
    if seconds:
        mean = max(sum(seconds) / len(seconds), 1e-6)
        size = min(math.ceil(TASK_SECONDS / mean), math.ceil(len(waiting) / (2 * workers)))
    return [waiting.popleft() for _ in range(min(max(size, 1), len(waiting)))]


def outcome(future: Any, batch: list[Task], alone: set[Task]) -> tuple[list[Finished], list[Task]]:
    """Read what a task brought: its runs, and those to be tried again because the worker died."""
    import cloudpickle
    from pebble import ProcessExpired

    try:
        finished, error = future.result()
    except (ProcessExpired, RuntimeError, OSError) as death:
        if len(batch) > 1 or batch[0] not in alone:
            alone.update(batch)
            return [], batch
        code = getattr(death, "exitcode", None)
        text = f"the worker process died twice in this run (exit status {code}); often memory ran out"
        point, replication = batch[0]
        return [Finished(RunRecord(point=point, replication=replication, status="failed", error=text))], []
    if error is not None:
        raise cloudpickle.loads(error)
    return finished, []


def future_broke(future: Any) -> bool:
    """Whether the whole pool is lost, and not only the worker that had this task."""
    from concurrent.futures.process import BrokenProcessPool

    return isinstance(future.exception(), BrokenProcessPool)


class _Worker(SpawnProcess):
    """A process that does not import the user's script again, so scripts need no ``__main__`` guard.

    Classes of a script or notebook travel by value with the plan.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # the name is multiprocessing's
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class _Spawn(SpawnContext):
    Process = _Worker


@contextmanager
def pool(workers: int, payload: bytes) -> Iterator[Any]:
    """Start workers that hold the plan; they are stopped at once when the work is done or given up."""
    from pebble import ProcessPool

    executor = ProcessPool(max_workers=workers, initializer=_receive, initargs=(payload,), context=_Spawn())
    try:
        yield executor
    finally:
        executor.stop()  # type: ignore[no-untyped-call]
        with suppress(RuntimeError):
            executor.join()


_payload: bytes = b""
_plan: Plan | None = None


def _receive(payload: bytes) -> None:
    global _payload
    _payload = payload


def _batch(tasks: list[Task]) -> tuple[list[Finished], bytes | None]:
    """Make runs in a worker; a mistake in the scenario is sent back as it is."""
    import cloudpickle

    global _plan
    if _plan is None:
        _plan = cloudpickle.loads(_payload)
    try:
        return [finish(_plan, task) for task in tasks], None
    except ScenarioError as error:
        return [], cloudpickle.dumps(error)


@contextmanager
def bar(total: int, progress: bool | None) -> Iterator[Any]:
    """Show a progress bar on stderr once the work has taken two seconds."""
    from tqdm.auto import tqdm

    if progress is None:
        progress = sys.stderr.isatty() or "ipykernel" in sys.modules
    form = "{l_bar}{bar}| {n:.4g}/{total_fmt} [{elapsed}<{remaining}]"
    with tqdm(
        total=total,
        delay=PROGRESS_AFTER,
        disable=not progress,
        file=sys.stderr,
        leave=False,
        miniters=0,
        bar_format=form,
        desc="runs",
    ) as shown:
        yield shown


@contextmanager
def watching(shown: Any, done: int, plan: Plan) -> Iterator[Callable[[Any], None] | None]:
    """Let the bar creep on with the clock of the simulation that is running, without touching the run."""
    if shown.disable:
        yield None
        return
    ended = Event()
    threads: list[Thread] = []

    def watch(sim: Any) -> None:
        horizon = float(plan.until or sim.scenario.horizon)

        def creep() -> None:
            while not ended.wait(0.2):
                shown.n = done + min(float(sim.now) / horizon, 1.0)
                shown.update(0)

        threads.append(Thread(target=creep, daemon=True))
        threads[0].start()

    try:
        yield watch
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def unfinished(plan: Plan, done: Iterable[RunRecord]) -> list[Task]:
    """The runs of a plan that no good record covers yet."""
    good = {(record.point, record.replication) for record in done if record.status == "ok"}
    return [task for task in plan.tasks() if task not in good]
