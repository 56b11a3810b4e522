"""What a scenario says of Akash: blocks of its configuration."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from simdai.registry import Configured
from simdai.units import (
    Count,
    Days,
    Name,
    PerYear,
    PositiveCount,
    PositiveDays,
    Share,
    Tokens,
    UsdPerDay,
    UsdPerGpuHour,
)

__all__ = ["Credit", "Incentives", "Issuance", "OracleRules", "Payment", "Tenants"]


class OracleRules(Configured):
    """How the chain makes one price out of what sources publish.

    Parameters
    ----------
    sources : that publish; min_sources : fewer fresh ones halt the credit
    staleness : age at which a source no longer counts
    window : of the time-weighted mean
    max_deviation : spread between the sources over the lowest, above which the price is not used
    lag : age of what the sources publish
    """

    sources: PositiveCount
    min_sources: PositiveCount
    staleness: PositiveDays
    window: Days
    max_deviation: Share
    lag: Days = 0.0

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.min_sources > self.sources:
            raise ValueError(f"min_sources = {self.min_sources}: there are only {self.sources} sources")
        return self


class Credit(Configured):
    """The rules of ACT, credit of one USD minted against AKT in a vault (``simdai.mechanisms.akash_credit``).

    Parameters
    ----------
    seed : AKT that the community pool puts into the vault when the rules come into force
    warn, halt : collateral ratios at and below which minting slows down, and stops
    mint_spread, settle_spread : share of what is converted that the vault keeps
    min_blocks, max_blocks : between batches; backoff : growth of the blocks between mint batches for each
        0.1 % of the ratio below ``warn``
    batch : requests a batch; max_attempts : failures after which a request is cancelled
    min_mint : ACT, min_redeem : AKT, that a request must come to
    """

    seed: Tokens
    warn: Share
    halt: Share
    mint_spread: Share
    settle_spread: Share
    min_blocks: PositiveCount
    max_blocks: PositiveCount
    backoff: Share
    batch: PositiveCount
    max_attempts: PositiveCount
    min_mint: Tokens
    min_redeem: Tokens = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.halt >= self.warn:
            raise ValueError(f"halt = {self.halt:g} must be below warn = {self.warn:g}")
        return self


class Payment(Configured):
    """How leases are paid: in credit where ``credit`` is given, else in AKT and in stablecoins.

    Parameters
    ----------
    usd_share : share of spending in stablecoins; the rest in AKT that tenants buy for it
    take_usd, take_akt : take fee on withdrawals, whole percents
    credit : rules of the credit; fees and stablecoins have no part in it
    """

    usd_share: Share = 0.0
    take_usd: Share = 0.0
    take_akt: Share = 0.0
    credit: Credit | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.credit is not None and (self.usd_share or self.take_usd or self.take_akt):
            raise ValueError("leases paid in credit bear no take fee and take no stablecoins")
        for name, share in (("take_usd", self.take_usd), ("take_akt", self.take_akt)):
            if abs(share * 100 - round(share * 100)) > 1e-9:
                raise ValueError(f"{name}: the protocol's rates are whole percents, got {share:.3%}")
        return self


class Tenants(Configured):
    """How customers pay.

    Parameters
    ----------
    prepaid : days of spending that they hold in credit
    spending : USD a day expected at the start; memory : days over which they average it afterwards
    underfunded : share of spending by tenants who let their deposits run out and deploy again
    deposit_lasts : days that such a deposit lasts; unnoticed : how long their leases then run on unpaid,
        until somebody settles
    """

    prepaid: Days
    spending: UsdPerDay
    memory: PositiveDays
    underfunded: Share = 0.0
    deposit_lasts: PositiveDays
    unnoticed: Days


class Issuance(Configured):
    """Inflation by the share of tokens that is staked; with ``high`` at 0 there is none.

    Parameters
    ----------
    bonded : share of the supply that is staked; goal : the share at which inflation stays
    change : of inflation in a year with nothing staked; low, high : its bounds, a share of supply a year
    community_tax : share of it for the community pool
    sold : share of their rewards that stakers sell
    """

    bonded: Share
    goal: Share
    change: PerYear
    low: PerYear
    high: PerYear
    community_tax: Share
    sold: Share = 0.0

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"low = {self.low:g} and high = {self.high:g} must satisfy 0 <= low <= high")
        if not self.bonded or not self.goal:
            raise ValueError("bonded and goal must be above 0")
        return self


class Incentives(Configured):
    """The community pool pays providers, as far as it holds AKT to sell.

    Parameters
    ----------
    population : whose
    gpus : GPUs in the programme
    price : USD per GPU-hour that is paid for them at any time: a committed pool
    guarantee : or only for the hours that lack to this utilisation
    """

    population: Name
    gpus: Count
    price: UsdPerGpuHour
    guarantee: Share | None = None
