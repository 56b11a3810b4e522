"""A chain of blocks: when they are found, how its difficulty follows, what they create."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.engine import EntityStream
from simdai.mechanisms.bitcoin import bits_to_target, cumulative_subsidy, difficulty, expected_hashes
from simdai.mechanisms.bitcoin_mining import SATOSHI_PER_BTC
from simdai.mechanisms.difficulty import Difficulty, Header, Headers
from simdai.mechanisms.selfish_mining import IDLE, Published, Withheld, next_block
from simdai.registry import Configured
from simdai.units import Count, PositiveCount, PositiveDays, Tokens

__all__ = ["SECONDS_PER_DAY", "Chain", "ChainState", "Issue", "Mined", "Period", "Withholding"]

SECONDS_PER_DAY = 86_400
CHUNK = 4096  # draws fetched at once

GAP, FINDER, BRANCH = range(3)
"""Numbers of a block's stream: its work, who found it, which branch others chose."""


class ChainState(Configured):
    """Where a chain stands at the start of the scenario.

    Parameters
    ----------
    height : blocks that exist, which is the height of the next one
    bits : compact bits of the next block
    spacing : time that a block of the difficulty period under way has taken so far, on average
    """

    height: Count
    bits: PositiveCount
    spacing: PositiveDays

    @model_validator(mode="after")
    def _a_target(self) -> Self:
        if not bits_to_target(self.bits):
            raise ValueError(f"bits = {self.bits:#010x}: no hash is below a target of zero")
        return self


class Issue(Configured):
    """What blocks create.

    Parameters
    ----------
    initial : BTC of a block before the first halving
    halving : blocks between halvings
    """

    initial: Tokens
    halving: PositiveCount

    def created(self, height: int) -> int:
        """Satoshi of all blocks below ``height``."""
        return cumulative_subsidy(height, self.halving, round(self.initial * SATOSHI_PER_BTC))

    def subsidy(self, height: int) -> int:
        """Satoshi of the block at ``height``."""
        return self.created(height + 1) - self.created(height)


@dataclass
class Mined:
    """What came of a stretch of mining.

    Parameters
    ----------
    blocks : that are in the chain for good, ``own`` of them by a pool that withholds
    subsidy : satoshi that they create, ``own_subsidy`` of them the pool's
    orphaned : blocks found in vain
    """

    blocks: int = 0
    own: int = 0
    subsidy: int = 0
    own_subsidy: int = 0
    orphaned: int = 0


@dataclass(frozen=True)
class Period:
    """A difficulty period that is over.

    Parameters
    ----------
    height : of its first block
    bits : in force
    start : time of its first block; days, negative before the scenario
    days : from there to the first block of the next
    """

    height: int
    bits: int
    start: float
    days: float

    @property
    def difficulty(self) -> float:
        """Difficulty in force."""
        return difficulty(self.bits)


@dataclass
class Withholding:
    """A pool that withholds the blocks it finds, by `next_block`, or publishes them like everybody else.

    Parameters
    ----------
    share : of the hash rate that is the pool's
    tie_share : of the others' hash rate that works on the pool's branch in a tie
    """

    share: float
    tie_share: float
    withholds: bool = True
    held: Withheld = IDLE

    def find(self, finder: float, branch: float) -> Published:
        """A block is found; uniforms tell by whom, and on which branch."""
        if not self.withholds:
            own = finder < self.share
            return Published(int(own), int(not own), 0)
        self.held, settled = next_block(self.held, finder < self.share, branch < self.tie_share)
        return settled


class Chain:
    """Blocks as they are found: by a Poisson process whose rate is the hash rate over the work of a block.

    Between instants at which the hash rate changes the process is exact: each block takes an exponential
    amount of work, difficulty changes at its block, and a halving at its. A block's luck hangs on its number,
    counted from the start of the scenario, and on nothing else.
    """

    def __init__(self, state: ChainState, issue: Issue, rule: Difficulty, luck: EntityStream) -> None:
        self.issue, self.rule = issue, rule
        self.height, self.bits, self.time = state.height, state.bits, 0.0
        self.hashes_per_block = float(expected_hashes(state.bits))
        """Expected hashes of the next block."""
        self.created = issue.created(state.height)
        """Satoshi of all blocks that exist."""
        self.withholding: Withholding | None = None
        self.periods: list[Period] = []
        """Difficulty periods that are over, the one under way at the start included."""
        self.found = self.orphaned = self.blocks = 0
        """Since the start: blocks found, lost, and in the chain."""
        self._luck = luck
        self._chunks: dict[tuple[int, int], NDArray[np.float64]] = {}
        self._left = float(self._draws(0, GAP)[0])  # work of the next block, in expected work of a block
        in_period = state.height - rule.period_start(state.height)
        self.began = -in_period * state.spacing
        """Time of the first block of the difficulty period [d]."""
        self._period_height = None if rule.starts_period(state.height) else rule.period_start(state.height)
        self._period_bits = state.bits
        self._orphans = 0  # of the period
        self._recent: deque[Header] = deque(maxlen=max(rule.memory, 1))

    @property
    def difficulty(self) -> float:
        """Difficulty of the next block."""
        return difficulty(self.bits)

    @property
    def subsidy(self) -> int:
        """Satoshi that the next block creates."""
        return self.issue.subsidy(self.height)

    # -- luck ------------------------------------------------------------------------------------------------

    def _draws(self, number: int, what: int) -> NDArray[np.float64]:
        """Draws of the blocks from ``number`` to the end of its chunk: work for `GAP`, else uniforms."""
        chunk, place = divmod(number, CHUNK)
        if (chunk, what) not in self._chunks:
            self._chunks = {key: held for key, held in self._chunks.items() if key[0] >= chunk - 1}
            uniforms = self._luck.uniforms(np.arange(chunk * CHUNK, (chunk + 1) * CHUNK), what)
            self._chunks[chunk, what] = -np.log1p(-uniforms) if what == GAP else uniforms
        return self._chunks[chunk, what][place:]

    # -- mining ----------------------------------------------------------------------------------------------

    def run(self, until: float, hash_rate: float) -> Mined:
        """Mine to the day ``until`` with a constant ``hash_rate`` [hash/s]."""
        out = Mined()
        while self.time < until:
            per_day = hash_rate * SECONDS_PER_DAY / self.hashes_per_block
            work = (until - self.time) * per_day
            if self._left > work:
                self._left -= work
                break
            if self.withholding is not None:
                self._find_one(per_day, out)
            else:
                self._find_many(per_day, work, out)
        self.time = until
        return out

    def _find_many(self, per_day: float, work: float, out: Mined) -> None:
        """Find blocks up to the next change of difficulty, or as many as ``work`` makes."""
        most = min(self.rule.unchanged_for(self.height), 2 * math.ceil(work) + 16)
        draws = self._draws(self.found + 1, GAP)[:most]
        ends = np.cumsum(draws) + self._left
        n = 1 + min(int(np.searchsorted(ends, work, side="right")), len(draws) - 1)
        last = float(ends[n - 2]) if n > 1 else self._left
        first_time = self.time + self._left / per_day
        self.time += last / per_day
        self._left = float(ends[n - 1]) - last
        self.found += n
        self._add(first_time, self.time, n, out)

    def _find_one(self, per_day: float, out: Mined) -> None:
        """Find the next block, of which a withholding pool makes what it will."""
        assert self.withholding is not None
        self.time += self._left / per_day
        finder, branch = (float(self._draws(self.found, what)[0]) for what in (FINDER, BRANCH))
        self.found += 1
        self._left = float(self._draws(self.found, GAP)[0])
        settled = self.withholding.find(finder, branch)
        out.orphaned += settled.orphaned
        self.orphaned += settled.orphaned
        self._orphans += settled.orphaned
        for own in (*[True] * settled.own, *[False] * settled.others):
            before = out.subsidy
            self._add(self.time, self.time, 1, out)
            if own:
                out.own += 1
                out.own_subsidy += out.subsidy - before

    def _add(self, first_time: float, last_time: float, n: int, out: Mined) -> None:
        """Put n blocks on the chain; difficulty changes after the last of them at most."""
        first, unchanged_for = self.height, self.rule.unchanged_for(self.height)
        if self.rule.starts_period(first):
            self._next_period(first_time)
        self._recent.append(Header(second(last_time), self.bits))
        self.height += n
        self.blocks += n
        out.blocks += n
        created = self.issue.created(self.height) - self.created
        out.subsidy += created
        self.created += created
        if n < unchanged_for:
            return
        headers = Headers(self.height, second(self.began), self._orphans, self._recent)
        bits = self.rule.next_bits(self.bits, headers)
        if bits != self.bits:
            self.bits, self.hashes_per_block = bits, float(expected_hashes(bits))
        if self.rule.starts_period(self.height):
            self._orphans = 0

    def _next_period(self, time: float) -> None:
        if self._period_height is not None:
            self.periods.append(Period(self._period_height, self._period_bits, self.began, time - self.began))
        self._period_height, self._period_bits, self.began = self.height, self.bits, time


def second(day: float) -> int:
    """Time stamp, whole seconds since the start of the scenario."""
    return math.floor(day * SECONDS_PER_DAY)
