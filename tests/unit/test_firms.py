"""Businesses that enter and leave, and sums that are reported."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from simdai.economy.firms import Firms, Turnover
from simdai.economy.tallies import Tallies
from simdai.engine import Recorder, Streams

RULES = {
    "memory": 10.0,
    "exit_hazard": 0.05,
    "exit_sensitivity": 3.0,
    "entry_threshold": 1.0,
    "entry_speed": 0.1,
    "entry_ceiling": 0.2,
}


class SmallWorld:
    """What firms and tallies ask of a world."""

    def __init__(self) -> None:
        self.env = SimpleNamespace(now=0.0)
        self.recorder = Recorder(lambda: self.env.now)
        self.streams = Streams(1)
        self.window = []

    def entity(self, *name):
        return self.streams.entity(*name)

    def at_window(self, function):
        self.window.append(function)


def firms(n: int, world: SmallWorld | None = None, step: float = 1.0, **rules: float) -> Firms:
    made = Firms(Turnover(**RULES | rules), world or SmallWorld(), "shops", step)
    made.add(n)
    return made


def live(shops: Firms, income: float, days: int) -> Firms:
    for day in range(days):
        shops.world.env.now = float(day)
        shops.earn(np.full(len(shops), income), 1.0, 3.0)
        shops.leave()
    return shops


def test_poor_businesses_leave_sooner_than_rich_ones():
    assert live(firms(200), 0.5, 60).count < live(firms(200), 3.0, 60).count


def test_without_a_hazard_nobody_leaves():
    assert live(firms(50, exit_hazard=0.0), 0.0, 100).count == 50


def test_those_who_stay_do_whatever_they_earn():
    shops = firms(20)
    shops.stays[:5] = True
    assert live(shops, -50.0, 200).alive.nonzero()[0].tolist() == [0, 1, 2, 3, 4]


def test_entrants_come_only_above_the_threshold_and_not_faster_than_the_ceiling():
    shops = firms(100)
    shops.margin[:] = 1.0
    assert shops.entrants() == 0
    shops.margin[:] = 50.0
    assert shops.entrants() in (20, 21)


def test_one_more_business_changes_nobody_elses_luck():
    few, more = live(firms(30), 0.9, 80), live(firms(31), 0.9, 80)
    assert np.array_equal(few.alive, more.alive[:30])


def test_weekly_steps_keep_as_many_as_daily_ones():
    daily, weekly = firms(4000), firms(4000, step=7.0)
    daily.margin[:] = weekly.margin[:] = 0.0  # what income equal to the running cost tends to
    live(daily, 1.0, 28)
    for week in range(4):
        weekly.world.env.now = 7.0 * week
        weekly.earn(np.full(4000, 7.0), 7.0, 21.0)
        weekly.leave()
    expected = 4000 * math.exp(-0.05 * 28)
    assert daily.count == pytest.approx(expected, rel=0.06)
    assert weekly.count == pytest.approx(expected, rel=0.06)


def test_sales_are_counted_by_owner_after_the_warm_up():
    world = SmallWorld()
    shops = Firms(Turnover(**RULES), world, "shops")
    shops.add(4, per_owner=2)
    shops.report()
    shops.earn(np.array([100.0, 0.0, 0.0, 0.0]), 1.0, 3.0)
    for start in world.window:
        start()
    shops.earn(np.array([1.0, 1.0, 2.0, 0.0]), 1.0, 3.0)
    outcomes = world.recorder.outcomes()
    assert outcomes["shops.gini"][0] == pytest.approx(0.0)  # two of each owner
    assert outcomes["shops.nakamoto"][0] == 2.0
    shops.alive[0] = False
    assert world.recorder.outcomes()["shops.retention"][0] == 0.75


def test_a_tally_reports_the_interval_and_what_came_after_the_warm_up():
    world = SmallWorld()
    tallies = Tallies(world, "shop")
    tallies.report("sales", "USD")
    tallies.report("gifts", "USD")
    tallies.report_ratio("share", "gifts", "sales")
    world.recorder.record()
    tallies.add("sales", 4.0)
    tallies.add("gifts", 1.0)
    world.recorder.record()
    for start in world.window:
        start()
    tallies.add("sales", 2.0)
    tallies.add("gifts", 1.0)
    world.recorder.record()
    series = {name: column.tolist() for name, (_, column) in world.recorder.series_table().items()}
    assert {name: column[1:] for name, column in series.items()} == {
        **{"shop.sales": [4.0, 2.0], "shop.gifts": [1.0, 1.0], "shop.share": [0.25, 0.5]}
    }
    assert {name: value for name, (value, _) in world.recorder.outcomes().items()} == {
        "shop.sales": 2.0,
        "shop.gifts": 1.0,
        "shop.share": 0.5,
    }


def test_a_share_of_nothing_is_not_known():
    world = SmallWorld()
    Tallies(world, "shop").report_ratio("share", "gifts", "sales")
    assert math.isnan(world.recorder.outcomes()["shop.share"][0])
