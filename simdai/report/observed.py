"""What really happened beside what was simulated: the table and the figures of the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simdai.metrics.observed import LEAST_RUNS, Held, inside_shares, observed
from simdai.report.figures import COLOURS, GREYS, Curve, axis_label, compact, curves, styled
from simdai.results import Results, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["HEADS", "held_rows", "observed_figures", "observed_sentence"]

HEADS = ("observation", "date", "observed", "quantile", "90 % of runs", "width", "", "grade", "unit")
STEEP = 25.0  # a series that moves by more than this factor is drawn on a logarithmic axis
COLUMNS = 3


def observed_sentence(held: Sequence[Held]) -> str:
    """How many observations lie inside, and how wide the bands are."""
    inside = sum(one.inside for one in held)
    series = dict.fromkeys(one.series for one in held)
    whole = sum(all(one.inside for one in held if one.series == name) for name in series)
    by = ", ".join(f"{group} {k} of {n}" for group, (k, n) in inside_shares(held).items())
    widths = [one.width_oom for one in held if math.isfinite(one.width_oom)]
    said = [
        f"{inside} of {len(held)} observations ({100 * inside / len(held):.0f} %) lie in the band that holds "
        f"90 % of the runs, and all of those of {whole} of {len(series)} series: {by}."
    ]
    if widths:
        middle, most = float(np.median(widths)), max(widths)
        said.append(
            f"From end to end half of the bands are narrower than a factor of {10**middle:.2g}, "
            f"the widest spans one of {number(10**most)}."
        )
    runs = min(int(np.sum(~np.isnan(one.runs))) for one in held)
    if runs < LEAST_RUNS:
        said.append(f"With {runs} run{'s' * (runs != 1)} the ends of a band say little; take {LEAST_RUNS}.")
    return " ".join(said)


def held_rows(held: Sequence[Held]) -> list[tuple[str, ...]]:
    """The cells of the table, as `HEADS` names them; a row of one cell names a group."""
    rows: list[tuple[str, ...]] = []
    for group in dict.fromkeys(one.group for one in held):
        rows.append((group,))
        for one in (one for one in held if one.group == group):
            low, _, high = one.band
            factor = f"x {10**one.width_oom:.2g}" if one.width_oom >= 0.15 else f"{100 * one.width:.2g} %"
            rows.append(
                (
                    one.name,
                    f"{one.date}" if math.isnan(one.over) else f"{one.date}, {one.over:g} d",
                    number(one.value),
                    f"{one.quantile:.2f}",
                    f"{number(low)} to {number(high)}",
                    factor,
                    "" if one.inside else "outside",
                    one.grade,
                    one.unit,
                )
            )
    return rows


def observed_figures(results: Results, held: Sequence[Held] | None = None) -> Iterator[tuple[str, Figure]]:
    """One figure a group: for each series the band of the runs, and a dot for each observation."""
    held = observed(results) if held is None else held
    for group in dict.fromkeys(one.group for one in held):
        yield group, _figure(results, [one for one in held if one.group == group])


def _figure(results: Results, held: Sequence[Held]) -> Figure:
    from matplotlib.figure import Figure

    names = list(dict.fromkeys((one.series, math.isnan(one.over)) for one in held))
    rows = math.ceil(len(names) / COLUMNS)
    with styled():
        figure = Figure(figsize=(7.0, 1.75 * rows + 0.1), layout="constrained")
        axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        for ax, (series, level) in zip(axes, names, strict=False):
            mine = [one for one in held if one.series == series and math.isnan(one.over) == level]
            (line,) = curves(results, [series])
            if level:
                _band(results, ax, line)
            _dots(ax, mine, spans=not level)
            _settle(ax, line, mine, level)
    return figure


def _band(results: Results, ax: Axes, line: Curve) -> None:
    start = np.datetime64(str(results.provenance["start"])[:10], "s")
    dates = start + np.round(line.days * 86_400).astype("timedelta64[s]")
    table = np.array([run.values[line.name][: len(line.days)] for run in results.run_series.values()])
    ax.fill_between(dates, line.low, line.high, color=COLOURS[0], alpha=0.18, linewidth=0)
    ax.plot(dates, np.median(table, axis=0), color=COLOURS[0], linewidth=1.0)


def _dots(ax: Axes, held: Sequence[Held], spans: bool) -> None:
    """A dot an observation; what a series added in a time has its band as a bar."""
    for one in held:
        date = np.datetime64(one.date)
        if spans:
            low, middle, high = one.band
            ax.plot(
                [date, date], [low, high], color=COLOURS[0], alpha=0.3, linewidth=5, solid_capstyle="butt"
            )
            ax.plot([date], [middle], "_", color=COLOURS[0], markersize=7)
        colour = GREYS[0] if one.inside else COLOURS[1]
        ax.plot([date], [one.value], "o", color=colour, markersize=3.6, markeredgecolor="white", zorder=3)


def _settle(ax: Axes, line: Curve, held: Sequence[Held], level: bool) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    ends = [end for one in held for end in (*one.band[::2], one.value)]
    if level:
        ends += [*line.low, *line.high]
    known = [end for end in ends if math.isfinite(end)]
    top = max(known, default=1.0)
    if known and min(known) > 0.0 and top > STEEP * min(known):
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(numticks=5))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: compact(y, y)))
    else:
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: compact(y, top)))
    locator = AutoDateLocator(minticks=2, maxticks=4)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    over = "" if level else f"\nin {held[0].over:g} days"
    ax.set_title(f"{line.name}{over}", fontsize=7, fontweight="normal")
    ax.set_ylabel(axis_label(line), fontsize=7)
    ax.tick_params(labelsize=7)
