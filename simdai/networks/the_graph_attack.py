"""What attackers of a Graph network have in common: a wallet in GRT, bought on the market and sold there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from simdai.economy.actors import World
from simdai.economy.attacks import Attack, AttackActor, Sums
from simdai.economy.ledger import WORLD
from simdai.networks.the_graph_people import Indexers

__all__ = ["GraphAttack", "GraphAttackActor"]

PREMIUM = 1.01  # USD brought over the worth of a purchase at the spot price, which the purchase moves


class GraphAttack(Attack):
    """An attack on a Graph network."""

    against: ClassVar[tuple[str, ...]] = ("the_graph",)


class GraphAttackActor(AttackActor):
    """An attacker with the account ``NETWORK.KIND`` in USD and in GRT.

    Beside the books in USD it reports what it counts in GRT: `grt`, by name.
    """

    counted: ClassVar[tuple[str, ...]] = ()
    """Names of what is counted in GRT."""

    def __init__(self, rules: GraphAttack, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.wallet: int = self.network.accounts.open(rules.kind)
        self.grt: dict[str, float] = dict.fromkeys(self.counted, 0.0)
        """GRT since the start, real ones."""

    def start(self) -> None:
        super().start()
        for n, what in enumerate(self.counted):
            self.measure(what, "token", (0.0, 0.0, *(float(k == n) for k in range(len(self.counted)))))

    @property
    def sums(self) -> Sums:
        scale = self.world.scale
        return self.spent, self.earned, *(self.grt[what] / scale for what in self.counted)

    def report_ratio(self, what: str, part: Callable[[], float], whole: Callable[[], float]) -> None:
        """Report one number over another, at the end of the run; nan without the other."""
        self.world.recorder.outcome(
            f"{self.account}.{what}", "1", lambda: part() / whole() if whole() else math.nan
        )

    # -- money -----------------------------------------------------------------------------------------------

    def buy(self, tokens: float) -> int:
        """Bring USD and buy some GRT more than ``tokens``; returns the wei."""
        network: Any = self.network
        amount = self.bring(PREMIUM * tokens * network.token.price / self.world.scale)
        bought: int = network.accounts.buy(amount, self.account, self.wallet)
        return bought

    def cash(self) -> None:
        """Sell all GRT of the wallet and take the money home."""
        accounts = self.network.accounts
        accounts.sell(accounts.wei[self.wallet], self.wallet, self.account)
        self.take_home()

    def pay(self, usd: float) -> None:
        """Pay real USD to the world, for what the attack costs."""
        amount = self.bring(usd / self.world.scale)
        self.world.ledger.transfer(amount, "USD", self.account, WORLD)

    # -- indexers of its own ---------------------------------------------------------------------------------

    def enlist(self, rules: Indexers) -> int:
        """Add an indexer that belongs to the attacker; returns its number."""
        i: int = self.network.enlist_indexer(rules)
        return i

    def begin(self, i: int, stake: float) -> bool:
        """Buy the stake of an indexer of its own; its sales come to the attacker's account."""
        network = self.network
        network.indexers.owners[i] = self.account
        self.bring(network.indexers.stake_usd(stake))
        return bool(network.indexers.begin(i, stake))
