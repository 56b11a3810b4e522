"""The same workloads in plain SimPy, as its users would write them: what the kernel is compared with."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Generator
from heapq import heappop, heappush
from typing import Any

import numpy as np
import simpy

from simdai.bench.workloads import (
    ARRIVAL_RATE,
    AVAILABILITY,
    EPOCH_HOURS,
    LOAD,
    OFFLINE_HOURS,
    ONLINE_HOURS,
    SERVERS,
    SERVICE_HOURS,
    SERVICE_RATE,
    TokenBook,
)

Steps = Generator[Any, Any, None]


def w1(customers: int, seed: int) -> dict[str, Any]:
    """W1 with a ``simpy.Resource``."""
    env = simpy.Environment()
    draw = random.Random(seed).expovariate
    servers = simpy.Resource(env, SERVERS)
    waits: list[float] = []

    def customer() -> Steps:
        arrived = env.now
        with servers.request() as request:
            yield request
            waits.append(env.now - arrived)
            yield env.timeout(draw(SERVICE_RATE))

    def source() -> Steps:
        for _ in range(customers):
            yield env.timeout(draw(ARRIVAL_RATE))
            env.process(customer())

    env.process(source())
    env.run()
    kept = waits[customers // 10 :]
    return {"events": 2 * customers, "mean_wait": sum(kept) / len(kept)}


def w2(n: int, days: float, seed: int) -> dict[str, Any]:
    """W2 with a process a provider and a process a job, in hours."""
    env = simpy.Environment()
    rng = random.Random(seed)
    draw = rng.expovariate
    ask = [1 + rng.random() for _ in range(n)]
    online = [rng.random() < AVAILABILITY for _ in range(n)]
    serving: list[Any] = [None] * n
    idle: list[tuple[float, int]] = []
    listed = [False] * n
    queue: deque[int] = deque()
    book = TokenBook(n)
    hours = np.zeros(n)
    revenue = busy_hours = 0.0
    count = dict.fromkeys(("turn", "arrival", "completion", "failure"), 0)

    def cheapest() -> int:
        while idle:
            _, provider = heappop(idle)
            listed[provider] = False
            if online[provider] and serving[provider] is None:
                return provider
        return -1

    def offer(provider: int) -> None:
        if queue:
            queue.popleft()
            serving[provider] = env.process(serve(provider))
        elif not listed[provider]:
            listed[provider] = True
            heappush(idle, (ask[provider], provider))

    def submit() -> None:
        provider = cheapest()
        if provider < 0:
            queue.append(0)
        else:
            serving[provider] = env.process(serve(provider))

    def serve(provider: int) -> Steps:
        nonlocal revenue, busy_hours
        began = env.now
        try:
            yield env.timeout(draw(1 / SERVICE_HOURS))
        except simpy.Interrupt:
            count["failure"] += 1
            busy_hours += env.now - began
            serving[provider] = None
            submit()
            return
        count["completion"] += 1
        busy_hours += env.now - began
        hours[provider] += env.now - began
        revenue += (env.now - began) * ask[provider]
        serving[provider] = None
        if online[provider]:
            offer(provider)

    def provider_life(provider: int) -> Steps:
        if online[provider]:
            offer(provider)
        else:
            yield env.timeout(draw(1 / OFFLINE_HOURS))
            count["turn"] += 1
            online[provider] = True
            offer(provider)
        while True:
            yield env.timeout(draw(1 / ONLINE_HOURS))
            count["turn"] += 1
            online[provider] = False
            if serving[provider] is not None and serving[provider].is_alive:
                serving[provider].interrupt()
            yield env.timeout(draw(1 / OFFLINE_HOURS))
            count["turn"] += 1
            online[provider] = True
            offer(provider)

    def arrivals() -> Steps:
        rate = LOAD * AVAILABILITY * n / SERVICE_HOURS
        while True:
            yield env.timeout(draw(rate))
            count["arrival"] += 1
            submit()

    def epochs() -> Steps:
        nonlocal revenue
        while True:
            yield env.timeout(EPOCH_HOURS)
            book.epoch(hours, float(hours.sum()), revenue)
            hours[:] = 0.0
            revenue = 0.0

    for provider in range(n):
        env.process(provider_life(provider))
    env.process(arrivals())
    env.process(epochs())
    env.run(until=24 * days)
    return {
        "events": sum(count.values()) + book.epochs,
        "busy_share": busy_hours / (24 * days * n),
        "failures_per_completion": count["failure"] / count["completion"]
        if count["completion"]
        else math.nan,
        "token_price": book.price,
    }
