"""Render's programmes: compute clients, upgrade points, stakes withheld, grants, reminting, Salad's hosts."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from simdai.errors import ScenarioError
from simdai.mechanisms.burn_mint import render_client_bandwidth_score
from simdai.mechanisms.emission import render_month_emission, render_year1_split
from simdai.networks.render import RenderNetwork
from simdai.networks.render_clients import ClientMonths
from simdai.simulation import Simulation
from tests.unit.test_render import COMPUTE, NODES, SALAD, UNIT, held, run, scenario

NO_POOLS = {"pools.availability": 0.0, "pools.job": 0.0}
QUIET = {"demand.creators.jobs_per_day": 0.0} | NO_POOLS
CLIENTS = {"kind": "client_scores", "reserve": 1_140_852.0, "until": "2024-11-01", "cap_per_node": 75.0}
FAST = NODES | {"download": 500.0, "upload": 400.0, "client_score": 1.0}


def in_2024(changes: dict[str, Any], until: float) -> tuple[Simulation, RenderNetwork]:
    """The small world of Render in the first year of burn and mint, from its first month on."""
    year = {"emission.budget": {"kind": "year_one_plan"}}
    content = scenario(year | changes)
    sim = Simulation(content.replace(start=datetime.date(2024, 1, 1), horizon=until + 1.0))
    sim.run(until)
    sim.world.ledger.check()
    return sim, sim.world.networks["render"]


# -- compute clients -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("download", "upload", "score"),
    [(101, 76, 0.2), (100, 76, 0.0), (500, 400, 0.4), (900, 700, 0.6), (2000, 1300, 0.8), (2000, 80, 0.2)],
)
def test_bandwidth_scores_by_the_bands_of_rnp_006(download: float, upload: float, score: float) -> None:
    assert render_client_bandwidth_score(download, upload) == score


def clients(nodes: dict[str, Any], until: float = 32.0, **rules: Any) -> tuple[Simulation, RenderNetwork]:
    part = COMPUTE | {"rewards": CLIENTS | rules, "providers": {"racks": nodes}}
    return in_2024({"compute": {"gpus": part}} | QUIET, until)


def test_the_january_pool_is_a_tenth_of_what_is_left_or_75_tokens_a_node() -> None:
    """RNP-006's own example: 840,852 tokens left, ten months to October: 84,085.2, but 20 nodes get 1,500."""
    sim, net = clients(FAST, reserve=840_852.0)
    rules = net.rules.compute["gpus"].rewards.rules[0]
    months = net.client_months["gpus"]
    months.paid = 0.0
    assert months.pool(rules, datetime.date(2024, 1, 1)) == pytest.approx(84_085.2)
    assert sum(held(sim, "gpus", "racks")) == pytest.approx(1500 * UNIT, abs=20)


def test_an_announced_pool_is_paid_in_its_month() -> None:
    sim, _ = clients(FAST, announced={"2024-01-01": 100.0})
    assert sum(held(sim, "gpus", "racks")) == pytest.approx(100 * UNIT, abs=20)


def test_scores_share_the_pool_as_in_the_example_of_rnp_006() -> None:
    """Its example node: 0.25 x 0.136 + 0.35 x 0.4 + 0.2 x 0.6 + 0.2 x 0.95 = 0.484."""
    _, net = clients(FAST)
    months: ClientMonths = net.client_months["gpus"]
    rules = net.rules.compute["gpus"].rewards.rules[0]
    usd, up = np.array([100.0, 2500.0]), np.array([0.95, 1.0])
    merit = np.array([[0.4, 0.6], [0.8, 1.0]])
    shares = months._shares(rules, 100.0, usd, up, merit)
    best = 0.25 + 0.35 * 0.8 + 0.2 + 0.2
    assert shares[0] == pytest.approx(100.0 * 0.484 / (0.484 + best))
    assert shares.sum() == pytest.approx(100.0)


def test_slow_and_absent_nodes_do_not_qualify_and_rnp_013_caps_the_others() -> None:
    slow, _ = clients(FAST | {"download": 90.0})
    assert sum(held(slow, "gpus", "racks")) == 0
    spells = {"online": {"kind": "exponential", "mean": 1.0}, "offline": {"kind": "exponential", "mean": 9.0}}
    absent, _ = clients(FAST | spells, least_uptime=0.5)
    assert sum(held(absent, "gpus", "racks")) == 0
    capped, _ = clients(FAST, node_cap=10.0, month_cap=12_500.0)
    assert sum(held(capped, "gpus", "racks")) == pytest.approx(20 * 10 * UNIT, abs=20)


# -- upgrade points ------------------------------------------------------------------------------------------


def test_upgraders_get_the_monthly_pool_and_the_first_the_larger_part() -> None:
    """60 M upgraded by New Year at 5 and 4 points, 20 M more by 20 January at 4: 95,071 tokens for all."""
    upgrade = {
        "upgraded": {"2023-12-20": 60e6, "2024-01-01": 60e6, "2024-01-20": 80e6},
        "lasts": 365.25,
        "sold": 0.0,
    }
    _, net = in_2024({"upgrade": upgrade} | QUIET, 20.0)
    assert net.upgrade is not None
    pool = render_year1_split(1)["upgrade_points"]
    assert net.upgrade.paid == pytest.approx(pool * UNIT, abs=1)
    assert pool == pytest.approx(95_071, abs=1)
    assert net.upgrade.points == 40e6 * 5 + 20e6 * 4 + 20e6 * 4
    assert net.upgrade.paid_to_first / net.upgrade.paid == pytest.approx(280 / 360)


def test_year_one_is_divided_as_planned() -> None:
    """RNP-006, months 1 to 3: half for the foundation, a quarter for nodes, a quarter for liquidity."""
    _, net = in_2024(QUIET, 20.0)
    month = render_month_emission(1) * UNIT
    got = {c: net.treasuries._got[c] for c in net.treasuries._got}
    start = {"operations": 1e6, "node_rewards": 1e6, "grants": 1e6}
    shares = {c: (got[c] - start[c] * UNIT) / month for c in got}
    assert shares == pytest.approx({"operations": 0.5, "node_rewards": 0.25, "grants": 0.25}, abs=1e-7)


def test_the_job_pool_without_a_number_is_the_one_that_was_voted() -> None:
    sim, net = in_2024({"pools": {"availability": 0.0, "wallet_penalty": 0.65}}, 7.5)
    assert net.job_pool == 47_435
    assert sum(held(sim)) == pytest.approx(47_435 * UNIT, abs=20)


# -- the compute subnet --------------------------------------------------------------------------------------


def test_the_first_hundred_dollars_are_withheld_until_a_node_leaves() -> None:
    """Two tokens a week, worth four dollars: all of it withheld for 25 weeks, here with a stake of ten."""
    part = {"gpus": COMPUTE | {"withheld": 10.0}}
    changes = {"compute": part, "demand.creators.sellers": ["render.tier2"]} | NO_POOLS
    sim, net = run(changes, until=14.5)
    assert sum(held(sim, "gpus", "racks")) == 0
    ledger = sim.world.ledger
    kept = [ledger.balance("RENDER", f"render.gpus.withheld.racks[{i}]") for i in range(20)]
    assert kept == [4 * UNIT] * 20
    net.populations["gpus.racks"].book.alive[3] = False
    sim.run(21.5)  # the third week's two tokens: one more dollar or so is withheld of them
    assert sum(held(sim, "gpus", "racks", 3)) == pytest.approx(3 * UNIT, rel=0.05)
    assert ledger.balance("RENDER", "render.gpus.withheld.racks[3]") == 0


def test_customers_pay_what_leaves_a_node_its_ask() -> None:
    """RNP-021: an ask of 1.90 is a price of 2.00 at a fee of 5 %; for a GPU twice as fast 4.00."""
    part = COMPUTE | {"price": {"ask": 1.9, "hardware": "gpu"}}
    _, net = run({"compute": {"gpus": part}} | QUIET, until=0.5)
    assert net.parts["gpus"].price == pytest.approx(2.0 / 0.5)
    fees = [{"rule": {"operator_fee": 0.05}}, {"from": "2026-01-03", "rule": {"operator_fee": 0.24}}]
    _, net = run({"compute": {"gpus": part}, "payment": fees} | QUIET, until=2.5)
    assert net.parts["gpus"].price == pytest.approx(2.5 / 0.5)


def test_rentals_by_the_block_pay_what_nodes_ask_and_burn_as_much() -> None:
    """RNP-021: 95 % of the customers' price is what the nodes ask, and what is burned."""
    part = COMPUTE | {
        "price": {"ask": 0.35, "hardware": "gpu"},
        "rewards": {"kind": "asked", "ask": 0.35},
    }
    changes = {"compute": {"gpus": part}, "demand.creators.sellers": ["render.gpus"]} | NO_POOLS
    _, net = run(changes, until=14.5)
    paid = net.sums["compute_usd"]
    assert paid > 0
    assert paid == pytest.approx(net.sums["spend_usd"] - net.sums["fee_usd"], rel=0.06)


def test_the_foundation_pays_its_part_of_a_price_and_all_of_it_burns() -> None:
    """RNP-021's example: 2,000 USD of a customer and 400 of a grant burn 2,280, and 120 are the fee."""
    changes = {"compute": {"gpus": COMPUTE | {"granted": 1 / 6}}} | NO_POOLS
    changes |= {"demand.creators.sellers": ["render.gpus"]}
    _, net = run(changes, until=10.001)
    part = net.parts["gpus"]
    revenue = part.flows.revenue_usd
    assert part.granted_usd == pytest.approx(revenue / 6, rel=0.01)
    assert net.sums["fee_usd"] == pytest.approx(0.05 * revenue, rel=0.01)
    assert net.parts["gpus"].rebate == pytest.approx(0.7 / 6)
    assert net.treasuries.balance("grants") < 1e6 * UNIT


# -- the mint ------------------------------------------------------------------------------------------------


def test_after_the_cap_a_part_of_the_burn_is_minted_again_for_nodes() -> None:
    """Helium's rule: of the first epoch's burn b the target is (1 - 6/7) b, which stays below the limit."""
    before = run(until=0.5)[1].treasuries.before
    emission = {"emission.cap": before, "emission.remint": {"most": 1e9, "smoothing": 6 / 7}}
    _, net = run(emission | NO_POOLS, until=7.5)
    assert net.treasuries.minted == 0
    _, plain = run(NO_POOLS, until=14.5)
    assert plain.treasuries.reminted == 0
    _, net = run(emission | NO_POOLS, until=14.5)
    burned = net.token.burned
    assert 0 < net.treasuries.reminted / UNIT <= burned * 13 / 49  # b/7, then 6/7 of it and b/7 more
    _, none = run({"emission.cap": before} | NO_POOLS, until=14.5)
    assert none.treasuries.reminted == 0


# -- Salad ---------------------------------------------------------------------------------------------------

HOSTS = {
    "count": 400,
    "full_revenue": 365250.0,
    "daily": 0.8,
    "heavy": 0.5,
    "heavy_hours": 20.0,
    "light_hours": 2.0,
    "power": 400.0,
    "load": 0.1,
    "electricity": 0.2,
    "memory": 7.0,
    "exit_hazard": 0.0,
    "indifference": 0.1,
    "growth": 0.0,
    "growth_ceiling": 0.01,
}


def test_hosts_share_the_rewards_by_the_hours_that_they_are_there() -> None:
    sim, net = run({"salad": SALAD | {"sold": 0.0}, "salad_hosts": HOSTS} | QUIET, until=14.5)
    hosts, ledger = net.salad.hosts, sim.world.ledger
    assert hosts.count == 500 and hosts.heartbeats == pytest.approx(400, abs=35)
    paid = [ledger.balance("RENDER", f"render.salad.hosts[{i}]") for i in range(500)]
    assert sum(paid) == pytest.approx(14 * 280 * UNIT, rel=0.002)
    heavy = [amount for amount, hours in zip(paid, hosts._hours, strict=True) if hours == 20.0]
    light = [amount for amount, hours in zip(paid, hosts._hours, strict=True) if hours == 2.0]
    assert sum(heavy) / len(heavy) / (sum(light) / len(light)) == pytest.approx(10.0, rel=0.1)


def test_hosts_leave_when_their_power_costs_more_than_they_get_and_come_when_it_pays() -> None:
    dear = HOSTS | {"electricity": 9.0, "exit_hazard": 0.02}
    cheap = HOSTS | {"exit_hazard": 0.02, "growth": 0.001}
    counts = [
        run({"salad": SALAD, "salad_hosts": hosts} | QUIET, until=25.5)[1].salad.hosts.count
        for hosts in (dear, cheap)
    ]
    assert counts[0] < 250 < 500 < counts[1]


def test_half_a_stage_has_half_of_the_hosts() -> None:
    half = SALAD | {"stages": {"2026-01-01": 182625.0, "2026-01-10": 365250.0}}
    sim, net = run({"salad": half, "salad_hosts": HOSTS} | QUIET, until=5.5)
    assert net.salad.hosts.count == 250
    sim.run(12.5)
    assert net.salad.hosts.count == 500


def test_credit_that_expires_burns_without_any_work() -> None:
    product = SALAD["products"]["container"] | {
        "payments": {"card": {"share": 0.9}, "expired": {"share": 0.1, "paid_after": 5.0, "worked": False}}
    }
    _, net = run({"salad": SALAD | {"products": {"container": product}}} | QUIET, until=10.5)
    assert net.salad.rewarded == pytest.approx(10 * 0.9 * 280.0, rel=1e-3)
    assert net.salad.burned == pytest.approx((10 * 0.9 + 5 * 0.1) * 300.0, rel=1e-3)


def test_emission_is_pulled_forward_for_the_rewards_of_a_month() -> None:
    """Operations hold nothing: the month from 20 January needs 365,250 x 0.56 / 12 USD of tokens."""
    empty = {"treasury.operations": {"held": 0.0, "spent": 1.0}}
    _, pulled = run({"salad": SALAD | {"pulls_forward": True}} | empty | QUIET)
    _, plain = run({"salad": SALAD} | empty | QUIET)
    assert plain.treasuries.pulled == 0.0 and plain.salad.rewarded == 0.0
    assert pulled.treasuries.pulled == pytest.approx(365250 * 0.56 / 12 / pulled.token.price, rel=0.05)
    assert pulled.treasuries.cumulative == pytest.approx(
        plain.treasuries.cumulative + pulled.treasuries.pulled
    )


# -- what does not fit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"salad_hosts": HOSTS}, "no 'salad'"),
        ({"emission.cap": 2e8}, "exceeds what may be minted"),
        ({"compute": {"gpus": COMPUTE | {"price": {"hardware": "gpu"}}}}, "either 'usd' or 'ask'"),
        ({"upgrade": {"upgraded": {}, "lasts": 365.0}}, "at least one day"),
        ({"upgrade": {"upgraded": {"2024-01-01": 1.0}, "lasts": 400.0}}, "year 1 alone"),
        ({"salad": SALAD, "salad_hosts": HOSTS | {"daily": 0.0}}, "daily must be above 0"),
    ],
)
def test_programmes_that_do_not_fit_are_refused(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(ScenarioError, match=found):
        scenario(changes)
