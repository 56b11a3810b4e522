"""What a market of checked work reports: what checking costs, how much fraud there is, what it pays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from simdai.economy.actors import World
    from simdai.networks.verified_work import VerifiedWorkNetwork

__all__ = ["VerifiedReport"]

Sums = dict[str, float]


class VerifiedReport:
    """Registers the series (over the interval recorded) and outcomes (after the warm-up), in real units.

    ``verification.overhead`` is the share of all compute that is not the work itself,
    ``verification.cost_ratio`` the cost of one check over that of the work. ``fraud.cheated_share`` counts
    tasks, ``fraud.detected_share`` those of them that were seen, ``fraud.undetected_share`` what buyers
    accepted although it was false. ``fraud.profit_usd`` is what cheats saved less what they lost by being
    seen, ``fraud.profit_per_cheat_usd`` that of one of them.
    """

    SUMS: ClassVar[tuple[str, ...]] = (
        "tasks",
        "cheated",
        "seen",
        "undetected",
        "accepted",
        "alarms",
        "fraud_usd",
        "alarm_usd",
        "paid_usd",
        "extra",
    )

    def __init__(self, network: VerifiedWorkNetwork, world: World, name: str) -> None:
        self.network, self.world, self.name = network, world, name
        self._start = self._last = self._interval = dict.fromkeys(self.SUMS, 0.0)

    def register(self) -> None:
        """Put everything on the recorder."""
        recorder, network, name = self.world.recorder, self.network, self.name
        for measure, (unit, function) in self._rates().items():
            recorder.series(f"{name}.{measure}", unit, lambda f=function: f(self._interval), looks_back=True)  # type: ignore[misc]
            recorder.outcome(
                f"{name}.{measure}",
                unit,
                lambda f=function: f(self._since(self._start)),  # type: ignore[misc]
            )
        recorder.series(f"{name}.price_usd_per_task", "USD", lambda: network.price)
        recorder.outcome(f"{name}.price_usd_per_task", "USD", self._price)
        recorder.outcome(f"{name}.verification.cost_ratio", "1", lambda: network.scheme.one_check)
        recorder.outcome(f"{name}.verification.delay_days", "d", lambda: network.scheme.delay_days)
        if network.rules.checkers is not None:
            recorder.series(f"{name}.checkers.diligence", "1", lambda: network.diligence)
            recorder.outcome(f"{name}.checkers.diligence", "1", lambda: network.diligence)
        recorder.checks.append(self._close_interval)
        self.world.at_window(self._start_window)

    def _rates(self) -> dict[str, tuple[str, Callable[[Sums], float]]]:
        return {
            "verification.overhead": ("1", lambda s: ratio(s["extra"], s["tasks"] + s["extra"])),
            "fraud.cheated_share": ("1", lambda s: ratio(s["cheated"], s["tasks"])),
            "fraud.detected_share": ("1", lambda s: ratio(s["seen"], s["cheated"])),
            "fraud.undetected_share": ("1", lambda s: ratio(s["undetected"], s["accepted"])),
            "fraud.profit_usd": ("USD", lambda s: s["fraud_usd"]),
            "fraud.profit_per_cheat_usd": ("USD", lambda s: ratio(s["fraud_usd"], s["cheated"])),
            "false_alarms_usd": ("USD", lambda s: s["alarm_usd"]),
            "tasks": ("count", lambda s: s["tasks"]),
        }

    def _price(self) -> float:
        since = self._since(self._start)
        return ratio(since["paid_usd"], since["accepted"])

    def _since(self, then: Sums) -> Sums:
        return {name: total - then[name] for name, total in self.network.sums.items()}

    def _close_interval(self) -> None:
        self._interval, self._last = self._since(self._last), dict(self.network.sums)

    def _start_window(self) -> None:
        self._start = dict(self.network.sums)


def ratio(part: float, whole: float) -> float:
    """Part over whole; nan of nothing."""
    return part / whole if whole else math.nan
