"""Fake supply: what an identity without hardware earns until a check finds it out."""

from __future__ import annotations

import math

from simdai.mechanisms._domain import non_negative, unit_interval

__all__ = [
    "break_even_detection",
    "break_even_reward",
    "expected_paid_hours",
    "hourly_detection",
    "identity_profit",
]


def hourly_detection(*chances: float) -> float:
    """Chance that at least one of several independent checks of an hour finds a fake: 1 - prod(1 - d).

    >>> round(hourly_detection(0.01, 0.1), 3)
    0.109
    """
    unit_interval(**{f"chance {n}": chance for n, chance in enumerate(chances)})
    return 1.0 - math.prod(1.0 - chance for chance in chances)


def expected_paid_hours(detection: float, uptime_hours: int) -> float:
    """Hours that a fake is paid before it is caught: ``(1 - d)^(u + 1) / d``.

    Every hour begins with a check; the first ``u`` hours only prove uptime and earn nothing. Infinite without
    checks.

    Parameters
    ----------
    detection : float in [0, 1], chance that the check of an hour finds it
    uptime_hours : int >= 0 [h]

    Notes
    -----
    The sum of the survival probabilities ``(1 - d)^h`` over the hours h > u. For small d and u = 0 it is the
    rule of thumb 1/d.

    >>> expected_paid_hours(0.5, 1)
    0.5
    """
    unit_interval(detection=detection)
    non_negative(uptime_hours=uptime_hours)
    return (1.0 - detection) ** (uptime_hours + 1) / detection if detection else math.inf


def identity_profit(
    reward: float, detection: float, uptime_hours: int, stake: float, slashed: float, cost: float
) -> float:
    """USD that one fake identity is expected to bring, from its purchase until it is caught and slashed.

    ``reward (1 - d)^(u + 1) / d - slashed stake - cost``; with small d and without the wait for uptime the
    attack pays while reward / d > stake loss + cost.

    Parameters
    ----------
    reward : float [USD/h] of a device that is nominated
    detection, uptime_hours : as in `expected_paid_hours`
    stake : float [USD], slashed : float in [0, 1], the share of it that is lost
    cost : float [USD] of the identity
    """
    non_negative(reward=reward, stake=stake, cost=cost)
    unit_interval(slashed=slashed)
    hours = expected_paid_hours(detection, uptime_hours)
    return (reward * hours if reward else 0.0) - slashed * stake - cost


def break_even_reward(
    detection: float, uptime_hours: int, stake: float, slashed: float, cost: float
) -> float:
    """USD an hour at which `identity_profit` is zero; infinite when no hour is ever paid."""
    hours = expected_paid_hours(detection, uptime_hours)
    loss = slashed * stake + cost
    return loss / hours if hours else math.inf


def break_even_detection(
    reward: float, uptime_hours: int, stake: float, slashed: float, cost: float
) -> float:
    """Chance that the check of an hour finds it at which `identity_profit` is zero.

    Rarer checks let the attack pay. About ``reward / (slashed stake + cost)`` while that is small; 1 where
    nothing is at stake, 0 where nothing is earned.

    >>> round(break_even_detection(0.5, 1, 9.0, 1.0, 1.0), 4)
    0.0455
    """
    non_negative(reward=reward, stake=stake, cost=cost)
    unit_interval(slashed=slashed)
    if reward == 0.0:
        return 0.0
    low, high = 0.0, 1.0
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return high
        if identity_profit(reward, middle, uptime_hours, stake, slashed, cost) > 0.0:
            low = middle
        else:
            high = middle
