"""Small worlds of Bittensor for tests, changed by dotted paths."""

from __future__ import annotations

import copy
from typing import Any

from simdai.schema import Scenario
from simdai.simulation import Simulation

CONSENSUS: dict[str, Any] = {
    "version": "yuma3",
    "tempo": 360,
    "kappa": 0.5,
    "bonds_penalty": 1.0,
    "bonds_moving_average": 0.9,
    "permits": 8,
    "stake_threshold": 1000.0,
    "activity_cutoff": 5000,
    "reveal_period": 1,
    "tao_weight": 0.18,
    "immunity": 5000,
    "least_mortal": 4,
}
TYPE: dict[str, Any] = {
    "age": 200.0,
    "alpha": 2e6,
    "alpha_in_pool": 1e6,
    "owner_cost": 10_000.0,
    "owner_sold": 0.8,
    "owner_held": 0.1,
    "miner_cost": 4000.0,
    "occupied": 0.9,
    "sharpness": 2.0,
}
WORLD: dict[str, Any] = {
    "start": "2026-01-01",
    "horizon": "28 d",
    "record_every": "7 d",
    "networks": {
        "bittensor": {
            "kind": "bittensor",
            "token": {
                "symbol": "TAO",
                "decimals": 9,
                "supply": 1.06e7,
                "price": 250.0,
                "market": {"kind": "constant_product", "liquidity": 1e8},
            },
            "step": "1 d",
            "blocks_per_day": 7200,
            "uids": 24,
            "emission": {
                "max_supply": 2.1e7,
                "reward": 1.0,
                "owner_cut": 0.18,
                "shares": {"kind": "price", "burn_penalty": True},
                "injection": {"cap": "root_proportion", "bought": "kept"},
                "ema": {"base": 3e-6, "halving": 201600, "spot_cap": 1.0},
            },
            "consensus": CONSENSUS,
            "pool": {"kind": "balancer", "fee_u16": 33},
            "uid_price": {
                "kind": "decaying",
                "half_life": 360,
                "multiplier": 1.26,
                "minimum": 0.0005,
                "maximum": 100.0,
            },
            "first_uid_price": 0.1,
            "places": {
                "limit": 8,
                "min_lock": 1000.0,
                "lock_interval": 57600,
                "rate_limit": 28800,
                "immunity": 864000,
                "start_delay": 7.0,
                "enabled_after": 7.0,
            },
            "last_lock": 1250.0,
            "root_stake": 5e6,
            "launch_pool": 100.0,
            "types": {"plain": TYPE},
            "subnets": {
                "text": {"type": "plain", "domain": "language", "count": 2, "price": 0.5, "spread": 0.3},
                "images": {"type": "plain", "domain": "vision", "price": 0.2},
            },
            "miners": {
                "skill_spread": 0.4,
                "cost_spread": 0.3,
                "drift": 0.05,
                "reversion": 0.05,
                "returns": 0.5,
                "effort_share": 0.8,
                "least_effort": 0.05,
                "income_memory": 7.0,
                "exit_hazard": 0.1,
                "candidates": 2.0,
                "payback": 10.0,
                "sold": 0.9,
            },
            "validators": {
                "honest": {
                    "count": 4,
                    "stake": 1.0,
                    "own": 0.1,
                    "spread": 0.7,
                    "noise": 0.2,
                    "memory": 3.0,
                    "every": 1.0,
                    "cost": 100.0,
                    "take": 0.18,
                    "child_take": 0.18,
                    "sold": 0.8,
                }
            },
            "stakers": {
                "public": {
                    "count": 6,
                    "wealth": 1.0,
                    "spread": 1.0,
                    "idle": 0.01,
                    "speed": 0.02,
                    "sensitivity": 2.0,
                    "trend": 0.2,
                    "trend_memory": 14.0,
                    "curiosity": 0.01,
                    "claim": "swap",
                    "loyalty": 90.0,
                }
            },
        }
    },
    "demand": {
        "readers": {
            "kind": "subnet_users",
            "network": "bittensor",
            "domain": "language",
            "spend": 20_000.0,
            "reference": 1.0,
            "elasticity": 1.0,
            "choosiness": 2.0,
        }
    },
}


def scenario(changes: dict[str, Any] | None = None) -> Scenario:
    """The small world with values at dotted paths below ``networks.bittensor`` replaced.

    A path that begins with a dot starts at the top; None takes a key out.
    """
    content = copy.deepcopy(WORLD)
    for path, value in (changes or {}).items():
        place = content if path.startswith(".") else content["networks"]["bittensor"]
        *parents, last = path.lstrip(".").split(".")
        for key in parents:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return Scenario(**content)


def simulation(changes: dict[str, Any] | None = None, **keywords: Any) -> Simulation:
    """The small world at its start."""
    return Simulation(scenario(changes), **keywords)


def network(sim: Simulation) -> Any:
    """The network of a simulation."""
    return sim.world.networks["bittensor"]
