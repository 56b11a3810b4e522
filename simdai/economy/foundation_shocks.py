"""The company or the foundation behind a network stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from simdai.economy.actors import World, absent
from simdai.economy.calendar import Phase
from simdai.economy.shocks import DatedShock, ShockActor
from simdai.errors import Problem
from simdai.registry import FrozenMapping
from simdai.units import Name, PositiveCount, PositiveDays

__all__ = ["FoundationExit"]

AFTER = (30, 365)  # days at which what still runs is reported


class FoundationExit(DatedShock, kind="foundation_exit"):
    """Whoever stands behind a network stops: nothing that they ran of it runs any more.

    What a network's company or foundation runs, and what depends on that, its kind says
    (`Network.functions`). A network without such functions goes on as before and is reported beside the
    others.

    Parameters
    ----------
    network : its name; all networks without
    taken_over : days after which somebody else runs a function, by network and function; never without
    window : whole days over which service is averaged; a multiple of the networks' steps, so that none is cut
    stops : False: everybody stays, for comparison
    """

    network: Name | None = None
    taken_over: FrozenMapping[Name, FrozenMapping[Name, PositiveDays]] = FrozenMapping()
    window: PositiveCount
    stops: bool = True

    def hit(self, networks: Any) -> list[str]:
        """Names of the networks that it hits, of those of a world or a scenario."""
        return list(networks) if self.network is None else [self.network]

    def missing(self, scenario: Any) -> Iterator[Problem]:
        if self.network is not None:
            yield from absent("network", {"network": self.network}, scenario.networks)
        hit = [name for name in self.hit(scenario.networks) if name in scenario.networks]
        yield from absent("network that stops", {f"taken_over.{name}": name for name in self.taken_over}, hit)
        for name in set(hit) & set(self.taken_over):
            yield from absent(
                "function",
                {f"taken_over.{name}.{function}": function for function in self.taken_over[name]},
                scenario.networks[name].functions,
            )
        if (self.at - scenario.start).days <= self.window:
            allowed = f"{self.window + 1} days after the start or later: service before it is what counts"
            yield Problem(path="at", found=f"{self.at}", allowed=allowed)

    def build(self, world: World, name: str) -> FoundationExitActor:
        return FoundationExitActor(self, world, name)


class FoundationExitActor(ShockActor):
    """The exit on the clock.

    Of each network, at every recording and at the end: ``NETWORK.foundation_exit.served_share``, service over
    the last ``window`` days relative to that over as many days before the day of the exit, and
    ``.functions_share``, of the functions that the foundation ran those that somebody runs; outcomes
    ``.served_share_30d`` and ``_365d`` after as many days. nan before, without service before it, and where
    the horizon comes first.
    """

    rules: FoundationExit

    def __init__(self, rules: FoundationExit, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self._served: dict[str, list[float]] = {}
        self._reached: dict[tuple[str, int], float] = {}

    def start(self) -> None:
        """Put the exit on the calendar, count service daily, and report."""
        super().start()
        world, recorder = self.world, self.world.recorder
        self._served = {name: [] for name in self.rules.hit(world.networks)}
        world.calendar.every(1.0, Phase.MEASUREMENT, self._count, first=0.0)
        for network in self._served:
            for what, share in (("served_share", self._share), ("functions_share", self._functions)):
                recorder.series(f"{network}.foundation_exit.{what}", "1", partial(share, network))
                recorder.outcome(f"{network}.foundation_exit.{what}", "1", partial(share, network))
            for days in AFTER:
                name = f"{network}.foundation_exit.served_share_{days}d"
                recorder.outcome(name, "1", partial(self._after, network, days))

    def _count(self) -> None:
        for name, served in self._served.items():
            served.append(self.world.networks[name].served)
        for days in AFTER:
            if self._now == self._began + days:
                self._reached |= {(name, days): self._share(name) for name in self._served}

    @property
    def _began(self) -> int:
        return round(self.world.days_until(self.rules.at))

    @property
    def _now(self) -> int:
        return int(self.world.env.now)

    def _share(self, network: str) -> float:
        served, window, began = self._served[network], self.rules.window, self._began
        now = len(served) - 1
        if now < began:
            return math.nan
        # A step that ends on the day of the exit is served after it; what counts ends the day before.
        before = served[began - 1] - served[began - 1 - window]
        return (served[now] - served[now - window]) / before if before else math.nan

    def _functions(self, network: str) -> float:
        functions = self.world.networks[network].foundation
        return sum(functions.values()) / len(functions) if functions else math.nan

    def _after(self, network: str, days: int) -> float:
        return self._reached.get((network, days), math.nan)

    def strike(self) -> Callable[[], None]:
        """Stop every function, and have some taken over later."""
        world, now = self.world, self.world.env.now
        stopped = {name: world.networks[name].foundation for name in self._served} if self.rules.stops else {}
        for name, foundation in stopped.items():
            for function in foundation:
                foundation[function] = False
            for function, days in self.rules.taken_over.get(name, {}).items():
                take_over = partial(foundation.__setitem__, function, True)
                world.calendar.at(now + days, Phase.SHOCKS, take_over)

        def resume() -> None:
            for foundation in stopped.values():
                for function in foundation:
                    foundation[function] = True

        return resume
