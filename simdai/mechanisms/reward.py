"""How an epoch's tokens are shared among providers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.rounding import largest_remainder
from simdai.registry import Configured
from simdai.units import Share, UsdPerGpuHour

__all__ = ["Availability", "EpochWork", "Mixed", "NoReward", "ProRataWork", "Reward", "UsdTarget"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EpochWork:
    """What each of n providers did in an epoch.

    Parameters
    ----------
    gpu_hours : (n,) GPU-hours of jobs completed, in hours of a speed-1 device
    value_usd : (n,) USD that customers paid for them
    online_hours : (n,) GPU-hours online, in hours of a speed-1 device
    """

    gpu_hours: Floats
    value_usd: Floats
    online_hours: Floats

    @classmethod
    def joined(cls, parts: Sequence[EpochWork]) -> EpochWork:
        """The work of several groups of providers as one."""
        columns = ("gpu_hours", "value_usd", "online_hours")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))

    @property
    def idle_hours(self) -> Floats:
        """(n,) GPU-hours online without completed work, never negative."""
        idle: Floats = np.maximum(self.online_hours - self.gpu_hours, 0.0)
        return idle


class Reward(Configured, family="reward"):
    """Shares out a pool of tokens; what is not paid stays in the pool."""

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
