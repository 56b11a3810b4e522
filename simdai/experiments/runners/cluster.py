"""Runs over the workers of a Dask cluster."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from simdai.errors import EngineError, ScenarioError
from simdai.experiments.plan import Plan, Task
from simdai.experiments.runners import worker
from simdai.experiments.runners.pool import without_main
from simdai.experiments.runners.progress import bar
from simdai.experiments.runners.windowed import Lost, Sink, windowed
from simdai.experiments.store import Finished
from simdai.experiments.work import Work

PATIENCE = 60.0  # seconds that a cluster without workers is waited for
LOOK_AROUND = 2.0  # seconds between two counts of the workers


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask cluster make the runs.

    Parameters
    ----------
    address : ``tcp://host:port`` of a scheduler, or ``local:4`` to start four processes on this machine
    """

    address: str

    @property
    def workers(self) -> int:
        """How many there will be, as far as is known beforehand."""
        return self._local or 1

    @property
    def _local(self) -> int:
        """Number of processes to start; 0 for a cluster that runs already."""
        kind, _, count = self.address.partition(":")
        if kind != "local":
            return 0
        if not count.isdigit() or not int(count):
            raise ScenarioError(f"cluster {self.address!r}; local:N with N >= 1, or tcp://host:port")
        return int(count)

    @contextmanager
    def session(self, plan: Plan, most: int | None = None) -> Iterator[Any]:
        """Find the cluster, or start one; see `Runner`.

        Raises
        ------
        EngineError : Dask is not installed, the scheduler cannot be reached or is lost, or the workers run
            other code than this process
        """
        import cloudpickle

        with self._client() as client:
            crew = DaskCrew(client, cloudpickle.dumps(plan))

            def run(work: Work, sink: Sink, progress: bool | None = None) -> None:
                with bar(work.total, progress) as shown:
                    windowed(work, sink, crew, shown)

            with crew.working():
                yield run

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            raise EngineError("a cluster needs Dask; pip install 'simdai[cluster]'") from None
        if not self._local:
            try:
                client = Client(self.address, timeout="15s", set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise EngineError(f"no Dask scheduler answers at {self.address} ({error})") from None
            with client:
                yield client
            return
        import dask.config

        # A worker that dies takes its batch along; which run is to blame is found out here, one by one.
        with dask.config.set({"distributed.scheduler.allowed-failures": 0}), without_main():
            cluster = LocalCluster(
                n_workers=self._local,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                memory_limit=0,
                silence_logs=50,
            )
        try:
            with Client(cluster, set_as_default=False) as client:
                yield client
        finally:
            cluster.close()


class DaskCrew:
    """The workers of a cluster; see `Crew`."""

    def __init__(self, client: Any, payload: bytes) -> None:
        self._client = client
        self._payload = payload
        self._token = uuid.uuid4().hex
        self._size = 0
        self._counted = -LOOK_AROUND

    broken = False  # the scheduler replaces workers; without a scheduler nothing can be replaced

    def restart(self) -> None:
        raise AssertionError("a Dask cluster is never restarted from here")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let every worker, also one that comes later, know the plan."""
        self._wait_for_workers()
        self._check_code()
        name = f"simdai-{self._token}"
        self._client.register_plugin(plan_holder(self._token, self._payload), name=name)
        try:
            yield
        finally:
            with suppress(Exception):  # the cluster may be gone, and the plan with it
                self._client.unregister_worker_plugin(name)

    def _wait_for_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise EngineError(f"the Dask cluster has had no workers for {PATIENCE:g} s") from None

    def _check_code(self) -> None:
        own = worker.code()
        other = sorted(address for address, found in self._client.run(worker.code).items() if found != own)
        if other:
            raise EngineError(
                f"{len(other)} Dask workers ({other[0]}, …) run other code of simdai than this process; "
                "install the same version there"
            )

    @property
    def size(self) -> int:
        now = time.monotonic()
        if now - self._counted > LOOK_AROUND:
            self._alive()
            self._size = sum(self._client.nthreads().values())
            self._counted = now
        return max(self._size, 1)

    def _alive(self) -> None:
        if self._client.status not in ("running", "connecting", "newly-created"):
            raise EngineError(
                f"the Dask scheduler is lost ({self._client.status}); the same command goes on from here"
            )

    def submit(self, batch: list[Task]) -> Any:
        return self._client.submit(worker.batch, self._token, batch, pure=False)

    def collect(self, future: Any) -> list[Finished]:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return worker.opened(future.result())
        except KilledWorker:
            raise Lost("the Dask worker died twice in this run; often memory ran out") from None
        except (CancelledError, CommClosedError, KeyError) as error:
            self._alive()
            raise Lost(f"the Dask worker was lost twice in this run ({type(error).__name__})") from None
        finally:
            future.release()


def plan_holder(token: str, payload: bytes) -> Any:
    """A plugin by which a worker holds the plan; made here, since Dask is imported only when it is used."""
    from distributed import WorkerPlugin

    class PlanHolder(WorkerPlugin):  # type: ignore[misc]
        """Holds one plan while a study runs."""

        def setup(self, worker: Any) -> None:
            from simdai.experiments.runners import worker as inside

            inside.receive(token, payload)

        def teardown(self, worker: Any) -> None:
            from simdai.experiments.runners import worker as inside

            inside.forget(token)

    return PlanHolder()
