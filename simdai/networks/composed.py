"""A network put together in a scenario file from five hooks: quote, pay, match, reward, emit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Network, World
from simdai.economy.calendar import Phase
from simdai.economy.compute_market import ask_in_micro_usd
from simdai.economy.population import Population
from simdai.economy.providers import Providers
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.emit import Emit, NoEmission, Supply
from simdai.mechanisms.match import Match
from simdai.mechanisms.pay import Pay, UsdDirect
from simdai.mechanisms.quote import Ask, CloudIndexed, Quote, QuoteState
from simdai.mechanisms.reward import EpochWork, NoReward, Reward
from simdai.registry import FrozenMapping, Regime, Regimes
from simdai.units import Date, Name, PositiveDays, Share

__all__ = ["Composed", "ComposedNetwork"]

MICRO = 10**6

Ints = NDArray[np.int64]
Payment = tuple[Providers, Ints, Ints]  # some rows of a population, and what each of them gets


class Composed(Network, kind="composed"):
    """A compute network of stated mechanisms. Each hook but ``match`` may change by date.

    Parameters
    ----------
    quote : who sets prices
    pay : where payments go
    match : how jobs find providers
    reward : how tokens are shared among providers
    emit : how many tokens are created
    genesis : day from which the schedule of ``emit`` counts; the start of the scenario without
    epoch : days between settlements: fees used, tokens created and paid, sold
    token : the network's token; without one, payments are in USD and nothing is created
    provider_share : of the tokens created, for providers; the rest goes to the treasury
    treasury_sold : share of what the treasury receives that it sells at once
    providers : populations by name
    """

    quote: Regimes[Quote]
    pay: Regimes[Pay]
    match: Match
    reward: Regimes[Reward] = Regimes(Regime(None, NoReward()))
    emit: Regimes[Emit] = Regimes(Regime(None, NoEmission()))
    genesis: Date | None = None
    epoch: PositiveDays
    token: Token | None = None
    provider_share: Share = 1.0
    treasury_sold: Share = 0.0
    providers: FrozenMapping[Name, Population]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.providers:
            raise ValueError("providers: at least one population is needed; its count may be 0")
        if self.token is None:
            plain = (
                ("pay", self.pay, UsdDirect),
                ("reward", self.reward, NoReward),
                ("emit", self.emit, NoEmission),
            )
            for name, regimes, kind in plain:
                if not all(isinstance(rule, kind) for rule in regimes.rules):
                    raise ValueError(f"{name} needs a token; give 'token', or use the kind {kind.kind!r}")
        if any(isinstance(rule, Ask) for rule in self.quote.rules):
            if self.match.venue_holds_price:
                raise ValueError(
                    f"match {self.match.kind!r} needs a quote by which the network sets the price"
                )
            for name, population in self.providers.items():
                if population.ask is None:
                    raise ValueError(
                        f"providers.{name}: give its 'ask'; under the quote 'ask' each sets its own"
                    )
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if not scenario.clouds and any(isinstance(rule, CloudIndexed) for rule in self.quote.rules):
            found = "the kind 'cloud_indexed' in a scenario without clouds"
            yield Problem(path="quote", found=found, allowed="a cloud to index to")
        if self.token:
            others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
            if any(other and other.symbol == self.token.symbol for other in others):
                found = f"the symbol {self.token.symbol!r} of two tokens"
                yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")

    def build(self, world: World, name: str) -> ComposedNetwork:
        return ComposedNetwork(self, world, name)


class ComposedNetwork:
    """A composed network on the clock.

    Accounts: ``NAME.escrow``, ``NAME.fees`` (what the network took), ``NAME.operator``, ``NAME.vault``,
    ``NAME.rewards`` (tokens for providers), those of its `TokenMarket`, and a block for each population.
    """

    def __init__(self, rules: Composed, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        day = world.start_date
        self.quote, self.pay = rules.quote.at(day), rules.pay.at(day)
        self.reward, self.emit = rules.reward.at(day), rules.emit.at(day)
        self.operator, self.fees, self.vault, self.rewards = (
            f"{name}.{role}" for role in ("operator", "fees", "vault", "rewards")
        )
        self.price = self._quoted(QuoteState(cloud_price=self._cloud_price()))
        options = rules.match.venue_options() | {"take_rate": self.pay.take_rate}
        if rules.match.venue_holds_price:
            assert self.price is not None
            options["ask"] = ask_in_micro_usd(self.price)
        self.venue = world.compute.add_venue(name, is_cloud=False, **options)
        self.token = TokenMarket(rules.token, world, name) if rules.token else None
        for account in (self.operator, self.fees):
            world.ledger.open(account)
        if self.token:
            world.ledger.open(self.vault, self.token.asset)
            world.ledger.open(self.rewards, self.token.asset)
        asset = self.token.asset if self.token else None
        self.populations = {
            population: Providers(p, world, name, population, self.venue, asset)
            for population, p in rules.providers.items()
        }
        self._age = 0.0 if rules.genesis is None else -world.days_until(rules.genesis)  # days, at the start
        supply = Supply(rules.token.supply if rules.token else 0.0)
        self._before = self.emit.tokens(0.0, max(self._age, 0.0), supply)  # tokens that the schedule brought
        self._scheduled = 0.0  # simulated tokens that the schedule has come to since the start, unrounded
        self._scheduled_to = self._fees_used = 0.0  # days
        self._created = 0  # base units minted for them
        self._new_credit = 0  # micro-USD that this epoch's work will earn in redeemable credit
        self._claims: list[Payment] = []  # micro-USD of credit that providers redeem at the next settlement
        self._cohort: list[tuple[Providers, Ints]] = []
        self._moved = {"entries": 0, "exits": 0}

    def _cloud_price(self) -> float:
        prices = [cloud.list_price(None) for cloud in self.world.clouds.values()]
        return min(prices, default=math.nan)

    def _quoted(self, state: QuoteState) -> float | None:
        return self.quote.price(state)

    def list_price(self, hardware: tuple[int, ...] | None) -> float:
        """USD per GPU-hour of a speed-1 device that customers expect: the posted price, or the mean ask."""
        fitting = [p for p in self.populations.values() if hardware is None or p.hardware_index in hardware]
        if not fitting:
            return math.nan
        if self.price is not None:
            return self.price
        known = [(p.list_price, p.count) for p in fitting if p.count]
        total = sum(count for _, count in known)
        return sum(price * count for price, count in known) / total if total else math.nan

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Providers enter; days, epochs and regime switches are put on the calendar."""
        for population in self.populations.values():
            population.start(self.price)
        if self.token:
            self.token.start()
        calendar, epoch = self.world.calendar, self.rules.epoch
        calendar.every(1.0, Phase.SUPPLY, self._day, first=1.0)
        calendar.every(epoch, Phase.EPOCHS, self.settle, first=epoch)
        self._put_switches("quote", self.rules.quote)
        self._put_switches("pay", self.rules.pay)
        self._put_switches("reward", self.rules.reward)
        self._put_switches("emit", self.rules.emit)
        self.world.at_window(self._start_window)
        self._report()

    def _put_switches(self, hook: str, regimes: Regimes[Any]) -> None:
        for regime in regimes:
            time = -1.0 if regime.start is None else self.world.days_until(regime.start)
            if 0 < time <= self.world.horizon:
                self.world.calendar.at(time, Phase.REGIMES, partial(self._switch, hook, regime.rule))

    def _switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force; what came in under the old one is settled under it first."""
        if hook == "pay":
            self._use_fees()
        if hook == "emit" and self.token:
            self._follow_schedule(self.token)
        setattr(self, hook, rule)
        if hook == "pay":
            self.world.compute.market.set_take_rate(self.venue.index, self.pay.take_rate)
        if hook == "quote":
            self.price = self._quoted(QuoteState(math.nan, self._cloud_price()))
            self._tell_price()

    def _day(self) -> None:
        """Prices, then every population's exits, entries and asks."""
        days = self.world.compute.yesterday.days
        for population in self.populations.values():
            population.observe(days)
        now = math.nan if self.price is None else self.price
        use = self.world.compute.use(self.venue, self.world.compute.yesterday)
        self.price = self._quoted(QuoteState(now, self._cloud_price(), use, days))
        self._tell_price()
        for population in self.populations.values():
            population.day(days, self.price)

    def _tell_price(self) -> None:
        if self.rules.match.venue_holds_price and self.price is not None:
            self.world.compute.market.set_ask(self.venue.index, ask_in_micro_usd(self.price))

    # -- the epoch -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End of an epoch: fees are used, tokens created, paid and partly sold; power is paid for."""
        self._use_fees()
        workers = [(p, *p.book.take_epoch(p.hardware.speed)) for p in self.populations.values()]
        if self.token:
            self._pay_tokens(self.token, workers)
        for population in self.populations.values():
            population.pay_running_cost()

    def _use_fees(self) -> None:
        """Split what the network took since the last time: operator, tokens to burn, tokens for the vault."""
        ledger, now = self.world.ledger, self.world.env.now
        fees = ledger.balance("USD", self.fees)
        split = self.pay.split(fees)
        ledger.transfer(split.operator, "USD", self.fees, self.operator)
        if self.token is None:
            return
        if now > self._fees_used:
            self.token.note_fees(fees / MICRO, now - self._fees_used)
            self._fees_used = now
        self.token.buy_and_burn(split.burn, self.fees)
        self.token.buy(split.vault, self.fees, self.vault)
        self._new_credit += self.pay.credit(split.vault)

    def _pay_tokens(self, token: TokenMarket, workers: list[tuple[Providers, Ints, EpochWork]]) -> None:
        """Create the epoch's tokens, reward its work, redeem the credit of the epoch before, sell."""
        ledger = self.world.ledger
        self._create(token)
        work = EpochWork.joined([done for _, _, done in workers])
        rows = [(population, k) for population, k, _ in workers]
        pool = ledger.balance(token.asset, self.rewards)
        rewards = divided(self.reward.amounts(pool, work, token.units_per_usd), rows)
        self._pay(token, self.rewards, rewards)
        redeemed = self._redeem(token)
        self._claims = divided(ledger.split(self._new_credit, work.value_usd), rows)
        self._new_credit = 0
        self._sell(token, rewards + redeemed)

    def _pay(self, token: TokenMarket, source: str, payments: list[Payment]) -> None:
        for population, k, amounts in payments:
            self.world.ledger.pay_out(amounts, token.asset, source, population.book.token_account[k])

    def _create(self, token: TokenMarket) -> None:
        """Mint what the schedule has come to, rounded down in its sum, for providers and the treasury."""
        ledger = self.world.ledger
        self._follow_schedule(token)
        new = max(int(self._scheduled * token.unit) - self._created, 0)
        self._created += new
        for_providers, for_treasury = ledger.split(
            new, [self.rules.provider_share, 1.0 - self.rules.provider_share]
        ).tolist()
        ledger.mint(for_providers, token.asset, self.rewards)
        ledger.mint(for_treasury, token.asset, token.treasury)
        token.sell(int(for_treasury * self.rules.treasury_sold), token.treasury, token.treasury)

    def _follow_schedule(self, token: TokenMarket) -> None:
        """Add what the rule in force creates up to now."""
        now, scale = self.world.env.now, self.world.scale
        start, end = max(self._age + self._scheduled_to, 0.0), max(self._age + now, 0.0)
        supply = Supply(token.supply * scale, self._before + self._scheduled * scale)
        self._scheduled += self.emit.tokens(start, end, supply) / scale
        self._scheduled_to = now

    def _redeem(self, token: TokenMarket) -> list[Payment]:
        """Pay last epoch's credit in tokens at today's price, rounded down: out of the vault, then minted."""
        ledger = self.world.ledger
        redeemed = [
            (population, k, np.floor(credit / MICRO * token.units_per_usd).astype(np.int64))
            for population, k, credit in self._claims
        ]
        due = sum(int(tokens.sum()) for _, _, tokens in redeemed)
        ledger.mint(max(due - ledger.balance(token.asset, self.vault), 0), token.asset, self.vault)
        self._pay(token, self.vault, redeemed)
        return redeemed

    def _sell(self, token: TokenMarket, payments: list[Payment]) -> None:
        """Providers note their token income and sell a share of it, all at one price."""
        orders = []
        for population in self.populations.values():
            mine = [(k, amounts) for p, k, amounts in payments if p is population]
            population.note_tokens(mine, token.units_per_usd, self.rules.epoch)
            orders.append(population.token_orders(token.asset, mine))
        amounts, sellers, receivers = (np.concatenate(column) for column in zip(*orders, strict=True))
        token.sell_block(amounts, sellers, receivers)

    # -- what it reports -------------------------------------------------------------------------------------

    def _report(self) -> None:
        recorder, scale, name = self.world.recorder, self.world.scale, self.name
        populations = list(self.populations.values())
        measures: dict[str, tuple[str, Any]] = {
            "providers.count": ("count", lambda: scale * sum(p.count for p in populations)),
            "providers.margin": ("1", lambda: mean_over([(p.mean_margin, p.count) for p in populations])),
        }
        if len(populations) > 1:
            for population, p in self.populations.items():
                measures[f"providers.{population}.count"] = "count", lambda p=p: scale * p.count
                measures[f"providers.{population}.margin"] = "1", lambda p=p: p.mean_margin
        for measure, (unit, function) in measures.items():
            recorder.series(f"{name}.{measure}", unit, function)
            recorder.outcome(f"{name}.{measure}", unit, function)
        recorder.outcome(f"{name}.providers.entries", "count", lambda: scale * self._moves("entries"))
        recorder.outcome(f"{name}.providers.exits", "count", lambda: scale * self._moves("exits"))
        recorder.series(f"{name}.list_price_usd_per_gpu_hour", "USD/h", lambda: self.list_price(None))
        recorder.outcome(f"{name}.providers.retention", "1", self._retention)

    def _moves(self, what: str) -> int:
        """Entries or exits since the end of the warm-up."""
        return sum(int(getattr(p, what)) for p in self.populations.values()) - self._moved[what]

    def _start_window(self) -> None:
        """Remember who is there at the end of the warm-up."""
        self._cohort = [(p, p.book.present) for p in self.populations.values()]
        self._moved = {w: sum(getattr(p, w) for p in self.populations.values()) for w in ("entries", "exits")}

    def _retention(self) -> float:
        """Share of the providers present at the end of the warm-up that still are."""
        then = sum(len(k) for _, k in self._cohort)
        now = sum(int(p.book.alive[k].sum()) for p, k in self._cohort)
        return now / then if then else math.nan


def divided(amounts: Ints, rows: list[tuple[Providers, Ints]]) -> list[Payment]:
    """Cut one vector over all rows into the parts of each population."""
    cuts = np.cumsum([len(k) for _, k in rows])[:-1]
    parts = np.split(amounts, cuts)
    return [(population, k, part) for (population, k), part in zip(rows, parts, strict=True)]


def mean_over(values: list[tuple[float, int]]) -> float:
    """Mean of (value, weight) pairs, those without a value left out; nan when none has one."""
    known = [(value, weight) for value, weight in values if not math.isnan(value)]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else math.nan
