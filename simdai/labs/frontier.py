"""What is publicly known of building models: how quality follows compute, and when methods are published."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from simdai.economy.actors import Institution, World
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.labs.technology import TrainingTechnology
from simdai.mechanisms.scaling import index_from_compute, optimal_loss
from simdai.registry import Configured
from simdai.units import Number, Positive, PositiveDays, Share

__all__ = ["FrontierActor", "ResearchFrontier", "Software", "Spillover"]

DAYS_PER_YEAR = 365.25
LN10 = math.log(10.0)


class Software(Configured):
    """How research turns into effective compute (the Full Takeoff Model's equations).

    Parameters
    ----------
    halving : days in which the compute for a given quality halved before the start; the returns to research
        are fitted to it, once, with the leading lab's own growth of research input
    compute_share : a, weight of experiment compute against labour
    substitution : rho of the two; at most 1, 0 for Cobb-Douglas
    experiment_exponent : research input counts experiment compute to this power
    parallel_penalty : exponent of the input: people who work side by side find the same things
    limit : largest multiplier that software can reach, relative to the start
    """

    halving: PositiveDays
    compute_share: Share
    substitution: Number = Field(le=1.0)
    experiment_exponent: Positive
    parallel_penalty: Positive
    limit: float = Field(gt=1.0)


class Spillover(Configured):
    """How methods become known.

    Parameters
    ----------
    median, log_sigma : days after which the leading lab's methods are public, one draw a run, lognormal
    catch_up : days in which a laggard closes all but 1/e of its distance to the public methods
    """

    median: PositiveDays
    log_sigma: Positive
    catch_up: PositiveDays


class ResearchFrontier(Institution, kind="research_frontier"):
    """The state of the art: the technology that all who train share, and what of it is public.

    Parameters
    ----------
    points_per_oom : k, index points of a tenfold effective compute
    newest_model_age : days before the start at which the runs of the newest models began
    software, spillover, training : see there
    step : days between two looks at the best lab
    """

    points_per_oom: Positive
    newest_model_age: PositiveDays
    software: Software
    spillover: Spillover
    training: TrainingTechnology
    step: PositiveDays = 1.0

    def build(self, world: World, name: str) -> FrontierActor:
        return FrontierActor(self, world, name)


class FrontierActor:
    """The frontier on the clock.

    The leading lab at the start is the anchor of quality: an index is the leader's plus k log10 of effective
    compute over that of the leader's newest model, which was trained with the compute and the methods of its
    time. A lab's own software level makes up what its compute does not explain.
    """

    def __init__(self, rules: ResearchFrontier, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.points_per_oom = rules.points_per_oom
        delay = Draws(world.entity("publication", name))
        self.delay = delay.lognormal(0, rules.spillover.median, rules.spillover.log_sigma)
        """Days after which the best lab's methods are public."""
        self._best: list[float] = []
        self._log_public = 0.0

    def start(self) -> None:
        """Fix the anchor, give every lab its software level, and follow the best lab from then on."""
        labs = self._labs()
        self.growth = math.log(2.0) / self.rules.software.halving * DAYS_PER_YEAR
        """d ln A / dt of the leading lab at the start [1/yr]."""
        if labs:
            for lab in labs:
                lab.prepare()
            self._anchor(labs)
            step = self.rules.step
            self.world.calendar.every(step, Phase.RESEARCH, self._look, first=step)
            self.world.recorder.series("frontier.log_software_public", "1", lambda: self.log_software)

    def _labs(self) -> list[Any]:
        """Labs that do research of their own."""
        return [lab for lab in self.world.labs.values() if hasattr(lab, "research")]

    def _anchor(self, labs: list[Any]) -> None:
        leader = max(labs, key=lambda lab: lab.rules.index)
        age = self.rules.newest_model_age
        first = {lab.name: self.log_compute(lab.training.flop_of_newest(age), -age) for lab in labs}
        self._index = leader.rules.index
        self._log_effective = first[leader.name] + self.earlier(0.0, -age)
        for lab in labs:
            points = lab.rules.index - self._index
            log_software = points / self.points_per_oom * LN10 - (first[lab.name] - first[leader.name])
            lab.research.log_software = log_software
        software = self.rules.software
        self.returns = self.growth / (software.parallel_penalty * leader.research.input_growth)
        """d ln A / d ln Q far below the limit."""
        self._best = [max(lab.log_software for lab in labs)]
        self._update()

    def earlier(self, log_software: float, day: float) -> float:
        """ln A of a lab on a day before the start, from that of the start: all rose at the leader's pace."""
        return log_software + self.growth * min(day, 0.0) / DAYS_PER_YEAR

    def log_compute(self, flop: float, day: float) -> float:
        """ln of the compute that counts for quality: data that repeats counts less, post-training adds."""
        return math.log(flop) + self.rules.training.log_multiplier(flop, self.world.start_date, day)

    def index(self, flop: float, log_software: float, day: float) -> float:
        """Expected index of a model trained with ``flop`` FLOP and methods ``log_software`` on ``day``."""
        log_effective = self.log_compute(flop, day) + log_software - self._log_effective
        return float(self._index) + index_from_compute(self.points_per_oom, math.exp(log_effective))

    def loss(self, index: float) -> float:
        """Loss that a model of some index would have on the optimal path of its effective compute, nats."""
        points = (index - float(self._index)) / self.points_per_oom
        return optimal_loss(math.exp(self._log_effective + points * LN10), self.rules.training.law.constants)

    @property
    def log_software(self) -> float:
        """ln A of published methods."""
        return self._log_public

    def _look(self) -> None:
        self._best.append(max(self._best[-1], *(lab.log_software for lab in self._labs())))
        self._update()

    def _update(self) -> None:
        """Read the best lab's level as it was before the delay; before the start it rose at its pace."""
        step = self.rules.step
        ago = len(self._best) - 1 - self.delay / step
        if ago < 0:
            self._log_public = self.earlier(self._best[0], ago * step)
        else:
            n = int(ago)
            later = self._best[min(n + 1, len(self._best) - 1)]
            self._log_public = self._best[n] + (ago - n) * (later - self._best[n])
