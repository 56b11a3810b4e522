"""Checks of contributed work: what they cost, when cheating pays, and what made-up work costs the model."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt

from simdai.mechanisms.verification import audit_overhead, min_check_probability
from simdai.registry import Configured
from simdai.units import NonNegative, Quantity, Share, Usd

__all__ = ["Checks"]


class Checks(Configured):
    """Random audits of updates, and stakes that are lost when one is made up.

    Parameters
    ----------
    audited : share of updates that are checked
    cost : of one check over that of the work; 1 repeats it
    detection : chance that a checked made-up update is found out
    stake : USD that each node deposits, and loses when caught
    dishonest : share of newcomers who cheat where it pays
    """

    audited: Share
    cost: NonNegative
    detection: Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)] = 1.0
    stake: Usd = 0.0
    dishonest: Share = 0.0

    @property
    def overhead(self) -> float:
        """Share of all compute that checks take."""
        return audit_overhead(self.audited, self.cost)

    @property
    def caught_chance(self) -> float:
        """Chance that one made-up update is found out."""
        return self.audited * self.detection

    def cheating_pays(self, saved: float, reward: float) -> bool:
        """Whether a node gains by making up a round, USD saved and paid in it; the dishonest then do.

        Not where nothing is saved, nor where nothing is paid and nothing is at stake.
        """
        if saved <= 0 or reward + self.stake <= 0:
            return False
        return self.caught_chance < min_check_probability(saved, reward, self.stake)
