"""Traders who buy and sell a token for reasons of their own."""

from __future__ import annotations

import math

from simdai.registry import Configured
from simdai.units import Days, NonNegative, PerYear

__all__ = ["NoSpeculation", "Speculation", "Traders", "fundamental_value"]

DAYS_PER_YEAR = 365.25


def fundamental_value(
    price: float, fees_ratio: float, fee_power: float, supply_ratio: float, sentiment: float
) -> float:
    """USD per token that fundamental traders believe in: ``p0 X (fees / fees0)^a / (supply / supply0)``.

    Parameters
    ----------
    price : USD per token at the start, p0
    fees_ratio : fees now over fees at the start; nan when unknown, which counts as 1
    fee_power : a
    supply_ratio : tokens that exist now over then
    sentiment : X, 1 at the start

    Notes
    -----
    Assumption: the market is worth its value at the start times the growth of fees to a power below one.
    """
    growth = 1.0 if math.isnan(fees_ratio) or fee_power == 0 else fees_ratio**fee_power
    return price * sentiment * growth / supply_ratio


class Speculation(Configured, family="speculation"):
    """The price move that traders want to see."""

    def wanted_move(self, days: float, log_value: float, trend: float, normal: float) -> float:
        """Log price move over ``days``.

        Parameters
        ----------
        days : since the last trade
        log_value : ln(fundamental value / price)
        trend : average log return per year of late
        normal : a standard normal number
        """
        raise NotImplementedError

    @property
    def trend_memory_days(self) -> float:
        """Memory of the average return [d]."""
        return 0.0

    @property
    def value_fee_power(self) -> float:
        """Power of fees in the fundamental value."""
        return 0.0

    @property
    def value_memory_days(self) -> float:
        """Days over which fees are averaged for the fundamental value."""
        return 0.0


class NoSpeculation(Speculation, kind="none"):
    """Nobody trades but users, providers and the network."""

    def wanted_move(self, days: float, log_value: float, trend: float, normal: float) -> float:
        return 0.0


class Traders(Speculation, kind="traders"):
    """Fundamental, trend and noise traders: ``d ln P = (f ln(V / P) + g trend) dt + s dB``.

    They trade what moves the price so far, as long as they hold the tokens and the money.

    Parameters
    ----------
    fundamental_speed : f, per year
    fee_power : power of the network's fees in the fundamental value V
    trend_strength : g, share of the past trend that is extrapolated
    trend_memory : days of the past trend
    fee_memory : days over which fees are averaged
    noise : s, standard deviation of a year's log return
    """

    fundamental_speed: PerYear = 0.0
    fee_power: NonNegative = 0.0
    trend_strength: NonNegative = 0.0
    trend_memory: Days = 0.0
    fee_memory: Days = 0.0
    noise: NonNegative = 0.0

    def wanted_move(self, days: float, log_value: float, trend: float, normal: float) -> float:
        years = days / DAYS_PER_YEAR
        pull = -math.expm1(-self.fundamental_speed * years) * log_value
        return pull + self.trend_strength * trend * years + self.noise * math.sqrt(years) * normal

    @property
    def trend_memory_days(self) -> float:
        return self.trend_memory

    @property
    def value_fee_power(self) -> float:
        return self.fee_power

    @property
    def value_memory_days(self) -> float:
        return self.fee_memory
