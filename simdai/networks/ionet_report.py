"""What io.net reports of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simdai.economy.actors import World

__all__ = ["Tally", "report"]

TALLIED = {
    "rewards.emitted": "token",  # released by the schedule or the engine
    "rewards.paid_usd": "USD",  # block rewards or targets paid, IO at the day's price
    "rewards.target_usd": "USD",  # what the engine aimed to pay
    "jobs.paid_usd": "USD",  # suppliers' pay for jobs, fees deducted
    "fees.kept_usd": "USD",  # fees of both sides
    "fees.burned": "token",  # bought with fees or a surplus
}


class Tally:
    """Sums over the ``days`` settled last, and since the end of the warm-up."""

    def __init__(self, world: World, name: str, days: int) -> None:
        self.world, self.name, self.days = world, name, days
        self.units = TALLIED
        self._lately = dict.fromkeys(self.units, 0.0)
        self._sum = dict.fromkeys(self.units, 0.0)

    def add(self, what: str, amount: float) -> None:
        """Count ``amount`` simulated units of something."""
        self._lately[what] += amount
        self._sum[what] += amount

    def begin(self) -> None:
        """Forget what was settled before."""
        self._lately = dict.fromkeys(self.units, 0.0)

    def start(self) -> None:
        """Report a series of amounts a day and an outcome for everything counted, in real units."""
        recorder, scale = self.world.recorder, self.world.scale
        for what, unit in self.units.items():

            def per_day(what: str = what) -> float:
                return scale * self._lately[what] / self.days

            recorder.series(f"{self.name}.{what}_per_day", f"{unit}/d", per_day, looks_back=True)
            recorder.outcome(f"{self.name}.{what}", unit, lambda w=what: scale * self._sum[w])  # type: ignore[misc]
        self.world.at_window(self._start_window)

    def _start_window(self) -> None:
        self._sum = dict.fromkeys(self.units, 0.0)


def report(network: Any) -> None:
    """Register what an io.net reports besides what every compute network does."""
    world, token, stakes, pay = network.world, network.token, network.stakes, network.settlement
    scale, unit = world.scale, token.unit
    network.tally.start()
    gauges: dict[str, tuple[str, Callable[[], float]]] = {
        "vault.unreleased": ("token", lambda: scale * pay.unreleased / unit),
        "vault.usd": ("USD", lambda: scale * world.ledger.holding("USD", pay.vault)),
        "rewards.roi_factor": ("1", lambda: pay.roi_factor),
        "rewards.sustainability": ("1", lambda: pay.sustainability),
        "stake.total": ("token", lambda: scale * stakes.total / unit),
        "stake.slashed": ("token", lambda: scale * stakes.taken / unit),
        "stake.burned": ("token", lambda: scale * stakes.burned / unit),
    }
    for name, (measured, function) in gauges.items():
        world.recorder.series(f"{network.name}.{name}", measured, function)
        world.recorder.outcome(f"{network.name}.{name}", measured, function)
