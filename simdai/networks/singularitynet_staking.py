"""Staking windows of SingularityNET: holders lock tokens for a month and share its reward."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.economy.contract_account import ContractAccount
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.reputation import stake_window_rewards
from simdai.networks.singularitynet_rules import StakingWindows

__all__ = ["Stakers"]

DAYS_PER_YEAR = 365.25


class Stakers:
    """Holders who decide in each call whether the coming window pays them enough.

    They expect the reward shared among those who staked last time. Accounts: the block ``NAME.stakers``,
    filled out of the public's tokens, and the contract's, ``NAME.stake``.

    Parameters
    ----------
    note : told the real USD of each window's rewards
    """

    def __init__(
        self,
        rules: StakingWindows,
        token: TokenMarket,
        world: World,
        name: str,
        note: Callable[[float], None],
    ) -> None:
        self.rules, self.token, self.world, self.name, self.note = rules, token, world, name, note
        nature = world.entity("stakers.nature", name)
        n = rules.stakers
        normal = [ndtri(nature.uniforms(np.arange(n), what) + 2.0**-54) for what in (0, 1)]
        per_unit = world.scale / token.unit  # real tokens in a ledger unit
        wanted = np.floor(rules.stake * np.exp(rules.spread * normal[0]) / per_unit).astype(np.int64)
        self.required = rules.required * np.exp(rules.required_spread * normal[1])
        self.wallets = world.ledger.block(f"{name}.stakers", token.asset, n)
        free = world.ledger.balance(token.asset, token.holders)
        scale_down = min(free / max(int(wanted.sum()), 1), 1.0)
        self.world.ledger.pay_out(
            np.floor(wanted * scale_down).astype(np.int64), token.asset, token.holders, self.wallets.indices
        )
        self.contract = ContractAccount(world.ledger, token.asset, f"{name}.stake", world.scale)
        self.staked: dict[int, int] = {}  # by staker, base units of the contract
        self._last = 0
        self.open = True
        """False when no more windows begin."""

    def start(self) -> None:
        """The first call is at once; window and call follow one another."""
        cycle = self.rules.window + self.rules.call
        self.world.calendar.every(cycle, Phase.EPOCHS, self._begin, first=self.rules.call)
        self.world.calendar.every(cycle, Phase.EPOCHS, self._end, first=cycle)
        recorder, unit = self.world.recorder, self.token.unit
        recorder.series(f"{self.name}.staked", "token", lambda: sum(self.staked.values()) / unit)
        recorder.checks.append(self.check)

    @property
    def _expected_yield(self) -> float:
        """A year's, if as much is staked as in the last window; at first, as much as all hold."""
        staked = self._last or int(self._holdings().sum() * self.world.scale)
        windows = DAYS_PER_YEAR / (self.rules.window + self.rules.call)
        return self.rules.reward * self.token.unit / max(staked, 1) * windows

    def _holdings(self) -> NDArray[np.int64]:
        held: NDArray[np.int64] = self.world.ledger.accounts(self.token.asset).balances[self.wallets.indices]
        return held

    def _begin(self) -> None:
        """A window begins: those stake to whom it promises enough."""
        if not self.open:
            return
        held = self._holdings()
        least = self.rules.minimum * self.token.unit / self.world.scale
        willing = (self.required <= self._expected_yield) & (held >= least)
        for k in np.flatnonzero(willing).tolist():
            self.staked[k] = self.contract.take_units(int(held[k]), int(self.wallets.indices[k]))

    def _end(self) -> None:
        """The window ends: stakes go back with their rewards, as far as the treasury has them."""
        self._last = sum(self.staked.values())
        available = self.contract.of_units(self.world.ledger.balance(self.token.asset, self.token.treasury))
        reward = min(int(self.rules.reward * self.token.unit), available)
        rewards = stake_window_rewards(self.staked, reward) if self.staked else {}
        self.contract.take(sum(rewards.values()), self.token.treasury)
        for k, stake in self.staked.items():
            self.contract.give(stake + rewards[k], int(self.wallets.indices[k]))
        self.staked.clear()
        self.note(sum(rewards.values()) / self.token.unit * self.token.price)

    def close(self) -> None:
        """The programme ends: all stakes go back, without a reward."""
        self.open = False
        for k, stake in self.staked.items():
            self.contract.give(stake, int(self.wallets.indices[k]))
        self.staked.clear()

    def wallets_to_convert(self, new: str) -> Iterator[tuple[int, int]]:
        """Places of the stakers' accounts in their token, and of the same in another."""
        block = self.world.ledger.block(f"{self.name}.stakers", new, len(self.wallets))
        yield from zip(self.wallets.indices.tolist(), block.indices.tolist(), strict=True)

    def check(self) -> None:
        """Assert that the contract holds the stakes."""
        staked = sum(self.staked.values())
        assert staked == self.contract.held, f"{staked} are staked, the contract holds {self.contract.held}"
        self.contract.check()
