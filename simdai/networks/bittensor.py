"""Bittensor: subnets that compete for the emission of TAO, and miners who compete inside each of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import model_validator

from simdai.economy.actors import Network, World
from simdai.economy.token_market import Token
from simdai.errors import Problem
from simdai.networks.bittensor_emission import Emission
from simdai.networks.bittensor_genesis import places
from simdai.networks.bittensor_network import BittensorNetwork
from simdai.networks.bittensor_pools import NoPool, PoolShape
from simdai.networks.bittensor_population import (
    Founders,
    MinerBehaviour,
    Stakers,
    SubnetGroup,
    SubnetType,
    Validators,
)
from simdai.networks.bittensor_rules import RAO, Consensus, Places, UidPrice
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Name, PositiveCount, PositiveDays, Tokens

__all__ = ["Bittensor"]

WHOLE = 1e-9  # a sum of shares may miss one by this much


class Bittensor(Network, kind="bittensor"):
    """The Bittensor network.

    Parameters
    ----------
    token : TAO
    step : days in which stakes, weights and UIDs stay as they are: people act at its end, trades and epochs
        are settled then. A tempo is the finest step
    blocks_per_day : of the chain
    uids : of a subnet, those of its owner and of every validator included
    emission : what blocks create, and for whom
    consensus : hyperparameters of subnets that have none of their own, by date
    pool : shape of the pools, by date
    uid_price : what registering a UID costs, by date
    first_uid_price : TAO, at the start
    places : how many subnets there may be
    last_lock : TAO that the last subnet paid before the start
    root_stake : TAO staked on root at the start
    launch_pool : TAO and alpha in every pool when alpha begins
    types : of subnets, by name
    subnets : groups of subnets by name
    miners : how miners live
    validators, stakers : groups by name
    founders : of new subnets; none without
    """

    emits: ClassVar[bool] = True
    functions: ClassVar[Mapping[str, str]] = {
        "blocks": "the nodes that author blocks: nothing on the chain moves without",
        "root": "the key that lets new subnets earn, and upgrades the chain",
    }

    token: Token
    step: PositiveDays
    blocks_per_day: PositiveCount
    uids: PositiveCount
    emission: Emission
    consensus: Regimes[Consensus]
    pool: Regimes[PoolShape]
    uid_price: Regimes[UidPrice]
    first_uid_price: Tokens
    places: Places
    last_lock: Tokens
    root_stake: Tokens
    launch_pool: Tokens
    types: FrozenMapping[Name, SubnetType]
    subnets: FrozenMapping[Name, SubnetGroup]
    miners: MinerBehaviour
    validators: FrozenMapping[Name, Validators]
    stakers: FrozenMapping[Name, Stakers]
    founders: Founders | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.token.decimals != 9:
            raise ValueError(f"token.decimals = {self.token.decimals}: TAO has 9")
        voters = sum(group.count for group in self.validators.values())
        if self.uids < voters + 2:
            raise ValueError(f"uids = {self.uids}: owner, {voters} validators and a miner need more")
        for name, groups, shares in (
            ("validators.*.stake", self.validators, [group.stake for group in self.validators.values()]),
            ("stakers.*.wealth", self.stakers, [group.wealth for group in self.stakers.values()]),
        ):
            if not groups or abs(sum(shares) - 1.0) > WHOLE:
                raise ValueError(f"{name} sum to {sum(shares):g}; the shares of all groups must sum to 1")
        used = [group.type for group in self.subnets.values()] + (
            [self.founders.type] if self.founders else []
        )
        if missing := sorted(set(used) - set(self.types)):
            raise ValueError(f"types: {', '.join(missing)} is named by a group of subnets and not given")
        count = sum(group.count for group in self.subnets.values())
        if not 0 < count <= self.places.limit:
            raise ValueError(f"subnets: {count}, but places.limit allows 1 to {self.places.limit}")
        if any(isinstance(shape, NoPool) for shape in self.pool.rules[1:]):
            raise ValueError("pool: alpha does not end; the kind 'none' can only be the first")
        blocks = self.step * self.blocks_per_day
        for rule in (*self.consensus.rules, *(t.consensus for t in self.types.values() if t.consensus)):
            if abs(blocks / rule.tempo - round(blocks / rule.tempo)) > WHOLE or blocks < rule.tempo - WHOLE:
                raise ValueError(
                    f"step of {blocks:g} blocks: must be a whole number of tempos of {rule.tempo} blocks"
                )
        return self

    def _tao_problem(self, start: datetime.date) -> Iterator[Problem]:
        token = self.token
        idle = sum(group.wealth * group.idle for group in self.stakers.values()) * self.root_stake
        pools = sum(
            self.types[group.type].alpha_in_pool * group.price * size
            for _, group, size in places(self.subnets)
        )
        needed = self.root_stake + idle + (0.0 if isinstance(self.pool.at(start), NoPool) else pools)
        pooled = token.market.open(token.price, token.decimals, 1.0).reserves[0] / RAO
        public = token.supply * (1.0 - token.traders_share - token.treasury_share) - pooled
        if needed > public:
            found = f"{needed:,.0f} TAO on root, idle and in pools"
            yield Problem(path="root_stake", found=found, allowed=f"what the public holds, {public:,.0f}")

    def check(self, scenario: Any) -> Iterator[Problem]:
        others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
        if any(other and other.symbol == self.token.symbol for other in others):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")
        if scenario.scale != round(scenario.scale):
            found = f"scale {scenario.scale:g} of the scenario"
            yield Problem(path="", found=found, allowed="a whole number: Bittensor counts whole rao")
        yield from self._tao_problem(scenario.start)

    def build(self, world: World, name: str) -> BittensorNetwork:
        return BittensorNetwork(self, world, name)
