"""A study that was made, or is being made: its points, its runs and what may be read off them."""

from __future__ import annotations

import functools
import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError, unknown
from simdai.experiments.designs.points import Factors
from simdai.experiments.statistics import LEVEL, Interval, paired_difference, t_interval
from simdai.experiments.study_file import StudyFile
from simdai.results import RunRecord, RunSeries, html_table, number, rows_hash, run_key

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Runs", "Study"]


class Runs:
    """The runs of a study as columns, in key order.

    Parameters
    ----------
    records : any order
    """

    def __init__(self, records: Iterable[RunRecord]) -> None:
        point, replication, seconds, content = [], [], [], []
        self.errors: dict[tuple[int, int], str] = {}
        columns: dict[str, tuple[list[int], list[float]]] = {}
        for n, record in enumerate(records):
            point.append(record.point)
            replication.append(record.replication)
            seconds.append(record.seconds)
            content.append(record.content)
            if record.status != "ok":
                self.errors[record.point, record.replication] = record.error
            for name, value in record.outcomes.items():
                rows, values = columns.setdefault(name, ([], []))
                rows.append(n)
                values.append(value)
        order = np.lexsort((replication, point)).astype(np.intp)
        self.point = np.array(point, np.int64)[order]
        self.replication = np.array(replication, np.int64)[order]
        self.seconds = np.array(seconds, np.float64)[order]
        self.content = np.array(content, object)[order]
        self.outcomes: dict[str, NDArray[np.float64]] = {}
        for name, (rows, values) in sorted(columns.items()):
            column = np.full(len(point), math.nan)
            column[rows] = values
            self.outcomes[name] = column[order]

    def __len__(self) -> int:
        return len(self.point)

    @functools.cached_property
    def hash(self) -> str:
        """Result hash, equal wherever the runs were equal."""

        def rows() -> Iterable[tuple[str, str, str]]:
            for point, replication, content in zip(self.point, self.replication, self.content, strict=True):
                status = "failed" if (point, replication) in self.errors else "ok"
                yield run_key(int(point), int(replication)), status, content

        return rows_hash(rows())


class Study:
    """Points, runs and outcomes of a study; made by `simdai.sweep` and `Study.load`.

    Parameters
    ----------
    manifest : how the runs were made
    points : factor to column, numbers or names of options, one a point
    runs : what was made so far
    units : outcome to unit
    series : reads run key to series
    path : the folder, None when the study is only in memory
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        points: Mapping[str, NDArray[Any]],
        runs: Runs,
        units: Mapping[str, str],
        series: Callable[[], Mapping[str, RunSeries]] = dict,
        path: Path | None = None,
    ) -> None:
        self.provenance = dict(manifest)
        self._points = dict(points)
        self._runs = runs
        self.units = dict(units)
        self._series = series
        self.path = path

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self.provenance["name"])

    @property
    def question(self) -> str:
        """What it asks."""
        return str(self.provenance["question"])

    @property
    def n_points(self) -> int:
        """Points of the design, begun or not."""
        return int(self.provenance["study"]["n_points"])

    @property
    def hash(self) -> str:
        """Sha256 over all runs; equal for any runner and any number of workers."""
        return self._runs.hash

    @functools.cached_property
    def file(self) -> StudyFile:
        """What was asked, without its base scenario."""
        study: StudyFile = StudyFile.__pydantic_validator__.validate_python(
            {**self.provenance["study"]["asked"], "replications": 1}
        )
        return study

    @property
    def factors(self) -> Factors:
        """What was varied."""
        return self.file.factors

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the outcomes that were kept."""
        return tuple(self._runs.outcomes)

    @property
    def run_series(self) -> Mapping[str, RunSeries]:
        """Run key to the series that were kept."""
        return self._series()

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def points(self) -> pd.DataFrame:
        """One row a point: point, then every factor; units in ``attrs``."""
        import pandas as pd

        table = pd.DataFrame({"point": np.arange(self.n_points), **self._points})
        table.attrs["units"] = {name: factor.unit for name, factor in self.factors.items()}
        return table

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run: point, replication, status, seconds, every factor, then every outcome."""
        import pandas as pd

        runs = self._runs
        bad = [(p, r) in runs.errors for p, r in zip(runs.point, runs.replication, strict=True)]
        head = {
            "point": runs.point,
            "replication": runs.replication,
            "status": np.where(bad, "failed", "ok"),
            "seconds": runs.seconds,
        }
        factors = {name: column[runs.point] for name, column in self._points.items()}
        table = pd.DataFrame({**head, **factors, **runs.outcomes})
        units = {name: factor.unit for name, factor in self.factors.items()}
        table.attrs["units"] = {"seconds": "s", **units, **self.units}
        return table

    @property
    def failures(self) -> pd.DataFrame:
        """Failed runs: key, seed, every factor, the error's last line, traceback, a command to replay it."""
        import pandas as pd

        rows = []
        for point, replication in sorted(self._runs.errors):
            error, key = self._runs.errors[point, replication], run_key(point, replication)
            rows.append(
                {
                    "key": key,
                    "seed": self.seed_of(point),
                    **{name: column[point] for name, column in self._points.items()},
                    "error": error.strip().splitlines()[-1] if error.strip() else "",
                    "traceback": error,
                    "replay": f"simdai rerun {self.path} {key}" if self.path else "",
                }
            )
        columns = ["key", "seed", *self._points, "error", "traceback", "replay"]
        return pd.DataFrame(rows, columns=columns)

    def seed_of(self, point: int) -> int:
        """Seed of the runs of a point."""
        return self.file.seed_of(point)

    def values(self, outcome: str) -> NDArray[np.float64]:
        """(n runs,) an outcome of every run in key order; nan where it failed or has none.

        Raises
        ------
        ResultsError : no such outcome was kept
        """
        if outcome not in self._runs.outcomes:
            raise ResultsError(unknown("outcome", outcome, self._runs.outcomes, self.name))
        return self._runs.outcomes[outcome]

    def means(self, outcome: str) -> NDArray[np.float64]:
        """(n points,) an outcome's mean over the replications of each point; nan where there is none."""
        values = self.values(outcome)
        seen = np.isfinite(values)
        counts = np.bincount(self._runs.point[seen], minlength=self.n_points)
        sums = np.bincount(self._runs.point[seen], values[seen], minlength=self.n_points)
        with np.errstate(invalid="ignore"):
            return sums / np.where(counts > 0, counts, np.nan)

    def replicated(self, outcome: str) -> NDArray[np.float64]:
        """(n points, n replications) an outcome; nan for runs that are missing or failed."""
        n = int(self._runs.replication.max(initial=-1)) + 1
        table = np.full((self.n_points, n), math.nan)
        table[self._runs.point, self._runs.replication] = self.values(outcome)
        return table

    def where(self, **levels: Any) -> NDArray[np.intp]:
        """The points at which factors have the given values (or names of options).

        Raises
        ------
        ResultsError : no such factor, or no such point
        """
        chosen = np.ones(self.n_points, bool)
        for name, value in levels.items():
            if name not in self._points:
                raise ResultsError(unknown("factor", name, self._points, self.name))
            column = self._points[name]
            wanted = self.factors[name].shown(self.factors[name].level_of(value))
            close = np.isclose(column, wanted) if column.dtype.kind == "f" else column == wanted
            chosen &= close
        found = np.flatnonzero(chosen)
        if not len(found):
            said = ", ".join(f"{name} = {value}" for name, value in levels.items())
            raise ResultsError(f"{self.name}: no point has {said}")
        return found

    def summary(
        self, *outcomes: str, by: str | Sequence[str] | None = None, level: float = LEVEL
    ) -> pd.DataFrame:
        """Means with their t intervals.

        Parameters
        ----------
        outcomes : names; all where none is given
        by : factors whose values are told apart, everything else being pooled; None for every point by itself
        level : float [1], coverage of the intervals

        Returns
        -------
        DataFrame : the factors of ``by`` (or point and all factors), outcome, unit, mean, low, high, n; with
            common luck and several points pooled, an observation is the mean over a replication's points
        """
        import pandas as pd

        names = outcomes or self.outcomes
        keys = [by] if isinstance(by, str) else list(by) if by is not None else list(self._points)
        for key in keys:
            if key not in self._points:
                raise ResultsError(unknown("factor", key, self._points, self.name))
        if by is None:
            groups = [((n,), np.array([n])) for n in range(self.n_points)]
        else:
            columns = [self._points[key] for key in keys]
            found: dict[tuple[Any, ...], list[int]] = {}
            for n, row in enumerate(zip(*columns, strict=True)):
                found.setdefault(row, []).append(n)
            groups = [
                (row, np.array(points)) for row, points in sorted(found.items(), key=lambda g: str_or(g[0]))
            ]
        tables = {name: self.replicated(name) for name in names}
        rows = []
        for row, points in groups:
            head = dict(zip(keys, row, strict=True)) if by is not None else self._row(int(points[0]))
            for name in names:
                interval = t_interval(self._observations(tables[name][points]), level)
                rows.append({**head, "outcome": name, "unit": self.units.get(name, ""), **interval._asdict()})
        table = pd.DataFrame(rows)
        factor_units = {key: self.factors[key].unit for key in keys}
        table.attrs["units"] = {**factor_units, **{name: self.units.get(name, "") for name in names}}
        return table

    def _row(self, point: int) -> dict[str, Any]:
        return {"point": point, **{name: column[point] for name, column in self._points.items()}}

    def _observations(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Independent observations of several points: with common luck their mean in each replication."""
        if len(table) == 1 or self.file.luck == "independent":
            return table.ravel()
        whole = table[:, ~np.isnan(table).all(axis=0)]
        return np.nanmean(whole, axis=0) if whole.size else whole.ravel()

    def difference(self, outcome: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Interval:
        """Paired difference of an outcome, points with the values ``b`` less points with the values ``a``.

        Points are matched in all other factors and runs by replication, so that what both share cancels.

        Raises
        ------
        ResultsError : no such points, or they do not match one to one
        """
        first, second = self.where(**a), self.where(**b)
        others = [name for name in self._points if name not in {*a, *b}]

        def rest(point: int) -> tuple[Any, ...]:
            return tuple(self._points[name][point] for name in others)

        partner = {rest(int(point)): int(point) for point in second}
        if (
            len(partner) != len(second)
            or {rest(int(p)) for p in first} != set(partner)
            or len(first) != len(second)
        ):
            raise ResultsError(
                f"{self.name}: the points with {dict(a)} and {dict(b)} do not match one to one"
            )
        table = self.replicated(outcome)
        pairs = [partner[rest(int(point))] for point in first]
        return paired_difference(self._observations(table[first]), self._observations(table[pairs]))

    def plot(self, outcome: str | None = None, by: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw an outcome (the first kept) against a factor (the first), with 95 % intervals."""
        from simdai.report.study_figures import against

        return against(self, outcome or self.outcomes[0], by or next(iter(self._points)), ax)

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a study, also one that still runs.

        Raises
        ------
        ResultsError : there is no study there, or it is damaged
        """
        from simdai.experiments.sweeping import read_study

        return read_study(Path(path))

    def to_json(self) -> dict[str, Any]:
        """What ``simdai sweep --json`` prints; null stands for what has no value."""
        from simdai.results import finite

        return {
            "study": self.name,
            "seed": self.provenance["seed"],
            "points": self.n_points,
            "runs": len(self),
            "failed": len(self._runs.errors),
            "outcomes": {
                name: {**{key: finite(v) for key, v in found.items()}, "unit": self.units.get(name, "")}
                for name, found in self.ranges().items()
            },
            "folder": str(self.path) if self.path else None,
            "result_hash": self.hash,
        }

    def ranges(self) -> dict[str, dict[str, float]]:
        """Outcome to its least, mean and greatest over the points (means over replications)."""
        found = {}
        for name in self.outcomes:
            means = self.means(name)
            seen = means[np.isfinite(means)]
            ends = (seen.min(), seen.mean(), seen.max()) if len(seen) else (math.nan,) * 3
            found[name] = dict(zip(("least", "mean", "greatest"), map(float, ends), strict=True))
        return found

    def __repr__(self) -> str:
        failed = f", {len(self._runs.errors)} failed" if self._runs.errors else ""
        return (
            f"<Study {self.name!r}: {self.n_points} points, {len(self)} runs{failed}, hash {self.hash[:12]}>"
        )

    def _repr_html_(self) -> str:
        title = f"<p><b>{html.escape(self.name)}</b> {html.escape(self.question)}</p>"
        failed = f", {len(self._runs.errors)} failed" if self._runs.errors else ""
        facts = f"<p>{self.n_points:,} points, {len(self):,} runs{failed}</p>"
        factors = [
            (name, f"{number_or(column.min())} … {number_or(column.max())}", self.factors[name].unit)
            for name, column in self._points.items()
            if len(column)
        ]
        rows = []
        for name, found in self.ranges().items():
            rows.append((name, *(number(found[key]) for key in found), self.units.get(name, "")))
        return (
            title
            + facts
            + html_table(("factor", "range", "unit"), factors)
            + html_table(("outcome", "least", "mean", "greatest", "unit"), rows)
        )


def str_or(row: tuple[Any, ...]) -> tuple[tuple[int, Any], ...]:
    """A key that sorts numbers by size and before names."""
    return tuple((1, value) if isinstance(value, str) else (0, float(value)) for value in row)


def number_or(value: Any) -> str:
    """A number as a reader wants it, a name as it is."""
    return value if isinstance(value, str) else number(float(value))
