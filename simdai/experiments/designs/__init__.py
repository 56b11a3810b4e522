"""What a study varies (factors), and at which points it looks (designs)."""

from simdai.experiments.designs.factors import Factor
from simdai.experiments.designs.grids import Factorial, Listed, OneAtATime, Zipped
from simdai.experiments.designs.points import Design
from simdai.experiments.designs.sampling import Crossed, LatinHypercube, Morris, RandomBalance, Sobol

__all__ = [
    "Crossed",
    "Design",
    "Factor",
    "Factorial",
    "LatinHypercube",
    "Listed",
    "Morris",
    "OneAtATime",
    "RandomBalance",
    "Sobol",
    "Zipped",
]
