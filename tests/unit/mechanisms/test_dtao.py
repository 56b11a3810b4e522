"""Bittensor's emission between and inside subnets, registration and removal: the chain's tests, and by hand.

ST is opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/subtensor/src/tests.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms import dtao

TAO = 10**9
UNBOUNDED = {"minimum": 0, "maximum": 2**64 - 1}

# --- the block emission


@pytest.mark.parametrize(
    ("issued_tao", "rao"),
    [
        (0, TAO),
        (10_499_999, TAO),
        (10_500_000, TAO // 2),  # first halving, December 2025
        (15_750_000, TAO // 4),
        (18_375_000, TAO // 8),
        (20_999_999, TAO >> 24),  # 21 million parts are left per part: 24 halvings
        (21_000_000, 0),
        (22_000_000, 0),
    ],
)
def test_the_block_emission_halves_at_the_middle_of_what_is_left(issued_tao, rao):
    assert dtao.block_emission(issued_tao * TAO) == rao


def test_one_rao_before_a_threshold_the_emission_is_still_whole():
    assert dtao.block_emission(10_500_000 * TAO - 1) == TAO


def test_halved_emissions_are_rounded_down():
    assert dtao.block_emission(15_750_000 * TAO, base_rao=7) == 1


@pytest.mark.parametrize("issuance", [-1, 0.5])
def test_an_issuance_that_is_negative_or_broken_is_refused(issuance):
    with pytest.raises(ValueError, match="issuance_rao"):
        dtao.block_emission(issuance)


@pytest.mark.parametrize(
    "call",
    [
        lambda: dtao.price_ema(-1, 1, 1),
        lambda: dtao.price_ema(1, 1, -1),
        lambda: dtao.root_proportion(0.18, -1, 1),
        lambda: dtao.injection_terms(1, 1, 1.5, 1),
        lambda: dtao.injection_terms(1, 1, 0.5, -1),
        lambda: dtao.alpha_out_split(-1, 0.18, 0.1, True),
        lambda: dtao.alpha_out_split(1, 1.1, 0.1, True),
        lambda: dtao.dividend_distribution(-1, 1, 0.18, {}, {}),
        lambda: dtao.dividend_distribution(1, 1, 0.18, {"a": (1, -1)}, {"a": 1}),
        lambda: dtao.dividend_distribution(1, 1, 0.18, {"a": (1, 1)}, {"a": -1}),
        lambda: dtao.neuron_burn(-1, 0, 0),
        lambda: dtao.subnet_lock_cost(-1, 0, 1, 0, 1),
        lambda: dtao.subnet_lock_cost(1, 5, 4, 0, 1),
        lambda: dtao.apply_gate([0.5, 0.5], math.nan),
        lambda: dtao.apply_gate([0.5, 0.5], 0.1, h=0),
        lambda: dtao.shares_by_flow([1.0], p=-1),
    ],
)
def test_amounts_and_shares_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: dtao.shares_by_price([1, -1], [0, 0]),
        lambda: dtao.shares_by_price([1, math.nan], [0, 0]),
        lambda: dtao.shares_by_price([1, 1, 1], [0, 0]),
        lambda: dtao.redistribute_disabled([1, 1], [True]),
        lambda: dtao.gate_bar([0.5, -0.5], "rank", rank=1),
        lambda: dtao.shares_by_flow([1, math.inf]),
        lambda: dtao.net_flow([1, 1], [1]),
        lambda: dtao.shares_by_tier([1, 1], [7, 7]),
        lambda: dtao.shares_by_root_votes([1, -1], [[1], [1]]),
        lambda: dtao.shares_by_root_votes([1, 1], [[1]]),
    ],
)
def test_arrays_that_do_not_describe_subnets_are_refused(call):
    with pytest.raises(ValueError, match=r"expected|shapes differ|twice|rows"):
        call()


def test_amounts_may_be_written_as_floats():
    assert dtao.block_emission(10.5e15, 21e15, 1e9) == 500_000_000
    assert dtao.neuron_burn(1e9, 0, 1, maximum=100e9) == 1_260_000_000


@given(st.integers(0, 21 * 10**15), st.integers(0, 10**15))
def test_the_emission_never_rises_with_issuance(issued, more):
    assert dtao.block_emission(issued + more) <= dtao.block_emission(issued)


# --- shares between subnets


def test_ten_root_validators_that_vote_for_one_subnet_each_split_the_emission_evenly():
    # opentensor/subtensor@00464d455 pallets/subtensor/tests/root.rs test_root_set_weights: 99,999,999 rao
    assert dtao.shares_by_root_votes([1000] * 10, np.eye(10)) == pytest.approx([0.1] * 10)


def test_root_votes_are_weighed_by_stake_and_discounted_where_few_stand_behind_them():
    # stake 3/4 for the first subnet alone, 1/4 for both: ranks 0.875 and 0.125, trust 1 and 0.25
    first = 0.875 / (1 + math.exp(-10 * (1 - 32767 / 65535)))
    second = 0.125 / (1 + math.exp(-10 * (0.25 - 32767 / 65535)))
    shares = dtao.shares_by_root_votes([3, 1], [[9, 0], [4, 4]])
    assert shares == pytest.approx([first / (first + second), second / (first + second)])


def test_root_validators_without_votes_give_nothing():
    assert dtao.shares_by_root_votes([1, 1], np.zeros((2, 3))).tolist() == [0.0, 0.0, 0.0]


def test_a_price_counts_in_proportion_to_what_miners_keep():
    # 1 * 1 against 3 * 0.5
    assert dtao.shares_by_price([1.0, 3.0], [0.0, 0.5]) == pytest.approx([0.4, 0.6])


def test_when_all_miners_burn_prices_count_alone():
    assert dtao.shares_by_price([1.0, 3.0], [1.0, 1.5]) == pytest.approx([0.25, 0.75])


def test_equal_prices_and_burns_give_equal_shares():
    # ST subnet_emissions.rs get_shares_ignores_root_prop_storage_when_prices_and_burns_match
    assert dtao.shares_by_price([1.0, 1.0], [0.0, 0.0]).tolist() == [0.5, 0.5]


def test_without_any_price_there_are_no_shares():
    assert dtao.shares_by_price([0.0, 0.0], [0.2, 0.0]).tolist() == [0.0, 0.0]


def test_a_disabled_subnets_share_goes_to_the_enabled_ones_pro_rata():
    assert dtao.redistribute_disabled([0.5, 0.3, 0.2], [False, True, True]) == pytest.approx([0.0, 0.6, 0.4])


def test_with_all_enabled_shares_stay_and_with_none_they_vanish():
    assert dtao.redistribute_disabled([0.5, 0.4], [True, True]).tolist() == [0.5, 0.4]
    assert dtao.redistribute_disabled([0.5, 0.5], [False, False]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("q", "bar"), [(0.0, 0.4), (0.4, 0.4), (0.61, 0.3), (0.7, 0.3), (0.71, 0.2), (1.0, 0.1)]
)
def test_the_bar_of_a_quantile_is_the_share_at_which_the_running_sum_reaches_it(q, bar):
    assert dtao.gate_bar([0.2, 0.4, 0.0, 0.1, 0.3], "quantile", q=q) == bar


def test_a_quantile_that_is_never_reached_sets_the_bar_at_the_smallest_share():
    assert dtao.gate_bar([0.0, 0.2, 0.1], "quantile", q=0.9) == 0.1


@pytest.mark.parametrize(("rank", "bar"), [(1, 0.4), (3, 0.2), (4, 0.1), (9, 0.1)])
def test_the_bar_of_a_rank_is_that_share_or_the_smallest_positive_one(rank, bar):
    assert dtao.gate_bar([0.2, 0.4, 0.0, 0.1, 0.3], "rank", rank=rank) == bar


def test_without_positive_shares_the_bar_is_zero():
    assert dtao.gate_bar([0.0, 0.0], "quantile", q=0.6) == 0.0
    assert dtao.gate_bar([], "rank", rank=3) == 0.0


@pytest.mark.parametrize(
    "chosen", [{"mode": "mass", "q": 0.5}, {"mode": "rank", "q": 0.5}, {"mode": "rank", "rank": 0}]
)
def test_a_gate_mode_without_its_argument_is_refused(chosen):
    with pytest.raises(ValueError, match="mode"):
        dtao.gate_bar([0.5], **chosen)


def test_the_gate_halves_a_share_at_the_bar_before_renormalising():
    # theta 0.3: 0.5 / (1 + 0.216), 0.3 / 2, 0.2 / (1 + 3.375)
    gated = [0.5 / 1.216, 0.15, 0.2 / 4.375, 0.0]
    assert dtao.apply_gate([0.5, 0.3, 0.2, 0.0], 0.3) == pytest.approx([v / sum(gated) for v in gated])


def test_a_bar_of_zero_opens_the_gate():
    assert dtao.apply_gate([0.5, 0.3], 0.0).tolist() == [0.5, 0.3]


def test_a_gate_that_would_close_for_all_stays_open():
    assert dtao.apply_gate([0.6, 0.4], 1e300).tolist() == [0.6, 0.4]


@pytest.mark.parametrize(
    ("flows", "cutoff", "p", "shares"),
    [
        ([3.0, 1.0, -2.0], 0.0, 1.0, [0.75, 0.25, 0.0]),
        (
            [-100.0, -300.0, -400.0],
            -1000.0,
            1.0,
            [0.75, 0.25, 0.0],
        ),  # ST get_shares_both_negative_above_cutoff
        ([-100.0, 500.0], 0.0, 1.0, [0.0, 1.0]),  # ST get_shares_negative_vs_positive_flow
        ([1000.0, 2000.0], 2000.0, 1.0, [0.0, 0.0]),  # ST get_shares_both_below_cutoff_zero_emission
        (
            [2.0, 3.0, 5.0],
            0.0,
            2.0,
            [4 / 38, 9 / 38, 25 / 38],
        ),  # ST inplace_pow_normalize_fractional_exponent
        (
            [1e-9, 2e-9, 3e-9],
            0.0,
            2.0,
            [1 / 14, 4 / 14, 9 / 14],
        ),  # ST inplace_pow_normalize_tiny_values_no_panic
        ([-1.0, -2.0], 0.0, 1.0, [0.0, 0.0]),
        ([], 0.0, 1.0, []),
    ],
)
def test_flow_above_the_limit_is_shared(flows, cutoff, p, shares):
    assert dtao.shares_by_flow(flows, cutoff, p) == pytest.approx(shares)


def test_the_flow_average_halves_its_distance_in_thirty_days():
    # 1 - (1 - a)^216000 = 1/2 with a = 3.209009576e-6
    average = 0.0
    for _ in range(216_000):
        average = dtao.flow_ema(average, 1.0, 3.209009576e-6)
    assert average == pytest.approx(0.5, abs=1e-5)


def test_protocol_flow_is_deducted_up_to_what_users_bring():
    # users bring 40, the protocol 80: half of it counts; its outflow counts in full
    assert dtao.net_flow([10, -5, 30], [20, -4, 60]).tolist() == [0.0, -1.0, 0.0]


def test_small_protocol_flow_is_deducted_in_full():
    assert dtao.net_flow([10.0, 30.0], [2.0, 0.0]).tolist() == [8.0, 30.0]
    assert dtao.net_flow([10.0, -3.0], [-2.0, 0.0]).tolist() == [12.0, -3.0]


def test_two_tiers_share_three_quarters_and_one():
    scores = [1.0] * 32 + [0.5, 0.25, 0.25] + [0.0]
    shares = dtao.shares_by_tier(scores, list(range(36)))
    assert shares[:32] == pytest.approx([0.75 / 32] * 32)
    assert shares[32:] == pytest.approx([0.125, 0.0625, 0.0625, 0.0])


def test_ranks_from_65_on_get_nothing_and_ties_go_to_the_lower_netuid():
    shares = dtao.shares_by_tier([1.0] * 66, list(range(66, 0, -1)))
    assert shares[:2].tolist() == [0.0, 0.0]
    assert shares[2:34] == pytest.approx([0.25 / 32] * 32)
    assert shares[34:] == pytest.approx([0.75 / 32] * 32)


def test_up_to_32_positive_scores_take_all():
    assert dtao.shares_by_tier([3.0, 0.0, 1.0], [1, 2, 3]) == pytest.approx([0.75, 0.0, 0.25])


def test_a_score_without_a_netuid_is_refused():
    with pytest.raises(ValueError, match="netuids"):
        dtao.shares_by_tier([1.0, 2.0], [1])


amounts = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=80)


@given(amounts, st.data())
def test_every_rule_of_shares_gives_shares(prices, data):
    n = len(prices)
    burned = data.draw(st.lists(st.floats(0.0, 1.0), min_size=n, max_size=n))
    enabled = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    priced = dtao.shares_by_price(prices, burned)
    gated = dtao.apply_gate(priced, dtao.gate_bar(priced, "quantile", q=0.61))
    rules = [
        priced,
        gated,
        dtao.redistribute_disabled(gated, enabled),
        dtao.shares_by_flow(np.array(prices) - 5.0),
        dtao.shares_by_tier(prices, range(n)),
        dtao.shares_by_root_votes([1.0, 2.0], [prices, prices[::-1]]),
    ]
    for shares in rules:
        assert (shares >= 0.0).all()
        assert shares.sum() == pytest.approx(1.0) or not shares.any()


@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=30), st.floats(1e-4, 1.0))
def test_the_gate_keeps_the_order_of_shares_and_moves_weight_up(shares, theta):
    given_shares = np.sort(np.array(shares) / sum(shares))
    gated = dtao.apply_gate(given_shares, theta)
    assert (np.diff(gated) >= -1e-15).all()
    assert gated[-1] >= given_shares[-1] - 1e-12


# --- inside a subnet


def test_the_price_average_is_half_way_after_14_steps_at_28_days():
    # ST coinbase.rs test_coinbase_moving_prices, printed 0.512325: weight 0.1 * 201600 / 403200, 1 - 0.95^14
    average = 0.0
    for _ in range(14):
        average = dtao.price_ema(average, 1.0, 201_600, base=0.1)
    assert average == pytest.approx(0.512325, abs=1e-6)


def test_a_subnet_ten_blocks_old_hardly_moves_its_average():
    # ST coinbase.rs test_update_moving_price_initial: 0.5 * 11 / 201611 < 0.001
    assert dtao.price_ema(0.0, 1.0, 11, base=0.5) == pytest.approx(0.5 * 11 / 201_611)


def test_a_spot_price_above_one_counts_as_one():
    assert dtao.price_ema(0.2, 50.0, 10**9, base=0.5) == pytest.approx(0.6, abs=1e-3)
    assert dtao.price_ema(0.2, 50.0, 0) == 0.2


@pytest.mark.parametrize(("age", "blocks"), [(0, 1), (0, 7200), (3_000, 500), (5_000_000, 50_400)])
def test_many_blocks_at_one_spot_price_average_as_block_by_block(age, blocks):
    single = 0.01
    for block in range(age, age + blocks):
        single = dtao.price_ema(single, 0.05, block)
    at_once = dtao.price_ema_after([0.01], [0.05], [age], blocks)
    assert at_once == pytest.approx([single], abs=1e-9)


def test_a_fast_average_over_many_blocks_is_block_by_block_too():
    single = 0.01
    for block in range(1000, 1500):
        single = dtao.price_ema(single, 0.05, block, base=1e-3)
    assert dtao.price_ema_after([0.01], [0.05], [1000], 500, base=1e-3) == pytest.approx([single], abs=1e-9)


def test_averages_over_many_blocks_keep_the_cap_on_the_spot_price():
    capped = dtao.price_ema_after([0.2, 0.2], [50.0, 1.0], [10**6, 10**6], 7200)
    assert capped[0] == pytest.approx(capped[1])


def test_a_flow_that_stays_averages_over_blocks_as_block_by_block():
    # 30 days at a half-life of 30 days: half of the way from 3 to 1
    assert dtao.flow_ema(3.0, 1.0, 3.209009576e-6, 216_000) == pytest.approx(2.0, abs=1e-5)


def test_equal_hotkeys_share_dividends_to_the_rao():
    # the exact quotas are whole numbers, where cut-off fractions alone could not tell
    split = dtao.dividend_distribution(900, 300, 0.18, [(10**9, 10**9)] * 3, [7, 7, 7])
    assert split == ([300, 300, 300], [100, 100, 100])


def test_the_root_proportion_falls_as_alpha_is_issued():
    # 0.18 * 1000 TAO against 100 alpha (ST coinbase.rs test_root_proportion) and later
    assert dtao.root_proportion(0.18, 1_000 * TAO, 100 * TAO) == pytest.approx(180 / 280)
    assert dtao.root_proportion(0.18, 1_000 * TAO, 20 * 180 * TAO) == pytest.approx(1 / 21)
    assert dtao.root_proportion(0.18, 0, 0) == 0.0


def test_root_stakers_alpha_accrues_above_a_price_sum_of_one():
    assert dtao.root_sell([0.5, 0.6])
    assert not dtao.root_sell([0.5, 0.5])


def test_a_young_subnet_has_all_its_tao_injected():
    # 34,566,756 rao at price one: ST coinbase.rs test_coinbase_subnet_terms_with_alpha_in_lte_alpha_emission
    terms = dtao.injection_terms(34_566_756, 1.0, 0.9, TAO)
    assert terms == (34_566_756, 34_566_756, TAO, 0)


def test_tao_beyond_the_alpha_cap_becomes_a_chain_buy():
    # raw alpha 10^7 / 0.01 = 10^9; cap 0.9 * 10^9, which takes 9 * 10^6 rao along
    terms = dtao.injection_terms(10_000_000, 0.01, 0.9, TAO)
    assert terms == (9_000_000, 900_000_000, TAO, 1_000_000)


def test_a_price_of_a_tenth_means_ten_alpha_a_tao():
    assert dtao.injection_terms(10**8, 0.1, 1.0, 10 * TAO).alpha_in == 10**9


def test_without_a_price_no_alpha_goes_in():
    assert dtao.injection_terms(500, 0.0, 0.5, TAO) == (500, 0, TAO, 0)


def test_parts_of_a_rao_are_cut_on_both_sides():
    # cap 2 alpha at price 0.25: half a rao in, two and a half over
    assert dtao.injection_terms(3, 0.25, 1.0, 2) == (0, 2, 2, 2)


@given(st.integers(0, TAO), st.fractions(Fraction(1, 1000), 100), st.fractions(0, 1), st.integers(0, TAO))
def test_injection_and_chain_buy_lose_at_most_a_rao(tao, price, proportion, alpha):
    terms = dtao.injection_terms(tao, price, proportion, alpha)
    assert tao - 1 <= terms.tao_in + terms.excess_tao <= tao
    assert terms.alpha_in <= proportion * alpha
    assert terms.tao_in <= terms.alpha_in * price + price + 1


def test_alpha_out_goes_18_41_41_with_the_root_part_inside_the_validators():
    # 11796/65535 of 10^9 is 179,995,422.2; half of the rest 410,002,288.9; 0.3 of it 123,000,686.7
    split = dtao.alpha_out_split(TAO, Fraction(11796, 65535), 0.3, root_sell=True)
    assert split == (179_995_422, 410_002_288, 287_001_602, 123_000_686, 0)


def test_without_root_sell_the_root_part_is_recycled():
    split = dtao.alpha_out_split(1000, 0, 0.5, root_sell=False)
    assert split == (0, 500, 250, 0, 250)


@given(st.integers(0, TAO), st.fractions(0, 1), st.fractions(0, 1), st.booleans())
def test_the_parts_of_alpha_out_miss_three_rao_at_most(alpha, cut, proportion, sell):
    assert alpha - 3 <= sum(dtao.alpha_out_split(alpha, cut, proportion, sell)) <= alpha


def test_dividends_are_split_by_what_the_stake_consists_of():
    # w = 0.5: the first holds alpha only, the second half and half, the third root TAO only
    split = dtao.dividend_distribution(700, 90, 0.5, [(100, 0), (50, 100), (0, 8)], [30, 10, 5])
    assert split.local == [600, 100, 0]
    assert split.root == [0, 45, 45]


def test_dividends_by_name_come_back_by_name():
    split = dtao.dividend_distribution(
        10, 0, 0.18, {"a": (1, 0), "b": (1, 0)}, {"b": 3, "a": 1, "stranger": 9}
    )
    assert split.local == {"b": 7, "a": 2, "stranger": 0}
    assert split.root == {"b": 0, "a": 0, "stranger": 0}


def test_dividends_sum_to_what_was_pending():
    # ST coinbase.rs test_calculate_dividend_distribution_totals (there within 1000 rao)
    split = dtao.dividend_distribution(
        183_123_567_452,
        837_120_949_872,
        0.18,
        [(4_859_302, 2_342_352), (23_423, 859_273)],
        [77_783_738, 19_283_940],
    )
    assert 183_123_567_450 <= sum(split.local) <= 183_123_567_452
    assert 837_120_949_870 <= sum(split.root) <= 837_120_949_872


def test_a_sum_of_zero_pays_nothing():
    assert dtao.dividend_distribution(10, 10, 0.18, [(0, 0)], [5]) == ([0], [0])
    assert dtao.dividend_distribution(10, 10, 0.0, [(1, 1)], [5]) == ([10], [0])


# --- registration and removal


@pytest.mark.parametrize(
    ("price", "blocks", "half_life", "after"),
    [
        (1_024, 2, 2, 511),  # ST registration.rs test_burn_halves_every_half_life
        (511, 2, 2, 255),
        (2_000, 1, 1_000, 1_998),  # ST registration.rs test_burn_decay
        (1_000, 1, 1_000, 999),  # ST test_update_registration_prices_for_networks_runs_on_next_block_step
        (777_777, 5_000, 0, 777_777),
        (2, 1, 1, 1),
        (0, 50, 7, 0),
    ],
)
def test_the_price_of_a_uid_halves_in_its_half_life_rounded_down(price, blocks, half_life, after):
    assert dtao.neuron_burn(price, blocks, 0, half_life, 1.0, **UNBOUNDED) == after


def test_the_price_of_a_uid_grows_by_26_percent_a_registration():
    assert dtao.neuron_burn(TAO, 0, 1) == 1_260_000_000
    assert dtao.neuron_burn(TAO, 0, 3) == 2_000_376_000
    assert dtao.neuron_burn(1_000, 0, 1, mult=3, **UNBOUNDED) == 3_000  # ST test_bump_registration_price...


def test_the_price_of_a_uid_stays_between_its_bounds_at_every_step():
    # ST registration.rs test_burn_min_and_max_clamps_prevent_zero_stuck_and_cap_bump
    bounds = {"half_life": 1, "mult": 2, "minimum": 100_000, "maximum": 150_000}
    assert dtao.neuron_burn(1, 1, 0, **bounds) == 100_000
    assert dtao.neuron_burn(100_000, 0, 1, **bounds) == 150_000
    assert dtao.neuron_burn(150_000, 1, 0, **bounds) == 100_000
    assert dtao.neuron_burn(1, 1, 1, **bounds) == 150_000


def test_a_multiplier_below_one_leaves_the_price():
    assert dtao.neuron_burn(TAO, 0, 5, mult=0.5) == TAO


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="blocks"):
        dtao.neuron_burn(TAO, -1, 0)


@given(st.integers(1, 1000), st.integers(10**6, 10**12))
def test_one_half_life_takes_half_of_the_price_but_for_rounding(half_life, price):
    after = dtao.neuron_burn(price, half_life, 0, half_life, 1.0, **UNBOUNDED)
    grain = price * half_life / 2**32
    assert price / 2 - half_life - grain <= after <= price / 2 + grain


@pytest.mark.parametrize(
    ("registrations", "alpha", "after"),
    [(2, 0.0, 1000), (6, 0.0, 2000), (0, 0.0, 500), (6, 0.5, 1500), (99, 0.0, 5000)],
)
def test_the_older_price_of_a_uid_moves_with_the_interval_registrations(registrations, alpha, after):
    assert dtao.neuron_burn_adjusted(1000, registrations, 2, alpha, 100, 5000) == after


@pytest.mark.parametrize(
    ("last_lock", "last_block", "now", "cost"),
    [
        # opentensor/subtensor@00464d455 pallets/subtensor/tests/root.rs test_root_subnet_creation_deletion
        (100, 0, 0, 100),
        (100, 0, 1, 100),
        (100, 1, 1, 200),
        (100, 1, 2, 150),
        (100, 1, 3, 100),
        (100, 1, 4, 100),
        (150, 5, 6, 225),
        (1350, 7, 8, 2025),
        (1350, 7, 10, 675),
        (1350, 7, 11, 100),
    ],
)
def test_the_lock_doubles_at_a_registration_and_falls_linearly_to_the_minimum(
    last_lock, last_block, now, cost
):
    assert dtao.subnet_lock_cost(last_lock * TAO, last_block, now, 100 * TAO, 2) == cost * TAO


def test_the_fall_of_the_lock_is_divided_before_it_is_multiplied():
    # 1001 // 1000 = 1 a block
    assert dtao.subnet_lock_cost(1001, 10, 510, 0, 1000) == 2002 - 500
    assert dtao.subnet_lock_cost(999, 10, 510, 0, 1000) == 1998
    assert dtao.subnet_lock_cost(999, 10, 510, 0, 0) == 1998


def test_a_new_pool_holds_the_lock_and_alpha_at_the_median_price():
    assert dtao.subnet_seed(2_500 * TAO, 1_000 * TAO, 0.02) == (2_500 * TAO, 125_000 * TAO)
    assert dtao.subnet_seed(10, 1_000, 0.3) == (1_000, 3_333)


def test_the_uid_with_the_lowest_emission_goes_and_among_equals_the_oldest_then_the_lowest():
    mortal = [False] * 4
    assert dtao.neuron_to_prune([5, 3, 3, 4], [0, 7, 6, 0], mortal, mortal) == 2
    assert dtao.neuron_to_prune([5, 3, 3, 4], [0, 6, 6, 0], mortal, mortal) == 1


def test_immune_and_immortal_uids_stay_while_there_are_others():
    assert dtao.neuron_to_prune([1, 2, 3], [0] * 3, [True, False, False], [False, True, False]) == 2


def test_at_the_floor_of_non_immune_uids_an_immune_one_goes():
    immune, immortal = [True, True, False], [False, False, False]
    assert dtao.neuron_to_prune([9, 8, 1], [0] * 3, immune, immortal, min_non_immune=1) == 1
    assert dtao.neuron_to_prune([9, 8, 1], [0] * 3, [False] * 3, immortal, min_non_immune=3) is None
    assert dtao.neuron_to_prune([1], [0], [False], [True]) is None


def test_the_subnet_with_the_lowest_price_average_goes_and_among_equals_the_oldest():
    assert dtao.subnet_to_prune([0.3, 0.1, 0.1], [0, 5, 3], now=100, immunity=10) == 2
    assert dtao.subnet_to_prune([0.3, 0.1, 0.1], [0, 3, 3], now=100, immunity=10) == 1


def test_a_subnet_is_immune_until_its_period_is_over():
    assert dtao.subnet_to_prune([0.3, 0.1], [0, 91], now=100, immunity=10) == 0
    assert dtao.subnet_to_prune([0.3, 0.1], [0, 90], now=100, immunity=10) == 1
    assert dtao.subnet_to_prune([0.3], [95], now=100, immunity=10) is None


def test_a_removed_pool_is_paid_out_by_largest_remainders():
    assert dtao.removal_payout(100, [1, 1, 1]) == ([34, 33, 33], 0)
    # 100 * 3 / 8 = 37.5, 100 * 1 / 8 = 12.5 and the chain's 50
    assert dtao.removal_payout(100, [3, 1], protocol_alpha=4) == ([38, 12], 50)


def test_among_equal_remainders_the_chain_comes_last():
    assert dtao.removal_payout(100, [1, 1], protocol_alpha=1) == ([34, 33], 33)


def test_a_pool_nobody_has_alpha_of_is_not_paid_out():
    assert dtao.removal_payout(100, [0, 0]) == ([0, 0], 0)


@given(st.integers(0, 10**16), st.lists(st.integers(0, 10**15), max_size=20), st.integers(0, 10**15))
def test_a_removal_pays_the_pool_to_the_last_rao_and_each_within_one(pool, holders, protocol):
    payout = dtao.removal_payout(pool, holders, protocol)
    total = sum(holders) + protocol
    if total:
        assert sum(payout.holders) + payout.protocol == pool
        for alpha, paid in zip(holders, payout.holders, strict=True):
            assert abs(Fraction(pool * alpha, total) - paid) < 1


def test_an_older_subnets_owner_gets_the_lock_less_the_cut():
    assert dtao.lock_refund(1000, 300) == 700
    assert dtao.lock_refund(1000, 1300) == 0
