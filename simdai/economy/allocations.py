"""Allocations of a token's first supply that vest: team, investors, ecosystem funds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

from pydantic import model_validator

from simdai.economy.actors import World
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.vesting import linear_vested
from simdai.registry import Configured
from simdai.units import Date, Days, Name, Share

__all__ = ["Allocation", "Unlocks"]


class Allocation(Configured):
    """A part of the first supply that becomes free over time and is then sold in part.

    Parameters
    ----------
    share : of the first supply, still locked or not
    granted : day on which vesting began; the start of the scenario without
    cliff : days before which nothing is free; what accrued before is freed at it
    duration : days after which all is free
    sold : share of what becomes free that its holders sell at once
    """

    share: Share
    granted: Date | None = None
    cliff: Days = 0.0
    duration: Days
    sold: Share

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.cliff > self.duration:
            raise ValueError("cliff must not exceed the duration")
        return self


class Unlocks:
    """The allocations of a token on the clock.

    What is locked lies on ``NAME.locked``, what its holders keep of it on ``NAME.insiders``. What had vested
    before the start is with the insiders from the beginning.
    """

    def __init__(
        self, allocations: Mapping[Name, Allocation], world: World, name: str, token: TokenMarket
    ) -> None:
        self.allocations, self.world, self.token = dict(allocations), world, token
        self.locked, self.insiders = f"{name}.locked", f"{name}.insiders"
        ledger, asset = world.ledger, token.asset
        for account in (self.locked, self.insiders):
            ledger.open(account, asset)
        ledger.open(self.insiders)
        self.grants = {key: math.floor(token.genesis * a.share) for key, a in self.allocations.items()}
        self.free = {key: self._vested(key) for key in self.allocations}
        ledger.transfer(sum(self.grants.values()), asset, token.holders, self.locked)
        ledger.transfer(sum(self.free.values()), asset, self.locked, self.insiders)

    def _vested(self, key: str) -> int:
        allocation = self.allocations[key]
        granted = 0.0 if allocation.granted is None else self.world.days_until(allocation.granted)
        elapsed = max(self.world.env.now - granted, 0.0)
        return linear_vested(self.grants[key], elapsed, allocation.duration, allocation.cliff)

    def settle(self) -> None:
        """Free what has vested since the last time, and sell the holders' share of it at one price."""
        to_sell = 0
        for key, allocation in self.allocations.items():
            new = max(self._vested(key) - self.free[key], 0)
            to_sell += self.release(key, new, allocation.sold)
        self.token.sell(to_sell, self.insiders, self.insiders)

    def free_all(self, sold: float) -> None:
        """Free everything at once, and sell the share ``sold`` of it."""
        amounts = {key: self.grants[key] - self.free[key] for key in self.allocations}
        to_sell = sum(self.release(key, amount, sold) for key, amount in amounts.items())
        self.token.sell(to_sell, self.insiders, self.insiders)

    def release(self, key: str, amount: int, sold: float) -> int:
        """Free ``amount`` base units of an allocation; returns those of them that are to be sold."""
        self.world.ledger.transfer(amount, self.token.asset, self.locked, self.insiders)
        self.free[key] += amount
        return math.floor(amount * sold)

    @property
    def still_locked(self) -> int:
        """Base units that have not vested."""
        return self.world.ledger.balance(self.token.asset, self.locked)
