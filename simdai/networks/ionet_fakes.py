"""Devices that do not exist: an attacker who stakes for them, and the checks that find them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World, absent
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.mechanisms.block_rewards import ionet_succeeds
from simdai.mechanisms.fake_supply import break_even_detection, hourly_detection, identity_profit
from simdai.mechanisms.provider_choice import whole_number
from simdai.networks.ionet_devices import Nomination
from simdai.units import Count, Name, PerDay, Share, Usd

__all__ = ["FakeSupply", "Fakes"]

MICRO = 10**6

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class FakeSupply(Attack, kind="fake_supply"):
    """An attacker registers devices that do not exist, and stakes for them.

    When the attack ends no more identities are set up; those not found go on.

    Parameters
    ----------
    poses_as : population whose device class the fakes claim to be
    identities_per_day : most that the attacker can set up
    most : identities alive at once
    identity_cost : USD for each
    detection : chance that an hour's check of identity and hardware finds a fake
    puzzle_detection : chance that the puzzle of an hour does, where the network asks for one
    only_while_it_pays : stop buying when an identity is expected to lose money
    """

    against: ClassVar[tuple[str, ...]] = ("ionet",)

    poses_as: Name
    identities_per_day: PerDay
    most: Count
    identity_cost: Usd
    detection: Share
    puzzle_detection: Share
    only_while_it_pays: bool = True

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against:
            yield from absent("population", {"poses_as": self.poses_as}, network.providers)

    def found_in_an_hour(self, nomination: Nomination) -> float:
        """Chance that one hour's checks find a fake."""
        # A fake that must solve the puzzle may fail it; without the puzzle nothing is asked of it.
        asked = nomination.proof_of_work and not ionet_succeeds(proof_of_work=False, time_lock=True)
        return hourly_detection(self.detection, self.puzzle_detection if asked else 0.0)

    def build(self, world: World, name: str) -> Fakes:
        return Fakes(self, world, name)


class Fakes(AttackActor):
    """The attacker on the clock.

    ``NETWORK.fake_supply`` holds USD and IO, ``NETWORK.fake_supply.stake`` the stakes. Each identity's hour
    of discovery is drawn when it is set up, from its own number. Fakes are never hired. Besides what every
    attack reports: ``count`` and ``set_up`` (identities), ``reward_usd``, ``honest_income_lost_usd`` and
    ``break_even_detection`` (chance of an hour's checks at which one more identity brings nothing).
    Proceeds include what selling all that is left of stakes and rewards would bring: what buying them did to
    the price is no gain.

    Attributes
    ----------
    earned_io : IO of block rewards since the last settlement
    displaced_io : the part of it that devices would have earned
    hours : hours in which they passed for active devices since then
    slashed : identities that were found and have lost their stake
    """

    rules: FakeSupply

    def __init__(self, rules: FakeSupply, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        network = self.network
        self.token, self.stakes = network.token, network.stakes
        self.uptime_hours = network.rules.nomination.green_hours
        self.detection = rules.found_in_an_hour(network.rules.nomination)
        self.stake_account = f"{self.account}.stake"
        world.ledger.open(self.account, self.token.asset)
        self._places = (
            world.ledger.open(self.stake_account, self.token.asset),
            world.ledger.open(f"{self.account}.co_stake", self.token.asset),
        )
        self._luck, self._entry = (
            world.entity(what, rules.network) for what in ("ionet.fake.found", "ionet.fake.entry")
        )
        self._born = np.zeros(0, dtype=np.int64)  # hour since the start
        self._found = np.zeros(0, dtype=np.int64)
        self._buying = False
        self.slashed = 0
        self.hour = 0  # whole hours since the start
        self._active: list[int] = []  # identities that passed for active, by hour since the last settlement
        self.earned_io = self.displaced_io = self.hours = self.paid_hours = 0.0
        self.reward_usd = self.displaced_usd = 0.0
        self._hourly_usd = math.nan  # what a device of the class earned of late
        network.fakes = self

    def start(self) -> None:
        super().start()
        self.measure("reward_usd", "USD", (0.0, 0.0, 1.0))
        self.measure("honest_income_lost_usd", "USD", (0.0, 0.0, 0.0, 1.0))
        recorder, scale = self.world.recorder, self.world.scale
        for register in (recorder.series, recorder.outcome):
            register(f"{self.account}.count", "count", lambda: scale * self.count)
            register(f"{self.account}.set_up", "count", lambda: scale * self.set_up)
            register(f"{self.account}.break_even_detection", "1", lambda: self.break_even_detection)

    @property
    def sums(self) -> Sums:
        return self.spent, self.earned + self._held_usd, self.reward_usd, self.displaced_usd

    @property
    def _held_usd(self) -> float:
        """USD that stakes and unsold rewards would bring."""
        ledger, asset = self.world.ledger, self.token.asset
        held = sum(ledger.balance(asset, account) for account in (self.account, self.stake_account))
        return float(self.token.worth(held))

    def strike(self) -> Callable[[], None]:
        self._buying = True

        def stop() -> None:
            self._buying = False

        return stop

    # -- hours -----------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Identities that have not been found."""
        return int((self._found > self.hour).sum())

    @property
    def set_up(self) -> int:
        """Identities ever set up."""
        return len(self._born)

    def pass_hours(self, span: int, stands_for: int) -> None:
        """``span`` hours of checks end: those not found that were nominated when the last one began earn.

        Parameters
        ----------
        stands_for : hours for which the last one stands; none when nobody looks
        """
        self.hour += span
        if not stands_for:
            return
        nominated = self.hour - self._born > self.uptime_hours
        active = int((nominated & (self._found > self.hour)).sum())
        self._active.append(active)
        self.hours += active * stands_for
        self.paid_hours += active * stands_for

    def earn(self, shares: Floats, contested: Bools) -> None:
        """Take (hours,) ``shares`` IO for each active fake; ``contested`` where devices shared the pool."""
        for active, share, shared in zip(self._active, shares.tolist(), contested.tolist(), strict=True):
            self.earned_io += active * share
            self.displaced_io += active * share if shared else 0.0

    @property
    def hours_active(self) -> Ints:
        """(hours,) identities that passed for active devices, since the last settlement."""
        return np.array(self._active, dtype=np.int64)

    def note(self, reward_usd: float, displaced_usd: float) -> None:
        """Count what a day's rewards were worth, and what of them devices would have earned."""
        self.reward_usd += reward_usd
        self.displaced_usd += displaced_usd

    # -- days ------------------------------------------------------------------------------------------------

    def punish(self) -> None:
        """The stake of those found since the last settlement is slashed."""
        found = int((self._found <= self.hour).sum()) - self.slashed
        if not found:
            return
        ledger, asset = self.world.ledger, self.token.asset
        # Each identity holds an equal part of the stake account.
        theirs = ledger.balance(asset, self.stake_account) * found // (self.set_up - self.slashed)
        taken = self.stakes.slash(self._places, self.stakes.rules.spoofing, most=theirs)
        ledger.transfer(theirs - taken, asset, self.stake_account, self.account)
        self.slashed += found

    @property
    def _at_stake(self) -> tuple[int, float, float, float]:
        """Hours of uptime, stake [USD], share of it that is slashed, and cost [USD] of an identity."""
        stake = self.stakes.need(self.rules.poses_as) / self.token.units_per_usd
        return self.uptime_hours, stake, self.stakes.rules.spoofing, self.rules.identity_cost

    @property
    def expected_profit(self) -> float:
        """USD that one more identity is expected to bring at the last rewards."""
        return identity_profit(self._hourly_usd, self.detection, *self._at_stake)

    @property
    def break_even_detection(self) -> float:
        """Chance of an hour's checks at which `expected_profit` would be zero."""
        known = not math.isnan(self._hourly_usd)
        return break_even_detection(self._hourly_usd, *self._at_stake) if known else math.nan

    def day(self, reward_usd: float) -> None:
        """Sell what was earned since the last day; set up more identities while that pays.

        Parameters
        ----------
        reward_usd : USD an hour that a device of the class has earned of late; nan when not known
        """
        self.earned_io = self.displaced_io = self.hours = 0.0
        self._active = []
        self.token.sell(self.world.ledger.balance(self.token.asset, self.account), self.account, self.account)
        self.take_home()
        self._hourly_usd = reward_usd
        if not self._buying or math.isnan(reward_usd):
            return
        if self.rules.only_while_it_pays and self.expected_profit <= 0.0:
            return
        scale = self.world.scale
        uniform = self._entry.uniform(0, round(self.world.env.now))
        wanted = whole_number(self.rules.identities_per_day / scale, uniform)
        self._set_up(min(wanted, max(int(self.rules.most / scale) - self.count, 0)))

    def _set_up(self, n: int) -> None:
        """Pay for ``n`` identities and buy their stake."""
        if n == 0:
            return
        ids = np.arange(self.set_up, self.set_up + n)
        uniforms = self._luck.uniforms(ids, 0)
        if self.detection <= 0.0:
            hours = np.full(n, 2**62)
        elif self.detection >= 1.0:
            hours = np.ones(n, dtype=np.int64)
        else:  # geometric on 1, 2, … by inversion
            hours = np.floor(np.log1p(-uniforms) / math.log1p(-self.detection)).astype(np.int64) + 1
        self._born = np.concatenate([self._born, np.full(n, self.hour)])
        self._found = np.concatenate([self._found, hours + self.hour])
        stake = n * self.stakes.need(self.rules.poses_as)
        _, spent = self.token.acquire(stake, WORLD, self.stake_account, self.stakes.rules.price_limit)
        setup = self.bring(n * self.rules.identity_cost)
        self.world.ledger.transfer(setup, "USD", self.account, WORLD)
        self.spent += spent / MICRO
