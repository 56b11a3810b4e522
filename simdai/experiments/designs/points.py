"""A design: at which points of the factors' space a study looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from simdai.errors import Problem
from simdai.experiments.designs.factors import Factor
from simdai.registry import Configured

__all__ = ["MOST_POINTS", "Design", "Factors", "Points", "quantiles"]

MOST_POINTS = 10_000_000

Points = NDArray[np.float64]


class Factors(Mapping[str, Factor]):
    """The factors of a study by name: uncertainties first, then levers, each in alphabetical order.

    Parameters
    ----------
    uncertainties : what nobody in the study chooses
    levers : what somebody may choose
    """

    def __init__(
        self, uncertainties: Mapping[str, Factor] | None = None, levers: Mapping[str, Factor] | None = None
    ) -> None:
        self._sides = dict(sorted((uncertainties or {}).items())), dict(sorted((levers or {}).items()))
        self._all = {**self._sides[0], **self._sides[1]}

    @property
    def uncertainties(self) -> Factors:
        """The uncertainties alone."""
        return Factors(self._sides[0])

    @property
    def levers(self) -> Factors:
        """The levers alone."""
        return Factors(None, self._sides[1])

    def __getitem__(self, name: str) -> Factor:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


class Design(Configured, family="design"):
    """A rule that lays out the points of a study.

    A design is a function of itself, the factors and the seed alone, so a study that goes on after an
    interrupt finds the same points.
    """

    analysis: ClassVar[str] = "points"
    """What the points are laid out for: the analysis that a report of the study begins with."""

    def count(self, factors: Factors) -> int:
        """How many points there will be."""
        raise NotImplementedError

    def lay_out(self, factors: Factors, seed: int) -> Points:
        """Lay out the points.

        Parameters
        ----------
        factors : by name; their order is that of the columns
        seed : int >= 0, of designs that draw

        Returns
        -------
        (n points, n factors) float, levels
        """
        raise NotImplementedError

    def faults(self, factors: Factors) -> Iterator[Problem]:
        """Yield what does not fit between the design and the factors; paths relative to the design."""
        yield from ()


def quantiles(factors: Factors, shares: Points) -> Points:
    """Bring shares of probability, one column a factor, to levels."""
    columns = [factor.quantile(shares[:, n]) for n, factor in enumerate(factors.values())]
    return np.column_stack(columns) if columns else np.empty((len(shares), 0))
