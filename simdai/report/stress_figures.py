"""What a battery and the study of levers show, as figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.experiments.stress.battery import UNSTRESSED
from simdai.experiments.stress.mend import Mended
from simdai.experiments.stress.scorecard import Scorecard
from simdai.report.figures import AXIS, COLOURS, GREYS, compact, in_style, spread
from simdai.report.study_figures import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curves", "lever_front", "lever_moves"]

MOST_CURVES = 4
SHOWN = {"token.price_usd": "Price of the token", "token.treasury_usd": "Worth of the treasury"}

Runs = Mapping[str, NDArray[np.float64]]


def curves(card: Scorecard) -> Iterator[Axes]:
    """Series under the hardest severity of the stresses that moved them most, with bands of 90 %."""
    network = card.applied.network
    counted = sorted(
        name
        for name in card.study.units
        if name.startswith(f"{network}.") and name.endswith(".count") and name.count(".") == 2
    )
    titles = {name: f"Number of {name.split('.')[1]}" for name in counted}
    titles |= {f"{network}.{name}": title for name, title in SHOWN.items()}
    for name, title in titles.items():
        found = courses(card, name)
        if UNSTRESSED in found[1]:
            yield curve(card, name, title, *found)


def courses(card: Scorecard, name: str) -> tuple[NDArray[np.float64], Runs]:
    """Instants, and stress to the (replications, instants) values of a series at its hardest severity."""
    applied = card.applied
    variants = {UNSTRESSED: UNSTRESSED} | {
        stress: f"{stress}.{severity}"
        for stress, severity in applied.names
        if severity == applied.battery.severities[-1]
    }
    points = {int(card.study.where(stress=variant)[0]): label for label, variant in variants.items()}
    times, rows = np.empty(0), dict[str, list[NDArray[np.float64]]]()
    for run, series in card.study.run_series.items():
        label = points.get(int(run[1:].split("-")[0]))
        if label is not None and name in series.values:
            times = series.times
            rows.setdefault(label, []).append(series.values[name])
    return times, {label: np.array(values) for label, values in rows.items()}


@in_style
def curve(card: Scorecard, name: str, title: str, days: NDArray[np.float64], runs: Runs) -> Axes:
    """One series unstressed, and under the stresses that moved its mean most in the end."""
    ax = new_axes(7.4, 3.2)
    colours = {stress: COLOURS[n % len(COLOURS)] for n, stress in enumerate(card.grades)}  # the same in all
    calm = runs[UNSTRESSED][:, -1].mean()
    moved = sorted(
        (stress for stress in runs if stress != UNSTRESSED),
        key=lambda stress: -abs(np.nan_to_num(runs[stress][:, -1].mean() - calm)),
    )
    for label in (UNSTRESSED, *moved[:MOST_CURVES]):
        mean, low, high = spread(runs[label])
        colour = colours.get(label, GREYS[1])
        ax.plot(days, mean, color=colour, label=label.replace("_", " "))
        ax.fill_between(days, low, high, color=colour, alpha=0.15, linewidth=0)
    first = min(map(card.applied.struck, card.grades))
    ax.axvline(first, color=GREYS[2], linewidth=0.8, linestyle=":")
    unit = card.study.units.get(name, "")
    ax.set(xlabel="day", ylabel=AXIS.get(unit, unit), title=f"{title}; bands hold 90 % of the runs")
    ax.set_ylim(bottom=0)
    top = ax.get_ylim()[1]
    ax.yaxis.set_major_formatter(lambda y, _: compact(y, top))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


@in_style
def lever_moves(mended: Mended, stress: str) -> Axes:
    """Where each lever brings the break-point of a stress: as it is, at the low end, at the high end."""
    moves = mended.moves[mended.moves["stress"] == stress]
    ax = new_axes(7.0, 1.0 + 0.45 * len(moves))
    finite = moves[["as it is", "low", "high"]].to_numpy(dtype=float)
    finite = finite[np.isfinite(finite)]
    beyond = 1.15 * finite.max() if len(finite) else 1.0
    for place, (_, row) in enumerate(moves.iloc[::-1].iterrows()):
        ends = [min(float(row[end]), beyond) for end in ("low", "high")]
        ax.plot(ends, [place, place], color=GREYS[2], linewidth=1.2, zorder=1)
        for end, colour, mark in (("low", COLOURS[0], "<"), ("high", COLOURS[1], ">")):
            ax.plot(min(float(row[end]), beyond), place, mark, color=colour, label=f"{end} end", markersize=7)
        ax.plot(
            min(float(row["as it is"]), beyond), place, "|", color=GREYS[0], markersize=13, label="as it is"
        )
    ax.set_yticks(range(len(moves)), [name.rpartition("networks.")[2] for name in moves["lever"][::-1]])
    ax.set_ylim(-0.6, len(moves) - 0.4)
    if np.isinf(moves[["as it is", "low", "high"]].to_numpy(dtype=float)).any():
        mark_not_broken(ax, beyond, bool(len(finite)))
    unit = moves["unit"].iloc[0]
    ax.set_xlabel("severity that breaks" if unit == "1" else f"cost to break [{unit}]")
    ax.set_title(f"What levers do to the break-point of {stress.replace('_', ' ')}", pad=14)
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(handles.values(), handles.keys(), loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def mark_not_broken(ax: Axes, beyond: float, others: bool) -> None:
    """Mark the place of what was not broken, behind all costs; without any other cost it is no number."""
    ax.axvline(beyond, color=GREYS[2], linewidth=0.8, linestyle=":")
    ax.annotate("not broken", (beyond, 1.01), xycoords=("data", "axes fraction"), ha="center", fontsize=7.5)
    if not others:
        ax.set_xticks([])


@in_style
def lever_front(mended: Mended, stress: str) -> Axes:
    """Settings of the levers by cost to break and providers' margin; those that nothing beats are ringed."""
    ax = new_axes(6.4, 3.6)
    costs = np.array([one.costs[stress] for one in mended.tried])
    known = costs[np.isfinite(costs)]
    beyond = 1.15 * known.max() if len(known) else 1.0
    across = np.minimum(costs, beyond)
    margins = np.array([one.margin for one in mended.tried])
    dots = ax.scatter(
        across, margins, c=[100.0 * one.dilution for one in mended.tried], cmap="cividis", s=42, zorder=2
    )
    best = np.array([one.best for one in mended.tried])
    ax.scatter(
        across[best], margins[best], s=130, facecolors="none", edgecolors=COLOURS[1], label="nothing beats it"
    )
    ax.annotate("as it is", (across[0], margins[0]), xytext=(6, 6), textcoords="offset points", fontsize=7.5)
    if np.isinf(costs).any():
        mark_not_broken(ax, beyond, bool(len(known)))
    ax.figure.colorbar(dots, ax=ax, label="net issuance over supply [%]")
    unit = mended.tried[0].units[stress]
    ax.set_xlabel("severity that breaks" if unit == "1" else f"cost to break [{unit}]")
    ax.set_ylabel("mean margin of providers")
    ax.set_title(f"Settings under {stress.replace('_', ' ')}", pad=14)
    ax.legend(loc="best")
    return ax
