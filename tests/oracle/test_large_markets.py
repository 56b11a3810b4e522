"""Both kernels run markets of thousands of providers alike: many idle bits, equal asks, large batches."""

import numpy as np
import pytest

from simdai.engine import Environment
from simdai.kernel import COMPILED, Accounts, JobClassSpec, Law, PoolSpec, VenueSpec, make_market

pytestmark = pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel to compare")

RULES = {
    "cheapest": {},
    "reverse_auction": {"bids": 7, "reputation_weight": 0.4, "reputation_loss": 0.2},
    "tiered_queue": {"tiers": (0.95, 0.8, 0.5), "ask": 2, "reputation_gain": 0.05, "reputation_loss": 0.2},
    "cluster": {},
}


def outcome(rule, n, asks, kernel):
    rng = np.random.default_rng(n)
    env = Environment()
    usd = Accounts(3)
    usd.allow_negative(0)
    market = make_market(
        env,
        venues=[VenueSpec("market", rule, take_rate=0.07, escrow=1, fee=2, **RULES[rule])],
        pools=[
            PoolSpec(
                "a", 0, 0, online=Law("exponential", 1.0), offline=Law("exponential", 0.3), reputation=0.9
            ),
            PoolSpec("b", 0, 1, gpus=2, online=Law("weibull", 1.0, 0.8), offline=Law("exponential", 0.3)),
        ],
        job_classes=[
            JobClassSpec(
                "small", 6000.0, Law("exponential", n / 9000), payer=0, patience=Law("exponential", 0.1)
            ),
            JobClassSpec("picky", 3000.0, Law("exponential", n / 9000), payer=0, max_ask=asks // 2, gpus=2),
            JobClassSpec(
                "wide",
                1000.0 if rule == "cluster" else 0.0,
                Law("exponential", 0.1),
                payer=0,
                devices=max(n // 50, 2),
            ),
        ],
        seed=n,
        accounts=usd,
        kernel=kernel,
        trace=True,
    )
    for c in range(3 if rule == "cluster" else 2):
        market.set_shares(c, [1.0])

    def enter(pool, size):
        market.add_providers(pool, rng.integers(1, asks, size), np.arange(size) + usd.add(size))

    enter(0, n)
    enter(1, n // 2)
    changes = ("reprice", "ban", "remove", "enter", "unban", "drain", "nothing")
    for step, change in enumerate(changes, start=1):
        env.run(until=step * 0.05)
        present = np.concatenate([market.providers(p)["uid"] for p in (0, 1)])
        some = rng.permutation(present)[: n // 5]
        if change == "reprice":
            market.reprice(some, rng.integers(1, asks, len(some)))
        elif change in ("remove", "drain"):
            market.remove_providers(some, drain=change == "drain")
        elif change == "enter":
            enter(0, n // 4)
        elif change != "nothing":
            getattr(market, change)(some)
    return market.trace.tolist(), market.state(), usd.balances.tolist(), env.sequence


@pytest.mark.parametrize("asks", [4, 10**6], ids=["many ties", "few ties"])
@pytest.mark.parametrize(
    ("rule", "n"),
    [(rule, n) for rule in RULES for n in (70, 500, 4500) if (rule, n) != ("tiered_queue", 4500)]
    + [("tiered_queue", 1000)],  # the twin looks at all idle providers for each job
)
def test_large_markets_run_alike_on_both_kernels(rule, n, asks):
    compiled, reference = outcome(rule, n, asks, "compiled"), outcome(rule, n, asks, "reference")
    for a, b in zip(compiled[0], reference[0], strict=False):
        assert a == b, f"{a} compiled, {b} reference"
    assert compiled == reference
    assert compiled[1]["n_events"] > 2000
    completed = np.array(compiled[1]["counters"]["completed"])[0]
    assert completed[:2].min() > 100 and (rule != "cluster" or completed[2] > 0)
