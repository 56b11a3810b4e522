"""The Graph: pools of stake that others own by shares: delegation, thawing, and what a slash takes.

A pool is a mapping ``{"tokens", "shares", "thawing", "thawing_shares"}``: tokens held, thawing ones included;
shares of those that do not thaw; tokens on their way out and the shares of them that thaw requests hold. An
indexer's own provision is a pool without ``shares``. Every function returns a new pool.

Integers stay integers: an amount given as int (wei) is divided with the protocol's rounding, one given as
float (GRT) is not rounded. Source: HorizonStaking.sol, graphprotocol/contracts@687d928b (2026-08-03).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from simdai.mechanisms._domain import non_negative, unit_interval
from simdai.mechanisms._exact import amounts
from simdai.mechanisms.indexing_fees import MAX_PPM, check_ppm

__all__ = [
    "Capacity",
    "Slash",
    "allocation_capacity",
    "delegate",
    "delegation_tax",
    "part",
    "release",
    "shrink",
    "slash",
    "slash_wei",
    "thaw",
    "undelegate",
]

Amount = TypeVar("Amount", int, float)
Pool = Mapping[str, Amount]


class Capacity(NamedTuple):
    """Tokens that may be allocated, and delegated tokens that may not, in the unit given."""

    available: Any
    idle: Any


class Slash(NamedTuple):
    """A slash, in the unit given; ``provider`` + ``delegators`` + ``skipped`` = ``tokens``.

    ``tokens`` is what the arbitrator asked for, ``provider`` and ``delegators`` what was taken from the
    provision and from the delegation pool, ``skipped`` what delegators were spared, ``fisherman`` and
    ``burned`` where it went, ``provision`` and ``delegated`` what is left.
    """

    tokens: float
    provider: float
    delegators: float
    skipped: float
    fisherman: float
    burned: float
    provision: float
    delegated: float


def part(amount: Any, numerator: Any, denominator: Any) -> Any:
    """Return amount * numerator / denominator, floored for integers and arrays of Python integers."""
    if isinstance(amount, np.ndarray):
        return amount * numerator // denominator
    if isinstance(amount, int) and isinstance(numerator, int) and isinstance(denominator, int):
        return amount * numerator // denominator
    return amount * numerator / denominator


def allocation_capacity(provision: Any, thawing: Any, delegated: Any, ratio: int = 16) -> Capacity:
    """Tokens an indexer may allocate, and delegation that idles because it exceeds ``ratio`` x own stake.

    Parameters
    ----------
    provision, thawing : own stake in the data service and the part of it on its way out, any unit; numbers or
        NumPy arrays, of several indexers
    delegated : tokens of the delegation pool that are not thawing, same unit
    ratio : delegation ratio, 16 on Arbitrum One

    Returns
    -------
    Capacity : (available, idle), same unit

    Raises
    ------
    ValueError : a negative amount, more thawing than provisioned

    Notes
    -----
    Source: HorizonStakingBase.sol ``getTokensAvailable``, graphprotocol/contracts@687d928b (2026-08-03).
    """
    non_negative(thawing=_least(thawing), delegated=_least(delegated), ratio=ratio)
    own = provision - thawing
    if not _least(own) >= 0:
        raise ValueError(f"thawing = {thawing!r}: exceeds the provision of {provision!r}")
    several = isinstance(own, np.ndarray)
    usable = np.minimum(delegated, own * ratio) if several else min(delegated, own * ratio)
    return Capacity(own + usable, delegated - usable)


def _least(value: Any) -> Any:
    return value.min(initial=0) if isinstance(value, np.ndarray) else value


def delegation_tax(tokens_wei: int, tax_ppm: int) -> int:
    """Tax burned on a delegation in the legacy regime, wei, rounded down: 5,000 ppm on mainnet.

    Raises ValueError for a tax outside [0, 1e6] ppm or a negative amount. Source: StakingExtension.sol
    ``_collectTax``, graphprotocol/contracts@289772e4 (2024-05).
    """
    check_ppm(tax_ppm=tax_ppm)
    (tokens_wei,) = amounts(tokens_wei=tokens_wei)
    return tokens_wei * tax_ppm // MAX_PPM


def delegate(pool: Pool[Amount], tokens: Amount, *, minimum: float = 1) -> tuple[dict[str, Amount], Amount]:
    """Delegate to a pool: shares are issued at the price of tokens that are not thawing. No tax (Horizon).

    Parameters
    ----------
    pool : ``{"tokens", "shares", "thawing"}``; int [wei] (shares round down) or float [GRT]
    tokens : amount delegated, same unit
    minimum : least delegation, same unit: 1 GRT, that is ``10**18`` for amounts in wei

    Returns
    -------
    (pool, shares) : the new pool and the shares issued; an empty pool, or one that thaws whole, gives a share
        a token

    Raises
    ------
    ValueError : less than ``minimum``; a pool with shares but no tokens, or that cannot be; no share for the
        tokens

    Notes
    -----
    Source: ``_delegate``. The legacy regime burned `delegation_tax` first and knew no thawing tokens in a
    pool.
    """
    held, shares, thawing = pool["tokens"], pool["shares"], pool["thawing"]
    if not tokens >= minimum:
        raise ValueError(f"tokens = {tokens!r}: a delegation must be at least {minimum!r}")
    if not held >= thawing >= 0 <= shares:
        raise ValueError(f"pool = {pool!r}: must hold no negative amount, and not thaw more than its tokens")
    if held == 0 and shares != 0:
        raise ValueError("the pool has shares but no tokens: it was slashed whole and takes no delegation")
    issued = tokens if held in (0, thawing) else part(tokens, shares, held - thawing)
    if issued == 0:
        raise ValueError(f"tokens = {tokens!r}: too little for one share")
    return {**pool, "tokens": held + tokens, "shares": shares + issued}, issued


def undelegate(pool: Pool[Amount], shares: Amount) -> tuple[dict[str, Amount], Amount, Amount]:
    """Give back shares: their tokens begin to thaw.

    Parameters
    ----------
    pool : as of the module
    shares : of the tokens that do not thaw, > 0

    Returns
    -------
    (pool, tokens, thawing_shares) : the new pool, the tokens that thaw and the request's shares of them

    Raises
    ------
    ValueError : no shares, more than there are, a pool slashed whole

    Notes
    -----
    Source: ``_undelegate``. The legacy regime took the tokens out of the pool at once and locked them for the
    delegator.
    """
    if not 0 < shares <= pool["shares"]:
        raise ValueError(f"shares = {shares!r}: must lie in (0, {pool['shares']!r}]")
    if pool["tokens"] == 0:
        raise ValueError("the pool has shares but no tokens: it was slashed whole")
    tokens = part(shares, pool["tokens"] - pool["thawing"], pool["shares"])
    thawed, request = thaw({**pool, "shares": pool["shares"] - shares}, tokens)
    return thawed, tokens, request


def thaw(pool: Pool[Amount], tokens: Amount, *, round_up: bool = False) -> tuple[dict[str, Amount], Amount]:
    """Let tokens of a pool begin to thaw.

    Parameters
    ----------
    pool : needs ``tokens``, ``thawing``, ``thawing_shares``
    tokens : >= 0, at most those that do not thaw
    round_up : how the request's shares are rounded: down for delegation, up for an indexer's provision

    Returns
    -------
    (pool, thawing_shares) : the new pool and the shares of the request

    Raises
    ------
    ValueError : more tokens than do not thaw yet

    Notes
    -----
    Source: ``_thaw``, ``_undelegate``.
    """
    thawing, held = pool["thawing"], pool["thawing_shares"]
    if not 0 <= tokens <= pool["tokens"] - thawing:
        raise ValueError(f"tokens = {tokens!r}: must lie in [0, {pool['tokens'] - thawing!r}]")
    if thawing == 0:
        request = tokens
    elif round_up:
        request = -part(-held, tokens, thawing)
    else:
        request = part(tokens, held, thawing)
    return {**pool, "thawing": thawing + tokens, "thawing_shares": held + request}, request


def release(pool: Pool[Amount], request: Amount) -> tuple[dict[str, Amount], Amount]:
    """Pay out a thaw request whose time has come: its part of what thaws, which a slash may have shrunk.

    Parameters
    ----------
    pool : needs ``tokens``, ``thawing``, ``thawing_shares``
    request : its shares, >= 0

    Returns
    -------
    (pool, tokens) : the new pool and what leaves it; nothing where a slash has voided all requests

    Notes
    -----
    The contract voids by a nonce; here no thawing shares are left. Source: ``_fulfillThawRequest``.
    """
    if pool["thawing_shares"] == 0:
        return dict(pool), request - request
    tokens = part(request, pool["thawing"], pool["thawing_shares"])
    left = {
        **pool,
        "tokens": pool["tokens"] - tokens,
        "thawing": pool["thawing"] - tokens,
        "thawing_shares": pool["thawing_shares"] - request,
    }
    return left, tokens


def shrink(pool: Pool[Amount], slashed: Amount) -> dict[str, Amount]:
    """Take slashed tokens from a pool; those that thaw lose in proportion; without any, requests end.

    Source: ``slash``, rounded down. Raises ValueError for more tokens than there are.
    """
    tokens = pool["tokens"]
    if not 0 <= slashed <= tokens:
        raise ValueError(f"slashed = {slashed!r}: must lie in [0, {tokens!r}]")
    if slashed == 0:
        return dict(pool)
    thawing = part(pool["thawing"], tokens - slashed, tokens)
    requests = pool["thawing_shares"] if thawing else thawing
    return {**pool, "tokens": tokens - slashed, "thawing": thawing, "thawing_shares": requests}


def slash(
    provision: float,
    delegated: float,
    fraction: float,
    fisherman_cut: float = 0.5,
    delegation_slashing: bool = False,
    max_fraction: float = 0.1,
) -> Slash:
    """Horizon's slash of a fraction of the snapshot: provision plus the whole delegation pool.

    The provision pays first; delegators pay the rest only where governance has enabled it. With 16 times as
    much delegation as own stake, 2.5% of the snapshot is 42.5% of own stake and 1/17 wipes it out.

    Parameters
    ----------
    provision, delegated : float [GRT], thawing tokens included
    fraction : share of the snapshot, in [0, ``max_fraction``]
    fisherman_cut : share of what the provision pays; the smaller of the provision's verifier cut and the
        dispute contract's cut (which governance may not set above one half)
    delegation_slashing : whether delegators can be slashed (off on Arbitrum One)
    max_fraction : most that the arbitrator may slash (10% on Arbitrum One)

    Returns
    -------
    Slash [GRT]

    Raises
    ------
    ValueError : a fraction above ``max_fraction``, a negative amount, a share outside [0, 1]

    Notes
    -----
    Source: DisputeManager.sol ``_slashIndexer``, HorizonStaking.sol ``slash``,
    graphprotocol/contracts@687d928b (2026-08-03). `slash_wei` is the same in whole wei.
    """
    non_negative(provision=provision, delegated=delegated)
    unit_interval(fraction=fraction, fisherman_cut=fisherman_cut, max_fraction=max_fraction)
    if fraction > max_fraction:
        raise ValueError(f"fraction = {fraction!r}: the arbitrator may slash at most {max_fraction!r}")
    tokens = fraction * (provision + delegated)
    return _slashed(provision, delegated, tokens, fisherman_cut * min(tokens, provision), delegation_slashing)


def slash_wei(
    provision_wei: int,
    delegated_wei: int,
    slash_ppm: int,
    fisherman_ppm: int,
    delegation_slashing: bool = False,
    max_ppm: int = 100_000,
    snapshot_wei: int | None = None,
) -> Slash:
    """`slash` in whole wei, its two cuts rounded down as the contract rounds them.

    Parameters
    ----------
    provision_wei, delegated_wei, delegation_slashing : as there, when the dispute is accepted
    slash_ppm, fisherman_ppm, max_ppm : int [ppm], the shares there
    snapshot_wei : provision and delegation pool when the dispute was opened; the present ones without

    Raises
    ------
    ValueError : a slash above ``max_ppm``, a cut outside [0, 1e6] ppm, a negative amount
    """
    provision_wei, delegated_wei = amounts(provision_wei=provision_wei, delegated_wei=delegated_wei)
    total = provision_wei + delegated_wei
    (snapshot,) = amounts(snapshot_wei=total if snapshot_wei is None else snapshot_wei)
    check_ppm(slash_ppm=slash_ppm, fisherman_ppm=fisherman_ppm, max_ppm=max_ppm)
    if slash_ppm > max_ppm:
        raise ValueError(f"slash_ppm = {slash_ppm!r}: the arbitrator may slash at most {max_ppm!r}")
    tokens = min(snapshot * slash_ppm // MAX_PPM, total)
    reward = min(tokens, provision_wei) * fisherman_ppm // MAX_PPM
    return _slashed(provision_wei, delegated_wei, tokens, reward, delegation_slashing)


def _slashed(
    provision: Amount, delegated: Amount, tokens: Amount, fisherman: Amount, delegation_slashing: bool
) -> Slash:
    provider = min(tokens, provision)
    rest = tokens - provider
    delegators = rest if delegation_slashing else rest - rest
    return Slash(
        tokens=tokens,
        provider=provider,
        delegators=delegators,
        skipped=rest - delegators,
        fisherman=fisherman,
        burned=provider - fisherman + delegators,
        provision=provision - provider,
        delegated=delegated - delegators,
    )
