"""What an Ocean network is made of: exchange, data assets, compute environments, feeds, lockers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from simdai.economy.firms import Turnover
from simdai.mechanisms.data_market import MAX_MARKET_FEE, MIN_MARKET_FEE
from simdai.registry import Configured, FrozenMapping
from simdai.units import (
    Count,
    Days,
    GiB,
    Hours,
    Name,
    NonNegative,
    PerYear,
    Positive,
    PositiveCount,
    PositiveDays,
    Quantity,
    Share,
    Tokens,
    Usd,
    UsdPerDay,
)

__all__ = [
    "AssetGroup",
    "ComputeToData",
    "Environment",
    "Exchange",
    "Feeds",
    "Lockers",
    "Predictors",
    "Publishers",
    "Reliance",
]

BASE = 10**18

UsdPerMinute = Annotated[float, Quantity("USD/min", low=0.0)]


def refuse_market_fee(name: str, fee: float) -> None:
    """Raise ValueError for a marketplace's fee that the contract does not take."""
    if fee and not MIN_MARKET_FEE <= round(fee * BASE) <= MAX_MARKET_FEE:
        raise ValueError(f"{name}: must be 0 or between 0.0001 and 0.5, as the contract demands")


class Exchange(Configured):
    """Fixed-rate exchange and orders.

    Parameters
    ----------
    community_fee : share of every swap for the community
    order_fee : datatokens of every order for the community
    publish_fee, consume_fee : shares of a swap for the marketplaces where an asset is published and consumed
    gas : USD that an order costs its consumer
    """

    community_fee: Share
    order_fee: Tokens
    publish_fee: Share = 0.0
    consume_fee: Share = 0.0
    gas: Usd = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.order_fee > 1:
            raise ValueError("order_fee: an order is of one datatoken, the fee a part of it")
        for name in ("publish_fee", "consume_fee"):
            refuse_market_fee(name, getattr(self, name))
        return self


class AssetGroup(Configured):
    """Data assets of one domain at the start, and what those published later are like.

    Parameters
    ----------
    count : assets
    value : USD that the median consumer of the median asset puts on an order
    value_spread : standard deviation of the logarithm of value among assets
    markup : price over value, median; markup_spread : standard deviation of its logarithm
    popularity_spread : standard deviation of the logarithm of how many visit an asset
    protected : share of the assets whose owners do not sell them, only let algorithms compute on them
    size : GiB of an asset
    hosting : USD a day; work : USD a day that collecting and keeping the data has to earn
    """

    count: Count
    value: Usd
    value_spread: NonNegative = 0.0
    markup: Positive
    markup_spread: NonNegative = 0.0
    popularity_spread: NonNegative = 0.0
    protected: Share = 0.0
    size: GiB
    hosting: UsdPerDay
    work: UsdPerDay

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("value", "size", "work"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be above zero")
        return self


class Publishers(Configured):
    """How publishers behave.

    Parameters
    ----------
    turnover : entry and exit
    token_sold : share of the tokens earned that is sold at once
    """

    turnover: Turnover
    token_sold: Share


class Environment(Configured):
    """Machines of one operator on which approved algorithms run.

    Parameters
    ----------
    slots : jobs that run at a time
    resources : what a slot offers, by name (cpu, ram in GB, disk in GB, gpu)
    prices : USD a unit and minute, by resource; one without a price is free
    longest : hours that a job may ask for
    failure : chance that a job fails
    colluding : chance that the operator reads the data of a job along
    foundation : run by the foundation
    running, capital : USD a slot and day of running it, and of the hardware
    """

    slots: PositiveCount
    resources: FrozenMapping[Name, Positive]
    prices: FrozenMapping[Name, UsdPerMinute]
    longest: Hours
    failure: Share = 0.0
    colluding: Share = 0.0
    foundation: bool = False
    running: UsdPerDay = 0.0
    capital: UsdPerDay

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if unknown := set(self.prices) - set(self.resources):
            raise ValueError(f"prices: no such resource is offered: {', '.join(sorted(unknown))}")
        if self.longest <= 0 or self.capital <= 0:
            raise ValueError("longest and capital must be above zero")
        return self


class ComputeToData(Configured):
    """Jobs on protected data: environments, locks, and what leaks.

    Parameters
    ----------
    environments : by name
    expiry : days, beyond the time asked for, until a job's lock may be cancelled
    output : GiB that a job returns at most
    epsilon : privacy loss of one output, as of differential privacy
    token_sold : share of the tokens earned that operators sell at once
    """

    environments: FrozenMapping[Name, Environment]
    expiry: PositiveDays
    output: GiB
    epsilon: NonNegative
    token_sold: Share = 1.0


class Predictors(Configured):
    """Predictors of one kind.

    Parameters
    ----------
    count : of them, spread over the feeds
    accuracy : mean share of slots that they get right; spread : its standard deviation among them
    stake : tokens on every slot
    running, work : USD a day of the bot, and of the work on its model
    """

    count: Count
    accuracy: Share
    spread: NonNegative = 0.0
    stake: Tokens
    running: UsdPerDay = 0.0
    work: UsdPerDay

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.work <= 0 or self.stake <= 0:
            raise ValueError("stake and work must be above zero")
        return self


class Feeds(Configured):
    """Prediction feeds: whether a price rises or falls in each coming slot.

    Parameters
    ----------
    count : feeds
    slot : days of a slot
    price : tokens of a subscription, which lasts a day, without fees
    fee : share of it on top for those who run the feeds
    cancelled : share of slots without a truth
    memory : days over which subscribers average a feed's accuracy
    predictors : by name
    turnover : of predictors
    token_sold : share of their gains that predictors sell at once
    """

    count: PositiveCount
    slot: PositiveDays
    price: Tokens
    fee: Share = 0.0
    cancelled: Share = 0.0
    memory: Days
    predictors: FrozenMapping[Name, Predictors]
    turnover: Turnover
    token_sold: Share = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.predictors:
            raise ValueError("predictors: at least one group is needed; its count may be 0")
        seconds = self.slot * 86400
        if abs(seconds - round(seconds)) > 1e-6 or 86400 % max(round(seconds), 1):
            raise ValueError("slot: must be whole seconds, and a day a whole number of slots")
        if self.price <= 0:
            raise ValueError("price: must be above zero")
        refuse_market_fee("fee", self.fee)
        return self


class Lockers(Configured):
    """Holders who lock tokens for votes on assets.

    Parameters
    ----------
    count : of them at the start, which is when they lock
    locked : tokens of the median locker; spread : standard deviation of the logarithm
    longest : days, up to which the ends of locks are spread
    publishers : share of them who are publishers, and vote for an asset of their own
    attention : assets that a locker looks at in a week
    required : yield a year that the median locker asks for to lock again
    required_spread : standard deviation of its logarithm
    token_sold : share of rewards that is sold at once
    """

    count: Count
    locked: Tokens
    spread: NonNegative = 0.0
    longest: PositiveDays
    publishers: Share = 0.0
    attention: PositiveCount = 5
    required: PerYear
    required_spread: NonNegative = 0.0
    token_sold: Share = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not 7.0 <= self.longest <= 4 * 365.0:
            raise ValueError("longest: between a week and 4 x 365 days, the longest lock there is")
        return self


class Reliance(Configured):
    """What depends on the foundation's services.

    Parameters
    ----------
    gateway : share of the assets that are served by the foundation's provider and found in its cache
    marketplace : share of the visits that come through the foundation's marketplace
    """

    gateway: Share = 0.0
    marketplace: Share = 0.0
