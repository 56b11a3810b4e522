"""`simdai doctor`: what this installation is, and what is wrong with it."""

import json
from pathlib import Path

import numpy
import pytest
from click.testing import CliRunner

from simdai import __version__, cli, doctor, kernel
from simdai.errors import Problem, ScenarioError
from simdai.schema import library


def test_the_report_says_what_runs_here_and_survives_json():
    found = json.loads(json.dumps(doctor.report(), allow_nan=False))
    assert found["simdai"] == __version__
    assert found["packages"]["numpy"] == numpy.__version__
    assert found["kernel"] == ("compiled" if kernel.COMPILED else "reference")
    assert found["cores"] >= 1
    assert (found["why_reference"] is None) == kernel.COMPILED


def test_the_library_reported_is_a_folder_with_scenarios():
    assert list(Path(doctor.report()["library"]).rglob("*.yaml"))


def test_a_missing_package_and_a_reference_kernel_are_named_as_problems(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    monkeypatch.setattr(kernel, "WHY_REFERENCE", "it was never compiled. Run 'make build'.")
    monkeypatch.setattr(kernel, "COMPILED", False)
    found = doctor.report()
    assert "no-such-package is not installed" in found["problems"]
    assert any("make build" in problem for problem in found["problems"])
    said = doctor.text(found)
    assert "no-such-package not installed" in said
    assert "kernel          reference" in said


def test_an_installation_without_its_library_is_told_so(monkeypatch):
    def lost():
        raise ScenarioError(Problem(found="no folder scenarios"))

    monkeypatch.setattr(library, "library_folder", lost)
    found = doctor.report()
    assert found["library"] is None
    assert any("no folder scenarios" in problem for problem in found["problems"])


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"]])
def test_the_verb_succeeds_whatever_it_finds(arguments):
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 0
    assert __version__ in done.output
