"""Ocean's fixed-rate exchange at work: datatokens are bought and ordered, and everybody gets a part."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from simdai.economy.actors import World
from simdai.economy.contract_account import ContractAccount
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.data_market import FixedRateSwap, fixed_rate_swap, order_datatoken_split
from simdai.networks.ocean_rules import Exchange

__all__ = ["DataExchange", "Fees"]

WEI = 10**18


class Fees(NamedTuple):
    """Shares of a swap at 1e18 scale: of the community, and of the markets of publishing and consuming."""

    community: int
    publish: int
    consume: int

    @property
    def on_top(self) -> float:
        """What a buyer pays over the rate, as a share of it."""
        return sum(self) / WEI


swap = lru_cache(maxsize=4096)(fixed_rate_swap)  # the same few prices are asked for again and again


class DataExchange:
    """Buys datatokens and spends them on orders, to the wei.

    The community's part of an order is a part of the datatoken; it sells it back at the same rate. Accounts
    in the token: ``NAME.exchange``, ``NAME.community``, ``NAME.market`` (the marketplaces).
    """

    def __init__(self, rules: Exchange, token: TokenMarket, world: World, name: str) -> None:
        self.rules, self.token, self.world = rules, token, world
        self.account = ContractAccount(world.ledger, token.asset, f"{name}.exchange", world.scale, 18)
        self.community, self.market = f"{name}.community", f"{name}.market"
        for account in (self.community, self.market):
            world.ledger.open(account, token.asset)
        self.fees = Fees(
            *(round(f * WEI) for f in (rules.community_fee, rules.publish_fee, rules.consume_fee))
        )
        self._order_fee = round(order_datatoken_split(1.0, rules.order_fee).community * WEI)

    def cost(self, rate: int, n: int, fees: Fees | None = None) -> int:
        """Wei that ``n`` datatokens cost at a rate, fees included; those of data assets without ``fees``."""
        return swap(n * WEI, rate, *(fees or self.fees), "buy").total

    def lost(self, rate: int, n: int, fees: Fees | None = None) -> int:
        """Wei that somebody loses who orders ``n`` datatokens of its own."""
        bought, returned = self._swaps(rate, n, fees or self.fees)
        return bought.total - bought.base + returned.base

    def _swaps(self, rate: int, n: int, fees: Fees) -> tuple[FixedRateSwap, FixedRateSwap]:
        """The purchase of ``n`` datatokens, and the community's sale of its part of their orders."""
        bought = swap(n * WEI, rate, *fees, "buy")
        if not self._order_fee:
            return bought, FixedRateSwap(0, 0, 0, 0, 0)
        return bought, swap(n * self._order_fee, rate, *fees, "sell")

    def affordable(self, wei: int, wallet: str) -> bool:
        """Whether a wallet holds ``wei``."""
        needed = int(self.account.in_units(wei)) + 2
        return self.world.ledger.balance(self.token.asset, wallet) >= needed

    def provide(self, wei: int, wallet: str, contract: ContractAccount) -> bool:
        """Buy what a wallet lacks to pay ``wei`` into a contract; False where the market does not give it."""
        needed = int(contract.in_units(wei)) + 2
        missing = needed - self.world.ledger.balance(self.token.asset, wallet)
        self.token.acquire(missing, WORLD, wallet)
        return self.world.ledger.balance(self.token.asset, wallet) >= needed

    def order(
        self,
        rate: int,
        n: int,
        payer: str,
        receiver: int | None,
        contract: ContractAccount | None = None,
        fees: Fees | None = None,
    ) -> tuple[int, int]:
        """Buy and spend ``n`` datatokens; returns wei booked at the rate, and what is left for the owner.

        Parameters
        ----------
        receiver : place of the owner's account; None leaves the owner's part in the contract
        contract : that takes the money; the exchange's own without
        fees : those of data assets without
        """
        account = contract or self.account
        bought, returned = self._swaps(rate, n, fees or self.fees)
        account.take(bought.total, payer)
        kept = bought.base - returned.base
        account.give(bought.community + returned.total + returned.community, self.community)
        account.give(bought.publish + bought.consume + returned.publish + returned.consume, self.market)
        if receiver is not None:
            account.give(kept, receiver)
        return bought.base, kept
