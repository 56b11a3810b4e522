"""What open runs report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simdai.training.open_run import OpenRunning, Progress

__all__ = ["RunReport"]

Sums = tuple[float, ...]


class RunReport:
    """Registers the series and outcomes ``NAME.…`` of open runs.

    Levels: ``.nodes.count``, ``.nodes_h100e``, ``.reward_ratio``, ``.index`` (nan before the first model).
    Over all rounds since the warm-up: ``.utilisation`` (share of time spent computing), ``.replicas``
    (updates in a mean round), ``.round_minutes``, ``.cheated_share``. Sums since the start: ``.flop``,
    ``.equivalent_flop`` (at one site; of finished runs), ``.paid_usd``, ``.runs``, ``.joined``, ``.caught``.
    Since the warm-up: ``.mean_index``, over the days with a model.
    Times: ``.governance_wait_days``, ``.lead_days``, ``.release_interval_days`` (means, as outcomes).
    """

    def __init__(self, run: OpenRunning) -> None:
        self.run, self.world = run, run.world
        self._then: Sums = (0.0,) * 5
        self._since = 0.0

    def register(self) -> None:
        """Put everything on the recorder."""
        run, recorder, name = self.run, self.world.recorder, self.run.name
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.nodes.count", "nodes", lambda: float(run.nodes.count))
            register(f"{name}.nodes_h100e", "count", lambda: run.nodes.h100e)
            register(f"{name}.reward_ratio", "x", lambda: run.members.reward_ratio)
            register(f"{name}.index", "points", self._index)
            register(f"{name}.flop", "FLOP", lambda: run.all_runs.flop)
            register(f"{name}.paid_usd", "USD", lambda: run.purse.paid_usd)
            register(f"{name}.runs", "count", lambda: float(len(run.done_flop)))
        recorder.series(f"{name}.training", "1", lambda: float(run.stage == "training"))
        recorder.outcome(f"{name}.mean_index", "points", self._mean_index)
        recorder.outcome(f"{name}.equivalent_flop", "FLOP", lambda: sum(run.done_flop))
        recorder.outcome(f"{name}.utilisation", "1", lambda: self._over(2, 1))
        recorder.outcome(f"{name}.replicas", "count", lambda: self._over(3, 0))
        recorder.outcome(f"{name}.round_minutes", "min", lambda: self._over(1, 0) / 60.0)
        recorder.outcome(f"{name}.cheated_share", "1", lambda: self._over(4, 3))
        recorder.outcome(f"{name}.joined", "count", lambda: float(run.nodes.joined))
        recorder.outcome(f"{name}.caught", "count", lambda: float(run.caught))
        recorder.outcome(f"{name}.incidents", "count", lambda: float(run.incidents))
        recorder.outcome(f"{name}.governance_wait_days", "d", lambda: mean(run.decisions.waits))
        recorder.outcome(f"{name}.lead_days", "d", self._lead)
        recorder.outcome(f"{name}.release_interval_days", "d", self._interval)
        self.world.at_window(self._start_window)

    def _start_window(self) -> None:
        self._then, self._since = sums(self.run.all_runs), self.world.env.now

    def _over(self, above: int, below: int) -> float:
        """One sum over another, since the warm-up."""
        now = sums(self.run.all_runs)
        base = now[below] - self._then[below]
        return (now[above] - self._then[above]) / base if base else math.nan

    def _mean_index(self) -> float:
        """Best index so far, averaged over the days on which there was a model."""
        now, since = self.world.env.now, self._since
        out = sorted((max(r.day, since), r.index) for r in self.run.releases if r.day < now)
        total = days = 0.0
        best = -math.inf
        for (day, index), until in zip(out, [*(d for d, _ in out[1:]), now], strict=False):
            best = max(best, index)
            total, days = total + best * (until - day), days + until - day
        return total / days if days else math.nan

    def _index(self) -> float:
        best = self.run.live_index
        return best if math.isfinite(best) else math.nan

    def _lead(self) -> float:
        return mean([r.lead_days for r in self.run.releases if math.isfinite(r.lead_days)])

    def _interval(self) -> float:
        days = [release.day for release in self.run.releases if release.day >= 0]
        return mean(np.diff(days).tolist())


def sums(progress: Progress) -> Sums:
    """Rounds, seconds, seconds of computing, updates and made-up updates so far."""
    p = progress
    return float(p.rounds), p.seconds, p.compute_seconds, float(p.updates), float(p.cheated)


def mean(values: list[float]) -> float:
    """Mean, nan of nothing."""
    return math.fsum(values) / len(values) if values else math.nan
