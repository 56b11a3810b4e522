"""Render's availability pool: what idle nodes weigh in it, and farms that exist for it alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import World
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.ledger import WORLD
from simdai.economy.providers import Providers
from simdai.mechanisms.burn_mint import render_availability_score, render_wallet_penalty
from simdai.mechanisms.reward import EpochWork
from simdai.networks.render_rules import Nodes
from simdai.units import GiB, Positive, PositiveCount, Share, Usd, UsdPerDay

__all__ = ["AvailabilityFarm", "AvailabilityFarming", "IdleNodes", "idle_nodes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_AGE = 1.0  # days: the logarithm of an age below is negative


@dataclass(frozen=True)
class IdleNodes:
    """Nodes that apply for the availability pool, or groups of nodes alike, one a row.

    Parameters
    ----------
    score, memory : (n,) OctaneBench score and GiB of a node
    age : (n,) days since it joined
    idle : (n,) share of the epoch in which it was online and idle
    together : (n,) nodes of its wallet
    nodes : (n,) simulated nodes in the row
    """

    score: Floats
    memory: Floats
    age: Floats
    idle: Floats
    together: Ints
    nodes: Floats

    @classmethod
    def joined(cls, parts: list[IdleNodes]) -> Self:
        """All rows one after the other."""
        columns = ("score", "memory", "age", "idle", "together", "nodes")
        return cls(*(np.concatenate([np.empty(0), *(getattr(p, c) for p in parts)]) for c in columns))

    def weights(self, penalty: float) -> Floats:
        """(n,) weights of the rows in the pool (RNP-015), never below zero; means are over all nodes.

        Parameters
        ----------
        penalty : rate at which the weight falls for each node of a wallet above three
        """
        if not len(self.score):
            return np.empty(0)
        ages = np.maximum(self.age, LEAST_AGE)
        ob, vram, age = (
            max(float(np.average(x, weights=self.nodes)), 1.0 + 1e-9) for x in (self.score, self.memory, ages)
        )
        weights = [
            render_availability_score(score, ob, memory, vram, days, age, idle, 1)
            * render_wallet_penalty(int(together), penalty)
            for score, memory, days, idle, together in zip(
                self.score, self.memory, ages, self.idle, self.together, strict=True
            )
        ]
        kept: Floats = np.maximum(np.array(weights), 0.0) * self.nodes
        return kept


def idle_nodes(
    population: Providers, k: Ints, work: EpochWork, world: World, epoch: float, octanebench: float
) -> IdleNodes:
    """The nodes in the rows ``k`` of a population, after an epoch in which they did ``work``.

    Parameters
    ----------
    epoch : days
    octanebench : score of a speed-1 GPU
    """
    rules, gpu, book = population.rules, population.hardware, population.book
    assert isinstance(rules, Nodes)
    n, scale = len(k), world.scale
    wallets = k // max(round(rules.wallet / scale), 1)
    together = np.bincount(wallets, minlength=1)[wallets] * scale
    first = np.where(book.entered[k] == 0.0, rules.age, 0.0)
    return IdleNodes(
        score=np.full(n, octanebench * gpu.speed * rules.gpus),
        memory=np.full(n, gpu.memory * rules.gpus),
        age=world.env.now - book.entered[k] + first,
        idle=np.clip(work.idle_hours / (24.0 * epoch * rules.gpus), 0.0, 1.0),
        together=np.clip(np.rint(together), 1, rules.wallet).astype(np.int64),
        nodes=np.ones(n),
    )


class AvailabilityFarming(Attack, kind="availability_farming"):
    """Somebody runs many weak nodes for the availability pool alone.

    They show themselves idle, take no job, and the reward is sold at once.

    Parameters
    ----------
    nodes : of the farm; wallet : nodes that it keeps in a wallet
    octanebench : score that a node shows; memory : video memory that it claims
    shown : share of the time in which its nodes are there when they are looked for
    cost : USD a day for each node; setup : USD once for each
    """

    against: ClassVar[tuple[str, ...]] = ("render",)

    nodes: PositiveCount
    wallet: PositiveCount
    octanebench: Positive
    memory: GiB
    shown: Share = 1.0
    cost: UsdPerDay = 0.0
    setup: Usd = 0.0

    @model_validator(mode="after")
    def _some_memory(self) -> Self:
        if self.memory == 0.0:
            raise ValueError("memory must be above 0: nodes are weighed by its logarithm")
        return self

    def build(self, world: World, name: str) -> AvailabilityFarm:
        return AvailabilityFarm(self, world, name)


class AvailabilityFarm(AttackActor):
    """A farm on the clock.

    Besides what every attack reports: ``pool_taken_usd``, its part of the pool at the price before its own
    sale, which other nodes would have got, and ``pool_share``.
    """

    rules: AvailabilityFarming

    def __init__(self, rules: AvailabilityFarming, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.token = self.network.token
        world.ledger.open(self.account, self.token.asset)
        self.reward_usd = self.pool_usd = 0.0
        self.share = math.nan
        """Part of the pool in the epoch settled last."""

    def start(self) -> None:
        super().start()
        self.measure("pool_taken_usd", "USD", (0.0, 0.0, 1.0))
        recorder, name = self.world.recorder, f"{self.account}.pool_share"
        recorder.series(name, "1", lambda: self.share)
        recorder.outcome(name, "1", self._mean_share)

    @property
    def sums(self) -> Sums:
        return self.spent, self.earned, self.reward_usd, self.pool_usd

    def _mean_share(self) -> float:
        then = (*self._then, 0.0, 0.0)
        pools = self.pool_usd - then[3]
        return (self.reward_usd - then[2]) / pools if pools else math.nan

    def strike(self) -> Callable[[], None]:
        self._began = self.world.env.now
        self._pay(self.rules.setup)
        self.network.farms.append(self)

        def leave() -> None:
            self.network.farms.remove(self)
            self.share = math.nan

        return leave

    def _pay(self, usd_per_node: float) -> None:
        amount = self.bring(usd_per_node * self.rules.nodes / self.world.scale)
        self.world.ledger.transfer(amount, "USD", self.account, WORLD)

    # -- what the network asks -------------------------------------------------------------------------------

    def show(self, days: float) -> IdleNodes:
        """The nodes at the end of an epoch of ``days``: those in full wallets, then the rest."""
        rules = self.rules
        there = min(self.world.env.now - self._began, days)
        self._pay(rules.cost * there)
        full, rest = divmod(rules.nodes, rules.wallet)
        nodes = np.array([full * rules.wallet, rest], dtype=float) / self.world.scale
        return IdleNodes(
            score=np.full(2, rules.octanebench),
            memory=np.full(2, rules.memory),
            age=np.full(2, self.world.env.now - self._began),
            idle=np.full(2, rules.shown * there / days),
            together=np.array([rules.wallet, max(rest, 1)]),
            nodes=nodes,
        )

    def receive(self, amount: int, pool: int) -> None:
        """Sell ``amount`` base units, the farm's part of the ``pool``, which lie on its account."""
        self.reward_usd += amount / self.token.units_per_usd
        self.pool_usd += pool / self.token.units_per_usd
        self.share = amount / pool if pool else math.nan
        self.token.sell(amount, self.account, self.account)
        self.take_home()
