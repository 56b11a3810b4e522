"""Federated training on the machines of those who own the data, round by round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.mechanisms.scaling import training_flop
from simdai.training.access import Federated
from simdai.training.nodes import Nodes
from simdai.training.recipe import compute_kept, forecast
from simdai.training.rounds import Crew, Luck, Plan, Setting, simulate

__all__ = ["FederatedTraining", "Trained"]

SECONDS_PER_DAY = 86_400.0
ROUNDS_AT_ONCE = 50


@dataclass(frozen=True)
class Trained:
    """What came of training on owners' machines.

    Parameters
    ----------
    usd : that the machines cost
    kept : share of the tokens that count, what distance costs and what was not reached taken off
    """

    usd: float
    kept: float


class FederatedTraining:
    """Trainings of one run, one after the other; every owner has a machine, whether it takes part or not."""

    def __init__(self, access: Federated, owners: int, world: World, name: str) -> None:
        self.access, self.world = access, world
        slower = access.slowdown if access.epsilon is not None else 1.0
        self.kind = access.node.replace(mfu=access.node.mfu / slower)
        self.nodes = Nodes({"owner": self.kind}, world, name, 0.0)
        self.nodes.join(owners, 0.0)
        self._luck = Luck(world, name)
        self._rounds = 0

    def begin(
        self,
        used: NDArray[np.bool_],
        params: float,
        tokens: float,
        longest: float,
        done: Callable[[Trained], None],
    ) -> None:
        """Train on the machines of the owners who let their data be used.

        Parameters
        ----------
        used : (owners,) who takes part
        params, tokens : of the model, and to train on
        longest : days after which training ends with what it has
        done : called at the end
        """
        self.nodes.here[:] = used
        access = self.access
        plan = Plan(params, tokens, access.inner_steps, access.step_tokens)
        crew = Crew(plan, access.rounds, self.nodes, 1.0)
        if not len(crew.ids):
            done(Trained(0.0, 1.0))
            return
        usual = forecast(crew, plan.inner_steps).round_s
        self._go_on(crew, 0, 0, self.world.env.now, longest, usual, done)

    def _go_on(
        self,
        crew: Crew,
        updates: int,
        rounds: int,
        began: float,
        longest: float,
        usual_s: float,
        done: Callable[[Trained], None],
    ) -> None:
        """Run the next rounds; when they are over, more, or the end."""
        now, plan = self.world.env.now, crew.plan
        each = plan.inner_steps * plan.step_tokens
        trained = updates * each
        if trained >= plan.tokens or now - began >= longest:
            usd = (now - began) * self.kind.usd_per_day(self.world) * len(crew.ids)
            flop = max(training_flop(plan.params, trained), 1.0)
            kappa = self.access.rounds.payload.kappa
            kept = compute_kept(plan, kappa, updates / max(rounds, 1), flop)
            done(Trained(usd, kept * min(trained / plan.tokens, 1.0)))
            return
        honest = np.zeros(len(crew.ids), dtype=bool)
        setting = Setting(self._rounds, ROUNDS_AT_ONCE, now, usual_s, plan.tokens - trained, honest, 0.0)
        block = simulate(crew, self._luck, setting)
        self._rounds += len(block.length_s)
        further = updates + int(block.accepted.sum()), rounds + len(block.length_s)
        self.world.calendar.at(
            now + float(block.length_s.sum()) / SECONDS_PER_DAY,
            Phase.RUNS,
            lambda: self._go_on(crew, *further, began, longest, float(block.length_s[-1]), done),
        )
