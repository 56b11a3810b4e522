"""What networks take in and give out."""

from __future__ import annotations

import pytest

from simdai.economy.actors import Flows
from simdai.economy.flows import subsidy_share
from simdai.simulation import Simulation
from tests.unit.test_akash import NO_INFLATION
from tests.unit.test_akash import network as akash
from tests.unit.test_ionet import ionet
from tests.unit.test_render import run as render
from tests.worlds import small


def flows(sim: Simulation, name: str) -> Flows:
    found: Flows = sim.world.networks[name].flows
    return found


def test_a_composed_network_gives_what_its_schedule_creates_for_providers() -> None:
    """100 tokens a day at one dollar, three quarters of them for providers, over three settled weeks."""
    sim = Simulation(small({"networks.gridnet.provider_share": 0.75}))
    out = sim.run().outcomes
    assert flows(sim, "gridnet").subsidy_usd == pytest.approx(0.75 * 2100.0, rel=1e-6)
    assert flows(sim, "gridnet").revenue_usd == out["gridnet.revenue_usd"]
    assert out["gridnet.subsidy_usd"] == flows(sim, "gridnet").subsidy_usd
    both = out["gridnet.subsidy_usd"] + out["gridnet.revenue_usd"]
    assert out["gridnet.subsidy_share"] == pytest.approx(out["gridnet.subsidy_usd"] / both)


def test_akash_gives_stakers_their_part_of_the_inflation() -> None:
    """10 % a year on 100 M AKT at 0.5 USD for a tenth of a year, 40 % of it to the community pool."""
    inflation = {"issuance": NO_INFLATION | {"low": 0.1, "high": 0.1}}
    sim, _ = akash(inflation, **{"horizon": 36.5, "demand": {}})
    expected = 0.1 * 1e8 * (36.0 / 365.25) * 0.6 * 0.5
    assert flows(sim, "akash").subsidy_usd == pytest.approx(expected, rel=0.01)
    assert flows(sim, "akash").revenue_usd == 0.0


def test_ionet_gives_the_blocks_that_somebody_earned() -> None:
    sim, net = ionet(until=10.0)
    emitted = sim.result().outcomes["ionet.rewards.emitted"]
    assert flows(sim, "ionet").subsidy_usd == pytest.approx(emitted * net.token.price, rel=0.01)


def test_render_gives_what_it_releases_and_takes_what_customers_pay() -> None:
    sim, net = render(until=14.001)
    assert flows(sim, "render").subsidy_usd == pytest.approx(net.released * 2.0, rel=0.02)
    assert flows(sim, "render").revenue_usd == pytest.approx(net.sums["spend_usd"], rel=0.01)


def test_what_customers_pay_and_what_is_given_is_in_real_dollars() -> None:
    whole, half = (
        Simulation(small({"scale": s, "demand.startups.jobs_per_day": 400.0})).run().outcomes for s in (1, 2)
    )
    assert half["gridnet.subsidy_usd"] == pytest.approx(whole["gridnet.subsidy_usd"], rel=1e-3)
    assert half["gridnet.revenue_usd"] == pytest.approx(whole["gridnet.revenue_usd"], rel=0.1)


@pytest.mark.parametrize(("revenue", "subsidy", "share"), [(3.0, 1.0, 0.25), (0.0, 2.0, 1.0)])
def test_the_subsidy_share_is_that_of_all_that_participants_get(
    revenue: float, subsidy: float, share: float
) -> None:
    assert subsidy_share(Flows(revenue, subsidy)) == share
