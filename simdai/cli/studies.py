"""Verbs that make many runs to one end: sweep, assumptions, stress."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

import simdai
from simdai.cli.command import AS_JSON, OK, SETTINGS, SOME_FAILED, app, emit, quantity, say, stale


@app.command()
@click.argument("study")
@click.option("--set", "changes", multiple=True, metavar="a.b=v", help="Change a value of the base.")
@click.option("--seed", type=click.IntRange(min=0), help="In place of the study's own.")
@click.option("--replications", type=click.IntRange(min=1), help="In place of the study's own.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--runner", "kind", type=click.Choice(["inline", "pool", "dask"]), help="Who makes the runs.")
@click.option("--cluster", metavar="ADDRESS", help="Dask scheduler (tcp://host:port), or local:N.")
@click.option("--time-limit", metavar="T", help="A run that takes longer has failed ('90 s', '10 min').")
@click.option("--memory-limit", metavar="M", help="A run that takes more has failed ('2 GiB').")
@click.option("--kernel", type=click.Choice(["compiled", "reference"]), help="The same results either way.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results.  [default: results/NAME]"
)
@click.option("--force", is_flag=True, help="Replace other results under that name.")
@AS_JSON
def sweep(
    study: str,
    changes: tuple[str, ...],
    seed: int | None,
    replications: int | None,
    workers: int,
    kind: Literal["inline", "pool", "dask"] | None,
    cluster: str | None,
    time_limit: str | None,
    memory_limit: str | None,
    kernel: Literal["compiled", "reference"] | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Make the runs of a study, print what they show and write its report.

    How many runs there are and about how long they take is said first. The same command again goes on where
    it stopped, whatever stopped it.
    """
    from simdai.experiments.folder import MANIFEST
    from simdai.experiments.runners import Limits, runner
    from simdai.experiments.sweeping import swept
    from simdai.report.page import FILE
    from simdai.report.study_page import write
    from simdai.report.terminal import study_tables

    asked = simdai.experiments.load_study(study, changes, seed, replications)
    folder = out if out is not None else Path("results") / asked.name
    memory = quantity(memory_limit, "GiB", "--memory-limit")
    limits = Limits(
        quantity(time_limit, "s", "--time-limit"), None if memory is None else int(memory * 2**30)
    )
    try:
        made = swept(asked, runner(workers, kind, cluster, limits), folder, force, kernel, told=say)
    except KeyboardInterrupt:
        say(f"what was made is kept in {folder}; the same command goes on from there")
        raise
    if as_json:
        emit(made.to_json())
    else:
        study_tables(made)
    written = folder / FILE
    if stale(written, folder / MANIFEST):
        write(made)
    if not as_json:
        click.echo(f"report: {written}")
    failed = made.failures
    if not len(failed):
        return OK
    first = failed.iloc[0]
    say(f"{len(failed)} of {len(made)} runs failed; the first is {first['key']}: {first['error']}")
    say(f"to see it fail: {first['replay']}")
    return SOME_FAILED


@app.command()
@click.argument("scenario")
@SETTINGS
@click.option("--share", type=float, default=0.2, show_default=True, help="How far each is moved.")
@click.option("--outcome", "outcomes", multiple=True, metavar="NAME", help="In place of the gaps.")
@click.option("--screen", type=click.IntRange(min=2), help="Pairs of runs that move all half as far, before.")
@click.option("--keep", type=click.IntRange(min=1), default=50, show_default=True, help="Of those screened.")
@click.option("--replications", type=click.IntRange(min=1), default=2, show_default=True, help="Of each.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Names the luck.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the runs.  [default: results/NAME]")
@click.option("--csv", type=click.Path(path_type=Path), help="File for the whole table.")
@click.option("--force", is_flag=True, help="Replace other results under that name.")
def assumptions(
    scenario: str,
    changes: tuple[str, ...],
    overrides: tuple[str, ...],
    share: float,
    outcomes: tuple[str, ...],
    screen: int | None,
    keep: int,
    replications: int,
    seed: int,
    workers: int,
    out: Path | None,
    csv: Path | None,
    force: bool,
) -> int:
    """Move each parameter of grade C (inferred or assumed) alone, down and up, and print what that does.

    Where there are hundreds, --screen moves all at once first, each down or up at random and half as far,
    so that they seldom contradict one another; then alone those that stand out. All points share their luck.
    The same command again goes on where it stopped.
    """
    from simdai.experiments.assumptions import (
        GAPS,
        assumptions_study,
        assumptions_table,
        screened,
        screening_study,
        written,
    )
    from simdai.experiments.runners import runner
    from simdai.experiments.sweeping import swept
    from simdai.report.terminal import assumptions_tables

    loaded = simdai.load(scenario, set=changes, overrides=overrides)
    folder = out if out is not None else Path("results") / f"{loaded.name}_assumptions"
    only = None
    if screen is not None:
        first = screening_study(loaded, screen, share / 2.0, outcomes or GAPS, seed)
        screening = swept(
            first, runner(workers), folder.with_name(f"{folder.name}_screening"), force, told=say
        )
        only = screened(screening, keep)
        say(f"{len(only)} of {len(screening.factors)} parameters stand out and are moved alone")
    study = assumptions_study(loaded, share, outcomes or GAPS, replications, seed, only)
    made = swept(study, runner(workers), folder, force, told=say)
    table = assumptions_table(made)
    if csv is not None:
        given = [word for change in changes for word in ("--set", change)]
        given += [word for name in overrides for word in ("--override", name)]
        given += [word for name in outcomes for word in ("--outcome", name)]
        given += [] if screen is None else ["--screen", f"{screen}", "--keep", f"{keep}"]
        given += ["--share", f"{share:g}", "--replications", f"{replications}", "--seed", f"{seed}"]
        written(table, csv, [scenario, *given])
    assumptions_tables(table)
    if len(made.failures):
        say(f"{len(made.failures)} of {len(made)} runs failed")
        return SOME_FAILED
    return OK


@app.command()
@click.argument("scenario", required=False)
@click.option("--design", metavar="FILE", help="A token design: the same as SCENARIO.")
@click.option("--network", help="The network that is stressed; the only one without.")
@click.option("--battery", default="standard", show_default=True, help="Name in batteries/, or a file.")
@click.option("--only", metavar="STRESS,...", help="Some of the battery's stresses.")
@click.option("--set", "changes", multiple=True, metavar="a.b=v", help="Change a value of the scenario.")
@click.option(
    "--search", metavar="STRESS,...", help="Search the cheapest break by a stress, or several at once."
)
@click.option("--property", "prop", metavar="P", help="What must hold: 'service >= 0.5', or a measure alone.")
@click.option("--vary", multiple=True, metavar="a.b=MILD..HARD", help="Search this value too.")
@click.option("--between", metavar="DAY..DAY", help="Search the date too: days after the warm-up.")
@click.option("--mend", metavar="STRESS,...", help="Say what --lever does to the break-points.")
@click.option(
    "--lever", multiple=True, metavar="a.b=LOW..HIGH", help="A value of the design that may be moved."
)
@click.option(
    "--at", "severity", metavar="SEVERITY", help="Hold stresses there; with --mend: where levers tip."
)
@click.option("--horizon", metavar="DAYS", help="Least time after a stress, in place of the battery's.")
@click.option(
    "--budget", type=click.IntRange(min=2), default=60, show_default=True, help="Points of a search."
)
@click.option("--save", type=click.Path(path_type=Path), help="Write the scenario of the break found.")
@click.option("--compare", "pair", nargs=2, metavar="A B", help="Two designs under the same battery.")
@click.option("--replications", type=click.IntRange(min=1), help="In place of the battery's own.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Names the luck.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the runs.  [default: results/NAME]")
@click.option("--force", is_flag=True, help="Replace other results under that name.")
@AS_JSON
def stress(scenario: str | None, design: str | None, pair: tuple[str, str] | None, **asked: Any) -> int:
    """Lay a battery of stresses on a token design and say what held, bent or broke.

    The time is estimated first; the same command again goes on where it stopped. With --search, look for the
    cheapest break by a stress instead; with --mend, for what moves the break-points. What they find stands in
    the report that the plain command writes.
    """
    from simdai.report.stress_terminal import compared, graded, mended, searched

    given = [name for name in (scenario, design) if name is not None]
    if pair is not None:
        return compared(pair, say=say, emit=emit, **asked)
    if len(given) != 1:
        raise click.UsageError("give a SCENARIO, or --design FILE, or --compare A B")
    if asked["search"] and asked["mend"]:
        raise click.UsageError("--search or --mend, not both")
    command = searched if asked["search"] else mended if asked["mend"] else graded
    return command(given[0], say=say, emit=emit, **asked)
