"""Supply schedules that look at the network: what is burned, how large it is, how much is bonded.

They remember what they have seen, so each run begins one with `Emit.begin`. They count from the start of the
scenario, whatever the network's age.
"""

from __future__ import annotations

import math

from simdai.mechanisms.emission import (
    filecoin_baseline_reward,
    filecoin_effective_time,
    filecoin_simple_reward,
    net_emission,
)
from simdai.mechanisms.emit import Emit, Schedule, Supply
from simdai.mechanisms.filecoin import ATTO, EPOCHS_PER_YEAR
from simdai.mechanisms.livepeer import livepeer_inflation_step
from simdai.units import Positive, PositiveDays, Share, Tokens, TokensPerDay

__all__ = ["BondingTarget", "CapacityGated", "NetEmission"]

EPOCHS_PER_DAY = 2880
UNITS = 10**9  # of capacity in a unit of it, so that integers are fine enough


class NetEmission(Emit, kind="net_emission"):
    """Some of what was burned is created again, day by day, as Helium does.

    Parameters
    ----------
    most : tokens a day that may be created again
    smoothing : weight of the day before in the target; the rest is the day's burn
    """

    most: TokensPerDay
    smoothing: Share

    def begin(self) -> Schedule:
        return _NetEmission(self)


class _NetEmission:
    def __init__(self, rules: NetEmission) -> None:
        self.rules = rules
        self._target = self._burned = self._days = self._burn = 0.0

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        """What the whole days that have ended create; a burn is spread evenly over the time it came in."""
        days, burned = end - start, supply.burned - self._burned
        self._burned, created = supply.burned, 0.0
        while days > 0.0:
            step = min(1.0 - self._days, days)
            self._burn += burned * step / (end - start)
            self._days += step
            days -= step
            if self._days >= 1.0 - 1e-9:
                burn, rules = max(self._burn, 0.0), self.rules
                result = net_emission(self._target, burn, rules.most, rules.smoothing)
                self._target, created = result["target"], created + result["net"]
                self._days = self._burn = 0.0
        return created


class BondingTarget(Emit, kind="bonding_target"):
    """Inflation that moves by the round until the target share of the supply is bonded, as Livepeer's does.

    Parameters
    ----------
    inflation : at the start, share of the supply a round; change : of it in a round
    target : share of the supply that should be bonded
    round : days
    """

    inflation: Share
    change: Share
    target: Share
    round: PositiveDays

    def begin(self) -> Schedule:
        return _BondingTarget(self)


class _BondingTarget:
    def __init__(self, rules: BondingTarget) -> None:
        self.rules, self.inflation, self._days = rules, rules.inflation, 0.0

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        """What the rounds that have ended create."""
        self._days += end - start
        existing = supply.existing
        while self._days >= self.rules.round * (1.0 - 1e-9):
            self._days -= self.rules.round
            self.inflation = livepeer_inflation_step(
                self.inflation, min(supply.bonded, 1.0), self.rules.target, self.rules.change
            )
            existing *= 1.0 + self.inflation
        return existing - supply.existing


class CapacityGated(Emit, kind="capacity_gated"):
    """Two streams of rewards, as Filecoin's: one by time, one by capacity.

    The second pays for effective time, which advances only as fast as capacity keeps up with a baseline that
    doubles every year: what is not earned is put off, not lost.

    Parameters
    ----------
    simple : tokens of the stream by time in all; gated : of the stream by capacity
    baseline : GPUs of speed 1 that must be online at the start
    """

    simple: Tokens
    gated: Tokens
    baseline: Positive

    def begin(self) -> Schedule:
        return _CapacityGated(self)


class _CapacityGated:
    GROWTH = math.log(2.0) / EPOCHS_PER_YEAR

    def __init__(self, rules: CapacityGated) -> None:
        self.rules = rules
        self._baseline = rules.baseline * UNITS  # of the first epoch
        self._epochs = 0  # since the start
        self._realised, self._theta = 0, 0.0

    def _cumulative(self, epochs: int) -> int:
        """Sum of the baseline over the first epochs, unit-epochs."""
        return round(self._baseline * math.expm1(self.GROWTH * epochs) / math.expm1(self.GROWTH))

    def _crossing(self, capacity: float) -> float:
        """Epoch in which the baseline outgrows a capacity."""
        return math.log(capacity / self._baseline) / self.GROWTH if capacity > 0 else -math.inf

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        """What both streams release over the epochs that have ended."""
        begin, last = self._epochs, round(end * EPOCHS_PER_DAY) - round(start * EPOCHS_PER_DAY) + self._epochs
        self._epochs = last
        n = last - begin
        if n <= 0:
            return 0.0
        capacity = supply.capacity * UNITS
        below = int(min(max(self._crossing(capacity), begin), last))  # until here the baseline limits
        self._realised += self._cumulative(below) - self._cumulative(begin) + round(capacity * (last - below))
        theta = self._effective_time()
        gated = filecoin_baseline_reward(self._theta, theta, round(self.rules.gated))
        self._theta = theta
        first = filecoin_simple_reward(begin, round(self.rules.simple))
        decay = self.GROWTH / 6.0  # a half-life of six years
        simple = first * math.expm1(-decay * n) / math.expm1(-decay)
        return (gated + simple) / ATTO

    def _effective_time(self) -> float:
        ratio = self._realised * math.expm1(self.GROWTH) / self._baseline
        epoch = max(math.ceil(math.log1p(ratio) / self.GROWTH) - 1, 0)
        while self._cumulative(epoch) < self._realised:
            epoch += 1
        baseline = round(self._baseline * math.exp(self.GROWTH * epoch))
        realised = min(self._realised, self._cumulative(epoch))
        return max(filecoin_effective_time(epoch, baseline, realised, self._cumulative(epoch)), self._theta)
