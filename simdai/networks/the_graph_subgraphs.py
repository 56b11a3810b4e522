"""Subgraphs of The Graph: published one after another, signalled by their developers, asked by customers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.calendar import Phase
from simdai.engine.streams import stable_key
from simdai.networks.the_graph_people import Subgraphs
from simdai.networks.the_graph_rewards import Ints
from simdai.networks.the_graph_rules import wei

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["SubgraphBook", "entity_keys", "normals"]

DAYS_PER_YEAR = 365.25

Floats = NDArray[np.float64]


def entity_keys(network: str, groups: list[str]) -> NDArray[np.uint64]:
    """A key for each of many in groups, by the name of its group and its number there.

    Somebody more or less in one group changes no key in another.
    """
    seen: Counter[str] = Counter()
    keys = []
    for group in groups:
        keys.append(stable_key(network, group, seen[group]))
        seen[group] += 1
    return np.array(keys, dtype=np.uint64)


def normals(uniforms: Floats) -> Floats:
    """Standard normal numbers of uniform ones."""
    numbers: Floats = ndtri(uniforms + 2.0**-54)
    return numbers


class SubgraphBook:
    """Columns by subgraph: first those of the groups, in order, those to come included; then guests.

    Accounts: ``NAME.developers[j]`` in GRT. A guest belongs to an attacker, who publishes it.

    Attributes
    ----------
    published : day; inf for those that are not published yet
    owner : the indexer that alone has a hidden manifest; -1 where everybody can index
    size : cost of indexing over that of an average subgraph
    """

    def __init__(self, network: TheGraphNetwork, guests: int) -> None:
        self.network = network
        rules = network.rules.subgraphs
        groups: list[str] = []
        for name, group in rules.items():
            to_come = int(group.launches * network.world.horizon / DAYS_PER_YEAR)
            groups += [name] * group.count + [f"{name}.launches"] * to_come
        self.names = groups
        """Of the group of each; those to come have a group of their own, guests none."""
        self.keys = entity_keys(network.name, groups)
        """Under which every subgraph draws its luck."""
        n = len(groups) + guests
        self.published: Floats = np.full(n, math.inf)
        self.owner: Ints = np.full(n, -1, dtype=np.int64)
        self.size: Floats = np.ones(n)
        self.popularity: Floats = np.zeros(n)
        self.wallets = network.accounts.row("developers", n)
        self.first_guest = len(groups)
        self.listeners: list[Callable[[int], None]] = []
        """Called with every subgraph that is published after the start."""
        self.asked: dict[str, Floats] = {}
        """Queries a day of each subgraph, by who asks."""
        self._signal, self._ramp, self._lag = np.zeros(n), np.zeros(n), np.zeros(n)
        for name, group in rules.items():
            self._draw(name, group)

    def _draw(self, name: str, group: Subgraphs) -> None:
        js = np.array([j for j, own in enumerate(self.names) if own.split(".")[0] == name], dtype=np.int64)
        keys = self.keys[js]
        stream = self.network.world.entity(f"{self.network.name}.subgraphs", name)
        popularity, size, signal = (normals(stream.uniforms(keys, k)) for k in range(3))
        self.popularity[js] = np.exp(group.popularity_spread * popularity)
        self.size[js] = np.exp(group.size_spread * size - group.size_spread**2 / 2.0)
        self._signal[js] = group.signal * np.exp(group.signal_spread * signal)
        self._ramp[js], self._lag[js] = group.ramp, group.signal_lag
        self.published[js[: group.count]] = -math.inf
        chain, calendar = self.network.chain, self.network.world.calendar
        for k, j in enumerate(js[group.count :].tolist()):
            time = (k + stream.uniforms(keys[group.count + k :][:1], 3)[0]) * DAYS_PER_YEAR / group.launches
            calendar.at(chain.time(chain.blocks(time)), Phase.SUPPLY, partial(self.publish, j))

    def start(self) -> None:
        """Developers signal on the subgraphs that are there at the start."""
        for j in np.flatnonzero(self.published == -math.inf).tolist():
            self._endow(j)
            self.network.pools.deposit(self.wallets[j], j, self._wanted(j), taxed=False)

    def _wanted(self, j: int) -> int:
        return self.network.accounts.whole(self._signal[j])

    def _endow(self, j: int) -> None:
        accounts = self.network.accounts
        accounts.deposit(self._wanted(j), self.network.token.holders, self.wallets[j])

    def publish(self, j: int) -> None:
        """A subgraph appears; its developer signals with it, or a while later."""
        self.published[j] = self.network.world.env.now
        if j < self.first_guest:
            if self.network.pools.curve.publish_and_signal:
                self._developer_signals(j)
            else:
                later = self.network.chain.block + self.network.chain.blocks(self._lag[j])
                action = partial(self._developer_signals, j)
                self.network.world.calendar.at(self.network.chain.time(later), Phase.SUPPLY, action)
        for listener in self.listeners:
            listener(j)

    def _developer_signals(self, j: int) -> None:
        self._endow(j)
        self.network.pools.deposit(self.wallets[j], j, self._wanted(j))

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def live(self) -> NDArray[np.bool_]:
        """Subgraphs that are published."""
        live: NDArray[np.bool_] = self.published < math.inf
        return live

    def indexable(self, i: int) -> NDArray[np.bool_]:
        """Subgraphs that an indexer can index."""
        can: NDArray[np.bool_] = self.live & ((self.owner < 0) | (self.owner == i))
        return can

    def shares(self, groups: tuple[str, ...]) -> Floats:
        """How the queries for some groups are divided; new subgraphs come in over their ramp."""
        chosen = [not groups or name.split(".")[0] in groups for name in self.names]
        chosen += [False] * (len(self.size) - self.first_guest)
        age = self.network.world.env.now - self.published
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.where(self._ramp > 0, np.clip(age / self._ramp, 0.0, 1.0), (age >= 0) * 1.0)
        weights = np.where(chosen, self.popularity * grown, 0.0)
        total = weights.sum()
        shares: Floats = weights / total if total else weights
        return shares

    @property
    def queries(self) -> Floats:
        """Queries a day of each subgraph."""
        total = np.zeros(len(self.size))
        for asked in self.asked.values():
            total += asked
        return total

    def curated(self) -> Ints:
        """Published subgraphs with a signal that can earn."""
        rewards = self.network.rewards
        enough = (rewards.signal >= max(rewards.min_signal, wei(1.0))).astype(bool)
        return np.flatnonzero(self.live & enough)
