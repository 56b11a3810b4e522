"""Trading the oracle's price of AKT against the market's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from simdai.economy.actors import World
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.calendar import Phase
from simdai.errors import Problem
from simdai.networks.akash_vault import ACT, CreditVault, Request
from simdai.units import Positive, Usd

__all__ = ["Arbitrageur", "OracleArbitrage"]

MICRO = 10**6
SOME = MICRO  # micro-USD below which no trade is worth its while
HOURLY = 1.0 / 24.0


class OracleArbitrage(Attack, kind="oracle_arbitrage"):
    """Somebody buys AKT to mint credit while the oracle's price is too high, redeems while it is too low.

    The gain a unit of credit is the move that the oracle has not seen, less the mint spread, and less what
    the own trade moves the market. The market's trades of a day come in one instant: with traders about, an
    oracle that lags by minutes gives away the whole day's move. Meant for stated jumps.

    Parameters
    ----------
    capital : in cash; credit : in ACT, minted at the start
    least_gain : per unit, below which no trade is made
    """

    against: ClassVar[tuple[str, ...]] = ("akash",)

    capital: Usd
    credit: Usd = 0.0
    least_gain: Positive

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is None or network.kind not in self.against or self.at < scenario.start:
            return
        if network.payment.at(self.at).credit is None:
            found = f"{self.at}, when leases are not paid in credit"
            yield Problem(path="at", found=found, allowed="a day under payment in credit")

    def build(self, world: World, name: str) -> Arbitrageur:
        return Arbitrageur(self, world, name)


class Arbitrageur(AttackActor):
    """The trader on the clock; its account holds USD, AKT and ACT, and the world lends the capital.

    Besides what every attack reports: ``gain_per_credit``, USD of profit per unit of credit converted for
    gain, and ``credit_minted``. Proceeds include what it still holds, an ACT counted as a USD. When it ends
    it trades no more.
    """

    rules: OracleArbitrage

    def __init__(self, rules: OracleArbitrage, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.token = self.network.token
        for asset in (self.token.asset, ACT):
            world.ledger.open(self.account, asset)
        self.profit = {"mint": 0, "redeem": 0, "close": 0}  # micro-USD, an ACT counted as a USD
        self.volume = {"mint": 0, "redeem": 0, "close": 0}  # micro-ACT
        self._target = round(rules.credit / world.scale * MICRO)
        self._trading = self._waiting = False

    @property
    def vault(self) -> CreditVault:
        """The vault of the network."""
        vault: CreditVault = self.network.vault
        return vault

    def start(self) -> None:
        super().start()
        recorder, scale = self.world.recorder, self.world.scale
        recorder.outcome(f"{self.account}.gain_per_credit", "1", lambda: self.gain)
        recorder.outcome(
            f"{self.account}.credit_minted", "token", lambda: scale * self.volume["mint"] / MICRO
        )

    @property
    def sums(self) -> Sums:
        balance = self.world.ledger.balance
        tokens = balance(self.token.asset, self.account) + self.vault.pending("mint", self)
        usd = sum(balance(asset, self.account) for asset in ("USD", ACT))
        usd += self.vault.pending("redeem", self)
        return self.spent, self.earned + usd / MICRO + tokens / self.token.units_per_usd

    def strike(self) -> Callable[[], None]:
        """Take the capital and mint the first credit, then watch the market."""
        world, scale = self.world, self.world.scale
        self.bring(self.rules.capital / scale)
        if self._target:
            self.bring(self._target / MICRO)
            bought = self.token.buy(self._target, self.account, self.account)
            self.vault.request(Request("mint", bought, self.account, self.account, self, "hold"))
        self._trading = True
        self.token.listeners.append(self._notice)
        world.calendar.at(world.env.now + HOURLY, Phase.MEASUREMENT, self._look)

        def stop() -> None:
            self._trading = False
            self.token.listeners.remove(self._notice)

        return stop

    def _look(self) -> None:
        """Once an hour: an oracle that has caught up lets positions be closed."""
        if self._trading:
            self.close()
            self.world.calendar.at(self.world.env.now + HOURLY, Phase.MEASUREMENT, self._look)

    def _notice(self) -> None:
        """The market has moved: look at it as soon as this instant is over."""
        if not self._waiting:
            self._waiting = True
            self.world.calendar.at(self.world.env.now + self.vault.block, Phase.EPOCHS, self._trade)

    def _trade(self) -> None:
        self._waiting = False
        known, spread = self.vault.oracle.price, self.vault.rules.mint_spread
        if known is None or not self._trading:
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
        if request.purpose == "hold":
            return
        if request.side == "mint" and received:
            self.profit["mint"] += received - request.cost
            self.volume["mint"] += math.floor(received / (1.0 - self.vault.rules.mint_spread))
        elif request.side == "mint":  # cancelled: what was to be minted is sold again
            self.token.sell(request.amount, self.account, self.account)
        elif received:
            proceeds = self.token.sell(received, self.account, self.account)
            self.profit[request.purpose] += proceeds - request.cost
            self.volume[request.purpose] += request.amount

    @property
    def gain(self) -> float:
        """USD of profit per unit of credit converted for gain; nan without a trade."""
        volume, profit = (table["mint"] + table["redeem"] for table in (self.volume, self.profit))
        return profit / volume if volume else math.nan
