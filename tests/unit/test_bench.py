"""The benchmark tells what it promises; how fast it is, no test says."""

import json
import math
import subprocess
import sys

import pytest

from simdai import bench
from simdai.bench import plain_simpy, workloads
from simdai.errors import SimdaiError

PROMISED = {
    "events",
    "cpu_seconds",
    "wall_seconds",
    "events_per_cpu_second",
    "ns_per_event",
    "calibration_ns",
    "ns_per_event_over_calibration",
    "peak_rss_mib",
    "above_interpreter_mib",
}


@pytest.fixture(scope="module")
def w2():
    return bench.run("w2", providers=200, days=0.2, repeats=2, against="simpy")


def test_w2_reports_every_figure_it_promises(w2):
    assert w2.keys() >= PROMISED | {"workload", "size", "days", "repeats", "runs"}
    for name in PROMISED:
        assert math.isfinite(w2[name]) and w2[name] >= 0, name
    assert (w2["workload"], w2["size"], w2["days"], w2["repeats"]) == ("w2", 200, 0.2, 2)


def test_w2_reports_its_checks_with_their_theory(w2):
    for check in ("online_share", "busy_share", "failures_per_completion"):
        assert 0 < w2[check] < 1 and 0 < w2[f"expected_{check}"] < 1
    assert w2["epochs"] == 4, "at hours 1 to 4 of 4.8"
    assert w2["token_price"] > 0


def test_the_median_lies_in_the_range_of_the_repeats(w2):
    assert len(w2["runs"]) == 2
    for name in ("cpu_seconds", "events_per_cpu_second", "peak_rss_mib"):
        low, high = w2[f"{name}_range"]
        assert low <= w2[name] <= high
        assert sorted(run[name] for run in w2["runs"]) == [low, high]


def test_repeats_have_seeds_of_their_own(w2):
    first, second = (run["token_price"] for run in w2["runs"])
    assert first != second


def test_figures_belong_together(w2):
    for run in w2["runs"]:
        assert run["events_per_cpu_second"] == pytest.approx(run["events"] / run["cpu_seconds"])
        assert run["ns_per_event"] == pytest.approx(1e9 * run["cpu_seconds"] / run["events"])
        assert run["ns_per_event_over_calibration"] == pytest.approx(
            run["ns_per_event"] / run["calibration_ns"]
        )


def test_plain_simpy_does_the_same_work_beside_it(w2):
    assert w2["times_simpy"] > 0 and len(w2["times_simpy_range"]) == 2
    for run in w2["runs"]:
        simpy = run["simpy"]
        ratio = run["events_per_cpu_second"] / simpy["events_per_cpu_second"]
        assert run["times_simpy"] == pytest.approx(ratio)
        # 0.2 days of 200 providers: about 330 turns and arrivals; the same in mean, not in luck.
        assert 0.7 < simpy["events"] / run["events"] < 1.4


def test_w1_reports_its_wait_beside_erlangs():
    out = bench.run("w1", providers=2000, repeats=1)
    assert out.keys() >= PROMISED and "days" not in out
    assert out["events"] == 2 * 2000
    assert 0 < out["mean_wait"] < 1 and out["expected_mean_wait"] == pytest.approx(0.072773, abs=5e-7)


def test_without_a_peer_no_ratio_is_reported():
    out = bench.run("w1", providers=500, repeats=1)
    assert "times_simpy" not in out and "simpy" not in out


def test_an_unknown_workload_is_an_error():
    with pytest.raises(SimdaiError, match="unknown workload 'w9'; expected one of: w1, w2, w4"):
        bench.run("w9")


def test_w4_reports_its_epochs_beside_the_definition():
    out = bench.run("w4", providers=20, repeats=1, against="numpy")
    assert out.keys() >= PROMISED and "days" not in out
    assert out["events"] == 20 and out["uids"] == 256 and out["validators"] == 64
    assert out["difference_from_definition"] < 1e-9
    assert 1 / 256 < out["sum_incentive_squared"] < 1 and 1 / 64 < out["sum_dividends_squared"] < 1
    assert out["us_per_epoch"] == pytest.approx(out["ns_per_event"] / 1000)
    variants = {"yuma2", "liquid_alpha", "dense", "dense_liquid_alpha", "unchanged"}
    assert out.keys() >= {f"us_per_epoch_{variant}" for variant in variants}
    text = bench.text(out)
    assert "x plain NumPy" in text and "µs an epoch, dense liquid alpha" in text


def test_a_peer_of_another_workload_is_an_error():
    with pytest.raises(SimdaiError, match="w4 has no peer 'simpy'; expected numpy"):
        bench.run("w4", against="simpy")


def test_a_repeat_that_fails_says_why():
    with pytest.raises(SimdaiError, match="repeat 0 of w2 failed"):
        bench.run("w2", providers=10, days=-1.0, repeats=1)


def test_the_text_names_the_figures(w2):
    text = bench.text(w2)
    for words in (
        "w2, size 200, 2 repeats",
        "events/s",
        "the calibration draw",
        "x plain SimPy",
        "(theory 0.8",
    ):
        assert words in text, text


def test_with_json_the_command_prints_json_and_nothing_else():
    command = [sys.executable, "-m", "simdai", "bench", "w2", "--providers", "200", "--days", "0.2"]
    child = subprocess.run([*command, "--repeats", "1", "--json"], capture_output=True, text=True, check=True)
    out = json.loads(child.stdout)
    assert out.keys() >= PROMISED and out["size"] == 200 and out["repeats"] == 1
    assert child.stderr == ""


def test_without_json_the_command_prints_text():
    command = [sys.executable, "-m", "simdai", "bench", "w1", "--providers", "500", "--repeats", "1"]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    assert child.stdout.startswith("w1, size 500, 1 repeats (medians)\n") and "theory 0.07277" in child.stdout


# -- the workloads themselves --------------------------------------------------------------------------------


def test_both_kernels_do_the_same_work():
    for work in (
        lambda kernel: workloads.w2(100, 0.5, 5, kernel),
        lambda kernel: workloads.w1(1000, 5, kernel),
    ):
        compiled, reference = work(None), work("reference")
        compiled.pop("memory_bytes", None), reference.pop("memory_bytes", None)
        assert compiled == reference


def test_the_token_is_paid_by_hours_and_its_price_moves_with_the_flows():
    """Ten providers: 1 token an hour; half sells for 7.5 USD, 22.5 come in: P exp(0.1 (22.5 - 7.5) / 30)."""
    import numpy as np

    book = workloads.TokenBook(10)
    hours = np.array([3.0, 1.0] + [0.0] * 8)
    book.epoch(hours, float(hours.sum()), 22.5)
    assert book.tokens.tolist() == [0.75, 0.25] + [0.0] * 8
    assert book.price == pytest.approx(15 * math.exp(0.1 * 15 / 30), rel=1e-15)
    book.epoch(np.zeros(10), 0.0, 0.0)
    assert book.tokens.sum() == 1.0, "nothing is paid when nobody worked"
    assert book.epochs == 2


def test_the_peer_counts_its_events_as_we_do():
    out = plain_simpy.w1(300, 5)
    assert out["events"] == 600
    out = plain_simpy.w2(100, 0.5, 5)
    assert out["events"] > 0 and 0 < out["busy_share"] < 0.8
