"""Who pays in and out of Bittensor: customers, those who buy UIDs, and those who sell their TAO."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simdai.economy.ledger import WORLD
from simdai.mechanisms.rounding import largest_remainder
from simdai.networks.bittensor_rules import RAO
from simdai.networks.bittensor_subnet import INDEPENDENT, OWNERS

if TYPE_CHECKING:
    from simdai.networks.bittensor_network import BittensorNetwork

__all__ = ["Payments"]

MICRO = 10**6
SLIPPAGE = 0.01  # that a newcomer allows for when it buys the TAO for its UID


class Payments:
    """The money of one network's people."""

    def __init__(self, network: BittensorNetwork) -> None:
        self.network, self.world = network, network.world

    def take(self) -> None:
        """Customers pay owners, who buy back alpha with a part."""
        network, ledger, chain = self.network, self.world.ledger, self.network.chain
        role = network.roles[OWNERS]
        paid = np.zeros(len(chain.alive))
        for users in network.users:
            for slot, usd in users.payments(network.rules.step).items():
                paid[slot] += usd
        network.revenue_of[:] = paid / network.rules.step
        network.revenue_usd += float(paid.sum())
        amount = round(float(paid.sum()) / self.world.scale * MICRO)
        ledger.transfer(amount, "USD", WORLD, role.account)
        network.token.note_fees(amount / MICRO, network.rules.step)
        shares = np.array([0.0 if terms is None else terms.buyback for terms in chain.types]) * paid
        spent = min(round(float(shares.sum()) / self.world.scale * MICRO), amount)
        if spent and chain.has_alpha and network.foundation["blocks"]:
            tao = network.books.buy_for_purse(OWNERS, spent, role.account)
            for slot, part in enumerate(largest_remainder(tao, shares).tolist()):
                if part:
                    network.trades.buy_back(slot, part, OWNERS)
        ledger.transfer(ledger.balance("USD", role.account), "USD", role.account, WORLD)

    def sell_purses(self) -> None:
        """Roles sell their TAO for USD."""
        network, ledger = self.network, self.world.ledger
        for place, role in enumerate(network.roles):
            if role.sells:
                role.received += network.books.sell_purse(place, role.account)
            if role.passes_on:
                ledger.transfer(ledger.balance("USD", role.account), "USD", role.account, WORLD)

    def pay_for_uid(self, slot: int, rao: int, role: int) -> bool:
        """Take the price of a UID out of a role's TAO; independent miners bring it from outside."""
        network, chain, purse = self.network, self.network.chain, self.network.books.purse
        if purse[role] < rao and role == INDEPENDENT:
            missing = (rao - int(purse[role])) / RAO * network.token.price / self.world.scale
            usd = int(missing * MICRO * (1.0 + SLIPPAGE)) + 1
            self.world.ledger.transfer(usd, "USD", WORLD, network.roles[role].account)
            network.books.buy_for_purse(role, usd, network.roles[role].account)
        if purse[role] < rao:
            return False
        if not chain.has_alpha:
            purse[role] -= rao
            chain.issuance -= rao
            return True
        trade = chain.buy(slot, rao)
        purse[role] -= trade.paid
        chain.recycle_alpha(slot, trade.out)
        return True
