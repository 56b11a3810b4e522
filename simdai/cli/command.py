"""The command `simdai` itself, and what its verbs share: options, messages, exit statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import simdai
from simdai.errors import SimdaiError

if TYPE_CHECKING:
    from simdai.results import Results

OK, BAD_INPUT, NO_IO, SOME_FAILED, INTERRUPTED = 0, 2, 3, 4, 130
F = TypeVar("F", bound=Callable[..., Any])


def say(text: str) -> None:
    """Write a message to stderr."""
    click.echo(f"simdai: {text}", err=True)


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


def days(text: str | None) -> float | None:
    """Read a time in days: a number, or a number with a unit of time."""
    if text is None:
        return None
    from simdai.units import parse_quantity, parse_unit

    value, unit = parse_quantity(text)
    return value if not unit.dimension else unit.convert(value, parse_unit("d"))


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


def stale(file: Path, source: Path) -> bool:
    """Whether a file is missing, or older than what it was made from."""
    return not file.exists() or file.stat().st_mtime < source.stat().st_mtime


def failures(results: Results) -> int:
    """Say which runs failed; the exit status that follows."""
    if not results.failed:
        return OK
    first = results.failed[0]
    said = f"{len(results.failed)} of {len(results.records)} runs of {results.name} failed"
    say(f"{said}; the first is {first.key}: {first.short_error}")
    return SOME_FAILED
