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
    render_compute_availability,
    render_compute_job_reward,
)
from simdai.mechanisms.reward import EpochWork
from simdai.networks.render_rules import ComputePart, CreditPrice, HourPrice, Nodes, Tier

__all__ = ["Done", "Part"]

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
                    usd = float(amounts.sum()) / token.units_per_usd
                    self.reward_usd[name][what] += usd
                    self.subsidy_usd += usd


def usd_of(price: CreditPrice | HourPrice, octanebench: float, world: World) -> float:
    """USD per GPU-hour of a speed-1 device."""
    if isinstance(price, CreditPrice):
        return price.usd_per_gpu_hour(octanebench)
    return price.usd / world.hardware[price.hardware].speed
