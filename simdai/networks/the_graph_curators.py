"""Curators of The Graph who signal for query fees: they move after yields, and follow new subgraphs."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.calendar import Phase
from simdai.networks.the_graph_people import Curators
from simdai.networks.the_graph_rules import WEI
from simdai.networks.the_graph_subgraphs import entity_keys, normals

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["CuratorBook"]

DAYS_PER_YEAR = 365.25
LEAST_UNIFORM = 2.0**-54

Floats = NDArray[np.float64]


class CuratorBook:
    """Columns by curator. Accounts: ``NAME.curators[c]`` in GRT; shares are held by `Pools`."""

    def __init__(self, network: TheGraphNetwork) -> None:
        self.network, world = network, network.world
        self.rules: list[Curators] = []
        names: list[str] = []
        for name, group in network.rules.curators.items():
            self.rules += [group] * group.count
            names += [name] * group.count
        self.wallets = network.accounts.row("curators", len(self.rules))
        self._keys = entity_keys(network.name, names)
        stream = world.entity(f"{network.name}.curators")
        spread = np.array([rules.tokens_spread for rules in self.rules])
        median = np.array([rules.tokens for rules in self.rules])
        self.tokens: Floats = median * np.exp(spread * normals(stream.uniforms(self._keys, 0)))
        self._turn = stream.uniforms(self._keys, 1)
        self._follow = world.entity(f"{network.name}.curators.follow")
        self._review = np.array([rules.review for rules in self.rules])
        self._looked = 0.0  # day of the last look
        network.subgraphs.listeners.append(self._published)

    def start(self) -> None:
        """Everybody signals where the yield is best, one after the other; that is not taxed."""
        network = self.network
        for c, wallet in enumerate(self.wallets):
            network.accounts.deposit(network.accounts.whole(self.tokens[c]), network.token.holders, wallet)
        for k in range(max((rules.positions for rules in self.rules), default=0)):
            for c, rules in enumerate(self.rules):
                if k < rules.positions:
                    self._signal(
                        c, network.accounts.wei[self.wallets[c]] // (rules.positions - k), taxed=False
                    )

    def day(self) -> None:
        """Those whose turn it is look at the yields."""
        now = self.network.world.env.now
        before, after = (np.floor(day / self._review + self._turn) for day in (self._looked, now))
        self._looked = now
        for c in np.flatnonzero(after > before).tolist():
            self._look(c)

    def _yields(self, more: float = 0.0) -> Floats:
        """Query fees a year on a GRT of signal, with ``more`` GRT in each pool; 0 where none can signal."""
        network = self.network
        protocol, signal = network.protocol, network.rewards.signal.astype(float) / WEI + more
        part = (1.0 - protocol.fee_burn) * protocol.curation_cut * DAYS_PER_YEAR
        fees = np.where(network.subgraphs.indexable(-1), network.payments.fee_rate(), 0.0)
        yields: Floats = part * fees / np.maximum(signal, 1.0)
        return yields

    def _signal(self, c: int, wei: int, taxed: bool = True) -> None:
        """Signal on the best subgraph, if that earns what is asked and the tax within the horizon."""
        rules, pools = self.rules[c], self.network.pools
        if wei < WEI:
            return
        yields = self._yields(wei / WEI)
        yields[list(pools.held[self.wallets[c]])] = 0.0
        best = int(np.argmax(yields))
        tax = pools.curve.tax if taxed else 0.0
        enough = yields[best] >= rules.asked and yields[best] * rules.horizon / DAYS_PER_YEAR > tax
        if enough:
            pools.deposit(self.wallets[c], best, wei, taxed)

    def _look(self, c: int) -> None:
        """Take signal back that earns too little or could earn more elsewhere, and use what is free."""
        rules, pools, wallet = self.rules[c], self.network.pools, self.wallets[c]
        yields = self._yields()
        elsewhere = yields.copy()
        elsewhere[list(pools.held[wallet])] = 0.0
        best = float(elsewhere.max(initial=0.0))
        for j in list(pools.held[wallet]):
            gain = (best - yields[j]) * rules.horizon / DAYS_PER_YEAR
            if yields[j] < rules.asked or gain > pools.curve.tax:
                pools.withdraw(wallet, j)
        free = rules.positions - len(pools.held[wallet])
        for k in range(free):
            self._signal(c, self.network.accounts.wei[wallet] // (free - k))

    # -- new subgraphs ---------------------------------------------------------------------------------------

    def _published(self, j: int) -> None:
        """Some curators signal on a new subgraph when they see it."""
        chain, calendar = self.network.chain, self.network.world.calendar
        if j >= self.network.subgraphs.first_guest:
            return
        keys = self._keys ^ self.network.subgraphs.keys[j]
        follows, waits = (self._follow.uniforms(keys, k) for k in range(2))
        for c, rules in enumerate(self.rules):
            if follows[c] < rules.follows:
                seen = 1 + chain.blocks(-rules.reaction * math.log(waits[c] + LEAST_UNIFORM))
                calendar.at(chain.time(chain.block + seen), Phase.SUPPLY, partial(self._join, c, j))

    def _join(self, c: int, j: int) -> None:
        """Move a position, or what is free, to subgraph ``j``."""
        pools, wallet = self.network.pools, self.wallets[c]
        held = pools.held[wallet]
        if j in held:
            return
        if len(held) >= self.rules[c].positions:
            yields = self._yields()
            pools.withdraw(wallet, min(held, key=lambda k: (yields[k], k)))
        free = self.rules[c].positions - len(held)
        wei = self.network.accounts.wei[wallet] // free
        if wei >= WEI:
            pools.deposit(wallet, j, wei)
