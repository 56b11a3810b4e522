"""The rules that composed networks are made of, against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai import registry
from simdai.mechanisms import provider_choice as providers
from simdai.mechanisms.choice import adopt, logit_shares, smooth, venue_utility
from simdai.mechanisms.emit import Capped, Decay, Emit, Fixed, Halving, Inflation, NoEmission, Supply
from simdai.mechanisms.match import Match, ReverseAuction, TieredQueue
from simdai.mechanisms.pay import Burn, Buyback, FeeSplit, StableCredit, UsdDirect
from simdai.mechanisms.pools import constant_product_out, square_root_move
from simdai.mechanisms.price_impact import (
    ConstantProduct,
    PriceImpact,
    SquareRoot,
)
from simdai.mechanisms.quote import Ask, CloudIndexed, Managed, Posted, QuoteState
from simdai.mechanisms.reward import (
    Availability,
    CappedByFees,
    EpochWork,
    Mixed,
    NoReward,
    ProRataStake,
    ProRataWork,
    Reward,
    ScoredWork,
    UsdTarget,
)
from simdai.mechanisms.rounding import largest_remainder
from simdai.mechanisms.speculation import Traders, fundamental_value

NOTHING = Supply(existing=1000.0)


# -- who sets prices


def test_a_posted_price_holds_and_asks_are_left_to_providers() -> None:
    assert Posted(usd_per_gpu_hour=2.5).price(QuoteState()) == 2.5
    assert Ask().price(QuoteState(price=2.0)) is None


def test_an_indexed_price_is_a_share_of_the_clouds() -> None:
    assert CloudIndexed(share=0.6).price(QuoteState(cloud_price=3.5)) == pytest.approx(2.1)


def test_a_managed_price_rises_with_use_and_stays_within_its_bounds() -> None:
    quote = Managed(usd_per_gpu_hour=2.0, use_target=0.65, speed=3.0, floor=0.5, ceiling=2.2)
    assert quote.price(QuoteState()) == 2.0
    # d ln p = 3 (0.75 - 0.65) per year: a factor exp(0.3) after a year
    assert quote.replace(ceiling=None).price(QuoteState(2.0, use=0.75, days=365.25)) == pytest.approx(
        2.0 * math.exp(0.3)
    )
    assert quote.price(QuoteState(2.0, use=0.75, days=365.25)) == 2.2
    assert quote.price(QuoteState(2.0, use=0.0, days=3652.5)) == 0.5
    assert quote.price(QuoteState(2.0, days=1.0)) == 2.0  # nobody online: no news


# -- where payments go


@pytest.mark.parametrize(
    ("pay", "take", "split"),
    [
        (UsdDirect(operator_fee=0.05), 0.05, FeeSplit(operator=1001)),
        (Burn(operator_fee=0.05), 1.0, FeeSplit(operator=50, burn=951)),  # quotas 50.05 and 950.95
        (Buyback(fee=0.1, burn_share=0.5), 0.1, FeeSplit(operator=501, burn=500)),  # a tie: the first
        (StableCredit(operator_fee=0.0), 1.0, FeeSplit(vault=1001)),
    ],
)
def test_what_the_network_took_is_split_to_the_last_micro_usd(pay, take, split) -> None:  # type: ignore[no-untyped-def]
    assert pay.take_rate == take
    assert pay.split(1001) == split
    assert pay.split(0) == FeeSplit()


def test_a_credit_is_what_was_locked_less_the_spread() -> None:
    assert StableCredit(spread=0.0025).credit(10_000) == 9_975  # 25 basis points, Akash's mint spread
    assert Burn().credit(10_000) == 0


# -- how jobs find providers


def test_every_match_names_a_rule_of_the_kernel_with_options_it_knows() -> None:
    from simdai.kernel import VenueSpec

    examples = {"reverse_auction": {"bids": 3}, "tiered_queue": {"tiers": [0.8, 0.5]}}
    for kind, cls in registry.kinds("match").items():
        rule = cls(**examples.get(kind, {}))
        assert isinstance(rule, Match)
        assert VenueSpec(name="v", **rule.venue_options()).rule == kind


def test_tiers_must_descend() -> None:
    with pytest.raises(ValueError, match="descend"):
        TieredQueue(tiers=(0.5, 0.8))
    assert TieredQueue(tiers=(0.8, 0.5)).venue_holds_price
    assert not ReverseAuction(bids=2).venue_holds_price


# -- who gets the tokens

WORK = EpochWork(
    gpu_hours=np.array([10.0, 30.0, 0.0]),
    value_usd=np.array([30.0, 30.0, 0.0]),
    online_hours=np.array([20.0, 30.0, 50.0]),
    stake=np.array([1.0, 2.0, 0.0]),
    failures=np.array([0.0, 2.0, 0.0]),
)


@pytest.mark.parametrize(
    ("reward", "amounts"),
    [
        (NoReward(), [0, 0, 0]),
        (ProRataWork(), [25, 75, 0]),
        (ProRataWork(by_value=True), [50, 50, 0]),
        (Availability(), [20, 30, 50]),
        (Availability(idle_only=True), [17, 0, 83]),  # idle 10, 0, 50: quotas 16.67 and 83.33
        (Mixed(work_share=0.6), [23, 57, 20]),  # 60 as 15, 45, 0 and 40 as 8, 12, 20
        (UsdTarget(usd_per_gpu_hour=0.5), [20, 30, 50]),  # 50 USD wanted, 2 units a USD: the pool of 100
        (UsdTarget(usd_per_gpu_hour=0.1), [4, 6, 10]),  # 10 USD: 20 units
        (ProRataStake(), [25, 75, 0]),  # 20 and 60 stake-hours
        (ScoredWork(penalty=0.5), [57, 43, 0]),  # 10 and 30 / 4: quotas 57.14 and 42.86
        (CappedByFees(usd_per_usd=0.5), [30, 30, 0]),  # 60 USD of fees: 30 USD are 60 units
        (CappedByFees(usd_per_usd=2.0), [50, 50, 0]),  # 240 units wanted, the pool has 100
    ],
)
def test_rewards_by_hand(reward: Reward, amounts: list[int]) -> None:
    assert reward.amounts(100, WORK, units_per_usd=2.0).tolist() == amounts


REWARDS = {
    "capped_by_fees": {"usd_per_usd": 0.01},
    "mixed": {"work_share": 0.3},
    "scored_work": {"penalty": 0.2},
    "usd_target": {"usd_per_gpu_hour": 0.01},
}


@given(
    pool=st.integers(0, 10**15),
    hours=st.lists(st.floats(0, 1e6), min_size=1, max_size=20),
    kind=st.sampled_from(sorted(registry.kinds("reward"))),
)
def test_no_reward_pays_more_than_its_pool(pool: int, hours: list[float], kind: str) -> None:
    reward = registry.get("reward", kind)(**REWARDS.get(kind, {}))
    assert isinstance(reward, Reward)
    worked = np.array(hours)
    work = EpochWork(worked / 2, worked, worked, stake=worked, failures=np.sqrt(worked))
    amounts = reward.amounts(pool, work, units_per_usd=1e8)
    assert amounts.min() >= 0
    assert sum(amounts.tolist()) <= pool


def test_a_fixed_pool_pays_everything_when_anybody_worked() -> None:
    assert ProRataWork().amounts(10**15 + 1, WORK, 1.0).sum() == 10**15 + 1
    idle = EpochWork(np.zeros(3), np.zeros(3), WORK.online_hours)
    assert ProRataWork().amounts(10**15 + 1, idle, 1.0).sum() == 0


# -- how many tokens there are


def test_emission_by_hand() -> None:
    assert NoEmission().tokens(0, 7, NOTHING) == 0
    assert Fixed(per_day=5).tokens(3, 10, NOTHING) == 35
    # halving every 10 days from 8 a day: 80 + 40 + 20 = 140 after 30 days, 5 a half-way through the third
    halving = Halving(per_day=8, interval=10)
    assert halving.tokens(0, 30, NOTHING) == pytest.approx(140)
    assert halving.tokens(5, 15, NOTHING) == pytest.approx(40 + 20)
    # half in a year: the integral of 2^-t over a year is (1 - 1/2) / ln 2 years
    decay = Decay(per_day=1, annual_factor=0.5)
    assert decay.tokens(0, 365.25, NOTHING) == pytest.approx(365.25 * 0.5 / math.log(2))
    assert Decay(per_day=1, annual_factor=1.0).tokens(0, 9, NOTHING) == 9
    assert Inflation(annual_share=0.08).tokens(0, 365.25, NOTHING) == pytest.approx(1000 * math.expm1(0.08))


def test_bitcoins_schedule_is_a_halving_that_ends_at_21_million() -> None:
    """50 BTC a block, 144 blocks a day, halving every 210,000 blocks: 210,000 x 50 x 2 = 21 million."""
    halving = Halving(per_day=50 * 144, interval=210_000 / 144)
    assert halving.tokens(0, 40 * 210_000 / 144, NOTHING) == pytest.approx(21e6, rel=1e-9)


def test_a_cap_ends_a_schedule_exactly() -> None:
    capped = Capped(rule=Fixed(per_day=5), cap=30)
    assert capped.tokens(0, 4, Supply(100, 0)) == 20
    assert capped.tokens(4, 8, Supply(120, 20)) == 10
    assert capped.tokens(8, 12, Supply(130, 30)) == 0


EMISSIONS = {
    "fixed": {"per_day": 3.0},
    "halving": {"per_day": 3.0, "interval": 11.0},
    "decay": {"per_day": 3.0, "annual_factor": 0.3},
    "none": {},
}


@given(
    kind=st.sampled_from(sorted(EMISSIONS)),
    start=st.floats(0, 1000),
    first=st.floats(0, 100),
    second=st.floats(0, 100),
)
def test_the_length_of_the_epoch_does_not_matter(
    kind: str, start: float, first: float, second: float
) -> None:
    rule = registry.get("emit", kind)(**EMISSIONS[kind])
    assert isinstance(rule, Emit)
    middle, end = start + first, start + first + second
    parts = rule.tokens(start, middle, NOTHING) + rule.tokens(middle, end, NOTHING)
    assert parts == pytest.approx(rule.tokens(start, end, NOTHING), rel=1e-9, abs=1e-6)


# -- what a trade does to the price


def test_constant_product_by_hand() -> None:
    """Uniswap v2's own example of a swap: 1 in of a pool 5 / 10 (all times 1e18) pays 1.6624979156244789."""
    ether = 10**18
    out = constant_product_out(5 * ether, 10 * ether, ether, fee_ppm=3000)
    assert out == 1662497915624478906  # UniswapV2Pair.spec.ts, getInputPrice:0
    assert constant_product_out(100, 1000, 100) == 500  # doubling one side halves the other
    assert constant_product_out(100, 1000, 0) == 0


def test_a_pool_moves_its_price_by_the_square_of_the_relative_purchase() -> None:
    book = ConstantProduct(liquidity=100.0).open(price=2.0, decimals=8, scale=1.0)
    assert book.reserves == (50 * 10**8, 100 * 10**6)
    assert book.price == pytest.approx(2.0)
    tokens, after = book.buy(10 * 10**6)
    assert after.price == pytest.approx(2.0 * 1.1**2, rel=1e-6)
    assert tokens == pytest.approx(50e8 * (1 - 1 / 1.1), rel=1e-8)


def test_scale_divides_depth_and_not_the_price() -> None:
    pool = ConstantProduct(liquidity=1000.0)
    whole, half = pool.open(2.0, 8, 1.0), pool.open(2.0, 8, 2.0)
    assert half.price == pytest.approx(whole.price)
    assert half.buy(10**6)[1].price == pytest.approx(whole.buy(2 * 10**6)[1].price)


IMPACTS = {
    "constant_product": {"liquidity": 1e6},
    "square_root": {"coefficient": 1.3, "daily_volatility": 0.15, "daily_volume": 3.76e5},
}


def test_every_impact_kind_has_an_example_here() -> None:
    assert set(IMPACTS) == set(registry.kinds("price_impact"))


@pytest.mark.parametrize("kind", sorted(IMPACTS))
def test_a_round_trip_earns_nothing(kind: str) -> None:
    impact = registry.get("price_impact", kind)(**IMPACTS[kind])
    assert isinstance(impact, PriceImpact)
    book = impact.open(1.9, 8, 1.0)
    for usd in (10**6, 10**10, 10**11):
        tokens, bought = book.buy(usd)
        assert bought.price > book.price
        back, sold = bought.sell(tokens)
        assert back <= usd + 1
        assert sold.price == pytest.approx(book.price, rel=1e-5)
        tokens = 10**11
        received, sold = book.sell(tokens)
        assert sold.price < book.price
        assert sold.buy(received)[0] <= tokens + 100


@pytest.mark.parametrize("kind", sorted(IMPACTS))
@pytest.mark.parametrize("factor", [0.5, 0.97, 1.2, 3.0])
def test_the_order_to_a_price_reaches_it(kind: str, factor: float) -> None:
    impact = registry.get("price_impact", kind)(**IMPACTS[kind])
    assert isinstance(impact, PriceImpact)
    _, book = impact.open(1.9, 8, 1.0).buy(10**9)
    usd, tokens = book.order_to(book.price * factor)
    assert (usd > 0) == (factor > 1) and (tokens > 0) == (factor < 1)
    after = book.buy(usd)[1] if usd else book.sell(tokens)[1]
    assert after.price == pytest.approx(book.price * factor, rel=1e-6)


@pytest.mark.parametrize("kind", sorted(IMPACTS))
def test_depth_changes_without_moving_the_price(kind: str) -> None:
    impact = registry.get("price_impact", kind)(**IMPACTS[kind])
    assert isinstance(impact, PriceImpact)
    book = impact.open(1.9, 8, 1.0)
    thin = book.with_depth(0.25)
    assert thin.price == pytest.approx(book.price)
    assert thin.buy(10**9)[1].price > book.buy(10**9)[1].price
    assert thin.buy(10**9)[1].price == pytest.approx(book.buy(4 * 10**9)[1].price, rel=1e-6)


def test_square_root_impact_by_hand() -> None:
    # Y sigma sqrt(V / V_day): a quarter of a day's volume with RNP-020's figures, 1.3 x 0.1488 x 0.5
    assert square_root_move(94e3, 1.3, 0.1488, 376e3) == pytest.approx(0.09672)
    assert square_root_move(-94e3, 1.3, 0.1488, 376e3) == pytest.approx(-0.09672)
    book = SquareRoot(coefficient=1.3, daily_volatility=0.1488, daily_volume=376e3).open(1.9, 8, 1.0)
    assert book.buy(94 * 10**9)[1].price == pytest.approx(1.9 * math.exp(0.09672))


def test_tokens_of_a_square_root_purchase_are_the_integral_over_the_price() -> None:
    impact = SquareRoot(coefficient=1.0, daily_volatility=0.2, daily_volume=1e5)
    book = impact.open(2.0, 8, 1.0)
    for usd in (-3e5, -2e4, 5e4, 3e5):
        flows = np.linspace(0, usd, 2_000_001)
        prices = 2.0 * np.exp(np.sign(flows) * 0.2 * np.sqrt(np.abs(flows) / 1e5))
        expected = float(np.trapezoid(1 / prices, flows))
        if usd > 0:
            assert book.buy(round(usd * 1e6))[0] / 1e8 == pytest.approx(expected, rel=1e-6)
        else:
            assert book.sell(round(-expected * 1e8))[0] / 1e6 == pytest.approx(-usd, rel=1e-6)


def test_cutting_an_order_within_a_day_changes_nothing_and_over_days_it_costs_more() -> None:
    book = SquareRoot(coefficient=1.0, daily_volatility=0.2, daily_volume=1e5).open(2.0, 8, 1.0)
    whole, after = book.buy(10**11)
    first, half = book.buy(5 * 10**10)
    second, rest = half.buy(5 * 10**10)
    assert first + second == pytest.approx(whole, rel=1e-9)
    assert rest.price == pytest.approx(after.price)
    assert half.next_day().buy(5 * 10**10)[1].price > after.price


# -- traders


def test_fundamental_value_follows_fees_and_dilution() -> None:
    assert fundamental_value(2.0, 4.0, 0.5, 1.0, 1.0) == 4.0
    assert fundamental_value(2.0, 1.0, 0.5, 2.0, 1.0) == 1.0
    assert fundamental_value(2.0, math.nan, 0.5, 1.0, 0.3) == pytest.approx(0.6)


def test_traders_close_a_gap_exponentially_extrapolate_and_make_noise() -> None:
    year = 365.25
    assert Traders(fundamental_speed=4.0).wanted_move(year, 0.5, 9.0, 9.0) == pytest.approx(
        0.5 * (1 - math.exp(-4))
    )
    assert Traders(trend_strength=0.5).wanted_move(year / 10, 9.0, 0.4, 9.0) == pytest.approx(0.02)
    assert Traders(noise=0.6).wanted_move(year / 4, 9.0, 9.0, 1.0) == pytest.approx(0.3)


# -- what providers decide


def test_running_and_capital_cost_of_an_h100() -> None:
    """0.7 kW x 1.3 x 0.093 USD/kWh = 0.085 USD/h; 40,600 USD less 30 % over 36 months is 1.08 USD/h."""
    assert providers.marginal_cost_per_hour(700, 1.3, 0.093) == pytest.approx(0.08463)
    assert providers.capital_cost_per_hour(40_600, 0.3, 1095.75, 0.0) == pytest.approx(1.0807, abs=1e-4)
    with_return = providers.capital_cost_per_hour(40_600, 0.3, 1095.75, 0.15)
    # the present value of the payments and of the resale is the price
    years, r = 3.0, 0.15
    value = with_return * 8766 * (1 - math.exp(-r * years)) / r + 0.3 * 40_600 * math.exp(-r * years)
    assert value == pytest.approx(40_600)


def test_margins_exits_and_entries_by_hand() -> None:
    assert providers.margin([10.0, 2.0, 26.0], 2.0, 10.0).tolist() == [1.0, 0.0, 3.0]
    hazard = providers.exit_hazard([0.0, 1.0], base=0.02, sensitivity=4.0)
    assert hazard.tolist() == pytest.approx([0.02, 0.02 * math.exp(-4)])
    assert providers.probability(0.02, 50.0) == pytest.approx(1 - math.exp(-1))
    assert providers.entrants_per_day(1000, 1.6, 1.1, 0.004, 0.01) == pytest.approx(2.0)
    assert providers.entrants_per_day(1000, 1.0, 1.1, 0.004, 0.01) == 0.0
    assert providers.entrants_per_day(1000, 9.0, 1.1, 0.004, 0.01) == 10.0
    assert [providers.whole_number(2.3, u) for u in (0.0, 0.69, 0.71)] == [2, 2, 3]


def test_a_hopeless_margin_does_not_overflow() -> None:
    assert providers.probability(providers.exit_hazard(-1e6, 0.02, 4.0), 1.0) == 1.0


def test_asks_move_towards_the_target_use_between_cost_and_ceiling() -> None:
    asks = providers.repriced([2.0, 2.0, 0.1], [1.0, 0.5, 0.0], 0.75, 0.02, 10.0, 0.085, math.inf)
    assert asks.tolist() == pytest.approx([2 * math.exp(0.05), 2 * math.exp(-0.05), 0.1 * math.exp(-0.15)])
    assert providers.repriced([0.09], [0.0], 0.75, 0.02, 10.0, 0.085, math.inf)[0] == 0.085
    assert providers.repriced([2.0], [1.0], 0.75, 1.0, 10.0, 0.085, 2.5)[0] == 2.5


# -- what customers choose


def test_logit_shares_by_hand() -> None:
    assert logit_shares([math.log(2), 0.0], outside=0.0).tolist() == pytest.approx([0.5, 0.25])
    assert logit_shares([-math.inf, 0.0], outside=-math.inf).tolist() == [0.0, 1.0]
    assert logit_shares([-math.inf]).tolist() == [0.0]
    assert logit_shares([1000.0, 0.0]).tolist() == pytest.approx([1.0, 0.0])


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=40), st.integers(0, 40))
def test_a_venue_that_is_not_offered_changes_no_bit_of_the_others(utilities: list[float], place: int) -> None:
    place = min(place, len(utilities))
    without = logit_shares(utilities, outside=0.0)
    others = logit_shares([*utilities[:place], -math.inf, *utilities[place:]], outside=0.0)
    assert others[place] == 0.0
    assert np.delete(others, place).tolist() == without.tolist()


def test_utility_falls_with_price_and_wait() -> None:
    utility = venue_utility([3.0, 1.5, math.nan, 3.0], [0, 0, 0, 5], 3.0, 2.0, 0.1, [0, 0, 0, 1])
    assert utility.tolist() == pytest.approx([0.0, 2 * math.log(2), -math.inf, 0.5])


def test_smoothing_and_adoption_are_exponential() -> None:
    assert smooth(10.0, 20.0, 7.0, 7.0) == pytest.approx(20 - 10 / math.e)
    assert smooth(10.0, math.nan, 7.0, 7.0) == 10.0
    assert smooth(math.nan, 3.0, 7.0, 7.0) == 3.0
    assert smooth(10.0, 20.0, 1.0, 0.0) == 20.0
    # two steps of 3.5 days are one of 7
    half = adopt([1.0, 0.0], [0.0, 1.0], 3.5, 17.5)
    assert adopt(half, [0.0, 1.0], 3.5, 17.5).tolist() == pytest.approx(
        adopt([1.0, 0.0], [0.0, 1.0], 7.0, 17.5).tolist()
    )
    # 2.5 weeks: 1 - exp(-8 / 2.5) = 96 % have moved after 8 weeks
    assert adopt([0.0], [1.0], 56.0, 17.5)[0] == pytest.approx(0.9592, abs=1e-4)


@given(st.integers(0, 2**62), st.lists(st.integers(0, 2**62), max_size=30))
def test_parts_add_up_and_lie_within_one_unit_of_their_quota(amount: int, weights: list[int]) -> None:
    parts = largest_remainder(amount, weights).tolist()
    total = sum(weights)
    if total == 0:
        assert sum(parts) == 0
        return
    assert sum(parts) == amount
    assert all(
        abs(part * total - amount * weight) < total for part, weight in zip(parts, weights, strict=True)
    )
