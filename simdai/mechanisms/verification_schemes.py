"""Ways to make sure that paid work was done: what each adds to the work, and what it sees.

Costs are in units of the work itself. The formulas and their sources are in
:mod:`~simdai.mechanisms.verification`; a scheme puts them behind one face, so that a network can be run under
any of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from simdai.mechanisms.verification import (
    OptimisticProof,
    ValidityProof,
    audit_overhead,
    detection_probability,
    markup_from_overhead,
    overhead_from_multiplier,
)
from simdai.registry import Configured
from simdai.units import Count, Days, NonNegative, PerYear, Positive, PositiveCount, PositiveDays, Share, Usd

__all__ = [
    "Circumstances",
    "Enclave",
    "Fingerprinted",
    "Hashed",
    "Optimistic",
    "Proved",
    "Redundant",
    "Sampled",
    "Unchecked",
    "Verification",
]


class Circumstances(NamedTuple):
    """What a scheme's power hangs on at the moment.

    Parameters
    ----------
    cheated : share of all work that is cheated, which colluding cheats pass off as right
    checking : chance that one voluntary checker looks at a given result
    breached : whether protected hardware can be broken into for the time being
    """

    cheated: float = 0.0
    checking: float = 0.0
    breached: bool = False


class Verification(Configured, family="verification"):
    """How work is checked."""

    @property
    def prover_extra(self) -> float:
        """What it adds to the worker's own cost."""
        return 0.0

    def check_extra(self, now: Circumstances) -> float:
        """What all checks of a result cost on average."""
        return 0.0

    @property
    def one_check(self) -> float:
        """Cost of one check of one result: the cost ratio of verification and production."""
        return 1.0

    def detection(self, now: Circumstances) -> float:
        """Chance that cheated work is seen."""
        return 0.0

    @property
    def false_alarm(self) -> float:
        """Chance that honest work is taken for cheated."""
        return 0.0

    @property
    def delay_days(self) -> float:
        """Days until a result is final."""
        return 0.0

    def overhead(self, now: Circumstances) -> float:
        """Share of all compute that is not the work itself."""
        return overhead_from_multiplier(1.0 + self.prover_extra + self.check_extra(now))


class Unchecked(Verification, kind="unchecked"):
    """Nobody checks; a check would be to do the work again."""


class Sampled(Verification, kind="sampled"):
    """A share of the results is done again by a worker drawn at random (arXiv:2405.00295).

    An auditor who cheats too sees nothing.

    Parameters
    ----------
    probability : that a result is audited
    agreement : chance that an audit sees a cheat; below 1 where results differ from machine to machine
    alarm : chance that an audit takes honest work for cheated, for the same reason
    """

    probability: Share
    agreement: Share
    alarm: Share

    def check_extra(self, now: Circumstances) -> float:
        return markup_from_overhead(audit_overhead(self.probability, 1.0))

    def detection(self, now: Circumstances) -> float:
        return self.probability * self.agreement * (1.0 - now.cheated)

    @property
    def false_alarm(self) -> float:
        return self.probability * self.alarm


class Fingerprinted(Verification, kind="fingerprinted"):
    """Workers commit to hashes of activations, which a sample of checks compares (arXiv:2501.16007).

    Parameters
    ----------
    probability : that a result is checked
    speedup : how many times faster than the work a check is
    sees : chance that a check sees a cheat
    alarm : chance that a check takes honest work for cheated
    """

    probability: Share
    speedup: Positive
    sees: Share
    alarm: Share

    def check_extra(self, now: Circumstances) -> float:
        return markup_from_overhead(audit_overhead(self.probability, 1.0 / self.speedup))

    @property
    def one_check(self) -> float:
        return 1.0 / self.speedup

    def detection(self, now: Circumstances) -> float:
        return self.probability * detection_probability(1.0, self.sees)

    @property
    def false_alarm(self) -> float:
        return self.probability * self.alarm


class Redundant(Verification, kind="redundant"):
    """Several workers do the same work, and the majority is right.

    Parameters
    ----------
    copies : an odd number of workers
    collusion : chance that two cheats give the same wrong result
    alarm : chance that an honest copy differs from the other honest ones
    """

    copies: PositiveCount
    collusion: Share
    alarm: Share

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.copies % 2 == 0:
            raise ValueError("copies: an even number may be split; give an odd one")
        return self

    def check_extra(self, now: Circumstances) -> float:
        return self.copies - 1.0

    def detection(self, now: Circumstances) -> float:
        """Fewer than a half of the other copies are the same wrong result."""
        others, same = self.copies - 1, now.cheated * self.collusion
        needed = self.copies // 2  # of the others, to make a majority with the cheat
        return sum(math.comb(others, k) * same**k * (1.0 - same) ** (others - k) for k in range(needed))

    @property
    def false_alarm(self) -> float:
        return self.alarm


class Optimistic(Verification, kind="optimistic"):
    """A result stands unless one of some checkers challenges it in time; checking is voluntary (opML).

    Parameters
    ----------
    checkers : who may check
    challenge : days until a result is final
    check_cost : of one check
    bounty_share : of a slashed stake, to the checkers who found the fraud
    forced_errors : share of results that the network itself gets wrong on purpose, to keep checkers awake
    """

    checkers: PositiveCount
    challenge: PositiveDays
    check_cost: NonNegative
    bounty_share: Share
    forced_errors: Share

    def _proof(self, now: Circumstances) -> OptimisticProof:
        return OptimisticProof(self.challenge, now.checking, self.checkers, self.check_cost)

    def check_extra(self, now: Circumstances) -> float:
        return self.checkers * now.checking * self.check_cost + self.forced_errors

    @property
    def one_check(self) -> float:
        return self.check_cost

    def detection(self, now: Circumstances) -> float:
        return self._proof(now).security

    @property
    def delay_days(self) -> float:
        return self.challenge


class Enclave(Verification, kind="enclave"):
    """Protected hardware attests what it runs; it can be broken while an exploit is not patched.

    Parameters
    ----------
    multiplier : cost of work inside, relative to outside
    attest : cost of checking an attestation
    exploits : a year
    patched_after : days that an exploit is of use
    exploit_cost : USD that a worker must spend to use one
    """

    multiplier: float = Field(ge=1.0)
    attest: NonNegative
    exploits: PerYear
    patched_after: Days
    exploit_cost: Usd

    @property
    def prover_extra(self) -> float:
        return self.multiplier - 1.0

    def check_extra(self, now: Circumstances) -> float:
        return self.attest

    @property
    def one_check(self) -> float:
        return self.attest

    def detection(self, now: Circumstances) -> float:
        return 0.0 if now.breached else 1.0


class Proved(Verification, kind="proved"):
    """A proof in zero knowledge comes with each result.

    Parameters
    ----------
    work, prove, verify : seconds of the plain work, of making its proof, of checking it
    verifiers : who check each proof
    """

    work: PositiveDays
    prove: Days
    verify: Days
    verifiers: PositiveCount

    @property
    def _proof(self) -> ValidityProof:
        return ValidityProof(self.work, self.prove, self.verify)

    @property
    def prover_extra(self) -> float:
        return self._proof.cost.prover

    def check_extra(self, now: Circumstances) -> float:
        return self.verifiers * self._proof.cost.verifier

    @property
    def one_check(self) -> float:
        return self._proof.cost.verifier

    def detection(self, now: Circumstances) -> float:
        return 1.0


class Hashed(Verification, kind="hashed"):
    """Bitcoin: the work is to find a hash below a target, and one hash shows that it was done.

    Parameters
    ----------
    hashes : expected hashes of a block
    nodes : that check each block
    """

    hashes: Positive
    nodes: Count

    def check_extra(self, now: Circumstances) -> float:
        return self.nodes / self.hashes

    @property
    def one_check(self) -> float:
        return 1.0 / self.hashes

    def detection(self, now: Circumstances) -> float:
        return 1.0
