"""Who is in a Graph network: subgraphs and their developers, indexers, delegators, curators, fishermen."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from simdai.economy.paths import Path, PathOf
from simdai.registry import Configured
from simdai.units import (
    Count,
    Days,
    NonNegative,
    PerDay,
    PerYear,
    Positive,
    PositiveCount,
    PositiveDays,
    Quantity,
    Share,
    Tokens,
    UsdPerDay,
)

__all__ = ["Curators", "Delegators", "Fishermen", "Gateway", "Indexers", "Subgraphs"]

Rate = Annotated[float, Quantity("1/y", low=0.0)]


class Gateway(Configured):
    """Who takes customers' USD, chooses indexers and pays them in GRT.

    Parameters
    ----------
    price : USD a query
    quality_sensitivity : how much more an indexer is asked whose answers are better: utils for the whole way
        from always wrong to always right
    settle : days between the gateway's purchases of GRT
    """

    price: Annotated[Path, PathOf("USD")]
    quality_sensitivity: NonNegative
    settle: PositiveDays


class Subgraphs(Configured):
    """Subgraphs of a kind, each with a developer who signals on it.

    Parameters
    ----------
    count : at the start
    launches : new ones a year
    popularity_spread : standard deviation of the log of how much each is asked
    size_spread : the same of what each costs to index
    signal, signal_spread : of the developer: median and standard deviation of the log
    signal_lag : days from publication to the developer's signal where they are two transactions
    ramp : days in which the queries of a new subgraph grow to their level
    """

    count: PositiveCount
    launches: Rate = 0.0
    popularity_spread: NonNegative = 0.0
    size_spread: NonNegative = 0.0
    signal: Tokens
    signal_spread: NonNegative = 0.0
    signal_lag: Days = 0.0
    ramp: Days = 0.0


class Indexers(Configured):
    """Indexers alike.

    Parameters
    ----------
    count : at the start
    candidates : others like them who may enter
    stake, stake_spread : own stake: median and standard deviation of the log; never below the minimum
    cost : running cost whatever is indexed
    subgraph_cost : running cost of an average subgraph
    cost_spread : standard deviation of the log of both, between indexers
    quality : share of queries answered rightly and in time
    uptime : share of days on which an indexer serves queries at all
    seconds, blocks_behind : its answers take, and its data lies behind the chain's head
    kept, fees_kept : shares of rewards and query fees that are not the delegators'
    kept_step : step by which the first moves at a review: down while delegation could still be used, up while
        some idles
    review : days between proofs of indexing, when allocations and cuts are reconsidered
    restaked : share of own rewards that is staked again
    annual_return : asked of own stake
    income_memory : days over which margins are averaged
    exit_hazard, exit_sensitivity : hazard of leaving at margin 0, and how fast it falls with the margin
    entry_threshold, entry_speed : margin from which candidates enter, and their hazard for each unit above
    forges : whether they present proofs without indexing when that pays
    """

    count: Count
    candidates: Count = 0
    stake: Tokens
    stake_spread: NonNegative = 0.0
    cost: UsdPerDay
    subgraph_cost: UsdPerDay
    cost_spread: NonNegative = 0.0
    quality: Share
    uptime: Share = 1.0
    seconds: Positive
    blocks_behind: Count
    kept: Share
    fees_kept: Share
    kept_step: Share = 0.0
    review: PositiveDays
    restaked: Share = 0.0
    annual_return: PerYear = 0.0
    income_memory: Days = 0.0
    exit_hazard: PerDay = 0.0
    exit_sensitivity: NonNegative = 0.0
    entry_threshold: NonNegative = 1.0
    entry_speed: PerDay = 0.0
    forges: bool = False

    @model_validator(mode="after")
    def _some_return(self) -> Self:
        if self.annual_return <= 0:
            raise ValueError("annual_return: must be above zero, since margins count what stake should earn")
        return self


class Delegators(Configured):
    """Delegators alike, each with one indexer at a time.

    Parameters
    ----------
    count : how many
    tokens, tokens_spread : of each: median and standard deviation of the log
    delegated : share of them who delegate at the start
    review : days between looks at the yields
    gain : yield a year by which another indexer must be better
    asked : median of the yield a year without which a delegator stays away, ``asked_spread`` its spread
    taste : weight of everything but the yield in the choice of an indexer, in logs
    sold : share of what those who leave for good sell
    """

    count: PositiveCount
    tokens: Tokens
    tokens_spread: NonNegative = 0.0
    delegated: Share = 1.0
    review: PositiveDays
    gain: Rate = 0.0
    asked: Rate = 0.0
    asked_spread: NonNegative = 0.0
    taste: NonNegative = 0.0
    sold: Share = 1.0


class Curators(Configured):
    """Curators who signal for the query fees, beside the developers of subgraphs.

    Parameters
    ----------
    count : how many
    tokens, tokens_spread : of each: median and standard deviation of the log
    positions : subgraphs on which each divides its tokens
    review : days between looks at the yields
    horizon : days over which a move must earn its tax
    asked : yield a year below which a curator takes its signal back
    follows : share of curators who signal on a new subgraph as soon as they see it
    reaction : mean time until they see it
    """

    count: PositiveCount
    tokens: Tokens
    tokens_spread: NonNegative = 0.0
    positions: PositiveCount = 1
    review: PositiveDays
    horizon: PositiveDays
    asked: Rate = 0.0
    follows: Share = 0.0
    reaction: Days = 0.0


class Fishermen(Configured):
    """Who checks proofs of indexing, and how disputes end.

    Parameters
    ----------
    tokens : GRT for deposits at the start
    checked : share of proofs that are checked
    power : chance that a check finds out a forged proof
    false_alarms : chance that a true proof, checked, is disputed
    ruling : days until the arbitrator rules
    accuracy : share of rulings that are right; a wrong one accepts a false alarm, or draws on a true one
    patience : days after which a dispute that nobody rules on is cancelled
    """

    tokens: Tokens
    checked: Share
    power: Share = 1.0
    false_alarms: Share = 0.0
    ruling: Days
    accuracy: Share
    patience: Days
