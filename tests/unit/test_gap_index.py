"""The gap index: mean of four gaps over what each was on the first day that knows them all."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from simdai.economy.gap_index import PARTS, GapIndex
from simdai.engine.recorder import Recorder

GAPS = dict.fromkeys(PARTS, math.nan)


def indexed(gaps: dict[str, float]) -> tuple[GapIndex, Recorder]:
    recorder = Recorder(lambda: 0.0)
    for name in gaps:
        recorder.outcome(name, "1", lambda name=name: gaps[name])
    index = GapIndex(SimpleNamespace(world=SimpleNamespace(recorder=recorder)))
    return index, recorder


def test_it_is_one_on_the_first_day_on_which_all_four_are_known_and_their_mean_growth_after():
    gaps = dict(GAPS)
    index, recorder = indexed(gaps)
    assert index.start()
    index.look()
    assert math.isnan(recorder.outcomes()["gap.index"][0])
    gaps |= dict(zip(PARTS, (1000.0, 20.0, 4.0, 40.0), strict=True))
    index.look()
    assert recorder.outcomes()["gap.index"][0] == 1.0
    gaps |= dict(zip(PARTS, (2000.0, 30.0, 4.0, 10.0), strict=True))
    index.look()
    assert recorder.outcomes()["gap.index"][0] == pytest.approx((2.0 + 1.5 + 1.0 + 0.25) / 4)


@pytest.mark.parametrize("missing", PARTS)
def test_without_one_of_the_four_there_is_no_index(missing: str):
    index, recorder = indexed({name: 1.0 for name in PARTS if name != missing})
    assert not index.start()
    assert "gap.index" not in recorder.outcomes()
