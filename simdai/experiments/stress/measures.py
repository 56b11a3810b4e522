"""What a stress did to a network: each stressed run against the unstressed one of the same luck.

Every measure is a number for a pair of runs. Measures that compare are 1 where nothing changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simdai.results import RunSeries

__all__ = ["MEASURES", "Measure", "Pair"]

RECOVERED = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """A stressed run beside the unstressed one.

    Parameters
    ----------
    network : its name
    struck : day of the shock
    outcomes, calm_outcomes : of the two runs
    series, calm_series : of the two runs, at the same instants
    """

    network: str
    struck: float
    outcomes: Mapping[str, float]
    calm_outcomes: Mapping[str, float]
    series: RunSeries
    calm_series: RunSeries

    def ratio(self, name: str) -> float:
        """Quotient of an outcome in the two runs."""
        key = f"{self.network}.{name}"
        below = self.calm_outcomes.get(key, math.nan)
        return self.outcomes.get(key, math.nan) / below if below else math.nan

    def course(self, name: str) -> Floats:
        """(n,) quotient of a series in the two runs from the shock on."""
        key = f"{self.network}.{name}"
        if key not in self.series.values:
            return np.array([math.nan])
        after = self.series.times >= self.struck
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient: Floats = self.series.values[key][after] / self.calm_series.values[key][after]
        return quotient

    @property
    def days(self) -> Floats:
        """(n,) days since the shock of `course`."""
        days: Floats = self.series.times[self.series.times >= self.struck] - self.struck
        return days

    def after(self, name: str, days: float) -> float:
        """A series against the unstressed one ``days`` after the shock; nan beyond the horizon."""
        course, since = self.course(name), self.days
        later = np.flatnonzero(since >= days)
        return float(course[later[0]]) if len(later) and len(course) == len(since) else math.nan


def _recovery(pair: Pair) -> float:
    """Days until providers are back, for good, at 95 % of the unstressed; the rest of the run else.

    0 where they never fell below.
    """
    course, days = pair.course("providers.count"), pair.days
    low = np.flatnonzero(course < RECOVERED)
    if len(course) != len(days) or np.isnan(course).all():
        return math.nan
    if not len(low):
        return 0.0
    return float(days[min(low[-1] + 1, len(days) - 1)])


def _attack_profit(pair: Pair) -> float:
    """USD that attackers gained, of all attacks that the stressed run holds; nan without any."""
    profits = [
        value
        for name, value in pair.outcomes.items()
        if name.startswith(f"{pair.network}.")
        and name.endswith(".profit_usd")
        and name not in pair.calm_outcomes
    ]
    return math.fsum(profits) if profits else math.nan


def _dilution(pair: Pair) -> float:
    """Tokens created in the measured window over the supply at its end, less the same without the stress."""
    shares = []
    for outcomes in (pair.outcomes, pair.calm_outcomes):
        supply = outcomes.get(f"{pair.network}.token.supply", math.nan)
        shares.append(
            outcomes.get(f"{pair.network}.token.net_issuance", math.nan) / supply if supply else math.nan
        )
    return shares[0] - shares[1]


def _outcome(name: str) -> Callable[[Pair], float]:
    return lambda pair: pair.outcomes.get(f"{pair.network}.{name}", math.nan)


def _change(name: str) -> Callable[[Pair], float]:
    def change(pair: Pair) -> float:
        key = f"{pair.network}.{name}"
        return pair.outcomes.get(key, math.nan) - pair.calm_outcomes.get(key, math.nan)

    return change


@dataclass(frozen=True)
class Measure:
    """One number for a stress.

    Parameters
    ----------
    unit : of the number
    says : what it is, for a reader
    of : computes it for a pair of runs
    """

    unit: str
    says: str
    of: Callable[[Pair], float]


MEASURES: dict[str, Measure] = {
    "capacity_30d": Measure(
        "1", "providers 30 days after, against unstressed", lambda p: p.after("providers.count", 30)
    ),
    "capacity_90d": Measure(
        "1", "providers 90 days after, against unstressed", lambda p: p.after("providers.count", 90)
    ),
    "capacity_365d": Measure(
        "1", "providers 365 days after, against unstressed", lambda p: p.after("providers.count", 365)
    ),
    "recovery_days": Measure("d", "until providers are back at 95 % for good", _recovery),
    "retention": Measure("1", "providers who stayed, change", _change("providers.retention")),
    "service": Measure("1", "jobs completed, against unstressed", lambda p: p.ratio("jobs_completed")),
    "failed": Measure("1", "share of attempts that failed, change", _change("failed_share")),
    "price_drawdown": Measure(
        "1",
        "deepest fall of the token's price, against unstressed",
        lambda p: (
            1.0 - float(np.nanmin(p.course("token.price_usd"), initial=math.inf))
            if not np.isnan(p.course("token.price_usd")).all()
            else math.nan
        ),
    ),
    "dilution": Measure("1", "net issuance over supply, change", _dilution),
    "margin": Measure(
        "1", "mean margin of providers, change: the honest actors' loss", _change("providers.margin")
    ),
    "budget_paid": Measure(
        "1", "share of the project's budget that was paid", _outcome("treasury.paid_share")
    ),
    "collateral": Measure("1", "value behind a USD of credit", _outcome("vault.collateral_ratio")),
    "concentration": Measure("1", "HHI of providers, against unstressed", lambda p: p.ratio("providers.hhi")),
    "attack_profit": Measure("USD", "gain of the attackers", _attack_profit),
}
