"""How long a decision takes and whether it passes; by hand, Uniswap's from docs.uniswap.org, 2026-05."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.governance import (
    EmergencyPath,
    VotingRule,
    cycle_days,
    expected_delay,
    onchain_delay_days,
    pass_probability,
    quorum_probability,
    yes_probability,
)

UNISWAP = (13_140, 40_320, 172_800)


def test_an_onchain_vote_takes_nine_and_a_half_days_at_twelve_seconds_a_block():
    assert onchain_delay_days(*UNISWAP, 12) == pytest.approx(9.425)  # (53,460 x 12 + 172,800) / 86,400


def test_it_takes_nominally_eleven_days_at_fifteen_seconds_a_block():
    assert onchain_delay_days(*UNISWAP, 15) == pytest.approx(11.28125)


def test_a_whole_cycle_adds_forum_and_poll():
    assert cycle_days(7, 5, *UNISWAP, 12) == pytest.approx(21.425)


def test_a_proposal_that_passes_every_second_time_takes_two_cycles():
    assert expected_delay(21.4, 0.5) == pytest.approx(42.8)
    assert expected_delay(21.4, 1) == 21.4
    assert expected_delay(21.4, 0) == math.inf


@pytest.mark.parametrize(
    "call",
    [
        lambda: onchain_delay_days(-1, 0, 0, 12),
        lambda: expected_delay(-1, 0.5),
        lambda: expected_delay(1, 1.1),
        lambda: cycle_days(-1, 0, 0, 0, 0, 1),
        lambda: VotingRule(1.5),
        lambda: VotingRule(0.1, counts="all"),
        lambda: VotingRule(0.1).passes(60, 50, 100),
        lambda: quorum_probability(0.1, 0.0, 1),
        lambda: yes_probability([1], [1, 1]),
        lambda: EmergencyPath(3, 4, 1),
        lambda: EmergencyPath(3, 0, 1),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError):
        call()


def test_a_vote_needs_quorum_and_more_for_than_against():
    rule = VotingRule(quorum=0.04)
    assert rule.passes(3, 1, 100)  # exactly the quorum
    assert not rule.passes(3, 0.9, 100)
    assert not rule.passes(4, 4, 100)


@pytest.mark.parametrize(
    ("counts", "reached"),
    [("turnout", [True, True, True]), ("for", [False, False, True]), ("for_abstain", [False, True, True])],
)
def test_what_counts_towards_the_quorum(counts, reached):
    rule = VotingRule(quorum=0.04, counts=counts)
    votes = [(2, 2, 0), (2, 0, 2), (4, 0, 0)]  # for, against, abstain
    assert [rule.reaches_quorum(yes, no, 100, abstain) for yes, no, abstain in votes] == reached


def test_a_supermajority_must_be_exceeded():
    rule = VotingRule(quorum=0.0, majority=2 / 3)
    assert not rule.passes(2, 1, 3) and rule.passes(2.01, 0.99, 3)


def test_a_uniform_turnout_reaches_a_quorum_with_what_is_above_it():
    assert quorum_probability(0.3, 0.5, 2) == pytest.approx(0.7)  # Beta(1, 1)
    assert quorum_probability(0.0, 0.2, 5) == 1
    assert quorum_probability(0.5, 0.25, 4) == pytest.approx(0.125)  # Beta(1, 3): (1 - q)^3


def test_a_holder_of_most_tokens_decides_alone():
    assert yes_probability([60, 40], [1, 0]) == 1
    assert yes_probability([50, 50], [1, 0]) == 0  # a tie fails


def test_many_small_holders_follow_the_normal_law():
    # 10,000 votes at 51%: lead 200, sd sqrt(10,000 x 4 x 0.51 x 0.49) = 99.98; P(z > -2.0004)
    assert yes_probability([1] * 10_000, [0.51] * 10_000) == pytest.approx(0.97727, abs=2e-5)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), max_size=8))
def test_yes_and_no_are_mirror_images(holders):
    stakes, support = [s for s, _ in holders], [p for _, p in holders]
    mirrored = yes_probability(stakes, [1 - p for p in support])
    both = yes_probability(stakes, support) + mirrored
    assert both == pytest.approx(1) or both == 0  # certain ties fail either way


def test_quorum_and_majority_must_both_happen():
    assert pass_probability(0.8, 0.5) == pytest.approx(0.4)


def test_the_emergency_path_waits_for_the_last_signature_needed():
    # 2 of 3 with a mean of 6 h: 6 (1/3 + 1/2) = 5 h
    path = EmergencyPath(signers=3, threshold=2, response_hours=6)
    assert path.expected_hours == pytest.approx(5)
    assert (path.nakamoto, path.blocking) == (2, 2)


def test_the_emergency_path_works_when_enough_signers_can_be_reached():
    path = EmergencyPath(signers=3, threshold=2, response_hours=6)
    assert path.availability(0.5) == pytest.approx(0.5)
    assert (path.availability(1), path.availability(0)) == (1, 0)


@given(st.integers(1, 15), st.data(), st.floats(0, 1))
def test_a_higher_threshold_is_slower_and_less_available(signers, data, reachable):
    low = data.draw(st.integers(1, signers))
    high = data.draw(st.integers(low, signers))
    easy, hard = EmergencyPath(signers, low, 4), EmergencyPath(signers, high, 4)
    assert easy.expected_hours <= hard.expected_hours + 1e-12
    assert easy.availability(reachable) >= hard.availability(reachable) - 1e-12
