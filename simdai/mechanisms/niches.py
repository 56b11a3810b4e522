"""Where the decentralised side may win: censorship, cost of idle compute, specialised models, privacy.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval
from simdai.mechanisms.demand import privacy_multiple

__all__ = [
    "at_least_k",
    "confidential_is_viable",
    "reachable_share",
    "repairable_availability",
    "savings_share",
    "survival_heterogeneous",
    "survival_k_of_n",
    "survival_repairable",
    "win_share",
]


# Censorship
def at_least_k(probabilities: npt.ArrayLike, k: int) -> float:
    """Probability that at least ``k`` of independent events happen (Poisson-binomial upper tail).

    Parameters
    ----------
    probabilities : (n,) float in [0, 1]
    k : int, zero or above; 1 for k = 0, 0 for k > n

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Sums positive terms only, so the relative error stays near n x 1e-16. O(n^2).
    """
    p = np.ravel(np.asarray(probabilities, dtype=np.float64))
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("probabilities: must lie in [0, 1]")
    at_least(0, k=k)
    if k == 0:
        return 1.0
    counts = np.zeros(p.size + 1)
    counts[0] = 1.0
    for i, chance in enumerate(p):
        counts[1 : i + 2] = counts[1 : i + 2] * (1.0 - chance) + counts[: i + 1] * chance
        counts[0] *= 1.0 - chance
    return min(1.0, math.fsum(counts[k:]))


def survival_heterogeneous(hazards: npt.ArrayLike, k: int, common_hazard: float, years: float) -> float:
    """Probability that a service with unlike hosts still stands: at least ``k`` hosts up, no common failure.

    exp(-h0 t) P(at least k of n alive), p_i = exp(-h_i t), without repair.

    Parameters
    ----------
    hazards : (n,) float, takedown hazard of each jurisdiction, zero or above [1/yr]
    k : int, hosts needed
    common_hazard : float, h0, of what all share: token gateway, DNS, sequencer, client store [1/yr]
    years : float, zero or above

    Raises
    ------
    ValueError : arguments out of range
    """
    h = np.ravel(np.asarray(hazards, dtype=np.float64))
    if not np.all(h >= 0):
        raise ValueError("hazards: must be zero or above")
    non_negative(common_hazard=common_hazard, years=years)
    return math.exp(-common_hazard * years) * at_least_k(np.exp(-h * years), k)


def survival_k_of_n(n: int, k: int, hazard: float, common_hazard: float, years: float) -> float:
    """Probability that at least ``k`` of ``n`` equal, independent hosts stand after ``years``.

    exp(-h0 t) sum_{j=k..n} C(n, j) p^j (1 - p)^(n - j), p = exp(-h t): no repair. One host in one place is
    n = k = 1.

    Parameters
    ----------
    n, k : int, hosts and hosts needed
    hazard, common_hazard : float, of each host and of what all share, zero or above [1/yr]
    years : float, zero or above

    Raises
    ------
    ValueError : arguments out of range
    """
    at_least(0, n=n)
    return survival_heterogeneous(np.full(n, hazard), k, common_hazard, years)


def repairable_availability(hazard: float, repair: float, years: float) -> float:
    """Probability that a host that is taken down and replaced is up, having been up at 0.

    r/(h+r) + h/(h+r) exp(-(h+r) t), ``repair`` the rate r of coming back [1/yr]; 1 when nothing happens.
    """
    non_negative(hazard=hazard, repair=repair, years=years)
    total = hazard + repair
    if total == 0:
        return 1.0
    return (repair + hazard * math.exp(-total * years)) / total


def survival_repairable(
    n: int, k: int, hazard: float, repair: float, common_hazard: float, years: float
) -> float:
    """Probability that a service with repair never fell below ``k`` of ``n`` hosts within ``years``.

    A Markov chain on the number of hosts up, from n: down at rate j h, up at rate (n - j) r, absorbed below
    k; times exp(-h0 t). The service does not come back from below k.

    Parameters
    ----------
    n, k : int, hosts and hosts needed, 1 <= k <= n
    hazard, repair : float, of each host, zero or above [1/yr]
    common_hazard : float, h0 [1/yr]
    years : float, zero or above

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Equals `survival_k_of_n` at repair 0. Differs from the chance of being up *now* (`at_least_k` of
    `repairable_availability`), which forgives outages. Source: Trivedi (2002), Probability and Statistics
    with Reliability, Queuing and Computer Science Applications, chapter 8.
    """
    from scipy.linalg import expm

    at_least(1, k=k)
    at_least(k, n=n)
    non_negative(hazard=hazard, repair=repair, common_hazard=common_hazard, years=years)
    up = np.arange(k, n + 1)
    down_rate, up_rate = up * hazard, (n - up) * repair
    generator = np.diag(-(down_rate + up_rate)) + np.diag(up_rate[:-1], 1) + np.diag(down_rate[1:], -1)
    alive = float(expm(generator * years)[-1].sum())
    return math.exp(-common_hazard * years) * min(1.0, max(0.0, alive))


def reachable_share(users: npt.ArrayLike, reachable: npt.ArrayLike) -> float:
    """Share of users whose jurisdiction can reach the service or its client; nan without users."""
    counts, open_here = np.asarray(users, dtype=np.float64), np.asarray(reachable, dtype=bool)
    if counts.shape != open_here.shape or not np.all(counts >= 0):
        raise ValueError("users: needs a count of zero or above for each jurisdiction")
    total = float(counts.sum())
    return float(counts[open_here].sum()) / total if total > 0 else math.nan


# Cost
def savings_share(unit_cost_decentral: float, unit_cost_central: float) -> float:
    """Share of the bill saved by buying decentralised compute: 1 - C_d / C_c; negative when it costs more."""
    non_negative(unit_cost_decentral=unit_cost_decentral)
    positive(unit_cost_central=unit_cost_central)
    return 1.0 - unit_cost_decentral / unit_cost_central


# Specialised models
def win_share(
    quality_decentral: npt.ArrayLike,
    quality_central: npt.ArrayLike,
    price_ratio: npt.ArrayLike,
    beta_p: float,
    beta_q: float,
) -> float:
    """Share of domains where the decentralised model is the better buy.

    mean of 1[q_d - lambda ln(p_d / p_c) > q_c], lambda = beta_p / beta_q points per log price; a tie does not
    win.

    Parameters
    ----------
    quality_decentral, quality_central : (n,) float, index in each domain [points]
    price_ratio : (n,) float or one value, decentralised over centralised price, above zero
    beta_p, beta_q : float, utils per log price and per point, ``beta_q`` above zero

    Raises
    ------
    ValueError : arguments out of range, or no domain
    """
    positive(beta_q=beta_q)
    ratio = np.asarray(price_ratio, dtype=np.float64)
    if not np.all(ratio > 0):
        raise ValueError("price_ratio: must be above zero")
    value = np.asarray(quality_decentral, dtype=np.float64) - beta_p / beta_q * np.log(ratio)
    wins = value > np.asarray(quality_central, dtype=np.float64)
    if wins.size == 0:
        raise ValueError("win_share: needs at least one domain")
    return float(np.mean(wins))


# Privacy
def confidential_is_viable(beta_pi: float, beta_p: float, loss: float) -> bool:
    """Whether confidential serving pays: the price multiple of privacy exceeds 1 / (1 - throughput loss)."""
    unit_interval(loss=loss)
    return loss < 1 and privacy_multiple(beta_pi, beta_p) > 1.0 / (1.0 - loss)
