"""The report of a battery: one HTML file for somebody who decides about a design."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from simdai.errors import ResultsError
from simdai.experiments.stress.findings import found_in
from simdai.experiments.stress.measures import MEASURES
from simdai.experiments.stress.mend import Mended
from simdai.experiments.stress.scorecard import Row, Scorecard
from simdai.experiments.study import number_or
from simdai.report.page import FILE, as_svg, breakable, document, section, sources, table
from simdai.report.stress_figures import curves, lever_front, lever_moves
from simdai.results import interval_texts, number

__all__ = ["page", "write"]

COLOURS = {"held": "#2f7d4f", "bent": "#9a6700", "broke": "#b3362b", "not measured": "#777777"}


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
    broken, found = card.broken, found_in(card.study.path)
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
        section("What breaks it, at what cost", break_points(found)),
        section("What mends it", levers(found)),
        section("Curves under stress", figures(card)),
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
            why = escape(measure) if grade in ("bent", "broke") else ""
            said = f"<b>{escape(grade)}</b> <small>{why}</small>"
            cells.append(f'<td style="color:{COLOURS[grade]}">{said}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def figures(card: Scorecard) -> str:
    """The curves, each drawn and closed."""
    return "".join(map(figure_html, curves(card)))


def figure_html(ax: Any) -> str:
    """Axes as a figure of the page."""
    import matplotlib.pyplot as plt

    text = f"<figure>{as_svg(ax.figure)}</figure>"
    plt.close(ax.figure)
    return text


def break_points(found: Mapping[str, Any]) -> str:
    """What searches found: what breaks, at what cost, how hard; and the command that makes each again."""
    rows = []
    for asked, one in found["break_points"].items():
        levels = ", ".join(f"{name} {number_or(value)}" for name, value in one["levels"].items())
        cost = (
            one["verdict"]
            if one["cost_to_break"] is None
            else f"{number(one['cost_to_break'])} {one['unit']}"
        )
        searched = f"{one['points']} points, {one['runs']:,} runs"
        rows.append((asked, cost.removesuffix(" 1"), levels, searched, one["command"]))
    if not rows:
        return ""
    heads = ("stress: property", "cost or severity of the cheapest break", "levels", "searched", "again")
    note = (
        "A search that finds no break has not shown that there is none. Costs without a unit are severities."
    )
    return table(heads, rows) + f'<p class="note">{escape(note)}</p>'


def levers(found: Mapping[str, Any]) -> str:
    """What levers do to break-points, what is given up for it, and where they tip."""
    parts = []
    for rows in found["mended"].values():
        mended = Mended.from_json(rows)
        for stress in mended.tried[0].costs:
            parts += [figure_html(lever_moves(mended, stress)), figure_html(lever_front(mended, stress))]
        heads = [name.removeprefix("networks.") for name in mended.table.columns]
        settings = [[cell(v) for v in row] for row in mended.table.to_numpy()]
        parts.append(table(heads, [[row[0].removeprefix("networks."), *row[1:]] for row in settings]))
    if found["tipping"]:
        rows = [
            (
                row["lever"],
                row["stress"],
                row["severity"],
                cell(row["level"]),
                "" if row["low"] is None else f"{cell(row['low'])} to {cell(row['high'])}",
                row["unit"],
            )
            for row in found["tipping"].values()
        ]
        heads = ["lever", "stress", "severity", "tips at", "95 % interval", "unit"]
        parts.append(table(heads, rows, numbers=(3, 4)))
    return "".join(parts)


def cell(value: Any) -> str:
    """A value of a table in few letters; what was not found says so."""
    if value is None:
        return "not passed"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    return "not broken" if value == math.inf else number_or(value)


def measures(card: Scorecard) -> str:
    """Every measure by severity with its interval, graded where it has limits."""
    severities = card.applied.battery.severities
    by = {(r.stress, r.measure, r.severity): r for r in card.rows}
    rows = []
    for stress in card.grades:
        rows.append(f'<tr class="group"><th colspan="{2 + len(severities)}">{escape(stress)}</th></tr>')
        for name, measure in MEASURES.items():
            found = [by.get((stress, name, severity)) for severity in severities]
            if any(found):
                first = f'<td>{breakable(name)}</td><td class="w">{escape(measure.unit)}</td>'
                rows.append(f"<tr>{first}{''.join(map(measured, found))}</tr>")
    runs = sorted({r.interval.n for r in card.rows})
    n = " to ".join(str(n) for n in dict.fromkeys((runs[0], runs[-1]))) if runs else "0"
    note = (
        f"Means of n = {n} pairs of runs with 95 % intervals. "
        "A grade with a question mark could be another one: the interval crosses a limit."
    )
    head = "".join(f"<th>{escape(h)}</th>" for h in ("measure", "unit", *severities))
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<p class="note">{escape(note)}</p>{body}'


def measured(row: Row | None) -> str:
    """A measure at one severity: its mean and grade, the interval below."""
    if row is None:
        return "<td></td>"
    mean, ends, _ = interval_texts(row.interval)
    said = "" if row.grade == "not measured" else f" {row.grade}{'' if row.sure else ' ?'}"
    first = f'<b style="color:{COLOURS[row.grade]}">{escape(mean + said)}</b>'
    return f'<td class="graded">{first}<small>{escape(ends)}</small></td>'


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
    rows += [(s, "not tried: the battery has no severities for it", "") for s in card.applied.untried]
    return table(("stress", "what happens", "when"), rows, nowrap=(2,))


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
