"""Waiting in line, against formulas worked out by hand."""

import math

import pytest

from simdai.mechanisms.queues import backlog_wait, balking_wait, queue_wait


def test_without_balking_a_backlog_grows_by_what_is_too_much():
    # three come while two are served: half a day more of work a day; and it is worked off as fast
    assert backlog_wait(4.0, 3.0, 2.0, math.inf, 10.0) == pytest.approx(4.0 + 0.5 * 10.0)
    assert backlog_wait(4.0, 1.0, 2.0, math.inf, 10.0) == 0.0


def test_balking_stops_at_the_wait_at_which_as_many_join_as_are_served():
    wait = backlog_wait(0.0, 6.0, 2.0, 5.0, 1e4)
    assert wait == pytest.approx(5.0 * math.log(3.0))
    assert 6.0 * math.exp(-wait / 5.0) == pytest.approx(2.0)


def test_the_wait_follows_its_equation_and_does_not_depend_on_how_time_is_cut():
    # dw/dt = (arrivals exp(-w/patience) - capacity) / capacity, by small steps
    small, once, thrice = 0.0, backlog_wait(0.0, 6.0, 2.0, 5.0, 3.0), 0.0
    for _ in range(30_000):
        small += (3.0 * math.exp(-small / 5.0) - 1.0) * 1e-4
    for _ in range(3):
        thrice = backlog_wait(thrice, 6.0, 2.0, 5.0, 1.0)
    assert once == pytest.approx(small, rel=1e-4)
    assert once == pytest.approx(thrice, rel=1e-12)


def test_a_long_wait_neither_overflows_nor_draws_anybody():
    assert backlog_wait(1e5, 6.0, 2.0, 5.0, 10.0) == pytest.approx(1e5 - 10.0)


def test_a_queue_at_rest_is_as_long_as_those_who_join_make_it():
    # one server, rates 1 and 1: w = e^-w / (1 - e^-w), so e^w = 1 + 1/w, at w = 0.806466 (by hand)
    assert balking_wait(1.0, 1.0, 1, 1.0) == pytest.approx(0.806466, abs=1e-6)
    assert balking_wait(0.5, 1.0, 1, 1e12) == pytest.approx(queue_wait(0.5, 1.0, 1))
    # far too many: those who join are hardly fewer than can be served
    assert balking_wait(100.0, 1.0, 1, 1e3) == pytest.approx(1e3 * math.log(100.0), rel=1e-3)
    assert balking_wait(0.0, 1.0, 1, 1.0) == pytest.approx(0.0, abs=1e-12)


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match="patience"):
        backlog_wait(1.0, 1.0, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="wait"):
        backlog_wait(-1.0, 1.0, 1.0, 1.0, 1.0)
