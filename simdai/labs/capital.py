"""A lab's money: what it owes each day, and who pays when revenue does not."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import Field

from simdai.economy.bills import MICRO, Bill
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.economy.ledger import WORLD
from simdai.economy.paths import Path, PathOf
from simdai.labs.chip_supply import monthly_lots
from simdai.mechanisms.compute_orders import affordable_h100e
from simdai.mechanisms.demand import runway_years
from simdai.registry import Configured
from simdai.units import NonNegative, Positive, Quantity, Share, Usd

if TYPE_CHECKING:
    from simdai.labs.investors import InvestorsActor
    from simdai.labs.lab import LabActor

__all__ = ["Captive", "CaptiveFunding", "Funding", "Venture", "VentureFunding"]

DAYS_PER_YEAR = 365.25
MONTH = DAYS_PER_YEAR / 12.0
BURN_DAYS = 90


class Venture(Configured):
    """Money of a lab that stands alone.

    Parameters
    ----------
    cash : USD at the start, committed money counted
    growth_last_year : of the run-rate before the start [x/yr]
    valuation_factor : its multiple over that of a lab of its size and growth
    hand_back : share of spare capacity that it gives up each month while it cannot pay
    spare_above : capacity that counts as spare is what exceeds serving by this factor
    """

    cash: Usd
    growth_last_year: Positive
    valuation_factor: Positive
    hand_back: Share
    spare_above: Annotated[float, Quantity("1", low=1.0)]


class Captive(Configured):
    """Money of a lab inside a larger company.

    Parameters
    ----------
    growth_last_year : of the run-rate before the start [x/yr]
    capex : what the parent invests, USD a year
    cash_flow : what the parent earns before that, USD a year
    capex_limit : most that it invests, over its cash flow
    lab_share : of that, for the lab
    units_per_usd : H100e that the parent gets for the price of one: own chips, and capex for other things
    noise : standard deviation of the logarithm of a year's deliveries
    """

    growth_last_year: Positive
    capex: Annotated[Path, PathOf("USD/y")]
    cash_flow: Annotated[Path, PathOf("USD/y")]
    capex_limit: Positive
    lab_share: Share
    units_per_usd: float = Field(gt=0.0)
    noise: NonNegative


class Funding(Protocol):
    """How a lab's costs are met."""

    spent_usd: float

    def start(self) -> None: ...

    def pass_days(self, days: float) -> None: ...

    def order(self) -> None: ...

    def paid_for(self, h100e: float) -> None: ...


class Ledgered:
    """What both sorts of labs owe: pay and overhead every step, out of the lab's account.

    Attributes
    ----------
    spent_usd : USD spent since the start on compute, people and overhead, not on channels
    """

    def __init__(self, lab: LabActor) -> None:
        self.lab = lab
        world, name = lab.world, lab.name
        self.pay, self.compute, self.other = (Bill(world, name, WORLD) for _ in range(3))
        self.spent_usd = 0.0

    @property
    def cash(self) -> float:
        """USD in the account less all that is owed."""
        held = self.lab.world.ledger.balance("USD", self.lab.name) * self.lab.world.scale / MICRO
        return held - self.pay.owed - self.compute.owed - self.other.owed

    def owe(self, compute_usd: float, days: float) -> float:
        """Owe the costs of some days, with ``compute_usd`` for compute; returns their sum."""
        serving, service = self.lab.rules.serving, self.lab.service
        pay = self.lab.people.cash_usd_per_year * days / DAYS_PER_YEAR
        overhead = serving.overhead * service.run_rate * days / DAYS_PER_YEAR
        channel = serving.channel * service.run_rate * days / DAYS_PER_YEAR
        self.pay.add(pay)
        self.compute.add(compute_usd)
        self.other.add(overhead + channel)
        self.spent_usd += pay + compute_usd + overhead
        return pay + compute_usd + overhead + channel

    def settle(self) -> None:
        """Pay people first, then compute, then the rest."""
        for bill in (self.pay, self.compute, self.other):
            bill.settle()


class VentureFunding(Ledgered):
    """Cash, rounds and distress of a lab that stands alone.

    Attributes
    ----------
    raised_usd, rounds, failures : of the attempts since the start
    kept : share of the lab that holders of the start still own
    """

    def __init__(self, rules: Venture, lab: LabActor, investors: InvestorsActor) -> None:
        super().__init__(lab)
        self.rules, self.investors = rules, investors
        self.rounds = self.failures = self._attempts = 0
        self.kept = 1.0
        self._rounds_in = Bill(lab.world, WORLD, lab.name)
        self._next_attempt = self._days_short = 0.0
        self._windfall = 0.0
        """USD that came in since revenue was frozen for planners, beyond what they go by."""
        steps = max(round(BURN_DAYS / lab.rules.step), 1)
        self._flows: deque[float] = deque(maxlen=steps)  # USD a day
        self._try = Draws(lab.world.entity("lab.round_attempt", lab.name))
        self._close = Draws(lab.world.entity("lab.round_success", lab.name))
        self._sold = Draws(lab.world.entity("lab.round_size", lab.name))

    @property
    def raised_usd(self) -> float:
        """USD raised since the start."""
        return self._rounds_in.paid

    def start(self) -> None:
        """Bring the cash of the start, and have a year's deliveries on order."""
        opening = Bill(self.lab.world, WORLD, self.lab.name)
        opening.add(self.rules.cash)
        opening.settle()
        self.lab.fleet.book(monthly_lots(self.lab.fleet.held, self.lab.rules.compute.growth), self.lab)
        self.lab.world.calendar.every(MONTH, Phase.FINANCE, self._month, first=MONTH)
        self._flows.append(self._daily_outflow())

    # -- standing --------------------------------------------------------------------------------------------

    @property
    def valuation(self) -> float:
        """Post-money value that a round would put on the lab, USD."""
        service = self.lab.service
        return self.investors.valuation(
            service.credited_run_rate, self.credited_growth, self.rules.valuation_factor
        )

    @property
    def credited_growth(self) -> float:
        """Growth that investors see [x/yr]."""
        service = self.lab.service
        return service.growth if service.frozen is None else self.rules.growth_last_year

    @property
    def credited_cash(self) -> float:
        """Cash that planners go by: what there is, without the revenue that they do not count on."""
        return self.cash - self._windfall

    @property
    def burn(self) -> float:
        """Net outflow of the last 90 days, USD a year."""
        return sum(self._flows) / len(self._flows) * DAYS_PER_YEAR if self._flows else 0.0

    @property
    def runway(self) -> float:
        """Years of cash."""
        return runway_years(self.cash, self.burn)

    def _daily_outflow(self) -> float:
        serving, service = self.lab.rules.serving, self.lab.service
        margin = (1.0 - serving.channel - serving.overhead) * service.run_rate
        return (self.lab.people.cash_usd_per_year - margin) / DAYS_PER_YEAR + self._compute_usd()

    def _compute_usd(self) -> float:
        """USD a day for compute."""
        now, fleet, supply = self.lab.world.env.now, self.lab.fleet, self.lab.supply
        return 24.0 * (fleet.held * supply.contract_price(now) + fleet.rented * supply.rental_price(now))

    # -- a step ----------------------------------------------------------------------------------------------

    def pass_days(self, days: float) -> None:
        """Owe, pay, raise; count the days without money."""
        service, serving = self.lab.service, self.lab.rules.serving
        revenue = service.run_rate * days / DAYS_PER_YEAR
        margin = 1.0 - serving.channel - serving.overhead
        self._windfall += margin * (service.run_rate - service.credited_run_rate) * days / DAYS_PER_YEAR
        self._flows.append((self.owe(self._compute_usd() * days, days) - revenue) / days)
        self.settle()
        equity = self.lab.people.equity_usd_per_year * days / DAYS_PER_YEAR
        self.kept *= math.exp(-equity / max(self.valuation, equity, 1.0))
        self._raise(days)
        self._days_short = self._days_short + days if self.cash < 0.0 else 0.0
        if self._days_short >= self.investors.rules.rounds.distress_days:
            self._rescue()

    @property
    def need(self) -> float:
        """USD that the plan asks a round to bring."""
        rounds, lab = self.investors.rules.rounds, self.lab
        years = rounds.need_horizon / DAYS_PER_YEAR
        price = lab.supply.contract_price(lab.world.env.now) * 24.0 * DAYS_PER_YEAR
        return years * price * rounds.need_share * rounds.need_growth * lab.fleet.held - self.credited_cash

    def _raise(self, days: float) -> None:
        now = self.lab.world.env.now
        tries = self._try.uniform(round(now)) < self.investors.attempt_probability(self.runway, days)
        if not tries or now < self._next_attempt or self.need <= 0.0:
            return
        self._next_attempt = now + self.investors.rules.rounds.pause
        self._attempt(self.valuation)

    def _attempt(self, valuation: float) -> bool:
        """Try to raise at a valuation; returns whether it closed."""
        n = self._attempts
        self._attempts += 1
        chance = self.investors.success_probability(self.credited_growth, self.lab.leads, self.failures)
        if self._close.uniform(n) >= chance:
            self.failures += 1
            return False
        usd = self.investors.size(
            valuation, self.lab.service.credited_run_rate, self.need, self._sold.uniform(n)
        )
        self.rounds += 1
        self.kept *= 1.0 - usd / valuation
        self._rounds_in.add(usd)
        self._rounds_in.settle()
        self.settle()
        return True

    def _rescue(self) -> None:
        """Raise at a fraction of the value, or be sold."""
        saved = self._attempt(self.investors.rules.rounds.distress_value * self.valuation)
        self._days_short = 0.0
        if not saved or self.cash < 0.0:
            self.lab.sell()

    def _month(self) -> None:
        """While bills cannot be paid, give up capacity that does not serve."""
        lab = self.lab
        if lab.sold or self.cash >= 0.0:
            return
        spare = lab.fleet.held - self.rules.spare_above * lab.service.h100e - lab.training.h100e
        lab.fleet.hand_back(max(self.rules.hand_back * spare, 0.0))

    # -- compute ---------------------------------------------------------------------------------------------

    def order(self) -> None:
        """Order compute as far as money that is there or to be expected carries it; rent what is refused."""
        lab, now = self.lab, self.lab.world.env.now
        serving, counts = lab.rules.serving, self.investors.rules.commitments
        hopes = counts.next_round if self.investors.sentiment > counts.bad_times else 0.0
        run_rate = lab.service.credited_run_rate
        most = affordable_h100e(
            self.credited_cash,
            self.valuation,
            (1.0 - serving.channel - serving.overhead) * run_rate,
            self.credited_growth,
            lab.supply.contract_price(now + DAYS_PER_YEAR),
            cash_share=counts.cash,
            valuation_share=hopes,
        )
        lab.fleet.plan(most, lab)
        lab.fleet.rent(min(lab.service.refused_h100e, max(most - lab.fleet.h100e, 0.0)))

    def paid_for(self, h100e: float) -> None:
        """Capacity under contract is paid by the hour."""

    def close(self) -> None:
        """End: what is left goes to the creditors, the rest of the debts is written off."""
        world = self.lab.world
        world.ledger.transfer(world.ledger.balance("USD", self.lab.name), "USD", self.lab.name, WORLD)
        for bill in (self.pay, self.compute, self.other):
            bill.owed = 0.0
        self.kept = 0.0


class CaptiveFunding(Ledgered):
    """A parent that takes the revenue and pays the bills."""

    def __init__(self, rules: Captive, lab: LabActor) -> None:
        super().__init__(lab)
        self.rules = rules
        self._parent = Bill(lab.world, WORLD, lab.name)
        self._luck = Draws(lab.world.entity("lab.capex_noise", lab.name))
        self.capex_usd = self.parent_capex_usd = 0.0
        """USD invested in the lab's compute, and by the parent in all, since the start."""

    def start(self) -> None:
        """Nothing is on order: deliveries follow the budget at once."""

    def budget(self) -> float:
        """What the parent invests in the lab's compute now, USD a year."""
        return self.rules.lab_share * self._parent_budget()

    def _parent_budget(self) -> float:
        """What the parent invests now, USD a year."""
        world, rules = self.lab.world, self.rules
        return min(world.on(rules.capex), rules.capex_limit * world.on(rules.cash_flow))

    def order(self) -> None:
        """Have the month's budget delivered, as far as the world makes it."""
        lab, now = self.lab, self.lab.world.env.now
        year = int(now // DAYS_PER_YEAR)
        noise = self._luck.lognormal(year, 1.0, self.rules.noise)
        days = lab.rules.compute.review
        usd = self.budget() * days / DAYS_PER_YEAR * noise
        units = usd * self.rules.units_per_usd / lab.supply.unit_price(now)
        lab.fleet.on_order += units
        lab.supply.order(lab, units, now + days)
        lab.fleet.rent(lab.service.refused_h100e)

    def paid_for(self, h100e: float) -> None:
        """Machines are paid when they arrive."""
        usd = h100e * self.lab.supply.unit_price(self.lab.world.env.now) / self.rules.units_per_usd
        self.capex_usd += usd
        self.spent_usd += usd
        self.compute.add(usd)

    def pass_days(self, days: float) -> None:
        """The parent covers what the account lacks, and takes what is left."""
        fleet, supply, now = self.lab.fleet, self.lab.supply, self.lab.world.env.now
        self.parent_capex_usd += self._parent_budget() * days / DAYS_PER_YEAR
        energy = fleet.held * supply.energy_usd_per_year(now) * days / DAYS_PER_YEAR
        self.owe(energy + 24.0 * days * fleet.rented * supply.rental_price(now), days)
        self._parent.owed = max(-self.cash, 0.0)
        self._parent.settle()
        self.settle()
        ledger, name = self.lab.world.ledger, self.lab.name
        ledger.transfer(ledger.balance("USD", name), "USD", name, WORLD)
