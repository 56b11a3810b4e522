"""Two scenarios under the same luck: what they differ in, with intervals."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.experiments.statistics import Interval, holm, p_value, paired_difference, t_interval
from simdai.results import Results, finite, html_table, importance, interval_texts, number

if TYPE_CHECKING:
    import pandas as pd


class Comparison:
    """Paired differences ``b - a`` of two scenarios that share their luck.

    Parameters
    ----------
    a, b : Results with the same seed and replications
    """

    def __init__(self, a: Results, b: Results) -> None:
        self.a = a
        self.b = b

    def intervals(self) -> dict[str, tuple[float, float, Interval]]:
        """Outcome name to (mean of a, mean of b, `Interval` of ``b - a``), over complete pairs."""
        return {
            name: (t_interval(x).mean, t_interval(y).mean, paired_difference(x, y))
            for name, (x, y) in self.pairs().items()
        }

    def pairs(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Outcome name to the values of a and b in the replications in which both have one."""
        first = {r.replication: r.outcomes for r in self.a.records if r.status == "ok"}
        second = {r.replication: r.outcomes for r in self.b.records if r.status == "ok"}
        pairs = [key for key in first if key in second]
        shared = {n for key in pairs for n in first[key]} & {n for key in pairs for n in second[key]}
        table = {}
        for name in sorted(shared, key=importance):
            x = np.array([first[key].get(name, math.nan) for key in pairs])
            y = np.array([second[key].get(name, math.nan) for key in pairs])
            whole = ~(np.isnan(x) | np.isnan(y))
            table[name] = (x[whole], y[whole])
        return table

    @property
    def differences(self) -> pd.DataFrame:
        """Columns outcome, unit, a, b, difference, low, high (95 % paired t interval), n pairs, p and p_holm.

        ``p`` is that of the paired t test, ``p_holm`` the same adjusted for the number of outcomes.
        """
        import pandas as pd

        columns = ["outcome", "unit", "a", "b", "difference", "low", "high", "n", "p"]
        rows = [
            (
                name,
                self.unit(name),
                t_interval(x).mean,
                t_interval(y).mean,
                *paired_difference(x, y),
                p_of(x, y),
            )
            for name, (x, y) in self.pairs().items()
        ]
        table = pd.DataFrame(rows, columns=columns)
        table["p_holm"] = holm(table["p"])
        table.attrs["units"] = {**self.a.units, **self.b.units}
        return table

    @property
    def luck(self) -> pd.DataFrame:
        """What common random numbers bring: outcome, unit, paired and independent half-width, their ratio, n.

        ``independent`` is the half-width that as many independent runs of both would have. A ratio of 1 or
        more says that the two scenarios do not share what drives the outcome.
        """
        import pandas as pd

        rows = []
        for name, (x, y) in self.pairs().items():
            n = len(x)
            if n < 2:
                continue
            paired = paired_difference(x, y).half_width
            apart = float(np.sqrt(np.var(x, ddof=1) + np.var(y, ddof=1)))
            spread = float(np.std(y - x, ddof=1))
            ratio = spread / apart if apart else math.nan
            independent = paired / ratio if ratio else apart / math.sqrt(n)
            rows.append((name, self.unit(name), paired, independent, ratio, n))
        columns = ["outcome", "unit", "paired", "independent", "ratio", "n"]
        table = pd.DataFrame(rows, columns=columns)
        table.attrs["units"] = {**self.a.units, **self.b.units}
        return table

    def unit(self, name: str) -> str:
        """Unit of an outcome."""
        return self.a.units.get(name, self.b.units.get(name, ""))

    def to_json(self) -> dict[str, Any]:
        """What ``simdai compare --json`` prints; null stands for what has no value."""
        outcomes = {
            name: {
                "a": finite(a),
                "b": finite(b),
                "difference": finite(d.mean),
                "low": finite(d.low),
                "high": finite(d.high),
                "n": d.n,
                "unit": self.unit(name),
            }
            for name, (a, b, d) in self.intervals().items()
        }
        return {
            "a": self.a.name,
            "b": self.b.name,
            "seed": self.a.provenance.get("seed"),
            "replications": len(self.a.records),
            "outcomes": outcomes,
            "result_hash": {"a": self.a.hash, "b": self.b.hash},
        }

    def __repr__(self) -> str:
        return f"<Comparison of {self.b.name!r} against {self.a.name!r}: {len(self.a.records)} pairs>"

    def _repr_html_(self) -> str:
        title = f"<p><b>{html.escape(self.b.name)}</b> minus <b>{html.escape(self.a.name)}</b>, paired</p>"
        rows = [
            (name, number(a), number(b), *interval_texts(d), self.unit(name))
            for name, (a, b, d) in self.intervals().items()
        ]
        heads = ("outcome", self.a.name, self.b.name, "difference", "95 % interval", "n", "unit")
        return title + html_table(heads, rows)


def p_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """P value of the paired t test."""
    with np.errstate(invalid="ignore"):
        return p_value(y - x)
