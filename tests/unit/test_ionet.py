"""io.net: blocks, stakes, fees, slashes, the incentive engine and devices that do not exist."""

from __future__ import annotations

import copy
import datetime
import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.block_rewards import ionet_engine_step, ionet_min_stake, ionet_unstake_days
from simdai.mechanisms.emission import ionet_hour_total, ionet_month_emission
from simdai.mechanisms.fake_supply import (
    break_even_detection,
    break_even_reward,
    expected_paid_hours,
    hourly_detection,
    identity_profit,
)
from simdai.mechanisms.ionet_payouts import IncentiveEngine, emission_of_hour, emitted_before
from simdai.networks.ionet import IoNetNetwork
from simdai.networks.ionet_fees import Fees
from simdai.simulation import Simulation
from tests.worlds import BEHAVIOUR, small

UNIT = 10**8
BLOCKS = {"kind": "block_rewards", "schedule": "hourly", "pools": {"enterprise": 0.95, "community": 0.05}}
ENGINE = {
    "kind": "incentive_engine",
    "token_share": 1.0,
    "burn_share": 0.5,
    "roi_cut": 1.0,
    "roi_recovery": 0.05,
    "fees_first": True,
}
DEVICES = {
    "hardware": "h100",
    "count": 10,
    "pool": "enterprise",
    "multiplier": 10.0,
    "tier": 4,
    "target": 1.0,
    "ask": 2.0,
    "electricity": 0.1,
}
IONET: dict[str, Any] = {
    "kind": "ionet",
    "token": {
        "symbol": "IO",
        "supply": 2.8e8,
        "price": 0.2,
        "market": {"kind": "constant_product", "liquidity": 1e6},
    },
    "genesis_supply": 5e8,
    "max_supply": 8e8,
    "released_by": "hourly",
    "payouts": BLOCKS,
    "fees": {"reservation": 0.0025, "usdc": 0.02, "paid_in_usdc": 1.0, "withdrawn_in_usdc": 1.0},
    "staking": {
        "base": 200.0,
        "unstake": 14.0,
        "co_staked_wait": 7.0,
        "own_least": 0.5,
        "price_limit": 2.0,
        "appeal": 30.0,
        "soft": 0.1,
        "spoofing": 1.0,
    },
    "nomination": {"uptime_hours": "5 h"},
    "least_rental": "1 h",
    "providers": {"racks": DEVICES, "homes": DEVICES | {"pool": "community", "multiplier": 1.75, "tier": 1}},
}
FAKES = {
    "kind": "fake_supply",
    "network": "ionet",
    "poses_as": "racks",
    "at": "2026-01-02",
    "identities_per_day": 100.0,
    "most": 1000,
    "identity_cost": 10.0,
    "detection": 0.01,
    "puzzle_detection": 0.2,
    "only_while_it_pays": False,
}
SPELLS = {"online": {"kind": "exponential", "mean": 2.0}, "offline": {"kind": "exponential", "mean": 0.2}}


def scenario(changes: dict[str, Any] | None = None, **others: Any) -> Any:
    """The small world with io.net instead of its network; paths of ``changes`` are below the network."""
    network = {"networks.gridnet": None, "networks.ionet": copy.deepcopy(IONET)}
    paths = {f"networks.ionet.{path}": value for path, value in (changes or {}).items()}
    return small(network | paths | others)


def ionet(
    changes: dict[str, Any] | None = None, until: float | None = None, **others: Any
) -> tuple[Simulation, IoNetNetwork]:
    sim = Simulation(scenario(changes, **others))
    sim.run(until)
    sim.world.ledger.check()
    return sim, sim.world.networks["ionet"]


def released(net: IoNetNetwork) -> int:
    return net.world.ledger.accounts("IO").minted - net.token.genesis


def hours_before(day: str) -> int:
    """Hours from the first block (2024-06-25 12:00 UTC) to a midnight."""
    passed = datetime.datetime.fromisoformat(day) - datetime.datetime(2024, 6, 25, 12)
    return round(passed.total_seconds() / 3600)


# -- blocks ------------------------------------------------------------------------------------------------


def test_the_days_of_blocks_add_up_to_the_schedule_to_the_base_unit() -> None:
    sim, net = ionet(until=10.5)
    first = hours_before("2026-01-01")
    expected = ionet_hour_total(first + 240) - ionet_hour_total(first)
    assert abs(released(net) - expected * UNIT) < 10  # of 1e14; sums of floats on both sides
    paid = {
        p: sum(sim.world.ledger.balance("IO", f"ionet.providers.{p}[{i}]") for i in range(10))
        for p in ("racks", "homes")
    }
    assert paid["racks"] + paid["homes"] == released(net), "every base unit reached a device"
    assert paid["racks"] == pytest.approx(0.95 * released(net), abs=20)


def test_what_nobody_earns_is_not_released() -> None:
    _, both = ionet(until=3.5)
    _, one = ionet({"providers.homes.count": 0}, until=3.5)
    assert released(one) == pytest.approx(0.95 * released(both), abs=5)
    assert one.settlement.unreleased - both.settlement.unreleased == released(both) - released(one)


def test_monthly_emission_is_spread_evenly_over_the_hours_of_the_month() -> None:
    begins = datetime.datetime(2026, 2, 1)
    month = [emission_of_hour("monthly", begins + datetime.timedelta(hours=h)) for h in range(28 * 24)]
    assert math.fsum(month) == pytest.approx(ionet_month_emission(20), rel=1e-12)
    # 231 M were told to be unreleased when the engine went live
    assert 3e8 - emitted_before("monthly", datetime.date(2026, 6, 11)) == pytest.approx(231e6, rel=0.01)


def test_a_device_back_from_offline_earns_again_after_five_whole_hours() -> None:
    """Banned for the second day: of the hours that are whole again five earn nothing."""
    ban = [{"kind": "jurisdiction_ban", "at": "2026-01-02", "jurisdiction": "south", "lasts": 1.0}]
    places = {"providers.racks.jurisdictions": {"north": 1.0, "south": 1.0}, "providers.homes.count": 0}
    idle = {"demand.startups.jobs_per_day": 0.0}
    sim, net = ionet(places, until=2.5, shocks=ban, **idle)
    nominees, rows = net.nominees, net.nominees.rows["racks"]
    south = net.populations["racks"].book.place == 1
    net.judge_hours()
    assert nominees.earned[rows[~south]].min() > 0.0
    hours = []
    for n in range(12):
        sim.run(2 + (n + 0.5) / 24 + 0.5)
        net.judge_hours()
        hours.append(float(nominees.hours[rows[south]].max()))
    # the run stands at 12.5, 13.5, … hours of the third day; the ban ended with its first instant
    assert hours == [12.0 + n - 5.0 for n in range(12)]


def test_an_emission_change_scales_the_blocks() -> None:
    stop = [{"kind": "emission_change", "at": "2026-01-03", "network": "ionet", "factor": 0.0}]
    sim, net = ionet(until=2.5, shocks=stop)
    two_days = released(net)
    sim.run(5.5)
    assert released(net) == two_days > 0


def test_a_stake_is_not_bought_at_more_than_the_limit() -> None:
    """Entrants who need more than the pool can sell stay below the least stake and are not nominated."""
    behaviour = BEHAVIOUR | {
        "exit_hazard": 0.0,
        "entry_threshold": -9.0,
        "entry_speed": 1.0,
        "entry_lag": 1.0,
    }
    changes = {"providers.racks.behaviour": behaviour, "staking.base": 1e6, "staking.price_limit": 1.5}
    sim, net = ionet(changes, until=10.5)
    prices = sim.result().series["ionet.token.price_usd"]
    assert prices[9] <= 1.5 * prices[8] * (1 + 1e-9)
    counting = net.stakes.counting("racks")
    assert counting[10] < net.stakes.need("racks") == counting[0]


def test_hired_devices_score_hardly_more() -> None:
    _, net = ionet(until=5.5)
    idle, hired = net.nominees.scores["racks"]
    assert hired - idle == 0.5
    assert idle == 1000 * (2 * 10 + 0.02)


def test_devices_without_multiplier_or_tier_earn_nothing() -> None:
    for change in ({"providers.racks.multiplier": 0.0}, {"providers.racks.tier": 0}):
        sim, net = ionet(change, until=2.5)
        assert sum(sim.world.ledger.balance("IO", f"ionet.providers.racks[{i}]") for i in range(10)) == 0
        assert net.tally.units


# -- stakes ------------------------------------------------------------------------------------------------


def test_every_device_holds_the_least_stake_and_a_co_staker_his_part() -> None:
    sim, net = ionet({"providers.racks.co_staked": 0.25, "providers.racks.co_reward": 0.2}, until=1.5)
    ledger = sim.world.ledger
    assert ionet_min_stake(10.0, 1) == 2000.0 and ionet_min_stake(1.75, 1) == 350.0
    assert ledger.balance("IO", "ionet.stake.racks[3]") == 1500 * UNIT
    assert ledger.balance("IO", "ionet.co_stake.racks[3]") == 500 * UNIT
    assert ledger.balance("IO", "ionet.stake.homes[3]") == 350 * UNIT
    assert net.stakes.total == 10 * (2000 + 350) * UNIT


def test_a_co_staker_takes_the_agreed_part_of_the_rewards() -> None:
    terms = {"providers.racks.co_staked": 0.5, "providers.racks.co_reward": 0.25}
    idle = {"demand.startups.jobs_per_day": 0.0}
    sim, net = ionet(terms | {"providers.homes.count": 0}, until=2.5, **idle)
    ledger = sim.world.ledger
    owners = sum(ledger.balance("IO", f"ionet.providers.racks[{i}]") for i in range(10))
    assert owners == pytest.approx(0.75 * released(net), abs=40)
    assert ledger.balance("IO", "ionet.rewards") == 0


def test_newcomers_buy_their_stake_and_the_price_rises() -> None:
    behaviour = BEHAVIOUR | {
        "exit_hazard": 0.0,
        "entry_threshold": -9.0,
        "entry_speed": 1.0,
        "entry_lag": 1.0,
    }
    none = {
        "fees.withdrawn_in_usdc": 1.0,
        "payouts": BLOCKS | {"pools": {"enterprise": 0.0, "community": 0.0}},
    }
    sim, net = ionet(none | {"providers.racks.behaviour": behaviour}, until=20.5, demand={})
    n = len(net.populations["racks"].book.alive)
    assert n > 12
    ledger = sim.world.ledger
    assert all(ledger.balance("IO", f"ionet.stake.racks[{i}]") == 2000 * UNIT for i in range(n))
    # (1 + d / L)^2 for about 2,000 IO x 0.2 USD each
    assert net.token.price == pytest.approx(0.2 * (1 + (n - 10) * 400 / 1e6) ** 2, rel=1e-3)


@pytest.mark.parametrize(("co_staked", "days"), [(0.0, 14), (0.5, 21)])
def test_the_unstaking_delay_holds_the_exit_and_the_stake(co_staked: float, days: int) -> None:
    assert ionet_unstake_days(co_staked > 0) == days
    behaviour = BEHAVIOUR | {
        "income_memory": 2.0,
        "exit_hazard": 1e3,
        "exit_sensitivity": 0.0,
        "entry_speed": 0.0,
    }
    changes = {"providers.racks.behaviour": behaviour, "providers.racks.co_staked": co_staked}
    sim, net = ionet(changes, until=3 + days - 0.5)
    racks = net.populations["racks"]
    assert racks.exits == 0 and racks.count == 10, "all decided on day 3, after two days of pay, and wait"
    earned = sim.world.ledger.balance("IO", "ionet.providers.racks[0]")
    assert net.stakes.counting("racks").max() == 0, "a stake that cools down counts for nothing"
    assert sim.world.ledger.balance("IO", "ionet.stake.racks[0]") == round(2000 * (1 - co_staked)) * UNIT
    sim.run(3 + days + 0.5)
    assert racks.exits == 10 and racks.count == 0
    assert sim.world.ledger.balance("IO", "ionet.stake.racks[0]") == 0
    assert sim.world.ledger.balance("IO", "ionet.providers.racks[0]") == 0 < earned, "sold with the rewards"


@pytest.mark.parametrize("won", [False, True])
def test_slashes_are_burned_after_the_month_of_appeal_or_given_back(won: bool) -> None:
    sim, net = ionet(until=1.5, horizon=40.0)
    ledger = sim.world.ledger
    accounts = int(net.stakes.own["racks"].indices[0]), int(net.stakes.shared["racks"].indices[0])
    assert net.stakes.slash(accounts, 0.1, reversed_on_appeal=won) == 200 * UNIT
    sim.run(31.5)
    assert ledger.balance("IO", "ionet.slashed") == 200 * UNIT
    assert ledger.balance("IO", "ionet.stake.racks[0]") == 2000 * UNIT, "the owner has topped up"
    sim.run(32.5)  # 30 days and the settlement behind them
    assert ledger.balance("IO", "ionet.slashed") == 0
    assert net.stakes.burned == (0 if won else 200 * UNIT)
    # what an appeal gives back lies above the least stake
    assert ledger.balance("IO", "ionet.stake.racks[0]") == (2200 if won else 2000) * UNIT
    ledger.check()


def test_failed_hires_cost_a_part_of_the_stake_when_they_are_judged() -> None:
    spells = {f"providers.racks.{law}": value for law, value in SPELLS.items()}
    _, net = ionet({"staking.soft_chance": 1.0} | spells, until=20.5)
    failures = int(net.populations["racks"].book.seen_failures.sum())
    slashes = net.stakes.taken / (200 * UNIT)
    assert failures > 10
    # at most one slash a device and day; stakes are topped up the same day
    assert slashes == pytest.approx(round(slashes)) and 0 < slashes <= failures


# -- fees --------------------------------------------------------------------------------------------------


def test_fees_are_those_of_the_protocol() -> None:
    """0.25 % each side, 2 % more in USDC: on 100 USD the renter pays 102.25, the supplier gets 97.75."""
    usdc = Fees(reservation=0.0025, usdc=0.02, paid_in_usdc=1.0, withdrawn_in_usdc=1.0).of(100.0)
    assert usdc == pytest.approx({"renter_pays": 102.25, "supplier_gets": 97.75, "network_keeps": 4.5})
    io = Fees(reservation=0.0025, usdc=0.02, paid_in_usdc=0.0, withdrawn_in_usdc=0.0).of(100.0)
    assert io == pytest.approx({"renter_pays": 100.25, "supplier_gets": 99.75, "network_keeps": 0.5})


def test_renters_pay_the_posted_price_and_the_fee_and_all_of_it_is_divided() -> None:
    sim, net = ionet(until=10.5)
    counters, v, ledger = sim.world.market.counters(), net.venue.index, sim.world.ledger
    paid = int(counters["revenue"][v].sum())
    assert paid / 1e6 / float(counters["gpu_hours"][v].sum()) == pytest.approx(2.0 * 1.0225, rel=1e-6)
    settled = paid - ledger.balance("USD", "ionet.fees")
    fees = ledger.balance("USD", "ionet.pool") - 10**12  # burned: they bought IO in the pool
    assert fees == pytest.approx(settled * 4.5 / 102.25, abs=10)
    assert net.token.burned > 0
    out = sim.result().outcomes
    assert out["ionet.fees.kept_usd"] == pytest.approx(fees / 1e6, abs=1e-5)
    assert out["ionet.jobs.paid_usd"] == pytest.approx((settled - fees) / 1e6, abs=1e-5)


def test_suppliers_who_take_io_buy_it_on_the_market() -> None:
    sim, net = ionet({"fees.withdrawn_in_usdc": 0.0}, until=10.5)
    ledger = sim.world.ledger
    assert all(ledger.balance("USD", f"ionet.providers.racks[{i}]") == 0 for i in range(10))
    spent = ledger.balance("USD", "ionet.pool") - 10**12
    counters = sim.world.market.counters()
    paid = int(counters["revenue"][net.venue.index].sum())
    assert spent == paid - ledger.balance("USD", "ionet.fees")
    assert net.token.price > 0.2


def test_failed_rentals_are_not_paid() -> None:
    spells = {f"providers.{p}.{law}": value for law, value in SPELLS.items() for p in ("racks", "homes")}
    sim, net = ionet(spells, until=20.5)
    counters, v = sim.world.market.counters(), net.venue.index
    assert counters["failed_attempts"][v].sum() > 0
    hours = float(counters["gpu_hours"][v].sum())
    assert counters["revenue"][v].sum() / 1e6 == pytest.approx(hours * 2.0 * 1.0225, rel=1e-6)


def test_clusters_of_equal_devices_are_hired_at_once() -> None:
    out = Simulation(scenario(**{"demand.startups.devices": 4})).run().outcomes
    assert out["ionet.jobs_completed"] > 0


# -- the engine --------------------------------------------------------------------------------------------


def test_the_engine_conserves_and_is_capped_by_its_vaults() -> None:
    """2,000 USD of target, 500 of fees, 1,000 IO at 0.5 USD: 500 + 500 are paid, half is short."""
    engine = IncentiveEngine(**{k: v for k, v in ENGINE.items() if k != "kind"})
    step = engine.step(1000.0, 300.0, 2000.0, 200.0, 0.5, 1.0)
    assert step["tokens"] == 1000.0 and step["usd"] == 500.0 and step["short"] == 1000.0
    assert step["reward_vault"] == 0.0 and step["fee_vault"] == 0.0
    assert step["roi"] == 0.5
    calm = engine.step(1e6, 0.0, 100.0, 300.0, 0.5, 0.5)
    assert calm["burned"] * 0.5 == 100.0  # half of the surplus of 200
    assert calm["fee_vault"] == 100.0 and calm["tokens"] == 0.0
    assert calm["roi"] == pytest.approx(0.525)
    plain = ionet_engine_step(1e6, 0.0, 100.0, 300.0, 0.5, 0.5, fees_first=True)
    assert {k: v for k, v in plain.items() if k != "roi"} == {k: v for k, v in calm.items() if k != "roi"}


def test_the_engine_pays_targets_whatever_the_demand_and_the_price() -> None:
    for changes in ({}, {"demand.startups.jobs_per_day": 0.0}):
        sim, net = ionet({"payouts": ENGINE}, until=5.5, **changes)
        out = sim.result().outcomes
        # 20 devices, five days, 1 USD/h
        assert out["ionet.rewards.target_usd"] == pytest.approx(20 * 120.0)
        assert out["ionet.rewards.paid_usd"] == pytest.approx(20 * 120.0)
        assert net.settlement.roi_factor == 1.0


def test_a_shortage_lowers_the_return_and_nothing_is_minted_beyond_the_ceiling() -> None:
    rule = ENGINE | {"release_ceiling": 100.0}
    sim, net = ionet({"payouts": rule}, until=4.5, **{"demand.startups.jobs_per_day": 0.0})
    assert 399.99 < released(net) / UNIT <= 400.0
    assert 0.0 < net.settlement.roi_factor < 1.0
    assert sim.result().outcomes["ionet.rewards.paid_usd"] < 100.0


def test_a_surplus_burns_at_least_its_half_and_the_rest_stays_in_the_vault() -> None:
    busy = {"demand.startups.jobs_per_day": 400.0, "clouds": {}}
    sim, net = ionet(
        {"payouts": ENGINE, "providers.racks.target": 0.1, "providers.homes.target": 0.1}, **busy
    )
    ledger = sim.world.ledger
    paid = int(sim.world.market.counters()["revenue"][net.venue.index].sum())
    settled = paid - ledger.balance("USD", "ionet.fees")
    surplus = settled - round(sim.result().outcomes["ionet.rewards.target_usd"] * 1e6)
    burned = ledger.balance("USD", "ionet.pool") - 10**12
    # some days stay below their target, which the vault then pays
    assert burned >= 0.5 * surplus - 10 and net.token.burned > 0
    assert ledger.balance("USD", "ionet.vault") == pytest.approx(surplus - burned, abs=2000)


def test_the_regime_switches_at_midnight_and_conserves() -> None:
    payouts = [{"rule": BLOCKS}, {"from": "2026-01-11", "rule": ENGINE}]
    sim, net = ionet({"payouts": payouts}, until=9.99)
    assert net.payout.kind == "block_rewards"
    left = net.settlement.unreleased + released(net)
    sim.run(10.5)
    assert net.payout.kind == "incentive_engine"
    first = hours_before("2026-01-01")
    blocks = ionet_hour_total(first + 240) - ionet_hour_total(first)
    assert abs(released(net) - blocks * UNIT) < 10, "ten days of blocks, the last one too"
    sim.run()
    assert net.settlement.unreleased + released(net) == left
    series = sim.result().series["ionet.rewards.target_usd_per_day"]
    assert series[1:11].max() == 0.0 and series[11:].min() > 0.0
    sim.world.ledger.check()


# -- what renters ask for, what owners do ------------------------------------------------------------------


def served(requires: dict[str, Any]) -> dict[str, float]:
    """GPU-hours of work on each population under what renters ask."""
    places = {"providers.racks.jurisdictions": {"north": 1.0, "south": 1.0}}
    sim, net = ionet(places, until=10.0, **{"demand.startups.requires": requires})
    market = sim.world.market
    return {
        f"{name}.{place}": float(market.providers(pool)["work_hours"].sum())
        for name, p in net.populations.items()
        for place, pool in zip(p.jurisdictions, p.pools, strict=True)
    }


def test_renters_choose_a_tier_of_connectivity_and_a_location() -> None:
    everywhere = served({})
    assert all(hours > 0 for hours in everywhere.values()), everywhere
    fast = served({"connectivity": 2})
    assert fast["homes.anywhere"] == 0.0 < fast["racks.north"]
    south = served({"locations": ("south",)})
    assert south["racks.north"] == south["homes.anywhere"] == 0.0 < south["racks.south"]


def test_an_unknown_location_is_told_with_those_there_are() -> None:
    with pytest.raises(ScenarioError, match="jurisdiction 'mars'"):
        scenario(**{"demand.startups.requires": {"locations": ("mars",)}})


@pytest.mark.parametrize(
    ("gpu", "data_centre", "since", "paid"),
    [
        (0.1, True, "2024-11-04", 0.5),
        (0.1, False, "2024-11-04", 1.0),
        (0.3, False, "2024-11-04", 0.5),
        (0.3, True, None, 1.0),
    ],
)
def test_a_device_that_its_owner_loads_beyond_the_limits_is_blocked_for_the_day(
    gpu: float, data_centre: bool, since: str | None, paid: float
) -> None:
    """Limits of GPU load: 5 % in data centres, 20 % elsewhere, from 2024-11-04; used on every other day."""
    load = {"own_use": 0.5, "own_gpu": gpu, "data_centre": data_centre}
    changes = {f"providers.racks.{name}": value for name, value in load.items()}
    changes |= {"nomination.load_limits": since, "providers.homes.count": 0}
    _, net = ionet(changes, until=20.0, **{"demand.startups.jobs_per_day": 0.0})
    days = net.settlement.reward_hours["racks"] / (24.0 * 19.0 * net.populations["racks"].count)
    assert days == pytest.approx(paid, abs=0.06)


# -- fakes -------------------------------------------------------------------------------------------------


def test_the_expected_pay_of_a_fake_is_the_sum_over_the_hours_that_it_survives() -> None:
    d, u = 0.03, 5
    by_hand = sum((1 - d) ** hour for hour in range(u + 1, 5000))
    assert expected_paid_hours(d, u) == pytest.approx(by_hand)
    assert identity_profit(2.0, d, u, 100.0, 0.5, 7.0) == pytest.approx(2.0 * by_hand - 57.0)
    # the rule of thumb reward / d > stake loss + cost, for rare checks
    assert break_even_reward(1e-6, 0, 100.0, 1.0, 50.0) / 1e-6 == pytest.approx(150.0, rel=1e-5)
    assert break_even_reward(0.5, 1, 9.0, 1.0, 1.0) == 20.0


def test_the_break_even_of_the_checks_is_where_an_identity_brings_nothing() -> None:
    """0.5 (1 - d)^2 / d = 10 has the root 11 - sqrt(120)."""
    assert break_even_detection(0.5, 1, 9.0, 1.0, 1.0) == pytest.approx(11 - math.sqrt(120), rel=1e-12)
    assert break_even_detection(0.5, 1, 0.0, 1.0, 0.0) == 1.0, "nothing is at stake"
    assert break_even_detection(0.0, 1, 9.0, 1.0, 1.0) == 0.0, "nothing is earned"


def test_each_defence_lowers_the_profit_of_a_fake() -> None:
    base = identity_profit(1.0, 0.01, 0, 0.0, 1.0, 10.0)
    assert identity_profit(1.0, 0.01, 5, 0.0, 1.0, 10.0) < base, "five hours of uptime"
    assert identity_profit(1.0, hourly_detection(0.01, 0.2), 0, 0.0, 1.0, 10.0) < base, "a puzzle"
    assert identity_profit(1.0, 0.01, 0, 40.0, 1.0, 10.0) == base - 40.0, "a stake"


def test_fakes_are_paid_as_many_hours_as_the_closed_form_says() -> None:
    """2,500 identities that live 1/0.109 hours on average: within four standard errors."""
    _, net = ionet(until=27.5, shocks=[FAKES | {"puzzle_detection": 0.1, "most": 10**6}])
    fakes = net.fakes
    assert fakes is not None and fakes.detection == pytest.approx(1 - 0.99 * 0.9)
    gone = fakes.set_up - fakes.count
    assert gone > 2000
    d, expected = fakes.detection, expected_paid_hours(fakes.detection, 5)
    error = math.sqrt(((1 - d) ** 6 * (2 - d) / d**2 - expected**2) / gone)
    assert fakes.paid_hours / gone == pytest.approx(expected, abs=4 * error)
    assert error < 0.05 * expected


def test_fakes_take_from_the_pool_and_their_stake_is_burned_after_the_month() -> None:
    days = {"horizon": 60.0}
    sim, net = ionet(**days, shocks=[FAKES | {"most": 30}])
    fakes, ledger = net.fakes, sim.world.ledger
    assert fakes is not None and fakes.set_up > 30
    out = sim.result().outcomes
    assert net.stakes.taken == pytest.approx(fakes.slashed * 2000 * UNIT, rel=1e-6)
    assert 0 < net.stakes.burned < net.stakes.taken
    assert ledger.balance("IO", "ionet.slashed") == net.stakes.taken - net.stakes.burned
    reward = out["ionet.fake_supply.reward_usd"]
    assert reward > 0.0
    assert out["ionet.fake_supply.honest_income_lost_usd"] == pytest.approx(reward)
    honest = Simulation(scenario(**days)).run().outcomes
    assert out["ionet.rewards.emitted"] == pytest.approx(honest["ionet.rewards.emitted"], rel=1e-9)


def test_an_attacker_stops_where_an_identity_no_longer_pays_and_each_defence_stops_him() -> None:
    attack = FAKES | {"detection": 0.01, "puzzle_detection": 0.5, "only_while_it_pays": True}
    open_door = {"nomination.proof_of_work": False, "staking.base": 20.0}
    _, weak = ionet(open_door, until=20.5, shocks=[attack])
    assert weak.fakes is not None and weak.fakes.set_up > 100
    assert weak.fakes.expected_profit == pytest.approx(
        identity_profit(weak.settlement.reward_usd["racks"], 0.01, 5, 200 * weak.token.price, 1.0, 10.0),
        rel=1e-6,
    )
    for defence in (
        {"nomination.proof_of_work": True},
        {"staking.base": 2e7},
        {"nomination.uptime_hours": "800 h"},
    ):
        _, strong = ionet(open_door | defence, until=20.5, shocks=[attack])
        assert strong.fakes is not None
        assert strong.fakes.set_up < 0.5 * weak.fakes.set_up, defence


# -- the whole ---------------------------------------------------------------------------------------------


def test_results_are_the_same_for_one_worker_and_two() -> None:
    payouts = [{"rule": BLOCKS}, {"from": "2026-01-05", "rule": ENGINE}]
    busy = {"horizon": 10.0, "shocks": [FAKES]}
    world = scenario({"payouts": payouts, "staking.soft_chance": 0.5}, **busy)
    one, two = (simdai.run(world, seed=3, replications=2, workers=w) for w in (1, 2))
    assert one.hash == two.hash


def test_the_compiled_market_and_its_twin_give_the_same_bits() -> None:
    world = scenario({"staking.soft_chance": 0.5}, **{"horizon": 6.0, "shocks": [FAKES]})
    twins = [Simulation(world, kernel=kernel).run() for kernel in (None, "reference")]
    assert twins[0].digest == twins[1].digest
    for name, column in twins[0].series.items():
        assert np.array_equal(column, twins[1].series[name], equal_nan=True), name


def test_a_branch_with_the_same_luck_has_the_same_future() -> None:
    sim = Simulation(scenario(**{"horizon": 8.0, "shocks": [FAKES]}))
    sim.run(4.0)
    (branch,) = sim.branch(1, luck="same")
    assert branch.run().digest == sim.run().digest


def test_half_the_scale_keeps_prices_and_doubles_nothing() -> None:
    """Real quantities stay what they are when a simulated device stands for two."""
    whole, half = (
        Simulation(scenario(**{"scale": s, "demand.startups.jobs_per_day": 0.0})).run().outcomes
        for s in (1, 2)
    )
    for name in ("ionet.rewards.emitted", "ionet.stake.total", "ionet.providers.count"):
        assert half[name] == pytest.approx(whole[name], rel=1e-9), name


def hired_out(scale: float) -> Any:
    """Outcomes of devices that live on jobs for two months, then on targets above what renters pay."""
    blocks = BLOCKS | {"pools": {"enterprise": 0.005}}
    leaving = BEHAVIOUR | {"entry_speed": 0.0, "exit_sensitivity": 8.0}
    changes = {
        "payouts": [{"rule": blocks}, {"from": "2026-03-02", "rule": ENGINE}],
        "providers": {"racks": DEVICES | {"count": 800, "target": 1.5, "behaviour": leaving}},
        "step": 7.0,
        "one_hour_in": 24,
    }
    demand = {"demand.startups.devices": 4, "demand.startups.jobs_per_day": 330.0}
    world = scenario(changes, scale=scale, horizon=112.0, **demand)
    return simdai.run(world, seed=1, replications=4).outcomes.set_index("outcome")["mean"]


def test_emission_supply_and_shares_of_the_work_do_not_depend_on_the_scale() -> None:
    """Were some of many equal devices hired first, the others would leave: the more, the finer the scale."""
    fine, coarse = hired_out(4.0), hired_out(16.0)
    assert coarse["ionet.rewards.emitted"] == pytest.approx(fine["ionet.rewards.emitted"], rel=0.15)
    for name in ("ionet.providers.count", "ionet.providers.hhi", "ionet.utilisation"):
        assert coarse[name] == pytest.approx(fine[name], rel=0.03), name


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"providers.racks.pool": "gpu"}, "'gpu' is none of community, enterprise"),
        ({"providers.racks.ask_spread": 0.1}, "the network posts prices"),
        ({"providers.racks.co_staked": 0.6}, "owners bring 50%"),
        ({"least_rental": "30 h"}, "jobs of 12 h on average"),
        ({"payouts": BLOCKS | {"pools": {"enterprise": 0.95, "community": 0.1}}}, "more than 1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(ScenarioError, match=found):
        scenario(changes)


@pytest.mark.parametrize("name", ["networks/ionet", "attacks/fake_supply", "token_crash"])
def test_the_shipped_scenarios_run_and_ask_a_question(name: str) -> None:
    shipped = simdai.load(name)
    assert shipped.question
    sim = Simulation(shipped)
    out = sim.run(3.0).outcomes
    assert all(np.isfinite(value) for key, value in out.items() if key.endswith("token.price_usd"))
