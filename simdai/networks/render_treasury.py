"""Render's mint and treasuries: scheduled emission, what of it is paid out, what recipients sell."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.emission import RENDER_LAST_YEAR, render_month_emission
from simdai.networks.render_rules import Emission, Treasury

__all__ = ["CATEGORIES", "Treasuries", "months"]

CATEGORIES = ("operations", "node_rewards", "grants")


def months(genesis: datetime.date) -> Iterator[tuple[datetime.date, int]]:
    """The day on which each month of the schedule begins, and its BME year."""
    for n in range(12 * RENDER_LAST_YEAR):
        later, month = divmod(genesis.month - 1 + n, 12)
        yield genesis.replace(year=genesis.year + later, month=month + 1), n // 12 + 1


class Treasuries:
    """The mint and the accounts ``NAME.operations``, ``NAME.node_rewards``, ``NAME.grants``.

    Recipients of operations and grants are the account ``NAME.recipients``. A month's emission is minted at
    the start of the month; fractions of a base unit are carried on.
    """

    def __init__(
        self, rules: Emission, treasury: Mapping[Any, Treasury], world: World, name: str, token: TokenMarket
    ) -> None:
        self.rules, self.treasury, self.world, self.token = rules, treasury, world, token
        self.accounts = {category: f"{name}.{category}" for category in CATEGORIES}
        self.recipients = f"{name}.recipients"
        ledger = world.ledger
        for account in (*self.accounts.values(), self.recipients):
            ledger.open(account, token.asset)
            ledger.open(account)
        for category, account in self.accounts.items():
            held = ledger.to_units(treasury[category].held / world.scale, token.asset)
            ledger.transfer(held, token.asset, token.holders, account)
        self.before = sum(
            render_month_emission(year) for day, year in months(rules.genesis) if day <= world.start_date
        )
        """Tokens that the schedule had minted when the scenario starts, that day included."""
        self.level = 1.0
        self._scheduled = 0.0  # tokens since then, real ones, unrounded
        self.minted = 0  # base units since then, simulated ones
        self.released, self.released_usd = 0, 0.0
        """Base units paid to recipients of operations and grants, and their simulated USD when paid."""

    def start(self) -> None:
        """Put the months on the calendar."""
        for day, year in months(self.rules.genesis):
            time = self.world.days_until(day)
            if 0 < time <= self.world.horizon:
                self.world.calendar.at(time, Phase.EPOCHS, partial(self._mint, day, year))

    @property
    def cumulative(self) -> float:
        """Tokens minted since BME year 1, real ones."""
        return self.before + self.minted / self.token.unit * self.world.scale

    def balance(self, category: str) -> int:
        """Base units of a category."""
        return self.world.ledger.balance(self.token.asset, self.accounts[category])

    def _mint(self, day: datetime.date, year: int) -> None:
        ledger, asset = self.world.ledger, self.token.asset
        room = max(self.rules.cap - self.before, 0.0)
        self._scheduled = min(self._scheduled + self.level * render_month_emission(year), room)
        new = int(self._scheduled / self.world.scale * self.token.unit) - self.minted
        self.minted += new
        budget = self.rules.budget.at(day)
        parts = ledger.split(new, [getattr(budget, category) for category in CATEGORIES]).tolist()
        for category, amount in zip(CATEGORIES, parts, strict=True):
            account, rules = self.accounts[category], self.treasury[category]
            ledger.mint(amount, asset, account)
            paid = int(amount * rules.spent)
            ledger.transfer(paid, asset, account, self.recipients)
            self.released += paid
            self.released_usd += paid / self.token.units_per_usd
            self.sell(int(paid * rules.sold), self.recipients)

    def sell(self, amount: int, account: str) -> None:
        """Recipients sell tokens and spend the USD outside the model."""
        ledger = self.world.ledger
        usd = self.token.sell(amount, account, account)
        ledger.transfer(usd, "USD", account, WORLD)
