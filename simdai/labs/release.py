"""Releases: from a trained model to the one that customers use, refreshed between releases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simdai.economy.calendar import Phase
from simdai.economy.draws import Draws
from simdai.economy.models import Release
from simdai.labs.training_runs import Decisions, Model
from simdai.registry import Configured
from simdai.units import Days, NonNegative, PositiveDays

if TYPE_CHECKING:
    from simdai.labs.lab import LabActor

__all__ = ["Releases", "Shelf"]


class Releases(Configured):
    """How models come out.

    Parameters
    ----------
    delay : days from the end of a run to the release: safety tests and product, lognormal
    refresh, refresh_sd : days between refreshes of the model that is out, normal
    least_refresh : days, shortest time between two
    refresh_gain : index points of a refresh
    """

    delay: Decisions
    refresh: PositiveDays
    refresh_sd: Days
    least_refresh: PositiveDays
    refresh_gain: NonNegative


class Shelf:
    """What a lab has out.

    Attributes
    ----------
    live_index : of its best model, refreshes counted
    releases : in the order of their days; the newest model of the start is not among them
    parameters, tokens : of the newest model released; nan before the first
    price_of_start : price of the quality that it had out at the start, over its flagship's price then
    """

    def __init__(self, rules: Releases, lab: LabActor) -> None:
        self.rules, self.lab = rules, lab
        self.live_index = lab.rules.index
        self.releases: list[Release] = []
        self.price_of_start = 1.0
        self.parameters = self.tokens = math.nan
        entity = lab.world.entity
        self._delay, self._gap = (
            Draws(entity("lab.release_delay", lab.name)),
            Draws(entity("lab.refresh", lab.name)),
        )
        self._refreshes = 0

    def start(self) -> None:
        """Put the first refresh on the calendar."""
        self._schedule_refresh()

    def finish(self, model: Model, number: int) -> None:
        """Prepare a trained model for release."""
        delay = self._delay.lognormal(number, self.rules.delay.median, self.rules.delay.log_sigma)
        time = self.lab.world.env.now + delay
        self.lab.world.calendar.at(time, Phase.RUNS, lambda: self._release(model))

    def _release(self, model: Model) -> None:
        if self.lab.sold:
            return
        now = self.lab.world.env.now
        index = max(model.index, self.live_index)
        self.releases.append(Release(now, index, model.flop, now - model.decided))
        if index > self.live_index:
            self.price_of_start *= self.lab.market.replaced_price(index - self.live_index)
            self.live_index = index
        self.parameters, self.tokens = model.allocation
        self._schedule_refresh()

    def _schedule_refresh(self) -> None:
        """Refresh the model that is out after a while, unless the next comes first."""
        self._refreshes += 1
        n, rules = self._refreshes, self.rules
        days = max(rules.refresh + rules.refresh_sd * self._gap.normal(n), rules.least_refresh)
        self.lab.world.calendar.at(self.lab.world.env.now + days, Phase.RUNS, lambda: self._refresh(n))

    def _refresh(self, n: int) -> None:
        if n == self._refreshes and not self.lab.sold:
            self.live_index += self.rules.refresh_gain
            self._schedule_refresh()
