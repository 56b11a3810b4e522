"""Investors: how they value a lab, when they fund one, and the mood of the market."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from simdai.economy.actors import Institution, World
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.mechanisms.demand import ValuationRule, round_hazard, round_share, round_size, round_success
from simdai.registry import Configured
from simdai.units import NonNegative, Number, Positive, PositiveDays, Quantity, Share, Usd

__all__ = ["Investors", "InvestorsActor", "Rounds", "Sentiment", "Valuation"]

DAYS_PER_YEAR = 365.25
Rate = Annotated[float, Quantity("1/y", low=0.0)]


class Sentiment(Configured):
    """The mood: mean-reverting around 0, in standard deviations.

    Parameters
    ----------
    reversion : rate a year at which it returns to its mean
    sd : its standard deviation in the long run
    """

    reversion: Rate = Field(gt=0.0)
    sd: NonNegative


class Valuation(Configured):
    """Post-money value as a multiple of the run-rate; see `simdai.mechanisms.demand.ValuationRule`.

    Parameters
    ----------
    scale : multiple at the run-rate ``at_run_rate`` and a threefold growth
    at_run_rate : USD a year
    size_power, growth_power, sentiment : exponents of size and growth, weight of the mood
    """

    scale: Positive
    at_run_rate: float = Field(gt=0.0)
    size_power: Number
    growth_power: Number
    sentiment: Number


class Rounds(Configured):
    """When labs raise, how likely an attempt succeeds, how much it brings.

    Parameters
    ----------
    attempts_per_year : hazard of an attempt
    urgency : by how many times that it rises when cash runs short
    runway_trigger : days of cash below which it is short
    base, growth_weight, rank_weight, sentiment_weight : of the logit of success; rank is 0 for the leader in
        quality and 1 for others
    failure_penalty : by how much each failed attempt lowers ``base``
    pause : days from one attempt to the next at least
    sold_low, sold_high : share of the value sold, uniform between the two; young labs sell more
    need_horizon : days of compute that a round is to pay for
    need_growth : growth a year of the capacity that it is to pay for
    need_share : share of that capacity's bill that counts
    distress_days : days without cash after which a lab is rescued or sold
    distress_value : value in a rescue over that of a round
    """

    attempts_per_year: Rate
    urgency: NonNegative
    runway_trigger: PositiveDays
    base: Number
    growth_weight: Number
    rank_weight: Number
    sentiment_weight: Number
    failure_penalty: NonNegative
    pause: PositiveDays
    sold_low: Share
    sold_high: Share
    need_horizon: PositiveDays
    need_growth: Positive
    need_share: Share
    distress_days: PositiveDays
    distress_value: Share

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.sold_low > self.sold_high:
            raise ValueError("sold_low must not exceed sold_high")
        return self


class Commitments(Configured):
    """What a lab may count on when it commits to compute for the year ahead.

    Parameters
    ----------
    cash : share of its cash
    next_round : share of its value that the next round brings; not in bad times
    bad_times : mood below which nobody counts on a round
    """

    cash: Share
    next_round: Share
    bad_times: Number


class Investors(Institution, kind="investors"):
    """Those who fund labs that have no parent.

    Parameters
    ----------
    sentiment, valuation, rounds, commitments : see there
    largest_round : USD, most that one round brings; none without
    step : days between two moves of the mood
    """

    sentiment: Sentiment
    valuation: Valuation
    rounds: Rounds
    commitments: Commitments
    largest_round: Usd | None = None
    step: PositiveDays = 1.0

    def build(self, world: World, name: str) -> InvestorsActor:
        return InvestorsActor(self, world, name)


class InvestorsActor:
    """The funding market on the clock.

    Attributes
    ----------
    forced : a mood imposed from outside, a shock's; None without
    """

    def __init__(self, rules: Investors, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        v = rules.valuation
        self.value_rule = ValuationRule(
            scale=v.scale,
            at_run_rate=v.at_run_rate,
            size_power=v.size_power,
            growth_power=v.growth_power,
            sentiment_weight=v.sentiment,
        )
        self._news = Draws(world.entity("sentiment", name))
        self._mood = rules.sentiment.sd * self._news.normal(0)
        self.forced: float | None = None

    def start(self) -> None:
        """Let the mood wander."""
        step = self.rules.step
        self.world.calendar.every(step, Phase.FINANCE, self._wander, first=step)
        self.world.recorder.series("investors.sentiment", "1", lambda: self.sentiment)

    @property
    def sentiment(self) -> float:
        """The mood now."""
        return self._mood if self.forced is None else self.forced

    def _wander(self) -> None:
        rules, day = self.rules.sentiment, round(self.world.env.now)
        kept = math.exp(-rules.reversion * self.rules.step / DAYS_PER_YEAR)
        self._mood = kept * self._mood + rules.sd * math.sqrt(1.0 - kept**2) * self._news.normal(day)

    # -- what labs ask ---------------------------------------------------------------------------------------

    def valuation(self, run_rate: float, growth: float, factor: float) -> float:
        """Post-money value of a lab, USD.

        Parameters
        ----------
        run_rate : USD a year; growth : over a year [x/yr]; factor : of the lab's own
        """
        return self.value_rule.valuation(max(run_rate, 1.0), growth, self.sentiment, factor)

    def attempt_probability(self, runway_years: float, days: float) -> float:
        """Probability that a lab tries to raise within some days."""
        rounds = self.rules.rounds
        trigger = rounds.runway_trigger / DAYS_PER_YEAR
        hazard = round_hazard(rounds.attempts_per_year, runway_years, trigger, rounds.urgency)
        return -math.expm1(-hazard * days / DAYS_PER_YEAR)

    def success_probability(self, growth: float, leads: bool, failures: int) -> float:
        """Probability that an attempt closes."""
        rounds = self.rules.rounds
        return round_success(
            growth,
            0 if leads else 1,
            self.sentiment,
            base=rounds.base - rounds.failure_penalty * failures,
            growth_weight=rounds.growth_weight,
            rank_weight=rounds.rank_weight,
            sentiment_weight=rounds.sentiment_weight,
        )

    def size(self, valuation: float, run_rate: float, need: float, drawn: float) -> float:
        """USD that a round brings; ``drawn`` in (0, 1) decides the share sold."""
        rounds = self.rules.rounds
        sold = rounds.sold_low + drawn * (rounds.sold_high - rounds.sold_low)
        most = math.inf if self.rules.largest_round is None else self.rules.largest_round
        return min(round_size(valuation, round_share(sold, max(run_rate, 1.0)), need), most)
