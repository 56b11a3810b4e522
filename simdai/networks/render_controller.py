"""The controller of the job pool that RNP-020 proposed and the vote of 2025 refused."""

from __future__ import annotations

import math

from simdai.mechanisms.burn_mint import (
    render_controller_anchor,
    render_controller_ceiling,
    render_controller_step,
)
from simdai.networks.render_rules import Controller

__all__ = ["PoolController"]


class PoolController:
    """Moves the job pool towards what is burned, once in some epochs.

    Parameters
    ----------
    rules : when it moves, and how deep the market is
    pool : tokens an epoch at the start
    """

    def __init__(self, rules: Controller, pool: float) -> None:
        self.rules, self.pool = rules, pool
        self._epochs = 0
        self._burned_to = 0.0
        self._burn = math.nan  # average an epoch in the period before
        self._streak = 0  # moves of the same direction in a row, negative for cuts

    def end_epoch(self, burned: float, price: float) -> float:
        """Take in an epoch; returns the pool of the next.

        Parameters
        ----------
        burned : tokens burned since the start, real ones
        price : USD per token
        """
        self._epochs += 1
        if self._epochs % self.rules.epochs:
            return self.pool
        burn = (burned - self._burned_to) / self.rules.epochs
        growth = burn / self._burn - 1.0 if self._burn > 0 else 0.0
        anchor = render_controller_anchor(burn, growth)
        move = math.copysign(1, anchor - self.pool)
        streak = abs(self._streak) if self._streak * move > 0 else 0
        wanted = render_controller_step(self.pool, anchor, streak)
        self._streak = 0 if wanted == self.pool else round(move) * (streak + 1)
        if self.rules.volume is not None:
            assert self.rules.true_range is not None and self.rules.impact is not None
            ceiling = render_controller_ceiling(
                self.rules.volume, price, self.rules.impact, self.rules.true_range, self.rules.coefficient
            )
            wanted = min(wanted, max(ceiling, 0.0))
        self._burned_to, self._burn, self.pool = burned, burn, wanted
        return wanted
