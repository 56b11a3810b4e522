"""Talent: who leaves, who accepts, how fast newcomers and teams become useful, what a prize draws out.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval
from simdai.mechanisms._exact import amounts

__all__ = [
    "Contest",
    "acceptance_after_wage",
    "certainty_equivalent",
    "contact_rate",
    "contest_entrants",
    "effective_labour",
    "net_flow_rate",
    "offer_acceptance",
    "quit_hazard",
    "ramp_up",
    "team_optimum",
    "team_output",
    "team_pairs",
    "top_decile_share",
    "tullock",
    "utility_gap_from_flow",
]


Numbers = npt.NDArray[np.float64]


class Contest(NamedTuple):
    """Outcome of a symmetric contest, in the unit of the prize."""

    effort_each: float
    effort_total: float
    payoff_each: float


def quit_hazard(retention_2y: float) -> float:
    """Annual hazard of leaving from the share still there after two years: -ln(R) / 2, 1/yr.

    A constant hazard over both years. Raises ValueError unless ``retention_2y`` is in (0, 1]. SignalFire,
    State of Talent 2025 (2025-05-20): Anthropic 0.80, DeepMind 0.78, OpenAI 0.67, Meta 0.64.
    """
    positive(retention_2y=retention_2y)
    unit_interval(retention_2y=retention_2y)
    return -0.5 * math.log(retention_2y)


def utility_gap_from_flow(ratio: float, n_origin: float, n_destination: float) -> float:
    """U_destination - U_origin from the ratio of flows origin to destination over the reverse, utils.

    0.5 ln(rho N_destination / N_origin): flows are F_ij = N_i h exp(U_j - U_i), so a large origin sends more
    people at the same utilities.

    Parameters
    ----------
    ratio : float, rho, above zero (SignalFire 2025: 8.2 from OpenAI, 10.6 from DeepMind to Anthropic)
    n_origin, n_destination : float, staffs, above zero

    Raises
    ------
    ValueError : arguments out of range
    """
    positive(ratio=ratio, n_origin=n_origin, n_destination=n_destination)
    return 0.5 * math.log(ratio * n_destination / n_origin)


def offer_acceptance(u_offer: npt.ArrayLike, u_current: npt.ArrayLike, u_outside: npt.ArrayLike) -> Numbers:
    """Probability that one offer is taken: exp(U_o) / (exp(U_o) + exp(U_current) + exp(U_outside)).

    Gumbel tastes of scale 1 (McFadden 1974). Utilities are arrays that broadcast; minus infinity stands for
    what is not on the table.
    """
    others = np.logaddexp(u_current, u_outside)
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(np.subtract(others, u_offer))))


def acceptance_after_wage(p: float, wage_ratio: float, beta_wage: float = 3.0) -> float:
    """Probability of acceptance after the wage is multiplied by ``wage_ratio``: the odds scale by its power.

    Parameters
    ----------
    p : float in [0, 1], probability before
    wage_ratio : float, new over old wage, above zero
    beta_wage : float, d ln odds / d ln wage; 3 is an assumption in a range of 0.4 (applications, Azar et al.
        2022) to 5

    Raises
    ------
    ValueError : arguments out of range
    """
    unit_interval(p=p)
    positive(wage_ratio=wage_ratio)
    raised = p * wage_ratio**beta_wage
    return float(raised / (raised + (1.0 - p)))


def contact_rate(searchers: float, vacancies: float, scale: float, elasticity: float) -> float:
    """Offers that one searcher meets, per year: m0 S**(1-e) V**e matches over S searchers, m0 (V/S)**e.

    Parameters
    ----------
    searchers : float, S, above zero; the employed count with the weight of their search
    vacancies : float, V, zero or above
    scale : float, m0 [1/yr]
    elasticity : float, e, of matches in vacancies, in [0, 1]

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Cobb-Douglas matching with constant returns: Petrongolo and Pissarides (2001), Journal of Economic
    Literature 39(2), who put the elasticity near 0.5.
    """
    positive(searchers=searchers)
    non_negative(vacancies=vacancies, scale=scale)
    unit_interval(elasticity=elasticity)
    return float(scale * (vacancies / searchers) ** elasticity)


def ramp_up(tenure_years: npt.ArrayLike, time_constant_years: float) -> Numbers:
    """Productivity of newcomers over that of old hands: 1 - exp(-tenure / time constant); arrays welcome."""
    tenure = np.asarray(tenure_years, dtype=np.float64)
    non_negative(tenure_years=float(tenure.min(initial=0.0)))
    positive(time_constant_years=time_constant_years)
    return np.asarray(-np.expm1(-tenure / time_constant_years))


def team_pairs(n: int) -> int:
    """Channels in a team of n: n (n - 1) / 2 (Brooks 1975, The Mythical Man-Month, chapter 2).

    Raises ValueError unless ``n`` is a whole number of people, zero or above.
    """
    (members,) = amounts(n=n)
    return members * (members - 1) // 2


def team_output(n: float, cost: float) -> float:
    """Output of a team of n in full-time equivalents: n (1 - c (n - 1)), c the time each colleague costs.

    Zero or below for teams of 1 + 1/c and more: split those. Raises ValueError for negative arguments.
    """
    non_negative(n=n, cost=cost)
    return n * (1.0 - cost * (n - 1.0))


def team_optimum(cost: float) -> float:
    """Size of team with the largest output, (1 + c) / (2 c), not rounded. Raises ValueError unless c > 0."""
    positive(cost=cost)
    return (1.0 + cost) / (2.0 * cost)


def tullock(prize: float, entrants: int) -> Contest:
    """Symmetric bounty contest, in the unit of the prize.

    Effort V (n-1) / n^2 each, V (n-1) / n in all, expected payoff V / n^2: a bounty of V buys work worth
    almost V once many compete.

    Parameters
    ----------
    prize : float, V, zero or above
    entrants : int, n, 1 or above

    Returns
    -------
    (effort_each, effort_total, payoff_each) : floats

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Equal, risk-neutral entrants who win in proportion to effort. Source: Tullock (1980), "Efficient rent
    seeking".
    """
    non_negative(prize=prize)
    at_least(1, entrants=entrants)
    each = prize * (entrants - 1) / entrants**2
    return Contest(each, prize * (entrants - 1) / entrants, prize / entrants**2)


def contest_entrants(prize: float, entry_cost: float) -> int:
    """Entrants of a contest with free entry: the largest n with V / n^2 at least the cost of entry."""
    non_negative(prize=prize)
    positive(entry_cost=entry_cost)
    return math.floor(math.sqrt(prize / entry_cost) + 1e-12)


def certainty_equivalent(expected: float, rho: float, sigma: float, years: float) -> float:
    """Sure pay worth as much as a token grant: E exp(-rho sigma^2 T / 2), in the unit of ``expected``.

    Parameters
    ----------
    expected : float, expected value at vesting, zero or above
    rho : float, relative risk aversion, zero or above
    sigma : float, volatility of the token, zero or above [1/sqrt(yr)]
    years : float, T, years to vesting, zero or above

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Exact for constant relative risk aversion and a lognormal price, when nothing else is owned.
    """
    non_negative(expected=expected, rho=rho, sigma=sigma, years=years)
    return expected * math.exp(-0.5 * rho * sigma * sigma * years)


# What the two sides have
def effective_labour(ability: npt.ArrayLike, full_time: npt.ArrayLike) -> float:
    """Sum of ability times full-time share: the size of a side in researchers of ability 1."""
    return float(np.sum(np.asarray(ability, dtype=np.float64) * np.asarray(full_time, dtype=np.float64)))


def top_decile_share(central: npt.ArrayLike, decentral: npt.ArrayLike) -> float:
    """Share of the ablest tenth of all researchers who work for labs; nan without researchers.

    The tenth is the largest ceil(n / 10) abilities of both sides together, with all who tie with the last.
    """
    c, d = np.ravel(np.asarray(central, dtype=np.float64)), np.ravel(np.asarray(decentral, dtype=np.float64))
    pooled = np.sort(np.concatenate([c, d]))
    if pooled.size == 0:
        return math.nan
    least = pooled[-math.ceil(pooled.size / 10)]
    labs, others = int(np.sum(c >= least)), int(np.sum(d >= least))
    return labs / (labs + others)


def net_flow_rate(to_central: float, to_decentral: float, decentral_stock: float, years: float) -> float:
    """Net yearly flow of people to the labs over the decentralised stock, 1/yr; positive is a drain."""
    positive(decentral_stock=decentral_stock, years=years)
    return (to_central - to_decentral) / (decentral_stock * years)
