"""Review in open projects: everything that contributors send waits for somebody who may merge it."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt

from simdai.mechanisms.queues import backlog_wait, balking_wait
from simdai.registry import Configured
from simdai.units import PositiveCount, PositiveDays, Quantity

__all__ = ["Review", "ReviewQueue"]


class Review(Configured):
    """Who reviews, and how much there is to review: an M/M/c queue.

    Parameters
    ----------
    maintainers : who may merge
    merges_per_day : by each
    sent_per_day : submissions of one full-time contributor
    patience : days of waiting at which all but 1/e send nothing
    """

    maintainers: PositiveCount
    merges_per_day: Annotated[float, Quantity("1/d", low=0.0), Gt(0.0)]
    sent_per_day: Annotated[float, Quantity("1/d", low=0.0), Gt(0.0)]
    patience: PositiveDays


class ReviewQueue:
    """The queue before the maintainers.

    A submission waits as in a queue at rest, which the wait puts some contributors off joining. What exceeds
    the maintainers' capacity piles up, until as many are put off as are too many.

    Attributes
    ----------
    behind : days of work that have piled up before the maintainers
    merged_share : of what contributors would send now, the part that there is capacity for
    """

    def __init__(self, rules: Review) -> None:
        self.rules = rules
        self.behind, self.merged_share, self._willing = 0.0, 1.0, 0.0

    @property
    def capacity(self) -> float:
        """Submissions that can be merged in a day."""
        return self.rules.maintainers * self.rules.merges_per_day

    def advance(self, contributors: float, days: float) -> None:
        """Let ``contributors`` (full-time) work for ``days``."""
        self._willing = contributors * self.rules.sent_per_day
        self.behind = backlog_wait(self.behind, self._willing, self.capacity, self.rules.patience, days)
        self.merged_share = min(self.capacity / self._willing, 1.0) if self._willing else 1.0

    @property
    def wait_days(self) -> float:
        """Days from sending to merging, of what is sent now."""
        rules = self.rules
        resting = balking_wait(self._willing, rules.merges_per_day, rules.maintainers, rules.patience)
        return max(resting, self.behind) + 1.0 / rules.merges_per_day
