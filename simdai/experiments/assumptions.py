"""How much what is assumed matters: each parameter of grade C moved alone, down and up.

Where there are too many for that, all are moved at once first, and those alone whose effect stands out.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simdai.errors import ScenarioError
from simdai.experiments.analysis.screening import balanced_effects
from simdai.experiments.statistics import paired_difference
from simdai.experiments.study_file import load_study
from simdai.schema import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from simdai.experiments.study import Study
    from simdai.experiments.study_file import StudyFile

__all__ = [
    "GAPS",
    "assumed",
    "assumptions_study",
    "assumptions_table",
    "screened",
    "screening_study",
    "written",
]

GAPS = ("gap.*", "niche.*")
"""Outcomes that are looked at where none are named."""
DESIGN = {"kind": "one_at_a_time"}
NARROWER = (1.0, 0.25, 0.05)
"""Shares of the range asked for that are tried, the first one that the scenario allows at both ends."""


def assumed(scenario: Scenario, grade: str = "C") -> dict[str, tuple[str, ...]]:
    """Parameters of a grade that a scenario uses, by name, with the dotted paths that each fills.

    Those are left out that are no number or zero, and those of observations, which enter no run.
    """
    found: dict[str, list[str]] = {}
    for path, use in scenario.provenance.parameters:
        number = isinstance(use.value, int | float) and not isinstance(use.value, bool) and use.value != 0
        if use.grade == grade and number and not path.startswith("observations."):
            found.setdefault(use.name, []).append(path)
    return {name: tuple(paths) for name, paths in sorted(found.items())}


def assumptions_study(
    scenario: Scenario,
    share: float = 0.2,
    outcomes: Sequence[str] = GAPS,
    replications: int = 2,
    seed: int = 1,
    only: Collection[str] | None = None,
) -> StudyFile:
    """Make the study that moves each parameter of grade C alone, with the luck of all points the same.

    Parameters
    ----------
    scenario : the base
    share : of its value by which a parameter is moved down and up; less where the scenario does not allow it
    outcomes : names of outcomes, * standing for any letters
    replications, seed : of each point
    only : names of the parameters; all without

    Raises
    ------
    ScenarioError : the scenario has no parameter of grade C that can be moved
    """
    question = f"Which of the assumed parameters of {scenario.name} move its outcomes?"
    return _study(scenario, share, outcomes, only, question, DESIGN, replications, seed)


def screening_study(
    scenario: Scenario, pairs: int, share: float = 0.2, outcomes: Sequence[str] = GAPS, seed: int = 1
) -> StudyFile:
    """Make the study that moves all parameters of grade C at once, each down or up at random.

    Parameters
    ----------
    pairs : points, each with its mirror image, one run each
    scenario, share, outcomes, seed : as in `assumptions_study`
    """
    question = f"Which of the assumed parameters of {scenario.name} are worth being moved alone?"
    return _study(
        scenario, share, outcomes, None, question, {"kind": "random_balance", "pairs": pairs}, 1, seed
    )


def screened(study: Study, keep: int) -> list[str]:
    """Parameters whose effect in `screening_study` stands out most, in whichever outcome that is.

    Parameters
    ----------
    keep : how many
    """
    best: dict[str, float] = {}
    for outcome in study.outcomes:
        table = balanced_effects(study, outcome)
        for name, score in zip(table["factor"].tolist(), table["score"].tolist(), strict=True):
            best[name] = max(best.get(name, 0.0), abs(score))
    names = sorted(best, key=lambda name: -best[name])[:keep]
    return sorted(study.factors[name].note for name in names)


def _study(
    scenario: Scenario,
    share: float,
    outcomes: Sequence[str],
    only: Collection[str] | None,
    question: str,
    design: Mapping[str, Any],
    replications: int,
    seed: int,
) -> StudyFile:
    factors: dict[str, Any] = {}
    for name, paths in assumed(scenario).items():
        reach = _reach(scenario, paths, share) if only is None or name in only else 0.0
        if reach:
            ends = {"low": 1.0 - reach, "high": 1.0 + reach, "relative": True}
            factors[_factor(name, factors)] = {"kind": "uniform", "path": list(paths), "note": name, **ends}
    if not factors:
        raise ScenarioError(f"{scenario.name}: no parameter of grade C that could be moved")
    return load_study(
        {
            "question": question,
            "base": scenario,
            "seed": seed,
            "replications": replications,
            "uncertainties": factors,
            "outcomes": list(outcomes),
            "design": dict(design),
        }
    )


def _factor(name: str, taken: Iterable[str]) -> str:
    """A name of a factor for a parameter's."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[-56:].lstrip("_0123456789")
    found, n = plain, 1
    while found in taken:
        n += 1
        found = f"{plain}_{n}"
    return found


def _moved(paths: Sequence[str], reach: float) -> dict[str, Any]:
    """A factor on numbers of the base, from ``1 - reach`` to ``1 + reach``."""
    return {"kind": "uniform", "path": list(paths), "low": 1.0 - reach, "high": 1.0 + reach, "relative": True}


def _reach(scenario: Scenario, paths: Sequence[str], share: float) -> float:
    """By which share of its value a parameter can be moved both ways; 0 where not at all."""
    for part in NARROWER:
        reach = part * share
        try:
            load_study({"base": scenario, "uncertainties": {"one": _moved(paths, reach)}, "design": DESIGN})
        except ScenarioError:
            continue
        return reach
    return 0.0


def assumptions_table(study: Study) -> pd.DataFrame:
    """What moving each assumed parameter does to each outcome.

    Parameters
    ----------
    study : of `assumptions_study`

    Returns
    -------
    DataFrame : ``outcome``, ``parameter``, ``moved`` (share down and up), ``middle`` (mean of the base),
        ``down``, ``up`` (mean differences from it), ``low``, ``high`` (95 % interval of up less down, paired
        by replication), ``swing`` (up less down over the middle's size) and ``unit``; within an outcome the
        parameter that swings it most comes first
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for outcome in study.outcomes:
        table = study.replicated(outcome)
        middle = float(np.mean(table[0]))
        found = []
        for n, (_, factor) in enumerate(study.factors.items()):
            down, up = table[1 + 2 * n], table[2 + 2 * n]
            whole = paired_difference(down, up)
            swing = whole.mean / abs(middle) if middle else math.nan
            found.append(
                {
                    "outcome": outcome,
                    "parameter": factor.note,
                    "moved": float(factor.quantile(1.0)) - 1.0,
                    "middle": middle,
                    "down": float(np.mean(down - table[0])),
                    "up": float(np.mean(up - table[0])),
                    "low": whole.low,
                    "high": whole.high,
                    "swing": swing,
                    "unit": study.units.get(outcome, ""),
                }
            )
        rows += sorted(found, key=lambda row: -abs(np.nan_to_num(row["swing"])))
    return pd.DataFrame(rows)


def written(table: pd.DataFrame, path: Path, command: Sequence[str]) -> None:
    """Write the table as CSV, with the command that makes it in the first line.

    Parameters
    ----------
    command : what stands after ``simdai assumptions``
    """
    from simdai.experiments.folder import reported
    from simdai.experiments.store import write_atomically

    head = f"# simdai assumptions {shlex.join(command)}\n"
    with reported(path):
        write_atomically(path, (head + table.to_csv(index=False, float_format="%.4g")).encode())
