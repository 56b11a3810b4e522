"""Ocean: exchange and order fees, compute-to-data prices, vote-escrow, the ASI merger.

Data farming and Predictoor are in :mod:`~simdai.mechanisms.data_farming`, and public here too.

Source keys: OC = oceanprotocol/contracts@1c779f90 (2026-06-29); DF = oceanprotocol/df-py@96a246f2
(2026-02-24); ON = oceanprotocol/ocean-node docs/compute-pricing.md@4a386cbf (2026).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from simdai.mechanisms._domain import at_least, non_negative, positive
from simdai.mechanisms._exact import amounts, whole
from simdai.mechanisms.data_farming import (
    predictoor_collector,
    predictoor_farming,
    predictoor_payout,
    predictoor_payouts_wei,
    predictoor_slot_revenue,
    predictoor_soonest_slot,
    rank_shares,
    volume_multiplier,
    volume_rewards,
)

__all__ = [
    "FixedRateSwap",
    "ImpliedSupply",
    "OrderSplit",
    "asi_convert",
    "asi_implied_supply",
    "compute_job_price",
    "fixed_rate_swap",
    "job_minutes",
    "job_price_per_minute",
    "order_datatoken_split",
    "predictoor_collector",
    "predictoor_farming",
    "predictoor_payout",
    "predictoor_payouts_wei",
    "predictoor_slot_revenue",
    "predictoor_soonest_slot",
    "rank_shares",
    "ve_balance",
    "ve_unlock",
    "volume_multiplier",
    "volume_rewards",
]

BASE = 10**18
MIN_MARKET_FEE, MAX_MARKET_FEE = BASE // 10**4, BASE // 2
MIN_RATE = 10**10

FET_PER_TOKEN = {"FET": 1.0, "AGIX": 0.433350, "OCEAN": 0.433226}
"""Merger rates of 2024-03-25, docs.superintelligence.io, "token conversion rates"."""


class FixedRateSwap(NamedTuple):
    """A swap at a fixed rate, wei of the base token.

    ``total`` is what the buyer pays (base + fees) or the seller receives (base - fees); ``base`` is what the
    exchange books, ``community``, ``publish`` and ``consume`` the three fees.
    """

    total: int
    base: int
    community: int
    publish: int
    consume: int


class OrderSplit(NamedTuple):
    """Where an ordered datatoken goes, in datatokens."""

    community: float
    publisher: float


class ImpliedSupply(NamedTuple):
    """Supplies implied by the FET minted for them, tokens."""

    ocean: float
    agix: float


def fixed_rate_swap(
    datatoken_wei: int, rate_wei: int, opc_wei: int, publish_wei: int, consume_wei: int, side: str
) -> FixedRateSwap:
    """Fixed-rate exchange: each fee is taken from the amount before fees and rounded down; none compounds.

    Parameters
    ----------
    datatoken_wei : int [wei of datatoken], > 0
    rate_wei : int, base tokens per datatoken at 1e18 scale, >= 1e10
    opc_wei, publish_wei, consume_wei : int, fee rates at 1e18 scale: community (0.1% for approved base
        tokens, else 0.2%), publishing market, consuming market; a market fee is 0 or in [0.01%, 50%]
    side : ``"buy"`` | ``"sell"``

    Returns
    -------
    FixedRateSwap : (total, base, community, publish, consume) [wei of base token]; to take a sale the
        exchange must hold ``base``

    Raises
    ------
    ValueError : no datatokens, a rate or a market fee outside its bounds, fees above the amount sold, unknown
        side

    Notes
    -----
    Both tokens have 18 decimals. Source: OC contracts/pools/fixedRate/FixedRateExchange.sol.
    """
    datatoken_wei, rate_wei, opc_wei, publish_wei, consume_wei = amounts(
        datatoken_wei=datatoken_wei,
        rate_wei=rate_wei,
        opc_wei=opc_wei,
        publish_wei=publish_wei,
        consume_wei=consume_wei,
    )
    positive(datatoken_wei=datatoken_wei)
    if rate_wei < MIN_RATE:
        raise ValueError(f"rate_wei = {rate_wei!r}: must be {MIN_RATE} or above")
    for name, fee in (("publish_wei", publish_wei), ("consume_wei", consume_wei)):
        if fee != 0 and not MIN_MARKET_FEE <= fee <= MAX_MARKET_FEE:
            raise ValueError(f"{name} = {fee!r}: must be 0 or in [{MIN_MARKET_FEE}, {MAX_MARKET_FEE}]")
    base = datatoken_wei * rate_wei // BASE
    fees = [base * rate // BASE for rate in (opc_wei, publish_wei, consume_wei)]
    match side:
        case "buy":
            return FixedRateSwap(base + sum(fees), base, *fees)
        case "sell":
            if sum(fees) > base:
                raise ValueError(f"fees of {sum(fees)} wei exceed the {base} wei sold")
            return FixedRateSwap(base - sum(fees), base, *fees)
    raise ValueError(f"unknown side {side!r}; expected one of: buy, sell")


def order_datatoken_split(datatoken: float = 1.0, community_fee: float = 0.03) -> OrderSplit:
    """Where the datatoken of an order goes: the community collector's fee, and the rest to the publisher.

    Parameters
    ----------
    datatoken : datatokens of one order; the contract takes exactly 1
    community_fee : datatokens an order (an amount, not a rate); 0.03 since V4

    Returns
    -------
    OrderSplit : (community, publisher) [datatoken]

    Raises
    ------
    ValueError : a fee that is negative or above the datatoken

    Notes
    -----
    Source: OC contracts/templates/ERC20Template.sol ``startOrder``, contracts/pools/FactoryRouter.sol.
    """
    non_negative(community_fee=community_fee, publisher=datatoken - community_fee)
    return OrderSplit(community_fee, datatoken - community_fee)


def compute_job_price(
    duration_s: float, resources: Mapping[str, float], prices: Mapping[str, float]
) -> float:
    """Compute-to-data price of a job: started minutes times priced resources.

    Parameters
    ----------
    duration_s : s, the time asked for
    resources : units asked for, by resource (cpu, ram in GB, disk in GB, gpu)
    prices : token per unit and minute, by resource; a resource without a price is free

    Returns
    -------
    float, in the token of ``prices``

    Raises
    ------
    ValueError : a negative duration, amount or price

    Notes
    -----
    Source: ON.
    """
    return job_minutes(duration_s) * job_price_per_minute(resources, prices)


def job_minutes(duration_s: float) -> int:
    """Minutes started in ``duration_s`` seconds, which a job pays for. Raises ValueError below zero."""
    non_negative(duration_s=duration_s)
    return math.ceil(duration_s / 60)


def job_price_per_minute(resources: Mapping[str, float], prices: Mapping[str, float]) -> float:
    """Price of a minute of resources; arguments and errors as in `compute_job_price`."""
    non_negative(**resources)
    non_negative(**prices)
    return sum(prices.get(resource, 0) * units for resource, units in resources.items())


def ve_unlock(unlock: int, week: int = 604800) -> int:
    """Effective end of a lock, unix s: ``unlock`` rounded down to whole weeks since 1970.

    Raises ValueError for a time before 1970 or a week without length.
    Source: OC contracts/ve/veOCEAN.vy ``create_lock``. Locks closed to new farming on 2024-05-03, and still
    decay.
    """
    end, length = amounts(unlock=unlock, week=week)
    at_least(1, week=length)
    return end // length * length


def ve_balance(amount_wei: int, end: int, at: int, max_time: int = 126144000) -> int:
    """Vote-escrow balance of a lock, wei: ``floor(amount / max_time) (end - at)``, 0 from ``end`` on.

    Parameters
    ----------
    amount_wei : int [wei of OCEAN]
    end : int [unix s], effective end of the lock, of :func:`ve_unlock`
    at : int [unix s], not before the lock
    max_time : int [s], 4 x 365 d

    Raises
    ------
    ValueError : a negative amount, or an end more than ``max_time`` after ``at`` (no such lock can exist)

    Notes
    -----
    The slope is floored, the product is not. Source: OC contracts/ve/veOCEAN.vy ``_checkpoint``,
    ``balanceOf``.
    """
    (amount_wei,) = amounts(amount_wei=amount_wei)
    end, at, max_time = whole(end=end, at=at, max_time=max_time)
    if end - at > max_time:
        raise ValueError(f"end = {end!r}: a lock ends at most {max_time} s from now, {at!r}")
    return amount_wei // max_time * max(0, end - at)


def asi_convert(token: str, amount: float) -> float:
    """FET received in the ASI merger (2024-07-01) for ``amount`` of ``token``: FET, AGIX or OCEAN.

    Source: docs.superintelligence.io, rates of 2024-03-25. Raises ValueError for another token or a negative
    amount.
    """
    non_negative(amount=amount)
    if (rate := FET_PER_TOKEN.get(token.upper())) is None:
        raise ValueError(f"unknown token {token!r}; expected one of: {', '.join(FET_PER_TOKEN)}")
    return amount * rate


def asi_implied_supply(minted: float, for_ocean: float, ocean_rate: float, agix_rate: float) -> ImpliedSupply:
    """Supplies of the merged tokens implied by the FET minted for them.

    Parameters
    ----------
    minted : FET minted for both tokens
    for_ocean : FET of it minted for OCEAN, at most ``minted``
    ocean_rate, agix_rate : FET per token, > 0

    Returns
    -------
    ImpliedSupply : (ocean, agix) [tokens]

    Raises
    ------
    ValueError : a rate not above 0, ``for_ocean`` outside [0, ``minted``]

    Notes
    -----
    2024-07-01: 1,477,549,566 FET, of which 610,849,199 for OCEAN, give 1.410e9 OCEAN and 2.000e9 AGIX
    (edgen.tech).
    """
    positive(ocean_rate=ocean_rate, agix_rate=agix_rate)
    non_negative(for_ocean=for_ocean, for_agix=minted - for_ocean)
    return ImpliedSupply(for_ocean / ocean_rate, (minted - for_ocean) / agix_rate)
