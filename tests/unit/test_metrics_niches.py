"""Niches, concentration, security and token health, against textbooks and cases worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai import metrics

amounts = st.just(0.0) | st.floats(1e-3, 1e9)
sizes = st.lists(amounts, min_size=1, max_size=30).filter(any)


# Censorship
def test_two_of_three_hosts_with_even_odds_stand_half_the_time():
    assert metrics.survival_k_of_n(3, 2, math.log(2), 0.0, 1.0) == pytest.approx(0.5)  # (3 + 1) / 8


def test_a_common_failure_takes_all_hosts():
    assert metrics.survival_k_of_n(3, 2, math.log(2), math.log(2), 1.0) == pytest.approx(0.25)


def test_a_central_service_is_one_of_one():
    assert metrics.survival_k_of_n(1, 1, 0.1, 0.2, 5.0) == pytest.approx(math.exp(-1.5))


@given(st.integers(1, 40), st.integers(0, 41), st.floats(0.01, 2), st.floats(0, 1), st.floats(0, 5))
def test_survival_is_the_binomial_tail(n, k, hazard, common, years):
    p = math.exp(-hazard * years)
    tail = math.fsum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1))
    survival = metrics.survival_k_of_n(n, k, hazard, common, years)
    assert survival == pytest.approx(math.exp(-common * years) * tail, rel=1e-10)


def test_unlike_hosts_follow_the_poisson_binomial():
    # P(at least 2 of 0.5, 0.5, 1) = 1 - 1/4
    assert metrics.at_least_k([0.5, 0.5, 1.0], 2) == pytest.approx(0.75)
    assert metrics.survival_heterogeneous([math.log(2), math.log(2), 0.0], 2, 0.0, 1.0) == pytest.approx(0.75)


def test_more_hosts_than_there_are_cannot_stand():
    assert metrics.at_least_k([0.9, 0.9], 3) == 0.0


def test_a_repaired_host_settles_at_the_share_of_time_up():
    # r / (h + r) = 3/4, from 1
    assert metrics.repairable_availability(1.0, 3.0, 0.0) == 1.0
    assert metrics.repairable_availability(1.0, 3.0, 1e6) == pytest.approx(0.75)
    assert metrics.repairable_availability(1.0, 3.0, math.log(2) / 4) == pytest.approx(0.875)


def test_a_pair_with_repair_has_the_textbook_reliability():
    # One of two with repair: s^2 + (3h + r) s + 2 h^2 = 0, R(t) = (s1 exp(s2 t) - s2 exp(s1 t)) / (s1 - s2)
    h, r, t = 0.4, 2.0, 3.0
    root = math.sqrt((3 * h + r) ** 2 - 8 * h * h)
    s1, s2 = (-(3 * h + r) + root) / 2, (-(3 * h + r) - root) / 2
    expected = (s1 * math.exp(s2 * t) - s2 * math.exp(s1 * t)) / (s1 - s2)
    assert metrics.survival_repairable(2, 1, h, r, 0.0, t) == pytest.approx(expected, rel=1e-10)


@given(st.integers(1, 12), st.floats(0, 2), st.floats(0, 3))
def test_without_repair_the_chain_is_the_binomial(n, hazard, years):
    k = (n + 1) // 2
    chain = metrics.survival_repairable(n, k, hazard, 0.0, 0.1, years)
    assert chain == pytest.approx(metrics.survival_k_of_n(n, k, hazard, 0.1, years), abs=1e-10)


@given(st.floats(0.01, 2), st.floats(0, 10), st.floats(0, 3))
def test_repair_only_helps(hazard, repair, years):
    without = metrics.survival_repairable(5, 3, hazard, 0.0, 0.0, years)
    assert metrics.survival_repairable(5, 3, hazard, repair, 0.0, years) >= without - 1e-12


def test_users_behind_a_block_do_not_count_as_reached():
    assert metrics.reachable_share([60.0, 30.0, 10.0], [True, False, True]) == pytest.approx(0.7)


# Cost, specialised models, privacy
def test_half_the_unit_cost_saves_half():
    assert metrics.savings_share(1.5, 3.0) == 0.5
    assert metrics.savings_share(6.0, 3.0) == -1.0


def test_a_cheap_model_wins_within_its_price_advantage():
    # lambda = 1.11/0.11 = 10.1 points per log price; a tenth of the price is worth 23.2 points
    wins = metrics.win_share([130.0, 126.0], [150.0, 150.0], 0.1, 1.11, 0.11)
    assert wins == 0.5


def test_a_tie_is_no_win():
    assert metrics.win_share([150.0], [150.0], 1.0, 1.0, 1.0) == 0.0


def test_confidential_serving_pays_when_privacy_is_worth_more_than_the_loss():
    assert metrics.confidential_is_viable(0.8, 1.11, 0.07)
    assert not metrics.confidential_is_viable(0.05, 1.11, 0.07)  # exp(0.045) = 1.046 < 1/0.93 = 1.075
    assert not metrics.confidential_is_viable(9.0, 1.11, 1.0)


# Concentration
def test_the_example_of_the_merger_guidelines_scores_2600():
    # US Department of Justice, "Herfindahl-Hirschman Index": four firms of 30, 30, 20 and 20 percent
    assert metrics.hhi([30, 30, 20, 20]) == pytest.approx(2600)


def test_a_monopoly_scores_10000():
    assert metrics.hhi([7.0]) == 1e4


def test_equal_holdings_have_no_inequality():
    assert metrics.gini([3.0] * 8) == pytest.approx(0.0)


def test_one_owner_of_everything_among_four_has_gini_three_quarters():
    assert metrics.gini([0, 0, 0, 9]) == 0.75


def test_one_to_five_have_gini_four_fifteenths():
    # sum |xi - xj| over all 25 pairs = 40; 40 / (2 x 25 x 3)
    assert metrics.gini([5, 1, 4, 2, 3]) == pytest.approx(4 / 15)


@given(sizes)
def test_gini_is_half_the_relative_mean_difference(x):
    values = np.array(x)
    expected = np.abs(values[:, None] - values).sum() / (2 * len(x) ** 2 * values.mean())
    assert metrics.gini(x) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("shares", "theta", "holders"),
    [
        ([0.4, 0.3, 0.2, 0.1], 0.5, 2),
        ([50, 50], 0.5, 2),
        ([51, 49], 0.5, 1),
        ([1] * 10, 0.5, 6),
        ([1] * 3, 1 / 3, 2),
        ([0.2] * 5, 0.6, 4),
        ([1] * 3, 0.0, 1),
    ],
)
def test_nakamoto_counts_the_fewest_who_exceed_the_threshold(shares, theta, holders):
    assert metrics.nakamoto(shares, theta) == holders


@given(sizes, st.sampled_from([1 / 3, 1 / 2, 2 / 3]), st.randoms())
def test_concentration_ignores_order_and_unit(x, theta, random):
    shuffled = [3 * value for value in x]
    random.shuffle(shuffled)
    assert metrics.nakamoto(shuffled, theta) == metrics.nakamoto(x, theta)
    assert metrics.hhi(shuffled) == pytest.approx(metrics.hhi(x))
    assert metrics.gini(shuffled) == pytest.approx(metrics.gini(x), abs=1e-9)


def test_the_best_two_of_four_hold_nine_tenths():
    assert metrics.top_share([1, 60, 9, 30], 2) == 0.9


def test_nothing_to_share_has_no_concentration():
    assert math.isnan(metrics.hhi([0.0, 0.0]))
    assert math.isnan(metrics.gini([]))


# Security
def test_half_of_stake_costs_as_much_again_at_the_mean_price():
    # 1,000 tokens at 2 USD, rising by a half over the order: 1,000 x 2 x 1.25
    assert metrics.cost_to_attack(1000, 0.5, 2.0, 0.5) == pytest.approx(2500)


def test_a_third_of_stake_takes_half_as_many_tokens():
    assert metrics.stake_to_hold(1000, 1 / 3) == pytest.approx(500)


@given(st.floats(1, 1e9), st.floats(0, 0.99))
def test_the_attacker_then_holds_the_share(stake, theta):
    bought = metrics.stake_to_hold(stake, theta)
    assert bought / (stake + bought) == pytest.approx(theta, abs=1e-12)


def test_emission_and_fees_make_the_security_budget():
    # Bitcoin after the 2024 halving: 3.125 BTC x 52,560 blocks, 1,000 BTC of fees at 100,000 USD
    assert metrics.security_budget(164_250, 1e5, 1e8) == pytest.approx(16.525e9)
    assert metrics.security_ratio(16.525e9, 2e12) == pytest.approx(0.0082625)


# Token health
def test_money_that_is_paid_twice_its_value_turns_over_twice():
    assert metrics.velocity(20e6, [5e6, 15e6]) == 2.0
    assert metrics.fee_value_floor(20e6, 2.0) == 10e6


def test_dilution_is_issue_over_the_old_supply():
    assert metrics.dilution(50.0, 1000.0) == 0.05


def test_a_treasury_lasts_for_what_it_would_fetch():
    assert metrics.treasury_runway(12e6, 0.5e6, sell_impact=0.25) == pytest.approx(18)
    assert metrics.treasury_runway(1.0, 0.0) == math.inf


def test_newcomers_do_not_raise_retention():
    assert metrics.retention([1, 2, 3, 4], [2, 3, 9, 10, 11]) == 0.5
    assert math.isnan(metrics.retention([], [1]))


def test_a_provider_earns_what_is_left_of_rent():
    # 0.5 x 8,766 h x 2 USD = 8,766; less a tenth, energy 1,000, depreciation 6,000, slashing 100
    profit = metrics.provider_profit(0.5, 2.0, energy=1000, depreciation=6000, take_rate=0.1, slashing=100)
    assert profit == pytest.approx(789.4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.survival_k_of_n(3, 2, -1.0, 0.0, 1.0),
        lambda: metrics.at_least_k([1.2], 1),
        lambda: metrics.survival_repairable(2, 3, 0.1, 0.1, 0.0, 1.0),
        lambda: metrics.hhi([-1.0, 2.0]),
        lambda: metrics.nakamoto([1.0], 1.0),
        lambda: metrics.cost_to_attack(1, 1.0, 1, 0),
        lambda: metrics.win_share([1.0], [1.0], 0.0, 1.0, 1.0),
        lambda: metrics.treasury_runway(1.0, 1.0, sell_impact=2.0),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
