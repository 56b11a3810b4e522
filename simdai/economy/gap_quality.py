"""The quality gap: closed models against those that the open side can serve, and those that it trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simdai.economy.actors import only
from simdai.mechanisms.gaps import lag_days, lag_is_censored
from simdai.mechanisms.scaling import elo_win_probability

if TYPE_CHECKING:
    from simdai.economy.scoreboard import ScoreboardActor

__all__ = ["QualityGap"]

DAYS_PER_YEAR = 365.25

Record = list[tuple[float, float]]


class QualityGap:
    """``gap.quality.*``: points and lag of SERVED (open weights from anywhere) and TRAINED (open runs).

    A series is of its day; an outcome the mean over the days after the warm-up, as Epoch AI reports lags: the
    lag of one day depends on who released last. ``.._censored_share`` is the share of those days on which the
    closed side was ahead throughout its record, so that the lag is only known from below.
    """

    def __init__(self, board: ScoreboardActor) -> None:
        self.board = board
        self.sides: dict[str, Record] = {"served": board.served}
        if board.trained or board.world.training:
            self.sides["trained"] = board.trained

    def start(self) -> bool:
        """Report; there is always something to measure."""
        board = self.board
        self._today: dict[str, tuple[float, float, bool]] = {}
        self._sums: dict[str, list[float]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._ahead: dict[str, tuple[float, bool]] = {}
        leader = board.closed[-1][1] if board.closed else math.nan
        marks = {**board.rules.marks, "leader_of_start": leader}
        recorder = board.world.recorder
        for side, record in self.sides.items():
            name = f"gap.quality.{side}"
            recorder.series(f"{name}_index", "ECI", lambda record=record: best(record))  # type: ignore[misc]
            for n, (what, unit) in enumerate((("points", "ECI"), ("lag_days", "d"))):
                recorder.series(f"{name}_{what}", unit, lambda s=side, n=n: float(self._today[s][n]))  # type: ignore[misc]
                recorder.outcome(f"{name}_{what}", unit, lambda s=side, n=n: self._mean(s, n))  # type: ignore[misc]
                recorder.outcome(f"{name}_{what}_end", unit, lambda s=side, n=n: float(self._today[s][n]))  # type: ignore[misc]
            recorder.outcome(f"{name}_lag_censored_share", "1", lambda s=side: self._mean(s, 2))  # type: ignore[misc]
            recorder.outcome(f"{name}_points_per_year", "ECI/y", lambda record=record: self._pace(record))  # type: ignore[misc]
            recorder.outcome(f"{name}_closing", "1", lambda s=side: self._closing(s))  # type: ignore[misc]
            recorder.outcome(f"{name}_years_to_close", "y", lambda s=side: self._years_to_close(s))  # type: ignore[misc]
            recorder.outcome(f"{name}_elo_win_probability", "1", lambda s=side: self._win(s))  # type: ignore[misc]
            if only(board.world.institutions, "research_frontier") and self._anchored():
                recorder.outcome(f"{name}_loss_difference", "nat", lambda s=side: self._loss_difference(s))  # type: ignore[misc]
            for mark, index in marks.items():
                recorder.outcome(
                    f"{name}_reaches_{mark}_days",
                    "d",
                    lambda record=record, index=index: reached(record, index),  # type: ignore[misc]
                )
        recorder.series("gap.quality.closed_index", "ECI", lambda: best(board.closed))
        recorder.outcome("gap.quality.closed_points_per_year", "ECI/y", lambda: self._pace(board.closed))
        board.world.at_window(self._start_window)
        return True

    def _start_window(self) -> None:
        self._sums = {side: [0.0, 0.0, 0.0, 0.0] for side in self.sides}
        self._since = self.board.world.env.now

    def look(self) -> None:
        """Measure the day."""
        now, closed = self.board.world.env.now, self.board.closed
        for side, record in self.sides.items():
            sizes = len(closed), len(record)
            if sizes != self._sizes.get(side):
                # Between releases a lag grows by a day each day.
                lag, censored = lag_days(closed, record[-1:], now), lag_is_censored(closed, record[-1:], now)
                self._sizes[side], self._ahead[side] = sizes, (now - lag if lag else math.inf, censored)
            since, censored = self._ahead[side]
            today = best(closed) - best(record), max(now - since, 0.0), censored
            self._today[side] = today
            if self._sums:
                for n, value in enumerate((1.0, *today)):
                    self._sums[side][n] += value

    def _mean(self, side: str, n: int) -> float:
        days, *sums = self._sums[side]
        return sums[n] / days if days else math.nan

    def _pace(self, record: Record) -> float:
        """Points a year by which a record rose since the warm-up; nan over less than a year."""
        years = (self.board.world.env.now - self._since) / DAYS_PER_YEAR
        before = [index for day, index in record if day <= self._since]
        return (best(record) - before[-1]) / years if before and years >= 1.0 else math.nan

    def _closing(self, side: str) -> float:
        """1 where the gap is closed or gets smaller at the paces since the warm-up, 0 where it widens."""
        years = self._years_to_close(side)
        return math.nan if math.isnan(self._pace(self.board.closed)) else float(not math.isnan(years))

    def _years_to_close(self, side: str) -> float:
        """Years until the gap is closed at the paces since the warm-up; nan where it widens."""
        points = self._today[side][0]
        if points <= 0.0:
            return 0.0
        faster = self._pace(self.sides[side]) - self._pace(self.board.closed)
        return points / faster if faster > 0.0 else math.nan

    def _anchored(self) -> bool:
        """Whether there are labs whose compute ties an index to a loss."""
        return any(hasattr(lab, "research") for lab in self.board.world.labs.values())

    def _loss_difference(self, side: str) -> float:
        """Loss of the open side's best model less that of the closed side's, nats per token."""
        frontier, record = only(self.board.world.institutions, "research_frontier"), self.sides[side]
        if not record:
            return math.nan
        return float(frontier.loss(best(record)) - frontier.loss(best(self.board.closed)))

    def _win(self, side: str) -> float:
        """Probability that users prefer the closed side's best model."""
        return elo_win_probability(self.board.rules.elo_per_point * self._today[side][0])


def best(record: Record) -> float:
    """Best index of a record; nan of an empty one."""
    return record[-1][1] if record else math.nan


def reached(record: Record, index: float) -> float:
    """Day on which a record reached an index, negative before the start; nan where it has not."""
    return next((day for day, level in record if level >= index), math.nan)
