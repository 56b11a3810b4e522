"""What ``{parameter: file.entry, at?, key?, pick?}`` stands for."""

from __future__ import annotations

import datetime
import math
from typing import Any

from simdai.errors import ParameterError, ScenarioError, listed, nearest, shown
from simdai.schema.loading import Location, Node
from simdai.schema.parameters import DATE, PART, Group, Parameter, Parameters, first_day

__all__ = ["resolve"]

REFERENCE_KEYS = ("parameter", "at", "key", "pick")
PICKS = ("low", "mid", "high")


def resolve(parameters: Parameters, reference: Node, location: Location, start: datetime.date | None) -> Node:
    """Return the value that a reference to a parameter stands for.

    Parameters
    ----------
    parameters : the files in reach
    reference : the mapping ``{parameter: file.entry}``, with ``at`` for dated values, ``key`` for one of
        several, ``pick: low``, ``mid`` or ``high`` for a range
    location : where it stands in the scenario
    start : the date for dated values without ``at``

    Raises
    ------
    ParameterError : no such parameter, key or date, positioned and with the nearest match
    """
    return Resolution(parameters, reference, location, start).node()


class Resolution:
    """The steps from one reference to its value, each with the error that can happen there."""

    def __init__(
        self, parameters: Parameters, reference: Node, location: Location, start: datetime.date | None
    ) -> None:
        self.parameters = parameters
        self.reference = reference
        self.location = location
        self.start = start
        self.key_used = False
        self.entry: Parameter

    def fail(
        self, found: str, allowed: str = "", suggestion: str = "", key: str = "parameter"
    ) -> ParameterError:
        at = self.reference.at(key)
        mark = at.mark if at is not None else self.reference.mark
        return ParameterError(mark.problem(self.location, found, allowed, suggestion))

    def node(self) -> Node:
        self.check_keys()
        name = self.text("parameter")
        file, *parts = name.split(".")
        if not parts or not all(PART.fullmatch(part) for part in (file, *parts)):
            raise self.fail(f"the parameter {shown(name)}", "file.entry, such as render.operator_fee")
        files = self.parameters.files
        if file not in files:
            raise self.fail(f"unknown parameter file {shown(file)}", listed(files), nearest(file, files))
        found: Any = None
        rest = parts
        for group in self.groups(file):
            found, rest = _descend(group, parts)
            if isinstance(found, Parameter) or not rest:
                break
        if rest and not isinstance(found, Parameter):
            whole = {n for group in self.groups(file) for n in _names(_descend(group, parts)[0])}
            known = ".".join((file, *parts[: len(parts) - len(rest)]))
            near = nearest(rest[0], whole)
            raise self.fail(
                f"unknown parameter {shown(name)}: no {shown(rest[0])} in {known}", listed(whole), near
            )
        if isinstance(found, Parameter):
            return self.value(found, rest)
        return self.group(found)

    def groups(self, file: str) -> list[Group]:
        try:
            return self.parameters.groups(file)
        except ScenarioError as error:
            raise ParameterError(error.problems) from None

    def check_keys(self) -> None:
        for key in self.reference.value:
            if key not in REFERENCE_KEYS:
                mark = self.reference.keys[key]
                near = nearest(key, REFERENCE_KEYS)
                raise ParameterError(
                    mark.problem(
                        (*self.location, key), f"unknown key {shown(key)}", listed(REFERENCE_KEYS), near
                    )
                )

    def text(self, key: str) -> str:
        node = self.reference.value[key]
        if isinstance(node.value, datetime.date):
            return str(node.value)
        if not isinstance(node.value, str | int) or isinstance(node.value, bool):
            raise self.fail(shown(node.plain()), f"text for {key!r}", key=key)
        return str(node.value)

    def value(self, entry: Parameter, rest: list[str]) -> Node:
        self.entry, node, date = entry, entry.value, entry.date
        parts: Location = ()
        for part in rest:
            node, parts, date = self.step(node, parts, date, part, "parameter")
        while isinstance(node.value, dict):
            if _is_dated(node):
                node, parts, date = self.newest(node, parts)
            elif "key" in self.reference.value and not self.key_used:
                self.key_used = True
                node, parts, date = self.step(node, parts, date, self.text("key"), "key")
            else:
                break
        if "key" in self.reference.value and not self.key_used:
            found = f"key {shown(self.text('key'))}"
            raise self.fail(found, f"no key: {self.name(parts)} is a single value", key="key")
        if "pick" in self.reference.value:
            node = self.pick(node, parts)
        return entry.node(node, parts, date, self.reference.mark)

    def name(self, parts: Location) -> str:
        return ".".join((self.entry.name, *map(str, parts)))

    def group(self, group: Group) -> Node:
        if len(self.reference.value) > 1 and "at" not in self.reference.value:
            raise self.fail(
                f"{shown(self.text('parameter'))} is a group", "no 'key' and no 'pick' for a group"
            )
        place = self.reference.mark
        parts = {
            name: self.value(item, []) if isinstance(item, Parameter) else self.group(item)
            for name, item in group.items()
        }
        return Node(parts, place, dict.fromkeys(parts, place))

    def step(self, node: Node, parts: Location, date: str, part: str, key: str) -> tuple[Node, Location, str]:
        if _is_dated(node) and part not in node.value:
            node, parts, date = self.newest(node, parts)
        if not isinstance(node.value, dict):
            raise self.fail(f"{self.name(parts)} has no parts", f"no {shown(part)} after it", key=key)
        if part not in node.value:
            near = nearest(part, node.value)
            raise self.fail(f"no {shown(part)} in {self.name(parts)}", listed(node.value), near, key=key)
        return node.value[part], (*parts, part), part if _is_dated(node) else date

    def newest(self, node: Node, parts: Location) -> tuple[Node, Location, str]:
        """Step to the newest of the dated values that is not after the day asked for."""
        day = self.start
        if "at" in self.reference.value:
            day = first_day(self.text("at"))
            if day is None:
                raise self.fail(shown(self.text("at")), "a date such as 2026-01-01", key="at")
        if day is None:
            raise self.fail(
                f"{self.name(parts)} has dated values", "the scenario's start, or 'at: 2026-01-01'"
            )
        dates = sorted((str(first_day(key)), key) for key in node.value)
        earlier = [key for first, key in dates if first <= str(day)]
        if not earlier:
            first, key = dates[0][1], "at" if "at" in self.reference.value else "parameter"
            found = f"{self.name(parts)} has no value on {day}"
            raise self.fail(found, f"a date from {first} on ('at: {first}')", key=key)
        chosen: Node = node.value[earlier[-1]]
        return chosen, (*parts, earlier[-1]), earlier[-1]

    def pick(self, node: Node, parts: Location) -> Node:
        pick = self.text("pick")
        if pick not in PICKS:
            raise self.fail(f"pick {shown(pick)}", listed(PICKS), nearest(pick, PICKS), key="pick")
        if _is_number(node.value):
            return node  # of dated values some are ranges and some are not
        if not isinstance(node.value, tuple) or not all(_is_number(item.value) for item in node.value):
            raise self.fail(f"pick {shown(pick)}", f"no pick: {self.name(parts)} is not a range", key="pick")
        low: Node = node.value[0]
        high: Node = node.value[-1]
        if pick == "mid":
            middle: Node = node.value[1]
            return middle if len(node.value) == 3 else Node((low.value + high.value) / 2, low.mark)
        return low if pick == "low" else high


def _descend(group: Group, parts: list[str]) -> tuple[Any, list[str]]:
    """Follow names as far as they go; returns what was reached and the names left."""
    found: Any = group
    for n, part in enumerate(parts):
        if not isinstance(found, dict) or part not in found:
            return found, parts[n:]
        found = found[part]
    return found, []


def _names(found: Any) -> list[str]:
    return list(found) if isinstance(found, dict) else []


def _is_dated(node: Node) -> bool:
    return (
        isinstance(node.value, dict) and bool(node.value) and all(DATE.fullmatch(key) for key in node.value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
