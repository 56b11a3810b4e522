"""Who makes the runs: this process, processes of this machine, or a Dask cluster.

Every run is a function of its scenario, seed and replication alone, so runs may be made in any order and by
any process; the results do not depend on which. Each comes back as a `Finished`, a failed one with its error.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

from simdai.errors import ScenarioError
from simdai.experiments.plan import Plan
from simdai.experiments.runners.cluster import Cluster
from simdai.experiments.runners.inline import Inline
from simdai.experiments.runners.pool import NO_LIMITS, Limits, Pool
from simdai.experiments.runners.windowed import Sink
from simdai.experiments.work import Work

__all__ = ["NO_LIMITS", "Cluster", "Inline", "Limits", "Pool", "Runner", "Session", "Sink", "runner"]


class Runner(Protocol):
    """Makes runs."""

    @property
    def workers(self) -> int:
        """How many runs are made at a time."""

    def session(self, plan: Plan, most: int | None = None) -> AbstractContextManager[Session]:
        """Hold workers ready, for several sets of runs of one plan.

        Parameters
        ----------
        plan : what the runs are parts of
        most : how many runs there will be at most, so that no more workers are started; None for many

        Raises
        ------
        EngineError : worker processes do not start, or there is no cluster
        """


class Session(Protocol):
    """Workers that wait for runs."""

    def __call__(self, work: Work, sink: Sink, progress: bool | None = None) -> None:
        """Make runs and hand them to ``sink`` in groups as they are done.

        Parameters
        ----------
        work : hands out the runs
        sink : takes finished runs; called in this thread, also for those in hand when an interrupt comes
        progress : show a bar on stderr; None for "where somebody watches"

        Raises
        ------
        ScenarioError : a world cannot be built as the scenario says
        EngineError : worker processes do not start
        """


def runner(
    workers: int = 1,
    kind: Literal["inline", "pool", "dask"] | None = None,
    cluster: str | None = None,
    limits: Limits = NO_LIMITS,
) -> Runner:
    """Choose who makes the runs.

    Parameters
    ----------
    workers : int >= 1, processes
    kind : ``inline``, ``pool`` or ``dask``; None for what the rest implies
    cluster : address of a Dask scheduler, or ``local:N``
    limits : of a run, for processes of this machine

    Raises
    ------
    ScenarioError : what is asked contradicts itself
    """
    if workers < 1:
        raise ScenarioError(f"workers = {workers}: at least one process is needed")
    if kind not in (None, "inline", "pool", "dask"):
        raise ScenarioError(f"runner {kind!r}; one of: dask, inline, pool")
    if cluster is not None or kind == "dask":
        if kind not in (None, "dask"):
            raise ScenarioError(f"runner {kind} with a cluster; one of the two")
        if limits != NO_LIMITS:
            raise ScenarioError("limits of a run need --runner pool; a Dask cluster sets its own")
        return Cluster(cluster or f"local:{workers}")
    if kind == "inline":
        if workers > 1 or limits != NO_LIMITS:
            raise ScenarioError("runner inline has one process and no limits; --runner pool has both")
        return Inline()
    if kind == "pool" or workers > 1 or limits != NO_LIMITS:
        return Pool(workers, limits)
    return Inline()
