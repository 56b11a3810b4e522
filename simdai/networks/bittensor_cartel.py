"""Validators who do not evaluate: those who copy the consensus, and those who vote for themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.attacks import Sums
from simdai.economy.ledger import WORLD
from simdai.mechanisms.subnet_stake import stake_weight
from simdai.networks.bittensor_attacks import SubnetAttack, SubnetAttackActor, of_quality
from simdai.networks.bittensor_population import Validators
from simdai.networks.bittensor_rules import RAO
from simdai.units import NonNegative, PositiveCount, Share, UsdPerDay

__all__ = ["ValidatorCartel", "WeightCopying"]

Floats: TypeAlias = NDArray[np.float64]


class WeightCopying(SubnetAttack, kind="weight_copying"):
    """Validators stop to evaluate the miners of all subnets and submit the public consensus.

    They save the cost of evaluation, and may be paid better than those whose work they use: their votes have
    less noise. Where weights are hidden until they are revealed, what they copy is old.

    Outcomes, since the attack began: ``saved_usd``, evaluation they did not do; ``excess_usd``, dividends
    beyond those of honest stake; ``relative_yield``, dividends per stake weight over those of honest
    validators, on the subnet named; ``profit_usd`` is the sum of the first two.

    Parameters
    ----------
    share : of the stake on the subnet whose validators begin to copy, the largest first as far as it goes
    """

    share: Share

    def build(self, world: World, name: str) -> CopyingActor:
        return CopyingActor(self, world, name)


class CopyingActor(SubnetAttackActor):
    """Copiers on the clock."""

    rules: WeightCopying

    def __init__(self, rules: WeightCopying, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.copiers: list[int] = []
        self.saved = 0.0
        self.got = np.zeros(2)
        """USD of dividends of copiers and of the others."""
        self.weight = np.zeros(2)
        """Their stake weights, summed over steps."""

    def start(self) -> None:
        super().start()
        self.report("saved_usd", "USD", lambda: self.saved)
        self.report("excess_usd", "USD", lambda: self.excess)
        self.report("relative_yield", "1", lambda: self.relative_yield)

    def begin(self) -> Callable[[], None]:
        people = self.network.electorate.people
        chain, weigh = self.network.chain, self.network.payday.rules(self.slot).tao_weight
        weight = stake_weight(chain.alpha_of_validators()[self.slot], chain.root_of_validators(), weigh)
        total, taken = float(weight.sum()), 0.0
        for v in np.argsort(-weight, kind="stable").tolist():
            if people[v].strategy == "honest" and taken + weight[v] <= self.rules.share * total * (
                1.0 + 1e-9
            ):
                taken += float(weight[v])
                self.copiers.append(v)
                people[v].strategy = "copy"

        def honest_again() -> None:
            for v in self.copiers:
                people[v].strategy = "honest"

        return honest_again

    def act(self, n: int) -> None:
        network, wages = self.network, self.network.last
        copies = np.zeros(network.chain.validators, dtype=np.bool_)
        copies[self.copiers] = True
        paid = (wages.take + wages.rest)[self.slot] * self.usd_per_rao
        chain, weigh = network.chain, network.payday.rules(self.slot).tao_weight
        weight = stake_weight(chain.alpha_of_validators()[self.slot], chain.root_of_validators(), weigh)
        self.got += [paid[copies].sum(), paid[~copies].sum()]
        self.weight += [weight[copies].sum(), weight[~copies].sum()]
        runs = network.electorate.runs[network.chain.slots][:, self.copiers]
        costs = network.electorate.cost[self.copiers]
        self.saved += float((runs * costs).sum()) * network.rules.step

    @property
    def excess(self) -> float:
        """USD of dividends beyond what honest stake of the same weight got."""
        if not self.weight[1]:
            return 0.0
        return float(self.got[0] - self.got[1] / self.weight[1] * self.weight[0])

    @property
    def relative_yield(self) -> float:
        """Dividends of copiers per stake weight over those of the others; nan before anybody copied."""
        if not self.weight.all() or not self.got[1]:
            return math.nan
        return float(self.got[0] / self.weight[0] / (self.got[1] / self.weight[1]))

    @property
    def sums(self) -> Sums:
        return 0.0, (self.saved + self.excess) / self.world.scale


class ValidatorCartel(SubnetAttack, kind="validator_cartel"):
    """Somebody buys a share of the stake on a subnet and votes for its own miners.

    It buys from holders, at the pool's price and outside the pool, alpha first and then TAO on root, and pays
    for its miners' UIDs. Dividends and incentive are sold as they come.

    Outcomes, since the attack began: ``captured_share``, of all incentive and dividends of the subnet;
    ``stake_share`` reached; ``taken_usd``, incentive that honest miners lost, to the cartel's miners or,
    where nobody's votes reach kappa, to all validators.

    Parameters
    ----------
    share : of the stake weight on the subnet
    miners : UIDs that it votes for
    skill : quality that they deliver; 0 is nothing
    cost : USD a day of each
    cover : part of its weights that it gives on merit
    """

    share: Share
    miners: PositiveCount
    skill: NonNegative = 0.0
    cost: UsdPerDay = 0.0
    cover: Share = 0.0

    def build(self, world: World, name: str) -> CartelActor:
        return CartelActor(self, world, name)


class CartelActor(SubnetAttackActor):
    """A cartel on the clock: one validator, and some miners."""

    rules: ValidatorCartel

    def __init__(self, rules: ValidatorCartel, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        key = Validators(
            count=1,
            stake=0.0,
            own=1.0,
            noise=0.0,
            memory=0.0,
            every=1.0,
            cost=0.0,
            take=1.0,
            child_take=0.0,
            sold=1.0,
        )
        self.validator: int = self.network.enlist(self.account, key, self.vote, self.role)
        self.taken = self.captured = self.paid = 0.0
        """USD since the attack began: lost to miners, all that the cartel got, all that was paid."""

    def start(self) -> None:
        super().start()
        self.report("captured_share", "1", lambda: self.captured / self.paid if self.paid else 0.0)
        self.report("taken_usd", "USD", lambda: self.taken)
        self.report("stake_share", "1", lambda: self.stake_share)

    def begin(self) -> Callable[[], None]:
        self._buy_stake()

        def sell_stake() -> None:
            chain, v = self.network.chain, self.validator
            chain.estate[self.slot, self.role] += chain.alpha[self.slot, v]
            chain.alpha[self.slot, v] = 0
            self.network.books.purse[self.role] += chain.root[v]
            chain.root[v] = 0

        return sell_stake

    def _buy_stake(self) -> None:
        """Buy from all holders alike, for USD that leaves the model with them."""
        network, chain, v, slot = self.network, self.network.chain, self.validator, self.slot
        tao_weight = network.payday.rules(slot).tao_weight
        alpha, root = chain.alpha[slot].copy(), chain.root.copy()
        alpha[v] = root[v] = 0
        staked = int(chain.alpha_of_validators()[slot].sum())
        wanted = self.rules.share * (staked + tao_weight * int(chain.root.sum()))
        part = min(wanted / max(int(alpha.sum()), 1), 1.0)
        on_root = (
            max(wanted - float(alpha.sum()), 0.0) / (tao_weight * max(int(root.sum()), 1))
            if tao_weight
            else 0.0
        )
        sold, unstaked = (
            np.floor(alpha * part).astype(np.int64),
            np.floor(root * min(on_root, 1.0)).astype(np.int64),
        )
        chain.alpha[slot] -= sold
        chain.root -= unstaked
        chain.alpha[slot, v] += sold.sum()
        chain.root[v] += unstaked.sum()
        usd = int(sold.sum()) * self.usd_per_rao + int(unstaked.sum()) / RAO * network.token.price
        amount = self.bring(usd / self.world.scale)
        self.world.ledger.transfer(amount, "USD", self.account, WORLD)

    @property
    def stake_share(self) -> float:
        """Share of stake weight in the last epoch."""
        weight = self.network.payday.weight[self.slot]
        return float(weight[self.validator] / weight.sum()) if weight.any() else 0.0

    def vote(self, slot: int) -> Floats | None:
        """All weight on its own miners, but for what it gives on merit."""
        if slot != self.slot or self.world.env.now < self.strikes_at:
            return None
        out = np.zeros(self.network.chain.occupied.shape[1])
        quality, own = self.network.miners.quality[slot], self.miners()
        if self.rules.cover and quality.any():
            out[self.network.miners.first :] = self.rules.cover * quality / quality.sum()
        if len(own):
            out[self.network.miners.first + own] += (1.0 - self.rules.cover) / len(own)
        return out if out.any() else None

    def act(self, n: int) -> None:
        for _ in range(self.rules.miners - len(self.miners())):
            self.register_miner(of_quality(self.rules.skill))
        self.pay(self.rules.cost * self.rules.miners)
        wages, slot, network = self.network.last, self.slot, self.network
        own = network.chain.keeper[slot, network.miners.first :] == self.role
        incentive = float(wages.miners[slot][own].sum())
        dividends = float((wages.take + wages.rest)[slot, self.validator])
        all_miners, to_validators = wages.miners[slot].sum(), (wages.take + wages.rest)[slot].sum()
        # Where no miner has any weight in the consensus, validators get the miners' half too.
        lost = incentive if all_miners or wages.withheld[slot] else float(to_validators) / 2.0
        self.taken += lost * self.usd_per_rao
        self.captured += (incentive + dividends) * self.usd_per_rao
        self.paid += float(all_miners + wages.withheld[slot] + to_validators) * self.usd_per_rao

    @property
    def holdings_usd(self) -> float:
        chain, v = self.network.chain, self.validator
        held = int(chain.alpha[self.slot, v] + chain.estate[self.slot, self.role]) * self.usd_per_rao
        tao = int(chain.root[v] + self.network.books.purse[self.role])
        return float(held + tao / RAO * self.network.token.price)
