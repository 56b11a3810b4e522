"""Verbs that run scenarios, and look at the results: run, compare, rerun, report."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

import simdai
from simdai.cli.command import (
    AS_JSON,
    OK,
    RUNNING,
    SETTINGS,
    SOME_FAILED,
    app,
    days,
    emit,
    failures,
    say,
    stale,
)


@app.command()
@click.argument("scenario")
@SETTINGS
@RUNNING
@click.option("--replications", type=click.IntRange(min=1), default=1, show_default=True, help="Repetitions.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results.  [default: results/NAME]"
)
@click.option("--force", is_flag=True, help="Replace other results under that name.")
@click.option("--trace", is_flag=True, help="Keep every event of the market.")
@AS_JSON
def run(
    scenario: str,
    changes: tuple[str, ...],
    overrides: tuple[str, ...],
    seed: int,
    workers: int,
    until: str | None,
    kernel: Literal["compiled", "reference"] | None,
    replications: int,
    out: Path | None,
    force: bool,
    trace: bool,
    as_json: bool,
) -> int:
    """Run a scenario, print its outcomes and write its report.

    Results are kept in a folder: the same command again prints them, and an interrupted run goes on.
    """
    from simdai.experiments.folder import MANIFEST
    from simdai.experiments.runs import planned, stored
    from simdai.report.page import FILE, write
    from simdai.report.terminal import observed_table, outcome_table

    loaded = simdai.load(scenario, set=changes, overrides=overrides)
    folder = out if out is not None else Path("results") / loaded.name
    plan = planned([loaded], seed, replications, days(until), kernel, trace)
    try:
        results = stored(plan, folder, workers, force, told=say)
    except KeyboardInterrupt:
        say(f"what was made is kept in {folder}; the same command goes on from there")
        raise
    if as_json:
        emit(results.to_json())
    else:
        outcome_table(results)
        observed_table(results)
    written = folder / FILE
    if stale(written, folder / MANIFEST):
        write(simdai.Results.load(folder))
    if not as_json:
        click.echo(f"report: {written}")
    return failures(results)


@app.command()
@click.argument("a")
@click.argument("b", required=False)
@click.option(
    "--with", "with_", multiple=True, metavar="a.b=v|NAME", help="Change a value of B alone, or patch it."
)
@SETTINGS
@RUNNING
@click.option("--replications", type=click.IntRange(min=1), default=10, show_default=True, help="Pairs.")
@AS_JSON
def compare(
    a: str,
    b: str | None,
    with_: tuple[str, ...],
    changes: tuple[str, ...],
    overrides: tuple[str, ...],
    seed: int,
    workers: int,
    until: str | None,
    kernel: Literal["compiled", "reference"] | None,
    replications: int,
    as_json: bool,
) -> int:
    """Run two scenarios with the same luck; print B - A.

    Differences are paired by replication, with 95 % intervals.
    Without B it is A as --with changes it: a value, or an override
    by its name. --set and --override change both.
    """
    from simdai.report.terminal import difference_table

    if b is None and not with_:
        raise click.UsageError(
            "nothing to compare with: name a second scenario, or change A --with a.b=v or an override"
        )
    values = [change for change in with_ if "=" in change]
    patches = [change for change in with_ if "=" not in change]
    first = simdai.load(a, set=changes, overrides=overrides)
    second = simdai.load(b or a, set=(*changes, *values), overrides=(*overrides, *patches))
    pair = simdai.compare(first, second, replications, seed, workers, days(until), kernel)
    if as_json:
        emit(pair.to_json())
    else:
        difference_table(pair)
    return max(failures(pair.a), failures(pair.b))


@app.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.argument("run_key")
@click.option("--kernel", type=click.Choice(["compiled", "reference"]), help="Make it on this kernel.")
def rerun(results: Path, run_key: str, kernel: Literal["compiled", "reference"] | None) -> int:
    """Make a stored run again and say whether it is the same.

    Scenario and seed are taken from the manifest alone; trace, series and outcomes are compared to the last
    bit. RUN_KEY is a key such as p0-r3, or the number of the replication. A run that failed is replayed with
    its traceback. Exit status 4: they differ.
    """
    from simdai.experiments.rerun import rerun as again

    verdict = again(results, run_key, kernel)
    if verdict.error:
        click.echo(verdict.error.rstrip(), err=True)
    same = "fails again" if verdict.error else "identical"
    click.echo(f"{verdict.key}: {same if verdict.identical else verdict.difference}")
    return OK if verdict.identical else SOME_FAILED


@app.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: RESULTS/report.html]")
def report(results: Path, out: Path | None) -> None:
    """Write the report of stored results, of a scenario or of a study; print its path."""
    from simdai.experiments.folder import read_manifest
    from simdai.report import page, study_page

    if "study" in read_manifest(results):
        click.echo(study_page.write(simdai.Study.load(results), out))
    else:
        click.echo(page.write(simdai.Results.load(results), out))
