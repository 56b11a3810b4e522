"""Bounties: prizes for which people compete in the open."""

from __future__ import annotations

from typing import Annotated, Protocol, runtime_checkable

from annotated_types import Gt

from simdai.economy.employers import Employer
from simdai.mechanisms.talent import Contest, contest_entrants, tullock
from simdai.registry import Configured
from simdai.units import Quantity

__all__ = ["Bounties", "Patron"]


class Bounties(Configured):
    """Equal prizes, each won in a contest of its own, see `tullock`.

    Parameters
    ----------
    prize : USD
    per_year : contests
    entry_cost : USD of time that it costs to take part at all; people enter until it eats up the payoff
    """

    prize: Annotated[float, Quantity("USD", low=0.0), Gt(0.0)]
    per_year: Annotated[float, Quantity("1/y", low=0.0)]
    entry_cost: Annotated[float, Quantity("USD", low=0.0), Gt(0.0)]

    @property
    def entrants(self) -> int:
        """Who takes part in one contest."""
        return contest_entrants(self.prize, self.entry_cost)

    @property
    def contest(self) -> Contest:
        """What each entrant and all together put in, USD of time."""
        return tullock(self.prize, max(self.entrants, 1))


@runtime_checkable
class Patron(Employer, Protocol):
    """An open employer that pays bounties.

    Attributes
    ----------
    bounties : None where there are none
    """

    bounties: Bounties | None

    def award(self, prizes: int) -> None:
        """Pay so many prizes."""
