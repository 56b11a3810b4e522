"""Numbers of the world, each with unit, date, source and grade, and the references to them.

A file of ``parameters/`` maps names to entries ``{value, unit, date, source, grade, note?}``, or to groups of
such. The value is a number, text, a truth value, a list, or a mapping; a mapping whose keys are all dates
holds one value from each of these dates on, and a list of two or three numbers is a range.

Grades: A, read in a primary source; B, in a secondary one; C, inferred or assumed.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simdai.errors import ParameterError, Problem, listed, nearest, shown
from simdai.schema import library
from simdai.schema.loading import Location, Mark, Node, read_file
from simdai.units import Unit, UnitError, measured, parse_unit

__all__ = ["GRADES", "Parameter", "Parameters", "Use", "first_day", "read_parameters"]

GRADES = {"A": "read in a primary source", "B": "read in a secondary source", "C": "inferred or assumed"}
ENTRY_KEYS = ("value", "unit", "date", "source", "grade", "note")

PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
DATE = re.compile(r"(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Use:
    """One number of a scenario that came from a parameter file, with where it came from.

    Parameters
    ----------
    name : dotted name of the value, such as ``akash.price_per_gpu_hour.H100.2026-06``
    value : number, text or truth value, in ``unit``
    unit, date, source, grade, note : of the entry; for one of several dated values the date is that value's
    file, line : where the value is written
    """

    name: str
    value: Any
    unit: str
    date: str
    source: str
    grade: str
    note: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """One entry of a parameter file.

    Parameters
    ----------
    name : file and dotted path in it
    value : the value's tree
    unit : one unit, or several by key where the parts of the value differ: ``{price: USD/h, memory: GiB}``
    date, source, grade, note, mark : as written
    """

    name: str
    value: Node
    unit: str | Mapping[str, str]
    date: str
    source: str
    grade: str
    note: str
    mark: Mark

    def unit_at(self, parts: Iterable[str | int]) -> str:
        """Return the unit of a part of the value; empty when the entry gives none for it."""
        if isinstance(self.unit, str):
            return self.unit
        named = [self.unit[part] for part in parts if isinstance(part, str) and part in self.unit]
        return named[-1] if named else ""

    def node(self, value: Node, parts: Location, date: str, place: Mark) -> Node:
        """Return a part of the value as a scenario sees it: measured numbers that know their source."""
        if isinstance(value.value, dict):
            inner = {key: self.node(part, (*parts, key), date, place) for key, part in value.value.items()}
            return Node(inner, place, dict.fromkeys(inner, place))
        if isinstance(value.value, tuple):
            return Node(tuple(self.node(part, parts, date, place) for part in value.value), place)
        unit = self.unit_at(parts)
        name = ".".join((self.name, *map(str, parts)))
        use = Use(
            name,
            value.value,
            unit,
            date,
            self.source,
            self.grade,
            self.note,
            value.mark.file,
            value.mark.line,
        )
        return Node(measured(value.value, known_unit(unit)), place, origin=use)


def known_unit(text: str) -> Unit | None:
    """Return the unit that a text names, None where it is none that can be converted."""
    try:
        return parse_unit(text)
    except UnitError:
        return None


Group = dict[str, Any]  # name -> Parameter or Group


def first_day(text: str) -> datetime.date | None:
    """Return the first day of a date such as ``2026``, ``2026-02`` or ``2026-02-05``; None for other text."""
    if not DATE.fullmatch(text):
        return None
    try:
        return datetime.date.fromisoformat(text + "-01-01"[len(text) - 4 :] if len(text) < 10 else text)
    except ValueError:
        return None


def read_parameters(path: Path, shown_as: str = "") -> Group:
    """Read one parameter file; `ParameterError` with everything wrong in it."""
    _, tree, problems = read_file(path, shown_as)
    group = _group(tree, path.stem, problems)
    if problems:
        raise ParameterError(problems)
    return group


def _group(tree: Node, name: str, problems: list[Problem]) -> Group:
    group: Group = {}
    for key, node in tree.value.items() if tree.is_mapping else ():
        where = f"{name}.{key}"
        if not PART.fullmatch(key):
            problems.append(
                tree.keys[key].problem((where,), f"the name {shown(key)}", "letters, digits and _")
            )
        elif not node.is_mapping:
            problems.append(
                node.mark.problem((where,), shown(node.plain()), f"an entry with {', '.join(ENTRY_KEYS)}")
            )
        elif "value" in node.value:
            group[key] = _entry(node, where, problems)
        else:
            group[key] = _group(node, where, problems)
    return group


def _entry(node: Node, name: str, problems: list[Problem]) -> Parameter:
    for key in node.value:
        if key not in ENTRY_KEYS:
            near = nearest(key, ENTRY_KEYS)
            found = f"unknown key {shown(key)}"
            problems.append(node.keys[key].problem((name,), found, listed(ENTRY_KEYS), near))
    texts = {key: _text(node, key, name, problems) for key in ("date", "source", "grade", "note")}
    if texts["date"] and first_day(texts["date"]) is None:
        mark = node.value["date"].mark
        problems.append(mark.problem((name, "date"), shown(texts["date"]), "2026, 2026-02 or 2026-02-05"))
    if texts["grade"] and texts["grade"] not in GRADES:
        mark = node.value["grade"].mark
        problems.append(mark.problem((name, "grade"), shown(texts["grade"]), listed(GRADES)))
    unit: str | dict[str, str]
    given = node.at("unit")
    if given is not None and given.is_mapping:
        unit = {key: _text(given, key, f"{name}.unit", problems) for key in given.value}
    else:
        unit = _text(node, "unit", name, problems)
    entry = Parameter(name, node.value["value"], unit, mark=node.mark, **texts)
    for location, leaf in entry.value.leaves():
        if leaf.value is None or leaf.value == () or leaf.value == {}:
            problems.append(leaf.mark.problem((name, "value", *location), "nothing", "a value"))
        elif unit and not entry.unit_at(location):
            problems.append(leaf.mark.problem((name, "value", *location), "no unit", "a unit for this key"))
    return entry


def _text(node: Node, key: str, name: str, problems: list[Problem]) -> str:
    """Return one of the texts of an entry; all but the note must be there."""
    given = node.at(key)
    if given is None and key == "note":
        return ""
    text = str(given.value) if given is not None and type(given.value) in (str, int) else ""
    if not text.strip():
        mark = node.mark if given is None else given.mark
        found = "missing" if given is None else f"{shown(given.plain())}, not a text"
        problems.append(mark.problem((name, key), found, f"every number has its {key}"))
    return text


@functools.lru_cache(maxsize=256)
def _cached(path: Path, shown_as: str, changed_ns: int, size: int) -> Group:
    return read_parameters(path, shown_as)


@dataclass
class Parameters:
    """The parameter files that a scenario may refer to: its own project's first, then the library's.

    Parameters
    ----------
    folders : folders that hold parameter files, the first one to know a name wins
    """

    folders: tuple[Path, ...]
    _groups: dict[str, list[Group]] = field(default_factory=dict, repr=False)

    @classmethod
    def reachable_from(cls, file: Path | None) -> Parameters:
        """Return the parameters for a scenario file (None: the library's)."""
        folders = [library.library_folder() / "parameters"]
        if file is not None:
            own = library.project_folder(file) / "parameters"
            if own.is_dir() and own.resolve() != folders[0].resolve():
                folders.insert(0, own)
        return cls(tuple(folders))

    @functools.cached_property
    def files(self) -> tuple[str, ...]:
        """The names of all parameter files, as they lay there when they were first asked for."""
        found = {path.stem for folder in self.folders for path in folder.glob("*.yaml") if _inside(path)}
        return tuple(sorted(found))

    def all(self) -> Iterator[Parameter]:
        """Walk every entry of every file."""

        def walk(group: Group) -> Iterator[Parameter]:
            for item in group.values():
                if isinstance(item, Parameter):
                    yield item
                else:
                    yield from walk(item)

        for name in self.files:
            for group in self.groups(name):
                yield from walk(group)

    def groups(self, name: str) -> list[Group]:
        """Return the contents of the files of one name, the project's own first."""
        if name not in self._groups:
            groups = []
            for folder in self.folders:
                path = folder / f"{name}.yaml"
                if path.is_file() and _inside(path):
                    status = path.stat()
                    groups.append(_cached(path, library.short(path), status.st_mtime_ns, status.st_size))
            self._groups[name] = groups
        return self._groups[name]


def _inside(path: Path) -> bool:
    """Whether a file, its symbolic links followed, lies in its own folder."""
    return path.resolve().is_relative_to(path.parent.resolve())
