"""Compute of labs: supply, rationing, what a lab can carry, orders; figures worked out by hand."""

import math

import pytest

from simdai.mechanisms import compute_orders as orders

# 14.1e6 H100e a year in mid-2025; growth falls from ln 3.3 to the price fall at constant dollars.
TREND = orders.SupplyTrend(per_year=14.1e6, growth_start=1.194, growth_end=0.322, decay=0.8)


def test_supply_at_the_reference_date_is_what_was_counted():
    assert TREND.at(0.0) == 14.1e6


def test_supply_of_a_year_before_is_smaller_by_the_growth_of_the_time():
    assert TREND.at(0.0) / TREND.at(-1.0) == pytest.approx(math.exp(1.194))


def test_supply_grows_ever_slower_towards_its_long_run_pace():
    # one year on: 0.322 + 0.872/0.8 (1 - e^-0.8) = 0.322 + 1.09 x 0.550671 = 0.922232
    assert math.log(TREND.at(1.0) / 14.1e6) == pytest.approx(0.922232, abs=1e-6)
    assert math.log(TREND.at(41.0) / TREND.at(40.0)) == pytest.approx(0.322, abs=1e-9)


def test_what_is_short_is_rationed_and_what_is_not_short_is_not():
    assert orders.rationed_share(30.0, 40.0) == 0.75
    assert orders.rationed_share(50.0, 40.0) == 1.0
    assert orders.rationed_share(0.0, 0.0) == 1.0


def test_nobody_plans_to_outgrow_the_world_by_more_than_half():
    assert orders.target_growth(4.0, 2.0) == 3.0
    assert orders.target_growth(2.4, 2.0) == 2.4


def test_a_lab_can_carry_what_cash_a_round_and_next_half_years_margin_pay():
    # 0.7 x 10 + 0.05 x 100 + 5 sqrt(4 -> 3) = 12 + 8.660254 = 20.660254e9; 8766 h at 1 USD
    carried = orders.affordable_h100e(10e9, 100e9, 5e9, 4.0, 1.0, cash_share=0.7, valuation_share=0.05)
    assert carried == pytest.approx(20.660254e9 / 8766, rel=1e-7)


def test_debts_carry_nothing_but_take_nothing_either():
    without = orders.affordable_h100e(0.0, 0.0, 5e9, 1.0, 2.0, cash_share=0.7, valuation_share=0.05)
    assert orders.affordable_h100e(-9e9, 0.0, 5e9, 1.0, 2.0, cash_share=0.7, valuation_share=0.05) == without


def test_an_order_fills_what_growth_over_the_lead_time_leaves_open():
    # 100 x 4^1 = 400, less 100 there and 250 coming
    assert orders.order_h100e(100.0, 250.0, 4.0, 1.0, math.inf) == pytest.approx(50.0)
    assert orders.order_h100e(100.0, 250.0, 4.0, 1.0, 380.0) == pytest.approx(30.0)
    assert orders.order_h100e(100.0, 250.0, 4.0, 1.0, 300.0) == 0.0


def test_serving_takes_its_share_of_revenue_in_compute():
    # OpenAI at the start of 2026: 0.37 x 21.4e9 / (8766 x 1.90) = 475,400 H100e
    assert orders.serving_h100e(21.4e9, 0.37, 1.90) == pytest.approx(475_400, rel=1e-4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: orders.SupplyTrend(per_year=0, growth_start=1, growth_end=1, decay=1),
        lambda: orders.rationed_share(-1.0, 1.0),
        lambda: orders.target_growth(0.0, 1.0),
        lambda: orders.affordable_h100e(0, 0, -1, 1, 1, cash_share=0.5, valuation_share=0.5),
        lambda: orders.affordable_h100e(0, 0, 1, 1, 1, cash_share=1.5, valuation_share=0.5),
        lambda: orders.order_h100e(-1, 0, 2, 1, 10),
        lambda: orders.serving_h100e(1.0, 1.1, 1.0),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
