"""Errors that a user can cause, each with where, what was found, what is allowed and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

__all__ = [
    "EngineError",
    "LedgerError",
    "ParameterError",
    "Problem",
    "ResultsError",
    "ScenarioError",
    "SimdaiError",
    "nearest",
    "refused",
    "unknown",
]

LONGEST_REPORT = 200
LONGEST_LIST = 24
LONGEST_TEXT = 80


class SimdaiError(Exception):
    """A mistake that the user can mend; its text says how."""


class EngineError(SimdaiError):
    """The clock, a stream or the kernel was asked for something impossible."""


class LedgerError(SimdaiError):
    """A transfer, mint or burn that would break the books."""


class ResultsError(SimdaiError):
    """Results that cannot be read or written (exit status 3 on the command line)."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a scenario file.

    Parameters
    ----------
    file : path as the user wrote it, or ``""`` for values given from Python
    line, column : int, counted from 1; 0 where no position is known
    path : dotted path of the value inside the scenario, ``""`` for the whole file
    found, allowed : what stands there, and what may
    suggestion : the nearest allowed word, ``""`` when none is near
    """

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    found: str = ""
    allowed: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        where = [self.file] if self.file else []
        if self.line:
            where += [str(self.line), str(self.column)]
        prefix = [":".join(where)] if where else []
        if self.path:
            prefix.append(self.path)
        text = self.found
        if self.allowed:
            text += f"; {self.allowed}"
        if self.suggestion:
            text += f". Did you mean {self.suggestion!r}?"
        return printable(": ".join([*prefix, text]))


class ScenarioError(SimdaiError, ValueError):
    """Everything wrong in the given scenario files, all problems at once.

    Parameters
    ----------
    problems : a sentence, a `Problem`, or several problems (kept in the order given)
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = (Problem(found=problems),)
        elif isinstance(problems, Problem):
            problems = (problems,)
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:LONGEST_REPORT]]
        if len(self.problems) > LONGEST_REPORT:
            lines.append(f"... and {len(self.problems) - LONGEST_REPORT} more problems")
        return "\n".join(lines)


class ParameterError(ScenarioError):
    """A parameter of ``parameters/`` that is missing, undated, without source or of a wrong unit."""


def printable(text: str) -> str:
    """Replace line breaks, control and other unprintable characters, which could act on a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Return the allowed word closest to ``word``, or ``""`` when none is close.

    Case does not count. Long words are cut, so the search is quick whatever is given.
    """
    if not isinstance(word, str):
        return ""
    candidates = {name.lower(): name for name in sorted(allowed, reverse=True)}
    found = difflib.get_close_matches(word.lower()[:LONGEST_TEXT], candidates, n=1, cutoff=0.6)
    return candidates[found[0]] if found else ""


def shown(value: object) -> str:
    """Write any value in at most some 80 characters, without line breaks."""
    try:
        text = repr(value)
    except Exception:  # a value whose repr fails (or is too long for Python) still needs a message
        text = f"a {type(value).__name__}"
    text = printable(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 4]} ..."


def listed(names: Iterable[str]) -> str:
    """Write allowed names as ``one of: a, b, c``; a long list is cut with a count."""
    names = sorted(names)
    if not names:
        return "nothing is allowed here"
    more = f" and {len(names) - LONGEST_LIST} more" if len(names) > LONGEST_LIST else ""
    return f"one of: {', '.join(names[:LONGEST_LIST])}{more}"


def unknown(what: str, got: object, allowed: Iterable[str], where: str = "") -> str:
    """Write the sentence for a name that is not among those allowed.

    >>> unknown("pricing kind", "postd", ["posted", "auction"], "markets.gpu.kind")
    "markets.gpu.kind: unknown pricing kind 'postd'; one of: auction, posted. Did you mean 'posted'?"
    """
    allowed = list(allowed)
    return str(
        Problem(
            path=where,
            found=f"unknown {what} {shown(got)}",
            allowed=listed(allowed),
            suggestion=nearest(got, allowed),
        )
    )


def refused(found: str, allowed: str, suggestion: str = "", at_key: bool = False) -> PydanticCustomError:
    """Make the error that a pydantic validator raises, keeping its parts for the positioned report.

    Parameters
    ----------
    found, allowed, suggestion : as in `Problem`
    at_key : whether the report should point at the key (an unknown one) and not at its value
    """
    tail = f". Did you mean {suggestion!r}?" if suggestion else ""
    context: dict[str, Any] = {"found": found, "allowed": allowed, "suggestion": suggestion, "tail": tail}
    return PydanticCustomError("unknown_key" if at_key else "refused", "{found}; {allowed}{tail}", context)


def path_text(location: Sequence[str | int]) -> str:
    """Write a location as a dotted path: ``("shocks", 0, "at")`` is ``shocks[0].at``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
