"""Outcomes and differences as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simdai.errors import EngineError, ResultsError
from simdai.experiments.analysis import FITTING
from simdai.experiments.comparison import Comparison
from simdai.experiments.study import Study, number_or
from simdai.results import Results, interval_texts, number

if TYPE_CHECKING:
    import pandas as pd


def outcome_table(results: Results) -> None:
    """Print the outcomes with their intervals."""
    intervals = results.intervals()
    several = len(results.records) > 1
    heads = ("outcome", "mean", "95 % interval", "n", "unit") if several else ("outcome", "value", "unit")
    rows = []
    for name in sorted(intervals, key=place):
        mean, ends, n = interval_texts(intervals[name])
        unit = results.units.get(name, "")
        rows.append((name, mean, ends, n, unit) if several else (name, mean, unit))
    repeated = f"{len(results.records)} replication{'s' * several}"
    print_table(f"{results.name}: {repeated}, seed {results.provenance['seed']}", heads, rows)


def observed_table(results: Results) -> None:
    """Print where observations fall among the runs, where the scenario names some."""
    from simdai.metrics.observed import observed
    from simdai.report.observed import HEADS, held_rows, observed_sentence

    held = observed(results)
    if held:
        rows = [row if len(row) > 1 else (*row, *("" for _ in HEADS[1:])) for row in held_rows(held)]
        print_table(observed_sentence(held), HEADS, rows)


def place(name: str) -> int:
    """Where an outcome is printed: gaps and niches first, counts of events last, the rest as they came."""
    return {"gap": 0, "niche": 1, "events": 3}.get(name.split(".")[0], 2)


def difference_table(pair: Comparison) -> None:
    """Print paired differences with their intervals."""
    heads = ("outcome", "A", "B - A", "95 % interval", "n", "unit")
    rows = [
        (name, number(a), *interval_texts(difference), pair.unit(name))
        for name, (a, _, difference) in sorted(pair.intervals().items(), key=lambda item: place(item[0]))
    ]
    title = f"A = {pair.a.name}, B = {pair.b.name}: paired differences, seed {pair.a.provenance['seed']}"
    print_table(title, heads, rows)


MOST_ANALYSED = 3  # outcomes of a study whose analysis is printed
MOST_ROWS = 12
WORDS = (  # heads of columns that hold words, set to the left
    *("outcome", "unit", "factor", "index", "parameter", "observation"),
    *("stress", "lever", "severity"),
)


def study_tables(study: Study) -> None:
    """Print how far each outcome goes over the points, and the analysis that the design was made for."""
    rows = [
        (name, *(number(found[key]) for key in found), study.units.get(name, ""))
        for name, found in study.ranges().items()
    ]
    title = f"{study.name}: {study.n_points:,} points, {len(study):,} runs, seed {study.provenance['seed']}"
    print_table(title, ("outcome", "least", "mean", "greatest", "unit"), rows)
    analyse = FITTING.get(study.file.design.analysis)
    for name in study.outcomes[:MOST_ANALYSED] if analyse else ():
        assert analyse is not None
        try:
            found = analyse(study, name)
        except (ResultsError, EngineError) as error:
            print_table(str(error), (), ())
            return
        cells = [[number_or(cell) for cell in row] for row in found.head(MOST_ROWS).itertuples(index=False)]
        print_table(f"{study.file.design.analysis} of {name}", list(found.columns), cells)


def assumptions_tables(table: pd.DataFrame) -> None:
    """Print, for each outcome, the assumed parameters that move it most."""
    heads = ("parameter", "moved", "down", "up", "up - down over the middle", "unit")
    for outcome, rows in table.groupby("outcome", sort=False):
        rows = rows[rows["swing"].abs() > 0].head(MOST_ROWS)
        cells = [
            (
                row["parameter"],
                f"{100 * row['moved']:.3g} %",
                number(row["down"]),
                number(row["up"]),
                f"{100 * row['swing']:+.3g} %",
                row["unit"],
            )
            for row in rows.to_dict("records")
        ]
        middle = number(float(rows["middle"].iloc[0])) if len(rows) else "–"
        print_table(f"{outcome}: {middle} in the middle", heads, cells)


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under heads, names and units to the left, numbers to the right.

    Names are whole in a file or a pipe; on a narrow terminal they are grouped by their first part.
    """
    console = Console(highlight=False)
    table = laid_out(heads, rows)
    needed = Console(width=1000).measure(table).maximum
    if not console.is_terminal:
        console = Console(highlight=False, width=max(80, needed))
    elif needed > console.width:
        grouped: list[Sequence[str]] = []
        owners: set[str] = set()
        for row in rows:
            owner, _, rest = row[0].partition(".")
            if owner not in owners:
                grouped.append((owner, *("" for _ in row[1:])))
                owners.add(owner)
            grouped.append((f"  {rest}", *row[1:]))
        table = laid_out(heads, grouped)
    console.print(Text(title, style="bold"))
    console.print(table)


def laid_out(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A rich table without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        words = head in WORDS
        table.add_column(head, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
