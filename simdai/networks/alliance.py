"""A token without a protocol of its own here: other networks pay in it or merge theirs into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simdai.economy.actors import Flows, Network, World
from simdai.economy.foundation import Foundation
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem

__all__ = ["Alliance", "AllianceNetwork"]


class Alliance(Network, kind="alliance"):
    """The token of an alliance of networks, and its market.

    Parameters
    ----------
    token : shared by the networks that name this one
    """

    token: Token

    def check(self, scenario: Any) -> Iterator[Problem]:
        others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
        if any(other and other.symbol == self.token.symbol for other in others):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")

    def build(self, world: World, name: str) -> AllianceNetwork:
        return AllianceNetwork(self, world, name)


class AllianceNetwork:
    """An alliance on the clock; its accounts are those of its `TokenMarket`."""

    def __init__(self, rules: Alliance, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.token = TokenMarket(rules.token, world, name)
        self.foundation = Foundation(rules.functions)

    def start(self) -> None:
        """Open the token's market."""
        self.token.start()

    @property
    def served(self) -> float:
        """Nothing: an alliance has no customers."""
        return 0.0

    @property
    def flows(self) -> Flows:
        """Nothing is paid to an alliance, and it creates nothing."""
        return Flows(0.0, 0.0)
