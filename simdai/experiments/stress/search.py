"""The cheapest stress that breaks a property, found under common luck and confirmed under fresh luck."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import TypeAdapter, ValidationError

from simdai.errors import Problem, ResultsError, ScenarioError
from simdai.experiments.designs import Factor
from simdai.experiments.designs.points import Factors
from simdai.experiments.evaluation import evaluating
from simdai.experiments.runners import Runner
from simdai.experiments.statistics import Interval
from simdai.experiments.stress.cost import Severity
from simdai.experiments.stress.hunt import KEPT, Hunt, Look
from simdai.experiments.stress.measures import SERIES
from simdai.experiments.stress.observed import Calm
from simdai.experiments.stress.property import Property
from simdai.registry import OneOf, problems_of
from simdai.results import number

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Search:
    """What a search found; never more than it looked at.

    Parameters
    ----------
    prop : the property
    factors : the stresses
    cost, cost_unit : what a break costs: outcomes, a factor or ``severity``
    looks : every point in order
    best : the cheapest break that fresh luck confirmed, None where there is none
    confirmed : the property's outcome at ``best`` under fresh luck
    unconfirmed : cheaper breaks that fresh luck did not confirm
    budget, n_runs : points and runs
    scenario : the base with the best break in it; the base itself where there is none
    errors : of runs that failed
    """

    prop: Property
    factors: Factors
    cost: str
    cost_unit: str
    looks: tuple[Look, ...]
    best: Look | None
    confirmed: Interval | None
    unconfirmed: tuple[Look, ...]
    budget: int
    n_runs: int
    scenario: Any = field(repr=False)
    errors: tuple[str, ...] = field(repr=False, default=())

    @property
    def verdict(self) -> str:
        """``broken`` or ``not broken within budget``."""
        return "broken" if self.best is not None else "not broken within budget"

    @property
    def cost_to_break(self) -> float:
        """What the cheapest confirmed break costs; infinite where none was found."""
        return self.best.cost if self.best is not None else math.inf

    @property
    def mildest(self) -> bool:
        """Whether the break lies where the search began, at the mild end of everything."""
        return self.best is not None and self.best.number == 0

    def levels(self) -> dict[str, float | str]:
        """The stresses at the break by factor; empty where there is none."""
        return {} if self.best is None else self._shown(self.best)

    def _shown(self, look: Look) -> dict[str, float | str]:
        pairs = zip(self.factors.items(), look.levels, strict=True)
        return {name: factor.shown(float(level)) for (name, factor), level in pairs}

    @property
    def table(self) -> pd.DataFrame:
        """A row each look: look, factors, cost, mean, low, high (90 %), n, margin, broken."""
        import pandas as pd

        rows = [
            {
                "look": look.number,
                **self._shown(look),
                "cost": look.cost,
                **look.interval._asdict(),
                "margin": look.margin,
                "broken": look.broken,
            }
            for look in self.looks
        ]
        table = pd.DataFrame(rows)
        units = {name: factor.unit for name, factor in self.factors.items()}
        table.attrs.update({"units": {**units, "cost": self.cost_unit}, "outcome": self.prop.outcome})
        return table

    def save(self, path: str | Path) -> Path:
        """Write the scenario that replays the break.

        Raises
        ------
        ResultsError : nothing was broken, or the file cannot be written
        """
        import yaml

        if self.best is None:
            raise ResultsError(f"{self.prop} was not broken within the budget; there is nothing to replay")
        content = json.loads(self.scenario.canonical)
        content["question"] = f"Does {self.prop} break here, at a cost of {number(self.cost_to_break)}?"
        text = f"# {self}\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True)}"
        target = Path(path)
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ResultsError(f"{target}: cannot be written: {error.strerror}") from None
        return target

    def __str__(self) -> str:
        done = f"{len(self.looks)} points, {self.n_runs:,} runs"
        if self.best is None:
            said = f"{self.prop}: not broken within the budget ({done})"
            tail = "; other stresses, or a longer search, may break it"
            near = (
                f"; {len(self.unconfirmed)} breaks were not confirmed by fresh luck"
                if self.unconfirmed
                else ""
            )
            return said + near + tail
        assert self.confirmed is not None
        where = ", ".join(f"{name} = {shown(value)}" for name, value in self.levels().items())
        mean, low, high = (number(value) for value in self.confirmed[:3])
        tail = "; the mildest tried breaks already" if self.mildest else ""
        return (
            f"{self.prop}: broken at {self.cost} = {number(self.cost_to_break)} {self.cost_unit}".rstrip()
            + f" with {where}; under fresh luck {mean} [{low}, {high}], n = {self.confirmed.n} ({done}){tail}"
        )


def shown(value: float | str) -> str:
    """A level in few letters."""
    return value if isinstance(value, str) else f"{value:.4g}"


def cheapest_break(
    scenario: Any,
    stresses: Mapping[str, Any],
    prop: Property,
    cost: str | Severity,
    budget: int = 200,
    replications: int = 5,
    fresh: int = 20,
    seed: int = 1,
    by: Runner | None = None,
    simulate: Callable[..., Any] | None = None,
    calm: Calm | None = None,
) -> Search:
    """Look for the cheapest stress under which a property is clearly broken.

    The corners and a spread of points first; then Optuna's tree of Parzen estimators, which is told the cost
    of a break, or else how far a point is from breaking; then bisection between the cheapest break and the
    points nearest to it that hold. One factor alone is bisected at once. All points share their luck. What
    was found is made again with luck of its own before it is believed.

    Parameters
    ----------
    scenario : Scenario, or what `simdai.load` takes
    stresses : name to `Factor`, or to what a study file says of one: severity, date, attacker's budget, …
    prop : the property
    cost : an outcome, such as an attacker's spending (or several, joined by `` + ``), one of the stresses,
        or a `Severity`
    budget : int, points that may be looked at
    replications : int, runs of each point
    fresh : int, runs that confirm a break
    seed : int, of the runs and of the search
    by : makes the runs; None for this process
    simulate : as in `Plan`
    calm : the unstressed runs, where the property is one of a measure of `MEASURES`

    Raises
    ------
    ScenarioError : a stress is none, or a number is out of range
    ResultsError : the runs lack the outcome or the cost
    EngineError : Optuna is not installed

    Notes
    -----
    A search can show that a design breaks, never that it cannot. Source: Bergstra et al. (2011), Algorithms
    for Hyper-Parameter Optimization, NeurIPS 24.
    """
    factors = Factors(stresses_of(stresses))
    if budget < 2 or not factors:
        raise ScenarioError(f"budget = {budget}, {len(factors)} stresses: at least 2 points and one stress")
    kept = tuple(f"{calm.network}.{name}" for name in SERIES) if calm is not None else ()
    with evaluating(scenario, replications, seed, by, simulate=simulate, series=kept) as evaluation:
        hunt = Hunt(evaluation, factors, prop, cost, budget, calm)
        hunt.spread(seed)
        if len(factors) == 1:
            hunt.close_in()  # on a line nothing is nearer than what is between two neighbours
        for keep in KEPT if not (len(factors) == 1 and hunt.breaks) else ():
            hunt.ask(seed, keep)
            hunt.close_in()
        best, confirmed, unconfirmed = hunt.confirm(fresh)
        base = evaluation.plan.scenarios[0]
        broken = base.varied(hunt.changes(best.levels)) if best is not None else base
        return Search(
            prop=prop,
            factors=factors,
            cost=str(cost),
            cost_unit=hunt.cost.unit(evaluation),
            looks=tuple(hunt.looks),
            best=best,
            confirmed=confirmed,
            unconfirmed=tuple(unconfirmed),
            budget=budget,
            n_runs=evaluation.n_runs,
            scenario=broken,
            errors=tuple(evaluation.errors),
        )


def stresses_of(given: Mapping[str, Any]) -> dict[str, Factor]:
    """Read stresses given as mappings; `ScenarioError` with every problem."""
    reader = TypeAdapter(Annotated[Any, OneOf("factor")])
    found: dict[str, Factor] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        try:
            found[name] = reader.validate_python(value)
        except ValidationError as error:
            problems += problems_of(error, name)
    if problems:
        raise ScenarioError(problems)
    return found
