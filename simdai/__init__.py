"""simdai: a discrete-event simulator of decentralized versus centralized AI economics.

>>> import simdai
>>> scenario = simdai.load("first_market")                                    # doctest: +SKIP
>>> results = simdai.run(scenario, seed=1, replications=20, workers=2)        # doctest: +SKIP
>>> results.outcomes                                                          # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Results",
    "Scenario",
    "SimdaiError",
    "Simulation",
    "Study",
    "__version__",
    "compare",
    "load",
    "register",
    "run",
    "stress",
    "sweep",
]

# Loaded when first asked for, so that `import simdai` is quick and brings no table or figure library with it.
_HOMES = {
    "Results": "simdai.results",
    "Scenario": "simdai.schema",
    "SimdaiError": "simdai.errors",
    "Simulation": "simdai.simulation",
    "Study": "simdai.experiments",
    "compare": "simdai.experiments",
    "load": "simdai.schema",
    "register": "simdai.registry",
    "run": "simdai.experiments",
    "stress": "simdai.experiments.stress.scorecard",
    "sweep": "simdai.experiments",
}

if TYPE_CHECKING:
    from simdai.errors import SimdaiError
    from simdai.experiments import Study, compare, run, sweep
    from simdai.experiments.stress.scorecard import stress
    from simdai.registry import register
    from simdai.results import Results
    from simdai.schema import Scenario, load
    from simdai.simulation import Simulation


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'simdai' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
