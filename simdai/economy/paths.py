"""Numbers that change over time by a stated path, up as well as down."""

from __future__ import annotations

import bisect
import datetime
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simdai.registry import Configured, FrozenMapping
from simdai.units import Date, Positive, Quantity

__all__ = ["Annual", "Constant", "Path", "PathOf", "Points", "Steps"]

DAYS_PER_YEAR = 365.25

# The unit is that of the field which takes the path (`PathOf`), so that in a file text may stand here too.
Amount = Annotated[
    Positive,
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]


class Path(Configured, family="path"):
    """A positive number as a function of time."""

    def at(self, time: float, start: datetime.date) -> float:
        """The number ``time`` days after ``start``, the first day of the scenario."""
        return self.since(start)(time)

    def since(self, start: datetime.date) -> Callable[[float], float]:
        """The number as a function of the days since ``start``."""
        raise NotImplementedError


class Constant(Path, kind="constant"):
    """Does not change; a bare number in a file means this.

    Parameters
    ----------
    value : the number
    """

    value: Amount

    def since(self, start: datetime.date) -> Callable[[float], float]:
        value = self.value
        return lambda time: value


class Annual(Path, kind="annual"):
    """Grows or shrinks at a steady rate from the start of the scenario.

    Parameters
    ----------
    value : at the start
    annual_factor : value a year later over value now
    """

    value: Amount
    annual_factor: Positive

    def since(self, start: datetime.date) -> Callable[[float], float]:
        value, rate = self.value, math.log(self.annual_factor)
        return lambda time: value * math.exp(rate * time / DAYS_PER_YEAR)


class Points(Path, kind="points"):
    """Goes through dated values: straight in the logarithm between them, constant before.

    Parameters
    ----------
    points : date to value
    annual_factor : value a year later over value, from the last date on; constant without
    """

    points: FrozenMapping[Date, Positive]
    annual_factor: Positive = 1.0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.points:
            raise ValueError("at least one dated point is needed")
        return self

    def since(self, start: datetime.date) -> Callable[[float], float]:
        dates = sorted(self.points)
        days = np.array([date.toordinal() - start.toordinal() for date in dates], dtype=np.float64)
        logs = np.array([math.log(self.points[date]) for date in dates])
        last, rate = float(days[-1]), math.log(self.annual_factor)

        def value(time: float) -> float:
            beyond = max(time - last, 0.0) / DAYS_PER_YEAR
            return math.exp(float(np.interp(time, days, logs)) + beyond * rate)

        return value


class Steps(Points, kind="steps"):
    """Holds each dated value until the next; the first holds before its date too.

    Parameters
    ----------
    points : date to value
    """

    def since(self, start: datetime.date) -> Callable[[float], float]:
        dates = sorted(self.points)
        days = [date.toordinal() - start.toordinal() for date in dates]
        values = [self.points[date] for date in dates]
        return lambda time: values[max(bisect.bisect_right(days, time) - 1, 0)]


@dataclass(frozen=True)
class PathOf:
    """Mark a field that takes a path in a unit: ``price: Annotated[Path, PathOf("USD/h")]``.

    A bare number, or text with a unit, is a path that does not change.
    """

    unit: str

    def _read(self, value: Any) -> Any:
        quantity = Quantity(self.unit, low=0.0)
        if isinstance(value, Path):
            return value
        if not isinstance(value, Mapping):
            return {"kind": "constant", "value": quantity.read(value)}
        plain = dict(value)
        if "value" in plain:
            plain["value"] = quantity.read(plain["value"])
        if isinstance(plain.get("points"), Mapping):
            plain["points"] = {date: quantity.read(point) for date, point in plain["points"].items()}
        return plain

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = {"type": "string", "description": Quantity(self.unit, low=0.0).allowed}
        return {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, text, handler(schema)]}
