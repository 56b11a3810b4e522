"""The gap index: the four gaps in one number, beside which they always stand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simdai.mechanisms.gaps import gap_index

if TYPE_CHECKING:
    from simdai.economy.scoreboard import ScoreboardActor

__all__ = ["GapIndex"]

PARTS = (
    "gap.scale.compute_ratio",
    "gap.talent.effective_labour_ratio",
    "gap.speed.experiment_compute_ratio",
    "gap.quality.trained_points_end",
)
"""One measure of each gap that has a value on any day."""


class GapIndex:
    """``gap.index``: mean of the four gaps, each over what it was at first; 1 is as wide as at the start.

    The reference is the first day on which all four are known: in a scenario that begins with 2024, the start
    of 2024. nan where a gap is not measured.
    """

    def __init__(self, board: ScoreboardActor) -> None:
        self.recorder = board.world.recorder

    def start(self) -> bool:
        """Report where all four gaps are; call after the parts that measure them."""
        self._reference: list[float] = []
        readings = [self.recorder.reading(name) for name in PARTS]
        self._readings = [reading for reading in readings if reading is not None]
        if len(self._readings) < len(PARTS):
            return False
        for register in (self.recorder.series, self.recorder.outcome):
            register("gap.index", "1", self._index)
        return True

    def look(self) -> None:
        """Keep the first day on which all are known."""
        if not self._reference:
            today = self._now()
            if all(math.isfinite(value) and value > 0.0 for value in today):
                self._reference = today

    def _now(self) -> list[float]:
        return [reading() for reading in self._readings]

    def _index(self) -> float:
        return gap_index(self._now(), self._reference) if self._reference else math.nan
