"""What all tokens share: a martingale of belief, its trend, Bitcoin's own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simdai.errors import ScenarioError
from simdai.simulation import Simulation
from tests.worlds import small

SECTOR = {"kind": "token_sector", "sd": 0.8}


def world(changes=None, seed=1, horizon="28 d"):
    sim = Simulation(small({"institutions.mood": SECTOR, "horizon": horizon} | (changes or {})), seed=seed)
    sim.run()
    return sim


def test_belief_in_every_token_moves_with_the_sector():
    sim = world()
    sector = sim.world.institutions["mood"]
    assert sector.factor != 1.0
    assert sim.world.networks["gridnet"].token.sentiment == pytest.approx(sector.factor)


def test_the_reference_coin_goes_its_own_way():
    changes = {"institutions.mood": SECTOR | {"bitcoin": "gridnet", "bitcoin_sd": 0.5, "correlation": 0.7}}
    sim = world(changes)
    sector = sim.world.institutions["mood"]
    assert sim.world.networks["gridnet"].token.sentiment == pytest.approx(sector.bitcoin_factor)
    assert sector.bitcoin_factor != sector.factor


def test_nobody_can_expect_the_sector_to_rise_or_fall():
    actor = world().world.institutions["mood"]
    normal = np.random.default_rng(3).standard_normal((20_000, 365))
    step = 0.8 / math.sqrt(365.25)
    yearly = np.exp(step * normal.sum(axis=1) - 365 * step**2 / 2)
    assert abs(yearly.mean() - 1.0) < 4 * yearly.std() / math.sqrt(20_000)
    assert actor._step(0.8, 1.3) == pytest.approx(math.exp(step * 1.3 - step**2 / 2))


def test_a_bear_market_lowers_beliefs_by_its_drift_and_ends():
    bear = {"kind": "token_trend", "at": "2026-01-01", "per_year": -0.6, "lasts": "20 d"}
    plain, bearish = world(), world({"shocks": [bear]})
    a, b = (sim.world.institutions["mood"] for sim in (plain, bearish))
    assert math.log(b.factor / a.factor) == pytest.approx(-0.6 * 19 / 365.25, abs=0.6 / 365.25)
    assert b.trend == 0.0


def test_the_reference_coin_must_exist():
    with pytest.raises(ScenarioError, match="unknown network with a token 'btc'"):
        small({"institutions.mood": SECTOR | {"bitcoin": "btc"}})
