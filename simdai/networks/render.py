"""Render: creators pay in USD, the payment burns tokens, and nodes share tokens minted on a schedule."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Flows, Network, Seller, World
from simdai.economy.calendar import Phase
from simdai.economy.compute_network import MICRO, Paid, Rows, divided
from simdai.economy.flows import FlowsReport
from simdai.economy.providers import Providers
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.burn_mint import render_payment_split, render_reward_ratio
from simdai.mechanisms.emission import render_max_supply
from simdai.mechanisms.rounding import largest_remainder
from simdai.networks.render_availability import AvailabilityFarm, IdleNodes, idle_nodes
from simdai.networks.render_controller import PoolController
from simdai.networks.render_part import Done, Part
from simdai.networks.render_report import report
from simdai.networks.render_rules import (
    ComputePart,
    Controller,
    Emission,
    Nodes,
    Payment,
    RewardPools,
    Salad,
    Tier,
    Treasury,
)
from simdai.networks.render_salad import SaladSubnet
from simdai.networks.render_treasury import Treasuries
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Name, Positive, PositiveDays

__all__ = ["Render", "RenderNetwork", "WashTrader"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SUMS = (
    "spend_usd",
    "wash_usd",
    "fee_usd",
    "job_pool_usd",
    "render_burn_usd",
    "jobs_usd",
    "availability_usd",
    "compute_usd",
    "released",
    "from_stock",
    "attackers_usd",
)


class WashTrader(Protocol):
    """Somebody who buys work of the network's own nodes at the end of an epoch."""

    def buy(self, others: float, pool: float, price: float, till: str) -> tuple[float, float]:
        """Pay into the account ``till``; returns the USD paid, and those of them for the buyer's own work.

        Parameters
        ----------
        others : USD of the epoch's other work; pool : tokens for all of it; price : USD per token
        """

    def receive(self, amount: int, source: str) -> None:
        """Take ``amount`` base units of reward out of the account ``source``."""


class Render(Network, kind="render"):
    """The Render network (BME regime, from 2023-12).

    Parameters
    ----------
    token : RENDER
    epoch : days between settlements
    octanebench : OctaneBench score of a speed-1 GPU; others in proportion to their speed
    payment : what happens to customers' USD, by date
    pools : what nodes share in an epoch, by date
    emission : the mint
    treasury : what is held, paid out and sold of operations, node_rewards and grants
    tiers : rendering nodes by tier; venues ``NAME.TIER``
    compute : parts of the compute subnet; venues ``NAME.PART``
    salad : the subnet of home GPUs, by date; none without
    controller : moves the job pool from its first value on, whatever ``pools`` says later; none without
    """

    emits: ClassVar[bool] = True

    token: Token
    epoch: PositiveDays
    octanebench: Positive
    payment: Regimes[Payment]
    pools: Regimes[RewardPools]
    emission: Emission
    treasury: FrozenMapping[Literal["operations", "node_rewards", "grants"], Treasury]
    tiers: FrozenMapping[Name, Tier]
    compute: FrozenMapping[Name, ComputePart] = FrozenMapping()
    salad: Regimes[Salad] | None = None
    controller: Controller | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        missing = [c for c in ("operations", "node_rewards", "grants") if c not in self.treasury]
        if missing:
            raise ValueError(f"treasury: give {', '.join(missing)} too; the amounts may be 0")
        both = sorted(set(self.tiers) & set(self.compute))
        if both:
            raise ValueError(f"tiers and compute both hold {', '.join(both)}; give each a name of its own")
        token, held = self.token, sum(treasury.held for treasury in self.treasury.values())
        pooled = token.market.open(token.price, token.decimals, 1.0).reserves[0] / 10**token.decimals
        if held > token.supply * (1.0 - token.traders_share - token.treasury_share) - pooled:
            raise ValueError("treasury: the amounts held exceed what the public holds of the supply")
        if self.token.supply > render_max_supply():
            raise ValueError(f"token.supply exceeds what may exist, {render_max_supply()}")
        return self

    @property
    def parts(self) -> Mapping[str, Tier | ComputePart]:
        """Tiers, then parts of the compute subnet, by name."""
        return {**self.tiers, **self.compute}

    @property
    def providers(self) -> Mapping[str, Nodes]:
        """All populations, as ``PART.POPULATION``."""
        return {
            f"{part}.{name}": p for part, rules in self.parts.items() for name, p in rules.providers.items()
        }

    def check(self, scenario: Any) -> Iterator[Problem]:
        others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
        if any(other and other.symbol == self.token.symbol for other in others):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")
        if self.emission.genesis > scenario.start:
            found = f"{self.emission.genesis}, after the start"
            yield Problem(path="emission.genesis", found=found, allowed=f"{scenario.start} or before")

    def build(self, world: World, name: str) -> RenderNetwork:
        return RenderNetwork(self, world, name)


class RenderNetwork:
    """Render on the clock. Day: burns. Epoch: job pool, availability pool, compute rewards. Month: mint.

    Accounts: those of its token and treasuries, of every part, ``NAME.operator`` (the fee).
    """

    def __init__(self, rules: Render, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.payment, self.pools = rules.payment.at(world.start_date), rules.pools.at(world.start_date)
        self.token = TokenMarket(rules.token, world, name)
        self.operator = f"{name}.operator"
        world.ledger.open(self.operator)
        self.treasuries = Treasuries(rules.emission, rules.treasury, world, name, self.token)
        self.salad = SaladSubnet(world, name, self.token, self.treasuries) if rules.salad else None
        self.parts: dict[str, Part] = {
            part: Part(
                part_rules,
                world,
                f"{name}.{part}",
                token=self.token,
                epoch=rules.epoch,
                octanebench=rules.octanebench,
            )
            for part, part_rules in rules.parts.items()
        }
        self.job_pool = self.pools.job
        """Tokens for the jobs of the epoch that is settled next, or was last."""
        self.controller = PoolController(rules.controller, self.job_pool) if rules.controller else None
        self.wash_traders: list[WashTrader] = []
        self.farms: list[AvailabilityFarm] = []
        self._compute_month: tuple[tuple[int, int], int] = ((0, 0), 0)  # BME month, base units paid in it
        self._not_noted = self._noted_to = 0.0  # USD of payments that traders have not heard of; day
        self.reward_ratio = math.nan
        """Reward over burn of rendering in the epoch settled last; nan when there was no work."""
        self.sums = dict.fromkeys(SUMS, 0.0)
        """Since the start, simulated: USD but for tokens ``released`` to nodes and ``from_stock`` burned."""

    @property
    def emission_level(self) -> float:
        """Factor on what the schedule creates."""
        return self.treasuries.level

    def change_emission(self, level: float) -> None:
        """Multiply the schedule by ``level`` from the next month on; the cap stays in force."""
        self.treasuries.level = level

    @property
    def flows(self) -> Flows:
        """What customers paid, wash traders not counted, and what reached recipients of new tokens."""
        parts = [part.flows for part in self.parts.values()]
        revenue, subsidy = sum(f.revenue_usd for f in parts), sum(f.subsidy_usd for f in parts)
        salad = (self.salad.revenue_usd, self.salad.rewarded_usd) if self.salad else (0.0, 0.0)
        others = salad[1] + self.treasuries.released_usd + self.sums["attackers_usd"]
        return Flows(revenue + self.world.scale * salad[0], subsidy + self.world.scale * others)

    @property
    def sellers(self) -> dict[str, Seller]:
        """The parts by the names of their venues."""
        return {part.name: part for part in self.parts.values()}

    @property
    def populations(self) -> dict[str, Providers]:
        """All populations, as ``PART.POPULATION``."""
        return {f"{n}.{name}": p for n, part in self.parts.items() for name, p in part.populations.items()}

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Everything on the calendar; the network's epoch ends just before that of its parts."""
        self.token.start()
        self.treasuries.start()
        if self.salad:
            self.salad.start()
        calendar = self.world.calendar
        calendar.every(1.0, Phase.EPOCHS, self._day, first=1.0)
        calendar.every(self.rules.epoch, Phase.EPOCHS, self._settle, first=self.rules.epoch)
        for part in self.parts.values():
            part.start()
        for regime in self.rules.payment:
            time = -1.0 if regime.start is None else self.world.days_until(regime.start)
            if 0 < time <= self.world.horizon:
                calendar.at(time, Phase.REGIMES, partial(self._change_payment, regime.rule))
        report(self, self.world)
        FlowsReport(self, self.world, self.name).register()

    def _change_payment(self, rule: Payment) -> None:
        """Put a rule in force; payments that came in under the old one are used under it first."""
        self._use_payments()
        self.payment = rule

    @property
    def yesterday(self) -> datetime.date:
        """The day that has just ended; its rules hold for what is settled now."""
        return self.world.start_date + datetime.timedelta(days=self.world.env.now - 1.0)

    def _day(self) -> None:
        if self.payment.burn_timing == "payment":
            self._use_payments()
        if self.salad and self.rules.salad:
            self._not_noted += self.salad.day(self.rules.salad.at(self.yesterday))

    # -- payments --------------------------------------------------------------------------------------------

    def _use_payments(self) -> None:
        """Split what customers paid since the last time: fee and tokens burned."""
        self._not_noted += sum(self._use_payment(part) for part in self.parts.values()) / MICRO
        now = self.world.env.now
        if now > self._noted_to:
            self.token.note_fees(self._not_noted, now - self._noted_to)
            self._not_noted, self._noted_to = 0.0, now

    def _use_payment(self, part: Part) -> int:
        """Split the payments that lie with a part; returns them in micro-USD."""
        ledger = self.world.ledger
        usd = ledger.balance("USD", part.fees)
        fee = round(render_payment_split(usd, self.payment.operator_fee)[1])
        ledger.transfer(fee, "USD", part.fees, self.operator)
        part.usd_used += usd
        self.sums["spend_usd"] += usd / MICRO
        self.sums["fee_usd"] += fee / MICRO
        self._burn(usd - fee, part.fees)
        return usd

    def _burn(self, usd: int, payer: str) -> None:
        """Burn tokens worth ``usd`` micro-USD, from stock where the rule says so, the rest bought."""
        if self.payment.burn_from == "stock":
            ledger, token, stock = self.world.ledger, self.token, self.treasuries.accounts["operations"]
            wanted = int(usd / MICRO * token.units_per_usd)
            tokens = min(wanted, self.treasuries.balance("operations"))
            value = usd * tokens // wanted if wanted else 0
            ledger.burn(tokens, token.asset, stock)
            ledger.transfer(value, "USD", payer, stock)
            self.sums["from_stock"] += tokens / token.unit
            usd -= value
        self.token.buy_and_burn(usd, payer)

    # -- the epoch -------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """End of an epoch: wash trades, burns, and the rewards of the epoch's work."""
        token, self.pools = self.token, self.rules.pools.at(self.yesterday)
        self.job_pool = self.controller.pool if self.controller else self.pools.job
        tiers = [done for part in self.rules.tiers for done in self.parts[part].take_epoch()]
        value = np.concatenate([np.empty(0), *(work.value_usd for _, work in tiers)])
        value, own = self._wash(value)
        self._use_payments()
        idle = self._idle(tiers)
        compute_rows, compute = self._compute_rewards()
        jobs_pool, idle_pool, compute_pool = self._affordable(
            self._units(self.job_pool) if value.any() or own.any() else 0,
            self._units(self.pools.availability) if idle.any() else 0,
            int(compute.sum()),
        )
        rows = [rows for rows, _ in tiers]
        jobs = largest_remainder(jobs_pool, np.append(value, own))
        paid = self._pay("jobs", "jobs_usd", rows, jobs[: len(value)])
        idle_rewards = largest_remainder(idle_pool, idle)
        paid += self._pay("availability", "availability_usd", rows, idle_rewards[: len(value)])
        available, hired = np.split(largest_remainder(compute_pool, compute), 2)
        paid += self._pay("availability", "compute_usd", compute_rows, available)
        paid += self._pay("jobs", "compute_usd", compute_rows, hired)
        self._pay_attackers(jobs[len(value) :].tolist(), idle_rewards[len(value) :], idle_pool)
        for part in self.parts.values():
            mine = list(part.populations.values())
            part.reward_providers(token, [item for item in paid if item[0] in mine])
        if self.controller:
            self.controller.end_epoch(token.burned * self.world.scale, token.price)

    def _idle(self, tiers: list[Done]) -> Floats:
        """Weights in the availability pool: of every row of the tiers, then of every row of every farm."""
        rules, world = self.rules, self.world
        nodes = [idle_nodes(p, k, work, world, rules.epoch, rules.octanebench) for (p, k), work in tiers]
        farms = [farm.show(rules.epoch) for farm in self.farms]
        return IdleNodes.joined(nodes + farms).weights(self.pools.wallet_penalty)

    def _pay_attackers(self, jobs: list[int], idle: Ints, idle_pool: int) -> None:
        """Pay wash traders their part of the job pool, and farms theirs of the availability pool."""
        source, token = self.treasuries.accounts["node_rewards"], self.token
        farmed = idle.reshape(len(self.farms), -1).sum(axis=1).tolist() if self.farms else []
        for amount in (*jobs, *farmed):
            self.sums["released"] += amount / token.unit
            self.sums["attackers_usd"] += amount / token.units_per_usd
        for trader, amount in zip(self.wash_traders, jobs, strict=True):
            trader.receive(amount, source)
        for farm, amount in zip(self.farms, farmed, strict=True):
            farm.receive(amount, idle_pool, source)

    def _units(self, tokens: float) -> int:
        return int(tokens / self.world.scale * self.token.unit)

    def _wash(self, value: Floats) -> tuple[Floats, Floats]:
        """Let wash traders buy; returns the USD of work of every row, and of every trader's own."""
        till = self.parts[next(iter(self.rules.tiers))].fees
        price, pool = self.token.price, self.job_pool / self.world.scale
        own: list[float] = []
        for trader in self.wash_traders:
            others = float(value.sum()) + sum(own)
            spent, kept = trader.buy(others, pool, price, till)
            self.sums["wash_usd"] += spent
            own.append(kept)
            if value.any():  # work that went to others' nodes
                value = value * (1.0 + (spent - kept) / value.sum())
        total = float(value.sum()) + sum(own)
        self.reward_ratio = math.nan
        if total:
            fee = self.payment.operator_fee
            self.reward_ratio = render_reward_ratio(pool, price, total, fee)
            self.sums["job_pool_usd"] += pool * price
            self.sums["render_burn_usd"] += render_payment_split(total, fee)[0]
        return value, np.array(own)

    def _compute_rewards(self) -> tuple[list[Rows], Ints]:
        """Rows of the compute subnet, and their base units: for availability, then for jobs, row by row."""
        parts = [self.parts[part] for part in self.rules.compute]
        done = [(part, part.take_epoch()) for part in parts]
        rewards = [part.compute_rewards(items, self.yesterday) for part, items in done]
        tokens = np.concatenate([np.empty(0), *(r[0] for r in rewards), *(r[1] for r in rewards)])
        units = np.floor(tokens * self.token.unit).astype(np.int64)
        wanted = int(units.sum())
        if self.pools.compute_month is not None:
            day = self.yesterday - datetime.timedelta(days=self.rules.emission.genesis.day - 1)
            month, paid = self._compute_month
            paid = paid if month == (day.year, day.month) else 0
            cap = self._units(self.pools.compute_month)
            allowed = min(wanted, max(cap - paid, 0))
            units = largest_remainder(allowed, units)
            self._compute_month = (day.year, day.month), paid + allowed
        return [rows for _, items in done for rows, _ in items], units

    def _affordable(self, *wanted: int) -> list[int]:
        """What the treasury of node rewards can pay of base units ``wanted``, all cut alike."""
        held = self.treasuries.balance("node_rewards")
        if sum(wanted) <= held:
            return list(wanted)
        return [int(part) for part in largest_remainder(held, list(wanted))]

    def _pay(self, what: str, total: str, rows: list[Rows], amounts: Ints) -> list[Paid]:
        """Pay base units to rows and note them as the parts' income ``what`` and in the sum ``total``."""
        if not rows:
            return []
        token, paid = self.token, divided(amounts, rows)
        for population, k, part in paid:
            account = self.treasuries.accounts["node_rewards"]
            self.world.ledger.pay_out(part, token.asset, account, population.book.token_account[k])
        for owner in self.parts.values():
            owner.note_income(what, paid, token)
        self.sums["released"] += float(amounts.sum()) / token.unit
        self.sums[total] += float(amounts.sum()) / token.units_per_usd
        return paid

    @property
    def released(self) -> float:
        """Simulated tokens that reached recipients since the start: nodes, Salad, operations, grants."""
        salad = self.salad.rewarded if self.salad else 0.0
        return self.sums["released"] + salad + self.treasuries.released / self.token.unit
