"""A progress bar on stderr, once the work has taken two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from simdai.experiments.plan import Plan

PROGRESS_AFTER = 2.0  # seconds


@contextmanager
def bar(total: int, progress: bool | None) -> Iterator[Any]:
    """Show a progress bar; None for "where somebody watches"."""
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
