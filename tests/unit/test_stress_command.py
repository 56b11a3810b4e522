"""``simdai stress`` end to end: a scorecard, a search, levers, two designs, and the report of it all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

import simdai
from simdai.cli import app, run_app
from tests.worlds import small

pytest.importorskip("optuna")

BATTERY = """
severities: [mild, hard]
replications: 1
horizon: 14 d
stresses:
  self_dealing: {shock: self_dealing, about: own work, after: 0 d, levels: {budget: [1000 USD, 5000 USD]}}
  drought: {shock: demand_step, about: customers stay away, after: 0 d, levels: {factor: [0.9, 0.2]}}
verdicts: {attack_profit: {broke_above: 0}, service: {bent_below: 0.95, broke_below: 0.5}}
"""
CAP = "networks.gridnet.reward.usd_per_usd"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A design whose rewards exceed what self-dealing loses, and a battery for it."""
    path = tmp_path_factory.mktemp("designs")
    reward = {"kind": "capped_by_fees", "usd_per_usd": 0.3}
    changes = {"horizon": "15 d", "record_every": 7.0, "networks.gridnet.emit.per_day": 3000.0}
    design = small({**changes, "networks.gridnet.reward": reward})
    (path / "weak.yaml").write_text(yaml.safe_dump(json.loads(design.canonical)))
    (path / "battery.yaml").write_text(BATTERY)
    return path


@pytest.fixture
def stress(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(
            app, ["stress", "./weak.yaml", "--battery", "./battery.yaml", "--workers", "1", *words]
        )

    return invoke


def test_search_and_levers_stand_in_the_report_of_the_battery(stress, folder):
    found = stress("--search", "self_dealing", "--budget", "6", "--replications", "1", "--save", "break.yaml")
    assert found.exit_code == 0, found.output
    assert "broken at gridnet.self_dealing.spent_usd" in found.stdout
    assert simdai.load("./break.yaml").shocks[0].kind == "self_dealing"
    levers = ("--lever", f"{CAP}=0.05..0.5", "--at", "mild", "--budget", "6", "--replications", "1")
    moved = stress("--mend", "self_dealing", *levers)
    assert moved.exit_code == 0, moved.output
    assert "where levers tip" in moved.stdout and "not broken" in moved.stdout
    card = stress()
    assert card.exit_code == 0, card.output
    text = (folder / "results" / "stress_weak" / "report.html").read_text()
    for said in (
        "What breaks it, at what cost",
        "What mends it",
        "tips at",
        "simdai stress ./weak.yaml --battery",
    ):
        assert said in text, said


def test_only_some_stresses_are_laid_on_and_the_property_may_be_stated(stress):
    card = stress("--only", "drought", "--json", "--out", "only")
    assert set(json.loads(card.stdout)["grades"]) == {"drought"}
    stated = ("--property", "service >= 0.6")
    found = stress("--search", "drought", *stated, "--budget", "8", "--replications", "1", "--json")
    told = json.loads(found.stdout[found.stdout.index("{") :])
    assert told["property"] == "service >= 0.6" and told["cost"] == "severity" and told["cost_to_break"] > 0
    assert 0.2 < told["levels"]["factor"] < 0.75


def test_two_designs_are_compared_stress_by_stress(stress, folder):
    strong = yaml.safe_load((folder / "weak.yaml").read_text())
    strong["networks"]["gridnet"]["reward"]["usd_per_usd"] = 0.05
    (folder / "strong.yaml").write_text(yaml.safe_dump(strong))
    words = ["stress", "--compare", "./weak.yaml", "./strong.yaml", "--battery", "./battery.yaml"]
    done = CliRunner().invoke(app, [*words, "--only", "self_dealing", "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert "graded differently: 2" in done.stdout and "broke attack_profit" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--search", "drought", "--vary", "nonsense"], "--vary a.b=LOW..HIGH"),
        (["--search", "drought", "--between", "9"], "--between 10..90"),
        (["--search", "drought", "--at", "hrad"], "hard"),
        (["--search", "drought", "--property", "service > 3"], "OUTCOME >= NUMBER"),
        (["--search", "drought", "--mend", "drought"], "not both"),
        (["--mend", "drought"], "at least one lever"),
        (["--only", "drouht"], "drought"),
        (["--horizon", "0 d"], "more than zero"),
    ],
)
def test_what_cannot_be_asked_is_told(folder, monkeypatch, capsys, words, said):
    monkeypatch.chdir(folder)
    assert run_app(["stress", "./weak.yaml", "--battery", "./battery.yaml", "--workers", "1", *words]) == 2
    assert said in capsys.readouterr().err
