"""Every rule of the market by a small case worked out by hand, on both kernels."""

import math
import signal

import numpy as np
import pytest
from scipy import stats

from simdai.bench.workloads import w2_market
from simdai.engine import Environment, Streams
from simdai.kernel import COMPILED, MAX_ASK, Accounts, JobClassSpec, Law, PoolSpec, VenueSpec, make_market
from simdai.kernel.market import bin_edges, histogram_quantile
from simdai.kernel.market_spec import TRACE_KINDS, WAIT_BINS

KERNELS = [
    pytest.param("compiled", marks=pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")),
    "reference",
]


@pytest.fixture(params=KERNELS)
def kernel(request):
    return request.param


WORLD, ESCROW, FEE, PAYEE, FIRST_PROVIDER = range(5)


def always(mean):
    return Law("deterministic", mean)


def job(name, at, work=1.0, **options):
    """One job that arrives at ``at`` and takes ``work`` days on a speed-1 device."""
    return JobClassSpec(name, 1 / at, always(work), regular=True, limit=1, **options)


def homes(name="homes", venue=0, hardware=0, **options):
    return PoolSpec(name, venue, hardware, **options)


class Small:
    """A market whose every class goes to the first venue, with its history in words."""

    def __init__(self, kernel, venues, pools=(), jobs=(), pays=False, **options):
        self.env = Environment()
        self.usd = None
        if pays:
            self.usd = Accounts(FIRST_PROVIDER)
            self.usd.allow_negative(WORLD)
            options["accounts"] = self.usd
        self.market = make_market(
            self.env,
            venues=[venues] if isinstance(venues, VenueSpec) else venues,
            pools=[pools] if isinstance(pools, PoolSpec) else pools,
            job_classes=[jobs] if isinstance(jobs, JobClassSpec) else jobs,
            kernel=kernel,
            trace=True,
            **options,
        )
        for c in range(len(self.market.job_classes)):
            self.market.set_shares(c, [1.0] + [0.0] * (len(self.market.venues) - 1))

    def enter(self, pool, asks, online=None):
        accounts = None
        if self.usd is not None:
            first = self.usd.add(len(asks))
            accounts = np.arange(first, first + len(asks))
        return self.market.add_providers(pool, asks, accounts, online)

    def at(self, time, change):
        """Make a change during the run."""
        self.env.timeout(time - self.env.now).callbacks.append(lambda _: change())

    def run(self, until=100.0):
        self.env.run(until=until)
        return self

    def history(self, *kinds):
        """(time, kind, id) or, for starts and moves, (time, kind, id, provider or venue)."""
        rows = []
        for time, kind, number, other in self.market.trace.tolist():
            name = TRACE_KINDS[kind - 1]
            if name in kinds:
                rows.append(
                    (time, name, number, other) if name in ("start", "move") else (time, name, number)
                )
        return rows

    def starts(self):
        return [(time, number, provider) for time, _, number, provider in self.history("start")]

    def counter(self, name, venue=0, job_class=0):
        value = self.market.counters()[name][venue, job_class].item()
        assert value == self.market.counter(name, venue, job_class)
        return value

    def states(self, pool=0):
        names = ("offline", "idle", "busy", "banned")
        return [names[state] for state in self.market.providers(pool)["state"]]


def three_jobs(work=10.0, **options):
    return [job(name, at, work, **options) for name, at in (("a", 1), ("b", 2), ("c", 4))]


# -- matching: cheapest --------------------------------------------------------------------------------------


def test_the_cheapest_idle_provider_is_taken_and_ties_go_to_the_lower_id(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), three_jobs())
    assert s.enter(0, [3, 2, 2, 5]).tolist() == [0, 1, 2, 3]
    assert s.run(9).starts() == [(1, 0, 1), (2, 1, 2), (4, 2, 0)]


def test_ties_between_pools_go_to_the_lower_id_as_well(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), [homes("a"), homes("b")], three_jobs())
    s.enter(1, [2])
    s.enter(0, [2, 1])
    assert [provider for _, _, provider in s.run(9).starts()] == [2, 0, 1]


def test_a_customer_never_pays_more_than_its_highest_ask(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), job("a", 1, max_ask=2))
    s.enter(0, [3])
    s.at(5, lambda: s.enter(0, [2]))
    assert s.run().starts() == [(5, 0, 1)]


def test_work_goes_only_to_providers_with_the_right_hardware_and_enough_gpus(kernel):
    pools = [homes("small", hardware=1), homes("wrong", gpus=4), homes("right", hardware=1, gpus=2)]
    s = Small(kernel, VenueSpec("v", "cheapest"), pools, job("a", 1, gpus=2, hardware=(1, 3)))
    for pool, ask in enumerate((1, 2, 9)):
        s.enter(pool, [ask])
    assert s.run().starts() == [(1, 0, 2)]


def test_a_faster_device_ends_sooner(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(speed=4.0), job("a", 1, work=2.0))
    s.enter(0, [1])
    assert s.run().history("done") == [(1.5, "done", 0)]


# -- matching: reverse auction -------------------------------------------------------------------------------


def test_the_auction_weighs_price_and_reputation(kernel):
    """Scores: 10 (1 + 1 (1 - 0.5)) = 15, and 12 (1 + 1 (1 - 1)) = 12."""
    venue = VenueSpec("v", "reverse_auction", bids=5, reputation_weight=1.0)
    s = Small(kernel, venue, [homes("doubtful", reputation=0.5), homes("good")], three_jobs())
    s.enter(0, [10])
    s.enter(1, [12, 16])
    assert [provider for _, _, provider in s.run(9).starts()] == [1, 0, 2]


def test_equal_scores_go_to_the_lower_id(kernel):
    """6 (1 + 2 (1 - 0.5)) = 12 = 12 (1 + 2 (1 - 1))."""
    venue = VenueSpec("v", "reverse_auction", reputation_weight=2.0)
    s = Small(kernel, venue, [homes("doubtful", reputation=0.5), homes("good")], three_jobs())
    s.enter(1, [12])
    s.enter(0, [6])
    s.enter(1, [12])
    assert [provider for _, _, provider in s.run(9).starts()] == [0, 1, 2]


def test_without_weight_reputation_does_not_matter(kernel):
    venue = VenueSpec("v", "reverse_auction", reputation_weight=0.0)
    s = Small(kernel, venue, [homes("doubtful", reputation=0.0), homes("good")], three_jobs())
    s.enter(1, [11])
    s.enter(0, [10])
    assert s.run(1.5).starts() == [(1, 0, 1)]


def test_reputation_grows_with_completions_and_shrinks_with_failures(kernel):
    """0.5 + 0.2 (1 - 0.5) = 0.6; then 0.6 - 0.5 x 0.6 = 0.3."""
    venue = VenueSpec("v", "reverse_auction", reputation_gain=0.2, reputation_loss=0.5, on_failure="leave")
    pool = homes(reputation=0.5, online=always(4.0), offline=Law("never"))
    s = Small(kernel, venue, pool, [job("a", 1), job("b", 3.5, work=2.0)])
    s.enter(0, [1], online=True)
    s.run(3)
    assert s.market.providers(0)["reputation"].tolist() == [0.5 + 0.2 * (1 - 0.5)]
    s.run(5)
    assert s.market.providers(0)["reputation"].tolist() == pytest.approx([0.3], rel=1e-15)
    assert s.market.providers(0)["failures"].tolist() == [1]


def test_the_auction_draws_its_bidders_without_replacement_and_evenly(kernel):
    """Two of five: the cheapest wins if drawn, 4 of 10 pairs; then 3, 2, 1 of 10; the dearest never."""
    n = 4000 if kernel == "compiled" else 1000
    venue = VenueSpec("v", "reverse_auction", bids=2)
    s = Small(kernel, venue, homes(), JobClassSpec("jobs", 1.0, always(0.5), regular=True, limit=n))
    s.enter(0, [1, 2, 3, 4, 5])
    s.run(n + 2)
    counts = np.bincount([provider for _, _, provider in s.starts()], minlength=5)
    assert counts.sum() == n and counts[4] == 0
    assert stats.chisquare(counts[:4], n * np.array([0.4, 0.3, 0.2, 0.1])).pvalue > 1e-4


def test_a_bidder_above_the_highest_ask_does_not_bid(kernel):
    s = Small(kernel, VenueSpec("v", "reverse_auction", bids=1), homes(), three_jobs(max_ask=3))
    s.enter(0, [9, 8, 7, 3, 9])
    assert s.run(9).starts() == [(1, 0, 3)]
    assert s.market.queue_length(0) == 2


# -- matching: tiered queue ----------------------------------------------------------------------------------


def test_the_best_tier_comes_first_whatever_the_ids_and_asks(kernel):
    venue = VenueSpec("v", "tiered_queue", tiers=(0.9, 0.5), ask=100)
    pools = [homes("c", reputation=0.2), homes("b", reputation=0.5), homes("a", reputation=0.9)]
    s = Small(kernel, venue, pools, three_jobs())
    for pool, ask in enumerate((1, 2, 3)):
        s.enter(pool, [ask])
    assert [provider for _, _, provider in s.run(9).starts()] == [2, 1, 0]


def test_within_a_tier_the_provider_that_became_idle_first_is_taken(kernel):
    jobs = [job("a", 1, 2.0), job("b", 2, 0.5), job("c", 3.5), job("d", 4, 1.0)]
    s = Small(kernel, VenueSpec("v", "tiered_queue", tiers=(0.5,)), homes(), jobs)
    s.enter(0, [5, 1, 9])
    # Provider 0 is idle again from 3, provider 1 from 2.5; provider 2 has been idle since 0.
    assert s.run().starts() == [(1, 0, 0), (2, 1, 1), (3.5, 2, 2), (4, 3, 1)]


def test_a_customer_can_ask_for_a_tier(kernel):
    venue = VenueSpec("v", "tiered_queue", tiers=(0.9, 0.5))
    pools = [homes("low", reputation=0.4), homes("middle", reputation=0.6)]
    s = Small(
        kernel, venue, pools, [job("a", 1, 9.0, min_reputation=0.7), job("b", 2, 9.0, min_reputation=0.9)]
    )
    s.enter(0, [1])
    s.enter(1, [1, 1])
    # 0.7 belongs to the tier from 0.5 on; nobody is in the tier that 0.9 asks for.
    assert s.run(5).starts() == [(1, 0, 1)]
    assert s.market.queue_length(0) == 1


def test_at_a_tiered_venue_its_own_price_holds_for_each_speed(kernel):
    """1 day of work on a device of speed 2: 12 hours at 2 x 100 µUSD for each of 2 GPUs."""
    venue = VenueSpec("v", "tiered_queue", ask=100, escrow=ESCROW, fee=FEE)
    s = Small(kernel, venue, homes(gpus=4, speed=2.0), job("a", 1, gpus=2, payer=WORLD), pays=True)
    s.enter(0, [999_999])
    s.run(1.25)
    assert s.usd.balances.tolist() == [-4800, 4800, 0, 0, 0]
    s.run()
    assert s.usd.balances.tolist() == [-4800, 0, 0, 0, 4800]
    assert s.market.providers(0)["revenue"].tolist() == [4800]
    assert s.market.providers(0)["work_hours"].tolist() == [24.0]  # 2 GPUs for 12 hours


def test_a_tiered_venue_above_the_highest_ask_keeps_the_customer_waiting(kernel):
    s = Small(kernel, VenueSpec("v", "tiered_queue", ask=100), homes(), job("a", 1, max_ask=60))
    s.enter(0, [1])
    s.at(3, lambda: s.market.set_ask(0, 61))
    s.at(5, lambda: s.market.set_ask(0, 60))
    assert s.run().starts() == [(5, 0, 0)]


# -- matching: cluster ---------------------------------------------------------------------------------------


def test_a_cluster_is_all_or_nothing_and_from_one_pool(kernel):
    s = Small(kernel, VenueSpec("v", "cluster"), [homes("a"), homes("b")], job("a", 1, devices=3))
    s.enter(0, [1, 1])
    s.enter(1, [1, 1])
    s.at(5, lambda: s.enter(1, [1]))
    s.run(5.5)
    assert s.starts() == [(5, 0, 2)]
    assert s.states(0) == ["idle"] * 2 and s.states(1) == ["busy"] * 3


def test_the_cheapest_complete_cluster_is_taken(kernel):
    """1 + 9 = 10 is dearer than 4 + 5 = 9; equal sums go to the first pool."""
    jobs = [job("a", 1, 1.0, devices=2), job("b", 4, 1.0, devices=2)]
    s = Small(kernel, VenueSpec("v", "cluster"), [homes("a"), homes("b")], jobs)
    s.enter(0, [9, 1])
    s.enter(1, [5, 7, 4])
    s.at(3, lambda: s.market.reprice([0], [8]))
    s.run(5.5)
    assert s.starts() == [(1, 0, 4), (4, 1, 1)]


def test_equal_devices_take_turns_in_clusters(kernel):
    """Two at a time: 0 1, 2 3, 4 0; without 2, which leaves, 1 3; the dearer one when all are needed."""
    jobs = [job(name, at, 0.5, devices=2) for name, at in (("a", 1), ("b", 2), ("c", 3), ("d", 4))]
    s = Small(kernel, VenueSpec("v", "cluster"), homes(), [*jobs, job("e", 5, 0.5, devices=5)])
    s.enter(0, [7, 7, 7, 7, 7, 9])
    s.at(3.75, lambda: s.market.remove_providers([2], drain=True))
    s.run(6)
    assert s.starts() == [(1, 0, 0), (2, 1, 2), (3, 2, 4), (4, 3, 1), (5, 4, 4)]
    hours = dict(
        zip(*(s.market.providers(0)[column].tolist() for column in ("uid", "work_hours")), strict=True)
    )
    assert hours == {0: 36.0, 1: 36.0, 3: 36.0, 4: 24.0, 5: 12.0}


def test_one_members_failure_fails_the_clusters_job_and_frees_the_others(kernel):
    pools = [homes("fragile", online=always(2.0), offline=Law("never")), homes("solid")]
    venue = VenueSpec("v", "cluster", on_failure="leave")
    s = Small(kernel, venue, pools, job("a", 1, 5.0, devices=2))
    s.enter(0, [1, 1], online=True)
    s.at(1.5, lambda: s.market.remove_providers([1], drain=False))
    s.run(1.75)
    assert s.history("fail", "lost", "exit") == [(1.5, "fail", 0), (1.5, "exit", 1), (1.5, "lost", 0)]
    assert s.states(0) == ["idle"]
    # Two devices for half a day, nothing kept.
    assert s.counter("gpu_hours_lost") == 24.0 and s.counter("failed") == 1 and s.counter("running") == 0


def test_members_of_a_cluster_are_paid_what_each_asked(kernel):
    """48 hours on two devices at 100 and 250 µUSD."""
    venue = VenueSpec("v", "cluster", escrow=ESCROW, fee=FEE, take_rate=0.1)
    s = Small(kernel, venue, homes(), job("a", 1, 2.0, devices=2, payer=WORLD), pays=True)
    s.enter(0, [250, 700, 100])
    s.run(2)
    assert s.usd.balance(ESCROW) == 48 * 350
    s.run()
    assert s.usd.balances.tolist() == [-16800, 0, 1680, 0, 10800, 0, 4320]
    assert s.counter("gpu_hours") == 96.0


# -- matching: pooled ----------------------------------------------------------------------------------------


def test_a_pooled_venue_serves_while_gpus_are_free(kernel):
    jobs = [job("a", 1, 4.0, gpus=2), job("b", 2, 4.0, gpus=2), job("c", 2.5, 0.5)]
    s = Small(kernel, VenueSpec("v", "pooled", capacity=3), (), jobs)
    # b needs two of the one GPU that is left; c, behind it, needs one.
    assert [(time, number) for time, number, _ in s.run().starts()] == [(1, 0), (2.5, 2), (5, 1)]


def test_more_capacity_serves_the_queue_and_less_lets_running_work_end(kernel):
    s = Small(kernel, VenueSpec("v", "pooled", capacity=1), (), three_jobs(3.0))
    s.at(2.5, lambda: s.market.set_capacity(0, 2))
    s.at(3, lambda: s.market.set_capacity(0, 0))
    s.at(3.5, lambda: gpus.append(s.market.venue_table()["gpus_busy"].tolist()))
    gpus = []
    s.run(20)
    assert gpus == [[2]]
    assert [(time, number) for time, number, _ in s.starts()] == [(1, 0), (2.5, 1)]
    assert s.history("done") == [(4, "done", 0), (5.5, "done", 1)]
    assert s.market.venue_table()["gpu_days"].tolist() == [6.0] and s.market.queue_length(0) == 1


def test_a_pooled_venues_revenue_goes_to_its_payee(kernel):
    """24 hours of 2 GPUs at 1000 µUSD on hardware of speed 2: 24 h of work take 12 h."""
    venue = VenueSpec(
        "v", "pooled", capacity=9, ask=1000, speed=2.0, escrow=ESCROW, fee=FEE, payee=PAYEE, take_rate=0.25
    )
    s = Small(kernel, venue, (), job("a", 1, gpus=2, payer=WORLD), pays=True)
    s.at(1.25, lambda: s.market.set_ask(0, 5000))  # the running job keeps its price
    s.run()
    assert s.history("done") == [(1.5, "done", 0)]
    assert s.usd.balances.tolist() == [-24000, 0, 6000, 18000]


def test_a_pooled_venue_serves_only_its_hardware():
    with pytest.raises(ValueError, match="'v' can never serve job class 'a': hardware, GPUs or devices"):
        Small("reference", VenueSpec("v", "pooled", capacity=9, hardware=2), (), job("a", 1, hardware=(0, 1)))


# -- queues --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("discipline", "order"),
    [("fifo", [0, 1, 2, 3, 4]), ("lifo", [0, 4, 3, 2, 1]), ("priority", [0, 2, 4, 1, 3])],
)
def test_the_queue_is_served_by_its_discipline(kernel, discipline, order):
    """Jobs 1 to 4 wait for the one provider; jobs 2 and 4 have the higher priority."""
    jobs = [job(f"job{n}", at=n + 1, work=10.0, priority=7 if n in (2, 4) else -7) for n in range(5)]
    s = Small(kernel, VenueSpec("v", "cheapest", discipline=discipline), homes(), jobs)
    s.enter(0, [1])
    assert s.run().starts() == [(1.0 + 10 * n, number, 0) for n, number in enumerate(order)]


def test_jobs_of_one_class_wait_in_their_order(kernel):
    for discipline, order in (("fifo", [0, 1, 2, 3]), ("priority", [0, 1, 2, 3]), ("lifo", [0, 3, 2, 1])):
        jobs = JobClassSpec("jobs", 1.0, always(10.0), regular=True, limit=4)
        s = Small(kernel, VenueSpec("v", "pooled", capacity=1, discipline=discipline), (), jobs)
        assert [number for _, number, _ in s.run().starts()] == order


def test_a_line_whose_first_job_finds_no_match_is_passed_over(kernel):
    jobs = [job("picky", 1, max_ask=1), job("easy", 2)]
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), jobs)
    s.at(5, lambda: s.enter(0, [2]))
    assert s.run().starts() == [(5, 1, 0)]
    assert s.market.queue_length(0) == 1


def test_within_a_line_nobody_passes_the_first_job(kernel):
    """A line holds one class, so what does not fit its first job fits none behind it."""
    jobs = JobClassSpec("jobs", 1.0, always(1.0), regular=True, limit=3, max_ask=1)
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), jobs)
    s.enter(0, [2])
    assert s.run().starts() == [] and s.market.queue_length(0) == 3


def test_an_impatient_job_leaves(kernel):
    s = Small(kernel, VenueSpec("v", "pooled", capacity=1), (), three_jobs(4.5, patience=always(2.0)))
    s.run()
    # a runs from 1 to 5.5; b waits from 2 and gives up at 4; c waits from 4 and starts at 5.5.
    assert s.history("renege") == [(4, "renege", 1)]
    assert [(time, number) for time, number, _ in s.starts()] == [(1, 0), (5.5, 2)]
    assert s.counter("reneged", job_class=1) == 1


def test_an_impatient_job_can_go_to_the_back_where_its_patience_starts_anew(kernel):
    jobs = three_jobs(5.5, patience=always(2.5))
    s = Small(kernel, VenueSpec("v", "pooled", capacity=1, on_renege="back"), (), jobs)
    s.run(20)
    # b waits from 2; at 4.5 it goes behind c, which came at 4; c starts at 6.5. b turns again at 7, 9.5.
    assert s.history("renege") == [(4.5, "renege", 1), (7, "renege", 1), (9.5, "renege", 1)]
    assert [(time, number) for time, number, _ in s.starts()] == [(1, 0), (6.5, 2), (12, 1)]
    assert s.market.counters()["reneged"].sum() == 0
    # Waits: c 2.5 days; b 10 days since it came.
    assert s.counter("wait_days", job_class=1) == 10 and s.counter("wait_days", job_class=2) == 2.5


def test_an_impatient_job_can_go_to_its_next_choice_and_leaves_after_the_last(kernel):
    venues = [
        VenueSpec(name, "pooled", capacity=c, on_renege="next") for name, c in (("x", 0), ("y", 0), ("z", 0))
    ]
    s = Small(kernel, venues, (), job("a", 1, patience=always(2.0)))
    s.market.set_shares(0, [0.0, 1.0, 0.0])
    s.at(1.5, lambda: s.market.set_shares(0, [0.5, 0.25, 0.0]))
    s.run()
    assert s.history("move", "renege") == [(3, "move", 0, 0), (5, "renege", 0)]
    c = s.market.counters()
    assert c["submitted"][:, 0].tolist() == [1, 1, 0] and c["moved"][:, 0].tolist() == [0, 1, 0]
    assert c["reneged"][:, 0].tolist() == [1, 0, 0]


def test_the_next_choice_is_drawn_in_proportion_to_the_shares_left(kernel):
    """Shares 1/2, 1/3, 1/6: of those who leave the first venue, two of three go to the second."""
    n = 3000 if kernel == "compiled" else 600
    venues = [VenueSpec(name, "pooled", capacity=0, on_renege="next") for name in "xyz"]
    jobs = JobClassSpec("jobs", n / 10, always(1.0), regular=True, limit=n, patience=always(0.5))
    s = Small(kernel, venues, (), jobs)
    s.market.set_shares(0, [1 / 2, 1 / 3, 1 / 6])
    s.run()
    first = {row["id"]: row["other"] for row in s.market.trace[::-1] if row["kind"] == 1}
    assert len(first) == n
    assert (
        stats.chisquare(np.bincount(list(first.values())), n * np.array([1 / 2, 1 / 3, 1 / 6])).pvalue > 1e-4
    )
    second = {}
    for _, _, number, venue in s.history("move"):
        second.setdefault(number, venue)
    moved = [second[number] for number, venue in first.items() if venue == 0]
    share = np.bincount(moved, minlength=3)[1:]
    assert stats.chisquare(share, len(moved) * np.array([2 / 3, 1 / 3])).pvalue > 1e-4
    assert s.market.counters()["reneged"].sum() == n, "everybody leaves after three venues"


# -- failures and checkpoints --------------------------------------------------------------------------------

FRAGILE = {"online": always(2.0), "offline": always(0.5)}


@pytest.mark.parametrize(
    ("checkpoint", "redraw", "lost_hours", "left"),
    [
        (math.inf, False, 24.0, 3.0),  # all lost: one day on the device
        (0.0, False, 0.0, 1.0),  # nothing lost: 2 of 3 days of work done
        (0.75, False, 24 * (1 - 1.5 / 2), 1.5),  # two whole checkpoints kept
        (2.5, False, 24.0, 3.0),  # not yet one
        (0.75, True, 24.0, 3.0),  # a fresh draw keeps nothing
    ],
)
def test_a_failure_loses_the_work_since_the_last_checkpoint(kernel, checkpoint, redraw, lost_hours, left):
    """Work 3 on a device of speed 2 that goes down after one day and comes back half a day later."""
    jobs = job("a", 1, 3.0, checkpoint=checkpoint, redraw=redraw)
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(speed=2.0, **FRAGILE), jobs)
    s.enter(0, [1], online=True)
    s.run(4.49)
    assert s.history("fail")[0] == (2, "fail", 0)
    assert s.counter("gpu_hours_lost") == lost_hours
    assert s.starts() == [(1, 0, 0), (2.5, 0, 0)]
    assert s.history("done") == [(2.5 + left / 2, "done", 0)]
    assert s.counter("sojourn_days") == 1.5 + left / 2, "from arrival to completion"
    assert s.counter("gpu_hours") == 24 * left / 2, "hours of the completed attempt"


def test_failed_work_goes_first_to_another_idle_provider(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), [homes("a", **FRAGILE), homes("b")], job("j", 1, 3.0))
    s.enter(0, [1], online=True)
    s.enter(1, [9])
    s.run(10)
    assert s.starts() == [(1, 0, 0), (2, 0, 1)]
    assert s.history("done") == [(5, "done", 0)]


def test_failed_work_goes_to_the_back_of_the_queue(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(**FRAGILE), [job("a", 1, 1.9), job("b", 1.5, 0.25)])
    s.enter(0, [1], online=True)
    s.run(10)
    # a fails at 2; at 2.5 b, which has waited since 1.5, is served first.
    assert s.starts()[:3] == [(1, 0, 0), (2.5, 1, 0), (2.75, 0, 0)]
    assert s.counter("failed_attempts") == s.market.providers(0)["failures"].sum() > 0


def test_failed_work_can_leave(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest", on_failure="leave"), homes(**FRAGILE), job("a", 1, 3.0))
    s.enter(0, [1], online=True)
    s.run()
    assert s.history("fail", "lost") == [(2, "fail", 0), (2, "lost", 0)]
    assert (s.counter("failed"), s.counter("failed_attempts"), s.counter("completed")) == (1, 1, 0)


def test_failed_work_can_go_to_its_next_choice(kernel):
    venues = [VenueSpec("v", "cheapest", on_failure="next"), VenueSpec("cloud", "pooled", capacity=1)]
    s = Small(kernel, venues, homes(**FRAGILE), job("a", 1, 3.0))
    s.at(1.5, lambda: s.market.set_shares(0, [0.5, 0.5]))
    s.enter(0, [1], online=True)
    s.run()
    assert s.history("fail", "move", "done") == [(2, "fail", 0), (2, "move", 0, 1), (5, "done", 0)]
    c = s.market.counters()
    assert c["moved"][:, 0].tolist() == [1, 0] and c["completed"][:, 0].tolist() == [0, 1]


def test_failed_work_without_another_choice_goes_to_the_back(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest", on_failure="next"), homes(**FRAGILE), job("a", 1, 3.0))
    s.enter(0, [1], online=True)
    s.run(2.25)
    assert s.history("move") == [] and s.market.queue_length(0) == 1


def test_a_completion_at_the_very_instant_of_going_offline_goes_by_insertion(kernel):
    """The spell was scheduled first, so the provider is down before the work would have ended."""
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(**FRAGILE), job("a", 1, 1.0, checkpoint=0.0))
    s.enter(0, [1], online=True)
    s.run(4)
    assert s.history("down", "fail", "done") == [(2, "down", 0), (2, "fail", 0), (2.5, "done", 0)]
    assert s.starts() == [(1, 0, 0), (2.5, 0, 0)]


# -- money ---------------------------------------------------------------------------------------------------

HOUR = 1 / 24


def paying(rule="cheapest", **options):
    return VenueSpec("v", rule, escrow=ESCROW, fee=FEE, **options)


@pytest.mark.parametrize(
    ("amount", "take", "seller"),
    [
        (100, 0.0, 100),
        (100, 1.0, 0),
        (100, 0.333333, 67),  # 66.6667 and 33.3333: the larger remainder rounds up
        (100, 0.666667, 33),  # 33.3333 and 66.6667
        (1, 0.5, 1),  # 0.5 and 0.5: the tie goes to the seller
        (3, 0.5, 2),
        (1, 0.500001, 0),
        (10, 0.05, 10),  # 9.5 and 0.5
        (30, 0.05, 29),  # 28.5 and 1.5: the tie again, so 29
    ],
)
def test_fees_round_by_the_largest_remainder(kernel, amount, take, seller):
    s = Small(kernel, paying(take_rate=take), homes(), job("a", 1, HOUR, payer=WORLD), pays=True)
    s.enter(0, [amount])
    s.run()
    assert s.usd.balances.tolist() == [-amount, 0, amount - seller, 0, seller]
    assert (s.counter("revenue"), s.counter("fees")) == (amount, amount - seller)
    assert s.market.providers(0)["revenue"].tolist() == [seller]


def test_a_payment_is_rounded_down_to_the_whole_micro_dollar(kernel):
    """1.5 days x 24 h x 2 GPUs x 7 µUSD = 504; 1/7 day x 24 x 2 x 7 = 48; 0.1 day x 24 x 2 x 7 = 33.6."""
    for work, expected in ((1.5, 504), (0.1, 33)):
        s = Small(kernel, paying(), homes(gpus=8), job("a", 1, work, gpus=2, payer=WORLD), pays=True)
        s.enter(0, [7])
        s.run()
        assert s.usd.balance(WORLD) == -expected == -s.usd.balance(FIRST_PROVIDER)


def test_the_customer_pays_into_escrow_at_the_start_and_the_provider_earns_at_the_end(kernel):
    s = Small(kernel, paying(take_rate=0.5), homes(), job("a", 1, 2 * HOUR, payer=WORLD), pays=True)
    s.enter(0, [10])
    s.run(1 + HOUR)
    assert s.usd.balances.tolist() == [-20, 20, 0, 0, 0]
    s.run()
    assert s.usd.balances.tolist() == [-20, 0, 10, 0, 10]
    assert s.usd.total() == 0


@pytest.mark.parametrize("paid", [True, False])
def test_a_failed_attempt_is_paid_for_its_time_or_refunded(kernel, paid):
    """4 hours at 10 µUSD are put in escrow; the provider is removed after 1.5 hours, which are worth 15."""
    venue = paying(take_rate=0.2, failed_work_is_paid=paid, on_failure="leave")
    s = Small(kernel, venue, homes(), job("a", 1, 4 * HOUR, payer=WORLD), pays=True)
    s.enter(0, [10])
    s.run(1 + HOUR)
    assert s.usd.balance(ESCROW) == 40
    s.at(1 + 1.5 * HOUR, lambda: s.market.remove_providers([0], drain=False))
    s.run()
    assert s.usd.balances.tolist() == ([-15, 0, 3, 0, 12] if paid else [0, 0, 0, 0, 0])
    assert (s.counter("revenue"), s.counter("fees")) == ((15, 3) if paid else (0, 0))


def test_a_new_take_rate_holds_for_payments_from_then_on(kernel):
    s = Small(kernel, paying(), homes(), [job("a", 1, payer=WORLD), job("b", 3, payer=WORLD)], pays=True)
    s.enter(0, [100])
    s.at(3.5, lambda: s.market.set_take_rate(0, 0.25))
    s.run()
    assert s.usd.balances.tolist() == [-4800, 0, 600, 0, 4200]


def test_without_accounts_revenue_is_counted_all_the_same(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest", take_rate=0.25), homes(), job("a", 1))
    s.enter(0, [100])
    s.run()
    assert (s.counter("revenue"), s.counter("fees")) == (2400, 600)


def test_the_money_of_great_fleets_is_exact(kernel):
    """2^53 µUSD x 2^20 GPUs x 2^-42 days x 24 h = 24 x 2^31, far beyond 64 bits on the way."""
    work, gpus = 2.0**-42, 2**20
    expected = 24 * 2**31
    s = Small(kernel, paying(), homes(gpus=gpus), job("a", 1, work, gpus=gpus, payer=WORLD), pays=True)
    s.enter(0, [MAX_ASK])
    s.run()
    assert s.usd.balance(WORLD) == -expected and s.counter("revenue") == expected
    pooled = paying("pooled", payee=PAYEE, capacity=2**40, ask=MAX_ASK)
    jobs = job("a", 1, 2.0**-62, gpus=gpus, devices=2**20, payer=WORLD)
    s = Small(kernel, pooled, (), jobs, pays=True)
    s.run()
    assert s.usd.balance(PAYEE) == expected


def test_a_payment_beyond_64_bits_is_an_error(kernel):
    s = Small(kernel, paying(), homes(gpus=1024), job("a", 1, 1e6, gpus=1024, payer=WORLD), pays=True)
    s.enter(0, [MAX_ASK])
    with pytest.raises(OverflowError, match="payment"):
        s.run()


def test_a_customer_without_funds_is_an_error(kernel):
    s = Small(kernel, paying(), homes(), job("a", 1, payer=PAYEE), pays=True)
    s.enter(0, [1])
    with pytest.raises(ValueError, match=f"account {PAYEE}"):
        s.run()


# -- changes -------------------------------------------------------------------------------------------------


def test_a_ban_fails_the_running_job_and_keeps_work_away(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), three_jobs(2.0))
    s.enter(0, [1])
    s.at(1.5, lambda: s.market.ban([0]))
    s.at(1.75, lambda: s.market.ban([0]))
    s.run(5)
    assert s.history("ban", "fail") == [(1.5, "ban", 0), (1.5, "fail", 0)]
    assert s.states() == ["banned"] and s.market.queue_length(0) == 3
    s.market.unban([0])
    # The failed job went to the back at 1.5, before b came at 2 and c at 4.
    s.run(20)
    assert s.starts()[1:] == [(5, 0, 0), (7, 1, 0), (9, 2, 0)]


def test_spells_go_on_during_a_ban(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(online=always(1.0), offline=always(0.5)), job("a", 9))
    s.enter(0, [1], online=True)
    s.market.ban([0])
    s.run(1.25)
    assert s.states() == ["offline"]
    s.run(2)
    assert s.states() == ["banned"]
    s.run(3.5)
    assert s.history("up", "down") == [(1, "down", 0), (1.5, "up", 0), (2.5, "down", 0), (3, "up", 0)]
    assert s.market.providers(0)["online_days"].tolist() == [2.5], "1 + 1 + 0.5"
    s.market.unban([0])
    assert s.states() == ["idle"]


def test_a_drained_provider_finishes_its_job_and_leaves(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), three_jobs(2.0))
    s.enter(0, [1, 9])
    s.at(1.5, lambda: s.market.remove_providers([0], drain=True))
    s.run(20)
    assert s.history("done", "exit")[:2] == [(3, "done", 0), (3, "exit", 0)]
    assert s.starts() == [(1, 0, 0), (2, 1, 1), (4, 2, 1)]
    assert s.market.providers(0)["uid"].tolist() == [1]


def test_a_removal_without_draining_fails_the_job_at_once(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), job("a", 1, 2.0))
    s.enter(0, [1, 9])
    s.at(1.5, lambda: s.market.remove_providers([0, 1], drain=False))
    s.run(20)
    # Provider 1 leaves in the same batch, so it does not take the failed work.
    assert s.history("exit", "fail") == [(1.5, "exit", 1), (1.5, "fail", 0), (1.5, "exit", 0)]
    assert s.starts() == [(1, 0, 0)] and s.market.queue_length(0) == 1


def test_those_who_have_left_cannot_be_named_again(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), job("a", 1))
    s.enter(0, [1, 2])
    s.market.remove_providers([0])
    for change in (
        s.market.ban,
        s.market.unban,
        s.market.remove_providers,
        lambda u: s.market.reprice(u, [1]),
    ):
        with pytest.raises(ValueError, match="has left, or never was"):
            change([0])
        with pytest.raises(ValueError, match="has left, or never was"):
            change([7])
    assert s.enter(0, [3]).tolist() == [2], "ids are not used again"
    assert s.market.providers(0)["index"].tolist() == [1, 2], "nor are places in the pool"


def test_a_new_provider_in_an_old_ones_place_inherits_nothing(kernel):
    """A provider with a history and an account leaves; one that is not paid enters elsewhere."""
    venues = [paying(on_failure="leave", reputation_loss=0.5), VenueSpec("w", "cheapest")]
    pool = homes("paid", reputation=0.8, online=always(2.0), offline=Law("never"))
    s = Small(kernel, venues, [pool, homes("free", venue=1)], job("a", 1, 5.0, payer=WORLD), pays=True)
    s.enter(0, [1], online=True)
    s.run(3)
    assert s.market.providers(0)["failures"].tolist() == [1]
    s.market.remove_providers([0])
    s.market.add_providers(1, [2])
    table = {name: column.tolist() for name, column in s.market.providers(1).items()}
    assert (table["account"], table["failures"], table["revenue"], table["reputation"]) == (
        [-1],
        [0],
        [0],
        [1.0],
    )
    assert table["online_days"] == table["work_hours"] == [0.0]


def test_a_new_price_does_not_touch_the_running_lease(kernel):
    s = Small(kernel, paying(), homes(), [job("a", 1, payer=WORLD), job("b", 3, payer=WORLD)], pays=True)
    s.enter(0, [100])
    s.at(1.5, lambda: s.market.reprice([0], [1]))
    s.run(2.5)
    assert s.usd.balance(FIRST_PROVIDER) == 2400
    s.run()
    assert s.usd.balance(FIRST_PROVIDER) == 2424


def test_new_prices_change_who_is_cheapest_and_what_is_acceptable(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), [*three_jobs(), job("picky", 5, max_ask=3)])
    s.enter(0, [4, 5, 6, 7])
    s.at(1.5, lambda: s.market.reprice([3, 1], [5, 7]))
    s.at(6, lambda: s.market.reprice([1], [3]))
    assert s.run(9).starts() == [(1, 0, 0), (2, 1, 3), (4, 2, 2), (6, 3, 1)]


def test_a_new_rate_stretches_the_time_to_the_next_arrival(kernel):
    s = Small(kernel, VenueSpec("v", "pooled"), (), JobClassSpec("a", 1.0, always(1.0), regular=True))
    s.at(1.5, lambda: s.market.set_rate(0, 2.0))  # half of the way is left: a quarter of a day
    s.at(2.5, lambda: s.market.set_rate(0, 0.0))  # half of the way to 2.75 is left
    s.at(10, lambda: s.market.set_rate(0, 0.25))  # two days
    s.run(20)
    assert [time for time, _, _ in s.history("arrive")] == [1, 1.75, 2.25, 12, 16]


def test_a_stopped_stream_leaves_no_event_behind(kernel):
    s = Small(kernel, VenueSpec("v", "pooled"), (), JobClassSpec("a", 1.0, always(1.0), regular=True))
    s.market.set_rate(0, 0.0)
    assert s.env.peek() == math.inf
    s.env.run()
    assert s.env.now == 0


def test_a_limit_ends_the_stream(kernel):
    jobs = [JobClassSpec("some", 5.0, always(0.1), limit=7), JobClassSpec("none", 5.0, always(0.1), limit=0)]
    s = Small(kernel, VenueSpec("v", "pooled", capacity=1), (), jobs).run()
    assert s.market.arrivals().tolist() == [7, 0] and s.counter("completed") == 7


def test_what_is_missing_to_one_stays_outside(kernel):
    n = 2000
    s = Small(kernel, VenueSpec("v", "pooled"), (), JobClassSpec("a", 100.0, always(1.0), limit=n))
    s.market.set_shares(0, [0.3])
    s.run()
    inside, outside = s.counter("submitted"), int(s.market.outside()[0])
    assert inside + outside == n == int(s.market.arrivals()[0])
    assert abs(inside - 0.3 * n) < 5 * math.sqrt(0.21 * n)
    s = Small(kernel, VenueSpec("v", "pooled"), (), job("a", 1))
    s.market.set_shares(0, [0.0])
    assert s.run().history("outside") == [(1, "outside", 0)]


def test_counters_start_again_at_zero(kernel):
    s = Small(kernel, VenueSpec("v", "pooled", capacity=1, ask=5), (), three_jobs(2.0))
    s.run(4.5)
    s.market.reset_counters()
    counters = s.market.counters()
    assert {name for name, table in counters.items() if table.any()} == {"queued", "running"}
    assert s.market.wait_histogram().sum() == 0
    s.run()
    assert [s.counter("completed", job_class=c) for c in range(3)] == [0, 1, 1]
    assert s.counter("wait_days", job_class=2) == 1.0 and s.market.arrivals().sum() == 3


# -- signals -------------------------------------------------------------------------------------------------


def heard(s, *awaited):
    """Times at which the signals happen."""
    times = [None] * len(awaited)
    for position, event in enumerate(awaited):
        event.callbacks.append(lambda _, position=position: times.__setitem__(position, s.env.now))
    return times


def test_arrivals_are_signalled_by_class_or_for_all(kernel):
    s = Small(kernel, VenueSpec("v", "pooled"), (), three_jobs())
    times = heard(
        s,
        s.market.signal("arrivals", at=2),
        s.market.signal("arrivals", at=1, job_class=2),
        s.market.signal("arrivals", at=4),
    )
    assert s.run() and times == [2, 4, None]


def test_the_queue_is_signalled_when_it_empties_and_when_it_grows(kernel):
    s = Small(kernel, VenueSpec("v", "pooled", capacity=1), (), three_jobs(2.5))
    times = heard(
        s,
        s.market.signal("queue_empty", venue=0),
        s.market.signal("queue_above", venue=0, level=0),
        s.market.signal("queue_above", venue=0, level=1),
    )
    # a runs from 1 to 3.5, b waits from 2 to 3.5, c from 4 to 6.
    assert s.run() and times == [3.5, 2, None]


def test_completions_are_signalled_by_class_and_venue(kernel):
    venues = [VenueSpec("v", "pooled", capacity=9), VenueSpec("w", "pooled", capacity=9)]
    s = Small(kernel, venues, (), three_jobs(1.0))
    s.market.set_shares(2, [0.0, 1.0])
    times = heard(
        s,
        s.market.signal("done"),
        s.market.signal("done", job_class=1),
        s.market.signal("done", venue=1),
        s.market.signal("done", venue=1, job_class=0),
    )
    assert s.run() and times == [2, 3, 5, None]


def test_a_signal_happens_once(kernel):
    s = Small(kernel, VenueSpec("v", "pooled", capacity=9), (), three_jobs(1.0))
    times = []

    def listener():
        while True:
            value = yield s.market.signal("done")
            times.append((value, s.env.now))

    s.env.process(listener())
    s.run()
    assert times == [(2, 2), (3, 3), (5, 5)]


def test_a_process_that_a_signal_wakes_sees_all_earlier_events_of_the_instant(kernel):
    """Two jobs end at one instant; the first raises the signal, which comes behind the second."""
    jobs = [job("a", 1), job("b", 1)]
    for timer in (False, True):
        s = Small(kernel, VenueSpec("v", "pooled", capacity=2), (), jobs)
        seen = []
        s.market.signal("done").callbacks.append(
            lambda _, s=s, seen=seen: seen.append(int(s.market.counters()["completed"].sum()))
        )
        if timer:
            s.env.timeout(50)
        s.env.run()
        assert seen == [2]


def test_a_run_can_end_at_a_signal(kernel):
    s = Small(kernel, VenueSpec("v", "pooled", capacity=9), (), three_jobs(1.0))
    assert s.env.run(until=s.market.signal("done", job_class=1)) == 3
    assert s.env.now == 3 and s.counter("completed", job_class=2) == 0


@pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that raise signals")
def test_an_interrupted_run_stands_where_the_market_stands_and_can_go_on():
    class Interrupted(Exception):
        pass

    def interrupt(*_):
        raise Interrupted

    def play(interrupted):
        env = Environment()
        market = w2_market(env, 1000, seed=5)
        if interrupted:
            before = signal.signal(signal.SIGVTALRM, interrupt)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.005)  # of the process's own time
            try:
                with pytest.raises(Interrupted):
                    env.run(until=60)
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                signal.signal(signal.SIGVTALRM, before)
            assert 0 < env.now < 60 and env.sequence > 10_000
            busy = market.pools()["busy_days"][0]
            assert 0 < busy < 1000 * env.now
        env.run(until=60)
        return market.state()

    assert play(interrupted=True) == play(interrupted=False)


# -- several markets, other luck -----------------------------------------------------------------------------


def lively(env, kernel, name, streams=None):
    """A market with many ties: all times are multiples of an eighth of a day."""
    market = make_market(
        env,
        venues=[VenueSpec("v", "cheapest")],
        pools=[homes(name, online=always(0.75), offline=always(0.25))],
        job_classes=[
            JobClassSpec(f"{name} regular", 8.0, always(0.5), regular=True, patience=always(0.375)),
            JobClassSpec(f"{name} random", 8.0, Law("exponential", 0.25)),
        ],
        streams=streams,
        kernel=kernel,
        trace=True,
    )
    for c in range(2):
        market.set_shares(c, [1.0])
    market.add_providers(0, [1, 2, 3], online=[True, False, True])
    return market


def two_markets(kernels):
    env, log = Environment(), []
    markets = [lively(env, kernel, name) for kernel, name in zip(kernels, ("left", "right"), strict=True)]

    def listener(market, other):
        while True:
            yield market.signal("done")
            log.append((env.now, env.sequence, market.n_events, other.n_events))

    env.process(listener(*markets))
    env.process(listener(*markets[::-1]))
    env.run(until=10)
    return [market.trace.tolist() for market in markets], [market.state() for market in markets], log


@pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")
def test_two_markets_share_one_clock_whatever_their_kernels():
    expected = two_markets(["reference", "reference"])
    assert len(expected[2]) > 50
    for kernels in (["compiled", "compiled"], ["compiled", "reference"], ["reference", "compiled"]):
        assert two_markets(kernels) == expected, kernels


def with_new_luck(kernel, luck):
    env, streams = Environment(), Streams(9)
    pool = homes(online=Law("exponential", 0.5), offline=Law("exponential", 0.2))
    market = make_market(
        env,
        venues=[VenueSpec("v", "cheapest")],
        pools=[pool],
        job_classes=[JobClassSpec("jobs", 20.0, Law("exponential", 0.3))],
        streams=streams,
        kernel=kernel,
        trace=True,
    )
    market.set_shares(0, [1.0])
    market.add_providers(0, [1] * 8)
    env.run(until=3)
    if luck:
        streams.reseed(luck)
        market.reseed()
    env.run(until=9)
    return market.trace.tolist()


def test_new_luck_changes_the_future_and_not_the_past(kernel):
    traces = [with_new_luck(kernel, luck) for luck in (0, 1, 2)]
    past = [[row for row in trace if row[0] < 3] for trace in traces]
    assert past[0] == past[1] == past[2] and len(past[0]) > 50
    late = [{row[0] for row in trace if row[0] > 5} for trace in traces]
    assert not late[0] & late[1] and not late[0] & late[2] and not late[1] & late[2]


@pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")
def test_new_luck_is_the_same_on_both_kernels():
    assert with_new_luck("compiled", 4) == with_new_luck("reference", 4)


# -- readings ------------------------------------------------------------------------------------------------


def test_waits_fall_into_bins_of_an_eighth_octave(kernel):
    """Waits 0, 0.5, 1, 1.5, ... of a queue whose service takes half a day longer than the next arrival."""
    n = 40
    jobs = JobClassSpec("a", 1.0, always(1.5), regular=True, limit=n)
    s = Small(kernel, VenueSpec("v", "pooled", capacity=1), (), jobs)
    s.run()
    waits = 0.5 * np.arange(n)
    histogram = s.market.wait_histogram()[0, 0]
    assert len(histogram) == WAIT_BINS and histogram.sum() == n and histogram[0] == 1
    edges = np.array([bin_edges(k) for k in range(1, WAIT_BINS)])
    by_hand = [int(((waits >= low) & (waits < high)).sum()) for low, high in edges]
    assert histogram[1:].tolist() == by_hand
    for q in (0.1, 0.25, 0.5, 0.9, 0.99):
        rank = waits[math.ceil(q * n) - 1]
        assert s.market.wait_quantile(q) == pytest.approx(rank, rel=0.125)
    assert s.counter("wait_days") == waits.sum() and s.counter("waited") == n - 1
    assert s.market.wait_quantile(0.0) == 0.0


def test_a_quantile_of_no_waits_is_not_a_number(kernel):
    s = Small(kernel, VenueSpec("v", "pooled"), (), job("a", 1))
    assert math.isnan(s.market.wait_quantile(0.5))


def test_a_quantile_lies_inside_its_bin():
    counts = np.zeros(WAIT_BINS, dtype=np.int64)
    counts[100] = 10
    low, high = bin_edges(100)
    assert [histogram_quantile(counts, q) for q in (0.0, 1.0)] == pytest.approx([low, high])
    assert low < histogram_quantile(counts, 0.5) < high < low * 1.126
    counts[0] = 10
    assert histogram_quantile(counts, 0.4) == 0.0


def test_a_quantile_can_be_asked_for_a_venue_and_a_class(kernel):
    venues = [VenueSpec("v", "pooled", capacity=1), VenueSpec("w", "pooled", capacity=9)]
    s = Small(kernel, venues, (), three_jobs(3.0))
    s.market.set_shares(2, [0.0, 1.0])
    s.run()
    # a and c do not wait; b waits from 2 to 4.
    assert s.market.wait_quantile(1.0) == pytest.approx(2, rel=0.125)
    assert s.market.wait_quantile(1.0, venue=1) == 0 == s.market.wait_quantile(1.0, job_class=0)
    assert s.market.wait_quantile(0.5, venue=0, job_class=1) == pytest.approx(2, rel=0.125)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_outside_the_unit_interval_is_refused(q):
    s = Small("reference", VenueSpec("v", "pooled"), (), job("a", 1))
    with pytest.raises(ValueError, match="a quantile lies in"):
        s.market.wait_quantile(q)


def test_times_of_states_add_up(kernel):
    """Busy 1 to 3, offline 4 to 4.5, idle the rest of 5 days; the other provider enters at 2."""
    s = Small(
        kernel, VenueSpec("v", "cheapest"), homes(online=always(4.0), offline=always(0.5)), job("a", 1, 2.0)
    )
    s.enter(0, [1], online=True)
    s.at(2, lambda: s.enter(0, [1], online=False))
    s.run(5)
    pools = {name: column.tolist() for name, column in s.market.pools().items()}
    assert pools["busy_days"] == [2.0] and pools["offline_days"] == [1.0]
    assert pools["idle_days"] == [2.5 + 2.5]
    assert (pools["idle"], pools["busy"], pools["offline"], pools["banned"]) == ([2], [0], [0], [0])


BUSY = {
    "cheapest": {},
    "reverse_auction": {"reputation_weight": 0.5, "reputation_gain": 0.1, "reputation_loss": 0.3},
    "tiered_queue": {"tiers": (0.9, 0.5), "reputation_loss": 0.3, "ask": 3},
    "cluster": {},
}


@pytest.mark.parametrize("rule", BUSY)
def test_capacity_and_jobs_are_conserved_through_all_changes(kernel, rule):
    rng = np.random.default_rng(4)
    s = Small(
        kernel,
        paying(rule, on_renege="leave", **BUSY[rule]),
        [homes("a", online=Law("exponential", 0.5), offline=Law("exponential", 0.2)), homes("b")],
        [
            JobClassSpec(
                "short", 30.0, Law("exponential", 0.3), patience=Law("exponential", 0.4), payer=WORLD
            ),
            JobClassSpec("long", 5.0, Law("lognormal", 0.6, 1.0), checkpoint=0.1, payer=WORLD),
        ],
        pays=True,
    )
    s.enter(0, rng.integers(1, 99, 8))
    s.enter(1, rng.integers(1, 99, 4))
    for day in range(1, 25):
        s.run(day / 4)
        present = np.concatenate([s.market.providers(p)["uid"] for p in (0, 1)])
        some = rng.permutation(present)[:3]
        change = (s.market.ban, s.market.unban, s.market.remove_providers)[day % 3]
        change(some)
        if day % 3 == 2:
            s.enter(int(rng.integers(0, 2)), rng.integers(1, 99, 3))
        pools, counters = s.market.pools(), s.market.counters()
        for p in (0, 1):
            table = s.market.providers(p)
            days, busy, banned = np.zeros(200), np.zeros(200, dtype=bool), np.zeros(200, dtype=bool)
            s.market.write_presence(p, np.arange(199, -1, -1), days, busy, banned)
            days, busy, banned = days[::-1], busy[::-1], banned[::-1]
            for name, column in (("online_days", days), ("busy", busy), ("banned", banned)):
                assert np.array_equal(column[table["index"]], table[name]), name
            records = {"revenue": np.int64, "work_hours": float, "online_days": float, "failures": np.int64}
            columns = {name: np.zeros(200, dtype=dtype) for name, dtype in records.items()}
            s.market.write_records(p, np.arange(200), **columns)
            for name, column in columns.items():
                assert np.array_equal(column[table["index"]], table[name]), name
            installed = len(table["uid"])
            assert sum(pools[name][p] for name in ("idle", "busy", "offline", "banned")) == installed
            assert np.bincount(table["state"], minlength=4).tolist() == [
                pools[name][p] for name in ("offline", "idle", "busy", "banned")
            ]
        ended = sum(counters[name] for name in ("completed", "failed", "reneged", "moved"))
        assert np.array_equal(counters["submitted"], ended + counters["queued"] + counters["running"])
        assert counters["submitted"].sum() + s.market.outside().sum() == s.market.arrivals().sum()
        assert counters["running"].sum() == pools["busy"].sum() == s.market.venue_table()["gpus_busy"].sum()
        assert s.usd.total() == 0
        assert s.usd.balance(FEE) == counters["fees"].sum()
    assert counters["completed"].sum() > 50 and counters["failed_attempts"].sum() > 5
    assert counters["reneged"].sum() > 5


def test_a_market_without_trace_says_so(kernel):
    market = make_market(Environment(), venues=[], pools=[], job_classes=[], kernel=kernel)
    with pytest.raises(ValueError, match="make it with trace=True"):
        _ = market.trace


# -- what is refused -----------------------------------------------------------------------------------------

LAWS = [
    (
        ("uniform", 1.0),
        "unknown law 'uniform'; expected one of exponential, weibull, lognormal, deterministic",
    ),
    (("exponential",), "mean must be > 0 and finite, got inf"),
    (("exponential", 0.0), "mean must be > 0 and finite, got 0.0"),
    (("deterministic", -1.0), "mean must be > 0"),
    (("exponential", math.nan), "mean must be > 0"),
    (("weibull", 1.0, 0.0), "shape must be > 0"),
    (("weibull", 1.0, 0.001), "weibull: shape must be >= 0.01"),
    (("lognormal", 1.0, math.inf), "shape must be > 0"),
]


@pytest.mark.parametrize(("arguments", "message"), LAWS)
def test_an_impossible_law_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Law(*arguments)


VENUES = [
    ({"rule": "dearest"}, "venue 'v': unknown rule 'dearest'; expected one of cheapest"),
    ({"discipline": "random"}, "unknown discipline 'random'"),
    ({"on_renege": "stay"}, "on_renege must be one of leave, back, next"),
    ({"on_failure": "stay"}, "on_failure must be one of back, next, leave"),
    ({"take_rate": 1.5}, r"take_rate must lie in \[0, 1\]"),
    ({"reputation_gain": -0.1}, r"reputation_gain must lie in \[0, 1\]"),
    ({"reputation_loss": math.nan}, r"reputation_loss must lie in \[0, 1\]"),
    ({"reputation_weight": -1}, "reputation_weight must be >= 0"),
    ({"bids": 0}, r"bids must lie in 1 \.\. 64"),
    ({"bids": 65}, r"bids must lie in 1 \.\. 64"),
    ({"tiers": (0.1, 0.9)}, "tiers must descend"),
    ({"tiers": tuple(1 - n / 20 for n in range(16))}, "at most 15 tiers"),
    ({"capacity": -1}, "capacity must lie in"),
    ({"ask": -1}, "ask must lie in"),
    ({"speed": 0.0}, "speed must be > 0"),
    ({"hardware": 64}, r"hardware must lie in -1 \.\. 63"),
]


@pytest.mark.parametrize(("options", "message"), VENUES)
def test_an_impossible_venue_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        VenueSpec(**({"name": "v", "rule": "cheapest"} | options))


POOLS = [
    ({"hardware": -1}, r"pool 'p': hardware must lie in 0 \.\. 63"),
    ({"gpus": 0}, "gpus must lie in"),
    ({"speed": -1.0}, "speed must be > 0"),
    ({"diurnal_amplitude": 1.5}, r"diurnal_amplitude must lie in \[0, 1\]"),
    ({"diurnal_peak": math.nan}, "diurnal_peak must be finite"),
    ({"reputation": 1.1}, r"reputation must lie in \[0, 1\]"),
    ({"diurnal_amplitude": 0.5}, "a daily profile needs exponential spells"),
]


@pytest.mark.parametrize(("options", "message"), POOLS)
def test_an_impossible_pool_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PoolSpec(**({"name": "p", "venue": 0, "hardware": 0} | options))


CLASSES = [
    ({"rate": -1.0}, "job class 'c': rate must be >= 0 and finite"),
    ({"rate": math.inf}, "rate must be >= 0 and finite"),
    ({"service": Law("never")}, "service must end"),
    ({"gpus": 0}, "gpus must lie in"),
    ({"devices": 0}, "devices must lie in"),
    ({"max_ask": -1}, "max_ask must lie in"),
    ({"hardware": (0, 64)}, r"hardware must lie in 0 \.\. 63"),
    ({"checkpoint": -0.1}, "checkpoint must be >= 0"),
    ({"checkpoint": math.nan}, "checkpoint must be >= 0"),
    ({"diurnal_amplitude": -0.1}, r"diurnal_amplitude must lie in \[0, 1\]"),
    ({"diurnal_peak": math.inf}, "diurnal_peak must be finite"),
    ({"limit": -1}, "limit must be >= 0 or None"),
]


@pytest.mark.parametrize(("options", "message"), CLASSES)
def test_an_impossible_job_class_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        JobClassSpec(**({"name": "c", "rate": 1.0, "service": always(1.0)} | options))


V, W = VenueSpec("v", "cheapest"), VenueSpec("w", "pooled")
MARKETS = [
    ({"venues": [V, V]}, "two venues have the same name"),
    ({"venues": [V], "pools": [homes(), homes()]}, "two pools have the same name"),
    ({"job_classes": [job("a", 1), job("a", 2)]}, "two job classes have the same name"),
    ({"venues": [VenueSpec(str(n), "pooled") for n in range(65)]}, "at most 64 venues, got 65"),
    ({"venues": [V], "pools": [homes(venue=1)]}, "pool 'homes': there is no venue 1"),
    ({"venues": [V], "pools": [homes(venue=-1)]}, "pool 'homes': there is no venue -1"),
    ({"venues": [W], "pools": [homes()]}, "pool 'homes': venue 'w' is pooled"),
    ({"venues": [VenueSpec("v", "cheapest", escrow=0)]}, "'v': an escrow account needs a fee account"),
    ({"venues": [VenueSpec("v", "pooled", escrow=0, fee=0)]}, "with an escrow account needs a payee"),
    ({"venues": [paying()]}, "account 2 is named; there are 0"),
    ({"job_classes": [job("a", 1, payer=3)]}, "account 3 is named; there are 0"),
    ({"kernel": "fast"}, "unknown kernel 'fast'; expected compiled or reference"),
]


@pytest.mark.parametrize(("options", "message"), MARKETS)
def test_an_inconsistent_market_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_market(Environment(), **({"venues": [], "pools": [], "job_classes": []} | options))


def rows(n, columns):
    """Arguments of write_presence for ``n`` providers, and columns of another length."""
    return np.arange(n), np.zeros(columns), np.zeros(columns, dtype=bool), np.zeros(columns, dtype=bool)


def records(n, columns):
    """Arguments of write_records, likewise."""
    counts = np.zeros(columns, dtype=np.int64)
    return np.arange(n), counts, np.zeros(columns), np.zeros(columns), counts.copy()


CHANGES = [
    (lambda m: m.add_providers(2, [1]), "there is no pool 2; there are 2"),
    (lambda m: m.add_providers(-1, [1]), "there is no pool -1"),
    (lambda m: m.add_providers(1, [1.5]), "asks are whole µUSD per GPU-hour"),
    (lambda m: m.add_providers(1, [math.nan]), "asks are whole µUSD per GPU-hour"),
    (lambda m: m.add_providers(1, [-1]), r"asks must lie in 0 \.\. 2\^53"),
    (lambda m: m.add_providers(1, [2**53 + 1]), r"asks must lie in 0 \.\. 2\^53"),
    (lambda m: m.add_providers(1, [math.inf]), r"asks must lie in 0 \.\. 2\^53"),
    (lambda m: m.add_providers(1, np.array([2**64 - 1], dtype=np.uint64)), r"asks must lie in 0 \.\. 2\^53"),
    (lambda m: m.add_providers(1, [[1, 2]]), r"asks must have shape \(n,\), got \(1, 2\)"),
    (lambda m: m.add_providers(0, [1]), "pool 'paid': its venue pays; give an account to each provider"),
    (lambda m: m.add_providers(0, [1, 2], accounts=[4]), r"'paid': 2 asks but accounts of shape \(1,\)"),
    (lambda m: m.add_providers(0, [1], accounts=[6]), "'paid': account 6 is named; there are 6"),
    (lambda m: m.add_providers(0, [1], accounts=[-1]), "'paid': account -1 is named; there are 6"),
    (lambda m: m.add_providers(1, [1], accounts=[-2]), "'free': account -2 is named; there are 6"),
    (lambda m: m.add_providers(1, [1, 2, 3], online=[True, False]), "broadcast"),
    (lambda m: m.ban([0, 0]), "a provider is named twice"),
    (lambda m: m.ban([9]), "a provider that is named has left, or never was"),
    (lambda m: m.ban([-1]), "a provider that is named has left, or never was"),
    (lambda m: m.ban([0.5]), r"ids must be whole numbers of shape \(n,\)"),
    (lambda m: m.ban([[0]]), r"ids must be whole numbers of shape \(n,\)"),
    (lambda m: m.reprice([0], [1, 2]), "1 providers but 2 asks"),
    (lambda m: m.set_rate(0, -1.0), "a rate must be >= 0 and finite, got -1"),
    (lambda m: m.set_rate(0, math.nan), "a rate must be >= 0 and finite, got nan"),
    (lambda m: m.set_rate(1, 1.0), "there is no job class 1; there are 1"),
    (lambda m: m.set_rate(-1, 1.0), "there is no job class -1"),
    (lambda m: m.set_shares(0, [1.0]), r"shares must have shape \(3,\), got \(1,\)"),
    (lambda m: m.set_shares(0, [0.6, 0.6, 0.0]), "shares must be >= 0 and sum to at most 1"),
    (lambda m: m.set_shares(0, [-0.1, 0.6, 0.0]), "shares must be >= 0 and sum to at most 1"),
    (lambda m: m.set_shares(0, [math.nan, 0.6, 0.0]), "shares must be >= 0 and sum to at most 1"),
    (lambda m: m.set_shares(0, [0.0, 0.0, 0.1]), "venue 'cloud' can never serve job class 'a'"),
    (lambda m: m.set_shares(-1, [1.0, 0.0, 0.0]), "there is no job class -1"),
    (lambda m: m.set_capacity(2, -1), "capacity must lie in"),
    (lambda m: m.set_capacity(3, 1), "there is no venue 3; there are 3"),
    (lambda m: m.set_ask(-1, 1), "there is no venue -1"),
    (lambda m: m.set_ask(0, -1), "asks must lie in"),
    (lambda m: m.set_take_rate(0, 1.1), r"a take rate must lie in \[0, 1\], got 1.1"),
    (lambda m: m.set_take_rate(7, 0.1), "there is no venue 7"),
    (lambda m: m.signal("sunrise"), "unknown signal 'sunrise'; expected one of arrivals, queue_empty"),
    (lambda m: m.signal("queue_empty"), "there is no venue -1"),
    (lambda m: m.signal("done", venue=3), "there is no venue 3"),
    (lambda m: m.signal("arrivals", at=1, job_class=1), "there is no job class 1"),
    (lambda m: m.providers(2), "there is no pool 2"),
    (lambda m: m.work_hours(-1), "there is no pool -1"),
    (lambda m: m.write_presence(7, *rows(2, 2)), "there is no pool 7"),
    (lambda m: m.write_presence(0, *rows(0, 2)), "rows for 0 providers"),
    (lambda m: m.write_presence(0, *rows(2, 1)), "outside the columns"),
    (lambda m: m.write_records(0, *records(0, 2)), "rows for 0 providers"),
    (lambda m: m.write_records(0, *records(2, 1)), "outside the columns"),
    (lambda m: m.queue_length(3), "there is no venue 3"),
    (lambda m: m.counter("completed", 0, 1), "there is no job class 1"),
    (lambda m: m.wait_quantile(0.5, venue=3), "there is no venue 3"),
    (lambda m: m.wait_quantile(0.5, job_class=-1), "there is no job class -1"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_an_impossible_change_or_question_is_refused_and_changes_nothing(kernel, change, message):
    venues = [paying(), VenueSpec("w", "cheapest"), VenueSpec("cloud", "pooled", hardware=5)]
    pools = [homes("paid"), homes("free", venue=1)]
    s = Small(kernel, venues, pools, job("a", 1, hardware=(0,), payer=WORLD), pays=True)
    s.enter(0, [3, 4])
    before = s.market.state(), s.env.sequence
    with pytest.raises(ValueError, match=message):
        change(s.market)
    assert (s.market.state(), s.env.sequence) == before
    s.run()
    assert s.counter("completed") == 1


def test_an_entry_of_nobody_is_fine(kernel):
    s = Small(kernel, VenueSpec("v", "cheapest"), homes(), job("a", 1))
    assert s.enter(0, []).tolist() == []
    s.market.ban([])
    s.market.remove_providers([])
    s.market.reprice([], [])
    assert len(s.market.providers(0)["uid"]) == 0
