"""What a scenario may say of The Graph's rules: issuance, curation, the two protocols."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.mechanisms._exact import exact
from simdai.mechanisms.curation import curation_burn, curation_burn_flat, curation_mint, curation_mint_flat
from simdai.mechanisms.emission import issuance_split
from simdai.mechanisms.indexing import (
    RewardSplit,
    curation_tax,
    fee_stake_lock,
    fee_waterfall,
    indexing_reward_split,
    legacy_slash,
    paid_whole,
    rebate_increments,
    slash_wei,
)
from simdai.registry import Configured
from simdai.units import Count, Days, NonNegative, PositiveCount, PositiveDays, Share, Tokens

__all__ = [
    "WEI",
    "Convex",
    "Curation",
    "Flat",
    "GraphProtocol",
    "Horizon",
    "Issuance",
    "Legacy",
    "Objects",
    "QueryFees",
    "Slashing",
    "ppm",
    "wei",
]

WEI = 10**18

Bools = NDArray[np.bool_]
Objects = NDArray[Any]
"""Arrays of Python integers: wei do not fit in 64 bits."""


def wei(tokens: float) -> int:
    """Whole wei of tokens as written: 120.73 GRT are 12,073 x 10^16 wei."""
    return round(exact(tokens=tokens)[0] * WEI)


def ppm(share: float) -> int:
    """Parts in a million of a share."""
    return round(share * 1e6)


class Issuance(Configured):
    """GRT created in a block.

    Parameters
    ----------
    per_block : all of it
    to_agreements : part of it that pays indexing agreements (GIP-0088); the rest rewards indexing
    minimum_signal : signal below which a subgraph earns nothing
    reclaimed_minted : whether rewards that nobody may have are minted to the treasury; else they never are
    """

    per_block: Tokens
    to_agreements: Tokens = 0.0
    minimum_signal: Tokens = 0.0
    reclaimed_minted: bool = False

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.to_agreements > self.per_block:
            raise ValueError(f"to_agreements exceeds what is issued, {self.per_block:g} GRT a block")
        return self

    @property
    def parts(self) -> tuple[int, int]:
        """Wei a block for agreements and for rewards."""
        agreements, _ = issuance_split(self.per_block, amount=self.to_agreements)
        return wei(agreements), wei(self.per_block) - wei(agreements)


class Curation(Configured, family="curation"):
    """The curve of curation pools.

    Parameters
    ----------
    tax : share of a deposit that is burned
    publish_and_signal : whether who publishes a subgraph signals in the same transaction, so that nobody can
        come before
    """

    layer: ClassVar[str]

    tax: Share
    publish_and_signal: bool = True

    def taxed(self, deposit: int) -> int:
        """Wei of a gross deposit that are burned."""
        return curation_tax(deposit, ppm(self.tax), self.layer)

    def mint(self, pool: int, shares: int, deposit: int) -> int:
        """Shares for a deposit net of tax."""
        raise NotImplementedError

    def burn(self, pool: int, shares: int, returned: int) -> int:
        """Wei for shares that are returned."""
        raise NotImplementedError

    @property
    def least(self) -> int:
        """Least first deposit, wei, net of tax."""
        return 1


class Convex(Curation, kind="convex"):
    """L1: a bonding curve; a share costs more the more tokens the pool holds.

    Parameters
    ----------
    reserve_ratio : 0.5 on mainnet
    minimum : least first deposit
    """

    layer = "L1"

    reserve_ratio: Share
    minimum: Tokens

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.reserve_ratio <= 0 or self.minimum <= 0:
            raise ValueError("reserve_ratio and minimum must be above zero")
        return self

    def mint(self, pool: int, shares: int, deposit: int) -> int:
        """Shares in units of 1e-18; the curve itself is a float."""
        return int(
            WEI * curation_mint(pool / WEI, shares / WEI, deposit / WEI, self.reserve_ratio, self.minimum)
        )

    def burn(self, pool: int, shares: int, returned: int) -> int:
        if returned == shares:
            return pool
        return min(
            int(WEI * curation_burn(pool / WEI, shares / WEI, returned / WEI, self.reserve_ratio)), pool
        )

    @property
    def least(self) -> int:
        return wei(self.minimum)


class Flat(Curation, kind="flat"):
    """L2 (GIP-0039, Arbitrum): every share of a pool is worth the same part of it."""

    layer = "L2"

    def mint(self, pool: int, shares: int, deposit: int) -> int:
        return curation_mint_flat(pool, shares, deposit)

    def burn(self, pool: int, shares: int, returned: int) -> int:
        return curation_burn_flat(pool, shares, returned)


class Slashing(Configured):
    """What an accepted dispute takes, and from what.

    Parameters
    ----------
    share : of the base that is slashed
    base : own stake (legacy), or the snapshot of provision and the whole delegation pool that is taken when
        the dispute is opened (Horizon)
    maximum : most that the arbitrator may take
    fisherman : share of what the indexer's own stake pays that the fisherman gets; the rest is burned
    delegators_pay : whether delegators pay what own stake does not cover
    deposit : of a dispute
    """

    share: Share
    base: Literal["stake", "snapshot"]
    maximum: Share = 1.0
    fisherman: Share
    delegators_pay: bool = False
    deposit: Tokens

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.share > self.maximum:
            raise ValueError(f"share exceeds the maximum, {self.maximum:g}")
        return self

    def slashed(self, own: int, delegated: int, snapshot: int) -> tuple[int, int, int]:
        """Wei taken from own stake and from delegation, and the fisherman's part of the first.

        Parameters
        ----------
        own, delegated : wei at stake when the dispute is accepted
        snapshot : both together when it was opened
        """
        if self.base == "stake":
            if own * ppm(self.share) < 10**6:  # nothing that the contract could slash
                return 0, 0, 0
            reward, burned = legacy_slash(own, ppm(self.share), ppm(self.fisherman))
            return reward + burned, 0, reward
        taken = slash_wei(
            own,
            delegated,
            ppm(self.share),
            ppm(self.fisherman),
            self.delegators_pay,
            ppm(self.maximum),
            snapshot,
        )
        return int(taken.provider), int(taken.delegators), int(taken.fisherman)


class QueryFees(NamedTuple):
    """Query fees of some allocations in parts, (n,) wei each, which sum to the gross fees."""

    burned: Objects
    curators: Objects
    delegators: Objects
    indexer: Objects
    net: Objects
    """What the first two cuts left: what a rebate is of."""


class GraphProtocol(Configured, family="graph_protocol"):
    """How stake, allocations and query fees work.

    Parameters
    ----------
    delegation_ratio : delegation that counts, as a multiple of own stake
    minimum_stake : of an indexer
    fee_burn, curation_cut : shares of query fees, one after the other
    slashing : what an accepted dispute takes
    cut_notice : days after which a higher cut of the indexer takes effect; delegators see it at once
    """

    regime: ClassVar[Literal["legacy", "horizon"]]

    delegation_ratio: PositiveCount
    minimum_stake: Tokens
    fee_burn: Share
    curation_cut: Share
    slashing: Slashing
    cut_notice: Days = 0.0

    def reward_parts(self, reward: int, kept_ppm: int, delegated: bool) -> RewardSplit:
        """Indexer's and delegators' part of an indexing reward, of which the indexer keeps ``kept_ppm``."""
        cut = kept_ppm if self.regime == "legacy" else 10**6 - kept_ppm
        return indexing_reward_split(reward, cut, delegated, self.regime)

    def fee_parts(
        self, gross: Objects, kept_ppm: int, curated: Bools, delegated: bool, tokens: Objects, before: Objects
    ) -> QueryFees:
        """Parts of query fees that allocations of one indexer collect.

        Parameters
        ----------
        gross : (n,) wei, > 0
        kept_ppm : what the indexer keeps of what is left for it and its delegators
        curated, delegated : whether each subgraph has signal, the indexer's pool delegation
        tokens : (n,) wei allocated
        before : (n,) wei that the allocations have collected already, net of the first two cuts
        """
        raise NotImplementedError

    def locked_by_fees(self, gross: int) -> int:
        """Wei of stake that collected fees lock."""
        return 0


class Legacy(GraphProtocol, kind="legacy"):
    """Until Horizon: allocations end after some epochs, delegation is taxed, fees pass a rebate curve.

    Parameters
    ----------
    max_allocation_epochs : after which anybody may close an allocation
    delegation_tax : share of a delegation that is burned
    unbonding_epochs : until delegation that was given back is free
    thawing_blocks : until stake that was given back is free
    rebate_alpha, rebate_lambda : of the exponential rebate (GIP-0051)
    accumulate_fees : whether the rebate looks at all fees of an allocation, not at each voucher alone
    """

    regime = "legacy"

    max_allocation_epochs: PositiveCount
    delegation_tax: Share
    unbonding_epochs: Count
    thawing_blocks: Count
    rebate_alpha: Share
    rebate_lambda: NonNegative
    accumulate_fees: bool = True

    def fee_parts(
        self, gross: Objects, kept_ppm: int, curated: Bools, delegated: bool, tokens: Objects, before: Objects
    ) -> QueryFees:
        taken = fee_waterfall(
            gross, ppm(self.fee_burn), ppm(self.curation_cut), 0, curated=curated, delegated=False
        )
        rebate = taken.indexer.copy()
        if not self.accumulate_fees:
            before = before * 0
        for k in np.flatnonzero(~paid_whole(before + rebate, tokens, self.rebate_lambda).astype(bool)):
            vouchers = [before[k], rebate[k]] if before[k] else [rebate[k]]
            due = rebate_increments(vouchers, tokens[k], self.rebate_alpha, self.rebate_lambda)[-1]
            rebate[k] = min(int(due), rebate[k])
        split = indexing_reward_split(rebate, kept_ppm, delegated, self.regime)
        burned = taken.burned + taken.indexer - rebate
        return QueryFees(burned, taken.curators, split.delegators, split.indexer, taken.indexer)


class Horizon(GraphProtocol, kind="horizon"):
    """Since November 2025: provisions, proofs of indexing on open allocations, no tax, no rebate curve.

    Parameters
    ----------
    max_poi_staleness : time without a proof after which rewards are lost
    thawing : of provisions and delegation; also how long collected fees lock stake
    stake_to_fees : stake locked by collected fees, as a multiple of them
    """

    regime = "horizon"

    max_poi_staleness: PositiveDays
    thawing: Days
    stake_to_fees: PositiveCount

    def fee_parts(
        self, gross: Objects, kept_ppm: int, curated: Bools, delegated: bool, tokens: Objects, before: Objects
    ) -> QueryFees:
        taken = fee_waterfall(
            gross,
            ppm(self.fee_burn),
            ppm(self.curation_cut),
            10**6 - kept_ppm,
            curated=curated,
            delegated=delegated,
        )
        return QueryFees(*taken, net=taken.delegators + taken.indexer)

    def locked_by_fees(self, gross: int) -> int:
        return int(fee_stake_lock(gross, self.stake_to_fees))
