"""SingularityNET: staking windows and liquid-rank reputation.

Source keys: SS = singnet/snet-stake TokenStakeV3@0a2c2eb2; SR = singnet/reputation@84c10d08 (2024-04-07).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from simdai.mechanisms._domain import finite, non_negative, unit_interval
from simdai.mechanisms._exact import amounts

__all__ = ["LiquidRank", "Rating", "stake_window_rewards", "wash_rating_cost"]

Agent = TypeVar("Agent", bound=Hashable)
LIQUID_SCALE = 100.0
"""A rater of full reputation counts a hundred times (SR works in percent), which the log of ranks sees."""


class Rating(NamedTuple):
    """One rating of ``rated`` by ``rater``; ``weight`` is the payment, any one unit (None: not known)."""

    rater: Hashable
    rated: Hashable
    value: float
    weight: float | None = None


def stake_window_rewards(stakes: Mapping[Agent, int], window_reward: int) -> dict[Agent, int]:
    """Reward of each staker in one window, pro rata to stake and rounded down, base units.

    Parameters
    ----------
    stakes : int [base units], >= 0, by staker
    window_reward : int [base units], >= 0, of the whole window (100,000 AGI in the beta of 2020)

    Returns
    -------
    dict : int [base units] by staker, in the order given; what the floors leave stays in the contract. All
        are 0 when nothing is staked

    Raises
    ------
    ValueError : a negative stake or reward

    Notes
    -----
    Source: SS ``_calculateRewardAmount``; windows of 30 d after calls of 7 d.
    """
    (reward,) = amounts(window_reward=window_reward)
    held = {staker: amounts(stake=stake)[0] for staker, stake in stakes.items()}
    total = sum(held.values())
    return {staker: stake * reward // total if total else 0 for staker, stake in held.items()}


def wash_rating_cost(calls: int, price: float, fee_share: float, gas: float) -> float:
    """Cost of ``calls`` paid calls between accounts of one owner: the price comes back, fee and gas do not.

    ``price`` and ``gas`` per call in one unit; ``fee_share`` of the price kept by others, 0 in the
    Multi-Party Escrow (singnet/platform-contracts@48600b95, 2025-05-06). Raises ValueError for a negative
    amount, a share outside [0, 1].
    """
    non_negative(calls=calls, price=price, gas=gas)
    unit_interval(fee_share=fee_share)
    return calls * (fee_share * price + gas)


@dataclass(frozen=True)
class LiquidRank:
    """Liquid-rank reputation: ratings weigh by payment and by the rater's own reputation.

    One period: each rated agent's differential is the sum of its ratings (value x payment x reputation of the
    rater), taken to logarithm, normalised over the agents rated, mixed with spending, blended with the old
    reputation; all reputations are then divided by the greatest. Reputations lie in [0, 1].

    Parameters
    ----------
    default : reputation of an agent never seen
    decayed : reputation towards which an agent without ratings drifts
    conservatism : weight of the old reputation in the blend
    precision : payment (or value, where no payment is known) that counts as one
    liquid : weigh by the reputation of the rater; otherwise all raters are equal
    weighting : weigh by payment
    denomination : divide a differential by the sum of payments
    log_ratings : log10(1 + payment) in place of the payment
    log_ranks : log10(1 + differential) in place of the differential
    full_norm : normalise differentials over [min, max]; otherwise divide by the greatest
    downrating : values in [0, 1] become negative below 0.25: -1 at 0, 0 at 0.25, 1 at 1 (x 100)
    spendings : weight of an agent's own spending against the ratings it received

    Notes
    -----
    A proof of concept, never enforced on chain. Defaults and steps are those of SR reputation_service_api.py
    ``update_ranks`` and reputation_base_api.py; that code also rounds reputations to 0.01 each period, which
    this does not. Bias correction, predictiveness and parent ranks of SR are left out.
    """

    default: float = 0.5
    decayed: float = 0.0
    conservatism: float = 0.5
    precision: float = 0.01
    liquid: bool = True
    weighting: bool = True
    denomination: bool = False
    log_ratings: bool = False
    log_ranks: bool = True
    full_norm: bool = True
    downrating: bool = False
    spendings: float = 0.0

    def __post_init__(self) -> None:
        unit_interval(default=self.default, decayed=self.decayed, conservatism=self.conservatism)
        non_negative(spendings=self.spendings)
        if not self.precision > 0:
            raise ValueError(f"precision = {self.precision!r}: must be above zero")

    def update(
        self, reputation: Mapping[Hashable, float], ratings: Iterable[Rating]
    ) -> dict[Hashable, float]:
        """Reputations after one period with these ratings.

        Parameters
        ----------
        reputation : by agent, in [0, 1], after the period before
        ratings : those of the period, in any order

        Returns
        -------
        dict : in [0, 1] by agent; agents rated (with ``spendings`` also those who rate) are added

        Raises
        ------
        ValueError : a negative payment, a value that is not finite, a downrating value outside [0, 1]
        """
        scored = [(rating, *self._score(rating)) for rating in ratings]
        old = dict(reputation)
        for rating, _, _ in scored:
            old.setdefault(rating.rated, self.default)
            if self.spendings > 0:
                old.setdefault(rating.rater, self.default)
        change = self._normalised(self._differentials(reputation, scored))
        if self.spendings > 0:
            change = self._with_spendings(change, scored)
        kept = self.conservatism
        blended = {who: (1 - kept) * change.get(who, self.decayed) + kept * r for who, r in old.items()}
        return self._scaled(blended)

    def _score(self, rating: Rating) -> tuple[float, float | None]:
        """Score of a rating and the payment that weighs it, both in units of ``precision``."""
        finite(value=rating.value)
        value, weight = self._value(rating.value), rating.weight
        if not self.weighting:
            return value, None
        if weight is None:
            scaled = value / self.precision
            return _rounded(_signed_log(int(scaled)) if self.log_ratings else scaled), None
        non_negative(weight=weight)
        paid = weight / self.precision
        paid = math.log10(1 + paid) if self.log_ratings else paid
        return _rounded(value * paid), paid

    def _value(self, value: float) -> float:
        if not self.downrating:
            return value
        unit_interval(value=value)
        return 100 * (value / 0.25 - 1 if value < 0.25 else (value - 0.25) / 0.75)

    def _differentials(
        self, reputation: Mapping[Hashable, float], scored: list[tuple[Rating, float, float | None]]
    ) -> dict[Hashable, float]:
        sums: dict[Hashable, float] = {}
        payments: dict[Hashable, float] = {}
        for rating, score, paid in scored:
            trust = LIQUID_SCALE * reputation.get(rating.rater, self.default) if self.liquid else 1.0
            sums[rating.rated] = sums.get(rating.rated, 0.0) + score * trust
            if paid is not None:
                payments[rating.rated] = payments.get(rating.rated, 0.0) + paid
        if self.denomination and sums.keys() == payments.keys():
            sums = {who: total / payments[who] if payments[who] else 0.0 for who, total in sums.items()}
        return {who: _signed_log(total) for who, total in sums.items()} if self.log_ranks else sums

    def _normalised(self, change: dict[Hashable, float]) -> dict[Hashable, float]:
        high, low = max(change.values(), default=1.0), min(change.values(), default=0.0)
        if high == 0:
            return change
        if high == low:
            low = high - (self.default or (1.0 if self.spendings > 0 else 0.0))
        if high == low:
            return dict.fromkeys(change, 0.0)
        if not self.full_norm:
            return {who: value / high for who, value in change.items()}
        return {who: (value - low) / (high - low) for who, value in change.items()}

    def _with_spendings(
        self, change: dict[Hashable, float], scored: list[tuple[Rating, float, float | None]]
    ) -> dict[Hashable, float]:
        spent: dict[Hashable, float] = {}
        for rating, score, paid in scored:
            spent[rating.rater] = spent.get(rating.rater, 0.0) + (score if paid is None else paid)
        if self.log_ranks:
            spent = {who: _signed_log(total) for who, total in spent.items()}
        spent = self._normalised(spent)
        both = change.keys() | spent.keys()
        weight = self.spendings
        return {w: (change.get(w, 0.0) + weight * spent.get(w, 0.0)) / (1 + weight) for w in both}

    def _scaled(self, reputation: dict[Hashable, float]) -> dict[Hashable, float]:
        high, low = max(reputation.values(), default=1.0), min(reputation.values(), default=0.0)
        if self.downrating:
            width = high - low
            return {w: (r - low) / width for w, r in reputation.items()} if width else reputation
        return {who: r / high for who, r in reputation.items()} if high else reputation


def _rounded(value: float) -> float:
    """Round half away from zero."""
    return math.copysign(math.floor(abs(value) + 0.5), value)


def _signed_log(value: float) -> float:
    return math.copysign(math.log10(1 + abs(value)), value)
