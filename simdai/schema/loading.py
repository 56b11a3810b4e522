"""YAML text to a tree of values that remember where they stand.

YAML 1.2's core schema decides what a plain word means: ``1e9`` is a number, ``no`` and ``12:30`` are text. A
scenario file is data and nothing else: tags, anchors, aliases, merge keys, further documents and deep nesting
are refused.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from simdai.errors import Problem, ScenarioError, path_text, shown

__all__ = ["Mark", "Node", "Reader", "compose", "from_python", "read_bytes", "read_file"]

LARGEST_FILE = 1 << 20  # bytes
MOST_NODES = 50_000
DEEPEST = 48
LONGEST_KEY = 200  # characters
LONGEST_NUMBER = 400  # characters; float64 has no use for more

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file: line and column from 1; line 0 for a value that comes from no file."""

    file: str = ""
    line: int = 0
    column: int = 0

    def problem(
        self, location: Iterable[str | int], found: str, allowed: str = "", suggestion: str = ""
    ) -> Problem:
        """Make a problem at this place."""
        return Problem(
            self.file, self.line, self.column, path_text(tuple(location)), found, allowed, suggestion
        )

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file: a scalar, a tuple of nodes, or a dict of nodes with the marks of its keys.

    Nothing changes a node once it is made; `origin` is what a parameter reference was replaced from.
    """

    value: Any
    mark: Mark = Mark()
    keys: Mapping[str, Mark] = field(default_factory=dict)
    origin: Any = None

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping of nodes."""
        return isinstance(self.value, dict)

    @property
    def is_reference(self) -> bool:
        """Whether this stands for a parameter: ``{parameter: file.entry}``."""
        return self.is_mapping and "parameter" in self.value

    def plain(self) -> Any:
        """Return the value with all marks dropped: scalars, tuples and dicts."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return tuple(node.plain() for node in self.value)
        return self.value

    def at(self, part: str | int) -> Node | None:
        """Return the child with this key or index, None when there is none."""
        if isinstance(self.value, dict):
            found = self.value.get(str(part))
            return found if isinstance(found, Node) else None
        if isinstance(self.value, tuple) and isinstance(part, int) and 0 <= part < len(self.value):
            child = self.value[part]
            return child if isinstance(child, Node) else None
        return None

    def with_child(self, part: str | int, child: Node | None, mark: Mark | None = None) -> Node:
        """Return a copy with one child put, or taken out when ``child`` is None."""
        if isinstance(self.value, dict):
            key = str(part)
            values, keys = dict(self.value), dict(self.keys)
            if child is None:
                values.pop(key, None)
                keys.pop(key, None)
            else:
                values[key] = child
                keys[key] = mark or child.mark
            return replace(self, value=values, keys=keys)
        items = list(self.value)
        if child is None:
            del items[int(part)]
        else:
            items[int(part)] = child
        return replace(self, value=tuple(items))

    def leaves(self, location: Location = ()) -> Iterator[tuple[Location, Node]]:
        """Walk all scalars, with parameter references counted as such; in the order of the file."""
        if self.is_reference or not isinstance(self.value, dict | tuple) or not self.value:
            yield location, self
        elif isinstance(self.value, dict):
            for key, node in self.value.items():
                yield from node.leaves((*location, key))
        else:
            for n, node in enumerate(self.value):
                yield from node.leaves((*location, n))


def from_python(value: Any, mark: Mark) -> Node:
    """Wrap a Python value in nodes that all have one mark."""
    if isinstance(value, Mapping):
        return Node(
            {str(k): from_python(v, mark) for k, v in value.items()}, mark, {str(k): mark for k in value}
        )
    if type(value) in (list, tuple):
        return Node(tuple(from_python(item, mark) for item in value), mark)
    return Node(value, mark)


def read_bytes(path: Path, shown_as: str = "") -> bytes:
    """Read a regular file of at most 1 MiB; anything else is a `ScenarioError` at once (a FIFO, too)."""
    where = Mark(shown_as or str(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(where.problem((), f"cannot be read: {reason.lower()}", "a YAML file")) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
        os.close(descriptor)
        if stat.S_ISREG(status.st_mode):
            raise ScenarioError(where.problem((), f"{status.st_size} bytes", f"at most {LARGEST_FILE}"))
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise ScenarioError(where.problem((), kind, "a YAML file"))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        content = b""
        try:
            while len(content) <= LARGEST_FILE and (chunk := file.read(LARGEST_FILE + 1 - len(content))):
                content += chunk
        except OSError as error:
            raise ScenarioError(
                where.problem((), f"cannot be read: {error.strerror}", "a YAML file")
            ) from None
    if len(content) > LARGEST_FILE:
        raise ScenarioError(where.problem((), f"more than {LARGEST_FILE} bytes", f"at most {LARGEST_FILE}"))
    return content


def read_file(path: Path, shown_as: str = "") -> tuple[bytes, Node, list[Problem]]:
    """Read one file; returns its bytes, its tree (a mapping) and everything wrong with it as YAML."""
    content = read_bytes(path, shown_as)
    tree, problems = compose(content, shown_as or str(path))
    if not tree.is_mapping and not problems:
        problems.append(
            tree.mark.problem(
                (), "no mapping" if tree.value is None else shown(tree.plain()), "keys and values"
            )
        )
    return content, tree, problems


def compose(content: bytes | str, file: str, in_file: bool = True) -> tuple[Node, list[Problem]]:
    """Turn YAML text into nodes.

    Parameters
    ----------
    content : UTF-8 bytes or text
    file : how positions name the text
    in_file : False for text that is no file (a ``--set`` value): marks then carry no line

    Returns
    -------
    tree : the root node; an empty mapping where the text cannot be read at all
    problems : in the order of the text; empty for a sound file
    """
    return Reader(file, in_file).read(content)


class Reader:
    """One pass over the events of one YAML text; collects problems instead of stopping at the first."""

    def __init__(self, file: str, in_file: bool = True) -> None:
        self.file = file
        self.in_file = in_file
        self.problems: list[Problem] = []
        self.n_nodes = 0

    def read(self, content: bytes | str) -> tuple[Node, list[Problem]]:
        """Compose the whole text; see `compose`."""
        empty = Node({}, Mark(self.file, 1 if self.in_file else 0, 1 if self.in_file else 0))
        text = self._decode(content)
        if text is None:
            return empty, self.problems
        events = yaml.parse(text, Loader=_Loader)
        try:
            root = self._document(events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            found = " ".join(part for part in (error.context, error.problem) if part)
            self._fault(self._mark(mark) if mark else empty.mark, (), f"not YAML: {found}")
            root = empty
        except yaml.YAMLError as error:
            self._fault(empty.mark, (), f"not YAML: {shown(str(error))}")
            root = empty
        except _Refused:
            root = empty
        return root, self.problems

    def _decode(self, content: bytes | str) -> str | None:
        if isinstance(content, bytes):
            try:
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                line = content.count(b"\n", 0, error.start) + 1
                column = error.start - content.rfind(b"\n", 0, error.start)
                self._fault(self._place(line, column), (), f"byte 0x{content[error.start]:02x}", "UTF-8 text")
                return None
        else:
            text = content
        bad = _UNPRINTABLE.search(text)
        if bad is not None:
            line, column = (
                text.count("\n", 0, bad.start()) + 1,
                bad.start() - text.rfind("\n", 0, bad.start()),
            )
            self._fault(self._place(line, column), (), f"the character U+{ord(bad[0]):04X}", "printable text")
            return None
        return text

    def _place(self, line: int, column: int) -> Mark:
        return Mark(self.file, line, column) if self.in_file else Mark(self.file)

    def _mark(self, mark: Any) -> Mark:
        return self._place(mark.line + 1, mark.column + 1)

    def _fault(self, mark: Mark, location: Location, found: str, allowed: str = "") -> None:
        self.problems.append(mark.problem(location, found, allowed))

    def _document(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._fault(self._mark(event.start_mark), (), "a second document", "one document a file")
                    break
                if event.tags:
                    self._fault(
                        self._mark(event.start_mark), (), "a %TAG directive", "plain data, without tags"
                    )
            elif not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
                root = self._node(event, events, (), 0)
        if root is None or (root.value is None and self.in_file):
            return Node({}, self._place(1, 1))
        return root

    def _node(self, event: Any, events: Iterator[Any], location: Location, depth: int) -> Node:
        mark = self._mark(event.start_mark)
        self.n_nodes += 1
        if depth > DEEPEST:
            self._fault(mark, (), f"more than {DEEPEST} levels of nesting", "a flatter file")
            raise _Refused
        if self.n_nodes > MOST_NODES:
            self._fault(mark, (), f"more than {MOST_NODES} values", "a smaller file")
            raise _Refused
        if isinstance(event, yaml.AliasEvent):
            self._fault(
                mark, location, f"the alias *{shown(event.anchor)[1:-1]}", "no aliases: repeat the value"
            )
            raise _Refused
        if event.anchor is not None:
            self._fault(
                mark, location, f"the anchor &{shown(event.anchor)[1:-1]}", "no anchors: repeat the value"
            )
            raise _Refused
        if event.tag is not None:
            self._fault(mark, location, f"the tag {shown(event.tag)}", "plain data, without tags")
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0]
            return Node(self._scalar(event.value, mark, location) if plain else event.value, mark)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(inner := next(events), yaml.SequenceEndEvent):
                items.append(self._node(inner, events, (*location, len(items)), depth + 1))
            return Node(tuple(items), mark)
        return self._mapping(mark, events, location, depth)

    def _mapping(self, mark: Mark, events: Iterator[Any], location: Location, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            place = self._mark(event.start_mark)
            if not isinstance(event, yaml.ScalarEvent):
                self._node(event, events, location, depth + 1)
                self._node(next(events), events, location, depth + 1)
                self._fault(place, location, "a key that is not a word", "a name")
                continue
            key, plain = event.value, event.implicit[0]
            if event.anchor is not None or event.tag is not None:
                self._fault(place, location, "a tag or an anchor on a key", "plain data")
            node = self._node(next(events), events, (*location, key[:LONGEST_KEY]), depth + 1)
            if len(key) > LONGEST_KEY or not key.isprintable():
                self._fault(place, location, f"the key {shown(key)}", "a name")
            elif key == "<<" and plain:
                self._fault(
                    place, location, "the merge key <<", "no merge keys: use extends, or repeat the values"
                )
            elif plain and key in _NULLS:
                self._fault(place, location, "an empty key", "a name")
            elif key in values:
                self._fault(
                    place,
                    (*location, key),
                    f"{shown(key)} is given twice (first on line {keys[key].line})",
                    "one value a key",
                )
            else:
                values[key], keys[key] = node, place
        return Node(values, mark, keys)

    def _scalar(self, text: str, mark: Mark, location: Location) -> Any:
        """Return the meaning of a plain word under YAML 1.2's core schema."""
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if not _MAYBE_NUMBER.match(text):
            return text
        if _NOT_FINITE.fullmatch(text):
            self._fault(mark, location, shown(text)[1:-1], "a finite number")
            return 0
        integer, real = _INTEGER.fullmatch(text), _FLOAT.fullmatch(text)
        if integer is None and real is None:
            return text
        if len(text) > LONGEST_NUMBER:
            self._fault(mark, location, f"a number of {len(text)} characters", f"at most {LONGEST_NUMBER}")
            return 0
        if integer is not None:
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        number = float(text)
        if not math.isfinite(number):
            self._fault(
                mark, location, f"{shown(text)[1:-1]} is too large for a number", "at most some 1.8e308"
            )
            return 0
        return number


class _Refused(Exception):
    """Reading stops here: the text is no scenario, and the problem that says why is noted."""


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MAYBE_NUMBER = re.compile(r"[-+.0-9]")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
