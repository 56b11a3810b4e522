"""Waiting in line: the Erlang C formula of several servers with one queue.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math

from simdai.mechanisms._domain import at_least, non_negative, positive

__all__ = ["backlog_wait", "balking_wait", "erlang_c", "queue_wait"]

HALVINGS = 100  # of an interval: more than a float can tell apart


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


def balking_wait(arrivals: float, service: float, servers: int, patience: float) -> float:
    """Mean wait of an M/M/c queue at rest that exp(-wait / patience) of arrivals join: the w that solves
    w = `queue_wait` (arrivals exp(-w / patience)).

    Parameters
    ----------
    arrivals : float, of those who would join if there were no wait, zero or above
    service, servers : as in `queue_wait`
    patience : float, above zero, in the unit of the wait

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    All who think of joining know the mean wait, not the line in front of them. Source: as `backlog_wait`.
    """
    positive(patience=patience)

    def more(wait: float) -> bool:
        return queue_wait(arrivals * math.exp(-wait / patience), service, servers) > wait

    low, high = 0.0, patience
    while more(high):
        low, high = high, 2.0 * high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if more(middle) else (low, middle)
    return high


def backlog_wait(wait: float, arrivals: float, capacity: float, patience: float, time: float) -> float:
    """Wait behind a backlog after ``time``, where the impatient balk: exp(-wait / patience) of arrivals join.

    With x = exp(wait / patience), dx/dt = (arrivals / capacity - x) / patience: the wait tends to patience
    ln(arrivals / capacity), or to none where capacity suffices.

    Parameters
    ----------
    wait : float, now, zero or above
    arrivals : float, of those who would join if there were no wait, zero or above [1/time]
    capacity : float, served while there is a backlog, above zero [1/time]
    patience : float, above zero; all join at infinity
    time : float, zero or above

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    The fluid limit of a queue with exponential balking. Source: Ancker and Gafarian (1963), Operations
    Research 11(1), Some Queuing Problems with Balking and Reneging.
    """
    non_negative(wait=wait, arrivals=arrivals, time=time)
    positive(capacity=capacity, patience=patience)
    load = arrivals / capacity
    if math.isinf(patience):
        return max(wait + (load - 1.0) * time, 0.0)
    # Written so that a long wait does not overflow: with s = wait / patience, ln x = s + ln(x e^-s).
    fading, start = math.exp(-time / patience), wait / patience
    rest = fading + load * -math.expm1(-time / patience) * math.exp(-start)
    return patience * max(start + math.log(rest), 0.0)
