"""The economy of a run's nodes: what they are paid, what they cost, who joins and who leaves for it."""

from __future__ import annotations

import math

from simdai.economy.actors import World
from simdai.economy.draws import Draws
from simdai.economy.ledger import WORLD
from simdai.mechanisms.choice import smooth
from simdai.mechanisms.low_communication import entry_weight
from simdai.training.budget import Purse
from simdai.training.checks import Checks
from simdai.training.nodes import Entry, Ints, Nodes

__all__ = ["Membership"]

MICRO = 10**6


class Membership:
    """Nodes that come while reward exceeds cost and go while it does not.

    Each step's income is shared among the nodes that are there, whether a run is under way or being prepared.
    At a reward that equals cost as many come as go; the number of nodes settles where the income pays for it.

    Accounts: ``NAME.budget`` (see `Purse`), ``NAME.stakes``.

    Attributes
    ----------
    reward_ratio : reward over cost, as nodes remember it
    diverted_to : account that receives the income instead of the nodes; None while nobody has taken it over
    slashed_usd, diverted_usd : real USD since the start
    """

    def __init__(
        self, rules: Entry, checks: Checks | None, nodes: Nodes, purse: Purse, world: World, name: str
    ) -> None:
        self.rules, self.nodes, self.purse, self.world = rules, nodes, purse, world
        self.reward_ratio = 1.0
        self.diverted_to: str | None = None
        self.slashed_usd = self.diverted_usd = 0.0
        self.stakes = f"{name}.stakes"
        world.ledger.open(self.stakes)
        stake = checks.stake if checks else 0.0
        self._stake = int(stake / world.scale * MICRO)
        self.income_usd_per_day = math.nan
        self._arrive = Draws(world.entity("node.arrive", name))
        self._steps = 0

    def begin(self) -> None:
        """Let the nodes of the start in."""
        self._join(self.rules.start, self.world.env.now)

    def _join(self, n: int, ready_at: float) -> None:
        if not n:
            return
        self.nodes.join(n, ready_at)
        self.world.ledger.transfer(n * self._stake, "USD", WORLD, self.stakes)

    def leave(self, ids: Ints) -> None:
        """Let nodes go with their stakes."""
        self.nodes.leave(ids)
        self.world.ledger.transfer(len(ids) * self._stake, "USD", self.stakes, WORLD)

    def expel(self, ids: Ints) -> None:
        """Throw out nodes that were caught; their stakes are lost."""
        self.leave(ids)
        self.slashed_usd += len(ids) * self._stake / MICRO * self.world.scale

    def step(self, join_days: float) -> None:
        """Pay the step's income, then let nodes go and come.

        Parameters
        ----------
        join_days : time that a newcomer needs to fetch the state of the run
        """
        rules = self.rules
        income = self.purse.accrue() / rules.step
        self.income_usd_per_day = smooth(self.income_usd_per_day, income, rules.step, rules.memory)
        paid = self.purse.pay(self.purse.left_usd, self.diverted_to or WORLD)
        if self.diverted_to:
            self.diverted_usd += paid
        count, cost = self.nodes.count, self.nodes.usd_per_day()
        reward = 0.0 if self.diverted_to else self.income_usd_per_day
        ratio = reward / (cost * max(count, 1)) if cost > 0 else 1.0
        self.reward_ratio = smooth(self.reward_ratio, ratio, rules.step, rules.memory)
        self._steps += 1
        self.leave(self.nodes.leavers(rules, self.reward_ratio, self._steps))
        paid_for = reward / cost if cost > 0 else math.inf
        self._join(self._comers(count, paid_for), self.world.env.now + join_days)

    def _comers(self, count: int, paid_for: float) -> int:
        """Who joins in a step: Poisson, beyond the usual turnover not more than the income pays for."""
        rules = self.rules
        usual = rules.turnover * rules.step * max(count, rules.least, 1)
        mean = usual * entry_weight(max(self.reward_ratio, 0.0), 1.0, rules.sensitivity)
        mean = min(mean, max(paid_for - count, usual))
        number = poisson(mean, self._arrive.uniform(self._steps))
        return number if rules.most is None else max(min(number, rules.most - self.nodes.count), 0)


def poisson(mean: float, uniform: float) -> int:
    """The Poisson count at a quantile: the least n with P(N <= n) above it.

    >>> poisson(1.0, 0.3), poisson(1.0, 0.5), poisson(0.0, 0.99)
    (0, 1, 0)
    """
    n, term = 0, math.exp(-mean)
    total = term
    while total <= uniform and (term > 0.0 or n <= mean):
        n += 1
        term = math.exp(-mean + n * math.log(mean) - math.lgamma(n + 1)) if mean > 0 else 0.0
        total += term
    return n
