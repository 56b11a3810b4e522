"""What leaves a data set that is only computed on: three channels of compute-to-data.

Access control is not secrecy: what returns to the consumer carries bits, what is answered tells about its
members, and whoever runs the machine can read it.
"""

from __future__ import annotations

import math

from simdai.mechanisms._domain import non_negative, positive, unit_interval

__all__ = ["exfiltrated_share", "membership_advantage", "seen_share"]


def exfiltrated_share(jobs: float, output_bits: float, dataset_bits: float) -> float:
    """Largest share of a data set that its jobs' outputs can carry away, when algorithms encode it.

    No output of n bits can hold more than n bits of the data (Shannon 1948): ``min(1, jobs x output /
    dataset)``. Raises ValueError for a negative amount or a data set without bits.
    """
    non_negative(jobs=jobs, output_bits=output_bits)
    positive(dataset_bits=dataset_bits)
    return min(jobs * output_bits / dataset_bits, 1.0)


def membership_advantage(jobs: float, epsilon: float) -> float:
    """Bound on how well an observer of all outputs tells members of the data set from others.

    True positives less false positives, at most ``(e^E - 1) / (e^E + 1)`` with E = jobs x epsilon, when each
    output is epsilon-differentially private (composition adds up: Dwork and Roth 2014, theorem 3.16; bound:
    Humphries et al., arXiv 2010.12112). Raises ValueError for a negative argument.
    """
    non_negative(jobs=jobs, epsilon=epsilon)
    return math.tanh(jobs * epsilon / 2.0)


def seen_share(jobs: float, colluding: float) -> float:
    """Chance that at least one of the jobs ran on a machine whose operator reads along.

    ``1 - (1 - colluding)^jobs``. Raises ValueError for a share outside [0, 1] or a negative number of jobs.
    """
    non_negative(jobs=jobs)
    unit_interval(colluding=colluding)
    return 1.0 - math.pow(1.0 - colluding, jobs)
