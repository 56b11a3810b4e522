"""Render's mint and treasuries: scheduled emission, what of it is paid out, what recipients sell."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.emission import RENDER_LAST_YEAR, net_emission, render_month_emission, render_unspent
from simdai.networks.render_budgets import Emission, Treasury

__all__ = ["CATEGORIES", "Month", "Treasuries", "months"]

CATEGORIES = ("operations", "node_rewards", "grants")

Month = tuple[datetime.date, int, int]  # the day on which it begins, BME year, month of that year from 1


def months(genesis: datetime.date) -> Iterator[Month]:
    """All months of the schedule."""
    for n in range(12 * RENDER_LAST_YEAR):
        later, month = divmod(genesis.month - 1 + n, 12)
        yield genesis.replace(year=genesis.year + later, month=month + 1), n // 12 + 1, n % 12 + 1


class Treasuries:
    """The mint and the accounts ``NAME.operations``, ``NAME.node_rewards``, ``NAME.grants``.

    Recipients of operations and grants are the account ``NAME.recipients``. A month's emission is minted at
    the start of the month; fractions of a base unit are carried on. Without the foundation's ``rewards``
    nothing is minted; what a month would have brought never comes.
    """

    def __init__(
        self,
        rules: Emission,
        treasury: Mapping[Any, Treasury],
        world: World,
        name: str,
        token: TokenMarket,
        foundation: Mapping[str, bool],
    ) -> None:
        self.rules, self.treasury, self.world, self.token = rules, treasury, world, token
        self.foundation = foundation
        self.accounts = {category: f"{name}.{category}" for category in CATEGORIES}
        self.recipients = f"{name}.recipients"
        ledger = world.ledger
        for account in (*self.accounts.values(), self.recipients):
            ledger.open(account, token.asset)
            ledger.open(account)
        self._got, self._spent = dict.fromkeys(CATEGORIES, 0), dict.fromkeys(CATEGORIES, 0)
        for category, account in self.accounts.items():
            held = ledger.to_units(treasury[category].held / world.scale, token.asset)
            ledger.transfer(held, token.asset, token.holders, account)
            self._got[category] = held
        self.before = sum(
            render_month_emission(year) for day, year, _ in months(rules.genesis) if day <= world.start_date
        )
        """Tokens that the schedule had minted when the scenario starts, that day included."""
        self.level = 1.0
        self._scheduled = 0.0  # tokens since then, real ones, unrounded
        self.minted = 0  # base units since then, simulated ones
        self.pulled = 0.0
        """Tokens of the minted ones that were minted ahead of the schedule, real ones."""
        self.reminted = 0
        """Base units minted again after the cap since the start."""
        self._burned_to, self._target = 0.0, 0.0
        self.released, self.released_usd = 0, 0.0
        """Base units paid to recipients of operations and grants, and their simulated USD when paid."""
        self.monthly: list[Callable[[Month], None]] = []
        """Called at the start of every month, behind the mint."""

    def start(self) -> None:
        """Put the months on the calendar."""
        for month in months(self.rules.genesis):
            time = self.world.days_until(month[0])
            if 0 < time <= self.world.horizon:
                self.world.calendar.at(time, Phase.EPOCHS, partial(self._begin, month))
        self.world.recorder.checks.append(self._check)

    @property
    def cumulative(self) -> float:
        """Tokens minted since BME year 1, real ones, those minted again not counted."""
        return self.before + self.minted / self.token.unit * self.world.scale

    # -- paying ----------------------------------------------------------------------------------------------

    def balance(self, category: str) -> int:
        """Base units of a category: minted for it and not paid out."""
        return round(render_unspent(self._got[category], self._spent[category]))

    def _check(self) -> None:
        for category, account in self.accounts.items():
            held = self.world.ledger.balance(self.token.asset, account)
            assert held == self.balance(category), f"{account} holds {held}, not {self.balance(category)}"

    def pay(self, category: str, amount: int, target: str | int) -> None:
        """Pay base units of a category to an account."""
        self.world.ledger.transfer(amount, self.token.asset, self.accounts[category], target)
        self._spent[category] += amount

    def pay_out(self, category: str, amounts: Any, targets: Any) -> None:
        """Pay (n,) base units of a category to (n,) places."""
        self.world.ledger.pay_out(amounts, self.token.asset, self.accounts[category], targets)
        self._spent[category] += int(amounts.sum())

    def burn(self, category: str, amount: int) -> None:
        """Burn base units of a category."""
        self.world.ledger.burn(amount, self.token.asset, self.accounts[category])
        self._spent[category] += amount

    def raise_usd(self, category: str, usd: int) -> str:
        """Have ``usd`` micro-USD on the account of a category, as far as the sale of its tokens goes."""
        ledger, token, account = self.world.ledger, self.token, self.accounts[category]
        lacks = usd - ledger.balance("USD", account)
        if lacks > 0:
            # A little more than the marginal price says, since the sale moves it; what is too much stays.
            tokens = min(int(lacks / 1e6 * token.units_per_usd * 1.02) + 1, self.balance(category))
            token.sell(tokens, account, account)
            self._spent[category] += tokens
        return account

    def sell(self, amount: int, account: str) -> None:
        """Recipients sell tokens and spend the USD outside the model."""
        ledger = self.world.ledger
        usd = self.token.sell(amount, account, account)
        ledger.transfer(usd, "USD", account, WORLD)

    # -- the mint --------------------------------------------------------------------------------------------

    def _begin(self, month: Month) -> None:
        """Mint a month's emission and pay out of it what is spent in the month."""
        if not self.foundation["rewards"]:
            return
        day, year, number = month
        self._scheduled += self.level * render_month_emission(year)
        new = self._mint_up_to(self._scheduled)
        budget = self.rules.budget.at(day).parts(year, number)
        parts = self.world.ledger.split(new, [budget[category] for category in CATEGORIES]).tolist()
        for category, amount in zip(CATEGORIES, parts, strict=True):
            self._receive(category, amount)
            paid = min(int(amount * self.treasury[category].spent), self.balance(category))
            self.pay(category, paid, self.recipients)
            self.released += paid
            self.released_usd += paid / self.token.units_per_usd
            self.sell(int(paid * self.treasury[category].sold), self.recipients)
        for called in self.monthly:
            called(month)

    def _mint_up_to(self, scheduled: float) -> int:
        """Base units that are still to be minted to come to ``scheduled`` tokens, within the cap."""
        room = max(self.rules.cap - self.before, 0.0)
        self._scheduled = min(scheduled, room)
        new = int(self._scheduled / self.world.scale * self.token.unit) - self.minted
        self.minted += new
        return new

    def _receive(self, category: str, amount: int) -> None:
        self.world.ledger.mint(amount, self.token.asset, self.accounts[category])
        self._got[category] += amount

    def pull_forward(self, category: str, tokens: float) -> None:
        """Mint ``tokens`` ahead of the schedule: the cap stays and is reached sooner (RNP-023)."""
        before = self._scheduled
        self._receive(category, self._mint_up_to(self._scheduled + tokens))
        self.pulled += self._scheduled - before

    def end_epoch(self) -> None:
        """Once the cap is reached, mint for nodes again some of what was burned in the epoch."""
        burned, rules = self.token.burned * self.world.scale, self.rules.remint
        burn, self._burned_to = burned - self._burned_to, burned
        if rules is None or self.cumulative < self.rules.cap - self.world.scale / self.token.unit - 1e-6:
            return
        result = net_emission(self._target, burn, rules.most, rules.smoothing)
        self._target = result["target"]
        amount = int(result["net"] / self.world.scale * self.token.unit)
        self._receive("node_rewards", amount)
        self.reminted += amount
