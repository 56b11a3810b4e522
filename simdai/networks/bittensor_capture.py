"""Owners and miners who take more than their work is worth: withheld incentive, sybils, wars over UIDs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simdai.economy.actors import World
from simdai.economy.attacks import Sums
from simdai.networks.bittensor_attacks import (
    IDLE,
    SubnetAttack,
    SubnetAttackActor,
    nothing_to_undo,
    of_quality,
)
from simdai.networks.bittensor_chain import OWNER
from simdai.networks.bittensor_rules import RAO
from simdai.networks.bittensor_subnet import INDEPENDENT
from simdai.units import Count, NonNegative, PositiveCount, Share, UsdPerDay

__all__ = ["MinerSybils", "OwnerCapture", "UidWar"]


class OwnerCapture(SubnetAttack, kind="owner_capture"):
    """The owner of a subnet has validators withhold incentive from miners.

    In the open it goes to the owner's own UID: the chain destroys it, fewer miners sell, and the price of
    alpha and with it the subnet's share of TAO rise. In hiding it goes to another UID of the owner's, who
    sells it.

    Outcomes, since the attack began: ``owner_share``, of all that the subnet paid to owner and miners, what
    was withheld in the open included, the owner's part; ``miners_loss_usd``, incentive kept from them.

    Parameters
    ----------
    withheld : share of validators' weights
    hidden : whether it goes to a UID that nobody knows for the owner's
    """

    withheld: Share
    hidden: bool

    def build(self, world: World, name: str) -> CaptureActor:
        return CaptureActor(self, world, name)


class CaptureActor(SubnetAttackActor):
    """The owner on the clock; the owner's cut is part of its books from the beginning."""

    rules: OwnerCapture

    def __init__(self, rules: OwnerCapture, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.worth_at_strike = 0.0
        """USD that the owner's alpha was worth then: what it could have sold for counts as spent."""
        self.kept = self.cut = self.paid = 0.0
        """USD since the attack began: withheld from miners, owner's cut, and all incentive and cut paid."""

    def start(self) -> None:
        super().start()
        self.report("miners_loss_usd", "USD", lambda: self.kept)
        self.report("owner_share", "1", lambda: (self.cut + self.kept) / self.paid if self.paid else math.nan)

    def begin(self) -> Callable[[], None]:
        network, chain, slot = self.network, self.network.chain, self.slot
        before = float(chain.withheld[slot]), int(chain.favoured[slot]), int(network.owner_roles[slot])
        chain.withheld[slot], network.owner_roles[slot] = self.rules.withheld, self.role
        self.worth_at_strike = int(chain.owner[slot]) * self.usd_per_rao

        def undo() -> None:
            chain.withheld[slot], chain.favoured[slot], network.owner_roles[slot] = before

        return undo

    def act(self, n: int) -> None:
        chain, wages, slot = self.network.chain, self.network.last, self.slot
        if self.rules.hidden:
            if not len(self.miners()):
                self.register_miner(IDLE)
            own = self.miners()
            chain.favoured[slot] = self.network.miners.first + own[0] if len(own) else OWNER
        keeper = chain.keeper[slot, self.network.miners.first :]
        kept = int(wages.withheld[slot] + wages.miners[slot][keeper == self.role].sum())
        self.kept += kept * self.usd_per_rao
        self.cut += int(wages.owners[slot]) * self.usd_per_rao
        whole = int(wages.withheld[slot] + wages.miners[slot].sum() + wages.owners[slot])
        self.paid += whole * self.usd_per_rao

    @property
    def sums(self) -> Sums:
        spent, earned = super().sums
        return spent + self.worth_at_strike / self.world.scale, earned

    @property
    def holdings_usd(self) -> float:
        if self.strikes_at == math.inf:
            return 0.0
        chain = self.network.chain
        return int(chain.owner[self.slot] + chain.estate[self.slot, self.role]) * self.usd_per_rao


class MinerSybils(SubnetAttack, kind="miner_sybils"):
    """One backend answers for many UIDs, or relays the answers of others.

    It registers again what is pruned, as long as the UIDs earn what they cost.

    Outcomes, since the attack began: ``uids``, held now; ``taken_usd``, incentive that went to them;
    ``registrations``.

    Parameters
    ----------
    uids : wanted
    skill : quality of the backend; 1 is a middling miner at full effort
    relay : or, where it is better: part of the best honest miner's quality that relayed answers have
    cost : USD a day of the backend, whatever the number of UIDs
    """

    uids: PositiveCount
    skill: NonNegative
    relay: Share = 0.0
    cost: UsdPerDay

    def build(self, world: World, name: str) -> SybilActor:
        return SybilActor(self, world, name)


class SybilActor(SubnetAttackActor):
    """The sybils on the clock."""

    rules: MinerSybils

    def __init__(self, rules: MinerSybils, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.taken = 0.0
        self.registrations = 0

    def start(self) -> None:
        super().start()
        self.report("taken_usd", "USD", lambda: self.taken)
        self.report("registrations", "count", lambda: float(self.registrations))
        self.report("uids", "count", lambda: float(len(self.miners())))

    def begin(self) -> Callable[[], None]:
        return self._stop

    def _stop(self) -> None:
        miners = self.network.miners
        miners.works[self.slot, self.miners()] = False

    def act(self, n: int) -> None:
        network, slot = self.network, self.slot
        own = self.miners()
        incentive = int(network.last.miners[slot][own].sum()) * self.usd_per_rao
        self.taken += incentive
        self.pay(self.rules.cost)
        quality = self._quality()
        network.miners.level[slot, own] = of_quality(quality).level
        each = incentive / len(own) / network.rules.step if len(own) else self._promise(quality)
        for _ in range(self.rules.uids - len(own)):
            network.miners.reprice(slot, network.uid_price, network.chain.block)
            price = int(network.chain.uid_price[slot]) / RAO * network.token.price
            if each * network.rules.miners.payback < price or not self.register_miner(of_quality(quality)):
                break
            self.registrations += 1

    def _promise(self, quality: float) -> float:
        """USD a day that a first UID may expect."""
        network, slot = self.network, self.slot
        power = network.chain.terms(slot).sharpness
        whole = float((network.miners.quality[slot] ** power).sum())
        return float(network.pool_usd[slot]) * quality**power / (whole + quality**power) if whole else 0.0

    def _quality(self) -> float:
        network, slot = self.network, self.slot
        honest = network.chain.keeper[slot, network.miners.first :] == INDEPENDENT
        best = float(np.max(network.miners.quality[slot] * honest, initial=0.0))
        return max(self.rules.skill, self.rules.relay * best)


class UidWar(SubnetAttack, kind="uid_war"):
    """The miners who earn most keep registering idle UIDs, so that newcomers find no place worth its price.

    Outcomes, since the attack began: ``entrants``, newcomers who registered all the same;
    ``incumbents_share`` of the incentive, which goes to those who were there; ``registrations`` that the war
    took.

    Parameters
    ----------
    registrations : bought in each step (0: none, for comparison), as long as a UID costs no more than
    most : TAO
    """

    registrations: Count
    most: NonNegative

    def build(self, world: World, name: str) -> WarActor:
        return WarActor(self, world, name)


class WarActor(SubnetAttackActor):
    """The incumbents on the clock."""

    rules: UidWar

    def __init__(self, rules: UidWar, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.bought = 0
        self.old, self.all = 0.0, 0.0
        self._joined_before = 0

    def start(self) -> None:
        super().start()
        self.report("registrations", "count", lambda: float(self.bought))
        self.report("entrants", "count", lambda: float(self.entrants))
        self.report("incumbents_share", "1", lambda: self.old / self.all if self.all else math.nan)

    @property
    def entrants(self) -> int:
        """Independent miners that came since the attack began."""
        return int(self.network.miners.joined_by[self.slot]) - self._joined_before

    def begin(self) -> Callable[[], None]:
        miners = self.network.miners
        self._incumbents = miners.ids[self.slot][miners.works[self.slot]].copy()
        self._joined_before = int(miners.joined_by[self.slot])
        return nothing_to_undo

    def act(self, n: int) -> None:
        network, slot = self.network, self.slot
        incentive = network.last.miners[slot] * self.usd_per_rao
        here = np.isin(network.miners.ids[slot], self._incumbents)
        self.old += float(incentive[here].sum())
        self.all += float(incentive.sum())
        for _ in range(self.rules.registrations):
            network.miners.reprice(slot, network.uid_price, network.chain.block)
            if network.chain.uid_price[slot] > self.rules.most * RAO or not self.register_miner(IDLE):
                break
            self.bought += 1
