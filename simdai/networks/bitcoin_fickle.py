"""Fickle mining: hash rate that works on whichever of two chains pays more at the moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from simdai.economy.actors import World, absent
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.calendar import Phase
from simdai.errors import Problem
from simdai.units import Name, NonNegative, Share

__all__ = ["FickleActor", "FickleMining"]

HASHES_PER_TH = 1e12
HOURS_PER_DAY = 24.0
SECONDS_PER_DAY = 86_400


class FickleMining(Attack, kind="fickle_mining"):
    """Miners of another chain come while this one is easy and leave when it has become hard.

    A chain whose difficulty falls fast and rises slowly swings between rushes and droughts, and creates more
    coins than its schedule says; ``difficulty: {kind: work_window}`` is the defence. Both chains have a
    stated hash rate: here that of the loyal miners.

    Parameters
    ----------
    home : the other chain, where they mine otherwise
    share : of its hash rate that is fickle
    threshold : by how much more a hash must earn before they move
    """

    against: ClassVar[tuple[str, ...]] = ("bitcoin",)

    home: Name
    share: Share
    threshold: NonNegative

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        chains = [name for name, n in scenario.networks.items() if n.kind == "bitcoin"]
        yield from absent("network of kind 'bitcoin'", {"home": self.home}, chains)
        for path, name in (("network", self.network), ("home", self.home)):
            network = scenario.networks.get(name)
            if network is not None and network.kind == "bitcoin" and network.hash_rate is None:
                yield Problem(path=path, found=f"{name!r}", allowed="a chain with a stated 'hash_rate'")
        if self.home == self.network:
            yield Problem(path="home", found=f"{self.home!r}, the network itself", allowed="another chain")

    def build(self, world: World, name: str) -> FickleActor:
        return FickleActor(self, world, name)


class FickleActor(AttackActor):
    """The fickle miners on the clock; they look at both chains whenever the one they visit has settled.

    What counts as spent is what the hashes would have earned at home, as proceeds what they earned here.
    Besides: ``moves``; ``issue_ratio``, blocks found over those of the schedule; ``fastest_hour_blocks`` and
    ``longest_drought_hours`` of the chain; ``loyal_pay_ratio``, what a hash of the loyal miners earned over
    what a fickle one earned while it was here.
    """

    rules: FickleMining

    def __init__(self, rules: FickleMining, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.token = self.network.token
        world.ledger.open(self.account, self.token.asset)
        self.here = False
        self.moves = 0
        self._fickle_hashes = self._fickle_usd = self._loyal_hashes = self._loyal_usd = 0.0
        self._days = self._blocks = 0.0
        self._fastest = self._drought = self._longest = 0.0
        self._last_block = 0

    @property
    def home(self) -> Any:
        """The chain where they mine otherwise."""
        return self.world.networks[self.rules.home]

    @property
    def sums(self) -> Sums:
        return (
            self.spent,
            self.earned,
            self._days,
            self._blocks,
            self._fickle_hashes,
            self._fickle_usd,
            self._loyal_hashes,
            self._loyal_usd,
        )

    def start(self) -> None:
        super().start()
        name, recorder = self.account, self.world.recorder
        recorder.series(f"{name}.here", "1", lambda: float(self.here))
        for what, unit, function in (
            ("moves", "count", lambda: float(self.moves)),
            ("issue_ratio", "1", self._issue_ratio),
            ("fastest_hour_blocks", "count", lambda: self._fastest),
            ("longest_drought_hours", "h", lambda: self._longest * HOURS_PER_DAY),
            ("loyal_pay_ratio", "1", self._loyal_pay_ratio),
        ):
            recorder.outcome(f"{name}.{what}", unit, function)

    def strike(self) -> Callable[[], None]:
        self.network.visitor = self
        self._last_block = self.network.chain.blocks
        epoch = self.network.rules.epoch
        self._active = True
        self.world.calendar.every(epoch, Phase.EPOCHS, self._look, first=self.world.env.now + epoch)

        def stop() -> None:
            self._active = False
            self._go(False)
            self.network.visitor = None

        return stop

    # -- what they do ----------------------------------------------------------------------------------------

    def _look(self) -> None:
        """The chain has settled an epoch: note it, and go where a hash earns more."""
        if not self._active:
            return
        self._note(self.network.rules.epoch)
        there, home = self.network.revenue_per_th, self.home.revenue_per_th
        better = there > home * (1.0 + self.rules.threshold)
        worse = home > there * (1.0 + self.rules.threshold)
        if better != self.here and (better or worse):
            self.moves += 1
            self.here = better
        self._go(self.here)

    def _go(self, here: bool) -> None:
        fickle = self.home.own_hash_rate * self.rules.share
        self.home.redirect(self.rules.share if here else 0.0, self.home.visiting)
        self.network.redirect(self.network.diverted, fickle if here else 0.0)

    def _note(self, days: float) -> None:
        """Take note of the epoch that has ended."""
        network = self.network
        blocks = network.chain.blocks - self._last_block
        self._last_block = network.chain.blocks
        self._days += days
        self._blocks += blocks
        self._fastest = max(self._fastest, blocks / (days * HOURS_PER_DAY))
        self._drought = 0.0 if blocks else self._drought + days
        self._longest = max(self._longest, self._drought)

    def receive(self, units: int, source: str) -> None:
        """Take base units of reward out of the account ``source`` and sell them."""
        ledger, network, days = self.world.ledger, self.network, self.network.rules.epoch
        visiting, all_hashes = network.visiting, network.hash_rate
        usd_per_unit = self.world.scale / self.token.units_per_usd
        total = ledger.balance(self.token.asset, source) * usd_per_unit
        self._fickle_hashes += visiting * days
        self._fickle_usd += units * usd_per_unit
        self._loyal_hashes += (all_hashes - visiting) * days
        self._loyal_usd += total - units * usd_per_unit
        self.spent += visiting / HASHES_PER_TH * self.home.revenue_per_th * days / self.world.scale
        ledger.transfer(units, self.token.asset, source, self.account)
        self.token.sell(units, self.account, self.account)
        self.take_home()

    # -- what is measured ------------------------------------------------------------------------------------

    def _window(self) -> list[float]:
        """Sums since the window began."""
        then = [*self._then, *[0.0] * len(self.sums)]
        return [now - before for now, before in zip(self.sums, then, strict=False)]

    def _issue_ratio(self) -> float:
        days, blocks = self._window()[2:4]
        return (
            blocks * self.network.rules.difficulty.spacing / (days * SECONDS_PER_DAY)
            if days
            else float("nan")
        )

    def _loyal_pay_ratio(self) -> float:
        fickle, fickle_usd, loyal, loyal_usd = self._window()[4:8]
        if not (fickle and fickle_usd and loyal):
            return float("nan")
        return (loyal_usd / loyal) / (fickle_usd / fickle)
