"""What may be concluded from a study, or found by runs on demand: tidy DataFrames with units and figures."""

from simdai.experiments.analysis.attribution import attribute
from simdai.experiments.analysis.correlation import correlations
from simdai.experiments.analysis.discovery import cart, prim
from simdai.experiments.analysis.screening import morris, tornado
from simdai.experiments.analysis.tipping import tipping_point
from simdai.experiments.analysis.variance import sobol
from simdai.experiments.analysis.warm_up import warm_up

__all__ = [
    "attribute",
    "cart",
    "correlations",
    "morris",
    "prim",
    "sobol",
    "tipping_point",
    "tornado",
    "warm_up",
]
