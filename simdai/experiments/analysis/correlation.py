"""Which factors go along with an outcome: rank correlations over points that fill the space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError
from simdai.experiments.analysis.tables import ranks, tidy
from simdai.experiments.statistics import LEVEL
from simdai.experiments.study import Study

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 1000


def correlations(study: Study, outcome: str, level: float = LEVEL, seed: int = 1) -> pd.DataFrame:
    """Spearman's rank correlation of an outcome with every factor, with bootstrap intervals over points.

    Parameters
    ----------
    study : of a design that fills the space, such as a Latin hypercube
    outcome : of which the mean over replications is taken
    level : float [1], coverage of the intervals
    seed : int, of the resampling

    Returns
    -------
    DataFrame : factor, correlation, low, high, n points; strongest first

    Notes
    -----
    Sees what rises or falls throughout; a factor whose effect turns may show none. Source: Spearman (1904),
    The proof and measurement of association between two things, American Journal of Psychology 15(1).
    """
    values, points = study.means(outcome), ranks(study)
    seen = np.isfinite(values)
    n = int(np.count_nonzero(seen))
    if n < 4:
        raise ResultsError(f"{study.name}: {n} points have {outcome}; a correlation needs at least 4")
    values, points = values[seen], points[seen]
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"correlations")))
    draws = rng.integers(n, size=(RESAMPLES, n))
    whole = spearman(points, values)
    drawn = np.array([spearman(points[draw], values[draw]) for draw in draws])
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    rows = [
        {"factor": name, "correlation": whole[k], "low": low[k], "high": high[k], "n": n}
        for k, name in enumerate(study.factors)
    ]
    rows.sort(key=lambda row: -abs(float(row["correlation"])))
    return tidy(rows, study, outcome)


def spearman(points: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n factors,) rank correlation of values (n,) with each column of points; 0 for a constant one."""
    from scipy.stats import rankdata

    x = rankdata(points, axis=0) - (len(values) + 1) / 2
    y = rankdata(values) - (len(values) + 1) / 2
    size = np.sqrt(np.sum(x**2, axis=0) * np.sum(y**2))
    return np.asarray(np.where(size > 0, x.T @ y / np.where(size > 0, size, 1.0), 0.0))
