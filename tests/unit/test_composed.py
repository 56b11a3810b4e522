"""Composed networks: every hook wired to the clock and the ledger."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simdai.errors import ScenarioError
from simdai.networks.composed import ComposedNetwork
from simdai.simulation import Simulation
from tests.worlds import BEHAVIOUR, run, small

UNIT = 10**8
NONE = {"kind": "none"}


def network(
    changes: dict[str, Any] | None = None, until: float | None = None
) -> tuple[Simulation, ComposedNetwork]:
    sim = Simulation(small({f"networks.gridnet.{path}": value for path, value in (changes or {}).items()}))
    sim.run(until)
    sim.world.ledger.check()
    return sim, sim.world.networks["gridnet"]


def test_the_schedule_is_minted_to_the_base_unit_and_shared_out() -> None:
    """Three settlements of seven days at 100 tokens a day: 2,100 tokens, three quarters to providers."""
    sim, net = network({"provider_share": 0.75})
    assert net.token is not None
    ledger = sim.world.ledger
    assert ledger.accounts("GRID").minted - net.token.genesis == 2100 * UNIT
    assert ledger.balance("GRID", "gridnet.treasury") == 525 * UNIT
    paid = sum(ledger.balance("GRID", f"gridnet.providers.racks[{i}]") for i in range(50))
    assert paid == 1575 * UNIT
    assert ledger.balance("GRID", "gridnet.rewards") == 0


def test_rewards_follow_work_exactly() -> None:
    sim, net = network(until=7.5)
    racks = net.populations["racks"]
    done = [sim.world.market.providers(pool) for pool in racks.pools]
    by_account = {}
    for table in done:
        for account, hours in zip(table["account"].tolist(), table["work_hours"].tolist(), strict=True):
            by_account[account] = hours
    rewards = [sim.world.ledger.balance("GRID", f"gridnet.providers.racks[{i}]") for i in range(50)]
    hours = [by_account[int(racks.usd.indices[i])] for i in range(50)]
    # half a day's work came after the settlement: shares may be off by their part of 12 in 180 hours
    for reward, worked in zip(rewards, hours, strict=True):
        assert reward / (700 * UNIT) == pytest.approx(worked / sum(hours), abs=0.012)
    assert sum(rewards) == 700 * UNIT


def test_sold_rewards_reach_the_pool_and_the_sellers_share_the_proceeds() -> None:
    emit = {"kind": "fixed", "per_day": 1000.0}
    changes = {"providers.racks.token_sold": 0.5, "pay": {"kind": "burn"}, "emit": emit}
    sim, net = network(changes, until=7.5)
    assert net.token is not None
    ledger = sim.world.ledger
    tokens = [ledger.balance("GRID", f"gridnet.providers.racks[{i}]") for i in range(50)]
    assert sum(tokens) == pytest.approx(3500 * UNIT, abs=50)
    assert ledger.balance("GRID", "gridnet.sale") == ledger.balance("USD", "gridnet.sale") == 0
    usd = sum(ledger.balance("USD", f"gridnet.providers.racks[{i}]") for i in range(50))
    # 3,500 tokens at about a dollar, less the power: at most 1 kW x 168 h x 0.1 USD/kWh for each of 50
    assert 3500 - 840 < usd / 1e6 < 3550


def test_those_who_leave_sell_all_their_tokens() -> None:
    behaviour = BEHAVIOUR | {"exit_hazard": 100.0, "exit_sensitivity": 0.0, "income_memory": 10.0}
    sim, net = network({"providers.racks.behaviour": behaviour | {"entry_speed": 0.0}})
    held = [sim.world.ledger.balance("GRID", f"gridnet.providers.racks[{i}]") for i in range(50)]
    assert net.populations["racks"].count == 0
    assert held == [0] * 50
    assert net.token is not None and net.token.price < 1.0


def test_burning_takes_all_payments_less_the_fee_and_shrinks_the_supply() -> None:
    sim, net = network({"pay": {"kind": "burn", "operator_fee": 0.05}, "emit": NONE, "reward": NONE})
    assert net.token is not None
    ledger, v = sim.world.ledger, net.venue.index
    counters = sim.world.market.counters()
    paid = int(counters["revenue"][v].sum())
    assert int(counters["fees"][v].sum()) == paid
    used = paid - ledger.balance("USD", "gridnet.fees")
    assert ledger.balance("USD", "gridnet.operator") == pytest.approx(0.05 * used, abs=3)
    bought_with = used - ledger.balance("USD", "gridnet.operator")
    assert ledger.balance("USD", "gridnet.pool") == 10**12 + bought_with
    burned = ledger.accounts("GRID").burned
    # x y = k: what left the pool is x0 - k / y1, whatever the number of purchases
    left = 10**6 * UNIT * (1 - 10**12 / ledger.balance("USD", "gridnet.pool"))
    assert burned == pytest.approx(left, rel=1e-6)
    assert net.token.price > 1.0
    assert all(ledger.balance("USD", f"gridnet.providers.racks[{i}]") == 0 for i in range(50))


def test_a_buyback_burns_its_share_of_the_fee() -> None:
    sim, net = network({"pay": {"kind": "buyback", "fee": 0.2, "burn_share": 0.5}})
    ledger = sim.world.ledger
    spent = ledger.balance("USD", "gridnet.pool") - 10**12
    assert ledger.balance("USD", "gridnet.operator") == pytest.approx(spent, abs=3)
    counters = sim.world.market.counters()
    fees = int(counters["fees"][net.venue.index].sum())
    assert fees == pytest.approx(0.2 * int(counters["revenue"][net.venue.index].sum()), rel=1e-6)


def test_credit_is_backed_by_the_vault_and_redeemed_an_epoch_later() -> None:
    pay = {"kind": "stable_credit", "spread": 0.0025}
    changes = {"pay": pay, "emit": NONE, "reward": NONE}
    sim, net = network(changes, until=7.5)
    ledger = sim.world.ledger
    locked = ledger.balance("USD", "gridnet.pool") - 10**12
    assert locked > 0
    assert ledger.balance("GRID", "gridnet.vault") > 0
    claims = ledger.supply("gridnet.credit")
    assert claims == locked - round(0.0025 * locked)
    vault, supply = ledger.balance("GRID", "gridnet.vault"), ledger.supply("GRID")
    price_then = net.token.price if net.token else math.nan
    sim.run(14.5)
    # the price rose, so fewer tokens than were locked pay the credit; nothing is minted
    assert ledger.supply("GRID") == supply
    paid = sum(ledger.balance("GRID", f"gridnet.providers.racks[{i}]") for i in range(50))
    assert net.token is not None and net.token.price > price_then
    assert 0 < paid < vault
    assert paid / UNIT * net.token.price == pytest.approx(claims / 1e6, rel=1e-6)


def test_a_fallen_price_makes_the_redemption_mint_what_the_vault_lacks() -> None:
    changes = {
        "networks.gridnet.pay": {"kind": "stable_credit"},
        "networks.gridnet.emit": NONE,
        "networks.gridnet.reward": NONE,
        "shocks": [
            {"kind": "token_price_crash", "at": "2026-01-10", "network": "gridnet", "drop": 0.5},
            {"kind": "demand_step", "at": "2026-01-08", "factor": 0.01},  # few new payments fill the vault
        ],
    }
    sim = Simulation(small(changes))
    sim.run(13.5)
    ledger, net = sim.world.ledger, sim.world.networks["gridnet"]
    supply = ledger.supply("GRID")
    credit = ledger.supply("gridnet.credit") / 1e6
    sim.run(14.5)
    paid = sum(ledger.balance("GRID", f"gridnet.providers.racks[{i}]") for i in range(50))
    assert paid / UNIT == pytest.approx(credit / net.token.price, rel=1e-6)
    assert ledger.supply("GRID") > supply
    assert ledger.balance("GRID", "gridnet.vault") == 0
    ledger.check()


def test_regimes_switch_at_midnight_and_conserve() -> None:
    changes = {
        "pay": [
            {"rule": {"kind": "usd_direct", "operator_fee": 0.1}},
            {"from": "2026-01-11", "rule": {"kind": "burn"}},
        ],
        "emit": [
            {"rule": {"kind": "fixed", "per_day": 100.0}},
            {"from": "2026-01-18", "rule": {"kind": "fixed", "per_day": 10.0}},
        ],
    }
    sim, net = network(changes, until=10)
    market, v = sim.world.market, net.venue.index
    before = market.counters()
    assert net.pay.kind == "usd_direct"
    sim.run(10.001)
    assert net.pay.kind == "burn"
    assert sim.world.ledger.balance("USD", "gridnet.operator") > 0, "settled under the rule of the time"
    sim.run(20)
    after = market.counters()
    paid, fees = (int(after[k][v].sum() - before[k][v].sum()) for k in ("revenue", "fees"))
    assert fees == pytest.approx(paid, rel=0.01)
    sim.run()
    sim.world.ledger.check()
    assert net.token is not None
    # 17 days at 100 tokens, then four at 10 to the third settlement on day 21
    assert sim.world.ledger.accounts("GRID").minted - net.token.genesis == 1740 * UNIT


def test_a_halving_counts_from_the_genesis_of_the_network() -> None:
    emit = {"kind": "halving", "per_day": 64.0, "interval": 7.0}
    sim, net = network({"emit": emit, "genesis": "2025-12-18"})
    assert net.token is not None
    # days 14 .. 35 of the schedule: weeks of 16, 8 and 4 tokens a day
    assert sim.world.ledger.accounts("GRID").minted - net.token.genesis == 7 * (16 + 8 + 4) * UNIT


def test_a_cap_counts_what_was_created_before_the_scenario() -> None:
    """100 a day since 20 days before the start, capped at 2,500: 500 are left."""
    emit = {"kind": "capped", "cap": 2500.0, "rule": {"kind": "fixed", "per_day": 100.0}}
    sim, net = network({"emit": emit, "genesis": "2025-12-12"})
    assert net.token is not None
    assert sim.world.ledger.accounts("GRID").minted - net.token.genesis == 500 * UNIT


def test_a_schedule_that_begins_later_creates_nothing_before() -> None:
    sim, net = network({"genesis": "2026-01-11"})
    assert net.token is not None
    assert sim.world.ledger.accounts("GRID").minted - net.token.genesis == 11 * 100 * UNIT


def test_posted_prices_are_paid_in_proportion_to_speed() -> None:
    changes = {
        "networks.gridnet.quote": {"kind": "posted", "usd_per_gpu_hour": 2.0},
        "networks.gridnet.providers.racks.ask": None,
        "hardware.h100.speed": 0.5,
    }
    out = run(changes)
    assert out.outcomes["gridnet.price_usd_per_gpu_hour"] == pytest.approx(1.0, rel=1e-6)
    assert out.series["gridnet.list_price_usd_per_gpu_hour"][-1] == 2.0


def test_an_indexed_network_follows_the_cloud() -> None:
    changes = {
        "networks.gridnet.quote": {"kind": "cloud_indexed", "share": 0.5},
        "clouds.bigcloud.price": {"kind": "points", "points": {"2026-01-01": 3.0, "2026-01-15": 6.0}},
    }
    price = run(changes).series["gridnet.list_price_usd_per_gpu_hour"]
    assert price[0] == pytest.approx(1.5)
    assert price[-1] == pytest.approx(3.0)


def test_a_tiered_queue_sells_at_the_networks_price() -> None:
    sim, net = network(
        {
            "quote": {"kind": "posted", "usd_per_gpu_hour": 1.7},
            "match": {"kind": "tiered_queue", "tiers": [0.9], "reputation_gain": 0.1, "reputation_loss": 0.3},
        }
    )
    assert sim.result().outcomes["gridnet.price_usd_per_gpu_hour"] == pytest.approx(1.7, rel=1e-6)
    assert net.price == 1.7


def test_a_cluster_serves_jobs_of_several_devices_and_other_rules_do_not() -> None:
    changes = {"networks.gridnet.match": {"kind": "cluster"}, "demand.startups.devices": 4}
    out = run(changes)
    assert out.outcomes["gridnet.jobs_completed"] > 0
    alone = run({"demand.startups.devices": 4})
    assert alone.outcomes["gridnet.jobs_completed"] == 0
    assert alone.outcomes["bigcloud.jobs_completed"] > 0


def test_a_network_without_a_token_pays_in_usd() -> None:
    sim, net = network({"token": None, "reward": None, "emit": None})
    assert net.token is None
    assert sim.world.ledger.assets == ("USD",)
    assert sim.result().outcomes["gridnet.jobs_completed"] > 0
    assert not any(".token." in name for name in sim.result().outcomes)


def test_square_root_markets_conserve_too() -> None:
    market = {"kind": "square_root", "coefficient": 1.0, "daily_volatility": 0.05, "daily_volume": 1e4}
    sim, net = network({"token.market": market, "pay": {"kind": "burn"}, "providers.racks.token_sold": 1.0})
    assert net.token is not None
    assert sim.world.ledger.imbalance("GRID") == 0
    assert sim.world.ledger.balance("GRID", "gridnet.pool") == 0
    assert net.token.price != 1.0


def test_poor_providers_leave_and_stay_the_longer_the_more_they_earn() -> None:
    counts = {}
    for name, per_day in (("poor", 0.0), ("rich", 3000.0)):
        out = run(
            {
                "networks.gridnet.providers.racks.behaviour": BEHAVIOUR | {"entry_speed": 0.0},
                "networks.gridnet.pay": {"kind": "burn"},
                "networks.gridnet.emit": {"kind": "fixed", "per_day": per_day},
                "horizon": 60.0,
            }
        )
        counts[name] = out.outcomes["gridnet.providers.count"]
        assert out.outcomes["gridnet.providers.retention"] == counts[name] / 50
        assert out.outcomes["gridnet.providers.exits"] == 50 - counts[name]
    assert counts["poor"] < 20
    assert counts["rich"] > 40


def test_a_rising_rental_market_outside_draws_providers_away() -> None:
    """Half-time outside at 8 USD/h earns 94.8 USD a day, four days' cost of the hardware."""
    behaviour = BEHAVIOUR | {"outside_use": 0.5, "entry_speed": 0.0, "exit_hazard": 0.01}
    rising = {"kind": "points", "points": {"2026-01-15": 1.0, "2026-02-01": 8.0}}
    changes = {"networks.gridnet.providers.racks.behaviour": behaviour, "horizon": 60.0}
    count = run(changes | {"hardware.h100.rental_price": rising}).series["gridnet.providers.count"]
    calm = run(changes | {"hardware.h100.rental_price": 1.0}).series["gridnet.providers.count"]
    assert count[:14].tolist() == calm[:14].tolist()
    assert count[-1] < 10
    assert calm[-1] > 35


def test_a_high_margin_brings_entry_after_the_lag_and_not_before() -> None:
    out = run(
        {
            "networks.gridnet.providers.racks.behaviour": BEHAVIOUR | {"exit_hazard": 0.0, "entry_lag": 10.0},
            "networks.gridnet.emit": {"kind": "fixed", "per_day": 5000.0},
            "horizon": 40.0,
        }
    )
    count = out.series["gridnet.providers.count"]
    # income is known after 7 days, the first tokens arrive on day 7, the first entrant 10 days later
    assert count[:17].max() == 50
    assert count[-1] > 60
    assert out.outcomes["gridnet.providers.entries"] == count[-1] - 50


def test_asks_rise_where_everybody_is_hired_and_fall_to_cost_where_nobody_is() -> None:
    repricing = {"use_target": 0.7, "speed": 0.1, "memory": 3.0}
    path = "networks.gridnet.providers.racks.repricing"
    busy = run({path: repricing, "demand.startups.jobs_per_day": 400.0, "clouds": {}})
    idle = run({path: repricing, "demand.startups.jobs_per_day": 0.0})
    assert busy.series["gridnet.list_price_usd_per_gpu_hour"][-1] > 2.5
    # exp(-0.7 x 0.1 x 27) of 2 USD, and never below 1 kW x 0.1 USD/kWh
    expected = 2.0 * math.exp(-0.7 * 0.1 * 28)
    assert idle.series["gridnet.list_price_usd_per_gpu_hour"][-1] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"networks.gridnet.providers.racks.hardware": "h10"}, "unknown hardware 'h10'.*Did you mean 'h100'"),
        ({"networks.gridnet.providers.racks.ask": None}, "providers.racks: give its 'ask'"),
        ({"networks.gridnet.match": {"kind": "tiered_queue"}}, "tiered_queue"),
        ({"networks.gridnet.token": None}, "needs a token"),
        ({"networks.gridnet.providers": {}}, "at least one population"),
        (
            {"networks.gridnet.providers.racks.behaviour": BEHAVIOUR | {"outside_use": 0.5}},
            "behaviour.outside_use: 0.5, but 'h100' has no rental_price",
        ),
        ({"networks.gridnet.token.market.liquidity": 2e7}, "of the supply"),
        (
            {"networks.gridnet.quote": {"kind": "cloud_indexed", "share": 0.5}, "clouds": {}},
            "a cloud to index to",
        ),
        ({"networks.gridnet.providers.racks.offline": None}, "give 'offline'"),
        ({"demand.startups.choice.premiums": {"gridnett": 1.0}}, "Did you mean 'gridnet'"),
        ({"demand.startups.hardware": ["h200"]}, "unknown hardware 'h200'"),
        ({"clouds.bigcloud.hardware": "a100"}, "unknown hardware 'a100'"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_the_place(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(ScenarioError, match=found):
        small(changes)


def test_two_networks_may_not_share_a_symbol() -> None:
    twin = small().model_dump()["networks"]["gridnet"]
    with pytest.raises(ScenarioError, match="symbol"):
        small({"networks.other": twin})


def test_a_cloud_and_a_segment_may_not_share_a_name() -> None:
    segment = small().model_dump()["demand"]["startups"]
    with pytest.raises(ScenarioError, match="the name 'bigcloud', which stands in clouds too"):
        Simulation(small({"demand.bigcloud": segment}))
