"""SingularityNET: AI services of organisations, paid call by call over the channels of an escrow."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Flows, Network, World, absent
from simdai.economy.calendar import Phase, months
from simdai.economy.flows import FlowsReport
from simdai.economy.foundation import Foundation
from simdai.economy.tallies import Tallies
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.emission import agix_release
from simdai.networks.singularitynet_channels import TREASURY, ChannelBook
from simdai.networks.singularitynet_reputation import ReputationBook
from simdai.networks.singularitynet_rules import (
    Agix,
    Asi,
    Channels,
    Era,
    Reputation,
    ServiceGroup,
    Services,
    StakingWindows,
)
from simdai.networks.singularitynet_services import ServiceBook
from simdai.networks.singularitynet_staking import Stakers
from simdai.registry import FrozenMapping, Regimes
from simdai.units import Name, PositiveDays

if TYPE_CHECKING:
    from simdai.networks.singularitynet_customers import ServiceCustomersActor

__all__ = ["SingularityNet", "SingularityNetwork"]

WEEK = 7.0
DAYS_PER_MONTH = 365.25 / 12.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class SingularityNet(Network, kind="singularitynet"):
    """A marketplace of AI services.

    Parameters
    ----------
    token : the network's own token; in an era that shares another network's it may be left out
    eras : what is paid with and what is created, by date
    services : groups of services by domain
    organisations : how those behave who offer them
    channels : terms of the payment channels
    reputation : how ratings steer customers
    staking : windows in which holders stake the network's own token; none without
    step : days between the instants at which customers call and organisations act
    """

    emits: ClassVar[bool] = True
    functions: ClassVar[Mapping[str, str]] = {
        "marketplace": "the catalogue in which customers find services they have not tried",
        "registry": "registration of new services and maintenance of the daemons that meter calls",
        "grants": "releases of tokens, grants to services, rewards of stakers",
    }

    token: Token | None = None
    eras: Regimes[Era]
    services: FrozenMapping[Name, ServiceGroup]
    organisations: Services
    channels: Channels
    reputation: Reputation
    staking: StakingWindows | None = None
    step: PositiveDays = 1.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.services:
            raise ValueError("services: at least one domain is needed; its count may be 0")
        own = [era for era in self.eras.rules if era.token_of is None]
        if own and self.token is None:
            raise ValueError("an era in the network's own token needs it: give 'token'")
        if self.staking is not None and self.token is None:
            raise ValueError("staking is of the network's own token: give 'token'")
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.eras.start is not None and self.eras.start > scenario.start:
            yield Problem(path="eras", found=f"the first from {self.eras.start}", allowed="one at the start")
        others = {n: c for n, c in scenario.networks.items() if c is not self and getattr(c, "token", None)}
        shared = {f"eras[{n}].shares": e.token_of for n, e in enumerate(self.eras.rules) if e.token_of}
        yield from absent("network with a token", shared, others)
        if self.token and any(other.token.symbol == self.token.symbol for other in others.values()):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")

    def build(self, world: World, name: str) -> SingularityNetwork:
        return SingularityNetwork(self, world, name)


class SingularityNetwork:
    """A SingularityNET marketplace on the clock.

    Accounts: ``NAME.escrow`` (the payment contract) in each token ever paid with, ``NAME.treasury``, those of
    its own `TokenMarket`, and the blocks of services and stakers.

    Attributes
    ----------
    foundation : which of `SingularityNet.functions` run
    customers : groups of customers, who register themselves
    book : the payment contract in use
    """

    def __init__(self, rules: SingularityNet, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.tallies = Tallies(world, name)
        self.own_token = TokenMarket(rules.token, world, name) if rules.token else None
        self.token: Any = self.own_token
        """The market of the token that services are paid in now."""
        self.treasury = f"{name}.treasury"
        self.services = ServiceBook(rules.services, rules.organisations, world, name, rules.step)
        self.reputation = ReputationBook(rules.reputation)
        self.stakers = None
        if rules.staking and self.own_token:
            self.stakers = Stakers(rules.staking, self.own_token, world, name, self._subsidise)
        self.domain_price = np.array([group.price for group in rules.services.values()])
        self.customers: list[ServiceCustomersActor] = []
        self.self_claiming: set[int] = set()
        """Organisations that claim when they choose to."""
        self.foundation = Foundation(rules.functions)
        self.emission_level = 1.0
        """Factor on what is released and granted; shocks change it."""
        self.old_books: list[ChannelBook] = []
        """Contracts of earlier eras, emptied."""
        self._released = 0.0  # real tokens of the release since the start, unrounded
        self._minted = 0
        self._luck = world.entity("organisations.care", name)
        self.watchful = np.zeros(0, dtype=bool)

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up the first era; days, weeks, months and later eras are put on the calendar."""
        if self.own_token:
            self.own_token.start()
        self.era: Era = self.rules.eras.at(self.world.start_date)
        self._open_book()
        calendar, world = self.world.calendar, self.world
        for regime in self.rules.eras:
            time = -1.0 if regime.start is None else world.days_until(regime.start)
            if 0 < time <= world.horizon:
                calendar.at(time, Phase.REGIMES, partial(self._switch, regime.rule))
        calendar.every(self.rules.step, Phase.SUPPLY, self._act, first=self.rules.step)
        calendar.every(
            self.rules.reputation.period, Phase.EPOCHS, self._rank, first=self.rules.reputation.period
        )
        for month in months(world.start_date, world.horizon):
            calendar.at(world.days_until(month), Phase.EPOCHS, partial(self._release, month))
        calendar.every(WEEK, Phase.EPOCHS, self._grant_week, first=WEEK)
        if self.stakers:
            self.stakers.start()
        self._report()

    def _open_book(self) -> None:
        """Deploy a payment contract for the era's token."""
        shared = self.era.token_of
        self.token = self.own_token if shared is None else self.world.networks[shared].token
        rules, asset = self.rules.channels, self.token.asset
        for account in (self.treasury, *(c.wallet for c in self.customers)):
            self.world.ledger.open(account, asset)
        self.book = ChannelBook(
            self.world,
            self.token,
            f"{self.name}.escrow",
            self.era.wei_decimals,
            rules.block,
            int(rules.threshold / rules.block),
            rules.fee,
        )
        self.services.wallets(asset)
        self.services.quote(self.book, all_of_them=True)

    def _switch(self, era: Era) -> None:
        """Pay in another token from now on: the old contract is emptied first, everything goes to its owners.

        Organisations claim what is signed and send the rest back. Customers' tokens join the public's; they
        fund new channels with money.
        """
        old = self.book
        by_owner: dict[Any, dict[int, bool]] = {}
        for number in np.flatnonzero((old.signed > 0) | (old.value > 0)).tolist():
            by_owner.setdefault(old.channel(number).recipient, {})[number] = True
        for organisation, claims in by_owner.items():
            self.claim(organisation, claims)
        old.withdraw(TREASURY, self.treasury)
        for user in list(old.state.balances):
            old.withdraw(user, old.token.holders)
        if self.stakers and era.token_of is not None:
            self.stakers.close()
        self.era = era
        self.old_books.append(old)
        self._open_book()
        for customers in self.customers:
            customers.forget_channels()

    # -- a step ----------------------------------------------------------------------------------------------

    def _act(self) -> None:
        """Claims and time-outs, costs, exits, entries, prices."""
        self._claim_due()
        self._time_out()
        self.services.close(self.foundation["registry"])
        if self.foundation["registry"]:
            self.services.enter()
        self.services.quote(self.book)

    def _care(self) -> NDArray[np.bool_]:
        """Which organisations watch expirations: drawn once for each."""
        n = self.services.organisations
        if len(self.watchful) < n:
            luck = self._luck.uniforms(np.arange(n), 0)
            self.watchful = luck < self.rules.channels.watch
        return self.watchful

    def _claim_due(self) -> None:
        """Organisations claim on their days, and the watchful what is about to expire; all sell a share."""
        rules, book, step = self.rules.channels, self.book, self.rules.step
        n, now = self.services.organisations, round(self.world.env.now / step)
        due = (np.arange(n) + now) % max(round(rules.claim_every / step), 1) == 0
        due &= self._luck.uniforms(np.arange(n), 1 + now) >= rules.forgets
        watchful, expiring = self._care(), set(book.about_to_expire().tolist())
        in_use = self.channels_in_use()
        claims: dict[Any, dict[int, bool]] = {}
        for number in np.flatnonzero(book.signed > 0).tolist():
            recipient: Any = book.channel(number).recipient
            k = recipient[1]
            if (due[k] or (watchful[k] and number in expiring)) and k not in self.self_claiming:
                claims.setdefault(recipient, {})[number] = number not in in_use
        paid = {organisation[1]: self.claim(organisation, c) for organisation, c in claims.items()}
        self.services.sell(book, paid)

    def channels_in_use(self) -> set[int]:
        """Channels over which customers call at present."""
        return set().union(*(customers.channel.tolist() for customers in self.customers))

    def claim(self, organisation: Any, claims: dict[int, bool], honest: int | None = None) -> int:
        """One organisation claims and withdraws; returns the ledger units that it got.

        Parameters
        ----------
        claims : numbers of channels, and whether what is left goes back to the customer
        honest : base units of the contract among them that customers paid; all without
        """
        book = self.book
        amount = book.claim(organisation, claims)
        revenue = book.usd(amount if honest is None else honest)
        self.tallies.add("revenue_usd", revenue)
        wallet = int(self.services.wallets(book.token.asset)[organisation[1]])
        units = book.withdraw(organisation, wallet)
        book.withdraw(TREASURY, self.treasury)
        return units

    def _time_out(self) -> None:
        """Customers take back what has expired: all but those who keep their channels alive have left."""
        book = self.book
        for number in book.expired().tolist():
            self.tallies.add("channels.provider_loss_usd", book.usd(book.time_out(number)))
            self.tallies.add("channels.timeouts", 1.0)

    def note_calls(self, services: Ints, served: Floats, usd: Floats, quality: Floats) -> None:
        """Note calls of (n,) customers: whom, how many, for how much, how good."""
        lost = self.rules.channels.lost_calls
        self.tallies.add("calls", float(served.sum()))
        self.tallies.add("paid_usd", float(usd.sum()))
        self.tallies.add("channels.client_loss_usd", float(usd.sum()) * lost)
        names = self.services.domains
        domain = self.services.domain[services]
        by_domain = np.bincount(domain, weights=served, minlength=len(names))
        good = np.bincount(domain, weights=served * quality, minlength=len(names))
        for d, name in enumerate(names):
            self.tallies.add(f"calls.{name}", float(by_domain[d]))
            self.tallies.add(f"good.{name}", float(good[d]))
        self.tallies.add("good", float(good.sum()))

    def wallets_to_convert(self, old: str, new: str) -> Iterator[tuple[int, int]]:
        """Places of organisations' and stakers' accounts in one token, and of the same in another."""
        if old in self.services.held_in:
            before = self.services.wallets(old)
            yield from zip(before.tolist(), self.services.wallets(new).tolist(), strict=True)
        if self.stakers and self.stakers.token.asset == old:
            yield from self.stakers.wallets_to_convert(new)

    # -- reputation ------------------------------------------------------------------------------------------

    def _rank(self) -> None:
        self.reputation.close_period()

    def standing(self) -> Floats:
        """(n,) reputation of each service less the mean of those in its domain."""
        services = self.services
        reputation = self.reputation.of_services(len(services))
        weights = services.firms.alive.astype(np.float64)
        n = len(services.domains)
        total = np.bincount(services.domain, weights=weights * reputation, minlength=n)
        there = np.maximum(np.bincount(services.domain, weights=weights, minlength=n), 1.0)
        relative: Floats = reputation - (total / there)[services.domain]
        return relative

    # -- what is created and granted -------------------------------------------------------------------------

    def change_emission(self, level: float) -> None:
        """Release and grant ``level`` times what the plan says from now on."""
        self.emission_level = level

    def _release(self, first_day: datetime.date) -> None:
        """On the first of a month: release a tranche; some is granted, the rest is the treasury's to sell."""
        if not (isinstance(self.era, Agix) and self.foundation["grants"]):
            return
        token, genesis = self.token, self.era.genesis
        month = 1 + (first_day.year - genesis.year) * 12 + first_day.month - genesis.month
        if month < 1:
            return
        tranche, _ = agix_release(month, self.era.first, self.era.decay)
        self._released += tranche * self.emission_level
        new = int(self._released / self.world.scale * token.unit) - self._minted
        self._minted += new
        self.world.ledger.mint(new, token.asset, self.treasury)
        granted = int(new * self.era.granted)
        self._grant(granted)
        token.sell(int((new - granted) * self.era.sold), self.treasury, self.treasury)

    def _grant_week(self) -> None:
        """Every week: grant out of the treasury."""
        if isinstance(self.era, Asi) and self.foundation["grants"]:
            tokens = self.era.grants * WEEK / DAYS_PER_MONTH * self.emission_level / self.world.scale
            held = self.world.ledger.balance(self.token.asset, self.treasury)
            self._grant(min(int(tokens * self.token.unit), held))

    def _grant(self, units: int) -> None:
        """Share tokens among services by reputation, as the community's votes do; they sell a share."""
        services, token = self.services, self.token
        weights = np.where(services.firms.alive, self.reputation.of_services(len(services)), 0.0)
        by_owner = np.bincount(services.firms.owner, weights=weights, minlength=services.organisations)
        parts = self.world.ledger.split(units, by_owner)
        self.world.ledger.pay_out(parts, token.asset, self.treasury, services.wallets(token.asset))
        usd = parts / token.units_per_usd * self.world.scale
        services.granted += usd
        self._subsidise(float(usd.sum()))
        services.sell(self.book, {k: int(parts[k]) for k in np.flatnonzero(parts).tolist()})

    def _subsidise(self, usd: float) -> None:
        self.tallies.add("subsidy_usd", usd)

    # -- report ----------------------------------------------------------------------------------------------

    @property
    def served(self) -> float:
        """Calls answered since the start."""
        return self.tallies.sums["calls"]

    @property
    def flows(self) -> Flows:
        """What customers paid, and what was created or granted for participants, since the start."""
        return Flows(self.tallies.sums["revenue_usd"], self.tallies.sums["subsidy_usd"])

    def _report(self) -> None:
        """Put series, outcomes and checks on the recorder."""
        tallies, recorder, name = self.tallies, self.world.recorder, self.name
        tallies.report("calls", "count")
        FlowsReport(self, self.world, name).register()
        tallies.report_ratio("quality", "good", "calls")
        for domain in self.services.domains:
            tallies.report_ratio(f"quality.{domain}", f"good.{domain}", f"calls.{domain}")
        tallies.report("channels.timeouts", "count")
        tallies.report("channels.provider_loss_usd", "USD")
        tallies.report("channels.client_loss_usd", "USD")
        tallies.report_ratio("channels.default_share", "channels.provider_loss_usd", "paid_usd")
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.channels.open", "count", lambda: float((self.book.value > 0).sum()))
            register(f"{name}.channels.locked_usd", "USD", lambda: self.book.usd(int(self.book.value.sum())))
        self.services.firms.report()
        recorder.checks.append(self._check)

    def _check(self) -> None:
        for book in (self.book, *self.old_books):
            book.check()
        assert not any(book.state.tokens for book in self.old_books), "an old payment contract is not empty"
