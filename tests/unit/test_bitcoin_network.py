"""Bitcoin on the clock: blocks, difficulty, miners, fees, attacks. Small populations, short horizons."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest
import yaml

import simdai
from simdai.economy.paths import Steps
from simdai.engine.streams import EntityStream
from simdai.errors import ScenarioError
from simdai.mechanisms.bitcoin import cumulative_subsidy, difficulty, expected_hashes, selfish_revenue_share
from simdai.mechanisms.difficulty import Emergency, Retarget, WorkWindow
from simdai.networks.bitcoin_chain import Chain, ChainState, Issue, Withholding
from simdai.schema.library import library_folder
from simdai.simulation import Simulation

BITS = 0x17020000
ON_SCHEDULE = expected_hashes(BITS) / 600.0  # hashes a second
ISSUE = Issue(initial=50.0, halving=210_000)


def chain(height: int = 2016 * 400, rule: Any = None, seed: int = 1, spacing: float = 600.0) -> Chain:
    state = ChainState(height=height, bits=BITS, spacing=spacing / 86_400)
    return Chain(state, ISSUE, rule or Retarget(), EntityStream(seed))


def run(name: str, seed: int = 1, until: float | None = None, **changes: Any) -> Any:
    settings = {path.replace("__", "."): value for path, value in changes.items()}
    scenario = simdai.load(name, set=settings)
    sim = Simulation(scenario, seed=seed)
    sim.run(until=until) if until else sim.run()
    return sim.world


def outcomes(world: Any) -> dict[str, float]:
    return {name: value for name, (value, _) in world.recorder.outcomes().items()}


SMALL: dict[str, Any] = {
    "horizon": "120 d",
    "warm_up": "0 d",
    "networks.bitcoin.epoch": "2 d",
    "networks.bitcoin.miners.newest.sites": 20,
    "networks.bitcoin.miners.middle.sites": 20,
    "networks.bitcoin.miners.oldest.sites": 20,
}


FEW: dict[str, Any] = {path.replace(".", "__"): value for path, value in SMALL.items() if path != "horizon"}


def small(seed: int = 1, **changes: Any) -> Any:
    settings = {path.replace(".", "__"): value for path, value in SMALL.items()}
    return run("bitcoin", seed, **(settings | changes))


# --- the chain


@pytest.mark.parametrize(
    ("bits", "said"), [(0x1701E603 * 6 // 5, "cannot be negative"), (0x17000000, "target of zero")]
)
def test_bits_that_no_block_can_bear_are_refused(bits, said):
    with pytest.raises(ValueError, match=said):
        ChainState(height=0, bits=bits, spacing=1.0 / 144)


def test_blocks_do_not_depend_on_when_one_looks():
    daily, once = chain(), chain()
    for day in range(1, 61):
        daily.run(float(day), ON_SCHEDULE)
    once.run(60.0, ON_SCHEDULE)
    assert (daily.height, daily.bits, daily.created) == (once.height, once.bits, once.created)
    assert [p.days for p in daily.periods] == pytest.approx([p.days for p in once.periods], rel=1e-12)


def test_the_luck_of_a_block_hangs_on_its_number_alone():
    # twice the hash rate, the same luck: the same blocks in half the time
    slow, fast = chain(), chain()
    found = [
        (slow.run(2.0 * day, ON_SCHEDULE).blocks, fast.run(day, 2 * ON_SCHEDULE).blocks) for day in (1, 2, 5)
    ]
    assert all(one == other for one, other in found)


def test_a_halving_counts_from_its_block_on():
    # 50 blocks before the halving of height 840,000: 6.25 BTC each, then 3.125
    held = chain(height=839_950)
    mined = held.run(1.0, ON_SCHEDULE)
    after = mined.blocks - 50
    assert after > 0
    assert mined.subsidy == 50 * 625_000_000 + after * 312_500_000
    assert held.created == cumulative_subsidy(839_950 + mined.blocks)


def test_difficulty_follows_at_whole_periods():
    held = chain()
    held.run(7.5, 2 * ON_SCHEDULE)
    first, second = held.periods[0], held.bits
    assert first.height == 2016 * 400 and first.bits == BITS
    assert held.height > 2016 * 401
    assert difficulty(second) / difficulty(BITS) == pytest.approx(14 / first.days, rel=2e-3)


def test_a_period_under_way_is_timed_from_its_first_block():
    # half of the period has taken 14 days: with another week difficulty falls by a third
    held = chain(height=2016 * 400 + 1008, spacing=1200.0)
    held.run(10.0, ON_SCHEDULE)
    assert held.periods[0].start == -14.0
    assert difficulty(held.bits) / difficulty(BITS) == pytest.approx(2 / 3, abs=0.03)


def test_the_mean_spacing_at_a_steady_hash_rate_is_that_of_the_timing_error():
    # 600 x 2016 / 2015 = 600.298 s in the geometric mean over periods; in the arithmetic one the noise of the
    # period and of the difficulty, which follows the last one, adds half of their variances, 1/2016 + 1/2015
    held = chain()
    held.run(14.0 * 300, ON_SCHEDULE)
    spacing = np.array([p.days for p in held.periods]) * 86_400 / 2016
    assert len(spacing) > 290
    assert math.exp(np.log(spacing).mean()) == pytest.approx(600.298, abs=0.35)
    assert spacing.mean() == pytest.approx(600.298 * (1 + 0.5 * (1 / 2016 + 1 / 2015)), abs=0.35)
    assert spacing.std() == pytest.approx(600 * math.sqrt(1 / 2016 + 1 / 2015), rel=0.15)


def test_blocks_come_by_a_poisson_process():
    held, counts = chain(), []
    for hour in range(1, 24 * 200):
        counts.append(held.run(hour / 24, ON_SCHEDULE).blocks)
    counts = np.array(counts)
    assert counts.mean() == pytest.approx(6.0, abs=4 * math.sqrt(6 / len(counts)))
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.1)


def test_withholding_gains_only_after_the_retarget_and_nothing_where_orphans_count():
    share, days = 0.35, 140.0

    def income(rule: Retarget, withholds: bool, until: float) -> float:
        held = chain(rule=rule)
        held.withholding = Withholding(share, 0.5, withholds)
        return held.run(until, ON_SCHEDULE).own

    plain, counting = Retarget(), Retarget(counts_orphans=True)
    assert income(plain, True, 12.0) < 0.95 * income(plain, False, 12.0)
    assert income(plain, True, days) > 1.08 * income(plain, False, days)
    assert income(counting, True, days) < 0.9 * income(counting, False, days)


def test_the_pool_has_its_closed_form_share_of_the_chain():
    held = chain()
    held.withholding = Withholding(0.35, 0.5)
    mined = held.run(300.0, ON_SCHEDULE)
    assert mined.own / mined.blocks == pytest.approx(selfish_revenue_share(0.35, 0.5), abs=0.02)
    withheld = held.found - held.blocks - held.orphaned
    assert 0 <= withheld < 30, "all that was found is in the chain, lost, or held back"


@pytest.mark.parametrize("rule", [Emergency(), WorkWindow()])
def test_rules_that_look_at_every_block_work_block_by_block(rule):
    held = chain(rule=rule)
    held.run(3.0, ON_SCHEDULE)
    before = held.difficulty
    held.run(10.0, ON_SCHEDULE / 20)
    assert held.difficulty < 0.9 * before
    held.run(10.2, ON_SCHEDULE)
    assert held.created == cumulative_subsidy(held.height)


# --- history


def test_the_recorded_hash_rate_of_2021_gives_the_recorded_periods_and_steps():
    # scenarios/parameters/bitcoin_2021.yaml: headers of bitcoinj's checkpoints. A period's length has a sd of
    # 2.2 %, and its edges fall up to a day beside the recorded ones, where the rate moves by up to a quarter.
    recorded = yaml.safe_load((library_folder() / "parameters" / "bitcoin_2021.yaml").read_text())
    days = np.array(list(recorded["period_days"]["value"].values())[1:9])
    bits = list(recorded["bits"]["value"].values())[1:9]
    periods = [
        run("bitcoin_2021", seed, until=125.0).networks["bitcoin"].chain.periods[1:9] for seed in range(4)
    ]
    lengths = np.array([[p.days for p in each] for each in periods])
    steps = np.array([[p.difficulty for p in each] for each in periods])
    assert np.abs(lengths.mean(axis=0) / days - 1).max() < 0.06
    assert np.abs(steps.mean(axis=0) / [difficulty(b) for b in bits] - 1).max() < 0.05
    assert lengths.mean(axis=0).argmax() == 2 and days.max() == 19.435


def test_a_path_of_steps_holds_each_value():
    path = Steps(points={datetime.date(2021, 5, 1): 3.0, datetime.date(2021, 5, 11): 2.0})
    start = datetime.date(2021, 5, 6)
    assert [path.at(t, start) for t in (-9.0, 0.0, 4.99, 5.0, 90.0)] == [3.0, 3.0, 3.0, 2.0, 2.0]


# --- the network


def test_the_supply_is_the_sum_of_the_subsidies_to_the_satoshi():
    world = small()
    network = world.networks["bitcoin"]
    assert world.ledger.supply("BTC") == cumulative_subsidy(network.chain.height)
    assert world.ledger.imbalance("BTC") == world.ledger.imbalance("USD") == 0


def test_at_another_scale_money_is_divided_and_outcomes_are_not():
    one, many = outcomes(small()), outcomes(small(scale=64))
    for name in ("hash_rate_eh_s", "miners.count", "miners.margin", "cost_to_attack_usd", "token.supply"):
        assert many[f"bitcoin.{name}"] == pytest.approx(one[f"bitcoin.{name}"], rel=0.02), name
    assert many["bitcoin.subsidy_usd"] == pytest.approx(one["bitcoin.subsidy_usd"], rel=0.02)


def test_adding_a_group_of_miners_changes_nobody_elses_machines():
    group = {
        "sites": 5,
        "hash_rate": 10.0,
        "size_spread": 0.0,
        "efficiency": 12.0,
        "efficiency_spread": 0.0,
        "electricity": 0.03,
        "electricity_spread": 0.1,
        "other_cost": 0.01,
    }
    plain, more = small(horizon="14 d"), small(horizon="14 d", networks__bitcoin__miners__zhydro=group)
    costs = plain.networks["bitcoin"].miners.daily_cost
    assert more.networks["bitcoin"].miners.daily_cost[:60].tolist() == costs[:60].tolist()


def test_dear_power_switches_sites_off_and_cheap_power_keeps_them():
    dear = {f"networks__bitcoin__miners__{g}__electricity": 0.09 for g in ("newest", "middle", "oldest")}
    base, hit = outcomes(small()), outcomes(small(**dear))
    assert hit["bitcoin.hash_rate_eh_s"] < 0.75 * base["bitcoin.hash_rate_eh_s"]
    assert hit["bitcoin.miners.off"] > base["bitcoin.miners.off"]
    assert hit["bitcoin.miners.efficiency_j_per_th"] < base["bitcoin.miners.efficiency_j_per_th"]
    assert hit["bitcoin.difficulty"] < 0.85 * base["bitcoin.difficulty"]


def test_sites_that_run_earn_and_nobody_earns_more_than_was_found():
    world = small()
    network, ledger = world.networks["bitcoin"], world.ledger
    assert ledger.balance("BTC", network.coinbase) == 0
    held = ledger.accounts("BTC").balances[network.miners.btc.indices]
    assert held.min() >= 0 and 0 < held.sum() < network._posted + network._fees_posted


def test_a_high_price_brings_new_sites_and_a_low_one_none():
    fast = {"networks__bitcoin__entry__lag_low": 10.0, "networks__bitcoin__entry__lag_high": 20.0}
    high = small(networks__bitcoin__token__price=200_000.0, **fast).networks["bitcoin"].miners
    low = small(networks__bitcoin__token__price=40_000.0, **fast).networks["bitcoin"].miners
    assert high.entries > 0 and high.invested_usd > 0
    assert low.entries == 0 and low.exits >= 0


def test_machines_on_order_at_the_start_come_within_the_longest_lag_whatever_they_earn():
    late = {"networks__bitcoin__entry__lag_low": 0.0, "networks__bitcoin__entry__lag_high": 20.0}
    none = {"networks__bitcoin__entry__ceiling": 0.0, "networks__bitcoin__entry__on_order": 11.0}
    sites = small(**late, **none).networks["bitcoin"].miners
    assert sites.entries == 5  # of 2 EH/s each, the eleventh makes no site


def test_sites_that_are_off_for_long_leave():
    world = small(networks__bitcoin__token__price=30_000.0, networks__bitcoin__manners__gives_up=20.0)
    miners = world.networks["bitcoin"].miners
    assert miners.exits > 5
    gone = miners.btc.indices[miners.gone]
    assert world.ledger.accounts("BTC").balances[gone].sum() == 0, "they sold what they held"


def test_sites_come_back_when_the_price_does():
    crash = [
        {
            "kind": "token_price_crash",
            "at": "2026-01-11",
            "network": "bitcoin",
            "drop": 0.6,
            "belief": 0.4,
            "lasts": "50 d",
        }
    ]
    quiet = {"networks__bitcoin__token__speculation__noise": 0.0}
    back = {"networks__bitcoin__token__speculation__fundamental_speed": 50.0}
    miners = small(shocks=crash, **quiet, **back).networks["bitcoin"].miners
    assert miners.stops > 10 and miners.restarts > 5


def test_fees_rise_when_more_is_wanted_than_fits():
    full = small(demand__payments__vbytes=2.2e8)
    empty = small(demand__payments__vbytes=0.5e8)
    assert outcomes(full)["bitcoin.fee_share"] > 3 * outcomes(empty)["bitcoin.fee_share"]
    assert empty.networks["bitcoin"].fee_rate == 1.0
    assert full.networks["bitcoin"].flows.revenue_usd > 0


def test_without_users_there_are_no_fees():
    world = small(demand={})
    assert world.networks["bitcoin"].fees == 0 and outcomes(world)["bitcoin.fee_share"] == 0


def test_demand_follows_its_level():
    step = [{"kind": "demand_step", "at": "2026-01-05", "factor": 2.0, "segments": ["payments"]}]
    assert outcomes(small(shocks=step))["bitcoin.revenue_usd"] > 2 * outcomes(small())["bitcoin.revenue_usd"]


def test_the_security_budget_halves_with_the_subsidy():
    # 100 blocks before the halving of 2028
    world = small(
        networks__bitcoin__chain__height=1_049_900,
        networks__bitcoin__token__supply=cumulative_subsidy(1_049_900) / 1e8,
        networks__bitcoin__token__speculation__noise=0.0,
        record_every="1 d",
    )
    budget = world.recorder.series_table()["bitcoin.security_budget_usd_per_day"][1]
    assert budget[5] / budget[0] == pytest.approx(0.5, abs=0.02)


# --- what miners do to it


def test_half_of_the_miners_stopped_lengthens_the_period_and_difficulty_recovers_with_them():
    found = outcomes(run("attacks/mining_ban", **FEW, horizon="120 d"))
    assert 17.0 < found["bitcoin.longest_period_days"] < 24.0  # up to 14 / (1 - 0.46)
    assert 0.35 < found["bitcoin.difficulty_drawdown"] < 0.6
    assert found["bitcoin.miners.retention"] < 1.0


def test_a_lifted_ban_lets_sites_return():
    ban = {
        "kind": "mining_ban",
        "network": "bitcoin",
        "at": "2026-01-11",
        "lasts": "20 d",
        "share": 0.5,
        "return_share": 1.0,
        "lag_low": "1000 d",
        "lag_high": "1000 d",
    }
    lifted, kept = small(shocks=[ban]), small(shocks=[{**ban, "lasts": None}])
    assert outcomes(lifted)["bitcoin.hash_rate_eh_s"] > 1.5 * outcomes(kept)["bitcoin.hash_rate_eh_s"]


def test_the_selfish_pool_gains_by_withholding_and_honest_mining_does_not():
    attack = "attacks/selfish_mining"
    withheld = outcomes(run(attack, **FEW))
    honest = outcomes(run(attack, **FEW, **{"shocks[0]__withholds": False}))
    counted = outcomes(run(attack, **FEW, networks__bitcoin__difficulty__counts_orphans=True))
    name = "bitcoin.selfish_mining.profit_usd"
    assert withheld[name] > honest[name] > counted[name]
    share = withheld["bitcoin.selfish_mining.revenue_share"]
    assert share == pytest.approx(withheld["bitcoin.selfish_mining.expected_share"], abs=0.03)
    assert withheld["bitcoin.orphaned_share"] > 0.1 and honest["bitcoin.orphaned_share"] == 0


def test_members_are_paid_what_the_pool_found():
    world = run("attacks/selfish_mining", until=60.0, **FEW)
    network = world.networks["bitcoin"]
    running = network.miners.running
    assert running[network._members()].sum() / running.sum() == pytest.approx(0.3, abs=0.12)
    assert world.ledger.supply("BTC") == network.chain.created


def test_fickle_miners_make_the_emergency_rule_swing_and_the_window_does_not_pay_them():
    settings = {"horizon": "40 d"}
    emergency = outcomes(run("attacks/fickle_mining", **settings))
    window = outcomes(
        run("attacks/fickle_mining", **settings, networks__cash__difficulty__kind="work_window")
    )
    absent = outcomes(run("attacks/fickle_mining", **settings, **{"shocks[0]__share": 0.0}))
    name = "cash.fickle_mining."
    assert emergency[name + "issue_ratio"] > 1.2
    assert emergency[name + "fastest_hour_blocks"] > 40
    assert emergency[name + "profit_usd"] > 5 * window[name + "profit_usd"]
    assert 0.7 < window[name + "issue_ratio"] < 1.2
    assert absent[name + "profit_usd"] == 0.0


def test_the_spiral_needs_a_fall_that_outlasts_the_means():
    deep = {"shocks[0]__drop": 0.93, "shocks[0]__belief": 0.07, "networks__bitcoin__manners__reserve": 2.0}
    mild = outcomes(run("attacks/death_spiral", **FEW))
    dire = outcomes(run("attacks/death_spiral", **FEW, **deep))
    assert mild["bitcoin.death_spiral"] == 0.0 and dire["bitcoin.death_spiral"] == 1.0
    assert dire["bitcoin.longest_period_days"] > 2 * mild["bitcoin.longest_period_days"]
    shorter = {"networks__bitcoin__difficulty__period": 144}
    quick = outcomes(run("attacks/death_spiral", **FEW, **shorter))
    assert quick["bitcoin.longest_period_days"] < 4.0


# --- bad input


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("bitcoin", {"networks.bitcoin.token.supply": 19e6}, "created 19969756.25000000 BTC"),
        ("bitcoin", {"networks.bitcoin.hash_rate": 900.0}, "give either 'miners' or 'hash_rate'"),
        ("bitcoin", {"networks.bitcoin.manners": None}, "miners need 'manners'"),
        ("bitcoin", {"networks.bitcoin.token.decimals": 9}, "a bitcoin has 8"),
        ("bitcoin", {"networks.bitcoin.entry.lag_low": 900.0}, "lag_low is above lag_high"),
        ("bitcoin", {"networks.bitcoin.difficulty.period": 1}, "difficulty.period"),
        ("bitcoin", {"demand.payments.network": "elsewhere"}, "unknown network of kind 'bitcoin'"),
        ("attacks/selfish_mining", {"shocks[0].share": 1.5}, "share"),
        ("attacks/mining_ban", {"shocks[0].groups": ["nobody"]}, "unknown group of miners 'nobody'"),
        ("attacks/fickle_mining", {"shocks[0].home": "cash"}, "another chain"),
    ],
)
def test_what_does_not_fit_is_refused(name, changes, message):
    with pytest.raises(ScenarioError, match=message):
        simdai.load(name, set=changes)


def test_a_pool_needs_miners():
    selfish = {"kind": "selfish_mining", "network": "bitcoin", "at": "2021-06-01", "share": 0.3, "reach": 0.5}
    with pytest.raises(ScenarioError, match="nobody to join a pool"):
        simdai.load("bitcoin_2021", set={"shocks": [selfish]})


def test_dated_points_make_a_scenario_that_can_be_kept():
    scenario = simdai.load("bitcoin_2021")
    assert '"2021-07-03"' in scenario.canonical and len(scenario.hash) == 64
