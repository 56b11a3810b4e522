"""Small committed results, made again. They move only with the reason in the commit that moves them.

On the machine that made them results are equal to the bit; elsewhere the C library's logarithm may differ
in the last place, which a long run spreads over its events, so only short runs are kept here.
"""

import json
import math
import shlex
from pathlib import Path

import pytest

from simdai.cli import run_app

REFERENCE = sorted((Path(__file__).parents[2] / "results" / "reference").glob("*.json"))


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.stem)
def test_the_command_of_a_reference_result_gives_its_numbers_again(path, capsys, monkeypatch, tmp_path):

    kept = json.loads(path.read_text())
    monkeypatch.chdir(tmp_path)
    assert run_app(shlex.split(kept["command"])[1:]) == 0
    made = {name: row["mean"] for name, row in json.loads(capsys.readouterr().out)["outcomes"].items()}
    assert made.keys() == kept["outcomes"].keys()
    for name, value in kept["outcomes"].items():
        if value is None:
            assert made[name] is None, name
        else:
            assert math.isclose(made[name], value, rel_tol=1e-9, abs_tol=1e-12), name
