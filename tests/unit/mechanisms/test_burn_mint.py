"""Burn and mint on Render and Akash, against the examples in the proposals and in the chain's own tests."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.burn_mint import (
    RENDER_CM_WEIGHTS,
    best_wash_trade,
    bme_basis_points,
    bme_collateral_ratio,
    bme_convert,
    bme_mint_epoch_blocks,
    bme_retry,
    bme_round_trip,
    bme_status,
    bme_use_credits,
    oracle_price,
    render_availability_score,
    render_client_earned_score,
    render_client_month_pool,
    render_client_pool,
    render_client_score,
    render_client_uptime,
    render_compute_availability,
    render_compute_job_reward,
    render_compute_multiplier,
    render_controller_anchor,
    render_controller_ceiling,
    render_controller_step,
    render_customer_price,
    render_payment_split,
    render_reward_ratio,
    render_salad_flows,
    render_upgrade_payout,
    render_upgrade_points,
    render_wallet_penalty,
    time_weighted_price,
    wash_break_even_ratio,
    wash_trade_profit,
)

# --- Render payments: RNP-021, "Example - Block Purchased Compute" ---


def test_a_render_payment_burns_95_percent_grants_included():
    assert render_payment_split(2400) == (pytest.approx(2280), pytest.approx(120))


def test_the_customer_pays_so_much_that_the_asking_node_is_left_its_ask():
    assert render_customer_price(1.90) == pytest.approx(2.00)
    assert render_payment_split(render_customer_price(1.90))[0] == pytest.approx(1.90)


@given(st.floats(0, 1e12), st.floats(0, 1))
def test_burn_and_fee_make_up_the_payment(usd, fee):
    assert math.fsum(render_payment_split(usd, fee)) == pytest.approx(usd, rel=1e-12)


# --- Availability pool: RNP-015 ---


def test_an_average_node_weighs_seven_when_idle_all_week():
    assert render_availability_score(300, 300, 24, 24, 100, 100, 1.0, 1) == pytest.approx(7.0)


def test_availability_weighs_logarithms_of_score_memory_and_age():
    # 0.5 * (3*2 + 3*1/2 + 1*3) * exp(-0.65)
    score = render_availability_score(400, 20, 4, 16, 1000, 10, 0.5, 4)
    assert score == pytest.approx(0.5 * (6 + 1.5 + 3) * math.exp(-0.65))


@pytest.mark.parametrize(
    ("nodes", "penalty"), [(1, 1.0), (3, 1.0), (4, 0.5220457767610161), (10, 0.010567204383852655)]
)
def test_wallets_are_penalised_above_three_nodes(nodes, penalty):
    assert render_wallet_penalty(nodes) == pytest.approx(penalty, rel=1e-12)  # exp(-0.65), exp(-4.55)


@given(st.integers(4, 60))
def test_splitting_a_wallet_into_threes_raises_its_income(nodes):
    assert nodes * render_wallet_penalty(3) > nodes * render_wallet_penalty(nodes)


def test_a_mean_of_one_cannot_divide_logarithms():
    with pytest.raises(ValueError, match="mean_vram = 1"):
        render_availability_score(300, 300, 24, 1, 100, 100, 1.0, 1)


# --- Compute clients: RNP-006, "Example Scenario" ---


def test_the_example_node_of_rnp_006_scores_as_printed():
    earned = render_client_earned_score(100, 2500)
    assert earned == pytest.approx(0.136)
    assert render_client_score(earned, 0.4, 0.6, 0.95) == pytest.approx(
        0.25 * 0.136 + 0.35 * 0.4 + 0.20 * 0.6 + 0.20 * 0.95
    )


def test_nobody_earning_leaves_everybody_the_floor():
    assert render_client_earned_score(0, 0) == 0.1


def test_time_before_joining_counts_as_down():
    assert render_client_uptime(0.5, 1.0) == 0.5  # "joining half way ... 100% uptime, would be scored at 50%"
    assert render_client_uptime(0.25, 0.8) == pytest.approx(0.2)


def test_the_client_pool_is_capped_at_75_tokens_a_node():
    assert render_client_pool(100_000, 1_000) == 75_000  # RNP-006: "if there are 1,000 qualified nodes"
    assert render_client_pool(100_000, 2_000) == 100_000


def test_later_client_pools_spread_what_remains():
    assert render_client_month_pool(840_852, 10) == pytest.approx(84_085.2)  # RNP-006, January 2024


# --- Upgrade points: RNP-006 ---


def test_the_example_wallet_of_rnp_006_is_paid_as_printed():
    points = render_upgrade_points(100_000, 1_000_000)
    assert points == 500_000
    assert render_upgrade_payout(points, 50_000_000) == pytest.approx(950.71)


def test_points_fall_by_band_and_end_at_230_million():
    assert render_upgrade_points(1, 40_000_000) == 4
    assert render_upgrade_points(1, 229_999_999) == 1
    assert render_upgrade_points(1, 230_000_000) == 0
    # 40 M at 5, 40 M at 4, 60 M at 3, 40 M at 2, 50 M at 1
    assert render_upgrade_points(1e9, 0) == 200e6 + 160e6 + 180e6 + 80e6 + 50e6


def test_an_upgrade_across_an_edge_is_split_at_it():
    assert render_upgrade_points(10, 39_999_995) == 5 * 5 + 5 * 4


@given(st.integers(0, 3 * 10**8), st.integers(0, 10**8), st.integers(0, 10**8))
def test_points_do_not_depend_on_how_an_upgrade_is_cut(before, first, second):
    together = render_upgrade_points(first + second, before)
    assert together == render_upgrade_points(first, before) + render_upgrade_points(second, before + first)


# --- Compute subnet: RNP-019 appendix 4, RNP-021 ---

BASELINE = dict.fromkeys(RENDER_CM_WEIGHTS, 1.0)
UPGRADED = {"gpu": 1.7, "vram": 1.33, "net": 4, "clock": 1.12, "mem_bw": 1.28, "cpu": 1.5}
LOWER = {"gpu": 1, "vram": 1, "net": 0.25, "clock": 0.68, "mem_bw": 0.66, "cpu": 1}


@pytest.mark.parametrize(("scores", "multiplier"), [(BASELINE, 0.97), (UPGRADED, 1.8098), (LOWER, 0.8047)])
def test_compound_multipliers_are_the_printed_examples(scores, multiplier):
    assert render_compute_multiplier(**scores) == pytest.approx(multiplier, rel=1e-12)


def test_a_factor_left_out_adds_nothing_and_another_is_refused():
    without = {name: score for name, score in BASELINE.items() if name != "net"}
    assert render_compute_multiplier(**without) == pytest.approx(0.82)
    with pytest.raises(ValueError, match="ram: no such factor"):
        render_compute_multiplier(ram=1)


def test_compute_job_rewards_are_the_printed_examples():
    assert render_compute_job_reward(1.8098, 100, 10) == pytest.approx(10.77, abs=0.005)
    assert render_compute_job_reward(5.0, 100, 25) == pytest.approx(74.40, abs=0.01)
    assert render_compute_job_reward(1.0, 168, 25) == 25


def test_compute_availability_is_prorated_by_uptime():
    assert render_compute_availability(0.5) == 1.0
    assert render_compute_availability(0.995) == pytest.approx(1.99)


# --- Salad: RNP-023, examples ---


@pytest.mark.parametrize(
    ("product", "price", "burned", "rewarded", "excess"),
    [
        ((0.60, 0.56), 2.00, 300, 280, 0.0714),
        ((0.60, 0.56), 2.10, 300, 266.67, 0.125),
        ((0.60, 0.56), 1.90, 300, 294.74, 0.0179),
        ((0.35, 0.31), 2.00, 175, 155, 0.1290),
        ((0.35, 0.31), 2.10, 175, 147.62, 0.1855),
        ((0.35, 0.31), 1.90, 175, 163.16, 0.0726),
    ],
)
def test_salad_flows_are_the_printed_scenarios(product, price, burned, rewarded, excess):
    flows = render_salad_flows(1000, *product, p_burn=2.00, p_work=price)
    assert flows["burned"] == pytest.approx(burned)
    assert flows["rewarded"] == pytest.approx(rewarded, abs=0.005)
    assert flows["net_burn"] == pytest.approx(burned - rewarded, abs=0.005)
    assert flows["excess_share"] == pytest.approx(excess, abs=1e-4)


@pytest.mark.parametrize(("burn", "reward"), [(0.60, 0.56), (0.35, 0.31)])
def test_the_sign_of_the_supply_change_flips_with_the_price_path(burn, reward):
    edge = reward / burn
    assert render_salad_flows(1.0, burn, reward, 1.0, edge * 1.001)["net_burn"] > 0
    assert render_salad_flows(1.0, burn, reward, 1.0, edge * 0.999)["net_burn"] < 0


# --- The controller of RNP-020 ---


def test_the_anchor_of_the_walk_through_is_about_the_printed_one():
    anchor = render_controller_anchor(12_125, -0.1513, 1.576, 1.005)
    assert anchor == pytest.approx(16_293, rel=1e-3)  # printed with rounded steps
    assert render_controller_step(15_000, anchor) == 15_000  # "unchanged at 15,000 RENDER"


def test_a_pool_above_three_anchors_is_cut_as_in_the_floor_example():
    assert render_controller_step(15_000, 4_999) == 13_600  # "a rebalance 10% lower to 13,600"
    assert render_controller_step(15_000, 5_000) == 15_000  # exactly three anchors is inside the band


@pytest.mark.parametrize(
    ("current", "anchor", "streak", "pool"),
    [
        (15_000, 16_499, 0, 15_000),  # 9.99 % is inside the buffer
        (15_000, 16_500, 0, 16_500),  # exactly 10 % is not
        (15_000, 20_000, 0, 16_500),  # wanted 35 %, capped at 10 %
        (15_000, 20_000, 1, 18_000),  # capped at 20 %
        (15_000, 17_400, 3, 17_200),  # wanted 16 %, nearest 15 %: 17,250, half to even
        (15_000, 3_000, 2, 11_500),  # wanted 400 %, capped at 30 %: 11,538
        (15_000, 4_500, 20, 4_800),  # wanted 233 %, capped at 210 %: 4,838.7
        (10_000, 0, 0, 9_100),  # nothing burned: the cap, 9,091
    ],
)
def test_the_controller_moves_in_capped_steps_of_five_percent(current, anchor, streak, pool):
    assert render_controller_step(current, anchor, streak) == pool


@given(st.integers(1_000, 10**6), st.integers(0, 10**6), st.integers(0, 10))
def test_the_controller_never_moves_beyond_its_cap_nor_past_a_hundred_tokens_rounding(
    current, anchor, streak
):
    pool = render_controller_step(current, anchor, streak)
    cap = 1 + (1 + streak) / 10
    assert current / cap - 50 <= pool <= current * cap + 50


def test_the_ceiling_follows_its_formula():
    # 376,000 / 1.9 * (1/1.3)^2; RNP-020 prints 96k for the same inputs
    assert render_controller_ceiling(376_000, 1.9, 0.1488, 0.1488) == pytest.approx(117_097.5, abs=0.1)


# --- Wash trading ---


def test_wash_trading_pays_above_one_over_one_minus_fee():
    assert wash_break_even_ratio() == pytest.approx(1.053, abs=5e-4)
    pool, price, spend = 15_000, 2.0, 30_000 / 1.01
    assert render_reward_ratio(pool, price, spend) > wash_break_even_ratio()
    assert wash_trade_profit(1.0, spend - 1.0, pool, price) > 0
    assert wash_trade_profit(1.0, 30_001, pool, price) < 0


def test_the_best_wash_trade_closes_the_gap_at_the_root():
    # J P = 40,000, others 10,000: sqrt(4e8) - 10,000
    assert best_wash_trade(10_000, 20_000, 2.0) == pytest.approx(10_000)
    assert wash_trade_profit(10_000, 10_000, 20_000, 2.0) == pytest.approx(10_000)
    assert best_wash_trade(50_000, 20_000, 2.0) == 0


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(0.1, 10), st.floats(-0.5, 0.5))
def test_no_other_spend_beats_the_best_wash_trade(other, pool, price, shift):
    best = best_wash_trade(other, pool, price)
    rival = max(best * (1 + shift), 0)
    assert wash_trade_profit(rival, other, pool, price) <= wash_trade_profit(best, other, pool, price) + 1e-6


# --- Akash's credit. Source: akash-network/node@3efe26bf x/bme/keeper/burn_mint_test.go, AKT at 3.00 USD ---


@pytest.mark.parametrize("amount", [1, 3])  # 3 * 0.333333333333333333 = 0.999999999999999999
def test_a_conversion_below_one_unit_is_cancelled_with_its_whole_amount(amount):
    assert bme_convert(amount, 1, 3) == {
        "reason": "epsilon",
        "out": 0,
        "spread": 0,
        "received": 0,
        "refund": amount,
    }


def test_four_credits_are_the_least_that_convert():
    assert bme_convert(4, "1.0", "3.0")["received"] == 1


def test_a_million_credits_convert_at_the_rounded_rate():
    assert bme_convert(1_000_000, 1, 3)["out"] == 333_333
    assert bme_convert(3 * 10**18, 1, 3)["out"] == 999_999_999_999_999_999  # dividing would give 10^18


def test_the_spread_stays_in_the_vault_and_is_taken_of_the_unfloored_product():
    settled = bme_convert(1_000_000, 1, 3, spread_bps=100)
    assert (settled["out"], settled["spread"], settled["received"]) == (333_333, 3_333, 330_000)
    small = bme_convert(4, 1, 3, spread_bps=1000)
    assert (small["out"], small["spread"], small["received"]) == (1, 0, 1)


def test_a_conversion_below_the_minimum_is_cancelled():
    assert bme_convert(1_000_000, 1, 3, min_mint=500_000)["reason"] == "minimum_mint"
    assert bme_convert(9_999_999, 1, 1, 25, 10_000_000)["refund"] == 9_999_999
    minted = bme_convert(10_000_000, 1, 1, 25, 10_000_000)
    assert minted["received"] == 9_975_000


def test_nothing_to_convert_is_cancelled_and_a_price_of_zero_is_refused():
    assert bme_convert(0, 1, 3)["reason"] == "invalid_amount"
    with pytest.raises(ValueError, match="price_to = 0"):
        bme_convert(1, 1, 0)


def test_aep_76_mints_and_redeems_as_in_its_one_concrete_flow():
    # 1,000 USD at 1.14: 877.192982 AKT locked; 666.666667 AKT paid at 1.50
    assert bme_convert(877_192_982, "1.14", 1)["out"] == 999_999_999
    assert bme_convert(1_000_000_000, 1, "1.5")["out"] == 666_666_666  # printed rounded, 666.666667
    assert bme_use_credits(877_192_982, 666_666_666) == {
        "from_credits": 666_666_666,
        "minted": 0,
        "left": 210_526_316,
    }


def test_credits_are_used_first_and_the_shortfall_is_minted():
    # AEP-76: 10 M USD from 8,771,929 AKT, redeemed at 0.90 as 11,111,111 AKT
    used = bme_use_credits(8_771_929, 11_111_111)
    assert used == {"from_credits": 8_771_929, "minted": 2_339_182, "left": 0}


@pytest.mark.parametrize(("redeem", "delta"), [(1.50, -210.526316), (0.90, 233.918129)])
def test_a_round_trip_changes_supply_as_in_aep_76(redeem, delta):
    trip = bme_round_trip(1000, 1.14, redeem)
    assert trip["locked"] == pytest.approx(877.192982, abs=5e-7)
    assert trip["paid"] == pytest.approx(1000 / redeem)
    assert trip["delta"] == pytest.approx(delta, abs=5e-7)


@given(
    st.integers(1, 10**15),
    st.fractions(Fraction(1, 100), Fraction(100)),
    st.integers(0, 1000),
)
def test_every_converted_unit_goes_to_the_user_or_the_vault(amount, price, spread_bps):
    done = bme_convert(amount, price, 1, spread_bps)
    assert done["received"] + done["spread"] == done["out"]
    assert (done["refund"] == amount) == (done["reason"] is not None)
    assert done["out"] <= amount * price + Fraction(amount, 10**18)


def test_a_request_is_retried_and_cancelled_at_the_third_failure():
    # burn_mint_test.go TestExecuteBurnMint_MaxAttempts_CancelsAfterRetries
    assert bme_retry(0) == ([0], "executed")
    assert bme_retry(1) == ([1, 0], "executed")
    assert bme_retry(2) == ([1, 1, 0], "executed")
    assert bme_retry(3) == ([1, 1, 0], "max_attempts")
    assert bme_retry(9) == ([1, 1, 0], "max_attempts")
    assert bme_retry(1, max_attempts=1) == ([0], "max_attempts")


# keeper_test.go TestCalculateBlocksDiff_*: (cr, backoff percent, min blocks) -> blocks
EPOCHS = [
    (9600, 10, 10, 10), (9500, 10, 10, 10), (9495, 10, 10, 10), (9491, 10, 10, 10), (9490, 10, 10, 11),
    (9480, 10, 10, 12), (9450, 10, 10, 16), (9400, 10, 10, 25), (9300, 10, 10, 67), (9200, 10, 10, 174),
    (9100, 10, 10, 452), (9000, 10, 10, 1173), (8900, 10, 10, 3044), (0, 10, 10, 14400), (9000, 0, 10, 10),
    (9490, 100, 10, 20), (9400, 100, 10, 10240), (9390, 100, 10, 14400), (9300, 50, 10, 14400),
    (9490, 1, 10, 10), (9400, 1, 10, 11), (9000, 1, 10, 16), (9490, 10, 100, 110),
]  # fmt: skip


@pytest.mark.parametrize(("cr", "backoff", "least", "blocks"), EPOCHS)
def test_mint_epochs_lengthen_as_in_the_keepers_own_tests(cr, backoff, least, blocks):
    assert bme_mint_epoch_blocks(cr, backoff, min_blocks=least) == blocks


def test_the_collateral_ratio_is_the_example_of_aep_76():
    assert bme_collateral_ratio(8.77e6, 1.20, 10e6) == pytest.approx(1.0524)  # printed 1.053
    assert bme_basis_points(1.0524) == 10_524


def test_without_credit_outstanding_a_funded_vault_is_healthy_and_an_empty_one_halts():
    assert bme_status(bme_basis_points(bme_collateral_ratio(1, 1.0, 0)))["status"] == "healthy"
    assert bme_status(bme_basis_points(bme_collateral_ratio(0, 1.0, 0)))["status"] == "halt_cr"


@pytest.mark.parametrize(
    ("cr", "status", "mint", "redeem"),
    [(9501, "healthy", True, True), (9500, "warning", True, True), (9001, "warning", True, True),
     (9000, "halt_cr", False, True), (0, "halt_cr", False, True)],
)  # fmt: skip
def test_low_collateral_halts_minting_only(cr, status, mint, redeem):
    assert bme_status(cr) == {"status": status, "mint": mint, "redeem": redeem}


def test_a_stale_oracle_halts_both_ways():
    assert bme_status(20_000, oracle_healthy=False) == {
        "status": "halt_oracle",
        "mint": False,
        "redeem": False,
    }


def test_basis_points_are_rounded_down():
    assert bme_basis_points(0.95) == 9500
    assert bme_basis_points(0.94999) == 9499
    assert bme_basis_points(math.inf) == 2**32 - 1


# --- The oracle. Rule: akash-network/node@3efe26bf x/oracle/keeper ---


def test_a_time_weighted_price_covers_the_whole_window():
    # 2.0 for 3 s from the window's start (set long before), then 4.0 for 2 s
    assert time_weighted_price([(0, 2.0), (98, 4.0)], now=100, window=5) == pytest.approx(2.8)


def test_quotes_at_one_instant_are_averaged():
    assert time_weighted_price([(100, 2.0), (100, 4.0)], now=100, window=0) == pytest.approx(3.0)


def test_future_quotes_do_not_count():
    assert time_weighted_price([(99, 2.0), (101, 9.0)], now=100) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="at least one quote"):
        time_weighted_price([(101, 9.0)], now=100)


def test_a_source_is_stale_after_thirty_seconds():
    assert oracle_price({"pyth": [(70, 1.5)]}, now=100)["healthy"]
    stale = oracle_price({"pyth": [(69, 1.5)]}, now=100)
    assert stale == {"price": None, "median": None, "deviation_bps": 0, "sources": 0, "healthy": False}


def test_sources_are_averaged_while_they_agree_within_150_basis_points():
    near = oracle_price({"a": [(99, 1.000)], "b": [(99, 1.015)]}, now=100)
    assert near["price"] == pytest.approx(1.0075)
    assert near["deviation_bps"] == 150 and near["healthy"]
    far = oracle_price({"a": [(99, 1.000)], "b": [(99, 1.0151)]}, now=100)
    assert far["deviation_bps"] == 151 and not far["healthy"]


def test_the_median_is_of_latest_prices_and_the_price_of_weighted_ones():
    sources = {"a": [(96, 1.0), (99, 1.01)], "b": [(95, 1.0)], "c": [(95, 1.005)]}
    result = oracle_price(sources, now=100)
    assert result["median"] == pytest.approx(1.005)
    # a: 1.00 for 3 s, 1.01 for 1 s over the 4 s it has been quoted
    assert result["price"] == pytest.approx((1.0025 + 1.0 + 1.005) / 3)


def test_too_few_sources_are_unhealthy():
    assert not oracle_price({"a": [(99, 1.0)]}, now=100, min_sources=2)["healthy"]
