"""A lab's compute: vintages, what is rented for a while, orders on the way, what it is used for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.mechanisms.compute_orders import order_h100e, target_growth
from simdai.registry import Configured
from simdai.units import PositiveDays, Quantity

if TYPE_CHECKING:
    from simdai.labs.chip_supply import Buyer, ChipSupplyActor

__all__ = ["Compute", "Fleet", "Lot"]

DAYS_PER_YEAR = 365.25
QUARTER, MONTH = DAYS_PER_YEAR / 4.0, DAYS_PER_YEAR / 12.0


class Compute(Configured):
    """A lab's compute at the start, and how it plans more.

    Parameters
    ----------
    h100e : H100 equivalents that it owns or has under contract
    growth : factor a year at which it has grown and would go on
    review : days between two looks at the plan
    """

    h100e: float = Field(gt=0.0)
    growth: Annotated[float, Quantity("1", low=1.0)]
    review: PositiveDays


@dataclass
class Lot:
    """Compute of one age: H100e in use since ``day``."""

    day: float
    h100e: float


class Fleet:
    """What a lab computes on.

    Parameters
    ----------
    owned : whether machines are the lab's, break and need power, or are under contract
    """

    def __init__(self, rules: Compute, world: World, name: str, supply: ChipSupplyActor, owned: bool) -> None:
        self.rules, self.world, self.name, self.supply, self.owned = rules, world, name, supply, owned
        self._lead = Draws(world.entity("lab.order_lead", name))
        self._rental = Draws(world.entity("lab.rental_lead", name))
        self._orders = self._rentals = 0
        self.on_order = 0.0
        """H100e ordered and not in use."""
        self.rented = 0.0
        """H100e rented for the short term."""
        self.lots = self._initial()
        self._total = math.fsum(lot.h100e for lot in self.lots)

    def _initial(self) -> list[Lot]:
        """Vintages of a fleet that grew at its pace, one a quarter, none beyond its life."""
        supply, g = self.supply.rules, self.rules.growth
        n = max(1, int(supply.life / QUARTER))
        loss = supply.physical_loss if self.owned else 0.0
        weights = [g ** (-k / 4.0) * math.exp(-loss * k / 4.0) for k in range(n)]
        total = math.fsum(weights)
        return [
            Lot(-k * QUARTER, self.rules.h100e * w / total) for k, w in reversed(list(enumerate(weights)))
        ]

    @property
    def held(self) -> float:
        """H100e owned or under contract."""
        return self._total

    @property
    def h100e(self) -> float:
        """H100e at hand, rented ones counted."""
        return self._total + self.rented

    @property
    def value_usd(self) -> float:
        """Economic value of owned machines."""
        now = self.world.env.now
        return math.fsum(lot.h100e * self.supply.value(lot.day, now) for lot in self.lots)

    # -- coming and going ------------------------------------------------------------------------------------

    def add(self, h100e: float) -> None:
        """Put a delivery to use."""
        now = self.world.env.now
        if self.lots and now - self.lots[-1].day < MONTH:
            self.lots[-1].h100e += h100e
        else:
            self.lots.append(Lot(now, h100e))
        self._total += h100e
        self.on_order = max(self.on_order - h100e, 0.0)

    def wear(self, days: float) -> None:
        """Lose what broke in some days."""
        if self.owned:
            left = math.exp(-self.supply.rules.physical_loss * days / DAYS_PER_YEAR)
            for lot in self.lots:
                lot.h100e *= left
            self._total *= left

    def retire(self) -> float:
        """Part with lots that are too old, or cost more power than their work is worth; returns H100e."""
        now = self.world.env.now
        worth = self.supply.contract_price(now) * 24.0 * DAYS_PER_YEAR
        gone = [
            lot
            for lot in self.lots
            if now - lot.day >= self.supply.rules.life
            or (self.owned and self.supply.energy_usd_per_year(lot.day) > worth)
        ]
        self.lots = [lot for lot in self.lots if lot not in gone]
        self._total = math.fsum(lot.h100e for lot in self.lots)
        return math.fsum(lot.h100e for lot in gone)

    def hand_back(self, h100e: float) -> None:
        """Give up contracts, the oldest first."""
        left = h100e
        for lot in self.lots:
            taken = min(lot.h100e, left)
            lot.h100e -= taken
            left -= taken
        self.lots = [lot for lot in self.lots if lot.h100e > 0.0]
        self._total = math.fsum(lot.h100e for lot in self.lots)

    def close(self) -> None:
        """Part with everything."""
        self.lots, self._total, self.rented, self.on_order = [], 0.0, 0.0, 0.0
        self.supply.cancel(self.name)

    # -- orders ----------------------------------------------------------------------------------------------

    def book(self, lots: list[float], buyer: Buyer) -> None:
        """Have monthly deliveries on order from the start."""
        for n, h100e in enumerate(lots, start=1):
            self.on_order += h100e
            self.supply.order(buyer, h100e, n * MONTH)

    def plan(self, most: float, buyer: Buyer) -> float:
        """Order what growth asks for, at most up to a capacity of ``most``; returns H100e."""
        now, supply = self.world.env.now, self.supply
        growth = target_growth(self.rules.growth, supply.growth(now))
        order = order_h100e(self._total, self.on_order, growth, supply.mean_lead_years, most)
        lead = supply.lead_days(self._lead, self._orders)
        self._orders += 1
        if order > 0.0:
            self.on_order += order
            supply.order(buyer, order, now + lead)
        return order

    def rent(self, h100e: float) -> None:
        """Rent more for a term, to begin as soon as it is found."""
        rules, calendar, now = self.supply.rules, self.world.calendar, self.world.env.now
        begin = now + rules.rental_lead * self._rental.uniform(self._rentals)
        self._rentals += 1
        if h100e <= 0.0:
            return

        def change(amount: float) -> None:
            self.rented = max(self.rented + amount, 0.0) if self.lots else 0.0

        calendar.at(begin, Phase.DELIVERIES, lambda: change(h100e))
        calendar.at(begin + rules.rental_term, Phase.DELIVERIES, lambda: change(-h100e))
