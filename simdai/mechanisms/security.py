"""What it costs to attack a stake, and what is spent to prevent it.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math

from simdai.mechanisms._domain import non_negative

__all__ = ["cost_to_attack", "security_budget", "security_ratio", "stake_to_hold"]


def stake_to_hold(stake: float, theta: float) -> float:
    """Tokens to add for a share ``theta`` of stake when the existing stake stays: S theta / (1 - theta)."""
    non_negative(stake=stake)
    if not 0 <= theta < 1:
        raise ValueError(f"theta = {theta!r}: must lie in [0, 1)")
    return stake * theta / (1.0 - theta)


def cost_to_attack(stake: float, theta: float, price: float, impact: float) -> float:
    """USD to hold a share ``theta`` of stake when the existing stake stays.

    S theta / (1 - theta) tokens bought at the mean price p (1 + impact / 2), the price rising linearly.

    Parameters
    ----------
    stake : float, S, tokens staked now, zero or above
    theta : float in [0, 1), share wanted of the stake after the purchase
    price : float, before the purchase [USD/token], zero or above
    impact : float, relative rise of the price by the whole order, zero or above (1 = it doubles)

    Returns
    -------
    cost : float [USD]. Over `security_budget` it is the years of honest income that an attack costs.

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    What the attacker's tokens are worth afterwards, slashing, and borrowed or bribed stake are left out.
    """
    non_negative(price=price, impact=impact)
    return stake_to_hold(stake, theta) * price * (1.0 + impact / 2.0)


def security_budget(emission: float, price: float, fees_usd: float) -> float:
    """USD a year paid for security: tokens emitted a year x price + fees."""
    non_negative(emission=emission, price=price, fees_usd=fees_usd)
    return emission * price + fees_usd


def security_ratio(budget_usd: float, value_secured_usd: float) -> float:
    """Yearly security budget over the value it secures, 1/yr; infinite when nothing is secured."""
    non_negative(budget_usd=budget_usd, value_secured_usd=value_secured_usd)
    if value_secured_usd == 0:
        return math.nan if budget_usd == 0 else math.inf
    return budget_usd / value_secured_usd
