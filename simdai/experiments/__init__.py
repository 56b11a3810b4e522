"""Many runs of one scenario or two, and what may be concluded from them."""

from simdai.experiments.comparison import Comparison
from simdai.experiments.runs import compare, run
from simdai.experiments.statistics import Interval, paired_difference, t_interval
from simdai.experiments.study import Study
from simdai.experiments.study_file import StudyFile, load_study
from simdai.experiments.sweeping import sweep

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
