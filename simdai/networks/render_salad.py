"""Salad on the Render network: a burn when customers pay, tokens when nodes work."""

from __future__ import annotations

import datetime

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.burn_mint import render_salad_flows
from simdai.mechanisms.price_oracle import time_weighted_price
from simdai.networks.render_hosts import SaladHosts
from simdai.networks.render_salad_rules import Hosts, Salad, SaladProduct
from simdai.networks.render_treasury import Month, Treasuries

__all__ = ["SaladSubnet"]

MICRO = 10**6
DAY = 86_400.0
DAYS_PER_YEAR = 365.25

Due = tuple[float, bool, float, SaladProduct]  # day, whether it is a payment, USD, of what


class SaladSubnet:
    """Salad's payments and rewards, day by day.

    Accounts: ``NAME.salad`` (customers' USD on its way), ``NAME.salad.operator``, ``NAME.foundation``,
    ``NAME.salad.nodes`` (rewards that nodes have not withdrawn), those of the nodes. Rewards come out of the
    treasury's operations; what it cannot pay stays owed.
    """

    def __init__(
        self,
        rules: Salad,
        hosts: Hosts | None,
        world: World,
        name: str,
        token: TokenMarket,
        treasuries: Treasuries,
    ) -> None:
        self.rules, self.world, self.token, self.treasuries = rules, world, token, treasuries
        self.till, self.operator, self.foundation, self.nodes = (
            f"{name}.{role}" for role in ("salad", "salad.operator", "foundation", "salad.nodes")
        )
        for account in (self.till, self.operator, self.foundation, self.nodes):
            world.ledger.open(account)
            world.ledger.open(account, token.asset)
        self.hosts = SaladHosts(hosts, world, name, token, self.nodes) if hosts else None
        self.level = 1.0
        """Factor on what customers pay."""
        self._due: list[Due] = []
        self._quotes: list[tuple[float, float]] = []  # (second, USD per token)
        self._revenue = 0.0  # USD a year in the stage of the last day
        self.owed_usd = 0.0
        """Worth of the rewards that the treasury could not pay."""
        self.revenue_usd = self.burned = self.rewarded = self.rewarded_usd = 0.0
        """Since the start: USD that customers paid; tokens; worth of the rewards when they were paid."""
        self._month_usd = 0.0  # worth of the rewards since the last month began
        treasuries.monthly.append(self._month)

    def start(self) -> None:
        """Note the price at the end of every day."""
        self.world.calendar.every(1.0, Phase.MEASUREMENT, self._quote, first=0.0)
        if self.hosts:
            self.hosts.start()

    def _quote(self) -> None:
        self._quotes.append((self.world.env.now * DAY, self.token.price))

    def _month(self, month: Month) -> None:
        """Have operations hold the rewards of the coming month: those expected, or those of the last one."""
        if not self.rules.pulls_forward:
            return
        expected = self.rules.reward * self.level * self.rules.revenue(month[0]) / 12.0
        wanted = max(expected, self._month_usd * self.world.scale) / self.token.price
        held = self.treasuries.balance("operations") / self.token.unit * self.world.scale
        self._month_usd = 0.0
        if wanted > held:
            self.treasuries.pull_forward("operations", wanted - held)

    def work(self, day: datetime.date, days: float) -> float:
        """The work and the payments of ``days`` that end with ``day``; returns the USD paid."""
        rules, revenue = self.rules, self.level * self.rules.revenue(day)
        if self.hosts and revenue > self._revenue:
            self.hosts.migrate(revenue)
        self._revenue = revenue
        now, before = self.world.env.now, self.revenue_usd
        for product in rules.products.values():
            usd = revenue / DAYS_PER_YEAR / self.world.scale * product.weight * days
            if usd:
                self._schedule(usd, product)
        due = [item for item in self._due if item[0] <= now]
        self._due = [item for item in self._due if item[0] > now]
        price_of_work = time_weighted_price(self._quotes, now * DAY, rules.twap * DAY)
        self._quotes = [q for q in self._quotes if q[0] >= (now - rules.twap - 1.0) * DAY]
        earned, self.owed_usd = self.owed_usd, 0.0
        for _, is_payment, usd, product in due:
            if is_payment:
                self._pay(usd, product)
                continue
            flows = render_salad_flows(usd, product.burn, product.reward, self.token.price, price_of_work)
            earned += flows["rewarded"] * price_of_work
        self._reward(earned, price_of_work, days)
        return self.revenue_usd - before

    def _schedule(self, usd: float, product: SaladProduct) -> None:
        """Put some days' revenue on the list: the work and the payment of each kind of payment."""
        now = self.world.env.now
        for terms in product.payments.values():
            part, lag = usd * terms.share, terms.paid_after
            if terms.worked:
                self._due.append((now + max(-lag, 0.0), False, part, product))
            self._due.append((now + max(lag, 0.0), True, part, product))

    def _pay(self, usd: float, product: SaladProduct) -> None:
        ledger = self.world.ledger
        amount = round(usd * MICRO)
        ledger.transfer(amount, "USD", WORLD, self.till)
        operator, foundation, burn = ledger.split(
            amount, [product.operator, product.foundation, product.burn]
        ).tolist()
        ledger.transfer(operator, "USD", self.till, self.operator)
        ledger.transfer(foundation, "USD", self.till, self.foundation)
        self.burned += self.token.buy_and_burn(burn, self.till) / self.token.unit
        self.revenue_usd += amount / MICRO

    def _reward(self, usd: float, price: float, days: float) -> None:
        token, sold = self.token, self.rules.sold
        wanted = int(usd / price * token.unit)
        paid = min(wanted, self.treasuries.balance("operations"))
        self.owed_usd = (wanted - paid) / token.unit * price
        self.treasuries.pay("operations", paid, self.nodes)
        self.rewarded += paid / token.unit
        self.rewarded_usd += paid / token.unit * price
        self._month_usd += paid / token.unit * price
        if self.hosts and self.hosts.count:
            self.hosts.work(paid, days, sold)
        else:
            self.treasuries.sell(int(paid * sold), self.nodes)
