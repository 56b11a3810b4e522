"""What a SingularityNET marketplace is made of: eras, services, channels, reputation, staking windows."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from simdai.economy.firms import Turnover
from simdai.mechanisms.reputation import LiquidRank
from simdai.registry import Configured
from simdai.units import (
    Count,
    Date,
    Days,
    Name,
    NonNegative,
    PerDay,
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

__all__ = ["Agix", "Asi", "Channels", "Era", "Reputation", "ServiceGroup", "Services", "StakingWindows"]

TokensPerMonth = Annotated[float, Quantity("token/month", low=0.0)]


class Era(Configured, family="singularitynet_era"):
    """In which token services are paid, and what is created for participants.

    Parameters
    ----------
    wei_decimals : decimals in which the payment contract counts; those of the token without
    """

    wei_decimals: Count | None = None

    @property
    def token_of(self) -> str | None:
        """Network whose token is paid with; None for the network's own."""
        return None


class Agix(Era, kind="agix"):
    """Payments in the network's own token, whose second phase is released month by month.

    Parameters
    ----------
    genesis : first day of month 1 of the release
    first : tokens of month 1
    decay : of the tranche from a month to the next
    granted : share of each tranche that goes to services as grants; the rest to the treasury
    sold : share of what the treasury gets that it sells at once
    """

    genesis: Date
    first: TokensPerMonth
    decay: Share
    granted: Share = 0.0
    sold: Share = 0.0


class Asi(Era, kind="asi"):
    """Payments in the token of the alliance; nothing new is created, grants come out of the treasury.

    Parameters
    ----------
    shares : network whose token it is; the network's own token without
    grants : tokens a month for services, paid week by week as long as the treasury holds them
    """

    shares: Name | None = None
    grants: TokensPerMonth = 0.0

    @property
    def token_of(self) -> str | None:
        return self.shares


class Services(Configured):
    """How organisations behave; each has a wallet and offers services.

    Parameters
    ----------
    per_organisation : services of one organisation, in one domain
    turnover : entry and exit of services
    token_sold : share of the tokens claimed that is sold at once
    decay : a day, of the share of calls that a service answers, where nobody maintains daemon and registry
    """

    per_organisation: PositiveCount = 1
    turnover: Turnover
    token_sold: Share
    decay: PerDay = 0.0


class ServiceGroup(Configured):
    """Services of one domain at the start, and what entrants there are like.

    Parameters
    ----------
    count : services
    price : USD a call of the median service
    price_spread : standard deviation of the logarithm of prices
    quality : mean, between 0 and 1
    quality_spread : standard deviation of quality; draws are cut to [0, 1]
    cost : USD of computing a call
    hosting : USD a day, whatever is called
    development : USD a day that the work on a service has to earn
    """

    count: Count
    price: Usd
    price_spread: NonNegative = 0.0
    quality: Share
    quality_spread: NonNegative = 0.0
    cost: Usd = 0.0
    hosting: UsdPerDay
    development: UsdPerDay

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.price <= 0:
            raise ValueError("price: a paid service needs a price above zero")
        if self.development <= 0:
            raise ValueError("development: give what a day of the work has to earn, above zero")
        return self


class Channels(Configured):
    """Terms of the Multi-Party Escrow and how carefully both sides use it.

    Parameters
    ----------
    block : days
    threshold : days before a channel's expiration from which daemons refuse its calls
    claim_every : days between an organisation's claims
    forgets : chance that a due claim is not made
    watch : share of organisations that also claim what is about to expire
    lost_calls : share of signed calls that are not answered, though paid: the client's risk
    fee : share of a claim that the protocol keeps for the treasury; the contract takes none
    gas : USD of a transaction, for those who count it
    """

    block: PositiveDays
    threshold: Days
    claim_every: PositiveDays
    forgets: Share = 0.0
    watch: Share = 1.0
    lost_calls: Share = 0.0
    fee: Share = 0.0
    gas: Usd = 0.0


class Reputation(Configured):
    """Liquid rank: how ratings become a reputation that customers see.

    Parameters
    ----------
    period : days between updates
    noise : standard deviation of a rating around what its customer got
    default, conservatism, precision, liquid, weighting, log_ratings, log_ranks, spendings : see `LiquidRank`
    newcomers : reputation with which a rater that is not known yet counts
    """

    period: PositiveDays
    noise: NonNegative = 0.0
    default: Share = 0.5
    newcomers: Share = 0.5
    conservatism: Share = 0.5
    precision: Positive = 0.01
    liquid: bool = True
    weighting: bool = True
    log_ratings: bool = False
    log_ranks: bool = True
    spendings: NonNegative = 0.0

    @property
    def rule(self) -> LiquidRank:
        """The rule of one period."""
        return LiquidRank(
            default=self.default,
            conservatism=self.conservatism,
            precision=self.precision,
            liquid=self.liquid,
            weighting=self.weighting,
            log_ratings=self.log_ratings,
            log_ranks=self.log_ranks,
            spendings=self.spendings,
        )


class StakingWindows(Configured):
    """Holders who stake for a window and share its reward pro rata.

    Parameters
    ----------
    stakers : count
    stake : tokens of the median staker
    spread : standard deviation of the logarithm of stakes
    minimum : least stake, tokens
    reward : tokens a window, out of the treasury
    window, call : days of a window, and of the call before it in which holders come and go
    required : yield a year that the median staker asks for
    required_spread : standard deviation of its logarithm
    """

    stakers: Count
    stake: Tokens
    spread: NonNegative = 0.0
    minimum: Tokens
    reward: Tokens
    window: PositiveDays
    call: Days
    required: PerYear
    required_spread: NonNegative = 0.0
