"""Things that happen to researchers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from pydantic import model_validator

from simdai.economy.actors import World, exactly_one, only
from simdai.economy.shocks import DatedShock
from simdai.errors import Problem
from simdai.units import Share

__all__ = ["TalentExodus"]


class TalentExodus(DatedShock, kind="talent_exodus"):
    """Researchers leave all labs at once for open projects, where they give a part of their time.

    Parameters
    ----------
    share : of each lab's researchers; those with the strongest taste for open work go
    """

    share: Share

    @model_validator(mode="after")
    def _for_good(self) -> Self:
        if self.lasts is not None:
            raise ValueError("lasts: people who left come back by themselves or not at all; leave it out")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from exactly_one(scenario, "institutions", "labour_market")

    def strike(self, world: World) -> Callable[[], None]:
        only(world.institutions, "labour_market").exodus(self.share)
        return lambda: None
