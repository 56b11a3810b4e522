"""What a scenario is put together from: its file, what that extends, overrides, and ``set``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from simdai.errors import Problem, ScenarioError, listed, nearest, shown
from simdai.schema import library
from simdai.schema.library import Place
from simdai.schema.loading import Mark, Node, compose, from_python, read_file
from simdai.schema.overlay import Change, changes_between, lay_over, location_of, put
from simdai.schema.positions import FIELDS, place_of
from simdai.schema.validation import SECTIONS

__all__ = ["Changes", "Gathering"]

Changes = Mapping[str, Any] | Sequence[str] | None
LONGEST_CHAIN = 16


@dataclass
class Gathering:
    """Files read, changes applied and problems met on the way."""

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
