"""Which models came out before the start, closed and open, real ones and those of the trend before them."""

from __future__ import annotations

import datetime
from typing import Annotated, Self

from pydantic import model_validator

from simdai.registry import Configured, FrozenMapping
from simdai.units import Date, Flop, Number, PositiveDays, Quantity

__all__ = ["IndexRecord", "Trend", "records"]

DAYS_PER_YEAR = 365.25
Slope = Annotated[float, Quantity("1/y")]
Dated = FrozenMapping[Date, Number]


class Trend(Configured):
    """Releases on a line, for the years of which no table tells.

    Parameters
    ----------
    since : first day of the record
    anchor : index on ``anchor_date`` [points]
    anchor_date : day on which a closed model of that index came out
    bend : day on which the slope changed
    slope_before, slope_after : index points a year
    closed_every, open_every : days between releases
    open_behind : days by which open weights trailed the line
    """

    since: Date
    anchor: Number
    anchor_date: Date
    bend: Date
    slope_before: Slope
    slope_after: Slope
    closed_every: PositiveDays
    open_every: PositiveDays
    open_behind: PositiveDays

    def at(self, day: datetime.date | float) -> float:
        """Index of the line on a day (a date, or an ordinal with fraction)."""
        number = day if isinstance(day, float) else float(day.toordinal())
        bend, anchor = self.bend.toordinal(), self.anchor_date.toordinal()
        at_bend = self.anchor - self._slope(anchor) * (anchor - bend) / DAYS_PER_YEAR
        return at_bend + self._slope(number) * (number - bend) / DAYS_PER_YEAR

    def _slope(self, day: float) -> float:
        return self.slope_after if day > self.bend.toordinal() else self.slope_before


class IndexRecord(Configured):
    """Models that came out before the start.

    Parameters
    ----------
    closed, open_weights, decentral : day to index at release: closed models, open weights from anywhere, and
        models that open runs trained
    trend : of the time before the first entries
    closed_runs, open_runs : day to training compute of the largest runs on either side [FLOP]
    """

    closed: Dated
    open_weights: Dated
    decentral: Dated = FrozenMapping()
    trend: Trend
    closed_runs: FrozenMapping[Date, Flop] = FrozenMapping()
    open_runs: FrozenMapping[Date, Flop] = FrozenMapping()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.closed or not self.open_weights:
            raise ValueError("closed and open_weights: at least one model each is needed")
        return self


def records(
    record: IndexRecord, start: datetime.date
) -> tuple[list[tuple[float, float]], list[tuple[float, float]], list[tuple[float, float]]]:
    """Closed, open and decentrally trained releases up to a day, as (days from it, index), in order.

    The trend's releases come before the first real one of each table only.
    """
    trend, zero = record.trend, start.toordinal()

    def real(table: Dated) -> list[tuple[float, float]]:
        return sorted((float(d.toordinal() - zero), index) for d, index in table.items() if d <= start)

    def line(table: Dated, every: float, behind: float) -> list[tuple[float, float]]:
        first, day = min(table).toordinal(), float(trend.since.toordinal())
        found = []
        n = 0
        while day + n * every < first:
            release = day + n * every
            found.append((release - zero, trend.at(release - behind)))
            n += 1
        return found

    closed = line(record.closed, trend.closed_every, 0.0) + real(record.closed)
    open_ = line(record.open_weights, trend.open_every, trend.open_behind) + real(record.open_weights)
    return closed, open_, real(record.decentral)
