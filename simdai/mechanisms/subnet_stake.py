"""Bittensor: the stake that a hotkey votes with, its child keys, and what nominators get of dividends.

Amounts are rao (10^-9 TAO or alpha). Source: ST = opentensor/subtensor@14bc6f9f9 (2026-06-30),
pallets/subtensor/src.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["inherited_stake", "parent_dividends", "stake_weight", "take_and_rest"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Children: TypeAlias = Sequence[tuple[int, int, float]]
"""(parent, child, proportion) of every child key, by place of the hotkeys."""


def stake_weight(alpha: ArrayLike, root_tao: ArrayLike, tao_weight: float) -> Floats:
    """Weight of hotkeys in a subnet's consensus: alpha there plus ``tao_weight`` times TAO on root.

    Parameters
    ----------
    alpha, root_tao : (n,) >= 0 [rao], inherited, see `inherited_stake`
    tao_weight : 0.18 on mainnet

    Notes
    -----
    Source: ST staking/stake_utils.rs get_stake_weights_for_network.
    """
    return np.asarray(alpha, dtype=np.float64) + tao_weight * np.asarray(root_tao, dtype=np.float64)


def inherited_stake(stake: ArrayLike, children: Children) -> Ints:
    """Stake of each hotkey less what its child keys vote with, plus what it votes with for its parents.

    Parameters
    ----------
    stake : (n,) int >= 0 [rao], alpha or TAO
    children : proportions in [0, 1]; those of a parent sum to at most 1

    Returns
    -------
    (n,) int64 [rao], rounded down

    Raises
    ------
    ValueError : proportions outside their range, a hotkey that is its own child

    Notes
    -----
    A parent has at most five children on the chain. Source: ST staking/stake_utils.rs
    get_inherited_for_hotkey_on_subnet.
    """
    own: list[Any] = np.asarray(stake, dtype=np.int64).tolist()
    voted = list(own)
    for parent, child, proportion in _exact(children):
        lent = own[parent] * proportion
        voted[parent] -= lent
        voted[child] += lent
    return np.array([amount // 1 for amount in voted], dtype=np.int64)


def parent_dividends(dividends: ArrayLike, weight: ArrayLike, children: Children, take: ArrayLike) -> Ints:
    """Dividends of hotkeys after parents got what child keys earned for them, less the child keys' take.

    Parameters
    ----------
    dividends : (n,) int >= 0, of the epoch, any unit
    weight : (n,) >= 0, `stake_weight` of each hotkey's own stake; parts of a rao do not count
    children : as in `inherited_stake`
    take : (n,) in [0, 0.18], kept by a child key of what it earned for parents of another owner

    Returns
    -------
    (n,) int64 in the unit of ``dividends``, each part rounded down

    Raises
    ------
    ValueError : as `inherited_stake`

    Notes
    -----
    A dividend is divided by what the stake behind it consists of. Source: ST coinbase/run_coinbase.rs
    get_parent_child_dividends_distribution.
    """
    earned = np.asarray(dividends, dtype=np.int64)
    own = [int(part) for part in np.asarray(weight, dtype=np.float64)]
    behind: list[Any] = list(own)
    lent: dict[int, list[tuple[int, Any]]] = {}
    for parent, child, proportion in _exact(children):
        part = own[parent] * proportion
        behind[parent] -= part
        behind[child] += part
        lent.setdefault(child, []).append((parent, part))
    before, takes = earned.tolist(), np.asarray(take, dtype=np.float64).tolist()
    paid = list(before)
    for child, parts in lent.items():
        dividend, whole = before[child], behind[child]
        if not whole:
            continue
        kept = 1 - Fraction(repr(takes[child]))
        divisor = whole * kept.denominator
        left = dividend * divisor
        for parent, part in parts:
            due = dividend * part * kept.numerator
            paid[parent] += due // divisor
            left -= due
        paid[child] += left // divisor - dividend
    return np.array(paid, dtype=np.int64)


def take_and_rest(dividends: ArrayLike, take: ArrayLike) -> tuple[Ints, Ints]:
    """Validators' take of dividends, and what is left for all that is staked with them, rao.

    Parameters
    ----------
    dividends : (n,) int >= 0 [rao]
    take : (n,) in [0, 1], 0.18 unless a validator asks less

    Returns
    -------
    two (n,) int64 arrays that sum to ``dividends``

    Notes
    -----
    The chain rounds each part down and loses a rao; here the take is rounded down and nothing is lost.
    Source: ST coinbase/run_coinbase.rs distribute_dividends_and_incentives.
    """
    earned = np.asarray(dividends, dtype=np.int64)
    kept = np.floor(earned * np.asarray(take, dtype=np.float64)).astype(np.int64)
    return kept, earned - kept


def _exact(children: Children) -> list[tuple[int, int, Any]]:
    """The children with their proportions as exact numbers."""
    lent: dict[int, Any] = {}
    exact = []
    for parent, child, proportion in children:
        part = 1 if proportion == 1.0 else Fraction(repr(float(proportion)))
        lent[parent] = lent[parent] + part if parent in lent else part
        if part < 0 or lent[parent] > 1 or parent == child:
            raise ValueError(
                f"children of {parent}: proportions must be >= 0, sum to at most 1 and go to others; "
                f"{child} was to have {proportion!r}"
            )
        exact.append((parent, child, part))
    return exact
