"""Akash: leases by reverse auction, paid in AKT and stablecoins, since 2026-03-23 in credit backed by AKT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Network, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.compute_network import MICRO, ComputeNetwork, Paid, Rows, divided
from simdai.economy.ledger import WORLD, Block
from simdai.economy.population import Population
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.escrow import escrow_akt_fallback
from simdai.mechanisms.match import ReverseAuction
from simdai.networks.akash_leases import covered, run_leases, take_fees
from simdai.networks.akash_oracle import PriceOracle
from simdai.networks.akash_report import report
from simdai.networks.akash_rules import Credit, Incentives, Issuance, OracleRules, Payment, Tenants
from simdai.networks.akash_staking import Staking, pay_incentives
from simdai.networks.akash_tenants import TenantCredit
from simdai.networks.akash_vault import ACT, CreditVault, Request
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Days, Name, PositiveDays

__all__ = ["Akash", "AkashNetwork"]

HOURLY = 1.0 / 24.0

Ints = NDArray[np.int64]


class Akash(Network, kind="akash"):
    """Akash, with dated rules of payment and issuance.

    Providers bid, tenants choose by price and reputation and pay by the block out of an escrow, which
    providers settle once an epoch. The market charges jobs as a whole when they end; the escrow is run over
    the epoch behind it.

    Parameters
    ----------
    match : who may bid, and what counts
    payment : how leases are paid
    issuance : inflation for stakers and the community pool
    oracle : the price of AKT on the chain
    tenants : how customers pay
    epoch : days between settlements by providers
    block : days a block
    token : AKT and its market; the treasury is the community pool
    providers : populations by name
    held : days for which providers hold credit on average before they redeem it; 0: not at all
    incentives : what the community pool pays providers
    """

    match: ReverseAuction
    payment: Regimes[Payment]
    issuance: Regimes[Issuance]
    oracle: OracleRules
    tenants: Tenants
    epoch: PositiveDays
    block: PositiveDays
    token: Token
    providers: FrozenMapping[Name, Population]
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
            price=None,
            take_rate=1.0,
            **rules.match.venue_options(),
        )
        self.oracle = PriceOracle(rules.oracle, self.token, world)
        self.staking = Staking(issuance, world, name, self.token)
        self.vault: CreditVault | None = None
        self.credit_held: dict[str, Block] = {}
        if rules.credit is not None:
            self._prepare(rules.credit)
        self.tenants = TenantCredit(rules.tenants, world, name, self.token, self.vault)
        self._former: list[tuple[int, Payment]] = []  # micro-USD charged under rules no longer in force
        self._arrears = {population: np.zeros(0, dtype=np.int64) for population in self.populations}
        self.tally = dict.fromkeys(("unpaid", "take_usd", "take_akt", "incentives", "short"), 0)
        """Base units since the start."""

    def _prepare(self, credit: Credit) -> None:
        """Open what the credit needs."""
        rules, world, name = self.rules, self.world, self.name
        self.vault = CreditVault(credit, world, name, self.token.asset, self.oracle, rules.block)
        self.vault.executed = self._executed
        self.credit_held = {
            population: world.ledger.block(f"{name}.credit.{population}", ACT)
            for population in self.populations
        }

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        super().start()
        report(self)
        for hook in ("payment", "issuance"):
            self.follow(hook, getattr(self.rules, hook))
        self.world.calendar.every(HOURLY, Phase.MEASUREMENT, self.look, first=HOURLY)
        if self.payment.credit is not None:
            self._begin_credit()
        self.look()

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force; what came in under the old one will be settled under it."""
        if hook == "issuance":
            self.subsidy_usd += self.staking.step()
            self.staking.rules = rule
            return
        self._former.append((self.world.ledger.balance("USD", self.fees), self.payment))
        super().switch(hook, rule)
        if rule.credit is not None:
            self._begin_credit()

    def look(self) -> None:
        """Take the status of the credit."""
        if self.vault:
            self.vault.look()

    # -- the epoch -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End of an epoch: stakers are paid, leases settled, credit bought and redeemed."""
        self.subsidy_usd += self.staking.step()
        for population in self.populations.values():
            population.book.token_rate[:] = 0.0
        self._settle_leases()
        if self.rules.incentives is not None:
            self._pay_incentives(self.rules.incentives)
        if self.vault:
            self._redeem()

    def _settle_leases(self) -> None:
        """Pay the epoch's work by the rule under which it was charged."""
        rows: list[Rows] = []
        values = []
        for p in self.populations.values():
            k, work = p.book.take_epoch(p.hardware.speed)
            value = np.zeros(len(p.book.alive))
            value[k] = work.value_usd
            rows.append((p, np.arange(len(value))))
            values.append(value)
        weights = np.concatenate(values)
        paid = 0
        charged = self.world.ledger.balance("USD", self.fees) - sum(amount for amount, _ in self._former)
        for amount, rule in [*self._former, (charged, self.payment)]:
            payable = self._less_unpaid(self.world.ledger.split(amount, weights))
            paid += int(payable.sum())
            if rule.credit is None:
                self._pay_directly(payable, rows, rule)
            else:
                self._pay_in_credit(payable, rows)
        if weights.any():
            self._former = []
        self.token.note_fees(paid / MICRO, self.epoch)
        self.tenants.note_spending(paid / MICRO, self.epoch)

    def _less_unpaid(self, due: Ints) -> Ints:
        """(n,) micro-USD that tenants pay: ``due``, less what careless ones ran up beyond their deposits."""
        ledger, tenants = self.world.ledger, self.rules.tenants
        ledger.transfer(int(due.sum()), "USD", self.fees, self.tenants.account)
        careless = np.floor(due * tenants.underfunded).astype(np.int64)
        deposits = covered(careless, tenants.deposit_lasts, tenants.unnoticed)
        _, unpaid = run_leases(deposits, careless, self.blocks)
        ledger.transfer(int(unpaid.sum()), "USD", self.tenants.account, WORLD)
        self.tally["unpaid"] += int(unpaid.sum())
        payable: Ints = due - unpaid
        return payable

    @property
    def staked(self) -> float:
        """Simulated AKT that secure the chain."""
        return self.staking.rules.bonded * self.token.supply

    @property
    def blocks(self) -> int:
        """Blocks of an epoch."""
        return max(round(self.epoch / self.rules.block), 1)

    def _note_income(self, amounts: Ints, rows: list[Rows], in_usd: bool = False) -> None:
        """Count micro-USD as providers' income; what is not in USD is discounted by their haircut."""
        for population, k, part in divided(amounts, rows):
            kept = 1.0 if in_usd else 1.0 - population.rules.token_haircut
            population.book.token_rate[k] += part / MICRO * kept / self.epoch

    def _pay_directly(self, payable: Ints, rows: list[Rows], rule: Payment) -> None:
        """Stablecoins as they are and AKT bought for the rest, both less the take fee."""
        ledger, token = self.world.ledger, self.token
        in_usd = np.floor(payable * rule.usd_share).astype(np.int64)
        fee = take_fees(in_usd, rule.take_usd)
        for population, k, part in divided(in_usd - fee, rows):
            ledger.pay_out(part, "USD", self.tenants.account, population.book.usd_account[k])
        ledger.transfer(int(fee.sum()), "USD", self.tenants.account, token.treasury)
        self.tally["take_usd"] += int(fee.sum())
        self._note_income(in_usd - fee, rows, in_usd=True)

        for_akt = payable - in_usd
        bought = ledger.split(
            token.buy(int(for_akt.sum()), self.tenants.account, self.tenants.account), for_akt
        )
        fee = take_fees(bought, rule.take_akt)
        ledger.transfer(int(fee.sum()), token.asset, self.tenants.account, token.treasury)
        self.tally["take_akt"] += int(fee.sum())
        self._note_income(for_akt - take_fees(for_akt, rule.take_akt), rows)
        paid = divided(bought - fee, rows)
        self._pay_akt(paid)
        self.sell_tokens(token, paid)

    def _pay_akt(self, paid: list[Paid]) -> None:
        for population, k, amounts in paid:
            self.world.ledger.pay_out(
                amounts, self.token.asset, self.tenants.account, population.book.token_account[k]
            )

    # -- credit ----------------------------------------------------------------------------------------------

    def _pay_in_credit(self, payable: Ints, rows: list[Rows]) -> None:
        """Pay arrears and the epoch's work out of deposits; while minting is halted, in AKT what lacks."""
        assert self.vault is not None
        ledger = self.world.ledger
        arrears = [
            np.pad(old, (0, len(k) - len(old)))
            for old, (_, k) in zip(self._arrears.values(), rows, strict=True)
        ]
        owed = payable + np.concatenate(arrears)
        held = ledger.balance(ACT, self.tenants.deposits)
        deposits = owed if held >= int(owed.sum()) else ledger.split(held, owed)
        paid, unsettled = run_leases(deposits, owed, self.blocks)
        for (population, k, part), name in zip(divided(paid, rows), self.populations, strict=True):
            block = self.credit_held[name]
            block.extend(len(population.book.alive) - len(block))
            ledger.pay_out(part, ACT, self.tenants.deposits, block.indices[k])
        self._note_income(paid, rows)
        self.tenants.buy(int(unsettled.sum()))
        price = self.oracle.price
        if price is not None and unsettled.any() and not self.vault.status(price)["mint"]:
            akt, left, _ = escrow_akt_fallback(
                unsettled.tolist(), ledger.balance(self.token.asset, self.tenants.account), price
            )
            in_akt = divided(np.array(akt, dtype=np.int64), rows)
            self._pay_akt(in_akt)
            self._note_income(unsettled - np.array(left, dtype=np.int64), rows)
            unsettled = np.array(left, dtype=np.int64)
            self.sell_tokens(self.token, in_akt)
        for name, (_, _, part) in zip(self.populations, divided(unsettled, rows), strict=True):
            self._arrears[name] = part
        self.tenants.request()

    @property
    def arrears(self) -> int:
        """Micro-USD of work done for which no credit could be had yet."""
        return sum(int(amounts.sum()) for amounts in self._arrears.values())

    def _begin_credit(self) -> None:
        """The pool seeds the vault; tenants buy AKT for the credit that they want, and ask for it."""
        assert self.vault is not None
        self.vault.seed(self.token.treasury)
        self.tenants.buy(self.arrears)
        self.tenants.request()

    def _redeem(self, share: float | None = None) -> None:
        """Providers ask for AKT for a share of their credit; those who have left for all of it."""
        assert self.vault is not None
        usual = weight_of_new(self.epoch, self.rules.held) if share is None else share
        balances = self.world.ledger.accounts(ACT).balances.copy()
        for name, population in self.populations.items():
            accounts = self.credit_held[name].indices
            alive = population.book.alive[: len(accounts)]
            held = balances[accounts]
            asked = np.where(alive, np.floor(held * usual).astype(np.int64), held)
            for row in np.flatnonzero(asked).tolist():
                target = int(population.book.token_account[row])
                self.vault.request(
                    Request("redeem", int(asked[row]), int(accounts[row]), target, (name, row))
                )

    def run_on_credit(self, share: float) -> None:
        """A share of all credit is to be redeemed at once; tenants then hold less of it."""
        if self.vault is None:
            return
        self._redeem(share)
        self.tenants.run(share)

    def calm(self) -> None:
        """A run is over: tenants hold as much credit as before it."""
        self.tenants.trust = 1.0

    def _executed(self, done: list[tuple[Request, int]]) -> None:
        """A batch is over: providers sell a part of the proceeds; others do with theirs what they do."""
        rows: dict[str, list[tuple[int, int]]] = {}
        for request, received in done:
            if isinstance(request.holder, tuple):
                name, row = request.holder
                rows.setdefault(name, []).append((row, received))
            elif request.holder is not None:
                request.holder.executed(request, received)
        if rows:
            paid = []
            for name, amounts in rows.items():
                k, tokens = np.array(amounts, dtype=np.int64).T
                paid.append((self.populations[name], k, tokens))
            self.sell_tokens(self.token, paid)

    # -- the community pool ----------------------------------------------------------------------------------

    def _pay_incentives(self, rules: Incentives) -> None:
        population = self.populations[rules.population]
        use = self.world.compute.use(self.venue, self.world.compute.yesterday)
        amounts, short = pay_incentives(rules, self.world, self.token, population, self.epoch, use)
        self._note_income(amounts, [(population, population.book.present)], in_usd=True)
        self.tally["incentives"] += int(amounts.sum())
        self.subsidy_usd += int(amounts.sum()) / MICRO
        self.tally["short"] += short
