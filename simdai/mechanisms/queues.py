"""Waiting in line: the Erlang C formula of several servers with one queue.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math

from simdai.mechanisms._domain import at_least, non_negative, positive

__all__ = ["erlang_c", "queue_wait"]


def erlang_c(servers: int, load: float) -> float:
    """Probability that a customer of an M/M/c queue waits.

    Parameters
    ----------
    servers : int, 1 or above
    load : float, arrival rate over the rate of one server; 1 where it reaches ``servers``

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Source: Erlang (1917); recursion B(k) = a B(k-1) / (k + a B(k-1)).
    """
    at_least(1, servers=servers)
    non_negative(load=load)
    if load >= servers:
        return 1.0
    blocking = 1.0
    for k in range(1, servers + 1):
        blocking = load * blocking / (k + load * blocking)
    return blocking / (1 - load / servers * (1 - blocking))


def queue_wait(arrivals: float, service: float, servers: int) -> float:
    """Mean wait before service of an M/M/c queue, in the unit of time of the rates.

    C / (c mu - lambda) with C of `erlang_c`; infinite where arrivals reach what the servers can do.

    Parameters
    ----------
    arrivals : float, lambda, zero or above
    service : float, mu, of one server, above zero
    servers : int, c, 1 or above

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(arrivals=arrivals)
    positive(service=service)
    spare = servers * service - arrivals
    return erlang_c(servers, arrivals / service) / spare if spare > 0 else math.inf
