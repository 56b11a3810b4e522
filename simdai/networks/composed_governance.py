"""Who decides in a composed network, and what it costs to decide instead of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from simdai.economy.actors import World
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.security import cost_to_attack, stake_to_hold
from simdai.registry import Configured
from simdai.units import Days, NonNegative, Share

__all__ = ["Captor", "Governance", "TreasuryCapture", "capture_cost"]

MAJORITY = 0.5


class Governance(Configured):
    """Token holders vote over the treasury.

    Parameters
    ----------
    turnout : share of the tokens in circulation that vote against a hostile proposal
    treasury_share : most of the treasury that one proposal may move
    delay : days from a proposal to its execution
    """

    turnout: Share
    treasury_share: Share
    delay: Days


def capture_cost(rules: Governance, token: TokenMarket, circulating: float) -> float:
    """USD for more votes than turn out against, the price rising with the whole order; simulated.

    Parameters
    ----------
    circulating : simulated tokens that may vote
    """
    voting = rules.turnout * circulating
    order = stake_to_hold(voting, MAJORITY) * token.price
    return cost_to_attack(voting, MAJORITY, token.price, token.DEPTH * order / token.depth_usd)


class TreasuryCapture(Attack, kind="treasury_capture"):
    """Somebody buys the votes, takes what a proposal may take of the treasury, and sells everything.

    Parameters
    ----------
    price_limit : the attacker stops buying when the price is so many times what it was; without enough votes
        the attacker sells what was bought
    """

    against: ClassVar[tuple[str, ...]] = ("composed",)

    price_limit: NonNegative

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind in self.against and network.governance is None:
            yield Problem(
                path="network",
                found=f"{self.network!r}, whose holders decide nothing",
                allowed="a network with 'governance'",
            )

    def build(self, world: World, name: str) -> Captor:
        return Captor(self, world, name)


class Captor(AttackActor):
    """The attacker on the clock; also reports ``taken_usd``, at the price before its sale, and ``won``."""

    rules: TreasuryCapture

    def __init__(self, rules: TreasuryCapture, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.token = self.network.token
        world.ledger.open(self.account, self.token.asset)
        self.taken = self.won = 0.0

    def start(self) -> None:
        super().start()
        self.measure("taken_usd", "USD", (0.0, 0.0, 1.0))
        recorder = self.world.recorder
        recorder.outcome(f"{self.account}.won", "1", lambda: self.won)

    @property
    def sums(self) -> Sums:
        return self.spent, self.earned, self.taken

    def strike(self) -> Callable[[], None]:
        governance = self.network.rules.governance
        needed = math.ceil(
            stake_to_hold(governance.turnout * self.network.circulating, MAJORITY) * self.token.unit
        )
        got, spent = self.token.acquire(needed, WORLD, self.account, self.rules.price_limit)
        self.spent += spent / 10**6
        then = self.world.env.now + governance.delay
        self.world.calendar.at(then, Phase.SHOCKS, lambda: self._execute(got >= needed))
        return lambda: None

    def _execute(self, won: bool) -> None:
        ledger, token = self.world.ledger, self.token
        if won:
            self.won = 1.0
            share = self.network.rules.governance.treasury_share
            tokens = math.floor(ledger.balance(token.asset, token.treasury) * share)
            usd = math.floor(ledger.balance("USD", token.treasury) * share)
            self.taken += tokens / token.units_per_usd + usd / 10**6
            ledger.transfer(tokens, token.asset, token.treasury, self.account)
            ledger.transfer(usd, "USD", token.treasury, self.account)
        token.sell(ledger.balance(token.asset, self.account), self.account, self.account)
        self.take_home()
