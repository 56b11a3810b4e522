"""Credit backed by a vault of tokens: who holds it, what a run on it brings, what it does to the token."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.experiments.stress import load_battery
from simdai.mechanisms.pay import StableCredit
from simdai.networks.composed import ComposedNetwork
from simdai.simulation import Simulation
from tests.worlds import small

UNIT = 10**8
FALL = 0.5
SHARES = load_battery().stresses["bank_run"].levels["share"]  # at which the standard battery runs


def world(share: float | None = None, minted: float = 1.0, **changes: Any) -> Simulation:
    """Two weeks of credit that nobody redeems; then the token loses half its price, and a share runs."""
    given: dict[str, Any] = {
        "networks.gridnet.pay": {"kind": "stable_credit", "minted": minted},
        "networks.gridnet.held": "1e12 d",
        "networks.gridnet.emit": {"kind": "none"},
        "networks.gridnet.reward": {"kind": "none"},
        "networks.gridnet.providers.racks.token_sold": 0.0,
    }
    crash = {"kind": "token_price_crash", "at": "2026-01-16", "network": "gridnet", "drop": FALL}
    run = {"kind": "bank_run", "at": "2026-01-16", "network": "gridnet", "share": share, "lasts": "3 d"}
    given["shocks"] = [crash] if share is None else [crash, run]
    return Simulation(small(given | {path.replace("__", "."): value for path, value in changes.items()}))


def before_and_after(sim: Simulation) -> tuple[dict[str, float], ComposedNetwork]:
    """Vault [tokens], credit [USD] and price just before the shocks, and the network just after."""
    sim.run(14.9)
    net = sim.world.networks["gridnet"]
    credit = net.credit
    before = {"vault": credit.locked / UNIT, "credit": credit.outstanding, "price": net.token.price}
    sim.run(15.01)
    sim.world.ledger.check()
    return before, net


@pytest.mark.parametrize("share", SHARES)
def test_a_run_is_short_by_one_less_the_collateral_ratio_after_the_fall_over_the_share(share: float) -> None:
    before, net = before_and_after(world(share))
    ratio = before["vault"] * before["price"] / before["credit"]
    assert ratio > 1.0  # the price rose while tokens were bought for the vault
    short = max(1.0 - ratio * (1.0 - FALL) / share, 0.0)
    assert net.credit.short_share == pytest.approx(short, abs=1e-4)
    due = share * before["credit"] / (before["price"] * (1.0 - FALL))
    assert net.credit.minted / UNIT == pytest.approx(short * due, rel=1e-3, abs=1e-3)
    assert net.credit.redeemed / 1e6 == pytest.approx(share * before["credit"], rel=1e-6)


@pytest.mark.parametrize("share", SHARES)
def test_without_minting_runners_get_what_the_vault_holds_and_those_who_stay_the_rest(share: float) -> None:
    before, net = before_and_after(world(share, minted=0.0))
    ratio = before["vault"] * before["price"] / before["credit"] * (1.0 - FALL)
    paid = min(share, ratio) * before["credit"] / (before["price"] * (1.0 - FALL))
    assert net.credit.minted == 0
    assert before["vault"] - net.credit.locked / UNIT == pytest.approx(paid, rel=1e-4)
    if share < 1.0:
        # what is left behind each USD, at the price to which the runners' sale has pushed the token
        left = max(ratio - share, 0.0) / (1.0 - share) * net.token.price / (before["price"] * (1.0 - FALL))
        assert net.credit.ratio == pytest.approx(left, abs=1e-3)


@pytest.mark.parametrize("minted", [0.0, 1.0])
def test_the_sale_of_a_run_moves_the_price_and_the_peg_as_the_constant_product_says(minted: float) -> None:
    """T tokens sold into a pool of y bring y / (y + T) of their price, and move it by the square of that."""
    calm, still = before_and_after(world())
    before, net = before_and_after(world(0.7, minted))
    assert before == calm
    pool = still.world.ledger.balance("GRID", "gridnet.pool") / UNIT
    ratio = calm["vault"] * still.token.price / calm["credit"]
    covered = 1.0 if minted else ratio / 0.7
    sold = covered * 0.7 * calm["credit"] / still.token.price
    moved = pool / (pool + sold)
    assert net.token.price == pytest.approx(still.token.price * moved**2, rel=1e-5)
    assert net.credit.lowest_value == pytest.approx(covered * moved, rel=1e-4)


def test_what_was_not_paid_is_a_loss_of_the_providers() -> None:
    rates = [
        float(before_and_after(world(1.0, minted))[1].populations["racks"].book.token_rate.sum())
        for minted in (1.0, 0.0)
    ]
    before, net = before_and_after(world(1.0, 0.0))
    lost = (1.0 - before["vault"] * before["price"] * (1.0 - FALL) / before["credit"]) * before["credit"]
    assert rates[0] - rates[1] == pytest.approx(lost / net.income_days, rel=1e-3)


def test_credit_is_held_for_the_mean_time_stated() -> None:
    """Of each settlement's stock the share 1 - exp(-7/14) is redeemed; what is new is not."""
    sim = world(networks__gridnet__held="14 d", shocks=[])
    net = sim.world.networks["gridnet"]
    stock = []
    for day in (7.01, 14.01, 21.01):
        redeemed = net.credit.redeemed
        sim.run(day)
        stock.append((net.credit.outstanding * 1e6 - net.credit.earned, net.credit.redeemed - redeemed))
    for (held, _), (_, redeemed) in pairwise(stock):
        assert redeemed == pytest.approx((1 - 0.60653066) * held, rel=1e-6)


def test_while_a_run_lasts_a_share_is_not_held_and_afterwards_it_is_again() -> None:
    run = {"kind": "bank_run", "at": "2026-01-13", "network": "gridnet", "share": 0.4, "lasts": "5 d"}
    sim = world(shocks=[run])
    sim.run(13.9)
    net = sim.world.networks["gridnet"]
    redeemed, held = net.credit.redeemed, sim.world.ledger.supply("gridnet.credit")
    sim.run(14.01)
    assert net.credit.redeemed - redeemed == pytest.approx(0.4 * held, rel=1e-6)
    redeemed = net.credit.redeemed
    sim.run(21.01)
    assert net.credit.redeemed == pytest.approx(redeemed, rel=1e-6)


def test_a_share_of_what_lacks_is_minted_to_the_base_unit() -> None:
    """Of 10^17 + 1 units due the vault holds 10^16: 3/4 of 9 x 10^16 + 1, rounded down."""
    assert StableCredit(minted=0.75).created(10**17 + 1, 10**16) == 67_500_000_000_000_000
    assert StableCredit().created(10**17 + 1, 10**16) == 9 * 10**16 + 1
    assert StableCredit().created(5, 7) == 0


def test_a_network_without_credit_cannot_be_run_on_nor_hold_any() -> None:
    run = {"kind": "bank_run", "at": "2026-01-16", "network": "gridnet", "share": 0.5}
    with pytest.raises(ScenarioError, match="network that pays with credit"):
        small({"shocks": [run]})
    with pytest.raises(ScenarioError, match="there is no credit to hold"):
        small({"networks.gridnet.held": "3 d"})
    pay = [
        {"rule": {"kind": "stable_credit"}},
        {"from": "2026-01-10", "rule": {"kind": "stable_credit", "minted": 0}},
    ]
    with pytest.raises(ScenarioError, match="credit outstanding has one rule"):
        small({"networks.gridnet.pay": pay})


def test_the_standard_battery_runs_on_the_credit_of_a_design_and_grades_what_the_vault_lacks() -> None:
    """After a fall by half a vault that holds about 1 USD a USD of credit is short from a share of 0.5 on."""
    battery = load_battery().only(["bank_run"])
    battery = battery.model_copy(update={"replications": 1, "horizon": 7.0})
    work = simdai.load("designs/work_token")
    assert "bank_run" in battery.applied(work, "worknet").skipped
    crash = {"kind": "token_price_crash", "at": "2026-01-15", "network": "gridnet", "drop": FALL}
    card = simdai.stress(world(minted=0.0, shocks=[crash]).scenario, battery=battery)
    assert [card.grade("bank_run", severity, "short") for severity in battery.severities] == [
        "held",
        "broke",
        "broke",
    ]
    assert [card.grade("bank_run", severity, "peg") for severity in battery.severities] == [
        "held",
        "broke",
        "broke",
    ]


def test_the_attack_of_the_library_is_short_by_what_its_comment_says() -> None:
    scenario = simdai.load("attacks/credit_run", set={"horizon": "153 d"})
    sim = Simulation(scenario)
    sim.run(150.5)
    net = sim.world.networks["creditnet"]
    owed, locked = net.credit.outstanding, net.credit.locked
    sim.run(151.9)
    price = net.token.price
    sim.run(152.01)
    expected = 1.0 - locked / net.token.unit * price / owed / 0.8
    assert net.credit.short_share == pytest.approx(expected, abs=0.05)
