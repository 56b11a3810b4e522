"""Things that happen to providers at a date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from pydantic import model_validator

from simdai.economy.actors import World, absent
from simdai.economy.providers import Providers
from simdai.economy.shocks import DatedShock, ShockActor, populations_of
from simdai.errors import Problem
from simdai.units import Name, Share

__all__ = ["ProviderOutage"]


class ProviderOutage(DatedShock, kind="provider_outage"):
    """Providers go dark, and what they run fails; those who enter meanwhile work.

    Who is hit comes from a stream of the shock's own, by the pool and the provider's place in it.

    Parameters
    ----------
    share : of the providers
    network : only of this network; of all without
    jurisdiction : only there; everywhere without
    """

    share: Share
    network: Name | None = None
    jurisdiction: Name | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.share == 0.0:
            raise ValueError("share: nobody goes dark; give more than 0")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        providers = {name: getattr(n, "providers", {}) for name, n in scenario.networks.items()}
        if self.network is not None:
            known = [name for name, populations in providers.items() if populations]
            yield from absent("network with providers", {"network": self.network}, known)
        if self.jurisdiction is not None:
            hit = [self.network] if self.network in providers else list(providers)
            places = {place for name in hit for p in providers[name].values() for place in p.jurisdictions}
            yield from absent("jurisdiction", {"jurisdiction": self.jurisdiction}, sorted(places))

    def build(self, world: World, name: str) -> ProviderOutageActor:
        return ProviderOutageActor(self, world, name)


class ProviderOutageActor(ShockActor):
    """An outage of providers on the calendar."""

    def __init__(self, rules: ProviderOutage, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        populations = populations_of(world, rules.network)
        self._hit = [
            (p, place, world.entity("provider.outage", name, f"{p.name}.{there}"))
            for p in populations
            for place, there in enumerate(p.jurisdictions)
            if rules.jurisdiction in (None, there)
        ]
        self._share = rules.share

    def strike(self) -> Callable[[], None]:
        cut: list[tuple[Providers, Any]] = []
        for population, place, stream in self._hit:
            k = population.book.present
            here = k[population.book.place[k] == place]
            dark = here[stream.uniforms(population.book.index[here], 0) < self._share]
            population.barred.cut_off(dark)
            cut.append((population, dark))

        def restore() -> None:
            for population, dark in cut:
                population.barred.reconnect(np.asarray(dark))

        return restore
