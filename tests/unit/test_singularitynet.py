"""SingularityNET: channels are funded, claimed and timed out; reputation steers; rings wash."""

from __future__ import annotations

import copy
import functools
import json
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.mechanisms.emission import agix_release
from simdai.schema import Scenario
from simdai.simulation import Simulation

WORLD: dict[str, Any] = {
    "start": "2026-01-01",
    "horizon": "60 d",
    "record_every": "10 d",
    "networks": {
        "snet": {
            "kind": "singularitynet",
            "token": {
                "symbol": "AGIX",
                "supply": 1e9,
                "price": 0.2,
                "market": {"kind": "constant_product", "liquidity": 1e7},
                "treasury_share": 0.1,
            },
            "eras": {"kind": "asi"},
            "services": {
                "language": {
                    "count": 12,
                    "price": 0.02,
                    "price_spread": 0.3,
                    "quality": 0.6,
                    "quality_spread": 0.2,
                    "cost": 0.002,
                    "hosting": 0.5,
                    "development": 2.0,
                }
            },
            "organisations": {
                "turnover": {
                    "memory": 30.0,
                    "exit_hazard": 0.01,
                    "exit_sensitivity": 3.0,
                    "entry_threshold": 1.0,
                    "entry_speed": 0.01,
                    "entry_ceiling": 0.02,
                },
                "token_sold": 0.5,
            },
            "channels": {"block": "12 s", "threshold": 1.0, "claim_every": 7.0},
            "reputation": {"period": 7.0, "noise": 0.05, "spendings": 1.0},
        }
    },
    "demand": {
        "callers": {
            "kind": "service_customers",
            "network": "snet",
            "count": 40,
            "domains": {"language": 1.0},
            "calls_per_day": 50.0,
            "calls_spread": 0.5,
            "review": 15.0,
            "quality_sensitivity": 6.0,
            "price_sensitivity": 1.5,
            "outside": -3.0,
            "prior": 0.5,
            "trust": 0.4,
            "channel": 20.0,
            "reserve": 5.0,
            "expiry": 40.0,
        }
    },
}
CHANNELS, CALLERS = "networks.snet.channels", "demand.callers"
RING = {
    "kind": "reputation_ring",
    "network": "snet",
    "at": "2026-01-10",
    "lasts": "45 d",
    "domain": "language",
    "services": 2,
    "price": 0.1,
    "quality": 0.1,
    "members": 10,
    "capital": 2000.0,
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


# -- money -----------------------------------------------------------------------------------------------


def test_the_ledger_shows_exactly_the_contracts_balances_and_channel_values():
    sim = ran()
    book = sim.world.networks["snet"].book
    values = sum(channel.value for channel in book.state.channels)
    assert values > 0
    held = sim.world.ledger.balance("AGIX", "snet.escrow")
    assert held == sum(book.state.balances.values()) + values


def test_what_is_signed_is_the_price_of_every_call_and_no_more_than_the_channel_holds():
    book = ran().world.networks["snet"].book
    assert all(0 <= s <= v for s, v in zip(book.signed.tolist(), book.value.tolist(), strict=True))


def test_revenue_is_what_organisations_claimed_and_customers_had_brought():
    sim = ran()
    network, ledger = sim.world.networks["snet"], sim.world.ledger
    owed = float(network.book.signed.sum()) / network.book.unit * network.token.price
    paid = network.tallies.sums["paid_usd"]
    assert outcome(sim, "snet.revenue_usd") + owed == pytest.approx(paid, rel=0.02)
    assert ledger.balance("USD", "world") < 0  # customers' money came from outside


def test_at_another_scale_the_same_customers_pay_the_same():
    one, hundred = ran(), ran({"scale": 100.0})
    for name in ("snet.revenue_usd", "snet.calls", "snet.quality", "snet.services.count"):
        assert outcome(hundred, name) == pytest.approx(outcome(one, name), rel=0.01)


def test_a_contract_in_wei_holds_whole_wei_and_the_ledger_their_whole_units():
    sim = ran({"networks.snet.eras": {"kind": "asi", "wei_decimals": 18}})
    book = sim.world.networks["snet"].book
    assert book.unit == 10**18 and book.state.tokens == book.account.held
    whole = book.state.tokens // 10**10
    assert (
        0 <= sim.world.ledger.balance("AGIX", "snet.escrow") - whole <= 60
    )  # one unit for each counterparty


# -- channels --------------------------------------------------------------------------------------------


def test_opportunists_cost_organisations_that_do_not_watch_and_nothing_to_those_who_do():
    rude = {f"{CALLERS}.opportunists": 1.0, f"{CALLERS}.expiry": 12.0, f"{CHANNELS}.claim_every": 30.0}
    careless = ran(rude | {f"{CHANNELS}.watch": 0.0})
    careful = ran(rude | {f"{CHANNELS}.watch": 1.0})
    assert outcome(careless, "snet.channels.provider_loss_usd") > 10.0
    assert outcome(careful, "snet.channels.provider_loss_usd") == 0.0
    assert outcome(careful, "snet.channels.timeouts") > 0


def test_honest_customers_extend_in_time_so_that_few_channels_time_out():
    steady = ran(
        {
            f"{CALLERS}.review": 1e6,
            f"{CHANNELS}.watch": 0.0,
            "networks.snet.organisations.turnover.exit_hazard": 0.0,
        }
    )
    assert outcome(steady, "snet.channels.timeouts") == 0


def test_lost_calls_are_the_clients_risk():
    sim = ran({f"{CHANNELS}.lost_calls": 0.01})
    paid = sim.world.networks["snet"].tallies.sums["paid_usd"]
    assert outcome(sim, "snet.channels.client_loss_usd") == pytest.approx(0.01 * paid)


def test_a_fee_of_the_protocol_goes_to_the_treasury():
    free, dear = ran(), ran({f"{CHANNELS}.fee": 0.1})
    assert outcome(dear, "snet.revenue_usd") == pytest.approx(
        0.9 * outcome(free, "snet.revenue_usd"), rel=0.05
    )
    treasury = [sim.world.ledger.balance("AGIX", "snet.treasury") for sim in (free, dear)]
    assert treasury[1] > treasury[0]


def test_without_demand_nobody_calls_and_with_twice_as_much_twice_as_many_do():
    def calls(level: float) -> float:
        sim = Simulation(made(), seed=1)
        sim.world.demand["callers"].level = level
        sim.run()
        return outcome(sim, "snet.calls")

    assert calls(0.0) == 0.0
    assert calls(2.0) == pytest.approx(2.0 * calls(1.0), rel=0.02)


def test_a_marketplace_without_services_sells_nothing():
    sim = ran({"networks.snet.services.language.count": 0, "horizon": "20 d"})
    assert outcome(sim, "snet.calls") == 0.0 == outcome(sim, "callers.active")


def test_a_token_worth_next_to_nothing_still_buys_calls():
    month, market = {"horizon": "30 d"}, {"kind": "constant_product", "liquidity": 3e4}
    token = {"symbol": "AGIX", "supply": 4e10, "price": 1e-6, "market": market}
    cheap = ran(month | {"networks.snet.token": token})
    assert outcome(cheap, "snet.calls") == pytest.approx(outcome(ran(month), "snet.calls"), rel=0.1)


def test_weekly_steps_sell_about_as_much_as_daily_ones():
    daily = ran({"horizon": "120 d"})
    weekly = ran({"horizon": "120 d", "networks.snet.step": 7.0, f"{CALLERS}.reserve": 8.0})
    assert outcome(weekly, "snet.calls") == pytest.approx(outcome(daily, "snet.calls"), rel=0.12)


# -- customers -------------------------------------------------------------------------------------------


def test_customers_find_the_better_services():
    often = {f"{CALLERS}.review": 4.0}
    blind, seeing = ran(often | {f"{CALLERS}.quality_sensitivity": 0.0}), ran(often)
    assert outcome(seeing, "snet.quality") > outcome(blind, "snet.quality") + 0.03


def test_one_more_customer_changes_nobody_elses_luck_on_the_first_day():
    few, more = (ran({f"{CALLERS}.count": n, "horizon": "1 d", "record_every": "1 d"}) for n in (20, 21))
    a, b = (sim.world.demand["callers"] for sim in (few, more))
    assert np.array_equal(a.rate, b.rate[:20]) and np.array_equal(a.service, b.service[:20])


def test_without_the_catalogue_customers_keep_to_what_they_know():
    sim = Simulation(made({f"{CALLERS}.review": 1.0}), seed=1)
    sim.run(until=5.0)
    sim.world.networks["snet"].foundation["marketplace"] = False
    known = [set(np.flatnonzero(~np.isnan(row))) for row in sim.world.demand["callers"].tried]
    sim.run()
    customers = sim.world.demand["callers"]
    assert all(s < 0 or s in k for s, k in zip(customers.service.tolist(), known, strict=True))


def test_without_maintenance_daemons_answer_less_and_nobody_enters():
    sim = Simulation(made({"networks.snet.organisations.decay": 0.01}), seed=1)
    sim.world.networks["snet"].foundation["registry"] = False
    sim.run()
    services = sim.world.networks["snet"].services
    assert services.answers.max() == pytest.approx(np.exp(-0.01 * 60), rel=0.02)
    assert services.firms.entries == 0


# -- what is created -------------------------------------------------------------------------------------

RELEASE = {
    "kind": "agix",
    "genesis": "2021-02-01",
    "first": 15e6,
    "decay": 0.985,
    "granted": 0.05,
    "sold": 0.5,
}


def test_the_release_mints_the_months_tranches():
    sim = ran(
        {"networks.snet.eras": RELEASE, "start": "2024-01-01", "horizon": "91 d"}
    )  # January to March 2024
    expected = agix_release(38, 15e6, 0.985)[1] - agix_release(35, 15e6, 0.985)[1]
    assert outcome(sim, "snet.token.issued") == pytest.approx(expected, abs=1e-6)


def test_half_the_emission_level_releases_half():
    sim = Simulation(made({"networks.snet.eras": RELEASE}), seed=1)
    sim.world.networks["snet"].change_emission(0.5)
    sim.run()
    full = ran({"networks.snet.eras": RELEASE})
    assert outcome(sim, "snet.token.issued") == pytest.approx(0.5 * outcome(full, "snet.token.issued"))


def test_grants_end_with_the_treasury_and_with_the_foundation():
    eras = {"networks.snet.eras": {"kind": "asi", "grants": 1e9}}
    assert outcome(ran(eras), "snet.subsidy_usd") == pytest.approx(1e8 * 0.2, rel=0.01)
    sim = Simulation(made(eras), seed=1)
    sim.world.networks["snet"].foundation["grants"] = False
    sim.run()
    assert outcome(sim, "snet.subsidy_usd") == 0.0


STAKING = {
    "stakers": 10,
    "stake": 1e5,
    "spread": 0.5,
    "minimum": 500.0,
    "reward": 10000.0,
    "window": 10.0,
    "call": 2.0,
    "required": 0.01,
}


def test_a_window_pays_its_reward_pro_rata_out_of_the_treasury():
    sim = ran({"networks.snet.staking": STAKING, "horizon": "13 d"})
    wallets = sim.world.networks["snet"].stakers.wallets.indices
    held = sim.world.ledger.accounts("AGIX").balances[wallets]
    before = ran({"networks.snet.staking": STAKING | {"reward": 0.0}, "horizon": "13 d"})
    at_first = before.world.ledger.accounts("AGIX").balances[wallets]
    assert (held.sum() - at_first.sum()) / 1e8 == pytest.approx(10000.0, abs=1e-6)
    assert (held / at_first).std() < 1e-9


def test_stakers_who_ask_for_more_than_is_paid_stay_away():
    sim = ran({"networks.snet.staking": STAKING | {"required": 1e6}, "horizon": "13 d"})
    assert sim.world.recorder.series_table()["snet.staked"][1].max() == 0.0


# -- reputation and the ring -----------------------------------------------------------------------------


def test_reputation_follows_quality():
    network = ran({"networks.snet.services.language.price_spread": 0.0}).world.networks["snet"]
    services = network.services
    rated = services.firms.revenue > 0
    reputation = network.reputation.of_services(len(services))
    assert np.corrcoef(reputation[rated], services.quality[rated])[0, 1] > 0.5


def test_a_ring_gains_by_washing_and_customers_get_worse_answers():
    base, attacked = ran(), ran({"shocks": [RING]})
    assert outcome(attacked, "snet.reputation_ring.wash_usd") > 5000.0
    assert outcome(attacked, "snet.reputation_ring.honest_usd") > 0.0
    assert outcome(attacked, "snet.quality") < outcome(base, "snet.quality")
    assert (
        sum(attacked.world.networks["snet"].book.state.balances.get(("ring", k), 0) for k in range(10)) == 0
    )


def test_washing_lifts_the_ring_above_what_customers_say_of_it():
    def reputation(capital: float) -> float:
        sim = Simulation(made({"shocks": [RING | {"capital": capital}]}), seed=1)
        sim.run(until=40.0)
        network = sim.world.networks["snet"]
        return float(network.standing()[network.services.domain == 0][-2:].mean())

    assert reputation(2000.0) > reputation(1.0)


def test_a_fee_on_claims_takes_from_the_ring_what_it_washes():
    free = ran({"shocks": [RING]})
    dear = ran({"shocks": [RING], f"{CHANNELS}.fee": 0.05})
    lost = outcome(free, "snet.reputation_ring.profit_usd") - outcome(dear, "snet.reputation_ring.profit_usd")
    assert lost > 0.5 * 0.05 * outcome(dear, "snet.reputation_ring.wash_usd")


# -- bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({f"{CALLERS}.network": "nets"}, "unknown SingularityNET network 'nets'"),
        ({f"{CALLERS}.domains": {"vision": 1.0}}, "unknown domain 'vision'"),
        ({f"{CALLERS}.reserve": 30.0}, "must be shorter than 'channel' and 'expiry'"),
        ({f"{CHANNELS}.threshold": 50.0}, "at which daemons stop"),
        ({"networks.snet.step": 6.0}, "the network's step"),
        ({"networks.snet.token": None}, "give 'token'"),
        ({"networks.snet.eras": {"kind": "asi", "shares": "fetch"}}, "unknown network with a token 'fetch'"),
        ({"networks.snet.services.language.price": 0.0}, "needs a price above zero"),
        ({"shocks": [RING | {"domain": "vision"}]}, "unknown domain 'vision'"),
        ({"shocks": [RING, RING]}, "a second 'reputation_ring'"),
        ({"shocks": [RING | {"price": 0.0}]}, "above zero"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(simdai.SimdaiError, match=message):
        made(changes)
