"""Balances of one asset, moved by one function for Python and for the kernel."""

from libc.stdint cimport int64_t, uint8_t

cdef enum:
    MOVED = 0
    TOO_LITTLE = 1
    TOO_MUCH = 2

cdef inline int take(int64_t* balance, uint8_t* negative, int64_t amount, int64_t source) noexcept nogil:
    """Take ``amount`` >= 0 from ``source``."""
    cdef int64_t held = balance[source]
    if held < amount:
        if not negative[source]:
            return TOO_LITTLE
        if held < amount - <int64_t>0x7FFFFFFFFFFFFFFF:
            return TOO_MUCH
    balance[source] = held - amount
    return MOVED

cdef inline int give(int64_t* balance, int64_t amount, int64_t target) noexcept nogil:
    """Give ``amount`` >= 0 to ``target``."""
    if balance[target] > <int64_t>0x7FFFFFFFFFFFFFFF - amount:
        return TOO_MUCH
    balance[target] += amount
    return MOVED

cdef inline int move(int64_t* balance, uint8_t* negative, int64_t amount, int64_t source, int64_t target) noexcept nogil:
    """Move ``amount`` >= 0, or nothing when it cannot be moved."""
    cdef int outcome
    if source == target:
        return MOVED
    outcome = take(balance, negative, amount, source)
    if outcome == MOVED:
        outcome = give(balance, amount, target)
        if outcome != MOVED:
            balance[source] += amount
    return outcome
