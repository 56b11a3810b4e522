"""What may be concluded from a study, or found by runs on demand: tidy DataFrames with units and figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simdai.experiments.analysis.attribution import attribute
from simdai.experiments.analysis.correlation import correlations
from simdai.experiments.analysis.discovery import cart, prim
from simdai.experiments.analysis.screening import balanced_effects, morris, tornado
from simdai.experiments.analysis.tipping import tipping_point
from simdai.experiments.analysis.variance import sobol
from simdai.experiments.analysis.warm_up import warm_up
from simdai.experiments.study import Study

if TYPE_CHECKING:
    import pandas as pd

FITTING: dict[str, Callable[[Study, str], pd.DataFrame]] = {
    "correlation": correlations,
    "morris": morris,
    "sobol": sobol,
    "tornado": tornado,
}
"""The analysis that each layout of points is made for, by `Design.analysis`."""

__all__ = [
    "FITTING",
    "attribute",
    "balanced_effects",
    "cart",
    "correlations",
    "morris",
    "prim",
    "sobol",
    "tipping_point",
    "tornado",
    "warm_up",
]
