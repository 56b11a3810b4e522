"""Many runs of one scenario, of two, or of a study, and what may be concluded from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = [
    "Comparison",
    "Interval",
    "Study",
    "StudyFile",
    "compare",
    "load_study",
    "paired_difference",
    "run",
    "sweep",
    "t_interval",
]

# Loaded when first asked for: worker processes need little of all this, and start the quicker.
_HOMES = {
    "Comparison": "comparison",
    "Interval": "statistics",
    "Study": "study",
    "StudyFile": "study_file",
    "compare": "runs",
    "load_study": "study_file",
    "paired_difference": "statistics",
    "run": "runs",
    "sweep": "sweeping",
    "t_interval": "statistics",
}

if TYPE_CHECKING:
    from simdai.experiments.comparison import Comparison
    from simdai.experiments.runs import compare, run
    from simdai.experiments.statistics import Interval, paired_difference, t_interval
    from simdai.experiments.study import Study
    from simdai.experiments.study_file import StudyFile, load_study
    from simdai.experiments.sweeping import sweep


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'simdai.experiments' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"simdai.experiments.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
