"""Every notebook runs top to bottom, is what its text says, and shows what it found."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
spec = importlib.util.spec_from_file_location("notebooks_execute", FOLDER / "execute.py")
notebooks = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = notebooks
spec.loader.exec_module(notebooks)

TEXTS = notebooks.TEXTS
IDS = [text.stem for text in TEXTS]


def stored(text):
    return nbformat.read(text.with_suffix(".ipynb"), as_version=4)


def test_no_two_notebooks_share_a_number_and_each_text_has_its_notebook():
    assert len({text.stem[:2] for text in TEXTS}) == len(TEXTS) > 0
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == IDS


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_a_stored_notebook_is_what_its_text_says(text):
    said = [(cell.cell_type, cell.source) for cell in notebooks.read(text).cells]
    assert [(cell.cell_type, cell.source) for cell in stored(text).cells] == said


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_a_stored_notebook_shows_figures_and_no_errors(text):
    outputs = [output for cell in stored(text).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_a_notebook_asserts_what_it_says(text):
    assert sum(cell.source.count("assert ") for cell in stored(text).cells if cell.cell_type == "code") >= 2


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_a_notebook_runs_top_to_bottom(text, tmp_path):
    """As the Python file that it is: a kernel that sends widgets can wait for ever for a reply that came."""
    fast = {**os.environ, "SIMDAI_FAST": "1", "MPLBACKEND": "agg", "PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run([sys.executable, text], cwd=tmp_path, env=fast, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
