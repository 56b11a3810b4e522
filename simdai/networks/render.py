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
from simdai.economy.flows import FlowsReport
from simdai.economy.foundation import Foundation
from simdai.economy.providers import Providers
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.emission import render_extra_cap, render_max_supply
from simdai.mechanisms.rounding import largest_remainder
from simdai.networks.render_availability import AvailabilityFarm
from simdai.networks.render_budgets import Emission, Treasury
from simdai.networks.render_clients import ClientMonths
from simdai.networks.render_controller import PoolController
from simdai.networks.render_part import Part
from simdai.networks.render_report import report
from simdai.networks.render_rules import (
    ClientRewards,
    ComputePart,
    Controller,
    Nodes,
    Payment,
    RewardPools,
    Tier,
)
from simdai.networks.render_salad import SaladSubnet
from simdai.networks.render_salad_rules import Hosts, Salad
from simdai.networks.render_settlement import Settlement
from simdai.networks.render_treasury import Treasuries
from simdai.networks.render_upgrade import Upgrade, UpgradeRewards
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
    """Somebody who buys work of the network's own nodes at the end of an epoch, and gets part of the pool."""

    account: str

    def buy(self, others: float, pool: float, price: float, till: str) -> tuple[float, float]:
        """Pay into the account ``till``; returns the USD paid, and those of them for the buyer's own work.

        Parameters
        ----------
        others : USD of the epoch's other work; pool : tokens for all of it; price : USD per token
        """

    def receive(self, amount: int) -> None:
        """Take note of ``amount`` base units of reward on the buyer's account."""


class Render(Network, kind="render"):
    """The Render network (BME regime, from 2023-12).

    Parameters
    ----------
    token : RENDER
    epoch : days between settlements
    step : days between two looks of nodes at their income, and between two uses of payments
    octanebench : OctaneBench score of a speed-1 GPU; others in proportion to their speed
    payment : what happens to customers' USD, by date
    pools : what nodes share in an epoch, by date
    emission : the mint
    treasury : what is held, paid out and sold of operations, node_rewards and grants
    tiers : rendering nodes by tier; venues ``NAME.TIER``
    compute : parts of the compute subnet; venues ``NAME.PART``
    salad : the subnet of home GPUs; none without
    salad_hosts : its nodes; without, its rewards go to one account
    upgrade : rewards for moving to the new token early; none without
    controller : moves the job pool from its first value on, whatever ``pools`` says later; none without
    """

    emits: ClassVar[bool] = True
    functions: ClassVar[Mapping[str, str]] = {
        "routing": "the queues that send jobs to nodes, and their checks: no node works without",
        "rewards": "the mint, what nodes and grants are paid out of it, and Salad's settlement in tokens",
    }

    token: Token
    epoch: PositiveDays
    step: PositiveDays = 1.0
    octanebench: Positive
    payment: Regimes[Payment]
    pools: Regimes[RewardPools]
    emission: Emission
    treasury: FrozenMapping[Literal["operations", "node_rewards", "grants"], Treasury]
    tiers: FrozenMapping[Name, Tier]
    compute: FrozenMapping[Name, ComputePart] = FrozenMapping()
    salad: Salad | None = None
    salad_hosts: Hosts | None = None
    upgrade: Upgrade | None = None
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
        if self.salad_hosts is not None and self.salad is None:
            raise ValueError("salad_hosts: there is no 'salad' that they belong to")
        if self.emission.cap > render_extra_cap():
            raise ValueError(f"emission.cap exceeds what may be minted, {render_extra_cap()}")
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
    """Render on the clock. Step: burns. Epoch: job pool, availability pool, compute rewards. Month: mint.

    Accounts: those of its token and treasuries, of every part, ``NAME.operator`` (the fee).
    """

    def __init__(self, rules: Render, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.payment, self.pools = rules.payment.at(world.start_date), rules.pools.at(world.start_date)
        self.token = TokenMarket(rules.token, world, name)
        self.operator = f"{name}.operator"
        world.ledger.open(self.operator)
        self.foundation = Foundation(rules.functions)
        self.treasuries = Treasuries(rules.emission, rules.treasury, world, name, self.token, self.foundation)
        self.salad = (
            SaladSubnet(rules.salad, rules.salad_hosts, world, name, self.token, self.treasuries)
            if rules.salad
            else None
        )
        self.upgrade = (
            UpgradeRewards(rules.upgrade, world, name, self.token, self.treasuries) if rules.upgrade else None
        )
        self.parts: dict[str, Part] = {
            part: Part(
                part_rules,
                world,
                f"{name}.{part}",
                token=self.token,
                epoch=rules.epoch,
                step=rules.step,
                octanebench=rules.octanebench,
                fee=self.payment.operator_fee,
            )
            for part, part_rules in rules.parts.items()
        }
        self.job_pool = self.pools.job_pool(world.start_date)
        """Tokens for the jobs of the epoch that is settled next, or was last."""
        self.controller = PoolController(rules.controller, self.job_pool) if rules.controller else None
        self.wash_traders: list[WashTrader] = []
        self.farms: list[AvailabilityFarm] = []
        self.foundation.needed_for_work("routing", self.populations)
        for part in self.parts.values():
            self.foundation.tell("rewards", part.fund)
        self.settlement = Settlement(self)
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
    def served(self) -> float:
        """Real USD that customers have paid since the start; prices are set in USD."""
        return self.flows.revenue_usd

    @property
    def flows(self) -> Flows:
        """What customers paid, wash traders not counted, and what reached recipients of new tokens."""
        parts = [part.flows for part in self.parts.values()]
        revenue, subsidy = sum(f.revenue_usd for f in parts), sum(f.subsidy_usd for f in parts)
        salad = (self.salad.revenue_usd, self.salad.rewarded_usd) if self.salad else (0.0, 0.0)
        others = salad[1] + self.treasuries.released_usd + self.sums["attackers_usd"]
        others += self.upgrade.paid_usd if self.upgrade else 0.0
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
        calendar.every(self.rules.step, Phase.EPOCHS, self._step, first=self.rules.step)
        calendar.every(self.rules.epoch, Phase.EPOCHS, self.settlement.settle, first=self.rules.epoch)
        self._start_client_months()
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
        self.settlement.use_payments()
        self.payment = rule
        for part in self.parts.values():
            part.set_price(rule.operator_fee)

    @property
    def yesterday(self) -> datetime.date:
        """The day that has just ended; its rules hold for what is settled now."""
        return self.world.start_date + datetime.timedelta(days=self.world.env.now - 1.0)

    def _start_client_months(self) -> None:
        """Put the calendar months of compute clients on the calendar."""
        world, day = self.world, self.world.start_date
        paid = [
            name
            for name, rules in self.rules.compute.items()
            if any(isinstance(rule, ClientRewards) for rule in rules.rewards.rules)
        ]
        self.client_months = {name: ClientMonths(self.parts[name]) for name in paid}
        while paid and world.days_until(day) <= world.horizon:
            later, month = divmod(day.month, 12)
            began, day = day, datetime.date(day.year + later, month + 1, 1)
            world.calendar.at(world.days_until(day), Phase.EPOCHS, partial(self._close_client_month, began))

    def _close_client_month(self, began: datetime.date) -> None:
        """Pay the compute clients for the month that began on a day, out of operations."""
        for name, months in self.client_months.items():
            rules = self.rules.compute[name].rewards.at(began)
            if not isinstance(rules, ClientRewards):
                months.open()
                continue
            wanted = months.close(rules, began, self.token.unit)
            rows = [(population, k) for population, k, _ in wanted]
            amounts = np.concatenate([np.zeros(0, dtype=np.int64), *(part for _, _, part in wanted)])
            held = self.treasuries.balance("operations")
            if int(amounts.sum()) > held:
                amounts = largest_remainder(held, amounts)
            _, in_hand = self.settlement.pay("availability", "compute_usd", rows, amounts, "operations")
            self.parts[name].sell_tokens(self.token, in_hand)

    def _step(self) -> None:
        for part in self.parts.values():
            part.pay_grants(self.treasuries)
        if self.payment.burn_timing == "payment":
            self.settlement.use_payments()
        if self.salad and self.foundation["rewards"]:
            self.settlement.note(self.salad.work(self.yesterday, self.rules.step))

    @property
    def released(self) -> float:
        """Simulated tokens that reached recipients since the start: nodes, Salad, operations, grants."""
        salad = self.salad.rewarded if self.salad else 0.0
        upgraders = self.upgrade.paid if self.upgrade else 0
        return self.sums["released"] + salad + (self.treasuries.released + upgraders) / self.token.unit
