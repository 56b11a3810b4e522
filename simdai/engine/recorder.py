"""What a run remembers: series at recording instants, outcomes at the end, and the digest of the trace."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Reading = Callable[[], float]


class Recorder:
    """Columns of numbers, one row a recording instant, and scalar outcomes read at the end.

    A name is taken once. ``checks`` run before each recording (the ledger's conservation); ``digest`` is read
    at each instant and stored beside the row.
    """

    def __init__(self, clock: Reading, digest: Callable[[], int] | None = None) -> None:
        self._clock = clock
        self.digest = digest
        self.checks: list[Callable[[], None]] = []
        self._times: list[float] = []
        self._digests: list[int] = []
        self._series: dict[str, tuple[str, Reading, list[float]]] = {}
        self._looking_back: set[str] = set()
        self._outcomes: dict[str, tuple[str, Reading]] = {}

    def series(self, name: str, unit: str, function: Reading, *, looks_back: bool = False) -> None:
        """Record ``function()`` at each instant under ``name``.

        Parameters
        ----------
        looks_back : whether it tells what happened before the instant; then it is nan at the first
        """
        if name in self._series:
            raise ValueError(f"series {name!r} is recorded already")
        if self._times:
            raise ValueError(f"series {name!r} comes after the first recording")
        self._series[name] = (unit, function, [])
        if looks_back:
            self._looking_back.add(name)

    def outcome(self, name: str, unit: str, function: Reading) -> None:
        """Report ``function()``, read at the end of the run, under ``name``."""
        if name in self._outcomes:
            raise ValueError(f"outcome {name!r} is reported already")
        self._outcomes[name] = (unit, function)

    def reading(self, outcome: str) -> Reading | None:
        """What reads an outcome; None where none of that name is reported."""
        return self._outcomes[outcome][1] if outcome in self._outcomes else None

    def record(self) -> None:
        """Take one row now."""
        for check in self.checks:
            check()
        self._times.append(float(self._clock()))
        self._digests.append(self.digest() if self.digest else 0)
        for _, function, column in self._series.values():
            column.append(float(function()))
        if len(self._times) == 1:
            for name in self._looking_back:
                self._series[name][2][0] = math.nan

    @property
    def times(self) -> NDArray[np.float64]:
        """(n,) recording instants."""
        return np.array(self._times)

    @property
    def digests(self) -> list[int]:
        """Digest of the trace at each recording instant."""
        return list(self._digests)

    @property
    def units(self) -> dict[str, str]:
        """Name of each series to its unit."""
        return {name: unit for name, (unit, _, _) in self._series.items()}

    def series_table(self) -> dict[str, tuple[str, NDArray[np.float64]]]:
        """Name to (unit, (n,) values)."""
        return {name: (unit, np.array(column)) for name, (unit, _, column) in self._series.items()}

    def outcomes(self) -> dict[str, tuple[float, str]]:
        """Name to (value, unit), read now."""
        return {name: (float(function()), unit) for name, (unit, function) in self._outcomes.items()}
