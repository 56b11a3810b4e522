"""What is asked of a network: which stresses, what must hold under them, and what is searched."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simdai.economy.attacks import Attack
from simdai.errors import Problem, ScenarioError, listed, nearest, shown
from simdai.experiments.stress.battery import Applied, Battery, load_battery
from simdai.experiments.stress.cost import Severity
from simdai.experiments.stress.measures import MEASURES
from simdai.experiments.stress.observed import Calm
from simdai.experiments.stress.property import Property
from simdai.schema import Scenario, load

__all__ = ["Challenge", "Posed"]

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


@dataclass(frozen=True)
class Challenge:
    """Stresses on a network, and what must hold.

    Parameters
    ----------
    scenario : Scenario, library name or path
    stress : name in the battery, or several that happen together
    network : its name; the only one without
    battery : a battery, its name in ``scenarios/batteries/`` or a path
    prop : a `Property`, its text (``service >= 0.5``), or a measure of `MEASURES`, which then must not pass
        the battery's limit for broke. Without: attacks must bring no profit; under anything else ``service``
    vary : what is searched besides, as (mildest, hardest): dotted paths of the scenario, fields of the stress
    between : days after the end of the warm-up between which the stresses may strike; the battery's otherwise
    at : severity at which the stresses are held, so that only ``vary`` and ``between`` are searched
    horizon : least days that a run goes on after its shock, in place of the battery's
    set : changes of the scenario, as for `simdai.load`
    """

    scenario: Any
    stress: str | Sequence[str]
    network: str | None = None
    battery: Battery | str = "standard"
    prop: Property | str | None = None
    vary: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    between: tuple[float, float] | None = None
    at: str | None = None
    horizon: float | None = None
    set: Mapping[str, Any] | None = None

    @property
    def stresses(self) -> tuple[str, ...]:
        """Names of the stresses."""
        return (self.stress,) if isinstance(self.stress, str) else tuple(self.stress)

    def laid(self) -> Applied:
        """The stresses laid on the network.

        Raises
        ------
        ScenarioError : there is no such stress, or it does not apply
        """
        loaded = self.scenario if isinstance(self.scenario, Scenario) else load(self.scenario)
        loaded = loaded.with_changes(self.set) if self.set else loaded
        battery = self.battery if isinstance(self.battery, Battery) else load_battery(self.battery)
        battery = battery.only(self.stresses)
        if self.horizon is not None:
            battery = battery.model_copy(update={"horizon": self.horizon})
        laid = battery.applied(loaded, self.network)
        kind = laid.scenario.networks[laid.network].kind
        for name in self.stresses:
            found = ""
            if battery.stresses[name].of_others(kind):
                found = f"{name} works on another kind of network than {laid.network}"
            elif name in laid.skipped:
                found = f"{name} does not apply to {laid.network}: {laid.skipped[name]}"
            if found:
                raise ScenarioError(Problem(found=found))
        return laid

    def posed(self) -> Posed:
        """Set up what `break_point` searches.

        Raises
        ------
        ScenarioError : no such stress or severity, or it does not apply to the network
        """
        laid, names = self.laid(), self.stresses
        stresses = [laid.battery.stresses[name] for name in names]
        held = 0 if self.at is None else _place(self.at, laid.battery.severities)
        first = len(laid.scenario.shocks)
        later = max(self.between[1] - min(s.after for s in stresses), 0.0) if self.between else 0.0
        base = laid.scenario.with_changes(
            {
                "horizon": laid.scenario.horizon + later,
                "shocks": [
                    *(shock.model_dump() for shock in laid.scenario.shocks),
                    *(stress.settings(laid.scenario, laid.network, held) for stress in stresses),
                ],
            }
        )
        places = [f"shocks[{first + n}]" for n in range(len(names))]
        ranges = self._ranges(laid, places)
        factors = {name: ranged(path, values) for name, (path, values) in ranges.items()}
        if self.between is not None:
            days = dates(laid.scenario, *self.between)
            for name, place in zip(names, places, strict=True):
                dated = "date" if len(names) == 1 else f"{name}.date"
                factors[dated] = {"kind": "choice", "path": f"{place}.at", "values": days}
        shocks = base.shocks[first:]
        paid = [shock.expense(place) for place, shock in zip(places, shocks, strict=True)]
        cost: str | Severity = Severity({name: mildest(values) for name, (_, values) in ranges.items()})
        if self.at is None and all(paid):
            cost = " + ".join(dict.fromkeys(map(str, paid)))
        prop = self.prop
        if prop is None and all(isinstance(shock, Attack) for shock in shocks):
            gains = [f"{shock.network}.{shock.kind}.{shock.gain}" for shock in shocks]
            prop = Property(outcome=" + ".join(gains), at_most=0.0)
        wanted = prop if isinstance(prop, Property) else stated(laid, prop or "service")
        return Posed(base, laid.network, Calm(base, laid.network, first), wanted, factors, cost)

    def _ranges(self, laid: Applied, places: Sequence[str]) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """What is searched but dates: factor to its dotted path and its levels, mildest first."""
        ranges: dict[str, tuple[str, tuple[Any, ...]]] = {}
        if self.at is None:
            for name, place in zip(self.stresses, places, strict=True):
                for what, values in laid.battery.stresses[name].levels.items():
                    ranges[what if len(places) == 1 else f"{name}.{what}"] = f"{place}.{what}", values
        for path, values in self.vary.items():
            ranges[path] = path if "." in path else f"{places[0]}.{path}", tuple(values)
        return ranges


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
