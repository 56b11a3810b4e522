"""A lab that publishes its models' weights, some months behind the closed frontier."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

from simdai.economy.actors import Lab, World, exactly_one, only
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.economy.models import Release
from simdai.errors import Problem
from simdai.units import NonNegative, Number, Positive, PositiveDays, Quantity

__all__ = ["OpenWeightLab", "OpenWeightLabActor"]

DAYS_PER_YEAR = 365.25


class OpenWeightLab(Lab, kind="open_weight_lab"):
    """Everybody who releases open weights, as one lab: its next model matches what was closed a while ago.

    Parameters
    ----------
    index : best open weights at the start [points]
    releases_per_year : hazard of a release
    behind_median, behind_log_sigma : days by which a release trails the closed frontier, lognormal
    noise : standard deviation of a release's index around what it trails [points]
    step : days between two looks at whether a release is due
    """

    index: Number
    releases_per_year: Annotated[float, Quantity("1/y", low=0.0)]
    behind_median: PositiveDays
    behind_log_sigma: Positive
    noise: NonNegative = 0.0
    step: PositiveDays = 1.0

    def check(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "institutions", "scoreboard", "research_frontier")

    def build(self, world: World, name: str) -> OpenWeightLabActor:
        return OpenWeightLabActor(self, world, name)


class OpenWeightLabActor:
    """The lab on the clock; a `ModelSource` with open weights.

    Attributes
    ----------
    level : factor on the hazard of releases; shocks change it
    slower : factor on the time by which releases trail; shocks change it
    """

    open_weights = True

    def __init__(self, rules: OpenWeightLab, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = self.slower = 1.0
        self.live_index = rules.index
        self.releases: list[Release] = []
        self.decision_days: list[float] = []
        self._wait = Draws(world.entity("open_lab.wait", name))
        self._behind = Draws(world.entity("open_lab.behind", name))
        self._quality = Draws(world.entity("open_lab.quality", name))
        self._number = 0

    @property
    def log_software(self) -> float:
        """It uses what is published."""
        return float(only(self.world.institutions, "research_frontier").log_software)

    def start(self) -> None:
        """Watch the closed frontier from the record before the start on."""
        self.frontier = only(self.world.institutions, "scoreboard")
        self._risk = 0.0
        self._next = self._wait.exponential(0, 1.0)
        step = self.rules.step
        self.world.calendar.every(step, Phase.RUNS, self._look, first=step)
        self.world.recorder.series(f"{self.name}.quality.index", "ECI", lambda: self.live_index)
        self.world.recorder.outcome(f"{self.name}.quality.index", "ECI", lambda: self.live_index)
        self.world.recorder.outcome(f"{self.name}.releases", "1", lambda: len(self.releases))

    def _look(self) -> None:
        """Release when the hazard, added up over the days, has reached what luck asked for."""
        self._risk += self.level * self.rules.releases_per_year * self.rules.step / DAYS_PER_YEAR
        while self._risk >= self._next:
            self._number += 1
            self._next += self._wait.exponential(self._number, 1.0)
            self._release()

    def _release(self) -> None:
        now, rules = self.world.env.now, self.rules
        behind = self._behind.lognormal(self._number, rules.behind_median, rules.behind_log_sigma)
        index = self.frontier.closed_index(now - self.slower * behind)
        self.publish(index + rules.noise * self._quality.normal(self._number))

    def publish(self, index: float) -> None:
        """Put out the weights of a model of quality ``index``, the lab's own or somebody else's."""
        if math.isfinite(index):
            self.releases.append(Release(self.world.env.now, index))
            self.live_index = max(self.live_index, index)
