"""How a network finds providers for a job: names and settings of the market kernel's rules."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from simdai.registry import Configured
from simdai.units import NonNegative, PositiveCount, Share

__all__ = ["Cheapest", "Cluster", "Match", "ReverseAuction", "TieredQueue"]


class Match(Configured, family="match"):
    """A matching rule of the market kernel, whose ``VenueSpec`` says exactly what each setting does.

    Parameters
    ----------
    discipline : which waiting job comes first
    on_renege : what a job does when its patience ends: leave, queue again, or try its next choice
    on_failure : what happens to work whose provider went offline: tried again, moved to the next choice, or
        lost
    failed_work_is_paid : whether the elapsed time of a failed attempt is paid
    reputation_gain, reputation_loss : a provider's reputation moves towards 1 on completion, towards 0 on
        failure
    """

    discipline: Literal["fifo", "lifo", "priority"] = "fifo"
    on_renege: Literal["leave", "back", "next"] = "leave"
    on_failure: Literal["back", "next", "leave"] = "back"
    failed_work_is_paid: bool = False
    reputation_gain: Share = 0.0
    reputation_loss: Share = 0.0

    def venue_options(self) -> dict[str, Any]:
        """Keyword arguments of the kernel's ``VenueSpec``."""
        return {"rule": self.kind, **{name: getattr(self, name) for name in type(self).model_fields}}

    @property
    def venue_holds_price(self) -> bool:
        """True when one price of the network holds, whatever its providers ask."""
        return False


class Cheapest(Match, kind="cheapest"):
    """The cheapest idle provider that can do the job."""


class ReverseAuction(Match, kind="reverse_auction"):
    """A few idle providers bid; the customer weighs price and reputation.

    Parameters
    ----------
    bids : providers that bid, drawn without replacement
    reputation_weight : mark-up on the ask of a provider without reputation
    """

    bids: PositiveCount
    reputation_weight: NonNegative = 0.0


class TieredQueue(Match, kind="tiered_queue"):
    """The best tier of reputation first, in it the provider idle longest; needs a posted price.

    Parameters
    ----------
    tiers : descending thresholds of reputation
    """

    tiers: tuple[Share, ...] = ()

    @field_validator("tiers")
    @classmethod
    def _descending(cls, tiers: tuple[float, ...]) -> tuple[float, ...]:
        if list(tiers) != sorted(tiers, reverse=True):
            raise ValueError(f"tiers must descend, got {list(tiers)}")
        return tiers

    @property
    def venue_holds_price(self) -> bool:
        return True


class Cluster(Match, kind="cluster"):
    """Several equal devices of one region at once, all or nothing; one member's failure fails the job."""
