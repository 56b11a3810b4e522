"""What mends a design: which lever moves which break-point, what that costs, and where it tips."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import Problem, ScenarioError
from simdai.experiments.analysis.tipping import tipping_point
from simdai.experiments.designs.points import Factors
from simdai.experiments.evaluation import evaluating
from simdai.experiments.runners import Runner
from simdai.experiments.stress.battery import Battery, only_network
from simdai.experiments.stress.break_point import break_point
from simdai.experiments.stress.challenge import Challenge, ranged
from simdai.experiments.stress.measures import MARGINS, SERIES
from simdai.experiments.stress.observed import observed
from simdai.experiments.stress.search import Search, stresses_of
from simdai.results import finite
from simdai.schema import Scenario, load

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Mended", "Tried", "front", "mend", "tipping"]

Ends = tuple[Any, Any]


@dataclass(frozen=True)
class Tried:
    """One setting of the levers.

    Parameters
    ----------
    moved : lever at an end of its range that alone is moved; empty for the design as it is, and for mixtures
    levers : lever to level; nan where the design does not say it as a number
    costs : stress to the cost of the cheapest break; infinite where none was found
    units : stress to the unit of its cost
    dilution : net issuance over supply, unstressed
    margin : mean margin of providers, unstressed
    best : whether nothing tried is as good in all of this and better in something
    """

    moved: str
    levers: Mapping[str, float]
    costs: Mapping[str, float]
    units: Mapping[str, str]
    dilution: float
    margin: float
    best: bool = False


@dataclass(frozen=True)
class Mended:
    """What levers do to break-points.

    Parameters
    ----------
    tried : the design as it is, each lever at both its ends, then mixtures
    """

    tried: tuple[Tried, ...]

    @property
    def table(self) -> pd.DataFrame:
        """A row each setting: moved, the levers, ``cost of STRESS``, dilution, margin, best."""
        import pandas as pd

        rows = [
            {
                "moved": one.moved,
                **one.levers,
                **{f"cost of {stress}": cost for stress, cost in one.costs.items()},
                "dilution": one.dilution,
                "margin": one.margin,
                "best": one.best,
            }
            for one in self.tried
        ]
        return pd.DataFrame(rows)

    @property
    def moves(self) -> pd.DataFrame:
        """A row each lever and stress: lever, stress, unit, cost as it is, at the low end, at the high."""
        import pandas as pd

        base = self.tried[0]
        rows = []
        for lever in base.levers:
            ends = [one for one in self.tried if one.moved == lever]
            for stress, cost in base.costs.items():
                low, high = (one.costs[stress] for one in ends)
                rows.append((lever, stress, base.units[stress], cost, low, high))
        return pd.DataFrame(rows, columns=["lever", "stress", "unit", "as it is", "low", "high"])

    def to_json(self) -> list[dict[str, Any]]:
        """The settings for machines; null stands for what has no value, and for breaks not found."""
        return [
            {
                "moved": one.moved,
                "levers": {name: finite(level) for name, level in one.levers.items()},
                "costs": {name: finite(cost) for name, cost in one.costs.items()},
                "units": dict(one.units),
                "dilution": finite(one.dilution),
                "margin": finite(one.margin),
                "best": one.best,
            }
            for one in self.tried
        ]

    @classmethod
    def from_json(cls, rows: Sequence[Mapping[str, Any]]) -> Mended:
        """Read what `to_json` wrote."""
        return cls(
            tuple(
                Tried(
                    row["moved"],
                    {k: math.nan if v is None else v for k, v in row["levers"].items()},
                    {k: math.inf if v is None else v for k, v in row["costs"].items()},
                    row["units"],
                    math.nan if row["dilution"] is None else row["dilution"],
                    math.nan if row["margin"] is None else row["margin"],
                    row["best"],
                )
                for row in rows
            )
        )


def mend(
    scenario: Any,
    levers: Mapping[str, Ends],
    stresses: Sequence[str],
    network: str | None = None,
    battery: Battery | str = "standard",
    mixtures: int = 4,
    horizon: float | None = None,
    budget: int = 16,
    replications: int = 2,
    fresh: int = 5,
    seed: int = 1,
    set: Mapping[str, Any] | None = None,
    by: Runner | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Mended:
    """Search the break-points of a design anew with its levers moved, and say what is given up for them.

    Parameters
    ----------
    scenario, network, battery, set : as for `stress`
    levers : dotted path in the scenario to the ends of the range
    stresses : names in the battery, each searched by itself
    mixtures : settings of all levers at once, spread over their ranges
    horizon, budget, replications, fresh, seed, by : as for `break_point`, at each setting

    Raises
    ------
    ScenarioError : a lever is no value of the scenario, a stress does not apply, nothing is given
    """
    if not levers or not stresses:
        raise ScenarioError(Problem(found="nothing to mend", allowed="at least one lever and one stress"))
    loaded = scenario if isinstance(scenario, Scenario) else load(scenario)
    loaded = loaded.with_changes(set) if set else loaded
    factors = Factors(None, stresses_of({path: ranged(path, tuple(ends)) for path, ends in levers.items()}))
    found = []
    settings = list(spread(factors, mixtures, seed))
    for n, (moved, levels) in enumerate(settings, start=1):
        changes: dict[str, Any] = {}
        for path, level in levels.items():
            changes.update(factors[path].changes(level, {}))
        design = loaded.with_changes(changes) if changes else loaded
        told(f"setting {n} of {len(settings)}: {moved or ('as it is' if not levels else 'all levers')}")
        searches = {
            stress: break_point(
                Challenge(design, stress, network, battery, horizon=horizon),
                budget=budget,
                replications=replications,
                fresh=fresh,
                seed=seed,
                by=by,
            )
            for stress in stresses
        }
        shown = {path: levels.get(path, value_at(loaded, path)) for path in factors}
        found.append(weighed(design, moved, shown, searches, network, replications, seed, by))
    best = front([[*one.costs.values(), -one.dilution, one.margin] for one in found])
    return Mended(
        tuple(
            Tried(o.moved, o.levers, o.costs, o.units, o.dilution, o.margin, bool(b))
            for o, b in zip(found, best, strict=True)
        )
    )


def spread(factors: Factors, mixtures: int, seed: int) -> list[tuple[str, dict[str, float]]]:
    """Settings of the levers: none moved, each at its two ends, all at once at points that fill the space."""
    settings: list[tuple[str, dict[str, float]]] = [("", {})]
    for path, factor in factors.items():
        ends = factor.grid(2)
        settings += [(path, {path: float(ends[0])}), (path, {path: float(ends[-1])})]
    if mixtures and len(factors) > 1:
        from scipy.stats import qmc

        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"mend")))
        for shares in qmc.LatinHypercube(len(factors), rng=rng).random(mixtures):
            levels = {p: float(f.quantile(x)) for (p, f), x in zip(factors.items(), shares, strict=True)}
            settings.append(("", levels))
    return settings


def weighed(
    design: Scenario,
    moved: str,
    levers: Mapping[str, float],
    searches: Mapping[str, Search],
    network: str | None,
    replications: int,
    seed: int,
    by: Runner | None,
) -> Tried:
    """A setting with its break-points, and what the unstressed design is like."""
    name = only_network(design, network)
    with evaluating(design, replications, seed, by) as evaluation:
        (values,) = evaluation([{}])

    def mean(*outcomes: str) -> float:
        known = [values[f"{name}.{what}"] for what in outcomes if f"{name}.{what}" in values]
        return float(np.nanmean(known[0])) if known and np.isfinite(known[0]).any() else math.nan

    return Tried(
        moved,
        levers,
        {stress: search.cost_to_break for stress, search in searches.items()},
        {stress: search.cost_unit for stress, search in searches.items()},
        mean("token.net_issuance") / mean("token.supply"),
        mean(*MARGINS),
    )


def value_at(scenario: Scenario, path: str) -> float:
    """The number that stands at a dotted path; nan where there is none."""
    value: Any = json.loads(scenario.canonical)
    for part in path.replace("[", ".").replace("]", "").split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return math.nan
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def front(goods: Sequence[Sequence[float]]) -> NDArray[np.bool_]:
    """Which rows nothing beats: no other row is as good in every column and better in one.

    Parameters
    ----------
    goods : (n, m) float, the more the better; nan counts as the worst
    """
    table = np.array(goods, dtype=np.float64)
    table[np.isnan(table)] = -np.inf
    as_good = (table[:, None, :] >= table[None, :, :]).all(axis=2)
    better = (table[:, None, :] > table[None, :, :]).any(axis=2)
    unbeaten: NDArray[np.bool_] = np.logical_not((as_good & better).any(axis=0))
    return unbeaten


def tipping(
    challenge: Challenge,
    lever: str,
    ends: Ends,
    replications: int = 5,
    seed: int = 1,
    by: Runner | None = None,
) -> pd.DataFrame:
    """Where, as a lever is moved, a stress of one severity begins or stops to break the design.

    Parameters
    ----------
    challenge : the stresses, held at a severity, and what must hold
    lever, ends : dotted path in the scenario, and the range in which it is moved

    Returns
    -------
    DataFrame : as of `simdai.experiments.analysis.tipping_point`, with columns lever, stress and severity

    Raises
    ------
    ScenarioError : a name is unknown, the stresses are not held, or the lever is no value of the scenario
    """
    if challenge.at is None:
        raise ScenarioError(Problem(found="stresses of no severity", allowed="'at', one of the battery's"))
    asked = challenge.posed()
    table = tipping_point(
        asked.base,
        lever,
        *ends,
        asked.prop.outcome,
        asked.prop.threshold,
        replications=replications,
        seed=seed,
        by=by,
        tolerance=0.02,
        look=lambda evaluation, point: observed(evaluation, asked.prop, asked.calm, point),
        series=tuple(f"{asked.network}.{name}" for name in SERIES),
    )
    table.insert(0, "severity", challenge.at)
    table.insert(0, "stress", " + ".join(challenge.stresses))
    table.insert(0, "lever", lever)
    return table
