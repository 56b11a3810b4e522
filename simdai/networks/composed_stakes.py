"""What providers and customers of a composed network lock, and what locking costs them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import World
from simdai.economy.ledger import WORLD
from simdai.economy.providers import Providers
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.choice import smooth
from simdai.registry import Configured
from simdai.units import Days, NonNegative, PositiveDays, Share, Tokens, Usd

__all__ = ["Access", "AccessStakes", "ProviderStakes", "Stake"]

MICRO = 10**6
DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Stake(Configured):
    """What providers must lock to earn tokens.

    Parameters
    ----------
    tokens_per_gpu, usd_per_gpu : one of the two; the second at the price of each settlement
    slash : share of the stake lost for each job that fails
    fraud : share lost by a provider that an audit finds not to exist
    burned : share of what is slashed that is burned; the rest goes to the treasury
    notice : days from a provider's decision to leave until its stake is free
    price_limit : buyers of a stake stop when the price is so many times what it was before
    """

    tokens_per_gpu: Tokens | None = None
    usd_per_gpu: Usd | None = None
    slash: Share = 0.0
    fraud: Share = 1.0
    burned: Share = 1.0
    notice: Days = 0.0
    price_limit: NonNegative

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.tokens_per_gpu is None) == (self.usd_per_gpu is None):
            raise ValueError("give either 'tokens_per_gpu' or 'usd_per_gpu'")
        return self

    def units(self, gpus: int, token: TokenMarket) -> int:
        """Base units for a provider with ``gpus`` GPUs."""
        if self.tokens_per_gpu is not None:
            return math.ceil(self.tokens_per_gpu * gpus * token.unit)
        assert self.usd_per_gpu is not None
        return math.ceil(self.usd_per_gpu * gpus * token.units_per_usd)


class ProviderStakes:
    """Stakes on accounts ``NAME.stake.POPULATION[i]``; newcomers buy theirs with money from outside."""

    def __init__(
        self, rules: Stake, world: World, name: str, token: TokenMarket, populations: Mapping[str, Providers]
    ) -> None:
        self.rules, self.world, self.token, self.populations = rules, world, token, populations
        self.collector = f"{name}.stakes"
        world.ledger.open(self.collector, token.asset)
        self.blocks = {p: world.ledger.block(f"{name}.stake.{p}", token.asset) for p in populations}
        for population in populations.values():
            population.notice = rules.notice
        self.slashed = 0
        """Base units since the start."""

    def held(self, p: str) -> Ints:
        """(rows,) base units that each provider has locked."""
        block = self.blocks[p]
        block.extend(len(self.populations[p].book.alive) - len(block))
        balances = self.world.ledger.accounts(self.token.asset).balances
        return np.asarray(balances[block.indices], dtype=np.int64)

    @property
    def total(self) -> int:
        """Base units locked."""
        return sum(int(self.held(p).sum()) for p in self.populations)

    def open(self) -> None:
        """The first providers lock their stakes."""
        self._top_up()

    def settle(self, failures: Mapping[str, Ints], days: float) -> None:
        """Slash, give back the stakes of those who have left, top up; the cost counts against their income.

        Parameters
        ----------
        failures : jobs that failed, by population and row; days : since the last settlement
        """
        lost = {p: self._slash(p, failed) for p, failed in failures.items()}
        for p, population in self.populations.items():
            self._release(p, np.flatnonzero(~population.book.alive))
        self._top_up()
        for p, population in self.populations.items():
            interest = population.rules.annual_return * days / DAYS_PER_YEAR
            cost = (lost[p] + interest * self.held(p)) / self.token.units_per_usd
            population.book.token_rate -= np.where(population.book.alive, cost / days, 0.0)

    def _slash(self, p: str, failed: Ints) -> Ints:
        """Take the part of each stake that failures cost; returns it."""
        held = self.held(p)
        taken = np.floor(held * -np.expm1(failed * np.log1p(-min(self.rules.slash, 1.0 - 1e-12))))
        amounts: Ints = np.minimum(taken.astype(np.int64), held)
        ledger, asset = self.world.ledger, self.token.asset
        ledger.collect(amounts, asset, self.blocks[p].indices, self.collector)
        self.confiscate(int(amounts.sum()), self.collector)
        return amounts

    def confiscate(self, amount: int, source: str) -> None:
        """Burn a part of ``amount`` base units slashed, out of ``source``; the treasury gets the rest."""
        burned = math.floor(amount * self.rules.burned)
        self.world.ledger.burn(burned, self.token.asset, source)
        self.world.ledger.transfer(amount - burned, self.token.asset, source, self.token.treasury)
        self.slashed += amount

    def _release(self, p: str, gone: Ints) -> None:
        """The stakes of those who have left go back to them; they sell all they hold."""
        held = self.held(p)[gone]
        gone, held = gone[held > 0], held[held > 0]
        ledger, asset = self.world.ledger, self.token.asset
        ledger.collect(held, asset, self.blocks[p].indices[gone], self.collector)
        ledger.pay_out(held, asset, self.collector, self.populations[p].book.token_account[gone])

    def _top_up(self) -> None:
        ledger, asset = self.world.ledger, self.token.asset
        wanted = {}
        for p, population in self.populations.items():
            book = population.book
            need = np.where(book.alive, self.rules.units(population.rules.gpus, self.token), 0)
            wanted[p] = np.maximum(need - self.held(p), 0)
        missing = sum(int(w.sum()) for w in wanted.values()) - ledger.balance(asset, self.collector)
        self.token.acquire(max(missing, 0), WORLD, self.collector, self.rules.price_limit)
        for p, want in wanted.items():
            there = ledger.balance(asset, self.collector)
            share = want if there >= int(want.sum()) else ledger.split(there, want)
            ledger.pay_out(share, asset, self.collector, self.blocks[p].indices)


class Access(Configured):
    """What customers must lock to be served: tokens worth some months of what they spend.

    Parameters
    ----------
    months : of spending
    annual_return : that customers ask for on what they lock; it makes the service dearer to them
    memory : days over which their spending is averaged
    price_limit : they stop buying when the price is so many times what it was before
    """

    months: NonNegative
    annual_return: NonNegative
    memory: PositiveDays
    price_limit: NonNegative

    @property
    def surcharge(self) -> float:
        """Cost of locking, as a share of the price of the service."""
        return self.months / 12.0 * self.annual_return


class AccessStakes:
    """What customers have locked, on the account ``NAME.access``; they buy and sell it on the market."""

    def __init__(self, rules: Access, world: World, name: str, token: TokenMarket) -> None:
        self.rules, self.world, self.token, self.account = rules, world, token, f"{name}.access"
        world.ledger.open(self.account, token.asset)
        self.spending = math.nan
        """USD a day, averaged, simulated."""

    def settle(self, spent: float, days: float) -> None:
        """Bring what is locked to the months of spending, after ``days`` in which customers spent USD."""
        self.spending = smooth(self.spending, spent / days, days, self.rules.memory)
        worth = self.spending * DAYS_PER_MONTH * self.rules.months
        wanted = round(worth * self.token.units_per_usd)
        held = self.world.ledger.balance(self.token.asset, self.account)
        if wanted > held:
            self.token.acquire(wanted - held, WORLD, self.account, self.rules.price_limit)
        else:
            self.token.sell(held - wanted, self.account, WORLD)

    @property
    def locked(self) -> int:
        """Base units locked."""
        return self.world.ledger.balance(self.token.asset, self.account)
