"""A lab of which only the hiring is modelled: it grows as it says, whatever it earns."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Gt

from simdai.economy.actors import Lab, World
from simdai.economy.paths import Path, PathOf
from simdai.mechanisms.talent import quit_hazard
from simdai.units import Positive, PositiveDays, Quantity

__all__ = ["HiringLab", "HiringPlan"]

DAYS_PER_YEAR = 365.25


class HiringPlan(Lab, kind="hiring_plan"):
    """A lab that hires towards a stated growth, for scenarios about people alone.

    Parameters
    ----------
    researchers : at the start
    growth : of the staff that it wants, x a year
    planning : how far ahead it wants it
    pay : USD a year at the start, cash and expected equity
    pay_ceiling : USD a year above which it does not bid
    research_h100e : H100 equivalents for experiments
    index : of its best model
    retention_2y : share of researchers still there after two years
    """

    researchers: Positive
    growth: Positive
    planning: PositiveDays
    pay: Annotated[float, Quantity("USD/y", low=0.0), Gt(0.0)]
    pay_ceiling: Annotated[Path, PathOf("USD/y")]
    research_h100e: Annotated[Path, PathOf("1")]
    index: Annotated[Path, PathOf("1")]
    retention_2y: Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)]

    def build(self, world: World, name: str) -> HiringLab:
        return HiringLab(self, world, name)


class HiringLab:
    """A lab that hires, on the clock."""

    is_open = False

    def __init__(self, rules: HiringPlan, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.researchers, self.pay_usd = rules.researchers, rules.pay
        self.labour = math.nan
        """Effective research labour; nan where nobody tells."""

    def start(self) -> None:
        """Nothing happens here of itself: the labour market asks."""

    @property
    def pay_ceiling_usd(self) -> float:
        """USD a year above which the lab does not bid."""
        return self.world.on(self.rules.pay_ceiling)

    @property
    def research_h100e(self) -> float:
        """H100 equivalents for experiments."""
        return self.world.on(self.rules.research_h100e)

    @property
    def live_index(self) -> float:
        """Index of the best model."""
        return self.world.on(self.rules.index)

    @property
    def exit_hazard(self) -> float:
        """Share of researchers who leave in a year at the start."""
        return quit_hazard(self.rules.retention_2y)

    @property
    def vacancies(self) -> float:
        """Posts to fill within the planning time: growth, and those who will have left by then."""
        years = self.rules.planning / DAYS_PER_YEAR
        wanted = self.rules.growth**years - (1.0 - self.exit_hazard * years)
        return max(self.researchers * float(wanted), 0.0)

    def employ(self, researchers: float, labour: float) -> None:
        """Take note of who works here from now on."""
        self.researchers, self.labour = researchers, labour
