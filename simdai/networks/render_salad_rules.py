"""What a scenario says of Salad on the Render network (rendernetwork/RNPs@a7ced774 ``RNP-023.md``)."""

from __future__ import annotations

import datetime
import math
from typing import Annotated, Self

from pydantic import model_validator

from simdai.registry import Configured, FrozenMapping
from simdai.units import (
    Count,
    Date,
    Name,
    NonNegative,
    PerDay,
    PositiveCount,
    PositiveDays,
    Quantity,
    Share,
    Usd,
    UsdPerKwh,
    Watts,
)

__all__ = ["Hosts", "Salad", "SaladProduct", "Terms"]


class Terms(Configured):
    """When a part of a product's revenue is paid, and burned.

    Parameters
    ----------
    share : of the product's revenue
    paid_after : days from work to payment; negative where customers pay first
    worked : whether work is done for it; credit that expires is paid and burned without
    """

    share: Share
    paid_after: Annotated[float, Quantity("d")] = 0.0
    worked: bool = True


class SaladProduct(Configured):
    """How a product's revenue is shared.

    Parameters
    ----------
    weight : share of the revenue that the product makes
    operator, foundation, burn : shares of its revenue, one together
    reward : worth of the tokens that nodes get, as a share of its revenue
    payments : when it is paid, by kind of payment
    """

    weight: Share
    operator: Share
    foundation: Share
    burn: Share
    reward: Share
    payments: FrozenMapping[Name, Terms] = FrozenMapping({"at_work": Terms(share=1.0)})

    @model_validator(mode="after")
    def _whole(self) -> Self:
        sums = {
            "operator, foundation and burn": self.operator + self.foundation + self.burn,
            "the shares of payments": math.fsum(terms.share for terms in self.payments.values()),
        }
        for what, total in sums.items():
            if not math.isclose(total, 1.0, abs_tol=1e-9):
                raise ValueError(f"{what} must add to 1, not {total:g}")
        return self


class Hosts(Configured):
    """Home GPUs that send a heartbeat: Salad's own nodes.

    A host is there on a day with the chance ``daily``, some for most of it and some for an hour or two; the
    day's rewards go by the hours there. Hosts leave when a day brings less than its power costs, and others
    come when it brings more.

    Parameters
    ----------
    count : hosts with a heartbeat in a day, when all of Salad is in the network
    full_revenue : USD a year that pass through the network then; in a stage with less there are fewer hosts
    daily : chance that a host is there on a day
    heavy : share of hosts that are there for ``heavy_hours`` of a day, the others for ``light_hours``
    power : watts at work; load : share of the time there that a host works; electricity : USD per kWh
    memory : days over which a host averages its net income
    exit_hazard : per day at no net income, falling by a factor e for each ``indifference`` of income
    indifference : USD a day
    growth : share of hosts that join in a day for each ``indifference`` of mean net income; at most
        ``growth_ceiling``
    represents : hosts that come, work and go as one
    """

    count: Count
    full_revenue: Usd
    daily: Share
    heavy: Share
    heavy_hours: NonNegative
    light_hours: NonNegative
    power: Watts
    load: Share
    electricity: UsdPerKwh
    memory: PositiveDays
    exit_hazard: PerDay
    indifference: Usd
    growth: PerDay
    growth_ceiling: PerDay
    represents: PositiveCount = 1

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.daily == 0.0 or max(self.heavy_hours, self.light_hours) > 24.0:
            raise ValueError("daily must be above 0, and a day has 24 hours")
        if self.indifference == 0.0 or self.full_revenue == 0.0:
            raise ValueError("indifference and full_revenue must be above 0: others are compared to them")
        return self


class Salad(Configured):
    """Salad as a third subnet: revenue burns tokens at payment, nodes get tokens for work.

    Its customers are outside the model; its revenue is given.

    Parameters
    ----------
    stages : USD a year that pass through the network from a day on; nothing before the first
    products : by name
    twap : days over which the price of rewards is averaged
    sold : share of their tokens that nodes sell when they withdraw
    pulls_forward : whether operations' emission is minted ahead of the schedule, as far as a month's rewards
        ask for it
    """

    stages: FrozenMapping[Date, Usd]
    products: FrozenMapping[Name, SaladProduct]
    twap: PositiveDays
    sold: Share = 1.0
    pulls_forward: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = math.fsum(product.weight for product in self.products.values())
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"the weights of the products must add to 1, not {total:g}")
        return self

    def revenue(self, day: datetime.date) -> float:
        """USD a year on a day."""
        begun = [stage for stage in self.stages if stage <= day]
        return self.stages[max(begun)] if begun else 0.0

    @property
    def reward(self) -> float:
        """Worth of the tokens that nodes get, as a share of the revenue of all products."""
        return math.fsum(product.weight * product.reward for product in self.products.values())
