"""io.net: clusters at posted prices, staked devices, block rewards by the hour, then the incentive engine."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Network, World
from simdai.economy.calendar import Phase
from simdai.economy.compute_network import MICRO, ComputeNetwork
from simdai.economy.population import Population
from simdai.economy.requirements import Requirements
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.kernel import JobClassSpec
from simdai.mechanisms.block_rewards import ionet_job_pay
from simdai.mechanisms.ionet_payouts import BlockRewards, Payout, Schedule
from simdai.networks.ionet_devices import Block, Devices, Nomination, Nominees
from simdai.networks.ionet_fakes import Fakes
from simdai.networks.ionet_fees import Fees
from simdai.networks.ionet_report import Tally, report
from simdai.networks.ionet_settlement import Payments, Settlement
from simdai.networks.ionet_stakes import Stakes, Staking
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Days, Name, PositiveCount, PositiveDays, Tokens

__all__ = ["IoNet", "IoNetNetwork"]

EPOCH = 1.0  # days: jobs are paid daily; IOD docs/workers/earnings-rewards.mdx
HOURS = 24

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class IoNet(Network, kind="ionet"):
    """The network io.net.

    Parameters
    ----------
    token : IO
    genesis_supply, max_supply : of IO; what lies between is released by the schedule or by the engine
    released_by : the schedule that says what of it had been released when the scenario starts
    payouts : how devices are rewarded; dated
    fees, staking, nomination : rules of their names
    least_rental : shortest rental, days
    step : days settled at once, and between two looks of suppliers at their income
    one_hour_in : of so many hours the last stands for all: who is active in it is taken to have been so
    providers : populations by name
    """

    emits: ClassVar[bool] = True
    functions: ClassVar[Mapping[str, str]] = {
        "matching": "the shop window, and the clusters made of suppliers' devices: no device works without",
        "payouts": "checks of devices, payment of jobs, release and payment of rewards",
    }

    token: Token
    genesis_supply: Tokens
    max_supply: Tokens
    released_by: Schedule
    payouts: Regimes[Payout]
    fees: Fees
    staking: Staking
    nomination: Nomination
    least_rental: Days
    step: PositiveDays = EPOCH
    one_hour_in: PositiveCount = 1
    providers: FrozenMapping[Name, Devices]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.providers:
            raise ValueError("providers: at least one population is needed; its count may be 0")
        if self.step % EPOCH:
            raise ValueError(f"step: {self.step:g} d are no whole number of days")
        if self.days * HOURS % self.one_hour_in:
            raise ValueError(f"one_hour_in: {self.one_hour_in} does not divide the hours of a step")
        for rule in self.payouts.rules:
            pools = rule.pools if isinstance(rule, BlockRewards) else None
            for name, devices in self.providers.items():
                if pools is not None and devices.pool not in pools:
                    raise ValueError(f"providers.{name}.pool: {devices.pool!r} is none of {', '.join(pools)}")
        for name, devices in self.providers.items():
            if devices.co_staked > 1.0 - self.staking.own_least:
                raise ValueError(
                    f"providers.{name}.co_staked: owners bring {self.staking.own_least:.0%} at least"
                )
        return self

    @property
    def days(self) -> int:
        """Days settled at once."""
        return round(self.step / EPOCH)

    def check(self, scenario: Any) -> Iterator[Problem]:
        others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
        if any(getattr(other, "symbol", None) == self.token.symbol for other in others):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")
        speeds = {name: getattr(h, "speed", 1.0) for name, h in scenario.hardware.items()}
        own_name = next((name for name, n in scenario.networks.items() if n is self), "")
        for name, segment in scenario.demand.items():
            if own_name not in (getattr(segment, "sellers", None) or (own_name,)):
                continue
            fitting = [speeds[h] for h in getattr(segment, "hardware", None) or speeds if h in speeds]
            if not hasattr(segment, "service") or not fitting:
                continue
            mean = segment.service.kernel().mean / max(fitting)
            if mean < self.least_rental:
                found = f"jobs of {24 * mean:g} h on average in demand.{name}"
                allowed = f"{24 * self.least_rental:g} h or more on their hardware"
                yield Problem(path="least_rental", found=found, allowed=allowed)

    def build(self, world: World, name: str) -> IoNetNetwork:
        return IoNetNetwork(self, world, name)


class IoNetNetwork(ComputeNetwork):
    """io.net on the clock.

    Renters pay the posted price and their fee into ``NAME.fees`` when a rental ends; failed rentals cost
    nothing. Every day the network pays suppliers out of it, see `Settlement`.
    """

    token: TokenMarket

    def __init__(self, rules: IoNet, world: World, name: str) -> None:
        self.rules = rules
        self.payout = self._coming = rules.payouts.at(world.start_date)
        dearer = rules.fees.of(1.0)["renter_pays"]
        posted = {p: d.replace(ask=(d.ask or 0.0) * dearer) for p, d in rules.providers.items()}
        super().__init__(
            world,
            name,
            providers=FrozenMapping(posted),
            token=rules.token,
            epoch=rules.step,
            step=rules.step,
            price=None,
            take_rate=1.0,
            functions=rules.functions,
            rule="cluster",
            failed_work_is_paid=ionet_job_pay(1.0, 1.0, dropped_out=True) > 0.0,
        )
        for alike in self.populations.values():
            alike.blind = self.income_days
        self.stakes = Stakes(rules.staking, world, name, self.token, rules.providers, self.populations)
        one_in = rules.one_hour_in
        self.nominees = Nominees(rules.providers, self.populations, world, rules.nomination, one_in)
        self.fakes: Fakes | None = None
        """An attacker with devices that do not exist."""
        self.emission_level = 1.0
        """Factor on the schedule's blocks; shocks change it."""
        self.tally = Tally(world, name, rules.days)
        self.settlement = Settlement(self)
        self._judged = 0  # hours since the start
        self._levels: list[float] = []  # of emission, in the hours looked at that have not been judged
        self.foundation.needed_for_work("matching", self.populations)

    def admits(self, providers: Population, place: str, requires: Requirements, job: JobClassSpec) -> bool:
        """Renters filter by location and by tier of connectivity."""
        assert isinstance(providers, Devices)
        meets = providers.tier >= requires.connectivity
        return meets and super().admits(providers, place, requires, job)

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        super().start()
        self.follow("payout", self.rules.payouts)
        self.stakes.top_up(source=self.token.holders)
        self._qualify()
        self._look_at(0, 0)
        report(self)

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force behind the settlement of the day that ends with the old one."""
        self._coming = rule

    def change_emission(self, level: float) -> None:
        """Release ``level`` times the schedule from the block that closes next."""
        self.emission_level = level

    def _qualify(self) -> None:
        self.nominees.look_who_stays()
        for p in self.populations:
            self.nominees.qualify(p, self.stakes.counting(p), self.stakes.need(p))

    def _step(self) -> None:
        super()._step()
        self.nominees.look_who_stays()

    def _look_at(self, n: int, part: int) -> None:
        """Put the next look on the calendar, ``n`` hours having passed; ``part`` of `Nominees.looks`."""
        span, stands_for = self.nominees.looks[part]
        look = partial(self._look, n + span, part, span, stands_for)
        self.world.calendar.at((n + span) / HOURS, Phase.SUPPLY, look)

    def _look(self, n: int, part: int, span: int, stands_for: int) -> None:
        """Read the market at the end of the ``n``-th hour, ``span`` hours after the last time."""
        self._look_at(n, (part + 1) % len(self.nominees.looks))
        self.nominees.read(span, stands_for)
        if stands_for:
            self._levels.append(self.emission_level)
        if self.fakes:
            self.fakes.pass_hours(span, stands_for)

    def judge_hours(self) -> None:
        """Who was there in the hours read since the last call earns their blocks, or hours of its target."""
        n = self.nominees.judge()
        if isinstance(self.payout, BlockRewards):
            self._share_blocks(self.payout, n)
        self._levels = []
        self._judged += n * self.rules.one_hour_in

    def _share_blocks(self, rules: BlockRewards, n: int) -> None:
        """Share out the blocks of ``n`` looks, each of the hours for which it stands."""
        midnight = datetime.datetime.combine(self.world.start_date, datetime.time())
        first = midnight + datetime.timedelta(hours=self._judged)
        levels, shape = np.array(self._levels) / self.world.scale, (n, self.rules.one_hour_in)
        hours = rules.blocks(first, n * self.rules.one_hour_in)
        block = Block({pool: io.reshape(shape).sum(axis=1) * levels for pool, io in hours.items()})
        self.nominees.enter(block)
        if self.fakes:
            poses_as = self.fakes.rules.poses_as
            pool, score = self.rules.providers[poses_as].pool, self.nominees.scores[poses_as][0]
            contested = block.anybody(pool)
            block.enter(pool, score, self.fakes.hours_active)
            self.fakes.earn(block.share(pool, score), contested)
        self.nominees.earn(block)

    # -- the day's settlement --------------------------------------------------------------------------------

    def settle(self) -> None:
        """Pay jobs and rewards, settle stakes and slashes; then a coming rule takes over."""
        self.tally.begin()
        self.judge_hours()
        if self.fakes:
            self.fakes.punish()
        self.stakes.settle()
        earned, hours = self.nominees.take()
        if self.foundation["payouts"]:
            jobs, rewards = self.settlement.pay(self.payout, earned, hours)
        else:  # what renters have paid stays where it is
            for p in self.populations.values():
                p.book.take_epoch(p.hardware.speed)
            jobs = rewards = Payments([], [])
            hours = {p: np.zeros_like(hours[p]) for p in hours}
        self.settlement.note_rewards(rewards, hours)
        self.reward_providers(self.token, jobs.io + rewards.io)
        for population, k, amounts in jobs.usd + rewards.usd:
            population.book.token_rate[k] += amounts / MICRO / self.income_days
        if self.fakes:
            self.fakes.day(self.settlement.reward_usd[self.fakes.rules.poses_as])
        self.stakes.top_up()
        self._qualify()
        self.payout = self._coming
