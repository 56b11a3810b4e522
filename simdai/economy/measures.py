"""What is read of the compute market: counters between two instants, and what is reported of every venue."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.engine import Recorder
from simdai.kernel.market import histogram_quantile

if TYPE_CHECKING:
    from simdai.economy.compute_market import ComputeMarket, Venue

__all__ = ["Increment", "Reading", "ratio", "report"]

MICRO = 10**6

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Reading:
    """The market's cumulative counters at one instant."""

    time: float
    counters: dict[str, Numbers]
    pools: dict[str, Numbers]
    gpu_days: Numbers
    capacity_days: Numbers
    waits: Numbers
    outside: Numbers
    arrivals: Numbers

    def until(self, later: Reading) -> Increment:
        """What happened between this reading and a later one."""
        states = ("idle_days", "busy_days", "offline_days")
        return Increment(
            days=later.time - self.time,
            counters={name: later.counters[name] - self.counters[name] for name in later.counters},
            queued=later.counters["queued"],
            pool_days={name: later.pools[name] - self.pools[name] for name in states},
            gpu_days=later.gpu_days - self.gpu_days,
            capacity_days=later.capacity_days - self.capacity_days,
            waits=later.waits - self.waits,
            outside=later.outside - self.outside,
            arrivals=later.arrivals - self.arrivals,
        )


@dataclass(frozen=True)
class Increment:
    """What happened in the market between two instants; venues, job classes and pools by index.

    nan stands for a ratio whose denominator is zero.
    """

    days: float
    counters: dict[str, Numbers]
    queued: Numbers
    pool_days: dict[str, Numbers]
    gpu_days: Numbers
    capacity_days: Numbers
    waits: Numbers
    outside: Numbers
    arrivals: Numbers

    def sales(self, job_class: int) -> dict[str, list[float]]:
        """Every counter of a class by venue, and the jobs that wait there now."""
        sold = {name: counts[:, job_class].tolist() for name, counts in self.counters.items()}
        return sold | {"queued": self.queued[:, job_class].tolist()}

    def count(self, name: str, venue: int, job_class: int | None = None) -> float:
        """Sum of a counter over a venue, or over one class in it."""
        row = self.counters[name][venue]
        return float(row.sum() if job_class is None else row[job_class])

    def ratio(self, top: str, bottom: str, venue: int, job_class: int | None = None) -> float:
        """Quotient of two counters."""
        return ratio(self.count(top, venue, job_class), self.count(bottom, venue, job_class))

    def price(self, venue: int, job_class: int | None = None) -> float:
        """USD that customers paid per GPU-hour of attempts that completed."""
        return self.ratio("revenue", "gpu_hours", venue, job_class) / MICRO

    def mean_wait_hours(self, venue: int, job_class: int | None = None) -> float:
        """Mean wait of the jobs that started."""
        return 24.0 * self.ratio("wait_days", "started", venue, job_class)

    def wait_quantile_hours(self, q: float, venue: int) -> float:
        """Quantile of the waits of the jobs that started, within 9 %."""
        return 24.0 * histogram_quantile(self.waits[venue].sum(axis=0), q)

    def failed_share(self, venue: int, job_class: int | None = None) -> float:
        """Share of ended attempts that failed because a provider became unavailable."""
        failed = self.count("failed_attempts", venue, job_class)
        return ratio(failed, failed + self.count("completed", venue, job_class))


def ratio(top: float, bottom: float) -> float:
    """Quotient; nan where the denominator is zero."""
    return top / bottom if bottom else math.nan


Add = Callable[[str, str, Callable[[Increment], float]], None]


def report(compute: ComputeMarket, recorder: Recorder, scale: float) -> None:
    """Register the series and outcomes that every venue has, and those that compare venues.

    Counts and sums are multiplied by ``scale``, the real units that one simulated unit stands for.
    """

    def add(name: str, unit: str, measure: Callable[[Increment], float]) -> None:
        recorder.series(name, unit, lambda: measure(compute.interval), looks_back=True)
        recorder.outcome(name, unit, lambda: measure(compute.window()))

    for venue in compute.venues:
        _report_venue(compute, venue, scale, add)
    networks = [venue for venue in compute.venues if not venue.is_cloud]
    clouds = [venue for venue in compute.venues if venue.is_cloud]
    if networks and clouds:
        add("niche.cost.unit_cost_ratio", "1", lambda over: _cost_ratio(compute, networks, clouds, over))
    if compute.market.job_classes:
        add("market.share.outside", "1", _outside_share)
    for c, spec in enumerate(compute.market.job_classes):
        _report_class(c, spec.name, scale, add)


def _report_class(c: int, name: str, scale: float, add: Add) -> None:
    def total(over: Increment, counter: str) -> float:
        return float(over.counters[counter][:, c].sum())

    add(f"{name}.jobs_completed", "count", lambda over: scale * total(over, "completed"))
    add(f"{name}.outside_share", "1", lambda over: ratio(float(over.outside[c]), float(over.arrivals[c])))
    add(
        f"{name}.wait_hours_mean",
        "h",
        lambda over: 24.0 * ratio(total(over, "wait_days"), total(over, "started")),
    )
    add(
        f"{name}.price_usd_per_gpu_hour",
        "USD/h",
        lambda over: ratio(total(over, "revenue") / MICRO, total(over, "gpu_hours")),
    )


def _report_venue(compute: ComputeMarket, venue: Venue, scale: float, add: Add) -> None:
    v, name = venue.index, venue.name
    add(f"{name}.price_usd_per_gpu_hour", "USD/h", lambda over: over.price(v))
    add(f"{name}.utilisation", "1", lambda over: compute.use(venue, over))
    add(f"{name}.wait_hours_mean", "h", lambda over: over.mean_wait_hours(v))
    add(f"{name}.wait_hours_p90", "h", lambda over: over.wait_quantile_hours(0.9, v))
    add(f"{name}.jobs_completed", "count", lambda over: scale * over.count("completed", v))
    add(f"{name}.gpu_hours", "h", lambda over: scale * over.count("gpu_hours", v))
    add(f"{name}.supply_gpu_hours", "h", lambda over: scale * compute.supply_hours(venue, over))
    add(f"{name}.failed_share", "1", lambda over: over.failed_share(v))
    add(f"{name}.reneged_share", "1", lambda over: over.ratio("reneged", "submitted", v))
    add(f"{name}.revenue_usd", "USD", lambda over: scale * over.count("revenue", v) / MICRO)
    add(f"market.share.{name}", "1", lambda over: _share(compute, venue, over))


def _share(compute: ComputeMarket, venue: Venue, over: Increment) -> float:
    """Share of a venue in the work done anywhere."""
    total = compute.work_hours(compute.venues, over)
    return compute.work_hours([venue], over) / total if total else math.nan


def _cost_ratio(compute: ComputeMarket, networks: list[Venue], clouds: list[Venue], over: Increment) -> float:
    """USD per GPU-hour of work done in networks over the same in clouds."""
    below = compute.unit_cost(clouds, over)
    return compute.unit_cost(networks, over) / below if below else math.nan


def _outside_share(over: Increment) -> float:
    """Share of the potential jobs that went nowhere."""
    arrived = float(np.sum(over.arrivals))
    return float(np.sum(over.outside)) / arrived if arrived else math.nan
