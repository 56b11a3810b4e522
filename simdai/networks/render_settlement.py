"""An epoch of Render settled: payments burned, pools shared out, attackers paid like everybody else."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.compute_network import MICRO, Paid, Rows, divided
from simdai.economy.providers import Providers
from simdai.mechanisms.burn_mint import render_payment_split, render_reward_ratio
from simdai.mechanisms.rounding import largest_remainder
from simdai.networks.render_availability import IdleNodes, idle_nodes
from simdai.networks.render_part import Done, Part

if TYPE_CHECKING:
    from simdai.networks.render import RenderNetwork

__all__ = ["Settlement"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Settlement:
    """Uses what customers paid, and at the end of an epoch pays for its work."""

    def __init__(self, network: RenderNetwork) -> None:
        self.network, self.world, self.token = network, network.world, network.token
        self.treasuries, self.parts = network.treasuries, network.parts
        self._compute_month: tuple[tuple[int, int], int] = ((0, 0), 0)  # BME month, base units paid in it
        self._not_noted = self._noted_to = 0.0  # USD of payments that traders have not heard of; day

    def note(self, usd: float) -> None:
        """Tell traders with the next payments that customers paid ``usd`` elsewhere in the network."""
        self._not_noted += usd

    # -- payments --------------------------------------------------------------------------------------------

    def use_payments(self) -> None:
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
        fee = round(render_payment_split(usd, self.network.payment.operator_fee)[1])
        ledger.transfer(fee, "USD", part.fees, self.network.operator)
        part.usd_used += usd
        self.network.sums["spend_usd"] += usd / MICRO
        self.network.sums["fee_usd"] += fee / MICRO
        self._burn(usd - fee, part.fees)
        return usd

    def _burn(self, usd: int, payer: str) -> None:
        """Burn tokens worth ``usd`` micro-USD, from stock where the rule says so, the rest bought."""
        if self.network.payment.burn_from == "stock":
            ledger, token, stock = self.world.ledger, self.token, self.treasuries.accounts["operations"]
            wanted = int(usd / MICRO * token.units_per_usd)
            tokens = min(wanted, self.treasuries.balance("operations"))
            value = usd * tokens // wanted if wanted else 0
            self.treasuries.burn("operations", tokens)
            ledger.transfer(value, "USD", payer, stock)
            self.network.sums["from_stock"] += tokens / token.unit
            usd -= value
        self.token.buy_and_burn(usd, payer)

    # -- the epoch -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End of an epoch: wash trades, burns, and the rewards of the epoch's work."""
        net, token = self.network, self.token
        net.pools = net.rules.pools.at(net.yesterday)
        self.treasuries.end_epoch()
        net.job_pool = net.controller.pool if net.controller else net.pools.job_pool(net.yesterday)
        tiers = [done for part in net.rules.tiers for done in self.parts[part].take_epoch()]
        value = np.concatenate([np.empty(0), *(work.value_usd for _, work in tiers)])
        value, own = self._wash(value)
        self.use_payments()
        idle = self._idle(tiers)
        compute_rows, compute = self._compute_rewards()
        jobs_pool, idle_pool, compute_pool = self._affordable(
            self._units(net.job_pool) if value.any() or own.any() else 0,
            self._units(net.pools.availability) if idle.any() else 0,
            int(compute.sum()),
        )
        if not net.foundation["rewards"]:
            jobs_pool = idle_pool = compute_pool = 0
        rows = [rows for rows, _ in tiers]
        jobs = largest_remainder(jobs_pool, np.append(value, own))
        idle_rewards = largest_remainder(idle_pool, idle)
        available, hired = np.split(largest_remainder(compute_pool, compute), 2)
        rewards = [
            self.pay("jobs", "jobs_usd", rows, jobs[: len(value)]),
            self.pay("availability", "availability_usd", rows, idle_rewards[: len(value)]),
            self.pay("availability", "compute_usd", compute_rows, available),
            self.pay("jobs", "compute_usd", compute_rows, hired),
        ]
        self._pay_attackers(jobs[len(value) :].tolist(), idle_rewards[len(value) :], idle_pool)
        for part in self.parts.values():
            part.release_stakes()
            mine = list(part.populations.values())
            paid, in_hand = (
                [item for reward in rewards for item in reward[n] if item[0] in mine] for n in (0, 1)
            )
            part.reward_providers(token, paid, in_hand)
        if net.controller:
            net.controller.end_epoch(token.burned * self.world.scale, token.price)

    def _idle(self, tiers: list[Done]) -> Floats:
        """Weights in the availability pool: of every row of the tiers, then of every row of every farm."""
        rules, world = self.network.rules, self.world
        nodes = [idle_nodes(p, k, work, world, rules.epoch, rules.octanebench) for (p, k), work in tiers]
        farms = [farm.show(rules.epoch) for farm in self.network.farms]
        return IdleNodes.joined(nodes + farms).weights(self.network.pools.wallet_penalty)

    def _pay_attackers(self, jobs: list[int], idle: Ints, idle_pool: int) -> None:
        """Pay wash traders their part of the job pool, and farms theirs of the availability pool."""
        net, token = self.network, self.token
        farmed = idle.reshape(len(net.farms), -1).sum(axis=1).tolist() if net.farms else []
        for amount in (*jobs, *farmed):
            net.sums["released"] += amount / token.unit
            net.sums["attackers_usd"] += amount / token.units_per_usd
        for trader, amount in zip(net.wash_traders, jobs, strict=True):
            self.treasuries.pay("node_rewards", amount, trader.account)
            trader.receive(amount)
        for farm, amount in zip(net.farms, farmed, strict=True):
            self.treasuries.pay("node_rewards", amount, farm.account)
            farm.receive(amount, idle_pool)

    def _units(self, tokens: float) -> int:
        return int(tokens / self.world.scale * self.token.unit)

    def _wash(self, value: Floats) -> tuple[Floats, Floats]:
        """Let wash traders buy; returns the USD of work of every row, and of every trader's own."""
        net = self.network
        till = self.parts[next(iter(net.rules.tiers))].fees
        price, pool = self.token.price, net.job_pool / self.world.scale
        own: list[float] = []
        for trader in net.wash_traders:
            others = float(value.sum()) + sum(own)
            spent, kept = trader.buy(others, pool, price, till)
            net.sums["wash_usd"] += spent
            own.append(kept)
            if value.any():  # work that went to others' nodes
                value = value * (1.0 + (spent - kept) / value.sum())
        total = float(value.sum()) + sum(own)
        net.reward_ratio = math.nan
        if total:
            fee = net.payment.operator_fee
            net.reward_ratio = render_reward_ratio(pool, price, total, fee)
            net.sums["job_pool_usd"] += pool * price
            net.sums["render_burn_usd"] += render_payment_split(total, fee)[0]
        return value, np.array(own)

    def _compute_rewards(self) -> tuple[list[Rows], Ints]:
        """Rows of the compute subnet, and their base units: for availability, then for jobs, row by row."""
        parts = [self.parts[part] for part in self.network.rules.compute]
        done = [(part, part.take_epoch()) for part in parts]
        rewards = [part.compute_rewards(items, self.network.yesterday) for part, items in done]
        tokens = np.concatenate([np.empty(0), *(r[0] for r in rewards), *(r[1] for r in rewards)])
        units = np.floor(tokens * self.token.unit).astype(np.int64)
        wanted = int(units.sum())
        if self.network.pools.compute_month is not None:
            genesis = self.network.rules.emission.genesis
            day = self.network.yesterday - datetime.timedelta(days=genesis.day - 1)
            month, paid = self._compute_month
            paid = paid if month == (day.year, day.month) else 0
            cap = self._units(self.network.pools.compute_month)
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

    def pay(
        self, what: str, total: str, rows: list[Rows], amounts: Ints, category: str = "node_rewards"
    ) -> tuple[list[Paid], list[Paid]]:
        """Pay base units to rows and note them as the parts' income ``what`` and in the sum ``total``.

        Returns what the nodes earned, and what of it they got in hand; the rest is withheld as their stake.
        """
        if not rows:
            return [], []
        token, paid, in_hand = self.token, divided(amounts, rows), list[Paid]()
        for population, k, part in paid:
            owner = self._owner(population)
            got, kept = owner.targets(population, k, part, token)
            self.treasuries.pay_out(category, got, population.book.token_account[k])
            if kept.any():
                block = owner.withheld[self._name(owner, population)]
                self.treasuries.pay_out(category, kept, block.indices[k])
            in_hand.append((population, k, got))
        for owner in self.parts.values():
            owner.note_income(what, paid, token)
        self.network.sums["released"] += float(amounts.sum()) / token.unit
        self.network.sums[total] += float(amounts.sum()) / token.units_per_usd
        return paid, in_hand

    def _owner(self, population: Providers) -> Part:
        """The part that a population belongs to."""
        return next(part for part in self.parts.values() if population in part.populations.values())

    @staticmethod
    def _name(part: Part, population: Providers) -> str:
        return next(name for name, mine in part.populations.items() if mine is population)
