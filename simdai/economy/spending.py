"""What a project spends to go on: salaries, audits, servers; paid from fees, from cash, then from tokens."""

from __future__ import annotations

import math

from simdai.economy.actors import World
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.registry import Configured
from simdai.units import Share, UsdPerDay

__all__ = ["Spending", "Treasury"]

MICRO = 10**6
DAYS_PER_YEAR = 365.25


class Spending(Configured):
    """A project's budget.

    Parameters
    ----------
    per_day : USD
    most_sold : largest share of its tokens that the treasury sells in one settlement
    """

    per_day: UsdPerDay
    most_sold: Share = 1.0


class Treasury:
    """A project's purse on the clock: the operator's fees, the treasury's USD, then its tokens.

    Accounts: ``NAME.operator`` (USD) and ``NAME.treasury`` (USD and tokens), which the network has opened.
    """

    def __init__(self, rules: Spending, world: World, name: str, token: TokenMarket | None) -> None:
        self.rules, self.world, self.token = rules, world, token
        self.operator, self.treasury = f"{name}.operator", f"{name}.treasury"
        world.ledger.open(self.treasury)
        self._until = 0.0
        self.due = self.paid = 0.0
        """USD since the start, simulated."""

    def settle(self) -> None:
        """Pay what has come due since the last time, as far as the purse reaches."""
        ledger, now = self.world.ledger, self.world.env.now
        days, self._until = now - self._until, now
        due = round(self.rules.per_day * days / self.world.scale * MICRO)
        owed = due - self._pay(due, self.operator)
        owed -= self._pay(owed, self.treasury)
        if owed and self.token is not None:
            held = ledger.balance(self.token.asset, self.treasury)
            wanted = math.ceil(owed / MICRO * self.token.units_per_usd)
            self.token.sell(
                min(wanted, math.floor(held * self.rules.most_sold)), self.treasury, self.treasury
            )
            owed -= self._pay(owed, self.treasury)
        self.due += due / MICRO
        self.paid += (due - owed) / MICRO

    def _pay(self, amount: int, source: str) -> int:
        part = min(amount, self.world.ledger.balance("USD", source))
        self.world.ledger.transfer(part, "USD", source, WORLD)
        return part

    @property
    def value(self) -> float:
        """USD of the purse, tokens at what their sale would bring, simulated."""
        ledger = self.world.ledger
        cash = ledger.balance("USD", self.operator) + ledger.balance("USD", self.treasury)
        if self.token is None:
            return cash / MICRO
        tokens = ledger.balance(self.token.asset, self.treasury)
        return (cash + (self.token.book.sell(tokens)[0] if tokens else 0)) / MICRO

    @property
    def runway_years(self) -> float:
        """Years that the purse would last at the budget, fees still to come not counted."""
        per_year = self.rules.per_day * DAYS_PER_YEAR / self.world.scale
        return self.value / per_year if per_year else math.inf

    @property
    def paid_share(self) -> float:
        """Share of the budget since the start that was paid."""
        return self.paid / self.due if self.due else math.nan
