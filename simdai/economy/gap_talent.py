"""The talent gap: able people, the ablest tenth, and who moves where."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import only
from simdai.economy.employers import Employer, Staff, employers
from simdai.mechanisms.gaps import scale_ratio
from simdai.mechanisms.talent import effective_labour, net_flow_rate, top_decile_share

if TYPE_CHECKING:
    from simdai.economy.scoreboard import ScoreboardActor

__all__ = ["TalentGap"]

DAYS_PER_YEAR = 365.25


class TalentGap:
    """``gap.talent.*``: researchers of closed labs against those of networks and open runs."""

    def __init__(self, board: ScoreboardActor) -> None:
        self.world = board.world

    def start(self) -> bool:
        """Report where a labour market serves both sides."""
        self.market = only(self.world.institutions, "labour_market")
        found: dict[str, Employer] = employers(self.world)
        self.closed = [name for name, employer in found.items() if not employer.is_open]
        self.open = [name for name, employer in found.items() if employer.is_open]
        if self.market is None or not self.closed or not self.open:
            return False
        recorder = self.world.recorder
        for register in (recorder.series, recorder.outcome):
            register("gap.talent.effective_labour_ratio", "1", self._labour_ratio)
            register("gap.talent.top_decile_share", "1", self._top_decile)
        recorder.outcome("gap.talent.net_flow_to_labs_per_year", "1/y", self._net_flow)
        self.world.at_window(self._start_window)
        return True

    def look(self) -> None:
        """Nothing to remember: the labour market does."""

    def _staff(self, names: list[str]) -> Staff:
        staffs = [self.market.staff(name) for name in names]
        return Staff(
            np.concatenate([s.ability for s in staffs]), np.concatenate([s.full_time for s in staffs])
        )

    def _labour_ratio(self) -> float:
        return scale_ratio(
            effective_labour(*self._staff(self.closed)), effective_labour(*self._staff(self.open))
        )

    def _top_decile(self) -> float:
        return top_decile_share(people(self._staff(self.closed)), people(self._staff(self.open)))

    def _between(self) -> tuple[float, float]:
        """People who moved to the closed side and to the open side since the start."""
        moves = self.market.moves
        to_closed = math.fsum(n for (a, b), n in moves.items() if a in self.open and b in self.closed)
        to_open = math.fsum(n for (a, b), n in moves.items() if a in self.closed and b in self.open)
        return to_closed, to_open

    def _start_window(self) -> None:
        self._then, self._since = self._between(), self.world.env.now
        self._stock = float(self._staff(self.open).full_time.sum())

    def _net_flow(self) -> float:
        years = (self.world.env.now - self._since) / DAYS_PER_YEAR
        if years <= 0.0 or self._stock <= 0.0:
            return math.nan
        to_closed, to_open = (now - then for now, then in zip(self._between(), self._then, strict=True))
        return net_flow_rate(to_closed, to_open, self._stock, years)


def people(staff: Staff) -> NDArray[np.float64]:
    """Abilities of those who work at least in part."""
    return staff.ability[staff.full_time > 0.0]
