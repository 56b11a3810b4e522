"""The Graph: the life of an allocation, disputes, eligibility, and where to allocate.

Rules of graphprotocol/contracts@687d928b (2026-08-03) and, for the legacy regime, 289772e4 (2024-05);
figures by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms import indexing
from simdai.mechanisms.indexing import EligibilityRule, poi_outcome, water_filling

GRT = 10**18
DAY = 86_400


def outcome(**changes):
    usual = {
        "now_s": 20 * DAY,
        "last_s": 0,
        "created_epoch": 1,
        "epoch": 20,
        "max_staleness_s": 28 * DAY,
    }
    return poi_outcome(**(usual | changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("paid", "take")),
        ({"now_s": 28 * DAY}, ("paid", "take")),
        ({"now_s": 28 * DAY + 1}, ("stale", "reclaim")),
        ({"zero": True}, ("zero", "reclaim")),
        ({"epoch": 1}, ("young", "defer")),
        ({"denied": True}, ("denied", "defer")),
        ({"denied": True, "zero": True}, ("zero", "reclaim")),
        ({"denied": True, "now_s": 29 * DAY}, ("stale", "reclaim")),
    ],
)
def test_a_proof_of_indexing_is_judged_in_the_contracts_order(changes, expected):
    assert outcome(**changes) == expected


def test_a_legacy_allocation_runs_at_least_one_epoch():
    with pytest.raises(ValueError):
        indexing.legacy_close(created_epoch=5, epoch=5, max_epochs=28)


def test_a_legacy_close_pays_the_indexer_unless_the_proof_is_zero():
    assert indexing.legacy_close(created_epoch=5, epoch=6, max_epochs=28).condition == "paid"
    assert indexing.legacy_close(created_epoch=5, epoch=6, max_epochs=28, zero=True).action == "reclaim"


def test_others_may_close_a_legacy_allocation_only_late_and_it_forfeits():
    late = indexing.legacy_close(created_epoch=5, epoch=34, max_epochs=28, by_indexer=False)
    assert late == ("late", "reclaim")
    with pytest.raises(ValueError):
        indexing.legacy_close(created_epoch=5, epoch=33, max_epochs=28, by_indexer=False)


@pytest.mark.parametrize(
    ("verdict", "fisherman", "burned"),
    [("accepted", 12_000, 0), ("drawn", 10_000, 0), ("cancelled", 10_000, 0), ("rejected", 0, 10_000)],
)
def test_a_dispute_returns_or_burns_the_deposit(verdict, fisherman, burned):
    assert indexing.resolve_dispute(verdict, 10_000, 2_000) == (fisherman, burned)


def test_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError):
        indexing.resolve_dispute("maybe", 1)


def test_the_legacy_slash_halves_two_and_a_half_percent_of_stake_rounding_down():
    assert indexing.legacy_slash(100_000 * GRT, 25_000, 500_000) == (1250 * GRT, 1250 * GRT)
    assert indexing.legacy_slash(999, 25_000, 500_000) == (12, 12)  # 24.975 is 24
    with pytest.raises(ValueError):
        indexing.legacy_slash(39, 25_000, 500_000)


def eligible(now, renewed, oracle, **changes):
    return indexing.indexer_eligible(
        now * DAY, renewed, oracle * DAY, period_s=14 * DAY, timeout_s=7 * DAY, **changes
    )


def test_eligibility_lasts_a_fortnight():
    assert eligible(13, 0, 12)
    assert not eligible(14, 0, 12)


def test_an_indexer_never_renewed_is_not_eligible():
    assert not eligible(3, None, 2)


def test_everybody_is_eligible_when_the_oracle_is_silent_or_off():
    assert not eligible(9, None, 2)  # silent for exactly 7 d
    assert eligible(9.1, None, 2)
    assert eligible(3, None, 2, enabled=False)


RULE = EligibilityRule(days=5, window_days=28, max_seconds=5, max_blocks_behind=50_000, min_signal_grt=500)


def test_five_days_of_service_in_the_window_renew():
    assert RULE.renews([2, 5, 9, 20, 28, 28], today=28)
    assert not RULE.renews([1, 5, 9, 20, 28], today=29)  # day 1 has left the window
    assert not RULE.renews([5, 5, 9, 20, 28], today=28)


def test_slow_failed_stale_or_unsignalled_answers_do_not_count():
    assert RULE.serves(200, 4.9, 49_999, 500)
    assert not RULE.serves(500, 1, 0, 500)
    assert not RULE.serves(200, 5, 0, 500)
    assert not RULE.serves(200, 1, 50_000, 500)
    assert not RULE.serves(200, 1, 0, 499)


# --- where to allocate ------------------------------------------------------------------------------


def total_reward(rewards, others, tokens):
    return float(sum(r * x / (a + x) for r, a, x in zip(rewards, others, tokens, strict=True) if x > 0))


def test_equal_subgraphs_get_equal_tokens():
    assert water_filling([5, 5], [100, 100], 60) == pytest.approx([30, 30])


def test_the_marginal_reward_is_equal_where_tokens_go():
    # Both chosen: A_j + x_j is proportional to sqrt(r_j A_j), 10 to 20, and sums to 630: 210 and 420.
    assert water_filling([1, 4], [100, 100], 430) == pytest.approx([110, 320])


def test_a_subgraph_whose_first_token_earns_too_little_is_left_out():
    assert water_filling([100, 1], [100, 100], 50) == pytest.approx([50, 0])


def test_a_subgraph_nobody_serves_gets_the_smallest_amount_and_all_its_reward():
    assert water_filling([3, 5], [0, 100], 50, smallest=2) == pytest.approx([2, 48])


def test_a_subgraph_that_does_not_cover_its_cost_is_dropped():
    assert water_filling([10, 1], [100, 100], 100, costs=[1, 1]) == pytest.approx([100, 0])
    assert water_filling([1, 1], [100, 100], 100, costs=[2, 2]) == pytest.approx([0, 0])


def test_nothing_to_allocate_gives_nothing():
    assert water_filling([1, 2], [10, 10], 0) == pytest.approx([0, 0])
    assert len(water_filling([], [], 5)) == 0


@pytest.mark.parametrize(
    "arguments", [([1], [1, 2], 1), ([-1], [1], 1), ([1], [1], -1), ([1], [math.nan], 1)]
)
def test_water_filling_refuses_what_makes_no_sense(arguments):
    with pytest.raises(ValueError):
        water_filling(*arguments)


SIZES = st.lists(st.tuples(st.floats(0.1, 100), st.floats(1, 1e4)), min_size=2, max_size=6)


@given(SIZES, st.floats(1, 1e4), st.integers(0, 5), st.integers(0, 5))
def test_moving_tokens_between_subgraphs_never_helps(subgraphs, capacity, source, target):
    rewards, others = zip(*subgraphs, strict=True)
    best = water_filling(rewards, others, capacity)
    assert best.sum() == pytest.approx(capacity, rel=1e-9)
    moved, source, target = np.array(best), source % len(best), target % len(best)
    step = moved[source] / 10
    moved[source] -= step
    moved[target] += step
    assert total_reward(rewards, others, moved) <= total_reward(rewards, others, best) * (1 + 1e-12)
