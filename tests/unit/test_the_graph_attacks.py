"""Attacks on The Graph: what each gains and what its defence leaves, beside closed forms."""

import pytest

import simdai
from simdai.errors import ScenarioError
from simdai.mechanisms.curation import front_run_payout, signal_profit
from simdai.mechanisms.indexing import withholding_min_tax
from simdai.networks.the_graph_rules import WEI
from tests.graph_worlds import CONVEX, HORIZON, INDEXERS, LEGACY, SLASHING, WORLD, Ran, scenario

BOT = {
    "kind": "curation_front_running",
    "network": "graph",
    "at": "2026-01-01",
    "deposit": 3_100.0,
    "hold": 3.0,
}
LAUNCH = {
    "subgraphs.apps": {"count": 2, "launches": 12.0, "signal": 1_000.0, "signal_lag": 0.1},
    "curators.hunters": WORLD["networks"]["graph"]["curators"]["hunters"] | {"follows": 1.0, "reaction": 0.5},
    "demand": {},  # no fees in the pools
    "shocks": [BOT],
}


def bot(curve):
    """The bot's run, its deposit net of tax and the pool in which it was when it left."""
    ran = Ran(LAUNCH | {"curation": curve})
    attack = ran.world.shocks[0].grt
    return ran, attack["put_in"], attack["taken_out"]


def test_the_first_on_a_convex_curve_takes_what_the_closed_form_says():
    ran, put_in, out = bot(CONVEX | {"publish_and_signal": False})
    pool = ran.graph.rewards.signal[2] / WEI + out  # what the others hold, and what it took
    assert put_in == pytest.approx(3_100.0)
    assert out == pytest.approx(front_run_payout(0.975 * put_in, pool), rel=1e-9)
    assert ran["curation_front_running.multiple"] == pytest.approx(out / put_in)
    assert ran["curation_front_running.others_lost"] == pytest.approx(out - 0.975 * put_in)
    assert out / put_in > 2.0


def test_a_developer_who_signals_in_the_same_transaction_leaves_the_bot_less():
    first = bot(CONVEX | {"publish_and_signal": False})[2]
    assert first > 1.1 * bot(CONVEX | {"publish_and_signal": True})[2]


def test_on_a_flat_curve_the_bot_loses_the_tax():
    ran, put_in, out = bot({"kind": "flat", "tax": 0.01, "publish_and_signal": False})
    assert out == pytest.approx(0.99 * put_in, rel=1e-9)
    assert ran["curation_front_running.others_lost"] == pytest.approx(0.0, abs=1e-6)


LATE = {
    "subgraphs.apps": {"count": 1, "signal": 20_000.0},
    "indexers.crew": INDEXERS | {"count": 1},
    "curators": None,
    "demand.apps_users.queries": 1e8,  # a tenth of the fees of twenty days is more than the signal
    "shocks": [
        {"kind": "late_signalling", "network": "graph", "at": "2026-01-01", "lasts": "50 d", "capital": 1e5}
    ],
}


def test_who_signals_for_the_moment_of_the_fees_gains_what_the_closed_form_says():
    ran = Ran(LATE, until=20.5)  # one collection
    fees = ran["late_signalling.curators_fees"]
    tax = ran["late_signalling.tax"]
    assert ran["late_signalling.gained"] == pytest.approx(
        signal_profit(fees, 20_000.0, 100 * tax, 0.01), rel=1e-6
    )
    assert ran["late_signalling.captured"] == pytest.approx(ran["late_signalling.gained"] + tax)


def test_without_a_tax_late_signal_captures_fees_and_with_one_it_stays_away():
    few = LATE | {"demand.apps_users.queries": 1e5}
    assert Ran(few)["late_signalling.captured"] == 0
    free = Ran(few | {"curation.tax": 0.0})
    assert free["late_signalling.captured_share"] == pytest.approx(1e5 / 1.2e5, rel=0.02)
    assert free["late_signalling.gained"] > 0


def hidden(delay, tax=0.01):
    shock = {
        "kind": "subgraph_withholding",
        "network": "graph",
        "at": "2026-01-11",
        "signal": 100.0,
        "stake": 1e5,
    }
    changes = {"denial_delay": delay, "curation.tax": tax, "demand": {}, "shocks": [shock]}
    ran = Ran(changes | {"curators": None, "horizon": "40 d"})
    return {what: ran[f"subgraph_withholding.{what}"] for what in ("gained", "rewards", "tax")}


def test_a_hidden_subgraph_earns_its_signal_share_of_the_issuance_until_the_last_proof():
    attack = hidden(delay=3.0)
    first, others = 72_000, 80_000.0  # the block of the strike; the developers' signal
    last = (first + 3 * 7_200) // 6646 * 6646  # proofs come with epochs, the last one before the denial
    assert attack["rewards"] == pytest.approx(120.73 * (last - first) * 99.0 / (others + 99.0), rel=1e-9)
    assert attack["tax"] == pytest.approx(1.0)
    assert attack["gained"] == pytest.approx(attack["rewards"] - attack["tax"])


def test_a_denial_within_the_epoch_leaves_the_hidden_subgraph_nothing():
    attack = hidden(delay=0.1)  # the epoch ends 1,106 blocks after the strike, the denial comes after 720
    assert attack["rewards"] == 0.0 > attack["gained"]


def test_hiding_breaks_even_at_the_tax_of_the_closed_form():
    blocks = (72_000 + 3 * 7_200) // 6646 * 6646 - 72_000
    supply = 1.0081e9  # what exists on day 10
    share = withholding_min_tax(supply, 80_000.0, 120.73 / supply, blocks)  # of the net signal
    tax = share / (1.0 + share)
    assert hidden(delay=3.0, tax=tax - 0.01)["gained"] > 0 > hidden(delay=3.0, tax=tax + 0.01)["gained"]


LURE = {
    "kind": "delegation_capture",
    "network": "graph",
    "at": "2026-01-01",
    "lasts": "180 d",
    "group": "crew",
    "stake": 2e6,
    "lure": "81 d",
}
LURED = {
    "shocks": [LURE],
    "horizon": "240 d",
    "delegators.holders": {"count": 12, "tokens": 2e6, "review": 40.0},
    "indexers.crew": INDEXERS | {"kept": 0.5},
}


def test_delegation_that_was_lured_is_robbed_when_the_cut_rises():
    ran = Ran(LURED)
    assert ran["delegation_capture.lured"] > 1e7
    assert ran["delegation_capture.delegators_lost"] > 0
    honest = Ran(LURED | {"shocks": [LURE | {"kept": 0.0}]})
    assert honest["delegation_capture.delegators_lost"] == 0
    assert ran["delegation_capture.profit_usd"] > honest["delegation_capture.profit_usd"]


def test_a_notice_leaves_the_robber_less():
    warned = Ran(LURED | {"protocol": HORIZON | {"cut_notice": 40.0}})
    assert (
        warned["delegation_capture.delegators_lost"] < 0.7 * Ran(LURED)["delegation_capture.delegators_lost"]
    )


SPLIT = {
    "kind": "voucher_splitting",
    "network": "graph",
    "at": "2026-01-01",
    "lasts": "50 d",
    "group": "crew",
    "stake": 1e5,
    "vouchers": 200,
    "subgraphs": 2,
    "allocated": 10.0,
}


def test_fees_cut_into_vouchers_escape_the_rebate_curve_only_where_each_stands_alone():
    little = {"demand.apps_users.queries": 1e6}
    apart = Ran(little | {"protocol": LEGACY | {"accumulate_fees": False}, "shocks": [SPLIT]})
    together = Ran(little | {"protocol": LEGACY, "shocks": [SPLIT]})
    whole = Ran(little | {"protocol": LEGACY, "shocks": [SPLIT | {"vouchers": 1}]})
    share = "voucher_splitting.paid_share"
    assert apart[share] > 0.5 > 0.2 > together[share]
    assert together[share] == pytest.approx(whole[share], rel=1e-3)  # cutting gains nothing


def leverage(delegation, base="snapshot", until=30):
    shock = {
        "kind": "slash_leverage",
        "network": "graph",
        "at": "2026-01-02",
        "group": "crew",
        "victims": 1,
        "delegation": delegation,
    }
    slashing = SLASHING | {"base": base, "maximum": 0.1}
    changes = {"protocol": HORIZON | {"slashing": slashing}, "delegators": None, "shocks": [shock]}
    return Ran(changes, until)


def test_a_fishermans_own_delegation_makes_the_slash_larger():
    alone, levered = leverage(0.0), leverage(1e7)
    assert alone["slash_leverage.victims_lost_share"] == pytest.approx(0.025, rel=1e-6)
    assert levered["slash_leverage.victims_lost"] == pytest.approx(0.025 * (2e6 + 1e7), rel=0.05)
    assert levered["slash_leverage.rewards"] == pytest.approx(0.5 * levered["slash_leverage.victims_lost"])


def test_a_slash_of_own_stake_alone_knows_no_leverage():
    assert leverage(1e7, base="stake")["slash_leverage.victims_lost_share"] == pytest.approx(0.025, rel=1e-6)


def test_the_fisherman_gets_its_delegation_back_unslashed():
    ran = leverage(1e7, until=50)
    wallet = ran.graph.accounts.wei[ran.world.shocks[0].wallet] / WEI
    assert wallet == pytest.approx(1e7 + 1e4 + 0.5 * 0.025 * 1.2e7, rel=0.05)
    assert ran["slash_leverage.proceeds_usd"] == 0 < ran.go_on()["slash_leverage.proceeds_usd"]


@pytest.mark.parametrize(
    "shock, found",
    [
        (BOT | {"network": "grph"}, "curation_front_running"),
        (LURE | {"group": "staff"}, "unknown group of indexers"),
        (LURE | {"stake": 5e4}, "minimum"),
        (
            {
                **BOT,
                "kind": "subgraph_withholding",
                "signal": 1.0,
                "stake": 1.0,
                "deposit": None,
                "hold": None,
            },
            "minimum",
        ),
    ],
)
def test_an_attack_that_cannot_be_is_refused(shock, found):
    with pytest.raises(ScenarioError, match=found):
        scenario({"shocks": [{key: value for key, value in shock.items() if value is not None}]})


@pytest.mark.parametrize(
    "attack, measure, lighter, attacked, defended, spared",
    [
        ("curation_front_running", "others_lost", {}, {}, {"curation.publish_and_signal": True}, 0.9),
        ("late_signalling", "captured", {}, {"curation.tax": 0.0}, {}, 0.0),
        ("subgraph_withholding", "rewards", {}, {}, {"denial_delay": "0.1 d"}, 0.0),
        ("voucher_splitting", "paid", {"vouchers": 50}, {}, {"protocol.accumulate_fees": True}, 0.1),
        ("slash_leverage", "victims_lost_share", {}, {}, {"protocol.slashing.base": "stake"}, 0.1),
    ],
)
def test_the_librarys_attacks_show_what_their_defence_is_worth(
    attack, measure, lighter, attacked, defended, spared
):
    def measured(changes):
        values = {f"networks.the_graph.{path}": value for path, value in changes.items()}
        values |= {f"shocks[0].{field}": value for field, value in lighter.items()}
        loaded = simdai.load(f"attacks/{attack}", set=values | {"horizon": "60 d", "record_every": "30 d"})
        run = simdai.Simulation(loaded, seed=1)
        run.run()
        return run.world.recorder.outcomes()[f"the_graph.{attack}.{measure}"][0]

    loss = measured(attacked)
    assert loss > 0
    assert measured(defended) <= spared * loss
