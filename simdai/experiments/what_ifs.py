"""What overrides change in a scenario, as a table that can be made again.

A table is a CSV file behind one line of comment. ``override`` is a file of ``overrides/`` laid over the
landscape, ``moves`` how the outcome is expected to move (``up`` or ``down``), ``outcome`` the measure. The
rest is computed: ``before`` with its 95 % interval, ``after``, and the paired ``difference`` with its own.

``python -m simdai.experiments.what_ifs FILE`` makes a table again from its own first three columns.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from simdai.experiments.comparison import Comparison
from simdai.experiments.defences import Row, read_table
from simdai.experiments.runs import run
from simdai.experiments.statistics import paired_difference, t_interval
from simdai.results import Results
from simdai.schema import load

__all__ = ["COLUMNS", "table_text", "what_if_table"]

GIVEN = ("override", "moves", "outcome")
INTERVALS = ("before", "low", "high", "after", "difference", "difference_low", "difference_high")
COLUMNS = (*GIVEN, *INTERVALS, "n")
DIGITS = 4  # significant ones
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
            without, with_it = pairs[row["outcome"]]
            difference = paired_difference(without, with_it)
            values = (*t_interval(without)[:3], t_interval(with_it).mean, *difference[:3])
            texts = {key: f"{value:.{DIGITS}g}" for key, value in zip(INTERVALS, values, strict=True)}
            yield {**{key: row[key] for key in GIVEN}, **texts, "n": str(difference.n)}


def table_text(rows: Iterable[Row], path: str) -> str:
    """Text of a table, which says how to make it again."""
    out = io.StringIO()
    out.write(f"# python -m simdai.experiments.what_ifs {path}\n")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file, rows = Path(name), []
        for row in what_if_table(read_table(file.read_text()), workers=os.cpu_count() or 1):
            rows.append(row)
            print(*row.values(), flush=True)
        file.write_text(table_text(rows, name))
