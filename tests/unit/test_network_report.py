"""What every compute network reports of its providers, and shocks to providers, emission and prices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.choice import left_to_pay
from simdai.mechanisms.concentration import hhi, nakamoto
from simdai.simulation import Simulation
from tests.worlds import BEHAVIOUR, SMALL, run, small

RACKS = SMALL["networks"]["gridnet"]["providers"]["racks"]
UNIT = 10**8


# -- concentration


def test_owners_that_stand_for_many_count_as_many() -> None:
    """Two sizes, each shared by ten equal owners: 20 of 1/20 each, index 500; more than half takes eleven."""
    assert hhi([1.0, 1.0], 10.0) == pytest.approx(500.0)
    assert nakamoto([1.0, 1.0], 0.5, 10.0) == 11
    # one owner with a half beside ten with a twentieth each: 2,500 + 10 x 25
    assert hhi([5.0, 5.0], [1.0, 10.0]) == pytest.approx(2750.0)
    assert nakamoto([5.0, 5.0], 0.5, [1.0, 10.0]) == 2
    assert nakamoto([5.0, 5.0], 0.4, [1.0, 10.0]) == 1


def test_concentration_is_that_of_the_work_sold() -> None:
    sim = Simulation(small())
    sim.run(28)
    racks = sim.world.networks["gridnet"].populations["racks"]
    values = racks.book.value
    out = sim.result().outcomes
    assert out["gridnet.providers.hhi"] == pytest.approx(hhi(values))
    assert out["gridnet.providers.nakamoto"] == nakamoto(values, 0.5)
    north = values[racks.book.place == 0].sum() / values.sum()
    assert out["gridnet.providers.hhi_jurisdictions"] == pytest.approx(1e4 * (north**2 + (1 - north) ** 2))
    assert 200 < out["gridnet.providers.hhi"] < 10_000


def test_an_owner_of_a_whole_population_is_one() -> None:
    out = run({"networks.gridnet.providers.racks.owner": "programme"}).outcomes
    assert out["gridnet.providers.hhi"] == 10_000
    assert out["gridnet.providers.nakamoto"] == 1


def test_concentration_does_not_depend_on_the_scale() -> None:
    many = {"networks.gridnet.providers.racks.count": 400, "demand.startups.jobs_per_day": 800.0}
    plain = run(many).outcomes
    coarse = run({**many, "scale": 4.0}).outcomes
    for name, tolerance in (("hhi", 0.15), ("nakamoto", 0.15)):
        name = f"gridnet.providers.{name}"
        assert coarse[name] == pytest.approx(plain[name], rel=tolerance)


# -- idle hardware


def test_hours_of_hardware_that_was_there_would_have_stood_idle() -> None:
    assert run().outcomes["gridnet.idle_share"] == 1.0


def test_hours_that_the_market_outside_would_have_hired_are_not_idle_ones() -> None:
    changes = {
        "hardware.h100.rental_price": 1.0,
        "networks.gridnet.providers.racks.behaviour": BEHAVIOUR
        | {"outside_use": 0.4, "exit_hazard": 0.0, "entry_speed": 0.0},
    }
    assert run(changes).outcomes["gridnet.idle_share"] == pytest.approx(0.6)


def test_hours_of_hardware_bought_for_the_network_are_not_idle_ones() -> None:
    behaviour = BEHAVIOUR | {
        "exit_hazard": 0.0,
        "entry_threshold": 0.0,
        "entry_lag": 1.0,
        "income_memory": 3.0,
    }
    changes = {
        "networks.gridnet.providers.racks.behaviour": behaviour,
        "networks.gridnet.providers.racks.ask_spread": 0.0,
    }
    sim = Simulation(small(changes))
    sim.run()
    book = sim.world.networks["gridnet"].populations["racks"].book
    bought = book.seen_work[book.bought > 0].sum() / book.seen_work.sum()
    out = sim.result()
    assert bought > 0.005
    assert out.outcomes["gridnet.idle_share"] == pytest.approx(1 - bought)
    assert out.series["gridnet.idle_share"][1] == 1.0


def test_supply_is_what_was_online() -> None:
    sim = Simulation(small())
    out = sim.run()
    pools = sim.world.market.pools()
    online = 24 * (pools["busy_days"].sum() + pools["idle_days"].sum())
    assert out.outcomes["gridnet.supply_gpu_hours"] == pytest.approx(online)
    assert out.outcomes["bigcloud.supply_gpu_hours"] == pytest.approx(60 * 24 * 28)


# -- the token


def test_depth_is_what_moves_a_constant_product_by_two_percent() -> None:
    """1e6 USD (sqrt(1.02) - 1) = 9,950.49 USD."""
    out = run({"horizon": 2.0}).outcomes
    assert out["gridnet.token.depth_usd"] == pytest.approx(1e6 * (math.sqrt(1.02) - 1), abs=0.01)
    scaled = run({"horizon": 2.0, "scale": 2.0}).outcomes
    assert scaled["gridnet.token.depth_usd"] == pytest.approx(1e6 * (math.sqrt(1.02) - 1), abs=0.01)


def test_depth_of_a_square_root_market_is_its_inverse() -> None:
    """ln 1.02 = 1 x 0.1 sqrt(q / 1e6): q = 1e6 (10 ln 1.02)^2 = 39,214 USD."""
    market = {"kind": "square_root", "coefficient": 1.0, "daily_volatility": 0.1, "daily_volume": 1e6}
    out = run({"horizon": 2.0, "networks.gridnet.token.market": market}).outcomes
    assert out["gridnet.token.depth_usd"] == pytest.approx(1e6 * (10 * math.log(1.02)) ** 2, rel=1e-5)


def test_net_issuance_is_what_was_issued_less_what_was_burned() -> None:
    out = run({"networks.gridnet.pay": {"kind": "burn", "operator_fee": 0.05}, "warm_up": 7.5})
    name = "gridnet.token"
    assert out.outcomes[f"{name}.net_issuance"] == pytest.approx(
        out.outcomes[f"{name}.issued"] - out.outcomes[f"{name}.burned"]
    )
    assert out.series[f"{name}.net_issuance"][-1] < 0
    assert out.units[f"{name}.net_issuance"] == "token"


def test_networks_without_a_stake_report_no_cost_of_an_attack() -> None:
    assert "gridnet.cost_to_attack_usd" not in run({"horizon": 2.0}).outcomes


def test_the_cost_of_an_attack_rises_with_the_impact_of_the_purchase(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 tokens at a dollar move a price of depth 9,950.49 USD by 0.2 %: 1,000 x 1.001 USD."""
    from simdai.networks.composed import ComposedNetwork

    monkeypatch.setattr(ComposedNetwork, "staked", 1000.0)
    out = run({"horizon": 2.0}).outcomes
    impact = 0.02 * 1000 / 9950.4938
    assert out["gridnet.cost_to_attack_usd"] == pytest.approx(1000 * (1 + impact / 2), rel=1e-6)


def test_akash_reports_what_half_of_its_bonded_tokens_cost() -> None:
    scenario = simdai.load("networks/akash", set={"horizon": "3 d", "warm_up": "0 d"})
    sim = Simulation(scenario)
    out = sim.run().outcomes
    bonded = sim.world.networks["akash"].staking.rules.bonded * out["akash.token.supply"]
    price, depth = out["akash.token.price_usd"], out["akash.token.depth_usd"]
    impact = 0.02 * bonded * price / depth
    assert out["akash.cost_to_attack_usd"] == pytest.approx(bonded * price * (1 + impact / 2))


# -- an outage of providers


def shocked(*shocks: dict[str, Any], **changes: Any) -> Simulation:
    return Simulation(small({"shocks": [{"at": "2026-01-15", **s} for s in shocks], **changes}))


def dark(sim: Simulation) -> set[int]:
    return set(sim.world.networks["gridnet"].populations["racks"].barred.dark)


def test_an_outage_takes_a_share_of_the_providers_and_gives_them_back() -> None:
    sim = shocked({"kind": "provider_outage", "share": 0.4, "network": "gridnet", "lasts": 5.0})
    racks = sim.world.networks["gridnet"].populations["racks"]
    sim.run(14.5)
    # 50 draws at 0.4: five standard deviations are 17
    assert 3 < len(dark(sim)) < 37
    assert racks.count == 50 - len(dark(sim))
    pools = sim.world.market.pools()
    assert pools["banned"].sum() > 0
    sim.run(20)
    assert racks.count == 50
    assert sim.world.market.pools()["banned"].sum() == 0


def test_an_outage_of_a_jurisdiction_spares_the_others() -> None:
    sim = shocked({"kind": "provider_outage", "share": 1.0, "jurisdiction": "south", "lasts": 5.0})
    sim.run(14.5)
    racks = sim.world.networks["gridnet"].populations["racks"]
    south = racks.jurisdictions.index("south")
    assert dark(sim) == set(np.flatnonzero(racks.book.place == south).tolist())
    assert racks.count == 30


def test_who_goes_dark_does_not_depend_on_how_many_others_there_are() -> None:
    hit = []
    for count in (50, 30):
        jurisdictions = {"networks.gridnet.providers.racks.jurisdictions": {"north": 1.0}}
        sim = shocked(
            {"kind": "provider_outage", "share": 0.5},
            **{"networks.gridnet.providers.racks.count": count, **jurisdictions},
        )
        sim.run(14.5)
        hit.append({row for row in dark(sim) if row < 30})
    assert hit[0] == hit[1]


def test_the_end_of_a_ban_does_not_light_those_who_are_dark_nor_the_end_of_an_outage_those_banned() -> None:
    outage = {"kind": "provider_outage", "share": 1.0}
    ban = {"kind": "jurisdiction_ban", "jurisdiction": "south"}
    sim = shocked({**outage, "lasts": 6.0}, {**ban, "lasts": 3.0})
    racks = sim.world.networks["gridnet"].populations["racks"]
    sim.run(18)
    assert racks.count == 0
    assert sim.world.market.pools()["idle"].sum() + sim.world.market.pools()["busy"].sum() == 0
    sim.run(21)
    assert racks.count == 50
    sim = shocked({**outage, "lasts": 3.0}, {**ban, "lasts": 6.0})
    sim.run(18)
    racks = sim.world.networks["gridnet"].populations["racks"]
    assert racks.count == 30
    assert sim.world.market.pools()["idle"][1] + sim.world.market.pools()["busy"][1] == 0


def test_those_who_leave_while_dark_stay_away() -> None:
    behaviour = BEHAVIOUR | {"exit_hazard": 0.03, "exit_sensitivity": 0.0, "entry_speed": 0.0}
    sim = shocked(
        {"kind": "provider_outage", "share": 1.0, "lasts": 5.0},
        **{"networks.gridnet.providers.racks.behaviour": behaviour},
    )
    sim.run()
    racks = sim.world.networks["gridnet"].populations["racks"]
    assert 0 < racks.count == 50 - racks.exits < 50
    sim.world.ledger.check()


# -- a change of emission


def test_emission_is_multiplied_from_the_day_and_back() -> None:
    """100 a day; three times as much on days 14 to 21: 1,400 + 2,100 by the settlement of day 21."""
    sim = shocked(
        {"kind": "emission_change", "network": "gridnet", "factor": 3.0, "lasts": 7.0}, horizon=36.0
    )
    issued = []
    for day in (14.5, 21.5, 28.5):
        sim.run(day)
        issued.append(sim.world.networks["gridnet"].token.issued)
    assert issued == pytest.approx([1400.0, 3500.0, 4200.0])


def test_emission_within_an_epoch_is_split_at_the_day() -> None:
    """Four days of the second epoch at 100, three at none."""
    sim = shocked({"kind": "emission_change", "network": "gridnet", "factor": 0.0, "at": "2026-01-12"})
    sim.run(28)
    assert sim.world.networks["gridnet"].token.issued == pytest.approx(1100.0)


def test_changes_of_emission_multiply_and_end_apart() -> None:
    change = {"kind": "emission_change", "network": "gridnet"}
    sim = shocked(
        {**change, "factor": 0.5, "lasts": 4.0}, {**change, "factor": 4.0, "at": "2026-01-17", "lasts": 4.0}
    )
    network = sim.world.networks["gridnet"]
    levels = []
    for day in (13, 15, 17, 19, 21):
        sim.run(day)
        levels.append(network.emission_level)
    assert levels == pytest.approx([1.0, 0.5, 2.0, 4.0, 1.0])


# -- subsidies


def test_a_rebate_never_takes_the_whole_price() -> None:
    assert left_to_pay(2.0, 0.5) == 1.5
    assert left_to_pay(2.0, 5.0) == pytest.approx(0.02)
    assert math.isnan(left_to_pay(math.nan, 1.0))


def test_a_subsidised_cloud_is_cheaper_sells_more_and_is_paid_the_rest_from_outside() -> None:
    shock = {"kind": "competitor_subsidy", "seller": "bigcloud", "amount": 1.0, "lasts": 10.0}
    sim, plain = shocked(shock), Simulation(small())
    sim.run(15)
    assert sim.world.market.venue_table()["ask"][0] == 2_000_000
    v = sim.world.clouds["bigcloud"].venue.index
    then = float(sim.world.market.counters()["gpu_hours"][v].sum())
    sim.run(24)
    out = sim.run()
    assert sim.world.market.venue_table()["ask"][0] == 3_000_000
    assert out.series["bigcloud.price_usd_per_gpu_hour"][20] < 2.5
    sold = out.series["bigcloud.gpu_hours"]
    assert sold[15:25].sum() > 1.1 * plain.run().series["bigcloud.gpu_hours"][15:25].sum()
    # ten days of sales at a dollar each
    assert out.outcomes["bigcloud.rebate_usd"] == pytest.approx(sold[15:25].sum(), rel=0.01)
    assert then > 0
    ledger = sim.world.ledger
    revenue = int(sim.world.market.counters()["revenue"][v].sum())
    assert ledger.balance("USD", "bigcloud.subsidy") == 0
    paid = round(out.outcomes["bigcloud.rebate_usd"] * 1e6)
    assert ledger.balance("USD", "bigcloud.revenue") == pytest.approx(revenue + paid, abs=1)
    ledger.check()


def test_customers_of_a_subsidised_network_see_less_and_its_providers_the_full_price() -> None:
    shock = {"kind": "competitor_subsidy", "seller": "gridnet", "amount": 1.0}
    sim, plain = shocked(shock), Simulation(small())
    out, without = sim.run(), plain.run()
    late = slice(20, None)
    assert (
        out.series["startups.share.gridnet"][late].mean()
        > without.series["startups.share.gridnet"][late].mean()
    )
    price = out.series["gridnet.price_usd_per_gpu_hour"][late]
    assert np.nanmean(price) > 1.5
    hours = out.series["gridnet.gpu_hours"][15:].sum()
    assert out.outcomes["gridnet.rebate_usd"] == pytest.approx(hours, rel=0.1)


@pytest.mark.parametrize(
    ("shock", "found"),
    [
        ({"kind": "provider_outage", "share": 0.5, "network": "grid"}, "Did you mean 'gridnet'"),
        ({"kind": "provider_outage", "share": 0.5, "jurisdiction": "west"}, "unknown jurisdiction 'west'"),
        ({"kind": "provider_outage", "share": 0.0}, "nobody goes dark"),
        ({"kind": "emission_change", "network": "bigcloud", "factor": 2.0}, "emission can change"),
        ({"kind": "emission_change", "network": "gridnet", "factor": 1.0}, "changes nothing"),
        ({"kind": "competitor_subsidy", "seller": "bigclod", "amount": 1.0}, "Did you mean 'bigcloud'"),
    ],
)
def test_shocks_that_hit_nothing_are_refused(shock: dict[str, Any], found: str) -> None:
    with pytest.raises(ScenarioError, match=found):
        small({"shocks": [{"at": "2026-01-15", **shock}]})
