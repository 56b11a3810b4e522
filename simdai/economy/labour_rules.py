"""What a scenario says of the labour market of researchers."""

from __future__ import annotations

from typing import Annotated, Self

from annotated_types import Gt, Lt
from pydantic import model_validator

from simdai.mechanisms.labour import JobTaste, TeamTree
from simdai.registry import Configured
from simdai.units import Name, NonNegative, Number, Positive, PositiveDays, Quantity, Share

__all__ = ["Bidding", "FlowRatio", "Matching", "OpenWork", "Tastes", "Teams"]

Rate = Annotated[float, Quantity("1/y", low=0.0)]


class Tastes(Configured):
    """What researchers look at in a job, see `JobTaste`.

    Parameters
    ----------
    pay, compute, quality : utils per log pay, per log of H100e per researcher, per index point
    stay : utils of the job one has
    """

    pay: Positive
    compute: NonNegative
    quality: NonNegative
    stay: NonNegative

    @property
    def weights(self) -> JobTaste:
        """The rule that these numbers belong to."""
        return JobTaste(pay=self.pay, compute=self.compute, quality=self.quality, stay=self.stay)


class Matching(Configured):
    """How vacancies and people meet.

    Parameters
    ----------
    scale : matches a year of one searcher and one vacancy, see `contact_rate`
    elasticity : of matches in vacancies
    flow : share of a staff that an equally good employer with the usual vacancies draws away in a year
    planning : time over which an employer opens the posts that it wants; unfilled posts stay open
    screening : share of people, from below, to whom labs make no offer
    """

    scale: Rate
    elasticity: Share
    flow: Rate
    planning: PositiveDays
    screening: Share


class Bidding(Configured):
    """How pay moves, see `next_pay`.

    Parameters
    ----------
    speed : per year; 0 leaves pay as it is
    vacancies : share of posts that an employer is content to have vacant, and has at the start
    """

    speed: Rate
    vacancies: Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)]


class Teams(Configured):
    """What becomes of people's time in a lab, see `TeamTree` and `ramp_up`.

    Parameters
    ----------
    size, span : people in a team, teams under one head
    colleague_cost, level_cost : share of time that each colleague costs, share of work that each level costs
    ramp : time constant of newcomers
    mentoring : share of one old hand's time that a newcomer takes at first, falling as the newcomer learns
    """

    size: Annotated[float, Quantity("1", low=1.0)]
    span: Annotated[float, Quantity("1", low=1.0), Gt(1.0)]
    colleague_cost: Share
    level_cost: Annotated[float, Quantity("1", low=0.0, high=1.0), Lt(1.0)]
    ramp: PositiveDays
    mentoring: Share

    @model_validator(mode="after")
    def _some_work(self) -> Self:
        if self.colleague_cost * (self.size - 1.0) >= 1.0:
            raise ValueError("teams of this size do nothing but talk: lower size or colleague_cost")
        return self

    @property
    def tree(self) -> TeamTree:
        """The rule that these numbers belong to."""
        return TeamTree(
            size=self.size, span=self.span, colleague_cost=self.colleague_cost, level_cost=self.level_cost
        )


class OpenWork(Configured):
    """Those who work in the open beside another job.

    Parameters
    ----------
    effort : share of their time
    mission : utils that open work is worth to the mean person
    mission_spread : standard deviation of that between people
    aversion : relative risk aversion, with which tokens are valued at their certainty equivalent
    volatility : of the token, per square root of a year
    vesting : time from grant to free disposal
    """

    effort: Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)]
    mission: Number
    mission_spread: NonNegative
    aversion: NonNegative
    volatility: NonNegative
    vesting: Annotated[float, Quantity("d", low=0.0)]


class FlowRatio(Configured):
    """Moves that were counted between two employers.

    Parameters
    ----------
    origin, destination : names
    ratio : moves from origin to destination over moves back
    """

    origin: Name
    destination: Name
    ratio: Positive
