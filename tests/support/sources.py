"""A served cluster with widgets and gadgets, and runs of the sources collector over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.pods import TOKEN, Pods
from xpjob.collectors.sources.collector import Sources
from xpjob.collectors.sources.options import SourcesOptions
from xpjob.config.option import Config, load
from xpjob.demo.cluster import CONFIGMAP, Cluster
from xpjob.kube.discovery import Kind
from xpjob.kube.options import KubeOptions
from xpjob.publish.options import PublishOptions
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal.progress import Silent

WIDGET = Kind("example.org", "v1", "widgets", "Widget", True, frozenset({"things"}))
GADGET = Kind("example.org", "v1", "gadgets", "Gadget", False, frozenset({"things"}))
POD = Kind("", "v1", "pods", "Pod", True)
METRIC_SOURCE = Kind("clusterpulse.io", "v1alpha1", "metricsources", "MetricSource", True)
KINDS = (WIDGET, GADGET, POD, METRIC_SOURCE)

Json = dict[str, Any]

COUNT = """\
apiVersion: clusterpulse.io/v1alpha1
kind: MetricSource
metadata: {name: %(name)s}
spec:
  source: {apiVersion: example.org/v1, kind: %(kind)s, scope: %(scope)s}
  fields: [{name: size, path: spec.size, type: integer}]
  aggregations: [{name: %(family)s, function: count}]
"""
STATE = """\
spec:
  resources:
    - groupVersionKind: {group: example.org, version: v1, kind: Widget}
      labelsFromPath: {name: [metadata, name]}
      metrics:
        - name: %(family)s
          help: Size.
          each: {type: %(type)s, %(key)s: {path: [spec, size]%(more)s}}
"""


def count(name: str, family: str = "", kind: str = "Widget") -> str:
    """Return a MetricSource that counts objects, with a table of their sizes."""
    scope = "Namespaced" if kind in ("Widget", "Pod") else "Cluster"
    return COUNT % {"name": name, "family": family or name, "kind": kind, "scope": scope}


def gauge(family: str) -> str:
    """Return a configuration of kube-state-metrics with the sizes of widgets."""
    return STATE % {"family": family, "type": "Gauge", "key": "gauge", "more": ""}


def state_set(family: str) -> str:
    """Return a configuration of kube-state-metrics with a family of another type."""
    more = ", labelName: size, list: [a]"
    return STATE % {"family": family, "type": "StateSet", "key": "stateSet", "more": more}


def widget(namespace: str, name: str, size: Any = 1, **labels: str) -> Json:
    """Return a widget."""
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"metadata": metadata, "spec": {"size": size}}


def labelled(namespace: str, name: str, *texts: str) -> Json:
    """Return a ConfigMap with sources."""
    labels = {"xp-tracker.kanzi.io/config": "sources"}
    data = {f"{number}.yaml": text for number, text in enumerate(texts)}
    return {"metadata": {"namespace": namespace, "name": name, "labels": labels}, "data": data}


def fill_things(cluster: Cluster) -> None:
    """Put widgets, gadgets and pods of many states into a cluster."""
    for number in range(7):
        item = widget(f"team-{number % 3}", f"w{number}", number)
        metadata = item["metadata"]
        metadata["labels"] = {"app": "web" if number % 2 else "db", "example.org/x": str(number)}
        metadata["annotations"] = {"example.org/owner": f"owner-{number % 4}"}
        metadata["creationTimestamp"] = f"2026-08-{number + 1:02}T09:00:00Z"
        item["spec"]["storage"] = ("1Gi", "500Mi", "0.5", "bad", None)[number % 5]
        status = ("True", "False", "Unknown")[number % 3]
        conditions = [{"type": "Ready", "status": status}, {"type": "Synced", "status": "True"}]
        item["status"] = {"phase": ("Up", "Down", "Other")[number % 3], "conditions": conditions}
        cluster.apply(WIDGET, item)
    for number in range(3):
        gadget = {"metadata": {"name": f"g{number}"}, "spec": {"size": number + 0.5}}
        cluster.apply(GADGET, gadget)
    for number in range(5):
        container = {"name": "main", "resources": {"requests": {"cpu": "100m"}}}
        pod = {
            "metadata": {"name": f"p{number}", "namespace": f"team-{number % 2}"},
            "spec": {"containers": [container, {"name": "side"}]},
            "status": {"qosClass": ("Burstable", "BestEffort")[number % 2]},
        }
        cluster.apply(POD, pod)


class Site(Pods):
    """A served cluster, a directory with documents, and runs over it."""

    def __init__(self, directory: Path, url: str, cluster: Cluster) -> None:
        super().__init__(directory, url, cluster)
        self.documents = directory / "sources"
        self.documents.mkdir()

    def write(self, name: str, *texts: str) -> None:
        """Write a file with documents."""
        (self.documents / f"{name}.yaml").write_text("\n---\n".join(texts))

    def config_map(self, namespace: str, name: str, *texts: str) -> None:
        """Apply a ConfigMap with sources."""
        self.cluster.apply(CONFIGMAP, labelled(namespace, name, *texts))

    def config(self, **given: str) -> Config:
        """Return the configuration of a run in pages of four."""
        own = {
            "kubeconfig": str(self.kubeconfig),
            "page_size": "4",
            "store_backend": "directory",
            "store_dir": str(self.directory / "store"),
            "publish": f"textfile:{self.directory / 'xpjob.prom'}",
            "metric_sources": str(self.documents) if any(self.documents.iterdir()) else "",
        }
        own_groups = (RunOptions, ShardOptions, SourcesOptions)
        groups = (KubeOptions, StoreOptions, PublishOptions, *own_groups)
        return load({**own, **given}, {}, groups)

    def run_sources(self, *others: Any, **given: str) -> Result:
        """Run the job with the sources collector, after others."""
        self.cluster.requests.clear()
        return job.run(self.config(**given), (*others, Sources()), Silent())

    def sources(self) -> dict[str, Json]:
        """Return the rows of the table of sources, by name."""
        return {row["source"]: row for row in self.stored()["sources"]}

    def exposed(self, prefix: str) -> list[str]:
        """Return the exposed series that begin with a text, without empty namespaces."""
        lines = (self.directory / "xpjob.prom").read_text().splitlines()
        return [
            line.replace('namespace="",', "").replace('{namespace=""}', "")
            for line in lines
            if line.startswith(prefix)
        ]


__all__ = ["TOKEN", "Site"]
