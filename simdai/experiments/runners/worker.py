"""What happens inside a worker process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simdai.errors import EngineError, ScenarioError
from simdai.experiments.plan import Plan, Task, finish
from simdai.experiments.store import Finished

plans: dict[str, Plan | bytes] = {}
"""What this worker knows, by token; as bytes until it is first needed."""
memory: int | None = None
"""Bytes that a run may take beyond what this worker holds already."""

Delivery = tuple[list[Finished], bytes | None]


def receive(token: str, payload: bytes, memory_limit: int | None = None) -> None:
    """Take a plan, and read it now, so that the first run's time is its own."""
    global memory
    import cloudpickle

    memory = memory_limit
    plans[token] = payload
    try:
        plans[token] = cloudpickle.loads(payload)
    except Exception:  # said by the first batch, where somebody listens
        return


def forget(token: str) -> None:
    """Drop a plan."""
    plans.pop(token, None)


def batch(token: str, tasks: list[Task]) -> Delivery:
    """Make runs; a mistake in the scenario is sent back as it is."""
    import cloudpickle

    plan = plans[token]
    if isinstance(plan, bytes):
        plan = plans[token] = cloudpickle.loads(plan)
    assert isinstance(plan, Plan)
    try:
        with limited(memory):
            return [finish(plan, task) for task in tasks], None
    except ScenarioError as error:
        return [], cloudpickle.dumps(error)


def opened(delivery: Delivery) -> list[Finished]:
    """Read what `batch` returned, in the process that asked."""
    import cloudpickle

    finished, error = delivery
    if error is not None:
        raise cloudpickle.loads(error)
    return finished


@contextmanager
def limited(size: int | None) -> Iterator[None]:
    """Let allocations fail that take more than so many bytes beyond what is held now."""
    if size is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def check_memory_limit() -> None:
    """Refuse a limit where the system has no means to hold it; `EngineError`."""
    if not sys.platform.startswith("linux"):
        raise EngineError(f"limits of memory need Linux; this is {sys.platform}")


def code(_: Any = None) -> str:
    """Hash of the sources that this worker runs."""
    from simdai.experiments.provenance import code_hash

    return code_hash()
