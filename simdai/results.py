"""What runs leave behind: outcomes with intervals, series, and how to make them again."""

from __future__ import annotations

import hashlib
import html
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError, unknown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Results", "RunRecord", "RunSeries"]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run in a line: what it is, how it ended, what it measured.

    Parameters
    ----------
    point : int >= 0, which scenario of a design (0 where there is one)
    replication : int >= 0
    status : ``ok``, or ``failed`` (the error says why)
    outcomes : name to value, empty for a failed run
    error : text of the error with its traceback, empty for a good run
    seconds : float [s], wall time
    digest : 64-bit digest of the whole event trace
    n_events : events executed
    kernel : ``compiled`` or ``reference``
    content : sha256 of outcomes, series and digests, the run's part of the result hash
    """

    point: int = 0
    replication: int = 0
    status: str = "ok"
    outcomes: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0
    digest: int = 0
    n_events: int = 0
    kernel: str = ""
    content: str = ""

    @property
    def key(self) -> str:
        """Name of the run inside its results, such as ``p0-r3``."""
        return run_key(self.point, self.replication)

    @property
    def short_error(self) -> str:
        """The last line of the error, without the traceback."""
        lines = self.error.strip().splitlines()
        return lines[-1] if lines else ""


@dataclass(frozen=True)
class RunSeries:
    """What one run recorded over time.

    Parameters
    ----------
    times : (n,) float [day] since the start
    digests : (n,) uint64, digest of the event trace at each instant
    values : name to (n,) float
    units : name to unit
    """

    times: NDArray[np.float64]
    digests: NDArray[np.uint64]
    values: Mapping[str, NDArray[np.float64]]
    units: Mapping[str, str]


def run_key(point: int, replication: int) -> str:
    """Name one run of a set: ``p0-r3`` is replication 3 of point 0."""
    return f"p{point}-r{replication}"


def content_hash(outcomes: Mapping[str, float], series: RunSeries | None, digest: int) -> str:
    """Hash (sha256) the float bits of a run's outcomes and series with its trace digests.

    Every nan counts as the same nan; times, versions, paths and the kernel's name do not enter.
    """
    total = hashlib.sha256()

    def column(name: str, values: NDArray[Any], kind: str) -> None:
        bits = np.ascontiguousarray(values, dtype=kind)
        if kind == "<f8":
            bits = np.where(np.isnan(bits), math.nan, bits)
        total.update(f"{name}\0{len(bits)}\0".encode())
        total.update(bits.tobytes())

    for name in sorted(outcomes):
        column(f"outcome {name}", np.array([outcomes[name]]), "<f8")
    if series is not None:
        column("times", series.times, "<f8")
        column("digests", series.digests, "<u8")
        for name in sorted(series.values):
            column(f"series {name}", series.values[name], "<f8")
    total.update(struct.pack("<Q", digest % 2**64))
    return total.hexdigest()


def result_hash(records: Iterable[RunRecord]) -> str:
    """Hash a set of runs in key order, whatever order they were made in."""
    ordered = sorted(records, key=lambda r: (r.point, r.replication))
    return rows_hash((record.key, record.status, record.content) for record in ordered)


def rows_hash(rows: Iterable[tuple[str, str, str]]) -> str:
    """Hash runs given as key, status and content in the order of (point, replication)."""
    total = hashlib.sha256()
    for row in rows:
        total.update(f"{row[0]} {row[1]} {row[2]}\n".encode())
    return total.hexdigest()


class Results:
    """Outcomes and series of the replications of one scenario.

    Made by `simdai.run` and `Results.load`; nothing in it is changed afterwards.

    Parameters
    ----------
    manifest : how the runs were made (scenario, seed, versions, ...), as in ``manifest.json``
    records : one for each run
    series : run key to its series, or a function that reads them when they are first asked for
    units : outcome name to unit
    path : folder the results are stored in, None when they are only in memory
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        records: Iterable[RunRecord],
        series: Mapping[str, RunSeries] | Callable[[], Mapping[str, RunSeries]],
        units: Mapping[str, str],
        path: Path | None = None,
    ) -> None:
        self.provenance: dict[str, Any] = dict(manifest)
        self.records = tuple(sorted(records, key=lambda r: (r.point, r.replication)))
        self.units = dict(units)
        self.path = path
        self._series = series
        self._outcomes: pd.DataFrame | None = None
        self._series_table: pd.DataFrame | None = None

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return str(self.provenance.get("name", ""))

    @property
    def hash(self) -> str:
        """Sha256 over outcomes, series and trace digest of every run; equal wherever the runs were equal."""
        return result_hash(self.records)

    @property
    def failed(self) -> tuple[RunRecord, ...]:
        """Runs that ended in an error."""
        return tuple(record for record in self.records if record.status != "ok")

    @property
    def run_series(self) -> Mapping[str, RunSeries]:
        """Run key to what that run recorded."""
        if callable(self._series):
            self._series = self._series()
        return self._series

    def intervals(self) -> dict[str, Any]:
        """Outcome name to its `Interval` over the replications that succeeded; gaps and niches first."""
        from simdai.experiments.statistics import t_interval

        good = [record.outcomes for record in self.records if record.status == "ok"]
        names = sorted({name for outcomes in good for name in outcomes}, key=importance)
        return {name: t_interval([o.get(name, math.nan) for o in good]) for name in names}

    @property
    def outcomes(self) -> pd.DataFrame:
        """Columns outcome, unit, mean, low, high (95 % t interval, nan with one replication) and n."""
        if self._outcomes is None:
            import pandas as pd

            rows = [(name, self.units.get(name, ""), *i) for name, i in self.intervals().items()]
            columns = ["outcome", "unit", "mean", "low", "high", "n"]
            self._outcomes = pd.DataFrame(rows, columns=columns)
            self._outcomes.attrs["units"] = dict(self.units)
        return self._outcomes

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run: key, replication, status, seconds, n_events, digest, error, then every outcome."""
        import pandas as pd

        names = sorted({name for record in self.records for name in record.outcomes})
        rows = [
            {
                "key": r.key,
                "point": r.point,
                "replication": r.replication,
                "status": r.status,
                "seconds": r.seconds,
                "n_events": r.n_events,
                "digest": f"{r.digest:016x}",
                "error": r.short_error,
                **{name: r.outcomes.get(name, math.nan) for name in names},
            }
            for r in self.records
        ]
        table = pd.DataFrame(rows)
        table.attrs["units"] = {"seconds": "s", **self.units}
        return table

    @property
    def series(self) -> pd.DataFrame:
        """Columns replication, time (days since the start), date, then every series; units in ``attrs``."""
        if self._series_table is None:
            import pandas as pd

            order = {record.key: record for record in self.records}
            parts, units = [], {"time": "d"}
            for key in sorted(self.run_series, key=lambda k: (order[k].point, order[k].replication)):
                one, record = self.run_series[key], order[key]
                units.update(one.units)
                head = {"point": record.point, "replication": record.replication, "time": one.times}
                parts.append(pd.DataFrame({**head, **one.values}))
            table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
            if not table.empty:
                start = pd.Timestamp(self.provenance.get("start", "1970-01-01"))
                table.insert(3, "date", start + pd.to_timedelta(table["time"], unit="D"))
                if table["point"].nunique() == 1:
                    del table["point"]
            table.attrs["units"] = units
            self._series_table = table
        return self._series_table

    def gaps(self) -> pd.DataFrame:
        """The rows of `outcomes` that measure gaps and niches (``gap.*``, ``niche.*``)."""
        chosen = self.outcomes["outcome"].str.startswith(("gap.", "niche."))
        return self.outcomes[chosen].reset_index(drop=True)

    def returns(self, **keywords: Any) -> pd.DataFrame:
        """What early stakes in tokens and labs returned; see `simdai.metrics.returns_table`."""
        from simdai.metrics.returns import returns_table

        return returns_table(self, **keywords)

    def observed(self) -> pd.DataFrame:
        """Where the scenario's observations fall among the runs; see `simdai.metrics.observed_table`."""
        from simdai.metrics.observed import observed_table

        return observed_table(self)

    def plot(self, *names: str, ax: Axes | None = None) -> Axes:
        """Draw series against the date: the mean over replications with a band holding 90 % of them.

        Parameters
        ----------
        names : series of one unit; where none is given, the first in the file and those of its unit
        ax : axes to draw on; new ones where none are given

        Returns
        -------
        matplotlib.axes.Axes
        """
        from simdai.report.figures import draw

        units = self.series.attrs["units"]
        known = [name for name in self.series.columns if name not in ("point", "replication", "time", "date")]
        if not known:
            raise ResultsError(f"{self.name}: no series were recorded, so there is nothing to plot")
        for name in names:
            if name not in known:
                raise ResultsError(unknown("series", name, known, "plot"))
        chosen = list(names) or [name for name in known if units[name] == units[known[0]]][:6]
        if len({units[name] for name in chosen}) > 1:
            found = ", ".join(f"{name} [{units[name]}]" for name in chosen)
            raise ResultsError(f"plot: {found} have different units; draw them on axes of their own")
        return draw(self, chosen, ax=ax)

    def save(self, path: str | Path) -> Path:
        """Write everything to a folder that `Results.load` and ``simdai report`` read.

        Raises
        ------
        ResultsError : the folder is in use, or cannot be written
        """
        from simdai.experiments.store import save

        return save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Read a results folder.

        Raises
        ------
        ResultsError : there are no results there, or they are damaged
        """
        from simdai.experiments.folder import read

        return read(Path(path))

    def to_json(self) -> dict[str, Any]:
        """What ``simdai run --json`` prints; null stands for what has no value."""
        outcomes = {
            name: {
                "mean": finite(i.mean),
                "low": finite(i.low),
                "high": finite(i.high),
                "n": i.n,
                "unit": self.units.get(name, ""),
            }
            for name, i in self.intervals().items()
        }
        return {
            "scenario": self.name,
            "seed": self.provenance.get("seed"),
            "replications": len(self.records),
            "outcomes": outcomes,
            "result_hash": self.hash,
        }

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"<Results of {self.name!r}: {len(self.records)} replications{failed}, hash {self.hash[:12]}>"

    def _repr_html_(self) -> str:
        seed, n = self.provenance.get("seed"), len(self.records)
        title = f"<p><b>{html.escape(self.name)}</b>: seed {seed}, {n} replication{'s' * (n != 1)}</p>"
        rows = [(name, *interval_texts(i), self.units.get(name, "")) for name, i in self.intervals().items()]
        return title + html_table(("outcome", "mean", "95 % interval", "n", "unit"), rows)


def finite(value: float) -> float | None:
    """The value, or None where JSON has no word for it (nan, infinity)."""
    return value if math.isfinite(value) else None


def number(value: float) -> str:
    """Write a number for a reader: at least four digits, thousands apart, millions as M, billions as bn.

    >>> number(234567.8), number(1234567.8), number(0.01234567), number(2.0), number(1.5e-9)
    ('234,568', '1.235 M', '0.01235', '2', '1.5e-09')
    """
    if math.isnan(value):
        return "–"
    size = abs(value)
    for least, sign in ((1e9, "bn"), (1e6, "M")):
        if least <= size < 1e12:
            return f"{value / least:.4g} {sign}"
    if 1e3 <= size < 1e6:
        return f"{value:,.0f}" if size >= 1e4 else f"{value:,.5g}"
    return f"{value:.4g}"


def importance(name: str) -> tuple[int, str]:
    """Order of outcomes: gaps, niches and the market first, then by name."""
    return {"gap": 0, "niche": 1, "market": 2}.get(name.split(".")[0], 3), name


def interval_texts(interval: Any) -> tuple[str, str, str]:
    """Mean, interval and n of an `Interval` as a reader wants them; no interval where there is none."""
    low, high = interval.low, interval.high
    ends = "" if math.isnan(low) else f"[{number(low)}, {number(high)}]"
    return number(interval.mean), ends, str(interval.n)


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = (0, -1)) -> str:
    """Write a plain table; columns other than those in ``words`` are numbers, set to the right."""
    left = {i % len(heads) for i in words}

    def line(tag: str, cells: Sequence[str]) -> str:
        style = [
            'style="text-align:left"' if i in left else 'style="text-align:right"' for i in range(len(cells))
        ]
        return "<tr>" + "".join(
            f"<{tag} {s}>{html.escape(c)}</{tag}>" for s, c in zip(style, cells, strict=True)
        )

    body = "".join(line("td", row) for row in rows)
    return f"<table><thead>{line('th', heads)}</thead><tbody>{body}</tbody></table>"
