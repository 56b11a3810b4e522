"""Make one stored run again and say whether it is the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from simdai.errors import ResultsError, listed, nearest
from simdai.experiments.plan import Plan, Task, finish
from simdai.experiments.provenance import code_hash
from simdai.experiments.store import Finished
from simdai.results import Results, RunRecord, RunSeries, run_key


class Verdict(NamedTuple):
    """What making a run again showed.

    Parameters
    ----------
    key : of the run
    identical : whether trace digests, series and outcomes agree to the last bit, or both failed alike
    difference : where the two first differ, empty for identical runs
    error : traceback of a run that failed again
    """

    key: str
    identical: bool
    difference: str
    error: str = ""


def rerun(
    path: str | Path, key: str, kernel: Literal["compiled", "reference"] | None = None, simulate: Any = None
) -> Verdict:
    """Run one replication again from the manifest alone and compare it with what is stored.

    Parameters
    ----------
    path : results folder, of a scenario or of a study
    key : such as ``p0-r3``, or the number of the replication
    kernel : ``compiled`` or ``reference``; the result must not depend on it

    Raises
    ------
    ResultsError : no such results or run
    """
    from simdai.schema import Scenario

    results = Results.load(path)
    record = chosen(results, key)
    manifest = results.provenance
    scenario: Any = Scenario(**manifest["scenario"]["resolved"])
    plan = Plan(
        scenarios=(scenario,),
        seed=manifest["seed"],
        until=manifest["until_days"],
        kernel=kernel,
        simulate=simulate,
    )
    task = Task(0, record.replication)
    if "study" in manifest:
        from simdai.experiments.sweeping import of_study

        plan, task = of_study(Path(path), plan, record)
    again = finish(plan, task)
    found = difference(record, results.run_series.get(record.key), again)
    if found and manifest["inputs"]["code"] != code_hash():
        found += f" (the results were made by other code, of simdai {manifest['versions']['simdai']})"
    return Verdict(record.key, not found, found, again.record.error)


def chosen(results: Results, key: str) -> RunRecord:
    """Find a run by its key or replication number."""
    wanted = run_key(0, int(key)) if re.fullmatch(r"[0-9]+", key, re.ASCII) else key
    keys = {record.key: record for record in results.records}
    if wanted not in keys:
        near = nearest(wanted, keys)
        hint = f". Did you mean {near!r}?" if near else ""
        raise ResultsError(f"no run {key!r} in {results.path}; {listed(keys)}{hint}")
    return keys[wanted]


def difference(record: RunRecord, series: RunSeries | None, again: Finished) -> str:
    """Say where a run and its repetition first differ, empty where they do not."""
    if record.status != "ok":
        if again.record.status == "ok":
            return f"it failed ({record.short_error}), the repetition did not"
        same = again.record.short_error == record.short_error
        return "" if same else f"{record.short_error}, now {again.record.short_error}"
    if again.record.status != "ok":
        return f"the repetition failed: {again.record.short_error}"
    if again.record.content == record.content:
        return ""
    fresh = again.series
    if series is not None and fresh is not None:
        if len(series.times) != len(fresh.times) or not np.array_equal(series.times, fresh.times):
            return (
                f"recorded at {len(series.times)} instants, the repetition at {len(fresh.times)} (or others)"
            )
        apart = np.flatnonzero(series.digests != fresh.digests)
        if len(apart):
            instant = series.times[apart[0]]
            return f"events differ by day {instant:g} (recording {apart[0]}), {sooner(series, apart)}"
        for name in series.values:
            if name not in fresh.values:
                return f"series {name} is missing from the repetition"
        first = series_difference(series, fresh)
        if first:
            return first
    for name, value in record.outcomes.items():
        other = again.record.outcomes.get(name)
        if other is None:
            return f"outcome {name} is missing from the repetition"
        if not (value == other or (value != value and other != other)):
            return f"outcome {name}: {value!r}, now {other!r}"
    return "the repetition reports outcomes or series of other names, or another final digest"


def sooner(series: RunSeries, apart: Any) -> str:
    """Say until when the two agreed."""
    if apart[0] == 0:
        return "from the start"
    return f"the same until day {series.times[apart[0] - 1]:g}"


def series_difference(series: RunSeries, fresh: RunSeries) -> str:
    """The earliest instant at which a series differs, with its name; empty where none does."""
    earliest, said = len(series.times), ""
    for name, column in series.values.items():
        other = fresh.values[name]
        apart = np.flatnonzero(~((column == other) | (np.isnan(column) & np.isnan(other))))
        if len(apart) and apart[0] < earliest:
            earliest = int(apart[0])
            then, now = float(column[earliest]), float(other[earliest])
            said = f"series {name} on day {series.times[earliest]:g}: {then!r}, now {now!r}"
    return said
