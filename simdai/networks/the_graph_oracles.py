"""The Graph's oracles: who is eligible for rewards, and which subgraphs are denied."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import model_validator

from simdai.economy.calendar import Phase
from simdai.mechanisms.indexing import EligibilityRule, indexer_eligible
from simdai.networks.the_graph_rules import WEI
from simdai.networks.the_graph_staking import SECONDS_PER_DAY
from simdai.registry import Configured
from simdai.units import Positive, PositiveCount, PositiveDays, Tokens

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["Eligibility", "Everybody", "Oracle", "Oracles"]


class Eligibility(Configured, family="graph_eligibility"):
    """Which indexers may take rewards."""

    @property
    def oracle(self) -> Oracle | None:
        """The oracle that says so; None where everybody may."""
        return None


class Everybody(Eligibility, kind="everybody"):
    """Whoever presents a proof takes its rewards."""


class Oracle(Eligibility, kind="oracle"):
    """The rewards eligibility oracle (GIP-0079).

    Parameters
    ----------
    days, window : days of service asked for, of how many
    renewal : time for which a renewal holds
    timeout : silence of the oracle after which everybody is eligible
    max_seconds, max_blocks_behind : bounds on an answer that counts, exclusive
    minimum_signal : of the subgraph that is asked
    """

    days: PositiveDays
    window: PositiveDays
    renewal: PositiveDays
    timeout: PositiveDays
    max_seconds: Positive
    max_blocks_behind: PositiveCount
    minimum_signal: Tokens

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.days > self.window:
            raise ValueError(f"days: a window of {self.window:g} d does not hold {self.days:g} of service")
        return self

    @property
    def oracle(self) -> Oracle:
        return self

    @property
    def rule(self) -> EligibilityRule:
        """What the oracle's nodes ask of an indexer."""
        return EligibilityRule(
            days=round(self.days),
            window_days=round(self.window),
            max_seconds=self.max_seconds,
            max_blocks_behind=self.max_blocks_behind,
            min_signal_grt=self.minimum_signal,
        )


class Oracles:
    """The rewards eligibility oracle, which reports every day, and the availability oracle.

    Both fall silent without the foundation's ``oracle``.
    """

    def __init__(self, network: TheGraphNetwork, indexers: int) -> None:
        self.network = network
        self._served: list[list[int]] = [[] for _ in range(indexers)]  # days of service, latest last
        self._renewed: list[int | None] = [None] * indexers  # seconds
        self._reported = self._noted = 0  # seconds; day
        dated = [(regime.start, regime.rule.oracle) for regime in network.rules.eligibility]
        self._watched = [
            (-math.inf if day is None else network.world.days_until(day) - rule.window, rule)
            for day, rule in dated
            if rule
        ]

    def day(self) -> None:
        """Note who has served since the last time, and report who is eligible."""
        network, today = self.network, int(self.network.world.env.now)
        since, self._noted = range(self._noted + 1, today + 1), today
        asked = [rule for first, rule in self._watched if first <= today]
        if not asked:
            return
        for i in self._serving(asked[-1]):
            first = today - asked[-1].rule.window_days + 1
            self._served[i] = [day for day in (*self._served[i], *since) if day >= first]
        current = network.eligibility.oracle
        if current and network.foundation["oracle"]:
            self._reported = network.chain.seconds
            for i in np.flatnonzero(network.indexers.active).tolist():
                if current.rule.renews(self._served[i], today):
                    self._renewed[i] = self._reported

    def _serving(self, oracle: Oracle) -> list[int]:
        """Indexers whose answers count today."""
        network, rule = self.network, oracle.rule
        if not network.foundation["gateway"]:
            return []
        signal = network.rewards.signal.astype(float) / WEI
        best = ((network.allocations.tokens > 0) * signal).max(axis=1)
        return [
            i
            for i in np.flatnonzero(network.indexers.up).tolist()
            if rule.serves(
                200, network.indexers.rules[i].seconds, network.indexers.rules[i].blocks_behind, best[i]
            )
        ]

    def eligible(self, i: int) -> bool:
        """Whether an indexer may take rewards now."""
        oracle = self.network.eligibility.oracle
        if oracle is None:
            return True
        return indexer_eligible(
            self.network.chain.seconds,
            self._renewed[i],
            self._reported,
            period_s=oracle.renewal * SECONDS_PER_DAY,
            timeout_s=oracle.timeout * SECONDS_PER_DAY,
        )

    def deny_later(self, j: int) -> None:
        """The availability oracle notices, after its delay, that nobody else can index a subgraph."""
        chain = self.network.chain
        block = chain.block + chain.blocks(self.network.rules.denial_delay)
        self.network.world.calendar.at(chain.time(block), Phase.REGIMES, partial(self._deny, j))

    def _deny(self, j: int) -> None:
        if self.network.foundation["oracle"]:
            self.network.rewards.deny(self.network.chain.block, j)
