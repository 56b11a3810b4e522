"""Places of subnets: who takes one, which subnet gives way, and what its holders get."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from simdai.economy.ledger import WORLD
from simdai.mechanisms.dtao import removal_payout, subnet_lock_cost, subnet_seed, subnet_to_prune
from simdai.networks.bittensor_chain import FAR_FUTURE
from simdai.networks.bittensor_genesis import occupy, open_pool
from simdai.networks.bittensor_rules import RAO
from simdai.networks.bittensor_subnet import OWNERS, Subnet

if TYPE_CHECKING:
    from simdai.networks.bittensor_network import BittensorNetwork

__all__ = ["FoundersAtWork", "remove_subnet"]

MICRO = 10**6
SLIPPAGE = 0.05  # that a founder allows for when it buys the TAO for a place


class FoundersAtWork:
    """People who consider founding a subnet, and what a place costs them."""

    def __init__(self, network: BittensorNetwork) -> None:
        assert network.rules.founders is not None
        self.network, self.rules, self.places = network, network.rules.founders, network.rules.places
        self.last_lock = round(network.rules.last_lock * RAO)
        # The last registration lies one interval before the start: the price is what it was then.
        self._shift = self.places.lock_interval + 1
        self.last_block = 1
        self.registered = self.removed = 0
        """Subnets since the start."""
        self._chance = network.world.entity("founders", network.name, "chance")
        self._domain = network.world.entity("founders", network.name, "domain")

    @property
    def _now(self) -> int:
        return self.network.chain.block + self._shift

    @property
    def lock_cost(self) -> int:
        """Rao of TAO that a place costs now."""
        places = self.places
        min_lock = round(places.min_lock * RAO)
        return subnet_lock_cost(self.last_lock, self.last_block, self._now, min_lock, places.lock_interval)

    def consider(self, n: int) -> None:
        """At the end of step ``n`` somebody may found a subnet."""
        network, rules = self.network, self.rules
        draw = float(self._chance.uniforms([0], n)[0])
        if draw >= -math.expm1(-rules.chances * network.rules.step) or not network.chain.has_alpha:
            return
        if self._now - self.last_block < self.places.rate_limit:
            return
        lock = self.lock_cost
        income = np.median(network.owner_income[network.chain.alive])
        if income * rules.payback <= lock / RAO * network.token.price:
            return
        slot = self._place()
        if slot is not None and self._pay(lock):
            self.found(n, slot, lock)

    def _place(self) -> int | None:
        """A free slot, or that of the subnet that gives way."""
        chain = self.network.chain
        free = np.flatnonzero(~chain.alive)
        if len(free):
            return int(free[0])
        slots = chain.slots
        pruned = subnet_to_prune(
            chain.price_ema[slots].tolist(),
            chain.registered[slots].tolist(),
            chain.block,
            self.places.immunity,
        )
        return None if pruned is None else int(slots[pruned])

    def _pay(self, lock: int) -> bool:
        """Bring the USD for the lock and buy its TAO; what is not needed is sold with the owners' TAO."""
        network, role = self.network, self.network.roles[OWNERS]
        usd = lock / RAO * network.token.price / network.world.scale * (1.0 + SLIPPAGE)
        amount = int(usd * MICRO) + 1
        network.world.ledger.transfer(amount, "USD", WORLD, role.account)
        network.books.buy_for_purse(OWNERS, amount, role.account)
        return bool(network.books.purse[OWNERS] >= lock)

    def found(self, n: int, slot: int, lock: int) -> None:
        """A subnet takes the slot; the lock, which the owners' purse holds, becomes its pool."""
        network, chain = self.network, self.network.chain
        if chain.alive[slot]:
            remove_subnet(network, slot)
            self.removed += 1
        prices = chain.prices[chain.alive]
        tao, alpha = subnet_seed(
            lock, round(self.places.min_lock * RAO), float(np.median(prices)) if len(prices) else 1.0
        )
        name, domain = f"subnet_{chain.netuid.max() + 1}", self._domain_of(n)
        occupy(network, slot, name, network.rules.types[self.rules.type], domain, chain.block)
        chain.started[slot] += round(self.places.start_delay * network.rules.blocks_per_day)
        chain.enabled[slot] = self._enabled_from
        network.books.purse[OWNERS] -= tao
        open_pool(network, slot, alpha, tao, tao / alpha)
        network.subnets[name] = Subnet(network, name, slot, domain)
        network.portfolios.settle(slot)
        self.last_lock, self.last_block = lock, self._now
        self.registered += 1

    @property
    def _enabled_from(self) -> int:
        """Block from which a subnet founded now earns: as soon as the holder of the root key lets it."""
        after, root = self.places.enabled_after, self.network.foundation["root"]
        if after is None or not root:
            return FAR_FUTURE
        return self.network.chain.block + round(after * self.network.rules.blocks_per_day)

    def enable(self, runs: bool) -> None:
        """Somebody holds the root key again, or nobody does: subnets that wait for it go on waiting."""
        chain = self.network.chain
        chain.enabled[chain.alive & (chain.enabled > chain.block)] = self._enabled_from

    def _domain_of(self, n: int) -> str:
        """What the subnet that is founded at the end of step ``n`` works on."""
        domains, weights = list(self.rules.domains), np.array(list(self.rules.domains.values()))
        draw = float(self._domain.uniforms([0], n)[0])
        chosen = int(np.searchsorted(np.cumsum(weights) / weights.sum(), draw, side="right"))
        return domains[min(chosen, len(domains) - 1)]


def remove_subnet(network: BittensorNetwork, slot: int) -> None:
    """A subnet loses its place: its pool's TAO goes to holders of its alpha; the chain recycles its part."""
    chain, purse = network.chain, network.books.purse
    pool = chain.pool(slot)
    keys = [chain.alpha[slot], chain.stake[slot], chain.estate[slot]]
    single = [int(chain.owner[slot]), int(chain.authors[slot])]
    holders = [*np.concatenate(keys).tolist(), *single]
    payout = removal_payout(pool.tao, holders, pool.alpha + int(chain.protocol[slot]))
    paid = np.array(payout.holders, dtype=np.int64)
    to_holders, to_uids, to_estate, rest = np.split(paid, np.cumsum([len(key) for key in keys]))
    first = network.portfolios.first
    chain.root[:first] += to_holders[:first]
    chain.wallet[first:] += to_holders[first:]
    np.add.at(purse, chain.keeper[slot], to_uids)
    purse += to_estate
    purse[network.owner_roles[slot]] += rest[0]
    chain.author_tao += int(rest[1])
    chain.issuance -= payout.protocol + (pool.tao if not paid.sum() + payout.protocol else 0)
    for held in (chain.alpha, chain.stake, chain.estate):
        held[slot] = 0
    for amount in (chain.owner, chain.authors, chain.protocol, chain.burned, chain.alpha_issued):
        amount[slot] = 0
    for average in (chain.price_ema, chain.user_flow, chain.protocol_flow, chain.miner_burned):
        average[slot] = 0.0
    chain.flow_in[slot], chain.protocol_in[slot] = 0, 0
    chain.pending.clear(slot)
    chain.pools[slot] = None
    network.books.close(slot)
    chain.alive[slot], chain.names[slot] = False, ""
