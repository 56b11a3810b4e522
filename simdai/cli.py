"""The command line: every verb calls one public function and prints what it returns.

Results go to stdout, progress and messages to stderr. Exit status: 0 ok, 2 bad input, 3 I/O, 4 some runs
failed, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

import simdai
from simdai.errors import ResultsError, SimdaiError, unknown

if TYPE_CHECKING:
    from simdai.results import Results

OK, BUG, BAD_INPUT, NO_IO, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 4, 130
F = TypeVar("F", bound=Callable[..., Any])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit status."""
    if "_SIMDAI_COMPLETE" in os.environ:  # a shell asks for completions
        app(prog_name="simdai")
    if arguments is None:  # a process of its own, which a scheduler may ask to end
        signal.signal(signal.SIGTERM, end)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: say(str(message))
        status = run_app(list(sys.argv[1:] if arguments is None else arguments))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        hush()
    sys.exit(status)


def run_app(arguments: list[str]) -> int:
    """Run one verb and turn what happens into an exit status; mistakes get a sentence, not a traceback."""
    debug = os.environ.get("SIMDAI_DEBUG", "") not in ("", "0")
    try:
        with app.make_context("simdai", arguments) as context:
            return int(app.invoke(context) or OK)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as mistake:
        mistake.show()
        return BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        hush()
        return OK
    except (SimdaiError, OSError) as error:
        if debug:
            raise
        say(str(error))
        return NO_IO if isinstance(error, ResultsError | OSError) else BAD_INPUT


def end(number: int, frame: object) -> None:
    """End in order, with what was made stored, when the system asks for it."""
    raise SystemExit(128 + number)


def say(text: str) -> None:
    """Write a message to stderr."""
    click.echo(f"simdai: {text}", err=True)


def hush() -> None:
    """Let nothing more be written where nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def options(*wanted: Callable[[F], F]) -> Callable[[F], F]:
    """Give a verb several options, in the order written."""

    def give(function: F) -> F:
        for option in reversed(wanted):
            function = option(function)
        return function

    return give


SETTINGS = options(
    click.option(
        "--set", "changes", multiple=True, metavar="a.b=v", help="Change one value of the scenario."
    ),
    click.option("--override", "overrides", multiple=True, metavar="NAME", help="Apply a named patch."),
)
RUNNING = options(
    click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Luck of the run."),
    click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
    click.option("--until", metavar="D", help="End after D days (or '30 d', '12 h')."),
    click.option(
        "--kernel", type=click.Choice(["compiled", "reference"]), help="The same results either way."
    ),
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(simdai.__version__, prog_name="simdai")
def app() -> None:
    """Simulate decentralized against centralized AI economics.

    A SCENARIO is the name of a shipped one (such as first_market) or the path of a YAML file.
    """


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
    replications: int,
    seed: int,
    workers: int,
    out: Path | None,
    csv: Path | None,
    force: bool,
) -> int:
    """Move each parameter of grade C (inferred or assumed) alone, down and up, and print what that does.

    All points share their luck. The same command again goes on where it stopped.
    """
    from simdai.experiments.assumptions import GAPS, assumptions_study, assumptions_table, written
    from simdai.experiments.runners import runner
    from simdai.experiments.sweeping import swept
    from simdai.report.terminal import assumptions_tables

    loaded = simdai.load(scenario, set=changes, overrides=overrides)
    study = assumptions_study(loaded, share, outcomes or GAPS, replications, seed)
    folder = out if out is not None else Path("results") / f"{loaded.name}_assumptions"
    made = swept(study, runner(workers), folder, force, told=say)
    table = assumptions_table(made)
    if csv is not None:
        given = [word for change in changes for word in ("--set", change)]
        given += [word for name in overrides for word in ("--override", name)]
        given += [word for name in outcomes for word in ("--outcome", name)]
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


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Say what this installation is and what it can use."""
    from simdai import doctor as checks

    found = checks.report()
    if as_json:
        emit(found)
    else:
        click.echo(checks.text(found))


@app.command()
@click.argument("workload", type=click.Choice(["w1", "w2", "w4"]), default="w2")
@click.option(
    "--providers", type=click.IntRange(min=1), help="Providers (w2), customers (w1) or epochs (w4)."
)
@click.option("--days", "horizon", type=click.FloatRange(min=0, min_open=True), help="Horizon of w2.")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Fresh interpreters."
)
@click.option(
    "--against", type=click.Choice(["simpy", "numpy"]), help="Let plain SimPy (w4: NumPy) do the same work."
)
@AS_JSON
def bench(
    workload: str,
    providers: int | None,
    horizon: float | None,
    repeats: int,
    against: str | None,
    as_json: bool,
) -> None:
    """Measure the speed of the kernel that scenarios use."""
    from simdai import bench as benchmark

    measured = benchmark.run(workload, providers, horizon, repeats, against)
    if as_json:
        emit(measured)
    else:
        click.echo(benchmark.text(measured))


def days(text: str | None) -> float | None:
    """Read a time in days: a number, or a number with a unit of time."""
    if text is None:
        return None
    from simdai.units import parse_quantity, parse_unit

    value, unit = parse_quantity(text)
    return value if not unit.dimension else unit.convert(value, parse_unit("d"))


def stale(file: Path, source: Path) -> bool:
    """Whether a file is missing, or older than what it was made from."""
    return not file.exists() or file.stat().st_mtime < source.stat().st_mtime


def quantity(text: str | None, unit: str, option: str) -> float | None:
    """Read a number above zero, taken in ``unit`` where it has none of its own."""
    if text is None:
        return None
    from simdai.units import parse_quantity, parse_unit

    value, given = parse_quantity(text)
    value = given.convert(value, parse_unit(unit)) if given.dimension else value
    if not value > 0.0:
        raise SimdaiError(f"{option} {text}: more than zero is needed")
    return value


def failures(results: Results) -> int:
    """Say which runs failed; the exit status that follows."""
    if not results.failed:
        return OK
    first = results.failed[0]
    said = f"{len(results.failed)} of {len(results.records)} runs of {results.name} failed"
    say(f"{said}; the first is {first.key}: {first.short_error}")
    return SOME_FAILED
