"""The compiled kernel equals its plain-SimPy twin, bit for bit, ties included."""

import numpy as np
import pytest

from simdai.kernel import COMPILED
from simdai.kernel.market_spec import TRACE_KINDS
from tests.oracle.random_markets import outcome

pytestmark = pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel to compare")


def compare(number: int) -> dict[str, object]:
    compiled, reference = outcome(number, "compiled"), outcome(number, "reference")
    for a, b in zip(compiled["trace"], reference["trace"], strict=False):
        assert a == b, f"market {number}: {a} compiled, {b} reference"
    assert compiled == reference, f"market {number}"
    assert compiled["total"] == 0
    return compiled


@pytest.mark.parametrize("block", range(8))
def test_two_hundred_random_markets_run_alike_on_both_kernels(block):
    events = 0
    for number in range(25 * block, 25 * block + 25):
        events += compare(number)["state"]["n_events"]
    assert events > 1000, "too few events to say anything"


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_a_thousand_random_markets_run_alike_on_both_kernels(block):
    for number in range(200 + 20 * block, 220 + 20 * block):
        compare(number)


def test_the_random_markets_reach_every_kind_of_event():
    kinds = {row[1] for number in range(60) for row in outcome(number, "compiled")["trace"]}
    assert {TRACE_KINDS[k - 1] for k in kinds} == set(TRACE_KINDS)


def test_the_random_markets_hold_many_ties():
    tied = 0
    for number in range(40):
        times = [row[0] for row in outcome(number, "compiled")["trace"] if row[0] > 0]
        _, counts = np.unique(times, return_counts=True)
        tied += (counts > 3).sum()
    assert tied > 100


def test_every_submitted_job_is_accounted_for():
    for number in range(40):
        counters = outcome(number, "compiled", resets=False)["state"]["counters"]
        c = {name: np.array(table) for name, table in counters.items()}
        ended = c["completed"] + c["failed"] + c["reneged"] + c["moved"]
        assert np.array_equal(c["submitted"], ended + c["queued"] + c["running"])
