"""Bittensor: what registering a UID or a subnet costs, which one gives way, what a removed subnet pays out.

Amounts are rao (10^-9 TAO or alpha), Python ints with the chain's rounding; times are block numbers (12 s a
block). Source of all but the older price of a UID: ST = opentensor/subtensor@14bc6f9f9 (2026-06-30),
pallets/subtensor/src.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from simdai.mechanisms._exact import amounts

__all__ = [
    "RemovalPayout",
    "lock_refund",
    "neuron_burn",
    "neuron_burn_adjusted",
    "neuron_to_prune",
    "removal_payout",
    "subnet_lock_cost",
    "subnet_seed",
    "subnet_to_prune",
]

ONE_Q32 = 1 << 32  # one, in 32 fractional bits


class RemovalPayout(NamedTuple):
    """TAO of a removed subnet's pool, rao: to each holder in the order given, and what the chain keeps."""

    holders: list[int]
    protocol: int


def neuron_burn(
    price: int,
    blocks: int,
    registrations: int,
    half_life: int = 360,
    mult: float = 1.26,
    minimum: int = 500_000,
    maximum: int = 100_000_000_000,
) -> int:
    """Registration price of a UID in rao after `blocks` of decay followed by `registrations` bumps.

    A registration pays the price before its own bump.

    Parameters
    ----------
    price : int [rao]
    blocks, registrations : int >= 0
    half_life : int [blocks]; 0 switches the decay off
    mult : factor of a registration; below 1 counts as 1
    minimum, maximum : int [rao], bounds held after every block and every registration

    Returns
    -------
    int [rao], rounded down at every step

    Raises
    ------
    ValueError : negative blocks, registrations or prices

    Notes
    -----
    A block's factor has 32 fractional bits: the largest whose power ``half_life``, cut off at each product,
    does not exceed one half. Prices are cut off too: 1024 becomes 511 in two blocks at a half-life of two.
    In force since 2026-03-18.
    Source: ST subnets/registration.rs update_registration_prices_for_networks,
    bump_registration_price_after_registration; utils/misc.rs decay_factor_q32.
    """
    blocks, registrations = amounts(blocks=blocks, registrations=registrations)
    low, high, burn = amounts(minimum=minimum, maximum=maximum, price=price)
    factor = _decay_factor_q32(half_life)
    for _ in range(blocks):
        before, burn = burn, burn * factor >> 32
        if not low < burn < high:
            burn = _clamp(burn, low, high)
        if burn == before:
            break
    growth = Fraction(max(mult, 1))
    for _ in range(registrations):
        burn = _clamp(int(burn * growth), low, high)
    return burn


def neuron_burn_adjusted(
    price: int, registrations: int, target: int, alpha: float, minimum: int, maximum: int
) -> int:
    """Registration price of a UID after an adjustment interval, the older rule, rao.

    The price moves towards itself times ``(registrations + target) / (2 target)``.

    Parameters
    ----------
    price : int [rao]
    registrations : int >= 0, in the interval that ends (every 100 blocks)
    target : int > 0, registrations at which the price stays
    alpha : weight of the present price, in [0, 1]
    minimum, maximum : int [rao]

    Returns
    -------
    int [rao], rounded down

    Notes
    -----
    In force until 2026-03-18; the price of proof of work followed the same rule. Source: older
    opentensor/subtensor, block_step.rs upgraded_burn (restated from its documentation).
    """
    moved = Fraction(price) * (registrations + target) / (2 * target)
    kept = Fraction(alpha)
    return _clamp(int(kept * price + (1 - kept) * moved), int(minimum), int(maximum))


def subnet_lock_cost(last_lock: int, last_block: int, now: int, min_lock: int, interval: int) -> int:
    """Price in rao of registering a subnet at block `now`.

    It doubles with a registration, falls back to the last price within ``interval`` blocks and on towards the
    minimum.

    Parameters
    ----------
    last_lock : int [rao], paid at the last registration
    last_block : int, its block; 0 when there was none, the price then does not double
    now : int, block, not before the last registration
    min_lock : int [rao]
    interval : int [blocks]; 0 switches the fall off

    Returns
    -------
    int [rao]

    Raises
    ------
    ValueError : a negative amount, or a block before the last registration

    Notes
    -----
    The fall per block is rounded down before it is multiplied. The chain passes its stored interval times the
    block emission over 1 TAO, so halvings shorten it. Source: ST coinbase/root.rs get_network_lock_cost.
    """
    last, floor, blocks = amounts(last_lock=last_lock, min_lock=min_lock, interval=interval)
    (since,) = amounts(blocks_since=now - last_block)
    doubled = last * (1 if last_block == 0 else 2)
    return max(doubled - (last // blocks if blocks else 0) * since, floor)


def subnet_seed(lock: int, min_lock: int, median_price: float) -> tuple[int, int]:
    """(TAO, alpha) reserves of a new subnet's pool, rao.

    Parameters
    ----------
    lock : int [rao], what the owner paid
    min_lock : int [rao]
    median_price : median spot price of existing subnets [TAO/alpha], > 0; 1 where there are none, and in
        older eras

    Returns
    -------
    tuple of int : the larger of the two locks, and the alpha it buys at the median price, rounded down

    Notes
    -----
    Source: ST subnets/subnet.rs do_register_network.
    """
    tao = max(lock, min_lock)
    return tao, int(tao / Fraction(repr(float(median_price))))


def neuron_to_prune(
    emission: Sequence[int],
    registered_at: Sequence[int],
    immune: Sequence[bool],
    immortal: Sequence[bool],
    min_non_immune: int = 0,
) -> int | None:
    """UID that gives way to a newcomer on a full subnet.

    The lowest emission of the last epoch, then the older registration, then the lower uid.

    Parameters
    ----------
    emission : (n,) int [rao], as miner and validator together
    registered_at : (n,) int, block
    immune : (n,) bool, within the immunity period
    immortal : (n,) bool, the owner's protected keys: never chosen
    min_non_immune : int, count of non-immune UIDs down to which an immune one goes instead

    Returns
    -------
    int, or None when nobody may go

    Raises
    ------
    ValueError : lengths differ

    Notes
    -----
    Source: ST subnets/registration.rs get_neuron_to_prune.
    """
    mortal = [
        (paid, block, uid, safe)
        for uid, (paid, block, safe, forever) in enumerate(
            zip(emission, registered_at, immune, immortal, strict=True)
        )
        if not forever
    ]
    free = [key for key in mortal if not key[3]]
    candidates = free if len(free) > min_non_immune else [key for key in mortal if key[3]]
    return min(candidates)[2] if candidates else None


def subnet_to_prune(
    price_ema: Sequence[float], registered_at: Sequence[int], now: int, immunity: int
) -> int | None:
    """Index of the subnet that gives way to a newcomer when all places are taken.

    The lowest price EMA, then the older registration, then the first given.

    Parameters
    ----------
    price_ema : (n,) [TAO/alpha]
    registered_at : (n,) int, block
    now : int, block
    immunity : int [blocks] (864,000, four months)

    Returns
    -------
    int, or None when all are immune

    Raises
    ------
    ValueError : lengths differ

    Notes
    -----
    Source: ST coinbase/root.rs get_network_to_prune.
    """
    candidates = [
        (price, block, i)
        for i, (price, block) in enumerate(zip(price_ema, registered_at, strict=True))
        if now >= block + immunity
    ]
    return min(candidates)[2] if candidates else None


def removal_payout(pool_tao: int, holders: Sequence[int], protocol_alpha: int = 0) -> RemovalPayout:
    """What the holders of a removed subnet's alpha get from its pool, rao.

    Pro rata to alpha by largest remainders, equal remainders in the order given, the chain last.

    Parameters
    ----------
    pool_tao : int >= 0 [rao]
    holders : (n,) int >= 0 [rao], alpha of each stake
    protocol_alpha : int >= 0 [rao], alpha the chain bought and, on newer subnets, the pool's own

    Returns
    -------
    RemovalPayout : sums to ``pool_tao``, to zero when nobody holds alpha

    Notes
    -----
    Source: ST staking/remove_stake.rs destroy_alpha_in_out_stakes.
    """
    alpha = [int(part) for part in (*holders, protocol_alpha)]
    total = sum(alpha)
    if not total:
        return RemovalPayout([0] * len(holders), 0)
    paid, left = zip(*(divmod(pool_tao * part, total) for part in alpha), strict=True)
    out = list(paid)
    for i in sorted(range(len(alpha)), key=lambda i: -left[i])[: pool_tao - sum(paid)]:
        out[i] += 1
    return RemovalPayout(out[:-1], out[-1])


def lock_refund(lock: int, owner_emission_tao: int) -> int:
    """Rao that an older subnet's owner gets back at its removal: the lock less the worth of the owner's cut.

    Parameters
    ----------
    lock : int [rao], paid at registration
    owner_emission_tao : int [rao], owner's cut of all alpha issued, at the pool's price

    Notes
    -----
    Newly registered subnets get nothing. Source: ST staking/remove_stake.rs destroy_alpha_in_out_stakes.
    """
    return max(lock - owner_emission_tao, 0)


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


@cache
def _decay_factor_q32(half_life: int) -> int:
    """Largest factor in 32 fractional bits whose power ``half_life`` is at most one half."""
    if half_life == 0:
        return ONE_Q32
    low, high = 0, ONE_Q32
    while low + 1 < high:
        middle = (low + high) // 2
        if _power_q32(middle, half_life) > ONE_Q32 >> 1:
            high = middle
        else:
            low = middle
    return low


def _power_q32(base: int, exponent: int) -> int:
    """``base ** exponent`` by repeated squaring, rounded down at every product."""
    result = ONE_Q32
    while exponent:
        if exponent & 1:
            result = result * base >> 32
        base = base * base >> 32
        exponent >>= 1
    return result
