"""Runs over processes of this machine, with limits of time and memory for each run."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

from simdai.experiments.plan import Plan, Task
from simdai.experiments.runners import worker
from simdai.experiments.runners.progress import bar
from simdai.experiments.runners.windowed import Lost, Sink, windowed
from simdai.experiments.store import Finished
from simdai.experiments.work import Work


@dataclass(frozen=True)
class Limits:
    """What a run may take before it counts as failed.

    Parameters
    ----------
    seconds : float, wall time; None for any
    memory_bytes : int, beyond what its worker holds before it; None for any
    """

    seconds: float | None = None
    memory_bytes: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Pool:
    """Worker processes of this machine make the runs.

    Parameters
    ----------
    workers : int >= 1
    limits : of a run
    """

    workers: int = 1
    limits: Limits = NO_LIMITS

    @contextmanager
    def session(self, plan: Plan, most: int | None = None) -> Iterator[Any]:
        """Start the workers; see `Runner`."""
        import cloudpickle

        if self.limits.memory_bytes is not None:
            worker.check_memory_limit()
        size = self.workers if most is None else min(self.workers, max(most, 1))
        crew = PoolCrew(size, cloudpickle.dumps(plan), self.limits)

        def run(work: Work, sink: Sink, progress: bool | None = None) -> None:
            with bar(work.total, progress) as shown:
                windowed(work, sink, crew, shown)

        with crew.working():
            yield run


class PoolCrew:
    """A pebble pool; see `Crew`."""

    def __init__(self, size: int, payload: bytes, limits: Limits) -> None:
        self.size = size
        self.broken = False
        self._token = uuid.uuid4().hex
        self._payload = payload
        self._limits = limits
        self._pool: Any = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Start the workers; they are stopped at once when the work is done or given up."""
        try:
            self.restart()
            yield
        finally:
            self._stop()

    def restart(self) -> None:
        from pebble import ProcessPool

        self._stop()
        self.broken = False
        self._pool = ProcessPool(
            max_workers=self.size,
            initializer=worker.receive,
            initargs=(self._token, self._payload, self._limits.memory_bytes),
            context=_Spawn(),
        )

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            with suppress(RuntimeError):
                self._pool.join()

    def submit(self, batch: list[Task]) -> Any:
        """Schedule a batch; one that takes longer than a run may is stopped, and its runs are made singly."""
        return self._pool.schedule(worker.batch, args=(self._token, batch), timeout=self._limits.seconds)

    def collect(self, future: Any) -> list[Finished]:
        from concurrent.futures.process import BrokenProcessPool

        from pebble import ProcessExpired

        try:
            return worker.opened(future.result())
        except TimeoutError:
            raise Lost(f"stopped: it took longer than {self._limits.seconds:g} s", final=True) from None
        except (ProcessExpired, RuntimeError, OSError) as death:
            self.broken = self.broken or isinstance(death, BrokenProcessPool)
            code = getattr(death, "exitcode", None)
            why = f"the worker process died twice in this run (exit status {code}); often memory ran out"
            raise Lost(why) from None


class _Worker(SpawnProcess):
    """A process that does not import the user's script again, so scripts need no ``__main__`` guard.

    Classes of a script or notebook travel by value with the plan.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # the name is multiprocessing's
        with without_main():
            return SpawnProcess._Popen(process_obj)


class _Spawn(SpawnContext):
    Process = _Worker


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the user's script from processes that are started."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
