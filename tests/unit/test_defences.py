"""Tables of attacks with and without the defence: how they are made, and what those committed say."""

from __future__ import annotations

from pathlib import Path

import pytest

from simdai.experiments.defences import COLUMNS, defence_table, remake, table_text
from simdai.experiments.reference_table import read_table
from simdai.schema import load

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
TABLES = {path.stem: read_table(path.read_text()) for path in sorted(REFERENCE.glob("attacks_*.csv"))}
ROWS = [row for table in TABLES.values() for row in table]
TAKEN = ("profit_usd", "captured_share", "relative_yield", "multiple", "paid_share", "treasury_loss_usd")
"""Ends of outcomes that a defence lowers."""

SHORT = {
    "attack": "death_spiral",
    "change": "networks.bitcoin.difficulty.period=144; horizon=60 d",
    "defended": "changed",
    "outcome": "bitcoin.longest_period_days",
}


@pytest.fixture(scope="module")
def made() -> list[dict[str, str]]:
    return defence_table([SHORT], replications=2)


def test_a_table_tells_both_and_their_paired_difference(made):
    (row,) = made
    assert {key: row[key] for key in SHORT} == SHORT
    assert row["n"] == "2" and list(row) == list(COLUMNS)
    assert float(row["changed"]) < 3.0 < float(row["shipped"])
    assert float(row["difference"]) == pytest.approx(float(row["changed"]) - float(row["shipped"]), rel=1e-3)
    assert float(row["low"]) < float(row["shipped"]) < float(row["high"])


def test_a_table_is_read_as_it_was_written_and_says_how_to_make_it(made, tmp_path):
    text = table_text(made, "table.csv")
    assert text.startswith("# python -m simdai.experiments.defences table.csv\n")
    assert read_table(text) == made


def test_rows_of_other_attacks_stay_as_they_are(made, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(table_text(made, str(path)))
    remake(str(path), ["no_such_attack"])
    assert read_table(path.read_text()) == made


@pytest.mark.parametrize("attack, change", sorted({(row["attack"], row["change"]) for row in ROWS}))
def test_what_the_tables_change_can_still_be_changed(attack, change):
    shipped = load(f"attacks/{attack}")
    assert load(f"attacks/{attack}", set=tuple(part.strip() for part in change.split(";"))) != shipped


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['outcome']} {row['change'][:40]}")
def test_every_outcome_has_an_interval_over_ten_pairs_and_no_defence_helps_the_attacker(row):
    assert row["defended"] in ("shipped", "changed", "both") and int(row["n"]) >= 10
    low, mean, high = (float(row[key]) for key in ("low", "shipped", "high"))
    assert low <= mean <= high
    if row["outcome"].endswith(TAKEN) and row["defended"] != "both":
        defended = float(row["difference"]) * (1 if row["defended"] == "changed" else -1)
        assert defended <= 0.0
