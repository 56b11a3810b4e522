"""Difficulty rules of proof-of-work chains: Bitcoin's retarget, and two rules of Bitcoin Cash.

Targets and work are whole numbers, time stamps whole seconds; the chains compute in the same integers.
Spacing and length of a period are fields, so that a rule can be asked what a shorter period would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import Field

from simdai.mechanisms.bitcoin import bits_to_target, expected_hashes, retarget_bits, target_to_bits
from simdai.registry import Configured
from simdai.units import PositiveCount

__all__ = [
    "Difficulty",
    "Emergency",
    "Header",
    "Headers",
    "Retarget",
    "WorkWindow",
    "emergency_bits",
    "median_time_past",
    "timespan_with_orphans",
    "work_window_bits",
]

LIMIT_BITS = 0x1D00FFFF  # easiest target, mainnet of both chains
MEDIAN_BLOCKS = 11
EMERGENCY_BLOCKS, EMERGENCY_SECONDS = 6, 12 * 3600
WINDOW = 144


class Header(NamedTuple):
    """What a difficulty rule reads of a block: its time stamp [s] and its compact bits."""

    time: int
    bits: int


class Headers(NamedTuple):
    """A chain's recent past.

    Parameters
    ----------
    height : of the next block
    period_start : time stamp of the first block of the difficulty period [s]
    orphans : blocks of the period that were found but did not stay in the chain
    recent : the last blocks, oldest first; as many as the rule's ``memory``, fewer near the genesis block
    """

    height: int
    period_start: int
    orphans: int
    recent: Sequence[Header]


def timespan_with_orphans(timespan: int, blocks: int, orphans: int) -> int:
    """Seconds that a period would have taken had its orphaned blocks counted, rounded down.

    Source: Grunspan and Pérez-Marco, "On profitability of selfish mining" (arXiv:1805.08281), section 5: the
    difficulty adjusts to all blocks found, so that withholding no longer lowers it.
    """
    return timespan * blocks // (blocks + orphans)


def median_time_past(times: Sequence[int]) -> int:
    """Median of the last eleven time stamps, the upper one of an even number.

    Source: bitcoin/bitcoin src/chain.h GetMedianTimePast.
    """
    last = sorted(times[-MEDIAN_BLOCKS:])
    return last[len(last) // 2]


def emergency_bits(bits: int, times: Sequence[int]) -> int:
    """Bits of the next block inside a period: a fifth easier when the last six blocks took half a day.

    Parameters
    ----------
    bits : compact bits of the last block
    times : time stamps up to the last block, oldest first, 17 or more [s]

    Notes
    -----
    The time is that between median times past. In force on Bitcoin Cash from 2017-08-01 to 2017-11-13.
    Source: Bitcoin-ABC/bitcoin-abc src/pow/eda.cpp GetNextEDAWorkRequired.
    """
    if len(times) < MEDIAN_BLOCKS + EMERGENCY_BLOCKS:
        return bits
    gap = median_time_past(times) - median_time_past(times[:-EMERGENCY_BLOCKS])
    if gap < EMERGENCY_SECONDS:
        return bits
    target = bits_to_target(bits)
    return target_to_bits(min(target + (target >> 2), bits_to_target(LIMIT_BITS)))


def work_window_bits(headers: Sequence[Header], spacing: int = 600) -> int:
    """Bits of the next block from the work and the time of the last 144 blocks.

    Parameters
    ----------
    headers : the last 147 blocks or more, oldest first
    spacing : seconds between blocks that are aimed at

    Raises
    ------
    ValueError : fewer blocks

    Notes
    -----
    The window goes from the block of median time stamp among three to that among the three 144 before; the
    time is held between half and twice the intended one. In force on Bitcoin Cash from 2017-11-13 to 2020.
    Source: Bitcoin-ABC/bitcoin-abc doc/standards/nov-13-hardfork-spec.md.
    """
    if len(headers) < WINDOW + 3:
        raise ValueError(f"{len(headers)} headers; the window needs {WINDOW + 3}")
    last, first = _suitable(headers, len(headers) - 1), _suitable(headers, len(headers) - 1 - WINDOW)
    work = sum(expected_hashes(header.bits) for header in headers[first + 1 : last + 1])
    aim = WINDOW * spacing
    time = min(max(headers[last].time - headers[first].time, aim // 2), aim * 2)
    projected = work * spacing // time
    target = ((1 << 256) - projected) // projected
    return target_to_bits(min(target, bits_to_target(LIMIT_BITS)))


def _suitable(headers: Sequence[Header], place: int) -> int:
    """Place of the block of median time stamp among the one at ``place`` and the two before it."""
    a, b, c = place - 2, place - 1, place
    if headers[a].time > headers[c].time:
        a, c = c, a
    if headers[a].time > headers[b].time:
        a, b = b, a
    if headers[b].time > headers[c].time:
        b, c = c, b
    return b


class Difficulty(Configured, family="difficulty"):
    """How a chain adjusts its difficulty.

    Parameters
    ----------
    spacing : seconds between blocks that are aimed at
    """

    spacing: PositiveCount = 600  # of the protocol, not of the world

    @property
    def memory(self) -> int:
        """How many recent blocks the rule looks at."""
        return 0

    def unchanged_for(self, height: int) -> int:
        """How many blocks from ``height`` on have the same bits for sure."""
        raise NotImplementedError

    def next_bits(self, bits: int, headers: Headers) -> int:
        """Bits of the block at ``headers.height``; ``bits`` are those of the block before."""
        raise NotImplementedError

    def starts_period(self, height: int) -> bool:
        """Whether the block is the first of a difficulty period."""
        return False

    def period_start(self, height: int) -> int:
        """Height of the first block of the difficulty period of the block at ``height``."""
        return 0


class Retarget(Difficulty, kind="retarget"):
    """Bitcoin's rule: once a period, in proportion to the time it took.

    Parameters
    ----------
    period : blocks
    counts_orphans : whether blocks that did not stay in the chain count, see `timespan_with_orphans`
    """

    period: PositiveCount = Field(default=2016, ge=2)  # of the protocol
    counts_orphans: bool = False

    def starts_period(self, height: int) -> bool:
        return height % self.period == 0

    def period_start(self, height: int) -> int:
        return height - height % self.period

    def unchanged_for(self, height: int) -> int:
        return self.period - height % self.period

    def next_bits(self, bits: int, headers: Headers) -> int:
        if headers.height % self.period or not headers.height:
            return bits
        span = headers.recent[-1].time - headers.period_start
        if self.counts_orphans:
            span = timespan_with_orphans(span, self.period, headers.orphans)
        return retarget_bits(bits, span, LIMIT_BITS, self.period * self.spacing)

    @property
    def memory(self) -> int:
        return 1


class Emergency(Retarget, kind="emergency"):
    """Bitcoin's retarget with the emergency rule of Bitcoin Cash, see `emergency_bits`."""

    def unchanged_for(self, height: int) -> int:
        return 1

    def next_bits(self, bits: int, headers: Headers) -> int:
        if headers.height % self.period == 0:
            return super().next_bits(bits, headers)
        return emergency_bits(bits, [header.time for header in headers.recent])

    @property
    def memory(self) -> int:
        return MEDIAN_BLOCKS + EMERGENCY_BLOCKS


class WorkWindow(Difficulty, kind="work_window"):
    """The rule that replaced it: every block, from the work of the last 144, see `work_window_bits`."""

    def unchanged_for(self, height: int) -> int:
        return 1

    def next_bits(self, bits: int, headers: Headers) -> int:
        if len(headers.recent) < WINDOW + 3:
            return bits
        return work_window_bits(list(headers.recent), self.spacing)

    @property
    def memory(self) -> int:
        return WINDOW + 3
