"""Delegators of The Graph: they look at yields now and then, move, leave and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.ledger import WORLD
from simdai.networks.the_graph_people import Delegators
from simdai.networks.the_graph_rewards import Ints
from simdai.networks.the_graph_rules import WEI, ppm
from simdai.networks.the_graph_subgraphs import entity_keys, normals

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["DelegatorBook"]

DAYS_PER_YEAR = 365.25
LEAST_UNIFORM = 2.0**-54
SAME = 1e-6  # difference of logs below which two indexers are as good as one another

Floats = NDArray[np.float64]


class DelegatorBook:
    """Columns by delegator. Accounts: ``NAME.delegators[d]`` in GRT.

    Attributes
    ----------
    of : the indexer delegated to; -1 for none, also while tokens thaw
    shares : of that indexer's pool
    gone : those who have sold; they come back when the yield is what they ask
    """

    def __init__(self, network: TheGraphNetwork) -> None:
        self.network, world = network, network.world
        groups = network.rules.delegators
        self.rules: list[Delegators] = []
        names: list[str] = []
        for name, group in groups.items():
            self.rules += [group] * group.count
            names += [name] * group.count
        n = len(self.rules)
        self.wallets = network.accounts.row("delegators", n)
        self.of: Ints = np.full(n, -1, dtype=np.int64)
        self.shares = [0] * n
        self.gone = np.zeros(n, dtype=bool)
        self._keys = entity_keys(network.name, names)
        self._tastes = world.entity(f"{network.name}.delegators.tastes")
        stream = world.entity(f"{network.name}.delegators")
        sizes, asked = (normals(stream.uniforms(self._keys, k)) for k in range(2))
        self._inside, self._place, self._turn = (stream.uniforms(self._keys, k) for k in range(2, 5))
        column = {
            field: np.array([getattr(rules, field) for rules in self.rules])
            for field in ("tokens", "tokens_spread", "asked", "asked_spread", "review", "taste", "gain")
        }
        self.tokens: Floats = column["tokens"] * np.exp(column["tokens_spread"] * sizes)
        self.asked: Floats = column["asked"] * np.exp(column["asked_spread"] * asked)
        """Yield a year below which each stays away."""
        self._review, self._taste, self._gain = column["review"], column["taste"], column["gain"]
        self._looked = 0.0  # day of the last look

    def start(self) -> None:
        """Those who are in at the start hold shares of indexers, in proportion to the room that is left."""
        network, accounts = self.network, self.network.accounts
        ratio = network.protocol.delegation_ratio
        room = np.array([ratio * pool["tokens"] / WEI for pool in network.stakes.own])
        room[~network.indexers.active] = 0.0
        for d, rules in enumerate(self.rules):
            wei = accounts.whole(self.tokens[d])
            accounts.deposit(wei, network.token.holders, self.wallets[d])
            left = np.cumsum(np.maximum(room, 0.0))
            if self._inside[d] >= rules.delegated or not left.any():
                continue
            i = int(np.searchsorted(left, self._place[d] * left[-1], side="right"))
            if network.stakes.may_delegate(i, wei):
                self.shares[d] = network.stakes.delegate(i, wei, self.wallets[d], taxed=False)
                self.of[d] = i
                room[i] -= wei / WEI

    def day(self) -> None:
        """Those whose turn it is look at the yields."""
        now = self.network.world.env.now
        before, after = (np.floor(day / self._review + self._turn) for day in (self._looked, now))
        self._looked, turn = now, np.flatnonzero(after > before)
        if not len(turn):
            return
        scores, yields = self.network.indexers.scores, self._yields()
        for d in turn.tolist():
            self._look(d, scores, yields)

    def _yields(self) -> Floats:
        """What delegation to each indexer earns a year at present."""
        book = self.network.indexers
        given = 1.0 - np.maximum(book.kept, book.announced) / 1e6
        with np.errstate(divide="ignore", invalid="ignore"):
            yields = given * book.rate * DAYS_PER_YEAR / book.delegated
        return np.where(book.delegated > 0, yields, 0.0)

    def _best(self, d: int, scores: Floats) -> int:
        """The indexer that a delegator likes best now: its yield, and a taste of the day."""
        today = int(self.network.world.env.now)
        uniforms = self._tastes.uniforms(self.network.indexers.keys ^ self._keys[d], today)
        tastes = -np.log(-np.log(uniforms + LEAST_UNIFORM))  # Gumbel: the choice is a logit
        with np.errstate(divide="ignore"):
            liking = np.log(scores) + self._taste[d] * tastes
        return int(np.argmax(liking >= liking.max() - SAME))

    def _look(self, d: int, scores: Floats, yields: Floats) -> None:
        stakes, now = self.network.stakes, int(self.of[d])
        best = self._best(d, scores)
        if now < 0:
            self._place_wallet(d, best, scores[best], yields[best])
            return
        if yields[now] < self.asked[d]:
            self._withdraw(d)
            self.gone[d] = True
        elif scores[best] > scores[now] * (1.0 + SAME) + self._gain[d] and stakes.may_delegate(
            best, stakes.worth(now, self.shares[d])
        ):
            self._withdraw(d)

    def _withdraw(self, d: int) -> None:
        self.network.stakes.undelegate(int(self.of[d]), self.shares[d], self.wallets[d])
        self.of[d], self.shares[d] = -1, 0

    def _place_wallet(self, d: int, best: int, score: float, earned: float) -> None:
        """Delegate what lies in the wallet, or sell it."""
        network, accounts, wallet = self.network, self.network.accounts, self.wallets[d]
        held = accounts.wei[wallet]
        if not held:
            return
        offered = max(score, earned)
        if score > 0 and offered >= self.asked[d] and network.stakes.may_delegate(best, held):
            self.shares[d] = network.stakes.delegate(best, held, wallet)
            self.of[d], self.gone[d] = best, False
        elif self.gone[d]:
            sold = held * ppm(self.rules[d].sold) // 10**6
            accounts.sell(sold, wallet, WORLD)
