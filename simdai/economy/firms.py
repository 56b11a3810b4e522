"""Small businesses that enter and leave a network: services, publishers, predictors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simdai.economy.actors import World
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.concentration import gini, nakamoto
from simdai.mechanisms.provider_choice import entrants_per_day, exit_hazard, margin, probability, whole_number
from simdai.registry import Configured
from simdai.units import NonNegative, PerDay, PositiveDays

__all__ = ["Firms", "Turnover"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

MAJORITY = 0.5


class Turnover(Configured):
    """How businesses come and go. Margins: 0 pays the running cost, 1 the work put in as well.

    Parameters
    ----------
    memory : days over which a business averages what it earns
    exit_hazard : a day, at margin 0
    exit_sensitivity : by how much a margin of 1 lowers the logarithm of the hazard
    entry_threshold : margin of those who are there above which others enter
    entry_speed : a day, for each business and unit of margin above the threshold
    entry_ceiling : a day, the fastest growth
    """

    memory: PositiveDays
    exit_hazard: PerDay
    exit_sensitivity: NonNegative
    entry_threshold: NonNegative
    entry_speed: PerDay
    entry_ceiling: PerDay


class Firms:
    """Businesses of one role, in a row that grows; who has left stays in it.

    Parameters
    ----------
    step : days between the instants at which they earn, leave and enter

    Attributes
    ----------
    alive : (n,) bool
    margin : (n,) float, averaged; a business starts at the entry threshold
    revenue : (n,) float [USD], real, since the start
    owner : (n,) int, numbers of the owners
    stays : (n,) bool, those who leave under no circumstances
    entries, exits : since the start, those of the first day not counted
    """

    def __init__(self, behaviour: Turnover, world: World, name: str, step: float = 1.0) -> None:
        self.behaviour, self.world, self.name, self.step = behaviour, world, name, step
        self.alive = np.zeros(0, dtype=bool)
        self.margin = np.zeros(0)
        self.revenue = np.zeros(0)
        self.owner = np.zeros(0, dtype=np.int64)
        self.stays = np.zeros(0, dtype=bool)
        self.entries = self.exits = 0
        self._luck = world.entity("firms.exit", name), world.entity("firms.entry", name)
        self._then = np.zeros(0)
        self._cohort = np.zeros(0, dtype=bool)
        self._moved = (0, 0)

    def __len__(self) -> int:
        return len(self.alive)

    @property
    def count(self) -> int:
        """Businesses that are there."""
        return int(self.alive.sum())

    def add(self, n: int, per_owner: int = 1) -> Ints:
        """Let ``n`` enter, of owners with up to ``per_owner`` each; returns their (n,) places."""
        first, owners = len(self), int(self.owner.max(initial=-1)) + 1
        self.alive = np.append(self.alive, np.ones(n, dtype=bool))
        self.margin = np.append(self.margin, np.full(n, self.behaviour.entry_threshold))
        self.revenue = np.append(self.revenue, np.zeros(n))
        self.owner = np.append(self.owner, owners + np.arange(n) // per_owner)
        self.stays = np.append(self.stays, np.zeros(n, dtype=bool))
        return np.arange(first, first + n)

    def earn(self, income: Floats, running: ArrayLike, full: ArrayLike) -> None:
        """Note a step's USD of each business: income, running cost, and that with the work put in."""
        self.revenue += income
        new = margin(income, running, full)
        self.margin += weight_of_new(self.step, self.behaviour.memory) * (new - self.margin)

    def leave(self) -> Ints:
        """Let those leave who have had enough; returns their places."""
        rules, day = self.behaviour, round(self.world.env.now)
        chance = probability(exit_hazard(self.margin, rules.exit_hazard, rules.exit_sensitivity), self.step)
        luck = self._luck[0].uniforms(np.arange(len(self)), day)
        gone = np.flatnonzero(self.alive & ~self.stays & (luck < chance))
        self.alive[gone] = False
        self.exits += len(gone)
        return gone

    def entrants(self, among: Bools | None = None, stream: int = 0) -> int:
        """How many decide to enter this step beside those ``among`` which they would be; all without."""
        rules, day = self.behaviour, round(self.world.env.now)
        there = self.alive if among is None else self.alive & among
        n = int(there.sum())
        chance = float(self._luck[1].uniforms([stream], day)[0])
        typical = float(self.margin[there].mean()) if n else 0.0
        per_day = entrants_per_day(n, typical, rules.entry_threshold, rules.entry_speed, rules.entry_ceiling)
        new = whole_number(per_day * self.step, chance)
        self.entries += new
        return new

    # -- report ----------------------------------------------------------------------------------------------

    def report(self) -> None:
        """Report ``NAME.count``, ``.margin``, ``.entries``, ``.exits``, ``.retention``, and ``.gini`` and
        ``.nakamoto`` of the owners' revenue after the warm-up.
        """
        recorder, name = self.world.recorder, self.name
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.count", "count", lambda: float(self.count))
            register(f"{name}.margin", "1", self._mean_margin)
        recorder.outcome(f"{name}.entries", "count", lambda: float(self.entries - self._moved[0]))
        recorder.outcome(f"{name}.exits", "count", lambda: float(self.exits - self._moved[1]))
        recorder.outcome(f"{name}.retention", "1", self._retention)
        recorder.outcome(f"{name}.gini", "1", lambda: self._of_sales(gini))
        recorder.outcome(f"{name}.nakamoto", "count", lambda: self._of_sales(lambda s: nakamoto(s, MAJORITY)))
        self.world.at_window(self._start_window)

    def _start_window(self) -> None:
        self._then, self._cohort = self.revenue.copy(), self.alive.copy()
        self._moved = self.entries, self.exits

    def _mean_margin(self) -> float:
        return float(self.margin[self.alive].mean()) if self.count else math.nan

    def _retention(self) -> float:
        there = int(self._cohort.sum())
        return float((self.alive[: len(self._cohort)] & self._cohort).sum() / there) if there else math.nan

    def _of_sales(self, measure: Callable[[Floats], float]) -> float:
        """Measure of what owners sold after the warm-up; nan where nobody sold anything."""
        sold = self.revenue.copy()
        sold[: len(self._then)] -= self._then
        taking_part = np.bincount(self.owner, weights=self.alive | (sold > 0)) > 0
        by_owner = np.bincount(self.owner, weights=np.maximum(sold, 0.0))[taking_part].astype(np.float64)
        return float(measure(by_owner)) if by_owner.sum() > 0 else math.nan
