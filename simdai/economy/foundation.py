"""What a company or a foundation runs of a network, and what becomes of it when nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["Foundation"]


class Foundation(Mapping[str, bool]):
    """The functions of one network that depend on whoever stands behind it; each runs, or does not.

    Parameters
    ----------
    functions : what depends on each function, by its name
    """

    def __init__(self, functions: Mapping[str, str]) -> None:
        self._running = dict.fromkeys(functions, True)
        self._listeners: dict[str, list[Callable[[bool], None]]] = {function: [] for function in functions}

    def __getitem__(self, function: str) -> bool:
        return self._running[function]

    def __iter__(self) -> Iterator[str]:
        return iter(self._running)

    def __len__(self) -> int:
        return len(self._running)

    def __setitem__(self, function: str, runs: bool) -> None:
        if self[function] == runs:
            return
        self._running[function] = runs
        for listener in self._listeners[function]:
            listener(runs)

    def tell(self, function: str, listener: Callable[[bool], None]) -> None:
        """Call ``listener`` with whether a function runs, whenever that changes."""
        self._listeners[function].append(listener)

    def needed_for_work(self, function: str, populations: Mapping[str, Any]) -> None:
        """No provider of the ``populations`` can work while a function does not run."""

        def change(runs: bool) -> None:
            for population in populations.values():
                for place in population.jurisdictions:
                    barred = population.barred
                    (barred.unban if runs else barred.ban)(place)

        self.tell(function, change)
