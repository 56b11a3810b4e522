# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=False
"""The compiled core of the compute market; ``market_reference.ReferenceCore`` defines it and says why."""

import numpy as np

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport INFINITY, cos, floor, frexp, log
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from simdai.kernel cimport _accounts as money
from simdai.kernel._calendar cimport (
    Calendar, Chunk, Entry, adapt, calendar_close, calendar_open, look, pop, push, reserve,
)
from simdai.kernel._ranks cimport (
    Ranks, count_below, next_set, rank_behind, rank_clear, rank_set, ranks_close, ranks_open, ranks_within, select, sort_by_ask,
)
from simdai.kernel._words cimport LawConstants, bitgen_t, entity_state, golden, mix, open_unit, sample, two_pi, unit

from operator import index as whole

from simdai.kernel import market_spec as spec
from simdai.kernel.accounts_reference import MOST_ACCOUNTS, one_each, whole_numbers

cdef extern from "_compat.h" nogil:
    void* simdai_grow(void* block, size_t old_bytes, size_t new_bytes)
    void simdai_release(void* block, size_t bytes)
    void simdai_prefetch(const void* p)

cdef enum:
    # rules and policies
    CHEAPEST = 0
    REVERSE_AUCTION = 1
    TIERED_QUEUE = 2
    CLUSTER = 3
    POOLED = 4
    FIFO = 0
    LIFO = 1
    PRIORITY = 2
    LEAVE = 0
    BACK = 1
    NEXT = 2
    # event kinds, in the upper bits of a target
    TURN = 0
    JOB = 1
    # flags of a provider
    ONLINE = 1
    BANNED = 2
    LEAVING = 4
    IDLE = 8
    # watches
    ON_ARRIVALS = 0
    ON_EMPTY = 1
    ON_ABOVE = 2
    ON_DONE = 3
    # trace records
    T_ARRIVE = 1
    T_OUTSIDE = 2
    T_START = 3
    T_DONE = 4
    T_FAIL = 5
    T_UP = 6
    T_DOWN = 7
    T_RENEGE = 8
    T_LOST = 9
    T_MOVE = 10
    T_ENTER = 11
    T_EXIT = 12
    T_BAN = 13
    T_UNBAN = 14
    # errors of the loop
    NO_MEMORY = 1
    BIG_PAYMENT = 2
    NO_FUNDS = 3
    FULL_ACCOUNT = 4
    TIERS = 16
    BINS = 258
    DRAWS = 32

ctypedef struct Provider:                  # 64 bytes
    int64_t ask
    uint64_t stream
    double online_days                     # signed sum of times: + now while online
    double work_hours
    int64_t revenue
    int32_t job, rank, uid
    uint32_t mark                          # of the end of its spell
    int32_t next_member
    uint16_t pool
    uint8_t flags, tier

ctypedef struct Job:                       # 64 bytes: what every job needs
    double work, since, arrived, rate
    uint64_t seed
    int64_t number
    int32_t member                         # first provider; -2 in a pooled venue; -1 while waiting
    int32_t next
    uint32_t mark                          # of the end of its work or patience
    uint16_t job_class
    uint8_t venue, attempts

ctypedef struct Wandering:                 # 32 bytes: what waiting, moving and auctions need
    double choice
    uint64_t tried, ticket
    int32_t previous
    uint32_t used

ctypedef struct VenueState:
    int rule, discipline, on_renege, on_failure, bids, n_tiers, hardware
    bint pays_failed
    double reputation_weight, reputation_gain, reputation_loss, speed
    double tiers[TIERS]
    int64_t capacity, ask, take_ppm, gpus_busy, queued
    int64_t escrow, fee, payee
    double gpu_days

ctypedef struct PoolState:
    int venue
    int64_t gpus
    double speed, amplitude, peak, online_share, reputation
    LawConstants online, offline
    uint64_t key
    int64_t entered, room                  # providers that ever entered, by place in the pool
    int32_t* uid_of
    int32_t hired_last                     # provider that a cluster took last, -1
    int64_t idle, busy, offline_n, banned
    double idle_days, busy_days, offline_days
    Ranks ranks
    int32_t first_idle[TIERS]              # by tier, in order of becoming idle
    int32_t last_idle[TIERS]

ctypedef struct Draw:                      # of one arrival
    uint64_t seed
    double left, work

ctypedef struct ClassState:
    LawConstants service, patience
    double rate, left, arrival_time, amplitude, peak, checkpoint, min_reputation
    int64_t gpus, devices, max_ask, priority, limit, arrivals, outside, payer
    bint redraw, regular, due              # due: an arrival is scheduled, for (arrival_time, arrival_sequence)
    uint64_t arrival_sequence
    bitgen_t* generator
    Draw draws[DRAWS]                      # drawn ahead: logarithms in a row cost half as much
    int next_draw

ctypedef struct Line:                      # waiting jobs of one class at one venue, and its counters
    int32_t first, last
    int64_t length
    int64_t running, submitted, started, completed, failed_attempts, failed, reneged, moved, waited
    int64_t revenue, fees
    double gpu_hours, gpu_hours_lost, wait_days, sojourn_days
    int n_eligible
    int32_t* eligible                      # pools that can serve the class here
    int64_t histogram[BINS]

ctypedef struct Watch:
    int kind, venue, job_class
    int64_t level, number

ctypedef struct Record:
    double time
    int64_t kind, number, other


WHOLE_COUNTERS = (*spec.COUNTERS_INT, "queued", "running")


@cython.final
cdef class Accounts:
    """Integer balances of one asset; see ``accounts_reference.Accounts``."""

    cdef int64_t* balance_of
    cdef uint8_t* negative
    cdef int64_t n, room
    cdef readonly object minted, burned

    def __cinit__(self, n=0):
        self.minted = self.burned = 0
        self.add(n)

    def __dealloc__(self):
        free(self.balance_of)
        free(self.negative)

    def __len__(self):
        return self.n

    def add(self, n=1):
        cdef int64_t more, first = self.n, room
        cdef void* grown
        n = whole(n)
        if not 0 <= n <= MOST_ACCOUNTS - first:
            raise ValueError(f"cannot open {n} accounts")
        more = n
        if first + more > self.room:
            room = max(first + more, self.room + (self.room >> 2), 16)
            grown = realloc(self.balance_of, room * sizeof(int64_t))
            if grown == NULL:
                raise MemoryError
            self.balance_of = <int64_t*>grown
            grown = realloc(self.negative, room)
            if grown == NULL:
                raise MemoryError
            self.negative = <uint8_t*>grown
            self.room = room
        memset(self.balance_of + first, 0, more * sizeof(int64_t))
        memset(self.negative + first, 0, more)
        self.n += more
        return first

    cdef int64_t index(self, account) except -1:
        account = whole(account)
        if not 0 <= account < self.n:
            raise IndexError(f"no account {account}; there are {self.n}")
        return account

    cdef int64_t amount(self, amount) except -1:
        amount = whole(amount)
        if amount < 0:
            raise ValueError(f"an amount must be >= 0, got {amount}")
        if amount > 2**63 - 1:
            raise OverflowError(f"{amount} base units do not fit in 64 bits")
        return amount

    cdef int check(self, int outcome, amount, int64_t source, int64_t target) except -1:
        if outcome == money.TOO_LITTLE:
            raise ValueError(f"account {source} holds {self.balance_of[source]}, less than {amount}")
        if outcome == money.TOO_MUCH:
            raise OverflowError(f"a balance of account {source} or {target} would leave 64 bits")
        return 0

    def allow_negative(self, account):
        self.negative[self.index(account)] = 1

    def transfer(self, amount, source, target):
        cdef int64_t s = self.index(source), t = self.index(target), a = self.amount(amount)
        self.check(money.move(self.balance_of, self.negative, a, s, t), amount, s, t)

    def transfer_many(self, amounts, sources, targets):
        cdef const int64_t[::1] a = whole_numbers(amounts)
        cdef int64_t i, n = a.shape[0]
        cdef const int64_t[::1] s = one_each(sources, n)
        cdef const int64_t[::1] t = one_each(targets, n)
        for i in range(n):
            if not (0 <= s[i] < self.n and 0 <= t[i] < self.n and a[i] >= 0) or money.move(
                self.balance_of, self.negative, a[i], s[i], t[i]
            ) != money.MOVED:
                return i
        return -1

    def mint(self, amount, target):
        cdef int64_t t = self.index(target), a = self.amount(amount)
        self.check(money.give(self.balance_of, a, t), amount, t, t)
        self.minted += a

    def burn(self, amount, source):
        cdef int64_t s = self.index(source), a = self.amount(amount)
        self.check(money.take(self.balance_of, self.negative, a, s), amount, s, s)
        self.burned += a

    def balance(self, account):
        return self.balance_of[self.index(account)]

    @property
    def balances(self):
        out = np.empty(self.n, dtype=np.int64)
        cdef int64_t[::1] view = out
        if self.n:
            memcpy(&view[0], self.balance_of, self.n * sizeof(int64_t))
        return out

    def total(self):
        # Halves of 32 bits cannot overflow in fewer than 2^31 accounts.
        cdef int64_t i, low = 0, high = 0
        for i in range(self.n):
            low += self.balance_of[i] & <int64_t>0xFFFFFFFF
            high += self.balance_of[i] >> 32
        return (int(high) << 32) + int(low)


@cython.final
cdef class Core:
    cdef object env, streams, fire, venues, pools, classes, generators
    cdef Accounts accounts
    cdef Calendar calendar
    cdef double now
    cdef uint64_t sequence
    cdef int n_venues, n_pools, n_classes
    cdef VenueState* venue
    cdef PoolState* pool
    cdef ClassState* job_class
    cdef Line* line
    cdef double* share                     # (n_classes, n_venues)
    cdef int first_class                   # whose arrival comes first: arrivals need no calendar; -1 for none

    cdef Provider* provider
    cdef int64_t n_slots, slot_room
    cdef int32_t free_slot                 # through next_member
    cdef int32_t* failures
    cdef int32_t* place_in_pool
    cdef int32_t* account                  # plus one; zero for none
    cdef double* reputation                # written where a venue changes reputations
    cdef bint tracks_reputation
    cdef uint64_t* idle_ticket
    cdef int32_t* next_idle
    cdef int32_t* previous_idle
    cdef int64_t* lease_ask
    cdef int32_t* slot_of
    cdef int64_t n_uids, uid_room

    cdef Job* job
    cdef Wandering* wandering
    cdef int64_t n_jobs, job_room
    cdef int32_t free_job
    cdef int64_t next_job
    cdef uint64_t next_ticket

    cdef Watch* watch_list
    cdef int n_watches, watch_room
    cdef int64_t next_watch
    cdef uint64_t emptied, grew
    cdef int done_venue, done_class
    cdef Ranks* changed
    cdef Ranks* changing
    cdef bint halt
    cdef list fired
    cdef int error
    cdef int64_t error_account

    cdef Record* records
    cdef int64_t n_records, record_room
    cdef bint tracing
    cdef int64_t events
    cdef uint64_t digest_word

    def __cinit__(self, env, streams, venues, pools, classes, eligible, accounts, trace, fire):
        cdef int v, p, c, k
        cdef Line* line
        self.env, self.streams, self.fire = env, streams, fire
        self.venues, self.pools, self.classes = venues, pools, classes
        self.accounts = accounts
        self.tracing = trace
        self.fired = []
        self.free_slot = self.free_job = -1
        self.done_venue = self.done_class = self.first_class = -1
        self.n_venues, self.n_pools, self.n_classes = len(venues), len(pools), len(classes)
        if calendar_open(&self.calendar) < 0:
            raise MemoryError
        self.calendar.record_size[TURN] = sizeof(Provider)
        self.calendar.record_size[JOB] = sizeof(Job)
        self.calendar.link = 6 * 8  # Job.member
        self.venue = <VenueState*>calloc(self.n_venues + 1, sizeof(VenueState))
        self.pool = <PoolState*>calloc(self.n_pools + 1, sizeof(PoolState))
        self.job_class = <ClassState*>calloc(self.n_classes + 1, sizeof(ClassState))
        self.line = <Line*>calloc(self.n_venues * self.n_classes + 1, sizeof(Line))
        self.share = <double*>calloc(self.n_venues * self.n_classes + 1, sizeof(double))
        if NULL in (self.venue, self.pool, self.job_class, self.line, self.share):
            raise MemoryError
        for v in range(self.n_venues):
            self.open_venue(v, venues[v])
            if self.venue[v].reputation_gain > 0.0 or self.venue[v].reputation_loss > 0.0:
                self.tracks_reputation = True
        for p in range(self.n_pools):
            self.open_pool(p, pools[p])
        for v in range(self.n_venues):
            for c in range(self.n_classes):
                line = self.line_of(v, c)
                line.first = line.last = -1
                line.n_eligible = len(eligible[v][c])
                line.eligible = <int32_t*>malloc((line.n_eligible + 1) * sizeof(int32_t))
                if line.eligible == NULL:
                    raise MemoryError
                for k in range(line.n_eligible):
                    line.eligible[k] = eligible[v][c][k]
        self.generators = [streams.bit_generator(f"market.jobs.{s.name}") for s in classes]
        self.enter()
        for c in range(self.n_classes):
            self.open_class(c, classes[c])
        self.leave()

    def __dealloc__(self):
        cdef int i
        calendar_close(&self.calendar)
        if self.pool != NULL:
            for i in range(self.n_pools):
                ranks_close(&self.pool[i].ranks)
                free(self.pool[i].uid_of)
        if self.line != NULL:
            for i in range(self.n_venues * self.n_classes):
                free(self.line[i].eligible)
        free(self.venue)
        free(self.pool)
        free(self.job_class)
        free(self.line)
        free(self.share)
        simdai_release(self.provider, self.slot_room * sizeof(Provider))
        free(self.failures)
        free(self.place_in_pool)
        free(self.account)
        free(self.reputation)
        free(self.idle_ticket)
        free(self.next_idle)
        free(self.previous_idle)
        free(self.lease_ask)
        free(self.slot_of)
        simdai_release(self.job, self.job_room * sizeof(Job))
        simdai_release(self.wandering, self.job_room * sizeof(Wandering))
        free(self.watch_list)
        free(self.records)

    # -- description --------------------------------------------------------------------------------------------

    cdef open_venue(self, int v, s):
        cdef VenueState* venue = &self.venue[v]
        venue.rule = spec.RULES.index(s.rule)
        venue.discipline = spec.DISCIPLINES.index(s.discipline)
        venue.on_renege = ("leave", "back", "next").index(s.on_renege)
        venue.on_failure = ("leave", "back", "next").index(s.on_failure)
        venue.bids, venue.hardware, venue.speed = s.bids, s.hardware, s.speed
        venue.pays_failed = s.failed_work_is_paid
        venue.reputation_weight = s.reputation_weight
        venue.reputation_gain, venue.reputation_loss = s.reputation_gain, s.reputation_loss
        venue.n_tiers = len(s.tiers)
        for k, threshold in enumerate(s.tiers):
            venue.tiers[<int>k] = threshold
        venue.capacity, venue.ask, venue.take_ppm = s.capacity, s.ask, s.take_ppm
        venue.escrow, venue.fee, venue.payee = s.escrow, s.fee, s.payee

    cdef open_pool(self, int p, s):
        cdef PoolState* pool = &self.pool[p]
        cdef int tier
        pool.venue, pool.gpus, pool.speed = s.venue, s.gpus, s.speed
        pool.amplitude, pool.peak = s.diurnal_amplitude, s.diurnal_peak
        pool.online_share, pool.reputation = s.online_share, s.reputation
        pool.online.code, pool.online.a, pool.online.b = s.online.constants()
        pool.offline.code, pool.offline.a, pool.offline.b = s.offline.constants()
        pool.key = self.streams.key("market.provider", s.name)
        pool.hired_last = -1
        for tier in range(TIERS):
            pool.first_idle[tier] = pool.last_idle[tier] = -1
        if ranks_open(&pool.ranks, 0) < 0:
            raise MemoryError

    cdef open_class(self, int c, s):
        cdef ClassState* job_class = &self.job_class[c]
        job_class.service.code, job_class.service.a, job_class.service.b = s.service.constants()
        job_class.patience.code, job_class.patience.a, job_class.patience.b = s.patience.constants()
        job_class.amplitude, job_class.peak = s.diurnal_amplitude, s.diurnal_peak
        job_class.checkpoint, job_class.min_reputation = s.checkpoint, s.min_reputation
        job_class.gpus, job_class.devices, job_class.max_ask = s.gpus, s.devices, s.max_ask
        job_class.priority, job_class.payer, job_class.redraw = s.priority, s.payer, s.redraw
        job_class.limit = -1 if s.limit is None else s.limit
        job_class.generator = <bitgen_t*>PyCapsule_GetPointer(self.generators[c].capsule, "BitGenerator")
        job_class.regular = s.regular
        job_class.next_draw = DRAWS
        job_class.left = unit_gap(job_class)
        self.change_rate(c, s.rate)

    cdef inline Line* line_of(self, int v, int c) noexcept nogil:
        return &self.line[v * self.n_classes + c]

    # -- the clock ----------------------------------------------------------------------------------------------

    cdef enter(self):
        """Python calls: take the clock over."""
        self.now = self.env.now
        self.sequence = self.env.sequence

    cdef leave(self):
        """Give the clock back; raise what went wrong; fire the signals."""
        self.env.sequence = self.sequence
        self.raise_error()
        if self.fired:
            fired, self.fired = self.fired, []
            self.fire(fired)

    cdef raise_error(self):
        error, self.error = self.error, 0
        if error == NO_MEMORY:
            raise MemoryError
        if error == BIG_PAYMENT:
            raise OverflowError("a payment does not fit in 64 bits of µUSD")
        if error == NO_FUNDS:
            raise ValueError(f"account {self.error_account} cannot pay for a job; let it fall below zero or fund it")
        if error == FULL_ACCOUNT:
            raise OverflowError(f"a balance beside account {self.error_account} would leave 64 bits")

    def head(self):
        cdef int found = 1
        cdef Entry* first = look(&self.calendar, &found)
        if found < 0:
            raise MemoryError
        if self.arrival_is_next(first):
            return self.job_class[self.first_class].arrival_time, self.job_class[self.first_class].arrival_sequence
        if first == NULL:
            return float("inf"), 2**63 - 1
        return first.time, first.sequence

    cdef inline bint arrival_is_next(self, Entry* first) noexcept nogil:
        """Whether an arrival comes before the calendar's next event."""
        return self.first_class >= 0 and (first == NULL or earlier(
            self.job_class[self.first_class].arrival_time, self.job_class[self.first_class].arrival_sequence,
            first.time, first.sequence,
        ))

    def run_until(self, double time, uint64_t sequence, int64_t max_events):
        cdef int64_t left = max_events, chunk
        self.enter()
        try:
            while left > 0 and self.error == 0 and not self.halt:
                chunk = min(left, <int64_t>1 << 22)
                with nogil:
                    chunk -= self.loop(time, sequence, chunk)
                left -= chunk
                PyErr_CheckSignals()  # may raise; the clock is given back all the same
                if chunk < <int64_t>1 << 22:
                    break
        finally:
            self.halt = False
            self.env.advance_to(self.now)
            self.leave()

    cdef int64_t loop(self, double time, uint64_t sequence, int64_t budget) noexcept nogil:
        """Execute events before (time, sequence); returns what is left of the budget."""
        cdef Calendar* q = &self.calendar
        cdef int found = 1
        cdef Entry* first
        cdef uint32_t target, mark
        cdef double t, elapsed
        cdef ClassState* k
        while budget > 0:
            first = look(q, &found)
            if found < 0:
                self.error = NO_MEMORY
                break
            if q.fetches:
                if self.changed != NULL:
                    # The cheapest of this pool is another one since the event before last; it may be hired next.
                    if self.changed.first >= 0:
                        simdai_prefetch(&self.provider[self.changed.at[self.changed.first].slot])
                self.changed, self.changing = self.changing, NULL
            if self.arrival_is_next(first):
                k = &self.job_class[self.first_class]
                if not earlier(k.arrival_time, k.arrival_sequence, time, sequence):
                    break
                self.now = t = k.arrival_time
                self.arrive(self.first_class)
            elif first == NULL or not earlier(first.time, first.sequence, time, sequence):
                break
            else:
                self.now = t = first.time
                target, mark = first.target, first.mark
                pop(q, first)
                if target >> 29 == TURN:
                    self.turn(<int32_t>(target & 0x1FFFFFFF), mark)
                else:
                    self.job_event(<int32_t>(target & 0x1FFFFFFF), mark)
            budget -= 1
            if q.pops > 256 and 4 * q.pops > q.pending:
                elapsed = t - q.pops_since
                if adapt(q, t, q.pops / elapsed if elapsed > 0.0 else 0.0, q.pending) < 0:
                    self.error = NO_MEMORY
            if self.halt or self.error:
                break
        return budget

    cdef inline uint32_t after(self, double delay, uint32_t target) noexcept nogil:
        """Schedule an event; returns the mark by which its owner knows it, zero when the delay is infinite.

        Marks repeat after 2^31 events; a cancelled event would have to be just as much older than its successor and
        have the same owner to be taken for it.
        """
        cdef uint32_t mark
        if delay == INFINITY:
            return 0
        self.sequence += 1
        mark = <uint32_t>self.sequence | <uint32_t>0x80000000
        if push(&self.calendar, self.now, self.now + delay, self.sequence, target, mark) < 0:
            self.error = NO_MEMORY
        return mark

    # -- memory of what happened --------------------------------------------------------------------------------

    cdef inline void log(self, int kind, int64_t number, int64_t other) noexcept nogil:
        cdef uint64_t bits, word
        memcpy(&bits, &self.now, sizeof(uint64_t))
        word = (
            bits ^ <uint64_t>number * <uint64_t>0xC2B2AE3D27D4EB4F
        ) + <uint64_t>(16 * other + kind) * <uint64_t>0x9E3779B97F4A7C15
        bits = (self.digest_word << 5) | (self.digest_word >> 59)
        self.digest_word = (bits ^ word) * <uint64_t>0xD6E8FEB86659FD93
        if self.tracing:
            self.keep(kind, number, other)

    cdef void keep(self, int kind, int64_t number, int64_t other) noexcept nogil:
        cdef Record* grown
        cdef int64_t room
        if self.n_records == self.record_room:
            room = 2 * self.record_room + 1024
            grown = <Record*>realloc(self.records, room * sizeof(Record))
            if grown == NULL:
                self.error = NO_MEMORY
                return
            self.records, self.record_room = grown, room
        self.records[self.n_records].time = self.now
        self.records[self.n_records].kind = kind
        self.records[self.n_records].number = number
        self.records[self.n_records].other = other
        self.n_records += 1

    cdef inline void settle(self) noexcept nogil:
        if self.n_watches > 0:
            self.look_around()
        self.emptied = self.grew = 0
        self.done_venue = -1

    cdef void look_around(self) noexcept nogil:
        """Fire the watches whose state has come, in the order in which they were set."""
        cdef int i, c, kept = 0
        cdef int64_t arrived
        cdef bint hit
        cdef Watch* w
        for i in range(self.n_watches):
            w = &self.watch_list[i]
            if w.kind == ON_ARRIVALS:
                arrived = 0
                for c in range(self.n_classes):
                    if w.job_class < 0 or w.job_class == c:
                        arrived += self.job_class[c].arrivals
                hit = arrived >= w.level
            elif w.kind == ON_EMPTY:
                hit = (self.emptied >> w.venue) & 1 and self.venue[w.venue].queued == 0
            elif w.kind == ON_ABOVE:
                hit = (self.grew >> w.venue) & 1 and self.venue[w.venue].queued > w.level
            else:
                hit = (
                    self.done_venue >= 0
                    and (w.venue < 0 or w.venue == self.done_venue)
                    and (w.job_class < 0 or w.job_class == self.done_class)
                )
            if hit:
                self.halt = True
                with gil:
                    self.fired.append(w.number)
            else:
                self.watch_list[kept] = w[0]
                kept += 1
        self.n_watches = kept

    def watch(self, int kind, int venue, int job_class, int64_t level):
        cdef Watch* grown
        if self.n_watches == self.watch_room:
            grown = <Watch*>realloc(self.watch_list, (2 * self.watch_room + 8) * sizeof(Watch))
            if grown == NULL:
                raise MemoryError
            self.watch_list = grown
            self.watch_room = 2 * self.watch_room + 8
        self.watch_list[self.n_watches] = Watch(kind, venue, job_class, level, self.next_watch)
        self.n_watches += 1
        self.next_watch += 1
        return self.next_watch - 1

    # -- arrivals -----------------------------------------------------------------------------------------------

    def set_rate(self, int c, double rate):
        self.enter()
        self.change_rate(c, rate)
        self.leave()

    cdef void change_rate(self, int c, double rate) noexcept nogil:
        cdef ClassState* k = &self.job_class[c]
        if k.due:
            k.left = (k.arrival_time - self.now) * k.rate
        k.rate = rate * (1.0 + k.amplitude)
        self.schedule_arrival(c)

    cdef void schedule_arrival(self, int c) noexcept nogil:
        cdef ClassState* k = &self.job_class[c]
        cdef double delay
        cdef int i
        k.due = False
        if k.rate > 0.0 and not (k.limit >= 0 and k.arrivals >= k.limit):
            delay = k.left / k.rate
            if delay < INFINITY:
                self.sequence += 1
                k.due = True
                k.arrival_time, k.arrival_sequence = self.now + delay, self.sequence
        self.first_class = -1
        for i in range(self.n_classes):
            if self.job_class[i].due and (self.first_class < 0 or earlier(
                self.job_class[i].arrival_time, self.job_class[i].arrival_sequence,
                self.job_class[self.first_class].arrival_time, self.job_class[self.first_class].arrival_sequence,
            )):
                self.first_class = i

    cdef void arrive(self, int c) noexcept nogil:
        cdef ClassState* k = &self.job_class[c]
        cdef Draw* draw
        cdef uint64_t seed
        cdef double height, choice
        cdef int venue
        cdef int32_t j
        cdef Job* job
        if k.next_draw == DRAWS:
            draw_ahead(k)
        draw = &k.draws[k.next_draw]
        k.next_draw += 1
        seed, k.left = draw.seed, draw.left
        if k.amplitude > 0.0:
            height = 1.0 + k.amplitude * cos(two_pi() * (self.now - k.peak))
            if unit(job_word(seed, 0)) * (1.0 + k.amplitude) >= height:
                self.schedule_arrival(c)
                return
        k.arrivals += 1
        self.events += 1
        self.schedule_arrival(c)
        choice = unit(job_word(seed, 1))
        venue = self.choose(c, &choice, 0, 1.0)
        if venue < 0:
            k.outside += 1
            self.log(T_OUTSIDE, c, -1)
        else:
            j = self.new_job()
            if j < 0:
                return
            job = &self.job[j]
            job.job_class = <uint16_t>c
            job.seed = seed
            self.wandering[j].choice = choice
            self.wandering[j].tried = 0
            self.wandering[j].used = 6
            job.number = self.next_job
            self.next_job += 1
            job.attempts = 0
            job.member = -1
            job.mark = 0
            job.arrived = self.now
            job.work = draw.work
            self.log(T_ARRIVE, job.number, venue)
            self.enter_venue(j, venue)
        self.settle()

    cdef inline int choose(self, int c, double* choice, uint64_t tried, double total) noexcept nogil:
        """Venue under the choice number among those not tried; the number is then spread again."""
        cdef double target = choice[0] * total, below = 0.0, share
        cdef int v
        for v in range(self.n_venues):
            share = self.share[c * self.n_venues + v]
            if (tried >> v) & 1 or share <= 0.0:
                continue
            if target < below + share:
                choice[0] = over(target - below, share)
                if choice[0] > 1.0 - 1.1102230246251565e-16:
                    choice[0] = 1.0 - 1.1102230246251565e-16
                return v
            below += share
        return -1

    cdef int32_t new_job(self) noexcept nogil:
        cdef int32_t j = self.free_job
        cdef int64_t room
        cdef void* larger
        if j >= 0:
            self.free_job = self.job[j].next
            return j
        if self.n_jobs == self.job_room:
            room = 2 * self.job_room + 64
            larger = simdai_grow(self.wandering, self.job_room * sizeof(Wandering), room * sizeof(Wandering))
            if larger != NULL:
                self.wandering = <Wandering*>larger
                larger = simdai_grow(self.job, self.job_room * sizeof(Job), room * sizeof(Job))
            if larger == NULL:
                self.error = NO_MEMORY
                return -1
            self.job = <Job*>larger
            self.job_room = room
            self.calendar.record_base[JOB] = <char*>self.job
        self.n_jobs += 1
        return <int32_t>(self.n_jobs - 1)

    cdef inline void free_job_slot(self, int32_t j) noexcept nogil:
        self.job[j].mark = 0
        self.job[j].next = self.free_job
        self.free_job = j

    cdef inline void enter_venue(self, int32_t j, int venue) noexcept nogil:
        self.job[j].venue = <uint8_t>venue
        self.wandering[j].tried |= <uint64_t>1 << venue
        self.line_of(venue, self.job[j].job_class).submitted += 1
        self.place(j)

    cdef inline void place(self, int32_t j) noexcept nogil:
        self.job[j].since = self.now
        if not self.try_start(j, False):
            self.wait(j)

    # -- waiting ------------------------------------------------------------------------------------------------

    cdef void wait(self, int32_t j) noexcept nogil:
        cdef Job* job = &self.job[j]
        cdef Line* line = self.line_of(job.venue, job.job_class)
        cdef double patience
        self.wandering[j].ticket = self.next_ticket
        self.next_ticket += 1
        job.next = -1
        self.wandering[j].previous = line.last
        if line.last >= 0:
            self.job[line.last].next = j
        else:
            line.first = j
        line.last = j
        line.length += 1
        self.venue[job.venue].queued += 1
        self.grew |= <uint64_t>1 << job.venue
        patience = job_sample(&self.job_class[job.job_class].patience, job.seed, 2)
        job.mark = self.after(patience, (<uint32_t>JOB << 29) | <uint32_t>j)

    cdef void leave_line(self, int32_t j) noexcept nogil:
        cdef Job* job = &self.job[j]
        cdef Line* line = self.line_of(job.venue, job.job_class)
        cdef int32_t previous = self.wandering[j].previous
        if previous >= 0:
            self.job[previous].next = job.next
        else:
            line.first = job.next
        if job.next >= 0:
            self.wandering[job.next].previous = previous
        else:
            line.last = previous
        line.length -= 1
        job.mark = 0
        self.venue[job.venue].queued -= 1
        if self.venue[job.venue].queued == 0:
            self.emptied |= <uint64_t>1 << job.venue

    cdef void job_event(self, int32_t j, uint32_t mark) noexcept nogil:
        """A job's patience or its work ends."""
        cdef Job* job = &self.job[j]
        cdef int policy
        if job.mark != mark:
            return
        if job.member != -1:
            self.complete(j)
            return
        self.events += 1
        policy = self.venue[job.venue].on_renege
        self.leave_line(j)
        if policy == BACK:
            self.log(T_RENEGE, job.number, 1)
            self.wait(j)
        elif not (policy == NEXT and self.move(j)):
            self.log(T_RENEGE, job.number, 0)
            self.line_of(job.venue, job.job_class).reneged += 1
            self.free_job_slot(j)
        self.settle()

    cdef bint move(self, int32_t j) noexcept nogil:
        """To the next choice among the venues not tried; False when there is none."""
        cdef Job* job = &self.job[j]
        cdef double total = 0.0, share
        cdef int v
        for v in range(self.n_venues):
            share = self.share[job.job_class * self.n_venues + v]
            if not (self.wandering[j].tried >> v) & 1 and share > 0.0:
                total += share
        if not total > 0.0:
            return False
        v = self.choose(job.job_class, &self.wandering[j].choice, self.wandering[j].tried, total)
        if v < 0:
            return False
        self.line_of(job.venue, job.job_class).moved += 1
        self.log(T_MOVE, job.number, v)
        self.enter_venue(j, v)
        return True

    cdef inline bint sooner(self, int discipline, int32_t a, int32_t b) noexcept nogil:
        """Whether job ``a`` is served before job ``b``."""
        cdef int64_t p, q
        if discipline == LIFO:
            return self.wandering[a].ticket > self.wandering[b].ticket
        if discipline == PRIORITY:
            p = self.job_class[self.job[a].job_class].priority
            q = self.job_class[self.job[b].job_class].priority
            if p != q:
                return p > q
        return self.wandering[a].ticket < self.wandering[b].ticket

    cdef void dispatch(self, int v) noexcept nogil:
        """Start waiting jobs until no line's first job finds a match."""
        cdef int discipline = self.venue[v].discipline
        cdef int c
        cdef int32_t best, candidate, passed
        cdef bint started = True
        cdef Line* line
        while started and self.venue[v].queued > 0 and not self.error:
            started = False
            passed = -1
            # The lines' first jobs in order of service: each is the best behind the one that was passed over.
            while True:
                best = -1
                for c in range(self.n_classes):
                    line = self.line_of(v, c)
                    if line.length == 0:
                        continue
                    candidate = line.last if discipline == LIFO else line.first
                    if passed >= 0 and not self.sooner(discipline, passed, candidate):
                        continue
                    if best < 0 or self.sooner(discipline, candidate, best):
                        best = candidate
                if best < 0:
                    break
                if self.try_start(best, True):
                    started = True
                    break
                passed = best

    # -- matching -----------------------------------------------------------------------------------------------

    cdef bint try_start(self, int32_t j, bint waiting) noexcept nogil:
        cdef Job* job = &self.job[j]
        cdef VenueState* venue = &self.venue[job.venue]
        cdef ClassState* k = &self.job_class[job.job_class]
        cdef Line* line = self.line_of(job.venue, job.job_class)
        cdef int32_t member
        if venue.rule == CHEAPEST:
            member = self.match_cheapest(line, k.max_ask)
        elif venue.rule == POOLED:
            if venue.ask > k.max_ask or venue.capacity - venue.gpus_busy < k.gpus * k.devices:
                return False
            member = -2
        elif venue.rule == REVERSE_AUCTION:
            member = self.match_auction(j, venue, line, k.max_ask)
        elif venue.rule == TIERED_QUEUE:
            member = self.match_tiered(venue, line, k)
        else:
            member = self.match_cluster(line, k)
        if member == -1:
            return False
        if waiting:
            self.leave_line(j)
        self.start(j, member)
        return True

    cdef inline int32_t match_cheapest(self, Line* line, int64_t max_ask) noexcept nogil:
        cdef int i
        cdef int32_t slot, best = -1
        cdef Ranks* r
        cdef int64_t ask, lowest = max_ask
        for i in range(line.n_eligible):
            r = &self.pool[line.eligible[i]].ranks
            if r.first < 0:
                continue
            ask = r.at[r.first].ask
            if ask > lowest:
                continue
            slot = r.at[r.first].slot
            if best < 0 or ask < lowest or self.provider[slot].uid < self.provider[best].uid:
                best = slot
                lowest = ask
        return best

    cdef int32_t match_auction(self, int32_t job, VenueState* venue, Line* line, int64_t max_ask) noexcept nogil:
        cdef int64_t n = 0, bidders, position, j, chosen[64]
        cdef int64_t end
        cdef int i, k, drawn, m = 0
        cdef Ranks* r
        cdef int32_t slot, best = -1
        cdef double score, lowest = 0.0
        for i in range(line.n_eligible):
            r = &self.pool[line.eligible[i]].ranks
            if r.first >= 0:
                n += count_below(r, ranks_within(r, max_ask))
        if n == 0:
            return -1
        if n <= venue.bids:
            drawn = <int>n
            for k in range(drawn):
                chosen[k] = k
        else:
            # Floyd's sample of positions without replacement.
            drawn = venue.bids
            for j in range(n - drawn, n):
                position = <int64_t>(
                    unit(job_word(self.job[job].seed, self.wandering[job].used)) * <double>(j + 1)
                )
                self.wandering[job].used += 1
                if position > j:
                    position = j
                for k in range(m):
                    if chosen[k] == position:
                        position = j
                        break
                chosen[m] = position
                m += 1
        for k in range(drawn):
            position = chosen[k]
            for i in range(line.n_eligible):
                r = &self.pool[line.eligible[i]].ranks
                if r.first < 0:
                    continue
                bidders = count_below(r, ranks_within(r, max_ask))
                if position < bidders:
                    break
                position -= bidders
            slot = r.at[select(r, position)].slot
            score = <double>self.provider[slot].ask * (
                1.0 + venue.reputation_weight * (1.0 - self.reputation_of(slot))
            )
            if best < 0 or score < lowest or (
                score == lowest and self.provider[slot].uid < self.provider[best].uid
            ):
                best, lowest = slot, score
        return best

    cdef inline double reputation_of(self, int32_t slot) noexcept nogil:
        return self.reputation[slot] if self.tracks_reputation else self.pool[self.provider[slot].pool].reputation

    cdef inline int tier_of(self, VenueState* venue, double reputation) noexcept nogil:
        cdef int tier
        for tier in range(venue.n_tiers):
            if reputation >= venue.tiers[tier]:
                return tier
        return venue.n_tiers

    cdef int32_t match_tiered(self, VenueState* venue, Line* line, ClassState* k) noexcept nogil:
        cdef int tier, i, worst
        cdef int32_t slot, best = -1
        if venue.ask > k.max_ask:
            return -1
        worst = self.tier_of(venue, k.min_reputation)
        for tier in range(worst + 1):
            for i in range(line.n_eligible):
                slot = self.pool[line.eligible[i]].first_idle[tier]
                if slot >= 0 and (best < 0 or self.idle_ticket[slot] < self.idle_ticket[best]):
                    best = slot
            if best >= 0:
                return best
        return -1

    cdef int32_t match_cluster(self, Line* line, ClassState* k) noexcept nogil:
        """First member of the cheapest complete cluster; its members are chained through ``next_member``."""
        cdef int i, cheapest = -1
        cdef int64_t n, total, lowest = 0, rank
        cdef Ranks* r
        for i in range(line.n_eligible):
            r = &self.pool[line.eligible[i]].ranks
            if self.pool[line.eligible[i]].idle < k.devices:
                continue
            n = total = 0
            rank = r.first
            while rank >= 0 and n < k.devices and r.at[rank].ask <= k.max_ask:
                total += r.at[rank].ask
                n += 1
                rank = next_set(r, rank)
            if n == k.devices and (cheapest < 0 or total < lowest):
                cheapest, lowest = i, total
        if cheapest < 0:
            return -1
        return self.take_in_turn(&self.pool[line.eligible[cheapest]], k.devices)

    cdef int32_t take_in_turn(self, PoolState* pool, int64_t n) noexcept nogil:
        """First of the ``n`` cheapest idle providers: of equal asks by id, from behind the one taken last."""
        cdef Ranks* r = &pool.ranks
        cdef int64_t rank = r.first, begin, turn, end, stop
        cdef int32_t first = -1, last = -1, slot
        cdef bint round
        while n:
            begin, end = ranks_within(r, r.at[rank].ask - 1), ranks_within(r, r.at[rank].ask)
            turn = rank_behind(r, pool.hired_last, begin, end)
            for round in range(2):
                stop = turn if round else end
                rank = next_set(r, (begin if round else turn) - 1)
                while n and 0 <= rank < stop:
                    slot = r.at[rank].slot
                    if last >= 0:
                        self.provider[last].next_member = slot
                    else:
                        first = slot
                    last = slot
                    n -= 1
                    rank = next_set(r, rank)
            rank = next_set(r, end - 1)
        self.provider[last].next_member = -1
        pool.hired_last = self.provider[last].uid
        return first

    # -- running ------------------------------------------------------------------------------------------------

    cdef inline int64_t payment(self, double rate, double days) noexcept nogil:
        cdef double amount = rate * (24.0 * days)
        if amount >= 4611686018427387904.0:
            self.error = BIG_PAYMENT
            return 0
        return <int64_t>amount  # rounded down: it is not negative

    cdef inline void transfer(self, int64_t amount, int64_t source, int64_t target) noexcept nogil:
        cdef int outcome = money.move(self.accounts.balance_of, self.accounts.negative, amount, source, target)
        if outcome != money.MOVED:
            self.error = NO_FUNDS if outcome == money.TOO_LITTLE else FULL_ACCOUNT
            self.error_account = source

    cdef inline bint pays(self, VenueState* venue, ClassState* k) noexcept nogil:
        return venue.escrow >= 0 and k.payer >= 0

    cdef int64_t escrow_of(self, Job* job, double duration) noexcept nogil:
        """What the customer put into escrow for the present attempt."""
        cdef int64_t total = 0
        cdef int32_t slot
        cdef ClassState* k = &self.job_class[job.job_class]
        if self.venue[job.venue].rule != CLUSTER:
            return self.payment(job.rate, duration)
        slot = job.member
        while slot >= 0:
            total += self.payment(<double>self.lease_ask[slot] * <double>k.gpus, duration)
            slot = self.provider[slot].next_member
        return total

    cdef void start(self, int32_t j, int32_t member) noexcept nogil:
        cdef Job* job = &self.job[j]
        cdef VenueState* venue = &self.venue[job.venue]
        cdef ClassState* k = &self.job_class[job.job_class]
        cdef Line* line = self.line_of(job.venue, job.job_class)
        cdef double wait = self.now - job.since, speed, duration
        cdef int64_t gpus = k.gpus * k.devices
        cdef int32_t slot
        cdef uint32_t used
        line.started += 1
        line.running += 1
        line.wait_days += wait
        line.waited += wait > 0.0
        line.histogram[wait_bin(wait)] += 1
        self.log(T_START, job.number, self.provider[member].uid if member >= 0 else -1)
        if k.redraw and job.attempts > 0:
            used = self.wandering[j].used
            job.work = job_sample(&k.service, job.seed, used)
            self.wandering[j].used = used + (2 if k.service.code == 2 else (0 if k.service.code == 3 else 1))
        job.attempts = 1
        speed = self.pool[self.provider[member].pool].speed if member >= 0 else venue.speed
        duration = over(job.work, speed)
        job.member, job.since = member, self.now
        venue.gpus_busy += gpus
        venue.gpu_days -= <double>gpus * self.now
        if venue.rule == POOLED:
            job.rate = <double>venue.ask * <double>gpus
        elif venue.rule == TIERED_QUEUE:
            job.rate = <double>venue.ask * <double>k.gpus * speed
        elif venue.rule != CLUSTER:
            job.rate = <double>self.provider[member].ask * <double>k.gpus
        if member >= 0:
            if venue.rule == CLUSTER:
                slot = member
                while slot >= 0:
                    self.lease_ask[slot] = self.provider[slot].ask
                    self.occupy(slot, j)
                    slot = self.provider[slot].next_member
            else:
                self.provider[member].next_member = -1
                self.occupy(member, j)
        if self.pays(venue, k):
            self.transfer(self.escrow_of(job, duration), k.payer, venue.escrow)
        job.mark = self.after(duration, (<uint32_t>JOB << 29) | <uint32_t>j)

    cdef inline void occupy(self, int32_t slot, int32_t j) noexcept nogil:
        cdef PoolState* pool = &self.pool[self.provider[slot].pool]
        self.remove_idle(slot)
        self.provider[slot].job = j
        pool.busy += 1
        pool.busy_days -= self.now

    cdef void stop(self, Job* job, double paid_days, double duration) noexcept nogil:
        """The job no longer runs: pay for ``paid_days`` of the ``duration`` in escrow and refund the rest."""
        cdef VenueState* venue = &self.venue[job.venue]
        cdef ClassState* k = &self.job_class[job.job_class]
        cdef Line* line = self.line_of(job.venue, job.job_class)
        cdef int64_t gpus = k.gpus * k.devices, spent = 0, amount, seller
        cdef bint pays = self.pays(venue, k)
        cdef int32_t slot = job.member
        line.running -= 1
        venue.gpus_busy -= gpus
        venue.gpu_days += <double>gpus * self.now
        job.mark = 0
        while True:
            if slot >= 0 and venue.rule == CLUSTER:
                amount = self.payment(<double>self.lease_ask[slot] * <double>k.gpus, paid_days)
            else:
                amount = self.payment(job.rate, paid_days)
            seller = amount if venue.take_ppm == 0 else without_fee(amount, venue.take_ppm)
            spent += amount
            line.revenue += amount
            line.fees += amount - seller
            if slot >= 0:
                self.provider[slot].revenue += seller
            if pays:
                self.transfer(seller, venue.escrow, self.account[slot] - 1 if slot >= 0 else venue.payee)
                self.transfer(amount - seller, venue.escrow, venue.fee)
            if slot < 0:
                break
            slot = self.provider[slot].next_member
            if slot < 0:
                break
        if pays:
            self.transfer(self.escrow_of(job, duration) - spent, venue.escrow, k.payer)

    cdef void complete(self, int32_t j) noexcept nogil:
        cdef Job* job = &self.job[j]
        cdef int v = job.venue
        cdef VenueState* venue = &self.venue[v]
        cdef ClassState* k = &self.job_class[job.job_class]
        cdef Line* line = self.line_of(v, job.job_class)
        cdef int32_t slot = job.member, following
        cdef double days = self.now - job.since, hours = 24.0 * days, speed
        self.events += 1
        self.log(T_DONE, job.number, self.provider[slot].uid if slot >= 0 else -1)
        speed = self.pool[self.provider[slot].pool].speed if slot >= 0 else venue.speed
        speed = over(job.work, speed)  # the contracted time
        self.stop(job, speed, speed)
        line.completed += 1
        line.gpu_hours += <double>(k.gpus * k.devices) * hours
        line.sojourn_days += self.now - job.arrived
        self.done_venue, self.done_class = v, job.job_class
        self.free_job_slot(j)
        while slot >= 0:
            following = self.provider[slot].next_member
            self.provider[slot].work_hours += <double>k.gpus * hours
            if venue.reputation_gain > 0.0:
                self.reputation[slot] += venue.reputation_gain * (1.0 - self.reputation[slot])
            self.release(slot)
            slot = following
        if venue.queued > 0:
            self.dispatch(v)
        self.settle()

    cdef void fail(self, int32_t slot) noexcept nogil:
        """The provider has become unavailable with a job on it."""
        cdef Provider* provider = &self.provider[slot]
        cdef int32_t j = provider.job, member, following
        cdef Job* job = &self.job[j]
        cdef int v = job.venue
        cdef VenueState* venue = &self.venue[v]
        cdef ClassState* k = &self.job_class[job.job_class]
        cdef Line* line = self.line_of(v, job.job_class)
        cdef double days = self.now - job.since, speed = self.pool[provider.pool].speed, duration = over(job.work, speed)
        cdef double kept = 0.0, done, paid_days = 0.0
        cdef bint shared
        self.events += 1
        self.log(T_FAIL, job.number, provider.uid)
        if venue.pays_failed:
            paid_days = duration if duration < days else days
        if not k.redraw:
            done = days * speed
            if job.work < done:
                done = job.work
            if k.checkpoint == 0.0:
                kept = done
            elif k.checkpoint != INFINITY:
                kept = floor(done / k.checkpoint) * k.checkpoint
                if job.work < kept:
                    kept = job.work
            job.work -= kept
        self.stop(job, paid_days, duration)
        line.failed_attempts += 1
        line.gpu_hours_lost += <double>(k.gpus * k.devices) * (24.0 * (days - kept / speed))
        self.failures[slot] += 1
        if venue.reputation_loss > 0.0:
            self.reputation[slot] -= venue.reputation_loss * self.reputation[slot]
        member = job.member
        shared = self.provider[member].next_member >= 0
        job.member = -1
        while member >= 0:
            following = self.provider[member].next_member
            self.release(member)
            member = following
        if shared:
            self.dispatch(v)
        if venue.on_failure == LEAVE:
            line.failed += 1
            self.log(T_LOST, job.number, -1)
            self.free_job_slot(j)
        elif not (venue.on_failure == NEXT and self.move(j)):
            self.place(j)

    # -- providers ----------------------------------------------------------------------------------------------

    cdef inline void add_idle(self, int32_t slot) noexcept nogil:
        cdef Provider* provider = &self.provider[slot]
        cdef PoolState* pool = &self.pool[provider.pool]
        cdef VenueState* venue = &self.venue[pool.venue]
        cdef int tier
        provider.flags |= IDLE
        pool.idle += 1
        pool.idle_days -= self.now
        if venue.rule == TIERED_QUEUE:
            self.idle_ticket[slot] = self.next_ticket
            self.next_ticket += 1
            tier = self.tier_of(venue, self.reputation_of(slot))
            provider.tier = <uint8_t>tier
            self.next_idle[slot] = -1
            self.previous_idle[slot] = pool.last_idle[tier]
            if pool.last_idle[tier] >= 0:
                self.next_idle[pool.last_idle[tier]] = slot
            else:
                pool.first_idle[tier] = slot
            pool.last_idle[tier] = slot
        elif provider.rank >= 0:
            rank_set(&pool.ranks, provider.rank)

    cdef inline void remove_idle(self, int32_t slot) noexcept nogil:
        cdef Provider* provider = &self.provider[slot]
        cdef PoolState* pool = &self.pool[provider.pool]
        cdef int32_t before, behind
        provider.flags &= <uint8_t>~IDLE
        pool.idle -= 1
        pool.idle_days += self.now
        if self.venue[pool.venue].rule == TIERED_QUEUE:
            before, behind = self.previous_idle[slot], self.next_idle[slot]
            if before >= 0:
                self.next_idle[before] = behind
            else:
                pool.first_idle[provider.tier] = behind
            if behind >= 0:
                self.previous_idle[behind] = before
            else:
                pool.last_idle[provider.tier] = before
        elif provider.rank >= 0:
            rank_clear(&pool.ranks, provider.rank)
            self.changing = &pool.ranks

    cdef inline void enter_state(self, int32_t slot) noexcept nogil:
        """Count a provider without a job into the state that its flags give."""
        cdef Provider* provider = &self.provider[slot]
        cdef PoolState* pool = &self.pool[provider.pool]
        if not provider.flags & ONLINE:
            pool.offline_n += 1
            pool.offline_days -= self.now
        elif provider.flags & BANNED:
            pool.banned += 1
        else:
            self.add_idle(slot)

    cdef inline void leave_state(self, int32_t slot) noexcept nogil:
        cdef Provider* provider = &self.provider[slot]
        cdef PoolState* pool = &self.pool[provider.pool]
        if provider.flags & IDLE:
            self.remove_idle(slot)
        elif not provider.flags & ONLINE:
            pool.offline_n -= 1
            pool.offline_days += self.now
        else:
            pool.banned -= 1

    cdef inline void release(self, int32_t slot) noexcept nogil:
        """The provider's job has ended."""
        cdef PoolState* pool = &self.pool[self.provider[slot].pool]
        pool.busy -= 1
        pool.busy_days += self.now
        self.provider[slot].job = -1
        if self.provider[slot].flags & LEAVING:
            self.forget(slot)
        else:
            self.enter_state(slot)

    cdef inline uint64_t provider_word(self, Provider* provider) noexcept nogil:
        provider.stream += golden()
        return mix(provider.stream)

    cdef void spell(self, int32_t slot) noexcept nogil:
        """Schedule the end of the provider's spell online or offline."""
        cdef Provider* provider = &self.provider[slot]
        cdef PoolState* pool = &self.pool[provider.pool]
        cdef LawConstants* law = &pool.online if provider.flags & ONLINE else &pool.offline
        cdef uint64_t first, second = 0
        cdef double delay
        if law.code == 4:
            provider.mark = 0
            return
        if law.code == 3:
            delay = law.a
        else:
            first = self.provider_word(provider)
            if law.code == 2:
                second = self.provider_word(provider)
            delay = sample(law, first, second)
        if pool.amplitude > 0.0:
            delay = delay / (1.0 + pool.amplitude)
        provider.mark = self.after(delay, (<uint32_t>TURN << 29) | <uint32_t>slot)

    cdef void turn(self, int32_t slot, uint32_t mark) noexcept nogil:
        """A provider's spell ends."""
        cdef Provider* provider = &self.provider[slot]
        cdef PoolState* pool = &self.pool[provider.pool]
        cdef double wave, height
        if provider.mark != mark:
            return
        if pool.amplitude > 0.0:
            wave = pool.amplitude * cos(two_pi() * (self.now - pool.peak))
            height = 1.0 - wave if provider.flags & ONLINE else 1.0 + wave
            if unit(self.provider_word(provider)) * (1.0 + pool.amplitude) >= height:
                self.spell(slot)
                return
        self.events += 1
        if provider.flags & ONLINE:
            self.log(T_DOWN, provider.uid, -1)
            provider.online_days += self.now
            if provider.job < 0:
                self.leave_state(slot)
            provider.flags &= <uint8_t>~ONLINE
            self.spell(slot)
            if provider.job < 0:
                self.enter_state(slot)
            else:
                self.fail(slot)
        else:
            self.log(T_UP, provider.uid, -1)
            self.leave_state(slot)
            provider.flags |= ONLINE
            provider.online_days -= self.now
            self.spell(slot)
            self.enter_state(slot)
            if provider.flags & IDLE and self.venue[pool.venue].queued > 0:
                self.dispatch(pool.venue)
        self.settle()

    cdef void forget(self, int32_t slot) noexcept nogil:
        self.log(T_EXIT, self.provider[slot].uid, -1)
        self.slot_of[self.provider[slot].uid] = -1
        self.provider[slot].mark = 0
        self.provider[slot].next_member = self.free_slot
        self.free_slot = slot

    cdef int32_t new_slot(self) except -1:
        cdef int32_t slot = self.free_slot
        if slot >= 0:
            self.free_slot = self.provider[slot].next_member
            return slot
        self.n_slots += 1
        return <int32_t>(self.n_slots - 1)

    cdef make_room(self, int64_t more):
        """Room for ``more`` providers beyond the slots and ids in use."""
        cdef int64_t used
        cdef void* larger
        cdef int64_t room = self.n_slots + more
        if self.n_uids + more > 2**29 - 1:
            raise ValueError("at most 2^29 providers can enter one market")
        if room > self.slot_room:
            used = self.n_slots
            room = max(room, self.slot_room + (self.slot_room >> 2))
            larger = simdai_grow(self.provider, self.slot_room * sizeof(Provider), room * sizeof(Provider))
            if larger == NULL:
                raise MemoryError
            self.provider = <Provider*>larger
            self.calendar.record_base[TURN] = <char*>self.provider
            # Zeroed pages cost neither time nor memory before something else is written to them.
            self.failures = <int32_t*>zeroed(self.failures, used, room, sizeof(int32_t))
            self.place_in_pool = <int32_t*>zeroed(self.place_in_pool, used, room, sizeof(int32_t))
            self.account = <int32_t*>zeroed(self.account, used, room, sizeof(int32_t))
            self.reputation = <double*>zeroed(self.reputation, used, room, sizeof(double))
            self.idle_ticket = <uint64_t*>zeroed(self.idle_ticket, used, room, sizeof(uint64_t))
            self.next_idle = <int32_t*>zeroed(self.next_idle, used, room, sizeof(int32_t))
            self.previous_idle = <int32_t*>zeroed(self.previous_idle, used, room, sizeof(int32_t))
            self.lease_ask = <int64_t*>zeroed(self.lease_ask, used, room, sizeof(int64_t))
            self.slot_room = room
        if self.n_uids + more > self.uid_room:
            room = max(self.n_uids + more, self.uid_room + (self.uid_room >> 2))
            self.slot_of = <int32_t*>grown(self.slot_of, room, sizeof(int32_t))
            self.uid_room = room

    cdef rank_again(self, int p):
        """Order the providers of pool ``p`` by (ask, id) and set the bits of those that are idle."""
        cdef PoolState* pool = &self.pool[p]
        cdef Ranks* r = &pool.ranks
        cdef int64_t k, n = 0, i
        cdef int32_t slot
        for k in range(pool.entered):
            n += self.slot_of[pool.uid_of[k]] >= 0
        if ranks_open(r, n) < 0:
            raise MemoryError
        i = 0
        for k in range(pool.entered):
            slot = self.slot_of[pool.uid_of[k]]
            if slot >= 0:
                r.at[i].ask = self.provider[slot].ask
                r.at[i].slot, r.at[i].uid = slot, self.provider[slot].uid
                i += 1
        if sort_by_ask(r) < 0:
            raise MemoryError
        for i in range(n):
            slot = r.at[i].slot
            self.provider[slot].rank = <int32_t>i
            if self.provider[slot].flags & IDLE and self.venue[pool.venue].rule != TIERED_QUEUE:
                rank_set(r, i)

    def add_providers(self, int p, const int64_t[::1] asks, accounts, online):
        cdef PoolState* pool = &self.pool[p]
        cdef int64_t i
        cdef int64_t n = asks.shape[0], first = self.n_uids
        cdef int32_t slot
        cdef Provider* provider
        cdef const int64_t[::1] account_view
        cdef const int8_t[::1] online_view
        cdef bint drawn, paid = accounts is not None, told = online is not None
        if paid:
            account_view = accounts
        if told:
            online_view = online
        self.enter()
        self.make_room(n)
        if pool.entered + n > pool.room:
            pool.room = max(pool.entered + n, pool.room + (pool.room >> 2))
            pool.uid_of = <int32_t*>grown(pool.uid_of, pool.room, sizeof(int32_t))
        law = self.pools[p]
        spells = law.online.mean, law.offline.mean
        if reserve(&self.calendar, self.now, n, 0.0 if float("inf") in spells else sum(spells) / 2) < 0:
            raise MemoryError
        for i in range(n):
            slot = self.new_slot()
            provider = &self.provider[slot]
            memset(provider, 0, sizeof(Provider))
            provider.uid = <int32_t>self.n_uids
            self.slot_of[self.n_uids] = slot
            self.n_uids += 1
            provider.ask, provider.pool = asks[i], <uint16_t>p
            provider.job = provider.rank = provider.next_member = -1
            provider.stream = entity_state(pool.key, pool.entered)
            if self.failures[slot]:
                self.failures[slot] = 0
            self.place_in_pool[slot] = <int32_t>pool.entered
            pool.uid_of[pool.entered] = provider.uid
            if paid:
                self.account[slot] = <int32_t>(account_view[i] + 1)
            elif self.account[slot]:
                self.account[slot] = 0
            if self.tracks_reputation:
                self.reputation[slot] = pool.reputation
            pool.entered += 1
            drawn = unit(self.provider_word(provider)) < pool.online_share
            if told:
                drawn = online_view[i] > 0
            provider.flags = ONLINE if drawn else 0
            provider.online_days = -self.now if drawn else 0.0
            self.log(T_ENTER, provider.uid, drawn)
            self.spell(slot)
            self.enter_state(slot)
        self.rank_again(p)
        self.dispatch(pool.venue)
        self.settle()
        self.halt = False
        self.leave()
        return first

    def alive(self, const int64_t[::1] uids):
        cdef int64_t i
        for i in range(uids.shape[0]):
            if not 0 <= uids[i] < self.n_uids or self.slot_of[uids[i]] < 0:
                return False
        return True

    def remove_providers(self, const int64_t[::1] uids, bint drain):
        cdef int64_t i
        cdef int32_t slot
        self.enter()
        busy = []
        for i in range(uids.shape[0]):
            slot = self.slot_of[uids[i]]
            if self.provider[slot].job < 0:
                self.leave_state(slot)
                self.forget(slot)
            else:
                self.provider[slot].flags |= LEAVING
                busy.append(uids[i])
        if not drain:
            self.fail_all(busy)
        self.settle()
        self.halt = False
        self.leave()

    cdef fail_all(self, list busy):
        cdef int32_t slot
        for uid in busy:
            slot = self.slot_of[<int64_t>uid]
            if slot >= 0 and self.provider[slot].job >= 0:
                self.fail(slot)

    def ban(self, const int64_t[::1] uids):
        cdef int64_t i
        cdef int32_t slot
        self.enter()
        busy = []
        for i in range(uids.shape[0]):
            slot = self.slot_of[uids[i]]
            if self.provider[slot].flags & BANNED:
                continue
            self.log(T_BAN, uids[i], -1)
            if self.provider[slot].job < 0:
                self.leave_state(slot)
                self.provider[slot].flags |= BANNED
                self.enter_state(slot)
            else:
                self.provider[slot].flags |= BANNED
                busy.append(uids[i])
        self.fail_all(busy)
        self.settle()
        self.halt = False
        self.leave()

    def unban(self, const int64_t[::1] uids):
        cdef int64_t i
        cdef int32_t slot
        self.enter()
        venues = set()
        for i in range(uids.shape[0]):
            slot = self.slot_of[uids[i]]
            if not self.provider[slot].flags & BANNED:
                continue
            self.log(T_UNBAN, uids[i], -1)
            self.leave_state(slot)
            self.provider[slot].flags &= <uint8_t>~BANNED
            self.enter_state(slot)
            venues.add(self.pool[self.provider[slot].pool].venue)
        self.dispatch_all(venues)
        self.settle()
        self.halt = False
        self.leave()

    def reprice(self, const int64_t[::1] uids, const int64_t[::1] asks):
        cdef int64_t i
        cdef int32_t slot
        self.enter()
        pools = set()
        for i in range(uids.shape[0]):
            slot = self.slot_of[uids[i]]
            self.provider[slot].ask = asks[i]
            pools.add(self.provider[slot].pool)
        for p in pools:
            self.rank_again(p)
        self.dispatch_all({self.pool[<int>p].venue for p in pools})
        self.settle()
        self.halt = False
        self.leave()

    cdef dispatch_all(self, venues):
        for v in sorted(venues):
            self.dispatch(v)

    # -- settings -----------------------------------------------------------------------------------------------

    def set_shares(self, int c, const double[::1] shares):
        cdef int v
        for v in range(self.n_venues):
            self.share[c * self.n_venues + v] = shares[v]

    def set_capacity(self, int v, int64_t gpus):
        self.enter()
        self.venue[v].capacity = gpus
        self.dispatch(v)
        self.settle()
        self.halt = False
        self.leave()

    def set_ask(self, int v, int64_t ask):
        self.enter()
        self.venue[v].ask = ask
        self.dispatch(v)
        self.settle()
        self.halt = False
        self.leave()

    def set_take(self, int v, int64_t take_ppm):
        self.venue[v].take_ppm = take_ppm

    def reseed(self):
        cdef int64_t slot_number
        cdef int p
        cdef int32_t slot
        for generator, s in zip(self.generators, self.classes):
            generator.state = self.streams.bit_generator(f"market.jobs.{s.name}").state
        for c in range(self.n_classes):
            self.job_class[<int>c].next_draw = DRAWS
        for p in range(self.n_pools):
            self.pool[p].key = self.streams.key("market.provider", self.pools[p].name)
        for slot_number in range(self.n_uids):
            slot = self.slot_of[slot_number]
            if slot >= 0:
                self.provider[slot].stream = entity_state(
                    self.pool[self.provider[slot].pool].key, self.place_in_pool[slot]
                )

    def reset_counters(self):
        cdef int i
        cdef Line* line
        for i in range(self.n_venues * self.n_classes):
            line = &self.line[i]
            line.submitted = line.started = line.completed = line.failed_attempts = line.failed = 0
            line.reneged = line.moved = line.waited = line.revenue = line.fees = 0
            line.gpu_hours = line.gpu_hours_lost = line.wait_days = line.sojourn_days = 0.0
            memset(line.histogram, 0, sizeof(line.histogram))

    # -- readings -----------------------------------------------------------------------------------------------

    @property
    def outside(self):
        return [self.job_class[<int>i].outside for i in range(self.n_classes)]

    @property
    def arrivals(self):
        return [self.job_class[<int>i].arrivals for i in range(self.n_classes)]

    @property
    def digest_state(self):
        return self.digest_word

    @property
    def n_events(self):
        return self.events

    @property
    def trace(self):
        if not self.tracing:
            return None
        cdef Record* r
        out = []
        for i in range(self.n_records):
            r = &self.records[<int64_t>i]
            out.append((r.time, r.kind, r.number, r.other))
        return out

    @property
    def histogram(self):
        out = np.zeros((self.n_venues, self.n_classes, BINS), dtype=np.int64)
        cdef int64_t[:, :, ::1] view = out
        cdef int v, c, b
        for v in range(self.n_venues):
            for c in range(self.n_classes):
                for b in range(BINS):
                    view[v, c, b] = self.line_of(v, c).histogram[b]
        return out

    def queue_length(self, int v):
        return self.venue[v].queued

    def read_counters(self):
        cdef Line* line
        cdef int64_t i, n = self.n_venues * self.n_classes
        whole = np.empty((len(WHOLE_COUNTERS), n), dtype=np.int64)
        real = np.empty((len(spec.COUNTERS_FLOAT), n), dtype=np.float64)
        cdef int64_t[:, ::1] w = whole
        cdef double[:, ::1] r = real
        for i in range(n):
            line = &self.line[i]
            # in the order of spec.COUNTERS_INT
            w[0, i], w[1, i], w[2, i], w[3, i] = line.submitted, line.started, line.completed, line.failed_attempts
            w[4, i], w[5, i], w[6, i], w[7, i] = line.failed, line.reneged, line.moved, line.waited
            w[8, i], w[9, i], w[10, i], w[11, i] = line.revenue, line.fees, line.length, line.running
            # in the order of spec.COUNTERS_FLOAT
            r[0, i], r[1, i], r[2, i], r[3, i] = line.gpu_hours, line.gpu_hours_lost, line.wait_days, line.sojourn_days
        shape = (self.n_venues, self.n_classes)
        columns = dict(zip(WHOLE_COUNTERS, whole.reshape((len(whole), *shape))))
        columns.update(zip(spec.COUNTERS_FLOAT, real.reshape((len(real), *shape))))
        return columns

    def read_counter(self, name, int v, int c):
        cdef Line* line = self.line_of(v, c)
        if name == "revenue":
            return line.revenue
        if name == "gpu_hours":
            return line.gpu_hours
        return self.read_counters()[name][v, c].item()

    def read_pools(self):
        cdef double now = self.env.now
        cdef PoolState* pool
        cdef int p
        rows = []
        for p in range(self.n_pools):
            pool = &self.pool[p]
            rows.append((
                pool.idle, pool.busy, pool.offline_n, pool.banned,
                pool.idle_days + <double>pool.idle * now,
                pool.busy_days + <double>pool.busy * now,
                pool.offline_days + <double>pool.offline_n * now,
            ))
        names = ("idle", "busy", "offline", "banned", "idle_days", "busy_days", "offline_days")
        return {
            name: np.array([row[i] for row in rows], dtype=np.int64 if i < 4 else np.float64)
            for i, name in enumerate(names)
        }

    def read_venues(self):
        cdef double now = self.env.now
        cdef VenueState* venue
        cdef int v
        rows = []
        for v in range(self.n_venues):
            venue = &self.venue[v]
            rows.append((
                venue.capacity, venue.ask, venue.gpus_busy, venue.queued,
                venue.gpu_days + <double>venue.gpus_busy * now,
            ))
        names = ("capacity", "ask", "gpus_busy", "queued", "gpu_days")
        return {
            name: np.array([row[i] for row in rows], dtype=np.int64 if i < 4 else np.float64)
            for i, name in enumerate(names)
        }

    def work_hours(self, int p):
        cdef PoolState* pool = &self.pool[p]
        cdef int64_t k, n = 0
        cdef int32_t slot
        out = np.empty(pool.entered, dtype=np.float64)
        cdef double[::1] view = out
        for k in range(pool.entered):
            slot = self.slot_of[pool.uid_of[k]]
            if slot >= 0:
                view[n] = self.provider[slot].work_hours
                n += 1
        return out[:n]

    def memory(self):
        """Bytes held, by structure; untouched pages of the rare columns are counted though they cost nothing."""
        cdef Calendar* q = &self.calendar
        cdef int p
        ranks = sum([self.pool[p].ranks.n * (16 + 1 / 8) for p in range(self.n_pools)])
        return {
            "provider records (64 B)": self.slot_room * sizeof(Provider),
            "provider columns: account, failures, index (4 B), reputation (8 B)": self.slot_room * 20,
            "provider columns by rule: idle order (16 B), lease ask (8 B)": self.slot_room * 24,
            "ids (4 B)": self.uid_room * 4,
            "price ranks (16 B + bit)": int(ranks),
            "job records (64 B + 32 B)": self.job_room * (sizeof(Job) + sizeof(Wandering)),
            "events (24 B in chunks of 248 B)": q.chunk_capacity * sizeof(Chunk),
            "calendar buckets (8 B)": q.n_buckets * 8,
        }

    cdef inline int32_t slot_for(self, PoolState* pool, int64_t k, int64_t[::1] rows, int64_t length) except -2:
        """Slot of a pool's ``k``-th provider, whose row lies within columns of a length; -1 if it has left."""
        cdef int32_t slot = self.slot_of[pool.uid_of[k]]
        if slot < 0:
            return -1
        if k >= rows.shape[0]:
            raise ValueError(f"rows for {rows.shape[0]} providers; more have entered")
        if not 0 <= rows[k] < length:
            raise ValueError(f"row {rows[k]} is outside the columns")
        return slot

    cdef inline double days_online(self, Provider* provider, double now) noexcept nogil:
        return provider.online_days + (now if provider.flags & ONLINE else 0.0)

    def write_presence(self, int p, int64_t[::1] rows, double[::1] online_days, uint8_t[::1] busy, uint8_t[::1] banned):
        cdef PoolState* pool = &self.pool[p]
        cdef int64_t k, length = min(online_days.shape[0], busy.shape[0], banned.shape[0])
        cdef int32_t slot
        cdef Provider* provider
        cdef double now = self.env.now
        for k in range(pool.entered):
            slot = self.slot_for(pool, k, rows, length)
            if slot >= 0:
                provider = &self.provider[slot]
                online_days[rows[k]] = self.days_online(provider, now)
                busy[rows[k]], banned[rows[k]] = provider.job >= 0, (provider.flags & BANNED) > 0

    def write_records(self, int p, int64_t[::1] rows, int64_t[::1] revenue, double[::1] work_hours, double[::1] online_days, int64_t[::1] failures):
        cdef PoolState* pool = &self.pool[p]
        cdef int64_t k, length = min(revenue.shape[0], work_hours.shape[0], online_days.shape[0], failures.shape[0])
        cdef int32_t slot
        cdef Provider* provider
        cdef double now = self.env.now
        for k in range(pool.entered):
            slot = self.slot_for(pool, k, rows, length)
            if slot >= 0:
                provider = &self.provider[slot]
                revenue[rows[k]], work_hours[rows[k]] = provider.revenue, provider.work_hours
                online_days[rows[k]], failures[rows[k]] = self.days_online(provider, now), self.failures[slot]

    def read_providers(self, int p):
        cdef PoolState* pool = &self.pool[p]
        cdef int64_t k, n = 0, i = 0
        cdef int32_t slot
        cdef Provider* provider
        cdef double now = self.env.now
        for k in range(pool.entered):
            n += self.slot_of[pool.uid_of[k]] >= 0
        integers = {name: np.empty(n, dtype=np.int64) for name in ("uid", "index", "ask", "revenue", "failures", "account")}
        floats = {name: np.empty(n, dtype=np.float64) for name in ("work_hours", "online_days", "reputation")}
        flags_of = np.empty(n, dtype=np.uint8)
        busy_of = np.empty(n, dtype=np.bool_)
        cdef int64_t[::1] uids = integers["uid"], index = integers["index"], ask = integers["ask"]
        cdef int64_t[::1] revenue = integers["revenue"], failures = integers["failures"], account = integers["account"]
        cdef double[::1] work = floats["work_hours"], days = floats["online_days"], reputation = floats["reputation"]
        cdef uint8_t[::1] flags = flags_of
        cdef uint8_t[::1] busy = busy_of.view(np.uint8)
        for k in range(pool.entered):
            slot = self.slot_of[pool.uid_of[k]]
            if slot < 0:
                continue
            provider = &self.provider[slot]
            uids[i], index[i], ask[i], revenue[i] = provider.uid, k, provider.ask, provider.revenue
            failures[i], account[i] = self.failures[slot], self.account[slot] - 1
            work[i], reputation[i] = provider.work_hours, self.reputation_of(slot)
            days[i] = self.days_online(provider, now)
            flags[i], busy[i] = provider.flags, provider.job >= 0
            i += 1
        return {
            "uid": integers["uid"],
            "index": integers["index"],
            "ask": integers["ask"],
            "online": (flags_of & ONLINE) > 0,
            "busy": busy_of,
            "banned": (flags_of & BANNED) > 0,
            "leaving": (flags_of & LEAVING) > 0,
            "work_hours": floats["work_hours"],
            "revenue": integers["revenue"],
            "failures": integers["failures"],
            "online_days": floats["online_days"],
            "reputation": floats["reputation"],
            "account": integers["account"],
        }


cdef void* grown(void* block, int64_t n, int64_t size) except NULL:
    cdef void* larger = realloc(block, n * size)
    if larger == NULL:
        raise MemoryError
    return larger


cdef void* zeroed(void* block, int64_t used, int64_t n, int64_t size) except NULL:
    """A larger block with ``used`` items of the old one and zeros behind them."""
    cdef void* larger = calloc(n, size)
    if larger == NULL:
        raise MemoryError
    if used:
        memcpy(larger, block, used * size)
    free(block)
    return larger


cdef inline bint earlier(double time, uint64_t sequence, double than, uint64_t than_sequence) noexcept nogil:
    return time < than or (time == than and sequence < than_sequence)


cdef inline uint64_t job_word(uint64_t seed, int64_t number) noexcept nogil:
    return mix(seed + <uint64_t>(number + 1) * golden())


cdef inline double unit_gap(ClassState* k) noexcept nogil:
    """Unit-rate time between two arrivals."""
    cdef uint64_t word = k.generator.next_uint64(k.generator.state)
    return 1.0 if k.regular else -log(open_unit(word))


cdef void draw_ahead(ClassState* k) noexcept nogil:
    """Draw what the next arrivals need, in the order in which they would draw it."""
    cdef int i
    for i in range(DRAWS):
        k.draws[i].seed = k.generator.next_uint64(k.generator.state)
        k.draws[i].left = unit_gap(k)
    for i in range(DRAWS):
        k.draws[i].work = job_sample(&k.service, k.draws[i].seed, 4)
    k.next_draw = 0


cdef inline double job_sample(LawConstants* law, uint64_t seed, int64_t number) noexcept nogil:
    """A duration from the job's numbers from ``number`` on."""
    if law.code >= 3:
        return law.a
    return sample(law, job_word(seed, number), job_word(seed, number + 1) if law.code == 2 else 0)


cdef inline double over(double days, double speed) noexcept nogil:
    """The quotient; a division by one is not worth its time."""
    return days if speed == 1.0 else days / speed


cdef inline int wait_bin(double days) noexcept nogil:
    cdef int exponent, position
    cdef double fraction
    if days <= 0.0:
        return 0
    fraction = frexp(days, &exponent)
    position = (exponent + 19) * 8 + <int>((2.0 * fraction - 1.0) * 8.0) + 1
    if position < 1:
        return 1
    return position if position < BINS - 1 else BINS - 1


cdef inline int64_t without_fee(int64_t amount, int64_t take_ppm) noexcept nogil:
    """The seller's part of a payment: largest remainder, ties to the seller; in two steps, against overflow."""
    cdef int64_t millions = amount // 1000000, rest = amount % 1000000
    cdef int64_t seller = rest * (1000000 - take_ppm)
    cdef int64_t seller_rest = seller % 1000000, fee_rest = rest * take_ppm % 1000000
    return (
        millions * (1000000 - take_ppm) + seller // 1000000
        + (seller_rest + fee_rest > 0 and seller_rest >= fee_rest)
    )
