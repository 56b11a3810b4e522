"""The library of shipped scenarios, and the folders that a scenario file may reach.

A name without ending is a library scenario: its path below ``scenarios/`` (``attacks/wash_demand``) or its
bare stem where that is unique (``landscape``). Anything that begins with ``.`` or ``/`` or ends in ``.yaml``
is a path.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path

from simdai.errors import Problem, ScenarioError, listed, nearest, shown

__all__ = [
    "Place",
    "library_folder",
    "library_names",
    "library_scenarios",
    "locate",
    "locate_from",
    "project_folder",
    "shared_files",
    "short",
]

APART = (
    "parameters",
    "overrides",
    "observations",
    "studies",
    "batteries",
)  # folders below scenarios/ that hold no scenarios
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Place:
    """A file that may be read.

    Parameters
    ----------
    path : absolute
    shown_as : how messages name it: as the user wrote it, or its shortest form
    name : what results are called after it: its path in the library, or its stem
    """

    path: Path
    shown_as: str
    name: str


@functools.cache
def library_folder() -> Path:
    """Return the folder of shipped scenarios: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "scenarios", package.parent / "scenarios"):
        if folder.is_dir():
            return folder
    raise ScenarioError(
        Problem(found=f"no folder {package / 'scenarios'}", allowed="an installation with its scenarios")
    )


def library_names(folder: str = "") -> dict[str, Path]:
    """Return the files of the library by their path without ending, in alphabetical order.

    Parameters
    ----------
    folder : below ``scenarios/``, such as ``studies``; empty for all scenarios
    """
    root = library_folder()
    start = root / folder if folder else root
    found: dict[str, Path] = {}
    for path in sorted(start.rglob("*.yaml")):
        parts = path.relative_to(root).parts
        if folder or parts[0] not in APART:
            found["/".join(parts).removesuffix(".yaml")] = path
    return found


def library_scenarios() -> tuple[str, ...]:
    """Return the names of all shipped scenarios."""
    return tuple(library_names())


def is_path(text: str) -> bool:
    """Tell whether a reference means a path (True) or a library name (False)."""
    return text.startswith((".", "/", "~")) or text.endswith(_ENDINGS) or os.path.isabs(text)


def locate(reference: str | os.PathLike[str], folder: str = "", what: str = "scenario") -> Place:
    """Find the file that a user means by a name or a path.

    Parameters
    ----------
    reference : a library name or a path; a `pathlib.Path` is always a path
    folder : where in the library to look, such as ``studies``; empty for scenarios
    what : how an error calls the thing sought

    Raises
    ------
    ScenarioError : no such file, or a stem that several library files share
    """
    if isinstance(reference, str) and not is_path(reference):
        return _in_library(reference, folder, what)
    text = os.fspath(reference)
    try:
        path = Path(os.path.abspath(Path(text).expanduser()))
    except (OSError, RuntimeError) as error:  # the working folder is gone, or there is no such home
        raise ScenarioError(Problem(file=text, found=f"no such path: {error}", allowed=f"a {what}")) from None
    return Place(path, text, _stem(path))


def locate_from(reference: str, base: Path, what: str = "scenario") -> Place:
    """Find the file that another file names; a path must stay inside that file's project.

    Parameters
    ----------
    reference : a library name, or a path relative to the folder of ``base``
    base : absolute path of the file that holds the reference
    """
    if not is_path(reference):
        return _in_library(reference, "", what)
    root = project_folder(base)
    if reference.startswith("~") or os.path.isabs(reference) or "\0" in reference:
        raise ScenarioError(Problem(found=shown(reference), allowed=f"a relative path inside {root}"))
    path = base.parent / reference
    try:
        real = path.resolve()
        inside = real.is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a loop of symbolic links
        inside = False
    if not inside:
        raise ScenarioError(
            Problem(found=f"{shown(reference)} leads outside", allowed=f"a path inside {root}")
        )
    return Place(real, short(path), _stem(path))


def project_folder(file: Path) -> Path:
    """Return the nearest parent folder that holds ``parameters/``, else the file's own folder."""
    for folder in file.parents:
        if (folder / "parameters").is_dir():
            return folder
    return file.parent


def shared_files(folder: str, file: Path | None) -> dict[str, Path]:
    """Return the files of a folder in reach by name: the library's, and before them the project's own.

    Parameters
    ----------
    folder : below ``scenarios/``, such as ``overrides``
    file : absolute path of the scenario file; None for one made in Python
    """
    folders = [library_folder() / folder]
    if file is not None:
        folders.append(project_folder(file) / folder)
    found = {}
    for place in folders:
        for path in sorted(place.glob("*.yaml")):
            if path.resolve().is_relative_to(place.resolve()):
                found[path.stem] = path
    return found


def _in_library(name: str, folder: str, what: str) -> Place:
    names = library_names(folder)
    exact = f"{folder}/{name}" if folder and not name.startswith(f"{folder}/") else name
    if exact in names:
        return Place(names[exact], short(names[exact]), exact)
    same_stem = [full for full in names if full.rsplit("/", 1)[-1] == name]
    if len(same_stem) == 1:
        return Place(names[same_stem[0]], short(names[same_stem[0]]), same_stem[0])
    if same_stem:
        raise ScenarioError(Problem(found=f"{shown(name)} is the name of several", allowed=listed(same_stem)))
    candidates = {full.rsplit("/", 1)[-1]: full for full in names} | {full: full for full in names}
    near = nearest(name, candidates)
    allowed = f"{listed(names) if names else 'none is there'}; a path begins with . or / or ends in .yaml"
    if not _NAME.fullmatch(name):
        allowed = "a name such as 'landscape', or a path that begins with . or / or ends in .yaml"
    raise ScenarioError(
        Problem(
            found=f"unknown {what} {shown(name)}",
            allowed=allowed,
            suggestion=candidates[near] if near else "",
        )
    )


def _stem(path: Path) -> str:
    return path.name.removesuffix(".yaml").removesuffix(".yml") or "scenario"


def short(path: Path) -> str:
    """Write a path relative to the working folder where it lies below that."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
