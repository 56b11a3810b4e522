"""A market of work under one verification scheme: workers who may cheat, checkers who may sleep."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.special import ndtri

from simdai.economy.actors import Flows, Network, World
from simdai.economy.calendar import Phase
from simdai.economy.flows import FlowsReport
from simdai.economy.foundation import Foundation
from simdai.economy.ledger import WORLD
from simdai.mechanisms.arrivals import binomial_counts, poisson_counts
from simdai.mechanisms.choice import smooth
from simdai.mechanisms.verification import checkers_quit
from simdai.mechanisms.verification_schemes import Circumstances, Enclave, Optimistic, Verification
from simdai.networks.verified_report import VerifiedReport
from simdai.registry import Configured
from simdai.units import NonNegative, PerDay, Positive, PositiveCount, PositiveDays, Share, Usd

__all__ = ["Checkers", "VerifiedWork", "VerifiedWorkNetwork", "Workers"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MICRO = 10**6
DAYS_PER_YEAR = 365.25

CONSCIENCE, COST = range(2)
"""Numbers of a worker."""
TASKS, CHEATED, SEEN, ALARMED = range(4)
"""Numbers of a worker's day."""


class Workers(Configured):
    """Who does the work.

    Parameters
    ----------
    count : of workers
    cost, cost_spread : USD that a task costs to do honestly, median, and sd of its log
    cheap : what a cheat costs, as a share of that (a smaller model, an old answer)
    honest : share of workers who never cheat
    stake : USD that each has at risk, all of which a detected cheat costs
    prior : chance of being seen that a worker expects before having tried
    probing : share of their tasks on which those who could cheat always do
    temperature : gain, as a share of a task's cost, at which a worker cheats with odds of e to 1
    speed : of the way from its present to its best share of cheating in a day
    memory : cheats over which the chance of being seen is learned
    """

    count: PositiveCount
    cost: Usd
    cost_spread: NonNegative
    cheap: Share
    honest: Share
    stake: Usd
    prior: Share
    probing: Share
    temperature: Positive
    speed: PerDay
    memory: Positive


class Checkers(Configured):
    """How voluntary checkers of an optimistic scheme behave; all are alike.

    Parameters
    ----------
    diligence : chance that a checker looks at a result at the start
    speed : by which they come to look or cease to, of the way in a day
    memory : days over which they judge how much fraud there is to find
    """

    diligence: Share
    speed: PerDay
    memory: PositiveDays


class VerifiedWork(Network, kind="verified_work"):
    """Work sold in USD under one verification scheme.

    Parameters
    ----------
    verification : the scheme
    workers, checkers : who works; who checks where checking is voluntary
    margin : by which the price exceeds the cost of work, proof and checks
    """

    emits: ClassVar[bool] = False

    verification: Verification
    workers: Workers
    margin: NonNegative
    checkers: Checkers | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if isinstance(self.verification, Optimistic) != (self.checkers is not None):
            raise ValueError("'checkers' belong to the verification 'optimistic', and to no other")
        return self

    def build(self, world: World, name: str) -> VerifiedWorkNetwork:
        return VerifiedWorkNetwork(self, world, name)


class VerifiedWorkNetwork:
    """The market on the clock, once a day: work, cheats, checks, pay, slashes; then everybody learns.

    Accounts: ``NAME.till`` (what buyers pay), ``NAME.fund`` (slashed stakes, for the buyers),
    ``NAME.checkers``, and the blocks ``NAME.workers`` and ``NAME.stakes``, a row a worker. What workers earn
    they take out of the model; what they lack they bring.

    Attributes
    ----------
    cheating : (n,) share of its tasks on which a worker cheats
    learned : chance of being seen that workers expect
    diligence : chance that a voluntary checker looks at a result
    fraud_expected : share of results that checkers expect to be wrong
    """

    token = None

    def __init__(self, rules: VerifiedWork, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.foundation = Foundation(rules.functions)
        self.scheme = rules.verification
        n = rules.workers.count
        self.ids = np.arange(n)
        luck = world.entity("verified.workers", name)
        honest = luck.uniforms(self.ids, CONSCIENCE) < rules.workers.honest
        normal = ndtri(luck.uniforms(self.ids, COST) + 2.0**-54)
        self.cost: Floats = rules.workers.cost * np.exp(rules.workers.cost_spread * normal)
        self.floor = np.where(honest, 0.0, rules.workers.probing)
        self.honest = honest
        self.cheating = self.floor.copy()
        self.learned = rules.workers.prior
        self.diligence = rules.checkers.diligence if rules.checkers else 0.0
        self.fraud_expected = math.nan
        self.breached_until = -math.inf
        self._days = [
            world.entity(f"verified.{what}", name) for what in ("tasks", "cheats", "seen", "alarms")
        ]
        self._exploits = world.entity("verified.exploits", name)
        self._open_accounts(n)
        self.sums: dict[str, float] = dict.fromkeys(VerifiedReport.SUMS, 0.0)

    def _open_accounts(self, n: int) -> None:
        ledger = self.world.ledger
        self.till, self.fund, self.checkers = (f"{self.name}.{what}" for what in ("till", "fund", "checkers"))
        for account in (self.till, self.fund, self.checkers):
            ledger.open(account)
        self.workers, self.stakes = (
            ledger.block(f"{self.name}.workers", n=n),
            ledger.block(f"{self.name}.stakes", n=n),
        )
        self.stake = self._micro(self.rules.workers.stake)
        ledger.pay_out(np.full(n, self.stake), "USD", WORLD, self.stakes.indices)

    def _micro(self, usd: float) -> int:
        """Real USD as simulated micro-USD."""
        return round(usd / self.world.scale * MICRO)

    # -- what it is ------------------------------------------------------------------------------------------

    @property
    def served(self) -> float:
        """Results that buyers have accepted since the start."""
        return self.sums["accepted"]

    @property
    def flows(self) -> Flows:
        """What buyers paid."""
        return Flows(self.sums["paid_usd"], 0.0)

    @property
    def now(self) -> Circumstances:
        """What the scheme's power hangs on at the moment."""
        breached = self.world.env.now < self.breached_until
        return Circumstances(float(self.cheating.mean()), self.diligence, breached)

    @property
    def pay(self) -> float:
        """USD that a worker gets for an accepted task."""
        rules = self.rules
        return rules.workers.cost * (1.0 + self.scheme.prover_extra) * (1.0 + rules.margin)

    @property
    def price(self) -> float:
        """USD that a buyer pays for an accepted task."""
        return self.pay + self.rules.workers.cost * self.scheme.check_extra(self.now)

    @property
    def gain(self) -> Floats:
        """(n,) USD a task by which cheating is expected to beat honest work."""
        now = self.now
        seen = 0.0 if now.breached else self.learned
        gain: Floats = (
            self._saved
            - self._exploit_cost(now)
            - (seen - self.scheme.false_alarm) * (self.pay + self.rules.workers.stake)
        )
        return gain

    @property
    def _saved(self) -> Floats:
        """(n,) USD that a cheat saves."""
        saved: Floats = self.cost * (1.0 + self.scheme.prover_extra - self.rules.workers.cheap)
        return saved

    def _exploit_cost(self, now: Circumstances) -> float:
        """USD a task that an exploit costs while it is of use."""
        scheme = self.scheme
        if not (now.breached and isinstance(scheme, Enclave)):
            return 0.0
        tasks = max(self.tasks_per_day / len(self.ids) * scheme.patched_after, 1.0)
        return scheme.exploit_cost / tasks

    def _exploiting(self, now: Circumstances) -> Bools:
        """(n,) workers who have bought an exploit that is of use."""
        bought: Bools = (self.gain > 0.0) & ~self.honest if now.breached else np.zeros(len(self.ids), bool)
        return bought

    @property
    def tasks_per_day(self) -> float:
        """Tasks that buyers want."""
        return float(sum(buyer.tasks_per_day for buyer in self.buyers))

    # -- the day ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Put the days on the calendar and report."""
        buyers = [d for d in self.world.demand.values() if d.rules.kind == "work_buyers"]
        self.buyers = [buyer for buyer in buyers if buyer.rules.network == self.name]
        for buyer in self.buyers:
            buyer.price = self.price
        self.world.calendar.every(1.0, Phase.EPOCHS, self._day, first=1.0)
        VerifiedReport(self, self.world, self.name).register()
        FlowsReport(self, self.world, self.name).register()

    def _day(self) -> None:
        day = round(self.world.env.now)
        self._break_in(day)
        now = self.now
        mean = self.tasks_per_day / len(self.ids)
        tasks, cheats, seen, alarms = self._work(day, mean, now)
        self._settle(tasks, cheats, seen, alarms, now)
        self._learn(int(tasks.sum()), int(cheats.sum()), int(seen.sum()), now)

    def _break_in(self, day: int) -> None:
        """An exploit of the protected hardware may become known."""
        scheme = self.scheme
        if isinstance(scheme, Enclave):
            chance = -math.expm1(-scheme.exploits / DAYS_PER_YEAR)
            if self._exploits.uniforms([0], day)[0] < chance:
                self.breached_until = max(self.breached_until, self.world.env.now + scheme.patched_after)

    def _work(self, day: int, mean: float, now: Circumstances) -> tuple[Ints, Ints, Ints, Ints]:
        """Tasks of each worker, those it cheats on, those of them seen, and honest ones taken for cheats."""
        u = [stream.uniforms(self.ids, day) for stream in self._days]
        tasks = poisson_counts(u[0], mean) if mean > 0 else np.zeros(len(u[0]), np.int64)
        cheats = binomial_counts(u[1], tasks, self.cheating)
        seen = binomial_counts(u[2], cheats, self._seen(now))
        alarms = binomial_counts(u[3], tasks - cheats, self.scheme.false_alarm)
        return tasks, cheats, seen, alarms

    def _seen(self, now: Circumstances) -> Floats:
        """(n,) chance that a worker's cheat is seen."""
        whole = self.scheme.detection(now._replace(breached=False))
        return np.where(self._exploiting(now), self.scheme.detection(now), whole)

    def _settle(self, tasks: Ints, cheats: Ints, seen: Ints, alarms: Ints, now: Circumstances) -> None:
        """Buyers pay for what is accepted and for checks; those who were caught lose their stakes."""
        ledger, rules, scheme = self.world.ledger, self.rules.workers, self.scheme
        accepted, caught = tasks - seen - alarms, seen + alarms
        each = self._micro(self.pay)
        checks = self._micro(rules.cost * scheme.check_extra(now) * float(tasks.sum()))
        ledger.transfer(int(accepted.sum()) * each + checks, "USD", WORLD, self.till)
        ledger.transfer(checks, "USD", self.till, WORLD)
        ledger.pay_out(accepted * each, "USD", self.till, self.workers.indices)
        ledger.collect(accepted * each, "USD", self.workers.indices, WORLD)
        slashed = caught * self.stake
        ledger.pay_out(slashed, "USD", WORLD, self.stakes.indices)  # whoever is caught stakes anew
        ledger.collect(slashed, "USD", self.stakes.indices, self.fund)
        self._pay_bounties(int(seen.sum()))
        ledger.transfer(ledger.balance("USD", self.fund), "USD", self.fund, WORLD)
        self._note(tasks, cheats, seen, alarms, now)

    def _pay_bounties(self, seen: int) -> None:
        """Checkers share a part of the stakes of those they caught; they spend it on checking."""
        if isinstance(self.scheme, Optimistic):
            bounty = int(self.stake * self.scheme.bounty_share) * seen
            self.world.ledger.transfer(bounty, "USD", self.fund, self.checkers)
            self.world.ledger.transfer(bounty, "USD", self.checkers, WORLD)

    def _note(self, tasks: Ints, cheats: Ints, seen: Ints, alarms: Ints, now: Circumstances) -> None:
        rules, sums, total = self.rules.workers, self.sums, float(tasks.sum())
        saved = self._saved - np.where(self._exploiting(now), self._exploit_cost(now), 0.0)
        lost = self.pay + rules.stake
        undetected = float((cheats - seen).sum())
        checks = rules.cost * self.scheme.check_extra(now) * total
        for name, amount in (
            ("tasks", total),
            ("cheated", float(cheats.sum())),
            ("seen", float(seen.sum())),
            ("undetected", undetected),
            ("accepted", total - float((seen + alarms).sum())),
            ("alarms", float(alarms.sum())),
            ("fraud_usd", float((cheats * saved).sum()) - lost * float(seen.sum())),
            ("alarm_usd", lost * float(alarms.sum())),
            ("paid_usd", self.pay * (total - float((seen + alarms).sum())) + checks),
            ("extra", total * (self.scheme.prover_extra + self.scheme.check_extra(now))),
        ):
            sums[name] += amount
        accepted = total - float((seen + alarms).sum())
        for buyer in self.buyers:
            buyer.notice(self.price, undetected / accepted if accepted else 0.0, 1.0)

    # -- what they learn -------------------------------------------------------------------------------------

    def _learn(self, tasks: int, cheats: int, seen: int, now: Circumstances) -> None:
        """Workers learn how many cheats are seen, and cheat accordingly; checkers, what there is to find."""
        rules = self.rules.workers
        if cheats and not now.breached:
            weight = -math.expm1(-cheats / rules.memory)
            self.learned += weight * (seen / cheats - self.learned)
        with np.errstate(over="ignore"):
            best = 1.0 / (1.0 + np.exp(-self.gain / self.cost / rules.temperature))
        moved = self.cheating - math.expm1(-rules.speed) * (best - self.cheating)
        self.cheating = np.where(self.honest, 0.0, np.maximum(moved, self.floor))
        if isinstance(self.scheme, Optimistic) and self.rules.checkers is not None and tasks:
            self._rouse(self.scheme, self.rules.checkers, cheats / tasks, now)

    def _rouse(self, scheme: Optimistic, rules: Checkers, fraud: float, now: Circumstances) -> None:
        """Checkers come to look, or cease to (the verifier's dilemma)."""
        if now.checking > 0.0:
            found = fraud + scheme.forced_errors
            self.fraud_expected = smooth(self.fraud_expected, found, 1.0, rules.memory)
        looking = scheme.checkers * now.checking
        # of several who find the same fraud each gets a part: chances that one does over the number who look
        part = scheme.detection(now) / looking if looking > 1e-12 else 1.0
        bounty = self.rules.workers.stake * scheme.bounty_share * part
        expected = 0.0 if math.isnan(self.fraud_expected) else self.fraud_expected
        quit = checkers_quit(bounty, min(expected, 1.0), scheme.check_cost * self.rules.workers.cost)
        target = 0.0 if quit else 1.0
        self.diligence -= math.expm1(-rules.speed) * (target - self.diligence)
