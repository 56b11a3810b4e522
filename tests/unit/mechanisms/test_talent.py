"""Talent, against SignalFire's figures and cases worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms import talent


@pytest.mark.parametrize(
    ("retention", "hazard"),
    [(0.80, 0.112), (0.78, 0.124), (0.67, 0.200), (0.64, 0.223)],
    ids=["Anthropic", "DeepMind", "OpenAI", "Meta"],
)
def test_two_year_retention_gives_a_yearly_hazard(retention, hazard):
    assert talent.quit_hazard(retention) == pytest.approx(hazard, abs=5e-4)
    assert math.exp(-2 * talent.quit_hazard(retention)) == pytest.approx(retention)


def test_a_flow_of_e_squared_between_equal_staffs_is_one_util():
    assert talent.utility_gap_from_flow(math.e**2, 1000, 1000) == pytest.approx(1.0)


@given(st.floats(-3, 3), st.integers(1, 10_000), st.integers(1, 10_000))
def test_the_gap_reproduces_the_flows_it_was_taken_from(gap, n_i, n_j):
    forth, back = n_i * math.exp(gap), n_j * math.exp(-gap)  # F_ij = N_i h exp(U_j - U_i)
    assert talent.utility_gap_from_flow(forth / back, n_i, n_j) == pytest.approx(gap, abs=1e-9)


def test_doubling_the_wage_turns_even_odds_into_eight_to_one():
    assert talent.acceptance_after_wage(0.5, 2.0) == pytest.approx(8 / 9)


def test_a_wage_left_alone_changes_nothing():
    assert talent.acceptance_after_wage(0.37, 1.0) == pytest.approx(0.37)


def test_the_sure_stay_sure_whatever_the_wage():
    assert talent.acceptance_after_wage(0.0, 5.0) == 0.0
    assert talent.acceptance_after_wage(1.0, 0.2) == 1.0


def test_three_equal_choices_take_a_third_each():
    assert talent.offer_acceptance(700.0, 700.0, 700.0) == pytest.approx(1 / 3)


def test_ten_people_have_45_channels():
    assert talent.team_pairs(10) == 45  # Brooks (1975), chapter 2: n (n - 1) / 2


def test_two_people_who_spend_half_their_time_on_each_other_do_the_work_of_one():
    assert talent.team_output(2, 0.5) == 1.0
    assert talent.team_output(1, 0.5) == 1.0


def test_the_best_team_at_0_4_percent_a_colleague_has_125():
    assert talent.team_optimum(0.004) == pytest.approx(125.5)


@given(st.floats(0.001, 1), st.floats(0, 1000))
def test_no_team_beats_the_optimum(cost, n):
    best = talent.team_output(talent.team_optimum(cost), cost)
    assert talent.team_output(n, cost) <= best * (1 + 1e-12)


def test_two_rivals_spend_half_the_prize():
    assert talent.tullock(100.0, 2) == (25.0, 50.0, 25.0)


def test_four_rivals_spend_three_quarters():
    assert talent.tullock(100.0, 4) == (18.75, 75.0, 6.25)


def test_a_single_entrant_takes_the_prize_for_nothing():
    assert talent.tullock(100.0, 1) == (0.0, 0.0, 100.0)


@given(st.floats(0, 1e9), st.integers(1, 1000))
def test_effort_and_payoffs_share_out_the_prize(prize, n):
    contest = talent.tullock(prize, n)
    assert contest.effort_total + n * contest.payoff_each == pytest.approx(prize)
    assert n * contest.effort_each == pytest.approx(contest.effort_total)


def test_entry_stops_when_the_payoff_no_longer_covers_it():
    assert talent.contest_entrants(100.0, 4.0) == 5  # 100/25 = 4, 100/36 < 4


def test_risk_halves_volatile_pay_after_ln_4_years():
    assert talent.certainty_equivalent(100.0, 1.0, 1.0, math.log(4)) == pytest.approx(50.0)


def test_sure_pay_is_worth_itself():
    assert talent.certainty_equivalent(100.0, 1.0, 0.0, 4.0) == 100.0


def test_a_newcomer_is_useless_first_and_63_percent_useful_after_the_time_constant():
    assert talent.ramp_up(0.0, 0.35) == 0.0
    assert talent.ramp_up(0.35, 0.35) == pytest.approx(1 - 1 / math.e)


def test_searchers_meet_offers_at_the_square_root_of_tightness():
    assert talent.contact_rate(400, 100, scale=2.0, elasticity=0.5) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: talent.quit_hazard(0.0),
        lambda: talent.utility_gap_from_flow(0, 1, 1),
        lambda: talent.acceptance_after_wage(1.5, 1),
        lambda: talent.team_optimum(0),
        lambda: talent.tullock(1, 0),
        lambda: talent.contact_rate(0, 1, 2, 0.5),
        lambda: talent.team_pairs(1.5),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
