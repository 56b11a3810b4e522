"""Selfish mining, block by block: which blocks a withholding pool publishes, and what stays in the chain.

Source: Eyal and Sirer (2014), "Majority is not enough: Bitcoin mining is vulnerable", algorithm 1.
`simdai.mechanisms.bitcoin.selfish_revenue_share` is the long-run share of this machine.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["IDLE", "Published", "Withheld", "next_block"]


class Withheld(NamedTuple):
    """What the pool holds back.

    Parameters
    ----------
    lead : blocks of its secret branch ahead of the public chain
    tie : whether two branches of equal length are public, one of them the pool's
    """

    lead: int = 0
    tie: bool = False


class Published(NamedTuple):
    """Blocks that are in the chain for good after a block was found: the pool's, others', and lost ones."""

    own: int
    others: int
    orphaned: int


IDLE = Withheld()
_NOTHING = Published(0, 0, 0)


def next_block(held: Withheld, own: bool, on_own_branch: bool) -> tuple[Withheld, Published]:
    """The pool's state after a block is found, and what is then settled.

    Parameters
    ----------
    own : the pool found it
    on_own_branch : in a tie, whether the other miner who found it had chosen the pool's branch

    Notes
    -----
    Others' block against a lead of one makes a tie; against two the pool publishes both; against more it
    publishes one and keeps the rest.
    """
    lead, tie = held
    if tie:
        if own:
            return IDLE, Published(2, 0, 1)
        return IDLE, Published(1, 1, 1) if on_own_branch else Published(0, 2, 1)
    if own:
        return Withheld(lead + 1), _NOTHING
    if lead == 0:
        return IDLE, Published(0, 1, 0)
    if lead == 1:
        return Withheld(0, tie=True), _NOTHING
    if lead == 2:
        return IDLE, Published(2, 0, 1)
    return Withheld(lead - 1), Published(1, 0, 1)
