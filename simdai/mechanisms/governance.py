"""How long a token holders' decision takes, whether it passes, and the emergency path around it.

Days unless a name says otherwise; blocks are counted, their time is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval

__all__ = [
    "EmergencyPath",
    "ProposalPath",
    "Stages",
    "VotingRule",
    "cycle_days",
    "expected_delay",
    "onchain_delay_days",
    "pass_probability",
    "quorum_probability",
    "yes_probability",
]

SECONDS_PER_DAY = 86_400.0


def onchain_delay_days(delay_blocks: float, vote_blocks: float, timelock_s: float, block_s: float) -> float:
    """Days from an on-chain proposal to its execution: ``((delay + vote) block_s + timelock) / 86,400``.

    Parameters
    ----------
    delay_blocks, vote_blocks : blocks before the vote opens, blocks it stays open
    timelock_s : s, wait between success and execution
    block_s : s, block time

    Raises
    ------
    ValueError : a negative argument

    Notes
    -----
    Uniswap (docs.uniswap.org, 2026-05): 13,140 + 40,320 blocks and 172,800 s; 9.4 d at 12 s, nominally 11.3 d
    at 15 s.
    """
    non_negative(delay_blocks=delay_blocks, vote_blocks=vote_blocks, timelock_s=timelock_s, block_s=block_s)
    return ((delay_blocks + vote_blocks) * block_s + timelock_s) / SECONDS_PER_DAY


def cycle_days(
    forum_d: float,
    snapshot_d: float,
    delay_blocks: float,
    vote_blocks: float,
    timelock_s: float,
    block_s: float,
) -> float:
    """Days of one whole cycle: forum, off-chain poll, then :func:`onchain_delay_days`.

    Uniswap, 2026-05: 7 + 5 + 9.4 = 21.4 d. Raises ValueError for a negative argument.
    """
    non_negative(forum_d=forum_d, snapshot_d=snapshot_d)
    return forum_d + snapshot_d + onchain_delay_days(delay_blocks, vote_blocks, timelock_s, block_s)


class Stages(NamedTuple):
    """When a proposal that starts on a day gets to each stage; blocks are counted from block 0 at time 0.

    Parameters
    ----------
    poll_opens_d, poll_closes_d : d, the off-chain poll
    submitted, vote_opens, vote_closes, queued, executed : blocks; votes count from the block after
        ``vote_opens`` up to and including ``vote_closes``
    """

    poll_opens_d: float
    poll_closes_d: float
    submitted: int
    vote_opens: int
    vote_closes: int
    queued: int
    executed: int


@dataclass(frozen=True)
class ProposalPath:
    """The stages that a proposal passes through, in days, blocks and seconds as their protocol counts them.

    Parameters
    ----------
    forum_d, snapshot_d : d, discussion and off-chain poll
    delay_blocks, vote_blocks : blocks before the vote opens, blocks it stays open
    timelock_s : s, wait between success and execution
    block_s : s, block time

    Notes
    -----
    Source: Compound GovernorBravoDelegate.sol, as Uniswap runs it (``propose``: startBlock = block.number +
    votingDelay, endBlock = startBlock + votingPeriod; ``queue``: eta = block.timestamp + delay).
    """

    forum_d: float
    snapshot_d: float
    delay_blocks: int
    vote_blocks: int
    timelock_s: float
    block_s: float

    def __post_init__(self) -> None:
        non_negative(
            forum_d=self.forum_d,
            snapshot_d=self.snapshot_d,
            delay_blocks=self.delay_blocks,
            vote_blocks=self.vote_blocks,
            timelock_s=self.timelock_s,
        )
        positive(block_s=self.block_s)

    def day_of(self, block: int) -> float:
        """Time of a block, d: ``block x block_s``, never accumulated."""
        return block * self.block_s / SECONDS_PER_DAY

    def block_at(self, day: float) -> int:
        """First block at a time in days or after it."""
        return math.ceil(day * SECONDS_PER_DAY / self.block_s - 1e-6)

    def from_forum(self, day: float) -> Stages:
        """Stages of a proposal whose discussion starts on ``day``."""
        opens = day + self.forum_d
        closes = opens + self.snapshot_d
        return self.on_chain(closes)._replace(poll_opens_d=opens, poll_closes_d=closes)

    def on_chain(self, day: float) -> Stages:
        """Stages of a proposal that goes on chain at once, without discussion and poll."""
        submitted = self.block_at(day)
        opens = submitted + self.delay_blocks
        closes = opens + self.vote_blocks
        queued = closes + 1
        executed = self.block_at(self.day_of(queued) + self.timelock_s / SECONDS_PER_DAY)
        return Stages(day, day, submitted, opens, closes, queued, executed)


def expected_delay(cycle: float, pass_probability: float) -> float:
    """Expected time until a proposal passes when failed cycles are repeated independently: ``T / p``.

    Parameters
    ----------
    cycle : T, length of one cycle, any unit of time
    pass_probability : p in [0, 1]; at 0 the result is infinite

    Raises
    ------
    ValueError : a negative cycle, a probability outside [0, 1]
    """
    non_negative(cycle=cycle)
    unit_interval(pass_probability=pass_probability)
    return cycle / pass_probability if pass_probability else math.inf


@dataclass(frozen=True)
class VotingRule:
    """When a vote carries: quorum reached, and more votes for than against.

    Parameters
    ----------
    quorum : share of supply that must have voted, in [0, 1]; reaching it exactly is enough
    counts : votes that count towards the quorum: ``"turnout"`` (for, against, abstain), ``"for"`` (Governor
        Bravo), ``"for_abstain"`` (OpenZeppelin GovernorCountingSimple)
    majority : share of for among for and against that must be exceeded

    Notes
    -----
    Source: Compound GovernorBravoDelegate.sol; openzeppelin-contracts v5.0.1 GovernorCountingSimple.sol.
    """

    quorum: float
    counts: str = "turnout"
    majority: float = 0.5

    def __post_init__(self) -> None:
        unit_interval(quorum=self.quorum, majority=self.majority)
        if self.counts not in ("turnout", "for", "for_abstain"):
            raise ValueError(f"unknown counts {self.counts!r}; expected one of: turnout, for, for_abstain")

    def reaches_quorum(self, yes: float, no: float, supply: float, abstain: float = 0.0) -> bool:
        """Return whether votes, in the unit of ``supply``, reach the quorum."""
        non_negative(yes=yes, no=no, abstain=abstain, silent=supply - yes - no - abstain)
        counted = yes
        if self.counts != "for":
            counted += abstain
        if self.counts == "turnout":
            counted += no
        return counted >= self.quorum * supply

    def passes(self, yes: float, no: float, supply: float, abstain: float = 0.0) -> bool:
        """Return whether the proposal is carried; a tie is not."""
        return self.reaches_quorum(yes, no, supply, abstain) and yes > self.majority * (yes + no)


def quorum_probability(quorum: float, turnout: float, concentration: float) -> float:
    """P(turnout >= quorum) when turnout is Beta distributed.

    Parameters
    ----------
    quorum : share of supply, in [0, 1]
    turnout : mean turnout, in (0, 1)
    concentration : a + b of the Beta law, > 0; larger is surer

    Raises
    ------
    ValueError : an argument outside its range
    """
    from scipy.special import betaincc

    unit_interval(quorum=quorum)
    positive(turnout=turnout, absence=1.0 - turnout, concentration=concentration)
    return float(betaincc(turnout * concentration, (1.0 - turnout) * concentration, quorum))


def yes_probability(stakes: Sequence[float], support: Sequence[float]) -> float:
    """P(yes > no) when holder i votes its whole stake, for with probability s_i, independently of the others.

    Normal approximation of the weighted sum; right to a few percent when no holder has a large part of the
    stake, and exact when every s_i is 0 or 1 (a tie fails).

    Parameters
    ----------
    stakes : (n,) >= 0, any unit
    support : (n,) s_i in [0, 1]

    Raises
    ------
    ValueError : lengths differ, an entry outside its range
    """
    lead = variance = 0.0
    for stake, yes in zip(stakes, support, strict=True):
        non_negative(stake=stake)
        unit_interval(support=yes)
        lead += stake * (2.0 * yes - 1.0)
        variance += 4.0 * stake * stake * yes * (1.0 - yes)
    if variance == 0.0:
        return 1.0 if lead > 0 else 0.0
    return 0.5 * math.erfc(-lead / math.sqrt(2.0 * variance))


def pass_probability(quorum_reached: float, yes_wins: float) -> float:
    """P(pass) = P(turnout >= quorum) x P(yes > no), taken as independent; ValueError outside [0, 1]."""
    unit_interval(quorum_reached=quorum_reached, yes_wins=yes_wins)
    return quorum_reached * yes_wins


@dataclass(frozen=True)
class EmergencyPath:
    """A multisig that acts without a vote once ``threshold`` of ``signers`` have signed.

    Parameters
    ----------
    signers, threshold : int, 1 <= threshold <= signers
    response_hours : h, mean time until one signer answers (exponential, independent)
    """

    signers: int
    threshold: int
    response_hours: float

    def __post_init__(self) -> None:
        at_least(1, threshold=self.threshold)
        non_negative(spare=self.signers - self.threshold, response_hours=self.response_hours)

    @property
    def expected_hours(self) -> float:
        """Mean hours until the last signature needed: the threshold-th of n exponential times."""
        waiting = range(self.signers - self.threshold + 1, self.signers + 1)
        return self.response_hours * math.fsum(1.0 / n for n in waiting)

    @property
    def nakamoto(self) -> int:
        """Signers who together can act alone: the Nakamoto coefficient of this action."""
        return self.threshold

    @property
    def blocking(self) -> int:
        """Fewest signers whose absence stops the path."""
        return self.signers - self.threshold + 1

    def availability(self, reachable: float) -> float:
        """P(enough signers can be reached) when each can with probability ``reachable``, independently."""
        unit_interval(reachable=reachable)
        n = self.signers
        terms = (
            math.comb(n, k) * reachable**k * (1.0 - reachable) ** (n - k)
            for k in range(self.threshold, n + 1)
        )
        return min(1.0, math.fsum(terms))
