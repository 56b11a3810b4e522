"""Designs whose points are laid out by hand or on a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from pydantic_core import PydanticCustomError

from simdai.errors import Problem, listed, nearest
from simdai.experiments.designs.points import Design, Factors, Points
from simdai.registry import FrozenMapping
from simdai.units import PositiveCount, UnitError

__all__ = ["Factorial", "Listed", "OneAtATime", "Zipped"]


class Factorial(Design, kind="factorial"):
    """Every combination of the levels of every factor; the last factor moves fastest.

    A factor with options takes them all, a number as many levels as ``levels`` says, its ends included.
    """

    levels: Annotated[PositiveCount, Field(description="levels of each number")] = 3
    levels_of: Annotated[
        FrozenMapping[str, PositiveCount], Field(description="levels of single numbers, by factor")
    ] = FrozenMapping()

    def grids(self, factors: Factors) -> list[Any]:
        """The levels of each factor."""
        return [factor.grid(self.levels_of.get(name, self.levels)) for name, factor in factors.items()]

    def count(self, factors: Factors) -> int:
        return math.prod(
            factor.options or min(self.levels_of.get(name, self.levels), 10**9)
            for name, factor in factors.items()
        )

    def lay_out(self, factors: Factors, seed: int) -> Points:
        mesh = np.meshgrid(*self.grids(factors), indexing="ij")
        return np.column_stack([axis.ravel() for axis in mesh]) if mesh else np.empty((1, 0))

    def faults(self, factors: Factors) -> Iterator[Problem]:
        yield from unknown_factors(self.levels_of, factors, "levels_of")


class Zipped(Design, kind="zip"):
    """The factors take their options in step: point ``i`` has the ``i``-th option of each."""

    def count(self, factors: Factors) -> int:
        return min((factor.options or 0 for factor in factors.values()), default=0)

    def lay_out(self, factors: Factors, seed: int) -> Points:
        return np.column_stack([np.arange(float(self.count(factors)))] * len(factors))

    def faults(self, factors: Factors) -> Iterator[Problem]:
        sizes = {name: factor.options for name, factor in factors.items()}
        numbers = [name for name, size in sizes.items() if size is None]
        if numbers:
            yield Problem(
                path="kind", found=f"{', '.join(numbers)} without a list of values", allowed="kind: choice"
            )
        elif len(set(sizes.values())) > 1:
            said = ", ".join(f"{size} of {name}" for name, size in sizes.items())
            yield Problem(path="kind", found=f"lists of unequal length: {said}", allowed="as many of each")


class Listed(Design, kind="list"):
    """The points given one by one, each with a value for every factor."""

    points: Annotated[
        tuple[FrozenMapping[str, Any], ...],
        Field(description="for each point, factor to value", min_length=1),
    ]

    def count(self, factors: Factors) -> int:
        return len(self.points)

    def lay_out(self, factors: Factors, seed: int) -> Points:
        rows = [[f.level_of(point[name]) for name, f in factors.items()] for point in self.points]
        return np.array(rows, np.float64).reshape(len(rows), len(factors))

    def faults(self, factors: Factors) -> Iterator[Problem]:
        for n, point in enumerate(self.points):
            yield from unknown_factors(point, factors, f"points[{n}]")
            for name, factor in factors.items():
                if name not in point:
                    yield Problem(
                        path=f"points[{n}]", found=f"no {name!r}", allowed="a value for every factor"
                    )
                    continue
                try:
                    factor.level_of(point[name])
                except (PydanticCustomError, UnitError) as error:
                    yield Problem(path=f"points[{n}].{name}", found=str(error))


class OneAtATime(Design, kind="one_at_a_time"):
    """The middle of all factors, then each factor at its low and high end alone (or at every option).

    The layout of a tornado diagram. A factor with options has its first one as the middle.
    """

    analysis: ClassVar[str] = "tornado"

    def count(self, factors: Factors) -> int:
        return 1 + sum(2 if factor.options is None else factor.options - 1 for factor in factors.values())

    def lay_out(self, factors: Factors, seed: int) -> Points:
        middle = [f.quantile(0.5) if f.options is None else 0.0 for f in factors.values()]
        rows = [np.array(middle, np.float64)]
        for n, factor in enumerate(factors.values()):
            levels = factor.quantile([0.0, 1.0]) if factor.options is None else factor.grid(0)[1:]
            for level in levels:
                row = rows[0].copy()
                row[n] = level
                rows.append(row)
        return np.array(rows)


def unknown_factors(named: Any, factors: Factors, path: str) -> Iterator[Problem]:
    """Yield the names that no factor bears."""
    for name in named:
        if name not in factors:
            yield Problem(
                path=f"{path}.{name}",
                found=f"no factor {name!r}",
                allowed=listed(factors),
                suggestion=nearest(name, factors),
            )
