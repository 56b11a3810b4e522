"""Replications of one scenario, and of two that share their luck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from simdai.errors import ResultsError, ScenarioError
from simdai.experiments import provenance
from simdai.experiments.comparison import Comparison
from simdai.experiments.estimate import on_kernel_at_hand
from simdai.experiments.folder import read
from simdai.experiments.plan import Plan
from simdai.experiments.runners import Runner, runner
from simdai.experiments.store import Finished, Store, tally
from simdai.experiments.work import Listed, Work
from simdai.results import Results, RunSeries

MOST_REPLICATIONS = 1_000_000

Kernel = Literal["compiled", "reference"] | None


def run(
    scenario: Any,
    seed: int = 1,
    replications: int = 1,
    workers: int = 1,
    until: float | None = None,
    out: str | Path | None = None,
    force: bool = False,
    kernel: Kernel = None,
    progress: bool | None = None,
    trace: bool = False,
) -> Results:
    """Run a scenario and return its results.

    The results are the same to the last bit for any number of workers. With ``out`` every run is stored as
    it is made: the same call again returns what is stored, makes runs that are missing (after an interrupt,
    or because more replications are asked for), and tries failed ones again.

    Parameters
    ----------
    scenario : Scenario, or what `simdai.load` takes (a library name or a path)
    seed : int >= 0
    replications : int >= 1, independent repetitions, numbered from 0
    workers : int >= 1, processes
    until : float [day] in (0, horizon], end earlier than the scenario says
    out : folder for the results; None keeps them in memory
    force : replace what another scenario, seed or version left in ``out``
    kernel : ``compiled`` or ``reference``; None takes the compiled one where there is one
    progress : show a progress bar on stderr; None shows it where somebody watches
    trace : keep every event of the market, in ``out``/trace

    Raises
    ------
    ScenarioError : the scenario or a number given here is wrong
    ResultsError : ``out`` holds other results, is in use or cannot be written
    EngineError : there is no compiled kernel and the run would take long

    Notes
    -----
    A run that fails does not stop the others; it is listed in `Results.runs` with its error.
    """
    plan = planned([scenario], seed, replications, until, kernel, trace)
    if out is None:
        return in_memory(plan, workers, progress)[0]
    return stored(plan, Path(out), workers, force, progress)


def compare(
    a: Any,
    b: Any,
    replications: int = 10,
    seed: int = 1,
    workers: int = 1,
    until: float | None = None,
    kernel: Kernel = None,
    progress: bool | None = None,
) -> Comparison:
    """Run two scenarios with the same luck and return the differences ``b - a`` with their intervals.

    Replication i of both draws the same numbers for everything that both have (common random numbers), so the
    difference is what the scenarios differ in, with less noise than two independent sets would show.

    Parameters
    ----------
    a, b : Scenario, or what `simdai.load` takes
    replications, seed, workers, until, kernel, progress : as for `run`
    """
    plan = planned([a, b], seed, replications, until, kernel, trace=False)
    first, second = in_memory(plan, workers, progress)
    return Comparison(first, second)


def planned(
    scenarios: list[Any], seed: int, replications: int, until: float | None, kernel: Kernel, trace: bool
) -> Plan:
    """Check the numbers of a call and load scenarios given by name."""
    whole("seed", seed, 0, 2**63 - 1)
    whole("replications", replications, 1, MOST_REPLICATIONS)
    if kernel not in (None, "compiled", "reference"):
        raise ScenarioError(f"kernel {kernel!r}; one of: compiled, reference")
    loaded = []
    for scenario in scenarios:
        if isinstance(scenario, str | Path):
            from simdai.schema import load

            scenario = load(scenario)
        if until is not None and not 0.0 < until <= scenario.horizon:
            horizon = f"the horizon of {scenario.name}, {scenario.horizon:g} d"
            raise ScenarioError(f"until = {until} d; more than 0 and at most {horizon}")
        if scenario.observations:
            from simdai.world import build

            build(scenario, seed, 0, kernel)  # refuses observations that no run can be held against
        loaded.append(scenario)
    return Plan(
        scenarios=tuple(loaded),
        seed=int(seed),
        replications=int(replications),
        until=None if until is None else float(until),
        kernel=kernel,
        trace=trace,
    )


def whole(name: str, value: Any, low: int, high: int) -> None:
    """Refuse what is not a whole number in range."""
    from numbers import Integral

    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) <= high:
        raise ScenarioError(f"{name} = {value!r}; a whole number from {low} to {high}")


def in_memory(plan: Plan, workers: int, progress: bool | None) -> list[Results]:
    """Make all runs of a plan and return one `Results` a scenario."""
    plan = on_kernel_at_hand(plan, len(plan.tasks()), workers)
    made: list[Finished] = []
    tasks = plan.tasks()
    with runner(workers).session(plan, len(tasks)) as session:
        session(Listed(tasks), made.extend, progress)
    found = []
    for point in range(len(plan.scenarios)):
        mine = [
            replace(one, record=replace(one.record, point=0)) for one in made if one.record.point == point
        ]
        found.append(collected(provenance.manifest(plan, point), mine))
    return found


def collected(manifest: dict[str, Any], made: list[Finished]) -> Results:
    """Make results of runs that are in memory."""
    records = [one.record for one in made]
    series: dict[str, RunSeries] = {one.record.key: one.series for one in made if one.series is not None}
    units = {name: unit for one in made for name, unit in (one.units or {}).items()}
    return Results(provenance.finished(manifest, tally(records)), records, series, units)


def stored(
    plan: Plan,
    path: Path,
    workers: int = 1,
    force: bool = False,
    progress: bool | None = None,
    told: Callable[[str], None] | None = None,
) -> Results:
    """Make the runs that a folder lacks and return what it then holds.

    Parameters
    ----------
    plan : of one scenario
    path : the folder
    workers, force, progress : as for `run`
    told : is given a sentence about stored runs that were taken as they are
    """
    asked = provenance.manifest(plan)
    with Store(path) as store:
        before = resumed(store, asked, force)
        kept = store.records() if before is not None else []
        good = {(record.point, record.replication) for record in kept if record.status == "ok"}
        missing = [task for task in plan.tasks() if task.key not in good]
        if told is not None and before is not None and len(missing) < len(plan.tasks()):
            told(said_of_stored(f"{len(plan.tasks()) - len(missing)} of {len(plan.tasks())}", path, before))
        if missing:
            plan = on_kernel_at_hand(plan, len(missing), workers)
            wider = (
                max(plan.replications, (before or {}).get("replications", 0)) if kept else plan.replications
            )
            asked = {
                **asked,
                "replications": wider,
                "trace": plan.trace or bool(kept and before and before["trace"]),
            }
            store.begin(asked)
            fill(store, plan, Listed(missing), asked, runner(workers), progress)
        results = read(path)
    return narrowed(results, plan.replications)


def resumed(store: Store, asked: dict[str, Any], force: bool) -> dict[str, Any] | None:
    """The manifest of the runs that a folder holds, None where there are none to build on.

    Raises
    ------
    ResultsError : they are runs of something else, and ``force`` is not given
    """
    before = store.manifest
    if before is not None and force:
        store.clear()
        return None
    if before is not None and (changed := provenance.differences(before, asked)):
        raise ResultsError(
            f"{store.path} holds results of other inputs ({'; '.join(changed)}); choose another folder "
            "with --out, or replace them with --force"
        )
    return before


def said_of_stored(found: object, path: Path, before: dict[str, Any]) -> str:
    """What is told when runs are there already."""
    return f"{found} runs stored in {path} on {before.get('created', '')}; --force makes them again"


def fill(
    store: Store, plan: Plan, work: Work, asked: dict[str, Any], by: Runner, progress: bool | None
) -> None:
    """Make runs and keep them, also those made before something goes wrong."""
    try:
        with by.session(plan, work.total) as session:
            session(work, store.add, progress)
    finally:
        store.flush()
        store.write_manifest(provenance.finished(asked, store.tally()))


def narrowed(results: Results, replications: int) -> Results:
    """The first replications of results that hold more."""
    if len(results.records) <= replications:
        return results
    records = [record for record in results.records if record.replication < replications]
    manifest = {**results.provenance, "replications": replications}
    keys = {record.key for record in records}

    def series() -> dict[str, RunSeries]:
        return {key: one for key, one in results.run_series.items() if key in keys}

    manifest = provenance.finished(manifest, tally(records))
    return Results(manifest, records, series, results.units, results.path)
