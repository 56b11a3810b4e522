"""A lab's people: how many it seeks, what they cost, and what the labour market says of them."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from simdai.economy.actors import only
from simdai.economy.calendar import Phase
from simdai.mechanisms.talent import quit_hazard
from simdai.registry import Configured
from simdai.units import PositiveDays, Quantity, Share

if TYPE_CHECKING:
    from simdai.labs.lab import LabActor

__all__ = ["People", "Staff"]

DAYS_PER_YEAR = 365.25
UsdPerYear = Annotated[float, Quantity("USD/y", low=0.0)]


class Staff(Configured):
    """A lab's staff at the start, and how it plans more.

    Parameters
    ----------
    headcount : people
    research : share of them who do research
    growth : factor a year at which it would grow
    cash_pay : USD a year and head
    equity_pay : USD a year and researcher, in shares of the lab or its parent
    retention_2y : share of researchers still there after two years
    plan : days ahead for which it hires
    pay_limit : share of half of revenue and cash that all pay may take; for labs without a parent
    """

    headcount: float = Field(gt=0.0)
    research: Share = Field(gt=0.0)
    growth: Annotated[float, Quantity("1", low=0.0)] = Field(gt=0.0)
    cash_pay: UsdPerYear
    equity_pay: UsdPerYear
    retention_2y: Share = Field(gt=0.0)
    plan: PositiveDays
    pay_limit: Share | None = None


class People:
    """A lab's staff on the clock.

    Researchers come and go by the labour market. In a world without one, vacancies are filled evenly over
    the time for which the lab plans, at the pay of the start, and researchers leave at their hazard. Other
    staff keep their proportion.
    """

    def __init__(self, rules: Staff, lab: LabActor) -> None:
        self.rules, self.lab = rules, lab
        self.researchers = rules.headcount * rules.research
        self.labour = self.researchers
        """Effective research labour; researchers of full strength until the labour market reports."""
        self.pay_usd = rules.cash_pay + rules.equity_pay
        self.exit_hazard = quit_hazard(rules.retention_2y)
        self._counts: deque[tuple[float, float]] = deque([(0.0, self.researchers)])

    def start(self) -> None:
        """Hire alone where there is no labour market."""
        if only(self.lab.world.institutions, "labour_market") is None:
            step = self.lab.rules.step
            self.lab.world.calendar.every(step, Phase.PEOPLE, self._hire, first=step)

    @property
    def headcount(self) -> float:
        """All people."""
        return self.researchers / self.rules.research

    @property
    def pay_factor(self) -> float:
        """Pay now over that of the start."""
        return self.pay_usd / (self.rules.cash_pay + self.rules.equity_pay)

    @property
    def cash_usd_per_year(self) -> float:
        """Cash paid to all staff at the present pay; researchers' pay moves, that of others does not."""
        research = self.rules.research * self.pay_factor + (1.0 - self.rules.research)
        return self.headcount * self.rules.cash_pay * research

    @property
    def equity_usd_per_year(self) -> float:
        """Shares given to researchers at the present pay."""
        return self.researchers * self.rules.equity_pay * self.pay_factor

    @property
    def vacancies(self) -> float:
        """Researchers sought: growth over the most that it had lately, less those who will still be here."""
        if self.lab.sold:
            return 0.0
        years = self.rules.plan / DAYS_PER_YEAR
        target = max(n for _, n in self._counts) * self.rules.growth**years
        if self.rules.pay_limit is not None and self.cash_usd_per_year > 0.0:
            means = (
                self.rules.pay_limit * 0.5 * (self.lab.service.credited_run_rate + max(self.lab.cash, 0.0))
            )
            target = min(target, self.researchers * means / self.cash_usd_per_year)
        return float(max(target - self.researchers * math.exp(-self.exit_hazard * years), 0.0))

    def employ(self, researchers: float, labour: float) -> None:
        """Take note of who works here from now on."""
        self.researchers, self.labour = researchers, labour
        now = self.lab.world.env.now
        self._counts.append((now, researchers))
        while self._counts[0][0] < now - self.rules.plan:
            self._counts.popleft()

    def _hire(self) -> None:
        days = self.lab.rules.step
        hired = self.vacancies * days / self.rules.plan
        left = self.researchers * -math.expm1(-self.exit_hazard * days / DAYS_PER_YEAR)
        researchers = self.researchers + hired - left
        self.employ(researchers, researchers)
