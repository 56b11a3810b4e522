"""Compute-to-data: jobs that run beside the data, locked, claimed or cancelled in the escrow."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.contract_account import ContractAccount
from simdai.economy.ledger import WORLD
from simdai.economy.tallies import Tallies
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.data_market import job_minutes, job_price_per_minute
from simdai.mechanisms.job_escrow import JobEscrow, job_escrow_new, job_escrow_step
from simdai.mechanisms.provider_choice import margin
from simdai.networks.ocean_assets import AssetBook
from simdai.networks.ocean_exchange import DataExchange
from simdai.networks.ocean_rules import ComputeToData, Environment

__all__ = ["ComputeMarket", "ComputeOffer", "Job"]

WEI = 10**18
MICRO = 10**6
DAY_S = 86400
HOURS_PER_DAY = 24.0
REQUOTE = 0.05  # change of the token's price at which operators restate theirs


class ComputeOffer(NamedTuple):
    """What compute-to-data offers for jobs of one kind.

    ``price_usd`` is that of a job in the cheapest environment that takes it, nan where none does;
    ``jobs_per_day`` is how many all that take it can run, ``free_slots`` how many they could begin at once.
    """

    price_usd: float
    jobs_per_day: float
    free_slots: int


@dataclass
class Job:
    """One computation.

    Parameters
    ----------
    number : in the escrow; payer : its user there; asset : place of the data
    asked, needed : seconds of the limit and of the work
    luck : uniform number; below the machines' failure they fail it
    resources : units of each
    """

    number: int
    payer: Any
    asset: int
    asked: int
    needed: int
    luck: float
    resources: Mapping[str, float]
    submitted: float = 0.0
    locked: int = 0  # wei
    expiry: int = 0  # unix s


class Machines:
    """An environment at work: its slots, its queue, its prices in the token."""

    def __init__(self, rules: Environment, name: str) -> None:
        self.rules, self.name = rules, name
        self.user = ("operator", name)
        self.queue: deque[Job] = deque()
        self.running = 0
        self.prices: dict[str, float] = {}
        self._quoted_at = math.nan
        self._minute: tuple[Mapping[str, float], float] | None = None  # resources asked for last, price

    def quote(self, token_usd: float) -> None:
        """Restate prices in tokens where the token has moved by `REQUOTE`."""
        if not abs(token_usd / self._quoted_at - 1.0) <= REQUOTE:
            self.prices = {resource: usd / token_usd for resource, usd in self.rules.prices.items()}
            self._quoted_at, self._minute = token_usd, None

    def takes(self, seconds: float, resources: Mapping[str, float]) -> bool:
        """Whether a job of that length and these resources may run here."""
        offered = self.rules.resources
        fits = all(units <= offered.get(name, 0.0) for name, units in resources.items())
        return fits and seconds <= self.rules.longest * 3600

    def price(self, seconds: float, resources: Mapping[str, float]) -> float:
        """Tokens that a job of that length costs."""
        if self._minute is None or self._minute[0] is not resources:
            self._minute = resources, job_price_per_minute(resources, self.prices)
        return job_minutes(seconds) * self._minute[1]

    @property
    def load(self) -> float:
        """Jobs here over slots."""
        return (self.running + len(self.queue)) / self.rules.slots

    @property
    def has_room(self) -> bool:
        """Whether a job could begin at once."""
        return self.running + len(self.queue) < self.rules.slots


class ComputeMarket:
    """All environments, and the escrow through which their jobs are paid.

    Accounts in the token: ``NAME.job_escrow`` and the block ``NAME.operators``; the latter in USD too.
    """

    def __init__(
        self,
        rules: ComputeToData,
        assets: AssetBook,
        exchange: DataExchange,
        token: TokenMarket,
        world: World,
        name: str,
        tallies: Tallies,
        foundation: Mapping[str, bool],
    ) -> None:
        self.rules, self.assets, self.exchange, self.token = rules, assets, exchange, token
        self.world, self.name, self.tallies, self.foundation = world, name, tallies, foundation
        self.machines = [Machines(e, environment) for environment, e in rules.environments.items()]
        n = len(self.machines)
        self._wallets = world.ledger.block(f"{name}.operators", token.asset, n)
        self._usd = world.ledger.block(f"{name}.operators", "USD", n)
        self.escrow = ContractAccount(world.ledger, token.asset, f"{name}.job_escrow", world.scale, 18)
        self.state: JobEscrow = job_escrow_new({})
        self._jobs = 0
        self._start_s = int(world.start_date.toordinal() - 719163) * DAY_S  # unix s of the start
        for machines in self.machines:
            machines.quote(token.price)

    # -- what others ask -------------------------------------------------------------------------------------

    def _runs(self, machines: Machines) -> bool:
        """Whether machines take jobs: the foundation's as long as it lets them."""
        return self.foundation["compute"] or not machines.rules.foundation

    def _open(self, seconds: float, resources: Mapping[str, float]) -> list[Machines]:
        return [m for m in self.machines if self._runs(m) and m.takes(seconds, resources)]

    def offer(self, hours: float, resources: Mapping[str, float]) -> ComputeOffer:
        """Price and capacity for jobs that ask for that long and these resources."""
        fitting = self._open(hours * 3600, resources)
        prices = [m.price(hours * 3600, resources) * self.token.price for m in fitting]
        slots = sum(m.rules.slots for m in fitting)
        free = sum(max(m.rules.slots - m.running - len(m.queue), 0) for m in fitting)
        return ComputeOffer(min(prices, default=math.nan), slots * HOURS_PER_DAY / hours, free)

    # -- a job's life ----------------------------------------------------------------------------------------

    @property
    def _now_s(self) -> int:
        return self._start_s + math.floor(self.world.env.now * DAY_S + 1e-4)

    def submit(self, job: Job, wallet: str) -> bool:
        """Choose machines, fund and lock; False where nobody takes the job or the money is not to be had.

        A job goes to the cheapest environment with a free slot, else to the least loaded.
        """
        fitting = self._open(job.asked, job.resources)
        if not fitting:
            return False
        free = [m for m in fitting if m.has_room]
        chosen = (
            min(free, key=lambda m: m.price(job.asked, job.resources))
            if free
            else min(fitting, key=lambda m: m.load)
        )
        self._jobs += 1
        job.number, job.submitted = self._jobs, self.world.env.now
        job.locked = max(round(chosen.price(job.asked, job.resources) * WEI), 1)
        missing = job.locked - self.state.available.get(job.payer, 0)
        if missing > 0:
            if not self.exchange.provide(missing, wallet, self.escrow):
                return False
            self.escrow.take(missing, wallet)
            self._call("deposit", job.payer, amount=missing)
        self._lock(job, chosen)
        self.tallies.add("compute.submitted", 1.0)
        chosen.queue.append(job)
        self._begin(chosen)
        return True

    def _lock(self, job: Job, machines: Machines) -> None:
        seconds = job.asked + round(self.rules.expiry * DAY_S)
        if (job.payer, machines.user) not in self.state.authorizations:
            self._call(
                "authorize",
                job.payer,
                payee=machines.user,
                max_amount=10**12 * WEI,
                max_seconds=round(machines.rules.longest * 3600) + round(self.rules.expiry * DAY_S),
                max_locks=10**6,
            )
        self._call(
            "lock",
            machines.user,
            payer=job.payer,
            job=job.number,
            amount=job.locked,
            seconds=seconds,
            now=self._now_s,
        )
        job.expiry = self._now_s + seconds
        self.world.calendar.at(
            (job.expiry + 1 - self._start_s) / DAY_S, Phase.EPOCHS, lambda: self._cancel(job, machines)
        )

    def _begin(self, machines: Machines) -> None:
        """Start what waits, as long as there are slots; what cannot end before its lock does is given up."""
        while machines.queue and machines.running < machines.rules.slots:
            job = machines.queue.popleft()
            if self._now_s + job.asked > job.expiry:
                self.tallies.add("compute.abandoned", 1.0)
                continue
            self.tallies.add("compute.wait_hours", (self.world.env.now - job.submitted) * HOURS_PER_DAY)
            self.tallies.add("compute.started", 1.0)
            machines.running += 1
            seconds = min(job.needed, job.asked)
            self.tallies.add("compute.busy_days", seconds / DAY_S)
            self.world.calendar.at(
                self.world.env.now + seconds / DAY_S,
                Phase.EPOCHS,
                lambda job=job, seconds=seconds: self._end(job, seconds, machines),  # type: ignore[misc]
            )

    def _end(self, job: Job, seconds: int, machines: Machines) -> None:
        """A job ends: the operator claims what it took, or nothing where the machine failed it."""
        machines.running -= 1
        if job.luck < machines.rules.failure:
            self.tallies.add("compute.failed", 1.0)
        else:
            self._claim(job, seconds, machines)
            self._note_leaks(job, machines)
            self.tallies.add("compute.done", 1.0)
        self._begin(machines)

    def _claim(self, job: Job, seconds: int, machines: Machines) -> None:
        amount = min(max(round(machines.price(seconds, job.resources) * WEI), 0), job.locked)
        fees = self.state.fees
        self._call(
            "claim",
            machines.user,
            payer=job.payer,
            job=job.number,
            amount=amount,
            now=self._now_s,
            fee_wei=self.exchange.fees.community,
        )
        self.escrow.give(self.state.fees - fees, self.exchange.community)
        free = self.state.available.get(machines.user, 0)
        self._call("withdraw", machines.user, amount=free)
        k = self.machines.index(machines)
        units = self.escrow.give(free, int(self._wallets.indices[k]))
        self.tallies.add("compute.revenue_usd", amount / WEI * self.token.price)
        self._sell(k, units)

    def _sell(self, k: int, units: int) -> None:
        sold = int(units * self.rules.token_sold)
        self.token.sell(sold, int(self._wallets.indices[k]), int(self._usd.indices[k]))

    def _cancel(self, job: Job, machines: Machines) -> None:
        """After its expiry anybody cancels a lock that was not claimed; the payer has its money back."""
        open_ = any(lock.job == job.number for lock in self.state.locks)
        if open_:
            self._call(
                "cancel", job.payer, payee=machines.user, payer=job.payer, job=job.number, now=self._now_s
            )
            self.tallies.add("compute.cancelled", 1.0)

    def _call(self, action: str, caller: Any, **arguments: Any) -> None:
        self.state, accepted = job_escrow_step(self.state, action, caller, **arguments)
        assert accepted, f"the job escrow refuses {action} by {caller!r}: {arguments}"

    # -- leaks and costs -------------------------------------------------------------------------------------

    def _note_leaks(self, job: Job, machines: Machines) -> None:
        self.assets.jobs[job.asset] += 1.0
        unseen = 1.0 - machines.rules.colluding
        self.assets.unseen[job.asset] += math.log(unseen) if unseen > 0 else -math.inf

    def close(self, days: float) -> None:
        """End a step: operators pay for their machines out of what they sold, and restate prices."""
        cost = np.array([m.rules.slots * m.rules.running * days for m in self.machines])
        held = self.world.ledger.accounts("USD").balances[self._usd.indices]
        micro = np.rint(cost / self.world.scale * MICRO).astype(np.int64)
        self.world.ledger.collect(np.minimum(micro, held), "USD", self._usd.indices, WORLD)
        for machines in self.machines:
            machines.quote(self.token.price)

    @property
    def slots(self) -> int:
        """Slots that are on offer."""
        return sum(m.rules.slots for m in self.machines if self._runs(m))

    def margin(self, earned_usd: float, days: float) -> float:
        """Operators' margin over a time: 0 pays the running costs, 1 the hardware too."""
        running = sum(m.rules.slots * m.rules.running for m in self.machines) * days
        capital = sum(m.rules.slots * m.rules.capital for m in self.machines) * days
        return float(margin(earned_usd, running, running + capital)) if capital else math.nan

    def check(self) -> None:
        """Assert that the escrow holds its users' free funds and locks."""
        held = self.escrow.held
        assert self.state.tokens == held, f"the job escrow books {self.state.tokens} wei, it holds {held}"
        self.escrow.check()
