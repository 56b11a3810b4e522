"""Researchers as individuals: what each can do, what each cares for, where each works and since when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World

__all__ = ["OUTSIDE", "Researchers"]

OUTSIDE, UNBORN = -1, -2  # places of those who work for no employer, and of those who have yet to begin
HALF_STEP = 2.0**-54  # keeps uniforms off 0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Researchers:
    """Everybody who does research during a run, now or later; one row a person.

    Attributes
    ----------
    quantile, ability : (n,) share of people less able; lognormal productivity, 1 in the middle
    openness : (n,) utils by which open work is worth more to a person than to the mean of all
    place : (n,) number of the employer, or `OUTSIDE`
    since : (n,) days, when the present job began
    """

    def __init__(
        self, world: World, name: str, n: int, ability_spread: float, openness_spread: float
    ) -> None:
        ids = np.arange(n)
        self.quantile = world.entity("researcher.ability", name).uniforms(ids, 0)
        self.ability: Floats = np.exp(ability_spread * ndtri(self.quantile + HALF_STEP))
        taste = world.entity("researcher.openness", name).uniforms(ids, 0)
        self.openness: Floats = openness_spread * ndtri(taste + HALF_STEP)
        self.place = np.full(n, UNBORN, dtype=np.int16)
        self.since = np.zeros(n)
        self.n = 0
        """People who have begun."""

    def begin(self, n: int) -> None:
        """Let people begin, outside, until ``n`` have."""
        self.place[self.n : n] = OUTSIDE
        self.n = max(self.n, n)

    def at(self, place: int) -> Ints:
        """Who is at a place."""
        return np.flatnonzero(self.place[: self.n] == place)

    def first(self, keys: Floats, allowed: NDArray[np.bool_], n: int) -> Ints:
        """The ``n`` people outside and allowed who come first by their keys, or all there are."""
        free = np.flatnonzero(allowed[: self.n] & (self.place[: self.n] == OUTSIDE))
        if len(free) <= n:
            return free
        return free[np.argpartition(keys[free], n)[:n]] if n else free[:0]

    def place_at_start(self, ids: Ints, place: int, luck: Floats, mean_tenure: float) -> None:
        """Put people at an employer, with jobs begun in the past: exponential tenure of a mean in days."""
        self.place[ids] = place
        self.since[ids] = mean_tenure * np.log1p(-luck[ids])

    def move(self, ids: Ints, place: int | NDArray[np.int16], now: float) -> None:
        """Let people take up a job today."""
        self.place[ids] = place
        self.since[ids] = now

    def tenure_years(self, ids: Ints, now: float) -> Floats:
        """Time that people have been in their jobs."""
        return (now - self.since[ids]) / 365.25
