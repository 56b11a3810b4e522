"""What early bets return: a mixture with a heavy tail, tokens that die, and portfolios of both.

Outcomes are multiples of the money put in. The mean of the tail exists but its variance does not (exponent
below 2): report medians, quantiles and the share of the best few, not a mean with a standard error.
Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval

__all__ = [
    "any_hit",
    "constant_hazard",
    "correlated_uniforms",
    "holdings_for",
    "portfolio_multiples",
    "portfolio_quantiles",
    "tail_exponent",
    "token_multiples",
    "token_quantile",
    "venture_multiples",
    "venture_quantile",
    "zero_share",
]

Numbers = npt.NDArray[np.float64]

LOST = 0.648
"""Share of over 21,000 financings of 2004-13 that returned less than their cost (Correlation Ventures)."""

WIPED_OUT = 0.35
"""Share of those that returned nothing: an assumption, the source does not split the bucket."""

SMALL_WIN, MEDIUM_WIN = 0.253, 0.059
"""Shares of financings that returned 1 to 5 times and 5 to 10 times their cost (same source)."""

TAIL_FROM = 10.0
"""Multiple above which the tail is Pareto: the remaining 4 % of financings."""


def tail_exponent(s_low: float, s_high: float, ratio: float) -> float:
    """Pareto exponent from survival at x and at ratio x: ln(s_low / s_high) / ln(ratio).

    Parameters
    ----------
    s_low, s_high : float, shares above x and above ratio x, above zero
    ratio : float, above zero, not 1

    Raises
    ------
    ValueError : arguments out of range
    """
    positive(s_low=s_low, s_high=s_high, ratio=ratio)
    if ratio == 1:
        raise ValueError("ratio = 1: two different points are needed")
    return math.log(s_low / s_high) / math.log(ratio)


def any_hit(p: float, n: float) -> float:
    """Probability of at least one hit in ``n`` independent holdings: 1 - (1 - p)^n."""
    unit_interval(p=p)
    non_negative(n=n)
    if p == 1:
        return 1.0 if n > 0 else 0.0
    return -math.expm1(n * math.log1p(-p))


def holdings_for(p: float, confidence: float = 0.9) -> int:
    """Least number of holdings with at least one hit at a confidence: ceil(ln(1 - q) / ln(1 - p)).

    Raises ValueError unless ``p`` is in (0, 1] and ``confidence`` in [0, 1).
    """
    positive(p=p, doubt=1.0 - confidence)
    unit_interval(p=p, confidence=confidence)
    if p == 1:
        return 1 if confidence > 0 else 0
    return math.ceil(math.log1p(-confidence) / math.log1p(-p) - 1e-9)


def constant_hazard(dead: float, years: float) -> float:
    """Hazard that leaves a share ``dead`` dead after ``years``: -ln(1 - dead) / years, 1/yr.

    0.46 for the tokens of 2020-21, 68.5 % dead after about 2.5 years (CoinGecko, 2024-01).
    """
    positive(years=years, alive=1.0 - dead)
    unit_interval(dead=dead)
    return -math.log1p(-dead) / years


def venture_quantile(u: npt.ArrayLike, tail_alpha: float = 1.42) -> Numbers:
    """Multiple below which a share ``u`` of single stakes falls.

    0 up to 0.35 x 64.8 %; uniform on (0, 1) up to 64.8 %; log-uniform on 1 to 5 (25.3 %) and on 5 to 10
    (5.9 %); above, the Pareto tail 10 (0.04 / (1 - u))**(1 / alpha).

    Parameters
    ----------
    u : (...) float in [0, 1]
    tail_alpha : float, above zero; 1.42 reproduces 1.5 % above 20 and 0.4 % above 50

    Returns
    -------
    multiple : (...) float, zero or above; infinite at u = 1

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Buckets: Correlation Ventures (2014), via sethlevine.com 2014-08-12. Inside the buckets: a modelling
    choice. Of the exits of 2013-22 only nearly half lost money (Coats, Correlation Ventures, 2023-07-13).
    """
    positive(tail_alpha=tail_alpha)
    q = np.asarray(u, dtype=np.float64)
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError("u: must lie in [0, 1]")
    zero, lost, small = WIPED_OUT * LOST, LOST, LOST + SMALL_WIN
    medium = small + MEDIUM_WIN
    tail = 1.0 - medium
    with np.errstate(divide="ignore"):
        beyond = TAIL_FROM * (tail / (1.0 - q)) ** (1.0 / tail_alpha)
    ranges = [q <= zero, q <= lost, q <= small, q <= medium]
    inside = [
        np.zeros_like(q),
        (q - zero) / (lost - zero),
        5.0 ** ((q - lost) / SMALL_WIN),
        5.0 * 2.0 ** ((q - small) / MEDIUM_WIN),
    ]
    return np.asarray(np.select(ranges, inside, default=beyond))


def token_quantile(u: npt.ArrayLike, years: float, hazard: float = 0.46, tail_alpha: float = 1.2) -> Numbers:
    """Multiple below which a share ``u`` of token stakes falls after ``years``.

    Dead, worth 0, with probability 1 - exp(-hazard t); else as `venture_quantile` with a heavier tail (1.2 is
    an assumption). Raises ValueError for arguments out of range.
    """
    non_negative(years=years, hazard=hazard)
    alive = math.exp(-hazard * years)
    q = np.asarray(u, dtype=np.float64)
    dead = 1.0 - alive
    conditional = np.clip((q - dead) / alive, 0.0, 1.0)
    return np.asarray(np.where(q < dead, 0.0, venture_quantile(conditional, tail_alpha)))


def venture_multiples(
    rng: np.random.Generator, size: int | tuple[int, ...], tail_alpha: float = 1.42
) -> Numbers:
    """Multiples of single stakes drawn from the bucket mixture (`venture_quantile` of one uniform each)."""
    return venture_quantile(rng.random(size), tail_alpha)


def token_multiples(
    rng: np.random.Generator, size: int | tuple[int, ...], years: float, hazard: float = 0.46
) -> Numbers:
    """Multiples of token stakes: dead with probability 1 - exp(-hazard t), else the mixture with tail 1.2.

    One uniform each (`token_quantile`), so that a longer life or a lower hazard never lowers a draw.
    """
    return token_quantile(rng.random(size), years, hazard)


def zero_share(multiples: npt.ArrayLike, below: float = 0.1) -> float:
    """Share of outcomes that are as good as nothing: multiples below 0.1; nan without outcomes."""
    x = np.asarray(multiples, dtype=np.float64)
    return float(np.mean(x < below)) if x.size else math.nan


def correlated_uniforms(
    rng: np.random.Generator, portfolios: int, holdings: int, loadings: npt.ArrayLike
) -> Numbers:
    """Uniform draws with shared factors, to put into a quantile function.

    Phi(sum_f b_f Z_f + sqrt(1 - sum b_f^2) e): every holding of a portfolio meets the same factors Z (the
    crypto market, the AI market) and its own luck e. Two holdings have correlation sum b_f^2 before Phi.

    Parameters
    ----------
    rng : numpy Generator
    portfolios, holdings : int, 1 or above
    loadings : (n_factors,) float, squares summing to at most 1

    Returns
    -------
    u : (portfolios, holdings) float in (0, 1)

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    A Gaussian copula has no tail dependence: joint collapses are rarer than in crypto markets.
    """
    from scipy.special import ndtr

    at_least(1, portfolios=portfolios, holdings=holdings)
    b = np.ravel(np.asarray(loadings, dtype=np.float64))
    own = 1.0 - float(b @ b)
    non_negative(own_variance=own)
    shared = rng.standard_normal((portfolios, b.size)) @ b
    luck = rng.standard_normal((portfolios, holdings))
    return np.asarray(ndtr(shared[:, None] + math.sqrt(own) * luck))


def portfolio_multiples(multiples: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Numbers:
    """Multiple of each portfolio: mean over its holdings, equal or weighted by the money put in.

    Parameters
    ----------
    multiples : (portfolios, holdings) float
    weights : (holdings,) float, zero or above, need not sum to 1; None for equal stakes
    """
    x = np.asarray(multiples, dtype=np.float64)
    return np.asarray(np.average(x, axis=-1, weights=None if weights is None else np.asarray(weights)))


def portfolio_quantiles(
    multiples: npt.ArrayLike, q: npt.ArrayLike = (0.05, 0.25, 0.5, 0.75, 0.95)
) -> Numbers:
    """Quantiles of the multiple of a portfolio of equal stakes.

    Parameters
    ----------
    multiples : (portfolios, holdings) float
    q : (m,) float in [0, 1]

    Returns
    -------
    (m,) float, linear between order statistics
    """
    return np.asarray(np.quantile(portfolio_multiples(multiples), np.asarray(q, dtype=np.float64)))
