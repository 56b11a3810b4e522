"""A lab: what it is made of, and its day."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

from simdai.economy.actors import Lab, World, exactly_one, only
from simdai.economy.calendar import Phase
from simdai.economy.model_market import ModelMarketActor
from simdai.economy.models import Release
from simdai.errors import Problem
from simdai.labs.capital import Captive, CaptiveFunding, Venture, VentureFunding
from simdai.labs.chip_supply import ChipSupply, ChipSupplyActor
from simdai.labs.fleet import Compute, Fleet
from simdai.labs.frontier import FrontierActor
from simdai.labs.release import Releases, Shelf
from simdai.labs.report import report
from simdai.labs.research import Research
from simdai.labs.serving import Service, Serving
from simdai.labs.staff import People, Staff
from simdai.labs.training_runs import Plans, Training
from simdai.mechanisms.compute_orders import serving_h100e
from simdai.units import Number, PositiveDays, Share

__all__ = ["CaptiveLab", "LabActor", "LabRules", "VentureLab"]

DAYS_PER_YEAR = 365.25


class LabRules(Lab):
    """What every lab that sells its own models has.

    Parameters
    ----------
    index : quality of its newest model at the start [points]
    pay_ceiling : pay that the lab does not exceed, over the yearly bill for the compute in a researcher's
        hands
    compute, staff, training, release, serving : see there
    step : days between two of its payments, and for which its research goes on at one pace
    """

    needs: ClassVar[tuple[str, ...]] = ("research_frontier", "chip_supply", "model_market")

    index: Number
    pay_ceiling: Share
    compute: Compute
    staff: Staff
    training: Plans
    release: Releases
    serving: Serving
    step: PositiveDays = 1.0

    def check(self, scenario: Any) -> Iterator[Problem]:
        problems = list(exactly_one(scenario, "institutions", *self.needs))
        yield from problems
        if not problems:
            yield from self._sales_too_large(scenario)

    def _sales_too_large(self, scenario: Any) -> Iterator[Problem]:
        """Problem where serving the sales of the start leaves no compute to train on."""
        institutions = scenario.institutions.values()
        supply: ChipSupply = next(i for i in institutions if i.kind == "chip_supply")
        name = next(name for name, lab in scenario.labs.items() if lab is self)
        sales = math.fsum(getattr(d, "revenue", {}).get(name, 0.0) for d in scenario.demand.values())
        price = supply.contract_price_on(scenario.start)
        needed = serving_h100e(sales, self.serving.inference, price) / (1.0 - self.serving.reserve)
        if self.compute.h100e <= needed:
            allowed = f"more than {needed:,.0f} H100e, which the sales of the start and the reserve take"
            yield Problem(path="compute.h100e", found=f"{self.compute.h100e:,.0f}", allowed=allowed)


class VentureLab(LabRules, kind="venture_lab"):
    """A lab that stands alone: it lives on revenue and rounds, and rents its compute under contracts.

    Parameters
    ----------
    capital : see `simdai.labs.capital.Venture`
    """

    needs: ClassVar[tuple[str, ...]] = (*LabRules.needs, "investors")

    capital: Venture

    def build(self, world: World, name: str) -> LabActor:
        return LabActor(self, world, name)


class CaptiveLab(LabRules, kind="captive_lab"):
    """A lab inside a large company, which owns the compute and pays the bills.

    Parameters
    ----------
    capital : see `simdai.labs.capital.Captive`
    """

    capital: Captive

    def build(self, world: World, name: str) -> LabActor:
        return LabActor(self, world, name)


class LabActor:
    """A lab on the clock. It is an `Employer`, a `ModelSource` and a seller of the model market.

    Its account in the ledger has its name. Each concern is an object of its own: ``funding``, ``fleet``
    (compute), ``people``, ``research``, ``training`` (runs), ``shelf`` (releases), ``service`` (sales).

    Attributes
    ----------
    open_weights : whether anybody may host what it has out
    sold : whether it has failed and is gone
    """

    is_open = False

    def __init__(self, rules: VentureLab | CaptiveLab, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.frontier: FrontierActor = only(world.institutions, "research_frontier")
        self.supply: ChipSupplyActor = only(world.institutions, "chip_supply")
        self.market: ModelMarketActor = only(world.institutions, "model_market")
        self.open_weights = self.sold = False
        self.service = Service(rules.serving, self)
        self.fleet = Fleet(rules.compute, world, name, self.supply, owned=isinstance(rules, CaptiveLab))
        self.people = People(rules.staff, self)
        self.research = Research(self)
        self.training = Training(rules.training, self)
        self.shelf = Shelf(rules.release, self)
        self.funding: VentureFunding | CaptiveFunding
        if isinstance(rules, VentureLab):
            self.funding = VentureFunding(rules.capital, self, only(world.institutions, "investors"))
        else:
            self.funding = CaptiveFunding(rules.capital, self)

    def prepare(self) -> None:
        """Begin with the sales that the model market says; the frontier then knows what it can do."""
        self.service.open(self.market.run_rate(self.name), self.rules.capital.growth_last_year)

    def start(self) -> None:
        """Take up work."""
        self.funding.start()
        self.people.start()
        self.training.start()
        self.shelf.start()
        calendar, step, review = self.world.calendar, self.rules.step, self.rules.compute.review
        calendar.every(step, Phase.FINANCE, self._finance, first=step)
        calendar.every(step, Phase.RESEARCH, self._research, first=step)
        calendar.every(review, Phase.RUNS, self._review, first=review)
        report(self)

    # -- what others read ------------------------------------------------------------------------------------

    @property
    def live_index(self) -> float:
        """Index of the best model it has out; minus infinity once it is sold."""
        return float("-inf") if self.sold else self.shelf.live_index

    @property
    def log_software(self) -> float:
        """ln A of its methods."""
        return self.research.log_software

    @property
    def releases(self) -> list[Release]:
        """Models that came out since the start."""
        return self.shelf.releases

    @property
    def decision_days(self) -> list[float]:
        """Days that each decision on a run took."""
        return self.training.decision_days

    @property
    def cash(self) -> float:
        """USD in hand less bills that are due."""
        return self.funding.cash

    @property
    def leads(self) -> bool:
        """Whether no other lab has a better model out."""
        return all(self.live_index >= lab.live_index for lab in self.world.labs.values())

    @property
    def experiment_h100e(self) -> float:
        """H100e left for experiments; the reserve at least."""
        total = self.fleet.h100e
        return max(total - self.service.h100e - self.training.h100e, self.rules.serving.reserve * total)

    # -- an employer -----------------------------------------------------------------------------------------

    @property
    def researchers(self) -> float:
        """Researchers, full-time equivalents."""
        return self.people.researchers

    @property
    def pay_usd(self) -> float:
        """USD a year and researcher, cash and equity."""
        return self.people.pay_usd

    @pay_usd.setter
    def pay_usd(self, usd: float) -> None:
        self.people.pay_usd = usd

    @property
    def pay_ceiling_usd(self) -> float:
        """USD a year that the lab does not exceed: a share of what the compute in one's hands costs."""
        if self.researchers <= 0.0:
            return self.pay_usd
        hour = self.supply.contract_price(self.world.env.now)
        bill = self.experiment_h100e / self.researchers * hour * 24.0 * DAYS_PER_YEAR
        return self.rules.pay_ceiling * bill

    @property
    def research_h100e(self) -> float:
        """H100e that its researchers experiment on."""
        return self.experiment_h100e

    @property
    def vacancies(self) -> float:
        """Researchers sought."""
        return self.people.vacancies

    @property
    def exit_hazard(self) -> float:
        """Share of researchers who leave in a year at the start [1/yr]."""
        return self.people.exit_hazard

    def employ(self, researchers: float, labour: float) -> None:
        """Take note of who works here from now on."""
        self.people.employ(researchers, labour)

    # -- a buyer of compute ----------------------------------------------------------------------------------

    def deliver(self, h100e: float) -> None:
        """Take a delivery of compute."""
        if self.sold:
            return
        self.fleet.add(h100e)
        self.funding.paid_for(h100e)

    # -- the clock -------------------------------------------------------------------------------------------

    def _finance(self) -> None:
        if not self.sold:
            self.funding.pass_days(self.rules.step)

    def _research(self) -> None:
        if not self.sold:
            self.research.pass_days(self.rules.step)

    def _review(self) -> None:
        if not self.sold:
            self.fleet.wear(self.rules.compute.review)
            self.fleet.retire()
            self.funding.order()

    def sell(self) -> None:
        """Fail: the lab is sold for its parts, and its models are withdrawn."""
        self.sold = True
        self.training.abandon()
        self.fleet.close()
        self.people.employ(0.0, 0.0)
        self.service.run_rate = 0.0
        if isinstance(self.funding, VentureFunding):
            self.funding.close()
