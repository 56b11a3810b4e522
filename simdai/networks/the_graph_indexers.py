"""Indexers of The Graph: what they earn and pay, when they forge, how they set cuts, enter and leave."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.mechanisms.choice import smooth
from simdai.mechanisms.indexing import allocation_capacity, delegation_score
from simdai.mechanisms.provider_choice import exit_hazard, margin, probability
from simdai.mechanisms.verification import detection_probability, min_check_probability
from simdai.networks.the_graph_people import Indexers
from simdai.networks.the_graph_rewards import Ints
from simdai.networks.the_graph_rules import WEI, ppm, wei
from simdai.networks.the_graph_subgraphs import entity_keys, normals

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["IndexerBook"]

MICRO = 10**6
DAYS_PER_YEAR = 365.25
SAME = 1.0 - 1e-6  # of the mean: a yield as good as this is as good as the mean
ENTRY_PREMIUM = 1.02  # USD brought over the stake's worth at the spot price, for the purchase moves it

Floats = NDArray[np.float64]


class IndexerBook:
    """Columns by indexer: those of each group, then its candidates; then guests, whom attackers drive.

    Accounts: ``NAME.indexers[i]`` in GRT. Their USD comes from their owners and goes there.

    Attributes
    ----------
    active : those who have stake and allocate
    kept, fees_kept : ppm of rewards and query fees that are not the delegators'
    announced : ppm kept that delegators know of; above ``kept`` while a notice runs
    up : whether an indexer serves queries today
    forging : whether it presents proofs without indexing
    per_token : average GRT of rewards a day on each GRT allocated
    rate : GRT of rewards a day at that, its own and its delegators', on all that it may allocate today
    delegated : GRT delegated to each, as of today
    scores : GRT a year for the delegators of each, for each GRT at stake; 0 for those not active
    margin : average of income less running cost, over the return asked of own stake
    """

    def __init__(self, network: TheGraphNetwork, guests: list[Indexers]) -> None:
        self.network, world = network, network.world
        groups = network.rules.indexers
        self.rules: list[Indexers] = []
        self.group: list[str] = []
        for name, group in groups.items():
            self.rules += [group] * (group.count + group.candidates)
            self.group += [name] * group.count + [f"{name}.candidates"] * group.candidates
        self.first_guest = len(self.rules)
        self.rules += guests
        self.group += ["guests"] * len(guests)
        n = len(self.rules)
        self.wallets = network.accounts.row("indexers", n)
        self.owners = [WORLD] * n
        """Accounts in USD that pay for stake and get what is sold."""
        self.active = np.zeros(n, dtype=bool)
        self.leaving = np.zeros(n, dtype=bool)
        self.kept = [ppm(rules.kept) for rules in self.rules]
        self.announced = list(self.kept)
        self.fees_kept = [ppm(rules.fees_kept) for rules in self.rules]
        self.quality: Floats = np.array([rules.quality for rules in self.rules])
        self.up = np.ones(n, dtype=bool)
        self.forging = np.zeros(n, dtype=bool)
        self.per_token: Floats = np.zeros(n)
        self.rate: Floats = np.zeros(n)
        self.delegated: Floats = np.zeros(n)
        self.scores: Floats = np.zeros(n)
        self.margin: Floats = np.full(n, math.nan)
        self.rewarded: Floats = np.zeros(n)
        """GRT of rewards that are its own, since the start."""
        self.agreed: Floats = np.zeros(n)
        """USD from indexing agreements since the last review."""
        self.stake: Floats = np.array([rules.stake for rules in self.rules])
        self.cost_level: Floats = np.ones(n)
        self._seen = np.zeros(n)  # day of the last review
        self._proved = np.zeros(n)  # day on which it took rewards last
        self._reviews = [0] * n
        self.keys = entity_keys(network.name, self.group)
        """Under which every indexer draws its luck."""
        self._uptime = world.entity(f"{network.name}.indexers.uptime")
        self._luck = world.entity(f"{network.name}.indexers.moves")
        self._draw()

    def _draw(self) -> None:
        """Stakes and costs differ between the indexers of a group."""
        stream = self.network.world.entity(f"{self.network.name}.indexers")
        sizes, costs = (normals(stream.uniforms(self.keys, k)) for k in range(2))
        stake_spread, cost_spread = (
            np.array([getattr(rules, field) for rules in self.rules])
            for field in ("stake_spread", "cost_spread")
        )
        self.stake = np.maximum(
            self.stake * np.exp(stake_spread * sizes), self.network.protocol.minimum_stake
        )
        self.cost_level = np.exp(cost_spread * costs - cost_spread**2 / 2.0)

    def start(self) -> None:
        """The first of each group have their stake; reviews are spread evenly over their interval."""
        network, chain = self.network, self.network.chain
        for group in network.rules.indexers.values():
            rows = [i for i in range(self.first_guest) if self.rules[i] is group]
            for k, i in enumerate(rows):
                if k < group.count:
                    stake = network.accounts.whole(self.stake[i])
                    network.accounts.deposit(stake, network.token.holders, self.wallets[i])
                    self._stake(i)
                first = chain.time(chain.blocks(group.review * (k + 1) / len(rows)))
                network.world.calendar.every(group.review, Phase.SUPPLY, partial(self._turn, i), first=first)

    def _stake(self, i: int) -> None:
        network = self.network
        network.stakes.provision(i, network.accounts.wei[self.wallets[i]], self.wallets[i])
        self.active[i] = True
        self._seen[i] = self._proved[i] = network.world.env.now

    def open_allocations(self) -> None:
        """Everybody who is active allocates for the first time, once delegation and signal are there."""
        rows = np.flatnonzero(self.active).tolist()
        for i in rows:
            self.network.allocations.spread_evenly(i)
        for i in rows:
            self.allocate(i)
            self.per_token[i] = self._mean_per_token()

    def _mean_per_token(self) -> float:
        """GRT a day that a GRT allocated anywhere earns on average."""
        network = self.network
        allocated = float(network.allocations.tokens.sum())
        return network.rewards.per_block / WEI * network.chain.blocks(1.0) / allocated if allocated else 0.0

    # -- the day ---------------------------------------------------------------------------------------------

    def day(self) -> None:
        """Who serves queries today, and what delegators can hope for."""
        self._look_around()
        today = int(self.network.world.env.now)
        chance = np.array([rules.uptime for rules in self.rules])
        self.up = (self._uptime.uniforms(self.keys, today) < chance) & self.active

    def _turn(self, i: int) -> None:
        """The time of an indexer's review; a candidate looks whether to enter."""
        self._reviews[i] += 1
        luck = float(self._luck.uniforms(self.keys[i : i + 1], self._reviews[i])[0])
        if self.active[i]:
            self.review(i, luck)
        elif not self.leaving[i]:
            self._consider(i, luck)

    def review(self, i: int, luck: float) -> None:
        """Collect fees, present proofs, reconsider everything, sell, and perhaps leave."""
        network, rules = self.network, self.rules[i]
        days = network.world.env.now - self._seen[i]
        self._seen[i] = network.world.env.now
        indexed = network.allocations.open_on(i)
        own, fees = self.earn(i, network.allocations.prove)
        cost = self.cost(i, indexed) * days
        income = network.accounts.usd(own + fees) + self.agreed[i]
        self.agreed[i] = 0.0
        self.sell(i)
        self._note(i, income, cost, days)
        if len(indexed):
            network.disputes.inspect(i, len(indexed))
        self._reconsider(i, indexed, own, days)
        if not self.active[i]:  # a slash that left too little ended it
            return
        base, sensitivity = rules.exit_hazard, rules.exit_sensitivity
        if base and not math.isnan(self.margin[i]):
            hazard = exit_hazard([self.margin[i]], base, sensitivity)
            if luck < probability(hazard, days)[0]:
                self.leave(i)
                return
        self.allocate(i)

    def allocate(self, i: int) -> None:
        """Spread an indexer's capacity anew, for the time until its next review."""
        self.network.allocations.spread(i, self._costs_grt(i), self.rules[i].review)

    def earn(self, i: int, prove: Callable[[int], int]) -> tuple[int, int]:
        """Collect query fees, then rewards by ``prove``; returns the own wei of rewards, and of fees."""
        fees = self.network.payments.collect(i)
        allocated, now = float(self.network.allocations.tokens[i].sum()), self.network.world.env.now
        reward = prove(i)
        if now > self._proved[i] and allocated:
            days, memory = now - self._proved[i], self.rules[i].income_memory
            self.per_token[i] = smooth(self.per_token[i], reward / WEI / days / allocated, days, memory)
        self._proved[i] = now
        return self._pay(i, reward), fees

    def _pay(self, i: int, reward: int) -> int:
        """Mint a reward: to the delegation pool, and to own stake and wallet; returns the wei of these."""
        network, accounts = self.network, self.network.accounts
        delegated = network.stakes.pools[i]["shares"] > 0
        parts = network.protocol.reward_parts(reward, self.kept[i], delegated)
        own, delegators = int(parts.indexer), int(parts.delegators)
        restaked = own * ppm(self.rules[i].restaked) // 10**6
        accounts.mint(delegators + restaked, network.stakes.account)
        network.stakes.add(i, restaked, delegators)
        accounts.mint(own - restaked, self.wallets[i])
        self.rewarded[i] += own / WEI
        network.note_emission("indexers", own)
        network.note_emission("delegators", delegators)
        return own

    def sell(self, i: int) -> None:
        """Sell what lies in an indexer's wallet."""
        network = self.network
        network.accounts.sell(network.accounts.wei[self.wallets[i]], self.wallets[i], self.owners[i])

    # -- costs and margins -----------------------------------------------------------------------------------

    def _subgraph_costs(self, i: int) -> Floats:
        """USD a day of indexing each subgraph."""
        costs: Floats = self.rules[i].subgraph_cost * self.cost_level[i] * self.network.subgraphs.size
        return costs

    def cost(self, i: int, indexed: Ints) -> float:
        """USD a day that it costs to index some subgraphs; forged proofs need no indexing."""
        fixed = float(self.rules[i].cost * self.cost_level[i])
        return fixed if self.forging[i] else fixed + float(self._subgraph_costs(i)[indexed].sum())

    def _costs_grt(self, i: int) -> Floats:
        """GRT that indexing each subgraph costs until the next review, less the query fees that it brings."""
        network, days = self.network, self.rules[i].review
        if self.forging[i]:
            return np.zeros(len(network.subgraphs.size))
        served = np.maximum((network.allocations.tokens > 0).sum(axis=0), 1)
        fees = network.payments.fee_rate() / served
        cost = self._subgraph_costs(i) / network.token.price
        costs: Floats = np.maximum(cost - fees, 0.0) * days
        return costs

    def _note(self, i: int, income: float, cost: float, days: float) -> None:
        network = self.network
        network.sums["indexers_income_usd"] += income
        network.sums["indexers_cost_usd"] += cost
        stake = network.accounts.usd(network.stakes.own[i]["tokens"])
        asked = self.rules[i].annual_return / DAYS_PER_YEAR * stake * days
        if asked <= 0:
            return
        now = float(margin([income], [cost], [cost + asked])[0])
        self.margin[i] = smooth(self.margin[i], now, days, self.rules[i].income_memory)

    # -- decisions -------------------------------------------------------------------------------------------

    def _reconsider(self, i: int, indexed: Ints, own: int, days: float) -> None:
        """Whether to forge, and which cut to take, from now on."""
        network, rules = self.network, self.rules[i]
        if rules.forges and days > 0:
            saved = float(self._subgraph_costs(i)[indexed].sum()) * days
            lost, _, _ = network.protocol.slashing.slashed(
                network.stakes.own[i]["tokens"],
                network.stakes.pools[i]["tokens"],
                network.stakes.snapshot(i),
            )
            reward, slashed = network.accounts.usd(own), network.accounts.usd(lost)
            people = network.rules.fishermen
            caught = detection_probability(len(indexed), people.checked * people.power)
            if reward + slashed > 0:
                self.forging[i] = caught < min_check_probability(saved, reward, slashed)
        if rules.kept_step:
            self._move_cut(i, ppm(rules.kept_step))

    def _move_cut(self, i: int, step: int) -> None:
        """Keep less while others pay delegators more and delegation is wanted, more while some idles."""
        network = self.network
        weights = self.delegated
        _, idle = network.stakes.capacity(i)
        if idle > 0:
            self.keep(i, self.kept[i] + step)
        elif weights.sum() > 0 and self.scores[i] < SAME * float(self.scores @ weights / weights.sum()):
            self.keep(i, self.kept[i] - step)

    def keep(self, i: int, share_ppm: int) -> None:
        """Set what an indexer keeps of rewards; more of it after the protocol's notice."""
        network = self.network
        share_ppm = min(max(share_ppm, 0), 10**6)
        self.announced[i] = share_ppm
        notice = network.chain.blocks(network.protocol.cut_notice)
        if share_ppm <= self.kept[i] or not notice:
            self.kept[i] = share_ppm
            return

        def take_effect() -> None:
            if self.announced[i] == share_ppm:
                self.kept[i] = share_ppm

        network.world.calendar.at(
            network.chain.time(network.chain.block + notice), Phase.REGIMES, take_effect
        )

    def _look_around(self) -> None:
        """What everybody's stake can earn today, and what of it delegators get."""
        network, rows = self.network, np.flatnonzero(self.active)
        own, delegated = network.stakes.active_grt(rows)
        self.rate[:] = self.scores[:] = self.delegated[:] = 0.0
        self.delegated[rows] = delegated
        capacity = allocation_capacity(own, 0.0, delegated, network.protocol.delegation_ratio)
        self.rate[rows] = self.per_token[rows] * capacity.available
        some, kept = own + delegated > 0, np.maximum(self.kept, self.announced) / 1e6
        rows = rows[some]
        yearly = self.rate[rows] * DAYS_PER_YEAR
        self.scores[rows] = (
            delegation_score(yearly, kept[rows], own[some], delegated[some]) if len(rows) else 0
        )

    # -- entry and exit --------------------------------------------------------------------------------------

    def _consider(self, i: int, luck: float) -> None:
        rules, known = self.rules[i], self.margin[self.active & ~np.isnan(self.margin)]
        gain = float(known.mean()) - rules.entry_threshold if len(known) else 0.0
        if gain > 0 and luck < probability([rules.entry_speed * gain], rules.review)[0]:
            self.enter(i, self.stake[i])

    def enter(self, i: int, tokens: float) -> bool:
        """Buy a stake and allocate it; False where the money did not buy the minimum."""
        if self.begin(i, tokens):
            self.allocate(i)
        return bool(self.active[i])

    def stake_usd(self, tokens: float) -> float:
        """Simulated USD that who enters brings for a stake."""
        return ENTRY_PREMIUM * tokens * self.network.token.price / self.network.world.scale

    def begin(self, i: int, tokens: float) -> bool:
        """Buy a stake; False where the money did not buy the minimum."""
        network, accounts, wallet = self.network, self.network.accounts, self.wallets[i]
        accounts.buy(round(self.stake_usd(tokens) * MICRO), self.owners[i], wallet)
        if accounts.wei[wallet] < wei(network.protocol.minimum_stake):
            self.sell(i)
            return False
        self._stake(i)
        self.margin[i] = math.nan
        self.kept[i] = self.announced[i] = ppm(self.rules[i].kept)
        self.per_token[i] = self._mean_per_token()
        return True

    def leave(self, i: int, then: Callable[[], None] | None = None) -> None:
        """Collect fees, close everything and let the stake thaw; it is sold when it is free."""
        network = self.network
        network.payments.collect(i)
        network.allocations.close(i)
        self.active[i] = self.up[i] = self.forging[i] = False
        self.leaving[i], self.rate[i], self.scores[i] = True, 0.0, 0.0

        def sell() -> None:
            self.sell(i)
            self.leaving[i] = False
            if then:
                then()

        own = network.stakes.own[i]
        network.stakes.thaw(i, own["tokens"] - own["thawing"], self.wallets[i], sell)
