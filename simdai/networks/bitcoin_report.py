"""What Bitcoin reports: difficulty and spacing, what a hash earns, miners, fees, the cost of an attack."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from simdai.mechanisms.bitcoin_mining import (
    attack_cost_hardware,
    attack_cost_rental,
    death_spiral,
)
from simdai.mechanisms.concentration import gini, nakamoto
from simdai.mechanisms.security import security_ratio
from simdai.networks.bitcoin_chain import SECONDS_PER_DAY, Mined

if TYPE_CHECKING:
    from simdai.economy.actors import World
    from simdai.networks.bitcoin import BitcoinNetwork

__all__ = ["BitcoinReport"]

EH, TH = 1e18, 1e12
MAJORITY = 0.5
RENT_HOURS = 1.0
DAYS_PER_YEAR = 365.25
Sums = tuple[float, float, float, float]


class BitcoinReport:
    """Registers the series (levels now; rates over the interval recorded) and outcomes (after the warm-up).

    ``attack_rent_usd_per_hour`` rents as much hash rate as there is, ``cost_to_attack_usd`` buys machines.
    ``longest_period_days``, ``largest_fall`` (of the difficulty at one retarget), ``difficulty_drawdown``
    (from its highest value so far) and ``difficulty_recovery_days`` look at whole difficulty periods.
    ``death_spiral`` is 1 once the miners who stay could not wait for the retarget.
    """

    def __init__(self, network: BitcoinNetwork, world: World, name: str) -> None:
        self.network, self.world, self.name = network, world, name
        self._blocks = self._subsidy = self._fees = 0.0
        self._start = self._last = self._now
        self._interval = self._since(self._last)
        self._cohort = np.empty(0, np.int64)
        self._window = 0.0
        self._period_rate = network.hash_rate  # hashes a second when the difficulty was last set
        self._bits = network.chain.bits
        self.spiral = False

    @property
    def _now(self) -> Sums:
        return self.network.chain.time, self._blocks, self._subsidy, self._fees

    def _since(self, then: Sums) -> Sums:
        time, blocks, subsidy, fees = self._now
        return time - then[0], blocks - then[1], subsidy - then[2], fees - then[3]

    def follow(self, mined: Mined, fees: int) -> None:
        """Take note of an epoch."""
        self._blocks += mined.blocks
        self._subsidy += mined.subsidy
        self._fees += fees
        network = self.network
        if network.chain.bits != self._bits:
            self._bits, self._period_rate = network.chain.bits, network.hash_rate
        if network.miners is not None and not self.spiral:
            lost = max(1.0 - network.miners.hash_rate / self._period_rate, 0.0)
            if lost > 0.0:
                liquidity = network.miners.liquidity_days(network.revenue_per_th)
                self.spiral = death_spiral(lost, liquidity, self._period_days)

    @property
    def _period_days(self) -> float:
        rule = self.network.rules.difficulty
        period = rule.unchanged_for(rule.period_start(self.network.chain.height))
        return period * rule.spacing / SECONDS_PER_DAY

    def register(self) -> None:
        """Put everything on the recorder."""
        recorder = self.world.recorder
        for measure, (unit, function) in self._levels().items():
            recorder.series(f"{self.name}.{measure}", unit, function)
            recorder.outcome(f"{self.name}.{measure}", unit, function)
        for measure, unit, rate in (("block_spacing_s", "s", spacing), ("fee_share", "1", fee_share)):
            recorder.series(
                f"{self.name}.{measure}",
                unit,
                lambda f=rate: f(self._interval),  # type: ignore[misc]
                looks_back=True,
            )
            recorder.outcome(
                f"{self.name}.{measure}",
                unit,
                lambda f=rate: f(self._since(self._start)),  # type: ignore[misc]
            )
        for measure, unit, outcome in (
            ("longest_period_days", "d", self._longest),
            ("largest_fall", "1", self._largest_fall),
            ("difficulty_drawdown", "1", self._drawdown),
            ("difficulty_recovery_days", "d", self._recovery),
            ("death_spiral", "1", lambda: float(self.spiral)),
            ("orphaned_share", "1", self._orphaned_share),
        ):
            recorder.outcome(f"{self.name}.{measure}", unit, outcome)
        if self.network.miners is not None:
            recorder.outcome(f"{self.name}.miners.retention", "1", self._retention)
        recorder.checks.append(self._close_interval)
        self.world.at_window(self._start_window)

    def _levels(self) -> dict[str, tuple[str, Callable[[], float]]]:
        network, rules = self.network, self.network.rules
        chain, world = network.chain, self.world

        def machine_price() -> float:
            return world.on(rules.machine_price) / TH

        levels: dict[str, tuple[str, Callable[[], float]]] = {
            "hash_rate_eh_s": ("EHps", lambda: network.hash_rate / EH),
            "difficulty": ("1", lambda: chain.difficulty),
            "height": ("count", lambda: chain.height),
            "hash_price_usd_per_ph_day": ("USD/d", lambda: network.revenue_per_th * 1000.0),
            "fee_rate_sat_per_vbyte": ("1", lambda: network.fee_rate),
            "security_budget_usd_per_day": ("USD/d", lambda: network.security_budget),
            "security_ratio": ("1/y", self._security_ratio),
            "cost_to_attack_usd": (
                "USD",
                lambda: attack_cost_hardware(network.hash_rate, machine_price(), MAJORITY),
            ),
            "attack_rent_usd_per_hour": (
                "USD",
                lambda: attack_cost_rental(network.security_budget, RENT_HOURS, rules.rent_premium, MAJORITY),
            ),
        }
        if (miners := network.miners) is not None:
            levels |= {
                "miners.count": ("count", lambda: float(miners.on.sum())),
                "miners.off": ("count", lambda: float((~miners.on & ~miners.gone).sum())),
                "miners.margin": ("1", self._margin),
                "miners.efficiency_j_per_th": ("1", lambda: ratio(miners.watts, miners.hash_rate / TH)),
                "miners.power_w": ("W", lambda: miners.watts),
                "miners.gini": ("1", lambda: gini(miners.running) if miners.on.any() else math.nan),
                "miners.nakamoto": (
                    "count",
                    lambda: nakamoto(miners.running, MAJORITY) if miners.on.any() else math.nan,
                ),
            }
        return levels

    def _security_ratio(self) -> float:
        """A year's budget over the value of all coins."""
        cap = self.network.token.supply * self.world.scale * self.network.token.price
        return security_ratio(self.network.security_budget * DAYS_PER_YEAR, cap)

    def _margin(self) -> float:
        """Mean margin of the hash rate at work."""
        miners = self.network.miners
        assert miners is not None
        weights = miners.running
        if not weights.any():
            return math.nan
        return float(np.average(miners.margins(self.network.revenue_per_th), weights=weights))

    def _close_interval(self) -> None:
        self._interval, self._last = self._since(self._last), self._now

    def _start_window(self) -> None:
        self._start, self._window = self._now, self.world.env.now
        self._found, self._lost = self.network.chain.found, self.network.chain.orphaned
        if self.network.miners is not None:
            self._cohort = np.flatnonzero(~self.network.miners.gone)

    def _retention(self) -> float:
        """Share of the sites present when the window began that have not left for good."""
        assert self.network.miners is not None
        return float((~self.network.miners.gone[self._cohort]).mean()) if len(self._cohort) else math.nan

    def _orphaned_share(self) -> float:
        chain = self.network.chain
        return ratio(chain.orphaned - self._lost, chain.found - self._found)

    def _longest(self) -> float:
        """Longest difficulty period that ended in the window, or the one under way."""
        chain = self.network.chain
        over = [p.days for p in chain.periods if p.start + p.days >= self._window]
        return max([*over, chain.time - chain.began])

    def _difficulties(self) -> list[float]:
        chain = self.network.chain
        seen = [p.difficulty for p in chain.periods if p.start + p.days >= self._window]
        return [*seen, chain.difficulty]

    def _largest_fall(self) -> float:
        seen = self._difficulties()
        return max((1.0 - after / before for before, after in pairwise(seen)), default=0.0)

    def _recovery(self) -> float:
        """Days from the highest difficulty before the deepest drawdown until it is back; nan if it is not."""
        chain = self.network.chain
        over = [p for p in chain.periods if p.start + p.days >= self._window]
        seen = np.array(self._difficulties())
        starts = [*(p.start for p in over), chain.began]
        lowest = int(np.argmin(seen / np.maximum.accumulate(seen)))
        highest = int(np.argmax(seen[: lowest + 1]))
        back = np.flatnonzero(seen[lowest:] >= seen[highest])
        return starts[lowest + int(back[0])] - starts[highest] if lowest and len(back) else math.nan

    def _drawdown(self) -> float:
        seen = np.array(self._difficulties())
        return float((1.0 - seen / np.maximum.accumulate(seen)).max())


def spacing(sums: Sums) -> float:
    """Mean seconds between blocks."""
    return ratio(sums[0] * SECONDS_PER_DAY, sums[1])


def fee_share(sums: Sums) -> float:
    """Fees as a share of all that blocks brought."""
    return ratio(sums[3], sums[2] + sums[3])


def ratio(part: float, whole: float) -> float:
    """Part over whole; nan of nothing."""
    return part / whole if whole else math.nan
