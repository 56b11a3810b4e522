"""Months of Render's compute clients: who qualifies, how they score, what they share (RNP-006, RNP-013)."""

from __future__ import annotations

import datetime

import numpy as np
from numpy.typing import NDArray

from simdai.economy.compute_network import Paid
from simdai.mechanisms.burn_mint import (
    render_client_bandwidth_score,
    render_client_earned_score,
    render_client_month_pool,
    render_client_pool,
    render_client_score,
    render_client_uptime,
)
from simdai.networks.render_part import Part
from simdai.networks.render_rules import ClientRewards, Nodes

__all__ = ["ClientMonths"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ClientMonths:
    """The calendar months of a part whose nodes are compute clients."""

    def __init__(self, part: Part) -> None:
        self.part, self.world = part, part.world
        self.paid = 0.0
        """Tokens paid out of the reserve since the start, real ones."""
        self._began = 0.0
        self._seen: dict[str, tuple[Floats, Floats]] = {}
        self.open()

    def open(self) -> None:
        """A month begins."""
        self._began = self.world.env.now
        self._seen = {
            name: (p.book.value.copy(), p.book.seen_online.copy())
            for name, p in self.part.populations.items()
        }

    def pool(self, rules: ClientRewards, began: datetime.date) -> float:
        """Tokens of the month that began on a day, before what the nodes set a limit to."""
        left = max(rules.reserve - self.paid, 0.0)
        given = {(day.year, day.month): pool for day, pool in rules.announced.items()}
        if (began.year, began.month) in given:
            announced = given[began.year, began.month]
        else:
            months = 12 * (rules.until.year - began.year) + rules.until.month - began.month
            if months < 1:
                return 0.0
            announced = render_client_month_pool(left, months)
        most = left if rules.month_cap is None else min(left, rules.month_cap)
        return min(announced, most)

    def close(self, rules: ClientRewards, began: datetime.date, unit: int) -> list[Paid]:
        """End a month: base units for every node that qualifies; the next month begins."""
        now, scale = self.world.env.now, self.world.scale
        length = now - self._began
        rows, usd, uptime, merit = [], [], [], []
        for name, population in self.part.populations.items():
            nodes, book = population.rules, population.book
            assert isinstance(nodes, Nodes)
            value, online = (
                np.concatenate([then, np.zeros(len(book.alive) - len(then))]) for then in self._seen[name]
            )
            joined = np.clip((now - np.maximum(book.entered, self._began)) / length, 0.0, 1.0)
            there = np.clip((book.seen_online - online) / np.maximum(joined * length, 1e-9), 0.0, 1.0)
            k = np.flatnonzero(joined > 0)
            rows.append((population, k))
            usd.append(book.value[k] - value[k])
            uptime.append(
                [
                    render_client_uptime(j, t)
                    for j, t in zip(joined[k].tolist(), there[k].tolist(), strict=True)
                ]
            )
            bandwidth = render_client_bandwidth_score(nodes.download, nodes.upload)
            merit.append(np.tile([bandwidth, nodes.client_score], (len(k), 1)))
        self.open()
        earned, up = np.concatenate([np.empty(0), *usd]), np.concatenate([np.empty(0), *uptime])
        scores = np.concatenate([np.empty((0, 2)), *merit])
        amounts = self._shares(rules, self.pool(rules, began), earned, up, scores)
        units = np.floor(amounts * unit).astype(np.int64)
        self.paid += float(units.sum()) / unit * scale
        parts = np.split(units, np.cumsum([len(k) for _, k in rows])[:-1])
        return [(population, k, part) for (population, k), part in zip(rows, parts, strict=True)]

    def _shares(
        self, rules: ClientRewards, announced: float, usd: Floats, uptime: Floats, merit: Floats
    ) -> Floats:
        """(n,) tokens of every node, real ones."""
        scores = np.zeros(len(usd))
        qualified = np.flatnonzero((merit[:, 0] > 0) & (uptime >= rules.least_uptime) & (uptime > 0))
        if not len(qualified):
            return scores
        top = float(usd[qualified].max())
        for n in qualified.tolist():
            a = render_client_earned_score(float(usd[n]), top)
            scores[n] = render_client_score(a, float(merit[n, 0]), float(merit[n, 1]), float(uptime[n]))
        real = len(qualified) * self.world.scale
        pool = render_client_pool(announced, round(real), rules.cap_per_node) / self.world.scale
        shares = pool * scores / scores.sum()
        most = np.inf if rules.node_cap is None else rules.node_cap
        return np.asarray(np.minimum(shares, most))
