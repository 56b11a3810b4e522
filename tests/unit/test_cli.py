"""The command line: what it prints where, and with which exit status it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import simdai
from simdai.cli import main
from simdai.cli.command import days

ROOT = Path(simdai.__file__).parent.parent
SMALL = """\
extends: examples/minimal
question: Is it quick?
horizon: 4 d
warm_up: 1 d
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch) -> str:
    """A scenario of four days in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    return "small.yaml"


@pytest.fixture
def reported():
    """Let the command line write reports."""


@pytest.fixture
def call(capsys, monkeypatch, request):
    """Call the command line; returns exit status, stdout and stderr.

    Reports are left out unless the test is `reported`: they take longer than the runs.
    """
    if "reported" not in request.fixturenames:
        monkeypatch.setattr("simdai.report.page.write", lambda results, path=None: path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_run_prints_a_table_and_the_path_of_its_report(small, call, reported):
    status, out, _ = call("run", small)
    assert status == 0
    assert "gridnet.price_usd_per_gpu_hour" in out
    assert out.splitlines()[-1] == "report: results/small/report.html"
    assert Path("results/small/report.html").read_text().startswith("<!doctype html>")


def test_the_table_of_several_replications_shows_intervals_and_fits_80_columns(small, call):
    _, out, _ = call("run", small, "--replications", "3")
    assert "95 % interval" in out and "3 replications" in out
    assert max(map(len, out.splitlines())) <= 80


def test_json_prints_the_agreed_object_and_nothing_else(small, call):
    status, out, _ = call("run", small, "--json", "--replications", "2", "--seed", "5")
    said = json.loads(out)
    assert status == 0
    assert list(said) == ["scenario", "seed", "replications", "outcomes", "result_hash"]
    assert (said["scenario"], said["seed"], said["replications"]) == ("small", 5, 2)
    price = said["outcomes"]["gridnet.price_usd_per_gpu_hour"]
    assert list(price) == ["mean", "low", "high", "n", "unit"]
    assert price["low"] <= price["mean"] <= price["high"]
    assert price["n"] == 2 and price["unit"] == "USD/h"


def test_the_command_line_and_python_give_the_same_result(small, call):
    _, out, _ = call("run", small, "--json", "--replications", "2", "--workers", "2", "--set", "horizon=3 d")
    loaded = simdai.load(small, set={"horizon": "3 d"})
    assert json.loads(out)["result_hash"] == simdai.run(loaded, replications=2).hash


def test_both_kernels_give_the_same_result(small, call):
    hashes = set()
    for kernel in ("compiled", "reference"):
        status, out, err = call("run", small, "--json", "--kernel", kernel, "--out", kernel)
        if status == 2 and "no compiled kernel" in err:
            pytest.skip("there is no compiled kernel")
        hashes.add(json.loads(out)["result_hash"])
    assert len(hashes) == 1


def test_the_same_command_again_prints_what_is_stored(small, call):
    _, first, _ = call("run", small, "--json")
    written = Path("results/small/ledger.sqlite").stat().st_mtime_ns
    status, second, err = call("run", small, "--json")
    assert status == 0 and second == first
    assert "1 of 1 runs stored" in err
    assert Path("results/small/ledger.sqlite").stat().st_mtime_ns == written


def test_other_inputs_under_a_used_name_are_refused_unless_forced(small, call):
    call("run", small)
    status, out, err = call("run", small, "--seed", "2")
    assert status == 3 and out == ""
    assert "seed 1 → 2" in err and "--out" in err
    assert call("run", small, "--seed", "2", "--force")[0] == 0
    assert call("run", small, "--seed", "3", "--out", "elsewhere")[0] == 0


def test_a_rerun_from_the_manifest_alone_is_identical(small, call):
    call("run", small, "--replications", "2", "--set", "networks.gridnet.token.price=0.9")
    Path(small).unlink()
    assert call("rerun", "results/small", "p0-r1") == (0, "p0-r1: identical\n", "")
    status, _, err = call("rerun", "results/small", "p0-r9")
    assert status == 3 and "p0-r0, p0-r1" in err


def test_a_rerun_says_where_it_first_differs(small, call):
    call("run", small)
    file = Path("results/small/manifest.json")
    manifest = json.loads(file.read_text())
    manifest["scenario"]["resolved"]["networks"]["gridnet"]["providers"]["racks"]["ask"] = 2.1
    file.write_text(json.dumps(manifest))
    status, out, _ = call("rerun", "results/small", "0")
    assert status == 4
    assert out.startswith("p0-r0: ") and "day" in out


def test_compare_prints_paired_differences(small, call):
    Path("dear.yaml").write_text(f"{SMALL}clouds: {{bigcloud: {{price: 7 USD/h}}}}\n")
    status, out, _ = call("compare", small, "dear.yaml", "--replications", "3", "--json")
    said = json.loads(out)
    assert status == 0
    assert said["outcomes"]["bigcloud.price_usd_per_gpu_hour"]["difference"] == pytest.approx(3.5)
    assert said["outcomes"]["bigcloud.price_usd_per_gpu_hour"]["n"] == 3
    alike = call("compare", small, small, "--replications", "2")[1]
    assert "B - A" in alike


def test_compare_changes_one_scenario_and_needs_something_to_compare_with(small, call):
    changed = ("--with", "clouds.bigcloud.price=7 USD/h", "--replications", "2", "--json")
    status, out, _ = call("compare", small, *changed)
    assert status == 0
    outcome = json.loads(out)["outcomes"]["bigcloud.price_usd_per_gpu_hour"]
    assert outcome["difference"] == pytest.approx(3.5)
    status, _, said = call("compare", small)
    assert status == 2 and "nothing to compare with" in said


def test_compare_patches_one_scenario_by_an_override(small, call):
    patch = Path(small).parent / "overrides" / "dear.yaml"
    patch.parent.mkdir()
    patch.write_text(
        "question: What if the cloud asked twice as much?\nclouds: {bigcloud: {price: 7 USD/h}}\n"
    )
    status, out, _ = call("compare", small, "--with", "dear", "--replications", "2", "--json")
    assert status == 0
    assert json.loads(out)["outcomes"]["bigcloud.price_usd_per_gpu_hour"]["difference"] == pytest.approx(3.5)


def test_report_writes_the_page_of_stored_results(small, call, reported):
    call("run", small)
    Path("results/small/report.html").unlink()
    status, out, _ = call("report", "results/small")
    assert status == 0 and Path(out.strip()).exists()


def test_a_scenario_with_mistakes_is_refused_with_their_places(small, call):
    Path("wrong.yaml").write_text(SMALL.replace("horizon: 4 d", "horizont: 4 d"))
    for verb in ("run", "check"):
        status, out, err = call(verb, "wrong.yaml")
        assert status == 2
        assert "wrong.yaml:3" in out + err and "'horizon'" in out + err
        assert "Traceback" not in out + err


def test_check_says_when_all_is_well(small, call):
    assert call("check", small) == (0, "1 file without problems\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "no_such_scenario"), "no_such_scenario"),
        (("run",), "SCENARIO"),
        (("run", "small.yaml", "--seed", "-1"), "seed"),
        (("run", "small.yaml", "--replications", "0"), "replications"),
        (("run", "small.yaml", "--until", "soon"), "soon"),
        (("run", "small.yaml", "--until", "5 GiB"), "GiB"),
        (("run", "small.yaml", "--until", "400"), "at most"),
        (("run", "small.yaml", "--set", "horizon"), "="),
        (("run", "small.yaml", "--kernel", "quick"), "quick"),
        (("fly",), "fly"),
        (("kinds", "netwrok"), "network"),
    ],
)
def test_bad_input_ends_with_2_and_a_sentence(small, call, words, said):
    status, out, err = call(*words)
    assert status == 2
    assert said in err
    assert out == "" and "Traceback" not in err


@pytest.mark.parametrize("words", [("report", "nowhere"), ("rerun", "nowhere", "0")])
def test_results_that_are_not_there_end_with_3(small, call, words):
    status, _, err = call(*words)
    assert status == 3 and "nowhere" in err


def test_failed_runs_end_with_4_and_keep_the_good_ones(small, call, monkeypatch):
    from simdai import simulation

    made = simulation.Simulation.run

    def sometimes(self, until=None):
        if self.replication == 1:
            raise RuntimeError("out of luck")
        return made(self, until)

    monkeypatch.setattr(simulation.Simulation, "run", sometimes)
    status, out, err = call("run", small, "--replications", "3", "--json")
    assert status == 4
    assert "1 of 3 runs of small failed" in err and "p0-r1: RuntimeError: out of luck" in err
    assert json.loads(out)["outcomes"]["gridnet.utilisation"]["n"] == 2


def test_an_interrupt_ends_with_130_and_says_how_to_go_on(small, call, monkeypatch):
    from simdai import simulation

    made = simulation.Simulation.run

    def impatient(self, until=None):
        if self.replication == 1:
            raise KeyboardInterrupt
        return made(self, until)

    with monkeypatch.context() as patch:
        patch.setattr(simulation.Simulation, "run", impatient)
        status, _, err = call("run", small, "--replications", "3")
    assert status == 130 and "goes on from there" in err
    status, _, err = call("run", small, "--replications", "3")
    assert status == 0 and "1 of 3 runs stored" in err


def test_debug_shows_the_traceback_of_a_users_mistake(small, monkeypatch):
    monkeypatch.setenv("SIMDAI_DEBUG", "1")
    with pytest.raises(simdai.SimdaiError):
        main(["run", "no_such_scenario"])


def test_a_reader_that_goes_away_is_no_error():
    code = f"'{sys.executable}' -m simdai schema | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {code}"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "{\n"
    assert done.stderr == "" and done.returncode == 0


def test_schema_kinds_sources_doctor_and_new_answer(small, call):
    assert json.loads(call("schema")[1])["$schema"].startswith("https://json-schema.org")
    assert "composed" in call("kinds", "network")[1]
    families = call("kinds")[1]
    assert "network\n" in families and "  composed" in families
    assert "horizon = 4" in call("sources", small)[1]
    assert call("doctor")[0] == 0
    assert json.loads(call("doctor", "--json")[1])["simdai"] == simdai.__version__
    assert call("new", "scenario", "mine")[0] == 0
    assert call("check", "mine.yaml")[0] == 0
    assert call("new", "scenario", "mine")[0] == 2


def test_help_names_every_verb(call):
    status, out, _ = call("--help")
    verbs = (
        "bench",
        "check",
        "compare",
        "doctor",
        "kinds",
        "new",
        "report",
        "rerun",
        "run",
        "schema",
        "sources",
    )
    assert status == 0 and all(f"  {verb}" in out for verb in verbs)
    assert call("--version")[1].strip().endswith(simdai.__version__)


def test_times_on_the_command_line_are_days():
    assert (days(None), days("30"), days("30 d"), days("12 h")) == (None, 30.0, 30.0, 0.5)


def test_importing_simdai_brings_no_table_or_figure_library():
    heavy = "pandas", "pyarrow", "scipy.stats", "matplotlib", "dask", "rich", "tqdm"
    code = f"import sys, simdai, simdai.cli; print([m for m in {heavy!r} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.stdout == "[]\n"


def test_public_names_are_there():
    for name in simdai.__all__:
        assert getattr(simdai, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = simdai.nothing
