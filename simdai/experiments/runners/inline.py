"""Runs one after the other in this process."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simdai.experiments.plan import Plan, finish
from simdai.experiments.runners.progress import bar, watching
from simdai.experiments.runners.windowed import Sink
from simdai.experiments.store import Finished
from simdai.experiments.work import Work

HANDED_OVER = 0.5  # seconds between two deliveries


class Inline:
    """This process makes the runs."""

    workers = 1

    @contextmanager
    def session(self, plan: Plan, most: int | None = None) -> Iterator[Any]:
        """Make runs as they come; see `Runner`."""
        yield functools.partial(self._run, plan)

    @staticmethod
    def _run(plan: Plan, work: Work, sink: Sink, progress: bool | None = None) -> None:
        done: list[Finished] = []
        delivered = time.perf_counter()
        count = 0
        try:
            with bar(work.total, progress) as shown:
                while (task := work.take()) is not None:
                    with watching(shown, count, plan) as watch:
                        done.append(finish(plan, task, watch))
                    work.told(done[-1].record)
                    count += 1
                    shown.n, shown.total = count, work.total
                    shown.update(0)
                    if time.perf_counter() - delivered > HANDED_OVER:
                        sink(done)
                        done, delivered = [], time.perf_counter()
        finally:
            sink(done)
