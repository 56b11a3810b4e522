"""Who holds what: every holding of every asset, in whole base units, conserved exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import LedgerError, unknown
from simdai.kernel import Accounts
from simdai.mechanisms.rounding import largest_remainder

__all__ = ["DECIMALS", "WORLD", "Block", "Ledger"]

WORLD = "world"
DUST = "dust"

DECIMALS = {"USD": 6, "BTC": 8, "IO": 8, "RENDER": 8, "TAO": 9, "AKT": 6}
"""Decimals of the assets that the model knows by name: micro-USD, satoshi, 1e-8 IO and RENDER, rao, uakt."""

_LARGEST_PRECISE = 18  # decimals of whole wei


@dataclass
class Block:
    """A growing row of accounts of one asset, ``name[0]``, ``name[1]``, …; ``indices`` are their places."""

    name: str
    asset: str
    indices: NDArray[np.int64]
    accounts: Accounts

    def __len__(self) -> int:
        return len(self.indices)

    def extend(self, n: int) -> NDArray[np.int64]:
        """Open ``n`` more accounts; returns their (n,) places."""
        first = self.accounts.add(n)
        new = np.arange(first, first + n, dtype=np.int64)
        self.indices = np.concatenate([self.indices, new])
        return new


@dataclass
class _Asset:
    decimals: int
    wei_decimals: int
    accounts: Accounts = field(default_factory=Accounts)
    names: dict[str, int] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    dust_wei: int = 0  # what is owed to the dust account, below one base unit


class Ledger:
    """All accounts of a world.

    Amounts are integers of base units (micro-USD, satoshi, …). `transfer` is the only way to move value,
    `mint` and `burn` are the only ways to create and destroy it, so for each asset the sum of all balances,
    plus what was burned, less what was minted is zero at all times. Only the account ``world`` may fall below
    zero, and only in USD: it is everybody outside the model.

    Accounts are named by text; `Block` gives populations a row of accounts ``name[i]``. A whole number is
    taken as the place of an account, as the market kernel does.
    """

    def __init__(self) -> None:
        self._assets: dict[str, _Asset] = {}
        self.declare("USD")
        self.accounts("USD").allow_negative(self.open(WORLD))

    # -- assets and accounts ---------------------------------------------------------------------------------

    def declare(self, asset: str, decimals: int | None = None, wei_decimals: int | None = None) -> None:
        """Add an asset.

        Parameters
        ----------
        asset : its symbol
        decimals : of a base unit; known by name for USD, BTC, IO, RENDER, TAO and AKT, else required
        wei_decimals : decimals in which the asset's rules compute, when finer (18 for most Ethereum tokens);
            see `mint_wei` and `transfer_wei`

        Raises
        ------
        LedgerError : declared before, or decimals missing or outside 0 .. 18
        """
        if asset in self._assets:
            raise LedgerError(f"asset {asset!r} is declared already; give each token a symbol of its own")
        if decimals is None:
            if asset not in DECIMALS:
                raise LedgerError(
                    f"asset {asset!r} needs its decimals; known by name: {', '.join(sorted(DECIMALS))}"
                )
            decimals = DECIMALS[asset]
        finer = decimals if wei_decimals is None else wei_decimals
        if not 0 <= decimals <= finer <= _LARGEST_PRECISE:
            raise LedgerError(f"asset {asset!r}: decimals must satisfy 0 <= {decimals} <= {finer} <= 18")
        self._assets[asset] = _Asset(decimals, finer)

    @property
    def assets(self) -> tuple[str, ...]:
        """Symbols of all assets, in the order declared."""
        return tuple(self._assets)

    def decimals(self, asset: str) -> int:
        """Decimals of a base unit of ``asset``."""
        return self._asset(asset).decimals

    def accounts(self, asset: str) -> Accounts:
        """The kernel's account array of ``asset``, which is this ledger's own."""
        return self._asset(asset).accounts

    def open(self, name: str, asset: str = "USD") -> int:
        """Open the account ``name``, or find it; returns its place."""
        book = self._asset(asset)
        if name not in book.names:
            if "[" in name:
                raise LedgerError(f"account {name!r}: brackets belong to blocks of accounts")
            book.names[name] = book.accounts.add()
        return book.names[name]

    def block(self, name: str, asset: str = "USD", n: int = 0) -> Block:
        """Open a row of ``n`` accounts ``name[0]`` … that can grow."""
        book = self._asset(asset)
        if name in book.blocks:
            raise LedgerError(f"the block of accounts {name!r} exists already in {asset}")
        block = Block(name, asset, np.empty(0, dtype=np.int64), book.accounts)
        block.extend(n)
        book.blocks[name] = block
        return block

    # -- value -----------------------------------------------------------------------------------------------

    def transfer(self, amount: int, asset: str, source: str | int, target: str | int) -> None:
        """Move ``amount`` base units of ``asset`` from ``source`` to ``target``.

        Raises
        ------
        LedgerError : negative amount, unknown asset or account, or ``source`` holds less
        """
        book = self._asset(asset)
        try:
            book.accounts.transfer(amount, self._place(book, asset, source), self._place(book, asset, target))
        except (ValueError, OverflowError, IndexError, TypeError) as error:
            raise self._refused("transfer", amount, asset, source, target, error) from None

    def mint(self, amount: int, asset: str, target: str | int) -> None:
        """Create ``amount`` base units of ``asset`` on ``target``."""
        book = self._asset(asset)
        try:
            book.accounts.mint(amount, self._place(book, asset, target))
        except (ValueError, OverflowError, IndexError, TypeError) as error:
            raise self._refused("mint", amount, asset, None, target, error) from None

    def burn(self, amount: int, asset: str, source: str | int) -> None:
        """Destroy ``amount`` base units of ``asset`` that ``source`` holds."""
        book = self._asset(asset)
        try:
            book.accounts.burn(amount, self._place(book, asset, source))
        except (ValueError, OverflowError, IndexError, TypeError) as error:
            raise self._refused("burn", amount, asset, source, None, error) from None

    def pay_out(
        self, amounts: NDArray[np.int64], asset: str, source: str | int, targets: NDArray[np.int64]
    ) -> None:
        """Transfer (n,) ``amounts`` from one account to (n,) places, in order; zeros are skipped."""
        paid = amounts.nonzero()[0]
        if not len(paid):
            return
        amounts, targets = amounts[paid], targets[paid]
        book = self._asset(asset)
        stopped = book.accounts.transfer_many(amounts, self._place(book, asset, source), targets)
        if stopped >= 0:  # raises what is wrong with it
            self.transfer(int(amounts[stopped]), asset, source, int(targets[stopped]))

    def collect(
        self, amounts: NDArray[np.int64], asset: str, sources: NDArray[np.int64], target: str | int
    ) -> None:
        """Transfer (n,) ``amounts`` from (n,) places to one account, in order; zeros are skipped."""
        paid = amounts.nonzero()[0]
        if not len(paid):
            return
        amounts, sources = amounts[paid], sources[paid]
        book = self._asset(asset)
        stopped = book.accounts.transfer_many(amounts, sources, self._place(book, asset, target))
        if stopped >= 0:  # raises what is wrong with it
            self.transfer(int(amounts[stopped]), asset, int(sources[stopped]), target)

    def split(self, amount: int, weights: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
        """Share ``amount`` by `largest_remainder`: exact, ties by index."""
        return largest_remainder(amount, weights)

    # -- tokens whose rules compute in wei -------------------------------------------------------------------

    def mint_wei(self, wei: int, asset: str, target: str | int) -> int:
        """Create ``wei`` of a finely divided token: whole base units on ``target``, the rest kept as dust.

        The remainders add up; each time they make a base unit it is minted to the account ``dust``. Returns
        the base units that ``target`` got.
        """
        units, dust, owed = self._whole_units(wei, asset)
        self.mint(units, asset, target)
        if dust:
            self.mint(dust, asset, self.open(DUST, asset))
        self._asset(asset).dust_wei = owed
        return units

    def transfer_wei(self, wei: int, asset: str, source: str | int, target: str | int) -> int:
        """Move ``wei`` of a finely divided token: whole base units reach ``target``, the rest is dust.

        Each time the remainders make a base unit, ``source`` pays it to the account ``dust``. Returns the
        base units that ``target`` got.
        """
        units, dust, owed = self._whole_units(wei, asset)
        if dust:
            self.transfer(dust, asset, source, self.open(DUST, asset))
        try:
            self.transfer(units, asset, source, target)
        except LedgerError:
            if dust:
                self.transfer(dust, asset, DUST, source)
            raise
        self._asset(asset).dust_wei = owed
        return units

    def _whole_units(self, wei: int, asset: str) -> tuple[int, int, int]:
        """Base units of ``wei``, base units of dust that fall due with it, wei still owed after it."""
        book = self._asset(asset)
        if wei < 0:
            raise LedgerError(f"an amount must be >= 0, got {wei} wei of {asset}")
        unit = 10 ** (book.wei_decimals - book.decimals)
        units, remainder = divmod(wei, unit)
        return (units, *divmod(book.dust_wei + remainder, unit))

    def dust_wei(self, asset: str) -> int:
        """Wei owed to the dust account that do not yet make a base unit."""
        return self._asset(asset).dust_wei

    # -- reading ---------------------------------------------------------------------------------------------

    def balance(self, asset: str, account: str | int) -> int:
        """Base units of ``asset`` that ``account`` holds."""
        book = self._asset(asset)
        return book.accounts.balance(self._place(book, asset, account))

    def holding(self, asset: str, account: str | int) -> float:
        """What ``account`` holds, in whole USD or tokens."""
        return self.to_float(self.balance(asset, account), asset)

    def supply(self, asset: str) -> int:
        """Base units that exist: minted less burned."""
        accounts = self.accounts(asset)
        return accounts.minted - accounts.burned

    def to_float(self, units: int, asset: str) -> float:
        """Base units as USD or tokens, the nearest float."""
        return units / int(10 ** self._asset(asset).decimals)

    def to_units(self, amount: float, asset: str) -> int:
        """USD or tokens as the nearest whole number of base units, halves to even.

        The product is exact, so a float is rounded once.
        """
        return round(Fraction(amount) * int(10 ** self._asset(asset).decimals))

    def imbalance(self, asset: str) -> int:
        """Sum of balances + burned - minted, in base units: zero unless the ledger leaks."""
        accounts = self.accounts(asset)
        return accounts.total() + accounts.burned - accounts.minted

    def check(self) -> None:
        """Raise `LedgerError` unless every asset balances exactly."""
        for asset in self._assets:
            leak = self.imbalance(asset)
            if leak:
                raise LedgerError(f"{asset} does not balance: {leak} base units appeared from nowhere")

    # -- inside ----------------------------------------------------------------------------------------------

    def _asset(self, asset: str) -> _Asset:
        try:
            return self._assets[asset]
        except KeyError:
            raise LedgerError(unknown("asset", asset, self._assets)) from None

    def _place(self, book: _Asset, asset: str, account: str | int) -> int:
        if not isinstance(account, str):
            return account
        place = book.names.get(account)
        if place is not None:
            return place
        name, bracket, rest = account.partition("[")
        if bracket and name in book.blocks and rest[:-1].isdigit() and rest.endswith("]"):
            position = int(rest[:-1])
            if position < len(book.blocks[name]):
                return int(book.blocks[name].indices[position])
            raise LedgerError(f"account {account!r}: the block holds {len(book.blocks[name])} accounts")
        raise LedgerError(
            unknown(f"{asset} account", account, [*book.names, *(f"{b}[0]" for b in book.blocks)])
        )

    def _name(self, book: _Asset, account: str | int) -> str:
        if isinstance(account, str):
            return account
        for name, place in book.names.items():
            if place == account:
                return name
        for block in book.blocks.values():
            found = np.flatnonzero(block.indices == account)
            if len(found):
                return f"{block.name}[{found[0]}]"
        return f"account {account}"

    def _refused(
        self,
        what: str,
        amount: int,
        asset: str,
        source: str | int | None,
        target: str | int | None,
        error: Exception,
    ) -> LedgerError:
        book = self._asset(asset)
        shown = f"{amount / 10**book.decimals:g} {asset}" if isinstance(amount, int) else repr(amount)
        ends = [
            f"{word} {self._name(book, account)!r}"
            for word, account in (("from", source), ("to", target))
            if account is not None
        ]
        text = f"{what} of {shown} {' '.join(ends)}: "
        if source is not None and isinstance(error, ValueError) and isinstance(amount, int) and amount >= 0:
            place = self._place(book, asset, source)
            text += (
                f"{self._name(book, source)!r} holds {book.accounts.balance(place) / 10**book.decimals:g}. "
                "Give it an endowment in the scenario, or let it pay less"
            )
        else:
            text += str(error)
        return LedgerError(text)
