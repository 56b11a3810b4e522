"""Akash: credit backed by AKT, the oracle and its failures, escrows, inflation, dated rules."""

from __future__ import annotations

import copy
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.escrow import escrow_open, escrow_settle
from simdai.networks.akash import AkashNetwork
from simdai.networks.akash_leases import covered, run_leases, take_fees
from simdai.networks.akash_vault import ACT, CreditVault, Request
from simdai.schema import Scenario
from simdai.simulation import Simulation
from tests.worlds import SMALL, small

SECOND = 1 / 86_400
BLOCK = 6.117 * SECOND
CREDIT = {
    "seed": 0.0,
    "warn": 0.95,
    "halt": 0.9,
    "mint_spread": 0.0025,
    "settle_spread": 0.0,
    "min_blocks": 10,
    "max_blocks": 14_400,
    "backoff": 0.1,
    "batch": 50,
    "max_attempts": 3,
    "min_mint": 10.0,
}
NO_INFLATION = {
    "bonded": 0.4,
    "goal": 0.67,
    "change": 1.0,
    "low": 0.0,
    "high": 0.0,
    "community_tax": 0.4,
}
AKASH: dict[str, Any] = {
    "kind": "akash",
    "match": {"bids": 5, "reputation_weight": 0.5},
    "orders": {"deposit": 0.5},
    "token": {
        "symbol": "AKT",
        "decimals": 6,
        "supply": 1e8,
        "price": 0.5,
        "treasury_share": 0.1,
        "market": {"kind": "constant_product", "liquidity": 1e7},
    },
    "payment": {"credit": CREDIT | {"seed": 100_000.0}},
    "issuance": NO_INFLATION,
    "oracle": {
        "sources": 1,
        "min_sources": 1,
        "staleness": 30 * SECOND,
        "window": 5 * SECOND,
        "max_deviation": 0.015,
    },
    "tenants": {
        "prepaid": 7.0,
        "spending": 2000.0,
        "memory": 7.0,
        "underfunded": 0.0,
        "deposit_lasts": 7.0,
        "unnoticed": 0.5,
    },
    "epoch": 1.0,
    "block": BLOCK,
    "held": 3.0,
    "providers": SMALL["networks"]["gridnet"]["providers"],
}


def world(changes: dict[str, Any] | None = None, **sections: Any) -> Scenario:
    """The small world with Akash in the place of its network."""
    paths = {f"networks.akash.{path}": value for path, value in (changes or {}).items()}
    return small({"networks": {"akash": copy.deepcopy(AKASH)}} | paths | sections)


def network(
    changes: dict[str, Any] | None = None, until: float | None = None, **sections: Any
) -> tuple[Simulation, AkashNetwork]:
    sim = Simulation(world(changes, **sections))
    sim.run(until)
    sim.world.ledger.check()
    return sim, sim.world.networks["akash"]


def quiet(**rules: Any) -> tuple[Simulation, AkashNetwork, CreditVault]:
    """Akash without customers' credit, so that a test alone mints and redeems; AKT at exactly 0.5 USD."""
    prepaid = {"tenants": AKASH["tenants"] | {"prepaid": 0.0, "spending": 0.0}}
    credit = {"payment": {"credit": CREDIT | {"seed": 1000.0} | rules}}
    sim, net = network(prepaid | credit, until=0.01, **{"demand": {}})
    assert net.vault is not None
    ledger = sim.world.ledger
    ledger.open("alice", "AKT")
    ledger.open("alice", ACT)
    ledger.transfer(10**12, "AKT", net.token.holders, "alice")
    return sim, net, net.vault


def convert(sim: Simulation, vault: CreditVault, side: Any, amount: int) -> bool:
    """Request a conversion for alice and run to behind the batch."""
    taken = vault.request(Request(side, amount, "alice", "alice"))
    sim.run(sim.now + 12 * BLOCK)
    sim.world.ledger.check()
    return taken


def set_price(sim: Simulation, net: AkashNetwork, price: float) -> None:
    """Move the market to ``price`` and let the oracle follow."""
    net.token.move_to(price, net.token.holders)
    sim.run(sim.now + 10 * SECOND)


# -- minting and redeeming


def test_minting_locks_all_akt_and_keeps_25_bps_of_the_credit_in_the_vault() -> None:
    """1,000 AKT at 0.5 USD: 500 ACT are minted, 1.25 stay in the vault, 498.75 reach the owner."""
    sim, _, vault = quiet()
    assert convert(sim, vault, "mint", 1_000_000_000)
    ledger = sim.world.ledger
    assert ledger.balance(ACT, "alice") == 498_750_000
    assert ledger.balance(ACT, vault.vault) == 1_250_000
    assert vault.locked == 2_000_000_000
    assert vault.credits == 1_000_000_000
    assert ledger.balance("AKT", vault.queue) == ledger.balance(ACT, vault.queue) == 0


def test_redeeming_pays_the_oracles_price_without_spread_out_of_remint_credits() -> None:
    """400 ACT at 0.5 USD are 800 AKT, all of them locked before: no AKT is created."""
    sim, _, vault = quiet()
    convert(sim, vault, "mint", 1_000_000_000)
    held, supply = sim.world.ledger.balance("AKT", "alice"), sim.world.ledger.supply("AKT")
    convert(sim, vault, "redeem", 400_000_000)
    assert sim.world.ledger.balance("AKT", "alice") - held == 800_000_000
    assert sim.world.ledger.supply("AKT") == supply
    assert vault.credits == 200_000_000
    assert vault.outstanding == 100_000_000


def test_what_remint_credits_lack_is_minted_and_the_seed_stays() -> None:
    """At half the price 498.75 ACT are worth 1,995 AKT: 1,000 from the vault and 995 new ones."""
    sim, net, vault = quiet()
    convert(sim, vault, "mint", 1_000_000_000)
    set_price(sim, net, 0.25)
    price = net.oracle.price
    assert price == pytest.approx(0.25, rel=1e-6)
    supply = sim.world.ledger.supply("AKT")
    convert(sim, vault, "redeem", 498_750_000)
    paid = math.floor(498_750_000 / price) if price else 0
    assert vault.tally["from_vault"] == 1_000_000_000
    assert sim.world.ledger.supply("AKT") - supply == pytest.approx(995_000_000, rel=1e-5)
    assert vault.tally["from_vault"] + vault.tally["reminted"] == pytest.approx(paid, abs=2)
    assert (vault.credits, vault.locked) == (0, 1_000_000_000)


def test_too_small_a_request_is_cancelled_and_refunded() -> None:
    """19.99 AKT come to 9.995 ACT, below the least mint of 10."""
    sim, _, vault = quiet()
    before = sim.world.ledger.balance("AKT", "alice")
    assert convert(sim, vault, "mint", 19_990_000)
    assert sim.world.ledger.balance("AKT", "alice") == before
    assert vault.outstanding == 0 and vault.tally["cancelled"] == 1
    convert(sim, vault, "mint", 20_000_000)
    assert vault.outstanding == 10_000_000


def test_requests_wait_for_the_batch_of_their_epoch_and_fifty_go_at_a_time() -> None:
    sim, _, vault = quiet()
    for _ in range(120):
        vault.request(Request("mint", 100_000_000, "alice", "alice"))
    start = (math.floor(sim.now / BLOCK) // 10 + 1) * 10 * BLOCK
    minted = []
    for n in range(4):
        sim.run(start + (10 * n + 5) * BLOCK)
        minted.append(vault.outstanding // 50_000_000)
    assert minted == [50, 100, 120, 120]


def test_an_empty_vault_mints_nothing() -> None:
    sim, _, vault = quiet(seed=0.0)
    assert not convert(sim, vault, "mint", 1_000_000_000)


# -- the circuit breaker


@pytest.mark.parametrize("margin", [-0.01, 0.01])
def test_minting_halts_at_the_fall_that_the_ratio_implies_and_redemption_goes_on(margin: float) -> None:
    """5,000 AKT in the vault at 0.5 USD against 2,000 ACT: a ratio of 1.25, and 0.9 from a fall of 28 %."""
    sim, net, vault = quiet()
    convert(sim, vault, "mint", 4_000_000_000)
    assert vault.ratio(net.oracle.price) == pytest.approx(1.25, rel=1e-9)
    net.look()
    set_price(sim, net, 0.5 * (1 - 0.28 - margin))
    net.look()
    assert convert(sim, vault, "mint", 1_000_000_000) == (margin < 0)
    assert convert(sim, vault, "redeem", 100_000_000)
    assert vault.tally["redeemed"] == 100_000_000
    if margin > 0:
        assert vault.fall_implied == pytest.approx(0.28, abs=1e-6)
        assert vault.fall_at_halt == pytest.approx(0.29, abs=1e-5)


def test_mint_batches_slow_down_below_the_warning_ratio() -> None:
    """At 0.93 the epoch is floor(10 x 1.1^20) = 67 blocks: 10 % more for each 10 bps below 0.95."""
    sim, net, vault = quiet()
    convert(sim, vault, "mint", 4_000_000_000)
    set_price(sim, net, 0.5 * 0.93005 / 1.25)
    before = vault.outstanding
    vault.request(Request("mint", 100_000_000, "alice", "alice"))
    batch = (math.floor(sim.now / BLOCK) // 67 + 1) * 67 * BLOCK
    sim.run(batch - BLOCK / 2)
    assert vault.outstanding == before
    sim.run(batch + BLOCK / 2)
    assert vault.outstanding > before


def test_a_request_that_fails_three_times_gets_everything_back() -> None:
    sim, net, vault = quiet()
    convert(sim, vault, "mint", 4_000_000_000)
    held = sim.world.ledger.balance(ACT, "alice")
    assert vault.request(Request("redeem", 5_000_000, "alice", "alice"))
    net.oracle.stop()
    sim.run(sim.now + 60 * BLOCK)
    assert sim.world.ledger.balance(ACT, "alice") == held
    assert vault.tally["cancelled"] == 1


def test_an_outage_of_the_oracle_halts_both_ways_and_payments_go_on() -> None:
    shock = {"kind": "oracle_outage", "at": "2026-01-11", "network": "akash", "lasts": 2.0}
    sim, net = network(until=10.5, shocks=[shock])
    assert net.vault is not None
    assert net.oracle.price is None
    minted, redeemed = net.vault.tally["minted"], net.vault.tally["redeemed"]
    paid = sum(
        int(block.accounts.balances[block.indices].sum()) for block in net.settlement.credit_held.values()
    )
    sim.run(11.9)
    later = sum(
        int(block.accounts.balances[block.indices].sum()) for block in net.settlement.credit_held.values()
    )
    assert (net.vault.tally["minted"], net.vault.tally["redeemed"]) == (minted, redeemed)
    assert later > paid, "leases are paid in credit that exists"
    sim.run(14.5)
    assert net.vault.tally["minted"] > minted and net.vault.tally["redeemed"] > redeemed
    assert net.vault.halted_days("redeem") == pytest.approx(2.0, abs=1 / 24)


def test_one_wrong_source_is_believed_alone_and_halts_among_several() -> None:
    shock = {
        "kind": "oracle_corruption",
        "at": "2026-01-11",
        "network": "akash",
        "factor": 1.02055,
        "lasts": 1.0,
    }
    _, alone = network(until=10.5, shocks=[shock])
    assert alone.oracle.price == pytest.approx(1.02055 * alone.token.price, rel=1e-9)
    oracle = AKASH["oracle"] | {"sources": 3}
    _, several = network({"oracle": oracle}, until=10.5, shocks=[shock])
    assert several.oracle.read()["deviation_bps"] == 205
    assert several.oracle.price is None
    slight = shock | {"factor": 1.009}
    _, several = network({"oracle": oracle}, until=10.5, shocks=[slight])
    assert several.oracle.price == pytest.approx(1.003 * several.token.price, rel=1e-9)


def test_the_oracle_tells_the_time_weighted_price_of_a_lag_ago() -> None:
    sim, net, _ = quiet()
    net.oracle.lag = 60 * SECOND
    net.token.move_to(0.4, net.token.holders)
    then = sim.now
    for seconds, price in ((30, 0.5), (59, 0.5), (62.5, 0.45), (66, 0.4)):
        sim.run(then + seconds * SECOND)
        assert net.oracle.price == pytest.approx(price, rel=1e-5)


# -- runs and arbitrage

ARBITRAGE = {"kind": "oracle_arbitrage", "network": "akash", "at": "2026-01-01", "least_gain": 0.001}


def test_a_run_redeems_its_share_of_all_credit_and_tenants_hold_less() -> None:
    sim, net = network(until=9.99)
    assert net.vault is not None
    outstanding = net.vault.outstanding - sim.world.ledger.balance(ACT, net.vault.vault)
    redeemed = net.vault.tally["redeemed"]
    deposits = sim.world.ledger.balance(ACT, net.tenants.deposits)
    net.run_on_credit(0.5)
    sim.run(9.999)
    assert net.vault.tally["redeemed"] - redeemed == pytest.approx(outstanding / 2, abs=60)
    sim.run(12.99)
    assert sim.world.ledger.balance(ACT, net.tenants.deposits) < 0.6 * deposits
    sim.world.ledger.check()


@pytest.mark.parametrize("move", [0.03, 0.1])
def test_a_lagging_oracle_pays_the_move_less_the_spread_for_each_unit_minted(move: float) -> None:
    """|move| - 25 bps, on a market so deep that the own trade of 100 USD moves it by 2e-5."""
    sim, net = network(until=9.99, shocks=[ARBITRAGE | {"capital": 100.0}])
    (trader,) = sim.world.shocks
    net.oracle.lag = 1 / 24
    net.token.move_to(net.token.price * (1 - move), net.token.holders)
    sim.run(10.0)
    assert trader.volume["mint"] > 0
    assert trader.gain == pytest.approx(move - 0.0025, abs=5e-5)
    sim.run(11.0)  # what was minted is redeemed when the oracle has caught up
    profit = sim.result().outcomes["akash.oracle_arbitrage.profit_usd"]
    assert profit == pytest.approx(trader.gain * trader.volume["mint"] / 1e6, rel=0.02)


@pytest.mark.parametrize("move", [0.03, 0.1])
def test_redeeming_at_a_stale_low_price_pays_the_whole_move(move: float) -> None:
    sim, net = network(until=9.99, shocks=[ARBITRAGE | {"capital": 0.0, "credit": 100.0}])
    (trader,) = sim.world.shocks
    assert trader.volume == {"mint": 0, "redeem": 0, "close": 0}
    net.oracle.lag = 1 / 24
    net.token.move_to(net.token.price * (1 + move), net.token.holders)
    sim.run(10.0)
    assert trader.volume["redeem"] == pytest.approx(99.75e6, rel=1e-3)
    assert trader.gain == pytest.approx(move, abs=5e-5)


# -- leases and escrow


def test_a_provider_loses_the_rate_times_the_time_until_somebody_settles() -> None:
    """Of 7.5 days at 75 a day a deposit pays 7: the rate times half a day, 37.5, is lost, or 5 a day."""
    due = np.array([75_000_000, 0, 7_500_001])
    deposits = covered(due, 7.0, 0.5)
    assert deposits.tolist() == [70_000_000, 0, 7_000_000]
    paid, unsettled = run_leases(deposits, due)
    assert unsettled.tolist() == [5_000_000, 0, 500_001]
    assert (paid + unsettled).tolist() == due.tolist()


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(0, 10**10)), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_many_leases_settle_as_the_escrow_account_of_each_does(leases: list[tuple[int, int]]) -> None:
    blocks = 14_125
    deposits, due = (np.array(column, dtype=np.int64) for column in zip(*leases, strict=True))
    paid, unsettled = run_leases(deposits, due)
    for i in np.flatnonzero(due).tolist():
        account = escrow_open([int(deposits[i])], [Fraction(int(due[i]), blocks)])
        (payment,) = escrow_settle(account, blocks).payments
        assert (paid[i], unsettled[i]) == (payment.paid, payment.unsettled)
    assert (paid[due == 0] == 0).all()


def test_tenants_who_run_dry_keep_what_they_did_not_pay() -> None:
    tenants = AKASH["tenants"] | {"underfunded": 0.3}
    sim, net = network({"tenants": tenants}, until=20.5)
    counters = sim.world.market.counters()
    revenue = int(counters["revenue"][net.venue.index].sum())
    settled = revenue - sim.world.ledger.balance("USD", net.fees)
    # the last half day is not settled yet
    assert net.settlement.tally["unpaid"] == pytest.approx(0.3 * settled / 15, rel=1e-3)


def test_the_escrow_is_never_unaccounted() -> None:
    """At every settlement: what the market took is paid, held, owed, or given back, to the micro-unit."""
    sim = Simulation(world({"tenants": AKASH["tenants"] | {"underfunded": 0.3}}))
    net = sim.world.networks["akash"]
    ledger = sim.world.ledger
    for day in range(1, 28):
        sim.run(day + 0.5)
        fees = int(sim.world.market.counters()["fees"][net.venue.index].sum())
        earned = sum(int(b.accounts.balances[b.indices].sum()) for b in net.settlement.credit_held.values())
        earned += net.vault.tally["redeemed"] + ledger.balance(ACT, net.vault.queue)
        # credit that reached providers, arrears, unpaid and not yet settled make up all that was charged
        assert fees == earned + net.settlement.arrears + net.settlement.tally["unpaid"] + ledger.balance(
            "USD", net.fees
        )
        deposits = ledger.balance(ACT, net.tenants.deposits) + ledger.balance(ACT, net.vault.vault)
        assert deposits + earned - net.vault.tally["redeemed"] == net.vault.outstanding
    ledger.check()


def test_while_minting_is_halted_leases_are_paid_in_akt() -> None:
    crash = {"kind": "token_price_crash", "at": "2026-01-08", "network": "akash", "drop": 0.9}
    payment = {"payment": {"credit": CREDIT | {"seed": 100.0}}}
    sim, net = network(payment | {"tenants": AKASH["tenants"] | {"prepaid": 1.0}}, until=7.5, shocks=[crash])
    assert net.vault is not None
    sim.run(27.5)
    assert net.vault.halted_days("mint") > 15
    assert net.vault.halted_days("redeem") == 0
    akt = sum(sim.world.ledger.balance("AKT", f"akash.providers.racks[{i}]") for i in range(50))
    assert akt > 0
    assert net.settlement.arrears == 0
    sim.world.ledger.check()


# -- dated rules, fees, inflation, incentives


def test_the_switch_to_credit_conserves_and_ends_the_take_fee() -> None:
    payment = [
        {"rule": {"usd_share": 0.5, "take_usd": 0.2, "take_akt": 0.04}},
        {"from": "2026-01-15", "rule": {"credit": CREDIT | {"seed": 100_000.0}}},
    ]
    sim, net = network({"payment": payment}, until=13.99)
    assert net.vault is not None
    assert net.vault.outstanding == net.vault.locked == 0
    sim.run(14.01)
    sim.world.ledger.check()
    assert net.vault.outstanding > 0 and net.vault.locked > 100_000 * 10**6
    # all that the market took before midnight bears the take fee of 20 % on its half in stablecoins
    charged = int(sim.world.market.counters()["fees"][net.venue.index].sum())
    charged -= sim.world.ledger.balance("USD", net.fees)
    assert net.settlement.tally["take_usd"] == pytest.approx(0.1 * charged, rel=1e-5)
    assert sim.world.ledger.balance("USD", net.token.treasury) == net.settlement.tally["take_usd"]
    take = net.settlement.tally["take_usd"]
    sim.run()
    sim.world.ledger.check()
    assert net.vault.halted_days("mint") == net.vault.halted_days("redeem") == 0.0
    assert net.vault.tally["redeemed"] > 0
    assert net.settlement.tally["take_usd"] == take


def test_the_take_fee_is_rounded_down_for_each_provider() -> None:
    """floor(amount x rate / 100): 20 % of 1,234,567 is 246,913.4, 4 % of 24 is 0.96."""
    assert take_fees(np.array([1_234_567, 4]), 0.2).tolist() == [246_913, 0]
    assert take_fees(np.array([24, 25]), 0.04).tolist() == [0, 1]


def test_inflation_goes_to_stakers_and_the_pool_until_it_is_switched_off() -> None:
    """10 % a year for 14 days on 1e8 AKT, compounded daily: 383,987 AKT, of which 40 % for the pool."""
    issuance = [
        {"rule": NO_INFLATION | {"low": 0.1, "high": 0.1}},
        {"from": "2026-01-15", "rule": NO_INFLATION},
    ]
    sim, net = network({"issuance": issuance})
    expected = 1e8 * ((1 + 0.1 / 365.25) ** 14 - 1)
    assert net.token.issued == pytest.approx(expected, abs=0.001)
    stakers = sim.world.ledger.holding("AKT", net.staking.stakers)
    assert stakers == pytest.approx(0.6 * expected, abs=0.001)
    assert net.staking.staking_yield == 0.0


def test_inflation_follows_the_bonded_share_between_its_bounds() -> None:
    """With 0.8 bonded, above the goal of 0.67, it falls by 0.13 / 0.67 / 365.25 a day from 0.13."""
    issuance = NO_INFLATION | {"bonded": 0.8, "low": 0.08, "high": 0.13}
    _, net = network({"issuance": issuance}, until=10.5)
    assert net.staking.inflation == pytest.approx(0.13 + 10 * (1 - 0.8 / 0.67) / 365.25, rel=1e-9)
    assert net.staking.staking_yield == pytest.approx(net.staking.inflation * 0.6 / 0.8)


def test_inflation_starts_where_it_stood() -> None:
    """With 0.4 bonded it rises by (1 - 0.4 / 0.67) / 365.25 a day, from a rate below its upper bound."""
    issuance = NO_INFLATION | {"bonded": 0.4, "low": 0.13, "high": 0.2, "first": 0.14}
    _, net = network({"issuance": issuance}, until=10.5)
    assert net.staking.inflation == pytest.approx(
        0.14 + 10 * net.staking.rules.change * (1 - 0.4 / 0.67) / 365.25
    )
    with pytest.raises(ScenarioError, match="first = 0.3: must lie between low and high"):
        network({"issuance": issuance | {"first": 0.3}})


def test_the_older_module_keeps_inflation_within_a_twentieth_of_an_ideal_that_halves() -> None:
    """48.546257 % at genesis, halving in 2.10306569 years (node x/inflation, 2022)."""
    ideal = {"genesis": "2023-11-25", "initial": 0.48546257, "half_life": 2.10306569 * 365.25, "band": 0.05}
    for bonded, side in ((0.9, 0.95), (0.3, 1.05)):
        rules = NO_INFLATION | {"high": 1.0, "bonded": bonded, "change": 1000.0, "ideal": ideal}
        _, net = network({"issuance": rules}, until=1.5, **{"demand": {}})
        assert net.staking.inflation == pytest.approx(0.48546257 / 2 * side, rel=0.002)


def test_a_committed_pool_pays_for_every_hour_and_a_guarantee_only_what_lacks() -> None:
    """10 GPUs at 1.5 USD/h for 24 h are 360 USD a day."""
    pool = {"population": "racks", "gpus": 10, "price": 1.5}
    _, net = network({"incentives": pool}, until=5.5)
    assert net.incentives_paid == 5 * 360 * 10**6
    _, none_lacks = network({"incentives": pool | {"guarantee": 0.0}}, until=5.5)
    assert none_lacks.incentives_paid == 0
    _, idle = network({"incentives": pool | {"guarantee": 0.6}}, until=5.5, demand={})
    assert idle.incentives_paid == pytest.approx(5 * 0.6 * 360 * 10**6, rel=0.001)


# -- the scenario


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ScenarioError, match="millionths"):
        world({"token": AKASH["token"] | {"decimals": 8}})
    with pytest.raises(ScenarioError, match="whole percents"):
        world({"payment": {"take_usd": 0.025}})
    with pytest.raises(ScenarioError, match="sources"):
        world(
            shocks=[
                {
                    "kind": "oracle_corruption",
                    "at": "2026-01-11",
                    "network": "akash",
                    "factor": 2,
                    "sources": 2,
                }
            ]
        )
    with pytest.raises(ScenarioError, match="price oracle"):
        small({"shocks": [{"kind": "oracle_outage", "at": "2026-01-11", "network": "gridnet"}]})


def test_runs_are_the_same_for_one_and_two_workers() -> None:
    scenario = world(horizon="10 d")
    one, two = (simdai.run(scenario, seed=3, replications=2, workers=w) for w in (1, 2))
    assert one.hash == two.hash


def test_the_library_holds_the_year_2026_and_two_attacks() -> None:
    for name in ("networks/akash", "attacks/akash_bank_run", "attacks/oracle_lag"):
        assert simdai.load(name).question


def test_a_lag_of_an_hour_earns_the_move_less_the_spread_in_the_attack() -> None:
    """0.05 - 0.0025, less about half of the 0.25 % by which 20,000 USD move a pool of 16 M USD."""
    run = Simulation(simdai.load("attacks/oracle_lag", set={"horizon": "22 d"})).run()
    assert run.outcomes["akash.oracle_arbitrage.gain_per_credit"] == pytest.approx(
        0.05 - 0.0025 - 0.00125, abs=2e-4
    )


def test_in_the_bank_run_minting_halts_and_redemption_goes_on() -> None:
    run = Simulation(simdai.load("attacks/akash_bank_run", set={"horizon": "40 d"})).run()
    assert run.outcomes["akash.credit.fall_at_halt"] >= run.outcomes["akash.credit.fall_implied"] > 0.5
    assert run.outcomes["akash.credit.mint_halted_days"] > 0
    assert run.outcomes["akash.credit.redeem_halted_days"] == 0
    assert run.outcomes["akash.vault.reminted_akt"] > 0
