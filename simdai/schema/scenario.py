"""What a scenario file may say, as one frozen model."""

from __future__ import annotations

import datetime
import hashlib
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field, PrivateAttr

from simdai.errors import Problem, ScenarioError, path_text
from simdai.registry import Configured, FrozenMapping, OneOf, Regimes
from simdai.schema.loading import Location, Node
from simdai.schema.observations import Observation
from simdai.schema.overlay import Change
from simdai.schema.parameters import Use
from simdai.schema.uncertainty import Uncertainty
from simdai.units import Date, Days, Name, PositiveDays, Quantity

__all__ = ["Provenance", "Scenario", "Verdict", "walk"]


@dataclass(frozen=True)
class Provenance:
    """Where a scenario comes from.

    Parameters
    ----------
    files : the scenario and override files read, as (name as shown, bytes), the scenario's own first
    changes : what overrides and ``set`` changed, old and new, in the order applied
    parameters : every number that came from a parameter file, as (dotted path in the scenario, use)
    """

    files: tuple[tuple[str, bytes], ...] = ()
    changes: tuple[Change, ...] = ()
    parameters: tuple[tuple[str, Use], ...] = ()

    @property
    def content(self) -> bytes:
        """The bytes of the scenario's own file; empty for a scenario made in Python."""
        return self.files[0][1] if self.files else b""


@dataclass(frozen=True)
class Origin:
    """What the loader keeps of a scenario: its file, its tree, and that tree with references resolved."""

    folder_file: str | None
    tree: Node
    resolved: Node
    provenance: Provenance


def _section(family: str, what: str) -> Any:
    return Annotated[FrozenMapping[Name, Annotated[Any, OneOf(family)]], Field(description=what)]


class Verdict(Configured):
    """Limits of a measure of stress: beyond the first a network is bent, beyond the second it broke.

    Parameters
    ----------
    bent_below, broke_below : for measures that fall under stress
    bent_above, broke_above : for measures that rise
    """

    bent_below: float | None = None
    broke_below: float | None = None
    bent_above: float | None = None
    broke_above: float | None = None

    def of(self, value: float) -> Literal["held", "bent", "broke"]:
        """What a value of the measure means."""
        if _beyond(value, self.broke_below, self.broke_above):
            return "broke"
        return "bent" if _beyond(value, self.bent_below, self.bent_above) else "held"


def _beyond(value: float, below: float | None, above: float | None) -> bool:
    return (below is not None and value < below) or (above is not None and value > above)


class Scenario(Configured):
    """A world to simulate: who is in it, from when, for how long.

    Frozen; compares and hashes by value (its name and origin do not count); pickles. A section is a mapping
    from names to objects of one family.
    """

    question: Annotated[str, Field(description="what this scenario asks, in one sentence")] = ""
    start: Annotated[Date, Field(description="first day, 00:00 UTC")]
    horizon: Annotated[PositiveDays, Field(description="length of the run")]
    warm_up: Annotated[Days, Field(description="time before outcomes are measured")] = 0.0
    record_every: Annotated[PositiveDays, Field(description="time between recorded instants")] = 1.0
    scale: Annotated[
        float, Quantity("1", low=1.0), Field(description="real units that one simulated unit stands for")
    ] = 1.0

    hardware: _section("hardware", "accelerators by name") = FrozenMapping()  # type: ignore[valid-type]
    clouds: _section("cloud", "centralised compute by name") = FrozenMapping()  # type: ignore[valid-type]
    networks: _section("network", "decentralised networks by name") = FrozenMapping()  # type: ignore[valid-type]
    institutions: _section("institution", "investors, regulators, the labour market by name") = (  # type: ignore[valid-type]
        FrozenMapping()
    )
    labs: _section("lab", "developers of models by name") = FrozenMapping()  # type: ignore[valid-type]
    training: _section("training", "open training runs by name") = FrozenMapping()  # type: ignore[valid-type]
    demand: _section("demand", "customers by name") = FrozenMapping()  # type: ignore[valid-type]
    shocks: Annotated[
        tuple[Annotated[Any, OneOf("shock")], ...], Field(description="events from outside, on their dates")
    ] = ()

    uncertainties: Annotated[
        FrozenMapping[Name, Uncertainty],
        Field(description="numbers that each replication draws anew, by name"),
    ] = FrozenMapping()
    observations: Annotated[
        FrozenMapping[Name, FrozenMapping[Name, Observation]],
        Field(description="what really happened, by group; in a file, names of files in observations/"),
    ] = FrozenMapping()

    verdicts: Annotated[
        FrozenMapping[Name, Verdict],
        Field(description="limits by which stresses are graded, in place of the battery's"),
    ] = FrozenMapping()

    _name: str = PrivateAttr(default="scenario")
    _origin: Origin | None = PrivateAttr(default=None)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if problems := tuple(faults(self)):
            raise ScenarioError(problems)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @property
    def name(self) -> str:
        """What results are called after: the library path or the stem of the file."""
        return self._name

    @property
    def provenance(self) -> Provenance:
        """The files, changes and parameters that this scenario was made of."""
        return self._origin.provenance if self._origin else Provenance()

    @property
    def end(self) -> datetime.datetime:
        """The instant at which the horizon is reached (UTC, without zone)."""
        return datetime.datetime.combine(self.start, datetime.time()) + datetime.timedelta(days=self.horizon)

    @property
    def canonical(self) -> str:
        """The content in canonical units as JSON, keys in order; ``Scenario(**json.loads(...))`` reads it."""
        return json.dumps(
            _with_text_keys(self.model_dump()),
            sort_keys=True,
            separators=(",", ":"),
            default=str,
            allow_nan=False,
        )

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical content, hexadecimal."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    def with_changes(self, set: Mapping[str, Any] | Sequence[str] | None = None) -> Scenario:
        """Return the scenario with some values changed, as `simdai.schema.load` does with ``set``.

        References to parameters are looked up again, so a new ``start`` brings the values of its date.
        """
        from simdai.schema.assembly import change

        return change(self, set)

    def varied(self, changes: Mapping[str, Any]) -> Scenario:
        """Return the point of a study: this scenario with some values changed, by dotted path.

        Equal to `with_changes`, in a fraction of the time; parameters stay as they were looked up.
        """
        from simdai.schema.assembly import varied

        return varied(self, changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        sizes = [f"{len(value)} {name}" for name, value in self._sections() if len(value)]
        return f"Scenario({', '.join([repr(self.name), str(self.start), f'{self.horizon:g} d', *sizes])})"

    __str__ = __repr__

    def _sections(self) -> Iterator[tuple[str, Any]]:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, FrozenMapping | tuple):
                yield name, value

    def _repr_html_(self) -> str:
        rows = [
            ("start", f"{self.start}"),
            ("horizon", f"{self.horizon:g} d, outcomes from day {self.warm_up:g}"),
        ]
        for section, value in self._sections():
            items = value.items() if isinstance(value, FrozenMapping) else enumerate(value)
            for name, item in items:
                fields = ", ".join(
                    f"{field}: {_short(getattr(item, field))}" for field in type(item).model_fields
                )
                rows.append((f"{section}.{name}", f"{item.kind} ({fields})" if fields else item.kind))
        body = "".join(
            f"<tr><th>{html.escape(left)}</th><td>{html.escape(right)}</td></tr>" for left, right in rows
        )
        title = f"<b>{html.escape(self.name)}</b> {html.escape(self.question)}"
        return f"<div>{title}<table style='text-align:left'>{body}</table></div>"


def _with_text_keys(value: Any) -> Any:
    """The value with the dates that are keys of its mappings written out, as JSON wants them."""
    if isinstance(value, Mapping):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_keys(item) for item in value]
    return value


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def walk(value: Any, location: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Walk a scenario or a part of it, depth first: objects, mappings, regimes and plain values."""
    yield location, value
    if isinstance(value, Configured):
        for name in type(value).model_fields:
            yield from walk(getattr(value, name), (*location, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(item, (*location, str(key)))
    elif isinstance(value, tuple):
        for n, item in enumerate(value):
            yield from walk(item, (*location, n))
    elif isinstance(value, Regimes):
        if len(value) == 1 and value.start is None:
            yield from walk(value.rules[0], location)
        else:
            for n, regime in enumerate(value):
                yield from walk(regime.rule, (*location, n, "rule"))


class LooksAtFaulty(Exception):
    """A check asks for something of an object that is left out for its own faults."""


class LeftOut:
    """Stands in a section for an object that is faulty by itself, so that its name is still known.

    Whoever asks for anything of it, `hasattr` too, is told that there is nothing to be said.
    """

    def __getattr__(self, name: str) -> NoReturn:
        raise (AttributeError if name.startswith("__") else LooksAtFaulty)(name)


def faults(scenario: Scenario) -> Iterator[Problem]:
    """Yield what is wrong between the parts of a scenario whose parts are sound; paths, no positions."""
    horizon = f"{scenario.horizon:g} d"
    if scenario.warm_up >= scenario.horizon:
        yield Problem(
            path="warm_up", found=f"{scenario.warm_up:g} d", allowed=f"less than the horizon, {horizon}"
        )
    if scenario.record_every > scenario.horizon:
        found = f"{scenario.record_every:g} d"
        yield Problem(path="record_every", found=found, allowed=f"at most the horizon, {horizon}")
    try:
        scenario.end  # noqa: B018
    except OverflowError:
        yield Problem(path="horizon", found=horizon, allowed="an end before the year 10000")
    for location, value in walk(scenario):
        where = path_text(location)
        if isinstance(value, Regimes) and value.start is not None and value.start > scenario.start:
            allowed = f"a first rule from {scenario.start}, the start, or before"
            yield Problem(path=f"{where}[0].from", found=f"{value.start}", allowed=allowed)
        if isinstance(value, Configured) and value is not scenario:
            for problem in _checked(value, scenario):
                dot = "" if problem.path.startswith("[") or not problem.path else "."
                yield replace(problem, path=f"{where}{dot}{problem.path}")


def _checked(value: Configured, scenario: Scenario) -> list[Problem]:
    try:
        return list(value.check(scenario))
    except LooksAtFaulty:
        return []
