"""What customers see of each venue, and the shares that follow: smoothed, so that they do not chase."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.choice import adopt, logit_shares, smooth_all, venue_utility
from simdai.registry import Configured, FrozenMapping
from simdai.units import Days, Name, NonNegative, Number, Quantity, Share, UsdPerGpuHour

__all__ = ["Choice", "VenueChoice"]

Floats = NDArray[np.float64]


class Choice(Configured):
    """How a segment chooses among venues and the outside option.

    Utility of a venue is ``premium - b ln(price / reference_price) - w wait - f failed``; that of staying
    outside is such that a single venue at the reference price, without waits or failures, leaves
    ``outside_share`` unserved.

    Parameters
    ----------
    reference_price : USD per GPU-hour of a speed-1 device
    outside_share : share of the potential jobs that are then done nowhere, or at home
    price_sensitivity : b; own-price elasticity is -b (1 - share)
    wait_sensitivity : w, utils per hour of expected wait
    failure_sensitivity : f, utils for a failed share of one
    premiums : utils of trust, quality and habit by venue; zero where not named
    memory : days over which prices, waits and failures are averaged
    adoption_lag : days in which users move to what they would choose
    """

    reference_price: UsdPerGpuHour
    outside_share: Share
    price_sensitivity: NonNegative
    wait_sensitivity: Annotated[float, Quantity("1/h", low=0.0)] = 0.0
    failure_sensitivity: NonNegative = 0.0
    premiums: FrozenMapping[Name, Number] = FrozenMapping()
    memory: Days = 0.0
    adoption_lag: Days = 0.0

    @property
    def outside_utility(self) -> float:
        """Utility of the outside option."""
        if self.outside_share == 0.0:
            return -math.inf
        if self.outside_share == 1.0:
            return math.inf
        return math.log(self.outside_share / (1.0 - self.outside_share))


class VenueChoice:
    """The memory of a segment: smoothed prices, waits and failures of n venues, and its shares.

    Parameters
    ----------
    rules : of the segment
    names : of the venues
    """

    def __init__(self, rules: Choice, names: list[str]) -> None:
        self.rules = rules
        self.premium: Floats = np.array([rules.premiums.get(name, 0.0) for name in names])
        n = len(names)
        self.price: Floats = np.full(n, math.nan)
        self.wait_hours: Floats = np.zeros(n)
        self.failed: Floats = np.zeros(n)
        self.shares: Floats = np.zeros(n)

    def open(self, prices: Floats) -> None:
        """Start at rest: no waits, the shares that listed ``prices`` [USD/h] call for; nan is not offered."""
        self.price = prices.copy()
        self.shares = self.target()

    def target(self) -> Floats:
        """Shares that customers would choose at the prices and waits they now believe in."""
        utility = venue_utility(
            self.price,
            self.wait_hours,
            self.rules.reference_price,
            self.rules.price_sensitivity,
            self.rules.wait_sensitivity,
            self.premium - self.rules.failure_sensitivity * self.failed,
        )
        return logit_shares(utility, self.rules.outside_utility)

    def update(self, prices: Floats, waits: Floats, failed: Floats, days: float) -> Floats:
        """Take in what was seen over ``days``; returns the new shares.

        Parameters
        ----------
        prices : (n,) [USD/GPU-hour]; waits : (n,) [h]; failed : (n,) share; nan is no news
        """
        memory = self.rules.memory
        for belief, seen in ((self.price, prices), (self.wait_hours, waits), (self.failed, failed)):
            belief[:] = smooth_all(belief, seen, days, memory)
        self.shares = adopt(self.shares, self.target(), days, self.rules.adoption_lag)
        return self.shares
