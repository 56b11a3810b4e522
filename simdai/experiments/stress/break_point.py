"""How hard stresses of a battery must be to break a network: the search, set up from the battery."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simdai.economy.attacks import Attack
from simdai.errors import Problem, ScenarioError, listed, nearest, shown
from simdai.experiments.runners import Runner
from simdai.experiments.stress.battery import Applied, Battery, load_battery
from simdai.experiments.stress.cost import Severity
from simdai.experiments.stress.measures import MEASURES
from simdai.experiments.stress.observed import Calm
from simdai.experiments.stress.property import Property
from simdai.experiments.stress.search import Search, cheapest_break
from simdai.schema import Scenario, load

__all__ = ["Posed", "break_point", "pose"]

WIDE = 20.0  # ratio of the ends above which a range is searched in its logarithm
DATES = 8  # at which a stress is tried, where its date is free
AMOUNT = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(.*)")


@dataclass(frozen=True)
class Posed:
    """What is asked of a network under stresses, ready to be searched.

    Parameters
    ----------
    base : the scenario with the stresses in it, the last of its shocks
    network : its name
    calm : the unstressed runs
    prop : what must hold
    factors : what is searched; empty where the stresses are held at a severity and nothing else varies
    cost : what a break costs
    """

    base: Scenario
    network: str
    calm: Calm
    prop: Property
    factors: Mapping[str, dict[str, Any]]
    cost: str | Severity


def pose(
    scenario: Any,
    stress: str | Sequence[str],
    network: str | None = None,
    battery: Battery | str = "standard",
    prop: Property | str | None = None,
    vary: Mapping[str, tuple[Any, Any]] | None = None,
    between: tuple[float, float] | None = None,
    at: str | None = None,
    horizon: float | None = None,
    set: Mapping[str, Any] | None = None,
) -> Posed:
    """Set up what `break_point` searches; see there."""
    from simdai.experiments.stress.scorecard import only_network

    loaded = scenario if isinstance(scenario, Scenario) else load(scenario)
    loaded = loaded.with_changes(set) if set else loaded
    network = only_network(loaded, network)
    names = (stress,) if isinstance(stress, str) else tuple(stress)
    chosen = (battery if isinstance(battery, Battery) else load_battery(battery)).only(names)
    if horizon is not None:
        chosen = chosen.model_copy(update={"horizon": horizon})
    laid = chosen.applied(loaded, network)
    for name in names:
        if chosen.stresses[name].of_others(laid.scenario.networks[network].kind):
            raise ScenarioError(Problem(found=f"{name} works on another kind of network than {network}"))
        if name in laid.skipped:
            raise ScenarioError(Problem(found=f"{name} does not apply to {network}: {laid.skipped[name]}"))
    held = 0 if at is None else _place(at, chosen.severities)
    first = len(laid.scenario.shocks)
    later = max(between[1] - min(s.after for s in chosen.stresses.values()), 0.0) if between else 0.0
    base = laid.scenario.with_changes(
        {
            "horizon": laid.scenario.horizon + later,
            "shocks": [
                *(shock.model_dump() for shock in laid.scenario.shocks),
                *(chosen.stresses[name].settings(laid.scenario, network, held) for name in names),
            ],
        }
    )
    places = {name: f"shocks[{first + n}]" for n, name in enumerate(names)}
    alone = len(names) == 1
    ranges: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for name in names if at is None else ():
        for field, values in chosen.stresses[name].levels.items():
            ranges[field if alone else f"{name}.{field}"] = f"{places[name]}.{field}", values
    for path, values in (vary or {}).items():
        ranges[path] = path if "." in path else f"{places[names[0]]}.{path}", tuple(values)
    factors = {name: ranged(path, values) for name, (path, values) in ranges.items()}
    if between is not None:
        for name in names:
            factors["date" if alone else f"{name}.date"] = {
                "kind": "choice",
                "path": f"{places[name]}.at",
                "values": dates(laid.scenario, *between),
            }
    stresses = base.shocks[first:]
    paid = [shock.expense(places[name]) for name, shock in zip(names, stresses, strict=True)]
    cost: str | Severity = Severity({name: mildest(values) for name, (_, values) in ranges.items()})
    if at is None and all(paid):
        cost = " + ".join(dict.fromkeys(map(str, paid)))
    if prop is None and all(isinstance(shock, Attack) for shock in stresses):
        gains = [f"{shock.network}.{shock.kind}.{shock.gain}" for shock in stresses]
        prop = Property(outcome=" + ".join(gains), at_most=0.0)
    wanted = prop if isinstance(prop, Property) else stated(laid, prop or "service")
    return Posed(base, network, Calm(base, network, first), wanted, factors, cost)


def break_point(
    scenario: Any,
    stress: str | Sequence[str],
    network: str | None = None,
    battery: Battery | str = "standard",
    prop: Property | str | None = None,
    vary: Mapping[str, tuple[Any, Any]] | None = None,
    between: tuple[float, float] | None = None,
    at: str | None = None,
    horizon: float | None = None,
    budget: int = 60,
    replications: int = 4,
    fresh: int = 10,
    seed: int = 1,
    set: Mapping[str, Any] | None = None,
    by: Runner | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Search:
    """Search the cheapest level of a stress, or of several at once, that breaks a network.

    Every field that the battery's severities change is searched between its mildest and its hardest level.
    The cost is what those who bring the stresses about spend [USD]; where nobody pays for one of them, it is
    the severity: the mean place between the mildest levels (0) and the hardest (1).

    Parameters
    ----------
    scenario, network, battery, set : as for `stress`
    stress : name in the battery, or several that happen together
    prop : a `Property`, its text (``service >= 0.5``), or a measure of `MEASURES`, which then must not pass
        the battery's limit for broke. Without: attacks must bring no profit; under anything else ``service``
    vary : what is searched besides, as (mildest, hardest): dotted paths of the scenario, fields of the stress
    between : days after the end of the warm-up between which the stresses may strike; the battery's otherwise
    at : severity at which the stresses are held, so that only ``vary`` and ``between`` are searched
    horizon : least days that a run goes on after its shock, in place of the battery's
    budget, replications, fresh, seed, by : as for `cheapest_break`

    Raises
    ------
    ScenarioError : no such stress or severity, or it does not apply to the network, or nothing is searched
    """
    asked = pose(scenario, stress, network, battery, prop, vary, between, at, horizon, set)
    told(
        f"searching {', '.join(asked.factors)} for a break of {asked.prop}: "
        f"at most {budget} points x {replications} runs"
    )
    return cheapest_break(
        asked.base,
        asked.factors,
        asked.prop,
        asked.cost,
        budget,
        replications,
        fresh,
        seed,
        by,
        calm=asked.calm,
    )


def _place(severity: str, severities: Sequence[str]) -> int:
    if severity not in severities:
        near = nearest(severity, severities)
        found = f"unknown severity {shown(severity)}"
        raise ScenarioError(Problem(found=found, allowed=listed(severities), suggestion=near))
    return list(severities).index(severity)


def stated(laid: Applied, text: str) -> Property:
    """The property that a text means: itself, or that a measure does not pass its limit for broke."""
    if text not in MEASURES:
        return Property.read(text)
    limit = laid.verdict(text)
    if limit is None or (limit.broke_below is None and limit.broke_above is None):
        raise ScenarioError(
            Problem(found=f"no limit for {text!r}", allowed=f"verdicts.{text}.broke_below or broke_above")
        )
    return Property(outcome=text, at_least=limit.broke_below, at_most=limit.broke_above)


def dates(scenario: Scenario, first: float, last: float) -> list[str]:
    """Dates spread evenly between two days after the end of the warm-up, both included."""
    days = np.unique(np.round(scenario.warm_up + np.linspace(first, last, DATES)))
    return [(scenario.start + datetime.timedelta(days=int(day))).isoformat() for day in days]


def mildest(values: Sequence[Any]) -> float:
    """Share of the range that the mildest of some levels, the first, has: 1 where levels fall."""
    amounts = [AMOUNT.fullmatch(str(value)) for value in (values[0], values[-1])]
    if any(isinstance(v, bool) for v in values) or not all(amounts):
        return 0.0
    low, high = (float(amount[1]) for amount in amounts if amount is not None)
    return 1.0 if low > high else 0.0


def ranged(path: str, values: tuple[Any, ...]) -> dict[str, Any]:
    """The factor between the least and the greatest of a battery's levels; a choice where they are words."""
    amounts = [AMOUNT.fullmatch(str(value)) for value in values]
    if any(isinstance(v, bool) or m is None for v, m in zip(values, amounts, strict=True)):
        return {"kind": "choice", "path": path, "values": list(values)}
    by_size = sorted(values, key=lambda value: float(AMOUNT.fullmatch(str(value))[1]))  # type: ignore[index]
    low, high = (float(AMOUNT.fullmatch(str(v))[1]) for v in (by_size[0], by_size[-1]))  # type: ignore[index]
    if all(isinstance(value, int) for value in values):
        kind = "whole"
    else:
        kind = "log_uniform" if low > 0 and high / low > WIDE else "uniform"
    return {"kind": kind, "path": path, "low": by_size[0], "high": by_size[-1]}
