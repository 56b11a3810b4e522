"""A part of the Render network on the clock: a tier of rendering nodes, or a part of the compute subnet."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.compute_network import ComputeNetwork, Paid, Rows
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.burn_mint import (
    EPOCH_HOURS,
    render_availability_score,
    render_compute_availability,
    render_compute_job_reward,
    render_wallet_penalty,
)
from simdai.mechanisms.reward import EpochWork
from simdai.networks.render_rules import ComputePart, CreditPrice, HourPrice, Nodes, Tier

__all__ = ["Part", "availability_weights"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Done = tuple[Rows, EpochWork]


class Part(ComputeNetwork):
    """One venue of the network; the network itself settles for all its parts at once.

    Customers' payments all go to ``NAME.fees``. Nodes are paid in tokens alone.

    Parameters
    ----------
    octanebench : OctaneBench score of a speed-1 GPU, for tiers
    """

    def __init__(
        self,
        rules: Tier | ComputePart,
        world: World,
        name: str,
        *,
        token: TokenMarket,
        epoch: float,
        octanebench: float,
    ) -> None:
        self.rules, self.octanebench = rules, octanebench
        first = rules.price.at(world.start_date)
        self.usd_used = 0
        """Micro-USD of payments handed on since the start."""
        self.reward_usd: dict[str, dict[str, float]] = {
            population: {"jobs": 0.0, "availability": 0.0} for population in rules.providers
        }
        super().__init__(
            world,
            name,
            providers=rules.providers,
            token=token,
            epoch=epoch,
            price=usd_of(first, octanebench, world),
            take_rate=1.0,
            **rules.match.venue_options(),
        )

    def start(self) -> None:
        super().start()
        self.follow("prices", self.rules.price)
        for population, sums in self.reward_usd.items():
            for what in sums:
                self._report_income(population, what)
        self.world.at_window(self._start_income)

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force; prices reach the venue at once."""
        if hook == "prices":
            self.price = usd_of(rule, self.octanebench, self.world)
            self.tell_price()
        else:
            super().switch(hook, rule)

    def settle(self) -> None:
        """Nothing: the network has settled, just before."""

    def _start_income(self) -> None:
        self._income_then = {population: dict(sums) for population, sums in self.reward_usd.items()}

    def _report_income(self, population: str, what: str) -> None:
        name, scale = f"{self.name}.providers.{population}.{what}_usd", self.world.scale
        self.world.recorder.series(name, "USD", lambda: scale * self.reward_usd[population][what])
        self.world.recorder.outcome(
            name,
            "USD",
            lambda: scale * (self.reward_usd[population][what] - self._income_then[population][what]),
        )

    # -- the epoch's work ------------------------------------------------------------------------------------

    def take_epoch(self) -> list[Done]:
        """Who did something since the last epoch, and what, in hours of its own GPUs; by population."""
        done = [(p, *p.book.take_epoch(1.0)) for p in self.populations.values()]
        return [((p, k), work) for p, k, work in done]

    def compute_rewards(self, done: list[Done], day: datetime.date) -> tuple[Floats, Floats]:
        """Tokens for availability and for jobs of every row by the rule of a day, before the month's cap."""
        assert isinstance(self.rules, ComputePart)
        rates = self.rules.rewards.at(day)
        available: list[float] = []
        jobs: list[float] = []
        for (population, _), work in done:
            rules = population.rules
            assert isinstance(rules, Nodes)
            for online, hired in zip(work.online_hours, work.gpu_hours, strict=True):
                uptime = min(online / rules.gpus / (24.0 * self.epoch), 1.0)
                hours = min(hired / rules.gpus / (24.0 * self.epoch), 1.0) * EPOCH_HOURS
                available.append(render_compute_availability(uptime, rates.availability))
                jobs.append(
                    rules.gpus * render_compute_job_reward(rules.compute_multiplier, hours, rates.job)
                )
        return np.array(available), np.array(jobs)

    def note_income(self, what: str, paid: list[Paid], token: TokenMarket) -> None:
        """Add what was paid to this part's populations to their income, at the price in force."""
        for population, _, amounts in paid:
            for name, mine in self.populations.items():
                if mine is population:
                    self.reward_usd[name][what] += float(amounts.sum()) / token.units_per_usd


def usd_of(price: CreditPrice | HourPrice, octanebench: float, world: World) -> float:
    """USD per GPU-hour of a speed-1 device."""
    if isinstance(price, CreditPrice):
        return price.usd_per_gpu_hour(octanebench)
    return price.usd / world.hardware[price.hardware].speed


def availability_weights(
    done: list[Done], now: float, epoch: float, octanebench: float, penalty: float, scale: float
) -> Floats:
    """Weights of all rows in the availability pool (RNP-015), one after the other.

    A node younger than a day counts as one day old, since its logarithm would be negative; weights are never
    below zero. Means are over all nodes of the epoch.

    Parameters
    ----------
    now, epoch : days
    octanebench : score of a speed-1 GPU
    penalty : rate for each node of a wallet above three
    scale : real nodes that one simulated node stands for
    """
    score, memory, age, idle, nodes = (np.empty(0) for _ in range(5))
    for (population, k), work in done:
        rules, gpu = population.rules, population.hardware
        assert isinstance(rules, Nodes)
        n, book = len(k), population.book
        hours = np.clip(work.idle_hours / (24.0 * epoch * rules.gpus), 0.0, 1.0)
        first = np.where(book.entered[k] == 0.0, rules.age, 0.0)
        score = np.append(score, np.full(n, octanebench * gpu.speed * rules.gpus))
        memory = np.append(memory, np.full(n, gpu.memory * rules.gpus))
        age = np.append(age, np.maximum(now - book.entered[k] + first, 1.0))
        idle = np.append(idle, hours)
        wallets = k // max(round(rules.wallet / scale), 1)
        together = np.bincount(wallets, minlength=1)[wallets] * scale
        nodes = np.append(nodes, np.clip(np.rint(together), 1, rules.wallet))
    if not len(score):
        return np.empty(0)
    means = [max(float(x.mean()), 1.0 + 1e-9) for x in (score, memory, age)]
    weights = [
        render_availability_score(ob, means[0], vram, means[1], days, means[2], share, 1)
        * render_wallet_penalty(int(n), penalty)
        for ob, vram, days, share, n in zip(score, memory, age, idle, nodes, strict=True)
    ]
    kept: Floats = np.maximum(np.array(weights), 0.0)
    return kept
