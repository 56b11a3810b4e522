"""The labour market of researchers: who works for whom, for what pay, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import Institution, World, absent, exactly_one
from simdai.economy.bounties import Patron
from simdai.economy.calendar import Phase
from simdai.economy.employers import Employer, Staff, employers
from simdai.economy.labour_hazards import Hazards
from simdai.economy.labour_report import LabourReport
from simdai.economy.labour_rules import Bidding, FlowRatio, Matching, OpenWork, Tastes, Teams
from simdai.economy.paths import Path, PathOf
from simdai.economy.researchers import OUTSIDE, Ints, Researchers
from simdai.errors import Problem
from simdai.mechanisms.labour import next_pay
from simdai.mechanisms.talent import ramp_up
from simdai.units import Count, NonNegative, PositiveCount, PositiveDays, Quantity

__all__ = ["ResearcherMarket", "Researching"]

DAYS_PER_YEAR = 365.25
NOWHERE = "outside"

Floats = NDArray[np.float64]


class ResearcherMarket(Institution, kind="labour_market"):
    """Researchers who choose among labs, open projects and jobs elsewhere.

    Employers are the actors of the scenario that satisfy `Employer`. A labs' staff and everybody outside are
    individuals with an ability, a taste for open work and a time in the job; those who work in the open do so
    beside another job.

    Parameters
    ----------
    step : time between looks at the market; rates hold over a step
    outside : researchers who work for no employer at the start, contributors included
    outside_pay : USD a year
    growth : of all researchers, per year, continuous
    represents : real people that one simulated person stands for
    ability_spread : standard deviation of log ability
    tenure : mean time in the job at the start
    tastes, matching, bidding, teams, open_work : rules of their names
    flow_ratios : moves counted between labs, which say how dear each lab's mission is
    """

    step: PositiveDays
    outside: Count
    outside_pay: Annotated[Path, PathOf("USD/y")]
    growth: Annotated[float, Quantity("1/y", low=0.0)]
    represents: PositiveCount = 1
    ability_spread: NonNegative
    tenure: PositiveDays
    tastes: Tastes
    matching: Matching
    bidding: Bidding
    teams: Teams
    open_work: OpenWork
    flow_ratios: tuple[FlowRatio, ...] = ()

    def check(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "institutions", self.kind)
        group = {name: {name} for name in scenario.labs}
        for n, flow in enumerate(self.flow_ratios):
            where = f"flow_ratios[{n}]"
            named = {f"{where}.origin": flow.origin, f"{where}.destination": flow.destination}
            missing = list(absent("lab", named, scenario.labs))
            yield from missing
            if missing:
                continue
            if flow.destination in group[flow.origin]:
                found = f"moves between {flow.origin!r} and {flow.destination!r}, which follow from others"
                yield Problem(path=where, found=found, allowed="pairs of labs that form no circle")
            joined = group[flow.origin] | group[flow.destination]
            group |= dict.fromkeys(joined, joined)

    def build(self, world: World, name: str) -> Researching:
        return Researching(self, world, name)


class Researching:
    """The labour market on the clock.

    Attributes
    ----------
    employers : by their number
    posts : (n,) real posts that labs have open
    pay_frozen : whether pay stays as it is; a cut loop's
    person_years : (n,) real years worked since the start
    """

    def __init__(self, rules: ResearcherMarket, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self._move = world.entity("researcher.move", name)
        self._choice = world.entity("researcher.choice", name)
        self._first = world.entity("researcher.first", name)
        self._contest = world.entity("researcher.contest", name)
        self.steps = 0
        self.pay_frozen = False
        """Whether pay stays as it is; a cut feedback says so."""
        self.pay_frozen = False

    # -- the start -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Settle everybody, fit the rates to the facts, and look at the market at every step."""
        world, rules = self.world, self.rules
        self.employers: list[Employer] = list(employers(world).values())
        self.patrons = [(j, e, e.bounties) for j, e in enumerate(self.employers) if isinstance(e, Patron)]
        self.number = {e.name: j for j, e in enumerate(self.employers)}
        n = len(self.employers)
        self.is_open = np.array([e.is_open for e in self.employers], dtype=bool)
        self.each = np.where(self.is_open, rules.represents * rules.open_work.effort, float(rules.represents))
        """Real full-time equivalents of one simulated person at each employer."""
        in_labs = sum(round(e.researchers / rules.represents) for e in self.employers if not e.is_open)
        self._beginners = in_labs + round(rules.outside / rules.represents)
        horizon_years = world.horizon / DAYS_PER_YEAR
        most = math.floor(self._beginners * math.exp(rules.growth * horizon_years)) + 1
        self.people = Researchers(
            world, self.name, most, rules.ability_spread, rules.open_work.mission_spread
        )
        self.people.begin(self._beginners)
        self._settle()
        self.hazards = Hazards(
            self.employers,
            self.people,
            rules.tastes.weights,
            rules.matching,
            rules.bidding,
            rules.open_work,
        )
        counts = self.counts
        self.posts = np.where(self.is_open, 0.0, rules.bidding.vacancies * counts)
        self.hazards.calibrate(self.outside_pay, self.posts, counts, rules.flow_ratios)
        self.moved = np.zeros((n + 1, n + 1))
        """Real people who moved since the start, by row (from) and column (to); the last is outside."""
        self.person_years = np.zeros(n)
        self.offers = 0.0
        """Real offers of labs made since the start, in expectation."""
        self._contests_held = np.zeros(n)
        self.bounty_labour = np.zeros(n)
        """Full-time equivalents that bounties draw, weighted by ability."""
        self._tell()
        world.calendar.every(rules.step, Phase.PEOPLE, self._step, first=rules.step)
        LabourReport(self).register()

    def _settle(self) -> None:
        """Labs hire among the able, open projects among those who care, as if it had always been so."""
        people, rules = self.people, self.rules
        ids = np.arange(len(people.place))
        keys, tenure = (self._first.uniforms(ids, k) for k in (0, 1))
        able = people.quantile >= rules.matching.screening
        anybody = np.ones(len(ids), dtype=bool)
        with np.errstate(divide="ignore"):
            # The first by taste plus Gumbel luck are a draw without return in proportion to exp(taste).
            leaning = np.log(-np.log(keys)) - people.openness
        for j, employer in enumerate(self.employers):
            wanted = round(employer.researchers / self.each[j])
            chosen = people.first(
                leaning if employer.is_open else keys, anybody if employer.is_open else able, wanted
            )
            people.place_at_start(chosen, j, tenure, rules.tenure)

    # -- what others ask -------------------------------------------------------------------------------------

    @property
    def outside_pay(self) -> float:
        """USD a year in jobs elsewhere, today."""
        return self.world.on(self.rules.outside_pay)

    @property
    def counts(self) -> Floats:
        """(n,) real people of each employer."""
        sizes = np.bincount(self.people.place[: self.people.n] + 1, minlength=len(self.employers) + 1)
        return np.asarray(sizes[1:], dtype=np.float64) * self.rules.represents

    @property
    def outside_count(self) -> float:
        """Real people who work for no employer."""
        return float(self.rules.represents) * len(self.people.at(OUTSIDE))

    @property
    def moves(self) -> Mapping[tuple[str, str], float]:
        """Real people who moved since the start, by (from, to); ``outside`` is everybody else."""
        names = [*self.number, NOWHERE]
        return {
            (a, b): float(self.moved[i, j])
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if i != j
        }

    def staff(self, employer: str) -> Staff:
        """Researchers of an employer now; in the open each counts with the share of time given."""
        j = self.number[employer]
        ids = self.people.at(j)
        return Staff(self.people.ability[ids], np.full(len(ids), float(self.each[j])))

    def labour(self, employer: str) -> float:
        """Effective labour of an employer: people of ability 1 who know the place and work undisturbed."""
        j, teams = self.number[employer], self.rules.teams
        ids = self.people.at(j)
        ability = self.people.ability[ids]
        if self.is_open[j]:
            return float(ability.sum() * self.each[j] + self.bounty_labour[j])
        if not len(ids):
            return 0.0
        learned = ramp_up(self.people.tenure_years(ids, self.world.env.now), teams.ramp / DAYS_PER_YEAR)
        taught = teams.mentoring * float((1.0 - learned).sum()) * float(ability.mean())
        done = max(float((ability * learned).sum()) - taught, 0.0) * self.rules.represents
        return done * teams.tree.share(len(ids) * self.rules.represents)

    def open_posts(self, employer: str) -> float:
        """Real posts that a lab has open now."""
        return float(self.posts[self.number[employer]])

    def exodus(self, share: float) -> None:
        """Let a share of the researchers of every closed lab leave for open projects at once.

        They are the ones with the strongest taste for open work, and join the largest open project; without
        one they go outside.
        """
        projects = np.flatnonzero(self.is_open)
        target = int(projects[np.argmax(self.counts[projects])]) if len(projects) else OUTSIDE
        for j in np.flatnonzero(~self.is_open):
            ids = self.people.at(int(j))
            leaving = round(share * len(ids))
            keen = ids[np.argsort(-self.people.openness[ids], kind="stable")[:leaving]]
            self._count(keen, np.full(len(keen), target))
            self.people.move(keen, target, self.world.env.now)
        self._tell()

    # -- a step ----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Posts open, people move, pay moves, contests are held, and employers are told."""
        rules, years = self.rules, self.rules.step / DAYS_PER_YEAR
        self.steps += 1
        grown = self._beginners * math.exp(rules.growth * self.world.env.now / DAYS_PER_YEAR)
        self.people.begin(min(math.floor(grown), len(self.people.place)))
        self._open_posts()
        counts = self.counts
        self.person_years += counts * years
        searchers = self.outside_count + float(counts[self.is_open].sum())
        self.hazards.look(self.outside_pay, self.posts, counts, searchers)
        self.offers += searchers * float(self.hazards.offers_per_year.sum()) * years
        self._hold_contests()
        self._move_people(years)
        self._bid(years)
        self._tell()

    def _open_posts(self) -> None:
        """Open what each lab wants evenly over its planning time; close what it no longer wants."""
        opened = self.rules.step / self.rules.matching.planning
        for j, employer in enumerate(self.employers):
            wanted = 0.0 if employer.is_open else max(employer.vacancies, 0.0)
            self.posts[j] = min(self.posts[j] + opened * wanted, wanted)

    def _move_people(self, years: float) -> None:
        """Draw who leaves for where; labs take the earliest until their posts are filled."""
        people = self.people
        luck = self._move.uniforms(np.arange(people.n), self.steps)
        groups = [self._leavers(place, luck, years) for place in range(OUTSIDE, len(self.employers))]
        ids, when, target = (np.concatenate(part) for part in zip(*groups, strict=True))
        order = np.argsort(when, kind="stable")
        ids, target = ids[order], target[order]
        taken = np.ones(len(ids), dtype=bool)
        for j in np.flatnonzero(~self.is_open):
            coming = np.flatnonzero(target == j)
            room = math.floor(self.posts[j] / self.rules.represents + 1e-9)
            taken[coming[room:]] = False
            self.posts[j] -= min(len(coming), room) * self.rules.represents
        ids, target = ids[taken], target[taken]
        self._count(ids, target)
        people.move(ids, target.astype(np.int16), self.world.env.now)

    def _leavers(self, place: int, luck: Floats, years: float) -> tuple[Ints, Floats, Ints]:
        """Those of a place who leave within a step: who, when (in years), for where."""
        ids = self.people.at(place)
        if len(ids):  # rates of those alone whose luck would let anybody leave
            ids = ids[luck[ids] < -math.expm1(-self.hazards.most(ids, place) * years)]
        rates = self.hazards.of(ids, place)
        total = rates.sum(axis=1)
        with np.errstate(divide="ignore"):
            when = -np.log1p(-luck[ids]) / total
        gone = np.flatnonzero(when < years)
        chosen = self._choice.uniforms(ids[gone], self.steps) * total[gone]
        target = (np.cumsum(rates[gone], axis=1) <= chosen[:, None]).sum(axis=1)
        return ids[gone], when[gone], np.where(target >= len(self.employers), OUTSIDE, target)

    def _count(self, ids: Ints, target: Ints) -> None:
        """Count moves; the last row and column stand for outside."""
        np.add.at(self.moved, (self.people.place[ids], target), float(self.rules.represents))

    def _bid(self, years: float) -> None:
        if self.pay_frozen:
            return
        bidding, counts = self.rules.bidding, self.counts
        for j, employer in enumerate(self.employers):
            if not employer.is_open and counts[j]:
                employer.pay_usd = next_pay(
                    employer.pay_usd,
                    float(self.posts[j] / counts[j]),
                    years,
                    speed=bidding.speed,
                    target=bidding.vacancies,
                    floor=self.outside_pay,
                    most=employer.pay_ceiling_usd,
                )

    def _hold_contests(self) -> None:
        """Hold the contests that fall due; their winners may stay as contributors."""
        for j, employer, bounties in self.patrons:
            if bounties is None or not bounties.entrants:
                continue
            due = math.floor(bounties.per_year * self.world.env.now / DAYS_PER_YEAR + 1e-9)
            prizes = due - int(self._contests_held[j])
            self._contests_held[j] = due
            if not prizes:
                continue
            entrants = self._entrants(j, prizes * bounties.entrants)
            ability = float(self.people.ability[entrants].mean()) if len(entrants) else 0.0
            time = bounties.per_year * bounties.contest.effort_total / self.outside_pay
            self.bounty_labour[j] = time * ability
            self._welcome(entrants[:prizes], j)
            employer.award(prizes)

    def _entrants(self, j: int, n: int) -> Ints:
        """People outside labs who take part, in the order of their luck."""
        people = self.people
        free = np.concatenate([people.at(place) for place in (OUTSIDE, *np.flatnonzero(self.is_open))])
        keys = self._contest.uniforms(free + len(people.place) * j, self.steps)
        n = min(n, len(free))
        first = np.argpartition(keys, n - 1)[:n] if n else np.empty(0, dtype=np.int64)
        return free[first[np.argsort(keys[first], kind="stable")]]

    def _welcome(self, winners: Ints, j: int) -> None:
        """Winners from outside stay with the chance that an offer of open work is taken."""
        outside = winners[self.people.place[winners] == OUTSIDE]
        staying = outside[self._choice.uniforms(outside, self.steps) < self.hazards.joining(outside, j)]
        self._count(staying, np.full(len(staying), j))
        self.people.move(staying, j, self.world.env.now)

    def _tell(self) -> None:
        """Tell every employer who works there from now on."""
        counts = self.counts
        for j, employer in enumerate(self.employers):
            full_time = float(counts[j] * self.each[j]) / self.rules.represents
            employer.employ(full_time, self.labour(employer.name))
