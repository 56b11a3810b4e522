"""Trading the oracle's price of AKT against the market's."""

from __future__ import annotations

import math

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.networks.akash_rules import Arbitrage
from simdai.networks.akash_vault import ACT, CreditVault, Request

__all__ = ["Arbitrageur"]

MICRO = 10**6
SOME = MICRO  # micro-USD below which no trade is worth its while


class Arbitrageur:
    """Buys AKT to mint credit while the oracle's price is too high, redeems credit while it is too low.

    The gain a unit of credit is the move that the oracle has not seen, less the mint spread, and less what
    the own trade moves the market. Accounts: ``NAME.arbitrage`` in USD, AKT and ACT; the world lends the
    capital.
    """

    def __init__(
        self, rules: Arbitrage, world: World, name: str, token: TokenMarket, vault: CreditVault
    ) -> None:
        self.rules, self.world, self.token, self.vault = rules, world, token, vault
        self.account = f"{name}.arbitrage"
        for asset in ("USD", token.asset, ACT):
            world.ledger.open(self.account, asset)
        self.profit = {"mint": 0, "redeem": 0, "close": 0}  # micro-USD, an ACT counted as a USD
        self.volume = {"mint": 0, "redeem": 0, "close": 0}  # micro-ACT
        self._target = round(rules.credit / world.scale * MICRO)
        self._waiting = False

    def start(self) -> None:
        """Take the capital and mint the first credit, then watch the market."""
        ledger, token = self.world.ledger, self.token
        ledger.transfer(round(self.rules.capital / self.world.scale * MICRO), "USD", WORLD, self.account)
        if self._target:
            bought = token.buy(self._target, WORLD, self.account)
            self.vault.request(Request("mint", bought, self.account, self.account, None))
        token.listeners.append(self._notice)

    def _notice(self) -> None:
        """The market has moved: look at it as soon as this instant is over."""
        if not self._waiting:
            self._waiting = True
            self.world.calendar.at(self.world.env.now + self.vault.block, Phase.EPOCHS, self._trade)

    def _trade(self) -> None:
        self._waiting = False
        known, spread = self.vault.oracle.price, self.vault.rules.mint_spread
        if known is None:
            return
        served, market = self.vault.status(known), self.token.price
        if served["mint"] and known * (1.0 - spread) / market - 1.0 > self.rules.least_gain:
            self._mint(known * (1.0 - spread))
        elif served["redeem"] and market / known - 1.0 > self.rules.least_gain:
            held = self.world.ledger.balance(ACT, self.account)
            self._redeem(held, "redeem")
        else:
            self.close()

    def _mint(self, price: float) -> None:
        """Buy AKT up to ``price`` with what cash there is, and mint."""
        usd, _ = self.token.book.order_to(price)
        usd = min(usd, self.world.ledger.balance("USD", self.account))
        if usd < SOME:
            return
        akt = self.token.buy(usd, self.account, self.account)
        self.vault.request(Request("mint", akt, self.account, self.account, self, "mint", usd))

    def close(self) -> None:
        """Redeem what was minted for gain once the oracle has caught up."""
        known = self.vault.oracle.price
        if known is None or abs(self.token.price / known - 1.0) > self.rules.least_gain:
            return
        more = self.world.ledger.balance(ACT, self.account) - self._target
        if more > SOME and not self.vault.pending("redeem", self):
            self._redeem(more, "close")

    def _redeem(self, amount: int, purpose: str) -> None:
        self.vault.request(Request("redeem", amount, self.account, self.account, self, purpose, amount))

    def executed(self, request: Request, received: int) -> None:
        """Take stock of a request of its own; AKT are sold at once."""
        if request.side == "mint" and received:
            self.profit["mint"] += received - request.cost
            self.volume["mint"] += math.floor(received / (1.0 - self.vault.rules.mint_spread))
        elif request.side == "mint":  # cancelled: what was to be minted is sold again
            self._sell(request.amount)
        elif received:
            self.profit[request.purpose] += self._sell(received) - request.cost
            self.volume[request.purpose] += request.amount

    def _sell(self, tokens: int) -> int:
        return self.token.sell(tokens, self.account, self.account)

    @property
    def gain(self) -> float:
        """USD of profit per unit of credit converted for gain; nan without a trade."""
        volume, profit = (table["mint"] + table["redeem"] for table in (self.volume, self.profit))
        return profit / volume if volume else math.nan
