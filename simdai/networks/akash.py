"""Akash: leases by reverse auction, paid in AKT and stablecoins, since 2026-03-23 in credit backed by AKT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import model_validator

from simdai.economy.actors import Network, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.compute_network import MICRO, ComputeNetwork
from simdai.economy.population import Population
from simdai.economy.requirements import Requirements
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.kernel import JobClassSpec
from simdai.mechanisms.lease_market import bid_refusal
from simdai.mechanisms.match import ReverseAuction
from simdai.networks.akash_oracle import PriceOracle
from simdai.networks.akash_orders import LeaseDesk
from simdai.networks.akash_report import report
from simdai.networks.akash_rules import (
    Bidders,
    Credit,
    Hosts,
    Incentives,
    Issuance,
    OracleRules,
    Orders,
    Payment,
    Tenants,
    order_of,
)
from simdai.networks.akash_settlement import Programme, Settlement
from simdai.networks.akash_staking import Staking, pay_incentives
from simdai.networks.akash_tenants import TenantCredit
from simdai.networks.akash_vault import ACT, CreditVault, Request
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Days, Name, PositiveDays, Share

__all__ = ["Akash", "AkashNetwork"]

HOURS = 24.0
ROUNDING = 1e-6  # of an hour, in the time of an hour's end


class Akash(Network, kind="akash"):
    """Akash, with dated rules of payment and issuance.

    Providers bid, tenants choose by price and reputation and pay by the block out of an escrow, which
    providers settle once an epoch. The market charges jobs as a whole when they end; the escrow is run over
    the epoch behind it.

    Parameters
    ----------
    match : who may bid for single jobs, and what counts
    orders : the order book of deployments
    hosts : the population that leases its GPUs to deployments; none without
    payment : how leases are paid
    issuance : inflation for stakers and the community pool
    oracle : the price of AKT on the chain
    tenants : how customers pay
    epoch : days between settlements by providers
    step : days between two looks of providers at their income
    block : days a block
    token : AKT and its market; the treasury is the community pool
    providers : populations by name
    console : share of the deployments that are opened through the company's front end
    held : days for which providers hold credit on average before they redeem it; 0: not at all
    incentives : what the community pool pays providers
    """

    functions: ClassVar[Mapping[str, str]] = {
        "console": "the hosted front end through which some tenants open their deployments",
        "oracle": "the relay of prices to the chain: credit is neither made nor redeemed without",
        "programmes": "what the community pool pays providers for capacity",
    }

    match: ReverseAuction
    orders: Orders
    hosts: Hosts | None = None
    payment: Regimes[Payment]
    issuance: Regimes[Issuance]
    oracle: OracleRules
    tenants: Tenants
    epoch: PositiveDays
    step: PositiveDays = 1.0
    block: PositiveDays
    token: Token
    providers: FrozenMapping[Name, Bidders]
    console: Share = 0.0
    held: Days = 0.0
    incentives: Incentives | None = None

    @property
    def credit(self) -> Credit | None:
        """Rules of the credit; one set for all time, since what is outstanding cannot change its rules."""
        return next((rule.credit for rule in self.payment.rules if rule.credit is not None), None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.providers:
            raise ValueError("providers: at least one population is needed; its count may be 0")
        if self.token.decimals != 6:
            raise ValueError(
                f"token.decimals: the chain counts in millionths; give 6, not {self.token.decimals}"
            )
        for name, population in self.providers.items():
            if population.ask is None:
                raise ValueError(f"providers.{name}: give its 'ask'; each provider bids its own price")
        if self.hosts is not None and self.hosts.population not in self.providers:
            raise ValueError(f"hosts.population: there is no population {self.hosts.population!r}")
        if len({rule.credit for rule in self.payment.rules} - {None}) > 1:
            raise ValueError("payment: the rules of the credit must be the same in all its regimes")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.incentives is not None:
            yield from absent(
                "population", {"incentives.population": self.incentives.population}, self.providers
            )
        others = [n for n in scenario.networks.values() if n is not self]
        if any(isinstance(n, Akash) for n in others):
            yield Problem(path="", found="a second network of the kind 'akash'", allowed="one in a scenario")
        symbols = [token.symbol for token in (getattr(n, "token", None) for n in others) if token]
        if self.token.symbol in symbols or self.token.symbol == ACT:
            found = f"the symbol {self.token.symbol!r} of two assets"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")

    def build(self, world: World, name: str) -> AkashNetwork:
        return AkashNetwork(self, world, name)


class AkashNetwork(ComputeNetwork):
    """Akash on the clock.

    Accounts: those of a compute network, of `TenantCredit`, `CreditVault` and `Staking`, and a
    block ``NAME.credit.POPULATION`` of what each provider holds in credit.
    """

    token: TokenMarket

    def __init__(self, rules: Akash, world: World, name: str) -> None:
        self.rules = rules
        self.payment = rules.payment.at(world.start_date)
        issuance = rules.issuance.at(world.start_date)
        super().__init__(
            world,
            name,
            providers=rules.providers,
            token=rules.token,
            epoch=rules.epoch,
            step=rules.step,
            price=None,
            take_rate=1.0,
            functions=rules.functions,
            **rules.match.venue_options(),
        )
        for alike in self.populations.values():
            alike.blind = self.income_days
        self.oracle = PriceOracle(rules.oracle, self.token, world)
        self.staking = Staking(issuance, world, name, self.token)
        self.vault: CreditVault | None = None
        self.settlement = Settlement(self)
        if rules.credit is not None:
            self._prepare(rules.credit)
        self.tenants = TenantCredit(rules.tenants, world, name, self.token, self.vault)
        self.desk: LeaseDesk | None = None
        if rules.hosts is not None:
            self.desk = LeaseDesk(self, rules.hosts.population, rules.hosts.pricing)
        if rules.incentives is not None and rules.incentives.fees is not None:
            self.settlement.programme = Programme(rules.incentives, self)
        self.incentives_paid = self.incentives_short = 0
        """Micro-USD since the start."""
        self._remitted = 0.0
        self._next_look: int | None = None  # hour since the start

    def _prepare(self, credit: Credit) -> None:
        """Open what the credit needs."""
        rules, world, name = self.rules, self.world, self.name
        self.vault = CreditVault(credit, world, name, self.token.asset, self.oracle, rules.block)
        self.vault.executed = self._executed
        self.settlement.credit_held = {
            population: world.ledger.block(f"{name}.credit.{population}", ACT)
            for population in self.populations
        }

    def _executed(self, done: list[tuple[Request, int]]) -> None:
        """A batch of the vault is over."""
        self._look_soon()
        self.settlement.executed(done)

    def admits(self, providers: Population, place: str, requires: Requirements, job: JobClassSpec) -> bool:
        """Whether the bids of such providers pass the order book's checks on the orders of such jobs."""
        assert isinstance(providers, Bidders)
        if self.rules.hosts is not None and providers is self.rules.providers[self.rules.hosts.population]:
            return False  # their GPUs are for deployments
        deposit = self.rules.orders.deposit
        refusal = bid_refusal(order_of(requires, 1), providers.bid("", 1, deposit))
        return refusal is None and super().admits(providers, place, requires, job)

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        super().start()
        report(self)
        for name, population in self.populations.items():
            notice = self.rules.providers[name].reclamation
            population.notice = 0.0 if notice is None else notice / HOURS
        for hook in ("payment", "issuance"):
            self.follow(hook, getattr(self.rules, hook))
        self.token.listeners.append(self._look_soon)
        if self.payment.credit is not None:
            self._begin_credit()
        self.look()
        self.foundation.tell("oracle", self._relay)

    def _relay(self, runs: bool) -> None:
        self.look()
        (self.oracle.resume if runs else self.oracle.stop)()
        self.look()

    @property
    def visited(self) -> float:
        """Share of the tenants that find a way to open a deployment."""
        return 1.0 if self.foundation["console"] else 1.0 - self.rules.console

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force; what came in under the old one will be settled under it."""
        if hook == "issuance":
            self.subsidy_usd += self.staking.step()
            self.staking.rules = rule
            return
        self.settlement.former.append((self.world.ledger.balance("USD", self.fees), self.payment))
        super().switch(hook, rule)
        if rule.credit is not None:
            self._begin_credit()

    def look(self) -> None:
        """Take the status of the credit, and go on to do so by the hour until its price stands still."""
        if self.vault:
            self.vault.look()
            if not self.oracle.still:
                self._look_at(math.floor(self.world.env.now * HOURS + ROUNDING) + 1)

    def _look_soon(self) -> None:
        """Take the status of the credit at the end of the hour: something has moved."""
        if self.vault:
            self._look_at(math.ceil(self.world.env.now * HOURS - ROUNDING))

    def _look_at(self, hour: int) -> None:
        if self._next_look is None:
            self._next_look = hour
            time = max(hour / HOURS, self.world.env.now)
            self.world.calendar.at(time, Phase.MEASUREMENT, self._look)

    def _look(self) -> None:
        self._next_look = None
        self.look()

    # -- the epoch -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End of an epoch: stakers are paid, leases settled, credit bought and redeemed."""
        self.subsidy_usd += self.staking.step()
        self.open_token_income()
        self.settlement.settle()
        if self.rules.incentives is not None and self.foundation["programmes"]:
            self._pay_incentives(self.rules.incentives)
        if self.vault:
            self.settlement.redeem()

    @property
    def staked(self) -> float:
        """Simulated AKT that secure the chain."""
        return self.staking.rules.bonded * self.token.supply

    @property
    def blocks(self) -> int:
        """Blocks of an epoch."""
        return max(round(self.epoch / self.rules.block), 1)

    def _begin_credit(self) -> None:
        """The pool seeds the vault; tenants buy AKT for the credit that they want, and ask for it."""
        assert self.vault is not None
        self.vault.seed(self.token.treasury)
        self._look_soon()
        self.tenants.buy(self.settlement.arrears)
        self.tenants.request()

    def run_on_credit(self, share: float) -> None:
        """A share of all credit is to be redeemed at once; tenants then hold less of it."""
        if self.vault is None:
            return
        self.look()
        self.settlement.redeem(share)
        self.tenants.run(share)
        self.look()

    def calm(self) -> None:
        """A run is over: tenants hold as much credit as before it."""
        self.look()
        self.tenants.trust = 1.0
        self.look()

    # -- the community pool ----------------------------------------------------------------------------------

    def _pay_incentives(self, rules: Incentives) -> None:
        population, compute = self.populations[rules.population], self.world.compute
        use = compute.pools_use(population.pools, compute.seen(self.step))
        amounts, short = pay_incentives(rules, self.world, self.token, population, self.epoch, use)
        for row, usd in zip(population.book.present.tolist(), amounts.tolist(), strict=True):
            population.book.token_rate[row] += usd / MICRO / self.income_days
        self.incentives_paid += int(amounts.sum())
        self.incentives_short += short
        self.subsidy_usd += int(amounts.sum()) / MICRO - self._returned()

    def _returned(self) -> float:
        """USD that the programme has returned to the community pool since the last call."""
        programme = self.settlement.programme
        total = programme.remitted_usd if programme else 0.0
        more, self._remitted = total - self._remitted, total
        return more
