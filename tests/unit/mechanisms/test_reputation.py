"""SingularityNET's staking windows and liquid rank.

Source: SR = singnet/reputation@84c10d08 (2024-04-07), reputation/test_reputation.py; its ranks are whole
percent.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.reputation import LiquidRank, Rating, stake_window_rewards, wash_rating_cost


def percent(reputation):
    return {who: round(100 * value) for who, value in sorted(reputation.items())}


def test_a_window_pays_pro_rata_and_rounds_down():
    assert stake_window_rewards({"a": 1, "b": 1, "c": 1}, 100) == {"a": 33, "b": 33, "c": 33}
    assert stake_window_rewards({"a": 500, "b": 1500}, 100_000) == {"a": 25_000, "b": 75_000}


def test_a_window_without_stakes_pays_nothing():
    assert stake_window_rewards({}, 100) == {}
    assert stake_window_rewards({"a": 0}, 100) == {"a": 0}


def test_a_negative_stake_is_refused():
    with pytest.raises(ValueError):
        stake_window_rewards({"a": -1}, 100)


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 10**27), min_size=1), st.integers(0, 10**24))
def test_a_window_never_pays_more_than_its_reward_and_loses_less_than_a_unit_a_staker(stakes, reward):
    paid = stake_window_rewards(stakes, reward)
    assert sum(paid.values()) <= reward
    if sum(stakes.values()):
        assert reward - sum(paid.values()) < len(stakes)


def test_washing_costs_only_gas_where_nobody_takes_a_fee():
    assert wash_rating_cost(100, 5.0, 0.0, 0.01) == pytest.approx(1.0)
    assert wash_rating_cost(100, 5.0, 0.02, 0.01) == pytest.approx(11.0)


def test_one_period_gives_the_figures_worked_out_upstream():
    # SR test_downrating: 0.9 x 100 weighs 9,000, (0.1 x 100) / 2 weighs 500; logs 3.954290761701127 and
    # 2.699837725867246; the blend of 0.1 and 0.6828 over that of 0.9 and 1 is 41.197976798376565 %.
    rule = LiquidRank(decayed=0.5, precision=0.1, full_norm=False, denomination=True)
    ratings = [Rating(1, 2, 100.0, 10), Rating(1, 4, 0.0, 10), Rating(3, 4, 100.0, 10)]
    got = rule.update({1: 0.9, 2: 0.9, 3: 0.1, 4: 0.1}, ratings)
    assert got == pytest.approx({1: 70 / 95, 2: 1.0, 3: 30 / 95, 4: 0.41197976798376565})


MARKET = [
    Rating(1, 3, 1, 100),
    Rating(1, 4, 0, 100),
    Rating(1, 5, 1, 10),
    Rating(1, 6, 0, 10),
    Rating(2, 3, 0, 10),
    Rating(2, 4, 1, 10),
    Rating(2, 5, 0, 1),
    Rating(2, 6, 1, 1),
]


@pytest.mark.parametrize(
    ("log_ratings", "denomination", "ranks"),
    [  # SR test_denomination
        (False, False, [100, 50, 50, 0]),
        (True, False, [100, 58, 58, 0]),
        (False, True, [100, 0, 100, 0]),
        (True, True, [88, 17, 100, 0]),
    ],
)
def test_denomination_frees_a_seller_from_the_size_of_its_market(log_ratings, denomination, ranks):
    rule = LiquidRank(
        default=1.0, decayed=0.5, conservatism=0.0, log_ratings=log_ratings, denomination=denomination
    )
    assert percent(rule.update({}, MARKET)) == dict(zip((3, 4, 5, 6), ranks, strict=True))


@pytest.mark.parametrize(("decayed", "allowed"), [(0.0, (8, 9)), (0.5, (46,)), (1.0, (83, 84))])
def test_an_agent_without_ratings_drifts_to_the_decayed_value(
    decayed, allowed
):  # SR test_decayed, three days
    rule = LiquidRank(decayed=decayed)
    ranks = rule.update({}, [Rating(1, 2, 100, 1), Rating(1, 3, 100, 1), Rating(1, 4, 50, 1)])
    for _ in range(2):
        ranks = rule.update(ranks, [Rating(1, 2, 100)])
    assert percent(ranks)[4] in allowed


@pytest.mark.parametrize(("conservatism", "rank"), [(1.0, 100), (0.5, 25), (0.0, 0)])
def test_conservatism_weighs_the_past(conservatism, rank):  # SR test_conservatism
    rule = LiquidRank(default=1.0, conservatism=conservatism)
    ranks = rule.update({}, [Rating(1, 2, 100, 1), Rating(1, 3, 100, 1), Rating(1, 4, 50, 1)])
    for _ in range(2):
        ranks = rule.update(ranks, [Rating(1, 2, 100)])
    assert percent(ranks)[3] == rank


@pytest.mark.parametrize(("liquid", "ranks"), [(True, {1: 0, 2: 100}), (False, {1: 100, 2: 100})])
def test_the_rating_of_a_reputed_rater_counts_for_more(liquid, ranks):  # SR test_liquid
    rule = LiquidRank(decayed=0.5, conservatism=0.0, log_ratings=True, liquid=liquid)
    first = rule.update({}, [Rating(1, 4, 0.5, 10), Rating(2, 5, 1.0, 10)])
    second = rule.update(first, [Rating(4, 1, 1, 10), Rating(5, 2, 1, 10)])
    assert {who: percent(second)[who] for who in (1, 2)} == ranks


@pytest.mark.parametrize(("log_ratings", "rank"), [(True, 56), (False, 50)])
def test_logs_of_ratings_flatten_large_ones(log_ratings, rank):  # SR test_logratings
    rule = LiquidRank(default=1.0, decayed=0.5, conservatism=0.0, log_ratings=log_ratings)
    assert percent(rule.update({}, [Rating(1, 2, 10), Rating(1, 3, 100), Rating(1, 4, 1000)]))[3] == rank


@pytest.mark.parametrize(("precision", "ranks"), [(0.1, {1: 50, 2: 79, 3: 100}), (10, {1: 0, 2: 0, 3: 100})])
def test_precision_is_the_value_that_counts_as_one(precision, ranks):  # SR test_precision
    rule = LiquidRank(
        decayed=0.5, conservatism=0.0, precision=precision, full_norm=False, log_ratings=True, liquid=False
    )
    assert percent(rule.update({}, [Rating(4, 1, 1), Rating(5, 2, 9), Rating(6, 3, 99)])) == ranks


def test_weighing_by_payment_follows_the_larger_payer():  # SR test_weighting
    ratings = [Rating(4, 1, 1, 100), Rating(5, 2, 1, 10), Rating(4, 2, 0, 100), Rating(5, 1, 0, 10)]
    weighted = LiquidRank(decayed=0.5, conservatism=0.0, log_ratings=True, liquid=False)
    assert percent(weighted.update({}, ratings)) == {1: 100, 2: 0}
    plain = LiquidRank(decayed=0.5, conservatism=0.0, log_ratings=True, liquid=False, weighting=False)
    assert percent(plain.update({}, ratings)) == {1: 100, 2: 100}


def test_a_downrating_falls_below_no_rating():  # SR test_downrating, second part: rank of agent 4 is 0
    rule = LiquidRank(decayed=0.5, precision=0.1, full_norm=False, denomination=True, downrating=True)
    ratings = [Rating(1, 2, 1.0, 10), Rating(1, 4, 0.0, 10), Rating(3, 4, 1.0, 10)]
    assert percent(rule.update({1: 0.9, 2: 0.9, 3: 0.1, 4: 0.1}, ratings))[4] == 0


def test_a_ring_of_raters_without_reputation_lifts_nobody():
    rule = LiquidRank(default=0.0, decayed=0.0, denomination=False, full_norm=False)
    ring = [Rating(f"sybil{i}", "shop", 1.0, 1000.0) for i in range(50)]
    got = rule.update({"seed": 1.0}, [*ring, Rating("seed", "honest", 1.0, 1.0)])
    assert got["shop"] == 0.0 < got["honest"]


def test_spending_lifts_the_spender():
    ratings = [Rating("rich", "shop", 1.0, 100.0), Rating("poor", "shop", 1.0, 1.0)]
    got = LiquidRank(spendings=1.0).update({}, ratings)
    assert got["rich"] > got["poor"]


def test_no_ratings_only_decay():
    assert LiquidRank(conservatism=0.5, decayed=0.5).update({"a": 1.0, "b": 0.5}, []) == pytest.approx(
        {"a": 1.0, "b": 2 / 3}
    )


@pytest.mark.parametrize("changes", [{"conservatism": 1.5}, {"precision": 0.0}, {"spendings": -1.0}])
def test_a_rule_out_of_range_is_refused(changes):
    with pytest.raises(ValueError):
        LiquidRank(**changes)


def test_a_negative_payment_is_refused():
    with pytest.raises(ValueError):
        LiquidRank().update({}, [Rating(1, 2, 1.0, -1.0)])


RATINGS = st.lists(
    st.builds(
        Rating,
        st.integers(0, 5),
        st.integers(0, 5),
        st.floats(0, 1),
        st.one_of(st.none(), st.floats(0, 1e6)),
    ),
    max_size=20,
)


@given(RATINGS, st.booleans(), st.booleans(), st.booleans(), st.sampled_from([0.0, 1.0]))
def test_reputations_stay_between_zero_and_one(ratings, denomination, log_ratings, downrating, spendings):
    rule = LiquidRank(
        denomination=denomination, log_ratings=log_ratings, downrating=downrating, spendings=spendings
    )
    got = rule.update({0: 0.5}, ratings)
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in got.values())
