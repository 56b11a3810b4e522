"""Who decides in the open: a vote of token holders, block by block, or signers; and how long it takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal, Self

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.special import betaincinv

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.mechanisms.governance import EmergencyPath, ProposalPath, Stages, VotingRule
from simdai.registry import Configured
from simdai.units import Count, Days, NonNegative, Number, PositiveCount, PositiveDays, Quantity, Share

__all__ = ["Decisions", "Executive", "Governance", "Signers", "TokenVote", "Voters"]

SECONDS_PER_DAY = 86_400.0

Inside = Annotated[float, Quantity("1", low=0.0, high=1.0), Gt(0.0)]
Floats = NDArray[np.float64]


class Signers(Configured):
    """A multisig that acts without a vote.

    Parameters
    ----------
    count, threshold : signers, and how many must sign
    response : mean time until one signer answers
    """

    count: PositiveCount
    threshold: PositiveCount
    response: PositiveDays

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.threshold > self.count:
            raise ValueError("threshold: more signatures than there are signers")
        return self

    @property
    def path(self) -> EmergencyPath:
        """The rule that these numbers belong to."""
        return EmergencyPath(self.count, self.threshold, self.response * 24.0)


class Voters(Configured):
    """Token holders as voters.

    Stakes follow Zipf's law. Each holder takes part with a probability of its own, drawn once.

    Parameters
    ----------
    count : holders who ever vote
    voting_share : of the supply, that they hold together
    concentration : exponent of Zipf's law; 0 for equal stakes
    turnout : mean probability to take part in a vote
    turnout_spread : a + b of the beta law of these probabilities; larger is more alike
    support : probability that a voter is for a proposal of middling merit
    merit_spread : standard deviation between proposals, in log odds of support
    """

    count: PositiveCount
    voting_share: Inside
    concentration: NonNegative
    turnout: Inside
    turnout_spread: Annotated[float, Quantity("1", low=0.0), Gt(0.0)]
    support: Share
    merit_spread: NonNegative = 0.0


class Governance(Configured, family="governance"):
    """How an open run comes to its decisions."""

    def decisions(self, world: World, name: str) -> Decisions:
        """The decisions of the run ``name``."""
        raise NotImplementedError


class TokenVote(Governance, kind="token_vote"):
    """Forum, off-chain poll, vote in blocks, timelock; failed proposals are revised and start again.

    Parameters
    ----------
    forum, snapshot : discussion, off-chain poll
    delay_blocks, vote_blocks : blocks before the vote opens, blocks it stays open
    timelock : between success and execution
    block : block time
    quorum : share of the supply
    counts : votes that count towards the quorum
    voters : who votes
    revision : what a revision adds to the log odds of support
    emergency : signers who may act at once, to undo and to stop; none without
    """

    forum: Days
    snapshot: Days
    delay_blocks: Count
    vote_blocks: PositiveCount
    timelock: Days
    block: PositiveDays
    quorum: Share
    counts: Literal["turnout", "for", "for_abstain"] = "for"
    voters: Voters
    revision: Number = 0.0
    emergency: Signers | None = None

    @property
    def path(self) -> ProposalPath:
        """The stages that a proposal passes through."""
        seconds = self.timelock * SECONDS_PER_DAY, self.block * SECONDS_PER_DAY
        return ProposalPath(self.forum, self.snapshot, self.delay_blocks, self.vote_blocks, *seconds)

    def decisions(self, world: World, name: str) -> Decisions:
        return Votes(self, world, name)


class Executive(Governance, kind="executive"):
    """One chain of approvers, as in a lab: lognormal time, no vote.

    Parameters
    ----------
    median : time to a decision
    log_sigma : standard deviation of its logarithm
    """

    median: PositiveDays
    log_sigma: NonNegative

    def decisions(self, world: World, name: str) -> Decisions:
        return Orders(self, world, name)


class Decisions:
    """What has been decided, and how long it took.

    Attributes
    ----------
    waits : days from opening to execution of each decision taken
    tries : votes held
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.waits: list[float] = []
        self.tries = 0
        self.opened = 0

    def decide(self, action: Callable[[], None]) -> None:
        """Open a decision; ``action`` is called when it is executed."""
        raise NotImplementedError

    def act(self, action: Callable[[], None]) -> None:
        """Act on an emergency, as fast as the rules allow."""
        self.decide(action)

    def _done(self, opened: float, action: Callable[[], None]) -> None:
        self.waits.append(self.world.env.now - opened)
        action()


class Orders(Decisions):
    """Decisions of an executive."""

    def __init__(self, rules: Executive, world: World, name: str) -> None:
        super().__init__(world, name)
        self.rules = rules
        self._luck = Draws(world.entity("governance.order", name))

    def decide(self, action: Callable[[], None]) -> None:
        now = self.world.env.now
        time = self._luck.lognormal(self.opened, self.rules.median, self.rules.log_sigma)
        self.opened += 1
        self.world.calendar.at(now + time, Phase.RUNS, lambda: self._done(now, action))


class Votes(Decisions):
    """Decisions of token holders.

    Attributes
    ----------
    turnouts : of the votes held, as shares of the supply
    """

    def __init__(self, rules: TokenVote, world: World, name: str) -> None:
        super().__init__(world, name)
        self.rules, self.path = rules, rules.path
        voters = rules.voters
        rank = np.arange(1, voters.count + 1)
        weights = rank**-voters.concentration
        self.stakes: Floats = voters.voting_share * weights / weights.sum()
        self._luck = world.entity("governance.vote", name)
        propensity = world.entity("governance.turnout", name).uniforms(rank - 1, 0)
        a, b = voters.turnout * voters.turnout_spread, (1.0 - voters.turnout) * voters.turnout_spread
        self.propensity: Floats = betaincinv(a, b, propensity) if b > 0 else np.ones(voters.count)
        self._merit = Draws(world.entity("governance.merit", name))
        self._answer = world.entity("governance.answer", name)
        self._emergencies = self._tallies = 0
        self.turnouts: list[float] = []

    # -- votes -----------------------------------------------------------------------------------------------

    def decide(self, action: Callable[[], None]) -> None:
        merit = self._merit.normal(self.opened)
        self.opened += 1
        self._propose(self.world.env.now, self.rules.voters.merit_spread * merit, action)

    def _propose(self, opened: float, merit: float, action: Callable[[], None]) -> None:
        """Bring a proposal to the forum; it comes back, revised, until it passes."""
        stages, calendar = self.path.from_forum(self.world.env.now), self.world.calendar

        def again() -> None:
            self._propose(opened, merit + self.rules.revision, action)

        def poll() -> None:
            yes, no = self.tally(merit)
            if yes > no:
                calendar.at(self.path.day_of(stages.vote_closes), Phase.RUNS, count)
            else:
                again()

        def count() -> None:
            if self.carries(merit):
                executed = self.path.day_of(stages.executed)
                calendar.at(executed, Phase.RUNS, lambda: self._done(opened, action))
            else:
                again()

        calendar.at(stages.poll_closes_d, Phase.RUNS, poll)

    def present(self) -> NDArray[np.bool_]:
        """Who takes part in the next poll or vote."""
        self._tallies += 1
        return self._luck.uniforms(np.arange(len(self.stakes)), 2 * self._tallies) < self.propensity

    def tally(self, merit: float) -> tuple[float, float]:
        """Votes for and against a proposal, as shares of the supply."""
        present = self.present()
        chance = shifted(self.rules.voters.support, merit)
        for_it = self._luck.uniforms(np.arange(len(present)), 2 * self._tallies + 1) < chance
        return float(self.stakes[present & for_it].sum()), float(self.stakes[present & ~for_it].sum())

    def carries(self, merit: float) -> bool:
        """Hold a vote on chain; returns whether it carries."""
        yes, no = self.tally(merit)
        self.tries += 1
        self.turnouts.append(yes + no)
        return self.rule.passes(yes, no, 1.0)

    @property
    def rule(self) -> VotingRule:
        """When a vote carries."""
        return VotingRule(self.rules.quorum, self.rules.counts)

    # -- emergencies -----------------------------------------------------------------------------------------

    def signed_after(self) -> float:
        """Days until enough signers of the emergency path have answered this time; infinite without one."""
        signers = self.rules.emergency
        if signers is None:
            return math.inf
        luck = self._answer.uniforms(np.arange(signers.count), self._emergencies)
        self._emergencies += 1
        return float(np.sort(-np.log1p(-luck) * signers.response)[signers.threshold - 1])

    def act(self, action: Callable[[], None]) -> None:
        now, signed = self.world.env.now, self.signed_after()
        if math.isinf(signed):
            self.decide(action)
        else:
            self.world.calendar.at(now + signed, Phase.RUNS, action)

    # -- capture ---------------------------------------------------------------------------------------------

    def hostile(self, share: float) -> tuple[Stages, bool]:
        """Put a proposal on chain for somebody who bought a share of the supply from holders who do not vote.

        Everybody who takes part votes against it. Returns its stages, and whether it will carry.
        """
        against = float(self.stakes[self.present()].sum())
        self.tries += 1
        return self.path.on_chain(self.world.env.now), self.rule.passes(share, min(against, 1.0 - share), 1.0)


def shifted(probability: float, log_odds: float) -> float:
    """A probability whose log odds are moved."""
    if probability in (0.0, 1.0):
        return probability
    return 1.0 / (1.0 + math.exp(-math.log(probability / (1.0 - probability)) - log_odds))
