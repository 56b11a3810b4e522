"""Venture and token returns, against the buckets of Correlation Ventures and closed forms of the mixture."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai import metrics

# Correlation Ventures, US financings of 2004-13 (sethlevine.com, 2014-08-12)
BUCKETS = {
    (0, 1): 0.648,
    (1, 5): 0.253,
    (5, 10): 0.059,
    (10, 20): 0.025,
    (20, 50): 0.011,
    (50, np.inf): 0.004,
}


@pytest.mark.parametrize(("s_low", "s_high", "ratio"), [(0.04, 0.015, 2), (0.04, 0.004, 5)])
def test_the_tail_of_venture_returns_has_an_exponent_near_1_42(s_low, s_high, ratio):
    # Survival 0.04 at 10x, 0.015 at 20x, 0.004 at 50x
    assert metrics.tail_exponent(s_low, s_high, ratio) == pytest.approx(1.42, abs=0.015)


def test_a_quarter_left_at_twice_the_size_is_exponent_two():
    assert metrics.tail_exponent(0.4, 0.1, 2.0) == pytest.approx(2.0)


def test_57_holdings_give_nine_chances_in_ten_of_a_ten_bagger():
    assert metrics.holdings_for(0.04) == 57
    assert metrics.any_hit(0.04, 57) > 0.9 > metrics.any_hit(0.04, 56)


def test_an_exact_number_of_holdings_is_not_rounded_up():
    assert metrics.holdings_for(0.1, 1 - 0.9**2) == 2
    assert metrics.holdings_for(0.5, 0.75) == 2


def test_a_rare_hit_keeps_its_digits():
    assert metrics.any_hit(1e-12, 1) == pytest.approx(1e-12, rel=1e-12)
    assert metrics.any_hit(1.0, 3) == 1.0


@given(st.floats(1e-4, 0.99), st.floats(0.01, 0.99))
def test_one_holding_fewer_would_not_do(p, confidence):
    n = metrics.holdings_for(p, confidence)
    assert metrics.any_hit(p, n) >= confidence - 1e-8
    assert n == 0 or metrics.any_hit(p, n - 1) < confidence + 1e-8


def test_the_tokens_of_2020_21_died_at_46_percent_a_year():
    # CoinGecko, 2024-01: 68.5 % dead after about 2.5 years
    assert metrics.constant_hazard(0.685, 2.5) == pytest.approx(0.46, abs=0.005)


def test_a_constant_hazard_of_ln_2_kills_half_in_a_year():
    assert metrics.constant_hazard(0.5, 1.0) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("u", "multiple"),
    [
        (0.1, 0.0),
        (0.35 * 0.648, 0.0),
        (0.648, 1.0),
        (0.648 + 0.253 / 2, math.sqrt(5)),
        (0.901, 5.0),
        (0.96, 10.0),
    ],
)
def test_the_buckets_end_where_the_source_ends_them(u, multiple):
    assert metrics.venture_quantile(u) == pytest.approx(multiple, rel=1e-9)


def test_the_median_stake_loses_a_third():
    # (0.5 - 0.2268) / 0.4212
    assert metrics.venture_quantile(0.5) == pytest.approx(0.6486, abs=5e-5)


def test_the_tail_is_pareto_from_ten():
    # survival 0.04 (10/x)**2 at exponent 2: 1 % lie above 20
    assert metrics.venture_quantile(0.99, tail_alpha=2.0) == pytest.approx(20.0)
    assert metrics.venture_quantile(1.0) == math.inf


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_quantiles_do_not_fall(u):
    ordered = metrics.venture_quantile(sorted(u))
    assert np.all(ordered[1:] >= ordered[:-1] - 1e-9)


@pytest.mark.statistical
def test_draws_fill_the_buckets_in_the_printed_shares():
    draws = metrics.venture_multiples(np.random.default_rng(20261122), 200_000)
    for (low, high), share in BUCKETS.items():
        error = math.sqrt(share * (1 - share) / draws.size)
        # 0.0005: the fitted exponent gives 1.495 % above 20x and 0.407 % above 50x; printed are 1.5 and 0.4
        assert abs(np.mean((draws >= low) & (draws < high)) - share) < 4.5 * error + 0.0005
        assert error < 0.15 * share, "too noisy to say anything"


def test_a_lighter_tail_has_the_mean_of_its_parts():
    # 0.648 x 0.65 / 2 + 0.253 x 4/ln 5 + 0.059 x 5/ln 2 + 0.04 x 10 x 4/3
    expected = 0.2106 + 0.253 * 4 / math.log(5) + 0.059 * 5 / math.log(2) + 0.04 * 10 * 4 / 3
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    assert metrics.venture_quantile(u, tail_alpha=4.0).mean() == pytest.approx(expected, rel=1e-3)


def test_the_same_generator_gives_the_same_draws():
    a = metrics.venture_multiples(np.random.default_rng(7), (3, 5))
    b = metrics.venture_multiples(np.random.default_rng(7), (3, 5))
    assert a.shape == (3, 5)
    assert np.array_equal(a, b)


@pytest.mark.statistical
def test_tokens_die_at_their_hazard():
    draws = metrics.token_multiples(np.random.default_rng(20261122), 100_000, years=2.5)
    # Dead by hazard, or alive and wiped out: 1 - exp(-1.15) (1 - 0.2268)
    expected = 1 - math.exp(-1.15) * (1 - 0.35 * 0.648)
    error = math.sqrt(expected * (1 - expected) / draws.size)
    assert abs(np.mean(draws == 0) - expected) < 4 * error < 0.02


def test_a_token_of_today_is_a_venture_stake_with_a_heavier_tail():
    u = np.linspace(0, 0.999, 50)
    assert metrics.token_quantile(u, years=0.0) == pytest.approx(metrics.venture_quantile(u, tail_alpha=1.2))


@given(st.floats(0, 0.999), st.floats(0, 5), st.floats(0, 5))
def test_waiting_longer_never_helps_a_token(u, years, more):
    later = metrics.token_quantile(u, years + more)
    assert later <= metrics.token_quantile(u, years) * (1 + 1e-9) + 1e-9


def test_outcomes_below_a_tenth_count_as_nothing():
    assert metrics.zero_share([0.0, 0.05, 0.1, 3.0]) == 0.5


def test_one_shared_factor_moves_all_holdings_together():
    u = metrics.correlated_uniforms(np.random.default_rng(1), 4, 3, [0.6, 0.8])
    assert u.shape == (4, 3)
    assert u == pytest.approx(np.repeat(u[:, :1], 3, axis=1))


@pytest.mark.statistical
def test_holdings_correlate_by_the_squared_loadings():
    from scipy.special import ndtri

    u = metrics.correlated_uniforms(np.random.default_rng(20261122), 40_000, 2, [0.6, 0.4])
    z = ndtri(u)
    # sd of a sample correlation is (1 - r^2)/sqrt(n) = 0.0037
    assert abs(np.corrcoef(z.T)[0, 1] - 0.52) < 0.015
    assert abs(u.mean() - 0.5) < 0.01


def test_a_portfolio_returns_the_mean_of_its_stakes():
    assert metrics.portfolio_multiples([[0.0, 4.0], [1.0, 2.0]]) == pytest.approx([2.0, 1.5])
    assert metrics.portfolio_multiples([[0.0, 4.0]], weights=[3.0, 1.0]) == pytest.approx([1.0])


def test_quantiles_are_those_of_portfolios_not_of_stakes():
    outcomes = [[0.0, 2.0], [2.0, 4.0], [5.0, 5.0]]
    assert metrics.portfolio_quantiles(outcomes, [0.0, 0.5, 1.0]) == pytest.approx([1.0, 3.0, 5.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.tail_exponent(0.1, 0.0, 2),
        lambda: metrics.any_hit(1.2, 3),
        lambda: metrics.holdings_for(0.0),
        lambda: metrics.constant_hazard(1.0, 1.0),
        lambda: metrics.venture_quantile(1.5),
        lambda: metrics.correlated_uniforms(np.random.default_rng(1), 1, 1, [0.9, 0.9]),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
