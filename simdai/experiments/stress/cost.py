"""What a break costs: USD that somebody spends, or how hard the stresses are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError, unknown
from simdai.experiments.designs.points import Factors
from simdai.experiments.evaluation import Evaluation

__all__ = ["Cost", "Severity", "summed"]

Levels = NDArray[np.float64]


@dataclass(frozen=True)
class Severity:
    """How hard stresses are: the mean place of their factors between the mildest level and the hardest.

    Parameters
    ----------
    mild : factor to its mildest share of the range, 0 or 1; factors not named do not count
    """

    mild: Mapping[str, float]

    def of(self, shares: Mapping[str, float], options: Mapping[str, int | None]) -> float:
        """0 where all are mildest, 1 where all are hardest.

        Parameters
        ----------
        shares : factor to its place in [0, 1], or to the index of its option
        options : factor to the number of its options; None for numbers
        """
        places = []
        for name, mildest in self.mild.items():
            count = options[name]
            place = shares[name] if count is None else shares[name] / max(count - 1, 1)
            places.append(abs(place - mildest))
        return sum(places) / len(places) if places else 0.0

    def __str__(self) -> str:
        return "severity"


@dataclass(frozen=True)
class Cost:
    """What a point costs.

    Parameters
    ----------
    by : an outcome, outcomes joined by `` + ``, a factor, or a `Severity`
    factors : of the search
    """

    by: str | Severity
    factors: Factors

    def unit(self, evaluation: Evaluation) -> str:
        """Unit of the cost."""
        if isinstance(self.by, Severity):
            return "1"
        if self.by in self.factors:
            return self.factors[self.by].unit
        return evaluation.units.get(self.by.split(" + ")[0], "")

    def of(
        self, evaluation: Evaluation, shares: Levels, levels: Levels, values: Mapping[str, Levels]
    ) -> float:
        """The cost of a point; nan where no run tells it.

        Raises
        ------
        ResultsError : the runs have no such outcome
        """
        if isinstance(self.by, Severity):
            options = {name: factor.options for name, factor in self.factors.items()}
            return self.by.of(dict(zip(self.factors, shares.tolist(), strict=True)), options)
        if self.by in self.factors:
            return float(levels[list(self.factors).index(self.by)])
        observed = summed(evaluation, values, self.by, "cost")
        seen = observed[np.isfinite(observed)]
        return float(np.mean(seen)) if len(seen) else math.nan


def summed(evaluation: Evaluation, values: Mapping[str, Levels], name: str, what: str = "outcome") -> Levels:
    """(replications,) an outcome, or the sum of several joined by `` + ``.

    Raises
    ------
    ResultsError : the runs have no such outcome
    """
    parts = name.split(" + ")
    for part in parts:
        if evaluation.units and part not in evaluation.units:
            raise ResultsError(unknown(what, part, evaluation.units))
    total: Levels = np.sum([evaluation.outcome(values, part) for part in parts], axis=0)
    return total
