"""Numbers with a unit, as the bounds of a factor are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simdai.errors import refused, shown
from simdai.units import Measured, MeasuredCount, UnitError, parse_quantity, parse_unit

__all__ = ["Amount", "BaseNumber", "common_unit", "unmeasured", "written"]

ALLOWED = "a number, or text with a unit such as '2e6 USD'"


@dataclass(frozen=True)
class Amount:
    """A number and the unit that it was written in.

    Parameters
    ----------
    number : float, finite
    unit : as written; empty for a plain number, which takes the unit of its neighbours, or of the value that
        it is put at
    """

    number: float
    unit: str = ""

    @classmethod
    def read(cls, value: Any) -> Amount:
        """Read what a file or Python gives; raises the positioned report's error for anything else."""
        if isinstance(value, Amount):
            return value
        if isinstance(value, Measured | MeasuredCount):
            unit = value.unit
            return cls(float(value), unit.text if unit is not None and unit.dimension else "")
        if isinstance(value, str):
            try:
                number, unit = parse_quantity(value)
            except UnitError as error:
                raise refused(str(error), ALLOWED) from None
            if unit.text == "1":
                raise refused(f"text {shown(value)}", ALLOWED)
            return cls(number, unit.text)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refused("nothing" if value is None else shown(value), ALLOWED)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise refused(shown(value), "a finite number")
        return cls(number)

    def into(self, unit: str) -> float:
        """The number in another unit of the same dimension; `UnitError` otherwise."""
        if self.unit in ("", unit):
            return self.number
        return parse_unit(self.unit).convert(self.number, parse_unit(unit or "1"))

    def plain(self) -> float | str:
        """As a file writes it."""
        return written(self.number, self.unit)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.plain_serializer_function_ser_schema(cls.plain)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = {"type": "string", "pattern": r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*[A-Za-z%].*$"}
        return {"anyOf": [{"type": "number"}, text], "description": ALLOWED}


@dataclass(frozen=True)
class BaseNumber:
    """A number of the base scenario that a factor multiplies.

    Parameters
    ----------
    amount : as the scenario's file says it
    whole : whether it counts something, so that it stays whole
    """

    amount: Amount
    whole: bool = False

    def times(self, factor: float) -> float | str:
        """The number multiplied, as a file writes it."""
        product = self.amount.number * factor
        return written(float(round(product)) if self.whole else product, self.amount.unit)


def common_unit(*amounts: Amount) -> str:
    """The unit of the first amount that has one.

    Raises
    ------
    ValueError : the amounts cannot be brought to one unit
    """
    unit = next((amount.unit for amount in amounts if amount.unit), "")
    for amount in amounts:
        try:
            amount.into(unit)
        except UnitError:
            said = " and ".join(str(one.plain()) for one in amounts)
            raise ValueError(f"{said} cannot be brought to one unit") from None
    return unit


def written(number: float, unit: str) -> float | str:
    """A number as a scenario file writes it: text that gives back the same number, where there is a unit."""
    return f"{number!r} {unit}" if unit else number


def unmeasured(value: Any) -> Any:
    """A value of a file with the numbers that came from parameters written out with their units."""
    if isinstance(value, Measured | MeasuredCount):
        unit = value.unit.text if value.unit is not None and value.unit.dimension else ""
        return written(int(value) if isinstance(value, int) else float(value), unit)
    if isinstance(value, Mapping):
        return {key: unmeasured(item) for key, item in value.items()}
    return tuple(map(unmeasured, value)) if isinstance(value, list | tuple) else value
