"""Predictoor: feeds that predict a price's direction, predictors who stake on it, subscribers who pay."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.economy.contract_account import ContractAccount
from simdai.economy.firms import Firms
from simdai.economy.ledger import WORLD
from simdai.economy.tallies import Tallies
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.data_farming import (
    predictoor_farming,
    predictoor_payouts_wei,
    predictoor_slot_revenue,
)
from simdai.networks.ocean_exchange import DataExchange
from simdai.networks.ocean_rules import Feeds, Predictors

if TYPE_CHECKING:
    pass

__all__ = ["FeedBook", "Hedger"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

WEI = 10**18
MICRO = 10**6
UNIT_WEI = 10**10  # stakes are in units of 1e-8 tokens
DAY_S = 86400
ROOM = 10**6  # predictors of a group that may ever be
EVEN = 0.5


class Hedger:
    """Somebody who stakes the same on both sides of every slot of a feed, so that one side always wins.

    Parameters
    ----------
    feed : number; stake : units of 1e-8 tokens on each side of a slot
    account : place, in the token, that pays and is paid
    """

    def __init__(self, feed: int, stake: int, account: int) -> None:
        self.feed, self.stake, self.account = feed, stake, account
        self.net = 0
        """Wei of the week: payouts less stakes."""


class Group:
    """Predictors of one kind, living and gone. Accounts: the block ``NAME`` in USD and in the token."""

    def __init__(
        self, rules: Predictors, feeds: Feeds, token: str, world: World, name: str, step: int
    ) -> None:
        self.rules, self.world, self.step = rules, world, step
        self.name = name.rsplit(".", 1)[1]
        self.firms = Firms(feeds.turnover, world, name, step)
        self.stake = round(rules.stake * WEI / UNIT_WEI)
        self.wallets, self.usd = world.ledger.block(name, token), world.ledger.block(name)
        self._nature = world.entity("predictors.nature", name)
        self.luck = world.entity("predictors.luck", name)
        self.accuracy = np.zeros(0)
        self.feed = np.zeros(0, dtype=np.int64)
        self.net = np.zeros(0, dtype=object)
        """Wei of the week: payouts less stakes."""
        self.income = np.zeros(0)
        """USD of the step."""

    def add(self, feeds: list[int]) -> None:
        """Let one predictor enter for each of these feeds."""
        n = len(feeds)
        k = self.firms.add(n)
        normal = ndtri(self._nature.uniforms(k, 0) + 2.0**-54)
        accuracy = np.clip(self.rules.accuracy + self.rules.spread * normal, 0.0, 1.0)
        self.accuracy = np.append(self.accuracy, accuracy)
        self.feed = np.append(self.feed, np.array(feeds, dtype=np.int64))
        self.net = np.append(self.net, np.zeros(n, dtype=np.int64).astype(object))
        self.income = np.append(self.income, np.zeros(n))
        for block in (self.wallets, self.usd):
            block.extend(n)

    def close(self) -> None:
        """End a step: bots are paid for, margins noted, some leave."""
        running = np.where(self.firms.alive, self.rules.running * self.step, 0.0)
        self.firms.earn(self.income, running, running + self.rules.work * self.step)
        held = self.world.ledger.accounts("USD").balances[self.usd.indices]
        micro = np.rint(running / self.world.scale * MICRO).astype(np.int64)
        self.world.ledger.collect(np.minimum(micro, held), "USD", self.usd.indices, WORLD)
        self.income[:] = 0.0
        self.firms.leave()


class Players:
    """Everybody who stakes in the slots of a day: predictors by group, then both sides of each hedger.

    Parameters
    ----------
    feed, accounts : (n,) int, of each player
    stake : (n,) int, units on every slot
    correct : (slots, n) bool

    Attributes
    ----------
    column : (n,) int, place among the players of its feed
    stakes : (feeds, columns) int, 0 where a feed has fewer players
    right : (feeds, slots, columns) bool
    """

    def __init__(self, feeds: int, feed: Ints, accounts: Ints, stake: Ints, correct: Bools) -> None:
        self.feed, self.accounts = feed, accounts
        order = np.argsort(feed, kind="stable")
        first = np.searchsorted(feed[order], np.arange(feeds))
        self.column = np.empty(len(feed), dtype=np.int64)
        self.column[order] = np.arange(len(feed)) - first[feed[order]]
        columns = int(self.column.max(initial=0)) + 1
        self.stakes = np.zeros((feeds, columns), dtype=np.int64)
        self.stakes[feed, self.column] = stake
        self.right = np.zeros((feeds, len(correct), columns), dtype=bool)
        self.right[feed, :, self.column] = correct.T

    @classmethod
    def at_work(cls, book: FeedBook, truth: Bools, day: int) -> Players:
        """Those of a day; ``truth`` is (feeds, slots)."""
        feed, accounts, stake, correct = [], [], [], []
        for group in book.groups.values():
            k = np.flatnonzero(group.firms.alive)
            ids = (k * ROOM)[None, :] + np.arange(book.slots)[:, None]
            feed.append(group.feed[k])
            accounts.append(group.wallets.indices[k])
            stake.append(np.full(len(k), group.stake))
            correct.append(group.luck.uniforms(ids, day) < group.accuracy[k])
        for hedger in book.hedgers:
            feed.append(np.full(2, hedger.feed))
            accounts.append(np.full(2, hedger.account))
            stake.append(np.full(2, hedger.stake))
            correct.append(np.stack([truth[hedger.feed], ~truth[hedger.feed]], axis=1))
        on, paid, staked = (np.concatenate(parts).astype(np.int64) for parts in (feed, accounts, stake))
        return cls(book.rules.count, on, paid, staked, np.concatenate(correct, axis=1))


class FeedBook:
    """All feeds and predictors, and the contract that holds stakes and what subscribers paid.

    A step plays the slots of one day, each standing for as many days alike as the step has. The contract's
    account in the token is ``NAME.feeds``; tokens that predictors buy pass through ``NAME.purchases``. What
    nobody gets, by the contract's rules or its rounding, stays in the contract for good.

    Attributes
    ----------
    accuracy : (feeds,) share of slots whose stake-weighted prediction was right, a tie by half, averaged
    volume_usd : (feeds,) paid for subscriptions in the week
    stranded : wei in the contract that nobody can claim
    hedgers : those who stake on both sides
    """

    def __init__(
        self,
        rules: Feeds,
        exchange: DataExchange,
        token: TokenMarket,
        world: World,
        name: str,
        step: int,
        tallies: Tallies,
    ) -> None:
        self.rules, self.exchange, self.token, self.world = rules, exchange, token, world
        self.name, self.step, self.tallies = name, step, tallies
        self.contract = ContractAccount(world.ledger, token.asset, f"{name}.feeds", world.scale, 18)
        self.fees = exchange.fees._replace(publish=round(rules.fee * WEI), consume=0)
        self.purchases = f"{name}.purchases"
        world.ledger.open(self.purchases, token.asset)
        self.slot_s = round(rules.slot * DAY_S)
        self.slots = DAY_S // self.slot_s
        self.groups = {
            group: Group(p, rules, token.asset, world, f"{name}.predictors.{group}", step)
            for group, p in rules.predictors.items()
        }
        self._truth = world.entity("feeds.truth", name)
        self.accuracy = np.full(rules.count, EVEN)
        self.volume_usd = np.zeros(rules.count)
        self._subscriptions = [0] * rules.count  # of the step
        self._paid = [0] * rules.count  # wei of them that the contract got
        self.stranded = 0
        self.hedgers: list[Hedger] = []
        first = 0
        for group in self.groups.values():
            group.add([(first + k) % rules.count for k in range(group.rules.count)])
            first += group.rules.count

    @property
    def rate(self) -> int:
        """Wei of a subscription."""
        return round(self.rules.price * WEI)

    def subscribe(self, feed: int, n: int, payer: str) -> tuple[int, int]:
        """Pay for ``n`` subscriptions of the step; returns wei booked at the rate, and wei that predictors
        get of them.
        """
        booked, kept = self.exchange.order(self.rate, n, payer, None, self.contract, self.fees)
        self._subscriptions[feed] += n
        self._paid[feed] += kept
        self.volume_usd[feed] += booked / WEI * self.token.price
        return booked, kept

    def expected_winning(self, feed: int) -> float:
        """Stake on the winning side of a slot that predictors are expected to have, units."""
        there = {name: g.firms.alive & (g.feed == feed) for name, g in self.groups.items()}
        return math.fsum(g.stake * float(g.accuracy[there[name]].sum()) for name, g in self.groups.items())

    # -- the slots of a step ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Play the step's slots and settle; subscribers learn, predictors leave and enter."""
        day, feeds = round(self.world.env.now), self.rules.count
        slots = np.arange(feeds * self.slots)
        truth = self._truth.uniforms(slots, 2 * day).reshape(feeds, self.slots) < EVEN
        void = self._truth.uniforms(slots, 2 * day + 1).reshape(feeds, self.slots) < self.rules.cancelled
        self._play(Players.at_work(self, truth, day), void)
        self._subscriptions, self._paid = [0] * feeds, [0] * feeds
        for group in self.groups.values():
            self._sell(group)
            group.close()
        for group in self.groups.values():
            self._enter(group)

    def _play(self, players: Players, void: Bools) -> None:
        """All slots of a day on all feeds; a slot without a truth gives stakes back."""
        revenue = [self._slot_revenue(feed) for feed in range(self.rules.count)]
        stakes, right = players.stakes[:, None, :], players.right
        units, rest = predictoor_payouts_wei(stakes, right, np.array(revenue, dtype=object)[:, None])
        units, rest = np.where(void[..., None], stakes, units), np.where(void[..., None], 0, rest)
        won = units.sum(axis=1).astype(object) * UNIT_WEI + rest.sum(axis=1)
        net = (won - players.stakes.astype(object) * (self.slots * UNIT_WEI)) * self.step
        self._settle(players, net)
        winning, total = np.where(right, stakes, 0).sum(axis=2), players.stakes.sum(axis=1)
        for feed in range(self.rules.count):
            staked = int(total[feed])
            wrong = int((~void[feed] & (winning[feed] == 0)).sum())  # slots in which nobody is right
            fee = wrong * staked * UNIT_WEI if staked else revenue[feed] * self.slots
            self.contract.give(fee * self.step, self.exchange.community)
            self.stranded += self._paid[feed] - fee * self.step - int(net[feed].sum())
            judged = winning[feed][~void[feed]]
            if staked and len(judged):
                weight = weight_of_new(float(self.step), self.rules.memory)
                share = float((np.sign(2 * judged - staked) + 1.0).mean() / 2.0)
                self.accuracy[feed] += weight * (share - self.accuracy[feed])

    def _slot_revenue(self, feed: int) -> int:
        """Wei of a slot: its part of each of the day's subscriptions, rounded down for each."""
        n = self._subscriptions[feed]
        if n == 0:
            return 0
        return n * predictoor_slot_revenue(self._paid[feed] // n, DAY_S, self.slot_s) // self.step

    def _settle(self, players: Players, net: NDArray[Any]) -> None:
        """Losers pay, then winners are paid, each the sum over the slots; all note it."""
        mine = net[players.feed, players.column].tolist()
        due: dict[int, int] = {}
        for wei, account in zip(mine, players.accounts.tolist(), strict=True):
            due[account] = due.get(account, 0) + wei
        self._lose({account: -wei for account, wei in due.items() if wei < 0})
        for account, wei in due.items():
            if wei > 0:
                self.contract.give(wei, account)
        first = 0
        for group in self.groups.values():
            k = np.flatnonzero(group.firms.alive)
            gained = np.array(mine[first : first + len(k)], dtype=object)
            first += len(k)
            group.net[k] += gained
            usd = gained.astype(np.float64) / WEI * self.token.price
            group.income[k] += usd
            self.tallies.add(f"predictors.{group.name}.net_usd", float(usd.sum()))
        for hedger in self.hedgers:
            hedger.net += sum(mine[first : first + 2])
            first += 2

    def _lose(self, wei: dict[int, int]) -> None:
        """Pay out of wallets, by place; what they lack their owners buy with money from outside."""
        ledger, asset = self.world.ledger, self.token.asset
        places = np.array(list(wei), dtype=np.int64)
        needed = np.array(
            [int(self.contract.in_units(amount)) + 2 for amount in wei.values()], dtype=np.int64
        )
        missing = np.maximum(needed - ledger.accounts(asset).balances[places], 0)
        self.token.acquire(int(missing.sum()), WORLD, self.purchases)
        ledger.pay_out(missing, asset, self.purchases, places)
        for account, amount in wei.items():
            self.contract.take(amount, account)

    def _sell(self, group: Group) -> None:
        """Predictors sell a share of what they gained in the step."""
        gained = np.flatnonzero(group.income > 0)
        units = group.income[gained] / self.token.price * self.token.unit / self.world.scale
        places = group.wallets.indices[gained]
        held = self.world.ledger.accounts(self.token.asset).balances[places]
        sold = np.minimum(np.floor(units * self.rules.token_sold).astype(np.int64), held)
        if sold.sum() > 0:
            self.token.sell_block(sold, places, group.usd.indices[gained])

    def _enter(self, group: Group) -> None:
        """Entrants choose the feeds with the fewest predictors."""
        n = group.firms.entrants()
        if n:
            there = np.zeros(self.rules.count)
            for other in self.groups.values():
                there += np.bincount(other.feed[other.firms.alive], minlength=self.rules.count)
            chosen = []
            for _ in range(n):
                chosen.append(int(np.argmin(there)))
                there[chosen[-1]] += 1
            group.add(chosen)

    # -- farming ---------------------------------------------------------------------------------------------

    def farm(self, tokens: float) -> dict[int, float]:
        """Tokens that predictors have earned of a week's budget, by the place of their account.

        By the rule of `predictoor_farming`: an equal part for every feed, there pro rata to what each netted.
        """
        net: dict[int, dict[int, float]] = {feed: {} for feed in range(self.rules.count)}
        for group in self.groups.values():
            for i in np.flatnonzero(group.net > 0).tolist():
                net[int(group.feed[i])][int(group.wallets.indices[i])] = group.net[i] / WEI
        for hedger in self.hedgers:
            net[hedger.feed][hedger.account] = hedger.net / WEI
        by_feed = predictoor_farming(tokens, range(self.rules.count), net)
        earned: dict[int, float] = {}
        for rewards in by_feed.values():
            for place, reward in rewards.items():
                earned[place] = earned.get(place, 0.0) + reward
        for group in self.groups.values():
            for i, place in enumerate(group.wallets.indices.tolist()):
                group.income[i] += earned.get(place, 0.0) * self.token.price
        return earned

    def end_week(self) -> None:
        """Begin new counts of what was paid and netted."""
        self.volume_usd[:] = 0.0
        for group in self.groups.values():
            group.net[:] = 0
        for hedger in self.hedgers:
            hedger.net = 0

    def check(self) -> None:
        """Assert that the contract holds what nobody can claim, and nothing else, between steps."""
        paid = sum(self._paid)
        held = self.contract.held
        assert held == self.stranded + paid, (
            f"the feeds hold {held} wei, {self.stranded + paid} are accounted for"
        )
        self.contract.check()
