"""Stakes behind io.net's devices: what the owner and a co-staker lock, lose and get back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.ledger import WORLD
from simdai.economy.providers import Providers
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.block_rewards import ionet_min_stake, ionet_slash, ionet_unstake_days
from simdai.mechanisms.provider_choice import probability
from simdai.networks.ionet_devices import Devices
from simdai.registry import Configured
from simdai.units import Days, NonNegative, Share, Tokens

__all__ = ["Stakes", "Staking"]

MICRO = 10**6

Ints = NDArray[np.int64]


class Staking(Configured):
    """Stakes and slashes.

    Parameters
    ----------
    base : IO per processor and unit of the device's multiplier, which counts as at least one
    unstake : days until stake is free
    co_staked_wait : days more where another has brought a part
    own_least : least share of the stake that the owner brings
    price_limit : buyers of a stake stop when the price is so many times what it was before
    appeal : days in which a slash may be appealed; then it is burned
    soft : share slashed for inadequate service; spoofing : for devices that do not exist
    soft_chance : chance that a hire which fails counts as inadequate service
    reversed : share of soft slashes that an appeal reverses
    """

    base: Tokens
    unstake: Days
    co_staked_wait: Days
    own_least: Share
    price_limit: NonNegative
    appeal: Days
    soft: Share
    spoofing: Share
    soft_chance: Share = 0.0
    reversed: Share = 0.0


@dataclass(frozen=True)
class _Slash:
    """A slash under appeal: base units held, and the accounts that they came from."""

    day: float
    own: int
    shared: int
    back: tuple[int, int]
    reversed: bool


class Stakes:
    """The stakes of a network, on accounts ``NAME.stake.POPULATION[i]`` and ``NAME.co_stake.POPULATION[i]``.

    What is slashed waits on ``NAME.slashed`` until its appeal is over. Newcomers buy their stake on the
    market with outside money, and so do owners who were slashed; co-stakers are holders at large.
    """

    def __init__(
        self,
        rules: Staking,
        world: World,
        name: str,
        token: TokenMarket,
        devices: Mapping[str, Devices],
        populations: Mapping[str, Providers],
    ) -> None:
        self.rules, self.world, self.token = rules, world, token
        self.devices, self.populations = devices, populations
        ledger = world.ledger
        self.slashed, self._collector = f"{name}.slashed", f"{name}.stakes"
        for account in (self.slashed, self._collector):
            ledger.open(account, token.asset)
        self.own = {p: ledger.block(f"{name}.stake.{p}", token.asset) for p in populations}
        self.shared = {p: ledger.block(f"{name}.co_stake.{p}", token.asset) for p in populations}
        for p, population in populations.items():
            shared = devices[p].co_staked > 0.0
            population.notice = ionet_unstake_days(shared, rules.unstake, rules.co_staked_wait)
        self._draws = {p: population.draws("ionet.slash") for p, population in populations.items()}
        self._open: list[_Slash] = []
        self.taken = self.burned = 0  # base units slashed, and burned of them

    def need(self, population: str) -> int:
        """Least stake of a device, base units."""
        rules = self.devices[population]
        stake = ionet_min_stake(rules.multiplier, rules.gpus, self.rules.base)
        return self.world.ledger.to_units(stake, self.token.asset)

    def counting(self, population: str) -> Ints:
        """(rows,) base units that count for nomination; a stake that cools down does not."""
        balances = self.world.ledger.accounts(self.token.asset).balances
        book = self.populations[population].book
        held = balances[self.own[population].indices] + balances[self.shared[population].indices]
        held[~book.alive | (book.leaves > 0)] = 0
        return np.asarray(held, dtype=np.int64)

    @property
    def total(self) -> int:
        """Base units staked, those that cool down included."""
        balances = self.world.ledger.accounts(self.token.asset).balances
        blocks = [*self.own.values(), *self.shared.values()]
        return sum(int(balances[block.indices].sum()) for block in blocks)

    # -- stakes come and go ----------------------------------------------------------------------------------

    def top_up(self, source: str | None = None) -> None:
        """Every device gets its least stake: from ``source``, or bought on the market."""
        ledger, asset = self.world.ledger, self.token.asset
        for p, population in self.populations.items():
            book, need = population.book, self.need(p)
            for block in (self.own[p], self.shared[p]):
                block.extend(len(book.alive) - len(block))
            by_others = math.floor(need * self.devices[p].co_staked)
            staying = np.flatnonzero(book.alive & (book.leaves == 0))
            balances = ledger.accounts(asset).balances
            own = np.maximum(need - by_others - balances[self.own[p].indices[staying]], 0)
            shared = np.maximum(by_others - balances[self.shared[p].indices[staying]], 0)
            self._move(own, source or self._buy(int(own.sum())), self.own[p].indices[staying])
            self._move(shared, self.token.holders, self.shared[p].indices[staying])

    def _buy(self, units: int) -> str:
        """Have ``units`` on the collecting account, as far as the market goes; returns the account."""
        missing = units - self.world.ledger.balance(self.token.asset, self._collector)
        self.token.acquire(max(missing, 0), WORLD, self._collector, self.rules.price_limit)
        return self._collector

    def _move(self, wanted: Ints, source: str, targets: Ints) -> None:
        ledger, asset = self.world.ledger, self.token.asset
        there, total = ledger.balance(asset, source), int(wanted.sum())
        if total == 0:
            return
        ledger.pay_out(wanted if there >= total else ledger.split(there, wanted), asset, source, targets)

    def settle(self) -> None:
        """A day of slashes and appeals; the stake of those who have left goes back to its owners."""
        self._end_appeals()
        for p, population in self.populations.items():
            if self.rules.soft_chance:
                self._punish_failures(p, population.book.take_failures())
            self._release(p, np.flatnonzero(~population.book.alive))

    def _release(self, p: str, gone: Ints) -> None:
        ledger, asset = self.world.ledger, self.token.asset
        gone = gone[gone < len(self.own[p])]
        if not len(gone):
            return
        own, shared = self.own[p].indices[gone], self.shared[p].indices[gone]
        balances = ledger.accounts(asset).balances
        own_stakes, shared_stakes = balances[own].copy(), balances[shared].copy()
        owners = self.populations[p].book.token_account[gone]
        for stakes, sources, targets in (
            (own_stakes, own, owners),
            (shared_stakes, shared, np.full(len(gone), ledger.open(self.token.holders, asset))),
        ):
            for k in np.flatnonzero(stakes).tolist():
                ledger.transfer(int(stakes[k]), asset, int(sources[k]), int(targets[k]))

    # -- slashes ---------------------------------------------------------------------------------------------

    def _punish_failures(self, p: str, failures: Ints) -> None:
        """Some failed hires count as inadequate service."""
        book, day, draws = self.populations[p].book, round(self.world.env.now), self._draws[p]
        k = np.flatnonzero(book.alive & (failures > 0))
        if not len(k):
            return
        hazard = -math.log1p(-min(self.rules.soft_chance, 1.0 - 1e-12)) * failures[k]
        found = k[draws.uniforms(k, 2 * day) < probability(hazard, 1.0)]
        appeals = draws.uniforms(found, 2 * day + 1) < self.rules.reversed
        for row, won in zip(found.tolist(), appeals.tolist(), strict=True):
            places = int(self.own[p].indices[row]), int(self.shared[p].indices[row])
            self.slash(places, self.rules.soft, bool(won))

    def slash(
        self,
        accounts: tuple[int, int],
        share: float,
        reversed_on_appeal: bool = False,
        most: int | None = None,
    ) -> int:
        """Take ``share`` of what lies on an owner's and a co-staker's account; returns the base units held.

        Parameters
        ----------
        most : base units of the owner's account that answer for the fault; all of it without
        """
        ledger, asset = self.world.ledger, self.token.asset
        own, shared = (ledger.balance(asset, account) for account in accounts)
        own = own if most is None else min(own, most)
        left = ionet_slash(own, shared, share)
        taken = own - round(left["own"]), shared - round(left["co_staked"])
        for amount, account in zip(taken, accounts, strict=True):
            ledger.transfer(amount, asset, account, self.slashed)
        self._open.append(_Slash(self.world.env.now, *taken, back=accounts, reversed=reversed_on_appeal))
        self.taken += sum(taken)
        return sum(taken)

    def _end_appeals(self) -> None:
        """Slashes whose month is over are burned, or given back where an appeal was won."""
        ledger, asset, now = self.world.ledger, self.token.asset, self.world.env.now
        still = []
        for slash in self._open:
            if now - slash.day < self.rules.appeal:
                still.append(slash)
                continue
            end = ionet_slash(
                slash.own,
                slash.shared,
                1.0,
                "reversed" if slash.reversed else "open",
                now - slash.day,
                self.rules.appeal,
            )
            if end["burned"]:
                ledger.burn(slash.own + slash.shared, asset, self.slashed)
                self.burned += slash.own + slash.shared
            else:
                for amount, account in zip((slash.own, slash.shared), slash.back, strict=True):
                    ledger.transfer(amount, asset, self.slashed, account)
                self.taken -= slash.own + slash.shared
        self._open = still
