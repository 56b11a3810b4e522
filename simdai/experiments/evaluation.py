"""Runs on demand: what outcomes a scenario has at a point that nobody knew beforehand."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError, unknown
from simdai.experiments.estimate import on_kernel_at_hand
from simdai.experiments.plan import Keep, Plan, Task
from simdai.experiments.runners import Inline, Runner, Session
from simdai.experiments.runs import Kernel
from simdai.experiments.store import Finished
from simdai.experiments.work import Listed

__all__ = ["Evaluation", "evaluating"]

Values = Mapping[str, NDArray[np.float64]]
"""Outcome to its value in each replication; nan in those that failed."""


class Evaluation:
    """A scenario whose points are run when they are asked for, all with the same luck; made by `evaluating`.

    A point that was run before is not run again.

    Parameters
    ----------
    plan : of the base scenario
    session : makes the runs
    """

    def __init__(self, plan: Plan, session: Session) -> None:
        self.plan = plan
        self.units: dict[str, str] = {}
        self.errors: list[str] = []
        self.n_runs = 0
        self._session = session
        self._known: dict[str, dict[tuple[int, int], Finished]] = {}
        self._numbers = itertools.count()

    def __call__(
        self, points: Sequence[Mapping[str, Any]], replications: int | None = None, seed: int | None = None
    ) -> list[Values]:
        """Outcomes at points.

        Parameters
        ----------
        points : for each, dotted path to value, what it changes in the base scenario
        replications : int, instead of the plan's
        seed : int, instead of the plan's: other luck

        Returns
        -------
        for each point, outcome to (replications,) float
        """
        return [self._values(runs) for runs in self.runs(points, replications, seed)]

    def runs(
        self, points: Sequence[Mapping[str, Any]], replications: int | None = None, seed: int | None = None
    ) -> list[list[Finished]]:
        """The runs themselves at points, in the order of their replications; see `__call__`."""
        n = self.plan.replications if replications is None else replications
        luck = self.plan.seed if seed is None else seed
        names = [json.dumps(point, sort_keys=True, default=str) for point in points]
        tasks, homes = [], {}
        for name, point in dict(zip(names, points, strict=True)).items():
            known = self._known.setdefault(name, {})
            number = next(self._numbers)
            homes[number] = known
            tasks += [Task(number, r, point, luck) for r in range(n) if (luck, r) not in known]

        def sink(finished: list[Finished]) -> None:
            for one in finished:
                homes[one.record.point][luck, one.record.replication] = one

        if tasks:
            self.n_runs += len(tasks)
            # A bar for every handful of runs tells nothing where lines are kept, as in a notebook.
            self._session(Listed(tasks), sink, None if sys.stderr.isatty() else False)
        return [[self._known[name][luck, r] for r in range(n)] for name in names]

    def _values(self, runs: Sequence[Finished]) -> Values:
        values: dict[str, NDArray[np.float64]] = {}
        for n, run in enumerate(runs):
            self.units.update(run.units or {})
            if run.record.status != "ok":
                self.errors.append(run.record.short_error)
            for name, value in run.record.outcomes.items():
                values.setdefault(name, np.full(len(runs), math.nan))[n] = value
        return values

    def outcome(self, values: Values, name: str) -> NDArray[np.float64]:
        """One outcome of a point; all nan where every run failed.

        Raises
        ------
        ResultsError : the runs have no such outcome
        """
        if name in values:
            return values[name]
        if self.units and name not in self.units:
            raise ResultsError(unknown("outcome", name, self.units))
        return np.full(len(next(iter(values.values()), range(self.plan.replications))), math.nan)


@contextmanager
def evaluating(
    scenario: Any,
    replications: int = 10,
    seed: int = 1,
    by: Runner | None = None,
    kernel: Kernel = None,
    simulate: Callable[..., Any] | None = None,
    series: tuple[str, ...] = (),
) -> Iterator[Evaluation]:
    """Hold workers ready to run points of a scenario.

    Parameters
    ----------
    scenario : Scenario, or what `simdai.load` takes
    replications : int >= 1, of each point
    seed : int, shared by all points
    by : makes the runs; None for this process
    kernel : ``compiled`` or ``reference``; None takes the compiled one where there is one
    simulate : as in `Plan`
    series : names or patterns of those kept of every run
    """
    from simdai.experiments.runs import planned

    (loaded,) = planned([scenario], seed, replications, None, kernel, trace=False).scenarios
    plan = Plan(
        scenarios=(loaded,),
        seed=seed,
        replications=replications,
        kernel=kernel,
        keep=Keep(series=series),
        simulate=simulate,
    )
    runner = by if by is not None else Inline()
    plan = on_kernel_at_hand(plan, replications, runner.workers)
    with runner.session(plan) as session:
        yield Evaluation(plan, session)
