"""Supply schedules against figures printed in the protocols' own sources, or worked out by hand."""

from __future__ import annotations

import datetime
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.emission import (
    agix_release,
    akash_ideal_inflation,
    akash_inflation_step,
    akash_staking_yield,
    cliff_vested,
    filecoin_baseline,
    filecoin_baseline_reward,
    filecoin_effective_time,
    filecoin_simple_reward,
    graded_vested,
    ionet_hour_emission,
    ionet_hour_total,
    ionet_month_emission,
    ionet_month_total,
    issuance_per_block,
    issuance_split,
    linear_vested,
    net_emission,
    ocean_df_week,
    ocean_weekly_total,
    ocean_weekly_total_wei,
    render_budget,
    render_extra_cap,
    render_job_pool,
    render_max_supply,
    render_month_emission,
    render_unspent,
    render_year1_split,
    render_year_emission,
    vested,
)

TOTAL_WEI = 503_370_000 * 10**18
HALF_LIFE = 4 * 365 * 86_400


# --- Ocean. Source: oceanprotocol/df-py@96a246f2 df_py/util/test/test_vesting_schedule.py ---

PRINTED_WEEKS = [
    ("2023-03-09", 0),
    ("2023-03-16", 150_000),
    ("2024-03-07", 150_000),
    ("2024-03-14", 300_000),
    ("2024-09-05", 300_000),
    ("2024-09-12", 600_000),
    ("2025-03-06", 600_000),
    ("2025-03-13", 1_206_708.9),
    ("2029-03-01", 1_206_708.9),
    ("2029-03-08", 948_128.42),
    ("2029-03-15", 603_354.452),
    ("2033-03-10", 344_773.972),
    ("2037-01-14", 301_677.22),  # a Wednesday, as printed
    ("2037-03-05", 258_580.47),
    ("2041-03-07", 96_967.67),
    ("2045-03-14", 37_709.65),
]


@pytest.mark.parametrize(("day", "ocean"), PRINTED_WEEKS)
def test_weekly_ocean_budgets_are_those_asserted_by_df_py(day, ocean):
    assert ocean_weekly_total(day) == pytest.approx(ocean, rel=1e-6)


def test_a_date_and_its_iso_text_name_the_same_week():
    assert ocean_weekly_total(datetime.date(2025, 3, 13)) == ocean_weekly_total("2025-03-13")


def test_the_weekly_budget_in_wei_is_exact():
    # floor(floor(T * 604800 / h) / 2), T = 503.37e24, 604800/126144000 = 7/1460
    assert ocean_weekly_total_wei("2025-03-13") == TOTAL_WEI * 7 // 1460 // 2


@pytest.mark.parametrize(
    ("day", "week"),
    [("2022-09-29", 5), ("2022-10-05", 5), ("2022-10-06", 6), ("2023-03-16", 29), ("2023-11-09", 63)],
)
def test_data_farming_weeks_count_from_the_fifth_on_2022_09_29(day, week):
    assert ocean_df_week(day) == week


def test_the_rounds_before_the_fifth_have_no_number():
    assert ocean_df_week("2022-09-28") == -1  # dcv_multiplier.py: there was a gap


def test_half_is_vested_at_the_first_half_life_and_three_quarters_at_the_second():
    assert vested(1000, HALF_LIFE) == 500
    assert vested(1000, 2 * HALF_LIFE) == 750


def test_vesting_is_linear_inside_a_half_life_and_floors_twice():
    # p = 1001 >> 0 = 1001; floor(1001 * 1/4) = 250; floor(250/2) = 125
    assert vested(1001, HALF_LIFE // 4) == 125
    # p = 1001 >> 1 = 500: 501 + floor(floor(500/3)/2) = 501 + 83
    assert vested(1001, 4, half_life=3) == 501 + 83


@pytest.mark.parametrize("elapsed", [0, -1, -(10**9)])
def test_nothing_is_vested_before_the_start(elapsed):
    assert vested(TOTAL_WEI, elapsed) == 0


@given(st.integers(0, 10**27), st.lists(st.integers(-(10**6), 10**10), min_size=2, max_size=6))
def test_vesting_never_falls_and_never_exceeds_the_total(total, times):
    amounts = [vested(total, t) for t in sorted(times)]
    assert amounts == sorted(amounts)
    assert all(0 <= amount <= total for amount in amounts)


def test_a_fraction_of_a_base_unit_is_refused():
    with pytest.raises(ValueError, match=r"total = 1\.5"):
        vested(1.5, 10)


# --- io.net. Source: ionet-official/docs@5d3be72c ionet-monthly-token-emission-schedule.mdx ---


@pytest.mark.parametrize(
    ("month", "tokens"), [(1, 3_333_333), (2, 3_299_497), (6, 3_167_549), (12, 2_979_456)]
)
def test_monthly_io_emission_is_the_printed_table(month, tokens):
    assert ionet_month_emission(month) == pytest.approx(tokens, rel=3e-6)  # the table drifts from its formula


def test_both_schedules_of_io_release_300_million_in_twenty_years():
    # "from 175,319 hourly epochs to 240 monthly epochs"
    assert ionet_hour_total(175_319) == pytest.approx(300e6, rel=1e-9)
    assert ionet_month_total(240) == pytest.approx(300e6, rel=2e-5)


def test_hourly_io_emission_starts_at_eight_percent_a_year_of_the_fixed_base():
    assert ionet_hour_emission(1) == pytest.approx(5e8 * 0.08 / 8760, rel=1e-12)
    assert ionet_hour_emission(2) / ionet_hour_emission(1) == pytest.approx(
        1 - 1.38869523957993e-5, rel=1e-12
    )


@pytest.mark.parametrize("n", [0, 1, 2, 37, 5000])
def test_totals_of_io_are_the_sums_of_their_periods(n):
    assert ionet_hour_total(n) == pytest.approx(
        math.fsum(map(ionet_hour_emission, range(1, n + 1))), rel=1e-10
    )
    months = min(n, 240)
    assert ionet_month_total(n) == pytest.approx(
        math.fsum(map(ionet_month_emission, range(1, months + 1))), rel=1e-12
    )


def test_io_emission_ends_with_its_schedule():
    assert ionet_hour_emission(175_320) == 0
    assert ionet_month_emission(241) == 0
    assert ionet_hour_total(10**6) == ionet_hour_total(175_319)


@pytest.mark.parametrize("rule", [ionet_hour_emission, ionet_month_emission, agix_release])
def test_periods_count_from_one(rule):
    with pytest.raises(ValueError, match="must be 1 or above"):
        rule(0)
    with pytest.raises(ValueError, match="whole number"):
        rule(1.5)


# --- Render. Sources: rendernetwork/RNPs@a7ced774 ---


def test_render_caps_are_those_of_rnp_001():
    assert render_extra_cap() == 107_374_182
    assert render_max_supply() == 644_245_094


def test_the_cap_is_a_floor_of_the_decimal_share():
    assert render_extra_cap(10, 0.29) == 2
    assert render_extra_cap(100, 0.29) == 29  # 100 * 0.29 is below 29 in binary


@pytest.mark.parametrize(
    ("year", "tokens", "source"),
    [(1, 9_126_804, "RNP-006"), (2, 5_905_584, "RNP-018"), (3, 5_905_584, "RNP-022")],
)
def test_quoted_years_of_render_are_twelve_rounded_months(year, tokens, source):
    assert 12 * round(render_month_emission(year)) == tokens
    assert render_year_emission(year) == pytest.approx(tokens, abs=6)


def test_render_emission_reaches_the_cap_in_year_sixty_without_passing_it():
    total = math.fsum(map(render_year_emission, range(1, 61)))
    assert 0.999 * render_extra_cap() < total <= render_extra_cap()


def test_render_emission_decays_by_its_damping_from_year_six():
    assert render_year_emission(6) == pytest.approx(0.04 * 107_374_182, rel=1e-12)
    assert render_year_emission(7) / render_year_emission(6) == pytest.approx(0.945, rel=1e-12)


@pytest.mark.parametrize("year", [-1, 0, 61])
def test_render_emits_nothing_outside_its_sixty_years(year):
    assert render_year_emission(year) == 0
    assert render_month_emission(year) == 0


@pytest.mark.parametrize(
    ("month", "liquidity", "artists"),
    [
        (1, 190_142, 0),
        (3, 190_142, 0),
        (4, 95_071, 95_071),
        (9, 95_071, 95_071),
        (10, 0, 190_142),
        (12, 0, 190_142),
    ],
)
def test_year_one_of_render_is_split_as_in_the_image_of_rnp_006(month, liquidity, artists):
    split = {name: round(tokens) for name, tokens in render_year1_split(month).items()}
    assert split == {
        "network": 380_284,
        "foundation": 380_284,
        "nodes": 190_142,
        "liquidity": liquidity,
        "artists": artists,
        "compute_clients": 95_071,
        "upgrade_points": 95_071,
        "total_incentives": 570_425,  # printed 570,426: the sum of rounded parts
    }


@given(st.integers(1, 12))
def test_the_network_part_of_year_one_is_spent_whole(month):
    split = render_year1_split(month)
    assert split["nodes"] + split["liquidity"] + split["artists"] == pytest.approx(
        split["network"], rel=1e-12
    )
    assert split["network"] + split["foundation"] == pytest.approx(render_month_emission(1), rel=1e-12)


@pytest.mark.parametrize("month", [0, 13])
def test_year_one_of_render_has_twelve_months(month):
    with pytest.raises(ValueError, match="1 to 12"):
        render_year1_split(month)


@pytest.mark.parametrize(
    ("month", "pool"),
    [("2023-11", 0), ("2023-12", 47_435), ("2024-04", 47_435), ("2024-05", 15_000), ("2026-11", 15_000)],
)
def test_the_job_pool_of_render_follows_rnp_013(month, pool):
    assert render_job_pool(month) == pool


@pytest.mark.parametrize("month", ["2024", "2024-13", "24-05", "2024-5"])
def test_a_month_is_written_with_year_and_month(month):
    with pytest.raises(ValueError, match="YYYY-MM"):
        render_job_pool(month)


def test_render_budgets_are_the_voted_ones():
    assert render_budget(3) == pytest.approx(
        {"operations": 2.9, "node_rewards": 1.5, "grants": 1.5, "total": 5.9}
    )
    assert render_budget(1)["total"] == pytest.approx(9.126804)
    assert render_budget(1)["operations"] == pytest.approx(
        4.563402
    )  # RNP-006 image: 4,563,402 to the network
    with pytest.raises(ValueError, match="year = 4"):
        render_budget(4)


def test_what_render_mints_and_does_not_pay_stays_in_the_treasury():
    assert render_unspent(1.48, 0.96) == pytest.approx(0.52)  # node rewards of 2025, RNP-018 and 022
    with pytest.raises(ValueError, match="must not exceed"):
        render_unspent(1.0, 1.5)


# --- Akash ---


def test_ideal_inflation_is_the_figure_of_the_chains_own_test():
    # akash-network/node x/inflation inflation_calculator_test.go: 0.95 of the ideal is 31.967899564902300000
    times = "2021-03-08T15:00:00Z", "2022-04-18T18:28:26+00:00"
    ideal = akash_ideal_inflation(*times, i0_percent=48.546257, tau_years=2.10306569, decimals=6)
    step = akash_inflation_step(
        0.230326319830867266, 0.7324, 0.67, 0.05, 5_256_000, 0.95 * ideal, 1.05 * ideal
    )
    assert step == pytest.approx(31.9678995649023, rel=1e-14)
    untruncated = akash_ideal_inflation(*times, 48.546257, 2.10306569)
    assert untruncated == pytest.approx(ideal, rel=1e-6) and untruncated > ideal


def test_ideal_inflation_halves_in_one_decay_time_of_julian_years():
    assert akash_ideal_inflation(0, 2 * 31_557_600, 48.0, 2.0) == pytest.approx(24.0, rel=1e-12)
    genesis = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
    assert akash_ideal_inflation(
        genesis, genesis + datetime.timedelta(days=365.25), 8.0, 1.0
    ) == pytest.approx(4.0)
    assert akash_ideal_inflation(datetime.date(2021, 1, 1), "2021-01-01", 8.0, 1.0) == 8.0


def test_inflation_moves_by_the_bonded_gap_and_is_clamped():
    # (1 - 0.335/0.67) * 1.0 / 5e6 = 1e-7
    assert akash_inflation_step(0.3, 0.335, 0.67, 1.0, 5e6, 0.25, 0.4) == pytest.approx(0.3 + 1e-7, rel=1e-15)
    assert akash_inflation_step(0.3, 0.67, 0.67, 1.0, 5e6, 0.25, 0.4) == 0.3
    assert akash_inflation_step(0.4, 0.1, 0.67, 1.0, 1, 0.25, 0.4) == 0.4
    assert akash_inflation_step(0.26, 1.0, 0.67, 1.0, 1, 0.25, 0.4) == 0.25


def test_staking_yield_is_net_of_the_community_tax():
    assert akash_staking_yield(0.13, 0.5) == pytest.approx(0.26)
    assert akash_staking_yield(0.13, 0.5, community_tax=0.4) == pytest.approx(0.156)


# --- SingularityNET, The Graph, Helium ---


def test_agix_tranches_fall_by_one_and_a_half_percent_to_a_billion_in_all():
    assert agix_release(1) == (15e6, pytest.approx(15e6))
    assert agix_release(2) == (pytest.approx(14.775e6), pytest.approx(29.775e6))
    assert agix_release(5000)[1] == pytest.approx(1e9, rel=1e-12)


@given(st.integers(1, 60))
def test_the_agix_sum_is_the_sum_of_its_tranches(month):
    tranches = math.fsum(agix_release(m)[0] for m in range(1, month + 1))
    assert agix_release(month)[1] == pytest.approx(tranches, rel=1e-12)


def test_graph_issuance_is_the_figure_of_gip_0043():
    assert issuance_per_block(10.576e9, 0.03) == pytest.approx(120.73, abs=0.005)
    assert issuance_per_block(10.576e9, 0.03) == pytest.approx(10.576e9 * 0.03 / 2_628_000, rel=1e-14)


def test_issuance_is_carved_by_amount_as_in_gip_0088_or_by_share():
    assert issuance_split(120.73, amount=6) == (6, pytest.approx(114.73))
    assert issuance_split(120.73, share=0.05) == (
        pytest.approx(6.0365),
        pytest.approx(114.6935),
    )  # L2 and L1 config


@pytest.mark.parametrize("carving", [{}, {"share": 0.1, "amount": 1}, {"share": 1.1}, {"amount": 200}])
def test_issuance_is_carved_in_one_way_and_within_itself(carving):
    with pytest.raises(ValueError, match=r"share|amount"):
        issuance_split(120.73, **carving)


def test_helium_net_emission_smooths_burns_and_is_capped():
    low = net_emission(700.0, 1400.0)
    assert low == pytest.approx({"target": 800.0, "net": 800.0, "burned": 600.0})
    high = net_emission(7000.0, 0.0)
    assert high == pytest.approx({"target": 6000.0, "net": 600_000 / 365, "burned": 0.0})


def test_helium_carries_the_uncapped_target_on():
    first = net_emission(7000.0, 7000.0)
    assert net_emission(first["target"], 7000.0)["target"] == pytest.approx(7000.0)


# --- Filecoin. Source: filecoin-project/builtin-actors@b0a3bdd6 actors/reward ---

SIMPLE_GOLDEN = [
    (0, 36266264293777134739),
    (5000, 36246341860983438171),
    (10000, 36226430372336764970),
    (30000, 36146893739029143725),
    (2545000, 27417956352278167539),
    (2555000, 27387841182142501307),
]
BASELINE_GOLDEN = [
    (0, 340282366920938463463374607398434878123, 84621274052457285111),
    (
        1701411834604692317316873037158763279502223,
        1701752116971613255780336411766161714380346,
        84574788381047331439,
    ),
    (
        5104235503814076951950619111476289838506669,
        5104575786180997890414082486083688273384792,
        84481893633220089447,
    ),
]


@pytest.mark.parametrize(("epoch", "atto"), SIMPLE_GOLDEN)
def test_the_time_driven_reward_is_the_golden_file_to_the_last_atto(epoch, atto):
    assert filecoin_simple_reward(epoch) == atto  # testdata/TestSimpleReward.golden


@pytest.mark.parametrize(("theta0", "theta1", "atto"), BASELINE_GOLDEN)
def test_the_capacity_driven_reward_is_the_golden_file_within_its_last_atto(theta0, theta1, atto):
    # testdata/TestBaselineReward.golden, theta in units of 2^-128; the file subtracts two rounded numbers
    reward = filecoin_baseline_reward(Fraction(theta0, 2**128), Fraction(theta1, 2**128))
    assert abs(reward - atto) <= 1


def test_effective_time_interpolates_as_in_the_actors_own_test():
    # logic.rs test_compute_r_theta: baseline(e) = 2048 (e + 1)
    assert filecoin_effective_time(1, 4096, 2048 + 4096 // 2, 2048 + 4096) == 0.5
    assert filecoin_effective_time(1, 4096, 2048 + 4096 // 4, 2048 + 4096) == 0.25
    cumulative = sum(2048 * (e + 1) for e in range(16))
    at_16 = 2048 * 17
    assert filecoin_effective_time(16, at_16, cumulative + at_16 // 4, cumulative + at_16) == 15.25
    assert filecoin_effective_time(0, 2048, 0, 0) == 0


def test_the_baseline_doubles_in_a_year_of_epochs():
    assert filecoin_baseline(2_888_888_880_000_000_000, 1_051_200) == pytest.approx(
        5_777_777_760_000_000_000, rel=1e-15
    )
    assert filecoin_baseline(1.0, 525_600) == pytest.approx(math.sqrt(2), rel=1e-15)


def test_a_full_half_life_of_capacity_pays_half_the_stream():
    assert filecoin_baseline_reward(0, 6 * 1_051_200) == 385_000_000 * 10**18


@given(st.floats(0, 1e8), st.floats(0, 1e8), st.floats(0, 1e8))
def test_capacity_rewards_add_up_over_adjacent_times(a, b, c):
    start, middle, end = sorted((a, b, c))
    parts = filecoin_baseline_reward(start, middle) + filecoin_baseline_reward(middle, end)
    assert 0 <= filecoin_baseline_reward(start, end) - parts <= 1
    assert filecoin_baseline_reward(start, end) <= 770_000_000 * 10**18


def test_capacity_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="theta1"):
        filecoin_baseline_reward(2.0, 1.0)


# --- Vesting of allocations ---


def test_a_cliff_frees_everything_at_once():
    assert cliff_vested(100, 11.9, 12) == 0
    assert cliff_vested(100, 12, 12) == 100


def test_linear_vesting_counts_from_the_start_and_waits_for_its_cliff():
    assert linear_vested(100, 3, 12) == 25
    assert linear_vested(100, 5, 12) == 41  # 41.67 down
    assert linear_vested(100, 5, 12, cliff=6) == 0
    assert linear_vested(100, 6, 12, cliff=6) == 50
    assert linear_vested(100, 13, 12) == 100
    assert linear_vested(100, -5, 12) == 0


def test_io_investors_wait_a_year_and_then_take_two_in_equal_months():
    # binance square 9095055577786: 12-month cliff then 24 equal months
    free = [graded_vested(2400, month, 1, 24, cliff=12) for month in (0, 12, 12.9, 13, 24, 36, 99)]
    assert free == [0, 0, 0, 100, 1200, 2400, 2400]


@given(st.integers(0, 10**24), st.floats(0, 100), st.integers(1, 48), st.floats(0, 36))
def test_graded_vesting_ends_exactly_at_the_grant(total, elapsed, steps, cliff):
    assert 0 <= graded_vested(total, elapsed, 1, steps, cliff) <= total
    assert graded_vested(total, cliff + steps + 1, 1, steps, cliff) == total
