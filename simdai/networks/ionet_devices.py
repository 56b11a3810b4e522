"""io.net's devices: which of them are nominated for the hour's block, and what they earn in it."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simdai.economy.actors import World
from simdai.economy.population import Population
from simdai.economy.providers import Providers
from simdai.mechanisms.block_rewards import (
    ionet_block_share,
    ionet_nomination_refusal,
    ionet_score,
    ionet_succeeds,
)
from simdai.registry import Configured
from simdai.units import Count, Hours, Name, NonNegative, Share, UsdPerGpuHour

__all__ = ["Block", "Devices", "Nomination", "Nominees"]

HOUR = 1.0 / 24.0
WHOLE = HOUR * (1.0 - 1e-6)  # an hour online, rounding of the counters left aside

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Devices(Population):
    """Providers of one device class; the network posts its price, ``ask``, which all of them take.

    Parameters
    ----------
    pool : of the block rewards
    multiplier : of the device class in the block rewards
    tier : of connectivity, 0 (none) to 4 (ultra)
    target : USD per GPU-hour that the incentive engine aims to pay
    co_staked : share of the stake that another brings
    co_reward : share of the rewards that goes to whoever brings it
    """

    pool: Name
    multiplier: NonNegative
    tier: Count = Field(le=4)
    target: UsdPerGpuHour = 0.0
    co_staked: Share = 0.0
    co_reward: Share = 0.0

    @model_validator(mode="after")
    def _posted(self) -> Self:
        if self.ask is None:
            raise ValueError("the network posts a price for every device class: give it as 'ask'")
        if self.ask_spread or self.repricing is not None:
            raise ValueError("the network posts prices: no ask_spread, no repricing")
        if self.co_reward and not self.co_staked:
            raise ValueError("co_reward is the price of a stake that another brings: give co_staked")
        return self


class Nomination(Configured):
    """What a device must show.

    Parameters
    ----------
    uptime_hours : hours of unbroken uptime before it is nominated
    proof_of_work : whether devices that are not hired must solve a puzzle every hour
    """

    uptime_hours: Hours
    proof_of_work: bool = True

    @property
    def green_hours(self) -> int:
        """Whole hours that show the uptime: it is looked at by the hour."""
        return math.ceil(self.uptime_hours)


class Block:
    """The scores of one hour, by pool, and what each of them earns.

    Parameters
    ----------
    pools : IO of the hour by pool
    """

    def __init__(self, pools: dict[str, float]) -> None:
        self._pools = pools
        self._totals = dict.fromkeys(pools, 0.0)

    def enter(self, pool: str, score: float, n: int) -> None:
        """``n`` devices of a pool have earned a score each."""
        self._totals[pool] += score * n

    def share(self, pool: str, score: float) -> float:
        """IO of one device that has entered with ``score``."""
        total = self._totals[pool]
        return ionet_block_share(score, total, self._pools[pool]) if total else 0.0

    def anybody(self, pool: str) -> bool:
        """Whether a device has entered the pool."""
        return self._totals[pool] > 0


class Nominees:
    """A population's uptime, hour by hour, and what its devices earned since the last settlement.

    Attributes
    ----------
    earned : (rows,) IO of block rewards
    hours : (rows,) hours in which a device was active: nominated and successful, or hired
    """

    def __init__(self, rules: Devices, providers: Providers, world: World, nomination: Nomination) -> None:
        self.rules, self.providers, self.world, self.nomination = rules, providers, world, nomination
        self.earned, self.hours, self._seen = np.zeros(0), np.zeros(0), np.zeros(0)
        self._uptime = np.zeros(0, dtype=np.int64)
        self.failures, self._failures_seen = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._staked, self._barred = np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
        self._green = self._green_after()
        self.idle, self.hired = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)

    @property
    def scores(self) -> tuple[float, float]:
        """Score of a device that is idle, and of one that is hired."""
        idle, hired = (
            ionet_score(self.rules.multiplier, self.rules.gpus, self.rules.tier, state)
            for state in (False, True)
        )
        return idle, hired

    def _refused(self, uptime: float, stake: float, least: float) -> bool:
        rules = self.rules
        refusal = ionet_nomination_refusal(
            uptime,
            stake,
            least,
            rules.multiplier,
            rules.tier,
            least_uptime_hours=self.nomination.uptime_hours,
        )
        return refusal is not None

    def _green_after(self) -> Bools:
        """Whether a device with its stake is nominated after 0, 1, … whole hours of uptime."""
        return np.array([not self._refused(u, 1.0, 1.0) for u in range(self.nomination.green_hours + 1)])

    def grow(self) -> None:
        """Make room for newcomers; those present at the start have shown their uptime before it."""
        n, now = len(self.providers.book.alive), self.world.env.now
        new = n - len(self.earned)
        if new:
            shown = self.nomination.green_hours if now == 0 else 0
            self.earned, self.hours, self._seen = (
                np.concatenate([column, np.zeros(new)]) for column in (self.earned, self.hours, self._seen)
            )
            self.failures, self._failures_seen = (
                np.concatenate([column, np.zeros(new, dtype=np.int64)])
                for column in (self.failures, self._failures_seen)
            )
            self._uptime = np.concatenate([self._uptime, np.full(new, shown)])
            self._staked, self._barred = (
                np.concatenate([column, np.zeros(new, dtype=bool)]) for column in (self._staked, self._barred)
            )

    def qualify(self, stakes: Ints, least: int) -> None:
        """Note who holds the stake: (rows,) base units that count, and the least for a device."""
        self.grow()
        held, which = np.unique(stakes, return_inverse=True)
        passed = np.array([not self._refused(self.nomination.uptime_hours, s, least) for s in held.tolist()])
        self._staked = passed[which] if len(held) else np.zeros(0, dtype=bool)

    def close_hour(self) -> None:
        """Read the market: who was online for the whole hour, and of the nominated who was hired."""
        self.grow()
        book, market = self.providers.book, self.world.compute.market
        whole, hired = np.zeros(len(self.earned), dtype=bool), np.zeros(len(self.earned), dtype=bool)
        for place, pool in enumerate(self.providers.pools):
            table = market.presence(pool)
            if not len(table["index"]):
                continue
            k = book.rows_at(place)[table["index"]]
            barred = table["banned"] | self._barred[k]  # now, or when the hour began
            whole[k] = (table["online_days"] - self._seen[k] > WHOLE) & ~barred
            self._seen[k], self.failures[k] = table["online_days"], table["failures"]
            self._barred[k] = table["banned"]
            hired[k] = table["busy"]
        there = whole & self._staked & book.alive & (book.leaves == 0)
        passed = there & self._green[self._uptime]
        assert ionet_succeeds(proof_of_work=True, time_lock=True), "real devices solve their puzzles"
        self.idle, self.hired = np.flatnonzero(passed & ~hired), np.flatnonzero(passed & hired)
        self._uptime = np.where(whole, np.minimum(self._uptime + 1, self.nomination.green_hours), 0)
        self.hours[passed | (there & hired)] += 1.0

    def enter(self, block: Block) -> None:
        """Put the scores of the hour into its block."""
        idle, hired = self.scores
        block.enter(self.rules.pool, idle, len(self.idle))
        block.enter(self.rules.pool, hired, len(self.hired))

    def earn(self, block: Block) -> None:
        """Take the hour's rewards."""
        idle, hired = self.scores
        if len(self.idle):
            self.earned[self.idle] += block.share(self.rules.pool, idle)
        if len(self.hired):
            self.earned[self.hired] += block.share(self.rules.pool, hired)

    def take(self) -> tuple[Floats, Floats]:
        """(rows,) IO earned and hours active since the last call."""
        self.grow()
        taken = self.earned, self.hours
        self.earned, self.hours = np.zeros(len(self.earned)), np.zeros(len(self.hours))
        return taken

    def take_failures(self) -> Ints:
        """(rows,) jobs that failed on each device since the last call."""
        new = self.failures - self._failures_seen
        self._failures_seen = self.failures.copy()
        return np.asarray(np.maximum(new, 0), dtype=np.int64)
