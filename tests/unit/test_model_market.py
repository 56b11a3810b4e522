"""The market for models: shares, premiums, prices, hosts and their networks; and the scoreboard's records."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest

import simdai
from simdai.economy.index_record import Trend, records
from simdai.economy.scoreboard import rising
from simdai.errors import ScenarioError
from simdai.mechanisms.gaps import lag_days
from simdai.simulation import Simulation
from tests.worlds import SMALL

STILL = {
    "institutions.researchers": None,
    "institutions.models.tastes.sd": 0.0,
    "institutions.models.tastes.reversion": 0.0,
    "institutions.regulator.takedowns": {},
    "institutions.frontier.training.noise": 0.0,
}
NETWORK = {
    "hardware": SMALL["hardware"],
    "networks": SMALL["networks"],
    "demand.renters": {
        "kind": "segment",
        "jobs_per_day": 60.0,
        "sellers": ["gridnet"],
        "service": {"kind": "exponential", "mean": 0.5},
        "choice": {"reference_price": 2.5, "outside_share": 0.2, "price_sensitivity": 2.0},
    },
    "institutions.models.hosts.gridnet_models": {
        "price": 0.07,
        "risk": 1.0,
        "verification": 0.05,
        "network": "gridnet",
        "customers": ["renters"],
    },
    "demand.developer.revenue.gridnet_models": "1e6 USD/y",
    "demand.regulated.revenue.gridnet_models": "1e5 USD/y",
}


def run(changes: dict[str, Any], horizon: str = "40 d", base: dict[str, Any] | None = None) -> Simulation:
    base = STILL if base is None else base
    settings = {"horizon": horizon, "record_every": "10 d", **base, **changes}
    sim = Simulation(simdai.load("labs_race", set=settings), seed=1)
    sim.run()
    return sim


def share(sim: Simulation, segment: str, seller: str) -> np.ndarray:
    return sim.world.recorder.series_table()[f"{segment}.use_share.{seller}"][1]


def pinned(level: float = 0.0) -> dict[str, Any]:
    """Nobody releases or refreshes anything."""
    changes: dict[str, Any] = {f"labs.{lab}.release.refresh_gain": level for lab in LABS}
    changes |= {f"labs.{lab}.release.delay.median": "9000 d" for lab in LABS}
    return changes | {"labs.open_weights.releases_per_year": 0}


LABS = ("openai", "google", "anthropic", "meta")


def test_nothing_moves_where_neither_quality_nor_taste_does():
    sim = run(pinned())
    for name, column in sim.world.recorder.series_table().items():
        if ".use_share." in name:
            assert column[1][-1] == pytest.approx(column[1][0], rel=1e-9), name


def test_money_grows_with_the_wallets_where_shares_stand_still():
    sim = run(pinned())
    run_rate = sim.world.recorder.series_table()["openai.run_rate_usd"][1]
    assert run_rate[-1] / run_rate[0] == pytest.approx(math.exp(0.04 * 40 / 365.25), rel=2e-4)


def test_odds_of_use_grow_with_quality_as_the_weight_says():
    """After many adoption lags the odds against buying nothing have grown by exp(0.11 x points) and users."""
    plain = {"institutions.models.network_effect": 0.0, "institutions.models.adoption_lag": "1 d"}
    stop = pinned() | {"labs.openai.release.refresh_gain": 5.0, "labs.openai.release.refresh": "35 d"}
    stop |= {"labs.openai.release.refresh_sd": "0 d", "labs.openai.release.least_refresh": "35 d"}
    sim = run(plain | stop, horizon="60 d")
    gained = sim.world.labs["openai"].live_index - 153.75
    assert gained == 5.0
    rest = {
        s: 1.0 - sum(share(sim, "consumer", lab)[n] for lab in LABS) for s, n in (("then", 0), ("now", -1))
    }
    odds = share(sim, "consumer", "openai")[[0, -1]] / [rest["then"], rest["now"]]
    assert math.log(odds[1] / odds[0]) == pytest.approx(0.11 * gained, rel=1e-6)


def test_use_moves_with_the_adoption_lag():
    slow, fast = ({"institutions.models.adoption_lag": f"{days} d"} for days in (200, 5))
    better = {"labs.openai.release.refresh": "35 d", "labs.openai.release.refresh_sd": "0 d"}
    moved = [share(run(better | lag, horizon="60 d"), "consumer", "openai")[-1] for lag in (slow, fast)]
    assert moved[0] < moved[1]


def test_premiums_return_to_the_mean_of_the_anchors():
    sim = run(pinned() | {"institutions.models.tastes.reversion": "5 1/y"}, horizon="300 d")
    market = sim.world.institutions["models"]
    row = market._row["consumer"]
    spread = np.ptp(market.premium[row, [market._column[lab] for lab in ("openai", "google", "anthropic")]])
    start = run(pinned(), horizon="10 d").world.institutions["models"]
    before = np.ptp(start.premium[row, [start._column[lab] for lab in ("openai", "google", "anthropic")]])
    assert spread < 0.05 * before


def test_a_walk_of_tastes_moves_one_lab_and_leaves_the_luck_of_the_others():
    walk = {"institutions.models.tastes.sd": 0.6}
    less = {"labs.meta": None, "demand.consumer.revenue.meta": None}
    less |= {"institutions.regulator.bans": {"restricted": ["openai", "google", "anthropic"]}}

    def premiums(changes: dict[str, Any]) -> list[float]:
        market = run(pinned() | changes, horizon="20 d").world.institutions["models"]
        row = market._row["consumer"]
        return [float(market.premium[row, market._column[lab]]) for lab in ("openai", "google", "anthropic")]

    walked, alone = (np.subtract(premiums(walk | more), premiums(more)) for more in ({}, less))
    assert np.all(walked != 0.0) and walked == pytest.approx(alone)


def test_a_network_s_customers_want_as_much_more_as_its_host_sells():
    sim = run(NETWORK, horizon="60 d")
    market, renters = sim.world.institutions["models"], sim.world.demand["renters"]
    host = market.hosts["gridnet_models"]
    first = 1e6 / 0.07 + 1e5 / 0.07
    assert renters.level == pytest.approx(host._use / first)
    assert renters.level != 1.0
    assert "gridnet_models.sales_usd" not in sim.world.recorder.outcomes()  # jobs pay there, nobody else
    worth = sim.world.recorder.series_table()["gridnet_models.run_rate_usd"][1]
    assert worth[0] == pytest.approx(1.1e6, rel=0.05)
    sim.world.ledger.check()


def test_use_that_a_network_cannot_serve_goes_elsewhere():
    impatient = {"demand.renters.patience": {"kind": "exponential", "mean": 0.05}}
    crowded = NETWORK | impatient | {"demand.renters.jobs_per_day": 3000.0}
    full, free = (run(base, horizon="40 d") for base in (crowded, NETWORK | impatient))
    assert full.world.institutions["models"].hosts["gridnet_models"].served_share(1.0) < 0.7
    assert (
        share(full, "developer", "gridnet_models")[-1] < 0.5 * share(free, "developer", "gridnet_models")[-1]
    )


def test_without_the_loop_from_price_to_supply_nobody_comes_or_goes():
    cut = {"kind": "feedback_cut", "at": "2026-01-11", "loop": "price_to_supply"}
    sim = run(NETWORK | {"shocks": [cut]}, horizon="60 d")
    populations = sim.world.networks["gridnet"].populations.values()
    counts = sim.world.recorder.series_table()["gridnet.providers.count"][1]
    assert all(population.rigid for population in populations)
    assert np.ptp(counts[2:]) == 0.0


def test_a_host_s_price_follows_its_network_checks_and_confidential_serving():
    sim = run(NETWORK, horizon="20 d")
    host = sim.world.institutions["models"].hosts["gridnet_models"]
    assert host.price == pytest.approx(0.07 * host._last_price / host._first_price)
    cheap = host.price
    host.verification = 0.005
    assert host.price == pytest.approx(cheap * 0.95 / 0.995)
    shock = {"kind": "confidential_computing", "at": "2026-01-02", "loss": 0.07, "hosts": ["gridnet_models"]}
    private = run(NETWORK | {"shocks": [shock]}, horizon="20 d").world.institutions["models"]
    assert private.hosts["gridnet_models"].privacy == 1.0
    assert private.hosts["gridnet_models"].price == pytest.approx(cheap / 0.93, rel=0.02)


def test_free_confidential_computing_wins_most_where_privacy_weighs_most():
    shock = {"kind": "confidential_computing", "at": "2026-01-02", "loss": 0.0}
    plain, private = run({}, horizon="100 d"), run({"shocks": [shock]}, horizon="100 d")
    gain = {
        name: share(private, name, "open_on_cloud")[-1] / share(plain, name, "open_on_cloud")[-1]
        for name in ("developer", "enterprise", "regulated")
    }
    assert 1.0 < gain["developer"] < gain["enterprise"] < gain["regulated"]


def test_cheaper_checks_bring_use_to_the_networks():
    shock = {"kind": "verification_change", "at": "2026-01-02", "share": 0.005}
    plain, cheap = run(NETWORK, horizon="80 d"), run(NETWORK | {"shocks": [shock]}, horizon="80 d")
    name = ("developer", "gridnet_models")
    assert share(cheap, *name)[-1] > share(plain, *name)[-1]


def test_what_privacy_earns_is_the_use_that_it_draws_to_hosts():
    plain = pinned() | {"institutions.models.network_effect": 0.0, "institutions.models.adoption_lag": "1 d"}
    shock = {"kind": "confidential_computing", "at": "2026-01-02", "loss": 0.0}
    known, private = run(plain, horizon="60 d"), run(plain | {"shocks": [shock]}, horizon="60 d")
    worth = [
        sim.world.recorder.outcomes()["niche.privacy.revenue_premium_usd"][0] for sim in (known, private)
    ]
    sales = [
        sim.world.recorder.series_table()["open_on_cloud.run_rate_usd"][1][-1] for sim in (known, private)
    ]
    assert worth[0] == 0.0
    assert worth[1] == pytest.approx(sales[1] - sales[0], rel=1e-6)


def test_private_serving_pays_where_the_best_host_loses_less_than_privacy_is_worth():
    shock = {"kind": "confidential_computing", "at": "2026-01-02"}
    viable = [
        run({"shocks": [shock | {"loss": loss}]}).world.recorder.outcomes()["niche.privacy.viable_share"][0]
        for loss in (0.0, 0.99)
    ]
    assert viable == [1.0, 0.0]


def test_the_cost_niche_tells_what_a_network_saves():
    sim = run(NETWORK | {"clouds": SMALL["clouds"], "demand.renters.sellers": None}, horizon="40 d")
    outcomes = sim.world.recorder.outcomes()
    ratio = outcomes["niche.cost.unit_cost_ratio"][0]
    assert outcomes["niche.cost.savings_share"][0] == pytest.approx(1.0 - ratio)
    assert outcomes["niche.cost.savings_share_with_egress"][0] == pytest.approx(1.0 - ratio * 0.85)
    assert outcomes["gap.scale.compute_ratio"][0] > 1e4 and outcomes["gap.scale.capital_ratio"][0] > 1e3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"institutions.models.hosts.open_on_cloud.network": "nowhere"}, "unknown network 'nowhere'"),
        ({"institutions.models.hosts.open_on_cloud.customers": ["consumer"]}, "without a network"),
        ({"institutions.models.tastes.anchors": ["opnai"]}, "Did you mean 'openai'"),
        ({"institutions.models.hosts.openai": {"price": 1, "risk": 0}}, "a name of its own"),
    ],
)
def test_mistakes_are_told_with_their_place(changes, said):
    with pytest.raises(ScenarioError, match=said):
        simdai.load("labs_race", set=changes)


# -- the records of the scoreboard

TREND = Trend(
    since="2020-01-01",
    anchor=130.0,
    anchor_date="2024-06-20",
    bend="2024-04-01",
    slope_before="8.3 1/y",
    slope_after="15.5 1/y",
    closed_every="90 d",
    open_every="60 d",
    open_behind="91.3 d",
)


def test_the_line_bends_where_progress_sped_up():
    bend = datetime.date(2024, 4, 1)
    # 80 days from the bend to the anchor at 15.5 a year
    assert TREND.at(bend) == pytest.approx(130 - 15.5 * 80 / 365.25)
    assert TREND.at(datetime.date(2023, 4, 1)) == pytest.approx(TREND.at(bend) - 8.3 * 366 / 365.25)


def test_the_record_takes_the_line_until_its_first_real_release():
    scenario = simdai.load("labs_race")
    closed, open_, trained = records(scenario.institutions["scoreboard"].record, scenario.start)
    start = scenario.start.toordinal()
    real = datetime.date(2022, 3, 15).toordinal() - start
    assert next(index for day, index in closed if day >= real) == 108
    assert all((day - closed[0][0]) % 90 == 0 for day, _ in closed if day < real)
    assert closed[0][0] == datetime.date(2020, 1, 1).toordinal() - start
    assert trained[-1] == (-1.0, 114.6)
    assert open_[-1][1] == 145.9  # what came out after the start is not known yet


def test_lags_of_the_record_are_those_that_epoch_reports_on_the_average():
    """3 to 4 months over 2025 by the record of both sides (Epoch AI, open-closed-eci-gap, 2026-05-29)."""
    scenario = simdai.load("labs_race")
    closed, open_, _ = records(scenario.institutions["scoreboard"].record, scenario.start)
    lags = [lag_days(closed, open_, float(day)) for day in range(-365, 0)]
    assert 2.0 <= np.mean(lags) / 30.4375 <= 6.0


def test_only_releases_that_raise_the_best_stay_in_a_record():
    assert rising([(0.0, 1.0), (2.0, 0.5), (1.0, 3.0), (3.0, -math.inf), (4.0, 3.5)]) == [
        (0.0, 1.0),
        (1.0, 3.0),
        (4.0, 3.5),
    ]


def test_marks_that_were_reached_before_the_start_have_negative_days():
    outcomes = run({}).world.recorder.outcomes()
    reached = outcomes["gap.quality.served_reaches_gpt4_days"][0]
    first = datetime.date(2024, 7, 23) - datetime.date(2026, 1, 1)  # Llama 3.1 405B: 128.0 > 126.2
    assert reached == first.days
    assert math.isnan(outcomes["gap.quality.trained_reaches_gpt4_days"][0])


def test_hosting_in_several_places_outlives_hosting_in_one():
    outcomes = run({}).world.recorder.outcomes()
    for years in (1, 5):
        spread = outcomes[f"niche.censorship.survival_{years}y"][0]
        single = outcomes[f"niche.censorship.survival_{years}y_closed"][0]
        assert single == pytest.approx(math.exp(-0.05 * years))
        assert spread > single


def test_a_coarser_step_gives_nearly_the_same_market():
    daily, weekly = (run({"institutions.models.step": step}, horizon="140 d") for step in (1, 7))
    for name in ("openai.run_rate_usd", "open_on_cloud.sales_usd", "developer.use_share.open_on_cloud"):
        a, b = (sim.world.recorder.outcomes()[name][0] for sim in (daily, weekly))
        assert b == pytest.approx(a, rel=0.1)
