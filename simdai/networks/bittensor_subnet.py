"""A subnet of Bittensor as others see it, and who shares in its miners' incentive without being scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simdai.networks.bittensor_network import BittensorNetwork

__all__ = ["INDEPENDENT", "OWNERS", "VALIDATORS", "Grant", "Role", "Subnet"]

INDEPENDENT, VALIDATORS, OWNERS = range(3)  # roles that every network has: miners on their own account first


@dataclass
class Role:
    """Somebody whose alpha is sold as soon as it is earned, and whose TAO is sold at the end of the step.

    Parameters
    ----------
    account : of the ledger that gets the USD
    passes_on : whether the USD leaves the model at once: owners take home what is left after costs
    sells : whether the TAO is sold; else it is kept
    received : real USD since the start
    """

    account: str
    passes_on: bool
    sells: bool = True
    received: float = 0.0


@dataclass
class Grant:
    """A part of the miners' incentive of a subnet that goes to somebody who works for it as a whole.

    Parameters
    ----------
    subnet : its name
    share : of the incentive of its miners
    role : who gets it
    """

    subnet: Subnet
    share: float
    role: int

    def share_of(self, slot: int) -> float:
        """The share in a slot."""
        return self.share if self.subnet.alive and self.subnet.slot == slot else 0.0


class Subnet:
    """A subnet by name; it stays readable after the network has removed it.

    Parameters
    ----------
    slot : place in the chain's arrays
    domain : what its miners work on
    """

    def __init__(self, network: BittensorNetwork, name: str, slot: int, domain: str) -> None:
        self._network, self.name, self.slot, self.domain = network, name, slot, domain

    @property
    def alive(self) -> bool:
        """Whether it still has its place."""
        return self._network.chain.names[self.slot] == self.name

    @property
    def price(self) -> float:
        """USD per alpha at the margin; 0 without a pool."""
        return float(self._network.chain.prices[self.slot]) * self._network.token.price if self.alive else 0.0

    @property
    def emission_usd_per_day(self) -> float:
        """Real USD a day that the subnet's miners share, at the prices of now: its bounty for good work."""
        return float(self._network.pool_usd[self.slot]) if self.alive else 0.0

    @property
    def quality_index(self) -> float:
        """Quality of its miners by their shares in the incentive; 1 is a middling one at full effort."""
        return float(self._network.quality[self.slot]) if self.alive else 0.0

    def fund(self, account: str, share: float) -> Grant:
        """Let the USD account ``account`` have a share of the miners' incentive from the next step on.

        The alpha is sold in the subnet's pool and its TAO on the market at the end of every step. The share
        of the grant returned may be changed; 0 ends it.

        Raises
        ------
        ValueError : shares of one subnet above 1
        """
        return self._network.grant(self, account, share)
