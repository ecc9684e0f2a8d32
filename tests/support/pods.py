"""A served cluster with pods, and runs of collectors over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xpjob.collect.contract import Collectors
from xpjob.config.option import Config, load
from xpjob.demo.api import write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.kube.options import KubeOptions
from xpjob.publish.options import PublishOptions
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.run.options import RunOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal.progress import Silent

TOKEN = "shared-token"


class Pods:
    """A served cluster with eleven pods, and runs of collectors over it."""

    def __init__(self, directory: Path, url: str, cluster: Cluster) -> None:
        self.cluster, self.directory = cluster, directory
        self.kubeconfig = write_kubeconfig(directory / "kubeconfig", url, TOKEN)

    def config(self, **given: str) -> Config:
        """Return the configuration of a run in pages of four."""
        own = {
            "kubeconfig": str(self.kubeconfig),
            "page_size": "4",
            "store_backend": "directory",
            "store_dir": str(self.directory / "store"),
            "publish": f"textfile:{self.directory / 'xpjob.prom'}",
        }
        return load({**own, **given}, {}, (KubeOptions, StoreOptions, PublishOptions, RunOptions))

    def run(self, *collectors: Any, **given: str) -> Result:
        """Run the job with these collectors."""
        made: Collectors = collectors
        self.cluster.requests.clear()
        return job.run(self.config(**given), made, Silent())

    def asked(self) -> list[str]:
        """Return the lists of pods that were asked for, page by page, from the API's log."""
        return [
            f"{path} {query.get('labelSelector', '')}".strip()
            for path, query in self.cluster.requests
            if path.endswith("/pods")
        ]

    def stored(self) -> dict[str, Any]:
        """Return the stored snapshot."""
        found: dict[str, Any] = json.loads((self.directory / "store/snapshot.json").read_bytes())
        return found
