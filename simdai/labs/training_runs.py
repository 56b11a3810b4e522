"""A lab's training runs: when one is worth it, how large it is, how it goes, what comes out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import Field

from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.labs.technology import SECONDS_PER_DAY, TrainingTechnology, calendar_year
from simdai.mechanisms.demand import vintage_value
from simdai.mechanisms.scaling import Allocation
from simdai.mechanisms.training_runs import completion, run_cost_usd
from simdai.registry import Configured
from simdai.units import NonNegative, Positive, PositiveDays, Share

if TYPE_CHECKING:
    from simdai.engine import EntityStream
    from simdai.labs.lab import LabActor

__all__ = ["Decisions", "Model", "Plans", "Run", "Training"]

DAYS_PER_YEAR = 365.25
LEAST_GAPS = 64
MOST_GAPS = 2**24
"""Interruptions after which a run is given up: its cluster never gets anywhere."""


class Decisions(Configured):
    """How long a decision takes, lognormal.

    Parameters
    ----------
    median, log_sigma : days
    """

    median: PositiveDays
    log_sigma: Positive


class Plans(Configured):
    """When a lab trains its next model.

    Parameters
    ----------
    share : of its compute that a run takes at most
    least_gain : index points over its best model below which it waits
    decision : how long it takes to decide on a run
    """

    share: Share = Field(gt=0.0)
    least_gain: NonNegative
    decision: Decisions


@dataclass
class Model:
    """A trained model.

    Parameters
    ----------
    index : without refreshes [points]
    flop : training compute
    decided : day on which it was decided to build it
    allocation : parameters and tokens
    """

    index: float
    flop: float
    decided: float
    allocation: Allocation


@dataclass
class Run:
    """A run under way.

    Parameters
    ----------
    number : of the lab, from 0
    h100e : its size
    start, end : days; the end is known to nobody but the calendar
    planned_days, goodput : how long it should take, and the useful share of that
    planned_index, base_index : of the plan, and of the best model when it began
    flop, decided : see `Model`
    interruptions : that strike it
    cost_usd : value that its machines lose, and energy
    """

    number: int
    h100e: float
    start: float
    end: float
    planned_days: float
    goodput: float
    planned_index: float
    base_index: float
    flop: float
    decided: float
    interruptions: int
    cost_usd: float

    @property
    def useful_days(self) -> float:
        """Days of work that the run needs, without checkpoints, restarts and work lost."""
        return self.planned_days * self.goodput


class Course(NamedTuple):
    """How long a run takes in the end, days, and how many interruptions strike it."""

    days: float
    interruptions: int


def course(
    technology: TrainingTechnology,
    h100e: float,
    planned_days: float,
    year: float,
    luck: EntityStream,
    number: int,
) -> Course:
    """Play a run through its interruptions.

    The useful time that it needs is what the plan expected of its days; every interruption is drawn by its
    own number, so that the same run meets the same luck in every scenario.
    """
    mtbf = technology.mtbf_s(h100e, year)
    work = technology.goodput(h100e, year) * planned_days * SECONDS_PER_DAY
    if work <= 0.0:
        return Course(math.inf, 0)
    n = max(LEAST_GAPS, int(1.2 * planned_days * SECONDS_PER_DAY / mtbf))
    while n <= MOST_GAPS:
        gaps = -mtbf * np.log1p(-luck.uniforms(np.arange(n), number))
        done = completion(
            work,
            gaps,
            technology.checkpoint_interval_s(h100e, year),
            technology.checkpoint * SECONDS_PER_DAY,
            technology.restart * SECONDS_PER_DAY,
        )
        if math.isfinite(done.wall_s):
            return Course(done.wall_s / SECONDS_PER_DAY, done.interruptions)
        n *= 2
    return Course(math.inf, n)


class Training:
    """The runs of a lab on the clock.

    ``best_index`` is that of the best model trained, refreshes and delays of release left out.
    """

    def __init__(self, rules: Plans, lab: LabActor) -> None:
        self.rules, self.lab = rules, lab
        self.technology = lab.frontier.rules.training
        self.run: Run | None = None
        self.best_index = lab.rules.index
        self.decision_days: list[float] = []
        self.finished: list[Run] = []
        self.failures = 0
        self._number = 0
        entity = lab.world.entity
        self._luck = {
            what: Draws(entity(f"lab.{what}", lab.name))
            for what in ("decision", "duration", "success", "quality", "elapsed")
        }
        self._interruptions = entity("lab.interruptions", lab.name)

    @property
    def h100e(self) -> float:
        """H100e that the run under way takes."""
        return self.run.h100e if self.run else 0.0

    def start(self) -> None:
        """Begin with a run in progress, somewhere between its start and its end."""
        planned = self._duration()
        now = self.lab.world.env.now
        elapsed = self._luck["elapsed"].uniform(0) * planned
        decided = now - elapsed - self._decision_days()
        self._begin(decided, now - elapsed, planned)

    def _look_tomorrow(self) -> None:
        """The compute is free: think about the next run at the beginning of the next day."""
        tomorrow = math.floor(self.lab.world.env.now) + 1.0
        self.lab.world.calendar.at(tomorrow, Phase.RUNS, self._look)

    def _look(self) -> None:
        """Decide on the next run if it is worth it by now; else think again at the next step."""
        if self.lab.sold:
            return
        if self._planned_index(self.technology.duration) - self.best_index < self.rules.least_gain:
            later = self.lab.world.env.now + self.lab.rules.step
            self.lab.world.calendar.at(later, Phase.RUNS, self._look)
            return
        now, wait = self.lab.world.env.now, self._decision_days()
        self.lab.world.calendar.at(now + wait, Phase.RUNS, lambda: self._decided(now))

    # -- plans -----------------------------------------------------------------------------------------------

    @property
    def size(self) -> float:
        """H100e of a run that starts now: its share, as far as customers and experiments leave it."""
        fleet, service = self.lab.fleet, self.lab.service
        free = (1.0 - service.rules.reserve) * fleet.h100e - service.h100e
        return max(min(self.rules.share * fleet.h100e, free), 0.0)

    def flop_of_newest(self, age: float) -> float:
        """Compute of the run of the newest model of the start, begun ``age`` days before it, FLOP."""
        size = self.size * self.lab.rules.compute.growth ** (-age / DAYS_PER_YEAR)
        return self.technology.flop(size, self.technology.duration, self._year() - age / DAYS_PER_YEAR)

    def _year(self) -> float:
        return calendar_year(self.lab.world.start_date, self.lab.world.env.now)

    def _planned_index(self, days: float) -> float:
        size, now = self.size, self.lab.world.env.now
        return self._index(self.technology.flop(size, days, self._year()), now) if size > 0.0 else -math.inf

    def _index(self, flop: float, start: float) -> float:
        """Index that a run of ``flop`` FLOP with the methods of its start can expect."""
        frontier = self.lab.frontier
        return frontier.index(flop, frontier.earlier(self.lab.log_software, start), start)

    def _duration(self) -> float:
        t = self.technology
        days = t.duration + t.duration_sd * self._luck["duration"].normal(self._number)
        return min(max(days, t.shortest), t.longest)

    def _decision_days(self) -> float:
        rules = self.rules.decision
        days = self._luck["decision"].lognormal(self._number, rules.median, rules.log_sigma)
        self.decision_days.append(days)
        return days

    def _decided(self, decided: float) -> None:
        if self.lab.sold:
            return
        if self.size > 0.0:
            self._begin(decided, self.lab.world.env.now, self._duration())
        else:
            self._look_tomorrow()

    # -- a run -----------------------------------------------------------------------------------------------

    def _begin(self, decided: float, start: float, planned: float) -> None:
        """Start a run; one that began before the scenario has made its way so far."""
        year, size = self._year(), self.size
        if start < self.lab.world.env.now:
            size *= self.lab.rules.compute.growth ** ((start - self.lab.world.env.now) / DAYS_PER_YEAR)
        flop = self.technology.flop(size, planned, year)
        goes = course(self.technology, size, planned, year, self._interruptions, self._number)
        end = start + goes.days
        self.run = Run(
            number=self._number,
            h100e=size,
            start=start,
            end=end,
            planned_days=planned,
            goodput=self.technology.goodput(size, year),
            planned_index=self._index(flop, start),
            base_index=self.best_index,
            flop=flop,
            decided=decided,
            interruptions=goes.interruptions,
            cost_usd=self._cost(size, goes.days),
        )
        self._number += 1
        run = self.run
        now = self.lab.world.env.now
        self.lab.world.calendar.at(max(end, now), Phase.RUNS, lambda: self._end(run))

    def _cost(self, h100e: float, days: float) -> float:
        """What a run costs on machines of the fleet's mean value: their loss of value, and energy, USD."""
        fleet, supply = self.lab.fleet, self.lab.supply
        if not math.isfinite(days) or fleet.held <= 0.0:
            return 0.0
        years = days / DAYS_PER_YEAR
        value = fleet.value_usd / fleet.held
        later = vintage_value(value, years, supply.rules.price_fall, supply.rules.physical_loss)
        energy = h100e * supply.energy_usd_per_year(self.lab.world.env.now) * years
        return run_cost_usd(h100e, value, later, energy)

    def abandon(self) -> None:
        """Stop; what was computed is lost."""
        self.run = None

    def _end(self, run: Run) -> None:
        if self.run is not run:
            return  # it was abandoned
        self.run = None
        self.finished.append(run)
        gain = run.planned_index - run.base_index
        if self._luck["success"].uniform(run.number) > self.technology.success:
            self.failures += 1
            gain *= 0.5
        noise = self.technology.noise * self._luck["quality"].normal(run.number)
        index = run.base_index + gain + noise
        self.best_index = max(self.best_index, index)
        model = Model(index, run.flop, run.decided, self.technology.allocation(run.flop))
        self.lab.shelf.finish(model, run.number)
        self._look_tomorrow()
