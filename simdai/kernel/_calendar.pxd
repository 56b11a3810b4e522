"""Pending events: a calendar whose buckets are unsorted lists; only the current bucket is a heap.

The key of an event is (time, sequence), so its order depends on no choice made here. A cancelled event stays until
its time: its owner no longer names its node.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

cdef extern from "_compat.h" nogil:
    int simdai_ctz(uint64_t x)
    void simdai_prefetch(const void* p)

ctypedef struct Node:
    double time
    uint64_t sequence
    int32_t next
    uint32_t target            # kind in the upper 3 bits, slot in the lower 29

ctypedef struct Entry:
    double time
    uint64_t sequence
    int64_t node

ctypedef struct Calendar:
    Node* nodes
    int64_t n_nodes, node_capacity
    int32_t free_node
    int64_t pending
    int32_t* head              # first node of each bucket of the ring, -1
    uint64_t* occupied         # a bit a bucket
    int64_t n_buckets, mask
    double width, per_width
    int64_t current            # number of the bucket that has been drained into the heap
    Entry* heap
    int64_t heap_size, heap_capacity
    int64_t pops
    double pops_since
    char* provider_base
    char* job_base
    int64_t provider_size, job_size

cdef inline int64_t bucket_of(Calendar* q, double time) noexcept nogil:
    cdef double position = time * q.per_width
    if position >= 4.0e18:
        return <int64_t>4000000000000000000
    return <int64_t>position

cdef inline bint before(Entry* a, Entry* b) noexcept nogil:
    return a.time < b.time or (a.time == b.time and a.sequence < b.sequence)

cdef inline int heap_push(Calendar* q, double time, uint64_t sequence, int64_t node) noexcept nogil:
    cdef int64_t i, parent
    cdef Entry entry
    cdef Entry* grown
    if q.heap_size == q.heap_capacity:
        grown = <Entry*>realloc(q.heap, 2 * q.heap_capacity * sizeof(Entry))
        if grown == NULL:
            return -1
        q.heap = grown
        q.heap_capacity *= 2
    entry.time, entry.sequence, entry.node = time, sequence, node
    i = q.heap_size
    q.heap_size += 1
    while i > 0:
        parent = (i - 1) >> 1
        if not before(&entry, &q.heap[parent]):
            break
        q.heap[i] = q.heap[parent]
        i = parent
    q.heap[i] = entry
    return 0

cdef inline void heap_pop(Calendar* q) noexcept nogil:
    cdef int64_t i = 0, child, n
    cdef Entry last
    q.heap_size -= 1
    n = q.heap_size
    if n == 0:
        return
    last = q.heap[n]
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and before(&q.heap[child + 1], &q.heap[child]):
            child += 1
        if not before(&q.heap[child], &last):
            break
        q.heap[i] = q.heap[child]
        i = child
    q.heap[i] = last

cdef inline int calendar_open(Calendar* q) noexcept nogil:
    memset(q, 0, sizeof(Calendar))
    q.n_buckets = 64
    q.mask = 63
    q.width = q.per_width = 1.0
    q.free_node = -1
    q.node_capacity = 256
    q.heap_capacity = 64
    q.nodes = <Node*>malloc(q.node_capacity * sizeof(Node))
    q.heap = <Entry*>malloc(q.heap_capacity * sizeof(Entry))
    q.head = <int32_t*>malloc(q.n_buckets * sizeof(int32_t))
    q.occupied = <uint64_t*>calloc(1, sizeof(uint64_t))
    if q.nodes == NULL or q.heap == NULL or q.head == NULL or q.occupied == NULL:
        return -1
    memset(q.head, 255, q.n_buckets * sizeof(int32_t))
    return 0

cdef inline void calendar_close(Calendar* q) noexcept nogil:
    free(q.nodes)
    free(q.heap)
    free(q.head)
    free(q.occupied)

cdef inline int place(Calendar* q, int64_t node) noexcept nogil:
    """Into the ring, or into the heap when its bucket has been drained already."""
    cdef Node* n = &q.nodes[node]
    cdef int64_t bucket = bucket_of(q, n.time), slot
    if bucket <= q.current:
        return heap_push(q, n.time, n.sequence, node)
    slot = bucket & q.mask
    n.next = q.head[slot]
    q.head[slot] = <int32_t>node
    q.occupied[slot >> 6] |= <uint64_t>1 << (slot & 63)
    return 0

cdef inline int rebuild(Calendar* q, double now, int64_t n_buckets, double width) noexcept nogil:
    """Another number of buckets or another width; the ring starts again at ``now``."""
    cdef int64_t slot, i, node, following, chain = -1
    cdef int32_t* head
    cdef uint64_t* occupied
    for slot in range(q.n_buckets):
        node = q.head[slot]
        while node >= 0:
            following = q.nodes[node].next
            q.nodes[node].next = <int32_t>chain
            chain = node
            node = following
    for i in range(q.heap_size):
        node = q.heap[i].node
        q.nodes[node].next = <int32_t>chain
        chain = node
    q.heap_size = 0
    if n_buckets != q.n_buckets:
        head = <int32_t*>realloc(q.head, n_buckets * sizeof(int32_t))
        if head == NULL:
            return -1
        q.head = head
        occupied = <uint64_t*>realloc(q.occupied, (n_buckets >> 6) * sizeof(uint64_t))
        if occupied == NULL:
            return -1
        q.occupied = occupied
        q.n_buckets = n_buckets
        q.mask = n_buckets - 1
    memset(q.head, 255, n_buckets * sizeof(int32_t))
    memset(q.occupied, 0, (n_buckets >> 6) * sizeof(uint64_t))
    q.width = width
    q.per_width = 1.0 / width
    q.current = bucket_of(q, now)
    node = chain
    while node >= 0:
        following = q.nodes[node].next
        if place(q, node) < 0:
            return -1
        node = following
    q.pops = 0
    q.pops_since = now
    return 0

cdef inline double typical_delay(Calendar* q, double now) noexcept nogil:
    """Median delay of some pending events; zero when they all are due now."""
    cdef double sample[33]
    cdef double x
    cdef int64_t i, j, n = 0, step = q.n_nodes // 33 + 1
    i = 0
    while i < q.n_nodes and n < 33:
        x = q.nodes[i].time - now
        if x > 0.0:
            j = n
            while j > 0 and sample[j - 1] > x:
                sample[j] = sample[j - 1]
                j -= 1
            sample[j] = x
            n += 1
        i += step
    return sample[n // 2] if n > 0 else 0.0

cdef inline int adapt(Calendar* q, double now, double rate) noexcept nogil:
    """Keep one to two events a bucket and about as many buckets as events."""
    cdef int64_t n_buckets = 64
    cdef double width = q.width
    while n_buckets < q.pending and n_buckets < 4194304:
        n_buckets *= 2
    if rate > 0.0:
        width = 1.5 / rate
    if not 1e-12 < width < 1e12:
        width = q.width
    if n_buckets != q.n_buckets or not 0.5 <= width * q.per_width <= 2.0:
        return rebuild(q, now, n_buckets, width)
    q.pops = 0
    q.pops_since = now
    return 0

cdef inline int64_t push(Calendar* q, double now, double time, uint64_t sequence, uint32_t target) noexcept nogil:
    """Add an event; returns its node, -1 when there is no memory."""
    cdef int64_t node, capacity
    cdef double delay
    cdef Node* grown
    if q.free_node >= 0:
        node = q.free_node
        q.free_node = q.nodes[node].next
    else:
        if q.n_nodes == q.node_capacity:
            capacity = q.node_capacity + (q.node_capacity >> 2)
            grown = <Node*>realloc(q.nodes, capacity * sizeof(Node))
            if grown == NULL:
                return -1
            q.nodes = grown
            q.node_capacity = capacity
        node = q.n_nodes
        q.n_nodes += 1
    q.nodes[node].time = time
    q.nodes[node].sequence = sequence
    q.nodes[node].target = target
    q.pending += 1
    if place(q, node) < 0:
        return -1
    if q.pending > 2 * q.n_buckets and q.n_buckets < 4194304:
        delay = typical_delay(q, now)
        if adapt(q, now, 0.7 * q.pending / delay if delay > 0.0 else 0.0) < 0:
            return -1
    elif q.heap_size > 64 and bucket_of(q, now) < q.current:
        # A look ahead has drained a distant bucket; go back, so that near events use the ring again.
        if rebuild(q, now, q.n_buckets, q.width) < 0:
            return -1
    return node

cdef inline int drain(Calendar* q, int64_t bucket) noexcept nogil:
    """Move the events of ``bucket`` into the heap; what falls in the same slot in later years stays."""
    cdef int64_t slot = bucket & q.mask, node = q.head[slot], following, kept = -1
    cdef Node* n
    cdef int64_t ahead = q.head[(bucket + 3) & q.mask]
    if ahead >= 0:
        simdai_prefetch(&q.nodes[ahead])
    while node >= 0:
        n = &q.nodes[node]
        following = n.next
        if bucket_of(q, n.time) == bucket:
            if n.target >> 29 == 0:
                simdai_prefetch(q.provider_base + (n.target & 0x1FFFFFFF) * q.provider_size)
            elif n.target >> 29 == 1:
                simdai_prefetch(q.job_base + (n.target & 0x1FFFFFFF) * q.job_size)
            if heap_push(q, n.time, n.sequence, node) < 0:
                return -1
        else:
            n.next = <int32_t>kept
            kept = node
        node = following
    q.head[slot] = <int32_t>kept
    if kept < 0:
        q.occupied[slot >> 6] &= ~(<uint64_t>1 << (slot & 63))
    return 0

cdef inline int64_t next_occupied(Calendar* q, int64_t slot) noexcept nogil:
    """Steps from ``slot`` to the next occupied slot after it, 1 .. n_buckets; 0 when there is none."""
    cdef int64_t first = (slot + 1) & q.mask, word = first >> 6, words = q.n_buckets >> 6, k
    cdef uint64_t bits = q.occupied[word] & (~<uint64_t>0 << (first & 63))
    for k in range(words + 1):
        if bits:
            return ((((word << 6) + simdai_ctz(bits)) - slot - 1) & q.mask) + 1
        word += 1
        if word == words:
            word = 0
        bits = q.occupied[word]
    return 0

cdef inline int advance(Calendar* q) noexcept nogil:
    """Fill the empty heap with the next bucket that has events; 0 when nothing is pending, -1 without memory."""
    cdef int64_t bucket = q.current, steps, travelled = 0, slot, node, b, lowest
    if q.pending == 0:
        return 0
    while travelled < q.n_buckets:
        steps = next_occupied(q, bucket & q.mask)
        if steps == 0:
            break
        bucket += steps
        travelled += steps
        if drain(q, bucket) < 0:
            return -1
        if q.heap_size > 0:
            q.current = bucket
            return 1
    # Nothing within a year of the ring: go straight to the earliest bucket.
    lowest = <int64_t>4611686018427387904
    for slot in range(q.n_buckets):
        node = q.head[slot]
        while node >= 0:
            b = bucket_of(q, q.nodes[node].time)
            if b < lowest:
                lowest = b
            node = q.nodes[node].next
    q.current = lowest
    if drain(q, lowest) < 0:
        return -1
    return 1

cdef inline int look(Calendar* q) noexcept nogil:
    """1 when the heap's first entry is the next event, 0 when nothing is pending, -1 without memory."""
    if q.heap_size > 0:
        return 1
    return advance(q)

cdef inline int64_t pop(Calendar* q) noexcept nogil:
    """Remove the next event, which ``look`` has found; returns its node, free from now on."""
    cdef int64_t node = q.heap[0].node
    heap_pop(q)
    q.nodes[node].next = q.free_node
    q.free_node = <int32_t>node
    q.pending -= 1
    q.pops += 1
    return node
