"""Salad on the Render network: a burn when customers pay, tokens when nodes work."""

from __future__ import annotations

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.burn_mint import render_salad_flows
from simdai.mechanisms.price_oracle import time_weighted_price
from simdai.networks.render_rules import Salad, SaladProduct
from simdai.networks.render_treasury import Treasuries

__all__ = ["SaladSubnet"]

MICRO = 10**6
DAY = 86_400.0
DAYS_PER_YEAR = 365.25


class SaladSubnet:
    """Salad's payments and rewards, day by day.

    Accounts: ``NAME.salad`` (customers' USD on its way), ``NAME.salad.operator``, ``NAME.foundation``,
    ``NAME.salad.nodes``. Rewards come out of the treasury's operations, whose emission RNP-023 pulls forward
    for them; what it cannot pay stays owed.
    """

    def __init__(self, world: World, name: str, token: TokenMarket, treasuries: Treasuries) -> None:
        self.world, self.token, self.treasuries = world, token, treasuries
        self.till, self.operator, self.foundation, self.nodes = (
            f"{name}.{role}" for role in ("salad", "salad.operator", "foundation", "salad.nodes")
        )
        for account in (self.till, self.operator, self.foundation, self.nodes):
            world.ledger.open(account)
            world.ledger.open(account, token.asset)
        self._due: list[tuple[float, bool, float, SaladProduct]] = []  # (day, is it payment, USD, of what)
        self._quotes: list[tuple[float, float]] = []  # (second, USD per token)
        self.owed_usd = 0.0
        """Worth of the rewards that the treasury could not pay."""
        self.revenue_usd = self.burned = self.rewarded = self.rewarded_usd = 0.0
        """Since the start: USD that customers paid; tokens; worth of the rewards when they were paid."""

    def start(self) -> None:
        """Note the price at the end of every day."""
        self.world.calendar.every(1.0, Phase.MEASUREMENT, self._quote, first=0.0)

    def _quote(self) -> None:
        self._quotes.append((self.world.env.now * DAY, self.token.price))

    def day(self, rules: Salad) -> float:
        """The work and the payments of the day that ends; returns the USD paid."""
        now, before = self.world.env.now, self.revenue_usd
        for product in rules.products.values():
            usd = rules.revenue / DAYS_PER_YEAR / self.world.scale * product.weight
            lag = product.paid_after
            if usd:
                self._due.append((now + max(-lag, 0.0), False, usd, product))
                self._due.append((now + max(lag, 0.0), True, usd, product))
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
        self._reward(earned, price_of_work, rules.sold)
        return self.revenue_usd - before

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

    def _reward(self, usd: float, price: float, sold: float) -> None:
        token = self.token
        wanted = int(usd / price * token.unit)
        paid = min(wanted, self.treasuries.balance("operations"))
        self.owed_usd = (wanted - paid) / token.unit * price
        account = self.treasuries.accounts["operations"]
        self.world.ledger.transfer(paid, token.asset, account, self.nodes)
        self.rewarded += paid / token.unit
        self.rewarded_usd += paid / token.unit * price
        self.treasuries.sell(int(paid * sold), self.nodes)
