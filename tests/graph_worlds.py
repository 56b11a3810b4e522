"""Small Graph networks for tests: four indexers, four subgraphs, a few delegators and curators."""

from __future__ import annotations

import copy
from typing import Any

from simdai.networks.the_graph import TheGraphNetwork
from simdai.schema import Scenario
from simdai.simulation import Simulation

SLASHING = {"share": 0.025, "base": "stake", "fisherman": 0.5, "deposit": 10_000.0}
LEGACY: dict[str, Any] = {
    "kind": "legacy",
    "delegation_ratio": 16,
    "minimum_stake": 100_000.0,
    "fee_burn": 0.01,
    "curation_cut": 0.1,
    "max_allocation_epochs": 28,
    "delegation_tax": 0.005,
    "unbonding_epochs": 28,
    "thawing_blocks": 186_092,
    "rebate_alpha": 1.0,
    "rebate_lambda": 0.6,
    "slashing": SLASHING,
}
HORIZON: dict[str, Any] = {
    "kind": "horizon",
    "delegation_ratio": 16,
    "minimum_stake": 100_000.0,
    "fee_burn": 0.01,
    "curation_cut": 0.1,
    "max_poi_staleness": "28 d",
    "thawing": "28 d",
    "stake_to_fees": 10,
    "slashing": SLASHING | {"base": "snapshot", "maximum": 0.1},
}
ORACLE = {
    "kind": "oracle",
    "days": 5.0,
    "window": 28.0,
    "renewal": 14.0,
    "timeout": 7.0,
    "max_seconds": 5.0,
    "max_blocks_behind": 50_000,
    "minimum_signal": 500.0,
}
INDEXERS: dict[str, Any] = {
    "count": 4,
    "stake": 2e6,
    "cost": 10.0,
    "subgraph_cost": 1.0,
    "quality": 1.0,
    "seconds": 0.5,
    "blocks_behind": 10,
    "kept": 0.3,
    "fees_kept": 0.9,
    "review": 20.0,
    "annual_return": 0.1,
}
CONVEX = {"kind": "convex", "tax": 0.025, "reserve_ratio": 0.5, "minimum": 1.0}

WORLD: dict[str, Any] = {
    "start": "2026-01-01",
    "horizon": "60 d",
    "record_every": 10.0,
    "networks": {
        "graph": {
            "kind": "the_graph",
            "block_time": "12 s",
            "epoch": 6646,
            "token": {
                "symbol": "GRT",
                "supply": 1e9,
                "price": 0.1,
                "market": {"kind": "constant_product", "liquidity": 2e7},
            },
            "issuance": {"per_block": 120.73},
            "protocol": HORIZON,
            "curation": {"kind": "flat", "tax": 0.01},
            "eligibility": {"kind": "everybody"},
            "denial_delay": 1.0,
            "gateway": {"price": 4e-5, "quality_sensitivity": 5.0, "settle": 1.0},
            "subgraphs": {"apps": {"count": 4, "signal": 20_000.0, "popularity_spread": 1.0}},
            "indexers": {"crew": INDEXERS},
            "delegators": {"holders": {"count": 6, "tokens": 3e6, "review": 14.0}},
            "curators": {
                "hunters": {"count": 3, "tokens": 1e4, "positions": 2, "review": 14.0, "horizon": 365.0}
            },
            "fishermen": {"tokens": 1e5, "checked": 0.0, "ruling": 7.0, "accuracy": 1.0, "patience": 28.0},
        }
    },
    "demand": {
        "apps_users": {
            "kind": "query_demand",
            "network": "graph",
            "queries": 1e7,
            "outside_share": 0.2,
            "reference_price": 4e-5,
            "price_sensitivity": 1.0,
            "quality_sensitivity": 8.0,
            "lag": 20.0,
            "look": 5.0,
        }
    },
}

TOP = ("start", "horizon", "scale", "shocks", "demand", "networks", "warm_up")


def scenario(changes: dict[str, Any] | None = None) -> Scenario:
    """The world above with values below ``networks.graph`` replaced, or elsewhere where the path says so.

    None takes a key out.
    """
    content = copy.deepcopy(WORLD)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = content if path.split(".")[0] in TOP else content["networks"]["graph"]
        for key in parents:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = copy.deepcopy(value)
    return Scenario(**content)


class Ran:
    """A run, its network and its outcomes without the network's name."""

    def __init__(
        self, changes: dict[str, Any] | None = None, until: float | None = None, seed: int = 1
    ) -> None:
        self.sim = Simulation(scenario(changes), seed=seed)
        self.sim.run(until)
        self.graph: TheGraphNetwork = self.sim.world.networks["graph"]
        self.world = self.sim.world

    def go_on(self, until: float | None = None) -> Ran:
        """Run further."""
        self.sim.run(until)
        return self

    def __getitem__(self, outcome: str) -> float:
        outcomes = self.world.recorder.outcomes()
        return outcomes[f"graph.{outcome}" if f"graph.{outcome}" in outcomes else outcome][0]
