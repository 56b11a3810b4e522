"""What a run remembers."""

import numpy as np
import pytest

from simdai.engine import Recorder


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_each_recording_takes_one_row_of_every_series():
    clock = Clock()
    recorder = Recorder(clock)
    recorder.series("twice", "d", lambda: 2 * clock.now)
    recorder.series("one", "share", lambda: 1)
    for clock.now in (0.0, 1.5, 2.0):
        recorder.record()
    assert recorder.times.tolist() == [0.0, 1.5, 2.0]
    table = recorder.series_table()
    assert list(table) == ["twice", "one"], "in the order in which they were named"
    unit, values = table["twice"]
    assert unit == "d" and values.tolist() == [0.0, 3.0, 4.0] and values.dtype == np.float64
    assert table["one"][1].tolist() == [1.0, 1.0, 1.0]


def test_what_looks_back_is_not_known_at_the_first_instant():
    clock = Clock()
    recorder = Recorder(clock)
    recorder.series("sold", "count", lambda: 3 * clock.now, looks_back=True)
    recorder.series("there", "count", lambda: 7)
    for clock.now in (0.0, 1.0):
        recorder.record()
    assert np.array_equal(recorder.series_table()["sold"][1], [np.nan, 3.0], equal_nan=True)
    assert recorder.series_table()["there"][1].tolist() == [7.0, 7.0]


def test_outcomes_are_read_when_they_are_asked_for():
    clock = Clock()
    recorder = Recorder(clock)
    recorder.outcome("time", "d", clock)
    clock.now = 7
    assert recorder.outcomes() == {"time": (7.0, "d")}
    assert isinstance(recorder.outcomes()["time"][0], float)


def test_a_name_is_taken_once():
    recorder = Recorder(Clock())
    recorder.series("price", "USD", lambda: 1)
    recorder.outcome("price", "USD", lambda: 1)
    with pytest.raises(ValueError, match="series 'price' is recorded already"):
        recorder.series("price", "USD", lambda: 2)
    with pytest.raises(ValueError, match="outcome 'price' is reported already"):
        recorder.outcome("price", "USD", lambda: 2)


def test_a_series_cannot_begin_after_the_first_recording():
    recorder = Recorder(Clock())
    recorder.record()
    with pytest.raises(ValueError, match="'late' comes after the first recording"):
        recorder.series("late", "d", lambda: 1)
    recorder.outcome("late", "d", lambda: 1)


def test_the_digest_is_stored_beside_each_row():
    digests = iter([2**64 - 1, 5])
    recorder = Recorder(Clock(), digest=lambda: next(digests))
    recorder.record()
    recorder.record()
    assert recorder.digests == [2**64 - 1, 5]
    recorder.digests.clear()
    assert len(recorder.digests) == 2, "what is handed out is a copy"


def test_without_a_digest_zeros_are_stored():
    recorder = Recorder(Clock())
    recorder.record()
    assert recorder.digests == [0]


def test_a_check_runs_before_each_recording_and_can_refuse_it():
    clock = Clock()
    recorder = Recorder(clock)
    recorder.series("one", "share", lambda: 1)

    def conserved():
        if clock.now > 1:
            raise ArithmeticError("a unit is missing")

    recorder.checks.append(conserved)
    recorder.record()
    clock.now = 2
    with pytest.raises(ArithmeticError, match="missing"):
        recorder.record()
    assert recorder.times.tolist() == [0.0] and recorder.series_table()["one"][1].tolist() == [1.0]


def test_a_recorder_without_recordings_gives_empty_series():
    recorder = Recorder(Clock())
    recorder.series("one", "share", lambda: 1)
    assert recorder.times.tolist() == [] and recorder.series_table()["one"][1].tolist() == []
