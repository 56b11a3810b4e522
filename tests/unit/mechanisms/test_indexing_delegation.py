"""The Graph: delegation pools, thawing, slashes; figures worked out by hand from HorizonStaking.sol."""

import numpy as np
import pytest

from simdai.mechanisms.indexing import (
    delegate,
    delegation_tax,
    exponential_rebate,
    fee_waterfall,
    indexing_reward_split,
    paid_whole,
    release,
    shrink,
    slash,
    slash_wei,
    thaw,
    undelegate,
    water_filling,
)

POOL = {"tokens": 1200, "shares": 1000, "thawing": 0, "thawing_shares": 0}


def test_shares_given_back_thaw_at_the_price_of_what_does_not_thaw():
    pool, tokens, request = undelegate(POOL, 500)
    assert (tokens, request) == (600, 600)
    assert pool == {"tokens": 1200, "shares": 500, "thawing": 600, "thawing_shares": 600}
    later, shares = delegate(pool, 120)
    assert shares == 100  # 120 x 500 / (1200 - 600)
    assert later["thawing"] == 600


def test_a_request_gets_its_part_of_what_thaws_after_a_slash():
    pool, _, first = undelegate(POOL, 500)
    pool, _, second = undelegate(pool, 250)
    assert (first, second) == (600, 300)
    slashed = shrink(pool, 400)
    assert slashed["thawing"] == 600  # 900 x 800 / 1200
    left, got = release(slashed, first)
    assert got == 400  # 600 x 600 / 900
    assert left == {"tokens": 400, "shares": 250, "thawing": 200, "thawing_shares": 300}


def test_a_slash_of_everything_ends_all_requests():
    pool, _, request = undelegate(POOL, 1000)
    wiped = shrink(pool, 1200)
    assert (wiped["tokens"], wiped["thawing"], wiped["thawing_shares"]) == (0, 0, 0)
    assert release(wiped, request)[1] == 0


def test_shares_of_a_request_round_up_for_a_provision_and_down_for_delegation():
    pool = {"tokens": 100, "thawing": 7, "thawing_shares": 5}
    assert thaw(pool, 3)[1] == 2  # 3 x 5 / 7 = 2.14
    assert thaw(pool, 3, round_up=True)[1] == 3


@pytest.mark.parametrize("tokens", [-1, 94])
def test_no_more_thaws_than_does_not_thaw_yet(tokens):
    with pytest.raises(ValueError, match="must lie in"):
        thaw({"tokens": 100, "thawing": 7, "thawing_shares": 5}, tokens)


@pytest.mark.parametrize("shares", [0, 1001])
def test_no_more_shares_are_given_back_than_there_are(shares):
    with pytest.raises(ValueError, match="shares"):
        undelegate(POOL, shares)


def test_the_legacy_tax_on_delegation_rounds_down():
    assert delegation_tax(999, 5_000) == 4
    assert delegation_tax(10**18, 5_000) == 5 * 10**15


def test_a_slash_in_wei_is_that_in_tokens_with_both_cuts_rounded_down():
    taken = slash_wei(100_000, 1_600_000, 25_000, 500_000)
    assert taken == slash(100_000, 1_600_000, 0.025)
    assert slash_wei(39, 0, 25_000, 500_000).provider == 0  # 0.975
    assert slash_wei(121, 0, 25_000, 500_000)[:6] == (3, 3, 0, 0, 1, 2)


def test_a_slash_is_of_the_snapshot_and_takes_what_is_still_there():
    taken = slash_wei(1000, 0, 100_000, 500_000, snapshot_wei=30_000)
    assert (taken.tokens, taken.provider, taken.fisherman, taken.burned) == (1000, 1000, 500, 500)


def test_a_slash_above_the_maximum_is_refused():
    with pytest.raises(ValueError, match="at most"):
        slash_wei(1000, 0, 100_001, 500_000)


def test_cuts_of_many_fees_at_once_are_those_of_each():
    gross = np.array([1, 99, 10**24 + 1], dtype=object)
    curated = np.array([True, False, True])
    many = fee_waterfall(gross, 10_000, 100_000, 300_000, curated=curated)
    for n, (fee, signal) in enumerate(zip(gross.tolist(), curated.tolist(), strict=True)):
        one = fee_waterfall(fee, 10_000, 100_000, 300_000, curated=signal)
        assert tuple(part[n] for part in many) == tuple(one)
    split = indexing_reward_split(gross, 300_000, True, "legacy")
    assert split.indexer.tolist() == [0, 29, (10**24 + 1) * 3 // 10]


def test_fees_with_a_negative_one_among_them_are_refused():
    with pytest.raises(ValueError, match="zero or above"):
        fee_waterfall(np.array([1, -1], dtype=object), 0, 0, 0)


def test_fees_are_paid_whole_from_exponent_16_on():
    assert paid_whole(6, 160, (6, 10)) and not paid_whole(6, 159, (6, 10))
    assert exponential_rebate(6, 160, 1, (6, 10)) == 6.0 > exponential_rebate(6, 159, 1, (6, 10))


def test_giving_up_half_of_the_losers_at_once_leaves_none_that_loses():
    rewards, others = np.array([10.0, 8.0, 2.0, 1.0, 0.5]), np.full(5, 100.0)
    costs = np.full(5, 0.9)
    tokens = water_filling(rewards, others, 50.0, costs, dropped=0.5)
    chosen = tokens > 0
    assert chosen.any() and np.all(rewards[chosen] * tokens[chosen] / (100.0 + tokens[chosen]) >= 0.9)
    assert tokens.sum() == pytest.approx(50.0)
