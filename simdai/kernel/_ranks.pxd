"""The idle providers of a pool as bits over price ranks, 64 to a word, with words of words above."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

cdef extern from "_compat.h" nogil:
    int simdai_ctz(uint64_t x)
    int simdai_popcount(uint64_t x)
    void simdai_prefetch(const void* p)
    void simdai_huge(void* block, size_t bytes)

ctypedef struct Ranked:
    int64_t ask
    int32_t slot, uid

ctypedef struct Ranks:
    int64_t n                  # ranks given
    int n_levels
    uint64_t* level[5]
    Ranked* at                 # what stands at each rank
    int64_t first              # lowest rank set, -1

cdef inline void ranks_close(Ranks* r) noexcept nogil:
    cdef int k
    for k in range(5):
        free(r.level[k])
        r.level[k] = NULL
    free(r.at)
    r.at = NULL

cdef inline int ranks_open(Ranks* r, int64_t n) noexcept nogil:
    """Make room for ``n`` ranks, none set."""
    cdef int64_t words = n
    ranks_close(r)
    r.n = n
    r.first = -1
    r.n_levels = 0
    r.at = <Ranked*>malloc((n + 1) * sizeof(Ranked))
    if r.at == NULL:
        return -1
    simdai_huge(r.at, n * sizeof(Ranked))
    while True:
        words = (words + 63) >> 6
        if words == 0:
            words = 1
        r.level[r.n_levels] = <uint64_t*>calloc(words, sizeof(uint64_t))
        if r.level[r.n_levels] == NULL:
            return -1
        r.n_levels += 1
        if words == 1:
            return 0

cdef inline void rank_set(Ranks* r, int64_t rank) noexcept nogil:
    cdef int k
    cdef int64_t i = rank
    cdef uint64_t old
    if r.first < 0 or rank < r.first:
        r.first = rank
    for k in range(r.n_levels):
        old = r.level[k][i >> 6]
        r.level[k][i >> 6] = old | (<uint64_t>1 << (i & 63))
        if old:
            return
        i >>= 6

cdef inline int64_t first_set(Ranks* r) noexcept nogil:
    cdef int64_t i = 0
    cdef int k = r.n_levels - 1
    cdef uint64_t word
    while k >= 0:
        word = r.level[k][i]
        if word == 0:
            return -1
        i = (i << 6) + simdai_ctz(word)
        k -= 1
    return i

cdef inline void rank_clear(Ranks* r, int64_t rank) noexcept nogil:
    cdef int k
    cdef int64_t i = rank
    cdef uint64_t word
    for k in range(r.n_levels):
        word = r.level[k][i >> 6] & ~(<uint64_t>1 << (i & 63))
        r.level[k][i >> 6] = word
        if word:
            break
        i >>= 6
    if rank == r.first:
        word = r.level[0][rank >> 6]
        r.first = (rank & ~<int64_t>63) + simdai_ctz(word) if word else first_set(r)
        if r.first >= 0:
            simdai_prefetch(&r.at[r.first])

cdef inline int64_t ranks_within(Ranks* r, int64_t limit) noexcept nogil:
    """Number of ranks whose ask is at most ``limit``."""
    cdef int64_t low = 0, high = r.n, middle
    while low < high:
        middle = (low + high) >> 1
        if r.at[middle].ask <= limit:
            low = middle + 1
        else:
            high = middle
    return low

cdef inline int64_t count_below(Ranks* r, int64_t end) noexcept nogil:
    """Number of ranks set below ``end``."""
    cdef int64_t word, total = 0
    for word in range(end >> 6):
        total += simdai_popcount(r.level[0][word])
    if end & 63:
        total += simdai_popcount(r.level[0][end >> 6] & ((<uint64_t>1 << (end & 63)) - 1))
    return total

cdef inline int64_t select(Ranks* r, int64_t position) noexcept nogil:
    """Rank of the set bit number ``position``, which exists."""
    cdef int64_t word = 0
    cdef int n
    cdef uint64_t bits
    while True:
        bits = r.level[0][word]
        n = simdai_popcount(bits)
        if position < n:
            break
        position -= n
        word += 1
    while position > 0:
        bits &= bits - 1
        position -= 1
    return (word << 6) + simdai_ctz(bits)

cdef inline int64_t next_set(Ranks* r, int64_t after) noexcept nogil:
    """Lowest rank set above ``after``; -1 when there is none."""
    cdef int64_t i = after + 1, words = (r.n + 63) >> 6, word = i >> 6
    cdef uint64_t bits
    if word >= words:
        return -1
    bits = r.level[0][word] & (~<uint64_t>0 << (i & 63))
    while bits == 0:
        word += 1
        if word >= words:
            return -1
        bits = r.level[0][word]
    return (word << 6) + simdai_ctz(bits)

cdef inline int64_t rank_behind(Ranks* r, int32_t uid, int64_t low, int64_t high) noexcept nogil:
    """Lowest of the ranks from ``low`` to ``high``, all of one ask, whose id is above ``uid``."""
    cdef int64_t middle
    while low < high:
        middle = (low + high) >> 1
        if r.at[middle].uid <= uid:
            low = middle + 1
        else:
            high = middle
    return low

cdef inline int sort_by_ask(Ranks* r) noexcept nogil:
    """Sort ``at`` by ask, keeping the order of equals: radix passes over the digits in which asks differ."""
    cdef int64_t counts[2048]
    cdef int64_t i, k, lowest, highest, total, count
    cdef int shift = 0
    cdef Ranked* source = r.at
    cdef Ranked* target
    cdef Ranked* spare
    if r.n < 2:
        return 0
    lowest = highest = source[0].ask
    for i in range(r.n):
        lowest = min(lowest, source[i].ask)
        highest = max(highest, source[i].ask)
    spare = <Ranked*>malloc((r.n + 1) * sizeof(Ranked))
    if spare == NULL:
        return -1
    simdai_huge(spare, r.n * sizeof(Ranked))
    target = spare
    while (highest - lowest) >> shift:
        memset(counts, 0, sizeof(counts))
        for i in range(r.n):
            counts[((source[i].ask - lowest) >> shift) & 2047] += 1
        total = 0
        for k in range(2048):
            count = counts[k]
            counts[k] = total
            total += count
        for i in range(r.n):
            k = ((source[i].ask - lowest) >> shift) & 2047
            target[counts[k]] = source[i]
            counts[k] += 1
        source, target = target, source
        shift += 11
    r.at = source
    free(target)
    return 0
