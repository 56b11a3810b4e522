"""How Akash's providers price a bid: by their ask, the price script, a linear scale, or against rivals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Self

from pydantic import model_validator

from simdai.mechanisms.auction import (
    akash_gpu_price,
    akash_month_price,
    akash_rate_per_block,
    akash_scale_price,
    optimal_bid,
)
from simdai.registry import Configured, FrozenMapping
from simdai.units import GiB, Name, NonNegative, Positive, PositiveCount, PositiveDays, Quantity

__all__ = ["AskPricing", "PriceScript", "Pricing", "ScalePricing", "StrategicPricing", "Wanted"]

HOURS = 24.0
GIBIBYTE = 2**30

UsdPerMonth = Annotated[float, Quantity("USD/month", low=0.0)]


class Wanted(Configured):
    """What a deployment asks for on each of its GPUs, by the names of the price script.

    Parameters
    ----------
    cpu_thread : threads; mem_gb, ephemeral_gb, ssd_gb : GiB; endpoint, ip : of the whole deployment
    """

    cpu_thread: NonNegative = 0.0
    mem_gb: GiB = 0.0
    ephemeral_gb: GiB = 0.0
    ssd_gb: GiB = 0.0
    endpoint: NonNegative = 0.0
    ip: NonNegative = 0.0

    def quantities(self, gpus: int) -> dict[str, float]:
        """Amounts for ``gpus`` GPUs."""
        per_gpu = ("cpu_thread", "mem_gb", "ephemeral_gb", "ssd_gb")
        return {name: getattr(self, name) * gpus for name in per_gpu} | {
            "endpoint": self.endpoint,
            "ip": self.ip,
        }


class Pricing(Configured, family="akash_pricing"):
    """A rule for the price of a bid.

    Parameters
    ----------
    blocks_per_month, days_per_month : the provider's idea of them
    """

    blocks_per_month: PositiveCount
    days_per_month: PositiveDays

    def per_block(self, usd_per_hour: float) -> float:
        """Micro-units of credit a block for a price in USD an hour."""
        month = usd_per_hour * HOURS * self.days_per_month
        return akash_rate_per_block(month, 1.0, self.blocks_per_month)

    def usd_per_hour(self, rate: float) -> float:
        """USD an hour at a rate of micro-units a block."""
        return rate / self.per_block(1.0)

    def rate(
        self, ask: float, cost: float, gpus: int, wanted: Wanted, rivals: Sequence[float], limit: float
    ) -> float | Fraction | None:
        """Micro-units a block that a provider bids; None when it does not bid.

        Parameters
        ----------
        ask, cost : its ask and its running cost, USD per GPU-hour
        gpus, wanted : what is ordered
        rivals : rates a block per GPU at which leases were last made
        limit : the order's highest price, micro-units a block
        """
        raise NotImplementedError


class AskPricing(Pricing, kind="ask"):
    """The provider's ask for each GPU; everything else is free."""

    def rate(
        self, ask: float, cost: float, gpus: int, wanted: Wanted, rivals: Sequence[float], limit: float
    ) -> float | None:
        return self.per_block(ask * gpus)


class PriceScript(Pricing, kind="price_script"):
    """The default script: a price by the month for every resource, the GPU's being the provider's ask.

    Parameters
    ----------
    targets : USD a month for each unit of a resource, by name
    """

    targets: FrozenMapping[Name, UsdPerMonth]

    def rate(
        self, ask: float, cost: float, gpus: int, wanted: Wanted, rivals: Sequence[float], limit: float
    ) -> float | None:
        table = {"gpu": ask * HOURS * self.days_per_month}
        month = akash_month_price(wanted.quantities(gpus), self.targets) + gpus * akash_gpu_price(
            table, "gpu"
        )
        return akash_rate_per_block(month, 1.0, self.blocks_per_month)


class ScalePricing(Pricing, kind="scale"):
    """A linear price in resources, in micro-units a block.

    Parameters
    ----------
    cpu : for a thousandth of a thread; memory, storage : for a MiB; endpoint, ip : for one
    """

    cpu: NonNegative = 0.0
    memory: NonNegative = 0.0
    storage: NonNegative = 0.0
    endpoint: NonNegative = 0.0
    ip: NonNegative = 0.0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any((self.cpu, self.memory, self.storage, self.endpoint, self.ip)):
            raise ValueError("a scale without a price bids on nothing; give one above 0")
        return self

    def rate(
        self, ask: float, cost: float, gpus: int, wanted: Wanted, rivals: Sequence[float], limit: float
    ) -> Fraction | None:
        try:
            return akash_scale_price(
                cpu_units=round(1000 * wanted.cpu_thread),
                mem_bytes=round(wanted.mem_gb * GIBIBYTE),
                storage_bytes=round((wanted.ephemeral_gb + wanted.ssd_gb) * GIBIBYTE),
                endpoints=round(wanted.endpoint),
                ips=round(wanted.ip),
                count=gpus,
                c=self.cpu,
                m=self.memory,
                s=self.storage,
                e=self.endpoint,
                p=self.ip,
            )
        except ValueError:  # a price of zero: no bid
            return None


class StrategicPricing(Pricing, kind="strategic"):
    """The bid with the greatest expected profit against the rates of the last leases.

    Parameters
    ----------
    spread : USD per GPU-hour by which tenants' choices scatter: the smaller, the closer the lowest bid wins
    """

    spread: Positive

    def rate(
        self, ask: float, cost: float, gpus: int, wanted: Wanted, rivals: Sequence[float], limit: float
    ) -> float | None:
        each = self.per_block(1.0)
        highest = limit / gpus / each if math.isfinite(limit) else math.inf
        known = [rate / each for rate in rivals]
        if not known and not math.isfinite(highest):
            return self.per_block(ask * gpus)
        bid = optimal_bid(cost, known, self.spread, highest)
        return None if bid is None else self.per_block(bid * gpus)
