"""What overrides change in a scenario, as a table that can be made again.

A table is a CSV file behind one line of comment. ``override`` is a file of ``overrides/`` laid over the
landscape, ``moves`` how the outcome is expected to move (``up`` or ``down``), ``outcome`` the measure. The
rest is computed: ``before`` with its 95 % interval, ``after``, and the paired ``difference`` with its own.

``python -m simdai.experiments.what_ifs FILE`` makes a table again from its own first three columns.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from simdai.experiments.comparison import Comparison
from simdai.experiments.reference_table import Row, paired, read_table, written
from simdai.experiments.runs import run
from simdai.results import Results
from simdai.schema import load

__all__ = ["COLUMNS", "table_text", "what_if_table"]

GIVEN = ("override", "moves", "outcome")
INTERVALS = ("before", "low", "high", "after", "difference", "difference_low", "difference_high")
COLUMNS = (*GIVEN, *INTERVALS, "n")
BASE = "landscape"
DAYS = 730.0
"""Length of the runs: what happens at the start of 2027 has a year to show."""


def what_if_table(
    rows: Iterable[Row], replications: int = 8, seed: int = 1, workers: int = 1
) -> Iterator[dict[str, str]]:
    """Run the landscape with and without every override, under the same luck, and fill in what comes out.

    Parameters
    ----------
    rows : with `GIVEN`; those of one override behind one another share their runs
    replications : pairs
    """

    def made(overrides: list[str]) -> Results:
        return run(load(BASE, overrides=overrides), seed, replications, workers, until=DAYS)

    before = made([])
    for override, of_override in groupby(rows, key=lambda row: row["override"]):
        pairs = Comparison(before, made([override])).pairs()
        for row in of_override:
            yield {**{key: row[key] for key in GIVEN}, **paired(INTERVALS, *pairs[row["outcome"]])}


def table_text(rows: Iterable[Row], path: str) -> str:
    """Text of a table, which says how to make it again."""
    return written(rows, COLUMNS, f"python -m simdai.experiments.what_ifs {path}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file, rows = Path(name), []
        for row in what_if_table(read_table(file.read_text()), workers=os.cpu_count() or 1):
            rows.append(row)
            print(*row.values(), flush=True)
        file.write_text(table_text(rows, name))
