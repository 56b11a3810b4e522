"""Miners, validators, stakers, founders and customers of Bittensor: what they do when something changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.bittensor_worlds import TYPE, network, simulation

RAO = 10**9
STILL = {"token.speculation": {"kind": "none"}, "miners.drift": 0.0, "validators.honest.noise": 0.0}


def run(changes: dict[str, Any] | None = None, until: float = 10.0, **keywords: Any) -> Any:
    """The network when some days have been settled; each recording checks what is conserved."""
    sim = simulation(changes, **keywords)
    sim.run(until=until + 1e-6)
    sim.world.recorder.record()
    return network(sim)


def outcome(net: Any, name: str) -> float:
    return float(net.world.recorder.outcomes()[f"bittensor.{name}"][0])


# --- miners


def test_miners_work_harder_where_there_is_more_to_share():
    poor, rich = run({"token.price": 25.0}, until=15.0), run({"token.price": 2500.0}, until=15.0)
    assert outcome(rich, "language.quality") > outcome(poor, "language.quality")
    assert rich.miners.effort.mean() > poor.miners.effort.mean()


def test_better_miners_earn_more_the_more_so_the_sharper_the_weights():
    flat, sharp = (
        run({"types.plain.sharpness": 1.0}, until=10.0),
        run({"types.plain.sharpness": 6.0}, until=10.0),
    )
    for net in (flat, sharp):
        slot = net.subnets["text_1"].slot
        works = net.miners.works[slot]
        assert np.corrcoef(net.miners.quality[slot][works], net.payday.incentive[slot][works])[0, 1] > 0.7
    assert outcome(sharp, "miners.gini") > outcome(flat, "miners.gini") + 0.1


def test_miners_who_lose_money_leave_and_their_uid_is_taken_by_whoever_comes():
    costly = run({"types.plain.miner_cost": 400_000.0, "miners.least_effort": 0.5, "miners.exit_hazard": 0.3})
    cheap = run({"types.plain.miner_cost": 400.0, "miners.exit_hazard": 0.3})
    assert outcome(costly, "miners.left") > 20 > outcome(cheap, "miners.left")
    assert outcome(costly, "miners.joined") == 0
    assert outcome(cheap, "miners.joined") > outcome(cheap, "miners.pruned") > 0
    assert outcome(costly, "miners.retention") < 0.7


def test_a_registration_is_paid_into_the_pool_and_its_alpha_destroyed():
    none, some = (
        run({**STILL, "miners.candidates": 0.0}, until=5.0),
        run({**STILL, "first_uid_price": 50.0}, until=5.0),
    )
    assert outcome(none, "miners.joined") == 0 < outcome(some, "miners.joined")
    assert some.chain.alpha_issued.sum() < none.chain.alpha_issued.sum()


def test_a_high_price_of_a_uid_keeps_newcomers_out():
    dear = run({"uid_price.minimum": 1000.0, "uid_price.maximum": 1000.0, "first_uid_price": 1000.0})
    assert outcome(dear, "miners.joined") < outcome(run(), "miners.joined")


def test_a_newcomer_earns_nothing_until_it_is_looked_at_whoever_had_its_uid_before():
    rarely = {**STILL, "types.plain.occupied": 1.0, "validators.honest.every": 30.0}
    net = run(rarely, until=8.0)
    slot = net.subnets["text_1"].slot
    fresh = net.chain.registered_at[slot, net.miners.first :] > 0
    assert fresh.any()
    assert (net.payday.incentive[slot][fresh] == 0).all()
    daily = run({**rarely, "validators.honest.every": 1.0}, until=8.0)
    fresh = daily.chain.registered_at[slot, daily.miners.first :] > 0
    assert (daily.payday.incentive[slot][fresh] > 0).any()


# --- validators


def test_noise_pays_worse_miners():
    exact, noisy = run(STILL), run({**STILL, "validators.honest.noise": 3.0, "validators.honest.memory": 0.0})
    assert outcome(noisy, "language.quality") < outcome(exact, "language.quality")


def test_where_evaluation_is_dear_a_child_key_votes_for_the_small():
    cheap, dear = run({"validators.honest.cost": 0.0}), run({"validators.honest.cost": 1e5})
    assert outcome(cheap, "validators.per_subnet") == 4
    assert outcome(dear, "validators.per_subnet") == 1
    assert (dear.payday.weight > 0).sum() == 3
    # the small still get dividends for their stake, less the child take
    assert (dear.last.rest > 0).all()


def test_a_higher_take_leaves_less_to_stakers():
    low, high = run({**STILL, "validators.honest.take": 0.05}), run({**STILL, "validators.honest.take": 0.5})
    assert outcome(high, "emission.validators_share") == pytest.approx(
        10 * outcome(low, "emission.validators_share"), rel=0.05
    )
    assert outcome(high, "emission.stakers_share") < outcome(low, "emission.stakers_share")


def test_copiers_save_the_work_and_vote_what_the_others_vote():
    group = {
        "count": 2, "stake": 0.5, "own": 0.1, "noise": 0.0, "memory": 0.0, "every": 1.0,
        "cost": 0.0, "take": 0.18, "child_take": 0.18, "sold": 0.5,
    }  # fmt: skip
    net = run({**STILL, "validators.honest.stake": 0.5, "validators.lazy": {**group, "strategy": "copy"}})
    assert net.electorate.spending[:, 4:].sum() == 0
    rows = net.electorate.in_force[net.subnets["text_1"].slot]
    assert (rows[4] == rows[5]).all()
    assert np.corrcoef(rows[4], rows[0])[0, 1] > 0.95


def test_revealed_weights_come_one_step_late_for_each_step_of_delay():
    soon = {**STILL, "step": 0.05, "validators.honest.every": 0.05, "validators.honest.memory": 0.0}
    nets = [run({**soon, "consensus.reveal_period": period}, until=1.0) for period in (0, 1, 5)]
    assert [len(net.electorate.ballots[0]) for net in nets] == [1, 1, 5]


# --- stakers


def test_money_follows_yield_and_leaves_where_it_falls():
    calm = {**STILL, "stakers.public.trend": 0.0, "stakers.public.speed": 0.1}
    fixed, eager = (
        run({**calm, "stakers.public.sensitivity": 0.0}),
        run({**calm, "stakers.public.sensitivity": 20.0}),
    )
    assert outcome(eager, "velocity") > outcome(fixed, "velocity")


def test_who_leaves_root_raises_the_price_of_alpha():
    stay, go = run(STILL, until=20.0), run({**STILL, "stakers.public.migration": 0.02}, until=20.0)
    assert outcome(go, "alpha.price_sum") > outcome(stay, "alpha.price_sum")
    assert outcome(go, "root_share") < outcome(stay, "root_share")


def test_claims_on_root_are_swapped_or_kept_as_alpha():
    busy = {**STILL, "stakers.public.speed": 0.0}
    swap, keep = run(busy), run({**busy, "stakers.public.claim": "keep"})
    assert keep.chain.root.sum() < swap.chain.root.sum()
    assert keep.chain.alpha.sum() > swap.chain.alpha.sum()


def test_without_a_price_sum_above_one_root_earns_nothing():
    cheap = run({**STILL, "subnets.text.price": 0.1, "stakers.public.speed": 0.0})
    assert cheap.last.claims.sum() == 0
    assert run(STILL).last.claims.sum() > 0


def test_the_restless_choose_another_validator():
    calm, restless = run({"stakers.public.loyalty": 1e9}), run({"stakers.public.loyalty": 1.0}, until=20.0)
    before = network(simulation()).chain.delegate
    assert (calm.chain.delegate == before).all()
    assert (restless.chain.delegate != before).any()


# --- owners, customers, founders


def test_customers_spend_on_quality_and_choose_the_best_subnet():
    net = run(until=10.0)
    users = net.world.demand["readers"]
    assert users.spent == pytest.approx(net.revenue_usd)
    one, two = net.subnets["text_1"], net.subnets["text_2"]
    best, other = (one, two) if one.quality_index > two.quality_index else (two, one)
    paid = users.payments(1.0)
    assert paid[best.slot] / paid[other.slot] == pytest.approx(
        (best.quality_index / other.quality_index) ** 2
    )
    users.level = 3.0
    assert sum(users.payments(1.0).values()) == pytest.approx(3 * sum(paid.values()))


def test_a_buyback_destroys_alpha_and_lifts_its_price():
    spend = {**STILL, ".demand.readers.spend": 2e6}
    plain, back = run(spend), run({**spend, "types.plain.buyback": 1.0})
    slot = plain.subnets["text_1"].slot
    assert back.chain.prices[slot] > plain.chain.prices[slot]
    assert back.chain.alpha_issued[slot] < plain.chain.alpha_issued[slot]


def test_a_grant_pays_usd_out_of_the_miners_incentive():
    sim = simulation(STILL)
    subnet = network(sim).subnets["text_1"]
    sim.world.ledger.open("run")
    grant = subnet.fund("run", 0.25)
    with pytest.raises(ValueError, match="0.75 is left"):
        subnet.fund("run", 0.8)
    sim.run(until=5.0 + 1e-6)
    sim.world.recorder.record()
    got = sim.world.ledger.holding("USD", "run")
    assert got == pytest.approx(0.25 * subnet.emission_usd_per_day * 5, rel=0.1)
    grant.share = 0.0
    sim.run(until=7.0 + 1e-6)
    before = sim.world.ledger.holding("USD", "run")
    sim.run(until=9.0 + 1e-6)
    assert sim.world.ledger.holding("USD", "run") == before


FOUNDERS = {
    "types": {
        "plain": TYPE,
        "founded": {
            **TYPE,
            "age": 0.0,
            "alpha": 0.0,
            "alpha_in_pool": 1.0,
            "owner_held": 0.0,
            "occupied": 0.0,
        },
    },
    "founders": {
        "chances": 5.0,
        "payback": 365.0,
        "type": "founded",
        "domains": {"language": 1.0, "robots": 1.0},
    },
    "places.rate_limit": 7200,
}


def test_founders_take_free_places_at_a_price_that_doubles():
    net = run({**FOUNDERS, "places.limit": 5, "places.immunity": 10**7}, until=6.0)
    assert outcome(net, "subnets.registered") == 2
    assert outcome(net, "subnets.count") == 5
    new = [s for name, s in net.subnets.items() if name.startswith("subnet_")]
    assert len(new) == 2 and all(s.alive and s.emission_usd_per_day == 0 for s in new)
    # 1,250 TAO eight days before the start, an eighth less a day later; then twice that, less an eighth
    assert net.founders.last_lock / RAO == pytest.approx(1093.75 * (2 - 1 / 8), rel=1e-6)


def test_a_new_subnet_starts_late_and_gets_tao_when_root_says_so():
    net = run(
        {**FOUNDERS, "places.limit": 4, "places.start_delay": 2.0, "places.enabled_after": 4.0}, until=12.0
    )
    new = next(s for name, s in net.subnets.items() if name.startswith("subnet_"))
    assert net.chain.alpha_issued[new.slot] > net.chain.reserves[0][new.slot]
    assert net.coinbase.tao[new.slot] > 0
    assert outcome(net, "miners.joined") > 0


def test_when_all_places_are_taken_the_cheapest_gives_way_and_its_holders_are_paid():
    changes = {**FOUNDERS, "places.limit": 3, "places.immunity": 0, "stakers.public.speed": 0.0}
    sim = simulation(changes)
    net = network(sim)
    gone = net.subnets["images"]
    staked = int(net.chain.root.sum() + net.chain.wallet.sum())
    sim.run(until=3.0 + 1e-6)
    sim.world.recorder.record()
    assert not gone.alive and gone.emission_usd_per_day == 0
    assert sim.world.ledger.supply("bittensor.images") == 0
    # of 200,000 TAO in the pool the nine tenths of two thirds of the alpha that holders had: 120,000
    got = int(net.chain.root.sum() + net.chain.wallet.sum()) - staked
    assert got / RAO == pytest.approx(120_000, rel=0.05)
    assert outcome(net, "owners.retention") == pytest.approx(2 / 3)


def test_an_immune_subnet_stays():
    net = run({**FOUNDERS, "places.limit": 3, "places.immunity": 10**7}, until=5.0)
    assert outcome(net, "subnets.registered") == 0


def test_what_the_network_creates_can_be_turned_down():
    sim = simulation(STILL)
    net = network(sim)
    net.change_emission(0.5)
    sim.run(until=2.0 + 1e-6)
    assert net.emission_level == 0.5
    assert net.coinbase.tao.sum() / RAO == pytest.approx(3600.0)
    assert net.flows.subsidy_usd > 0 and net.flows.revenue_usd > 0


def test_one_more_validator_group_changes_no_other_validator_s_luck():
    one = run(until=3.0)
    more = {
        "count": 1, "stake": 0.0, "own": 0.0, "noise": 0.2, "memory": 3.0, "every": 1.0,
        "cost": 100.0, "take": 0.18, "child_take": 0.18, "sold": 0.8,
    }  # fmt: skip
    two = run({"validators.another": more, "uids": 25}, until=3.0)
    slot = one.subnets["text_1"].slot
    assert two.electorate.score[slot].shape[1] == one.electorate.score[slot].shape[1]
    names = [who.name for who in two.electorate.people]
    kept = [names.index(who.name) for who in one.electorate.people]
    quality = two.miners.quality[slot] / one.miners.quality[slot]
    relative = two.electorate.score[slot][kept] / one.electorate.score[slot]
    np.testing.assert_allclose(relative, np.broadcast_to(quality, relative.shape), rtol=0.05)
