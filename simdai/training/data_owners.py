"""Owners of protected data: what they hold, what a leak would cost them, and whom they let use it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import Institution, World
from simdai.mechanisms.privacy import owners_agree
from simdai.units import NonNegative, PositiveCount, PositiveDays, Share, Tokens, Usd

if TYPE_CHECKING:
    from simdai.training.protected_run import ProtectedRunning

__all__ = ["Answers", "DataOwners", "Owning"]

HALF_STEP = 2.0**-54
MICRO = 10**6

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class DataOwners(Institution, kind="data_owners"):
    """Hospitals, banks, offices: each with data of its own that may not simply be handed over.

    Every quantity is lognormal across owners: a median, and the standard deviation of its logarithm.

    Parameters
    ----------
    count : owners
    tokens, tokens_spread : of the domain, that an owner holds
    harm, harm_spread : USD that a full disclosure costs an owner
    handling, handling_spread : USD of lawyers and engineers for each use
    tolerance, tolerance_spread : largest leak that an owner accepts at any price, in full disclosures
    answer : mean time until an owner has decided
    """

    count: PositiveCount
    tokens: Annotated[Tokens, Gt(0.0)]
    tokens_spread: NonNegative = 0.0
    harm: Usd
    harm_spread: NonNegative = 0.0
    handling: Usd
    handling_spread: NonNegative = 0.0
    tolerance: Share
    tolerance_spread: NonNegative = 0.0
    answer: PositiveDays

    def build(self, world: World, name: str) -> Owning:
        return Owning(self, world, name)


@dataclass(frozen=True)
class Answers:
    """What owners say to a request.

    Parameters
    ----------
    agreed : (n,) whether each agrees
    days : (n,) until it has said so
    """

    agreed: Bools
    days: Floats


class Owning:
    """Owners of data on the clock.

    Account: ``NAME.income``, what they were paid for the use of their data.

    Attributes
    ----------
    tokens, harm, handling, tolerance : (n,) of each owner
    hurt : (n,) whether its data have leaked in a run, by the name of the run: it then stays away
    """

    def __init__(self, rules: DataOwners, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.ids: Ints = np.arange(rules.count)
        for what in ("tokens", "harm", "handling", "tolerance"):
            luck = world.entity(f"owner.{what}", name).uniforms(self.ids, 0)
            spread = getattr(rules, f"{what}_spread")
            setattr(self, what, getattr(rules, what) * np.exp(spread * ndtri(luck + HALF_STEP)))
        self._answer = world.entity("owner.answer", name)
        self._leak = world.entity("owner.leak", name)
        self.hurt: dict[str, Bools] = {}
        self.account = f"{name}.income"
        world.ledger.open(self.account)
        self.runs: list[ProtectedRunning] = []

    tokens: Floats
    harm: Floats
    handling: Floats
    tolerance: Floats

    def start(self) -> None:
        """Report what protection brings, once all runs on this data are known."""
        recorder = self.world.recorder
        if not any(run.access.protects for run in self.runs):
            return
        measures = {
            "quality_gain": ("points", "gain"),
            "data_share": ("1", "data_share"),
            "leak": ("1", "leak"),
            "overhead": ("x", "overhead"),
        }
        for measure, (unit, attribute) in measures.items():
            reading = partial(self._niche, measure, attribute)
            recorder.outcome(f"niche.privacy.{measure}", unit, reading)

    def ask(self, run: str, number: int, offer: float, leak: float) -> Answers:
        """Ask all owners for the use of their data.

        Parameters
        ----------
        run, number : who asks, for the how manieth time
        offer : USD for a token
        leak : that the owners must expect, in full disclosures
        """
        willing = owners_agree(offer * self.tokens, leak, self.harm, self.handling, self.tolerance)
        away = self.hurt.get(run, np.zeros(len(self.ids), dtype=bool))
        days = -np.log1p(-self._answer.uniforms(self.ids, number)) * self.rules.answer
        return Answers(willing & ~away, days)

    def suffer(self, run: str, number: int, used: Bools, leak: float) -> float:
        """See whose data leak in a run, and stay away from it from then on; returns the harm in USD."""
        hurt = used & (self._leak.uniforms(self.ids, number) < leak)
        self.hurt[run] = self.hurt.get(run, np.zeros(len(self.ids), dtype=bool)) | hurt
        return float(self.harm[hurt].sum())

    # -- the niche -------------------------------------------------------------------------------------------

    def _niche(self, measure: str, attribute: str) -> float:
        """A measure of the best protected run, or its gain over the best run without protected data."""
        protected = [r for r in self.runs if r.access.protects and math.isfinite(r.gain)]
        best = max(protected, key=lambda run: run.gain, default=None)
        if best is None:
            return math.nan
        value = float(getattr(best, attribute))
        if measure != "quality_gain":
            return value
        public = [run.gain for run in self.runs if not run.access.protects]
        return value - max(public) if public else math.nan
