"""What the chain of Bittensor holds: subnets side by side, their UIDs, and who has staked what; whole rao."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.networks.bittensor_pools import Pool, Trade
from simdai.networks.bittensor_population import SubnetType

__all__ = ["FAR_FUTURE", "OWNER", "Chain", "Pending"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

OWNER = 0  # UID of a subnet's owner; validators' follow, then miners'
FAR_AWAY = -(10**9)  # a block before every block
FAR_FUTURE = 2**62  # a block after every block


class Pending:
    """Minted for participants and not yet paid out, (s,) rao of alpha, of TAO before there was alpha."""

    def __init__(self, subnets: int) -> None:
        self.owner, self.miners, self.validators, self.root = np.zeros((4, subnets), dtype=np.int64)

    @property
    def total(self) -> Ints:
        """(s,) sums."""
        return np.asarray(self.owner + self.miners + self.validators + self.root)

    def clear(self, slot: int) -> None:
        """Forget what a subnet was owed."""
        for part in (self.owner, self.miners, self.validators, self.root):
            part[slot] = 0


class Chain:
    """The state of all subnets, in s slots of u UIDs, and of h holders of stake.

    Holders are the v validators themselves, in order, then everybody else; a holder stakes with the
    validator ``delegate``, the owner of a subnet with ``owner_delegate``. Roles are those who sell together:
    independent miners first.

    Attributes
    ----------
    block : number of blocks since the start
    issuance : TAO that exists, rao
    alive, started, registered : (s,) whether the slot is taken, since which block emission and place count
    enabled : (s,) first block in which root lets it have TAO
    withheld, favoured : (s,) share of weights that the owner has validators give to a UID of its own
    price_ema, user_flow, protocol_flow, miner_burned : (s,) what rules of shares look at
    owner, protocol, authors, burned : (s,) alpha of the owner, bought by the chain, of block authors, and
        burned but counted
    occupied, registered_at, permit, stake, earned : (s, u) UIDs: taken, since which block, allowed to vote,
        alpha held on them, and what they earned in the last epoch
    keeper : (s, u) role that a miner's UID belongs to
    estate : (s, r) alpha of miners that are gone, to be sold, by role
    alpha, root, wallet : (s, h), (h,), (h,) alpha, TAO on root, idle TAO
    uid_price, uid_block, uid_registrations : (s,) price of a UID, rao, at which block, and the
        registrations that are still to move it
    author_tao : fees in TAO
    volume : TAO that people traded in pools since the start
    """

    def __init__(self, subnets: int, uids: int, validators: int, holders: int, roles: int) -> None:
        s, h = subnets, holders
        self.validators = validators
        self.block = 0
        self.issuance = 0
        self.names: list[str] = [""] * s
        self.types: list[SubnetType | None] = [None] * s
        self.domains: list[str] = [""] * s
        self.pools: list[Pool | None] = [None] * s
        self.alive = np.zeros(s, dtype=np.bool_)
        self.netuid, self.started, self.registered, self.enabled = np.zeros((4, s), dtype=np.int64)
        self.favoured = np.full(s, OWNER, dtype=np.int64)
        self.withheld, self.price_ema, self.miner_burned = np.zeros((3, s))
        self.user_flow, self.protocol_flow = np.zeros((2, s))
        self.flow_in, self.protocol_in = np.zeros((2, s), dtype=np.int64)
        self.owner, self.protocol, self.authors, self.burned = np.zeros((4, s), dtype=np.int64)
        self.alpha_issued = np.zeros(s, dtype=np.int64)
        self.uid_price, self.uid_block, self.uid_registrations = np.zeros((3, s), dtype=np.int64)
        self.pending = Pending(s)
        self.occupied, self.permit = np.zeros((2, s, uids), dtype=np.bool_)
        self.registered_at = np.full((s, uids), FAR_AWAY, dtype=np.int64)
        self.stake, self.earned, self.keeper = np.zeros((3, s, uids), dtype=np.int64)
        self.estate = np.zeros((s, roles), dtype=np.int64)
        self.alpha = np.zeros((s, h), dtype=np.int64)
        self.root, self.wallet = np.zeros((2, h), dtype=np.int64)
        self.delegate = np.arange(h, dtype=np.int64)
        self.owner_delegate = np.zeros(s, dtype=np.int64)
        self.author_tao = 0
        self.volume = 0

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def slots(self) -> Ints:
        """Places of the subnets that exist."""
        return np.flatnonzero(self.alive)

    @property
    def has_alpha(self) -> bool:
        """Whether subnets have pools and alpha of their own."""
        return any(pool is not None for pool in self.pools)

    @property
    def prices(self) -> Floats:
        """(s,) TAO per alpha; 0 without a pool."""
        return np.array([0.0 if pool is None else pool.price for pool in self.pools])

    @property
    def reserves(self) -> tuple[Ints, Ints]:
        """(s,) alpha and TAO of the pools."""
        held = [(0, 0) if pool is None else (pool.alpha, pool.tao) for pool in self.pools]
        alpha, tao = np.array(held, dtype=np.int64).T
        return alpha, tao

    def alpha_of_validators(self) -> Ints:
        """(s, v) alpha staked with each validator, own and others'."""
        staked = self.alpha @ self._with(self.delegate)
        staked[np.arange(len(staked)), self.owner_delegate] += self.owner
        return staked

    def root_of_validators(self) -> Ints:
        """(v,) TAO on root staked with each validator."""
        return np.asarray(self.root @ self._with(self.delegate))

    def _with(self, delegate: Ints) -> Ints:
        return np.asarray(delegate[:, None] == np.arange(self.validators), dtype=np.int64)

    @property
    def alpha_outside(self) -> Ints:
        """(s,) alpha that somebody holds outside the pool."""
        return np.asarray(self.alpha_issued - self.reserves[0])

    def terms(self, slot: int) -> SubnetType:
        """What a subnet has in common with its type."""
        terms = self.types[slot]
        assert terms is not None, f"slot {slot} is empty"
        return terms

    # -- trading ---------------------------------------------------------------------------------------------

    def pool(self, slot: int) -> Pool:
        """The pool of a subnet that has one."""
        pool = self.pools[slot]
        assert pool is not None, f"subnet {self.names[slot]} has no pool"
        return pool

    def sell(self, slot: int, alpha: int, from_root: int = 0) -> Trade:
        """Put alpha into the pool; the caller takes it from its holders and gives them the TAO.

        Parameters
        ----------
        from_root : of the alpha, what root stakers have claimed: the protocol's flow, not users'
        """
        trade = self.pool(slot).trade(alpha, sell=True)
        self.volume += trade.out
        self.authors[slot] += trade.fee
        claimed = trade.out * from_root // alpha if alpha else 0
        self.protocol_in[slot] -= claimed
        self.flow_in[slot] -= trade.out - claimed
        return trade

    def buy(self, slot: int, tao: int) -> Trade:
        """Put TAO into the pool; the caller takes it from its holders and gives them the alpha."""
        trade = self.pool(slot).trade(tao, sell=False)
        self.author_tao += trade.fee
        self.volume += trade.paid
        self.flow_in[slot] += trade.paid
        return trade

    def recycle_alpha(self, slot: int, alpha: int) -> None:
        """Alpha taken from somebody exists no more."""
        self.alpha_issued[slot] -= alpha

    # -- dividends -------------------------------------------------------------------------------------------

    def pay_local(self, take: Ints, rest: Ints) -> tuple[Ints, Ints]:
        """Give validators their take of local dividends, and all who stake with them the rest by their alpha.

        Parameters
        ----------
        take, rest : (s, v) rao; what rounding leaves of ``rest`` goes to the validator

        Returns
        -------
        (s, h), (s,) rao that holders and owners got
        """
        rate = ratio(rest, self.alpha_of_validators())
        rows = np.arange(len(rate))
        to_holders = np.floor(self.alpha * rate[:, self.delegate]).astype(np.int64)
        to_owners = np.floor(self.owner * rate[rows, self.owner_delegate]).astype(np.int64)
        left = rest - to_holders @ self._with(self.delegate)
        left[rows, self.owner_delegate] -= to_owners
        to_holders[:, : self.validators] += take + left
        self.alpha += to_holders
        self.owner += to_owners
        return to_holders, to_owners

    def root_claims(self, rest: Ints) -> Ints:
        """(s, h) alpha that root stakers may claim of (s, v) ``rest``; rounding is the validators'."""
        rate = ratio(rest, self.root_of_validators()[None, :])
        claims = np.floor(self.root * rate[:, self.delegate]).astype(np.int64)
        claims[:, : self.validators] += rest - claims @ self._with(self.delegate)
        return claims


def ratio(amounts: Ints, of: Ints) -> Floats:
    """Amounts per unit; 0 where there is none."""
    whole = np.asarray(of, dtype=np.float64)
    return np.asarray(amounts / np.where(whole > 0.0, whole, 1.0) * (whole > 0.0))
