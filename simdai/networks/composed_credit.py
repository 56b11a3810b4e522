"""Credit fixed in USD that a composed network pays its providers with, and the vault of tokens behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.compute_network import MICRO, Paid, Rows, divided
from simdai.economy.providers import Providers
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.pay import StableCredit
from simdai.networks.composed_attacks import Claimant

__all__ = ["CreditVault"]

Ints = NDArray[np.int64]


class CreditVault:
    """Credit outstanding and the tokens that back it.

    Accounts: ``NAME.vault`` in tokens; in the asset ``NAME.credit``, one USD each, a block
    ``NAME.credit.POPULATION`` for each population and an account for each attacker whom the network rewards.
    """

    def __init__(
        self,
        rules: StableCredit,
        world: World,
        name: str,
        token: TokenMarket,
        populations: Mapping[str, Providers],
    ) -> None:
        self.rules, self.world, self.token, self.populations = rules, world, token, populations
        self.account, self.asset = f"{name}.vault", f"{name}.credit"
        world.ledger.open(self.account, token.asset)
        world.ledger.declare(self.asset, 6)
        world.ledger.open(self.account, self.asset)
        self.blocks = {p: world.ledger.block(f"{name}.credit.{p}", self.asset) for p in populations}
        self.foreign: dict[int, Claimant] = {}
        """Attackers who have been paid credit, by their account."""
        self.earned = 0
        """Micro-USD that this epoch's work earns; nobody holds them yet."""
        self.redeemed = self.minted = 0
        """Micro-USD redeemed since the start, and base units minted for what the vault lacked."""
        self.short_share = 0.0
        """Greatest share of what was due at once that the vault did not hold."""
        self.lowest_ratio = self.lowest_value = math.nan
        """Least collateral ratio before or after a redemption; least USD that a USD redeemed brought."""

    @property
    def locked(self) -> int:
        """Base units in the vault."""
        return self.world.ledger.balance(self.token.asset, self.account)

    @property
    def outstanding(self) -> float:
        """USD of credit that has not been redeemed, simulated."""
        return (self.earned + self.world.ledger.supply(self.asset)) / MICRO

    @property
    def ratio(self) -> float:
        """Value of the vault's tokens over the credit outstanding; nan without any."""
        owed = self.outstanding
        return self.locked / self.token.units_per_usd / owed if owed else math.nan

    def pay(self, rows: list[Rows], claimants: list[Claimant], value_usd: NDArray[np.float64]) -> list[Paid]:
        """Pay what the epoch has earned in proportion to the work; returns the credit of providers.

        Parameters
        ----------
        value_usd : (n,) worth of the work of all rows, then of the claimants
        """
        ledger, n = self.world.ledger, sum(len(k) for _, k in rows)
        amounts = ledger.split(self.earned, value_usd)
        self.earned = 0
        ledger.mint(int(amounts.sum()), self.asset, self.account)
        paid = divided(amounts[:n], rows)
        for (population, k, part), (p, block) in zip(paid, self.blocks.items(), strict=True):
            assert population is self.populations[p]
            block.extend(len(population.book.alive) - len(block))
            ledger.pay_out(part, self.asset, self.account, block.indices[k])
        for attacker, amount in zip(claimants, amounts[n:].tolist(), strict=True):
            if amount:
                account = ledger.open(attacker.account, self.asset)
                self.foreign[account] = attacker
                ledger.transfer(amount, self.asset, self.account, account)
        return paid

    def redeem(self, share: float) -> tuple[list[Paid], list[Paid], int]:
        """Redeem a share of all credit at today's price, in proportion where the vault cannot pay in full.

        Who has left the network, and attackers, redeem all they hold. What is not paid is lost.

        Returns
        -------
        (tokens that providers have got, tokens that they have not got, micro-USD that providers redeemed)
        """
        ledger, token = self.world.ledger, self.token
        self._see()
        balances = ledger.accounts(self.asset).balances
        asked: list[Paid] = []
        for p, population in self.populations.items():
            accounts = self.blocks[p].indices
            held, alive = balances[accounts], population.book.alive[: len(accounts)]
            usd = np.where(alive, np.floor(held * share).astype(np.int64), held)
            k = usd.nonzero()[0]
            asked.append((population, k, usd[k]))
            ledger.collect(usd, self.asset, accounts, self.account)
        own = sum(int(usd.sum()) for _, _, usd in asked)
        strangers = list(self.foreign)
        theirs = np.array(balances[strangers] if strangers else [], dtype=np.int64)
        ledger.collect(theirs, self.asset, np.array(strangers, dtype=np.int64), self.account)
        ledger.burn(ledger.balance(self.asset, self.account), self.asset, self.account)
        credit = np.concatenate([*(usd for _, _, usd in asked), theirs])
        due = np.floor(credit / MICRO * token.units_per_usd).astype(np.int64)
        paid = self._paid(due)
        self.redeemed += int(credit.sum())
        rows = [(population, k) for population, k, _ in asked]
        n = sum(len(k) for _, k in rows)
        got = divided(paid[:n], rows)
        for population, k, tokens in got:
            ledger.pay_out(tokens, token.asset, self.account, population.book.token_account[k])
        for account, tokens in zip(strangers, paid[n:].tolist(), strict=True):
            self.foreign[account].receive(tokens, self.account)
        self._see()
        return got, divided((due - paid)[:n], rows), own

    def _paid(self, due: Ints) -> Ints:
        """(n,) base units that are paid of those due; what is minted for it is in the vault."""
        total, held = int(due.sum()), self.locked
        if not total:
            return due
        new = self.rules.created(total, held)
        self.world.ledger.mint(new, self.token.asset, self.account)
        self.minted += new
        self.short_share = max(self.short_share, 1.0 - held / total)
        there = min(held + new, total)
        self.value(there / total)
        return due if there == total else self.world.ledger.split(there, due)

    def value(self, usd: float) -> None:
        """Take note of what a USD of credit has brought."""
        self.lowest_value = float(np.fmin(self.lowest_value, usd))

    def _see(self) -> None:
        self.lowest_ratio = float(np.fmin(self.lowest_ratio, self.ratio))
