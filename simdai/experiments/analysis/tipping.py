"""Where an outcome passes a threshold when one value of the scenario is moved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ScenarioError
from simdai.experiments.designs.amounts import Amount, common_unit, written
from simdai.experiments.evaluation import Evaluation, evaluating
from simdai.experiments.runners import Runner
from simdai.experiments.statistics import LEVEL, Interval, t_interval

if TYPE_CHECKING:
    import pandas as pd

Looking = Callable[[Evaluation, Mapping[str, Any]], NDArray[np.float64]]
"""What is seen at a point: (replications,) floats."""

LOOKS = 5  # evenly spaced levels that are looked at first, to see how often the threshold is passed


def tipping_point(
    scenario: Any,
    path: str | Sequence[str],
    low: Any,
    high: Any,
    outcome: str,
    threshold: float,
    scale: Literal["linear", "log"] = "linear",
    tolerance: float = 0.01,
    replications: int = 10,
    seed: int = 1,
    level: float = LEVEL,
    by: Runner | None = None,
    simulate: Callable[..., Any] | None = None,
    look: Looking | None = None,
    series: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Find by bisection, all runs sharing their luck, where the mean of an outcome passes a threshold.

    The interval holds the levels at which the outcome's own confidence interval holds the threshold: its
    ends are where the ends of that interval pass it.

    Parameters
    ----------
    scenario : Scenario, or what `simdai.load` takes
    path : dotted path of the value that is moved, or several that take the same
    low, high : numbers, or texts with a unit
    outcome, threshold : what passes what
    scale : ``log`` halves factors instead of distances
    tolerance : float [1], of the range (or of its logarithm)
    replications, seed : of each level
    level : float [1], coverage
    by : makes the runs; None for this process
    look : what is seen at a point instead of ``outcome``, which then is a name only
    series : names or patterns of the series that ``look`` needs

    Returns
    -------
    DataFrame : one row: outcome, threshold, path, unit, level, low, high, crossings (how often the threshold
        is passed at the first look; more than 1: there are other tipping points, and this is the first), n,
        runs. nan where the threshold is not passed in the range; an end that lies beyond the range is
        infinite. ``attrs["trace"]`` holds every level looked at.

    Raises
    ------
    ScenarioError : the range is none
    """
    paths = (path,) if isinstance(path, str) else tuple(path)
    ends = Amount.read(low), Amount.read(high)
    unit = common_unit(*ends)
    first, last = (end.into(unit) for end in ends)
    if not first < last or (scale == "log" and first <= 0.0):
        raise ScenarioError(f"from {low} to {high} on a {scale} scale is no range")
    forth, back = (np.log, np.exp) if scale == "log" else (np.asarray, np.asarray)

    with evaluating(scenario, replications, seed, by, simulate=simulate, series=series) as evaluation:
        curve = Curve(evaluation, paths, unit, outcome, lambda x: float(back(x)), level, look)
        grid = np.linspace(float(forth(first)), float(forth(last)), LOOKS)
        curve.look(grid)
        roots, crossings = [], 0
        for end in ("mean", "low", "high"):
            signs = [curve.above(x, end, threshold) for x in grid]
            turns = [n for n in range(LOOKS - 1) if signs[n] != signs[n + 1]]
            if end == "mean":
                crossings = len(turns)
            roots.append(curve.root(grid, turns, end, threshold, tolerance))
        centre, one, other = (float(back(root)) for root in roots)
        rising = not curve.above(float(grid[0]), "mean", threshold)
        least, most = (other, one) if rising else (one, other)
        import pandas as pd

        row = {
            "outcome": outcome,
            "threshold": threshold,
            "path": ", ".join(paths),
            "unit": unit,
            "level": centre,
            "low": -math.inf if crossings and math.isnan(least) else least,
            "high": math.inf if crossings and math.isnan(most) else most,
            "rising": rising,
            "crossings": crossings,
            "n": replications,
            "runs": evaluation.n_runs,
        }
        table = pd.DataFrame([row])
        units = {"level": unit, outcome: evaluation.units.get(outcome, "")}
        table.attrs.update({"units": units, "outcome": outcome, "trace": curve.trace()})
    return table


class Curve:
    """The mean of an outcome with its interval, as a function of the level."""

    def __init__(
        self,
        evaluation: Evaluation,
        paths: tuple[str, ...],
        unit: str,
        outcome: str,
        back: Callable[[float], float],
        level: float,
        seeing: Looking | None = None,
    ) -> None:
        self.seeing = seeing
        self.evaluation = evaluation
        self.paths = paths
        self.unit = unit
        self.outcome = outcome
        self.back = back
        self.level = level
        self.seen: dict[float, Interval] = {}

    def look(self, places: Sequence[float] | Any) -> None:
        """Run the scenario at several levels."""
        points = [dict.fromkeys(self.paths, written(self.back(float(x)), self.unit)) for x in places]
        for x, point, values in zip(places, points, self.evaluation(points), strict=True):
            if self.seeing is not None:
                observed = self.seeing(self.evaluation, point)
            else:
                observed = self.evaluation.outcome(values, self.outcome)
            self.seen[float(x)] = t_interval(observed, self.level)

    def above(self, x: float, end: str, threshold: float) -> bool:
        """Whether the mean, or an end of its interval, lies above the threshold."""
        x = float(x)
        if x not in self.seen:
            self.look([x])
        interval = self.seen[x]
        value = float(getattr(interval, end))
        return (interval.mean if math.isnan(value) else value) > threshold

    def root(self, grid: Any, turns: list[int], end: str, threshold: float, tolerance: float) -> float:
        """Halve the first stretch in which the threshold is passed; nan where there is none."""
        if not turns:
            return math.nan
        left, right = float(grid[turns[0]]), float(grid[turns[0] + 1])
        start = self.above(left, end, threshold)
        while right - left > tolerance * float(grid[-1] - grid[0]):
            middle = (left + right) / 2
            if self.above(middle, end, threshold) == start:
                left = middle
            else:
                right = middle
        return (left + right) / 2

    def trace(self) -> list[dict[str, float]]:
        """Every level looked at, in order, with its interval."""
        return [{"level": self.back(x), **self.seen[x]._asdict()} for x in sorted(self.seen)]
