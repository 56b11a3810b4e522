"""What a study shows, as figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from simdai.experiments.designs import OneAtATime
from simdai.experiments.study import Study
from simdai.report.figures import AXIS, COLOURS, in_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["against", "responses"]

MOST_PANELS = 9
MOST_MARKS = 30  # distinct values of a factor up to which each has its own interval


@in_style
def against(study: Study, outcome: str, factor: str, ax: Axes | None = None) -> Axes:
    """Draw an outcome against a factor.

    A factor with few values has for each the mean over all points, with its 95 % interval;
    one with many has a dot for each point, the mean of its replications.
    """
    ax = ax if ax is not None else new_axes()
    column = study.points[factor].to_numpy()
    study.values(outcome)  # says so where there is no such outcome
    if len(set(column)) <= MOST_MARKS:
        alone = isinstance(study.file.design, OneAtATime)
        table = moved_alone(study, outcome, factor) if alone else study.summary(outcome, by=factor)
        at = places(ax, table[factor].to_numpy())
        mean = table["mean"].to_numpy()
        spread = np.nan_to_num(np.array([mean - table["low"], table["high"] - mean]))
        form = "o" if study.factors[factor].options is not None else "o-"
        ax.errorbar(at, mean, yerr=spread, fmt=form, color=COLOURS[0], capsize=3, markersize=4)
    else:
        ax.plot(column, study.means(outcome), ".", color=COLOURS[0], alpha=0.5, markersize=4)
    label(ax, study, outcome, factor)
    return ax


def moved_alone(study: Study, outcome: str, factor: str) -> pd.DataFrame:
    """The means of the points at which the other factors are in the middle, as the first point has them."""
    points = study.points
    others = [name for name in study.factors if name != factor]
    chosen = (points[others] == points[others].iloc[0]).all(axis=1)
    table = study.summary(outcome)
    return table[table["point"].isin(points.loc[chosen, "point"])].sort_values(factor)


def places(ax: Axes, values: Any) -> Any:
    """Where values stand on the horizontal axis: numbers at their size, names side by side."""
    if values.dtype.kind in "fi":
        if len(values) > 2 and np.all(values > 0) and values.max() / values.min() > 30:
            ax.set_xscale("log")
        return values
    names = [str(value) for value in values]
    tilted: dict[str, Any] = {"rotation": 25, "ha": "right"} if max(map(len, names)) > 8 else {}
    ax.set_xticks(range(len(values)), names, **tilted)
    ax.margins(x=0.2)
    return np.arange(len(values))


def label(ax: Axes, study: Study, outcome: str, factor: str) -> None:
    """Name the axes with their units."""
    unit, varied = study.units.get(outcome, ""), study.factors[factor]
    factor_unit = "× base" if varied.relative_paths else varied.unit
    ax.set_title(outcome)
    ax.set_ylabel(AXIS.get(unit, unit))
    ax.set_xlabel(f"{factor} [{factor_unit}]" if factor_unit else factor)


@in_style
def responses(study: Study, outcome: str) -> Figure:
    """Draw an outcome against every factor, side by side on one scale."""
    import matplotlib.pyplot as plt

    names = list(study.factors)[:MOST_PANELS]
    columns = min(len(names), 3)
    rows = math.ceil(len(names) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.7 * columns, 2.3 * rows + 0.3), sharey=True, squeeze=False
    )
    figure.set_layout_engine("constrained")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for ax, factor in zip(axes.flat, names, strict=False):
        against(study, outcome, factor, ax)
        ax.set_title("")
        if ax is not axes[ax.get_subplotspec().rowspan.start, 0]:
            ax.set_ylabel("")
    return figure


@in_style
def new_axes(width: float = 6.2, height: float = 3.4) -> Axes:
    """Axes in the style of the reports."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax
