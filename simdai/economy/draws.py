"""Random numbers of one decision, by its own number: the tenth stays the tenth whatever happened before."""

from __future__ import annotations

import math
from statistics import NormalDist

from simdai.engine import EntityStream

__all__ = ["Draws"]

NORMAL = NormalDist()


class Draws:
    """What one kind of decision of one actor draws; ``n`` is the day or the number of the attempt."""

    def __init__(self, stream: EntityStream) -> None:
        self._stream = stream

    def uniform(self, n: int) -> float:
        """A number in (0, 1)."""
        return self._stream.uniform(0, n) + 2.0**-54

    def normal(self, n: int) -> float:
        """A standard normal number."""
        return NORMAL.inv_cdf(self.uniform(n))

    def lognormal(self, n: int, median: float, log_sigma: float) -> float:
        """A positive number whose logarithm is normal, in the unit of its ``median``."""
        return median * math.exp(log_sigma * self.normal(n))

    def exponential(self, n: int, mean: float) -> float:
        """A positive number without memory, in the unit of its ``mean``."""
        return -mean * math.log(self.uniform(n))
