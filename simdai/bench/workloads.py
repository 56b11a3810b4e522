"""The workloads on which speed is compared, on the kernel that scenarios use."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import numpy as np

from simdai.engine import Environment, Streams
from simdai.kernel import JobClassSpec, Law, Market, PoolSpec, VenueSpec, make_market
from simdai.mechanisms.queues import erlang_c, queue_wait

SERVERS, SERVICE_RATE, ARRIVAL_RATE = 50, 1.0, 45.0

ONLINE_HOURS, OFFLINE_HOURS, SERVICE_HOURS, LOAD = 24.0, 6.0, 2.0, 0.7
AVAILABILITY = ONLINE_HOURS / (ONLINE_HOURS + OFFLINE_HOURS)
EPOCH_HOURS, EMISSION, PRICE_STEP, SOLD_SHARE, FIRST_PRICE = 1.0, 0.1, 0.1, 0.5, 15.0
HORIZON_DAYS = {1_000: 20.0, 10_000: 2.0, 100_000: 0.5, 1_000_000: 0.1}


def mean_wait_of_theory() -> float:
    """Mean wait of W1's queue in units of the mean service time."""
    return SERVICE_RATE * queue_wait(ARRIVAL_RATE, SERVICE_RATE, SERVERS)


def w1(customers: int, seed: int, kernel: Any = None) -> dict[str, Any]:
    """One M/M/50 queue at 90 % load; waits count after the first tenth of the customers has arrived.

    Events: an arrival and a departure a customer.
    """
    env = Environment()
    market = make_market(
        env,
        venues=[VenueSpec("queue", "pooled", capacity=SERVERS)],
        pools=[],
        job_classes=[
            JobClassSpec("customers", ARRIVAL_RATE, Law("exponential", 1 / SERVICE_RATE), limit=customers)
        ],
        seed=seed,
        kernel=kernel,
    )
    market.set_shares(0, [1.0])
    completed = 0

    def warm_up() -> Generator[Any, Any, None]:
        nonlocal completed
        yield market.signal("arrivals", at=customers // 10)
        completed = int(market.counters()["completed"][0, 0])
        market.reset_counters()

    env.process(warm_up())
    env.run()
    counters = market.counters()
    started = int(counters["started"][0, 0])
    return {
        "events": customers + completed + int(counters["completed"][0, 0]),
        "mean_wait": float(counters["wait_days"][0, 0]) / started,
        "share_waiting": int(counters["waited"][0, 0]) / started,
        "expected_mean_wait": mean_wait_of_theory(),
        "expected_share_waiting": erlang_c(SERVERS, ARRIVAL_RATE / SERVICE_RATE),
    }


class TokenBook:
    """W2's token: each epoch a fixed emission is shared by completed hours, and flows move the price."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.price = FIRST_PRICE
        self.epochs = 0
        self.tokens = np.zeros(n)

    def epoch(self, hours: Any, total: float, revenue_usd: float) -> None:
        """Pay pro rata to ``hours`` (used up), which sum to ``total``; purchases meet half the emission."""
        self.epochs += 1
        emission = EMISSION * self.n * EPOCH_HOURS
        if total > 0:
            self.tokens += np.multiply(hours, emission / total, out=hours)
        sold = SOLD_SHARE * emission * self.price
        if revenue_usd + sold > 0:
            self.price *= math.exp(PRICE_STEP * (revenue_usd - sold) / (revenue_usd + sold))


def w2_market(env: Environment, n: int, seed: int, kernel: Any = None) -> Market:
    """The market of W2: the cheapest idle provider, one queue, failed work to its back."""
    market = make_market(
        env,
        venues=[VenueSpec("market", "cheapest", failed_work_is_paid=False)],
        pools=[
            PoolSpec(
                "providers",
                venue=0,
                hardware=0,
                online=Law("exponential", ONLINE_HOURS / 24),
                offline=Law("exponential", OFFLINE_HOURS / 24),
            )
        ],
        job_classes=[
            JobClassSpec(
                "jobs",
                24 * LOAD * AVAILABILITY * n / SERVICE_HOURS,
                Law("exponential", SERVICE_HOURS / 24),
                redraw=True,
            )
        ],
        seed=seed,
        kernel=kernel,
    )
    market.add_providers(0, Streams(seed)("asks").integers(1_000_000, 2_000_000, n))
    market.set_shares(0, [1.0])
    return market


def w2(n: int, days: float, seed: int, kernel: Any = None) -> dict[str, Any]:
    """A compute market with churn, failures and a token paid each hour.

    Events: providers' turns, arrivals, completions, failures and epochs; the epoch at the horizon itself is
    not run.
    """
    env = Environment()
    market = w2_market(env, n, seed, kernel)
    book = TokenBook(n)

    def epochs() -> Generator[Any, Any, None]:
        hours, total, revenue = np.zeros(n), 0.0, 0
        while True:
            yield env.timeout(EPOCH_HOURS / 24)
            now, done = market.work_hours(0), market.counter("gpu_hours", 0, 0)
            paid = market.counter("revenue", 0, 0)
            book.epoch(np.subtract(now, hours, out=hours), done - total, (paid - revenue) / 1e6)
            hours, total, revenue = now, done, paid
            del now

    env.process(epochs())
    env.run(until=days)
    counters, pools = market.counters(), market.pools()
    busy, idle, offline = (float(pools[f"{s}_days"][0]) for s in ("busy", "idle", "offline"))
    completed = int(counters["completed"][0, 0])
    hours_run = 24 * days
    return {
        "events": market.n_events + book.epochs,
        "epochs": book.epochs,
        "completed": completed,
        "online_share": (busy + idle) / (busy + idle + offline),
        "busy_share": busy / (n * days),
        "failures_per_completion": int(counters["failed_attempts"][0, 0]) / completed
        if completed
        else math.nan,
        "token_price": book.price,
        "expected_online_share": AVAILABILITY,
        "expected_busy_share": LOAD * AVAILABILITY * (1 - (1 - math.exp(-hours_run / 2)) * 2 / hours_run),
        "expected_failures_per_completion": SERVICE_HOURS / ONLINE_HOURS,
        "memory_bytes": market._core.memory() if market.compiled else {},
    }
