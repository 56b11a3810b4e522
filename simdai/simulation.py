"""One run of a scenario: forward, step by step, or branched."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simdai.engine import Environment
from simdai.errors import SimdaiError
from simdai.schema import Scenario
from simdai.world import Kernel, World, build

__all__ = ["Run", "Simulation"]

RARELY = (100_000, 50, 100)
"""How often Python looks for cycles in a run, which makes hardly any: else a tenth of the time."""


@dataclass(frozen=True)
class Run:
    """What a run brought.

    Parameters
    ----------
    scenario, seed, replication : make the run again
    outcomes : by dotted name, measured after the warm-up
    units : of outcomes and series
    times : (n,) recording instants, days since the start
    series : (n,) values by dotted name
    digests : of the trace and the balances at each recording instant; ``digest`` now
    n_events : of the market
    seconds : of computing
    kernel : "compiled" or "reference"
    trace : market events as (time, kind, id, other), when they were kept
    """

    scenario: Scenario = field(repr=False)
    seed: int
    replication: int
    outcomes: dict[str, float] = field(repr=False)
    units: dict[str, str] = field(repr=False)
    times: NDArray[np.float64] = field(repr=False)
    series: dict[str, NDArray[np.float64]] = field(repr=False)
    digest: int
    digests: list[int] = field(repr=False)
    n_events: int
    seconds: float
    kernel: str
    trace: NDArray[Any] | None = field(default=None, repr=False)


class Simulation:
    """A scenario on its clock.

    Users may add SimPy processes of their own to ``env`` and change the ``world`` between steps.

    Parameters
    ----------
    scenario : as loaded
    seed, replication : int >= 0, name the run's luck
    kernel : "compiled", "reference", or None for the compiled one where there is one
    trace : keep every market event

    Examples
    --------
    >>> import simdai                                                        # doctest: +SKIP
    >>> sim = simdai.Simulation(simdai.load("examples/minimal"), seed=1)     # doctest: +SKIP
    >>> sim.run(until=10).outcomes["gridnet.utilisation"]                    # doctest: +SKIP
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 1,
        replication: int = 0,
        kernel: Kernel = None,
        trace: bool = False,
    ) -> None:
        self.scenario, self.seed, self.replication = scenario, seed, replication
        self._kernel, self._trace = kernel, trace
        self._log: list[tuple[str, float]] = []  # what was asked of this simulation, for replay
        self._seconds = 0.0
        self._closed = False
        self.world: World = self._timed(lambda: build(scenario, seed, replication, kernel, trace))

    def _timed(self, action: Any) -> Any:
        began, thresholds = time.perf_counter(), gc.get_threshold()
        gc.set_threshold(*RARELY)
        try:
            return action()
        finally:
            gc.set_threshold(*thresholds)
            self._seconds += time.perf_counter() - began

    @property
    def env(self) -> Environment:
        """The clock, for SimPy processes."""
        return self.world.env

    @property
    def now(self) -> float:
        """Days since the start of the scenario."""
        return float(self.env.now)

    def run(self, until: float | None = None) -> Run:
        """Run to ``until`` (days, its instant excluded), or to the horizon, where the last row is recorded.

        Raises
        ------
        SimdaiError : ``until`` lies in the past or beyond the horizon
        """
        end = self.scenario.horizon if until is None else float(until)
        if not self.now <= end <= self.scenario.horizon:
            raise SimdaiError(
                f"cannot run until {end:g}: now is {self.now:g}, the horizon {self.scenario.horizon:g} days"
            )
        if end > self.now:
            self._log.append(("run", end))
            self._timed(lambda: self.env.run(until=end))
        if end == self.scenario.horizon and not self._closed:
            self._closed = True
            self._timed(self.world.recorder.record)
        return self.result()

    def step(self) -> None:
        """Process the next macro event, and every market event that comes before it."""
        self._log.append(("step", self.now))
        self._timed(self.env.step)

    def result(self) -> Run:
        """The run as it stands."""
        recorder, market = self.world.recorder, self.world.market
        outcomes, series = recorder.outcomes(), recorder.series_table()
        return Run(
            scenario=self.scenario,
            seed=self.seed,
            replication=self.replication,
            outcomes={name: value for name, (value, _) in outcomes.items()},
            units={name: unit for name, (unit, _) in series.items()}
            | {name: unit for name, (_, unit) in outcomes.items()},
            times=recorder.times,
            series={name: column for name, (_, column) in series.items()},
            digest=self.world.digest,
            digests=recorder.digests,
            n_events=market.n_events,
            seconds=self._seconds,
            kernel="compiled" if market.compiled else "reference",
            trace=market.trace if self._trace else None,
        )

    def branch(self, n: int = 1, luck: Literal["same", "fresh"] = "fresh") -> list[Simulation]:
        """``n`` simulations that share this one's past.

        The past is made again by replay and compared. With the ``same`` luck the branches also share this
        one's future, until something in them is changed; with ``fresh`` luck each has a future of its own.

        Raises
        ------
        SimdaiError : the replay came out differently: something was changed by hand, or a process added, that
            the scenario does not hold
        """
        if luck not in ("same", "fresh"):
            raise SimdaiError(f"unknown luck {luck!r}; one of: fresh, same")
        branches = [self._replayed() for _ in range(n)]
        if luck == "fresh":
            taken = self.world.streams.luck
            for k, branch in enumerate(branches, start=1):
                branch._renew(taken * (n + 1) + k)
        return branches

    def _renew(self, luck: int) -> None:
        self._log.append(("luck", luck))
        self.world.reseed(luck)

    def _replayed(self) -> Simulation:
        other = Simulation(self.scenario, self.seed, self.replication, self._kernel, self._trace)
        for what, value in self._log:
            if what == "run":
                other.run(value)
            elif what == "step":
                other.step()
            else:
                other._renew(int(value))
        if other.now < self.now:  # the clock was run through `env`
            other.run(self.now)
        if other.world.fingerprint() != self.world.fingerprint():
            raise SimdaiError(
                f"cannot branch at day {self.now:g}: a replay of the scenario ends in another state. "
                "It was changed by hand, or a process was added to its env. Put the change into the scenario "
                "(a shock, a regime, --set), or branch first and change the branches."
            )
        return other
