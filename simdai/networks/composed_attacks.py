"""Attacks on the rewards of a composed network: work bought from oneself, providers that do not exist."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol

import numpy as np

from simdai.economy.actors import World, absent
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.mechanisms.fake_supply import identity_profit
from simdai.mechanisms.reward import EpochWork
from simdai.units import Count, Name, NonNegative, Share, Usd

__all__ = ["Claimant", "PhantomProviders", "SelfDealing"]

MICRO = 10**6
HOURS = 24.0
TRIALS = 13  # sizes of purchase that a self-dealer compares, over four orders of magnitude, and again nearby


class Claimant(Protocol):
    """Somebody who claims a share of an epoch's rewards without serving customers."""

    account: str

    def claim(self, honest: EpochWork, pool: int, days: float) -> EpochWork:
        """What is claimed, one row, to be rewarded with the honest rows; what it costs is paid here.

        Parameters
        ----------
        honest : work of the epoch; pool : base units for rewards; days : of the epoch
        """

    def receive(self, amount: int, source: str) -> None:
        """Take ``amount`` base units of reward out of the account ``source``."""


class SelfDealing(Attack, kind="self_dealing"):
    """A provider buys its own work to collect rewards, as much as pays best under the rule in force.

    What the network keeps of the payment is lost; the rest comes back to the buyer, as its own provider, in
    USD or in credit. The jobs need no GPU time. The attacker knows the epoch's other work and the price.

    Parameters
    ----------
    budget : most USD of its own work that it buys in an epoch
    captured : share of the work that is assigned to its own devices; of the rest nothing comes back
    """

    against: ClassVar[tuple[str, ...]] = ("composed",)

    budget: Usd
    captured: Share = 1.0

    def build(self, world: World, name: str) -> SelfDealer:
        return SelfDealer(self, world, name)


class Claiming(AttackActor):
    """An attacker whom the network rewards; also reports ``reward_usd``, at the price before its sale."""

    def __init__(self, rules: Any, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.token = self.network.token
        world.ledger.open(self.account, self.token.asset)
        self.reward_usd = 0.0

    def start(self) -> None:
        super().start()
        self.measure("reward_usd", "USD", (0.0, 0.0, 1.0))

    @property
    def sums(self) -> Sums:
        return self.spent, self.earned, self.reward_usd

    def strike(self) -> Callable[[], None]:
        self.network.claimants.append(self)
        return lambda: self.network.claimants.remove(self)

    def receive(self, amount: int, source: str) -> None:
        """Take a reward and sell it at once."""
        self.world.ledger.transfer(amount, self.token.asset, source, self.account)
        self.reward_usd += amount / self.token.units_per_usd
        self.token.sell(amount, self.account, self.account)
        self.take_home()


class SelfDealer(Claiming):
    """The attacker on the clock; ``volume_usd`` is the work it bought from itself."""

    rules: SelfDealing

    def __init__(self, rules: SelfDealing, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.volume = 0.0

    def start(self) -> None:
        super().start()
        self.measure("volume_usd", "USD", (0.0, 0.0, 0.0, 1.0))

    @property
    def sums(self) -> Sums:
        return *super().sums, self.volume

    def claim(self, honest: EpochWork, pool: int, days: float) -> EpochWork:
        network, budget = self.network, self.rules.budget / self.world.scale
        price = network.list_price(None)
        best = np.array([0.0])
        if math.isfinite(price) and price > 0:
            low, high = 1e-4 * budget, budget
            for _ in range(2):
                sizes = np.geomspace(low, high, TRIALS)
                profits = [self._profit(size, price, honest, pool) for size in sizes]
                n = int(np.argmax(profits))
                low, high = sizes[max(n - 1, 0)], sizes[min(n + 1, TRIALS - 1)]
            if profits[n] > 0:
                best = sizes[[n]]
        usd = self.bring(float(best[0]))
        taken = math.ceil(usd * network.pay.take_rate)
        self.world.ledger.transfer(taken, "USD", self.account, network.fees)
        lost = round((usd - taken) * (1.0 - self.rules.captured))
        self.world.ledger.transfer(lost, "USD", self.account, WORLD)
        self.take_home()
        self.volume += usd / MICRO
        return self._row(usd / MICRO, price)

    def _row(self, usd: float, price: float) -> EpochWork:
        kept = usd * self.rules.captured
        hours = kept / price if kept else 0.0
        one = np.ones(1)
        return EpochWork(hours * one, kept * one, hours * one, stake=0.0 * one, failures=0.0 * one)

    def _profit(self, usd: float, price: float, honest: EpochWork, pool: int) -> float:
        """USD that buying ``usd`` of its own work would bring, at the price in force."""
        network = self.network
        work = EpochWork.joined([honest, self._row(usd, price)])
        reward = int(network.reward.amounts(pool, work, self.token.units_per_usd)[-1])
        returned = network.pay.provider_share * self.rules.captured
        return float(reward / self.token.units_per_usd - usd * (1.0 - returned))


class PhantomProviders(Attack, kind="phantom_providers"):
    """Providers that do not exist claim to be online; audits find them, and their stake is taken.

    Parameters
    ----------
    poses_as : population whose hardware they claim to have
    identities : at once; those found are replaced the next day
    identity_cost : USD for each
    only_while_it_pays : set up no more when an identity is expected to lose money
    price_limit : they stop buying stake when the price is so many times what it was before
    """

    against: ClassVar[tuple[str, ...]] = ("composed",)

    poses_as: Name
    identities: Count
    identity_cost: Usd
    only_while_it_pays: bool = True
    price_limit: NonNegative = 2.0

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against:
            yield from absent("population", {"poses_as": self.poses_as}, network.providers)

    def build(self, world: World, name: str) -> Phantoms:
        return Phantoms(self, world, name)


class Phantoms(Claiming):
    """The attacker on the clock; ``found`` and ``set_up`` count real identities."""

    rules: PhantomProviders

    def __init__(self, rules: PhantomProviders, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.stake_account = f"{self.account}.stake"
        world.ledger.open(self.stake_account, self.token.asset)
        self._draws = world.entity("phantom.audit", self.account)
        self.alive = 0  # simulated identities
        self.online_days = 0.0  # of them, since the last claim
        self.found = self.set_up = 0
        self._claimed = 0.0  # days online of the last claim
        self.last_reward = math.nan  # USD a day of an identity in the last epoch
        self._active = False

    def start(self) -> None:
        super().start()
        self.measure("found", "count", (0.0, 0.0, 0.0, 1.0))
        self.measure("set_up", "count", (0.0, 0.0, 0.0, 0.0, 1.0))
        self.world.calendar.every(1.0, Phase.SUPPLY, self._day, first=1.0)

    @property
    def sums(self) -> Sums:
        return *super().sums, float(self.found), float(self.set_up)

    def strike(self) -> Callable[[], None]:
        undo, self._active = super().strike(), True

        def end() -> None:
            undo()
            self._active = False
            self._take_back_stake(0)

        return end

    @property
    def _population(self) -> Any:
        return self.network.populations[self.rules.poses_as]

    @property
    def _stake(self) -> int:
        """Base units that an identity must lock."""
        stake = self.network.rules.stake
        return stake.units(self._population.rules.gpus, self.token) if stake else 0

    def _expected(self) -> float:
        """USD that one more identity is expected to bring, at the last epoch's reward; at first, a hope."""
        stake = self.network.rules.stake
        chance = self.network.rules.audit_chance
        worth = self._stake / self.token.units_per_usd
        if chance == 0.0 or math.isnan(self.last_reward):
            return math.inf
        return identity_profit(
            self.last_reward, chance, 0, worth, stake.fraud if stake else 0.0, self.rules.identity_cost
        )

    def _day(self) -> None:
        if not self._active:
            return
        wanted = round(self.rules.identities / self.world.scale)
        day = round(self.world.env.now)
        caught = int(
            (
                self._draws.uniforms(np.arange(wanted), day)[: self.alive] < self.network.rules.audit_chance
            ).sum()
        )
        if caught:
            self._lose(caught)
        self.online_days += self.alive
        if self.rules.only_while_it_pays and self._expected() <= 0:
            return
        self._set_up(wanted - self.alive)

    def _lose(self, caught: int) -> None:
        """Audits find ``caught`` identities: a part of their stake is taken, the rest is sold."""
        ledger, asset = self.world.ledger, self.token.asset
        each = ledger.balance(asset, self.stake_account) // self.alive
        if self.network.stakes is not None:
            taken = math.floor(caught * each * self.network.rules.stake.fraud)
            self.network.stakes.confiscate(taken, self.stake_account)
        self.online_days -= caught * self.online_days / self.alive
        self.alive -= caught
        self.found += caught
        self._take_back_stake(each * self.alive)

    def _take_back_stake(self, left: int) -> None:
        """Sell what lies staked beyond ``left`` base units."""
        free = self.world.ledger.balance(self.token.asset, self.stake_account) - left
        self.token.sell(max(free, 0), self.stake_account, self.account)
        self.take_home()

    def _set_up(self, n: int) -> None:
        need = n * self._stake
        got, spent = self.token.acquire(need, WORLD, self.stake_account, self.rules.price_limit)
        self.spent += spent / MICRO
        n = n if got >= need else got // self._stake
        self.world.ledger.transfer(self.bring(n * self.rules.identity_cost), "USD", self.account, WORLD)
        self.alive += n
        self.set_up += n

    def claim(self, honest: EpochWork, pool: int, days: float) -> EpochWork:
        rules = self._population.rules
        hours = HOURS * self.online_days * rules.gpus * self._population.hardware.speed
        one = np.ones(1)
        stake = self.world.ledger.balance(self.token.asset, self.stake_account) / self.token.unit
        self._claimed, self.online_days = self.online_days, 0.0
        return EpochWork(0.0 * one, 0.0 * one, hours * one, stake=stake * one, failures=0.0 * one)

    def receive(self, amount: int, source: str) -> None:
        if source == self.network.rewards and self._claimed:
            self.last_reward = amount / self.token.units_per_usd / self._claimed
        super().receive(amount, source)
