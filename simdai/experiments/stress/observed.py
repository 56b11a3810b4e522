"""What a property says at a point of a search: an outcome, or a measure against the unstressed run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.experiments.evaluation import Evaluation
from simdai.experiments.store import Finished
from simdai.experiments.stress.cost import summed
from simdai.experiments.stress.measures import MEASURES, Pair
from simdai.experiments.stress.property import Property

__all__ = ["Calm", "observed"]

SHOCK = re.compile(r"shocks\[(\d+)\]\.")


@dataclass(frozen=True)
class Calm:
    """The unstressed run of every point of a search.

    Parameters
    ----------
    base : the scenario with the stresses in it
    network : whose measures are taken
    first : shocks of ``base`` that are no stress; they come first
    """

    base: Any
    network: str
    first: int

    def changes(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """What the point changes, the stresses taken out."""
        kept = {path: value for path, value in point.items() if not self._stressed(path)}
        return {**kept, "shocks": [shock.model_dump() for shock in self.base.shocks[: self.first]]}

    def _stressed(self, path: str) -> bool:
        match = SHOCK.match(path)
        return match is not None and int(match[1]) >= self.first

    def struck(self, point: Mapping[str, Any]) -> float:
        """Day of the earliest stress."""
        scenario = self.base.varied(point)
        return float(min((shock.at - scenario.start).days for shock in scenario.shocks[self.first :]))

    def measured(self, name: str, struck: float, stressed: Finished, calm: Finished) -> float:
        """A measure of one run; nan where either failed."""
        if stressed.series is None or calm.series is None:
            return math.nan
        pair = Pair(
            self.network,
            struck,
            stressed.record.outcomes,
            calm.record.outcomes,
            stressed.series,
            calm.series,
        )
        return MEASURES[name].of(pair)


def observed(
    evaluation: Evaluation, prop: Property, calm: Calm | None, point: Mapping[str, Any], **luck: int
) -> NDArray[np.float64]:
    """(replications,) what the property looks at, in the runs of a point.

    Parameters
    ----------
    calm : needed where the property is one of a measure
    luck : of the runs, as for `Evaluation`
    """
    if calm is None or prop.outcome not in MEASURES:
        (values,) = evaluation([point], **luck)
        return summed(evaluation, values, prop.outcome)
    runs, unstressed = evaluation.runs([point, calm.changes(point)], **luck)
    struck, pairs = calm.struck(point), zip(runs, unstressed, strict=True)
    return np.array([calm.measured(prop.outcome, struck, a, b) for a, b in pairs])
