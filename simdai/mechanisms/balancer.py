"""Bittensor's weighted pool of alpha and TAO ("PalSwap", after Balancer), in force since 2026-03-17.

Amounts are rao (10^-9 of a token), Python ints; prices are TAO per alpha; the two weights sum to 1 and are
the chain's at 18 decimals. A float stands for the decimal it prints as: 0.4 is two fifths. With equal weights
the pool is the constant-product one of 2025.

Every amount is its formula rounded down once. The chain first cuts the power in it to 18 decimals and then to
64 bits, and so answers a rao more or less where the formula comes within 10^-18 of a reserve to a whole rao.

Source: ST = opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/swap/src/pallet.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from simdai.mechanisms._domain import finite
from simdai.mechanisms._exact import amounts

__all__ = [
    "PoolSwap",
    "balancer_add_liquidity",
    "balancer_alpha_in_to_price",
    "balancer_alpha_needed",
    "balancer_out",
    "balancer_price",
    "balancer_swap",
    "balancer_tao_in_to_price",
    "swap_fee",
]

Number: TypeAlias = int | float | Fraction | Decimal

U16_MAX = 65535
WEIGHT_DECIMALS = 18  # of weights and powers
WEIGHT_ONE: int = 10**WEIGHT_DECIMALS
MIN_WEIGHT = WEIGHT_ONE // 100
MAX_INPUT_OVER_RESERVE = 1000

_DIGITS = Context(prec=60)
_GUARD = Decimal("1e-30")  # forgives the last digits of a power that is exact in fewer


class PoolSwap(NamedTuple):
    """A swap in base units: paid out, kept as fee, and the reserves after it."""

    out: int
    fee: int
    alpha: int
    tao: int


def swap_fee(amount_in: int, rate_u16: int = 33) -> int:
    """Fee in rao taken from the input, rounded down.

    Parameters
    ----------
    amount_in : int >= 0 [rao]
    rate_u16 : int, fee times 65535 (33 is 0.05 %)

    Returns
    -------
    int [rao]

    Raises
    ------
    ValueError : an argument below 0, a rate above 65535

    Notes
    -----
    The chain first cuts the rate to 64 bits and so takes one rao less from an exact multiple of 65535.
    Source: ST impls.rs calculate_fee_amount.
    """
    whole, rate = amounts(amount_in=amount_in, rate_u16=rate_u16)
    if rate > U16_MAX:
        raise ValueError(f"rate_u16 = {rate}: must be at most {U16_MAX}")
    return whole * rate // U16_MAX


def balancer_price(alpha: int, tao: int, w_tao: Number) -> float:
    """Marginal price in TAO per alpha.

    Parameters
    ----------
    alpha, tao : int >= 0 [rao], reserves
    w_tao : TAO weight in [0.01, 0.99]; that of alpha is the rest

    Returns
    -------
    float [TAO/alpha]: ``w_alpha tao / (w_tao alpha)``; 0 without alpha

    Raises
    ------
    ValueError : a weight outside its bounds, a negative amount

    Notes
    -----
    Source: ST balancer.rs calculate_price.
    """
    base, quote = amounts(alpha=alpha, tao=tao)
    w_alpha, weight = _weights(w_tao)
    return float(Fraction(w_alpha * quote, weight * base)) if base else 0.0


def balancer_out(alpha: int, tao: int, w_tao: Number, net_in: int, sell: bool) -> int:
    """Rao paid out for `net_in` (alpha when selling, TAO when buying), rounded down; no fee.

    Parameters
    ----------
    alpha, tao : int >= 0 [rao], reserves
    w_tao : TAO weight in [0.01, 0.99]
    net_in : int >= 0 [rao], after fee
    sell : True sells alpha, False buys it

    Returns
    -------
    int [rao], at most the reserve

    Raises
    ------
    ValueError : a weight outside its bounds, a negative amount

    Notes
    -----
    ``out = y (1 - (x / (x + net_in))^(w_x / w_y))``. Source: ST balancer.rs exp_scaled, swap_step.rs
    convert_deltas.
    """
    alpha, tao, net_in = amounts(alpha=alpha, tao=tao, net_in=net_in)
    w_alpha, weight = _weights(w_tao)
    into, out_of, power = (alpha, tao, (w_alpha, weight)) if sell else (tao, alpha, (weight, w_alpha))
    if net_in == 0:
        return 0
    return _floor(out_of, _DIGITS.subtract(1, _power(Fraction(into, into + net_in), *power)))


def balancer_swap(
    alpha: int, tao: int, w_tao: Number, amount_in: int, sell: bool, rate_u16: int = 33
) -> PoolSwap:
    """A swap with its fee; the fee leaves the pool, so reserves move by the net input and the paid output.

    Parameters
    ----------
    alpha, tao : int >= 0 [rao], reserves
    w_tao : TAO weight in [0.01, 0.99]
    amount_in : int >= 0 [rao], alpha when selling, TAO when buying
    sell : True sells alpha, False buys it
    rate_u16 : int, fee times 65535

    Returns
    -------
    PoolSwap : (out, fee, alpha, tao), the fee in the token paid in

    Raises
    ------
    ValueError : a net input above 1000 times its reserve; as `balancer_out` and `swap_fee`

    Notes
    -----
    The chain also refuses a swap that would pay out nothing. The fee goes to the block author (since 2026).
    Source: ST impls.rs do_swap, swap_step.rs.
    """
    alpha, tao, amount_in = amounts(alpha=alpha, tao=tao, amount_in=amount_in)
    fee = swap_fee(amount_in, rate_u16)
    net = amount_in - fee
    reserve = alpha if sell else tao
    if net > MAX_INPUT_OVER_RESERVE * reserve:
        raise ValueError(
            f"net input {net}: must be at most {MAX_INPUT_OVER_RESERVE} times its reserve of {reserve}"
        )
    out = balancer_out(alpha, tao, w_tao, net, sell)
    if sell:
        return PoolSwap(out, fee, alpha + net, tao - out)
    return PoolSwap(out, fee, alpha - out, tao + net)


def balancer_tao_in_to_price(tao: int, w_tao: Number, price: Number, target: Number) -> int:
    """TAO in rao that a buy needs to reach `target`; 0 when the target is not above the price.

    Parameters
    ----------
    tao : int >= 0 [rao], reserve
    w_tao : TAO weight in [0.01, 0.99]
    price, target : > 0 [TAO/alpha]

    Returns
    -------
    int [rao], net of fee, rounded down: ``y ((target/price)^w_alpha - 1)``

    Raises
    ------
    ValueError : a weight outside its bounds, a price not above 0

    Notes
    -----
    The chain caps the power at 18.4. Source: ST balancer.rs calculate_quote_delta_in.
    """
    (tao,) = amounts(tao=tao)
    w_alpha, _ = _weights(w_tao)
    return _needed(tao, _price_ratio(target, price), w_alpha, WEIGHT_ONE)


def balancer_alpha_in_to_price(alpha: int, w_tao: Number, price: Number, target: Number) -> int:
    """Alpha in rao that a sale needs to reach `target`; 0 when the target is not below the price.

    Parameters
    ----------
    alpha : int >= 0 [rao], reserve
    w_tao : TAO weight in [0.01, 0.99]
    price, target : > 0 [TAO/alpha]

    Returns
    -------
    int [rao], net of fee, rounded down: ``x ((price/target)^w_tao - 1)``

    Raises
    ------
    ValueError : a weight outside its bounds, a price not above 0

    Notes
    -----
    The chain caps the power at 18.4. Source: ST balancer.rs calculate_base_delta_in.
    """
    (alpha,) = amounts(alpha=alpha)
    _, weight = _weights(w_tao)
    return _needed(alpha, _price_ratio(price, target), weight, WEIGHT_ONE)


def balancer_alpha_needed(alpha: int, tao: int, w_tao: Number, tao_wanted: int) -> int:
    """Alpha in rao to sell for `tao_wanted`.

    Parameters
    ----------
    alpha, tao : int > 0 [rao], reserves
    w_tao : TAO weight in [0.01, 0.99]
    tao_wanted : int [rao], in [0, tao)

    Returns
    -------
    int [rao], net of fee, rounded down: ``x ((y / (y - wanted))^(w_tao / w_alpha) - 1)``

    Raises
    ------
    ValueError : a weight outside its bounds, TAO that the pool does not have (the chain answers 0)

    Notes
    -----
    Source: ST balancer.rs get_base_needed_for_quote.
    """
    alpha, tao, tao_wanted = amounts(alpha=alpha, tao=tao, tao_wanted=tao_wanted)
    if tao_wanted >= tao:
        raise ValueError(f"tao_wanted = {tao_wanted}: must lie in [0, {tao})")
    w_alpha, weight = _weights(w_tao)
    return _needed(alpha, Fraction(tao, tao - tao_wanted), weight, w_alpha)


def balancer_add_liquidity(alpha: int, tao: int, w_tao: Number, d_alpha: int, d_tao: int) -> float | None:
    """New TAO weight that keeps the price; None when it would leave [0.01, 0.99].

    Parameters
    ----------
    alpha, tao : int >= 0 [rao], reserves before
    w_tao : TAO weight in [0.01, 0.99]
    d_alpha, d_tao : int >= 0 [rao], added

    Returns
    -------
    float, at 18 decimals, rounded down: ``(y + dy) / (p (x + dx) + y + dy)``; 0.5 while a reserve is and
    stays empty; None: nothing may be added

    Raises
    ------
    ValueError : a weight outside its bounds, a negative amount

    Notes
    -----
    Source: ST balancer.rs update_weights_for_added_liquidity.
    """
    alpha, tao, d_alpha, d_tao = amounts(alpha=alpha, tao=tao, d_alpha=d_alpha, d_tao=d_tao)
    w_alpha, weight = _weights(w_tao)
    tao_side = weight * alpha * (tao + d_tao)
    whole = tao_side + w_alpha * tao * (alpha + d_alpha)
    parts = tao_side * WEIGHT_ONE // whole if whole else WEIGHT_ONE // 2
    return parts / WEIGHT_ONE if MIN_WEIGHT <= parts <= WEIGHT_ONE - MIN_WEIGHT else None


def _weights(w_tao: Number) -> tuple[int, int]:
    """(alpha, TAO) weights at 18 decimals."""
    finite(w_tao=w_tao)
    if isinstance(w_tao, float):
        tao = round(Decimal(float.__repr__(w_tao)).scaleb(WEIGHT_DECIMALS))
    else:
        tao = round(_exact(w_tao) * WEIGHT_ONE)
    if not MIN_WEIGHT <= tao <= WEIGHT_ONE - MIN_WEIGHT:
        raise ValueError(f"w_tao = {w_tao!r}: must lie in [0.01, 0.99]")
    return WEIGHT_ONE - tao, tao


def _exact(value: Number) -> Fraction:
    return Fraction(Decimal(float.__repr__(value))) if isinstance(value, float) else Fraction(value)


def _price_ratio(high: Number, low: Number) -> Fraction:
    finite(price=high, target=low)
    above, below = _exact(high), _exact(low)
    if above <= 0 or below <= 0:
        raise ValueError(f"prices {high!r} and {low!r}: must be > 0")
    return above / below


def _power(base: Fraction, numerator: int, denominator: int) -> Decimal:
    """``base ** (numerator / denominator)`` to 60 digits."""
    if base == 0:
        return Decimal(0)
    ratio = _DIGITS.divide(Decimal(base.numerator), Decimal(base.denominator))
    if numerator == denominator:
        return ratio
    return _DIGITS.power(ratio, _DIGITS.divide(Decimal(numerator), Decimal(denominator)))


def _floor(reserve: int, part: Decimal) -> int:
    return int(_DIGITS.fma(Decimal(reserve), part, _GUARD))


def _needed(reserve: int, ratio: Fraction, numerator: int, denominator: int) -> int:
    """``reserve (ratio ** (numerator / denominator) - 1)`` in whole units, 0 below a ratio of one."""
    return _floor(reserve, _DIGITS.subtract(_power(ratio, numerator, denominator), 1)) if ratio > 1 else 0
