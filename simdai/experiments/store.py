"""A results folder: what was asked (manifest), one row a run (SQLite), series and traces (Parquet).

The row in ``ledger.sqlite`` is the commit. A shard of series is on disk, complete, before the rows that name
it; a shard that no row names was left by a crash and is swept away when the folder is next written to.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError
from simdai.experiments.folder import (
    COLUMNS,
    HEAD,
    LEDGER,
    LOCK,
    MANIFEST,
    POINTS,
    SCENARIO,
    SERIES,
    STUDY,
    TABLES,
    TRACE,
    WRITER,
    is_results,
    read_manifest,
    reported,
    row_record,
)
from simdai.results import Results, RunRecord, RunSeries, result_hash, rows_hash

WAIT, WAIT_SHARE = 1.0, 0.01  # finished runs wait for so many seconds, or this share of the time so far
LARGEST_WAIT = 64 << 20  # bytes of series that wait


@dataclass(frozen=True)
class Finished:
    """A run as it comes out of a worker.

    Parameters
    ----------
    record : the line of the ledger
    series : what it recorded, None for a failed run
    units : outcome name to unit
    trace : column name to array, None unless a trace was asked for
    """

    record: RunRecord
    series: RunSeries | None = None
    units: Mapping[str, str] | None = None
    trace: Mapping[str, NDArray[Any]] | None = None

    @property
    def size(self) -> int:
        """Bytes of the series, about."""
        return 0 if self.series is None else 8 * len(self.series.times) * (2 + len(self.series.values))


@dataclass(frozen=True)
class Tally:
    """What came of a set of runs.

    Parameters
    ----------
    ok, failed : how many
    events : of the good ones
    seconds : of computing, all runs
    kernel : names of the kernels used
    hash : of all runs in key order
    """

    ok: int
    failed: int
    events: int
    seconds: float
    kernel: str
    hash: str


def tally(records: Iterable[RunRecord]) -> Tally:
    """Count runs that are in memory."""
    made = list(records)
    good = [record for record in made if record.status == "ok"]
    return Tally(
        ok=len(good),
        failed=len(made) - len(good),
        events=sum(record.n_events for record in good),
        seconds=sum(record.seconds for record in made),
        kernel=", ".join(sorted({record.kernel for record in good})),
        hash=result_hash(made),
    )


class Store:
    """A results folder opened for writing, by one writer at a time.

    Runs that are added wait a little, so that a shard holds many; `flush` and `close` write what waits.

    Parameters
    ----------
    path : the folder; made where it is missing

    Raises
    ------
    ResultsError : another process is writing there, or the folder holds something else
    """

    def __init__(self, path: Path) -> None:
        from filelock import FileLock, Timeout

        self.path = path
        with reported(path):
            if path.exists() and not path.is_dir():
                raise ResultsError(f"{path} is a file; choose another folder with --out")
            if path.is_dir() and not is_results(path) and any(map(foreign, path.iterdir())):
                raise ResultsError(
                    f"{path} holds files that are not results of simdai; choose another folder with --out"
                )
            path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path / LOCK)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise ResultsError(
                    f"{path}: another run is writing there{writer(path)}; wait for it, or choose another "
                    "folder with --out"
                ) from None
            write_atomically(path / WRITER, json.dumps(whoami()).encode())
        self._ledger: sqlite3.Connection | None = None
        self._waiting: list[Finished] = []
        self._size = 0
        self._begun = self._flushed = time.monotonic()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def manifest(self) -> dict[str, Any] | None:
        """The manifest as stored, None in a new folder."""
        return read_manifest(self.path) if (self.path / MANIFEST).exists() else None

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest and the scenario as given, and open the ledger."""
        with reported(self.path):
            (self.path / SERIES).mkdir(exist_ok=True)
            self.write_manifest(manifest)
            for name, part in ((SCENARIO, "scenario"), (STUDY, "study")):
                if part in manifest:
                    write_atomically(self.path / name, str(manifest[part].get("text", "")).encode())
            kept = {row[0] for row in self._open().execute("SELECT DISTINCT shard FROM runs")}
            for shard in (self.path / SERIES).iterdir():
                if shard.name not in kept:
                    shard.unlink()

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest in one step."""
        text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with reported(self.path):
            write_atomically(self.path / MANIFEST, text.encode())

    def clear(self) -> None:
        """Take away what an earlier run left."""
        self._shut()
        with reported(self.path):
            for name in (SERIES, TRACE):
                shutil.rmtree(self.path / name, ignore_errors=True)
            ledger = (LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm")
            names = (*ledger, SCENARIO, STUDY, POINTS, "report.html", MANIFEST)
            for name in names:
                (self.path / name).unlink(missing_ok=True)

    def add(self, finished: Sequence[Finished]) -> None:
        """Take runs, and commit those that wait if it is time."""
        self._waiting += finished
        self._size += sum(one.size for one in finished)
        now = time.monotonic()
        if now - self._flushed > max(WAIT, WAIT_SHARE * (now - self._begun)) or self._size > LARGEST_WAIT:
            self.flush()

    def flush(self) -> None:
        """Commit the runs that wait: their shards first, then their rows in one transaction."""
        finished, self._waiting, self._size = self._waiting, [], 0
        self._flushed = time.monotonic()
        if not finished:
            return
        with reported(self.path):
            shards = self._write_series(finished)
            for one in finished:
                if one.trace is not None:
                    write_trace(self.path / TRACE / f"{one.record.key}.parquet", one.trace)
            rows = [record_row(one.record, shards.get(one.record.key, "")) for one in finished]
            units = {name: unit for one in finished for name, unit in (one.units or {}).items()}
            ledger = self._open()
            marks = ", ".join("?" * len(COLUMNS))
            with ledger:
                ledger.executemany(f"INSERT OR REPLACE INTO runs VALUES ({marks})", rows)
                ledger.executemany("INSERT OR REPLACE INTO units VALUES (?, ?)", sorted(units.items()))

    def records(self, point: int | None = None) -> list[RunRecord]:
        """The rows committed so far, of all points or of one."""
        where = "" if point is None else f" WHERE point = {int(point)}"
        rows = self._open().execute(f"SELECT {', '.join(COLUMNS)} FROM runs{where}")
        return [row_record(row) for row in rows]

    def done(self) -> Iterator[tuple[int, int]]:
        """Walk (point, replication) of the good runs committed so far."""
        yield from self._open().execute("SELECT point, replication FROM runs WHERE status = 'ok'")

    def tally(self) -> Tally:
        """Count the rows committed so far."""
        ledger = self._open()
        ok, failed, events, seconds = ledger.execute(
            "SELECT ifnull(sum(status = 'ok'), 0), ifnull(sum(status <> 'ok'), 0), "
            "ifnull(sum(n_events), 0), ifnull(sum(seconds), 0.0) FROM runs"
        ).fetchone()
        kernels = ledger.execute("SELECT DISTINCT kernel FROM runs WHERE status = 'ok' ORDER BY kernel")
        rows = ledger.execute("SELECT key, status, content FROM runs ORDER BY point, replication")
        kernel = ", ".join(name for (name,) in kernels)
        return Tally(ok, failed, events, seconds, kernel, rows_hash(rows))

    def write_points(self, table: Any) -> None:
        """Keep the points of a study, a pyarrow table; nothing happens where they are kept already."""
        if not (self.path / POINTS).exists():
            with reported(self.path):
                write_parquet(self.path / POINTS, table)

    def close(self) -> None:
        """Fold the log into the ledger and let the next writer in; runs that still wait are not written."""
        self._shut()
        (self.path / WRITER).unlink(missing_ok=True)
        self._lock.release()

    def _shut(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def _open(self) -> sqlite3.Connection:
        if self._ledger is None:
            self._ledger = sqlite3.connect(self.path / LEDGER)
            self._ledger.execute("PRAGMA journal_mode=WAL")
            self._ledger.execute("PRAGMA synchronous=NORMAL")
            self._ledger.executescript(TABLES)
        return self._ledger

    def _write_series(self, finished: Sequence[Finished]) -> dict[str, str]:
        """Write one shard for the runs that recorded the same series; return run key to shard name."""
        groups: dict[tuple[str, ...], list[Finished]] = {}
        for one in finished:
            if one.series is not None:
                groups.setdefault(tuple(one.series.values), []).append(one)
        shards = {}
        for group in groups.values():
            stem = group[0].record.key if len(group) == 1 else f"{group[0].record.key}_{group[-1].record.key}"
            name, count = f"{stem}.parquet", 1
            while (self.path / SERIES / name).exists():
                count += 1
                name = f"{stem}_{count}.parquet"
            write_shard(self.path / SERIES / name, group)
            shards.update({one.record.key: name for one in group})
        return shards


def save(results: Results, path: Path) -> Path:
    """Write results that are in memory to a new folder."""
    with Store(path) as store:
        if store.manifest is not None:
            raise ResultsError(f"{path} holds results already; choose another folder")
        store.begin(results.provenance)
        series = results.run_series
        store.add([Finished(r, series.get(r.key), results.units) for r in results.records])
        store.flush()
    return path


def whoami() -> dict[str, Any]:
    """What this process tells those who find the folder in use."""
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"process": os.getpid(), "host": socket.gethostname(), "since": since}


def writer(path: Path) -> str:
    """Say who writes in a folder, empty where that is not known."""
    try:
        who = json.loads((path / WRITER).read_text(encoding="utf-8"))
        return f" (process {who['process']} on {who['host']}, since {who['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def write_shard(file: Path, group: Iterable[Finished]) -> None:
    """Write the series of runs below one another, with the units in the file's metadata."""
    import pyarrow as pa

    columns: dict[str, list[NDArray[Any]]] = {}
    units: dict[str, str] = {}
    for one in group:
        series, record = one.series, one.record
        assert series is not None
        n = len(series.times)
        head: tuple[NDArray[Any], ...] = (
            np.full(n, record.point, np.int32),
            np.full(n, record.replication, np.int32),
            np.asarray(series.times, np.float64),
            np.asarray(series.digests, np.uint64),
        )
        for name, column in zip(HEAD, head, strict=True):
            columns.setdefault(name, []).append(column)
        for name, values in series.values.items():
            columns.setdefault(name, []).append(values)
        units.update(series.units)
    table = pa.table({name: np.concatenate(parts) for name, parts in columns.items()})
    write_parquet(file, table.replace_schema_metadata({"units": json.dumps(units)}))


def write_trace(file: Path, trace: Mapping[str, NDArray[Any]]) -> None:
    """Write the events of one run."""
    import pyarrow as pa

    file.parent.mkdir(exist_ok=True)
    write_parquet(file, pa.table(dict(trace)))


def write_parquet(file: Path, table: Any) -> None:
    """Write a table so that the file is either whole or not there."""
    import pyarrow.parquet as pq

    unfinished = file.with_name(f".{file.name}.unfinished")
    pq.write_table(table, unfinished, compression="zstd")
    settle(unfinished, file)


def write_atomically(file: Path, content: bytes) -> None:
    """Replace a file in one step."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.write_bytes(content)
    settle(unfinished, file)


def settle(unfinished: Path, file: Path) -> None:
    """Bring a written file to disk, then under its name."""
    with open(unfinished, "rb+") as stream:
        os.fsync(stream.fileno())
    os.replace(unfinished, file)


def record_row(record: RunRecord, shard: str) -> tuple[Any, ...]:
    """Write a record as a row of the ledger; infinities are kept as text, which JSON lacks a number for."""
    outcomes = {n: v if math.isfinite(v) else str(v) for n, v in record.outcomes.items()}
    return (
        record.key,
        record.point,
        record.replication,
        record.status,
        json.dumps(outcomes, allow_nan=False),
        record.error,
        record.seconds,
        f"{record.digest:016x}",
        record.n_events,
        record.kernel,
        record.content,
        shard,
    )


def foreign(file: Path) -> bool:
    """Whether a file of a folder without results was left by something else than a store."""
    return not file.name.startswith((LOCK, WRITER, f".{WRITER}"))
