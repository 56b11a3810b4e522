"""Steps of tokens, clouds, labs and those around them: a week at once is seven days."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simdai.errors import ScenarioError
from simdai.simulation import Simulation
from tests.unit.test_labs import ALONE, outcome, race, series
from tests.unit.test_render_programmes import HOSTS, QUIET, SALAD
from tests.unit.test_render_programmes import run as render
from tests.unit.test_rounds import simulate
from tests.worlds import small

DAY_AND_WEEK = (1.0, 7.0)
LABS = ("openai", "google", "anthropic", "meta")


def token(step: float, horizon: float, **speculation: float) -> Simulation:
    """A market in which nobody trades but speculators."""
    quiet: dict[str, Any] = {
        "horizon": horizon,
        "record_every": step,
        "networks.gridnet.emit": {"kind": "fixed", "per_day": 0.0},
        "networks.gridnet.providers.racks.count": 0,
        "demand": {},
        "networks.gridnet.token.traders_share": 0.5,
        "networks.gridnet.token.step": step,
        "networks.gridnet.token.speculation": {"kind": "traders", **speculation},
    }
    return Simulation(small(quiet))


@pytest.mark.parametrize("step", DAY_AND_WEEK)
def test_a_price_returns_to_its_value_at_its_pace_at_any_step(step: float) -> None:
    """d ln P = f ln(V / P) dt leaves e^(-f t) of the distance."""
    sim = token(step, 57.0, fundamental_speed=4.0)
    sim.world.networks["gridnet"].token.sentiment = 1.5
    sim.run(56.5)
    left = math.log(1.5 / sim.world.networks["gridnet"].token.price)
    assert left == pytest.approx(math.log(1.5) * math.exp(-4.0 * 56 / 365.25), rel=1e-4)


@pytest.mark.parametrize("step", DAY_AND_WEEK)
def test_a_price_wanders_as_far_in_a_year_at_any_step(step: float) -> None:
    """Within four standard errors of the standard deviation."""
    sim = token(step, 1500.0, noise=0.6)
    sim.run()
    moves = np.diff(np.log(series(sim, "gridnet.token.price_usd")))
    wanted = 0.6 * math.sqrt(step / 365.25)
    assert moves.std() == pytest.approx(wanted, abs=4 * wanted / math.sqrt(2 * len(moves)))


def test_a_market_whose_depth_is_that_of_a_day_is_traded_daily() -> None:
    market = {"kind": "square_root", "coefficient": 1.0, "daily_volatility": 0.03, "daily_volume": 1e6}
    with pytest.raises(ScenarioError, match="depth is that of a day"):
        small({"networks.gridnet.token.market": market, "networks.gridnet.token.step": "7 d"})


@pytest.mark.parametrize("step", DAY_AND_WEEK)
def test_belief_in_tokens_wanders_as_far_in_a_year_at_any_step(step: float) -> None:
    sector = {"kind": "token_sector", "sd": 0.8, "trend": 0.3, "step": step}
    quiet = {"institutions.mood": sector, "networks.gridnet.providers.racks.count": 0, "demand": {}}
    sim = Simulation(small(quiet | {"horizon": 1500.0, "record_every": step}))
    sim.run()
    moves = np.diff(np.log(series(sim, "token_sector.factor")))
    sd, drift = 0.8 * math.sqrt(step / 365.25), (0.3 - 0.32) * step / 365.25
    assert moves.std() == pytest.approx(sd, abs=4 * sd / math.sqrt(2 * len(moves)))
    assert moves.mean() == pytest.approx(drift, abs=4 * sd / math.sqrt(len(moves)))


def test_a_cloud_that_nobody_uses_shrinks_at_its_pace_at_any_step() -> None:
    """d ln C / dt = -speed x target."""
    elastic = {"use_target": 0.6, "speed": 2.0, "capacity_max": 100}
    for step in DAY_AND_WEEK:
        changes = {"clouds.bigcloud.elastic": elastic, "clouds.bigcloud.step": step, "demand": {}}
        sim = Simulation(small(changes | {"horizon": 30.0}))
        sim.run(28.5)
        left = sim.world.clouds["bigcloud"].capacity / 60
        assert left == pytest.approx(math.exp(-2.0 * 0.6 * 28 / 365.25))


def test_a_takedown_is_as_likely_in_a_year_at_any_step() -> None:
    """At a hazard of 0.5 a year over 400 years, within four standard errors."""
    for step in DAY_AND_WEEK:
        law = {"takedowns": {"strict": 0.5}, "step": step}
        sim = Simulation(race({f"institutions.regulator.{k}": v for k, v in law.items()}, "57 d"), seed=1)
        actor, looks = sim.world.institutions["regulator"], round(400 * 365.25 / step)
        for n in range(looks):
            sim.world.env._now = (n + 1) * step
            actor._decide()
        assert actor.takedowns == pytest.approx(looks * -math.expm1(-0.5 * step / 365.25), abs=4 * 200**0.5)


def weekly(*paths: str, horizon: str = "57 d", **changes: Any) -> list[Simulation]:
    """The race of the labs with parts that act daily, then weekly."""
    sims = []
    for step in DAY_AND_WEEK:
        sim = Simulation(race({f"{path}.step": step for path in paths} | changes, horizon), seed=1)
        sim.run(56.5)
        sims.append(sim)
    return sims


def test_labs_that_pay_weekly_spend_as_much_as_those_that_pay_daily() -> None:
    without_rounds = {"institutions.investors.rounds.attempts_per_year": 0.0}
    daily, coarse = weekly(*(f"labs.{name}" for name in LABS), **ALONE, **without_rounds)
    for name in LABS:
        ours, theirs = (sim.world.labs[name] for sim in (coarse, daily))
        assert ours.funding.spent_usd == pytest.approx(theirs.funding.spent_usd, rel=0.02)
        assert ours.cash == pytest.approx(theirs.cash, rel=0.03, abs=1e3)
        assert ours.researchers == pytest.approx(theirs.researchers, rel=1e-3)
    burn = [sim.world.labs["openai"].funding.burn for sim in (coarse, daily)]
    assert burn[0] == pytest.approx(burn[1], rel=0.05)
    assert coarse.world.ledger.imbalance("USD") == 0


def test_research_goes_as_far_in_weeks_as_in_days() -> None:
    daily, coarse = weekly(*(f"labs.{name}" for name in LABS), "institutions.frontier", **ALONE)
    for name in LABS:
        grown = [s[-1] - s[0] for s in (series(x, f"{name}.research.log_software") for x in (daily, coarse))]
        assert grown[1] == pytest.approx(grown[0], rel=0.05)
    public = [sim.world.institutions["frontier"].log_software for sim in (daily, coarse)]
    assert public[1] == pytest.approx(public[0], abs=0.005)


def test_a_week_s_chips_are_those_of_seven_days() -> None:
    daily, coarse = weekly("institutions.chip_supply")
    ours, theirs = (sim.world.institutions["chip_supply"] for sim in (coarse, daily))
    assert ours.made == pytest.approx(theirs.made, rel=0.01)
    assert ours.delivered == pytest.approx(theirs.delivered, rel=0.05)
    swing = ours.rules.swing
    assert swing is None or abs(ours._deviation) < 5 * swing.sd


def test_the_mood_of_investors_forgets_as_fast_at_any_step() -> None:
    """Its correlation after four weeks is e^(-reversion x 28 / 365.25) for both."""
    for step in DAY_AND_WEEK:
        sim = Simulation(race({"institutions.investors.step": step}, "57 d"), seed=1)
        actor, looks = sim.world.institutions["investors"], round(28 / step)
        moods = []
        for n in range(600 * looks):
            sim.world.env._now = float((n + 1) * step)
            actor._wander()
            moods.append(actor.sentiment)
        seen = np.array(moods[::looks])
        rules = actor.rules.sentiment
        kept = math.exp(-rules.reversion * 28 / 365.25)
        spread = rules.sd * math.sqrt((1 + kept**2) / (1 - kept**2) / 2 / len(seen))
        assert seen.std() == pytest.approx(rules.sd, abs=5 * spread)
        assert np.corrcoef(seen[1:], seen[:-1])[0, 1] == pytest.approx(kept, abs=5 / math.sqrt(len(seen)))


def test_open_weights_come_out_at_the_first_look_after_they_are_due() -> None:
    often = {"labs.open_weights.releases_per_year": 30.0}
    daily, coarse = weekly("labs.open_weights", **often)
    days, weeks = ([r.day for r in sim.world.labs["open_weights"].releases] for sim in (daily, coarse))
    assert len(days) >= 2
    assert weeks == [math.ceil(day / 7) * 7 for day in days]


def test_a_scoreboard_that_looks_weekly_finds_the_same_gaps() -> None:
    daily, coarse = weekly("institutions.scoreboard")
    for name in ("gap.quality.served_points_end", "gap.quality.trained_lag_days_end"):
        assert outcome(coarse, name) == outcome(daily, name)
    for name in ("gap.quality.served_lag_days", "gap.quality.trained_points"):
        assert outcome(coarse, name) == pytest.approx(outcome(daily, name), rel=0.1)
    assert len(coarse.world.institutions["scoreboard"].served) == len(
        daily.world.institutions["scoreboard"].served
    )


def test_rounds_that_are_alike_are_those_that_are_drawn_where_nothing_is_left_to_luck() -> None:
    one, five = (simulate({"one_round_in": n}, horizon="20 d")[0] for n in (1, 5))
    assert five.all_runs.rounds == one.all_runs.rounds
    assert five.all_runs.flop == pytest.approx(one.all_runs.flop)
    assert five.all_runs.seconds == pytest.approx(one.all_runs.seconds)


def test_one_round_in_five_brings_as_many_updates_as_every_round() -> None:
    """Eight nodes of which nine in ten are there: within four standard errors."""
    luck = {"nodes.hosts.availability": 0.9, "nodes.hosts.jitter": 0.05, "nodes.hosts.failures": 0.02}
    runs = [simulate(luck | {"one_round_in": n, "rounds_per_event": 100}, horizon="20 d")[0] for n in (1, 5)]
    updates = [run.all_runs.updates / run.all_runs.rounds for run in runs]
    error = math.sqrt(8 * 0.9 * 0.1 / (runs[1].all_runs.rounds / 5))
    assert updates[1] == pytest.approx(updates[0], abs=4 * error)
    assert 6.5 < updates[0] < 7.5
    utilisation = [run.all_runs.utilisation for run in runs]
    assert utilisation[1] == pytest.approx(utilisation[0], rel=0.02)


def test_a_round_must_stand_for_a_whole_part_of_an_event() -> None:
    with pytest.raises(ScenarioError, match="a divisor of rounds_per_event"):
        simulate({"one_round_in": 3})


def test_hosts_that_go_together_are_as_many_and_get_as_much() -> None:
    nets = [
        render({"salad": SALAD, "salad_hosts": HOSTS | {"represents": n}} | QUIET, until=14.5)[1]
        for n in (1, 10)
    ]
    fine, coarse = (net.salad.hosts for net in nets)
    assert coarse.count == fine.count == 500 and len(coarse.alive) == 50
    assert coarse.mean_net == pytest.approx(fine.mean_net, rel=0.2)
    assert nets[1].salad.rewarded == pytest.approx(nets[0].salad.rewarded, rel=0.01)
