"""What customers ask of providers besides hardware; a network judges by it whose bids count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from simdai.economy.actors import absent
from simdai.errors import Problem
from simdai.registry import Configured, FrozenMapping
from simdai.units import Count, Hours, Name

__all__ = ["Requirements"]


class Requirements(Configured):
    """What a job's provider must show. Clouds meet all of it; a network looks at what it knows of.

    Parameters
    ----------
    locations : jurisdictions that will do; any without
    connectivity : least tier of connectivity (io.net: 1 low to 4 ultra)
    attributes : that a provider must declare (Akash)
    signed_by_all, signed_by_any : auditors who must have signed them, all of the first and one of the second
    reclamation : least notice before a provider takes its resources back (Akash)
    """

    locations: tuple[Name, ...] | None = None
    connectivity: Count = Field(default=0, le=4)
    attributes: FrozenMapping[Name, str] = FrozenMapping()
    signed_by_all: tuple[Name, ...] = ()
    signed_by_any: tuple[Name, ...] = ()
    reclamation: Hours | None = None

    def check(self, scenario: Any) -> Iterator[Problem]:
        populations = [p for n in scenario.networks.values() for p in getattr(n, "providers", {}).values()]
        places = {place for p in populations for place in getattr(p, "jurisdictions", ())}
        named = {f"locations[{n}]": name for n, name in enumerate(self.locations or ())}
        yield from absent("jurisdiction", named, places)
