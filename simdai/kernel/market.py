"""The compute market: providers, jobs and venues on the shared clock.

:class:`Market` checks arguments, holds signals and gives readings; a core does the work: the compiled kernel,
or the plain-SimPy twin of ``market_reference.py``, which defines it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray
from simpy.events import Event

from simdai.engine import Environment, Streams
from simdai.kernel import market_spec as spec
from simdai.kernel.market_reference import ReferenceCore
from simdai.kernel.market_spec import JobClassSpec, PoolSpec, VenueSpec

WATCHES = {"arrivals": 0, "queue_empty": 1, "queue_above": 2, "done": 3}
STATES = ("offline", "idle", "busy", "banned")


class Market:
    """A compute market on ``env``.

    Parameters
    ----------
    env : Environment
    streams : Streams, the run's named streams
    venues, pools, job_classes : what the market is made of; referred to by index afterwards
    accounts : USD accounts of the ledger, shared; None when no money moves
    compiled : bool
        Use the compiled core.
    trace : bool
        Keep every event as (time, kind, id, other).

    Raises
    ------
    ValueError : an inconsistent description
    """

    def __init__(
        self,
        env: Environment,
        streams: Streams,
        venues: Sequence[VenueSpec],
        pools: Sequence[PoolSpec],
        job_classes: Sequence[JobClassSpec],
        accounts: Any = None,
        compiled: bool = False,
        trace: bool = False,
    ) -> None:
        self.env = env
        self.venues, self.pools_spec, self.job_classes = tuple(venues), tuple(pools), tuple(job_classes)
        self.compiled = compiled
        self._n_accounts = (lambda: 0) if accounts is None else accounts.__len__
        self._check_description()
        eligible = [[self._eligible(v, job) for job in job_classes] for v in range(len(venues))]
        self.capable = np.zeros((len(venues), len(job_classes)), dtype=bool)
        for v, venue in enumerate(venues):
            for c, job in enumerate(job_classes):
                if venue.rule == "pooled":
                    self.capable[v, c] = venue.hardware < 0 or job.hardware_mask >> venue.hardware & 1
                else:
                    self.capable[v, c] = bool(eligible[v][c])
        self._waiting: dict[int, Event] = {}
        core: Any
        if compiled:
            from simdai.kernel._market import Core

            core = Core
        else:
            core = ReferenceCore
        self._core = core(
            env,
            streams,
            self.venues,
            self.pools_spec,
            self.job_classes,
            eligible,
            accounts,
            trace,
            self._fire,
        )
        if compiled:
            env.add_source(self._core)

    def _check_description(self) -> None:
        for what, names, most in (
            ("venues", [venue.name for venue in self.venues], spec.MAX_VENUES),
            ("pools", [pool.name for pool in self.pools_spec], spec.MAX_POOLS),
            ("job classes", [job_class.name for job_class in self.job_classes], spec.MAX_CLASSES),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have the same name")
            if len(names) > most:
                raise ValueError(f"at most {most} {what}, got {len(names)}")
        for pool in self.pools_spec:
            if not 0 <= pool.venue < len(self.venues):
                raise ValueError(f"pool {pool.name!r}: there is no venue {pool.venue}")
            if self.venues[pool.venue].rule == "pooled":
                raise ValueError(f"pool {pool.name!r}: venue {self.venues[pool.venue].name!r} is pooled")
        used = [c.payer for c in self.job_classes]
        for venue in self.venues:
            used += [venue.escrow, venue.fee, venue.payee]
            if venue.escrow >= 0 and venue.fee < 0:
                raise ValueError(f"venue {venue.name!r}: an escrow account needs a fee account")
            if venue.escrow >= 0 and venue.rule == "pooled" and venue.payee < 0:
                raise ValueError(f"venue {venue.name!r}: a pooled venue with an escrow account needs a payee")
        if max(used, default=-1) >= self._n_accounts():
            raise ValueError(f"account {max(used)} is named; there are {self._n_accounts()}")

    def _eligible(self, v: int, job: JobClassSpec) -> list[int]:
        """Pools of a venue whose providers could serve a class, by hardware, size and what the class says."""
        if job.devices > 1 and self.venues[v].rule != "cluster":
            return []
        return [
            p
            for p, pool in enumerate(self.pools_spec)
            if pool.venue == v
            and pool.gpus >= job.gpus
            and job.hardware_mask >> pool.hardware & 1
            and p not in job.excluded_pools
        ]

    # -- signals ---------------------------------------------------------------------------------------------

    def _venue(self, number: SupportsIndex) -> int:
        v = index(number)
        if not 0 <= v < len(self.venues):
            raise ValueError(f"there is no venue {v}; there are {len(self.venues)}")
        return v

    def _pool(self, number: SupportsIndex) -> int:
        p = index(number)
        if not 0 <= p < len(self.pools_spec):
            raise ValueError(f"there is no pool {p}; there are {len(self.pools_spec)}")
        return p

    def _class(self, number: SupportsIndex) -> int:
        c = index(number)
        if not 0 <= c < len(self.job_classes):
            raise ValueError(f"there is no job class {c}; there are {len(self.job_classes)}")
        return c

    def signal(
        self, kind: str, *, venue: int = -1, job_class: int = -1, level: int = 0, at: int = 0
    ) -> Event:
        """A SimPy event that happens when the market reaches a state, once.

        Parameters
        ----------
        kind : {"arrivals", "queue_empty", "queue_above", "done"}
            ``arrivals``: ``at`` jobs (of ``job_class``, or of all) have arrived. ``queue_empty``: the queue
            of ``venue`` becomes empty. ``queue_above``: it grows beyond ``level``. ``done``: a job of
            ``job_class`` at ``venue`` (-1 for any) completes.
        """
        if kind not in WATCHES:
            raise ValueError(f"unknown signal {kind!r}; expected one of {', '.join(WATCHES)}")
        if kind.startswith("queue") or venue != -1:
            venue = self._venue(venue)
        if job_class != -1:
            job_class = self._class(job_class)
        event = self.env.event()
        number = self._core.watch(WATCHES[kind], venue, job_class, at if kind == "arrivals" else level)
        self._waiting[number] = event
        return event

    def _fire(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._waiting.pop(number).succeed(self.env.now)

    # -- changes, between events -----------------------------------------------------------------------------

    def add_providers(
        self, pool: int, asks: ArrayLike, accounts: ArrayLike | None = None, online: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Providers enter ``pool``.

        Parameters
        ----------
        asks : (n,) int [µUSD per GPU-hour]
        accounts : (n,) int, ledger accounts that earn; None when no money moves
        online : (n,) bool, or one bool; None draws each from its own stream with the long-run share

        Returns
        -------
        (n,) int64 ids, rising; the provider's own stream is keyed by the pool's name and its place in the
        pool
        """
        pool = self._pool(pool)
        name, pays = self.pools_spec[pool].name, self.venues[self.pools_spec[pool].venue].escrow >= 0
        asks = self._asks(asks)
        n = len(asks)
        account = state = None
        if accounts is not None:
            account = np.ascontiguousarray(accounts, dtype=np.int64)
            if account.shape != (n,):
                raise ValueError(f"pool {name!r}: {n} asks but accounts of shape {account.shape}")
            if n and not (0 if pays else -1) <= account.min() <= account.max() < self._n_accounts():
                wrong = account.max() if account.max() >= self._n_accounts() else account.min()
                raise ValueError(f"pool {name!r}: account {wrong} is named; there are {self._n_accounts()}")
        elif pays and n:
            raise ValueError(f"pool {name!r}: its venue pays; give an account to each provider")
        if online is not None:
            state = np.array(np.broadcast_to(np.asarray(online, dtype=bool), n), dtype=np.int8)
        first = self._core.add_providers(pool, asks, account, state)
        return np.arange(first, first + n, dtype=np.int64)

    def _asks(self, asks: ArrayLike) -> NDArray[np.int64]:
        values = np.atleast_1d(np.asarray(asks))
        if values.ndim > 1:
            raise ValueError(f"asks must have shape (n,), got {values.shape}")
        if values.size and values.dtype.kind not in "iu" and not np.array_equal(values, np.floor(values)):
            raise ValueError("asks are whole µUSD per GPU-hour")
        if values.size and (values.min() < 0 or values.max() > spec.MAX_ASK):
            raise ValueError("asks must lie in 0 .. 2^53 µUSD per GPU-hour")
        return np.ascontiguousarray(values, dtype=np.int64)

    def _uids(self, uids: ArrayLike) -> NDArray[np.int64]:
        given = np.atleast_1d(np.asarray(uids))
        if given.ndim > 1 or (given.size and given.dtype.kind not in "iu"):
            raise ValueError(f"ids must be whole numbers of shape (n,), got {given.dtype} of {given.shape}")
        values = np.ascontiguousarray(given, dtype=np.int64)
        if len(np.unique(values)) < len(values):
            raise ValueError("a provider is named twice")
        if not self._core.alive(values):
            raise ValueError("a provider that is named has left, or never was")
        return values

    def remove_providers(self, uids: ArrayLike, drain: bool = True) -> None:
        """Providers leave, after their running job (``drain``) or at once, which fails it."""
        self._core.remove_providers(self._uids(uids), drain)

    def ban(self, uids: ArrayLike) -> None:
        """Providers get no more work and fail what they run; their spells online and offline go on."""
        self._core.ban(self._uids(uids))

    def unban(self, uids: ArrayLike) -> None:
        """Banned providers may work again."""
        self._core.unban(self._uids(uids))

    def reprice(self, uids: ArrayLike, asks: ArrayLike) -> None:
        """New asks [µUSD per GPU-hour]; running jobs keep the price that they started at."""
        values = self._asks(asks)
        names = self._uids(uids)
        if len(values) != len(names):
            raise ValueError(f"{len(names)} providers but {len(values)} asks")
        self._core.reprice(names, values)

    def set_rate(self, job_class: int, rate: float) -> None:
        """New arrival rate [jobs/d]; the time to the next arrival is stretched."""
        if not 0 <= rate < float("inf"):
            raise ValueError(f"a rate must be >= 0 and finite, got {rate}")
        self._core.set_rate(self._class(job_class), float(rate))

    def set_shares(self, job_class: int, shares: ArrayLike) -> None:
        """Choice probabilities of a job class over the venues; what is missing to 1 stays outside.

        Raises
        ------
        ValueError : negative, above 1 in sum, or positive at a venue that can never serve the class
        """
        job_class = self._class(job_class)
        values = np.ascontiguousarray(shares, dtype=np.float64)
        if values.shape != (len(self.venues),):
            raise ValueError(f"shares must have shape ({len(self.venues)},), got {values.shape}")
        if not (np.all(values >= 0) and values.sum() <= 1 + 1e-9):
            raise ValueError(f"shares must be >= 0 and sum to at most 1, got {values}")
        wrong = np.flatnonzero((values > 0) & ~self.capable[:, job_class])
        if len(wrong):
            raise ValueError(
                f"venue {self.venues[wrong[0]].name!r} can never serve job class "
                f"{self.job_classes[job_class].name!r}: hardware, GPUs or devices do not fit"
            )
        self._core.set_shares(job_class, values)

    def set_capacity(self, venue: int, gpus: int) -> None:
        """New capacity of a pooled venue; running jobs stay."""
        if not 0 <= gpus <= 2**40:
            raise ValueError(f"capacity must lie in 0 .. 2^40, got {gpus}")
        self._core.set_capacity(self._venue(venue), int(gpus))

    def set_ask(self, venue: int, ask: int) -> None:
        """New ask of a pooled or tiered venue [µUSD per GPU-hour]; running jobs keep theirs."""
        self._core.set_ask(self._venue(venue), int(self._asks([ask])[0]))

    def set_take_rate(self, venue: int, share: float) -> None:
        """New share of payments that goes to the fee account; holds for payments from now on."""
        if not 0 <= share <= 1:
            raise ValueError(f"a take rate must lie in [0, 1], got {share}")
        self._core.set_take(self._venue(venue), round(share * 1e6))

    def reset_counters(self) -> None:
        """Start all counters and wait histograms again at zero."""
        self._core.reset_counters()

    def reseed(self) -> None:
        """Take new luck from the streams, whose ``luck`` has changed."""
        self._core.reseed()

    # -- readings --------------------------------------------------------------------------------------------

    def counters(self) -> dict[str, NDArray[Any]]:
        """Cumulative counts by (venue, class), as copies.

        ``submitted = queued + running + completed + failed + reneged + moved``; also ``started``,
        ``failed_attempts``, ``waited`` (starts after a wait), ``wait_days`` (sum over starts),
        ``sojourn_days`` (sum over completions, from arrival), ``gpu_hours`` (of completed attempts),
        ``gpu_hours_lost``, ``revenue`` (what customers paid) and ``fees`` [µUSD].
        """
        table: dict[str, NDArray[Any]] = self._core.read_counters()
        return table

    def counter(self, name: str, venue: int, job_class: int) -> Any:
        """One number of :meth:`counters`, for those who read it often."""
        return self._core.read_counter(name, self._venue(venue), self._class(job_class))

    def revenue(self, venue: int) -> int:
        """What customers paid to a venue in all [µUSD], for those who read it often."""
        v = self._venue(venue)
        return sum(self._core.read_counter("revenue", v, c) for c in range(len(self.job_classes)))

    def outside(self) -> NDArray[np.int64]:
        """(n_classes,) jobs that chose no venue."""
        return np.array(self._core.outside, dtype=np.int64)

    def arrivals(self) -> NDArray[np.int64]:
        """(n_classes,) jobs that arrived."""
        return np.array(self._core.arrivals, dtype=np.int64)

    def pools(self) -> dict[str, NDArray[Any]]:
        """By pool: providers ``idle, busy, offline, banned`` now, and their time integrals ``*_days``."""
        table: dict[str, NDArray[Any]] = self._core.read_pools()
        return table

    def venue_table(self) -> dict[str, NDArray[Any]]:
        """By venue: ``capacity`` and ``ask`` (pooled, tiered), ``gpus_busy``, ``gpu_days`` and ``queued``.

        ``gpu_days`` is the time integral of ``gpus_busy``.
        """
        table: dict[str, NDArray[Any]] = self._core.read_venues()
        return table

    def providers(self, pool: int) -> dict[str, NDArray[Any]]:
        """Present providers of a pool, by id: ``uid, index, ask, state, work_hours, revenue, failures, ...``.

        ``work_hours`` [GPU-hours of completed jobs], ``revenue`` [µUSD, after fees], ``failures`` and
        ``online_days`` count from entry. ``state`` indexes ``STATES``.
        """
        table: dict[str, NDArray[Any]] = self._core.read_providers(self._pool(pool))
        state = np.where(table["busy"], 2, np.where(~table["online"], 0, np.where(table["banned"], 3, 1)))
        table["state"] = state.astype(np.int8)
        return table

    def write_presence(
        self,
        pool: int,
        rows: NDArray[np.int64],
        online_days: NDArray[np.float64],
        busy: NDArray[np.bool_],
        banned: NDArray[np.bool_],
    ) -> None:
        """Write three columns of :meth:`providers` where the caller wants them; those who left are skipped.

        Parameters
        ----------
        rows : (n,) row of the columns for each provider that ever entered the pool, by its index there
        """
        self._core.write_presence(
            self._pool(pool), rows, online_days, busy.view(np.uint8), banned.view(np.uint8)
        )

    def write_records(
        self,
        pool: int,
        rows: NDArray[np.int64],
        revenue: NDArray[np.int64],
        work_hours: NDArray[np.float64],
        online_days: NDArray[np.float64],
        failures: NDArray[np.int64],
    ) -> None:
        """Write four columns of :meth:`providers` as :meth:`write_presence` does."""
        self._core.write_records(self._pool(pool), rows, revenue, work_hours, online_days, failures)

    def work_hours(self, pool: int) -> NDArray[np.float64]:
        """GPU-hours of completed jobs of each present provider of a pool, by id."""
        hours: NDArray[np.float64] = self._core.work_hours(self._pool(pool))
        return hours

    def queue_length(self, venue: int) -> int:
        """Waiting jobs of a venue."""
        return int(self._core.queue_length(self._venue(venue)))

    def wait_histogram(self) -> NDArray[np.int64]:
        """(n_venues, n_classes, WAIT_BINS) starts by wait; see ``market_spec.WAIT_BINS``."""
        return np.array(self._core.histogram, dtype=np.int64)

    def wait_quantile(self, q: float, venue: int | None = None, job_class: int | None = None) -> float:
        """Quantile of the waits of started jobs [d], within 12.5 % (eight bins an octave); nan if none."""
        rows = self.wait_histogram()
        if venue is not None:
            rows = rows[[self._venue(venue)]]
        if job_class is not None:
            rows = rows[:, [self._class(job_class)]]
        return histogram_quantile(rows.sum(axis=(0, 1)), q)

    @property
    def digest(self) -> int:
        """Rolling 64-bit digest of the event trace."""
        return int(self._core.digest_state)

    @property
    def n_events(self) -> int:
        """Arrivals, completions, failures, reneges and providers' turns so far."""
        return int(self._core.n_events)

    @property
    def trace(self) -> NDArray[Any]:
        """Structured array (time, kind, id, other) of every event, when the market keeps it."""
        rows = self._core.trace
        if rows is None:
            raise ValueError("this market keeps no trace; make it with trace=True")
        dtype = [("time", "f8"), ("kind", "i4"), ("id", "i8"), ("other", "i8")]
        return np.array(rows, dtype=dtype)

    def state(self) -> dict[str, Any]:
        """Everything that can be read, for comparison with ``==`` on nested lists."""
        out: dict[str, Any] = {"digest": self.digest, "n_events": self.n_events, "now": self.env.now}
        out["outside"] = self.outside().tolist()
        out["arrivals"] = self.arrivals().tolist()
        for name, table in (
            ("counters", self.counters()),
            ("pools", self.pools()),
            ("venues", self.venue_table()),
        ):
            out[name] = {key: column.tolist() for key, column in table.items()}
        out["providers"] = [
            {key: column.tolist() for key, column in self.providers(p).items()}
            for p in range(len(self.pools_spec))
        ]
        out["histogram"] = self.wait_histogram().tolist()
        return out


def histogram_quantile(counts: NDArray[np.int64], q: float) -> float:
    """Quantile of a histogram of waits [d], geometric inside a bin; nan when it is empty."""
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies in [0, 1], got {q}")
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    target = q * total
    below = 0
    for position in np.flatnonzero(counts):
        count = int(counts[position])
        if below + count >= target:
            if position == 0:
                return 0.0
            low, high = bin_edges(int(position))
            return low * math.pow(high / low, max(target - below, 0.0) / count)
        below += count
    return bin_edges(spec.WAIT_BINS - 1)[1]


def bin_edges(position: int) -> tuple[float, float]:
    """Edges of bin ``position`` >= 1 [d]."""
    octave, part = divmod(position - 1, 8)
    scale = math.ldexp(1.0, octave - 20)
    return scale * (1 + part / 8), scale * (1 + (part + 1) / 8)
