"""What Ocean pays on Thursdays under the rules of each time: volume farming, Predictoor, burns."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from simdai.mechanisms.data_market import volume_rewards
from simdai.mechanisms.emission import ocean_df_week, ocean_weekly_total
from simdai.registry import Configured
from simdai.units import Count, Quantity, Share

if TYPE_CHECKING:
    from simdai.networks.ocean import OceanNetwork

__all__ = ["BuyAndBurn", "Incentives", "PredictoorFarming", "VolumeFarming", "Washer"]

WEEK = datetime.timedelta(days=7)
WEEKS_PER_YEAR = 365.25 / 7.0

TokensPerWeek = Annotated[float, Quantity("token/week", low=0.0)]
UsdPerWeek = Annotated[float, Quantity("USD/week", low=0.0)]


class Washer(Protocol):
    """Somebody who votes and makes volume.

    Attributes
    ----------
    lock : number among the lockers
    made_this_week : USD of its own volume, by asset
    """

    lock: int
    made_this_week: dict[Any, float]


class Incentives(Configured, family="ocean_incentives"):
    """What is done at the end of each week."""

    @property
    def buys_subscriptions(self) -> float:
        """Tokens a week that buy subscriptions day by day, instead of being paid out."""
        return 0.0

    def close_week(self, network: OceanNetwork, thursday: datetime.date) -> None:
        """Settle the week that ends on ``thursday`` at 00:00 UTC."""
        raise NotImplementedError


class VolumeFarming(Incentives, kind="volume_farming"):
    """Lockers are paid for votes on assets that sell: the least of budget share, yield cap and volume bound.

    A part of the budget goes to all lockers by their votes alone, another to predictors.

    Parameters
    ----------
    budget : tokens a week; by the protocol's plan without
    passive : share of it for all votes
    predictoor : tokens of the rest for predictors
    subscribes : whether those buy subscriptions of all feeds, day by day; else they are paid for what
        predictors netted
    ranked : shares by rank of volume, else in proportion to volume
    double_publisher : publishers' votes for their own assets count twice
    week : data-farming week whose volume bound holds; the calendar's without. Before week 9 ordinary assets
        have none, from week 29 on it is 0.001
    """

    budget: TokensPerWeek | None = None
    passive: Share = 0.5
    predictoor: TokensPerWeek = 0.0
    subscribes: bool = False
    ranked: bool = True
    double_publisher: bool = True
    week: Count | None = None

    def close_week(self, network: OceanNetwork, thursday: datetime.date) -> None:
        passive, predictoor = self._parts(network, thursday)[1:]
        if not self.subscribes:
            network.farm_feeds(predictoor)
        lockers = network.lockers
        if lockers is None:
            return
        rewards = self.rewards(network, self.volume_budget(network, thursday), self.week_of(thursday))
        by_locker = passive_rewards(network, passive)
        for by_staker in rewards.values():
            for k, reward in by_staker.items():
                by_locker[k] = by_locker.get(k, 0.0) + reward
        votes, _ = lockers.stakes()
        per_vote = {a: math.fsum(r.values()) / math.fsum(votes[a].values()) for a, r in rewards.items()}
        locked = lockers.locked
        paid = network.reward_lockers(by_locker)
        lockers.expected_yield = paid / locked * WEEKS_PER_YEAR if locked else 0.0
        lockers.vote(per_vote, network.things_to_vote_for())

    @property
    def buys_subscriptions(self) -> float:
        return self.predictoor if self.subscribes else 0.0

    def week_of(self, thursday: datetime.date) -> int:
        """Data-farming week, for the volume bound, that ends on a Thursday."""
        return ocean_df_week(thursday - WEEK) if self.week is None else self.week

    def volume_budget(self, network: OceanNetwork, thursday: datetime.date) -> float:
        """Real tokens for votes on assets in the week that ends on a Thursday."""
        return self._parts(network, thursday)[0]

    def _parts(self, network: OceanNetwork, thursday: datetime.date) -> tuple[float, float, float]:
        """Real tokens for volume, for all votes, and for predictors."""
        budget = network.allowed(ocean_weekly_total(thursday - WEEK) if self.budget is None else self.budget)
        passive = budget * self.passive
        predictoor = min(self.predictoor, budget - passive)
        return budget - passive - predictoor, passive, predictoor

    def rewards(
        self,
        network: OceanNetwork,
        budget: float,
        week: int,
        more: Mapping[Any, float] | None = None,
        without: Washer | None = None,
    ) -> dict[Any, dict[int, float]]:
        """Rewards by asset and locker for the week's volumes.

        Parameters
        ----------
        more : USD of volume by asset, on top of what there is
        without : somebody whose votes and volume are left out
        """
        assert network.lockers is not None
        votes, locked = network.lockers.stakes()
        volume = network.volumes_usd()
        for asset, usd in (more or {}).items():
            volume[asset] = volume.get(asset, 0.0) + usd
        if without is not None:
            votes = {a: {k: v for k, v in by.items() if k != without.lock} for a, by in votes.items()}
            for asset, usd in without.made_this_week.items():
                volume[asset] = max(volume.get(asset, 0.0) - usd, 0.0)
        return volume_rewards(
            ve_stake=votes,
            locked=locked,
            volume_usd=volume,
            token_usd=network.token.price,
            budget=budget,
            week=week,
            owners={asset: k for k, lock in enumerate(network.lockers.locks) for asset in lock.owns},
            double_publisher=self.double_publisher,
            use_rank=self.ranked,
            feeds={asset for asset in volume if isinstance(asset, tuple)},
        )


class PredictoorFarming(Incentives, kind="predictoor_farming"):
    """Predictors share a budget: equal parts for the feeds, there pro rata to what each netted.

    Parameters
    ----------
    budget : tokens a week
    subscribes : see `VolumeFarming`
    """

    budget: TokensPerWeek
    subscribes: bool = False

    @property
    def buys_subscriptions(self) -> float:
        return self.budget if self.subscribes else 0.0

    def close_week(self, network: OceanNetwork, thursday: datetime.date) -> None:
        if not self.subscribes:
            network.farm_feeds(network.allowed(self.budget))


class BuyAndBurn(Incentives, kind="buy_and_burn"):
    """Tokens are bought and burned; nobody is paid.

    Parameters
    ----------
    usd : a week, from outside
    treasury : share of the treasury's USD spent in a week
    community : share of the tokens that the community has taken in fees, burned in a week
    """

    usd: UsdPerWeek = 0.0
    treasury: Share = 0.0
    community: Share = 0.0

    def close_week(self, network: OceanNetwork, thursday: datetime.date) -> None:
        network.burn(self.usd, self.treasury, self.community)


def passive_rewards(network: OceanNetwork, budget: float) -> dict[int, float]:
    """Rewards for votes alone, tokens by locker: pro rata."""
    assert network.lockers is not None
    lockers = network.lockers
    votes = {k: lockers.balance(k) for k in range(len(lockers.locks))}
    total = sum(votes.values())
    return {k: budget * (v / total) for k, v in votes.items() if v} if total else {}
