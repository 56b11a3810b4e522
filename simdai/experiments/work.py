"""Which runs are still to be made: handed out one by one, never as a list of a million."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from simdai.experiments.plan import Task
from simdai.experiments.statistics import t_interval
from simdai.results import RunRecord

if TYPE_CHECKING:
    from simdai.experiments.study_file import UntilPrecise

__all__ = ["Listed", "Replicated", "UntilKnown", "Work"]

Tasks = Callable[[int, int], Task]
"""The run of a point and a replication."""


class Work(Protocol):
    """Runs to be made.

    What is handed out depends on the results alone, never on the order in which runs come back.
    """

    total: int
    """How many runs there will be; may grow where results decide."""

    def take(self) -> Task | None:
        """The next run to make; None when there is none, or none before runs in hand are done."""

    def left(self) -> bool:
        """Whether there is anything to make; asked before the first run."""

    def told(self, record: RunRecord) -> None:
        """Hear that a run is done."""


class Listed:
    """Runs given one by one."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.total = len(tasks)
        self._left: Iterator[Task] = iter(tasks)

    def take(self) -> Task | None:
        return next(self._left, None)

    def left(self) -> bool:
        return self.total > 0

    def told(self, record: RunRecord) -> None:
        pass


class Replicated:
    """The same number of replications of every point, less those that are done.

    Parameters
    ----------
    n_points, replications : int
    task : makes the run of a point and a replication
    done : (point, replication) of runs that need not be made again
    """

    def __init__(
        self, n_points: int, replications: int, task: Tasks, done: Iterable[tuple[int, int]] = ()
    ) -> None:
        self._missing = np.ones((n_points, replications), bool)
        for point, replication in done:
            if point < n_points and replication < replications:
                self._missing[point, replication] = False
        self.total = int(np.count_nonzero(self._missing))
        self._task = task
        self._left = self._walk()

    def _walk(self) -> Iterator[Task]:
        for point, missing in enumerate(self._missing):
            for replication in np.flatnonzero(missing):
                yield self._task(point, int(replication))

    def take(self) -> Task | None:
        return next(self._left, None)

    def left(self) -> bool:
        return self.total > 0

    def told(self, record: RunRecord) -> None:
        pass


class UntilKnown:
    """Replications of every point until its means are known well enough.

    Parameters
    ----------
    n_points : int
    rule : decides
    task : makes the run of a point and a replication
    before : what is stored of a point, asked when the point is begun
    """

    def __init__(
        self,
        n_points: int,
        rule: UntilPrecise,
        task: Tasks,
        before: Callable[[int], Iterable[RunRecord]] = lambda point: (),
    ) -> None:
        self.total = n_points * rule.least
        self._rule = rule
        self._task = task
        self._before = before
        self._points = iter(range(n_points))
        self._open: dict[int, _Point] = {}
        self._ready: deque[Task] = deque()

    def take(self) -> Task | None:
        return self._ready.popleft() if self.left() else None

    def left(self) -> bool:
        while not self._ready:
            point = next(self._points, None)
            if point is None:
                return False
            state = self._open[point] = _Point(self._rule)
            kept = {record.replication: record for record in self._before(point) if record.status == "ok"}
            self._look(point, state, kept)
        return True

    def told(self, record: RunRecord) -> None:
        state = self._open.get(record.point)
        if state is not None:
            state.told(record)
            self._look(record.point, state, {})

    def _look(self, point: int, state: _Point, kept: dict[int, RunRecord]) -> None:
        """Hand out the next replications of a point when those before are done, or leave the point."""
        while not state.pending:
            n = state.asked
            if n and (n >= self._rule.most or state.known):
                del self._open[point]
                return
            state.asked = self._rule.next_look(n)
            self.total += state.asked - n if n else 0
            for replication in range(n, state.asked):
                if replication in kept:
                    state.told(kept[replication], stored=True)
                    self.total -= 1
                else:
                    state.pending.add(replication)
                    self._ready.append(self._task(point, replication))


class _Point:
    """What is known of one point."""

    def __init__(self, rule: UntilPrecise) -> None:
        self.rule = rule
        self.asked = 0
        self.pending = set[int]()
        self._values: dict[int, tuple[float, ...]] = {}

    def told(self, record: RunRecord, stored: bool = False) -> None:
        if not stored:
            self.pending.discard(record.replication)
        if record.status == "ok":
            values = (record.outcomes.get(name, float("nan")) for name in self.rule.of)
            self._values[record.replication] = tuple(values)

    @property
    def known(self) -> bool:
        """Whether every interval is narrow enough; replications in order, so that sums come out the same."""
        table = np.array([self._values[replication] for replication in sorted(self._values)])
        if len(table) < 2:
            return False
        intervals = [t_interval(column) for column in table.T]
        return all(i.half_width <= self.rule.half_width * abs(i.mean) for i in intervals)
