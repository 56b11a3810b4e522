"""Attacks through signal: front-running new subgraphs, signalling just before fees, hiding a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.errors import Problem
from simdai.mechanisms.curation import best_signal
from simdai.mechanisms.indexing import water_filling
from simdai.networks.the_graph_attack import GraphAttack, GraphAttackActor
from simdai.networks.the_graph_people import Indexers
from simdai.networks.the_graph_rewards import Ints
from simdai.networks.the_graph_rules import WEI, Objects
from simdai.networks.the_graph_subgraphs import Floats
from simdai.units import Days, Tokens

__all__ = ["CurationFrontRunning", "LateSignalling", "SubgraphWithholding"]


class CurationFrontRunning(GraphAttack, kind="curation_front_running"):
    """A bot signals on every new subgraph one block after it is published, and leaves when others have come.

    On a convex curve it takes what those who come later pay more for a share. Where who publishes signals in
    the same transaction, the bot is second.

    Parameters
    ----------
    deposit : GRT on each new subgraph, tax included
    hold : days until it leaves
    """

    deposit: Tokens
    hold: Days

    def build(self, world: World, name: str) -> CurationFrontRunner:
        return CurationFrontRunner(self, world, name)


class CurationFrontRunner(GraphAttackActor):
    """The bot on the clock. ``others_lost`` is what it took beyond its own deposit net of tax."""

    rules: CurationFrontRunning
    counted = ("put_in", "taken_out", "others_lost")

    def start(self) -> None:
        super().start()
        self.report_ratio("multiple", lambda: self.grt["taken_out"], lambda: self.grt["put_in"])

    def strike(self) -> Callable[[], None]:
        listeners = self.network.subgraphs.listeners
        listeners.append(self._published)
        return lambda: listeners.remove(self._published)

    def _published(self, j: int) -> None:
        chain = self.network.chain
        self.world.calendar.at(chain.time(chain.block + 1), Phase.SUPPLY, partial(self._signal, j))

    def _signal(self, j: int) -> None:
        network = self.network
        gross = min(self.buy(self.rules.deposit), network.accounts.whole(self.rules.deposit))
        net = gross - network.pools.curve.taxed(gross)
        if network.pools.deposit(self.wallet, j, gross):
            self.grt["put_in"] += gross / WEI
            due = network.chain.block + max(network.chain.blocks(self.rules.hold), 1)
            self.world.calendar.at(network.chain.time(due), Phase.SUPPLY, partial(self._leave, j, net))

    def _leave(self, j: int, net: int) -> None:
        out = self.network.pools.withdraw(self.wallet, j)
        self.grt["taken_out"] += out / WEI
        self.grt["others_lost"] += (out - net) / WEI
        self.cash()


class LateSignalling(GraphAttack, kind="late_signalling"):
    """A curator signals in the block in which fees are collected, just before, and leaves just after.

    It takes part in the curators' cut for work that other signal has brought about. It signals what is best
    on a flat curve, as far as that pays the tax.

    Parameters
    ----------
    capital : GRT that it has
    """

    capital: Tokens

    def build(self, world: World, name: str) -> LateSignaller:
        return LateSignaller(self, world, name)


class LateSignaller(GraphAttackActor):
    """The curator on the clock. ``gained`` is what its signal brought less the tax."""

    rules: LateSignalling
    counted = ("gained", "tax", "captured", "curators_fees")

    def __init__(self, rules: LateSignalling, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self._in: list[int] = []
        self._held, self._tax = 0, 0.0  # wei before, and GRT of tax, of the collection that goes on

    def start(self) -> None:
        super().start()
        self.report_ratio("captured_share", lambda: self.grt["captured"], lambda: self.grt["curators_fees"])

    def strike(self) -> Callable[[], None]:
        self.buy(self.rules.capital)
        self.network.payments.watchers.append(self)

        def stop() -> None:
            self.network.payments.watchers.remove(self)
            self.cash()

        return stop

    def before_fees(self, js: Ints, curators: Objects) -> None:
        """Signal where that pays."""
        network = self.network
        self.grt["curators_fees"] += float(curators.sum()) / WEI
        self._held, self._tax = network.accounts.wei[self.wallet], 0.0
        for j, deposit in zip(js.tolist(), self._deposits(js, curators).tolist(), strict=True):
            gross = min(int(deposit * WEI), network.accounts.wei[self.wallet])
            if gross and network.pools.deposit(self.wallet, j, gross):
                self._in.append(j)
                self._tax += network.pools.curve.taxed(gross) / WEI

    def _deposits(self, js: Ints, curators: Objects) -> Floats:
        """GRT of signal on each pool, tax included, that earns most with the capital there is."""
        fees, tax = curators.astype(float) / WEI, self.network.pools.curve.tax
        others = self.network.rewards.signal[js].astype(float) / WEI
        capital = self._held / WEI
        wanted = np.array(
            [best_signal(fee, there, tax, capital) for fee, there in zip(fees, others, strict=True)]
        )
        return wanted if wanted.sum() <= capital else water_filling(fees, others, capital)

    def after_fees(self) -> None:
        """Leave."""
        network = self.network
        for j in self._in:
            network.pools.withdraw(self.wallet, j)
        gained = (network.accounts.wei[self.wallet] - self._held) / WEI
        self.grt["gained"] += gained
        self.grt["tax"] += self._tax
        self.grt["captured"] += gained + self._tax
        self._in = []


class SubgraphWithholding(GraphAttack, kind="subgraph_withholding"):
    """Somebody signals on a subgraph with a hidden manifest and alone takes its rewards until it is denied.

    It proves as often as the protocol lets it: once an epoch.

    Parameters
    ----------
    signal : GRT of signal, tax included
    stake : GRT of its indexer
    """

    signal: Tokens
    stake: Tokens

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        least = network.protocol.at(scenario.start).minimum_stake if network else 0.0
        if self.stake < least:
            yield Problem(
                path="stake", found=f"{self.stake:g}", allowed=f"an indexer's minimum, {least:g} GRT"
            )

    def build(self, world: World, name: str) -> Withholder:
        return Withholder(self, world, name)


class Withholder(GraphAttackActor):
    """The attacker on the clock. ``gained`` is its rewards less the tax."""

    rules: SubgraphWithholding
    counted = ("gained", "rewards", "tax")

    def __init__(self, rules: SubgraphWithholding, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.indexer = self.enlist(lone_indexer(rules.stake))
        self._guest = self.network.enlist_subgraph()
        self._over = False

    def start(self) -> None:
        super().start()
        self.report_ratio("rewards_per_signal", lambda: self.grt["rewards"], lambda: self.rules.signal)

    def strike(self) -> Callable[[], None]:
        network, i = self.network, self.indexer
        self.subgraph = network.subgraphs.first_guest + self._guest
        if not self.begin(i, self.rules.stake):
            return lambda: None
        network.subgraphs.owner[self.subgraph] = i
        network.subgraphs.publish(self.subgraph)
        gross = min(self.buy(self.rules.signal), network.accounts.whole(self.rules.signal))
        self.grt["tax"] += network.pools.curve.taxed(gross) / WEI
        self.grt["gained"] -= network.pools.curve.taxed(gross) / WEI
        network.pools.deposit(self.wallet, self.subgraph, gross)
        network.oracles.deny_later(self.subgraph)
        self._allocate()
        self._next_epoch()
        return self._stop

    def _allocate(self) -> None:
        network = self.network
        sizes = np.zeros(len(network.subgraphs.size))
        available, _ = network.stakes.capacity(self.indexer)
        sizes[self.subgraph] = available / WEI
        network.allocations.put(self.indexer, sizes, available)

    def _next_epoch(self) -> None:
        chain = self.network.chain
        block = (chain.epoch + 1) * chain.epoch_blocks
        self.world.calendar.at(chain.time(block), Phase.SUPPLY, self._prove)

    def _prove(self) -> None:
        if self._over:
            return
        reward, _ = self.network.indexers.earn(self.indexer, self.network.allocations.prove)
        self.grt["rewards"] += reward / WEI
        self.grt["gained"] += reward / WEI
        if self.network.rewards.denied[self.subgraph]:
            self._stop()
            return
        self._allocate()
        self._next_epoch()

    def _stop(self) -> None:
        """Take the signal back, sell everything, and let the stake thaw."""
        if self._over:
            return
        self._over = True
        network = self.network
        network.pools.withdraw(self.wallet, self.subgraph)
        network.indexers.leave(self.indexer, self.take_home)
        self.cash()


def lone_indexer(stake: float) -> Indexers:
    """An indexer that serves nobody, wants no delegation and costs nothing to run."""
    return Indexers(
        count=0,
        stake=stake,
        cost=0.0,
        subgraph_cost=0.0,
        quality=1.0,
        uptime=0.0,
        seconds=1.0,
        blocks_behind=0,
        kept=1.0,
        fees_kept=1.0,
        review=1.0,
        annual_return=0.01,
    )
