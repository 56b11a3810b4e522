"""Volunteer nodes: unlike machines on unlike links, which come while it pays and go when it does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Self

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.special import ndtri

from simdai.economy.actors import World, absent
from simdai.economy.paths import Path, PathOf
from simdai.errors import Problem
from simdai.mechanisms.low_communication import entry_weight
from simdai.registry import Configured
from simdai.units import (
    Count,
    Days,
    GiB,
    Name,
    NonNegative,
    PerDay,
    Positive,
    PositiveCount,
    PositiveDays,
    Quantity,
)

__all__ = ["H100_FLOPS", "Entry", "NodeKind", "Nodes"]

H100_FLOPS = 9.89e14
"""Dense BF16 peak of one H100 SXM, the unit in which compute is counted (NVIDIA data sheet)."""

HALF_STEP = 2.0**-54
GIB = 2.0**30

PositiveShare = Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)]
BitsPerSecond = Annotated[float, Quantity("bit/s", low=0.0), Gt(0.0)]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class NodeKind(Configured):
    """Nodes alike but for their luck.

    Parameters
    ----------
    weight : of this kind among newcomers
    peak : dense peak of the whole node; mfu : share of it that local steps reach
    memory : of the whole node
    up, down, latency : links
    availability : share of rounds for which a node is there
    failures : per day, while it computes; repair : until it is back
    speed_spread, link_spread : standard deviation of the logarithm between nodes
    jitter : of the logarithm of one node's time between rounds
    cost : USD per hour of the whole node
    seller, gpus : or: rented from a seller of the scenario, so many GPUs of speed 1, at its list price
    """

    weight: Positive = 1.0
    peak: Annotated[float, Quantity("FLOPS", low=0.0), Gt(0.0)]
    mfu: PositiveShare
    memory: GiB
    up: BitsPerSecond
    down: BitsPerSecond
    latency: Annotated[float, Quantity("s", low=0.0)] = 0.0
    availability: PositiveShare = 1.0
    failures: PerDay = 0.0
    repair: Days = 0.0
    speed_spread: NonNegative = 0.0
    link_spread: NonNegative = 0.0
    jitter: NonNegative = 0.0
    cost: Annotated[Path, PathOf("USD/h")] | None = None
    seller: Name | None = None
    gpus: Positive | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.cost is None) == (self.seller is None):
            raise ValueError("give either 'cost', or 'seller' and 'gpus'")
        if (self.seller is None) != (self.gpus is None):
            raise ValueError("'seller' and 'gpus' belong together")
        if self.memory <= 0:
            raise ValueError("memory must be above 0")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.seller is not None:
            sellers = [*scenario.clouds, *scenario.networks]
            yield from absent("cloud or network", {"seller": self.seller}, sellers)

    def usd_per_day(self, world: World) -> float:
        """Cost of one node today."""
        if self.cost is not None:
            return 24.0 * world.on(self.cost)
        price = world.sellers[str(self.seller)].list_price(None)
        return 24.0 * price * float(self.gpus or 0.0)


class Entry(Configured):
    """When nodes come and go.

    Parameters
    ----------
    start : nodes at the start
    least : volunteers who stay whatever is paid
    most : nodes that are let in; no limit without
    turnover : share of nodes that come, and that go, in a day while reward equals cost
    sensitivity : both move with (reward / cost) to this power, up and down
    memory : time over which nodes average what they are paid
    step : time between payments, after which nodes come and go
    """

    start: Count
    least: Count = 0
    most: PositiveCount | None = None
    turnover: PerDay
    sensitivity: NonNegative
    memory: PositiveDays
    step: PositiveDays = 1.0

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.most is not None and self.most < max(self.start, self.least):
            raise ValueError("most: fewer nodes than there are at the start, or than always stay")
        return self


class Nodes:
    """The nodes of one run, present and past; one row a node, in the order in which they came.

    Attributes
    ----------
    kind : (n,) number of the node's kind; flops : (n,) FLOP/s that local steps reach
    up, down : (n,) bit/s, without the level of the run's links
    here : (n,) whether it belongs to the run; ready_at : (n,) days, from when it can compute
    dishonest : (n,) whether it cheats where cheating pays
    """

    def __init__(self, kinds: Mapping[str, NodeKind], world: World, name: str, dishonest: float) -> None:
        self.kinds, self.world = list(kinds.values()), world
        weights = np.array([kind.weight for kind in self.kinds])
        self._shares = np.cumsum(weights / weights.sum())
        self._luck = {
            what: world.entity(f"node.{what}", name) for what in ("kind", "speed", "link", "honesty", "leave")
        }
        self._dishonest = dishonest
        self.kind = np.empty(0, dtype=np.int64)
        self.flops, self.up, self.down, self.ready_at = (np.empty(0) for _ in range(4))
        self.here, self.dishonest = np.empty(0, dtype=bool), np.empty(0, dtype=bool)
        self.changes = 0
        """How often somebody came or went, or got other machines."""
        self.lent: Callable[[], float] | None = None
        """H100 equivalents that somebody lends them in all; they work on their own machines without."""
        self.level = 1.0
        """Factor on the speed and the memory of every node: what is lent stands beside what they own."""

    @property
    def ids(self) -> Ints:
        """Who belongs to the run now."""
        return np.flatnonzero(self.here)

    @property
    def count(self) -> int:
        """Nodes that belong to the run now."""
        return int(self.here.sum())

    @property
    def joined(self) -> int:
        """Nodes that ever belonged to the run."""
        return len(self.kind)

    def join(self, n: int, ready_at: float) -> None:
        """Let ``n`` newcomers in, who can compute from a time on."""
        ids = np.arange(self.joined, self.joined + n)
        kind = np.searchsorted(self._shares, self._luck["kind"].uniforms(ids, 0), side="right")
        kind = np.minimum(kind, len(self.kinds) - 1)

        def of(field: str) -> Floats:
            return np.array([getattr(self.kinds[k], field) for k in kind], dtype=np.float64)

        speed = ndtri(self._luck["speed"].uniforms(ids, 0) + HALF_STEP) * of("speed_spread")
        link = ndtri(self._luck["link"].uniforms(ids, 0) + HALF_STEP) * of("link_spread")
        cheats = self._luck["honesty"].uniforms(ids, 0) < self._dishonest
        self.kind = np.concatenate([self.kind, kind])
        self.flops = np.concatenate([self.flops, of("peak") * of("mfu") * np.exp(speed)])
        self.up = np.concatenate([self.up, of("up") * np.exp(link)])
        self.down = np.concatenate([self.down, of("down") * np.exp(link)])
        self.ready_at = np.concatenate([self.ready_at, np.full(n, ready_at)])
        self.here = np.concatenate([self.here, np.ones(n, dtype=bool)])
        self.dishonest = np.concatenate([self.dishonest, cheats])
        self.changes += n

    def take_lent(self) -> None:
        """Share what is lent by the speed of the nodes' own machines; it stays until the next time."""
        own = self.h100e / self.level
        level = 1.0 + self.lent() / own if self.lent is not None and own > 0.0 else 1.0
        self.changes += level != self.level
        self.level = level

    def leave(self, ids: Ints) -> None:
        """Let nodes go."""
        self.here[ids] = False
        self.changes += len(ids)

    def of_kind(self, field: str, ids: Ints) -> Floats:
        """(len(ids),) what a field says of the nodes' kinds."""
        values = np.array([float(getattr(kind, field)) for kind in self.kinds])
        return values[self.kind[ids]]

    @property
    def h100e(self) -> float:
        """H100 equivalents of all nodes, by their peaks, what is lent included."""
        return self.level * float(self.of_kind("peak", self.ids).sum()) / H100_FLOPS

    def usd_per_day(self) -> float:
        """What a node costs its owner in a day: the mean of those here, without any that of newcomers."""
        prices = np.array([kind.usd_per_day(self.world) for kind in self.kinds])
        ids = self.ids
        if len(ids):
            return float(prices[self.kind[ids]].mean())
        return float((np.diff(self._shares, prepend=0.0) * prices).sum())

    def leavers(self, rules: Entry, ratio: float, number: int) -> Ints:
        """Who goes within a step while reward over cost is ``ratio``; the oldest of ``least`` stay."""
        ids = self.ids
        hazard = rules.turnover / entry_weight(max(ratio, 1e-6), 1.0, rules.sensitivity)
        going = self._luck["leave"].uniforms(ids, number) < -math.expm1(-hazard * rules.step)
        return ids[going][: max(len(ids) - rules.least, 0)]
