"""Demand segments: customers who bring jobs and choose where to run them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simdai.economy.actors import Demand, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.compute_market import ask_in_micro_usd
from simdai.economy.laws import Law, Never
from simdai.economy.ledger import WORLD
from simdai.economy.measures import ratio
from simdai.economy.requirements import Requirements
from simdai.economy.venue_choice import Choice, VenueChoice
from simdai.errors import Problem
from simdai.kernel import MAX_ASK, JobClassSpec
from simdai.mechanisms.choice import left_to_pay
from simdai.units import (
    Count,
    Days,
    Hours,
    Name,
    PerDay,
    PerYear,
    PositiveCount,
    PositiveDays,
    Share,
    UsdPerGpuHour,
)

__all__ = ["Segment", "SegmentActor"]

DAYS_PER_YEAR = 365.25
HOURS = 24.0
MICRO = 10**6

SellerName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63})?$")]

Floats = NDArray[np.float64]


class Segment(Demand, kind="segment"):
    """Customers alike in their jobs and tastes.

    Parameters
    ----------
    jobs_per_day : potential jobs, those that stay outside included
    growth : of ``jobs_per_day``, per year, continuous
    service : law of the work of a job, days on an H100
    choice : how venues are chosen
    gpus : GPUs on one provider; devices : providers used at once (more than one needs a cluster or a cloud)
    hardware : names of the classes that will do; any without
    sellers : clouds, networks or parts of networks (``render.tier2``) that will do; any without
    max_price : highest ask that is accepted, USD per GPU-hour; any without
    patience : law of the time that a job waits; for ever without
    checkpoint : days of work between checkpoints; none without (a failure then loses all), 0 loses nothing
    priority : higher first, where a venue knows priorities
    min_reputation : of the providers, at venues with tiers
    requires : what providers must show besides hardware
    diurnal_amplitude, diurnal_peak : daily profile of arrivals: relative height, hour of the peak (UTC)
    step : days between two looks at prices, waits and failures
    """

    jobs_per_day: PerDay
    service: Law
    choice: Choice
    growth: PerYear = 0.0
    gpus: PositiveCount = 1
    devices: PositiveCount = 1
    hardware: tuple[Name, ...] | None = None
    sellers: tuple[SellerName, ...] | None = None
    max_price: UsdPerGpuHour | None = None
    patience: Law = Never()
    checkpoint: Days | None = None
    priority: Count = 0
    min_reputation: Share = 0.0
    requires: Requirements = Requirements()
    diurnal_amplitude: Share = 0.0
    diurnal_peak: Hours = 0.0
    step: PositiveDays = 1.0

    def check(self, scenario: Any) -> Iterator[Problem]:
        wanted = {f"hardware[{n}]": name for n, name in enumerate(self.hardware or ())}
        yield from absent("hardware", wanted, scenario.hardware)
        parts = [
            f"{n}.{p}" for n, network in scenario.networks.items() for p in getattr(network, "parts", ())
        ]
        named = {f"sellers[{n}]": name for n, name in enumerate(self.sellers or ())}
        yield from absent("seller", named, [*scenario.clouds, *scenario.networks, *parts])
        premiums = {f"choice.premiums.{name}": name for name in self.choice.premiums}
        yield from absent("cloud or network", premiums, [*scenario.clouds, *scenario.networks])

    def build(self, world: World, name: str) -> SegmentActor:
        return SegmentActor(self, world, name)


class SegmentActor:
    """A segment on the clock: at every step it looks at prices, waits and failures, and its shares move."""

    def __init__(self, rules: Segment, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0
        """Factor on the potential jobs; shocks change it."""
        names = None if rules.hardware is None else [world.compute.hardware_index(h) for h in rules.hardware]
        self.hardware = None if names is None else tuple(names)
        world.compute.watch(rules.step)
        self.job_class = world.compute.add_job_class(
            JobClassSpec(
                name=name,
                rate=self.rate,
                service=rules.service.kernel(),
                gpus=rules.gpus,
                devices=rules.devices,
                max_ask=MAX_ASK if rules.max_price is None else ask_in_micro_usd(rules.max_price),
                hardware=self.hardware,
                patience=rules.patience.kernel(),
                checkpoint=math.inf if rules.checkpoint is None else rules.checkpoint,
                priority=rules.priority,
                min_reputation=rules.min_reputation,
                diurnal_amplitude=rules.diurnal_amplitude,
                diurnal_peak=rules.diurnal_peak / 24.0,
                payer=world.ledger.open(WORLD),
            ),
            rules.requires,
        )

    @property
    def rate(self) -> float:
        """Potential jobs a day now, simulated ones."""
        grown = math.exp(self.rules.growth * self.world.env.now / DAYS_PER_YEAR)
        return self.rules.jobs_per_day * grown * self.level / self.world.scale

    def start(self) -> None:
        """Choose at listed prices, then look around at every step."""
        compute, recorder = self.world.compute, self.world.recorder
        self.venues = list(self.world.sellers.values())
        owners = [name.partition(".")[0] for name in self.world.sellers]
        self.choice = VenueChoice(self.rules.choice, owners)
        capable = self.world.compute.market.capable[:, self.job_class]
        self._offers = [
            (n, seller, seller.venue.index)
            for n, (name, seller) in enumerate(self.world.sellers.items())
            if capable[seller.venue.index] and self._will_do(name)
        ]
        self.choice.open(self._listed())
        self.apply()
        step = self.rules.step
        self.world.calendar.every(step, Phase.DEMAND, self._look, first=step)
        for n, venue in enumerate(self.world.sellers):
            recorder.series(f"{self.name}.share.{venue}", "1", lambda n=n: float(self.choice.shares[n]))  # type: ignore[misc]
        c = self.job_class
        recorder.series(
            f"{self.name}.jobs_per_day",
            "1/d",
            lambda: self._per_day(compute.interval.arrivals[c], compute.interval.days),
        )

    def _per_day(self, jobs: Any, days: float) -> float:
        return float(jobs) * self.world.scale / days if days else self.rate * self.world.scale

    def _listed(self) -> Floats:
        """(n,) listed prices, nan where the segment's jobs can never run."""
        prices = np.full(len(self.venues), math.nan)
        for n, seller, _ in self._offers:
            prices[n] = seller.list_price(self.hardware)
        return prices

    def _will_do(self, seller: str) -> bool:
        """Whether the segment buys from ``seller``, by its own name or that of the network it belongs to."""
        wanted = self.rules.sellers
        return wanted is None or seller in wanted or seller.partition(".")[0] in wanted

    def _look(self) -> None:
        compute = self.world.compute
        over, prices = compute.seen(self.rules.step), self._listed()
        waits, failed = np.full(len(prices), math.nan), np.full(len(prices), math.nan)
        sold = over.sales(self.job_class)
        for n, seller, v in self._offers:
            price = float(prices[n])
            if math.isnan(price):
                continue
            if sold["completed"][v]:
                paid = ratio(sold["revenue"][v], sold["gpu_hours"][v]) / MICRO
                price = paid / compute.speed(seller.venue, over, self.hardware)
            if not seller.venue.is_cloud:  # a cloud's price has its subsidy taken off already
                price = left_to_pay(price, seller.rebate)
            prices[n] = price
            started, queued = sold["started"][v], sold["queued"][v]
            wait = HOURS * ratio(sold["wait_days"][v], started)
            waits[n] = expected_wait_hours(wait, started, queued, over.days)
            lost = sold["failed_attempts"][v]
            failed[n] = ratio(lost, lost + sold["completed"][v])
        self.choice.update(prices, waits, failed, over.days)
        self.apply()

    def apply(self) -> None:
        """Tell the market the arrival rate and the shares now in force."""
        shares = np.zeros(len(self.world.compute.venues))
        shares[[seller.venue.index for seller in self.venues]] = self.choice.shares
        self.world.compute.market.set_rate(self.job_class, self.rate)
        self.world.compute.market.set_shares(self.job_class, shares)


def expected_wait_hours(mean_wait: float, started: float, queued: float, days: float) -> float:
    """Wait that a customer would expect after ``days`` of watching a venue [h].

    The larger of the mean wait of the jobs that started and the time that the queue needs at the pace seen
    (Little, 1961), where a queue that nothing left counts as having lost one job.

    Parameters
    ----------
    mean_wait : [h], nan when nothing started
    started, queued : jobs
    """
    queue = 24.0 * days * queued / max(started, 1.0)
    return queue if math.isnan(mean_wait) else max(mean_wait, queue)
