"""The world of a run: the one place where kinds become objects and streams get names."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

from simdai.economy.actors import SECTIONS, Seller
from simdai.economy.calendar import Calendar, Phase
from simdai.economy.compute_market import ComputeMarket
from simdai.economy.hardware import Accelerator
from simdai.economy.ledger import Ledger
from simdai.economy.measures import report
from simdai.economy.paths import Path
from simdai.engine import EntityStream, Environment, Recorder, Streams
from simdai.errors import Problem, ScenarioError
from simdai.kernel import Market
from simdai.schema import Scenario, drawn
from simdai.schema.observations import mismatches

__all__ = ["Kernel", "World", "build"]

Kernel = Literal["compiled", "reference"] | None


class World:
    """Everything that exists in a run, at rest until `start`.

    Attributes
    ----------
    scenario : as given
    env, streams, ledger, calendar, compute, recorder : shared by all actors
    hardware, and every section of `SECTIONS` : by the names of the scenario
    shocks : in the order of the scenario
    start_date : first day; ``env.now`` counts days from its midnight (UTC)
    """

    def __init__(self, scenario: Scenario, seed: int, replication: int) -> None:
        self.scenario = scenario
        self.env = Environment()
        self.streams = Streams(seed, replication)
        self.ledger = Ledger()
        self.calendar = Calendar(self.env)
        self.recorder = Recorder(lambda: self.env.now, lambda: self.digest)
        self.start_date: datetime.date = scenario.start
        self.horizon, self.scale = scenario.horizon, scenario.scale
        self._window: list[Callable[[], None]] = []
        self._paths: dict[
            int, tuple[Path, Callable[[float], float]]
        ] = {}  # by identity, with the path itself
        self.hardware: dict[str, Accelerator] = dict(scenario.hardware)
        self.compute = ComputeMarket(self.ledger, list(self.hardware))
        _refuse_shared_names(scenario)
        self.clouds: dict[str, Any] = {}
        self.networks: dict[str, Any] = {}
        self.institutions: dict[str, Any] = {}
        self.labs: dict[str, Any] = {}
        self.training: dict[str, Any] = {}
        self.demand: dict[str, Any] = {}
        for section in SECTIONS:
            actors = getattr(self, section)
            for name, configured in getattr(scenario, section).items():
                actors[name] = configured.build(self, name)
        self.shocks = [shock.build(self, f"shocks[{n}]") for n, shock in enumerate(scenario.shocks)]

    def open(self, kernel: Kernel = None, trace: bool = False) -> None:
        """Open the market and start every actor; then the first recording, at time 0, is on the calendar."""
        self.compute.open(self.env, self.streams, self.calendar, kernel, trace)
        for section in SECTIONS:
            for name, actor in getattr(self, section).items():
                self.calendar.actor = name
                actor.start()
        self.calendar.actor = ""
        for shock in self.shocks:
            shock.start()
        report(self.compute, self.recorder, self.scale)
        self.at_window(self.compute.start_window)
        self._start_window()
        if self.scenario.warm_up > 0:
            self.calendar.at(self.scenario.warm_up, Phase.MEASUREMENT, self._start_window)
        self.recorder.checks += [self.ledger.check, self.compute.close_interval]
        self.calendar.every(self.scenario.record_every, Phase.RECORDING, self.recorder.record, first=0.0)

    # -- what actors ask -------------------------------------------------------------------------------------

    @property
    def market(self) -> Market:
        """The kernel's market."""
        return self.compute.market

    @property
    def sellers(self) -> Mapping[str, Seller]:
        """Clouds and networks with a venue, or their parts that have one, in the order of the venues."""
        found: dict[str, Seller] = {}
        for name, actor in {**self.clouds, **self.networks}.items():
            alone = {name: actor} if getattr(actor, "venue", None) is not None else {}
            found |= getattr(actor, "sellers", alone)
        return dict(sorted(found.items(), key=lambda item: item[1].venue.index))

    def on(self, path: Path) -> float:
        """Value of a path now."""
        known = self._paths.get(id(path))
        if known is None:
            known = self._paths[id(path)] = path, path.since(self.start_date)
        return known[1](self.env.now)

    def days_until(self, date: datetime.date) -> float:
        """Days from the start to a date's midnight; negative for a date before the start."""
        return float((date - self.start_date).days)

    def entity(self, *name: str) -> EntityStream:
        """The stream of individual decisions ``name``; asking twice for a name is an error."""
        return self.streams.entity(*name)

    def at_window(self, function: Callable[[], None]) -> None:
        """Call ``function`` whenever outcomes begin to be measured: at the start and after the warm-up."""
        self._window.append(function)

    def _start_window(self) -> None:
        for function in self._window:
            function()

    # -- memory ----------------------------------------------------------------------------------------------

    @property
    def digest(self) -> int:
        """64 bits of the market's event trace and of every balance."""
        state = hashlib.blake2b(self.market.digest.to_bytes(8, "little"), digest_size=8)
        for asset in self.ledger.assets:
            state.update(self.ledger.accounts(asset).balances.data)
        return int.from_bytes(state.digest(), "little")

    def fingerprint(self) -> str:
        """Digest of all that can be read of the market, the ledger and what was recorded."""
        state = hashlib.blake2b(repr(self.market.state()).encode(), digest_size=16)
        state.update(repr((self.digest, self.recorder.digests, self.streams.luck)).encode())
        for name, (_, column) in self.recorder.series_table().items():
            state.update(name.encode())
            state.update(column.tobytes())
        return state.hexdigest()

    def reseed(self, luck: int) -> None:
        """Give everything random other luck from here on."""
        self.streams.reseed(luck)
        self.market.reseed()


def _refuse_shared_names(scenario: Scenario) -> None:
    """Outcomes and accounts are named after actors: no two may share a name."""
    taken: dict[str, str] = {}
    problems = []
    for section in SECTIONS:
        for name in getattr(scenario, section):
            if name in taken:
                found = f"the name {name!r}, which stands in {taken[name]} too"
                problems.append(Problem(path=f"{section}.{name}", found=found, allowed="a name of its own"))
            taken[name] = section
    if problems:
        raise ScenarioError(problems)


def build(
    scenario: Scenario, seed: int, replication: int, kernel: Kernel = None, trace: bool = False
) -> World:
    """Make the world of a run, ready at time 0; what is uncertain is drawn for this replication.

    Parameters
    ----------
    seed, replication : name the run's luck
    kernel : None takes the compiled kernel where there is one
    trace : keep every market event

    Raises
    ------
    ScenarioError : parts of the scenario do not fit together, or observations are of series that it lacks
    """
    luck = Streams(seed, replication)
    made, factors = drawn(scenario, lambda name: luck.entity("uncertainty", name).uniform(0, 0))
    world = World(made, seed, replication)
    for name, factor in factors.items():
        world.recorder.outcome(f"uncertainty.{name}", "1", lambda factor=factor: factor)  # type: ignore[misc]
    world.open(kernel, trace)
    if problems := tuple(mismatches(scenario, world.recorder.units)):
        raise ScenarioError(problems)
    return world
