"""A ban on mining: sites must stop; some come back elsewhere, after a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from pydantic import model_validator

from simdai.economy.actors import World, absent
from simdai.economy.shocks import DatedShock
from simdai.errors import Problem
from simdai.units import Days, Name, Share

__all__ = ["MiningBan"]

CHOICE, RETURN, LAG = range(3)
"""Numbers of a site's stream: the order in which sites are hit, whether one comes back, and when."""


class MiningBan(DatedShock, kind="mining_ban"):
    """Sites with a share of the hash rate must stop, as in China in 2021.

    Parameters
    ----------
    network : whose miners
    share : of the hash rate of the groups
    groups : of miners; all without
    return_share : of the sites that come back elsewhere; the others leave for good
    lag_low, lag_high : days until they may run again, uniform between
    """

    network: Name
    share: Share
    groups: tuple[Name, ...] = ()
    return_share: Share
    lag_low: Days
    lag_high: Days

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lag_low > self.lag_high:
            raise ValueError("lag_low is above lag_high")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        mined = {name: n for name, n in scenario.networks.items() if n.kind == "bitcoin" and n.miners}
        yield from absent("network with miners", {"network": self.network}, mined)
        if self.network in mined:
            named = {f"groups[{n}]": group for n, group in enumerate(self.groups)}
            yield from absent("group of miners", named, mined[self.network].miners)

    def strike(self, world: World) -> Callable[[], None]:
        miners, now = world.networks[self.network].miners, world.env.now
        ids = np.arange(len(miners.th))
        luck = world.entity("mining_ban", self.network, str(self.at))
        chosen = [miners.groups.index(group) for group in self.groups or miners.groups]
        hit = np.isin(miners.group, chosen) & ~miners.gone
        order = np.argsort(np.where(hit, luck.uniforms(ids, CHOICE), 2.0))[: int(hit.sum())]
        up_to = np.cumsum(miners.th[order]) - 0.5 * miners.th[order]
        stopped = order[up_to < self.share * miners.th[hit].sum()]
        back = luck.uniforms(stopped, RETURN) < self.return_share
        lag = self.lag_low + luck.uniforms(stopped, LAG) * (self.lag_high - self.lag_low)
        miners.barred_until[stopped] = now + np.where(back, lag, np.inf)
        miners.leave(stopped[~back])

        def lift() -> None:
            miners.barred_until[stopped] = world.env.now

        return lift
