"""The compute market of a world: what it is made of, the kernel that runs it, what is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simdai.economy.calendar import Calendar, Phase
from simdai.economy.ledger import Ledger
from simdai.economy.measures import Increment, Reading
from simdai.engine import Environment, Streams
from simdai.errors import SimdaiError
from simdai.kernel import JobClassSpec, Market, PoolSpec, VenueSpec, make_market
from simdai.kernel.market_spec import MAX_HARDWARE, MAX_VENUES

if TYPE_CHECKING:
    from simdai.economy.requirements import Requirements

__all__ = ["ComputeMarket", "Venue", "ask_in_micro_usd", "asks_in_micro_usd"]

MICRO = 10**6
LEASE_COUNTERS = ("gpu_hours", "revenue", "started", "completed", "wait_days")
"""What is counted of leases: GPU-hours, micro-USD, leases that began and that came to their end, waits."""

Numbers = NDArray[Any]


def asks_in_micro_usd(usd_per_gpu_hour: ArrayLike) -> NDArray[np.int64]:
    """The nearest µUSD per GPU-hour, halves to even, at least one: nothing is sold for nothing."""
    units: NDArray[np.int64] = np.maximum(np.rint(np.asarray(usd_per_gpu_hour) * MICRO), 1).astype(np.int64)
    return units


def ask_in_micro_usd(usd_per_gpu_hour: float) -> int:
    """One ask as `asks_in_micro_usd` rounds it."""
    return max(round(usd_per_gpu_hour * MICRO), 1)


@dataclass
class Venue:
    """A place of the market as its owner knows it."""

    index: int
    name: str
    is_cloud: bool
    pools: list[int] = field(default_factory=list)
    admits: Callable[[int, Requirements, JobClassSpec], bool] | None = None
    """Whether the providers of a pool may serve jobs with such requirements; all may without."""


class ComputeMarket:
    """Gathers the market's description while a world is built; after `open`, runs and reads the kernel.

    `seen` is what happened between the last two looks of those who look every so many days, ``interval`` what
    happened since the last recording, `window` since the end of the warm-up.
    """

    def __init__(self, ledger: Ledger, hardware: list[str]) -> None:
        if len(hardware) > MAX_HARDWARE:
            raise SimdaiError(f"{len(hardware)} hardware classes; the market holds at most {MAX_HARDWARE}")
        self._ledger = ledger
        self.hardware = hardware
        self.venues: list[Venue] = []
        self._venue_specs: list[VenueSpec] = []
        self._pool_specs: list[PoolSpec] = []
        self._class_specs: list[JobClassSpec] = []
        self._requirements: list[Requirements] = []
        self.regions: dict[str, int] = {}
        self._watched: set[float] = set()  # days between two looks
        self._seen: dict[float, Increment] = {}
        self._looks: dict[float, Reading] = {}
        self._market: Market | None = None

    # -- description -----------------------------------------------------------------------------------------

    def add_venue(self, name: str, is_cloud: bool, **options: Any) -> Venue:
        """Add a venue; its accounts are ``name.escrow``, ``name.fees``, ``name.revenue``."""
        if len(self.venues) == MAX_VENUES:
            raise SimdaiError(f"{name!r} is one venue too many; the market holds at most {MAX_VENUES}")
        escrow, fee, payee = (self._ledger.open(f"{name}.{role}") for role in ("escrow", "fees", "revenue"))
        self._venue_specs.append(VenueSpec(name=name, escrow=escrow, fee=fee, payee=payee, **options))
        self.venues.append(Venue(len(self.venues), name, is_cloud))
        return self.venues[-1]

    def add_pool(self, spec: PoolSpec) -> int:
        """Add providers that are alike; returns the index of the pool."""
        self._pool_specs.append(spec)
        self.venues[spec.venue].pools.append(len(self._pool_specs) - 1)
        return len(self._pool_specs) - 1

    def add_job_class(self, spec: JobClassSpec, requires: Requirements) -> int:
        """Add a stream of jobs and what they ask of providers besides hardware; returns its index."""
        self._class_specs.append(spec)
        self._requirements.append(requires)
        return len(self._class_specs) - 1

    def watch(self, step: float) -> None:
        """Have the market read every ``step`` days, at the beginning of their `Phase.DEMAND`, for `seen`."""
        self._watched.add(step)

    def region(self, jurisdiction: str) -> int:
        """Number of a jurisdiction."""
        return self.regions.setdefault(jurisdiction, len(self.regions))

    def hardware_index(self, name: str) -> int:
        """Number of a hardware class."""
        return self.hardware.index(name)

    def venue(self, name: str) -> Venue:
        """The venue called ``name``."""
        return next(venue for venue in self.venues if venue.name == name)

    # -- running ---------------------------------------------------------------------------------------------

    def open(
        self,
        env: Environment,
        streams: Streams,
        calendar: Calendar,
        kernel: Literal["compiled", "reference"] | None,
        trace: bool = False,
    ) -> None:
        """Ask the venues who may serve whom, make the kernel's market and start measuring."""
        self._class_specs = [
            replace(spec, excluded_pools=self._excluded(spec, requires))
            for spec, requires in zip(self._class_specs, self._requirements, strict=True)
        ]
        self._market = make_market(
            env,
            venues=self._venue_specs,
            pools=self._pool_specs,
            job_classes=self._class_specs,
            streams=streams,
            accounts=self._ledger.accounts("USD"),
            kernel=kernel,
            trace=trace,
        )
        self._installed, self._installed_at = np.zeros(len(self.venues)), env.now
        self._let, self._let_at = np.zeros(len(self._pool_specs)), env.now
        self._let_days = np.zeros(len(self._pool_specs))
        shape = len(self.venues), len(self._class_specs)
        self._sales = {name: np.zeros(shape) for name in LEASE_COUNTERS}
        self._came, self._went = np.zeros(shape[1]), np.zeros(shape[1])
        self._interval = self._start = now = self.read()
        self.interval = now.until(now)
        for step in sorted(self._watched or {1.0}):
            self._seen[step], self._looks[step] = self.interval, now
            calendar.every(step, Phase.DEMAND, partial(self._look, step), first=step)

    def _excluded(self, spec: JobClassSpec, requires: Requirements) -> frozenset[int]:
        """Pools whose providers may not serve a stream of jobs."""
        return frozenset(
            pool
            for venue in self.venues
            if venue.admits is not None
            for pool in venue.pools
            if not venue.admits(pool, requires, spec)
        )

    @property
    def market(self) -> Market:
        """The kernel's market."""
        assert self._market is not None, "the market is opened after all actors are built"
        return self._market

    def read(self) -> Reading:
        """All cumulative counters now."""
        market = self.market
        counters, pools = market.counters(), market.pools()
        if self._came.any():
            for name, sold in self._sales.items():
                counters[name] = counters[name] + sold
            let = self._days_let()
            pools["busy_days"], pools["idle_days"] = pools["busy_days"] + let, pools["idle_days"] - let
        return Reading(
            market.env.now,
            counters,
            pools,
            market.venue_table()["gpu_days"],
            self._capacity_days(),
            market.wait_histogram(),
            market.outside() + self._went,
            market.arrivals() + self._came,
        )

    def revenue(self, venue: Venue) -> float:
        """Micro-USD that customers of a venue have paid since the start, for jobs and under lease."""
        return float(self.market.revenue(venue.index) + self._sales["revenue"][venue.index].sum())

    def set_capacity(self, venue: Venue, gpus: int) -> None:
        """Change the capacity of a cloud, keeping account of its time integral."""
        self._installed = self._capacity_days()
        self._installed_at = self.market.env.now
        self.market.set_capacity(venue.index, gpus)

    # -- leases that networks make beside the kernel ---------------------------------------------------------

    def let(self, pool: int, gpus: int) -> None:
        """``gpus`` more (or fewer) GPUs of a pool are under lease from now on, and count as hired."""
        self._let_days, self._let_at = self._days_let(), self.market.env.now
        self._let[pool] += gpus / self._pool_specs[pool].gpus

    def _days_let(self) -> Numbers:
        """(n_pools,) provider-days under lease so far."""
        days: Numbers = self._let_days + self._let * (self.market.env.now - self._let_at)
        return days

    def sell(self, venue: Venue, job_class: int, **amounts: float) -> None:
        """Count what was sold under lease among the sales of a venue to a job class, by `LEASE_COUNTERS`."""
        for name, amount in amounts.items():
            self._sales[name][venue.index, job_class] += amount

    def arrive(self, job_class: int, stays_outside: bool) -> None:
        """Count a customer who came for a lease, and whether it went to no venue."""
        self._came[job_class] += 1
        self._went[job_class] += stays_outside

    # -- readings --------------------------------------------------------------------------------------------

    def _capacity_days(self) -> Numbers:
        days = self.market.env.now - self._installed_at
        total: Numbers = self._installed + days * self.market.venue_table()["capacity"]
        return total

    def _look(self, step: float) -> None:
        now = self.read()
        self._seen[step], self._looks[step] = self._looks[step].until(now), now

    def seen(self, step: float | None = None) -> Increment:
        """What happened in the last ``step`` days looked at; without, in the shortest that anybody knows."""
        return self._seen[min(self._seen) if step is None else step]

    def close_interval(self) -> None:
        """End the interval between two recordings."""
        now = self.read()
        self.interval, self._interval = self._interval.until(now), now

    def start_window(self) -> None:
        """Measure outcomes from now on."""
        self._start = self.read()

    def window(self) -> Increment:
        """What happened since `start_window`, or since the start."""
        return self._start.until(self.read())

    # -- measures --------------------------------------------------------------------------------------------

    def use(self, venue: Venue, over: Increment) -> float:
        """Share of a venue's GPU-time online that was hired; nan when nothing was online."""
        if venue.is_cloud:
            installed = float(over.capacity_days[venue.index])
            return float(over.gpu_days[venue.index]) / installed if installed else math.nan
        return self.pools_use(venue.pools, over)

    def pools_use(self, pools: list[int], over: Increment) -> float:
        """Share of some pools' GPU-time online that was hired; nan when nothing was online."""
        busy, idle = (
            sum(float(over.pool_days[state][pool]) * self._pool_specs[pool].gpus for pool in pools)
            for state in ("busy_days", "idle_days")
        )
        return busy / (busy + idle) if busy + idle else math.nan

    def supply_hours(self, venue: Venue, over: Increment) -> float:
        """GPU-hours that a venue had online, hired or not."""
        if venue.is_cloud:
            return 24.0 * float(over.capacity_days[venue.index])
        return 24.0 * sum(self._gpu_days(venue, over, state) for state in ("busy_days", "idle_days"))

    def _gpu_days(self, venue: Venue, over: Increment, state: str) -> float:
        return sum(float(over.pool_days[state][pool]) * self._pool_specs[pool].gpus for pool in venue.pools)

    def speed(self, venue: Venue, over: Increment, hardware: tuple[int, ...] | None) -> float:
        """Mean speed of the GPUs of some hardware classes that were hired, relative to an H100."""
        if venue.is_cloud:
            return self._venue_specs[venue.index].speed
        fitting = [p for p in venue.pools if hardware is None or self._pool_specs[p].hardware in hardware]
        speeds = [self._pool_specs[p].speed for p in fitting]
        busy = [float(over.pool_days["busy_days"][p]) * self._pool_specs[p].gpus for p in fitting]
        weights = busy if sum(busy) else [1.0] * len(busy)
        return sum(s * w for s, w in zip(speeds, weights, strict=True)) / sum(weights) if speeds else math.nan

    def work_hours(self, venues: list[Venue], over: Increment) -> float:
        """GPU-hours of a speed-1 device in the jobs completed, by the mean work of each class."""
        rows = [venue.index for venue in venues]
        completed = over.counters["completed"][rows].sum(axis=0).tolist()
        hours = (24.0 * spec.service.mean * spec.gpus * spec.devices for spec in self._class_specs)
        return float(sum(each * jobs for each, jobs in zip(hours, completed, strict=True)))

    def unit_cost(self, venues: list[Venue], over: Increment) -> float:
        """All that customers paid per GPU-hour of work done, on a speed-1 device [USD/h]."""
        hours = self.work_hours(venues, over)
        paid = sum(over.count("revenue", v.index) for v in venues)
        return paid / MICRO / hours if hours else math.nan
