"""Akash's order book at work: bids and their checks, leases, escrows that run dry, programmes, prices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simdai.economy.laws import Deterministic, Exponential, Lognormal, Weibull
from simdai.errors import ScenarioError
from simdai.networks.akash import AkashNetwork
from simdai.networks.akash_orders import LeaseDesk
from simdai.networks.akash_pricing import AskPricing, PriceScript, ScalePricing, StrategicPricing, Wanted
from simdai.simulation import Simulation
from tests.unit.test_akash import AKASH, NO_INFLATION, world

MONTH = {"blocks_per_month": 429_909, "days_per_month": 30.437}
HOST = {"hardware": "h100", "gpus": 4, "count": 5, "ask": 1.5, "electricity": 0.1}
TENANTS: dict[str, Any] = {
    "kind": "akash_deployments",
    "network": "akash",
    "per_day": 4.0,
    "gpus": 2,
    "term": {"kind": "deterministic", "mean": 3.0},
    "max_price": 10.0,
    "deposit": 2.0,
    "patience": 1.0,
    "choice": {
        "reference_price": 1.5,
        "outside_share": 0.0,
        "price_sensitivity": 0.0,
        "premiums": {"bigcloud": -50.0},  # nobody goes there
    },
}


def run(
    tenants: dict[str, Any] | None = None,
    until: float | None = None,
    shocks: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> tuple[Simulation, AkashNetwork, LeaseDesk]:
    """Akash with five hosts of four GPUs beside its other providers, and nobody else's jobs."""
    paths = {"providers.hosts": HOST, "hosts": {"population": "hosts", "pricing": {"kind": "ask"} | MONTH}}
    paths |= {path.replace("__", "."): value for path, value in changes.items()}
    sim = Simulation(world(paths, demand={"tenants": TENANTS | (tenants or {})}, shocks=shocks or []))
    sim.run(until)
    sim.world.ledger.check()
    net = sim.world.networks["akash"]
    assert net.desk is not None
    return sim, net, net.desk


# -- leases --------------------------------------------------------------------------------------------------


def test_a_lease_takes_gpus_is_paid_by_the_block_and_gives_them_back() -> None:
    sim, net, desk = run({"per_day": 1.0}, until=20.0)
    out = sim.result().outcomes
    assert out["tenants.orders"] == out["tenants.leases"] == out["tenants.deployments"] > 5
    assert out["tenants.done"] == out["tenants.leases"] - len(desk.live)
    assert desk.gpus_let == 2 * len(desk.live)
    hours = 24.0 * 2 * (3.0 * out["tenants.done"] + sum(20.0 - d.counted for d in desk.live))
    counted = sim.world.compute.window().count("gpu_hours", net.venue.index)
    running = sum((d.counted - d.since) * 48.0 for d in desk.live)
    assert counted == pytest.approx(3.0 * 48.0 * out["tenants.done"] + running)
    assert hours > 0 and out["akash.price_usd_per_gpu_hour"] == pytest.approx(1.5, rel=0.002)


def test_utilisation_counts_gpus_under_lease() -> None:
    """A single tenant with half of a host of four GPUs, beside four idle hosts, for ever."""
    forever = {"per_day": 0.2, "term": {"kind": "deterministic", "mean": 500.0}}
    sim, _, desk = run(forever, until=20.0, providers__racks__count=0)
    let = [d.gpus * (20.0 - d.since) for d in desk.live]
    assert sum(let) > 0
    assert sim.result().outcomes["akash.utilisation"] == pytest.approx(sum(let) / (20.0 * 20.0))


def test_hosts_income_is_what_the_escrows_paid() -> None:
    sim, net, _ = run(until=15.0)
    paid = net.settlement.tally["leased"]
    held = sum(int(b.accounts.balances[b.indices].sum()) for b in net.settlement.credit_held.values())
    assert net.vault is not None
    queued = sim.world.ledger.balance("ACT", net.vault.queue)
    assert held + net.vault.tally["redeemed"] + queued + net.settlement.arrears == paid > 0


def test_what_customers_paid_is_jobs_and_leases() -> None:
    sim, net, _ = run(until=15.0)
    out = sim.result().outcomes
    assert net.flows.revenue_usd == pytest.approx(out["akash.revenue_usd"], rel=1e-12)
    subsidy = out["akash.subsidy_usd"]
    assert out["akash.subsidy_share"] == pytest.approx(subsidy / (subsidy + out["akash.revenue_usd"]))
    assert out["akash.leases.revenue_usd"] > 0


def test_hosts_have_a_margin_from_their_first_record_on() -> None:
    """They look once a week, and a day behind the first pay."""
    sim, _, _ = run(until=15.0, step=7.0)
    margins = sim.result().series["akash.providers.hosts.margin"]
    assert np.isnan(margins[:14]).all() and (margins[14:] != 0.0).all() and np.isfinite(margins[14:]).all()


def test_an_order_without_room_waits_and_is_given_up() -> None:
    """Ten leases of two GPUs at most, each for longer than the run."""
    sim, _, desk = run({"per_day": 10.0, "term": {"kind": "deterministic", "mean": 99.0}}, until=10.0)
    out = sim.result().outcomes
    assert len(desk.live) == 10 == out["tenants.leases"]
    assert out["tenants.unserved"] == out["tenants.orders"] - 10 - len(desk.waiting) > 0


def test_a_waiting_order_is_served_when_a_lease_ends() -> None:
    sim, _, desk = run({"per_day": 10.0, "patience": 5.0}, until=12.0)
    assert sim.result().outcomes["tenants.wait_hours_mean"] > 1.0
    assert len(desk.live) == 10


def test_bids_above_the_order_s_limit_are_refused_and_nobody_is_served() -> None:
    sim, _, desk = run({"max_price": 1.4, "per_day": 2.0}, until=6.0)
    out = sim.result().outcomes
    assert out["tenants.leases"] == 0 and out["tenants.unserved"] > 0
    assert set(desk.refusals) == {"price"} and desk.bids == 0


@pytest.mark.parametrize(
    ("host", "wants", "refusal"),
    [
        ({}, {"attributes": {"tier": "gold"}}, "attributes"),
        ({"attributes": {"tier": "gold"}}, {"attributes": {"tier": "gold"}}, None),
        (
            {"attributes": {"tier": "gold"}},
            {"attributes": {"tier": "gold"}, "signed_by_any": ("vera",)},
            "attributes",
        ),
        (
            {"attributes": {"tier": "gold"}, "audited": {"vera": ("tier",)}},
            {"attributes": {"tier": "gold"}, "signed_by_any": ("vera",)},
            None,
        ),
        ({}, {"reclamation": 24.0}, "reclamation"),
        ({"reclamation": 48.0}, {"reclamation": 24.0}, None),
        ({"reclamation": 1000.0}, {}, "reclamation"),
        ({"registered": False}, {}, "provider"),
    ],
)
def test_bids_are_checked_against_what_the_order_asks(
    host: dict[str, Any], wants: dict[str, Any], refusal: str | None
) -> None:
    sim, _, desk = run({"requires": wants}, until=3.0, providers__hosts=HOST | host)
    served = sim.result().outcomes["tenants.leases"] > 0
    assert served is (refusal is None)
    assert set(desk.refusals) == ({refusal} if refusal else set())


def test_a_bid_below_the_minimum_deposit_is_refused() -> None:
    _, _, desk = run(until=3.0, orders={"deposit": 0.4})
    assert set(desk.refusals) == {"deposit"}


def test_single_jobs_are_not_for_dedicated_hosts_and_obey_the_same_checks() -> None:
    market = {"hosts": {"population": "hosts", "pricing": {"kind": "ask"} | MONTH}}
    wants = {"demand.startups.requires": {"attributes": {"tier": "gold"}}}
    gold = AKASH["providers"]["racks"] | {"attributes": {"tier": "gold"}}
    plain = Simulation(world(market | {"providers.hosts": HOST}))
    assert plain.run(5.0).outcomes["akash.jobs_completed"] > 0
    hosts = plain.world.networks["akash"].populations["hosts"]
    table = plain.world.market.providers(hosts.pools[0])
    assert table["work_hours"].sum() == 0.0
    refused = Simulation(world(market | {"providers.hosts": HOST}, **wants)).run(5.0)
    assert refused.outcomes["akash.jobs_completed"] == 0
    served = Simulation(world({"providers": {"racks": gold}}, **wants)).run(5.0)
    assert served.outcomes["akash.jobs_completed"] > 0


# -- escrows -------------------------------------------------------------------------------------------------


def test_tenants_who_run_dry_lose_the_lease_deploy_again_and_the_host_bears_the_rest() -> None:
    """A deposit of half a day and settlement once a day: half of the first day is never paid."""
    careless = {"careless": 1.0, "deposit": 0.5, "per_day": 1.0}
    sim, net, _ = run(careless, until=20.0)
    out = sim.result().outcomes
    assert out["tenants.exhausted"] > 5 and out["tenants.orders"] > out["tenants.deployments"]
    unpaid, paid = net.settlement.tally["unpaid"], net.settlement.tally["leased"]
    assert 0.2 < unpaid / (unpaid + paid) < 0.6


def test_careful_tenants_never_run_dry() -> None:
    sim, net, _ = run({"deposit": 0.5}, until=20.0)
    assert sim.result().outcomes["tenants.exhausted"] == 0 == net.settlement.tally["unpaid"]


# -- hosts come and go ---------------------------------------------------------------------------------------


def test_a_tenant_moves_away_from_a_dark_host() -> None:
    ban = {"kind": "jurisdiction_ban", "jurisdiction": "south", "at": "2026-01-06", "lasts": 3.0}
    forever = {"per_day": 1.0, "term": {"kind": "deterministic", "mean": 500.0}}
    host = HOST | {"jurisdictions": {"north": 3.0, "south": 2.0}}
    paths = {"providers.hosts": host, "hosts": {"population": "hosts", "pricing": {"kind": "ask"} | MONTH}}
    sim = Simulation(world(paths, demand={"tenants": TENANTS | forever}, shocks=[ban]))
    net = sim.world.networks["akash"]
    south = 1
    sim.run(5.0)
    before = {net.populations["hosts"].book.place[d.host] for d in net.desk.live}
    sim.run(6.6)
    after = {net.populations["hosts"].book.place[d.host] for d in net.desk.live}
    assert south in before and south not in after and after


def test_a_host_that_leaves_gives_the_notice_of_its_bid_and_its_tenant_goes_on_elsewhere() -> None:
    leave = {
        "income_memory": 1.0,
        "exit_hazard": 1e-9,
        "exit_sensitivity": 0.0,
        "entry_threshold": 99.0,
        "entry_speed": 0.0,
        "entry_ceiling": 0.0,
        "entry_lag": 0.0,
    }
    forever = {"per_day": 0.5, "term": {"kind": "deterministic", "mean": 500.0}}
    host = HOST | {"reclamation": "48 h", "behaviour": leave}
    sim, net, desk = run(forever, until=6.5, providers__hosts=host)
    lease = desk.live[0]
    row = lease.host
    net.populations["hosts"].book.leaves[row] = 9.0  # it decides to leave in two and a half days
    sim.run(7.5)
    assert lease.book.lease == "reclaiming" and lease.host == row
    sim.run(10.5)
    assert lease.host != row and lease.book.lease == "active"


def test_tenants_look_for_a_cheaper_host() -> None:
    curious = {"reviews": 5.0, "saving": 0.1, "per_day": 1.0, "term": {"kind": "deterministic", "mean": 99.0}}
    sim, net, desk = run(curious, until=4.5)
    hosts = net.populations["hosts"]
    hosts.book.ask[4] = 1.0
    sim.run(7.5)
    assert sim.result().outcomes["tenants.moved"] > 0
    assert sum(d.host == 4 for d in desk.live) == 2


# -- the programme -------------------------------------------------------------------------------------------


def test_a_programme_pays_hosts_their_price_and_returns_nine_tenths_of_spot_revenue() -> None:
    """Proposal 329: 4 % + 1 % + 5 % of spot revenue for the administrator, 90 % for the community pool."""
    fees = {"fiat": 0.04, "trading": 0.01, "risk": 0.05}
    programme = {
        "population": "hosts",
        "gpus": 20,
        "price": 1.5,
        "fees": fees,
        "reserved_fees": fees | {"sales": 0.1, "counterparty": 0.1},
    }
    for reserved, share in ((0.0, 0.9), (1.0, 0.7)):
        sim, net, _ = run({"reserved": reserved}, until=15.5, incentives=programme, issuance=NO_INFLATION)
        ours = net.settlement.programme
        assert ours is not None
        revenue = net.settlement.tally["leased"] / 1e6
        assert sum(ours.earned.values()) == net.settlement.tally["leased"]
        # what is not on its way through the vault has been returned, at prices that hardly moved
        assert ours.remitted_usd == pytest.approx(share * revenue, rel=0.15)
        assert net.incentives_paid == pytest.approx(15 * 20 * 24 * 1.5e6)
        assert sim.world.ledger.holding("USD", ours.administrator) == pytest.approx(
            (1 - share) * revenue, rel=0.2
        )


# -- prices of bids ------------------------------------------------------------------------------------------


def test_the_price_script_adds_up_resources_by_the_month() -> None:
    """HELM: 8 threads x 1.60 + 32 GB x 0.80 + one H100 at 1,000 USD a month, over 429,909 blocks."""
    targets = {
        "cpu_thread": 1.6,
        "mem_gb": 0.8,
        "ephemeral_gb": 0.02,
        "ssd_gb": 0.03,
        "endpoint": 0.05,
        "ip": 5,
    }
    script = PriceScript(targets=targets, **MONTH)
    rate = script.rate(1000 / (24 * 30.437), 0.1, 1, Wanted(cpu_thread=8, mem_gb=32), [], math.inf)
    assert rate == pytest.approx((8 * 1.6 + 32 * 0.8 + 1000.0) * 1e6 / 429_909)


def test_an_ask_is_its_price_by_the_block() -> None:
    ask = AskPricing(**MONTH)
    rate = ask.rate(1.5, 0.1, 2, Wanted(), [], math.inf)
    assert rate == pytest.approx(3.0 * 24 * 30.437 * 1e6 / 429_909)
    assert ask.usd_per_hour(float(rate or 0.0)) == pytest.approx(3.0)


def test_a_scale_counts_threads_and_mebibytes_and_does_not_bid_for_nothing() -> None:
    scale = ScalePricing(cpu=2.0, memory=0.5, **MONTH)
    assert scale.rate(1.5, 0.1, 3, Wanted(cpu_thread=1, mem_gb=1), [], math.inf) == 3 * (2000 + 512)
    assert scale.rate(1.5, 0.1, 3, Wanted(), [], math.inf) is None


def test_a_strategic_bid_lies_between_cost_and_limit_and_follows_its_rivals() -> None:
    bid = StrategicPricing(spread=0.1, **MONTH)
    unit = bid.per_block(1.0)
    low, high = (bid.rate(1.5, 0.2, 1, Wanted(), [rival * unit], 10 * unit) for rival in (1.0, 3.0))
    assert low is not None and high is not None
    assert 0.2 * unit < low < high < 10 * unit
    assert bid.rate(1.5, 0.2, 1, Wanted(), [unit], 0.1 * unit) is None


@pytest.mark.parametrize(
    "law", [Exponential(mean=2.0), Lognormal(mean=2.0, sigma=0.7), Weibull(mean=2.0, k=0.7)]
)
def test_quantiles_have_the_mean_of_the_law(law: Any) -> None:
    shares = (np.arange(200_000) + 0.5) / 200_000
    assert np.mean([law.quantile(float(u)) for u in shares]) == pytest.approx(2.0, rel=0.002)
    assert Deterministic(mean=2.0).quantile(0.3) == 2.0


# -- what does not fit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tenants", "changes", "found"),
    [
        ({"network": "akesh"}, {}, "network with dedicated hosts"),
        ({"gpus": 8}, {}, "at most 4"),
        ({}, {"hosts__population": "hoosts"}, "no population 'hoosts'"),
        ({}, {"providers__hosts": HOST | {"audited": {"vera": ("tier",)}}}, "not among the attributes"),
        (
            {},
            {"incentives": {"population": "hosts", "gpus": 1, "price": 1.0, "fees": {"a": 0.1}}},
            "one for spot and one for reserved",
        ),
    ],
)
def test_deployments_that_do_not_fit_are_refused(
    tenants: dict[str, Any], changes: dict[str, Any], found: str
) -> None:
    with pytest.raises(ScenarioError, match=found):
        run(tenants, until=0.0, **changes)


# -- spam ----------------------------------------------------------------------------------------------------

SPAM = {"kind": "bid_spam", "network": "akash", "at": "2026-01-01", "fee": 0.01}


@pytest.mark.parametrize(("bids", "blocked"), [(20, False), (21, True), (40, True)])
def test_an_order_takes_twenty_one_bids_and_then_no_other(bids: int, blocked: bool) -> None:
    sim, _, desk = run({"per_day": 2.0}, until=6.0, shocks=[SPAM | {"bids": bids}])
    out = sim.result().outcomes
    assert (out["tenants.leases"] == 0) is blocked
    assert desk.refusals["bids"] > 0
    assert out["akash.bid_spam.bids"] == min(bids, 21) * out["tenants.orders"]
    assert out["akash.bid_spam.spent_usd"] == pytest.approx(0.01 * out["akash.bid_spam.bids"])


def test_orders_that_ask_for_an_auditor_s_word_are_safe_from_spam() -> None:
    gold = {"attributes": {"tier": "gold"}}
    host = HOST | gold | {"audited": {"vera": ("tier",)}}
    wants = {"requires": gold | {"signed_by_any": ("vera",)}, "per_day": 2.0}
    sim, _, _ = run(wants, until=6.0, providers__hosts=host, shocks=[SPAM | {"bids": 40}])
    out = sim.result().outcomes
    assert out["akash.bid_spam.bids"] == 0 and out["tenants.leases"] == out["tenants.orders"] > 0
