"""The market of a token: its price moves when somebody buys or sells, and in no other way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.mechanisms.choice import smooth
from simdai.mechanisms.price_impact import Book, PriceImpact
from simdai.mechanisms.speculation import NoSpeculation, Speculation, fundamental_value
from simdai.registry import Configured
from simdai.units import Count, PositiveDays, Share, Tokens, TokensPerDay, UsdPerDay, UsdPerToken

__all__ = ["Token", "TokenMarket"]

MICRO = 10**6
DAYS_PER_YEAR = 365.25
ATTEMPTS = 60  # of buying what is missing; each leaves the part that the price moved by
WORTHLESS = 1e-9  # least ratio of value to price that traders act on: a token without fees is worth nothing


class Token(Configured):
    """A token and its market at the start.

    Parameters
    ----------
    symbol : names the asset in the ledger
    decimals : of its base unit
    supply : tokens that exist
    price : USD per token
    market : how deep the market is
    speculation : who trades besides users, providers and the network
    traders_share : share of the supply that those traders hold
    treasury_share : share of the supply that the network holds
    reference_fees : USD a day that users paid when the price was ``price``; the fundamental value follows
        their growth
    step : days between two looks of the traders; one where the depth is that of a day
    absorbed : tokens a day that those who are paid in them sold, net, when the price was ``price``: traders
        who took these up at that price hold a token for worth more than it
    """

    symbol: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,11}$")
    decimals: Count = Field(default=8, le=18)
    supply: Tokens
    price: UsdPerToken
    market: PriceImpact
    speculation: Speculation = NoSpeculation()
    traders_share: Share = 0.0
    treasury_share: Share = 0.0
    reference_fees: UsdPerDay | None = None
    step: PositiveDays = 1.0
    absorbed: TokensPerDay = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.price <= 0 or self.supply <= 0:
            raise ValueError("supply and price must be above zero")
        if self.step != 1.0 and not self.market.open(self.price, self.decimals, 1.0).has_reserves:
            raise ValueError(f"step: {self.step:g} d, but the market's depth is that of a day; give 1 d")
        if self.traders_share + self.treasury_share > 1:
            raise ValueError("traders_share and treasury_share together exceed the supply")
        if self.supply * 10.0**self.decimals >= 2.0**62:
            raise ValueError(
                f"a supply of {self.supply:g} with {self.decimals} decimals does not fit in 64 bits"
            )
        pooled = (
            self.market.open(self.price, self.decimals, 1.0).reserves[0] / 10**self.decimals / self.supply
        )
        if pooled > 1.0 - self.traders_share - self.treasury_share:
            raise ValueError(f"the pool needs {pooled:.1%} of the supply; raise it, or lower the liquidity")
        return self


class TokenMarket:
    """The holders, traders and liquidity of one token.

    Accounts: ``NAME.pool`` (a pool's reserves), ``NAME.holders`` (the public), ``NAME.traders``,
    ``NAME.treasury``, ``NAME.burner``. Every swap is two transfers of whole base units.
    """

    DEPTH = 0.02
    """Move of the price by which depth is quoted."""

    def __init__(self, rules: Token, world: World, name: str) -> None:
        self.rules, self.world, self.name, self.asset = rules, world, name, rules.symbol
        self.ledger = ledger = world.ledger
        ledger.declare(rules.symbol, rules.decimals)
        self.unit = int(10**rules.decimals)
        self.pool, self.holders, self.traders, self.treasury, self.burner = (
            f"{name}.{role}" for role in ("pool", "holders", "traders", "treasury", "burner")
        )
        for account in (self.pool, self.holders, self.traders, self.treasury, self.burner):
            ledger.open(account, self.asset)
            ledger.open(account)
        self.listeners: list[Callable[[], None]] = []
        """Called whenever the market has moved."""
        self.book = rules.market.open(rules.price, rules.decimals, world.scale)
        self._genesis()
        self.sentiment = 1.0
        """Factor on the fundamental value; shocks change it."""
        self._value = rules.price * self._premium()
        self._fees_per_day = math.nan
        self._trend = 0.0
        self._log_price = math.log(self.price)
        self._noise = world.entity("token.noise", name)

    def _genesis(self) -> None:
        """Mint the initial supply and put it where the scenario says."""
        ledger, rules = self.ledger, self.rules
        supply = ledger.to_units(rules.supply / self.world.scale, self.asset)
        ledger.mint(supply, self.asset, self.holders)
        self.genesis = supply
        for share, account in ((rules.traders_share, self.traders), (rules.treasury_share, self.treasury)):
            ledger.transfer(int(supply * share), self.asset, self.holders, account)
        if self.book.has_reserves:
            tokens, usd = self.book.reserves
            ledger.transfer(tokens, self.asset, self.holders, self.pool)
            ledger.transfer(usd, "USD", WORLD, self.pool)

    def _premium(self) -> float:
        """Value over price at which traders take up in a step what others sell at the start."""
        days = self.rules.step
        sold = self.ledger.to_units(self.rules.absorbed * days / self.world.scale, self.asset)
        pull = self.rules.speculation.wanted_move(days, 1.0, 0.0, 0.0)
        if not sold or not pull:
            return 1.0
        return math.exp(math.log(self.price / self.book.sell(sold)[1].price) / pull)

    # -- trading ---------------------------------------------------------------------------------------------

    @property
    def book(self) -> Book:
        """The market's depth now."""
        return self._book

    @book.setter
    def book(self, book: Book) -> None:
        self._book = book
        for listener in self.listeners:
            listener()

    @property
    def price(self) -> float:
        """USD per token."""
        return self.book.price

    @property
    def depth_usd(self) -> float:
        """USD of purchases that raise the price by `DEPTH`, on a fresh day."""
        book = self.book.next_day()
        return book.order_to(book.price * (1.0 + self.DEPTH))[0] / MICRO

    @property
    def units_per_usd(self) -> float:
        """Base units of the token that a USD buys at the marginal price."""
        return self.unit / self.price

    def buy(self, usd: int, payer: str | int, receiver: str | int) -> int:
        """Spend ``usd`` micro-USD of ``payer``; returns the base units that ``receiver`` gets.

        Where holders at large sell and hold too few tokens, they sell what they have, for all the money.
        """
        if usd == 0:
            return 0
        tokens, book = self.book.buy(usd)
        seller = self.pool if book.has_reserves else self.holders
        tokens = min(tokens, self.ledger.balance(self.asset, seller))
        self.ledger.transfer(usd, "USD", payer, self.pool if book.has_reserves else WORLD)
        self.ledger.transfer(tokens, self.asset, seller, receiver)
        self.book = book
        return tokens

    def acquire(
        self, units: int, payer: str | int, receiver: str | int, price_limit: float = 4.0
    ) -> tuple[int, int]:
        """Buy ``units`` base units, or a few more; returns what the market gave and the micro-USD it took.

        The buyer stops when the price is ``price_limit`` times what it was: at 4, half of a pool is bought.
        """
        got, spent, limit = 0, 0, price_limit * self.price
        for _ in range(ATTEMPTS):
            if got >= units:
                break
            usd = math.ceil((units - got) / self.units_per_usd * MICRO)
            if self.price < limit:
                usd = min(usd, self.book.order_to(limit)[0])
            if self.price >= limit or usd == 0:
                break
            more = self.buy(usd, payer, receiver)
            if more == 0:
                break
            got, spent = got + more, spent + usd
        return got, spent

    def sell(self, tokens: int, payer: str | int, receiver: str | int) -> int:
        """Sell ``tokens`` base units of ``payer``; returns the micro-USD that ``receiver`` gets."""
        if tokens == 0:
            return 0
        usd, book = self.book.sell(tokens)
        self.ledger.transfer(tokens, self.asset, payer, self.pool if book.has_reserves else self.holders)
        self.ledger.transfer(usd, "USD", self.pool if book.has_reserves else WORLD, receiver)
        self.book = book
        return usd

    def worth(self, tokens: int) -> float:
        """USD that selling ``tokens`` base units at once would bring now."""
        return self.book.sell(tokens)[0] / MICRO if tokens else 0.0

    def sell_block(
        self, tokens: NDArray[np.int64], accounts: NDArray[np.int64], receivers: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Sell for many at once, at one price; returns (n,) micro-USD, shared in proportion to the tokens.

        Parameters
        ----------
        tokens : (n,) base units; accounts : (n,) their places in the token; receivers : (n,) places in USD
        """
        collector = f"{self.name}.sale"
        self.ledger.open(collector, self.asset)
        self.ledger.open(collector)
        self.ledger.collect(tokens, self.asset, accounts, collector)
        usd = self.ledger.split(self.sell(int(tokens.sum()), collector, collector), tokens)
        self.ledger.pay_out(usd, "USD", collector, receivers)
        return usd

    def buy_and_burn(self, usd: int, payer: str) -> int:
        """Buy tokens for ``usd`` micro-USD of ``payer`` and burn them; returns the base units."""
        tokens = self.buy(usd, payer, self.burner)
        self.ledger.burn(tokens, self.asset, self.burner)
        return tokens

    def move_to(self, price: float, account: str) -> int:
        """Let ``account`` trade to the price ``price``, as far as it holds tokens; the world lends USD.

        Returns the micro-USD that the trade brought, negative where it took them.
        """
        usd, tokens = self.book.order_to(price)
        if usd:
            self.buy(usd, WORLD, account)
            return -usd
        return self.sell(min(tokens, self.ledger.balance(self.asset, account)), account, WORLD)

    def scale_depth(self, factor: float) -> None:
        """Withdraw (``factor`` < 1) or add liquidity at the present price, to and from the public."""
        book = self.book.with_depth(factor)
        if self.book.has_reserves:
            tokens, usd = book.reserves
            more = tokens - self.ledger.balance(self.asset, self.pool)
            self._shift(more, self.asset, self.holders)
            self._shift(usd - self.ledger.balance("USD", self.pool), "USD", WORLD)
        self.book = book

    def _shift(self, amount: int, asset: str, outside: str) -> None:
        source, target = (outside, self.pool) if amount > 0 else (self.pool, outside)
        self.ledger.transfer(abs(amount), asset, source, target)

    # -- speculation -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let traders trade at every step and report the token."""
        step = self.rules.step
        self.world.calendar.every(step, Phase.TRADERS, self._act, first=step)
        recorder, name, scale = self.world.recorder, f"{self.name}.token", self.world.scale
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.depth_usd", "USD", lambda: scale * self.depth_usd)
            register(f"{name}.price_usd", "USD", lambda: self.price)
            register(f"{name}.supply", "token", lambda: scale * self.supply)
            register(f"{name}.market_cap_usd", "USD", lambda: scale * self.supply * self.price)
        recorder.series(f"{name}.treasury_usd", "USD", lambda: scale * self.treasury_usd)
        recorder.series(f"{name}.burned", "token", lambda: scale * self.burned)
        recorder.series(f"{name}.issued", "token", lambda: scale * self.issued)
        recorder.series(f"{name}.net_issuance", "token", lambda: scale * (self.issued - self.burned))
        recorder.outcome(
            f"{name}.net_issuance",
            "token",
            lambda: scale * (self.issued - self.burned - (self._then[1] - self._then[0])),
        )
        recorder.outcome(f"{name}.burned", "token", lambda: scale * (self.burned - self._then[0]))
        recorder.outcome(f"{name}.issued", "token", lambda: scale * (self.issued - self._then[1]))
        self.world.at_window(self._start_window)
        recorder.checks.append(self._check)

    def _start_window(self) -> None:
        self._then = self.burned, self.issued

    @property
    def treasury_usd(self) -> float:
        """Simulated USD that the treasury's tokens and money are worth at the market price."""
        tokens = self.ledger.holding(self.asset, self.treasury) * self.price
        return tokens + self.ledger.holding("USD", self.treasury)

    @property
    def supply(self) -> float:
        """Simulated tokens that exist."""
        return self.ledger.supply(self.asset) / self.unit

    @property
    def burned(self) -> float:
        """Simulated tokens burned since the start."""
        return self.ledger.accounts(self.asset).burned / self.unit

    @property
    def issued(self) -> float:
        """Simulated tokens minted since the start, the initial supply not counted."""
        return (self.ledger.accounts(self.asset).minted - self.genesis) / self.unit

    @property
    def fundamental(self) -> float:
        """USD per token that fundamental traders believe in."""
        reference = self.rules.reference_fees
        known = reference is not None and reference > 0
        fees = self._fees_per_day * self.world.scale / reference if known and reference else math.nan
        supply = self.ledger.supply(self.asset) / self.genesis
        power = self.rules.speculation.value_fee_power
        return fundamental_value(self._value, fees, power, supply, self.sentiment)

    def note_fees(self, usd: float, days: float) -> None:
        """Tell the traders what users paid over ``days``."""
        self._fees_per_day = smooth(
            self._fees_per_day, usd / days, days, self.rules.speculation.value_memory_days
        )

    def _act(self) -> None:
        self.book = self.book.next_day()
        rules, days, log_price = self.rules.speculation, self.rules.step, math.log(self.price)
        pace = (log_price - self._log_price) / days * DAYS_PER_YEAR
        self._trend = smooth(self._trend, pace, days, rules.trend_memory_days)
        self._log_price = log_price
        day = round(self.world.env.now)
        normal = float(ndtri(self._noise.uniform(0, day) + 2.0**-54))
        value = max(self.fundamental / self.price, WORTHLESS)
        move = rules.wanted_move(days, math.log(value), self._trend, normal)
        if move:
            self.move_to(self.price * math.exp(move), self.traders)

    def _check(self) -> None:
        if self.book.has_reserves:
            held = self.ledger.balance(self.asset, self.pool), self.ledger.balance("USD", self.pool)
            assert held == self.book.reserves, f"{self.pool} holds {held}, its book says {self.book.reserves}"
