"""Laying one tree of values over another, and what that changed."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from simdai.errors import ScenarioError, listed, nearest, path_text, shown
from simdai.schema.loading import Location, Mark, Node

__all__ = ["Change", "changes_between", "lay_over", "location_of", "put"]

_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*|[0-9]+)|\[([0-9]+)\]", re.ASCII)
LONGEST_PATH = 400


@dataclass(frozen=True, slots=True)
class Change:
    """One value that an override or ``--set`` changed.

    Parameters
    ----------
    path : dotted path in the scenario
    old, new : plain values; None where there was, or is, none
    by : ``override NAME``, ``--set`` or ``set``
    """

    path: str
    old: Any
    new: Any
    by: str


def lay_over(base: Node, over: Node) -> Node:
    """Return ``base`` with ``over`` laid on it.

    Mappings merge key by key; everything else, lists included, is replaced whole, and so is a mapping whose
    ``kind`` changes. ``null`` takes an inherited key away.
    """
    if not (base.is_mapping and over.is_mapping) or base.is_reference or over.is_reference:
        return over
    if (
        "kind" in over.value
        and "kind" in base.value
        and over.value["kind"].plain() != base.value["kind"].plain()
    ):
        return over
    values, keys = dict(base.value), dict(base.keys)
    for key, node in over.value.items():
        if node.value is None and key in values:
            del values[key], keys[key]
            continue
        values[key] = lay_over(values[key], node) if key in values else node
        keys[key] = over.keys[key]
    return replace(base, value=values, keys=keys)


def changes_between(before: Node, after: Node, by: str) -> tuple[Change, ...]:
    """List the scalars that differ between two trees, in the order of the later one, removed ones last."""
    old, new = dict(before.leaves()), dict(after.leaves())
    changed = []
    for location in [*new, *(gone for gone in old if gone not in new)]:
        was = old[location].plain() if location in old else None
        now = new[location].plain() if location in new else None
        came_or_went = (location in old) != (location in new)  # a null in a list is something, too
        if came_or_went or was != now or type(was) is not type(now):
            changed.append(Change(path_text(location), was, now, by))
    return tuple(changed)


def location_of(path: str) -> Location:
    """Split a dotted path such as ``networks.grid.pools[0].n`` (or ``pools.0.n``); else `ScenarioError`."""
    parts: list[str | int] = []
    position = 0
    while position < len(path) <= LONGEST_PATH:
        step = _STEP.match(path, position)
        if step is None or (path[position] == ".") != (position > 0 and step[2] is None):
            break
        part = step[2] or step[1]
        parts.append(int(part) if part.isdigit() else part)
        position = step.end()
    if not parts or position < len(path):
        raise ScenarioError(
            Mark("set").problem(
                (), f"the path {shown(path)}", "a dotted path such as networks.render.liquidity"
            )
        )
    return tuple(parts)


def put(
    tree: Node, location: Location, value: Node, fields: Collection[str], sections: Collection[str]
) -> Node:
    """Return the tree with one value put at a place that exists, or that its class may know.

    Parameters
    ----------
    location : where
    value : the new node; a node of None takes away what stands there
    fields, sections : names of the scenario's fields, and of those that hold named objects

    Raises
    ------
    ScenarioError : no such place; with the nearest match
    """
    return _put(tree, location, 0, value, fields, sections)


def _put(
    tree: Node, location: Location, n: int, value: Node, fields: Collection[str], sections: Collection[str]
) -> Node:
    part, last = location[n], n == len(location) - 1

    def fail(found: str, allowed: str, suggestion: str = "") -> ScenarioError:
        return ScenarioError(value.mark.problem(location, found, allowed, suggestion))

    if isinstance(tree.value, tuple):
        if not isinstance(part, int) or part >= len(tree.value):
            raise fail(
                f"no element {shown(part)} in {path_text(location[:n])}", f"0 to {len(tree.value) - 1}"
            )
    elif not tree.is_mapping:
        raise fail(f"{path_text(location[:n])} is {shown(tree.plain())}", "a path to a value that exists")
    key = part if isinstance(tree.value, tuple) else str(part)
    child = tree.at(key)
    if child is None and n == 0 and key not in fields:
        raise fail(f"unknown key {shown(key)}", listed(fields), nearest(key, fields))
    if child is None and not last and n == 1 and location[0] in sections:
        raise fail(f"no {shown(key)} in {location[0]}", listed(tree.value), nearest(key, tree.value))
    if last:
        return tree.with_child(key, None if value.value is None and child is not None else value, value.mark)
    below = child if child is not None and child.value is not None else Node({}, value.mark)
    return tree.with_child(
        key, _put(below, location, n + 1, value, fields, sections), tree.keys.get(str(key))
    )


def day_of(node: Node | None) -> datetime.date | None:
    """Return the date that a node holds, None for anything else."""
    if node is not None and isinstance(node.value, datetime.date):
        return node.value
    try:
        return (
            datetime.date.fromisoformat(node.value)
            if node is not None and isinstance(node.value, str)
            else None
        )
    except ValueError:
        return None
