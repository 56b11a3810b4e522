"""Bittensor: the block emission, and how a subnet's part of it is split inside the subnet.

The shares of subnets are in :mod:`~simdai.mechanisms.subnet_shares`, registering and removing subnets and
UIDs in :mod:`~simdai.mechanisms.subnet_life`; both are public here too.

Amounts are rao (10^-9 TAO or alpha), Python ints, each part rounded down by itself as the chain does it. A
float among integers stands for the decimal it prints as: 0.1 is a tenth.

Source: ST = opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/subtensor/src.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from simdai.mechanisms._domain import finite, non_negative, unit_interval
from simdai.mechanisms._exact import amounts
from simdai.mechanisms.subnet_life import (
    RemovalPayout,
    lock_refund,
    neuron_burn,
    neuron_burn_adjusted,
    neuron_to_prune,
    removal_payout,
    subnet_lock_cost,
    subnet_seed,
    subnet_to_prune,
)
from simdai.mechanisms.subnet_shares import (
    apply_gate,
    flow_ema,
    gate_bar,
    net_flow,
    redistribute_disabled,
    shares_by_flow,
    shares_by_price,
    shares_by_root_votes,
    shares_by_tier,
)

__all__ = [
    "AlphaOutSplit",
    "DividendSplit",
    "InjectionTerms",
    "RemovalPayout",
    "alpha_out_split",
    "apply_gate",
    "block_emission",
    "dividend_distribution",
    "flow_ema",
    "gate_bar",
    "injection_terms",
    "lock_refund",
    "net_flow",
    "neuron_burn",
    "neuron_burn_adjusted",
    "neuron_to_prune",
    "price_ema",
    "price_ema_after",
    "redistribute_disabled",
    "removal_payout",
    "root_proportion",
    "root_sell",
    "shares_by_flow",
    "shares_by_price",
    "shares_by_root_votes",
    "shares_by_tier",
    "subnet_lock_cost",
    "subnet_seed",
    "subnet_to_prune",
]

Number: TypeAlias = int | float | Fraction
Ratio: TypeAlias = tuple[int, int]

NOTHING: Ratio = (0, 1)
GUARD_BITS = 96


class InjectionTerms(NamedTuple):
    """What a subnet gets in a block, rao: into its pool, to its participants, and TAO to buy alpha with."""

    tao_in: int
    alpha_in: int
    alpha_out: int
    excess_tao: int


class AlphaOutSplit(NamedTuple):
    """Alpha minted for participants, rao; the parts may miss a few rao of the whole, which nobody gets."""

    owner: int
    miners: int
    validators: int
    root: int
    recycled: int


class DividendSplit(NamedTuple):
    """Local and root dividends of each hotkey, rao: lists or mappings, as the dividends were given."""

    local: Any
    root: Any


def block_emission(
    issuance_rao: int, max_supply_rao: int = 21_000_000_000_000_000, base_rao: int = 1_000_000_000
) -> int:
    """Rao emitted per block at a given issuance; the same rule serves TAO and each alpha.

    The emission halves each time the issuance reaches the middle of what is left to issue.

    Parameters
    ----------
    issuance_rao : int >= 0 [rao], minted less recycled
    max_supply_rao : int [rao], 21 million tokens
    base_rao : int [rao/block], one token

    Returns
    -------
    int [rao/block]; 0 from the maximum on; at a threshold itself the halving has happened

    Raises
    ------
    ValueError : an amount that is negative or not whole

    Notes
    -----
    Halvings follow issuance, not height, so recycling delays them; the first TAO halving came in December
    2025. The chain takes a logarithm of 32 fractional bits; exact integers differ from it only beside a
    threshold. Source: ST coinbase/block_emission.rs get_block_emission_for_issuance.
    """
    issued, supply, base = amounts(
        issuance_rao=issuance_rao, max_supply_rao=max_supply_rao, base_rao=base_rao
    )
    if issued >= supply:
        return 0
    return base >> (supply // (supply - issued)).bit_length() - 1


def price_ema(
    current: float,
    spot: float,
    blocks_since_start: int,
    base: float = 3e-06,
    halving_blocks: int = 201_600,
    spot_cap: float = 1.0,
) -> float:
    """Next price EMA in TAO per alpha.

    Parameters
    ----------
    current : EMA so far [TAO/alpha]; it starts from 0
    spot : marginal price of the pool [TAO/alpha]
    blocks_since_start : int >= 0 [blocks] since the subnet's start
    base : weight of a block for an old subnet
    halving_blocks : int > 0 [blocks], age at which the weight is half of ``base``
    spot_cap : price above which the spot counts no more [TAO/alpha]

    Returns
    -------
    float [TAO/alpha]

    Raises
    ------
    ValueError : a price or an age below 0

    Notes
    -----
    Source: ST staking/stake_utils.rs update_moving_price; in force since 2025-02-13, the cap since 2025-03.
    """
    non_negative(current=current, spot=spot, blocks_since_start=blocks_since_start)
    weight = base * blocks_since_start / (blocks_since_start + halving_blocks)
    return (1.0 - weight) * current + weight * min(spot, spot_cap)


def price_ema_after(
    current: ArrayLike,
    spot: ArrayLike,
    blocks_since_start: ArrayLike,
    blocks: int,
    base: float = 3e-06,
    halving_blocks: int = 201_600,
    spot_cap: float = 1.0,
) -> NDArray[np.float64]:
    """Price EMAs in TAO per alpha after ``blocks`` blocks in which the spot prices stay.

    Parameters
    ----------
    current, spot : (n,), as in `price_ema`
    blocks_since_start : (n,) int >= 0, age at the first of the blocks
    blocks : int >= 0
    base, halving_blocks, spot_cap : as in `price_ema`

    Returns
    -------
    (n,) float64 [TAO/alpha], what `price_ema` gives block by block, to 1e-8 of the price

    Notes
    -----
    A block at age B keeps ``((1 - base) B + H) / (B + H)`` of the average; the product over many is a ratio
    of gamma functions.
    """
    age = np.asarray(blocks_since_start, dtype=np.float64) + halving_blocks
    lead = halving_blocks * base / (1.0 - base)
    last = age + blocks
    log_kept = (
        blocks * np.log1p(-base)
        + (gammaln(last + lead) - gammaln(last))
        - (gammaln(age + lead) - gammaln(age))
    )
    counted = np.minimum(np.asarray(spot, dtype=np.float64), spot_cap)
    return np.asarray(counted + np.exp(log_kept) * (np.asarray(current, dtype=np.float64) - counted))


def root_proportion(tao_weight: float, root_tao: float, alpha_issuance: float) -> float:
    """F = w R / (w R + alpha issuance).

    Parameters
    ----------
    tao_weight : weight of root TAO against alpha (0.18 on mainnet)
    root_tao : TAO staked on root, in the unit of ``alpha_issuance`` [rao]
    alpha_issuance : alpha in the pool and outside [rao]

    Returns
    -------
    float in [0, 1]; 0 when there is neither

    Raises
    ------
    ValueError : an argument below 0

    Notes
    -----
    Source: ST coinbase/block_step.rs root_proportion; in force since 2025-02-13.
    """
    non_negative(tao_weight=tao_weight, root_tao=root_tao, alpha_issuance=alpha_issuance)
    weighted = tao_weight * root_tao
    whole = weighted + alpha_issuance
    return float(weighted / whole) if whole > 0 else 0.0


def root_sell(ema: ArrayLike) -> bool:
    """Whether root stakers' alpha accrues: when the price EMAs of all eligible subnets sum to more than 1.

    Parameters
    ----------
    ema : (n,) [TAO/alpha]

    Notes
    -----
    Source: ST coinbase/run_coinbase.rs get_network_root_sell_flag.
    """
    return bool(np.asarray(ema, dtype=np.float64).sum() > 1.0)


def injection_terms(
    tao_emission: Number, price: Number, root_proportion: Number, alpha_emission: int
) -> InjectionTerms:
    """What a subnet gets in a block, in rao: tao_in, alpha_in, alpha_out and the excess TAO.

    TAO goes into the pool with alpha at the pool's price, but with no more alpha than the root proportion of
    a block's alpha; the TAO that does not fit buys alpha from the pool ("chain buy").

    Parameters
    ----------
    tao_emission : [rao], the subnet's share of the block emission
    price : marginal price of the pool [TAO/alpha], >= 0; at 0 no alpha goes in and all TAO does
    root_proportion : in [0, 1], see the function of that name
    alpha_emission : int [rao], `block_emission` at the alpha issuance

    Returns
    -------
    InjectionTerms : each rounded down by itself; a rao lost so is not issued

    Raises
    ------
    ValueError : a negative price or emission, a root proportion outside [0, 1]

    Notes
    -----
    Before this cap (in the code by 2026-06) the whole alpha emission was the limit: a ``root_proportion`` of
    1. Source: ST coinbase/run_coinbase.rs get_subnet_terms.
    """
    non_negative(tao_emission=tao_emission, price=price)
    finite(tao_emission=tao_emission, price=price)
    unit_interval(root_proportion=root_proportion)
    (alpha,) = amounts(alpha_emission=alpha_emission)
    (tao, per_tao), (rate, per_rate) = _ratio(tao_emission), _ratio(price)
    part, per_part = _ratio(root_proportion)
    cap = part * alpha  # in per_part-ths of a rao
    # alpha_in = tao / rate, or the cap where that is less
    if not rate:
        return InjectionTerms(tao // per_tao, 0, alpha, 0)
    if tao * per_rate * per_part <= cap * per_tao * rate:
        return InjectionTerms(tao // per_tao, tao * per_rate // (per_tao * rate), alpha, 0)
    priced, per_priced = cap * rate, per_part * per_rate
    excess = (tao * per_priced - priced * per_tao) // (per_tao * per_priced)
    return InjectionTerms(priced // per_priced, cap // per_part, alpha, excess)


def alpha_out_split(
    alpha_out: int, owner_cut: Number, root_proportion: Number, root_sell: bool
) -> AlphaOutSplit:
    """Split of the alpha minted for participants, in rao.

    The owner's cut first; of the rest one half to miners, the other to validators, whose part in turn gives
    the root proportion to root stakers.

    Parameters
    ----------
    alpha_out : int [rao]
    owner_cut : in [0, 1] (11796/65535, about 18 %); 0 where the owner has it switched off
    root_proportion : in [0, 1], see the function of that name
    root_sell : bool, see the function of that name; when False the root part is recycled

    Returns
    -------
    AlphaOutSplit : (owner, miners, validators, root, recycled), each rounded down by itself

    Raises
    ------
    ValueError : a negative amount, a share outside [0, 1]

    Notes
    -----
    Source: ST coinbase/run_coinbase.rs emit_to_subnets; in force since 2025-02-13.
    """
    unit_interval(owner_cut=owner_cut, root_proportion=root_proportion)
    (alpha,) = amounts(alpha_out=alpha_out)
    cut, per_cut = _ratio(owner_cut)
    part, per_part = _ratio(root_proportion)
    halves, whole = alpha * (per_cut - cut), 2 * per_cut  # half of what the owner leaves
    root = halves * part // (whole * per_part)
    validators = halves * (per_part - part) // (whole * per_part)
    paid, lost = (root, 0) if root_sell else (0, root)
    return AlphaOutSplit(alpha * cut // per_cut, halves // whole, validators, paid, lost)


def dividend_distribution(
    pending_validator_alpha: int,
    pending_root_alpha: int,
    tao_weight: Number,
    stake: Mapping[Any, tuple[Number, Number]] | Sequence[tuple[Number, Number]],
    dividends: Mapping[Any, Number] | Sequence[Number],
) -> DividendSplit:
    """Local and root dividends per hotkey in rao; `stake` holds (alpha, root TAO) of each hotkey.

    A hotkey's dividend of the epoch is divided by what its stake weight consists of; the local parts share
    the validators' alpha, the root parts the root stakers'.

    Parameters
    ----------
    pending_validator_alpha, pending_root_alpha : int [rao], drained at the epoch
    tao_weight : weight of root TAO against alpha
    stake : (alpha, root TAO) [rao] by hotkey; a hotkey without an entry gets nothing
    dividends : of the epoch by hotkey, any unit

    Returns
    -------
    DividendSplit : (local, root), each a mapping by hotkey, or a list where the dividends were a sequence
        [rao], rounded down

    Raises
    ------
    ValueError : a negative amount, stake, weight or dividend

    Notes
    -----
    A sum of zero pays nothing. Source: ST coinbase/run_coinbase.rs calculate_dividend_distribution.
    """
    if isinstance(dividends, Mapping):
        holdings = stake if isinstance(stake, Mapping) else dict(enumerate(stake))
        held = [holdings.get(hotkey, (0, 0)) for hotkey in dividends]
        parts = _divided(pending_validator_alpha, pending_root_alpha, tao_weight, held, dividends.values())
        return DividendSplit(*(dict(zip(dividends, part, strict=True)) for part in parts))
    known = stake.get if isinstance(stake, Mapping) else dict(enumerate(stake)).get
    held = [known(hotkey, (0, 0)) for hotkey in range(len(dividends))]
    return DividendSplit(*_divided(pending_validator_alpha, pending_root_alpha, tao_weight, held, dividends))


def _divided(
    validator_alpha: int,
    root_alpha: int,
    tao_weight: Number,
    stake: Iterable[tuple[Number, Number]],
    dividends: Iterable[Number],
) -> tuple[list[int], list[int]]:
    """Local and root parts of hotkeys side by side."""
    non_negative(tao_weight=tao_weight)
    finite(tao_weight=tao_weight)
    amounts(pending_validator_alpha=validator_alpha, pending_root_alpha=root_alpha)
    weight, per_weight = _ratio(tao_weight)
    local: list[Ratio] = []
    root: list[Ratio] = []
    for (alpha, tao), dividend in zip(stake, dividends, strict=True):
        if alpha < 0 or tao < 0 or dividend < 0:
            raise ValueError(f"alpha = {alpha!r}, root TAO = {tao!r}, dividend = {dividend!r}: must be >= 0")
        per_alpha = per_tao = divisor = 1
        if not type(alpha) is type(tao) is type(dividend) is int:  # rao: nearly always
            (alpha, per_alpha), (tao, per_tao), (dividend, divisor) = map(_ratio, (alpha, tao, dividend))
        on_alpha, on_root = alpha * per_weight * per_tao, weight * tao * per_alpha
        divisor *= on_alpha + on_root
        local.append((dividend * on_alpha, divisor) if divisor else NOTHING)
        root.append((dividend * on_root, divisor) if divisor else NOTHING)
    return _pro_rata(validator_alpha, local), _pro_rata(root_alpha, root)


def _pro_rata(amount: int, weights: list[Ratio]) -> list[int]:
    """Parts of ``amount``, each rounded down.

    A weight cut off at its ``GUARD_BITS``-th binary place is low by less than one unit, their sum by less
    than n: where that could change a part, the weights are brought to a common denominator instead.
    """
    cut = [(number << GUARD_BITS) // divisor for number, divisor in weights]
    total = sum(cut)
    if not total:
        return [0] * len(cut)
    parts, low, high = [], len(cut) * amount, total - amount
    for weight in cut:
        part, rest = divmod(amount * weight, total)
        if weight and not low <= rest < high:
            exact = [Fraction(*ratio) for ratio in weights]
            whole = sum(exact)
            return [int(amount * weight / whole) for weight in exact]
        parts.append(part)
    return parts


def _ratio(value: Number) -> Ratio:
    if isinstance(value, int):
        return value, 1
    if isinstance(value, float):
        return Decimal(float.__repr__(value)).as_integer_ratio()
    return Fraction(value).as_integer_ratio()
