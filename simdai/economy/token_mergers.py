"""Tokens that merge into another at fixed ratios, and partners who leave and sell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Self

from pydantic import model_validator

from simdai.economy.actors import World, absent
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.shocks import DatedShock, ShockActor, tokens_of
from simdai.economy.token_market import TokenMarket
from simdai.errors import Problem
from simdai.mechanisms._exact import exact
from simdai.mechanisms.provider_choice import probability
from simdai.registry import FrozenMapping
from simdai.units import Name, PerDay, Positive, PositiveDays, Share, Tokens

__all__ = ["PartnerExit", "TokenMerger"]

PUBLIC = ("holders", "traders")


class TokenMerger(DatedShock, kind="token_merger"):
    """Tokens may be converted into another at fixed ratios; what is not converted stays what it was.

    On the day the new tokens are created for the whole supply to be converted, on a bridge. Treasuries and
    the participants of the networks convert at once, the public bit by bit, and takes its liquidity along;
    what is converted is destroyed. While the bridge is open, the old token's price is held to the ratio:
    where it is cheaper, somebody buys it to convert; where it is dearer, those of the public who would
    convert sell it and buy the new one. Traders believe that the merged token is worth what its parts were
    together.

    Parameters
    ----------
    into : network whose token is created
    ratios : new tokens for one old, by network
    covers : tokens for which new ones are created, by network; those that exist without
    keeps : tokens that the treasury of a network does not convert, by network
    per_day : share of what the public still holds that it converts in a day, as a hazard
    lasts : days until the bridge closes; never without
    """

    into: Name
    ratios: FrozenMapping[Name, Positive]
    covers: FrozenMapping[Name, Tokens] = FrozenMapping()
    keeps: FrozenMapping[Name, Tokens] = FrozenMapping()
    per_day: PerDay

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.ratios:
            raise ValueError("ratios: at least one token must be converted")
        if self.into in self.ratios:
            raise ValueError(f"ratios: {self.into!r} cannot be converted into itself")
        for field in ("covers", "keeps"):
            if unknown := set(getattr(self, field)) - set(self.ratios):
                raise ValueError(f"{field}: no ratio is given for {', '.join(sorted(unknown))}")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        named = {"into": self.into, **{f"ratios.{name}": name for name in self.ratios}}
        yield from absent("network with a token", named, tokens_of(scenario))

    def build(self, world: World, name: str) -> MergerActor:
        return MergerActor(self, world, name)


class MergerActor(ShockActor):
    """The bridges of a merger. Account of each: ``NETWORK.bridge``, which holds new tokens to be handed out.

    Outcomes: ``NETWORK.merger.minted`` (new tokens), ``.implied_supply`` (old tokens they stand for),
    ``.converted_share`` (of those), ``.unconverted`` (old tokens that exist).
    """

    rules: TokenMerger

    def start(self) -> None:
        super().start()
        self.bridges = {name: Bridge(self, name) for name in self.rules.ratios}

    def strike(self) -> Callable[[], None]:
        into = own_token(self.world, self.rules.into)
        worth = into.fundamental * into.supply + sum(b.worth for b in self.bridges.values())
        for bridge in self.bridges.values():
            bridge.open(into)
        if into.fundamental > 0:
            into.sentiment *= worth / (into.fundamental * into.supply)
        return self._close

    def _close(self) -> None:
        for bridge in self.bridges.values():
            bridge.is_open = False


class Bridge:
    """Converts one token into another."""

    def __init__(self, merger: MergerActor, name: str) -> None:
        self.rules, self.world, self.name = merger.rules, merger.world, name
        self.old = own_token(self.world, name)
        self.account = f"{name}.bridge"
        self.is_open = False
        self.minted = self.converted = 0  # base units: new ones created, old ones destroyed
        recorder, unit, scale = self.world.recorder, self.old.unit, self.world.scale
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.merger.converted_share", "1", self._converted_share)
            register(f"{name}.merger.unconverted", "token", lambda: scale * self.old.supply)
        recorder.outcome(f"{name}.merger.minted", "token", lambda: scale * self.minted / self._new_unit)
        recorder.outcome(f"{name}.merger.implied_supply", "token", lambda: scale * self.covered / unit)

    _new_unit = 1
    covered = 0
    """Old base units for which new ones were created."""

    @property
    def worth(self) -> float:
        """What traders believe that the tokens to be converted are worth, simulated USD."""
        return self.old.fundamental * self._to_cover / self.old.unit

    @property
    def _to_cover(self) -> int:
        tokens = self.rules.covers.get(self.name)
        if tokens is None:
            return self.world.ledger.supply(self.old.asset)
        return self.world.ledger.to_units(tokens / self.world.scale, self.old.asset)

    def _converted_share(self) -> float:
        return self.converted / self.covered if self.covered else 0.0

    def new_units(self, units: int) -> int:
        """New base units for old ones, rounded down."""
        return math.floor(units * self._ratio * self._new_unit / self.old.unit)

    def open(self, new: TokenMarket) -> None:
        """Create the new tokens, convert what converts at once, and begin with the rest."""
        ledger = self.world.ledger
        self.new, self._new_unit, self.is_open = new, new.unit, True
        (self._ratio,) = exact(ratio=self.rules.ratios[self.name])
        self.covered = self._to_cover
        ledger.open(self.account, self.old.asset)
        ledger.open(self.account, new.asset)
        self.minted = self.new_units(self.covered)
        ledger.mint(self.minted, new.asset, self.account)
        kept = ledger.to_units(self.rules.keeps.get(self.name, 0.0) / self.world.scale, self.old.asset)
        held = ledger.balance(self.old.asset, self.old.treasury)
        ledger.open(self.old.treasury, new.asset)
        self.convert(max(held - kept, 0), self.old.treasury, self.old.treasury)
        for network in self.world.networks.values():
            pairs = getattr(network, "wallets_to_convert", None)
            for source, target in pairs(self.old.asset, new.asset) if pairs else ():
                self._convert_all(source, target)
        self._link_values()
        self.world.calendar.every(1.0, Phase.TRADERS, self._day, first=self.world.env.now)

    def convert(self, units: int, source: str | int, target: str | int) -> int:
        """Destroy old base units of ``source``, hand new ones to ``target``; returns the old units.

        Stops at what the bridge holds.
        """
        new = self.new_units(units)
        ledger = self.world.ledger
        if new > ledger.balance(self.new.asset, self.account):
            return 0
        ledger.burn(units, self.old.asset, source)
        ledger.transfer(new, self.new.asset, self.account, target)
        self.converted += units
        return units

    def _convert_all(self, source: str | int, target: str | int) -> None:
        self.convert(self.world.ledger.balance(self.old.asset, source), source, target)

    def _day(self) -> None:
        """The public converts some, its liquidity moves along, and the prices are tied."""
        if not self.is_open:
            return
        share = float(probability(self.rules.per_day, 1.0))
        self._move_liquidity(share)
        for role in PUBLIC:
            source, target = f"{self.old.name}.{role}", f"{self.new.name}.{role}"
            units = int(self.world.ledger.balance(self.old.asset, source) * share)
            sold = self._exchange(units, source, target)
            self.convert(units - sold, source, target)
        self._link_values()
        self._arbitrage()

    def _move_liquidity(self, share: float) -> None:
        """Take a share of the old market's depth out, and add as many USD of depth to the new one."""
        if not share:
            return
        gone = self.old.depth_usd * share
        self.old.scale_depth(1.0 - share)
        self.new.scale_depth(1.0 + gone / self.new.depth_usd)

    def _link_values(self) -> None:
        """What can be converted is believed to be worth what it converts into."""
        target, now = float(self._ratio) * self.new.fundamental, self.old.fundamental
        if now > 0:
            self.old.sentiment *= target / now

    def _exchange(self, units: int, source: str, target: str) -> int:
        """Sell old tokens and buy new ones with the money, as long as that gives more than converting.

        Returns the old base units sold.
        """
        ratio = float(self._ratio)
        low, high = 0, units
        while high > low:  # the most that still pays
            middle = (low + high + 1) // 2
            usd, old = self.old.book.sell(middle)
            dearer = old.price > ratio * self.new.book.buy(usd)[1].price
            low, high = (middle, high) if dearer else (low, middle - 1)
        if low:
            self.new.buy(self.old.sell(low, source, source), source, target)
        return low

    def _arbitrage(self) -> None:
        """Somebody buys old tokens, converts and sells them, until nothing is gained by it."""
        ratio = float(self._ratio)
        low, high = self.old.price, ratio * self.new.price
        if low >= high:
            return
        for _ in range(40):
            price = (low + high) / 2.0
            _, new_price = self._round_trip(price)
            low, high = (price, high) if ratio * new_price > price else (low, price)
        usd, _ = self._round_trip(low)
        units = self.old.buy(usd, WORLD, self.account)
        if self.convert(units, self.account, self.account):
            self.new.sell(self.new_units(units), self.account, WORLD)
        else:
            self.old.sell(units, self.account, WORLD)

    def _round_trip(self, price: float) -> tuple[int, float]:
        """Micro-USD that take the old token to ``price``, and the new one's price after the sale."""
        usd, _ = self.old.book.order_to(price)
        units, _ = self.old.book.buy(usd)
        new = self.new_units(units)
        return usd, self.new.book.sell(new)[1].price if new else self.new.price


class PartnerExit(DatedShock, kind="partner_exit"):
    """A partner leaves an alliance and sells what it holds of its token, in equal parts a day.

    Parameters
    ----------
    network : the partner, whose treasury sells; what it gets stays there
    token_of : network whose token is sold
    share : of what the treasury holds on the day
    days : whole days over which it sells
    belief : what the fundamental value of the token is multiplied by
    """

    network: Name
    token_of: Name
    share: Share
    days: PositiveDays
    belief: Positive = 1.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.days != int(self.days):
            raise ValueError(f"days: {self.days:g} must be a whole number, a sale each day")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from absent(
            "network with a token", {"network": self.network, "token_of": self.token_of}, tokens_of(scenario)
        )

    def build(self, world: World, name: str) -> ExitActor:
        return ExitActor(self, world, name)


class ExitActor(ShockActor):
    """An exit on the calendar.

    Outcomes: ``NETWORK.exit.sold`` (tokens), ``.proceeds_usd``, and ``.price_ratio``: the token's price at
    the end of the run over that on the day.
    """

    rules: PartnerExit

    def start(self) -> None:
        super().start()
        self.token = own_token(self.world, self.rules.token_of)
        self.treasury = own_token(self.world, self.rules.network).treasury
        self._left = self._parts = self.sold = 0
        self.proceeds_usd = 0.0
        self._price = math.nan
        recorder, name, scale = self.world.recorder, f"{self.rules.network}.exit", self.world.scale
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.sold", "token", lambda: scale * self.sold / self.token.unit)
            register(f"{name}.proceeds_usd", "USD", lambda: scale * self.proceeds_usd)
        recorder.outcome(f"{name}.price_ratio", "1", lambda: self.token.price / self._price)

    def strike(self) -> Callable[[], None]:
        ledger = self.world.ledger
        ledger.open(self.treasury, self.token.asset)
        self._left = int(ledger.balance(self.token.asset, self.treasury) * self.rules.share)
        self._parts = int(self.rules.days)
        self._price = self.token.price
        self.token.sentiment *= self.rules.belief
        for n in range(self._parts):
            self.world.calendar.at(self.world.env.now + n, Phase.EPOCHS, self._sell)

        def rejoin() -> None:
            self.token.sentiment /= self.rules.belief
            self._left = 0

        return rejoin

    def _sell(self) -> None:
        part = min(-(-self._left // self._parts), self.world.ledger.balance(self.token.asset, self.treasury))
        usd = self.token.sell(part, self.treasury, self.treasury)
        self._left -= part
        self._parts -= 1
        self.sold += part
        self.proceeds_usd += usd / 10**6


def own_token(world: World, network: str) -> TokenMarket:
    """The token that a network brought into the world, also while it pays in another."""
    actor = world.networks[network]
    token: TokenMarket = getattr(actor, "own_token", None) or actor.token
    return token
