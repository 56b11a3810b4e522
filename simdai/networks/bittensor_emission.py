"""The coinbase of Bittensor over many blocks at once: TAO to pools, alpha to participants, average prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.dtao import (
    alpha_out_split,
    apply_gate,
    block_emission,
    flow_ema,
    injection_terms,
    price_ema_after,
    redistribute_disabled,
    root_proportion,
    root_sell,
)
from simdai.networks.bittensor_chain import Chain
from simdai.networks.bittensor_rules import RAO, Injection, PriceEma, ShareState, SubnetShares
from simdai.registry import Configured, Regimes
from simdai.units import Share, Tokens

__all__ = ["Coinbase", "Emission"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Votes: TypeAlias = Callable[[Ints], tuple[Floats, Floats]]

FIRST_AVERAGE = 2  # blocks until the average price of a new subnet, which starts from 0, is above it


class Emission(Configured):
    """What a block creates.

    Parameters
    ----------
    max_supply : of TAO, and of each alpha
    reward : TAO a block before the first halving, and alpha a block of each subnet
    owner_cut : of a subnet's alpha
    shares : how a block's TAO is split between subnets, by date
    injection : what becomes of a subnet's TAO, by date
    ema : average price
    """

    max_supply: Tokens
    reward: Tokens
    owner_cut: Share
    shares: Regimes[SubnetShares]
    injection: Regimes[Injection]
    ema: PriceEma


class Coinbase:
    """Creates what blocks create. The terms of a block hold from one trade to the next, split at halvings.

    Parameters
    ----------
    votes : root stake and votes over the subnets at given slots
    tao_weight : of TAO on root beside alpha
    """

    def __init__(self, rules: Emission, chain: Chain, votes: Votes) -> None:
        self.rules, self.chain, self.votes = rules, chain, votes
        self.max_supply, self.reward = round(rules.max_supply * RAO), round(rules.reward * RAO)
        self.theta = 0.0
        """Bar of the gate, which stays when nobody has a share."""
        slots = len(chain.alive)
        self.share = np.zeros(slots)
        """(s,) shares in force."""
        self.tao, self.bought = np.zeros((2, slots), dtype=np.int64)
        """(s,) TAO emitted since the start, and of it spent on alpha."""
        self.flows = np.zeros((2, slots))
        """(2, s) flows of users and of the protocol in the last step, TAO a block."""
        self.level = 1.0
        """Factor on the TAO that a block creates; shocks change it."""

    def run(self, blocks: int, shares: SubnetShares, injection: Injection, tao_weight: float) -> None:
        """Let ``blocks`` blocks pass.

        Parameters
        ----------
        shares, injection : rules in force
        tao_weight : of TAO on root beside alpha
        """
        last = self.chain.block + blocks
        while self.chain.block < last:
            slots = self._eligible()
            n = min(last - self.chain.block, self._until_change(slots))
            self.share[:] = 0.0
            self.share[slots] = self._shares(slots, shares)
            per_block = int(block_emission(self.chain.issuance, self.max_supply, self.reward) * self.level)
            if self.chain.has_alpha:
                self._emit(n, slots, per_block, injection, tao_weight)
            else:
                self._emit_tao(n, slots, per_block)
            self.chain.block += n

    def close_flows(self, blocks: int, smoothing: float | None) -> None:
        """Average the flows of the last ``blocks`` blocks; zero where nobody looks at them."""
        chain = self.chain
        self.flows[:] = np.array([chain.flow_in, chain.protocol_in]) / RAO / blocks
        if smoothing is None:
            chain.user_flow[:] = chain.protocol_flow[:] = 0.0
        else:
            self._average_flows(smoothing, blocks)
        chain.flow_in[:] = chain.protocol_in[:] = 0

    def open_flows(self, smoothing: float) -> None:
        """Flows begin to count: averages start from 0, and see a block with the flows of the last step."""
        self._average_flows(smoothing, 1)

    def _average_flows(self, smoothing: float, blocks: int) -> None:
        for average, flow in zip((self.chain.user_flow, self.chain.protocol_flow), self.flows, strict=True):
            for slot in self.chain.slots.tolist():
                average[slot] = flow_ema(average[slot], flow[slot], smoothing, blocks)

    # -- shares ----------------------------------------------------------------------------------------------

    def _eligible(self) -> Ints:
        chain = self.chain
        return np.flatnonzero(chain.alive & (chain.started <= chain.block))

    def _until_change(self, slots: Ints) -> int:
        """Blocks that surely pass before a halving, a start, root's leave for a subnet, or the first average.

        When alpha begins no subnet has an average price, and no share; two blocks later all have both.
        """
        chain = self.chain
        per_block = block_emission(chain.issuance, self.max_supply, self.reward)
        least = _blocks_to_halving(chain.issuance, self.max_supply, per_block)
        if chain.has_alpha:
            for issued in chain.alpha_issued[slots].tolist():
                per_block = 2 * block_emission(issued, self.max_supply, self.reward)
                least = min(least, _blocks_to_halving(issued, self.max_supply, per_block))
            if not chain.price_ema[slots].any():
                least = min(least, FIRST_AVERAGE)
        dates = np.concatenate([chain.started[chain.alive], chain.enabled[chain.alive]])
        ahead = dates[dates > chain.block]
        return min(least, int(ahead.min() - chain.block)) if len(ahead) else least

    def _shares(self, slots: Ints, rule: SubnetShares) -> Floats:
        chain = self.chain
        root_stake, votes = self.votes(slots)
        state = ShareState(
            price_ema=chain.price_ema[slots],
            miner_burned=chain.miner_burned[slots],
            user_flow=chain.user_flow[slots],
            protocol_flow=chain.protocol_flow[slots],
            netuids=chain.netuid[slots],
            root_stake=root_stake,
            votes=votes,
        )
        shares = rule.shares(state)
        if rule.gate:
            self.theta = rule.gate.bar(shares) or self.theta
            shares = apply_gate(shares, self.theta, rule.gate.exponent)
        return redistribute_disabled(shares, chain.enabled[slots] <= chain.block)

    # -- creation --------------------------------------------------------------------------------------------

    def _emit(self, n: int, slots: Ints, per_block: int, injection: Injection, tao_weight: float) -> None:
        chain, pending = self.chain, self.chain.pending
        root, spot = int(chain.root.sum()), chain.prices
        sell_root = root_sell(chain.price_ema[slots])
        capped = injection.cap == "root_proportion"
        for slot in slots.tolist():
            issued = int(chain.alpha_issued[slot])
            alpha = block_emission(issued, self.max_supply, self.reward)
            on_root = root_proportion(tao_weight, root, issued)
            tao = self.share[slot] * per_block
            if tao:
                terms = injection_terms(tao, spot[slot], on_root if capped else 1.0, alpha)
                self._inject(slot, n * terms.alpha_in, n * terms.tao_in)
                self._buy(slot, n * terms.excess_tao, kept=injection.bought == "kept")
            parts = alpha_out_split(alpha, self.rules.owner_cut, on_root, sell_root)
            pending.owner[slot] += n * parts.owner
            pending.miners[slot] += n * parts.miners
            pending.validators[slot] += n * parts.validators
            pending.root[slot] += n * parts.root
            chain.alpha_issued[slot] += n * (parts.owner + parts.miners + parts.validators + parts.root)
        age = np.maximum(chain.block - chain.started, 0)
        ema = self.rules.ema
        average = price_ema_after(chain.price_ema, spot, age, n, ema.base, ema.halving, ema.spot_cap)
        chain.price_ema[slots] = average[slots]

    def _inject(self, slot: int, alpha: int, tao: int) -> None:
        chain = self.chain
        if tao and chain.pool(slot).inject(alpha, tao):
            chain.alpha_issued[slot] += alpha
            chain.protocol_in[slot] += tao
            self._create(slot, tao)

    def _buy(self, slot: int, tao: int, kept: bool) -> None:
        if not tao:
            return
        chain = self.chain
        trade = chain.pool(slot).trade(tao, sell=False, free=True)
        self._create(slot, trade.paid)
        self.bought[slot] += trade.paid
        chain.protocol_in[slot] += trade.paid
        if kept:
            chain.protocol[slot] += trade.out
        else:
            chain.recycle_alpha(slot, trade.out)

    def _emit_tao(self, n: int, slots: Ints, per_block: int) -> None:
        """Before there was alpha: TAO to participants themselves."""
        pending = self.chain.pending
        for slot in slots.tolist():
            parts = alpha_out_split(int(self.share[slot] * per_block), self.rules.owner_cut, 0.0, True)
            pending.owner[slot] += n * parts.owner
            pending.miners[slot] += n * parts.miners
            pending.validators[slot] += n * parts.validators
            self._create(slot, n * (parts.owner + parts.miners + parts.validators))

    def _create(self, slot: int, tao: int) -> None:
        self.chain.issuance += tao
        self.tao[slot] += tao


def _blocks_to_halving(issued: int, supply: int, per_block: int) -> int:
    """Blocks of at most ``per_block`` each until the issuance reaches the next halving."""
    if not per_block:
        return 2**62
    threshold = supply - (supply >> (supply // (supply - issued)).bit_length())
    return max(-(-(threshold - issued) // per_block), 1)
