"""Validators on Bittensor: what they find, how they vote, and where a child key votes for them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.engine.streams import stable_key
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.yuma import max_upscale_rows, weighted_median_columns
from simdai.networks.bittensor_chain import OWNER, Chain
from simdai.networks.bittensor_miners import Miners, normal
from simdai.networks.bittensor_population import Validators

__all__ = ["FIRST_VALIDATOR", "Ballot", "Electorate", "Validator", "Voter"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

FIRST_VALIDATOR = OWNER + 1  # UID
SILENCE = 1e-9  # quality below which nothing is answered, and nothing can be misjudged
HYSTERESIS = 0.8  # of the income at which a validator would begin, at which it stops

Voter: TypeAlias = Callable[[int], Floats | None]
"""(u,) weights that somebody with an aim of its own gives in a slot; None to abstain."""


@dataclass
class Validator:
    """One validator: a hotkey with a UID on every subnet.

    Parameters
    ----------
    name : names its luck
    rules : of its group
    strategy : "honest", "copy", or somebody's own votes
    role : who sells its take
    """

    name: str
    rules: Validators
    strategy: str | Voter
    role: int


class Ballot(NamedTuple):
    """Weights of all validators in one slot, committed together.

    Parameters
    ----------
    due : step from which they are in force
    block : of the commitment
    rows : (v, u) u16; a row of -1 is none
    """

    due: int
    block: int
    rows: Ints


class Electorate:
    """All validators of a network, on all subnets: (s, v) arrays.

    Attributes
    ----------
    runs : who evaluates and votes there; for the others a child key does
    child : whose key that is
    income : USD a day, averaged
    """

    def __init__(
        self, people: list[Validator], chain: Chain, miners: Miners, world: World, name: str, step: float
    ) -> None:
        self.people, self.chain, self.miners, self.step = people, chain, miners, step
        s, v, m = len(chain.alive), len(people), miners.works.shape[1]
        self.score = np.zeros((s, v, m))
        self.rated = np.zeros((s, m), dtype=np.uint64)
        """(s, m) whom the scores are of."""
        self.runs = np.ones((s, v), dtype=np.bool_)
        self.child = np.tile(np.arange(v, dtype=np.int64), (s, 1))
        self.income = np.full((s, v), math.nan)
        self.ballots: list[deque[Ballot]] = [deque() for _ in range(s)]
        self.in_force: list[Ints | None] = [None] * s
        self._runs_voted = np.zeros((s, v), dtype=np.bool_)
        self._evaluation = world.entity("validators", name, "evaluation")
        self._favourite = world.entity("validators", name, "favourite")
        self._keys = np.array([stable_key("validator", who.name) for who in people], dtype=np.uint64)
        rules = [who.rules for who in people]
        self.noise, self.cost = np.array([r.noise for r in rules]), np.array([r.cost for r in rules])
        self.take, self.child_take = (
            np.array([r.take for r in rules]),
            np.array([r.child_take for r in rules]),
        )
        self.sold, self.favoured = np.array([r.sold for r in rules]), np.array([r.favoured for r in rules])
        self.roles = np.array([who.role for who in people], dtype=np.int64)
        self._every = np.array([max(round(r.every / step), 1) for r in rules])
        self._fresh = np.array([weight_of_new(r.every, r.memory) for r in rules])

    @property
    def spending(self) -> Floats:
        """(s, v) USD a day of those who evaluate."""
        works = np.array([who.strategy == "honest" for who in self.people])
        alive = self.chain.alive[:, None]
        return np.asarray(np.where(self.runs & works & alive, self.cost, 0.0))

    # -- evaluation and votes --------------------------------------------------------------------------------

    def settle(self, slot: int) -> None:
        """All validators run a new subnet, and know nothing of its miners."""
        self.score[slot], self.rated[slot] = 0.0, 0
        self.runs[slot], self.child[slot] = True, np.arange(len(self.people))
        self.income[slot] = math.nan
        self.ballots[slot].clear()
        self.in_force[slot] = None

    def evaluate(self, n: int, slot: int, quality: Floats) -> bool:
        """Look at the miners of a slot before step ``n``; False when it is nobody's turn.

        Parameters
        ----------
        quality : (m,) what the miners deliver
        """
        ids, working = self.miners.ids[slot], self.miners.works[slot]
        turn = (n + slot) % self._every == 0
        if not self.rated[slot].any():
            turn[:] = True
        if not turn.any():
            return False
        new = self.rated[slot] != ids
        luck = self._evaluation.uniforms((self._keys[:, None] + ids).ravel(), n).reshape(len(turn), -1)
        mean = quality[working].mean() if working.any() else 0.0
        found = np.maximum(quality + self.noise[:, None] * mean * normal(luck), 0.0)
        found[:, quality < SILENCE] = 0.0
        known = np.where(new, 0.0, self.score[slot])
        weight = np.where(new, 1.0, self._fresh[:, None]) * turn[:, None]
        self.score[slot] = np.where(working, known + weight * (found - known), 0.0)
        self.rated[slot] = ids
        return True

    def commit(self, n: int, slot: int, delay: int, stake: Floats) -> None:
        """Commit the weights that are in force from step ``n``, or later, on.

        Parameters
        ----------
        delay : steps until committed weights are public; 0 sets them in the open
        stake : (v,) stake weight
        """
        rows = np.full((len(self.people), self.chain.occupied.shape[1]), -1, dtype=np.int64)
        runs = self.runs[slot]
        honest = [v for v, who in enumerate(self.people) if who.strategy == "honest" and runs[v]]
        rows[honest] = self._rows(slot, self._merit(slot, self.score[slot, honest]))
        public = rows if delay == 0 else self.in_force[slot]
        copiers = [v for v, who in enumerate(self.people) if who.strategy == "copy" and runs[v]]
        if copiers and public is not None:
            rows[copiers] = self._consensus_of(public, stake)
        for v, who in enumerate(self.people):
            if callable(who.strategy) and (chosen := who.strategy(slot)) is not None:
                rows[v] = self._rows(slot, chosen[None, :])[0]
        self._runs_voted[slot] = runs
        self.ballots[slot].append(Ballot(n + max(delay, 1) - 1, self.chain.block + 2, rows))

    def may_differ(self, slot: int) -> bool:
        """Whether votes may change without an evaluation: somebody follows others, began or stopped."""
        others = any(who.strategy != "honest" for who in self.people)
        return others or not np.array_equal(self.runs[slot], self._runs_voted[slot])

    def due(self, n: int, slot: int) -> tuple[Ballot, Ints] | None:
        """The weights that come into force with step ``n``, and whose differ from those before."""
        newest = None
        while self.ballots[slot] and self.ballots[slot][0].due <= n:
            newest = self.ballots[slot].popleft()
        if newest is None:
            return None
        before = self.in_force[slot]
        self.in_force[slot] = newest.rows
        changed = np.ones(len(newest.rows), bool) if before is None else (newest.rows != before).any(axis=1)
        return newest, np.flatnonzero(changed)

    def _merit(self, slot: int, scores: Floats) -> Floats:
        """(k, u) weights by score, and what the owner has validators withhold."""
        chain = self.chain
        out = np.zeros((len(scores), chain.occupied.shape[1]))
        merit = scores ** chain.terms(slot).sharpness
        totals = merit.sum(axis=1, keepdims=True)
        out[:, self.miners.first :] = (
            (1.0 - chain.withheld[slot]) * merit / np.where(totals > 0.0, totals, 1.0)
        )
        out[:, chain.favoured[slot]] += chain.withheld[slot]
        return out

    def _rows(self, slot: int, weights: Floats) -> Ints:
        rows = max_upscale_rows(weights)
        rows[:, ~self.chain.occupied[slot]] = 0
        return rows

    def _consensus_of(self, rows: Ints, stake: Floats) -> Ints:
        """What a copier submits: the stake-weighted median of the weights that it sees."""
        shown = np.maximum(rows, 0).astype(np.float64)
        totals = shown.sum(axis=1, keepdims=True)
        shown /= np.where(totals > 0.0, totals, 1.0)
        voting = np.where(totals[:, 0] > 0.0, stake, 0.0)
        agreed: Ints = max_upscale_rows(weighted_median_columns(voting, shown, 0.5)[None, :])[0]
        return agreed

    # -- who votes -------------------------------------------------------------------------------------------

    def choose(self, income_usd: Floats, gain: Floats) -> None:
        """Let validators run a subnet where its child take would cost them more than the work does.

        Parameters
        ----------
        income_usd : (s, v) USD a day of each validator
        gain : (s, v) dividends per stake weight
        """
        memory = np.array([max(who.rules.memory, self.step) for who in self.people])
        weight = -np.expm1(-self.step / memory)
        known = ~np.isnan(self.income)
        self.income = np.where(known, self.income + weight * (income_usd - self.income), income_usd)
        saved = self.income * self.child_take
        threshold = self.cost * np.where(self.runs, HYSTERESIS, 1.0)
        own_aim = np.array([callable(who.strategy) for who in self.people])
        self.runs = (saved >= threshold) | own_aim | (self.cost == 0.0)
        honest = np.array([not callable(who.strategy) for who in self.people])
        best = np.where(honest, self.income, -1.0).argmax(axis=1)
        self.runs[np.arange(len(self.runs)), best] = True
        merit = np.where(self.runs & honest, gain, -1.0)
        chosen = merit.argmax(axis=1)
        itself = np.arange(len(self.people))
        self.child = np.where(self.runs, itself, chosen[:, None])

    def children(self, slot: int) -> list[tuple[int, int, float]]:
        """Whom validators let vote with all of their stake: (parent, child, 1)."""
        child = self.child[slot]
        parents = np.flatnonzero(child != np.arange(len(child)))
        return [
            (parent, who, 1.0) for parent, who in zip(parents.tolist(), child[parents].tolist(), strict=True)
        ]

    def root_votes(self, slots: Ints, quality: Floats) -> Floats:
        """(v, n) votes of root validators: on quality, and a part on a subnet of each one's own choice."""
        total = quality.sum()
        merit = quality / total if total > 0.0 else np.full(len(slots), 1.0 / max(len(slots), 1))
        votes = (1.0 - self.favoured[:, None]) * merit[None, :]
        if len(slots):
            draws = self._favourite.uniforms(self._keys, 0)
            votes[np.arange(len(votes)), (draws * len(slots)).astype(np.int64)] += self.favoured
        return np.asarray(votes)
