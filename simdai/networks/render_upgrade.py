"""Points for holders who moved to Render's new token early, and what they got for them (RNP-006)."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from pydantic import model_validator

from simdai.economy.actors import World
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.burn_mint import render_upgrade_payout, render_upgrade_points
from simdai.mechanisms.emission import render_year1_split
from simdai.networks.render_treasury import Month, Treasuries
from simdai.registry import Configured, FrozenMapping
from simdai.units import Date, PositiveDays, Share, Tokens

__all__ = ["Upgrade", "UpgradeRewards"]

DAYS_PER_YEAR = 365.25


class Upgrade(Configured):
    """Rewards for tokens upgraded, in the first months of BME year 1.

    Parameters
    ----------
    upgraded : tokens upgraded in all by a day, straight between the days given
    lasts : days from the start of BME year 1 in which months end that pay
    sold : share of what they get that holders sell at once
    """

    upgraded: FrozenMapping[Date, Tokens]
    lasts: PositiveDays
    sold: Share = 0.0

    @model_validator(mode="after")
    def _rises(self) -> Self:
        totals = [self.upgraded[day] for day in sorted(self.upgraded)]
        if not totals or totals != sorted(totals):
            raise ValueError("upgraded: give at least one day; totals never fall")
        if self.lasts > DAYS_PER_YEAR:
            raise ValueError("lasts: the plan pays in BME year 1 alone, 365.25 d at most")
        return self


class UpgradeRewards:
    """The payouts, month by month, to ``NAME.upgraders``; those who upgrade in a month are one holder."""

    def __init__(
        self, rules: Upgrade, world: World, name: str, token: TokenMarket, treasuries: Treasuries
    ) -> None:
        self.rules, self.world, self.token, self.treasuries = rules, world, token, treasuries
        self.account = f"{name}.upgraders"
        world.ledger.open(self.account, token.asset)
        world.ledger.open(self.account)
        self._points: list[float] = []  # of those who upgraded in each month
        self._before = self._upgraded(world.start_date.toordinal())
        self.paid, self.paid_usd = 0, 0.0
        """Base units paid, and their simulated USD when paid."""
        self.paid_to_first = 0.0
        """Base units that went to those of the first month seen."""
        if self._before:
            self._points.append(render_upgrade_points(self._before, 0.0))
        treasuries.monthly.append(self._month)

    def _upgraded(self, ordinal: float) -> float:
        days = sorted(self.rules.upgraded)
        return float(
            np.interp(
                ordinal, [d.toordinal() for d in days], [self.rules.upgraded[d] for d in days], left=0.0
            )
        )

    @property
    def points(self) -> float:
        """Points issued to date."""
        return math.fsum(self._points)

    def _month(self, month: Month) -> None:
        """Pay for the month that ends as ``month`` begins."""
        day, year, number = month
        ended = 12 * (year - 1) + number - 1
        if not 1 <= ended <= round(12.0 * self.rules.lasts / DAYS_PER_YEAR):
            return
        now = self._upgraded(day.toordinal())
        self._points.append(render_upgrade_points(now - self._before, self._before))
        self._before = now
        pool = render_year1_split(ended)["upgrade_points"] * self.treasuries.level
        payouts = [render_upgrade_payout(points, self.points, pool) for points in self._points]
        amount = int(math.fsum(payouts) / self.world.scale * self.token.unit)
        paid = min(amount, self.treasuries.balance("operations"))
        self.treasuries.pay("operations", paid, self.account)
        self.paid += paid
        self.paid_usd += paid / self.token.units_per_usd
        self.paid_to_first += paid * payouts[0] / math.fsum(payouts) if paid else 0.0
        self.treasuries.sell(int(paid * self.rules.sold), self.account)
