"""A cluster for the capacity collector, runs over it, and a reader of what they store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from starlette.testclient import TestClient

from support.capacity import KINDS, fill_cluster
from xpjob.base import times
from xpjob.collectors import COLLECTORS
from xpjob.collectors.capacity.collector import CapacityCollector
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.commands.groups import GROUPS
from xpjob.config.option import Config, load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.reader.app import create_app as create_reader
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.store.directory import DirectoryStore
from xpjob.terminal.progress import Silent


class CapacityCluster:
    """A served cluster; ``store`` is the directory of the snapshots."""

    def __init__(self, cluster: Cluster, kubeconfig: Path, store: Path) -> None:
        self.cluster, self.kubeconfig, self.store = cluster, kubeconfig, store

    def config(self, **given: str) -> Config:
        """Return the configuration of a run."""
        own = {
            "kubeconfig": str(self.kubeconfig),
            "collectors": "capacity",
            "store_backend": "directory",
            "store_dir": str(self.store),
        }
        return load({**own, **given}, {}, GROUPS)

    def run(self, **given: str) -> Result:
        """Run the job with this collector alone."""
        return job.run(self.config(**given), (CapacityCollector(),), Silent())

    def reader(self, now: Callable[[], datetime] = times.now) -> TestClient:
        """Return a reader that has read the snapshot."""
        store = DirectoryStore(self.store)
        app = create_reader(store, self.config(), COLLECTORS, EXTENSIONS, now)
        app.state.snapshots.refresh()
        return TestClient(app, base_url="http://localhost")


@contextmanager
def capacity_cluster(
    directory: Path, fill: Callable[[Cluster], None] = fill_cluster
) -> Iterator[CapacityCluster]:
    """Serve a cluster."""
    cluster = Cluster(KINDS, token="capacity-token")
    fill(cluster)
    with Server(create_app(cluster)) as server:
        kubeconfig = write_kubeconfig(directory / "kubeconfig", server.url, cluster.token)
        yield CapacityCluster(cluster, kubeconfig, directory / "store")
