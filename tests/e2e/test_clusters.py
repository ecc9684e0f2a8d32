"""The collector clusters over a real API server, with the kinds of OpenShift and OLM."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from harness.capacity import CORDONED, LARGE, Capacity, rules
from harness.cluster import Cluster
from harness.connection import Object
from harness.controlplane import ControlPlane
from harness.job import Finished, run

from support.clusters import (
    CLUSTER_OPERATOR,
    CLUSTER_VERSION,
    CSV,
    EXTENSION,
    OPERATOR_GROUP,
    SUBSCRIPTION,
    cluster_operator,
    cluster_version,
    condition,
    csv,
    extension,
    operator_group,
    subscription,
)
from xpjob.kube.discovery import Kind

SYSTEM = "xpjob-clusters"
OPTIONAL = (CLUSTER_VERSION, CLUSTER_OPERATOR, SUBSCRIPTION, CSV, OPERATOR_GROUP, EXTENSION)
COPIES = 12
DEPLOYMENTS = 3
_COPIED = {"olm.copiedFrom": SYSTEM}


class Site(NamedTuple):
    """A run over the cluster, beside the collector capacity, and what it published."""

    cluster: Cluster
    run: Finished
    metrics: str

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        assert self.run.snapshot is not None
        rows: list[dict[str, Any]] = self.run.snapshot[table]
        return rows

    def fact(self, name: str) -> float | str | None:
        """Return a fact, None if there is none."""
        found = {row["fact"]: row["text"] or row["value"] for row in self.rows("clusterFacts")}
        return found.get(name)

    def value(self, series: str) -> float | None:
        """Return the value of a series, None if it does not exist."""
        found = re.search(rf"^clusterpulse_{re.escape(series)} (\S+)$", self.metrics, re.MULTILINE)
        return float(found[1]) if found else None


def definition(kind: Kind) -> Object:
    """Return the definition of a kind, which keeps whatever is in an object."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": kind.version, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.resource}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {"plural": kind.resource, "kind": kind.kind},
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def written(kind: Kind, item: Object) -> Object:
    """Return an object as it is applied: the server gives out the uid."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "uid"}
    version = f"{kind.group}/{kind.version}"
    return {**item, "apiVersion": version, "kind": kind.kind, "metadata": metadata}


def installed() -> Iterator[Object]:
    """Yield operators of every sort, and the parts of an OpenShift."""
    history = [("Partial", "4.18.2"), ("Completed", "4.18.1")]
    yield written(CLUSTER_VERSION, cluster_version("4.18.2", history))
    yield written(CLUSTER_OPERATOR, cluster_operator("dns", Available="True"))
    yield written(CLUSTER_OPERATOR, cluster_operator("etcd", Available="Unknown"))
    waits = {"approval": "Manual", "state": "UpgradePending"}
    for name, current, more in (
        ("logging", "logging.v6.2.0", {}),
        ("metallb", "metallb.v2.0.0", waits),
    ):
        first = f"{name}.v1.0.0"
        yield written(SUBSCRIPTION, subscription(name, SYSTEM, first, current, **more))
        phase = "Failed" if name == "logging" else "Succeeded"
        yield written(CSV, csv(first, SYSTEM, phase))
    yield written(OPERATOR_GROUP, operator_group(SYSTEM, ""))
    for number in range(COPIES):
        yield written(CSV, csv(f"copy.v1.0.{number}", SYSTEM, labels=_COPIED))
    stuck = (condition("Installed"), condition("Progressing", "True", "Retrying", "no bundle"))
    yield written(EXTENSION, extension("argocd", "0.9.0", *stuck))


def deployment(number: int) -> Object:
    """Return a Deployment; nothing runs it."""
    labels = {"app": f"web-{number}"}
    container = {"name": "app", "image": "registry.example.org/app:v1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"web-{number}", "namespace": SYSTEM},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


@pytest.fixture(scope="module")
def loaded(cluster: Cluster) -> Iterator[Cluster]:
    """Nodes, pods, and objects of every optional kind."""
    made = Capacity(cluster)
    made.load()
    cluster.namespace(SYSTEM)
    cluster.apply(*map(definition, OPTIONAL))
    cluster.apply(*installed(), *map(deployment, range(DEPLOYMENTS)))
    yield cluster
    names = [f"{kind.resource}.{kind.group}" for kind in OPTIONAL]
    cluster.kubectl("delete", "crd", *names, "--wait=true")
    cluster.kubectl("delete", "namespace", SYSTEM, "--wait=false")
    made.remove()


@pytest.fixture(scope="module")
def site(loaded: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One run with the rights of both components."""
    store = tmp_path_factory.mktemp("clusters")
    account = loaded.service_account(SYSTEM, "xpjob", [*rules("capacity"), *rules("clusters")])
    published = f"textfile:{store / 'xpjob.prom'}"
    ended = run(account, store, COLLECTORS="capacity,clusters", PUBLISH=published, PAGE_SIZE="5")
    assert ended.code == 0, ended.events
    assert ended.report is not None
    assert not ended.report["partial"], ended.events
    return Site(loaded, ended, (store / "xpjob.prom").read_text())


@pytest.mark.parametrize(
    ("fact", "listed"),
    [
        ("nodes", ("nodes",)),
        ("pods", ("pods", "-A")),
        ("podsPending", ("pods", "-A", "--field-selector=status.phase=Pending")),
        ("podsUnscheduled", ("pods", "-A", "--field-selector=spec.nodeName=")),
        ("namespaces", ("namespaces",)),
        ("deployments", ("deployments", "-A")),
    ],
)
def test_numbers_are_those_of_kubectl(site: Site, fact: str, listed: tuple[str, ...]) -> None:
    """Listed or counted, with one page or several."""
    expected = len(site.cluster.get(*listed)["items"])
    assert expected > 0
    assert site.fact(fact) == expected


def test_what_is_only_counted_costs_one_request(
    site: Site, own_control_plane: ControlPlane
) -> None:
    """Of one object, without its spec; and pods are listed once for both collectors."""
    events = site.cluster.audit_events(f"system:serviceaccount:{SYSTEM}:xpjob")
    asked = [event["requestURI"] for event in events if event["stage"] == "ResponseComplete"]
    for path in ("/api/v1/namespaces", "/apis/apps/v1/deployments"):
        assert [uri for uri in asked if uri.partition("?")[0] == path] == [f"{path}?limit=1"]
    first = [uri for uri in asked if uri.startswith("/api/v1/pods?") and "continue" not in uri]
    assert len(first) == 1
    copies = [uri for uri in asked if f"/{CSV.resource}?" in uri]
    assert copies
    assert all("olm.copiedFrom" in uri for uri in copies)


def test_nodes_are_as_the_other_collector_has_them(site: Site) -> None:
    """What pods request, by the same code; a cordoned node is ready or not for another reason."""
    theirs = {row["node"]: row for row in site.rows("nodes")}
    for row in site.rows("clusterNodes"):
        other = theirs[row["node"]]
        for name in ("cpuRequested", "memoryRequested", "cpuAllocatable", "memoryAllocatable"):
            assert row[name] == other[name], (row["node"], name)
        assert row["unschedulable"] == other["cordoned"]
    assert site.value(f'node_unschedulable{{node="{CORDONED}"}}') == 1
    assert site.value(f'node_cpu_requested{{node="{LARGE}"}}') == theirs[LARGE]["cpuRequested"]


def test_versions_are_read(site: Site) -> None:
    """Of Kubernetes, and of an OpenShift that is being upgraded."""
    assert str(site.fact("kubernetesVersion")).startswith("v1.")
    assert (site.fact("openshiftVersion"), site.fact("openshiftDesiredVersion")) == (
        "4.18.1",
        "4.18.2",
    )
    assert site.value("cluster_upgrading") == 1


def test_operators_are_joined_and_copies_left_out(site: Site) -> None:
    """Of all three managers."""
    found = {
        (row["manager"], row["operator"]): (row["state"], row["healthy"])
        for row in site.rows("operators")
    }
    assert found == {
        ("olm", "logging"): ("Failed", False),
        ("olm", "metallb"): ("Succeeded", True),
        ("olm-v1", "argocd"): ("Retrying", False),
        ("openshift", "dns"): ("Available", True),
        ("openshift", "etcd"): ("Unknown", None),
    }
    metallb = f'{{manager="olm",namespace="{SYSTEM}",operator="metallb"}}'
    assert site.value(f"operator_approval_required{metallb}") == 1
    assert site.value('cluster_operator_available{operator="etcd"}') == -1


def test_a_right_that_is_missing_costs_its_part(loaded: Cluster, tmp_path: Path) -> None:
    """No series instead of 0, and the run is partial; then what was known is kept, marked."""
    narrow = [rule for rule in rules("clusters") if "apps" not in rule["apiGroups"]]
    account = loaded.service_account(SYSTEM, "narrow", narrow)
    published = f"textfile:{tmp_path / 'xpjob.prom'}"
    ended = run(account, tmp_path, COLLECTORS="clusters", PUBLISH=published)
    site = Site(loaded, ended, (tmp_path / "xpjob.prom").read_text())
    assert (ended.code, (ended.report or {})["partial"]) == (0, True)
    assert site.value("cluster_deployments_total") is None
    assert "403" in ended.targets()["deployments"]["error"]
    assert site.value("cluster_nodes_total") == site.fact("nodes")
    full = loaded.service_account(SYSTEM, "full", rules("clusters"))
    assert run(full, tmp_path, COLLECTORS="clusters").code == 0
    again = Site(loaded, run(account, tmp_path, COLLECTORS="clusters", PUBLISH=published), "")
    (row,) = [row for row in again.rows("clusterFacts") if row["fact"] == "deployments"]
    assert row["value"] == len(loaded.get("deployments", "-A")["items"])
    assert row["carriedSince"]
