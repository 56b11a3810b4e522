"""Random numbers of one decision, by its own number: the tenth stays the tenth whatever happened before."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from simdai.economy.provider_book import ProviderBook
from simdai.engine import EntityStream
from simdai.engine.streams import uniforms_from

__all__ = ["Draws", "RowDraws"]

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


class RowDraws:
    """What one kind of decision of all providers of a book draws, each from its place's stream by its index.

    Parameters
    ----------
    streams : by place
    """

    def __init__(self, streams: list[EntityStream], book: ProviderBook) -> None:
        self._streams, self._book = streams, book
        self._starts = np.zeros(0, dtype=np.uint64)  # by row

    def uniforms(self, k: NDArray[np.int64], counter: int) -> NDArray[np.float64]:
        """(n,) number ``counter`` of the rows ``k``."""
        first = len(self._starts)
        if first < len(self._book.place):
            self._starts = np.concatenate([self._starts, np.zeros(len(self._book.place) - first, np.uint64)])
            for place, stream in enumerate(self._streams):
                new = self._book.rows_at(place)
                new = new[new >= first]
                self._starts[new] = stream.starts(self._book.index[new])
        return uniforms_from(self._starts[k], counter)
