"""A served cluster with workloads, and runs of the collector ``deployments`` over it."""

from __future__ import annotations

from typing import Any

from support.pods import Pods
from support.workloads import POD, Json
from xpjob.collectors.deployments.collector import Deployments
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.config.option import Config, load
from xpjob.demo.cluster import Cluster
from xpjob.kube.options import KubeOptions
from xpjob.publish.options import PublishOptions
from xpjob.run.job import Result
from xpjob.run.options import RunOptions
from xpjob.store.options import StoreOptions

Row = dict[str, Any]


class Inventory(Pods):
    """A cluster whose deployments are collected, run by run."""

    last: Result

    def config(self, **given: str) -> Config:
        """Return the configuration of a run in pages of four."""
        own = {
            "kubeconfig": str(self.kubeconfig),
            "page_size": "4",
            "store_backend": "directory",
            "store_dir": str(self.directory / "store"),
            "publish": f"textfile:{self.directory / 'xpjob.prom'}",
        }
        groups = (KubeOptions, StoreOptions, PublishOptions, RunOptions, DeploymentOptions)
        return load({**own, **given}, {}, groups)

    def collect(self, **given: str) -> list[Row]:
        """Run the job, and return the rows of the stored table."""
        self.last = self.run(Deployments(), **given)
        rows: list[Row] = self.stored()["deployments"]
        return rows

    def put(self, *pods: Json) -> None:
        """Replace all pods of the cluster."""
        with self.cluster.locked():
            for item in self.cluster.objects(POD):
                remove(self.cluster, item)
            for item in pods:
                self.cluster.apply(POD, item)


def remove(cluster: Cluster, item: Json) -> None:
    """Remove a pod."""
    cluster.delete(POD, item["metadata"]["namespace"], item["metadata"]["name"])


def brief(rows: list[Row], *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of rows, sorted."""
    return sorted((tuple(row[column] for column in columns) for row in rows), key=str)
