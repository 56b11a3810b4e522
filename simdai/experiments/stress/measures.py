"""What a stress did to a network: each stressed run against the unstressed one of the same luck.

Every measure is a number for a pair of runs. Measures that compare are 1 where nothing changed, changes 0.
Networks call those who serve, and what is served, by different names: the first that a network has is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simdai import registry
from simdai.results import RunSeries

__all__ = ["MARGINS", "MEASURES", "SERIES", "Measure", "Pair"]

RECOVERED = 0.95
ROLES = ("providers", "indexers", "miners", "services", "publishers")
MARGINS = tuple(f"{role}.margin" for role in ROLES)
SERVED = ("jobs_completed", "queries", "calls", "orders", "height")
CREDIT = ("vault.collateral_ratio", "credit.collateral_ratio")
CAPTURED = ("captured_share", "vote_share", "won", "carried")
HONEST = (
    "honest_income_lost_usd",
    "others_loss_usd",
    "pool_taken_usd",
    "taken_usd",
    "miners_loss_usd",
    "treasury_loss_usd",
)
SERIES = ("*.count", "token.price_usd", "token.treasury_usd")
"""Series of a network that measures read, as names or patterns; those of the token last."""

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

    def known(self, names: Sequence[str]) -> str:
        """The first of several outcomes or series that the network has, else the first."""
        has = [n for n in names if f"{self.network}.{n}" in {**self.calm_outcomes, **self.series.values}]
        return (has or list(names))[0]

    def ratio(self, name: str) -> float:
        """Quotient of an outcome in the two runs, or of its sum over the parts of the network."""
        below = _total(self.calm_outcomes, self.network, name)
        return _total(self.outcomes, self.network, name) / below if below else math.nan

    def change(self, name: str) -> float:
        """Difference of an outcome in the two runs."""
        key = f"{self.network}.{name}"
        return self.outcomes.get(key, math.nan) - self.calm_outcomes.get(key, math.nan)

    def outcome(self, names: Sequence[str]) -> float:
        """The first of several outcomes that the stressed run has; nan where it has none."""
        return self.outcomes.get(f"{self.network}.{self.known(names)}", math.nan)

    def course(self, name: str) -> Floats:
        """(n,) quotient of a series in the two runs from the shock on."""
        key = f"{self.network}.{name}"
        if key not in self.series.values:
            return np.array([math.nan])
        after = self.series.times >= self.struck
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient: Floats = self.series.values[key][after] / self.calm_series.values[key][after]
        return np.where(np.isfinite(quotient), quotient, math.nan)

    @property
    def capacity(self) -> Floats:
        """(n,) those who serve, against the unstressed run, from the shock on."""
        return self.course(self.known([f"{role}.count" for role in ROLES]))

    @property
    def days(self) -> Floats:
        """(n,) days since the shock of `course`."""
        days: Floats = self.series.times[self.series.times >= self.struck] - self.struck
        return days

    def capacity_after(self, days: float) -> float:
        """Those who serve ``days`` after the shock, against the unstressed run; nan beyond the horizon."""
        course, since = self.capacity, self.days
        later = np.flatnonzero(since >= days)
        return float(course[later[0]]) if len(later) and len(course) == len(since) else math.nan

    def of_attacks(self, names: Sequence[str]) -> list[float]:
        """Outcomes of all attacks that only the stressed run holds, by the last parts of their names."""
        return [
            value
            for key, value in self.outcomes.items()
            if key.startswith(f"{self.network}.")
            and key.count(".") == 2
            and key.rpartition(".")[2] in names
            and key not in self.calm_outcomes
        ]


def _total(outcomes: Mapping[str, float], network: str, name: str) -> float:
    """An outcome of the network, else its sum over parts of the network; nan where neither is there."""
    if f"{network}.{name}" in outcomes:
        return outcomes[f"{network}.{name}"]
    parts = [
        value
        for key, value in outcomes.items()
        if key.startswith(f"{network}.") and key.endswith(f".{name}") and key.count(".") == 2
    ]
    return math.fsum(parts) if parts else math.nan


def _service(pair: Pair) -> float:
    """Quotient of what was served; the last names are tried until one has a value."""
    return next((value for name in SERVED if not math.isnan(value := pair.ratio(name))), math.nan)


def _recovery(pair: Pair) -> float:
    """Days until those who serve are back, for good, at 95 % of the unstressed; the rest of the run else.

    0 where they never fell below.
    """
    course, days = pair.capacity, pair.days
    low = np.flatnonzero(course < RECOVERED)
    if len(course) != len(days) or np.isnan(course).all():
        return math.nan
    if not len(low):
        return 0.0
    return float(days[min(low[-1] + 1, len(days) - 1)])


def _drawdown(pair: Pair) -> float:
    course = pair.course("token.price_usd")
    return 1.0 - float(np.nanmin(course)) if not np.isnan(course).all() else math.nan


def _dilution(pair: Pair) -> float:
    """Tokens created in the measured window over the supply at its end, less the same without the stress."""
    shares = []
    for outcomes in (pair.outcomes, pair.calm_outcomes):
        supply = outcomes.get(f"{pair.network}.token.supply", math.nan)
        shares.append(
            outcomes.get(f"{pair.network}.token.net_issuance", math.nan) / supply if supply else math.nan
        )
    return shares[0] - shares[1]


def _attack_profit(pair: Pair) -> float:
    """USD gained by all attacks that only the stressed run holds; nan without any."""
    found, known = [], registry.kinds("shock")
    for key in pair.outcomes:
        account, _, what = key.rpartition(".")
        network, _, kind = account.partition(".")
        if what == "profit_usd" and network == pair.network and key not in pair.calm_outcomes:
            gain = getattr(registry.get("shock", kind), "gain", what) if kind in known else what
            found.append(pair.outcomes[f"{account}.{gain}"])
    return _sum(found)


def _sum(values: list[float]) -> float:
    return math.fsum(values) if values else math.nan


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


def _role(what: str) -> list[str]:
    return [f"{role}.{what}" for role in ROLES]


MEASURES: dict[str, Measure] = {
    "capacity_30d": Measure(
        "1", "providers 30 days after, against unstressed", lambda p: p.capacity_after(30)
    ),
    "capacity_90d": Measure(
        "1", "providers 90 days after, against unstressed", lambda p: p.capacity_after(90)
    ),
    "capacity_365d": Measure(
        "1", "providers 365 days after, against unstressed", lambda p: p.capacity_after(365)
    ),
    "recovery_days": Measure("d", "until providers are back at 95 % for good", _recovery),
    "retention": Measure(
        "1",
        "providers of the start who stayed to the end, change",
        lambda p: p.change(p.known(_role("retention"))),
    ),
    "service": Measure("1", "jobs, queries, calls or orders served, against unstressed", _service),
    "failed": Measure("1", "share of attempts that failed, change", lambda p: p.change("failed_share")),
    "revenue": Measure("1", "what customers paid, against unstressed", lambda p: p.ratio("revenue_usd")),
    "price_drawdown": Measure("1", "deepest fall of the token's price, against unstressed", _drawdown),
    "dilution": Measure("1", "net issuance over supply, change", _dilution),
    "margin": Measure(
        "1",
        "mean margin of providers, change: the honest actors' loss",
        lambda p: p.change(p.known(MARGINS)),
    ),
    "honest_loss": Measure(
        "USD",
        "what attackers took from honest participants and treasuries",
        lambda p: _sum(p.of_attacks(HONEST)),
    ),
    "budget_paid": Measure(
        "1", "share of the project's budget that was paid", lambda p: p.outcome(["treasury.paid_share"])
    ),
    "treasury": Measure(
        "1",
        "worth of the treasury at the end, against unstressed",
        lambda p: float(p.course("token.treasury_usd")[-1]),
    ),
    "collateral": Measure("1", "value behind a USD of credit", lambda p: p.outcome(CREDIT)),
    "peg": Measure(
        "1",
        "USD that a USD of credit brought those who redeemed it, at worst",
        lambda p: p.outcome(["vault.lowest_value"]),
    ),
    "short": Measure(
        "1",
        "greatest share of a redemption that the vault did not hold, change",
        lambda p: p.change("vault.short_share"),
    ),
    "mint_halted": Measure(
        "d", "days in which no credit could be minted, change", lambda p: p.change("credit.mint_halted_days")
    ),
    "redeem_halted": Measure(
        "d",
        "days in which no credit could be redeemed, change",
        lambda p: p.change("credit.redeem_halted_days"),
    ),
    "security": Measure(
        "1", "cost of attacking the stake, against unstressed", lambda p: p.ratio("cost_to_attack_usd")
    ),
    "concentration": Measure(
        "1",
        "concentration of providers (HHI or Gini), against unstressed",
        lambda p: p.ratio(p.known(["providers.hhi", *_role("gini")])),
    ),
    "captured": Measure(
        "1",
        "share of votes, or of what they decide, that attackers hold",
        lambda p: max(p.of_attacks(CAPTURED), default=math.nan),
    ),
    "attack_spent": Measure(
        "USD", "budget that the attackers used", lambda p: _sum(p.of_attacks(["spent_usd"]))
    ),
    "attack_profit": Measure("USD", "gain of the attackers from attacking", _attack_profit),
}
