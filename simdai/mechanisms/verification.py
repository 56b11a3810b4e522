"""What checking costs: audits, redundancy, fingerprints, proof systems, privacy techniques, censorship.

Shares lie in [0, 1]. An overhead v is the share of all compute spent that is not the customer's own work, so
checked work costs v' = v/(1 - v) more than unchecked work. Figures of the world (how long a proof takes, what
an enclave costs) are arguments: they live with the parameters of a scenario.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval

__all__ = [
    "FingerprintAudit",
    "OptimisticProof",
    "PrivacyTechnique",
    "ProofOfLearning",
    "ValidityProof",
    "audit_overhead",
    "bisection_rounds",
    "censored_wait_multiplier",
    "checkers_quit",
    "compliance_pays",
    "detection_probability",
    "detection_without_replacement",
    "deterring_audit_probability",
    "layered_wait_multiplier",
    "markup_from_overhead",
    "min_check_probability",
    "overhead_from_multiplier",
    "quality_factor",
    "redundancy_copies",
    "redundancy_overhead",
]


def min_check_probability(cost_saved: float, reward: float, slashed: float) -> float:
    """Least audit probability that makes honesty pay: ``C / (R + S)``, with perfect detection.

    Cheating yields (1 - p) R - p S, honesty R - C.

    Parameters
    ----------
    cost_saved : C, cost that a cheat saves, any unit
    reward, slashed : R, paid when not caught; S, lost when caught, same unit

    Returns
    -------
    float; above 1 no audit rate makes honesty pay

    Raises
    ------
    ValueError : a negative argument; neither reward nor slash

    Notes
    -----
    Source: arXiv:2405.00295 (proof of sampling); the inequality is derived here.
    """
    non_negative(cost_saved=cost_saved, reward=reward, slashed=slashed)
    positive(at_stake=reward + slashed)
    return cost_saved / (reward + slashed)


def deterring_audit_probability(gain: float, slash: float) -> float:
    """Audit probability p* = g / (g + S) at which the expected slash p S equals the expected gain (1 - p) g.

    ``gain`` of an undetected cheat and ``slash`` when caught, in one unit; 0 without gain, 1 without slash.
    Raises ValueError for a negative argument.
    """
    non_negative(gain=gain, slash=slash)
    return gain / (gain + slash) if gain else 0.0


def detection_probability(samples: float, cheat_fraction: float) -> float:
    """Chance that at least one of ``samples`` independent checks hits a cheated item: ``1 - (1 - f)^n``.

    Raises ValueError for negative samples or a fraction outside [0, 1]. For checks of distinct items of a
    small batch use :func:`detection_without_replacement`.
    """
    non_negative(samples=samples)
    unit_interval(cheat_fraction=cheat_fraction)
    if cheat_fraction == 1:
        return 1.0 if samples else 0.0
    return 0.0 - math.expm1(samples * math.log1p(-cheat_fraction))


def detection_without_replacement(items: int, cheated: int, samples: int) -> float:
    """Chance that ``samples`` distinct items out of ``items`` hold at least one of the ``cheated``.

    Hypergeometric. Raises ValueError unless 0 <= cheated, samples <= items.
    """
    non_negative(cheated=cheated, samples=samples, honest=items - cheated, unchecked=items - samples)
    return 1.0 - math.comb(items - cheated, samples) / math.comb(items, samples)


def audit_overhead(probability: float, cost: float) -> float:
    """Share v of compute lost to audits: ``p c / (1 + p c)``.

    Parameters
    ----------
    probability : p, share of work audited
    cost : c, cost of one audit relative to the work: 1 re-runs it, 1/s with a check s times faster (0.01 for
        activation fingerprints, arXiv:2501.16007)

    Raises
    ------
    ValueError : a probability outside [0, 1], a negative cost
    """
    unit_interval(probability=probability)
    non_negative(cost=cost)
    return probability * cost / (1.0 + probability * cost)


def redundancy_overhead(copies: float) -> float:
    """Share v of compute lost when all work runs ``copies`` times: ``1 - 1/r``; ValueError below 1."""
    at_least(1, copies=copies)
    return 1.0 - 1.0 / copies


def redundancy_copies(cheat_fraction: float, undetected: float) -> int:
    """Fewest copies such that all cheat alike with probability at most ``undetected``: least r, f^r <= u.

    Copies go to independent nodes of which ``cheat_fraction`` collude. Raises ValueError unless f is in
    [0, 1) and u in (0, 1].
    """
    unit_interval(cheat_fraction=cheat_fraction, undetected=undetected)
    positive(undetected=undetected, honest=1.0 - cheat_fraction)
    if cheat_fraction <= undetected:
        return 1
    copies = math.ceil(math.log(undetected) / math.log(cheat_fraction))
    met = undetected * (1.0 + 1e-12)  # 0.2^3 is 0.008 but for rounding
    return copies - 1 if cheat_fraction ** (copies - 1) <= met else copies


def overhead_from_multiplier(multiplier: float) -> float:
    """Overhead v of work that costs ``multiplier`` times as much: ``1 - 1/m``; ValueError below 1."""
    at_least(1, multiplier=multiplier)
    return 1.0 - 1.0 / multiplier


def markup_from_overhead(overhead: float) -> float:
    """Mark-up v' = v / (1 - v) on the cost of useful work; infinite at v = 1. ValueError outside [0, 1]."""
    unit_interval(overhead=overhead)
    return overhead / (1.0 - overhead) if overhead < 1 else math.inf


def quality_factor(undetected: float) -> float:
    """Factor on the efficiency of a training run with a share x of undetected cheated work: ``(1 - x)^2``.

    A modelling assumption (no source). Raises ValueError for a share outside [0, 1].
    """
    unit_interval(undetected=undetected)
    return (1.0 - undetected) ** 2


def checkers_quit(bounty: float, fraud_share: float, check_cost: float) -> bool:
    """Verifier's dilemma: return whether honest checkers stop, ``bounty x f < c``.

    When nobody cheats nobody finds a bounty, so checking stops and cheating starts: forced errors or random
    audits keep f up. Amounts in one unit. Raises ValueError for a negative amount or a share outside [0, 1].
    """
    non_negative(bounty=bounty, check_cost=check_cost)
    unit_interval(fraud_share=fraud_share)
    return bounty * fraud_share < check_cost


def bisection_rounds(steps: int) -> int:
    """Rounds of a dispute that halves a computation of ``steps`` steps down to one: ceil(log2 steps).

    Source: arXiv:2401.17555 (optimistic machine learning). Raises ValueError below 1 step.
    """
    at_least(1, steps=steps)
    return (steps - 1).bit_length()


@dataclass(frozen=True)
class FingerprintAudit:
    """Audit by a locality-sensitive hash of activations that the worker commits to (arXiv:2501.16007).

    Parameters
    ----------
    bytes_per_block, block_tokens : B and tokens: size of the hash of one block of tokens
    speedup : how many times faster the check is than the inference, >= 1
    detection : chance that a checked cheat is seen, in [0, 1]
    """

    bytes_per_block: float
    block_tokens: int
    speedup: float
    detection: float = 1.0

    def __post_init__(self) -> None:
        positive(bytes_per_block=self.bytes_per_block, block_tokens=self.block_tokens)
        at_least(1, speedup=self.speedup)
        unit_interval(detection=self.detection)

    def proof_bytes(self, tokens: int) -> float:
        """Bytes to store for ``tokens`` generated tokens; a started block counts."""
        return -(-tokens // self.block_tokens) * self.bytes_per_block

    def overhead(self, probability: float) -> float:
        """Share of compute lost when ``probability`` of the work is checked."""
        return audit_overhead(probability, 1.0 / self.speedup)

    def detects(self, checks: float, cheat_fraction: float) -> float:
        """Chance that ``checks`` independent checks see at least one cheat."""
        unit_interval(cheat_fraction=cheat_fraction)
        return detection_probability(checks, cheat_fraction * self.detection)


class ProofCost(NamedTuple):
    """Extra cost of a proved unit of work, in units of that work."""

    prover: float
    verifier: float


@dataclass(frozen=True)
class ValidityProof:
    """Proof in zero knowledge: the prover pays, anyone verifies for little (zkGPT, NanoZK, zkLLM).

    Parameters
    ----------
    work_s : s, the plain computation
    prove_s, verify_s : s, making and checking its proof
    proof_bytes : B
    """

    work_s: float
    prove_s: float
    verify_s: float
    proof_bytes: float = 0.0

    def __post_init__(self) -> None:
        positive(work_s=self.work_s)
        non_negative(prove_s=self.prove_s, verify_s=self.verify_s, proof_bytes=self.proof_bytes)

    @property
    def cost(self) -> ProofCost:
        """Prover's and one verifier's extra cost, relative to the work."""
        return ProofCost(self.prove_s / self.work_s, self.verify_s / self.work_s)

    @property
    def overhead(self) -> float:
        """Share of compute lost with one verifier."""
        extra = sum(self.cost)
        return extra / (1.0 + extra)


@dataclass(frozen=True)
class OptimisticProof:
    """Results stand unless challenged in time; a dispute bisects to one step (opML, arXiv:2401.17555).

    Parameters
    ----------
    challenge_days : d, until a result is final
    check_probability : chance that one checker checks a given result honestly
    checkers : number of independent checkers
    check_cost : cost of one check relative to the work (1 when it is re-run)
    """

    challenge_days: float
    check_probability: float
    checkers: int
    check_cost: float = 1.0

    def __post_init__(self) -> None:
        non_negative(challenge_days=self.challenge_days, checkers=self.checkers, check_cost=self.check_cost)
        unit_interval(check_probability=self.check_probability)

    @property
    def security(self) -> float:
        """Chance that a false result is challenged: one honest check is enough."""
        return detection_probability(self.checkers, self.check_probability)

    @property
    def overhead(self) -> float:
        """Share of compute lost to the checks when nobody cheats."""
        extra = self.checkers * self.check_probability * self.check_cost
        return extra / (1.0 + extra)


@dataclass(frozen=True)
class ProofOfLearning:
    """Stored checkpoints of a training run, part of whose steps a verifier repeats (arXiv:2108.09454).

    Parameters
    ----------
    checked_share : share of the training steps that are repeated
    forgery_share : cost of forging a transcript, relative to the training
    """

    checked_share: float
    forgery_share: float

    def __post_init__(self) -> None:
        unit_interval(checked_share=self.checked_share)
        non_negative(forgery_share=self.forgery_share)

    @property
    def overhead(self) -> float:
        """Share of compute lost to repeating steps."""
        return audit_overhead(1.0, self.checked_share)

    def forgery_gain(self, training_cost: float, reward: float, slashed: float, detection: float) -> float:
        """Gain of forging over training, any one unit: cost saved less ``detection`` x (reward + slash)."""
        non_negative(training_cost=training_cost, reward=reward, slashed=slashed)
        unit_interval(detection=detection)
        return (1.0 - self.forgery_share) * training_cost - detection * (reward + slashed)


@dataclass(frozen=True)
class PrivacyTechnique:
    """A way to compute on protected data: enclave, noise, multi-party or homomorphic computation.

    Parameters
    ----------
    multiplier : compute relative to plain text, >= 1
    accuracy_loss : accuracy given up, in [0, 1] (differential privacy)
    trust : what must hold for the protection, in words
    """

    multiplier: float
    accuracy_loss: float = 0.0
    trust: str = ""

    def __post_init__(self) -> None:
        at_least(1, multiplier=self.multiplier)
        unit_interval(accuracy_loss=self.accuracy_loss)

    @classmethod
    def from_throughput_loss(
        cls, loss: float, accuracy_loss: float = 0.0, trust: str = ""
    ) -> PrivacyTechnique:
        """Return the technique that loses a share ``loss`` of throughput: multiplier 1/(1 - loss)."""
        unit_interval(loss=loss)
        positive(throughput_left=1.0 - loss)
        return cls(1.0 / (1.0 - loss), accuracy_loss, trust)

    @property
    def overhead(self) -> float:
        """Share of compute lost."""
        return overhead_from_multiplier(self.multiplier)

    def cost(self, plain: float) -> float:
        """Cost of work whose plain-text cost is ``plain``, same unit."""
        non_negative(plain=plain)
        return plain * self.multiplier

    def serves(self, premium: float, plain: float) -> bool:
        """Return whether customers who pay ``premium`` above the plain cost cover the extra cost."""
        return premium >= self.cost(plain) - plain


def censored_wait_multiplier(share: float) -> float:
    """Mean wait of a censored request relative to an uncensored one: ``1 / (1 - q)``, infinite at 1.

    Parameters
    ----------
    share : q, share of producers that censor; producers are drawn independently and retries are free

    Raises
    ------
    ValueError : a share outside [0, 1]

    Notes
    -----
    Fits Ethereum in 2022: q = 0.46 of blocks, 85% longer waits (arXiv:2305.18545).
    """
    unit_interval(share=share)
    return 1.0 / (1.0 - share) if share < 1 else math.inf


def layered_wait_multiplier(shares: tuple[float, ...] | list[float]) -> float:
    """Mean wait through layers (gateway, relay, builder, host, chain) that must all pass a request at once.

    Product of :func:`censored_wait_multiplier` over the layers; infinite as soon as one censors wholly.
    """
    return math.prod((censored_wait_multiplier(share) for share in shares), start=1.0)


def compliance_pays(
    penalty_probability: float, penalty: float, revenue: float, ideology: float = 0.0
) -> bool:
    """Return whether a node censors: the expected penalty exceeds the traffic's revenue and its conviction.

    Amounts in one unit over one period. Raises ValueError for a probability outside [0, 1] or a negative
    amount.
    """
    unit_interval(penalty_probability=penalty_probability)
    non_negative(penalty=penalty, revenue=revenue, ideology=ideology)
    return penalty_probability * penalty > revenue + ideology
