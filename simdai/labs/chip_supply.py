"""The world's supply of compute: how much is made, at what price, how late, and who gets it when short."""

from __future__ import annotations

import datetime
import math
from typing import Annotated, Protocol, Self

import numpy as np
from pydantic import Field, model_validator

from simdai.economy.actors import Institution, World
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.mechanisms.compute_orders import SupplyTrend, rationed_share
from simdai.mechanisms.demand import chip_price, vintage_value
from simdai.mechanisms.training_runs import HOURS_PER_YEAR
from simdai.registry import Configured
from simdai.units import (
    Date,
    NonNegative,
    Positive,
    PositiveDays,
    Quantity,
    Share,
    Usd,
    UsdPerGpuHour,
    UsdPerKwh,
    Watts,
)

__all__ = ["ChipSupply", "ChipSupplyActor", "Energy", "SupplyPath", "Swing"]

DAYS_PER_YEAR = 365.25
Rate = Annotated[float, Quantity("1/y")]


class SupplyPath(Configured):
    """Deliveries of compute in the world: growth that slows down.

    Parameters
    ----------
    at : day to which ``per_year`` belongs
    per_year : H100 equivalents delivered a year, on that day
    growth_start, growth_end : logarithmic growth a year, on that day and in the long run
    decay : rate a year at which the one turns into the other
    """

    at: Date
    per_year: Annotated[float, Quantity("1/y", low=0.0)] = Field(gt=0.0)
    growth_start: Rate
    growth_end: Rate
    decay: Rate = Field(gt=0.0)


class Energy(Configured):
    """What running compute costs.

    Parameters
    ----------
    power : W of one H100 equivalent bought at the reference date, server included
    power_share : mean draw over rated power
    overhead : power of the site over that of its machines
    electricity : USD per kWh
    """

    power: Watts
    power_share: Share
    overhead: float = Field(ge=1.0)
    electricity: UsdPerKwh


class Swing(Configured):
    """How prices by the hour swing about their trend, as shortage and glut follow each other.

    Parameters
    ----------
    sd : standard deviation of the logarithm of the price over its trend, in the long run
    memory : days in which a deviation fades to 1/e
    """

    sd: NonNegative
    memory: PositiveDays


class ChipSupply(Institution, kind="chip_supply"):
    """Makers of chips and builders of data centres.

    Parameters
    ----------
    trend : deliveries in the world
    labs_share : of those that the labs of the scenario get at most
    saved : days for which supply that nobody took stays available
    reference : day to which the prices belong
    contract_price : USD per H100e-hour of capacity under a contract
    rental_price : USD per H100e-hour for the short term
    unit_price : USD of one H100e with its server and network, to own
    price_fall : orders of magnitude a year by which all three fall
    swing : of the two prices by the hour, about that fall; none without
    lead_median, lead_log_sigma : days from order to use, lognormal
    rental_lead : days until rented capacity is there, at most; uniform
    rental_term : days for which it is rented
    life : days after which a machine is written off or a contract ends
    physical_loss : hazard of owned machines to break for good [1/yr]
    energy : of owned machines
    step : days between two deliveries
    """

    trend: SupplyPath
    labs_share: Share
    saved: PositiveDays
    reference: Date
    contract_price: UsdPerGpuHour = Field(gt=0.0)
    rental_price: UsdPerGpuHour = Field(gt=0.0)
    unit_price: Usd = Field(gt=0.0)
    price_fall: float = Field(ge=0.0)
    swing: Swing | None = None
    lead_median: PositiveDays
    lead_log_sigma: Positive
    rental_lead: PositiveDays
    rental_term: PositiveDays
    life: PositiveDays
    physical_loss: Annotated[float, Quantity("1/y", low=0.0)]
    energy: Energy
    step: PositiveDays = 1.0

    @model_validator(mode="after")
    def _dearer(self) -> Self:
        if self.rental_price < self.contract_price:
            raise ValueError("rental_price: the short term must cost at least contract_price")
        return self

    def contract_price_on(self, day: datetime.date) -> float:
        """USD per H100e-hour under a contract on a date."""
        years = (day - self.reference).days / DAYS_PER_YEAR
        return chip_price(self.contract_price, years, self.price_fall)

    def build(self, world: World, name: str) -> ChipSupplyActor:
        return ChipSupplyActor(self, world, name)


class Buyer(Protocol):
    """Somebody to whom compute is delivered."""

    name: str

    def deliver(self, h100e: float) -> None: ...


class ChipSupplyActor:
    """Orders, deliveries and prices.

    Attributes
    ----------
    withheld : share of each delivery due that waits until a shock has passed
    """

    def __init__(self, rules: ChipSupply, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        t = rules.trend
        self.trend = SupplyTrend(
            per_year=t.per_year, growth_start=t.growth_start, growth_end=t.growth_end, decay=t.decay
        )
        self.withheld = 0.0
        self._news = Draws(world.entity("chip_supply.swing", name))
        self._deviation = 0.0  # of the logarithm of prices by the hour from their trend
        self.made = self.delivered = self.waited = 0.0
        """H100e made in the world and delivered to buyers here, and H100e-days that these waited."""
        self._due: dict[str, float] = {}
        self._held: dict[str, float] = {}
        self._buyers: dict[str, Buyer] = {}
        self._available = 0.0

    def start(self) -> None:
        """Deliver what is due, as far as it is made."""
        step = self.rules.step
        self.world.calendar.every(step, Phase.DELIVERIES, self._deliver, first=step)
        recorder = self.world.recorder
        recorder.series(
            "chip_supply.world_h100e_per_year", "H100e/y", lambda: self.per_year(self.world.env.now)
        )
        recorder.series("chip_supply.world_h100e", "H100e", lambda: self.made)
        recorder.series(
            "chip_supply.contract_price", "USD/h", lambda: self.contract_price(self.world.env.now)
        )
        recorder.outcome("chip_supply.delivered_h100e", "H100e", lambda: self.delivered)
        recorder.outcome("chip_supply.mean_wait_days", "d", lambda: self.waited / max(self.delivered, 1.0))

    # -- the world's supply ----------------------------------------------------------------------------------

    def per_year(self, day: float) -> float:
        """Deliveries in the world on ``day`` [H100e/yr]."""
        return self.trend.at((day - self.world.days_until(self.rules.trend.at)) / DAYS_PER_YEAR)

    def growth(self, day: float) -> float:
        """The world's deliveries over those of a year before [x/yr]."""
        return self.per_year(day) / self.per_year(day - DAYS_PER_YEAR)

    # -- prices ----------------------------------------------------------------------------------------------

    def _fallen(self, price: float, day: float) -> float:
        years = (day - self.world.days_until(self.rules.reference)) / DAYS_PER_YEAR
        return chip_price(price, years, self.rules.price_fall)

    def contract_price(self, day: float) -> float:
        """USD per H100e-hour under a contract; for days to come, what can be expected."""
        return self._fallen(self.rules.contract_price, day) * self._swung(day)

    def rental_price(self, day: float) -> float:
        """USD per H100e-hour for the short term; for days to come, what can be expected."""
        return self._fallen(self.rules.rental_price, day) * self._swung(day)

    @property
    def swung(self) -> float:
        """Prices by the hour now over their trend."""
        return self._swung(self.world.env.now)

    def _swung(self, day: float) -> float:
        """Price by the hour over its trend; a deviation of today fades."""
        swing = self.rules.swing
        if swing is None:
            return 1.0
        ahead = max(day - self.world.env.now, 0.0)
        return math.exp(self._deviation * math.exp(-ahead / swing.memory))

    def _swing(self) -> None:
        """Let the deviation wander for a step."""
        swing = self.rules.swing
        if swing is not None:
            kept = math.exp(-self.rules.step / swing.memory)
            news = self._news.normal(round(self.world.env.now))
            self._deviation = kept * self._deviation + swing.sd * math.sqrt(1.0 - kept**2) * news

    def unit_price(self, day: float) -> float:
        """USD to own one H100e."""
        return self._fallen(self.rules.unit_price, day)

    def value(self, bought: float, day: float) -> float:
        """Economic value on ``day`` of one H100e bought on the day ``bought``, USD."""
        rules, age = self.rules, (day - bought) / DAYS_PER_YEAR
        return vintage_value(self.unit_price(bought), age, rules.price_fall, rules.physical_loss)

    def energy_usd_per_year(self, bought: float) -> float:
        """Electricity of one H100e bought on the day ``bought``, USD a year; newer ones need less."""
        energy = self.rules.energy
        kilowatts = self._fallen(energy.power, bought) * energy.power_share * energy.overhead / 1000.0
        return kilowatts * HOURS_PER_YEAR * energy.electricity

    # -- orders ----------------------------------------------------------------------------------------------

    @property
    def mean_lead_years(self) -> float:
        """Mean years from order to use."""
        return self.rules.lead_median * math.exp(self.rules.lead_log_sigma**2 / 2.0) / DAYS_PER_YEAR

    def lead_days(self, draws: Draws, n: int) -> float:
        """Days that order ``n`` takes."""
        return draws.lognormal(n, self.rules.lead_median, self.rules.lead_log_sigma)

    def order(self, buyer: Buyer, h100e: float, day: float) -> None:
        """Take an order that is due on ``day``."""
        self.world.calendar.at(day, Phase.DELIVERIES, lambda: self._fall_due(buyer, h100e))

    def due(self, buyer: str) -> float:
        """H100e that a buyer should have by now and waits for."""
        return self._due.get(buyer, 0.0) + self._held.get(buyer, 0.0)

    def cancel(self, buyer: str) -> None:
        """Forget what a buyer waits for."""
        self._due.pop(buyer, None)
        self._held.pop(buyer, None)

    def _fall_due(self, buyer: Buyer, h100e: float) -> None:
        self._buyers[buyer.name] = buyer
        held = self.withheld * h100e
        self._held[buyer.name] = self._held.get(buyer.name, 0.0) + held
        self._due[buyer.name] = self._due.get(buyer.name, 0.0) + h100e - held

    def let_go(self) -> None:
        """Make what was withheld due; nothing more is withheld."""
        self.withheld = 0.0
        for name, held in self._held.items():
            self._due[name] = self._due.get(name, 0.0) + held
        self._held.clear()

    def _deliver(self) -> None:
        self._swing()
        days, in_world = self.rules.step, self.per_year(self.world.env.now) / DAYS_PER_YEAR
        self.made += in_world * days
        made = self.rules.labs_share * in_world
        self._available = min(self._available + made * days, made * self.rules.saved)
        due = sum(self._due.values())
        if not due:
            return
        share = rationed_share(self._available, due)
        self._available -= share * due
        self.delivered += share * due
        self.waited += ((1.0 - share) * due + sum(self._held.values())) * days
        for name, h100e in list(self._due.items()):
            self._due[name] = (1.0 - share) * h100e
            if h100e:
                self._buyers[name].deliver(share * h100e)


def monthly_lots(installed: float, annual_factor: float) -> list[float]:
    """Twelve deliveries, a month apart, that let ``installed`` grow by ``annual_factor`` in a year."""
    levels = installed * annual_factor ** (np.arange(13) / 12.0)
    return [float(lot) for lot in np.diff(levels)]
