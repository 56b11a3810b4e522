"""io.net: hourly block rewards to 2026-06, and the Incentive Dynamic Engine since.

IOD means ionet-official/docs@5d3be72c (2025-09-12). Amounts in IO or USD as named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from simdai.mechanisms._domain import non_negative, positive, unit_interval

__all__ = [
    "ionet_block_rewards",
    "ionet_block_share",
    "ionet_engine_step",
    "ionet_fees",
    "ionet_idle_within_limits",
    "ionet_job_pay",
    "ionet_min_stake",
    "ionet_nomination_refusal",
    "ionet_score",
    "ionet_slash",
    "ionet_succeeds",
    "ionet_unstake_days",
]


def ionet_min_stake(multiplier: float, processors: int, base: float = 200.0) -> float:
    """Minimum stake of a device, IO: base x max(1, multiplier) x processors; more earns nothing.

    Raises ValueError for negative arguments. Source: IOD docs/staking/io-staking.mdx (regime from
    2025-07-01).
    """
    non_negative(multiplier=multiplier, processors=processors, base=base)
    return base * max(1.0, multiplier) * processors


def ionet_nomination_refusal(
    uptime_hours: float,
    stake: float,
    min_stake: float,
    multiplier: float,
    tier: int,
    wallet_valid: bool = True,
    terminated: bool = False,
    least_uptime_hours: float = 5.0,
) -> str | None:
    """Why a device is not nominated for the block that opens, or None.

    ``uptime`` (green for the last 5 h), ``stake`` (at least the minimum, without stake that cools down),
    ``wallet``, ``terminated``, ``multiplier`` (above zero), ``tier`` (connectivity above zero). Raises
    ValueError for negative arguments. Source: IOD docs/block-rewards/block-rewards.mdx.
    """
    non_negative(
        uptime_hours=uptime_hours, stake=stake, min_stake=min_stake, multiplier=multiplier, tier=tier
    )
    checks = {
        "uptime": uptime_hours >= least_uptime_hours,
        "stake": stake >= min_stake,
        "wallet": wallet_valid,
        "terminated": not terminated,
        "multiplier": multiplier > 0,
        "tier": tier > 0,
    }
    return next((name for name, passed in checks.items() if not passed), None)


def ionet_succeeds(proof_of_work: bool, time_lock: bool, hired: bool = False) -> bool:
    """Whether a nominated device earns when the block closes.

    It must have proved its uptime (proof of time-lock) and solved its puzzle, which is waived while it is
    hired. Source: IOD docs/explorer/block-rewards-page.mdx.
    """
    return time_lock and (proof_of_work or hired)


def ionet_idle_within_limits(
    cpu_load: float, gpu_load: float, data_centre: bool, cpu_limit: float = 0.3
) -> bool:
    """Whether an unhired device stays idle enough: CPU load to 30 %, GPU load to 5 % (data centre) or 20 %.

    RTX 4090 and 5090 count as data-centre devices; loads are shares. A breach is blocked or slashed since
    2024-11-04. Raises ValueError outside [0, 1]. Source: IOD docs/workers/device-utilization-threshold.mdx.
    """
    unit_interval(cpu_load=cpu_load, gpu_load=gpu_load, cpu_limit=cpu_limit)
    return cpu_load <= cpu_limit and gpu_load <= (0.05 if data_centre else 0.2)


def ionet_score(multiplier: float, processors: int, tier: float, hired: bool = False) -> float:
    """Base score of a device: 1000 (2 multiplier processors + 0.02 tier/4) + 0.5 if hired.

    Connectivity and hire weigh next to nothing. Raises ValueError for negative arguments. Inferred: the
    published formula is cut off at its start. Source: IOD docs/explorer/block-rewards-page.mdx.
    """
    non_negative(multiplier=multiplier, processors=processors, tier=tier)
    return 1000 * (2 * multiplier * processors + 0.02 * tier / 4) + (0.5 if hired else 0.0)


def ionet_block_share(score: float, total_score: float, pool: float) -> float:
    """A device's part of the pool, IO: pool x score / sum of the scores of all that succeeded.

    0 when no device scores. Raises ValueError for negative arguments or a score above the total.
    Source: IOD docs/explorer/block-rewards-page.mdx.
    """
    non_negative(score=score, total_score=total_score, pool=pool)
    if score > total_score:
        raise ValueError(f"score = {score!r}: must not exceed total_score = {total_score!r}")
    return pool * (score / total_score) if total_score else 0.0


def ionet_block_rewards(
    scores: Mapping[str, Mapping[str, float]], emission: float, shares: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Rewards of an hour by pool and device, IO.

    ``scores`` of the devices that succeeded by pool; ``shares`` of ``emission`` by pool: enterprise 0.95 and
    community 0.05 since 2025-06-04 (before: GPU 0.95, CPU 0.05). The part of a pool in which nobody scores is
    not paid. Raises ValueError for a pool without a share, or shares that add to more than one. Source: IOD
    docs/block-rewards/proposed-device-block-reward-multiplier.mdx.
    """
    for pool in scores:
        if pool not in shares:
            raise ValueError(f"pool {pool!r} has no share; shared are {', '.join(shares)}")
    unit_interval(**shares)
    if math.fsum(shares.values()) > 1 + 1e-12:
        raise ValueError(f"shares add to {math.fsum(shares.values())!r}: must not exceed 1")
    return {
        pool: {
            device: ionet_block_share(score, math.fsum(devices.values()), emission * shares[pool])
            for device, score in devices.items()
        }
        for pool, devices in scores.items()
    }


def ionet_fees(
    compute: float,
    pay_in_usdc: bool,
    withdraw_in_usdc: bool,
    reservation: float = 0.0025,
    usdc: float = 0.02,
) -> dict[str, float]:
    """What the renter pays, the supplier gets and the network keeps; every fee on the same compute cost, USD.

    ``renter_pays`` = K (1 + reservation + usdc if paid in USDC), ``supplier_gets`` = K (1 - reservation -
    usdc if withdrawn in USDC), ``network_keeps`` the difference, which buys IO and burns it. In IO the USDC
    fee is 0. Raises ValueError for a negative cost or fees outside [0, 1]. Source: IOD
    docs/coin/io-tokenomics.mdx (2024-06); that all fees have one base is inferred.
    """
    non_negative(compute=compute)
    unit_interval(reservation=reservation, usdc=usdc)
    added = compute * (reservation + (usdc if pay_in_usdc else 0.0))
    taken = compute * (reservation + (usdc if withdraw_in_usdc else 0.0))
    return {"renter_pays": compute + added, "supplier_gets": compute - taken, "network_keeps": added + taken}


def ionet_job_pay(
    usd_per_hour: float, hours: float, dropped_out: bool = False, stopped_by_renter: bool = False
) -> float:
    """A worker's USD for one pay period (a day, or a shorter job).

    Nothing for the whole period if it dropped out during it; nothing if the renter stopped within the first
    hour. Raises ValueError for negative arguments. Source: IOD docs/workers/earnings-rewards.mdx.
    """
    non_negative(usd_per_hour=usd_per_hour, hours=hours)
    if dropped_out or (stopped_by_renter and hours < 1):
        return 0.0
    return usd_per_hour * hours


def ionet_unstake_days(co_staked: bool = False, unstake: float = 14, co_staked_wait: float = 7) -> float:
    """Days from the request until stake is free: 14, after a 7-day wait if co-staked; no rewards meanwhile.

    Not while the device is hired. Raises ValueError for negative days. Source: IOD
    docs/staking/io-staking.mdx (2025-07), 3rd-party-staking.mdx (2025).
    """
    non_negative(unstake=unstake, co_staked_wait=co_staked_wait)
    return unstake + co_staked_wait if co_staked else unstake


def ionet_slash(
    own: float,
    co_staked: float,
    share: float,
    outcome: Literal["open", "upheld", "reversed"] = "open",
    days: float = 0.0,
    appeal_days: float = 30.0,
) -> dict[str, float]:
    """A slash of ``share`` of a device's stake, IO.

    Owner and co-staker bear it in proportion to their stakes. ``own`` and ``co_staked`` are what is left to
    each; ``held`` is taken and may be appealed for 30 days; ``burned`` is gone: after the month without an
    appeal won, or at once when an appeal is lost (``outcome`` upheld). A slash ``reversed`` gives all back.
    Raises ValueError for negative stakes or a share outside [0, 1]. How much is taken is not published; an
    assumption is 0.1, and 1 for proven spoofing. Source: IOD docs/staking/io-staking.mdx (2025-07).
    """
    non_negative(own=own, co_staked=co_staked, days=days, appeal_days=appeal_days)
    unit_interval(share=share)
    if outcome not in ("open", "upheld", "reversed"):
        raise ValueError(f"outcome = {outcome!r}: must be open, upheld or reversed")
    if outcome == "reversed":
        share = 0.0
    taken = (own + co_staked) * share
    final = outcome == "upheld" or days >= appeal_days
    return {
        "own": own * (1 - share),
        "co_staked": co_staked * (1 - share),
        "held": 0.0 if final else taken,
        "burned": taken if final else 0.0,
    }


def ionet_engine_step(
    reward_vault: float,
    fee_vault: float,
    target: float,
    revenue: float,
    price: float,
    roi: float,
    token_share: float = 1.0,
    burn_share: float = 0.5,
    roi_cut: float = 1.0,
    fees_first: bool = False,
) -> dict[str, float]:
    """One epoch of the Incentive Dynamic Engine: USD targets paid from vaults, nothing minted beyond them.

    The epoch's customer fees enter the fee vault; the target is then paid from the reward vault, up to
    ``token_share`` of it, and from the fee vault; ``fees_first`` turns the order round. What both cannot
    cover is ``short`` and lowers the target return by roi_cut x short/target. A surplus of revenue over
    target buys and burns IO for ``burn_share`` of it; the rest stays in the fee vault.

    Parameters
    ----------
    reward_vault : IO not emitted yet
    fee_vault, target, revenue : USD; target is the sum of hardware rates over active devices
    price : USD per IO
    roi : target return, any unit

    Returns
    ------- ``tokens`` and ``usd`` paid to suppliers, ``short`` in USD, ``burned`` IO, the new
    ``reward_vault``, ``fee_vault`` and ``roi``, and ``sustainability`` = revenue / target (infinite without a
    target)

    Raises
    ------
    ValueError : negative arguments, a price not above zero, shares outside [0, 1]

    Notes
    ----- A reading of public descriptions (live since 2026-06-11): formulas were not published, the order of
    the vaults is told both ways, and a burn of at least half the surplus is stated.
    """
    non_negative(reward_vault=reward_vault, fee_vault=fee_vault, target=target, revenue=revenue, roi=roi)
    positive(price=price)
    unit_interval(token_share=token_share, burn_share=burn_share, roi_cut=roi_cut)
    funds = fee_vault + revenue
    usd_first = min(funds, target) if fees_first else 0.0
    tokens = min(reward_vault, token_share * (target - usd_first) / price)
    usd = usd_first if fees_first else min(funds, max(target - tokens * price, 0.0))
    short = max(target - tokens * price - usd, 0.0)
    burn_usd = min(burn_share * max(revenue - target, 0.0), funds - usd)
    return {
        "tokens": tokens,
        "usd": usd,
        "short": short,
        "burned": burn_usd / price,
        "reward_vault": reward_vault - tokens,
        "fee_vault": funds - usd - burn_usd,
        "roi": roi * (1 - roi_cut * short / target) if target else roi,
        "sustainability": revenue / target if target else math.inf,
    }
