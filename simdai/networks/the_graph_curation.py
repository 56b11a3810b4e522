"""The Graph's curation contract on the clock: a pool of signal for each subgraph, in whole wei."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from simdai.networks.the_graph_rewards import Ints, Rewards, whole_zeros
from simdai.networks.the_graph_rules import Curation, Objects
from simdai.networks.the_graph_staking import Chain
from simdai.networks.the_graph_tokens import GrtAccounts

__all__ = ["Pools"]


class Pools:
    """Signal on every subgraph and who holds the shares, by wallet.

    The account ``NAME.curation`` holds all pools; the tokens of each are `Rewards.signal`.
    """

    def __init__(
        self, accounts: GrtAccounts, chain: Chain, rewards: Rewards, curve: Curation, subgraphs: int
    ) -> None:
        self.accounts, self.chain, self.rewards, self.curve = accounts, chain, rewards, curve
        self.account = accounts.open("curation")
        self.shares = whole_zeros(subgraphs)
        self.held: defaultdict[int, dict[int, int]] = defaultdict(dict)
        """Shares by wallet and subgraph."""
        self.taxed = 0
        """Wei burned as tax since the start."""

    def deposit(self, wallet: int, j: int, gross: int, taxed: bool = True) -> int:
        """Signal with ``gross`` wei; returns the shares, none where the deposit is too small.

        What was signalled before the start is not taxed.
        """
        tax = self.curve.taxed(gross) if taxed else 0
        net, pool = gross - tax, self.rewards.signal[j]
        shares = self.curve.mint(pool, self.shares[j], net) if pool or net >= self.curve.least else 0
        if not shares:
            return 0
        self._add(j, net)
        self.accounts.burn(tax, wallet)
        self.accounts.move(net, wallet, self.account)
        self.taxed += tax
        self.shares[j] += shares
        self.held[wallet][j] = self.held[wallet].get(j, 0) + shares
        return shares

    def withdraw(self, wallet: int, j: int, shares: int | None = None) -> int:
        """Return shares, all without a number; returns the wei."""
        held = self.held[wallet][j]
        shares = held if shares is None else shares
        wei = self.curve.burn(self.rewards.signal[j], self.shares[j], shares)
        self._add(j, -wei)
        self.shares[j] -= shares
        if shares == held:
            del self.held[wallet][j]
        else:
            self.held[wallet][j] = held - shares
        self.accounts.move(wei, self.account, wallet)
        return wei

    def worth(self, wallet: int, j: int) -> int:
        """Wei that all shares of a wallet would bring."""
        held = self.held[wallet].get(j, 0)
        return self.curve.burn(self.rewards.signal[j], self.shares[j], held) if held else 0

    def collect(self, js: Ints, fees: Objects, source: int) -> None:
        """Add query fees to pools: their shares are worth more."""
        paid = fees > 0
        if paid.any():
            self.rewards.add_signal(self.chain.block, js[paid], fees[paid])
            self.accounts.move(int(fees.sum()), source, self.account)

    def _add(self, j: int, wei: int) -> None:
        change: Objects = np.array([wei], dtype=object)
        self.rewards.add_signal(self.chain.block, np.array([j]), change)

    def switch(self, curve: Curation) -> None:
        """Put another curve in force; a pool that moves to another layer keeps its tokens.

        Every curator gets a share for each wei that its part of the pool comes to, rounded down: so L1GNS
        hands over the signal of a subgraph that moves to L2.
        """
        moved = curve.layer != self.curve.layer
        self.curve = curve
        if not moved:
            return
        before, self.shares = self.shares, whole_zeros(len(self.shares))
        for held in self.held.values():
            for j, shares in held.items():
                held[j] = int(self.rewards.signal[j] * shares // before[j])
                self.shares[j] += held[j]

    def check(self) -> None:
        """Assert that the contract holds the tokens of all pools, and that all shares have holders."""
        held = self.accounts.wei[self.account]
        assert held == self.rewards.total_signal, f"pools hold {held} wei, not {self.rewards.total_signal}"
        shares = whole_zeros(len(self.shares))
        for positions in self.held.values():
            for j, owned in positions.items():
                shares[j] += owned
        assert (shares == self.shares).all(), "shares without a holder"
