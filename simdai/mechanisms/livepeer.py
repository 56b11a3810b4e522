"""Livepeer's inflation: a step up while too little is bonded, a step down while too much is."""

from __future__ import annotations

from simdai.mechanisms._domain import non_negative, unit_interval

__all__ = ["livepeer_inflation_step"]


def livepeer_inflation_step(
    inflation: float, bonded: float, target: float = 0.5, change: float = 3e-6
) -> float:
    """Inflation of the next round, a share of the supply a round.

    Up by ``change`` while the bonded share of the supply is below ``target``, down by it, to zero at least,
    while it is above; unchanged at it. There is no upper bound: at a bonded share that stays below the target
    it rises for ever, and in 2024 stood at a quarter of the supply a year with 44 % bonded. Raises ValueError
    for a negative inflation or change, or shares outside [0, 1]. Source: livepeer/protocol@f225b10c
    (2024-03-25) contracts/token/Minter.sol, setInflation; defaults of deploy/migrations.config.ts.

    >>> livepeer_inflation_step(7e-4, 0.44)
    0.000703
    """
    non_negative(inflation=inflation, change=change)
    unit_interval(bonded=bonded, target=target)
    if bonded < target:
        return inflation + change
    if bonded > target:
        return max(inflation - change, 0.0)
    return inflation
