"""The stamp that ties the compiled kernel to the sources it was made from.

``setup.py`` writes a stamp beside the extension when it has compiled it (or when it could not, with the
reason); the kernel compares it, at import in a checkout, with the sources that lie there. Standard library
only, and no import of simdai: ``setup.py`` runs this file by its path.
"""

import hashlib
import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path

KERNEL = Path(__file__).resolve().parent
SOURCES = ("*.pyx", "*.pxd", "*.pxi", "*.h")


def source_hash(folder: Path = KERNEL) -> str | None:
    """Hash of the kernel's Cython and C sources, names and contents, line ends aside; None: no sources."""
    sources = sorted(
        (path for pattern in SOURCES for path in folder.glob(pattern)), key=lambda path: path.name
    )
    if not sources:
        return None
    digest = hashlib.sha256()
    for path in sources:
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()


def stamp_path(folder: Path = KERNEL) -> Path:
    """Where the stamp lies; its name holds platform and Python version, as the extension's own name does."""
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX") or ".so")
    return folder / f"_stamp{suffix.rsplit('.', 1)[0]}.json"


def write_stamp(folder: Path, compiled_from: str | None, failure: str | None = None) -> None:
    """Say that the extension in ``folder`` was compiled from these sources, or why there is none."""
    path = stamp_path(folder)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(
        json.dumps({"source_hash": compiled_from, "failure": failure}) + "\n", encoding="utf-8"
    )
    os.replace(unfinished, path)


def read_stamp(folder: Path = KERNEL) -> dict[str, str | None]:
    """The stamp's ``source_hash`` and ``failure``; both None where there is no readable stamp."""
    try:
        stamp = json.loads(stamp_path(folder).read_text(encoding="utf-8"))
        return {"source_hash": stamp["source_hash"], "failure": stamp["failure"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"source_hash": None, "failure": None}


def check_stamp(folder: Path = KERNEL) -> str | None:
    """What is wrong with the compiled kernel in ``folder``, and the cure; None: made from these sources.

    Installed packages hold no sources, so there is nothing to compare and the answer is None.
    """
    sources = source_hash(folder)
    made_from = read_stamp(folder)["source_hash"]
    if sources is None or made_from == sources:
        return None
    if made_from is None:
        return why_reference(folder)
    return (
        f"the compiled kernel in {folder} is older than the sources beside it. Run 'make build' to compile "
        "it again, or set SIMDAI_NO_EXTENSIONS=1 to use the reference kernel."
    )


def is_built(folder: Path = KERNEL) -> bool:
    """Whether every extension of ``folder`` is there, made from the sources beside it."""
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX") or ".so")
    there = all(path.with_suffix(suffix).exists() for path in folder.glob("*.pyx"))
    return there and check_stamp(folder) is None


def why_reference(folder: Path = KERNEL) -> str:
    """Why there is no compiled kernel, and the cure for this system; one sentence each."""
    if os.environ.get("SIMDAI_NO_EXTENSIONS"):
        return "SIMDAI_NO_EXTENSIONS is set. Unset it to use the compiled kernel."
    failure = read_stamp(folder)["failure"]
    why = f"it could not be compiled at installation ({failure})." if failure else "it was never compiled."
    return f"{why} {cure(folder)}"


def compiler() -> str | None:
    """Path of the C compiler that compiling the kernel would use; None where there is none."""
    asked_for = os.environ.get("CC")
    candidates = (asked_for,) if asked_for else (sysconfig.get_config_var("CC"), "cc", "gcc", "clang", "cl")
    for candidate in candidates:
        words = str(candidate or "").split()
        if words and (path := shutil.which(words[0])):
            return path
    return None


def cure(folder: Path = KERNEL) -> str:
    """How to get a compiled kernel on this system."""
    again = "run 'make build'" if source_hash(folder) is not None else "install simdai again"
    headers = Path(sysconfig.get_path("include"), "Python.h").exists()
    if headers and compiler() and not os.environ.get("CC"):
        return f"To compile it, {again}."
    if sys.platform == "win32":
        return f"Install the Microsoft C++ Build Tools (visualstudio.microsoft.com), then {again}."
    if sys.platform == "darwin":
        return f"Run 'xcode-select --install', then {again}."
    if shutil.which("apt-get"):
        return f"Run 'sudo apt-get install -y gcc python3-dev', then {again}."
    return f"Install a C compiler and Python's header files, then {again}."
