"""Ocean: data assets that are sold or computed on, prediction feeds, and what their farming pays."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Flows, Network, World
from simdai.economy.calendar import Phase
from simdai.economy.contract_account import ContractAccount
from simdai.economy.foundation import Foundation
from simdai.economy.ledger import WORLD
from simdai.economy.tallies import Tallies
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.networks.ocean_assets import AssetBook
from simdai.networks.ocean_compute import ComputeMarket, ComputeOffer, Job
from simdai.networks.ocean_exchange import DataExchange
from simdai.networks.ocean_feeds import FeedBook
from simdai.networks.ocean_incentives import Incentives
from simdai.networks.ocean_lockers import LockBook
from simdai.networks.ocean_report import OceanReport
from simdai.networks.ocean_rules import (
    AssetGroup,
    ComputeToData,
    Exchange,
    Feeds,
    Lockers,
    Publishers,
    Reliance,
)
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Name, PositiveCount

__all__ = ["Ocean", "OceanNetwork"]

WEI = 10**18
MICRO = 10**6
THURSDAY = 3
DAYS_PER_WEEK = 7.0


class Ocean(Network, kind="ocean"):
    """A market for data.

    Parameters
    ----------
    token : in which datatokens, jobs and stakes are paid
    exchange : fees of swaps and orders
    assets : groups of data assets by domain
    publishers : how those behave who offer them
    compute : environments for jobs on protected data; none without
    feeds : prediction feeds; none without
    lockers : holders who lock tokens for votes; none without
    incentives : what is paid week by week, by date
    reliance : what depends on the foundation
    step : whole days between the instants at which consumers buy and publishers act
    """

    emits: ClassVar[bool] = True
    functions: ClassVar[Mapping[str, str]] = {
        "farming": "weekly payments to lockers and predictors, purchases of subscriptions, burns",
        "gateway": "the provider and the metadata cache of assets that use the foundation's",
        "marketplace": "the shop window through which visitors find assets and publishers new customers",
        "compute": "the foundation's own environments for jobs on protected data",
        "feeds": "the truth of prediction feeds, which it submits",
    }

    token: Token
    exchange: Exchange
    assets: FrozenMapping[Name, AssetGroup]
    publishers: Publishers
    compute: ComputeToData | None = None
    feeds: Feeds | None = None
    lockers: Lockers | None = None
    incentives: Regimes[Incentives]
    reliance: Reliance = Reliance()
    step: PositiveCount = 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.assets:
            raise ValueError("assets: at least one domain is needed; its count may be 0")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.incentives.start is not None and self.incentives.start > scenario.start:
            found = f"the first from {self.incentives.start}"
            yield Problem(path="incentives", found=found, allowed="one at the start")
        others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
        if any(other and other.symbol == self.token.symbol for other in others):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")

    def build(self, world: World, name: str) -> OceanNetwork:
        return OceanNetwork(self, world, name)


class OceanNetwork:
    """An Ocean network on the clock.

    Accounts in the token: ``NAME.exchange``, ``NAME.job_escrow``, ``NAME.feeds``, ``NAME.ve`` and
    ``NAME.rewards`` (contracts), ``NAME.community`` and ``NAME.market`` (fees), those of its `TokenMarket`,
    and the blocks of publishers, operators, predictors and lockers. Rewards come out of ``NAME.treasury``, as
    far as it goes.

    Attributes
    ----------
    foundation : which of `Ocean.functions` run
    """

    def __init__(self, rules: Ocean, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.tallies = tallies = Tallies(world, name)
        self.token = token = TokenMarket(rules.token, world, name)
        self.foundation = Foundation(rules.functions)
        self.exchange = DataExchange(rules.exchange, token, world, name)
        gateway = rules.reliance.gateway
        self.assets = AssetBook(rules.assets, rules.publishers, token, world, name, rules.step, gateway)
        self.compute, self.feeds, self.lockers = None, None, None
        if rules.compute:
            self.compute = ComputeMarket(
                rules.compute, self.assets, self.exchange, token, world, name, tallies, self.foundation
            )
        if rules.feeds:
            self.feeds = FeedBook(rules.feeds, self.exchange, token, world, name, rules.step, tallies)
        if rules.lockers:
            self.lockers = LockBook(rules.lockers, self.assets, token, world, name)
        self.rewards = ContractAccount(world.ledger, token.asset, f"{name}.rewards", world.scale, 18)
        self.emission_level = 1.0
        """Factor on what is paid out; shocks change it."""

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the token's market; steps and Thursdays are put on the calendar."""
        self.token.start()
        if self.lockers:
            self.lockers.vote({}, self.things_to_vote_for())
        calendar, world, step = self.world.calendar, self.world, float(self.rules.step)
        calendar.every(step, Phase.SUPPLY, self._act, first=step)
        first = world.start_date + datetime.timedelta((THURSDAY - world.start_date.weekday() - 1) % 7 + 1)
        for week in range(math.ceil((world.horizon - world.days_until(first)) / 7.0 + 1e-9)):
            thursday = first + datetime.timedelta(7 * week)
            calendar.at(world.days_until(thursday), Phase.EPOCHS, partial(self._close_week, thursday))
        OceanReport(self).register()
        self.world.recorder.checks.append(self._check)

    @property
    def incentives(self) -> Incentives:
        """The rule that settles the week that has begun."""
        return self.rules.incentives.at(self.world.start_date + datetime.timedelta(int(self.world.env.now)))

    def _act(self) -> None:
        """End of a step: feeds play, operators and publishers settle, others enter."""
        self._buy_subscriptions()
        if self.compute:
            self.compute.close(float(self.rules.step))
        if self.feeds and self.foundation["feeds"]:
            self.feeds.close()
        self.assets.close()
        if self.foundation["marketplace"]:
            self.assets.enter()

    def _buy_subscriptions(self) -> None:
        """Spend the step's part of a budget that buys subscriptions, alike for all feeds."""
        feeds, budget = self.feeds, self.incentives.buys_subscriptions
        if feeds is None or not (budget and self.foundation["farming"] and self.serves_feeds):
            return
        cost = self.exchange.cost(feeds.rate, 1, feeds.fees) / WEI
        tokens = self.allowed(budget * self.rules.step / DAYS_PER_WEEK)
        n = int(tokens / cost / feeds.rules.count)
        for feed in range(feeds.rules.count if n else 0):
            _, kept = feeds.subscribe(feed, n, self.token.treasury)
            self.tallies.add("farming.predictors_tokens", kept / WEI)
            self.tallies.add("subsidy_usd", kept / WEI * self.token.price)

    def _close_week(self, thursday: datetime.date) -> None:
        if self.foundation["farming"]:
            rule = self.rules.incentives.at(thursday - datetime.timedelta(1))
            rule.close_week(self, thursday)
        if self.lockers:
            self.lockers.renew()
        self.assets.volume_usd[:] = 0.0
        if self.feeds:
            self.feeds.end_week()

    # -- what customers ask ----------------------------------------------------------------------------------

    def reachable(self) -> NDArray[np.bool_]:
        """(n,) whether an asset is there and somebody serves it."""
        served = ~self.assets.hosted | self.foundation["gateway"]
        there: NDArray[np.bool_] = self.assets.firms.alive & served
        return there

    @property
    def visited(self) -> float:
        """Share of the visits that find their way."""
        return 1.0 if self.foundation["marketplace"] else 1.0 - self.rules.reliance.marketplace

    @property
    def serves_feeds(self) -> bool:
        """Whether feeds have a truth and can be subscribed to."""
        return self.foundation["feeds"]

    def compute_offer(self, hours: float, resources: Mapping[str, float]) -> ComputeOffer:
        """Price and capacity of compute-to-data for jobs of ``hours`` that need these resources.

        A job's data come on top: an order of the asset. Without environments nothing is offered.
        """
        if self.compute is None:
            return ComputeOffer(math.nan, 0.0, 0)
        return self.compute.offer(hours, resources)

    def order(self, asset: int, n: int, payer: str) -> bool:
        """Buy and spend ``n`` datatokens of an asset; False where the payer gets no tokens for it."""
        rate = self.assets.rate[asset]
        if not self.exchange.provide(self.exchange.cost(rate, n), payer, self.exchange.account):
            self.tallies.add("orders_refused", float(n))
            return False
        booked, kept = self.exchange.order(rate, n, payer, self.assets.wallet(asset))
        self.assets.note_volume(asset, booked / WEI)
        self.assets.note_income(asset, kept / WEI)
        usd = booked / WEI * self.token.price
        self.tallies.add("orders", float(n))
        self.tallies.add("revenue_usd", usd)
        return True

    def submit(self, job: Job, wallet: str) -> None:
        """Hand a job to the environments; what nobody takes is refused."""
        if self.compute is None or not self.compute.submit(job, wallet):
            self.tallies.add("compute.refused", 1.0)

    def subscribe(self, feed: int, n: int, payer: str) -> None:
        """Subscribe ``n`` times to a feed for a day."""
        assert self.feeds is not None
        cost = self.exchange.cost(self.feeds.rate, n, self.feeds.fees)
        if not self.exchange.provide(cost, payer, self.feeds.contract):
            self.tallies.add("orders_refused", float(n))
            return
        booked, _ = self.feeds.subscribe(feed, n, payer)
        self.tallies.add("subscriptions", float(n))
        self.tallies.add("revenue_usd", booked / WEI * self.token.price)

    # -- what the weekly incentives ask ----------------------------------------------------------------------

    def change_emission(self, level: float) -> None:
        """Pay ``level`` times what the plan says from now on."""
        self.emission_level = level

    def allowed(self, planned: float) -> float:
        """Real tokens that are paid of a planned budget: no more than the treasury holds."""
        held = self.world.ledger.holding(self.token.asset, self.token.treasury) * self.world.scale
        return min(planned * self.emission_level, held)

    def things_to_vote_for(self) -> list[Any]:
        """Assets that are there, and feeds."""
        assets: list[Any] = np.flatnonzero(self.assets.firms.alive).tolist()
        feeds = range(self.rules.feeds.count) if self.rules.feeds else ()
        return assets + [("feed", feed) for feed in feeds]

    def volumes_usd(self) -> dict[Any, float]:
        """USD paid in the week for each asset and feed that sold anything."""
        sold: dict[Any, float] = {
            k: float(self.assets.volume_usd[k]) for k in np.flatnonzero(self.assets.volume_usd > 0).tolist()
        }
        if self.feeds:
            for feed in np.flatnonzero(self.feeds.volume_usd > 0).tolist():
                sold["feed", feed] = float(self.feeds.volume_usd[feed])
        return sold

    def reward_lockers(self, tokens: Mapping[int, float]) -> float:
        """Pay lockers out of the treasury; returns the real tokens paid."""
        assert self.lockers is not None
        places = {k: self.lockers.locks[k].place for k in tokens}
        paid = self._reward({places[k]: reward for k, reward in tokens.items()})
        self.lockers.sell({k: paid[place] for k, place in places.items() if self.lockers.locks[k].sells})
        self.tallies.add("farming.lockers_tokens", math.fsum(tokens.values()))
        return math.fsum(tokens.values())

    def farm_feeds(self, tokens: float) -> None:
        """Pay predictors their part of a week's budget."""
        if self.feeds:
            earned = self.feeds.farm(tokens)
            self._reward(earned)
            self.tallies.add("farming.predictors_tokens", math.fsum(earned.values()))

    def _reward(self, tokens: Mapping[int, float]) -> dict[int, int]:
        """Pay real tokens to places of accounts, to the wei; returns the ledger units of each."""
        wei = {place: math.floor(reward * WEI) for place, reward in tokens.items()}
        self.rewards.take(sum(wei.values()), self.token.treasury)
        self.tallies.add("subsidy_usd", sum(wei.values()) / WEI * self.token.price)
        return {place: self.rewards.give(amount, place) for place, amount in wei.items()}

    def burn(self, usd: float, treasury: float, community: float) -> None:
        """Buy and burn for USD from outside and a share of the treasury's, and burn a share of fees."""
        ledger, token = self.world.ledger, self.token
        token.buy_and_burn(round(usd * self.emission_level / self.world.scale * MICRO), WORLD)
        token.buy_and_burn(int(ledger.balance("USD", token.treasury) * treasury), token.treasury)
        fees = int(ledger.balance(token.asset, self.exchange.community) * community)
        ledger.burn(fees, token.asset, self.exchange.community)

    # -- conversions and reports -----------------------------------------------------------------------------

    def wallets_to_convert(self, old: str, new: str) -> Iterator[tuple[int, int]]:
        """Places of the publishers', predictors' and lockers' accounts in one token, and of the same in
        another; what is locked stays.
        """
        if old != self.token.asset:
            return
        blocks = [self.assets.wallet_block]
        blocks += [group.wallets for group in self.feeds.groups.values()] if self.feeds else []
        blocks += [self.lockers.wallets] if self.lockers else []
        for block in blocks:
            other = self.world.ledger.block(block.name, new, len(block))
            yield from zip(block.indices.tolist(), other.indices.tolist(), strict=True)

    @property
    def served(self) -> float:
        """USD that customers have paid for data, jobs and predictions since the start."""
        return self.tallies.sums["revenue_usd"]

    @property
    def flows(self) -> Flows:
        """What customers paid, and what was paid to lockers and predictors, since the start."""
        return Flows(self.tallies.sums["revenue_usd"], self.tallies.sums["subsidy_usd"])

    def _check(self) -> None:
        for account in (self.exchange.account, self.rewards):
            assert account.held == 0, f"{account.account} is left with {account.held} wei"
            account.check()
        for part in (self.compute, self.feeds, self.lockers):
            if part is not None:
                part.check()
