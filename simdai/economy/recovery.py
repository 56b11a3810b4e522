"""How a network's capacity fares after a shock."""

from __future__ import annotations

import math
from typing import Any

from simdai.economy.actors import World
from simdai.economy.calendar import Phase

__all__ = ["CapacityWatch"]


class CapacityWatch:
    """Compares a network's capacity with what it was when a shock struck, once a day.

    Capacity is the GPUs of the providers that have not left, weighted by speed. Outcomes:
    ``NAME.after_crash.capacity_share``, what is left of it after ``days``;
    ``NAME.after_crash.lowest_capacity_share``; ``NAME.after_crash.recovered``, 1 when it stands at ``level``
    again at the end or never fell below; ``NAME.after_crash.recovery_days``, from the shock to the first day
    back at ``level``, 0 where it never fell below, nan where it is not back.

    Parameters
    ----------
    days : after which the capacity is compared
    level : share of the old capacity that counts as recovered
    """

    def __init__(self, world: World, network: str, days: float, level: float) -> None:
        self.world, self.days, self.level = world, days, level
        self.populations: list[Any] = list(world.networks[network].populations.values())
        self._before, self._began = math.nan, math.nan
        self._after, self._lowest, self._back = math.nan, math.nan, 0.0
        recorder, name = world.recorder, f"{network}.after_crash"
        recorder.outcome(f"{name}.capacity_share", "1", lambda: self._after)
        recorder.outcome(f"{name}.lowest_capacity_share", "1", lambda: self._lowest)
        recorder.outcome(f"{name}.recovered", "1", self._recovered)
        recorder.outcome(f"{name}.recovery_days", "d", lambda: self._back if self._struck else math.nan)

    @property
    def capacity(self) -> float:
        """GPUs of a speed-1 device."""
        return float(sum(len(p.book.present) * p.rules.gpus * p.hardware.speed for p in self.populations))

    @property
    def _struck(self) -> bool:
        return not math.isnan(self._before)

    def begin(self) -> None:
        """The shock strikes."""
        self._before, self._began = self.capacity, self.world.env.now
        self._lowest = 1.0
        self.world.calendar.every(1.0, Phase.MEASUREMENT, self._look, first=self._began + 1.0)

    def _recovered(self) -> float:
        return float(not math.isnan(self._back)) if self._struck else math.nan

    def _look(self) -> None:
        share = self.capacity / self._before if self._before else math.nan
        passed = self.world.env.now - self._began
        if math.isnan(self._after) and passed >= self.days:
            self._after = share
        self._lowest = min(self._lowest, share)
        if share < self.level:
            self._back = math.nan
        elif math.isnan(self._back):
            self._back = passed
