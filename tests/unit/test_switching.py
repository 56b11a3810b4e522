"""Devices that move between networks and the rental market outside; the band of sunk capital; mixtures."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.economy.providers import Providers
from simdai.errors import ScenarioError
from simdai.mechanisms import provider_choice as choice
from simdai.simulation import Simulation
from tests.worlds import BEHAVIOUR, SMALL, small

RACKS = SMALL["networks"]["gridnet"]["providers"]["racks"]
SWITCHING = {
    "destinations": ["othernet.racks"],
    "hazard": 0.2,
    "sensitivity": 20.0,
    "memory": 3.0,
    "delay": 2.0,
    "horizon": 60.0,
}
# A second network whose schedule pays its 20 racks more than the first pays its 50.
OTHER = {
    **SMALL["networks"]["gridnet"],
    "token": {**SMALL["networks"]["gridnet"]["token"], "symbol": "OTHER"},
    "emit": {"kind": "fixed", "per_day": 2000.0},
    "epoch": 1.0,
    "reward": {"kind": "availability"},
    "providers": {"racks": {**RACKS, "count": 20}},
}


def two(changes: dict[str, Any] | None = None, **keywords: Any) -> Simulation:
    base = {
        "networks.othernet": OTHER,
        "networks.gridnet.providers.racks.switching": SWITCHING,
        "horizon": 60.0,
    }
    return Simulation(small(copy.deepcopy(base | (changes or {}))), **keywords)


def racks(sim: Simulation, network: str = "gridnet") -> Providers:
    population: Providers = sim.world.networks[network].populations["racks"]
    return population


def devices(sim: Simulation) -> int:
    """All devices of the two networks, wherever they are."""
    everywhere = [racks(sim), racks(sim, "othernet")]
    outside = sum(p.movers.outside for p in everywhere if p.movers)
    return sum(len(p.book.present) + p.coming for p in everywhere) + outside


# -- rules


def test_a_move_loses_the_delay_and_its_cost_over_the_horizon() -> None:
    """1 USD/h for 54 of 60 days, less 36 USD over 24 x 60 hours: 0.9 - 0.025."""
    assert choice.net_after_move([1.0], 6.0, 36.0, 60.0) == pytest.approx([0.875])
    assert choice.net_after_move([1.0], 60.0, 0.0, 60.0) == [-math.inf], "a move that cannot pay in time"


def test_places_share_the_comparing_by_a_logit() -> None:
    """Utils of 0, ln 2 and ln 5 have odds 1 : 2 : 5."""
    shares = choice.place_shares([1.0], [1.0 + math.log(2), 1.0 + math.log(5)], 1.0, 1.0)
    assert shares == pytest.approx(np.array([[1 / 8, 2 / 8, 5 / 8]]))
    assert choice.place_shares([1.0], [math.nan], 1.0, 1.0) == pytest.approx(np.array([[1.0, 0.0]]))


def test_option_thresholds_are_those_worked_out_by_hand() -> None:
    """sigma = 0.2, r = 0.04, mu = 0: b (b - 1) = 2, b1 = 2, b2 = -1: twice the full, half the running."""
    assert choice.option_thresholds(0.1, 2.0, 0.04, 0.2) == pytest.approx((0.05, 4.0))
    # sigma = 0.2, r = 0.08, mu = 0.02: b^2 / 50 = 0.08, b = 2 and -2: factors 2 and 2/3, (r - mu) / r = 3/4
    assert choice.option_thresholds(0.1, 2.0, 0.08, 0.2, 0.02) == pytest.approx((0.05, 3.0))


def test_without_uncertainty_the_band_runs_from_running_to_full_cost() -> None:
    assert choice.option_thresholds(0.1, 2.0, 0.15, 0.0) == (0.1, 2.0)
    assert choice.option_thresholds(0.1, 2.0, 0.15, 1e-4) == pytest.approx((0.1, 2.0), rel=1e-3)
    bands = [choice.option_thresholds(0.1, 2.0, 0.15, s) for s in (0.0, 0.3, 0.6, 1.2)]
    assert all(b[0] < a[0] and b[1] > a[1] for a, b in itertools.pairwise(bands))


# -- moves


def test_devices_go_where_they_net_more_and_none_is_lost() -> None:
    sim = two()
    for day in range(5, 61, 5):
        sim.run(day)
        assert devices(sim) == 70
    assert racks(sim).moved_out > 25
    assert racks(sim, "othernet").moved_in + racks(sim, "othernet").coming == racks(sim).moved_out
    assert racks(sim).exits == racks(sim, "othernet").entries == 0
    out = sim.result().outcomes
    assert out["othernet.providers.moved_in"] == racks(sim, "othernet").moved_in
    assert out["gridnet.providers.retention"] == racks(sim).count / 50


def test_nobody_moves_where_the_delay_eats_the_gain() -> None:
    sim = two({"networks.gridnet.providers.racks.switching.delay": 60.0})
    sim.run()
    assert racks(sim).moved_out == 0


def test_a_haircut_on_tokens_keeps_devices_at_home() -> None:
    moved = []
    for haircut in (0.0, 0.9, 1.0):
        changes = {
            "networks.othernet.providers.racks.token_haircut": haircut,
            "networks.gridnet.providers.racks.switching.sensitivity": 3.0,
            "demand.startups.jobs_per_day": 400.0,  # everybody is hired
        }
        sim = two(changes)
        sim.run(10)
        moved.append(racks(sim).moved_out)
    assert moved[0] > moved[1] > moved[2]


def test_devices_on_the_way_earn_nothing_until_the_delay_is_over() -> None:
    sim = two({"networks.gridnet.providers.racks.switching.delay": 5.0})
    first = 0
    while not racks(sim).moved_out:
        first += 1
        sim.run(first + 0.5)
    assert racks(sim, "othernet").coming == racks(sim).moved_out
    sim.run(first + 4.5)
    assert racks(sim, "othernet").moved_in == 0
    sim.run(first + 5.5)
    assert racks(sim, "othernet").moved_in > 0


def test_a_device_keeps_its_jurisdiction_where_the_destination_knows_it() -> None:
    sim = two({"networks.othernet.providers.racks.jurisdictions": {"south": 1.0, "east": 1.0}})
    sim.run(40)
    here, there = racks(sim), racks(sim, "othernet")
    gone = here.book.place[~here.book.alive]
    came = there.book.place[20:]
    south, east = there.jurisdictions.index("south"), there.jurisdictions.index("east")
    assert (came == south).sum() + there.coming >= (gone == here.jurisdictions.index("south")).sum() > 0
    assert (came == east).sum() > 0, "those from the north, which it does not know, are spread by weight"


def test_nobody_moves_to_a_place_where_nobody_may_work() -> None:
    shocks = [
        {"kind": "outage", "seller": "othernet", "at": "2026-01-01", "lasts": 60.0},
    ]
    sim = two({"shocks": shocks})
    sim.run(40)
    assert racks(sim).moved_out == 0


RENT = {
    "hardware.h100.rental_price": 3.0,
    "networks.gridnet.providers.racks.switching": {
        **SWITCHING,
        "destinations": [],
        "outside_use": 0.9,
    },
}


def test_devices_are_let_outside_while_that_pays_and_come_back() -> None:
    """Outside: (3 - 0.1) 0.9 = 2.61 USD/h, more than an ask of 2; at a rent of a half USD, less."""
    rent = {"kind": "points", "points": {"2026-01-29": 3.0, "2026-01-30": 0.5}}
    sim = Simulation(small(RENT | {"hardware.h100.rental_price": rent, "horizon": 60.0}))
    sim.run(28)
    movers = racks(sim).movers
    assert movers is not None
    away = movers.outside
    assert away > 20
    assert racks(sim).count + racks(sim).coming == 50 - away
    sim.run(60)
    assert movers.outside < away / 2
    assert len(racks(sim).book.present) + movers.outside + racks(sim).coming == 50


def test_moves_of_one_provider_do_not_depend_on_how_many_others_there_are() -> None:
    """Drawn by hazard alone, the same of the first thirty leave whether 50 or 40 are there."""
    flat = {**SWITCHING, "sensitivity": 0.0, "memory": 1.0}
    north = {"networks.gridnet.providers.racks.jurisdictions": {"north": 1.0}}
    gone = []
    for count in (50, 40):
        sim = two(
            {
                "networks.gridnet.providers.racks.switching": flat,
                "networks.gridnet.providers.racks.count": count,
                **north,
            }
        )
        sim.run(6)
        gone.append(np.flatnonzero(~racks(sim).book.alive[:30]).tolist())
    assert gone[0] == gone[1] != []


def test_a_world_with_moves_is_the_same_twice_and_branches() -> None:
    first, again = two(seed=3), two(seed=3)
    assert first.run(30).digests == again.run(30).digests
    (branch,) = first.branch(1, luck="same")
    assert branch.run(40).digests == first.run(40).digests


def test_devices_move_between_the_networks_of_the_compute_layer_and_none_is_lost() -> None:
    changes = {"horizon": "40 d", "warm_up": "0 d", "scale": 10}
    sim = Simulation(simdai.load("compute_layer", set=changes, overrides=("providers_move",)))
    networks = sim.world.networks
    linked = [networks["ionet"].populations["racks"], networks["render"].populations["enterprise.racks"]]
    before = sum(p.count for p in linked)
    sim.run()
    outside = sum(p.movers.outside for p in linked)
    now = sum(len(p.book.present) + p.coming for p in linked) + outside
    assert now == before + sum(p.entries - p.exits for p in linked)
    assert sum(p.moved_out for p in linked) > 0


@pytest.mark.parametrize(
    ("switching", "found"),
    [
        ({"destinations": ["othernet.rack"]}, "Did you mean 'othernet.racks'"),
        ({"destinations": ["gridnet.racks"]}, "this population"),
        ({"destinations": []}, "leads nowhere"),
        ({"destinations": ["othernet"]}, "should match pattern"),
        ({"outside_use": 0.5}, "has no rental_price"),
    ],
)
def test_moves_that_cannot_be_are_refused_when_the_scenario_is_read(
    switching: dict[str, Any], found: str
) -> None:
    with pytest.raises(ScenarioError, match=found):
        two({"networks.gridnet.providers.racks.switching": {**SWITCHING, **switching}})


# -- the band of sunk capital

# Post a price and keep everything hired: income is the price, running cost 0.1, full cost 1.1 USD/h.
BAND = {
    "networks.gridnet.pay.operator_fee": 0.0,
    "networks.gridnet.emit": {"kind": "none"},
    "networks.gridnet.reward": {"kind": "none"},
    "networks.gridnet.providers.racks.online": {"kind": "never"},
    "networks.gridnet.providers.racks.offline": None,
    "networks.gridnet.providers.racks.annual_return": 0.0,
    "clouds": {},
    "demand.startups.jobs_per_day": 400.0,
    "demand.startups.choice.price_sensitivity": 0.0,
    "horizon": 90.0,
    "record_every": 10.0,
}
SHARP = BEHAVIOUR | {"exit_sensitivity": 1000.0, "entry_ceiling": 0.01}


def banded(price: float, behaviour: dict[str, Any] = SHARP, **changes: Any) -> Providers:
    quote = {"kind": "posted", "usd_per_gpu_hour": price}
    posted = {"networks.gridnet.quote": quote, "networks.gridnet.providers.racks.behaviour": behaviour}
    sim = Simulation(small(BAND | posted | changes))
    sim.run()
    return racks(sim)


@pytest.mark.parametrize(
    ("price", "leave", "enter"),
    [(0.05, True, False), (0.15, False, False), (1.0, False, False), (1.3, False, True)],
)
def test_nobody_leaves_above_the_running_cost_nor_enters_below_the_full_cost(
    price: float, leave: bool, enter: bool
) -> None:
    population = banded(price)
    assert (population.exits > 0, population.entries > 0) == (leave, enter)


def test_uncertainty_makes_leavers_and_newcomers_wait() -> None:
    """At sigma = 0.2 and r = 0.04 the edges are 0.05 and more than 2.2 USD/h instead of 0.1 and 1.1."""
    risky = SHARP | {"income_volatility": 0.2}
    patient: dict[str, Any] = {"networks.gridnet.providers.racks.annual_return": 0.04}
    for price in (0.08, 1.9):
        population = banded(price, risky, **patient)
        assert population.exits == population.entries == 0
    assert banded(0.03, risky, **patient).exits > 0
    assert banded(2.8, risky, **patient).entries > 0


def test_dearer_hardware_stops_entry_and_cheaper_hardware_brings_it_back() -> None:
    """At 1.3 USD/h hardware pays at 1 USD/h, not at 2; the price of it goes up and down again."""
    path = {
        "kind": "points",
        "points": {"2026-01-01": 70128.0, "2026-02-10": 70128.0, "2026-02-11": 35064.0},
    }
    population = banded(1.3, **{"hardware.h100.capital_cost": path})
    world = population.world
    assert population.capital_cost == pytest.approx(1.0)
    newcomers = population.book.entered[population.book.bought > 0]
    assert len(newcomers) > 0
    assert newcomers.min() >= 41 + 5  # a lag of five days after the fall
    up = {"kind": "points", "points": {"2026-01-11": 35064.0, "2026-01-12": 70128.0}}
    population = banded(1.3, **{"hardware.h100.capital_cost": up})
    newcomers = population.book.entered[population.book.bought > 0]
    assert 0 < newcomers.max() <= 11 + 5 + 1
    assert world.horizon == 90.0


# -- mixtures

SPELLS = {"kind": "exponential", "mean": 0.25}


def test_two_populations_of_one_count_make_a_mixture() -> None:
    """A fifth of 100 hosts comes and goes at random, the rest by day: twenty and eighty of them."""
    random = {**RACKS, "count": 100, "share": 0.2}
    daily = {**random, "share": 0.8, "diurnal_amplitude": 0.9, "diurnal_peak": "3 h"}
    sim = Simulation(
        small(
            {
                "networks.gridnet.providers": {
                    "daily": {**daily, "online": SPELLS, "offline": SPELLS},
                    "steady": {**random, "online": SPELLS, "offline": SPELLS},
                },
                "record_every": 0.25,
            }
        )
    )
    populations = sim.world.networks["gridnet"].populations
    assert [p.count for p in populations.values()] == [80, 20]
    online: dict[str, list[list[int]]] = {name: [[], []] for name in populations}
    for day in range(1, 28):
        for n, hour in enumerate((3, 15)):
            sim.run(day + hour / 24)
            pools = sim.world.market.pools()
            for name, p in populations.items():
                online[name][n].append(sum(int(pools["idle"][k] + pools["busy"][k]) for k in p.pools))
    by_night, by_day = (np.mean(hours) for hours in online["daily"])
    assert by_night > 1.5 * by_day
    by_night, by_day = (np.mean(hours) for hours in online["steady"])
    assert by_night == pytest.approx(by_day, rel=0.15)
