"""Demand, prices over time and rounds, against closed forms and cases worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms import choice, demand

RULE = demand.ValuationRule(
    scale=36.0, at_run_rate=5e9, size_power=-0.25, growth_power=0.25, sentiment_weight=0.25
)


def test_seven_tenths_at_ten_times_the_price_is_a_premium_of_3_40():
    # ln(7/3) + 1.11 ln 10 = 0.847 + 2.556
    assert demand.closed_premium(0.7, 10.0, 1.11) == pytest.approx(3.40, abs=0.005)


def test_the_premium_gives_back_the_share():
    xi = demand.closed_premium(0.7, 10.0, 1.11)
    closed, open_ = demand.logit_shares([xi - 1.11 * math.log(10.0), 0.0])
    assert closed / (closed + open_) == pytest.approx(0.7)


def test_elasticity_is_weaker_for_a_large_seller():
    assert demand.own_price_elasticity(0.3, 1.11) == pytest.approx(-0.777)
    assert demand.own_price_elasticity(1.0, 1.11) == 0.0


def test_the_regulated_pay_twice_for_privacy():
    assert demand.privacy_multiple(0.8, 1.11) == pytest.approx(2.056, abs=5e-4)  # exp(0.7207)


def test_more_than_nine_in_ten_have_moved_within_eight_weeks():
    assert demand.adoption(8) == pytest.approx(1 - math.exp(-3.2))
    assert demand.adoption(2.5 * math.log(2)) == pytest.approx(0.5)


def test_unit_cost_counts_checks_rework_and_idle_hours():
    # 2 x 1.05 x 1.1 / (0.8 x 0.5)
    assert demand.unit_cost(2.0, 0.8, 0.5, 0.1, 0.05) == pytest.approx(5.775)


def test_utility_adds_its_terms():
    u = demand.service_utility(
        150, math.e, beta_q=0.11, beta_p=1.11, privacy=0.8, risk=0.2, log_users=0.05, premium=3.0
    )
    assert u == pytest.approx(16.5 - 1.11 + 0.8 - 0.2 + 0.05 + 3.0)


def test_odds_of_two_and_three_against_one_are_a_third_and_a_half():
    assert demand.logit_shares([math.log(2), math.log(3)]) == pytest.approx([1 / 3, 1 / 2])


def test_a_seller_that_is_not_offered_sells_nothing():
    assert demand.logit_shares([0.0, -np.inf]) == pytest.approx([0.5, 0.0])


def test_huge_utilities_do_not_overflow():
    assert demand.logit_shares([5000.0, 5000.0]) == pytest.approx([0.5, 0.5])


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=6))
def test_berry_inverts_the_logit(utilities):
    assert demand.berry_inversion(demand.logit_shares(utilities)) == pytest.approx(utilities, abs=1e-7)


def test_bass_peaks_at_just_under_half_the_market():
    # Bass (1969): T* = ln(q/p)/(p+q), F(T*) = 1/2 - p/(2q)
    peak = demand.bass_peak_years(0.02, 0.4)
    assert peak == pytest.approx(math.log(20) / 0.42)
    assert demand.bass_adopted(peak, 0.02, 0.4) == pytest.approx(0.475)


@given(st.floats(0, 40), st.floats(0.001, 1), st.floats(0, 2))
def test_bass_solves_its_differential_equation(t, p, q):
    h = 1e-5
    slope = (demand.bass_adopted(t + h, p, q) - demand.bass_adopted(max(t - h, 0), p, q)) / (h + min(t, h))
    f = demand.bass_adopted(t, p, q)
    assert slope == pytest.approx((p + q * f) * (1 - f), abs=1e-4)


def test_without_imitation_adoption_is_fastest_at_launch():
    assert demand.bass_peak_years(0.1, 0.05) == 0.0


def test_a_fixed_quality_is_forty_times_cheaper_each_year():
    assert demand.fixed_quality_price(80.0, 2.0, 40.0) == pytest.approx(0.05)


def test_compute_gets_1_38_times_cheaper_a_year():
    assert demand.chip_price(1.38, 1.0, 0.14) == pytest.approx(1.0, rel=5e-3)


def test_a_vintage_loses_to_progress_and_to_failure():
    assert demand.vintage_value(30_000, 1.0, 1.0, math.log(2)) == pytest.approx(1500.0)


def test_books_write_a_chip_off_in_equal_parts():
    assert demand.book_value(30_000, 2.0, 5.0) == pytest.approx(18_000)
    assert demand.book_value(30_000, 7.0, 5.0) == 0.0


def test_sixteen_times_the_revenue_halves_the_multiple():
    assert RULE.multiple(5e9, 3.0) == pytest.approx(36.0)
    assert RULE.multiple(80e9, 3.0) == pytest.approx(18.0)


def test_growth_counts_up_to_its_bounds():
    assert RULE.multiple(5e9, 48.0) == pytest.approx(36.0 * 2**0.25)
    assert RULE.multiple(5e9, 0.5) == pytest.approx(36.0 * (1 / 3) ** 0.25)


def test_anthropic_in_may_2026_is_worth_about_20_times_its_run_rate():
    # 965e9 USD post-money at 47e9 USD a year (2026-05-28), grown more than six times in a year
    assert RULE.valuation(47e9, 12.0, lab=0.84) == pytest.approx(965e9, rel=0.005)


def test_a_short_runway_makes_attempts_four_times_as_frequent():
    assert demand.round_hazard(1.2, runway=1.0, trigger=1.5) == pytest.approx(4.8)
    assert demand.round_hazard(1.2, runway=2.0, trigger=1.5) == 1.2


def test_a_flat_leader_in_neutral_times_closes_every_second_round():
    weights = {"base": 0.0, "growth_weight": 0.8, "rank_weight": -0.4, "sentiment_weight": 0.8}
    assert demand.round_success(1.0, 0, 0.0, **weights) == 0.5
    assert demand.round_success(1.0, 2, 1.0, **weights) == 0.5
    assert demand.round_success(math.e, 0, 0.0, **weights) == pytest.approx(1 / (1 + math.exp(-0.8)))


def test_young_companies_sell_more_of_themselves_up_to_a_quarter():
    assert demand.round_share(0.1, 5e9) == pytest.approx(0.1)
    assert demand.round_share(0.1, 5e9 / 16) == pytest.approx(0.2)
    assert demand.round_share(0.2, 1e6) == 0.25


def test_nobody_raises_more_than_is_needed():
    assert demand.round_size(900e9, 0.1, need=50e9) == 50e9
    assert demand.round_size(900e9, 0.1, need=200e9) == pytest.approx(90e9)
    assert demand.round_size(900e9, 0.1, need=-1.0) == 0.0


def test_runway_is_cash_over_burn():
    assert demand.runway_years(30e9, 20e9) == 1.5
    assert demand.runway_years(30e9, -1.0) == math.inf
    assert demand.runway_years(-1.0, 5.0) == 0.0


def test_a_replaced_model_is_sold_where_buyers_are_indifferent():
    # 0.11 x 10.1 points = 1.111 utils = 1.0009 log prices at 1.11: e^-1.0009
    price = demand.indifference_price(5.0, 10.1, 0.11, 1.11)
    assert price == pytest.approx(5.0 * math.exp(-1.111 / 1.11))
    old = demand.service_utility(140.0, price / 5.0, beta_q=0.11, beta_p=1.11)
    new = demand.service_utility(150.1, 1.0, beta_q=0.11, beta_p=1.11)
    assert old == pytest.approx(new)


def test_many_choosers_at_once_choose_as_each_alone():
    table = np.array([[0.5, -1.0, -np.inf], [2.0, 2.0, 800.0]])
    for row, shares in zip(table, choice.share_table(table), strict=True):
        assert shares == pytest.approx(demand.logit_shares(row), abs=1e-15)


@pytest.mark.parametrize(
    "call",
    [
        lambda: demand.closed_premium(1.0, 10.0, 1.0),
        lambda: demand.own_price_elasticity(1.2, 1.0),
        lambda: demand.unit_cost(1.0, 0.0, 0.5, 0.0, 0.0),
        lambda: demand.logit_shares([math.nan]),
        lambda: demand.berry_inversion([0.5, 0.5]),
        lambda: demand.adoption(-1),
        lambda: demand.bass_adopted(1, 0, 0.4),
        lambda: demand.book_value(1, 1, 0),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
