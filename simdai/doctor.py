"""What this installation is and what it can use: the answer to "why is it slow here, or does not run"."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import warnings
from typing import Any

from simdai import __version__
from simdai.errors import SimdaiError

__all__ = ["report", "text"]

PACKAGES = ("numpy", "scipy", "simpy", "pydantic", "pandas", "pyarrow", "matplotlib")
OPTIONAL = ("jupyterlab", "distributed", "ema-workbench", "optuna")  # one of each extra, in the extras' order


def report() -> dict[str, Any]:
    """Return what simdai runs on.

    Returns
    -------
    dict for JSON: ``simdai``, ``python``, ``executable``, ``platform``, ``packages`` (name → version,
    None where absent), ``compiler`` (path, None where absent), ``kernel`` (``compiled`` or ``reference``),
    ``kernel_stale`` (compiled from other sources than those beside it), ``why_reference``, ``cores``,
    ``memory_gib`` (None where unknown), ``library`` (folder of the shipped scenarios), ``problems`` (what
    hinders or slows a run; empty where all is well)
    """
    problems: list[str] = []
    packages = {name: _version(name) for name in (*PACKAGES, *OPTIONAL)}
    problems += [f"{name} is not installed" for name in PACKAGES if packages[name] is None]
    kernel = _kernel()
    if kernel["why_reference"]:
        problems.append(f"runs use the reference kernel, which is far slower: {kernel['why_reference']}")
    return {
        "simdai": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "packages": packages,
        **kernel,
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "library": _library(problems),
        "problems": problems,
    }


def text(found: dict[str, Any]) -> str:
    """Return a report for a person to read, one fact a line."""
    memory = "unknown" if found["memory_gib"] is None else f"{found['memory_gib']:.1f} GiB"
    rows = [
        ("simdai", found["simdai"]),
        ("Python", f"{found['python']} ({found['executable']})"),
        ("platform", found["platform"]),
        *((name, version or "not installed") for name, version in found["packages"].items()),
        ("C compiler", found["compiler"] or "none found"),
        ("kernel", found["kernel"] + (" (the compiled one is stale)" if found["kernel_stale"] else "")),
        ("cores", found["cores"]),
        ("memory", memory),
        ("scenarios", found["library"] or "not found"),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}} {value}" for name, value in rows]
    lines += ["", *found["problems"]] if found["problems"] else ["", "All is well."]
    return "\n".join(lines)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kernel() -> dict[str, Any]:
    """Which kernel runs use, and why; a kernel that cannot even be imported is a reason too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a stale kernel is reported here
            from simdai import kernel
            from simdai.kernel import _build
    except ImportError as error:
        why = f"the kernel could not be imported ({error})."
        return {"compiler": None, "kernel": "reference", "kernel_stale": False, "why_reference": why}
    return {
        "compiler": _build.compiler(),
        "kernel": "compiled" if kernel.COMPILED else "reference",
        "kernel_stale": _build.check_stamp() is not None and _build.read_stamp()["source_hash"] is not None,
        "why_reference": kernel.WHY_REFERENCE,
    }


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _library(problems: list[str]) -> str | None:
    try:
        from simdai.schema.library import library_folder

        return str(library_folder())
    except (ImportError, SimdaiError) as error:
        problems.append(f"the scenario library was not found: {error}")
        return None
