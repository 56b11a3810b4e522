"""What a run's compute is worth in index points, measured from an earlier model trained in the open."""

from __future__ import annotations

import math
from typing import Annotated, Any

from annotated_types import Gt

from simdai.economy.actors import World, only
from simdai.economy.paths import Path, PathOf
from simdai.mechanisms.scaling import index_from_compute
from simdai.registry import Configured
from simdai.training.recipe import compute_kept
from simdai.training.rounds import Plan
from simdai.training.sync import Payload
from simdai.units import Date, Flop, NonNegative, Number, Positive, PositiveCount

__all__ = ["Anchor", "Quality", "Yardstick"]


class Anchor(Configured):
    """A model trained in the open whose index is known.

    Parameters
    ----------
    index : points
    date : when it was trained
    flop : spent on it
    params : of the model
    replicas, inner_steps, payload : how it was trained
    """

    index: Number
    date: Date
    flop: Annotated[Flop, Gt(0.0)]
    params: Positive
    replicas: Positive
    inner_steps: PositiveCount
    payload: Payload

    @property
    def equivalent(self) -> float:
        """FLOP at one site that would have done as well."""
        plan = Plan(self.params, 1.0, self.inner_steps, 1.0)
        return self.flop * compute_kept(plan, self.payload.kappa, self.replicas, self.flop)


class Quality(Configured):
    """From compute to index: q = q_a + k log10(C A / (C_a A_a)), C the equivalent of one site.

    Parameters
    ----------
    anchor : q_a and C_a
    points_per_oom : k; that of the research frontier where the scenario has one
    software : effective compute per FLOP of published methods, in any unit; from the start on that of the
        research frontier where the scenario has one
    contributors_power : elasticity of the run's own software in its contributors
    """

    anchor: Anchor
    points_per_oom: Positive
    software: Annotated[Path, PathOf("1")]
    contributors_power: NonNegative = 0.0


class Yardstick:
    """The quality rule of one run in its world.

    Parameters
    ----------
    project : name of the open project whose contributors improve the software; None without
    """

    def __init__(self, rules: Quality, world: World, project: str | None) -> None:
        self.rules, self.world, self.project = rules, world, project
        self._anchor_flop = rules.anchor.equivalent
        self._anchor_day = world.days_until(rules.anchor.date)

    @property
    def frontier(self) -> Any:
        """The research frontier of the world, None without one."""
        return only(self.world.institutions, "research_frontier")

    def _stated(self, day: float) -> float:
        """ln A of the stated path."""
        return math.log(self.rules.software.at(day, self.world.start_date))

    @property
    def log_software(self) -> float:
        """ln A of the run: what is published, and what its contributors make of it.

        On the scale of the research frontier; without one, 0 at the start of the scenario.
        """
        frontier = self.frontier
        public = frontier.log_software if frontier else self._stated(self.world.env.now) - self._stated(0.0)
        return float(public) + self._contributed()

    def _contributed(self) -> float:
        if self.project is None:
            return 0.0
        actor = self.world.training[self.project]
        return self.rules.contributors_power * math.log(max(actor.growth, 1e-3))

    def index(self, flop: float) -> float:
        """Index of a model on which the equivalent of ``flop`` at one site was spent, trained today.

        What was known when the anchor was trained is known on the scale of the frontier's start by the stated
        path alone.
        """
        frontier = self.frontier
        k = frontier.points_per_oom if frontier else self.rules.points_per_oom
        then = self._stated(self._anchor_day) - self._stated(0.0)
        if frontier:
            then += self._frontier_start
        ratio = flop / self._anchor_flop * math.exp(self.log_software - then)
        return self.rules.anchor.index + index_from_compute(k, ratio)

    def start(self) -> None:
        """Take note of where the frontier starts."""
        self._frontier_start = float(self.frontier.log_software) if self.frontier else 0.0
