"""What early stakes returned: the table and the figure of the report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from simdai.errors import ResultsError
from simdai.metrics.returns import PORTFOLIO, QUANTILES, portfolio, returns_table, stakes
from simdai.report.figures import COLOURS, GREYS, styled
from simdai.results import Results, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SHORTEST_DAYS", "returns_figure", "returns_rows", "returns_sentences"]

SHORTEST_DAYS = 180.0
"""Runs shorter than this, after the warm-up, say nothing of returns."""

LEAST = 0.01  # where the axis of multiples begins; what is worth less is drawn there


def returns_rows(results: Results) -> pd.DataFrame | None:
    """The table of returns; None where the scenario holds no stakes, or is too short to tell."""
    described = results.provenance
    days = described.get("until_days") or described.get("horizon_days", 0.0)
    if days - float(described.get("warm_up_days") or 0.0) < SHORTEST_DAYS:
        return None
    try:
        return returns_table(results)
    except ResultsError:
        return None


def returns_sentences(results: Results) -> str:
    """What the table and the figure show, and what the portfolio adds to it."""
    held = stakes(results)
    runs = len(held.multiples)
    said = [
        "Multiples of the money put in at the end of the warm-up, "
        f"{number(held.years)} years before the end, over {runs} run{'s' * (runs != 1)}. A token returns its "
        "price, a lab's shares its valuation times what rounds have left of them; a project that died "
        "returns nothing. Beside them stands what was published of stakes in tokens (dead at 0.46 a year) "
        "and in ventures (Correlation Ventures)."
    ]
    if held.n_tokens > 1:
        whole = portfolio(held.tokens)
        best = f"On average the best stake makes {100 * whole.top[1]:.0f} % of a portfolio of all tokens"
        low, high = whole.top_band
        band = "" if math.isnan(low) else f" (90 % band {100 * low:.0f} to {100 * high:.0f} %)"
        said.append(f"{best}{band}; it is as good as lost in {100 * whole.zero:.0f} % of the runs.")
        if not math.isnan(whole.beats_benchmark):
            said.append(f"It beats Bitcoin in {100 * whole.beats_benchmark:.0f} % of the runs.")
    return " ".join(said)


def returns_figure(table: pd.DataFrame) -> Figure:
    """Ranges of multiples, one line a stake: 90 % thin, the middle half thick, a dot for the median."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    from simdai.report import layout

    with styled():
        figure = Figure(figsize=(7.0, 0.7 + 0.3 * len(table)))
        ax = figure.subplots()
        low, quarter, middle, three, high = (f"q{round(100 * q):02d}" for q in QUANTILES)
        for place, row in enumerate(table.to_dict("records")):
            colour = _colour(str(row["stake"]))
            shown = {key: max(float(row[key]), LEAST) for key in (low, quarter, middle, three, high)}
            ax.plot([shown[low], shown[high]], [place, place], color=colour, linewidth=1)
            ax.plot([shown[quarter], shown[three]], [place, place], color=colour, linewidth=4)
            ax.plot([shown[middle]], [place], "o", color=colour, markersize=6, markeredgecolor="white")
            if row["zero"] > 0:
                text = f"{100 * row['zero']:.0f} % lost"
                ax.annotate(
                    text,
                    (1.0, place),
                    xycoords=("axes fraction", "data"),
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8,
                    color=colour,
                )
        ax.axvline(1.0, color=GREYS[0], linewidth=0.8, zorder=0)
        ax.set_xscale("log")
        ax.set_xlim(left=LEAST)
        ax.xaxis.set_major_formatter(FuncFormatter(_multiple))
        ax.set_yticks(range(len(table)), [str(name) for name in table["stake"]])
        ax.invert_yaxis()
        ax.set_xlabel("multiple of the money put in")
        layout.place(figure, [ax], 1, [layout.width("100 % lost", 8.0) + 5])
    return figure


def _multiple(value: float, _: Any) -> str:
    return f"{'≤ ' if value <= LEAST else ''}{value:g} x"


def _colour(stake: str) -> str:
    """Grey for what was published, one colour for stakes, others for the portfolio and the benchmark."""
    if stake.startswith("published"):
        return GREYS[1]
    return {PORTFOLIO: COLOURS[1], "bitcoin": COLOURS[2]}.get(stake, COLOURS[0])
