"""The technology of large training runs, the same for all labs: speed, interruptions, allocation, data."""

from __future__ import annotations

import datetime
import functools
import math
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from simdai.economy.paths import DAYS_PER_YEAR
from simdai.mechanisms.scaling import (
    Allocation,
    ChinchillaLaw,
    effective_tokens,
    equivalent_compute_fraction,
    loss,
    overtrained_allocation,
    post_training_multiplier,
)
from simdai.mechanisms.training_runs import checkpoint_interval_s, failure_domain, goodput, mtbf_from_rate
from simdai.registry import Configured, FrozenMapping
from simdai.units import Date, Positive, PositiveDays, Quantity, Share, Tokens

__all__ = ["LossLaw", "TrainingTechnology"]

SECONDS_PER_DAY = 86_400.0
SECONDS_PER_HOUR = 3_600.0
FlopPerSecond = Annotated[float, Quantity("FLOP/s", low=0.0)]


class LossLaw(Configured):
    """Constants of L(N, D) = E + A / N^alpha + B / D^beta, nats per token.

    Parameters
    ----------
    A, B, alpha, beta, E : see `simdai.mechanisms.scaling.ChinchillaLaw`
    """

    A: Positive
    B: Positive
    alpha: Positive
    beta: Positive
    E: Positive

    @property
    def constants(self) -> ChinchillaLaw:
        """The law with these constants."""
        return law(self.A, self.B, self.alpha, self.beta, self.E)


@functools.cache
def law(a: float, b: float, alpha: float, beta: float, e: float) -> ChinchillaLaw:
    """One object for each set of constants."""
    return ChinchillaLaw(A=a, B=b, alpha=alpha, beta=beta, E=e)


class TrainingTechnology(Configured):
    """How a run on a large cluster goes.

    Parameters
    ----------
    peak : dense FLOP/s of one H100
    mfu : share of the peak that a run reaches while it runs
    interruption_rate : unexpected interruptions of one accelerator a year
    checkpoint, restart : days to write a checkpoint, and to restart
    replica_group : devices that one failure stalls at most; larger jobs are independent groups
    device_growth : orders of magnitude a year by which a device grows stronger than an H100 after 2023
    duration, duration_sd : days of a run as planned, normal
    shortest, longest : days, the plan's limits
    success : share of runs that yield what was planned; the others half the gain
    law : of the loss
    overtraining : tokens per parameter over the optimum, so that serving is cheap
    unique_tokens : tokens of text worth training on; a run that needs more repeats them
    post_training : dated share of a run's compute that goes into post-training; linear between the dates
    noise : standard deviation of a model's index around its plan [points]
    """

    peak: FlopPerSecond = Field(gt=0.0)
    mfu: Share = Field(gt=0.0)
    interruption_rate: Annotated[float, Quantity("1/y", low=0.0)] = Field(gt=0.0)
    checkpoint: PositiveDays
    restart: PositiveDays
    replica_group: Positive
    device_growth: float = Field(ge=0.0)
    duration: PositiveDays
    duration_sd: PositiveDays
    shortest: PositiveDays
    longest: PositiveDays
    success: Share
    law: LossLaw
    overtraining: Positive
    unique_tokens: Tokens = Field(gt=0.0)
    post_training: FrozenMapping[Date, Share]
    noise: float = Field(ge=0.0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.shortest <= self.duration <= self.longest:
            raise ValueError("duration must lie between shortest and longest")
        if not self.post_training:
            raise ValueError("post_training: at least one dated share is needed")
        if any(share == 1.0 for share in self.post_training.values()):
            raise ValueError("post_training: a share below 1 is needed, something must be trained first")
        return self

    # -- speed -----------------------------------------------------------------------------------------------

    def mtbf_s(self, h100e: float, year: float) -> float:
        """Mean seconds between interruptions of one replica group of a job."""
        domain = failure_domain(h100e, year, self.replica_group, self.device_growth)
        return mtbf_from_rate(domain, self.interruption_rate) * SECONDS_PER_HOUR

    def checkpoint_interval_s(self, h100e: float, year: float) -> float:
        """Useful seconds between two checkpoints."""
        return checkpoint_interval_s(self.checkpoint * SECONDS_PER_DAY, self.mtbf_s(h100e, year))

    def goodput(self, h100e: float, year: float) -> float:
        """Expected useful share of a run's time."""
        delta, restart = self.checkpoint * SECONDS_PER_DAY, self.restart * SECONDS_PER_DAY
        return goodput(delta, restart, self.mtbf_s(h100e, year))

    def flop(self, h100e: float, days: float, year: float) -> float:
        """Compute that a run of ``days`` on ``h100e`` H100 equivalents is expected to deliver, FLOP."""
        return h100e * self.peak * self.mfu * self.goodput(h100e, year) * days * SECONDS_PER_DAY

    # -- what it buys ----------------------------------------------------------------------------------------

    def allocation(self, flop: float) -> Allocation:
        """Parameters and tokens of a run."""
        return overtrained_allocation(flop, self.overtraining, self.law.constants)

    def loss(self, flop: float) -> float:
        """Loss that a run reaches, repeated data counted as what it is worth, nats per token."""
        params, tokens = self.allocation(flop)
        return loss(params, effective_tokens(tokens, self.unique_tokens), self.law.constants)

    def post_training_share(self, start: datetime.date, day: float) -> float:
        """Share of compute for post-training ``day`` days after ``start``."""
        dates = sorted(self.post_training)
        days = [(date - start).days for date in dates]
        return float(np.interp(day, days, [self.post_training[date] for date in dates]))

    def log_multiplier(self, flop: float, start: datetime.date, day: float) -> float:
        """ln of effective over spent compute: overtraining, repeated data and post-training."""
        share = self.post_training_share(start, day)
        worth = equivalent_compute_fraction(self.loss(flop), flop, self.law.constants)
        return math.log(worth) + math.log(post_training_multiplier(1.0 - share, share))


def calendar_year(start: datetime.date, day: float) -> float:
    """Calendar year with fraction, ``day`` days after ``start``."""
    first = datetime.date(start.year, 1, 1)
    return start.year + ((start - first).days + day) / DAYS_PER_YEAR
