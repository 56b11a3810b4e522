"""The Graph: indexers serve subgraphs on which curators signal, for fees of customers and for new GRT."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import model_validator

from simdai.economy.actors import Flows, Network, World
from simdai.economy.calendar import Phase
from simdai.economy.foundation import Foundation
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.networks.the_graph_allocations import Allocations
from simdai.networks.the_graph_curation import Pools
from simdai.networks.the_graph_curators import CuratorBook
from simdai.networks.the_graph_delegators import DelegatorBook
from simdai.networks.the_graph_disputes import Disputes
from simdai.networks.the_graph_indexers import IndexerBook
from simdai.networks.the_graph_oracles import Eligibility, Oracles
from simdai.networks.the_graph_payments import Payments
from simdai.networks.the_graph_people import Curators, Delegators, Fishermen, Gateway, Indexers, Subgraphs
from simdai.networks.the_graph_report import report
from simdai.networks.the_graph_rewards import Rewards
from simdai.networks.the_graph_rules import WEI, Convex, Curation, GraphProtocol, Issuance
from simdai.networks.the_graph_staking import SECONDS_PER_DAY, Chain, Stakes
from simdai.networks.the_graph_subgraphs import SubgraphBook
from simdai.networks.the_graph_tokens import GrtAccounts
from simdai.registry import Dated, FrozenMapping, Regimes
from simdai.units import Days, Name, PositiveCount, PositiveDays

__all__ = ["TheGraph", "TheGraphNetwork"]


class TheGraph(Network, kind="the_graph"):
    """The Graph, from the linear issuance of 2023 on, as one layer.

    Parameters
    ----------
    token : GRT
    block_time : whole seconds
    epoch : blocks
    issuance : GRT created in a block, by date
    protocol : stake, allocations and query fees, by date
    curation : the curve of curation pools, by date
    eligibility : who may take rewards, by date
    denial_delay : until the availability oracle denies a subgraph that others cannot index
    gateway : who routes queries and pays for them
    subgraphs, indexers, delegators, curators : by group
    fishermen : who checks and disputes
    """

    emits: ClassVar[bool] = True
    functions: ClassVar[Mapping[str, str]] = {
        "gateway": "the routing of queries to indexers and their payment",
        "oracle": "reports of who is eligible for rewards, and denials of subgraphs",
        "arbitration": "rulings on disputes, without which nobody is slashed",
    }

    token: Token
    block_time: PositiveDays
    epoch: PositiveCount
    issuance: Regimes[Issuance]
    protocol: Annotated[Regimes[GraphProtocol], Dated("graph_protocol")]
    curation: Annotated[Regimes[Curation], Dated("curation")]
    eligibility: Annotated[Regimes[Eligibility], Dated("graph_eligibility")]
    denial_delay: Days
    gateway: Gateway
    subgraphs: FrozenMapping[Name, Subgraphs]
    indexers: FrozenMapping[Name, Indexers]
    delegators: FrozenMapping[Name, Delegators] = FrozenMapping()
    curators: FrozenMapping[Name, Curators] = FrozenMapping()
    fishermen: Fishermen

    @property
    def block_seconds(self) -> int:
        """Seconds of a block."""
        return round(self.block_time * SECONDS_PER_DAY)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seconds = self.block_time * SECONDS_PER_DAY
        if self.block_seconds < 1 or not math.isclose(seconds, self.block_seconds, rel_tol=1e-9):
            raise ValueError(f"block_time: whole seconds are needed, not {seconds:g} s")
        if not self.subgraphs or not any(group.count + group.candidates for group in self.indexers.values()):
            raise ValueError("subgraphs and indexers: at least one of each is needed")
        layers = [rule.layer for rule in self.curation.rules]
        if layers != sorted(layers):
            raise ValueError("curation: signal moves from L1 (convex) to L2 (flat), never back")
        token, held = self.token, math.fsum(self._holdings())
        pooled = token.market.open(token.price, token.decimals, 1.0).reserves[0] / 10**token.decimals
        if held > token.supply * (1.0 - token.traders_share - token.treasury_share) - pooled:
            raise ValueError(
                f"people hold {held:g} GRT on average at the start, more than the public has of the supply"
            )
        regimes = [rule.regime for rule in self.protocol.rules]
        if regimes != sorted(regimes, reverse=True):
            raise ValueError("protocol: legacy comes before horizon, never after it")
        return self

    def _holdings(self) -> Iterator[float]:
        """Mean GRT of everybody at the start, by group."""
        for developers in self.subgraphs.values():
            yield developers.count * lognormal_mean(developers.signal, developers.signal_spread)
        for indexers in self.indexers.values():
            yield indexers.count * lognormal_mean(indexers.stake, indexers.stake_spread)
        for delegators in self.delegators.values():
            yield delegators.count * lognormal_mean(delegators.tokens, delegators.tokens_spread)
        for curators in self.curators.values():
            yield curators.count * lognormal_mean(curators.tokens, curators.tokens_spread)
        yield self.fishermen.tokens

    def check(self, scenario: Any) -> Iterator[Problem]:
        others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
        if any(other and other.symbol == self.token.symbol for other in others):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")
        curve = self.curation.at(scenario.start)
        for name, group in self.subgraphs.items():
            if isinstance(curve, Convex) and group.signal * (1 - curve.tax) < curve.minimum:
                found = f"{group.signal:g}"
                allowed = f"what the curve takes, {curve.minimum:g} GRT net of tax"
                yield Problem(path=f"subgraphs.{name}.signal", found=found, allowed=allowed)

    def build(self, world: World, name: str) -> TheGraphNetwork:
        return TheGraphNetwork(self, world, name)


class TheGraphNetwork:
    """The Graph on the clock.

    Every indexer comes to its review once in its interval; customers, the gateway, delegators, curators and
    oracles act when the gateway settles. Before the start, attackers may add indexers and subgraphs of their
    own with `enlist_indexer` and `enlist_subgraph`.

    Attributes
    ----------
    foundation : which of `TheGraph.functions` run
    """

    subgraphs: SubgraphBook
    indexers: IndexerBook
    delegators: DelegatorBook
    curators: CuratorBook
    allocations: Allocations
    payments: Payments
    oracles: Oracles
    disputes: Disputes
    rewards: Rewards
    stakes: Stakes
    pools: Pools

    def __init__(self, rules: TheGraph, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.token = TokenMarket(rules.token, world, name)
        self.accounts = GrtAccounts(self.token, name, world.scale)
        self.chain = Chain(world.calendar, rules.block_seconds, rules.epoch)
        day = world.start_date
        self.issuance, self.protocol = rules.issuance.at(day), rules.protocol.at(day)
        self.eligibility = rules.eligibility.at(day)
        self.emission_level = 1.0
        """Factor on the issuance."""
        self.foundation = Foundation(rules.functions)
        self.sums: defaultdict[str, float] = defaultdict(float)
        """Since the start: USD, and GRT by what became of it."""
        self.treasury = self.accounts.open("reclaimed")
        self.agreements = self.accounts.open("agreements")
        self._guests: list[Indexers] = []
        self._guest_subgraphs = 0
        self._agreed_to = self._reclaimed = self._issued_before = 0  # block; wei; wei of former rates

    def enlist_indexer(self, rules: Indexers) -> int:
        """Add an indexer that an attacker drives; returns its number."""
        self._guests.append(rules)
        rows = sum(group.count + group.candidates for group in self.rules.indexers.values())
        return rows + len(self._guests) - 1

    def enlist_subgraph(self) -> int:
        """Add a subgraph that an attacker publishes; returns its number counted from the first of them."""
        self._guest_subgraphs += 1
        return self._guest_subgraphs - 1

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Everybody takes their places; days and regimes are put on the calendar."""
        rules, world = self.rules, self.world
        self._open()
        self.token.start()
        self.subgraphs.start()
        self.indexers.start()
        self.delegators.start()
        self.disputes.start()
        for demand in world.demand.values():
            if getattr(demand.rules, "network", None) == self.name:
                demand.apply()
        self.curators.start()
        self.indexers.open_allocations()
        self.indexers.day()
        interval = rules.gateway.settle
        world.calendar.every(interval, Phase.EPOCHS, self._day, first=interval)
        self._follow(rules.issuance, self._change_issuance)
        self._follow(rules.protocol, self._change_protocol)
        self._follow(rules.curation, lambda rule: self.pools.switch(rule))
        self._follow(rules.eligibility, lambda rule: setattr(self, "eligibility", rule))
        report(self, world)
        world.recorder.checks.append(self.check)

    def _open(self) -> None:
        """Contracts and books, now that everybody who takes part is known."""
        rules = self.rules
        self.subgraphs = SubgraphBook(self, self._guest_subgraphs)
        subgraphs = len(self.subgraphs.size)
        self.indexers = IndexerBook(self, self._guests)
        indexers = len(self.indexers.rules)
        self.rewards = Rewards(indexers, subgraphs, *self._rates())
        self.stakes = Stakes(self.accounts, self.chain, self.protocol, indexers)
        curve = rules.curation.at(self.world.start_date)
        self.pools = Pools(self.accounts, self.chain, self.rewards, curve, subgraphs)
        self.allocations = Allocations(self, indexers, subgraphs)
        self.payments = Payments(self, indexers, subgraphs)
        self.oracles = Oracles(self, indexers)
        self.disputes = Disputes(self, indexers)
        self.delegators = DelegatorBook(self)
        self.curators = CuratorBook(self)

    def _follow(self, regimes: Regimes[Any], change: Callable[[Any], None]) -> None:
        world = self.world
        for regime in regimes:
            time = -1.0 if regime.start is None else world.days_until(regime.start)
            if 0 < time <= world.horizon:
                world.calendar.at(time, Phase.REGIMES, partial(change, regime.rule))

    def _day(self) -> None:
        self.payments.settle()
        self._agree()
        self._reclaim()
        self.indexers.day()
        self.oracles.day()
        self.delegators.day()
        self.curators.day()

    # -- issuance --------------------------------------------------------------------------------------------

    def _rates(self) -> tuple[int, int]:
        """Wei a block for rewards, and the least signal."""
        _, per_block = self.issuance.parts
        return round(per_block * self.emission_level), round(self.issuance.minimum_signal * WEI)

    def change_emission(self, level: float) -> None:
        """Multiply the issuance by ``level`` from this block on."""
        self._agree()
        self.emission_level = level
        self.rewards.change_rate(self.chain.block, *self._rates())

    def _change_issuance(self, rule: Issuance) -> None:
        self._agree()
        self._reclaim()
        self.issuance = rule
        self.rewards.change_rate(self.chain.block, *self._rates())

    def _agree(self) -> None:
        """Mint what agreements get for the blocks since the last time, and divide it among those who serve.

        Everybody gets a part in proportion to the subgraphs that it indexes and serves; what does not divide
        waits for the next time.
        """
        blocks, self._agreed_to = self.chain.block - self._agreed_to, self.chain.block
        per_block, _ = self.issuance.parts
        wei = round(per_block * self.emission_level) * blocks
        self._issued_before += wei
        if not wei:
            return
        self.accounts.mint(wei, self.agreements)
        self.note_emission("agreements", wei)
        book, held = self.indexers, self.accounts.wei[self.agreements]
        served = (self.allocations.tokens > 0).sum(axis=1) * (book.up & ~book.forging)
        served *= [self.oracles.eligible(i) for i in range(len(served))]
        total = int(served.sum())
        for i, n in enumerate(served.tolist()):
            if n:
                part = held * int(n) // total
                self.accounts.move(part, self.agreements, book.wallets[i])
                book.agreed[i] += self.accounts.usd(part)

    def _reclaim(self) -> None:
        """Mint what nobody may have to the treasury, where the rules say so; else it is never minted."""
        rewards = self.rewards
        rewards.update(self.chain.block, rewards.idle())
        reclaimed = int(rewards.reclaimed.sum()) + rewards.forfeited + rewards.unclaimable
        new, self._reclaimed = reclaimed - self._reclaimed, reclaimed
        if self.issuance.reclaimed_minted:
            self.accounts.mint(new, self.treasury)
            self.note_emission("treasury", new)
        else:
            self.sums["emitted_nobody"] += new / WEI

    def note_emission(self, receiver: str, wei: int) -> None:
        """Count wei that were minted."""
        self.sums[f"emitted_{receiver}"] += wei / WEI
        self.sums["subsidy_usd"] += self.accounts.usd(wei)

    @property
    def served(self) -> float:
        """Queries answered rightly since the start."""
        return self.payments.sums["right"]

    @property
    def flows(self) -> Flows:
        """What customers paid and what was created since the start."""
        return Flows(self.sums["revenue_usd"], self.sums["subsidy_usd"])

    # -- other rules -----------------------------------------------------------------------------------------

    def _change_protocol(self, rule: GraphProtocol) -> None:
        """Put another protocol in force.

        From legacy to Horizon stake and delegation become provision and pool as they are, and what was given
        back goes on thawing; everybody collects and closes under the old rules and allocates the same amounts
        under the new ones.
        """
        sizes = {}
        if rule.regime != self.protocol.regime:
            for i in np.flatnonzero(self.indexers.active).tolist():
                sizes[i] = self.rewards.tokens[i].copy()
                self.indexers.earn(i, self.allocations.wind_up)
        self.protocol = self.stakes.protocol = rule
        for i, tokens in sizes.items():
            self.allocations.restart(i, tokens)

    # -- exactness -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Assert what must hold at every recording: nothing appears, nothing is lost or owed twice."""
        self.accounts.check()
        self.stakes.check()
        self.pools.check()
        self.rewards.check()
        issued = self.rewards.issued + self._issued_before
        assert self.accounts.minted <= issued, f"{self.accounts.minted} wei minted, {issued} issued"


def lognormal_mean(median: float, spread: float) -> float:
    """Mean of a lognormal number; ``spread`` is the standard deviation of its log."""
    return median * math.exp(spread**2 / 2.0)
