"""Akash's market: what a provider asks, what a lease costs a block, and the bid that pays best.

The life of an order lives in ``lease_market`` and is reached from here as well. HELM means
akash-network/helm-charts@f3d8d46c ``price_script_generic.sh`` (2025-02), AKP akash-network/provider@afc4dd7c
(2026-06-29).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from simdai.mechanisms._domain import finite, non_negative, positive, unit_interval
from simdai.mechanisms._exact import Exact, amounts, exact
from simdai.mechanisms.lease_market import (
    Bid,
    Order,
    OrderBook,
    accept_bid,
    bid_refusal,
    close_bid,
    close_lease,
    exhaust_escrow,
    place_bid,
    reopened,
    start_reclaim,
)

__all__ = [
    "Bid",
    "Order",
    "OrderBook",
    "accept_bid",
    "akash_blocks_per_month",
    "akash_gpu_price",
    "akash_month_price",
    "akash_rate_per_block",
    "akash_scale_price",
    "akash_take_fee",
    "bid_refusal",
    "bid_win_probability",
    "close_bid",
    "close_lease",
    "committed_pool_cost",
    "exhaust_escrow",
    "optimal_bid",
    "place_bid",
    "reopened",
    "revenue_share",
    "start_reclaim",
]

MEBIBYTE = 2**20
LEAST_GPU_FALLBACK = 100.0  # USD a month


def akash_month_price(quantities: Mapping[str, float], prices: Mapping[str, float]) -> float:
    """USD per month of a set of resources: the sum of quantity x price over the names in ``quantities``.

    Units are the price list's (HELM: CPU threads 1.60, GB of memory 0.80, ephemeral storage 0.02, HDD 0.01,
    SSD 0.03, NVMe 0.04, endpoint 0.05, IP 5; GPUs by `akash_gpu_price`). Raises ValueError for a resource
    without a price or a negative quantity or price.
    """
    for name, quantity in quantities.items():
        if name not in prices:
            raise ValueError(f"{name}: has no price; priced are {', '.join(prices)}")
        non_negative(**{name: quantity, f"price of {name}": prices[name]})
    return math.fsum(quantity * prices[name] for name, quantity in quantities.items())


def akash_gpu_price(table: Mapping[str, float], model: str, vram: str = "", interface: str = "") -> float:
    """USD per month of one GPU, by the most exact entry of ``table``.

    Looks for model.vram.interface, then without the last part, then the model alone, then takes the dearest
    entry but at least 100 USD. Source: HELM.
    """
    key = ".".join(part for part in (model, vram, interface) if part)
    for name in (key, key.rpartition(".")[0], model):
        if name in table:
            return table[name]
    return max([LEAST_GPU_FALLBACK, *table.values()])


def akash_blocks_per_month(block_seconds: float = 6.117, days: float = 30.437) -> int:
    """Blocks in an average month, rounded down: 429,909 at the defaults.

    Raises ValueError unless both are above zero. Source: HELM (measured over 432,000 blocks).
    """
    positive(block_seconds=block_seconds, days=days)
    seconds, length = exact(block_seconds=block_seconds, days=days)
    return math.floor(86_400 * length / seconds)


def akash_rate_per_block(usd_month: float, token_price: float = 1.0, blocks: int = 429_909) -> float:
    """Micro-tokens per block for a monthly USD price: usd x 1e6 / token price / blocks.

    ``token_price`` in USD, 1 for ACT; providers quote AKT at a price cached for up to 60 minutes and do not
    bid when the rate exceeds the tenant's maximum. Raises ValueError for a negative price or others not above
    zero. Source: HELM.
    """
    non_negative(usd_month=usd_month)
    positive(token_price=token_price, blocks=blocks)
    return usd_month * 1e6 / token_price / blocks


def akash_scale_price(
    cpu_units: int = 0,
    mem_bytes: int = 0,
    storage_bytes: int | Mapping[str, int] = 0,
    endpoints: int = 0,
    ips: int = 0,
    count: int = 1,
    c: Exact = 0,
    m: Exact = 0,
    s: Exact | Mapping[str, Exact] = 0,
    e: Exact = 0,
    p: Exact = 0,
) -> Fraction:
    """Linear bid price per block, exact: c cpu n + m bytes n / 2^20 + s bytes n / 2^20 + e endpoints + p IPs.

    CPU in thousandths, ``m`` and ``s`` per MiB; ``count`` = n replicas, which endpoints and leased IPs are
    not multiplied by. Storage may come by class, each with its own scale. Nothing is rounded, since rounding
    would let a crafted order cost nothing. Raises ValueError for a price of zero, a storage class without a
    scale, or negative arguments: no bid. Source: AKP bidengine/pricing.go (which divides at 16 decimals).
    """
    cpu_units, mem_bytes, endpoints, ips, count = amounts(
        cpu_units=cpu_units, mem_bytes=mem_bytes, endpoints=endpoints, ips=ips, count=count
    )
    per_cpu, per_mebibyte, per_endpoint, per_ip = exact(c=c, m=m, e=e, p=p)
    memory = per_mebibyte * mem_bytes / MEBIBYTE
    storage = _storage_price(storage_bytes, s) / MEBIBYTE
    price = (per_cpu * cpu_units + memory + storage) * count + per_endpoint * endpoints + per_ip * ips
    if not price:
        raise ValueError("the price is zero: give a scale for something that is ordered")
    return price


def _storage_price(storage: int | Mapping[str, int], scales: Exact | Mapping[str, Exact]) -> Fraction:
    """Sum of bytes x scale over storage classes; a plain number is the class without a name."""
    by_class = storage if isinstance(storage, Mapping) else {"": storage}
    scale_of = scales if isinstance(scales, Mapping) else {"": scales}
    total = Fraction()
    for name, size in by_class.items():
        if name not in scale_of:
            raise ValueError(
                f"storage class {name!r} has no scale; scaled are {', '.join(map(repr, scale_of))}"
            )
        total += exact(s=scale_of[name])[0] * amounts(storage_bytes=size)[0]
    return total


def akash_take_fee(amount: int, rate_percent: int) -> int:
    """Take fee on a withdrawal, micro-units: floor(amount x rate / 100); earnings are the rest.

    The rate in whole percent, by denomination: AEP-23 had 4 for AKT and 20 for USDC, the code's defaults are
    2 and 20, none is charged since 2026-03. Raises ValueError for a negative or broken amount, or a rate
    above 100. Source: akash-network/node@3efe26bf x/take/keeper; chain-sdk@55f1c683
    go/node/take/v1/params.go.
    """
    amount, rate_percent = amounts(amount=amount, rate_percent=rate_percent)
    if rate_percent > 100:
        raise ValueError(f"rate_percent = {rate_percent}: must not exceed 100")
    return amount * rate_percent // 100


def revenue_share(parts: Iterable[float] | Mapping[str, float]) -> tuple[float, float]:
    """Programme fee as the sum of its parts, and the share remitted: all shares of the same gross revenue.

    Spot: 4 % fiat processing + 1 % trading + 5 % price risk = 10 %, so 90 % goes back to the community pool;
    reservations add 10 % sales and 10 % counterparty risk: 30 %. Raises ValueError for a part or a sum
    outside [0, 1]. Source: akash-network/community@31aaf391 PIP-revenue-share/readme.md (proposal 329,
    2026-06-25).
    """
    shares = list(parts.values() if isinstance(parts, Mapping) else parts)
    for part in shares:
        unit_interval(part=part)
    fee = math.fsum(shares)
    unit_interval(fee=fee)
    return fee, 1 - fee


def committed_pool_cost(gpus: float, usd_per_hour: float, hours: float = 8_760) -> float:
    """USD for one committed year of ``gpus`` GPUs at a fixed price: the product.

    Raises ValueError for negative arguments. Source: akash-network/community@31aaf391, provider incentives
    (2024).
    """
    non_negative(gpus=gpus, usd_per_hour=usd_per_hour, hours=hours)
    return gpus * usd_per_hour * hours


def bid_win_probability(bid: float, rivals: Sequence[float], scale: float) -> float:
    """Chance that a tenant who chooses by price with a logit error picks this bid among ``rivals``.

    exp(-b/scale) / (exp(-b/scale) + sum exp(-r/scale)); ``scale`` in the unit of the prices: the smaller, the
    closer to lowest price wins. Raises ValueError unless ``scale`` is above zero and all prices are finite.
    Modelling assumption: the protocol lets the tenant choose any bid.
    """
    positive(scale=scale)
    finite(bid=bid)
    log_odds = -bid / scale - _log_sum_exp([-rival / scale for rival in rivals])
    return 1 / (1 + math.exp(-log_odds)) if log_odds > 0 else math.exp(log_odds) / (1 + math.exp(log_odds))


def optimal_bid(
    cost: float, rivals: Sequence[float], scale: float, max_price: float = math.inf
) -> float | None:
    """Bid with the greatest (b - cost) x win probability, at most ``max_price``.

    None when the maximum is below cost. The first-order condition b - cost = scale / (1 - P(b)) has the
    solution b = cost + scale (1 + W(z)), W Lambert's function, z = exp(-cost/scale - 1) / sum exp(-r/scale).
    Without rivals the best bid is ``max_price``. Units as in `bid_win_probability`. Raises ValueError for a
    negative cost, a scale not above zero, or neither rivals nor a maximum. Modelling assumption, see there.
    """
    non_negative(cost=cost)
    positive(scale=scale)
    if max_price < cost:
        return None
    if not rivals:
        finite(max_price=max_price)
        return max_price
    log_z = -cost / scale - 1 - _log_sum_exp([-rival / scale for rival in rivals])
    return min(cost + scale * (1 + math.exp(_log_lambert(log_z))), max_price)


def _log_sum_exp(terms: Sequence[float]) -> float:
    if not terms:
        return -math.inf
    finite(**{f"rival {i}": term for i, term in enumerate(terms)})
    top = max(terms)
    return top + math.log(math.fsum(math.exp(term - top) for term in terms))


def _log_lambert(log_z: float) -> float:
    """y = ln W(z): the root of e^y + y = ln z, by Newton's method on a convex increasing function."""
    y = math.log(log_z) if log_z > math.e else log_z - math.exp(min(log_z, 0.0)) / 2
    for _ in range(60):
        step = (math.exp(y) + y - log_z) / (math.exp(y) + 1)
        y -= step
        if abs(step) <= 1e-15 * max(1.0, abs(y)):
            break
    return y
