"""Verbs about files: check, schema, kinds, sources, describe, new."""

from __future__ import annotations

from pathlib import Path

import click

import simdai
from simdai.cli.command import AS_JSON, BAD_INPUT, OK, SETTINGS, app, emit
from simdai.errors import SimdaiError, unknown


@app.command()
@click.argument("scenarios", nargs=-1, required=True)
def check(scenarios: tuple[str, ...]) -> int:
    """Check scenario and study files; print every problem with its place."""
    from simdai.experiments.study_file import check as problems_of

    problems = problems_of(scenarios)
    for problem in problems:
        click.echo(str(problem))
    if not problems:
        click.echo(f"{len(scenarios)} file{'s' * (len(scenarios) != 1)} without problems")
    return BAD_INPUT if problems else OK


@app.command()
@click.argument("of", type=click.Choice(["scenario", "study"]), default="scenario")
def schema(of: str) -> None:
    """Print the JSON Schema of scenario files, or of study files, for editors."""
    from simdai.experiments.study_file import study_schema
    from simdai.schema import json_schema

    emit(json_schema() if of == "scenario" else study_schema())


@app.command()
@click.argument("family", required=False)
def kinds(family: str | None) -> None:
    """List the kinds that a scenario file may name."""
    from simdai import registry

    families = registry.families()
    if family is not None and family not in families:
        raise SimdaiError(unknown("family", family, families))
    for name in [family] if family else families:
        click.echo(name)
        for kind, cls in registry.kinds(name).items():
            words = (cls.__doc__ or "").strip().splitlines()
            click.echo(f"  {kind:<24}{words[0] if words else ''}".rstrip())


@app.command()
@click.argument("scenario")
@SETTINGS
@AS_JSON
def sources(scenario: str, changes: tuple[str, ...], overrides: tuple[str, ...], as_json: bool) -> None:
    """Print where every number of a scenario comes from.

    Numbers of grade C, inferred or assumed, are marked.
    """
    from simdai.schema import sources as sources_of

    rows = sources_of(simdai.load(scenario, set=changes, overrides=overrides))
    if as_json:
        emit(rows)
        return
    for row in rows:
        click.echo(f"{row['path']} = {row['value']}{' ' + row['unit'] if row['unit'] else ''}")
        grade = f"grade {row['grade']}{' (!)' if row['grade'] == 'C' else ''}" if row["grade"] else ""
        said = (grade, row["source"], row["date"], row["note"], row["where"])
        click.echo(f"    {'; '.join(part for part in said if part)}")


@app.command()
@click.argument("scenario", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: standard output]")
def describe(scenario: str | None, out: Path | None) -> None:
    """Describe the model in the form of the ODD protocol, as Markdown.

    Written from what the code declares: actors, parameters, phases, mechanisms, sources. With a SCENARIO the
    objects and numbers of that one stand in it.
    """
    from simdai.report.description import describe as description

    text = description(None if scenario is None else simdai.load(scenario))
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    click.echo(out)


@app.group()
def new() -> None:
    """Write a file to begin with."""


@new.command("scenario")
@click.argument("name")
def new_scenario(name: str) -> None:
    """Write NAME.yaml, a small scenario that runs, with comments."""
    from simdai.schema import new_scenario as write

    click.echo(write(name))


@new.command("design")
@click.argument("name")
def new_design(name: str) -> None:
    """Write NAME.yaml, a token design to change, with comments."""
    from simdai.schema import new_design as write

    click.echo(write(name))
