"""What both sides of a rental pay io.net."""

from __future__ import annotations

from itertools import product

from simdai.mechanisms.block_rewards import ionet_fees
from simdai.registry import Configured
from simdai.units import Share

__all__ = ["Fees"]


class Fees(Configured):
    """What both sides pay.

    Parameters
    ----------
    reservation : share of the compute cost, each side
    usdc : share more for a side that deals in USDC
    paid_in_usdc : share of renters' payments in USDC; the rest is paid in IO
    withdrawn_in_usdc : share of suppliers' pay that they take in USDC; the rest they take in IO
    """

    reservation: Share
    usdc: Share
    paid_in_usdc: Share
    withdrawn_in_usdc: Share

    def of(self, compute: float) -> dict[str, float]:
        """Mean of `ionet_fees` on a compute cost over those who deal in USDC and in IO."""
        total = {"renter_pays": 0.0, "supplier_gets": 0.0, "network_keeps": 0.0}
        for paid, withdrawn in product((True, False), repeat=2):
            weight = self.paid_in_usdc if paid else 1.0 - self.paid_in_usdc
            weight *= self.withdrawn_in_usdc if withdrawn else 1.0 - self.withdrawn_in_usdc
            for name, amount in ionet_fees(compute, paid, withdrawn, self.reservation, self.usdc).items():
                total[name] += weight * amount
        return total
