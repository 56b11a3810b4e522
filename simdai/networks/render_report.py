"""What the Render network reports, over all its parts; each part reports itself as every compute network."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from simdai.economy.actors import World
from simdai.economy.compute_network import MICRO
from simdai.economy.measures import Increment
from simdai.networks.render_treasury import CATEGORIES

if TYPE_CHECKING:
    from simdai.networks.render import RenderNetwork

__all__ = ["report"]


def report(network: RenderNetwork, world: World) -> None:
    """Register the network's series and outcomes: levels at the end, sums since the warm-up."""
    _Report(network, world).register()


class _Report:
    def __init__(self, network: RenderNetwork, world: World) -> None:
        self.network, self.world = network, world

    def _totals(self) -> dict[str, tuple[str, float]]:
        """Sums since the start by the names under which they are reported: unit, simulated amount."""
        network = self.network
        sums, token, salad, scale = network.sums, network.token, network.salad, self.world.scale
        totals = {
            "spend_usd": ("USD", sums["spend_usd"] + (salad.revenue_usd if salad else 0.0)),
            "wash_usd": ("USD", sums["wash_usd"]),
            "fee_usd": ("USD", sums["fee_usd"]),
            "rewards.jobs_usd": ("USD", sums["jobs_usd"]),
            "rewards.availability_usd": ("USD", sums["availability_usd"]),
            "rewards.compute_usd": ("USD", sums["compute_usd"]),
            "token.released": ("token", network.released),
            "token.net_release": ("token", network.released - token.burned),
            "token.burned_from_stock": ("token", sums["from_stock"]),
        }
        totals["grants_usd"] = "USD", sum(part.granted_usd for part in network.parts.values())
        if network.rules.emission.remint:
            totals["token.reminted"] = "token", network.treasuries.reminted / token.unit
        if network.upgrade:
            totals["upgrade.paid"] = "token", network.upgrade.paid / token.unit
            totals["upgrade.paid_to_first"] = "token", network.upgrade.paid_to_first / token.unit
        if salad:
            totals["token.pulled_forward"] = "token", network.treasuries.pulled / scale
            totals["salad.revenue_usd"] = "USD", salad.revenue_usd
            totals["salad.burned"] = "token", salad.burned
            totals["salad.rewarded"] = "token", salad.rewarded
        return totals

    def register(self) -> None:
        network, recorder, scale = self.network, self.world.recorder, self.world.scale
        name = network.name
        for total, (unit, _) in self._totals().items():
            recorder.series(f"{name}.{total}", unit, lambda t=total: scale * self._totals()[t][1])  # type: ignore[misc]
            recorder.outcome(
                f"{name}.{total}",
                unit,
                lambda t=total: scale * (self._totals()[t][1] - self._then[t][1]),  # type: ignore[misc]
            )
        levels: dict[str, tuple[str, Callable[[], float]]] = {
            "providers.count": ("count", lambda: scale * sum(p.count for p in network.populations.values())),
            "job_pool": ("token", lambda: network.job_pool),
            "token.minted_to_date": ("token", lambda: network.treasuries.cumulative),
            "token.outside_treasuries": ("token", self._outside),
        }
        if any(part.withheld for part in network.parts.values()):
            levels["withheld"] = "token", self._withheld
        for category in CATEGORIES:
            levels[f"treasury.{category}"] = "token", partial(self._held, category)
        if network.salad:
            salad = network.salad
            levels["salad.owed_usd"] = "USD", lambda: scale * salad.owed_usd
        for level, (unit, function) in levels.items():
            recorder.series(f"{name}.{level}", unit, function)
            recorder.outcome(f"{name}.{level}", unit, function)
        recorder.series(f"{name}.reward_ratio", "1", lambda: network.reward_ratio)
        recorder.outcome(f"{name}.reward_ratio", "1", self._mean_ratio)
        self._add_measure("utilisation", "1", self._use)
        self._add_measure("gpu_hours", "h", lambda over: scale * self._count(over, "gpu_hours"))
        self._add_measure("price_usd_per_gpu_hour", "USD/h", self._price)
        self.world.at_window(self._start_window)

    def _add_measure(self, measure: str, unit: str, function: Callable[[Increment], float]) -> None:
        compute, name = self.world.compute, f"{self.network.name}.{measure}"
        self.world.recorder.series(name, unit, lambda: function(compute.interval), looks_back=True)
        self.world.recorder.outcome(name, unit, lambda: function(compute.window()))

    def _start_window(self) -> None:
        self._then = self._totals()
        self._ratio_then = self.network.sums["job_pool_usd"], self.network.sums["render_burn_usd"]

    def _mean_ratio(self) -> float:
        """Worth of the job pools over the USD burned for rendering, since the warm-up."""
        reward, burn = (
            self.network.sums[what] - then
            for what, then in zip(("job_pool_usd", "render_burn_usd"), self._ratio_then, strict=True)
        )
        return reward / burn if burn else math.nan

    def _outside(self) -> float:
        """Tokens that exist and have left the treasuries, which is what listings call the total supply."""
        return self.world.scale * self.network.token.supply - sum(self._held(what) for what in CATEGORIES)

    def _held(self, category: str) -> float:
        return self.world.scale * self.network.treasuries.balance(category) / self.network.token.unit

    def _withheld(self) -> float:
        """Tokens of nodes' first earnings that are held as their stake."""
        token = self.network.token
        balances = self.world.ledger.accounts(token.asset).balances
        blocks = [block for part in self.network.parts.values() for block in part.withheld.values()]
        return self.world.scale * sum(int(balances[block.indices].sum()) for block in blocks) / token.unit

    def _count(self, over: Increment, counter: str) -> float:
        return sum(over.count(counter, part.venue.index) for part in self.network.parts.values())

    def _price(self, over: Increment) -> float:
        hours = self._count(over, "gpu_hours")
        return self._count(over, "revenue") / MICRO / hours if hours else math.nan

    def _use(self, over: Increment) -> float:
        """Share of GPU-time online that was hired, over all parts."""
        days = {
            state: sum(
                float(over.pool_days[state][pool]) * p.rules.gpus
                for p in self.network.populations.values()
                for pool in p.pools
            )
            for state in ("busy_days", "idle_days")
        }
        online = days["busy_days"] + days["idle_days"]
        return days["busy_days"] / online if online else math.nan
