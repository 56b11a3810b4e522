"""What a scenario says of Bitcoin's miners: their machines, their manners, and who joins them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from simdai.economy.paths import Path, PathOf
from simdai.registry import Configured
from simdai.units import (
    Days,
    NonNegative,
    PerDay,
    PerYear,
    PositiveCount,
    PositiveDays,
    Quantity,
    Share,
    UsdPerKwh,
)

__all__ = ["HASH_RATE", "MACHINE_PRICE", "Entry", "Manners", "MinerGroup"]

HASH_RATE, EFFICIENCY, MACHINE_PRICE = "EHps", "W/THps", "USD/THps"

HashRate = Annotated[float, Quantity(HASH_RATE, low=0.0)]
Efficiency = Annotated[float, Quantity(EFFICIENCY, low=0.0)]
MachinePrice = Annotated[float, Quantity(MACHINE_PRICE, low=0.0)]


class MinerGroup(Configured):
    """Sites alike in the age of their machines and in what they pay for power.

    Parameters
    ----------
    sites : how many
    hash_rate : of all together [EH/s]
    size_spread : sd of the logarithm of a site's hash rate
    efficiency, efficiency_spread : median of the energy of a hash, cooling included [J/TH], and sd of its log
    electricity, electricity_spread : median price of power, and sd of its log
    other_cost : what else it costs to run a site, by the energy used
    """

    sites: PositiveCount
    hash_rate: HashRate
    size_spread: NonNegative
    efficiency: Efficiency
    efficiency_spread: NonNegative
    electricity: UsdPerKwh
    electricity_spread: NonNegative
    other_cost: UsdPerKwh


class Manners(Configured):
    """When a site switches off, comes back, gives up, and what it sells.

    Parameters
    ----------
    outlook : days over which it judges, the next retarget foreseen
    patience : mean days of revenue that it is ready to lose before it switches off, exponential
    restart_margin : of the revenue, above the running cost, that brings it back
    restart_lag, restart_cost : mean days that takes, exponential, and USD per TH/s
    gives_up : days off after which it leaves for good
    reserve : days of running cost that it keeps in USD
    sold : share of the income beyond the running cost that it sells at once
    """

    outlook: PositiveDays
    patience: Days
    restart_margin: Share
    restart_lag: Days
    restart_cost: MachinePrice
    gives_up: PositiveDays
    reserve: Days
    sold: Share


class Entry(Configured):
    """Who joins: sites of the newest machines, while a machine is worth more than it costs (`machine_value`).

    Parameters
    ----------
    efficiency : of the newest machine [J/TH]
    price : of a machine in its place, USD per TH/s
    electricity, electricity_spread, other_cost : as of `MinerGroup`
    site : EH/s of a new site
    life : of a machine
    decline : rate at which revenue is expected to fall
    annual_return : that the money must bring
    speed : hash rate ordered in a day, as a share of all, for each unit of value above the price
    ceiling : the largest such share
    lag_low, lag_high : days from order to the first hash, uniform between
    on_order : EH/s that are on their way at the start, and come within ``lag_high`` days
    """

    efficiency: Annotated[Path, PathOf(EFFICIENCY)]
    price: Annotated[Path, PathOf(MACHINE_PRICE)]
    electricity: UsdPerKwh
    electricity_spread: NonNegative
    other_cost: UsdPerKwh
    site: HashRate
    life: PositiveDays
    decline: PerYear
    annual_return: PerYear
    speed: PerDay
    ceiling: PerDay
    lag_low: Days
    lag_high: Days
    on_order: HashRate = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lag_low > self.lag_high:
            raise ValueError("lag_low is above lag_high")
        return self
