"""How much common random numbers narrow the differences on the four gaps, as a table that can be made again.

A row is one change of one value of the scenario `BASE` and one outcome: half the width of the 95 % interval
of the paired difference, that of as many independent runs, and their ratio. ``cause`` says why a ratio above
`WANTED` is no fault of the streams; it is written by hand.

``python -m simdai.experiments.shared_luck FILE`` makes a table again from its changes, outcomes and causes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from simdai.experiments.comparison import Comparison
from simdai.experiments.reference_table import Row, read_table, written
from simdai.experiments.runs import run
from simdai.schema import load

__all__ = ["BASE", "COLUMNS", "WANTED", "luck_table", "table_text"]

BASE = "labs_and_volunteers"
DAYS = 365.0
REPLICATIONS = 5
WANTED = 0.7
"""The ratio of widths that single changes should not exceed."""

COLUMNS = ("change", "outcome", "paired", "independent", "ratio", "n", "cause")
DIGITS = 3  # significant ones


def luck_table(
    rows: Iterable[Row], replications: int = REPLICATIONS, days: float = DAYS, seed: int = 1
) -> list[dict[str, str]]:
    """Run the base and every change under the same luck, and fill in the widths.

    Parameters
    ----------
    rows : with ``change`` (values separated by ``;``), ``outcome`` and ``cause``; those of one change behind
        one another share their runs
    replications : pairs
    days : float, length of the runs
    """
    made = []
    plain = run(load(BASE), seed, replications, until=days)
    for change, group in groupby(rows, key=lambda row: row["change"]):
        changed = load(BASE, set=[part.strip() for part in change.split(";")])
        pair = Comparison(plain, run(changed, seed, replications, until=days))
        found = {line["outcome"]: line for line in pair.luck.to_dict("records")}
        for row in group:
            line = found[row["outcome"]]
            widths = {key: f"{line[key]:.{DIGITS}g}" for key in ("paired", "independent", "ratio")}
            kept = {key: row[key] for key in ("change", "outcome", "cause")}
            made.append({**kept, **widths, "n": str(line["n"])})
    return made


def table_text(rows: Iterable[Row], path: str) -> str:
    """Text of a table, which says how to make it again."""
    return written(rows, COLUMNS, f"python -m simdai.experiments.shared_luck {path}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        file.write_text(table_text(luck_table(read_table(file.read_text())), name))
