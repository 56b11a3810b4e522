"""Small worlds for tests: one network, one cloud, one segment, changed by dotted paths."""

from __future__ import annotations

import copy
from typing import Any

from simdai.schema import Scenario
from simdai.simulation import Run, Simulation

SMALL: dict[str, Any] = {
    "start": "2026-01-01",
    "horizon": "28 d",
    "hardware": {
        "h100": {
            "kind": "accelerator",
            "speed": 1.0,
            "memory": 80.0,
            "power": 1000.0,
            "capital_cost": 35064.0,  # 1 USD an hour over four years
            "life": "4 y",
        }
    },
    "clouds": {"bigcloud": {"kind": "cloud", "hardware": "h100", "capacity": 60, "price": 3.0}},
    "networks": {
        "gridnet": {
            "kind": "composed",
            "token": {
                "symbol": "GRID",
                "supply": 1e7,
                "price": 1.0,
                "market": {"kind": "constant_product", "liquidity": 1e6},
            },
            "quote": {"kind": "ask"},
            "pay": {"kind": "usd_direct", "operator_fee": 0.1},
            "match": {"kind": "cheapest"},
            "reward": {"kind": "pro_rata_work"},
            "emit": {"kind": "fixed", "per_day": 100.0},
            "epoch": 7.0,
            "providers": {
                "racks": {
                    "hardware": "h100",
                    "count": 50,
                    "ask": 2.0,
                    "ask_spread": 0.1,
                    "electricity": 0.1,
                    "online": {"kind": "exponential", "mean": 5.0},
                    "offline": {"kind": "exponential", "mean": 0.5},
                    "jurisdictions": {"north": 3.0, "south": 2.0},
                }
            },
        }
    },
    "demand": {
        "startups": {
            "kind": "segment",
            "jobs_per_day": 100.0,
            "service": {"kind": "exponential", "mean": 0.5},
            "choice": {"reference_price": 2.5, "outside_share": 0.2, "price_sensitivity": 2.0},
        }
    },
}

BEHAVIOUR = {
    "income_memory": 7.0,
    "exit_hazard": 0.05,
    "exit_sensitivity": 3.0,
    "entry_threshold": 1.0,
    "entry_speed": 0.05,
    "entry_ceiling": 0.05,
    "entry_lag": 5.0,
}


def small(changes: dict[str, Any] | None = None) -> Scenario:
    """The small world with values at dotted paths replaced; None takes a key out."""
    content = copy.deepcopy(SMALL)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = content
        for key in parents:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return Scenario(**content)


def run(changes: dict[str, Any] | None = None, **keywords: Any) -> Run:
    """Run the small world to its end."""
    return Simulation(small(changes), **keywords).run()
