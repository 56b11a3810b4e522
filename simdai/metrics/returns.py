"""What early stakes returned in simulated worlds: multiples, deaths, dilution, portfolios, against Bitcoin.

A stake is what one unit of money buys of a token, or of a lab's equity, on its first day. Its multiple is
what it is worth on its last day over what it cost: 0 if the project died meanwhile.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError
from simdai.mechanisms.concentration import top_share
from simdai.metrics.venture import (
    correlated_uniforms,
    portfolio_multiples,
    token_quantile,
    venture_quantile,
    zero_share,
)

if TYPE_CHECKING:
    import pandas as pd

    from simdai.results import Results, RunSeries

__all__ = [
    "QUANTILES",
    "DeathRule",
    "Portfolio",
    "Stakes",
    "portfolio",
    "published_portfolio",
    "returns_table",
    "stakes",
]

DAYS_PER_YEAR = 365.25
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOKEN = re.compile(r"(?P<who>[^.]+)\.token\.price_usd")
EQUITY = re.compile(r"(?P<who>[^.]+)\.valuation_usd")
SUPPLIERS = ("providers", "miners", "indexers", "services", "publishers")
BOOTSTRAPS = 1000
PORTFOLIO = "portfolio of tokens"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DeathRule:
    """When a project is dead, whatever its token still trades at.

    Parameters
    ----------
    suppliers_left : share of the first day's suppliers: providers, miners, indexers, services, publishers
    treasury_left : share of the treasury of the first day, where there was one
    days : below either for so long without a break

    Notes
    -----
    Assumptions: a treasury that can pay nothing any more, or suppliers below a minimum, for half a year.
    """

    suppliers_left: float = 0.05
    treasury_left: float = 0.01
    days: float = 180.0

    def died_on(self, times: Floats, levels: Sequence[Floats], least: Sequence[float]) -> float:
        """Day on which a project died; nan if it lives.

        Parameters
        ----------
        times : (n,) days
        levels : arrays (n,), each over its value of the first day
        least : what each of them must not stay below
        """
        days = [
            _below_since(times, level, bound, self.days) for level, bound in zip(levels, least, strict=True)
        ]
        return min((day for day in days if not math.isnan(day)), default=math.nan)


def _below_since(times: Floats, level: Floats, bound: float, days: float) -> float:
    """First time at which a level has been below a bound for so many days; nan if never."""
    began = math.nan
    for time, value in zip(times.tolist(), level.tolist(), strict=True):
        if not value < bound:
            began = math.nan
        elif math.isnan(began):
            began = time
        if time - began >= days:
            return float(time)
    return math.nan


@dataclass(frozen=True)
class Stakes:
    """Multiples of stakes in all projects of a scenario.

    Parameters
    ----------
    names : (m,) of the projects: networks with a token, then labs with shares
    n_tokens : how many of them are tokens
    multiples : (runs, m)
    died : (runs, m) day of death, nan for the living
    kept : (runs, m) share of the project that the stake still is, of what it was: tokens created and shares
        sold dilute it
    years : from the first to the last day
    benchmark : (runs,) multiples of the benchmark; empty without one
    """

    names: tuple[str, ...]
    n_tokens: int
    multiples: Floats
    died: Floats
    kept: Floats
    years: float
    benchmark: Floats

    @property
    def tokens(self) -> Stakes:
        """The tokens among them."""
        n = self.n_tokens
        tables = self.multiples[:, :n], self.died[:, :n], self.kept[:, :n]
        return Stakes(self.names[:n], n, *tables, self.years, self.benchmark)


def stakes(
    results: Results,
    *,
    first_day: float | None = None,
    last_day: float | None = None,
    death: DeathRule | None = None,
    benchmark: str = "bitcoin",
) -> Stakes:
    """Multiples of early stakes in every token and every lab's shares, from the series of each run.

    A token's multiple is its price on the last day over that of the first: a holder's tokens stay as many,
    and what is created besides shows in the price. A share's is the valuation over that of the first day
    times what rounds and pay have left of it.

    Parameters
    ----------
    first_day, last_day : days from the start; the end of the warm-up and the end of the run without
    death : when a project is dead; `DeathRule` as it stands without
    benchmark : name of the network whose token is compared with, and is no stake itself

    Raises
    ------
    ResultsError : no run has a token or a valuation, or no time lies between the two days
    """
    rule, document = death or DeathRule(), results.provenance
    start = float(document.get("warm_up_days") or 0.0) if first_day is None else first_day
    runs = [results.run_series[r.key] for r in results.records if r.key in results.run_series]
    known = list(dict.fromkeys(name for run in runs for name in run.values))
    tokens = [m["who"] for name in known if (m := TOKEN.fullmatch(name))]
    labs = [m["who"] for name in known if (m := EQUITY.fullmatch(name))]
    names = [name for name in (*tokens, *labs) if name != benchmark]
    if not names:
        raise ResultsError(f"{results.name}: no series of a token's price or a lab's valuation")
    end = min(float(run.times[-1]) for run in runs) if last_day is None else last_day
    if not end > start:
        raise ResultsError(f"{results.name}: no time between day {start:g} and day {end:g}")
    rows = [[_stake(run, name, name in tokens, start, end, rule) for name in names] for run in runs]
    table = np.array(rows, dtype=np.float64)
    held = [_stake(run, benchmark, True, start, end, None)[0] for run in runs] if benchmark in tokens else []
    return Stakes(
        tuple(names),
        sum(name in tokens for name in names),
        table[:, :, 0],
        table[:, :, 1],
        table[:, :, 2],
        (end - start) / DAYS_PER_YEAR,
        np.array(held, dtype=np.float64),
    )


def _stake(
    run: RunSeries, name: str, is_token: bool, start: float, end: float, death: DeathRule | None
) -> tuple[float, float, float]:
    """Multiple, day of death and share kept of one stake in one run."""
    inside = (run.times >= start - 1e-9) & (run.times <= end + 1e-9)
    times = run.times[inside]

    def over_first(series: str) -> Floats:
        values = run.values[series][inside] if series in run.values else np.empty(0)
        return values / values[0] if len(values) and values[0] > 0 else np.empty(0)

    if is_token:
        worth, supply = over_first(f"{name}.token.price_usd"), over_first(f"{name}.token.supply")
        kept = 1.0 / supply[-1] if len(supply) and supply[-1] > 0 else math.nan
    else:
        owners = over_first(f"{name}.owners_kept")
        kept = float(owners[-1]) if len(owners) else 1.0
        worth = over_first(f"{name}.valuation_usd") * kept
    multiple = float(worth[-1]) if len(worth) else math.nan
    if death is None:
        return multiple, math.nan, kept
    watched = {f"{name}.{role}.count": death.suppliers_left for role in SUPPLIERS}
    watched |= {
        f"{name}.treasury_usd": death.treasury_left,
        f"{name}.token.treasury_usd": death.treasury_left,
    }
    levels = {series: over_first(series) for series in watched}
    there = [series for series, level in levels.items() if len(level)]
    died = death.died_on(times, [levels[s] for s in there], [watched[s] for s in there])
    return (multiple if math.isnan(died) else 0.0), died, kept


# -- portfolios ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Portfolio:
    """Equal stakes in some projects, over all runs.

    Parameters
    ----------
    multiples : (runs,) of the whole
    quantiles : by level, see `QUANTILES`
    zero : share of runs in which it is as good as nothing (below 0.1)
    top : k to the share of the value at the end that the best k stakes make, mean over runs
    median_band, top_band : 90 % bootstrap bands of the median and of the share of the best stake
    beats_benchmark : share of runs in which it returns more than the benchmark; nan without one
    """

    multiples: Floats
    quantiles: Mapping[float, float]
    zero: float
    top: Mapping[int, float]
    median_band: tuple[float, float]
    top_band: tuple[float, float]
    beats_benchmark: float


def portfolio(held: Stakes, top: Sequence[int] = (1, 3)) -> Portfolio:
    """The portfolio of equal stakes in all projects of ``held``; bands come from runs drawn with return."""
    whole = portfolio_multiples(held.multiples)
    shares = {k: np.array([top_share(row, k) for row in held.multiples]) for k in top}
    lead = shares[top[0]]
    ahead = (whole > held.benchmark).astype(float) if len(held.benchmark) else np.empty(0)
    return Portfolio(
        whole,
        dict(zip(QUANTILES, np.quantile(whole, QUANTILES).tolist(), strict=True)),
        zero_share(whole),
        {
            k: float(np.nanmean(share)) if np.isfinite(share).any() else math.nan
            for k, share in shares.items()
        },
        _band(whole, np.median),
        _band(lead[np.isfinite(lead)], np.mean),
        _mean(ahead),
    )


def _mean(values: Floats) -> float:
    """Mean of what is known, nan where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.mean(known)) if len(known) else math.nan


def _band(values: Floats, statistic: Any) -> tuple[float, float]:
    """90 % bootstrap percentile interval of a statistic; nan for fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(0)  # the same band for the same results
    drawn = statistic(values[rng.integers(len(values), size=(BOOTSTRAPS, len(values)))], axis=1)
    low, high = np.quantile(drawn, (0.05, 0.95))
    return float(low), float(high)


# -- the published mixture -----------------------------------------------------------------------------------


def published_portfolio(years: float, holdings: int, loading: float = 0.7) -> Portfolio:
    """The same portfolio if every stake were drawn from published outcomes.

    Parameters
    ----------
    holdings : stakes
    loading : of all stakes on one factor; 0.7, the correlation of tokens with Bitcoin, is an assumption
    """
    rng = np.random.default_rng(0)
    drawn = token_quantile(correlated_uniforms(rng, 4000, holdings, [loading]), years)
    none = np.full(drawn.shape, math.nan)
    names = tuple(f"stake {n}" for n in range(holdings))
    return portfolio(Stakes(names, holdings, drawn, none, none, years, np.empty(0)))


def returns_table(results: Results, **keywords: Any) -> pd.DataFrame:
    """One row a stake, then the portfolio of all tokens, the benchmark, and what was published of the like.

    Columns: stake, q05 to q95, zero (share of runs below 0.1), dead (share of runs), kept (mean share of the
    project that the stake still is). Keywords are those of `stakes`.
    """
    import pandas as pd

    held = stakes(results, **keywords)
    tables = held.multiples.T, held.died.T, held.kept.T
    rows = [_row(name, *columns) for name, *columns in zip(held.names, *tables, strict=True)]
    if held.n_tokens:
        rows.append(_row(PORTFOLIO, portfolio(held.tokens).multiples))
    if len(held.benchmark):
        rows.append(_row(str(keywords.get("benchmark", "bitcoin")), held.benchmark))
    rows += _published(held)
    columns = ["stake", *(f"q{round(100 * q):02d}" for q in QUANTILES), "zero", "dead", "kept"]
    table = pd.DataFrame(rows, columns=columns)
    table.attrs["years"] = held.years
    return table


def _published(held: Stakes) -> list[list[Any]]:
    """Rows of published outcomes over as long, for what the scenario holds."""
    grid, unknown = (np.arange(20_000) + 0.5) / 20_000, [math.nan, math.nan]
    rows: list[list[Any]] = []
    if held.n_tokens:
        single = token_quantile(grid, held.years)
        rows.append(["published: one token", *np.quantile(single, QUANTILES), zero_share(single), *unknown])
        whole = published_portfolio(held.years, held.n_tokens)
        rows.append(["published: such a portfolio", *whole.quantiles.values(), whole.zero, *unknown])
    if held.n_tokens < len(held.names):
        single = venture_quantile(grid)
        rows.append(["published: one venture", *np.quantile(single, QUANTILES), zero_share(single), *unknown])
    return rows


def _row(name: str, multiples: Floats, died: Floats | None = None, kept: Floats | None = None) -> list[Any]:
    known = multiples[np.isfinite(multiples)]
    quantiles = np.quantile(known, QUANTILES).tolist() if len(known) else [math.nan] * len(QUANTILES)
    dead = float(np.mean(~np.isnan(died))) if died is not None else math.nan
    left = float(np.nanmean(kept)) if kept is not None and np.isfinite(kept).any() else math.nan
    return [name, *quantiles, zero_share(known), dead, left]
