"""Balances of one asset in plain Python: the definition of the compiled accounts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**63 - 1


class Accounts:
    """Integer balances of one asset, exact and overflow-checked.

    At all times ``total() + burned - minted == 0``. Only accounts that ``allow_negative`` named may fall below zero.
    """

    def __init__(self, n: int = 0) -> None:
        self._balances: list[int] = [0] * n
        self._negative: set[int] = set()
        self.minted = 0
        self.burned = 0

    def __len__(self) -> int:
        return len(self._balances)

    def add(self, n: int = 1) -> int:
        """Open ``n`` accounts; returns the index of the first."""
        if n < 0:
            raise ValueError(f"cannot open {n} accounts")
        first = len(self._balances)
        self._balances.extend([0] * n)
        return first

    def allow_negative(self, account: int) -> None:
        """Let ``account`` fall below zero."""
        self._check(account)
        self._negative.add(account)

    def transfer(self, amount: int, source: int, target: int) -> None:
        """Move ``amount`` base units.

        Raises
        ------
        ValueError : the amount is negative, or ``source`` holds less
        OverflowError : a balance would leave int64
        IndexError : there is no such account
        """
        self._check(source), self._check(target)
        self._amount(amount)
        if source == target:
            return
        self._take(amount, source)
        try:
            self._give(amount, target)
        except OverflowError:
            self._balances[source] += amount
            raise

    def mint(self, amount: int, target: int) -> None:
        """Create ``amount`` base units on ``target``."""
        self._check(target)
        self._amount(amount)
        self._give(amount, target)
        self.minted += amount

    def burn(self, amount: int, source: int) -> None:
        """Destroy ``amount`` base units of ``source``."""
        self._check(source)
        self._amount(amount)
        self._take(amount, source)
        self.burned += amount

    def balance(self, account: int) -> int:
        """Base units that ``account`` holds."""
        self._check(account)
        return self._balances[account]

    @property
    def balances(self) -> NDArray[np.int64]:
        """(n,) int64 balances now."""
        return np.array(self._balances, dtype=np.int64)

    def total(self) -> int:
        """Sum of all balances."""
        return sum(self._balances)

    def _check(self, account: int) -> None:
        if not 0 <= account < len(self._balances):
            raise IndexError(f"no account {account}; there are {len(self._balances)}")

    def _amount(self, amount: int) -> None:
        if amount < 0:
            raise ValueError(f"an amount must be >= 0, got {amount}")
        if amount > LARGEST:
            raise OverflowError(f"{amount} base units do not fit in 64 bits")

    def _take(self, amount: int, source: int) -> None:
        left = self._balances[source] - amount
        if left < 0 and source not in self._negative:
            raise ValueError(f"account {source} holds {self._balances[source]}, less than {amount}")
        if left < -LARGEST:
            raise OverflowError(f"the balance of account {source} would leave 64 bits")
        self._balances[source] = left

    def _give(self, amount: int, target: int) -> None:
        if self._balances[target] + amount > LARGEST:
            raise OverflowError(f"the balance of account {target} would leave 64 bits")
        self._balances[target] += amount
