"""Work under verification schemes: what each costs and sees, and what everybody makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import simdai
from simdai import registry
from simdai.errors import ScenarioError
from simdai.mechanisms.arrivals import binomial_counts
from simdai.mechanisms.verification import min_check_probability
from simdai.mechanisms.verification_schemes import (
    Circumstances,
    Enclave,
    Fingerprinted,
    Hashed,
    Optimistic,
    Proved,
    Redundant,
    Sampled,
    Unchecked,
)
from simdai.simulation import Simulation

# --- the schemes, by hand


def test_bitcoin_checks_cost_nothing_beside_the_work():
    scheme = Hashed(hashes=4.744e23, nodes=20_000)
    assert scheme.one_check == pytest.approx(2.108e-24, rel=1e-3)
    assert scheme.overhead(Circumstances()) == pytest.approx(20_000 / 4.744e23)
    assert scheme.detection(Circumstances(cheated=1.0)) == 1.0


def test_a_sample_sees_its_share_unless_the_auditor_cheats_too():
    scheme = Sampled(probability=0.1, agreement=0.9, alarm=0.02)
    assert scheme.overhead(Circumstances()) == pytest.approx(0.1 / 1.1)
    assert scheme.detection(Circumstances()) == pytest.approx(0.09)
    assert scheme.detection(Circumstances(cheated=0.5)) == pytest.approx(0.045)
    assert scheme.false_alarm == pytest.approx(0.002)


def test_a_fingerprint_costs_a_hundredth_of_a_second_run():
    scheme = Fingerprinted(probability=0.5, speedup=100.0, sees=0.98, alarm=0.0)
    assert scheme.one_check == 0.01
    assert scheme.overhead(Circumstances()) == pytest.approx(0.005 / 1.005)
    assert scheme.detection(Circumstances()) == pytest.approx(0.49)


def test_three_copies_miss_a_cheat_when_a_second_one_gives_the_same_answer():
    # two others; seen unless at least one of them colludes: (1 - 0.4 x 0.5)^2
    scheme = Redundant(copies=3, collusion=0.5, alarm=0.0)
    assert scheme.detection(Circumstances(cheated=0.4)) == pytest.approx(0.64)
    assert scheme.overhead(Circumstances()) == pytest.approx(2 / 3)
    # five copies: seen with at most one of four: 0.8^4 + 4 x 0.2 x 0.8^3
    five = Redundant(copies=5, collusion=0.5, alarm=0.0)
    assert five.detection(Circumstances(cheated=0.4)) == pytest.approx(0.8192)


def test_optimism_is_as_strong_as_its_checkers_are_awake():
    scheme = Optimistic(checkers=4, challenge=7.0, check_cost=0.5, bounty_share=0.5, forced_errors=0.01)
    assert scheme.detection(Circumstances(checking=0.5)) == pytest.approx(1 - 0.5**4)
    assert scheme.detection(Circumstances(checking=0.0)) == 0.0
    assert scheme.check_extra(Circumstances(checking=0.5)) == pytest.approx(4 * 0.5 * 0.5 + 0.01)
    assert scheme.delay_days == 7.0


def test_an_enclave_sees_everything_until_it_is_broken():
    scheme = Enclave(multiplier=1.25, attest=0.0, exploits=1.0, patched_after=30.0, exploit_cost=10.0)
    assert scheme.overhead(Circumstances()) == pytest.approx(0.2)
    assert (scheme.detection(Circumstances()), scheme.detection(Circumstances(breached=True))) == (1.0, 0.0)


def test_a_proof_costs_its_prover_most():
    scheme = Proved(work=0.5, prove=50.0, verify=0.05, verifiers=2)
    assert scheme.prover_extra == pytest.approx(100.0)
    assert scheme.one_check == pytest.approx(0.1)
    assert scheme.overhead(Circumstances()) == pytest.approx(100.2 / 101.2)


def test_the_unchecked_scheme_costs_and_sees_nothing():
    scheme = Unchecked()
    assert scheme.overhead(Circumstances(cheated=1.0)) == scheme.detection(Circumstances()) == 0.0


def test_binomial_numbers_by_inversion_grow_with_the_chance():
    uniforms = np.array([0.0, 0.2, 0.5, 0.9, 0.999])
    # of three trials at a half, the distribution function is 1/8, 4/8, 7/8, 1
    assert binomial_counts(uniforms, 3, 0.5).tolist() == [0, 1, 1, 3, 3]
    assert binomial_counts(uniforms, [0, 5, 5, 5, 5], [0.5, 0.0, 1.0, 1.0, 0.0]).tolist() == [0, 0, 5, 5, 0]
    many = np.random.default_rng(1).random(4000)
    low, high = binomial_counts(many, 20, 0.3), binomial_counts(many, 20, 0.35)
    assert (low <= high).all() and low.mean() == pytest.approx(6.0, abs=0.15)


# --- the market


def market(
    scheme: dict[str, Any], checkers: Any = None, seed: int = 1, horizon: str = "150 d", **changes: Any
) -> Any:
    """The market of the library under one scheme alone."""
    settings = {
        "networks": {
            "market": {
                "kind": "verified_work",
                "margin": 0.15,
                "verification": scheme,
                "checkers": checkers,
                "workers": {
                    "count": 60,
                    "cost": 0.01,
                    "cost_spread": 0.05,
                    "cheap": 0.2,
                    "honest": 0.5,
                    "stake": 0.2,
                    "prior": 0.2,
                    "probing": 0.002,
                    "temperature": 0.1,
                    "speed": 0.1,
                    "memory": 200.0,
                },
            }
        },
        "demand": {
            "buyers": {
                "kind": "work_buyers",
                "network": "market",
                "tasks_per_day": 20_000.0,
                "memory": 30.0,
                "reference_price": 0.0115,
                "elasticity": 1.0,
            }
        },
        "horizon": horizon,
        "warm_up": "60 d",
        "record_every": "10 d",
    }
    scenario = simdai.schema.Scenario(start="2026-01-01", **settings).with_changes(
        {path.replace("__", "."): value for path, value in changes.items()}
    )
    sim = Simulation(scenario, seed=seed)
    sim.run()
    return sim.world


def found(world: Any) -> dict[str, float]:
    return {name.removeprefix("market."): value for name, (value, _) in world.recorder.outcomes().items()}


def sampled(probability: float, alarm: float = 0.0) -> dict[str, Any]:
    return {"kind": "sampled", "probability": probability, "agreement": 1.0, "alarm": alarm}


OPTIMISTIC = {
    "kind": "optimistic",
    "checkers": 5,
    "challenge": 7.0,
    "check_cost": 1.0,
    "bounty_share": 0.5,
    "forced_errors": 0.0,
}
CHECKERS = {"diligence": 0.3, "speed": 0.1, "memory": 14.0}


def test_fraud_pays_below_the_least_audit_rate_and_not_above():
    # a cheat saves 0.008 of 0.0115 + 0.2: the least probability is 3.8 %
    least = min_check_probability(0.008, 0.0115, 0.2)
    assert least == pytest.approx(0.0378, abs=1e-4)
    lax, strict = found(market(sampled(least / 3))), found(market(sampled(least * 2)))
    assert lax["fraud.profit_usd"] > 0 > strict["fraud.profit_usd"]
    assert lax["fraud.cheated_share"] > 0.3 and strict["fraud.cheated_share"] < 0.01
    assert lax["fraud.detected_share"] == pytest.approx(least / 3 * (1 - lax["fraud.cheated_share"]), rel=0.2)


def test_without_checks_all_who_may_cheat_do_and_buyers_leave():
    honest, rotten = found(market(sampled(0.2))), found(market({"kind": "unchecked"}))
    assert rotten["fraud.undetected_share"] == pytest.approx(0.5, abs=0.15)
    assert rotten["tasks"] < 0.6 * honest["tasks"]
    assert rotten["fraud.profit_usd"] > 0


def test_nobody_cheats_where_all_are_honest():
    none = found(market({"kind": "unchecked"}, networks__market__workers__honest=1.0))
    assert none["fraud.cheated_share"] == 0.0 and none["fraud.profit_usd"] == 0.0


def test_checkers_sleep_where_there_is_nothing_to_find_and_forced_errors_keep_them_awake():
    def run(forced: float) -> dict[str, float]:
        scheme = {**OPTIMISTIC, "forced_errors": forced}
        return found(market(scheme, CHECKERS, horizon="300 d"))

    # a find is worth ten checks and shared by those who find it: with 11 % of errors checking pays while a
    # checker's part (1 - (1 - q)^5) / 5 q exceeds 1 / 1.1, up to q = 5 %
    asleep, awake = run(0.0), run(0.11)
    assert asleep["fraud.cheated_share"] > 0.03, "fraud comes back when nobody looks"
    assert 0.02 < awake["checkers.diligence"] < 0.12
    assert awake["fraud.cheated_share"] < 0.01
    assert awake["fraud.profit_usd"] < 0


def test_an_exploit_that_is_cheap_is_used():
    scheme = {"kind": "enclave", "multiplier": 1.08, "attest": 1e-4, "exploits": 6.0, "patched_after": 30.0}
    cheap = found(market({**scheme, "exploit_cost": 1.0}))
    dear = found(market({**scheme, "exploit_cost": 1e6}))
    assert cheap["fraud.undetected_share"] > 20 * dear["fraud.undetected_share"]
    assert cheap["fraud.profit_usd"] > 0


def test_false_alarms_cost_honest_workers():
    quiet, noisy = found(market(sampled(0.1))), found(market(sampled(0.1, alarm=0.05)))
    assert quiet["false_alarms_usd"] == 0.0
    # of 20,000 tasks a day over 90 days 0.5 % cost their pay and the stake
    assert noisy["false_alarms_usd"] == pytest.approx(0.005 * noisy["tasks"] * 0.2115, rel=0.05)


def test_money_is_conserved_and_stakes_stay_whole():
    world = market(sampled(0.05))
    network = world.networks["market"]
    assert world.ledger.imbalance("USD") == 0
    stakes = world.ledger.accounts("USD").balances[network.stakes.indices]
    assert set(stakes.tolist()) == {200_000}
    assert world.ledger.balance("USD", network.till) == world.ledger.balance("USD", network.fund) == 0


def test_a_price_above_the_reference_keeps_buyers_away():
    dear = found(market({"kind": "proved", "work": 1.0, "prove": 99.0, "verify": 1.0, "verifiers": 1}))
    assert dear["price_usd_per_task"] == pytest.approx(0.01 * (100 * 1.15 + 1), rel=1e-4)
    assert dear["tasks"] < 0.02 * found(market(sampled(0.1)))["tasks"]


def test_at_another_scale_outcomes_are_the_same():
    one, many = found(market(sampled(0.02))), found(market(sampled(0.02), scale=10.0))
    assert many == pytest.approx(one, rel=1e-6, nan_ok=True)


# --- the library and bad input


def test_the_library_runs_every_scheme_beside_bitcoin():
    scenario = simdai.load("verification")
    kinds = {network.verification.kind for network in scenario.networks.values()}
    assert kinds == set(registry.kinds("verification"))


@pytest.mark.parametrize(
    ("scheme", "changes", "message"),
    [
        ({"kind": "redundant", "copies": 2, "collusion": 0.5, "alarm": 0.0}, {}, "give an odd one"),
        (OPTIMISTIC, {}, "'checkers' belong to the verification 'optimistic'"),
        (sampled(0.1), {"networks.market.checkers": CHECKERS}, "'checkers' belong to"),
        (sampled(1.1), {}, "probability"),
        (sampled(0.1), {"demand.buyers.network": "nowhere"}, "unknown network of kind 'verified_work'"),
    ],
)
def test_what_does_not_fit_is_refused(scheme, changes, message):
    with pytest.raises(ScenarioError, match=message):
        market(scheme, **{path.replace(".", "__"): value for path, value in changes.items()})
