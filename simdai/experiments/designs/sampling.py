"""Designs that draw their points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from simdai.errors import EngineError, Problem
from simdai.experiments.designs.points import Design, Factors, Points, quantiles
from simdai.registry import OneOf
from simdai.units import PositiveCount

__all__ = ["Crossed", "LatinHypercube", "Morris", "RandomBalance", "Sobol"]


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The luck of a design, apart from that of the runs."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode())))


class LatinHypercube(Design, kind="latin_hypercube"):
    """Points that fill the space: one in each of ``points`` slices of equal probability, for every factor.

    Source: McKay, Beckman and Conover (1979), Technometrics 21(2).
    """

    analysis: ClassVar[str] = "correlation"

    points: Annotated[PositiveCount, Field(description="how many points")]

    def count(self, factors: Factors) -> int:
        return self.points

    def lay_out(self, factors: Factors, seed: int) -> Points:
        from scipy.stats import qmc

        sampler = qmc.LatinHypercube(d=max(len(factors), 1), rng=generator(seed, "latin_hypercube"))
        return quantiles(factors, sampler.random(self.points))


class Sobol(Design, kind="sobol"):
    """Points from which the share of each factor in an outcome's variance is estimated.

    Two samples A and B of ``base_points`` each, then A with the column of one factor taken from B, for each
    factor: ``base_points * (factors + 2)`` points. Source: Saltelli et al. (2010), Computer Physics
    Communications 181(2).
    """

    analysis: ClassVar[str] = "sobol"

    base_points: Annotated[PositiveCount, Field(description="size of one sample, a power of two")]

    def count(self, factors: Factors) -> int:
        return self.base_points * (len(factors) + 2)

    def lay_out(self, factors: Factors, seed: int) -> Points:
        from scipy.stats import qmc

        k, n = len(factors), self.base_points
        sample = qmc.Sobol(d=2 * k, rng=generator(seed, "sobol")).random(n)
        a, b = sample[:, :k], sample[:, k:]
        mixed = [a, b]
        for column in range(k):
            one = a.copy()
            one[:, column] = b[:, column]
            mixed.append(one)
        return quantiles(factors, np.concatenate(mixed))

    def faults(self, factors: Factors) -> Iterator[Problem]:
        if self.base_points & (self.base_points - 1):
            yield Problem(
                path="base_points", found=str(self.base_points), allowed="a power of two, such as 64"
            )


class Morris(Design, kind="morris"):
    """Walks through the space that move one factor a step at a time: which of many factors matter at all.

    ``trajectories * (factors + 1)`` points. Source: Morris (1991), Technometrics 33(2).
    """

    analysis: ClassVar[str] = "morris"

    trajectories: Annotated[PositiveCount, Field(description="walks, 10 to 50")]
    levels: Annotated[PositiveCount, Field(description="levels of each factor, an even number")] = 4

    def count(self, factors: Factors) -> int:
        return self.trajectories * (len(factors) + 1)

    def lay_out(self, factors: Factors, seed: int) -> Points:
        return quantiles(factors, self.shares(factors, seed))

    def shares(self, factors: Factors, seed: int) -> Points:
        """The points in shares of probability, which is where steps have one length."""
        sample = salib("SALib.sample.morris")
        drawn = generator(seed, "morris").integers(2**31)
        points = sample.sample(problem(factors), self.trajectories, num_levels=self.levels, seed=int(drawn))
        return np.asarray(points, np.float64)

    def faults(self, factors: Factors) -> Iterator[Problem]:
        if self.levels % 2:
            yield Problem(path="levels", found=str(self.levels), allowed="an even number")
        if self.trajectories < 2:
            yield Problem(path="trajectories", found=str(self.trajectories), allowed="at least 2")


class RandomBalance(Design, kind="random_balance"):
    """Every factor at one of its ends, at random, and beside each such point its mirror image.

    Tells which of very many factors matter most from fewer points, ``2 * pairs``, than there are factors.
    Source: Satterthwaite (1959), Random Balance Experimentation, Technometrics 1(2).
    """

    analysis: ClassVar[str] = "correlation"

    pairs: Annotated[PositiveCount, Field(description="points, each with its mirror image; some 30 to 100")]

    def count(self, factors: Factors) -> int:
        return 2 * self.pairs

    def lay_out(self, factors: Factors, seed: int) -> Points:
        ends = generator(seed, "random_balance").integers(0, 2, size=(self.pairs, len(factors)))
        both = np.stack([ends, 1 - ends], axis=1).reshape(2 * self.pairs, len(factors))
        return quantiles(factors, both.astype(np.float64))


class Crossed(Design, kind="crossed"):
    """Every point of a design of the uncertainties with every point of a design of the levers.

    All levers meet the same uncertainties, so what they do is told apart from what the world does.
    """

    uncertainties: Annotated[Any, OneOf("design"), Field(description="design of the uncertainties")]
    levers: Annotated[Any, OneOf("design"), Field(description="design of the levers")]

    def count(self, factors: Factors) -> int:
        return int(self.uncertainties.count(factors.uncertainties)) * int(self.levers.count(factors.levers))

    def lay_out(self, factors: Factors, seed: int) -> Points:
        a = self.uncertainties.lay_out(factors.uncertainties, seed)
        b = self.levers.lay_out(factors.levers, seed)
        return np.hstack([np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))])

    def faults(self, factors: Factors) -> Iterator[Problem]:
        for side in ("uncertainties", "levers"):
            for fault in getattr(self, side).faults(getattr(factors, side)):
                yield replace(fault, path=f"{side}.{fault.path}")


def problem(factors: Factors) -> dict[str, Any]:
    """The factors as SALib names them, in shares of probability."""
    return {"num_vars": len(factors), "names": list(factors), "bounds": [[0.0, 1.0]] * len(factors)}


def salib(module: str) -> Any:
    """Import a module of SALib; `EngineError` with the cure where it is missing."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise EngineError(
            f"the Morris method needs SALib ({error}); pip install 'simdai[discovery]'"
        ) from None
