"""Study files: a base scenario, what is varied in it, at which points, how often, and what is looked at."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from simdai.errors import Problem, ScenarioError, listed, nearest, path_text, shown
from simdai.experiments.designs import Factor
from simdai.experiments.designs.amounts import Amount, BaseNumber, unmeasured
from simdai.experiments.designs.points import MOST_POINTS, Factors
from simdai.registry import Configured, FrozenMapping, OneOf
from simdai.schema import Scenario, library
from simdai.schema.assembly import load_base, looked_up, misplaced, probe, value_at
from simdai.schema.json_schema import document, file_schema, kind_definitions
from simdai.schema.loading import Location, Mark, Node, from_python, read_file
from simdai.schema.overlay import location_of
from simdai.schema.parameters import Parameters
from simdai.schema.positions import positioned, with_positions
from simdai.units import Count, Name, PositiveCount, Share

__all__ = ["FOLDER", "StudyFile", "UntilPrecise", "check", "is_study", "load_study", "study_schema"]

FOLDER = "studies"  # in the library of scenarios


class UntilPrecise(Configured):
    """Replications until a mean is known well enough: a rule for each point of a study.

    A point is looked at after ``least`` replications, then after half as many again, and so on, and is left
    when the 95 % interval of every outcome named is narrow enough, or at ``most``. Looking often makes the
    coverage a little less than nominal; ``least`` of 10 or more keeps it near.
    Source: Law (2015), Simulation Modeling and Analysis, 5th ed., section 9.4.1.
    """

    half_width: Annotated[
        Share, Field(description="half the interval, as a share of the mean's size", gt=0.0)
    ]
    of: Annotated[tuple[str, ...], Field(description="the outcomes that must be known so well", min_length=1)]
    least: Annotated[PositiveCount, Field(description="replications of every point", ge=2)]
    most: Annotated[PositiveCount, Field(description="replications of no point exceed this")]

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.most < self.least:
            raise ValueError(f"most = {self.most} is less than least = {self.least}")
        return self

    def next_look(self, n: int) -> int:
        """After how many replications a point is looked at again, when ``n`` were not enough."""
        return min(self.most, n + max(1, n // 2)) if n else self.least


class Threshold(Configured):
    """One side of a value of an outcome."""

    above: Annotated[float | None, Field(description="more than this is looked for")] = None
    below: Annotated[float | None, Field(description="less than this is looked for")] = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("one of above and below is needed")
        return self


class _Replications:
    """A number of replications, or a rule that decides."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        count, rule = handler.generate_schema(PositiveCount), handler.generate_schema(UntilPrecise)
        return core_schema.tagged_union_schema(
            {"count": count, "rule": rule},
            lambda value: "rule" if isinstance(value, Mapping | UntilPrecise) else "count",
        )


class StudyFile(Configured):
    """What a study asks. Frozen; compares by value (its name and its base scenario do not count)."""

    question: Annotated[str, Field(description="what this study asks, in one sentence")] = ""
    base: Annotated[str, Field(description="library scenario, or a path relative to this file")]
    overrides: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
        Field(description="names of patches in overrides/, applied to the base"),
    ] = ()
    set: Annotated[
        FrozenMapping[str, Any],
        BeforeValidator(unmeasured),
        Field(description="dotted path to value, changed in the base"),
    ] = FrozenMapping()
    seed: Annotated[Count, Field(description="luck of the runs, and of a design that draws")] = 1
    replications: Annotated[Any, _Replications(), Field(description="runs of each point, or a rule")] = 1
    luck: Annotated[
        Literal["common", "independent"],
        Field(description="whether all points share their luck (common random numbers)"),
    ] = "common"
    uncertainties: Annotated[
        FrozenMapping[Name, Annotated[Any, OneOf("factor")]],
        Field(description="what nobody chooses, by name"),
    ] = FrozenMapping()
    levers: Annotated[
        FrozenMapping[Name, Annotated[Any, OneOf("factor")]], Field(description="what may be chosen, by name")
    ] = FrozenMapping()
    outcomes: Annotated[
        tuple[str, ...], Field(description="names of outcomes to keep, * standing for any letters; none: all")
    ] = ()
    series: Annotated[
        tuple[str, ...], Field(description="names of series to keep, likewise; none: none")
    ] = ()
    discover: Annotated[
        FrozenMapping[str, Threshold],
        Field(description="outcome to the side of a value whose conditions are looked for"),
    ] = FrozenMapping()
    design: Annotated[Any, OneOf("design"), Field(description="at which points the study looks")]

    _name: str = PrivateAttr(default="study")
    _scenario: Scenario | None = PrivateAttr(default=None)
    _text: str = PrivateAttr(default="")
    _place: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        """What results are called after: the library path or the stem of the file."""
        return self._name

    @property
    def scenario(self) -> Scenario:
        """The base scenario, with this study's overrides and settings."""
        assert self._scenario is not None, "a study file is made by load_study"
        return self._scenario

    @property
    def text(self) -> str:
        """The file as it was read; its content as JSON for a study made in Python."""
        return self._text or json.dumps(self.model_dump(), default=str, indent=1) + "\n"

    @property
    def place(self) -> str:
        """The name or path it was loaded by; empty for one made in Python."""
        return self._place

    @property
    def factors(self) -> Factors:
        """Uncertainties and levers."""
        return Factors(self.uncertainties, self.levers)

    @property
    def n_points(self) -> int:
        """How many points the design has."""
        return int(self.design.count(self.factors))

    def seed_of(self, point: int) -> int:
        """The seed of a point's runs: the study's, or one of its own where points do not share their luck."""
        if self.luck == "common":
            return self.seed
        state = np.random.SeedSequence(self.seed, spawn_key=(point,)).generate_state(1, np.uint64)
        return int(state[0] >> np.uint64(1))

    @property
    def hash(self) -> str:
        """SHA-256 of all that decides what a run of a point is, the number of replications not among it."""
        asked = {**self.model_dump(exclude={"question", "replications", "base", "overrides", "set"})}
        text = json.dumps([asked, self.scenario.hash], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def is_study(reference: str | os.PathLike[str]) -> bool:
    """Whether a name or path means a study and not a scenario.

    A library name means the scenario of that name where there is one.
    """
    if isinstance(reference, str) and not library.is_path(reference):
        return reference not in library.library_names() and _in_library(reference)
    try:
        _, tree, _ = read_file(library.locate(reference).path)
    except ScenarioError:
        return False
    return tree.is_mapping and ("design" in tree.value or "base" in tree.value)


def _in_library(name: str) -> bool:
    try:
        library.locate(name)
    except ScenarioError:
        try:
            library.locate(name, FOLDER, "study")
        except ScenarioError:
            return False
        return True
    return False


def load_study(
    name_or_path: str | os.PathLike[str] | Mapping[str, Any] | StudyFile,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    seed: int | None = None,
    replications: int | None = None,
) -> StudyFile:
    """Load a study and check all of it, its base scenario and the ends of its factors included.

    Parameters
    ----------
    name_or_path : a name in ``scenarios/studies/``, a path, a mapping with a file's keys (whose ``base``
        may be a Scenario), or a study
    set : further changes of the base scenario, as `simdai.load` takes them
    seed, replications : in place of the file's

    Raises
    ------
    ScenarioError : everything wrong in all files read, each with file, line and column
    """
    place, text = None, ""
    if isinstance(name_or_path, StudyFile):
        tree = from_python({**name_or_path.model_dump(), "base": name_or_path.scenario}, Mark())
        name, text, said = name_or_path.name, name_or_path._text, name_or_path.place
        tree = tree.with_child("overrides", None).with_child("set", None)
    elif isinstance(name_or_path, Mapping):
        tree, name, said = from_python(dict(name_or_path), Mark()), "study", ""
    else:
        place = library.locate(name_or_path, FOLDER, "study")
        content, tree, problems = read_file(place.path, place.shown_as)
        if problems:
            raise ScenarioError(problems)
        name, text, said = place.name, content.decode("utf-8-sig"), os.fspath(name_or_path)
    for key, value in (("seed", seed), ("replications", replications)):
        if value is not None:
            tree = tree.with_child(key, Node(value, Mark(key)))
    study = _Assembly(tree, place.path if place else None, set).study()
    study._name, study._text, study._place = name.removeprefix(f"{FOLDER}/"), text, said
    return study


class _Assembly:
    """The steps from the tree of a study file to a checked study; problems are gathered on the way."""

    def __init__(
        self, tree: Node, file: Path | None, changes: Mapping[str, Any] | Sequence[str] | None
    ) -> None:
        self.tree = tree
        self.file = file
        self.changes = changes
        self.problems: list[Problem] = []

    def study(self) -> StudyFile:
        """Do all the steps; `ScenarioError` with every problem met."""
        scenario = self.base()
        parameters = Parameters.reachable_from(self.file)
        start = scenario.start if scenario else None
        self.tree, _, _, problems = looked_up(self.tree, parameters, start)
        self.problems += problems
        base = self.tree.at("base")
        given = base is not None and isinstance(base.value, Scenario)
        tree = self.tree.with_child("base", Node(base.value.name, base.mark)) if base and given else self.tree
        study: StudyFile | None = None
        try:
            study = StudyFile.__pydantic_validator__.validate_python(tree.plain())
        except ValidationError as error:
            keys = tuple(StudyFile.model_fields)
            known = {(p.file, p.line, p.column) for p in self.problems if p.line}
            found = [problem for problem, _ in with_positions(error, tree, keys)]
            self.problems += [p for p in found if (p.file, p.line, p.column) not in known or not p.line]
        if study is not None:
            self.problems += self.between(study)
            if scenario is not None and not self.problems:
                self.problems += self.at_the_ends(study, scenario)
        if self.problems or study is None or scenario is None:
            own = self.tree.mark.file
            places = {
                problem: (problem.file != own, problem.line, problem.column) for problem in self.problems
            }
            raise ScenarioError(sorted(places, key=places.__getitem__))
        study._scenario = scenario
        return study

    def base(self) -> Scenario | None:
        """Load the base scenario; None where it is missing or faulty."""
        base = self.tree.at("base")
        if base is None or not isinstance(base.value, str | Scenario):
            return None
        try:
            if isinstance(base.value, Scenario):
                scenario = base.value
            else:
                scenario = load_base(base, self.file, self.names("overrides"), self.settings())
            return scenario.with_changes(self.changes) if self.changes else scenario
        except ScenarioError as error:
            self.problems += error.problems
            return None

    def names(self, key: str) -> Iterable[Node]:
        """The texts given under a key, one or several."""
        node = self.tree.at(key)
        nodes = () if node is None else node.value if isinstance(node.value, tuple) else (node,)
        return [one for one in nodes if isinstance(one.value, str)]

    def settings(self) -> Mapping[str, Node]:
        """What the study sets in its base."""
        node = self.tree.at("set")
        return node.value if node is not None and node.is_mapping else {}

    def between(self, study: StudyFile) -> Iterator[Problem]:
        """Yield what does not fit between the parts of the study."""
        for name in sorted({*study.uncertainties} & {*study.levers}):
            location: Location = ("levers", name)
            fault = Problem(
                path=path_text(location), found="also an uncertainty", allowed="a name of its own"
            )
            yield positioned(fault, location, self.tree, at_key=True)
        faults = [replace(p, path=f"design.{p.path}") for p in study.design.faults(study.factors)]
        if not study.factors and not faults:
            faults = [Problem(path="uncertainties", found="no factors", allowed="uncertainties or levers")]
        for fault in faults:
            yield positioned(fault, location_of(fault.path), self.tree)
        if not faults and (n := study.n_points) > MOST_POINTS:
            fault = Problem(path="design", found=f"{n:,} points", allowed=f"at most {MOST_POINTS:,}")
            yield positioned(fault, ("design",), self.tree)
        rule = study.replications
        wanted: list[tuple[Location, str]] = [(("discover", name), name) for name in study.discover]
        if isinstance(rule, UntilPrecise):
            wanted += [(("replications", "of", n), name) for n, name in enumerate(rule.of)]
        for location, name in wanted:
            if study.outcomes and not any(fnmatch.fnmatchcase(name, pattern) for pattern in study.outcomes):
                allowed = listed(study.outcomes)
                fault = Problem(path=path_text(location), found=f"{shown(name)} is not kept", allowed=allowed)
                fault = replace(fault, suggestion=nearest(name, study.outcomes))
                yield positioned(fault, location, self.tree, at_key=location[0] == "discover")

    def at_the_ends(self, study: StudyFile, scenario: Scenario) -> list[Problem]:
        """Put the ends or options of every factor into the base, those of all factors together at first."""
        base = base_values(study.factors, scenario)
        probes: list[list[list[tuple[str, Node]]]] = []
        problems: list[Problem] = []
        for side in ("uncertainties", "levers"):
            for name, factor in getattr(study, side).items():
                place = self.tree.at(side)
                node = place.at(name) if place else None
                assert node is not None
                if wrong := self.paths(factor, (side, name), scenario, base):
                    problems += wrong
                    continue
                probes.append(
                    [self.settings_at(factor, level, base, node, at) for at, level in factor.probes()]
                )
        for step in range(max(map(len, probes), default=0)):
            together = [setting for one in probes for setting in one[min(step, len(one) - 1)]]
            if probe(scenario, together):
                for one in probes:  # the fault may lie in the combination, which is for the run to say
                    if step < len(one):
                        problems += probe(scenario, one[step])
        return problems

    def paths(
        self, factor: Factor, location: tuple[str, str], scenario: Scenario, base: Mapping[str, BaseNumber]
    ) -> list[Problem]:
        """What is wrong with the paths of a factor, and with the base's values that its levels multiply."""
        at = self.tree.at(location[0])
        node = at.at(location[1]) if at else None
        mark = (node.at("path") or node).mark if node else Mark()
        found = [] if factor.relative_paths else misplaced(scenario, factor.changes(0.0, base), mark)
        for path in factor.relative_paths:
            if path not in base:
                fault = Problem(
                    path=path_text((*location, "path")),
                    found=f"{shown(path)} is no number in {scenario.name}",
                    allowed="a path to a number, for relative levels",
                )
                found.append(positioned(fault, (*location, "path"), self.tree))
        return found

    @staticmethod
    def settings_at(
        factor: Factor, level: float, base: Mapping[str, BaseNumber], node: Node, place: Sequence[str | int]
    ) -> list[tuple[str, Node]]:
        """What a level sets, marked with the place in the file that the level comes from."""
        for part in place:
            node = node.at(part) or node
        changes = factor.changes(level, base)
        if node.is_mapping and set(node.value) == set(changes):
            return list(node.value.items())
        whole = node if isinstance(node.value, dict | tuple) else None
        return [(path, whole or from_python(value, node.mark)) for path, value in changes.items()]


def base_values(factors: Factors, scenario: Scenario) -> dict[str, BaseNumber]:
    """The numbers of a scenario that factors multiply, by path; paths that lead to no number are left out."""
    found = {}
    for factor in factors.values():
        for path in factor.relative_paths:
            try:
                said, used = value_at(scenario, path)
                found[path] = BaseNumber(Amount.read(said), type(used) is int)
            except PydanticCustomError:
                continue
    return found


def check(names: Iterable[str | os.PathLike[str]]) -> list[Problem]:
    """Return every problem of every scenario and study named; an empty list when all are sound."""
    from simdai.schema import load
    from simdai.world import build

    problems: list[Problem] = []
    for name in names:
        try:
            if is_study(name):
                load_study(name)
            elif (scenario := load(name)).observations:
                build(scenario, seed=1, replication=0)  # says whether their series exist
        except ScenarioError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    return problems


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema of a study file, with every kind that is registered now (draft 2020-12)."""
    definitions = kind_definitions()
    return document("simdai study", file_schema(StudyFile, "study", definitions), definitions)
