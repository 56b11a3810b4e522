"""Serving: what a lab sells, the compute that takes, what it must refuse, and its run-rate over time."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from pydantic import Field

from simdai.mechanisms.compute_orders import serving_h100e
from simdai.mechanisms.training_runs import HOURS_PER_YEAR
from simdai.registry import Configured
from simdai.units import Share

if TYPE_CHECKING:
    from simdai.labs.lab import LabActor

__all__ = ["Service", "Serving"]

DAYS_PER_YEAR = 365.25
YEAR = 365  # days of history kept


class Serving(Configured):
    """What serving costs.

    Parameters
    ----------
    inference : share of revenue that inference compute costs at the contract price
    channel : share of revenue for channels, payment and support
    overhead : share of revenue for selling and administration
    reserve : share of compute that experiments keep, whatever customers want
    """

    inference: Share
    channel: Share
    overhead: Share
    reserve: Share = Field(lt=1.0)


class Service:
    """A lab's sales. The model market sells for it and asks how much it can serve."""

    def __init__(self, rules: Serving, lab: LabActor) -> None:
        self.rules, self.lab = rules, lab
        self.run_rate = 0.0
        """USD a year at the pace of the last day."""
        self.revenue_usd = 0.0
        """USD since the start."""
        self.refused = 0.0
        """USD a year of use that was wanted yesterday and not served."""
        self.refused_usd = 0.0
        """USD of use that was wanted and could not be served, since the start."""
        self.frozen: float | None = None
        """Run-rate that the lab's finances go by instead of its own: a cut loop's."""
        self._history: deque[float] = deque(maxlen=YEAR + 1)

    def open(self, run_rate: float, growth: float) -> None:
        """Begin with a run-rate that has grown by ``growth`` in the year before."""
        self.run_rate = run_rate
        self._history.extend(run_rate * growth ** ((n - YEAR) / YEAR) for n in range(YEAR + 1))

    @property
    def credited_run_rate(self) -> float:
        """Run-rate that investors and planners go by, USD a year."""
        return self.run_rate if self.frozen is None else self.frozen

    @property
    def growth(self) -> float:
        """Run-rate over that of a year ago [x/yr]; 1 when there is nothing to compare."""
        before = self._history[0]
        return self.run_rate / before if before > 0 and self.run_rate > 0 else 1.0

    def _h100e(self, run_rate: float) -> float:
        price = self.lab.supply.contract_price(self.lab.world.env.now)
        return serving_h100e(run_rate, self.rules.inference, price)

    @property
    def h100e(self) -> float:
        """H100e that serve customers now."""
        return self._h100e(self.run_rate)

    @property
    def refused_h100e(self) -> float:
        """H100e that the use refused would have taken."""
        return self._h100e(self.refused)

    @property
    def refused_share(self) -> float:
        """Share of all use wanted since the start that was refused; nan before anything was sold."""
        wanted = self.revenue_usd + self.refused_usd
        return self.refused_usd / wanted if wanted else math.nan

    @property
    def most(self) -> float:
        """Run-rate that the compute left by the run under way and the reserve can serve, USD a year."""
        fleet, training = self.lab.fleet, self.lab.training
        free = max((1.0 - self.rules.reserve) * fleet.h100e - training.h100e, 0.0)
        if self.rules.inference == 0.0:
            return math.inf
        price = self.lab.supply.contract_price(self.lab.world.env.now)
        return free * price * HOURS_PER_YEAR / self.rules.inference

    @property
    def gross_margin(self) -> float:
        """Share of revenue left after channels and the compute that serves it."""
        return 1.0 - self.rules.channel - self.rules.inference

    def sell(self, run_rate: float, wanted: float, days: int) -> None:
        """Take note of the sales of some days at ``run_rate`` USD a year, where ``wanted`` was asked for."""
        self.run_rate = run_rate
        self.revenue_usd += run_rate * days / DAYS_PER_YEAR
        self.refused = wanted - run_rate
        self.refused_usd += self.refused * days / DAYS_PER_YEAR
        self._history.extend([run_rate] * days)
