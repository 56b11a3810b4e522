"""Who sets the price of a GPU-hour, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from simdai.registry import Configured
from simdai.units import PerYear, Share, UsdPerGpuHour

__all__ = ["Ask", "CloudIndexed", "Managed", "Posted", "Quote", "QuoteState"]

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class QuoteState:
    """What a network sees when it sets its price.

    Parameters
    ----------
    price : USD per GPU-hour of a speed-1 device now in force; nan before the first
    cloud_price : USD per GPU-hour of a speed-1 device in the cheapest cloud; nan when there is none
    use : share of online time in which providers were hired of late; nan when nobody was online
    days : since the price was last set
    """

    price: float = math.nan
    cloud_price: float = math.nan
    use: float = math.nan
    days: float = 0.0


class Quote(Configured, family="quote"):
    """Sets the network's price, or leaves prices to the providers."""

    def price(self, state: QuoteState) -> float | None:
        """USD per GPU-hour of a speed-1 device; None when each provider asks its own price."""
        raise NotImplementedError


class Ask(Quote, kind="ask"):
    """Every provider asks its own price."""

    def price(self, state: QuoteState) -> None:
        return None


class Posted(Quote, kind="posted"):
    """The network posts a price; dated regimes change it.

    Parameters
    ----------
    usd_per_gpu_hour : on a speed-1 device; others are paid in proportion to their speed
    """

    usd_per_gpu_hour: UsdPerGpuHour

    def price(self, state: QuoteState) -> float:
        return self.usd_per_gpu_hour


class CloudIndexed(Quote, kind="cloud_indexed"):
    """A fixed share of the cheapest cloud's price.

    Parameters
    ----------
    share : of the cloud's price; 1 less the discount
    """

    share: Share

    def price(self, state: QuoteState) -> float:
        return self.share * state.cloud_price


class Managed(Quote, kind="managed"):
    """The network moves its price towards a target use: ``d ln p / dt = speed (use - target)``.

    Parameters
    ----------
    usd_per_gpu_hour : at the start
    use_target : share of online time that should be hired
    speed : per year
    floor, ceiling : bounds of the price
    """

    usd_per_gpu_hour: UsdPerGpuHour
    use_target: Share
    speed: PerYear
    floor: UsdPerGpuHour = 0.0
    ceiling: UsdPerGpuHour | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ceiling is not None and self.ceiling < self.floor:
            raise ValueError(f"the ceiling {self.ceiling} is below the floor {self.floor}")
        return self

    def price(self, state: QuoteState) -> float:
        now = self.usd_per_gpu_hour if math.isnan(state.price) else state.price
        if not math.isnan(state.use):
            now *= math.exp(self.speed * state.days / DAYS_PER_YEAR * (state.use - self.use_target))
        return max(min(now, math.inf if self.ceiling is None else self.ceiling), self.floor)
