"""How many tokens a network creates in an epoch.

Every rule is an amount between two times since the network's start, in closed form, so that the length of the
epoch does not matter. Amounts are in tokens; the network rounds its cumulative sum, never the epochs one by
one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from simdai.registry import Configured
from simdai.units import Number, Positive, PositiveDays, Tokens, TokensPerDay

__all__ = ["Capped", "Decay", "Emit", "Fixed", "Halving", "Inflation", "NoEmission", "Schedule", "Supply"]

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Supply:
    """Tokens of a network at the start of an epoch.

    Parameters
    ----------
    existing : tokens that exist
    emitted : tokens that the schedule has created since the network's start
    burned : tokens burned since the start of the scenario
    bonded : share of the tokens that is staked
    capacity : GPUs of speed 1 that are online
    """

    existing: float
    emitted: float = 0.0
    burned: float = 0.0
    bonded: float = 0.0
    capacity: float = 0.0


class Schedule(Protocol):
    """A supply schedule on its way."""

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        """Tokens created between ``start`` and ``end``, days since the network's start."""


class Emit(Configured, family="emit"):
    """A supply schedule. One that remembers what it has seen begins anew in every run."""

    def begin(self) -> Schedule:
        """The schedule at its beginning."""
        return self

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        """Tokens created between ``start`` and ``end``, days since the network's start."""
        return self.begin().tokens(start, end, supply)


class NoEmission(Emit, kind="none"):
    """No new tokens."""

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        return 0.0


class Fixed(Emit, kind="fixed"):
    """The same number of tokens every day.

    Parameters
    ----------
    per_day : tokens
    """

    per_day: TokensPerDay

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        return self.per_day * (end - start)


class Halving(Emit, kind="halving"):
    """A daily number of tokens that halves at fixed intervals, as Bitcoin's does.

    Parameters
    ----------
    per_day : tokens, before the first halving
    interval : days between halvings
    """

    per_day: TokensPerDay
    interval: PositiveDays

    def total(self, time: float) -> float:
        """Tokens created in the first ``time`` days."""
        n = math.floor(time / self.interval)
        whole = 2.0 * (1.0 - 0.5**n) * self.interval
        return self.per_day * (whole + 0.5**n * (time - n * self.interval))

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        return self.total(end) - self.total(start)


class Decay(Emit, kind="decay"):
    """A daily number of tokens that shrinks continuously.

    Parameters
    ----------
    per_day : tokens, at the start
    annual_factor : of the daily number after a year
    """

    per_day: TokensPerDay
    annual_factor: Positive

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        rate = math.log(self.annual_factor) / DAYS_PER_YEAR
        if rate == 0.0:
            return self.per_day * (end - start)
        return self.per_day * math.exp(rate * start) * math.expm1(rate * (end - start)) / rate


class Inflation(Emit, kind="inflation"):
    """A yearly share of the tokens that exist, compounded continuously.

    Parameters
    ----------
    annual_share : new tokens in a year over those that exist, without compounding
    """

    annual_share: Number

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        return supply.existing * math.expm1(self.annual_share * (end - start) / DAYS_PER_YEAR)


class Capped(Emit, kind="capped"):
    """Another schedule that ends when it has created a fixed total.

    Parameters
    ----------
    rule : the schedule
    cap : tokens
    """

    rule: Emit
    cap: Tokens

    def begin(self) -> Schedule:
        return _Capped(self.rule.begin(), self.cap)


class _Capped:
    def __init__(self, rule: Schedule, cap: float) -> None:
        self.rule, self.cap = rule, cap

    def tokens(self, start: float, end: float, supply: Supply) -> float:
        return min(self.rule.tokens(start, end, supply), max(self.cap - supply.emitted, 0.0))
