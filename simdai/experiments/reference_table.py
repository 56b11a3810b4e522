"""Reference tables: CSV files behind one line of comment, which is the command that makes the table again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simdai.experiments.statistics import paired_difference, t_interval

__all__ = ["Row", "Values", "paired", "read_table", "rounded", "written"]

DIGITS = 4  # significant ones

Row = Mapping[str, str]
Values = NDArray[np.float64]


def read_table(text: str) -> list[dict[str, str]]:
    """Rows of a table's text, the line of comment left out."""
    return list(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))


def written(rows: Iterable[Row], columns: Sequence[str], command: str) -> str:
    """Text of a table, which says how to make it again."""
    out = io.StringIO()
    out.write(f"# {command}\n")
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def rounded(value: float) -> str:
    """A number as tables hold it."""
    return f"{value:.{DIGITS}g}"


def paired(names: Sequence[str], one: Values, other: Values) -> dict[str, str]:
    """An outcome under two settings of the same luck, as seven numbers under ``names``, and the pairs ``n``.

    Mean of ``one`` with its 95 % interval, mean of ``other``, mean difference with its own.
    """
    difference = paired_difference(one, other)
    values = (*t_interval(one)[:3], t_interval(other).mean, *difference[:3])
    texts = {name: rounded(value) for name, value in zip(names, values, strict=True)}
    return {**texts, "n": str(difference.n)}
