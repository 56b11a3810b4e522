"""Runs made without a simulation, so that storing and counting can be tested alone."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from simdai.errors import ScenarioError
from simdai.experiments.plan import Plan
from simdai.experiments.runners import Pool
from simdai.experiments.work import Listed
from simdai.schema.scenario import Provenance

TRACE = [("time", "f8"), ("kind", "i4"), ("id", "i8")]


@dataclass(frozen=True)
class MadeScenario:
    """What runners and stores ask of a scenario."""

    level: float = 1.0
    name: str = "made"
    question: str = "Does it count?"
    start: datetime.date = datetime.date(2026, 1, 1)
    horizon: float = 4.0
    warm_up: float = 0.0
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def canonical(self) -> str:
        return json.dumps({"level": self.level})

    def varied(self, changes: Mapping[str, Any]) -> MadeScenario:
        return replace(self, **changes)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """Makes a run whose numbers follow from level, seed and replication; some replications fail or die."""

    fails: tuple[int, ...] = ()
    dies: tuple[int, ...] = ()
    mistake: bool = False

    def __call__(self, scenario: Any, seed: int, replication: int, plan: Plan, watch: Any = None) -> Any:
        if self.mistake:
            raise ScenarioError("no such venue")
        if replication in self.fails:
            raise ValueError("made to fail")
        if replication in self.dies:
            os._exit(3)
        times = np.arange(5.0)
        base = scenario.level + seed - 1 + replication
        return SimpleNamespace(
            outcomes={
                "price": base,
                "sometimes": 1.0 if replication % 2 else float("nan"),
                "gap.scale.ratio": 10.0 + base,
                "niche.cost.ratio": 0.1 * base,
            },
            units={
                "price": "USD/h",
                "sometimes": "1",
                "gap.scale.ratio": "x",
                "niche.cost.ratio": "x",
                "market.price": "USD/h",
                "market.queue": "jobs",
            },
            times=times,
            series={"market.price": base + np.sin(times + seed), "market.queue": times * replication},
            digest=2**63 + 10 * seed + replication,
            digests=[(seed * 7919 + replication * 104729 + k * 2**50) % 2**64 for k in range(5)],
            n_events=10,
            seconds=0.001,
            kernel="reference",
            trace=np.array([(0.5, 1, 7), (1.5, 2, 8)], TRACE) if plan.trace else None,
        )


def failing(*replications: int) -> Made:
    """Runs of which some end in an error."""
    return Made(fails=replications)


def plan(scenario: Any = None, simulate: Any = None, **changes: Any) -> Plan:
    """A plan over made runs."""
    scenarios = changes.pop("scenarios", (scenario or MadeScenario(),))
    return Plan(scenarios=scenarios, simulate=simulate or Made(), **changes)


def counting(n: int) -> list[tuple[int, int]]:
    """Which runs two workers hand back."""
    seen: list[tuple[int, int]] = []
    made = plan(replications=n)
    with Pool(2).session(made) as session:
        session(
            Listed(made.tasks()),
            lambda done: seen.extend((d.record.point, d.record.replication) for d in done),
            False,
        )
    return seen
