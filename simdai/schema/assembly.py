"""From files, overrides and ``set`` to a checked Scenario."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from simdai.errors import Problem, ScenarioError, path_text
from simdai.schema import library
from simdai.schema.gathering import Changes, Gathering
from simdai.schema.loading import Location, Mark, Node, from_python
from simdai.schema.observations import completed, read_observations
from simdai.schema.overlay import Change, day_of, location_of, put
from simdai.schema.parameters import Parameters, Use
from simdai.schema.positions import FIELDS, place_of
from simdai.schema.references import resolve
from simdai.schema.scenario import Origin, Provenance, Scenario
from simdai.schema.validation import SECTIONS, validate

__all__ = [
    "assemble",
    "change",
    "check",
    "load",
    "load_base",
    "looked_up",
    "misplaced",
    "probe",
    "value_at",
    "varied",
]


def load(
    name_or_path: str | os.PathLike[str] | Mapping[str, Any] | Scenario,
    set: Changes = None,
    overrides: Sequence[str] = (),
) -> Scenario:
    """Load a scenario and check all of it.

    Parameters
    ----------
    name_or_path : a library name (``landscape``, ``attacks/wash_demand``), a path (begins with ``.`` or
        ``/``, or ends in ``.yaml``), a mapping with a file's keys, or a scenario
    set : ``{"networks.render.liquidity": "2e6 USD"}``, or texts ``"networks.render.liquidity=2e6 USD"`` whose
        values are read as YAML; None takes an inherited value away
    overrides : names of patches in ``overrides/``, applied in this order before ``set``

    Raises
    ------
    ScenarioError : everything wrong in all files read, each with file, line and column
    """
    if isinstance(name_or_path, Scenario):
        return change(name_or_path, set, overrides)
    builder = Gathering()
    if isinstance(name_or_path, Mapping):
        place, tree = None, from_python(dict(name_or_path), Mark())
        tree = builder.inherit(tree, Path.cwd() / "scenario", ())
    else:
        place = library.locate(name_or_path)
        tree = builder.read(place, ())
    tree = builder.patch(tree, overrides, place.path if place else None, Mark("overrides"))
    tree = builder.set(tree, set)
    return assemble(builder, tree, place.name if place else "scenario", str(place.path) if place else None)


def change(scenario: Scenario, set: Changes, overrides: Sequence[str] = ()) -> Scenario:
    """Return a scenario with further changes; see `load`."""
    origin = scenario._origin
    builder = Gathering()
    if origin is None:
        tree, file = from_python(scenario.model_dump(), Mark()), None
    else:
        tree, file = origin.tree, origin.folder_file
        builder.files = list(origin.provenance.files)
        builder.changes = list(origin.provenance.changes)
    tree = builder.patch(tree, overrides, Path(file) if file else None, Mark("overrides"))
    tree = builder.set(tree, set)
    return assemble(builder, tree, scenario.name, file)


def load_base(
    base: Node, file: Path | None, overrides: Iterable[Node] = (), settings: Mapping[str, Node] | None = None
) -> Scenario:
    """Load the scenario that another file builds on, with the changes that the other file makes.

    Parameters
    ----------
    base : the name or relative path, as it stands in the other file
    file : the other file; None for one made in Python, whose names are looked up as `load` does
    overrides : names of patches, as they stand there
    settings : dotted path to value, as they stand there

    Raises
    ------
    ScenarioError : everything wrong, at its place in either file
    """
    builder = Gathering()
    try:
        place = library.locate_from(base.value, file) if file else library.locate(base.value)
    except ScenarioError as error:
        raise ScenarioError(replace(p, **place_of(base.mark), path="base") for p in error.problems) from None
    tree = builder.read(place, ())
    for name in overrides:
        tree = builder.patch(tree, (name.value,), file or place.path, name.mark)
    tree = builder.apply(tree, ((path, node, "set") for path, node in (settings or {}).items()))
    return assemble(builder, tree, place.name, str(place.path))


def varied(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """Return a scenario with some values changed and every parameter as it was looked up before.

    It equals what `change` returns, takes a fraction of the time, reads no file, and does not know where its
    numbers come from. A new ``start`` and changes that refer to parameters go the long way.
    """
    if "start" in changes or any(_refers(value) for value in changes.values()):
        return change(scenario, changes)
    tree = _tree(scenario)
    for path, value in changes.items():
        tree = put(tree, location_of(path), from_python(value, Mark(f"set {path}")), FIELDS, SECTIONS)
    made, problems = validate(tree)
    if problems or made is None:
        raise ScenarioError(dict.fromkeys(problem for problem, _ in problems))
    made._name = scenario.name
    return made


def _refers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "parameter" in value or any(map(_refers, value.values()))
    return isinstance(value, list | tuple) and any(map(_refers, value))


def probe(scenario: Scenario, settings: Iterable[tuple[str, Node]]) -> list[Problem]:
    """Say what would be wrong with a scenario that had some other values, at the places of these values."""
    tree = _tree(scenario)
    for path, node in settings:
        tree = put(tree, location_of(path), node, FIELDS, SECTIONS)
    return list(dict.fromkeys(problem for problem, _ in validate(tree)[1]))


def misplaced(scenario: Scenario, paths: Iterable[str], mark: Mark) -> list[Problem]:
    """Say which dotted paths lead nowhere in a scenario, at the place where they are given."""
    problems: list[Problem] = []
    for path in paths:
        try:
            put(_tree(scenario), location_of(path), Node(None, mark), FIELDS, SECTIONS)
        except ScenarioError as error:
            problems += [replace(problem, **place_of(mark)) for problem in error.problems]
    return problems


def value_at(scenario: Scenario, path: str) -> tuple[Any, Any]:
    """What a scenario's file says at a dotted path, with its unit, and the value that is used.

    The first is the second where the file says nothing; None is for "nothing there".
    """
    found = []
    for tree in (_tree(scenario), from_python(scenario.model_dump(), Mark())):
        node: Node | None = tree
        for part in location_of(path):
            node = node.at(part) if node is not None else None
        found.append(None if node is None else node.plain())
    said, used = found
    return used if said is None else said, used


def _tree(scenario: Scenario) -> Node:
    """A scenario's tree with every parameter looked up."""
    origin = scenario._origin
    return origin.resolved if origin else from_python(scenario.model_dump(), Mark())


def check(names: Iterable[str | os.PathLike[str]]) -> list[Problem]:
    """Return every problem of every scenario named; an empty list when all are sound."""
    problems: list[Problem] = []
    for name in names:
        try:
            load(name)
        except ScenarioError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    return problems


def assemble(builder: Gathering, tree: Node, name: str, file: str | None) -> Scenario:
    """Look up the parameters of a complete tree, check everything and make the scenario."""
    path = Path(file) if file else None
    parameters = Parameters.reachable_from(path)
    begin = tree.at("start")
    start = day_of(looked_up(begin, parameters, None)[0]) if begin is not None else None
    observed = library.shared_files("observations", path)
    whole = read_observations(tree, observed, builder.files, builder.problems)
    resolved, uses, unresolved, problems = looked_up(whole, parameters, start)
    resolved = completed(resolved)
    builder.problems += problems
    scenario = None
    if not builder.unreadable:
        scenario, more = validate(resolved)
        known = {(p.file, p.line, p.column) for p in builder.problems if p.line}
        builder.problems += [
            problem
            for problem, location in more
            if not any(location[: len(bad)] == bad for bad in unresolved)
            and ((problem.file, problem.line, problem.column) not in known or not problem.line)
        ]
    if builder.problems or scenario is None:
        raise ScenarioError(_in_order(builder))
    provenance = Provenance(tuple(builder.files), _with_defaults(builder.changes, scenario), tuple(uses))
    scenario._name = name
    scenario._origin = Origin(file, tree, resolved, provenance)
    return scenario


def _in_order(builder: Gathering) -> list[Problem]:
    order = {file: n for n, (file, _) in enumerate(builder.files)}
    unique = dict.fromkeys(builder.problems)
    return sorted(unique, key=lambda p: (order.get(p.file, len(order)), p.line, p.column))


def looked_up(
    tree: Node, parameters: Parameters, start: datetime.date | None
) -> tuple[Node, list[tuple[str, Use]], list[Location], list[Problem]]:
    """Replace every reference to a parameter by its value.

    Parameters
    ----------
    tree : of a file
    parameters : the files in reach
    start : the date for dated values

    Returns
    -------
    the tree without references, the uses by path, the locations that failed and their problems
    """
    uses: list[tuple[str, Use]] = []
    failed: list[Location] = []
    problems: list[Problem] = []

    def value_of(node: Node, location: Location) -> Node:
        if node.is_reference:
            try:
                found = resolve(parameters, node, location, start)
            except ScenarioError as error:
                failed.append(location)
                problems.extend(error.problems)
                return Node(None, node.mark)
            uses.extend(
                (path_text((*location, *at)), leaf.origin) for at, leaf in found.leaves() if leaf.origin
            )
            return found
        if isinstance(node.value, dict):
            return replace(node, value={k: value_of(v, (*location, k)) for k, v in node.value.items()})
        if isinstance(node.value, tuple):
            return replace(node, value=tuple(value_of(v, (*location, n)) for n, v in enumerate(node.value)))
        return node

    return value_of(tree, ()), uses, failed, problems


def _with_defaults(changes: list[Change], scenario: Scenario) -> tuple[Change, ...]:
    """Fill in, as the old value of a change, the default that held where the file said nothing."""
    filled = []
    for item in changes:
        if item.old is None:
            parent: Any = scenario
            *way, last = location_of(item.path)
            for part in way:
                parent = _child(parent, part)
            info = getattr(type(parent), "model_fields", {}).get(last)
            if info is not None and not info.is_required():
                default = info.get_default(call_default_factory=True)
                item = replace(item, old=default if isinstance(default, str | int | float | bool) else None)
        filled.append(item)
    return tuple(filled)


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, tuple):
        return value[part] if isinstance(part, int) and part < len(value) else None
    return getattr(value, str(part), None)
