"""What attacks do against networks as shipped and against changed ones, as tables that can be made again.

A table is a CSV file behind one line of comment. ``attack`` is a scenario of ``attacks/``, ``change`` what is
set in it for comparison (several separated by ``;``), ``defended`` which of the two has the defence
(``shipped``, ``changed``, or ``both`` where the attack is changed), ``outcome`` the measure. The rest is
computed: ``shipped`` with its 95 % interval, ``changed``, and the paired ``difference`` with its own.

``python -m simdai.experiments.defences FILE`` makes a table again from its own first four columns; with names
of attacks behind the file, those rows alone.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from itertools import groupby
from pathlib import Path

from simdai.experiments.comparison import Comparison
from simdai.experiments.reference_table import Row, paired, read_table, written
from simdai.experiments.runs import run
from simdai.schema import load

__all__ = ["COLUMNS", "defence_table", "remake", "table_text"]

GIVEN = ("attack", "change", "defended", "outcome")
INTERVALS = ("shipped", "low", "high", "changed", "difference", "difference_low", "difference_high")
COLUMNS = (*GIVEN, *INTERVALS, "n")


def defence_table(rows: Iterable[Row], replications: int = 10, seed: int = 1) -> list[dict[str, str]]:
    """Run every attack as it is shipped and changed, under the same luck, and fill in what comes out.

    Parameters
    ----------
    rows : with `GIVEN`; those of one attack, and of one change, behind one another share their runs
    replications : pairs
    """
    made = []
    for attack, of_attack in groupby(rows, key=lambda row: row["attack"]):
        scenario = f"attacks/{attack}"
        shipped = run(load(scenario), seed, replications)
        for change, group in groupby(of_attack, key=lambda row: row["change"]):
            changes = tuple(part.strip() for part in change.split(";"))
            pairs = Comparison(shipped, run(load(scenario, set=changes), seed, replications)).pairs()
            made += [
                {**{key: row[key] for key in GIVEN}, **paired(INTERVALS, *pairs[row["outcome"]])}
                for row in group
            ]
    return made


def table_text(rows: Iterable[Row], path: str) -> str:
    """Text of a table, which says how to make it again."""
    return written(rows, COLUMNS, f"python -m simdai.experiments.defences {path}")


def remake(path: str, attacks: Collection[str] = ()) -> None:
    """Make a table again, or its rows of some attacks."""
    file = Path(path)
    chosen = [row for row in read_table(file.read_text()) if not attacks or row["attack"] in attacks]
    made = {tuple(row[key] for key in GIVEN): row for row in defence_table(chosen)}
    now = read_table(file.read_text())  # other attacks may have been run meanwhile
    file.write_text(table_text([made.get(tuple(row[key] for key in GIVEN), row) for row in now], path))


if __name__ == "__main__":
    remake(sys.argv[1], sys.argv[2:])
