"""The Graph: the curves on which curators buy and sell shares of a subgraph's pool.

L1 (2020-12 until signal moved to Arbitrum) is convex: a share costs more the larger the pool, so early
curators gain from later ones. L2 (GIP-0039, Arbitrum) is flat. Fees and taxes are not part of a curve:
deposits are net of tax, and fees collected by the pool add to its tokens alone.

Source: graphprotocol/contracts@687d928b (2026-08-03), packages/contracts/contracts: curation/Curation.sol
with bancor/BancorFormula.sol, and l2/curation/L2Curation.sol.
"""

from __future__ import annotations

import math
from typing import TypeVar

from simdai.mechanisms._domain import non_negative, positive

__all__ = [
    "best_signal",
    "curation_burn",
    "curation_burn_flat",
    "curation_mint",
    "curation_mint_flat",
    "front_run_payout",
    "signal_profit",
]

Amount = TypeVar("Amount", int, float)


def curation_mint(
    pool_tokens: float, pool_shares: float, deposit: float, reserve_ratio: float, minimum: float
) -> float:
    """Shares for a deposit net of tax; an empty pool starts with one share per minimum deposit.

    Parameters
    ----------
    pool_tokens, pool_shares : >= 0 [GRT], [shares]; an empty pool has no tokens
    deposit : >= 0 [GRT], net of tax
    reserve_ratio : w in (0, 1]; 0.5 on mainnet
    minimum : > 0 [GRT], least first deposit (1 on mainnet); later deposits have none

    Returns
    -------
    float [shares]: ``S ((1 + d/R)^w - 1)``, ``(d/m)^w`` into an empty pool

    Raises
    ------
    ValueError : a first deposit below the minimum, a negative deposit, a ratio outside (0, 1]

    Notes
    -----
    The contract rounds to about 1e-18 of a share. Source: Curation.sol tokensToSignal, BancorFormula.sol
    calculatePurchaseReturn.
    """
    _ratio(reserve_ratio)
    non_negative(pool_tokens=pool_tokens, pool_shares=pool_shares, deposit=deposit)
    positive(minimum=minimum)
    if pool_tokens == 0:
        if deposit < minimum:
            raise ValueError(f"deposit = {deposit!r}: the first one must be >= {minimum!r}")
        return float((deposit / minimum) ** reserve_ratio)
    return pool_shares * math.expm1(reserve_ratio * math.log1p(deposit / pool_tokens))


def curation_burn(pool_tokens: float, pool_shares: float, shares: float, reserve_ratio: float) -> float:
    """Tokens returned for shares; no exit tax.

    Parameters
    ----------
    pool_tokens, pool_shares : > 0 [GRT], [shares]
    shares : in [0, pool_shares]
    reserve_ratio : w in (0, 1]

    Returns
    -------
    float [GRT]: ``R (1 - (1 - s/S)^(1/w))``; for all shares exactly the pool

    Raises
    ------
    ValueError : more shares than there are, a ratio outside (0, 1]

    Notes
    -----
    Source: Curation.sol signalToTokens, BancorFormula.sol calculateSaleReturn.
    """
    _ratio(reserve_ratio)
    non_negative(pool_tokens=pool_tokens)
    _held(pool_shares, shares)
    if shares == pool_shares:
        return pool_tokens
    return -pool_tokens * math.expm1(math.log1p(-shares / pool_shares) / reserve_ratio)


def curation_mint_flat(pool_tokens: Amount, pool_shares: Amount, deposit: Amount) -> Amount:
    """L2: one share per token into an empty pool, else pro rata.

    Parameters
    ----------
    pool_tokens, pool_shares, deposit : >= 0; int [wei], divided as the contract does (down), or float [GRT]

    Returns
    -------
    shares, int or float as given

    Raises
    ------
    ValueError : a negative deposit

    Notes
    -----
    Source: L2Curation.sol _tokensToSignal with its minimum deposit of 1 wei; in force on Arbitrum since
    2022-12.
    """
    non_negative(pool_tokens=pool_tokens, pool_shares=pool_shares, deposit=deposit)
    return _part(pool_shares, deposit, pool_tokens) if pool_tokens else deposit


def curation_burn_flat(pool_tokens: Amount, pool_shares: Amount, shares: Amount) -> Amount:
    """L2: pro rata part of the pool.

    Parameters
    ----------
    pool_tokens, pool_shares, shares : int [wei], divided as the contract does (down), or float [GRT]

    Returns
    -------
    tokens, int or float as given; for all shares exactly the pool

    Raises
    ------
    ValueError : more shares than there are

    Notes
    -----
    Source: L2Curation.sol signalToTokens.
    """
    non_negative(pool_tokens=pool_tokens)
    _held(pool_shares, shares)
    return pool_tokens if shares == pool_shares else _part(pool_tokens, shares, pool_shares)


def front_run_payout(net_deposit: float, pool_at_exit: float) -> float:
    """What the first curator takes out of a reserve-0.5 pool holding ``pool_at_exit`` tokens, own included.

    Parameters
    ----------
    net_deposit : n >= 0 [GRT], the first curator's deposit less tax
    pool_at_exit : T >= n [GRT], after the others' deposits and no fees

    Returns
    -------
    float [GRT]: ``2 sqrt(n T) - n``; the minimum deposit cancels

    Raises
    ------
    ValueError : a pool smaller than the deposit

    Notes
    -----
    Closed form of this project from `curation_mint` and `curation_burn`: s = sqrt(n/m) of S = sqrt(T/m)
    shares are worth ``T (1 - (1 - s/S)^2)``. A bot took 17 times its stake so on mainnet in 2021
    (forum.thegraph.com thread 2608).
    """
    if not 0 <= net_deposit <= pool_at_exit:
        raise ValueError(f"net_deposit = {net_deposit!r}: must lie in [0, {pool_at_exit!r}]")
    return 2.0 * math.sqrt(net_deposit) * math.sqrt(pool_at_exit) - net_deposit


def signal_profit(reward: float, others: float, deposit: float, tax: float) -> float:
    """Gain of who signals on a flat curve for one payment shared by signal, and leaves behind it.

    ``R n / (A + n) - (d - n)`` with n = d (1 - tax): the share of the payment less the tax that was burned.
    The payment is the curators' cut of query fees (late signalling), or the issuance until a denial
    (withholding: ``others`` is then all signal).

    Parameters
    ----------
    reward : R >= 0 [GRT]; others : A > 0, signal there before [GRT]
    deposit : d >= 0, gross [GRT]; tax : in [0, 1)

    Notes
    -----
    Closed form of this project. Small deposits pay iff ``R / A > tax / (1 - tax)``.
    """
    _payment(reward, others, tax)
    if deposit < 0:
        raise ValueError(f"deposit = {deposit!r}: must be >= 0")
    net = deposit * (1.0 - tax)
    return reward * net / (others + net) - (deposit - net)


def best_signal(reward: float, others: float, tax: float, capital: float) -> float:
    """Gross deposit that maximises `signal_profit`: ``(sqrt(R A (1 - tax) / tax) - A) / (1 - tax)``.

    At least 0 and at most ``capital``, which is the answer where there is no tax. Arguments as there.
    """
    _payment(reward, others, tax)
    if tax == 0:
        return capital if reward > 0 else 0.0
    best = (math.sqrt(reward * others * (1.0 - tax) / tax) - others) / (1.0 - tax)
    return min(max(best, 0.0), capital)


def _payment(reward: float, others: float, tax: float) -> None:
    if reward < 0 or others <= 0:
        raise ValueError(f"reward = {reward!r}, others = {others!r}: must be >= 0 and > 0")
    if not 0 <= tax < 1:
        raise ValueError(f"tax = {tax!r}: must lie in [0, 1)")


def _ratio(reserve_ratio: float) -> None:
    if not 0 < reserve_ratio <= 1:
        raise ValueError(f"reserve_ratio = {reserve_ratio!r}: must lie in (0, 1]")


def _held(pool_shares: float, shares: float) -> None:
    if not 0 <= shares <= pool_shares:
        raise ValueError(f"shares = {shares!r}: must lie in [0, {pool_shares!r}]")


def _part(amount: Amount, numerator: Amount, denominator: Amount) -> Amount:
    if isinstance(amount, int) and isinstance(numerator, int) and isinstance(denominator, int):
        return amount * numerator // denominator
    return amount * numerator / denominator
