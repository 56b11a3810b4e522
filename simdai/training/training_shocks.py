"""Things that happen to training in the open: faster links, a breakthrough, as much compute as labs have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from simdai.economy.actors import World, absent
from simdai.economy.shocks import DatedShock
from simdai.errors import Problem
from simdai.training.open_run import OpenRunning
from simdai.units import Name, Positive, Share

__all__ = ["BandwidthStep", "ComputeParity", "TrainingBreakthrough"]


class OnRuns(DatedShock):
    """A shock on open runs.

    Parameters
    ----------
    runs : names; all without
    """

    runs: tuple[Name, ...] = ()

    def missing(self, scenario: Any) -> Iterator[Problem]:
        there = [name for name, run in scenario.training.items() if run.kind == "open_run"]
        yield from absent("open run", {f"runs[{n}]": name for n, name in enumerate(self.runs)}, there)
        if not there:
            yield Problem(path="", found="no open_run in `training`", allowed="at least one")

    def hit(self, world: World) -> list[OpenRunning]:
        """The runs that it hits."""
        names = self.runs or tuple(world.training)
        return [run for name in names if isinstance(run := world.training[name], OpenRunning)]


class BandwidthStep(OnRuns, kind="bandwidth_step"):
    """All links of the nodes become faster or slower; the next plan makes the best of them.

    Parameters
    ----------
    factor : on bit/s up and down
    """

    factor: Positive

    def strike(self, world: World) -> Callable[[], None]:
        def multiply(factor: float) -> None:
            for run in self.hit(world):
                run.link_level *= factor

        multiply(self.factor)
        return lambda: multiply(1.0 / self.factor)


class TrainingBreakthrough(OnRuns, kind="training_breakthrough"):
    """A method by which distance and compression cost less in quality.

    Parameters
    ----------
    relief : share of their cost, in logarithms of compute, that it takes away; with 1 many places
        do as well as one
    """

    relief: Share

    def strike(self, world: World) -> Callable[[], None]:
        before = {run.name: run.relief for run in self.hit(world)}
        for run in self.hit(world):
            run.relief = 1.0 - (1.0 - run.relief) * (1.0 - self.relief)

        def undo() -> None:
            for run in self.hit(world):
                run.relief = before[run.name]

        return undo


class ComputeParity(OnRuns, kind="compute_parity"):
    """The open side holds as much compute as all closed labs together, and may train on a share of it.

    It stands with the nodes, on their links, from their next plan on; nobody asks them to pay for it. The
    market for GPU-hours is left as it is.

    Parameters
    ----------
    share : of what the closed labs hold, for all runs hit together
    """

    share: Share

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        if not any(hasattr(lab, "serving") for lab in scenario.labs.values()):
            yield Problem(path="", found="no closed lab in `labs`", allowed="at least one")

    def strike(self, world: World) -> Callable[[], None]:
        labs = [lab for lab in world.labs.values() if hasattr(lab, "fleet")]
        runs = self.hit(world)

        def lent() -> float:
            return self.share * math.fsum(lab.fleet.h100e for lab in labs) / len(runs)

        def lend(source: Callable[[], float] | None) -> None:
            for run in runs:
                run.nodes.lent = source

        lend(lent)
        return lambda: lend(None)
