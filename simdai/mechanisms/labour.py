"""The labour market of researchers: what a job is worth, who is approached, what pay does, what teams lose.

Utilities in utils (tastes are Gumbel of scale 1), money in USD a year, rates per year.
Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval
from simdai.mechanisms.talent import offer_acceptance, team_output

__all__ = [
    "JobTaste",
    "TeamTree",
    "approach_rate",
    "mission_gap",
    "mission_terms",
    "next_pay",
    "recruiting_effort",
    "split_time_pay",
]

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class JobTaste:
    """Weights of what researchers look at in a job.

    Parameters
    ----------
    pay : utils per log pay; odds of acceptance are proportional to pay to this power
    compute : utils per log of H100 equivalents for the experiments of one researcher
    quality : utils per index point behind the best model
    stay : utils of the job one has
    """

    pay: float
    compute: float
    quality: float
    stay: float

    def utility(self, pay: float, compute: float, points_behind: float, mission: float = 0.0) -> float:
        """Utility of a job, without what staying adds: b_w ln w + b_c ln c - b_q behind + mission.

        Parameters
        ----------
        pay : float, above zero [USD/yr], sure or at its certainty equivalent
        compute : float, above zero [H100e per researcher]; 1 counts for nothing
        points_behind : float, best index less the employer's, zero or above
        mission : float, what else makes the job dear [utils]

        Raises
        ------
        ValueError : arguments out of range
        """
        positive(pay=pay, compute=compute)
        non_negative(points_behind=points_behind)
        work = self.compute * math.log(compute) - self.quality * points_behind
        return self.pay * math.log(pay) + work + mission


def split_time_pay(outside_pay: float, effort: float, pay: float) -> float:
    """Pay of somebody who gives a share ``effort`` of the time to a project and the rest to an outside job.

    (1 - e) w_out + e w, USD/yr; at full effort it is the project's pay alone. Raises ValueError for negative
    pay or an effort outside [0, 1].
    """
    non_negative(outside_pay=outside_pay, pay=pay)
    unit_interval(effort=effort)
    return (1.0 - effort) * outside_pay + effort * pay


# Approaches from one employer to the staff of another
def approach_rate(flow: float, stay: float) -> float:
    """Approaches a year that move a share ``flow`` of a staff to an equally good employer: h (1 + exp(b_s)).

    At equal utilities one approach is taken with probability 1 / (1 + exp(b_s)), b_s what staying adds.
    """
    non_negative(flow=flow)
    return flow * (1.0 + math.exp(stay))


def recruiting_effort(vacancy_share: float, usual_share: float, elasticity: float) -> float:
    """Approaches that an employer makes, over those at its usual share of vacancies: (v / v0)**elasticity.

    Parameters
    ----------
    vacancy_share : float, vacancies over staff, zero or above; without vacancies nobody is approached
    usual_share : float, v0, above zero
    elasticity : float in [0, 1], that of matches in vacancies

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(vacancy_share=vacancy_share)
    positive(usual_share=usual_share)
    unit_interval(elasticity=elasticity)
    return float((vacancy_share / usual_share) ** elasticity) if vacancy_share else 0.0


def mission_gap(
    ratio: float,
    n_origin: float,
    n_destination: float,
    *,
    u_origin: float,
    u_destination: float,
    u_outside: float,
    stay: float,
) -> float:
    """What a destination must offer beyond pay, compute and quality to have drawn a ratio of flows, utils.

    The x at which N_i p_ij / (N_j p_ji) = ratio, where p_ij is `offer_acceptance` of j's approach by one who
    works for i, who is approached as often as those of j by i. Where staying adds much, x is
    `utility_gap_from_flow` less the difference of the utilities.

    Parameters
    ----------
    ratio : float, moves from origin to destination over moves back, above zero
    n_origin, n_destination : float, staffs, above zero
    u_origin, u_destination, u_outside : float, utilities without mission and without ``stay``
    stay : float, what the job one has adds

    Raises
    ------
    ValueError : arguments not above zero, or no gap gives the ratio
    """
    positive(ratio=ratio, n_origin=n_origin, n_destination=n_destination)

    def log_ratio(x: float) -> float:
        there = u_destination + x
        forth = float(offer_acceptance(there, u_origin + stay, u_outside))
        back = float(offer_acceptance(u_origin, there + stay, u_outside))
        return math.log(n_origin * forth) - math.log(n_destination * back)

    low, high = -30.0, 30.0
    if not log_ratio(low) < math.log(ratio) < log_ratio(high):
        raise ValueError(f"ratio = {ratio!r}: no difference of mission gives such flows")
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if log_ratio(middle) < math.log(ratio) else (low, middle)
    return 0.5 * (low + high)


def mission_terms(
    ratios: Mapping[tuple[str, str], float],
    staff: Mapping[str, float],
    utility: Mapping[str, float],
    *,
    u_outside: float,
    stay: float,
) -> dict[str, float]:
    """Mission of each employer that reproduces measured ratios of flows, utils; their mean is zero.

    Parameters
    ----------
    ratios : moves from the first to the second employer of a pair over moves back; the pairs form no circle
    staff : employer to staff, above zero
    utility : employer to utility without mission and without ``stay``
    u_outside, stay : see `mission_gap`

    Returns
    -------
    mission : for every employer of ``staff``; employers without a measured flow have 0

    Raises
    ------
    ValueError : arguments out of range, or pairs that form a circle
    """
    found: dict[str, float] = dict.fromkeys(staff, 0.0)
    group = {name: {name} for name in staff}
    for (origin, destination), ratio in ratios.items():
        if destination in group[origin]:
            raise ValueError(f"flows between {origin!r} and {destination!r} follow from others already")
        gap = mission_gap(
            ratio,
            staff[origin],
            staff[destination],
            u_origin=utility[origin] + found[origin],
            u_destination=utility[destination],
            u_outside=u_outside,
            stay=stay,
        )
        shift = gap - found[destination]
        for name in group[destination]:
            found[name] += shift
        joined = group[origin] | group[destination]
        for name in joined:
            group[name] = joined
    for name, members in group.items():
        if name == min(members):
            mean = math.fsum(found[member] for member in members) / len(members)
            for member in members:
                found[member] -= mean
    return found


# Pay
def next_pay(
    pay: float, vacancy_share: float, years: float, *, speed: float, target: float, floor: float, most: float
) -> float:
    """Pay after ``years`` of bidding: d ln w / dt = speed (vacancies over staff - target), USD/yr.

    Parameters
    ----------
    pay : float, above zero [USD/yr]
    vacancy_share : float, zero or above
    years : float, zero or above
    speed : float, zero or above [1/yr]; 0 leaves pay as it is
    target : float, share of posts that an employer is content to have vacant
    floor : float, pay outside [USD/yr]: nobody falls below it
    most : float, what the compute in a researcher's hands is worth [USD/yr]: nobody is raised above it, and
        who stands above it is not raised

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    A modelling choice. A rule that raises pay until offers are accepted ratchets all employers upwards.
    """
    positive(pay=pay)
    non_negative(vacancy_share=vacancy_share, years=years, speed=speed)
    if speed == 0:
        return pay
    wanted = pay * math.exp(speed * (vacancy_share - target) * years)
    return max(floor, min(wanted, max(most, pay)))


# Teams
@dataclass(frozen=True, kw_only=True)
class TeamTree:
    """How a staff is organised: teams of one size, ``span`` teams or groups under each head.

    Parameters
    ----------
    size : people in a team, 1 or above
    span : what one head leads, above 1
    colleague_cost : share of the time that each colleague in a team costs, zero or above
    level_cost : share of all work that each level above the teams costs, in [0, 1)

    Raises
    ------
    ValueError : arguments out of range, or teams that do nothing but talk
    """

    size: float
    span: float
    colleague_cost: float
    level_cost: float

    def __post_init__(self) -> None:
        at_least(1.0, size=self.size)
        positive(span_above_one=self.span - 1.0, work_left=team_output(self.size, self.colleague_cost))
        unit_interval(level_cost=self.level_cost)

    def levels(self, staff: float) -> int:
        """Levels above the teams: 0 for one team, 1 up to ``span`` teams, then one for each power of it."""
        non_negative(staff=staff)
        teams = staff / self.size
        return 0 if teams <= 1.0 else math.ceil(math.log(teams) / math.log(self.span) - 1e-12)

    def share(self, staff: float) -> float:
        """Share of the time of ``staff`` people that is left for work.

        (1 - c (n - 1)) (1 - level cost)**levels, n the size of a team or of the whole staff if smaller.
        """
        n = min(max(staff, 1.0), self.size)
        return team_output(n, self.colleague_cost) / n * (1.0 - self.level_cost) ** self.levels(staff)
