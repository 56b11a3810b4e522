"""Bittensor's chain in a running network: eras, emission, pools, consensus, holdings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simdai.errors import ScenarioError
from simdai.mechanisms.dtao import block_emission
from simdai.networks.bittensor_pools import PoolShape
from simdai.networks.bittensor_rules import UidPrice
from simdai.registry import get
from tests.unit.bittensor_worlds import CONSENSUS, TYPE, network, scenario, simulation

RAO = 10**9
SUPERELLIPSE = {"kind": "superellipse", "fee_u16": 33}
PRODUCT = {"kind": "constant_product", "fee_u16": 33}
BALANCER = {"kind": "balancer", "fee_u16": 33}
ROOT_VOTES = {"kind": "root_votes", "kappa": 0.5, "rho": 10.0}
FLOW = {"kind": "flow", "smoothing": 3.209e-6, "cutoff": 0.0, "exponent": 1.0, "net": False}
QUIET = {"token.speculation": {"kind": "none"}, "miners.drift": 0.0}


def run(changes: dict[str, Any] | None = None, until: float = 10.0, **keywords: Any) -> Any:
    """The network when some days have been settled; each recording checks what is conserved."""
    sim = simulation(changes, **keywords)
    sim.run(until=until + 1e-6)
    sim.world.recorder.record()
    return network(sim)


def outcome(net: Any, name: str) -> float:
    return float(net.world.recorder.outcomes()[f"bittensor.{name}"][0])


# --- emission


def test_a_day_issues_half_a_tao_a_block_and_an_alpha_a_block_for_each_subnet():
    net = run(until=1.0)
    issued = net.chain.issuance - round(1.06e7) * RAO
    assert 3600 * RAO - 3 * 7200 <= issued <= 3600 * RAO  # each part of a block is cut to whole rao
    outside = net.chain.alpha_outside[:3]
    assert (outside <= 2_000_000 * RAO + 7200 * RAO).all()
    assert outcome(net, "emission.tao") == pytest.approx(3600.0)


def test_the_halving_comes_at_its_issuance_in_the_middle_of_a_step():
    # 900 TAO before half of all TAO exists, a block creates a whole one: then half of one
    net = run({"token.supply": 10_499_100.0}, until=1.0)
    issued = (net.chain.issuance - 10_499_100 * RAO) / RAO
    assert issued == pytest.approx(900 + (7200 - 900) / 2, abs=1.0)
    assert block_emission(net.chain.issuance) == RAO // 2


def test_shares_follow_prices_and_what_miners_keep():
    net = run({"types.plain.withheld": 0.5}, until=3.0)
    chain, share = net.chain, net.coinbase.share
    # validators let owners have half everywhere, so that prices alone decide
    # the consensus on each miner lies below what validators give it, that on the owner does not
    np.testing.assert_allclose(chain.miner_burned, 0.5, atol=0.03)
    before = chain.price_ema / chain.price_ema.sum()
    np.testing.assert_allclose(share, before, rtol=0.03)


def test_the_gate_leaves_small_subnets_little():
    plain = run(until=2.0)
    gated = run({"emission.shares.hill": {"quantile": 0.5, "exponent": 3.0}}, until=2.0)
    small = gated.subnets["images"].slot
    assert 0 < gated.coinbase.share[small] < 0.3 * plain.coinbase.share[small]
    assert gated.coinbase.share.sum() == pytest.approx(1.0)


def test_a_disabled_subnet_gets_no_tao_but_pays_its_people():
    types = {"plain": TYPE, "off": {**TYPE, "enabled": False}}
    net = run({"types": types, "subnets.images.type": "off"}, until=2.0)
    slot = net.subnets["images"].slot
    assert net.coinbase.tao[slot] == 0
    assert net.subnets["images"].emission_usd_per_day > 0
    assert outcome(net, "subnets.paying") == 2


def test_what_cannot_be_injected_buys_alpha_that_is_kept_or_recycled():
    kept = run(until=2.0)
    recycled = run({"emission.injection": {"cap": "root_proportion", "bought": "recycled"}}, until=2.0)
    assert kept.chain.protocol.sum() > 0 == recycled.chain.protocol.sum()
    assert recycled.chain.alpha_issued.sum() < kept.chain.alpha_issued.sum()
    whole = run({"emission.injection": {"cap": "alpha_emission", "bought": "kept"}}, until=2.0)
    assert whole.coinbase.bought.sum() < kept.coinbase.bought.sum()


def test_under_flow_a_subnet_without_inflow_gets_nothing():
    flows = {"subnets.text.flow": 100.0, "subnets.images.flow": -100.0, "emission.shares": FLOW}
    net = run({**flows, **QUIET}, until=1.0)
    assert net.coinbase.tao[net.subnets["images"].slot] == 0
    assert net.coinbase.tao[net.subnets["text_1"].slot] > 0


def test_flow_averages_rise_with_what_is_staked_and_start_from_nothing():
    net = run({"emission.shares": FLOW, "stakers.public.migration": 0.05}, until=5.0)
    # six million TAO on root move at 2 % a day of what they want: thousands of TAO a day flow in
    assert (net.chain.user_flow > 0).all()
    assert (run(until=5.0).chain.user_flow == 0).all(), "nobody looks at flows under the price rule"


def test_a_shorter_step_tells_the_same_story():
    quiet = {**QUIET, "validators.honest.noise": 0.0, "miners.candidates": 0.0}
    days, tempos = run(quiet, until=4.0), run({**quiet, "step": 0.05}, until=4.0)
    assert outcome(tempos, "emission.tao") == pytest.approx(outcome(days, "emission.tao"), rel=1e-6)
    np.testing.assert_allclose(tempos.chain.prices, days.chain.prices, rtol=0.02)
    np.testing.assert_allclose(tempos.chain.price_ema, days.chain.price_ema, rtol=1e-3)


# --- pools and eras


@pytest.mark.parametrize("shape", [PRODUCT, BALANCER, SUPERELLIPSE], ids=lambda shape: shape["kind"])
def test_a_network_lives_on_every_shape_of_pool(shape):
    net = run({"pool": shape}, until=5.0)
    assert (net.chain.prices > 0).all()


def test_pools_change_their_shape_on_its_date_with_reserves_and_price():
    dated = [
        {"rule": PRODUCT},
        {"from": "2026-01-03", "rule": BALANCER},
        {"from": "2026-01-05", "rule": SUPERELLIPSE},
    ]
    sim = simulation({"pool": dated, **QUIET}, seed=1)
    for day, kind in ((1.5, "ConstantProductPool"), (2.5, "BalancerPool"), (4.5, "SuperellipsePool")):
        sim.run(until=day)
        assert {type(pool).__name__ for pool in network(sim).chain.pools} == {kind}
    prices = [1.0, 0.02]
    for shape in (BALANCER, SUPERELLIPSE):
        rule = get("subnet_pool", shape["kind"])(fee_u16=33)
        pools = [rule.open(10**15, 2 * 10**13, price) for price in prices]
        assert [(pool.alpha, pool.tao) for pool in pools] == [(10**15, 2 * 10**13)] * 2
        assert [pool.price for pool in pools] == pytest.approx(prices, rel=1e-9)


def test_the_books_balance_between_a_change_of_rules_and_the_next_step():
    sim = simulation({"step": 5.0, "pool": [{"rule": PRODUCT}, {"from": "2026-01-08", "rule": BALANCER}]})
    sim.run(until=8.5)  # the rules change on day 7, the next step comes on day 10
    sim.world.recorder.record()
    assert network(sim).chain.block == 7 * 7200


@pytest.mark.parametrize("kind", ["constant_product", "balancer", "superellipse"])
@pytest.mark.parametrize("sell", [True, False])
def test_a_trade_moves_the_price_against_the_trader_and_loses_nothing(kind, sell):
    pool = get("subnet_pool", kind)(fee_u16=33).open(10**15, 2 * 10**13, 0.02)
    assert isinstance(get("subnet_pool", kind), type) and issubclass(get("subnet_pool", kind), PoolShape)
    before = pool.alpha, pool.tao, pool.price
    trade = pool.trade(10**12, sell)
    assert trade.fee == 10**12 * 33 // 65535
    moved = (pool.alpha - before[0], pool.tao - before[1])
    assert moved == ((10**12 - trade.fee, -trade.out) if sell else (-trade.out, 10**12 - trade.fee))
    assert (pool.price < before[2]) == sell
    assert pool.trade(0, sell).out == 0


def test_liquidity_goes_in_at_the_price_and_a_lopsided_pool_refuses_it():
    pool = get("subnet_pool", "balancer")(fee_u16=33).open(10**15, 2 * 10**13, 0.02)
    assert pool.inject(10**12, 2 * 10**10)
    assert pool.price == pytest.approx(0.02, rel=1e-12)
    assert not pool.inject(10**18, 0), "its weight would leave [0.01, 0.99]"
    assert pool.alpha == 10**15 + 10**12


def test_a_pool_takes_no_more_than_its_curve_allows():
    pool = get("subnet_pool", "superellipse")(fee_u16=0).open(10**12, 10**12, 1.0)
    trade = pool.trade(10**13, sell=True)
    assert trade.paid < 10**12
    assert trade.out < 10**12
    assert pool.tao > 0


def test_before_alpha_participants_are_paid_in_tao_and_at_its_launch_all_stake_is_on_root():
    dated = {
        "pool": [{"rule": {"kind": "none"}}, {"from": "2026-01-05", "rule": PRODUCT}],
        "emission.shares": [
            {"rule": ROOT_VOTES},
            {"from": "2026-01-05", "rule": {"kind": "price", "burn_penalty": False}},
        ],
        "stakers.public.curiosity": 0.0,
    }
    sim = simulation(dated, seed=1)
    sim.run(until=3.5)
    net = network(sim)
    assert not net.chain.has_alpha and not net.chain.alpha.any()
    assert net.chain.root.sum() > 5_000_000 * RAO, "dividends are staked"
    assert net.subnets["text_1"].emission_usd_per_day > 0
    assert outcome(net, "emission.tao") == pytest.approx(3 * 3600, rel=1e-6)
    issuance = net.chain.issuance
    sim.run(until=4.5)
    # beside the first UIDs that were bought with TAO
    assert [pool.tao for pool in net.chain.pools] == pytest.approx([100 * RAO] * 3, rel=1e-3)
    assert [pool.price for pool in net.chain.pools] == pytest.approx([1.0] * 3, rel=1e-3)
    sim.run(until=8.0)
    sim.world.recorder.record()
    assert net.chain.issuance > issuance
    assert (net.chain.alpha_outside > 0).all()


LAUNCH = {
    "step": 2.0,
    ".record_every": "2 d",
    "pool": [{"rule": {"kind": "none"}}, {"from": "2026-01-04", "rule": PRODUCT}],
    "emission.shares": [
        {"rule": ROOT_VOTES},
        {"from": "2026-01-04", "rule": {"kind": "price", "burn_penalty": False}},
    ],
    "emission.injection": {"cap": "alpha_emission", "bought": "recycled"},
    "launch_pool": 1.0,
}


def test_no_tao_is_lost_when_alpha_begins_without_average_prices():
    # alpha begins within a step; two blocks, in which no subnet has an average price, create nothing
    net = run(LAUNCH, until=6.0)
    assert outcome(net, "emission.tao") == pytest.approx(6 * 3600 - 2 * 0.5, rel=1e-6)


@pytest.mark.parametrize("scale", [5, 7])
def test_books_balance_where_neither_supply_nor_stake_is_a_whole_number_of_units(scale):
    odd = {"token.supply": 10_612_345.678912345, "root_stake": 5_012_345.123456789, ".scale": scale}
    net = run({**LAUNCH, **odd}, until=6.0)  # each recording, here and at the launch of alpha, checks
    assert net.world.ledger.supply("TAO") == net.chain.issuance // scale


def test_alpha_that_holders_get_to_know_by_and_by_is_never_worth_more_than_all_tao():
    curious = {**LAUNCH, **QUIET, "step": 7.0, "stakers.public.curiosity": 0.5}
    slow, sudden = (
        run({**curious, "stakers.public.acquaintance": days}, until=27.0) for days in (280.0, 0.0)
    )
    worth = [float((net.chain.alpha_outside * net.chain.prices).sum()) for net in (slow, sudden)]
    # of half their wealth, wanted at once, holders put 13 % in a step into pools of a few thousand TAO
    assert worth[0] < 0.01 * slow.chain.issuance and worth[1] > sudden.chain.issuance
    # in the long run a TAO a block buys what is sold of an alpha a block of each subnet
    assert 0.1 < outcome(slow, "alpha.price_sum") < 10.0


def test_what_is_new_is_wanted_in_proportion_to_those_who_know_it():
    net = run(
        {**LAUNCH, **QUIET, "stakers.public.curiosity": 0.5, "stakers.public.acquaintance": 10.0}, until=23.0
    )
    # the pools are there since day 3, and the first step after that is on day 4: ten steps until day 22
    known = 1.0 - net.portfolios.unknown[:, :3]
    assert known == pytest.approx(np.full_like(known, 1.0 - np.exp(-20.0 / 10.0)))
    assert (net.portfolios.unknown[:, -1] == 0.0).all(), "everybody knows root"


def test_flows_count_from_the_block_in_which_their_rule_comes():
    dated = [{"rule": {"kind": "price", "burn_penalty": False}}, {"from": "2026-01-04", "rule": FLOW}]
    inflow = {"step": 2.0, ".record_every": "2 d", "stakers.public.migration": 0.05}
    # the step in which the rule comes is paid by the flows of the step before, the next one by its own
    net = run({**inflow, "emission.shares": dated}, until=4.0)
    assert outcome(net, "emission.tao") == pytest.approx(4 * 3600, rel=1e-6)


def test_a_root_vote_for_a_favourite_moves_emission():
    era = {"pool": {"kind": "none"}, "emission.shares": ROOT_VOTES}
    fair = run(era, until=2.0)
    biased = run({**era, "validators.honest.favoured": 0.9}, until=2.0)
    assert np.ptp(biased.coinbase.share) > np.ptp(fair.coinbase.share)


def test_rules_that_change_within_a_step_hold_for_the_blocks_after_their_date():
    dated = [
        {"rule": {"kind": "price", "burn_penalty": False}},
        {
            "from": "2026-01-02",
            "rule": {"kind": "flow", "smoothing": 0.0, "cutoff": 0.0, "exponent": 1.0, "net": False},
        },
    ]
    # without any flow nobody gets TAO: one of the two days of the step
    net = run({"step": 2.0, "emission.shares": dated, ".record_every": "1 d"}, until=2.0)
    assert outcome(net, "emission.tao") == pytest.approx(3600.0)


def test_registration_prices_change_their_rule_by_date():
    decaying = get("uid_price", "decaying")(half_life=360, multiplier=1.26, minimum=0.0005, maximum=100.0)
    adjusted = get("uid_price", "adjusted")(interval=100, target=2, kept=0.0, minimum=0.0005, maximum=100.0)
    assert all(isinstance(rule, UidPrice) for rule in (decaying, adjusted))
    assert decaying.bumped(RAO) == 1_260_000_000
    assert decaying.later(RAO, 0, 0, 360)[0] == pytest.approx(RAO / 2, rel=1e-6)
    # an interval with 4 registrations at a target of 2: (4 + 2) / 4; the next one, with none, halves
    assert adjusted.bumped(RAO) == RAO
    assert adjusted.later(RAO, 4, 0, 99) == (RAO, 4)
    assert adjusted.later(RAO, 4, 0, 100) == (1_500_000_000, 0)
    assert adjusted.later(RAO, 4, 0, 200) == (750_000_000, 0)


# --- holdings


def test_every_account_of_tao_and_alpha_is_what_the_chain_holds():
    net = run(until=7.0)
    ledger, chain = net.world.ledger, net.chain
    assert ledger.supply("TAO") == chain.issuance
    held = chain.reserves[1].sum() + chain.root.sum() + chain.wallet.sum() + net.books.purse.sum()
    assert ledger.balance("TAO", "bittensor.root[0]") == chain.root[0]
    public = sum(
        ledger.balance("TAO", f"bittensor.{who}") for who in ("holders", "traders", "pool", "treasury")
    )
    assert int(held) + chain.author_tao + public == chain.issuance
    for name, subnet in net.subnets.items():
        slot = subnet.slot
        assert ledger.supply(f"bittensor.{name}") == chain.alpha_issued[slot]
        assert ledger.balance(f"bittensor.{name}", f"bittensor.{name}.pool") == chain.pools[slot].alpha


def test_at_another_scale_everything_real_stays_the_same():
    one = run(QUIET, until=7.0)
    many = run({**QUIET, ".scale": 1000}, until=7.0)
    for name in (
        "emission.tao",
        "token.price_usd",
        "alpha.price_sum",
        "miners.margin",
        "revenue_usd",
        "subsidy_usd",
    ):
        assert outcome(many, name) == pytest.approx(outcome(one, name), rel=1e-5), name


def test_a_fractional_scale_is_refused():
    with pytest.raises(ScenarioError, match="whole rao"):
        scenario({".scale": 1.5})


def test_fees_go_to_the_authors_of_blocks():
    net = run(until=3.0)
    assert net.chain.authors.all()
    assert net.chain.author_tao > 0


# --- consensus


def test_most_epochs_of_a_day_see_what_the_first_one_saw():
    net = run(until=7.0)
    assert outcome(net, "epochs.count") == 3 * 7 * 20
    assert outcome(net, "epochs.saved_share") > 0.9


def test_without_noise_or_drift_bonds_come_to_rest_and_epochs_are_known_in_advance():
    still = {**QUIET, "validators.honest.every": 60.0, "miners.candidates": 0.0, "miners.exit_hazard": 0.0}
    assert outcome(run(still, until=20.0), "epochs.at_rest_share") > 0.3


def test_hyperparameters_change_by_date():
    dated = [{"rule": CONSENSUS}, {"from": "2026-01-04", "rule": {**CONSENSUS, "kappa": 0.9}}]
    net = run({"consensus": dated}, until=5.0)
    assert net.payday.subnets[0].params["kappa_u16"] == round(0.9 * 65535)


def test_the_owner_s_cut_is_eighteen_hundredths_and_the_rest_is_shared_in_halves():
    net = run(until=5.0)
    assert outcome(net, "emission.owners_share") == pytest.approx(0.18, abs=0.002)
    assert outcome(net, "emission.miners_share") == pytest.approx(0.41, abs=0.01)
    assert outcome(net, "emission.validators_share") + outcome(
        net, "emission.stakers_share"
    ) == pytest.approx(0.41, abs=0.01)


def test_incentive_withheld_is_burned_but_counted_or_recycled_and_gone():
    burned = run({"types.plain.withheld": 0.4}, until=5.0)
    recycled = run({"types.plain.withheld": 0.4, "types.plain.recycled": True}, until=5.0)
    assert burned.chain.burned.all() and not recycled.chain.burned.any()
    assert outcome(burned, "emission.nobody_share") == pytest.approx(0.41 * 0.4, abs=0.01)
    assert (recycled.chain.alpha_issued < burned.chain.alpha_issued).all()


# --- bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token.decimals": 8}, "TAO has 9"),
        ({"uids": 5}, "need more"),
        ({"step": 0.01}, "whole number of tempos"),
        ({"root_stake": 1.06e7}, "what the public holds"),
        ({"validators.honest.stake": 0.5}, "must sum to 1"),
        ({"stakers.public.wealth": 0.5}, "must sum to 1"),
        ({"subnets.images.type": "fancy"}, "fancy is named"),
        ({"places.limit": 2}, "places.limit allows"),
        ({"emission.shares.hill": {"exponent": 3.0}}, "quantile"),
        ({"types.plain.alpha_in_pool": 0.0}, "above zero"),
        ({"pool": [{"rule": PRODUCT}, {"from": "2026-02-01", "rule": {"kind": "none"}}]}, "does not end"),
        ({".demand.readers.domain": "chess"}, "chess"),
        ({".demand.readers.network": "bitensor"}, "bittensor"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(changes, message):
    with pytest.raises(ScenarioError, match=message):
        scenario(changes)
