"""The report of a battery: one HTML file for somebody who decides about a design."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from simdai.errors import ResultsError
from simdai.experiments.stress.measures import MEASURES
from simdai.experiments.stress.scorecard import Scorecard
from simdai.report.page import FILE, as_svg, document, section, sources, table
from simdai.results import interval_texts, number

__all__ = ["page", "write"]

COLOURS = {"held": "#2f7d4f", "bent": "#c58a14", "broke": "#b3362b", "not measured": "#777777"}
CURVES = {"providers.count": "Providers", "token.price_usd": "Price of the token"}


def write(card: Scorecard, path: Path | None = None) -> Path:
    """Write the report, into the folder of the runs unless ``path`` says where.

    Raises
    ------
    ResultsError : the runs have no folder and no path is given, or it cannot be written
    """
    from simdai.experiments.folder import reported
    from simdai.experiments.store import write_atomically

    if path is None:
        if card.study.path is None:
            raise ResultsError("these runs are only in memory; say where the report goes")
        path = card.study.path / FILE
    with reported(path):
        write_atomically(path, page(card).encode())
    return path


def page(card: Scorecard) -> str:
    """Write the report as one self-contained HTML text."""
    broken = card.broken
    said = (
        f"{len(broken)} of {len(card.grades)} stresses broke it: {', '.join(broken)}."
        if broken
        else (f"None of {len(card.grades)} stresses broke it at the severities tried; others may.")
    )
    parts = [
        f"<header><h1>{escape(card.name)}</h1>",
        f'<p class="lead">{escape(card.applied.scenario.question)}</p>',
        f'<p class="facts">{escape(said)}</p></header>',
        section("Scorecard", scorecard(card)),
        section("Curves under stress", "".join(curves(card))),
        section("Measures", measures(card)),
        section("What decides", limits(card)),
        section("What was done", stresses(card)),
        section("Where the numbers come from", sources(card.study.provenance.get("parameters", []))),
        section("Run it again", replay(card)),
    ]
    return document(card.name, "".join(parts), card.study.provenance)


def scorecard(card: Scorecard) -> str:
    """Grades by stress and severity; the measure that decided stands beside each."""
    heads = ("stress", *card.applied.battery.severities)
    rows = []
    for stress, by in card.grades.items():
        cells = [f"<td>{escape(stress)}</td>"]
        for severity in heads[1:]:
            grade, measure = by.get(severity, ("not measured", ""))
            said = f"<b>{escape(grade)}</b> <small>{escape(measure)}</small>"
            cells.append(f'<td style="color:{COLOURS[grade]}">{said}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def curves(card: Scorecard) -> list[str]:
    """Figures: each series under the hardest severity of the stresses that moved it most, with bands."""
    import matplotlib.pyplot as plt
    import numpy as np

    network, study, hardest = card.applied.network, card.study, card.applied.battery.severities[-1]
    found = []
    colours = {"unstressed": "0.4"} | {s: f"C{n % 10}" for n, s in enumerate(card.grades)}  # the same in all
    for name, title in CURVES.items():
        key = f"{network}.{name}"
        runs: dict[int, list[Any]] = {}
        for run, series in study.run_series.items():
            if key in series.values:
                runs.setdefault(int(run[1:].split("-")[0]), []).append(series)
        if not runs:
            continue
        points = {v: int(study.where(stress=v)[0]) for v in card.applied.variants}
        calm = np.array([s.values[key] for s in runs[points["unstressed"]]])
        moved = {
            s: abs(
                np.mean([r.values[key][-1] for r in runs.get(points[f"{s}.{hardest}"], [])] or [0])
                - calm[:, -1].mean()
            )
            for s, severity in card.applied.names
            if severity == hardest
        }
        figure, ax = plt.subplots(figsize=(8, 3.4))
        days = runs[points["unstressed"]][0].times
        for label in ["unstressed", *sorted(moved, key=lambda s: -moved[s])[:4]]:
            point = points[label if label == "unstressed" else f"{label}.{hardest}"]
            values = np.array([s.values[key] for s in runs.get(point, [])])
            if len(values):
                colour = colours[label]
                ax.plot(days, values.mean(axis=0), color=colour, label=label.replace("_", " "))
                low, high = np.quantile(values, [0.05, 0.95], axis=0)
                ax.fill_between(days, low, high, color=colour, alpha=0.15, lw=0)
        ax.set(xlabel="day", ylabel=study.units.get(key, ""), title=f"{title}; bands hold 90 % of the runs")
        ax.set_ylim(bottom=0)
        ax.legend(frameon=False, fontsize=8)
        figure.tight_layout()
        found.append(f"<figure>{as_svg(figure)}</figure>")
        plt.close(figure)
    return found


def measures(card: Scorecard) -> str:
    """Every measure with its interval; a question mark where the interval straddles a limit."""
    rows = [
        (
            r.stress,
            r.severity,
            r.measure,
            *interval_texts(r.interval),
            r.unit,
            r.grade + ("" if r.sure else " ?"),
        )
        for r in card.rows
    ]
    heads = ("stress", "severity", "measure", "mean", "95 % interval", "n", "unit", "grade")
    return table(heads, rows, numbers=(3, 4, 5))


def limits(card: Scorecard) -> str:
    """What each measure is, and the limits that grade it."""
    rows = []
    for name, measure in MEASURES.items():
        verdict = card.applied.verdict(name)
        said = [
            f"{field.replace('_', ' ')} {number(value)}"
            for field in ("bent_below", "bent_above", "broke_below", "broke_above")
            if verdict is not None and (value := getattr(verdict, field)) is not None
        ]
        rows.append((name, measure.says, "; ".join(said) or "shown, not graded"))
    return table(("measure", "what it is", "limits"), rows)


def stresses(card: Scorecard) -> str:
    """Each stress in words, and those that do not apply."""
    known = card.applied.battery.stresses
    rows = [(s, known[s].about, f"day {known[s].after:g}") for s in card.grades]
    rows += [(s, f"not applied: {why}", "") for s, why in card.applied.skipped.items()]
    return table(("stress", "what happens", "when"), rows)


def replay(card: Scorecard) -> str:
    """Commands."""
    scenario, folder = card.applied.scenario.name, card.study.path or "FOLDER"
    lines = [
        f"simdai stress {scenario} --network {card.applied.network}",
        f"simdai rerun {folder} p1-r0    # one run of it, to the last bit",
    ]
    lines += [f"simdai stress {scenario} --search {s}" for s in card.broken[:3]]
    assumed = "Severities and limits are choices of the battery. Which numbers of the scenario are assumed:"
    commands = escape("\n".join(lines))
    return f"<pre>{commands}</pre><p>{assumed} <code>simdai sources {escape(scenario)}</code></p>"
