"""io.net: clusters at posted prices, staked devices, block rewards by the hour, then the incentive engine."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Network, World
from simdai.economy.calendar import Phase
from simdai.economy.compute_network import MICRO, ComputeNetwork, Paid, Rows, divided
from simdai.economy.population import Population
from simdai.economy.requirements import Requirements
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.kernel import JobClassSpec
from simdai.mechanisms.block_rewards import ionet_job_pay
from simdai.mechanisms.ionet_payouts import (
    BlockRewards,
    IncentiveEngine,
    Payout,
    Schedule,
    emitted_before,
)
from simdai.networks.ionet_devices import Block, Devices, Nomination, Nominees
from simdai.networks.ionet_fakes import Fakes
from simdai.networks.ionet_fees import Fees
from simdai.networks.ionet_report import Tally, report
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
    nothing. Every day the network pays suppliers out of it. What renters pay in IO they buy on the same
    market, so that only the net moves the price: what suppliers take in IO, and the fees that are burned.

    Other accounts: ``NAME.vault`` (USD), ``NAME.rewards`` (IO on its way to devices), those of `Stakes`.
    """

    token: TokenMarket

    def __init__(self, rules: IoNet, world: World, name: str) -> None:
        self.rules = rules
        self.payout = self._coming = rules.payouts.at(world.start_date)
        unit = rules.fees.of(1.0)
        self._kept_share = unit["network_keeps"] / unit["renter_pays"]
        posted = {p: d.replace(ask=(d.ask or 0.0) * unit["renter_pays"]) for p, d in rules.providers.items()}
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
        self.vault, self.rewards = f"{name}.vault", f"{name}.rewards"
        world.ledger.open(self.vault)
        world.ledger.open(self.rewards, self.token.asset)
        self.stakes = Stakes(rules.staking, world, name, self.token, rules.providers, self.populations)
        one_in = rules.one_hour_in
        self.nominees = Nominees(rules.providers, self.populations, world, rules.nomination, one_in)
        self.fakes: Fakes | None = None
        """An attacker with devices that do not exist."""
        left = rules.max_supply - rules.genesis_supply - emitted_before(rules.released_by, world.start_date)
        self.unreleased = world.ledger.to_units(max(left, 0.0) / world.scale, self.token.asset)
        """Base units of IO that have not been minted."""
        self._fraction = 0.0  # of a base unit that has been earned and not yet minted
        self.roi_factor, self.sustainability = 1.0, math.nan
        self.reward_usd = dict.fromkeys(self.populations, math.nan)
        """USD an hour that an active device of a population earned in rewards, on the last day."""
        self.reward_hours = dict.fromkeys(self.populations, 0.0)
        """Hours in which devices of a population were active since the start, up to the last settlement."""
        self.emission_level = 1.0
        """Factor on the schedule's blocks; shocks change it."""
        self.tally = Tally(world, name, rules.days)
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
        if not self.foundation["payouts"]:  # what renters have paid stays where it is
            for p in self.populations.values():
                p.book.take_epoch(p.hardware.speed)
            usd, io, jobs_usd, jobs_io = list[Paid](), list[Paid](), list[Paid](), list[Paid]()
            hours = {p: np.zeros_like(hours[p]) for p in hours}
        elif isinstance(self.payout, IncentiveEngine):
            revenue, jobs_usd, jobs_io = self._pay_jobs() if self.payout.pays_jobs else self._collect()
            usd, io = self._run_engine(self.payout, revenue, hours)
        else:
            kept, jobs_usd, jobs_io = self._pay_jobs()
            self._burn(kept, self.fees)
            usd, io = [], self._pay_block_rewards(earned)
        self._note_rewards(usd, io, hours)
        self.reward_providers(self.token, jobs_io + io)
        for population, k, amounts in jobs_usd + usd:
            population.book.token_rate[k] += amounts / MICRO / self.income_days
        if self.fakes:
            self.fakes.day(self.reward_usd[self.fakes.rules.poses_as])
        self.stakes.top_up()
        self._qualify()
        self.payout = self._coming

    # -- jobs ------------------------------------------------------------------------------------------------

    def _collect(self) -> tuple[int, list[Paid], list[Paid]]:
        """Take all that renters paid for the network, where suppliers are not paid by the job."""
        for p in self.populations.values():
            p.book.take_epoch(p.hardware.speed)
        revenue = self.world.ledger.balance("USD", self.fees)
        self.token.note_fees(revenue / MICRO, self.epoch)
        self.tally.add("fees.kept_usd", revenue * self._kept_share / MICRO)
        return revenue, [], []

    def _pay_jobs(self) -> tuple[int, list[Paid], list[Paid]]:
        """Divide what renters paid between suppliers, by the value of their work, and the network.

        Returns
        -------
        micro-USD that stay on ``NAME.fees`` for the network, and what suppliers got in USD and in IO
        """
        ledger = self.world.ledger
        work = [(p, *p.book.take_epoch(p.hardware.speed)) for p in self.populations.values()]
        values = np.concatenate([done.value_usd for _, _, done in work])
        revenue = ledger.balance("USD", self.fees) if values.sum() > 0 else 0
        kept = round(revenue * self._kept_share)
        self.token.note_fees(revenue / MICRO, self.epoch)
        self.tally.add("fees.kept_usd", kept / MICRO)
        self.tally.add("jobs.paid_usd", (revenue - kept) / MICRO)
        pay = ledger.split(revenue - kept, values)
        in_usd = np.rint(pay * self.rules.fees.withdrawn_in_usdc).astype(np.int64)
        tokens = self.token.buy(int((pay - in_usd).sum()), self.fees, self.rewards)
        rows = [(p, k) for p, k, _ in work]
        usd, io = divided(in_usd, rows), divided(ledger.split(tokens, pay - in_usd), rows)
        for p, k, part in usd:
            ledger.pay_out(part, "USD", self.fees, p.book.usd_account[k])
        self._pay(io)
        return kept, usd, io

    def _pay(self, payments: list[Paid]) -> None:
        for p, k, amounts in payments:
            self.world.ledger.pay_out(amounts, self.token.asset, self.rewards, p.book.token_account[k])

    def _burn(self, usd: int, payer: str) -> None:
        units = self.token.buy_and_burn(usd, payer)
        self.tally.add("fees.burned", units / self.token.unit)

    # -- rewards ---------------------------------------------------------------------------------------------

    def _release(self, tokens: float) -> int:
        """Mint ``tokens`` IO on the rewards' account; fractions of a base unit add up. Returns base units."""
        exact = tokens * self.token.unit + self._fraction
        units = min(math.floor(exact), self.unreleased)
        self._fraction = exact - math.floor(exact)
        self.unreleased -= units
        self.world.ledger.mint(units, self.token.asset, self.rewards)
        self.subsidy_usd += units / self.token.units_per_usd
        self.tally.add("rewards.emitted", units / self.token.unit)
        return units

    def _pay_block_rewards(self, earned: dict[str, Floats]) -> list[Paid]:
        """Mint the day's blocks as far as somebody earned them, and share them out to the base unit."""
        fakes = self.fakes.earned_io if self.fakes else 0.0
        weights = np.concatenate([*earned.values(), [fakes]])
        units = self._release(math.fsum(weights.tolist()))
        self.tally.add("rewards.paid_usd", units / self.token.units_per_usd)
        if self.fakes:
            self.fakes.note(fakes * self.token.price, self.fakes.displaced_io * self.token.price)
        return self._share_tokens(units, weights)

    def _share_tokens(self, units: int, weights: Floats) -> list[Paid]:
        """Hand out IO by weight over all rows of all populations, the attacker's last; co-stakers take part.

        Returns what each population's owners got.
        """
        ledger, asset = self.world.ledger, self.token.asset
        amounts = ledger.split(units, weights)
        if self.fakes:
            ledger.transfer(int(amounts[-1]), asset, self.rewards, self.fakes.account)
        paid: list[Paid] = []
        parts = divided(amounts[:-1], self._all_rows())
        for (p, k, part), devices in zip(parts, self.rules.providers.values(), strict=True):
            others = np.floor(part * devices.co_reward).astype(np.int64)
            ledger.transfer(int(others.sum()), asset, self.rewards, self.token.holders)
            got = np.flatnonzero(part)
            paid.append((p, k[got], (part - others)[got]))
        self._pay(paid)
        return paid

    def _all_rows(self) -> list[Rows]:
        return [(p, np.arange(len(p.book.alive))) for p in self.populations.values()]

    def _run_engine(
        self, rules: IncentiveEngine, revenue: int, hours: dict[str, Floats]
    ) -> tuple[list[Paid], list[Paid]]:
        """A day of the engine: ``revenue`` into the vault, targets out of both vaults, a surplus burned.

        Returns what the owners of devices got in USD and in IO.
        """
        ledger, token = self.world.ledger, self.token
        fee_vault = ledger.balance("USD", self.vault)
        ledger.transfer(revenue, "USD", self.fees, self.vault)
        rates = {
            p: d.target * d.gpus * self.populations[p].price_level * self.roi_factor
            for p, d in self.rules.providers.items()
        }
        fakes = self.fakes.hours * rates[self.fakes.rules.poses_as] if self.fakes else 0.0
        weights = np.concatenate([*(hours[p] * rates[p] for p in hours), [fakes]])
        target = math.fsum(weights.tolist())
        ceiling = math.inf if rules.release_ceiling is None else rules.release_ceiling / self.world.scale
        state = self.rules.days, self.unreleased / token.unit, fee_vault / MICRO
        now = revenue / MICRO, token.price, self.roi_factor, ceiling
        step = rules.steps(*state, target, *now)
        usd = self._pay_usd(min(math.floor(step["usd"] * MICRO), fee_vault + revenue), weights)
        io = self._share_tokens(self._release(step["tokens"]), weights)
        self._burn(min(round(step["burned"] * now[1] * MICRO), ledger.balance("USD", self.vault)), self.vault)
        self.tally.add("rewards.target_usd", step["target"])
        self.tally.add("rewards.paid_usd", step["target"] - step["short"])
        if self.fakes and fakes and target > fakes:
            honest = target - fakes
            cut, cut_without = step["short"] / target, rules.steps(*state, honest, *now)["short"] / honest
            self.fakes.note(fakes * (1.0 - cut), max(cut - cut_without, 0.0) * honest)
        self.roi_factor, self.sustainability = step["roi"], step["sustainability"]
        return usd, io

    def _pay_usd(self, amount: int, weights: Floats) -> list[Paid]:
        """Hand out USD of the vault like `_share_tokens`; co-stakers share in IO alone."""
        ledger = self.world.ledger
        amounts = ledger.split(amount, weights)
        if self.fakes:
            ledger.transfer(int(amounts[-1]), "USD", self.vault, self.fakes.account)
        paid = divided(amounts[:-1], self._all_rows())
        for p, k, part in paid:
            ledger.pay_out(part, "USD", self.vault, p.book.usd_account[k])
        return paid

    def _note_rewards(self, usd: list[Paid], io: list[Paid], hours: dict[str, Floats]) -> None:
        """Remember what an active hour was worth in rewards, by population."""
        for p, population in self.populations.items():
            total = float(hours[p].sum())
            self.reward_hours[p] += total
            if total:
                dollars, tokens = (
                    sum(float(part.sum()) for q, _, part in paid if q is population) for paid in (usd, io)
                )
                self.reward_usd[p] = (dollars / MICRO + tokens / self.token.units_per_usd) / total
