"""Training on protected data: owners are asked, a model learns from what they let it, something may leak."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from simdai.economy.actors import Training, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.paths import Path, PathOf
from simdai.errors import Problem
from simdai.mechanisms.scaling import domain_quality, training_flop
from simdai.registry import Configured
from simdai.training.access import Access, ComputeToData, Enclave, Federated
from simdai.training.data_owners import Owning
from simdai.training.federated import FederatedTraining
from simdai.units import Days, Name, Positive, PositiveCount, PositiveDays, Quantity, Share, Tokens, Usd

__all__ = ["Cluster", "ProtectedRun", "ProtectedRunning"]

SECONDS_PER_DAY = 86_400.0
MICRO = 10**6

Bools = NDArray[np.bool_]


class Cluster(Configured):
    """Where a run trains that does not go to the data.

    Parameters
    ----------
    peak, mfu : FLOP/s of the whole, and the share of it that is reached
    cost : USD an hour of the whole
    """

    peak: Annotated[float, Quantity("FLOPS", low=0.0), Gt(0.0)]
    mfu: Annotated[Share, Gt(0.0)]
    cost: Annotated[Path, PathOf("USD/h")]


class ProtectedRun(Training, kind="protected_run"):
    """A model of a special domain, trained again and again on public data and on what owners let it use.

    Parameters
    ----------
    owners : the institution that owns the data
    access : how the run gets at them
    offer : USD for a million tokens of an owner's data
    deadline : time that owners have to answer
    every : time from one request to the next
    params, epochs : of the model; passes over the data
    cluster : for what is trained in one place
    public_tokens : of the domain, free for all
    base : index of the model that is refined
    gain, scale_tokens : index points for each e-fold of domain tokens over the scale
    slope : log odds of accuracy for an index point
    point_value : USD that a point over the base is worth to the domain's customers until the next model
    """

    owners: Name
    access: Access
    offer: Usd
    deadline: Days
    every: PositiveDays
    params: Positive
    epochs: PositiveCount
    cluster: Cluster
    public_tokens: Tokens
    base: Annotated[Path, PathOf("1")]
    gain: Positive
    scale_tokens: Annotated[Tokens, Gt(0.0)]
    slope: Positive
    point_value: Usd

    def check(self, scenario: Any) -> Iterator[Problem]:
        there = [name for name, i in scenario.institutions.items() if i.kind == "data_owners"]
        yield from absent("owners of data", {"owners": self.owners}, there)

    def build(self, world: World, name: str) -> ProtectedRunning:
        return ProtectedRunning(self, world, name)


@dataclass(frozen=True)
class Request:
    """A request for data.

    Parameters
    ----------
    number : of the run's requests
    opened : days
    used : (owners,) whose data it gets
    """

    number: int
    opened: float
    used: Bools


class ProtectedRunning:
    """A protected run on the clock.

    Money passes through ``NAME.budget``: from outside to the owners' income and to whoever computes.

    Attributes
    ----------
    quality : index of the last model in the domain, nan before the first
    gain : points of it over the model that it refines
    data_share : of the owners' tokens, that it learnt from
    leak : expected for each owner who takes part
    overhead : compute spent over what the same tokens take in the open
    lead_days : from request to model
    value_usd, cost_usd, harm_usd, models : of all models so far, and their number
    """

    def __init__(self, rules: ProtectedRun, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.access = rules.access
        self.leak = self.access.leak
        self.owners: Owning = world.institutions[rules.owners]
        self.owners.runs.append(self)
        self.quality = self.gain = self.lead_days = math.nan
        self.data_share = 0.0
        self.overhead = self.access.technique.multiplier
        self.owners_used = self.models = 0
        self.value_usd = self.cost_usd = self.harm_usd = 0.0
        self._requests = 0
        self.account = f"{name}.budget"
        world.ledger.open(self.account)
        self.federation: FederatedTraining | None = None
        if isinstance(self.access, Federated):
            self.federation = FederatedTraining(self.access, len(self.owners.ids), world, name)

    def start(self) -> None:
        """Ask the owners, now and again, and report."""
        world, name = self.world, self.name
        world.calendar.every(self.rules.every, Phase.RUNS, self._ask, first=world.env.now)
        for register in (world.recorder.series, world.recorder.outcome):
            register(f"{name}.quality", "points", lambda: self.quality)
            register(f"{name}.gain", "points", lambda: self.gain)
            register(f"{name}.data_share", "1", lambda: self.data_share)
            register(f"{name}.owners", "count", lambda: float(self.owners_used))
            register(f"{name}.cost_usd", "USD", lambda: self.cost_usd)
            register(f"{name}.harm_usd", "USD", lambda: self.harm_usd)
        world.recorder.outcome(f"{name}.leak", "1", lambda: self.leak)
        world.recorder.outcome(f"{name}.overhead", "x", lambda: self.overhead)
        world.recorder.outcome(f"{name}.lead_days", "d", lambda: self.lead_days)
        world.recorder.outcome(f"{name}.models", "count", lambda: float(self.models))
        world.recorder.outcome(f"{name}.net_value_usd", "USD", self._net_value)
        if self.access.protects:
            world.recorder.outcome(f"{name}.data_value_usd", "USD", self._data_value)

    # -- asking ----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask, and begin when all who agree have said so, or when the time is up."""
        rules, opened = self.rules, self.world.env.now
        request = Request(self._requests, opened, np.zeros(len(self.owners.ids), dtype=bool))
        self._requests += 1
        if not self.access.protects:
            self._train(request)
            return
        answers = self.owners.ask(self.name, request.number, rules.offer / 1e6, self.leak)
        coming = answers.agreed & (answers.days <= rules.deadline)
        wait = float(answers.days[coming].max()) if coming.any() else rules.deadline
        self._after(wait, partial(self._train, replace(request, used=coming)))

    def _after(self, days: float, action: Callable[[], None]) -> None:
        self.world.calendar.at(self.world.env.now + days, Phase.RUNS, action)

    # -- training --------------------------------------------------------------------------------------------

    def _train(self, request: Request) -> None:
        """Train on public data in the cluster, and on the owners' as the access says."""
        access, rules, used = self.access, self.rules, request.used
        protected = float(self.owners.tokens[used].sum())
        in_cluster = isinstance(access, Enclave)
        days, usd = self._in_cluster(
            rules.public_tokens + (protected if in_cluster else 0.0),
            access.technique.multiplier if in_cluster else 1.0,
        )
        if self.federation is not None:
            begin = partial(
                self.federation.begin,
                used,
                rules.params,
                protected * rules.epochs,
                rules.every,
                lambda trained: self._finish(request, usd + trained.usd, trained.kept),
            )
            self._after(days, begin)
            return
        if isinstance(access, ComputeToData):
            visiting, fees = self._visits(access, used)
            days, usd = days + visiting, usd + fees
        self._after(days, partial(self._finish, request, usd, 1.0))

    def _in_cluster(self, tokens: float, multiplier: float) -> tuple[float, float]:
        """Days and USD that training on tokens takes in the cluster."""
        cluster = self.rules.cluster
        flop = training_flop(self.rules.params, tokens * self.rules.epochs) * multiplier
        days = flop / (cluster.peak * cluster.mfu) / SECONDS_PER_DAY
        return days, days * 24.0 * self.world.on(cluster.cost)

    def _visits(self, access: ComputeToData, used: Bools) -> tuple[float, float]:
        """Days and USD of all passes over the owners; the next is visited where a visit ends first."""
        flop = training_flop(self.rules.params, self.rules.epochs / access.passes) * access.multiplier
        visits = self.owners.tokens[used] * flop / (access.node.peak * access.node.mfu) / SECONDS_PER_DAY
        lanes = np.zeros(access.at_once)
        for days in visits.tolist():
            lanes[np.argmin(lanes)] += days + access.review
        usd = float(visits.sum()) * access.node.usd_per_day(self.world) + access.fee * len(visits)
        return access.passes * float(lanes.max()), access.passes * usd

    # -- the model -------------------------------------------------------------------------------------------

    def _finish(self, request: Request, usd: float, kept: float) -> None:
        """A model is there: owners are paid, something may leak, the domain has its index."""
        rules, used, now = self.rules, request.used, self.world.env.now
        tokens = float(self.owners.tokens[used].sum())
        paid = rules.offer / 1e6 * tokens
        self._pay(usd, paid)
        self.cost_usd += usd + paid
        harm = self.owners.suffer(self.name, request.number, used, self.leak)
        self.harm_usd += harm
        self.models += 1
        self.owners_used = int(used.sum())
        self.data_share = tokens / float(self.owners.tokens.sum())
        self.lead_days = now - request.opened
        lost = self.access.points_lost(rules.slope) if used.any() else 0.0
        self.gain = self._reached(rules.public_tokens + kept * tokens) - lost
        self.quality = self.world.on(rules.base) + self.gain
        self.value_usd += rules.point_value * self.gain

    def _reached(self, tokens: float) -> float:
        """Points over the base that training on domain tokens brings."""
        return domain_quality(0.0, tokens, self.rules.gain, self.rules.scale_tokens)

    def _pay(self, computing: float, owners: float) -> None:
        """Bring money from outside; it goes to the owners and to whoever computes."""
        ledger, scale = self.world.ledger, self.world.scale
        for usd, target in ((computing, WORLD), (owners, self.owners.account)):
            amount = int(usd / scale * MICRO)
            ledger.transfer(amount, "USD", WORLD, self.account)
            ledger.transfer(amount, "USD", self.account, target)

    def _net_value(self) -> float:
        """What all models were worth, less what they cost and what leaks did."""
        return self.value_usd - self.cost_usd - self.harm_usd

    def _data_value(self) -> float:
        """USD that a million tokens of the owners brought in the last model: the most they could be paid."""
        rules, tokens = self.rules, self.data_share * float(self.owners.tokens.sum())
        if not tokens:
            return math.nan
        return rules.point_value * (self.gain - self._reached(rules.public_tokens)) / tokens * 1e6
