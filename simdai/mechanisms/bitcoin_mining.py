"""What mining Bitcoin earns and costs, what an attack on it costs, and when miners leave for good.

Amounts are USD; a hash is one double SHA-256; rewards are subsidy and fees together, in satoshi. Prices and
machines are arguments: the rules hold at any date.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SATOSHI_PER_BTC",
    "attack_cost_hardware",
    "attack_cost_rental",
    "break_even_electricity",
    "break_even_price",
    "death_spiral",
    "machine_value",
    "miner_margin",
    "mining_cost_per_hash",
    "period_after_exit_days",
    "revenue_per_hash",
    "security_budget",
    "share_below_break_even",
]

F = TypeVar("F", float, NDArray[np.float64])

SATOSHI_PER_BTC = 100_000_000
JOULES_PER_KWH = 3_600_000.0


def revenue_per_hash(reward_sat: float, price_usd: float, hashes_per_block: float) -> float:
    """What one hash earns on average, USD.

    Parameters
    ----------
    reward_sat : subsidy and fees of a block [satoshi]
    price_usd : [USD/BTC]
    hashes_per_block : expected double hashes of a block, `bitcoin.expected_hashes`

    Returns
    -------
    float [USD/hash]; times 8.64e19 it is the "hash price" in USD per PH/s and day

    Notes
    -----
    Every hash is a trial with the same chance of a block.
    """
    return reward_sat / SATOSHI_PER_BTC * price_usd / hashes_per_block


def mining_cost_per_hash(
    joules_per_hash: float, electricity_usd_per_kwh: float, opex_usd_per_hash: float = 0.0
) -> float:
    """What one hash costs to compute, USD.

    Parameters
    ----------
    joules_per_hash : energy of the rig and its cooling [J/hash] (20 J/TH is 2e-11)
    electricity_usd_per_kwh : [USD/kWh]
    opex_usd_per_hash : other running cost [USD/hash]

    Returns
    -------
    float [USD/hash]
    """
    return joules_per_hash * electricity_usd_per_kwh / JOULES_PER_KWH + opex_usd_per_hash


def miner_margin(revenue_usd_per_hash: float, cost_usd_per_hash: F) -> F:
    """Part of the revenue left after running cost; a rig is switched off below zero.

    Parameters
    ----------
    revenue_usd_per_hash, cost_usd_per_hash : [USD/hash], see `revenue_per_hash` and `mining_cost_per_hash`;
        the cost may be an array

    Returns
    -------
    float or array [1], at most 1
    """
    return 1.0 - cost_usd_per_hash / revenue_usd_per_hash


def machine_value(
    revenue: float, cost: float, decline: float, discount: float, life: float, delay: float = 0.0
) -> float:
    """What a machine is worth today that runs while its revenue covers its running cost.

    The integral of ``(revenue exp(-decline t) - cost) exp(-discount t)`` from ``delay`` to ``delay + life``,
    or to the time when the revenue has come down to the cost.

    Parameters
    ----------
    revenue, cost : today's, of a machine [USD/y]
    decline : rate at which revenue is expected to fall, as others add hash rate [1/y]
    discount : [1/y]
    life, delay : years

    Returns
    -------
    float >= 0 [USD]

    Notes
    -----
    A constant decline is an assumption.
    """
    end = delay + life
    if revenue <= 0.0:
        return 0.0
    if cost > 0.0:
        if decline > 0.0:
            end = min(end, math.log(revenue / cost) / decline)
        elif revenue <= cost:
            return 0.0
    if end <= delay:
        return 0.0
    return revenue * _annuity(decline + discount, delay, end) - cost * _annuity(discount, delay, end)


def _annuity(rate: float, start: float, end: float) -> float:
    """Integral of ``exp(-rate t)`` from ``start`` to ``end``."""
    if rate == 0.0:
        return end - start
    return (math.exp(-rate * start) - math.exp(-rate * end)) / rate


def break_even_price(reward_sat: float, hashes_per_block: float, cost_usd_per_hash: float) -> float:
    """Price of a bitcoin at which a rig's revenue just covers its running cost, USD/BTC.

    Parameters
    ----------
    reward_sat : subsidy and fees of a block [satoshi]
    hashes_per_block : expected double hashes of a block
    cost_usd_per_hash : [USD/hash], see `mining_cost_per_hash`
    """
    return cost_usd_per_hash / revenue_per_hash(reward_sat, 1.0, hashes_per_block)


def break_even_electricity(
    revenue_usd_per_hash: float, joules_per_hash: float, opex_usd_per_hash: float = 0.0
) -> float:
    """Electricity price at which a rig's revenue just covers its running cost, USD/kWh.

    Parameters
    ----------
    revenue_usd_per_hash, opex_usd_per_hash : [USD/hash]
    joules_per_hash : [J/hash]

    Returns
    -------
    float [USD/kWh]; negative when other cost alone exceeds the revenue
    """
    return (revenue_usd_per_hash - opex_usd_per_hash) * JOULES_PER_KWH / joules_per_hash


def security_budget(reward_sat: float, price_usd: float, blocks_per_day: float = 144.0) -> float:
    """What the network pays its miners in a day, USD/d.

    Parameters
    ----------
    reward_sat : subsidy and fees of a block [satoshi]
    price_usd : [USD/BTC]
    blocks_per_day : [1/d], 144 at the intended spacing of 600 s
    """
    return blocks_per_day * reward_sat / SATOSHI_PER_BTC * price_usd


def attack_cost_rental(
    budget_usd_per_day: float, hours: float, premium: float = 1.0, share: float = 0.5
) -> float:
    """USD to rent a ``share`` of the hash rate for some hours, the honest miners staying.

    Rent is taken to cost what the same hashes earn by mining, times ``premium``.

    Parameters
    ----------
    budget_usd_per_day : see `security_budget` [USD/d]
    hours : length of the attack [h]
    premium : rent over mining revenue [1]
    share : attacker's part of the whole, in [0, 1); 0.5 rents as much as there is

    Returns
    -------
    float [USD], before the attacker's own block rewards

    Raises
    ------
    ValueError : share outside [0, 1)

    Notes
    -----
    A proxy (Budish 2018, NBER 24717): assumes that so much hash rate is for rent at all.
    """
    return budget_usd_per_day / 24.0 * hours * premium * _odds(share)


def attack_cost_hardware(hash_rate: float, usd_per_hash_rate: float, share: float = 0.5) -> float:
    """USD to buy machines for a ``share`` of the hash rate, the honest miners staying.

    Parameters
    ----------
    hash_rate : honest hash rate [hash/s]
    usd_per_hash_rate : price of machines [USD per hash/s] (15 USD per TH/s is 1.5e-11)
    share : attacker's part of the whole, in [0, 1)

    Returns
    -------
    float [USD]

    Raises
    ------
    ValueError : share outside [0, 1)
    """
    return hash_rate * usd_per_hash_rate * _odds(share)


def share_below_break_even(
    break_even_prices: Sequence[float], hash_rates: Sequence[float], price_usd: float
) -> float:
    """Part of the hash rate that loses money at a price.

    Parameters
    ----------
    break_even_prices : (n,) of each class of rigs [USD/BTC], see `break_even_price`
    hash_rates : (n,) of each class [any unit]
    price_usd : [USD/BTC]

    Returns
    -------
    float in [0, 1]; 0 without rigs

    Raises
    ------
    ValueError : lengths differ
    """
    rigs = list(zip(break_even_prices, hash_rates, strict=True))
    total = sum(rate for _, rate in rigs)
    losing = sum(rate for needed, rate in rigs if price_usd < needed)
    return losing / total if total else 0.0


def period_after_exit_days(share_lost: float, days: float = 14.0) -> float:
    """Length of a difficulty period when part of the hash rate leaves at its start, days.

    Parameters
    ----------
    share_lost : part of the hash rate that leaves, in [0, 1)
    days : length of the period before [d]

    Returns
    -------
    float [d], ``days / (1 - share_lost)``

    Raises
    ------
    ValueError : share outside [0, 1)
    """
    return days * (1.0 + _odds(share_lost))


def death_spiral(share_lost: float, liquidity_days: float, days: float = 14.0) -> bool:
    """Whether the remaining miners run out of means before difficulty comes down.

    Parameters
    ----------
    share_lost : part of the hash rate that leaves, in [0, 1]
    liquidity_days : how long those who stay can wait for the next retarget [d]
    days : length of the period before [d]

    Returns
    -------
    bool; True without any hash rate left

    Notes
    -----
    Never observed in Bitcoin; the ban of 2021 in China took 45 % in two months (period of 19.4 days).
    Source: condition of this project, after the period length of `period_after_exit_days`.
    """
    return share_lost >= 1.0 or period_after_exit_days(share_lost, days) > liquidity_days


def _odds(share: float) -> float:
    """Size of a part of the whole, in units of the rest."""
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share = {share!r}: must lie in [0, 1)")
    return share / (1.0 - share)
