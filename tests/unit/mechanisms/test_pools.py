"""Pools and curves against the protocols' own tests, and against figures worked by hand.

ST is opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/swap/src/pallet; RAO is
RaoFoundation/subtensor@0249a4a4e, pallets/swap/src/pallet/superellipse.rs; GC is
graphprotocol/contracts@687d928b (2026-08-03), packages/contracts-test/tests/unit/curation/curation.test.ts.
"""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simdai.mechanisms import pools

reserves = st.integers(1_000, 21 * 10**15)
weights = st.integers(10, 990).map(lambda permille: permille / 1000)

# --- constant product and square root


def test_a_constant_product_pool_pays_y_d_over_x_plus_d_rounded_down():
    assert pools.constant_product_out(1000, 1000, 1000) == 500
    assert pools.constant_product_out(100, 1000, 50) == 333


def test_the_fee_is_taken_from_the_input_and_stays():
    # Uniswap v2: 1000 * 997 * 10000 / (1000 * 1000 + 997 * 1000) = 4992.4
    assert pools.constant_product_out(1000, 10_000, 1000, fee_ppm=3000) == 4992


def test_a_pool_without_reserves_is_refused():
    with pytest.raises(ValueError, match="reserves"):
        pools.constant_product_out(0, 10, 1)


def test_price_slippage_and_way_to_a_price_agree_on_a_pool_of_100_and_400():
    assert pools.constant_product_price(100.0, 400.0) == 4.0
    assert pools.constant_product_slippage(400.0, 100.0) == 0.2  # pays 20 for 100, five each against four
    assert pools.constant_product_in_to_price(400.0, 2.25) == 200.0  # 600 against 66.7: nine
    assert pools.constant_product_in_to_price(400.0, 0.5) == 0.0


@given(reserves, reserves, st.integers(0, 10**16), st.integers(0, 10**6))
def test_a_constant_product_never_falls_and_a_round_trip_never_gains(x, y, amount, fee):
    out = pools.constant_product_out(x, y, amount, fee)
    assert out < y
    assert (x + amount) * (y - out) >= x * y
    assert pools.constant_product_out(y - out, x + amount, out, fee) <= amount


def test_the_square_root_law_moves_the_price_by_y_sigma_root_of_volume_share():
    # 1.3 * 0.05 * sqrt(1e5 / 1e7)
    assert pools.square_root_move(1e5, 1.3, 0.05, 1e7) == pytest.approx(0.0065)
    assert pools.square_root_move(-1e5, 1.3, 0.05, 1e7) == pytest.approx(-0.0065)
    assert pools.square_root_cost(1e5, 1.3, 0.05, 1e7) == pytest.approx(0.0065 * 2 / 3)


def test_four_times_the_flow_moves_the_price_twice_as_far():
    one, four = (pools.square_root_move(size, 1.0, 0.04, 1e6) for size in (2e4, 8e4))
    assert four == pytest.approx(2 * one)


def test_a_market_without_volume_has_no_square_root_law():
    with pytest.raises(ValueError, match="volume"):
        pools.square_root_move(1.0, 1.0, 0.1, 0.0)


# --- Balancer


@pytest.mark.parametrize(
    ("amount", "rate", "fee"),
    [(0, 33, 0), (1985, 33, 0), (1986, 33, 1), (1_000_000_000, 33, 503_547), (65_535, 33, 33), (1000, 0, 0)],
)
def test_the_swap_fee_is_33_parts_in_65535_rounded_down(amount, rate, fee):
    assert pools.swap_fee(amount, rate) == fee


@pytest.mark.parametrize(("amount", "rate"), [(-1, 33), (1, -1), (1, 65_536)])
def test_a_fee_outside_its_range_is_refused(amount, rate):
    with pytest.raises(ValueError, match="must be"):
        pools.swap_fee(amount, rate)


@pytest.mark.parametrize(
    ("alpha", "tao", "w_tao", "price"),
    [
        (2, 5, 0.5, 2.5),  # ST balancer.rs test_price_with_equal_weights_is_y_over_x
        (4, 10, Fraction(1, 3), 5.0),  # test_price_scales_with_weight_ratio_two_to_one
        (9, 25, 0.4, 25 / 6),  # test_price_matches_formula_for_general_quote
        (10, 0, 0.3, 0.0),  # test_price_is_zero_when_y_is_zero
        (0, 10, 0.3, 0.0),
    ],
)
def test_the_balancer_price_is_the_weighted_ratio(alpha, tao, w_tao, price):
    assert pools.balancer_price(alpha, tao, w_tao) == pytest.approx(price, rel=1e-15)


@pytest.mark.parametrize("w_tao", [0.0, 0.009, 0.991, 1.0])
def test_a_weight_outside_its_bounds_is_refused(w_tao):
    with pytest.raises(ValueError, match="w_tao"):
        pools.balancer_price(1, 1, w_tao)


def test_a_sale_pays_the_printed_power():
    # ST balancer.rs test_perquintill_power: (21 / 28)^(0.6 / 0.4) = 0.649519052838328985
    out = pools.balancer_out(21 * 10**15, 10**17, 0.4, 7 * 10**15, sell=True)
    assert out == 35_048_094_716_167_101


@pytest.mark.parametrize(
    ("w_tao", "reserve", "added", "sell", "power"),
    [
        # ST balancer.rs test_exp_scaled
        (0.5, 100_000, 100, True, 0.999000999000999),
        (0.25, 500_000, 5_000, True, 0.970590147927644),
        (0.75, 200_000, 2_000, False, 0.970590147927644),
        (0.9, 13_513_642, 1_673, False, 0.998886481979889),
        (0.773, 7_000_000_000, 10_000, True, 0.999999580484586),
    ],
)
def test_swaps_follow_the_printed_powers(w_tao, reserve, added, sell, power):
    alpha, tao = (reserve, 10**15) if sell else (10**15, reserve)
    out = pools.balancer_out(alpha, tao, w_tao, added, sell)
    assert out / 10**15 == pytest.approx(1 - power, abs=2e-15)


def test_a_power_that_is_exact_pays_exactly():
    # (1 / 2)^3 at weights 0.75 and 0.25: seven eighths; and 1 - 2/3 of 3
    assert pools.balancer_out(1_000, 8_000, 0.25, 1_000, sell=True) == 7_000
    assert pools.balancer_out(2, 3, 0.5, 1, sell=True) == 1


def test_equal_weights_are_a_constant_product():
    # ST tests.rs test_swap_basic: 4 * 10^9 alpha, 10^9 TAO, net 10^9 TAO in
    assert pools.balancer_out(4 * 10**9, 10**9, 0.5, 10**9, sell=False) == 2 * 10**9
    assert pools.balancer_out(4 * 10**9, 10**9, 0.5, 123_456, sell=True) == 30_863  # 30863.04


@pytest.mark.parametrize("w_tao", [0.5, 0.50000001, 0.49999999, 0.1, 0.9])
@pytest.mark.parametrize(("tao", "alpha"), [(1500, 1000), (1, 1_000_000), (1_000_000, 1)])
@pytest.mark.parametrize("amount", [1, 10_000, 1_000_000, 2**64 - 1])
def test_swaps_of_any_size_are_within_two_of_the_float_formula(w_tao, tao, alpha, amount):
    # ST tests.rs test_convert_deltas
    ratio = (1 - w_tao) / w_tao
    sold = tao * (1 - (alpha / (alpha + amount)) ** ratio)
    bought = alpha * (1 - (tao / (tao + amount)) ** (1 / ratio))
    assert abs(pools.balancer_out(alpha, tao, w_tao, amount, sell=True) - int(sold)) <= 2
    assert abs(pools.balancer_out(alpha, tao, w_tao, amount, sell=False) - int(bought)) <= 2


def test_nothing_in_pays_nothing_out():
    assert pools.balancer_out(10, 10, 0.3, 0, sell=True) == 0


def test_a_negative_amount_is_refused():
    with pytest.raises(ValueError, match="net_in"):
        pools.balancer_out(10, 10, 0.3, -1, sell=True)


def test_a_swap_moves_reserves_by_net_input_and_output_and_the_fee_leaves():
    # 10^9 rao less 503,547 bring 999,496,453 of 4 * 10^9 + 999,496,453 alpha: 199,919,439.0
    swap = pools.balancer_swap(4 * 10**9, 10**9, 0.5, 10**9, sell=True)
    assert swap.fee == 503_547
    assert swap.out == 10**9 * 999_496_453 // 4_999_496_453
    assert (swap.alpha, swap.tao) == (4_999_496_453, 10**9 - swap.out)
    bought = pools.balancer_swap(4 * 10**9, 10**9, 0.5, 10**9, sell=False)
    assert (bought.alpha, bought.tao) == (4 * 10**9 - bought.out, 1_999_496_453)


def test_a_net_input_above_a_thousand_reserves_is_refused():
    # ST tests.rs test_swap_rejects_input_over_1000x_input_reserve, test_sim_swap..., test_swap_allows...
    for sell in (True, False):
        assert pools.balancer_swap(1_000, 1_000, 0.5, 1_000_000, sell, rate_u16=0).out == 999
        with pytest.raises(ValueError, match="1000 times"):
            pools.balancer_swap(1_000, 1_000, 0.5, 1_000_001, sell, rate_u16=0)
        with pytest.raises(ValueError, match="1000 times"):
            pools.balancer_swap(1_000, 1_000, 0.5, 1_001_000, sell)


@given(reserves, reserves, weights, st.integers(0, 10**16), st.booleans())
def test_a_balancer_round_trip_never_gains(alpha, tao, w_tao, amount, sell):
    assume(amount <= 1000 * (alpha if sell else tao))
    there = pools.balancer_swap(alpha, tao, w_tao, amount, sell, rate_u16=0)
    assume(there.alpha > 0 and there.tao > 0)
    assert pools.balancer_out(there.alpha, there.tao, w_tao, there.out, not sell) <= amount


@given(reserves, reserves, weights, st.integers(0, 10**15), st.booleans())
def test_a_balancer_swap_never_pays_more_than_the_marginal_price(alpha, tao, w_tao, amount, sell):
    out = pools.balancer_out(alpha, tao, w_tao, amount, sell)
    price = pools.balancer_price(alpha, tao, w_tao)
    assert 0 <= out <= (tao if sell else alpha)
    assert out <= amount * (price if sell else 1 / price) * (1 + 1e-12) + 0.03


@given(reserves, reserves, weights, st.integers(0, 10**12), st.integers(0, 10**12), st.booleans())
def test_a_larger_balancer_swap_pays_more(alpha, tao, w_tao, amount, more, sell):
    small, large = (pools.balancer_out(alpha, tao, w_tao, size, sell) for size in (amount, amount + more))
    assert small <= large


@pytest.mark.parametrize(
    ("price", "target", "tao_in"), [(0.1, 0.2, 681_792_830), (0.1, 0.05, 0), (0.1, 0.1, 0)]
)
def test_a_buy_to_a_target_price_takes_the_tao_of_the_power_of_the_price_ratio(price, target, tao_in):
    # ST balancer.rs test_calculate_quote_delta_in: 10^9 * (2^0.75 - 1)
    assert pools.balancer_tao_in_to_price(10**9, 0.25, price, target) == tao_in


@pytest.mark.parametrize(("price", "target", "alpha_in"), [(0.2, 0.1, 189_207_115), (0.1, 0.2, 0)])
def test_a_sale_to_a_target_price_takes_the_alpha_of_the_power_of_the_price_ratio(price, target, alpha_in):
    # ST balancer.rs test_calculate_base_delta_in: 10^9 * (2^0.25 - 1)
    assert pools.balancer_alpha_in_to_price(10**9, 0.25, price, target) == alpha_in


def test_a_price_of_zero_cannot_be_reached():
    with pytest.raises(ValueError, match="prices"):
        pools.balancer_alpha_in_to_price(10**9, 0.5, 0.2, 0.0)


@given(st.integers(10**9, 10**15), st.integers(10**9, 10**15), weights, st.floats(1.001, 100.0))
def test_swapping_the_amount_to_a_price_arrives_there(alpha, tao, w_tao, factor):
    price = pools.balancer_price(alpha, tao, w_tao)
    tao_in = pools.balancer_tao_in_to_price(tao, w_tao, price, price * factor)
    alpha_in = pools.balancer_alpha_in_to_price(alpha, w_tao, price, price / factor)
    assume(tao_in <= 1000 * tao and alpha_in <= 1000 * alpha)
    up = pools.balancer_swap(alpha, tao, w_tao, tao_in, sell=False, rate_u16=0)
    down = pools.balancer_swap(alpha, tao, w_tao, alpha_in, sell=True, rate_u16=0)
    assume(min(up.alpha, down.tao) > 10**6)  # a rao must not matter
    assert pools.balancer_price(up.alpha, up.tao, w_tao) == pytest.approx(price * factor, rel=1e-5)
    assert pools.balancer_price(down.alpha, down.tao, w_tao) == pytest.approx(price / factor, rel=1e-5)


def test_the_alpha_needed_for_a_sum_of_tao_is_the_printed_one():
    # ST balancer.rs test_base_needed_for_quote: 10^9 * ((10^9 / (10^9 - 1123432))^(1/3) - 1)
    assert pools.balancer_alpha_needed(10**9, 10**9, 0.25, 1_123_432) == 374_758


def test_round_figures_come_out_whole():
    # equal weights: sqrt(1.21) = 1.1 needs a tenth of the reserve; 10^12 / (11 - 1); 10^15 / (10^13 - 1)
    assert pools.balancer_tao_in_to_price(10**12, 0.5, 1, 1.21) == 10**11
    assert pools.balancer_alpha_in_to_price(10**12, 0.5, 1.21, 1) == 10**11
    assert pools.balancer_alpha_needed(10**12, 11 * 10**9, 0.5, 10**9) == 10**11
    assert pools.balancer_alpha_needed(10**15, 10**13, 0.5, 1) == 100


def test_tao_that_a_pool_does_not_have_cannot_be_wanted():
    with pytest.raises(ValueError, match="tao_wanted"):
        pools.balancer_alpha_needed(10, 10, 0.5, 10)


@given(st.integers(10**9, 10**15), st.integers(10**9, 10**15), weights, st.floats(0.001, 0.9))
def test_selling_the_alpha_needed_brings_the_tao_wanted(alpha, tao, w_tao, part):
    wanted = int(tao * part)
    needed = pools.balancer_alpha_needed(alpha, tao, w_tao, wanted)
    assume(needed < 1000 * alpha)
    price = pools.balancer_price(alpha, tao, w_tao)
    assert pools.balancer_out(alpha, tao, w_tao, needed, sell=True) <= wanted + 1
    assert pools.balancer_out(alpha, tao, w_tao, needed + 1, sell=True) >= wanted - 1 - price


@pytest.mark.parametrize(
    ("d_alpha", "d_tao", "weight"),
    [
        # price 0.25, as in ST tests.rs test_adjust_protocol_liquidity_happy
        (0, 0, 0.5),
        (10**12, 0, 1 / 2.25),
        (0, 10**12, 2 / 3),
        (4 * 10**12, 10**12, 0.5),
    ],
)
def test_adding_liquidity_shifts_the_weights(d_alpha, d_tao, weight):
    added = pools.balancer_add_liquidity(4 * 10**12, 10**12, 0.5, d_alpha, d_tao)
    assert added == pytest.approx(weight, abs=1e-16)


def test_liquidity_that_would_break_the_bounds_is_not_added():
    assert pools.balancer_add_liquidity(10**6, 10**6, 0.5, 98 * 10**6, 0) == 0.01
    assert pools.balancer_add_liquidity(10**6, 10**6, 0.5, 99 * 10**6, 0) is None
    assert pools.balancer_add_liquidity(10**6, 10**6, 0.5, 0, 99 * 10**6) is None


def test_added_liquidity_moves_the_weight_of_a_small_pool_exactly():
    # p = 501/1001: (501 + 20) / (p (1001 + 10) + 501 + 20) = 521 x 1001 / (501 x 1011 + 521 x 1001)
    assert pools.balancer_add_liquidity(1001, 501, 0.5, 10, 20) == pytest.approx(521521 / 1028032, rel=1e-15)


def test_a_pool_that_stays_empty_on_a_side_keeps_equal_weights():
    # ST tests.rs test_adjust_protocol_liquidity_zero_alpha
    assert pools.balancer_add_liquidity(0, 10**12, 0.3, 0, 5) == 0.5
    assert pools.balancer_add_liquidity(0, 10**12, 0.3, 5, 5) is None


@given(
    st.integers(10**9, 10**15),
    st.integers(10**9, 10**15),
    weights,
    st.integers(0, 10**14),
    st.integers(0, 10**14),
)
def test_adding_liquidity_keeps_the_price(alpha, tao, w_tao, d_alpha, d_tao):
    weight = pools.balancer_add_liquidity(alpha, tao, w_tao, d_alpha, d_tao)
    if weight is not None:
        before = pools.balancer_price(alpha, tao, w_tao)
        assert pools.balancer_price(alpha + d_alpha, tao + d_tao, weight) == pytest.approx(before, rel=1e-12)


# --- superellipse


def test_the_axes_are_twice_the_weighted_reserves():
    assert pools.superellipse_calibrate(1000, 400, 0.25) == (500.0, 600.0)


@pytest.mark.parametrize(("alpha", "tao", "w_tao"), [(0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.0), (1, 1, 1.0)])
def test_an_empty_pool_has_no_ellipse(alpha, tao, w_tao):
    with pytest.raises(ValueError, match="w_tao"):
        pools.superellipse_calibrate(alpha, tao, w_tao)


@pytest.mark.parametrize("w_tao", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_calibration_keeps_the_balancer_price_and_its_slope(w_tao):
    # RAO calibration_preserves_price_and_local_sensitivity: d ln p / d tao = 1 / (w_alpha tao)
    alpha, tao = 10**13, 5 * 10**11
    a, b = pools.superellipse_calibrate(alpha, tao, w_tao)
    price = pools.superellipse_price(a, b, a, b)
    assert price == pytest.approx(pools.balancer_price(alpha, tao, w_tao), rel=1e-12)
    swap = pools.superellipse_swap(a, b, a, b, 100_000, sell=False)
    slope = math.log(pools.superellipse_price(a, b, swap.X, swap.Y) / price) / 100_000
    assert slope == pytest.approx(1 / ((1 - w_tao) * tao), rel=1e-4)


@pytest.mark.parametrize("amount", [0, 1, 100, 1_000, 100_000])
def test_a_buy_on_the_ellipse_pays_the_closed_form(amount):
    # RAO buys_and_sells_follow_ellipse_and_round_in_pools_favor: 10^7 (sqrt(2 - (1 - q / 5e5)^2) - 1)
    a, b = pools.superellipse_calibrate(10_000_000, 500_000, 0.5)
    swap = pools.superellipse_swap(a, b, a, b, amount, sell=False)
    assert swap.out == pytest.approx(10_000_000 * (math.sqrt(2 - (1 - amount / 500_000) ** 2) - 1), abs=1e-7)
    assert a + swap.out == swap.X
    assert b - amount == swap.Y


def test_the_ellipse_ends_where_an_input_uses_up_its_coordinate():
    # RAO domain_and_physical_reserves_are_enforced: 999 of 1000 TAO, 9999 of 10000 alpha
    a, b = pools.superellipse_calibrate(10_000, 1_000, 0.5)
    assert pools.superellipse_swap(a, b, a, b, 999, sell=False).Y == 1.0
    assert pools.superellipse_swap(a, b, a, b, 9_999, sell=True).X == 1.0
    for amount, sell in ((1_000, False), (10_000, True), (-1, True)):
        with pytest.raises(ValueError, match="net_in"):
            pools.superellipse_swap(a, b, a, b, amount, sell)


@given(st.floats(1, 1e6), st.floats(1, 1e6), weights, st.floats(0.0, 0.999), st.booleans())
def test_a_swap_stays_on_the_ellipse_and_its_way_back_returns(alpha, tao, w_tao, part, sell):
    a, b = pools.superellipse_calibrate(alpha, tao, w_tao)
    there = pools.superellipse_swap(a, b, a, b, part * (a if sell else b), sell)
    assert (there.X / a) ** 2 + (there.Y / b) ** 2 == pytest.approx(2.0)
    back = pools.superellipse_swap(a, b, there.X, there.Y, there.out, not sell)
    assert pytest.approx(a) == back.X
    assert pytest.approx(b) == back.Y


@given(st.floats(1, 1e6), st.floats(1, 1e6), weights, st.floats(0.001, 0.999))
def test_on_the_ellipse_buying_raises_the_price_and_selling_lowers_it(alpha, tao, w_tao, part):
    a, b = pools.superellipse_calibrate(alpha, tao, w_tao)
    bought = pools.superellipse_swap(a, b, a, b, part * b, sell=False)
    sold = pools.superellipse_swap(a, b, a, b, part * a, sell=True)
    before = pools.superellipse_price(a, b, a, b)
    assert pools.superellipse_price(a, b, sold.X, sold.Y) < before
    assert pools.superellipse_price(a, b, bought.X, bought.Y) > before


@pytest.mark.parametrize(("a", "b", "X", "Y"), [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, -1)])
def test_a_superellipse_without_extent_is_refused(a, b, X, Y):
    with pytest.raises(ValueError, match="must be above zero"):
        pools.superellipse_price(a, b, X, Y)
    with pytest.raises(ValueError, match="must be above zero"):
        pools.superellipse_swap(a, b, X, Y, 0.1, sell=True)


# --- curation


def test_an_empty_pool_gives_the_printed_shares_for_1000_grt():
    # GC signalAmountFor1000Tokens, minimum 100: 3.162277660168379331
    assert pools.curation_mint(0, 0, 1000, 0.5, 100) == pytest.approx(3.162277660168379331, rel=1e-15)


def test_the_first_minimum_deposit_is_one_share():
    assert pools.curation_mint(0, 0, 100, 0.5, 100) == 1.0
    with pytest.raises(ValueError, match="first"):
        pools.curation_mint(0, 0, 99, 0.5, 100)
    for deposit, minimum in [(math.nan, 1), (-1, 1), (1, 0)]:
        with pytest.raises(ValueError, match="must be"):
            pools.curation_mint(0, 0, deposit, 0.5, minimum)


def test_later_deposits_have_no_minimum_and_buy_less():
    # from 100 to 400 tokens at ratio one half: the shares double
    assert pools.curation_mint(100.0, 10.0, 300.0, 0.5, 100.0) == pytest.approx(10.0)
    assert 0 < pools.curation_mint(100.0, 10.0, 0.001, 0.5, 100.0) < 0.0001


def test_one_share_of_the_printed_pool_is_worth_the_printed_tokens():
    # GC "should allow to redeem partially": 532.455532033675866536
    assert pools.curation_burn(1000, 3.162277660168379331, 1, 0.5) == pytest.approx(
        532.455532033675866536, rel=1e-14
    )


def test_all_shares_return_exactly_the_pool():
    # GC "should collect tokens and then unsignal all": 1000 deposited, 100 collected
    assert pools.curation_burn(1100, 3.162277660168379331, 3.162277660168379331, 0.5) == 1100


def test_a_ratio_of_one_is_the_flat_curve():
    assert pools.curation_mint(1000.0, 500.0, 30.0, 1.0, 1.0) == pytest.approx(15.0)
    assert pools.curation_burn(1000.0, 500.0, 15.0, 1.0) == pytest.approx(30.0)


@pytest.mark.parametrize("ratio", [0.0, 1.1])
def test_a_reserve_ratio_outside_its_range_is_refused(ratio):
    with pytest.raises(ValueError, match="reserve_ratio"):
        pools.curation_mint(1, 1, 1, ratio, 1)


def test_more_shares_than_there_are_cannot_be_burned():
    with pytest.raises(ValueError, match="shares"):
        pools.curation_burn(10.0, 5.0, 6.0, 0.5)
    with pytest.raises(ValueError, match="shares"):
        pools.curation_burn_flat(10, 5, 6)


@given(st.floats(1, 1e8), st.floats(0.1, 1e5), st.floats(1e-3, 1e8), st.sampled_from([0.3, 0.5, 1.0]))
def test_burning_what_a_deposit_minted_returns_the_deposit(tokens, shares, deposit, ratio):
    minted = pools.curation_mint(tokens, shares, deposit, ratio, 1.0)
    returned = pools.curation_burn(tokens + deposit, shares + minted, minted, ratio)
    assert returned == pytest.approx(deposit, rel=1e-6, abs=1e-6 * tokens)


@given(st.lists(st.floats(1.0, 1e6), min_size=2, max_size=6))
def test_on_the_convex_curve_an_early_share_is_cheaper(deposits):
    tokens = shares = 0.0
    costs = []
    for deposit in deposits:
        minted = pools.curation_mint(tokens, shares, deposit, 0.5, 1.0)
        costs.append(deposit / minted)
        tokens, shares = tokens + deposit, shares + minted
    assert costs == sorted(costs)


def test_the_flat_curve_starts_at_one_share_a_token_and_goes_on_pro_rata():
    assert pools.curation_mint_flat(0, 0, 5 * 10**18) == 5 * 10**18
    assert pools.curation_mint_flat(1000.0, 500.0, 30.0) == 15.0
    assert pools.curation_burn_flat(1100.0, 1000.0, 500.0) == 550.0


def test_wei_are_divided_downwards_on_the_flat_curve():
    # L2Curation.sol: 2 * 10 // 3 and 10 * 1 // 3
    assert pools.curation_mint_flat(3, 2, 10) == 6
    assert pools.curation_burn_flat(10, 3, 1) == 3
    assert pools.curation_burn_flat(10, 3, 3) == 10


@given(st.integers(1, 10**27), st.integers(1, 10**27), st.integers(0, 10**27))
def test_the_flat_curve_never_returns_more_than_was_paid(tokens, shares, deposit):
    minted = pools.curation_mint_flat(tokens, shares, deposit)
    assert pools.curation_burn_flat(tokens + deposit, shares + minted, minted) <= deposit


def test_a_front_runner_takes_out_twice_the_geometric_mean_less_the_stake():
    # stake 100, pool 2500 at exit: 2 * 10 * 50 - 100
    assert pools.front_run_payout(100.0, 2500.0) == pytest.approx(900.0)
    assert pools.front_run_payout(100.0, 100.0) == pytest.approx(100.0)


def test_the_front_runners_closed_form_is_the_curves_own():
    first = pools.curation_mint(0, 0, 300.0, 0.5, 1.0)
    later = pools.curation_mint(300.0, first, 7700.0, 0.5, 1.0)
    assert pools.curation_burn(8000.0, first + later, first, 0.5) == pytest.approx(
        pools.front_run_payout(300.0, 8000.0)
    )


def test_the_bot_of_2021_would_make_17_times_its_stake_from_a_pool_of_81_times_it():
    # 2 sqrt(T / n) - 1 = 17 at T = 81 n; 3.1 k GRT became 52.9 k
    assert pools.front_run_payout(3_100.0, 81 * 3_100.0) == pytest.approx(17 * 3_100.0)


def test_a_pool_smaller_than_the_stake_is_refused():
    with pytest.raises(ValueError, match="net_deposit"):
        pools.front_run_payout(10.0, 9.0)
