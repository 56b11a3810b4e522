"""The state of Bittensor's chain at the start of a scenario, and when alpha begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.engine.streams import stable_key
from simdai.mechanisms.rounding import largest_remainder
from simdai.networks.bittensor_chain import FAR_FUTURE, OWNER
from simdai.networks.bittensor_pools import NoPool
from simdai.networks.bittensor_population import SubnetGroup, SubnetType
from simdai.networks.bittensor_rules import RAO

if TYPE_CHECKING:
    from simdai.networks.bittensor_network import BittensorNetwork

__all__ = ["genesis", "occupy", "open_pool", "places"]

Floats: TypeAlias = NDArray[np.float64]


def even_sizes(count: int, spread: float) -> Floats:
    """Sizes spread evenly over a lognormal law: its quantiles at (i + 1/2) / n, largest first."""
    return np.asarray(np.exp(spread * ndtri((np.arange(count) + 0.5) / count))[::-1])


def places(groups: Mapping[str, SubnetGroup]) -> Iterator[tuple[str, SubnetGroup, float]]:
    """Name, group and size beside the group's median of every subnet at the start."""
    for name, group in groups.items():
        for i, size in enumerate(even_sizes(group.count, group.spread).tolist()):
            yield (name if group.count == 1 else f"{name}_{i + 1}"), group, size


def genesis(network: BittensorNetwork) -> None:
    """Fill the slots with the scenario's subnets, and put TAO and alpha where the scenario says."""
    rules, chain = network.rules, network.chain
    holders = _sizes_of_holders(network)
    idle = np.zeros(len(chain.root))
    for place, who in enumerate(network.portfolios.people, network.portfolios.first):
        idle[place] = who.rules.idle
    for slot, (name, group, size) in enumerate(places(rules.subnets)):
        terms = rules.types[group.type]
        occupy(network, slot, name, terms, group.domain, -round(terms.age * rules.blocks_per_day))
        if not isinstance(network.pool_shape, NoPool):
            chain.user_flow[slot] = group.flow * size / rules.blocks_per_day
            _fill(network, slot, terms, group.price * size, holders)
    chain.root[:] = largest_remainder(round(rules.root_stake * RAO), holders)
    chain.wallet[:] = np.floor(idle * chain.root).astype(np.int64)


def occupy(
    network: BittensorNetwork, slot: int, name: str, terms: SubnetType, domain: str, registered: int
) -> None:
    """Give a slot to a subnet: names, dates, owner, an electorate and miners, but no pool.

    Parameters
    ----------
    registered : block
    """
    chain = network.chain
    chain.names[slot], chain.types[slot], chain.domains[slot] = name, terms, domain
    chain.alive[slot] = True
    chain.netuid[slot] = network.next_netuid()
    chain.registered[slot] = chain.started[slot] = registered
    chain.enabled[slot] = registered if terms.enabled else FAR_FUTURE
    chain.withheld[slot], chain.favoured[slot] = terms.withheld, OWNER
    chain.uid_price[slot] = round(network.rules.first_uid_price * RAO)
    chain.uid_block[slot], chain.uid_registrations[slot] = chain.block, 0
    chain.occupied[slot] = False
    chain.occupied[slot, : chain.validators + 1] = True
    chain.registered_at[slot] = registered
    chain.stake[slot], chain.earned[slot], chain.keeper[slot] = 0, 0, 0
    key = stable_key("subnet", network.name, name)
    chain.owner_delegate[slot] = int(key % network.residents)
    network.electorate.settle(slot)
    network.miners.settle(slot, key, terms)
    network.payday.settle(slot)


def open_pool(network: BittensorNetwork, slot: int, alpha: int, tao: int, price: float) -> None:
    """Give a subnet its pool; the alpha is new, the TAO the caller's."""
    network.chain.pools[slot] = network.pool_shape.open(alpha, tao, price)
    network.chain.alpha_issued[slot] += alpha


def _fill(network: BittensorNetwork, slot: int, terms: SubnetType, price: float, holders: Floats) -> None:
    """A pool at a price, and alpha outside in the hands of owner and holders."""
    chain, alpha = network.chain, round(terms.alpha_in_pool * RAO)
    open_pool(network, slot, alpha, round(alpha * price), price)
    chain.price_ema[slot] = min(chain.pool(slot).price, network.rules.emission.ema.spot_cap)
    outside = round(terms.alpha * RAO)
    chain.owner[slot] = int(outside * terms.owner_held)
    chain.alpha[slot] = largest_remainder(outside - int(chain.owner[slot]), holders)
    chain.alpha_issued[slot] += outside


def _sizes_of_holders(network: BittensorNetwork) -> Floats:
    """Share of all stake that each holder has at the start, and with whom it stakes.

    Validators own a part of what is staked with them; stakers' wealth fills the rest, each with the validator
    that has most left to fill.
    """
    rules, chain = network.rules, network.chain
    shares = np.zeros(len(chain.root))
    room = np.zeros(chain.validators)
    place = 0
    for group in rules.validators.values():
        sizes = even_sizes(group.count, group.spread)
        staked = group.stake * sizes / sizes.sum()
        shares[place : place + group.count] = staked * group.own
        room[place : place + group.count] = staked * (1.0 - group.own)
        place += group.count
    others = room.sum()
    place = network.portfolios.first
    wealth = []
    for stakers in rules.stakers.values():
        sizes = even_sizes(stakers.count, stakers.spread)
        wealth.append(stakers.wealth * sizes / sizes.sum())
    for i, share in enumerate(np.concatenate(wealth)):
        validator = int(room.argmax())
        shares[place + i] = share * others
        chain.delegate[place + i] = validator
        room[validator] -= share * others
    return np.asarray(shares / shares.sum())
