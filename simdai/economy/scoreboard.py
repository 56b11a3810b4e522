"""The scoreboard: how far apart the closed and the open side are, day by day or less often."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from simdai.economy.actors import SECTIONS, Institution, World
from simdai.economy.calendar import Phase
from simdai.economy.gap_index import GapIndex
from simdai.economy.gap_quality import QualityGap
from simdai.economy.gap_scale import ScaleGap
from simdai.economy.gap_speed import SpeedGap
from simdai.economy.gap_talent import TalentGap
from simdai.economy.index_record import IndexRecord, records
from simdai.economy.models import ModelSource
from simdai.economy.niches import NicheMeasures, Niches
from simdai.registry import FrozenMapping
from simdai.units import Name, Number, Positive, PositiveDays

__all__ = ["Scoreboard", "ScoreboardActor"]


class Scoreboard(Institution, kind="scoreboard"):
    """Measures the gaps and the niches.

    Parameters
    ----------
    record : what came out before the start
    marks : name to an index; it is told when the open side reaches it
    elo_per_point : Elo points of an index point
    loss_exponent : gamma, by which reducible loss falls with compute
    niches : see there
    step : days between two looks
    """

    record: IndexRecord
    marks: FrozenMapping[Name, Number] = FrozenMapping()
    elo_per_point: Positive
    niches: Niches
    step: PositiveDays = Field(default=1.0, le=31.0)

    def build(self, world: World, name: str) -> ScoreboardActor:
        return ScoreboardActor(self, world, name)


class ScoreboardActor:
    """The records of both sides on the clock, and what is measured on them.

    Attributes
    ----------
    closed, served, trained : releases that raised the best index so far, as (day, index): of closed labs, of
        open weights from anywhere, of open runs
    """

    def __init__(self, rules: Scoreboard, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        closed, served, trained = records(rules.record, world.start_date)
        self.closed, self.served, self.trained = rising(closed), rising(served), rising(trained)
        self._seen: dict[str, int] = {}

    def start(self) -> None:
        """Keep the records, and measure."""
        actors = [*self.world.labs.values(), *self.world.training.values()]
        self._sources = [actor for actor in actors if isinstance(actor, ModelSource)]
        parts: tuple[Any, ...] = (
            QualityGap(self),
            ScaleGap(self),
            TalentGap(self),
            SpeedGap(self),
            NicheMeasures(self),
            GapIndex(self),
        )
        self._parts = [part for part in parts if part.start()]
        self.world.calendar.every(self.rules.step, Phase.MEASUREMENT, self._look, first=0.0)
        for name in (name for section in SECTIONS for name in getattr(self.world, section)):
            self.world.recorder.outcome(
                f"events.{name}",
                "count",
                lambda name=name: self.world.calendar.events[name],  # type: ignore[misc]
            )

    def closed_index(self, day: float) -> float:
        """Best closed index that was out on a day; minus infinity before the record begins."""
        return max((index for released, index in self.closed if released <= day), default=-math.inf)

    def _look(self) -> None:
        self._note_releases()
        for part in self._parts:
            part.look()

    def _note_releases(self) -> None:
        now = self.world.env.now
        for source in self._sources:
            seen = self._seen.get(source.name, 0)
            self._seen[source.name] = len(source.releases)
            new = [(release.day, release.index) for release in source.releases[seen:]]
            if source.open_weights:
                add(self.served, [*new, (now, source.live_index)])
            else:
                add(self.closed, new)
            if source.name in self.world.training:
                add(self.trained, [*new, (now, source.live_index)])


def rising(releases: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The releases that were better than all before them."""
    best: list[tuple[float, float]] = []
    add(best, releases)
    return best


def add(record: list[tuple[float, float]], releases: list[tuple[float, float]]) -> None:
    """Add releases to a record where they raise it; those of index minus infinity are none."""
    for day, index in sorted(releases):
        if index > (record[-1][1] if record else -math.inf):
            record.append((day, index))
