"""Miners on Bittensor: their skill, effort and income; who comes, who leaves, who is pruned."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, pdtr

from simdai.economy.actors import World
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.contest import contest_effort, contest_share
from simdai.mechanisms.dtao import neuron_to_prune
from simdai.networks.bittensor_chain import Chain
from simdai.networks.bittensor_population import MinerBehaviour, SubnetType
from simdai.networks.bittensor_rules import RAO, Consensus, UidPrice
from simdai.networks.bittensor_subnet import INDEPENDENT

__all__ = ["Miners", "Newcomer", "normal"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

HALF_ULP = 2.0**-54
MOST_CANDIDATES = 64  # in a step and subnet


def normal(uniform: Floats) -> Floats:
    """Standard normal numbers from uniform ones in [0, 1)."""
    return np.asarray(ndtri(uniform + HALF_ULP))


class Newcomer(NamedTuple):
    """Somebody who may become a miner.

    Parameters
    ----------
    serial : number among all that ever looked at the subnet
    level : log skill
    cost : USD a day of full effort
    """

    serial: int
    level: float
    cost: float


Pay = Callable[[int, int, int], bool]
"""Pays rao of TAO for a UID in a slot, for a role; False when it cannot."""


class Miners:
    """All miners, side by side: (s, m) arrays over the UIDs behind those of owner and validators.

    Attributes
    ----------
    works : who answers; a miner that has left keeps its UID until it is pruned
    level, deviation : log skill, of its own and for the time being
    cost, effort, income : USD a day of full effort, part of it given, USD a day averaged
    ids : name the miners' luck
    """

    def __init__(self, rules: MinerBehaviour, chain: Chain, world: World, name: str, step: float) -> None:
        self.rules, self.chain, self.step = rules, chain, step
        self.first = chain.validators + 1
        shape = len(chain.alive), chain.occupied.shape[1] - self.first
        self.works = np.zeros(shape, dtype=np.bool_)
        self.level, self.deviation, self.cost, self.effort, self.income = np.zeros((5, *shape))
        self.ids = np.zeros(shape, dtype=np.uint64)
        self.seen = np.zeros(shape[0], dtype=np.int64)
        """(s,) newcomers that ever looked at the subnet."""
        self.key = np.zeros(shape[0], dtype=np.uint64)
        """(s,) names the subnet's luck."""
        self.left = self.pruned = 0
        """Independent miners since the start."""
        self.joined_by = np.zeros(shape[0], dtype=np.int64)
        """(s,) independent miners that came to each slot since the start."""
        self._streams = {
            what: world.entity("miners", name, what)
            for what in ("skill", "cost", "drift", "exit", "candidates")
        }
        self._poisson = pdtr(np.arange(MOST_CANDIDATES), rules.candidates * step)

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def quality(self) -> Floats:
        """(s, m) quality delivered, 1 by a middling miner at full effort, 0 by whoever does not work."""
        skill = np.exp(self.level + self.deviation)
        return np.asarray(np.where(self.works, skill * self.effort**self.rules.returns, 0.0))

    @property
    def joined(self) -> int:
        """Independent miners that came since the start."""
        return int(self.joined_by.sum())

    @property
    def spending(self) -> Floats:
        """(s, m) USD a day."""
        return np.asarray(np.where(self.works, self.cost * self.effort, 0.0))

    @property
    def margin(self) -> Floats:
        """(s, m) income less spending, over spending; nan for whoever does not work, or works for nothing."""
        spending = self.spending
        return np.asarray(self.income / np.where(spending > 0.0, spending, np.nan) - 1.0)

    # -- coming ----------------------------------------------------------------------------------------------

    def settle(self, slot: int, key: int, terms: SubnetType) -> None:
        """Fill a new subnet's UIDs as far as its type says."""
        self.key[slot], self.seen[slot] = key, 0
        self.works[slot] = False
        for place, who in enumerate(self.newcomers(slot, terms, round(terms.occupied * self.works.shape[1]))):
            self.seat(slot, place, who, int(self.chain.registered[slot]), INDEPENDENT)

    def newcomers(self, slot: int, terms: SubnetType, n: int) -> list[Newcomer]:
        """The next ``n`` to look at a subnet."""
        serials = np.arange(self.seen[slot], self.seen[slot] + n)
        self.seen[slot] += n
        ids = self.key[slot] + serials.astype(np.uint64)
        level = self.rules.skill_spread * normal(self._streams["skill"].uniforms(ids, 0))
        spread = self.rules.cost_spread * normal(self._streams["cost"].uniforms(ids, 0))
        cost = terms.miner_cost * np.exp(spread)
        return [Newcomer(*who) for who in zip(serials.tolist(), level.tolist(), cost.tolist(), strict=True)]

    def seat(self, slot: int, place: int, who: Newcomer, block: int, role: int) -> None:
        """Put a miner on a UID; whoever had it before has lost it."""
        chain, uid = self.chain, self.first + place
        chain.estate[slot, chain.keeper[slot, uid]] += chain.stake[slot, uid]
        chain.stake[slot, uid], chain.earned[slot, uid] = 0, 0
        chain.occupied[slot, uid], chain.registered_at[slot, uid] = True, block
        chain.keeper[slot, uid] = role
        self.ids[slot, place] = self.key[slot] + np.uint64(who.serial)
        self.level[slot, place], self.deviation[slot, place], self.cost[slot, place] = (
            who.level,
            0.0,
            who.cost,
        )
        self.effort[slot, place] = self._usual_effort(slot)
        self.income[slot, place] = who.cost * self.effort[slot, place]
        self.works[slot, place] = True

    def _usual_effort(self, slot: int) -> float:
        working = self.works[slot]
        return float(self.effort[slot, working].mean()) if working.any() else 1.0

    def renew(
        self,
        n: int,
        slots: Ints,
        blocks: int,
        pool_usd: Floats,
        usd_per_tao: float,
        price: UidPrice,
        hyperparameters: Callable[[int], Consensus],
        pay: Pay,
    ) -> list[tuple[int, int]]:
        """Let newcomers look at each subnet, evenly over the step that ends; returns (slot, place) of each.

        Parameters
        ----------
        n, blocks : number of the step, and its length
        pool_usd : (s,) USD a day that miners of each subnet share
        hyperparameters : of a slot
        pay : takes the price of a UID
        """
        chain, rules = self.chain, self.rules
        taken = []
        draws = self._streams["candidates"].uniforms(self.key[slots], n)
        counts = np.searchsorted(self._poisson, draws, side="right")
        quality = self.quality
        for slot, count in zip(slots.tolist(), counts.tolist(), strict=True):
            terms = chain.terms(slot)
            effort = self._usual_effort(slot)
            scores = float((quality[slot] ** terms.sharpness).sum())
            for i, who in enumerate(self.newcomers(slot, terms, count) if count else ()):
                skill = np.exp(who.level) * effort**rules.returns
                share = float(contest_share(skill, scores, terms.sharpness))
                worth = (share * pool_usd[slot] - who.cost * effort) * rules.payback
                if worth <= 0.0:
                    continue
                self.reprice(slot, price, chain.block - blocks + blocks * (i + 1) // count)
                if worth <= chain.uid_price[slot] / RAO * usd_per_tao:
                    continue
                place = self.register(slot, who, INDEPENDENT, price, hyperparameters(slot), pay)
                if place is not None:
                    taken.append((slot, place))
                    self.joined_by[slot] += 1
                    scores += skill**terms.sharpness
        return taken

    def reprice(self, slot: int, price: UidPrice, block: int) -> None:
        """Bring the price of a subnet's UIDs up to a block."""
        chain = self.chain
        before = int(chain.uid_price[slot]), int(chain.uid_registrations[slot]), int(chain.uid_block[slot])
        if block > before[2]:
            chain.uid_price[slot], chain.uid_registrations[slot] = price.later(*before, block - before[2])
            chain.uid_block[slot] = block

    def register(
        self, slot: int, who: Newcomer, role: int, price: UidPrice, rules: Consensus, pay: Pay
    ) -> int | None:
        """Buy a UID now, of the least earner where all are taken; returns its place, None without one."""
        chain = self.chain
        place = self._place(slot, rules)
        if place is None or not pay(slot, int(chain.uid_price[slot]), role):
            return None
        taken = self.works[slot, place] and chain.keeper[slot, self.first + place] == INDEPENDENT
        self.pruned += int(taken)
        # Registered after the epoch of this block: its bonds count from the next epoch but one.
        self.seat(slot, place, who, chain.block + 1, role)
        chain.uid_price[slot] = price.bumped(int(chain.uid_price[slot]))
        chain.uid_registrations[slot] += 1
        return place

    def _place(self, slot: int, rules: Consensus) -> int | None:
        chain = self.chain
        free = np.flatnonzero(~chain.occupied[slot, self.first :])
        if len(free):
            return int(free[0])
        registered = chain.registered_at[slot]
        uid = neuron_to_prune(
            chain.earned[slot].tolist(),
            registered.tolist(),
            (registered + rules.immunity > chain.block).tolist(),
            [True] * self.first + [False] * self.works.shape[1],
            rules.least_mortal,
        )
        return None if uid is None else uid - self.first

    # -- living ----------------------------------------------------------------------------------------------

    def live(self, n: int, income_usd: Floats) -> None:
        """Average what miners earned a day, let some leave, set efforts, and let skills drift.

        Parameters
        ----------
        n : number of the step
        income_usd : (s, m) USD a day in it
        """
        rules, step = self.rules, self.step
        self.income += weight_of_new(step, rules.income_memory) * (income_usd - self.income)
        loss = np.maximum(np.nan_to_num(-self.margin), 0.0)
        chance = -np.expm1(-rules.exit_hazard * step * loss)
        draws = self._streams["exit"].uniforms(self.ids.ravel(), n).reshape(self.ids.shape)
        independent = self.chain.keeper[:, self.first :] == INDEPENDENT
        leaves = self.works & independent & (draws < chance)
        self.left += int(leaves.sum())
        self.works[leaves] = False
        rows, places = np.nonzero(leaves)
        stake = self.chain.stake[:, self.first :]
        np.add.at(self.chain.estate[:, INDEPENDENT], rows, stake[rows, places])
        stake[leaves] = 0
        wanted = contest_effort(
            self.income, np.maximum(self.cost, 1e-9), rules.effort_share, rules.least_effort
        )
        self.effort = np.where(self.works, np.where(independent, wanted, self.effort), 0.0)
        if rules.drift:
            kept = np.exp(-rules.reversion * step)
            noise = normal(self._streams["drift"].uniforms(self.ids.ravel(), n)).reshape(self.ids.shape)
            self.deviation = kept * self.deviation + rules.drift * np.sqrt(step) * noise
