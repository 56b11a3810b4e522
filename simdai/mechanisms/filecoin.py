"""Filecoin's block rewards: one stream by time, one by the capacity the network has."""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from simdai.mechanisms._domain import finite, non_negative, positive
from simdai.mechanisms._exact import amounts

__all__ = [
    "filecoin_baseline",
    "filecoin_baseline_reward",
    "filecoin_effective_time",
    "filecoin_simple_reward",
]

EPOCHS_PER_YEAR = 1_051_200  # of 30 s
ATTO = 10**18

_PRECISION = Context(prec=60)  # the chain works with 128 binary digits after the point
_DECAY = _PRECISION.divide(Decimal(2).ln(_PRECISION), Decimal(6 * EPOCHS_PER_YEAR))


def filecoin_simple_reward(epoch: int, total_fil: int = 330_000_000) -> int:
    """Atto-FIL of the time-driven stream in one epoch of 30 s, rounded down.

    total x (e^L - 1) x e^(-L epoch), L = ln 2 / (6 x 1,051,200): a half-life of six years. In 60 digits,
    since the difference cancels seven. Raises ValueError for a negative epoch or total. Source:
    filecoin-project/builtin-actors@b0a3bdd6 (2026-07-21) actors/reward/src/logic.rs, compute_reward.
    """
    (epoch,) = amounts(epoch=epoch)
    non_negative(total_fil=total_fil)
    with localcontext(_PRECISION):
        return math.floor(Decimal(total_fil) * ATTO * (_DECAY.exp() - 1) * (-_DECAY * epoch).exp())


def filecoin_baseline_reward(
    theta0: float | Fraction, theta1: float | Fraction, total_fil: int = 770_000_000
) -> int:
    """Atto-FIL of the capacity-driven stream between two effective times, in epochs, rounded down.

    total x (e^(-L theta0) - e^(-L theta1)) with the L of `filecoin_simple_reward`. The chain rounds once, on
    the sum of both streams. Raises ValueError when time runs backwards or is negative. Source:
    builtin-actors@b0a3bdd6 (2026-07-21) actors/reward/src/logic.rs, compute_baseline_supply.
    """
    non_negative(theta0=float(theta0), total_fil=total_fil)
    if not theta1 >= theta0:
        raise ValueError(f"theta1 = {theta1!r}: must not be before theta0 = {theta0!r}")
    with localcontext(_PRECISION):
        left = (-_DECAY * _decimal(theta0)).exp() - (-_DECAY * _decimal(theta1)).exp()
        return math.floor(Decimal(total_fil) * ATTO * left)


def _decimal(number: float | Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator if isinstance(number, Fraction) else Decimal(number)


def filecoin_effective_time(epoch: int, baseline: int, cum_realized: int, cum_baseline: int) -> float:
    """Fractional effective network time in epochs.

    ``epoch`` is its ceiling and ``baseline`` the baseline there, bytes. epoch - (cumulative baseline -
    cumulative realised) / baseline, both sums in byte-epochs and up to ``epoch``; 0 at epoch 0. Raises
    ValueError for a negative epoch, a baseline not above zero, or sums that would put the time past
    ``epoch``. Source: builtin-actors@b0a3bdd6 (2026-07-21) actors/reward/src/logic.rs, compute_r_theta.
    """
    epoch, baseline, cum_realized, cum_baseline = amounts(
        epoch=epoch, baseline=baseline, cum_realized=cum_realized, cum_baseline=cum_baseline
    )
    positive(baseline=baseline)
    if epoch == 0:
        return 0.0
    if cum_realized > cum_baseline:
        raise ValueError(f"cum_realized = {cum_realized}: must not exceed cum_baseline = {cum_baseline}")
    return float(epoch - Fraction(cum_baseline - cum_realized, baseline))


def filecoin_baseline(start: float, epochs: float) -> float:
    """Baseline capacity ``epochs`` later, bytes: it doubles in a year of 1,051,200 epochs.

    Mainnet started at 2,888,888,880,000,000,000 bytes; the chain steps by a factor of 128 binary digits,
    rounding down each epoch, which stays within 1e-8 of this. Raises ValueError for a negative start. Source:
    builtin-actors@b0a3bdd6 (2026-07-21) actors/reward/src/logic.rs, BASELINE_EXPONENT.
    """
    non_negative(start=start)
    finite(epochs=epochs)
    return start * math.exp2(epochs / EPOCHS_PER_YEAR)
