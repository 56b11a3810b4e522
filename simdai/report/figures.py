"""Series drawn against the date: the mean over replications, in a band that holds 90 % of them."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from simdai.report.panel import Panel
from simdai.report.panels import PANELS
from simdai.results import Results, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")
BAND = (0.05, 0.95)
MOST_LINES = 7
DATES_ALONE, DATES_BESIDE = (
    (3, 7),
    (2, 5),
)  # least and most dates named at axes as wide as a figure, and at others
APART = 25.0  # series whose typical sizes differ more than this get axes of their own
# Okabe & Ito (2008), Color Universal Design: told apart by colour-blind readers; the pale yellow left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195")
GREYS = ("#1a1a1a", "#6e6e6e", "#9a9a9a")
DASHES = ("--", ":", "-.")
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "axes.labelcolor": "#333333",
    "text.color": "#222222",
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "svg.hashsalt": "simdai",
    "svg.fonttype": "path",
}
AXIS = {
    "1": "ratio",
    "count": "number",
    "USD/h": "USD per GPU-hour",
    "USD/y": "USD a year",
    "1/y": "per year",
    "h": "hours",
    "1/d": "per day",
    "d": "days",
}


class Curve(NamedTuple):
    """One series over all replications.

    Parameters
    ----------
    name, unit : of the series
    days : (n,) float [day] since the start
    mean, low, high : (n,) float, over replications; low and high are the 5 % and 95 % quantiles
    n : replications
    """

    name: str
    unit: str
    days: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: int


class Drawn(NamedTuple):
    """A finished figure with its title, the sentence under it and the series in it."""

    title: str
    sentence: str
    figure: Figure
    names: tuple[str, ...]


def curves(results: Results, names: Sequence[str]) -> list[Curve]:
    """Bring series to their mean and band over the replications that have them."""
    found = []
    for name in names:
        runs = [one for one in results.run_series.values() if name in one.values]
        n = min(len(one.times) for one in runs)
        table = np.array([one.values[name][:n] for one in runs])
        mean, low, high = spread(table)
        found.append(Curve(name, runs[0].units[name], runs[0].times[:n], mean, low, high, len(runs)))
    return found


def spread(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Mean and quantiles `BAND` of each column's numbers, nan where it has none.

    >>> [part.tolist() for part in spread(np.array([[1.0, np.nan], [3.0, 5.0]]))]
    [[2.0, 5.0], [1.1, 5.0], [2.9, 5.0]]
    """
    ranked = np.sort(table, axis=0)  # what is not a number comes last
    n = np.count_nonzero(~np.isnan(table), axis=0)
    columns = np.arange(table.shape[1])
    parts = [np.where(n > 0, np.nansum(table, axis=0) / np.maximum(n, 1), np.nan)]
    for share in BAND:
        position = share * np.maximum(n - 1, 0)
        below = position.astype(int)
        above = np.minimum(below + 1, np.maximum(n - 1, 0))
        start, end = ranked[below, columns], ranked[above, columns]
        parts.append(start + (position - below) * (end - start))
    return tuple(parts)


def figures(results: Results) -> Iterator[Drawn]:
    """Draw what the results hold, one figure after the other; the caller closes each."""
    names = list(dict.fromkeys(name for one in results.run_series.values() for name in one.values))
    document = results.provenance.get("scenario", {}).get("resolved", {})
    for panel in PANELS:
        chosen = panel.chosen(names, document)
        if not chosen:
            continue
        lines = [c for c in curves(results, list(chosen)) if np.any(np.isfinite(c.mean))]
        if not any(np.nanmax(np.abs(line.mean)) > 0 for line in lines):
            continue  # nothing was measured, or it never differed from zero
        ranked = leading(lines)
        groups = grouped(ranked, chosen, panel.facets)
        with styled():
            figure = drawn(results, groups, chosen, panel)
        sentence = panel.sentence
        if len(ranked) < len(lines):
            sentence += f" The {len(ranked)} largest of {len(lines)} are drawn."
        yield Drawn(panel.title, f"{sentence} {band_sentence(lines[0].n)}".strip(), figure, tuple(chosen))


def leading(lines: list[Curve]) -> list[Curve]:
    """The largest curves, in their old order, where there are too many to tell apart."""
    limit = MOST_LINES * 2
    if len(lines) <= limit:
        return lines
    kept = sorted(lines, key=size, reverse=True)[:limit]
    return [line for line in lines if line in kept]


def size(line: Curve) -> float:
    """A curve's typical size."""
    values = np.abs(line.mean[np.isfinite(line.mean)])
    return float(np.median(values)) if len(values) else 0.0


def grouped(lines: list[Curve], chosen: Mapping[str, tuple[str, str]], facets: bool) -> list[list[Curve]]:
    """Decide which curves share axes: one unit and like sizes, or what belongs to one owner."""
    groups: dict[Any, list[Curve]] = {}
    if facets:
        for line in lines:
            groups.setdefault((chosen[line.name][0], line.unit), []).append(line)
        return list(groups.values())
    sizes = [size(line) for line in lines if size(line) > 0]
    alike = len({line.unit for line in lines}) == 1 and (not sizes or max(sizes) < APART * min(sizes))
    bounded = all(line.unit == "1" for line in lines)
    if (alike or bounded) and len(lines) <= MOST_LINES:
        return [lines]
    return [[line] for line in lines]


def band_sentence(n: int) -> str:
    """Say what line and band are."""
    if n == 1:
        return "One replication, so no band."
    return f"Lines are means over {n} replications, bands hold the middle 90 % of them."


def drawn(
    results: Results, groups: list[list[Curve]], chosen: Mapping[str, tuple[str, str]], panel: Panel
) -> Figure:
    """Lay a panel's axes out, at most two beside one another."""
    from matplotlib.figure import Figure

    from simdai.report import layout

    bare = all(len(lines) == 1 for lines in groups)
    columns = 1 if len(groups) == 1 else 3 if bare and len(groups) in (3, 5, 6, 9) else 2
    rows = math.ceil(len(groups) / columns)
    width, height = 7.0, 2.75 if columns == 1 else 2.15
    figure = Figure(figsize=(width, height * rows + 0.1))
    axes = [figure.add_subplot(rows, columns, k + 1) for k in range(len(groups))]
    ends = []
    for ax, lines in zip(axes, groups, strict=True):
        paint(results, ax, lines, panel.floor, DATES_ALONE if columns == 1 else DATES_BESIDE)
        if len(groups) > 1 or len(lines) == 1:
            who, what = chosen[lines[0].name]
            ax.set_title(who if len(lines) > 1 or what in ("", "all") else f"{who}: {what}")
        words = [chosen[line.name][1 if panel.facets else 0] for line in lines]
        name_ends(results, ax, lines, words, (height - 0.35) * 72)
        ends.append(max(layout.width(word, 8.0) for word in words) + 5 if len(lines) > 1 else 0.0)
    layout.place(figure, axes, columns, ends)
    return figure


def draw(results: Results, names: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw series of one unit; see `Results.plot`."""
    with styled():
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(7.0, 3.0), layout="constrained")
        lines = curves(results, names)
        paint(results, ax, lines, floor=False, dates=DATES_ALONE)
        if len(lines) == 1:
            ax.set_title(names[0])
        name_ends(results, ax, lines, names, ax.get_window_extent().height / ax.figure.dpi * 72)
    return ax


def paint(results: Results, ax: Axes, lines: Sequence[Curve], floor: bool, dates: tuple[int, int]) -> None:
    """Put curves with their bands on axes that name from ``dates[0]`` to ``dates[1]`` dates."""
    start = np.datetime64(results.provenance.get("start", "1970-01-01"), "s")
    looks = appearance(results, lines)
    days: Any = []
    alpha = 0.18 if len(lines) < 3 else 0.10
    for line in lines:
        days = start + np.round(line.days * 86_400).astype("timedelta64[s]")
        colour, dash = looks[line.name]
        if line.n > 1:
            ax.fill_between(days, line.low, line.high, color=colour, alpha=alpha, linewidth=0)
        ax.plot(days, line.mean, dash, color=colour)
    ax.set_ylabel(axis_label(lines[0]))
    settle_axes(ax, lines, floor, dates)
    if len(days) > 1:
        ax.set_xlim(days[0], days[-1])


def axis_label(line: Curve) -> str:
    """What an axis counts, and in which unit."""
    if line.unit == "count":
        return {"capacity": "GPUs", "count": "providers"}.get(line.name.split(".")[-1], "number")
    return AXIS.get(line.unit, line.unit)


def appearance(results: Results, lines: Sequence[Curve]) -> dict[str, tuple[str, str]]:
    """Colour and dash of each curve: clouds grey and dashed, an owner's colour the same in all figures."""
    document = results.provenance.get("scenario", {}).get("resolved", {})
    clouds, networks = list(document.get("clouds", {})), list(document.get("networks", {}))
    looks = {}
    for position, line in enumerate(lines):
        parts = line.name.split(".")
        cloud = next((clouds.index(part) for part in parts if part in clouds), None)
        network = next((networks.index(part) for part in parts if part in networks), None)
        alone = (
            sum(any(part == other for other in o.name.split(".")) for o in lines for part in parts[:1]) == 1
        )
        if cloud is not None:
            looks[line.name] = (GREYS[cloud % len(GREYS)], DASHES[cloud % len(DASHES)])
        elif network is not None and (alone or parts[0] == "market"):
            looks[line.name] = (COLOURS[network % len(COLOURS)], "-")
        else:
            looks[line.name] = (COLOURS[position % len(COLOURS)], "-")
    return looks


def settle_axes(ax: Axes, lines: Sequence[Curve], floor: bool, dates: tuple[int, int]) -> None:
    """Set range and ticks: whole from zero where zero means something, percent for shares, short dates."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    tops = [
        np.nanmax(np.where(np.isfinite(part), part, np.nan))
        for line in lines
        for part in (line.mean, line.high)
    ]
    lows = [
        np.nanmin(np.where(np.isfinite(part), part, np.nan))
        for line in lines
        for part in (line.mean, line.low)
    ]
    if floor and min(lows) >= 0:
        top = max(tops)
        ax.set_ylim(0, top * 1.06 if top > 0 else 1)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    shares = all(re.search("share|utilisation", line.name) for line in lines) and max(tops) <= 1.0
    form = (lambda y, _: f"{100 * y:g} %") if shares else (lambda y, _: compact(y, max(tops)))
    ax.yaxis.set_major_formatter(FuncFormatter(form))
    if shares:
        ax.set_ylabel("")
    locator = AutoDateLocator(minticks=dates[0], maxticks=dates[1])  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def last_value(line: Curve) -> float:
    """Where the curve ends, nan where it has no value at all."""
    known = line.mean[np.isfinite(line.mean)]
    return float(known[-1]) if len(known) else math.nan


def name_ends(
    results: Results, ax: Axes, lines: Sequence[Curve], words: Sequence[str], height: float
) -> None:
    """Write names at the right of the curves' ends, moved apart on axes of about ``height`` points."""
    if len(lines) < 2:
        return
    looks = appearance(results, lines)
    ends = [(last_value(line), word, looks[line.name][0]) for line, word in zip(lines, words, strict=True)]
    known = sorted(end for end in ends if math.isfinite(end[0]))
    bottom, top = ax.get_ylim()
    places = apart([(value - bottom) / (top - bottom) for value, *_ in known], 10.5 / max(height, 40.0))
    for (_, word, colour), place in zip(known, places, strict=True):
        ax.annotate(
            word,
            (1.0, place),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=8,
            annotation_clip=False,
        )


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Move rising places apart by at least ``gap``, each crowd about its own middle.

    >>> apart([0.0, 0.0, 1.0], 0.5)
    [-0.25, 0.25, 1.0]
    """
    crowds: list[list[float]] = []  # middle, number of members
    for place in places:
        crowds.append([place, 1.0])
        while len(crowds) > 1 and crowds[-1][0] - crowds[-2][0] < gap * (crowds[-1][1] + crowds[-2][1]) / 2:
            middle, n = crowds.pop()
            before, m = crowds[-1]
            crowds[-1] = [(before * m + middle * n) / (m + n), m + n]
    return [middle + gap * (k - (n - 1) / 2) for middle, n in crowds for k in range(int(n))]


def compact(value: float, top: float) -> str:
    """Write a tick of an axis that reaches to ``top``: thousands as k, millions as M, billions as bn.

    >>> compact(5_000.0, 20_000.0), compact(2.5e6, 4e6), compact(900.0, 1_000.0)
    ('5 k', '2.5 M', '900')
    """
    for from_, size, sign in ((1e9, 1e9, "bn"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value and from_ <= top < 1e15:
            return f"{value / size:.4g} {sign}"
    return number(value)


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the report's style, whatever the user's own settings are."""
    import matplotlib

    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        yield


def in_style(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a function draw in the report's style."""

    @functools.wraps(draw)
    def styled_draw(*arguments: P.args, **options: P.kwargs) -> T:
        with styled():
            return draw(*arguments, **options)

    return styled_draw
