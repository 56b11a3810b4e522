"""io.net's rewards, against its documentation and figures worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.block_rewards import (
    ionet_block_rewards,
    ionet_block_share,
    ionet_engine_step,
    ionet_fees,
    ionet_idle_within_limits,
    ionet_job_pay,
    ionet_min_stake,
    ionet_nomination_refusal,
    ionet_score,
    ionet_slash,
    ionet_succeeds,
    ionet_unstake_days,
)

POOLS = {"enterprise": 0.95, "community": 0.05}


def test_minimum_stakes_are_the_examples_of_the_staking_page():
    # ionet-official/docs@5d3be72c docs/staking/io-staking.mdx
    assert ionet_min_stake(10, 8) == 16_000
    assert ionet_min_stake(0.25, 4) == 800


def test_a_devices_share_is_the_example_of_the_block_page():
    # docs/explorer/block-rewards-page.mdx: (8150/115M) * 8M, printed as 569
    assert ionet_block_share(8150, 115e6, 8e6) == pytest.approx(8150 / 115 * 8)
    assert ionet_block_share(0, 0, 100) == 0


def test_multiplier_and_count_make_nearly_all_of_the_score():
    # eight H100 at multiplier 10: 1000 * 2 * 80, tier 4 adds 20, hire a half
    assert ionet_score(10, 8, tier=0) == 160_000
    assert ionet_score(10, 8, tier=4, hired=True) == pytest.approx(160_020.5)


READY = {"uptime_hours": 5, "stake": 800, "min_stake": 800, "multiplier": 0.25, "tier": 1}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"uptime_hours": 4.9}, "uptime"),
        ({"stake": 799}, "stake"),
        ({"wallet_valid": False}, "wallet"),
        ({"terminated": True}, "terminated"),
        ({"multiplier": 0}, "multiplier"),
        ({"tier": 0}, "tier"),
    ],
)
def test_a_device_is_nominated_by_the_published_checklist(change, refusal):
    assert ionet_nomination_refusal(**{**READY, **change}) == refusal


def test_a_hired_device_need_not_solve_the_puzzle_but_must_be_up():
    assert ionet_succeeds(proof_of_work=True, time_lock=True)
    assert not ionet_succeeds(proof_of_work=False, time_lock=True)
    assert ionet_succeeds(proof_of_work=False, time_lock=True, hired=True)
    assert not ionet_succeeds(proof_of_work=True, time_lock=False, hired=True)


def test_idle_devices_stay_below_their_loads():
    assert ionet_idle_within_limits(0.30, 0.05, data_centre=True)
    assert not ionet_idle_within_limits(0.30, 0.06, data_centre=True)
    assert ionet_idle_within_limits(0.0, 0.20, data_centre=False)
    assert not ionet_idle_within_limits(0.31, 0.0, data_centre=False)


def test_an_hour_is_shared_by_pool_and_then_by_score():
    scores = {"enterprise": {"a": 3000, "b": 1000}, "community": {"c": 7}}
    rewards = ionet_block_rewards(scores, 1000, POOLS)
    assert rewards["enterprise"] == pytest.approx({"a": 712.5, "b": 237.5})
    assert rewards["community"] == pytest.approx({"c": 50})


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1e6), max_size=6),
    st.dictionaries(st.sampled_from("ghijkl"), st.floats(0, 1e6), max_size=6),
    st.floats(0, 1e5),
)
def test_a_pool_pays_its_share_whole_or_not_at_all(enterprise, community, emission):
    rewards = ionet_block_rewards({"enterprise": enterprise, "community": community}, emission, POOLS)
    for pool, devices in (("enterprise", enterprise), ("community", community)):
        paid = math.fsum(rewards[pool].values())
        expected = emission * POOLS[pool] if any(devices.values()) else 0
        assert paid == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_pool_without_a_share_is_an_error():
    with pytest.raises(ValueError, match="pool 'cpu' has no share"):
        ionet_block_rewards({"cpu": {"a": 1}}, 10, POOLS)
    with pytest.raises(ValueError, match="must not exceed 1"):
        ionet_block_rewards({}, 10, {"enterprise": 0.95, "community": 0.06})


@pytest.mark.parametrize(
    ("pay", "withdraw", "renter", "supplier"),
    [(True, True, 102.25, 97.75), (False, False, 100.25, 99.75), (True, False, 102.25, 99.75),
     (False, True, 100.25, 97.75)],
)  # fmt: skip
def test_fees_are_those_of_the_tokenomics_page(pay, withdraw, renter, supplier):
    fees = ionet_fees(100, pay, withdraw)
    assert fees == pytest.approx(
        {"renter_pays": renter, "supplier_gets": supplier, "network_keeps": renter - supplier}
    )


@given(st.floats(0, 1e9), st.booleans(), st.booleans())
def test_what_the_renter_pays_goes_to_supplier_and_network(compute, pay, withdraw):
    fees = ionet_fees(compute, pay, withdraw)
    assert fees["supplier_gets"] + fees["network_keeps"] == pytest.approx(fees["renter_pays"], rel=1e-12)


def test_a_worker_that_drops_out_is_not_paid_for_the_period():
    # docs/workers/earnings-rewards.mdx
    assert ionet_job_pay(2.0, 24) == 48
    assert ionet_job_pay(2.0, 24, dropped_out=True) == 0
    assert ionet_job_pay(2.0, 0.9, stopped_by_renter=True) == 0
    assert ionet_job_pay(2.0, 1.0, stopped_by_renter=True) == 2


def test_unstaking_takes_two_weeks_and_a_week_more_for_co_stakers():
    assert ionet_unstake_days() == 14
    assert ionet_unstake_days(co_staked=True) == 21


def test_owner_and_co_staker_share_a_slash_and_it_burns_after_a_month():
    assert ionet_slash(600, 400, 0.1) == pytest.approx(
        {"own": 540, "co_staked": 360, "held": 100, "burned": 0}
    )
    assert ionet_slash(600, 400, 0.1, days=30)["burned"] == pytest.approx(100)
    assert ionet_slash(600, 400, 0.1, outcome="upheld")["burned"] == pytest.approx(100)
    assert ionet_slash(600, 400, 0.1, outcome="reversed", days=40)["own"] == 600


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1), st.sampled_from(["open", "upheld", "reversed"]))
def test_slashed_stake_is_left_held_or_burned(own, co_staked, share, outcome):
    assert math.fsum(ionet_slash(own, co_staked, share, outcome).values()) == pytest.approx(own + co_staked)


# --- The Incentive Dynamic Engine ---


def test_the_engine_pays_the_usd_target_in_tokens_while_the_reward_vault_lasts():
    step = ionet_engine_step(1000, 0, target=100, revenue=0, price=0.5, roi=0.2)
    assert step["tokens"] == 200 and step["reward_vault"] == 800 and step["short"] == 0
    assert step["roi"] == 0.2


def test_the_fee_vault_pays_what_the_reward_vault_cannot():
    step = ionet_engine_step(100, 30, target=100, revenue=40, price=0.5, roi=0.2)
    # 100 IO are 50 USD, 50 more from 30 + 40
    assert (step["tokens"], step["usd"], step["fee_vault"]) == (100, 50, 20)


def test_an_uncovered_target_lowers_the_return_instead_of_minting():
    step = ionet_engine_step(100, 10, target=100, revenue=0, price=0.5, roi=0.2, roi_cut=0.5)
    assert step["short"] == 40
    assert step["roi"] == pytest.approx(0.2 * (1 - 0.5 * 0.4))


def test_half_of_a_surplus_buys_and_burns():
    step = ionet_engine_step(1000, 0, target=100, revenue=300, price=0.5, roi=0.2)
    assert step["burned"] == 200  # 0.5 * 200 USD at 0.50
    assert step["fee_vault"] == 200 and step["sustainability"] == 3


def test_fees_may_be_drawn_first():
    step = ionet_engine_step(1000, 0, target=100, revenue=60, price=0.5, roi=0.2, fees_first=True)
    assert (step["usd"], step["tokens"]) == (60, 80)


VALUES = st.floats(0, 1e6)


@given(VALUES, VALUES, VALUES, VALUES, st.floats(0.01, 100), st.booleans(), st.floats(0, 1))
def test_the_engine_makes_no_money(reward_vault, fee_vault, target, revenue, price, fees_first, token_share):
    step = ionet_engine_step(
        reward_vault, fee_vault, target, revenue, price, 0.2, token_share, fees_first=fees_first
    )
    scale = max(reward_vault * price, fee_vault + revenue, target, 1.0)
    assert step["usd"] + step["burned"] * price + step["fee_vault"] == pytest.approx(
        fee_vault + revenue, abs=1e-9 * scale
    )
    assert step["tokens"] * price + step["usd"] + step["short"] == pytest.approx(target, abs=1e-9 * scale)
    assert min(step["reward_vault"], step["fee_vault"], step["short"]) >= -1e-9 * scale
    assert 0 <= step["roi"] <= 0.2
