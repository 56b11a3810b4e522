"""Burn and mint: payments in USD burn tokens, work is paid in newly minted ones.

Render's rules are here, those of its first year in ``render_clients``; Akash's compute credit lives in
``akash_credit`` and its price oracle in ``price_oracle``; all are reached from here as well. RNP-n means
rendernetwork/RNPs@a7ced774 ``RNP-n.md`` (2026-05-18).
"""

from __future__ import annotations

import math
from fractions import Fraction

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval
from simdai.mechanisms._exact import exact
from simdai.mechanisms.akash_credit import (
    bme_basis_points,
    bme_collateral_ratio,
    bme_convert,
    bme_mint_epoch_blocks,
    bme_retry,
    bme_round_trip,
    bme_status,
    bme_use_credits,
)
from simdai.mechanisms.price_oracle import oracle_price, time_weighted_price
from simdai.mechanisms.render_clients import (
    render_client_bandwidth_score,
    render_client_earned_score,
    render_client_month_pool,
    render_client_pool,
    render_client_score,
    render_client_uptime,
    render_upgrade_payout,
    render_upgrade_points,
)

__all__ = [
    "RENDER_CM_WEIGHTS",
    "best_wash_trade",
    "bme_basis_points",
    "bme_collateral_ratio",
    "bme_convert",
    "bme_mint_epoch_blocks",
    "bme_retry",
    "bme_round_trip",
    "bme_status",
    "bme_use_credits",
    "oracle_price",
    "render_availability_score",
    "render_client_bandwidth_score",
    "render_client_earned_score",
    "render_client_month_pool",
    "render_client_pool",
    "render_client_score",
    "render_client_uptime",
    "render_compute_availability",
    "render_compute_job_reward",
    "render_compute_multiplier",
    "render_controller_anchor",
    "render_controller_ceiling",
    "render_controller_step",
    "render_customer_price",
    "render_payment_split",
    "render_reward_ratio",
    "render_salad_flows",
    "render_upgrade_payout",
    "render_upgrade_points",
    "render_wallet_penalty",
    "time_weighted_price",
    "wash_break_even_ratio",
    "wash_trade_profit",
]

EPOCH_HOURS = 168.0

# --- Payments ---


def render_payment_split(usd: float, fee: float = 0.05) -> tuple[float, float]:
    """USD burned and operator fee of a payment of ``usd``, grants included.

    The burn is the rest after the fee; both are taken on the whole price of the work, also on a part that a
    foundation grant pays. Raises ValueError for a negative payment or a fee outside [0, 1].
    Source: RNP-006 (2023-11), RNP-019 (2025-03), RNP-021 (2025-11).
    """
    non_negative(usd=usd)
    unit_interval(fee=fee)
    return usd * (1 - fee), usd * fee


def render_customer_price(ask: float, fee: float = 0.05) -> float:
    """Customer price per hour that leaves the node its ask after the operator fee, USD.

    ask (1 + fee/(1 - fee)). Raises ValueError for a negative ask or a fee outside [0, 1). Source: RNP-021
    (2025-11).
    """
    non_negative(ask=ask)
    return ask / (1 - _fee_below_one(fee))


# --- Availability pool ---


def render_availability_score(
    ob: float,
    mean_ob: float,
    vram: float,
    mean_vram: float,
    age: float,
    mean_age: float,
    idle: float,
    nodes: int,
) -> float:
    """Availability weight of one node; its share of the pool is weight / sum of weights.

    idle x (3 ln ob/ln mean_ob + 3 ln vram/ln mean_vram + ln age/ln mean_age) x penalty. OctaneBench score,
    VRAM and age each in any unit, with their means over all nodes of the epoch; ``idle`` a share of the
    epoch; ``nodes`` run by the wallet. Raises ValueError for a score of zero or less, a mean of one or less
    (its logarithm divides), an idle share outside [0, 1] or a wallet without nodes. Source: RNP-015
    (2024-05).
    """
    positive(ob=ob, vram=vram, age=age)
    unit_interval(idle=idle)
    for name, mean in (("mean_ob", mean_ob), ("mean_vram", mean_vram), ("mean_age", mean_age)):
        if not mean > 1:
            raise ValueError(f"{name} = {mean!r}: must be above 1, since its logarithm divides")
    merit = (
        3 * math.log(ob) / math.log(mean_ob)
        + 3 * math.log(vram) / math.log(mean_vram)
        + math.log(age) / math.log(mean_age)
    )
    return idle * merit * render_wallet_penalty(nodes)


def render_wallet_penalty(nodes: int, rate: float = 0.65) -> float:
    """Concentration penalty of a wallet that runs ``nodes`` nodes: 1 up to three, then exp(-rate (n - 3)).

    Splitting a wallet of n > 3 nodes into wallets of three raises its income, as the source admits. Raises
    ValueError below one node or for a negative rate. Source: RNP-015 (2024-05).
    """
    at_least(1, nodes=nodes)
    non_negative(rate=rate)
    return 1.0 if nodes <= 3 else math.exp(-rate * (nodes - 3))


# --- Compute subnet, from 2025-03 ---

RENDER_CM_WEIGHTS = {"gpu": 0.36, "vram": 0.26, "net": 0.15, "clock": 0.08, "mem_bw": 0.08, "cpu": 0.04}


def render_compute_multiplier(**scores: float) -> float:
    """RNP-019 compound multiplier: the plain weighted sum of scores, 1 being an RTX 4090 on a medium line.

    Keys of ``RENDER_CM_WEIGHTS``, whose weights add to 0.97 though the source says 1: not renormalised. A
    factor left out adds nothing (RNP-021 dropped ``net``). Raises ValueError for another key or a negative
    score. Source: RNP-019 (2025-03), appendices 2 to 4.
    """
    for name, score in scores.items():
        if name not in RENDER_CM_WEIGHTS:
            raise ValueError(f"{name}: no such factor; the factors are {', '.join(RENDER_CM_WEIGHTS)}")
        non_negative(**{name: score})
    return math.fsum(RENDER_CM_WEIGHTS[name] * score for name, score in scores.items())


def render_compute_job_reward(multiplier: float, hours: float, base: float) -> float:
    """Tokens per epoch for ``hours`` of hired work: base x multiplier x hours / 168.

    Base 10 in RNP-019 (2025-03), 25 in RNP-021 (2025-11), whose enterprise multipliers are H200 5, H100 4,
    MI300X 4, A100 3.5, L40 2.5, L4 1.5, T4 1.2. Raises ValueError for negative arguments or more hours than
    an epoch has.
    """
    non_negative(multiplier=multiplier, hours=hours, base=base)
    if hours > EPOCH_HOURS:
        raise ValueError(f"hours = {hours!r}: an epoch has {EPOCH_HOURS:g}")
    return base * multiplier * hours / EPOCH_HOURS


def render_compute_availability(uptime: float, base: float = 2.0) -> float:
    """Availability tokens per epoch on the compute subnet: base x uptime, for one node.

    The foundation may raise the base up to three times. Raises ValueError for an uptime outside [0, 1] or a
    negative base. Source: RNP-019 (2025-03), unchanged by RNP-021.
    """
    unit_interval(uptime=uptime)
    non_negative(base=base)
    return base * uptime


def render_salad_flows(
    revenue: float, burn_share: float, reward_share: float, p_burn: float, p_work: float
) -> dict[str, float]:
    """Tokens burned at payment and rewarded at work for one revenue in USD.

    ``burned`` = burn share x revenue / price at burn, ``rewarded`` = reward share x revenue / price at work,
    ``net_burn`` their difference and ``excess_share`` that difference over the reward (infinite without a
    reward). Shares: container 0.60 and 0.56, gateway 0.35 and 0.31. Prices in USD a token; rewards at a 24-h
    TWAP. Raises ValueError for a negative revenue, shares outside [0, 1] or prices not above zero. Source:
    RNP-023 (2026-03).
    """
    non_negative(revenue=revenue)
    unit_interval(burn_share=burn_share, reward_share=reward_share)
    positive(p_burn=p_burn, p_work=p_work)
    burned = burn_share * revenue / p_burn
    rewarded = reward_share * revenue / p_work
    return {
        "burned": burned,
        "rewarded": rewarded,
        "net_burn": burned - rewarded,
        "excess_share": burned / rewarded - 1 if rewarded else math.inf,
    }


# --- RNP-020: a controller of the job pool, voted down in 2025 ---

STEP, HUNDRED = Fraction(1, 20), Fraction(100)


def render_controller_anchor(
    burn: float, growth: float, node_factor: float = 1.0, pain_factor: float = 1.0
) -> float:
    """RNP-020 target, tokens per epoch: projected burns times the two tier factors.

    burn (1 + growth) x node factor x equal-pain factor; ``burn`` the quarterly average per epoch, ``growth``
    its quarterly growth, the factors 1 when tiers did not change. Raises ValueError for a negative burn or
    factor or a growth below -1. Source: RNP-020 (2025-10), defeated.
    """
    non_negative(burn=burn, node_factor=node_factor, pain_factor=pain_factor)
    at_least(-1, growth=growth)
    return burn * (1 + growth) * node_factor * pain_factor


def render_controller_step(current: float, anchor: float, streak: int = 0) -> float:
    """RNP-020 decision: next job pool, tokens per epoch.

    ``streak`` = earlier consecutive moves the same way. With I the present pool and a the anchor: no change
    if |a/I - 1| < 10 % or a <= I <= 3a. Else the wanted change is I/a - 1 for a cut (I > 3a) and a/I - 1 for
    a rise (I < a), rounded to the nearest 5 % and capped at 10 % x (1 + streak) = r; the pool becomes I/(1 +
    r) or I (1 + r), rounded to 100. Halves round to even. A streak is 0 after a quarter without change or a
    move the other way. Raises ValueError for a pool not above zero or a negative anchor or streak. Source:
    RNP-020 (2025-10), defeated.
    """
    positive(current=current)
    non_negative(streak=streak)
    pool, target = exact(current=current, anchor=anchor)
    buffered = abs(target / pool - 1) < Fraction(1, 10)
    if buffered or target <= pool <= 3 * target:
        return current
    cap = Fraction(1 + streak, 10)
    if pool < target:
        return float(_nearest(pool * (1 + min(cap, _nearest(target / pool - 1, STEP))), HUNDRED))
    wanted = _nearest(pool / target - 1, STEP) if target else cap
    return float(_nearest(pool / (1 + min(cap, wanted)), HUNDRED))


def _nearest(number: Fraction, unit: Fraction) -> Fraction:
    return round(number / unit) * unit


def render_controller_ceiling(
    volume_usd: float, price: float, impact: float, true_range: float, coefficient: float = 1.3
) -> float:
    """RNP-020 ceiling on the job pool, tokens: (V/P) x (I / (Y sigma))^2.

    From a square-root law of price impact: what could be sold into a pool of ``volume_usd`` a day at
    ``price`` USD before it moves by ``impact``, when its daily true range is ``true_range``. Raises
    ValueError for a negative volume or impact, or other arguments not above zero. Source: RNP-020 (2025-10),
    defeated; its worked figure of 96k does not follow from its formula.
    """
    non_negative(volume_usd=volume_usd, impact=impact)
    positive(price=price, true_range=true_range, coefficient=coefficient)
    return volume_usd / price * (impact / (coefficient * true_range)) ** 2


# --- Wash trading ---


def render_reward_ratio(pool: float, price: float, usd: float, fee: float = 0.05) -> float:
    """Operators' reward over the burn of an epoch, rho = pool x price / ((1 - fee) usd).

    Above `wash_break_even_ratio` buying one's own work pays. Raises ValueError for negative arguments, no
    spend or a fee outside [0, 1). Derived from RNP-006 and RNP-013: about 1.24 in tokens in 2025.
    """
    non_negative(pool=pool, price=price)
    positive(usd=usd)
    return pool * price / render_payment_split(usd, _fee_below_one(fee))[0]


def wash_break_even_ratio(fee: float = 0.05) -> float:
    """Least rho at which wash trading pays: 1/(1 - fee), 1.053 at 5 %.

    Raises ValueError for a fee outside [0, 1).
    """
    return 1 / (1 - _fee_below_one(fee))


def wash_trade_profit(own_usd: float, other_usd: float, pool: float, price: float) -> float:
    """USD an operator gains by buying ``own_usd`` of its own work beside others' ``other_usd`` in an epoch.

    pool x price x own/(own + other) - own: fee and burn are lost whole, so neither enters. It pays as long as
    pool x price > own + other. Raises ValueError for negative arguments. Derived from the pro rata pool of
    RNP-013.
    """
    non_negative(own_usd=own_usd, other_usd=other_usd, pool=pool, price=price)
    total = own_usd + other_usd
    return pool * price * own_usd / total - own_usd if total else 0.0


def best_wash_trade(other_usd: float, pool: float, price: float) -> float:
    """Own spend in USD with the largest `wash_trade_profit`: sqrt(pool x price x other) - other, at least 0.

    Without others' spend any crumb takes the whole pool, and the best spend tends to 0. Raises ValueError for
    negative arguments.
    """
    non_negative(other_usd=other_usd, pool=pool, price=price)
    return max(math.sqrt(pool * price * other_usd) - other_usd, 0.0)


def _fee_below_one(fee: float) -> float:
    unit_interval(fee=fee)
    if fee == 1:
        raise ValueError("fee = 1: must be below 1")
    return fee
