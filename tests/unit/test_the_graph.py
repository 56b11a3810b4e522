"""The Graph on the clock: what is created, paid, locked and slashed, and how everybody answers."""

import random

import numpy as np
import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.indexing_book import RewardBook
from simdai.networks.the_graph_rewards import Rewards, whole_zeros
from simdai.networks.the_graph_rules import WEI, wei
from tests.graph_worlds import CONVEX, HORIZON, INDEXERS, LEGACY, ORACLE, SLASHING, WORLD, Ran, scenario

UNIT = 10**10  # wei of a base unit of the ledger


def objects(*numbers):
    return np.array(numbers, dtype=object)


# --- rewards


def test_the_columns_of_rewards_equal_the_book_after_any_events():
    luck = random.Random(7)
    columns, book, block = Rewards(3, 4, 120 * WEI, 5 * WEI), RewardBook(120 * WEI, 5 * WEI), 0
    for _ in range(250):
        block += luck.randrange(400)
        i, j = luck.randrange(3), luck.randrange(4)
        match luck.choice(("signal", "size", "take", "deny")):
            case "signal":
                tokens = luck.randint(1, 10**21)
                columns.add_signal(block, np.array([j]), objects(tokens))
                book = book.signal(block, j, tokens)
            case "size":
                tokens = luck.randint(1, 10**25)
                columns.resize(block, i, np.array([j]), objects(tokens))
                known = (i, j) in book.allocations
                book = (
                    book.resize(block, (i, j), tokens) if known else book.allocate(block, (i, j), j, tokens)
                )
            case "take" if (i, j) in book.allocations:
                before = book.allocations[i, j]
                earned = columns.clear(block, i, np.array([j]))[0]
                book = book.take(block, (i, j))
                after = book.allocations[i, j]
                assert earned == after.paid - before.paid + after.reclaimed - before.reclaimed
            case "deny":
                denied = luck.random() < 0.3
                columns.deny(block, j, denied)
                book = book.deny(block, j, denied)
    columns.settle(block + 9)
    book = book.settle(block + 9)
    for j, state in book.subgraphs.items():
        assert (columns.per_token[j], columns.accrued[j]) == (state.per_token, state.accrued)
        assert (columns.reclaimed[j], columns.allocated[j]) == (state.reclaimed, state.allocated)
    assert (columns.per_signal, columns.unclaimable) == (book.per_signal, book.unclaimable)
    columns.check()


def test_with_every_subgraph_signalled_and_allocated_rewards_sum_to_the_issuance_exactly():
    rewards = Rewards(2, 4, wei(120.73), 0)
    js, each = np.arange(4), whole_zeros(4)
    rewards.add_signal(0, js, each + 25 * WEI)  # shares that divide: floors take nothing
    for i in range(2):
        rewards.resize(0, i, js, each + 10**24)
    taken = sum(int(rewards.clear(block, i, js).sum()) for block in (7_200, 100_000) for i in range(2))
    assert taken == rewards.issued == 100_000 * wei(120.73)
    assert rewards.unclaimable == int(rewards.reclaimed.sum()) == 0


def test_all_that_is_issued_is_paid_claimable_or_lost_to_floors_below_a_gwei():
    ran = Ran()
    rewards = ran.graph.rewards
    rewards.settle(ran.graph.chain.block)
    claimable = sum(int(rewards.claimable(i).sum()) for i in range(4))
    left = rewards.issued - rewards.paid - claimable
    assert ran["emission.nobody"] == 0
    assert 0 <= left < 10**9
    assert rewards.issued == wei(120.73) * 7_200 * 60


def test_the_ledger_shows_the_protocols_wei_to_a_base_unit():
    ran = Ran()
    accounts, ledger = ran.graph.accounts, ran.world.ledger
    assert ledger.accounts("GRT").minted - ran.graph.token.genesis == accounts.minted // UNIT
    assert ledger.accounts("GRT").burned == accounts.burned // UNIT
    assert ledger.balance("GRT", "graph.staking") == accounts.wei[ran.graph.stakes.account] // UNIT
    assert 0 <= ledger.balance("GRT", "graph.dust") < len(accounts.wei)
    ledger.check()


def test_what_is_minted_is_what_proofs_took_and_agreements_got():
    ran = Ran({"issuance": {"per_block": 120.73, "to_agreements": 6.0}})
    graph = ran.graph
    assert graph.accounts.minted == graph.rewards.paid + 59 * 7_200 * wei(
        6.0
    )  # the last day is not settled yet
    assert ran["emission.agreements"] == pytest.approx(59 * 7_200 * 6.0)
    assert graph.accounts.wei[graph.agreements] < 4  # divided among those who serve
    total = ran["emission.indexers"] + ran["emission.delegators"] + ran["emission.agreements"]
    assert total == pytest.approx(graph.accounts.minted / WEI)


def test_what_nobody_may_have_is_minted_only_where_the_rules_say_so():
    late = {"indexers.crew": INDEXERS | {"count": 1, "review": 29.0}}  # proofs are stale after 28 days
    dropped = Ran(late)
    assert dropped["emission.nobody"] > 58 * 7_200 * 120 and dropped.graph.accounts.minted == 0
    minted = Ran(late | {"issuance": {"per_block": 120.73, "reclaimed_minted": True}})
    assert minted["emission.treasury"] == dropped["emission.nobody"] and minted["emission.nobody"] == 0
    assert minted.graph.accounts.wei[minted.graph.treasury] == minted.graph.accounts.minted


NOBODY = INDEXERS | {"count": 0, "candidates": 1}


@pytest.mark.parametrize(
    "changes",
    [{"issuance": {"per_block": 120.73, "minimum_signal": 1e8}}, {"indexers.crew": NOBODY}],
)
def test_without_enough_signal_or_without_indexers_nobody_has_the_issuance(changes):
    ran = Ran(changes)
    assert int(ran.graph.rewards.accrued.sum()) == ran.graph.accounts.minted == 0
    assert ran["emission.nobody"] == pytest.approx(59 * 7_200 * 120.73, rel=1e-9)


def issued(ran):
    ran.graph.rewards.advance(ran.graph.chain.block)
    return ran.graph.rewards.issued


def test_a_changed_emission_changes_what_is_created_from_that_block_on():
    ran = Ran(until=20)
    ran.graph.change_emission(0.5)
    assert issued(ran.go_on()) == wei(120.73) * 7_200 * 20 + wei(120.73) // 2 * 7_200 * 40
    ran = Ran(until=20)
    ran.graph.change_emission(0.0)
    assert issued(ran.go_on()) == wei(120.73) * 7_200 * 20


# --- protocols


def test_legacy_delegation_is_taxed_and_horizons_is_not():
    moves = {
        "delegators.holders": {"count": 6, "tokens": 3e6, "review": 5.0, "taste": 5.0},
        "horizon": "90 d",
    }
    free, taxed = Ran(moves), Ran(moves | {"protocol": LEGACY})
    others = [ran["token.burned"] - ran["fees.burned"] - ran["curation_taxed"] for ran in (free, taxed)]
    assert others[0] == pytest.approx(0.0, abs=1e-6)
    assert others[1] > 0.005 * 3e6


def test_a_proof_that_comes_too_late_forfeits_everything_under_horizon():
    late = Ran({"indexers.crew": INDEXERS | {"count": 1, "review": 29.0}})
    assert late.graph.rewards.paid == 0 < late.graph.rewards.forfeited
    in_time = Ran({"indexers.crew": INDEXERS | {"count": 1, "review": 28.0}})
    assert in_time.graph.rewards.forfeited == 0 < in_time.graph.rewards.paid


def test_a_legacy_allocation_left_open_for_more_than_28_epochs_is_closed_by_somebody_else():
    late = {"protocol": LEGACY, "indexers.crew": INDEXERS | {"count": 1, "review": 28.0}}
    assert Ran(late).graph.rewards.paid == 0 < Ran(late).graph.rewards.forfeited
    late["indexers.crew"]["review"] = 25.0  # 27 epochs of 6,646 blocks
    assert Ran(late).graph.rewards.forfeited == 0 < Ran(late).graph.rewards.paid


def test_an_allocation_of_the_present_epoch_is_not_paid_yet():
    # Blocks 0 to 6,645 are epoch 0: a day is 7,200 blocks, half a day 3,600.
    early = {"indexers.crew": INDEXERS | {"count": 1, "review": 0.5}}
    assert Ran(early, until=0.8).graph.rewards.paid == 0
    assert Ran(early | {"protocol": LEGACY}, until=0.8).graph.rewards.paid == 0
    assert Ran(early, until=1.2).graph.rewards.paid > 0


def brought_in(accounts):
    """Wei that came from outside less those that went there."""
    return sum(accounts.wei) - accounts.minted + accounts.burned


ALONE = {"gateway": WORLD["networks"]["graph"]["gateway"] | {"settle": 0.7}}  # nothing else happens on day 31


def test_stake_delegation_and_what_thaws_come_through_the_switch_to_horizon():
    switch = {"protocol": [{"rule": LEGACY}, {"from": "2026-02-01", "rule": HORIZON}]}
    leaving = {"delegators.holders": {"count": 6, "tokens": 3e6, "review": 3.0, "taste": 3.0}}
    ran = Ran({**switch, **leaving, **ALONE}, until=30.9)
    graph, accounts = ran.graph, ran.graph.accounts
    held, own = brought_in(accounts), [dict(pool) for pool in graph.stakes.own]
    tokens, shares = graph.rewards.tokens.copy(), [pool["shares"] for pool in graph.stakes.pools]
    locked = graph.stakes.locked
    assert locked > 0
    ran.go_on(31.1)
    assert graph.protocol.regime == "horizon"
    assert brought_in(accounts) == held
    assert graph.stakes.own == own and graph.stakes.locked == locked
    assert [pool["shares"] for pool in graph.stakes.pools] == shares
    assert (graph.rewards.tokens == tokens).all()  # the same allocations, opened anew
    ran.go_on()
    assert graph.stakes.locked == 0  # what was given back before is free after its 28 epochs
    graph.check()


def test_signal_comes_through_the_move_from_the_convex_to_the_flat_curve():
    curves = [{"rule": CONVEX}, {"from": "2026-02-01", "rule": {"kind": "flat", "tax": 0.01}}]
    ran = Ran({"curation": curves, **ALONE}, until=30.9)
    pools, rewards = ran.graph.pools, ran.graph.rewards
    signal, before = rewards.signal.copy(), pools.shares.copy()
    held = {(wallet, j): n for wallet, positions in pools.held.items() for j, n in positions.items()}
    ran.go_on(31.1)
    assert (rewards.signal == signal).all()
    for (wallet, j), shares in held.items():
        assert pools.held[wallet][j] == signal[j] * shares // before[j]
    assert all(0 <= signal[j] - pools.shares[j] < 10 for j in range(4))
    ran.graph.check()


def test_the_parts_of_query_fees_make_what_customers_paid():
    ran = Ran()
    parts = sum(ran[f"fees.{part}"] for part in ("burned", "curators", "delegators", "indexers"))
    owed = float(ran.graph.payments.receipts.sum())
    bought = ran.graph.accounts.wei[ran.graph.payments.escrow] / WEI
    assert bought == pytest.approx(owed, rel=1e-9)
    assert ran["revenue_usd"] / 0.1 < parts + owed < ran["revenue_usd"] / ran["token.price_usd"]  # it falls
    assert ran["fees.burned"] == pytest.approx(0.01 * parts, rel=1e-6)
    assert ran["fees.curators"] == pytest.approx(0.1 * 0.99 * parts, rel=1e-6)


def test_collected_fees_lock_ten_times_as_much_stake_for_four_weeks():
    ran = Ran({"horizon": "90 d"}, until=20)
    payments, i = ran.graph.payments, 3
    gross = payments.sums
    collected = gross["burned"] + gross["curators"] + gross["delegators"] + gross["indexers"]
    locked = sum(payments.locked(n) for n in range(4))
    assert locked == pytest.approx(10 * collected * WEI, rel=1e-9)
    available, _ = ran.graph.stakes.capacity(i)
    payments._claims[i].append((ran.graph.chain.block + 7_200, available))
    assert payments.collect(i) == 0  # no stake is left to lock
    ran.go_on(60)
    assert payments._claims[i] and payments._claims[i][0][0] > ran.graph.chain.block - 28 * 7_200


def test_a_stake_too_small_for_its_fees_loses_them_to_the_rebate_curve_in_the_legacy_protocol():
    busy = {"protocol": LEGACY, "demand.apps_users.queries": 1e8, "delegators": None}
    tiny = busy | {"indexers.crew": INDEXERS | {"stake": 1e5}}
    assert Ran(tiny)["fees.burned"] > 10 * Ran(busy)["fees.burned"]


# --- oracles and the foundation


def test_who_does_not_serve_gets_no_rewards_once_the_oracle_asks_for_service():
    crews = {"indexers": {"crew": INDEXERS | {"count": 2}, "idle": INDEXERS | {"count": 2, "uptime": 0.0}}}
    free = Ran(crews)
    asked = Ran(
        crews | {"eligibility": [{"rule": {"kind": "everybody"}}, {"from": "2026-02-01", "rule": ORACLE}]}
    )
    assert asked["emission.nobody"] > 0.2 * asked["emission.indexers"] > free["emission.nobody"] == 0


@pytest.mark.parametrize("field, value", [("seconds", 6.0), ("blocks_behind", 50_000)])
def test_slow_or_stale_answers_do_not_count_as_service(field, value):
    slow = {"indexers.crew": INDEXERS | {field: value}, "eligibility": ORACLE}
    assert Ran(slow)["emission.indexers"] == 0 < Ran({"eligibility": ORACLE})["emission.indexers"]


def test_everybody_is_eligible_a_week_after_the_oracle_fell_silent():
    idle = {"indexers.crew": INDEXERS | {"uptime": 0.0}, "eligibility": ORACLE}
    ran = Ran(idle, until=1)
    ran.graph.foundation["oracle"] = False
    assert ran.go_on()["emission.indexers"] > 0 == Ran(idle)["emission.indexers"]


def test_without_the_gateway_nobody_pays_and_customers_go():
    ran = Ran(until=10)
    paid = ran["revenue_usd"]
    ran.graph.foundation["gateway"] = False
    ran.go_on()
    assert ran["revenue_usd"] == paid > 0
    assert ran["apps_users.queries_per_day"] < 0.2 * Ran()["apps_users.queries_per_day"]


FORGERS = {
    "indexers.crew": INDEXERS | {"forges": True, "subgraph_cost": 2_000.0},
    "fishermen": WORLD["networks"]["graph"]["fishermen"] | {"checked": 1.0, "power": 0.05},
    "horizon": "120 d",
    "delegators": None,
}


def test_forged_proofs_are_disputed_and_slashed_and_the_fisherman_gets_half():
    ran = Ran(FORGERS)
    assert ran["disputes.accepted"] >= 1
    start, won = 1e5, ran.graph.accounts.wei[ran.graph.disputes.wallet] / WEI
    deposits = 1e4 * (ran["disputes.opened"] - ran["disputes.accepted"])
    assert won - start + deposits == pytest.approx(0.5 * ran["slashed"], rel=1e-9)
    assert ran["slashed"] == pytest.approx(0.025 * 2e6 * ran["disputes.accepted"], rel=0.05)
    assert ran["service.success_share"] < Ran()["service.success_share"]


def test_a_false_alarm_costs_the_fisherman_its_deposit():
    alarms = {"fishermen": FORGERS["fishermen"] | {"false_alarms": 1.0}}
    ran = Ran(alarms)
    assert ran["disputes.rejected"] > 0 == ran["slashed"]
    held = ran.graph.accounts.wei[ran.graph.disputes.wallet] / WEI
    assert held == 1e5 - 1e4 * ran["disputes.opened"]


def test_without_arbitration_disputes_are_cancelled_and_nobody_is_slashed():
    ran = Ran(FORGERS, until=1)
    ran.graph.foundation["arbitration"] = False
    ran.go_on()
    assert ran["disputes.cancelled"] >= 1 and ran["disputes.accepted"] == ran["slashed"] == 0


def test_forging_pays_only_where_few_proofs_are_checked():
    checked = {**FORGERS, "fishermen": FORGERS["fishermen"] | {"power": 1.0}}
    assert Ran(checked)["disputes.opened"] == 0


# --- people


def test_delegation_goes_to_who_gives_more_of_its_rewards():
    crews = {"generous": INDEXERS | {"count": 2, "kept": 0.1}, "greedy": INDEXERS | {"count": 2, "kept": 0.9}}
    ran = Ran({"indexers": crews, "horizon": "200 d"})
    delegated = [pool["tokens"] for pool in ran.graph.stakes.pools]
    assert sum(delegated[:2]) > 50 * sum(delegated[2:])


def test_delegators_leave_where_the_yield_is_below_what_they_ask():
    picky = {"delegators.holders": WORLD["networks"]["graph"]["delegators"]["holders"] | {"asked": 50.0}}
    ran = Ran(picky)
    assert ran["delegators.count"] == ran["delegators.retention"] == 0 < Ran()["delegators.count"]
    sold = sum(ran.graph.accounts.wei[wallet] for wallet in ran.graph.delegators.wallets)
    assert sold < 0.01 * 6 * 3e6 * WEI  # they sell all of it


def test_indexers_that_lose_money_leave_and_their_stake_is_sold_when_it_is_free():
    dear = {
        "indexers.crew": INDEXERS | {"cost": 1e5, "exit_hazard": 1.0, "exit_sensitivity": 1.0},
        "delegators": None,
        "horizon": "90 d",
    }
    ran = Ran(dear)
    assert ran["indexers.count"] == 0 and ran["indexers.own_stake"] == 0
    assert Ran(dear, until=25)["indexers.own_stake"] > 0
    assert all(ran.graph.accounts.wei[wallet] < UNIT for wallet in ran.graph.indexers.wallets)


def test_candidates_enter_where_margins_are_high():
    crew = INDEXERS | {"candidates": 4, "entry_threshold": 0.5, "entry_speed": 1.0, "income_memory": 10.0}
    assert Ran({"indexers.crew": crew})["indexers.count"] == 8
    assert Ran({"indexers.crew": crew | {"cost": 1e5}})["indexers.count"] == 4


def test_curators_signal_where_the_fees_are():
    ran = Ran()
    hunters = [
        positions
        for wallet, positions in ran.graph.pools.held.items()
        if wallet in ran.graph.curators.wallets
    ]
    chosen = {j for positions in hunters for j in positions}
    assert int(np.argmax(ran.graph.subgraphs.popularity)) in chosen
    assert int(np.argmin(ran.graph.subgraphs.popularity)) not in chosen


def test_customers_leave_when_answers_fail_and_when_they_get_dear():
    base = Ran()["apps_users.queries_per_day"]
    assert Ran({"indexers.crew": INDEXERS | {"quality": 0.8}})["apps_users.queries_per_day"] < 0.9 * base
    dear = Ran({"gateway.price": 8e-5})
    assert dear["apps_users.queries_per_day"] < 0.95 * base


def test_twice_the_demand_pays_twice():
    ran = Ran(until=1)
    ran.world.demand["apps_users"].level = 2.0
    ran.world.demand["apps_users"].apply()
    base = Ran()
    assert ran.go_on()["queries"] == pytest.approx(2 * base["queries"], rel=1e-6)


def test_a_new_subgraph_is_signalled_by_its_developer_and_followed():
    launched = {
        "subgraphs.apps": {"count": 2, "launches": 12.0, "signal": 5_000.0},
        "curators.hunters": WORLD["networks"]["graph"]["curators"]["hunters"]
        | {"follows": 1.0, "reaction": 1.0},
    }
    ran = Ran(launched)
    assert ran["subgraphs.count"] == 3
    assert ran.graph.rewards.signal[2] > 5_000 * 0.98 * WEI
    assert ran["subgraphs.served"] == 3


def test_somebody_more_in_one_group_changes_nobody_elses_luck():
    crews = {"crew": INDEXERS | {"stake_spread": 1.0}, "others": INDEXERS | {"stake_spread": 1.0}}
    more = {"crew": crews["crew"] | {"count": 5}, "others": crews["others"]}
    few, many = (scenario({"indexers": c}) for c in (crews, more))
    stakes = [simdai.Simulation(s, seed=3).world.networks["graph"].indexers.stake for s in (few, many)]
    assert stakes[0].tolist() == np.delete(stakes[1], 4).tolist()


def test_the_same_seed_gives_the_same_run():
    assert Ran().world.fingerprint() == Ran().world.fingerprint()
    assert Ran().world.fingerprint() != Ran({"indexers.crew": INDEXERS | {"uptime": 0.5}}).world.fingerprint()


def test_outcomes_are_the_same_whatever_the_scale():
    one = Ran().world.recorder.outcomes()
    for scale in (2.0, 50.0):
        other = Ran({"scale": scale}).world.recorder.outcomes()
        for name, (value, _) in one.items():
            assert other[name][0] == pytest.approx(value, rel=1e-5, abs=1e-5, nan_ok=True), name


# --- against the world


def test_the_second_quarter_of_2024_comes_out_as_it_was_counted():
    coarse = {"horizon": "91 d", "record_every": "91 d", "networks.the_graph.gateway.settle": "7 d"}
    quarter = simdai.load("the_graph", set=coarse, overrides=["the_graph_coarse"])
    sim = simdai.Simulation(quarter, seed=1)
    sim.run()
    outcomes, rewards = sim.world.recorder.outcomes(), sim.world.networks["the_graph"].rewards
    # Messari: 2.9e9 queries, 113,000 USD, 73.4e6 GRT of rewards worth 18e6 USD
    assert outcomes["the_graph.queries"][0] == pytest.approx(2.9e9, rel=0.1)
    assert outcomes["the_graph.revenue_usd"][0] == pytest.approx(113e3, rel=0.1)
    assert rewards.issued / WEI == pytest.approx(73.4e6, rel=0.1)
    assert 0.7 * 160 < outcomes["the_graph.subsidy_per_revenue"][0] < 1.3 * 160


# --- bad input


@pytest.mark.parametrize(
    "changes",
    [
        {"delegators": None, "curators": None, "demand": {}},
        {"issuance": {"per_block": 0.0}},
        {"protocol": LEGACY | {"delegation_tax": 1.0, "unbonding_epochs": 0, "thawing_blocks": 0}},
        {"protocol": HORIZON | {"thawing": 0.0, "fee_burn": 1.0}, "curation.tax": 1.0},
        {"indexers.crew": INDEXERS | {"kept": 0.0, "restaked": 1.0, "review": 0.4}, "horizon": "12 d"},
        {"indexers.crew": INDEXERS | {"subgraph_cost": 1e7}},
        {"shocks": [{"kind": "token_price_crash", "network": "graph", "at": "2026-01-20", "drop": 0.99}]},
        {"shocks": [{"kind": "demand_step", "at": "2026-01-20", "factor": 1e5}]},
        {"scale": 1e6},
    ],
)
def test_nothing_appears_or_is_lost_at_extremes(changes):
    ran = Ran(changes)
    ran.graph.check()
    ran.world.ledger.check()


@pytest.mark.parametrize(
    "changes, found",
    [
        ({"indexers.crew.stake": 2e9}, "more than the public has"),
        ({"block_time": "0.5 s"}, "whole seconds"),
        ({"issuance": {"per_block": 1.0, "to_agreements": 2.0}}, "exceeds"),
        (
            {"curation": [{"rule": {"kind": "flat", "tax": 0.0}}, {"from": "2026-02-01", "rule": CONVEX}]},
            "never back",
        ),
        ({"protocol": [{"rule": HORIZON}, {"from": "2026-02-01", "rule": LEGACY}]}, "never after"),
        (
            {"protocol": HORIZON | {"slashing": SLASHING | {"share": 0.2, "maximum": 0.1}}},
            "exceeds the maximum",
        ),
        ({"eligibility": ORACLE | {"days": 30.0}}, "does not hold"),
        ({"curation": CONVEX, "subgraphs.apps.signal": 1.0}, "what the curve takes"),
        ({"subgraphs": {}}, "at least one of each"),
        ({"indexers.crew.count": 0}, "at least one of each"),
        ({"indexers.crew": INDEXERS | {"annual_return": 0.0}}, "above zero"),
        ({"demand.apps_users.network": "grph"}, "unknown Graph network"),
        ({"demand.apps_users.subgraphs": ["games"]}, "unknown group of subgraphs"),
        ({"demand.apps_users.outside_share": 1.0}, "strictly between"),
        ({"networks.other": WORLD["networks"]["graph"]}, "two tokens"),
    ],
)
def test_bad_input_is_refused_with_what_is_wrong(changes, found):
    with pytest.raises(ScenarioError, match=found):
        scenario(changes)
