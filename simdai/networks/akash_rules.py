"""What a scenario says of Akash: blocks of its configuration."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from simdai.economy.population import Population
from simdai.economy.requirements import Requirements
from simdai.mechanisms._exact import Exact
from simdai.mechanisms.auction import revenue_share
from simdai.mechanisms.lease_market import Bid, Order
from simdai.networks.akash_pricing import Pricing
from simdai.registry import Configured, FrozenMapping
from simdai.units import (
    Count,
    Date,
    Days,
    Hours,
    Name,
    PerYear,
    PositiveCount,
    PositiveDays,
    Share,
    Tokens,
    UsdPerDay,
    UsdPerGpuHour,
)

__all__ = [
    "Bidders",
    "Credit",
    "Hosts",
    "Incentives",
    "Issuance",
    "OracleRules",
    "Orders",
    "Payment",
    "Tenants",
    "order_of",
]

MICRO = 10**6


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


class IdealInflation(Configured):
    """Bounds that halve with time, as the chain's older module had them.

    Parameters
    ----------
    genesis : from which time counts
    initial : ideal inflation then, a share of supply a year
    half_life : days in which it halves
    band : how far inflation may be off the ideal, as a share of it
    """

    genesis: Date
    initial: PerYear
    half_life: PositiveDays
    band: Share


class Issuance(Configured):
    """Inflation by the share of tokens that is staked; with ``high`` at 0 there is none.

    Parameters
    ----------
    bonded : share of the supply that is staked; goal : the share at which inflation stays
    change : of inflation in a year with nothing staked; low, high : its bounds, a share of supply a year
    first : inflation at the start of the scenario; ``high`` without
    ideal : bounds that move, within ``low`` and ``high``; none without
    community_tax : share of it for the community pool
    sold : share of their rewards that stakers sell
    """

    bonded: Share
    goal: Share
    change: PerYear
    low: PerYear
    high: PerYear
    first: PerYear | None = None
    ideal: IdealInflation | None = None
    community_tax: Share
    sold: Share = 0.0

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"low = {self.low:g} and high = {self.high:g} must satisfy 0 <= low <= high")
        if self.first is not None and not self.low <= self.first <= self.high:
            raise ValueError(f"first = {self.first:g}: must lie between low and high")
        if not self.bonded or not self.goal:
            raise ValueError("bonded and goal must be above 0")
        return self


class Incentives(Configured):
    """The community pool pays providers, as far as it holds AKT to sell (PIP-1 to PIP-3.5).

    Parameters
    ----------
    population : whose
    gpus : GPUs in the programme
    price : USD per GPU-hour that is paid for them at any time: a committed pool
    guarantee : or only for the hours that lack to this utilisation
    fees : parts of the programme's fee on what the population earns, by name, as shares of it; the rest goes
        to the community pool, and the population lives on ``price``; it keeps what it earns without
    reserved_fees : the same for reserved deployments
    """

    population: Name
    gpus: Count
    price: UsdPerGpuHour
    guarantee: Share | None = None
    fees: FrozenMapping[Name, Share] | None = None
    reserved_fees: FrozenMapping[Name, Share] | None = None

    @model_validator(mode="after")
    def _shared(self) -> Self:
        if (self.fees is None) != (self.reserved_fees is None):
            raise ValueError("a programme that keeps a fee has one for spot and one for reserved leases")
        for fees in (self.fees, self.reserved_fees):
            if fees is not None:
                revenue_share(fees)
        return self


class Bidders(Population):
    """Providers of Akash, who bid on orders.

    Parameters
    ----------
    attributes : that they declare; audited : those of them that an auditor has signed, by auditor
    registered : whether the chain knows them
    reclamation : notice that they give before they take their resources back; none: they may go at once
    """

    attributes: FrozenMapping[Name, str] = FrozenMapping()
    audited: FrozenMapping[Name, tuple[Name, ...]] = FrozenMapping()
    registered: bool = True
    reclamation: Hours | None = None

    @model_validator(mode="after")
    def _declared(self) -> Self:
        for auditor, signed in self.audited.items():
            for name in signed:
                if name not in self.attributes:
                    raise ValueError(f"audited.{auditor}: {name!r} is not among the attributes")
        return self

    def bid(self, provider: str, price: Exact, deposit: Tokens) -> Bid:
        """What one of them offers, at ``price`` micro-units a block with a ``deposit`` in tokens."""
        declared = {str(name): value for name, value in self.attributes.items()}
        return Bid(
            provider=provider,
            price=price,
            deposit=round(deposit * MICRO),
            attributes=declared,
            audited={a: {name: declared[name] for name in names} for a, names in self.audited.items()},
            registered=self.registered,
            reclamation_hours=self.reclamation,
        )


class Orders(Configured):
    """The order book.

    Parameters
    ----------
    deposit : AKT, or ACT, that a bid puts down until it is lost or closed
    """

    deposit: Tokens


class Hosts(Configured):
    """Providers whose GPUs are leased by deployments for days, and take no single jobs.

    Parameters
    ----------
    population : its name; pricing : how they price their bids
    """

    population: Name
    pricing: Pricing


def order_of(requires: Requirements, max_price: Exact) -> Order:
    """The order of a tenant with such requirements, at ``max_price`` micro-units a block at most."""
    return Order(
        max_price=max_price,
        attributes=dict(requires.attributes),
        signed_by_all=frozenset(requires.signed_by_all),
        signed_by_any=frozenset(requires.signed_by_any),
        reclamation_hours=requires.reclamation,
    )
