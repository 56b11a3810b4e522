"""What analyses of a study show, as figures; each takes the table that its analysis returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simdai.experiments.statistics import LEVEL
from simdai.report.figures import AXIS, COLOURS, GREYS, in_style
from simdai.report.study_figures import new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from simdai.experiments.stress import Search

__all__ = [
    "attribution",
    "boxes",
    "correlations",
    "differences",
    "morris",
    "search",
    "sobol",
    "tipping",
    "tornado",
    "warm_up",
]

MOST_BARS = 20


@in_style
def differences(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Paired differences as shares of the first one's means, with their intervals; the widest come first.

    Outcomes that did not move at all are left out. Grey bars may be luck: their p after Holm is not below
    what the intervals leave out.
    """
    moved = table[(table["a"] != 0.0) & (table["difference"].fillna(0.0) != 0.0)].set_index("outcome")
    shares = moved[["difference", "low", "high"]].div(moved["a"].abs(), axis=0)
    widest = shares["difference"].abs().sort_values(ascending=False, kind="stable").index[:MOST_BARS]
    shown = shares.loc[widest]
    colours = [COLOURS[0] if p < 1.0 - LEVEL else GREYS[1] for p in moved.loc[widest, "p_holm"]]
    ax = bar_axes(ax, len(shown))
    bars(ax, shown.index, shown["difference"], shown["low"], shown["high"], colour=colours)
    ax.set_xlabel("difference, as a share of the first one's mean")
    return ax


@in_style
def warm_up(table: pd.DataFrame, series: str | None = None, ax: Axes | None = None) -> Axes:
    """A series' mean over runs with the part to be cut in grey, and its mean after the cut."""
    row = table.iloc[0] if series is None else table[table["series"] == series].iloc[0]
    times, values = table.attrs["means"][row["series"]]
    ax = ax if ax is not None else new_axes()
    ax.plot(times, values, color=COLOURS[0])
    ax.axvspan(times[0], row["cut"], color=GREYS[1], alpha=0.25, linewidth=0)
    ax.axhline(row["mean_after"], color=GREYS[0], linewidth=0.8, linestyle="--")
    ax.set_xlabel("day")
    ax.set_ylabel(AXIS.get(row["unit"], row["unit"]))
    ax.set_title(row["series"])
    return ax


@in_style
def correlations(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Rank correlations as bars with their intervals, the strongest on top."""
    shown = table.head(MOST_BARS)
    ax = bar_axes(ax, len(shown))
    bars(ax, shown["factor"], shown["correlation"], shown["low"], shown["high"])
    ax.set_xlim(-1.05, 1.05)
    ax.set_xlabel(f"rank correlation with {table.attrs['outcome']}")
    return ax


@in_style
def tornado(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """What each factor does at its ends: bars from the middle, named with the value at their end."""
    factors = list(dict.fromkeys(table["factor"]))[:MOST_BARS]
    ax = bar_axes(ax, len(factors))
    reach = float(np.nanmax(np.abs(table["difference"]), initial=0.0))
    for place, factor in enumerate(factors):
        rows = table[table["factor"] == factor]
        for n, (_, row) in enumerate(rows.iterrows()):
            ends = np.nan_to_num([row["difference"] - row["low"], row["high"] - row["difference"]])
            ax.barh(
                place,
                row["difference"],
                height=0.7,
                color=COLOURS[n % len(COLOURS)],
                alpha=0.85,
                xerr=[[ends[0]], [ends[1]]],
                error_kw={"ecolor": GREYS[1], "capsize": 2, "elinewidth": 0.8},
            )
            if not abs(row["difference"]) > 0.01 * reach:
                continue
            side = "left" if row["difference"] >= 0 else "right"
            beyond = row["high"] if side == "left" else row["low"]
            beyond = row["difference"] if np.isnan(beyond) else beyond
            ax.annotate(
                short(row["value"]),
                (beyond, place),
                xytext=(4 if side == "left" else -4, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=7,
                color=GREYS[1],
            )
    ax.set_yticks(range(len(factors)), factors)
    ax.axvline(0.0, color=GREYS[0], linewidth=0.8)
    ax.margins(x=0.35 if any(isinstance(value, str) for value in table["value"]) else 0.18)
    ax.set_xlabel(with_unit(table, f"change of {table.attrs['outcome']} from the middle"))
    return ax


@in_style
def sobol(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """First and total shares of the variance, side by side for every factor."""
    factors = list(dict.fromkeys(table["factor"]))[:MOST_BARS]
    ax = bar_axes(ax, 1.5 * len(factors))
    for n, (what, words) in enumerate((("first", "alone"), ("total", "with its interactions"))):
        rows = table[(table["index"] == what) & table["factor"].isin(factors)]
        places = np.array([factors.index(name) for name in rows["factor"]]) + (n - 0.5) * 0.36
        bars(ax, None, rows["share"], rows["low"], rows["high"], places, 0.34, COLOURS[n], words)
    ax.set_yticks(range(len(factors)), factors)
    ax.legend(loc="lower right")
    ax.set_xlim(left=min(0.0, float(table["low"].min())))
    ax.set_xlabel(f"share of the variance of {table.attrs['outcome']}")
    return ax


@in_style
def morris(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Size of the effect across, how much it varies upwards; the factors named beside their marks."""
    ax = ax if ax is not None else new_axes(5.6, 4.0)
    spread = np.maximum([table["mu_star"] - table["low"], table["high"] - table["mu_star"]], 0.0)
    ax.errorbar(
        table["mu_star"], table["sigma"], xerr=spread, fmt="o", color=COLOURS[0], markersize=5, elinewidth=0.8
    )
    reach = float(max(table["high"].max(), table["sigma"].max(), 1e-300))
    ax.plot([0.0, reach], [0.0, reach], color=GREYS[2], linewidth=0.7, linestyle="--")
    for _, row in table.head(MOST_BARS).iterrows():
        ax.annotate(
            row["factor"],
            (row["mu_star"], row["sigma"]),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=7.5,
        )
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(with_unit(table, "mean size of the effect (mu*)"))
    ax.set_ylabel("its spread (sigma)")
    ax.set_title(table.attrs["outcome"])
    return ax


@in_style
def boxes(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The restrictions of the first box of `prim` or `cart`, each as the part of its factor's range left."""
    number = "box" if "box" in table.columns else "leaf"
    first = table[table[number] == table[number].min()] if len(table) else table
    ax = bar_axes(ax, len(first))
    for place, (_, row) in enumerate(first.iterrows()):
        ax.barh(place, 1.0, height=0.55, color="#e9e9e9")
        if row["options"]:
            ax.annotate(row["options"], (0.01, place), va="center", fontsize=7.5)
            continue
        low, high = table.attrs["ranges"][row["factor"]]
        width = (high - low) or 1.0
        left, right = (row["low"] - low) / width, (row["high"] - low) / width
        ax.barh(place, right - left, left=left, height=0.55, color=COLOURS[0])
        for x, value, side in ((left, row["low"], "left"), (right, row["high"], "right")):
            ax.annotate(
                short(value),
                (x, place),
                xytext=(3 if side == "left" else -3, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                color="white" if right - left > 0.25 else GREYS[0],
                fontsize=7.5,
            )
    ax.set_yticks(range(len(first)), list(first["factor"]))
    ax.set_xlim(0.0, 1.0)
    ax.set_xticks([])
    ax.grid(visible=False)
    if len(first):
        row = first.iloc[0]
        said = f"{row['coverage']:.0%} of all cases with {table.attrs['condition']}"
        ax.set_xlabel(f"{said}, which are {row['density']:.0%} of the box")
    return ax


@in_style
def tipping(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The outcome's mean with its interval over the levels looked at, and where it passes the threshold."""
    ax = ax if ax is not None else new_axes()
    row, trace = table.iloc[0], table.attrs["trace"]
    levels = np.array([one["level"] for one in trace])
    low, mean, high = (np.array([one[name] for one in trace]) for name in ("low", "mean", "high"))
    ax.fill_between(levels, low, high, color=COLOURS[0], alpha=0.2, linewidth=0)
    ax.plot(levels, mean, "o-", color=COLOURS[0], markersize=3)
    ax.axhline(row["threshold"], color=GREYS[0], linewidth=0.8, linestyle="--")
    if np.isfinite(row["level"]):
        ax.axvline(row["level"], color=COLOURS[1], linewidth=1.0)
        left, right = np.clip([row["low"], row["high"]], levels[0], levels[-1])
        ax.axvspan(left, right, color=COLOURS[1], alpha=0.15, linewidth=0)
    ax.set_xlabel(f"{row['path']} [{row['unit']}]" if row["unit"] else row["path"])
    unit = table.attrs["units"].get(row["outcome"], "")
    ax.set_ylabel(AXIS.get(unit, unit))
    ax.set_title(row["outcome"])
    return ax


@in_style
def attribution(table: pd.DataFrame, outcome: str | None = None, ax: Axes | None = None) -> Axes:
    """The parts of one outcome's change as bars, the whole change below them."""
    name = outcome or table["outcome"].iloc[0]
    rows = table[table["outcome"] == name]
    parts, whole = rows.iloc[:-1], rows.iloc[-1:]
    order = parts["part"].abs().sort_values(ascending=False).index
    import pandas as pd

    shown = pd.concat([parts.loc[order].head(MOST_BARS), whole])
    ax = bar_axes(ax, len(shown))
    bars(ax, shown["lever"], shown["part"], shown["low"], shown["high"])
    ax.patches[-1].set_facecolor(GREYS[1])
    ax.set_xlabel(f"part of the change of {name} [{rows['unit'].iloc[0]}]")
    return ax


def bar_axes(ax: Axes | None, n: float) -> Axes:
    """Axes for so many bars below one another."""
    if ax is None:
        ax = new_axes(6.2, 0.9 + 0.32 * max(n, 2))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    return ax


def bars(
    ax: Axes,
    names: Any,
    values: Any,
    low: Any,
    high: Any,
    places: Any = None,
    height: float = 0.6,
    colour: str | list[str] = COLOURS[0],
    label: str = "",
) -> None:
    """Bars to the left and right of zero with their intervals."""
    where = np.arange(len(values)) if places is None else places
    spread = np.maximum(np.nan_to_num(np.array([values - low, high - values], np.float64)), 0.0)
    error = {"ecolor": GREYS[1], "capsize": 2, "elinewidth": 0.8}
    ax.barh(where, values, height=height, color=colour, xerr=spread, error_kw=error, label=label or None)
    ax.axvline(0.0, color=GREYS[0], linewidth=0.8)
    if names is not None:
        ax.set_yticks(where, list(names))


def with_unit(table: pd.DataFrame, words: str) -> str:
    """Words with the unit of the table's outcome."""
    unit = table.attrs["units"].get(table.attrs["outcome"], "")
    return f"{words} [{unit}]" if unit else words


def short(value: Any) -> str:
    """A value of a factor in few letters."""
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)[:18]


@in_style
def search(found: Search, ax: Axes | None = None) -> Axes:
    """The cost of every point looked at, in order: those that break and those that hold."""
    ax = ax if ax is not None else new_axes()
    table = found.table
    for broken, colour, words in ((False, GREYS[2], "holds"), (True, COLOURS[1], "breaks")):
        rows = table[table["broken"] == broken]
        ax.plot(rows["look"], rows["cost"], ".", color=colour, label=words, markersize=5)
    best = table["cost"].where(table["broken"]).cummin().ffill()
    ax.plot(table["look"], best, color=COLOURS[0], label="cheapest break so far")
    if found.best is not None:
        ax.axhline(found.cost_to_break, color=GREYS[0], linewidth=0.8, linestyle="--", label="confirmed")
    ax.legend()
    ax.set_xlabel("looks")
    ax.set_ylabel(f"{found.cost} [{found.cost_unit}]" if found.cost_unit else found.cost)
    ax.set_title(str(found.prop))
    return ax
