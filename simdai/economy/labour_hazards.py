"""How often researchers change jobs: utilities, approaches, offers, and what fits the rates to the facts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simdai.economy.employers import Employer
from simdai.economy.labour_rules import Bidding, FlowRatio, Matching, OpenWork
from simdai.economy.researchers import OUTSIDE, Ints, Researchers
from simdai.mechanisms.labour import (
    JobTaste,
    approach_rate,
    mission_terms,
    recruiting_effort,
    split_time_pay,
)
from simdai.mechanisms.talent import certainty_equivalent, contact_rate, offer_acceptance

__all__ = ["Hazards", "JobTable"]

Floats = NDArray[np.float64]
NOT_OFFERED = -math.inf


@dataclass(frozen=True)
class JobTable:
    """Utilities of all jobs at an instant, the taste for open work of the mean person.

    Parameters
    ----------
    jobs : (n,) by employer, mission included, without what staying adds
    outside : of the jobs elsewhere
    """

    jobs: Floats
    outside: float


class Hazards:
    """Rates per year at which each researcher leaves for each employer, or for no employer.

    Between labs: each lab approaches the staff of the others (`approach_rate` times `recruiting_effort`) and
    is accepted by logit. From outside to labs: each searcher meets offers at `contact_rate`, drawn by
    vacancies. To open projects: people outside come across them at a rate of their own. To no employer: what
    of the measured exits the approaches leave, moving with the utility of the job against that outside.

    Parameters
    ----------
    employers : in the order of their numbers in `Researchers`
    """

    def __init__(
        self,
        employers: Sequence[Employer],
        people: Researchers,
        taste: JobTaste,
        matching: Matching,
        bidding: Bidding,
        open_work: OpenWork,
    ) -> None:
        self.employers, self.people, self.taste = list(employers), people, taste
        self.matching, self.bidding, self.open_work = matching, bidding, open_work
        n = len(self.employers)
        self.is_open = np.array([e.is_open for e in self.employers], dtype=bool)
        self.labs, self.projects = np.flatnonzero(~self.is_open), np.flatnonzero(self.is_open)
        self.mission = np.zeros(n)
        self.approached = np.ones(n)
        """Share of the approaches to a lab's staff that the measured exits leave room for."""
        self.quits, self.reach, self._gap_then = np.zeros(n), np.zeros(n), np.zeros(n)
        self.table = JobTable(np.zeros(n), 0.0)
        self.effort = np.zeros(n)
        self.offers_per_year = np.zeros(n)
        """Offers that one person outside meets from each lab."""

    # -- what jobs are worth ---------------------------------------------------------------------------------

    def look(self, outside_pay: float, posts: Floats, counts: Floats, searchers: float) -> None:
        """Take note of today's jobs.

        Parameters
        ----------
        outside_pay : USD a year
        posts, counts : (n,) real open posts and people of each employer
        searchers : real people outside labs
        """
        utilities = self.utilities(outside_pay) + self.mission
        self.table = JobTable(utilities, self.taste.pay * math.log(outside_pay))
        usual, elasticity = self.bidding.vacancies, self.matching.elasticity
        self.effort = np.array(
            [
                recruiting_effort(p / c if c else 0.0, usual, elasticity)
                for p, c in zip(posts, counts, strict=True)
            ]
        )
        total = float(posts[~self.is_open].sum())
        met = contact_rate(searchers, total, self.matching.scale, elasticity) if searchers else 0.0
        self.offers_per_year = np.where(self.is_open, 0.0, met * posts / total if total else 0.0)

    def utilities(self, outside_pay: float) -> Floats:
        """(n,) utility of each employer's job without the mission of labs and without what staying adds."""
        known = [e.live_index for e in self.employers if math.isfinite(e.live_index)]
        best, least = max(known, default=0.0), min(known, default=0.0)
        return np.array(
            [
                self.taste.utility(
                    self._pay(e, outside_pay),
                    max(e.research_h100e / e.researchers, 1.0) if e.researchers else 1.0,
                    best - max(e.live_index, least),
                    self.open_work.mission if e.is_open else 0.0,
                )
                for e in self.employers
            ]
        )

    def _pay(self, employer: Employer, outside_pay: float) -> float:
        if not employer.is_open:
            return employer.pay_usd
        work = self.open_work
        sure = certainty_equivalent(employer.pay_usd, work.aversion, work.volatility, work.vesting / 365.25)
        return split_time_pay(outside_pay, work.effort, sure)

    # -- who leaves for where --------------------------------------------------------------------------------

    def of(self, ids: Ints, place: int) -> Floats:
        """(len(ids), n + 1) rates per year of people at one place; the last column is leaving for outside."""
        able = self.people.quantile[ids] >= self.matching.screening
        return self._rates(self.people.openness[ids], able, place)

    def most(self, ids: Ints, place: int) -> float:
        """Bound of the sum of all rates of people at one place: every rate is monotone in the taste."""
        tastes = self.people.openness[ids]
        extremes = np.array([tastes.min(), tastes.max()])
        return float(self._rates(extremes, np.ones(2, dtype=bool), place).max(axis=0).sum())

    def _rates(self, openness: Floats, able: NDArray[np.bool_], place: int) -> Floats:
        jobs, outside, stay = self.table.jobs, self.table.outside, self.taste.stay
        n, labs, projects = len(jobs), self.labs, self.projects
        taste, beside = openness[:, None], NOT_OFFERED if place == OUTSIDE else outside
        in_lab = place != OUTSIDE and not self.is_open[place]
        if place == OUTSIDE or in_lab:
            own = np.full((1, 1), outside if place == OUTSIDE else jobs[place])
        else:
            own = jobs[place] + taste
        met_open, met_labs = self.reach, self.offers_per_year
        if in_lab:
            approached = self.approached[place] * approach_rate(self.matching.flow, stay)
            met_open, met_labs = np.full(n, approached), approached * self.effort
        rates = np.zeros((len(openness), n + 1))
        kept = own + stay if in_lab else own  # open work does not end another job
        rates[:, projects] = met_open[projects] * offer_acceptance(jobs[projects] + taste, kept, beside)
        rates[:, labs] = met_labs[labs] * offer_acceptance(jobs[labs], own + stay, beside) * able[:, None]
        if place != OUTSIDE:
            rates[:, place] = 0.0
            rates[:, n:] = self.quits[place] * np.exp(outside - own - self._gap_then[place])
        return rates

    def joining(self, ids: Ints, j: int) -> Floats:
        """(len(ids),) chance that people outside take up open work once they have come across it."""
        wish = self.table.jobs[j] + self.people.openness[ids]
        return offer_acceptance(wish, self.table.outside, NOT_OFFERED)

    # -- making the rates fit --------------------------------------------------------------------------------

    def calibrate(
        self, outside_pay: float, posts: Floats, counts: Floats, flows: Sequence[FlowRatio]
    ) -> None:
        """Choose missions, quits and reach so that exits, flows and open staffs are as measured at the start.

        Missions reproduce the ratios of flows between labs. Approaches to a lab's staff that its measured
        exits leave no room for are not made; the other exits lead outside. People outside come across open
        projects as often as replaces those who leave them.
        """
        names = [e.name for e in self.employers]
        searchers = float(len(self.people.at(OUTSIDE)) + counts[self.is_open].sum())
        self.look(outside_pay, posts, counts, searchers)
        labs = [j for j in range(len(names)) if not self.is_open[j] and counts[j]]
        terms = mission_terms(
            {(f.origin, f.destination): f.ratio for f in flows},
            {names[j]: float(counts[j]) for j in labs},
            {names[j]: float(self.table.jobs[j]) for j in labs},
            u_outside=self.table.outside,
            stay=self.taste.stay,
        )
        self.mission = np.array([terms.get(name, 0.0) for name in names])
        self.look(outside_pay, posts, counts, searchers)
        self._gap_then = self.table.outside - self.table.jobs
        for j, employer in enumerate(self.employers):
            staff = self.people.at(j)
            if not len(staff):
                continue
            drawn = float(self.of(staff, j)[:, :-1].sum(axis=1).mean())
            if not self.is_open[j]:
                self.approached[j] = min(1.0, employer.exit_hazard / drawn) if drawn else 1.0
                self.quits[j] = employer.exit_hazard - self.approached[j] * drawn
            else:
                weight = float(np.exp(-self.people.openness[staff]).mean())
                self.quits[j] = max(employer.exit_hazard - drawn, 0.0) / weight
                self.reach[j] = self._reach(j, len(staff) * employer.exit_hazard)

    def _reach(self, j: int, leavers: float) -> float:
        """Contacts a year with each person outside that bring ``leavers`` a year to an open project."""
        willing = float(self.joining(self.people.at(OUTSIDE), j).sum())
        return leavers / willing if willing else 0.0

    def missions(self) -> Mapping[str, float]:
        """Mission of each lab, utils."""
        return {e.name: float(m) for e, m in zip(self.employers, self.mission, strict=True) if not e.is_open}
