"""A reputation ring: accounts of one owner that call its own services, pay themselves and praise them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from simdai.economy.actors import World, absent
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.mechanisms.reputation import wash_rating_cost
from simdai.networks.singularitynet_services import ServiceBook
from simdai.units import Name, PositiveCount, Share, Usd

__all__ = ["ReputationRing", "RingActor"]

MICRO = 10**6


class ReputationRing(Attack, kind="reputation_ring"):
    """Poor and dear services enter, and members of a ring rate them up with calls that they pay themselves.

    In each rating period the whole capital goes through the payment channels from the members to the ring's
    organisation and comes back, less the protocol's fee, if it takes one, and gas. Honest customers see the
    reputation, try, and mostly learn; what they pay is the ring's income, and so are grants, which follow the
    reputation. Its organisation claims when it chooses to, and sells what honest customers paid at once.

    Parameters
    ----------
    domain : of the services
    services : of the ring
    price : USD a call
    quality : of an answer
    members : accounts that rate
    capital : USD that circulate
    """

    against: ClassVar[tuple[str, ...]] = ("singularitynet",)

    domain: Name
    services: PositiveCount
    price: Usd
    quality: Share
    members: PositiveCount
    capital: Usd

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against:
            yield from absent("domain", {"domain": self.domain}, network.services)
        if self.price <= 0:
            yield Problem(path="price", found=f"{self.price:g}", allowed="above zero")

    def build(self, world: World, name: str) -> RingActor:
        return RingActor(self, world, name)


class RingActor(AttackActor):
    """The ring at work. Beside USD its account ``NETWORK.reputation_ring`` holds the capital in tokens."""

    rules: ReputationRing

    def __init__(self, rules: ReputationRing, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.users = [("ring", k) for k in range(rules.members)]
        self.places = np.zeros(0, dtype=np.int64)
        self.organisation = -1
        self.running = False
        self.washed = 0.0
        """Real USD that the members paid to their own services since the start."""

    def start(self) -> None:
        super().start()
        self.measure("wash_usd", "USD", (0.0, 0.0, 1.0))
        self.measure("honest_usd", "USD", (0.0, 0.0, 0.0, 1.0))
        self.measure("grants_usd", "USD", (0.0, 0.0, 0.0, 0.0, 1.0))
        name = f"{self.account}.captured_share"
        for register in (self.world.recorder.series, self.world.recorder.outcome):
            register(name, "1", self._captured)

    @property
    def sums(self) -> Sums:
        """Spent and earned, simulated; what circulated, what honest customers paid, what was granted."""
        granted = float(self._services.granted[self.organisation]) if len(self.places) else 0.0
        real = self.washed, self._honest_usd, granted
        return *super().sums, *(usd / self.world.scale for usd in real)

    @property
    def _services(self) -> ServiceBook:
        services: ServiceBook = self.network.services
        return services

    @property
    def _honest_usd(self) -> float:
        return float(self._services.firms.revenue[self.places].sum())

    def _captured(self) -> float:
        """Share of the ring in what all honest customers paid since the start."""
        paid = self.network.tallies.sums["paid_usd"]
        return self._honest_usd / paid if paid else 0.0

    def strike(self) -> Callable[[], None]:
        """The services enter; the capital is brought and changed into tokens."""
        rules = self.rules
        self.places = self._services.add_like(rules.domain, rules.services, rules.price, rules.quality)
        self._services.quote(self.network.book)
        self.organisation = int(self._services.firms.owner[self.places[0]])
        self.network.self_claiming.add(self.organisation)
        self.running = True
        self._enter_token()
        period = self.network.rules.reputation.period
        first = (self.world.env.now // period + 1) * period
        self.world.calendar.every(period, Phase.SHOCKS, self._round, first=first)
        return self._stop

    def _enter_token(self) -> None:
        self.token = self.network.token
        self.world.ledger.open(self.account, self.token.asset)
        amount = self.bring(self.rules.capital / self.world.scale)
        self.token.buy(amount, self.account, self.account)

    def _leave_token(self) -> None:
        """Sell all tokens of the ring, for good or because the network now pays in others."""
        ledger, asset = self.world.ledger, self.token.asset
        wallet = int(self._services.wallets(asset)[self.organisation])
        ledger.transfer(ledger.balance(asset, wallet), asset, wallet, self.account)
        self.token.sell(ledger.balance(asset, self.account), self.account, self.account)
        self.take_home()

    def _round(self) -> None:
        """One rating period: wash, praise, claim, sell what honest customers paid."""
        if not self.running:
            return
        if self.token is not self.network.token:
            self._leave_token()
            self._enter_token()
        wash = self._wash()
        self._claim(wash)
        self._keep_float()

    def _wash(self) -> set[int]:
        """Members fund channels, call and rate; returns the channels."""
        book, services, ledger = self.network.book, self._services, self.world.ledger
        parts = ledger.split(ledger.balance(self.token.asset, self.account), np.ones(len(self.users)))
        organisation = ("organisation", self.organisation)
        until = book.now + book.threshold + 2
        numbers = []
        for user, part in zip(self.users, parts.tolist(), strict=True):
            book.deposit(user, part, self.account)
            numbers.append(book.fund(user, organisation, until))
        target = self.places[np.arange(len(self.users)) % len(self.places)]
        channels, price = np.array(numbers), services.quoted[target]
        calls = np.array([int(book.value[c] // p) for c, p in zip(numbers, price, strict=True)])
        served = book.serve(channels, calls, price)
        usd = np.array([book.usd(amount) for amount in served * price])
        self.network.reputation.rate(self.users, target, usd, np.ones(len(target)))
        self.washed += float(usd.sum())
        transactions = 2 * len(self.users) + 2  # a deposit and a funding each, a claim and a withdrawal
        self._pay_outside(wash_rating_cost(transactions, 0.0, 0.0, self.network.rules.channels.gas))
        return set(numbers)

    def _claim(self, wash: set[int]) -> None:
        """Claim everything signed; the members' part goes round again, the honest part is sold."""
        book, ledger, asset = self.network.book, self.world.ledger, self.token.asset
        mine = [
            n
            for n in np.flatnonzero(book.signed > 0).tolist()
            if book.channel(n).recipient == ("organisation", self.organisation)
        ]
        honest = sum(int(book.signed[n]) for n in mine if n not in wash)
        total = sum(int(book.signed[n]) for n in mine)
        in_use = self.network.channels_in_use()
        if not total:
            return
        units = self.network.claim(
            ("organisation", self.organisation), {n: n not in in_use for n in mine}, honest
        )
        wallet = int(self._services.wallets(asset)[self.organisation])
        sold = units * honest // total
        ledger.transfer(units - sold, asset, wallet, self.account)
        for user in self.users:
            book.withdraw(user, self.account)
        self.token.sell(sold, wallet, self._usd_wallet)

    @property
    def _usd_wallet(self) -> str:
        return f"{self.network.name}.services[{self.organisation}]"

    def _keep_float(self) -> None:
        """Leave the organisation what two periods of its hosting cost, and take the rest home."""
        ledger, services = self.world.ledger, self._services
        days = 2 * self.network.rules.reputation.period
        needed = round(float(services.hosting[self.places].sum()) * days / self.world.scale * MICRO)
        held = ledger.balance("USD", self._usd_wallet)
        if held < needed:
            amount = self.bring((needed - held) / MICRO)
            ledger.transfer(amount, "USD", self.account, self._usd_wallet)
        else:
            ledger.transfer(held - needed, "USD", self._usd_wallet, self.account)
            self.take_home()

    def _pay_outside(self, usd: float) -> None:
        amount = self.bring(usd / self.world.scale)
        self.world.ledger.transfer(amount, "USD", self.account, WORLD)

    def _stop(self) -> None:
        """The services leave, and all that the ring holds is sold."""
        self.running = False
        self._services.firms.alive[self.places] = False
        self._claim(set())
        self._leave_token()
        ledger = self.world.ledger
        ledger.transfer(ledger.balance("USD", self._usd_wallet), "USD", self._usd_wallet, self.account)
        self.take_home()
