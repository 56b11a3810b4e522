"""Ocean: orders and their fees, jobs beside the data, feeds, locks, farming, and those who wash."""

from __future__ import annotations

import copy
import datetime
import functools
import json
import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.mechanisms.data_market import compute_job_price, fixed_rate_swap, ve_balance
from simdai.mechanisms.emission import ocean_weekly_total
from simdai.schema import Scenario
from simdai.simulation import Simulation

WEI = 10**18
TURNOVER = {
    "memory": 30.0,
    "exit_hazard": 0.01,
    "exit_sensitivity": 3.0,
    "entry_threshold": 1.0,
    "entry_speed": 0.01,
    "entry_ceiling": 0.02,
}
MACHINES = {
    "slots": 3,
    "resources": {"cpu": 4.0},
    "prices": {"cpu": 0.01},
    "longest": 24.0,
    "running": 1.0,
    "capital": 2.0,
}
WORLD: dict[str, Any] = {
    "start": "2024-02-01",  # a Thursday
    "horizon": "28 d",
    "record_every": "7 d",
    "networks": {
        "ocean": {
            "kind": "ocean",
            "token": {
                "symbol": "OCEAN",
                "supply": 1e9,
                "price": 0.5,
                "market": {"kind": "constant_product", "liquidity": 1e7},
                "treasury_share": 0.5,
            },
            "exchange": {"community_fee": 0.001, "order_fee": 0.03, "publish_fee": 0.01},
            "assets": {
                "health": {
                    "count": 10,
                    "value": 40.0,
                    "value_spread": 0.5,
                    "markup": 0.8,
                    "protected": 0.5,
                    "size": 10.0,
                    "hosting": 0.2,
                    "work": 2.0,
                }
            },
            "publishers": {"turnover": TURNOVER, "token_sold": 0.5},
            "compute": {
                "environments": {"ours": MACHINES | {"foundation": True}},
                "expiry": 1.0,
                "output": 0.1,
                "epsilon": 0.1,
            },
            "feeds": {
                "count": 2,
                "slot": "1 h",
                "price": 3.0,
                "fee": 0.2,
                "memory": 10.0,
                "predictors": {
                    "skilled": {"count": 6, "accuracy": 0.6, "stake": 10.0, "work": 1.0},
                    "unskilled": {"count": 6, "accuracy": 0.5, "stake": 10.0, "work": 1.0},
                },
                "turnover": TURNOVER | {"exit_hazard": 0.0, "entry_speed": 0.0},
                "token_sold": 0.5,
            },
            "lockers": {"count": 12, "locked": 1e5, "spread": 0.5, "longest": 1000.0, "required": 0.01},
            "incentives": {"kind": "volume_farming", "predictoor": 10000.0},
        }
    },
    "demand": {
        "buyers": {
            "kind": "data_consumers",
            "network": "ocean",
            "count": 5,
            "visits": {"health": 20.0},
            "taste": 0.8,
            "substitute": 0.2,
            "through_compute": 0.8,
            "work": "2 h",
            "work_spread": 0.5,
            "margin": 3.0,
            "resources": {"cpu": 4.0},
        },
        "traders": {
            "kind": "feed_subscribers",
            "network": "ocean",
            "count": 10,
            "edge_value": 50.0,
            "taste": 0.8,
        },
    },
}
OCEAN, FEEDS = "networks.ocean", "networks.ocean.feeds"
NO_FEEDS = {FEEDS: None, "demand.traders": None}
WASH = {
    "kind": "wash_consumption",
    "network": "ocean",
    "at": "2024-02-01",
    "locked": 1e6,
    "capital": 20000.0,
    "domain": "health",
    "assets": 2,
    "price": 100.0,
}
WASH_FEED = {
    "kind": "wash_subscription",
    "network": "ocean",
    "at": "2024-02-01",
    "locked": 1e6,
    "capital": 5000.0,
    "feed": 0,
    "stake": 200.0,
}


def made(changes: dict[str, Any] | None = None) -> Scenario:
    content = copy.deepcopy(WORLD)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = content
        for key in parents:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return Scenario(**content)


@functools.cache
def ran_once(changes: str) -> Simulation:
    sim = Simulation(made(json.loads(changes)), seed=1)
    sim.run()
    sim.world.ledger.check()
    return sim


def ran(changes: dict[str, Any] | None = None) -> Simulation:
    """A run to its end, shared by the tests that ask for the same; they only look at it."""
    return ran_once(json.dumps(changes or {}))


def outcome(sim: Simulation, name: str) -> float:
    return sim.world.recorder.outcomes()[name][0]


# -- orders ----------------------------------------------------------------------------------------------


def test_an_order_pays_publisher_community_and_market_to_the_wei():
    world = Simulation(made(NO_FEEDS), seed=1).world
    exchange, rate, n = world.networks["ocean"].exchange, 7 * 10**18 + 3, 4
    world.ledger.transfer(10**12, "OCEAN", "ocean.holders", "buyers.wallet")
    booked, kept = exchange.order(rate, n, "buyers.wallet", world.ledger.open("someone", "OCEAN"))
    bought = fixed_rate_swap(n * WEI, rate, 10**15, 10**16, 0, "buy")
    returned = fixed_rate_swap(n * 3 * 10**16, rate, 10**15, 10**16, 0, "sell")
    assert (booked, kept) == (bought.base, bought.base - returned.base)
    paid = 10**12 - world.ledger.balance("OCEAN", "buyers.wallet")
    assert paid == -(-bought.total // 10**10)
    community = bought.community + returned.total + returned.community
    assert world.ledger.balance("OCEAN", "ocean.community") == community // 10**10
    assert world.ledger.balance("OCEAN", "ocean.market") == (bought.publish + returned.publish) // 10**10
    assert world.ledger.balance("OCEAN", "someone") == kept // 10**10


def test_revenue_is_the_volume_of_orders_and_subscriptions():
    sim = ran()
    volume = outcome(sim, "ocean.revenue_usd")
    income = sim.world.networks["ocean"].assets.firms.revenue.sum()
    fees = outcome(ran(NO_FEEDS), "ocean.revenue_usd")
    assert income == pytest.approx(
        0.97 * fees, rel=0.02
    )  # three per cent of each datatoken go to the community
    assert volume > fees > 0


def test_at_another_scale_the_same_is_sold():
    one, hundred = ran(), ran({"scale": 100.0})
    for name in ("ocean.revenue_usd", "ocean.orders", "ocean.subscriptions", "ocean.compute.done"):
        assert outcome(hundred, name) == pytest.approx(outcome(one, name), rel=0.03)
    assert outcome(hundred, "ocean.farming.lockers_tokens") == pytest.approx(
        outcome(one, "ocean.farming.lockers_tokens"), rel=0.05
    )


def test_dearer_data_are_bought_less_and_nobody_visits_at_level_zero():
    cheap, dear = ran(), ran({f"{OCEAN}.assets.health.markup": 3.0})
    assert outcome(dear, "ocean.orders") < 0.7 * outcome(cheap, "ocean.orders")
    sim = Simulation(made(), seed=1)
    sim.world.demand["buyers"].level = sim.world.demand["traders"].level = 0.0
    sim.run()
    assert outcome(sim, "ocean.revenue_usd") == 0.0


def test_an_ocean_without_assets_sells_none():
    sim = ran(NO_FEEDS | {f"{OCEAN}.assets.health.count": 0})
    assert outcome(sim, "ocean.orders") == 0.0 == outcome(sim, "ocean.compute.submitted")


def test_one_more_asset_changes_nobody_elses_orders_but_for_the_visits_that_it_draws():
    few, more = (Simulation(made({f"{OCEAN}.assets.health.count": n}), seed=1) for n in (10, 11))
    a, b = (sim.world.networks["ocean"].assets for sim in (few, more))
    assert np.array_equal(a.value, b.value[:10]) and np.array_equal(a.protected, b.protected[:10])


# -- jobs ------------------------------------------------------------------------------------------------


def test_the_job_escrow_holds_exactly_free_funds_and_locks():
    compute = ran().world.networks["ocean"].compute
    assert compute.state.tokens == compute.escrow.held
    assert sum(lock.amount for lock in compute.state.locks) <= compute.state.tokens


def test_every_job_is_done_failed_given_up_or_still_there():
    sim = ran()
    compute = sim.world.networks["ocean"].compute
    there = sum(m.running + len(m.queue) for m in compute.machines)
    ended = sum(outcome(sim, f"ocean.compute.{what}") for what in ("done", "failed", "abandoned"))
    assert outcome(sim, "ocean.compute.submitted") == ended + there > 0


def test_operators_are_paid_for_started_minutes_and_locks_of_failed_jobs_are_cancelled():
    broken = ran({f"{OCEAN}.compute.environments": {"ours": MACHINES | {"failure": 1.0}}})
    assert outcome(broken, "ocean.compute.done") == outcome(broken, "ocean.compute.revenue_usd") == 0
    cancelled, failed = (outcome(broken, f"ocean.compute.{what}") for what in ("cancelled", "failed"))
    assert failed - 12 <= cancelled <= failed  # those of the last days have not expired yet
    sim = ran()
    per_job = outcome(sim, "ocean.compute.revenue_usd") / outcome(sim, "ocean.compute.done")
    assert per_job == pytest.approx(2 * 60 * 4 * 0.01, rel=0.25)  # two hours of four cores at a cent a minute


def test_too_few_machines_make_jobs_wait_and_some_are_given_up():
    crowded = ran(
        {
            f"{OCEAN}.compute.environments": {"ours": MACHINES | {"slots": 1}},
            f"{OCEAN}.compute.expiry": 0.2,
            "demand.buyers.visits": {"health": 80.0},
        }
    )
    assert outcome(crowded, "ocean.compute.abandoned") > 0
    assert outcome(crowded, "ocean.compute.mean_wait_hours") > outcome(ran(), "ocean.compute.mean_wait_hours")
    assert outcome(crowded, "ocean.compute.utilisation") > 0.5


def test_compute_lets_consumers_use_data_that_are_not_sold():
    without = ran({f"{OCEAN}.compute": None})
    assert outcome(without, "ocean.protected.surplus_usd") == 0.0
    assert outcome(ran(), "ocean.protected.surplus_usd") > 0.0
    assert outcome(ran(), "ocean.protected.value_with_usd") > outcome(
        ran(), "ocean.protected.value_without_usd"
    )
    assets = without.world.networks["ocean"].assets
    assert assets.firms.revenue[assets.protected].sum() == 0.0


def test_the_offer_names_price_and_capacity_of_the_machines_that_fit():
    network = Simulation(made(), seed=1).world.networks["ocean"]
    offer = network.compute_offer(6.0, {"cpu": 2.0})
    assert offer.price_usd == pytest.approx(compute_job_price(6 * 3600, {"cpu": 2.0}, {"cpu": 0.01}))
    assert offer.jobs_per_day == 3 * 24 / 6 and offer.free_slots == 3
    for hours, resources in ((6.0, {"gpu": 1.0}), (48.0, {"cpu": 1.0})):
        nothing = network.compute_offer(hours, resources)
        assert math.isnan(nothing.price_usd) and nothing.jobs_per_day == 0
    network.foundation["compute"] = False
    assert network.compute_offer(6.0, {"cpu": 2.0}).jobs_per_day == 0


def test_leaks_grow_with_jobs_and_with_operators_who_read_along():
    clean = ran()
    spied = ran({f"{OCEAN}.compute.environments": {"ours": MACHINES | {"colluding": 0.2}}})
    assert outcome(clean, "ocean.leak.operators") == 0.0 < outcome(spied, "ocean.leak.operators") < 1.0
    leak = clean.world.recorder.series_table()["ocean.leak.output"][1]
    assert leak[0] == 0.0 and np.all(np.diff(leak[:3]) > 0) and leak[-1] <= 1.0


# -- feeds -----------------------------------------------------------------------------------------------


def test_the_feeds_contract_keeps_only_what_nobody_can_claim():
    feeds = ran().world.networks["ocean"].feeds
    assert feeds.contract.held == feeds.stranded
    sure = ran({f"{FEEDS}.predictors.skilled.accuracy": 1.0}).world.networks["ocean"].feeds
    assert 0 <= sure.stranded < 10**12  # somebody always wins: remainders of divisions, below 1e-6 tokens


def test_skilled_predictors_win_what_unskilled_ones_lose_but_for_what_subscribers_pay():
    sim = ran(
        {"demand.traders.count": 0, f"{OCEAN}.incentives": {"kind": "predictoor_farming", "budget": 0.0}}
    )
    skilled, unskilled = (outcome(sim, f"ocean.predictors.{g}.net_usd") for g in ("skilled", "unskilled"))
    assert skilled > 0 > unskilled
    fees = sim.world.ledger.holding("OCEAN", "ocean.community")  # stakes of slots in which all were wrong too
    assert 0 > skilled + unskilled > -fees * 0.55


def test_subscribers_revenue_reaches_predictors_less_the_fees():
    sim = ran({f"{FEEDS}.predictors.skilled.accuracy": 1.0})  # in no slot are all wrong
    net = sum(outcome(sim, f"ocean.predictors.{g}.net_usd") for g in ("skilled", "unskilled"))
    paid = outcome(sim, "ocean.revenue_usd") - outcome(ran(NO_FEEDS), "ocean.revenue_usd")
    assert net == pytest.approx(0.97 * paid, rel=0.05)


def test_feeds_of_many_skilled_predictors_are_right_more_often():
    good = ran({f"{FEEDS}.predictors.skilled.count": 20, f"{FEEDS}.predictors.unskilled.count": 0})
    poor = ran({f"{FEEDS}.predictors.skilled.count": 0})
    assert outcome(good, "ocean.feeds.accuracy") > outcome(poor, "ocean.feeds.accuracy") + 0.1
    assert outcome(good, "ocean.subscriptions") > outcome(poor, "ocean.subscriptions")


def test_without_predictors_the_collector_gets_what_subscribers_paid():
    changes = {
        f"{FEEDS}.predictors": {"nobody": {"count": 0, "accuracy": 0.5, "stake": 1.0, "work": 1.0}},
        f"{OCEAN}.incentives": {"kind": "predictoor_farming", "budget": 7000.0, "subscribes": True},
        "demand.buyers.visits": {"health": 0.0},
    }
    sim = ran(changes)
    community = sim.world.ledger.holding("OCEAN", "ocean.community")
    spent = outcome(sim, "ocean.farming.predictors_tokens") / 0.97  # real tokens at the rate
    assert community == pytest.approx(spent * (0.97 + 0.001 + 0.03 * (1 - 0.2)), rel=1e-3)


def test_cancelled_slots_give_stakes_back():
    sim = ran({f"{FEEDS}.cancelled": 1.0, "demand.traders.count": 0})
    assert outcome(sim, "ocean.predictors.skilled.net_usd") == 0.0


def test_farming_pays_only_predictors_with_a_gain_and_no_more_than_its_budget():
    sim = ran({f"{OCEAN}.incentives": {"kind": "predictoor_farming", "budget": 1000.0}})
    assert 0 < outcome(sim, "ocean.farming.predictors_tokens") <= 4 * 1000.0
    both = ran({f"{OCEAN}.incentives": {"kind": "predictoor_farming", "budget": 1000.0, "subscribes": True}})
    assert outcome(both, "ocean.farming.predictors_tokens") == pytest.approx(
        27 * 1000 / 7 * 0.97 / 1.201, rel=0.05
    )


def test_weekly_steps_play_like_daily_ones():
    long = {"horizon": "84 d", "demand.traders.count": 0}
    daily, weekly = ran(long), ran(long | {f"{OCEAN}.step": 7})
    assert outcome(weekly, "ocean.orders") == pytest.approx(outcome(daily, "ocean.orders"), rel=0.15)
    assert outcome(weekly, "ocean.predictors.skilled.net_usd") > 0


# -- locks and farming -----------------------------------------------------------------------------------


def test_votes_decay_as_the_contract_says():
    sim = Simulation(made(), seed=1)
    sim.run(until=10.0)
    lockers = sim.world.networks["ocean"].lockers
    now = int(datetime.datetime(2024, 2, 11, tzinfo=datetime.UTC).timestamp())
    for k, lock in enumerate(lockers.locks):
        assert lockers.balance(k) == ve_balance(lock.amount, lock.end, min(now, lock.end))
        assert lock.end % (7 * 86400) == 0


def test_farming_pays_the_plan_once_a_week_and_only_what_the_bounds_allow():
    sim = ran(NO_FEEDS)
    weeks = [datetime.date(2024, 2, 1) + datetime.timedelta(7 * n) for n in range(3)]
    budget = sum(ocean_weekly_total(day) for day in weeks)
    paid = outcome(sim, "ocean.farming.lockers_tokens")
    assert 0.5 * budget <= paid <= 0.51 * budget  # half for votes alone; in week 70 volume earns a thousandth


def test_an_early_week_pays_volume_more():
    early = ran(NO_FEEDS | {f"{OCEAN}.incentives": {"kind": "volume_farming", "week": 5}})
    late = ran(NO_FEEDS | {f"{OCEAN}.incentives": {"kind": "volume_farming", "week": 29}})
    assert outcome(early, "ocean.farming.lockers_tokens") > 1.2 * outcome(
        late, "ocean.farming.lockers_tokens"
    )


def test_rewards_end_with_the_treasury_with_the_foundation_and_with_the_regime():
    empty = ran({f"{OCEAN}.token.treasury_share": 0.0})
    assert outcome(empty, "ocean.subsidy_usd") == 0.0
    sim = Simulation(made(), seed=1)
    sim.world.networks["ocean"].foundation["farming"] = False
    sim.run()
    assert outcome(sim, "ocean.subsidy_usd") == 0.0
    dated = ran(
        {
            f"{OCEAN}.incentives": [
                {"rule": {"kind": "volume_farming"}},
                {"from": "2024-02-10", "rule": {"kind": "buy_and_burn", "usd": 700.0}},
            ]
        }
    )
    series = dated.world.recorder.series_table()
    assert series["ocean.subsidy_usd"][1][2:].max() == 0.0 < series["ocean.subsidy_usd"][1][1]
    assert outcome(dated, "ocean.token.burned") > 0


def test_half_the_emission_level_pays_half():
    sim = Simulation(made(NO_FEEDS), seed=1)
    sim.world.networks["ocean"].change_emission(0.5)
    sim.run()
    full = outcome(ran(NO_FEEDS), "ocean.farming.lockers_tokens")
    assert outcome(sim, "ocean.farming.lockers_tokens") == pytest.approx(0.5 * full, rel=0.03)


def test_lockers_whose_lock_has_ended_lock_again_only_for_the_yield_they_ask():
    short = {f"{OCEAN}.lockers.longest": 7.0}
    content = ran(NO_FEEDS | short | {f"{OCEAN}.lockers.required": 0.0})
    greedy = ran(NO_FEEDS | short | {f"{OCEAN}.lockers.required": 1e6})
    assert outcome(content, "ocean.locked") > 0.0 == outcome(greedy, "ocean.locked")


def test_lockers_vote_for_what_pays_most_for_a_vote():
    lockers = Simulation(made(), seed=1).world.networks["ocean"].lockers
    lockers.vote({0: 1.0, 1: 3.0}, [0, 1])
    both = [lock.votes for lock in lockers.locks if set(lock.votes) == {0, 1}]
    assert both and all(votes == {0: 2500, 1: 7500} for votes in both)
    assert all(sum(lock.votes.values()) <= 10_000 for lock in lockers.locks)


# -- what the foundation runs ----------------------------------------------------------------------------


def test_without_gateway_or_market_less_is_sold_and_without_truth_feeds_stand_still():
    def sold(**stopped: bool) -> Simulation:
        sim = Simulation(made({f"{OCEAN}.reliance": {"gateway": 0.5, "marketplace": 0.6}}), seed=1)
        for function, runs in stopped.items():
            sim.world.networks["ocean"].foundation[function] = runs
        sim.run()
        return sim

    everything = outcome(sold(), "ocean.orders")
    assert outcome(sold(gateway=False), "ocean.orders") < 0.8 * everything
    assert outcome(sold(marketplace=False), "ocean.orders") == pytest.approx(0.4 * everything, rel=0.2)
    assert outcome(sold(feeds=False), "ocean.subscriptions") == 0.0
    assert outcome(sold(compute=False), "ocean.compute.done") == 0.0


# -- washing ---------------------------------------------------------------------------------------------


def wash(week: int, shock: dict[str, Any], **changes: Any) -> Simulation:
    farming = {"kind": "volume_farming", "budget": 50000.0, "week": week}
    feeds = {} if shock["kind"] == "wash_subscription" else NO_FEEDS
    return ran({f"{OCEAN}.incentives": farming, "shocks": [shock]} | feeds | changes)


def test_washing_pays_while_the_bound_exceeds_the_fees_and_stops_below_them():
    early, late = wash(5, WASH), wash(29, WASH)
    assert outcome(early, "ocean.wash_consumption.wash_profit_usd") > 100.0
    assert outcome(late, "ocean.wash_consumption.wash_usd") == 0.0
    assert outcome(late, "ocean.wash_consumption.wash_profit_usd") == 0.0


def test_whoever_washes_below_the_fees_pays_them():
    sim = wash(29, WASH | {"spend": 10000.0})
    made_ = outcome(sim, "ocean.wash_consumption.wash_usd")
    lost = -outcome(sim, "ocean.wash_consumption.wash_profit_usd")
    # 0.1 % and 1 % on top, 3 % of the datatoken of each order; volume earns a thousandth.
    assert lost == pytest.approx((0.011 + 0.03 - 0.001) * made_, rel=0.03)


def test_dearer_orders_stop_washing_that_a_bound_of_one_invites():
    cheap, dear = wash(9, WASH), wash(9, WASH, **{f"{OCEAN}.exchange.order_fee": 1.0})
    assert outcome(cheap, "ocean.wash_consumption.wash_usd") > outcome(
        dear, "ocean.wash_consumption.wash_usd"
    )


def test_what_a_washer_is_paid_comes_from_the_treasury_or_from_others():
    sim = wash(5, WASH)
    actor = sim.world.shocks[0]
    gained = outcome(sim, "ocean.wash_consumption.treasury_loss_usd") + outcome(
        sim, "ocean.wash_consumption.others_loss_usd"
    )
    assert gained == pytest.approx(actor.captured)


def test_a_subscriber_of_its_own_feed_gains_more_by_the_higher_bound():
    low, high = wash(81, WASH_FEED), wash(82, WASH_FEED)
    profit = [outcome(sim, "ocean.wash_subscription.wash_profit_usd") for sim in (low, high)]
    assert profit[1] > profit[0] >= 0.0


def test_when_it_gives_up_a_washer_leaves_nothing_behind():
    sim = wash(5, WASH | {"lasts": "14 d"})
    assert sim.world.ledger.balance("OCEAN", "ocean.wash_consumption") == 0
    owned = list(sim.world.shocks[0].owned)
    assert not sim.world.networks["ocean"].assets.firms.alive[owned].any()


# -- bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"demand.buyers.visits": {"wealth": 1.0}}, "unknown domain 'wealth'"),
        ({"demand.buyers.network": "sea"}, "unknown Ocean network 'sea'"),
        ({"demand.buyers.substitute": 1.0}, "must be below 1"),
        ({FEEDS: None}, "unknown Ocean network with feeds"),
        ({f"{FEEDS}.slot": "7 h"}, "a whole number of slots"),
        ({f"{FEEDS}.fee": 0.9}, "between 0.0001 and 0.5"),
        ({f"{FEEDS}.predictors": {}}, "at least one group"),
        ({f"{OCEAN}.exchange.publish_fee": 1e-6}, "between 0.0001 and 0.5"),
        ({f"{OCEAN}.exchange.order_fee": 1.5}, "a part of it"),
        ({f"{OCEAN}.lockers.longest": 2000.0}, "4 x 365 days"),
        ({f"{OCEAN}.compute.environments.ours.prices": {"gpu": 1.0}}, "no such resource"),
        ({f"{OCEAN}.assets": {}}, "at least one domain"),
        (
            {f"{OCEAN}.incentives": [{"from": "2025-01-01", "rule": {"kind": "buy_and_burn"}}]},
            "one at the start",
        ),
        ({"shocks": [WASH | {"domain": "wealth"}]}, "unknown domain 'wealth'"),
        ({"shocks": [WASH | {"spend": 1e6}]}, "the capital"),
        ({"shocks": [WASH_FEED | {"feed": 2}]}, "a number below 2"),
        ({"shocks": [WASH], f"{OCEAN}.lockers": None}, "one with 'lockers'"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(simdai.SimdaiError, match=message):
        made(changes)
