"""Customers of Akash as holders of credit: what they buy, hold in lease escrows, and redeem in a run."""

from __future__ import annotations

import math

from simdai.economy.actors import World
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.choice import smooth
from simdai.networks.akash_rules import Tenants
from simdai.networks.akash_vault import ACT, CreditVault, Request

__all__ = ["TenantCredit"]

MICRO = 10**6


class TenantCredit:
    """All customers together.

    Accounts: ``NAME.tenants`` (USD and AKT on their way into credit) and ``NAME.deposits`` (credit in the
    escrows of leases). What they spend beyond what the market charged comes from the world.
    """

    def __init__(
        self, rules: Tenants, world: World, name: str, token: TokenMarket, vault: CreditVault | None
    ) -> None:
        self.rules, self.world, self.token, self.vault = rules, world, token, vault
        self.account, self.deposits = f"{name}.tenants", f"{name}.deposits"
        for asset in ("USD", token.asset):
            world.ledger.open(self.account, asset)
        if vault is not None:
            world.ledger.open(self.deposits, ACT)
        self.trust = 1.0
        """Share of the usual credit that they hold; a run lowers it."""
        self.spending = rules.spending / world.scale
        """USD a day, average."""
        self.topped_up = self.lost = 0  # micro-USD: brought from outside; lost by conversion

    def note_spending(self, usd: float, days: float) -> None:
        """Take in what was spent over ``days``."""
        self.spending = smooth(self.spending, usd / days, days, self.rules.memory)

    def buy(self, unsettled: int) -> None:
        """Buy the AKT for what deposits lack to the usual holding and ``unsettled`` micro-USD of debts."""
        assert self.vault is not None
        ledger, token = self.world.ledger, self.token
        wanted = round(self.rules.prepaid * self.spending * self.trust * MICRO) + unsettled
        akt = ledger.balance(token.asset, self.account) + self.vault.pending("mint", self)
        coming = akt / token.units_per_usd * MICRO
        spread = self.vault.rules.mint_spread
        lacking = (wanted - ledger.balance(ACT, self.deposits)) / (1.0 - spread) - coming
        need = max(math.ceil(lacking), 0)
        more = max(need - ledger.balance("USD", self.account), 0)
        ledger.transfer(more, "USD", WORLD, self.account)
        self.topped_up += more
        token.buy(need, self.account, self.account)

    def request(self) -> None:
        """Ask for credit for all AKT at hand; what is refused waits for the next time."""
        assert self.vault is not None
        akt = self.world.ledger.balance(self.token.asset, self.account)
        self.vault.request(Request("mint", akt, self.account, self.deposits, self))

    def run(self, share: float) -> None:
        """Redeem a share of the deposits, and hold so much less from now on."""
        assert self.vault is not None
        self.trust = 1.0 - share
        held = math.floor(self.world.ledger.balance(ACT, self.deposits) * share)
        self.vault.request(Request("redeem", held, self.deposits, self.account, self))

    def executed(self, request: Request, received: int) -> None:
        """Take stock of a request, at the market's price of AKT; AKT that come back are sold."""
        if received == 0:
            return
        if request.side == "mint":
            self.lost += round(request.amount / self.token.units_per_usd * MICRO) - received
        else:
            self.lost += request.amount - self.token.sell(received, self.account, WORLD)
