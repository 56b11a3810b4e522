"""What really happened against what was simulated: where each observation falls in the simulated band."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError, unknown
from simdai.units import parse_unit

if TYPE_CHECKING:
    import pandas as pd

    from simdai.results import Results, RunSeries

__all__ = ["BAND", "LEAST_RUNS", "Held", "inside_shares", "observed", "observed_table"]

BAND = (0.05, 0.95)
LEAST_RUNS = 20
"""Runs below which the ends of a band that holds 90 % of them are little more than the extremes."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """One observation beside the runs.

    Parameters
    ----------
    group, name, series : of the observation
    date : of the observation; ``day`` counts from the start of the scenario
    over : days in which a cumulative series added the value; nan where it is a level
    value : in ``unit``, that of the series
    grade, source, note : of the observation
    runs : (n,) what each run has for it; nan where it has nothing
    """

    group: str
    name: str
    series: str
    date: datetime.date
    day: float
    over: float
    value: float
    unit: str
    grade: str
    source: str
    note: str
    runs: Floats

    @property
    def band(self) -> tuple[float, float, float]:
        """The 5 %, 50 % and 95 % quantiles of the runs; nan without any."""
        if np.isnan(self.runs).all():
            return math.nan, math.nan, math.nan
        low, middle, high = np.nanquantile(self.runs, (BAND[0], 0.5, BAND[1]))
        return float(low), float(middle), float(high)

    @property
    def quantile(self) -> float:
        """Share of runs below the value, those equal to it counted half; nan without any."""
        known = self.runs[~np.isnan(self.runs)]
        if not len(known):
            return math.nan
        return float(np.mean(known < self.value) + 0.5 * np.mean(known == self.value))

    @property
    def inside(self) -> bool:
        """Whether the value lies in the band, its ends counted."""
        low, _, high = self.band
        return low <= self.value <= high

    @property
    def width(self) -> float:
        """Width of the band over the size of its median; infinite where that is 0."""
        low, middle, high = self.band
        return (high - low) / abs(middle) if middle else math.inf if high > low else 0.0

    @property
    def width_oom(self) -> float:
        """Width of the band in orders of magnitude; nan where it reaches to 0 or below."""
        low, _, high = self.band
        return math.log10(high / low) if low > 0.0 else math.nan


def observed(results: Results) -> list[Held]:
    """Hold the observations of a scenario against its runs; those after the end of the runs are left out.

    Between two recorded instants a series is taken to go straight.

    Raises
    ------
    ResultsError : an observation is of a series that was not recorded
    """
    document = results.provenance.get("scenario", {}).get("resolved", {})
    runs = list(results.run_series.values())
    if not runs:
        return []
    start = datetime.date.fromisoformat(str(results.provenance["start"])[:10])
    end = min(float(run.times[-1]) for run in runs)
    found = []
    for group, entries in document.get("observations", {}).items():
        for name, entry in entries.items():
            series = entry["series"]
            if series not in runs[0].units:
                raise ResultsError(unknown("series", series, runs[0].units, f"observations.{group}.{name}"))
            unit = runs[0].units[series]
            for date, value in sorted(entry["values"].items()):
                day = float((datetime.date.fromisoformat(date) - start).days)
                over = math.nan if entry["over"] is None else float(entry["over"])
                first = 0.0 if math.isnan(over) else day - over
                if day > end or day < 0.0 or first < 0.0:
                    continue
                held = Held(
                    group=group,
                    name=name,
                    series=series,
                    date=datetime.date.fromisoformat(date),
                    day=day,
                    over=over,
                    value=parse_unit(entry["unit"]).convert(float(value), parse_unit(unit)),
                    unit=unit,
                    grade=entry["grade"],
                    source=entry["source"],
                    note=entry["note"],
                    runs=np.array([_of(run, series, day, over) for run in runs]),
                )
                found.append(held)
    return found


def _of(run: RunSeries, series: str, day: float, over: float) -> float:
    """What a run has for an observation; nan where the series has no value beside the day."""
    values = run.values[series]
    level = float(np.interp(day, run.times, values))
    return level if math.isnan(over) else level - float(np.interp(day - over, run.times, values))


def inside_shares(held: Sequence[Held]) -> dict[str, tuple[int, int]]:
    """How many observations lie inside, and how many there are, by group."""
    groups = dict.fromkeys(one.group for one in held)
    return {
        group: (
            sum(one.inside for one in held if one.group == group),
            sum(one.group == group for one in held),
        )
        for group in groups
    }


def observed_table(results: Results) -> pd.DataFrame:
    """One row an observation: where it falls in the simulated distribution.

    Returns
    -------
    DataFrame : ``group``, ``observation``, ``series``, ``date``, ``over_days``, ``value``, ``unit``,
        ``grade``; ``quantile`` (share of runs below the value), ``low``, ``median``, ``high`` (5 %, 50 %,
        95 % of the runs), ``width`` (of the band over its median), ``width_oom`` (in orders of magnitude),
        ``inside``, ``n`` (runs) and ``source``

    Raises
    ------
    ResultsError : the scenario names no observations, or one of a series that was not recorded
    """
    import pandas as pd

    held = observed(results)
    if not held:
        raise ResultsError(f"{results.name}: no observations within the run; name some under 'observations'")
    rows: list[dict[str, Any]] = []
    for one in held:
        low, middle, high = one.band
        rows.append(
            {
                "group": one.group,
                "observation": one.name,
                "series": one.series,
                "date": pd.Timestamp(one.date),
                "over_days": one.over,
                "value": one.value,
                "unit": one.unit,
                "grade": one.grade,
                "quantile": one.quantile,
                "low": low,
                "median": middle,
                "high": high,
                "width": one.width,
                "width_oom": one.width_oom,
                "inside": one.inside,
                "n": int(np.sum(~np.isnan(one.runs))),
                "source": one.source,
            }
        )
    return pd.DataFrame(rows)
