"""Clouds: pooled capacity at a posted price."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

from simdai.economy.actors import Cloud, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.compute_market import ask_in_micro_usd
from simdai.economy.paths import Path, PathOf
from simdai.errors import Problem
from simdai.mechanisms.choice import left_to_pay
from simdai.registry import Configured
from simdai.units import Count, Name, PerYear, PositiveDays, Share

__all__ = ["Elastic", "PooledCloud", "PooledCloudActor"]

DAYS_PER_YEAR = 365.25


class Elastic(Configured):
    """Capacity that follows use: ``d ln C / dt = speed (use - target)``, up to a limit.

    Parameters
    ----------
    use_target : share of capacity that should be hired
    speed : per year
    capacity_max : GPUs
    """

    use_target: Share
    speed: PerYear
    capacity_max: Count


class PooledCloud(Cloud, kind="cloud"):
    """A cloud with one class of hardware; jobs queue when its capacity is hired.

    Parameters
    ----------
    hardware : name of a hardware class of the scenario
    capacity : GPUs
    price : USD per GPU-hour, a number or a path
    market : institution whose prices by the hour swing about their trend; this price swings with them
    elastic : how capacity follows use; fixed without
    step : days between two looks at both
    """

    hardware: Name
    capacity: Count
    price: Annotated[Path, PathOf("USD/h")]
    market: Name | None = None
    elastic: Elastic | None = None
    step: PositiveDays = 1.0

    def check(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("hardware", {"hardware": self.hardware}, scenario.hardware)
        if self.market is not None:
            swinging = [
                name for name, actor in scenario.institutions.items() if getattr(actor, "swing", None)
            ]
            yield from absent("institution whose prices swing", {"market": self.market}, swinging)

    def build(self, world: World, name: str) -> PooledCloudActor:
        return PooledCloudActor(self, world, name)


class PooledCloudActor:
    """A cloud on the clock: its price follows its path, its capacity its use."""

    def __init__(self, rules: PooledCloud, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0
        """Factor on the path's price; shocks change it."""
        self.rebate = 0.0
        """USD per GPU-hour of a speed-1 device that somebody outside pays for customers; shocks change it."""
        self.outage = 0.0
        """Share of capacity that is out of service."""
        self.capacity = rules.capacity / world.scale
        self._told: tuple[int, int] | None = None  # ask and GPUs that the market knows
        if rules.elastic is not None:
            world.compute.watch(rules.step)
        self._hardware = world.compute.hardware_index(rules.hardware)
        self._speed = world.hardware[rules.hardware].speed
        self.venue = world.compute.add_venue(
            name,
            is_cloud=True,
            rule="pooled",
            capacity=round(self.capacity),
            ask=ask_in_micro_usd(self.price),
            hardware=self._hardware,
            speed=self._speed,
        )

    @property
    def price(self) -> float:
        """USD per GPU-hour now, for customers."""
        full = self.world.on(self.rules.price) * self.level
        if self.rules.market is not None:
            full *= self.world.institutions[self.rules.market].swung
        return left_to_pay(full, self.rebate * self._speed) if self.rebate else full

    def list_price(self, hardware: tuple[int, ...] | None) -> float:
        """USD per GPU-hour of a speed-1 device; nan when the hardware is not wanted."""
        return self.price / self._speed if hardware is None or self._hardware in hardware else math.nan

    def start(self) -> None:
        """Follow the paths."""
        step = self.rules.step
        self.world.calendar.every(step, Phase.SUPPLY, self._act, first=step)
        measures: dict[str, tuple[str, Any]] = {
            "capacity": ("count", lambda: self.capacity * self.world.scale),
            "list_price_usd_per_gpu_hour": ("USD/h", lambda: self.price),
        }
        for measure, (unit, function) in measures.items():
            self.world.recorder.series(f"{self.name}.{measure}", unit, function)

    def _act(self) -> None:
        elastic, compute, days = self.rules.elastic, self.world.compute, self.rules.step
        if elastic is not None:
            use = compute.use(self.venue, compute.seen(days))
            if not math.isnan(use):
                self.capacity *= math.exp(elastic.speed * days / DAYS_PER_YEAR * (use - elastic.use_target))
                self.capacity = min(self.capacity, elastic.capacity_max / self.world.scale)
        self.apply()

    def apply(self) -> None:
        """Tell the market the price and capacity now in force."""
        compute, v = self.world.compute, self.venue.index
        ask, gpus = ask_in_micro_usd(self.price), round(self.capacity * (1.0 - self.outage))
        if (ask, gpus) == self._told:
            return
        self._told, table = (ask, gpus), compute.market.venue_table()
        if ask != table["ask"][v]:
            compute.market.set_ask(v, ask)
        if gpus != table["capacity"][v]:
            compute.set_capacity(self.venue, gpus)
