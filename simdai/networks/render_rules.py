"""What a scenario says of Render's parts. RNP-n means rendernetwork/RNPs@a7ced774 ``RNP-n.md``, 2026-05."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from simdai.economy.actors import absent
from simdai.economy.population import Population
from simdai.errors import Problem
from simdai.mechanisms.burn_mint import render_compute_multiplier, render_customer_price
from simdai.mechanisms.emission import render_job_pool
from simdai.mechanisms.match import Match
from simdai.registry import Configured, FrozenMapping, Regimes
from simdai.units import (
    Date,
    Days,
    Name,
    NonNegative,
    Positive,
    PositiveCount,
    Quantity,
    Share,
    Tokens,
    Usd,
    UsdPerDay,
    UsdPerGpuHour,
)

__all__ = [
    "AskedRewards",
    "ClientRewards",
    "ComputePart",
    "ComputeRewards",
    "Controller",
    "CreditPrice",
    "HourPrice",
    "HourlyRewards",
    "Nodes",
    "Payment",
    "RewardPools",
    "Tier",
]

Bandwidth = Annotated[float, Quantity("Mbit/s", low=0.0)]


class Nodes(Population):
    """Node operators alike in hardware and manners.

    Parameters
    ----------
    wallet : nodes that one operator keeps in a wallet
    age : days that the nodes present at the start have been members
    multiplier : of a GPU in compute rewards (RNP-021); an RTX 4090 has 1
    scores : or: its scores by factor, of which RNP-019 takes the weighted sum
    client_score : of the GPU in the rewards of compute clients (RNP-006)
    download, upload : bandwidth that those rewards ask for
    """

    wallet: PositiveCount = 1
    age: Days = 0.0
    multiplier: NonNegative | None = None
    scores: FrozenMapping[Literal["gpu", "vram", "net", "clock", "mem_bw", "cpu"], NonNegative] | None = None
    client_score: Share = 0.0
    download: Bandwidth = 0.0
    upload: Bandwidth = 0.0

    @model_validator(mode="after")
    def _one_multiplier(self) -> Self:
        if self.multiplier is not None and self.scores is not None:
            raise ValueError("give 'multiplier' or 'scores', not both")
        return self

    @property
    def compute_multiplier(self) -> float:
        """Factor on the compute reward of a full epoch of work."""
        if self.scores is not None:
            return render_compute_multiplier(**{str(factor): x for factor, x in self.scores.items()})
        return 1.0 if self.multiplier is None else self.multiplier


class CreditPrice(Configured):
    """A tier's price, set by the network: ``usd`` for a credit of ``octanebench_hours``."""

    usd: Usd
    octanebench_hours: Positive

    def usd_per_gpu_hour(self, octanebench: float) -> float:
        """USD for an hour of a GPU with this OctaneBench score."""
        return self.usd / self.octanebench_hours * octanebench


class HourPrice(Configured):
    """A price of the compute subnet for an hour of one GPU of the class ``hardware``.

    Parameters
    ----------
    usd : what customers pay, set by the network
    ask : or: what nodes ask; customers pay so much more that the operator's fee leaves it (RNP-021)
    """

    usd: UsdPerGpuHour | None = None
    ask: UsdPerGpuHour | None = None
    hardware: Name

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.usd is None) == (self.ask is None):
            raise ValueError("give either 'usd' or 'ask'")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("hardware", {"hardware": self.hardware}, scenario.hardware)

    def customer_price(self, fee: float) -> float:
        """USD per GPU-hour that customers pay where the operator takes ``fee`` of it."""
        if self.usd is not None:
            return self.usd
        assert self.ask is not None
        return render_customer_price(self.ask, fee)


class Tier(Configured):
    """Nodes that render at one price. Their pay is a share of the network's `RewardPools`.

    Parameters
    ----------
    price : of the tier, by date
    match : how jobs find nodes
    providers : populations by name
    """

    price: Regimes[CreditPrice]
    match: Match
    providers: FrozenMapping[Name, Nodes]


class ComputeRewards(Configured, family="render_compute_rewards"):
    """What a part of the compute subnet pays its nodes."""


class HourlyRewards(ComputeRewards, kind="hours"):
    """Tokens for hours online and hours hired, at the end of every epoch (RNP-019, RNP-021).

    Parameters
    ----------
    availability : tokens for an epoch always online
    job : tokens for an epoch always hired, at a multiplier of one
    """

    availability: Tokens
    job: Tokens


class AskedRewards(ComputeRewards, kind="asked"):
    """What nodes ask for the hours hired, in tokens at the price of the settlement; nothing for idle hours.

    Block rentals and the auction of RNP-021: what customers pay less the operator's fee is what nodes ask, so
    that as much is burned as is paid.

    Parameters
    ----------
    ask : for an hour of one GPU
    """

    ask: UsdPerGpuHour


class ClientRewards(ComputeRewards, kind="client_scores"):
    """A pool for each calendar month, shared by scores (RNP-006; RNP-013 changed its limits).

    Nodes qualify by their bandwidth and their uptime. A month's pool is what was announced for it, else what
    is left of the reserve over the months left.

    Parameters
    ----------
    reserve : tokens that all months together may pay
    until : first day of the month after the last
    announced : pools of epochs by the day on which they begin
    cap_per_node : the pool is at most so much for every node that qualifies
    least_uptime : share of the month that a node must be there
    node_cap : most that one node gets in a month; month_cap : most that all do; no limit without
    """

    reserve: Tokens
    until: Date
    announced: FrozenMapping[Date, Tokens] = FrozenMapping()
    cap_per_node: Tokens
    least_uptime: Share = 0.0
    node_cap: Tokens | None = None
    month_cap: Tokens | None = None


class ComputePart(Configured):
    """A part of the compute subnet: GPUs hired by the hour.

    Parameters
    ----------
    price : by date
    rewards : by date
    match : how jobs find nodes
    providers : populations by name
    withheld : the first earnings of a node, held as its stake until it leaves (RNP-019)
    granted : share of the price that the foundation pays out of grants (RNP-021)
    """

    price: Regimes[HourPrice]
    rewards: Regimes[ComputeRewards]
    match: Match
    providers: FrozenMapping[Name, Nodes]
    withheld: Usd = 0.0
    granted: Share = 0.0


class Payment(Configured):
    """Where customers' USD goes: a fee to the operating company, the rest into tokens that are burned.

    Parameters
    ----------
    operator_fee : share of the payment
    burn_timing : tokens are burned on the day of payment, or all at the end of the epoch
    burn_from : tokens are bought on the market, or taken at the market's price out of the treasury's
        operations, which keep the USD (RNP-021); what they lack is bought
    """

    operator_fee: Share
    burn_timing: Literal["payment", "epoch"] = "payment"
    burn_from: Literal["market", "stock"] = "market"


class RewardPools(Configured):
    """Tokens that nodes share in an epoch (RNP-013, RNP-015, RNP-021, RNP-022).

    Parameters
    ----------
    job : for rendering, in proportion to the USD value of approved work; without, the pool that was voted for
        the month
    availability : for rendering nodes, in proportion to availability weights
    wallet_penalty : rate at which that weight falls for each node of a wallet above three
    compute_month : most that the compute subnet pays in a BME month; no limit without
    """

    job: Tokens | None = None
    availability: Tokens
    wallet_penalty: NonNegative
    compute_month: Annotated[float, Quantity("token/month", low=0.0)] | None = None

    def job_pool(self, day: datetime.date) -> float:
        """Tokens for the jobs of the epoch that ends on ``day``."""
        return float(render_job_pool(f"{day:%Y-%m}")) if self.job is None else self.job


class Controller(Configured):
    """A controller of the job pool (RNP-020, voted down in 2025-10).

    Its growth is that of the average burn over the period before. The ceiling from the depth of the market is
    in force where ``volume`` is given.

    Parameters
    ----------
    epochs : between two moves; 13 make a quarter
    volume : USD a day traded in the pool that takes nodes' sales
    impact : share by which those sales may move the price
    true_range : daily, as a share of the price
    coefficient : Y of the square-root law
    """

    epochs: PositiveCount
    volume: UsdPerDay | None = None
    impact: Share | None = None
    true_range: Positive | None = None
    coefficient: Positive = 1.0

    @model_validator(mode="after")
    def _all_or_nothing(self) -> Self:
        if len({x is None for x in (self.volume, self.impact, self.true_range)}) > 1:
            raise ValueError("the ceiling needs volume, impact and true_range; give all three or none")
        return self
