"""Customers of AI services: whom they call, how much, and how they fund their channels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.special import ndtri

from simdai.economy.actors import Demand, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.mechanisms.arrivals import poisson_counts
from simdai.mechanisms.provider_choice import probability
from simdai.registry import FrozenMapping
from simdai.units import (
    Name,
    NonNegative,
    Number,
    PerDay,
    PerYear,
    Positive,
    PositiveCount,
    PositiveDays,
    Share,
)

if TYPE_CHECKING:
    from simdai.networks.singularitynet import SingularityNetwork

__all__ = ["ServiceCustomers", "ServiceCustomersActor"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MICRO = 10**6
DAYS_PER_YEAR = 365.25
NOBODY = -1
ROOM = 10**6  # services that a network may ever have


class ServiceCustomers(Demand, kind="service_customers"):
    """Customers who each call one service of their domain at a time, over a channel that they fund.

    A customer picks the service of greatest utility: ``quality_sensitivity x quality believed -
    price_sensitivity x ln(price / price of the domain) + taste``, or stays outside. It knows the quality of
    those it has tried; of others it believes ``prior + trust (reputation - mean reputation of the domain)``.

    Parameters
    ----------
    network : a SingularityNET marketplace
    count : customers
    domains : weights of the domains; a customer needs one
    calls_per_day : of the median customer
    calls_spread : standard deviation of the logarithm of calls among customers
    growth : of calls per year, continuous
    review : mean days between looks at the market
    quality_sensitivity, price_sensitivity : utils for quality 1 instead of 0, and per unit of log price
    outside : utility of calling nobody
    prior : quality believed of an unknown service
    trust : belief gained where the reputation is 1 instead of 0
    taste : standard deviation of what a customer gets around a service's quality
    channel : days of calls that a deposit is meant to last
    reserve : days of calls left at which a channel is funded again, and days before its expiration
    expiry : days after funding at which a channel may be timed out
    opportunists : share of customers who never extend a channel and time it out the moment they can
    """

    network: Name
    count: PositiveCount
    domains: FrozenMapping[Name, Positive]
    calls_per_day: PerDay
    calls_spread: NonNegative = 0.0
    growth: PerYear = 0.0
    review: PositiveDays
    quality_sensitivity: NonNegative
    price_sensitivity: NonNegative
    outside: Number = 0.0
    prior: Share
    trust: Share
    taste: NonNegative = 0.0
    channel: PositiveDays
    reserve: PositiveDays
    expiry: PositiveDays
    opportunists: Share = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.domains:
            raise ValueError("domains: customers need at least one")
        if self.reserve >= min(self.channel, self.expiry):
            raise ValueError("reserve: must be shorter than 'channel' and 'expiry'")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        open_to_them = [name for name, n in scenario.networks.items() if n.kind == "singularitynet"]
        yield from absent("SingularityNET network", {"network": self.network}, open_to_them)
        if self.network in open_to_them:
            network = scenario.networks[self.network]
            yield from absent("domain", {f"domains.{d}": d for d in self.domains}, network.services)
            if self.expiry <= network.channels.threshold:
                allowed = "longer than the network's channels.threshold, at which daemons stop"
                yield Problem(path="expiry", found=f"{self.expiry:g} d", allowed=allowed)
            if self.reserve < network.step:
                yield Problem(
                    path="reserve",
                    found=f"{self.reserve:g} d",
                    allowed=f"the network's step, {network.step:g} d, or more",
                )

    def build(self, world: World, name: str) -> ServiceCustomersActor:
        return ServiceCustomersActor(self, world, name)


class ServiceCustomersActor:
    """Customers on the clock.

    Account: ``NAME.wallet`` in the payment token, through which bought tokens pass.

    Attributes
    ----------
    level : factor on all calls
    service : (n,) int, place of the service that each calls; -1 for none
    """

    def __init__(self, rules: ServiceCustomers, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.network: SingularityNetwork = world.networks[rules.network]
        self.level = 1.0
        self.step = self.network.rules.step
        self.wallet = f"{name}.wallet"
        n = rules.count
        nature = world.entity("customers.nature", name)
        uniforms = [nature.uniforms(np.arange(n), what) for what in range(3)]
        weights = np.array(list(rules.domains.values())) / sum(rules.domains.values())
        places = [self.network.services.domains.index(d) for d in rules.domains]
        self.domain = np.array(places)[np.searchsorted(np.cumsum(weights)[:-1], uniforms[0], side="right")]
        self.rate = rules.calls_per_day * np.exp(rules.calls_spread * ndtri(uniforms[1] + 2.0**-54))
        self.opportunist: Bools = uniforms[2] < rules.opportunists
        self.service = np.full(n, NOBODY, dtype=np.int64)
        self.channel = np.full(n, NOBODY, dtype=np.int64)
        self.tried = np.full((n, 0), math.nan)
        """Quality that each has seen of each service; nan where it knows none."""
        self.users = [(name, k) for k in range(n)]
        self._number = np.arange(n)
        self._review = world.entity("customers.review", name)
        self._taste = world.entity("customers.taste", name)
        self._fit = world.entity("customers.fit", name)
        self.fit = np.zeros(n)
        """How much better than others each finds the service that it calls."""
        self._calls = world.entity("customers.calls", name)
        self._rating = world.entity("customers.rating", name)
        self.network.customers.append(self)

    def apply(self) -> None:
        """Nothing to announce: the next day's calls follow ``level``."""

    def start(self) -> None:
        """Look at the market at once, then every step."""
        self.world.calendar.every(self.step, Phase.DEMAND, self._act, first=0.0)
        recorder, name = self.world.recorder, self.name
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.active", "count", lambda: float((self.service >= 0).sum()))

    # -- a step ----------------------------------------------------------------------------------------------

    def _act(self) -> None:
        day = round(self.world.env.now)
        self._meet_new_services()
        looks = self._review.uniforms(self._number, day) < probability(1.0 / self.rules.review, self.step)
        self._choose(np.flatnonzero(looks | self._abandoned()), day)
        mean = self.rate * self.level * math.exp(self.rules.growth * self.world.env.now / DAYS_PER_YEAR)
        self._fund(mean)
        self._call(mean * self.step, day)

    def _abandoned(self) -> Bools:
        """Customers whose service is gone, and on the first day all."""
        if self.world.env.now == 0:
            return np.ones(len(self.service), dtype=bool)
        gone: Bools = ~np.append(self.network.services.firms.alive, True)[self.service]  # nobody is the last
        return gone

    def _meet_new_services(self) -> None:
        new = len(self.network.services) - self.tried.shape[1]
        if new:
            self.tried = np.hstack([self.tried, np.full((len(self.service), new), math.nan)])

    def _choose(self, who: Ints, day: int) -> None:
        """Some look at the market and take what seems best, or leave."""
        if len(who) == 0:
            return
        rules, services = self.rules, self.network.services
        known = self.tried[who]
        belief = np.where(np.isnan(known), rules.prior + rules.trust * self.network.standing(), known)
        listed = services.firms.alive & (services.domain == self.domain[who, None])
        if not self.network.foundation["marketplace"]:  # no catalogue: only what they have tried
            listed = listed & ~np.isnan(known)
        relative = services.price / self.network.domain_price[services.domain]
        utility = rules.quality_sensitivity * belief - rules.price_sensitivity * np.log(relative)
        ids = who[:, None] * ROOM + np.arange(len(services))
        with np.errstate(divide="ignore"):
            gumbel = -np.log(-np.log(self._taste.uniforms(ids, day)))
            outside = -np.log(-np.log(self._taste.uniforms(who * ROOM + ROOM - 1, day)))
        utility = np.where(listed, utility + gumbel, -np.inf)
        best = np.argmax(utility, axis=1) if len(services) else np.zeros(len(who), dtype=np.int64)
        seen = utility[np.arange(len(who)), best] if len(services) else np.full(len(who), -np.inf)
        self.service[who] = np.where(seen > rules.outside + outside, best, NOBODY)
        pair = who * ROOM + best
        self.fit[who] = rules.taste * ndtri(self._fit.uniforms(pair, 0) + 2.0**-54)
        owner = services.firms.owner
        for k in who.tolist():
            s = int(self.service[k])
            number = (
                self.network.book.between(self.users[k], ("organisation", int(owner[s]))) if s >= 0 else None
            )
            self.channel[k] = NOBODY if number is None else number

    def _fund(self, mean: Floats) -> None:
        """Fund the channels that run low or out; what a customer has in the contract comes first."""
        book, rules, services = self.network.book, self.rules, self.network.services
        active = np.flatnonzero((self.service >= 0) & (mean > 0))
        price = services.quoted[self.service[active]]
        number = self.channel[active]
        per_day = mean[active] * price.astype(np.float64)
        left = np.zeros(len(active))
        expires = np.zeros(len(active), dtype=np.int64)
        has = number >= 0
        left[has] = (book.value[number[has]] - book.signed[number[has]]).astype(np.float64)
        expires[has] = book.expiration[number[has]]
        reserve = book.now + int(rules.reserve / book.block)
        low = (left < rules.reserve * per_day) | ((expires < reserve) & ~self.opportunist[active])
        # An opportunist lets a channel run out and takes its value back before it funds it anew.
        taken = np.ones(len(active), dtype=bool)
        taken[has] = book.value[number[has]] == 0
        low &= ~self.opportunist[active] | taken | (expires >= reserve)
        self._deposit(active[low], (rules.channel * per_day)[low] - left[low])

    def _deposit(self, who: Ints, wanted: Floats) -> None:
        """Buy the tokens that are missing, with money from outside, and put them into the channels.

        ``wanted`` are base units of the contract; a call's price at least, so that an extension pays its way.
        """
        if len(who) == 0:
            return
        book, services, ledger = self.network.book, self.network.services, self.world.ledger
        price = services.quoted[self.service[who]].astype(np.float64)
        owned = np.array([float(book.state.balances.get(self.users[k], 0)) for k in who.tolist()])
        missing = np.maximum(np.maximum(wanted, price) - owned, 0.0)
        usd = round(float(missing.sum()) / book.unit * book.token.price / self.world.scale * MICRO)
        units = book.token.buy(usd, WORLD, self.wallet)
        parts = ledger.split(units, missing)
        for k, part in zip(who.tolist(), parts.tolist(), strict=True):
            user = self.users[k]
            organisation = ("organisation", int(services.firms.owner[self.service[k]]))
            if part:
                book.deposit(user, part, self.wallet)
            if book.state.balances.get(user, 0):
                self.channel[k] = book.fund(user, organisation, self._until(k))

    def _until(self, k: int) -> int:
        """Expiration that a customer gives its channel; an opportunist leaves a running one alone."""
        book, number = self.network.book, self.channel[k]
        if self.opportunist[k] and number >= 0 and book.expiration[number] > book.now:
            return 0
        return book.now + int(self.rules.expiry / book.block)

    def forget_channels(self) -> None:
        """The payment contract is another one; channels in it are opened when needed."""
        self.channel[:] = NOBODY

    def _call(self, mean: Floats, day: int) -> None:
        """Call, sign, see what one gets, and rate it later by what was paid."""
        book, services, network = self.network.book, self.network.services, self.network
        who = np.flatnonzero(self.channel >= 0)
        calls = poisson_counts(self._calls.uniforms(self._number, day), mean)[who]
        s = self.service[who]
        price = services.quoted[s]
        served = book.serve(self.channel[who], calls, price)
        amount = (served * price).astype(np.float64)
        served = served.astype(np.float64)
        usd = amount / book.unit * book.token.price
        lived = np.clip(services.quality[s] * services.answers[s] + self.fit[who], 0.0, 1.0)
        noise = network.rules.reputation.noise * ndtri(self._rating.uniforms(who * ROOM + s, day) + 2.0**-54)
        used = served > 0
        self.tried[who[used], s[used]] = lived[used]
        np.add.at(services.income, s, usd)
        np.add.at(services.calls, s, served)
        raters = [self.users[k] for k in who[used].tolist()]
        network.reputation.rate(raters, s[used], usd[used], np.clip(lived + noise, 0.0, 1.0)[used])
        network.note_calls(s, served, usd, lived)
