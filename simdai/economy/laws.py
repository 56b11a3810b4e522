"""Distributions of durations, as a scenario names them."""

from __future__ import annotations

import math

from scipy.special import ndtri

from simdai.kernel import Law as KernelLaw
from simdai.registry import Configured
from simdai.units import Positive, PositiveDays

__all__ = ["Deterministic", "Exponential", "Law", "Lognormal", "Never", "Weibull"]


class Law(Configured, family="law"):
    """A distribution of durations; the market kernel draws from it."""

    def kernel(self) -> KernelLaw:
        """The kernel's description of this law."""
        raise NotImplementedError

    def quantile(self, share: float) -> float:
        """Days that a ``share`` in [0, 1) of all durations do not exceed."""
        raise NotImplementedError


class Exponential(Law, kind="exponential"):
    """Without memory.

    Parameters
    ----------
    mean : days
    """

    mean: PositiveDays

    def kernel(self) -> KernelLaw:
        return KernelLaw("exponential", self.mean)

    def quantile(self, share: float) -> float:
        return -self.mean * math.log1p(-share)


class Lognormal(Law, kind="lognormal"):
    """Skewed: many short durations and a few long ones.

    Parameters
    ----------
    mean : days
    sigma : standard deviation of the logarithm
    """

    mean: PositiveDays
    sigma: Positive

    def kernel(self) -> KernelLaw:
        return KernelLaw("lognormal", self.mean, self.sigma)

    def quantile(self, share: float) -> float:
        location = math.log(self.mean) - 0.5 * self.sigma**2
        return math.exp(location + self.sigma * float(ndtri(share + 2.0**-54)))


class Weibull(Law, kind="weibull"):
    """With a hazard that falls (k < 1) or rises (k > 1) with age.

    Parameters
    ----------
    mean : days
    k : shape
    """

    mean: PositiveDays
    k: Positive

    def kernel(self) -> KernelLaw:
        return KernelLaw("weibull", self.mean, self.k)

    def quantile(self, share: float) -> float:
        unit = self.mean / math.gamma(1.0 + 1.0 / self.k)
        return unit * math.pow(-math.log1p(-share), 1.0 / self.k)


class Deterministic(Law, kind="deterministic"):
    """Always the same.

    Parameters
    ----------
    mean : days
    """

    mean: PositiveDays

    def kernel(self) -> KernelLaw:
        return KernelLaw("deterministic", self.mean)

    def quantile(self, share: float) -> float:
        return self.mean


class Never(Law, kind="never"):
    """It does not end."""

    def kernel(self) -> KernelLaw:
        return KernelLaw("never")

    def quantile(self, share: float) -> float:
        return math.inf
