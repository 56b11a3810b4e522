"""Tokens merge at fixed ratios, and a partner leaves and sells."""

from __future__ import annotations

import copy
import datetime
import functools
import json
import math
from typing import Any

import pytest

import simdai
from simdai.economy.calendar import months
from simdai.mechanisms.data_market import asi_convert, asi_implied_supply
from simdai.schema import Scenario
from simdai.simulation import Simulation
from tests.unit import test_ocean, test_singularitynet


def token(symbol: str, supply: float, price: float, treasury: float = 0.0) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "supply": supply,
        "price": price,
        "market": {"kind": "constant_product", "liquidity": 1e6},
        "treasury_share": treasury,
    }


WORLD: dict[str, Any] = {
    "start": "2024-06-20",
    "horizon": "60 d",
    "record_every": "10 d",
    "networks": {
        "fetch": {"kind": "alliance", "token": token("FET", 1e9, 1.0)},
        "ocean": {"kind": "alliance", "token": token("OCEAN", 1.41e9, 0.5, 0.4)},
    },
    "shocks": [
        {
            "kind": "token_merger",
            "at": "2024-07-01",
            "into": "fetch",
            "ratios": {"ocean": 0.433226},
            "per_day": 0.01,
        }
    ],
}
EXIT = {
    "kind": "partner_exit",
    "at": "2024-07-10",
    "network": "ocean",
    "token_of": "fetch",
    "share": 0.5,
    "days": 10.0,
}


def made(merger: dict[str, Any] | None = None, **changes: Any) -> Scenario:
    content = copy.deepcopy(WORLD) | changes
    content["shocks"][0] |= merger or {}
    return Scenario(**content)


@functools.cache
def ran_once(merger: str, changes: str) -> Simulation:
    sim = Simulation(made(json.loads(merger), **json.loads(changes)), seed=1)
    sim.run()
    sim.world.ledger.check()
    return sim


def ran(merger: dict[str, Any] | None = None, **changes: Any) -> Simulation:
    return ran_once(json.dumps(merger or {}), json.dumps(changes))


def outcome(sim: Simulation, name: str) -> float:
    return sim.world.recorder.outcomes()[name][0]


# -- the merger ------------------------------------------------------------------------------------------


def test_new_tokens_are_minted_for_the_whole_supply_and_imply_it():
    sim = ran()
    minted = outcome(sim, "ocean.merger.minted")
    assert minted == pytest.approx(asi_convert("OCEAN", 1.41e9), abs=1e-6)
    implied = asi_implied_supply(minted, minted, 0.433226, 0.433350).ocean
    assert outcome(sim, "ocean.merger.implied_supply") == pytest.approx(implied, abs=1e-3)
    assert outcome(sim, "fetch.token.supply") == pytest.approx(1e9 + minted)


def test_what_was_converted_left_the_bridge_at_the_ratio_and_the_rest_stayed_what_it_was():
    sim = ran()
    ledger = sim.world.ledger
    converted = outcome(sim, "ocean.merger.converted_share") * 1.41e9
    assert outcome(sim, "ocean.merger.unconverted") == pytest.approx(1.41e9 - converted)
    handed_out = outcome(sim, "ocean.merger.minted") - ledger.holding("FET", "ocean.bridge")
    assert handed_out == pytest.approx(converted * 0.433226, rel=1e-9)
    assert 0 < converted < 1.41e9


def test_the_treasury_converts_at_once_and_the_public_at_the_hazard():
    sim = Simulation(made(), seed=1)
    sim.run(until=11.5)
    ledger = sim.world.ledger
    assert ledger.balance("OCEAN", "ocean.treasury") == 0
    assert ledger.holding("FET", "ocean.treasury") == pytest.approx(0.4 * 1.41e9 * 0.433226)
    days = 49  # from the first of July to the end of the run
    expected = 0.4 + 0.6 * -math.expm1(-0.01 * days)
    even = {"kind": "alliance", "token": token("OCEAN", 1.41e9, 0.433226, 0.4)}
    sim = ran(networks=WORLD["networks"] | {"ocean": even})
    assert outcome(sim, "ocean.merger.converted_share") == pytest.approx(expected, abs=0.01)


def test_an_old_token_that_is_cheaper_than_what_it_converts_into_is_bought_up():
    cheap = ran(
        networks=WORLD["networks"] | {"ocean": {"kind": "alliance", "token": token("OCEAN", 1.41e9, 0.2)}}
    )
    old, new = outcome(cheap, "ocean.token.price_usd"), outcome(cheap, "fetch.token.price_usd")
    assert old == pytest.approx(0.433226 * new, rel=0.01)
    assert new < 1.0  # the arbitrage sold there


def test_an_old_token_that_is_dearer_is_sold_by_those_who_would_convert():
    dear = ran(
        networks=WORLD["networks"] | {"ocean": {"kind": "alliance", "token": token("OCEAN", 1.41e9, 0.8)}}
    )
    old, new = outcome(dear, "ocean.token.price_usd"), outcome(dear, "fetch.token.price_usd")
    assert old == pytest.approx(0.433226 * new, rel=0.01)
    assert new > 1.0  # what they got was spent there


def test_a_treasury_may_keep_some_of_the_old_tokens():
    sim = ran({"keeps": {"ocean": 1e6}})
    assert sim.world.ledger.holding("OCEAN", "ocean.treasury") == 1e6


def test_a_closed_bridge_converts_nothing_more():
    closed = ran({"lasts": 5.0})
    series = closed.world.recorder.series_table()["ocean.merger.converted_share"][1]
    assert series[2] == series[-1] > 0.4
    assert outcome(closed, "ocean.merger.converted_share") < outcome(ran(), "ocean.merger.converted_share")


def test_more_may_be_covered_than_exists_yet():
    sim = ran({"covers": {"ocean": 2e9}})
    assert outcome(sim, "ocean.merger.minted") == pytest.approx(2e9 * 0.433226, abs=1e-6)


def test_at_another_scale_the_same_share_is_converted():
    assert outcome(ran(scale=100.0), "ocean.merger.converted_share") == pytest.approx(
        outcome(ran(), "ocean.merger.converted_share"), rel=1e-4
    )


# -- the exit --------------------------------------------------------------------------------------------


def test_a_partner_sells_its_share_in_equal_parts_and_the_price_falls():
    stays, leaves = ran(), ran(shocks=[*WORLD["shocks"], EXIT])
    held = 0.4 * 1.41e9 * 0.433226
    assert outcome(leaves, "ocean.exit.sold") == pytest.approx(0.5 * held, rel=1e-6)
    assert leaves.world.ledger.holding("USD", "ocean.treasury") == pytest.approx(
        outcome(leaves, "ocean.exit.proceeds_usd")
    )
    assert outcome(leaves, "fetch.token.price_usd") < outcome(stays, "fetch.token.price_usd")
    assert outcome(leaves, "ocean.exit.price_ratio") < 1.0


# -- the networks ----------------------------------------------------------------------------------------


def both() -> Simulation:
    networks = {
        "fetch": {"kind": "alliance", "token": token("FET", 1e9, 0.5)},
        "snet": copy.deepcopy(test_singularitynet.WORLD["networks"]["snet"])
        | {
            "eras": [
                {"rule": test_singularitynet.RELEASE},
                {
                    "from": "2024-07-01",
                    "rule": {"kind": "asi", "wei_decimals": 18, "shares": "fetch", "grants": 1e4},
                },
            ],
            "staking": test_singularitynet.STAKING,
        },
        "ocean": copy.deepcopy(test_ocean.WORLD["networks"]["ocean"]),
    }
    demand = test_singularitynet.WORLD["demand"] | test_ocean.WORLD["demand"]
    sim = Simulation(
        made(
            {"ratios": {"ocean": 0.433226, "snet": 0.433350}, "covers": {"snet": 2e9}},
            networks=networks,
            demand=demand,
            horizon="40 d",
        ),
        seed=1,
    )
    sim.run()
    sim.world.ledger.check()
    return sim


@pytest.fixture(scope="module")
def merged() -> Simulation:
    return both()


def test_singularitynet_empties_its_old_contract_and_is_paid_in_the_new_token(merged):
    network = merged.world.networks["snet"]
    assert network.token.asset == "FET" and network.book.state.tokens > 0
    assert [book.state.tokens for book in network.old_books] == [0]
    assert merged.world.ledger.balance("AGIX", "snet.escrow") == 0
    assert merged.world.ledger.balance("AGIX", "snet.stake") == 0
    series = merged.world.recorder.series_table()["snet.revenue_usd"][1]
    assert all(series[1:] > 0)


def test_participants_convert_their_wallets_on_the_day(merged):
    ledger, services = merged.world.ledger, merged.world.networks["snet"].services
    assert ledger.accounts("AGIX").balances[services.wallets("AGIX")].sum() == 0
    assert ledger.accounts("FET").balances[services.wallets("FET")].sum() > 0


def test_what_was_locked_in_ocean_stays_ocean(merged):
    network = merged.world.networks["ocean"]
    assert network.token.asset == "OCEAN" and network.lockers.locked > 0


# -- dates and bad input ---------------------------------------------------------------------------------


def test_months_begin_on_their_first_days():
    assert [d.isoformat() for d in months(datetime.date(2025, 12, 1), 62)] == ["2025-12-01", "2026-01-01"]
    assert [d.isoformat() for d in months(datetime.date(2025, 12, 2), 62)] == ["2026-01-01", "2026-02-01"]


@pytest.mark.parametrize(
    ("merger", "message"),
    [
        ({"into": "ocaen"}, "Did you mean 'ocean'"),
        ({"ratios": {}}, "at least one token"),
        ({"ratios": {"fetch": 1.0}}, "cannot be converted into itself"),
        ({"covers": {"snet": 1.0}}, "covers: no ratio is given for snet"),
        ({"keeps": {"snet": 1.0}}, "keeps: no ratio is given for snet"),
    ],
)
def test_a_merger_that_cannot_be_is_refused(merger, message):
    with pytest.raises(simdai.SimdaiError, match=message):
        made(merger)


def test_an_exit_takes_whole_days():
    with pytest.raises(simdai.SimdaiError, match="whole number"):
        made(shocks=[EXIT | {"days": 1.5}])


def test_two_tokens_need_two_symbols():
    twins = WORLD["networks"] | {"ocean": {"kind": "alliance", "token": token("FET", 1e9, 1.0)}}
    with pytest.raises(simdai.SimdaiError, match="of two tokens"):
        made(networks=twins)
