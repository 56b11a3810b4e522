"""The speed gap: from the decision to the model, between models, and how long deciding takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from simdai.economy.employers import employers
from simdai.economy.models import ModelSource
from simdai.mechanisms.gaps import Lead, median_lead, scale_ratio

if TYPE_CHECKING:
    from simdai.economy.scoreboard import ScoreboardActor

__all__ = ["SpeedGap"]


class SpeedGap:
    """``gap.speed.*``: medians over everything since the start, open runs over closed labs."""

    def __init__(self, board: ScoreboardActor) -> None:
        self.world = board.world

    def start(self) -> bool:
        """Report each side's medians, and how they compare where there are two."""
        self._closed = [lab for lab in self.world.labs.values() if hasattr(lab, "funding")]
        self._open = [run for run in self.world.training.values() if isinstance(run, ModelSource)]
        recorder = self.world.recorder
        measures: tuple[tuple[str, Callable[[list[Any]], list[float]]], ...] = (
            ("lead_time", lead_days),
            ("release_interval", intervals),
            ("decision", decisions),
        )
        for what, of in measures:
            for side, sources in (("closed", self._closed), ("open", self._open)):
                if sources:
                    recorder.outcome(
                        f"gap.speed.{what}_days_{side}",
                        "d",
                        lambda of=of, sources=sources: median(of(sources)),  # type: ignore[misc]
                    )
            if self._closed and self._open:
                for n, (field, unit) in enumerate((("ratio", "1"), ("difference_days", "d"))):
                    recorder.outcome(
                        f"gap.speed.{what}_{field}",
                        unit,
                        lambda of=of, n=n: self._lead(of)[n],  # type: ignore[misc]
                    )
        self._employers = list(employers(self.world).values())
        if self._closed and any(e.is_open for e in self._employers):
            recorder.outcome("gap.speed.experiment_compute_ratio", "1", self._experiments)
        return False

    def _experiments(self) -> float:
        """Experiment compute per researcher, closed labs over open projects: how much each can try."""
        per_head = []
        for is_open in (False, True):
            side = [e for e in self._employers if e.is_open == is_open]
            people = math.fsum(e.researchers for e in side)
            per_head.append(math.fsum(e.research_h100e for e in side) / people if people else 0.0)
        return scale_ratio(*per_head)

    def _lead(self, of: Callable[[list[Any]], list[float]]) -> Lead:
        closed, open_ = of(self._closed), of(self._open)
        return median_lead(closed, open_) if closed and open_ else Lead(math.nan, math.nan)


def lead_days(sources: list[Any]) -> list[float]:
    """Days from the decision to the release, of every release that knows them."""
    return [r.lead_days for s in sources for r in s.releases if not math.isnan(r.lead_days)]


def intervals(sources: list[Any]) -> list[float]:
    """Days between releases of one source."""
    return [float(gap) for s in sources for gap in np.diff([release.day for release in s.releases])]


def decisions(sources: list[Any]) -> list[float]:
    """Days that decisions took."""
    return [days for source in sources for days in source.decision_days]


def median(days: list[float]) -> float:
    """Median; nan of nothing."""
    return float(np.median(days)) if days else math.nan
