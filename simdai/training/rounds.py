"""Rounds of low-communication training: who is there, who is late, who fails, how long it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.mechanisms.low_communication import (
    join_time_s,
    pipeline_slowdown,
    pipeline_stages,
    round_survival,
    step_time_s,
)
from simdai.registry import Configured
from simdai.training.nodes import Nodes
from simdai.training.sync import Links, Payload, Sync
from simdai.units import PositiveCount, Quantity, Share

__all__ = ["Block", "Crew", "Luck", "Pipeline", "Plan", "Replicas", "Rounds", "Setting", "simulate"]

SECONDS_PER_DAY = 86_400.0
HALF_STEP = 2.0**-54
GIB = 2.0**30

PositiveShare = Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Pipeline(Configured):
    """Nodes that hold one replica together, where it does not fit into one.

    Parameters
    ----------
    microbatches : in a step; more fill the pipeline better
    utilisation : of full speed, that exchanging activations leaves
    """

    microbatches: PositiveCount
    utilisation: PositiveShare


class Rounds(Configured):
    """How rounds are run.

    Parameters
    ----------
    sync : topology of the exchange
    payload : what is sent
    accepted : share of the replicas that are there whose updates are waited for
    deadline : time after which a round no longer waits; without, it waits for all that are accepted
    most_accepted : updates that enter a round; the first to arrive
    overlap : share of time that it costs to exchange while the next round computes; without, nodes wait
    pipeline : for nodes that cannot hold the model; without, they cannot take part
    """

    sync: Sync
    payload: Payload
    accepted: PositiveShare = 1.0
    deadline: Annotated[float, Quantity("s", low=0.0), Gt(0.0)] | None = None
    most_accepted: PositiveCount | None = None
    overlap: Share | None = None
    pipeline: Pipeline | None = None


@dataclass(frozen=True)
class Plan:
    """What is trained, and in which steps.

    Parameters
    ----------
    params, tokens : of the model and of the whole run
    inner_steps : that each replica takes alone
    step_tokens : tokens of one replica's step
    """

    params: float
    tokens: float
    inner_steps: int
    step_tokens: float


class Luck:
    """Entity streams of the rounds of one run; numbers are indexed by node and round."""

    def __init__(self, world: World, name: str) -> None:
        self.alive, self.jitter, self.audit = (
            world.entity(f"round.{what}", name) for what in ("alive", "jitter", "audit")
        )


@dataclass(frozen=True)
class Replicas:
    """Nodes, alone or in groups, that each hold the whole model.

    Parameters
    ----------
    members : of each replica, as rows of the nodes at hand
    slowdown : (n,) step time of a replica over that of its slowest member alone
    """

    members: tuple[Ints, ...]
    slowdown: Floats

    @classmethod
    def of(cls, nodes: Nodes, ids: Ints, rules: Rounds, params: float) -> Replicas:
        """Replicas that nodes can form: those that cannot hold the model join in groups of like speed."""
        members: list[Ints] = []
        slowdown: list[float] = []
        for k, kind in enumerate(nodes.kinds):
            rows = np.flatnonzero(nodes.kind[ids] == k)
            stages = pipeline_stages(params, nodes.level * kind.memory * GIB)
            if stages == 1:
                members += [rows[i : i + 1] for i in range(len(rows))]
                slowdown += [1.0] * len(rows)
            elif rules.pipeline is not None:
                rows = rows[np.argsort(-nodes.flops[ids[rows]], kind="stable")]
                full = pipeline_slowdown(stages, rules.pipeline.microbatches) / rules.pipeline.utilisation
                for first in range(0, len(rows) - stages + 1, stages):
                    members.append(rows[first : first + stages])
                    slowdown.append(full / stages)
        return cls(tuple(members), np.array(slowdown))

    @cached_property
    def _rows(self) -> tuple[Ints, Ints]:
        """Rows of all members in the order of the replicas, and where each replica begins among them."""
        sizes = self.sizes()
        return np.concatenate([*self.members, np.empty(0, dtype=np.int64)]), np.cumsum(sizes) - sizes

    def worst(self, values: NDArray[Any]) -> NDArray[Any]:
        """Largest value among the members of each replica; rows of ``values`` are nodes."""
        rows, begins = self._rows
        if len(rows) == len(begins):
            return values[rows]
        grouped: NDArray[Any] = np.maximum.reduceat(values[rows], begins, axis=0)
        return grouped

    def chance_of_all(self, chances: Floats) -> Floats:
        """(n,) probability that all members of each replica are there, each with a chance of its own."""
        rows, begins = self._rows
        return np.multiply.reduceat(chances[rows], begins) if len(rows) else chances[:0]

    def all_of(self, values: Bools) -> Bools:
        """Whether all members of each replica have a property."""
        return ~self.worst(~values)

    def sizes(self) -> Ints:
        """Nodes in each replica."""
        return np.array([len(m) for m in self.members], dtype=np.int64)


@dataclass(frozen=True)
class Block:
    """What happened in some rounds in a row.

    Parameters
    ----------
    length_s, compute_s, sync_s : (rounds,) duration of each round and of its parts
    accepted, cheated : (rounds,) updates that entered, and those of them that were made up
    caught : rows of nodes found cheating
    ready : rows of nodes that failed, to the round from which they are back
    """

    length_s: Floats
    compute_s: Floats
    sync_s: Floats
    accepted: Ints
    cheated: Ints
    caught: Ints
    ready: dict[int, int]


class Crew:
    """The nodes that belong to a run between two changes, and what follows from who they are.

    Attributes
    ----------
    ids : of the nodes
    replicas : that they form
    step_s : (nodes,) seconds of one step alone
    links : of each replica
    """

    def __init__(self, plan: Plan, rules: Rounds, nodes: Nodes, link_level: float) -> None:
        self.plan, self.rules, self.nodes, self.link_level = plan, rules, nodes, link_level
        self.ids = ids = nodes.ids
        self.replicas = Replicas.of(nodes, ids, rules, plan.params)
        flops = (nodes.level * nodes.flops[ids]).tolist()
        self.step_s = np.array([step_time_s(plan.params, plan.step_tokens, f, 1.0) for f in flops])
        self.available, self.failures, self.repair, self.jitter = (
            nodes.of_kind(field, ids) for field in ("availability", "failures", "repair", "jitter")
        )
        self.down = nodes.down[ids] * link_level
        self.links = Links(
            rules.payload.size(plan.params) / self.replicas.sizes(),
            -self.replicas.worst(-nodes.up[ids] * link_level),
            -self.replicas.worst(-self.down),
            self.replicas.worst(nodes.of_kind("latency", ids)),
        )
        self._exchange: dict[int, Floats] = {}

    def survival(self, round_s: float) -> Floats:
        """(nodes,) chance that a node's round counts."""
        return round_survival(self.available, self.failures, round_s / SECONDS_PER_DAY)

    def arrivals(self, steps_s: Floats) -> Floats:
        """When replicas are through, from the times of their nodes."""
        worst: Floats = self.replicas.worst(steps_s)
        return worst * self.replicas.slowdown.reshape((-1,) + (1,) * (worst.ndim - 1))

    def exchange_s(self, entered: Bools) -> Floats:
        """(rounds,) seconds of exchange among the (replicas, rounds) that entered: those of the slowest."""
        sizes = entered.sum(axis=0)
        time = np.zeros(len(sizes))
        groups = set(sizes[sizes > 1].tolist()) if self.rules.sync.knows_size else {2}
        for m in groups:
            if m not in self._exchange:
                self._exchange[m] = self.rules.sync.each(self.links, m)
            rounds = sizes == m if self.rules.sync.knows_size else sizes > 1
            time[rounds] = np.where(entered[:, rounds], self._exchange[m][:, None], 0.0).max(axis=0)
        return time


@dataclass(frozen=True)
class Setting:
    """The circumstances of a block of rounds.

    Parameters
    ----------
    first : number of the first round in the whole history of the run
    count : rounds at most
    now : days
    usual_s : length of the last round, by which failures and absences are converted into rounds
    tokens_left : still to train on
    cheating : (nodes,) whether a node sends made-up updates
    caught_chance : that a made-up update is found out
    alike : rounds in a row that share one fate; divides ``count``
    """

    first: int
    count: int
    now: float
    usual_s: float
    tokens_left: float
    cheating: Bools
    caught_chance: float
    alike: int = 1

    @property
    def drawn(self) -> int:
        """Fates of rounds that are drawn."""
        return self.count // self.alike


def simulate(crew: Crew, luck: Luck, setting: Setting) -> Block:
    """Run a block of rounds; fewer than asked for if the tokens that are left are through before.

    With one round at a time, who comes and goes is settled before each. With more, nodes that join wait for
    the next block, and absences are counted in rounds of the usual length. Of rounds that are alike one is
    drawn.
    """
    first, drawn, plan, rules = setting.first, setting.drawn, crew.plan, crew.rules
    there, caught, ready = _presence(crew, luck, setting)
    if not crew.replicas.members:
        return _idle(setting)
    times = np.repeat((plan.inner_steps * crew.step_s)[:, None], drawn, axis=1)
    if crew.jitter.any():
        times *= np.exp(crew.jitter[:, None] * ndtri(luck.jitter.block(crew.ids, first, drawn) + HALF_STEP))
    arrival = np.where(crew.replicas.all_of(there), crew.arrivals(times), np.inf)
    compute_s, entered = _wait(arrival, rules, setting.usual_s)
    sync_s = crew.exchange_s(entered)
    if rules.overlap is None:
        length_s = compute_s + sync_s
    else:
        length_s = np.maximum(compute_s, sync_s) / (1.0 - rules.overlap)
    cheated = (entered & crew.replicas.worst(setting.cheating)[:, None]).sum(axis=0)
    length_s, compute_s, sync_s, accepted, cheated = (
        np.repeat(column, setting.alike)
        for column in (length_s, compute_s, sync_s, entered.sum(axis=0), cheated)
    )
    done = np.cumsum(accepted) * plan.inner_steps * plan.step_tokens >= setting.tokens_left
    last = int(np.argmax(done)) + 1 if done.any() else setting.count
    return Block(
        length_s[:last],
        compute_s[:last],
        sync_s[:last],
        accepted[:last],
        cheated[:last],
        np.array([row for row, at in caught.items() if at * setting.alike < last], dtype=np.int64),
        {row: back * setting.alike for row, (at, back) in ready.items() if at * setting.alike < last},
    )


def _presence(
    crew: Crew, luck: Luck, setting: Setting
) -> tuple[Bools, dict[int, int], dict[int, tuple[int, int]]]:
    """Which node's update counts in which round drawn; who was caught, and who failed, with the rounds."""
    first, count, cheating, ids = setting.first, setting.drawn, setting.cheating, crew.ids
    usual_s = setting.usual_s * setting.alike
    usual, survives = usual_s / SECONDS_PER_DAY, crew.survival(usual_s)
    number = luck.alive.block(ids, first, count)
    waiting = np.ceil(np.maximum(crew.nodes.ready_at[ids] - setting.now, 0.0) / usual - 1e-9)
    begun = np.arange(count) >= waiting[:, None]
    there = (number < survives[:, None]) & begun
    failing = (number >= survives[:, None]) & (number < crew.available[:, None]) & begun
    found = np.zeros_like(there)
    if cheating.any() and setting.caught_chance > 0:
        chance = setting.caught_chance
        chance = chance if setting.alike == 1 else 1.0 - (1.0 - chance) ** setting.alike
        found = there & cheating[:, None] & (luck.audit.block(ids, first, count) < chance)
    caught: dict[int, int] = {}
    ready: dict[int, tuple[int, int]] = {}
    absent_until = dict.fromkeys(range(len(ids)), 0)
    for row, at in np.argwhere(failing | found).tolist():
        if at < absent_until[row]:
            continue
        if found[row, at]:
            caught[row] = at
            there[row, at:] = False
            absent_until[row] = count
            continue
        state = join_time_s(crew.plan.params, float(crew.down[row])) / SECONDS_PER_DAY
        back = at + 1 + math.ceil((crew.repair[row] + state) / usual - 1e-9)
        there[row, at:back] = False
        absent_until[row] = back
        ready[row] = at, back
    return there, caught, ready


def _wait(arrival: Floats, rules: Rounds, usual_s: float) -> tuple[Floats, Bools]:
    """How long each round computes, and whose updates enter; a round without anybody passes as usual."""
    present = np.isfinite(arrival).sum(axis=0)
    rank = np.ceil(rules.accepted * present - 1e-9).astype(np.int64)
    if rules.most_accepted is not None:
        rank = np.minimum(rank, rules.most_accepted)
    ordered = np.sort(arrival, axis=0)
    until = np.where(rank > 0, ordered[np.maximum(rank, 1) - 1, np.arange(len(rank))], np.inf)
    if rules.deadline is not None:
        until = np.minimum(until, rules.deadline)
    entered = arrival <= until
    return np.where(np.isfinite(until), until, usual_s), entered & np.isfinite(arrival)


def _idle(setting: Setting) -> Block:
    """Rounds in which nobody can hold the model."""
    usual, nothing = np.full(setting.count, setting.usual_s), np.zeros(setting.count, dtype=np.int64)
    return Block(usual, usual, np.zeros(setting.count), nothing, nothing, np.empty(0, dtype=np.int64), {})
