"""The dated rules of Bittensor's chain: shares of subnets, injection, consensus, prices of UIDs, places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.mechanisms.dtao import (
    gate_bar,
    net_flow,
    neuron_burn,
    neuron_burn_adjusted,
    shares_by_flow,
    shares_by_price,
    shares_by_root_votes,
    shares_by_tier,
)
from simdai.mechanisms.yuma import YumaParams
from simdai.registry import Configured
from simdai.units import Count, Days, NonNegative, Positive, PositiveCount, Quantity, Share, Tokens

__all__ = [
    "RAO",
    "Consensus",
    "Gate",
    "Injection",
    "LiquidAlpha",
    "Places",
    "PriceEma",
    "ShareState",
    "SubnetShares",
    "UidPrice",
]

RAO = 10**9
U16 = 65535
PPM = 10**6

Floats: TypeAlias = NDArray[np.float64]


# --- shares of subnets in the block emission ---


@dataclass(frozen=True)
class ShareState:
    """What rules of shares look at; (n,) arrays over the subnets that may get a share.

    Parameters
    ----------
    price_ema : TAO per alpha
    miner_burned : part of the last miner incentive that fell to the owner
    user_flow, protocol_flow : EMAs, TAO a block
    netuids : the older the lower
    root_stake, votes : (m,) TAO of root validators and their (m, n) votes
    """

    price_ema: Floats
    miner_burned: Floats
    user_flow: Floats
    protocol_flow: Floats
    netuids: NDArray[np.int64]
    root_stake: Floats
    votes: Floats


class Gate(Configured):
    """The Hill gate, which moves emission up to larger shares.

    Parameters
    ----------
    quantile : share of all emission that the subnets above the bar have; or
    rank : place of the subnet at the bar
    exponent : steepness
    """

    quantile: Share | None = None
    rank: PositiveCount | None = None
    exponent: Positive

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.quantile is None) == (self.rank is None):
            raise ValueError("give either 'quantile' or 'rank'")
        return self

    def bar(self, shares: Floats) -> float:
        """The share that is halved."""
        mode = "rank" if self.quantile is None else "quantile"
        return gate_bar(shares, mode, q=self.quantile, rank=self.rank)


class SubnetShares(Configured, family="subnet_shares"):
    """How the TAO of a block is split between subnets."""

    @property
    def gate(self) -> Gate | None:
        """The gate behind the shares, if there is one."""
        return None

    @property
    def flow_smoothing(self) -> float | None:
        """Weight of a block in the flow averages; None where nobody looks at flows."""
        return None

    def shares(self, state: ShareState) -> Floats:
        """(n,) shares before the gate."""
        raise NotImplementedError


class RootVotes(SubnetShares, kind="root_votes"):
    """Root validators vote (2023 to 2025-02).

    Parameters
    ----------
    kappa : share of stake behind a subnet at which its rank is halved
    rho : steepness of that discount
    """

    kappa: Share
    rho: Positive

    def shares(self, state: ShareState) -> Floats:
        return shares_by_root_votes(state.root_stake, state.votes, self.kappa, self.rho)


class PriceShares(SubnetShares, kind="price"):
    """In proportion to average prices (2025-02 to 2025-11, and again since 2026-06).

    Parameters
    ----------
    burn_penalty : whether incentive that falls to a subnet's owner lowers its share (since 2026-06)
    hill : the gate (since 2026-07-27)
    """

    burn_penalty: bool
    hill: Gate | None = None

    @property
    def gate(self) -> Gate | None:
        return self.hill

    def shares(self, state: ShareState) -> Floats:
        burned = state.miner_burned if self.burn_penalty else np.zeros_like(state.miner_burned)
        return shares_by_price(state.price_ema, burned)


class FlowShares(SubnetShares, kind="flow"):
    """In proportion to the average flow of TAO that users stake (2025-11 to 2026-06).

    Parameters
    ----------
    smoothing : weight of a block in the average; 3.209e-6 is a half-life of 30 days
    cutoff : floor of the lower limit, TAO a block
    exponent : of the flow above the limit
    net : whether the protocol's own flow is deducted (since 2026-05)
    """

    smoothing: Share
    cutoff: Annotated[float, Quantity("token")]
    exponent: Positive
    net: bool

    @property
    def flow_smoothing(self) -> float | None:
        return self.smoothing

    def shares(self, state: ShareState) -> Floats:
        flow = net_flow(state.user_flow, state.protocol_flow) if self.net else state.user_flow
        return shares_by_flow(flow, self.cutoff, self.exponent)


class TierShares(SubnetShares, kind="tiers"):
    """The proposal of July 2026: ranks 1 to 32 share three quarters, ranks 33 to 64 one quarter.

    Parameters
    ----------
    burn_penalty : as in the kind "price", whose shares are ranked
    """

    burn_penalty: bool

    def shares(self, state: ShareState) -> Floats:
        scores = PriceShares(burn_penalty=self.burn_penalty).shares(state)
        return shares_by_tier(scores, state.netuids.tolist())


class PriceEma(Configured):
    """The average price of alpha that shares look at.

    Parameters
    ----------
    base : weight of a block for an old subnet
    halving : blocks, age at which the weight is half of that
    spot_cap : TAO per alpha above which the spot price counts no more
    """

    base: Share
    halving: PositiveCount
    spot_cap: Positive


class Injection(Configured):
    """What becomes of a subnet's TAO.

    Parameters
    ----------
    cap : with it goes at most this much alpha of a block into the pool: the whole "alpha_emission", or its
        "root_proportion" (since 2026); the rest of the TAO buys alpha
    bought : alpha so bought is "recycled" (2025), or "kept" by the protocol
    """

    cap: Literal["alpha_emission", "root_proportion"]
    bought: Literal["recycled", "kept"]


# --- consensus ---


class LiquidAlpha(Configured):
    """Bonds that move faster the farther a weight is from consensus.

    Parameters
    ----------
    low, high : least and most weight of the new bond
    steepness : of the sigmoid between them
    """

    low: Share
    high: Share
    steepness: Positive


class Consensus(Configured):
    """Hyperparameters of a subnet.

    Parameters
    ----------
    version : of Yuma consensus
    tempo : blocks between epochs
    kappa : share of active stake that sets a weight
    bonds_penalty : how much of a weight above consensus is lost to bonds
    bonds_moving_average : of the last epoch's bond kept
    liquid_alpha : none unless given
    permits : most validators
    stake_threshold : least stake weight, alpha
    activity_cutoff : blocks after which a validator that sets no weights is inactive
    reveal_period : epochs until committed weights are revealed; 0 sets them in the open
    tao_weight : of TAO on root beside alpha
    immunity : blocks in which a new UID is not pruned
    least_mortal : UIDs without immunity down to which an immune one is pruned instead
    """

    version: Literal["yuma2", "yuma3"]
    tempo: PositiveCount
    kappa: Share
    bonds_penalty: Share
    bonds_moving_average: Share
    liquid_alpha: LiquidAlpha | None = None
    permits: PositiveCount
    stake_threshold: NonNegative
    activity_cutoff: PositiveCount
    reveal_period: Count
    tao_weight: Share
    immunity: Count
    least_mortal: Count

    def params(self, owner_uid: int | None, emission_rao: int) -> YumaParams:
        """As the epoch takes them."""
        liquid = self.liquid_alpha or LiquidAlpha(low=0.0, high=1.0, steepness=1.0)
        return {
            "yuma_version": self.version,
            "kappa_u16": round(self.kappa * U16),
            "bonds_penalty_u16": round(self.bonds_penalty * U16),
            "bonds_moving_average_ppm": round(self.bonds_moving_average * PPM),
            "liquid_alpha": self.liquid_alpha is not None,
            "alpha_low_u16": round(liquid.low * U16),
            "alpha_high_u16": round(liquid.high * U16),
            "alpha_sigmoid_steepness_raw": round(liquid.steepness * 100),
            "max_allowed_validators": self.permits,
            "activity_cutoff": self.activity_cutoff,
            "min_stake": round(self.stake_threshold * RAO),
            "owner_uid": owner_uid,
            "emission_rao": emission_rao,
        }


# --- price of a UID ---


class UidPrice(Configured, family="uid_price"):
    """What registering a UID costs; prices are rao, rounded as the chain does."""

    def later(self, price: int, registrations: int, block: int, blocks: int) -> tuple[int, int]:
        """Price ``blocks`` after ``block``, and the registrations that are still to move it.

        Parameters
        ----------
        price : rao
        registrations : that were still to move it at ``block``
        """
        raise NotImplementedError

    def bumped(self, price: int) -> int:
        """Price of the next registration in the same block."""
        raise NotImplementedError


class DecayingPrice(UidPrice, kind="decaying"):
    """Each registration raises the price at once; it decays block by block (since 2026-03-18).

    Parameters
    ----------
    half_life : blocks; 0 switches the decay off
    multiplier : of a registration
    minimum, maximum : TAO
    """

    half_life: Count
    multiplier: Positive
    minimum: Tokens
    maximum: Tokens

    def later(self, price: int, registrations: int, block: int, blocks: int) -> tuple[int, int]:
        return self._burn(price, blocks, 0), 0

    def bumped(self, price: int) -> int:
        return self._burn(price, 0, 1)

    def _burn(self, price: int, blocks: int, registrations: int) -> int:
        bounds = round(self.minimum * RAO), round(self.maximum * RAO)
        return neuron_burn(price, blocks, registrations, self.half_life, self.multiplier, *bounds)


class AdjustedPrice(UidPrice, kind="adjusted"):
    """The price follows the registrations of each interval (until 2026-03-18).

    Parameters
    ----------
    interval : blocks
    target : registrations in an interval at which the price stays
    kept : weight of the present price
    minimum, maximum : TAO
    """

    interval: PositiveCount
    target: PositiveCount
    kept: Share
    minimum: Tokens
    maximum: Tokens

    def later(self, price: int, registrations: int, block: int, blocks: int) -> tuple[int, int]:
        bounds = round(self.minimum * RAO), round(self.maximum * RAO)
        for _ in range((block + blocks) // self.interval - block // self.interval):
            before = price
            price = neuron_burn_adjusted(price, registrations, self.target, self.kept, *bounds)
            if price == before and not registrations:
                break
            registrations = 0
        return price, registrations

    def bumped(self, price: int) -> int:
        return price


# --- places of subnets ---


class Places(Configured):
    """How many subnets there may be, and what a place costs.

    Parameters
    ----------
    limit : subnets beside root
    min_lock : least price, TAO
    lock_interval : blocks in which the price falls back to the last one
    rate_limit : least blocks between two registrations
    immunity : blocks in which a new subnet is not removed
    start_delay : days until a new owner starts the subnet
    enabled_after : days until root lets a new subnet have TAO; never without
    """

    limit: PositiveCount
    min_lock: Tokens
    lock_interval: PositiveCount
    rate_limit: Count
    immunity: Count
    start_delay: Days
    enabled_after: Days | None = None
