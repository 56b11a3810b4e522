"""Things that happen to labs, to those who fund and supply them, and to their customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import Field

from simdai.economy.actors import World, absent, exactly_one, only
from simdai.economy.hosts import Confidential
from simdai.economy.regulator import jurisdictions_of
from simdai.economy.shocks import DatedShock, populations_of
from simdai.errors import Problem
from simdai.labs.lab import LabActor
from simdai.units import Name, Number, Positive, Share

__all__ = [
    "ApiTakedown",
    "ChipCut",
    "ConfidentialComputing",
    "FeedbackCut",
    "FundingWinter",
    "OpenRelease",
    "OpenWeightsChange",
    "SoftwareBreakthrough",
    "VerificationChange",
]


def nothing() -> None:
    """What cannot be undone."""


class FundingWinter(DatedShock, kind="funding_winter"):
    """Investors lose heart, or regain it.

    Parameters
    ----------
    sentiment : their mood meanwhile, in standard deviations
    """

    sentiment: Number

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "institutions", "investors")

    def strike(self, world: World) -> Callable[[], None]:
        investors = only(world.institutions, "investors")
        investors.forced = self.sentiment

        def recover() -> None:
            investors.forced = None

        return recover


class ChipCut(DatedShock, kind="chip_cut"):
    """A part of every delivery of compute that falls due waits until the shock has passed.

    Parameters
    ----------
    share : of each delivery
    """

    share: Share

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "institutions", "chip_supply")
        if self.lasts is None:
            yield Problem(path="lasts", found="nothing", allowed="an end: what is withheld comes some day")

    def strike(self, world: World) -> Callable[[], None]:
        supply = only(world.institutions, "chip_supply")
        supply.withheld = self.share
        release: Callable[[], None] = supply.let_go
        return release


class ApiTakedown(DatedShock, kind="api_takedown"):
    """The services of all closed labs are taken down in a place.

    Parameters
    ----------
    jurisdiction : its name in the segments
    """

    jurisdiction: Name

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "institutions", "regulator")
        yield from absent("jurisdiction", {"jurisdiction": self.jurisdiction}, jurisdictions_of(scenario))

    def strike(self, world: World) -> Callable[[], None]:
        lift: Callable[[], None] = only(world.institutions, "regulator").take_down(self.jurisdiction)
        return lift


class OpenRelease(DatedShock, kind="open_release"):
    """A closed lab publishes the weights of the model that it has out.

    Parameters
    ----------
    lab : its name
    """

    lab: Name

    def missing(self, scenario: Any) -> Iterator[Problem]:
        closed = [name for name, lab in scenario.labs.items() if hasattr(lab, "serving")]
        yield from absent("closed lab", {"lab": self.lab}, closed)
        yield from exactly_one(scenario, "labs", "open_weight_lab")

    def strike(self, world: World) -> Callable[[], None]:
        only(world.labs, "open_weight_lab").publish(world.labs[self.lab].live_index)
        return nothing


class OpenWeightsChange(DatedShock, kind="open_weights_change"):
    """Open weights come more or less often, sooner or later: a stop, an export ban.

    Parameters
    ----------
    releases : factor on their hazard; 0 stops them
    behind : factor on the time by which they trail the closed frontier
    """

    releases: float = Field(default=1.0, ge=0.0)
    behind: Positive = 1.0

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "labs", "open_weight_lab")

    def strike(self, world: World) -> Callable[[], None]:
        lab = only(world.labs, "open_weight_lab")
        before = lab.level, lab.slower
        lab.level, lab.slower = lab.level * self.releases, lab.slower * self.behind

        def restore() -> None:
            lab.level, lab.slower = before

        return restore


class SoftwareBreakthrough(DatedShock, kind="software_breakthrough"):
    """A lab finds something: its effective compute jumps, and others learn of it when it is published.

    Parameters
    ----------
    lab : its name
    factor : on effective compute
    """

    lab: Name
    factor: Positive

    def missing(self, scenario: Any) -> Iterator[Problem]:
        closed = [name for name, lab in scenario.labs.items() if hasattr(lab, "serving")]
        yield from absent("closed lab", {"lab": self.lab}, closed)

    def strike(self, world: World) -> Callable[[], None]:
        lab: LabActor = world.labs[self.lab]
        lab.research.find(self.factor)
        return nothing


class VerificationChange(DatedShock, kind="verification_change"):
    """Checking work on open networks takes another share of their compute.

    Parameters
    ----------
    share : of compute, from then on
    hosts : names; all that check without
    """

    share: float = Field(ge=0.0, lt=1.0)
    hosts: tuple[Name, ...] = ()

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from hosts_missing(scenario, self.hosts)

    def strike(self, world: World) -> Callable[[], None]:
        hit = hosts_of(world, self.hosts)
        for host in hit:
            if host.verification > 0.0:
                host.verification = self.share

        def restore() -> None:
            for host in hit:
                host.verification = host.rules.verification

        return restore


class ConfidentialComputing(DatedShock, kind="confidential_computing"):
    """Hosts of open weights can keep all use private.

    Parameters
    ----------
    loss : share of throughput that it costs
    hosts : names; all without
    """

    loss: float = Field(ge=0.0, lt=1.0)
    hosts: tuple[Name, ...] = ()

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from hosts_missing(scenario, self.hosts)

    def strike(self, world: World) -> Callable[[], None]:
        hit = hosts_of(world, self.hosts)
        for host in hit:
            host.confidential = Confidential(loss=self.loss)

        def restore() -> None:
            for host in hit:
                host.confidential = host.rules.confidential

        return restore


class FeedbackCut(DatedShock, kind="feedback_cut"):
    """One feedback of the economy stops: what it passes on stays as it is on that day.

    Parameters
    ----------
    loop : ``quality_to_demand``, ``revenue_to_compute``, ``pay_to_talent``, or ``price_to_supply``: no
        provider of a compute network comes or goes for what it earns
    """

    loop: Literal["quality_to_demand", "revenue_to_compute", "pay_to_talent", "price_to_supply"]

    def missing(self, scenario: Any) -> Iterator[Problem]:
        if self.loop == "quality_to_demand":
            yield from exactly_one(scenario, "institutions", "model_market")
        if self.loop == "pay_to_talent":
            yield from exactly_one(scenario, "institutions", "labour_market")

    def strike(self, world: World) -> Callable[[], None]:
        if self.loop == "quality_to_demand":
            market = only(world.institutions, "model_market")
            market.frozen_quality = market.quality()
            return lambda: setattr(market, "frozen_quality", None)
        if self.loop == "pay_to_talent":
            people = only(world.institutions, "labour_market")
            people.pay_frozen = True
            return lambda: setattr(people, "pay_frozen", False)
        if self.loop == "price_to_supply":
            return freeze_supply(world)
        labs = [lab for lab in world.labs.values() if isinstance(lab, LabActor)]
        for lab in labs:
            lab.service.frozen = lab.service.run_rate

        def restore() -> None:
            for lab in labs:
                lab.service.frozen = None

        return restore


def freeze_supply(world: World) -> Callable[[], None]:
    """No provider of a compute network comes or goes for what it earns; returns what undoes it."""
    populations = populations_of(world)

    def set_rigid(rigid: bool) -> None:
        for population in populations:
            population.rigid = rigid

    set_rigid(True)
    return lambda: set_rigid(False)


def hosts_missing(scenario: Any, names: tuple[str, ...]) -> Iterator[Problem]:
    """Problems for hosts that the model market does not have."""
    problems = list(exactly_one(scenario, "institutions", "model_market"))
    yield from problems
    if not problems:
        market = next(i for i in scenario.institutions.values() if i.kind == "model_market")
        yield from absent("host", {f"hosts[{n}]": name for n, name in enumerate(names)}, market.hosts)


def hosts_of(world: World, names: tuple[str, ...]) -> list[Any]:
    """Hosts of the model market by name; all without names."""
    hosts = only(world.institutions, "model_market").hosts
    return [hosts[name] for name in names or hosts]
