"""What really happened: sourced observations of series that a scenario simulates.

A file of ``observations/`` maps names to entries ``{series, values, unit, source, grade, over?, note?}``. A
value may refer to a parameter; unit, source and grade are then the parameter's where the entry gives none.
A scenario names such files under ``observations:``; nothing of what they say enters its world.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simdai.errors import Problem, ScenarioError, listed, nearest, refused, shown
from simdai.registry import Configured, FrozenMapping
from simdai.schema.library import short
from simdai.schema.loading import Location, Mark, Node, read_file
from simdai.schema.parameters import Use
from simdai.units import Date, PositiveDays, UnitError, parse_unit

__all__ = ["Observation", "completed", "mismatches", "read_observations"]

FILLED = ("unit", "source", "grade")
"""What an entry may leave to the parameters that it refers to."""


class Observation(Configured):
    """Values of a series that were read in the world.

    Parameters
    ----------
    series : name of the series as a run records it
    values : day to value
    unit : of the values; of the dimension that the series has
    source : where they were read
    grade : A, in a primary source; B, in a secondary one; C, inferred
    over : the values are what a cumulative series added in this many days up to the day given; without it,
        what the series was on that day
    note : what else there is to say
    """

    series: Annotated[str, Field(pattern=r"^[a-z][a-zA-Z0-9_]*(\.[a-zA-Z0-9_]+)+$")]
    values: FrozenMapping[Date, float]
    unit: str
    source: Annotated[str, Field(min_length=1)]
    grade: Literal["A", "B", "C"]
    over: PositiveDays | None = None
    note: str = ""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not self.values:
            raise ValueError("values: at least one dated value is needed")
        try:
            parse_unit(self.unit)
        except UnitError as error:
            raise refused(f"unit {shown(self.unit)}", str(error)) from None
        return self


def read_observations(
    tree: Node, known: dict[str, Path], files: list[tuple[str, bytes]], problems: list[Problem]
) -> Node:
    """Put the contents of observation files in the place of their names.

    Parameters
    ----------
    tree : of a scenario
    known : the files in reach by name
    files : takes what is read, as (name as shown, bytes)
    problems : takes what is wrong
    """
    given = tree.at("observations")
    if given is None or given.is_mapping or given.value is None:
        return tree
    groups: dict[str, Node] = {}
    for node in given.value if isinstance(given.value, tuple) else (given,):
        path = known.get(node.value) if isinstance(node.value, str) else None
        if path is None:
            found, near = f"unknown observations {shown(node.plain())}", nearest(node.value, known)
            problems.append(node.mark.problem(("observations",), found, listed(known), near))
            continue
        try:
            content, groups[path.stem], faults = read_file(path, short(path))
        except ScenarioError as error:
            problems += error.problems
            continue
        problems += faults
        if (read := (short(path), content)) not in files:
            files.append(read)
    return tree.with_child("observations", Node(groups, given.mark, dict.fromkeys(groups, given.mark)))


def completed(tree: Node) -> Node:
    """Give entries that leave unit, source or grade to their parameters those of the parameters."""
    given = tree.at("observations")
    if given is None or not given.is_mapping:
        return tree
    for group, entries in given.value.items():
        for name, entry in entries.value.items() if entries.is_mapping else ():
            entries = entries.with_child(name, _completed(entry), entries.keys.get(name))
        given = given.with_child(group, entries, given.keys.get(group))
    return tree.with_child("observations", given, tree.keys.get("observations"))


def _completed(entry: Node) -> Node:
    values = entry.at("values")
    if values is None or not values.is_mapping:
        return entry
    origins = [leaf.origin for _, leaf in values.leaves() if isinstance(leaf.origin, Use)]
    for key in FILLED if origins else ():
        said = list(dict.fromkeys(getattr(origin, key) for origin in origins))
        if entry.at(key) is None:
            text = max(said) if key == "grade" else "; ".join(said)
            entry = entry.with_child(key, Node(text, entry.mark))
    return entry


def mismatches(scenario: Any, units: Mapping[str, str]) -> Iterator[Problem]:
    """Yield which observations of a scenario no run can be held against.

    Parameters
    ----------
    scenario : Scenario
    units : every series that its runs record, to its unit
    """
    tree = scenario._origin.resolved if scenario._origin else Node({})
    for group, entries in scenario.observations.items():
        for name, entry in entries.items():
            location: Location = ("observations", group, name)
            if entry.series not in units:
                at, found = (*location, "series"), f"unknown series {shown(entry.series)}"
                allowed, near = "a series that the scenario records", nearest(entry.series, units)
            elif not parse_unit(entry.unit).same_dimension(parse_unit(units[entry.series])):
                at, found = (*location, "unit"), f"unit {shown(entry.unit)}"
                allowed, near = f"a unit like {units[entry.series]!r}, that of {entry.series}", ""
            else:
                continue
            mark = _mark(tree, at)
            yield mark.problem(at, found, allowed, near)


def _mark(tree: Node, location: Location) -> Mark:
    """Where a value stands, or what is around it."""
    for part in location:
        child = tree.at(part)
        if child is None:
            break
        tree = child
    return tree.mark
