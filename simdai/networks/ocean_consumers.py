"""Consumers of data: whom they visit, what they buy, what they compute on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.special import ndtri

from simdai.economy.actors import Demand, World, absent
from simdai.economy.calendar import Phase
from simdai.errors import Problem
from simdai.mechanisms.arrivals import buyers, poisson_counts
from simdai.networks.ocean_compute import Job
from simdai.registry import FrozenMapping
from simdai.units import Name, NonNegative, PerDay, PerYear, Positive, PositiveCount, PositiveDays, Share

if TYPE_CHECKING:
    from simdai.networks.ocean import OceanNetwork

__all__ = ["DataConsumers", "DataConsumersActor"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_S = 86400


class DataConsumers(Demand, kind="data_consumers"):
    """Visitors of data assets. Each buys if the asset is worth more to it than what it costs and replaces.

    A visitor values the median asset's data at v e^(taste x z). A public substitute gives it the share
    ``substitute`` of that for nothing. Data that are sold it may copy; of protected data it gets, by a job
    beside them, the share ``through_compute``. It buys where ``(share - substitute) v e^(taste x z)`` covers
    price, fees, gas and the job.

    Parameters
    ----------
    network : an Ocean network
    count : payers in the escrow for jobs
    visits : a day, by domain; they spread over the assets by popularity
    growth : of visits per year, continuous
    taste : standard deviation of the logarithm of value among visitors
    substitute : share of the value that public data give
    through_compute : share of the value of data that an algorithm's output gives
    work : mean length of a job, days; work_spread : standard deviation of the logarithm
    margin : time asked for over the mean length of a job
    resources : units of each that a job needs
    """

    network: Name
    count: PositiveCount = 1
    visits: FrozenMapping[Name, PerDay]
    growth: PerYear = 0.0
    taste: Positive
    substitute: Share = 0.0
    through_compute: Share = 1.0
    work: PositiveDays
    work_spread: NonNegative = 0.0
    margin: Positive = 1.0
    resources: FrozenMapping[Name, Positive] = FrozenMapping()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.visits:
            raise ValueError("visits: at least one domain is needed")
        if self.substitute >= 1.0:
            raise ValueError("substitute: must be below 1, or nobody needs the data")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        oceans = [name for name, n in scenario.networks.items() if n.kind == "ocean"]
        yield from absent("Ocean network", {"network": self.network}, oceans)
        if self.network in oceans:
            assets = scenario.networks[self.network].assets
            yield from absent("domain", {f"visits.{d}": d for d in self.visits}, assets)

    def build(self, world: World, name: str) -> DataConsumersActor:
        return DataConsumersActor(self, world, name)


class DataConsumersActor:
    """Consumers on the clock. Account: ``NAME.wallet`` in the token, through which bought tokens pass.

    Attributes
    ----------
    level : factor on all visits
    """

    def __init__(self, rules: DataConsumers, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.network: OceanNetwork = world.networks[rules.network]
        self.level = 1.0
        self.wallet = f"{name}.wallet"
        world.ledger.open(self.wallet, self.network.token.asset)
        self.step = self.network.rules.step
        domains = self.network.assets.domains
        self.visits = np.array([rules.visits.get(domain, 0.0) for domain in domains])
        self._orders = world.entity("consumers.orders", name)
        self._job = world.entity("consumers.job", name)

    def apply(self) -> None:
        """Nothing to announce: the next visits follow ``level``."""

    def start(self) -> None:
        """Visit every step."""
        self.world.calendar.every(self.step, Phase.DEMAND, self._act, first=0.0)

    # -- a step ----------------------------------------------------------------------------------------------

    @property
    def asked_days(self) -> float:
        """Time that a job asks for."""
        return self.rules.work * self.rules.margin

    def _act(self) -> None:
        day, assets, network = round(self.world.env.now), self.network.assets, self.network
        visits = self._visits()
        cost = self._cost()
        through = np.where(assets.protected, self.rules.through_compute, 1.0)
        better = np.maximum(through - self.rules.substitute, 0.0)
        share, gain = buyers(assets.value * better, cost, self.rules.taste)
        orders = poisson_counts(self._orders.uniforms(np.arange(len(assets)), day), visits * share)
        self._note_protected(visits, share, gain, cost)
        self._provide(orders)
        for k in np.flatnonzero(orders).tolist():
            n = int(orders[k])
            if network.order(k, n, self.wallet) and assets.protected[k]:
                self._compute(k, n, day)

    def _provide(self, orders: Ints) -> None:
        """Buy the tokens for all orders of the step, and for their jobs, at once."""
        network, assets = self.network, self.network.assets
        wei = sum(
            network.exchange.cost(assets.rate[k], int(orders[k])) for k in np.flatnonzero(orders).tolist()
        )
        offer = network.compute_offer(self.asked_days * 24.0, self.rules.resources)
        jobs = int(orders[assets.protected].sum())
        if jobs and offer.jobs_per_day:
            wei += round(jobs * offer.price_usd / network.token.price * 1e18)
        network.exchange.provide(wei + int(orders.sum()) * 10**12, self.wallet, network.exchange.account)

    def _visits(self) -> Floats:
        """Visits of the step to each asset."""
        assets, network = self.network.assets, self.network
        there = np.where(network.reachable(), assets.popularity, 0.0)
        total = np.bincount(
            assets.domain, weights=assets.popularity * assets.firms.alive, minlength=len(self.visits)
        )
        level = self.level * math.exp(self.rules.growth * self.world.env.now / 365.25) * self.step
        part = there / np.where(total > 0, total, 1.0)[assets.domain]
        visits: Floats = self.visits[assets.domain] * part * level * network.visited
        return visits

    def _cost(self) -> Floats:
        """USD that an order costs, the job included; infinite where protected data cannot be computed on."""
        network, assets = self.network, self.network.assets
        rate = assets.rate.astype(np.float64) / 1e18 * network.token.price
        cost = rate * (1.0 + network.exchange.fees.on_top) + network.rules.exchange.gas
        offer = network.compute_offer(self.asked_days * 24.0, self.rules.resources)
        job = math.inf if math.isnan(offer.price_usd) else offer.price_usd / self.rules.margin
        total: Floats = np.where(assets.protected, cost + job, cost)
        return total

    def _note_protected(self, visits: Floats, share: Floats, gain: Floats, cost: Floats) -> None:
        """Note what protected data gave visitors, and what they had without access to them."""
        assets, rules = self.network.assets, self.rules
        median = visits * assets.value * math.exp(rules.taste**2 / 2.0)
        without = float((rules.substitute * median)[assets.protected].sum())
        surplus = float((visits * gain)[assets.protected].sum())
        paid = float((visits * share * np.where(share > 0, cost, 0.0))[assets.protected].sum())
        self.network.tallies.add("protected.surplus_usd", surplus)
        self.network.tallies.add("protected.value_without_usd", without)
        self.network.tallies.add("protected.value_with_usd", without + surplus + paid)

    def _compute(self, k: int, n: int, day: int) -> None:
        """Submit a job for each order, spread over the step."""
        numbers = k * 10**6 + np.arange(n)
        when, length, luck, payer = self._job.uniforms(numbers * 4 + np.arange(4)[:, None], day)
        sigma = self.rules.work_spread
        needed = self.rules.work * np.exp(sigma * ndtri(length + 2.0**-54) - sigma**2 / 2.0)
        for m in range(n):
            job = Job(
                number=0,
                payer=(self.name, int(payer[m] * self.rules.count)),
                asset=k,
                asked=max(round(self.asked_days * DAY_S), 1),
                needed=max(round(float(needed[m]) * DAY_S), 1),
                luck=float(luck[m]),
                resources=self.rules.resources,
            )
            at = self.world.env.now + float(when[m]) * self.step
            self.world.calendar.at(
                at,
                Phase.DEMAND,
                lambda job=job: self.network.submit(job, self.wallet),  # type: ignore[misc]
            )
