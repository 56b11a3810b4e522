"""What every compute network does: a venue, populations of providers, perhaps a token, days and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import Flows, World
from simdai.economy.calendar import Phase
from simdai.economy.compute_market import ask_in_micro_usd
from simdai.economy.flows import FlowsReport
from simdai.economy.foundation import Foundation
from simdai.economy.network_report import NetworkReport
from simdai.economy.population import Population
from simdai.economy.providers import Providers
from simdai.economy.requirements import Requirements
from simdai.economy.token_market import Token, TokenMarket
from simdai.kernel import JobClassSpec
from simdai.registry import Regimes
from simdai.units import Name

__all__ = ["MICRO", "ComputeNetwork", "Paid", "Rows", "divided"]

MICRO = 10**6

Ints = NDArray[np.int64]
Rows = tuple[Providers, Ints]  # some providers of a population
Paid = tuple[Providers, Ints, Ints]  # and what each gets, base units


class ComputeNetwork:
    """A network that sells compute, on the clock; protocols and composed networks build on it.

    Accounts: ``NAME.escrow`` and ``NAME.fees`` (what the network took), ``NAME.operator``, those of its
    `TokenMarket`, and a block for each population.

    Parameters
    ----------
    providers : populations by name
    token : the network's token, if it has one, or the market of a token that it shares
    epoch : days between settlements
    step : days between two looks of providers at their income and of the network at its use
    price : USD per GPU-hour of a speed-1 device, where the network sets it; None where providers ask
    take_rate : share of every payment that goes to ``NAME.fees``
    functions : what a company or a foundation runs of it, and what depends on that
    options : further options of the market's venue
    """

    def __init__(
        self,
        world: World,
        name: str,
        *,
        providers: Mapping[Name, Population],
        token: Token | TokenMarket | None,
        epoch: float,
        step: float = 1.0,
        price: float | None,
        take_rate: float,
        functions: Mapping[str, str],
        **options: Any,
    ) -> None:
        self.world, self.name, self.epoch, self.step, self.price = world, name, epoch, step, price
        world.compute.watch(step)
        self.operator, self.fees = f"{name}.operator", f"{name}.fees"
        self.foundation = Foundation(functions)
        self.venue_holds_price = options.get("rule") == "tiered_queue"
        if self.venue_holds_price:
            assert price is not None, "the venue's rule needs a price of the network"
            options["ask"] = ask_in_micro_usd(price)
        self.venue = world.compute.add_venue(name, is_cloud=False, take_rate=take_rate, **options)
        self.token = TokenMarket(token, world, name) if isinstance(token, Token) else token
        self._owns_token = isinstance(token, Token)
        self.subsidy_usd = 0.0
        """Simulated USD of tokens created for participants since the start, each day at its price."""
        for account in (self.operator, self.fees):
            world.ledger.open(account)
        asset = self.token.asset if self.token else None
        self.populations = {
            population: Providers(p, world, name, population, self.venue, asset)
            for population, p in providers.items()
        }
        self.venue.admits = self._admits_pool
        self.emission_level = 1.0
        """Factor on what the schedule creates; shocks change it."""
        self.rebate = 0.0
        """USD per GPU-hour of a speed-1 device that outsiders pay customers back; shocks change it."""

    @property
    def served(self) -> float:
        """GPU-hours that customers have had since the start, simulated."""
        return float(self.world.compute.read().counters["gpu_hours"][self.venue.index].sum())

    @property
    def flows(self) -> Flows:
        """What customers paid and what was created for participants since the start."""
        revenue = self.world.compute.revenue(self.venue)
        return Flows(self.world.scale * revenue / MICRO, self.world.scale * self.subsidy_usd)

    def list_price(self, hardware: tuple[int, ...] | None) -> float:
        """USD per GPU-hour of a speed-1 device that customers expect: the posted price, or the mean ask."""
        fitting = [p for p in self.populations.values() if hardware is None or p.hardware_index in hardware]
        if not fitting:
            return math.nan
        if self.price is not None:
            return self.price
        counted = [(p, p.count) for p in fitting]
        known = [(p.list_price, count) for p, count in counted if count]
        total = sum(count for _, count in known)
        return sum(price * count for price, count in known) / total if total else math.nan

    def _admits_pool(self, pool: int, requires: Requirements, job: JobClassSpec) -> bool:
        for population in self.populations.values():
            if pool in population.pools:
                place = population.jurisdictions[population.pools.index(pool)]
                return self.admits(population.rules, place, requires, job)
        raise ValueError(f"{self.name} has no pool {pool}")

    # -- what a protocol fills in ----------------------------------------------------------------------------

    def admits(self, providers: Population, place: str, requires: Requirements, job: JobClassSpec) -> bool:
        """Whether providers at a place may serve jobs with such requirements, hardware and size apart."""
        return requires.locations is None or place in requires.locations

    def settle(self) -> None:
        """End of an epoch: what the protocol burns, creates and pays. Power is paid for behind it."""
        raise NotImplementedError

    def next_price(self, use: float, days: float) -> float | None:
        """Price of the coming days, after ``days`` in which the share ``use`` of GPU-time was hired."""
        return self.price

    @property
    def staked(self) -> float | None:
        """Simulated tokens staked; None where the protocol knows no stake."""
        return None

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Providers enter; steps and epochs are put on the calendar."""
        for population in self.populations.values():
            population.start(self.price)
        if self.token and self._owns_token:
            self.token.start()
        self.world.calendar.every(self.step, Phase.SUPPLY, self._step, first=self.step)
        self.world.calendar.every(self.epoch, Phase.EPOCHS, self._end_epoch, first=self.epoch)
        NetworkReport(self).register()
        FlowsReport(self, self.world, self.name, with_revenue=False).register()

    def follow(self, hook: str, regimes: Regimes[Any]) -> None:
        """Put the dated rules of ``hook`` on the calendar; `switch` puts each in force."""
        for regime in regimes:
            time = -1.0 if regime.start is None else self.world.days_until(regime.start)
            if 0 < time <= self.world.horizon:
                self.world.calendar.at(time, Phase.REGIMES, partial(self.switch, hook, regime.rule))

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force as the attribute ``hook``."""
        setattr(self, hook, rule)

    def _step(self) -> None:
        """Prices, then every population's exits, entries and asks."""
        over = self.world.compute.seen(self.step)
        for population in self.populations.values():
            population.observe(over)
        if self.step > self.epoch:
            self._forget_token_income()
        self.price = self.next_price(self.world.compute.use(self.venue, over), over.days)
        self.tell_price()
        for population in self.populations.values():
            population.day(over.days, self.price)

    def tell_price(self) -> None:
        """Let the venue charge the network's price, where the venue holds it."""
        if self.venue_holds_price and self.price is not None:
            self.world.compute.market.set_ask(self.venue.index, ask_in_micro_usd(self.price))

    def _end_epoch(self) -> None:
        self.settle()
        for population in self.populations.values():
            population.pay_running_cost()

    # -- income of providers besides what the market pays them -----------------------------------------------

    @property
    def income_days(self) -> float:
        """Days to which a payment counts: an epoch, or the step of providers who look less often."""
        return max(self.epoch, self.step)

    def open_token_income(self) -> None:
        """Let an epoch's payments take the place of those before, once providers have seen them."""
        if self.step <= self.epoch:
            self._forget_token_income()

    def _forget_token_income(self) -> None:
        for population in self.populations.values():
            population.book.token_rate[:] = 0.0

    # -- tokens of providers ---------------------------------------------------------------------------------

    def reward_providers(
        self, token: TokenMarket, paid: list[Paid], in_hand: list[Paid] | None = None
    ) -> None:
        """Providers note ``paid`` as the epoch's income, and sell of what they have ``in_hand``.

        Parameters
        ----------
        in_hand : the part of ``paid`` that they can sell; all of it without
        """
        self.open_token_income()
        self.note_tokens(token, paid)
        self.sell_tokens(token, paid if in_hand is None else in_hand)

    def note_tokens(self, token: TokenMarket, paid: list[Paid]) -> None:
        """Providers note tokens as income, at their price less the haircut; negative where they lose them."""
        for population, k, amounts in paid:
            value = amounts / token.units_per_usd * (1.0 - population.rules.token_haircut)
            population.book.token_rate[k] += value / self.income_days

    def sell_tokens(self, token: TokenMarket, paid: list[Paid]) -> None:
        """Providers sell a share of ``paid``, which they have got; those who have left sell all they hold.

        Everything is sold at one price.
        """
        sales: list[Paid] = []
        for population, k, amounts in paid:
            share = np.floor(amounts * population.rules.token_sold).astype(np.int64)
            sales.append((population, k, np.where(population.book.alive[k], share, 0)))
        balances = self.world.ledger.accounts(token.asset).balances
        for population in self.populations.values():
            gone = (~population.book.alive).nonzero()[0]
            sales.append((population, gone, balances[population.book.token_account[gone]]))
        token.sell_block(
            np.concatenate([amounts for _, _, amounts in sales]),
            np.concatenate([p.book.token_account[k] for p, k, _ in sales]),
            np.concatenate([p.book.usd_account[k] for p, k, _ in sales]),
        )


def divided(amounts: Ints, rows: list[Rows]) -> list[Paid]:
    """Cut one vector over all rows into the parts of each population."""
    parts: list[Paid] = []
    first = 0
    for population, k in rows:
        parts.append((population, k, amounts[first : first + len(k)]))
        first += len(k)
    return parts
