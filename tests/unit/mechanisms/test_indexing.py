"""The Graph's staking, fee and reward rules.

Sources: GC = graphprotocol/contracts@687d928b (2026-08-03). In its packages/contracts-test/tests/unit: RD =
rewards/rewards-distribution.test.ts, RC = rewards/rewards-calculations.test.ts, RB = staking/rebate.test.ts.
"""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simdai.mechanisms import indexing
from simdai.mechanisms.indexing import (
    allocation_capacity,
    curation_tax,
    delegate,
    exponential_rebate,
    fee_stake_lock,
    fee_waterfall,
    indexing_reward_split,
    rebate_increments,
    slash,
    withholding_min_tax,
)

GRT = 10**18
PPM = st.integers(0, 10**6)
WEI = st.integers(0, 10**28)


# --- reward split -----------------------------------------------------------------------------------


def test_the_legacy_cut_is_the_indexers():  # RD: 82.3% of 600 GRT
    assert indexing_reward_split(600 * GRT, 823_000, 2000 * GRT, "legacy") == (
        4938 * GRT // 10,
        1062 * GRT // 10,
    )


def test_the_horizon_cut_is_the_delegators():
    assert indexing_reward_split(600 * GRT, 823_000, True, "horizon") == (1062 * GRT // 10, 4938 * GRT // 10)


def test_the_owner_of_the_cut_is_rounded_down():
    assert indexing_reward_split(999, 500_000, True, "legacy") == (499, 500)
    assert indexing_reward_split(999, 500_000, True, "horizon") == (500, 499)


@pytest.mark.parametrize("regime", ["legacy", "horizon"])
def test_without_delegation_the_indexer_keeps_all(regime):
    assert indexing_reward_split(999, 500_000, 0, regime) == (999, 0)


@pytest.mark.parametrize(("cut", "regime"), [(-1, "legacy"), (10**6 + 1, "horizon"), (0, "forever")])
def test_a_split_out_of_range_is_refused(cut, regime):
    with pytest.raises(ValueError):
        indexing_reward_split(1, cut, True, regime)


@given(WEI, PPM, st.booleans(), st.sampled_from(["legacy", "horizon"]))
def test_a_reward_splits_without_loss(total, cut, delegated, regime):
    parts = indexing_reward_split(total, cut, delegated, regime)
    assert sum(parts) == total and min(parts) >= 0


# --- query-fee rebates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fees", "stake", "alpha", "lam", "rebate"),
    [  # cases of RB; figures by hand from q (1 - alpha exp(-lam s / q))
        (100, 5000, 1, 0.6, 100),  # exponent 30
        (300, 600, 1, 0.6, 300 * (1 - 0.301194211912202)),  # exp(-1.2)
        (1000, 500, 1, 0.6, 1000 * (1 - 0.740818220681718)),  # exp(-0.3)
        (0, 1200, 1, 0.6, 0),
        (100, 0, 1, 0.6, 0),
        (300, 600, 0.25, 0.1, 300 * (1 - 0.25 * 0.818730753077982)),  # exp(-0.2)
        (300, 600, (1, 3), (2, 3), 300 * (1 - 0.263597138115727 / 3)),  # exp(-4/3)
        (1000, 500, 0, 0.6, 1000),
        (1000, 500, 1, 0, 0),
    ],
)
def test_the_rebate_is_that_of_the_contract_tests(fees, stake, alpha, lam, rebate):
    assert exponential_rebate(fees, stake, alpha, lam) == pytest.approx(rebate, rel=1e-12)


def test_an_exponent_of_sixteen_pays_all_and_just_below_does_not():
    assert exponential_rebate(3, 80, 1, 0.6) == 3.0  # 0.6 x 80 / 3 = 16 exactly
    assert exponential_rebate(3, 79.999, 1, 0.6) < 3.0
    assert 3.0 - exponential_rebate(3, 77.5, 1, 0.6) == pytest.approx(3 * math.exp(-15.5), rel=1e-6)


def test_lambda_may_be_given_as_a_fraction():
    assert exponential_rebate(1000, 500, 1, Fraction(3, 5)) == exponential_rebate(
        1000, 500, (10, 10), (6, 10)
    )


@pytest.mark.parametrize(
    "arguments", [(-1, 1, 1, 0.6), (1, -1, 1, 0.6), (1, 1, 1.01, 0.6), (1, 1, 1, -0.6), (1, 1, 1, (6, 0))]
)
def test_a_rebate_out_of_range_is_refused(arguments):
    with pytest.raises(ValueError):
        exponential_rebate(*arguments)


def test_splitting_fees_over_vouchers_gains_nothing():
    payments = rebate_increments([100, 200, 700], 500, 1, 0.6)
    assert sum(payments) == pytest.approx(exponential_rebate(1000, 500, 1, 0.6), rel=1e-12)
    assert payments[0] == pytest.approx(100 * (1 - math.exp(-3)), rel=1e-12)


def test_an_allocation_without_stake_is_paid_no_rebate_even_at_alpha_zero():  # Staking.sol collect, 2024-05
    assert rebate_increments([5, 5], 0, 0, 0.6) == [0.0, 0.0]


@given(
    st.lists(st.floats(0, 1e6), max_size=6),
    st.floats(0, 1e7),
    st.floats(0, 1),
    st.sampled_from([0.1, 0.6, 1]),
)
def test_no_voucher_is_paid_less_than_nothing_or_more_than_itself(vouchers, stake, alpha, lam):
    payments = rebate_increments(vouchers, stake, alpha, lam)
    assert all(0 <= paid <= voucher for paid, voucher in zip(payments, vouchers, strict=True))


# --- fee waterfall and collateral -------------------------------------------------------------------


def test_each_cut_of_the_waterfall_is_taken_from_what_is_left():
    # 1,000: burn 10; 10% of 990 = 99; 20% of 891 = 178.2, up to 179; 712 to the indexer.
    assert fee_waterfall(1000, 10_000, 100_000, 200_000) == (10, 99, 179, 712)


def test_a_fee_of_one_wei_is_burned_whole_because_cuts_round_up():
    assert fee_waterfall(1, 10_000, 100_000, 200_000) == (1, 0, 0, 0)


def test_a_skipped_cut_is_zero_and_leaves_more_to_the_next():
    assert fee_waterfall(1000, 10_000, 100_000, 200_000, curated=False) == (10, 0, 198, 792)
    assert fee_waterfall(1000, 10_000, 100_000, 200_000, delegated=False) == (10, 99, 0, 891)


@given(WEI, PPM, PPM, PPM, st.booleans(), st.booleans())
def test_the_waterfall_sums_to_the_fee_and_cuts_round_up(
    gross, protocol, curation, delegators, curated, delegated
):
    parts = fee_waterfall(gross, protocol, curation, delegators, curated, delegated)
    assert sum(parts) == gross and min(parts) >= 0
    assert 0 <= parts.burned * 10**6 - gross * protocol < 10**6


def test_collected_fees_lock_ten_times_as_much_provision():
    assert fee_stake_lock(7 * GRT) == 70 * GRT
    assert fee_stake_lock(2.5, ratio=5) == 12.5


# --- stake ------------------------------------------------------------------------------------------


def test_delegation_beyond_the_ratio_idles():
    assert allocation_capacity(100_000, 0, 2_000_000) == (1_700_000, 400_000)


def test_thawing_stake_supports_no_delegation():
    assert allocation_capacity(100_000, 40_000, 1_000_000) == (1_020_000, 40_000)


def test_more_thawing_than_provisioned_is_refused():
    with pytest.raises(ValueError):
        allocation_capacity(1, 2, 0)


def test_delegating_to_an_empty_pool_gives_a_share_a_token():
    pool, shares = delegate({"tokens": 0, "shares": 0, "thawing": 0}, 5 * GRT)
    assert (pool, shares) == ({"tokens": 5 * GRT, "shares": 5 * GRT, "thawing": 0}, 5 * GRT)


def test_shares_are_priced_by_tokens_that_do_not_thaw_and_round_down():
    pool, shares = delegate({"tokens": 1100, "shares": 700, "thawing": 100}, 99)
    assert shares == 69  # 99 x 700 / 1000 = 69.3
    assert pool == {"tokens": 1199, "shares": 769, "thawing": 100}


def test_amounts_in_grt_are_not_rounded():
    assert delegate({"tokens": 1100.0, "shares": 700.0, "thawing": 100.0}, 99.0)[1] == pytest.approx(69.3)


def test_a_pool_that_thaws_whole_is_started_afresh():
    assert delegate({"tokens": 50, "shares": 10, "thawing": 50}, 20)[1] == 20


def test_delegating_leaves_the_old_pool_alone():
    old = {"tokens": 10, "shares": 10, "thawing": 0}
    delegate(old, 5)
    assert old == {"tokens": 10, "shares": 10, "thawing": 0}


@pytest.mark.parametrize(
    ("pool", "tokens", "minimum"),
    [
        ({"tokens": 0, "shares": 5, "thawing": 0}, 10, 1),
        ({"tokens": 10.0, "shares": 10.0, "thawing": 0.0}, 0.5, 1),
        ({"tokens": 0, "shares": 0, "thawing": 0}, GRT - 1, GRT),
        ({"tokens": 1000, "shares": 1, "thawing": 0}, 10, 1),
        ({"tokens": 5, "shares": 5, "thawing": 9}, 5, 1),
        ({"tokens": -5, "shares": 5, "thawing": 0}, 5, 1),
    ],
)
def test_a_delegation_that_buys_nothing_is_refused(pool, tokens, minimum):
    with pytest.raises(ValueError):
        delegate(pool, tokens, minimum=minimum)


@given(st.integers(1, 10**27), st.integers(1, 10**27), st.integers(1, 10**27))
def test_a_delegation_never_dilutes_those_before_it(tokens, shares, added):
    assume(added * shares >= tokens)
    pool, issued = delegate({"tokens": tokens, "shares": shares, "thawing": 0}, added)
    assert pool["tokens"] * shares >= tokens * pool["shares"]
    assert issued * tokens <= added * shares


def test_two_and_a_half_percent_of_the_snapshot_is_most_of_a_small_provision():
    # At 16 times delegation: 2.5% of 1,700,000 = 42,500, 42.5% of own stake.
    taken = slash(100_000, 1_600_000, 0.025)
    assert taken.provider == pytest.approx(42_500)
    assert (taken.fisherman, taken.burned) == (pytest.approx(21_250), pytest.approx(21_250))
    assert (taken.provision, taken.delegated) == (pytest.approx(57_500), 1_600_000)


def test_a_slash_beyond_the_provision_spares_delegators_unless_enabled():
    spared, taken = slash(100_000, 1_600_000, 0.1), slash(100_000, 1_600_000, 0.1, delegation_slashing=True)
    assert (spared.provision, spared.delegators, spared.skipped) == (0, 0, pytest.approx(70_000))
    assert (taken.delegators, taken.delegated) == (pytest.approx(70_000), pytest.approx(1_530_000))
    assert spared.fisherman == taken.fisherman == 50_000  # half of what the provision paid
    assert taken.burned == pytest.approx(120_000)


def test_the_arbitrator_cannot_slash_more_than_the_maximum():
    with pytest.raises(ValueError):
        slash(100, 0, 0.11)


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 0.1), st.floats(0, 0.5), st.booleans())
def test_what_is_slashed_is_paid_or_burned(provision, delegated, fraction, cut, enabled):
    taken = slash(provision, delegated, fraction, cut, enabled)
    total = pytest.approx(provision + delegated, rel=1e-12, abs=1e-9)
    assert taken.provision + taken.delegated + taken.fisherman + taken.burned == total
    assert taken.provision >= 0 and taken.delegated >= 0


# --- curation ---------------------------------------------------------------------------------------


def test_the_tax_rounds_down_on_the_first_layer_and_up_on_the_second():
    assert (curation_tax(199, 10_000, 1), curation_tax(199, 10_000, 2)) == (1, 2)
    assert (curation_tax(200, 10_000, "L1"), curation_tax(200, 10_000, "l2")) == (2, 2)


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError):
        curation_tax(1, 1, 3)


@given(WEI, PPM)
def test_the_two_layers_differ_by_at_most_a_wei(deposit, tax):
    low, high = curation_tax(deposit, tax, 1), curation_tax(deposit, tax, 2)
    assert 0 <= high - low <= 1 and low * 10**6 <= deposit * tax <= high * 10**6


def test_withholding_pays_below_less_than_half_a_percent_of_tax():  # GIP-0013 prints 0.46%
    assert withholding_min_tax(10.168e9, 3.684e6, 1.22e-8, 137) == pytest.approx(0.0046, abs=5e-5)


def test_withholding_for_one_block_earns_one_block_of_issuance():
    assert withholding_min_tax(1000, 10, 0.02, 1) == pytest.approx(2.0)  # M i / psi
    assert withholding_min_tax(1000, 10, 0.02, 2) == pytest.approx(100 * (1.02**2 - 1))


def test_a_delegator_prefers_a_lower_cut_at_equal_stake():
    assert indexing.delegation_score(100, 0.2, 1, 9) == pytest.approx(8.0)
    assert indexing.delegation_score(100, 0.1, 1, 9) > indexing.delegation_score(100, 0.2, 1, 9)
