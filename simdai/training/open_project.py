"""An open project: people who contribute beside another job, for tokens, prizes and the cause."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Self

from annotated_types import Gt
from pydantic import model_validator

from simdai.economy.actors import Training, World, absent
from simdai.economy.bounties import Bounties
from simdai.economy.calendar import Phase
from simdai.economy.paths import Path, PathOf
from simdai.errors import Problem
from simdai.mechanisms.choice import smooth
from simdai.training.budget import Budget, Purse
from simdai.training.review import Review, ReviewQueue
from simdai.units import Name, Positive, PositiveDays, Quantity

__all__ = ["Contributing", "OpenProject"]

DAYS_PER_YEAR = 365.25


class OpenProject(Training, kind="open_project"):
    """A project whose contributors the labour market counts as the open side.

    Parameters
    ----------
    researchers : full-time equivalents at the start
    retention_1y : share of contributors still there after a year
    pay : USD a year of a full-time contributor at the start, in tokens that vest
    budget : what prizes are paid from, and what is left is shared among contributors
    epoch : time between payments
    pay_memory : time over which contributors average what they are paid
    bounties : prizes for single pieces of work; none without
    review : who checks what contributors send; without, all is merged at once
    run : the open run that they work on, whose nodes and best model they see
    research_h100e, index : or: the compute and the best model that they have
    """

    researchers: Positive
    retention_1y: Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)]
    pay: Annotated[float, Quantity("USD/y", low=0.0)]
    budget: Budget
    epoch: PositiveDays
    pay_memory: PositiveDays
    bounties: Bounties | None = None
    review: Review | None = None
    run: Name | None = None
    research_h100e: Annotated[Path, PathOf("1")] | None = None
    index: Annotated[Path, PathOf("1")] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        stated = self.research_h100e is not None, self.index is not None
        if stated != ((self.run is None),) * 2:
            raise ValueError("give either 'run', or 'research_h100e' and 'index'")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.run is not None:
            runs = [name for name, other in scenario.training.items() if other.kind == "open_run"]
            yield from absent("open run", {"run": self.run}, runs)

    def build(self, world: World, name: str) -> Contributing:
        return Contributing(self, world, name)


class Contributing:
    """An open project on the clock, as an employer sees itself; see `simdai.economy.employers.Employer`.

    Money passes through ``NAME.budget``: prizes first, the rest to the contributors of the epoch.

    Attributes
    ----------
    researchers : full-time equivalents now
    labour : effective labour, all of it; `merged_labour` is what reaches the project
    pay_usd : USD a year of a full-time contributor, as contributors remember it
    prizes : paid since the start
    """

    is_open = True
    vacancies = 0.0
    pay_ceiling_usd = math.inf

    def __init__(self, rules: OpenProject, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.researchers, self.labour, self.pay_usd = rules.researchers, math.nan, rules.pay
        self.bounties = rules.bounties
        self.purse = Purse(rules.budget, world, name)
        self.review = ReviewQueue(rules.review) if rules.review else None
        self.prizes = 0
        self._owed_usd = 0.0  # prizes won and not paid yet

    def start(self) -> None:
        """Pay at every epoch and report."""
        world, name = self.world, self.name
        world.calendar.every(self.rules.epoch, Phase.EPOCHS, self._pay, first=self.rules.epoch)
        for register in (world.recorder.series, world.recorder.outcome):
            register(f"{name}.paid_usd", "USD", lambda: self.purse.paid_usd)
            if self.bounties is not None:
                register(f"{name}.prizes", "count", lambda: float(self.prizes))
            if self.review is not None:
                register(f"{name}.review_wait_days", "d", self._review_wait)
                register(f"{name}.merged_share", "1", self._merged_share)

    # -- what the labour market asks -------------------------------------------------------------------------

    @property
    def exit_hazard(self) -> float:
        """Share of contributors who leave in a year at the start."""
        return -math.log(self.rules.retention_1y)

    @property
    def research_h100e(self) -> float:
        """H100 equivalents that contributors can work with."""
        if self.rules.research_h100e is not None:
            return self.world.on(self.rules.research_h100e)
        return float(self.world.training[str(self.rules.run)].research_h100e)

    @property
    def live_index(self) -> float:
        """Index of the best model of the project."""
        if self.rules.index is not None:
            return self.world.on(self.rules.index)
        return float(self.world.training[str(self.rules.run)].live_index)

    def employ(self, researchers: float, labour: float) -> None:
        """Take note of who works here from now on."""
        self.researchers, self.labour = researchers, labour

    def award(self, prizes: int) -> None:
        """Owe so many prizes; they are paid at the end of the epoch."""
        assert self.bounties is not None
        self.prizes += prizes
        self._owed_usd += prizes * self.bounties.prize

    @property
    def growth(self) -> float:
        """Full-time contributors whose work is merged, over those of the start."""
        return self.researchers * self._merged_share() / self.rules.researchers if self.researchers else 0.0

    @property
    def merged_labour(self) -> float:
        """Effective labour of what is merged."""
        return self.labour * self._merged_share()

    # -- an epoch --------------------------------------------------------------------------------------------

    def _pay(self) -> None:
        """Pay prizes, then contributors; what the budget does not cover is owed on."""
        epoch = self.rules.epoch
        self.purse.accrue()
        self._owed_usd -= self.purse.pay(self._owed_usd)
        shared = self.purse.pay(self.purse.left_usd)
        if self.researchers:
            yearly = shared * DAYS_PER_YEAR / epoch / self.researchers
            self.pay_usd = smooth(self.pay_usd, yearly, epoch, self.rules.pay_memory)
        if self.review:
            self.review.advance(self.researchers, epoch)

    def _review_wait(self) -> float:
        return self.review.wait_days if self.review else 0.0

    def _merged_share(self) -> float:
        return self.review.merged_share if self.review else 1.0
