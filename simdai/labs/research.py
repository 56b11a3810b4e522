"""Research: people and experiment compute raise a lab's software level; what others publish lifts it too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simdai.mechanisms.scaling import research_input, software_headroom, software_step

if TYPE_CHECKING:
    from simdai.labs.lab import LabActor

__all__ = ["Research"]

DAYS_PER_YEAR = 365.25
LEAST_H100E = 1.0  # a lab that has lost its compute still has a machine to try things on


class Research:
    """A lab's software level, ln A, and the cumulative input behind it.

    The cumulative input of the start is that of a history at the planned pace.
    """

    def __init__(self, lab: LabActor) -> None:
        self.lab = lab
        self._cumulative = 0.0
        self.log_software = 0.0

    @property
    def input(self) -> float:
        """Research input now, of labour and experiment compute."""
        software = self.lab.frontier.rules.software
        experiments = max(self.lab.experiment_h100e, LEAST_H100E) ** software.experiment_exponent
        return research_input(
            max(self.lab.people.labour, 1e-6), experiments, software.compute_share, software.substitution
        )

    @property
    def input_growth(self) -> float:
        """Growth of research input that the lab's own plans imply at the start [1/yr, logarithmic]."""
        software, rules = self.lab.frontier.rules.software, self.lab.rules
        labour = (1.0 - software.compute_share) * math.log(rules.staff.growth)
        compute = software.compute_share * software.experiment_exponent * math.log(rules.compute.growth)
        return float(max(labour + compute, 1e-3))

    def find(self, factor: float) -> None:
        """Multiply effective compute by ``factor`` at once."""
        self.log_software += math.log(factor)

    def pass_days(self, days: float) -> None:
        """Add the research of some days at the pace of today, and what becomes known from others."""
        frontier = self.lab.frontier
        software = frontier.rules.software
        pace = self.input**software.parallel_penalty
        if not self._cumulative:
            self._cumulative = pace / (software.parallel_penalty * self.input_growth)
        step = pace * days / DAYS_PER_YEAR
        ratio = 1.0 + step / self._cumulative
        self._cumulative += step
        ceiling = software_headroom(self.log_software, math.log(software.limit))
        self.log_software += math.log(software_step(1.0, ratio, frontier.returns, ceiling))
        behind = max(frontier.log_software - self.log_software, 0.0)
        self.log_software += -math.expm1(-days / frontier.rules.spillover.catch_up) * behind
