"""Yuma consensus against the printed figures of the chain's own tests, and against cases worked by hand.

ST is opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/subtensor/src/tests. The chain truncates to 32
fractional bits at every step, so its emissions of 10^9 rao may differ by a rao or two.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.yuma import (
    ABSENT,
    dense_rows,
    max_upscale_u16,
    weighted_median,
    weighted_median_columns,
    yuma_epoch,
)

TOP = 65535


def params(**changes: Any) -> Any:
    chosen = {
        "yuma_version": "yuma3",
        "kappa_u16": 32767,
        "bonds_penalty_u16": TOP,
        "bonds_moving_average_ppm": 900_000,
        "liquid_alpha": False,
        "alpha_low_u16": 45875,
        "alpha_high_u16": 58982,
        "alpha_sigmoid_steepness_raw": 1000,
        "max_allowed_validators": 64,
        "activity_cutoff": 5000,
        "min_stake": 0,
        "owner_uid": None,
        "emission_rao": 10**9,
    }
    return chosen | changes


def state(stake: Any, weights: Any, **changes: Any) -> Any:
    n = len(stake)
    chosen = {
        "block": 10,
        "last_tempo_block": 5,
        "stake": stake,
        "validator_permit": [amount > 0 for amount in stake],
        "last_update": [9] * n,
        "block_at_registration": [0] * n,
        "weights": list(weights) + [[]] * (n - len(weights)),
        "bonds_prior": [[] for _ in range(n)],
    }
    return chosen | changes


def run(stake: Any, weights: Any, options: Any = None, **changes: Any) -> Any:
    return yuma_epoch(params(**(options or {})), len(stake), state(stake, weights, **changes))


def emission(result: Any) -> list[int]:
    return [a + b for a, b in zip(result["server_emission"], result["validator_emission"], strict=True)]


# --- the median


@pytest.mark.parametrize(
    ("stake", "score", "median"),
    [
        # ST math.rs test_math_weighted_median, majority 0.51
        ([], [], 0.0),
        ([0.51], [1.0], 1.0),
        ([0.49, 0.51], [0.5, 1.0], 1.0),
        ([0.51, 0.49], [0.5, 1.0], 0.5),
        ([0.49, 0.0, 0.51], [0.5, 0.7, 1.0], 1.0),
        ([0.49, 0.01, 0.5], [0.5, 0.7, 1.0], 0.7),
        ([0.49, 0.51, 0.0], [0.5, 0.7, 1.0], 0.7),
        ([0.0, 0.49, 0.51], [0.5, 0.7, 1.0], 1.0),
        ([0.0, 0.49, 0.0, 0.51, 0.0], [0.5, 0.5, 1.0, 1.0, 0.5], 1.0),
        ([0.2] * 5, [0.8, 0.2, 1.0, 0.6, 0.4], 0.6),
        ([0.1] * 10, [0.8, 0.8, 0.2, 0.2, 1.0, 1.0, 0.6, 0.6, 0.4, 0.4], 0.6),
    ],
)
def test_the_median_is_the_largest_score_that_a_majority_of_stake_backs(stake, score, median):
    assert weighted_median(stake, score, 0.51) == median


@pytest.mark.parametrize(
    ("kappa", "median"), [(0.24, [0.0, 0.3, 0.4]), (0.26, [0.0, 0.2, 0.4]), (0.76, [0.0, 0.2, 0.1])]
)
def test_each_column_has_its_own_median(kappa, median):
    # ST math.rs test_math_weighted_median_col
    weights = np.array([[0.0, 0.1, 0.0], [0.0, 0.2, 0.4], [0.0, 0.3, 0.1], [0.0, 0.4, 0.5]])
    assert weighted_median_columns([0.0, 0.75, 0.25, 0.0], weights, kappa).tolist() == median


def test_without_stake_every_median_is_zero():
    assert weighted_median_columns([0.0, 0.0], np.ones((2, 3)), 0.5).tolist() == [0.0, 0.0, 0.0]
    assert weighted_median([0.0], [0.7], 0.5) == 0.0


def test_a_majority_met_exactly_is_met():
    # three tenths of ten: the float sum 0.1 + 0.1 + 0.1 is not 0.3
    assert weighted_median([0.1] * 10, [1.0] * 3 + [0.0] * 7, 0.3) == 1.0
    assert weighted_median([0.1] * 10, [1.0] * 3 + [0.0] * 7, 0.3001) == 0.0


def test_a_majority_of_nothing_takes_the_largest_score_and_of_everything_the_least():
    assert weighted_median([1, 2, 3], [0.1, 0.9, 0.5], 0.0) == 0.9
    assert weighted_median([1, 2, 3], [0.1, 0.9, 0.5], 1.0) == 0.1


holders = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=12)


@given(holders, st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.randoms())
def test_the_median_is_a_score_falls_with_kappa_and_ignores_order(held, one, other, random):
    stake, score = zip(*held, strict=True)
    low, high = sorted((one, other))
    median = weighted_median(stake, score, low)
    assert median in {0, *score}
    assert weighted_median(stake, score, high) <= median
    shuffled = random.sample(held, len(held))
    assert weighted_median(*zip(*shuffled, strict=True), low) == median


@given(holders, st.integers(1, 99))
def test_the_median_is_the_smallest_score_with_more_than_the_minority_at_or_below(held, percent):
    stake, score = (np.array(part) for part in zip(*held, strict=True))
    if stake.sum():
        at_or_below = [
            v for v in score[stake > 0] if 100 * stake[score <= v].sum() > (100 - percent) * stake.sum()
        ]
        assert weighted_median(stake, score, percent / 100) == min(at_or_below)


# --- Yuma 2, figures printed by the chain

SHARED = [(4, 16383), (5, 32767), (6, 49149), (7, 65535)]


def test_bonds_of_the_original_epoch_follow_the_chain_over_eight_epochs():
    # ST epoch.rs test_bonds: stored bonds to the last unit, emissions as printed
    votes = [
        [SHARED] * 4,
        [[(0, TOP)], SHARED, SHARED, SHARED],
        [[(0, TOP)], [(1, TOP)], SHARED, SHARED],
        [[(0, TOP)], [(1, TOP)], [(2, TOP)], SHARED],
    ] + [[[(0, TOP)], [(1, TOP)], [(7, TOP)], SHARED]] * 4
    stored = [
        (4, [16383, 32767, 49151, TOP]),
        (4, [14582, 32767, 49151, TOP]),
        (4, [12603, 28321, 49151, TOP]),
        (7, [12602, 28320, 49150, TOP]),
        (7, [10951, 24609, 49150, TOP]),
        (7, [9559, 21482, 49150, TOP]),
        (7, [8376, 18824, 49150, TOP]),
    ]
    paid = [
        [49999998, 99999999, 150000000, 200000001, 49998779, 100000610, 149996337, 200004272],
        [44998351, 101110561, 151667215, 202223870, 49998779, 100000610, 149996337, 200004272],
        [40496805, 90999783, 157929636, 210573773, 49998779, 100000610, 149996337, 200004272],
        [99999999, 199999999, 299999999, 399999999, 0, 0, 0, 0],
        [36443733, 81898628, 163565493, 218092144, 0, 0, 0, 500000000],
        [32799427, 73706612, 168638129, 224855830, 0, 0, 0, 500000000],
        [29518068, 66336137, 173203134, 230942659, 0, 0, 0, 500000000],
        [26565175, 59701871, 177311856, 236421095, 0, 0, 0, 500000000],
    ]
    bonds: Any = [[] for _ in range(8)]
    for epoch, weights in enumerate(votes):
        result = run(
            [1, 2, 3, 4, 0, 0, 0, 0],
            weights,
            {"yuma_version": "yuma2"},
            validator_permit=[True] * 8,
            bonds_prior=bonds,
        )
        bonds = result["bonds_u16"]
        assert emission(result) == pytest.approx(paid[epoch], abs=2)
        if epoch < len(stored):
            miner, column = stored[epoch]
            assert bonds[:4, miner].tolist() == column


def test_the_first_epoch_of_the_original_gives_the_printed_consensus_and_trust():
    # ST epoch.rs test_bonds, block 1
    result = run([1, 2, 3, 4, 0, 0, 0, 0], [SHARED] * 4, {"yuma_version": "yuma2"})
    assert result["consensus"][4:] == pytest.approx(
        [0.0999975584, 0.2000012207, 0.2999926754, 0.400008545], abs=1e-9
    )
    assert result["validator_trust"][:4] == pytest.approx([1.0] * 4, abs=1e-9)
    assert result["incentive"][4:] == pytest.approx(
        [0.0999975582, 0.2000012207, 0.2999926752, 0.4000085455], abs=1e-9
    )
    assert result["dividends"][:4] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=5e-9)


def test_an_inactive_validator_keeps_old_bonds_but_buys_none():
    # ST epoch.rs test_active_stake, block 5002
    half = [[(2, 32767), (3, 32767)]] * 2
    result = run(
        [1, 1, 1, 1],
        half,
        {"yuma_version": "yuma2"},
        block=5002,
        last_update=[5002, 1, 0, 0],
        bonds_prior=[[(2, TOP), (3, TOP)]] * 2 + [[], []],
    )
    assert result["active_stake"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert emission(result) == pytest.approx([274999999, 224999999, 250000000, 250000000], abs=1)
    assert result["bonds_u16"][:2, 2].tolist() == [TOP, 53619]


def test_when_the_inactive_one_returns_the_next_epoch_is_as_printed():
    # ST epoch.rs test_active_stake, block 5003
    half = [[(2, 32767), (3, 32767)]] * 2
    result = run(
        [1, 1, 1, 1],
        half,
        {"yuma_version": "yuma2"},
        block=5003,
        last_update=[5002, 5002, 0, 0],
        bonds_prior=[[(2, TOP), (3, TOP)], [(2, 53619), (3, 53619)], [], []],
    )
    assert emission(result) == pytest.approx([272501132, 227498866, 250000000, 250000000], abs=1)
    assert result["bonds_u16"][:2, 2].tolist() == [TOP, 54712]


def test_weights_and_bonds_to_a_replaced_uid_count_no_more():
    # ST epoch.rs test_outdated_weights, block 2: uid 3 was registered at block 1, uid 1 has not voted since
    result = run(
        [1, 1, 1, 0],
        [[(2, 65535), (3, 32768)], [(2, 65535), (3, 32768)], [(2, 65535)], [(3, 65535)]],
        {"yuma_version": "yuma2"},
        block=2,
        last_tempo_block=2,
        last_update=[2, 1, 1, 1],
        block_at_registration=[0, 0, 0, 1],
        bonds_prior=[[(2, TOP), (3, TOP)], [(2, TOP), (3, TOP)], [], []],
    )
    assert result["weights_norm"][1].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert result["consensus"] == pytest.approx([0.0, 0.0, 0.6666632756, 0.0], abs=1e-9)
    assert emission(result) == pytest.approx([250000000, 250000000, 500000000, 0], abs=1)


def test_bonds_to_a_uid_registered_since_the_last_epoch_are_dropped():
    votes = [[(2, TOP), (3, TOP)]] * 2
    prior = [[(2, TOP), (3, TOP)], [], [], []]
    old = run([1, 1, 0, 0], votes, bonds_prior=prior, block_at_registration=[0, 0, 4, 4])
    new = run([1, 1, 0, 0], votes, bonds_prior=prior, block_at_registration=[0, 0, 4, 5])
    # 0.9 of the old bond and 0.1 of a weight of one half, or the latter alone
    assert old["bonds_stored"][0, 2:] == pytest.approx([0.95, 0.95])
    assert new["bonds_stored"][0, 2:] == pytest.approx([0.95, 0.05])


@pytest.mark.parametrize("version", ["yuma2", "yuma3"])
def test_64_equal_validators_of_512_uids_share_half_and_448_miners_the_other(version):
    # ST epoch.rs test_512_graph
    n, validators = 512, 64
    row = [(uid, TOP) for uid in range(validators, n)]
    result = run(
        [328_125_000_000_000] * validators + [0] * 448, [row] * validators, {"yuma_version": version}
    )
    assert set(emission(result)[:validators]) == {7812500}
    assert set(emission(result)[validators:]) == {1116071}
    assert set(np.floor(result["dividends"][:validators] * TOP)) == {1023}
    assert set(np.floor(result["consensus"][validators:] * TOP)) == {146}
    assert result["bonds_norm"][:validators, validators:] == pytest.approx(1 / 64)


# --- Yuma 3, dividends printed by the chain

ONE, TWO = [(3, TOP), (4, 0)], [(3, 0), (4, TOP)]
LIQUID = {
    "bonds_penalty_u16": 0,
    "bonds_moving_average_ppm": 975_000,
    "liquid_alpha": True,
    "alpha_low_u16": 6553,
    "alpha_high_u16": 19660,
    "max_allowed_validators": 3,
}
SCENARIOS = {
    # ST epoch.rs test_yuma_3_kappa_moves_first: votes by epoch, dividends, bonds to the two miners
    "the large validator moves first": (
        [8, 1, 1],
        [[ONE] * 3, [TWO, ONE, ONE], [TWO, TWO, ONE], [TWO] * 3, [TWO] * 3, [TWO] * 3],
        [
            [0.8, 0.1, 0.1],
            [1.0, 0.0, 0.0],
            [0.9382, 0.0618, 0.0],
            [0.8819, 0.0773, 0.0407],
            [0.8564, 0.0844, 0.0592],
            [0.8418, 0.0884, 0.0697],
        ],
        {
            2: [[0.0815, 0.1924], [0.3170, 0.1013], [0.5580, 0.0]],
            5: [[0.0588, 0.4139], [0.2157, 0.3478], [0.3089, 0.2742]],
        },
    ),
    # test_yuma_3_kappa_moves_second
    "the large validator moves second": (
        [8, 1, 1],
        [[ONE] * 3, [ONE, TWO, ONE], [TWO, TWO, ONE], [TWO] * 3, [TWO] * 3, [TWO] * 3],
        [
            [0.8, 0.1, 0.1],
            [0.8446, 0.0498, 0.1056],
            [0.6868, 0.3132, 0.0],
            [0.7421, 0.2090, 0.0489],
            [0.7625, 0.1706, 0.0669],
            [0.7730, 0.1508, 0.0762],
        ],
        {
            2: [[0.1715, 0.1013], [0.0815, 0.3697], [0.4336, 0.0]],
            5: [[0.1225, 0.3478], [0.0588, 0.5426], [0.2712, 0.2742]],
        },
    ),
    # test_yuma_3_kappa_moves_last
    "the large validator moves last": (
        [8, 1, 1],
        [[ONE] * 3, [ONE, TWO, ONE], [ONE, TWO, TWO], [TWO] * 3, [TWO] * 3, [TWO] * 3],
        [
            [0.8, 0.1, 0.1],
            [0.8446, 0.0498, 0.1056],
            [0.8966, 0.0333, 0.0701],
            [0.4663, 0.3210, 0.2127],
            [0.5976, 0.2340, 0.1683],
            [0.6592, 0.1932, 0.1475],
        ],
        {
            2: [[0.2742, 0.0], [0.0815, 0.5081], [0.1715, 0.2987]],
            5: [[0.1903, 0.2742], [0.0588, 0.6430], [0.1225, 0.4910]],
        },
    ),
    # test_yuma_3_one_epoch_switch
    "one of three equals strays for an epoch": (
        [33, 33, 34],
        [[ONE] * 3, [ONE] * 3, [ONE, ONE, TWO], [ONE] * 3, [ONE] * 3, [ONE] * 3],
        [
            [0.33, 0.33, 0.34],
            [0.33, 0.33, 0.34],
            [0.3782, 0.3782, 0.2436],
            [0.3628, 0.3628, 0.2745],
            [0.3541, 0.3541, 0.2917],
            [0.3487, 0.3487, 0.3026],
        ],
        {
            2: [[0.2742, 0.0], [0.2742, 0.0], [0.1715, 0.2987]],
            5: [[0.4733, 0.0], [0.4733, 0.0], [0.3987, 0.2051]],
        },
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_liquid_bonds_give_the_printed_dividends_when(name):
    stake, votes, dividends, bonds = SCENARIOS[name]
    prior: Any = [[] for _ in range(5)]
    for epoch, rows in enumerate(votes):
        result = run([*stake, 0, 0], rows, LIQUID, bonds_prior=prior)
        prior = result["bonds_u16"]
        assert result["dividends"][:3] == pytest.approx(dividends[epoch], abs=1.5e-4)
        if epoch in bonds:
            assert result["bonds_stored"][:3, 3:] == pytest.approx(np.array(bonds[epoch]), abs=1.5e-4)


def test_bonds_of_fixed_speed_give_the_printed_dividends():
    # ST epoch.rs test_yuma_3_liquid_alpha_disabled: alpha is 0.025
    votes = [[ONE] * 3, [ONE] * 3, [ONE, ONE, TWO], [ONE] * 3, [ONE] * 3, [ONE] * 3]
    printed = [
        [0.33, 0.33, 0.34],
        [0.33, 0.33, 0.34],
        [0.3734, 0.3734, 0.2532],
        [0.3611, 0.3611, 0.2779],
        [0.3541, 0.3541, 0.2919],
        [0.3495, 0.3495, 0.3009],
    ]
    prior: Any = [[] for _ in range(5)]
    for rows, dividends in zip(votes, printed, strict=True):
        result = run([33, 33, 34, 0, 0], rows, LIQUID | {"liquid_alpha": False}, bonds_prior=prior)
        prior = result["bonds_u16"]
        assert result["dividends"][:3] == pytest.approx(dividends, abs=1.5e-4)
    assert result["bonds_stored"][2, 3:] == pytest.approx([0.1178, 0.0232], abs=1.5e-4)


def test_liquid_bonds_of_a_miner_wiped_at_epoch_20_grow_as_printed():
    # ST epoch.rs test_yuma_3_bonds_reset
    printed = {
        0: ([0.8, 0.1, 0.1], [[0.1013, 0.0], [0.1013, 0.0], [0.1013, 0.0]]),
        1: ([0.8944, 0.0528, 0.0528], [[0.1924, 0.0], [0.0908, 0.2987], [0.0908, 0.2987]]),
        2: ([0.5230, 0.2385, 0.2385], [[0.1715, 0.1013], [0.0815, 0.3697], [0.0815, 0.3697]]),
        19: ([0.7919, 0.1040, 0.1040], [[0.0269, 0.8539], [0.0131, 0.8975], [0.0131, 0.8975]]),
        20: ([0.7928, 0.1036, 0.1036], [[0.0, 0.8687], [0.0, 0.9079], [0.0, 0.9079]]),
        21: ([0.8467, 0.0766, 0.0766], [[0.0, 0.8820], [0.2987, 0.6386], [0.2987, 0.6386]]),
        40: ([0.7928, 0.1036, 0.1036], [[0.8687, 0.0578], [0.9079, 0.0523], [0.9079, 0.0523]]),
    }
    votes = [[ONE] * 3, [ONE, TWO, TWO], *[[TWO] * 3] * 19, [TWO, ONE, ONE], *[[ONE] * 3] * 19]
    prior: Any = np.zeros((5, 5), dtype=np.int64)
    for epoch, rows in enumerate(votes):
        if epoch == 20:
            prior[:, 3] = 0
        result = run([8, 1, 1, 0, 0], rows, LIQUID, bonds_prior=prior)
        prior = result["bonds_u16"]
        if epoch in printed:
            dividends, bonds = printed[epoch]
            assert result["dividends"][:3] == pytest.approx(dividends, abs=2e-4)
            assert result["bonds_stored"][:3, 3:] == pytest.approx(np.array(bonds), abs=2e-4)


def test_equal_low_and_high_alpha_are_a_fixed_alpha_where_weights_have_entries():
    votes = [[(2, TOP), (3, 20000)], [(2, 30000), (3, TOP)]]
    prior = [[(2, 10000), (3, 50000)], [(2, 60000), (3, 0)], [], []]
    same = {"alpha_low_u16": 6553, "alpha_high_u16": 6553, "bonds_penalty_u16": 0}
    liquid = run([1, 1, 0, 0], votes, same | {"liquid_alpha": True}, bonds_prior=prior)
    fixed = run([1, 1, 0, 0], votes, same | {"bonds_moving_average_ppm": 900_008}, bonds_prior=prior)
    assert liquid["bonds_stored"] == pytest.approx(fixed["bonds_stored"], abs=1e-6)


# --- present and absent entries


def two_validators_bonds_to_miner_3(row: Any, **options: Any) -> Any:
    """Stored bond to uid 3 of a validator that held 0.8 and now votes ``row``; the other votes for uid 2."""
    prior = [[(3, 52428)], [], [], []]
    result = run([1, 3, 0, 0], [row, [(2, TOP)]], options, bonds_prior=prior)
    return result["bonds_stored"][0, 3]


FAST = {"liquid_alpha": True, "alpha_low_u16": 0, "alpha_high_u16": TOP, "alpha_sigmoid_steepness_raw": 0}


@pytest.mark.parametrize("penalty", [0, TOP])
def test_under_liquid_alpha_a_present_zero_decays_and_an_absent_weight_loses_the_bond(penalty):
    # steepness 0 makes alpha one half everywhere; 52428 / 65535 is 0.8
    options = FAST | {"bonds_penalty_u16": penalty}
    assert two_validators_bonds_to_miner_3([(2, TOP), (3, 0)], **options) == pytest.approx(0.4)
    assert two_validators_bonds_to_miner_3([(2, TOP)], **options) == 0.0


def test_under_fixed_alpha_an_absent_weight_decays_like_a_zero():
    for row in ([(2, TOP), (3, 0)], [(2, TOP)]):
        assert two_validators_bonds_to_miner_3(row) == pytest.approx(0.72)


def test_a_partial_penalty_keeps_no_entries_of_zero():
    assert two_validators_bonds_to_miner_3([(2, TOP), (3, 0)], **FAST, bonds_penalty_u16=32767) == 0.0


def test_a_weight_clipped_to_zero_is_absent_at_full_penalty_only():
    # uid 3 is backed by a quarter of the stake, so its consensus is 0
    row = [(2, TOP), (3, TOP)]
    assert two_validators_bonds_to_miner_3(row, **FAST) == 0.0
    # penalty 0: half of 0.8 and half of the raw weight of one half
    assert two_validators_bonds_to_miner_3(row, **FAST, bonds_penalty_u16=0) == pytest.approx(0.65)
    # penalty 0.2: the bond weight is 0.4
    assert two_validators_bonds_to_miner_3(row, **FAST, bonds_penalty_u16=13107) == pytest.approx(0.6)


def test_liquid_alpha_rests_while_no_miner_has_consensus():
    # two validators of equal stake and a kappa of 0.6 agree on nothing, so bonds move at the fixed 0.1
    result = run(
        [1, 1, 0, 0],
        [[(2, TOP)], [(3, TOP)]],
        FAST | {"kappa_u16": 39321, "bonds_penalty_u16": 0},
        bonds_prior=[[(3, 52428)], [], [], []],
    )
    assert not result["consensus"].any()
    assert result["bonds_stored"][0, 2:] == pytest.approx([0.1, 0.72])


def test_liquid_alpha_is_the_sigmoid_of_the_distance_from_consensus():
    # the minority votes 1 for uid 3 against a consensus of 0: alpha = 0.1 + 0.2 / (1 + exp(-10 * 0.5))
    result = run([1, 3, 0, 0], [[(3, TOP)], [(2, TOP)]], LIQUID)
    low, high = 6553 / TOP, 19660 / TOP
    assert result["bonds_stored"][0, 3] == pytest.approx(low + (high - low) / (1 + np.exp(-5.0)))
    # the majority's vote is its own consensus: distance 0
    assert result["bonds_stored"][1, 2] == pytest.approx(low + (high - low) / (1 + np.exp(5.0)))


def test_the_original_epoch_ignores_liquid_alpha():
    votes = [[(2, TOP), (3, 9)], [(2, 9), (3, TOP)]]
    one, other = (
        run([1, 2, 0, 0], votes, {"yuma_version": "yuma2", "liquid_alpha": on}) for on in (False, True)
    )
    assert (one["bonds_norm"] == other["bonds_norm"]).all()


# --- masks, permits, emission


def test_a_vote_for_oneself_counts_only_for_the_owner():
    # ST epoch.rs test_can_set_self_weight_as_subnet_owner: both earn the same incentive
    votes = [[(0, 32767), (1, 32767)]]
    owner = run([5_000_000_000_000, 0], votes, {"owner_uid": 0}, validator_permit=[True, False])
    assert owner["incentive"].tolist() == [0.5, 0.5]
    assert owner["server_emission"][0] == owner["server_emission"][1] > 0
    assert run([5_000_000_000_000, 0], votes)["incentive"].tolist() == [0.0, 1.0]


def test_the_owner_needs_neither_permit_nor_the_minimum_stake():
    result = run(
        [1, 5, 0],
        [[(2, TOP)], [(2, TOP)]],
        {"owner_uid": 0, "min_stake": 2, "max_allowed_validators": 1},
        validator_permit=[False, True, False],
    )
    assert result["stake"] == pytest.approx([1 / 6, 5 / 6, 0.0])
    assert result["new_permit"].tolist() == [True, True, False]
    assert result["weights_norm"][0].tolist() == [0.0, 0.0, 1.0]


def test_votes_without_a_permit_do_not_count():
    result = run([1, 1, 0, 0], [[(2, TOP)], [(3, TOP)]], validator_permit=[True, False, False, False])
    assert result["incentive"].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert result["active_stake"].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_commitment_older_than_the_target_does_not_reach_it():
    votes = [[(1, TOP), (2, TOP)]]
    registered = [0, 4, 6]
    masked = run([1, 0, 0], votes, block_at_registration=registered, commit_block=[5, None, None])
    assert masked["weights_norm"][0].tolist() == [0.0, 1.0, 0.0]
    open_votes = run([1, 0, 0], votes, block_at_registration=registered, commit_block=[None, None, None])
    assert open_votes["weights_norm"][0].tolist() == [0.0, 0.5, 0.5]


def test_stake_below_the_threshold_is_no_stake():
    result = run([999.9, 1000, 0], [[(2, TOP)], [(2, TOP)]], {"min_stake": 1000})
    assert result["stake"].tolist() == [0.0, 1.0, 0.0]
    assert result["new_permit"].tolist() == [False, True, False]


def test_permits_go_to_the_largest_stakes_and_among_equals_to_the_higher_uid():
    result = run([5, 7, 5, 5, 0], [], {"max_allowed_validators": 2})
    assert result["new_permit"].tolist() == [False, True, False, True, False]


def test_with_places_for_all_everyone_with_stake_has_a_permit():
    assert run([1, 0, 2], [], {"max_allowed_validators": 3})["new_permit"].tolist() == [True, False, True]


def test_a_share_of_stake_below_the_chains_grain_is_none():
    # 1 in 2^33 rounds to zero in 32 fractional bits
    result = run([2**33, 1, 0], [], {"max_allowed_validators": 3})
    assert result["new_permit"].tolist() == [True, False, False]


@pytest.mark.parametrize("version", ["yuma2", "yuma3"])
def test_who_loses_the_permit_loses_the_stored_bonds_but_is_paid_this_epoch(version):
    result = run(
        [1, 9, 0],
        [[(2, TOP)], [(2, TOP)]],
        {"yuma_version": version, "max_allowed_validators": 1},
        validator_permit=[True, True, False],
    )
    assert result["dividends"][0] > 0
    assert not result["bonds_stored"][0].any()
    assert not result["bonds_u16"][0].any()
    assert result["bonds_u16"][1, 2] > 0


def test_without_any_vote_validators_are_paid_by_stake():
    # ST epoch.rs test_10_graph: ten equal stakes that vote for themselves get 99,999,999 rao each
    result = run([1] * 10, [[(uid, TOP)] for uid in range(10)])
    assert result["validator_emission"] == [99_999_999] * 10
    assert result["server_emission"] == [0] * 10


def test_without_active_stake_even_inactive_validators_are_paid():
    result = run([3, 1], [], block=6000, last_update=[1, 1])
    assert result["active_stake"].tolist() == [0.0, 0.0]
    assert result["consensus"].tolist() == [0.0, 0.0]
    assert result["validator_emission"] == [750_000_000, 250_000_000]


def test_an_active_validator_is_not_inactive_at_the_cutoff_itself():
    assert run([1, 1], [], block=5009)["active_stake"].tolist() == [0.5, 0.5]
    assert run([1, 1], [], block=5010)["active_stake"].tolist() == [0.0, 0.0]


def test_a_cabal_without_the_majority_is_clipped_to_what_the_majority_gives():
    # 60 % of stake splits evenly over uids 3 and 4, 40 % votes for its own uid 4 alone
    result = run([3, 3, 4, 0, 0], [[(3, TOP), (4, TOP)]] * 2 + [[(4, TOP)]])
    assert result["consensus"].tolist() == [0.0, 0.0, 0.0, 0.5, 0.5]
    assert result["clipped"][2].tolist() == [0.0, 0.0, 0.0, 0.0, 0.5]
    assert result["validator_trust"].tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]
    # ranks 0.6 * 0.5 and 0.6 * 0.5 + 0.4 * 0.5
    assert result["incentive"][3:] == pytest.approx([0.375, 0.625])


@pytest.mark.parametrize("version", ["yuma2", "yuma3"])
def test_a_subnet_without_uids_has_an_empty_epoch(version):
    result = yuma_epoch(params(yuma_version=version), 0, state([], []))
    assert all(len(part) == 0 for part in result.values())


def test_an_unknown_version_is_refused():
    with pytest.raises(ValueError, match="yuma4"):
        run([1, 1], [], {"yuma_version": "yuma4"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("kappa_u16", 65536), ("bonds_moving_average_ppm", -1), ("emission_rao", -1), ("min_stake", -1)],
)
def test_a_hyperparameter_out_of_range_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        run([1, 1], [], {name: value})


def test_negative_stake_is_refused():
    with pytest.raises(ValueError, match="stake"):
        run([1, -1], [])


@pytest.mark.parametrize(
    ("stake", "score", "kappa"), [([1, -1], [1, 1], 0.5), ([1], [1, 1], 0.5), ([1], [1], 1.5)]
)
def test_a_median_of_impossible_votes_is_refused(stake, score, kappa):
    with pytest.raises(ValueError, match=r"expected|shape|must lie"):
        weighted_median(stake, score, kappa)


def test_arrays_of_another_length_are_refused():
    with pytest.raises(ValueError, match="last_update"):
        run([1, 1], [], last_update=[1])
    with pytest.raises(ValueError, match="rows"):
        run([1, 1], [[], [], []])
    with pytest.raises(ValueError, match="shape"):
        run([1, 1], [], bonds_prior=np.zeros((3, 3)))


def test_sparse_rows_become_a_matrix_that_tells_zero_from_absent():
    assert dense_rows([[(1, 0), (5, 9)], [(0, 7)]], 3).tolist() == [
        [ABSENT, 0, ABSENT],
        [7, ABSENT, ABSENT],
        [ABSENT, ABSENT, ABSENT],
    ]


def test_weights_are_stored_with_the_largest_at_65535():
    assert max_upscale_u16([1, 2, 4]) == [16384, 32768, 65535]  # 16383.75 and 32767.5 round up
    assert max_upscale_u16([0, 0]) == [0, 0]
    assert max_upscale_u16([]) == []


# --- properties

subnets = st.integers(3, 7).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "stake": st.lists(st.integers(0, 50), min_size=n, max_size=n),
            "validator_permit": st.lists(st.booleans(), min_size=n, max_size=n),
            "last_update": st.lists(st.integers(0, 9), min_size=n, max_size=n),
            "block_at_registration": st.lists(st.integers(0, 9), min_size=n, max_size=n),
            "weights": st.lists(
                st.lists(
                    st.tuples(st.integers(0, n - 1), st.integers(0, TOP)),
                    max_size=n,
                    unique_by=lambda e: e[0],
                ),
                min_size=n,
                max_size=n,
            ),
            "bonds_prior": st.lists(
                st.lists(
                    st.tuples(st.integers(0, n - 1), st.integers(0, TOP)),
                    max_size=n,
                    unique_by=lambda e: e[0],
                ),
                min_size=n,
                max_size=n,
            ),
        }
    )
)
variants = st.fixed_dictionaries(
    {
        "yuma_version": st.sampled_from(["yuma2", "yuma3"]),
        "kappa_u16": st.sampled_from([0, 20000, 32767, 50000, TOP]),
        "bonds_penalty_u16": st.sampled_from([0, 30000, TOP]),
        "liquid_alpha": st.booleans(),
        "owner_uid": st.sampled_from([None, 0, 2]),
        "max_allowed_validators": st.integers(1, 7),
        "min_stake": st.integers(0, 10),
    }
)


@given(subnets, variants)
def test_any_epoch_pays_the_whole_emission_or_has_no_stake(subnet, options):
    result = run(subnet.pop("stake"), subnet.pop("weights"), options, **subnet)
    paid = sum(emission(result))
    owed = 10**9 if result["incentive"].any() or result["dividends"].any() or result["stake"].any() else 0
    assert owed - 2 * len(result["stake"]) <= paid <= owed


@given(subnets, variants)
def test_in_any_epoch_shares_are_shares_and_clipping_only_lowers(subnet, options):
    result = run(subnet.pop("stake"), subnet.pop("weights"), options, **subnet)
    for name in ("stake", "active_stake", "incentive", "dividends"):
        assert (result[name] >= 0).all()
        assert result[name].sum() == pytest.approx(1.0) or not result[name].any()
    assert (result["clipped"] <= result["weights_norm"]).all()
    assert (result["validator_trust"] <= 1 + 1e-12).all()
    assert ((result["bonds_stored"] >= 0) & (result["bonds_stored"] <= 1)).all()
    assert (np.abs(result["bonds_u16"] - result["bonds_stored"] * TOP) <= 1 + 1e-4).all()


@given(subnets, variants, st.integers(2, 1000))
def test_only_proportions_of_stake_and_of_a_voters_weights_matter(subnet, options, factor):
    stake, weights = subnet.pop("stake"), subnet.pop("weights")
    options = options | {"min_stake": 0}
    halved = [[(uid, weight // 2 * 2) for uid, weight in row] for row in weights]
    one = run(stake, halved, options, **subnet)
    other = run(
        [amount * factor for amount in stake],
        [[(uid, weight // 2) for uid, weight in row] for row in halved],
        options,
        **subnet,
    )
    assert one["incentive"] == pytest.approx(other["incentive"], abs=1e-12)
    assert one["dividends"] == pytest.approx(other["dividends"], abs=1e-9)


@given(
    st.lists(st.integers(0, TOP), min_size=3, max_size=3),
    st.lists(st.lists(st.integers(0, TOP), min_size=3, max_size=3), min_size=1, max_size=3),
    st.integers(51, 99),
)
def test_an_honest_majority_sets_the_consensus_whatever_a_cabal_votes(honest, cabal, percent):
    # honest stake in two equal hands with one vote; the cabal's stake is the rest
    stake = [percent * len(cabal)] * 2 + [2 * (100 - percent)] * len(cabal) + [0] * 3
    first = 2 + len(cabal)
    votes = [[(first + j, weight) for j, weight in enumerate(row)] for row in [honest, honest, *cabal]]
    result = run(stake, votes)
    total = sum(honest)
    agreed = [weight / total if total else 0.0 for weight in honest]
    assert result["consensus"][first:] == pytest.approx(agreed)


@given(st.lists(st.integers(1, TOP), min_size=2, max_size=5), st.integers(1, 40))
def test_unchanged_votes_bring_bonds_of_yuma_3_towards_the_weights(weights, epochs):
    n = 1 + len(weights)
    row = [(1 + j, weight) for j, weight in enumerate(weights)]
    prior: Any = [[] for _ in range(n)]
    seen = [np.zeros(n)]
    for _ in range(epochs):
        result = run([1] + [0] * len(weights), [row], bonds_prior=prior)
        prior = result["bonds_u16"]
        seen.append(result["bonds_stored"][0])
    target = result["weights_norm"][0]
    # each epoch goes a tenth of the way, less what storing in u16 cuts off
    for before, after in pairwise(seen):
        assert (after <= target + 1e-12).all()
        assert after == pytest.approx(before + 0.1 * (target - before), abs=2 / TOP)
