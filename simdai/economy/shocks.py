"""Things that happen to a world at a date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from pydantic import model_validator

from simdai.economy.actors import Shock, World, absent
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.recovery import CapacityWatch
from simdai.errors import Problem
from simdai.units import Date, Days, Name, Positive, PositiveDays, Share

__all__ = [
    "DemandStep",
    "HardwarePriceStep",
    "JurisdictionBan",
    "LiquidityWithdrawal",
    "Outage",
    "ShockActor",
    "TokenPriceCrash",
    "UnlockCliff",
]

MICRO = 10**6


class DatedShock(Shock):
    """A shock at midnight of a date, undone after a while if it is said to last.

    Parameters
    ----------
    at : day on which it happens (00:00 UTC)
    lasts : days until it is undone; for good without
    """

    at: Date
    lasts: Days | None = None

    def build(self, world: World, name: str) -> ShockActor:
        return ShockActor(self, world, name)

    def expense(self, name: str) -> str | None:
        """Outcome that holds what the shock costs those who bring it about [USD]; None where nobody pays.

        Parameters
        ----------
        name : of the shock's actor, ``shocks[n]``
        """
        return None

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.at < scenario.start:
            yield Problem(path="at", found=f"{self.at}", allowed=f"the start, {scenario.start}, or later")
        yield from self.missing(scenario)

    def missing(self, scenario: Any) -> Iterator[Problem]:
        """Yield a problem for everything that the shock hits and the scenario does not hold."""
        yield from ()

    def strike(self, world: World) -> Callable[[], None]:
        """Happen; returns what undoes it."""
        raise NotImplementedError


class ShockActor:
    """A shock on the calendar."""

    def __init__(self, rules: DatedShock, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name

    def start(self) -> None:
        """Put the shock on the calendar; one behind the horizon does not happen."""
        time = self.world.days_until(self.rules.at)
        if time <= self.world.horizon:
            self.world.calendar.at(time, Phase.SHOCKS, self._strike)

    def strike(self) -> Callable[[], None]:
        """Happen; returns what undoes it."""
        return self.rules.strike(self.world)

    def _strike(self) -> None:
        undo = self.strike()
        if self.rules.lasts is not None:
            self.world.calendar.at(self.world.env.now + self.rules.lasts, Phase.SHOCKS, undo)


def tokens_of(world: Any) -> dict[str, Any]:
    """Tokens of a world or a scenario, by network."""
    return {name: n.token for name, n in world.networks.items() if getattr(n, "token", None) is not None}


def populations_of(world: World, network: str | None = None) -> list[Any]:
    """All populations of providers, or those of one network."""
    networks = world.networks.values() if network is None else [world.networks[network]]
    return [p for one in networks for p in getattr(one, "populations", {}).values()]


class DemandStep(DatedShock, kind="demand_step"):
    """Potential demand is multiplied.

    Parameters
    ----------
    factor : of the jobs a day
    segments : names; all without
    """

    factor: Positive
    segments: tuple[Name, ...] = ()

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from absent(
            "segment", {f"segments[{n}]": s for n, s in enumerate(self.segments)}, scenario.demand
        )

    def strike(self, world: World) -> Callable[[], None]:
        hit = [world.demand[name] for name in self.segments or world.demand]

        def multiply(factor: float) -> None:
            for segment in hit:
                segment.level *= factor
                segment.apply()

        multiply(self.factor)
        return lambda: multiply(1.0 / self.factor)


class TokenPriceCrash(DatedShock, kind="token_price_crash"):
    """Holders sell until the price has fallen, or a stated amount; the price moves by the sale alone.

    Parameters
    ----------
    network : whose token
    drop : share of its price that the token loses; the public sells what that takes, as far as it holds it
    sale : or: tokens sold, as a share of the supply
    over : days over which the sales are spread, a part each midnight; at once without
    belief : what the fundamental value is multiplied by, so that traders do not buy the price back; 1 leaves
        it
    watch : days after which the network's capacity is compared with that before, see `CapacityWatch`; not
        without
    recovered_at : share of that capacity that counts as recovered
    """

    network: Name
    drop: Share | None = None
    sale: Share | None = None
    over: Days = 0.0
    belief: Positive = 1.0
    watch: PositiveDays | None = None
    recovered_at: Share = 0.95

    def build(self, world: World, name: str) -> ShockActor:
        return CrashActor(self, world, name)

    def expense(self, name: str) -> str | None:
        return f"{name}.cost_usd"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.drop is None) == (self.sale is None):
            raise ValueError("give either 'drop' or 'sale'")
        if self.drop == 1.0:
            raise ValueError("a price cannot lose all of itself by sales; give a 'drop' below 1")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("network with a token", {"network": self.network}, tokens_of(scenario))


class CrashActor(ShockActor):
    """A crash on the calendar, and the watch on the capacity of its network.

    Outcome ``shocks[n].cost_usd``: what the sellers would have got at the prices before their own sales, less
    what they got.
    """

    rules: TokenPriceCrash

    def __init__(self, rules: TokenPriceCrash, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.lost_usd = 0.0

    def start(self) -> None:
        rules = self.rules
        self.world.recorder.outcome(f"{self.name}.cost_usd", "USD", lambda: self.world.scale * self.lost_usd)
        self._watch = None
        if rules.watch is not None:
            self._watch = CapacityWatch(self.world, rules.network, rules.watch, rules.recovered_at)
        super().start()

    def strike(self) -> Callable[[], None]:
        if self._watch:
            self._watch.begin()
        token, world = self._token, self.world
        token.sentiment *= self.rules.belief
        parts = max(round(self.rules.over), 1)
        for day in range(1, parts):
            world.calendar.at(world.env.now + day, Phase.SHOCKS, lambda: self._sell(parts))
        self._sell(parts)

        def recover() -> None:
            token.sentiment /= self.rules.belief

        return recover

    @property
    def _token(self) -> Any:
        return tokens_of(self.world)[self.rules.network]

    def _sell(self, parts: int) -> None:
        """Sell one of ``parts`` equal parts: of the fall in the logarithm of the price, or of the sale."""
        rules, token, ledger = self.rules, self._token, self.world.ledger
        held, price = ledger.balance(token.asset, token.holders), token.units_per_usd
        if rules.drop is not None:
            got = token.move_to(token.price * (1.0 - rules.drop) ** (1.0 / parts), token.holders)
        else:
            assert rules.sale is not None
            wanted = int(ledger.supply(token.asset) * rules.sale / parts)
            got = token.sell(min(wanted, held), token.holders, WORLD)
        sold = held - ledger.balance(token.asset, token.holders)
        self.lost_usd += sold / price - got / MICRO


class UnlockCliff(DatedShock, kind="unlock_cliff"):
    """All that has not vested of a token's allocations becomes free at once, and a share of it is sold.

    Parameters
    ----------
    network : one with allocations
    sold : share of what becomes free that its holders sell on the day
    """

    network: Name
    sold: Share

    def missing(self, scenario: Any) -> Iterator[Problem]:
        able = [name for name, n in scenario.networks.items() if getattr(n, "allocations", None)]
        yield from absent("network with allocations", {"network": self.network}, able)

    def strike(self, world: World) -> Callable[[], None]:
        network = world.networks[self.network]
        network.unlocks.free_all(self.sold)
        return lambda: None


class JurisdictionBan(DatedShock, kind="jurisdiction_ban"):
    """Providers in a jurisdiction may not work, and none may enter there.

    Parameters
    ----------
    jurisdiction : its name in the populations
    networks : names; all without
    """

    jurisdiction: Name
    networks: tuple[Name, ...] = ()

    def missing(self, scenario: Any) -> Iterator[Problem]:
        named = {f"networks[{n}]": name for n, name in enumerate(self.networks)}
        yield from absent("network", named, scenario.networks)
        populations = [p for n in scenario.networks.values() for p in getattr(n, "providers", {}).values()]
        places = {place for p in populations for place in p.jurisdictions}
        yield from absent("jurisdiction", {"jurisdiction": self.jurisdiction}, places)

    def strike(self, world: World) -> Callable[[], None]:
        names = self.networks or tuple(world.networks)
        hit = [p for name in names for p in getattr(world.networks[name], "populations", {}).values()]
        for population in hit:
            population.barred.ban(self.jurisdiction)

        def lift() -> None:
            for population in hit:
                population.barred.unban(self.jurisdiction)

        return lift


class HardwarePriceStep(DatedShock, kind="hardware_price_step"):
    """Hardware becomes dearer or cheaper for those who enter; clouds may pass it on.

    Parameters
    ----------
    hardware : name of the class
    factor : of its capital cost
    cloud_factor : of the price of clouds that rent it out
    """

    hardware: Name
    factor: Positive
    cloud_factor: Positive = 1.0

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("hardware", {"hardware": self.hardware}, scenario.hardware)

    def strike(self, world: World) -> Callable[[], None]:
        populations = [p for p in populations_of(world) if p.rules.hardware == self.hardware]
        clouds = [c for c in world.clouds.values() if c.rules.hardware == self.hardware]

        def multiply(factor: float, cloud_factor: float) -> None:
            for population in populations:
                population.capital_level *= factor
            for cloud in clouds:
                cloud.level *= cloud_factor
                cloud.apply()

        multiply(self.factor, self.cloud_factor)
        return lambda: multiply(1.0 / self.factor, 1.0 / self.cloud_factor)


class Outage(DatedShock, kind="outage"):
    """A cloud takes less new work, or a network is cut off and what runs there fails.

    Parameters
    ----------
    seller : name of a cloud or a network
    share : of a cloud's capacity that takes no new work; a network loses all its providers
    """

    seller: Name
    share: Share = 1.0

    def missing(self, scenario: Any) -> Iterator[Problem]:
        with_providers = [name for name, n in scenario.networks.items() if getattr(n, "providers", None)]
        sellers = [*scenario.clouds, *with_providers]
        yield from absent("cloud or network with providers", {"seller": self.seller}, sellers)
        if self.seller in scenario.networks and self.share < 1.0:
            allowed = "1: the outage of a network is total; jurisdiction_ban stops a part of it"
            yield Problem(path="share", found=f"{self.share:g}", allowed=allowed)

    def strike(self, world: World) -> Callable[[], None]:
        if self.seller in world.clouds:
            cloud = world.clouds[self.seller]

            def cut(share: float) -> None:
                cloud.outage = share
                cloud.apply()

            cut(self.share)
            return lambda: cut(0.0)
        populations = list(world.networks[self.seller].populations.values())
        stopped = [(p, place) for p in populations for place in p.jurisdictions]
        for population, place in stopped:
            population.barred.ban(place)

        def restore() -> None:
            for population, place in stopped:
                population.barred.unban(place)

        return restore


class LiquidityWithdrawal(DatedShock, kind="liquidity_withdrawal"):
    """Market makers leave: the depth of a token's market shrinks at an unchanged price.

    Parameters
    ----------
    network : whose token
    share : of the depth that leaves
    """

    network: Name
    share: Share

    @model_validator(mode="after")
    def _some_left(self) -> Self:
        if self.share == 1.0:
            raise ValueError("share: without any liquidity there is no price; give less than 1")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from absent("network with a token", {"network": self.network}, tokens_of(scenario))

    def strike(self, world: World) -> Callable[[], None]:
        token = tokens_of(world)[self.network]
        token.scale_depth(1.0 - self.share)
        return lambda: token.scale_depth(1.0 / (1.0 - self.share))
