"""What an open run trains: a stated model, or the best that its nodes can train in a stated time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
from annotated_types import Gt
from pydantic import model_validator

from simdai.mechanisms.low_communication import (
    compression_quality,
    flop_efficiency,
    replica_multiplier,
)
from simdai.mechanisms.scaling import (
    BESIROGLU_2024,
    FLOP_PER_PARAMETER_TOKEN,
    overtrained_allocation,
    training_flop,
)
from simdai.registry import Configured
from simdai.training.nodes import Nodes
from simdai.training.rounds import Crew, Plan, Rounds
from simdai.units import Positive, PositiveCount, PositiveDays, Quantity, Tokens

__all__ = ["Forecast", "Recipe", "compute_kept", "forecast"]

SECONDS_PER_DAY = 86_400.0

PositiveTokens = Annotated[Tokens, Gt(0.0)]

INNER_STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
"""Choices of steps between exchanges, where the recipe leaves them open."""


class Recipe(Configured):
    """What is trained and how.

    Parameters
    ----------
    params, tokens : of a stated model
    days, overtraining : or: the run is to last so long, on so many times the optimal tokens per parameter
    longest : after which a run ends with what it has
    inner_steps : between exchanges; without, as many as make the most of the nodes
    step_tokens : tokens of one replica's step
    step_time : or: seconds that a step lasts on the median node
    """

    params: Positive | None = None
    tokens: PositiveTokens | None = None
    days: PositiveDays | None = None
    overtraining: Positive | None = None
    longest: PositiveDays
    inner_steps: PositiveCount | None = None
    step_tokens: PositiveTokens | None = None
    step_time: Annotated[float, Quantity("s", low=0.0), Gt(0.0)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        stated = (
            self.params is None,
            self.tokens is None,
            self.days is not None,
            self.overtraining is not None,
        )
        if len(set(stated)) != 1:
            raise ValueError("give either 'params' and 'tokens', or 'days' and 'overtraining'")
        if (self.step_tokens is None) == (self.step_time is None):
            raise ValueError("give either 'step_tokens' or 'step_time'")
        return self

    def plan(self, rules: Rounds, nodes: Nodes, link_level: float, relief: float) -> Plan:
        """The plan for the nodes at hand.

        Parameters
        ----------
        link_level : factor on all links
        relief : share of what distance costs in quality that no longer applies, see `compute_kept`
        """
        if self.params is not None and self.tokens is not None:
            return self._with_steps(self.params, self.tokens, rules, nodes, link_level, relief)
        params, plan = 1e9, Plan(1e9, 2e10, 1, 1.0)
        for _ in range(4):  # the model's size and its speed depend on one another, weakly
            plan = self._with_steps(params, 20.0 * params, rules, nodes, link_level, relief)
            expected = forecast(Crew(plan, rules, nodes, link_level), plan.inner_steps)
            flop = max(expected.flops * float(self.days or 0.0) * SECONDS_PER_DAY, 1.0)
            kept = compute_kept(plan, rules.payload.kappa, expected.replicas, flop, relief)
            params = overtrained_allocation(
                flop * kept, float(self.overtraining or 1.0), BESIROGLU_2024
            ).params
            plan = replace(plan, params=params, tokens=flop / (FLOP_PER_PARAMETER_TOKEN * params))
        return plan

    def _with_steps(
        self, params: float, tokens: float, rules: Rounds, nodes: Nodes, link_level: float, relief: float
    ) -> Plan:
        """The plan with its step and the number of steps between exchanges."""
        size = self.step_tokens
        if size is None:
            speed = nodes.level * float(np.median(nodes.flops[nodes.ids])) if nodes.count else 1.0
            size = float(self.step_time or 0.0) * speed / (FLOP_PER_PARAMETER_TOKEN * params)
        if self.inner_steps is not None:
            return Plan(params, tokens, self.inner_steps, size)
        crew = Crew(Plan(params, tokens, 1, size), rules, nodes, link_level)
        flop = training_flop(params, tokens)

        def useful(plan: Plan) -> float:
            expected = forecast(crew, plan.inner_steps)
            return expected.flops * compute_kept(plan, rules.payload.kappa, expected.replicas, flop, relief)

        return max((Plan(params, tokens, h, size) for h in INNER_STEPS), key=useful)


def compute_kept(plan: Plan, kappa: float, replicas: float, flop: float, relief: float = 0.0) -> float:
    """Equivalent compute at one site over compute spent: phi chi, less what a breakthrough gives back.

    Parameters
    ----------
    kappa : dense bits over sent bits
    replicas : that take part in a mean round
    flop : spent [FLOP]
    relief : share of the loss, in logarithms, that no longer applies
    """
    mu = replica_multiplier(plan.params, max(replicas, 1.0), plan.inner_steps)
    phi = flop_efficiency(mu, flop, BESIROGLU_2024)
    return float((phi * compression_quality(kappa)) ** (1.0 - relief))


@dataclass(frozen=True)
class Forecast:
    """What a plan promises, in closed form.

    Parameters
    ----------
    replicas : updates in a mean round
    round_s, utilisation : length of a round, share of it spent computing
    flops : FLOP/s of the updates that enter
    """

    replicas: float
    round_s: float
    utilisation: float
    flops: float


def forecast(crew: Crew, inner_steps: int) -> Forecast:
    """Speed of a plan on nodes without jitter: expected presence, the slowest that is waited for, its link.

    Exact where all nodes are alike and there at all times; see `simulate` for what really happens.
    """
    plan, rules, replicas = crew.plan, crew.rules, crew.replicas
    if not replicas.members:
        return Forecast(0.0, SECONDS_PER_DAY, 0.0, 0.0)
    arrival = crew.arrivals(inner_steps * crew.step_s)
    order = np.argsort(arrival, kind="stable")
    present = float(replicas.chance_of_all(crew.survival(float(arrival.mean()))).sum())
    most = rules.most_accepted or len(arrival)
    rank = min(max(int(np.ceil(rules.accepted * len(arrival) - 1e-9)), 1), most)
    compute, entering = float(arrival[order[rank - 1]]), min(rules.accepted * present, float(most))
    if rules.deadline is not None and compute > rules.deadline:
        compute = rules.deadline
        entering = min(entering, present * float((arrival <= compute).mean()))
    entered = np.zeros((len(arrival), 1), dtype=bool)
    entered[order[: max(round(entering), 1)]] = True
    sync = float(crew.exchange_s(entered)[0])
    length = compute + sync if rules.overlap is None else max(compute, sync) / (1.0 - rules.overlap)
    done = FLOP_PER_PARAMETER_TOKEN * plan.params * plan.step_tokens * inner_steps * entering
    return Forecast(entering, length, compute / length, done / length)
