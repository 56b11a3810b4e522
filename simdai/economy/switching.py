"""Providers that move: to the network, or the rental market outside, where their devices earn most."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simdai.mechanisms.choice import smooth
from simdai.mechanisms.provider_choice import net_after_move, place_shares, probability
from simdai.registry import Configured
from simdai.units import Days, NonNegative, PerDay, PositiveDays, Share, Usd

if TYPE_CHECKING:
    from simdai.economy.providers import Providers

__all__ = ["Movers", "Switching"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PopulationName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}$")]

OUTSIDE = "outside"


class Switching(Configured):
    """Where else the devices of a population could work, and how readily they move.

    From time to time the owner of a device compares what it nets here, on average, with what the providers of
    other places net on average, less what the move costs, and chooses by a logit. The device is sunk
    everywhere: no place has to pay for it.

    Parameters
    ----------
    destinations : populations of the same hardware, ``NETWORK.POPULATION`` or ``NETWORK.PART.POPULATION``
    outside_use : share of the time that the rental market outside would hire the device, at the hardware's
        ``rental_price``; devices go there and come back; 0 closes that way
    hazard : comparisons per day
    sensitivity : utils for a difference of the full cost of a GPU-hour
    memory : days over which news of other places is averaged; and the own income, where there is no
        ``behaviour`` that says it
    delay : days without income: unstaking, verification
    cost : USD for each GPU: set-up, a reputation lost
    horizon : days over which a move has to pay
    """

    destinations: tuple[PopulationName, ...] = ()
    outside_use: Share = 0.0
    hazard: PerDay
    sensitivity: NonNegative
    memory: PositiveDays
    delay: Days
    cost: Usd = 0.0
    horizon: PositiveDays

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.destinations and not self.outside_use:
            raise ValueError("switching leads nowhere: give 'destinations' or an 'outside_use' above 0")
        if len(set(self.destinations)) < len(self.destinations):
            raise ValueError("destinations: one of them is named twice")
        return self


class Movers:
    """The devices of one population that compare places, and those of it that are let outside.

    Who compares and what is chosen comes from streams keyed by the pool and the provider's place in it, or by
    the number under which a device went outside, and by the day.
    """

    def __init__(self, rules: Switching, home: Providers) -> None:
        self.rules, self.home = rules, home
        world = home.world
        self._move = home.draws("provider.move")
        self._return = world.entity("provider.return", home.name)
        self.net: dict[str, float] = dict.fromkeys([home.name, *rules.destinations], math.nan)
        """USD per GPU-hour that providers net at each place, as far as the news go."""
        self._outside: list[tuple[int, int, float]] = []  # (number, jurisdiction, day from which it compares)
        self._numbers = 0

    @property
    def outside(self) -> int:
        """Devices let on the rental market outside."""
        return len(self._outside)

    def day(self, days: float) -> None:
        """Take in the news; then those here and those outside that compare today choose."""
        for name in self.net:
            self.net[name] = smooth(self.net[name], self._population(name).mean_net, days, self.rules.memory)
        self._go(days)
        self._come_back(days)

    def _population(self, name: str) -> Providers:
        network, _, population = name.partition(".")
        found: Providers = self.home.world.networks[network].populations[population]
        return found

    def _delay(self) -> float:
        return max(self.rules.delay, self.home.notice)

    def _worth(self, places: list[str], there: list[float]) -> Floats:
        """(m,) USD per GPU-hour that moves to ``places`` would leave; nan where nobody may work."""
        rules = self.rules
        known = [
            math.nan if name != OUTSIDE and self._closed(name) else net
            for name, net in zip(places, there, strict=True)
        ]
        return net_after_move(known, self._delay(), rules.cost, rules.horizon)

    def _closed(self, name: str) -> bool:
        population = self._population(name)
        return len(population.barred.places) == len(population.jurisdictions)

    def _choose(self, stay: Floats, moves: Floats, uniforms: Floats, days: float) -> Ints:
        """(n,) number of the place that each chooses, 0 for staying."""
        compares = float(probability(self.rules.hazard, days))
        full = self.home.marginal_cost + self.home.capital_cost
        shares = place_shares(stay, moves, full, self.rules.sensitivity)
        # Of [0, 1): first the moves, each with its part of `compares`, then those who stay.
        edges = compares * np.cumsum(shares[:, 1:], axis=1)
        chosen = (uniforms[:, None] >= edges).sum(axis=1) + 1
        choice: Ints = np.where(chosen > len(moves), 0, chosen).astype(np.int64)
        return choice

    def _go(self, days: float) -> None:
        home, rules = self.home, self.rules
        places, there = list(rules.destinations), [self.net[name] for name in rules.destinations]
        if rules.outside_use:
            places, there = [*places, OUTSIDE], [*there, home.outside_net(rules.outside_use)]
        k = home.settled
        day = round(home.world.env.now)
        drawn = self._move.uniforms(k, 2 * day)
        chosen = self._choose(home.net_per_hour(k), self._worth(places, there), drawn, days)
        moving = k[chosen > 0]
        if not len(moving):
            return
        where, spots = chosen[chosen > 0] - 1, self._move.uniforms(moving, 2 * day + 1)
        home.depart(moving)
        coming: Counter[tuple[str, int]] = Counter()
        for row, target, spot in zip(moving.tolist(), where.tolist(), spots.tolist(), strict=True):
            place = int(home.book.place[row])
            if places[target] == OUTSIDE:
                self._outside.append((self._numbers, place, home.world.env.now + self._delay()))
                self._numbers += 1
            else:
                coming[places[target], self._spot(places[target], place, spot)] += 1
        self._announce(coming)

    def _come_back(self, days: float) -> None:
        home, now = self.home, self.home.world.env.now
        ready = [device for device in self._outside if device[2] <= now]
        if not ready:
            return
        numbers = np.array([number for number, _, _ in ready])
        stay = np.full(len(ready), home.outside_net(self.rules.outside_use))
        places = list(self.net)
        day = round(now)
        chosen = self._choose(
            stay,
            self._worth(places, list(self.net.values())),
            self._return.uniforms(numbers, 2 * day),
            days,
        )
        spots = self._return.uniforms(numbers, 2 * day + 1)
        coming: Counter[tuple[str, int]] = Counter()
        gone = set()
        for (number, place, _), target, spot in zip(ready, chosen.tolist(), spots.tolist(), strict=True):
            if target:
                name = places[target - 1]
                coming[name, self._spot(name, place, spot)] += 1
                gone.add(number)
        self._outside = [device for device in self._outside if device[0] not in gone]
        self._announce(coming)

    def _spot(self, name: str, place: int, uniform: float) -> int:
        """Jurisdiction at a destination: the device's own where it is known, else drawn by weight."""
        target, own = self._population(name), self.home.jurisdictions[place]
        if own in target.jurisdictions:
            return target.jurisdictions.index(own)
        cumulated = np.cumsum(list(target.rules.jurisdictions.values()))
        return int(np.searchsorted(cumulated / cumulated[-1], uniform, side="right"))

    def _announce(self, coming: Counter[tuple[str, int]]) -> None:
        arrival: Any = self.home.world.env.now + self._delay()
        for (name, place), n in sorted(coming.items()):
            self._population(name).expect(arrival, place, n)
