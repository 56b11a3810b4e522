"""Runs on large clusters: interruptions, checkpoints, wall time and what a run costs.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import non_negative, positive, unit_interval

__all__ = [
    "DAYS_PER_YEAR",
    "HOURS_PER_YEAR",
    "Completion",
    "checkpoint_interval_s",
    "cluster_mtbf",
    "completion",
    "failure_domain",
    "goodput",
    "gpu_failure_rate",
    "implied_mfu",
    "interruption_rate",
    "longest_run_years",
    "mtbf_from_rate",
    "mtbf_hours",
    "run_cost_usd",
    "run_days",
    "run_energy_usd",
    "volunteer_availability",
]

HOURS_PER_DAY = 24.0
SECONDS_PER_DAY = 86_400.0
DAYS_PER_YEAR = 365.25
HOURS_PER_YEAR = HOURS_PER_DAY * DAYS_PER_YEAR


def mtbf_hours(days: float, interruptions: float) -> float:
    """Mean hours between interruptions of a cluster watched for ``days`` days.

    Raises ValueError unless both are above zero. Meta counted 419 unexpected interruptions of Llama 3 405B on
    16,384 H100 in 54 days, a window of the run and not its length: 3.09 h (arXiv:2407.21783, table 5).
    """
    positive(days=days, interruptions=interruptions)
    return days * HOURS_PER_DAY / interruptions


def interruption_rate(days: float, interruptions: float, accelerators: float) -> float:
    """Interruptions per accelerator-year (365.25 days): count / (accelerators x years).

    Raises ValueError unless ``days`` and ``accelerators`` are above zero and the count is not negative.
    """
    positive(days=days, accelerators=accelerators)
    non_negative(interruptions=interruptions)
    return interruptions * DAYS_PER_YEAR / (accelerators * days)


def mtbf_from_rate(accelerators: float, rate_per_year: float) -> float:
    """Mean hours between interruptions of ``accelerators`` that each fail ``rate_per_year`` times a year.

    8766 h / (n rate): independent failures, any of which stops the job. Raises ValueError unless both are
    above zero.
    """
    positive(accelerators=accelerators, rate_per_year=rate_per_year)
    return HOURS_PER_YEAR / (accelerators * rate_per_year)


def gpu_failure_rate(interruptions: float, gpus: float, days: float) -> float:
    """Unplanned interruptions per GPU-hour: count / (GPUs x hours).

    Raises ValueError unless ``gpus`` and ``days`` are above zero and the count is not negative.
    """
    positive(gpus=gpus, days=days)
    non_negative(interruptions=interruptions)
    return interruptions / (gpus * days * HOURS_PER_DAY)


def cluster_mtbf(rate_per_gpu_hour: float, gpus: float) -> float:
    """Mean hours between interruptions of a cluster: 1 / (rate x GPUs).

    Raises ValueError unless both are above zero.
    """
    positive(rate_per_gpu_hour=rate_per_gpu_hour, gpus=gpus)
    return 1.0 / (rate_per_gpu_hour * gpus)


def checkpoint_interval_s(delta_s: float, mtbf_s: float) -> float:
    """Work between two checkpoints that loses least time, first order: sqrt(2 delta M), seconds.

    Parameters
    ----------
    delta_s : float, time to write a checkpoint [s], zero or above
    mtbf_s : float, M, mean time between interruptions [s], above zero

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Good while delta is far below 2 M. Source: Young (1974), Communications of the ACM 17(9).
    """
    non_negative(delta_s=delta_s)
    positive(mtbf_s=mtbf_s)
    return math.sqrt(2.0 * delta_s * mtbf_s)


def goodput(delta_s: float, restart_s: float, mtbf_s: float) -> float:
    """Share of wall time that is useful, at the first-order optimal checkpoint interval.

    tau exp(-R/M) / (M (exp((tau + delta)/M) - 1)) with tau of `checkpoint_interval_s`; exp(-R/M) in the limit
    of free checkpoints.

    Parameters
    ----------
    delta_s : float, time to write a checkpoint [s], zero or above
    restart_s : float, R, time to restart [s], zero or above; interruptions may strike during it
    mtbf_s : float, M, mean time between interruptions [s], above zero

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Exponential times between interruptions, one failure domain, writing blocks the work.
    Source: Daly (2006), Future Generation Computer Systems 22(3), the complete cost function.
    """
    non_negative(restart_s=restart_s)
    tau = checkpoint_interval_s(delta_s, mtbf_s)
    survived = math.exp(-restart_s / mtbf_s)
    if tau == 0:
        return survived
    exponent = (tau + delta_s) / mtbf_s
    # Divided by exp(exponent) above and below, so that a hopeless cluster gives 0 and not an overflow.
    return tau * survived * math.exp(-exponent) / (-mtbf_s * math.expm1(-exponent))


class Completion(NamedTuple):
    """When a run that is interrupted again and again is done.

    Parameters
    ----------
    wall_s : float, from its start to its last checkpoint [s]; infinite where the gaps given do not suffice
    interruptions : int, that struck before
    """

    wall_s: float
    interruptions: int


def completion(
    work_s: float, gaps_s: npt.ArrayLike, checkpoint_s: float, delta_s: float, restart_s: float
) -> Completion:
    """Play a run through its interruptions, one by one.

    Work is kept in pieces of ``checkpoint_s``, each followed by a checkpoint; an interruption loses what came
    since the last one and costs a restart, which can be interrupted too. The last piece may be shorter.

    Parameters
    ----------
    work_s : float, useful time that the run needs [s], above zero
    gaps_s : (n,) float, times between interruptions, the first from the start [s], above zero
    checkpoint_s : float, useful time between two checkpoints [s], above zero
    delta_s, restart_s : float, time to write a checkpoint and to restart [s], zero or above

    Returns
    -------
    wall_s, interruptions : see `Completion`

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    With exponential gaps the mean of ``work_s / wall_s`` tends to `goodput` as the run grows: this is the
    process of which Daly (2006) gives the mean.
    """
    positive(work_s=work_s, checkpoint_s=checkpoint_s)
    non_negative(delta_s=delta_s, restart_s=restart_s)
    gaps = np.asarray(gaps_s, dtype=np.float64)
    needed = math.ceil(work_s / checkpoint_s - 1e-9)
    last = work_s - (needed - 1) * checkpoint_s + delta_s
    piece = checkpoint_s + delta_s
    idle = np.full(gaps.shape, restart_s)
    idle[:1] = 0.0
    done = np.floor(np.maximum(gaps - idle, 0.0) / piece)
    before = np.concatenate([[0.0], np.cumsum(done)[:-1]])
    # What the run would still take in each gap; it ends in the first that is long enough.
    rest = idle + np.maximum(needed - 1 - before, 0.0) * piece + last
    enough = np.flatnonzero(rest <= gaps)
    if enough.size == 0:
        return Completion(math.inf, gaps.size)
    n = int(enough[0])
    return Completion(float(gaps[:n].sum() + rest[n]), n)


def failure_domain(h100e: float, year: float, group_devices: float, oom_per_year: float) -> float:
    """Devices that one failure stalls: the job's devices, but at most one replica group.

    devices = H100e / 10**(oom (year - 2023)): chips grow stronger, so the same compute has fewer of them.

    Parameters
    ----------
    h100e : float, size of the job in H100 equivalents, zero or above
    year : float, calendar year with fraction
    group_devices : float, devices of one independent replica group, above zero
    oom_per_year : float, growth of FLOP/s per device [orders of magnitude a year]

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    A modelling choice: without groups the useful size of a cluster has a maximum.
    """
    non_negative(h100e=h100e)
    positive(group_devices=group_devices)
    return float(min(h100e / 10.0 ** (oom_per_year * (year - 2023.0)), group_devices))


def run_days(flop: float, accelerators: float, peak_flops: float, mfu: float, goodput: float = 1.0) -> float:
    """Wall-clock days of a run: C / (n F MFU G).

    Parameters
    ----------
    flop : float, training compute [FLOP], zero or above
    accelerators : float, n, above zero
    peak_flops : float, F, dense peak of one accelerator [FLOP/s], above zero
    mfu : float, model FLOP utilisation while running, in (0, 1]
    goodput : float, useful share of wall time, in (0, 1]

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(flop=flop)
    positive(accelerators=accelerators, peak_flops=peak_flops, mfu=mfu, goodput=goodput)
    unit_interval(mfu=mfu, goodput=goodput)
    return flop / (accelerators * peak_flops * mfu * goodput) / SECONDS_PER_DAY


def implied_mfu(flop: float, accelerators: float, peak_flops: float, days: float) -> float:
    """Model FLOP utilisation that makes a run last ``days`` wall-clock days: C / (n F T).

    Interruptions are inside the figure. Above 1 the inputs contradict each other; it is returned as it is.
    Raises ValueError unless all but ``flop`` are above zero.
    """
    non_negative(flop=flop)
    positive(accelerators=accelerators, peak_flops=peak_flops, days=days)
    return flop / (accelerators * peak_flops * days * SECONDS_PER_DAY)


def longest_run_years(oom_per_year: float) -> float:
    """Longest sensible run, years: 1 / (g ln 10), g the growth of hardware, spending and algorithms together.

    A longer run is overtaken by one that starts later. Raises ValueError unless above zero. Source: Epoch AI,
    "The longest training run" (2022-08-17).
    """
    positive(oom_per_year=oom_per_year)
    return 1.0 / (oom_per_year * math.log(10.0))


def run_energy_usd(
    accelerators: float, tdp_watts: float, power_fraction: float, pue: float, usd_per_kwh: float, days: float
) -> float:
    """Electricity bill of a run, USD: n x TDP x average fraction x PUE x price x time.

    Parameters
    ----------
    accelerators : float, zero or above
    tdp_watts : float, rated power of one accelerator with its share of the server [W], zero or above
    power_fraction : float, mean draw over rated power, in [0, 1]
    pue : float, power of the site over power of its machines, 1 or above
    usd_per_kwh : float, zero or above
    days : float, wall-clock days, zero or above

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Source: Cottier et al. (2024), arXiv:2405.21015: energy is 2 to 6 % of a frontier run's cost.
    """
    non_negative(accelerators=accelerators, tdp_watts=tdp_watts, usd_per_kwh=usd_per_kwh, days=days)
    unit_interval(power_fraction=power_fraction)
    if not pue >= 1:
        raise ValueError(f"pue = {pue!r}: must be 1 or above")
    kilowatts = accelerators * tdp_watts * power_fraction * pue / 1000.0
    return kilowatts * days * HOURS_PER_DAY * usd_per_kwh


def run_cost_usd(accelerators: float, value_start: float, value_end: float, energy_usd: float) -> float:
    """User cost of a run, USD: the value its chips lose meanwhile, plus energy.

    n (v(a) - v(a + T)) + energy, v the economic value of one accelerator with its server and fabric before
    and after (`simdai.mechanisms.demand.vintage_value`). Staff and failed trials are not in it. Raises
    ValueError for a negative argument or a value that rises.
    """
    non_negative(accelerators=accelerators, value_end=value_end, energy_usd=energy_usd)
    if not value_start >= value_end:
        raise ValueError(f"value_start = {value_start!r}: must be at least value_end = {value_end!r}")
    return accelerators * (value_start - value_end) + energy_usd


def volunteer_availability(on: float, active_given_on: float) -> float:
    """Fraction of time a volunteer host can work: on, and active while on.

    Anderson and Fedak (2006, CCGrid) measured 0.81 on and 0.84 active on 330,000 hosts of SETI@home: 0.68.
    Raises ValueError outside [0, 1].
    """
    unit_interval(on=on, active_given_on=active_given_on)
    return on * active_given_on
