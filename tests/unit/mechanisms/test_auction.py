"""Akash's market: prices, bids, leases, against the provider's own tests and figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.auction import (
    Bid,
    Order,
    OrderBook,
    accept_bid,
    akash_blocks_per_month,
    akash_gpu_price,
    akash_month_price,
    akash_rate_per_block,
    akash_scale_price,
    akash_take_fee,
    bid_refusal,
    bid_win_probability,
    close_bid,
    close_lease,
    committed_pool_cost,
    exhaust_escrow,
    optimal_bid,
    place_bid,
    reopened,
    revenue_share,
    start_reclaim,
)

# --- Prices. Source: akash-network/helm-charts@f3d8d46c price_script_generic.sh (2025-02) ---

TARGETS = {"cpu": 1.60, "memory": 0.80, "ephemeral": 0.02, "hdd": 0.01, "ssd": 0.03, "nvme": 0.04, "ip": 5.0}


def test_the_month_price_is_the_example_of_the_price_script():
    # "(1.60*16)+(0.80*32)+(0.04*360) = $65.60"
    assert akash_month_price({"cpu": 16, "memory": 32, "nvme": 360}, TARGETS) == pytest.approx(65.60)


def test_a_resource_without_a_price_is_an_error():
    with pytest.raises(ValueError, match="gpu: has no price"):
        akash_month_price({"gpu": 1}, TARGETS)


def test_a_month_has_the_printed_number_of_blocks():
    assert akash_blocks_per_month() == 429_909
    assert akash_blocks_per_month(6.0, 30) == 432_000


def test_a_monthly_price_becomes_micro_tokens_a_block():
    assert akash_rate_per_block(429.909) == pytest.approx(1000.0)
    assert akash_rate_per_block(429.909, token_price=2.5) == pytest.approx(400.0)


@pytest.mark.parametrize(
    ("vram", "interface", "price"),
    [("80Gi", "sxm4", 1000), ("40Gi", "pcie", 900), ("16Gi", "", 950), ("", "pcie", 950), ("", "", 950)],
)
def test_gpu_prices_fall_back_from_the_most_exact_entry(vram, interface, price):
    table = {"a100.80Gi.sxm4": 1000, "a100.40Gi": 900, "a100": 950}
    assert akash_gpu_price(table, "a100", vram, interface) == price


def test_an_unknown_gpu_takes_the_dearest_price_but_at_least_a_hundred():
    assert akash_gpu_price({"a100": 950, "t4": 80}, "b300") == 950
    assert akash_gpu_price({"t4": 80}, "b300") == 100
    assert akash_gpu_price({}, "b300") == 100


# --- Scale pricing. Source: akash-network/provider@afc4dd7c bidengine/pricing_test.go ---


def test_scale_prices_are_those_of_the_providers_own_tests():
    assert akash_scale_price(cpu_units=13, c=22) == 22 * 13
    assert akash_scale_price(mem_bytes=123_456, m=23 * 2**20) == 23 * 123_456
    assert akash_scale_price(storage_bytes=98_765, s=24 * 2**20) == 24 * 98_765
    assert akash_scale_price(storage_bytes=111, count=2, s=3 * 2**20) == 2 * 3 * 111


def test_a_price_below_one_is_not_rounded():
    # printed at 16 decimals: 0.0000009536743164 and 1.9999990463256836
    assert akash_scale_price(mem_bytes=1, m=1) == Fraction(1, 2**20)
    assert float(akash_scale_price(mem_bytes=2 * 2**20 - 1, m=1)) == pytest.approx(
        1.9999990463256836, rel=1e-15
    )


def test_endpoints_and_addresses_are_not_multiplied_by_replicas():
    price = akash_scale_price(cpu_units=1000, endpoints=3, ips=2, count=5, c="0.004", e=7, p=Decimal("11.5"))
    assert price == 5 * 4 + 3 * 7 + 2 * Fraction(23, 2)


def test_each_storage_class_has_its_own_scale():
    sizes = {"ephemeral": 2**20, "beta3": 2**21}
    assert akash_scale_price(storage_bytes=sizes, s={"ephemeral": 1, "beta3": 10, "beta1": 9}) == 21
    with pytest.raises(ValueError, match="storage class 'beta3' has no scale"):
        akash_scale_price(storage_bytes=sizes, s={"ephemeral": 1})


def test_a_price_of_zero_is_no_bid():
    with pytest.raises(ValueError, match="price is zero"):
        akash_scale_price(cpu_units=1000, m=1)


@given(
    st.integers(0, 10**9), st.integers(0, 10**15), st.integers(1, 100), st.integers(1, 50), st.integers(1, 50)
)
def test_scale_prices_add_up_over_replicas(cpu, memory, count, c, m):
    if cpu + memory:
        one = akash_scale_price(cpu_units=cpu, mem_bytes=memory, c=c, m=m)
        assert akash_scale_price(cpu_units=cpu, mem_bytes=memory, count=count, c=c, m=m) == one * count


# --- Fees and programmes ---


@pytest.mark.parametrize(
    ("amount", "percent", "fee"), [(1000, 2, 20), (999, 20, 199), (49, 2, 0), (0, 20, 0), (7, 0, 0)]
)
def test_the_take_fee_is_rounded_down(amount, percent, fee):
    assert akash_take_fee(amount, percent) == fee


def test_programme_fees_are_the_composed_ones_of_proposal_329():
    assert revenue_share([0.04, 0.01, 0.05]) == (pytest.approx(0.10), pytest.approx(0.90))
    reserved = {"fiat": 0.04, "trading": 0.01, "price": 0.05, "sales": 0.10, "counterparty": 0.10}
    assert revenue_share(reserved) == (pytest.approx(0.30), pytest.approx(0.70))
    with pytest.raises(ValueError, match="fee = "):
        revenue_share([0.6, 0.6])


def test_a_committed_year_costs_every_hour():
    assert committed_pool_cost(10, 1.50) == 131_400
    assert committed_pool_cost(10, 1.50, hours=24) == 360


# --- Bidding under a logit ---


def test_equal_bids_win_equally_often():
    assert bid_win_probability(5.0, [5.0, 5.0, 5.0], 0.7) == pytest.approx(0.25)
    assert bid_win_probability(4.0, [5.0], 1.0) == pytest.approx(math.e / (1 + math.e))
    assert bid_win_probability(4.0, [], 1.0) == 1.0


def test_the_optimal_bid_meets_its_first_order_condition():
    bid = optimal_bid(1.0, [2.0, 2.5], 0.4)
    assert bid - 1.0 == pytest.approx(0.4 / (1 - bid_win_probability(bid, [2.0, 2.5], 0.4)), rel=1e-10)


@given(
    st.floats(0, 10),
    st.lists(st.floats(0, 20), min_size=1, max_size=5),
    st.floats(0.05, 5),
    st.floats(-0.5, 0.5),
)
def test_no_other_bid_earns_more(cost, rivals, scale, shift):
    def profit(bid):
        return (bid - cost) * bid_win_probability(bid, rivals, scale)

    best = optimal_bid(cost, rivals, scale)
    assert best > cost
    assert profit(best + shift * scale) <= profit(best) * (1 + 1e-9) + 1e-12


def test_a_maximum_below_cost_gets_no_bid_and_caps_the_others():
    assert optimal_bid(3.0, [5.0], 1.0, max_price=2.9) is None
    assert optimal_bid(3.0, [50.0], 1.0, max_price=6.0) == 6.0
    assert optimal_bid(3.0, [], 1.0, max_price=6.0) == 6.0
    with pytest.raises(ValueError, match="max_price"):
        optimal_bid(3.0, [], 1.0)


def test_extreme_prices_do_not_overflow():
    assert bid_win_probability(1e6, [0.0], 1e-3) == 0.0
    assert bid_win_probability(0.0, [1e6], 1e-3) == 1.0
    assert optimal_bid(1.0, [1000.0], 1e-3) == pytest.approx(1000.0, rel=1e-3)
    assert optimal_bid(1000.0, [1.0], 1e-3) == pytest.approx(1000.001)


# --- The life of an order. Source: akash-network/node@3efe26bf x/market/handler/server.go ---

ORDER = Order(max_price=100, attributes={"region": "us-west"}, signed_by_any=frozenset({"auditor"}))
BID = Bid(
    provider="p1", price=90, deposit=500_000, audited={"auditor": {"region": "us-west", "tier": "community"}}
)


def bids(*providers, order=ORDER, **changes):
    book = OrderBook(order)
    for provider in providers:
        book, refusal = place_bid(book, replace(BID, provider=provider, **changes))
        assert refusal is None
    return book


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"price": 100}, None),
        ({"deposit": 499_999}, "deposit"),
        ({"price": "100.000001"}, "price"),
        ({"price": 0}, "price"),
        ({"resources_match": False}, "resources"),
        ({"registered": False}, "provider"),
        ({"audited": {"other": {"region": "us-west"}}}, "attributes"),
        ({"audited": {"auditor": {"region": "us-east"}}}, "attributes"),
        ({"audited": {}, "attributes": {"region": "us-west"}}, "attributes"),
        ({"capable": False}, "capabilities"),
        ({"reclamation_hours": 0.5}, "reclamation"),
        ({"reclamation_hours": 721}, "reclamation"),
        ({"reclamation_hours": 720}, None),
    ],
)
def test_a_bid_is_refused_for_the_first_check_it_fails(change, refusal):
    assert bid_refusal(ORDER, replace(BID, **change)) == refusal


def test_declared_attributes_do_when_no_auditor_is_asked_for():
    order = Order(max_price=100, attributes={"region": "us-west"})
    assert bid_refusal(order, replace(BID, audited={}, attributes={"region": "us-west"})) is None
    assert bid_refusal(order, replace(BID, audited={}, attributes={})) == "attributes"


def test_all_named_auditors_must_have_signed():
    order = Order(
        max_price=100, attributes={"region": "us-west"}, signed_by_all=frozenset({"auditor", "second"})
    )
    assert bid_refusal(order, BID) == "attributes"
    assert bid_refusal(order, replace(BID, audited={**BID.audited, "second": {"region": "us-west"}})) is None


def test_a_wanted_reclamation_window_must_be_offered_and_long_enough():
    order = replace(ORDER, reclamation_hours=24)
    assert bid_refusal(order, BID) == "reclamation"
    assert bid_refusal(order, replace(BID, reclamation_hours=23)) == "reclamation"
    assert bid_refusal(order, replace(BID, reclamation_hours=24)) is None


def test_an_order_is_full_when_more_than_twenty_bids_are_there():
    # server.go compares with >, so the 21st bid enters; withdrawn bids keep their places
    full = bids(*(f"p{i}" for i in range(21)))
    assert place_bid(full, replace(BID, provider="late")) == (full, "bids")
    withdrawn, _ = close_bid(full, "p0")
    assert place_bid(withdrawn, replace(BID, provider="late"))[1] == "bids"


def test_a_provider_bids_once():
    assert place_bid(bids("p1"), BID)[1] == "exists"


def test_the_tenant_may_pick_any_bid_and_the_losers_deposits_return_at_once():
    book, refusal = accept_bid(bids("p1", "p2", "p3", price=95), "p2")
    assert refusal is None and book.lease == "active" and book.state == "active"
    assert book.deposits == {"p2": 500_000} and book.winner.provider == "p2"
    assert [entry.state for entry in book.entries] == ["lost", "active", "lost"]


def test_no_bid_enters_and_none_is_picked_once_a_lease_runs():
    book, _ = accept_bid(bids("p1", "p2"), "p1")
    assert place_bid(book, replace(BID, provider="p3"))[1] == "order"
    assert accept_bid(book, "p2")[1] == "order"
    assert accept_bid(bids("p1"), "p2")[1] == "bid"


def test_a_tenant_who_ends_its_lease_gets_a_new_order():
    book, refusal = close_lease(accept_bid(bids("p1"), "p1")[0])
    assert refusal is None and (book.state, book.lease, book.deposits) == ("closed", "closed", {})
    assert reopened(book) == OrderBook(ORDER)
    assert close_lease(book)[1] == "lease"


def test_a_provider_who_withdraws_ends_the_order_for_good():
    book, refusal = close_bid(accept_bid(bids("p1"), "p1")[0], "p1")
    assert refusal is None and (book.state, book.lease, book.deposits) == ("closed", "closed", {})
    assert reopened(book) is None


def test_an_open_bid_is_withdrawn_without_touching_the_order():
    book, refusal = close_bid(bids("p1", "p2"), "p1")
    assert refusal is None and book.state == "open" and book.deposits == {"p2": 500_000}
    assert close_bid(book, "p1")[1] == "bid"


def test_a_provider_with_a_window_must_give_notice_and_wait_it_out():
    # handler_reclamation_test.go
    book, _ = accept_bid(bids("p1", reclamation_hours=24), "p1")
    assert close_bid(book, "p1", now=5)[1] == "reclaim not started"
    book, refusal = start_reclaim(book, now=5)
    assert refusal is None and book.lease == "reclaiming" and book.deadline == 29
    assert start_reclaim(book, now=6)[1] == "lease"
    assert close_bid(book, "p1", now=28.9)[1] == "reclaim window"
    assert close_bid(book, "p1", now=29)[0].lease == "closed"
    assert close_lease(book)[0].lease == "closed"


def test_a_lease_without_a_window_cannot_be_reclaimed():
    assert start_reclaim(accept_bid(bids("p1"), "p1")[0], 0)[1] == "reclamation"


def test_an_empty_escrow_ends_the_lease_for_insufficient_funds():
    book = exhaust_escrow(accept_bid(bids("p1", "p2"), "p1")[0])
    assert (book.state, book.lease, book.deposits) == ("closed", "insufficient_funds", {})
    assert reopened(book) is None
    assert exhaust_escrow(bids("p1")).lease is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bid", "accept", "close_bid", "close_lease", "reclaim"]), st.integers(0, 3)
        )
    )
)
def test_deposits_are_held_for_open_bids_and_the_winner_alone(calls):
    book = OrderBook(ORDER)
    for name, number in calls:
        provider = f"p{number}"
        book, _ = {
            "bid": lambda b, p: place_bid(b, replace(BID, provider=p)),
            "accept": accept_bid,
            "close_bid": close_bid,
            "close_lease": lambda b, p: close_lease(b),
            "reclaim": lambda b, p: start_reclaim(b, 0.0),
        }[name](book, provider)
        states = [entry.state for entry in book.entries]
        assert len(book.deposits) == states.count("open") + states.count("active")
        assert (book.lease in ("active", "reclaiming")) == (book.winner is not None)
        assert states.count("active") == (book.state == "active")
