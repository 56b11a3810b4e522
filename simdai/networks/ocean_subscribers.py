"""Traders who subscribe to prediction feeds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from simdai.economy.actors import Demand, World, absent
from simdai.economy.calendar import Phase
from simdai.errors import Problem
from simdai.mechanisms.arrivals import buyers, poisson_counts
from simdai.units import Count, Name, PerYear, Positive, UsdPerDay

if TYPE_CHECKING:
    from simdai.networks.ocean import OceanNetwork

__all__ = ["FeedSubscribers", "FeedSubscribersActor"]

EVEN = 0.5  # accuracy of guessing


class FeedSubscribers(Demand, kind="feed_subscribers"):
    """Traders who subscribe to feeds for a day at a time, when knowing more is worth it.

    A subscriber values a feed at ``edge_value x (accuracy - 1/2) x e^(taste x z)`` a day.

    Parameters
    ----------
    network : an Ocean network with feeds
    count : traders who consider each feed on a day
    edge_value : USD a day, of a feed that is always right by half more than chance
    growth : of the traders per year, continuous
    taste : standard deviation of the logarithm of value among traders
    """

    network: Name
    count: Count
    edge_value: UsdPerDay
    growth: PerYear = 0.0
    taste: Positive

    def check(self, scenario: Any) -> Iterator[Problem]:
        with_feeds = [
            name for name, n in scenario.networks.items() if n.kind == "ocean" and n.feeds is not None
        ]
        yield from absent("Ocean network with feeds", {"network": self.network}, with_feeds)

    def build(self, world: World, name: str) -> FeedSubscribersActor:
        return FeedSubscribersActor(self, world, name)


class FeedSubscribersActor:
    """Subscribers on the clock. Account: ``NAME.wallet`` in the token.

    Attributes
    ----------
    level : factor on the number of traders
    """

    def __init__(self, rules: FeedSubscribers, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.network: OceanNetwork = world.networks[rules.network]
        self.level = 1.0
        self.wallet = f"{name}.wallet"
        world.ledger.open(self.wallet, self.network.token.asset)
        self._luck = world.entity("subscribers.orders", name)

    def apply(self) -> None:
        """Nothing to announce: the next subscriptions follow ``level``."""

    def start(self) -> None:
        """Look at the feeds every step."""
        self.world.calendar.every(self.network.rules.step, Phase.DEMAND, self._act, first=0.0)

    def _act(self) -> None:
        network, feeds = self.network, self.network.feeds
        assert feeds is not None
        if not network.serves_feeds:
            return
        price = feeds.rules.price * (1.0 + feeds.fees.on_top) * network.token.price
        edge = np.maximum(feeds.accuracy - EVEN, 0.0)
        share, _ = buyers(self.rules.edge_value * edge, np.full(len(edge), price), self.rules.taste)
        growth = math.exp(self.rules.growth * self.world.env.now / 365.25)
        mean = self.rules.count * self.level * growth * network.rules.step * share
        wanted = poisson_counts(self._luck.uniforms(np.arange(len(edge)), round(self.world.env.now)), mean)
        for feed in np.flatnonzero(wanted).tolist():
            network.subscribe(feed, int(wanted[feed]), self.wallet)
