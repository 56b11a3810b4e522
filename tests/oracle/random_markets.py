"""Small random markets with random changes, run alike on the compiled kernel and on its plain-SimPy twin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simdai.engine import Environment
from simdai.kernel import Accounts, JobClassSpec, Law, PoolSpec, VenueSpec, make_market
from simdai.kernel.market_spec import MAX_ASK, RULES

HORIZON = 6.0


def random_law(rng: np.random.Generator, scale: float, tied: bool) -> Law:
    if tied:
        return Law("deterministic", float(rng.choice([0.125, 0.25, 0.5, 1.0])))
    kind = rng.choice(["exponential", "weibull", "lognormal", "deterministic"])
    return Law(str(kind), scale * float(rng.uniform(0.3, 2)), float(rng.uniform(0.5, 2)))


def build(number: int, kernel: str, resets: bool = True) -> tuple[Environment, Any, Any, Accounts]:
    """Market ``number``; the description depends on the number alone."""
    rng = np.random.default_rng(number)
    env = Environment()
    tied = bool(rng.random() < 0.5)
    n_venues, n_classes = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    pays = bool(rng.random() < 0.6)
    usd = Accounts(1)
    usd.allow_negative(0)

    venues = []
    for v in range(n_venues):
        rule = RULES[(number + v) % len(RULES)]
        escrow, fee, payee = (usd.add() for _ in range(3)) if pays else (-1, -1, -1)
        venues.append(
            VenueSpec(
                f"venue{v}",
                rule,
                discipline=str(rng.choice(["fifo", "lifo", "priority"])),  # type: ignore[arg-type]
                on_renege=str(rng.choice(["leave", "back", "next"])),
                on_failure=str(rng.choice(["back", "next", "leave"])),
                take_rate=float(rng.choice([0.0, 0.05, 0.333333])),
                bids=int(rng.integers(1, 5)),
                reputation_weight=float(rng.choice([0.0, 0.7])),
                reputation_gain=float(rng.choice([0.0, 0.1])),
                reputation_loss=float(rng.choice([0.0, 0.3])),
                tiers=(0.9, 0.6, 0.3)[: int(rng.integers(0, 4))],
                capacity=int(rng.integers(0, 12)),
                ask=int(rng.integers(1, 4)) * 1_000_000,
                hardware=int(rng.integers(-1, 2)),
                speed=float(rng.choice([1.0, 2.0, 0.7])),
                failed_work_is_paid=bool(rng.random() < 0.5),
                escrow=escrow,
                fee=fee,
                payee=payee,
            )
        )
    pools = []
    for v, venue in enumerate(venues):
        for _ in range(0 if venue.rule == "pooled" else int(rng.integers(1, 4))):
            daily = not tied and rng.random() < 0.3
            pools.append(
                PoolSpec(
                    f"pool{len(pools)}",
                    v,
                    hardware=int(rng.integers(0, 2)),
                    gpus=int(rng.integers(1, 3)),
                    region=len(pools),
                    speed=float(rng.choice([1.0, 2.0, 0.7])),
                    online=Law("exponential", 0.8)
                    if daily
                    else (Law("never") if rng.random() < 0.1 else random_law(rng, 1.0, tied)),
                    offline=Law("exponential", 0.3) if daily else random_law(rng, 0.3, tied),
                    diurnal_amplitude=0.6 if daily else 0.0,
                    diurnal_peak=0.25,
                    reputation=float(rng.choice([1.0, 0.5])),
                )
            )
    classes = []
    for c in range(n_classes):
        daily = rng.random() < 0.3
        classes.append(
            JobClassSpec(
                f"class{c}",
                rate=float(rng.choice([2.0, 8.0, 16.0])),
                service=random_law(rng, 0.4, tied),
                redraw=bool(rng.random() < 0.4),
                gpus=int(rng.integers(1, 3)),
                devices=int(rng.choice([1, 1, 2, 3])),
                max_ask=int(rng.choice([MAX_ASK, 2_500_000])),
                hardware=None if rng.random() < 0.5 else (int(rng.integers(0, 2)),),
                patience=Law("never") if rng.random() < 0.3 else random_law(rng, 0.4, tied),
                checkpoint=float(rng.choice([0.0, 0.05, 0.125, math.inf])),
                priority=int(rng.integers(0, 3)),
                min_reputation=float(rng.choice([0.0, 0.5, 0.9])),
                diurnal_amplitude=0.5 if daily and not tied else 0.0,
                diurnal_peak=0.6,
                payer=0 if pays else -1,
                regular=tied and bool(rng.random() < 0.7),
                limit=None if rng.random() < 0.8 else 20,
            )
        )
    market = make_market(
        env,
        venues=venues,
        pools=pools,
        job_classes=classes,
        seed=number,
        accounts=usd if pays else None,
        kernel=kernel,  # type: ignore[arg-type]
        trace=True,
    )

    def enter(p: int, n: int) -> None:
        step = 500_000 if tied else 1
        asks = rng.integers(2_000_000 // step, 6_000_000 // step, n) // 2 * step
        accounts = np.arange(n) + usd.add(n) if pays else None
        state = None if rng.random() < 0.7 else rng.random(n) < 0.5
        market.add_providers(p, asks, accounts, state)

    def shares(c: int) -> None:
        weights = rng.random(n_venues) * market.capable[:, c] * (rng.random(n_venues) < 0.9)
        total = weights.sum()
        whole = rng.choice([0.9, 1.0])
        market.set_shares(c, weights / total * whole if total > 0 else np.zeros(n_venues))

    for p in range(len(pools)):
        enter(p, int(rng.integers(1, 9)))
    for c in range(n_classes):
        shares(c)

    def change(what: int) -> None:
        nobody = np.zeros(0, dtype=np.int64)
        present = np.concatenate([nobody, *(market.providers(p)["uid"] for p in range(len(pools)))])
        some = rng.permutation(present)[: int(rng.integers(0, 5))].astype(np.int64)
        if what == 0 and len(some):
            market.reprice(some, rng.integers(1_000_000, 4_000_000, len(some)))
        elif what == 1 and len(some):
            market.remove_providers(some, drain=bool(rng.random() < 0.5))
        elif what == 2 and len(some):
            market.ban(some)
        elif what == 3 and len(some):
            market.unban(some)
        elif what == 4 and pools:
            enter(int(rng.integers(0, len(pools))), int(rng.integers(0, 4)))
        elif what == 5:
            c = int(rng.integers(0, n_classes))
            market.set_rate(c, float(rng.choice([0.0, 4.0, 16.0])))
        elif what == 6:
            shares(int(rng.integers(0, n_classes)))
        elif what == 7:
            market.set_capacity(int(rng.integers(0, n_venues)), int(rng.integers(0, 12)))
        elif what == 8:
            market.set_ask(int(rng.integers(0, n_venues)), int(rng.integers(1, 4)) * 1_000_000)
        elif what == 9:
            market.set_take_rate(int(rng.integers(0, n_venues)), float(rng.choice([0.0, 0.1])))
        elif what == 10 and resets and rng.random() < 0.3:
            market.reset_counters()

    log: list[tuple[Any, ...]] = []

    def macro() -> Any:
        while True:
            step = 0.25 if tied else float(rng.exponential(0.3))
            yield env.timeout(step)
            for _ in range(int(rng.integers(1, 3))):
                change(int(rng.integers(0, 11)))
            log.append((env.now, env.sequence, market.digest, env.peek()))

    def listener() -> Any:
        while True:
            kind = str(rng.choice(["arrivals", "queue_empty", "queue_above", "done"]))
            venue, job_class = int(rng.integers(0, n_venues)), int(rng.integers(-1, n_classes))
            arrived = int(market.arrivals().sum()) + int(rng.integers(1, 20))
            signal = market.signal(
                kind, venue=venue, job_class=job_class, level=int(rng.integers(0, 3)), at=arrived
            )
            yield signal | env.timeout(1.0)
            log.append((env.now, env.sequence, kind, signal.triggered, market.n_events))

    env.process(macro())
    env.process(listener())
    return env, market, log, usd


def outcome(number: int, kernel: str, resets: bool = True) -> dict[str, Any]:
    """Trace, final state, balances and the log of the macro processes."""
    env, market, log, usd = build(number, kernel, resets)
    env.run(until=HORIZON)
    return {
        "trace": market.trace.tolist(),
        "state": market.state(),
        "log": log,
        "balances": usd.balances.tolist(),
        "total": usd.total(),
        "sequence": env.sequence,
    }
