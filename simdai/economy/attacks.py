"""What every attack on a network has in common: whom it hits, what it spends, what it earns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

from simdai.economy.actors import World, absent
from simdai.economy.ledger import WORLD
from simdai.economy.shocks import DatedShock, ShockActor
from simdai.errors import Problem
from simdai.units import Name

__all__ = ["Attack", "AttackActor"]

MICRO = 10**6

Sums = tuple[float, ...]


class Attack(DatedShock):
    """Somebody who turns a network's rules against it, from a date on.

    A scenario holds at most one attack of a kind on a network; what the attackers are many of is a field.

    Parameters
    ----------
    network : the one attacked
    """

    against: ClassVar[tuple[str, ...]] = ()
    """Kinds of networks that this attack works on."""

    gain: ClassVar[str] = "profit_usd"
    """Outcome, behind ``NETWORK.KIND.``, that tells whether attacking pays."""

    network: Name

    def missing(self, scenario: Any) -> Iterator[Problem]:
        open_to_it = [name for name, n in scenario.networks.items() if n.kind in self.against]
        what = f"network that {self.kind!r} works on"
        yield from absent(what, {"network": self.network}, open_to_it)
        rivals = [s for s in scenario.shocks if s.kind == self.kind and s.network == self.network]
        if rivals and rivals[0] is not self:
            found = f"a second {self.kind!r} on {self.network!r}"
            yield Problem(path="network", found=found, allowed="one of a kind on a network")

    def expense(self, name: str) -> str | None:
        return f"{self.network}.{self.kind}.spent_usd"

    def build(self, world: World, name: str) -> AttackActor:
        return AttackActor(self, world, name)


class AttackActor(ShockActor):
    """An attack on the calendar, with its books.

    The account ``NETWORK.KIND`` holds its USD. Outcomes, after the warm-up, in real units:
    ``NETWORK.KIND.spent_usd``, ``.proceeds_usd`` and ``.profit_usd``; `measure` adds more.
    """

    rules: Attack

    def __init__(self, rules: Attack, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.rules = rules
        self.account = f"{rules.network}.{rules.kind}"
        world.ledger.open(self.account)
        self.spent = self.earned = 0.0
        """USD since the start, simulated."""
        self._then: Sums = (0.0, 0.0)

    @property
    def network(self) -> Any:
        """The network attacked."""
        return self.world.networks[self.rules.network]

    def start(self) -> None:
        """Put the attack on the calendar and report it."""
        super().start()
        for what, weights in (
            ("spent_usd", (1.0, 0.0)),
            ("proceeds_usd", (0.0, 1.0)),
            ("profit_usd", (-1.0, 1.0)),
        ):
            self.measure(what, "USD", weights)
        self.world.at_window(self._start_window)

    def measure(self, what: str, unit: str, weights: Sums) -> None:
        """Report a weighted sum of `sums` as the series (since the start) and outcome ``ACCOUNT.WHAT``."""
        recorder, scale, name = self.world.recorder, self.world.scale, f"{self.account}.{what}"
        recorder.series(name, unit, lambda: scale * weighted(weights, self.sums))
        recorder.outcome(
            name,
            unit,
            lambda: scale * (weighted(weights, self.sums) - weighted(weights, self._then)),
        )

    @property
    def sums(self) -> Sums:
        """What is measured: USD spent and earned since the start; an attack may append more."""
        return self.spent, self.earned

    def _start_window(self) -> None:
        self._then = self.sums

    def bring(self, usd: float) -> int:
        """Bring money from outside into the account; returns it in micro-USD."""
        amount = round(usd * MICRO)
        self.world.ledger.transfer(amount, "USD", WORLD, self.account)
        self.spent += amount / MICRO
        return amount

    def take_home(self) -> None:
        """Take all money of the account outside."""
        amount = self.world.ledger.balance("USD", self.account)
        self.world.ledger.transfer(amount, "USD", self.account, WORLD)
        self.earned += amount / MICRO


def weighted(weights: Sums, sums: Sums) -> float:
    """Weighted sum, of the first sums where there are fewer weights."""
    return math.fsum(w * s for w, s in zip(weights, sums, strict=False))
