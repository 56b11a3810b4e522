"""Review in open projects: everything that contributors send waits for somebody who may merge it."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Gt

from simdai.mechanisms.queues import queue_wait
from simdai.registry import Configured
from simdai.units import PositiveCount, Quantity

__all__ = ["Review", "ReviewQueue"]


class Review(Configured):
    """Who reviews, and how much there is to review: an M/M/c queue.

    Parameters
    ----------
    maintainers : who may merge
    merges_per_day : by each
    sent_per_day : submissions of one full-time contributor
    """

    maintainers: PositiveCount
    merges_per_day: Annotated[float, Quantity("1/d", low=0.0), Gt(0.0)]
    sent_per_day: Annotated[float, Quantity("1/d", low=0.0), Gt(0.0)]


class ReviewQueue:
    """The queue before the maintainers.

    While it keeps up, a submission waits as in a queue at rest; what exceeds the maintainers' capacity piles
    up and is worked off later.

    Attributes
    ----------
    backlog : submissions beyond what a queue at rest holds
    merged_share : of what is sent now, the part that there is capacity for
    """

    def __init__(self, rules: Review) -> None:
        self.rules = rules
        self.backlog, self.merged_share, self._sent = 0.0, 1.0, 0.0

    @property
    def capacity(self) -> float:
        """Submissions that can be merged in a day."""
        return self.rules.maintainers * self.rules.merges_per_day

    def advance(self, contributors: float, days: float) -> None:
        """Let ``contributors`` (full-time) send for ``days``."""
        self._sent = contributors * self.rules.sent_per_day
        self.backlog = max(self.backlog + (self._sent - self.capacity) * days, 0.0)
        self.merged_share = min(self.capacity / self._sent, 1.0) if self._sent else 1.0

    @property
    def wait_days(self) -> float:
        """Days from sending to merging, of what is sent now."""
        resting = queue_wait(
            min(self._sent, self.capacity), self.rules.merges_per_day, self.rules.maintainers
        )
        waiting = resting if math.isfinite(resting) else 0.0
        return waiting + self.backlog / self.capacity + 1.0 / self.rules.merges_per_day
