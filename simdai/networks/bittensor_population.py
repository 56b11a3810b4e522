"""Who lives on Bittensor: subnets and their owners, miners, validators, stakers, founders of new subnets."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import model_validator

from simdai.networks.bittensor_rules import Consensus
from simdai.registry import Configured, FrozenMapping
from simdai.units import (
    Days,
    Name,
    NonNegative,
    Number,
    PerDay,
    Positive,
    PositiveCount,
    PositiveDays,
    Quantity,
    Share,
    Tokens,
    UsdPerDay,
)

__all__ = ["Founders", "MinerBehaviour", "Stakers", "SubnetGroup", "SubnetType", "Validators"]


class SubnetType(Configured):
    """What subnets of one type have in common.

    Parameters
    ----------
    age : days since they were started, at the start of the scenario
    alpha, alpha_in_pool : alpha outside the pool and in it at the start; the price says the TAO beside it
    enabled : whether root lets them have TAO
    owner_cost : USD a day that an owner spends
    owner_sold : share of the owner's cut that is sold at once
    owner_held : share of the alpha outside that the owner holds at the start
    withheld : share of miner incentive that validators are told to give to the owner's UID
    recycled : whether incentive that falls to the owner is recycled; else it is burned but stays counted
    buyback : share of customers' payments that buys alpha, which is destroyed
    miner_cost : USD a day of a miner's full effort, the median
    occupied : share of the miners' UIDs that are taken at the start
    sharpness : power of a miner's score in its weight; large ones let few win
    consensus : hyperparameters of their own; the network's without
    """

    age: Days
    alpha: Tokens
    alpha_in_pool: Tokens
    enabled: bool = True
    owner_cost: UsdPerDay
    owner_sold: Share
    owner_held: Share
    withheld: Share = 0.0
    recycled: bool = False
    buyback: Share = 0.0
    miner_cost: UsdPerDay
    occupied: Share
    sharpness: Positive
    consensus: Consensus | None = None

    @model_validator(mode="after")
    def _worth_something(self) -> Self:
        if self.alpha_in_pool <= 0 or self.miner_cost <= 0:
            raise ValueError("alpha_in_pool and miner_cost must be above zero")
        return self


class SubnetGroup(Configured):
    """Subnets alike: one named like its group, or several, ``GROUP_1``, ``GROUP_2``, …

    Prices of several are spread evenly over a lognormal law; the median has the one given here.

    Parameters
    ----------
    type : name of their `SubnetType`
    domain : what their miners work on
    count : subnets
    price : TAO per alpha at the start; the average price is the same
    spread : standard deviation of the logarithm of prices
    flow : TAO a day that users staked on average before the start, in proportion to the price
    """

    type: Name
    domain: Name
    count: PositiveCount = 1
    price: Positive
    spread: NonNegative = 0.0
    flow: Annotated[float, Quantity("token/d")] = 0.0


class MinerBehaviour(Configured):
    """How miners live; the same on all subnets.

    A miner's quality is its skill times effort to the power ``returns``. It spends the share ``effort_share``
    of what it earns on effort, between ``least_effort`` and all it can.

    Parameters
    ----------
    skill_spread, cost_spread : standard deviations of logarithms
    drift : standard deviation of the log skill that a miner gains or loses in a day; it reverts to the
        miner's own level
    reversion : share of a deviation lost in a day
    returns : power of effort in quality
    effort_share : of income spent on effort
    least_effort : share of full effort below which a miner does not go
    income_memory : days over which income is averaged
    exit_hazard : chance a day to leave when nothing is earned, in proportion to the loss over cost
    candidates : newcomers a day that look at each subnet
    payback : days in which a newcomer wants its registration back
    sold : share of the incentive that is sold at once
    """

    skill_spread: NonNegative
    cost_spread: NonNegative
    drift: NonNegative
    reversion: PerDay
    returns: Positive
    effort_share: Share
    least_effort: Share
    income_memory: PositiveDays
    exit_hazard: PerDay
    candidates: PerDay
    payback: PositiveDays
    sold: Share


class Validators(Configured):
    """Validators alike, each with a UID on every subnet.

    Parameters
    ----------
    count : validators
    stake : share of all that is staked, TAO on root and alpha, that is staked with them; the shares of all
        groups sum to 1
    own : of that the part that is their own
    spread : standard deviation of the logarithm of their sizes
    strategy : "honest" ones evaluate miners; "copy" ones submit the last consensus that is public
    noise : standard deviation of one evaluation of a miner, relative to the mean quality
    memory : days over which evaluations are averaged; 0 uses the last one
    every : days between evaluations
    cost : USD a day of evaluating one subnet
    take : of dividends, before nominators get theirs
    child_take : of dividends earned for a parent key
    sold : share of the take that is sold at once
    favoured : root era: share of a vote that goes to one subnet of the validator's own choice
    """

    count: PositiveCount
    stake: Share
    own: Share
    spread: NonNegative = 0.0
    strategy: Literal["honest", "copy"] = "honest"
    noise: NonNegative
    memory: Days
    every: PositiveDays
    cost: UsdPerDay
    take: Share
    child_take: Share
    sold: Share
    favoured: Share = 0.0


class Stakers(Configured):
    """Holders who stake with validators and move between subnets and root.

    Where an alternative's expected yearly log return has risen by r beyond that of the start, the share of
    wealth that a holder wants there has risen by ``exp(sensitivity r)`` beyond that of the start; they do not
    believe in changes of more than one.

    Parameters
    ----------
    count : holders
    wealth : share of what is staked by others than validators and owners; the shares of all groups sum to 1
    spread : standard deviation of the logarithm of their sizes
    idle : TAO that they hold unstaked at the start, for each TAO staked on root
    speed : share of the distance to the wanted portfolio that is traded in a day
    sensitivity : of wanted shares to the expected yearly return
    trend : share of the past year's rate of price change that they expect to go on
    trend_memory : days of that past
    hype : standard deviation of the logarithm of the share wanted in a subnet that a day brings, to all alike
    migration : rate at which the odds of root against subnets fall at the start
    migration_fades : days in which that rate falls to 1/e
    curiosity : share of wealth wanted in a subnet that is new, shared by all of them when alpha begins
    acquaintance : days in which a new subnet gets known to all but 1/e of those it could please; at once at 0
    claim : whether alpha earned on root is swapped for TAO there, or kept
    loyalty : days after which a holder looks for a better validator
    """

    count: PositiveCount
    wealth: Share
    spread: NonNegative = 0.0
    idle: NonNegative
    speed: PerDay
    sensitivity: Number
    trend: NonNegative
    trend_memory: PositiveDays
    hype: NonNegative = 0.0
    migration: PerDay = 0.0
    migration_fades: PositiveDays = 365.0
    curiosity: Share
    acquaintance: Days = 0.0
    claim: Literal["swap", "keep"]
    loyalty: PositiveDays


class Founders(Configured):
    """People who register new subnets.

    Parameters
    ----------
    chances : a day that somebody considers it
    payback : days of a middling owner's income that a place is worth to them
    type : of the subnets that they found; price and pool come from what they pay
    domains : weights with which a new subnet works on each domain
    """

    chances: PerDay
    payback: PositiveDays
    type: Name
    domains: FrozenMapping[Name, Positive]

    @model_validator(mode="after")
    def _some_domain(self) -> Self:
        if not self.domains:
            raise ValueError("domains: at least one is needed")
        return self
