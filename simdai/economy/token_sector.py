"""The mood of the whole token sector: what all tokens gain and lose together, Bitcoin included."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from pydantic import Field

from simdai.economy.actors import Institution, World, absent, exactly_one, only
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.economy.shocks import DatedShock, tokens_of
from simdai.errors import Problem
from simdai.units import Name, NonNegative, PositiveDays, Quantity

__all__ = ["TokenSector", "TokenSectorActor", "TokenTrend"]

DAYS_PER_YEAR = 365.25
Rate = Annotated[float, Quantity("1/y")]


class TokenSector(Institution, kind="token_sector"):
    """Beliefs in tokens that move together: a factor on the fundamental value of every token.

    The factor is a martingale: nobody can expect it to rise or fall, save by a trend.

    Parameters
    ----------
    sd : standard deviation of its logarithm in a year
    bitcoin : the network of the reference coin, which has a factor of its own; none without
    bitcoin_sd : standard deviation of that
    correlation : of the two
    trend : drift of both logarithms a year
    step : days between two of its moves
    """

    sd: NonNegative
    bitcoin: Name | None = None
    bitcoin_sd: NonNegative = 0.0
    correlation: float = Field(default=0.0, ge=-1.0, le=1.0)
    trend: Rate = 0.0
    step: PositiveDays = 1.0

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.bitcoin is not None:
            yield from absent("network with a token", {"bitcoin": self.bitcoin}, tokens_of(scenario))

    def build(self, world: World, name: str) -> TokenSectorActor:
        return TokenSectorActor(self, world, name)


class TokenSectorActor:
    """The sector on the clock.

    Attributes
    ----------
    trend : drift a year; shocks change it
    factor, bitcoin_factor : on fundamental values, 1 at the start
    """

    def __init__(self, rules: TokenSector, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.trend = rules.trend
        self.factor = self.bitcoin_factor = 1.0
        self._coin = Draws(world.entity("token_sector.bitcoin", name))
        self._own = Draws(world.entity("token_sector.own", name))

    def start(self) -> None:
        """Let the mood wander."""
        step = self.rules.step
        self.world.calendar.every(step, Phase.TRADERS, self._act, first=step)
        self.world.recorder.series("token_sector.factor", "1", lambda: self.factor)

    def _act(self) -> None:
        rules, day = self.rules, round(self.world.env.now)
        coin, own = self._coin.normal(day), self._own.normal(day)
        mixed = rules.correlation * coin + math.sqrt(1.0 - rules.correlation**2) * own
        moved, coin_moved = self._step(rules.sd, mixed), self._step(rules.bitcoin_sd, coin)
        self.factor *= moved
        self.bitcoin_factor *= coin_moved
        for name, token in tokens_of(self.world).items():
            token.sentiment *= coin_moved if name == rules.bitcoin else moved

    def _step(self, sd: float, normal: float) -> float:
        """Factor of a step: a martingale and the trend."""
        days = self.rules.step
        drift = (self.trend - sd**2 / 2.0) * days / DAYS_PER_YEAR
        return math.exp(drift + sd * math.sqrt(days / DAYS_PER_YEAR) * normal)


class TokenTrend(DatedShock, kind="token_trend"):
    """A bull or a bear market: belief in all tokens drifts.

    Parameters
    ----------
    per_year : drift of the logarithm of fundamental values, added to what there is
    """

    per_year: Rate

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "institutions", "token_sector")

    def strike(self, world: World) -> Callable[[], None]:
        sector = only(world.institutions, "token_sector")
        sector.trend += self.per_year

        def end() -> None:
            sector.trend -= self.per_year

        return end
