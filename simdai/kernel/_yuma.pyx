# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=False
"""The compiled Yuma epoch; ``simdai.mechanisms.yuma.yuma_epoch`` defines it and says why."""

import numpy as np

cimport cython
from libc.math cimport exp, floor
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

cdef extern from "_yuma.h" nogil:
    ctypedef struct simdai_backing:
        int64_t weight
        int64_t stake
    int64_t simdai_bits(double weight)
    int64_t simdai_parts(double stake)
    double simdai_median(
        Py_ssize_t n, const simdai_backing* held, int64_t needed, int64_t* weight, int64_t* stake
    )
    void simdai_follow(
        Py_ssize_t n, double keep, double alpha, const uint16_t* prior, const double* target, double* bond, double* sums
    )
    void simdai_buy(
        Py_ssize_t n, double stake, const uint16_t* prior, const double* target, double* bond, double* bought, double* kept
    )
    void simdai_blend(
        Py_ssize_t n, const double* bought, const double* kept, const uint16_t* prior, double* bond, double* sums,
        double* top
    )
    int64_t simdai_total(Py_ssize_t n, const uint16_t* targets, const uint16_t* values, uint16_t own)
    void simdai_divide(Py_ssize_t n, double total, const uint16_t* values, double* weight)
    int simdai_store(Py_ssize_t n, const double* bond, const double* factor, uint16_t* row)
    double simdai_dot(Py_ssize_t n, const double* a, const double* b)

cdef double GRAIN = 4294967296.0  # 2^32
cdef double FORGIVEN = 2e-6
cdef double U16_MAX = 65535.0
cdef double KAPPA_SLACK = 1e-9

cdef inline double grains(double share) noexcept nogil:
    return floor(share * GRAIN + FORGIVEN)



cdef inline int64_t part_of(int64_t amount, int64_t grains) noexcept nogil:
    """amount * grains / 2^32 rounded down, of an amount >= 0 and at most 2^32 grains."""
    return (amount >> 32) * grains + <int64_t>((<uint64_t>(<uint32_t>amount) * <uint64_t>grains) >> 32)


cdef void largest(uint64_t* keys, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Order ``keys`` so that the k largest come first, 0 < k < n."""
    cdef Py_ssize_t low = 0, high = n - 1, i, j
    cdef uint64_t pivot, key
    while low < high:
        pivot = keys[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while keys[i] > pivot:
                i += 1
            while keys[j] < pivot:
                j -= 1
            if i <= j:
                key = keys[i]
                keys[i] = keys[j]
                keys[j] = key
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@cython.final
cdef class Epoch:
    """Epochs of n UIDs on arrays that the caller keeps; every result is an array that the next epoch overwrites.

    Parameters
    ----------
    stake : (n,) float64
    permit : (n,) uint8, who may set weights; the epoch's own verdict is ``new_permit``
    updated, registered, committed : (n,) int64 blocks; ``committed`` is the largest int64 without a commitment
    targets, values : (n, n) uint16, row i holds in its first ``counts[i]`` places whom i weighs and by how much
    counts : (n,) int32
    bonds : (n, n) uint16, the prior ones; an epoch puts the next ones in their place
    """

    cdef readonly Py_ssize_t n
    cdef double[::1] stake
    cdef uint8_t[::1] permit
    cdef int64_t[::1] updated, registered, committed
    cdef uint16_t[:, ::1] targets, values, bonds
    cdef int32_t[::1] counts
    cdef readonly object shares, active, consensus, incentive, dividends, trust, new_permit
    cdef readonly object server_grains, validator_grains
    cdef double[::1] _shares, _active, _consensus, _incentive, _dividends, _trust
    cdef uint8_t[::1] _new_permit
    cdef int64_t[::1] _server, _validator
    # the live rows: validators with weights to count, and holders of bonds
    cdef Py_ssize_t rows, room
    cdef int32_t* uid
    cdef int32_t* entries  # how many weights of the row count
    cdef uint16_t* entry_uid
    cdef double* entry_weight
    cdef double* bond  # (rows, n), before columns are normalised
    cdef Py_ssize_t stride  # from column to column; an odd number of cache lines, so that they do not contend
    cdef simdai_backing* column  # (n, stride): of each column the weights that active stake backs
    cdef int64_t* spare  # two of stride
    cdef int32_t* backers
    cdef double* wide  # three arrays of n
    cdef double* column_sum
    cdef double* column_top
    cdef uint64_t* keys
    cdef uint8_t* bonded  # which uids hold bonds

    def __cinit__(self, stake, permit, updated, registered, committed, targets, values, counts, bonds):
        self.stake, self.permit = stake, permit
        self.updated, self.registered, self.committed = updated, registered, committed
        self.targets, self.values, self.counts, self.bonds = targets, values, counts, bonds
        cdef Py_ssize_t n = self.stake.shape[0]
        if not 0 < n <= 65536:
            raise ValueError(f"an epoch has 1 to 65536 UIDs, not {n}")
        for name, held in (("targets", targets), ("values", values), ("bonds", bonds)):
            if held.shape != (n, n):
                raise ValueError(f"{name} has shape {held.shape}; expected ({n}, {n})")
        for name, held in (
            ("permit", permit), ("updated", updated), ("registered", registered), ("committed", committed),
            ("counts", counts),
        ):
            if held.shape != (n,):
                raise ValueError(f"{name} has shape {held.shape}; expected ({n},)")
        self.n = n
        self.shares = self._shares = np.zeros(n)
        self.active = self._active = np.zeros(n)
        self.consensus = self._consensus = np.zeros(n)
        self.incentive = self._incentive = np.zeros(n)
        self.dividends = self._dividends = np.zeros(n)
        self.trust = self._trust = np.zeros(n)
        self.new_permit = self._new_permit = np.zeros(n, np.uint8)
        self.server_grains = self._server = np.zeros(n, np.int64)
        self.validator_grains = self._validator = np.zeros(n, np.int64)
        self.uid = <int32_t*>malloc(n * sizeof(int32_t))
        self.entries = <int32_t*>malloc(n * sizeof(int32_t))
        self.backers = <int32_t*>malloc(n * sizeof(int32_t))
        self.wide = <double*>malloc(3 * n * sizeof(double))
        self.column_sum = <double*>malloc(n * sizeof(double))
        self.column_top = <double*>malloc(n * sizeof(double))
        self.keys = <uint64_t*>malloc(n * sizeof(uint64_t))
        self.bonded = <uint8_t*>malloc(n)
        if not (self.uid and self.entries and self.backers and self.wide and self.column_sum
                and self.column_top and self.keys and self.bonded):
            raise MemoryError()
        self.read_bonds()

    def __dealloc__(self):
        free(self.uid)
        free(self.entries)
        free(self.backers)
        free(self.wide)
        free(self.column_sum)
        free(self.column_top)
        free(self.keys)
        free(self.bonded)
        self.release()

    cdef void release(self) noexcept nogil:
        free(self.entry_uid)
        free(self.entry_weight)
        free(self.bond)
        free(self.column)
        free(self.spare)
        self.entry_uid, self.entry_weight, self.bond = NULL, NULL, NULL
        self.column, self.spare = NULL, NULL

    cdef int reserve(self, Py_ssize_t rows) except -1:
        """Room for so many live rows."""
        cdef Py_ssize_t cells
        if rows <= self.room:
            return 0
        rows = min(self.n, rows + rows // 4)
        cells = rows * self.n
        self.stride = 4 * ((rows + 3) // 4 | 1)
        self.release()
        self.room = 0
        self.entry_uid = <uint16_t*>malloc(cells * sizeof(uint16_t))
        self.entry_weight = <double*>malloc(cells * sizeof(double))
        self.bond = <double*>malloc(cells * sizeof(double))
        self.column = <simdai_backing*>malloc(self.n * self.stride * sizeof(simdai_backing))
        self.spare = <int64_t*>malloc(2 * self.stride * sizeof(int64_t))
        if not (self.entry_uid and self.entry_weight and self.bond and self.column and self.spare):
            self.release()
            raise MemoryError()
        self.room = rows
        return 0

    def run(
        self, bint by_pair, double kappa, double penalty, double alpha, bint liquid, double low, double high,
        double steepness, Py_ssize_t max_validators, int64_t cutoff, int64_t min_stake, Py_ssize_t owner,
        int64_t block, int64_t last_tempo_block, bint again=False,
    ):
        """One epoch: whether it moved a bond, and whether its new permits differ from ``permit``.

        ``owner`` is -1 without one.

        ``again`` promises that stake, permits, weights, registrations and who is active are those of the
        last epoch: then bonds and dividends alone are computed.
        """
        cdef bint moved
        if not again:
            self.find_rows(owner)
            self.reserve(self.rows)
        with nogil:
            if not again:
                self.share_stake(min_stake, owner)
                self.choose_permits(max_validators, owner)
                self.share_active(block - cutoff, owner)
                self.read_weights(owner)
                self.agree(kappa)
                self.rank()
            self.mask_bonds(last_tempo_block)
            if by_pair:
                moved = self.bonds_by_pair(penalty, alpha, liquid, low, high, steepness)
            else:
                moved = self.bonds_by_stake(penalty, alpha)
            self.emit()
        return moved, memcmp(&self.permit[0], &self._new_permit[0], self.n) != 0

    def read_bonds(self):
        """Tell that ``bonds`` were written by others."""
        cdef Py_ssize_t i, j
        for i in range(self.n):
            self.bonded[i] = False
            for j in range(self.n):
                if self.bonds[i, j]:
                    self.bonded[i] = True
                    break

    def write_rows(self, int64_t[::1] uids, uint16_t[:, ::1] weights):
        """Weights above zero become the rows of ``uids``; whether that changed one."""
        cdef Py_ssize_t i, j, r, count
        cdef uint16_t changed = 0
        cdef uint16_t* targets
        cdef uint16_t* values
        if weights.shape[0] != uids.shape[0] or weights.shape[1] != self.n:
            raise ValueError(f"weights have shape {weights.base.shape}; expected ({uids.shape[0]}, {self.n})")
        for r in range(uids.shape[0]):
            i, count = uids[r], 0
            if not 0 <= i < self.n:
                raise IndexError(f"uid {i} of {self.n}")
            targets, values = &self.targets[i, 0], &self.values[i, 0]
            for j in range(self.n):
                if weights[r, j]:
                    changed |= (targets[count] ^ <uint16_t>j) | (values[count] ^ weights[r, j])
                    targets[count] = <uint16_t>j
                    values[count] = weights[r, j]
                    count += 1
            changed |= count != self.counts[i]
            self.counts[i] = <int32_t>count
        return changed != 0

    def renew_permits(self):
        """The last epoch's permits become those of the next."""
        memcpy(&self.permit[0], &self._new_permit[0], self.n)

    def oldest_update(self):
        """Block of the oldest weights among the last epoch's active validators; the largest int64 without one."""
        cdef Py_ssize_t i
        cdef int64_t oldest = <int64_t>(<uint64_t>-1 >> 1)
        for i in range(self.n):
            if self._active[i] > 0.0 and self.updated[i] < oldest:
                oldest = self.updated[i]
        return oldest

    cdef void find_rows(self, Py_ssize_t owner) noexcept nogil:
        cdef Py_ssize_t i
        self.rows = 0
        for i in range(self.n):
            if self.bonded[i] or (self.counts[i] > 0 and (self.permit[i] or i == owner)):
                self.uid[self.rows] = <int32_t>i
                self.rows += 1
            else:
                self._trust[i] = 0.0
                self._dividends[i] = 0.0

    cdef void share_stake(self, int64_t min_stake, Py_ssize_t owner) noexcept nogil:
        cdef Py_ssize_t i, n = self.n
        cdef double total = 0.0
        cdef double* shares = &self._shares[0]
        for i in range(n):
            shares[i] = self.stake[i] if i == owner or floor(self.stake[i]) >= min_stake else 0.0
            total += shares[i]
        if total == 0.0:
            total = 1.0
        for i in range(n):
            shares[i] /= total
            if shares[i] * GRAIN + FORGIVEN < 1.0:
                shares[i] = 0.0

    cdef void choose_permits(self, Py_ssize_t k, Py_ssize_t owner) noexcept nogil:
        """The k largest stakes above zero; equal stakes go to the higher uid."""
        cdef Py_ssize_t i, held = 0
        memset(&self._new_permit[0], 0, self.n)
        for i in range(self.n):
            if self._shares[i] > 0.0:
                self.keys[held] = (<uint64_t>grains(self._shares[i]) << 16) | <uint64_t>i
                held += 1
        if 0 < k < held:
            largest(self.keys, held, k)
        for i in range(min(held, k)):
            self._new_permit[self.keys[i] & 0xFFFF] = 1
        if owner >= 0:
            self._new_permit[owner] = 1

    cdef void share_active(self, int64_t oldest, Py_ssize_t owner) noexcept nogil:
        cdef Py_ssize_t i, n = self.n
        cdef double total = 0.0
        cdef double* active = &self._active[0]
        for i in range(n):
            active[i] = self._shares[i] if (self.permit[i] or i == owner) and self.updated[i] >= oldest else 0.0
            total += active[i]
        if total != 0.0:
            for i in range(n):
                active[i] /= total

    cdef void read_weights(self, Py_ssize_t owner) noexcept nogil:
        """Weights that count, row by row, and by column those that active stake backs."""
        cdef Py_ssize_t i, j, k, r, count, place, n = self.n, stride = self.stride
        cdef int64_t* registered = &self.registered[0]
        cdef int64_t updated, committed
        cdef uint16_t* targets
        cdef uint16_t* values
        cdef uint16_t* entry_uid
        cdef double* entry_weight
        cdef int64_t stake, total, latest = 0
        cdef int32_t counts
        cdef int32_t* backers = self.backers
        cdef simdai_backing* column = self.column
        memset(backers, 0, n * sizeof(int32_t))
        for j in range(n):
            latest = max(latest, registered[j])
        for r in range(self.rows):
            i = self.uid[r]
            self.entries[r] = 0
            if not (self.permit[i] or i == owner):
                continue
            targets, values = &self.targets[i, 0], &self.values[i, 0]
            entry_uid, entry_weight = self.entry_uid + r * n, self.entry_weight + r * n
            updated, committed, count = self.updated[i], self.committed[i], self.counts[i]
            total = -1
            if updated > latest and committed >= latest:
                total = simdai_total(count, targets, values, <uint16_t>i)
            if total > 0:
                simdai_divide(count, <double>total, values, entry_weight)
                memcpy(entry_uid, targets, count * sizeof(uint16_t))
            else:
                count = total = 0
                for k in range(self.counts[i]):
                    j = targets[k]
                    counts = (updated > registered[j]) & (committed >= registered[j]) & ((j != i) | (i == owner))
                    entry_uid[count] = <uint16_t>j
                    entry_weight[count] = values[k]
                    total += counts * values[k]
                    count += counts
                for k in range(count):
                    entry_weight[k] /= <double>total if total else 1.0
            self.entries[r] = <int32_t>count
            stake = simdai_parts(self._active[i])
            if stake == 0:
                continue
            for k in range(count):
                j = entry_uid[k]
                place = j * stride + backers[j]
                column[place].weight = simdai_bits(entry_weight[k])
                column[place].stake = stake
                backers[j] += entry_weight[k] > 0.0

    cdef void agree(self, double kappa) noexcept nogil:
        """Consensus: of each column the largest weight that a share ``kappa`` of active stake backs."""
        cdef Py_ssize_t j, stride = self.stride
        cdef int64_t needed = <int64_t>((kappa - KAPPA_SLACK) * 1152921504606846976.0)  # 2^60
        for j in range(self.n):
            self._consensus[j] = 0.0
            if self.backers[j]:
                self._consensus[j] = simdai_median(
                    self.backers[j], self.column + j * stride, needed, self.spare, self.spare + stride
                )

    cdef void rank(self) noexcept nogil:
        """Trust of each validator and incentive of each miner, from weights cut at the consensus."""
        cdef Py_ssize_t i, j, k, r, n = self.n
        cdef double* incentive = &self._incentive[0]
        cdef double* consensus = &self._consensus[0]
        cdef double* weight
        cdef uint16_t* uid
        cdef double trust, stake, cut, total = 0.0
        memset(incentive, 0, n * sizeof(double))
        for r in range(self.rows):
            i = self.uid[r]
            weight, uid = self.entry_weight + r * n, self.entry_uid + r * n
            stake = self._active[i]
            trust = 0.0
            for k in range(self.entries[r]):
                j = uid[k]
                cut = weight[k] if weight[k] < consensus[j] else consensus[j]
                trust += cut
                incentive[j] += stake * cut
            self._trust[i] = trust
        for j in range(n):
            total += incentive[j]
        if total != 0.0:
            for j in range(n):
                incentive[j] /= total

    cdef void mask_bonds(self, int64_t last_tempo_block) noexcept nogil:
        """Bonds to miners that registered since the last epoch are void."""
        cdef Py_ssize_t j, r, n = self.n
        for j in range(n):
            if self.registered[j] >= last_tempo_block:
                for r in range(self.rows):
                    self.bonds[self.uid[r], j] = 0

    cdef void spread(self, Py_ssize_t r, double penalty, double* target, uint8_t* held) noexcept nogil:
        """Weights that the bonds of row r follow, over all UIDs; ``held``, unless NULL, where they have an entry."""
        cdef Py_ssize_t j, k, n = self.n, entries = self.entries[r]
        cdef double* weight = self.entry_weight + r * n
        cdef double* consensus = &self._consensus[0]
        cdef uint16_t* uid = self.entry_uid + r * n
        cdef double sought, agreed, cut
        memset(target, 0, n * sizeof(double))
        if penalty == 1.0:
            for k in range(entries):
                sought, agreed = weight[k], consensus[uid[k]]
                target[uid[k]] = sought if sought < agreed else agreed
        elif penalty == 0.0:
            for k in range(entries):
                target[uid[k]] = weight[k]
        else:
            for k in range(entries):
                sought, agreed = weight[k], consensus[uid[k]]
                cut = sought if sought < agreed else agreed
                cut = sought + penalty * (cut - sought)
                target[uid[k]] = cut if cut * GRAIN + FORGIVEN >= 1.0 else 0.0
        if not held:
            return
        memset(held, 0, n)
        for k in range(entries):
            j = uid[k]
            if penalty == 1.0:
                held[j] = (weight[k] <= consensus[j]) | (consensus[j] > 0.0)
            else:
                held[j] = penalty == 0.0 or target[j] > 0.0

    cdef bint bonds_by_pair(
        self, double penalty, double alpha, bint liquid, double low, double high, double steepness
    ) noexcept nogil:
        """Yuma 3: a bond follows the weight of its pair; stake enters the dividends only."""
        cdef Py_ssize_t i, j, r, n = self.n
        cdef double* target = self.wide
        cdef double* sums = self.column_sum
        cdef double* bond
        cdef double* ones = self.column_top
        cdef uint8_t* held = <uint8_t*>(self.wide + n)
        cdef uint16_t* prior
        cdef double keep = (1.0 - alpha) / U16_MAX, old, next_bond, distance, speed, tilt
        cdef bint moved = False, some = False
        for j in range(n):
            some |= self._consensus[j] != 0.0
            ones[j] = 1.0
        liquid = liquid and some
        memset(sums, 0, n * sizeof(double))
        for r in range(self.rows):
            i = self.uid[r]
            prior, bond = &self.bonds[i, 0], self.bond + r * n
            self.spread(r, penalty, target, held if liquid else NULL)
            if liquid:
                for j in range(n):
                    next_bond = 0.0
                    if held[j]:
                        old = prior[j] / U16_MAX
                        distance = target[j] - self._consensus[j] if target[j] >= old else old - target[j]
                        tilt = -steepness * (min(max(distance, 0.0), 1.0) - 0.5)
                        speed = low + (high - low) / (1.0 + exp(min(max(tilt, -20.0), 20.0)))
                        speed = min(max(speed, low), high)
                        next_bond = min((1.0 - speed) * old + speed * target[j], 1.0)
                    bond[j] = next_bond
                    sums[j] += next_bond
            else:
                simdai_follow(n, keep, alpha, prior, target, bond, sums)
            moved |= self.store(i, bond, ones)
        self.pay_dividends(True)
        return moved

    cdef bint bonds_by_stake(self, double penalty, double alpha) noexcept nogil:
        """Yuma 2: a bond is a share of the miner's column, fed by stake times weight."""
        cdef Py_ssize_t i, j, r, n = self.n
        cdef double* target = self.wide
        cdef double* bought = self.wide + n
        cdef double* kept = self.wide + 2 * n
        cdef double* sums = self.column_sum
        cdef double* top = self.column_top
        cdef double* bond
        cdef uint16_t* prior
        cdef double stake
        cdef bint moved = False
        memset(bought, 0, 2 * n * sizeof(double))
        memset(sums, 0, n * sizeof(double))
        memset(top, 0, n * sizeof(double))
        for r in range(self.rows):
            i = self.uid[r]
            stake, prior, bond = self._active[i], &self.bonds[i, 0], self.bond + r * n
            self.spread(r, penalty, target, NULL)
            simdai_buy(n, stake, prior, target, bond, bought, kept)
        for j in range(n):
            bought[j] = alpha / bought[j] if bought[j] != 0.0 else 0.0
            kept[j] = (1.0 - alpha) / kept[j] if kept[j] != 0.0 else 0.0
        for r in range(self.rows):
            prior, bond = &self.bonds[self.uid[r], 0], self.bond + r * n
            simdai_blend(n, bought, kept, prior, bond, sums, top)
        for j in range(n):
            top[j] = 1.0 / top[j] if top[j] != 0.0 else 0.0
        for r in range(self.rows):
            moved |= self.store(self.uid[r], self.bond + r * n, top)
        self.pay_dividends(False)
        return moved

    cdef bint store(self, Py_ssize_t i, double* bond, double* factor) noexcept nogil:
        """Keep the bonds of uid i, times the ``factor`` of each column; True when one moved."""
        cdef Py_ssize_t j, n = self.n
        cdef uint16_t* row = &self.bonds[i, 0]
        cdef uint16_t some = 0
        cdef int stored
        if self._new_permit[i]:
            stored = simdai_store(n, bond, factor, row)
            self.bonded[i] = stored >= 2
            return stored & 1
        for j in range(n):
            some |= row[j]
        memset(row, 0, n * sizeof(uint16_t))
        self.bonded[i] = False
        return some != 0

    cdef void pay_dividends(self, bint staked) noexcept nogil:
        """Dividends of each validator from its shares of the miners' columns, times its stake where ``staked``."""
        cdef Py_ssize_t i, j, r, n = self.n
        cdef double* earned = self.wide
        cdef double* bond
        cdef double total = 0.0
        for j in range(n):
            earned[j] = self._incentive[j] / self.column_sum[j] if self.column_sum[j] != 0.0 else 0.0
        for r in range(self.rows):
            i, bond = self.uid[r], self.bond + r * n
            self._dividends[i] = simdai_dot(n, bond, earned)
            if staked:
                self._dividends[i] *= self._active[i]
            total += self._dividends[i]
        if total != 0.0:
            for r in range(self.rows):
                self._dividends[self.uid[r]] /= total

    cdef void emit(self) noexcept nogil:
        """Each UID's part of the emission as miner and as validator, in whole parts of 2^-32."""
        cdef Py_ssize_t i, n = self.n
        cdef double total = 0.0, paid = 0.0
        cdef double* parts = &self._active[0]
        for i in range(n):
            total += self._incentive[i] + self._dividends[i]
            paid += parts[i]
        if total != 0.0:
            for i in range(n):
                self._server[i] = <int64_t>grains(self._incentive[i] / total)
                self._validator[i] = <int64_t>grains(self._dividends[i] / total)
            return
        if paid == 0.0:
            parts = &self._shares[0]
        for i in range(n):
            self._server[i] = 0
            self._validator[i] = <int64_t>grains(parts[i])

    def pay(self, int64_t emission_rao, int64_t epochs, int64_t[::1] server_rao, int64_t[::1] validator_rao):
        """Add what so many epochs like the last one pay: each share of ``emission_rao``, rounded down."""
        cdef Py_ssize_t i
        for i in range(self.n):
            server_rao[i] += epochs * part_of(emission_rao, self._server[i])
            validator_rao[i] += epochs * part_of(emission_rao, self._validator[i])

    def rows_of(self):
        """The live rows in full: uids (m,), weights (m, n) and bonds (m, n) before their columns are normalised."""
        cdef Py_ssize_t r, k, n = self.n
        weights = np.zeros((self.rows, n))
        bonds = np.empty((self.rows, n))
        uids = np.empty(self.rows, np.int64)
        cdef double[:, ::1] weight = weights
        cdef double[:, ::1] bond = bonds
        cdef int64_t[::1] uid = uids
        for r in range(self.rows):
            uid[r] = self.uid[r]
            for k in range(self.entries[r]):
                weight[r, self.entry_uid[r * n + k]] = self.entry_weight[r * n + k]
            for k in range(n):
                bond[r, k] = self.bond[r * n + k]
        return uids, weights, bonds
