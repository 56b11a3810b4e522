"""Nobody's luck depends on who else is there: a provider's spells; a job's time, size, patience, choice."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simdai.engine import Environment
from simdai.kernel import COMPILED, JobClassSpec, Law, PoolSpec, VenueSpec, make_market
from simdai.kernel.market_spec import TRACE_KINDS

KERNELS = [
    pytest.param("compiled", marks=pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")),
    "reference",
]
pytestmark = pytest.mark.parametrize("kernel", KERNELS)

HORIZON = 6.0
ENDLESS, FULL = 10**6, 0


@dataclass
class World:
    """Providers, a cloud that serves at once (it shows sizes) and one that never does (patience)."""

    seed: int
    online: Law
    offline: Law
    amplitude: float
    rule: str
    pools: dict[str, int]  # providers by pool
    classes: dict[str, float] = field(default_factory=lambda: {"research": 9.0, "startups": 15.0})  # rates
    shares: tuple[float, float, float] = (0.6, 0.2, 0.15)
    more_venues: dict[str, int] = field(default_factory=dict)  # providers by venue that nobody uses
    changes: tuple[tuple[float, str, tuple[tuple[str, int], ...]], ...] = ()  # (time, what, who)

    def run(self, kernel):
        venues = [
            VenueSpec("market", self.rule),
            VenueSpec("cloud", "pooled", capacity=ENDLESS),
            VenueSpec("full", "pooled", capacity=FULL),
            *(VenueSpec(name, "cheapest") for name in self.more_venues),
        ]
        spells = {"online": self.online, "offline": self.offline, "diurnal_amplitude": self.amplitude}
        pools = [PoolSpec(name, 0, 0, **spells) for name in self.pools]
        pools += [PoolSpec(f"pool of {name}", 3 + i, 0, **spells) for i, name in enumerate(self.more_venues)]
        classes = [
            JobClassSpec(
                name,
                rate,
                Law("lognormal", 0.3, 1.0),
                patience=Law("weibull", 0.7, 1.4),
                diurnal_amplitude=0.5,
            )
            for name, rate in self.classes.items()
        ]
        env = Environment()
        market = make_market(
            env, venues=venues, pools=pools, job_classes=classes, seed=self.seed, kernel=kernel, trace=True
        )
        who = {}
        for p, n in enumerate([*self.pools.values(), *self.more_venues.values()]):
            for index, uid in enumerate(market.add_providers(p, 1000 + np.arange(n) * 7 % 5).tolist()):
                who[uid] = (pools[p].name, index)
        for c in range(len(classes)):
            market.set_shares(c, [*self.shares, *[0.0] * len(self.more_venues)])
        for time, what, names in self.changes:
            if time > env.now:
                env.run(until=time)
            uids = [uid for uid, name in who.items() if name in names]
            if what == "reprice":
                market.reprice(uids, np.arange(len(uids)) + 500)
            elif what == "busier":
                for c, rate in enumerate(self.classes.values()):
                    market.set_rate(c, 5 * rate)
            elif what == "drain":
                market.remove_providers(uids, drain=True)
            elif what == "remove":
                market.remove_providers(uids, drain=False)
            else:
                getattr(market, what)(uids)
        env.run(until=HORIZON)
        rows = [
            (time, TRACE_KINDS[kind - 1], number, other)
            for time, kind, number, other in market.trace.tolist()
        ]
        self.lives = {name: [] for name in who.values()}
        for time, kind, number, other in rows:
            if kind in ("up", "down"):
                self.lives[who[number]].append((time, kind))
            elif kind == "enter":
                self.lives[who[number]].append((time, "online" if other else "offline"))
        started = {number: time for time, kind, number, other in rows if kind == "start" and other < 0}
        self.arrivals = [(time, venue) for time, kind, _, venue in rows if kind == "arrive"]
        self.outside = [(time, number) for time, kind, number, _ in rows if kind == "outside"]
        ended = {number: time for time, kind, number, _ in rows if kind == "done"}
        self.sizes = {number: ended[number] - time for number, time in started.items() if number in ended}
        self.reneges = {number: time for time, kind, number, _ in rows if kind == "renege"}
        return self

    def changed(self, **options):
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return World(**(fields | options))


SPELLS = st.sampled_from(
    [
        (Law("exponential", 0.6), Law("exponential", 0.2), 0.0),
        (Law("exponential", 0.6), Law("exponential", 0.2), 0.7),
        (Law("weibull", 0.6, 0.8), Law("lognormal", 0.2, 1.0), 0.0),
    ]
)


@st.composite
def worlds(draw):
    online, offline, amplitude = draw(SPELLS)
    return World(
        seed=draw(st.integers(0, 2**32)),
        online=online,
        offline=offline,
        amplitude=amplitude,
        rule=draw(st.sampled_from(["cheapest", "reverse_auction", "tiered_queue", "cluster"])),
        pools={"homes": draw(st.integers(1, 5)), "farms": draw(st.integers(0, 4))},
    )


FEW = settings(max_examples=25, deadline=None)


def same_lives(a, b, but=()):
    for name in a.lives.keys() & b.lives.keys() - set(but):
        assert a.lives[name] == b.lives[name], name


def same_jobs(a, b):
    assert a.arrivals == b.arrivals and a.outside == b.outside
    assert a.sizes == b.sizes
    if a.shares[0] == b.shares[0] == 0:
        assert a.reneges == b.reneges


@FEW
@given(world=worlds(), which=st.sampled_from(["homes", "farms"]), more=st.integers(1, 3))
def test_more_providers_change_no_others_spells_and_no_job(kernel, world, which, more):
    larger = world.changed(pools=world.pools | {which: world.pools[which] + more})
    a, b = world.run(kernel), larger.run(kernel)
    assert len(b.lives) == len(a.lives) + more
    same_lives(a, b)
    same_jobs(a, b)


@FEW
@given(world=worlds(), n=st.integers(0, 4))
def test_a_venue_that_nobody_uses_changes_nothing(kernel, world, n):
    a, b = world.run(kernel), world.changed(more_venues={"elsewhere": n}).run(kernel)
    same_lives(a, b)
    same_jobs(a, b)


@FEW
@given(world=worlds(), what=st.sampled_from(["ban", "remove", "drain"]), time=st.floats(0.1, 5.0))
def test_a_ban_or_an_exit_changes_no_others_spells_and_no_job(kernel, world, what, time):
    gone = ("homes", 0)
    a, b = world.run(kernel), world.changed(changes=((time, what, (gone,)),)).run(kernel)
    same_lives(a, b, but=[] if what == "ban" else [gone])
    same_jobs(a, b)
    left = b.lives[gone]
    assert a.lives[gone][: len(left)] == left, "until then its spells are the same as well"


@FEW
@given(world=worlds(), time=st.floats(0.1, 5.0))
def test_busier_days_and_other_prices_change_no_spells(kernel, world, time):
    changes = ((time, "busier", ()), (time, "reprice", (("homes", 0), ("farms", 0))))
    same_lives(world.run(kernel), world.changed(changes=changes).run(kernel))


@FEW
@given(world=worlds())
def test_luck_belongs_to_names_and_not_to_the_order_of_the_description(kernel, world):
    a = world.run(kernel)
    b = world.changed(pools=dict(reversed(world.pools.items()))).run(kernel)
    same_lives(a, b)
    same_jobs(a, b)


@FEW
@given(world=worlds())
def test_another_class_of_jobs_changes_neither_spells_nor_the_other_jobs(kernel, world):
    alone = world.changed(classes={"research": 9.0}, shares=(0.0, 0.5, 0.5))
    a, b = alone.run(kernel), alone.changed(classes={"others": 30.0, "research": 9.0}).run(kernel)
    same_lives(a, b)
    # Jobs are numbered across classes, so those of `research` are known by their times.
    assert set(a.arrivals) <= set(b.arrivals)
    assert set(a.sizes.values()) <= set(b.sizes.values())
    assert set(a.reneges.values()) <= set(b.reneges.values())


@FEW
@given(world=worlds(), shares=st.sampled_from([(0.0, 0.0, 1.0), (0.0, 1.0, 0.0)]))
def test_sizes_and_patience_do_not_depend_on_where_a_job_goes_nor_on_who_is_there(kernel, world, shares):
    """All jobs to the endless cloud show all sizes; all to the full one show how long each waits."""
    here = world.changed(shares=shares)
    a = here.run(kernel)
    b = here.changed(pools={"homes": 1, "farms": 7}, more_venues={"elsewhere": 2}).run(kernel)
    same_jobs(a, b)
    assert len(a.sizes) + len(a.reneges) > 50
    # The same jobs, some of which now go elsewhere: their sizes and times are what they were.
    c = world.run(kernel)
    if len(c.arrivals) < len(a.arrivals) and shares[1]:
        times = dict(enumerate(time for time, _ in a.arrivals))
        by_time = {times[number]: size for number, size in a.sizes.items()}
        times = dict(enumerate(time for time, _ in c.arrivals))
        shared = [number for number in c.sizes if times[number] in by_time]
        assert all(c.sizes[number] == by_time[times[number]] for number in shared) and shared


@FEW
@given(world=worlds())
def test_another_seed_is_other_luck(kernel, world):
    a, b = world.run(kernel), world.changed(seed=world.seed + 1).run(kernel)
    assert all(a.lives[name][1:] != b.lives[name][1:] for name in a.lives if len(a.lives[name]) > 1)
    assert not {time for time, _ in a.arrivals} & {time for time, _ in b.arrivals}
