"""Reputation of services: what customers rated, weighed by what they paid and by who they are."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.reputation import Rating
from simdai.networks.singularitynet_rules import Reputation

__all__ = ["ReputationBook"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rater = Hashable


class ReputationBook:
    """Ratings of a period and the reputations that all agents have after it.

    Services are known by their places, raters by any other names. A rater that is not known yet counts with
    the reputation of newcomers.
    """

    def __init__(self, rules: Reputation) -> None:
        self.rules, self.rule = rules, rules.rule
        self._reputation: dict[Hashable, float] = {}
        self._paid: dict[tuple[Rater, int], float] = {}
        self._value: dict[tuple[Rater, int], float] = {}

    def rate(self, raters: Iterable[Rater], services: Ints, usd: Floats, value: Floats) -> None:
        """Note what (n,) raters paid to services, and what they say of them: a value in [0, 1].

        In a period payments of a pair add up, and the last word counts.
        """
        words = zip(raters, services.tolist(), usd.tolist(), value.tolist(), strict=True)
        for rater, service, paid, word in words:
            key = rater, service
            self._paid[key] = self._paid.get(key, 0.0) + paid
            self._value[key] = word

    def close_period(self) -> None:
        """Turn the period's ratings into reputations."""
        for rater, _ in self._paid:
            self._reputation.setdefault(rater, self.rules.newcomers)
        ratings = [Rating(*key, self._value[key], paid) for key, paid in self._paid.items()]
        self._reputation = self.rule.update(self._reputation, ratings)
        self._paid.clear()
        self._value.clear()

    def of_services(self, n: int) -> Floats:
        """Reputation of the first ``n`` services; the default of those never rated."""
        return np.array([self._reputation.get(s, self.rule.default) for s in range(n)])
