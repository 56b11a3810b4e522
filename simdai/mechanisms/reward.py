"""How an epoch's tokens are shared among providers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.rounding import largest_remainder
from simdai.registry import Configured
from simdai.units import NonNegative, Share, UsdPerGpuHour

__all__ = [
    "Availability",
    "CappedByFees",
    "EpochWork",
    "Mixed",
    "NoReward",
    "ProRataStake",
    "ProRataWork",
    "Reward",
    "ScoredWork",
    "UsdTarget",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EpochWork:
    """What each of n providers did in an epoch.

    Parameters
    ----------
    gpu_hours : (n,) GPU-hours of jobs completed, in hours of a speed-1 device
    value_usd : (n,) USD that customers paid for them
    online_hours : (n,) GPU-hours online, in hours of a speed-1 device
    stake : (n,) tokens locked; None where the network asks for none
    failures : (n,) jobs that failed; None where they are not counted
    """

    gpu_hours: Floats
    value_usd: Floats
    online_hours: Floats
    stake: Floats | None = None
    failures: Floats | None = None

    @classmethod
    def joined(cls, parts: Sequence[EpochWork]) -> EpochWork:
        """The work of several groups of providers as one."""
        joined: dict[str, Any] = {}
        for column in fields(cls):
            values = [getattr(part, column.name) for part in parts]
            joined[column.name] = None if any(v is None for v in values) else np.concatenate(values)
        return cls(**joined)

    @property
    def idle_hours(self) -> Floats:
        """(n,) GPU-hours online without completed work, never negative."""
        idle: Floats = np.maximum(self.online_hours - self.gpu_hours, 0.0)
        return idle


class Reward(Configured, family="reward"):
    """Shares out a pool of tokens; what is not paid stays in the pool."""

    needs_stake: ClassVar[bool] = False
    """Whether the rule reads what providers have locked."""
    counts_failures: ClassVar[bool] = False
    """Whether the rule reads how often providers failed."""

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        """Base units for each provider, in sum at most ``pool``.

        Parameters
        ----------
        pool : base units that may be paid
        work : of the epoch
        units_per_usd : base units of the token that a USD buys at the price in force
        """
        raise NotImplementedError


class NoReward(Reward, kind="none"):
    """Providers get no tokens."""

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        return np.zeros(len(work.gpu_hours), dtype=np.int64)


class ProRataWork(Reward, kind="pro_rata_work"):
    """The whole pool, in proportion to completed work; nothing in an epoch without work.

    Parameters
    ----------
    by_value : weigh work by what was paid for it instead of by GPU-hours
    """

    by_value: bool = False

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        return largest_remainder(pool, work.value_usd if self.by_value else work.gpu_hours)


class Availability(Reward, kind="availability"):
    """The whole pool, in proportion to GPU-hours online, hired or not.

    Parameters
    ----------
    idle_only : count only the hours that were not hired
    """

    idle_only: bool = False

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        return largest_remainder(pool, work.idle_hours if self.idle_only else work.online_hours)


class Mixed(Reward, kind="mixed"):
    """One part of the pool by completed work, the rest by GPU-hours online.

    Parameters
    ----------
    work_share : of the pool
    """

    work_share: Share

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        by_work, by_time = largest_remainder(pool, [self.work_share, 1.0 - self.work_share]).tolist()
        return largest_remainder(by_work, work.gpu_hours) + largest_remainder(by_time, work.online_hours)


class ProRataStake(Reward, kind="pro_rata_stake"):
    """The whole pool, in proportion to stake times GPU-hours online: those who lock more earn more."""

    needs_stake: ClassVar[bool] = True

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        assert work.stake is not None
        return largest_remainder(pool, work.stake * work.online_hours)


class ScoredWork(Reward, kind="scored_work"):
    """The whole pool, by completed work, less for those who failed.

    Parameters
    ----------
    penalty : share by which each job that failed in the epoch lowers what the work counts
    """

    counts_failures: ClassVar[bool] = True

    penalty: Share

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        assert work.failures is not None
        return largest_remainder(pool, work.gpu_hours * (1.0 - self.penalty) ** work.failures)


class CappedByFees(Reward, kind="capped_by_fees"):
    """By what customers paid for completed work, at most a number of tokens for each USD of it.

    Whoever pays for his own work to collect rewards earns nothing while the cap is worth less than what the
    network takes of a payment.

    Parameters
    ----------
    usd_per_usd : USD of tokens, at the price in force, for each USD paid
    """

    usd_per_usd: NonNegative

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        wanted = int(self.usd_per_usd * float(work.value_usd.sum()) * units_per_usd)
        return largest_remainder(min(pool, wanted), work.value_usd)


class UsdTarget(Reward, kind="usd_target"):
    """Tokens worth a fixed USD rate for every GPU-hour online, pro rata when the pool does not suffice.

    Parameters
    ----------
    usd_per_gpu_hour : on a speed-1 device; others in proportion to their speed
    """

    usd_per_gpu_hour: UsdPerGpuHour

    def amounts(self, pool: int, work: EpochWork, units_per_usd: float) -> NDArray[np.int64]:
        wanted = int(self.usd_per_gpu_hour * float(work.online_hours.sum()) * units_per_usd)
        return largest_remainder(min(pool, wanted), work.online_hours)
