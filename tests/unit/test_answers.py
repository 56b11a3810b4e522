"""Tables that answer the library's studies: what they hold, and whether they say what the equations imply."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from made_studies import Formula, asked, made

from simdai import load, run
from simdai.errors import ScenarioError
from simdai.experiments.answers import answer, read_answer, table_text
from simdai.experiments.reference_table import read_table
from simdai.experiments.shared_luck import WANTED, luck_table

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"


def moves(table, outcome: str):
    """Each factor's differences from the middle at its two ends, the factor that moves most first."""
    rows = table[table["outcome"] == outcome]
    pairs = {factor: list(group["difference"]) for factor, group in rows.groupby("factor", sort=False)}
    return dict(sorted(pairs.items(), key=lambda item: -max(map(abs, item[1]))))


@pytest.fixture(scope="module")
def drivers():
    return read_answer(REFERENCE / "gap_drivers.csv")


def test_the_answer_of_a_screening_ranks_the_factors_for_each_outcome():
    study = made(asked(design={"kind": "morris", "trajectories": 4}), Formula("a - 10 * b"))
    table = answer(study)
    assert list(table.columns[:3]) == ["outcome", "analysis", "factor"]
    ranked = table[table["outcome"] == "y"]
    assert list(ranked["factor"]) == ["b", "a"] and list(ranked["mu"]) == pytest.approx([-10.0, 1.0])
    assert list(table[table["outcome"] == "z"]["factor"]) == ["b", "a"]


def test_the_answer_of_a_study_that_looks_for_conditions_holds_boxes_and_leaves():
    pytest.importorskip("ema_workbench")
    design = {"kind": "latin_hypercube", "points": 120}
    study = made(asked(design=design, discover={"y": {"above": 1.5}, "z": {"below": -9}}), "a")
    table = answer(study).set_index("outcome")
    for analysis in ("prim", "cart"):
        rows = table.loc[["y > 1.5"]]
        found = rows[(rows["analysis"] == analysis) & (rows["box"] == 0)].set_index("factor")
        assert list(found.index) == ["a"] and found.loc["a", "low"] == pytest.approx(1.5, abs=0.05)
    assert set(table.loc[["z < -9"], "factor"].str.contains("z < -9 at none of the points")) == {True}


def test_the_answer_of_a_grid_is_the_mean_at_every_point():
    table = answer(made(asked(replications=2), "a + b"))
    assert list(table.query("outcome == 'y'")["mean"]) == pytest.approx([2.0, 3.0, 3.0, 4.0])


def test_a_table_says_how_to_make_it_again_and_can_be_read(tmp_path: Path):
    study = made(asked(question="is a < b?"), "a")
    file = tmp_path / "table.csv"
    file.write_text(table_text(study))
    assert file.read_text().startswith("# python -m simdai.experiments.answers ")
    assert list(read_answer(file)["mean"]) == pytest.approx(list(answer(study)["mean"]), rel=1e-3)


@pytest.mark.parametrize(
    ("discover", "said"),
    [
        ({"y": {}}, "one of above and below is needed"),
        ({"y": {"above": 1, "below": 2}}, "one of above and below is needed"),
        ({"yy": {"above": 1}}, "'yy' is not kept"),
    ],
)
def test_what_is_looked_for_must_be_one_side_of_an_outcome_that_is_kept(discover, said):
    with pytest.raises(ScenarioError, match=said):
        asked(discover=discover)


# What the equations imply, against the tables in results/reference
def effects(table, outcome: str):
    """Elementary effects on an outcome by factor, the largest first."""
    return table[table["outcome"] == outcome].set_index("factor")


@pytest.mark.parametrize(
    ("outcome", "factor", "sign"),
    [
        ("gap.quality.served_lag_days", "open_weights_delay", 1),  # the delay plus the wait for a release
        ("gap.scale.largest_run_ratio", "volunteers_budget", -1),  # an open run's compute is bought with it
        ("gap.talent.effective_labour_ratio", "open_project_budget", -1),  # and people with this
    ],
)
def test_each_gap_is_driven_by_what_its_equation_says(drivers, outcome: str, factor: str, sign: int):
    found = effects(drivers, outcome)
    first, third = found.iloc[0], found.iloc[2]
    assert found.index[0] == factor and sign * first["mu"] > 0
    assert first["low"] > third["mu_star"] and first["n"] == 10


def test_the_gap_in_deciding_is_a_ratio_of_votes_and_labs_and_what_drives_it_acts_together(drivers):
    """r = vote / lab: a range of 28 days in the forum counts for 28 / 10 at least, where no vote is repeated.

    Where few vote the quorum is missed and all begins again, so that turnout matters at its low end alone.
    """
    found = effects(drivers, "gap.speed.decision_ratio")
    three, fourth = found.iloc[:3], found.iloc[3]
    assert set(three.index) == {"volunteers_turnout", "lab_decision", "volunteers_deliberation"}
    assert (three["low"] > fourth["high"]).all()
    assert three.loc["volunteers_deliberation", "mu"] > 28 / 10
    assert three.loc["lab_decision", "mu"] < 0 > three.loc["volunteers_turnout", "mu"]
    assert (three["sigma"] > 0.5 * three["mu_star"]).all()
    assert three.loc["volunteers_turnout", "sigma"] > three.loc["volunteers_turnout", "mu_star"]


def test_emission_and_fees_dilute_holders_and_emission_is_what_pays_providers():
    table = read_answer(REFERENCE / "token_design.csv")
    issued, margin = (moves(table, f"worknet.{name}") for name in ("token.net_issuance", "providers.margin"))
    assert issued["emission"][0] < 0 < issued["emission"][1]
    assert issued["fee"][0] < 0 < issued["fee"][1]  # what the operator keeps is not burned
    assert issued["pay"][0] > 0  # payments that burn nothing
    assert margin["emission"][0] < 0 < margin["emission"][1]


def test_emission_draws_newcomers_who_take_the_work_of_those_who_were_there():
    """Why more of it keeps fewer although it pays: a device is used half as much; without entry all stay."""
    table = read_answer(REFERENCE / "token_design.csv")
    found = {
        what: moves(table, f"worknet.{what}")
        for what in ("providers.count", "utilisation", "providers.margin", "providers.retention")
    }
    few, many = (found["providers.count"]["emission"][n] for n in (0, 1))
    assert few < 0 and many > 100  # beside 80 in the middle
    assert found["utilisation"]["emission"][1] < -0.2 < 0 < found["providers.margin"]["emission"][1]
    assert found["providers.retention"]["emission"][1] < 0 < found["providers.retention"]["entry"][0]


def test_where_nobody_enters_more_emission_keeps_more_providers():
    closed = load("designs/work_token", set={"networks.worknet.providers.racks.behaviour.entry_speed": 0})
    kept = [
        run(closed.with_changes({"networks.worknet.emit.per_day": per_day}), seed=1)
        .intervals()["worknet.providers.retention"]
        .mean
        for per_day in (1500, 6000, 24000)
    ]
    assert kept[0] < 0.8 and kept[0] + 0.15 < kept[1] <= kept[2]


def test_faster_links_and_smaller_updates_make_better_models_and_shorter_rounds():
    table = read_answer(REFERENCE / "bandwidth_frontier.csv")
    for outcome, sign in (("index", 1), ("round_minutes", -1)):
        grid = table[table["outcome"] == f"commons_run.{outcome}"].pivot(
            index="links", columns="density", values="mean"
        )
        assert (sign * grid.diff().iloc[1:] > 0).all(axis=None)  # links ten times as fast
        assert (sign * grid.T.diff().iloc[1:] < 0).all(axis=None)  # eight times as much to send


def test_the_boxes_of_the_niches_are_those_that_the_formulas_imply():
    table = read_answer(REFERENCE / "where_decentralized_wins.csv")
    box = table[(table["analysis"] == "prim") & (table["box"] == 0)].set_index(["outcome", "factor"])
    shared = box.loc[("niche.censorship.survival_5y > 0.9", "shared_failure")]
    assert shared["high"] < -math.log(0.9) / 5  # survival is exp(-5 h) at most, h of what all hosts share
    cheap = box.loc["niche.cost.unit_cost_ratio < 0.6"]  # the dearer the cloud, and nothing else matters
    assert (
        list(cheap.index) == ["cloud_price"] and 2.5 < cheap["low"].iloc[0] < 4 and cheap["p"].iloc[0] < 0.01
    )
    assert cheap["high"].iloc[0] > 6.9 and cheap["coverage"].iloc[0] > 0.9 and cheap["density"].iloc[0] > 0.8
    privacy = "niche.privacy.viable_share > 0.5"  # exp(taste / 1.11) > 1 / (1 - cost)
    assert box.loc[(privacy, "privacy_cost"), "high"] < 0.4 and box.loc[(privacy, "privacy_taste"), "low"] > 0


# Common random numbers on the four gaps
def test_single_changes_share_their_luck_or_a_cause_is_given():
    rows = read_table((REFERENCE / "shared_luck.csv").read_text())
    assert {row["outcome"].split(".")[1] for row in rows} == {"scale", "talent", "speed", "quality"}
    assert [row for row in rows if not float(row["ratio"]) <= WANTED and not row["cause"]] == []


def test_a_change_on_the_open_side_shares_its_luck_with_the_labs():
    row = {
        "change": "training.commons_run.budget.usd=7.2e6 USD/y",
        "outcome": "gap.quality.served_points",
        "cause": "",
    }
    (found,) = luck_table([row], replications=3, days=120.0)
    assert float(found["ratio"]) <= WANTED
