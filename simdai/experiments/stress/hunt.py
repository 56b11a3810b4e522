"""The search itself: where to look next, closing in on a break-point, confirming it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import EngineError
from simdai.experiments.designs.points import Factors
from simdai.experiments.evaluation import Evaluation
from simdai.experiments.statistics import Interval
from simdai.experiments.stress.cost import Cost, Severity
from simdai.experiments.stress.measures import MEASURES
from simdai.experiments.stress.observed import Calm, observed
from simdai.experiments.stress.property import Property
from simdai.experiments.study_file import base_values

__all__ = ["KEPT", "Hunt", "Look"]

ASKED_AT_ONCE = 8  # whatever the number of workers, so that the result does not depend on it
KEPT = (0.4, 0.15)  # shares of the budget that are left when closing in begins, and begins again
WAYS = 4  # points that hold from which one break is approached
CLOSE = 0.004  # of the unit cube's side: break-points are not known better
STEP = 0.02  # a break that fresh luck does not confirm is followed by one that costs this share more
MOST_CONFIRMED = 10
HALVED = 4  # times, the way from a break that fresh luck did not confirm to one that it did

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """One point that was looked at.

    Parameters
    ----------
    number : in order
    shares : (n factors,) place in the unit cube; index of the option for factors with options
    levels : (n factors,) levels
    cost : in ``Search.cost_unit``; nan where no run tells it
    interval : of the property's outcome
    margin : how far from clearly broken, below zero where it is
    """

    number: int
    shares: Shares
    levels: NDArray[np.float64]
    cost: float
    interval: Interval
    margin: float

    @property
    def broken(self) -> bool:
        """Whether the property is clearly broken here."""
        return self.margin < 0.0 and not math.isnan(self.cost)


class Hunt:
    """The state of a search."""

    def __init__(
        self,
        evaluation: Evaluation,
        factors: Factors,
        prop: Property,
        cost: str | Severity,
        budget: int,
        calm: Calm | None = None,
    ) -> None:
        self.evaluation = evaluation
        self.factors = factors
        self.prop = prop
        self.cost = Cost(cost, factors)
        self.budget = budget
        self.calm = calm
        self.looks: list[Look] = []
        self._base = base_values(factors, evaluation.plan.scenarios[0])
        self._counts = [factor.options for factor in factors.values()]

    @property
    def left(self) -> int:
        """Points that may still be looked at."""
        return self.budget - len(self.looks)

    @property
    def breaks(self) -> list[Look]:
        """Breaks found so far, cheapest first."""
        return sorted((look for look in self.looks if look.broken), key=lambda look: (look.cost, look.number))

    def levels(self, shares: Shares) -> NDArray[np.float64]:
        """Levels at a place in the unit cube."""
        return np.array(
            [
                share if factor.options is not None else float(factor.quantile(share))
                for factor, share in zip(self.factors.values(), shares, strict=True)
            ]
        )

    def changes(self, levels: NDArray[np.float64]) -> dict[str, Any]:
        """What a point changes in the scenario."""
        changes: dict[str, Any] = {}
        for factor, level in zip(self.factors.values(), levels, strict=True):
            changes.update(factor.changes(float(level), self._base))
        return changes

    def look(self, places: Sequence[Shares]) -> list[Look]:
        """Run points, as many as the budget allows."""
        places = list(places)[: self.left]
        levels = [self.levels(place) for place in places]
        points = [self.changes(level) for level in levels]
        calm = self.calm if self.prop.outcome in MEASURES else None
        unstressed = [calm.changes(point) for point in points] if calm is not None else []
        runs = self.evaluation([*points, *unstressed])[: len(points)]  # all at once, for runners of many
        found = []
        for place, level, point, values in zip(places, levels, points, runs, strict=True):
            seen = observed(self.evaluation, self.prop, self.calm, point)
            found.append(
                Look(
                    number=len(self.looks),
                    shares=place,
                    levels=level,
                    cost=self.cost.of(self.evaluation, place, level, values),
                    interval=self.prop.interval(seen),
                    margin=self.prop.margin(seen),
                )
            )
            self.looks.append(found[-1])
        return found

    @property
    def corners(self) -> tuple[Shares, Shares]:
        """The places where every stress is mildest, and hardest; the ends of other factors' ranges."""
        mild = self.cost.by.mild if isinstance(self.cost.by, Severity) else {}
        places = []
        for end in (0.0, 1.0):
            shares = [abs(end - mild.get(name, 0.0)) for name in self.factors]
            places.append(
                np.array(
                    [
                        share if count is None else share * (count - 1)
                        for share, count in zip(shares, self._counts, strict=True)
                    ]
                )
            )
        return places[0], places[1]

    def spread(self, seed: int) -> None:
        """Look at the two corners, and at points that fill the space."""
        places = list(self.corners)
        if self.left > len(places):
            places += self._filling(seed)
        self.look(places)

    def _filling(self, seed: int) -> list[Shares]:
        """Points that fill the space: the first of Sobol's sequence."""
        from scipy.stats import qmc

        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"stress")))
        doublings = int(min(max(math.log2(self.budget / 6), 2), 5))
        drawn = qmc.Sobol(len(self.factors), rng=rng).random_base2(doublings)
        for column, count in enumerate(self._counts):
            if count is not None:
                drawn[:, column] = np.minimum(np.floor(drawn[:, column] * count), count - 1)
        return [np.array(place) for place in drawn]

    def ask(self, seed: int, keep: float) -> None:
        """Let Optuna choose where to look, eight points at a time, until a share of the budget is left."""
        with optuna_at_rest() as optuna:
            distributions: dict[str, Any] = {
                name: optuna.distributions.FloatDistribution(0.0, 1.0)
                if factor.options is None
                else optuna.distributions.CategoricalDistribution(tuple(range(factor.options)))
                for name, factor in self.factors.items()
            }
            sampler = optuna.samplers.TPESampler(
                seed=seed, multivariate=True, constant_liar=True, n_startup_trials=0
            )
            study = optuna.create_study(direction="minimize", sampler=sampler)
            for look in self.looks:
                study.add_trial(
                    optuna.trial.create_trial(
                        params=self._named(look.shares), distributions=distributions, value=rank(look)
                    )
                )
            until = int(self.budget * keep)
            while self.left > until:
                trials = [study.ask(distributions) for _ in range(min(ASKED_AT_ONCE, self.left - until))]
                places = [np.array([float(trial.params[name]) for name in self.factors]) for trial in trials]
                for trial, look in zip(trials, self.look(places), strict=True):
                    study.tell(trial, rank(look))

    def _named(self, shares: Shares) -> dict[str, Any]:
        return {
            name: float(share) if count is None else int(share)
            for name, share, count in zip(self.factors, shares, self._counts, strict=True)
        }

    def close_in(self) -> None:
        """Halve the way between the cheapest break and the nearest cheaper point that holds, repeatedly."""
        tried = set[tuple[int, int]]()
        while self.left and self.breaks:
            best = self.breaks[0]
            if sum(number == best.number for number, _ in tried) >= WAYS:
                return
            holding = [
                look
                for look in self.looks
                if not look.broken
                and not math.isnan(look.margin)
                and look.cost < best.cost
                and (best.number, look.number) not in tried
                and self._alike(look, best)
                and float(np.max(np.abs(look.shares - best.shares))) > CLOSE
            ]
            if not holding:
                return
            near = min(holding, key=lambda look: float(np.max(np.abs(look.shares - best.shares))))
            tried.add((best.number, near.number))
            broken, held = best, near
            while self.left and float(np.max(np.abs(broken.shares - held.shares))) > CLOSE:
                middle = self.look([(broken.shares + held.shares) / 2])[0]
                if middle.broken and middle.cost <= broken.cost:
                    broken = middle
                else:
                    held = middle

    def _alike(self, a: Look, b: Look) -> bool:
        """Whether two points have the same options, so that there is a way between them."""
        return all(
            count is None or a.shares[n] == b.shares[n] for n, count in enumerate(self._counts)
        ) and bool(np.any(a.shares != b.shares))

    def confirm(self, fresh: int) -> tuple[Look | None, Interval | None, list[Look]]:
        """Make the cheapest breaks again with fresh luck until one is confirmed.

        Where cheaper ones were not, the way between the two is halved a few times, with fresh luck alone.
        """
        unconfirmed: list[Look] = []
        for look in self.breaks:
            if len(unconfirmed) >= MOST_CONFIRMED:
                break
            if unconfirmed and look.cost - (last := unconfirmed[-1].cost) < STEP * abs(last):
                continue
            again = self._afresh(look.shares, fresh)
            if not again.broken:
                unconfirmed.append(look)
                continue
            if unconfirmed and self._alike(unconfirmed[-1], look):
                return *self._between(unconfirmed[-1], look, again, fresh), unconfirmed
            return look, again.interval, unconfirmed
        return None, None, unconfirmed

    def _afresh(self, shares: Shares, fresh: int) -> Look:
        """A point under luck of its own."""
        state = np.random.SeedSequence(self.evaluation.plan.seed, spawn_key=tuple(b"fresh"))
        seed = int(state.generate_state(1, np.uint64)[0] >> np.uint64(1))
        levels = self.levels(shares)
        point = self.changes(levels)
        seen = observed(self.evaluation, self.prop, self.calm, point, replications=fresh, seed=seed)
        (values,) = self.evaluation([point], replications=fresh, seed=seed)
        cost = self.cost.of(self.evaluation, shares, levels, values)
        return Look(len(self.looks), shares, levels, cost, self.prop.interval(seen), self.prop.margin(seen))

    def _between(self, held: Look, broken: Look, again: Look, fresh: int) -> tuple[Look, Interval]:
        """Halve the way from a break that was not confirmed to one that was."""
        best, low = (broken, again.interval), held.shares
        for _ in range(HALVED):
            middle = self._afresh((low + best[0].shares) / 2, fresh)
            if middle.broken and middle.cost <= best[0].cost:
                best = middle, middle.interval
            else:
                low = middle.shares
        return best


def rank(look: Look) -> float:
    """What the search makes small: the cost of a break, below one; else one and how far from a break."""
    if look.broken:
        return look.cost / (1.0 + abs(look.cost))
    if math.isnan(look.margin) or math.isnan(look.cost):
        return 3.0
    size = abs(look.interval.mean) + 1e-300
    return 1.0 + look.margin / (size + abs(look.margin))


@contextmanager
def optuna_at_rest() -> Iterator[Any]:
    """Import Optuna, and keep its log and its warnings of experimental features to itself."""
    try:
        import optuna
    except ImportError as error:
        cure = "pip install 'simdai[stress]'"
        raise EngineError(f"the search needs Optuna ({error}); {cure}") from None
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(level)
