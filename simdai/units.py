"""Units of measure, and the annotated types with which a field declares its own.

Inside simdai every number is in its canonical unit: days, USD, USD per GPU-hour, GiB, W, USD per kWh,
tokens, shares in [0, 1]. A field also accepts text with a unit (``90 d``, ``0.34 USD/h``, ``80 GiB``) and
converts it. A GPU, a job, a block or a person counts as the number one: ``USD/GPU-hour`` and ``USD/h`` are
the same unit.
"""

from __future__ import annotations

import datetime
import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Self

from annotated_types import Ge, Gt
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simdai.errors import SimdaiError, nearest, refused, shown

__all__ = [
    "Count",
    "Date",
    "Days",
    "Flop",
    "GiB",
    "Hours",
    "Measured",
    "MeasuredCount",
    "Name",
    "NonNegative",
    "Number",
    "PerDay",
    "PerYear",
    "Positive",
    "PositiveCount",
    "PositiveDays",
    "Quantity",
    "Share",
    "Tokens",
    "TokensPerDay",
    "Unit",
    "UnitError",
    "Usd",
    "UsdPerDay",
    "UsdPerGpuHour",
    "UsdPerKwh",
    "UsdPerToken",
    "Watts",
    "measured",
    "parse_quantity",
    "parse_unit",
]

DAYS_PER_YEAR = 365.25  # Julian year; a month is a twelfth of it
LARGEST_COUNT = 2**53  # the largest count that a float64 holds exactly

_TIME, _MONEY, _MEMORY, _POWER, _TOKEN, _FLOP, _LENGTH = "time", "USD", "data", "power", "token", "FLOP", "km"


class UnitError(SimdaiError, ValueError):
    """Text that is not a quantity, or a unit that is not known."""


@dataclass(frozen=True)
class Unit:
    """A unit of measure.

    Parameters
    ----------
    text : the unit as written
    factor : float, its size in base units (day, USD, GiB, W, token, FLOP)
    dimension : sorted pairs of base dimension and exponent, without zeros
    """

    text: str
    factor: float = 1.0
    dimension: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return self.text

    def same_dimension(self, other: Unit) -> bool:
        """Tell whether a quantity in this unit can be converted to the other."""
        return self.dimension == other.dimension

    def convert(self, value: float, to: Unit) -> float:
        """Return ``value`` of this unit as a number of the unit ``to``; `UnitError` for another dimension."""
        if not self.same_dimension(to):
            raise UnitError(f"{self.text!r} is {self.meaning}, {to.text!r} is {to.meaning}")
        if self.factor == to.factor:
            return value
        if self.factor > to.factor:
            return value * (self.factor / to.factor)
        return value / (to.factor / self.factor)  # 90 min is exactly 1.5 h; a product of reciprocals is not

    @property
    def meaning(self) -> str:
        """What the unit measures, in words."""
        return _MEANINGS.get(self.dimension) or f"a quantity in {self.text!r}"


class Measured(float):
    """A number that still knows its unit, on its way from a parameter file to the field that checks it."""

    unit: Unit | None

    def __new__(cls, value: float, unit: Unit | None = None) -> Self:
        self = super().__new__(cls, value)
        self.unit = unit
        return self

    def __repr__(self) -> str:
        return _with_unit(float(self), self.unit)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (float(self), self.unit)


class MeasuredCount(int):
    """A whole number that still knows its unit; see `Measured`."""

    unit: Unit | None

    def __new__(cls, value: int, unit: Unit | None = None) -> Self:
        self = super().__new__(cls, value)
        self.unit = unit
        return self

    def __repr__(self) -> str:
        return _with_unit(int(self), self.unit)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (int(self), self.unit)


def _with_unit(number: float, unit: Unit | None) -> str:
    return f"{number} {unit}" if unit is not None and unit.dimension else f"{number}"


def measured(value: Any, unit: Unit | None) -> Any:
    """Return a number that knows its unit; text, dates and truth values as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return MeasuredCount(value, unit) if isinstance(value, int) else Measured(value, unit)


def _symbols() -> dict[str, tuple[float, tuple[tuple[str, int], ...]]]:
    table: dict[str, tuple[float, tuple[tuple[str, int], ...]]] = {}

    def add(names: str, factor: float, **dimension: int) -> None:
        for name in names.split():
            table[name] = (factor, tuple(sorted(dimension.items())))

    one: dict[str, int] = {}
    add("1 share ratio fraction multiple x", 1.0, **one)
    add("% percent", 0.01, **one)
    add("bps", 1e-4, **one)
    add("GPU GPUs gpu gpus device devices job jobs block blocks person people node nodes", 1.0, **one)
    add("request requests provider providers query queries epoch epochs count round rounds", 1.0, **one)
    add("subnet subnets uid uids validator validators key keys weight weights asset assets", 1.0, **one)
    add("address addresses bid bids employee employees researcher researchers order orders", 1.0, **one)
    add("accelerator accelerators processor processors parameter parameters step steps H100e", 1.0, **one)
    add("point points ECI Elo nat nats util utils OOM OB percentile difficulty hash hashes", 1.0, **one)
    add("x/yr x/y x/year", 1.0, **one)  # a growth factor a year: compound, so no rate
    add("ppm", 1e-6, **one)
    for prefix, size in (("T", 1e-3), ("P", 1.0), ("E", 1e3)):
        add(f"{prefix}Hps", size, PHps=1)  # 10^12, 10^15, 10^18 hashes a second; W/THps are joules a terahash
    add("d day days", 1.0, **{_TIME: 1})
    add("h hr hour hours", 1 / 24, **{_TIME: 1})
    add("min minute minutes", 1 / 1440, **{_TIME: 1})
    add("s sec second seconds", 1 / 86400, **{_TIME: 1})
    add("ms", 1 / 86_400_000, **{_TIME: 1})
    add("w week weeks", 7.0, **{_TIME: 1})
    add("mo month months", DAYS_PER_YEAR / 12, **{_TIME: 1})
    add("y yr year years", DAYS_PER_YEAR, **{_TIME: 1})
    add("USD", 1.0, **{_MONEY: 1})
    add("cent cents", 0.01, **{_MONEY: 1})
    for n, prefix in enumerate(("", "K", "M", "G", "T", "P")):
        add(f"{prefix}iB" if prefix else "B byte bytes", 1024.0 ** (n - 3), **{_MEMORY: 1})
    for n, prefix in enumerate(("k", "M", "G", "T", "P"), start=1):
        add(f"{prefix}B", 1000.0**n / 1024.0**3, **{_MEMORY: 1})
        add(f"{prefix}bit", 1000.0**n / 8 / 1024.0**3, **{_MEMORY: 1})
    add("bit bits", 1 / 8 / 1024.0**3, **{_MEMORY: 1})
    for n, prefix in enumerate(("", "k", "M", "G", "T", "P", "E")):
        add(f"{prefix}W", 1000.0**n, **{_POWER: 1})
        add(f"{prefix}Wh", 1000.0**n / 24, **{_POWER: 1, _TIME: 1})
        add(f"{prefix}FLOP", 1000.0**n, **{_FLOP: 1})
        add(f"{prefix}FLOPS {prefix}FLOP/s", 1000.0**n * 86400, **{_FLOP: 1, _TIME: -1})
    add("token tokens", 1.0, **{_TOKEN: 1})
    add("km", 1.0, **{_LENGTH: 1})
    add("AKT ACT BTC TAO alpha RENDER RNDR IO GRT OCEAN mOCEAN datatoken", 1.0, **{_TOKEN: 1})
    add("AGI AGIX FET HNT FIL LPT NOS", 1.0, **{_TOKEN: 1})
    add("sat", 1e-8, **{_TOKEN: 1})
    add("rao", 1e-9, **{_TOKEN: 1})
    add("uAKT uACT", 1e-6, **{_TOKEN: 1})
    return table


_SYMBOLS = _symbols()
_TERM = re.compile(r"\s*(?P<symbol>[A-Za-z][A-Za-z0-9]*|%|1)(?:\^(?P<power>[1-9]))?\s*")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?"
_QUANTITY = re.compile(rf"\s*(?P<number>{_NUMBER})\s*(?P<unit>.*?)\s*", re.ASCII)


@functools.lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit:
    """Read a unit: symbols joined by ``/``, ``*``, ``·`` or ``-``, powers as ``^2``; else `UnitError`.

    >>> parse_unit("USD/GPU-hour").same_dimension(parse_unit("USD/h"))
    True

    In ``a/b-c`` the hyphen binds closer than the stroke: ``USD/GPU-hour`` divides by both; so does ``a/b/c``.
    """
    if len(text) > 60:
        raise UnitError(f"{shown(text)} is too long for a unit")
    if text.strip() in _SYMBOLS:
        return Unit(text.strip(), *_SYMBOLS[text.strip()])
    factor, exponents = 1.0, dict[str, int]()
    for n, group in enumerate(text.strip().replace(" per ", "/").split("/")):
        for term in re.split(r"[*·-]", group):
            match = _TERM.fullmatch(term)
            if match is None or match["symbol"] not in _SYMBOLS:
                near = nearest(term.strip(), _SYMBOLS)
                hint = f". Did you mean {near!r}?" if near else ""
                raise UnitError(f"unknown unit {shown(term.strip())} in {shown(text)}{hint}")
            size, dimension = _SYMBOLS[match["symbol"]]
            power = int(match["power"] or 1) * (-1 if n else 1)
            factor *= size**power
            for name, exponent in dimension:
                exponents[name] = exponents.get(name, 0) + exponent * power
    return Unit(text.strip(), factor, tuple(sorted((k, v) for k, v in exponents.items() if v)))


def parse_quantity(text: str) -> tuple[float, Unit]:
    """Split text such as ``0.34 USD/h`` into a number and its unit (not converted).

    Raises
    ------
    UnitError : not a number followed by a known unit, or a number too large for float64
    """
    match = _QUANTITY.fullmatch(text) if len(text) <= 400 else None
    if match is None:
        raise UnitError(f"text {shown(text)} is not a number with a unit")
    value = float(match["number"])
    if not math.isfinite(value):
        raise UnitError(f"{shown(text)} is too large")
    return value, parse_unit(match["unit"] or "1")


@dataclass(frozen=True)
class Quantity:
    """Mark a float field with its canonical unit: ``Annotated[float, Quantity("USD/d", low=0.0)]``.

    Parameters
    ----------
    unit : the canonical unit; numbers are taken in it, text and parameters are converted to it
    low, high : bounds, inclusive; ``None`` for none
    """

    unit: str = "1"
    low: float | None = None
    high: float | None = None

    def read(self, value: Any) -> Any:
        """Return the number in the canonical unit; raises the positioned report's error otherwise."""
        canonical = parse_unit(self.unit)
        number: float
        if isinstance(value, Measured | MeasuredCount):
            number = float(value)
            if value.unit is not None:
                if not value.unit.same_dimension(canonical):
                    raise refused(f"{value!r} ({value.unit.meaning})", self.allowed)
                number = value.unit.convert(number, canonical)
        elif isinstance(value, str):
            number = self._from_text(value, canonical)
        elif isinstance(value, bool):
            raise refused(f"the boolean {str(value).lower()}", self.allowed)
        elif isinstance(value, int | float):
            try:
                number = float(value)
            except OverflowError:
                raise refused("a number too large for a float", self.allowed) from None
        else:
            raise refused("nothing" if value is None else shown(value), self.allowed)
        if not math.isfinite(number):
            raise refused(f"{number}", self.allowed)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise refused(
                shown(value if not isinstance(value, str) else f"{number:g} {self.unit}"), self.allowed
            )
        return number

    def _from_text(self, text: str, canonical: Unit) -> float:
        try:
            number, unit = parse_quantity(text)
        except UnitError as error:
            raise refused(str(error), self.allowed) from None
        if unit.text == "1":
            raise refused(f"text {shown(text)}", self.allowed)
        if not unit.same_dimension(canonical):
            raise refused(f"{shown(text)} is {unit.meaning}", self.allowed)
        return unit.convert(number, canonical)

    @property
    def allowed(self) -> str:
        """What the field takes, in words, with its range and an example."""
        unit = parse_unit(self.unit)
        bounds = ""
        if self.low is not None and self.high is not None:
            bounds = f" in [{self.low:g}, {self.high:g}]"
        elif self.low is not None:
            bounds = f" >= {self.low:g}"
        elif self.high is not None:
            bounds = f" <= {self.high:g}"
        if not unit.dimension:
            return f"a number{bounds}"
        example = f"{_EXAMPLES.get(self.unit, '2')} {self.unit}"
        return f"{unit.meaning}: a number{bounds} in {self.unit}, or text such as {example!r}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            self.read, core_schema.float_schema(strict=True, allow_inf_nan=False, ge=self.low, le=self.high)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        number = handler(schema)
        if not parse_unit(self.unit).dimension and self.unit == "1" and self.high != 1.0:
            return number
        text = {"type": "string", "pattern": r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?(\s*[A-Za-z%]|\s+1/).*$"}
        return {"anyOf": [number, text], "description": self.allowed}


_MEANINGS = {
    (): "a plain number",
    ((_TIME, 1),): "a time",
    ((_TIME, -1),): "a rate per time",
    ((_MONEY, 1),): "an amount of money",
    ((_MONEY, 1), (_TIME, -1)): "money per time",
    ((_MONEY, 1), (_POWER, -1), (_TIME, -1)): "a price of energy",
    ((_MONEY, 1), (_TOKEN, -1)): "a price per token",
    ((_MEMORY, 1),): "an amount of memory or data",
    ((_TIME, -1), (_MEMORY, 1)): "a bandwidth",
    ((_MEMORY, 1), (_TIME, -1)): "a bandwidth",
    ((_POWER, 1),): "a power",
    ((_POWER, 1), (_TIME, 1)): "an energy",
    ((_TOKEN, 1),): "a number of tokens",
    ((_TIME, -1), (_TOKEN, 1)): "tokens per time",
    ((_FLOP, 1),): "an amount of computation",
    ((_FLOP, 1), (_TIME, -1)): "a speed of computation",
}
_EXAMPLES = {
    "d": "90",
    "1/d": "0.1",
    "h": "12",
    "USD": "2e6",
    "USD/h": "2.95",
    "USD/kWh": "0.08",
    "W": "700",
    "GiB": "80",
}


@dataclass(frozen=True)
class _Reader:
    """A field read by one function, with its own JSON Schema."""

    read: Callable[[Any], Any]
    schema: tuple[tuple[str, Any], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(self.schema)


def _read_count(value: Any) -> int:
    allowed = "a whole number >= 0"
    if isinstance(value, bool):
        raise refused(f"the boolean {str(value).lower()}", allowed)
    if not isinstance(value, int | float):
        raise refused(f"text {shown(value)}" if isinstance(value, str) else shown(value), allowed)
    if isinstance(value, Measured | MeasuredCount) and value.unit is not None and value.unit.dimension:
        raise refused(f"{value!r} ({value.unit.meaning})", allowed)
    if isinstance(value, float) and not value.is_integer():
        raise refused(shown(value), allowed)
    if value < 0 or value > LARGEST_COUNT:
        raise refused(shown(value), allowed if value < 0 else f"{allowed} and <= 2^53")
    return int(value)


def _read_date(value: Any) -> datetime.date:
    allowed = "a date such as 2026-01-01"
    if isinstance(value, datetime.datetime) or not isinstance(value, str | datetime.date):
        raise refused(shown(value), allowed)
    if isinstance(value, datetime.date):
        return value
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            raise refused(f"{shown(value)} is not in the calendar", allowed) from None
    raise refused(f"text {shown(value)}", allowed)


def _read_name(value: Any) -> str:
    allowed = "a name of lower-case letters, digits and underscores that begins with a letter"
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", value, re.ASCII):
        raise refused(f"the name {shown(value)}", allowed)
    return value


Number = Annotated[float, Quantity("1")]
NonNegative = Annotated[float, Quantity("1", low=0.0)]
Positive = Annotated[float, Quantity("1", low=0.0), Gt(0.0)]
Share = Annotated[float, Quantity("1", low=0.0, high=1.0)]
Days = Annotated[float, Quantity("d", low=0.0)]
PositiveDays = Annotated[float, Quantity("d", low=0.0), Gt(0.0)]
Hours = Annotated[float, Quantity("h", low=0.0)]
PerDay = Annotated[float, Quantity("1/d", low=0.0)]
PerYear = Annotated[float, Quantity("1/y")]
Usd = Annotated[float, Quantity("USD", low=0.0)]
UsdPerDay = Annotated[float, Quantity("USD/d", low=0.0)]
UsdPerGpuHour = Annotated[float, Quantity("USD/h", low=0.0)]
UsdPerKwh = Annotated[float, Quantity("USD/kWh", low=0.0)]
UsdPerToken = Annotated[float, Quantity("USD/token", low=0.0)]
Watts = Annotated[float, Quantity("W", low=0.0)]
GiB = Annotated[float, Quantity("GiB", low=0.0)]
Tokens = Annotated[float, Quantity("token", low=0.0)]
TokensPerDay = Annotated[float, Quantity("token/d", low=0.0)]
Flop = Annotated[float, Quantity("FLOP", low=0.0)]
Count = Annotated[int, _Reader(_read_count, (("type", "integer"), ("minimum", 0)))]
PositiveCount = Annotated[int, _Reader(_read_count, (("type", "integer"), ("minimum", 1))), Ge(1)]
Date = Annotated[datetime.date, _Reader(_read_date, (("type", "string"), ("format", "date")))]
Name = Annotated[str, _Reader(_read_name, (("type", "string"), ("pattern", "^[a-z][a-z0-9_]{0,63}$")))]
