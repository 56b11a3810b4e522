"""Studies over runs made without a simulation, so that runners, stores and analyses can be tested alone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import simdai
from simdai.experiments.runners import Inline
from simdai.experiments.study import Study
from simdai.experiments.study_file import StudyFile, load_study
from simdai.experiments.sweeping import swept

NAMES = ("scale", "networks.gridnet.token.price", "networks.gridnet.emit.per_day", "clouds.bigcloud.price")


def numbers_of(scenario: Any) -> dict[str, float]:
    """The four numbers of the base that made studies vary."""
    network = scenario.networks["gridnet"]
    price = scenario.clouds["bigcloud"].price
    return {
        "a": scenario.scale,
        "b": network.token.price,
        "c": network.emit.rules[0].per_day,
        "d": getattr(price, "value", price),
    }


@dataclass(frozen=True)
class Formula:
    """Makes a run whose outcome ``y`` is a formula of a, b, c and d plus normal noise.

    The noise is a function of seed and replication alone, so points share it.
    """

    text: str = "a"
    cost: str = "0.0"
    noise: float = 0.0
    fails_above: float = float("inf")
    dies_at: tuple[int, ...] = ()
    hangs_at: tuple[int, ...] = ()
    greedy_at: tuple[int, ...] = ()
    seconds: float = 0.0

    def __call__(self, scenario: Any, seed: int, replication: int, plan: Any, watch: Any = None) -> Any:
        numbers = numbers_of(scenario)
        if numbers["a"] > self.fails_above:
            raise ValueError(f"a = {numbers['a']:g} is made to fail")
        if replication in self.dies_at:
            os._exit(9)
        if replication in self.greedy_at:
            bytearray(2 << 30)
        if self.seconds or replication in self.hangs_at:
            time.sleep(60.0 if replication in self.hangs_at else self.seconds)
        luck = np.random.default_rng([seed, replication]).normal(size=3)
        y = float(eval(self.text, {"np": np}, numbers)) + self.noise * luck[0]
        cost = float(eval(self.cost, {"np": np}, numbers))
        times = np.arange(4.0)
        return SimpleNamespace(
            outcomes={"y": y, "z": -y + luck[1], "constant": 1.0, "cost": cost},
            units={"y": "USD", "z": "1", "constant": "1", "cost": "USD", "level": "USD"},
            times=times,
            series={"level": y + times},
            digest=hash((seed, replication)) % 2**63,
            digests=[1, 2, 3, 4],
            n_events=5,
            kernel="reference",
            trace=None,
        )


def factor(path: str, low: float = 1.0, high: float = 2.0) -> dict[str, Any]:
    return {"kind": "uniform", "path": path, "low": low, "high": high}


def asked(factors: int = 2, **changes: Any) -> StudyFile:
    """A study of a (and b, c, d), each from 1 to 2."""
    names = dict(zip("abcd"[:factors], NAMES, strict=False))
    content: dict[str, Any] = {
        "base": simdai.load("examples/minimal"),
        "uncertainties": {name: factor(path) for name, path in names.items()},
        "outcomes": ["y", "z"],
        "design": {"kind": "factorial", "levels": 2},
    }
    return load_study({**content, **changes})


def made(study: StudyFile, formula: Formula | str = "a", by: Any = None, **options: Any) -> Study:
    """Make a study's runs by a formula."""
    simulate = Formula(formula) if isinstance(formula, str) else formula
    return swept(study, by or Inline(), progress=False, simulate=simulate, **options)
