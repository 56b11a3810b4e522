"""The labour market's rules, against cases worked by hand and the closed forms they come from."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms import labour, queues, talent

TASTE = labour.JobTaste(pay=3.0, compute=0.35, quality=0.05, stay=2.5)


def test_odds_of_a_job_rise_with_pay_to_the_power_of_its_weight():
    gain = TASTE.utility(2e6, 100.0, 0.0) - TASTE.utility(1e6, 100.0, 0.0)
    assert math.exp(gain) == pytest.approx(8.0)  # 2**3, the exact wage effect


def test_a_researcher_trades_ten_points_of_quality_for_a_sixth_of_pay():
    # 10 points at 0.05 are 0.5 utils; at 3 utils per log pay that is exp(0.5 / 3) = 1.181.
    same = TASTE.utility(1.1813604e6, 1.0, 10.0)
    assert same == pytest.approx(TASTE.utility(1e6, 1.0, 0.0), abs=1e-6)


def test_half_time_pay_is_the_mean_of_both_jobs():
    assert labour.split_time_pay(400e3, 0.5, 200e3) == pytest.approx(300e3)
    assert labour.split_time_pay(400e3, 1.0, 200e3) == pytest.approx(200e3)


def test_approaches_by_an_equal_employer_draw_the_stated_share_of_a_staff():
    rate = labour.approach_rate(0.02, stay=2.5)
    accepted = float(talent.offer_acceptance(0.0, 2.5, -math.inf))
    assert rate * accepted == pytest.approx(0.02)


def test_effort_is_usual_at_usual_vacancies_and_doubles_at_four_times_as_many():
    assert labour.recruiting_effort(0.1, 0.1, 0.5) == pytest.approx(1.0)
    assert labour.recruiting_effort(0.4, 0.1, 0.5) == pytest.approx(2.0)
    assert labour.recruiting_effort(0.0, 0.1, 0.5) == 0.0


@given(st.floats(0.05, 20), st.integers(10, 5000), st.integers(10, 5000), st.floats(-1, 1))
def test_the_mission_gap_reproduces_the_ratio_of_flows(ratio, n_i, n_j, lead):
    u = {"u_outside": -8.0, "stay": 2.5}
    x = labour.mission_gap(ratio, n_i, n_j, u_origin=0.0, u_destination=lead, **u)
    forth = n_i * talent.offer_acceptance(lead + x, 2.5, -8.0)
    back = n_j * talent.offer_acceptance(0.0, lead + x + 2.5, -8.0)
    assert forth / back == pytest.approx(ratio, rel=1e-6)


def test_where_staying_adds_much_the_mission_gap_is_the_closed_form():
    # F_ij = N_i h exp(U_j - U_i): SignalFire's 8.2 from 1,400 to 1,200 people is a gap of 0.975.
    x = labour.mission_gap(8.2, 1400, 1200, u_origin=0.0, u_destination=0.3, u_outside=-40.0, stay=15.0)
    assert x + 0.3 == pytest.approx(talent.utility_gap_from_flow(8.2, 1400, 1200), abs=1e-4)
    assert x + 0.3 == pytest.approx(0.975, abs=1e-3)


def test_missions_have_mean_zero_among_employers_that_flows_connect_and_are_zero_for_others():
    staff = {"a": 100.0, "b": 100.0, "c": 100.0, "d": 100.0}
    found = labour.mission_terms(
        {("a", "b"): 4.0, ("c", "b"): 4.0}, staff, dict.fromkeys(staff, 0.0), u_outside=-20.0, stay=3.0
    )
    assert found["a"] + found["b"] + found["c"] == pytest.approx(0.0)
    assert found["a"] == pytest.approx(found["c"]) and found["b"] > found["a"]
    assert found["d"] == 0.0


def test_flows_that_form_a_circle_are_refused():
    staff = {"a": 1.0, "b": 1.0}
    with pytest.raises(ValueError, match="follow from others"):
        labour.mission_terms(
            {("a", "b"): 2.0, ("b", "a"): 0.5}, staff, dict.fromkeys(staff, 0.0), u_outside=-9.0, stay=2.0
        )


RULE = {"speed": 1.0, "target": 0.1, "floor": 4e5, "most": 3e6}


def test_pay_rises_a_tenth_a_year_with_a_fifth_of_the_posts_vacant():
    assert labour.next_pay(1e6, 0.2, 1.0, **RULE) == pytest.approx(1e6 * math.exp(0.1))


def test_pay_stays_between_the_pay_outside_and_what_the_compute_is_worth():
    assert labour.next_pay(4.1e5, 0.0, 1.0, **RULE) == 4e5
    assert labour.next_pay(2.9e6, 1.0, 1.0, **RULE) == 3e6


def test_pay_above_the_ceiling_is_not_raised_and_not_cut():
    assert labour.next_pay(5e6, 1.0, 1.0, **RULE) == 5e6


def test_without_bidding_pay_stays():
    assert labour.next_pay(1e5, 0.9, 5.0, **{**RULE, "speed": 0.0}) == 1e5


TREE = labour.TeamTree(size=8, span=6, colleague_cost=0.004, level_cost=0.05)


@pytest.mark.parametrize(("staff", "levels"), [(1, 0), (8, 0), (9, 1), (48, 1), (49, 2), (288, 2), (289, 3)])
def test_each_power_of_the_span_needs_one_more_level(staff, levels):
    assert TREE.levels(staff) == levels


def test_a_team_of_eight_under_two_levels_keeps_seven_eighths_of_its_time():
    # 1 - 0.004 x 7 = 0.972; two levels: 0.95**2 = 0.9025.
    assert TREE.share(100) == pytest.approx(0.972 * 0.9025)
    assert TREE.share(1) == 1.0


def test_a_queue_of_two_servers_at_half_load_waits_a_third_of_a_service():
    # C(2, 1) = 1/3, wait C / (2 mu - lambda) = (1/3) / (2 - 1).
    assert queues.queue_wait(1.0, 1.0, 2) == pytest.approx(1 / 3)


def test_a_single_server_is_the_m_m_1_queue():
    assert queues.queue_wait(0.5, 1.0, 1) == pytest.approx(0.5 / (1.0 - 0.5))


def test_a_queue_that_cannot_keep_up_waits_for_ever():
    assert queues.queue_wait(2.0, 1.0, 2) == math.inf


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: labour.JobTaste(pay=1, compute=1, quality=1, stay=1).utility(0.0, 1.0, 0.0),
        lambda: labour.split_time_pay(1.0, 1.5, 1.0),
        lambda: labour.recruiting_effort(0.1, 0.0, 0.5),
        lambda: labour.mission_gap(0.0, 1, 1, u_origin=0, u_destination=0, u_outside=0, stay=1),
        lambda: labour.next_pay(0.0, 0.1, 1.0, **RULE),
        lambda: labour.TeamTree(size=300, span=6, colleague_cost=0.004, level_cost=0.05),
        lambda: labour.TeamTree(size=8, span=1, colleague_cost=0.004, level_cost=0.05),
        lambda: queues.queue_wait(1.0, 0.0, 1),
        lambda: queues.erlang_c(0, 1.0),
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError):
        wrong()
