"""Bitcoin's users: how much block space they want, with quiet times, swings and rushes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import ndtri

from simdai.economy.actors import Demand, World, absent
from simdai.errors import Problem
from simdai.units import Name, NonNegative, PerDay, PerYear, Positive, PositiveDays

__all__ = ["BitcoinUsers", "Users"]

NOISE, RUSH, SIZE = range(3)
"""Numbers of a day's stream."""
AHEAD = 256  # days drawn at once


class BitcoinUsers(Demand, kind="bitcoin_users"):
    """Users who want their transactions in a block.

    Parameters
    ----------
    network : where
    vbytes : virtual bytes a day that they want at the least fee rate, at a level of 1
    elasticity : by which that falls with the rate, see `clearing_rate`
    swing, swing_memory : sd of the logarithm of demand, and days over which it reverts
    rushes : a year, each multiplying demand
    rush_size : mean of the logarithm of the factor, exponential
    rush_half_life : days in which the logarithm halves
    """

    network: Name
    vbytes: PerDay
    elasticity: Positive
    swing: NonNegative
    swing_memory: PositiveDays
    rushes: PerYear
    rush_size: NonNegative
    rush_half_life: PositiveDays

    def check(self, scenario: Any) -> Iterator[Problem]:
        named = [name for name, network in scenario.networks.items() if network.kind == "bitcoin"]
        yield from absent("network of kind 'bitcoin'", {"network": self.network}, named)
        rivals = [d for d in scenario.demand.values() if d.kind == self.kind and d.network == self.network]
        if rivals and rivals[0] is not self:
            found = f"a second group of users of {self.network!r}"
            yield Problem(path="network", found=found, allowed="one, which stands for all of them")

    def build(self, world: World, name: str) -> Users:
        return Users(self, world, name)


class Users:
    """Users on the clock: the log of their demand is a mean-reverting swing plus what is left of rushes.

    Attributes
    ----------
    level : factor on their demand
    """

    def __init__(self, rules: BitcoinUsers, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0
        self._luck = world.entity("bitcoin.users", name)
        self._swing = self._rush = 0.0
        self._day = 0
        self._draws: list[tuple[float, ...]] = []

    def start(self) -> None:
        """Nothing to put on the calendar: the network asks for the demand of each of its epochs."""
        self.world.recorder.series(f"{self.name}.vbytes_per_day", "1/d", lambda: self.vbytes_per_day)

    def apply(self) -> None:
        """The level is read whenever the network asks."""

    @property
    def vbytes_per_day(self) -> float:
        """Virtual bytes a day that they want now, at the least fee rate."""
        return self.level * self.rules.vbytes * math.exp(self._swing + self._rush)

    def until(self, day: float) -> float:
        """Follow demand to ``day``; returns it, in virtual bytes a day."""
        self.world.calendar.events[self.name] += 1
        rules = self.rules
        keep = math.exp(-1.0 / rules.swing_memory)
        fade = 0.5 ** (1.0 / rules.rush_half_life)
        while self._day < math.floor(day):
            if self._day % AHEAD == 0:
                days = np.arange(self._day, self._day + AHEAD)
                draws = [self._luck.uniforms(days, what).tolist() for what in (NOISE, RUSH, SIZE)]
                self._draws = list(zip(*draws, strict=True))
            noise, rush, size = self._draws[self._day % AHEAD]
            normal = float(ndtri(noise + 2.0**-54))
            self._swing = keep * self._swing + rules.swing * math.sqrt(1.0 - keep * keep) * normal
            self._rush *= fade
            if rush < -math.expm1(-rules.rushes / 365.25):
                self._rush += -rules.rush_size * math.log1p(-size)
            self._day += 1
        return self.vbytes_per_day
