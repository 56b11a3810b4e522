"""Buying one's own data, or subscribing to one's own feed, to draw on what farming pays for volume."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from simdai.economy.actors import World, absent
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.networks.ocean_feeds import Hedger
from simdai.networks.ocean_incentives import VolumeFarming
from simdai.units import Name, PositiveCount, Tokens, Usd

__all__ = ["WashConsumption", "WashSubscription"]

MICRO = 10**6
WEI = 10**18
UNIT_WEI = 10**10
TRIES = 14  # halvings of the capital among which the best spend is looked for


class FarmingWash(Attack):
    """Somebody who locks tokens, votes for assets of its own choice and makes their volume itself.

    On each Thursday, before the week is settled, it spends what pays best by the farming rule, knowing what
    the others sold and locked; where nothing pays, it spends nothing. Tokens that it locks and that circulate
    are capital: what counts as spent and earned is what it adds to them and takes out of them.

    Parameters
    ----------
    locked : tokens, for as long as may be
    capital : USD that may circulate in a week
    spend : or: USD that circulate, whether it pays or not
    """

    against: ClassVar[tuple[str, ...]] = ("ocean",)
    gain: ClassVar[str] = "wash_profit_usd"

    locked: Tokens
    capital: Usd
    spend: Usd | None = None

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against and network.lockers is None:
            yield Problem(path="network", found="a network without lockers", allowed="one with 'lockers'")
        if self.capital <= 0 or self.locked <= 0:
            yield Problem(path="capital", found="none, or nothing locked", allowed="both above zero")
        if self.spend is not None and self.spend > self.capital:
            yield Problem(
                path="spend", found=f"{self.spend:g}", allowed=f"the capital, {self.capital:g}, or less"
            )


class WashConsumption(FarmingWash, kind="wash_consumption"):
    """Publishers who buy their own data: the rate comes back, fees and gas do not.

    Parameters
    ----------
    domain : in which they publish
    assets : of theirs
    price : USD that they ask; a high one saves gas
    """

    domain: Name
    assets: PositiveCount
    price: Usd

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against:
            yield from absent("domain", {"domain": self.domain}, network.assets)
        if self.price <= 0:
            yield Problem(path="price", found=f"{self.price:g}", allowed="above zero")

    def build(self, world: World, name: str) -> ConsumptionActor:
        return ConsumptionActor(self, world, name)


class WashSubscription(FarmingWash, kind="wash_subscription"):
    """Predictors who subscribe to their own feed: stakes on both sides of every slot bring most back.

    Parameters
    ----------
    feed : number of the feed, from 0
    stake : tokens on each side of every slot
    """

    feed: int
    stake: Tokens

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against:
            feeds = network.feeds.count if network.feeds else 0
            if not 0 <= self.feed < feeds:
                yield Problem(path="feed", found=f"{self.feed}", allowed=f"a number below {feeds}")

    def build(self, world: World, name: str) -> SubscriptionActor:
        return SubscriptionActor(self, world, name)


class WashActor(AttackActor):
    """A washer on the clock. Beside USD its account ``NETWORK.KIND`` holds the tokens that circulate.

    Outcomes beside those of all attacks, whose profit counts what a lock gets without washing too:
    ``.wash_usd`` (volume made), ``.wash_profit_usd`` (rewards for volume less what making it cost, at the
    prices of the week), ``.treasury_loss_usd`` and ``.others_loss_usd`` (what was paid more in the same weeks
    than without the washer, and what other lockers got less; they gain where they vote along),
    ``.captured_share`` (of all volume rewards while it was at work).
    """

    rules: FarmingWash

    def __init__(self, rules: FarmingWash, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.token = self.network.token
        world.ledger.open(self.account, self.token.asset)
        self.washed = self.lost = self.captured = self.rewarded = self.alone = 0.0
        """Real USD since the start: volume made, what that cost, own rewards, all rewards, all without it."""
        self.made_this_week: dict[Any, float] = {}
        self.lock = -1
        self.working = False

    def start(self) -> None:
        super().start()
        self.measure("wash_usd", "USD", (0.0, 0.0, 1.0))
        self.measure("wash_profit_usd", "USD", (0.0, 0.0, 0.0, -1.0, 1.0))
        self.measure("treasury_loss_usd", "USD", (0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0))
        self.measure("others_loss_usd", "USD", (0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 1.0))
        for register in (self.world.recorder.series, self.world.recorder.outcome):
            register(f"{self.account}.captured_share", "1", self._captured_share)

    @property
    def sums(self) -> Sums:
        """Spent and earned, simulated; volume made, its cost, own rewards, all rewards, all without it."""
        real = self.washed, self.lost, self.captured, self.rewarded, self.alone
        return *super().sums, *(usd / self.world.scale for usd in real)

    def _captured_share(self) -> float:
        return self.captured / self.rewarded if self.rewarded else 0.0

    # -- the beginning and the end ---------------------------------------------------------------------------

    def strike(self) -> Callable[[], None]:
        """Buy the capital, lock, and wait for Thursdays."""
        self.votes = self.choose_votes()
        self.circulating = self._invest(self.rules.capital)
        locked = self._invest(self.rules.locked * self.token.price)
        lockers = self.network.lockers
        self.lock = lockers.join(locked, self.account, self.votes, self.owned)
        self.working = True
        now = round(self.world.env.now)
        today = self.world.start_date + datetime.timedelta(now)
        until = (3 - today.weekday()) % 7
        self.world.calendar.every(7.0, Phase.SHOCKS, self._thursday, first=float(now + until))
        return self._stop

    def _invest(self, usd: float) -> int:
        """Buy tokens with money from outside that stays the attacker's; returns the ledger units."""
        amount = round(usd / self.world.scale * MICRO)
        self.world.ledger.transfer(amount, "USD", WORLD, self.account)
        return int(self.token.buy(amount, self.account, self.account))

    def _stop(self) -> None:
        """Give up: the lock is let out, which no contract does, to sell what it holds; capital goes home."""
        self.working = False
        self._collect()
        lockers, ledger, asset = self.network.lockers, self.world.ledger, self.token.asset
        lockers.release(self.lock)
        place = lockers.locks[self.lock].place
        ledger.transfer(ledger.balance(asset, place), asset, place, self.account)
        self.token.sell(ledger.balance(asset, self.account), self.account, self.account)
        ledger.transfer(ledger.balance("USD", self.account), "USD", self.account, WORLD)
        self.leave()

    # -- a week ----------------------------------------------------------------------------------------------

    def _thursday(self) -> None:
        """Take last week's reward, restore the capital, and make the volume that pays best."""
        if not self.working:
            return
        self._collect()
        thursday = self.world.start_date + datetime.timedelta(round(self.world.env.now))
        rule = self.network.rules.incentives.at(thursday - datetime.timedelta(1))
        if not isinstance(rule, VolumeFarming) or not self.network.foundation["farming"]:
            return
        week = rule.week_of(thursday)
        usd = self.rules.spend
        if usd is None:
            usd = self._best_spend(rule, thursday, week)
        loss = self.loss(usd)
        self.made_this_week = self.wash(usd)
        self.lost += loss if self.made_this_week else 0.0
        self.washed += math.fsum(self.made_this_week.values())
        self._note_rewards(rule, thursday, week)

    def _collect(self) -> None:
        """Take the reward out of the locker's account; sell what exceeds the capital, buy what is missing."""
        ledger, asset = self.world.ledger, self.token.asset
        place = self.network.lockers.locks[self.lock].place
        ledger.transfer(ledger.balance(asset, place), asset, place, self.account)
        more = ledger.balance(asset, self.account) - self.circulating
        if more > 0:
            self.token.sell(more, self.account, self.account)
            self.take_home()
        elif more < 0:
            amount = self.bring(-more / self.token.units_per_usd)
            self.token.buy(amount, self.account, self.account)

    def _best_spend(self, rule: VolumeFarming, thursday: datetime.date, week: int) -> float:
        """USD of volume with the greatest profit; 0 where none pays."""
        best, most, budget = 0.0, 0.0, rule.volume_budget(self.network, thursday)
        held = self.world.ledger.holding(self.token.asset, self.account) * self.world.scale
        means = held * self.token.price / (1.0 + self.fees_on_top)
        for n in range(TRIES):
            usd = means / 2.0**n
            rewards = rule.rewards(self.network, budget, week, more=self.made(usd))
            profit = self._own(rewards) * self.token.price - self.loss(usd)
            if profit > most:
                best, most = usd, profit
        return best

    def _own(self, rewards: dict[Any, dict[int, float]]) -> float:
        """Tokens of it that are the attacker's."""
        return math.fsum(by.get(self.lock, 0.0) for by in rewards.values())

    def _note_rewards(self, rule: VolumeFarming, thursday: datetime.date, week: int) -> None:
        budget, price = rule.volume_budget(self.network, thursday), self.token.price
        rewards = rule.rewards(self.network, budget, week)
        total = math.fsum(r for by in rewards.values() for r in by.values())
        honest = rule.rewards(self.network, budget, week, without=self)
        self.captured += self._own(rewards) * price
        self.rewarded += total * price
        self.alone += math.fsum(r for by in honest.values() for r in by.values()) * price

    # -- what each washer fills in ---------------------------------------------------------------------------

    @property
    def fees_on_top(self) -> float:
        """What buying costs over the volume that it makes, as a share."""
        raise NotImplementedError

    owned: tuple[Any, ...] = ()
    """Assets that are the attacker's own."""

    def choose_votes(self) -> dict[Any, int]:
        """Basis points by asset that it votes for."""
        raise NotImplementedError

    def made(self, usd: float) -> dict[Any, float]:
        """Volume by asset, USD, that spending ``usd`` makes."""
        raise NotImplementedError

    def loss(self, usd: float) -> float:
        """USD lost by spending ``usd``."""
        raise NotImplementedError

    def wash(self, usd: float) -> dict[Any, float]:
        """Spend; returns the volume made, real USD by asset."""
        raise NotImplementedError

    def leave(self) -> None:
        """Take away what else was set up."""


class ConsumptionActor(WashActor):
    """Publishers who buy their own data."""

    rules: WashConsumption

    def choose_votes(self) -> dict[Any, int]:
        assets = self.network.assets
        places = assets.add_like(self.rules.domain, self.rules.assets, self.rules.price).tolist()
        self.owned = tuple(places)
        return {k: 10_000 // len(places) for k in places}

    @property
    def fees_on_top(self) -> float:
        return float(self.network.exchange.fees.on_top)

    def _orders(self, usd: float) -> int:
        """Orders of each asset that come to ``usd`` in all."""
        return int(usd / len(self.owned) / self.rules.price)

    def _rate_usd(self, k: int) -> float:
        return float(self.network.assets.rate[k]) / WEI * float(self.token.price)

    def made(self, usd: float) -> dict[Any, float]:
        return {k: self._orders(usd) * self._rate_usd(k) for k in self.owned}

    def loss(self, usd: float) -> float:
        n = self._orders(usd)
        if not n:
            return 0.0
        exchange = self.network.exchange
        wei: int = sum(exchange.lost(self.network.assets.rate[k], n) for k in self.owned)
        gas: float = self.network.rules.exchange.gas
        return wei / WEI * float(self.token.price) + n * len(self.owned) * gas

    def wash(self, usd: float) -> dict[Any, float]:
        n, made = self._orders(usd), {}
        network, ledger, asset = self.network, self.world.ledger, self.token.asset
        for k in self.owned if n else ():
            rate = network.assets.rate[k]
            if not network.exchange.affordable(network.exchange.cost(rate, n), self.account):
                continue
            booked, _ = network.exchange.order(rate, n, self.account, network.assets.wallet(k))
            network.assets.note_volume(k, booked / WEI)
            back = network.assets.wallet(k)
            ledger.transfer(ledger.balance(asset, back), asset, back, self.account)
            made[k] = booked / WEI * self.token.price
        gas = self.bring(n * len(self.owned) * network.rules.exchange.gas / self.world.scale)
        ledger.transfer(gas, "USD", self.account, WORLD)
        return made

    def leave(self) -> None:
        self.network.assets.firms.alive[list(self.owned)] = False


class SubscriptionActor(WashActor):
    """Predictors who subscribe to their own feed."""

    rules: WashSubscription

    def choose_votes(self) -> dict[Any, int]:
        stake = round(self.rules.stake * WEI / UNIT_WEI)
        place = self.world.ledger.open(self.account, self.token.asset)
        self.hedger = Hedger(self.rules.feed, stake, place)
        self.network.feeds.hedgers.append(self.hedger)
        return {("feed", self.rules.feed): 10_000}

    @property
    def fees_on_top(self) -> float:
        return float(self.network.feeds.fees.on_top)

    def _subscriptions(self, usd: float) -> int:
        return int(usd / (self.network.feeds.rate / WEI * self.token.price))

    def made(self, usd: float) -> dict[Any, float]:
        rate: float = self.network.feeds.rate / WEI * self.token.price
        return {("feed", self.rules.feed): self._subscriptions(usd) * rate}

    def loss(self, usd: float) -> float:
        """What fees take, and what other predictors get of the rest."""
        n = self._subscriptions(usd)
        if not n:
            return 0.0
        feeds, exchange = self.network.feeds, self.network.exchange
        lost = exchange.lost(feeds.rate, n, feeds.fees) / WEI
        kept = n * feeds.rate / WEI - lost
        winning: float = feeds.expected_winning(self.rules.feed) / 10**8
        back = kept * self.rules.stake / (self.rules.stake + winning) if self.rules.stake else 0.0
        return float((lost + kept - back) * self.token.price)

    def wash(self, usd: float) -> dict[Any, float]:
        n, feeds, exchange = self._subscriptions(usd), self.network.feeds, self.network.exchange
        if not n or not exchange.affordable(exchange.cost(feeds.rate, n, feeds.fees), self.account):
            return {}
        booked, _ = feeds.subscribe(self.rules.feed, n, self.account)
        return {("feed", self.rules.feed): booked / WEI * self.token.price}

    def leave(self) -> None:
        self.network.feeds.hedgers.remove(self.hedger)
