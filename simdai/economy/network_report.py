"""What every compute network reports of its providers: numbers, margins, sales, concentration, moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.concentration import hhi, nakamoto
from simdai.mechanisms.security import cost_to_attack

if TYPE_CHECKING:
    from simdai.economy.compute_network import ComputeNetwork
    from simdai.economy.providers import Providers

__all__ = ["NetworkReport"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAJORITY = 0.5
MOVES = ("entries", "exits", "moved_in", "moved_out")


@dataclass(frozen=True)
class Sales:
    """What populations had sold up to an instant.

    Parameters
    ----------
    sold, idle : GPU-hours completed, and those of them that would have stood idle
    value : USD that customers paid for the work of each provider that ever entered, by population
    """

    sold: float
    idle: float
    value: tuple[Floats, ...]

    @classmethod
    def of(cls, populations: list[Providers]) -> Sales:
        """Sales up to now."""
        return cls(
            sum(p.sold_hours for p in populations),
            sum(p.idle_hours for p in populations),
            tuple(p.book.value.copy() for p in populations),
        )

    def until(self, later: Sales) -> Sales:
        """What was sold between this instant and a later one."""
        value = []
        for then, now in zip(self.value, later.value, strict=True):
            value.append(now.copy())
            value[-1][: len(then)] -= then
        return Sales(later.sold - self.sold, later.idle - self.idle, tuple(value))


class NetworkReport:
    """Registers the series (over the interval recorded) and outcomes (after the warm-up) of a network.

    ``NAME.idle_share`` is the share of the GPU-hours sold that would otherwise have stood idle: the hours in
    which the rental market outside would not have hired the hardware (its ``outside_use``), of hardware that
    was there before; hardware that providers bought for the network during the run counts by the part that
    the business need not earn, ``1 - capital_share``.
    """

    def __init__(self, network: ComputeNetwork) -> None:
        self.network, self.world = network, network.world
        self.populations = list(network.populations.values())
        self._cohort: list[tuple[Providers, Ints]] = []
        self._moved = dict.fromkeys(MOVES, 0)
        self._start = self._last = Sales.of(self.populations)
        self._interval = self._last.until(self._last)

    def register(self) -> None:
        """Put everything on the recorder."""
        world, name, scale = self.world, self.network.name, self.world.scale
        for measure, (unit, function) in self._levels().items():
            world.recorder.series(f"{name}.{measure}", unit, function)
            world.recorder.outcome(f"{name}.{measure}", unit, function)
        self._add("idle_share", "1", lambda over: min(over.idle / over.sold, 1.0) if over.sold else math.nan)
        self._add("providers.hhi", "1", self._hhi)
        self._add("providers.nakamoto", "count", self._nakamoto)
        if len({place for p in self.populations for place in p.jurisdictions}) > 1:
            self._add("providers.hhi_jurisdictions", "1", lambda over: hhi(self._by_jurisdiction(over)))
        moves = MOVES if _anybody_moves(self.network) else MOVES[:2]
        for what in moves:
            world.recorder.outcome(
                f"{name}.providers.{what}",
                "count",
                lambda what=what: scale * (self._count(what) - self._moved[what]),  # type: ignore[misc]
            )
        world.recorder.series(
            f"{name}.list_price_usd_per_gpu_hour", "USD/h", lambda: self.network.list_price(None)
        )
        world.recorder.outcome(f"{name}.providers.retention", "1", self._retention)
        world.recorder.checks.append(self._close_interval)
        world.at_window(self._start_window)

    def _levels(self) -> dict[str, tuple[str, Callable[[], float]]]:
        network, scale, populations = self.network, self.world.scale, self.populations
        levels: dict[str, tuple[str, Callable[[], float]]] = {
            "providers.count": ("count", lambda: scale * sum(p.count for p in populations)),
            "providers.margin": ("1", lambda: mean_over([(p.mean_margin, p.count) for p in populations])),
        }
        if len(populations) > 1:
            for name, p in network.populations.items():
                levels[f"providers.{name}.count"] = "count", lambda p=p: scale * p.count  # type: ignore[misc]
                levels[f"providers.{name}.margin"] = "1", lambda p=p: p.mean_margin  # type: ignore[misc]
        renters = [p.movers for p in populations if p.movers and p.movers.rules.outside_use]
        if renters:
            levels["providers.outside"] = "count", lambda: scale * sum(m.outside for m in renters)
        if network.staked is not None:
            levels["cost_to_attack_usd"] = "USD", self._cost_to_attack
        return levels

    def _add(self, measure: str, unit: str, function: Callable[[Sales], float]) -> None:
        name, recorder = f"{self.network.name}.{measure}", self.world.recorder
        recorder.series(name, unit, lambda: function(self._interval), looks_back=True)
        recorder.outcome(name, unit, lambda: function(self._start.until(Sales.of(self.populations))))

    def _close_interval(self) -> None:
        now = Sales.of(self.populations)
        self._interval, self._last = self._last.until(now), now

    def _start_window(self) -> None:
        """Remember who is there at the end of the warm-up, and what they had sold."""
        self._cohort = [(p, p.book.present) for p in self.populations]
        self._moved = {what: self._count(what) for what in MOVES}
        self._start = Sales.of(self.populations)

    def _count(self, what: str) -> int:
        return sum(int(getattr(p, what)) for p in self.populations)

    def _retention(self) -> float:
        """Share of the providers present at the end of the warm-up that still are, without a break."""
        then = sum(len(k) for _, k in self._cohort)
        now = sum(int(p.book.alive[k].sum()) for p, k in self._cohort)
        return now / then if then else math.nan

    # -- concentration ---------------------------------------------------------------------------------------

    def _by_owner(self, over: Sales) -> tuple[Floats, Floats]:
        """Sales of every owner, and the real owners that each stands for."""
        owned: dict[str, float] = {}
        sizes = []
        for p, value in zip(self.populations, over.value, strict=True):
            if p.rules.owner is None:
                sizes.append(value)
            else:
                owned[p.rules.owner] = owned.get(p.rules.owner, 0.0) + float(value.sum())
        single = np.concatenate([np.empty(0), *sizes])
        copies = np.concatenate([np.full(len(single), self.world.scale), np.ones(len(owned))])
        return np.concatenate([single, list(owned.values())]), copies

    def _hhi(self, over: Sales) -> float:
        return hhi(*self._by_owner(over))

    def _nakamoto(self, over: Sales) -> float:
        """Least number of owners with more than half of the sales."""
        sizes, copies = self._by_owner(over)
        return nakamoto(sizes, MAJORITY, copies) if sizes.sum() > 0 else math.nan

    def _by_jurisdiction(self, over: Sales) -> list[float]:
        totals: dict[str, float] = {}
        for p, value in zip(self.populations, over.value, strict=True):
            sums = np.bincount(p.book.place[: len(value)], weights=value, minlength=len(p.jurisdictions))
            for place, total in zip(p.jurisdictions, sums.tolist(), strict=True):
                totals[place] = totals.get(place, 0.0) + total
        return list(totals.values())

    # -- security --------------------------------------------------------------------------------------------

    def _cost_to_attack(self) -> float:
        """USD for half of the stake when all that is staked stays.

        The price rises by the impact of the whole order, in proportion to the depth of the market.
        """
        token, staked = self.network.token, self.network.staked
        assert token is not None and staked is not None
        order = staked * MAJORITY / (1.0 - MAJORITY) * token.price
        impact = token.DEPTH * order / token.depth_usd
        return self.world.scale * cost_to_attack(staked, MAJORITY, token.price, impact)


def _anybody_moves(network: ComputeNetwork) -> bool:
    everybody = [
        p for other in network.world.networks.values() for p in getattr(other, "populations", {}).values()
    ]
    return any(p.movers is not None for p in everybody)


def mean_over(values: list[tuple[float, int]]) -> float:
    """Mean of (value, weight) pairs, those without a value left out; nan when none has one."""
    known = [(value, weight) for value, weight in values if not math.isnan(value)]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else math.nan
