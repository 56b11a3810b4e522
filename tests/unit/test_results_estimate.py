"""Nobody waits for minutes only because the compiled kernel is missing."""

from __future__ import annotations

import pytest

import simdai
from simdai import kernel
from simdai.errors import EngineError
from simdai.experiments import estimate, runs


@pytest.fixture
def scenario():
    return simdai.load("examples/minimal", set={"horizon": "2 d", "warm_up": "0 d"})


@pytest.fixture
def not_compiled(monkeypatch):
    monkeypatch.setattr(kernel, "COMPILED", False)
    monkeypatch.setattr(kernel, "WHY_REFERENCE", "No compiler. Install gcc.")


def test_a_long_run_without_the_compiled_kernel_stops_and_names_the_cure(scenario, not_compiled, monkeypatch):
    monkeypatch.setattr(estimate, "seconds_per_run", lambda *_: 70.0)
    with pytest.raises(EngineError) as stopped:
        runs.run(scenario, replications=4, workers=2)
    assert "4 runs would take about 2 minutes" in str(stopped.value)
    assert "Install gcc." in str(stopped.value) and "--kernel reference" in str(stopped.value)


def test_asking_for_the_reference_kernel_by_name_is_never_stopped(scenario, not_compiled, monkeypatch):
    monkeypatch.setattr(estimate, "seconds_per_run", lambda *_: 1e9)
    assert runs.run(scenario, kernel="reference").records[0].kernel == "reference"


def test_asking_for_a_compiled_kernel_that_is_missing_names_the_cure(scenario, not_compiled):
    with pytest.raises(EngineError, match=r"no compiled kernel(.|\n)*Install gcc"):
        runs.run(scenario, kernel="compiled")


def test_a_short_run_goes_on_without_the_compiled_kernel(scenario, not_compiled):
    assert runs.run(scenario).records[0].kernel == "reference"


def test_the_estimate_is_of_the_right_size(scenario):
    plan = runs.planned([scenario], 1, 1, None, "reference", trace=False)
    expected = runs.run(scenario, kernel="reference").records[0].seconds
    assert expected / 10 < estimate.seconds_per_run(scenario, plan) < expected * 10


def test_what_each_stop_takes_does_not_count_for_the_days_between_stops():
    """Stages of 1, 2 and 4 days at 0.1 s each and 0.01 s a day: 100 days on end take 0.1 + 1 s, not 5.3."""
    stages = [(days, 0.1 + 0.01 * days) for days in (1.0, 2.0, 4.0)]
    assert estimate.unbroken(stages, 100.0) == pytest.approx(1.1)
    assert estimate.unbroken(stages[:1], 100.0) == pytest.approx(11.0), "one stage cannot tell them apart"
    assert estimate.unbroken([(1.0, 0.3), (2.0, 0.1)], 100.0) == pytest.approx(0.4), "no less than was seen"


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "1 minute"), (200, "3 minutes"), (7200, "2 hours"), (4e5, "5 days")]
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert estimate.duration(seconds) == said
