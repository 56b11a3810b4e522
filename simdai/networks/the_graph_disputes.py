"""Fishermen of The Graph check proofs of indexing and dispute them; the arbitrator rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from simdai.economy.calendar import Phase
from simdai.mechanisms.indexing import resolve_dispute
from simdai.mechanisms.verification import detection_probability
from simdai.networks.the_graph_rules import WEI, wei

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["Disputes"]

Accepted = Callable[[int, int], None]

OUTCOMES = ("opened", "accepted", "drawn", "rejected", "cancelled")


class Disputes:
    """Disputes on the clock. Accounts: ``NAME.fishermen`` (their GRT), ``NAME.disputes`` (deposits)."""

    def __init__(self, network: TheGraphNetwork, indexers: int) -> None:
        self.network = network
        self.rules = network.rules.fishermen
        self.wallet = network.accounts.open("fishermen")
        self.account = network.accounts.open("disputes")
        self.counts = dict.fromkeys(OUTCOMES, 0)
        self.slashed_own = self.slashed_delegated = 0.0
        """GRT since the start."""
        self._open = [False] * indexers
        self._seen = [0] * indexers
        self._checks = network.world.entity(f"{network.name}.disputes")

    def start(self) -> None:
        """Fishermen have their GRT."""
        accounts = self.network.accounts
        accounts.deposit(accounts.whole(self.rules.tokens), self.network.token.holders, self.wallet)

    def inspect(self, i: int, proofs: int) -> None:
        """Check some of the proofs that an indexer has just presented."""
        key = self.network.indexers.keys[i]
        found, right = self._checks.uniforms(np.array([key, key ^ np.uint64(1)]), self._seen[i]).tolist()
        self._seen[i] += 1
        forged, rules = bool(self.network.indexers.forging[i]), self.rules
        alarm = rules.checked * (rules.power if forged else rules.false_alarms)
        if found < detection_probability(proofs, alarm) and not self._open[i]:
            self.dispute(i, forged, right < rules.accuracy, self.wallet)

    def dispute(self, i: int, fault: bool, right: bool, fisherman: int, then: Accepted | None = None) -> bool:
        """Open a dispute; False where the fisherman has no deposit.

        Parameters
        ----------
        fault : whether the indexer is at fault
        right : whether the arbitrator will judge rightly
        fisherman : account that pays the deposit and gets what comes back
        then : called when it is accepted, with the wei slashed from own stake and the fisherman's part
        """
        network, accounts = self.network, self.network.accounts
        deposit = wei(network.protocol.slashing.deposit)
        if accounts.wei[fisherman] < deposit:
            return False
        accounts.move(deposit, fisherman, self.account)
        self._open[i] = True
        self.counts["opened"] += 1
        verdict = {(1, 1): "accepted", (1, 0): "drawn", (0, 1): "rejected", (0, 0): "accepted"}[
            int(fault), int(right)
        ]
        snapshot = network.stakes.snapshot(i)
        self._at(self.rules.ruling, partial(self._rule, i, verdict, snapshot, deposit, fisherman, then))
        return True

    def _rule(
        self, i: int, verdict: str, snapshot: int, deposit: int, fisherman: int, then: Accepted | None
    ) -> None:
        """The arbitrator's day; without one the fisherman cancels when it may."""
        if self.network.foundation["arbitration"]:
            self._end(i, verdict, snapshot, deposit, fisherman, then)
        else:
            wait = max(self.rules.patience - self.rules.ruling, 0.0)
            self._at(wait, partial(self._end, i, "cancelled", snapshot, deposit, fisherman, then))

    def _end(
        self, i: int, verdict: str, snapshot: int, deposit: int, fisherman: int, then: Accepted | None
    ) -> None:
        network, accounts = self.network, self.network.accounts
        self._open[i] = False
        self.counts[verdict] += 1
        ended = resolve_dispute(verdict, deposit)
        accounts.move(int(ended.fisherman), self.account, fisherman)
        accounts.burn(int(ended.burned), self.account)
        if verdict != "accepted":
            return
        own, delegated, reward = network.stakes.slash(i, snapshot, fisherman)
        self.slashed_own += own / WEI
        self.slashed_delegated += delegated / WEI
        if then:
            then(own, reward)
        network.indexers.forging[i] = False
        left = network.stakes.own[i]["tokens"] - network.stakes.own[i]["thawing"]
        if network.indexers.active[i] and left < wei(network.protocol.minimum_stake):
            network.indexers.leave(i)

    def _at(self, days: float, action: partial[None]) -> None:
        chain = self.network.chain
        self.network.world.calendar.at(chain.time(chain.block + chain.blocks(days)), Phase.EPOCHS, action)
