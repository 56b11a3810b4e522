"""The services of a SingularityNET marketplace: what each is worth, asks and earns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.economy.firms import Firms
from simdai.economy.ledger import WORLD
from simdai.networks.singularitynet_channels import ChannelBook
from simdai.networks.singularitynet_rules import ServiceGroup, Services

__all__ = ["ServiceBook"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MICRO = 10**6
ROOM = 10**6  # services that a domain may ever have
REQUOTE = 0.05  # change of the token's price at which an organisation restates its prices


class ServiceBook:
    """All services that ever were, in a row; those of one organisation share a wallet.

    Accounts: the blocks ``NAME.services`` in USD and ``NAME.services`` in each token they were ever paid in.

    Attributes
    ----------
    domain : (n,) int, place in ``domains``
    price, quality, cost, hosting, development : (n,) float, see `ServiceGroup`
    answers : (n,) float, share of the calls that it answers
    quoted : (n,) Python ints, base units of the payment contract a call
    income, calls : (n,) float, of the step: USD signed for, calls served
    granted : (organisations,) float, USD of grants since the start
    """

    def __init__(
        self, groups: Mapping[str, ServiceGroup], behaviour: Services, world: World, name: str, step: float
    ) -> None:
        self.groups, self.behaviour, self.world, self.name, self.step = groups, behaviour, world, name, step
        self.domains = list(groups)
        self.firms = Firms(behaviour.turnover, world, f"{name}.services", step)
        self._luck = world.entity("services.nature", name)
        self.domain = np.zeros(0, dtype=np.int64)
        self.price, self.quality, self.cost, self.hosting, self.development, self.answers = np.zeros((6, 0))
        self.quoted = np.zeros(0, dtype=object)
        self.income, self.calls = np.zeros((2, 0))
        self.granted = np.zeros(0)
        self._entered = dict.fromkeys(self.domains, 0)
        self._usd = world.ledger.block(f"{name}.services")
        self._wallets: dict[str, Any] = {}
        for domain, group in groups.items():
            self.add(domain, group.count)

    def __len__(self) -> int:
        return len(self.domain)

    # -- entry -----------------------------------------------------------------------------------------------

    def add(self, domain: str, n: int) -> Ints:
        """Let ``n`` ordinary services of a domain enter; returns their places."""
        group, d = self.groups[domain], self.domains.index(domain)
        ids = d * ROOM + self._entered[domain] + np.arange(n)
        self._entered[domain] += n
        normal = [ndtri(self._luck.uniforms(ids, what) + 2.0**-54) for what in (0, 1)]
        return self._add(
            d,
            price=group.price * np.exp(group.price_spread * normal[0]),
            quality=np.clip(group.quality + group.quality_spread * normal[1], 0.0, 1.0),
            per_owner=self.behaviour.per_organisation,
        )

    def add_like(self, domain: str, n: int, price: float, quality: float) -> Ints:
        """Let ``n`` services of one owner with a stated price and quality enter, and stay."""
        d = self.domains.index(domain)
        k = self._add(d, price=np.full(n, price), quality=np.full(n, quality), per_owner=max(n, 1))
        self.firms.stays[k] = True
        return k

    def _add(self, d: int, price: Floats, quality: Floats, per_owner: int) -> Ints:
        n, group = len(price), self.groups[self.domains[d]]
        k = self.firms.add(n, per_owner)
        self.domain = np.append(self.domain, np.full(n, d))
        self.price, self.quality = np.append(self.price, price), np.append(self.quality, quality)
        self.cost = np.append(self.cost, np.full(n, group.cost))
        self.hosting = np.append(self.hosting, np.full(n, group.hosting))
        self.development = np.append(self.development, np.full(n, group.development))
        self.answers = np.append(self.answers, np.ones(n))
        self.quoted = np.append(self.quoted, np.zeros(n, dtype=np.int64).astype(object))
        self.income, self.calls = np.append(self.income, np.zeros(n)), np.append(self.calls, np.zeros(n))
        self.granted = np.append(self.granted, np.zeros(self.organisations - len(self.granted)))
        for block in (self._usd, *self._wallets.values()):
            block.extend(self.organisations - len(block))
        return k

    @property
    def organisations(self) -> int:
        """Owners that ever were."""
        return int(self.firms.owner.max(initial=-1)) + 1

    def wallets(self, asset: str) -> Ints:
        """Places of the organisations' accounts in a token; opened when first asked for."""
        if asset not in self._wallets:
            self._wallets[asset] = self.world.ledger.block(f"{self.name}.services", asset, self.organisations)
        places: Ints = self._wallets[asset].indices
        return places

    @property
    def held_in(self) -> list[str]:
        """Tokens in which there are wallets."""
        return list(self._wallets)

    # -- prices and money ------------------------------------------------------------------------------------

    def quote(self, book: ChannelBook, all_of_them: bool = False) -> None:
        """Restate prices in the contract's units, at least one, where the token has moved by `REQUOTE`."""
        wanted = self.price / book.token.price * book.unit
        now = self.quoted.astype(np.float64)
        stale = (np.abs(now - wanted) > REQUOTE * wanted) | all_of_them
        rounded = np.maximum(np.rint(wanted[stale]), 1.0)
        for k, units in zip(np.flatnonzero(stale).tolist(), rounded.tolist(), strict=True):
            self.quoted[k] = int(units)

    def sell(self, book: ChannelBook, paid: dict[int, int]) -> None:
        """Organisations sell a share of what they have just got (ledger units, by organisation)."""
        share = self.behaviour.token_sold
        owners = np.array(list(paid), dtype=np.int64)
        units = np.array([int(units * share) for units in paid.values()], dtype=np.int64)
        if units.sum() > 0:
            book.token.sell_block(units, self.wallets(book.token.asset)[owners], self._usd.indices[owners])

    def close(self, maintained: bool) -> None:
        """End a step: costs are paid, margins noted, some leave."""
        hosting = self.hosting * self.step
        running = np.where(self.firms.alive, hosting + self.cost * self.calls, 0.0)
        self.firms.earn(self.income, running, running + self.development * self.step)
        self._pay(running)
        self.income[:] = self.calls[:] = 0.0
        if not maintained:
            self.answers *= math.exp(-self.behaviour.decay * self.step)
        self.firms.leave()

    def _pay(self, running: Floats) -> None:
        """Pay running costs to the outside, out of what an organisation holds; its owners pay the rest."""
        due = np.bincount(self.firms.owner, weights=running, minlength=self.organisations)
        micro = np.rint(due / self.world.scale * MICRO).astype(np.int64)
        held = self.world.ledger.accounts("USD").balances[self._usd.indices]
        self.world.ledger.collect(np.minimum(micro, held), "USD", self._usd.indices, WORLD)

    def enter(self) -> None:
        """Let entrants of a step in."""
        for d, domain in enumerate(self.domains):
            n = self.firms.entrants(self.domain == d, stream=d)
            if n:
                self.add(domain, n)
