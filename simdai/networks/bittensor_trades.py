"""A step's trades on Bittensor: what is earned and sold, swapped to root, moved, bought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.rounding import pro_rata_rows
from simdai.networks.bittensor_payday import Wages
from simdai.networks.bittensor_stakers import Orders
from simdai.networks.bittensor_subnet import INDEPENDENT
from simdai.networks.bittensor_validators import FIRST_VALIDATOR

if TYPE_CHECKING:
    from simdai.networks.bittensor_network import BittensorNetwork

__all__ = ["Sales", "Trades"]

Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Sales:
    """What goes to the pools, rao of alpha.

    Parameters
    ----------
    roles : (s, r) of miners, validators and owners; it is taken from them already
    claims : (s, h) earned on root
    orders : (s, h) of holders
    """

    roles: Ints
    claims: Ints
    orders: Ints


class Trades:
    """Trades of one network; one sale and one purchase of all people together in each pool and step."""

    def __init__(self, network: BittensorNetwork) -> None:
        self.network, self.chain, self.books = network, network.chain, network.books

    # -- wages -----------------------------------------------------------------------------------------------

    def hand_out(self, wages: Wages) -> Sales:
        """Put wages on their receivers' keys, and take from there what they sell."""
        network, chain = self.network, self.chain
        roles = np.zeros_like(chain.estate)
        first = FIRST_VALIDATOR + chain.validators
        sold = np.where(chain.keeper[:, first:] == INDEPENDENT, network.rules.miners.sold, 1.0)
        parts = np.floor(wages.miners * sold).astype(np.int64)
        chain.stake[:, first:] += wages.miners - parts
        for role in range(roles.shape[1]):
            roles[:, role] = np.where(chain.keeper[:, first:] == role, parts, 0).sum(axis=1)
        roles += chain.estate
        chain.estate[:] = 0
        for v, role in enumerate(network.electorate.roles.tolist()):
            take = np.floor(wages.take[:, v] * network.electorate.sold[v]).astype(np.int64)
            chain.alpha[:, v] -= take
            roles[:, role] += take
        for slot in chain.slots.tolist():
            cut = int(wages.owners[slot] * chain.terms(slot).owner_sold)
            chain.owner[slot] += wages.owners[slot] - cut
            roles[slot, network.owner_roles[slot]] += cut
        for g, grant in enumerate(network.grants):
            roles[:, grant.role] += wages.grants[:, g]
        claims = wages.claims.copy()
        kept = np.zeros_like(claims)
        kept[:, network.portfolios.first :] = np.where(
            network.portfolios.swaps, 0, claims[:, network.portfolios.first :]
        )
        chain.alpha += kept
        return Sales(roles, claims - kept, np.zeros_like(claims))

    def hand_out_tao(self, wages: Wages) -> None:
        """Before there is alpha: TAO to those who sell it, validators' take and dividends stay on root."""
        network, chain, purse = self.network, self.chain, self.books.purse
        first = FIRST_VALIDATOR + chain.validators
        for role in range(len(purse)):
            purse[role] += int(np.where(chain.keeper[:, first:] == role, wages.miners, 0).sum())
        for v, role in enumerate(network.electorate.roles.tolist()):
            take = int(np.floor(wages.take[:, v].sum() * network.electorate.sold[v]))
            chain.root[v] -= take
            purse[role] += take
        for slot in chain.slots.tolist():
            purse[network.owner_roles[slot]] += int(wages.owners[slot])
        for g, grant in enumerate(network.grants):
            purse[grant.role] += int(wages.grants[:, g].sum())

    # -- pools -----------------------------------------------------------------------------------------------

    def sell(self, sales: Sales) -> None:
        """Sell alpha of everybody, at one price in each pool."""
        chain, purse = self.chain, self.books.purse
        chain.alpha -= sales.orders
        offered = np.column_stack([sales.roles, sales.claims.sum(axis=1), sales.orders.sum(axis=1)])
        paid, out = np.zeros((2, len(offered)), dtype=np.int64)
        for slot in np.flatnonzero(offered.any(axis=1)).tolist():
            trade = chain.sell(slot, int(offered[slot].sum()), from_root=int(offered[slot, -2]))
            paid[slot], out[slot] = trade.paid, trade.out
        if (paid < offered.sum(axis=1)).any():
            taken = pro_rata_rows(paid, offered)
            self._give_back(sales, offered - taken)
            offered = taken
        shares = pro_rata_rows(out, offered)
        purse += shares[:, :-2].sum(axis=0)
        chain.root += pro_rata_rows(shares[:, -2], sales.claims).sum(axis=0)
        chain.wallet += pro_rata_rows(shares[:, -1], sales.orders).sum(axis=0)

    def _give_back(self, sales: Sales, unsold: Ints) -> None:
        """Pools did not take everything: the rest is its sellers' again."""
        chain = self.chain
        chain.estate += unsold[:, :-2]
        chain.alpha += pro_rata_rows(unsold[:, -2], sales.claims) + pro_rata_rows(unsold[:, -1], sales.orders)

    def move(self, orders: Orders, idle: Ints) -> None:
        """Buy what holders want, with what they sold, then with what they have on root; the rest goes there.

        Parameters
        ----------
        idle : (h,) TAO that they want to keep at hand
        """
        chain = self.chain
        wanted = orders.buy.sum(axis=0)
        means = np.maximum(chain.wallet - idle, 0) + chain.root
        share = np.minimum(means / np.maximum(wanted, 1), 1.0)
        buy = np.floor(orders.buy * share).astype(np.int64)
        paid, out = np.zeros((2, len(buy)), dtype=np.int64)
        for slot in np.flatnonzero(buy.any(axis=1)).tolist():
            trade = chain.buy(slot, int(buy[slot].sum()))
            paid[slot], out[slot] = trade.paid, trade.out
        buy = pro_rata_rows(paid, buy)
        chain.alpha += pro_rata_rows(out, buy)
        chain.wallet -= buy.sum(axis=0)
        mine = slice(self.network.portfolios.first, None)
        moved = np.maximum(chain.wallet - idle, -chain.root)[mine]
        chain.root[mine] += moved
        chain.wallet[mine] -= moved

    def buy_back(self, slot: int, tao: int, role: int) -> None:
        """Buy alpha with TAO of a role; it is destroyed."""
        trade = self.chain.buy(slot, tao)
        self.books.purse[role] -= trade.paid
        self.chain.recycle_alpha(slot, trade.out)
