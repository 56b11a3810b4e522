"""Akash's long-term tenants: deployments that run for days under a lease, and pay by the block."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import Demand, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.laws import Law
from simdai.economy.paths import Path, PathOf
from simdai.economy.requirements import Requirements
from simdai.economy.venue_choice import Choice, VenueChoice
from simdai.errors import Problem
from simdai.kernel import JobClassSpec
from simdai.mechanisms.lease_market import OrderBook
from simdai.networks.akash_orders import Deployment, LeaseDesk
from simdai.networks.akash_pricing import Wanted
from simdai.networks.akash_rules import order_of
from simdai.units import (
    Count,
    Days,
    Name,
    NonNegative,
    PerDay,
    PositiveCount,
    PositiveDays,
    Share,
    UsdPerGpuHour,
)

__all__ = ["Deployments", "DeploymentsActor"]

Floats = NDArray[np.float64]

HOURS = 24.0
DRAWS = 4  # uniforms of a deployment at its birth: whether it comes, its term, its care, its reservation


class Deployments(Demand, kind="akash_deployments"):
    """Tenants of Akash's dedicated hosts.

    Each brings deployments that need GPUs for a term. It orders, takes the best bid, deposits and tops up, or
    forgets to; now and then it looks for a cheaper host.

    Parameters
    ----------
    network : an Akash network with dedicated hosts
    per_day : potential deployments, those that go elsewhere included, a number or a path
    running : deployments under lease at the start, each somewhere in its term
    gpus : of a deployment, on one host
    term : law of the days for which it runs
    wanted : other resources, on each GPU
    max_price : the order's highest price, USD per GPU-hour
    deposit : days of rent that it puts into escrow at a time
    careless : share of tenants who let the escrow run out, and deploy again
    reserved : share of deployments that are sold under a reservation
    patience : days after which an order without a bid is given up
    reviews : looks for a cheaper host, per day; saving : share of the rent that must be saved to move
    reputation_weight : mark-up on the bid of a host without reputation
    choice : between the network, the clouds of the scenario and staying outside; who goes to a cloud is not
        followed there
    step : days between two looks at prices and waits
    requires : what hosts must show
    """

    network: Name
    per_day: Annotated[Path, PathOf("1/d")]
    running: Count = 0
    gpus: PositiveCount
    term: Law
    wanted: Wanted = Wanted()
    max_price: UsdPerGpuHour
    deposit: PositiveDays
    careless: Share = 0.0
    reserved: Share = 0.0
    patience: Days
    reviews: PerDay = 0.0
    saving: Share = 0.0
    reputation_weight: NonNegative = 0.0
    choice: Choice
    step: PositiveDays = 1.0
    requires: Requirements = Requirements()

    def check(self, scenario: Any) -> Iterator[Problem]:
        hosting = [name for name, n in scenario.networks.items() if getattr(n, "hosts", None) is not None]
        yield from absent("network with dedicated hosts", {"network": self.network}, hosting)
        network = scenario.networks.get(self.network)
        if network is not None and self.network in hosting:
            hosts = network.providers.get(network.hosts.population)
            if hosts is not None and hosts.gpus < self.gpus:
                found, allowed = f"{self.gpus}", f"at most {hosts.gpus}, those of a host"
                yield Problem(path="gpus", found=found, allowed=allowed)

    def build(self, world: World, name: str) -> DeploymentsActor:
        return DeploymentsActor(self, world, name)


class DeploymentsActor:
    """The tenants on the clock.

    Outcomes, after the warm-up, in real units: ``NAME.deployments`` (potential ones), ``.orders``,
    ``.leases``, ``.done``, ``.exhausted`` (leases that ran out of money), ``.moved`` and ``.unserved``
    (orders given up); prices, waits and shares as of every job class.
    """

    COUNTED = ("deployments", "orders", "leases", "done", "exhausted", "moved", "unserved")

    def __init__(self, rules: Deployments, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.level = 1.0
        """Factor on the potential deployments; shocks change it."""
        self.wanted, self.reputation_weight = rules.wanted, rules.reputation_weight
        desk = world.networks[rules.network].desk
        assert desk is not None
        self.desk: LeaseDesk = desk
        hosts = self.desk.hosts
        self.job_class = world.compute.add_job_class(
            JobClassSpec(
                name=name,
                rate=0.0,
                service=rules.term.kernel(),
                gpus=rules.gpus,
                hardware=(hosts.hardware_index,),
            ),
            rules.requires,
        )
        self._luck = world.entity("akash.deployment", name)
        self._gaps = world.entity("akash.deployment.gap", name)
        self._reviews = world.entity("akash.deployment.review", name)
        self._count: Counter[str] = Counter()
        self._then: Counter[str] = Counter()
        self._waits: list[float] = []
        self._hazard, self._at, self._rate, self._version = 0.0, 0.0, 0.0, 0

    @property
    def rate(self) -> float:
        """Potential deployments a day now, simulated ones."""
        visited = self.desk.network.visited
        return self.world.on(self.rules.per_day) * self.level * visited / self.world.scale

    def start(self) -> None:
        """Wait for the first deployment, and look at price and waits at every step."""
        recorder, scale = self.world.recorder, self.world.scale
        self.choice = VenueChoice(self.rules.choice, [self.rules.network, *self.world.clouds])
        self.choice.open(self._prices())
        self.desk.network.foundation.tell("console", lambda _: self.apply())
        self.world.calendar.at(self.world.env.now, Phase.DEMAND, self._open)
        self.world.calendar.every(self.rules.step, Phase.DEMAND, self._look, first=self.rules.step)
        for what in self.COUNTED:
            recorder.outcome(
                f"{self.name}.{what}",
                "count",
                lambda w=what: scale * (self._count[w] - self._then[w]),  # type: ignore[misc]
            )
        recorder.series(f"{self.name}.waiting", "count", lambda: scale * len(self.desk.waiting))
        recorder.series(f"{self.name}.running", "count", lambda: scale * len(self.desk.live))
        recorder.series(f"{self.name}.share", "1", lambda: float(self.choice.shares[0]))
        self.world.at_window(self._start_window)

    def _start_window(self) -> None:
        self._then = self._count.copy()

    # -- arrivals --------------------------------------------------------------------------------------------

    def _gap(self, number: int) -> float:
        """Expected number of deployments between the one with this number and the one before it."""
        return -math.log1p(-self._gaps.uniform(number, 0))

    def apply(self) -> None:
        """Let the next deployment come at the rate now in force."""
        now = self.world.env.now
        self._hazard -= self._rate * (now - self._at)
        self._at, self._rate, self._version = now, self.rate, self._version + 1
        if self._rate > 0.0:
            wait = max(self._hazard, 0.0) / self._rate
            self.world.calendar.at(now + wait, Phase.DEMAND, partial(self._arrive, self._version))

    def _open(self) -> None:
        """Set up what runs at the start, then wait for the first newcomer."""
        running = round(self.rules.running / self.world.scale)
        for number in range(running):
            age, term, *manner = (self._luck.uniform(number, n) for n in range(DRAWS))
            self._deploy(number, self.world.env.now + age * self.rules.term.quantile(term), *manner)
        self._count["deployments"] = running
        self._hazard = self._gap(running)
        self._at = self.world.env.now
        self.apply()

    def _arrive(self, version: int) -> None:
        if version != self._version:
            return
        number = self._count["deployments"]
        self._count["deployments"] += 1
        self._hazard, self._at = self._gap(self._count["deployments"]), self.world.env.now
        self.apply()
        comes, term, *manner = (self._luck.uniform(number, n) for n in range(DRAWS))
        stays_outside = comes >= float(self.choice.shares[0])
        self.world.compute.arrive(self.job_class, stays_outside)
        if not stays_outside:
            self._deploy(number, self.world.env.now + self.rules.term.quantile(term), *manner)

    def _deploy(self, number: int, ends: float, care: float, reservation: float) -> None:
        rules, now, pricing = self.rules, self.world.env.now, self.desk.pricing
        rent = pricing.per_block(self.desk.list_price * rules.gpus) if self.desk.list_price > 0 else 0.0
        blocks = rules.deposit / self.world.networks[rules.network].rules.block
        order = order_of(rules.requires, pricing.per_block(rules.max_price * rules.gpus))
        deployment = Deployment(
            tenant=self,
            number=number,
            gpus=rules.gpus,
            ends=ends,
            deposit=max(round(rent * blocks), 1),
            careless=care < rules.careless,
            reserved=reservation < rules.reserved,
            book=OrderBook(order),
            since=now,
        )
        self._count["orders"] += 1
        self.world.calendar.at(ends, Phase.DEMAND, partial(self._is_done, deployment))
        self.desk.tender(deployment)
        if deployment.host < 0:
            give_up = now + rules.patience
            self.world.calendar.at(give_up, Phase.DEMAND, partial(self._give_up, deployment, now))

    def _is_done(self, deployment: Deployment) -> None:
        if deployment.host >= 0:
            self.desk.finish(deployment)
        else:
            self.desk.withdraw(deployment, "unserved")

    def _give_up(self, deployment: Deployment, since: float) -> None:
        if deployment.host < 0 and deployment.since == since:
            self.desk.withdraw(deployment, "unserved")

    # -- what the desk tells ---------------------------------------------------------------------------------

    def leased(self, deployment: Deployment, waited: float) -> None:
        """A lease has begun."""
        self._count["leases"] += 1
        self._waits.append(HOURS * waited)

    def ended(self, deployment: Deployment, why: str) -> None:
        """A deployment is over; one that ran out of money is set up anew for the rest of its term."""
        self._count[why] += 1
        if why == "exhausted" and deployment.ends > self.world.env.now:
            manner = (0.0 if is_so else 1.0 for is_so in (deployment.careless, deployment.reserved))
            self._deploy(deployment.number, deployment.ends, *manner)

    # -- days ------------------------------------------------------------------------------------------------

    def _prices(self) -> Floats:
        """(n,) USD per GPU-hour of the network and of every cloud, nan where a cloud has other hardware."""
        hardware = (self.desk.hosts.hardware_index,)
        speed = self.desk.hosts.hardware.speed
        clouds = [cloud.list_price(hardware) * speed for cloud in self.world.clouds.values()]
        return np.array([self.desk.list_price, *clouds])

    def _look(self) -> None:
        rules = self.rules
        waited = [HOURS * (self.world.env.now - d.since) for d in self.desk.waiting if d.tenant is self]
        seen = self._waits + waited
        self._waits = []
        wait = math.fsum(seen) / len(seen) if seen else math.nan
        nothing = np.full(len(self.world.clouds), math.nan)
        waits = np.array([wait, *nothing])
        self.choice.update(self._prices(), waits, np.full(len(waits), math.nan), rules.step)
        if rules.reviews:
            self._look_for_cheaper()
        self.apply()

    def _look_for_cheaper(self) -> None:
        """Some tenants move to the cheapest host with room when that saves enough."""
        day = round(self.world.env.now)
        mine = [d for d in self.desk.live if d.tenant is self]
        if not mine:
            return
        chance = -math.expm1(-self.rules.reviews * self.rules.step)
        looks = self._reviews.uniforms(np.array([d.number for d in mine]), day) < chance
        if not looks.any():
            return
        price = self.desk.lowest_free(self.rules.gpus)
        for deployment, look in zip(mine, looks.tolist(), strict=True):
            now = self.desk.pricing.usd_per_hour(deployment.rate) / deployment.gpus
            if look and price < now * (1.0 - self.rules.saving):
                self._count["moved"] += 1
                self.desk.move(deployment)
