"""What a design is meant to hold."""

from __future__ import annotations

import math
import re
from typing import Annotated, Self

from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from simdai.errors import Problem, ScenarioError, shown
from simdai.experiments.statistics import Interval, t_interval
from simdai.registry import Configured
from simdai.units import Number

__all__ = ["Property"]

STATED = re.compile(r"\s*(\S.*?)\s*(>=|<=)\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*")
CLEAR = 0.9  # level of the two-sided interval whose one end decides: 5 % to be wrong on that side


class Property(Configured):
    """An outcome that must not fall below, or rise above, a threshold.

    It is broken where that is clear: where the 90 % interval of the mean lies beyond the threshold as a
    whole.
    """

    outcome: Annotated[str, Field(description="name of the outcome")]
    at_least: Annotated[Number | None, Field(description="broken below this, in the outcome's unit")] = None
    at_most: Annotated[Number | None, Field(description="broken above this, in the outcome's unit")] = None

    @model_validator(mode="after")
    def _has_one_threshold(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("one threshold is needed: at_least or at_most")
        return self

    @classmethod
    def read(cls, text: str) -> Property:
        """Read ``OUTCOME >= NUMBER`` or ``OUTCOME <= NUMBER``.

        Raises
        ------
        ScenarioError : the text says something else
        """
        match = STATED.fullmatch(text)
        if match is None:
            raise ScenarioError(
                Problem(found=f"property {shown(text)}", allowed="OUTCOME >= NUMBER or OUTCOME <= NUMBER")
            )
        name, sign, number = match.groups()
        return cls(outcome=name, **{"at_least" if sign == ">=" else "at_most": float(number)})

    @property
    def threshold(self) -> float:
        """The value that decides."""
        value = self.at_least if self.at_least is not None else self.at_most
        assert value is not None
        return value

    def interval(self, values: ArrayLike) -> Interval:
        """The mean over replications with the interval that decides."""
        return t_interval(values, CLEAR)

    def margin(self, values: ArrayLike) -> float:
        """How far the mean is from being clearly broken, in the outcome's unit: below zero where it is.

        nan where no run has the outcome.
        """
        interval = self.interval(values)
        if self.at_least is not None:
            end = interval.mean if math.isnan(interval.high) else interval.high
            return end - self.at_least
        end = interval.mean if math.isnan(interval.low) else interval.low
        return self.threshold - end

    def broken(self, values: ArrayLike) -> bool:
        """Whether the property is clearly broken."""
        return self.margin(values) < 0.0

    def __str__(self) -> str:
        sign = ">=" if self.at_least is not None else "<="
        return f"{self.outcome} {sign} {self.threshold:g}"
