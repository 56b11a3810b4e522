"""Whose uncertainty is it: the share of each factor in the variance of an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError
from simdai.experiments.analysis.tables import laid_out_for, tidy
from simdai.experiments.designs import Sobol
from simdai.experiments.statistics import LEVEL
from simdai.experiments.study import Study

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 1000


def sobol(study: Study, outcome: str, level: float = LEVEL, seed: int = 1) -> pd.DataFrame:
    """Sobol indices with bootstrap intervals.

    Parameters
    ----------
    study : of the design ``sobol``
    outcome : of which the mean over replications is taken; what luck is left in it looks like interaction
    level : float [1], coverage of the intervals
    seed : int, of the resampling

    Returns
    -------
    DataFrame : factor, index (``first``: the factor alone; ``total``: with all its interactions), share, low,
        high, n; largest total first

    Notes
    -----
    Rows with a missing point are left out. Estimators: Saltelli et al. (2010), Computer Physics
    Communications 181(2), table 2 (b) for the first order; Jansen (1999), ibid. 117 for the total.
    """
    design = laid_out_for(study, Sobol)
    n, k = design.base_points, len(study.factors)
    table = study.means(outcome).reshape(k + 2, n)
    table = table[:, np.isfinite(table).all(axis=0)]
    whole = table.shape[1]
    if whole < 4:
        raise ResultsError(f"{study.name}: {whole} rows are complete for {outcome}; at least 4 are needed")
    first, total = indices(table)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"sobol")))
    drawn = np.array([indices(table[:, rng.integers(whole, size=whole)]) for _ in range(RESAMPLES)])
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    rows = []
    for column, name in sorted(enumerate(study.factors), key=lambda item: -total[item[0]]):
        for order, what, estimate in ((0, "first", first), (1, "total", total)):
            rows.append(
                {
                    "factor": name,
                    "index": what,
                    "share": float(estimate[column]),
                    "low": float(low[order, column]),
                    "high": float(high[order, column]),
                    "n": whole,
                }
            )
    return tidy(rows, study, outcome)


def indices(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and total indices of outcomes at A, B and their mixtures, ``(k + 2, n)``; 0 for a constant."""
    centred = table - np.mean(table[:2])
    a, b, mixed = centred[0], centred[1], centred[2:]
    variance = float(np.var(centred[:2]))
    if variance == 0.0:
        return np.zeros(len(mixed)), np.zeros(len(mixed))
    first = np.mean(b * (mixed - a), axis=1) / variance
    total = np.mean((a - mixed) ** 2, axis=1) / (2.0 * variance)
    return first, total
