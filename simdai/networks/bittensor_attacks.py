"""What attacks on a subnet of Bittensor have in common: a role that sells, money brought, what is held."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World, absent
from simdai.economy.attacks import MICRO, Attack, AttackActor, Sums
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.networks.bittensor_genesis import places
from simdai.networks.bittensor_miners import Newcomer
from simdai.networks.bittensor_rules import RAO
from simdai.networks.bittensor_subnet import Subnet
from simdai.units import Name

__all__ = ["IDLE", "SubnetAttack", "SubnetAttackActor", "nothing_to_undo", "of_quality"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

SLIPPAGE = 0.02  # that attackers allow for when they buy TAO
GUESTS = 2**48  # serials of miners that belong to attackers begin here
IDLE = Newcomer(serial=GUESTS, level=-50.0, cost=0.0)
"""A miner that does nothing."""


def of_quality(quality: float) -> Newcomer:
    """A miner that delivers a quality, at full effort."""
    return IDLE._replace(level=max(math.log(quality), IDLE.level)) if quality > 0.0 else IDLE


class SubnetAttack(Attack):
    """An attack on one subnet.

    Parameters
    ----------
    subnet : its name
    """

    against: ClassVar[tuple[str, ...]] = ("bittensor",)

    subnet: Name

    def missing(self, scenario: Any) -> Iterator[Problem]:
        yield from super().missing(scenario)
        network = scenario.networks.get(self.network)
        if network is not None and network.kind == "bittensor":
            names = [name for name, _, _ in places(network.subnets)]
            yield from absent("subnet", {"subnet": self.subnet}, names)


class SubnetAttackActor(AttackActor):
    """An attack on a subnet, with its books.

    What the attackers earn is sold with the network's steps; what they hold counts at the prices of now.
    Outcomes beside those of every attack: ``emission_tao``, what the subnet got from blocks since the attack
    began.
    """

    rules: SubnetAttack

    def __init__(self, rules: SubnetAttack, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.rules = rules
        self.role: int = self.network.add_role(self.account, passes_on=True)
        self.strikes_at = math.inf
        self._tao_before = 0.0
        self._serials = 0

    @property
    def subnet(self) -> Subnet:
        """The subnet attacked."""
        subnet: Subnet = self.network.subnets[self.rules.subnet]
        return subnet

    @property
    def slot(self) -> int:
        """Its place in the chain's arrays."""
        return self.subnet.slot

    def start(self) -> None:
        """Put the attack on the calendar and report it."""
        super().start()
        self.report("emission_tao", "token", self._emission)

    def report(self, what: str, unit: str, function: Callable[[], float]) -> None:
        """Report a number of the attack, in real units, as a series and an outcome."""
        for register in (self.world.recorder.series, self.world.recorder.outcome):
            register(f"{self.account}.{what}", unit, function)

    def strike(self) -> Callable[[], None]:
        self.strikes_at = self.world.env.now
        self._tao_before = self._tao()
        self.network.before_step.append(self.act)
        undo = self.begin()
        self.network.books.post()

        def end() -> None:
            self.network.before_step.remove(self.act)
            undo()
            self.network.books.post()

        return end

    def begin(self) -> Callable[[], None]:
        """Strike; returns what undoes it."""
        raise NotImplementedError

    def act(self, n: int) -> None:
        """Do what is to be done in step ``n``, before people trade."""

    # -- money -----------------------------------------------------------------------------------------------

    @property
    def sums(self) -> Sums:
        """USD spent; USD earned, and what is held at the prices of now; simulated."""
        scale = self.world.scale
        return self.spent, (self.network.roles[self.role].received + self.holdings_usd) / scale

    @property
    def holdings_usd(self) -> float:
        """Real USD that what the attackers hold is worth at the margin."""
        return 0.0

    @property
    def usd_per_rao(self) -> float:
        """Real USD that a rao of the subnet's alpha is worth at the margin."""
        return self.subnet.price / RAO

    def bring_tao(self, rao: int) -> int:
        """Buy about ``rao`` of TAO with money from outside; returns what the role holds now."""
        network = self.network
        usd = rao / RAO * network.token.price / self.world.scale * (1.0 + SLIPPAGE)
        network.books.buy_for_purse(self.role, self.bring(usd + 1.0 / MICRO), self.account)
        return int(network.books.purse[self.role])

    def pay(self, usd_per_day: float) -> None:
        """Pay the costs of a step with money from outside."""
        amount = self.bring(usd_per_day * self.network.rules.step / self.world.scale)
        self.world.ledger.transfer(amount, "USD", self.account, WORLD)

    def register_miner(self, who: Newcomer) -> bool:
        """Buy a UID of the subnet with money from outside."""
        network, slot = self.network, self.slot
        network.miners.reprice(slot, network.uid_price, network.chain.block)
        price = int(network.chain.uid_price[slot])
        if network.books.purse[self.role] < price:
            self.bring_tao(price)
        self._serials += 1
        serial = GUESTS * self.role + self._serials
        if not network.register_miner(slot, who._replace(serial=serial), self.role):
            return False
        own = network.miners.ids[slot] == network.miners.key[slot] + np.uint64(serial)
        network.miners.effort[slot, own] = 1.0
        return True

    def miners(self) -> Ints:
        """Places of the attackers' miners among the miners of the subnet."""
        keeper = self.network.chain.keeper[self.slot, self.network.miners.first :]
        return np.flatnonzero((keeper == self.role) & self.network.miners.works[self.slot])

    def _tao(self) -> float:
        return float(self.network.coinbase.tao[self.slot]) / RAO

    def _emission(self) -> float:
        return self._tao() - self._tao_before if self.strikes_at < math.inf else 0.0


def nothing_to_undo() -> None:
    """What has happened stays."""
