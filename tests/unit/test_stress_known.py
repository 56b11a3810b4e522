"""Attacks whose break-points are known: the battery's verdicts and the search against closed forms."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.optimize import brentq

import simdai
from simdai.experiments.stress import Battery, Challenge, Scorecard, Search, break_point, load_battery
from simdai.mechanisms.curation import curation_burn, curation_mint
from simdai.mechanisms.data_farming import volume_multiplier
from simdai.mechanisms.fake_supply import break_even_detection
from simdai.registry import FrozenMapping
from simdai.schema import Scenario
from simdai.simulation import Simulation
from tests.graph_worlds import scenario as graph
from tests.unit import test_akash, test_ionet, test_ocean, test_render, test_the_graph_attacks
from tests.unit.bittensor_worlds import scenario as bittensor

pytest.importorskip("optuna")

STANDARD = load_battery()


def only(name: str, after: float = 0.0, horizon: float = 7.0, **changes: Any) -> Battery:
    """The standard battery's stress alone, soon and short."""
    stress = STANDARD.stresses[name].model_copy(update={"after": after, **changes})
    return STANDARD.model_copy(
        update={"replications": 1, "horizon": horizon, "stresses": FrozenMapping({name: stress})}
    )


def verdicts(card: Scorecard, measure: str) -> list[str]:
    (stress,) = card.applied.battery.stresses
    return [card.grade(stress, severity, measure) for severity in STANDARD.severities]


def held_at_mild(scenario: Scenario, name: str, battery: Battery, budget: int = 24, **vary: Any) -> Search:
    """Search the levers alone, the stress at its mildest; keys with ``__`` are dotted paths."""
    levers = {path.replace("__", "."): ends for path, ends in vary.items()}
    found = break_point(
        Challenge(scenario, name, battery=battery, at="mild", vary=levers),
        budget=budget,
        replications=1,
        fresh=1,
    )
    assert found.verdict == "broken", str(found)
    return found


def test_wash_demand_on_render_pays_until_the_reward_ratio_falls_to_one_over_one_less_the_fee():
    world = test_render.scenario(
        {
            "horizon": "7.5 d",
            "pools.availability": 0.0,
            "demand.creators.jobs_per_day": 2000.0,  # many small jobs: nearly the same spend each week
            "demand.creators.service": {"kind": "exponential", "mean": 0.001},
        }
    )
    battery = only("wash_demand", horizon=7.5)
    found = held_at_mild(world, "wash_demand", battery, networks__render__pools__job=(500.0, 15000.0))
    sim = Simulation(found.scenario, seed=1)
    sim.run()
    assert sim.world.networks["render"].reward_ratio == pytest.approx(1 / 0.95, rel=0.1)
    pool = found.levels()["networks.render.pools.job"]
    for factor, expected in ((0.9, "held"), (1.1, "broke")):
        card = simdai.stress(world, battery=battery, set={"networks.render.pools.job": factor * pool})
        assert verdicts(card, "attack_profit") == [expected] * 3


def test_akash_stops_minting_at_the_fall_that_its_collateral_implies_and_goes_on_redeeming():
    falls = FrozenMapping({"drop": (0.3, 0.6, 0.9)})
    battery = only(
        "price_crash_fast", after=3.0, horizon=2.0, levels=falls, fields=FrozenMapping({"belief": 0.1})
    )
    world = test_akash.world(horizon="5 d")
    found = break_point(
        Challenge(world, "price_crash_fast", prop="mint_halted <= 0", battery=battery),
        budget=16,
        replications=1,
        fresh=1,
    )
    calm = Simulation(world, seed=1)
    calm.run(until=3.0)
    vault = calm.world.networks["akash"].vault
    implied = 1.0 - vault.rules.halt / vault.ratio(vault.oracle.price)
    assert found.levels()["drop"] == pytest.approx(implied, rel=0.1)
    card = simdai.stress(world, battery=battery)
    assert verdicts(card, "mint_halted") == ["bent" if drop > implied else "held" for drop in falls["drop"]]
    assert verdicts(card, "mint_halted") == ["held", "held", "bent"]
    assert verdicts(card, "redeem_halted") == ["held"] * 3
    assert found.cost_unit == "USD" and found.cost_to_break > 0


CURVE = {"kind": "convex", "tax": 0.025, "reserve_ratio": 0.5, "minimum": 1.0, "publish_and_signal": False}
FLAT = {"kind": "flat", "tax": 0.01, "publish_and_signal": False}
LAUNCHES = {k: v for k, v in test_the_graph_attacks.LAUNCH.items() if k != "shocks"} | {"horizon": "40 d"}


def test_a_convex_curation_curve_is_front_run_and_a_flat_one_is_not():
    battery = only("curation_front_running", horizon=20.0)
    for curve, expected in ((CURVE, "broke"), (FLAT, "held")):
        card = simdai.stress(graph(LAUNCHES | {"curation": curve}), battery=battery)
        assert verdicts(card, "attack_profit") == [expected] * 3


def test_a_curve_is_front_run_from_the_convexity_on_at_which_the_first_gets_its_tax_back():
    battery = only("curation_front_running", horizon=20.0)
    world = graph(LAUNCHES | {"curation": CURVE | {"tax": 0.4}})
    ends = (1.0, 0.2)
    path = "networks.graph.curation.reserve_ratio"
    found = held_at_mild(world, "curation_front_running", battery, **{path.replace(".", "__"): ends})
    bot = Simulation(found.scenario, seed=1)
    bot.run()
    grt = bot.world.shocks[0].grt
    assert grt["taken_out"] / grt["put_in"] == pytest.approx(1.0, abs=0.05)
    others = pool_left(bot)
    assert found.levels()[path] == pytest.approx(break_even(300.0 * 0.6, 300.0, others), rel=0.1)


def pool_left(sim: Simulation) -> float:
    """GRT of others in the pool of the subgraph that the bot has been in."""
    return float(sim.world.networks["graph"].rewards.signal[2]) / 10**18


def break_even(net: float, gross: float, others: float) -> float:
    """Reserve ratio at which the first takes out what it put in, once the others are there."""

    def gain(ratio: float) -> float:
        own = curation_mint(0.0, 0.0, net, ratio, 1.0)
        all_ = own + curation_mint(net, own, others, ratio, 1.0)
        return curation_burn(net + others, all_, own, ratio) - gross

    return float(brentq(gain, 0.05, 1.0))


def test_a_validator_cartel_controls_consensus_from_kappa_on():
    world = bittensor({"token.speculation": {"kind": "none"}, "miners.drift": 0.0}).with_changes(
        {"horizon": "6 d", "record_every": "1 d"}
    )
    battery = only("validator_cartel", after=1.0, horizon=5.0)
    card = simdai.stress(world, battery=battery)
    assert card.grades["validator_cartel"] == {
        "mild": ("held", "captured"),
        "hard": ("held", "captured"),
        "extreme": ("broke", "captured"),
    }
    found = break_point(
        Challenge(world, "validator_cartel", prop="captured", battery=battery),
        budget=16,
        replications=1,
        fresh=1,
    )
    kappa = world.networks["bittensor"].consensus.at(world.start).kappa
    assert found.levels()["share"] == pytest.approx(kappa, rel=0.1)
    assert found.cost_unit == "USD" and found.cost_to_break > 1e6


def test_wash_consumption_pays_only_where_the_reward_bound_exceeds_the_fees():
    """A market fee of 0.1 % and a publishing fee of 1 % besides the fee of each order; see Ocean's tests."""
    farming = {"kind": "volume_farming", "budget": 50000.0, "week": 20}
    world = test_ocean.made(test_ocean.NO_FEEDS | {"networks.ocean.incentives": farming, "horizon": "8 d"})
    battery = only(
        "wash_consumption", fields=FrozenMapping({"locked": 1e6, "assets": 2, "price": 100.0}), horizon=8.0
    )
    found = held_at_mild(world, "wash_consumption", battery, networks__ocean__exchange__order_fee=(2.0, 0.01))
    highest = found.levels()["networks.ocean.exchange.order_fee"]
    assert highest + 0.011 == pytest.approx(volume_multiplier(20, False), rel=0.1)
    for factor, expected in ((0.9, "broke"), (1.1, "held")):
        fee = {"networks.ocean.exchange.order_fee": factor * highest}
        assert verdicts(simdai.stress(world, battery=battery, set=fee), "attack_profit") == [expected] * 3


def test_fake_supply_pays_until_checks_and_stake_exceed_its_reward():
    """3,200 devices and 1,800 identities: few beside the devices; luck moves the break-point by 2 %."""
    world = test_ionet.scenario(
        {"nomination.proof_of_work": False, "staking.base": 0.1, "providers.racks.count": 3200},
        horizon="10 d",
        demand={},
    )
    fields = {
        "identity_cost": 0.75,
        "most": 20000,
        "puzzle_detection": 0.9,
        "detection": 0.5,
        "poses_as": "racks",
    }
    levels = FrozenMapping({"identities_per_day": (200.0, 250.0, 300.0)})
    battery = only("fake_supply", horizon=9.0, fields=FrozenMapping(fields), levels=levels)
    found = held_at_mild(world, "fake_supply", battery, budget=14, detection=(0.4, 0.02))
    sim = Simulation(world, seed=1)
    sim.run()
    network = sim.world.networks["ionet"]
    stake = network.stakes.need("racks") / network.token.units_per_usd
    reward = network.settlement.reward_usd["racks"]
    threshold = break_even_detection(reward, 5, stake, 1.0, 0.75)
    assert found.levels()["detection"] == pytest.approx(threshold, rel=0.1)
    for factor, expected in ((0.8, "broke"), (1.25, "held")):
        checked = battery.model_copy(
            update={
                "stresses": FrozenMapping(
                    {
                        "fake_supply": battery.stresses["fake_supply"].model_copy(
                            update={"fields": FrozenMapping(fields | {"detection": factor * threshold})}
                        )
                    }
                )
            }
        )
        assert verdicts(simdai.stress(world, battery=checked), "attack_profit")[0] == expected
