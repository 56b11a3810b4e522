"""What nobody knew at the start: numbers of a scenario that every replication draws anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from simdai.errors import Problem, ScenarioError, nearest, path_text
from simdai.registry import Configured
from simdai.schema.overlay import location_of
from simdai.units import NonNegative

if TYPE_CHECKING:
    from simdai.schema.scenario import Scenario

__all__ = ["Uncertainty", "drawn", "numbers_of"]

FURTHEST = 2.5
"""Standard deviations at which a draw is cut."""


class Uncertainty(Configured):
    """Numbers known to a lognormal factor with median 1, cut at 2.5 standard deviations.

    A replication draws the factor once, for all the numbers.

    Parameters
    ----------
    paths : dotted paths of numbers in the scenario, which move together
    log_sd : standard deviation of the factor's logarithm
    """

    paths: Annotated[tuple[str, ...], Field(min_length=1)]
    log_sd: NonNegative

    def factor(self, drawn: float) -> float:
        """The factor of a replication whose uniform number, in [0, 1), is ``drawn``."""
        z = NormalDist().inv_cdf(min(max(drawn, 2.0**-54), 1.0 - 2.0**-53))
        return math.exp(self.log_sd * min(max(z, -FURTHEST), FURTHEST))

    def check(self, scenario: Any) -> Iterator[Problem]:
        from simdai.schema.scenario import LeftOut, walk

        known = numbers_of(scenario)
        for n, path in enumerate(self.paths):
            try:
                name = path_text(location_of(path))
            except ScenarioError as error:
                yield Problem(path=f"paths[{n}]", found=error.problems[0].found, allowed="a dotted path")
                continue
            if name in known:
                continue
            faulty = [path_text(at) for at, value in walk(scenario) if isinstance(value, LeftOut)]
            if not name.startswith(tuple(f"{part}." for part in faulty)):
                allowed = "the dotted path of a number in this scenario"
                found, near = f"no number at {path}", nearest(name, known)
                yield Problem(path=f"paths[{n}]", found=found, allowed=allowed, suggestion=near)


def numbers_of(scenario: Scenario) -> Mapping[str, float]:
    """Every number of a scenario that is no count, by dotted path, in its canonical unit."""
    from simdai.schema.scenario import walk

    return {path_text(at): value for at, value in walk(scenario) if isinstance(value, float)}


def drawn(scenario: Scenario, uniform: Callable[[str], float]) -> tuple[Scenario, dict[str, float]]:
    """Draw what a scenario calls uncertain.

    Parameters
    ----------
    uniform : gives a replication's number in [0, 1) for the name of an uncertainty

    Returns
    -------
    the scenario of the replication, and the factor drawn for each name

    Raises
    ------
    ScenarioError : a number drawn is not one that the scenario may have
    """
    if not scenario.uncertainties:
        return scenario, {}
    known, changes, factors = numbers_of(scenario), dict[str, float](), dict[str, float]()
    for name, law in scenario.uncertainties.items():
        factors[name] = law.factor(uniform(name))
        for path in law.paths:
            at = path_text(location_of(path))
            changes[at] = changes.get(at, known[at]) * factors[name]
    return scenario.varied(changes), factors
