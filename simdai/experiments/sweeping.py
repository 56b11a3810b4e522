"""Making the runs of a study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simdai.errors import Problem, ResultsError, ScenarioError, listed, nearest, shown
from simdai.experiments import provenance
from simdai.experiments.designs.points import Factors, Points
from simdai.experiments.estimate import duration, on_kernel_at_hand, trial
from simdai.experiments.folder import (
    COLUMNS,
    LEDGER,
    POINTS,
    read_manifest,
    read_series,
    reading,
    reported,
    row_record,
)
from simdai.experiments.plan import Keep, Plan, Task, matcher
from simdai.experiments.runners import NO_LIMITS, Limits, Runner, runner
from simdai.experiments.runs import Kernel, fill, resumed, said_of_stored
from simdai.experiments.store import Finished, Store, tally
from simdai.experiments.study import Runs, Study
from simdai.experiments.study_file import StudyFile, UntilPrecise, base_values, load_study
from simdai.experiments.work import Replicated, UntilKnown, Work
from simdai.results import RunRecord, RunSeries

__all__ = ["Forecast", "planned_study", "read_study", "sweep"]


def sweep(
    study: Any,
    seed: int | None = None,
    replications: int | None = None,
    workers: int = 1,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    out: str | Path | None = None,
    force: bool = False,
    kernel: Kernel = None,
    kind: Literal["inline", "pool", "dask"] | None = None,
    cluster: str | None = None,
    limits: Limits = NO_LIMITS,
    progress: bool | None = None,
    told: Callable[[str], None] | None = None,
) -> Study:
    """Make the runs of a study and return it.

    The results are the same to the last bit for any runner. With ``out`` every run is stored as it is made;
    the same call again goes on where it stopped, and failed runs are tried again.

    Parameters
    ----------
    study : a name in ``scenarios/studies/``, a path, or a mapping with a file's keys
    seed, replications : in place of the file's
    workers : int >= 1, processes
    set : changes of the base scenario, as for `simdai.load`
    out : folder for the results; None keeps them in memory
    force : replace what another study or version left in ``out``
    kernel : ``compiled`` or ``reference``; None takes the compiled one where there is one
    kind : ``inline``, ``pool`` or ``dask``; None for what the number of workers implies
    cluster : address of a Dask scheduler, or ``local:N``
    limits : of a run, see `Limits`
    progress : show a progress bar on stderr; None shows it where somebody watches
    told : is given sentences: how many runs there are, about how long they take, what is stored already

    Raises
    ------
    ScenarioError : the study or a number given here is wrong
    ResultsError : ``out`` holds other results, is in use or cannot be written
    EngineError : no kernel, no cluster, or workers that do not start
    """
    return swept(
        load_study(study, set, seed, replications),
        runner(workers, kind, cluster, limits),
        None if out is None else Path(out),
        force,
        kernel,
        progress,
        told or (lambda text: None),
    )


def swept(
    study: StudyFile,
    by: Runner,
    out: Path | None = None,
    force: bool = False,
    kernel: Kernel = None,
    progress: bool | None = None,
    told: Callable[[str], None] = lambda text: None,
    simulate: Callable[..., Any] | None = None,
) -> Study:
    """Make the runs of a loaded study; see `sweep`."""
    plan = planned_study(study, kernel, simulate)
    layout = Layout(study)
    asked = provenance.study_manifest(plan, study, len(layout.levels))
    if out is None:
        made: list[Finished] = []
        work = layout.work()
        told(str(forecast(plan, layout, work, by)))
        with by.session(on_kernel_at_hand(plan, work.total, by.workers), work.total) as session:
            session(work, made.extend, progress)
        return in_memory(asked, layout, made)
    with Store(out) as store:
        before = resumed(store, asked, force)
        work = layout.work(None if before is None else store)
        if before is not None and (found := store.tally().ok):
            told(said_of_stored(found, out, before))
        if work.left():
            told(str(forecast(plan, layout, work, by, out)))
            store.begin(asked)
            store.write_points(points_table(study.factors, layout.levels))
            fill(store, on_kernel_at_hand(plan, work.total, by.workers), work, asked, by, progress)
        return read_study(out)


def planned_study(
    study: StudyFile, kernel: Kernel = None, simulate: Callable[..., Any] | None = None
) -> Plan:
    """The plan of a study's runs."""
    rule = study.replications
    return Plan(
        scenarios=(study.scenario,),
        seed=study.seed,
        replications=rule.most if isinstance(rule, UntilPrecise) else rule,
        kernel=kernel,
        keep=Keep(study.outcomes or ("*",), study.series),
        simulate=simulate,
    )


class Layout:
    """The points of a study, and the run of each point and replication."""

    def __init__(self, study: StudyFile) -> None:
        self.study = study
        self.levels: Points = study.design.lay_out(study.factors, study.seed)
        self._base = base_values(study.factors, study.scenario)
        self._latest: tuple[int, dict[str, Any]] = (-1, {})

    def task(self, point: int, replication: int) -> Task:
        """The run of a point and a replication; replications of one point share their changes."""
        if self._latest[0] != point:
            self._latest = point, changes_at(self.study.factors, self.levels[point], self._base)
        seed = None if self.study.luck == "common" else self.study.seed_of(point)
        return Task(point, replication, self._latest[1], seed)

    def work(self, store: Store | None = None) -> Work:
        """What is still to be done beside what is stored."""
        rule = self.study.replications
        if isinstance(rule, UntilPrecise):
            before = (lambda point: ()) if store is None else store.records
            return UntilKnown(len(self.levels), rule, self.task, before)
        done = () if store is None else store.done()
        return Replicated(len(self.levels), rule, self.task, done)


def changes_at(factors: Factors, levels: NDArray[np.float64], base: Mapping[str, Any]) -> dict[str, Any]:
    """What a point changes in the base scenario."""
    changes: dict[str, Any] = {}
    for factor, level in zip(factors.values(), levels, strict=True):
        changes.update(factor.changes(float(level), base))
    return changes


@dataclass(frozen=True)
class Forecast:
    """What a study will take, told before it starts.

    Parameters
    ----------
    n_points, n_runs, workers : int; of a study with a rule for replications, the least number of runs
    seconds : float, wall time
    n_bytes : float, on disk
    folder : where, None for none
    """

    n_points: int
    n_runs: int
    workers: int
    seconds: float
    n_bytes: float
    folder: Path | None
    least: bool

    def __str__(self) -> str:
        points = "1 point" if self.n_points == 1 else f"{self.n_points:,} points"
        runs = f"{'at least ' * self.least}{self.n_runs:,} run{'s' * (self.n_runs != 1)}"
        over = f" with {self.workers} workers" if self.workers > 1 else ""
        time = "less than a minute" if self.seconds < 45 else f"about {duration(self.seconds)}"
        room = f", about {size(self.n_bytes)} in {self.folder}" if self.folder else ""
        return f"{points}, {runs} to make: {time}{over}{room}"


def size(n_bytes: float) -> str:
    """Write a number of bytes as a person would say it.

    >>> size(900), size(2_500_000)
    ('1 kB', '2.5 MB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= 0.95 * factor:
            return (
                f"{n_bytes / factor:.2g} {unit}"
                if n_bytes < 95 * factor
                else f"{n_bytes / factor:.0f} {unit}"
            )
    return f"{max(math.ceil(n_bytes / 1e3), 1)} kB"


def forecast(plan: Plan, layout: Layout, work: Work, by: Runner, out: Path | None = None) -> Forecast:
    """Begin a run of up to three points and think the rest; check the outcomes and series that are asked for.

    Raises
    ------
    ScenarioError : no run reports an outcome, or records a series, that the study asks for
    """
    n_points = len(layout.levels)
    trials = []
    for point in sorted({0, n_points // 2, n_points - 1}):
        try:
            trials.append(trial(plan, layout.task(point, 0)))
        except Exception:  # a point that fails is a row of the study, not the end of it
            continue
    if trials:
        names = {name for one in trials for name in one.outcomes}
        series = {name for one in trials for name in one.series}
        asked = (("outcomes", layout.study.outcomes, names), ("series", layout.study.series, series))
        if problems := [fault for what, wanted, there in asked for fault in unreported(what, wanted, there)]:
            raise ScenarioError(problems)
    seconds = float(np.mean([one.seconds for one in trials])) if trials else 0.0
    n_bytes = float(np.mean([one.n_bytes for one in trials])) if trials else 0.0
    return Forecast(
        n_points=n_points,
        n_runs=work.total,
        workers=by.workers,
        seconds=seconds * work.total / min(by.workers, max(work.total, 1)),
        n_bytes=n_bytes * work.total + 8.0 * layout.levels.size,
        folder=out,
        least=isinstance(layout.study.replications, UntilPrecise),
    )


def unreported(what: str, wanted: Sequence[str], there: set[str]) -> list[Problem]:
    """What is asked for and never comes."""
    found = []
    for n, pattern in enumerate(wanted):
        if not any(map(matcher((pattern,)).match, there)):
            said = f"no run has {shown(pattern)}"
            found.append(Problem("", 0, 0, f"{what}[{n}]", said, listed(there), nearest(pattern, there)))
    return found


def points_table(factors: Factors, levels: Points) -> Any:
    """The points as a pyarrow table: point, then every factor, numbers or names of options."""
    import pyarrow as pa

    units = {name.encode(): factor.unit.encode() for name, factor in factors.items()}
    columns = {"point": np.arange(len(levels)), **columns_of(factors, levels)}
    return pa.table(columns).replace_schema_metadata(units)


def columns_of(factors: Factors, levels: Points) -> dict[str, NDArray[Any]]:
    """The points as columns that a reader understands."""
    columns: dict[str, NDArray[Any]] = {}
    for column, (name, factor) in zip(levels.T, factors.items(), strict=True):
        if factor.options is None:
            columns[name] = column
            continue
        names = [factor.shown(float(n)) for n in range(factor.options)]
        numbers = all(isinstance(one, float) for one in names)
        columns[name] = np.array(names, np.float64 if numbers else object)[column.astype(np.intp)]
    return columns


def in_memory(asked: dict[str, Any], layout: Layout, made: Sequence[Finished]) -> Study:
    """A study whose runs are in memory."""
    records = [one.record for one in made]
    series: dict[str, RunSeries] = {one.record.key: one.series for one in made if one.series is not None}
    units = {name: unit for one in made for name, unit in (one.units or {}).items()}
    manifest = provenance.finished(asked, tally(records))
    points = columns_of(layout.study.factors, layout.levels)
    return Study(manifest, points, Runs(records), units, lambda: series)


def of_study(path: Path, plan: Plan, record: RunRecord) -> tuple[Plan, Task]:
    """How one stored run of a study is made again, from its folder alone.

    Parameters
    ----------
    path : the folder
    plan : of the base scenario
    record : of the run
    """
    stored = read_study(path)
    file = stored.file
    base = base_values(file.factors, plan.scenarios[0])
    point = stored.points.iloc[record.point]
    levels = [factor.level_of(point[name]) for name, factor in file.factors.items()]
    changes = changes_at(file.factors, np.array(levels, np.float64), base)
    task = Task(record.point, record.replication, changes, file.seed_of(record.point))
    return replace(plan, keep=Keep(file.outcomes or ("*",), file.series)), task


def read_study(path: Path) -> Study:
    """Read the folder of a study, also while it is being made."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifest = read_manifest(path)
    if "study" not in manifest:
        raise ResultsError(f"{path} holds runs of a scenario and no study; simdai.Results.load reads them")
    if not (path / LEDGER).exists():
        raise ResultsError(f"{path}: {LEDGER} is missing; no run was finished there")
    shards: dict[str, str] = {}

    def records(rows: Any) -> Any:
        for row in rows:
            record: RunRecord = row_record(row)
            if row[-1]:
                shards[record.key] = row[-1]
            yield record

    with reported(path):
        try:
            table = pq.read_table(path / POINTS)
        except pa.ArrowException as error:
            raise ResultsError(f"{path / POINTS}: damaged ({error})") from None
        with reading(path / LEDGER) as ledger:
            runs = Runs(records(ledger.execute(f"SELECT {', '.join(COLUMNS)} FROM runs")))
            units = dict(ledger.execute("SELECT outcome, unit FROM units"))
    points = {name: table[name].to_numpy() for name in table.column_names if name != "point"}
    return Study(manifest, points, runs, units, lambda: read_series(path, shards), path)
