"""Bitcoin's rules against figures of Bitcoin Core's own tests, real headers, and arithmetic by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms import bitcoin

GENESIS_BITS = 0x1D00FFFF


@pytest.mark.parametrize(
    ("height", "satoshi"),
    [
        (0, 5_000_000_000),
        (209_999, 5_000_000_000),
        (210_000, 2_500_000_000),
        (840_000, 312_500_000),  # 2024-04-20: 3.125 BTC
        (6_929_999, 1),
        (6_930_000, 0),
        (64 * 210_000, 0),
    ],
)
def test_the_subsidy_halves_by_a_right_shift_every_210_000_blocks(height, satoshi):
    assert bitcoin.block_subsidy(height) == satoshi


@pytest.mark.parametrize("interval", [150, 1000, 210_000])
def test_each_halving_drops_the_lowest_bit(interval):
    # bitcoin/bitcoin src/test/validation_tests.cpp, TestBlockSubsidyHalvings
    previous = 2 * 50 * 10**8
    for halvings in range(64):
        subsidy = bitcoin.block_subsidy(halvings * interval, interval)
        assert subsidy == previous // 2
        previous = subsidy


def test_64_halvings_end_any_subsidy():
    assert bitcoin.block_subsidy(63, interval=1, initial=1 << 70) == 1 << 7
    assert bitcoin.block_subsidy(64, interval=1, initial=1 << 70) == 0


@pytest.mark.parametrize("arguments", [(-1,), (1.5,), (0, 0), (0, 10, -1)])
def test_a_schedule_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        bitcoin.block_subsidy(*arguments)
    with pytest.raises(ValueError, match="must be"):
        bitcoin.cumulative_subsidy(*arguments)


@pytest.mark.parametrize("arguments", [(0,), (600, 1), (math.nan,)])
def test_a_period_without_length_has_no_equilibrium(arguments):
    with pytest.raises(ValueError, match="must be"):
        bitcoin.equilibrium_spacing(*arguments)


def test_a_retarget_needs_a_nominal_period():
    with pytest.raises(ValueError, match="nominal"):
        bitcoin.retarget_bits(0x1D00FFFF, 600, nominal=0)


def test_all_bitcoin_ever_are_2_099_999_997_690_000_satoshi():
    # bitcoin/bitcoin src/test/validation_tests.cpp, subsidy_limit_test
    assert bitcoin.cumulative_subsidy(14_000_000) == 2_099_999_997_690_000


def test_supply_before_the_fourth_halving_is_19_687_500_btc():
    # 210,000 * (50 + 25 + 12.5 + 6.25) BTC
    assert bitcoin.cumulative_subsidy(840_000) == 1_968_750_000_000_000


def test_the_last_subsidy_is_at_height_6_929_999():
    assert bitcoin.last_subsidy_height() == 6_929_999


def test_the_last_subsidy_of_other_chains_follows_from_the_digits_of_the_first():
    assert bitcoin.last_subsidy_height(150) == 33 * 150 - 1  # regtest
    assert bitcoin.last_subsidy_height(10, initial=1) == 9
    assert bitcoin.last_subsidy_height(10, initial=4) == 29  # 4, 2, 1
    with pytest.raises(ValueError, match="initial = 0"):
        bitcoin.last_subsidy_height(10, initial=0)


@given(st.integers(0, 7_000_000))
def test_supply_grows_by_the_subsidy_of_the_block_added(height):
    grown = bitcoin.cumulative_subsidy(height + 1) - bitcoin.cumulative_subsidy(height)
    assert grown == bitcoin.block_subsidy(height)


@pytest.mark.parametrize(
    ("bits", "target"),
    [
        # bitcoin/bitcoin src/test/arith_uint256_tests.cpp, bignum_SetCompact
        (0, 0),
        (0x00123456, 0),
        (0x01003456, 0),
        (0x02000056, 0),
        (0x03000000, 0),
        (0x04000000, 0),
        (0x00923456, 0),
        (0x01803456, 0),
        (0x02800056, 0),
        (0x03800000, 0),
        (0x04800000, 0),
        (0x01123456, 0x12),
        (0x02123456, 0x1234),
        (0x03123456, 0x123456),
        (0x04123456, 0x12345600),
        (0x05009234, 0x92340000),
        (0x20123456, 0x123456 << 232),
        (0x1B0404CB, 0x0404CB << 192),  # Bitcoin wiki, "Difficulty"
    ],
)
def test_compact_bits_unpack_to_their_target(bits, target):
    assert bitcoin.bits_to_target(bits) == target


@pytest.mark.parametrize("bits", [0x01FEDCBA, 0x04923456, 0xFF123456, -1, 1 << 32])
def test_bits_that_are_negative_or_too_large_are_no_target(bits):
    # the first three: flagged negative, negative, overflow in bignum_SetCompact
    with pytest.raises(ValueError, match="bits"):
        bitcoin.bits_to_target(bits)


@pytest.mark.parametrize(
    ("target", "bits"),
    [
        # GetCompact in bignum_SetCompact; the second would otherwise set the sign bit
        (0, 0),
        (0x80, 0x02008000),
        (0x12, 0x01120000),
        (0x1234, 0x02123400),
        (0x123456, 0x03123456),
        (0x12345600, 0x04123456),
        (0x92340000, 0x05009234),
        (0x123456FF, 0x04123456),
    ],
)
def test_a_target_packs_into_three_bytes_and_a_size(target, bits):
    assert bitcoin.target_to_bits(target) == bits


def test_a_target_of_257_bits_cannot_be_packed():
    with pytest.raises(ValueError, match="target"):
        bitcoin.target_to_bits(1 << 256)


@given(st.integers(0, (1 << 256) - 1))
def test_packing_rounds_down_by_less_than_a_part_in_32768(target):
    unpacked = bitcoin.bits_to_target(bitcoin.target_to_bits(target))
    assert unpacked <= target < unpacked + max(target >> 15, 1)


@given(st.integers(0, (1 << 256) - 1))
def test_packing_twice_changes_nothing(target):
    bits = bitcoin.target_to_bits(target)
    assert bitcoin.target_to_bits(bitcoin.bits_to_target(bits)) == bits


@pytest.mark.parametrize(
    ("bits", "first", "last", "after"),
    [
        # bitcoin/bitcoin src/test/pow_tests.cpp
        pytest.param(GENESIS_BITS, 1261130161, 1262152739, 0x1D00D86A, id="get_next_work"),
        pytest.param(GENESIS_BITS, 1231006505, 1233061996, GENESIS_BITS, id="pow_limit"),
        pytest.param(0x1C05A3F4, 1279008237, 1279297671, 0x1C0168FD, id="lower_limit_actual"),
        pytest.param(0x1C387F6F, 1263163443, 1269211443, 0x1D00E1FD, id="upper_limit_actual"),
    ],
)
def test_a_retarget_gives_the_bits_of_the_reference_tests(bits, first, last, after):
    assert bitcoin.retarget_bits(bits, last - first) == after


def test_a_negative_timespan_counts_as_a_quarter_of_the_nominal_one():
    assert bitcoin.retarget_bits(0x1C05A3F4, -5) == bitcoin.retarget_bits(0x1C05A3F4, 302_400)


def test_a_period_of_nominal_length_keeps_the_bits():
    assert bitcoin.retarget_bits(0x1B0404CB, 1_209_600) == 0x1B0404CB


def test_signet_may_be_easier_than_mainnet():
    # limit of bitcoin/bitcoin src/kernel/chainparams.cpp SigNetParams, as compact bits
    assert bitcoin.retarget_bits(0x1E0377AE, 4_838_400, limit_bits=0x1E0377AE) == 0x1E0377AE
    assert bitcoin.retarget_bits(0x1E0377AE, 4_838_400) == GENESIS_BITS


@given(st.integers(-(10**6), 10**7), st.integers(0x008000, 0x7FFFFF), st.integers(4, 0x1C))
def test_a_retarget_moves_the_target_by_a_factor_four_at_most(timespan, mantissa, size):
    bits = size << 24 | mantissa
    old, new = bitcoin.bits_to_target(bits), bitcoin.bits_to_target(bitcoin.retarget_bits(bits, timespan))
    assert old / 4 * (1 - 2**-15) - 1 <= new <= old * 4


@pytest.mark.parametrize(
    ("bits", "difficulty"),
    [
        (GENESIS_BITS, 1.0),
        (0x1B0404CB, 16307.420938523983),  # Bitcoin wiki, "Difficulty"
        (0x17034219, 86388558925171.02),  # header of block 840,000
        (0x12345678, 5913134931067755359633408.0),  # this and the next: src/test/blockchain_tests.cpp
        (0x1CF88F6F, pytest.approx(1.029916, abs=1e-6)),
        (0x1DF88F6F, pytest.approx(0.004023, abs=1e-6)),
        (0x1F111111, pytest.approx(0.000001, abs=1e-6)),
    ],
)
def test_difficulty_is_what_the_node_displays(bits, difficulty):
    assert bitcoin.difficulty(bits) == difficulty


def test_a_mantissa_of_zero_has_no_difficulty():
    with pytest.raises(ValueError, match="mantissa"):
        bitcoin.difficulty(0x1D000000)


def test_the_genesis_block_counts_as_0x100010001_hashes():
    # chain work of block 0 in every node ("chainwork": ...0100010001)
    assert bitcoin.expected_hashes(GENESIS_BITS) == 0x100010001


def test_difficulty_110_trillion_takes_4_7e23_hashes():
    # height 878,976, January 2025: D = 110.45 T
    bits = bitcoin.target_to_bits(int((0xFFFF << 208) / 110.45e12))
    assert bitcoin.expected_hashes(bits) == pytest.approx(4.744e23, rel=1e-3)


def test_the_target_rests_at_600_2978_seconds_a_block():
    # 600 * 2016 / 2015
    assert bitcoin.equilibrium_spacing() == pytest.approx(600.29776675, abs=1e-8)


@pytest.mark.parametrize(
    ("alpha", "gamma", "share"),
    [
        (0.0, 0.0, 0.0),
        (1 / 3, 0.0, 1 / 3),  # break-even shares of Eyal and Sirer (2014)
        (0.25, 0.5, 0.25),
        (0.4, 0.0, 0.1664 / 0.344),  # by hand: 0.4 * 0.36 * 1.6 - 0.064 over 1 - 0.4 * 1.64
        (0.5, 0.3, 1.0),
        (0.7, 0.0, 1.0),
    ],
)
def test_a_selfish_miner_earns_the_share_of_eyal_and_sirer(alpha, gamma, share):
    assert bitcoin.selfish_revenue_share(alpha, gamma) == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize(("gamma", "threshold"), [(0.0, 1 / 3), (0.5, 0.25), (1.0, 0.0)])
def test_the_selfish_threshold_falls_from_a_third_to_nothing(gamma, threshold):
    assert bitcoin.selfish_threshold(gamma) == pytest.approx(threshold)


@given(st.floats(0.001, 0.499), st.floats(0.0, 1.0))
def test_selfish_mining_pays_just_above_the_threshold(alpha, gamma):
    threshold = bitcoin.selfish_threshold(gamma)
    if abs(alpha - threshold) > 1e-6:
        assert (bitcoin.selfish_revenue_share(alpha, gamma) > alpha) == (alpha > threshold)


@pytest.mark.parametrize(("alpha", "gamma"), [(-0.1, 0.5), (0.3, 1.1)])
def test_shares_outside_zero_and_one_are_refused(alpha, gamma):
    with pytest.raises(ValueError, match="must lie"):
        bitcoin.selfish_revenue_share(alpha, gamma)


def test_a_hash_earns_its_chance_of_a_block():
    # 3.125 BTC at 100,000 USD over 5e23 hashes
    assert bitcoin.revenue_per_hash(312_500_000, 100_000.0, 5e23) == pytest.approx(6.25e-19)


def test_a_rig_of_20_joules_a_terahash_at_6_cents_pays_a_third_of_a_picocent():
    # 2e-11 J * 0.06 USD / 3.6e6 J
    assert bitcoin.mining_cost_per_hash(2e-11, 0.06) == pytest.approx(1e-18 / 3)
    assert bitcoin.mining_cost_per_hash(2e-11, 0.06, 1e-19) == pytest.approx(1e-18 / 3 + 1e-19)


def test_the_margin_is_what_running_cost_leaves_of_revenue():
    assert bitcoin.miner_margin(6e-19, 4.5e-19) == pytest.approx(0.25)
    assert bitcoin.miner_margin(4e-19, 6e-19) == pytest.approx(-0.5)


def test_at_the_break_even_price_the_margin_is_zero():
    cost = bitcoin.mining_cost_per_hash(2e-11, 0.06)
    price = bitcoin.break_even_price(312_500_000, 5e23, cost)
    assert price == pytest.approx(53_333.33, abs=0.01)  # 1e-18 / 3 * 5e23 / 3.125
    margin = bitcoin.miner_margin(bitcoin.revenue_per_hash(312_500_000, price, 5e23), cost)
    assert margin == pytest.approx(0.0, abs=1e-12)


def test_at_the_break_even_electricity_the_margin_is_zero():
    revenue = bitcoin.revenue_per_hash(312_500_000, 100_000.0, 5e23)
    electricity = bitcoin.break_even_electricity(revenue, 2e-11)
    assert electricity == pytest.approx(0.1125)  # 6.25e-19 * 3.6e6 / 2e-11
    assert bitcoin.miner_margin(revenue, bitcoin.mining_cost_per_hash(2e-11, electricity)) == pytest.approx(
        0.0, abs=1e-12
    )


def test_the_security_budget_is_144_rewards_a_day():
    assert bitcoin.security_budget(312_500_000, 100_000.0) == pytest.approx(45_000_000.0)


def test_renting_half_of_the_hash_rate_costs_the_budget_of_that_time():
    assert bitcoin.attack_cost_rental(48e6, hours=6) == pytest.approx(12e6)
    assert bitcoin.attack_cost_rental(48e6, hours=6, premium=1.5, share=0.25) == pytest.approx(6e6)


def test_buying_a_majority_takes_as_many_machines_as_there_are():
    # 8e20 hash/s at 15 USD per TH/s
    assert bitcoin.attack_cost_hardware(8e20, 1.5e-11) == pytest.approx(1.2e10)
    with pytest.raises(ValueError, match="share"):
        bitcoin.attack_cost_hardware(8e20, 1.5e-11, share=1.0)


def test_rigs_whose_break_even_price_is_above_the_market_lose():
    prices, rates = [30_000.0, 50_000.0, 70_000.0], [2.0, 1.0, 1.0]
    assert bitcoin.share_below_break_even(prices, rates, 60_000.0) == 0.25
    assert bitcoin.share_below_break_even(prices, rates, 50_000.0) == 0.25
    assert bitcoin.share_below_break_even([], [], 1.0) == 0.0


def test_a_period_gets_longer_by_the_inverse_of_what_stays():
    assert bitcoin.period_after_exit_days(0.3) == pytest.approx(20.0)


def test_a_death_spiral_needs_a_period_that_outlasts_the_miners_means():
    assert not bitcoin.death_spiral(0.45, liquidity_days=60.0)  # 25.5 days
    assert bitcoin.death_spiral(0.9, liquidity_days=60.0)  # 140 days
    assert bitcoin.death_spiral(1.0, liquidity_days=1e9)
