"""Epochs of all subnets, and who is paid what the blocks before them created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.kernel import SubnetConsensus
from simdai.mechanisms.dtao import dividend_distribution
from simdai.mechanisms.subnet_stake import inherited_stake, parent_dividends, stake_weight, take_and_rest
from simdai.networks.bittensor_chain import OWNER
from simdai.networks.bittensor_rules import Consensus
from simdai.networks.bittensor_validators import FIRST_VALIDATOR

if TYPE_CHECKING:
    from simdai.networks.bittensor_network import BittensorNetwork

__all__ = ["Payday", "Wages"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Wages:
    """What a step paid, rao of alpha (of TAO before there was alpha).

    Parameters
    ----------
    miners : (s, m) incentive
    withheld : (s,) incentive that fell to owners, and is burned or recycled
    grants : (s, g) of miners' incentive to those who were granted a part of it
    owners : (s,) their cut
    take : (s, v) validators' take of all dividends
    rest : (s, v) what is left for all who stake with them
    to_holders : (s, h) what holders got, take included, but for claims
    claims : (s, h) earned on root
    """

    miners: Ints
    withheld: Ints
    grants: Ints
    owners: Ints
    take: Ints
    rest: Ints
    to_holders: Ints
    claims: Ints


class Payday:
    """The consensus of every subnet, and what its epochs pay.

    Attributes
    ----------
    weight : (s, v) stake weight with which each validator voted in the last epoch
    incentive : (s, m) shares of miners in the last step's incentive, the owner's left out
    """

    def __init__(self, network: BittensorNetwork) -> None:
        self.network, self.chain = network, network.chain
        s, u = self.chain.occupied.shape
        self.weight = np.zeros((s, self.chain.validators))
        self.incentive = np.zeros((s, u - self.chain.validators - 1))
        self.subnets: list[SubnetConsensus | None] = [None] * s
        self.last_epoch = np.zeros(s, dtype=np.int64)
        """(s,) block of each subnet's last epoch."""
        self.epochs = self.repeated = self.advanced = 0
        """Epochs of subnets that are gone."""

    # -- consensus -------------------------------------------------------------------------------------------

    def settle(self, slot: int) -> None:
        """A new subnet: nobody has bonds, every validator has a permit."""
        chain = self.chain
        self._count(slot)
        params = self.rules(slot).params(OWNER, 0)
        subnet = self.subnets[slot] = SubnetConsensus(chain.occupied.shape[1], params)
        self.last_epoch[slot] = chain.block
        subnet.registered[:] = chain.registered_at[slot]
        subnet.permit[FIRST_VALIDATOR : FIRST_VALIDATOR + chain.validators] = 1

    def _count(self, slot: int) -> None:
        if (gone := self.subnets[slot]) is not None:
            self.epochs += gone.epochs
            self.repeated += gone.epochs_repeated
            self.advanced += gone.epochs_advanced

    def counts(self) -> tuple[int, int, int]:
        """Epochs since the start; of them, those with the last one's inputs; of these, not run at all."""
        held = [subnet for subnet in self.subnets if subnet is not None]
        return (
            self.epochs + sum(subnet.epochs for subnet in held),
            self.repeated + sum(subnet.epochs_repeated for subnet in held),
            self.advanced + sum(subnet.epochs_advanced for subnet in held),
        )

    def rules(self, slot: int) -> Consensus:
        """Hyperparameters of a subnet."""
        return self.chain.terms(slot).consensus or self.network.consensus

    def change_rules(self) -> None:
        """Put the hyperparameters in force on every subnet."""
        for slot in self.chain.slots.tolist():
            subnet = self.subnets[slot]
            assert subnet is not None
            subnet.set_params(self.rules(slot).params(OWNER, 0))

    def seat(self, slot: int, uid: int) -> None:
        """Somebody else has a UID."""
        subnet = self.subnets[slot]
        assert subnet is not None
        subnet.register(uid, int(self.chain.registered_at[slot, uid]))

    def _vote(self, n: int, slot: int, subnet: SubnetConsensus, last_block: int, hidden: bool) -> None:
        """Weights that come into force; whoever votes sends its weights again before each epoch."""
        electorate = self.network.electorate
        for ballot, changed in filter(None, [electorate.due(n, slot)]):
            if len(changed):
                weights = np.maximum(ballot.rows[changed], 0).astype(np.uint16)
                committed = ballot.block if hidden else None
                subnet.set_all_weights(changed + FIRST_VALIDATOR, weights, last_block, committed)
        subnet.updated[np.flatnonzero(electorate.runs[slot]) + FIRST_VALIDATOR] = last_block

    def run(self, n: int, at_once: bool = False) -> Wages:
        """Run the epochs that are due at the end of step ``n``, and pay what is pending.

        Parameters
        ----------
        at_once : run an epoch even where none is due
        """
        network, chain = self.network, self.chain
        s, v = self.weight.shape
        local, root, owners = np.zeros((s, v), np.int64), np.zeros((s, v), np.int64), np.zeros(s, np.int64)
        miners, withheld = np.zeros(self.incentive.shape, np.int64), np.zeros(s, np.int64)
        grants = np.zeros((s, len(network.grants)), np.int64)
        alpha, staked = chain.alpha_of_validators(), chain.root_of_validators()
        self.weight[:] = 0.0
        for slot in chain.slots.tolist():
            rules, subnet = self.rules(slot), self.subnets[slot]
            assert subnet is not None
            children = network.electorate.children(slot)
            own = stake_weight(alpha[slot], staked, rules.tao_weight)
            self.weight[slot] = stake_weight(
                inherited_stake(alpha[slot], children), inherited_stake(staked, children), rules.tao_weight
            )
            stake = np.concatenate([[0.0], self.weight[slot], chain.stake[slot, FIRST_VALIDATOR + v :]])
            subnet.set_stake(stake)
            self._vote(n, slot, subnet, chain.block, rules.reveal_period > 0)
            pending, last = int(chain.pending.total[slot]), int(self.last_epoch[slot])
            epochs = max((chain.block - last) // rules.tempo, int(at_once))
            if not (pending and epochs):
                continue
            subnet.run(last + rules.tempo, max(pending // epochs, 1), epochs, rules.tempo)
            self.last_epoch[slot] = last + epochs * rules.tempo
            chain.earned[slot] = (subnet.server_rao + subnet.validator_rao) // epochs
            owners[slot], chain.pending.owner[slot] = chain.pending.owner[slot], 0
            parts = self._incentives(slot, subnet.server_rao)
            withheld[slot] = parts[OWNER]
            miners[slot], grants[slot] = self._grant(slot, parts[FIRST_VALIDATOR + v :])
            earned = subnet.validator_rao[FIRST_VALIDATOR : FIRST_VALIDATOR + v]
            earned = parent_dividends(earned, own, children, network.electorate.child_take)
            local[slot], root[slot] = self._dividends(slot, rules.tao_weight, alpha[slot], staked, earned)
        return self._pay(miners, withheld, grants, owners, local, root)

    def _incentives(self, slot: int, server: Ints) -> Ints:
        """(u,) incentive of UIDs out of what is pending; without any, validators get it."""
        pending, total = self.chain.pending, int(server.sum())
        due = int(pending.miners[slot])
        if total == 0:
            pending.validators[slot] += due
            pending.miners[slot] = 0
            self.incentive[slot], self.chain.miner_burned[slot] = 0.0, 0.0
            return np.zeros(len(server), np.int64)
        parts = np.floor(due * (server / total)).astype(np.int64)
        pending.miners[slot] -= int(parts.sum())
        self.chain.miner_burned[slot] = server[OWNER] / total
        paid = server[FIRST_VALIDATOR + self.chain.validators :].astype(np.float64)
        self.incentive[slot] = paid / paid.sum() if paid.any() else 0.0
        return parts

    def _grant(self, slot: int, parts: Ints) -> tuple[Ints, Ints]:
        """Miners' incentive less the parts granted to others."""
        grants = np.array([grant.share_of(slot) for grant in self.network.grants])
        if not grants.any():
            return parts, np.zeros(len(grants), np.int64)
        granted = np.floor(int(parts.sum()) * grants).astype(np.int64)
        kept = np.floor(parts * (1.0 - grants.sum())).astype(np.int64)
        self.chain.pending.miners[slot] += int(parts.sum() - granted.sum() - kept.sum())
        return kept, granted

    def _dividends(
        self, slot: int, tao_weight: float, alpha: Ints, staked: Ints, earned: Ints
    ) -> tuple[Ints, Ints]:
        """(v,) local and root dividends out of what is pending."""
        pending, has_alpha = self.chain.pending, self.chain.has_alpha
        stakes = zip(alpha.tolist(), staked.tolist(), strict=True)
        split = dividend_distribution(
            int(pending.validators[slot]),
            int(pending.root[slot]),
            tao_weight,
            list(stakes) if has_alpha else [(tao, 0) for tao in staked.tolist()],
            earned.tolist(),
        )
        local, root = np.array(split.local, np.int64), np.array(split.root, np.int64)
        pending.validators[slot] -= int(local.sum())
        pending.root[slot] -= int(root.sum())
        return local, root

    # -- payment ---------------------------------------------------------------------------------------------

    def _pay(
        self, miners: Ints, withheld: Ints, grants: Ints, owners: Ints, local: Ints, root: Ints
    ) -> Wages:
        chain, take = self.chain, self.network.electorate.take
        local_take, local_rest = take_and_rest(local, take)
        root_take, root_rest = take_and_rest(root, take)
        if chain.has_alpha:
            to_holders, _ = chain.pay_local(local_take, local_rest)
            chain.alpha[:, : chain.validators] += root_take
            to_holders[:, : chain.validators] += root_take
            claims = chain.root_claims(root_rest)
            self._withhold(withheld)
        else:
            claims = chain.root_claims(local_rest)
            to_holders = np.zeros_like(claims)
            to_holders[:, : chain.validators] = local_take
            chain.root += (claims + to_holders).sum(axis=0)
            chain.issuance -= int(withheld.sum())
        return Wages(
            miners,
            withheld,
            grants,
            owners,
            local_take + root_take,
            local_rest + root_rest,
            to_holders,
            claims,
        )

    def _withhold(self, withheld: Ints) -> None:
        for slot in np.flatnonzero(withheld).tolist():
            if self.chain.terms(slot).recycled:
                self.chain.recycle_alpha(slot, int(withheld[slot]))
            else:
                self.chain.burned[slot] += withheld[slot]
