"""Many runs of one scenario or two, and what may be concluded from them."""

from simdai.experiments.comparison import Comparison
from simdai.experiments.runs import compare, run
from simdai.experiments.statistics import Interval, paired_difference, t_interval

__all__ = ["Comparison", "Interval", "compare", "paired_difference", "run", "t_interval"]
