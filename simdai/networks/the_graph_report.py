"""What a Graph network reports: who gets what is created and paid, who stays, what an attack costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.flows import FlowsReport
from simdai.mechanisms.concentration import gini, nakamoto
from simdai.mechanisms.security import cost_to_attack
from simdai.networks.the_graph_rules import WEI

if TYPE_CHECKING:
    from simdai.networks.the_graph import TheGraphNetwork

__all__ = ["report"]

DAYS_PER_YEAR = 365.25
MAJORITY = 0.5
RECEIVERS = ("indexers", "delegators", "agreements", "treasury", "nobody")
FEE_PARTS = ("burned", "curators", "delegators", "indexers")

Floats = NDArray[np.float64]
Totals = dict[str, float]


def report(network: TheGraphNetwork, world: World) -> None:
    """Register the network's series and outcomes.

    Sums and ratios of sums: series over the interval recorded, outcomes since the warm-up. Levels: as they
    are at the instant.
    """
    FlowsReport(network, world, network.name).register()
    _Report(network, world).register()


class _Report:
    def __init__(self, network: TheGraphNetwork, world: World) -> None:
        self.network, self.world = network, world
        self._then = self._last = self._interval = self._totals()
        self._rewards_then: Floats = self._rewards()
        self._cohorts: dict[str, NDArray[np.bool_]] = {}

    def register(self) -> None:
        recorder, name = self.world.recorder, self.network.name
        for sum_, unit in self._sums().items():
            recorder.series(f"{name}.{sum_}", unit, partial(self._over_interval, sum_), looks_back=True)
            recorder.outcome(f"{name}.{sum_}", unit, partial(self._since_window, sum_))
        for ratio, (unit, function) in self._ratios().items():
            recorder.series(f"{name}.{ratio}", unit, lambda f=function: f(self._interval), looks_back=True)  # type: ignore[misc]
            recorder.outcome(f"{name}.{ratio}", unit, lambda f=function: f(self._window()))  # type: ignore[misc]
        for level, (unit, read) in self._levels().items():
            recorder.series(f"{name}.{level}", unit, read)
            recorder.outcome(f"{name}.{level}", unit, read)
        for role in ("indexers", "delegators", "curators"):
            recorder.outcome(f"{name}.{role}.retention", "1", partial(self._retention, role))
        recorder.outcome(f"{name}.rewards.gini", "1", lambda: gini(self._rewarded()))
        recorder.outcome(f"{name}.rewards.nakamoto", "count", lambda: self._half(self._rewarded()))
        recorder.checks.append(self._close_interval)
        self.world.at_window(self._start_window)

    # -- sums ------------------------------------------------------------------------------------------------

    def _sums(self) -> dict[str, str]:
        """Sums that are reported, and their units."""
        units = {f"emission.{receiver}": "token" for receiver in RECEIVERS}
        units |= {f"fees.{part}": "token" for part in FEE_PARTS}
        units |= {f"disputes.{what}": "count" for what in self.network.disputes.counts}
        return units | {"queries": "count", "slashed": "token", "curation_taxed": "token"}

    def _totals(self) -> Totals:
        """All sums since the start, real units."""
        network = self.network
        totals = {what: network.sums[what] for what in ("revenue_usd", "subsidy_usd")}
        totals |= {f"emission.{receiver}": network.sums[f"emitted_{receiver}"] for receiver in RECEIVERS}
        totals |= {f"fees.{part}": network.payments.sums[part] for part in FEE_PARTS}
        totals |= {f"disputes.{what}": float(n) for what, n in network.disputes.counts.items()}
        totals |= {what: network.payments.sums[what] for what in ("queries", "right")}
        totals |= {what: network.sums[f"indexers_{what}_usd"] for what in ("income", "cost")}
        totals["slashed"] = network.disputes.slashed_own + network.disputes.slashed_delegated
        totals["curation_taxed"] = network.pools.taxed / WEI
        totals["issued"] = (network.accounts.minted - network.accounts.burned) / WEI
        totals["days"] = self.world.env.now
        return totals

    def _close_interval(self) -> None:
        now = self._totals()
        self._interval, self._last = difference(now, self._last), now

    def _window(self) -> Totals:
        return difference(self._totals(), self._then)

    def _over_interval(self, what: str) -> float:
        return self._interval[what]

    def _since_window(self, what: str) -> float:
        return self._window()[what]

    def _ratios(self) -> dict[str, tuple[str, Callable[[Totals], float]]]:
        emission = [f"emission.{receiver}" for receiver in RECEIVERS[:-1]]
        return {
            "subsidy_per_revenue": ("1", lambda over: ratio(over["subsidy_usd"], over["revenue_usd"])),
            "emission.indexers_share": (
                "1",
                lambda over: ratio(over["emission.indexers"], math.fsum(over[part] for part in emission)),
            ),
            "service.success_share": ("1", lambda over: ratio(over["right"], over["queries"])),
            "indexers.profit_share": ("1", lambda over: ratio(over["income"] - over["cost"], over["income"])),
            "dilution_per_year": ("1/y", self._dilution),
        }

    def _dilution(self, over: Totals) -> float:
        """Growth of the supply a year, of what there was before."""
        supply = self.world.scale * self.network.token.supply - over["issued"]
        return ratio(over["issued"] * DAYS_PER_YEAR, supply * over["days"])

    # -- levels ----------------------------------------------------------------------------------------------

    def _levels(self) -> dict[str, tuple[str, Callable[[], float]]]:
        network = self.network
        return {
            "indexers.count": ("count", lambda: float(network.indexers.active.sum())),
            "indexers.margin": ("1", self._margin),
            "indexers.gini": ("1", lambda: gini(self._stakes())),
            "indexers.nakamoto": ("count", lambda: self._half(self._stakes())),
            "indexers.own_stake": ("token", lambda: sum(p["tokens"] for p in network.stakes.own) / WEI),
            "indexers.kept": ("1", self._kept),
            "delegators.count": ("count", lambda: float((network.delegators.of >= 0).sum())),
            "delegators.yield": ("1/y", self._delegators_yield),
            "delegators.delegated": ("token", self._delegated),
            "delegators.idle": ("token", self._idle),
            "curators.count": ("count", lambda: float(self._curating().sum())),
            "curators.yield": ("1/y", self._curators_yield),
            "signal": ("token", lambda: network.rewards.total_signal / WEI),
            "subgraphs.count": ("count", lambda: float(network.subgraphs.live.sum())),
            "subgraphs.served": ("count", lambda: float((network.rewards.allocated > 0).sum())),
            "cost_to_attack_usd": ("USD", self._cost_to_attack),
        }

    def _stakes(self) -> Floats:
        """GRT at stake with each active indexer, own and delegated."""
        stakes = self.network.stakes
        return np.array(
            [
                (stakes.own[i]["tokens"] + stakes.pools[i]["tokens"]) / WEI
                for i in np.flatnonzero(self.network.indexers.active).tolist()
            ]
        )

    def _half(self, sizes: Floats) -> float:
        """Least number of indexers with more than half."""
        return float(nakamoto(sizes, MAJORITY)) if sizes.sum() > 0 else math.nan

    def _margin(self) -> float:
        known = self.network.indexers.margin[self.network.indexers.active]
        known = known[~np.isnan(known)]
        return float(known.mean()) if len(known) else math.nan

    def _kept(self) -> float:
        """Mean share of rewards that indexers keep, by stake."""
        kept = np.array(self.network.indexers.kept)[self.network.indexers.active] / 1e6
        stakes = self._stakes()
        return float(kept @ stakes / stakes.sum()) if stakes.sum() > 0 else math.nan

    def _delegated(self) -> float:
        return sum(pool["tokens"] - pool["thawing"] for pool in self.network.stakes.pools) / WEI

    def _idle(self) -> float:
        """GRT delegated beyond what own stake lets count."""
        active = np.flatnonzero(self.network.indexers.active).tolist()
        return sum(self.network.stakes.capacity(i)[1] for i in active) / WEI

    def _delegators_yield(self) -> float:
        """What delegation earns a year at present, all of it together."""
        book = self.network.indexers
        given = sum((1.0 - kept / 1e6) * rate for kept, rate in zip(book.kept, book.rate, strict=True))
        return ratio(given * DAYS_PER_YEAR, self._delegated())

    def _curating(self) -> NDArray[np.bool_]:
        pools = self.network.pools
        return np.array([bool(pools.held[wallet]) for wallet in self.network.curators.wallets], dtype=bool)

    def _curators_yield(self) -> float:
        """Query fees a year at present on all signal."""
        protocol = self.network.protocol
        part = (1.0 - protocol.fee_burn) * protocol.curation_cut
        fees = float(self.network.payments.fee_rate().sum())
        return ratio(part * fees * DAYS_PER_YEAR, self.network.rewards.total_signal / WEI)

    def _cost_to_attack(self) -> float:
        """USD for half of all stake while what is staked stays; the purchase moves the price."""
        token, scale = self.network.token, self.world.scale
        staked = float(self._stakes().sum())
        order = staked * MAJORITY / (1.0 - MAJORITY) * token.price
        impact = token.DEPTH * order / (scale * token.depth_usd)
        return cost_to_attack(staked, MAJORITY, token.price, impact)

    # -- who stays, who is rewarded --------------------------------------------------------------------------

    def _present(self) -> dict[str, NDArray[np.bool_]]:
        network = self.network
        return {
            "indexers": network.indexers.active.copy(),
            "delegators": network.delegators.of >= 0,
            "curators": self._curating(),
        }

    def _start_window(self) -> None:
        self._then = self._totals()
        self._rewards_then = self._rewards()
        self._cohorts = self._present()

    def _retention(self, role: str) -> float:
        """Share of those present at the end of the warm-up that are there at the end."""
        then = self._cohorts[role]
        return ratio(float((then & self._present()[role]).sum()), float(then.sum()))

    def _rewards(self) -> Floats:
        """GRT of rewards that each indexer has kept since the start."""
        return self.network.indexers.rewarded.copy()

    def _rewarded(self) -> Floats:
        return self._rewards() - self._rewards_then


def difference(now: Totals, then: Totals) -> Totals:
    """What was added to each sum."""
    return {what: value - then[what] for what, value in now.items()}


def ratio(part: float, whole: float) -> float:
    """Quotient; nan without a whole."""
    return part / whole if whole else math.nan
