"""Render: creators pay in USD, the payment burns tokens, and nodes share tokens minted on a schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from simdai.economy.actors import Network, Seller, World
from simdai.economy.calendar import Phase
from simdai.economy.compute_network import MICRO, Paid, divided
from simdai.economy.providers import Providers
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.burn_mint import render_payment_split, render_reward_ratio
from simdai.mechanisms.emission import render_max_supply
from simdai.mechanisms.rounding import largest_remainder
from simdai.networks.render_part import Done, Part, availability_weights
from simdai.networks.render_rules import ComputePart, Emission, JobPool, Nodes, Payment, Salad, Tier, Treasury
from simdai.networks.render_salad import SaladSubnet
from simdai.networks.render_treasury import Treasuries
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Name, Positive, PositiveDays

__all__ = ["Render", "RenderNetwork"]

WashTrade = Callable[[float, float, float], tuple[int, int]]
"""Given others' spend [USD], the job pool [tokens] and the price: micro-USD paid, and the worth of the work
that counts as the buyer's own."""


class Render(Network, kind="render"):
    """The Render network (BME regime, from 2023-12).

    Parameters
    ----------
    token : RENDER
    epoch : days between settlements
    octanebench : OctaneBench score of a speed-1 GPU; others in proportion to their speed
    payment : what happens to customers' USD, by date
    pool : what rendering nodes share in an epoch, by date
    emission : the mint
    treasury : what is held, paid out and sold of operations, node_rewards and grants
    tiers : rendering nodes by tier; venues ``NAME.TIER``
    compute : parts of the compute subnet; venues ``NAME.PART``
    salad : the subnet of home GPUs, by date; none without
    """

    token: Token
    epoch: PositiveDays
    octanebench: Positive
    payment: Regimes[Payment]
    pool: Regimes[JobPool]
    emission: Emission
    treasury: FrozenMapping[Literal["operations", "node_rewards", "grants"], Treasury]
    tiers: FrozenMapping[Name, Tier]
    compute: FrozenMapping[Name, ComputePart] = FrozenMapping()
    salad: Regimes[Salad] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        missing = [c for c in ("operations", "node_rewards", "grants") if c not in self.treasury]
        if missing:
            raise ValueError(f"treasury: give {', '.join(missing)} too; the amounts may be 0")
        both = sorted(set(self.tiers) & set(self.compute))
        if both:
            raise ValueError(f"tiers and compute both hold {', '.join(both)}; give each a name of its own")
        held = sum(treasury.held for treasury in self.treasury.values())
        if held > self.token.supply * (1.0 - self.token.traders_share - self.token.treasury_share):
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
        return {f"{part}.{name}": p for part, rules in self.parts.items() for name, p in rules.providers.items()}

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
        self.payment, self.pool = rules.payment.at(world.start_date), rules.pool.at(world.start_date)
        self.salad_rules = rules.salad.at(world.start_date) if rules.salad else None
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
        self.tiers = [self.parts[part] for part in rules.tiers]
        self.compute = [self.parts[part] for part in rules.compute]
        self.wash_trades: list[WashTrade] = []
        """Operators who buy their own work at the end of each epoch."""
        self._job_value = 0.0  # USD of rendering in the epoch that was settled last
        self._tokens_of_month = [0.0, 0.0]  # compute rewards paid, and mint at which the month began
        self.reward_ratio = math.nan
        """Reward over burn of rendering in the epoch settled last."""
        self.sums = dict.fromkeys(
            ("spend_usd", "wash_usd", "fee_usd", "jobs_usd", "availability_usd", "compute_usd", "burned_value"),
            0.0,
        )
        self.released = 0  # base units that reached nodes
        self.burned_from_stock = 0

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
        for hook, regimes in (("payment", self.rules.payment), ("pool", self.rules.pool)):
            self._follow(hook, regimes)
        if self.rules.salad:
            self._follow("salad_rules", self.rules.salad)
        self._report()

    def _follow(self, hook: str, regimes: Regimes[Any]) -> None:
        for regime in regimes:
            time = -1.0 if regime.start is None else self.world.days_until(regime.start)
            if 0 < time <= self.world.horizon:
                self.world.calendar.at(time, Phase.REGIMES, partial(self._switch, hook, regime.rule))

    def _switch(self, hook: str, rule: Any) -> None:
        """Put a rule in force; payments that came in under the old one are used under it first."""
        if hook == "payment":
            self._use_payments()
        setattr(self, hook, rule)

    def _day(self) -> None:
        if self.payment.burn_timing == "payment":
            self._use_payments()
        if self.salad and self.salad_rules:
            self.salad.day(self.salad_rules)

    # -- payments --------------------------------------------------------------------------------------------

    def _use_payments(self) -> None:
        """Split what customers paid since the last time: the operator's fee, and tokens burned for the rest."""
        days = 1.0 if self.payment.burn_timing == "payment" else self.rules.epoch
        total = sum(self.use_payment(part) for part in self.parts.values())
        self.token.note_fees(total / MICRO, days)

    def use_payment(self, part: Part) -> int:
        """Split the payments that lie with a part; returns them in micro-USD."""
        ledger = self.world.ledger
        usd = ledger.balance("USD", part.fees)
        fee = round(render_payment_split(usd, self.payment.operator_fee)[1])
        ledger.transfer(fee, "USD", part.fees, self.operator)
        part.usd_used += usd
        self.sums["spend_usd"] += usd / MICRO
        self.sums["fee_usd"] += fee / MICRO
        self.sums["burned_value"] += (usd - fee) / MICRO
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
            self.burned_from_stock += tokens
            usd -= value
        self.token.buy_and_burn(usd, payer)

    # -- the epoch -------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """End of an epoch: wash trades, burns, and the rewards of the epoch's work."""
        done = {name: part.take_epoch() for name, part in self.parts.items()}
        tier_work = [item for name in self.rules.tiers for item in done[name]]
        value = np.concatenate([np.empty(0), *(work.value_usd for _, work in tier_work)])
        own = self._take_wash_trades(value)
        self._use_payments()
        weights, owed = [], []
        for name, part in zip(self.rules.compute, self.compute, strict=True):
            available, jobs = part.compute_rewards(done[name])
            weights.append(self._in_units(available + jobs))
            owed.append(jobs.sum() / (available + jobs).sum() if (available + jobs).any() else 0.0)
        self._cap_compute(weights)
        idle = availability_weights(
            tier_work, self.world.env.now, self.rules.epoch, self.rules.octanebench, self.pool.wallet_penalty
        )
        pools = [
            self._pool_units(self.pool.job) if value.sum() + sum(own) > 0 else 0,
            self._pool_units(self.pool.availability) if idle.any() else 0,
            sum(int(w.sum()) for w in weights),
        ]
        held = self.treasuries.balance("node_rewards")
        if sum(pools) > held:  # an empty treasury pays all alike
            pools = largest_remainder(held, pools).tolist()
        self._note_ratio(float(value.sum()) + self._last_wash, pools[0])
        jobs_paid = largest_remainder(pools[0], np.append(value, own))
        rows = [rows for rows, _ in tier_work]
        by_part: dict[int, list[Paid]] = {id(part): [] for part in self.parts.values()}
        for what, amounts in (("jobs", jobs_paid[: len(value)]), ("availability", largest_remainder(pools[1], idle))):
            self._pay(what, self.tiers, divided(amounts, rows) if rows else [], by_part)
        left = pools[2]
        total = sum(int(w.sum()) for w in weights)
        for name, part, wanted, job_share in zip(self.rules.compute, self.compute, weights, owed, strict=True):
            amount = pools[2] * int(wanted.sum()) // total if total else 0
            left -= amount
            paid = divided(largest_remainder(amount, wanted), [rows for rows, _ in done[name]])
            self._pay_compute(part, paid, job_share, by_part)
        self._pay_wash_traders(jobs_paid[len(value) :])
        for part in self.parts.values():
            part.reward_providers(self.token, by_part[id(part)])
