"""Attacks on a subnet of Bittensor: what they take, what they cost, and what the defence changes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simdai.errors import ScenarioError
from tests.unit.bittensor_worlds import network, scenario, simulation

STILL = {"token.speculation": {"kind": "none"}, "miners.drift": 0.0}
TEMPO = {"step": 0.05, "validators.honest.every": 0.05, "validators.honest.memory": 0.0, "uids": 16}
WAR = {**TEMPO, "uids": 40, "consensus.immunity": 1080}
FLOW = {"kind": "flow", "smoothing": 3.209e-6, "cutoff": 0.0, "exponent": 1.0, "net": False}


def attack(
    kind: str, changes: dict[str, Any] | None = None, days: float = 10.0, **fields: Any
) -> dict[str, float]:
    """Outcomes of an attack on the subnet ``images``, which begins on the second day."""
    shock = {"kind": kind, "network": "bittensor", "subnet": "images", "at": "2026-01-02", **fields}
    sim = simulation({**STILL, **(changes or {}), ".shocks": [shock]}, seed=3)
    sim.run(until=days + 1e-6)
    sim.world.recorder.record()
    prefix = f"bittensor.{kind}."
    outcomes = sim.world.recorder.outcomes()
    found = {
        name.removeprefix(prefix): value for name, (value, _) in outcomes.items() if name.startswith(prefix)
    }
    return {**found, "joined": outcomes["bittensor.miners.joined"][0]}


# --- votes


def test_a_cartel_above_kappa_takes_the_incentive_and_one_below_takes_nothing():
    above = attack("validator_cartel", share=0.6, miners=2)
    below = attack("validator_cartel", share=0.4, miners=2)
    assert above["stake_share"] > 0.5 > below["stake_share"] > 0.3
    assert above["captured_share"] > 0.8
    assert below["captured_share"] < 0.02
    assert above["taken_usd"] > 100 * below["taken_usd"]


def test_a_lower_kappa_lets_a_smaller_cartel_in():
    low = attack("validator_cartel", {"consensus.kappa": 0.3}, share=0.4, miners=2)
    assert low["captured_share"] > 0.3


def test_the_penalty_on_bonds_takes_a_cabals_dividends_from_miners_it_overrates():
    working = {"share": 0.33, "miners": 2, "skill": 1.0}
    clipped = attack("validator_cartel", days=12.0, **working)
    free = attack("validator_cartel", {"consensus.bonds_penalty": 0.0}, days=12.0, **working)
    assert clipped["captured_share"] < free["captured_share"]
    assert clipped["captured_share"] < clipped["stake_share"]


def test_a_cartel_pays_for_its_stake_and_its_miners_and_can_sell_them_again():
    ended = attack("validator_cartel", days=12.0, share=0.3, miners=2, lasts=5.0)
    held = attack("validator_cartel", days=12.0, share=0.3, miners=2)
    assert ended["spent_usd"] == pytest.approx(held["spent_usd"], rel=0.05)
    assert ended["stake_share"] == 0.0 < held["stake_share"]
    assert ended["proceeds_usd"] > 0.5 * ended["spent_usd"]


def test_copying_pays_less_the_later_weights_are_revealed():
    restless = {**TEMPO, "miners.drift": 0.8, "miners.reversion": 1.5, "validators.honest.cost": 0.0}
    at_once, late = (
        attack("weight_copying", {**restless, "consensus.reveal_period": period}, days=4.0, share=0.3)
        for period in (0, 20)
    )
    assert late["relative_yield"] < 0.9 * at_once["relative_yield"]
    assert late["excess_usd"] < at_once["excess_usd"]


def test_copiers_save_what_evaluation_costs():
    copying = attack("weight_copying", {"validators.honest.cost": 1.0}, share=0.5)
    assert copying["saved_usd"] > 0
    assert copying["profit_usd"] == pytest.approx(copying["saved_usd"] + copying["excess_usd"])


# --- owners


def test_withholding_in_the_open_costs_emission_where_it_is_penalised():
    free = {"emission.shares": {"kind": "price", "burn_penalty": False}}
    punished = attack("owner_capture", withheld=0.8, hidden=False)
    unpunished = attack("owner_capture", free, withheld=0.8, hidden=False)
    assert punished["emission_tao"] < 0.5 * unpunished["emission_tao"]
    assert punished["profit_usd"] < unpunished["profit_usd"]
    assert punished["owner_share"] > 0.7


def test_withholding_in_hiding_escapes_the_penalty():
    honest = attack("owner_capture", withheld=0.0, hidden=False)
    hidden = attack("owner_capture", withheld=0.8, hidden=True)
    assert hidden["emission_tao"] == pytest.approx(honest["emission_tao"], rel=0.05)
    assert hidden["profit_usd"] > honest["profit_usd"]
    assert hidden["miners_loss_usd"] > 0 == honest["miners_loss_usd"]


# --- UIDs


def test_sybils_earn_by_the_uid_and_a_floor_under_its_price_takes_it_back():
    relays = {"uids": 8, "skill": 0.0, "relay": 0.9, "cost": 50.0}
    cheap = attack("miner_sybils", **relays)
    floor = {"uid_price.minimum": 90.0, "first_uid_price": 90.0}
    dear = attack("miner_sybils", floor, **relays)
    assert cheap["uids"] == 8
    assert cheap["profit_usd"] > 0
    assert dear["profit_usd"] < cheap["profit_usd"]
    assert dear["spent_usd"] > 10 * cheap["spent_usd"] or dear["uids"] < cheap["uids"]


def test_idle_sybils_earn_nothing():
    idle = attack("miner_sybils", uids=4, skill=0.0, cost=0.0)
    assert idle["taken_usd"] == 0.0


def test_a_war_over_uids_costs_more_where_each_registration_raises_the_price_at_once():
    bounds = {"minimum": 0.0005, "maximum": 100.0}
    adjusted = {"uid_price": {"kind": "adjusted", "interval": 100, "target": 2, "kept": 0.0, **bounds}}
    war = {"registrations": 4, "most": 5.0}
    decaying = attack("uid_war", WAR, days=4.0, **war)
    older = attack("uid_war", {**WAR, **adjusted}, days=4.0, **war)
    assert decaying["spent_usd"] > 5 * older["spent_usd"]
    assert decaying["incumbents_share"] > 0.5


def test_a_war_keeps_newcomers_out():
    busy = {**WAR, "miners.candidates": 10.0, "miners.payback": 2.0}
    peace = attack("uid_war", busy, days=4.0, registrations=1, most=0.0)
    war = attack("uid_war", busy, days=4.0, registrations=5, most=50.0)
    assert peace["registrations"] == 0 < war["registrations"]
    assert war["entrants"] < peace["entrants"]


# --- emission


def test_a_pump_draws_less_emission_the_slower_the_average_price():
    fast = {"emission.ema": {"base": 1e-3, "halving": 201600, "spot_cap": 1.0}}
    pump = {"tao": 30_000.0, "buying": 1.0, "selling": 1.0, "lasts": 6.0}
    extra = {}
    for name, changes in (("slow", {}), ("fast", fast)):
        pumped, idle = (
            attack("price_pump", changes, **pump),
            attack("price_pump", changes, **{**pump, "tao": 0.0}),
        )
        extra[name] = pumped["emission_tao"] - idle["emission_tao"]
        assert pumped["spent_usd"] > 0 == idle["spent_usd"]
    assert 0 < extra["slow"] < 0.5 * extra["fast"]


def test_a_wash_draws_less_emission_the_slower_the_average_flow():
    wash = {"tao": 2000.0, "period": 4.0, "inside": 0.5, "lasts": 8.0}
    flows = {"emission.shares": FLOW, "subnets.text.flow": 300.0, "subnets.images.flow": 60.0}
    fast = {**flows, "emission.shares": {**FLOW, "smoothing": 1e-4}}
    extra = [
        attack("flow_wash", changes, **wash)["emission_tao"]
        - attack("flow_wash", changes, **{**wash, "tao": 0.0})["emission_tao"]
        for changes in (flows, fast)
    ]
    assert 0 < extra[0] < extra[1]


def test_what_a_trader_put_in_is_back_when_the_attack_is_over():
    done = attack("price_pump", days=14.0, tao=3000.0, buying=1.0, selling=2.0, lasts=5.0)
    assert done["proceeds_usd"] > 0.8 * done["spent_usd"]
    assert done["tao_per_tao"] > 0


# --- all


def test_until_it_strikes_an_attack_changes_nothing():
    later = {
        "kind": "weight_copying",
        "network": "bittensor",
        "subnet": "images",
        "at": "2026-02-01",
        "share": 0.5,
    }
    plain, waiting = simulation(seed=5), simulation({".shocks": [later], ".horizon": "60 d"}, seed=5)
    for sim in (plain, waiting):
        sim.run(until=6.0 + 1e-6)
    assert network(plain).chain.prices.tolist() == network(waiting).chain.prices.tolist()
    assert (network(plain).miners.ids == network(waiting).miners.ids).all()


def test_before_it_strikes_an_attack_has_no_results():
    early = attack("owner_capture", days=0.5, withheld=0.5, hidden=False)
    assert early["profit_usd"] == early["emission_tao"] == 0.0
    assert math.isnan(early["owner_share"])


@pytest.mark.parametrize(
    ("shock", "message"),
    [
        ({"kind": "owner_capture", "withheld": 1.5, "hidden": False}, "withheld"),
        ({"kind": "validator_cartel", "share": 0.5, "miners": 0}, "miners"),
        ({"kind": "weight_copying", "share": 0.5, "subnet": "imagse"}, "Did you mean 'images'"),
        ({"kind": "flow_wash", "tao": 1.0, "period": 0.0, "inside": 0.5}, "period"),
    ],
)
def test_an_impossible_attack_is_refused(shock, message):
    whole = {"network": "bittensor", "subnet": "images", "at": "2026-01-02", **shock}
    with pytest.raises(ScenarioError, match=message):
        scenario({".shocks": [whole]})
