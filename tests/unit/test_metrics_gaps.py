"""The four gaps and the arithmetic of growth, against Epoch AI's index table and cases worked by hand."""

import datetime
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai import metrics

DAY = datetime.date

# Epoch Capabilities Index at release, records only (Epoch AI, CC-BY, read 2026-04)
CLOSED = {
    DAY(2024, 6, 20): 130.0,
    DAY(2024, 9, 12): 136.5,
    DAY(2024, 12, 17): 143.0,
    DAY(2025, 3, 25): 145.1,
    DAY(2025, 4, 16): 147.2,
    DAY(2025, 8, 7): 150.0,
    DAY(2025, 12, 11): 153.8,
}
OPEN = {DAY(2024, 7, 23): 128.0, DAY(2025, 1, 20): 139.9, DAY(2025, 7, 25): 145.3, DAY(2025, 11, 6): 145.9}

releases = st.lists(st.tuples(st.integers(0, 400), st.floats(90, 160)), max_size=8)


def test_served_models_lagged_by_260_days_at_the_start_of_2026():
    # Best open 145.9; 147.2 was reached on 2025-04-16, 260 days before
    assert metrics.lag_days(CLOSED, OPEN, DAY(2026, 1, 1)) == 260


def test_an_open_release_that_passes_a_closed_record_shortens_the_lag():
    # On 2025-01-20 the open side reaches 139.9, above 136.5 and below the 143.0 of 2024-12-17
    assert metrics.lag_days(CLOSED, OPEN, DAY(2025, 1, 19)) == 213  # since 2024-06-20
    assert metrics.lag_days(CLOSED, OPEN, DAY(2025, 1, 20)) == 34


def test_the_open_side_does_not_lag_when_it_leads_or_ties():
    assert metrics.lag_days([(0, 10.0)], [(5, 10.0)], 9) == 0.0
    assert metrics.lag_days([(0, 10.0)], [(5, 11.0)], 9) == 0.0


def test_a_worse_later_release_does_not_lower_the_frontier():
    closed = [(0, 10.0), (10, 20.0), (20, 15.0)]
    assert metrics.lag_days(closed, [(1, 12.0)], 30) == 20.0


def test_releases_of_the_future_do_not_count():
    assert metrics.lag_days([(0, 10.0), (50, 30.0)], [(1, 12.0), (60, 40.0)], 40) == 0.0


def test_a_lag_older_than_the_record_is_a_lower_bound():
    closed = [(0, 10.0), (10, 20.0)]
    assert metrics.lag_days(closed, [(5, 8.0)], 30) == 30.0
    assert metrics.lag_is_censored(closed, [(5, 8.0)], 30)
    assert not metrics.lag_is_censored(closed, [(5, 12.0)], 30)


def test_without_an_open_model_the_lag_is_the_age_of_the_record():
    assert metrics.lag_days([(3, 10.0)], [], 30) == 27.0
    assert metrics.lag_is_censored([(3, 10.0)], [], 30)


@given(releases, releases, st.integers(0, 500))
def test_the_lag_is_the_age_of_the_last_day_when_the_frontiers_touched(closed, open_, day):
    def best(record, until):
        return max((q for d, q in record if d <= until), default=-math.inf)

    behind = [s for s in range(day + 1) if best(closed, s) <= best(open_, day)]
    ahead_since = max(behind) + 1 if behind else 0
    lag = metrics.lag_days(closed, open_, day)
    assert lag == (day - ahead_since if ahead_since <= day else 0)


def test_the_mean_lag_runs_over_both_end_days():
    # Ahead since day 10: lags 0, 1, 2, 3 on days 10 to 13
    assert metrics.mean_lag_days([(0, 10.0), (10, 20.0)], [(1, 12.0)], 10, 13) == 1.5


def test_the_largest_closed_run_was_a_thousand_times_the_largest_open_one():
    central = [(DAY(2025, 2, 17), 4.64e26), (DAY(2025, 12, 1), 5e26)]
    decentral = [(DAY(2024, 11, 29), 6e22), (DAY(2026, 3, 9), 4.8e23)]
    assert metrics.largest_run_ratio(central, decentral, DAY(2026, 3, 31)) == pytest.approx(1041.7, abs=0.05)


def test_runs_older_than_a_year_drop_out():
    assert metrics.largest_run_ratio([(0, 1e25)], [(0, 1e21)], 400) != 1e4
    assert metrics.largest_run_ratio([(399, 1e25)], [(0, 1e21)], 400) == math.inf


def test_scale_is_a_ratio_and_its_logarithm():
    assert metrics.scale_ratio(300.0, 3.0) == 100.0
    assert metrics.oom(100.0) == 2.0


def test_idle_slow_nodes_count_for_less_than_an_h100():
    # Two H100 at MFU 0.2 against 0.4, half the time away, 0.9 of the rest computing
    effective = metrics.effective_h100e(
        [9.89e14, 9.89e14], 0.2, 0.5, 0.9, reference_flops=9.89e14, reference_mfu=0.4
    )
    assert effective == pytest.approx(2 * 0.5 * 0.5 * 0.9)


def test_a_gap_of_1000_closes_in_three_years_at_ten_times_the_growth():
    assert metrics.time_to_close_years(1000.0, 20.0, 2.0) == pytest.approx(3.0)


def test_a_gap_never_closes_without_faster_growth():
    assert metrics.time_to_close_years(1000.0, 2.0, 2.0) == math.inf
    assert metrics.time_to_close_years(1.0, 2.0, 3.0) == 0.0


@given(st.floats(1.01, 1e6), st.floats(1.0, 10), st.floats(1.2, 10))
def test_sizes_are_equal_when_the_gap_closes(ratio, growth_central, faster):
    years = metrics.time_to_close_years(ratio, growth_central * faster, growth_central)
    assert ratio * growth_central**years / (growth_central * faster) ** years == pytest.approx(1.0, rel=1e-6)


def test_labour_weighs_ability_by_time():
    assert metrics.effective_labour([1.0, 2.0, 4.0], [1.0, 0.25, 0.5]) == 3.5


def test_the_top_decile_of_twenty_is_two_people():
    assert metrics.top_decile_share(np.arange(10) + 10.5, np.arange(10)) == 1.0
    assert metrics.top_decile_share([9.0, *range(9)], [10.0, *range(9)]) == 0.5


def test_a_drain_to_the_labs_is_positive():
    assert metrics.net_flow_rate(30, 10, decentral_stock=200, years=0.5) == pytest.approx(0.2)


def test_medians_are_compared_by_ratio_and_difference():
    assert metrics.median_lead([4.0, 5.0, 60.0], [21.0, 20.0, 22.0]) == (4.2, 16.0)


def test_the_scoreboard_averages_gaps_over_their_reference():
    assert metrics.gap_index([2.0, 3.0, 1.0, 4.0], [1.0, 3.0, 2.0, 8.0]) == 1.0


def test_sixteen_fold_in_four_years_is_doubling():
    assert metrics.annual_factor(1.0, 16.0, 4.0) == pytest.approx(2.0)


def test_a_hundred_fold_at_ten_a_year_takes_two_years():
    assert metrics.year_reached(1.0, 100.0, 2025.5, 10.0) == pytest.approx(2027.5)
    assert metrics.year_reached(100.0, 1.0, 2025.5, 10.0) == pytest.approx(2023.5)


def test_four_fold_a_year_doubles_in_six_months():
    assert metrics.doubling_months(4.0) == pytest.approx(6.0)


def test_halving_in_eight_months_is_2_83_fold_a_year():
    assert metrics.factor_from_halving(8) == pytest.approx(2 * math.sqrt(2))  # Ho et al., arXiv:2403.05812


def test_doubling_in_two_years_is_1_41_fold_a_year():
    assert metrics.factor_from_doubling_years(2.0) == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.time_to_close_years(0, 1, 1),
        lambda: metrics.annual_factor(0, 1, 1),
        lambda: metrics.lag_days([(0, math.nan)], [], 1),
        lambda: metrics.mean_lag_days([], [], 3, 2),
        lambda: metrics.median_lead([], [1.0]),
        lambda: metrics.gap_index([1.0], [0.0]),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match=r"must|needs"):
        call()
