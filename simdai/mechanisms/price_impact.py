"""How a trade moves the price of a token: books that trade whole base units.

A book is a frozen value; a trade returns what comes out and the next book. The ledger moves the amounts.
Prices are USD per token; ``usd`` is in micro-USD, ``tokens`` in base units of the token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from simdai.mechanisms.pools import constant_product_out
from simdai.registry import Configured
from simdai.units import Positive, Share, Usd

__all__ = [
    "Book",
    "ConstantProduct",
    "PriceImpact",
    "SquareRoot",
]

MICRO = 10**6  # micro-USD in a USD


class Book(Protocol):
    """Liquidity that takes orders of any size."""

    @property
    def price(self) -> float:
        """Marginal price, USD per token."""

    @property
    def has_reserves(self) -> bool:
        """True when the pool's own holdings answer a trade; False when holders at large do."""

    @property
    def reserves(self) -> tuple[int, int]:
        """(tokens, usd) that the pool holds; zeros where holders at large answer."""

    def buy(self, usd: int) -> tuple[int, Book]:
        """Tokens that ``usd`` buys, and the book after it."""

    def sell(self, tokens: int) -> tuple[int, Book]:
        """Micro-USD that ``tokens`` fetch, and the book after it."""

    def order_to(self, price: float) -> tuple[int, int]:
        """(usd, tokens) of the purchase or sale that moves the price to ``price``; the other is zero."""

    def with_depth(self, factor: float) -> Book:
        """The same price with ``factor`` times the depth."""

    def next_day(self) -> Book:
        """The book at the next midnight."""


class PriceImpact(Configured, family="price_impact"):
    """How deep the market of a token is."""

    def open(self, price: float, decimals: int, scale: float) -> Book:
        """The book at the start.

        Parameters
        ----------
        price : USD per token
        decimals : of the token's base unit
        scale : real units that one simulated unit stands for; depth is divided by it
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ConstantProductBook:
    """A pool with reserves x, y: x y is constant but for the fee, which stays in the pool."""

    tokens: int
    usd: int
    decimals: int
    fee_ppm: int = 0

    @property
    def has_reserves(self) -> bool:
        return True

    @property
    def reserves(self) -> tuple[int, int]:
        return self.tokens, self.usd

    @property
    def price(self) -> float:
        return self.usd / self.tokens * 10.0 ** (self.decimals - 6)

    def buy(self, usd: int) -> tuple[int, ConstantProductBook]:
        out = constant_product_out(self.usd, self.tokens, usd, self.fee_ppm)
        return out, self._holding(self.tokens - out, self.usd + usd)

    def sell(self, tokens: int) -> tuple[int, ConstantProductBook]:
        out = constant_product_out(self.tokens, self.usd, tokens, self.fee_ppm)
        return out, self._holding(self.tokens + tokens, self.usd - out)

    def _holding(self, tokens: int, usd: int) -> ConstantProductBook:
        return ConstantProductBook(tokens, usd, self.decimals, self.fee_ppm)

    def order_to(self, price: float) -> tuple[int, int]:
        root = math.sqrt(price / self.price)
        keep = 1.0 - self.fee_ppm / MICRO
        if root > 1.0:
            return round(self.usd * (root - 1.0) / keep), 0
        return 0, round(self.tokens * (1.0 / root - 1.0) / keep)

    def with_depth(self, factor: float) -> ConstantProductBook:
        return self._holding(max(round(self.tokens * factor), 1), max(round(self.usd * factor), 1))

    def next_day(self) -> ConstantProductBook:
        return self


class ConstantProduct(PriceImpact, kind="constant_product"):
    """A pool of the token and USD whose reserves multiply to a constant.

    An order of ``d`` USD moves the price by a factor ``(1 + d / liquidity)^2``.

    Parameters
    ----------
    liquidity : USD side of the pool
    fee : share of the input that stays in the pool
    """

    liquidity: Usd
    fee: Share = 0.0

    def open(self, price: float, decimals: int, scale: float) -> ConstantProductBook:
        usd = round(self.liquidity / scale * MICRO)
        tokens = round(self.liquidity / scale / price * 10**decimals)
        return ConstantProductBook(max(tokens, 1), max(usd, 1), decimals, round(self.fee * MICRO))


@dataclass(frozen=True)
class SquareRootBook:
    """Price as a function of the day's net flow q: ``p0 exp(k sign(q) sqrt(|q| / volume))``.

    Within a day the price depends on the net flow alone, so that a round trip earns nothing and the cutting
    of an order changes nothing. At midnight the price becomes the next day's start. The holders at large are
    the other side.
    """

    start: float
    k: float
    volume: float
    decimals: int
    flow: float = 0.0

    @property
    def has_reserves(self) -> bool:
        return False

    @property
    def reserves(self) -> tuple[int, int]:
        return 0, 0

    @property
    def price(self) -> float:
        return self.start * math.exp(self._log(self.flow))

    def _log(self, flow: float) -> float:
        return math.copysign(self.k * math.sqrt(abs(flow) / self.volume), flow)

    def _tokens(self, flow: float) -> float:
        """Tokens that left the holders when the day's flow went from 0 to ``flow`` (negative: came back)."""
        side = math.copysign(1.0, flow)
        u = math.sqrt(abs(flow) / self.volume)
        a = side * self.k * u
        # integral of dq / p(q) with q = volume u^2: 2 volume u^2 (1 - (1 + a) e^-a) / a^2 / start
        core = 0.5 - a / 3.0 + a * a / 8.0 if abs(a) < 1e-4 else (1.0 - (1.0 + a) * math.exp(-a)) / (a * a)
        return side * 2.0 * self.volume * u * u * core / self.start

    def _flow(self, tokens: float) -> float:
        """Inverse of `_tokens` by bisection to the last bit."""
        side = math.copysign(1.0, tokens)
        high = max(abs(tokens) * self.start, 1e-9)
        while abs(self._tokens(side * high)) < abs(tokens):
            high *= 2.0
            if high > 1e30:
                return side * high
        low = 0.0
        while True:
            middle = 0.5 * (low + high)
            if middle in (low, high):
                return side * low
            if abs(self._tokens(side * middle)) < abs(tokens):
                low = middle
            else:
                high = middle

    def buy(self, usd: int) -> tuple[int, SquareRootBook]:
        flow = self.flow + usd / MICRO
        out = math.floor((self._tokens(flow) - self._tokens(self.flow)) * 10**self.decimals)
        return max(out, 0), self._after(flow)

    def sell(self, tokens: int) -> tuple[int, SquareRootBook]:
        flow = self._flow(self._tokens(self.flow) - tokens / 10**self.decimals)
        return max(math.floor((self.flow - flow) * MICRO), 0), self._after(flow)

    def _after(self, flow: float) -> SquareRootBook:
        return SquareRootBook(self.start, self.k, self.volume, self.decimals, flow)

    def order_to(self, price: float) -> tuple[int, int]:
        u = math.log(price / self.start) / self.k
        flow = math.copysign(u * u * self.volume, u)
        if flow >= self.flow:
            return round((flow - self.flow) * MICRO), 0
        return 0, round((self._tokens(self.flow) - self._tokens(flow)) * 10**self.decimals)

    def with_depth(self, factor: float) -> SquareRootBook:
        return replace(self, start=self.price, flow=0.0, volume=self.volume * factor)

    def next_day(self) -> SquareRootBook:
        return replace(self, start=self.price, flow=0.0)


class SquareRoot(PriceImpact, kind="square_root"):
    """The price moves with the square root of a day's net flow.

    Parameters
    ----------
    coefficient : Y of `square_root_move`
    daily_volatility : standard deviation of a day's log return
    daily_volume : USD traded in a day
    """

    coefficient: Positive
    daily_volatility: Positive
    daily_volume: Usd

    def open(self, price: float, decimals: int, scale: float) -> SquareRootBook:
        return SquareRootBook(
            price, self.coefficient * self.daily_volatility, self.daily_volume / scale, decimals
        )
