"""Open training runs: decided by a community, computed by volunteers, paid from what a network creates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from simdai.economy.actors import Training, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.economy.models import Release
from simdai.errors import Problem
from simdai.mechanisms.low_communication import join_time_s
from simdai.mechanisms.scaling import training_flop
from simdai.mechanisms.verification import quality_factor
from simdai.registry import FrozenMapping
from simdai.training.budget import Budget, Purse
from simdai.training.checks import Checks
from simdai.training.governance import Decisions, Governance
from simdai.training.membership import Membership
from simdai.training.model_quality import Quality, Yardstick
from simdai.training.nodes import Entry, NodeKind, Nodes
from simdai.training.recipe import Recipe, compute_kept, forecast
from simdai.training.rounds import Block, Crew, Luck, Plan, Rounds, Setting, simulate
from simdai.training.run_report import RunReport
from simdai.units import Date, Days, Name, Number, PositiveCount, Quantity

__all__ = ["OpenRun", "OpenRunning", "Progress"]

SECONDS_PER_DAY = 86_400.0
DAYS_PER_YEAR = 365.25


class OpenRun(Training, kind="open_run"):
    """One training run after the other: proposal, preparation, rounds, release.

    Parameters
    ----------
    budget : what nodes are paid
    nodes : kinds of nodes by name; entry : when they come and go
    recipe, rounds, quality : what is trained, how, and what it is worth
    checks : of contributed work; nobody cheats without
    governance : who decides what is trained and when; decided at once without
    preparation, evaluation, pause : from decision to first round, from last round to release, from release to
        the next proposal
    incidents : per year of training, after which a run stands still until somebody acts
    rounds_per_event : rounds between two looks at who is there
    one_round_in : of so many rounds of these in a row one is drawn, and the others are like it
    contributors : the open project whose people improve the run's software; none without
    record : models of the run's community that were out before the start, date to index
    """

    budget: Budget
    nodes: FrozenMapping[Name, NodeKind]
    entry: Entry
    recipe: Recipe
    rounds: Rounds
    quality: Quality
    checks: Checks | None = None
    governance: Governance | None = None
    preparation: Days = 0.0
    evaluation: Days = 0.0
    pause: Days = 0.0
    incidents: Annotated[float, Quantity("1/y", low=0.0)] = 0.0
    rounds_per_event: PositiveCount = 1
    one_round_in: PositiveCount = 1
    contributors: Name | None = None
    record: FrozenMapping[Date, Number] = FrozenMapping()

    def check(self, scenario: Any) -> Iterator[Problem]:
        if not self.nodes:
            yield Problem(path="nodes", found="no kinds of nodes", allowed="at least one")
        if self.rounds_per_event % self.one_round_in:
            allowed = f"a divisor of rounds_per_event, {self.rounds_per_event}"
            yield Problem(path="one_round_in", found=f"{self.one_round_in}", allowed=allowed)
        if self.contributors is not None:
            projects = [name for name, other in scenario.training.items() if other.kind == "open_project"]
            yield from absent("open project", {"contributors": self.contributors}, projects)
        for date in self.record:
            if date > scenario.start:
                allowed = f"{scenario.start}, the start, or before"
                yield Problem(path=f"record.{date}", found=f"{date}", allowed=allowed)

    def build(self, world: World, name: str) -> OpenRunning:
        return OpenRunning(self, world, name)


class Progress:
    """Sums over the rounds of one run, or of all.

    Attributes
    ----------
    rounds, seconds, compute_seconds : of rounds
    updates, cheated : that entered, and those of them that were made up
    flop : of all updates; sound_flop : less checks and what made-up updates spoil
    """

    def __init__(self) -> None:
        self.rounds = self.updates = self.cheated = 0
        self.seconds = self.compute_seconds = self.flop = self.sound_flop = 0.0

    def add(self, block: Block, flop_each: float, overhead: float) -> None:
        """Count a block; one update is worth ``flop_each``."""
        sound = block.accepted.astype(float)
        for r in np.flatnonzero(block.cheated):
            sound[r] *= quality_factor(float(block.cheated[r] / block.accepted[r]))
        self.rounds += len(block.length_s)
        self.seconds += float(block.length_s.sum())
        self.compute_seconds += float(block.compute_s.sum())
        self.updates += int(block.accepted.sum())
        self.cheated += int(block.cheated.sum())
        self.flop += float(block.accepted.sum()) * flop_each
        self.sound_flop += float(sound.sum()) * flop_each * (1.0 - overhead)

    @property
    def replicas(self) -> float:
        """Updates in a mean round; nan before the first."""
        return self.updates / self.rounds if self.rounds else math.nan

    @property
    def utilisation(self) -> float:
        """Share of the time spent computing; nan before the first round."""
        return self.compute_seconds / self.seconds if self.seconds else math.nan


class OpenRunning:
    """Open runs on the clock; a `simdai.economy.models.ModelSource`.

    Attributes
    ----------
    releases : models, those before the start included
    link_level : factor on all links; relief : share of what distance costs that no longer applies
    plan : of the run decided, being decided or under way
    this_run, all_runs : sums over rounds
    done_flop : equivalent at one site of each run finished
    stage : deciding, preparing, training, stopped, evaluating or resting
    """

    open_weights = True

    def __init__(self, rules: OpenRun, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        dishonest = rules.checks.dishonest if rules.checks else 0.0
        self.nodes = Nodes(rules.nodes, world, name, dishonest)
        self.purse = Purse(rules.budget, world, name)
        self.members = Membership(rules.entry, rules.checks, self.nodes, self.purse, world, name)
        self.yardstick = Yardstick(rules.quality, world, rules.contributors)
        governance = rules.governance
        self.decisions = governance.decisions(world, name) if governance else AtOnce(world, name)
        self.releases = [
            Release(world.days_until(date), index) for date, index in sorted(rules.record.items())
        ]
        self.link_level, self.relief = 1.0, 0.0
        self.this_run, self.all_runs = Progress(), Progress()
        self.done_flop: list[float] = []
        self.stage = "resting"
        self.caught = self.incidents = 0
        self._next_incident = 0.0  # days of training, all runs together
        self._luck = Luck(world, name)
        self._incident = Draws(world.entity("run.incident", name))
        self._usual_s = SECONDS_PER_DAY
        self._crew_state: Any = None
        self._opened = self._began = 0.0

    # -- what others ask -------------------------------------------------------------------------------------

    @property
    def decision_days(self) -> list[float]:
        """Days that each decision to train took."""
        return self.decisions.waits

    @property
    def live_index(self) -> float:
        """Index of the best model out; minus infinity without one."""
        return max((release.index for release in self.releases), default=-math.inf)

    @property
    def log_software(self) -> float:
        """ln A of the run's methods."""
        return self.yardstick.log_software

    @property
    def research_h100e(self) -> float:
        """H100 equivalents of the nodes."""
        return self.nodes.h100e

    @property
    def lent_h100e(self) -> float:
        """H100 equivalents that somebody lends to the nodes."""
        return self.nodes.h100e * (1.0 - 1.0 / self.nodes.level)

    # -- the programme ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the first nodes in and open the first decision."""
        world = self.world
        self.yardstick.start()
        self.members.begin()
        step = self.rules.entry.step
        world.calendar.every(step, Phase.EPOCHS, self._step, first=step)
        RunReport(self).register()
        world.calendar.at(world.env.now, Phase.RUNS, self._propose)

    def _step(self) -> None:
        params = self.plan.params
        slowest = min(kind.down for kind in self.rules.nodes.values()) * self.link_level
        joining = join_time_s(params, slowest) / SECONDS_PER_DAY if self.stage == "training" else 0.0
        self.members.step(joining)

    def _propose(self) -> None:
        """Plan for the nodes at hand and put it to those who decide."""
        self.stage, self._opened = "deciding", self.world.env.now
        self.plan = self._plan()
        self.decisions.decide(self._prepare)

    def _plan(self) -> Plan:
        rules = self.rules
        self.nodes.take_lent()
        return rules.recipe.plan(rules.rounds, self.nodes, self.link_level, self.relief)

    def _prepare(self) -> None:
        self.stage = "preparing"
        self._after(self.rules.preparation, self._begin)

    def _begin(self) -> None:
        self.stage, self._began = "training", self.world.env.now
        self.this_run = Progress()
        self._usual_s = forecast(self._crew(), self.plan.inner_steps).round_s
        self._rounds()

    def _after(self, days: float, action: Any) -> None:
        self.world.calendar.at(self.world.env.now + days, Phase.RUNS, action)

    # -- rounds ----------------------------------------------------------------------------------------------

    @property
    def update_tokens(self) -> float:
        """Tokens behind one update."""
        return self.plan.inner_steps * self.plan.step_tokens

    def _rounds(self) -> None:
        """Run the next rounds; what comes of them is known when they are over."""
        rules, crew = self.rules, self._crew()
        trained = self.this_run.updates * self.update_tokens
        setting = Setting(
            first=self.all_runs.rounds,
            count=rules.rounds_per_event,
            now=self.world.env.now,
            usual_s=self._usual_s,
            tokens_left=self.plan.tokens - trained,
            cheating=self.nodes.dishonest[crew.ids] & self._cheating_pays(),
            caught_chance=rules.checks.caught_chance if rules.checks else 0.0,
            alike=rules.one_round_in,
        )
        block = simulate(crew, self._luck, setting)
        self._after(float(block.length_s.sum()) / SECONDS_PER_DAY, lambda: self._count(block, crew.ids))

    def _crew(self) -> Crew:
        """The nodes of today; made anew when somebody came or went, or links or plan changed."""
        state = self.nodes.changes, self.link_level, self.plan
        if self._crew_state != state:
            self._crew_state = state
            self._crew_now = Crew(self.plan, self.rules.rounds, self.nodes, self.link_level)
        return self._crew_now

    def _cheating_pays(self) -> bool:
        """Whether the dishonest gain by making up updates at today's reward and cost."""
        if self.rules.checks is None or not self.nodes.count:
            return False
        cost = self.nodes.usd_per_day() * self._usual_s / SECONDS_PER_DAY
        return self.rules.checks.cheating_pays(cost, cost * self.members.reward_ratio)

    def _count(self, block: Block, ids: Any) -> None:
        """Credit rounds that are over, and go on, stop or finish."""
        rules, now = self.rules, self.world.env.now
        flop = training_flop(self.plan.params, self.update_tokens)
        overhead = rules.checks.overhead if rules.checks else 0.0
        for progress in (self.this_run, self.all_runs):
            progress.add(block, flop, overhead)
        self._usual_s = float(block.length_s[-1])
        caught = ids[block.caught]
        self.caught += len(caught)
        self.members.expel(caught[self.nodes.here[caught]])
        rest = len(block.length_s)
        for row, back in block.ready.items():
            self.nodes.ready_at[ids[row]] = now + max(back - rest, 0) * self._usual_s / SECONDS_PER_DAY
        over = self.this_run.updates * self.update_tokens >= self.plan.tokens
        if over or now - self._began >= rules.recipe.longest:
            self._finish()
        elif self._struck():
            self.stage = "stopped"
            self.incidents += 1
            self.decisions.act(self._resume)
        else:
            self._rounds()

    def _struck(self) -> bool:
        """Whether an incident has come due; they fall by the time spent in training."""
        if self.all_runs.seconds < self._next_incident * SECONDS_PER_DAY:
            return False
        self._draw_incident(self.incidents + 1)
        return True

    def _draw_incident(self, number: int) -> None:
        """Set the time of the next incident, by its number."""
        rate = self.rules.incidents / DAYS_PER_YEAR
        self._next_incident += self._incident.exponential(number, 1.0 / rate) if rate else math.inf

    def _resume(self) -> None:
        self.stage = "training"
        self._rounds()

    # -- release ---------------------------------------------------------------------------------------------

    @property
    def equivalent_flop(self) -> float:
        """FLOP at one site that would have done as well as the present run so far."""
        run = self.this_run
        if not run.sound_flop:
            return 0.0
        kappa = self.rules.rounds.payload.kappa
        return run.sound_flop * compute_kept(self.plan, kappa, run.replicas, run.flop, self.relief)

    def _finish(self) -> None:
        self.stage = "evaluating"
        self._after(self.rules.evaluation, self._release)

    def _release(self) -> None:
        """Bring the model out, if anything was trained at all, and rest before the next proposal."""
        self.stage, now = "resting", self.world.env.now
        flop = self.equivalent_flop
        if flop > 0:
            self.done_flop.append(flop)
            index = self.yardstick.index(flop)
            self.releases.append(Release(now, index, self.this_run.flop, now - self._opened))
        self._after(max(self.rules.pause, 1e-6), self._propose)


class AtOnce(Decisions):
    """Nobody needs to be asked."""

    def decide(self, action: Any) -> None:
        self._done(self.world.env.now, action)
