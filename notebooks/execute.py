"""Run notebooks top to bottom and store them with their outputs.

The text of a notebook is its ``.py`` file (Jupytext, percent format); this writes the ``.ipynb`` beside it.
``python notebooks/execute.py [NAME ...]`` does so for those named, or for all.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

FOLDER = Path(__file__).resolve().parent
TEXTS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
TIMEOUT_SECONDS = 600
FORMATS = "ipynb,py:percent"


def read(text: Path) -> nbformat.NotebookNode:
    """Return the notebook that a text says, without outputs."""
    notebook = jupytext.read(text, fmt="py:percent")
    notebook.metadata["jupytext"] = {"formats": FORMATS}
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: Path = FOLDER) -> nbformat.NotebookNode:
    """Run every cell in ``folder``; the first error is raised."""
    # Not TCP: its ports are looked for before they are taken, and another process may take them in between.
    resources = {"metadata": {"path": str(folder)}}
    with TemporaryDirectory() as sockets:
        files = {"transport": "ipc", "ip": f"{sockets}/kernel"}
        config = Config({"ConnectionFileMixin": files} if sys.platform != "win32" else {})
        return NotebookClient(notebook, config=config, timeout=TIMEOUT_SECONDS, resources=resources).execute()


def without_times(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what changes from one run to the next though nothing else does: times, and progress bars."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    notebook.metadata.pop("language_info", None)
    return notebook


def main(names: list[str]) -> None:
    """Write the notebooks named, or all."""
    for text in TEXTS:
        if not names or text.stem in names:
            print(text.stem, flush=True)
            nbformat.write(without_times(execute(read(text))), text.with_suffix(".ipynb"))


if __name__ == "__main__":
    main([Path(name).stem for name in sys.argv[1:]])
