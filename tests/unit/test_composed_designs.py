"""Token designs from parts: vesting, stakes, access, purses, votes, and attacks on them."""

from __future__ import annotations

import math
from typing import Any

import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.vesting import linear_vested
from simdai.simulation import Simulation
from tests.worlds import small

UNIT = 10**8
STAKE = {"tokens_per_gpu": 100.0, "price_limit": 5.0}
GRID = "networks.gridnet"


def ran(changes: dict[str, Any], until: float | None = None) -> Simulation:
    """A small world with parts added to its network, run and checked."""
    sim = Simulation(small({f"{GRID}.{path}": value for path, value in changes.items()}))
    sim.run(until)
    sim.world.ledger.check()
    return sim


def attacked(attack: dict[str, Any], changes: dict[str, Any]) -> Simulation:
    """A small world whose network is attacked from the second day on."""
    shocks = [{"at": "2026-01-02", "network": "gridnet", **attack}]
    sim = Simulation(small({f"{GRID}.{k}": v for k, v in changes.items()} | {"shocks": shocks}))
    sim.run()
    sim.world.ledger.check()
    return sim


def outcome(sim: Simulation, name: str) -> float:
    return sim.result().outcomes[f"gridnet.{name}"]


# -- vesting


def test_an_allocation_vests_by_its_rule_and_its_holders_sell_their_share() -> None:
    """A tenth of 10^7 tokens over 100 days: after 28 days 280,000, half of it sold."""
    grant = {"share": 0.1, "duration": 100.0, "sold": 0.5}
    sim = ran({"allocations": {"team": grant}})
    free = linear_vested(10**6 * UNIT, 21, 100)  # the last settlement within the run is that of day 21
    unlocks = sim.world.networks["gridnet"].unlocks
    assert unlocks.free == {"team": free}
    assert sim.world.ledger.balance("GRID", "gridnet.locked") == 10**6 * UNIT - free
    assert sim.world.ledger.balance("GRID", "gridnet.insiders") == pytest.approx(free / 2, abs=3)
    assert sim.world.ledger.balance("USD", "gridnet.insiders") > 0


def test_what_vested_before_the_start_is_free_at_once_and_nothing_before_the_cliff() -> None:
    old = {"share": 0.1, "granted": "2025-09-23", "duration": 200.0, "sold": 1.0}  # 100 days before
    young = {"share": 0.1, "cliff": 60.0, "duration": 200.0, "sold": 1.0}
    sim = ran({"allocations": {"old": old, "young": young}}, until=1.0)
    assert sim.world.networks["gridnet"].unlocks.free == {"old": 10**6 * UNIT // 2, "young": 0}


def test_unlocks_that_are_sold_lower_the_price() -> None:
    grant = {"share": 0.3, "duration": 60.0, "sold": 1.0}
    kept = {**grant, "sold": 0.0}
    sold, held = (outcome(ran({"allocations": {"team": g}}), "token.price_usd") for g in (grant, kept))
    assert sold < held


# -- stakes


def test_every_provider_locks_its_stake_and_gets_it_back_when_it_leaves() -> None:
    sim = ran({"stake": STAKE}, until=1.0)
    stakes = sim.world.networks["gridnet"].stakes
    assert stakes.held("racks").tolist() == [100 * UNIT] * 50
    book = sim.world.networks["gridnet"].populations["racks"].book
    book.remove(book.present[:3])
    sim.run(until=8.0)
    assert stakes.held("racks").tolist() == [0] * 3 + [100 * UNIT] * 47
    owners = book.token_account[:3]
    assert all(sim.world.ledger.accounts("GRID").balances[owners] >= 0)


def test_a_failed_job_costs_a_share_of_the_stake_of_which_a_part_is_burned() -> None:
    sim = ran({"stake": {**STAKE, "slash": 0.1, "burned": 0.5}}, until=7.5)
    net = sim.world.networks["gridnet"]
    failed = net.populations["racks"].book.seen_failures
    expected = sum(100 * UNIT - 100 * UNIT * 0.9 ** int(n) for n in failed)
    # the few failures between the settlement and half a day later are not yet paid for
    assert 0 < net.stakes.slashed <= expected + 50
    assert net.stakes.slashed == pytest.approx(expected, rel=0.2)
    assert sim.world.ledger.balance("GRID", "gridnet.treasury") == pytest.approx(
        net.stakes.slashed / 2, abs=2
    )


def test_stakes_lower_the_margin_by_their_interest() -> None:
    behaviour = {"providers.racks.annual_return": 0.5, "providers.racks.token_sold": 0.0}
    without = ran(behaviour)
    with_stake = ran({**behaviour, "stake": {**STAKE, "tokens_per_gpu": 1000.0}})
    assert outcome(with_stake, "providers.margin") < outcome(without, "providers.margin")


# -- access, purse, votes


def test_customers_lock_months_of_what_they_spend() -> None:
    access = {"months": 3.0, "annual_return": 0.1, "memory": 7.0, "price_limit": 3.0}
    sim = ran({"access": access})
    net = sim.world.networks["gridnet"]
    worth = net.access.locked / net.token.units_per_usd
    assert worth == pytest.approx(net.access.spending * 365.25 / 12 * 3, rel=0.05)
    assert net.rebate == pytest.approx(-0.025 * net.list_price(None), rel=0.05)


def test_a_purse_pays_from_fees_then_tokens_then_not_at_all() -> None:
    rich = ran({"spending": {"per_day": 1.0}})
    assert outcome(rich, "treasury.paid_share") == 1.0
    poor = ran({"spending": {"per_day": 1e6}})
    assert outcome(poor, "treasury.paid_share") < 0.1
    assert outcome(poor, "treasury.value_usd") == pytest.approx(0.0, abs=1.0)
    paid_in_tokens = ran({"spending": {"per_day": 20000.0}, "token.treasury_share": 0.3})
    assert outcome(paid_in_tokens, "token.price_usd") < outcome(rich, "token.price_usd")


def test_votes_cost_more_where_more_holders_turn_out() -> None:
    few, many = (
        outcome(
            ran({"governance": {"turnout": t, "treasury_share": 0.5, "delay": 7.0}}, until=1.0),
            "governance.capture_cost_usd",
        )
        for t in (0.001, 0.01)
    )
    assert many > 10 * few  # ten times the votes, and a higher price


def test_capture_pays_where_votes_are_cheap_and_the_treasury_is_large() -> None:
    attack = {"kind": "treasury_capture", "price_limit": 10.0}
    rich = {
        "token.treasury_share": 0.3,
        "governance": {"turnout": 0.001, "treasury_share": 1.0, "delay": 3.0},
    }
    won = attacked(attack, rich)
    assert outcome(won, "treasury_capture.won") == 1.0
    assert outcome(won, "treasury_capture.profit_usd") > 0
    guarded = attacked(attack, {**rich, "governance": {**rich["governance"], "treasury_share": 0.0}})
    assert outcome(guarded, "treasury_capture.profit_usd") < 0
    dear = attacked(
        {**attack, "price_limit": 1.001}, {**rich, "governance": {**rich["governance"], "turnout": 0.5}}
    )
    assert outcome(dear, "treasury_capture.won") == 0.0


# -- self-dealing: worth it where a USD of own work brings more reward than the network keeps of it


@pytest.mark.parametrize(
    ("pay", "cost"),
    [
        ({"kind": "usd_direct", "operator_fee": 0.1}, 0.1),
        ({"kind": "burn", "operator_fee": 0.05}, 1.0),
        ({"kind": "stable_credit", "operator_fee": 0.04, "spread": 0.02}, 1 - 0.96 * 0.98),
    ],
)
def test_self_dealing_pays_up_to_what_the_network_keeps(pay: dict[str, Any], cost: float) -> None:
    """The closed form: with a reward of r USD for each USD paid, profit is r - cost a USD."""
    attack = {"kind": "self_dealing", "budget": 1000.0}
    rules = {"pay": pay, "emit": {"kind": "fixed", "per_day": 50_000.0}, "token.market.liquidity": 1e8}
    rules["token.supply"] = 1e10
    for factor, pays in ((0.9, False), (1.1, True)):
        reward = {"kind": "capped_by_fees", "usd_per_usd": factor * cost}
        sim = attacked(attack, {**rules, "reward": reward})
        assert (outcome(sim, "self_dealing.volume_usd") > 0) == pays
        if pays:
            profit = outcome(sim, "self_dealing.profit_usd")
            if pay["kind"] == "stable_credit":  # that of the last epoch is not redeemed yet
                profit += sim.world.ledger.holding("gridnet.credit", "gridnet.self_dealing")
            assert profit > 0


def test_a_self_dealer_under_burn_and_mint_spends_what_the_closed_form_says() -> None:
    """sqrt(R V) - V, with R the pool's value and V the honest spend (`wash_spend_in_equilibrium`)."""
    from simdai.mechanisms.wash_trading import wash_spend_in_equilibrium

    attack = {"kind": "self_dealing", "budget": 50_000.0}
    rules = {
        "pay": {"kind": "burn"},
        "reward": {"kind": "pro_rata_work", "by_value": True},
        "emit": {"kind": "fixed", "per_day": 4000.0},
        "token.market.liquidity": 1e8,
        "token.supply": 1e10,
    }
    sim = attacked(attack, rules)
    net = sim.world.networks["gridnet"]
    n = 2  # the first settlement finds an empty pool, so purchases are made at those of days 14 and 21
    honest = net.flows.revenue_usd - outcome(sim, "self_dealing.volume_usd")
    best = wash_spend_in_equilibrium(honest / 4, 28_000.0, 1.0)
    assert outcome(sim, "self_dealing.volume_usd") / n == pytest.approx(best, rel=0.15)


# -- providers that do not exist


def phantom(changes: dict[str, Any], **attack: Any) -> Simulation:
    rules = {
        "reward": {"kind": "availability"},
        "emit": {"kind": "fixed", "per_day": 5000.0},
        "token.market.liquidity": 1e8,
        "token.supply": 1e10,
        **changes,
    }
    given = {
        "kind": "phantom_providers",
        "poses_as": "racks",
        "identities": 20,
        "identity_cost": 10.0,
        **attack,
    }
    return attacked(given, rules)


def test_providers_that_do_not_exist_are_paid_for_standing_by_where_nobody_looks() -> None:
    sim = phantom({})
    assert outcome(sim, "phantom_providers.found") == 0
    assert outcome(sim, "phantom_providers.profit_usd") > 0
    honest = phantom({}, identities=0)
    racks = "gridnet.providers.racks"
    earned, alone = (
        sum(s.world.ledger.balance("GRID", f"{racks}[{i}]") for i in range(50)) for s in (sim, honest)
    )
    assert earned < alone


def test_audits_and_stakes_drive_out_providers_that_do_not_exist() -> None:
    """Pays while reward / d > stake lost + cost: some 71 USD a day at a tenth a day against 20,000."""
    guarded = phantom({"audit_chance": 0.1, "stake": {**STAKE, "tokens_per_gpu": 20_000.0}})
    assert outcome(guarded, "phantom_providers.found") > 0
    assert outcome(guarded, "phantom_providers.profit_usd") < 0
    # after the first epoch's reward the attacker sees that an identity loses money, and sets up no more
    assert outcome(guarded, "phantom_providers.set_up") < 20 + 0.1 * 20 * 14


# -- bad input and examples


def test_parts_that_do_not_fit_are_refused_together_with_what_would() -> None:
    cases = {
        "reward by stake needs a stake": {f"{GRID}.reward": {"kind": "pro_rata_stake"}},
        "stake needs a token": {
            f"{GRID}.token": None,
            f"{GRID}.reward": {"kind": "none"},
            f"{GRID}.emit": {"kind": "none"},
            f"{GRID}.stake": STAKE,
        },
        "give either 'tokens_per_gpu' or 'usd_per_gpu'": {f"{GRID}.stake": {"price_limit": 2.0}},
        "cliff must not exceed": {
            f"{GRID}.allocations": {"team": {"share": 0.1, "cliff": 9.0, "duration": 3.0, "sold": 1.0}}
        },
        "a network with 'governance'": {
            "shocks": [
                {"kind": "treasury_capture", "network": "gridnet", "at": "2026-01-02", "price_limit": 2.0}
            ]
        },
    }
    for message, changes in cases.items():
        with pytest.raises(ScenarioError, match=message):
            small(changes)


@pytest.mark.parametrize("name", ["work_token", "stake_for_access", "dual_token"])
def test_each_worked_design_runs_exactly_and_reports_its_parts(name: str) -> None:
    sim = Simulation(simdai.load(f"designs/{name}", set={"horizon": "60 d"}))
    outcomes = sim.run().outcomes
    for asset in sim.world.ledger.assets:
        assert sim.world.ledger.imbalance(asset) == 0
    network = next(iter(sim.world.networks))
    for part in ("governance.capture_cost_usd", "treasury.runway_years", "token.locked", "providers.margin"):
        assert math.isfinite(outcomes[f"{network}.{part}"])


# -- shocks


def test_an_unlock_cliff_frees_everything_and_sells_a_share() -> None:
    grants = {"allocations": {"team": {"share": 0.1, "duration": 1000.0, "sold": 0.0}}}
    shocks = [{"kind": "unlock_cliff", "network": "gridnet", "at": "2026-01-10", "sold": 0.25}]
    sim = Simulation(small({f"{GRID}.allocations": grants["allocations"], "shocks": shocks}))
    sim.run()
    ledger = sim.world.ledger
    assert ledger.balance("GRID", "gridnet.locked") == 0
    still_then = 10**6 * UNIT - linear_vested(
        10**6 * UNIT, 7, 1000
    )  # the settlement before was that of day 7
    assert ledger.balance("GRID", "gridnet.insiders") == 10**6 * UNIT - math.floor(still_then * 0.25)


def test_a_crash_spread_over_days_ends_where_one_at_once_does_and_takes_as_long_as_it_says() -> None:
    quiet = {f"{GRID}.emit": {"kind": "none"}, f"{GRID}.reward": {"kind": "none"}}
    crash = {"kind": "token_price_crash", "network": "gridnet", "at": "2026-01-06", "drop": 0.5}
    fast = Simulation(small({**quiet, "shocks": [crash]})).run()
    slow = Simulation(small({**quiet, "shocks": [{**crash, "over": 10.0}]})).run()
    price = "gridnet.token.price_usd"
    assert slow.outcomes[price] == pytest.approx(fast.outcomes[price], rel=1e-3)
    assert fast.series[price][6] == pytest.approx(0.5, rel=1e-3)
    assert slow.series[price][6] == pytest.approx(0.5**0.2, rel=1e-3)  # two of ten parts
