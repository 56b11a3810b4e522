"""When macro actors act: one order within an instant, whatever the order in which they were built."""

from __future__ import annotations

import datetime
import enum
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

from simpy.events import Event

from simdai.engine import Environment

__all__ = ["Calendar", "Phase", "months"]


class Phase(float, enum.Enum):
    """Order of the macro actions of one instant.

    The values are SimPy priorities. Regime switches and shocks come before the market's events, and before
    the processes that a user adds (priority 1); everything else after them.
    """

    REGIMES = 0.25
    """Rules that change by date."""
    SHOCKS = 0.5
    """Events from outside."""
    DELIVERIES = 1.5
    """Compute that labs ordered arrives."""
    DEMAND = 2.0
    """Customers look at prices and waits, and choose."""
    SUPPLY = 3.0
    """Clouds and providers: prices, entry, exit."""
    EPOCHS = 4.0
    """Networks settle: burns, emission, rewards, sales."""
    TRADERS = 5.0
    """Speculators, liquidity and the price of tokens."""
    FINANCE = 6.0
    """Labs pay their bills and raise money."""
    PEOPLE = 6.25
    """Hiring, quits, pay."""
    RESEARCH = 6.5
    """Ideas are found, published and taken up."""
    RUNS = 6.75
    """Training runs are planned, finished and released; compute is ordered."""
    MEASUREMENT = 8.0
    """The end of the warm-up."""
    RECORDING = 9.0
    """Series are recorded and the books checked."""


class Calendar:
    """Calls functions at set times; ties go by phase, then by the order in which the times were set.

    Repeated times are ``first + n * interval``, never accumulated.

    Attributes
    ----------
    actor : whose doing it is what happens now; what is put on the calendar meanwhile is that actor's too
    events : how many events each actor has had
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.actor = ""
        self.events: Counter[str] = Counter()

    @property
    def now(self) -> float:
        """Days since the start."""
        return self._env.now

    def at(self, time: float, phase: Phase, action: Callable[[], None]) -> None:
        """Call ``action`` once, at ``time`` days."""
        event = Event(cast(Any, self._env))
        event._ok, event._value = True, None
        actor = self.actor

        def happen(_: Event) -> None:
            self.actor = actor
            self.events[actor] += 1
            action()
            self.actor = ""

        event.callbacks.append(happen)
        self._env.schedule(event, cast(int, phase.value), time - self._env.now)

    def every(self, interval: float, phase: Phase, action: Callable[[], None], first: float) -> None:
        """Call ``action`` at ``first``, ``first + interval``, …"""

        def tick(n: int) -> None:
            self.at(first + (n + 1) * interval, phase, lambda: tick(n + 1))
            action()

        self.at(first, phase, lambda: tick(0))


def months(start: datetime.date, days: float) -> Iterator[datetime.date]:
    """First days of the months that begin in the ``days`` from ``start`` on."""
    number = start.year * 12 + start.month - 1 + (start.day > 1)
    while (first := datetime.date(number // 12, number % 12 + 1, 1)) < start + datetime.timedelta(days):
        yield first
        number += 1
