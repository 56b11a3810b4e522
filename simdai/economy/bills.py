"""What one owes another: real USD, which the ledger moves in whole simulated units where there is money."""

from __future__ import annotations

from simdai.economy.actors import World
from simdai.economy.ledger import WORLD

__all__ = ["Bill"]

MICRO = 10**6


class Bill:
    """A debt that grows and is settled.

    What cannot be paid, and what is below one simulated base unit, stays owed.

    Parameters
    ----------
    payer, payee : accounts in USD; only ``world`` can always pay
    """

    def __init__(self, world: World, payer: str, payee: str) -> None:
        self._world, self.payer, self.payee = world, payer, payee
        for account in (payer, payee):
            world.ledger.open(account)
        self.owed = 0.0
        """Real USD that are due and not paid."""
        self.paid = 0.0
        """Real USD paid since the start."""

    def add(self, usd: float) -> None:
        """Owe ``usd`` real USD more; less where it is negative, but never below zero."""
        self.owed = max(self.owed + usd, 0.0)

    def settle(self) -> float:
        """Pay what is owed, as far as the payer holds it; returns the real USD paid."""
        ledger, unit = self._world.ledger, self._world.scale / MICRO
        amount = int(self.owed / unit)
        if self.payer != WORLD:
            amount = min(amount, ledger.balance("USD", self.payer))
        ledger.transfer(amount, "USD", self.payer, self.payee)
        paid = amount * unit
        self.owed = max(self.owed - paid, 0.0)
        self.paid += paid
        return paid
