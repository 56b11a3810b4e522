"""Balances of one asset in plain Python: the definition of the compiled accounts."""

from __future__ import annotations

from operator import index
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = 2**63 - 1
MOST_ACCOUNTS = 2**31 - 2  # the kernel names them in 32 bits


def whole_numbers(values: ArrayLike) -> NDArray[np.int64]:
    """(n,) int64 of whole numbers; a single number gives (1,).

    Raises
    ------
    TypeError : they are not whole numbers; nothing is rounded here
    OverflowError : one does not fit in 64 bits
    """
    if isinstance(values, np.ndarray) and values.dtype == np.int64 and values.ndim == 1:
        return np.ascontiguousarray(values)
    given = np.atleast_1d(np.asarray(values))
    if given.ndim > 1:
        raise ValueError(f"expected (n,) numbers, got shape {given.shape}")
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(f"amounts and accounts are whole numbers of 64 bits, got {given.dtype}")
    if given.dtype.kind == "u" and given.size and given.max() > LARGEST:
        raise OverflowError(f"{given.max()} does not fit in 64 bits")
    return np.ascontiguousarray(given, dtype=np.int64)


def one_each(values: ArrayLike, n: int) -> NDArray[np.int64]:
    """(n,) whole numbers, of n or of one for all."""
    given = whole_numbers(values)
    if len(given) == 1:
        return np.full(n, given[0])
    return given if len(given) == n else np.ascontiguousarray(np.broadcast_to(given, n))


class Accounts:
    """Integer balances of one asset, exact and overflow-checked.

    At all times ``total() + burned - minted == 0``. Only accounts that ``allow_negative`` named may fall
    below zero.
    """

    def __init__(self, n: SupportsIndex = 0) -> None:
        self._balances: list[int] = []
        self._negative: set[int] = set()
        self._minted = self._burned = 0
        self.add(n)

    def __len__(self) -> int:
        return len(self._balances)

    @property
    def minted(self) -> int:
        """Base units created so far."""
        return self._minted

    @property
    def burned(self) -> int:
        """Base units destroyed so far."""
        return self._burned

    def add(self, n: SupportsIndex = 1) -> int:
        """Open ``n`` accounts; returns the index of the first."""
        n, first = index(n), len(self._balances)
        if not 0 <= n <= MOST_ACCOUNTS - first:
            raise ValueError(f"cannot open {n} accounts")
        self._balances.extend([0] * n)
        return first

    def allow_negative(self, account: SupportsIndex) -> None:
        """Let ``account`` fall below zero."""
        self._negative.add(self._index(account))

    def transfer(self, amount: SupportsIndex, source: SupportsIndex, target: SupportsIndex) -> None:
        """Move ``amount`` base units.

        Raises
        ------
        ValueError : the amount is negative, or ``source`` holds less
        OverflowError : a balance would leave int64
        IndexError : there is no such account
        TypeError : an amount or an account is not a whole number
        """
        s, t, units = self._index(source), self._index(target), self._amount(amount)
        if s == t:
            return
        self._take(units, s)
        try:
            self._give(units, t)
        except OverflowError:
            self._balances[s] += units
            raise

    def transfer_many(self, amounts: ArrayLike, sources: ArrayLike, targets: ArrayLike) -> int:
        """Move (n,) ``amounts`` in order; returns the place of the first that cannot be moved, else -1.

        Parameters
        ----------
        amounts : (n,) int; sources, targets : (n,) int, or one int for all
        """
        values = whole_numbers(amounts)
        rows = [one_each(column, len(values)) for column in (values, sources, targets)]
        for place, row in enumerate(zip(*(column.tolist() for column in rows), strict=True)):
            try:
                self.transfer(*row)
            except (ValueError, OverflowError, IndexError):
                return place
        return -1

    def mint(self, amount: SupportsIndex, target: SupportsIndex) -> None:
        """Create ``amount`` base units on ``target``."""
        t, units = self._index(target), self._amount(amount)
        self._give(units, t)
        self._minted += units

    def burn(self, amount: SupportsIndex, source: SupportsIndex) -> None:
        """Destroy ``amount`` base units of ``source``."""
        s, units = self._index(source), self._amount(amount)
        self._take(units, s)
        self._burned += units

    def balance(self, account: SupportsIndex) -> int:
        """Base units that ``account`` holds."""
        return self._balances[self._index(account)]

    @property
    def balances(self) -> NDArray[np.int64]:
        """(n,) int64 balances now."""
        return np.array(self._balances, dtype=np.int64)

    def total(self) -> int:
        """Sum of all balances."""
        return sum(self._balances)

    def _index(self, account: SupportsIndex) -> int:
        i = index(account)
        if not 0 <= i < len(self._balances):
            raise IndexError(f"no account {i}; there are {len(self._balances)}")
        return i

    def _amount(self, amount: SupportsIndex) -> int:
        units = index(amount)
        if units < 0:
            raise ValueError(f"an amount must be >= 0, got {units}")
        if units > LARGEST:
            raise OverflowError(f"{units} base units do not fit in 64 bits")
        return units

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
