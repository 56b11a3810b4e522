"""A battery of stresses: what is done to a network, how hard, and when it counts as held, bent or broken."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from simdai import registry
from simdai.economy.attacks import Attack
from simdai.errors import Problem, ScenarioError, listed, nearest, shown
from simdai.experiments.stress.measures import SERIES
from simdai.experiments.study_file import StudyFile, load_study
from simdai.registry import Configured, FrozenMapping
from simdai.schema import Scenario, library
from simdai.schema.loading import read_file
from simdai.schema.positions import with_positions
from simdai.schema.scenario import Verdict
from simdai.units import Days, Name, PositiveCount, PositiveDays

__all__ = [
    "FOLDER",
    "UNSTRESSED",
    "Applied",
    "Battery",
    "Stress",
    "attacks_on",
    "load_battery",
    "only_network",
]

FOLDER = "batteries"  # in the library of scenarios
UNSTRESSED = "unstressed"
RIVAL = "RIVAL"  # in a field of a stress: the first cloud of the scenario

AMONG: dict[
    str, Callable[[Scenario, str], Any]
] = {  # fields of a shock that name a part of the network, and how one is chosen where none is given
    "network": lambda scenario, network: network,
    "seller": lambda scenario, network: network,
    "networks": lambda scenario, network: [network],
    "poses_as": lambda scenario, network: next(iter(scenario.networks[network].providers)),
    "hardware": lambda scenario, network: _population(scenario, network).hardware,
    "jurisdiction": lambda scenario, network: _largest(_population(scenario, network).jurisdictions),
    "subnet": lambda scenario, network: _smallest(scenario.networks[network].subnets),
    "group": lambda scenario, network: next(iter(scenario.networks[network].indexers)),
    "domain": lambda scenario, network: _domain(scenario.networks[network]),
    "home": lambda scenario, network: _sibling(scenario, network),
    "run": lambda scenario, network: next(
        name for name, run in scenario.training.items() if run.budget.network == network
    ),
}


def _population(scenario: Scenario, network: str) -> Any:
    return next(iter(scenario.networks[network].providers.values()))


def _largest(weights: Mapping[str, float]) -> str:
    return max(weights, key=lambda name: weights[name])


def _smallest(groups: Mapping[str, Any]) -> str:
    """The first of those that stand for the fewest."""
    return min(groups, key=lambda name: groups[name].count)


def _domain(network: Any) -> str:
    """The first domain of what is sold: data, or services."""
    return str(next(iter(getattr(network, "assets", None) or network.services)))


def _sibling(scenario: Scenario, network: str) -> str:
    """Another network of the same kind."""
    kind = scenario.networks[network].kind
    others = (name for name, n in scenario.networks.items() if n.kind == kind and name != network)
    return str(next(others))


class Stress(Configured):
    """A shock at several severities; a field that names the network, or a part of it, is filled in.

    Parameters
    ----------
    shock : kind
    about : what happens, in one sentence
    after : days from the end of the scenario's warm-up
    fields : of the shock, the same at every severity; ``RIVAL`` means the scenario's first cloud
    levels : fields that differ, each with a value for every severity
    decides : measures that grade it; all that have limits without
    """

    shock: str
    about: str
    after: Days
    fields: FrozenMapping[str, Any] = FrozenMapping()
    levels: FrozenMapping[str, tuple[Any, ...]]
    decides: tuple[str, ...] = ()

    def of_others(self, kind: str) -> bool:
        """Whether it is an attack that works on other kinds of networks only."""
        shock = registry.get("shock", self.shock)
        return issubclass(shock, Attack) and bool(shock.against) and kind not in shock.against

    def struck(self, scenario: Scenario) -> int:
        """Day of the shock, from the start of the scenario."""
        return round(scenario.warm_up + self.after)

    def settings(self, scenario: Scenario, network: str, severity: int) -> dict[str, Any]:
        """The shock as a scenario says it."""
        day = scenario.start + datetime.timedelta(days=self.struck(scenario))
        given: dict[str, Any] = {"kind": self.shock, "at": day.isoformat(), **self.fields}
        given |= {field: values[severity] for field, values in self.levels.items()}
        if RIVAL in given.values():
            rival = next(iter(scenario.clouds))
            given = {field: rival if value == RIVAL else value for field, value in given.items()}
        for field, choose in AMONG.items():
            if field in registry.get("shock", self.shock).model_fields and field not in given:
                given[field] = choose(scenario, network)
        return given


class Battery(Configured):
    """Stresses, their severities, and the limits between held, bent and broken.

    Parameters
    ----------
    question : what it asks, in one sentence
    severities : names, mildest first
    replications : of each stress at each severity
    horizon : least days that a stressed run goes on after its shock
    stresses : by name
    verdicts : by measure (`simdai.experiments.stress.measures.MEASURES`); a scenario's own come first
    """

    question: str = ""
    severities: Annotated[tuple[Name, ...], Field(min_length=1)]
    replications: PositiveCount
    horizon: PositiveDays
    stresses: FrozenMapping[Name, Stress]
    verdicts: FrozenMapping[Name, Verdict]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, stress in self.stresses.items():
            for field, values in stress.levels.items():
                if len(values) != len(self.severities):
                    raise ValueError(
                        f"stresses.{name}.levels.{field}: {len(values)} values; {len(self.severities)} are "
                        f"needed, one for each of {', '.join(self.severities)}"
                    )
            known = registry.kinds("shock")
            if stress.shock not in known:
                near = nearest(stress.shock, known)
                hint = f" Did you mean {near!r}?" if near else ""
                raise ValueError(f"stresses.{name}.shock: unknown shock kind {stress.shock!r}.{hint}")
        return self

    def only(self, names: Iterable[str]) -> Battery:
        """The battery with some of its stresses.

        Raises
        ------
        ScenarioError : no such stress
        """
        wanted = tuple(names)
        for name in wanted:
            if name not in self.stresses:
                near = nearest(name, self.stresses)
                found = f"unknown stress {shown(name)}"
                raise ScenarioError(Problem(found=found, allowed=listed(self.stresses), suggestion=near))
        chosen = {name: stress for name, stress in self.stresses.items() if name in wanted}
        return self.model_copy(update={"stresses": FrozenMapping(chosen)})

    def applied(self, scenario: Scenario, network: str | None = None) -> Applied:
        """The battery laid on one network of a scenario, the only one without a name.

        Raises
        ------
        ScenarioError : no such network
        """
        network = only_network(scenario, network)
        if network not in scenario.networks:
            near = nearest(network, scenario.networks)
            found = f"unknown network {shown(network)}"
            raise ScenarioError(Problem(found=found, allowed=listed(scenario.networks), suggestion=near))
        least = max(stress.struck(scenario) for stress in self.stresses.values()) + self.horizon
        if scenario.horizon < least:
            scenario = scenario.with_changes({"horizon": math.ceil(least)})
        variants: dict[str, dict[str, Any]] = {UNSTRESSED: {}}
        skipped: dict[str, str] = {}
        before = [shock.model_dump() for shock in scenario.shocks]
        kind = scenario.networks[network].kind
        for name, stress in self.stresses.items():
            if stress.of_others(kind):
                continue
            try:
                made = {
                    f"{name}.{severity}": {"shocks": [*before, stress.settings(scenario, network, n)]}
                    for n, severity in enumerate(self.severities)
                }
                for changes in made.values():
                    scenario.with_changes(changes)
            except (ScenarioError, AttributeError, StopIteration) as error:
                skipped[name] = _why(error)
                continue
            variants |= made
        return Applied(self, scenario, network, variants, skipped)


@dataclass(frozen=True)
class Applied:
    """A battery laid on a network.

    Parameters
    ----------
    scenario : unstressed, long enough
    variants : changes of the scenario by ``STRESS.SEVERITY``; none for `UNSTRESSED`
    skipped : stresses that do not apply, with the reason; attacks on other kinds of networks are not told
    """

    battery: Battery
    scenario: Scenario
    network: str
    variants: Mapping[str, dict[str, Any]]
    skipped: Mapping[str, str]

    @property
    def names(self) -> Iterator[tuple[str, str]]:
        """(stress, severity) of every stressed variant, in order."""
        for variant in self.variants:
            if variant != UNSTRESSED:
                stress, _, severity = variant.rpartition(".")
                yield stress, severity

    def struck(self, stress: str) -> float:
        """Day of the shock."""
        return float(self.battery.stresses[stress].struck(self.scenario))

    def verdict(self, measure: str, stress: str | None = None) -> Verdict | None:
        """Limits of a measure: the scenario's, else the battery's; None where it does not grade a stress."""
        if stress is not None:
            decides = self.battery.stresses[stress].decides
            if decides and measure not in decides:
                return None
        return self.scenario.verdicts.get(measure, self.battery.verdicts.get(measure))

    @property
    def untried(self) -> list[str]:
        """Kinds of attacks that work on such a network and for which the battery has no severities."""
        tried = {stress.shock for stress in self.battery.stresses.values()}
        return sorted(attacks_on(self.scenario.networks[self.network].kind) - tried)

    @property
    def series(self) -> list[str]:
        """Series that measures read, as names or patterns."""
        network = self.scenario.networks[self.network]
        traded = getattr(network, "token", None) is not None
        return [f"{self.network}.{name}" for name in (SERIES if traded else SERIES[:1])]

    def study(self, replications: int | None = None, seed: int = 1) -> StudyFile:
        """The runs as a study: every variant under the same luck."""
        study = load_study(
            {
                "question": self.battery.question,
                "base": self.scenario,
                "seed": seed,
                "replications": replications or self.battery.replications,
                "levers": {"stress": {"kind": "variant", "variants": dict(self.variants)}},
                "outcomes": [f"{self.network}.*"],
                "series": self.series,
                "design": {"kind": "factorial"},
            }
        )
        study._name = f"stress_{self.scenario.name.replace('/', '_')}_{self.network}"
        return study


def only_network(scenario: Scenario, network: str | None) -> str:
    """The network named, or the only one that a scenario has."""
    if network is not None:
        return network
    if len(scenario.networks) != 1:
        found = f"{len(scenario.networks)} networks in {scenario.name}"
        raise ScenarioError(Problem(found=found, allowed=f"--network, {listed(scenario.networks)}"))
    return str(next(iter(scenario.networks)))


def attacks_on(kind: str) -> set[str]:
    """Kinds of attacks that work on networks of a kind."""
    attacks = {name: registry.get("shock", name) for name in registry.kinds("shock")}
    return {name for name, a in attacks.items() if issubclass(a, Attack) and kind in a.against}


def _why(error: Exception) -> str:
    """Why a stress does not apply, for a reader who has named nothing."""
    if not isinstance(error, ScenarioError) or not error.problems:
        return "it has nothing of what the shock hits"
    first = error.problems[0]
    missing = re.fullmatch(r"unknown (.*) '[^']*'", first.found)
    if missing:
        return f"there is no {missing[1]} here"
    return f"{first.found}; {first.allowed}" if first.allowed else first.found


def load_battery(name_or_path: str | os.PathLike[str] = "standard") -> Battery:
    """Load a battery by its name in ``scenarios/batteries/`` or by its path.

    Raises
    ------
    ScenarioError : everything wrong in the file, with its position
    """
    place = library.locate(name_or_path, FOLDER, "battery")
    _, tree, problems = read_file(Path(place.path), place.shown_as)
    if problems:
        raise ScenarioError(problems)
    try:
        return Battery.__pydantic_validator__.validate_python(tree.plain())  # type: ignore[no-any-return]
    except ValidationError as error:
        found = [problem for problem, _ in with_positions(error, tree, tuple(Battery.model_fields))]
        raise ScenarioError(found) from None
