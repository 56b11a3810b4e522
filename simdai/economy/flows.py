"""What a network takes in and what it gives out, reported alike for every network."""

from __future__ import annotations

import math

from simdai.economy.actors import Flows, NetworkActor, World

__all__ = ["FlowsReport", "subsidy_share"]


class FlowsReport:
    """Registers ``NAME.revenue_usd``, ``NAME.subsidy_usd`` and ``NAME.subsidy_share`` of a network.

    Series are over the interval recorded, outcomes since the warm-up.

    Parameters
    ----------
    with_revenue : False where the network's venue reports its revenue already
    """

    def __init__(self, network: NetworkActor, world: World, name: str, *, with_revenue: bool = True) -> None:
        self._network, self._world, self._name = network, world, name
        self._with_revenue = with_revenue
        self._start = self._last = self._interval = Flows(0.0, 0.0)

    def register(self) -> None:
        """Put everything on the recorder."""
        recorder, name = self._world.recorder, self._name
        if self._with_revenue:
            recorder.series(f"{name}.revenue_usd", "USD", lambda: self._interval.revenue_usd, looks_back=True)
            recorder.outcome(f"{name}.revenue_usd", "USD", lambda: self._since(self._start).revenue_usd)
        recorder.series(f"{name}.subsidy_usd", "USD", lambda: self._interval.subsidy_usd, looks_back=True)
        recorder.outcome(f"{name}.subsidy_usd", "USD", lambda: self._since(self._start).subsidy_usd)
        recorder.series(f"{name}.subsidy_share", "1", lambda: subsidy_share(self._interval), looks_back=True)
        recorder.outcome(f"{name}.subsidy_share", "1", lambda: subsidy_share(self._since(self._start)))
        recorder.checks.append(self._close_interval)
        self._world.at_window(self._start_window)

    def _since(self, then: Flows) -> Flows:
        now = self._network.flows
        return Flows(now.revenue_usd - then.revenue_usd, now.subsidy_usd - then.subsidy_usd)

    def _close_interval(self) -> None:
        self._interval, self._last = self._since(self._last), self._network.flows

    def _start_window(self) -> None:
        self._start = self._network.flows


def subsidy_share(flows: Flows) -> float:
    """Share of the subsidy in revenue and subsidy together; nan when both are zero.

    >>> subsidy_share(Flows(revenue_usd=300.0, subsidy_usd=100.0))
    0.25
    """
    total = flows.revenue_usd + flows.subsidy_usd
    return flows.subsidy_usd / total if total else math.nan
