"""Where every number of a scenario comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from simdai.errors import path_text
from simdai.registry import Configured, Regimes
from simdai.schema.loading import Location, Mark, Node, from_python
from simdai.schema.parameters import Use
from simdai.schema.scenario import Scenario, walk
from simdai.units import Quantity, UnitError, parse_quantity

__all__ = ["sources"]

IN_FILE = "scenario file"
DEFAULT = "default"


def sources(scenario: Scenario) -> list[dict[str, Any]]:
    """List every number of a scenario with its origin, in the order of the file, defaults last.

    Returns
    -------
    one dict a number: ``path``, ``value`` (as written), ``unit``, ``date``, ``source``, ``grade``, ``note``,
    ``where`` (file:line). A number written in the file itself has the source ``scenario file``,
    one that its class provides ``default``.
    """
    origin = scenario._origin
    tree = origin.resolved if origin else from_python(scenario.model_dump(), Mark("Python"))
    leaves = list(tree.leaves())
    rows = [row for location, leaf in leaves if (row := _row(scenario, location, leaf)) is not None]
    written = {location for location, _ in leaves}
    for location, value in walk(scenario):
        if _is_number(value) and not any(location[:n] in written for n in range(1, len(location) + 1)):
            unit = _unit(_field(scenario, location))
            rows.append(_dict(path_text(location), value, unit, "", DEFAULT, "", "", ""))
    return rows


def _row(scenario: Scenario, location: Location, leaf: Node) -> dict[str, Any] | None:
    path = path_text(location)
    if isinstance(leaf.origin, Use):
        use = leaf.origin
        note = f"{use.note}; {use.name}" if use.note else use.name
        where = f"{use.file}:{use.line}"
        return _dict(path, use.value, use.unit, use.date, use.source, use.grade, note, where)
    value, unit = leaf.value, _unit(_field(scenario, location))
    if isinstance(value, str):
        try:
            value, parsed = parse_quantity(value)
        except UnitError:
            return None
        unit = parsed.text
    if not _is_number(value):
        return None
    return _dict(path, value, unit, "", IN_FILE, "", "", str(leaf.mark))


def _dict(
    path: str, value: Any, unit: str, date: str, source: str, grade: str, note: str, where: str
) -> dict[str, Any]:
    return {
        "path": path,
        "value": value,
        "unit": unit,
        "date": date,
        "source": source,
        "grade": grade,
        "note": note,
        "where": where,
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _field(scenario: Scenario, location: Location) -> FieldInfo | None:
    """Return the declaration of the field that a value belongs to, None where there is none."""
    value: Any = scenario
    found: FieldInfo | None = None
    for part in location:
        if isinstance(value, Configured):
            found = type(value).model_fields.get(str(part))
            value = getattr(value, str(part), None)
        elif isinstance(value, Regimes):
            if isinstance(part, int) and part < len(value):
                value = {"rule": value.rules[part]}
            elif len(value) == 1:  # a bare rule
                found = type(value.rules[0]).model_fields.get(str(part))
                value = getattr(value.rules[0], str(part), None)
        elif isinstance(value, Mapping):
            value = value.get(str(part))
        elif isinstance(value, tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return found


def _unit(field: FieldInfo | None) -> str:
    """Return the canonical unit of a field; empty where it declares none."""
    if field is None:
        return ""
    pending: list[Any] = [*field.metadata, field.annotation]
    while pending:
        item = pending.pop(0)
        if isinstance(item, Quantity):
            return item.unit
        pending += list(getattr(item, "__metadata__", ())) + list(getattr(item, "__args__", ()))
    return ""
