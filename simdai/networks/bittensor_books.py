"""Bittensor's holdings in the ledger: what the chain holds in real rao, brought up to date at each step."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.ledger import Block
from simdai.economy.token_market import TokenMarket
from simdai.networks.bittensor_chain import Chain

__all__ = ["Books"]

Ints: TypeAlias = NDArray[np.int64]


class Books:
    """Accounts of TAO and of every alpha, each the whole base units of what the chain holds for it.

    TAO: ``NAME.subnets[i]`` (pools), ``NAME.root[h]`` and ``NAME.wallets[h]`` (holders), ``NAME.roles[r]``
    (to be sold), ``NAME.pending`` (before there was alpha), ``NAME.authors``, ``NAME.dust``. Alpha of a
    subnet, the asset ``NAME.SUBNET``: ``.pool``, ``.protocol``, ``.authors``, ``.owner``, ``.burned``,
    ``.pending``, ``.uids[u]``, ``.holders[h]``, ``.estate[r]``, ``.dust``. Dust is what the accounts'
    rounding leaves of the sum.

    Attributes
    ----------
    purse : (r,) TAO of each role, real rao
    """

    SINGLE = ("pool", "protocol", "authors", "owner", "burned", "pending")

    def __init__(self, chain: Chain, token: TokenMarket, world: World, name: str, roles: int) -> None:
        self.chain, self.token, self.world, self.name = chain, token, world, name
        self.ledger, self.scale = world.ledger, int(world.scale)
        self.purse = np.zeros(roles, dtype=np.int64)
        asset = token.asset
        self._tao = [
            self.ledger.block(f"{name}.{block}", asset, n)
            for block, n in (
                ("subnets", len(chain.alive)),
                ("root", len(chain.root)),
                ("wallets", len(chain.wallet)),
                ("roles", roles),
            )
        ]
        self._tao_single = [self.ledger.open(f"{name}.{what}", asset) for what in ("pending", "authors")]
        self.dust = self.ledger.open(f"{name}.dust", asset)
        self._estates: dict[str, Block] = {}
        self._alpha: dict[str, tuple[Ints, int]] = {}
        """Places of the accounts of each alpha, and of its dust."""

    @property
    def role_places(self) -> Block:
        """The roles' accounts of TAO."""
        return self._tao[3]

    def add_role(self) -> None:
        """Accounts for one more role."""
        self.purse = np.append(self.purse, 0)
        self.role_places.extend(1)
        self.chain.estate = np.column_stack(
            [self.chain.estate, np.zeros(len(self.chain.alive), dtype=np.int64)]
        )
        for asset, (places, dust) in self._alpha.items():
            more = self._estates[asset].extend(1)
            self._alpha[asset] = np.concatenate([places, more]), dust

    # -- what stands where -----------------------------------------------------------------------------------

    def tao_held(self) -> Ints:
        """Real rao of TAO by account, in the order of `tao_places`."""
        chain = self.chain
        pending = 0 if chain.has_alpha else int(chain.pending.total.sum())
        single = np.array([pending, chain.author_tao], dtype=np.int64)
        return np.concatenate([chain.reserves[1], chain.root, chain.wallet, self.purse, single])

    @property
    def tao_places(self) -> Ints:
        """Places of the accounts of TAO."""
        return np.concatenate([*(block.indices for block in self._tao), self._tao_single])

    def alpha_held(self, slot: int) -> Ints:
        """Real rao of a subnet's alpha by account."""
        chain = self.chain
        pool = chain.pools[slot]
        single = (
            0 if pool is None else pool.alpha,
            chain.protocol[slot],
            chain.authors[slot],
            chain.owner[slot],
            chain.burned[slot],
            chain.pending.total[slot] if chain.has_alpha else 0,
        )
        return np.concatenate([single, chain.stake[slot], chain.alpha[slot], chain.estate[slot]])

    def asset(self, slot: int) -> str:
        """The alpha of a subnet."""
        return f"{self.name}.{self.chain.names[slot]}"

    # -- bringing up to date ---------------------------------------------------------------------------------

    def post(self) -> None:
        """Bring every account up to date."""
        self._post(self.token.asset, self.tao_places, self.dust, self.tao_held())
        if self.chain.has_alpha:
            for slot in self.chain.slots.tolist():
                self._post(self.asset(slot), *self._accounts(slot), self.alpha_held(slot))

    def close(self, slot: int) -> None:
        """A removed subnet's alpha exists no more."""
        asset = self.asset(slot)
        if asset in self._alpha:
            places, dust = self._alpha[asset]
            self._post(asset, places, dust, np.zeros(len(places), dtype=np.int64))

    def _accounts(self, slot: int) -> tuple[Ints, int]:
        asset, chain, ledger = self.asset(slot), self.chain, self.ledger
        if asset not in self._alpha:
            ledger.declare(asset, decimals=9)
            single = [ledger.open(f"{asset}.{what}", asset) for what in self.SINGLE]
            uids = ledger.block(f"{asset}.uids", asset, chain.stake.shape[1])
            holders = ledger.block(f"{asset}.holders", asset, chain.alpha.shape[1])
            estate = self._estates[asset] = ledger.block(f"{asset}.estate", asset, chain.estate.shape[1])
            blocks = [block.indices for block in (uids, holders, estate)]
            places = np.concatenate([np.array(single, dtype=np.int64), *blocks])
            self._alpha[asset] = places, ledger.open(f"{asset}.dust", asset)
        return self._alpha[asset]

    def _post(self, asset: str, places: Ints, dust: int, real: Ints) -> None:
        """Move what has changed through the dust account; what is new is created there."""
        ledger = self.ledger
        balances = ledger.accounts(asset).balances
        wanted = real // self.scale if self.scale > 1 else real
        change = wanted - balances[places]
        created = int(real.sum()) // self.scale - int(balances[places].sum() + balances[dust])
        if created > 0:
            ledger.mint(created, asset, dust)
        ledger.collect(np.maximum(-change, 0), asset, places, dust)
        ledger.pay_out(np.maximum(change, 0), asset, dust, places)
        if created < 0:
            ledger.burn(-created, asset, dust)

    # -- the market of TAO -----------------------------------------------------------------------------------

    def fund(self) -> None:
        """At the start, the public's TAO becomes that of the chain's accounts."""
        real = self.tao_held()
        whole, rest = divmod(int(real.sum()), self.scale)
        self.chain.issuance += rest  # the public holds whole units only
        self.ledger.transfer(whole, self.token.asset, self.token.holders, self.dust)
        self._post(self.token.asset, self.tao_places, self.dust, real)

    def sell_purse(self, role: int, receiver: str) -> float:
        """Sell all TAO of a role; returns the real USD that ``receiver`` got."""
        place = int(self.role_places.indices[role])
        held = min(int(self.purse[role]) // self.scale, self.ledger.balance(self.token.asset, place))
        if held == 0:
            return 0.0
        usd = self.token.sell(held, place, receiver)
        self.purse[role] -= held * self.scale
        return self.scale * usd / 10**6

    def buy_for_purse(self, role: int, usd: int, payer: str) -> int:
        """Spend micro-USD of ``payer`` on TAO for a role; returns the real rao."""
        place = int(self.role_places.indices[role])
        bought = self.token.buy(usd, payer, place) * self.scale
        self.purse[role] += bought
        return bought

    # -- invariants ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Every account holds the whole units of its real amount; sums are issuance."""
        chain, ledger = self.chain, self.ledger
        held = [(self.token.asset, self.tao_places, self.tao_held())]
        assert ledger.supply(self.token.asset) == chain.issuance // self.scale, (
            "TAO issued and TAO that exists"
        )
        for slot in chain.slots.tolist() if chain.has_alpha else ():
            real = self.alpha_held(slot)
            outside = real[1:].sum()
            assert int(real[0] + outside) == int(chain.alpha_issued[slot]), f"alpha of {chain.names[slot]}"
            held.append((self.asset(slot), self._accounts(slot)[0], real))
        for asset, places, real in held:
            wrong = ledger.accounts(asset).balances[places] != real // self.scale
            assert not wrong.any(), f"{asset} of account {places[wrong][:3]} is not what the chain holds"
