"""Paths, the calendar, token markets, venue choice, provider books, shocks."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest

from simdai.economy.calendar import Calendar, Phase
from simdai.economy.demand import expected_wait_hours
from simdai.economy.hardware import Accelerator
from simdai.economy.ledger import WORLD
from simdai.economy.paths import Annual, Constant, Points
from simdai.economy.provider_book import ProviderBook, Records, hired_hours
from simdai.economy.venue_choice import Choice, VenueChoice
from simdai.engine import Environment
from simdai.errors import ScenarioError
from simdai.simulation import Simulation
from tests.worlds import BEHAVIOUR, run, small

START = datetime.date(2026, 1, 1)


# -- paths


def test_paths_go_up_as_well_as_down() -> None:
    points = Points(points={"2026-01-11": 4.0, "2026-01-31": 1.0})
    assert [points.at(t, START) for t in (0.0, 10.0, 20.0, 30.0, 99.0)] == pytest.approx([4, 4, 2, 1, 1])
    assert Annual(value=2.0, annual_factor=0.25).at(365.25 / 2, START) == pytest.approx(1.0)
    assert Annual(value=2.0, annual_factor=3.0).at(365.25, START) == pytest.approx(6.0)
    assert Constant(value=2.0).at(1e4, START) == 2.0


def test_a_bare_number_or_a_text_with_its_unit_is_a_constant_path() -> None:
    rest = {"speed": 1.0, "memory": 80.0, "power": 700.0, "life": 1000.0}
    card = Accelerator(capital_cost="30000 USD", **rest)
    assert card.capital_cost == Constant(value=30_000.0)
    assert Accelerator(capital_cost=30_000, **rest) == card
    with pytest.raises(ScenarioError, match="money"):
        Accelerator(capital_cost="30000 d", **rest)


# -- the order within an instant


def test_one_instant_runs_regimes_shocks_processes_demand_supply_epochs_traders_recording() -> None:
    env, seen = Environment(), list[str]()
    calendar = Calendar(env)

    def process() -> Any:
        yield env.timeout(1.0)
        seen.append("PROCESS")

    for phase in reversed(Phase):
        calendar.every(1.0, phase, lambda name=phase.name: seen.append(name), first=1.0)  # type: ignore[misc]
    env.process(process())
    env.run(until=1.5)
    by_value = [phase.name for phase in sorted(Phase)]
    assert [name for name in seen if name != "PROCESS"] == by_value
    expected = ["REGIMES", "SHOCKS", "PROCESS", "DEMAND", "SUPPLY", "EPOCHS", "TRADERS"]
    expected += ["MEASUREMENT", "RECORDING"]
    assert [name for name in seen if name in expected] == expected


def test_ties_within_a_phase_go_by_the_order_of_entry() -> None:
    env, seen = Environment(), list[int]()
    for n in range(5):
        Calendar(env).at(3.0, Phase.SUPPLY, lambda n=n: seen.append(n))  # type: ignore[misc]
    env.run(until=4)
    assert seen == [0, 1, 2, 3, 4]


def test_repeated_times_do_not_drift() -> None:
    env, seen = Environment(), list[float]()
    Calendar(env).every(0.1, Phase.SUPPLY, lambda: seen.append(env.now), first=0.0)
    env.run(until=100)
    assert seen == [n * 0.1 for n in range(1000)]


# -- customers


CHOICE = Choice(reference_price=2.0, outside_share=0.2, price_sensitivity=2.0)


def test_a_single_venue_at_the_reference_price_leaves_the_stated_share_outside() -> None:
    choice = VenueChoice(CHOICE, ["a"])
    choice.open(np.array([2.0]))
    assert choice.shares[0] == pytest.approx(0.8)


def test_own_price_elasticity_is_that_of_the_logit() -> None:
    """d ln s / d ln p = -b (1 - s) = -2 x 0.2 at the reference price."""
    shares = []
    for price in (2.0, 2.0002):
        choice = VenueChoice(CHOICE, ["a"])
        choice.open(np.array([price]))
        shares.append(float(choice.shares[0]))
    assert math.log(shares[1] / shares[0]) / math.log(2.0002 / 2.0) == pytest.approx(-0.4, rel=1e-3)


def settle_queue(memory: float, lag: float, days: int = 400) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Shares of a venue whose wait rises steeply with its share of yesterday (M/M/1: h / (1 - use))."""
    rules = CHOICE.replace(wait_sensitivity=0.5, memory=memory, adoption_lag=lag)
    choice = VenueChoice(rules, ["slow", "plain"])
    choice.open(np.array([2.0, 2.6]))
    path = []
    for _ in range(days):
        use = min(float(choice.shares[0]) / 0.5, 0.98)
        shares = choice.update(np.array([2.0, 2.6]), np.array([1.0 / (1.0 - use), 0.0]), np.zeros(2), 1.0)
        path.append(float(shares[0]))
    return np.array(path)


def test_shares_without_memory_cobweb_and_with_memory_settle() -> None:
    jumpy = settle_queue(memory=0.0, lag=0.0)
    calm = settle_queue(memory=7.0, lag=17.5)
    assert np.ptp(jumpy[-100:]) > 0.1, "the case is too tame to show anything"
    assert np.ptp(calm[-100:]) < 1e-9
    off = calm - calm[-1]
    lowest = int(np.argmin(off))
    assert off[0] > 0 > off[lowest]
    assert np.abs(off[lowest:]).max() == -off[lowest], "one overshoot"
    assert off[lowest:].max() < -0.05 * off[lowest], "the way back ends where it should"


def test_expected_waits_see_a_queue_before_anybody_has_waited_it_out() -> None:
    assert expected_wait_hours(math.nan, started=0, queued=0, days=1.0) == 0.0
    assert expected_wait_hours(2.0, started=10, queued=0, days=1.0) == 2.0
    assert expected_wait_hours(2.0, started=10, queued=5, days=1.0) == 12.0  # half a day's work is waiting
    assert expected_wait_hours(math.nan, started=0, queued=3, days=1.0) == 72.0


# -- providers


def test_hired_time_is_shared_by_work() -> None:
    online = np.array([24.0, 24.0, 12.0])
    assert hired_hours(np.array([10.0, 20.0, 0.0]), online, 36.0).tolist() == [12.0, 24.0, 0.0]
    assert hired_hours(np.zeros(3), online, 30.0).tolist() == [12.0, 12.0, 6.0]
    assert hired_hours(np.zeros(3), np.zeros(3), 0.0).tolist() == [0.0, 0.0, 0.0]


def test_a_provider_book_averages_income_without_bias_at_the_start() -> None:
    book = ProviderBook()
    ints = np.zeros(1, dtype=np.int64)
    book.add(0, ints, np.array([2.0]), ints, ints, 0.0)

    def day(revenue: int, work: float, online: float) -> None:
        known = np.ones(1, dtype=bool)
        now = Records(np.array([revenue]), np.array([work]), np.array([online]), ints, known)
        rest = {"gpus": 1, "full_cost": 0.1, "idle_cost": 0.02, "income_weight": 0.25, "use_weight": 0.25}
        book.observe(now, [12.0], 1.0, **rest)

    day(24_000_000, 12.0, 1.0)
    assert book.income[0] == pytest.approx(24.0)
    assert book.cost[0] == pytest.approx(24 * 0.02 + 12 * 0.08)
    assert book.use[0] == pytest.approx(0.5)
    day(24_000_000, 12.0, 2.0)
    # weights 0.25 and 0.75 x 0.25: 24 x 0.1875 / 0.4375
    assert book.income[0] == pytest.approx(24 * 0.1875 / 0.4375)
    rows, work = book.take_epoch(speed=0.5)
    assert rows.tolist() == [0]
    assert work.gpu_hours.tolist() == [6.0]
    assert work.value_usd.tolist() == [24.0]
    assert work.online_hours.tolist() == [24.0]
    assert len(book.take_epoch(1.0)[0]) == 0


def test_providers_earn_and_pay_for_power_and_both_show_in_the_ledger() -> None:
    sim = Simulation(
        small({"networks.gridnet.reward": {"kind": "none"}, "networks.gridnet.emit": {"kind": "none"}})
    )
    sim.run()
    ledger, market = sim.world.ledger, sim.world.market
    v = sim.world.networks["gridnet"].venue.index
    counters = market.counters()
    revenue, fees = int(counters["revenue"][v].sum()), int(counters["fees"][v].sum())
    held = sum(ledger.balance("USD", f"gridnet.providers.racks[{i}]") for i in range(50))
    billed = revenue - fees - held
    busy = float(market.pools()["busy_days"].sum()) * 24
    assert fees == pytest.approx(0.1 * revenue, rel=1e-6)
    assert 0 < billed / 1e6 <= 0.1 * busy  # 1 kW at 0.1 USD/kWh; the last epoch is not billed yet
    assert billed / 1e6 == pytest.approx(0.1 * busy * 21 / 28, rel=0.1)
    operator = ledger.balance("USD", "gridnet.operator") + ledger.balance("USD", "gridnet.fees")
    assert operator == fees


# -- shocks


def shocked(*shocks: dict[str, Any], **changes: Any) -> Simulation:
    return Simulation(small({"shocks": [{"at": "2026-01-15", **s} for s in shocks], **changes}))


def test_where_everybody_has_left_somebody_tries_it_again() -> None:
    hurried = {"exit_hazard": 5.0, "exit_sensitivity": 0.0, "income_memory": 1.0}
    new = {"entry_ceiling": 0.5, "entry_lag": 1.0, "entry_speed": 1e-9}
    providers = "networks.gridnet.providers.racks"
    changes = {f"{providers}.behaviour": BEHAVIOUR | hurried | new, "horizon": 60.0}
    sim = Simulation(small(changes | {f"{providers}.count": 50}))
    racks = sim.world.networks["gridnet"].populations["racks"]
    sim.run(until=10.0)
    assert racks.exits >= 50 and racks.count < 5
    sim.run(until=60.0)
    assert racks.entries >= 5, "one at a time"


def test_a_demand_step_multiplies_arrivals_and_can_end() -> None:
    sim = shocked({"kind": "demand_step", "factor": 3.0, "lasts": 7.0})
    counts = []
    for day in (7, 14, 21, 28):
        sim.run(day)
        counts.append(int(sim.world.market.arrivals().sum()))
    weeks = np.diff([0, *counts])
    assert weeks[2] > 2.4 * weeks[1]
    assert weeks[3] < 1.3 * weeks[0]


def test_a_crash_moves_the_price_by_sales_alone() -> None:
    sim = shocked({"kind": "token_price_crash", "network": "gridnet", "drop": 0.5})
    sim.run(14)
    token, ledger = sim.world.networks["gridnet"].token, sim.world.ledger
    before, held = token.price, ledger.balance("GRID", "gridnet.holders")
    sim.run(14.5)
    assert token.price == pytest.approx(before / 2, rel=1e-4)
    sold = held - ledger.balance("GRID", "gridnet.holders")
    # constant product: halving the price takes reserves up by sqrt(2)
    assert sold == pytest.approx(token.book.tokens * (1 - 1 / math.sqrt(2)), rel=1e-4)
    ledger.check()


def test_a_market_that_took_up_what_was_sold_at_its_price_goes_on_to_do_so() -> None:
    changes = {
        "horizon": "150 d",
        "demand.startups.jobs_per_day": 1.0,
        "networks.gridnet.providers.racks.count": 1,
        "networks.gridnet.emit": None,
        "networks.gridnet.token.traders_share": 0.3,
        "networks.gridnet.token.speculation": {"kind": "traders", "fundamental_speed": 12.0},
    }
    prices = []
    for absorbed in (0.0, 1000.0):
        sim = Simulation(small(changes | {"networks.gridnet.token.absorbed": absorbed}), seed=1)
        token = sim.world.networks["gridnet"].token

        def sell(token: Any = token) -> None:
            token.sell(1000 * token.unit, token.holders, WORLD)

        sim.world.calendar.every(1.0, Phase.EPOCHS, sell, first=0.5)
        sim.run()
        prices.append(token.price)
    # By hand: a thousand a day into a pool of 1e6 / sqrt(p) tokens lower ln p by 0.002 sqrt(p); traders take
    # back 1 - exp(-12 / 365.25) of ln p; the two are equal at p = 0.942.
    assert prices[0] == pytest.approx(0.942, rel=0.003)
    assert prices[1] == pytest.approx(1.0, rel=0.003)


def test_a_stated_sale_sells_that_share_of_the_supply() -> None:
    sim = shocked({"kind": "token_price_crash", "network": "gridnet", "sale": 0.02})
    sim.run(14)
    held = sim.world.ledger.balance("GRID", "gridnet.holders")
    supply = sim.world.ledger.supply("GRID")
    sim.run(14.5)
    assert held - sim.world.ledger.balance("GRID", "gridnet.holders") == int(supply * 0.02)


def test_withdrawn_liquidity_leaves_the_price_and_comes_back() -> None:
    sim = shocked({"kind": "liquidity_withdrawal", "network": "gridnet", "share": 0.75, "lasts": 3.0})
    sim.run(14)
    token = sim.world.networks["gridnet"].token
    before, usd = token.price, token.book.usd
    sim.run(14.5)
    assert token.price == pytest.approx(before, rel=1e-6)
    assert token.book.usd == pytest.approx(usd / 4, rel=1e-6)
    sim.run(17.5)
    assert token.book.usd == pytest.approx(usd, rel=1e-6)
    sim.world.recorder.record()


def test_a_ban_takes_the_capacity_of_its_jurisdiction_and_can_be_lifted() -> None:
    sim = shocked({"kind": "jurisdiction_ban", "jurisdiction": "south", "lasts": 7.0})
    sim.run(14)
    network, market = sim.world.networks["gridnet"], sim.world.market
    assert network.populations["racks"].count == 50
    sim.run(15)
    pools = market.pools()
    assert pools["idle"][1] + pools["busy"][1] == 0
    assert pools["banned"][1] + pools["offline"][1] == 20
    assert network.populations["racks"].count == 30
    sim.run(22)
    assert network.populations["racks"].count == 50
    assert market.pools()["banned"][1] == 0


def test_a_ban_outlasts_another_one_that_ends_before_it() -> None:
    ban = {"kind": "jurisdiction_ban", "jurisdiction": "south"}
    sim = shocked({**ban, "lasts": 4.0}, {**ban, "at": "2026-01-17", "lasts": 9.0})
    racks = sim.world.networks["gridnet"].populations["racks"]
    counts = []
    for day in (14, 16, 20, 27):
        sim.run(day)
        counts.append(racks.count)
    assert counts == [50, 30, 30, 50]


def test_an_outage_of_a_network_stops_all_its_work_and_ends() -> None:
    sim = shocked({"kind": "outage", "seller": "gridnet", "lasts": 2.0})
    sim.run(15)
    pools = sim.world.market.pools()
    assert pools["busy"].sum() == pools["idle"].sum() == 0
    sim.run(17)
    assert sim.world.market.pools()["busy"].sum() > 0


def test_an_outage_of_a_cloud_takes_a_share_of_its_capacity() -> None:
    sim = shocked({"kind": "outage", "seller": "bigcloud", "share": 0.5, "lasts": 2.0})
    sim.run(15)
    assert sim.world.market.venue_table()["capacity"][0] == 30
    sim.run(17)
    assert sim.world.market.venue_table()["capacity"][0] == 60


def test_dearer_hardware_raises_the_cost_of_entry_and_the_clouds_price() -> None:
    shock = {"kind": "hardware_price_step", "hardware": "h100", "factor": 1.5, "cloud_factor": 1.2}
    sim = shocked(shock)
    sim.run(14)
    racks = sim.world.networks["gridnet"].populations["racks"]
    assert racks.capital_cost == pytest.approx(1.0)
    sim.run(15)
    assert racks.capital_cost == pytest.approx(1.5)
    assert sim.world.market.venue_table()["ask"][0] == 3_600_000


@pytest.mark.parametrize(
    ("shock", "found"),
    [
        ({"kind": "demand_step", "factor": 2.0, "segments": ["startup"]}, "unknown segment 'startup'"),
        (
            {"kind": "demand_step", "factor": 2.0, "at": "2025-12-31"},
            "2025-12-31; the start, 2026-01-01, or later",
        ),
        ({"kind": "jurisdiction_ban", "jurisdiction": "west"}, "unknown jurisdiction 'west'"),
        ({"kind": "outage", "seller": "gridnett"}, "Did you mean 'gridnet'"),
        ({"kind": "outage", "seller": "gridnet", "share": 0.5}, "jurisdiction_ban stops a part of it"),
        ({"kind": "token_price_crash", "network": "gridnet"}, "either 'drop' or 'sale'"),
        ({"kind": "liquidity_withdrawal", "network": "gridnet", "share": 1.0}, "without any liquidity"),
    ],
)
def test_shocks_that_hit_nothing_are_refused_when_the_scenario_is_read(
    shock: dict[str, Any], found: str
) -> None:
    with pytest.raises(ScenarioError, match=found):
        small({"shocks": [{"at": "2026-01-15", **shock}]})


# -- clouds


def test_an_elastic_cloud_grows_while_it_is_full() -> None:
    elastic = {"use_target": 0.5, "speed": 20.0, "capacity_max": 100}
    out = run({"clouds.bigcloud.elastic": elastic, "clouds.bigcloud.capacity": 5, "networks": {}})
    capacity = out.series["bigcloud.capacity"]
    assert capacity[0] == 5
    assert capacity[-1] > 5
    assert capacity.max() <= 100


def test_a_cloud_follows_its_price_path() -> None:
    out = run({"clouds.bigcloud.price": {"kind": "points", "points": {"2026-01-01": 2.0, "2026-01-21": 8.0}}})
    price = out.series["bigcloud.list_price_usd_per_gpu_hour"]
    assert price[[0, 10, 20, 28]].tolist() == pytest.approx([2.0, 4.0, 8.0, 8.0])
