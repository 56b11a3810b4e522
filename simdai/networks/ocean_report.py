"""What an Ocean network reports: sales, jobs, leaks, feeds, locks, and who lives on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from simdai.economy.flows import FlowsReport
from simdai.mechanisms.data_leaks import exfiltrated_share, membership_advantage

if TYPE_CHECKING:
    from simdai.networks.ocean import OceanNetwork

__all__ = ["OceanReport"]

BITS_PER_GIB = 8.0 * 2**30


class OceanReport:
    """Registers the series (over the interval recorded, or levels) and outcomes (after the warm-up)."""

    def __init__(self, network: OceanNetwork) -> None:
        self.network, self.world, self.tallies = network, network.world, network.tallies
        self._since = 0.0

    def register(self) -> None:
        """Put everything on the recorder."""
        network, tallies = self.network, self.tallies
        tallies.report("orders", "count")
        FlowsReport(network, self.world, network.name).register()
        for what in ("surplus_usd", "value_with_usd", "value_without_usd"):
            tallies.report(f"protected.{what}", "USD")
        network.assets.firms.report()
        if network.compute:
            self._jobs()
        if network.feeds:
            self._feeds()
        if network.lockers:
            self._level("locked", "token", lambda: network.lockers.locked if network.lockers else 0.0)
            tallies.report("farming.lockers_tokens", "token")
        self.world.at_window(self._start_window)

    def _level(self, what: str, unit: str, reading: Callable[[], float]) -> None:
        for register in (self.world.recorder.series, self.world.recorder.outcome):
            register(f"{self.network.name}.{what}", unit, reading)

    def _start_window(self) -> None:
        self._since = self.world.env.now

    def _jobs(self) -> None:
        tallies, world, compute = self.tallies, self.world, self.network.compute
        assert compute is not None
        for what in ("submitted", "done", "failed", "abandoned", "cancelled", "refused"):
            tallies.report(f"compute.{what}", "count")
        tallies.report("compute.revenue_usd", "USD")
        tallies.report_ratio("compute.mean_wait_hours", "compute.wait_hours", "compute.started", "h")
        name = self.network.name

        def use() -> float:
            offered = compute.slots * (world.env.now - self._since)
            return tallies.since_window("compute.busy_days") / offered if offered else math.nan

        def earned() -> float:
            days = world.env.now - self._since
            return compute.margin(tallies.since_window("compute.revenue_usd"), days) if days else math.nan

        world.recorder.outcome(f"{name}.compute.utilisation", "1", use)
        world.recorder.outcome(f"{name}.compute.margin", "1", earned)
        self._level("leak.output", "1", self._output_leak)
        self._level("leak.membership", "1", self._membership_leak)
        self._level("leak.operators", "1", self._operator_leak)

    def _mean_over_protected(self, values: list[float]) -> float:
        return float(np.mean(values)) if values else 0.0

    def _protected_jobs(self) -> list[tuple[float, float, float]]:
        """Jobs, size in GiB and log chance of being unseen, of protected assets."""
        assets = self.network.assets
        k = np.flatnonzero(assets.protected)
        return list(
            zip(assets.jobs[k].tolist(), assets.size[k].tolist(), assets.unseen[k].tolist(), strict=True)
        )

    def _output_leak(self) -> float:
        """Mean share of a protected asset that outputs could have carried away."""
        rules = self.network.rules.compute
        assert rules is not None
        output = rules.output * BITS_PER_GIB
        return self._mean_over_protected(
            [exfiltrated_share(jobs, output, size * BITS_PER_GIB) for jobs, size, _ in self._protected_jobs()]
        )

    def _membership_leak(self) -> float:
        """Mean bound on telling members of a protected asset from others."""
        rules = self.network.rules.compute
        assert rules is not None
        return self._mean_over_protected(
            [membership_advantage(jobs, rules.epsilon) for jobs, _, _ in self._protected_jobs()]
        )

    def _operator_leak(self) -> float:
        """Mean chance that an operator has read a protected asset along."""
        return self._mean_over_protected([-math.expm1(unseen) for _, _, unseen in self._protected_jobs()])

    def _feeds(self) -> None:
        tallies, feeds = self.tallies, self.network.feeds
        assert feeds is not None
        tallies.report("subscriptions", "count")
        tallies.report("farming.predictors_tokens", "token")
        self._level("feeds.accuracy", "1", lambda: float(feeds.accuracy.mean()))
        for group, members in feeds.groups.items():
            tallies.report(f"predictors.{group}.net_usd", "USD")
            members.firms.report()
