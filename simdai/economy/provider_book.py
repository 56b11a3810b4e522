"""The columns of a population: one row for every provider that ever entered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.kernel import Market
from simdai.mechanisms.reward import EpochWork

__all__ = ["ProviderBook", "Records"]

HOURS = 24.0
MICRO = 10**6

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_INTS = (
    "uid",
    "place",
    "index",
    "usd_account",
    "token_account",
    "seen_revenue",  # counters of the market when last read; revenue in micro-USD
    "seen_failures",
    "taken_failures",  # those of `seen_failures` that somebody has taken note of
)
_FLOATS = (
    "ask",  # USD per GPU-hour
    "entered",  # day
    "leaves",  # day on which a provider that has decided to leave goes; 0 for the others
    "income",  # USD a day, average
    "cost",  # USD a day, average running cost
    "use",  # share of time online that was hired, average
    "weight",  # sum of the weights of the averages of income and cost, for their bias at the start
    "use_weight",
    "token_rate",  # USD a day of token rewards, after the haircut
    "seen_work",  # GPU-hours
    "seen_online",
    "epoch_work",  # GPU-hours completed, USD paid for them and GPU-hours online since the last epoch
    "epoch_value",
    "epoch_online",
    "owed",  # USD of power not yet billed
    "bought",  # 1 for hardware bought for this business during the run
    "value",  # USD that customers paid for its work since entry
)


@dataclass(frozen=True)
class Records:
    """The market's counters of every row; what it does not know (``known``) is as it was."""

    revenue: Ints
    work: Floats
    online: Floats
    failures: Ints
    known: Bools


class ProviderBook:
    """Columns by provider, in order of entry; those who left keep their row, ``present`` lists the others."""

    uid: Ints
    place: Ints
    index: Ints
    usd_account: Ints
    token_account: Ints
    ask: Floats
    entered: Floats
    leaves: Floats
    income: Floats
    cost: Floats
    use: Floats
    weight: Floats
    use_weight: Floats
    token_rate: Floats
    seen_revenue: Ints
    seen_failures: Ints
    taken_failures: Ints
    seen_work: Floats
    seen_online: Floats
    epoch_work: Floats
    epoch_value: Floats
    epoch_online: Floats
    owed: Floats
    bought: Floats
    value: Floats

    def __init__(self) -> None:
        for name in _INTS:
            setattr(self, name, np.empty(0, dtype=np.int64))
        for name in _FLOATS:
            setattr(self, name, np.empty(0))
        self.alive = np.empty(0, dtype=bool)
        self._rows: dict[int, Ints] = {}  # of each place, by index there
        self._present: Ints | None = None
        self._mean_ask: float | None = None

    @property
    def present(self) -> Ints:
        """(n,) rows of the providers that have not left."""
        if self._present is None:
            self._present = self.alive.nonzero()[0]
        return self._present

    @property
    def mean_ask(self) -> float:
        """Mean ask of those present, USD per GPU-hour; nan when nobody is there."""
        if self._mean_ask is None:
            asks = self.ask[self.present]
            self._mean_ask = float(asks.mean()) if len(asks) else math.nan
        return self._mean_ask

    def reprice(self, k: Ints, asks: Floats) -> None:
        """Rows ``k`` ask something else."""
        self.ask[k] = asks
        self._mean_ask = None

    def size_of(self, place: int) -> int:
        """Providers that ever entered at ``place``."""
        return len(self._rows.get(place, ()))

    def rows_at(self, place: int) -> Ints:
        """(n,) rows of the providers that ever entered at ``place``, by their index there."""
        return self._rows.get(place, np.empty(0, dtype=np.int64))

    def add(
        self,
        place: int,
        uids: Ints,
        asks: Floats,
        usd: Ints,
        tokens: Ints,
        now: float,
        bought: bool = False,
    ) -> None:
        """Append (n,) newcomers at a place."""
        n, first = len(uids), self.size_of(place)
        new: dict[str, Any] = {
            "uid": uids,
            "place": np.full(n, place),
            "index": np.arange(first, first + n),
            "usd_account": usd,
            "token_account": tokens,
            "ask": asks,
            "entered": np.full(n, now),
            "bought": np.full(n, float(bought)),
        }
        rows = np.arange(len(self.alive), len(self.alive) + n)
        for name in (*_INTS, *_FLOATS):
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, new.get(name, np.zeros(n)).astype(column.dtype)]))
        self.alive = np.concatenate([self.alive, np.ones(n, dtype=bool)])
        self._rows[place] = np.concatenate([self._rows.get(place, np.empty(0, dtype=np.int64)), rows])
        self._present = self._mean_ask = None

    def remove(self, k: Ints) -> None:
        """Rows ``k`` leave."""
        self.alive[k] = False
        self._present = self._mean_ask = None

    def read(self, market: Market, pools: Sequence[int]) -> Records:
        """What the market says of every row; ``pools`` by place."""
        revenue, work, online = self.seen_revenue.copy(), self.seen_work.copy(), self.seen_online.copy()
        failures = np.full(len(revenue), -1)
        for place, pool in enumerate(pools):
            market.write_records(pool, self.rows_at(place), revenue, work, online, failures)
        known = failures >= 0
        return Records(revenue, work, online, np.where(known, failures, self.seen_failures), known)

    def observe(
        self,
        now: Records,
        busy_hours: Sequence[float],
        days: float,
        *,
        gpus: int,
        full_cost: float,
        idle_cost: float,
        income_weight: float,
        use_weight: float,
        known_from: float = math.inf,
    ) -> Floats:
        """Update the averages with what the market saw in ``days``.

        Parameters
        ----------
        now : the market's counters
        busy_hours : GPU-hours in which the providers of each pool were hired
        full_cost, idle_cost : USD per GPU-hour
        income_weight, use_weight : weight of the new value in the averages
        known_from : day before which a provider must have entered to know its income

        Returns
        -------
        (rows,) GPU-hours completed in ``days``
        """
        revenue = now.revenue / MICRO - self.seen_revenue / MICRO
        work, hours = now.work - self.seen_work, HOURS * (now.online - self.seen_online) * gpus
        self.seen_revenue, self.seen_work, self.seen_online = now.revenue, now.work, now.online
        self.seen_failures = now.failures
        hired = np.zeros(len(work))
        for place, busy in enumerate(busy_hours):
            k = self.rows_at(place)
            k = k[now.known[k]]
            hired[k] = hired_hours(work[k], hours[k], busy)
        cost = idle_cost * hours + (full_cost - idle_cost) * hired
        value = work * self.ask
        self.epoch_work += work
        self.epoch_value += value
        self.value += value
        self.epoch_online += hours
        self.owed += cost
        # Weights w, w (1 - w), … over their sum: at first the plain mean of the days seen.
        knows = now.known & (self.entered < known_from)
        self.weight += np.where(knows, income_weight * (1.0 - self.weight), 0.0)
        step = np.divide(income_weight, self.weight, out=np.zeros(len(work)), where=knows)
        self.income += step * (revenue / days + self.token_rate - self.income)
        self.cost += step * (cost / days - self.cost)
        on = hours > 0
        self.use_weight += np.where(on, use_weight * (1.0 - self.use_weight), 0.0)
        share = np.divide(hired, hours, out=self.use.copy(), where=on)
        step = np.divide(use_weight, self.use_weight, out=np.zeros(len(work)), where=on)
        self.use += step * (share - self.use)
        return work

    def take_epoch(self, speed: float) -> tuple[Ints, EpochWork]:
        """Rows that did something since the last call, and what; those who left meanwhile are paid too."""
        k = ((self.epoch_work > 0) | (self.epoch_online > 0)).nonzero()[0]
        work = EpochWork(self.epoch_work[k] * speed, self.epoch_value[k].copy(), self.epoch_online[k] * speed)
        for column in (self.epoch_work, self.epoch_value, self.epoch_online):
            column[k] = 0.0
        return k, work

    def take_failures(self) -> Ints:
        """(rows,) jobs seen to fail on each provider since the last call."""
        new: Ints = self.seen_failures - self.taken_failures
        self.taken_failures = self.seen_failures.copy()
        return new

    def take_bills(self) -> Ints:
        """Rows that owe for power."""
        return (self.owed > 0).nonzero()[0]

    def bill(self, k: Ints) -> list[int]:
        """Micro-USD that rows ``k`` owe, the nearest; the debt is cleared."""
        amounts: list[int] = np.rint(self.owed[k] * MICRO).astype(np.int64).tolist()
        self.owed[k] = 0.0
        return amounts


def hired_hours(work: Floats, online: Floats, busy: float) -> Floats:
    """GPU-hours in which each provider was hired, failed attempts included.

    The market counts completed work by provider, hired time by pool only; the time is shared out in
    proportion to the work, or to the time online when nothing was completed.

    Parameters
    ----------
    work, online : (n,) GPU-hours completed and online
    busy : GPU-hours hired, of all
    """
    weights = work if work.sum() > 0 else online
    total = float(weights.sum())
    hired: Floats = weights * (busy / total) if total else np.zeros(len(work))
    return hired
