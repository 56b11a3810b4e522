"""Selfish mining: a pool that withholds the blocks it finds, so that others work in vain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from simdai.economy.actors import World
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.errors import Problem
from simdai.mechanisms.bitcoin import selfish_revenue_share
from simdai.mechanisms.bitcoin_mining import SATOSHI_PER_BTC
from simdai.networks.bitcoin_chain import Withholding
from simdai.units import Share

__all__ = ["SelfishActor", "SelfishMining"]


class SelfishMining(Attack, kind="selfish_mining"):
    """Sites with a share of the hash rate form a pool that withholds its blocks (Eyal and Sirer 2014).

    The network's defences: ``tie_breaking: random``, which caps the reach at a half, and a difficulty rule
    that ``counts_orphans``, without which withholding lowers the difficulty and so pays.

    Parameters
    ----------
    share : of the hash rate that runs when the attack begins, to the nearest site
    reach : share of the other miners that hear of the pool's block first in a tie
    withholds : False: the pool mines honestly, for comparison
    """

    against: ClassVar[tuple[str, ...]] = ("bitcoin",)

    share: Share
    reach: Share
    withholds: bool = True

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against and not network.miners:
            allowed = "a network with 'miners': a stated hash rate has nobody to join a pool"
            yield Problem(path="network", found=f"{self.network!r}", allowed=allowed)

    def build(self, world: World, name: str) -> SelfishActor:
        return SelfishActor(self, world, name)


class SelfishActor(AttackActor):
    """The pool on the clock.

    Its members' machines run as before. What counts as spent is what their hash rate would earn on a chain
    of the intended spacing, as proceeds what the pool's blocks bring, so that the profit is what withholding
    adds; it is negative up to the first retarget. Besides: ``revenue_share`` of the chain's blocks, beside
    ``expected_share`` (`selfish_revenue_share` of the mean hash share) and ``hash_share``.
    """

    rules: SelfishMining

    def __init__(self, rules: SelfishMining, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.members = np.zeros(0, bool)
        self.tie_share = 0.0
        self._blocks = self._own = self._days = self._share_days = 0.0

    def start(self) -> None:
        super().start()
        recorder = self.world.recorder
        for what, function in (
            ("revenue_share", lambda: self._over(0, 1)),
            ("hash_share", lambda: self._over(2, 3)),
            ("expected_share", self._expected),
        ):
            recorder.series(f"{self.account}.{what}", "1", function)
            recorder.outcome(f"{self.account}.{what}", "1", function)

    def _expected(self) -> float:
        share = self._over(2, 3)
        if math.isnan(share) or not self.rules.withholds:
            return share
        return selfish_revenue_share(share, self.tie_share)

    @property
    def sums(self) -> Sums:
        return self.spent, self.earned, self._blocks, self._own, self._days, self._share_days

    def _over(self, whole: int, part: int) -> float:
        """A part of a whole, of those sums that follow the money, since the window began; nan of nothing."""
        since = [now - then for now, then in zip(self.sums, self._then, strict=False)][2:]
        return since[part] / since[whole] if since and since[whole] else math.nan

    def strike(self) -> Callable[[], None]:
        network, rules = self.network, self.rules
        self.members = self._choose(network.miners.running)
        self.tie_share = 0.5 if network.rules.tie_breaking == "random" else rules.reach
        network.pool = self
        self._withholding = Withholding(rules.share, self.tie_share, rules.withholds)
        network.chain.withholding = self._withholding

        def stop() -> None:
            network.pool = network.chain.withholding = None

        return stop

    def _choose(self, running: Any) -> Any:
        """Sites in an order of luck until they have the share; the last is in if that comes nearer to it."""
        luck = self.world.entity("selfish_mining", self.rules.network).uniforms(np.arange(len(running)), 0)
        order = np.argsort(luck)
        up_to = np.cumsum(running[order]) - 0.5 * running[order]
        members = np.zeros(len(running), bool)
        members[order[up_to < self.rules.share * running.sum()]] = True
        return members

    # -- what the network tells ------------------------------------------------------------------------------

    def follow(self, share: float) -> None:
        """The members have a ``share`` of the hash rate until the next epoch."""
        self._withholding.share = share

    def note(self, days: float, blocks: int, own: int, income: float, fair: float) -> None:
        """What an epoch brought; see `simdai.networks.bitcoin.Pool`."""
        usd = self.network.token.price / SATOSHI_PER_BTC / self.world.scale
        self.spent += fair * usd
        self.earned += income * usd
        self._blocks += blocks
        self._own += own
        self._days += days
        self._share_days += self._withholding.share * days
