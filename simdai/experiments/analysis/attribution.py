"""How much of the change between two scenarios each of the things that changed brought."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ScenarioError
from simdai.experiments.evaluation import evaluating
from simdai.experiments.runners import Runner
from simdai.experiments.statistics import LEVEL, t_interval

if TYPE_CHECKING:
    import pandas as pd

MOST_EXACT = 8  # levers up to which all combinations are run
PERMUTATIONS = 32  # orders that are run beyond that, each also backwards

Levers = Mapping[str, Mapping[str, Any]]


def attribute(
    a: Any,
    b: Any,
    *outcomes: str,
    levers: Levers | None = None,
    replications: int = 10,
    seed: int = 1,
    level: float = LEVEL,
    by: Runner | None = None,
    simulate: Callable[..., Any] | None = None,
) -> pd.DataFrame:
    """Split the change of outcomes from ``a`` to ``b`` among the levers that moved: Shapley values.

    A lever's part is what moving it brings, on average over all orders in which the levers could be moved;
    the parts sum to the whole change in every replication. Up to eight levers all combinations are run,
    beyond that a sample of orders.

    Parameters
    ----------
    a : Scenario, or what `simdai.load` takes
    b : likewise; or None where ``levers`` says what is moved
    outcomes : names; all that both report where none is given
    levers : lever to dotted paths with their new values; None for one lever each value in which a and b
        differ
    replications, seed : all combinations share their luck
    level : float [1], coverage of the intervals
    by : makes the runs; None for this process

    Returns
    -------
    DataFrame : outcome, unit, lever (the last row of each outcome is ``whole change``), part, low, high, n

    Raises
    ------
    ScenarioError : nothing moved, or the values that moved cannot be set one by one

    Notes
    -----
    Source: Shapley (1953), A value for n-person games; the sampling of orders: Castro, Gomez and Tejada
    (2009), Computers & Operations Research 36(5).
    """
    import pandas as pd

    if levers is None:
        a, moved = levers_between(a, b)
    else:
        moved = dict(levers)
    if not moved:
        raise ScenarioError("nothing moved between the two scenarios")
    names = list(moved)
    with evaluating(a, replications, seed, by, simulate=simulate) as evaluation:
        orders = all_orders(len(names), seed)
        coalitions = needed(len(names), orders)
        points = [union(moved, names, coalition) for coalition in coalitions]
        worth = dict(zip(coalitions, evaluation(points), strict=True))
        empty, full = 0, (1 << len(names)) - 1
        asked = outcomes or tuple(sorted(set(worth[empty]) & set(worth[full])))
        rows = []
        for outcome in asked:
            game = {coalition: evaluation.outcome(values, outcome) for coalition, values in worth.items()}
            parts = shapley(game, len(names), orders)
            unit = evaluation.units.get(outcome, "")
            for name, part in zip([*names, "whole change"], [*parts, game[full] - game[empty]], strict=True):
                interval = t_interval(part, level)
                rows.append((outcome, unit, name, *interval))
    table = pd.DataFrame(rows, columns=["outcome", "unit", "lever", "part", "low", "high", "n"])
    table.attrs.update({"units": dict(evaluation.units), "runs": evaluation.n_runs, "exact": orders is None})
    return table


def levers_between(a: Any, b: Any) -> tuple[Any, dict[str, Mapping[str, Any]]]:
    """What differs between two scenarios, as levers named by their paths.

    Returns
    -------
    the first scenario, written in full so that every value has a place of its own, and the levers
    """
    from simdai.schema import Scenario, load

    first, second = (load(one) for one in (a, b))
    found = differences(first.model_dump(), second.model_dump())
    found.pop("question", None)
    whole = Scenario(**first.model_dump())
    whole._name = first.name
    return whole, {path: {path: value} for path, value in found.items()}


def differences(before: Any, after: Any, path: str = "") -> dict[str, Any]:
    """Dotted path to new value: parts that differ in kind or as a whole, else the single values."""
    if before == after:
        return {}
    alike = isinstance(before, dict) and isinstance(after, dict) and before.get("kind") == after.get("kind")
    if not alike:
        return {path: after}
    found: dict[str, Any] = {}
    for key in [*before, *(key for key in after if key not in before)]:
        found.update(differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key)))
    return found


def union(moved: Levers, names: Sequence[str], coalition: int) -> dict[str, Any]:
    """What the levers of a coalition, a bit each, change together."""
    changes: dict[str, Any] = {}
    for n, name in enumerate(names):
        if coalition >> n & 1:
            changes.update(moved[name])
    return changes


def all_orders(n: int, seed: int) -> list[tuple[int, ...]] | None:
    """Orders to average over, each followed by its reverse; None for all of them."""
    if n <= MOST_EXACT:
        return None
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"shapley")))
    drawn = [tuple(int(k) for k in rng.permutation(n)) for _ in range(PERMUTATIONS)]
    return [order for one in drawn for order in (one, one[::-1])]


def needed(n: int, orders: list[tuple[int, ...]] | None) -> list[int]:
    """The coalitions that must be run."""
    if orders is None:
        return list(range(1 << n))
    found = {0}
    for order in orders:
        for coalition in itertools.accumulate(1 << k for k in order):
            found.add(coalition)
    return sorted(found)


def shapley(
    game: Mapping[int, NDArray[np.float64]], n: int, orders: list[tuple[int, ...]] | None
) -> list[NDArray[np.float64]]:
    """The value of each of ``n`` players in every replication.

    Parameters
    ----------
    game : coalition (a bit each player) to its worth, (replications,) float
    n : players
    orders : to average over; None for the exact value from all coalitions
    """
    parts = [np.zeros_like(game[0]) for _ in range(n)]
    if orders is not None:
        for order in orders:
            coalition = 0
            for player in order:
                joined = coalition | 1 << player
                parts[player] += (game[joined] - game[coalition]) / len(orders)
                coalition = joined
        return parts
    for coalition in range(1 << n):
        size = coalition.bit_count()
        for player in range(n):
            if not coalition >> player & 1:
                weight = 1.0 / (n * math.comb(n - 1, size))
                parts[player] += weight * (game[coalition | 1 << player] - game[coalition])
    return parts
