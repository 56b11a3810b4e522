"""The report of a study: one HTML file that shows what was varied, what came out and how to make it again."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from simdai.errors import EngineError, ResultsError
from simdai.experiments.analysis import FITTING, prim
from simdai.experiments.designs import OneAtATime
from simdai.experiments.study import Study
from simdai.report import analysis_figures
from simdai.report.page import FILE, as_svg, document, plain, section, sources, table
from simdai.report.study_figures import responses
from simdai.results import number

MOST_FIGURES = 6
MOST_FAILURES = 20


def write(study: Study, path: Path | None = None) -> Path:
    """Write the report of a study, into its folder unless ``path`` says where.

    Raises
    ------
    ResultsError : the study has no folder and no path is given, or it cannot be written
    """
    from simdai.experiments.folder import reported
    from simdai.experiments.store import write_atomically

    if path is None:
        if study.path is None:
            raise ResultsError("this study is only in memory; say where the report goes")
        path = study.path / FILE
    with reported(path):
        write_atomically(path, page(study).encode())
    return path


def page(study: Study) -> str:
    """Write the report as one self-contained HTML text."""
    title = escape(study.name)
    parts = [
        f"<header><h1>{title}</h1>",
        f'<p class="lead">{escape(study.question)}</p>' if study.question else "",
        f'<p class="facts">{escape(facts(study))}</p></header>',
        failures(study),
        section("What was varied", factors(study)),
        section("Outcomes over the points", outcomes(study)),
        analyses(study),
        section("Where it comes about", "".join(conditions(study))),
        section("Outcomes against factors", "".join(figures(study))),
        section("Where the numbers come from", sources(study.provenance.get("parameters", []))),
        section("How this was made", provenance(study)),
    ]
    return document(study.name, "".join(parts), study.provenance)


def facts(study: Study) -> str:
    """How much was done, in one line."""
    described = study.provenance
    days = described.get("until_days") or described["horizon_days"]
    luck = "all points share their luck" if study.file.luck == "common" else "every point has luck of its own"
    return (
        f"{study.n_points:,} points of {described['study']['base']}, {len(study):,} runs of {days:g} days; "
        f"seed {described['seed']}, {luck}."
    )


def failures(study: Study) -> str:
    """The runs that failed, first thing on the page."""
    failed = study.failures
    if not len(failed):
        return ""
    lines = [
        f"<li><code>{row['replay'] or row['key']}</code> {escape(row['error'])}</li>"
        for _, row in failed.head(MOST_FAILURES).iterrows()
    ]
    more = len(failed) - MOST_FAILURES
    rest = f"<li>and {more} more</li>" if more > 0 else ""
    count = f"{len(failed)} of {len(study)} runs failed; what follows leaves them out. To see one fail:"
    return f'<div class="warning"><p>{count}</p><ul>{"".join(lines)}{rest}</ul></div>'


def factors(study: Study) -> str:
    """Uncertainties and levers with what they stand for."""
    points = study.points
    rows: list[list[str]] = []
    for side, members in (("uncertainties", study.file.uncertainties), ("levers", study.file.levers)):
        if not members:
            continue
        rows.append([side])
        for name, factor in members.items():
            column = points[name]
            if factor.options is None:
                said = f"{number(float(column.min()))} to {number(float(column.max()))}"
            else:
                said = ", ".join(plain(factor.shown(float(n))) for n in range(factor.options))
            where = ", ".join(factor.paths) or ", ".join(map(str, factor.changes(0.0, {}))) or "several"
            unit = "× base" if factor.relative_paths else factor.unit
            rows.append([name, said, unit, where, factor.note])
    return table(("factor", "values", "unit", "in the scenario", "note"), rows, widths=(16, 20, 9, 30, 25))


def outcomes(study: Study) -> str:
    """Least, mean and greatest of every outcome over the points."""
    rows = []
    for name, found in study.ranges().items():
        rows.append((name, *(number(found[key]) for key in found), study.units.get(name, "")))
    note = '<p class="note">Of each point the mean over its replications.</p>'
    return note + table(("outcome", "least", "mean", "greatest", "unit"), rows, numbers=(1, 2, 3))


ANALYSES = {
    "correlation": (
        "What goes along with the outcomes",
        analysis_figures.correlations,
        "Spearman's rank correlation with each factor, with 95 % bootstrap intervals over points.",
    ),
    "tornado": (
        "What moves the outcomes",
        analysis_figures.tornado,
        "Each factor moved alone from the middle, with 95 % intervals paired by replication.",
    ),
    "morris": (
        "Which factors matter",
        analysis_figures.morris,
        "Elementary effects; above the dashed line the effect depends on the other factors or is curved.",
    ),
    "sobol": (
        "Whose uncertainty it is",
        analysis_figures.sobol,
        "Sobol indices of the means over replications, with 95 % bootstrap intervals.",
    ),
}
"""Heading and figure of the analysis that each layout of points is made for, and what the figure shows."""


def analyses(study: Study) -> str:
    """The analysis that the design was made for, of each of the first outcomes."""
    found = ANALYSES.get(study.file.design.analysis)
    if found is None:
        return ""
    title, draw, sentence = found
    analyse = FITTING[study.file.design.analysis]
    parts = []
    for name in study.outcomes[:MOST_FIGURES]:
        try:
            drawn = draw(analyse(study, name)).figure
        except (ResultsError, EngineError) as error:  # too few points so far, or an extra is not installed
            return section(title, f'<p class="note">{escape(str(error))}</p>')
        parts.append(figure(name, drawn, sentence))
    return section(title, "".join(parts))


def conditions(study: Study) -> Iterator[str]:
    """The box in which most points are of the kind that the study looks for, for each such outcome."""
    for name, side in study.file.discover.items():
        try:
            found = prim(study, name, above=side.above, below=side.below)
        except (ResultsError, EngineError) as error:  # all points are alike, or an extra is not installed
            yield f'<p class="note">{escape(str(error))}</p>'
            continue
        sentence = "Of each factor that the box bounds, the part of its range that is left (PRIM)."
        yield figure(str(found.attrs["condition"]), analysis_figures.boxes(found).figure, sentence)


def figures(study: Study) -> Iterator[str]:
    """Each of the first outcomes against every factor."""
    for name in study.outcomes[:MOST_FIGURES]:
        alone = isinstance(study.file.design, OneAtATime)
        sentence = (
            "Means with 95 % intervals, the other factors in the middle."
            if alone
            else "Means with 95 % intervals over all points with the value; where there are many values, "
            "a dot for each point."
        )
        yield figure(name, responses(study, name), sentence)


def figure(title: str, drawn: Any, sentence: str) -> str:
    """A figure as SVG inside the page, with the sentence that says what it shows."""
    import matplotlib.pyplot as plt

    svg = as_svg(drawn).replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    plt.close(drawn)
    return f"<figure><h3>{escape(title)}</h3>{svg}<figcaption>{escape(sentence)}</figcaption></figure>\n"


def provenance(study: Study) -> str:
    """Everything needed to make the study again."""
    described = study.provenance
    counts: dict[str, Any] = described.get("counts", {})
    rows = [
        ("study", f"{study.name} (sha256 {described['inputs']['study'][:16]}…)"),
        ("base", f"{described['study']['base']} (sha256 {described['inputs']['scenario'][:16]}…)"),
        ("seed", str(described["seed"])),
        ("runs", ", ".join(f"{count:,} {what}" for what, count in counts.items() if what != "runs")),
        ("kernel", str(described.get("kernel", ""))),
        ("result hash", study.hash),
        ("made", str(described.get("finished", described.get("created", "")))),
        ("versions", ", ".join(f"{name} {version}" for name, version in described["versions"].items())),
        ("platform", str(described["platform"]["system"])),
    ]
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(value)}</dd>" for term, value in rows)
    text = described["study"]["text"]
    again = f"<p>To make it again:</p><pre>{escape(described['command'])}</pre>"
    return f"<dl>{terms}</dl>{again}<p>The study file:</p><pre>{escape(text)}</pre>"
