"""The report: one HTML file that shows what was asked, what came out, and how to make it again."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from simdai.economy.actors import SECTIONS
from simdai.metrics.observed import observed
from simdai.report.figures import figures
from simdai.report.observed import HEADS, held_rows, observed_figures, observed_sentence
from simdai.report.returns import returns_figure, returns_rows, returns_sentences
from simdai.results import Results, interval_texts, number

FILE = "report.html"
GRADES = {"A": "read in a primary source", "B": "from a secondary source", "C": "inferred or assumed"}


def write(results: Results, path: Path | None = None) -> Path:
    """Write the report of results, beside them unless ``path`` says where.

    Raises
    ------
    ResultsError : the results have no folder and no path is given, or it cannot be written
    """
    from simdai.errors import ResultsError
    from simdai.experiments.folder import reported
    from simdai.experiments.store import write_atomically

    if path is None:
        if results.path is None:
            raise ResultsError(
                "these results are only in memory; save them first, or say where the report goes"
            )
        path = results.path / FILE
    with reported(path):
        write_atomically(path, page(results).encode())
    return path


GAPS = {
    "gap.index": "All four gaps together, 1 as wide as at the start",
    "gap.scale.": "Scale: closed labs over the open side",
    "gap.talent.": "Talent: closed labs over the open side",
    "gap.speed.": "Speed: the open side over closed labs",
    "gap.quality.": "Quality: closed models over those served and those trained in the open",
    "niche.censorship.": "Niche: censorship resistance",
    "niche.cost.": "Niche: cost",
    "niche.specialised.": "Niche: special models",
    "niche.privacy.": "Niche: privacy",
}
"""Beginnings of outcome names and what the report calls them, in its order."""

EVENTS = "events."


def page(results: Results) -> str:
    """Write the report as one self-contained HTML text."""
    described = results.provenance
    title = escape(results.name)
    question = escape(described.get("question", ""))
    parts = [
        f"<header><h1>{title}</h1>",
        f'<p class="lead">{question}</p>' if question else "",
        f'<p class="facts">{escape(facts(results))}</p></header>',
        failures(results),
        section("Gaps and niches", outcomes(results, GAPS)),
        section("What really happened", held_against(results)),
        section("Outcomes", outcomes(results)),
        section("What early stakes returned", returns(results)),
        section("Figures", "".join(figure_html(results))),
        section("How often each actor acted", events(results)),
        section("Changes to the scenario", changes(described.get("overrides", []))),
        section("Where the numbers come from", sources(described.get("parameters", []))),
        section("How this was made", provenance(results)),
    ]
    return document(results.name, "".join(parts), described)


def document(title: str, body: str, described: Mapping[str, Any]) -> str:
    """A whole page with its style and footer.

    Parameters
    ----------
    title : plain text
    body : HTML
    described : the manifest
    """
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
    )
    version = escape(str(described.get("versions", {}).get("simdai", "")))
    footer = f"<footer>Written by simdai {version}.</footer>"
    return f"{head}<body><main>{body}{footer}</main></body></html>\n"


def section(title: str, body: str) -> str:
    """A heading with what follows, nothing where nothing follows."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>\n" if body else ""


def facts(results: Results) -> str:
    """When, how long, how often, in one line."""
    described = results.provenance
    days = described.get("until_days") or described.get("horizon_days", 0.0)
    n = len(results.records)
    said = [f"{days:g} days from {described.get('start', '')}"]
    if described.get("warm_up_days"):
        said.append(f"outcomes measured after day {described['warm_up_days']:g}")
    said.append(f"{n} replication{'s' * (n != 1)} of seed {described.get('seed')}")
    return "; ".join(said) + "."


def failures(results: Results) -> str:
    """The runs that failed, first thing on the page."""
    if not results.failed:
        return ""
    lines = [
        f"<li><code>{record.key}</code> {escape(record.short_error)}</li>" for record in results.failed[:20]
    ]
    more = len(results.failed) - 20
    rest = f"<li>and {more} more</li>" if more > 0 else ""
    count = f"{len(results.failed)} of {len(results.records)} runs failed; what follows leaves them out."
    return f'<div class="warning"><p>{count}</p><ul>{"".join(lines)}{rest}</ul></div>'


def outcomes(results: Results, headings: Mapping[str, str] | None = None) -> str:
    """The outcomes, grouped by owner: those that ``headings`` name, or all that have none.

    Parameters
    ----------
    headings : beginning of a name to the heading of its group
    """
    intervals = results.intervals()
    several = len(results.records) > 1
    groups: dict[str, list[str]] = {}
    for name in intervals:
        own = next((heading for start, heading in GAPS.items() if name.startswith(start)), None)
        if name.startswith(EVENTS):
            continue
        if headings is None and own is None:
            groups.setdefault(name.split(".")[0], []).append(name)
        elif headings is not None and own is not None:
            groups.setdefault(own, []).append(name)
    if not groups:
        return ""
    order = list((headings or {}).values())
    rows: list[list[str]] = []
    for group, names in sorted(groups.items(), key=lambda item: order.index(item[0]) if order else 0):
        rows.append([group])
        for name in names:
            mean, ends, n = interval_texts(intervals[name])
            cells = (name, mean, ends, n) if several else (name, mean)
            rows.append([*cells, results.units.get(name, "")])
    heads = ("outcome", "mean", "95 % interval", "n", "unit") if several else ("outcome", "value", "unit")
    said = "Means over replications with 95 % t intervals; n counts the runs."
    note = f'<p class="note">{said}</p>' if several else ""
    return note + table(heads, rows, numbers=range(1, len(heads) - 1))


def held_against(results: Results) -> str:
    """Where observations fall among the runs; nothing where the scenario names none."""
    held = observed(results)
    if not held:
        return ""
    said = (
        "Quantile: share of runs below what was observed. Width: of the band, as a factor or a share. "
        "Observations show in the figures as dots, those outside of the band in colour; nothing of them "
        "enters the runs."
    )
    drawings = []
    for group, figure in observed_figures(results, held):
        svg = as_svg(figure).replace("<svg ", f'<svg role="img" aria-label="{escape(group)}" ', 1)
        drawings.append(f"<figure><h3>{escape(group.capitalize())}</h3>{svg}</figure>")
    sources = dict.fromkeys(
        (one.name, one.grade, one.source + (f" – {one.note}" if one.note else "")) for one in held
    )
    cited = table(("observation", "grade", "source"), list(sources), grade=1, widths=(25, 8, 67))
    return (
        f"<p>{escape(observed_sentence(held))}</p>{''.join(drawings)}"
        f"{table(HEADS, held_rows(held), numbers=range(1, 6), grade=7)}"
        f'<p class="note">{said}</p>{cited}'
    )


def events(results: Results) -> str:
    """How many events each actor had; nothing where nobody counted."""
    means = {
        name.removeprefix(EVENTS): interval.mean
        for name, interval in results.intervals().items()
        if name.startswith(EVENTS)
    }
    if not means:
        return ""
    resolved = results.provenance["scenario"]["resolved"]
    rows: list[list[str]] = []
    for section_name in SECTIONS:
        if names := list(resolved.get(section_name, ())):
            rows.append([section_name])
            rows += [[name, number(means[name])] for name in names if name in means]
    said = "Events of the calendar; those of an actor's parts are its own. Jobs are not counted."
    return table(("actor", "events a run"), rows, numbers=(1,)) + f'<p class="note">{said}</p>'


def returns(results: Results) -> str:
    """Multiples of early stakes, beside what was published of such stakes; nothing where there are none."""
    rows = returns_rows(results)
    if rows is None:
        return ""
    heads = ("stake", "5 %", "25 %", "median", "75 %", "95 %", "lost", "dead", "kept")
    quantiles = [c for c in rows.columns if c.startswith("q")]
    lines = [
        [
            row["stake"],
            *(number(row[q]) for q in quantiles),
            *(percent(row[c]) for c in ("zero", "dead", "kept")),
        ]
        for row in rows.to_dict("records")
    ]
    note = (
        "Lost: worth less than a tenth. Kept: share of the project that the stake still is, of what it was."
    )
    figure = as_svg(returns_figure(rows)).replace("<svg ", '<svg role="img" aria-label="Returns" ', 1)
    caption = escape(returns_sentences(results))
    drawing = f"<figure>{figure}<figcaption>{caption}</figcaption></figure>"
    return drawing + table(heads, lines, numbers=range(1, len(heads))) + f'<p class="note">{note}</p>'


def percent(share: float) -> str:
    """A share as a reader wants it; a dash where there is none."""
    return "–" if math.isnan(share) else f"{100 * share:.0f} %"


def figure_html(results: Results) -> Iterable[str]:
    """The figures as SVG inside the page, each with the sentence that says what it shows."""
    for drawn in figures(results):
        title, sentence = escape(drawn.title), escape(drawn.sentence)
        svg = as_svg(drawn.figure).replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
        yield f"<figure><h3>{title}</h3>{svg}<figcaption>{sentence}</figcaption></figure>\n"


def as_svg(figure: Any) -> str:
    """A figure as SVG that may stand in a page: no XML header, no outside reference, no date."""
    from simdai.report.figures import styled

    text = io.StringIO()
    with styled():
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return text.getvalue()[text.getvalue().index("<svg ") :]


def changes(overrides: Sequence[dict[str, Any]]) -> str:
    """What overrides and ``--set`` changed."""
    if not overrides:
        return ""
    rows = [(c["path"], plain(c["old"]), plain(c["new"]), c["by"]) for c in overrides]
    return table(("value", "was", "is", "by"), rows)


def sources(parameters: Sequence[dict[str, Any]]) -> str:
    """Every number that came from a parameter file with its source and grade, those of grade C marked."""
    if not parameters:
        return (
            '<p class="note">All numbers stand in the scenario file itself; none has a source of its own.</p>'
        )
    unique = {use["name"]: use for use in parameters}
    counts = {grade: sum(use["grade"] == grade for use in unique.values()) for grade in GRADES}
    said = ", ".join(f"{n} {GRADES[grade]} ({grade})" for grade, n in counts.items() if n)
    rows = []
    for name in sorted(unique):
        use = unique[name]
        value = plain(use["value"]) + (f" {use['unit']}" if use["unit"] not in ("", "1") else "")
        source = use["source"] + (f" – {use['note']}" if use["note"] else "")
        rows.append((name, value, use["date"], use["grade"], source))
    heads = ("parameter", "value", "date", "grade", "source")
    rest = "Numbers not listed stand in the scenario file itself."
    note = f'<p class="note">{len(unique)} numbers: {escape(said)}. {rest}</p>'
    return note + table(heads, rows, nowrap=(2, 3), grade=3, widths=(25, 14, 12, 8, 41))


def provenance(results: Results) -> str:
    """Everything needed to make the results again."""
    described = results.provenance
    versions = ", ".join(f"{name} {version}" for name, version in described.get("versions", {}).items())
    files = ", ".join(file["file"] for file in described.get("scenario", {}).get("files", []))
    counts = described.get("counts", {})
    rows = [
        ("scenario", f"{files or results.name} (sha256 {described['scenario']['hash'][:16]}…)"),
        ("seed", str(described.get("seed"))),
        ("runs", ", ".join(f"{count:,} {what}" for what, count in counts.items() if what != "runs")),
        ("kernel", str(described.get("kernel", ""))),
        ("result hash", results.hash),
        ("made", f"{described.get('finished', described.get('created', ''))}"),
        ("versions", versions),
        ("platform", str(described.get("platform", {}).get("system", ""))),
    ]
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(value)}</dd>" for term, value in rows)
    again = f"<p>To make it again:</p><pre>{escape(described.get('command', ''))}</pre>"
    return f"<dl>{terms}</dl>{again}"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Iterable[int] = (),
    nowrap: Iterable[int] = (),
    grade: int | None = None,
    widths: Sequence[int] = (),
) -> str:
    """An HTML table; columns in ``numbers`` are set to the right, grade C in column ``grade`` is marked.

    A row of one cell is the heading of those after it; ``widths`` are in percent.
    """
    classes = {**dict.fromkeys(numbers, "n"), **dict.fromkeys(nowrap, "w")}

    def cell(tag: str, i: int, text: str) -> str:
        name = "c" if i == grade and tag == "td" and text == "C" else classes.get(i, "")
        shown = breakable(text) if i == 0 or tag == "th" else escape(text)
        return f'<{tag} class="{name}">{shown}</{tag}>' if name else f"<{tag}>{shown}</{tag}>"

    def line(row: Sequence[str]) -> str:
        if len(row) == 1:
            return f'<tr class="group"><th colspan="{len(heads)}">{escape(row[0])}</th></tr>'
        return f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>"

    head = "".join(cell("th", i, text) for i, text in enumerate(heads))
    body = "".join(map(line, rows))
    columns = "".join(f'<col style="width:{width}%">' for width in widths)
    start = f'<table class="fixed"><colgroup>{columns}</colgroup>' if widths else "<table>"
    return f"{start}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def breakable(name: str) -> str:
    """A dotted name that may be broken after a dot or an underscore."""
    return re.sub(r"([._])", r"\1<wbr>", escape(name))


def plain(value: Any) -> str:
    """A value of a file as a reader wants it."""
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    return number(float(value)) if isinstance(value, int | float) else str(value)
