"""How io.net pays its devices: a block of IO every hour, or USD targets from vaults."""

from __future__ import annotations

import calendar
import datetime
import math
from functools import cache
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.mechanisms.block_rewards import ionet_engine_step
from simdai.mechanisms.emission import (
    ionet_hour_emission,
    ionet_hour_total,
    ionet_month_emission,
    ionet_month_total,
)
from simdai.registry import Configured, FrozenMapping
from simdai.units import Name, PerDay, Share, TokensPerDay

__all__ = ["BlockRewards", "IncentiveEngine", "Payout", "emission_of_hour", "emitted_before"]

FIRST_BLOCK = datetime.datetime(2024, 6, 25, 12)  # UTC; docs.iog.net token-emission-schedule (2024-04)
FIRST_MONTH = 2024 * 12 + 6  # July 2024 is month 1 of the monthly table
HOUR = datetime.timedelta(hours=1)

Schedule = Literal["hourly", "monthly"]


def emission_of_hour(schedule: Schedule, begins: datetime.datetime) -> float:
    """IO that the schedule releases in the hour that ``begins`` (UTC); 0 before its first one.

    ``hourly`` is the first form of the schedule, ``monthly`` the later table, a month's amount in equal
    hours.
    """
    if schedule == "hourly":
        hour = (begins - FIRST_BLOCK) // HOUR + 1
        return ionet_hour_emission(hour) if hour >= 1 else 0.0
    return _emission_of_hour_in(begins.year, begins.month)


@cache
def _emission_of_hour_in(year: int, month: int) -> float:
    """IO that the monthly table releases in each hour of a month."""
    number = year * 12 + month - FIRST_MONTH
    return ionet_month_emission(number) / (24 * calendar.monthrange(year, month)[1]) if number >= 1 else 0.0


def emitted_before(schedule: Schedule, day: datetime.date) -> float:
    """IO that the schedule has released before the midnight at which ``day`` begins."""
    if schedule == "hourly":
        midnight = datetime.datetime(day.year, day.month, day.day)
        return ionet_hour_total(max((midnight - FIRST_BLOCK) // HOUR, 0))
    month = day.year * 12 + day.month - FIRST_MONTH
    if month < 1:
        return 0.0
    part = (day.day - 1) / calendar.monthrange(day.year, day.month)[1]
    return ionet_month_total(month - 1) + part * ionet_month_emission(month)


class Payout(Configured, family="ionet_payout"):
    """What devices get besides, or instead of, the pay of their jobs."""


class BlockRewards(Payout, kind="block_rewards"):
    """The schedule's IO of every hour, by score, in pools.

    Parameters
    ----------
    schedule : hourly (to 2024-11) or monthly (since)
    pools : share of the emission by pool; what nobody earns is not released
    """

    schedule: Schedule
    pools: FrozenMapping[Name, Share]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        total = math.fsum(self.pools.values())
        if total > 1 + 1e-12:
            raise ValueError(f"pools: the shares add to {total:g}, more than 1")
        return self

    def blocks(self, begins: datetime.datetime, n: int) -> dict[str, NDArray[np.float64]]:
        """(n,) IO of the hours from the one that ``begins`` on, by pool."""
        emission = np.array([emission_of_hour(self.schedule, begins + h * HOUR) for h in range(n)])
        return {pool: emission * share for pool, share in self.pools.items()}


class IncentiveEngine(Payout, kind="incentive_engine"):
    """USD targets by device, paid from unreleased IO and customers' fees.

    Parameters
    ----------
    token_share : largest part of the target paid in IO
    burn_share : of a surplus of revenue over target, buys IO that is burned; the rest stays in the vault
    roi_cut : factor by which a shortage (as a share of the target) lowers the target return
    roi_recovery : share of the way back to the full return that is regained in a day without shortage
    fees_first : spend fees before IO
    pays_jobs : suppliers go on to be paid for jobs, and only the network's own fees are revenue; otherwise
        all that renters pay is revenue and suppliers live on the target
    release_ceiling : most IO released in a day; no bound but the vault without
    """

    token_share: Share
    burn_share: Share
    roi_cut: Share
    roi_recovery: PerDay
    fees_first: bool
    pays_jobs: bool = False
    release_ceiling: TokensPerDay | None = None

    def step(
        self, vault: float, fee_vault: float, target: float, revenue: float, price: float, roi: float
    ) -> dict[str, float]:
        """A day of `ionet_engine_step` under these settings; amounts of one simulated network."""
        result = ionet_engine_step(
            vault,
            fee_vault,
            target,
            revenue,
            price,
            roi,
            token_share=self.token_share,
            burn_share=self.burn_share,
            roi_cut=self.roi_cut,
            fees_first=self.fees_first,
        )
        if result["short"] <= 1e-9 * target:
            result["roi"] = roi + min(self.roi_recovery, 1.0) * max(1.0 - roi, 0.0)
        return result

    def steps(
        self,
        days: int,
        vault: float,
        fee_vault: float,
        target: float,
        revenue: float,
        price: float,
        roi: float,
        ceiling: float,
    ) -> dict[str, float]:
        """So many days of `step`, with the same revenue and the same devices on each of them.

        Parameters
        ----------
        target : USD of all days at the return ``roi``; it moves from day to day with the return
        revenue : USD of all days
        ceiling : most IO released in a day

        Returns
        -------
        sums of the days' amounts; the last day's vaults and return; revenue over target
        """
        sums = dict.fromkeys(("tokens", "usd", "short", "burned", "target"), 0.0)
        now, full = roi, target / days
        for _ in range(days):
            wanted = full * (now / roi) if roi else full
            result = self.step(min(vault, ceiling), fee_vault, wanted, revenue / days, price, now)
            vault, fee_vault, now = vault - result["tokens"], result["fee_vault"], result["roi"]
            for name in sums:
                sums[name] += wanted if name == "target" else result[name]
        sustainability = revenue / sums["target"] if sums["target"] else math.inf
        return {**sums, "vault": vault, "fee_vault": fee_vault, "roi": now, "sustainability": sustainability}
