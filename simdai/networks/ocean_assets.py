"""Data assets and their publishers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.economy.firms import Firms
from simdai.economy.ledger import WORLD, Block
from simdai.economy.token_market import TokenMarket
from simdai.networks.ocean_rules import AssetGroup, Publishers

__all__ = ["AssetBook"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MICRO = 10**6
WEI = 10**18
ROOM = 10**6  # assets that a domain may ever have
REQUOTE = 0.05  # change of the token's price at which publishers restate their rates


class AssetBook:
    """All assets that ever were, in a row; each has a publisher with a wallet.

    Accounts: the blocks ``NAME.publishers`` in USD and in the token.

    Attributes
    ----------
    domain : (n,) int, place in ``domains``
    value, price, popularity, size, hosting, work : (n,) float, see `AssetGroup`; price in USD
    protected, hosted : (n,) bool: only computed on; served by the foundation's gateway
    rate : (n,) Python ints, wei of the token for one datatoken
    income : (n,) float, USD of the step; volume_usd : paid for it in the week
    jobs : (n,) float, computations on it so far; unseen : (n,) float, log chance that no operator read along
    """

    def __init__(
        self,
        groups: Mapping[str, AssetGroup],
        behaviour: Publishers,
        token: TokenMarket,
        world: World,
        name: str,
        step: float,
        gateway: float,
    ) -> None:
        self.groups, self.behaviour, self.token, self.world = groups, behaviour, token, world
        self.step, self.gateway = step, gateway
        self.domains = list(groups)
        self.firms = Firms(behaviour.turnover, world, f"{name}.publishers", step)
        self._luck = world.entity("assets.nature", name)
        self.domain = np.zeros(0, dtype=np.int64)
        self.value, self.price, self.popularity, self.size, self.hosting, self.work = np.zeros((6, 0))
        self.income, self.volume_usd, self.jobs, self.unseen = np.zeros((4, 0))
        self.protected, self.hosted = np.zeros((2, 0), dtype=bool)
        self.rate = np.zeros(0, dtype=object)
        self._entered = dict.fromkeys(self.domains, 0)
        self._usd = world.ledger.block(f"{name}.publishers")
        self._tokens = world.ledger.block(f"{name}.publishers", token.asset)
        for domain, group in groups.items():
            self.add(domain, group.count)

    def __len__(self) -> int:
        return len(self.domain)

    def add(self, domain: str, n: int) -> Ints:
        """Let ``n`` ordinary assets of a domain be published; returns their places."""
        group, d = self.groups[domain], self.domains.index(domain)
        ids = d * ROOM + self._entered[domain] + np.arange(n)
        self._entered[domain] += n
        uniforms = [self._luck.uniforms(ids, what) for what in range(5)]
        normal = [ndtri(u + 2.0**-54) for u in uniforms[:3]]
        value = group.value * np.exp(group.value_spread * normal[0])
        return self._add(
            d,
            value=value,
            price=value * group.markup * np.exp(group.markup_spread * normal[1]),
            popularity=np.exp(group.popularity_spread * normal[2]),
            protected=uniforms[3] < group.protected,
            hosted=uniforms[4] < self.gateway,
        )

    def add_like(self, domain: str, n: int, price: float) -> Ints:
        """Let ``n`` assets enter, and stay, that nobody wants at all; returns their places."""
        no = np.zeros(n, dtype=bool)
        k = self._add(
            self.domains.index(domain),
            value=np.zeros(n),
            price=np.full(n, price),
            popularity=np.zeros(n),
            protected=no,
            hosted=no,
        )
        self.firms.stays[k] = True
        return k

    def _add(
        self, d: int, value: Floats, price: Floats, popularity: Floats, protected: Bools, hosted: Bools
    ) -> Ints:
        n, group = len(value), self.groups[self.domains[d]]
        k = self.firms.add(n)
        self.domain = np.append(self.domain, np.full(n, d))
        for what, column in (
            ("value", value),
            ("price", price),
            ("popularity", popularity),
            ("size", np.full(n, group.size)),
            ("hosting", np.full(n, group.hosting)),
            ("work", np.full(n, group.work)),
            ("protected", protected),
            ("hosted", hosted),
            *((sum_, np.zeros(n)) for sum_ in ("income", "volume_usd", "jobs", "unseen")),
        ):
            setattr(self, what, np.append(getattr(self, what), column))
        self.rate = np.append(self.rate, np.zeros(n, dtype=np.int64).astype(object))
        for block in (self._usd, self._tokens):
            block.extend(n)
        self.quote()
        return k

    def wallet(self, k: int) -> int:
        """Place of a publisher's account in the token."""
        return int(self._tokens.indices[k])

    @property
    def wallet_block(self) -> Block:
        """The publishers' accounts in the token."""
        return self._tokens

    # -- prices and money ------------------------------------------------------------------------------------

    def quote(self) -> None:
        """Restate rates where the token's price has moved by `REQUOTE`."""
        wanted = self.price / self.token.price * WEI
        now = self.rate.astype(np.float64)
        for k in np.flatnonzero(np.abs(now - wanted) > REQUOTE * wanted):
            self.rate[k] = round(float(wanted[k]))

    def note_volume(self, k: int, tokens: float) -> None:
        """Note real tokens that were paid for orders of an asset."""
        self.volume_usd[k] += tokens * self.token.price

    def note_income(self, k: int, tokens: float) -> None:
        """Note real tokens of them that the publisher keeps."""
        self.income[k] += tokens * self.token.price

    def close(self) -> None:
        """End a step: publishers sell, pay, and some leave; others enter; rates follow the token."""
        self._sell()
        running = np.where(self.firms.alive, self.hosting * self.step, 0.0)
        self.firms.earn(self.income, running, running + self.work * self.step)
        held = self.world.ledger.accounts("USD").balances[self._usd.indices]
        micro = np.rint(running / self.world.scale * MICRO).astype(np.int64)
        self.world.ledger.collect(np.minimum(micro, held), "USD", self._usd.indices, WORLD)
        self.income[:] = 0.0
        self.firms.leave()
        self.quote()

    def enter(self) -> None:
        """Let entrants of a step in."""
        for d, domain in enumerate(self.domains):
            n = self.firms.entrants(self.domain == d, stream=d)
            if n:
                self.add(domain, n)

    def _sell(self) -> None:
        """Publishers sell a share of what they have earned in the step."""
        earned = self.income > 0
        held = self.world.ledger.accounts(self.token.asset).balances[self._tokens.indices]
        units = self.income / self.token.price * self.token.unit / self.world.scale
        sold = np.minimum(np.floor(units * self.behaviour.token_sold).astype(np.int64), held)
        if sold[earned].sum() > 0:
            self.token.sell_block(sold[earned], self._tokens.indices[earned], self._usd.indices[earned])
