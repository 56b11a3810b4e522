"""The scale gap: money spent, compute at hand, the largest training run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from simdai.economy.measures import Increment
from simdai.economy.models import ModelSource
from simdai.mechanisms.gaps import largest_run_ratio, scale_ratio, time_to_close_years

if TYPE_CHECKING:
    from simdai.economy.scoreboard import ScoreboardActor

__all__ = ["ScaleGap"]

DAYS_PER_YEAR = 365.25


class ScaleGap:
    """``gap.scale.*``: closed labs over networks, in x.

    Capital is what was spent in the last twelve months, or since the start where that is less: capital
    investment, rent, pay and overhead of labs; what customers paid networks and the tokens created for their
    participants, at market prices. Compute of networks counts while it is online, at its speed.
    """

    def __init__(self, board: ScoreboardActor) -> None:
        self.board, self.world = board, board.world
        record = board.rules.record
        self.closed_runs = {self.world.days_until(d): flop for d, flop in record.closed_runs.items()}
        self.open_runs = {self.world.days_until(d): flop for d, flop in record.open_runs.items()}
        self._year = max(round(DAYS_PER_YEAR / board.rules.step), 1)  # looks
        self._spent: list[tuple[float, float]] = []
        self._h100e: list[tuple[float, float]] = []
        self._looked_at: Increment | None = None
        self._on_venues = 0.0

    def start(self) -> bool:
        """Report what there are two sides to."""
        recorder, world = self.world.recorder, self.world
        self._labs = [lab for lab in world.labs.values() if hasattr(lab, "funding")]
        self._open = {n: run for n, run in world.training.items() if isinstance(run, ModelSource)}
        self._runs: dict[str, int] = {}
        if self._labs and (self.open_runs or self._open):
            for register in (recorder.series, recorder.outcome):
                register("gap.scale.largest_run_ratio", "1", self._largest_run)
        if not self._labs or not world.networks:
            return bool(self._labs)
        for name, table in (("capital", self._spent), ("compute", self._h100e)):
            reading = self._capital if name == "capital" else self._compute
            for register in (recorder.series, recorder.outcome):
                register(f"gap.scale.{name}_ratio", "1", reading)
            recorder.outcome(
                f"gap.scale.{name}_years_to_close",
                "y",
                lambda table=table, name=name: self._years_to_close(table, cumulative=name == "capital"),  # type: ignore[misc]
            )
        return True

    def look(self) -> None:
        """Note what was spent, what there is, and which runs ended."""
        self._note_runs()
        if not self.world.networks:
            return
        spent_open = math.fsum(
            n.flows.revenue_usd + n.flows.subsidy_usd for n in self.world.networks.values()
        )
        self._spent.append((math.fsum(lab.funding.spent_usd for lab in self._labs), spent_open))
        self._h100e.append((math.fsum(lab.fleet.h100e for lab in self._labs), self._online()))

    def _note_runs(self) -> None:
        for lab in self._labs:
            seen, runs = self._runs.get(lab.name, 0), lab.training.finished
            self.closed_runs |= {run.end: run.flop for run in runs[seen:]}
            self._runs[lab.name] = len(runs)
        for name, run in self._open.items():
            seen = self._runs.get(name, 0)
            new = run.releases[seen:]
            self.open_runs |= {r.day: r.flop for r in new if not math.isnan(r.flop)}
            self._runs[name] = len(run.releases)

    def _online(self) -> float:
        """H100e that networks had online of late, at their speed."""
        over = self.world.compute.seen()
        if over is not self._looked_at:
            self._looked_at, self._on_venues = over, self._on_venues_in(over)
        lent = math.fsum(getattr(run, "lent_h100e", 0.0) for run in self.world.training.values())
        beside = math.fsum(getattr(n, "h100e", 0.0) for n in self.world.networks.values())
        return self._on_venues + lent + beside

    def _on_venues_in(self, over: Increment) -> float:
        compute = self.world.compute
        venues = [v for v in compute.venues if not v.is_cloud]
        sold = math.fsum(compute.supply_hours(v, over) * known(compute.speed(v, over, None)) for v in venues)
        return sold / (24.0 * over.days) * self.world.scale if over.days else 0.0

    def _largest_run(self) -> float:
        """Largest runs of twelve months; nan where the open side finished none."""
        now = self.world.env.now
        ratio = largest_run_ratio(self.closed_runs.items(), self.open_runs.items(), now, DAYS_PER_YEAR)
        return ratio if math.isfinite(ratio) else math.nan

    def _capital(self) -> float:
        last, first = self._spent[-1], self._spent[max(len(self._spent) - 1 - self._year, 0)]
        return scale_ratio(last[0] - first[0], last[1] - first[1])

    def _compute(self) -> float:
        """Compute of both sides; nan while no network has anything online."""
        ratio = scale_ratio(*self._h100e[-1])
        return ratio if math.isfinite(ratio) else math.nan

    def _years_to_close(self, table: list[tuple[float, float]], cumulative: bool) -> float:
        """Years until the sides are equal at the growth of the last year; nan before there is
        one, and where they do not draw closer."""
        year = self._year
        back = 2 * year if cumulative else year
        if len(table) <= back:
            return math.nan
        now, before, start = table[-1], table[-1 - year], table[-1 - back]
        if cumulative:
            recent = [a - b for a, b in zip(now, before, strict=True)]
            earlier = [a - b for a, b in zip(before, start, strict=True)]
        else:
            recent, earlier = list(now), list(before)
        if min(*recent, *earlier) <= 0.0:
            return math.nan
        years = time_to_close_years(recent[0] / recent[1], recent[1] / earlier[1], recent[0] / earlier[0])
        return years if math.isfinite(years) else math.nan


def known(value: Any) -> float:
    """The value; 0 where it is not a number."""
    return 0.0 if math.isnan(value) else float(value)
