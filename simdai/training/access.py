"""Ways to train on data that may not be handed over, and what each leaves to be found out."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from simdai.mechanisms.privacy import (
    PrivateAccuracy,
    broken_within,
    disclosed_by_outputs,
    membership_advantage,
)
from simdai.mechanisms.verification import PrivacyTechnique
from simdai.registry import Configured
from simdai.training.nodes import NodeKind
from simdai.training.rounds import Rounds
from simdai.units import Days, Positive, PositiveCount, PositiveDays, Quantity, Share

__all__ = ["Access", "ComputeToData", "Enclave", "Federated", "NoiseCost", "PublicData"]


class Access(Configured, family="access"):
    """How a run gets at data.

    A leak is measured in full disclosures of an owner's data: the probability of one, or of something less
    times the share of the harm that it does.
    """

    protects: ClassVar[bool] = True
    """Whether it uses data of owners at all."""

    @property
    def technique(self) -> PrivacyTechnique:
        """What protection costs in compute."""
        raise NotImplementedError

    @property
    def leak(self) -> float:
        """Expected leak of each owner who takes part in one run."""
        raise NotImplementedError

    def points_lost(self, slope: float) -> float:
        """Index points that protection costs, ``slope`` log odds of accuracy for a point."""
        return 0.0


class PublicData(Access, kind="public_data"):
    """No access to protected data: what is public has to do."""

    protects: ClassVar[bool] = False

    @property
    def technique(self) -> PrivacyTechnique:
        return PrivacyTechnique(1.0, trust="nobody")

    @property
    def leak(self) -> float:
        return 0.0


class NoiseCost(Configured):
    """Accuracy under noise, measured at two privacy budgets; see `PrivateAccuracy`.

    Parameters
    ----------
    plain : without noise
    tight, loose : epsilons measured; at_tight, at_loose : accuracies there
    """

    plain: Share
    tight: Positive
    loose: Positive
    at_tight: Share
    at_loose: Share

    @property
    def rule(self) -> PrivateAccuracy:
        """The rule that these numbers belong to."""
        return PrivateAccuracy(**self.model_dump())


class Federated(Access, kind="federated"):
    """Owners train on their own machines and exchange noisy updates: low-communication training.

    Parameters
    ----------
    node : machine of an owner; rounds : how they train together
    inner_steps, step_tokens : between exchanges, and of one step
    epsilon : privacy budget of a run; no noise without
    noise : what noise costs in accuracy
    slowdown : compute with noise over compute without, at least 1
    member_harm : harm of being found out to be in the data, over that of a full disclosure
    reconstructed : without noise, chance that updates give the data away
    """

    node: NodeKind
    rounds: Rounds
    inner_steps: PositiveCount
    step_tokens: Annotated[float, Quantity("token", low=0.0), Gt(0.0)]
    epsilon: Positive | None
    noise: NoiseCost
    slowdown: Annotated[float, Quantity("1", low=1.0)]
    member_harm: Share
    reconstructed: Share

    @property
    def technique(self) -> PrivacyTechnique:
        if self.epsilon is None:
            return PrivacyTechnique(1.0, trust="whoever sees the updates")
        lost = 1.0 - self.noise.rule.at(self.epsilon) / self.noise.plain
        return PrivacyTechnique(self.slowdown, lost, "the noise")

    @property
    def leak(self) -> float:
        if self.epsilon is None:
            return self.reconstructed
        return self.member_harm * membership_advantage(self.epsilon)

    def points_lost(self, slope: float) -> float:
        return 0.0 if self.epsilon is None else self.noise.rule.points_lost(self.epsilon, slope)


class Enclave(Access, kind="enclave"):
    """Data go encrypted into confidential hardware of a cluster.

    Parameters
    ----------
    loss : share of throughput that confidential training costs
    break_hazard : of the enclave, per year
    held : how long it holds the data
    """

    loss: Annotated[float, Quantity("1", low=0.0, high=1.0), Lt(1.0)]
    break_hazard: Annotated[float, Quantity("1/y", low=0.0)]
    held: PositiveDays

    @property
    def technique(self) -> PrivacyTechnique:
        return PrivacyTechnique.from_throughput_loss(self.loss, trust="the maker of the hardware")

    @property
    def leak(self) -> float:
        return broken_within(self.break_hazard, self.held / 365.25)


class ComputeToData(Access, kind="compute_to_data"):
    """The algorithm visits the data: it runs where they are, and only reviewed outputs leave.

    Parameters
    ----------
    node : machine of an owner, on which visitors run
    passes : visits to each owner in a run
    at_once : owners visited side by side
    review : of the outputs of a visit, before they leave
    fee : USD for a visit
    multiplier : compute in isolation over compute in the open, at least 1
    output_leak : chance that the outputs of one visit give the data away
    """

    node: NodeKind
    passes: PositiveCount
    at_once: PositiveCount
    review: Days
    fee: Annotated[float, Quantity("USD", low=0.0)]
    multiplier: Annotated[float, Quantity("1", low=1.0)]
    output_leak: Share

    @property
    def technique(self) -> PrivacyTechnique:
        return PrivacyTechnique(self.multiplier, trust="the owner's review")

    @property
    def leak(self) -> float:
        return disclosed_by_outputs(self.output_leak, self.passes)
