"""The regulator: who may not sell where, and takedowns of central services."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

from simdai.economy.actors import Institution, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.errors import Problem
from simdai.registry import FrozenMapping
from simdai.units import Name, PositiveDays, Quantity, Share

__all__ = ["Regulator", "RegulatorActor", "jurisdictions_of"]

DAYS_PER_YEAR = 365.25
Hazard = Annotated[float, Quantity("1/y", low=0.0)]


class Regulator(Institution, kind="regulator"):
    """Governments, by jurisdiction.

    Parameters
    ----------
    bans : jurisdiction to those who may not sell there from the start
    takedowns : jurisdiction to the hazard that it takes down all closed labs' services [1/yr]
    lasts : days until a takedown is lifted
    compliance : share of the customers concerned who can no longer reach a banned seller; the others go
        around the ban
    step : days between two decisions on takedowns
    """

    bans: FrozenMapping[Name, tuple[Name, ...]] = FrozenMapping()
    takedowns: FrozenMapping[Name, Hazard] = FrozenMapping()
    lasts: PositiveDays
    compliance: Share = 1.0
    step: PositiveDays = 1.0

    def check(self, scenario: Any) -> Iterator[Problem]:
        markets = [m for m in scenario.institutions.values() if m.kind == "model_market"]
        sellers = {*scenario.labs, *(host for market in markets for host in market.hosts)}
        named = {f"bans.{place}[{n}]": s for place, banned in self.bans.items() for n, s in enumerate(banned)}
        yield from absent("lab or host", named, sellers)
        places = jurisdictions_of(scenario)
        for field in ("bans", "takedowns"):
            named = {f"{field}.{place}": place for place in getattr(self, field)}
            yield from absent("jurisdiction", named, places)

    def build(self, world: World, name: str) -> RegulatorActor:
        return RegulatorActor(self, world, name)


def jurisdictions_of(scenario: Any) -> set[str]:
    """Places in which the customers of a scenario live."""
    return {place for d in scenario.demand.values() for place in getattr(d, "jurisdictions", {})}


class RegulatorActor:
    """Bans in force.

    Attributes
    ----------
    takedowns : of central services since the start, random ones and shocks
    """

    def __init__(self, rules: Regulator, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.listeners: list[Callable[[], None]] = []
        """Called whenever a ban begins or ends."""
        self.takedowns = 0
        self._bans: Counter[tuple[str, str]] = Counter(
            (place, seller) for place, banned in rules.bans.items() for seller in banned
        )
        self._luck = {place: Draws(world.entity("takedown", name, place)) for place in rules.takedowns}

    def start(self) -> None:
        """Let takedowns happen."""
        if any(self.rules.takedowns.values()):
            step = self.rules.step
            self.world.calendar.every(step, Phase.REGIMES, self._decide, first=step)
        self.world.recorder.outcome("regulator.takedowns", "1", lambda: self.takedowns)

    def banned(self, jurisdiction: str, seller: str) -> bool:
        """Whether a seller may not sell in a place."""
        return self._bans[jurisdiction, seller] > 0

    def take_down(self, jurisdiction: str) -> Callable[[], None]:
        """Ban all closed labs from a place; returns what lifts this ban."""
        labs = [name for name, lab in self.world.labs.items() if not lab.open_weights]
        self.takedowns += 1
        self._change(jurisdiction, labs, 1)
        return lambda: self._change(jurisdiction, labs, -1)

    def _change(self, jurisdiction: str, sellers: Iterable[str], by: int) -> None:
        for seller in sellers:
            self._bans[jurisdiction, seller] += by
        for listener in self.listeners:
            listener()

    def _decide(self) -> None:
        day, days = round(self.world.env.now), self.rules.step
        for place, hazard in self.rules.takedowns.items():
            if self._luck[place].uniform(day) < -math.expm1(-hazard * days / DAYS_PER_YEAR):
                lift = self.take_down(place)
                self.world.calendar.at(self.world.env.now + self.rules.lasts, Phase.REGIMES, lift)
