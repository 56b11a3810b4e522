"""A price from several sources: time-weighted, fresh, and only while the sources agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from statistics import median
from typing import TypedDict

from simdai.mechanisms._domain import at_least, non_negative, positive
from simdai.mechanisms._exact import Exact, exact

__all__ = ["OraclePrice", "oracle_price", "time_weighted_price"]

Quote = tuple[float, Exact]  # time [s], price [USD]


class OraclePrice(TypedDict):
    """Aggregate of the sources that are fresh.

    ``price`` is the mean of the sources' time-weighted prices and ``median`` that of their latest prices
    (both None without a source), ``deviation_bps`` the spread of the latest prices over the lowest, rounded
    down. Only a ``healthy`` price may be used: enough sources, and not too far apart.
    """

    price: float | None
    median: float | None
    deviation_bps: int
    sources: int
    healthy: bool


def time_weighted_price(quotes: Iterable[Quote], now: float, window: float = 5.0) -> float:
    """Time-weighted mean price of one source over the last ``window`` seconds.

    Each quote weighs the time until the next one, the newest until ``now``; the last quote before the window
    counts from its start. Quotes after ``now`` are ignored; when no time has passed, the plain mean. Quotes
    are (second, price) in any order, later ones last among equals. Raises ValueError without a quote or for a
    price not above zero. Source: akash-network/node@3efe26bf (2026-04-28) x/oracle/keeper; window:
    chain-sdk@55f1c683 oracle/v2/params.go (5 s; AEP-76 had proposed 30 minutes).
    """
    non_negative(window=window)
    return float(_time_weighted(_ordered(quotes, now), now, now - window))


def oracle_price(
    sources: Mapping[str, Sequence[Quote]],
    now: float,
    staleness: float = 30.0,
    window: float = 5.0,
    max_deviation_bps: int = 150,
    min_sources: int = 1,
) -> OraclePrice:
    """Price of a token from quotes by source, each (second, price in USD).

    A source whose latest quote is older than ``staleness`` seconds is left out. Raises ValueError for a price
    not above zero, negative times or fewer than one source asked for. Defaults and rule: chain-sdk@55f1c683
    (2026-07-02) oracle/v2/params.go; akash-network/node@3efe26bf (2026-04-28) x/oracle/keeper (abci.go,
    keeper.go).
    """
    non_negative(staleness=staleness, window=window, max_deviation_bps=max_deviation_bps)
    at_least(1, min_sources=min_sources)
    published = {id(quotes): _ordered(quotes, now) for quotes in sources.values()}
    histories = [published[id(quotes)] for quotes in sources.values()]  # sources may publish the same
    fresh = [history for history in histories if history and history[-1][0] >= now - staleness]
    if not fresh:
        return {"price": None, "median": None, "deviation_bps": 0, "sources": 0, "healthy": False}
    latest = [history[-1][1] for history in fresh]
    deviation_bps = math.floor((max(latest) - min(latest)) * 10_000 / min(latest))
    means = {id(history): _time_weighted(history, now, now - window) for history in fresh}
    if len(means) == 1:
        (mean,) = means.values()
    else:
        mean = sum((means[id(history)] for history in fresh), Fraction()) / len(fresh)
    return {
        "price": float(mean),
        "median": float(median(latest)),
        "deviation_bps": deviation_bps,
        "sources": len(fresh),
        "healthy": len(fresh) >= min_sources and deviation_bps <= max_deviation_bps,
    }


def _ordered(quotes: Iterable[Quote], now: float) -> list[tuple[float, Fraction]]:
    """Quotes up to ``now``, oldest first, with exact prices."""
    history = []
    for time, price in quotes:
        (number,) = exact(price=price)
        positive(price=float(number))
        if time <= now:
            history.append((time, number))
    return sorted(history, key=lambda quote: quote[0])


def _time_weighted(history: Sequence[tuple[float, Fraction]], now: float, start: float) -> Fraction:
    if not history:
        raise ValueError("a time-weighted price needs at least one quote")
    before = [quote for quote in history if quote[0] < start][-1:]
    quotes = [(start, price) for _, price in before] + [quote for quote in history if quote[0] >= start]
    if all(price == quotes[0][1] for _, price in quotes[1:]):
        return quotes[0][1]
    ends = [time for time, _ in quotes[1:]] + [now]
    weights = [Fraction(end) - Fraction(time) for end, (time, _) in zip(ends, quotes, strict=True)]
    if not sum(weights):
        return sum((price for _, price in quotes), Fraction()) / len(quotes)
    return sum((w * price for w, (_, price) in zip(weights, quotes, strict=True)), Fraction()) / sum(weights)
