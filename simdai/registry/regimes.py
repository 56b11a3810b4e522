"""Rules that change by date."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from simdai.errors import SimdaiError, listed, nearest, refused, shown
from simdai.registry.configured import Configured, union_schema
from simdai.registry.report import brief, dumped, restated_below
from simdai.units import Date

__all__ = ["Dated", "Regime", "Regimes"]

R = TypeVar("R")

_date: TypeAdapter[datetime.date] = TypeAdapter(Date)


@dataclass(frozen=True)
class Regime(Generic[R]):
    """A rule and the day from which it holds (00:00 UTC); ``start`` is None for a rule that always held."""

    start: datetime.date | None
    rule: R


class Regimes(Generic[R]):
    """The rules of one mechanism over time, in force one after the other.

    In a file: a bare rule, or a list of ``{from: 2026-07-27, rule: {kind: ...}}`` with rising dates, of which
    the first may lack ``from``.

    Parameters
    ----------
    regimes : in order of date
    """

    __slots__ = ("_regimes",)
    _regimes: tuple[Regime[R], ...]

    def __init__(self, *regimes: Regime[R]) -> None:
        if not regimes:
            raise ValueError("at least one rule is needed")
        for before, after in itertools.pairwise(regimes):
            if after.start is None or (before.start is not None and after.start <= before.start):
                raise ValueError(
                    f"the rule from {after.start} must begin after {before.start}, the one before"
                )
        object.__setattr__(self, "_regimes", tuple(regimes))

    @property
    def start(self) -> datetime.date | None:
        """First day with a rule; None when there always was one."""
        return self._regimes[0].start

    @property
    def rules(self) -> tuple[R, ...]:
        """All rules in order of date."""
        return tuple(regime.rule for regime in self._regimes)

    def __iter__(self) -> Iterator[Regime[R]]:
        return iter(self._regimes)

    def __len__(self) -> int:
        return len(self._regimes)

    def at(self, day: datetime.date) -> R:
        """Return the rule in force on ``day``; `SimdaiError` before the first one."""
        current: R | None = None
        for regime in self._regimes:
            if regime.start is not None and regime.start > day:
                break
            current = regime.rule
        if current is None:
            raise SimdaiError(f"no rule is in force on {day}; the first begins on {self.start}")
        return current

    def switches(self, after: datetime.date, until: datetime.date) -> tuple[Regime[R], ...]:
        """Return the regimes that begin later than ``after`` and not later than ``until``, in order."""
        return tuple(r for r in self._regimes if r.start is not None and after < r.start <= until)

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError("Regimes cannot change; make new ones")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regimes) and self._regimes == other._regimes

    def __hash__(self) -> int:
        return hash(self._regimes)

    def __repr__(self) -> str:
        return f"Regimes{self._regimes!r}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._regimes

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (rule,) = get_args(source) or (Any,)
        return _regimes_schema(handler.generate_schema(rule))


class Dated:
    """Mark a field that takes dated rules of a family: ``Annotated[Regimes[Configured], Dated("quote")]``."""

    def __init__(self, family: str) -> None:
        self.family = family

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _regimes_schema(union_schema(self.family, Configured))


def _regimes_schema(rule: CoreSchema) -> CoreSchema:
    def read(value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, Regimes):
            return value
        if not isinstance(value, list | tuple):
            return Regimes(Regime(None, validate(value)))
        return _read_regimes(value, validate)

    return core_schema.no_info_wrap_validator_function(
        read,
        rule,
        metadata={"pydantic_js_functions": [lambda schema, handler: _regimes_json(handler(schema))]},
        serialization=core_schema.plain_serializer_function_ser_schema(_regimes_dump),
    )


def _read_regimes(
    value: list[Any] | tuple[Any, ...], validate: core_schema.ValidatorFunctionWrapHandler
) -> Regimes[Any]:
    allowed = "a rule, or a list of {from: date, rule: ...} with rising dates"
    keys = ("from", "rule")
    if not value:
        raise refused("an empty list", allowed)
    errors: list[InitErrorDetails] = []
    regimes: list[Regime[Any]] = []
    latest: datetime.date | None = None

    def fault(found: str, what: str, *location: str | int) -> None:
        errors.append(InitErrorDetails(type=refused(found, what), loc=location, input=None))

    for n, item in enumerate(value):
        if isinstance(item, Regime):
            item = {"rule": item.rule, **({} if item.start is None else {"from": item.start})}
        if not isinstance(item, Mapping):
            fault(brief(item), allowed, n)
            continue
        for key in item:
            if key not in keys:
                error = refused(f"unknown key {shown(key)}", listed(keys), nearest(key, keys), at_key=True)
                errors.append(InitErrorDetails(type=error, loc=(n, str(key)), input=None))
        start = None
        if item.get("from") is not None:
            try:
                start = _date.validate_python(item["from"])
            except ValidationError as invalid:
                errors += restated_below(invalid, n, "from")
                continue
            if latest is not None and start <= latest:
                fault(f"{start}", f"a date after {latest}, the one before it", n, "from")
            latest = start
        elif n:
            fault("no 'from'", "only the first rule of a list may lack its date", n)
        if "rule" not in item:
            fault("no 'rule'", allowed, n)
            continue
        try:
            regimes.append(Regime(start, validate(item["rule"])))
        except ValidationError as invalid:
            errors += restated_below(invalid, n, "rule")
    if errors:
        raise ValidationError.from_exception_data("regimes", errors)
    return Regimes(*regimes)


def _regimes_dump(value: Regimes[Any]) -> Any:
    if len(value) == 1 and value.start is None:
        return dumped(value.rules[0])
    return [
        {**({} if regime.start is None else {"from": regime.start}), "rule": dumped(regime.rule)}
        for regime in value
    ]


def _regimes_json(rule: JsonSchemaValue) -> JsonSchemaValue:
    dated = {
        "type": "object",
        "properties": {"from": {"type": "string", "format": "date"}, "rule": rule},
        "required": ["rule"],
        "additionalProperties": False,
    }
    return {"anyOf": [rule, {"type": "array", "items": dated, "minItems": 1}]}
