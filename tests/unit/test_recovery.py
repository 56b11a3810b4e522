"""The watch on a network's capacity after a crash of its token."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.worlds import BEHAVIOUR, run


def crash(**changes: Any) -> dict[str, Any]:
    shock = {
        "kind": "token_price_crash",
        "at": "2026-01-11",
        "network": "gridnet",
        "drop": 0.5,
        "watch": 10.0,
    }
    return {"shocks": [shock | changes.pop("shock", {})], **changes}


def test_capacity_after_the_crash_is_the_share_of_providers_still_there() -> None:
    leaving = BEHAVIOUR | {"exit_hazard": 0.1, "entry_speed": 0.0, "exit_sensitivity": 0.0}
    out = run(crash(**{"networks.gridnet.providers.racks.behaviour": leaving}))
    count = out.series["gridnet.providers.count"]
    # the crash comes before the exits of day 10, which day 9 has not seen
    assert out.outcomes["gridnet.after_crash.capacity_share"] == pytest.approx(count[20] / count[9])
    assert out.outcomes["gridnet.after_crash.lowest_capacity_share"] == pytest.approx(count[27] / count[9])
    assert out.outcomes["gridnet.after_crash.recovered"] == 0.0
    assert math.isnan(out.outcomes["gridnet.after_crash.recovery_days"])


def test_who_keeps_everybody_needs_no_recovery() -> None:
    outcomes = run(crash()).outcomes
    assert outcomes["gridnet.after_crash.capacity_share"] == 1.0
    assert outcomes["gridnet.after_crash.recovery_days"] == 0.0
    assert outcomes["gridnet.after_crash.recovered"] == 1.0


def test_capacity_that_comes_back_is_dated() -> None:
    """Everybody is drawn once at a high hazard, and the entrants of the same days replace them."""
    turnover = BEHAVIOUR | {
        "exit_hazard": 0.1,
        "exit_sensitivity": 0.0,
        "entry_threshold": -9.0,
        "entry_speed": 1.0,
        "entry_ceiling": 0.3,
        "entry_lag": 8.0,
    }
    out = run(crash(**{"networks.gridnet.providers.racks.behaviour": turnover}))
    count = out.series["gridnet.providers.count"]
    before = count[9]
    below = [day for day in range(10, 28) if count[day] < 0.95 * before]
    back = next(day for day in range(below[0], 28) if count[day] >= 0.95 * before)
    assert out.outcomes["gridnet.after_crash.recovery_days"] == back - 10
    assert out.outcomes["gridnet.after_crash.lowest_capacity_share"] == min(count[11:28]) / before


def test_without_a_watch_nothing_is_reported() -> None:
    assert not any("after_crash" in name for name in run(crash(shock={"watch": None})).outcomes)
