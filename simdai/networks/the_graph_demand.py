"""Customers who query subgraphs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Self

import numpy as np
from annotated_types import Gt
from pydantic import model_validator

from simdai.economy.actors import Demand, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.paths import Path, PathOf
from simdai.errors import Problem
from simdai.mechanisms.choice import adopt, logit_shares
from simdai.units import Days, Name, NonNegative, PositiveDays, Quantity, Share

__all__ = ["QueryDemand", "QueryDemandActor"]

UsdPerQuery = Annotated[float, Quantity("USD", low=0.0), Gt(0.0)]


class QueryDemand(Demand, kind="query_demand"):
    """Customers of a Graph network, who leave for a provider outside when queries get dear or fail.

    Parameters
    ----------
    network : a Graph network
    subgraphs : its groups that they ask; all without
    queries : a day, at the reference price and while all are answered rightly
    outside_share : of the customers' queries that go elsewhere even then
    reference_price : USD a query
    price_sensitivity : weight of the log of the price over the reference, in utils
    quality_sensitivity : utils for the whole way from no right answer to all
    lag : time constant of customers' moves
    look : days between looks at price and quality
    """

    network: Name
    subgraphs: tuple[Name, ...] = ()
    queries: Annotated[Path, PathOf("1/d")]
    outside_share: Share
    reference_price: UsdPerQuery
    price_sensitivity: NonNegative
    quality_sensitivity: NonNegative
    lag: Days
    look: PositiveDays

    @model_validator(mode="after")
    def _some_outside(self) -> Self:
        if not 0 < self.outside_share < 1:
            raise ValueError("outside_share: must lie strictly between 0 and 1")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        graphs = {name: n for name, n in scenario.networks.items() if n.kind == "the_graph"}
        yield from absent("Graph network", {"network": self.network}, graphs)
        if self.network in graphs:
            named = {f"subgraphs[{n}]": name for n, name in enumerate(self.subgraphs)}
            yield from absent("group of subgraphs", named, graphs[self.network].subgraphs)

    def build(self, world: World, name: str) -> QueryDemandActor:
        return QueryDemandActor(self, world, name)


class QueryDemandActor:
    """Customers on the clock; outcome ``NAME.queries_per_day``."""

    def __init__(self, rules: QueryDemand, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0
        """Factor on the potential queries; shocks change it."""
        self.share = 1.0 - rules.outside_share
        """Share of the customers' queries that come to the network."""

    def start(self) -> None:
        """Ask at the full rate, then look at price and quality again and again."""
        self.apply()
        self.world.calendar.every(self.rules.look, Phase.DEMAND, self._look, first=self.rules.look)
        for register in (self.world.recorder.series, self.world.recorder.outcome):
            register(f"{self.name}.queries_per_day", "1/d", lambda: self.rate)

    @property
    def rate(self) -> float:
        """Queries a day."""
        return self.world.on(self.rules.queries) * self.level * self.share / (1.0 - self.rules.outside_share)

    def apply(self) -> None:
        """Ask at the present rate."""
        book = self.world.networks[self.rules.network].subgraphs
        book.asked[self.name] = self.rate * book.shares(self.rules.subgraphs)

    def _look(self) -> None:
        rules, network = self.rules, self.world.networks[self.rules.network]
        asked = network.subgraphs.asked[self.name]
        total = float(asked.sum())
        right = float(asked @ network.payments.success) / total if total else 0.0
        price = self.world.on(network.rules.gateway.price)
        utility = rules.quality_sensitivity * (right - 1.0) - rules.price_sensitivity * math.log(
            price / rules.reference_price
        )
        outside = math.log(rules.outside_share / (1.0 - rules.outside_share))
        target = logit_shares(np.array([utility]), outside)
        self.share = float(adopt([self.share], target, rules.look, rules.lag)[0])
        self.apply()
