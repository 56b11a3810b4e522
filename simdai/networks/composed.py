"""A network put together in a scenario file from five hooks: quote, pay, match, reward, emit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Network, World
from simdai.economy.allocations import Allocation, Unlocks
from simdai.economy.compute_network import MICRO, ComputeNetwork, Paid, divided
from simdai.economy.population import Population
from simdai.economy.providers import Providers
from simdai.economy.spending import Spending, Treasury
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.emit import Emit, NoEmission, Supply
from simdai.mechanisms.match import Match
from simdai.mechanisms.pay import Pay, StableCredit, UsdDirect
from simdai.mechanisms.quote import Ask, CloudIndexed, Quote, QuoteState
from simdai.mechanisms.reward import EpochWork, NoReward, Reward
from simdai.networks.composed_attacks import Claimant
from simdai.networks.composed_credit import CreditVault
from simdai.networks.composed_governance import Governance, capture_cost
from simdai.networks.composed_report import report
from simdai.networks.composed_stakes import Access, AccessStakes, ProviderStakes, Stake
from simdai.registry import FrozenMapping, Regime, Regimes
from simdai.units import Date, Days, Name, PositiveDays, Share

__all__ = ["Composed", "ComposedNetwork"]

Ints = NDArray[np.int64]


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
    step : days between two looks of providers at their income
    held : days for which providers hold credit on average before they redeem it; 0: to the next settlement
    token : the network's token; without one, payments are in USD and nothing is created
    provider_share : of the tokens created, for providers; the rest goes to the treasury
    treasury_sold : share of what the treasury receives that it sells at once
    providers : populations by name
    allocations : parts of the first supply that vest, by holder
    stake : what providers lock to earn; nothing without
    audit_chance : that an audit of a day finds a provider that does not exist
    access : what customers lock to be served; nothing without
    spending : what the project spends to go on; nothing without
    governance : who decides over the treasury; nobody without
    """

    emits: ClassVar[bool] = True

    quote: Regimes[Quote]
    pay: Regimes[Pay]
    match: Match
    reward: Regimes[Reward] = Regimes(Regime(None, NoReward()))
    emit: Regimes[Emit] = Regimes(Regime(None, NoEmission()))
    genesis: Date | None = None
    epoch: PositiveDays
    step: PositiveDays = 1.0
    held: Days = 0.0
    token: Token | None = None
    provider_share: Share = 1.0
    treasury_sold: Share = 0.0
    providers: FrozenMapping[Name, Population]
    allocations: FrozenMapping[Name, Allocation] = FrozenMapping()
    stake: Stake | None = None
    audit_chance: Share = 0.0
    access: Access | None = None
    spending: Spending | None = None
    governance: Governance | None = None

    @property
    def credit(self) -> StableCredit | None:
        """The rule by which credit is paid and redeemed, the first where its fees change; None without."""
        return next((rule for rule in self.pay.rules if isinstance(rule, StableCredit)), None)

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
            for part in ("allocations", "stake", "access", "governance"):
                if getattr(self, part):
                    raise ValueError(f"{part} needs a token; give 'token'")
        if len({rule.minted for rule in self.pay.rules if isinstance(rule, StableCredit)}) > 1:
            raise ValueError("pay: 'minted' must be the same in all regimes: credit outstanding has one rule")
        if self.held and self.credit is None:
            raise ValueError("held: there is no credit to hold; give the pay 'stable_credit'")
        if self.stake is None and any(rule.needs_stake for rule in self.reward.rules):
            raise ValueError("reward by stake needs a stake; give 'stake'")
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


class ComposedNetwork(ComputeNetwork):
    """A composed network on the clock.

    Accounts: those of a compute network, ``NAME.rewards`` (tokens for providers), and those of its parts.
    """

    def __init__(self, rules: Composed, world: World, name: str) -> None:
        self.rules = rules
        day = world.start_date
        self.quote, self.pay = rules.quote.at(day), rules.pay.at(day)
        self.reward, self.emit = rules.reward.at(day), rules.emit.at(day).begin()
        prices = [cloud.list_price(None) for cloud in world.clouds.values()]
        super().__init__(
            world,
            name,
            providers=rules.providers,
            token=rules.token,
            epoch=rules.epoch,
            step=rules.step,
            price=self.quote.price(QuoteState(cloud_price=min(prices, default=math.nan))),
            take_rate=self.pay.take_rate,
            functions=rules.functions,
            **rules.match.venue_options(),
        )
        self.rewards = f"{name}.rewards"
        if self.token:
            world.ledger.open(self.rewards, self.token.asset)
        self._age = 0.0 if rules.genesis is None else -world.days_until(rules.genesis)
        # What the schedule had created when the scenario starts, where it is older.
        existing = Supply(rules.token.supply if rules.token else 0.0)
        self._before = rules.emit.at(day).tokens(0.0, max(self._age, 0.0), existing)
        self._scheduled = 0.0  # simulated tokens that the schedule has come to since the start, unrounded
        self._scheduled_to = self._fees_used = 0.0  # days
        self._created = 0  # base units minted for them
        self.claimants: list[Claimant] = []
        """Attackers who want a part of the rewards."""
        self._pool = 0  # base units that the last epoch's rewards were taken from
        self._settled_to = self._surcharge = (
            0.0  # day; USD per GPU-hour in `rebate` that locking costs customers
        )
        self.unlocks = self.stakes = self.access = self.credit = None
        self._running = 0.0  # share of the holders of credit who redeem at every settlement, out of distrust
        if self.token:
            token = self.token
            if rules.credit:
                self.credit = CreditVault(rules.credit, world, name, token, self.populations)
            if rules.allocations:
                self.unlocks = Unlocks(rules.allocations, world, name, token)
            if rules.stake:
                self.stakes = ProviderStakes(rules.stake, world, name, token, self.populations)
            if rules.access:
                self.access = AccessStakes(rules.access, world, name, token)
        self.treasury = Treasury(rules.spending, world, name, self.token) if rules.spending else None

    def _cloud_price(self) -> float:
        prices = [cloud.list_price(None) for cloud in self.world.clouds.values()]
        return min(prices, default=math.nan)

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        super().start()
        for hook in ("quote", "pay", "reward", "emit"):
            self.follow(hook, getattr(self.rules, hook))
        if self.stakes:
            self.stakes.open()
        report(self)

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force; what came in under the old one is settled under it first."""
        if hook == "pay":
            self._use_fees()
        if hook == "emit" and self.token:
            self._follow_schedule(self.token)
        super().switch(hook, rule.begin() if hook == "emit" else rule)
        if hook == "pay":
            self.world.compute.market.set_take_rate(self.venue.index, self.pay.take_rate)
        if hook == "quote":
            self.price = self.quote.price(QuoteState(math.nan, self._cloud_price()))
            self.tell_price()

    def next_price(self, use: float, days: float) -> float | None:
        if self.rules.access:
            before, paid = self._surcharge, self.list_price(None)
            self._surcharge = self.rules.access.surcharge * paid if math.isfinite(paid) else 0.0
            self.rebate -= self._surcharge - before
        now = math.nan if self.price is None else self.price
        return self.quote.price(QuoteState(now, self._cloud_price(), use, days))

    @property
    def circulating(self) -> float:
        """Simulated tokens that may vote: all but what has not vested and what the treasury holds."""
        token = self.token
        if token is None:
            return 0.0
        held = [self.world.ledger.balance(token.asset, token.treasury)]
        held += [self.unlocks.still_locked] if self.unlocks else []
        return token.supply - sum(held) / token.unit

    @property
    def capture_cost(self) -> float:
        """USD for the votes over the treasury, simulated; nan where nobody votes."""
        rules = self.rules.governance
        return capture_cost(rules, self.token, self.circulating) if rules and self.token else math.nan

    @property
    def staked(self) -> float | None:
        return self.stakes.total / self.token.unit if self.stakes and self.token else None

    # -- the epoch -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End of an epoch: fees are used, tokens created, paid and partly sold, stakes and purses settled."""
        days, self._settled_to = self.world.env.now - self._settled_to, self.world.env.now
        failures = (
            {n: p.book.take_failures() for n, p in self.populations.items()} if self._counts_failures else {}
        )
        workers = [
            (p, *self._complete(name, *p.book.take_epoch(p.hardware.speed), failures))
            for name, p in self.populations.items()
        ]
        honest = EpochWork.joined([done for _, _, done in workers])
        claims = [attacker.claim(honest, self._pool, days) for attacker in self.claimants]
        self._use_fees()
        if self.token:
            self._pay_tokens(self.token, workers, claims)
        if self.unlocks:
            self.unlocks.settle()
        if self.stakes:
            self.stakes.settle(failures, days)
        if self.access:
            self.access.settle(float(honest.value_usd.sum()), days)
        if self.treasury:
            self.treasury.settle()

    @property
    def _counts_failures(self) -> bool:
        return self.stakes is not None or any(rule.counts_failures for rule in self.rules.reward.rules)

    def _complete(
        self, name: str, k: Ints, work: EpochWork, failures: dict[str, Ints]
    ) -> tuple[Ints, EpochWork]:
        """Add to the work of a population's rows ``k`` what they have locked and how often they failed."""
        if not failures:
            return k, work
        stake = None
        if self.stakes and self.token:
            stake = self.stakes.held(name)[k] / self.token.unit
        return k, replace(work, stake=stake, failures=failures[name][k].astype(np.float64))

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
        if self.credit is not None:
            self.token.buy(split.vault, self.fees, self.credit.account)
            self.credit.earned += self.pay.credit(split.vault)

    def _pay_tokens(
        self, token: TokenMarket, workers: list[tuple[Providers, Ints, EpochWork]], claims: list[EpochWork]
    ) -> None:
        """Create the epoch's tokens, reward its work, redeem the credit of the epoch before, sell."""
        ledger = self.world.ledger
        self._create(token)
        work = EpochWork.joined([*(done for _, _, done in workers), *claims])
        rows = [(population, k) for population, k, _ in workers]
        n = sum(len(k) for _, k in rows)
        self._pool = ledger.balance(token.asset, self.rewards)
        amounts = self.reward.amounts(self._pool, work, token.units_per_usd)
        rewards = divided(amounts[:n], rows)
        for population, k, part in rewards:
            ledger.pay_out(part, token.asset, self.rewards, population.book.token_account[k])
        for attacker, amount in zip(self.claimants, amounts[n:].tolist(), strict=True):
            attacker.receive(amount, self.rewards)
        income, in_hand = rewards, rewards
        if self.credit is not None:
            usual = weight_of_new(self.epoch, self.rules.held)
            got, lost, _ = self.credit.redeem(usual + self._running * (1.0 - usual))
            credit = self.credit.pay(rows, self.claimants, work.value_usd)
            income, in_hand = [*rewards, *self._in_tokens(token, credit, lost)], rewards + got
        self.reward_providers(token, income, in_hand)

    @staticmethod
    def _in_tokens(token: TokenMarket, credit: list[Paid], lost: list[Paid]) -> list[Paid]:
        """Income in base units: credit at today's price, less what redemptions were short of."""
        worth = [(p, k, (usd / MICRO * token.units_per_usd).astype(np.int64)) for p, k, usd in credit]
        return [*worth, *((p, k, -tokens) for p, k, tokens in lost)]

    # -- a run on the credit ---------------------------------------------------------------------------------

    def run_on_credit(self, share: float) -> None:
        """A share of all credit is redeemed at once and the tokens sold; later credit is held by fewer."""
        if self.credit is None or self.token is None:
            return
        self._running = share
        got, lost, usd = self.credit.redeem(share)
        self.note_tokens(self.token, self._in_tokens(self.token, [], lost))
        brought = self.token.sell_block(
            np.concatenate([tokens for _, _, tokens in got]),
            np.concatenate([p.book.token_account[k] for p, k, _ in got]),
            np.concatenate([p.book.usd_account[k] for p, k, _ in got]),
        )
        if usd:
            self.credit.value(float(brought.sum()) / usd)

    def calm(self) -> None:
        """A run is over: credit is held again for as long as before it."""
        self._running = 0.0

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
        self.subsidy_usd += for_providers / token.units_per_usd
        ledger.mint(for_treasury, token.asset, token.treasury)
        token.sell(int(for_treasury * self.rules.treasury_sold), token.treasury, token.treasury)

    def _follow_schedule(self, token: TokenMarket) -> None:
        """Add what the rule in force creates up to now."""
        now, scale = self.world.env.now, self.world.scale
        start, end = max(self._age + self._scheduled_to, 0.0), max(self._age + now, 0.0)
        everybody = self.populations.values()
        supply = Supply(
            token.supply * scale,
            self._before + self._scheduled * scale,
            burned=token.burned * scale,
            bonded=(self.staked or 0.0) / token.supply,
            capacity=scale * sum(p.count * p.rules.gpus * p.hardware.speed for p in everybody),
        )
        self._scheduled += self.emit.tokens(start, end, supply) * self.emission_level / scale
        self._scheduled_to = now

    def change_emission(self, level: float) -> None:
        """Create ``level`` times what the schedule says from now on."""
        if self.token:
            self._follow_schedule(self.token)
        self.emission_level = level
