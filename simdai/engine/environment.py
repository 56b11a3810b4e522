"""One exact clock for SimPy processes and for event sources that hold millions of events of their own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, Protocol, cast

from simpy.core import EmptySchedule, StopSimulation
from simpy.core import Environment as SimpyEnvironment
from simpy.events import NORMAL, URGENT, AllOf, AnyOf, Event, Process, Timeout

LAST = 2**63 - 1  # greater than every sequence number

ProcessGenerator = Generator[Event, Any, Any]
Events = Iterable[Event]


class MakeTimeout(Protocol):
    """``env.timeout``: an event that happens ``delay`` from now, with ``value``."""

    def __call__(self, delay: float, value: Any = None) -> Timeout: ...


class EventSource(Protocol):
    """What the clock needs of something that holds its own events (the market kernel).

    Its events have the key ``(time, NORMAL, sequence)``, the sequence being drawn from
    ``Environment.sequence``.
    """

    def head(self) -> tuple[float, int]:
        """Time and sequence of the next event; ``(inf, LAST)`` when there is none."""

    def run_until(self, time: float, sequence: int, max_events: int) -> None:
        """Execute events with a key below ``(time, sequence)``, at most ``max_events``.

        May stop early, after an event on which somebody waits; leaves the clock at its last event through
        ``Environment.advance_to``.
        """


class Environment:
    """SimPy's environment over a heap of its own, joined exactly with event sources.

    Offers SimPy's public interface, so that processes, resources and events of SimPy run on it unchanged.
    Events are ordered by ``(time, priority, sequence)``; one sequence counter serves SimPy's events and the
    sources', so that ties anywhere go by insertion. Before each step every source executes the events that
    come first.

    Parameters
    ----------
    initial_time : float
        Time at the start, days in simdai's scenarios.
    """

    def __init__(self, initial_time: float = 0) -> None:
        self._now = initial_time
        self._queue: list[tuple[float, int, int, Event]] = []
        self._sources: list[EventSource] = []
        self._active_proc: Process | None = None  # written by simpy.events.Process
        self.sequence = 0
        # SimPy's events ask for its own class by name only; everything that they touch is here.
        simpy_self = cast(SimpyEnvironment, self)
        self.process: Callable[[ProcessGenerator], Process] = partial(Process, simpy_self)
        self.timeout: MakeTimeout = partial(Timeout, simpy_self)
        self.event: Callable[[], Event] = partial(Event, simpy_self)
        self.all_of: Callable[[Events], AllOf] = partial(AllOf, simpy_self)
        self.any_of: Callable[[Events], AnyOf] = partial(AnyOf, simpy_self)

    @property
    def now(self) -> float:
        """Present time."""
        return self._now

    @property
    def active_process(self) -> Process | None:
        """The process that is being resumed."""
        return self._active_proc

    def add_source(self, source: EventSource) -> None:
        """Let ``source`` share this clock."""
        self._sources.append(source)

    def advance_to(self, time: float) -> None:
        """Set the clock to the time of a source's event; called by sources only."""
        self._now = time

    def schedule(self, event: Event, priority: int = NORMAL, delay: float = 0) -> None:
        """Put ``event`` on the heap, ``delay`` from now.

        Raises
        ------
        ValueError : the delay is negative or not a number
        """
        if not delay >= 0:
            raise ValueError(f"a delay must be a number >= 0, got {delay}")
        self.sequence += 1
        heappush(self._queue, (self._now + delay, priority, self.sequence, event))

    def cancel(self, event: Event) -> None:
        """Take a scheduled event off the heap; the time that this takes grows with the heap."""
        self._queue = [entry for entry in self._queue if entry[3] is not event]
        heapify(self._queue)

    def peek(self) -> float:
        """Time of the next event, of SimPy's or of a source's; infinity when there is none."""
        times = [source.head()[0] for source in self._sources]
        if self._queue:
            times.append(self._queue[0][0])
        return min(times, default=float("inf"))

    def step(self) -> None:
        """Process the next SimPy event, and before it every event of the sources that comes first.

        With no SimPy event left, one event of a source.

        Raises
        ------
        EmptySchedule : nothing is left to do
        """
        self._step(1)

    def _step(self, alone: int) -> None:
        if self._sources and self._run_sources(alone) and not self._queue:
            return
        if not self._queue:
            raise EmptySchedule
        self._now, _, _, event = heappop(self._queue)
        callbacks = event.callbacks
        event.callbacks = cast("list[Any]", None)  # SimPy's mark of a processed event
        for position, callback in enumerate(callbacks):
            try:
                callback(event)
            except StopSimulation:
                # Callbacks behind the one that stops the run are kept for the next run.
                event.callbacks = callbacks[position + 1 :]
                self.schedule(event, cast(Any, URGENT - 1))
                raise
        if not event._ok and not hasattr(event, "_defused"):
            cause = event._value
            try:
                failure = type(cause)(*cause.args)
                failure.__cause__ = cause
            except Exception:  # it cannot be made again from its arguments alone
                failure = cause
            raise failure

    def _run_sources(self, alone: int) -> bool:
        """Let the sources catch up with the head of the heap; True when one of them did something.

        ``alone`` bounds the number of events when the heap is empty: there is no instant to catch up with.
        """
        acted = False
        while True:
            if self._queue:
                time, priority, sequence, _ = self._queue[0]
                if priority < NORMAL:
                    sequence = 0
                elif priority > NORMAL:
                    sequence = LAST
                limit = (time, sequence)
                budget = LAST
            else:
                limit = (float("inf"), LAST)
                budget = alone
            if len(self._sources) == 1:
                chosen = self._sources[0]
                if chosen.head() >= limit:
                    return acted
            else:
                heads = [source.head() for source in self._sources]
                first = min(heads)
                if first >= limit:
                    return acted
                place = heads.index(first)
                chosen = self._sources[place]
                limit = min([limit, *heads[:place], *heads[place + 1 :]])
            chosen.run_until(limit[0], limit[1], budget)
            acted = True
            if not self._queue:
                return True

    def run(self, until: float | Event | None = None) -> Any:
        """Run until a time, an event, or the end of all events, as SimPy's ``run`` does.

        A time is exclusive: what happens at that very instant is left for the next run.

        Raises
        ------
        ValueError : ``until`` is a time that is not in the future
        RuntimeError : ``until`` is an event that can no longer happen
        """
        if until is not None:
            if not isinstance(until, Event):
                at = until if isinstance(until, int) else float(until)
                if not at > self.now:
                    raise ValueError(f"until ({at}) must be greater than the current simulation time")
                until = self.event()
                until._ok = True
                until._value = None
                # Not through `schedule`: now + (at - now) may round to a neighbour of `at`.
                self.sequence += 1
                heappush(self._queue, (at, URGENT, self.sequence, until))
            elif until.callbacks is None:
                return until.value
            until.callbacks.append(StopSimulation.callback)
        try:
            while True:
                self._step(1 << 20)
        except StopSimulation as stop:
            return stop.args[0]
        except EmptySchedule:
            if until is not None and not until.triggered:
                raise RuntimeError(
                    f'No scheduled events left but "until" event was not triggered: {until}'
                ) from None
        return None
