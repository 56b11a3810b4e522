"""What a market is made of: laws, venues, pools of providers, job classes.

Time is in days, money in integer micro-USD (µUSD), asks in µUSD per GPU-hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

MAX_ASK = 2**53
MAX_VENUES = 64
MAX_HARDWARE = 64
MAX_POOLS = MAX_CLASSES = 2**16 - 1

Rule = Literal["cheapest", "reverse_auction", "tiered_queue", "cluster", "pooled"]
Discipline = Literal["fifo", "lifo", "priority"]

RULES: tuple[Rule, ...] = ("cheapest", "reverse_auction", "tiered_queue", "cluster", "pooled")
DISCIPLINES: tuple[Discipline, ...] = ("fifo", "lifo", "priority")
ON_RENEGE = ("leave", "back", "next")
ON_FAILURE = ("back", "next", "leave")
LAWS = ("exponential", "weibull", "lognormal", "deterministic", "never")

# Kinds of trace records, in (time, kind, id, other).
ARRIVE, OUTSIDE, START, DONE, FAIL, UP, DOWN, RENEGE, LOST, MOVE, ENTER, EXIT, BAN, UNBAN = range(1, 15)
TRACE_KINDS = (  # kind k is TRACE_KINDS[k - 1]
    *("arrive", "outside", "start", "done", "fail", "up", "down"),
    *("renege", "lost", "move", "enter", "exit", "ban", "unban"),
)

WAIT_BINS = 258  # 0: no wait; 1 .. 256: eight to an octave from 2^-20 days; 257: above 2^12 days

COUNTERS_INT = (
    "submitted",
    "started",
    "completed",
    "failed_attempts",
    "failed",
    "reneged",
    "moved",
    "waited",
    "revenue",
    "fees",
)
COUNTERS_FLOAT = ("gpu_hours", "gpu_hours_lost", "wait_days", "sojourn_days")


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _finite(value: float) -> bool:
    return math.isfinite(value)


@dataclass(frozen=True)
class Law:
    """A distribution of durations, in days, sampled by inversion through the C library's functions.

    Parameters
    ----------
    kind : {"exponential", "weibull", "lognormal", "deterministic", "never"}
    mean : float > 0 [d]
    shape : float > 0
        Weibull's k, or the log-normal's standard deviation of the logarithm.
    """

    kind: str
    mean: float = math.inf
    shape: float = 1.0

    def __post_init__(self) -> None:
        _need(self.kind in LAWS, f"unknown law {self.kind!r}; expected one of {', '.join(LAWS)}")
        if self.kind != "never":
            _need(
                self.mean > 0 and _finite(self.mean),
                f"{self.kind}: mean must be > 0 and finite, got {self.mean}",
            )
            _need(self.shape > 0 and _finite(self.shape), f"{self.kind}: shape must be > 0, got {self.shape}")
        if self.kind == "weibull":
            _need(self.shape >= 0.01, f"weibull: shape must be >= 0.01, got {self.shape}")

    def constants(self) -> tuple[int, float, float]:
        """(code, a, b), as both kernels use them."""
        if self.kind == "exponential":
            return 0, self.mean, 0.0
        if self.kind == "weibull":
            return 1, self.mean / math.gamma(1.0 + 1.0 / self.shape), 1.0 / self.shape
        if self.kind == "lognormal":
            return 2, math.log(self.mean) - 0.5 * self.shape * self.shape, self.shape
        if self.kind == "deterministic":
            return 3, self.mean, 0.0
        return 4, math.inf, 0.0


@dataclass(frozen=True)
class VenueSpec:
    """A network or a cloud.

    Parameters
    ----------
    rule : matching rule
        ``cheapest``: the idle capable provider with the lowest (ask, id). ``reverse_auction``: ``bids`` idle
        capable providers are drawn without replacement, the lowest (score, id) wins, score = ask (1 +
        reputation_weight (1 - reputation)). ``tiered_queue``: the best reputation tier, then the provider
        that became idle first; the venue's own ``ask`` holds, per GPU-hour of a speed-1 device. ``cluster``:
        ``devices`` providers of one pool, all or nothing, the lowest (sum of asks, pool), where equal asks
        take turns by id, from behind the one hired last; one member's failure fails the job. ``pooled``:
        ``capacity`` GPUs at the venue's ``ask``.
    discipline : which waiting job comes first: by arrival in the queue, the reverse, or priority and then
        arrival
    on_renege : when patience ends the job leaves, goes to the back, or to its next choice (leaving when none
        is left)
    on_failure : failed work is matched again at once, else goes to the back; or to the next choice (to the
        back when none is left); or is lost
    take_rate : share of a payment that goes to the ``fee`` account
    reputation_gain, reputation_loss : on completion r += gain (1 - r); on a failure r -= loss r
    tiers : descending reputation thresholds; tier 0 holds reputation >= tiers[0]
    failed_work_is_paid : pay the elapsed time of a failed attempt, or refund all
    escrow, fee, payee : indices of ledger accounts, -1 when no money moves; ``payee`` earns a pooled venue's
        revenue
    hardware, speed : of a pooled venue; hardware -1 serves every job class
    """

    name: str
    rule: Rule
    discipline: Discipline = "fifo"
    on_renege: str = "leave"
    on_failure: str = "back"
    take_rate: float = 0.0
    bids: int = 3
    reputation_weight: float = 0.0
    reputation_gain: float = 0.0
    reputation_loss: float = 0.0
    tiers: tuple[float, ...] = ()
    capacity: int = 0
    ask: int = 0
    hardware: int = -1
    speed: float = 1.0
    failed_work_is_paid: bool = True
    escrow: int = -1
    fee: int = -1
    payee: int = -1

    def __post_init__(self) -> None:
        _need(
            self.rule in RULES,
            f"venue {self.name!r}: unknown rule {self.rule!r}; expected one of {', '.join(RULES)}",
        )
        _need(self.discipline in DISCIPLINES, f"venue {self.name!r}: unknown discipline {self.discipline!r}")
        _need(
            self.on_renege in ON_RENEGE,
            f"venue {self.name!r}: on_renege must be one of {', '.join(ON_RENEGE)}",
        )
        _need(
            self.on_failure in ON_FAILURE,
            f"venue {self.name!r}: on_failure must be one of {', '.join(ON_FAILURE)}",
        )
        for name in ("take_rate", "reputation_gain", "reputation_loss"):
            _need(0 <= getattr(self, name) <= 1, f"venue {self.name!r}: {name} must lie in [0, 1]")
        _need(0 <= self.reputation_weight < math.inf, f"venue {self.name!r}: reputation_weight must be >= 0")
        _need(1 <= self.bids <= 64, f"venue {self.name!r}: bids must lie in 1 .. 64")
        _need(
            list(self.tiers) == sorted(self.tiers, reverse=True), f"venue {self.name!r}: tiers must descend"
        )
        _need(len(self.tiers) <= 15, f"venue {self.name!r}: at most 15 tiers")
        _need(0 <= self.capacity <= 2**40, f"venue {self.name!r}: capacity must lie in 0 .. 2^40")
        _need(0 <= self.ask <= MAX_ASK, f"venue {self.name!r}: ask must lie in 0 .. 2^53 µUSD")
        _need(self.speed > 0 and _finite(self.speed), f"venue {self.name!r}: speed must be > 0")
        _need(
            -1 <= self.hardware < MAX_HARDWARE,
            f"venue {self.name!r}: hardware must lie in -1 .. {MAX_HARDWARE - 1}",
        )

    @property
    def take_ppm(self) -> int:
        """The take rate in millionths."""
        return round(self.take_rate * 1e6)


@dataclass(frozen=True)
class PoolSpec:
    """Providers of one venue that are alike but for ask, reputation and luck.

    Each provider serves one job at a time, with ``gpus`` GPUs. Exponential spells may follow the time of day:
    the rate of going offline is (1 / mean) (1 - amplitude cos 2π(t - peak)), that of coming back (1 / mean)
    (1 + amplitude cos 2π(t - peak)), by thinning. ``name`` keys the providers' own streams.
    """

    name: str
    venue: int
    hardware: int
    gpus: int = 1
    region: int = 0
    speed: float = 1.0
    online: Law = field(default_factory=lambda: Law("never"))
    offline: Law = field(default_factory=lambda: Law("exponential", 1.0))
    diurnal_amplitude: float = 0.0
    diurnal_peak: float = 0.0
    reputation: float = 1.0

    def __post_init__(self) -> None:
        _need(
            0 <= self.hardware < MAX_HARDWARE,
            f"pool {self.name!r}: hardware must lie in 0 .. {MAX_HARDWARE - 1}",
        )
        _need(1 <= self.gpus <= 2**20, f"pool {self.name!r}: gpus must lie in 1 .. 2^20")
        _need(self.speed > 0 and _finite(self.speed), f"pool {self.name!r}: speed must be > 0")
        _need(0 <= self.diurnal_amplitude <= 1, f"pool {self.name!r}: diurnal_amplitude must lie in [0, 1]")
        _need(_finite(self.diurnal_peak), f"pool {self.name!r}: diurnal_peak must be finite")
        _need(0 <= self.reputation <= 1, f"pool {self.name!r}: reputation must lie in [0, 1]")
        _need(
            self.diurnal_amplitude == 0 or self.online.kind == self.offline.kind == "exponential",
            f"pool {self.name!r}: a daily profile needs exponential spells",
        )

    @property
    def online_share(self) -> float:
        """Long-run share of time online."""
        if self.online.kind == "never":
            return 1.0
        if self.offline.kind == "never":
            return 0.0
        return self.online.mean / (self.online.mean + self.offline.mean)


@dataclass(frozen=True)
class JobClassSpec:
    """A stream of alike jobs.

    Parameters
    ----------
    rate : float >= 0 [jobs/d], with an optional daily profile rate (1 + amplitude cos 2π(t - peak)), by
        thinning
    service : Law [d on a speed-1 device]
    redraw : a fresh service time at each start, instead of the work that is left
    gpus : GPUs used on a provider, or in a pooled venue
    devices : providers used at once; above 1 only cluster venues can serve it
    max_ask : highest ask that the customer accepts [µUSD per GPU-hour]
    hardware : indices of the hardware classes that will do; None for any
    patience : Law [d] of each wait
    checkpoint : days of work between checkpoints; 0 loses nothing, infinity all
    priority : higher first, at venues whose discipline is ``priority``
    min_reputation : at ``tiered_queue`` venues, the tier of this reputation or a better one is needed
    payer : index of the ledger account that pays, -1 when no money moves
    regular : arrivals at equal intervals 1 / rate instead of a Poisson process
    limit : number of arrivals after which the stream ends; None for no end
    excluded_pools : indices of pools whose providers will not do, whatever their hardware
    """

    name: str
    rate: float
    service: Law
    redraw: bool = False
    gpus: int = 1
    devices: int = 1
    max_ask: int = MAX_ASK
    hardware: tuple[int, ...] | None = None
    patience: Law = field(default_factory=lambda: Law("never"))
    checkpoint: float = math.inf
    priority: int = 0
    min_reputation: float = 0.0
    diurnal_amplitude: float = 0.0
    diurnal_peak: float = 0.0
    payer: int = -1
    regular: bool = False
    limit: int | None = None
    excluded_pools: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        _need(self.rate >= 0 and _finite(self.rate), f"job class {self.name!r}: rate must be >= 0 and finite")
        _need(self.service.kind != "never", f"job class {self.name!r}: service must end")
        _need(1 <= self.gpus <= 2**20, f"job class {self.name!r}: gpus must lie in 1 .. 2^20")
        _need(1 <= self.devices <= 2**20, f"job class {self.name!r}: devices must lie in 1 .. 2^20")
        _need(0 <= self.max_ask <= MAX_ASK, f"job class {self.name!r}: max_ask must lie in 0 .. 2^53")
        _need(self.checkpoint >= 0, f"job class {self.name!r}: checkpoint must be >= 0")
        _need(
            0 <= self.diurnal_amplitude <= 1, f"job class {self.name!r}: diurnal_amplitude must lie in [0, 1]"
        )
        _need(_finite(self.diurnal_peak), f"job class {self.name!r}: diurnal_peak must be finite")
        _need(self.limit is None or self.limit >= 0, f"job class {self.name!r}: limit must be >= 0 or None")
        _need(
            self.hardware is None or all(0 <= h < MAX_HARDWARE for h in self.hardware),
            f"job class {self.name!r}: hardware must lie in 0 .. {MAX_HARDWARE - 1}",
        )

    @property
    def hardware_mask(self) -> int:
        """Bit h is set when hardware class h will do."""
        if self.hardware is None:
            return (1 << MAX_HARDWARE) - 1
        return sum(1 << h for h in set(self.hardware))
