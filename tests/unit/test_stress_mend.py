"""Designs planted weak and strong under the search; what levers do to break-points, and where they tip."""

from __future__ import annotations

import math
from typing import Any

import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.experiments.stress import Battery, Challenge, Mended, break_point, load_battery, mend, tipping
from simdai.experiments.stress.mend import front
from simdai.registry import FrozenMapping
from simdai.schema import Scenario
from tests.worlds import small

pytest.importorskip("optuna")

STANDARD = load_battery()
CAP = "networks.gridnet.reward.usd_per_usd"
EMIT = "networks.gridnet.emit.per_day"


def battery(*names: str, horizon: float = 14.0) -> Battery:
    """Stresses of the standard battery, soon and short."""
    chosen = {name: STANDARD.stresses[name].model_copy(update={"after": 0.0}) for name in names}
    return STANDARD.model_copy(update={"horizon": horizon, "stresses": FrozenMapping(chosen)})


def design(**changes: Any) -> Scenario:
    """A tenth of each payment is lost to a provider that buys its own work; it is rewarded for that work."""
    paths = {path.replace("__", "."): value for path, value in changes.items()}
    return small({"horizon": "15 d", "record_every": 7.0, EMIT: 3000.0} | paths)


def capped(usd_per_usd: float, **changes: Any) -> Scenario:
    """Rewards are worth at most so many USD for each USD of work."""
    return design(networks__gridnet__reward={"kind": "capped_by_fees", "usd_per_usd": usd_per_usd}, **changes)


DEALING = battery("self_dealing")


def test_a_weak_design_without_checks_and_with_uncapped_rewards_is_broken_within_200_evaluations():
    found = break_point(
        Challenge(design(), "self_dealing", battery=DEALING), budget=100, replications=2, fresh=3
    )
    assert found.verdict == "broken" and found.n_runs <= 200
    assert found.cost_unit == "USD" and 0 < found.cost_to_break < 1e5
    phantoms = break_point(
        Challenge(
            design(networks__gridnet__reward={"kind": "availability", "idle_only": False}),
            "phantom_providers",
            battery=battery("phantom_providers"),
        ),
        budget=100,
        replications=2,
        fresh=3,
    )
    assert phantoms.verdict == "broken" and phantoms.n_runs <= 200


def test_a_strong_design_is_not_broken_within_the_budget_and_never_called_safe():
    found = break_point(
        Challenge(capped(0.05), "self_dealing", battery=DEALING), budget=20, replications=2, fresh=2
    )
    assert found.verdict == "not broken within budget" and found.cost_to_break == math.inf
    assert "not broken within the budget" in str(found) and "safe" not in str(found)


def test_the_scenario_of_a_break_replays_it(tmp_path):
    found = break_point(
        Challenge(design(), "self_dealing", battery=DEALING), budget=20, replications=2, fresh=2
    )
    replayed = simdai.load(found.save(tmp_path / "break.yaml"))
    profit = simdai.run(replayed, seed=1, replications=2).intervals()["gridnet.self_dealing.profit_usd"]
    assert profit.mean > 0


def test_two_stresses_at_once_are_searched_with_their_dates():
    both = battery("demand_drought", "price_crash_fast")
    found = break_point(
        Challenge(
            design(),
            ["demand_drought", "price_crash_fast"],
            battery=both,
            prop="service >= 0.5",
            between=(0.0, 6.0),
        ),
        budget=24,
        replications=1,
        fresh=1,
    )
    assert set(found.factors) == {
        "demand_drought.factor",
        "demand_drought.date",
        "price_crash_fast.belief",
        "price_crash_fast.drop",
        "price_crash_fast.date",
    }
    assert found.verdict == "broken" and found.cost == "severity" and 0.0 < found.cost_to_break < 1.0
    assert found.scenario.horizon == 15.0 + 6.0


def test_a_measure_is_searched_against_the_unstressed_run_of_the_same_luck():
    """Demand times f for the whole run leaves the share f of the jobs: service 0.8 breaks at f = 0.8."""
    drought = battery("demand_drought")
    found = break_point(
        Challenge(design(), "demand_drought", battery=drought, prop="service >= 0.8"),
        budget=20,
        replications=2,
        fresh=3,
    )
    wanted = found.levels()["factor"]
    assert wanted == pytest.approx(0.8, abs=0.12)


def test_a_cap_tips_where_it_pays_back_the_tenth_that_self_dealing_loses():
    table = tipping(
        Challenge(capped(0.05), "self_dealing", battery=DEALING, at="mild"), CAP, (0.02, 0.4), replications=2
    )
    row = table.iloc[0]
    assert (row["lever"], row["stress"], row["severity"]) == (CAP, "self_dealing", "mild")
    assert row["level"] == pytest.approx(0.1, abs=0.012)
    assert row["low"] <= row["level"] <= row["high"] and row["rising"]


def test_levers_move_break_points_and_nothing_on_the_front_is_beaten():
    mended = mend(
        capped(0.3),
        {CAP: (0.05, 0.5), EMIT: (100.0, 3000.0)},
        ["self_dealing"],
        battery=DEALING,
        budget=8,
        replications=1,
        fresh=1,
        mixtures=1,
    )
    assert [one.moved for one in mended.tried] == ["", EMIT, EMIT, CAP, CAP, ""]
    moves = mended.moves.set_index("lever")
    assert moves.loc[CAP, "low"] == math.inf, "a cap of half of what is lost ends it"
    assert moves.loc[CAP, "as it is"] < math.inf and moves.loc[CAP, "unit"] == "USD"
    assert mended.tried[0].levers == {CAP: 0.3, EMIT: 3000.0}
    assert mended.tried[1].dilution < mended.tried[2].dilution
    assert mended.table["best"].any() and not mended.table["best"].all()
    assert Mended.from_json(mended.to_json()) == mended


def test_the_front_holds_what_nothing_else_beats():
    assert front([[1, 1], [2, 0], [0, 2], [1, 0], [math.nan, 3]]).tolist() == [True, True, True, False, True]
    assert front([[math.inf, 1], [math.inf, 2]]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"levers": {}}, "at least one lever"),
        ({"levers": {"networks.gridnet.emit.per_dya": (1.0, 2.0)}}, "per_dya"),
        ({"stresses": ["self_deling"]}, "self_dealing"),
    ],
)
def test_what_cannot_be_mended_is_refused(change, said):
    asked = {"levers": {EMIT: (1.0, 2.0)}, "stresses": ["self_dealing"]} | change
    with pytest.raises(ScenarioError, match=said):
        mend(design(), **asked, battery=DEALING, budget=4, replications=1, fresh=1, mixtures=0)
