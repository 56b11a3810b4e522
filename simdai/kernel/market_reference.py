"""The market in plain SimPy: the definition that the compiled kernel must equal, bit for bit.

Callbacks on Timeouts, one Timeout an event, brute-force matching. Readable and slow.

Rules fixed here
----------------
* A job's numbers are a function of one 64-bit word drawn at its arrival: number 0 thins, 1 chooses the venue,
  2-3 are its patience, 4-5 its work; later numbers (auctions, redraws) follow in order of use.
* A provider's numbers are its own SplitMix64 stream: number 0 says whether it starts online.
* A changed arrival rate stretches the time to the next arrival; it draws nothing.
* A freed provider serves the queue before anything else is matched; failed work is then placed like a new
  arrival.
* A job waits in the line of its class. Lines are served in the order of the venue's discipline; a line whose
  first job finds no match is passed over.
* A batch of exits or bans first makes all its providers unavailable, then fails their jobs in the order
  given.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from simpy.events import Timeout

from simdai.engine import Environment, Streams
from simdai.engine.streams import GOLDEN, MASK, entity_state, mix
from simdai.kernel import market_spec as spec
from simdai.kernel.market_spec import COUNTERS_FLOAT, COUNTERS_INT, JobClassSpec, PoolSpec, VenueSpec

TWO_PI = 2.0 * math.pi
BELOW_ONE = 1.0 - 2.0**-53
ARRIVALS, QUEUE_EMPTY, QUEUE_ABOVE, DONE_JOBS = range(4)


def unit(word: int) -> float:
    """Uniform number in [0, 1)."""
    return (word >> 11) * 2.0**-53


def open_unit(word: int) -> float:
    """Uniform number in (0, 1]: its logarithm is finite."""
    return ((word >> 11) + 1) * 2.0**-53


def sample(law: tuple[int, float, float], next_word: Callable[[], int]) -> float:
    """A duration by inversion; one word, two for the log-normal."""
    code, a, b = law
    if code == 0:
        return a * -math.log(open_unit(next_word()))
    if code == 1:
        return a * math.pow(-math.log(open_unit(next_word())), b)
    if code == 2:
        radius = math.sqrt(-2.0 * math.log(open_unit(next_word())))
        return math.exp(a + b * (radius * math.cos(TWO_PI * unit(next_word()))))
    return a


def wait_bin(days: float) -> int:
    """Bin of the logarithmic histogram of waits."""
    if days <= 0.0:
        return 0
    fraction, exponent = math.frexp(days)
    position = (exponent + 19) * 8 + int((2.0 * fraction - 1.0) * 8.0) + 1
    return min(max(position, 1), spec.WAIT_BINS - 1)


def payment(rate: float, days: float) -> int:
    """µUSD for ``days`` at ``rate`` µUSD an hour, rounded down."""
    amount = rate * (24.0 * days)
    if amount >= 2.0**62:
        raise OverflowError(f"a payment of {amount:.3g} µUSD does not fit in 64 bits")
    return math.floor(amount)


def without_fee(amount: int, take_ppm: int) -> int:
    """The seller's part of a payment: largest remainder, ties to the seller."""
    seller, seller_rest = divmod(amount * (1_000_000 - take_ppm), 1_000_000)
    fee_rest = amount * take_ppm % 1_000_000
    return seller + (seller_rest + fee_rest > 0 and seller_rest >= fee_rest)


class Provider:
    """One seller of GPU time."""

    def __init__(
        self, uid: int, index: int, pool: int, ask: int, account: int, stream: int, reputation: float
    ):
        self.uid, self.index, self.pool = uid, index, pool
        self.ask, self.lease_ask, self.account = ask, 0, account
        self.stream, self.reputation = stream, reputation
        self.online = self.banned = self.leaving = self.is_idle = False
        self.job: Job | None = None
        self.spell: Timeout | None = None
        self.online_days = self.work_hours = 0.0  # days as a signed sum of times: + now while online
        self.revenue = self.failures = self.idle_ticket = 0

    def next_word(self) -> int:
        self.stream = (self.stream + GOLDEN) & MASK
        return mix(self.stream)


class Job:
    """One piece of work."""

    def __init__(self, number: int, job_class: int, seed: int, now: float) -> None:
        self.number, self.job_class, self.seed = number, job_class, seed
        self.used = 6
        self.choice = 0.0
        self.venue = -1
        self.tried = 0
        self.work = self.patience = self.rate = self.started = 0.0
        self.arrived = self.waiting_since = now
        self.escrowed = self.ticket = self.attempts = 0
        self.members: list[Provider] = []
        self.timer: Timeout | None = None

    def word(self, number: int) -> int:
        return mix((self.seed + (number + 1) * GOLDEN) & MASK)

    def words(self, first: int) -> Callable[[], int]:
        numbers: Iterator[int] = iter(range(first, first + 2))
        return lambda: self.word(next(numbers))

    def next_word(self) -> int:
        self.used += 1
        return self.word(self.used - 1)


class ReferenceCore:
    """See the module's docstring. Arguments arrive checked from :class:`simdai.kernel.market.Market`."""

    def __init__(
        self,
        env: Environment,
        streams: Streams,
        venues: Sequence[VenueSpec],
        pools: Sequence[PoolSpec],
        classes: Sequence[JobClassSpec],
        eligible: Sequence[Sequence[Sequence[int]]],
        accounts: Any,
        trace: bool,
        fire: Callable[[Sequence[int]], None],
    ) -> None:
        self.env, self.streams, self.accounts, self.fire = env, streams, accounts, fire
        self.venues, self.pools, self.classes = list(venues), list(pools), list(classes)
        self.eligible = eligible
        n_venues, n_pools, n_classes = len(venues), len(pools), len(classes)
        self.service = [c.service.constants() for c in classes]
        self.patience = [c.patience.constants() for c in classes]
        self.online_law = [p.online.constants() for p in pools]
        self.offline_law = [p.offline.constants() for p in pools]

        self.capacity = [v.capacity for v in venues]
        self.ask = [v.ask for v in venues]
        self.take_ppm = [v.take_ppm for v in venues]
        self.gpus_busy = [0] * n_venues
        self.gpu_days = [0.0] * n_venues
        self.lines: list[list[list[Job]]] = [[[] for _ in classes] for _ in venues]
        self.running = [[0] * n_classes for _ in venues]

        self.providers_by_uid: dict[int, Provider] = {}
        self.next_uid = 0
        self.pool_key = [self._pool_key(p) for p in range(n_pools)]
        self.pool_members = [0] * n_pools
        self.idle: list[list[tuple[int, int]]] = [[] for _ in pools]  # sorted (ask, uid)
        self.hired_last = [-1] * len(pools)  # uid that a cluster took last
        self.count = {s: [0] * n_pools for s in ("idle", "busy", "offline", "banned")}
        self.days = {s: [0.0] * n_pools for s in ("idle", "busy", "offline")}

        self.rate = [0.0] * n_classes
        self.share = [[0.0] * n_venues for _ in classes]
        self.left = [0.0] * n_classes  # unit-rate time to the next arrival while the rate is zero
        self.arrival: list[Timeout | None] = [None] * n_classes
        self.arrival_time = [0.0] * n_classes
        self.arrivals = [0] * n_classes
        self.outside = [0] * n_classes
        self.generator = [streams.bit_generator(f"market.jobs.{c.name}") for c in classes]
        self.next_job = self.next_ticket = 0

        self.counter: dict[str, list[list[Any]]] = {
            name: [[0] * n_classes for _ in venues] for name in COUNTERS_INT
        }
        for name in COUNTERS_FLOAT:
            self.counter[name] = [[0.0] * n_classes for _ in venues]
        self.histogram = np.zeros((n_venues, n_classes, spec.WAIT_BINS), dtype=np.int64)
        self.n_events = 0
        self.digest_state = 0
        self.trace: list[tuple[float, int, int, int]] | None = [] if trace else None
        self.watches: dict[int, tuple[int, int, int, int]] = {}
        self.next_watch = 0
        self.emptied: set[int] = set()
        self.grew: set[int] = set()
        self.finished: set[tuple[int, int]] = set()

        for c, job_class in enumerate(classes):
            self.left[c] = self._draw_left(c)
            self._set_rate(c, job_class.rate)

    # -- time and memory -------------------------------------------------------------------------------------

    def _after(self, delay: float, callback: Callable[[Timeout], None]) -> Timeout | None:
        if delay == math.inf:
            return None
        timer = Timeout(cast(Any, self.env), delay)
        timer.callbacks.append(cast(Any, callback))
        return timer

    def _log(self, kind: int, number: int, other: int = -1) -> None:
        now = self.env.now
        if self.trace is not None:
            self.trace.append((now, kind, number, other))
        (bits,) = struct.unpack("<Q", struct.pack("<d", now))
        word = (
            (bits ^ (number * 0xC2B2AE3D27D4EB4F & MASK)) + (16 * other + kind) * 0x9E3779B97F4A7C15
        ) & MASK
        rotated = ((self.digest_state << 5) | (self.digest_state >> 59)) & MASK
        self.digest_state = ((rotated ^ word) * 0xD6E8FEB86659FD93) & MASK

    def _settle(self) -> None:
        """End of an event or of a batch: fire the signals that it raised."""
        fired = []
        for number, (kind, venue, job_class, level) in self.watches.items():
            if kind == ARRIVALS:
                arrived = sum(self.arrivals) if job_class < 0 else self.arrivals[job_class]
                hit = arrived >= level
            elif kind == QUEUE_EMPTY:
                hit = venue in self.emptied and self.queue_length(venue) == 0
            elif kind == QUEUE_ABOVE:
                hit = venue in self.grew and self.queue_length(venue) > level
            else:
                hit = any(venue in (-1, v) and job_class in (-1, c) for v, c in self.finished)
            if hit:
                fired.append(number)
        for number in fired:
            del self.watches[number]
        self.emptied.clear()
        self.grew.clear()
        self.finished.clear()
        if fired:
            self.fire(fired)

    def watch(self, kind: int, venue: int, job_class: int, level: int) -> int:
        self.watches[self.next_watch] = (kind, venue, job_class, level)
        self.next_watch += 1
        return self.next_watch - 1

    # -- arrivals --------------------------------------------------------------------------------------------

    def _class_word(self, c: int) -> int:
        return int(self.generator[c].random_raw())

    def _draw_left(self, c: int) -> float:
        """Unit-rate time between two arrivals."""
        word = self._class_word(c)
        return 1.0 if self.classes[c].regular else -math.log(open_unit(word))

    def set_rate(self, c: int, rate: float) -> None:
        self._set_rate(c, rate)

    def _set_rate(self, c: int, rate: float) -> None:
        timer = self.arrival[c]
        if timer is not None:
            self.left[c] = (self.arrival_time[c] - self.env.now) * self.rate[c]
            self.env.cancel(timer)
            self.arrival[c] = None
        self.rate[c] = rate * (1.0 + self.classes[c].diurnal_amplitude)
        self._schedule_arrival(c)

    def _schedule_arrival(self, c: int) -> None:
        limit = self.classes[c].limit
        if self.rate[c] <= 0.0 or (limit is not None and self.arrivals[c] >= limit):
            return
        delay = self.left[c] / self.rate[c]
        self.arrival[c] = self._after(delay, lambda event: self._arrive(c))
        self.arrival_time[c] = self.env.now + delay

    def _arrive(self, c: int) -> None:
        job_class = self.classes[c]
        self.arrival[c] = None
        seed = self._class_word(c)
        self.left[c] = self._draw_left(c)
        job = Job(self.next_job, c, seed, self.env.now)
        amplitude = job_class.diurnal_amplitude
        if amplitude > 0.0:
            height = 1.0 + amplitude * math.cos(TWO_PI * (self.env.now - job_class.diurnal_peak))
            if unit(job.word(0)) * (1.0 + amplitude) >= height:
                self._schedule_arrival(c)
                return
        self.arrivals[c] += 1
        self.n_events += 1
        self._schedule_arrival(c)
        job.choice = unit(job.word(1))
        venue = self._choose(job, 1.0)
        if venue < 0:
            self.outside[c] += 1
            self._log(spec.OUTSIDE, c)
        else:
            self.next_job += 1
            job.patience = sample(self.patience[c], job.words(2))
            job.work = sample(self.service[c], job.words(4))
            self._log(spec.ARRIVE, job.number, venue)
            self._enter(job, venue)
        self._settle()

    def _choose(self, job: Job, total: float) -> int:
        """Venue under the job's choice number, among those not tried; the number is then spread again."""
        target = job.choice * total
        below = 0.0
        for venue, share in enumerate(self.share[job.job_class]):
            if job.tried >> venue & 1 or share <= 0.0:
                continue
            if target < below + share:
                job.choice = min((target - below) / share, BELOW_ONE)
                return venue
            below += share
        return -1

    def _next_venue(self, job: Job) -> int:
        total = 0.0
        for venue, share in enumerate(self.share[job.job_class]):
            if not job.tried >> venue & 1 and share > 0.0:
                total += share
        return self._choose(job, total) if total > 0.0 else -1

    def _enter(self, job: Job, venue: int) -> None:
        job.venue = venue
        job.tried |= 1 << venue
        self.counter["submitted"][venue][job.job_class] += 1
        self._place(job)

    def _place(self, job: Job) -> None:
        job.waiting_since = self.env.now
        if not self._try_start(job):
            self._wait(job)

    # -- waiting ---------------------------------------------------------------------------------------------

    def _wait(self, job: Job) -> None:
        job.ticket = self.next_ticket
        self.next_ticket += 1
        self.lines[job.venue][job.job_class].append(job)
        self.grew.add(job.venue)
        job.timer = self._after(job.patience, lambda event: self._renege(job, event))

    def _leave_line(self, job: Job) -> None:
        self.lines[job.venue][job.job_class].remove(job)
        job.timer = None
        if self.queue_length(job.venue) == 0:
            self.emptied.add(job.venue)

    def _renege(self, job: Job, event: Timeout) -> None:
        if job.timer is not event:
            return
        self.n_events += 1
        policy = self.venues[job.venue].on_renege
        self._leave_line(job)
        if policy == "back":
            self._log(spec.RENEGE, job.number, 1)
            self._wait(job)
        elif not (policy == "next" and self._move(job)):
            self._log(spec.RENEGE, job.number, 0)
            self.counter["reneged"][job.venue][job.job_class] += 1
        self._settle()

    def _move(self, job: Job) -> bool:
        venue = self._next_venue(job)
        if venue < 0:
            return False
        self.counter["moved"][job.venue][job.job_class] += 1
        self._log(spec.MOVE, job.number, venue)
        self._enter(job, venue)
        return True

    def _first(self, venue: int, c: int) -> Job:
        return self.lines[venue][c][-1 if self.venues[venue].discipline == "lifo" else 0]

    def _dispatch(self, venue: int) -> None:
        """Start waiting jobs until no line's first job finds a match."""
        discipline = self.venues[venue].discipline

        def order(job: Job) -> tuple[int, int]:
            if discipline == "lifo":
                return (0, -job.ticket)
            if discipline == "priority":
                return (-self.classes[job.job_class].priority, job.ticket)
            return (0, job.ticket)

        while True:
            firsts = [self._first(venue, c) for c, line in enumerate(self.lines[venue]) if line]
            if not any(self._try_start(job, waiting=True) for job in sorted(firsts, key=order)):
                return

    # -- matching --------------------------------------------------------------------------------------------

    def _try_start(self, job: Job, waiting: bool = False) -> bool:
        venue, c = self.venues[job.venue], self.classes[job.job_class]
        if venue.rule == "pooled":
            need = c.gpus * c.devices
            if self.ask[job.venue] > c.max_ask or self.capacity[job.venue] - self.gpus_busy[job.venue] < need:
                return False
            members: list[Provider] = []
        else:
            members = getattr(self, f"_match_{venue.rule}")(job)
            if not members:
                return False
        if waiting:
            self._leave_line(job)
        self._start(job, members)
        return True

    def _bidders(self, job: Job, pool: int) -> list[Provider]:
        """Idle providers of a pool that ask no more than the customer pays, by (ask, id)."""
        idle = self.idle[pool]
        end = bisect_right(idle, (self.classes[job.job_class].max_ask, 2**63))
        return [self.providers_by_uid[uid] for _, uid in idle[:end]]

    def _match_cheapest(self, job: Job) -> list[Provider]:
        limit = self.classes[job.job_class].max_ask
        firsts = [self.idle[p][0] for p in self.eligible[job.venue][job.job_class] if self.idle[p]]
        best = min(firsts, default=(limit + 1, 0))
        return [self.providers_by_uid[best[1]]] if best[0] <= limit else []

    def _match_reverse_auction(self, job: Job) -> list[Provider]:
        venue = self.venues[job.venue]
        bidders = [b for p in self.eligible[job.venue][job.job_class] for b in self._bidders(job, p)]
        n, k = len(bidders), venue.bids
        if n > k:
            # Floyd's sample of k positions without replacement.
            chosen: list[int] = []
            for j in range(n - k, n):
                position = min(int(unit(job.next_word()) * (j + 1)), j)
                chosen.append(j if position in chosen else position)
            bidders = [bidders[position] for position in chosen]

        def score(b: Provider) -> tuple[float, int]:
            return (b.ask * (1.0 + venue.reputation_weight * (1.0 - b.reputation)), b.uid)

        return [min(bidders, key=score)] if bidders else []

    def _tier(self, venue: int, reputation: float) -> int:
        tiers = self.venues[venue].tiers
        return next((tier for tier, threshold in enumerate(tiers) if reputation >= threshold), len(tiers))

    def _match_tiered_queue(self, job: Job) -> list[Provider]:
        c = self.classes[job.job_class]
        if self.ask[job.venue] > c.max_ask:
            return []
        worst = self._tier(job.venue, c.min_reputation)
        idle = [
            self.providers_by_uid[uid]
            for p in self.eligible[job.venue][job.job_class]
            for _, uid in self.idle[p]
        ]
        ranked = [(self._tier(job.venue, b.reputation), b.idle_ticket, b) for b in idle]
        ranked = [entry for entry in ranked if entry[0] <= worst]
        return [min(ranked, key=lambda entry: entry[:2])[2]] if ranked else []

    def _match_cluster(self, job: Job) -> list[Provider]:
        n = self.classes[job.job_class].devices
        best: list[Provider] = []
        lowest = 0
        for pool in self.eligible[job.venue][job.job_class]:
            last, bidders = self.hired_last[pool], self._bidders(job, pool)
            devices = sorted(bidders, key=lambda b, last=last: (b.ask, b.uid <= last))[:n]  # type: ignore[misc]
            total = sum(b.ask for b in devices)
            if len(devices) == n and (not best or total < lowest):
                best, lowest = devices, total
        if best:
            self.hired_last[best[0].pool] = best[-1].uid
        return best

    # -- running ---------------------------------------------------------------------------------------------

    def _start(self, job: Job, members: list[Provider]) -> None:
        v, c = job.venue, job.job_class
        venue, job_class, now = self.venues[v], self.classes[c], self.env.now
        counter = self.counter
        wait = now - job.waiting_since
        counter["started"][v][c] += 1
        counter["wait_days"][v][c] += wait
        counter["waited"][v][c] += wait > 0.0
        self.histogram[v, c, wait_bin(wait)] += 1
        self._log(spec.START, job.number, members[0].uid if members else -1)

        if job_class.redraw and job.attempts > 0:
            job.work = sample(self.service[c], job.next_word)
        job.attempts += 1
        speed = self.pools[members[0].pool].speed if members else venue.speed
        duration = job.work / speed
        job.members, job.started = members, now
        self.running[v][c] += 1
        gpus = job_class.gpus * job_class.devices
        self.gpus_busy[v] += gpus
        self.gpu_days[v] -= gpus * now
        job.escrowed = 0
        if venue.rule in ("pooled", "tiered_queue"):
            job.rate = float(self.ask[v] * (gpus if venue.rule == "pooled" else job_class.gpus))
            if venue.rule == "tiered_queue":
                job.rate *= speed
            job.escrowed = payment(job.rate, duration)
        for member in members:
            member.lease_ask = member.ask
            if venue.rule != "tiered_queue":
                job.rate = float(member.ask * job_class.gpus)
                job.escrowed += payment(job.rate, duration)
            self._remove_idle(member)
            member.job = job
            self._shift(member, "busy", 1)
        if venue.escrow >= 0 and job_class.payer >= 0:
            self.accounts.transfer(job.escrowed, job_class.payer, venue.escrow)
        job.timer = self._after(duration, lambda event: self._complete(job, event))

    def _stop(self, job: Job, days: float) -> None:
        """The job no longer runs: pay for ``days`` of it and refund the rest."""
        v, c = job.venue, job.job_class
        venue, job_class = self.venues[v], self.classes[c]
        gpus = job_class.gpus * job_class.devices
        self.running[v][c] -= 1
        self.gpus_busy[v] -= gpus
        self.gpu_days[v] += gpus * self.env.now
        job.timer = None
        pays = venue.escrow >= 0 and job_class.payer >= 0
        spent = 0
        sellers: Sequence[Provider | None] = job.members or [None]  # a pooled venue is its own seller
        for member in sellers:
            rate = job.rate
            if member is not None and venue.rule != "tiered_queue":
                rate = float(member.lease_ask * job_class.gpus)
            amount = payment(rate, days)
            seller = without_fee(amount, self.take_ppm[v])
            spent += amount
            self.counter["revenue"][v][c] += amount
            self.counter["fees"][v][c] += amount - seller
            if member is not None:
                member.revenue += seller
            if pays:
                account = venue.payee if member is None else member.account
                self.accounts.transfer(seller, venue.escrow, account)
                self.accounts.transfer(amount - seller, venue.escrow, venue.fee)
        if pays:
            self.accounts.transfer(job.escrowed - spent, venue.escrow, job_class.payer)

    def _complete(self, job: Job, event: Timeout) -> None:
        if job.timer is not event:
            return
        v, c = job.venue, job.job_class
        venue, job_class = self.venues[v], self.classes[c]
        members = job.members
        self.n_events += 1
        self._log(spec.DONE, job.number, members[0].uid if members else -1)
        days = self.env.now - job.started
        hours = 24.0 * days
        # The contracted time, not `days`: now - started may round to a neighbour of it.
        self._stop(job, job.work / (self.pools[members[0].pool].speed if members else venue.speed))
        self.counter["completed"][v][c] += 1
        self.counter["gpu_hours"][v][c] += job_class.gpus * job_class.devices * hours
        self.counter["sojourn_days"][v][c] += self.env.now - job.arrived
        self.finished.add((v, c))
        for member in members:
            member.work_hours += job_class.gpus * hours
            member.reputation += venue.reputation_gain * (1.0 - member.reputation)
            self._release(member)
        self._dispatch(v)
        self._settle()

    def _fail(self, provider: Provider) -> None:
        """``provider`` has become unavailable with a job on it."""
        job = provider.job
        assert job is not None
        v, c = job.venue, job.job_class
        venue, job_class = self.venues[v], self.classes[c]
        members = job.members
        self.n_events += 1
        self._log(spec.FAIL, job.number, provider.uid)
        days = self.env.now - job.started
        speed = self.pools[provider.pool].speed
        paid_days = min(days, job.work / speed) if venue.failed_work_is_paid else 0.0
        kept = 0.0
        if not job_class.redraw:
            done = min(days * speed, job.work)
            if job_class.checkpoint == 0.0:
                kept = done
            elif job_class.checkpoint != math.inf:
                kept = min(math.floor(done / job_class.checkpoint) * job_class.checkpoint, job.work)
            job.work -= kept
        self._stop(job, paid_days)
        self.counter["failed_attempts"][v][c] += 1
        lost = 24.0 * (days - kept / speed)
        self.counter["gpu_hours_lost"][v][c] += job_class.gpus * job_class.devices * lost
        provider.failures += 1
        provider.reputation -= venue.reputation_loss * provider.reputation
        for member in members:
            self._release(member)
        if len(members) > 1:
            self._dispatch(v)
        if venue.on_failure == "leave":
            self.counter["failed"][v][c] += 1
            self._log(spec.LOST, job.number)
        elif not (venue.on_failure == "next" and self._move(job)):
            self._place(job)

    # -- providers -------------------------------------------------------------------------------------------

    def _pool_key(self, pool: int) -> int:
        return self.streams.key("market.provider", self.pools[pool].name)

    def _shift(self, provider: Provider, state: str, sign: int) -> None:
        """Count ``provider`` into (+1) or out of (-1) a state of its pool; times are kept as signed sums."""
        self.count[state][provider.pool] += sign
        if state in self.days:
            self.days[state][provider.pool] -= sign * self.env.now

    def _state(self, provider: Provider) -> str:
        if provider.job is not None:
            return "busy"
        if not provider.online:
            return "offline"
        return "banned" if provider.banned else "idle"

    def _add_idle(self, provider: Provider) -> None:
        provider.is_idle = True
        provider.idle_ticket = self.next_ticket
        self.next_ticket += 1
        insort(self.idle[provider.pool], (provider.ask, provider.uid))
        self._shift(provider, "idle", 1)

    def _remove_idle(self, provider: Provider) -> None:
        provider.is_idle = False
        idle = self.idle[provider.pool]
        idle.pop(bisect_left(idle, (provider.ask, provider.uid)))
        self._shift(provider, "idle", -1)

    def _enter_state(self, provider: Provider) -> None:
        state = self._state(provider)
        if state == "idle":
            self._add_idle(provider)
        else:
            self._shift(provider, state, 1)

    def _leave_state(self, provider: Provider) -> None:
        if provider.is_idle:
            self._remove_idle(provider)
        else:
            self._shift(provider, self._state(provider), -1)

    def _release(self, provider: Provider) -> None:
        """The provider's job has ended."""
        self._shift(provider, "busy", -1)
        provider.job = None
        if provider.leaving:
            self._forget(provider)
        else:
            self._enter_state(provider)

    def _spell(self, provider: Provider) -> None:
        """Schedule the end of the provider's spell online or offline."""
        law = (self.online_law if provider.online else self.offline_law)[provider.pool]
        if law[0] == 4:
            provider.spell = None
            return
        delay = sample(law, provider.next_word)
        amplitude = self.pools[provider.pool].diurnal_amplitude
        if amplitude > 0.0:
            delay /= 1.0 + amplitude
        provider.spell = self._after(delay, lambda event: self._turn(provider, event))

    def _turn(self, provider: Provider, event: Timeout) -> None:
        if provider.spell is not event:
            return
        pool = self.pools[provider.pool]
        amplitude = pool.diurnal_amplitude
        if amplitude > 0.0:
            wave = amplitude * math.cos(TWO_PI * (self.env.now - pool.diurnal_peak))
            height = 1.0 - wave if provider.online else 1.0 + wave
            if unit(provider.next_word()) * (1.0 + amplitude) >= height:
                self._spell(provider)
                return
        self.n_events += 1
        if provider.online:
            self._log(spec.DOWN, provider.uid)
            provider.online_days += self.env.now
            if provider.job is None:
                self._leave_state(provider)
            provider.online = False
            self._spell(provider)
            if provider.job is None:
                self._enter_state(provider)
            else:
                self._fail(provider)
        else:
            self._log(spec.UP, provider.uid)
            self._leave_state(provider)
            provider.online = True
            provider.online_days -= self.env.now
            self._spell(provider)
            self._enter_state(provider)
            if provider.is_idle:
                self._dispatch(pool.venue)
        self._settle()

    def add_providers(
        self, pool: int, asks: Sequence[int], accounts: Sequence[int] | None, online: Sequence[int] | None
    ) -> int:
        first = self.next_uid
        law = self.pools[pool]
        for i, ask in enumerate(asks):
            account = -1 if accounts is None else int(accounts[i])
            index = self.pool_members[pool]
            stream = entity_state(self.pool_key[pool], index)
            provider = Provider(self.next_uid, index, pool, int(ask), account, stream, law.reputation)
            self.next_uid += 1
            self.pool_members[pool] += 1
            self.providers_by_uid[provider.uid] = provider
            drawn = unit(provider.next_word()) < law.online_share
            provider.online = drawn if online is None else bool(online[i])
            provider.online_days = -self.env.now if provider.online else 0.0
            self._log(spec.ENTER, provider.uid, int(provider.online))
            self._spell(provider)
            self._enter_state(provider)
        self._dispatch(law.venue)
        self._settle()
        return first

    def _forget(self, provider: Provider) -> None:
        self._log(spec.EXIT, provider.uid)
        provider.spell = None
        del self.providers_by_uid[provider.uid]

    def remove_providers(self, uids: Sequence[int], drain: bool) -> None:
        busy = []
        for uid in map(int, uids):
            provider = self.providers_by_uid[uid]
            if provider.job is None:
                self._leave_state(provider)
                self._forget(provider)
            else:
                provider.leaving = True
                busy.append(provider)
        if not drain:
            for provider in busy:
                if provider.job is not None:
                    self._fail(provider)
        self._settle()

    def ban(self, uids: Sequence[int]) -> None:
        busy = []
        for uid in map(int, uids):
            provider = self.providers_by_uid[uid]
            if provider.banned:
                continue
            self._log(spec.BAN, uid)
            if provider.job is None:
                self._leave_state(provider)
                provider.banned = True
                self._enter_state(provider)
            else:
                provider.banned = True
                busy.append(provider)
        for provider in busy:
            if provider.job is not None:
                self._fail(provider)
        self._settle()

    def unban(self, uids: Sequence[int]) -> None:
        venues = set()
        for uid in map(int, uids):
            provider = self.providers_by_uid[uid]
            if not provider.banned:
                continue
            self._log(spec.UNBAN, uid)
            self._leave_state(provider)
            provider.banned = False
            self._enter_state(provider)
            venues.add(self.pools[provider.pool].venue)
        self._dispatch_all(venues)
        self._settle()

    def reprice(self, uids: Sequence[int], asks: Sequence[int]) -> None:
        venues = set()
        for uid, ask in zip(map(int, uids), asks, strict=True):
            provider = self.providers_by_uid[uid]
            if provider.is_idle:
                idle = self.idle[provider.pool]
                idle.pop(bisect_left(idle, (provider.ask, provider.uid)))
                insort(idle, (int(ask), provider.uid))
            provider.ask = int(ask)
            venues.add(self.pools[provider.pool].venue)
        self._dispatch_all(venues)
        self._settle()

    def _dispatch_all(self, venues: set[int]) -> None:
        for venue in sorted(venues):
            self._dispatch(venue)

    # -- settings --------------------------------------------------------------------------------------------

    def set_shares(self, c: int, shares: Sequence[float]) -> None:
        self.share[c] = [float(share) for share in shares]

    def set_capacity(self, venue: int, gpus: int) -> None:
        self.capacity[venue] = gpus
        self._dispatch(venue)
        self._settle()

    def set_ask(self, venue: int, ask: int) -> None:
        self.ask[venue] = ask
        self._dispatch(venue)
        self._settle()

    def set_take(self, venue: int, take_ppm: int) -> None:
        self.take_ppm[venue] = take_ppm

    def reseed(self) -> None:
        for c, job_class in enumerate(self.classes):
            self.generator[c].state = self.streams.bit_generator(f"market.jobs.{job_class.name}").state
        self.pool_key = [self._pool_key(p) for p in range(len(self.pools))]
        for provider in self.providers_by_uid.values():
            provider.stream = entity_state(self.pool_key[provider.pool], provider.index)

    def alive(self, uids: Sequence[int]) -> bool:
        return all(uid in self.providers_by_uid for uid in uids)

    def reset_counters(self) -> None:
        for table in self.counter.values():
            for row in table:
                row[:] = [type(value)(0) for value in row]
        self.histogram[:] = 0

    # -- readings --------------------------------------------------------------------------------------------

    def queue_length(self, venue: int) -> int:
        return sum(len(line) for line in self.lines[venue])

    def read_counters(self) -> dict[str, NDArray[Any]]:
        shape = (len(self.venues), len(self.classes))
        table: dict[str, NDArray[Any]] = {}
        for name in COUNTERS_INT:
            table[name] = np.array(self.counter[name], dtype=np.int64).reshape(shape)
        for name in COUNTERS_FLOAT:
            table[name] = np.array(self.counter[name], dtype=np.float64).reshape(shape)
        lengths = [[len(line) for line in lines] for lines in self.lines]
        table["queued"] = np.array(lengths, dtype=np.int64).reshape(shape)
        table["running"] = np.array(self.running, dtype=np.int64).reshape(shape)
        return table

    def read_counter(self, name: str, v: int, c: int) -> Any:
        return self.read_counters()[name][v, c].item()

    def read_pools(self) -> dict[str, NDArray[Any]]:
        table: dict[str, NDArray[Any]] = {
            s: np.array(counts, dtype=np.int64) for s, counts in self.count.items()
        }
        for state, sums in self.days.items():
            table[f"{state}_days"] = np.array(
                [s + n * self.env.now for s, n in zip(sums, self.count[state], strict=True)], dtype=np.float64
            )
        return table

    def read_venues(self) -> dict[str, NDArray[Any]]:
        return {
            "capacity": np.array(self.capacity, dtype=np.int64),
            "ask": np.array(self.ask, dtype=np.int64),
            "gpus_busy": np.array(self.gpus_busy, dtype=np.int64),
            "gpu_days": np.array(
                [s + n * self.env.now for s, n in zip(self.gpu_days, self.gpus_busy, strict=True)],
                dtype=np.float64,
            ),
            "queued": np.array([self.queue_length(v) for v in range(len(self.venues))], dtype=np.int64),
        }

    def work_hours(self, pool: int) -> NDArray[np.float64]:
        return np.array(
            [p.work_hours for p in self.providers_by_uid.values() if p.pool == pool], dtype=np.float64
        )

    def write_presence(
        self,
        pool: int,
        rows: NDArray[np.int64],
        online_days: NDArray[np.float64],
        busy: NDArray[np.uint8],
        banned: NDArray[np.uint8],
    ) -> None:
        self._write(pool, rows, {"online_days": online_days, "busy": busy, "banned": banned})

    def write_records(
        self,
        pool: int,
        rows: NDArray[np.int64],
        revenue: NDArray[np.int64],
        work_hours: NDArray[np.float64],
        online_days: NDArray[np.float64],
        failures: NDArray[np.int64],
    ) -> None:
        columns = {"revenue": revenue, "work_hours": work_hours, "online_days": online_days}
        self._write(pool, rows, {**columns, "failures": failures})

    def _write(self, pool: int, rows: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> None:
        table = self.read_providers(pool)
        if len(table["index"]) and len(rows) <= table["index"].max():
            raise ValueError(f"rows for {len(rows)} providers; more have entered")
        places = rows[table["index"]]
        least = min(len(column) for column in columns.values())
        if len(places) and (places.min() < 0 or places.max() >= least):
            raise ValueError("a row is outside the columns")
        for name, column in columns.items():
            column[places] = table[name]

    def read_providers(self, pool: int) -> dict[str, NDArray[Any]]:
        members = [p for p in self.providers_by_uid.values() if p.pool == pool]
        now = self.env.now

        def column(values: list[Any], dtype: Any) -> NDArray[Any]:
            return np.array(values, dtype=dtype)

        return {
            "uid": column([p.uid for p in members], np.int64),
            "index": column([p.index for p in members], np.int64),
            "ask": column([p.ask for p in members], np.int64),
            "online": column([p.online for p in members], np.bool_),
            "busy": column([p.job is not None for p in members], np.bool_),
            "banned": column([p.banned for p in members], np.bool_),
            "leaving": column([p.leaving for p in members], np.bool_),
            "work_hours": column([p.work_hours for p in members], np.float64),
            "revenue": column([p.revenue for p in members], np.int64),
            "failures": column([p.failures for p in members], np.int64),
            "online_days": column([p.online_days + (now if p.online else 0.0) for p in members], np.float64),
            "reputation": column([p.reputation for p in members], np.float64),
            "account": column([p.account for p in members], np.int64),
        }
