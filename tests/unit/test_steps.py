"""Coarse steps of customers, providers and settlements: fewer looks at the same world."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.ionet_payouts import IncentiveEngine
from simdai.simulation import Simulation
from tests.unit.test_akash import network as akash
from tests.unit.test_ionet import ENGINE, SPELLS, ionet
from tests.worlds import small


def test_customers_move_their_shares_at_their_own_step_alone() -> None:
    sim = Simulation(small({"demand.startups.step": "3 d"}))
    choice = sim.world.demand["startups"].choice
    sim.run(2.5)
    opening = choice.shares
    sim.run(3.5)
    assert choice.shares is not opening
    after, over = choice.shares, sim.world.compute.seen(3.0)
    assert over.days == 3.0
    sim.run(5.5)
    assert choice.shares is after and sim.world.compute.seen(3.0) is over
    assert sim.world.compute.seen().days == 1.0, "the network still looks daily"


@pytest.mark.parametrize("one_in", [1, 24, 48])
def test_io_nets_steady_devices_earn_the_same_however_coarse_the_looks(one_in: int) -> None:
    """Ten devices that are always there and never hired share every block alike."""
    idle = {"demand.startups.jobs_per_day": 0.0}
    _, fine = ionet(until=6.5, **idle)
    _, coarse = ionet({"step": "2 d", "one_hour_in": one_in}, until=6.5, **idle)
    ledger, other = fine.world.ledger, coarse.world.ledger
    assert coarse.settlement.unreleased == pytest.approx(fine.settlement.unreleased, abs=2)
    for population in ("racks", "homes"):
        paid = [book.balance("IO", f"ionet.providers.{population}[3]") for book in (ledger, other)]
        assert paid[1] == pytest.approx(paid[0], abs=20) and paid[0] > 0


def test_one_hour_in_so_many_finds_as_many_devices_at_work_as_every_hour() -> None:
    """Spells of two days online and 4.8 hours offline: within four standard errors of the difference."""
    spells = {f"providers.racks.{law}": value for law, value in SPELLS.items()}
    spells["providers.racks.count"] = 200
    idle = {"demand.startups.jobs_per_day": 0.0, "horizon": 40.0}
    _, fine = ionet(spells, until=39.5, **idle)
    _, coarse = ionet(spells | {"step": "3 d", "one_hour_in": 36}, until=39.5, **idle)
    share = [net.settlement.reward_hours["racks"] / (200 * 39 * 24) for net in (fine, coarse)]
    error = np.sqrt(share[0] * (1 - share[0]) / (200 * 39 * 24 / 36))
    assert share[1] == pytest.approx(share[0], abs=4 * error)
    assert error < 0.01 and 0.5 < share[0] < 0.95


def test_the_engine_settles_a_week_as_seven_days() -> None:
    """The IO last three days and a half; then the return falls from day to day."""
    engine = IncentiveEngine(**{k: v for k, v in ENGINE.items() if k != "kind"})
    vault, fees, roi, sums = 350.0, 0.0, 1.0, dict.fromkeys(("tokens", "usd", "short"), 0.0)
    for _ in range(7):
        day = engine.step(vault, fees, 100.0 * roi, 30.0, 0.7, roi)
        vault, fees, roi = day["reward_vault"], day["fee_vault"], day["roi"]
        for name in sums:
            sums[name] += day[name]
    week = engine.steps(7, 350.0, 0.0, 700.0, 210.0, 0.7, 1.0, np.inf)
    assert {name: week[name] for name in sums} == pytest.approx(sums)
    assert week["roi"] == pytest.approx(roi) and roi < 0.4
    assert week["vault"] == pytest.approx(vault, abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"step": "1.5 d"}, "no whole number of days"),
        ({"step": "2 d", "one_hour_in": 36}, "does not divide the hours of a step"),
        ({"one_hour_in": 0}, "one_hour_in"),
    ],
)
def test_steps_that_do_not_fit_are_refused(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(ScenarioError, match=found):
        ionet(changes, until=0.5)


def test_providers_who_look_weekly_at_daily_pay_see_the_income_of_those_who_look_daily() -> None:
    """Means of what is seen at every look, without memory, of the pay of the same four weeks."""
    means = []
    for step, looks in ((1, range(9, 37)), (7, (15, 22, 29, 36))):
        sim, net = akash({"step": float(step)}, until=8.5, **{"horizon": 50.0})
        racks, seen = net.populations["racks"], []
        for day in looks:
            sim.run(day + 0.5)
            seen.append(float(racks.book.income[racks.book.present].mean()))
        means.append(sum(seen) / len(seen))
    assert means[0] > 0.0
    assert means[1] == pytest.approx(means[0], rel=0.1)


@pytest.mark.slow
def test_a_hundredth_of_akash_sells_in_proportion() -> None:
    """Two GPUs stand for two hundred: on average over the luck of three years within a factor of two."""
    sold = []
    for scale, overrides in ((8, ()), (100, ("compute_layer_coarse",))):
        scenario = simdai.load("compute_layer", overrides=overrides, set={"scale": scale, "horizon": "365 d"})
        years = simdai.run(scenario, replications=3).outcomes.set_index("outcome")["mean"]
        sold.append(years["akash.revenue_usd"])
    assert 0.5 < sold[1] / sold[0] < 2.0
