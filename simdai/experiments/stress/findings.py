"""Break-points and levers that were searched for a design, kept beside its runs for its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simdai.errors import ResultsError
from simdai.experiments.store import write_atomically
from simdai.experiments.stress.mend import Mended
from simdai.experiments.stress.search import Search
from simdai.results import finite

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["break_point_found", "found_in", "keep"]

SUFFIX = "_searched.json"  # of the file beside the folder of the runs, which holds nothing but results
KINDS = "break_points", "tipping", "mended"


def kept_in(folder: Path) -> Path:
    """The file that keeps what was searched for a design, beside the folder of its runs."""
    return folder.with_name(folder.name + SUFFIX)


def found_in(folder: Path | None) -> dict[str, Any]:
    """What was kept beside a folder: break-points, tipping points and settings of levers, by what was asked.

    Raises
    ------
    ResultsError : the file cannot be read
    """
    empty: dict[str, Any] = {kind: {} for kind in KINDS}
    if folder is None or not (file := kept_in(folder)).exists():
        return empty
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return empty | {kind: dict(found[kind]) for kind in KINDS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{file}: cannot be read: {error}") from None


def keep(
    folder: Path,
    searches: Mapping[str, tuple[Search, str]] | None = None,
    tipping: pd.DataFrame | None = None,
    mended: tuple[str, Mended] | None = None,
) -> None:
    """Add to what is kept beside a folder; what was asked before is replaced.

    Parameters
    ----------
    searches : what was asked to the search and the command that makes it again
    tipping : as of `simdai.experiments.stress.tipping`
    mended : the stresses, and what levers do to their break-points
    """
    found = found_in(folder)
    for asked, (search, command) in (searches or {}).items():
        found["break_points"][asked] = break_point_found(search) | {"command": command}
    if tipping is not None:
        for row in json.loads(tipping.to_json(orient="records")):
            found["tipping"][f"{row['lever']} under {row['stress']} ({row['severity']})"] = row
    if mended is not None:
        found["mended"][mended[0]] = mended[1].to_json()
    file = kept_in(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(found, indent=1, allow_nan=False).encode())


def break_point_found(search: Search) -> dict[str, Any]:
    """A search for machines; null stands for what has no value, and for a break that was not found."""
    confirmed = search.confirmed
    return {
        "property": str(search.prop),
        "verdict": search.verdict,
        "cost": search.cost,
        "cost_to_break": finite(search.cost_to_break),
        "unit": search.cost_unit,
        "levels": search.levels(),
        "confirmed": None if confirmed is None else {k: finite(v) for k, v in confirmed._asdict().items()},
        "points": len(search.looks),
        "runs": search.n_runs,
        "said": str(search),
    }
