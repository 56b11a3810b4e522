"""How nodes exchange their updates at the end of a round: in a ring, through an aggregator, all with all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from simdai.mechanisms.low_communication import (
    compression_factor,
    gather_sync_time_s,
    payload_bits,
    ring_sync_time_s,
    star_sync_time_s,
)
from simdai.registry import Configured
from simdai.units import Quantity

__all__ = ["Gather", "Links", "Payload", "Ring", "Star", "Sync"]

Floats = NDArray[np.float64]


class Payload(Configured):
    """What one entry of an update takes, see `compression_factor`.

    Parameters
    ----------
    bits : of a sent value
    density : share of entries that are sent
    index_bits : that say which entry it is
    """

    bits: Annotated[float, Quantity("bit", low=0.0), Gt(0.0)]
    density: Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)] = 1.0
    index_bits: Annotated[float, Quantity("bit", low=0.0)] = 0.0

    @property
    def kappa(self) -> float:
        """Dense bits over sent bits."""
        return compression_factor(bits_sent=self.bits, density=self.density, index_bits=self.index_bits)

    def size(self, params: float) -> float:
        """Bits of one update of a model."""
        return payload_bits(params, self.kappa)


@dataclass(frozen=True)
class Links:
    """What replicas send, and over what.

    Parameters
    ----------
    bits : (n,) that each node of a replica sends
    up, down : (n,) bit/s of its slowest node
    latency : (n,) s, one way
    """

    bits: Floats
    up: Floats
    down: Floats
    latency: Floats


class Sync(Configured, family="sync"):
    """The topology of an exchange; every round lasts as long as its slowest replica needs."""

    knows_size: ClassVar[bool] = True
    """Whether the time depends on the number of replicas."""

    def of(self, bits: float, replicas: int, up: float, down: float, latency: float) -> float:
        """Seconds that an exchange takes if all links were these."""
        raise NotImplementedError

    def each(self, links: Links, replicas: int) -> Floats:
        """(n,) seconds that an exchange among ``replicas`` would take over the links of each replica."""
        ways = zip(
            links.bits.tolist(), links.up.tolist(), links.down.tolist(), links.latency.tolist(), strict=True
        )
        return np.array([self.of(bits, replicas, up, down, latency) for bits, up, down, latency in ways])


class Ring(Sync, kind="ring"):
    """All-reduce around a ring; partial sums must stay as small as one update (dense payloads)."""

    def of(self, bits: float, replicas: int, up: float, down: float, latency: float) -> float:
        return ring_sync_time_s(bits, replicas, min(up, down), latency)


class Star(Sync, kind="star"):
    """Through one aggregator that returns a compressed sum.

    Parameters
    ----------
    store : time that the aggregator needs
    """

    knows_size: ClassVar[bool] = False

    store: Annotated[float, Quantity("s", low=0.0)] = 0.0

    def of(self, bits: float, replicas: int, up: float, down: float, latency: float) -> float:
        return star_sync_time_s(bits, up, down, latency, self.store)


class Gather(Sync, kind="gather"):
    """Every node fetches every update."""

    def of(self, bits: float, replicas: int, up: float, down: float, latency: float) -> float:
        return gather_sync_time_s(bits, replicas, up, down, latency)
