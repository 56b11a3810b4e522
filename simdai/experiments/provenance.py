"""How a run was made: everything that is needed to make it again, and to judge it."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import json
import platform
import shlex
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import simdai
from simdai.experiments.folder import FORMAT
from simdai.experiments.plan import Plan
from simdai.experiments.store import Tally

if TYPE_CHECKING:
    from simdai.experiments.study_file import StudyFile

PACKAGES = ("numpy", "scipy", "simpy", "pydantic", "pandas", "pyarrow")


def manifest(plan: Plan, point: int = 0) -> dict[str, Any]:
    """Describe a plan's runs of one scenario, before they are made.

    Parameters
    ----------
    plan : what is run
    point : which of its scenarios

    Returns
    -------
    dict : of JSON values; ``inputs`` decides whether stored results answer the same question
    """
    scenario = plan.scenarios[point]
    source = scenario.provenance
    text = source.content.decode("utf-8", "replace") or scenario.canonical + "\n"
    return {
        "format": FORMAT,
        "name": scenario.name,
        "question": scenario.question,
        "start": scenario.start.isoformat(),
        "horizon_days": scenario.horizon,
        "warm_up_days": scenario.warm_up,
        "seed": plan.seed,
        "replications": plan.replications,
        "until_days": plan.until,
        "trace": plan.trace,
        "inputs": {
            "scenario": scenario.hash,
            "seed": plan.seed,
            "until": plan.until,
            "code": code_hash(),
        },
        "scenario": {
            "text": text,
            "hash": hashlib.sha256(text.encode()).hexdigest(),
            "files": [
                {"file": name, "text": content.decode("utf-8", "replace")} for name, content in source.files
            ],
            "resolved": json.loads(scenario.canonical),
        },
        "overrides": [plain(dataclasses.asdict(change)) for change in source.changes],
        "parameters": [{"path": path, **plain(dataclasses.asdict(use))} for path, use in source.parameters],
        "command": command(plan, scenario),
        "versions": {"simdai": simdai.__version__, "python": platform.python_version(), **packages()},
        "platform": {"system": platform.platform(), "machine": platform.machine()},
        "created": now(),
    }


def finished(described: Mapping[str, Any], tally: Tally) -> dict[str, Any]:
    """Complete a manifest with what came of the runs."""
    return {
        **described,
        "kernel": tally.kernel,
        "counts": {
            "runs": tally.ok + tally.failed,
            "ok": tally.ok,
            "failed": tally.failed,
            "events": tally.events,
        },
        "seconds": tally.seconds,
        "finished": now(),
        "result_hash": tally.hash,
    }


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Say in which inputs two manifests differ, an empty list where they ask the same."""
    said = []
    before, after = stored["inputs"], asked["inputs"]
    if ("study" in stored) != ("study" in asked):
        return ["those are runs of a study" if "study" in stored else "those are no runs of a study"]
    if before.get("study") != after.get("study"):
        said += document_changes(stored["study"]["asked"], asked["study"]["asked"], "study")
    if before["scenario"] != after["scenario"]:
        changes = document_changes(stored["scenario"]["resolved"], asked["scenario"]["resolved"])
        more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
        said.append(f"scenario: {'; '.join(changes[:4])}{more}")
    said += [
        f"{name} {before[name]} → {after[name]}" for name in ("seed", "until") if before[name] != after[name]
    ]
    if before["code"] != after["code"]:
        versions = stored["versions"]["simdai"], asked["versions"]["simdai"]
        if versions[0] != versions[1]:
            said.append(f"simdai {versions[0]} → {versions[1]}")
        else:
            said.append("the code of simdai changed since")
    if asked["trace"] and not stored["trace"]:
        said.append("no trace was kept")
    return said


def study_manifest(plan: Plan, study: StudyFile, n_points: int) -> dict[str, Any]:
    """Describe the runs of a study before they are made."""
    from simdai.experiments.study_file import UntilPrecise

    described = manifest(plan)
    rule = study.replications
    asked = plain(study.model_dump(exclude={"question", "replications"}))
    words = ["simdai", "sweep", study.place, "--seed", str(study.seed)]
    if not isinstance(rule, UntilPrecise):
        words += ["--replications", str(rule)]
    return {
        **described,
        "name": study.name,
        "question": study.question,
        "replications": plain(rule.model_dump()) if isinstance(rule, UntilPrecise) else rule,
        "inputs": {**described["inputs"], "study": study.hash},
        "study": {"text": study.text, "base": study.scenario.name, "n_points": n_points, "asked": asked},
        "command": shlex.join(words) if study.place else "the study was made in Python; see study.asked",
    }


def document_changes(before: Any, after: Any, path: str = "") -> list[str]:
    """List the places where two documents differ, as ``path: old → new``."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in [*before, *(k for k in after if k not in before)]:
            inner = f"{path}.{key}" if path else str(key)
            found += document_changes(before.get(key, "nothing"), after.get(key, "nothing"), inner)
        return found
    return [] if before == after else [f"{path}: {brief(before)} → {brief(after)}"]


def brief(value: Any, length: int = 40) -> str:
    """Write a value in few characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[: length - 1] + "…"


def plain(value: Any) -> Any:
    """Write a value in JSON's terms; dates and whatever else it has no word for become text."""
    return json.loads(json.dumps(value, default=str))


@functools.cache
def code_hash() -> str:
    """Hash the sources of simdai: results of other code are not taken for those of the present one."""
    root = Path(simdai.__file__).parent
    total = hashlib.sha256()
    for file in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".pyx", ".pxd", ".h")):
        total.update(f"{file.relative_to(root).as_posix()}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def packages() -> dict[str, str]:
    """Versions of the packages that numbers pass through."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def command(plan: Plan, scenario: Any) -> str:
    """Write the command line that makes the results again; for a scenario without a file, say where it is."""
    source = scenario.provenance
    if not source.files:
        return "the scenario was made in Python; it stands in manifest.json under scenario.resolved"
    from simdai.schema.library import library_scenarios

    given = scenario.name if scenario.name in library_scenarios() else source.files[0][0]
    words = ["simdai", "run", given]
    for name in dict.fromkeys(
        c.by.removeprefix("override ") for c in source.changes if c.by.startswith("override ")
    ):
        words += ["--override", name]
    for change in source.changes:
        if not change.by.startswith("override "):
            new = change.new if isinstance(change.new, str) else json.dumps(change.new, default=str)
            words += ["--set", f"{change.path}={new}"]
    words += ["--seed", str(plan.seed), "--replications", str(plan.replications)]
    if plan.until is not None:
        words += ["--until", f"{plan.until:g}"]
    return shlex.join([*words, "--trace"] if plan.trace else words)


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
