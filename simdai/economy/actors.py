"""What a configured actor may ask of its world, and what the world asks of an actor."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from simdai.economy.calendar import Calendar
from simdai.economy.compute_market import ComputeMarket, Venue
from simdai.economy.foundation import Foundation
from simdai.economy.hardware import Accelerator
from simdai.economy.ledger import Ledger
from simdai.economy.paths import Path
from simdai.engine import EntityStream, Environment, Recorder, Streams
from simdai.errors import Problem, listed, nearest, shown
from simdai.registry import Configured

__all__ = [
    "SECTIONS",
    "Actor",
    "Cloud",
    "Demand",
    "Flows",
    "Institution",
    "Lab",
    "Network",
    "NetworkActor",
    "Seller",
    "Shock",
    "Training",
    "World",
    "absent",
    "exactly_one",
    "only",
]

SECTIONS = ("institutions", "clouds", "networks", "labs", "training", "demand")
"""Sections of a scenario that hold named actors, in the order in which actors are built and started."""


class World(Protocol):
    """Everything that an actor shares with the others.

    Attributes
    ----------
    start_date : first day of the scenario; ``env.now`` counts days from its midnight
    horizon : days
    scale : real units that one simulated unit stands for
    hardware : accelerators by name
    sellers : clouds and networks with a venue, by name, in the order of the market's venues
    """

    env: Environment
    streams: Streams
    ledger: Ledger
    calendar: Calendar
    compute: ComputeMarket
    recorder: Recorder
    start_date: datetime.date
    horizon: float
    scale: float
    hardware: Mapping[str, Accelerator]
    clouds: Mapping[str, Any]
    networks: Mapping[str, Any]
    institutions: Mapping[str, Any]
    labs: Mapping[str, Any]
    training: Mapping[str, Any]
    demand: Mapping[str, Any]

    @property
    def sellers(self) -> Mapping[str, Seller]: ...

    def entity(self, *name: str) -> EntityStream:
        """The stream of individual decisions ``name``, which branches with fresh luck renew."""

    def on(self, path: Path) -> float:
        """Value of a path now."""

    def days_until(self, date: datetime.date) -> float:
        """Days from the start of the scenario to a date's midnight; negative before the start."""

    def at_window(self, function: Callable[[], None]) -> None:
        """Call ``function`` whenever outcomes begin to be measured: at the start and after the warm-up."""


def absent(what: str, names: Mapping[str, str], allowed: Iterable[str]) -> Iterator[Problem]:
    """Problems for names that a scenario does not hold.

    Parameters
    ----------
    what : they should be
    names : by their path inside the object that uses them
    """
    allowed = list(allowed)
    for path, name in names.items():
        if name not in allowed:
            yield Problem(
                path=path,
                found=f"unknown {what} {shown(name)}",
                allowed=listed(allowed),
                suggestion=nearest(name, allowed),
            )


def only(actors: Mapping[str, Any], kind: str) -> Any:
    """The actor of a kind of which a section holds at most one; None without one."""
    return next((actor for actor in actors.values() if actor.rules.kind == kind), None)


def exactly_one(scenario: Any, section: str, *kinds: str) -> Iterator[Problem]:
    """Problems for kinds of which a section must hold one and does not."""
    present = [actor.kind for actor in getattr(scenario, section).values()]
    for kind in kinds:
        if (n := present.count(kind)) != 1:
            yield Problem(path="", found=f"{n} of kind {kind!r} in {section}", allowed="exactly one")


@dataclass(frozen=True)
class Flows:
    """What a network has taken in and given out since the start, real USD.

    Parameters
    ----------
    revenue_usd : paid by customers
    subsidy_usd : tokens newly created for participants, at the market price of their day
    """

    revenue_usd: float
    subsidy_usd: float


class Actor(Protocol):
    """An object on the clock."""

    def start(self) -> None:
        """Take up work; called once, at time 0, after the market is open."""


class Seller(Actor, Protocol):
    """An actor with a venue of the compute market."""

    venue: Venue
    rebate: float
    """USD per GPU-hour of a speed-1 device that somebody outside pays for customers."""

    def list_price(self, hardware: tuple[int, ...] | None) -> float:
        """USD per GPU-hour of a speed-1 device that a customer would expect; nan when nothing fits."""


class Cloud(Configured, family="cloud"):
    """A seller with pooled capacity."""

    def build(self, world: World, name: str) -> Seller:
        """The cloud ``name`` of a world."""
        raise NotImplementedError


class NetworkActor(Actor, Protocol):
    """A network on the clock.

    Attributes
    ----------
    token : the `TokenMarket` of its token, None without one
    foundation : which of its `Network.functions` run
    """

    token: Any
    foundation: Foundation

    @property
    def served(self) -> float:
        """What customers have got since the start, in a unit of the network's own."""

    @property
    def flows(self) -> Flows:
        """What customers paid and what was created for participants since the start."""


class Network(Configured, family="network"):
    """A decentralised network.

    Attributes
    ----------
    functions : what a company or a foundation runs of it, and what depends on that
    """

    functions: ClassVar[Mapping[str, str]] = {}

    def build(self, world: World, name: str) -> Actor:
        """The network ``name`` of a world."""
        raise NotImplementedError


class Institution(Configured, family="institution"):
    """Somebody who sets the terms for everybody else: investors, a regulator, the labour market."""

    def build(self, world: World, name: str) -> Actor:
        """The institution ``name`` of a world."""
        raise NotImplementedError


class Lab(Configured, family="lab"):
    """A developer of models."""

    def build(self, world: World, name: str) -> Actor:
        """The lab ``name`` of a world."""
        raise NotImplementedError


class Training(Configured, family="training"):
    """A sequence of training runs that a network owns."""

    def build(self, world: World, name: str) -> Actor:
        """The runs ``name`` of a world."""
        raise NotImplementedError


class Demand(Configured, family="demand"):
    """A group of customers."""

    def build(self, world: World, name: str) -> Actor:
        """The customers ``name`` of a world."""
        raise NotImplementedError


class Shock(Configured, family="shock"):
    """Something that happens to a world at a date."""

    def build(self, world: World, name: str) -> Actor:
        """The shock ``name`` of a world."""
        raise NotImplementedError
