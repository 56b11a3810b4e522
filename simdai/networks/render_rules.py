"""What a scenario says of Render's parts. RNP-n means rendernetwork/RNPs@a7ced774 ``RNP-n.md``, 2026-05."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from simdai.economy.actors import absent
from simdai.economy.population import Population
from simdai.errors import Problem
from simdai.mechanisms.burn_mint import render_compute_multiplier
from simdai.mechanisms.match import Match
from simdai.registry import Configured, FrozenMapping, Regimes
from simdai.units import (
    Date,
    Days,
    Name,
    NonNegative,
    Positive,
    PositiveCount,
    PositiveDays,
    Quantity,
    Share,
    Tokens,
    Usd,
    UsdPerDay,
    UsdPerGpuHour,
)

__all__ = [
    "Budget",
    "ComputePart",
    "ComputeRewards",
    "Controller",
    "CreditPrice",
    "Emission",
    "HourPrice",
    "Nodes",
    "Payment",
    "RewardPools",
    "Salad",
    "SaladProduct",
    "Tier",
    "Treasury",
]

TokensPerYear = Annotated[float, Quantity("token/y", low=0.0)]


class Nodes(Population):
    """Node operators alike in hardware and manners.

    Parameters
    ----------
    wallet : nodes that one operator keeps in a wallet
    age : days that the nodes present at the start have been members
    multiplier : of a GPU in compute rewards (RNP-021); an RTX 4090 has 1
    scores : or: its scores by factor, of which RNP-019 takes the weighted sum
    """

    wallet: PositiveCount = 1
    age: Days = 0.0
    multiplier: NonNegative | None = None
    scores: FrozenMapping[Literal["gpu", "vram", "net", "clock", "mem_bw", "cpu"], NonNegative] | None = None

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
    """A price of the compute subnet: ``usd`` for an hour of one GPU of the class ``hardware``."""

    usd: UsdPerGpuHour
    hardware: Name

    def check(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("hardware", {"hardware": self.hardware}, scenario.hardware)


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


class ComputeRewards(Configured):
    """What the compute subnet pays a node in an epoch (RNP-019, RNP-021).

    Parameters
    ----------
    availability : tokens for an epoch always online
    job : tokens for an epoch always hired, at a multiplier of one
    """

    availability: Tokens
    job: Tokens


class ComputePart(Configured):
    """A part of the compute subnet: GPUs hired by the hour.

    Parameters
    ----------
    price : by date
    rewards : by date
    match : how jobs find nodes
    providers : populations by name
    """

    price: Regimes[HourPrice]
    rewards: Regimes[ComputeRewards]
    match: Match
    providers: FrozenMapping[Name, Nodes]


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
    job : for rendering, in proportion to the USD value of approved work
    availability : for rendering nodes, in proportion to availability weights
    wallet_penalty : rate at which that weight falls for each node of a wallet above three
    compute_month : most that the compute subnet pays in a BME month; no limit without
    """

    job: Tokens
    availability: Tokens
    wallet_penalty: NonNegative
    compute_month: Annotated[float, Quantity("token/month", low=0.0)] | None = None


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


class Budget(Configured):
    """Shares of a year's emission, as tokens a year; what matters is their ratio."""

    operations: TokensPerYear
    node_rewards: TokensPerYear
    grants: TokensPerYear

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.operations + self.node_rewards + self.grants == 0:
            raise ValueError("a budget needs one part above zero")
        return self


class Emission(Configured):
    """The mint: on the day of ``genesis`` of every month a twelfth of the BME year's emission.

    Parameters
    ----------
    genesis : first day of BME year 1
    cap : tokens that may ever be minted
    budget : how a month's emission is divided among treasuries, by date
    """

    genesis: Date
    cap: Tokens
    budget: Regimes[Budget]

    @model_validator(mode="after")
    def _day_of_every_month(self) -> Self:
        if self.genesis.day > 28:
            raise ValueError("genesis: a day that every month has, 1 to 28, is needed")
        return self


class Treasury(Configured):
    """Tokens of one category, minted and not yet paid out.

    Parameters
    ----------
    held : tokens at the start
    spent : share of a month's emission that is paid to recipients in that month; node rewards are paid by
        rule instead
    sold : share of what they get that recipients sell at once
    """

    held: Tokens = 0.0
    spent: Share = 0.0
    sold: Share = 0.0


class SaladProduct(Configured):
    """How a product's revenue is shared (RNP-023).

    Parameters
    ----------
    weight : share of the revenue that the product makes
    operator, foundation, burn : shares of its revenue, one together
    reward : worth of the tokens that nodes get, as a share of its revenue
    paid_after : days from work to payment; negative where customers pay first
    """

    weight: Share
    operator: Share
    foundation: Share
    burn: Share
    reward: Share
    paid_after: Annotated[float, Quantity("d")] = 0.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.operator + self.foundation + self.burn
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"operator, foundation and burn must add to 1, not {total:g}")
        return self


class Salad(Configured):
    """Salad as a third subnet: revenue burns tokens at payment, nodes get tokens for work (RNP-023).

    Its 60,000 home GPUs and their customers are outside the model; its revenue is given. Stages are dated
    rules with rising revenue.

    Parameters
    ----------
    revenue : USD a year that passes through the network in this stage
    products : by name
    twap : days over which the price of rewards is averaged
    sold : share of their tokens that nodes sell at once
    """

    revenue: Usd
    products: FrozenMapping[Name, SaladProduct]
    twap: PositiveDays
    sold: Share = 1.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = math.fsum(product.weight for product in self.products.values())
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"the weights of the products must add to 1, not {total:g}")
        return self
