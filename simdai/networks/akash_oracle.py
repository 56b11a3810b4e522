"""The price of AKT as the chain knows it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from simdai.economy.actors import World
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.price_oracle import OraclePrice, oracle_price
from simdai.networks.akash_rules import OracleRules

__all__ = ["PriceOracle"]

SECONDS = 86_400.0
BEFORE = -1e9  # s: the opening price held long since
MEMORY = 40 * SECONDS  # s of market prices kept; no lag may exceed it


class PriceOracle:
    """Sources that publish the market's price of ``lag`` ago all the time, until they stop.

    Attributes
    ----------
    lag : days; corrupted : how many sources multiply the price, and by what. Shocks change both.
    """

    def __init__(self, rules: OracleRules, token: TokenMarket, world: World) -> None:
        self.rules, self._token, self._world = rules, token, world
        self.lag = rules.lag
        self.corrupted: tuple[int, float] = (0, 1.0)
        self._stopped: list[float] = []  # seconds at which outages still in force began
        self._still: dict[tuple[float, tuple[int, float]], OraclePrice] = {}
        self._history = [(BEFORE, token.price)]
        token.listeners.append(self._note)

    @property
    def _now(self) -> float:
        return self._world.env.now * SECONDS

    def _note(self) -> None:
        now, price = self._now, self._token.price
        if price == self._history[-1][1]:
            return
        if now == self._history[-1][0]:  # what lasted no time weighs nothing
            self._history.pop()
        self._history.append((now, price))
        while len(self._history) > 2 and self._history[1][0] < now - MEMORY:
            del self._history[0]

    def stop(self) -> None:
        """Sources publish no more."""
        self._stopped.append(self._now)

    def resume(self) -> None:
        """Undo one `stop`; with the last one sources publish again."""
        self._stopped.pop()

    @property
    def still(self) -> bool:
        """Whether it reads the same from now on until the market moves or something befalls the sources."""
        changed = self._history[-1][0]
        return not self._stopped and changed + (self.lag + self.rules.window) * SECONDS < self._now

    def read(self) -> OraclePrice:
        """What the chain's rule makes of the quotes until now."""
        known = self._known()
        if known is not None:
            return known
        quotes = self._quotes()
        # A price that stands still reads the same at any time, as long as sources publish it.
        still = not self._stopped and len(quotes) == 2 and quotes[0][1] == quotes[1][1]
        state = (quotes[0][1], self.corrupted)
        if still and state in self._still:
            return self._still[state]
        reading = self._aggregate(quotes)
        if still:
            self._still = {state: reading}
        return reading

    def _known(self) -> OraclePrice | None:
        """The reading of a price that has held for the whole window and was read before; else None."""
        changed, price = self._history[-1]
        latest = price
        if changed == self._now and len(self._history) > 1 and not self.lag and not self.corrupted[0]:
            changed, price = self._history[-2]  # what has lasted no time weighs nothing in the mean
        settled = changed + (self.lag + self.rules.window) * SECONDS < self._now
        if self._stopped or not settled or (price, self.corrupted) not in self._still:
            return None
        reading = self._still[price, self.corrupted]
        return reading if price == latest else {**reading, "median": latest}

    def _aggregate(self, quotes: list[tuple[float, float]]) -> OraclePrice:
        rules, (wrong, factor) = self.rules, self.corrupted
        sources = {
            f"source{n}": [(t, p * factor) for t, p in quotes] if n < wrong else quotes
            for n in range(rules.sources)
        }
        return oracle_price(
            sources,
            self._now,
            rules.staleness * SECONDS,
            rules.window * SECONDS,
            round(rules.max_deviation * 10_000),
            rules.min_sources,
        )

    @property
    def price(self) -> float | None:
        """USD per AKT; None while it may not be used."""
        reading = self.read()
        return reading["price"] if reading["healthy"] else None

    def _quotes(self) -> list[tuple[float, float]]:
        """Published quotes that can still count, oldest first."""
        end, lag = min([self._now, *self._stopped]), self.lag * SECONDS
        start = self._now - self.rules.window * SECONDS

        def published(quote: tuple[float, float]) -> float:
            return quote[0] + lag

        n_published = bisect_right(self._history, end, key=published)
        n_earlier = min(bisect_left(self._history, start, key=published), n_published)
        counting = self._history[max(n_earlier - 1, 0) : n_published]
        last = counting[-1] if counting else self._history[0]
        return [*((t + lag, price) for t, price in counting), (end, last[1])]
