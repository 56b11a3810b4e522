"""What the labour market reports: staffs, pay, labour, moves, and what the two sides have of it."""

from __future__ import annotations

import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.talent import effective_labour, net_flow_rate, top_decile_share

if TYPE_CHECKING:
    from simdai.economy.labour_market import Researching

__all__ = ["LabourReport"]

DAYS_PER_YEAR = 365.25

Floats = NDArray[np.float64]


class LabourReport:
    """Registers the series and outcomes ``NAME.…`` of a labour market.

    For every employer ``NAME.EMPLOYER.researchers`` (full-time equivalents), ``.effective_labour``,
    ``.pay_usd`` (a year), ``.hired``, ``.left``, ``.exit_hazard``; for labs ``.open_posts``. Over both sides,
    labs against open projects: ``.effective_labour_ratio``, ``.top_decile_share``, ``.net_flow_rate`` (of the
    year that ends, and as an outcome since the warm-up). Where moves were counted:
    ``.flow_ratio.ORIGIN.DESTINATION``.
    """

    def __init__(self, market: Researching) -> None:
        self.market, self.world = market, market.world
        self._past: deque[tuple[float, Floats]] = deque()
        self._then: tuple[float, Floats, Floats] = (0.0, np.zeros(0), np.zeros(0))

    def register(self) -> None:
        """Put everything on the recorder."""
        market, recorder, name = self.market, self.world.recorder, self.market.name
        for j, employer in enumerate(market.employers):
            here = f"{name}.{employer.name}"
            for register in (recorder.series, recorder.outcome):
                register(f"{here}.researchers", "count", partial(getattr, employer, "researchers"))
                register(f"{here}.pay_usd", "USD/y", partial(getattr, employer, "pay_usd"))
                register(f"{here}.effective_labour", "count", partial(market.labour, employer.name))
            if not employer.is_open:
                recorder.series(f"{here}.open_posts", "count", partial(market.open_posts, employer.name))
            recorder.outcome(f"{here}.hired", "count", partial(self._hired, j))
            recorder.outcome(f"{here}.left", "count", partial(self._left, j))
            recorder.outcome(f"{here}.exit_hazard", "1/y", partial(self._exit_hazard, j))
        for flow in market.rules.flow_ratios:
            i, j = market.number[flow.origin], market.number[flow.destination]
            label = f"{name}.flow_ratio.{flow.origin}.{flow.destination}"
            recorder.outcome(label, "x", partial(self._ratio, i, j))
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.outside.researchers", "count", lambda: market.outside_count)
            if market.is_open.any() and not market.is_open.all():
                register(f"{name}.effective_labour_ratio", "x", self._labour_ratio)
                register(f"{name}.top_decile_share", "1", self._top_decile)
        if market.is_open.any() and not market.is_open.all():
            recorder.series(f"{name}.net_flow_rate", "1/y", self._net_flow_of_the_year)
            recorder.outcome(f"{name}.net_flow_rate", "1/y", self._net_flow)
        recorder.checks.append(self._remember)
        self.world.at_window(self._start_window)

    def _start_window(self) -> None:
        self._then = self.world.env.now, self.market.moved.copy(), self.market.person_years.copy()

    # -- moves -----------------------------------------------------------------------------------------------

    def _moved(self) -> Floats:
        """Real people who moved since the warm-up, by row (from) and column (to); the last is outside."""
        return self.market.moved - self._then[1]

    def _hired(self, j: int) -> float:
        return float(self._moved()[:, j].sum())

    def _left(self, j: int) -> float:
        return float(self._moved()[j].sum())

    def _exit_hazard(self, j: int) -> float:
        years = float(self.market.person_years[j] - self._then[2][j])
        return self._left(j) / years if years else math.nan

    def _ratio(self, i: int, j: int) -> float:
        moved = self._moved()
        return float(moved[i, j] / moved[j, i]) if moved[j, i] else math.nan

    def _across(self, moved: Floats) -> tuple[float, float]:
        """People who moved from open projects to labs, and from labs to open projects."""
        is_open = np.append(self.market.is_open, False)
        is_lab = np.append(~self.market.is_open, False)
        return float(moved[np.ix_(is_open, is_lab)].sum()), float(moved[np.ix_(is_lab, is_open)].sum())

    def _net_rate(self, moved: Floats, days: float) -> float:
        stock = float(self.market.counts[self.market.is_open].sum())
        if not stock or not days:
            return math.nan
        return net_flow_rate(*self._across(moved), stock, days / DAYS_PER_YEAR)

    def _net_flow(self) -> float:
        return self._net_rate(self._moved(), self.world.env.now - self._then[0])

    def _net_flow_of_the_year(self) -> float:
        day, moved = self._past[0]
        return self._net_rate(self.market.moved - moved, self.world.env.now - day)

    def _remember(self) -> None:
        """Keep the moves up to each recording of the last year."""
        now = self.world.env.now
        self._past.append((now, self.market.moved.copy()))
        while len(self._past) > 1 and self._past[1][0] <= now - DAYS_PER_YEAR:
            self._past.popleft()

    # -- the two sides ---------------------------------------------------------------------------------------

    def _sides(self) -> tuple[list[str], list[str]]:
        named = [(e.name, e.is_open) for e in self.market.employers]
        return [n for n, is_open in named if not is_open], [n for n, is_open in named if is_open]

    def _labour_ratio(self) -> float:
        labs, projects = self._sides()
        ours = sum(effective_labour(*self.market.staff(name)) for name in projects)
        ours += float(self.market.bounty_labour.sum())
        theirs = sum(effective_labour(*self.market.staff(name)) for name in labs)
        return theirs / ours if ours else math.inf

    def _top_decile(self) -> float:
        labs, projects = self._sides()
        sides = [
            np.concatenate([self.market.staff(name).ability for name in names]) for names in (labs, projects)
        ]
        return top_decile_share(*sides)
