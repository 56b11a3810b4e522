"""Pending events: a ring of unsorted buckets; the current bucket is sorted, late comers to it wait in a heap.

Buckets are lists of small chunks of whole entries, so that adding appends, and taking reads memory in order. Since the
order of the next events is known, what they need is fetched ahead. The key of an event is (time, sequence), so its
order depends on no choice made here. A cancelled event stays until its time: its owner no longer knows its sequence.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

cdef extern from "_compat.h" nogil:
    void simdai_prefetch(const void* p)
    void* simdai_grow(void* block, size_t old_bytes, size_t new_bytes)
    void simdai_release(void* block, size_t bytes)

cdef enum:
    CHUNK = 10
    MOST_BUCKETS = 65536

ctypedef struct Entry:
    double time
    uint64_t sequence
    uint32_t target            # kind in the upper 3 bits, slot in the lower 29
    uint32_t mark              # what its owner remembers: never zero

ctypedef struct Chunk:
    Entry entry[CHUNK]
    int32_t before             # the chunk filled before this one, -1
    int32_t n

ctypedef struct Bucket:
    int32_t chunk              # the chunk being filled, -1
    int32_t n

ctypedef struct Calendar:
    Chunk* chunks
    int64_t n_chunks, chunk_capacity
    int32_t free_chunk
    Bucket* ring
    int64_t n_buckets, mask
    Bucket far                 # what lies beyond the ring
    int64_t far_looked         # bucket at which `far` was looked through
    double width, per_width
    int64_t current            # number of the bucket that has been sorted
    Entry* sorted
    Entry* spare
    int64_t n_sorted, position, sorted_capacity
    Entry* heap
    int64_t heap_size, heap_capacity
    int64_t pending, in_ring, pending_at_rebuild
    int64_t pops
    double pops_since
    bint fetches               # many events are pending: what they need lies outside the cache
    char* record_base[2]       # owners of the events of kind 0 and 1, for fetching ahead
    int64_t record_size[2]
    int64_t link               # where a record of kind 1 names, in an int32, a record of kind 0 that it needs

cdef inline int64_t bucket_of(Calendar* q, double time) noexcept nogil:
    cdef double position = time * q.per_width
    if position >= 4.0e18:
        return <int64_t>4000000000000000000
    return <int64_t>position

cdef inline bint before(Entry* a, Entry* b) noexcept nogil:
    return a.time < b.time or (a.time == b.time and a.sequence < b.sequence)

cdef inline int heap_push(Calendar* q, Entry* entry) noexcept nogil:
    cdef int64_t i, parent
    cdef Entry* larger
    if q.heap_size == q.heap_capacity:
        larger = <Entry*>realloc(q.heap, 2 * q.heap_capacity * sizeof(Entry))
        if larger == NULL:
            return -1
        q.heap = larger
        q.heap_capacity *= 2
    i = q.heap_size
    q.heap_size += 1
    while i > 0:
        parent = (i - 1) >> 1
        if not before(entry, &q.heap[parent]):
            break
        q.heap[i] = q.heap[parent]
        i = parent
    q.heap[i] = entry[0]
    return 0

cdef inline void sift_down(Entry* heap, int64_t n, int64_t i) noexcept nogil:
    cdef int64_t child
    cdef Entry moved = heap[i]
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and before(&heap[child + 1], &heap[child]):
            child += 1
        if not before(&heap[child], &moved):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moved

cdef inline void heap_pop(Calendar* q) noexcept nogil:
    q.heap_size -= 1
    if q.heap_size > 0:
        q.heap[0] = q.heap[q.heap_size]
        sift_down(q.heap, q.heap_size, 0)

cdef inline int calendar_open(Calendar* q) noexcept nogil:
    memset(q, 0, sizeof(Calendar))
    q.n_buckets = 64
    q.mask = 63
    q.width = q.per_width = 1.0
    q.free_chunk = q.far.chunk = -1
    q.chunk_capacity = 64
    q.heap_capacity = q.sorted_capacity = 64
    q.pending_at_rebuild = 64
    q.chunks = <Chunk*>simdai_grow(NULL, 0, q.chunk_capacity * sizeof(Chunk))
    q.heap = <Entry*>malloc(q.heap_capacity * sizeof(Entry))
    q.sorted = <Entry*>malloc(q.sorted_capacity * sizeof(Entry))
    q.spare = <Entry*>malloc(q.sorted_capacity * sizeof(Entry))
    q.ring = <Bucket*>malloc(q.n_buckets * sizeof(Bucket))
    if q.chunks == NULL or q.heap == NULL or q.sorted == NULL or q.spare == NULL or q.ring == NULL:
        return -1
    clear_ring(q)
    return 0

cdef inline void clear_ring(Calendar* q) noexcept nogil:
    cdef int64_t i
    for i in range(q.n_buckets):
        q.ring[i].chunk = -1
        q.ring[i].n = 0

cdef inline void calendar_close(Calendar* q) noexcept nogil:
    simdai_release(q.chunks, q.chunk_capacity * sizeof(Chunk))
    free(q.heap)
    free(q.sorted)
    free(q.spare)
    free(q.ring)

cdef inline int append(Calendar* q, Bucket* bucket, Entry* entry) noexcept nogil:
    cdef int32_t c = bucket.chunk
    cdef Chunk* larger
    cdef int64_t capacity
    if c < 0 or q.chunks[c].n == CHUNK:
        c = q.free_chunk
        if c >= 0:
            q.free_chunk = q.chunks[c].before
        else:
            if q.n_chunks == q.chunk_capacity:
                capacity = 2 * q.chunk_capacity
                larger = <Chunk*>simdai_grow(q.chunks, q.chunk_capacity * sizeof(Chunk), capacity * sizeof(Chunk))
                if larger == NULL:
                    return -1
                q.chunks = larger
                q.chunk_capacity = capacity
            c = <int32_t>q.n_chunks
            q.n_chunks += 1
        q.chunks[c].before = bucket.chunk
        q.chunks[c].n = 0
        bucket.chunk = c
    q.chunks[c].entry[q.chunks[c].n] = entry[0]
    q.chunks[c].n += 1
    bucket.n += 1
    return 0

cdef inline int place(Calendar* q, Entry* entry) noexcept nogil:
    """Into the ring, beyond it, or into the heap when its bucket has been sorted already."""
    cdef int64_t bucket = bucket_of(q, entry.time)
    if bucket <= q.current:
        return heap_push(q, entry)
    if bucket - q.current < q.n_buckets:
        q.in_ring += 1
        return append(q, &q.ring[bucket & q.mask], entry)
    return append(q, &q.far, entry)

cdef inline void take(Calendar* q, Bucket* bucket, Entry* into) noexcept nogil:
    """Empty ``bucket`` into an array."""
    cdef int64_t n = 0
    cdef int32_t c = bucket.chunk, before_it
    while c >= 0:
        before_it = q.chunks[c].before
        memcpy(&into[n], &q.chunks[c].entry[0], q.chunks[c].n * sizeof(Entry))
        n += q.chunks[c].n
        q.chunks[c].before = q.free_chunk
        q.free_chunk = c
        c = before_it
    bucket.chunk = -1
    bucket.n = 0

cdef inline int place_chain(Calendar* q, int32_t c) noexcept nogil:
    """Place again the entries of the chunk ``c`` and of those filled before it."""
    cdef Chunk chunk
    cdef int i
    while c >= 0:
        chunk = q.chunks[c]
        q.chunks[c].before = q.free_chunk
        q.free_chunk = c
        for i in range(chunk.n):
            if place(q, &chunk.entry[i]) < 0:
                return -1
        c = chunk.before
    return 0

cdef inline int place_far(Calendar* q) noexcept nogil:
    """Bring into the ring what has come into its reach."""
    cdef int32_t c = q.far.chunk
    q.far.chunk = -1
    q.far.n = 0
    q.far_looked = q.current
    return place_chain(q, c)

cdef inline int rebuild(Calendar* q, double now, int64_t n_buckets, double width) noexcept nogil:
    """Another number of buckets or another width; the ring starts again at ``now``."""
    cdef int64_t i, n = q.n_sorted - q.position, old = q.n_buckets
    cdef Bucket* ring = q.ring
    cdef Entry* near = <Entry*>malloc((n + q.heap_size + 1) * sizeof(Entry))
    q.ring = <Bucket*>malloc(n_buckets * sizeof(Bucket))
    if near == NULL or q.ring == NULL:
        free(near)
        free(q.ring)
        q.ring = ring
        return -1
    memcpy(near, q.sorted + q.position, n * sizeof(Entry))
    memcpy(near + n, q.heap, q.heap_size * sizeof(Entry))
    n += q.heap_size
    q.position = q.n_sorted = q.heap_size = q.in_ring = 0
    q.n_buckets = n_buckets
    q.mask = n_buckets - 1
    clear_ring(q)
    q.width = width
    q.per_width = 1.0 / width
    q.current = bucket_of(q, now)
    for i in range(n):
        if place(q, &near[i]) < 0:
            return -1
    free(near)
    if place_far(q) < 0:
        return -1
    for i in range(old):
        if place_chain(q, ring[i].chunk) < 0:
            return -1
    free(ring)
    q.pops = 0
    q.pops_since = now
    q.pending_at_rebuild = q.pending if q.pending > 64 else 64
    return 0

cdef inline int64_t earliest_far(Calendar* q) noexcept nogil:
    """Bucket of the earliest of the far events."""
    cdef int64_t lowest = <int64_t>4611686018427387904
    cdef int32_t c = q.far.chunk
    cdef int i
    while c >= 0:
        for i in range(q.chunks[c].n):
            lowest = min(lowest, bucket_of(q, q.chunks[c].entry[i].time))
        c = q.chunks[c].before
    return lowest

cdef inline double typical_delay(Calendar* q, double now) noexcept nogil:
    """Median delay of some pending events; zero when there are none ahead."""
    cdef double sample[33]
    cdef double x
    cdef int64_t i = 0, j, n = 0, step = q.n_chunks // 33 + 1
    while i < q.n_chunks and n < 33:
        x = q.chunks[i].entry[0].time - now
        if q.chunks[i].n > 0 and x > 0.0:
            j = n
            while j > 0 and sample[j - 1] > x:
                sample[j] = sample[j - 1]
                j -= 1
            sample[j] = x
            n += 1
        i += step
    return sample[n // 2] if n > 0 else 0.0

cdef inline int adapt(Calendar* q, double now, double rate, int64_t pending) noexcept nogil:
    """About sqrt(pending) events a bucket, and a ring of four mean delays."""
    cdef int64_t n_buckets = 64, events = 16
    cdef double width = q.width
    q.fetches = pending > 8192
    while events < 1024 and 4 * events * events < pending:
        events *= 2
    while n_buckets * events < 4 * pending and n_buckets < MOST_BUCKETS:
        n_buckets *= 2
    if rate > 0.0:
        width = events / rate
    if not 1e-12 < width < 1e12:
        width = q.width
    if n_buckets > 2 * q.n_buckets or 4 * n_buckets < q.n_buckets or not 0.4 <= width * q.per_width <= 2.5:
        return rebuild(q, now, n_buckets, width)
    q.pops = 0
    q.pops_since = now
    return 0

cdef inline int reserve(Calendar* q, double now, int64_t more, double mean_delay) noexcept nogil:
    """Make ready for ``more`` events at once, which come ``mean_delay`` from now in the mean."""
    cdef int64_t pending = q.pending + more
    cdef int outcome
    if pending <= 4 * q.pending_at_rebuild or not 0.0 < mean_delay < 1e6:
        return 0
    outcome = adapt(q, now, pending / mean_delay, pending)
    q.pending_at_rebuild = pending
    return outcome

cdef inline int push(Calendar* q, double now, double time, uint64_t sequence, uint32_t target, uint32_t mark) noexcept nogil:
    """Add an event; -1 when there is no memory."""
    cdef double delay
    cdef Entry entry
    entry.time, entry.sequence, entry.target, entry.mark = time, sequence, target, mark
    if place(q, &entry) < 0:
        return -1
    q.pending += 1
    if q.pending > 4 * q.pending_at_rebuild:
        delay = typical_delay(q, now)
        q.pending_at_rebuild = q.pending
        return adapt(q, now, 0.7 * q.pending / delay if delay > 0.0 else 0.0, q.pending)
    if q.heap_size > 256 and bucket_of(q, now) < q.current:
        # A look ahead has sorted a distant bucket; go back, so that near events use the ring again.
        return rebuild(q, now, q.n_buckets, q.width)
    return 0

cdef inline int sort_current(Calendar* q, Bucket* bucket) noexcept nogil:
    """Sort the entries of ``bucket``: first by equal parts of its span, then by insertion."""
    cdef int64_t n = bucket.n, i, j, k, shifts = 0
    cdef int64_t counts[1025]
    cdef int64_t parts = 1
    cdef double start, per_part
    cdef Entry moved
    cdef Entry* larger
    if n > q.sorted_capacity:
        larger = <Entry*>realloc(q.sorted, 2 * n * sizeof(Entry))
        if larger == NULL:
            return -1
        q.sorted = larger
        larger = <Entry*>realloc(q.spare, 2 * n * sizeof(Entry))
        if larger == NULL:
            return -1
        q.spare = larger
        q.sorted_capacity = 2 * n
    q.position = 0
    q.n_sorted = n
    take(q, bucket, q.spare)
    while parts < 1024 and parts < n:
        parts *= 2
    start = <double>q.current * q.width
    per_part = <double>parts * q.per_width
    memset(counts, 0, (parts + 1) * sizeof(int64_t))
    for i in range(n):
        counts[part_of(q.spare[i].time, start, per_part, parts) + 1] += 1
    for k in range(parts):
        counts[k + 1] += counts[k]
    for i in range(n):
        k = part_of(q.spare[i].time, start, per_part, parts)
        q.sorted[counts[k]] = q.spare[i]
        counts[k] += 1
    for i in range(1, n):
        if before(&q.sorted[i], &q.sorted[i - 1]):
            moved = q.sorted[i]
            j = i
            while j > 0 and before(&moved, &q.sorted[j - 1]):
                q.sorted[j] = q.sorted[j - 1]
                j -= 1
            q.sorted[j] = moved
            shifts += i - j
            if shifts > 32 * n:
                heap_sort(q.sorted, n)
                break
    return 0

cdef inline int64_t part_of(double time, double start, double per_part, int64_t parts) noexcept nogil:
    cdef double position = (time - start) * per_part
    if position <= 0.0:
        return 0
    return <int64_t>position if position < parts - 1 else parts - 1

cdef inline void heap_sort(Entry* entries, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef Entry moved
    for i in range(n // 2):
        sift_down(entries, n, n // 2 - 1 - i)
    # The heap has its least entry first: taking it n times fills the array from behind in falling order.
    for i in range(n - 1):
        moved = entries[0]
        entries[0] = entries[n - 1 - i]
        entries[n - 1 - i] = moved
        sift_down(entries, n - 1 - i, 0)
    for i in range(n // 2):
        moved = entries[i]
        entries[i] = entries[n - 1 - i]
        entries[n - 1 - i] = moved

cdef inline int advance(Calendar* q) noexcept nogil:
    """Sort the next bucket that has events; 0 when nothing is pending, -1 without memory."""
    cdef int64_t i
    if q.pending == 0:
        return 0
    while q.heap_size == 0:
        if q.in_ring == 0:
            # Straight to the earliest of the far events, one bucket before it.
            q.current = earliest_far(q) - 1
            if place_far(q) < 0:
                return -1
        elif q.far.n and 2 * (q.current - q.far_looked) >= q.n_buckets:
            if place_far(q) < 0:
                return -1
        q.current += 1
        if q.ring[q.current & q.mask].n:
            q.in_ring -= q.ring[q.current & q.mask].n
            if sort_current(q, &q.ring[q.current & q.mask]) < 0:
                return -1
            if q.fetches:
                for i in range(min(q.n_sorted, AHEAD)):
                    fetch(q, &q.sorted[i])
            return 1
    return 1

cdef enum:
    AHEAD = 12
    NEAR = 5

cdef inline void fetch(Calendar* q, Entry* entry) noexcept nogil:
    simdai_prefetch(q.record_base[entry.target >> 29] + <int64_t>(entry.target & 0x1FFFFFFF) * q.record_size[entry.target >> 29])

cdef inline void fetch_linked(Calendar* q, Entry* entry) noexcept nogil:
    cdef int32_t linked
    if entry.target >> 29 == 1:
        linked = (<int32_t*>(q.record_base[1] + <int64_t>(entry.target & 0x1FFFFFFF) * q.record_size[1] + q.link))[0]
        if linked >= 0:
            simdai_prefetch(q.record_base[0] + <int64_t>linked * q.record_size[0])

cdef inline Entry* look(Calendar* q, int* outcome) noexcept nogil:
    """The next event; NULL when nothing is pending (``outcome`` 0) or there is no memory (-1)."""
    cdef Entry* first
    if q.position == q.n_sorted and q.heap_size == 0:
        outcome[0] = advance(q)
        if outcome[0] <= 0:
            return NULL
    if q.position == q.n_sorted:
        return &q.heap[0]
    first = &q.sorted[q.position]
    if q.heap_size > 0 and before(&q.heap[0], first):
        return &q.heap[0]
    return first

cdef inline void pop(Calendar* q, Entry* first) noexcept nogil:
    """Remove ``first``, which ``look`` has returned; what comes later is fetched."""
    q.pending -= 1
    q.pops += 1
    if q.heap_size > 0 and first == &q.heap[0]:
        heap_pop(q)
        return
    q.position += 1
    if not q.fetches:
        return
    if q.position + AHEAD <= q.n_sorted:
        fetch(q, &q.sorted[q.position + AHEAD - 1])
    if q.position + NEAR <= q.n_sorted:
        fetch_linked(q, &q.sorted[q.position + NEAR - 1])
