"""An epoch's leases of Akash settled: who is paid what, in which money, and who gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.compute_network import MICRO, Paid, Rows, divided
from simdai.economy.ledger import WORLD, Block
from simdai.mechanisms.auction import revenue_share
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.escrow import escrow_akt_fallback
from simdai.networks.akash_leases import covered, run_leases, take_fees
from simdai.networks.akash_rules import Incentives, Payment
from simdai.networks.akash_vault import ACT, Request

if TYPE_CHECKING:
    from simdai.networks.akash import AkashNetwork

__all__ = ["Programme", "Settlement"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Programme:
    """What a population in a programme earns: a fee to the administrator, the rest to the community pool.

    Accounts: ``NAME.programme`` (earnings on their way) and ``NAME.administrator``, each in USD and AKT,
    the first in ACT too.
    """

    def __init__(self, rules: Incentives, network: AkashNetwork) -> None:
        assert rules.fees is not None and rules.reserved_fees is not None
        self.network, self.population = network, rules.population
        self.account, self.administrator = f"{network.name}.programme", f"{network.name}.administrator"
        ledger, self.token = network.world.ledger, network.token
        for account in (self.account, self.administrator):
            ledger.open(account)
            ledger.open(account, self.token.asset)
        if network.vault is not None:
            ledger.open(self.account, ACT)
        self.remitted = {
            kind: revenue_share(fees)[1]
            for kind, fees in (("spot", rules.fees), ("reserved", rules.reserved_fees))
        }
        """Share of spot and of reserved revenue that goes to the community pool."""
        self.earned = {"spot": 0, "reserved": 0}
        """Micro-USD since the start."""
        self.remitted_usd = 0.0
        """Simulated USD that reached the community pool, when it reached it."""
        self._share = 0.0  # of what lies on the account, for the community pool

    def note(self, spot: int, reserved: int) -> None:
        """Take note of an epoch's revenue, which is about to be paid."""
        self.earned["spot"] += spot
        self.earned["reserved"] += reserved
        total = spot + reserved
        if total:
            self._share = (spot * self.remitted["spot"] + reserved * self.remitted["reserved"]) / total

    def pass_on(self) -> None:
        """Divide what has come in: credit is redeemed for both, USD buys AKT for the community pool."""
        ledger, token, vault = self.network.world.ledger, self.token, self.network.vault
        usd = ledger.balance("USD", self.account)
        for_pool, fee = self._split(usd)
        ledger.transfer(fee, "USD", self.account, self.administrator)
        akt_for_pool, akt_fee = self._split(ledger.balance(token.asset, self.account))
        self._to_pool(akt_for_pool + token.buy(for_pool, self.account, self.account))
        self._to_administrator(akt_fee)
        if vault is not None:
            for_pool, fee = self._split(ledger.balance(ACT, self.account))
            vault.request(Request("redeem", for_pool, self.account, self.account, self, "pool"))
            vault.request(Request("redeem", fee, self.account, self.account, self, "fee"))

    def _split(self, amount: int) -> tuple[int, int]:
        if amount == 0:
            return 0, 0
        parts = self.network.world.ledger.split(amount, [self._share, 1.0 - self._share]).tolist()
        return parts[0], parts[1]

    def _to_pool(self, units: int) -> None:
        self.network.world.ledger.transfer(units, self.token.asset, self.account, self.token.treasury)
        self.remitted_usd += units / self.token.units_per_usd

    def _to_administrator(self, units: int) -> None:
        """The administrator sells its fee at once."""
        self.token.sell(units, self.account, self.administrator)

    def executed(self, request: Request, received: int) -> None:
        """A redemption is over."""
        if request.purpose == "pool":
            self._to_pool(received)
        else:
            self._to_administrator(received)


class Settlement:
    """Pays the epoch's work by the rule under which it was charged."""

    def __init__(self, network: AkashNetwork) -> None:
        self.network, self.world, self.token = network, network.world, network.token
        self.credit_held: dict[str, Block] = {}
        self.programme: Programme | None = None
        self.former: list[tuple[int, Payment]] = []
        """Micro-USD charged under rules no longer in force."""
        self._arrears = {population: np.zeros(0, dtype=np.int64) for population in network.populations}
        self.tally = dict.fromkeys(("unpaid", "leased", "take_usd", "take_akt"), 0)
        """Base units since the start."""

    @property
    def arrears(self) -> int:
        """Micro-USD of work done for which no credit could be had yet."""
        return sum(int(amounts.sum()) for amounts in self._arrears.values())

    def settle(self) -> None:
        """Pay for jobs in proportion to their value, and for leases what their escrows paid."""
        network, ledger = self.network, self.world.ledger
        rows: list[Rows] = []
        values = []
        for p in network.populations.values():
            k, work = p.book.take_epoch(p.hardware.speed)
            value = np.zeros(len(p.book.alive))
            value[k] = work.value_usd
            rows.append((p, np.arange(len(value))))
            values.append(value)
        weights = np.concatenate(values)
        charged = ledger.balance("USD", network.fees) - sum(amount for amount, _ in self.former)
        payable = self._less_unpaid(ledger.split(charged, weights)) + self._settle_desk(rows)
        paid = int(payable.sum())
        for amount, rule in self.former:
            earlier = self._less_unpaid(ledger.split(amount, weights))
            paid += int(earlier.sum())
            self._pay(earlier, rows, rule)
        if weights.any():
            self.former = []
        self._pay(payable, rows, network.payment)
        if self.programme:
            self.programme.pass_on()
        self.token.note_fees(paid / MICRO, network.epoch)
        network.tenants.note_spending(paid / MICRO, network.epoch)

    def _settle_desk(self, rows: list[Rows]) -> Ints:
        """(n,) micro-USD that the escrows of deployments paid in the epoch, on the tenants' account."""
        desk, ledger = self.network.desk, self.world.ledger
        if desk is None:
            return np.zeros(sum(len(k) for _, k in rows), dtype=np.int64)
        leased = desk.settle()
        self.tally["unpaid"] += leased.unpaid
        due = leased.spot + leased.reserved
        total = int(due.sum())
        self.tally["leased"] += total
        if self.programme and self.programme.population == desk.name:
            self.programme.note(int(leased.spot.sum()), int(leased.reserved.sum()))
        ledger.transfer(total, "USD", WORLD, self.network.tenants.account)
        return np.concatenate([due if p is desk.hosts else np.zeros(len(k), dtype=np.int64) for p, k in rows])

    def _less_unpaid(self, due: Ints) -> Ints:
        """(n,) micro-USD that tenants pay: ``due``, less what careless ones ran up beyond their deposits."""
        network, ledger = self.network, self.world.ledger
        rules = network.rules.tenants
        ledger.transfer(int(due.sum()), "USD", network.fees, network.tenants.account)
        careless = np.floor(due * rules.underfunded).astype(np.int64)
        deposits = covered(careless, rules.deposit_lasts, rules.unnoticed)
        _, unpaid = run_leases(deposits, careless)
        ledger.transfer(int(unpaid.sum()), "USD", network.tenants.account, WORLD)
        self.tally["unpaid"] += int(unpaid.sum())
        payable: Ints = due - unpaid
        return payable

    def _pay(self, payable: Ints, rows: list[Rows], rule: Payment) -> None:
        if rule.credit is None:
            self._pay_directly(payable, rows, rule)
        else:
            self._pay_in_credit(payable, rows)

    def note_income(self, amounts: Ints, rows: list[Rows], in_usd: bool = False) -> None:
        """Count micro-USD as providers' income; what is not in USD is discounted by their haircut."""
        for population, k, part in divided(amounts, rows):
            if not self._is_programmes(population):
                kept = 1.0 if in_usd else 1.0 - population.rules.token_haircut
                population.book.token_rate[k] += part / MICRO * kept / self.network.income_days

    def _is_programmes(self, population: object) -> bool:
        """Whether what a population earns goes to the programme."""
        programme = self.programme
        return programme is not None and self.network.populations[programme.population] is population

    def _send(self, paid: list[Paid], asset: str) -> None:
        """Pay providers, or the programme in their place, out of the tenants' account."""
        ledger, account = self.world.ledger, self.network.tenants.account
        for population, k, amounts in paid:
            if self._is_programmes(population):
                assert self.programme is not None
                ledger.transfer(int(amounts.sum()), asset, account, self.programme.account)
            else:
                places = population.book.usd_account if asset == "USD" else population.book.token_account
                ledger.pay_out(amounts, asset, account, places[k])

    def _sell(self, paid: list[Paid]) -> None:
        self.network.sell_tokens(self.token, [item for item in paid if not self._is_programmes(item[0])])

    # -- in AKT and stablecoins ------------------------------------------------------------------------------

    def _pay_directly(self, payable: Ints, rows: list[Rows], rule: Payment) -> None:
        """Stablecoins as they are and AKT bought for the rest, both less the take fee."""
        ledger, token, account = self.world.ledger, self.token, self.network.tenants.account
        in_usd = np.floor(payable * rule.usd_share).astype(np.int64)
        fee = take_fees(in_usd, rule.take_usd)
        self._send(divided(in_usd - fee, rows), "USD")
        ledger.transfer(int(fee.sum()), "USD", account, token.treasury)
        self.tally["take_usd"] += int(fee.sum())
        self.note_income(in_usd - fee, rows, in_usd=True)

        for_akt = payable - in_usd
        bought = ledger.split(token.buy(int(for_akt.sum()), account, account), for_akt)
        fee = take_fees(bought, rule.take_akt)
        ledger.transfer(int(fee.sum()), token.asset, account, token.treasury)
        self.tally["take_akt"] += int(fee.sum())
        self.note_income(for_akt - take_fees(for_akt, rule.take_akt), rows)
        paid = divided(bought - fee, rows)
        self._send(paid, token.asset)
        self._sell(paid)

    # -- in credit -------------------------------------------------------------------------------------------

    def _pay_in_credit(self, payable: Ints, rows: list[Rows]) -> None:
        """Pay arrears and the epoch's work out of deposits; while minting is halted, in AKT what lacks."""
        network, ledger = self.network, self.world.ledger
        vault, tenants = network.vault, network.tenants
        assert vault is not None
        arrears = [
            np.pad(old, (0, len(k) - len(old)))
            for old, (_, k) in zip(self._arrears.values(), rows, strict=True)
        ]
        owed = payable + np.concatenate(arrears)
        held = ledger.balance(ACT, tenants.deposits)
        deposits = owed if held >= int(owed.sum()) else ledger.split(held, owed)
        paid, unsettled = run_leases(deposits, owed)
        for (population, k, part), name in zip(divided(paid, rows), network.populations, strict=True):
            if self._is_programmes(population):
                assert self.programme is not None
                ledger.transfer(int(part.sum()), ACT, tenants.deposits, self.programme.account)
                continue
            block = self.credit_held[name]
            block.extend(len(population.book.alive) - len(block))
            ledger.pay_out(part, ACT, tenants.deposits, block.indices[k])
        self.note_income(paid, rows)
        tenants.buy(int(unsettled.sum()))
        price = network.oracle.price
        if price is not None and unsettled.any() and not vault.status(price)["mint"]:
            akt, left, _ = escrow_akt_fallback(
                unsettled.tolist(), ledger.balance(self.token.asset, tenants.account), price
            )
            in_akt = divided(np.array(akt, dtype=np.int64), rows)
            self._send(in_akt, self.token.asset)
            self.note_income(unsettled - np.array(left, dtype=np.int64), rows)
            unsettled = np.array(left, dtype=np.int64)
            self._sell(in_akt)
        for name, (_, _, part) in zip(self._arrears, divided(unsettled, rows), strict=True):
            self._arrears[name] = part
        tenants.request()

    def redeem(self, share: float | None = None) -> None:
        """Providers ask for AKT for a share of their credit; those who have left for all of it."""
        network = self.network
        assert network.vault is not None
        usual = weight_of_new(network.epoch, network.rules.held) if share is None else share
        balances = self.world.ledger.accounts(ACT).balances.copy()
        for name, population in network.populations.items():
            accounts = self.credit_held[name].indices
            alive = population.book.alive[: len(accounts)]
            held = balances[accounts]
            asked = np.where(alive, np.floor(held * usual).astype(np.int64), held)
            for row in np.flatnonzero(asked).tolist():
                target = int(population.book.token_account[row])
                network.vault.request(
                    Request("redeem", int(asked[row]), int(accounts[row]), target, (name, row))
                )

    def executed(self, done: list[tuple[Request, int]]) -> None:
        """A batch is over: providers sell a part of the proceeds; others do with theirs what they do."""
        rows: dict[str, list[tuple[int, int]]] = {}
        for request, received in done:
            if isinstance(request.holder, tuple):
                name, row = request.holder
                rows.setdefault(name, []).append((row, received))
            elif request.holder is not None:
                request.holder.executed(request, received)
        paid: list[Paid] = []
        for name, amounts in rows.items():
            k, tokens = np.array(amounts, dtype=np.int64).T
            paid.append((self.network.populations[name], k, tokens))
        if paid:
            self.network.sell_tokens(self.token, paid)
