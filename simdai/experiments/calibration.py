"""What a scenario gives beside what sources say of the same thing, as a table that can be made again.

A table is a CSV file behind one line of comment. Of each row are given the ``scenario``, a ``series`` of it,
how it is ``taken`` over the days ``from`` one date ``to`` another, the parameters that hold what sources say,
``low`` and ``high``, and why the two differ, where they do. ``taken`` is one of

- ``mean``: of what was recorded; where both dates are one, what there was as that day began
- ``sum``: of what was sold or paid in all intervals
- ``rise``: of a sum since the start
- ``discount``: 1 less the mean over that of the series ``against``

An amount is taken by the day where the source's is by time. The rest is computed: the mean over replications
with its 95 % interval, in the source's ``unit``, what sources say, where, when and how good they are, and
whether the interval meets their range (``inside``). A single value stands for a tenth about it.

``python -m simdai.experiments.calibration FILE`` makes a table again from what is given in it.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simdai.errors import ResultsError, unknown
from simdai.experiments.reference_table import Row, Values, read_table, rounded, written
from simdai.experiments.runs import run
from simdai.experiments.statistics import t_interval
from simdai.results import RunSeries
from simdai.schema import load
from simdai.schema.loading import Mark, from_python
from simdai.schema.parameters import Parameters, Use, known_unit
from simdai.schema.references import resolve
from simdai.units import UnitError, parse_unit

__all__ = ["COLUMNS", "calibration_table", "is_inside", "measured", "sourced", "table_text"]

GIVEN = ("scenario", "series", "taken", "against", "from", "to", "low", "high")
SIMULATED = ("simulated", "simulated_low", "simulated_high")
SOURCED = ("sourced_low", "sourced_high", "source", "date", "grade")
COLUMNS = (*GIVEN, "unit", *SIMULATED, *SOURCED, "inside", "n", "why")
TAKEN = ("mean", "sum", "rise", "discount")
POINT = 0.1
"""Share of it by which the truth may lie off a single value; sources on one thing differ by as much."""


class Sourced(NamedTuple):
    """What sources say: lowest and highest value, and the entries that say so."""

    low: float
    high: float
    uses: tuple[Use, ...]

    @property
    def unit(self) -> str:
        return self.uses[0].unit


def sourced(low: str, high: str) -> Sourced:
    """Look up the range between two parameters, which may be one; lists count with all their values.

    Raises
    ------
    ParameterError : there is no such parameter
    """
    uses: list[Use] = []
    for name in dict.fromkeys((low, high)):
        node = resolve(Parameters.reachable_from(None), from_python({"parameter": name}, Mark()), (), None)
        parts = node.value if isinstance(node.value, tuple) else (node,)
        uses += [part.origin for part in parts if part.origin is not None]
    values = [float(use.value) for use in uses]
    return Sourced(min(values), max(values), tuple({(use.name, use.source): use for use in uses}.values()))


def is_inside(low: float, high: float, sourced_low: float, sourced_high: float) -> bool:
    """Whether an interval meets what sources say; a single value is taken to be known to a tenth."""
    spread = POINT if sourced_low == sourced_high else 0.0
    return high >= sourced_low * (1.0 - spread) and low <= sourced_high * (1.0 + spread)


def calibration_table(
    rows: Iterable[Row], replications: int = 10, seed: int = 1, workers: int = 1, scale: float | None = None
) -> Iterator[dict[str, str]]:
    """Run each scenario as far as its rows need, and fill in what it gives and what sources say.

    Parameters
    ----------
    rows : with `GIVEN`, those of one scenario behind one another
    scale : another one than the scenario's

    Raises
    ------
    ResultsError : a scenario has no such series, or a row is taken in a way that there is not
    ParameterError : there is no such parameter
    """
    for name, group in groupby(rows, key=lambda row: row["scenario"]):
        of_scenario = list(group)
        changes = ["record_every=1 d"] + ([] if scale is None else [f"scale={scale}"])
        scenario = load(name, set=changes)
        until = max(1.0, *(_window(row, scenario.start)[1] for row in of_scenario))
        results = run(scenario, seed, replications, workers, until=until)
        for row in of_scenario:
            runs = list(results.run_series.values())
            said = sourced(row["low"], row["high"])
            values = [measured(one, row, scenario.start, said.unit) for one in runs]
            yield _filled(row, np.array(values), said)


def _window(row: Row, start: datetime.date) -> tuple[float, float]:
    """Days since the start at which a row's first day begins and its last one ends; of one day its begin."""
    first, last = (float((datetime.date.fromisoformat(row[key]) - start).days) for key in ("from", "to"))
    return first, last + (row["from"] != row["to"])


def measured(one: RunSeries, row: Row, start: datetime.date, unit: str) -> float:
    """What a run that began on ``start`` gives for a row, in the unit of its source.

    Raises
    ------
    ResultsError : there is no such series, or no such way to take it
    """
    names = [row[key] for key in ("series", "against") if row[key]]
    for name in names:
        if name not in one.values:
            raise ResultsError(unknown("series", name, one.units, f"a row of {row['scenario']}"))
    if row["taken"] not in TAKEN:
        raise ResultsError(unknown("way to take a series", row["taken"], TAKEN, f"the row of {names[0]}"))
    first, last = _window(row, start)
    inside = (one.times > first) & (one.times <= last) if last > first else one.times == first
    taken = one.values[names[0]][inside]
    if row["taken"] == "rise":
        before = one.values[names[0]][one.times <= first]
        value = float(taken[-1] - before[-1])
    elif row["taken"] == "sum":
        value = float(np.nansum(taken))
    else:
        value = float(np.nanmean(taken))
    if row["taken"] == "discount":
        return 1.0 - value / float(np.nanmean(one.values[names[1]][inside]))
    return _in_unit(value, one.units[names[0]], unit, last - first)


def _in_unit(value: float, unit: str, wanted: str, days: float) -> float:
    """A value in another unit, by the day where that is by time; units of their own stay what they are."""
    source, target = known_unit(unit), known_unit(wanted)
    if source is None or target is None:
        return value
    try:
        return source.convert(value, target)
    except UnitError:
        return parse_unit(f"{unit}/d").convert(value / days, target)


def _filled(row: Row, values: Values, said: Sourced) -> dict[str, str]:
    mean, low, high, n = t_interval(values)[:4]
    simulated = dict(zip(SIMULATED, map(rounded, (mean, low, high)), strict=True))
    texts = {key: "; ".join(dict.fromkeys(getattr(use, key) for use in said.uses)) for key in SOURCED[2:]}
    found = {
        **{key: row[key] for key in GIVEN},
        "unit": said.unit,
        **simulated,
        "sourced_low": rounded(said.low),
        "sourced_high": rounded(said.high),
        **texts,
        "inside": "yes" if is_inside(low, high, said.low, said.high) else "no",
        "n": str(n),
        "why": row.get("why", ""),
    }
    return {key: found[key] for key in COLUMNS}


def table_text(rows: Iterable[Row], path: str) -> str:
    """Text of a table, which says how to make it again."""
    return written(rows, COLUMNS, f"python -m simdai.experiments.calibration {path}")


if __name__ == "__main__":
    for path in sys.argv[1:]:
        file = Path(path)
        made = list(calibration_table(read_table(file.read_text()), workers=os.cpu_count() or 1))
        file.write_text(table_text(made, path))
