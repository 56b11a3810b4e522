"""The Graph's indexing-reward accumulators.

Sources, in packages/contracts-test/tests/unit/rewards of graphprotocol/contracts@687d928b (2026-08-03): RD =
rewards-distribution.test.ts, RC = rewards-calculations.test.ts.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.indexing import RewardBook, indexing_rewards

GRT = 10**18


def single_subgraph(*events, end):
    """RD: 200 GRT a block, 1,500 GRT of signal at block 0, 12,500 GRT allocated at block 2."""
    opening = (0, "signal", "s", 1500 * GRT), (2, "allocate", "a", "s", 12_500 * GRT)
    return indexing_rewards(200 * GRT, [*opening, *events], end)


def test_an_allocation_alone_on_a_subgraph_takes_the_issuance_of_its_blocks():
    # RD: 7 blocks x 200 GRT = 1,400 GRT. By hand with every floor: 1400e18 * 1e18 // 1500e18 =
    # 933333333333333333 a signalled token, x 1500e18 // 1e18 = 1399999999999999999500, over 12500e18
    # = 111999999999999999 an allocated token.
    book = single_subgraph((9, "close", "a"), end=9)
    assert book.allocations["a"].paid == 111999999999999999 * 12_500 == 1399999999999999987500


def test_the_accumulator_per_allocated_token_is_that_of_the_contract_test():
    # RC: 2 blocks before the allocation are reclaimed, 5 after it are distributed: 1,000 GRT, 0.08 a token.
    subgraph = single_subgraph(end=7).subgraphs["s"]
    assert round(subgraph.accrued / GRT) == 1000
    assert subgraph.per_token / GRT == pytest.approx(0.08, abs=1e-15)
    assert round(subgraph.reclaimed / GRT) == 400


def test_blocks_without_any_signal_leave_rho_where_it_stands():
    book = indexing_rewards(7, [], 10)
    assert (book.per_signal, book.unclaimable) == (0, 70)


def test_issuance_is_shared_by_signal_and_then_by_allocation():
    events = [
        (0, "signal", "busy", 300 * GRT),
        (0, "signal", "calm", 100 * GRT),
        (0, "allocate", "a", "busy", 30 * GRT),
        (0, "allocate", "b", "busy", 60 * GRT),
        (0, "allocate", "c", "calm", 5 * GRT),
    ]
    book = indexing_rewards(4 * GRT, events, 30)  # 120 GRT: 90 to busy, 30 to calm
    assert [book.earned(name) for name in "abc"] == [30 * GRT, 60 * GRT, 30 * GRT]


def test_a_change_of_signal_counts_only_from_its_own_block_on():
    events = [
        (0, "signal", "s", 100 * GRT),
        (0, "signal", "t", 100 * GRT),
        (0, "allocate", "a", "s", GRT),
        (10, "signal", "s", 200 * GRT),
    ]
    book = indexing_rewards(2 * GRT, events, 20)
    assert book.earned("a") == 10 * GRT + 15 * GRT  # half of 20, then three quarters of 20


def test_rewards_of_a_subgraph_nobody_serves_are_reclaimed_and_not_paid_later():
    book = indexing_rewards(GRT, [(0, "signal", "s", GRT), (6, "allocate", "a", "s", GRT)], 10)
    assert (book.subgraphs["s"].reclaimed, book.earned("a")) == (6 * GRT, 4 * GRT)


def test_signal_below_the_minimum_earns_nothing_and_at_the_minimum_earns():
    events = [(0, "signal", "s", 499 * GRT), (0, "allocate", "a", "s", GRT), (4, "signal", "s", GRT)]
    book = indexing_rewards(GRT, events, 10, min_signal=500 * GRT)
    assert book.subgraphs["s"].reclaimed == pytest.approx(4 * GRT, rel=1e-15)
    assert book.earned("a") == 6 * GRT


def test_a_denial_reclaims_from_its_block_on_and_keeps_what_was_earned_before():
    book = single_subgraph((4, "deny", "s"), (7, "allow", "s"), end=8)
    assert book.earned("a") == pytest.approx((2 + 1) * 200 * GRT, rel=1e-15)


def test_taking_while_denied_reclaims_what_accrued_before_the_denial_too():
    book = single_subgraph((4, "deny", "s"), (5, "close", "a"), end=8)
    assert book.allocations["a"].paid == 0
    assert book.allocations["a"].reclaimed == pytest.approx(400 * GRT, rel=1e-15)


def test_a_reclaimed_proof_starts_the_allocation_anew():
    book = single_subgraph((4, "reclaim", "a"), end=5)
    assert book.allocations["a"].reclaimed == pytest.approx(400 * GRT, rel=1e-15)
    assert book.claimable("a") == pytest.approx(200 * GRT, rel=1e-15)


def test_a_resize_keeps_what_was_earned_pending():
    book = single_subgraph((4, "resize", "a", 0), end=9)
    assert book.claimable("a") == pytest.approx(400 * GRT, rel=1e-15)
    assert book.subgraphs["s"].allocated == 0


def test_taking_pays_once():
    book = single_subgraph((5, "take", "a"), (5, "take", "a"), end=5)
    assert book.allocations["a"].paid == pytest.approx(600 * GRT, rel=1e-15)


def test_two_equal_allocations_of_one_block_earn_the_same():  # RD, "two simultanous-similar allocations"
    events = [
        (0, "signal", "s", 1500 * GRT),
        (3, "allocate", "a", "s", 5000 * GRT),
        (3, "allocate", "b", "s", 5000 * GRT),
    ]
    book = indexing_rewards(200 * GRT, events, 9)
    assert book.earned("a") == book.earned("b") > 599 * GRT


@pytest.mark.parametrize(
    "events",
    [
        [(5, "signal", "s", 1), (4, "signal", "s", 1)],
        [(0, "signal", "s", -1)],
        [(0, "take", "a")],
        [(0, "allocate", "a", "s", -1)],
        [(0, "allocate", "a", "s", 1), (0, "allocate", "a", "s", 1)],
        [(0, "allocate", "a", "s", 1), (0, "close", "a"), (1, "take", "a")],
        [(0, "mint", "s", 1)],
    ],
)
def test_impossible_events_are_refused(events):
    with pytest.raises(ValueError):
        indexing_rewards(1, events, 10)


def test_an_amount_that_is_not_whole_is_refused():
    with pytest.raises(ValueError):
        indexing_rewards(1.5, [], 10)


LAST = 40
TOKENS = st.integers(10**18, 10**21)
OPENING = st.tuples(
    *(
        st.tuples(st.just(0), st.just(action), st.just(subgraph), st.just(0), TOKENS)
        for action in ("signal", "allocate")
        for subgraph in "stt"
    )
)
STEPS = st.lists(
    st.tuples(
        st.integers(1, LAST),
        st.sampled_from(["signal", "deny", "allow", "allocate", "resize", "take", "reclaim", "close"]),
        st.sampled_from("st"),
        st.integers(0, 5),
        TOKENS,
    ),
    min_size=5,
    max_size=25,
)
EVENTS = st.builds(lambda opening, steps: [*opening, *steps], OPENING, STEPS)
ISSUANCE = st.integers(10**18, 10**21)


def played(issuance, steps, min_signal):
    book, names = RewardBook(issuance, min_signal), 0
    for block, action, subgraph, index, tokens in sorted(steps):
        is_open = [name for name, held in book.allocations.items() if held.is_open]
        if action in ("deny", "allow"):
            book = getattr(book, action)(block, subgraph)
        elif action == "signal":
            book = book.signal(block, subgraph, tokens)
        elif action == "allocate":
            book, names = book.allocate(block, names, subgraph, tokens), names + 1
        elif is_open:
            size = (tokens,) if action == "resize" else ()
            book = getattr(book, action)(block, is_open[index % len(is_open)], *size)
    return book.settle(LAST)


@given(ISSUANCE, EVENTS, st.sampled_from([0, 5 * 10**20]))
def test_rewards_never_exceed_issuance(issuance, steps, min_signal):
    book = played(issuance, steps, min_signal)
    distributed = book.accrued + sum(s.reclaimed for s in book.subgraphs.values()) + book.unclaimable
    earned = sum(book.earned(a) + book.allocations[a].reclaimed for a in book.allocations)
    assert distributed <= issuance * LAST
    assert earned <= book.accrued


@given(ISSUANCE, EVENTS)
def test_allocated_tokens_are_those_of_the_open_allocations(issuance, steps):
    book = played(issuance, steps, 0)
    for name, subgraph in book.subgraphs.items():
        held = [a.tokens for a in book.allocations.values() if a.is_open and a.subgraph == name]
        assert subgraph.allocated == sum(held)


@given(st.lists(st.integers(1, 10**24), min_size=1, max_size=5), st.integers(1, 10**21))
def test_all_issuance_is_paid_when_every_signalled_subgraph_is_served(signals, issuance):
    events = [(0, "signal", j, tokens) for j, tokens in enumerate(signals)]
    events += [(0, "allocate", f"a{j}", j, GRT) for j in range(len(signals))]
    book = indexing_rewards(issuance, events, 1000)
    dust = sum(signals) // GRT + 2 * len(signals) + 1  # one floor of rho, two a subgraph
    assert issuance * 1000 - dust <= sum(book.earned(f"a{j}") for j in range(len(signals))) <= issuance * 1000


class Rational:
    """The same rules played block by block without rounding."""

    def __init__(self):
        self.signal, self.denied, self.sizes = {}, set(), {}
        self.homes, self.accrued, self.paid = {}, {}, {}

    def play(self, action, subgraph, index, tokens):
        names = list(self.sizes)
        if action == "deny":
            self.denied.add(subgraph)
        elif action == "allow":
            self.denied.discard(subgraph)
        elif action == "signal":
            self.signal[subgraph] = self.signal.get(subgraph, 0) + tokens
        elif action == "allocate":
            name = len(self.homes)
            self.homes[name], self.sizes[name] = subgraph, tokens
            self.accrued[name] = self.paid[name] = Fraction(0)
        elif names and action == "resize":
            self.sizes[names[index % len(names)]] = tokens
        elif names:
            self.clear(names[index % len(names)], action)

    def clear(self, name, action):
        if action != "reclaim" and self.homes[name] not in self.denied:
            self.paid[name] += self.accrued[name]
        self.accrued[name] = Fraction(0)
        if action == "close":
            del self.sizes[name]

    def mine(self, issuance, min_signal):
        everything = sum(self.signal.values())
        for name, size in self.sizes.items():
            home = self.homes[name]
            signal = self.signal.get(home, 0)
            if size and signal and signal >= min_signal and home not in self.denied:
                allocated = sum(n for other, n in self.sizes.items() if self.homes[other] == home)
                self.accrued[name] += Fraction(issuance * signal * size, everything * allocated)


def rational(issuance, steps, min_signal):
    rules, steps = Rational(), sorted(steps)
    for block in range(LAST + 1):
        for step in steps:
            if step[0] == block:
                rules.play(*step[1:])
        if block < LAST:
            rules.mine(issuance, min_signal)
    return {name: rules.paid[name] + rules.accrued[name] for name in rules.homes}


@given(ISSUANCE, EVENTS, st.sampled_from([0, 5 * 10**20]))
def test_the_book_agrees_with_the_same_rules_played_block_by_block(issuance, steps, min_signal):
    book, exact = played(issuance, steps, min_signal), rational(issuance, steps, min_signal)
    assert book.allocations.keys() == exact.keys()
    for name, earned in exact.items():
        assert book.earned(name) == pytest.approx(float(earned), rel=1e-9, abs=1e8)  # floors, in wei
