"""How hard a stress of a battery must be to break a network: the search, set up from the battery."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from simdai import registry
from simdai.economy.attacks import Attack
from simdai.errors import Problem, ScenarioError, listed, nearest, shown
from simdai.experiments.runners import Runner
from simdai.experiments.stress.battery import Applied, Battery, load_battery
from simdai.experiments.stress.property import Property
from simdai.experiments.stress.search import Search, cheapest_break
from simdai.schema import Scenario, load

__all__ = ["break_point"]

WIDE = 20.0  # ratio of the ends above which a range is searched in its logarithm
AMOUNT = re.compile(r"\s*([-+0-9.eE]+)\s*(.*)")


def break_point(
    scenario: Any,
    stress: str,
    network: str | None = None,
    battery: Battery | str = "standard",
    prop: Property | None = None,
    budget: int = 60,
    replications: int = 4,
    fresh: int = 10,
    seed: int = 1,
    set: Mapping[str, Any] | None = None,
    by: Runner | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Search:
    """Search the cheapest level of a stress that breaks a network.

    Every field that the battery's severities change is searched between its least and greatest level. For an
    attack the property is that it brings no profit, and the cost what the attacker spends; for anything else
    the network must do the jobs that the battery's limit for ``service`` asks for, and the cost is the first
    field searched.

    Parameters
    ----------
    scenario, network, battery, set : as for `stress`
    stress : name in the battery
    prop : another property
    budget, replications, fresh, seed, by : as for `cheapest_break`

    Raises
    ------
    ScenarioError : no such stress, or it does not apply to the network
    """
    from simdai.experiments.stress.scorecard import only_network

    loaded = scenario if isinstance(scenario, Scenario) else load(scenario)
    loaded = loaded.with_changes(set) if set else loaded
    network = only_network(loaded, network)
    laid = (battery if isinstance(battery, Battery) else load_battery(battery)).applied(loaded, network)
    stresses = laid.battery.stresses
    if stress not in stresses:
        near = nearest(stress, stresses)
        raise ScenarioError(
            Problem(found=f"unknown stress {shown(stress)}", allowed=listed(stresses), suggestion=near)
        )
    if stress in laid.skipped:
        raise ScenarioError(Problem(found=f"{stress} does not apply to {network}: {laid.skipped[stress]}"))
    chosen = stresses[stress]
    base = laid.scenario.with_changes(laid.variants[f"{stress}.{laid.battery.severities[0]}"])
    place = f"shocks[{len(base.shocks) - 1}]"
    factors = {field: ranged(f"{place}.{field}", values) for field, values in chosen.levels.items()}
    is_attack = issubclass(registry.get("shock", chosen.shock), Attack)
    account = f"{network}.{chosen.shock}"
    cost = f"{account}.spent_usd" if is_attack else next(iter(factors))
    wanted = prop or (
        Property(outcome=f"{account}.profit_usd", at_most=0.0) if is_attack else service(laid, seed)
    )
    told(f"searching {', '.join(factors)} for a break of {wanted}: {budget} points x {replications} runs")
    return cheapest_break(base, factors, wanted, cost, budget, replications, fresh, seed, by)


def service(laid: Applied, seed: int) -> Property:
    """The jobs that the network must do: the share of the unstressed ones below which it counts as broken."""
    from simdai.experiments.runs import run

    limit = laid.verdict("service")
    if limit is None or limit.broke_below is None:
        raise ScenarioError(Problem(found="no limit for 'service'", allowed="verdicts.service.broke_below"))
    outcome = f"{laid.network}.jobs_completed"
    calm = run(laid.scenario, seed=seed, replications=2).intervals()
    if outcome not in calm:
        raise ScenarioError(Problem(found=f"{laid.network} counts no jobs", allowed="a property of your own"))
    return Property(outcome=outcome, at_least=limit.broke_below * calm[outcome].mean)


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
