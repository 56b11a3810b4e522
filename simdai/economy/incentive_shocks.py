"""Things that happen to what networks create and to what rivals charge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from pydantic import model_validator

from simdai.economy.actors import World, absent
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.shocks import DatedShock, ShockActor
from simdai.errors import Problem, SimdaiError
from simdai.units import Name, NonNegative, UsdPerGpuHour

__all__ = ["CompetitorSubsidy", "EmissionChange"]

MICRO = 10**6


class EmissionChange(DatedShock, kind="emission_change"):
    """A network creates a multiple of what its schedule says.

    Works on every network whose kind says ``emits`` and that has ``emission_level`` and
    ``change_emission(level)``; a cap of the schedule stays in force.

    Parameters
    ----------
    network : its name
    factor : of the tokens created; 0 stops them
    """

    network: Name
    factor: NonNegative

    @model_validator(mode="after")
    def _can_end(self) -> Self:
        if self.factor == 1.0:
            raise ValueError("factor: 1 changes nothing")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        emitting = [name for name, n in scenario.networks.items() if getattr(n, "emits", False)]
        yield from absent("network whose emission can change", {"network": self.network}, emitting)

    def strike(self, world: World) -> Callable[[], None]:
        network = world.networks[self.network]
        before = network.emission_level
        network.change_emission(before * self.factor)
        # A factor of zero cannot be divided out: what it was is put back, changed by what happened since.
        after = network.emission_level

        def restore() -> None:
            since = network.emission_level / after if after else 1.0
            network.change_emission(before * since)

        return restore


class CompetitorSubsidy(DatedShock, kind="competitor_subsidy"):
    """Somebody outside pays a part of what a seller's customers are charged.

    A cloud lowers its price and is paid the difference for every GPU-hour sold. Customers of a network are
    paid back: its providers, burns and fees see the full price, its customers compare what is left. The
    money passes through ``SELLER.subsidy`` daily.

    Parameters
    ----------
    seller : name of a cloud or a network
    amount : USD per GPU-hour of a speed-1 device; a price falls to a hundredth at most
    """

    seller: Name
    amount: UsdPerGpuHour

    def missing(self, scenario: Any) -> Iterator[Problem]:
        sellers = [*scenario.clouds, *scenario.networks]
        yield from absent("cloud or network", {"seller": self.seller}, sellers)

    def expense(self, name: str) -> str | None:
        return f"{self.seller}.rebate_usd"

    def build(self, world: World, name: str) -> CompetitorSubsidyActor:
        return CompetitorSubsidyActor(self, world, name)


class CompetitorSubsidyActor(ShockActor):
    """A subsidy on the calendar; it reports ``SELLER.rebate_usd``, what was paid."""

    def __init__(self, rules: CompetitorSubsidy, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.rules: CompetitorSubsidy = rules
        self.account = f"{rules.seller}.subsidy"
        world.ledger.open(self.account)
        self.paid = 0  # micro-USD
        self._then = 0
        self._on = False
        self._sold: dict[str, float] = {}

    def start(self) -> None:
        """Put the shock on the calendar and report it."""
        super().start()
        world, name = self.world, f"{self.rules.seller}.rebate_usd"
        self._is_cloud = self.rules.seller in world.clouds
        self._sellers = {
            seller: actor
            for seller, actor in world.sellers.items()
            if seller.partition(".")[0] == self.rules.seller
        }
        if not self._sellers:
            raise SimdaiError(f"{self.name}: {self.rules.seller!r} sells no compute; subsidise another")
        world.recorder.series(name, "USD", lambda: world.scale * self.paid / MICRO)
        world.recorder.outcome(name, "USD", lambda: world.scale * (self.paid - self._then) / MICRO)
        world.at_window(self._start_window)

    def _start_window(self) -> None:
        self._then = self.paid

    def strike(self) -> Callable[[], None]:
        """Prices fall now; what is sold from now on is paid for daily."""
        self._change(self.rules.amount)
        self._on, self._sold = True, self._hours()
        self.world.calendar.at(self.world.env.now + 1.0, Phase.SHOCKS, self._day)

        def end() -> None:
            self._pay()
            self._on = False
            self._change(-self.rules.amount)

        return end

    def _change(self, amount: float) -> None:
        for seller in self._sellers.values():
            seller.rebate += amount
            if self._is_cloud:
                seller.apply()  # type: ignore[attr-defined]

    def _hours(self) -> dict[str, float]:
        """GPU-hours that each seller has completed so far."""
        hours = self.world.compute.market.counters()["gpu_hours"]
        return {name: float(hours[seller.venue.index].sum()) for name, seller in self._sellers.items()}

    def _day(self) -> None:
        if self._on:
            self._pay()
            self.world.calendar.at(self.world.env.now + 1.0, Phase.SHOCKS, self._day)

    def _pay(self) -> None:
        """Pay for what was completed since the last time."""
        world, now = self.world, self._hours()
        for name, seller in self._sellers.items():
            speed = world.compute.speed(seller.venue, world.compute.seen(), None)
            usd = round((now[name] - self._sold[name]) * speed * self.rules.amount * MICRO)
            world.ledger.transfer(usd, "USD", WORLD, self.account)
            target = f"{name}.revenue" if self._is_cloud else WORLD
            world.ledger.transfer(usd, "USD", self.account, target)
            self.paid += usd
        self._sold = now
