"""What nobody knew at the start: numbers of a scenario that every replication draws anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import NormalDist
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from simdai.errors import Problem, ScenarioError, nearest, path_text
from simdai.registry import Configured
from simdai.schema.overlay import location_of
from simdai.schema.scenario import Scenario, walk
from simdai.units import NonNegative, Number

__all__ = ["Factor", "Shift", "Uncertainty", "Uniform", "drawn", "numbers_of"]

FURTHEST = 2.5
"""Standard deviations beyond which a normal draw is cut."""


class Uncertainty(Configured, family="uncertainty"):
    """A number that was uncertain at the start; a replication draws once, for all its paths.

    Parameters
    ----------
    paths : dotted paths of numbers in the scenario, which move together
    """

    neutral: ClassVar[float] = 0.0
    """Number whose `value` says what was drawn."""

    paths: Annotated[tuple[str, ...], Field(min_length=1)]

    def value(self, central: float, drawn: float) -> float:
        """The number of a replication.

        Parameters
        ----------
        central : what the scenario says
        drawn : in [0, 1), the replication's quantile
        """
        raise NotImplementedError

    def check(self, scenario: Any) -> Iterator[Problem]:
        known = numbers_of(scenario)
        for n, path in enumerate(self.paths):
            try:
                name = path_text(location_of(path))
            except ScenarioError as error:
                yield Problem(path=f"paths[{n}]", found=error.problems[0].found, allowed="a dotted path")
                continue
            if name not in known:
                allowed = "the dotted path of a number in this scenario"
                found, near = f"no number at {path}", nearest(name, known)
                yield Problem(path=f"paths[{n}]", found=found, allowed=allowed, suggestion=near)


class Factor(Uncertainty, kind="factor"):
    """Times a lognormal factor with median 1, cut at 2.5 standard deviations.

    Parameters
    ----------
    log_sd : standard deviation of the factor's logarithm
    """

    neutral: ClassVar[float] = 1.0

    log_sd: NonNegative

    def value(self, central: float, drawn: float) -> float:
        return central * math.exp(self.log_sd * normal(drawn))


class Shift(Uncertainty, kind="shift"):
    """Plus a normal deviation, cut at 2.5 standard deviations.

    Parameters
    ----------
    sd : standard deviation, in the unit of the number
    """

    sd: NonNegative

    def value(self, central: float, drawn: float) -> float:
        return central + self.sd * normal(drawn)


class Uniform(Uncertainty, kind="uniform"):
    """Anything between two ends alike.

    Parameters
    ----------
    low, high : in the canonical unit of the number
    """

    low: Number
    high: Number

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low must not exceed high")
        return self

    def value(self, central: float, drawn: float) -> float:
        return self.low + drawn * (self.high - self.low)


def normal(drawn: float) -> float:
    """Standard normal quantile of a uniform number, cut."""
    z = NormalDist().inv_cdf(min(max(drawn, 2.0**-54), 1.0 - 2.0**-53))
    return min(max(z, -FURTHEST), FURTHEST)


def numbers_of(scenario: Scenario) -> Mapping[str, float]:
    """Every number of a scenario that is no count, by dotted path, in its canonical unit."""
    return {path_text(at): value for at, value in walk(scenario) if isinstance(value, float)}


def drawn(scenario: Scenario, uniform: Callable[[str], float]) -> tuple[Scenario, dict[str, float]]:
    """Draw what a scenario calls uncertain.

    Parameters
    ----------
    uniform : gives a replication's number in [0, 1) for the name of an uncertainty

    Returns
    -------
    the scenario of the replication, and what was drawn for each name: a factor, a deviation or a value

    Raises
    ------
    ScenarioError : a number drawn is not one that the scenario may have
    """
    if not scenario.uncertainties:
        return scenario, {}
    known, changes, draws = numbers_of(scenario), dict[str, float](), dict[str, float]()
    for name, law in scenario.uncertainties.items():
        luck = uniform(name)
        draws[name] = law.value(law.neutral, luck)
        for path in law.paths:
            at = path_text(location_of(path))
            changes[at] = law.value(changes.get(at, known[at]), luck)
    return scenario.varied(changes), draws
