"""Holders who lock OCEAN for votes: what they vote for, when locks end, who locks again."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.economy.contract_account import ContractAccount
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.data_market import ve_balance, ve_unlock
from simdai.mechanisms.rounding import largest_remainder
from simdai.networks.ocean_assets import AssetBook
from simdai.networks.ocean_rules import Lockers

__all__ = ["Lock", "LockBook"]

WEI = 10**18
DAY_S = 86400
WEEK_S = 7 * DAY_S
FOUR_YEARS_S = 4 * 365 * DAY_S
UNIX_EPOCH = datetime.date(1970, 1, 1)
ALL_VOTES = 10_000  # basis points
WEEKS_PER_YEAR = 365.25 / 7.0

Asset = Any  # a place among the assets, or ("feed", number)


@dataclass
class Lock:
    """A locker: what it holds locked, until when, and for which assets it votes.

    Parameters
    ----------
    place : of its account in the token
    amount : wei; end : unix s
    votes : basis points by asset
    owns : assets of its own
    fixed : whether it votes for the same assets for good
    sells : whether it sells a share of its rewards
    length : seconds for which it locks again
    """

    place: int
    amount: int = 0
    end: int = 0
    votes: dict[Asset, int] = field(default_factory=dict)
    owns: tuple[Asset, ...] = ()
    fixed: bool = False
    sells: bool = True
    length: int = 0


class LockBook:
    """All lockers and their contract.

    Accounts in the token: ``NAME.ve`` (the contract) and the block ``NAME.lockers``, in USD too, filled out
    of the public's tokens at the start.
    """

    def __init__(
        self, rules: Lockers, assets: AssetBook, token: TokenMarket, world: World, name: str
    ) -> None:
        self.rules, self.assets, self.token, self.world = rules, assets, token, world
        self.contract = ContractAccount(world.ledger, token.asset, f"{name}.ve", world.scale, 18)
        n = rules.count
        self.wallets = world.ledger.block(f"{name}.lockers", token.asset, n)
        self.usd = world.ledger.block(f"{name}.lockers", "USD", n)
        nature = world.entity("lockers.nature", name)
        uniforms = [nature.uniforms(np.arange(n), what) for what in range(3)]
        amount = rules.locked * np.exp(rules.spread * ndtri(uniforms[0] + 2.0**-54))
        self.required = rules.required * np.exp(rules.required_spread * ndtri(uniforms[1] + 2.0**-54))
        self._attention = world.entity("lockers.attention", name)
        self._start_s = (world.start_date - UNIX_EPOCH).days * DAY_S
        self.locks = [Lock(int(place)) for place in self.wallets.indices]
        self.expected_yield = float("nan")
        """A year's, of the tokens locked, in the last week."""
        self._fill(amount)
        weeks = np.maximum(np.ceil(uniforms[2] * rules.longest / 7.0), 1.0).astype(np.int64)
        for k, lock in enumerate(self.locks):
            lock.length = int(weeks[k]) * WEEK_S
            if k < round(rules.publishers * n) and k < len(assets):
                lock.owns, lock.fixed, lock.votes = (k,), True, {k: ALL_VOTES}
            self._lock_all(k)

    def _fill(self, tokens: NDArray[np.float64]) -> None:
        """Give lockers what they lock out of the public's tokens, as far as these go."""
        units = np.floor(tokens / self.world.scale * self.token.unit).astype(np.int64)
        free = self.world.ledger.balance(self.token.asset, self.token.holders)
        part = min(free / max(int(units.sum()), 1), 1.0)
        self.world.ledger.pay_out(
            np.floor(units * part).astype(np.int64),
            self.token.asset,
            self.token.holders,
            self.wallets.indices,
        )

    @property
    def now_s(self) -> int:
        """Unix seconds now."""
        return self._start_s + int(self.world.env.now * DAY_S + 1e-4)

    def join(self, units: int, source: str, votes: dict[Asset, int], owns: tuple[Asset, ...]) -> int:
        """Let somebody lock its own ledger units for as long as may be, with votes that stay; its number."""
        (place,) = self.wallets.extend(1).tolist()
        self.usd.extend(1)
        self.required = np.append(self.required, 0.0)
        k = len(self.locks)
        self.locks.append(Lock(place, votes=votes, owns=owns, fixed=True, sells=False, length=FOUR_YEARS_S))
        self.world.ledger.transfer(units, self.token.asset, source, place)
        self._lock_all(k)
        return k

    def _lock_all(self, k: int) -> None:
        """Lock all that a locker's account holds."""
        lock = self.locks[k]
        held = self.world.ledger.balance(self.token.asset, lock.place)
        if held:
            lock.amount += self.contract.take_units(held, lock.place)
            lock.end = ve_unlock(self.now_s + lock.length)

    def release(self, k: int) -> None:
        """Pay a lock back, when it has ended or its owner is let out."""
        lock = self.locks[k]
        self.contract.give(lock.amount, lock.place)
        lock.amount = 0

    # -- votes -----------------------------------------------------------------------------------------------

    def balance(self, k: int) -> int:
        """Votes of a locker now, wei."""
        lock = self.locks[k]
        return ve_balance(lock.amount, lock.end, min(self.now_s, lock.end)) if lock.amount else 0

    @property
    def locked(self) -> float:
        """Real tokens locked."""
        return sum(lock.amount for lock in self.locks) / WEI

    def stakes(self) -> tuple[dict[Asset, dict[int, float]], dict[Asset, dict[int, float]]]:
        """Votes, and tokens locked behind them, by asset and locker."""
        votes: dict[Asset, dict[int, float]] = {}
        locked: dict[Asset, dict[int, float]] = {}
        for k, lock in enumerate(self.locks):
            balance = self.balance(k) / WEI
            if balance > 0:
                for asset, points in lock.votes.items():
                    votes.setdefault(asset, {})[k] = balance * points / ALL_VOTES
                    locked.setdefault(asset, {})[k] = lock.amount / WEI * points / ALL_VOTES
        return votes, locked

    def vote(self, per_vote: dict[Asset, float], everything: list[Asset]) -> None:
        """Lockers look at some assets and vote for those that paid most for a vote in the week.

        Votes are shared among the assets looked at in proportion to what a vote for them paid; where none of
        them paid anything, they stay. Who has no votes yet and sees nothing that pays votes for all alike.
        """
        if not everything:
            return
        week = round(self.world.env.now / 7.0)
        n = self.rules.attention
        luck = self._attention.uniforms(np.arange(len(self.locks) * n), week).reshape(-1, n)
        looked_at = (luck * len(everything)).astype(np.int64).tolist()
        for k, lock in enumerate(self.locks):
            if lock.fixed or not lock.amount:
                continue
            seen = {everything[place] for place in looked_at[k]}
            seen |= set(lock.votes)
            worth = {asset: per_vote.get(asset, 0.0) for asset in seen}
            paying = sorted((a for a in seen if worth[a] > 0), key=lambda a: (-worth[a], str(a)))[:n]
            if not (paying or lock.votes):
                paying, worth = sorted(seen, key=str)[:n], dict.fromkeys(seen, 1.0)
            if paying:
                points = largest_remainder(ALL_VOTES, np.array([worth[a] for a in paying]))
                lock.votes = {a: int(p) for a, p in zip(paying, points, strict=True) if p}

    def renew(self) -> None:
        """Locks that have ended are paid back; their owners lock again if the yield is what they ask for."""
        for k, lock in enumerate(self.locks):
            if lock.amount and lock.end <= self.now_s:
                self.release(k)
                if self.expected_yield >= self.required[k]:
                    self._lock_all(k)

    def sell(self, earned: dict[int, int]) -> None:
        """Lockers sell a share of rewards (ledger units, by locker) that they have got; nothing is paid out
        of it.
        """
        sold = {k: int(units * self.rules.token_sold) for k, units in earned.items()}
        sold = {k: units for k, units in sold.items() if units}
        if sold:
            k = np.array(list(sold))
            usd = self.token.sell_block(
                np.array(list(sold.values()), dtype=np.int64), self.wallets.indices[k], self.usd.indices[k]
            )
            self.world.ledger.collect(usd, "USD", self.usd.indices[k], WORLD)

    def check(self) -> None:
        """Assert that the contract holds what is locked."""
        locked = sum(lock.amount for lock in self.locks)
        assert locked == self.contract.held, (
            f"{locked} wei are locked, the contract holds {self.contract.held}"
        )
        self.contract.check()
