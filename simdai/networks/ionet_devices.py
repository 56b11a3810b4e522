"""io.net's devices: which of them are nominated for the hour's block, and what they earn in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simdai.economy.actors import World
from simdai.economy.population import Population
from simdai.economy.providers import Providers
from simdai.mechanisms.block_rewards import (
    ionet_block_share,
    ionet_idle_within_limits,
    ionet_nomination_refusal,
    ionet_score,
    ionet_succeeds,
)
from simdai.registry import Configured
from simdai.units import Count, Date, Hours, Name, NonNegative, Share, UsdPerGpuHour

__all__ = ["Block", "Devices", "Nomination", "Nominees"]

HOUR = 1.0 / 24.0
WHOLE = HOUR * (1.0 - 1e-6)  # an hour online, rounding of the counters left aside

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Devices(Population):
    """Providers of one device class; the network posts its price, ``ask``, which all of them take.

    With ``repricing`` the network moves that price by the mean use of the class.

    Parameters
    ----------
    pool : of the block rewards
    multiplier : of the device class in the block rewards
    tier : of connectivity, 0 (none) to 4 (ultra)
    target : USD per GPU-hour that the incentive engine aims to pay; it moves with the posted price
    data_centre : whether the stricter limits on a device's own load hold
    own_use : chance that an owner uses the device itself on a day, at the loads ``own_cpu`` and ``own_gpu``
    co_staked : share of the stake that another brings
    co_reward : share of the rewards that goes to whoever brings it
    """

    one_price: ClassVar[bool] = True

    pool: Name
    multiplier: NonNegative
    tier: Count = Field(le=4)
    target: UsdPerGpuHour = 0.0
    data_centre: bool = True
    own_use: Share = 0.0
    own_cpu: Share = 0.0
    own_gpu: Share = 0.0
    co_staked: Share = 0.0
    co_reward: Share = 0.0

    @model_validator(mode="after")
    def _posted(self) -> Self:
        if self.ask is None:
            raise ValueError("the network posts a price for every device class: give it as 'ask'")
        if self.ask_spread:
            raise ValueError("the network posts prices: no ask_spread")
        if self.co_reward and not self.co_staked:
            raise ValueError("co_reward is the price of a stake that another brings: give co_staked")
        return self


class Nomination(Configured):
    """What a device must show.

    Parameters
    ----------
    uptime_hours : hours of unbroken uptime before it is nominated
    proof_of_work : whether devices that are not hired must solve a puzzle every hour
    load_limits : day from which a device whose owner loads it beyond the limits is blocked; never without
    """

    uptime_hours: Hours
    proof_of_work: bool = True

    load_limits: Date | None = None

    @property
    def green_hours(self) -> int:
        """Whole hours that show the uptime: it is looked at by the hour."""
        return math.ceil(self.uptime_hours)


class Block:
    """The scores of some hours, by pool, and what each of them earns.

    Parameters
    ----------
    pools : (hours,) IO of each hour, or of the hours for which it stands, by pool
    """

    def __init__(self, pools: Mapping[str, Floats]) -> None:
        self._pools = pools
        self._totals = {pool: np.zeros(len(amounts)) for pool, amounts in pools.items()}

    def enter(self, pool: str, score: float, n: Ints) -> None:
        """(hours,) ``n`` devices of a pool have earned a score each."""
        self._totals[pool] += score * n

    def share(self, pool: str, score: float) -> Floats:
        """(hours,) IO of one device that has entered with ``score``; 0 where none can have."""
        hours = zip(self._totals[pool].tolist(), self._pools[pool].tolist(), strict=True)
        return np.array([ionet_block_share(score, t, io) if t >= score else 0.0 for t, io in hours])

    def anybody(self, pool: str) -> Bools:
        """(hours,) whether a device has entered the pool."""
        found: Bools = self._totals[pool] > 0
        return found


class _Reading(NamedTuple):
    """What the market said at an instant, and who could be nominated just before; columns of `Nominees`.

    ``span`` hours after it was last read; ``stands_for`` so many hours, of which the last was whole.
    """

    span: int
    stands_for: int
    online_days: Floats
    hired: Bools
    barred: Bools
    eligible: Bools


class Nominees:
    """The uptime of all devices, hour by hour, and what they earned since the last settlement.

    Columns hold the devices of all populations in the order in which they entered, ``rows`` their places by
    population. The market is read at the end of every hour; hours are judged later, many at once.

    Parameters
    ----------
    one_in : of so many hours only the last is looked at, and whether the uptime before it suffices

    Attributes
    ----------
    looks : one round of readings: hours since the one before, and hours for which the last of them stands
    """

    def __init__(
        self,
        rules: Mapping[str, Devices],
        populations: Mapping[str, Providers],
        world: World,
        nomination: Nomination,
        one_in: int = 1,
    ) -> None:
        self.rules, self.populations, self.world, self.nomination = rules, populations, world, nomination
        self.one_in = one_in
        before = min(nomination.green_hours, one_in - 1)
        spans = (one_in - 1 - before, 0), (before, 0), (1, one_in)
        self.looks = [(span, stands_for) for span, stands_for in spans if span]
        self.rows: dict[str, Ints] = {p: np.zeros(0, dtype=np.int64) for p in rules}
        self.scores = {p: self._scores_of(devices) for p, devices in rules.items()}
        """Score of a device of each population that is idle, and of one that is hired."""
        self._entrants = [(rules[p].pool, score) for p, both in self.scores.items() for score in both]
        self._needed = np.array([self._uptime_needed(devices) for devices in rules.values()])
        self._loads = {p: population.draws("ionet.load") for p, population in populations.items()}
        self._code, self._uptime = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self.earned, self.hours, self._seen = np.zeros(0), np.zeros(0), np.zeros(0)
        self._staked, self._barred = np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
        self._staying, self._eligible = np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
        self._places: list[tuple[int, Ints]] = []  # pool of the market; row of each index there
        self._read: list[_Reading] = []  # that have not been judged
        self._passed = np.zeros((0, 0), dtype=bool)  # of the hours judged last: who earned
        self._hired = np.zeros((0, 0), dtype=bool)  # and who was hired

    @staticmethod
    def _scores_of(devices: Devices) -> tuple[float, float]:
        idle, hired = (
            ionet_score(devices.multiplier, devices.gpus, devices.tier, state) for state in (False, True)
        )
        return idle, hired

    def _refused(self, devices: Devices, uptime: float, stake: float, least: float) -> bool:
        refusal = ionet_nomination_refusal(
            uptime,
            stake,
            least,
            devices.multiplier,
            devices.tier,
            least_uptime_hours=self.nomination.uptime_hours,
        )
        return refusal is not None

    def _uptime_needed(self, devices: Devices) -> int:
        """Whole hours of uptime after which a device with its stake is nominated; out of reach if never."""
        known = range(self.nomination.green_hours + 1)
        passing = (hours for hours in known if not self._refused(devices, hours, 1.0, 1.0))
        return next(passing, self.nomination.green_hours + 1)

    # -- once a day ------------------------------------------------------------------------------------------

    def grow(self) -> None:
        """Make room for newcomers; those present at the start have shown their uptime before it."""
        if sum([len(q.book.alive) for q in self.populations.values()]) == len(self._code):
            return
        missing = {p: len(q.book.alive) - len(self.rows[p]) for p, q in self.populations.items()}
        shown = self.nomination.green_hours if self.world.env.now == 0 else 0
        for number, (p, new) in enumerate(missing.items()):
            first = len(self._code)
            self.rows[p] = np.concatenate([self.rows[p], np.arange(first, first + new)])
            self._code = np.concatenate([self._code, np.full(new, number)])
            self._uptime = np.concatenate([self._uptime, np.full(new, shown)])
            for column in (
                "earned",
                "hours",
                "_seen",
                "_staked",
                "_barred",
                "_staying",
                "_eligible",
            ):
                old = getattr(self, column)
                setattr(self, column, np.concatenate([old, np.zeros(new, dtype=old.dtype)]))
        self._places = [
            (pool, self.rows[p][q.book.rows_at(place)])
            for p, q in self.populations.items()
            for place, pool in enumerate(q.pools)
        ]

    def look_who_stays(self) -> None:
        """Note who has neither left nor given notice, and is not blocked for its owner's use of it."""
        self.grow()
        for p, population in self.populations.items():
            stays = population.book.alive & (population.book.leaves == 0)
            self._staying[self.rows[p]] = stays & ~self._blocked(p)
        self._eligible = self._staked & self._staying

    def _blocked(self, population: str) -> Bools:
        """(rows,) devices whose owner loads them beyond the limits today."""
        devices, providers = self.rules[population], self.populations[population]
        blocked, since = np.zeros(len(providers.book.alive), dtype=bool), self.nomination.load_limits
        if since is None or self.world.env.now < self.world.days_until(since) or devices.own_use == 0.0:
            return blocked
        if ionet_idle_within_limits(devices.own_cpu, devices.own_gpu, devices.data_centre):
            return blocked
        day = math.floor(self.world.env.now)
        everybody = np.arange(len(blocked))
        blocked = self._loads[population].uniforms(everybody, day) < devices.own_use
        return blocked

    def qualify(self, population: str, stakes: Ints, least: int) -> None:
        """Note who holds the stake: (rows,) base units that count, and the least for a device."""
        self.grow()
        devices, uptime = self.rules[population], self.nomination.uptime_hours
        below, enough = (not self._refused(devices, uptime, s, least) for s in (max(least - 1, 0), least))
        self._staked[self.rows[population]] = np.where(stakes >= least, enough, below)
        self._eligible = self._staked & self._staying

    # -- every hour ------------------------------------------------------------------------------------------

    def read(self, span: int, stands_for: int) -> None:
        """Read the market at the end of an hour, by `looks`: who is online, hired and barred."""
        self.grow()
        market, n = self.world.compute.market, len(self._code)
        before = self._read[-1] if self._read else None
        days, barred = np.zeros(n), np.zeros(n, dtype=bool)
        last_days, last_barred = (
            (self._seen, self._barred) if before is None else (before.online_days, before.barred)
        )
        days[: len(last_days)], barred[: len(last_barred)] = last_days, last_barred
        hired = np.zeros(n, dtype=bool)
        for pool, rows in self._places:
            market.write_presence(pool, rows, days, hired, barred)
        self._read.append(_Reading(span, stands_for, days, hired, barred, self._eligible))

    def judge(self) -> int:
        """Judge the hours read: who was there all the time, and nominated; returns how many rounds."""
        self.grow()
        shape = len(self._read), len(self._code)
        spans = np.array([read.span for read in self._read], dtype=np.int64)[:, None]
        used = np.array([read.stands_for > 0 for read in self._read], dtype=bool)
        days, barred = np.zeros((shape[0] + 1, shape[1])), np.zeros((shape[0] + 1, shape[1]), dtype=bool)
        hired, eligible = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        days[0], barred[0] = self._seen, self._barred
        for h, read in enumerate(self._read):  # those who entered later were not there
            n = len(read.online_days)
            days[h + 1, :n], barred[h + 1, :n] = read.online_days, read.barred
            hired[h, :n], eligible[h, : len(read.eligible)] = read.hired, read.eligible
        # Barred now, or when the hour began.
        whole = (days[1:] - days[:-1] > spans * WHOLE) & ~(barred[1:] | barred[:-1])
        uptime = self._uptimes(whole, spans)
        there, hired = (whole & eligible)[used], hired[used]
        self._passed, self._hired = there & (uptime[:-1][used] >= self._needed[self._code]), hired
        assert ionet_succeeds(proof_of_work=True, time_lock=True), "real devices solve their puzzles"
        self.hours += self.one_in * np.count_nonzero(self._passed | (there & hired), axis=0)
        self._seen, self._barred, self._uptime, self._read = days[-1], barred[-1], uptime[-1], []
        return len(self._passed)

    def _uptimes(self, whole: Bools, spans: Ints) -> Ints:
        """(readings + 1, rows) unbroken hours before each reading's span and after the last, capped.

        Parameters
        ----------
        whole : (readings, rows) who was there all the time; spans : (readings, 1) hours
        """
        uptimes = np.empty((len(whole) + 1, whole.shape[1]), dtype=np.int64)
        uptimes[0] = self._uptime
        for h, span in enumerate(spans.ravel().tolist()):
            np.minimum(uptimes[h] + span, self.nomination.green_hours, out=uptimes[h + 1])
            uptimes[h + 1] *= whole[h]
        return uptimes

    def enter(self, block: Block) -> None:
        """Put the scores of the hours judged last into their blocks."""
        theirs = (self._code[:, None] == np.arange(len(self.rules))).astype(np.float32)
        # Counts below 2^24 are exact in single precision.
        both, hired = (who.astype(np.float32) @ theirs for who in (self._passed, self._passed & self._hired))
        counts = np.stack([both - hired, hired], axis=2).reshape(len(both), -1).astype(np.int64)
        for n, (pool, score) in zip(counts.T, self._entrants, strict=True):
            block.enter(pool, score, n)

    def earn(self, block: Block) -> None:
        """Take the rewards of the hours judged last."""
        shares = np.stack([block.share(pool, score) for pool, score in self._entrants], axis=1)
        idle, hired = shares[:, 2 * self._code], shares[:, 2 * self._code + 1]
        income = np.where(self._hired, hired, idle) * self._passed
        for hour in income:  # one after the other, whatever the number of hours judged at once
            self.earned += hour

    # -- what came of it -------------------------------------------------------------------------------------

    def take(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """(rows,) IO earned and hours active since the last call, by population."""
        self.grow()
        earned, hours = (
            {p: column[rows] for p, rows in self.rows.items()} for column in (self.earned, self.hours)
        )
        self.earned[:] = self.hours[:] = 0.0
        return earned, hours
