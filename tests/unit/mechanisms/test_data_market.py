"""Ocean's exchange, orders, compute, farming, Predictoor and vote-escrow rules.

Sources: OC = oceanprotocol/contracts@1c779f90 (2026-06-29); DF = oceanprotocol/df-py@96a246f2 (2026-02-24),
its tests under df_py/volume/test, df_py/util/test and df_py/predictoor/test.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.data_market import (
    asi_convert,
    asi_implied_supply,
    compute_job_price,
    fixed_rate_swap,
    order_datatoken_split,
    predictoor_collector,
    predictoor_farming,
    predictoor_payout,
    predictoor_slot_revenue,
    predictoor_soonest_slot,
    rank_shares,
    ve_balance,
    ve_unlock,
    volume_multiplier,
    volume_rewards,
)

WEI = 10**18
YEAR = 365 * 86_400
FEES = st.one_of(st.just(0), st.integers(10**14, 5 * 10**17))


# --- fixed-rate exchange ----------------------------------------------------------------------------


def test_a_buyer_pays_the_base_amount_and_three_fees_on_it():
    # 2 datatokens at 3 = 6; 0.1% = 0.006, 1% = 0.06, 2% = 0.12
    swap = fixed_rate_swap(2 * WEI, 3 * WEI, WEI // 1000, WEI // 100, WEI // 50, "buy")
    assert swap == (6_186 * WEI // 1000, 6 * WEI, 6 * WEI // 1000, 6 * WEI // 100, 12 * WEI // 100)


def test_a_seller_receives_the_base_amount_less_three_fees():
    swap = fixed_rate_swap(2 * WEI, 3 * WEI, WEI // 1000, WEI // 100, WEI // 50, "sell")
    assert (swap.total, swap.base) == (5_814 * WEI // 1000, 6 * WEI)


def test_every_division_of_a_swap_rounds_down():
    # 1 wei at 1.5 is 1; 0.2% of 999 is 1.998, so 1
    assert fixed_rate_swap(1, 15 * WEI // 10, 0, 0, 0, "buy").base == 1
    assert fixed_rate_swap(999, WEI, 2 * WEI // 1000, 0, 0, "buy") == (1000, 999, 1, 0, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        (0, WEI, 0, 0, 0, "buy"),
        (WEI, 10**10 - 1, 0, 0, 0, "buy"),
        (WEI, WEI, 0, 10**14 - 1, 0, "buy"),
        (WEI, WEI, 0, 0, WEI // 2 + 1, "buy"),
        (WEI, WEI, WEI // 1000, WEI // 2, WEI // 2, "sell"),
        (WEI, WEI, 0, 0, 0, "lend"),
    ],
)
def test_a_swap_the_contract_would_revert_is_refused(arguments):
    with pytest.raises(ValueError):
        fixed_rate_swap(*arguments)


@given(st.integers(1, 10**24), st.integers(10**10, 10**24), FEES, FEES)
def test_a_round_trip_costs_twice_the_fees(datatokens, rate, publish, consume):
    opc = WEI // 1000
    buy = fixed_rate_swap(datatokens, rate, opc, publish, consume, "buy")
    assert buy.total == buy.base + buy.community + buy.publish + buy.consume
    if buy.total <= 2 * buy.base:
        sell = fixed_rate_swap(datatokens, rate, opc, publish, consume, "sell")
        assert buy.total - sell.total == 2 * (buy.total - buy.base)


# --- orders and compute -----------------------------------------------------------------------------


def test_an_order_sends_three_hundredths_of_its_datatoken_to_the_community():
    assert order_datatoken_split() == (0.03, 0.97)
    assert order_datatoken_split(WEI, 3 * WEI // 100) == (3 * WEI // 100, 97 * WEI // 100)


def test_a_fee_above_the_datatoken_is_refused():
    with pytest.raises(ValueError):
        order_datatoken_split(0.02)


def test_a_compute_job_pays_started_minutes_of_each_priced_resource():
    resources = {"cpu": 4, "ram": 8, "disk": 100, "gpu": 1}
    prices = {"cpu": 1, "ram": 0.5, "gpu": 10}  # disk is free
    assert compute_job_price(61, resources, prices) == 2 * (4 + 4 + 10)
    assert compute_job_price(60, resources, prices) == 18
    assert compute_job_price(0, resources, prices) == 0


def test_a_negative_duration_is_refused():
    with pytest.raises(ValueError):
        compute_job_price(-1, {}, {})


# --- rank and volume --------------------------------------------------------------------------------


def test_linear_ranks_share_by_sixths():  # DF test_rank.py
    assert rank_shares([10.0, 99.0, 3.0], "LIN") == pytest.approx([2 / 6, 3 / 6, 1 / 6])


def test_logarithmic_ranks_are_those_of_the_upstream_test():  # DF test_rank.py, printed to six digits
    assert rank_shares([10.0, 99.0, 3.0]) == pytest.approx([0.298084, 0.552874, 0.149042], rel=1e-5)


@pytest.mark.parametrize(
    ("op", "weights"),
    [
        ("LOG", [math.log10(3) + math.log10(1.5), math.log10(1.5) + math.log10(1.5), math.log10(1.5)]),
        ("SQRT", [math.sqrt(3), math.sqrt(3) - math.sqrt(2) + 1, 1]),
        ("POW2", [9, 4, 1]),
        ("POW4", [81, 16, 1]),
    ],
)
def test_every_scale_weighs_three_ranks_as_defined(op, weights):
    assert rank_shares([3, 2, 1], op) == pytest.approx([w / sum(weights) for w in weights])


def test_ties_share_the_best_rank_and_the_next_volume_skips_places():
    # ranks 1, 1, 3: LIN weights 3, 3, 1
    assert rank_shares([5, 5, 4], "LIN") == pytest.approx([3 / 7, 3 / 7, 1 / 7])


def test_ranks_above_the_maximum_get_nothing():
    assert rank_shares([4, 3, 2, 1], "LIN", max_ranked=2) == pytest.approx([2 / 3, 1 / 3, 0, 0])


def test_ties_at_the_last_rank_kept_are_all_kept():
    # ranks 1, 2, 2, 4; two are kept, the worst kept rank is 2
    assert rank_shares([9, 5, 5, 1], "LIN", max_ranked=2) == pytest.approx([2 / 4, 1 / 4, 1 / 4, 0])


def test_no_assets_have_no_shares():
    assert rank_shares([]) == []


@pytest.mark.parametrize("arguments", [([32.0, 0.0, 15.0],), ([-1.0],), ([1.0], "CUBE"), ([1.0], "LOG", 0)])
def test_a_ranking_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(ValueError):
        rank_shares(*arguments)


@given(
    st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=150),
    st.sampled_from(["LOG", "LIN", "SQRT", "POW2", "POW4"]),
)
def test_rank_shares_sum_to_one_and_follow_volume(volumes, op):
    shares = rank_shares(volumes, op)
    assert sum(shares) == pytest.approx(1)
    by_volume = [share for _, share in sorted(zip(volumes, shares, strict=True))]
    assert by_volume == sorted(by_volume)


@pytest.mark.parametrize(
    ("week", "feed", "bound"),
    [  # DF test_dcv_multiplier.py; 1 - 0.0485 x 11 = 0.4665, x 19 = 0.0785
        (8, False, math.inf),
        (9, False, 1.0),
        (20, False, 0.4665),
        (28, False, 0.0785),
        (29, False, 0.001),
        (81, True, 0.201),
        (82, True, 1.005),
        (-10, True, 0.201),
    ],
)
def test_the_volume_bound_falls_with_the_week(week, feed, bound):
    assert volume_multiplier(week, feed) == pytest.approx(bound)


def rewards(ve, volume, budget, *, locked=None, week=5, owners=None, rank=False, token=1.0, feeds=()):
    locked = ve if locked is None else locked
    owners = {} if owners is None else owners
    return volume_rewards(ve, locked, volume, token, budget, week, owners, bool(owners), rank, feeds)


def test_two_equal_stakers_share_the_budget():  # DF test_calc_rewards.py, test_two_lps_simple
    assert rewards({"a": {"x": 1e5, "y": 1e5}}, {"a": 1.0}, 10.0) == {"a": {"x": 5.0, "y": 5.0}}


def test_the_budget_follows_volume_in_dollars():
    # DF, test_two_basetokens_OCEAN_and_H2O: 40 OCEAN at 0.5 and 12.5 H2O at 1.6 are 20 USD each
    ve = {"a": {"x": 5000.0}, "b": {"x": 5000.0}}
    assert rewards(ve, {"a": 20.0, "b": 20.0}, 10.0) == {"a": {"x": 5.0}, "b": {"x": 5.0}}


def test_an_asset_without_volume_takes_no_budget():  # DF, test_two_nfts_one_with_volume
    ve = {"a": {"x": 1e4, "y": 1e4}, "b": {"z": 1e4}}
    assert rewards(ve, {"a": 1.0}, 10.0) == {"a": {"x": 5.0, "y": 5.0}}


def test_an_asset_without_stake_takes_no_rank():
    ve = {"a": {"x": 1e4}, "b": {"x": 0.0}}
    assert rewards(ve, {"a": 1.0, "b": 9.0, "c": 9.0}, 10.0, rank=True) == {"a": {"x": 10.0}}


def test_a_publishers_stake_on_its_own_asset_counts_twice():  # DF, test_two_LPs__two_NFTs__two_LPs_created
    ve = {"a": {"x": 50e3, "y": 100e3}, "b": {"x": 100e3, "y": 50e3}}
    got = rewards(ve, {"a": 1.0, "b": 1.0}, 10.0, owners={"a": "x", "b": "y"})
    assert got == {"a": {"x": 2.5, "y": 2.5}, "b": {"x": 2.5, "y": 2.5}}


def test_the_yield_cap_bounds_by_tokens_locked_and_not_by_doubled_stake():  # DF, test_bound_APY_one_nft
    assert rewards({"a": {"x": 1.0}}, {"a": 1.0}, 1e4) == {"a": {"x": 0.015717}}
    got = rewards({"a": {"x": 1.0}}, {"a": 1.0}, 1e4, owners={"a": "x"})
    assert got == {"a": {"x": 0.015717}}


def test_a_dominant_asset_takes_its_volume_share():
    # DF, test_bound_APY_two_nfts__high_stake__one_nft_dominates_DCV
    ve = {"a": {"x": 1e6}, "b": {"y": 1e6}}
    assert rewards(ve, {"a": 1.0, "b": 9999.0}, 1e4) == {"a": {"x": 1.0}, "b": {"y": pytest.approx(9999.0)}}


def test_volume_bounds_rewards_and_the_rest_is_not_given_out():  # DF, test_bound_by_DCV_1nft_1account
    assert rewards({"a": {"x": 1e6}}, {"a": 100.0}, 1e4, week=9) == {"a": {"x": 100.0}}
    assert rewards({"a": {"x": 1e6}}, {"a": 50.0}, 1e4, week=9, token=0.5) == {"a": {"x": 100.0}}


def test_a_predictoor_feed_has_its_own_bound():  # DF, test_custom_multipliers
    got = rewards({"a": {"x": 1e6}}, {"a": 100.0}, 1e4, week=30, feeds={"a"})
    assert got == {"a": {"x": pytest.approx(20.1)}}


def test_a_negligible_reward_is_dropped():  # DF, test_two_lps_one_with_negligible_stake
    assert list(rewards({"a": {"x": 1e4, "y": 1e-10}}, {"a": 1.0}, 10.0)["a"]) == ["x"]
    assert rewards({"a": {"x": 1.0}}, {"a": 1.0}, 1e-6) == {"a": {"x": 1e-6}}
    assert rewards({"a": {"x": 1.0}}, {"a": 1.0}, 0.99e-6) == {}


def test_three_ranked_assets_of_equal_volume_share_equally():
    # DF test_calc_rewards_rank.py, test_rank_3_nfts
    ve = {name: {name: 1000.0} for name in "abc"}
    got = rewards(ve, dict.fromkeys("abc", 1.0), 10.0, rank=True)
    assert [got[name][name] for name in "abc"] == pytest.approx([10 / 3] * 3)


def test_no_volume_pays_nothing():  # DF, test_divide_by_zero
    assert rewards({"a": {"x": 1e4}}, {"a": 0.0}, 1e4) == {}
    assert rewards({"a": {"x": 1e4}}, {}, 1e4, rank=True) == {}


STAKES = st.dictionaries(
    st.sampled_from("abcd"),
    st.dictionaries(st.sampled_from("xyz"), st.floats(0, 1e7), max_size=3),
    max_size=4,
)
VOLUMES = st.dictionaries(st.sampled_from("abcd"), st.floats(1e-3, 1e7), max_size=4)


@given(STAKES, VOLUMES, st.floats(0, 1e6), st.integers(1, 120), st.booleans(), st.floats(0.01, 10))
def test_farming_never_spends_more_than_its_three_bounds(ve, volume, budget, week, rank, token):
    got = rewards(ve, volume, budget, week=week, rank=rank, token=token, owners={"a": "x"})
    paid = [(a, who, amount) for a, by_staker in got.items() for who, amount in by_staker.items()]
    assert sum(amount for *_, amount in paid) <= budget * (1 + 1e-12)
    assert all(1e-6 <= amount <= 0.015717 * ve[a][who] for a, who, amount in paid)
    for asset, by_staker in got.items():
        bound = volume[asset] / token * volume_multiplier(week, False)
        assert sum(by_staker.values()) <= bound * (1 + 1e-12)


# --- Predictoor -------------------------------------------------------------------------------------

UP = {"a": True, "b": True, "c": False}


def test_winners_share_all_stakes_and_the_revenue_of_the_slot():
    # 60 staked + 6 of revenue over 40 of winning stake: 1.65 each
    got = predictoor_payout({"a": 10.0, "b": 30.0, "c": 20.0}, UP, True, 6.0)
    assert got == {"a": pytest.approx(16.5), "b": pytest.approx(49.5), "c": 0.0}


def test_a_cancelled_slot_refunds_every_stake():
    assert predictoor_payout({"a": 10.0, "c": 20.0}, UP, None, 6.0) == {"a": 10.0, "c": 20.0}
    assert predictoor_collector({"a": 10.0, "c": 20.0}, UP, None, 6.0) == 0


def test_when_all_are_wrong_the_collector_gets_the_stakes_and_not_the_revenue():
    assert predictoor_payout({"a": 10.0, "b": 5.0}, UP, False, 6.0) == {"a": 0.0, "b": 0.0}
    assert predictoor_collector({"a": 10.0, "b": 5.0}, UP, False, 6.0) == 15.0


def test_without_stakes_the_collector_redeems_the_revenue():
    assert predictoor_collector({}, {}, True, 6.0) == 6.0


def test_a_stake_without_a_prediction_is_refused():
    with pytest.raises(ValueError):
        predictoor_payout({"a": 1.0}, {}, True)


@given(
    st.dictionaries(
        st.integers(0, 9),
        st.tuples(st.just(0.0) | st.floats(1e-18, 1e9), st.booleans()),  # a wei or more
        min_size=1,
        max_size=10,
    ),
    st.sampled_from([True, False, None]),
    st.floats(0, 1e6),
)
def test_a_slot_pays_out_what_came_in(bets, truth, revenue):
    stakes = {who: stake for who, (stake, _) in bets.items()}
    predictions = {who: up for who, (_, up) in bets.items()}
    out = sum(predictoor_payout(stakes, predictions, truth, revenue).values())
    out += predictoor_collector(stakes, predictions, truth, revenue)
    assert out <= (sum(stakes.values()) + revenue) * (1 + 1e-12)
    assert out >= sum(stakes.values()) * (1 - 1e-12)


def test_farming_gives_every_feed_the_same_and_keeps_what_nobody_earned():
    # DF test_predictoor_calc_rewards.py, test_calc_predictoor_rewards_with_predictions: 100 over two feeds
    net = {"f": {"p": 1.0}, "g": {"q": 2.5, "r": 1.5}}
    assert predictoor_farming(100, ["f", "g"], net) == {"f": {"p": 50.0}, "g": {"q": 31.25, "r": 18.75}}
    assert predictoor_farming(1000, ["f", "g"], {"f": {"p": -7.5}}) == {"f": {}, "g": {}}


def test_farming_drops_rewards_below_a_femto_ocean():
    assert predictoor_farming(1, ["f"], {"f": {"p": 1e-16, "q": 1.0}}) == {"f": {"q": pytest.approx(1.0)}}


def test_a_prediction_must_come_two_slots_ahead():
    assert predictoor_soonest_slot(1_700_000_123, 300) == 1_700_000_100 + 600
    assert predictoor_soonest_slot(1_700_000_100, 300) == 1_700_000_100 + 600


def test_a_subscription_spreads_its_price_over_its_slots_rounding_down():
    assert predictoor_slot_revenue(1000, 86_400, 300) == 3  # 288 slots
    with pytest.raises(ValueError):
        predictoor_slot_revenue(1000, 1000, 300)


# --- vote-escrow and merger -------------------------------------------------------------------------


def test_a_lock_ends_on_a_whole_week_since_1970():
    assert ve_unlock(1_700_000_000) == 1_699_488_000  # 2,810 weeks
    assert ve_unlock(1_699_488_000) == 1_699_488_000


def test_the_slope_of_a_lock_is_floored_and_its_product_is_not():
    # 1e18 / 126,144,000 = 7,927,447,995.94 a second
    assert ve_balance(WEI, 1000, 0) == 7_927_447_995_000
    assert ve_balance(126_143_999, 1000, 0) == 0


def test_a_lock_of_four_years_counts_nearly_in_full_and_an_ended_one_not_at_all():
    assert 0 <= WEI - ve_balance(WEI, 4 * YEAR, 0) < 4 * YEAR
    assert ve_balance(WEI, 1000, 1000) == ve_balance(WEI, 1000, 2000) == 0


def test_a_lock_longer_than_four_years_is_refused():
    with pytest.raises(ValueError):
        ve_balance(WEI, 4 * YEAR + 1, 0)


@pytest.mark.parametrize("arguments", [(-1,), (1.5,), (1, 0)])
def test_an_unlock_time_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        ve_unlock(*arguments)


def test_the_merger_converts_at_its_rates():
    assert asi_convert("OCEAN", 1000) == pytest.approx(433.226)
    assert asi_convert("agix", 1000) == pytest.approx(433.350)
    assert asi_convert("FET", 5) == 5
    with pytest.raises(ValueError):
        asi_convert("CUDOS", 1)


def test_the_fet_minted_implies_the_supplies_of_ocean_and_agix():
    implied = asi_implied_supply(1_477_549_566, 610_849_199, 0.433226, 0.433350)
    assert implied.ocean == pytest.approx(1.410e9, rel=1e-4)
    assert implied.agix == pytest.approx(2.000e9, rel=1e-4)
