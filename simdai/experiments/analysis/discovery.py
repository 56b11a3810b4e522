"""Scenario discovery: under which conditions an outcome comes about, as boxes in the factors' space."""

from __future__ import annotations

import importlib
import inspect
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import EngineError, ResultsError
from simdai.experiments.analysis.tables import tidy
from simdai.experiments.study import Study

if TYPE_CHECKING:
    import pandas as pd


def prim(
    study: Study,
    outcome: str,
    above: float | None = None,
    below: float | None = None,
    density: float = 0.8,
    boxes: int = 1,
    peel: float = 0.05,
    least_mass: float = 0.05,
) -> pd.DataFrame:
    """Boxes in which an outcome lies above (or below) a threshold: patient rule induction.

    From each sequence of ever smaller boxes the one is taken that balances coverage and density best
    (greatest harmonic mean) among those as dense as asked for, or the densest where none is.

    Parameters
    ----------
    study : of a design that fills the space
    outcome : of which the mean over replications is taken
    above, below : the threshold, one of the two
    density : float [1], share of the cases of interest in a box that is wanted
    boxes : int, how many boxes are looked for, each in what the ones before left
    peel : float [1], share of points that one step takes off
    least_mass : float [1], least share of points in a box

    Returns
    -------
    DataFrame : box, factor, low, high (or options), p (chance that the restriction is there by luck; the
        larger of its two ends), coverage (share of all cases of interest in the box), density, mass (share
        of all points); a row for each factor that a box restricts

    Raises
    ------
    ResultsError : all points are of interest, or none
    EngineError : the EMA Workbench is not installed

    Notes
    -----
    Source: Friedman and Fisher (1999), Bump hunting in high-dimensional data, Statistics and Computing 9;
    Bryant and Lempert (2010), Technological Forecasting & Social Change 77(1), for coverage, density and the
    test.
    """
    x, y, said = cases(study, outcome, above, below)
    tool = workbench("ema_workbench.analysis.prim")
    rows: list[dict[str, Any]] = []
    with quiet():
        search = tool.Prim(x, y, threshold=min(density, 1.0), peel_alpha=peel, mass_min=least_mass)
        for number in range(boxes):
            box = search.find_box()
            if box is None:
                break
            step = best_step(box.peeling_trajectory, density)
            limits, chance = box.box_lims[step], box.qp[step]
            measures = box.peeling_trajectory.iloc[step]
            if not chance:
                break
            box.select(step)
            head = {name: float(measures[name]) for name in ("coverage", "density", "mass")}
            rows += [
                {"box": number, "factor": name, **bounds(limits[name]), "p": max(chance[name]), **head}
                for name in sorted(chance, key=lambda name: max(chance[name]))
            ]
    columns = ["box", "factor", "low", "high", "options", "p", "coverage", "density", "mass"]
    return table_of(rows, study, outcome, said, y).reindex(columns=columns)


def best_step(trajectory: pd.DataFrame, density: float) -> int:
    """The box of a peeling sequence that balances coverage and density best, if one is dense enough."""
    coverage, found = trajectory["coverage"].to_numpy(), trajectory["density"].to_numpy()
    with np.errstate(invalid="ignore"):
        balance = np.nan_to_num(2.0 * coverage * found / (coverage + found))
    dense = found >= density
    return int(np.argmax(np.where(dense, balance, -1.0))) if dense.any() else int(np.argmax(found))


def cart(
    study: Study,
    outcome: str,
    above: float | None = None,
    below: float | None = None,
    least_mass: float = 0.05,
) -> pd.DataFrame:
    """A classification tree that splits the factors' space by whether an outcome passes a threshold.

    Parameters
    ----------
    study : of a design that fills the space
    outcome : of which the mean over replications is taken
    above, below : the threshold, one of the two
    least_mass : float [1], least share of points in a leaf

    Returns
    -------
    DataFrame : leaf, factor, low, high (or options), coverage, density, mass; a row for each factor that a
        leaf restricts, the leaf with most cases of interest first

    Notes
    -----
    Source: Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees.
    """
    x, y, said = cases(study, outcome, above, below)
    tool = workbench("ema_workbench.analysis.cart")
    with quiet():
        tree = tool.CART(x, y, mass_min=least_mass)
        tree.build_tree()
        leaves = sorted(zip(tree.boxes, tree.stats, strict=True), key=lambda leaf: -leaf[1]["coverage"])
    rows: list[dict[str, Any]] = []
    for number, (limits, stats) in enumerate(leaves):
        head = {name: float(stats[name]) for name in ("coverage", "density", "mass")}
        for name in x.columns:
            if restricted(limits[name], x[name]):
                rows.append({"leaf": number, "factor": name, **bounds(limits[name]), **head})
    columns = ["leaf", "factor", "low", "high", "options", "coverage", "density", "mass"]
    return table_of(rows, study, outcome, said, y).reindex(columns=columns)


def table_of(
    rows: list[dict[str, Any]], study: Study, outcome: str, said: str, passes: NDArray[np.bool_]
) -> pd.DataFrame:
    """A table of boxes that knows the condition, how common it is, and the range of every factor."""
    points = study.points
    numbers = [name for name, factor in study.factors.items() if factor.options is None]
    ranges = {name: (float(points[name].min()), float(points[name].max())) for name in numbers}
    return tidy(rows, study, outcome, condition=said, interest=float(np.mean(passes)), ranges=ranges)


def cases(
    study: Study, outcome: str, above: float | None, below: float | None
) -> tuple[pd.DataFrame, NDArray[np.bool_], str]:
    """Factors and whether the outcome passes the threshold, for the points that have it."""
    import pandas as pd

    values = study.means(outcome)
    seen = np.isfinite(values)
    if above is not None and below is None:
        passes, said = values[seen] > above, f"{outcome} > {above:g}"
    elif below is not None and above is None:
        passes, said = values[seen] < below, f"{outcome} < {below:g}"
    else:
        raise ResultsError("one threshold is needed: above=… or below=…")
    if not passes.any() or passes.all():
        which = "all" if passes.any() else "none"
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        raise ResultsError(f"{study.name}: {said} at {which} of the points; it lies from {low:g} to {high:g}")
    points = study.points.loc[seen].drop(columns="point").reset_index(drop=True)
    for name, factor in study.factors.items():
        if factor.options is not None:
            points[name] = pd.Categorical(points[name].astype(str))
        else:
            points[name] = points[name].astype(np.float64)
    return points, passes, said


def bounds(limits: pd.Series[Any]) -> dict[str, Any]:
    """The two ends of a restriction, or the options that are left."""
    low, high = limits.iloc[0], limits.iloc[1]
    if isinstance(low, set):
        return {"low": None, "high": None, "options": ", ".join(sorted(map(str, low)))}
    return {"low": float(low), "high": float(high), "options": ""}


def restricted(limits: pd.Series[Any], column: pd.Series[Any]) -> bool:
    """Whether a leaf leaves out some of the points that there are."""
    low, high = limits.iloc[0], limits.iloc[1]
    if isinstance(low, set):
        return len(low) < column.nunique()
    return bool(low > column.min() or high < column.max())


def workbench(module: str) -> Any:
    """Import a module of the EMA Workbench; `EngineError` with the cure where it is missing."""
    try:
        with quiet(), unsourced_stacks():
            return importlib.import_module(module)
    except ImportError as error:
        cure = "pip install 'simdai[discovery]'"
        raise EngineError(f"scenario discovery needs the EMA Workbench ({error}); {cure}") from None


@contextmanager
def unsourced_stacks() -> Iterator[None]:
    """Let the library ask who calls without a search for their source.

    It asks at each of its decorated methods, only for the name; the search goes through all modules for every
    frame, which makes its import take three times as long, and longer the deeper the stack.
    """
    original = inspect.getouterframes
    inspect.getouterframes = outer_frames
    try:
        yield
    finally:
        inspect.getouterframes = original


def outer_frames(frame: Any, context: int = 1) -> list[inspect.FrameInfo]:
    """The calls that led to a frame, as `inspect.getouterframes` lists them but for the lines of source."""
    calls = []
    while frame:
        code = frame.f_code
        calls.append(inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None))
        frame = frame.f_back
    return calls


class quiet(warnings.catch_warnings):
    """Keep the library's warnings and log to itself."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.simplefilter("ignore")
        self._level = logging.getLogger("EMA").level
        logging.getLogger("EMA").setLevel(logging.ERROR)
        return entered

    def __exit__(self, *exception: Any) -> None:
        logging.getLogger("EMA").setLevel(self._level)
        super().__exit__(*exception)
