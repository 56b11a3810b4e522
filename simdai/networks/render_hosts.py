"""Salad's nodes: home GPUs that send a heartbeat, share the day's rewards, come and go by what they net."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.provider_choice import (
    entrants_per_day,
    exit_hazard,
    marginal_cost_per_hour,
    probability,
    whole_number,
)
from simdai.networks.render_salad_rules import Hosts

__all__ = ["SaladHosts"]

WITHDRAWAL = 7.0  # days between withdrawals of what has accrued

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class SaladHosts:
    """The hosts, a row for every one that ever joined; blocks ``NAME.salad.hosts`` in USD and tokens.

    A row stands for as many hosts as the rules say, which share one fate and one account. Rewards accrue at
    every step and are withdrawn once a week. Everything individual comes from streams keyed by the row and
    the day.
    """

    def __init__(self, rules: Hosts, world: World, name: str, token: TokenMarket, source: str) -> None:
        self.rules, self.world, self.name, self.token, self.source = rules, world, name, token, source
        ledger = world.ledger
        self.usd = ledger.block(f"{name}.salad.hosts")
        self.tokens = ledger.block(f"{name}.salad.hosts", token.asset)
        self._luck = {
            what: world.entity(f"salad.{what}", name) for what in ("heavy", "there", "exit", "entry")
        }
        self.alive: Bools = np.zeros(0, dtype=bool)
        self._hours = np.zeros(0)  # a day, when there
        self._accrued, self._net = np.zeros(0), np.zeros(0)  # base units; USD a day on average
        self._weight = 0.0
        self.heartbeats = 0
        """Hosts that were there on the last day."""

    def start(self) -> None:
        """Report the hosts."""
        recorder, scale, name = self.world.recorder, self.world.scale, f"{self.name}.salad.hosts"
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.count", "count", lambda: scale * self.count)
            register(f"{name}.heartbeats", "count", lambda: scale * self.heartbeats)
            register(f"{name}.net_usd_per_day", "USD/d", lambda: self.mean_net)

    @property
    def count(self) -> int:
        """Simulated hosts that have not left."""
        return int(self.alive.sum()) * self.rules.represents

    @property
    def mean_net(self) -> float:
        """USD a day that a host nets; nan without hosts."""
        return float(self._net[self.alive].mean()) if self.alive.any() else math.nan

    def migrate(self, revenue: float) -> None:
        """Have as many hosts as belong to a stage with ``revenue`` USD a year; those that lack join."""
        stage = min(revenue / self.rules.full_revenue, 1.0)
        hosts = self.rules.count / self.rules.daily * stage / self.world.scale
        self._join(max(round(hosts / self.rules.represents) - int(self.alive.sum()), 0))

    def _join(self, n: int) -> None:
        rules, first = self.rules, len(self.alive)
        heavy = self._luck["heavy"].uniforms(np.arange(first, first + n), 0) < rules.heavy
        hours = np.where(heavy, rules.heavy_hours, rules.light_hours)
        self._hours = np.concatenate([self._hours, hours])
        self._accrued = np.concatenate([self._accrued, np.zeros(n)])
        known = self._net[self.alive]  # newcomers expect what the others net
        self._net = np.concatenate([self._net, np.full(n, float(known.mean()) if len(known) else 0.0)])
        self.alive = np.concatenate([self.alive, np.ones(n, dtype=bool)])
        self.usd.extend(n)
        self.tokens.extend(n)

    def work(self, units: int, days: float, sold: float) -> None:
        """Share ``units`` of rewards among those who were there, then leave and join.

        Parameters
        ----------
        days : for which those who are there on the last one stand
        sold : share of what they withdraw that hosts sell
        """
        rules, day = self.rules, round(self.world.env.now)
        there = self.alive & (self._luck["there"].uniforms(np.arange(len(self.alive)), day) < rules.daily)
        self.heartbeats = int(there.sum()) * rules.represents
        hours = np.where(there, self._hours * days, 0.0)
        total = float(hours.sum())
        shares = hours * (units / total) if total else np.zeros(len(hours))
        self._accrued += shares
        power = marginal_cost_per_hour(rules.power, 1.0, rules.electricity) * rules.load
        net = (shares / rules.represents / self.token.units_per_usd - hours * power) / days
        weight = weight_of_new(days, rules.memory)
        self._weight += weight * (1.0 - self._weight)
        self._net += weight / self._weight * (net - self._net)
        if units:
            self._come_and_go(day, days)
        if day % WITHDRAWAL < days:
            self._withdraw(sold)

    def _come_and_go(self, day: int, days: float) -> None:
        rules, mean = self.rules, self.mean_net
        hazard = exit_hazard(self._net / rules.indifference, rules.exit_hazard, 1.0)
        drawn = self._luck["exit"].uniforms(np.arange(len(self.alive)), day)
        gone = self.alive & (drawn < probability(hazard, days))
        self.alive &= ~gone
        rows = int(self.alive.sum())
        rate = entrants_per_day(rows, mean / rules.indifference, 0.0, rules.growth, rules.growth_ceiling)
        n = whole_number(rate * days, self._luck["entry"].uniform(0, day))
        if n:
            self._join(n)

    def _withdraw(self, sold: float) -> None:
        """Pay what has accrued, and sell a part of it at one price."""
        ledger, asset = self.world.ledger, self.token.asset
        held = ledger.balance(asset, self.source)
        k = np.flatnonzero(self._accrued > 0)
        amounts = ledger.split(held, self._accrued[k])
        ledger.pay_out(amounts, asset, self.source, self.tokens.indices[k])
        self._accrued[k] = 0.0
        parts = np.floor(amounts * sold).astype(np.int64)
        self.token.sell_block(parts, self.tokens.indices[k], self.usd.indices[k])
