"""Supply schedules that look at the network: Helium's, Livepeer's and Filecoin's."""

from __future__ import annotations

import math

import pytest

from simdai.mechanisms.emit import Capped, Fixed, Supply
from simdai.mechanisms.emit_policies import BondingTarget, CapacityGated, NetEmission
from simdai.mechanisms.livepeer import livepeer_inflation_step

LOG2 = math.log(2.0)


# -- Helium --------------------------------------------------------------------------------------------------


def test_what_is_burned_comes_back_by_the_day_up_to_a_limit() -> None:
    """Targets 700/7 = 100, 100 x 6/7 + 100, ... at a burn of 700 a day; never above the limit."""
    run = NetEmission(most=1e9, smoothing=6 / 7).begin()
    first = run.tokens(0.0, 1.0, Supply(1e6, burned=700.0))
    assert first == pytest.approx(100.0)
    assert run.tokens(1.0, 2.0, Supply(1e6, burned=1400.0)) == pytest.approx(100 * 6 / 7 + 100)
    capped = NetEmission(most=50.0, smoothing=6 / 7).begin()
    assert capped.tokens(0.0, 10.0, Supply(1e6, burned=7000.0)) == pytest.approx(500.0)


def test_the_length_of_an_epoch_does_not_matter_to_what_comes_back() -> None:
    whole, halves = (NetEmission(most=1e9, smoothing=6 / 7).begin() for _ in range(2))
    at_once = whole.tokens(0.0, 7.0, Supply(1e6, burned=7000.0))
    steps = [halves.tokens(n / 2, (n + 1) / 2, Supply(1e6, burned=500.0 * (n + 1))) for n in range(14)]
    assert sum(steps) == pytest.approx(at_once)


# -- Livepeer ------------------------------------------------------------------------------------------------


def test_inflation_steps_up_below_the_target_and_down_above_it() -> None:
    """Minter.sol: 3 parts in a million a round, to zero at least."""
    assert livepeer_inflation_step(1e-4, 0.44) == pytest.approx(1.03e-4)
    assert livepeer_inflation_step(1e-4, 0.56) == pytest.approx(0.97e-4)
    assert livepeer_inflation_step(1e-6, 0.56) == 0.0
    assert livepeer_inflation_step(1e-4, 0.5) == 1e-4
    with pytest.raises(ValueError, match="bonded"):
        livepeer_inflation_step(1e-4, 1.1)


def test_a_bonded_share_stuck_below_the_target_lets_inflation_run_away() -> None:
    rules = BondingTarget(inflation=1e-4, change=1e-5, target=0.5, round=1.0)
    low, high = rules.begin(), rules.begin()
    grown = low.tokens(0.0, 100.0, Supply(1.0, bonded=0.44))
    assert grown == pytest.approx(math.prod(1 + 1e-4 + 1e-5 * (n + 1) for n in range(100)) - 1)
    shrunk = high.tokens(0.0, 100.0, Supply(1.0, bonded=0.56))
    assert shrunk == pytest.approx(math.prod(1 + max(1e-4 - 1e-5 * (n + 1), 0.0) for n in range(100)) - 1)


# -- Filecoin ------------------------------------------------------------------------------------------------

GATED = CapacityGated(simple=330e6, gated=770e6, baseline=1000.0)


def test_enough_capacity_earns_the_whole_of_a_year() -> None:
    """A half-life of six years: 1 - 2^(-1/6) of each stream in the first year of 365 days."""
    year = GATED.begin().tokens(0.0, 365.0, Supply(1e9, capacity=1e5))
    assert year == pytest.approx(1100e6 * (1.0 - 2.0 ** (-1 / 6)), rel=1e-6)


def test_without_capacity_only_time_pays() -> None:
    year = GATED.begin().tokens(0.0, 365.0, Supply(1e9, capacity=0.0))
    assert year == pytest.approx(330e6 * (1.0 - 2.0 ** (-1 / 6)), rel=1e-6)


def test_half_of_the_baseline_earns_an_effective_time_that_lags() -> None:
    """Capacity stays at half of the first baseline b: realised b/2 in a year, a cumulative baseline of
    b (2^t - 1) / ln 2, so t = log2(1 + ln 2 / 2) of a year.
    """
    simple = GATED.begin().tokens(0.0, 365.0, Supply(1e9, capacity=0.0))
    both = GATED.begin().tokens(0.0, 365.0, Supply(1e9, capacity=500.0))
    effective = math.log2(1.0 + LOG2 / 2)
    assert both - simple == pytest.approx(770e6 * (1.0 - 2.0 ** (-effective / 6)), rel=1e-5)


def test_what_was_put_off_is_earned_when_capacity_comes_back() -> None:
    run = GATED.begin()
    poor = [run.tokens(7.0 * n, 7.0 * (n + 1), Supply(1e9, capacity=500.0)) for n in range(10)]
    rich = [run.tokens(7.0 * n, 7.0 * (n + 1), Supply(1e9, capacity=4000.0)) for n in range(10, 20)]
    assert min(rich) > max(poor)
    never = GATED.begin()
    full = sum(never.tokens(7.0 * n, 7.0 * (n + 1), Supply(1e9, capacity=4000.0)) for n in range(20))
    assert sum(poor) + sum(rich) < full


def test_capacity_beyond_the_baseline_adds_nothing() -> None:
    some, more = (GATED.begin().tokens(0.0, 28.0, Supply(1e9, capacity=c)) for c in (2000.0, 9000.0))
    assert some == more


def test_a_cap_ends_a_schedule_that_remembers() -> None:
    run = Capped(rule=BondingTarget(inflation=0.1, change=0.0, target=0.5, round=1.0), cap=150.0).begin()
    assert run.tokens(0.0, 1.0, Supply(1000.0)) == pytest.approx(100.0)
    assert run.tokens(1.0, 2.0, Supply(1100.0, 100.0)) == pytest.approx(50.0)
    assert Capped(rule=Fixed(per_day=10.0), cap=15.0).tokens(0.0, 2.0, Supply(0.0)) == 15.0
