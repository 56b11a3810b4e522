"""Which of many factors matter: tornado diagram, elementary effects, effects in random balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simdai.errors import ResultsError
from simdai.experiments.analysis.tables import laid_out_for, ranks, tidy
from simdai.experiments.designs import Morris, OneAtATime, RandomBalance
from simdai.experiments.designs.sampling import problem, salib
from simdai.experiments.statistics import LEVEL, paired_difference
from simdai.experiments.study import Study

if TYPE_CHECKING:
    import pandas as pd


def tornado(study: Study, outcome: str, level: float = LEVEL) -> pd.DataFrame:
    """What moving one factor from the middle to an end, or to another option, does to an outcome.

    Parameters
    ----------
    study : of the design ``one_at_a_time``
    outcome : name
    level : float [1], coverage of the intervals, which are paired by replication

    Returns
    -------
    DataFrame : factor, value, difference from the middle, low, high, n; the factor that moves most first

    Notes
    -----
    Sees no interaction: every factor is moved with the others in the middle.
    """
    laid_out_for(study, OneAtATime)
    table, points = study.replicated(outcome), study.points
    rows: list[dict[str, Any]] = []
    point = 1
    for name, factor in study.factors.items():
        for _ in range(2 if factor.options is None else factor.options - 1):
            difference = paired_difference(table[0], table[point], level)
            rows.append(
                {
                    "factor": name,
                    "value": points[name].iloc[point],
                    "difference": difference.mean,
                    "low": difference.low,
                    "high": difference.high,
                    "n": difference.n,
                }
            )
            point += 1
    reach: dict[str, float] = {}
    for row in rows:
        reach[row["factor"]] = max(reach.get(row["factor"], 0.0), abs(np.nan_to_num(row["difference"])))
    rows.sort(key=lambda row: -reach[row["factor"]])
    return tidy(rows, study, outcome, middle=float(np.nanmean(table[0])))


def morris(study: Study, outcome: str, level: float = LEVEL, seed: int = 1) -> pd.DataFrame:
    """Elementary effects: what a step of each factor does on average, and how much that depends on the rest.

    Parameters
    ----------
    study : of the design ``morris``
    outcome : of which the mean over replications is taken
    level : float [1], coverage of the bootstrap interval of ``mu_star``
    seed : int, of the resampling

    Returns
    -------
    DataFrame : factor, mu_star (mean size of the effect), low, high, mu (mean effect), sigma (spread:
        curvature or interaction), n walks; in the outcome's unit for a move over the whole range; largest
        first

    Notes
    -----
    Walks with a missing point are left out. Source: Morris (1991), Technometrics 33(2); Campolongo, Cariboni
    and Saltelli (2007), Environmental Modelling & Software 22(10).
    """
    design = laid_out_for(study, Morris)
    factors, k = study.factors, len(study.factors)
    shares = design.shares(factors, study.file.seed).reshape(design.trajectories, k + 1, k)
    values = study.means(outcome).reshape(design.trajectories, k + 1)
    whole = np.isfinite(values).all(axis=1)
    if np.count_nonzero(whole) < 2:
        raise ResultsError(f"{study.name}: fewer than two walks are complete for {outcome}")
    found = salib("SALib.analyze.morris").analyze(
        problem(factors),
        shares[whole].reshape(-1, k),
        values[whole].ravel(),
        conf_level=level,
        num_levels=design.levels,
        num_resamples=1000,
        seed=seed,
    )
    rows: list[dict[str, Any]] = []
    for n, name in enumerate(factors):
        size, half = float(found["mu_star"][n]), float(found["mu_star_conf"][n])
        rows.append(
            {
                "factor": name,
                "mu_star": size,
                "low": size - half,
                "high": size + half,
                "mu": float(found["mu"][n]),
                "sigma": float(found["sigma"][n]),
                "n": int(np.count_nonzero(whole)),
            }
        )
    rows.sort(key=lambda row: -row["mu_star"])
    return tidy(rows, study, outcome)


def balanced_effects(study: Study, outcome: str) -> pd.DataFrame:
    """What moving each factor from its low to its high end does, told from points that move all of them.

    Parameters
    ----------
    study : of the design ``random_balance``
    outcome : name; a run that failed takes its mirror image with it

    Returns
    -------
    DataFrame : factor, effect, score (the effect over the standard deviation of that of a factor without
        one), n pairs; the largest score first

    Notes
    -----
    Mirror images cancel all even interactions; the effects of all other factors are this one's noise. A
    factor with the share r of what odd effects make has a score of about sqrt(n r).
    """
    laid_out_for(study, RandomBalance)
    points, means = ranks(study), study.means(outcome)
    half, up = 0.5 * (means[::2] - means[1::2]), points[::2] > points[1::2]
    known = np.isfinite(half)
    n = int(known.sum())
    noise = float(np.sqrt(np.sum(half[known] ** 2))) / max(n, 1)
    effects = np.where(up[known], half[known, None], -half[known, None]).sum(axis=0) / max(n, 1)
    rows: list[dict[str, Any]] = [
        {"factor": name, "effect": 2.0 * effect, "score": effect / noise if noise else 0.0, "n": n}
        for name, effect in zip(study.factors, effects.tolist(), strict=True)
    ]
    rows.sort(key=lambda row: -abs(row["score"]))
    return tidy(rows, study, outcome)
