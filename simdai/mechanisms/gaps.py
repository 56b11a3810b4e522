"""The four gaps between the centralised side and the decentralised side: scale, talent, speed, quality.

A *record* is a release history: pairs (day, index) in any order, or a mapping from day to index. Days are
numbers from any origin, or dates; all days of one call of the same sort.
Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import non_negative, positive
from simdai.mechanisms.talent import effective_labour, net_flow_rate, top_decile_share

__all__ = [
    "Lead",
    "effective_h100e",
    "effective_labour",
    "gap_index",
    "lag_days",
    "lag_is_censored",
    "largest_run_ratio",
    "mean_lag_days",
    "median_lead",
    "net_flow_rate",
    "oom",
    "scale_ratio",
    "time_to_close_years",
    "top_decile_share",
]

Day = float | datetime.date
Record = Mapping[Day, float] | Iterable[tuple[Day, float]]


# Quality
def lag_days(closed: Record, open_: Record, day: Day) -> float:
    """Days since the closed frontier was last not better than today's best open model.

    t - sup{s <= t : Q*_c(s) <= Q*_d(t)} with Q* the best index released so far; 0 when the open side leads or
    ties. A staircase: it grows a day each day and falls when an open model passes a closed record.

    Parameters
    ----------
    closed, open_ : records; releases after ``day`` are not looked at
    day : today

    Returns
    -------
    lag : float [days]. Where the closed side was ahead throughout its record (`lag_is_censored`) it is the
        age of the record, a lower bound.

    Raises
    ------
    ValueError : an index or a day that is not a number
    """
    ahead = _days_ahead(_pairs(closed), _pairs(open_), _number(day))
    return _number(day) - min(ahead) if ahead else 0.0


def lag_is_censored(closed: Record, open_: Record, day: Day) -> bool:
    """Whether the closed side was better throughout its record, so that the lag is only known from below."""
    releases = _pairs(closed)
    ahead = _days_ahead(releases, _pairs(open_), _number(day))
    return bool(ahead) and min(ahead) == min(released for released, _ in releases)


def mean_lag_days(closed: Record, open_: Record, start: Day, end: Day) -> float:
    """Mean over the days from ``start`` to ``end``, both included, of `lag_days`.

    The lag of one day depends on which side released last; Epoch AI reports the mean (open-closed-eci-gap).
    """
    first, last = _number(start), _number(end)
    if not last >= first:
        raise ValueError(f"end = {end!r}: must not be before start = {start!r}")
    closed_pairs, open_pairs = _pairs(closed), _pairs(open_)
    days = [first + i for i in range(int(last - first) + 1)]
    return math.fsum(lag_days(closed_pairs, open_pairs, day) for day in days) / len(days)


def _days_ahead(
    closed: Sequence[tuple[float, float]], open_: Sequence[tuple[float, float]], day: float
) -> list[float]:
    """Days up to ``day`` on which a closed model better than the best open one was released."""
    best = max((index for released, index in open_ if released <= day), default=-math.inf)
    return [released for released, index in closed if released <= day and index > best]


def _pairs(record: Record) -> list[tuple[float, float]]:
    items = record.items() if isinstance(record, Mapping) else record
    pairs = [(_number(day), float(index)) for day, index in items]
    if any(math.isnan(index) for _, index in pairs):
        raise ValueError("record: every release needs an index, found nan")
    return pairs


def _number(day: Day) -> float:
    number = float(day.toordinal()) if isinstance(day, datetime.date) else float(day)
    if math.isnan(number):
        raise ValueError("day = nan: must be a number or a date")
    return number


# Scale
def scale_ratio(central: float, decentral: float) -> float:
    """Centralised over decentralised size, x: spending, compute, largest run. Infinite over nothing."""
    non_negative(central=central, decentral=decentral)
    if decentral == 0:
        return math.nan if central == 0 else math.inf
    return central / decentral


def oom(ratio: float) -> float:
    """Orders of magnitude of a ratio: log10."""
    positive(ratio=ratio)
    return math.log10(ratio)


def effective_h100e(
    peak_flops: npt.ArrayLike,
    mfu: npt.ArrayLike,
    availability: npt.ArrayLike,
    utilisation: npt.ArrayLike,
    *,
    reference_flops: float,
    reference_mfu: float,
) -> float:
    """H100 equivalents of nodes that are slower, away or waiting: sum F_i m_i a_i U_i / (F MFU_c).

    Parameters
    ----------
    peak_flops : (n,) float, dense peak of each node [FLOP/s]
    mfu, availability, utilisation : (n,) float or one value for all, in [0, 1]
    reference_flops : float, peak of one H100 [FLOP/s], above zero
    reference_mfu : float, MFU that the centralised side reaches, above zero

    Raises
    ------
    ValueError : the reference is not above zero
    """
    positive(reference_flops=reference_flops, reference_mfu=reference_mfu)
    useful = (
        np.asarray(peak_flops, dtype=np.float64)
        * np.asarray(mfu, dtype=np.float64)
        * np.asarray(availability, dtype=np.float64)
        * np.asarray(utilisation, dtype=np.float64)
    )
    return float(useful.sum()) / (reference_flops * reference_mfu)


def largest_run_ratio(central: Record, decentral: Record, day: Day, window_days: float = 365.25) -> float:
    """Largest closed over largest open training run of the 12 months up to ``day``, x.

    ``central`` and ``decentral`` are records of (day finished, FLOP). Infinite when only the closed side has
    a run, nan when neither has.
    """
    today = _number(day)

    def largest(record: Record) -> float:
        recent = (flop for done, flop in _pairs(record) if today - window_days < done <= today)
        return max(recent, default=0.0)

    return scale_ratio(largest(central), largest(decentral))


def time_to_close_years(ratio: float, growth_decentral: float, growth_central: float) -> float:
    """Years until a ratio of sizes falls to 1: ln(ratio) / ln(g_d / g_c).

    Parameters
    ----------
    ratio : float, centralised over decentralised size, above zero [x]
    growth_decentral, growth_central : float, above zero [x/yr], held constant

    Returns
    -------
    years : float; infinite unless the decentralised side grows faster, 0 when there is no gap

    Raises
    ------
    ValueError : arguments not above zero
    """
    positive(ratio=ratio, growth_decentral=growth_decentral, growth_central=growth_central)
    if ratio <= 1:
        return 0.0
    if growth_decentral <= growth_central:
        return math.inf
    return math.log(ratio) / math.log(growth_decentral / growth_central)


# Speed
class Lead(NamedTuple):
    """Decentralised against centralised duration: ``ratio`` [x], ``difference`` [as the durations]."""

    ratio: float
    difference: float


def median_lead(central: npt.ArrayLike, decentral: npt.ArrayLike) -> Lead:
    """Median duration, decentralised over centralised, and their difference.

    For lead times (decision to production), release intervals, governance waits: durations of at least one
    event on each side, in one unit. Raises ValueError for an empty side.
    """
    c, d = np.asarray(central, dtype=np.float64), np.asarray(decentral, dtype=np.float64)
    if c.size == 0 or d.size == 0:
        raise ValueError("median_lead: needs at least one duration on each side")
    mid_c, mid_d = float(np.median(c)), float(np.median(d))
    positive(median_central=mid_c)
    return Lead(mid_d / mid_c, mid_d - mid_c)


# Together
def gap_index(components: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Scoreboard: mean of the gaps, each over its value at the reference date. Show the parts too."""
    now, then = np.asarray(components, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if now.shape != then.shape or not np.all(then > 0):
        raise ValueError("reference: needs a value above zero for each component")
    return float(np.mean(now / then))
