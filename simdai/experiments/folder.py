"""What a results folder holds, and how it is read: manifest, ledger (one row a run), series, points."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from simdai.errors import ResultsError
from simdai.results import Results, RunRecord, RunSeries

FORMAT = 1
MANIFEST, SCENARIO, STUDY, POINTS, LEDGER, SERIES, TRACE, LOCK, WRITER = (
    "manifest.json",
    "scenario.yaml",
    "study.yaml",
    "points.parquet",
    "ledger.sqlite",
    "series",
    "trace",
    ".lock",
    ".writer",
)
HEAD = ("point", "replication", "time", "digest")
TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY, point INTEGER NOT NULL, replication INTEGER NOT NULL, status TEXT NOT NULL,
    outcomes TEXT NOT NULL, error TEXT NOT NULL, seconds REAL NOT NULL, digest TEXT NOT NULL,
    n_events INTEGER NOT NULL, kernel TEXT NOT NULL, content TEXT NOT NULL, shard TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS units (outcome TEXT PRIMARY KEY, unit TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_point ON runs (point, replication);
"""
COLUMNS = (
    *("key", "point", "replication", "status", "outcomes", "error"),
    *("seconds", "digest", "n_events", "kernel", "content", "shard"),
)


def read(path: Path) -> Results:
    """Read a results folder; the series only when they are first asked for."""
    manifest = read_manifest(path)
    if not (path / LEDGER).exists():
        raise ResultsError(f"{path}: {LEDGER} is missing; no run was finished there")
    with reported(path), reading(path / LEDGER) as ledger:
        rows = list(ledger.execute(f"SELECT {', '.join(COLUMNS)} FROM runs"))
        units = dict(ledger.execute("SELECT outcome, unit FROM units"))
    shards = {row[0]: row[-1] for row in rows if row[-1]}
    return Results(manifest, map(row_record, rows), lambda: read_series(path, shards), units, path)


def read_manifest(path: Path) -> dict[str, Any]:
    """Read and check ``manifest.json``."""
    file = path / MANIFEST
    if not file.exists():
        what = "no such folder" if not path.exists() else f"{MANIFEST} is missing, so these are no results"
        raise ResultsError(f"{path}: {what}")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{file}: cannot be read ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise ResultsError(f"{file}: format {found!r}; this simdai reads format {FORMAT}")
    return manifest


def read_series(path: Path, shards: Mapping[str, str]) -> dict[str, RunSeries]:
    """Read the shards that the ledger names, as run key to series."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, RunSeries] = {}
    for shard in sorted(set(shards.values())):
        with reported(path):
            try:
                table = pq.read_table(path / SERIES / shard)
            except pa.ArrowException as error:
                raise ResultsError(f"{path / SERIES / shard}: damaged ({error})") from None
        units = json.loads((table.schema.metadata or {}).get(b"units", b"{}"))
        columns = {name: table[name].to_numpy() for name in table.column_names}
        point, replication = columns["point"], columns["replication"]
        edges = np.flatnonzero(np.diff(point) | np.diff(replication)) + 1
        for first, last in zip([0, *edges], [*edges, len(point)], strict=True):
            key = f"p{point[first]}-r{replication[first]}"
            if shards.get(key) == shard:
                values = {n: c[first:last] for n, c in columns.items() if n not in HEAD}
                found[key] = RunSeries(
                    columns["time"][first:last], columns["digest"][first:last], values, units
                )
    return found


def row_record(row: Sequence[Any]) -> RunRecord:
    """Read a row of the ledger."""
    cells = dict(zip(COLUMNS, row, strict=True))
    del cells["key"], cells["shard"]
    cells["outcomes"] = {name: float(value) for name, value in json.loads(cells["outcomes"]).items()}
    cells["digest"] = int(cells["digest"], 16)
    return RunRecord(**cells)


def is_results(path: Path) -> bool:
    """Whether a folder was written by a store (perhaps one that was interrupted)."""
    return (path / MANIFEST).exists() or (path / LEDGER).exists()


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger for reading, with its log after a crash, and also in a folder that is read-only."""
    for mode in ("mode=rw", "mode=ro", "mode=ro&immutable=1"):
        try:
            ledger = sqlite3.connect(f"{file.resolve().as_uri()}?{mode}", uri=True)
        except sqlite3.OperationalError:
            continue
        try:
            ledger.execute("SELECT count(*) FROM runs").fetchone()
        except sqlite3.OperationalError:
            ledger.close()
            continue
        try:
            yield ledger
        finally:
            ledger.close()
        return
    raise ResultsError(f"{file}: not a ledger of runs, or not readable")


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what the disk or the database says into an error that names the folder."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise ResultsError(f"{path}: {error}") from error
