"""The loop of all runners with other processes: a window of batches in hand, and what a loss means."""

from __future__ import annotations

import math
import queue
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from simdai.errors import EngineError
from simdai.experiments.plan import Task, failed
from simdai.experiments.store import Finished
from simdai.experiments.work import Work

TASK_SECONDS = 0.5  # a batch holds runs for about this long, so that its overhead does not show
LARGEST_BATCH = 2000
NEW_CREWS = 3  # how often a crew that is lost as a whole is started again

Sink = Callable[[list[Finished]], None]
"""Takes finished runs, in any order."""


class Lost(Exception):
    """A batch whose worker is gone; its text says how.

    Parameters
    ----------
    why : for the row of the run, should it be to blame
    final : whether a batch of one run need not be tried a second time
    """

    def __init__(self, why: str, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Crew(Protocol):
    """Worker processes."""

    @property
    def size(self) -> int:
        """How many there are now."""

    def submit(self, batch: list[Task]) -> Any:
        """Give a batch to a worker; returns a future with ``add_done_callback``."""

    def collect(self, future: Any) -> list[Finished]:
        """What a batch brought; `Lost` where its worker is gone."""

    @property
    def broken(self) -> bool:
        """Whether all workers are lost."""

    def restart(self) -> None:
        """Start anew after that."""


class Pace:
    """How long runs turn out to take."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.runs = 0

    def told(self, finished: list[Finished]) -> None:
        """Hear of more runs."""
        self.seconds += sum(one.record.seconds for one in finished)
        self.runs += len(finished)

    def batch_size(self, left: int, workers: int) -> int:
        """Half a second of runs, or one while their length is unknown; a fair share near the end."""
        if not self.runs:
            return 1
        mean = max(self.seconds / self.runs, 1e-6)
        share = math.ceil(max(left, 1) / (2 * max(workers, 1)))
        return max(1, min(math.ceil(TASK_SECONDS / mean), share, LARGEST_BATCH))


def windowed(work: Work, sink: Sink, crew: Crew, shown: Any) -> None:
    """Make the runs: two batches a worker in hand, and no list of all of them.

    When a worker dies, its batch is tried again, a run at a time; a run that kills its worker alone is
    recorded as failed.

    Raises
    ------
    EngineError : workers do not start
    """
    again: deque[Task] = deque()
    suspects: set[tuple[int, int]] = set()
    running: dict[Any, list[Task]] = {}
    landed: queue.SimpleQueue[Any] = queue.SimpleQueue()
    pace = Pace()
    done = taken = restarts = 0
    while True:
        while len(running) < 2 * crew.size and not crew.broken:
            if again:
                batch = [again.popleft()]
            else:
                batch = []
                size = pace.batch_size(work.total - taken, crew.size)
                while len(batch) < size and (task := work.take()) is not None:
                    batch.append(task)
                taken += len(batch)
            if not batch:
                break
            future = crew.submit(batch)
            running[future] = batch
            future.add_done_callback(landed.put)
        if not running:
            return
        for future in arrived(landed):
            finished, lost = outcome(crew, future, running.pop(future, []), suspects)
            again.extend(lost)
            pace.told(finished)
            for one in finished:
                work.told(one.record)
            sink(finished)
            done += len(finished)
        shown.n, shown.total = done, work.total
        shown.update(0)
        if crew.broken:
            restarts += 1
            if restarts > NEW_CREWS:
                raise EngineError("the worker processes stop as soon as they start; --runner inline says why")
            again.extend(task for batch in running.values() for task in batch)
            running.clear()
            crew.restart()


def arrived(landed: queue.SimpleQueue[Any], patience: float = 0.2) -> list[Any]:
    """The futures that are done, after waiting a little for the first."""
    found = []
    try:
        found.append(landed.get(timeout=patience))
        while True:
            found.append(landed.get_nowait())
    except queue.Empty:
        return found


def outcome(
    crew: Crew, future: Any, batch: list[Task], suspects: set[tuple[int, int]]
) -> tuple[list[Finished], list[Task]]:
    """Read what a batch brought: its runs, and those to be tried again because the worker is gone."""
    if not batch:
        return [], []
    try:
        return crew.collect(future), []
    except Lost as lost:
        if len(batch) == 1 and (lost.final or batch[0].key in suspects):
            return [failed(batch[0], str(lost))], []
        suspects.update(task.key for task in batch)
        return [], batch
