"""Demand for model services, the prices of tokens and chips over time, and what a lab can raise on it.

Shares are logit: a seller's utility in utils, the outside option at 0. Prices may be in any one unit.
Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simdai.mechanisms import choice
from simdai.mechanisms._domain import finite, non_negative, positive, unit_interval

__all__ = [
    "ValuationRule",
    "adoption",
    "bass_adopted",
    "bass_peak_years",
    "berry_inversion",
    "book_value",
    "chip_price",
    "closed_premium",
    "fixed_quality_price",
    "indifference_price",
    "logit_shares",
    "own_price_elasticity",
    "privacy_multiple",
    "round_hazard",
    "round_share",
    "round_size",
    "round_success",
    "runway_years",
    "service_utility",
    "unit_cost",
    "vintage_value",
]

Numbers = npt.NDArray[np.float64]


# Who buys from whom
def service_utility(
    quality: float,
    price_ratio: float,
    *,
    beta_q: float,
    beta_p: float,
    privacy: float = 0.0,
    risk: float = 0.0,
    log_users: float = 0.0,
    premium: float = 0.0,
) -> float:
    """Mean utility of a seller in a segment, utils: b_q q - b_p ln p + privacy - risk + network + xi.

    Parameters
    ----------
    quality : float, q, index of the model served [points]
    price_ratio : float, price over the reference price, above zero
    beta_q : float [utils per point]
    beta_p : float [utils per log price]
    privacy, risk : float [utils], the segment's weight times the seller's level
    log_users : float [utils], weight of the network effect times ln((1 + users) / (1 + users at the start))
    premium : float, xi, what nothing else explains [utils]

    Raises
    ------
    ValueError : ``price_ratio`` not above zero
    """
    positive(price_ratio=price_ratio)
    return beta_q * quality - beta_p * math.log(price_ratio) + privacy - risk + log_users + premium


def logit_shares(utilities: npt.ArrayLike, outside: float = 0.0) -> Numbers:
    """Shares of use of each seller: exp(U_j) / (exp(U_0) + sum exp(U)); the rest is the outside option.

    Parameters
    ----------
    utilities : (n,) float [utils]; minus infinity for a seller that is not offered
    outside : float, U_0, utility of buying from nobody [utils]

    Returns
    -------
    shares : (n,) float in [0, 1], summing to less than 1

    Raises
    ------
    ValueError : a utility that is plus infinity or not a number

    Notes
    -----
    Sellers lose to each other in proportion to their shares (independence of irrelevant alternatives).
    Source: McFadden (1974), "Conditional logit analysis of qualitative choice behavior".
    """
    if not np.all(np.asarray(utilities, dtype=np.float64) < np.inf):
        raise ValueError("utilities: must be numbers below infinity")
    return choice.logit_shares(utilities, outside)


def berry_inversion(shares: npt.ArrayLike) -> Numbers:
    """Utilities that give the shares, utils: ln(s_j / s_0), s_0 the share left to the outside option.

    Parameters
    ----------
    shares : (n,) float, above zero, summing to less than 1

    Raises
    ------
    ValueError : a share that is not above zero, or nothing left outside

    Notes
    -----
    The inverse of `logit_shares`. Source: Berry (1994), RAND Journal of Economics 25(2).
    """
    s = np.asarray(shares, dtype=np.float64)
    outside = 1.0 - float(s.sum())
    if not (np.all(s > 0) and outside > 0):
        raise ValueError("shares: must be above zero and sum to less than 1")
    return np.asarray(np.log(s / outside))


def closed_premium(share_closed: float, price_ratio: float, beta_p: float) -> float:
    """xi in utils that gives ``share_closed`` at ``price_ratio`` (closed over open) and equal quality.

    ln(s / (1 - s)) + b_p ln(price ratio), one product on each side and nothing outside. 3.40 for 70 % at ten
    times the price with b_p = 1.11 (The Emerging Market for Intelligence, NBER 2025-12). Raises ValueError
    unless the share is inside (0, 1) and the ratio above zero.
    """
    positive(share_closed=share_closed, share_open=1.0 - share_closed, price_ratio=price_ratio)
    finite(beta_p=beta_p)
    return math.log(share_closed / (1.0 - share_closed)) + beta_p * math.log(price_ratio)


def own_price_elasticity(share: float, beta_p: float) -> float:
    """d ln share / d ln price of a seller whose price enters in logs: -b_p (1 - s), zero or below."""
    unit_interval(share=share)
    finite(beta_p=beta_p)
    return -beta_p * (1.0 - share)


def privacy_multiple(beta_pi: float, beta_p: float) -> float:
    """Price multiple that privacy is worth at equal quality and share: exp(b_pi / b_p)."""
    positive(beta_p=beta_p)
    finite(beta_pi=beta_pi)
    return math.exp(beta_pi / beta_p)


def adoption(weeks: float, tau_weeks: float = 2.5) -> float:
    """Share of users who have moved to a new best choice after ``weeks``: 1 - exp(-weeks / tau).

    Nine in ten within 5.8 weeks at 2.5, an assumption after arXiv:2504.15440, where use settles in weeks.
    Raises ValueError for negative weeks or a tau that is not above zero.
    """
    non_negative(weeks=weeks)
    positive(tau_weeks=tau_weeks)
    return -math.expm1(-weeks / tau_weeks)


def bass_adopted(years: float, innovation: float, imitation: float) -> float:
    """Share of a market that has adopted ``years`` after launch.

    (1 - exp(-(p+q) t)) / (1 + q/p exp(-(p+q) t)), the solution of dF/dt = (p + q F)(1 - F) from F = 0.

    Parameters
    ----------
    years : float, zero or above
    innovation : float, p, above zero [1/yr]
    imitation : float, q, zero or above [1/yr]

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Source: Bass (1969), Management Science 15(5).
    """
    non_negative(years=years, imitation=imitation)
    positive(innovation=innovation)
    decayed = math.exp(-(innovation + imitation) * years)
    return (1.0 - decayed) / (1.0 + imitation / innovation * decayed)


def bass_peak_years(innovation: float, imitation: float) -> float:
    """Years to the fastest adoption: ln(q/p) / (p + q), and 0 when imitation does not exceed innovation."""
    non_negative(imitation=imitation)
    positive(innovation=innovation)
    if imitation <= innovation:
        return 0.0
    return math.log(imitation / innovation) / (innovation + imitation)


def unit_cost(
    price: float, availability: float, utilisation: float, rework: float, verification_markup: float
) -> float:
    """All-in USD per completed H100e-hour: p (1 + v') (1 + w) / (availability x utilisation).

    Parameters
    ----------
    price : float, USD per rented H100e-hour, zero or above
    availability, utilisation : float in (0, 1], share of rented hours that run, and that do useful work
    rework : float, w, hours done again over hours completed, zero or above
    verification_markup : float, v' = v / (1 - v), v the share of compute lost to checks; 0 on trust

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(price=price, rework=rework, verification_markup=verification_markup)
    positive(availability=availability, utilisation=utilisation)
    unit_interval(availability=availability, utilisation=utilisation)
    return price * (1.0 + verification_markup) * (1.0 + rework) / (availability * utilisation)


# Prices over time
def fixed_quality_price(start: float, years: float, factor_per_year: float) -> float:
    """Price of a given quality after ``years``: start / factor**years, in the unit of ``start``.

    Epoch AI (2025-03-12) finds a fall of 9 to 900 times a year by task, 40 in the middle. The best model's
    own price does not follow it. Raises ValueError unless ``start`` and ``factor_per_year`` are above zero.
    """
    positive(start=start, factor_per_year=factor_per_year)
    return float(start * factor_per_year**-years)


def indifference_price(price: float, gain: float, beta_q: float, beta_p: float) -> float:
    """Price at which an old model is as good a buy as its replacement: p exp(-b_q gain / b_p).

    What the seller of the replacement must ask for the old one if anybody is to buy it still.

    Parameters
    ----------
    price : float, of the replacement, above zero, any unit
    gain : float, points by which the replacement is better
    beta_q, beta_p : float, utils per point and per log price, ``beta_p`` above zero

    Raises
    ------
    ValueError : arguments out of range
    """
    positive(price=price, beta_p=beta_p)
    return price * math.exp(-beta_q * gain / beta_p)


def chip_price(start: float, years: float, oom_per_year: float) -> float:
    """Price of a unit of new compute ``years`` later: start x 10**(-oom x years), in the unit of ``start``.

    0.14 orders of magnitude a year is Epoch AI's trend of FLOP/s per dollar (training-cost-trends, 2025).
    """
    positive(start=start)
    return float(start * 10.0 ** (-oom_per_year * years))


def vintage_value(start: float, age: float, oom_per_year: float, physical_loss: float) -> float:
    """Economic value of a unit of compute bought ``age`` years ago: start 10**(-oom age) exp(-loss age).

    What the same work costs on new chips, less what breaks.

    Parameters
    ----------
    start : float, price paid, above zero
    age : float, zero or above [yr]
    oom_per_year : float, fall of the price of new compute [orders of magnitude a year]
    physical_loss : float, hazard of retirement by failure, zero or above [1/yr]

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(age=age, physical_loss=physical_loss)
    return chip_price(start, age, oom_per_year) * math.exp(-physical_loss * age)


def book_value(start: float, age: float, life: float) -> float:
    """Accounting value after ``age`` years of straight-line depreciation over ``life``: never below 0."""
    non_negative(start=start, age=age)
    positive(life=life)
    return start * max(0.0, 1.0 - age / life)


# Valuation and rounds
@dataclass(frozen=True, kw_only=True)
class ValuationRule:
    """Post-money valuation as a multiple of the yearly run-rate.

    multiple = lab x scale x (Y / Y0)**size_power x (g / g0)**growth_power x exp(sentiment_weight x s), with
    the growth g clipped to [growth_low, growth_high]: multiples fall with size and rise with growth.

    Parameters
    ----------
    scale : float, multiple at Y0, g0 and neutral sentiment, above zero
    at_run_rate : float, Y0 [USD/yr], above zero
    size_power, growth_power, sentiment_weight : float
    at_growth : float, g0 [x/yr], above zero
    growth_low, growth_high : float, above zero [x/yr]

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    A modelling choice fitted to a few announced rounds of 2023-26; no theory stands behind the powers.
    """

    scale: float
    at_run_rate: float
    size_power: float
    growth_power: float
    sentiment_weight: float
    at_growth: float = 3.0
    growth_low: float = 1.0
    growth_high: float = 6.0

    def __post_init__(self) -> None:
        positive(scale=self.scale, at_run_rate=self.at_run_rate, at_growth=self.at_growth)
        positive(growth_low=self.growth_low, growth_range=self.growth_high - self.growth_low)

    def multiple(self, run_rate: float, growth: float, sentiment: float = 0.0, lab: float = 1.0) -> float:
        """Valuation over run-rate at a run-rate in USD/yr, a growth in x/yr and a sentiment in sd."""
        positive(run_rate=run_rate, lab=lab)
        clipped = min(max(growth, self.growth_low), self.growth_high)
        size = (run_rate / self.at_run_rate) ** self.size_power
        pace = (clipped / self.at_growth) ** self.growth_power
        return float(lab * self.scale * size * pace * math.exp(self.sentiment_weight * sentiment))

    def valuation(self, run_rate: float, growth: float, sentiment: float = 0.0, lab: float = 1.0) -> float:
        """Post-money valuation, USD."""
        return self.multiple(run_rate, growth, sentiment, lab) * run_rate


def runway_years(cash: float, burn_per_year: float) -> float:
    """Years of cash left at the present burn: K / burn; infinite when nothing is burned, 0 without cash."""
    if burn_per_year <= 0:
        return math.inf
    return max(cash, 0.0) / burn_per_year


def round_hazard(base: float, runway: float, trigger: float, urgency: float = 3.0) -> float:
    """Attempts to raise, per year: base, or (1 + urgency) base with a runway below the trigger [yr]."""
    non_negative(base=base, urgency=urgency)
    return base * (1.0 + urgency) if runway < trigger else base


def round_success(
    growth: float,
    rank: int,
    sentiment: float,
    *,
    base: float,
    growth_weight: float,
    rank_weight: float,
    sentiment_weight: float,
) -> float:
    """Probability that an attempt closes: logistic in log growth, rank in quality (0 = leader) and sentiment.

    A modelling choice. Raises ValueError unless ``growth`` (run-rate over that of a year ago) is above zero.
    """
    positive(growth=growth)
    score = base + growth_weight * math.log(growth) + rank_weight * rank + sentiment_weight * sentiment
    return 0.5 * (1.0 + math.tanh(0.5 * score))


def round_share(
    drawn: float, run_rate: float, *, early_below: float = 5e9, early_power: float = 0.25, most: float = 0.25
) -> float:
    """Share of the post-money valuation sold in a round: drawn x max(1, (5e9 / Y)**0.25), at most 0.25.

    Young companies sell more. ``drawn`` is 0.067 to 0.143 in the rounds of 2026 (65e9 of 965e9 USD, 122e9 of
    852e9); the factor is an assumption. Raises ValueError unless ``run_rate`` [USD/yr] is above zero.
    """
    non_negative(drawn=drawn)
    positive(run_rate=run_rate)
    return float(min(most, drawn * max(1.0, (early_below / run_rate) ** early_power)))


def round_size(valuation: float, sold: float, need: float) -> float:
    """USD raised: the share sold of the post-money valuation, but no more than is needed, and not below 0.

    Earlier holders are diluted by the result over ``valuation``. Raises ValueError unless ``sold`` is in
    [0, 1].
    """
    non_negative(valuation=valuation)
    unit_interval(sold=sold)
    return max(0.0, min(sold * valuation, need))
