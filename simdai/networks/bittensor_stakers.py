"""Stakers on Bittensor: what they want to hold, what they trade for it, and with whom they stake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.engine.streams import stable_key
from simdai.mechanisms.choice import weight_of_new
from simdai.networks.bittensor_chain import Chain
from simdai.networks.bittensor_miners import normal
from simdai.networks.bittensor_population import Stakers

__all__ = ["Orders", "Portfolios", "Staker"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

DAYS_PER_YEAR = 365.25
CREDIBLE = 1.0  # change of a yearly log return that holders believe to last


@dataclass
class Staker:
    """One holder; its place in the chain's arrays is that in the list it comes in, behind the validators.

    Parameters
    ----------
    name : names its luck
    rules : of its group
    """

    name: str
    rules: Stakers


class Orders(NamedTuple):
    """What holders want to trade, (s, h) rao: alpha to sell, and TAO to buy alpha with; root is the rest."""

    sell: Ints
    buy: Ints


class Portfolios:
    """The stakers of a network; everything has one row for each, and columns for subnets and then root."""

    def __init__(self, people: list[Staker], chain: Chain, world: World, name: str, step: float) -> None:
        self.people, self.chain, self.step = people, chain, step
        self.first = len(chain.root) - len(people)
        """Their first place among the holders."""
        rules = [who.rules for who in people]
        self.speed = np.array([weight_of_new(step, 1.0 / r.speed) if r.speed else 0.0 for r in rules])
        self.sensitivity, self.trend = (
            np.array([r.sensitivity for r in rules]),
            np.array([r.trend for r in rules]),
        )
        self.curiosity = np.array([r.curiosity for r in rules])
        self.hype, self.migration = np.array([r.hype for r in rules]), np.array([r.migration for r in rules])
        self.migration_fades = np.array([r.migration_fades for r in rules])
        self.swaps = np.array([r.claim == "swap" for r in rules], dtype=np.bool_)
        self._restless = np.array([weight_of_new(step, r.loyalty) for r in rules])
        self._trend_weight = np.array([weight_of_new(step, r.trend_memory) for r in rules])
        slots = len(chain.alive)
        self.taste = np.zeros((len(people), slots + 1))
        """Shares of wealth wanted while nothing has changed since the start."""
        self.unknown = np.zeros((len(people), slots + 1))
        """Part of those shares that is not wanted yet, because a subnet is new."""
        self._still_unknown = np.exp([-step / r.acquaintance if r.acquaintance else -np.inf for r in rules])[
            :, None
        ]
        self.usual = np.full(slots + 1, np.nan)
        """(s + 1,) yearly log return of the start; nan where it is not known yet."""
        self.past = np.zeros((len(people), slots))
        """Yearly rate of price change that each has seen of late."""
        self._prices = chain.prices
        self._keys = np.array([stable_key("staker", who.name) for who in people], dtype=np.uint64)
        self._moves, self._choices, self._hype_luck = (
            world.entity("stakers", name, what) for what in ("moves", "choices", "hype")
        )

    @property
    def values(self) -> Floats:
        """(n, s + 1) worth of what they hold in subnets, and on root with idle TAO, rao at the margin."""
        chain, mine = self.chain, slice(self.first, None)
        idle = (chain.root[mine] + chain.wallet[mine])[:, None]
        return np.concatenate([chain.alpha[:, mine].T * chain.prices, idle], axis=1)

    def open(self) -> None:
        """What they hold is what they like, and they are curious of what is new.

        Who leaves root wants less of it already than it still holds.
        """
        values = self.values
        totals = values.sum(axis=1, keepdims=True)
        self.taste = values / np.where(totals > 0.0, totals, 1.0)
        unknown = np.append(~values[:, :-1].any(axis=0) & self.chain.alive, False)
        self.taste[:, unknown] = (self.curiosity / max(len(self.chain.slots), 1))[:, None]
        self.unknown[:] = unknown
        rate = np.array([who.rules.speed for who in self.people])
        self.taste[:, -1] *= np.exp(-self.migration / np.where(rate > 0.0, rate, np.inf))
        self._prices = self.chain.prices

    def settle(self, slot: int) -> None:
        """A new subnet: they are curious, and have no past with it."""
        self.taste[:, slot] = self.curiosity / len(self.chain.alive)
        self.usual[slot], self.past[:, slot], self.unknown[:, slot] = np.nan, 0.0, 1.0
        self._prices[slot] = self.chain.prices[slot]

    def _change_tastes(self, n: int, names: NDArray[np.uint64]) -> None:
        luck = normal(self._hype_luck.uniforms(names, n)) * np.sqrt(self.step)
        self.taste[:, :-1] *= np.exp(self.hype[:, None] * luck)
        self.unknown *= self._still_unknown
        self.taste[:, -1] *= np.exp(-self.migration * self.step)
        self.migration *= np.exp(-self.step / self.migration_fades)

    def orders(self, n: int, names: NDArray[np.uint64], returns: Floats) -> Orders:
        """What to trade at the end of step ``n``.

        Parameters
        ----------
        names : (s,) of the subnets, for their luck
        returns : (s + 1,) yearly dividends per worth staked, on each subnet and on root
        """
        self._change_tastes(n, names)
        chain, mine = self.chain, slice(self.first, None)
        prices = chain.prices
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.log(prices / self._prices) / self.step * DAYS_PER_YEAR
        rate = np.where(np.isfinite(rate), rate, 0.0)
        self.past += self._trend_weight[:, None] * (rate - self.past)
        self._prices = prices
        rate_of_return = np.log1p(returns)
        self.usual = np.where(np.isnan(self.usual) & (returns > 0.0), rate_of_return, self.usual)
        news = np.tile(np.nan_to_num(rate_of_return - self.usual), (len(self.people), 1))
        news[:, :-1] += self.trend[:, None] * self.past
        news = np.clip(news, -CREDIBLE, CREDIBLE)
        wanted = self.taste * (1.0 - self.unknown) * np.exp(self.sensitivity[:, None] * news)
        open_to = np.append(chain.alive & (prices > 0.0), True)
        wanted = np.where(open_to, wanted, 0.0)
        totals = wanted.sum(axis=1, keepdims=True)
        wanted /= np.where(totals > 0.0, totals, 1.0)
        values = self.values
        change = self.speed[:, None] * (wanted * values.sum(axis=1, keepdims=True) - values)
        sell, buy = np.zeros_like(chain.alpha), np.zeros_like(chain.alpha)
        less = np.maximum(-change[:, :-1], 0.0) / np.where(prices > 0.0, prices, 1.0)
        sell[:, mine] = np.minimum(np.floor(less).astype(np.int64).T, chain.alpha[:, mine])
        buy[:, mine] = np.floor(np.maximum(change[:, :-1], 0.0)).astype(np.int64).T
        return Orders(sell, buy)

    def redelegate(self, n: int, returns: Floats, open_to_all: Bools) -> None:
        """Let the restless choose a validator again, by its size and by what it yields.

        Parameters
        ----------
        n : number of the step
        returns : (v,) yearly dividends per worth staked with each validator, after its take
        open_to_all : (v,) who takes stake from others
        """
        chain = self.chain
        leaves = self._moves.uniforms(self._keys, n) < self._restless
        draws = self._choices.uniforms(self._keys, n)
        if not leaves.any():
            return
        worth = chain.root_of_validators() + chain.prices @ chain.alpha_of_validators()
        better = self.sensitivity[:, None] * np.clip(returns - returns.mean(), -CREDIBLE, CREDIBLE)
        weights = np.where(open_to_all, worth * np.exp(better), 0.0)
        bounds = np.cumsum(weights, axis=1)
        if bounds[0, -1] <= 0.0:
            return
        chosen = (draws[:, None] * bounds[:, -1:] >= bounds).sum(axis=1)
        delegate = chain.delegate[self.first :]
        delegate[leaves] = np.minimum(chosen, len(returns) - 1)[leaves]
