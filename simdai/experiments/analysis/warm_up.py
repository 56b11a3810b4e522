"""How much of the beginning of a run still shows its start."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from simdai.results import Results

if TYPE_CHECKING:
    import pandas as pd

BATCH = 5


def mser(values: ArrayLike, batch: int = BATCH) -> int:
    """How many observations to leave out at the start, so that the mean of the rest is known best.

    The means of batches of five are taken, and of all cuts in the first half the one at which the squared
    standard error of what is left is least. Where the best cut lies at the middle, the series had not
    settled.

    Parameters
    ----------
    values : (n,) float, one run's series at even times
    batch : int >= 1

    Returns
    -------
    int : observations to leave out, a multiple of ``batch``

    Notes
    -----
    MSER-5. Source: White (1997), An effective truncation heuristic for bias reduction in simulation output,
    Simulation 69(6); Spratt (1998), M.S. thesis, University of Virginia.
    """
    observed = np.asarray(values, np.float64)
    n = len(observed) // batch
    if n < 4 or not np.all(np.isfinite(observed)):
        return 0
    means = observed[: n * batch].reshape(n, batch).mean(axis=1)
    errors = np.array([np.sum((means[d:] - means[d:].mean()) ** 2) / (n - d) ** 2 for d in range(n // 2 + 1)])
    rounding = (1e-12 * np.abs(means).max()) ** 2  # of a series that never changes
    return int(np.argmax(errors <= errors.min() + rounding)) * batch


def warm_up(results: Results, *names: str) -> pd.DataFrame:
    """The cut that every series asks for: the longest over the replications.

    Parameters
    ----------
    results : of a scenario without a trend; where there is one, no cut will do
    names : series; all where none is given

    Returns
    -------
    DataFrame : series, unit, cut [d], settled (whether in all runs the cut lies before the middle, and there
        is a value at every instant since the first), mean before and after the cut, n runs;
        ``attrs["means"]`` has the times and the mean over runs of each series
    """
    import pandas as pd

    rows, means = [], {}
    runs = results.run_series
    for name in names or sorted({name for one in runs.values() for name in one.values}):
        has = [one for one in runs.values() if name in one.values]
        cuts, before, after = [], [], []
        settled = True
        for one in has:
            begun = int(np.argmax(np.isfinite(one.values[name])))  # a mean over the day before has none at 0
            column, times = one.values[name][begun:], one.times[begun:]
            cut = mser(column)
            settled &= bool(np.isfinite(column).all()) and cut < len(column) // 2 // BATCH * BATCH
            cuts.append(float(times[cut]) if cut else 0.0)
            before.append(float(np.mean(column[:cut])) if cut else math.nan)
            after.append(float(np.mean(column[cut:])))
        if has:
            seen = [value for value in before if not math.isnan(value)]
            rows.append(
                {
                    "series": name,
                    "unit": has[0].units.get(name, ""),
                    "cut": max(cuts),
                    "settled": settled,
                    "mean_before": float(np.mean(seen)) if seen else math.nan,
                    "mean_after": float(np.mean(after)),
                    "n": len(has),
                }
            )
            means[name] = has[0].times, np.mean([one.values[name] for one in has], axis=0)
    columns = ["series", "unit", "cut", "settled", "mean_before", "mean_after", "n"]
    table = pd.DataFrame(rows, columns=columns)
    table.attrs.update(units={"cut": "d"}, means=means)
    return table
