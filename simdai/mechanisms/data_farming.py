"""Ocean's incentives: volume data farming and Predictoor.

Source keys: OC = oceanprotocol/contracts@1c779f90 (2026-06-29); DF = oceanprotocol/df-py@96a246f2
(2026-02-24). Regimes: volume farming ended on 2024-05-03; Predictoor farming began on 2023-11-09.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simdai.mechanisms._domain import non_negative, positive
from simdai.mechanisms._exact import product_quotient

__all__ = [
    "predictoor_collector",
    "predictoor_farming",
    "predictoor_payout",
    "predictoor_payouts_wei",
    "predictoor_slot_revenue",
    "predictoor_soonest_slot",
    "rank_shares",
    "volume_multiplier",
    "volume_rewards",
]

WEEKLY_YIELD_CAP = 0.015717  # 125% a year compounded; DF df_py/util/constants.py TARGET_WPY
PUBLISHER_MULTIPLIER = 2.0  # DF df_py/volume/reward_calculator.py
MIN_VOLUME_REWARD = 1e-6  # OCEAN; DF df_py/volume/reward_calculator.py
MIN_FARMING_REWARD = 1e-15  # OCEAN; DF df_py/predictoor/calc_rewards.py

UNIT_WEI = 10**10  # stakes are given in units of 1e-8 OCEAN, so that they fit in 64 bits

Asset = TypeVar("Asset", bound=Hashable)
Staker = TypeVar("Staker", bound=Hashable)


def _rank_weight(rank: int, worst: int, op: str) -> float:
    match op:
        case "LOG":
            return math.log10(worst) - math.log10(rank) + math.log10(1.5)
        case "LIN":
            return worst - rank + 1.0
        case "SQRT":
            return math.sqrt(worst) - math.sqrt(rank) + 1.0
        case "POW2":
            return (worst - rank + 1.0) ** 2
        case "POW4":
            return (worst - rank + 1.0) ** 4
    raise ValueError(f"unknown rank scale {op!r}; expected one of: LOG, LIN, SQRT, POW2, POW4")


def rank_shares(volumes: Sequence[float], op: str = "LOG", max_ranked: int = 100) -> list[float]:
    """Budget share of each asset by rank of volume: the highest is rank 1, ties share the best rank.

    Parameters
    ----------
    volumes : (n,) float [USD], each > 0
    op : ``"LOG"`` (live) | ``"LIN"`` | ``"SQRT"`` | ``"POW2"`` | ``"POW4"``: how weight falls with rank
    max_ranked : ranks above this get nothing

    Returns
    -------
    (n,) list of float, in the order given; sums to 1

    Raises
    ------
    ValueError : a volume that is not above 0, an unknown scale, ``max_ranked`` below 1

    Notes
    -----
    Volume data farming with ranks, until 2024-05-03. Source: DF df_py/volume/rank.py.
    """
    if not max_ranked >= 1:
        raise ValueError(f"max_ranked = {max_ranked!r}: must be 1 or above")
    for volume in volumes:
        positive(volume=volume)
    ranks, above = {}, 0
    for volume, count in sorted(Counter(volumes).items(), reverse=True):
        ranks[volume], above = above + 1, above + count
    last = min(len(volumes), max_ranked)
    worst = max((rank for rank in ranks.values() if rank <= last), default=1)
    weights = [_rank_weight(ranks[v], worst, op) if ranks[v] <= last else 0.0 for v in volumes]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def volume_multiplier(week: int, predictoor_feed: bool) -> float:
    """Bound on the rewards of an asset per unit of its volume, in data-farming week ``week``.

    Ordinary assets: none (infinite) before week 9, ``1 - 0.0485 (week - 9)`` in weeks 9 to 28, then 0.001.
    Predictoor feeds: 0.201, from week 82 (2024-03-21) five times that.
    Source: DF df_py/util/dcv_multiplier.py, df_py/util/constants.py.
    """
    if predictoor_feed:
        return 0.201 if week < 82 else 0.201 * 5
    if week < 9:
        return math.inf
    return 1.0 - 0.0485 * (week - 9) if week <= 28 else 0.001


def volume_rewards(
    ve_stake: Mapping[Asset, Mapping[Staker, float]],
    locked: Mapping[Asset, Mapping[Staker, float]],
    volume_usd: Mapping[Asset, float],
    token_usd: float,
    budget: float,
    week: int,
    owners: Mapping[Asset, Staker],
    double_publisher: bool,
    use_rank: bool,
    feeds: Collection[Asset] = (),
) -> dict[Asset, dict[Staker, float]]:
    """Weekly volume data farming: the least of budget share, yield cap and volume bound, by asset and staker.

    Parameters
    ----------
    ve_stake : veOCEAN of each staker on each asset
    locked : OCEAN locked behind it; a pair left out has 0
    volume_usd : consumed volume of each asset [USD]; one left out has 0
    token_usd : price of OCEAN [USD]
    budget : OCEAN of the week
    week : data-farming week, for :func:`volume_multiplier`
    owners : publisher of each asset
    double_publisher : a publisher's stake on its own asset counts twice (the lock bound does not see it)
    use_rank : shares by :func:`rank_shares`, else pro rata to volume
    feeds : assets that are Predictoor feeds

    Returns
    -------
    dict : OCEAN by asset and staker; rewards below 1e-6 are left out, as are assets without any. What the
        bounds hold back is not given to others

    Raises
    ------
    ValueError : ``token_usd`` not above 0, a negative budget, stake or lock

    Notes
    -----
    Only assets with volume and some stake take part, in ranks and in sums. Live from 2022-09 (ranks later)
    until 2024-05-03. Source: DF df_py/volume/reward_calculator.py.
    """
    positive(token_usd=token_usd)
    non_negative(budget=budget)
    stakes = {}
    for asset, by_staker in ve_stake.items():
        non_negative(ve_stake=min(by_staker.values(), default=0.0))
        if volume_usd.get(asset, 0.0) > 0 and sum(by_staker.values()) > 0:
            owner = owners.get(asset) if double_publisher else None
            stakes[asset] = {
                staker: stake * (PUBLISHER_MULTIPLIER if owner is not None and staker == owner else 1.0)
                for staker, stake in by_staker.items()
            }
    volumes = [volume_usd[asset] for asset in stakes]
    total = math.fsum(volumes)
    shares = rank_shares(volumes) if use_rank else [volume / total for volume in volumes]
    rewards = {}
    for asset, volume, part in zip(stakes, volumes, shares, strict=True):
        bound = volume / token_usd, volume_multiplier(week, asset in feeds)
        by_staker = _asset_rewards(stakes[asset], locked.get(asset, {}), part, budget, *bound)
        if by_staker:
            rewards[asset] = by_staker
    return rewards


def _asset_rewards(
    stakes: Mapping[Staker, float],
    locked: Mapping[Staker, float],
    part: float,
    budget: float,
    volume: float,
    multiplier: float,
) -> dict[Staker, float]:
    total = math.fsum(stakes.values())
    rewards = {}
    for staker, stake in stakes.items():
        lock, of_asset = locked.get(staker, 0.0), stake / total
        non_negative(locked=lock)
        reward = min(part * of_asset * budget, lock * WEEKLY_YIELD_CAP, volume * of_asset * multiplier)
        if reward >= MIN_VOLUME_REWARD:
            rewards[staker] = reward
    return rewards


def predictoor_soonest_slot(now_s: int, slot_s: int) -> int:
    """Start of the soonest slot that may still be predicted, unix s: two slots after the current one begins.

    A slot lasts 300 or 3,600 s. Source: OC contracts/templates/ERC20Template3.sol ``soonestEpochToPredict``.
    """
    return now_s // slot_s * slot_s + 2 * slot_s


def predictoor_slot_revenue(amount_wei: int, period_s: int, slot_s: int) -> int:
    """Revenue that each slot of a subscription accrues, wei: ``amount // (period / slot)``, after fees.

    The remainder stays in the contract. Source: OC ERC20Template3.sol ``add_revenue``. Raises ValueError when
    the period is not a whole number of slots.
    """
    if period_s % slot_s:
        raise ValueError(f"period_s = {period_s!r}: must be a multiple of slot_s = {slot_s!r}")
    return amount_wei // max(1, period_s // slot_s)


def predictoor_payout(
    stakes: Mapping[Staker, float],
    predictions: Mapping[Staker, bool],
    truth: bool | None,
    slot_revenue: float = 0.0,
) -> dict[Staker, float]:
    """Payout per predictor of one slot: winners share all stakes and the slot's revenue by stake.

    Parameters
    ----------
    stakes : OCEAN of each predictor
    predictions : up (True) or down (False) of each
    truth : what happened; None when the slot was cancelled or timed out, which refunds every stake
    slot_revenue : subscription revenue of the slot [OCEAN]

    Returns
    -------
    dict : OCEAN by predictor, own stake included; losers have 0. When all are wrong all have 0, and
        :func:`predictoor_collector` gets the stakes

    Raises
    ------
    ValueError : a negative stake or revenue, a stake without a prediction

    Notes
    -----
    The contract floors each payout to a wei. Source: OC contracts/templates/ERC20Template3.sol ``payout``.
    """
    non_negative(slot_revenue=slot_revenue, stake=min(stakes.values(), default=0.0))
    if missing := [who for who in stakes if who not in predictions]:
        raise ValueError(f"no prediction of: {', '.join(map(repr, missing))}")
    if truth is None:
        return dict(stakes)
    pot = math.fsum(stakes.values()) + slot_revenue
    right = {who for who in stakes if bool(predictions[who]) == bool(truth)}
    winning = math.fsum(stakes[who] for who in right)
    return {who: stakes[who] * pot / winning if who in right and winning else 0.0 for who in stakes}


def predictoor_payouts_wei(
    stakes: NDArray[np.int64], right: NDArray[np.bool_], revenue_wei: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Payouts of many slots to the wei, the floors of the contract included; the rule of `predictoor_payout`.

    Parameters
    ----------
    stakes : (..., n) int64 [1e-8 OCEAN], of n predictors
    right : (..., n) bool, whose prediction came true; stakes and this broadcast, each row is a slot
    revenue_wei : (...) int [wei], revenue of each slot, or of all; beyond 64 bits as Python ints

    Returns
    -------
    units, rest : (..., n) int64 [1e-8 OCEAN], [wei]: what each gets; losers, and all where nobody that staked
        was right, have 0

    Raises
    ------
    ValueError : a negative stake or revenue, stakes in a slot of 2^51 units (22.5 M OCEAN) or more
    """
    revenue = np.asarray(revenue_wei, dtype=object)[..., None]
    pot = stakes.sum(axis=-1, keepdims=True) + (revenue // UNIT_WEI).astype(np.int64)
    if np.any(stakes < 0) or np.any(revenue < 0) or np.any(pot >= 2**51):
        raise ValueError("stakes: must be zero or above, and below 2^51 units in a slot with its revenue")
    winning = np.where(right, stakes, 0)
    divisor = np.maximum(winning.sum(axis=-1, keepdims=True), 1)
    units, left = product_quotient(winning, pot, divisor)
    rest, _ = product_quotient(
        left, np.array(UNIT_WEI), divisor, winning, (revenue % UNIT_WEI).astype(np.int64)
    )
    return units + rest // UNIT_WEI, rest % UNIT_WEI


def predictoor_collector(
    stakes: Mapping[Staker, float],
    predictions: Mapping[Staker, bool],
    truth: bool | None,
    slot_revenue: float = 0.0,
) -> float:
    """What the fee collector gets of a slot, OCEAN: stakes when all are wrong, revenue when none staked.

    Arguments as in :func:`predictoor_payout`. The revenue of a slot whose predictors were all wrong, or that
    was cancelled, stays in the contract. Source: OC ERC20Template3.sol ``submitTrueVal``,
    ``redeemUnusedSlotRevenue``.
    """
    payouts = predictoor_payout(stakes, predictions, truth, slot_revenue)
    total = math.fsum(stakes.values())
    if total == 0:
        return slot_revenue
    return total if truth is not None and not any(payouts.values()) else 0.0


def predictoor_farming(
    tokens: float, feeds: Iterable[Asset], net_revenue: Mapping[Asset, Mapping[Staker, float]]
) -> dict[Asset, dict[Staker, float]]:
    """Farming bonus: an equal budget for every feed, there pro rata to positive net revenue.

    Parameters
    ----------
    tokens : budget of the week [OCEAN]
    feeds : all feeds, earners or not
    net_revenue : payout minus stake over the week, by feed and predictor [OCEAN]

    Returns
    -------
    dict : OCEAN by feed (all of them) and predictor; rewards below 1e-15 and losers are left out. A feed
        without a positive earner keeps its part undistributed

    Raises
    ------
    ValueError : a negative budget

    Notes
    -----
    Source: DF df_py/predictoor/calc_rewards.py.
    """
    non_negative(tokens=tokens)
    names = list(dict.fromkeys(feeds))
    rewards: dict[Asset, dict[Staker, float]] = {}
    for feed in names:
        earners = {who: net for who, net in net_revenue.get(feed, {}).items() if net > 0}
        total = math.fsum(earners.values())
        parts = {who: net / total * (tokens / len(names)) for who, net in earners.items()}
        rewards[feed] = {who: part for who, part in parts.items() if part >= MIN_FARMING_REWARD}
    return rewards
