"""The command line: every verb calls one public function and prints what it returns.

Results go to stdout, progress and messages to stderr. Exit status: 0 ok, 2 bad input, 3 I/O, 4 some runs
failed, 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence

import click

from simdai.cli import files, machine, runs, studies  # noqa: F401 - each gives the app its verbs
from simdai.cli.command import BAD_INPUT, INTERRUPTED, NO_IO, OK, app, say
from simdai.errors import ResultsError, SimdaiError

__all__ = ["app", "main", "run_app"]


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


def hush() -> None:
    """Let nothing more be written where nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
