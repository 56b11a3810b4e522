"""The ledger account of a contract whose rules count in real base units."""

from __future__ import annotations

from fractions import Fraction

from simdai.economy.ledger import Ledger

__all__ = ["ContractAccount"]


class ContractAccount:
    """What a contract holds: exact in its rules' integers, in whole simulated base units on the ledger.

    One base unit of the ledger stands for ``scale * 10^(wei_decimals - decimals)`` of the contract's. With
    each counterparty the contract settles in whole ledger units and keeps what is left below one as its
    credit, so that what somebody has got is what it was owed since the start, rounded down once. At scale 1
    and equal decimals nothing is left and both sides are equal.

    Parameters
    ----------
    asset, account : of the ledger; the account is opened
    scale : real units that one simulated unit stands for
    wei_decimals : decimals in which the contract counts; those of the asset without
    """

    def __init__(
        self, ledger: Ledger, asset: str, account: str, scale: float, wei_decimals: int | None = None
    ) -> None:
        self.ledger, self.asset, self.account = ledger, asset, account
        ledger.open(account, asset)
        finer = 0 if wei_decimals is None else wei_decimals - ledger.decimals(asset)
        per = Fraction(scale) * int(10**finer)
        self._unit, self._part = per.numerator, per.denominator
        self.held = 0
        """Base units of the contract that it holds for its users."""
        self._credit: dict[int, int] = {}  # by place, in parts of a contract unit: below one ledger unit

    def in_units(self, amount: int) -> float:
        """Ledger base units, unrounded, that ``amount`` of the contract's stand for."""
        return amount * self._part / self._unit

    def of_units(self, units: int) -> int:
        """The contract's base units, rounded down, that ``units`` of the ledger's stand for."""
        return units * self._unit // self._part

    def take(self, amount: int, source: str | int) -> None:
        """Take ``amount`` of the contract's base units from ``source``: the ledger units that are missing."""
        if not amount:
            return
        place = self._place(source)
        credit = self._credit.get(place, 0) - amount * self._part
        units = max(-(credit // self._unit), 0)
        self.ledger.transfer(units, self.asset, place, self.account)
        self._credit[place] = credit + units * self._unit
        self.held += amount

    def take_units(self, units: int, source: str | int) -> int:
        """Take whole ledger units from ``source``; returns the contract's base units that they are."""
        amount = self.of_units(units)
        place = self._place(source)
        self.ledger.transfer(units, self.asset, place, self.account)
        left = units * self._unit - amount * self._part
        self._credit[place] = self._credit.get(place, 0) + left
        self.held += amount
        return amount

    def give(self, amount: int, target: str | int) -> int:
        """Pay ``amount`` of the contract's base units to ``target``; returns the ledger units that it got."""
        if not amount:
            return 0
        place = self._place(target)
        units, credit = divmod(self._credit.get(place, 0) + amount * self._part, self._unit)
        self.ledger.transfer(units, self.asset, self.account, place)
        self._credit[place] = credit
        self.held -= amount
        return units

    def check(self) -> None:
        """Assert that the ledger shows what the contract holds and what is left with its counterparties."""
        shown = self.ledger.balance(self.asset, self.account) * self._unit
        due = self.held * self._part + sum(self._credit.values())
        assert shown == due, f"{self.account} shows {shown} of {self.asset}, its contract counts {due}"

    def _place(self, account: str | int) -> int:
        return self.ledger.open(account, self.asset) if isinstance(account, str) else account
