"""Several operators who buy their own work to draw on a fixed pool; see also ``burn_mint``."""

from __future__ import annotations

import math

from simdai.mechanisms._domain import at_least, non_negative

__all__ = ["wash_spend_in_equilibrium"]


def wash_spend_in_equilibrium(other_usd: float, pool: float, price: float, attackers: int = 1) -> float:
    """USD that ``attackers`` alike spend together on their own work in an epoch, each the best for itself.

    With R = pool x price, n attackers and honest spend V, total spend T solves n T^2 = R ((n - 1) T + V), the
    sum of the first-order conditions R (T - u) = T^2; the answer is T - V, at least 0. One attacker spends
    sqrt(R V) - V (`best_wash_trade`); many spend R - V, where R / T is 1 and nobody gains. Raises ValueError
    for negative arguments or no attacker. Derived from the pro rata pool of RNP-013 (2024-04), after Tullock
    (1980), "Efficient rent seeking".

    >>> wash_spend_in_equilibrium(25, pool=100, price=1)
    25.0
    """
    non_negative(other_usd=other_usd, pool=pool, price=price)
    at_least(1, attackers=attackers)
    reward = pool * price
    linear = reward * (attackers - 1)
    total = (linear + math.sqrt(linear * linear + 4.0 * attackers * reward * other_usd)) / (2.0 * attackers)
    return max(total - other_usd, 0.0)
