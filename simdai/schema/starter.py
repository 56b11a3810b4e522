"""A first scenario file to change."""

from __future__ import annotations

import os
import re
from pathlib import Path

from simdai.errors import Problem, ResultsError, ScenarioError, shown
from simdai.schema.library import locate

__all__ = ["new_design", "new_scenario"]

MODEL = "examples/minimal"
DESIGN = "designs/work_token"
DESIGN_HEADER = """\
# {name}: a token design for simdai. Check it with `simdai check {path}`, run it with `simdai run {path}`,
# and see what bends and breaks it with `simdai stress {path}`. Every number is invented: put yours there.
# `simdai kinds emit` (or pay, reward, quote, match) lists what may stand after kind:. Limits of your own, by
# which stresses are graded, stand under `verdicts:`: {{service: {{bent_below: 0.95, broke_below: 0.7}}}}.
"""
HEADER = """\
# {name}: a scenario for simdai. Check it with `simdai check {path}`, run it with `simdai run {path}`.
# Numbers that come from the world belong into parameters/ and are named here: {{parameter: file.entry}}.
# Others may carry a unit: 90 d, 0.34 USD/h, 80 GiB. `simdai kinds` lists what may stand after kind:.
"""


def new_design(name: str, folder: str | os.PathLike[str] = ".") -> Path:
    """Write a commented token design that checks, runs and can be stressed; see `new_scenario`."""
    return _written(name, folder, DESIGN, DESIGN_HEADER)


def new_scenario(name: str, folder: str | os.PathLike[str] = ".") -> Path:
    """Write a commented scenario file that checks and runs, and return its path.

    Parameters
    ----------
    name : lower-case letters, digits, ``_`` and ``-``
    folder : where to write ``NAME.yaml``; made when missing

    Raises
    ------
    ScenarioError : the name is none, or the file exists
    ResultsError : the file cannot be written
    """
    return _written(name, folder, MODEL, HEADER)


def _written(name: str, folder: str | os.PathLike[str], model: str, header: str) -> Path:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", name):
        raise ScenarioError(
            Problem(found=f"the name {shown(name)}", allowed="letters, digits, _ and -, such as my_market")
        )
    target = Path(folder) / f"{name}.yaml"
    text = _without_header(locate(model).path.read_text(encoding="utf-8"))
    shown_path = target if target.is_absolute() or str(folder) not in (".", "") else f"./{target}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "x", encoding="utf-8") as file:
            file.write(header.format(name=name, path=shown_path) + text)
    except FileExistsError:
        raise ScenarioError(
            Problem(file=str(target), found="the file exists", allowed="a new name")
        ) from None
    except OSError as error:
        raise ResultsError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def _without_header(text: str) -> str:
    """Drop the comment lines that a file begins with."""
    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[first:])
