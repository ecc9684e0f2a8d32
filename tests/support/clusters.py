"""Clusters for tests of the collector clusters: nodes, pods, OpenShift's and OLM's objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import generate_latest

from support.capacity import CREATED, fill_cluster
from support.capacity import KINDS as CAPACITY_KINDS
from xpjob.collectors.clusters.collector import Clusters
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.kube.discovery import Kind
from xpjob.publish import exposition
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.snapshot.documents import decode_raw
from xpjob.terminal.progress import Silent

Json = dict[str, Any]

DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment", True)
CLUSTER_VERSION = Kind("config.openshift.io", "v1", "clusterversions", "ClusterVersion", False)
CLUSTER_OPERATOR = Kind("config.openshift.io", "v1", "clusteroperators", "ClusterOperator", False)
SUBSCRIPTION = Kind("operators.coreos.com", "v1alpha1", "subscriptions", "Subscription", True)
CSV = Kind(
    "operators.coreos.com", "v1alpha1", "clusterserviceversions", "ClusterServiceVersion", True
)
OPERATOR_GROUP = Kind("operators.coreos.com", "v1", "operatorgroups", "OperatorGroup", True)
EXTENSION = Kind("olm.operatorframework.io", "v1", "clusterextensions", "ClusterExtension", False)
OPENSHIFT = (CLUSTER_VERSION, CLUSTER_OPERATOR)
OLM = (SUBSCRIPTION, CSV, OPERATOR_GROUP)
CORE = (*CAPACITY_KINDS, DEPLOYMENT)
KINDS = (*CORE, *OPENSHIFT, *OLM, EXTENSION)


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> Json:
    """Return a condition."""
    told = {"reason": reason, "message": message}
    return {"type": kind, "status": status, "lastTransitionTime": CREATED, **told}


def named(name: str, namespace: str = "", **more: Any) -> Json:
    """Return metadata."""
    within = {"namespace": namespace} if namespace else {}
    return {"name": name, **within, "uid": f"uid-{namespace}-{name}", **more}


def cluster_version(
    desired: str,
    history: Sequence[tuple[str, str]],
    *,
    conditions: Sequence[Json] = (),
    updates: Sequence[str] = (),
) -> Json:
    """Return the ClusterVersion; ``history`` are pairs of state and version, the newest first."""
    return {
        "metadata": named("version"),
        "spec": {"channel": "stable-4.18", "clusterID": "7c5c6d5e"},
        "status": {
            "desired": {"version": desired},
            "history": [{"state": state, "version": version} for state, version in history],
            "conditions": list(conditions),
            "availableUpdates": [{"version": version} for version in updates] or None,
        },
    }


def cluster_operator(name: str, **conditions: str) -> Json:
    """Return a ClusterOperator with the status of each condition."""
    made = [
        condition(kind, status, "AsExpected", f"{kind} of {name}")
        for kind, status in conditions.items()
    ]
    versions = [{"name": "operator", "version": "4.18.1"}]
    return {"metadata": named(name), "status": {"conditions": made, "versions": versions}}


def subscription(
    package: str,
    namespace: str,
    installed: str = "",
    current: str = "",
    *,
    approval: str = "Automatic",
    state: str = "AtLatestKnown",
    conditions: Sequence[Json] = (),
) -> Json:
    """Return a Subscription."""
    return {
        "metadata": named(package, namespace),
        "spec": {
            "name": package,
            "channel": "stable",
            "source": "community",
            "installPlanApproval": approval,
        },
        "status": {
            "state": state,
            "installedCSV": installed,
            "currentCSV": current or installed,
            "conditions": list(conditions),
        },
    }


def csv(name: str, namespace: str, phase: str = "Succeeded", **metadata: Any) -> Json:
    """Return a ClusterServiceVersion."""
    version = name.partition(".v")[2]
    spec = {"displayName": name.title(), "version": version, "provider": {"name": "Example"}}
    status = {"phase": phase, "reason": "InstallCheck", "message": f"phase {phase}"}
    return {
        "metadata": named(name, namespace, **metadata),
        "spec": spec,
        "status": {**status, "lastTransitionTime": CREATED},
    }


def operator_group(namespace: str, *targets: str) -> Json:
    """Return an OperatorGroup that targets namespaces, or all (an empty name)."""
    return {"metadata": named("group", namespace), "status": {"namespaces": list(targets)}}


def extension(package: str, version: str, *conditions: Json) -> Json:
    """Return a ClusterExtension."""
    bundle = {"name": f"{package}.v{version}", "version": version}
    catalog = {"packageName": package, "channels": ["stable"]}
    return {
        "metadata": named(f"my-{package}"),
        "spec": {"namespace": f"{package}-system", "source": {"catalog": catalog}},
        "status": {"install": {"bundle": bundle}, "conditions": list(conditions)},
    }


def deployment(name: str, namespace: str = "team-a") -> Json:
    """Return a Deployment."""
    return {"metadata": named(name, namespace), "spec": {"replicas": 1}}


def fill_clusters(cluster: Cluster) -> None:
    """Fill a cluster with nodes and pods of every sort, and operators of every sort."""
    fill_cluster(cluster)
    for number in range(5):
        cluster.apply(DEPLOYMENT, deployment(f"web-{number}"))
    history = [("Partial", "4.18.2"), ("Completed", "4.18.1"), ("Completed", "4.17.9")]
    version = cluster_version("4.18.2", history, updates=("4.18.9", "4.18.10"))
    cluster.apply(CLUSTER_VERSION, version)
    fine = {"Available": "True", "Progressing": "False", "Degraded": "False"}
    for made in (
        cluster_operator("dns", **fine),
        cluster_operator("etcd", **fine, Upgradeable="False"),
        cluster_operator("ingress", Available="True", Degraded="True"),
        cluster_operator("network", Available="False", Progressing="True"),
        cluster_operator("storage", Available="Unknown"),
    ):
        cluster.apply(CLUSTER_OPERATOR, made)
    resolution = condition(
        "ResolutionFailed", "True", "ConstraintsNotSatisfiable", "no such channel"
    )
    for made in (
        subscription("cert-manager", "operators", "cert-manager.v1.17.0"),
        subscription("logging", "logging", "logging.v6.1.0", "logging.v6.2.0"),
        subscription(
            "metallb",
            "metallb",
            "metallb.v4.17.0",
            "metallb.v4.18.0",
            approval="Manual",
            state="UpgradePending",
        ),
        subscription("broken", "operators", conditions=[resolution]),
    ):
        cluster.apply(SUBSCRIPTION, made)
    copied = {"olm.copiedFrom": "operators"}
    for made in (
        csv("cert-manager.v1.17.0", "operators"),
        csv("cert-manager.v1.17.0", "team-a", labels=copied),
        csv("cert-manager.v1.17.0", "team-b", labels=copied),
        csv("logging.v6.1.0", "logging", "Failed"),
        csv("metallb.v4.17.0", "metallb"),
        csv("packageserver", "operators"),
    ):
        cluster.apply(CSV, made)
    cluster.apply(OPERATOR_GROUP, operator_group("operators", ""))
    cluster.apply(OPERATOR_GROUP, operator_group("logging", "logging", "team-a"))
    done = (condition("Installed"), condition("Progressing", "True", "Succeeded"))
    stuck = (condition("Installed"), condition("Progressing", "True", "Retrying", "no bundle"))
    cluster.apply(EXTENSION, extension("argocd", "0.9.0", *done))
    cluster.apply(EXTENSION, extension("kyverno", "1.14.0", *stuck))


class ClustersCluster:
    """A served cluster; ``store`` is the directory of the snapshots."""

    def __init__(self, cluster: Cluster, kubeconfig: Path, store: Path) -> None:
        self.cluster, self.kubeconfig, self.store = cluster, kubeconfig, store

    def run(self, **given: str) -> Result:
        """Run the job with this collector alone."""
        own = {
            "kubeconfig": str(self.kubeconfig),
            "collectors": "clusters",
            "store_backend": "directory",
            "store_dir": str(self.store),
            "page_size": "2",
        }
        return job.run(load({**own, **given}, {}, GROUPS), (Clusters(),), Silent())

    def rows(self, key: str) -> list[Json]:
        """Return the rows of a table in the stored snapshot."""
        body = (self.store / "snapshot.json").read_bytes()
        rows = decode_raw(body, "store").keys[key]
        decoded: list[Json] = msgspec.json.decode(rows)
        return decoded

    def facts(self) -> dict[str, Any]:
        """Return the value, or else the text, of each fact."""
        return {
            row["fact"]: row["text"] if row["value"] is None else row["value"]
            for row in self.rows("clusterFacts")
        }


def series(result: Result) -> dict[str, float]:
    """Return the series that a run pushes."""
    assert result.snapshot is not None
    tables = result.snapshot.head.metrics or []
    text = generate_latest(
        exposition.registry([family for table in tables for family in table.metrics()])
    ).decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@contextmanager
def clusters_cluster(
    directory: Path,
    fill: Callable[[Cluster], None] = fill_clusters,
    kinds: Sequence[Kind] = KINDS,
) -> Iterator[ClustersCluster]:
    """Serve a cluster."""
    cluster = Cluster(tuple(kinds), token="clusters-token")
    fill(cluster)
    with Server(create_app(cluster)) as server:
        kubeconfig = write_kubeconfig(directory / "kubeconfig", server.url, cluster.token)
        yield ClustersCluster(cluster, kubeconfig, directory / "store")


def one(rows: Sequence[Mapping[str, Any]], **expected: object) -> Mapping[str, Any]:
    """Return the only row with these values."""
    (row,) = [row for row in rows if all(row[name] == v for name, v in expected.items())]
    return row
