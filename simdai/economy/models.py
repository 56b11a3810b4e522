"""Who makes models, what is known of making them, and what each model is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

__all__ = ["Frontier", "ModelSource", "Release"]


@dataclass(frozen=True)
class Release:
    """A model that came out.

    Parameters
    ----------
    day : days from the start of the scenario; negative before it
    index : quality index when it came out [points]
    flop : training compute [FLOP], nan where it is not known
    lead_days : from the decision to build it to its release, nan where it is not known
    """

    day: float
    index: float
    flop: float = math.nan
    lead_days: float = math.nan


@runtime_checkable
class ModelSource(Protocol):
    """An actor that trains models: a closed lab, an open-weight lab, a sequence of open runs.

    Labs stand in ``world.labs``, open runs in ``world.training``; the best model of ``world.training`` is
    what the decentralised side has TRAINED, the best with open weights from anywhere what it can have SERVED.

    Attributes
    ----------
    name : of the actor in the scenario
    open_weights : whether anybody may host what it releases from now on
    live_index : index of the best model it has out, refreshes counted; minus infinity without one
    log_software : ln A, effective compute per FLOP of its methods; 0 for the leading lab at the start
    releases : in the order of their days; index at release
    decision_days : days that each decision to train took, votes and proposals counted
    """

    name: str
    open_weights: bool
    releases: list[Release]
    decision_days: list[float]

    @property
    def live_index(self) -> float: ...

    @property
    def log_software(self) -> float: ...


class Frontier(Protocol):
    """What is publicly known; its kind is ``research_frontier``, exactly one where models are trained.

    Attributes
    ----------
    points_per_oom : k, index points of a tenfold effective compute
    """

    points_per_oom: float

    @property
    def log_software(self) -> float:
        """Natural logarithm of the effective-compute multiplier of published methods, ln A_pub."""
