"""What a scenario says of a population of providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from simdai.economy.actors import absent
from simdai.economy.laws import Exponential, Law, Never
from simdai.economy.paths import Path, PathOf
from simdai.economy.switching import Switching
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
    PerYear,
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
    ceiling : USD per GPU-hour, a number or a path; none without
    """

    use_target: Share
    speed: PerDay
    memory: PositiveDays
    ceiling: Annotated[Path, PathOf("USD/h")] | None = None


class Behaviour(Configured):
    """When providers leave and enter; a margin of 0 pays the running cost, of 1 the hardware too.

    Hardware once bought is sunk: between the two thresholds nobody who is in has reason to leave, and nobody
    who is out to enter. The higher ``exit_sensitivity``, the sharper the lower edge.

    Parameters
    ----------
    income_memory : days over which income is averaged; nobody leaves before having seen as much
    exit_hazard : per day at a margin of ``exit_threshold``
    exit_sensitivity : the hazard falls by a factor e for a margin higher by 1 / sensitivity
    outside_use : share of the time that the rental market outside would hire the hardware; what it would
        earn there, at the hardware's ``rental_price`` less power, counts against the margin of leavers
    exit_threshold : margin below which staying does not pay
    entry_threshold : margin above which entry pays
    income_volatility, income_drift : per square root of a year and per year: with the first, both thresholds
        are at least as far apart as those of real options (`option_thresholds`) at the population's
        ``annual_return``
    entry_speed : share of the population that decides to enter in a day, for each unit of margin above the
        threshold
    entry_ceiling : the largest such share
    entry_lag : days from decision to the first hour online
    """

    income_memory: PositiveDays
    exit_hazard: PerDay
    exit_sensitivity: NonNegative
    outside_use: Share = 0.0
    exit_threshold: Number = 0.0
    entry_threshold: Number
    income_volatility: NonNegative | None = None
    income_drift: PerYear = 0.0
    entry_speed: PerDay
    entry_ceiling: PerDay
    entry_lag: Days


class Population(Configured):
    """Providers alike in hardware and manners.

    Populations with one ``count`` and shares that add up to one make a mixture: hosts that come and go at
    random beside hosts with a daily pattern.

    Parameters
    ----------
    hardware : name of a hardware class of the scenario
    count : providers at the start; gpus : GPUs of each
    share : of ``count`` that belongs to this population
    owner : who owns them all; each provider is its own owner without
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
    switching : moves to other networks and to the rental market outside; none without
    repricing : how asks move; they stay without
    """

    one_price: ClassVar[bool] = False
    """Whether the network asks the same for all, and moves it by their mean use."""

    hardware: Name
    count: Count
    share: Share = 1.0
    owner: Name | None = None
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
    switching: Switching | None = None
    repricing: Repricing | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.offline is None and not isinstance(self.online, Never):
            raise ValueError("providers that go offline need a law for coming back: give 'offline'")
        if self.diurnal_amplitude and not all(
            isinstance(law, Exponential) for law in (self.online, self.offline)
        ):
            raise ValueError("a daily profile needs spells of the kind 'exponential', online and offline")
        if self.behaviour is not None and self.capital_share == 0:
            raise ValueError("margins are shares of the capital cost: give a capital_share above 0")
        if self.switching is not None and self.capital_share == self.electricity == 0:
            raise ValueError(
                "incomes are compared in units of the full cost: give electricity or capital_share"
            )
        if self.behaviour is not None:
            risky, drift = self.behaviour.income_volatility is not None, self.behaviour.income_drift
            if risky and self.annual_return <= max(drift, 0.0):
                raise ValueError("income_volatility needs an annual_return above 0 and above income_drift")
            if self.switching is not None and self.switching.outside_use and self.behaviour.outside_use:
                raise ValueError("outside_use counts once: give it in 'behaviour' or in 'switching'")
        if self.ask == 0:
            raise ValueError("ask must be above 0")
        if not self.jurisdictions:
            raise ValueError("jurisdictions: at least one place is needed")
        return self

    @property
    def outside_use(self) -> float:
        """Share of the time that the rental market outside would hire this hardware."""
        of_leavers = self.behaviour.outside_use if self.behaviour else 0.0
        return of_leavers or (self.switching.outside_use if self.switching else 0.0)

    def check(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("hardware", {"hardware": self.hardware}, scenario.hardware)
        hardware = scenario.hardware.get(self.hardware)
        if hardware is None:
            return
        for part in ("behaviour", "switching"):
            rules = getattr(self, part)
            if rules and rules.outside_use and hardware.rental_price is None:
                found = f"{rules.outside_use:g}, but {self.hardware!r} has no rental_price"
                allowed = "0, or a rental_price of the hardware"
                yield Problem(path=f"{part}.outside_use", found=found, allowed=allowed)
        if self.switching:
            yield from self._destinations(self.switching, scenario)

    def _destinations(self, switching: Switching, scenario: Any) -> Iterator[Problem]:
        """Problems for places that the scenario does not hold, or that have no use for the hardware."""
        places = {
            f"{network}.{name}": population
            for network, rules in scenario.networks.items()
            for name, population in getattr(rules, "providers", {}).items()
            if isinstance(population, Population)
        }
        named = {f"switching.destinations[{n}]": name for n, name in enumerate(switching.destinations)}
        yield from absent("population", named, places)
        for path, name in named.items():
            there = places.get(name)
            if there is None:
                continue
            if (there.hardware, there.gpus) != (self.hardware, self.gpus):
                found = f"{name!r} with {there.gpus} x {there.hardware}"
                allowed = f"a population with {self.gpus} x {self.hardware}, as here"
                yield Problem(path=path, found=found, allowed=allowed)
            elif there is self:
                yield Problem(path=path, found=f"{name!r}, this population", allowed="another one")
