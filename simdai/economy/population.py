"""What a scenario says of a population of providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import model_validator

from simdai.economy.actors import absent
from simdai.economy.laws import Law, Never
from simdai.errors import Problem
from simdai.registry import Configured, FrozenMapping
from simdai.units import (
    Count,
    Days,
    Hours,
    Name,
    NonNegative,
    Number,
    PerDay,
    Positive,
    PositiveCount,
    PositiveDays,
    Share,
    UsdPerGpuHour,
    UsdPerKwh,
)

__all__ = ["Behaviour", "Population", "Repricing"]


class Repricing(Configured):
    """How a provider moves its ask: ``d ln(ask) / dt = speed (use - target)``, never below marginal cost.

    Parameters
    ----------
    use_target : share of its time online that it wants to be hired
    speed : per day
    memory : days over which it averages its use
    ceiling : USD per GPU-hour; none without
    """

    use_target: Share
    speed: PerDay
    memory: PositiveDays
    ceiling: UsdPerGpuHour | None = None


class Behaviour(Configured):
    """When providers leave and enter; a margin of 0 pays the running cost, of 1 the hardware too.

    Parameters
    ----------
    income_memory : days over which income is averaged; nobody leaves before having seen as much
    exit_hazard : per day at a margin of zero
    exit_sensitivity : the hazard falls by a factor e for a margin higher by 1 / sensitivity
    outside_use : share of the time that the rental market outside would hire the hardware; what it would
        earn there, at the hardware's ``rental_price`` less power, counts against the margin of leavers
    entry_threshold : margin above which entry pays
    entry_speed : share of the population that decides to enter in a day, for each unit of margin above the
        threshold
    entry_ceiling : the largest such share
    entry_lag : days from decision to the first hour online
    """

    income_memory: PositiveDays
    exit_hazard: PerDay
    exit_sensitivity: NonNegative
    outside_use: Share = 0.0
    entry_threshold: Number
    entry_speed: PerDay
    entry_ceiling: PerDay
    entry_lag: Days


class Population(Configured):
    """Providers alike in hardware and manners.

    Parameters
    ----------
    hardware : name of a hardware class of the scenario
    count : providers at the start; gpus : GPUs of each
    ask : median ask at the start, USD per GPU-hour; where the network posts prices it is not needed
    ask_spread : standard deviation of the logarithm of asks
    electricity : USD per kWh; overhead : energy drawn over energy used (PUE); idle_power : share of full
        power when idle
    capital_share : share of the hardware's cost that this business must earn (small for PCs bought for
        something else)
    annual_return : return on capital that providers ask for
    online, offline : laws of the spells; always online without
    diurnal_amplitude, diurnal_peak : daily profile of presence: relative height, hour of the peak (UTC)
    jurisdictions : weights of the places where the providers are
    reputation : at entry
    token_haircut : share by which providers discount token income (slippage, lock-up)
    token_sold : share of token rewards that they sell at once; those who leave sell all they hold
    behaviour : entry and exit; neither without
    repricing : how asks move; they stay without
    """

    hardware: Name
    count: Count
    gpus: PositiveCount = 1
    ask: UsdPerGpuHour | None = None
    ask_spread: NonNegative = 0.0
    electricity: UsdPerKwh
    overhead: Positive = 1.0
    idle_power: Share = 0.0
    capital_share: Share = 1.0
    annual_return: NonNegative = 0.0
    online: Law = Never()
    offline: Law | None = None
    diurnal_amplitude: Share = 0.0
    diurnal_peak: Hours = 0.0
    jurisdictions: FrozenMapping[Name, Positive] = FrozenMapping({"anywhere": 1.0})
    reputation: Share = 1.0
    token_haircut: Share = 0.0
    token_sold: Share = 0.0
    behaviour: Behaviour | None = None
    repricing: Repricing | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.offline is None and not isinstance(self.online, Never):
            raise ValueError("providers that go offline need a law for coming back: give 'offline'")
        if self.behaviour is not None and self.capital_share == 0:
            raise ValueError("margins are shares of the capital cost: give a capital_share above 0")
        if self.ask == 0:
            raise ValueError("ask must be above 0")
        if not self.jurisdictions:
            raise ValueError("jurisdictions: at least one place is needed")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("hardware", {"hardware": self.hardware}, scenario.hardware)
        hardware = scenario.hardware.get(self.hardware)
        if self.behaviour and self.behaviour.outside_use and hardware and hardware.rental_price is None:
            found = f"{self.behaviour.outside_use:g}, but {self.hardware!r} has no rental_price"
            yield Problem(
                path="behaviour.outside_use", found=found, allowed="0, or a rental_price of the hardware"
            )
