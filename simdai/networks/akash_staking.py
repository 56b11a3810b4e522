"""New AKT for stakers and the community pool, and what the pool pays providers."""

from __future__ import annotations

import datetime
import math

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.ledger import WORLD
from simdai.economy.providers import Providers
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.auction import committed_pool_cost
from simdai.mechanisms.emission import akash_ideal_inflation, akash_inflation_step, akash_staking_yield
from simdai.networks.akash_rules import Incentives, Issuance

__all__ = ["Staking", "pay_incentives"]

MICRO = 10**6
HOURS = 24.0
DAYS_PER_YEAR = 365.25

Ints = NDArray[np.int64]


class Staking:
    """Inflation on the clock: the rule of a block applied to a whole step, the bonded share held constant.

    Accounts: ``NAME.stakers`` in AKT; the community pool is the token's treasury.
    """

    def __init__(self, rules: Issuance, world: World, name: str, token: TokenMarket) -> None:
        self.rules, self.world, self.token = rules, world, token
        self.stakers = f"{name}.stakers"
        world.ledger.open(self.stakers, token.asset)
        self.inflation = rules.high if rules.first is None else rules.first
        """Share of the supply a year."""
        self._owed = 0.0  # base units not yet minted
        self._paid_to = 0.0  # days

    @property
    def staking_yield(self) -> float:
        """Yield of staked AKT after the community tax, a share a year."""
        return akash_staking_yield(self.inflation, self.rules.bonded, self.rules.community_tax)

    def _bounds(self) -> tuple[float, float]:
        """Least and greatest inflation now, a share of the supply a year."""
        rules, ideal = self.rules, self.rules.ideal
        if ideal is None:
            return rules.low, rules.high
        today = self.world.start_date + datetime.timedelta(days=self.world.env.now)
        percent = akash_ideal_inflation(
            ideal.genesis, today, 100.0 * ideal.initial, ideal.half_life / DAYS_PER_YEAR
        )
        low, high = (percent / 100.0 * (1.0 + side * ideal.band) for side in (-1.0, 1.0))
        return min(max(low, rules.low), rules.high), min(max(high, rules.low), rules.high)

    def step(self) -> float:
        """Create what is due since the last step, share it out, and let stakers sell their part of it.

        Returns the worth of what stakers got, simulated USD.
        """
        days, token, ledger = self.world.env.now - self._paid_to, self.token, self.world.ledger
        self._paid_to = self.world.env.now
        if days == 0:
            return 0.0
        rules = self.rules
        low, high = self._bounds()
        self.inflation = akash_inflation_step(
            self.inflation, rules.bonded, rules.goal, rules.change, DAYS_PER_YEAR / days, low, high
        )
        self._owed += self.inflation * ledger.supply(token.asset) * days / DAYS_PER_YEAR
        new = math.floor(self._owed)
        self._owed -= new
        tax = math.floor(new * rules.community_tax)
        ledger.mint(tax, token.asset, token.treasury)
        ledger.mint(new - tax, token.asset, self.stakers)
        worth = (new - tax) / token.units_per_usd
        token.sell(math.floor((new - tax) * rules.sold), self.stakers, WORLD)
        return worth


def pay_incentives(
    rules: Incentives, world: World, token: TokenMarket, population: Providers, days: float, use: float
) -> tuple[Ints, int]:
    """Sell AKT of the community pool for what the programme owes over ``days``, and pay it in USD.

    Parameters
    ----------
    use : share of the network's GPU-time online that was hired

    Returns
    -------
    paid : (n,) micro-USD to the present providers, in equal parts
    short : micro-USD that the pool could not pay
    """
    hours = days * HOURS
    if rules.guarantee is not None:
        hours *= max(rules.guarantee - (0.0 if math.isnan(use) else use), 0.0)
    owed = round(committed_pool_cost(rules.gpus / world.scale, rules.price, hours) * MICRO)
    ledger, k = world.ledger, population.book.present
    if not len(k):
        return np.zeros(0, dtype=np.int64), 0
    # A little more than the marginal price says, since the sale moves it; what is too much goes back.
    tokens = min(
        math.ceil(owed / MICRO * token.units_per_usd * 1.05), ledger.balance(token.asset, token.treasury)
    )
    token.sell(tokens, token.treasury, token.treasury)
    paid = min(owed, ledger.balance("USD", token.treasury))
    amounts = ledger.split(paid, np.ones(len(k), dtype=np.int64))
    ledger.pay_out(amounts, "USD", token.treasury, population.book.usd_account[k])
    return amounts, owed - paid
