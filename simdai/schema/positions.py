"""Where in the files a problem stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from simdai.errors import Problem, listed, nearest, path_text
from simdai.registry import context_error, sentence_of
from simdai.schema.loading import Location, Mark, Node
from simdai.schema.scenario import Scenario

__all__ = ["FIELDS", "MOST_FAULTS", "place_of", "positioned", "with_positions"]

FIELDS = tuple(Scenario.model_fields)
MOST_FAULTS = (
    200  # with more than these, neither nearest names nor how sound parts fit together are looked for
)


def with_positions(
    error: ValidationError, tree: Node, keys: Sequence[str] = (*FIELDS, "extends", "overrides")
) -> list[tuple[Problem, Location]]:
    """Turn a pydantic error on ``tree.plain()`` into problems with file, line and column.

    Parameters
    ----------
    error : of the validation
    tree : what was validated
    keys : what may stand at the top of the file
    """
    problems = []
    for line in error.errors(include_url=False):
        details: dict[str, Any] = dict(line)
        location, complete = _known_part(tuple(line["loc"]), tree)
        inner = context_error(details)
        if inner is not None:
            problems += [
                (positioned(replace(p, path=path_text(location)), location, tree), location)
                for p in inner.problems
            ]
            continue
        found, allowed, suggestion = sentence_of(details)
        if not complete and line["type"] in ("missing", "refused") and line["loc"][-1] != "[key]":
            location = (*location, line["loc"][-1])
        at_key = line["type"] == "unknown_key" or line["loc"][-1:] == ("[key]",)
        if (
            isinstance(details["input"], tuple)
            and len(details["input"]) in (2, 3)
            and _origin_at(location, tree)
        ):
            allowed += "; of a range, 'pick: low', 'mid' or 'high'"
        if line["type"] == "unknown_key" and len(location) == 1:
            allowed = listed(keys)
            if len(problems) < MOST_FAULTS:
                suggestion = nearest(str(location[0]), keys)
        problem = Problem(path=path_text(location), found=found, allowed=allowed, suggestion=suggestion)
        problems.append((positioned(problem, location, tree, at_key), location))
    return problems


def _known_part(location: Location, tree: Node) -> tuple[Location, bool]:
    """Drop what pydantic adds to a location beyond keys and indices; tell whether its last part exists."""
    known: list[str | int] = []
    node, complete = tree, True
    for part in location:
        child = node.at(part)
        complete = child is not None
        if child is not None:
            known.append(part)
            node = child
    return tuple(known), complete


def _origin_at(location: Location, tree: Node) -> bool:
    node: Node | None = tree
    for part in location:
        node = node.at(part) if node is not None else None
    return node is not None and isinstance(node.value, tuple) and any(item.origin for item in node.value)


def positioned(problem: Problem, location: Location, tree: Node, at_key: bool = False) -> Problem:
    """Give a problem the position of its value, of its key, or of the nearest thing around it that exists."""
    node, key_mark = tree, tree.mark
    for part in location:
        child = node.at(part)
        if child is None:
            return replace(problem, **place_of(key_mark))
        key_mark = node.keys.get(str(part), child.mark)
        node = child
    return replace(problem, **place_of(key_mark if at_key else node.mark))


def place_of(mark: Mark) -> dict[str, Any]:
    """Return a mark as the fields of a problem."""
    return {"file": mark.file, "line": mark.line, "column": mark.column}
