"""From files, overrides and ``set`` to a checked Scenario."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simdai.errors import Problem, ScenarioError, listed, nearest, path_text, shown
from simdai.registry import FrozenMapping
from simdai.schema import library
from simdai.schema.library import Place
from simdai.schema.loading import Location, Mark, Node, compose, from_python, read_file
from simdai.schema.observations import completed, read_observations
from simdai.schema.overlay import Change, changes_between, day_of, lay_over, location_of, put
from simdai.schema.parameters import Parameters, Use
from simdai.schema.positions import FIELDS, MOST_FAULTS, place_of, positioned, with_positions
from simdai.schema.references import resolve
from simdai.schema.scenario import LeftOut, Origin, Provenance, Scenario, faults

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

Changes = Mapping[str, Any] | Sequence[str] | None
LONGEST_CHAIN = 16

SECTIONS = tuple(
    name for name, info in Scenario.model_fields.items() if isinstance(info.default, FrozenMapping)
)


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
    builder = _Builder()
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
    builder = _Builder()
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
    builder = _Builder()
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
    made, problems = _validate(tree)
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
    return list(dict.fromkeys(problem for problem, _ in _validate(tree)[1]))


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


@dataclass
class _Builder:
    """What is gathered on the way: files read, changes applied, problems met."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unreadable: bool = False

    def read(self, place: Place, chain: tuple[Path, ...]) -> Node:
        """Read a file and what it extends."""
        try:
            content, tree, problems = read_file(place.path, place.shown_as)
        except ScenarioError as error:
            self.problems += error.problems
            self.unreadable = True
            return Node({})
        self.files.append((place.shown_as, content))
        self.problems += problems
        if not tree.is_mapping or (problems and not tree.value):
            self.unreadable = True
            return Node({})
        return self.inherit(tree, place.path, chain)

    def inherit(self, tree: Node, file: Path, chain: tuple[Path, ...]) -> Node:
        """Lay a file's tree over what it extends, in order, and apply the overrides that it names."""
        own = tree
        extends, overrides = tree.at("extends"), tree.at("overrides")
        for key in ("extends", "overrides"):
            own = own.with_child(key, None)
        if extends is not None:
            bases = extends.value if isinstance(extends.value, tuple) else (extends,)
            trees = [self._extended(base, file, (*chain, file.resolve())) for base in bases]
            found = [base for base in trees if base is not None]
            own = reduce(lay_over, [*found, own])
        if overrides is not None:
            names = overrides.value if isinstance(overrides.value, tuple) else (overrides,)
            for n, name in enumerate(names):
                if isinstance(name.value, str):
                    own = self.patch(own, (name.value,), file, name.mark)
                else:
                    self._fault(name.mark, ("overrides", n), shown(name.plain()), "the name of an override")
        return own

    def _extended(self, extends: Node, file: Path, chain: tuple[Path, ...]) -> Node | None:
        if not isinstance(extends.value, str):
            self._fault(extends.mark, ("extends",), shown(extends.plain()), "the name or path of a scenario")
            self.unreadable = True
            return None
        try:
            place = library.locate_from(extends.value, file)
        except ScenarioError as error:
            self.problems += [replace(p, **place_of(extends.mark), path="extends") for p in error.problems]
            self.unreadable = True
            return None
        if place.path.resolve() in chain or len(chain) > LONGEST_CHAIN:
            what = "a circle" if place.path.resolve() in chain else f"more than {LONGEST_CHAIN} levels"
            self._fault(
                extends.mark,
                ("extends",),
                f"{what}: {shown(extends.value)} leads back here",
                "a line of scenarios",
            )
            self.unreadable = True
            return None
        return self.read(place, chain)

    def patch(self, tree: Node, names: Iterable[str], file: Path | None, mark: Mark) -> Node:
        """Lay named overrides over a tree and record what they change."""
        for name in names:
            found = self._override(name, file, mark)
            if found is not None:
                patched = lay_over(tree, found)
                self.changes += changes_between(tree, patched, f"override {name}")
                tree = patched
        return tree

    def _override(self, name: str, file: Path | None, mark: Mark) -> Node | None:
        known = library.shared_files("overrides", file)
        if name not in known:
            found = f"unknown override {shown(name)}"
            self._fault(mark, ("overrides",), found, listed(known), nearest(name, known))
            return None
        shown_as = library.short(known[name])
        try:
            content, tree, problems = read_file(known[name], shown_as)
        except ScenarioError as error:
            self.problems += error.problems
            return None
        self.problems += problems
        self.files.append((shown_as, content))
        for key in ("extends", "overrides"):
            if key in tree.value:
                self._fault(
                    tree.keys[key], (key,), f"{key!r} in an override", "a question and the values to change"
                )
                tree = tree.with_child(key, None)
        return tree.with_child("question", None)

    def set(self, tree: Node, changes: Changes) -> Node:
        """Apply ``set`` or ``--set`` and record old and new values."""
        return self.apply(tree, self._settings(changes))

    def apply(self, tree: Node, settings: Iterable[tuple[str, Node, str]]) -> Node:
        """Put values at dotted paths, each by somebody, and record old and new values."""
        for path, value, by in settings:
            try:
                changed = put(tree, location_of(path), value, FIELDS, SECTIONS)
            except ScenarioError as error:
                self.problems += [
                    problem if problem.line else replace(problem, **place_of(value.mark))
                    for problem in error.problems
                ]
                continue
            self.changes += changes_between(tree, changed, by)
            tree = changed
        return tree

    def _settings(self, changes: Changes) -> Iterable[tuple[str, Node, str]]:
        if isinstance(changes, str):
            changes = (changes,)
        texts = changes.items() if isinstance(changes, Mapping) else ((text, None) for text in changes or ())
        for text, value in texts:
            if isinstance(changes, Mapping):
                path, node, by = text, from_python(value, Mark(f"set {text}")), "set"
            else:
                path, equals, words = str(text).partition("=")
                by = "--set"
                node, problems = compose(words, f"--set {shown(str(text))[1:-1]}", in_file=False)
                if not words.strip():
                    node = Node(None, node.mark)
                self.problems += problems
                if not equals:
                    self._fault(node.mark, (), "no '='", "--set path=value")
                if problems or not equals:
                    continue
            yield path.strip(), node, by

    def _fault(
        self, mark: Mark, location: Iterable[str | int], found: str, allowed: str, suggestion: str = ""
    ) -> None:
        self.problems.append(mark.problem(location, found, allowed, suggestion))


def assemble(builder: _Builder, tree: Node, name: str, file: str | None) -> Scenario:
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
        scenario, more = _validate(resolved)
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


def _in_order(builder: _Builder) -> list[Problem]:
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


def _validate(tree: Node) -> tuple[Scenario | None, list[tuple[Problem, Location]]]:
    """Make the scenario, or say what is wrong; what is wrong between its sound parts is said in any case."""
    try:
        scenario: Scenario = Scenario.__pydantic_validator__.validate_python(tree.plain())
    except ValidationError as error:
        found = with_positions(error, tree)
        if len(found) > MOST_FAULTS:
            return None, found
        return None, found + _between_sound_parts(tree, [location for _, location in found])
    return scenario, [_placed(problem, tree) for problem in faults(scenario)]


def _placed(problem: Problem, tree: Node) -> tuple[Problem, Location]:
    try:
        location = location_of(problem.path) if problem.path else ()
    except ScenarioError:  # a name that no dotted path can hold
        location = ()
    return positioned(problem, location, tree), location


def _between_sound_parts(tree: Node, faulty: list[Location]) -> list[tuple[Problem, Location]]:
    """Leave the faulty parts out and check how the others fit together."""
    rest = tree
    unsound: dict[str, dict[str, Any]] = {}
    unknown = set[str]()
    for location in faulty:
        first = str(location[0]) if location else ""
        section = rest.at(first)
        if first in SECTIONS and len(location) > 1 and section is not None and section.is_mapping:
            rest = rest.with_child(first, section.with_child(location[1], None))
            unsound.setdefault(first, {})[str(location[1])] = LeftOut()
        elif first:
            rest = rest.with_child(first, None)
            unknown.add(first)
    for key, stand_in in (("start", "2000-01-01"), ("horizon", 1e5)):
        if rest.at(key) is None:
            rest = rest.with_child(key, Node(stand_in))
            unknown.add(key)
    try:
        scenario = Scenario.__pydantic_validator__.validate_python(rest.plain())
    except ValidationError:
        return []
    names = {key: FrozenMapping({**getattr(scenario, key), **lost}) for key, lost in unsound.items()}
    found = []
    for problem in faults(scenario.model_copy(update=names)):
        timing = problem.path in ("horizon", "warm_up", "record_every") or problem.path.endswith("[0].from")
        if not (timing and unknown & {"start", "horizon"}) and not unknown & set(SECTIONS):
            found.append(_placed(problem, tree))
    return found


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
