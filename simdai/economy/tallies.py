"""Sums that grow over a run, reported over each recorded interval and after the warm-up."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

from simdai.economy.actors import World

__all__ = ["Tallies"]

Sums = dict[str, float]


class Tallies:
    """Running sums of one actor, real units, by name.

    Parameters
    ----------
    world, name : series and outcomes are called ``NAME.WHAT``
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.sums: defaultdict[str, float] = defaultdict(float)
        self._then: Sums = {}
        world.at_window(self._start_window)

    def _start_window(self) -> None:
        self._then = dict(self.sums)

    def add(self, what: str, amount: float) -> None:
        """Add to a sum."""
        self.sums[what] += amount

    def since_window(self, what: str) -> float:
        """What was added since outcomes are measured."""
        return self.sums[what] - self._then.get(what, 0.0)

    def report(self, what: str, unit: str) -> None:
        """Report a sum: the series over each recorded interval, the outcome after the warm-up."""
        name = f"{self.name}.{what}"
        self.world.recorder.series(
            name, unit, self._over_interval(lambda since: since(what), what), looks_back=True
        )
        self.world.recorder.outcome(name, unit, lambda: self.since_window(what))

    def report_ratio(self, what: str, part: str, whole: str, unit: str = "1") -> None:
        """Report one sum over another, over the same times as `report`; nan where the other is zero."""

        def ratio(since: Callable[[str], float]) -> float:
            return since(part) / since(whole) if since(whole) else math.nan

        name = f"{self.name}.{what}"
        self.world.recorder.series(name, unit, self._over_interval(ratio, part, whole), looks_back=True)
        self.world.recorder.outcome(name, unit, lambda: ratio(self.since_window))

    def _over_interval(
        self, measure: Callable[[Callable[[str], float]], float], *names: str
    ) -> Callable[[], float]:
        """Reading of a measure over the time since it was read last."""
        last: Sums = {}

        def read() -> float:
            value = measure(lambda what: self.sums[what] - last.get(what, 0.0))
            last.update({what: self.sums[what] for what in names})
            return value

        return read
