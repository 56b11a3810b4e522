"""Things that happen to the price oracle of a network, and to the trust in its credit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from pydantic import model_validator

from simdai.economy.actors import World, absent
from simdai.economy.shocks import DatedShock
from simdai.errors import Problem
from simdai.units import Days, Name, Positive, PositiveCount, Share

__all__ = ["BankRun", "OracleCorruption", "OracleLag", "OracleOutage"]


class OracleShock(DatedShock):
    """A shock to one network that reads the price of its token from an oracle.

    Parameters
    ----------
    network : its name
    """

    network: Name

    def missing(self, scenario: Any) -> Iterator[Problem]:
        networks = {name: n for name, n in scenario.networks.items() if hasattr(n, "oracle")}
        yield from absent("network with a price oracle", {"network": self.network}, networks)

    def strike(self, world: World) -> Callable[[], None]:
        network = world.networks[self.network]
        network.look()
        undo = self.hit(network)
        network.look()

        def restore() -> None:
            network.look()
            undo()
            network.look()

        return restore

    def hit(self, network: Any) -> Callable[[], None]:
        """Happen to the network; returns what undoes it."""
        raise NotImplementedError


class OracleOutage(OracleShock, kind="oracle_outage"):
    """No source publishes any more: the price goes stale, minting and redemption of credit halt."""

    def hit(self, network: Any) -> Callable[[], None]:
        network.oracle.stop()
        return lambda: network.oracle.resume()


class OracleLag(OracleShock, kind="oracle_lag"):
    """Sources publish what the price was some time ago, as if it were new.

    Parameters
    ----------
    lag : added to the oracle's own
    """

    lag: Days

    def hit(self, network: Any) -> Callable[[], None]:
        network.oracle.lag += self.lag

        def catch_up() -> None:
            network.oracle.lag -= self.lag

        return catch_up


class OracleCorruption(OracleShock, kind="oracle_corruption"):
    """Some sources publish a wrong price.

    A single source is believed; among several the spread between them halts the credit.

    Parameters
    ----------
    factor : on the price that they publish
    sources : how many of them
    """

    factor: Positive
    sources: PositiveCount = 1

    def missing(self, scenario: Any) -> Iterator[Problem]:
        problems = list(super().missing(scenario))
        yield from problems
        if not problems and self.sources > scenario.networks[self.network].oracle.sources:
            allowed = f"at most {scenario.networks[self.network].oracle.sources}, as many as the oracle has"
            yield Problem(path="sources", found=f"{self.sources}", allowed=allowed)

    def hit(self, network: Any) -> Callable[[], None]:
        before = network.oracle.corrupted
        network.oracle.corrupted = (self.sources, self.factor)

        def repair() -> None:
            network.oracle.corrupted = before

        return repair


class BankRun(DatedShock, kind="bank_run"):
    """Holders of credit redeem at once, and hold less of it while the run lasts.

    Parameters
    ----------
    network : its name
    share : of all credit, whoever holds it
    """

    network: Name
    share: Share

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.share == 0.0:
            raise ValueError("share: nobody runs; give more than 0")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        networks = {n: r for n, r in scenario.networks.items() if getattr(r, "credit", None) is not None}
        yield from absent("network that pays with credit", {"network": self.network}, networks)

    def strike(self, world: World) -> Callable[[], None]:
        network = world.networks[self.network]
        network.run_on_credit(self.share)
        return lambda: network.calm()
