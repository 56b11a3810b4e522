"""SimPy's own test-suite passes on our clock."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
SDIST = ROOT / ".cache" / "simpy-4.1.2.tar.gz"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """(names of the tests, names of those that failed, environments made) of one run of the suite."""
    if not SDIST.exists():
        pytest.skip(
            "SimPy's sources were not downloaded to .cache/; 'make test' does it where the network allows"
        )
    folder = tmp_path_factory.mktemp("simpy")
    with tarfile.open(SDIST) as archive:
        archive.extractall(folder, filter="data")
    suite = folder / "simpy-4.1.2" / "tests"
    # test_rt.py is about wall-clock time and a class that derives from SimPy's own environment;
    # test_benchmark.py needs pytest-benchmark and reads a private counter. Only pytest's defaults hold.
    left_out = [
        part for name in ("test_rt.py", "test_benchmark.py") for part in ("--ignore", str(suite / name))
    ]
    command = [
        *(sys.executable, "-m", "pytest", str(suite), "-q", "-p", "no:cacheprovider", "-p", "simpy_plugin"),
        *("-c", os.devnull, "--rootdir", str(suite.parent), *left_out),
        *("--junit-xml", str(folder / "report.xml")),
    ]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    child = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "report.xml").exists(), child.stdout[-2000:] + child.stderr[-2000:]
    cases = ElementTree.parse(folder / "report.xml").getroot().iter("testcase")
    outcomes = {(case.get("classname"), case.get("name")): [child.tag for child in case] for case in cases}
    failed = {name for (_, name), tags in outcomes.items() if {"failure", "error", "skipped"} & set(tags)}
    made = re.search(r"environment was made (\d+) times", child.stdout)
    return outcomes, failed, int(made[1]) if made else 0


def test_all_but_one_test_of_simpy_pass_on_our_clock(report):
    outcomes, failed, _ = report
    # The one compares a traceback with the names of SimPy's own files; test_environment.py has our own.
    assert failed == {"test_exception_chaining"}
    assert len(outcomes) == 132


def test_the_suite_really_ran_on_our_clock(report):
    outcomes, _, made = report
    assert made > 0.8 * len(outcomes)
