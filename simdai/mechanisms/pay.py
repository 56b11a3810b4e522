"""Where a customer's payment goes: to the provider in USD, to the operator, into burned or locked tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from pydantic import model_validator

from simdai.mechanisms.rounding import largest_remainder
from simdai.registry import Configured
from simdai.units import Share

__all__ = ["Burn", "Buyback", "FeeSplit", "Pay", "StableCredit", "UsdDirect"]


@dataclass(frozen=True)
class FeeSplit:
    """Parts of what the network took [micro-USD].

    Parameters
    ----------
    operator : kept in USD by whoever runs the network
    burn : buys tokens on the market, which are burned
    vault : buys tokens on the market, which back the credit that providers redeem
    """

    operator: int = 0
    burn: int = 0
    vault: int = 0


class Pay(Configured, family="pay"):
    """Splits a payment; the parts of a USD are shares that add up to one."""

    @property
    def take_rate(self) -> float:
        """Share of a payment that goes through the network; the rest reaches the provider at once, in USD."""
        raise NotImplementedError

    @property
    def provider_share(self) -> float:
        """Share of a payment that the provider gets for it, in USD or in credit; rewards come on top."""
        return 1.0 - self.take_rate

    def split(self, fees: int) -> FeeSplit:
        """Divide what the network took, ``fees`` micro-USD, exactly."""
        raise NotImplementedError

    def credit(self, locked: int) -> int:
        """Micro-USD of credit that providers earn when ``locked`` micro-USD of tokens went into the vault."""
        return 0


def _split(fees: int, operator: float, burn: float, vault: float) -> FeeSplit:
    return FeeSplit(*largest_remainder(fees, [operator, burn, vault]).tolist())


class UsdDirect(Pay, kind="usd_direct"):
    """The provider gets USD; the operator keeps a fee.

    Parameters
    ----------
    operator_fee : share of the payment
    """

    operator_fee: Share = 0.0

    @property
    def take_rate(self) -> float:
        return self.operator_fee

    def split(self, fees: int) -> FeeSplit:
        return FeeSplit(operator=fees)


class Burn(Pay, kind="burn"):
    """Burn and mint: the payment less a fee buys tokens that are burned; providers live on rewards alone.

    Parameters
    ----------
    operator_fee : share of the payment kept in USD
    """

    operator_fee: Share = 0.0

    @property
    def take_rate(self) -> float:
        return 1.0

    def split(self, fees: int) -> FeeSplit:
        return _split(fees, self.operator_fee, 1.0 - self.operator_fee, 0.0)


class Buyback(Pay, kind="buyback"):
    """The provider gets USD; a share of the network's fee buys tokens that are burned.

    Parameters
    ----------
    fee : share of the payment
    burn_share : share of the fee
    """

    fee: Share
    burn_share: Share = 1.0

    @property
    def take_rate(self) -> float:
        return self.fee

    def split(self, fees: int) -> FeeSplit:
        return _split(fees, 1.0 - self.burn_share, self.burn_share, 0.0)


class StableCredit(Pay, kind="stable_credit"):
    """Tokens bought with a payment back credit fixed in USD, redeemed for tokens at a later price.

    Parameters
    ----------
    operator_fee : share of the payment kept in USD
    spread : share of the credit that the vault keeps
    minted : share of what the vault then lacks that is minted; the rest is not paid
    """

    operator_fee: Share = 0.0
    spread: Share = 0.0
    minted: Share = 1.0

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.operator_fee + self.spread > 1.0:
            raise ValueError("operator_fee and spread together exceed 1")
        return self

    @property
    def take_rate(self) -> float:
        return 1.0

    @property
    def provider_share(self) -> float:
        return (1.0 - self.operator_fee) * (1.0 - self.spread)

    def split(self, fees: int) -> FeeSplit:
        return _split(fees, self.operator_fee, 0.0, 1.0 - self.operator_fee)

    def credit(self, locked: int) -> int:
        return locked - round(locked * self.spread)

    def created(self, due: int, vault: int) -> int:
        """Base units minted for a redemption of ``due`` base units out of a vault of ``vault``."""
        return math.floor(max(due - vault, 0) * Fraction(self.minted))
