"""Render's first year of burn and mint: rewards of compute clients, and points for tokens upgraded early.

Reached from ``burn_mint`` as well. RNP-n means rendernetwork/RNPs@a7ced774 ``RNP-n.md``.
"""

from __future__ import annotations

from simdai.mechanisms._domain import at_least, non_negative, unit_interval

__all__ = [
    "render_client_bandwidth_score",
    "render_client_earned_score",
    "render_client_month_pool",
    "render_client_pool",
    "render_client_score",
    "render_client_uptime",
    "render_upgrade_payout",
    "render_upgrade_points",
]

# --- Compute clients, 2023-11 to 2024-10 ---

BANDWIDTH_BANDS = (
    (1600, 1200, 0.8),
    (800, 600, 0.6),
    (400, 300, 0.4),
    (100, 75, 0.2),
)  # Mbit/s down, up; score


def render_client_earned_score(usd_earned: float, max_usd: float) -> float:
    """Score A of a compute client: 0.1 + 0.9 x USD earned / most USD earned by any node, in the epoch.

    0.1 when nobody earned. Raises ValueError for negative or not comparable earnings. Source: RNP-006
    (2023-11).
    """
    non_negative(usd_earned=usd_earned, max_usd=max_usd)
    if usd_earned > max_usd:
        raise ValueError(f"usd_earned = {usd_earned!r}: must not exceed max_usd = {max_usd!r}")
    return 0.1 + (0.9 * (usd_earned / max_usd) if max_usd else 0.0)


def render_client_bandwidth_score(download: float, upload: float) -> float:
    """Score B of a compute client by its mean bandwidth in Mbit/s: 0.8, 0.6, 0.4 or 0.2 by band; 0 below all.

    A node is in the highest band whose two least speeds it exceeds: 1600 down and 1200 up, 800 and 600, 400
    and 300, 100 and 75. A node below all does not qualify. Raises ValueError for a negative bandwidth.
    Source: RNP-006 (2023-11); the bands are in the picture RNP-007/addendum/image4.jpg, which prints MB/s
    where the text says Mbps.
    """
    non_negative(download=download, upload=upload)
    return next((score for down, up, score in BANDWIDTH_BANDS if download > down and upload > up), 0.0)


def render_client_score(a: float, b: float, c: float, d: float) -> float:
    """Weighted score: 0.25 earned + 0.35 bandwidth + 0.20 GPU + 0.20 uptime.

    Bandwidth is 0.2, 0.4, 0.6 or 0.8 by band. A node's reward is pool x score / sum of scores. Raises
    ValueError for a score outside [0, 1]. Source: RNP-006 (2023-11).
    """
    unit_interval(a=a, b=b, c=c, d=d)
    return 0.25 * a + 0.35 * b + 0.20 * c + 0.20 * d


def render_client_uptime(joined_fraction: float, uptime_after_join: float) -> float:
    """Uptime score D over the whole epoch, including the part before joining: the product.

    ``joined_fraction`` is the share of the epoch in which the node was a member: one that joins half way and
    is always up scores 0.5. Raises ValueError outside [0, 1]. Source: RNP-006 (2023-11).
    """
    unit_interval(joined_fraction=joined_fraction, uptime_after_join=uptime_after_join)
    return joined_fraction * uptime_after_join


def render_client_pool(pool: float, qualified_nodes: int, cap_per_node: float = 75.0) -> float:
    """Epoch pool after the cap per qualified node, tokens: min(pool, nodes x cap).

    Raises ValueError for negative arguments. Source: RNP-006 (2023-11).
    """
    non_negative(pool=pool, qualified_nodes=qualified_nodes, cap_per_node=cap_per_node)
    return min(pool, qualified_nodes * cap_per_node)


def render_client_month_pool(remaining: float, months_left: int) -> float:
    """Later monthly pools spread what remains evenly, tokens: remaining / months left to 2024-10.

    Raises ValueError for a negative remainder or no month left. Source: RNP-006 (2023-11), from 2024-01.
    """
    non_negative(remaining=remaining)
    at_least(1, months_left=months_left)
    return remaining / months_left


# --- Upgrade points, first 12 months from 2023-12 ---

UPGRADE_BANDS = ((40_000_000, 5), (80_000_000, 4), (140_000_000, 3), (180_000_000, 2), (230_000_000, 1))


def render_upgrade_points(tokens: float, cumulative_before: float) -> float:
    """Points of tokens upgraded when ``cumulative_before`` were upgraded already.

    Each token takes the points of its own band: 5 while fewer than 40 M went before, 4 below 80 M, 3 below
    140 M, 2 below 180 M, 1 below 230 M, then 0 (the printed table's edges are one token lower). Raises
    ValueError for negative arguments. Source: RNP-006 (2023-11).
    """
    non_negative(tokens=tokens, cumulative_before=cumulative_before)
    after = cumulative_before + tokens
    points, start = 0.0, 0
    for edge, points_each in UPGRADE_BANDS:
        points += points_each * max(min(after, edge) - max(cumulative_before, start), 0)
        start = edge
    return points


def render_upgrade_payout(wallet_points: float, total_points: float, pool: float = 95_071.0) -> float:
    """One month's payout of one wallet, tokens: pool x wallet's points / all points issued to date.

    0 before any point is issued. Raises ValueError for negative arguments or more points than there are.
    Source: RNP-006 (2023-11), twelve months.
    """
    non_negative(wallet_points=wallet_points, total_points=total_points, pool=pool)
    if wallet_points > total_points:
        raise ValueError(
            f"wallet_points = {wallet_points!r}: must not exceed total_points = {total_points!r}"
        )
    return pool * wallet_points / total_points if total_points else 0.0
