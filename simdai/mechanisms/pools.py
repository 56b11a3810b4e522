"""Pools that price a token by what they hold: constant product, square-root impact, superellipse.

Bittensor's weighted pool is in :mod:`~simdai.mechanisms.balancer`, The Graph's curves are in
:mod:`~simdai.mechanisms.curation`; both are public here too. Integer amounts are base units and rounded as
the protocol rounds.

Bittensor's eras: constant product 2025-02-13 to 2026-03 (a Balancer pool with equal weights), Balancer since
2026-03-17, superellipse in the code of late 2026; its prices are TAO per alpha.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from simdai.mechanisms._domain import positive
from simdai.mechanisms.balancer import (
    PoolSwap,
    balancer_add_liquidity,
    balancer_alpha_in_to_price,
    balancer_alpha_needed,
    balancer_out,
    balancer_price,
    balancer_swap,
    balancer_tao_in_to_price,
    swap_fee,
)
from simdai.mechanisms.curation import (
    curation_burn,
    curation_burn_flat,
    curation_mint,
    curation_mint_flat,
    front_run_payout,
)

__all__ = [
    "EllipseSwap",
    "PoolSwap",
    "balancer_add_liquidity",
    "balancer_alpha_in_to_price",
    "balancer_alpha_needed",
    "balancer_out",
    "balancer_price",
    "balancer_swap",
    "balancer_tao_in_to_price",
    "constant_product_in_to_price",
    "constant_product_out",
    "constant_product_price",
    "constant_product_slippage",
    "curation_burn",
    "curation_burn_flat",
    "curation_mint",
    "curation_mint_flat",
    "front_run_payout",
    "square_root_cost",
    "square_root_move",
    "superellipse_calibrate",
    "superellipse_price",
    "superellipse_swap",
    "swap_fee",
]

PPM = 1_000_000


class EllipseSwap(NamedTuple):
    """A swap on the superellipse: paid out, and the coordinates after it."""

    out: float
    X: float
    Y: float


def constant_product_price(reserve_base: float, reserve_quote: float) -> float:
    """Marginal price of the base token in quote tokens.

    Parameters
    ----------
    reserve_base, reserve_quote : > 0 [base units]
    """
    return reserve_quote / reserve_base


def constant_product_out(reserve_in: int, reserve_out: int, amount_in: int, fee_ppm: int = 0) -> int:
    """Base units paid out by a pool that keeps the product of its reserves, rounded down.

    The fee is taken from the input and stays in the pool, so that the product grows by it.

    Parameters
    ----------
    reserve_in, reserve_out : int > 0 [base units]
    amount_in : int >= 0 [base units]
    fee_ppm : int in [0, 1e6], fee in millionths

    Returns
    -------
    int [base units], below ``reserve_out``

    Raises
    ------
    ValueError : an argument outside its range

    Notes
    -----
    Source: Uniswap v2, UniswapV2Library.getAmountOut (2020; fee of 3,000 ppm there).

    >>> constant_product_out(1000, 1000, 1000)
    500
    """
    if reserve_in <= 0 or reserve_out <= 0 or amount_in < 0 or not 0 <= fee_ppm <= PPM:
        raise ValueError("reserves must be > 0, the amount >= 0 and the fee in [0, 1e6] ppm")
    net = amount_in * (PPM - fee_ppm)
    return net * reserve_out // (reserve_in * PPM + net)


def constant_product_slippage(reserve_in: float, net_in: float) -> float:
    """How far the average price of a swap is worse than the marginal price before it, as a share.

    Parameters
    ----------
    reserve_in : > 0 [base units]
    net_in : >= 0 [base units], after fee

    Returns
    -------
    float in [0, 1): ``d / (y + d)``
    """
    return net_in / (reserve_in + net_in)


def constant_product_in_to_price(reserve_in: float, price_ratio: float) -> float:
    """Net input that multiplies the price of what is bought by ``price_ratio``, in the unit of the reserve.

    Parameters
    ----------
    reserve_in : > 0
    price_ratio : >= 1; below 1 nothing is needed on this side

    Returns
    -------
    float: ``y (sqrt(ratio) - 1)``
    """
    return reserve_in * max(math.sqrt(price_ratio) - 1.0, 0.0)


def square_root_move(
    usd: float, coefficient: float, daily_volatility: float, daily_volume_usd: float
) -> float:
    """Log price move of a net flow: ``Y sigma sqrt(|usd| / volume)``, with the sign of the flow.

    Parameters
    ----------
    usd : [USD], bought (> 0) or sold (< 0) within a day
    coefficient : Y, of order one
    daily_volatility : sigma, standard deviation of a day's log return
    daily_volume_usd : > 0 [USD/d]

    Returns
    -------
    float [log price]

    Raises
    ------
    ValueError : a volume not above 0

    Notes
    -----
    Source: Tóth et al. (2011), "Anomalous price impact and the critical nature of liquidity in financial
    markets", Phys. Rev. X 1, 021006.
    """
    if daily_volume_usd <= 0:
        raise ValueError(f"daily_volume_usd = {daily_volume_usd!r}: must be > 0")
    move = coefficient * daily_volatility * math.sqrt(abs(usd) / daily_volume_usd)
    return math.copysign(move, usd)


def square_root_cost(
    usd: float, coefficient: float, daily_volatility: float, daily_volume_usd: float
) -> float:
    """Average log price paid above the price before, when the flow is spread evenly: two thirds of the move.

    Parameters
    ----------
    usd, coefficient, daily_volatility, daily_volume_usd : as in `square_root_move`

    Returns
    -------
    float [log price], with the sign of the flow; the mean of a square root over its range
    """
    return 2.0 / 3.0 * square_root_move(usd, coefficient, daily_volatility, daily_volume_usd)


def superellipse_calibrate(alpha: float, tao: float, w_tao: float) -> tuple[float, float]:
    """Axes of the superellipse pool from a Balancer state; X = a and Y = b at calibration.

    Parameters
    ----------
    alpha, tao : > 0, reserves
    w_tao : TAO weight in (0, 1)

    Returns
    -------
    a, b : float, in the units of alpha and of TAO; the centre of the ellipse is at (alpha + a, tao + b)

    Raises
    ------
    ValueError : an empty reserve, a weight outside (0, 1)

    Notes
    -----
    Keeps the price and its response to a small trade. Injected liquidity moves the centre only, X and Y stay.
    Source: RaoFoundation/subtensor@0249a4a4e pallets/swap/src/pallet/superellipse.rs from_weights; when
    mainnet switches to it is unknown (November 2026).
    """
    if not (alpha > 0 and tao > 0 and 0 < w_tao < 1):
        raise ValueError(
            f"alpha = {alpha!r}, tao = {tao!r}, w_tao = {w_tao!r}: must be > 0, > 0 and in (0, 1)"
        )
    return 2.0 * w_tao * alpha, 2.0 * (1.0 - w_tao) * tao


def superellipse_price(a: float, b: float, X: float, Y: float) -> float:
    """Marginal price in TAO per alpha.

    Parameters
    ----------
    a, b : > 0, axes, see `superellipse_calibrate`
    X, Y : > 0, distance of the reserves of alpha and TAO from the centre

    Returns
    -------
    float [TAO/alpha]: ``b^2 X / (a^2 Y)``

    Notes
    -----
    Source: as `superellipse_calibrate`, calculate_price.
    """
    positive(a=a, b=b, X=X, Y=Y)
    return (b / a) ** 2 * X / Y


def superellipse_swap(a: float, b: float, X: float, Y: float, net_in: float, sell: bool) -> EllipseSwap:
    """Output and new coordinates of a swap without fee; amounts in the unit of the reserves.

    Parameters
    ----------
    a, b : > 0, axes
    X, Y : > 0, coordinates; ``X^2/a^2 + Y^2/b^2`` stays
    net_in : >= 0, TAO below Y when buying, alpha below X when selling
    sell : True sells alpha, False buys it

    Returns
    -------
    EllipseSwap : (out, X, Y), not rounded; a pool that pays whole units moves its coordinate by what it paid

    Raises
    ------
    ValueError : an input that reaches the end of the curve, or below 0

    Notes
    -----
    The curve does not know the reserves: a payout above them must be refused by the caller.
    Source: as `superellipse_calibrate`, buy_output and sell_output.
    """
    positive(a=a, b=b, X=X, Y=Y)
    near, far, slope = (X, Y, b / a) if sell else (Y, X, a / b)
    if not 0 <= net_in < near:
        raise ValueError(f"net_in = {net_in!r}: must lie in [0, {near!r})")
    gain = slope**2 * net_in * (2.0 * near - net_in)
    out = gain / (math.sqrt(far**2 + gain) + far)
    return EllipseSwap(out, X - net_in, Y + out) if sell else EllipseSwap(out, X + out, Y - net_in)
