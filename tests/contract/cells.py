"""One collector and its cluster, and runs of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from contract.scenes import Scene
from support.toy import PodsByNode
from xpjob.collect.contract import Collector, Plan, Section
from xpjob.config.option import Config, load
from xpjob.demo.api import write_kubeconfig
from xpjob.demo.cluster import Cluster, Fault
from xpjob.kube.options import KubeOptions
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.run.options import RunOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal.progress import Silent

TOKEN = "contract-token"


class Cell:
    """One collector and its cluster, served; ``store`` is the directory of its snapshots."""

    def __init__(self, scene: Scene, directory: Path, url: str, cluster: Cluster) -> None:
        self.scene, self.cluster, self.url = scene, cluster, url
        self.store = directory / "store"
        self.kubeconfig = write_kubeconfig(directory / "kubeconfig", url, TOKEN)

    def config(self, **given: str) -> Config:
        """Return the configuration of a run in pages of two objects."""
        own = {
            "kubeconfig": str(self.kubeconfig),
            "page_size": "2",
            "store_backend": "directory",
            "store_dir": str(self.store),
            **self.scene.options,
        }
        groups = (NetOptions, KubeOptions, RunOptions, StoreOptions, PublishOptions)
        return load({**own, **given}, {}, (*groups, self.scene.collector.options))

    def run(self, **given: str) -> Result:
        """Run the job with this collector alone."""
        return job.run(self.config(**given), (self.scene.collector,), Silent())

    def stored(self) -> dict[str, Any]:
        """Return the stored snapshot."""
        document: dict[str, Any] = json.loads((self.store / "snapshot.json").read_bytes())
        return document

    def rows(self) -> dict[str, list[Any]]:
        """Return the rows of the collector's tables in the stored snapshot."""
        stored = self.stored()
        return {table["key"]: stored[table["key"]] for table in stored["tables"]}

    def rows_of_objects(self) -> dict[str, list[Any]]:
        """Return the rows without what depends on when, and how well, a run went."""
        rows = without_times(self.rows())
        how = self.scene.how
        return {
            key: [{k: v for k, v in r.items() if k not in how} for r in rows[key]] for key in rows
        }

    def fail(self, page: int) -> None:
        """Let that page (from 1) of the collector's paged list fail from now on."""
        path, asked = self.scene.listed.path(), 0

        def fault(asked_path: str, query: dict[str, str]) -> Fault | None:
            nonlocal asked
            if asked_path != path:
                return None
            asked = asked + 1 if query.get("continue") else 1
            return Fault(403) if asked == page else None

        self.cluster.fault = fault


def without_times(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return rows without what depends on when a run was."""
    ours = (
        *("firstSeenAt", "carriedSince", "notReadySince", "notSyncedSince", "pausedSince"),
        *("since", "until", "lastSuccessAt"),
    )
    return {
        key: sorted(({k: v for k, v in row.items() if k not in ours} for row in some), key=str)
        for key, some in rows.items()
    }


def idle() -> Collector:
    """Return a second collector, which lists nothing and always works."""
    made = PodsByNode()
    made.name = "other"
    made.tables = [replace(table, key="otherPods") for table in made.tables]
    made.plan = lambda world: Plan()  # type: ignore[method-assign]  # noqa: ARG005
    made.finish = lambda *_: Section({"otherPods": []})  # type: ignore[method-assign]
    made.metrics = lambda *_: iter(())  # type: ignore[method-assign]
    return made


def with_finish(collector: Collector, finish: Callable[..., Section]) -> Collector:
    """Return a collector that makes its section in another way."""
    made = copy.copy(collector)
    made.finish = finish  # type: ignore[method-assign]
    return made
