"""Akash's compute credit: AKT goes into a vault to mint ACT, one USD each, and is paid out at redemption.

Regime from 2026-03-23. AKN means akash-network/node@3efe26bf (2026-04-28), SDK
akash-network/chain-sdk@55f1c683 (2026-07-02), AEP-76 akash-network/AEP@d21edcdf ``spec/aep-76``. Amounts are
micro-units (1e-6 of a token).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Literal, TypedDict

from simdai.mechanisms._domain import at_least, non_negative, positive
from simdai.mechanisms._exact import DECIMAL_ONE, Exact, amounts, as_decimal, decimal_quotient, exact, whole

__all__ = [
    "Conversion",
    "CreditStatus",
    "bme_basis_points",
    "bme_collateral_ratio",
    "bme_convert",
    "bme_mint_epoch_blocks",
    "bme_retry",
    "bme_round_trip",
    "bme_status",
    "bme_use_credits",
]

LARGEST_BPS = 2**32 - 1


class Conversion(TypedDict):
    """What a conversion request does; every amount in micro-units.

    ``out`` is minted, of which the user receives ``received`` and the vault keeps ``spread``; a cancelled
    request (``reason`` is then not None) mints nothing and gives ``refund``, the whole amount, back.
    """

    reason: Literal["invalid_amount", "epsilon", "minimum_mint"] | None
    out: int
    spread: int
    received: int
    refund: int


def bme_convert(
    amount_in: int, price_from: Exact, price_to: Exact, spread_bps: int = 0, min_mint: int = 0
) -> Conversion:
    """Convert micro-units at oracle prices; amounts out are micro-units of the target token.

    The rate price_from/price_to is rounded half to even to 18 digits and multiplied in; ``out`` is the
    product rounded down and ``spread`` the product x bps/10000 rounded down. Cancelled, in this order: a zero
    amount, an ``out`` below one (``epsilon``), an ``out`` below ``min_mint``. Defaults of the chain: spread
    25 bps and minimum 10,000,000 when minting ACT, none when redeeming; ACT's price is always 1. Prices in
    USD, as they are written (text, Decimal and Fraction pass too). Raises ValueError for a negative amount, a
    price of zero (such a request stays pending, see `bme_retry`) or a spread outside [0, 10000]. Source: AKN
    x/bme/keeper/keeper.go prepareToBM; SDK go/node/bme/v1/params.go.
    """
    amount_in, spread_bps, min_mint = amounts(amount_in=amount_in, spread_bps=spread_bps, min_mint=min_mint)
    if spread_bps > 10_000:
        raise ValueError(f"spread_bps = {spread_bps}: must not exceed 10000")
    product = amount_in * _rate(price_from, price_to)
    out = product // DECIMAL_ONE
    if amount_in == 0:
        return _cancelled("invalid_amount", amount_in)
    if out < 1:
        return _cancelled("epsilon", amount_in)
    if out < min_mint:
        return _cancelled("minimum_mint", amount_in)
    spread = decimal_quotient(product * spread_bps, 10_000 * DECIMAL_ONE) // DECIMAL_ONE
    return {"reason": None, "out": out, "spread": spread, "received": out - spread, "refund": 0}


@lru_cache(maxsize=64, typed=True)
def _rate(price_from: Exact, price_to: Exact) -> int:
    """Price over price, in units of 1e-18: the same for all requests of a batch."""
    source, target = as_decimal(price_from=price_from, price_to=price_to)
    positive(price_from=source, price_to=target)
    return decimal_quotient(source, target)


def _cancelled(reason: Literal["invalid_amount", "epsilon", "minimum_mint"], refund: int) -> Conversion:
    return {"reason": reason, "out": 0, "spread": 0, "received": 0, "refund": refund}


def bme_retry(failures: int, max_attempts: int = 3) -> tuple[list[int], Literal["executed", "max_attempts"]]:
    """Pending count after each attempt, and the end, of a request that fails ``failures`` times.

    It fails for a passing reason. Each failure counts as an attempt and leaves the request pending; the
    ``max_attempts``-th cancels it with a refund. Fewer failures, and the next attempt executes it. Raises
    ValueError for a negative count or no attempt. Source: AKN x/bme/keeper/abci.go; the chain tries once a
    redemption or mint epoch.
    """
    failures, max_attempts = amounts(failures=failures, max_attempts=max_attempts)
    at_least(1, max_attempts=max_attempts)
    if failures >= max_attempts:
        return [1] * (max_attempts - 1) + [0], "max_attempts"
    return [1] * failures + [0], "executed"


def bme_mint_epoch_blocks(
    cr_bps: int,
    backoff_percent: int = 10,
    warn_bps: int = 9_500,
    min_blocks: int = 10,
    max_blocks: int = 14_400,
) -> int:
    """Blocks between mint batches at a collateral ratio in basis points.

    ``min_blocks`` at or above ``warn_bps`` or without a backoff, else min_blocks x (1 + backoff/100)^k, k =
    floor((warn_bps - cr_bps)/10), capped at ``max_blocks`` and rounded down once, at the end. Redemption
    epochs stay at ``min_blocks``. Raises ValueError for negative arguments or no block. Source: AKN
    x/bme/keeper/keeper.go calculateBlocksDiff; SDK go/node/bme/v1/params.go.
    """
    cr_bps, backoff_percent, warn_bps, min_blocks, max_blocks = amounts(
        cr_bps=cr_bps,
        backoff_percent=backoff_percent,
        warn_bps=warn_bps,
        min_blocks=min_blocks,
        max_blocks=max_blocks,
    )
    at_least(1, min_blocks=min_blocks)
    if cr_bps >= warn_bps:
        return min_blocks
    growth = Fraction(100 + backoff_percent, 100) ** ((warn_bps - cr_bps) // 10)
    return max(min_blocks, min(math.floor(min_blocks * growth), max_blocks))


def bme_collateral_ratio(vault_akt: float, price: float, act_supply: float) -> float:
    """Vault value over credit outstanding: vault x price / supply, in tokens or in micro-units.

    The vault without pending requests. With no credit outstanding: infinite, or 0 if the vault is worth
    nothing, which has the same status as the keeper's undivided value. Raises ValueError for negative
    arguments. Source: AKN x/bme/keeper/keeper.go calculateCR; AEP-76.
    """
    non_negative(vault_akt=vault_akt, price=price, act_supply=act_supply)
    value = vault_akt * price
    return value / act_supply if act_supply else math.inf if value else 0.0


def bme_basis_points(collateral_ratio: float) -> int:
    """Collateral ratio in whole basis points, rounded down, at most 2^32 - 1.

    Raises ValueError for a negative ratio. Source: AKN x/bme/keeper/keeper.go mintStatusUpdate.
    """
    non_negative(collateral_ratio=collateral_ratio)
    if math.isinf(collateral_ratio):
        return LARGEST_BPS
    (ratio,) = exact(collateral_ratio=collateral_ratio)
    return min(ratio.numerator * 10_000 // ratio.denominator, LARGEST_BPS)


class CreditStatus(TypedDict):
    """Circuit breaker: its ``status``, and whether requests to ``mint`` and to ``redeem`` are served."""

    status: Literal["healthy", "warning", "halt_cr", "halt_oracle"]
    mint: bool
    redeem: bool


def bme_status(
    cr_bps: int, oracle_healthy: bool = True, warn_bps: int = 9_500, halt_bps: int = 9_000
) -> CreditStatus:
    """Status at a collateral ratio in basis points (`bme_basis_points`).

    Healthy above ``warn_bps``, warning above ``halt_bps`` (mint epochs lengthen), else ``halt_cr``: no
    minting, while redemption stays open. A stale or zero oracle price halts both (``halt_oracle``). Raises
    ValueError unless halt < warn. Source: AKN x/bme/keeper/keeper.go mintStatusUpdate, RequestBurnMint; SDK
    go/node/bme/v1/params.go.
    """
    cr_bps, warn_bps, halt_bps = whole(cr_bps=cr_bps, warn_bps=warn_bps, halt_bps=halt_bps)
    if halt_bps >= warn_bps:
        raise ValueError(f"halt_bps = {halt_bps}: must be below warn_bps = {warn_bps}")
    if not oracle_healthy:
        return {"status": "halt_oracle", "mint": False, "redeem": False}
    if cr_bps <= halt_bps:
        return {"status": "halt_cr", "mint": False, "redeem": True}
    return {"status": "healthy" if cr_bps > warn_bps else "warning", "mint": True, "redeem": True}


def bme_round_trip(usd: float, p_mint: float, p_redeem: float) -> dict[str, float]:
    """AKT locked at top-up and paid at redemption of ``usd`` of credit (no spread).

    ``locked`` = usd/p_mint, ``paid`` = usd/p_redeem, ``delta`` = paid - locked: above zero it is net new
    supply, below zero a net burn. Raises ValueError for a negative credit or prices not above zero. Source:
    AEP-76.
    """
    non_negative(usd=usd)
    positive(p_mint=p_mint, p_redeem=p_redeem)
    return {"locked": usd / p_mint, "paid": usd / p_redeem, "delta": usd / p_redeem - usd / p_mint}


def bme_use_credits(credits: int, out: int) -> dict[str, int]:
    """Pay ``out`` AKT from remint credits first, then by minting, micro-units.

    ``from_credits`` + ``minted`` = out; ``left`` is what remains of the credits (AKT locked at top-ups adds
    to them). Raises ValueError for negative amounts. Source: AKN x/bme/keeper/keeper.go burnACT; AEP-76.
    """
    credits, out = amounts(credits=credits, out=out)
    used = min(credits, out)
    return {"from_credits": used, "minted": out - used, "left": credits - used}
