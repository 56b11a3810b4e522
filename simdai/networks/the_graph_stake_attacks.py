"""Attacks through stake: delegation lured and robbed, fees cut into vouchers, slashes made larger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from simdai.economy.actors import World, absent
from simdai.economy.calendar import Phase
from simdai.errors import Problem
from simdai.networks.the_graph_attack import GraphAttack, GraphAttackActor
from simdai.networks.the_graph_people import Indexers
from simdai.networks.the_graph_rules import WEI, ppm, wei
from simdai.units import Days, Name, PositiveCount, Share, Tokens

__all__ = ["DelegationCapture", "SlashLeverage", "VoucherSplitting"]


class StakeAttack(GraphAttack):
    """An attack by an indexer that is like those of a group.

    Parameters
    ----------
    group : of the network's indexers
    stake : GRT of its own
    """

    group: Name
    stake: Tokens

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against:
            yield from absent("group of indexers", {"group": self.group}, network.indexers)
            least = network.protocol.at(scenario.start).minimum_stake
            if self.stake < least:
                allowed = f"an indexer's minimum, {least:g} GRT"
                yield Problem(path="stake", found=f"{self.stake:g}", allowed=allowed)


class StakeAttackActor(GraphAttackActor):
    """An attacker with an indexer of its own, which comes to its review as others do."""

    rules: StakeAttack

    def __init__(self, rules: StakeAttack, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        like: Indexers = self.network.rules.indexers[rules.group]
        same = {field: getattr(like, field) for field in Indexers.model_fields}
        changed = {"count": 0, "candidates": 0, "stake": rules.stake, "stake_spread": 0.0, "cost_spread": 0.0}
        kept = {"kept_step": 0.0, "exit_hazard": 0.0, "restaked": 0.0, "forges": False}
        self.indexer = self.enlist(Indexers(**{**same, **changed, **kept, **self.terms}))
        self._over = False

    @property
    def terms(self) -> dict[str, float]:
        """What else of the indexer's rules is its own."""
        return {}

    def strike(self) -> Callable[[], None]:
        if self.begin(self.indexer, self.rules.stake):
            self._seen = self.world.env.now
            self.allocate()
            self._again()
        return self._stop

    def _again(self) -> None:
        chain, days = self.network.chain, self.network.indexers.rules[self.indexer].review
        self.world.calendar.at(chain.time(chain.block + chain.blocks(days)), Phase.SUPPLY, self._turn)

    def _turn(self) -> None:
        if self._over:
            return
        self.review()
        self.allocate()
        days, self._seen = self.world.env.now - self._seen, self.world.env.now
        book = self.network.indexers
        self.pay(book.cost(self.indexer, self.network.allocations.open_on(self.indexer)) * days)
        book.sell(self.indexer)
        self._again()

    def review(self) -> None:
        """Collect and prove."""
        raise NotImplementedError

    def allocate(self) -> None:
        """Allocate anew; as honest indexers do."""
        self.network.indexers.allocate(self.indexer)

    def _stop(self) -> None:
        if not self._over and self.network.indexers.active[self.indexer]:
            self._over = True
            self.network.indexers.leave(self.indexer, self.take_home)


class DelegationCapture(StakeAttack, kind="delegation_capture"):
    """An indexer lures delegation with a low cut, then keeps everything until delegators have left.

    Parameters
    ----------
    lure : days of the low cut
    lure_kept, kept : shares of rewards that it keeps in that time, and afterwards
    """

    lure: Days
    lure_kept: Share = 0.0
    kept: Share = 1.0

    def build(self, world: World, name: str) -> Captor:
        return Captor(self, world, name)


class Captor(StakeAttackActor):
    """The indexer on the clock. ``delegators_lost`` is what it kept beyond its first terms."""

    rules: DelegationCapture
    counted = ("rewards", "delegators_lost")

    @property
    def terms(self) -> dict[str, float]:
        return {"kept": self.rules.lure_kept}

    def start(self) -> None:
        super().start()
        self.world.recorder.outcome(f"{self.account}.lured", "token", lambda: self._lured / WEI)

    _lured = 0
    _raised = _delegated = False

    def strike(self) -> Callable[[], None]:
        stop = super().strike()
        chain = self.network.chain
        raised = chain.block + chain.blocks(self.rules.lure)
        self.world.calendar.at(chain.time(raised), Phase.SUPPLY, self._raise)
        return stop

    def _raise(self) -> None:
        """Settle at the low cut, then keep more."""
        if self._over:
            return
        self.review()
        self.allocate()
        self._raised = True
        self._lured = self.network.stakes.pools[self.indexer]["tokens"]
        self.network.indexers.keep(self.indexer, ppm(self.rules.kept))

    def review(self) -> None:
        """Collect and prove; whoever has left since the last proof has lost its part of the rewards."""
        network, i = self.network, self.indexer
        kept, present = network.indexers.kept[i] / 1e6, network.stakes.pools[i]["shares"] > 0
        own, _ = network.indexers.earn(i, network.allocations.prove)
        self.grt["rewards"] += own / WEI
        reward = own / WEI / (kept if present else 1.0) if own else 0.0
        if self._raised and self._delegated:
            self.grt["delegators_lost"] += own / WEI - self.rules.lure_kept * reward
        pool = network.stakes.pools[i]
        self._delegated = pool["tokens"] > pool["thawing"]


class VoucherSplitting(StakeAttack, kind="voucher_splitting"):
    """An indexer cuts its query fees into vouchers, so that the rebate curve burns little of each.

    It allocates next to nothing where most queries are, and keeps its stake for other uses.

    Parameters
    ----------
    vouchers : for the fees of an allocation
    subgraphs : those with most queries, on which it allocates
    allocated : GRT on each
    """

    vouchers: PositiveCount
    subgraphs: PositiveCount
    allocated: Tokens

    def build(self, world: World, name: str) -> Splitter:
        return Splitter(self, world, name)


class Splitter(StakeAttackActor):
    """The indexer on the clock. ``burned`` is what the rebate left of its fees, after the first two cuts."""

    rules: VoucherSplitting
    counted = ("paid", "burned")

    def start(self) -> None:
        super().start()
        self.report_ratio(
            "paid_share", lambda: self.grt["paid"], lambda: self.grt["paid"] + self.grt["burned"]
        )

    def strike(self) -> Callable[[], None]:
        self.network.payments.vouchers[self.indexer] = self.rules.vouchers
        return super().strike()

    def allocate(self) -> None:
        network = self.network
        queries, sizes = network.subgraphs.queries, np.zeros(len(network.subgraphs.size))
        busiest = np.argsort(-queries, kind="stable")[: self.rules.subgraphs]
        sizes[busiest] = self.rules.allocated
        network.allocations.put(self.indexer, sizes, network.stakes.capacity(self.indexer)[0])

    def review(self) -> None:
        payments = self.network.payments
        before = dict(payments.sums)
        self.network.indexers.earn(self.indexer, self.network.allocations.prove)
        added = {what: payments.sums[what] - before[what] for what in before}
        self.grt["paid"] += added["indexers"] + added["delegators"]
        self.grt["burned"] += added["burned"] - added["protocol"]


class SlashLeverage(GraphAttack, kind="slash_leverage"):
    """Somebody who has seen a faulty proof delegates to its indexer, disputes, and takes the delegation back.

    The slash is of own stake and delegation together but own stake pays it, so that the delegation makes it
    larger, and the fisherman's part with it.

    Parameters
    ----------
    group : of the indexers at fault
    victims : how many, those with most own stake
    delegation : GRT delegated to each
    """

    group: Name
    victims: PositiveCount
    delegation: Tokens

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against:
            yield from absent("group of indexers", {"group": self.group}, network.indexers)

    def build(self, world: World, name: str) -> LeveredFisherman:
        return LeveredFisherman(self, world, name)


class LeveredFisherman(GraphAttackActor):
    """The fisherman on the clock. ``rewards`` is its part of the slashes, ``victims_lost`` all of them."""

    rules: SlashLeverage
    counted = ("rewards", "victims_lost", "victims_stake")

    def start(self) -> None:
        super().start()
        self.report_ratio(
            "victims_lost_share", lambda: self.grt["victims_lost"], lambda: self.grt["victims_stake"]
        )

    def strike(self) -> Callable[[], None]:
        network, book = self.network, self.network.indexers
        group = [i for i in np.flatnonzero(book.active).tolist() if book.group[i] == self.rules.group]
        group.sort(key=lambda i: (-network.stakes.own[i]["tokens"], i))
        for i in group[: self.rules.victims]:
            self._dispute(i)
        patience = network.rules.fishermen.patience
        end = network.chain.block + network.chain.blocks(2.0 * patience + 1.0)
        self.world.calendar.at(network.chain.time(end), Phase.SUPPLY, self.cash)
        return lambda: None

    def _dispute(self, i: int) -> None:
        network, stakes = self.network, self.network.stakes
        deposit = network.protocol.slashing.deposit
        delegated = self.buy(deposit + self.rules.delegation) - wei(deposit)
        wanted = self.rules.delegation > 0 and stakes.may_delegate(i, delegated)
        shares = stakes.delegate(i, delegated, self.wallet) if wanted else 0
        if network.disputes.dispute(i, True, True, self.wallet, partial(self._ended, i)):
            self.grt["victims_stake"] += stakes.own[i]["tokens"] / WEI
        if shares:
            stakes.undelegate(i, shares, self.wallet)

    def _ended(self, i: int, own: int, reward: int) -> None:
        self.grt["victims_lost"] += own / WEI
        self.grt["rewards"] += reward / WEI
