"""The company or foundation behind a network stops: what goes on, what halts, who takes over."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simdai.economy.foundation import Foundation
from simdai.errors import ScenarioError
from tests.unit import bittensor_worlds
from tests.unit.test_akash import CREDIT
from tests.unit.test_akash_deployments import run as akash
from tests.unit.test_bitcoin_network import small as bitcoin
from tests.unit.test_bittensor_people import FOUNDERS
from tests.unit.test_ionet import ionet
from tests.unit.test_render import COMPUTE
from tests.unit.test_render import run as render

EXIT: dict[str, Any] = {"kind": "foundation_exit", "at": "2026-01-11", "window": 7}


def outcomes(sim: Any) -> dict[str, float]:
    return {name: value for name, (value, _) in sim.world.recorder.outcomes().items()}


# -- functions -------------------------------------------------------------------------------------------


def test_a_function_tells_its_listeners_when_it_changes_and_only_then():
    foundation, heard = Foundation({"gateway": "routing"}), []
    foundation.tell("gateway", heard.append)
    for runs in (True, False, False, True):
        foundation["gateway"] = runs
    assert heard == [False, True]
    with pytest.raises(KeyError):
        foundation["gatway"] = False


# -- Bittensor -------------------------------------------------------------------------------------------


def bittensor(changes: dict[str, Any] | None = None, until: float = 27.0, **shock: Any) -> Any:
    shocks = [EXIT | shock] if shock else []
    sim = bittensor_worlds.simulation({".shocks": shocks, **(changes or {})})
    sim.run(until=until + 1e-6)
    sim.world.recorder.record()
    return sim


def test_without_block_authors_nothing_on_the_chain_moves_but_customers_are_still_served():
    at_exit, later = (bittensor_worlds.network(bittensor(until=until, stops=True)) for until in (10.0, 12.0))
    assert later.chain.block == at_exit.chain.block == 72_000
    assert later.chain.issuance == at_exit.chain.issuance
    for held in ("alpha", "root", "wallet"):
        np.testing.assert_array_equal(getattr(later.chain, held), getattr(at_exit.chain, held))
    np.testing.assert_array_equal(later.books.purse, at_exit.books.purse)
    assert later.revenue_usd > at_exit.revenue_usd > 0


def test_a_chain_that_is_taken_over_goes_on_from_the_block_where_it_stopped():
    sim = bittensor(stops=True, taken_over={"bittensor": {"blocks": 5.0}})
    net = bittensor_worlds.network(sim)
    assert net.chain.block == (27 - 5) * 7200
    whole = bittensor_worlds.network(bittensor())
    assert whole.chain.issuance - net.chain.issuance == pytest.approx(5 * 3600e9, rel=1e-3)


def test_a_chain_that_stops_within_a_step_has_the_blocks_up_to_then():
    sim = bittensor({"step": "2 d"}, until=16.0, at="2026-01-12")
    assert bittensor_worlds.network(sim).chain.block == 11 * 7200


def test_miners_leave_a_chain_that_pays_nothing():
    gone, paid = (bittensor({".horizon": "70 d"}, until=69.0, stops=stops) for stops in (True, False))
    working = [bittensor_worlds.network(sim).miners.works.sum() for sim in (gone, paid)]
    assert working[0] < 0.5 * working[1]
    assert outcomes(gone)["bittensor.foundation_exit.served_share"] < 0.7


def test_without_the_root_key_new_subnets_earn_nothing_and_rules_stay_as_they_are():
    rules = [{"rule": {"kind": "price", "burn_penalty": on}} for on in (False, True)]
    rules[1]["from"] = "2026-01-21"
    changes = FOUNDERS | {"emission.shares": rules, "places.enabled_after": 3.0, "places.limit": 8}
    taken_over = {"bittensor": {"blocks": 0.5}}
    kept, lost = (
        bittensor_worlds.network(bittensor(changes, stops=stops, taken_over=taken_over))
        for stops in (False, True)
    )
    assert kept.shares.burn_penalty and not lost.shares.burn_penalty
    for net, earn in ((kept, True), (lost, False)):
        founded = net.chain.alive & (net.chain.registered > 72_000)
        assert founded.any() and net.coinbase.share[founded].any() == earn


# -- the compute networks --------------------------------------------------------------------------------


def test_on_render_no_job_runs_without_the_router_and_nothing_is_minted_without_the_keys():
    changes = {"compute": {"dispersed": COMPUTE}, "horizon": "60 d"}
    gone, net = render(changes | {"shocks": [EXIT]})
    before = render(changes | {"shocks": [EXIT]}, until=12.0)[1]
    assert net.served == pytest.approx(before.served) and before.served > 0.0
    assert net.treasuries.minted == before.treasuries.minted
    assert net.sums["released"] == before.sums["released"] > 0.0
    assert outcomes(gone)["render.foundation_exit.functions_share"] == 0.0
    back = {"taken_over": {"render": {"routing": 10.0, "rewards": 10.0}}}
    again = render(changes | {"shocks": [EXIT | back]})[1]
    assert again.served > net.served and again.sums["released"] > net.sums["released"]


def test_on_ionet_devices_neither_work_nor_earn_without_the_company():
    sim, net = ionet(shocks=[EXIT])
    _, before = ionet(until=10.5, shocks=[EXIT])
    assert before.settlement.unreleased == net.settlement.unreleased
    assert outcomes(sim)["ionet.foundation_exit.served_share"] == 0.0
    _, kept = ionet(shocks=[EXIT | {"taken_over": {"ionet": {"matching": 5.0, "payouts": 5.0}}}])
    assert kept.served > net.served and kept.settlement.unreleased < net.settlement.unreleased


def test_on_akash_those_stay_away_who_know_only_the_console():
    shock = EXIT | {"at": "2026-01-09"}
    (gone, *_), (stays, *_) = (
        akash(shocks=[shock | {"stops": stops}], console=0.6) for stops in (True, False)
    )
    came = [sim.world.demand["tenants"]._count["deployments"] for sim in (gone, stays)]
    assert 0.4 < came[0] / came[1] < 0.7  # eight days of all, twenty of four tenths


def test_on_akash_credit_is_not_made_while_nobody_relays_prices():
    exit_ = EXIT | {"taken_over": {"akash": {"console": 0.5}}}
    _, net, _ = akash(shocks=[exit_], payment={"credit": CREDIT})
    assert net.oracle.price is None
    _, again, _ = akash(
        shocks=[EXIT | {"taken_over": {"akash": {"oracle": 3.0}}}], payment={"credit": CREDIT}
    )
    assert again.oracle.price is not None


# -- Bitcoin and the measure -----------------------------------------------------------------------------


def test_nobody_stands_behind_bitcoin_so_that_everything_goes_on():
    shock = EXIT | {"at": "2026-02-01", "window": 14}
    gone, stays = (
        {name: value for name, (value, _) in bitcoin(shocks=[s]).recorder.outcomes().items()}
        for s in (shock, shock | {"stops": False})
    )
    np.testing.assert_equal(gone, stays)
    assert gone["bitcoin.foundation_exit.served_share_30d"] == pytest.approx(1.0, abs=0.1)
    assert math.isnan(gone["bitcoin.foundation_exit.functions_share"])
    assert math.isnan(gone["bitcoin.foundation_exit.served_share_365d"])


@pytest.mark.parametrize(
    "shock, found",
    [
        ({"network": "bitensor"}, "unknown network 'bitensor'"),
        ({"taken_over": {"bittensor": {"block": 3.0}}}, "unknown function 'block'"),
        ({"taken_over": {"render": {"routing": 3.0}}}, "unknown network that stops 'render'"),
        ({"at": "2026-01-03"}, "8 days after the start or later"),
        ({"window": 0}, "window"),
    ],
)
def test_an_exit_that_does_not_fit_is_refused(shock, found):
    with pytest.raises((ScenarioError, ValueError), match=found):
        bittensor(**{"stops": True, **shock})
