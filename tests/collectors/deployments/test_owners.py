"""Workloads: found by UID and API group, as high up as can be read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from support.inventories import Inventory, brief
from support.workloads import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    LISTED,
    POD,
    REPLICA_SET,
    ROLLOUT,
    STATEFUL_SET,
    Json,
    deployment,
    owned,
    pod,
    reference,
)
from xpjob.collectors.deployments import wire
from xpjob.collectors.deployments.owners import Owned, OwnerReader
from xpjob.demo.cluster import Fault
from xpjob.kube.discovery import Kind

KNATIVE = "serving.knative.dev"
SERVICE = Kind(KNATIVE, "v1", "services", "Service", True)
CONFIGURATION = Kind(KNATIVE, "v1", "configurations", "Configuration", True)
REVISION = Kind(KNATIVE, "v1", "revisions", "Revision", True)
CONTROLLER = Kind("", "v1", "replicationcontrollers", "ReplicationController", True)
CONFIG = Kind("apps.openshift.io", "v1", "deploymentconfigs", "DeploymentConfig", True)
TASK = Kind("tekton.dev", "v1", "taskruns", "TaskRun", True)
PIPELINE = Kind("tekton.dev", "v1", "pipelineruns", "PipelineRun", True)
VOLCANO = Kind("batch.volcano.sh", "v1alpha1", "jobs", "Job", True)
BACKUP = Kind("backup.example.org", "v1", "backups", "Backup", True)
PROMETHEUS = Kind("monitoring.example.org", "v1", "prometheuses", "Prometheus", True)


def workloads(site: Inventory, **given: str) -> set[tuple[Any, ...]]:
    """Return group, kind and name of each workload, and whether there is no higher owner."""
    columns = ("workloadGroup", "workloadKind", "workload", "ownerKnown")
    return set(brief(site.collect(**given), *columns))


@pytest.mark.parametrize(
    ("chain", "workload"),
    [
        pytest.param([(DEPLOYMENT, "web"), (REPLICA_SET, "web-7d9f8")], 0, id="Deployment"),
        pytest.param([(ROLLOUT, "web"), (REPLICA_SET, "web-7d9f8")], 0, id="Rollout"),
        pytest.param([(REPLICA_SET, "queue-7d9f8")], 0, id="bare ReplicaSet with a dash"),
        pytest.param([(REPLICA_SET, "queue")], 0, id="bare ReplicaSet"),
        pytest.param([(STATEFUL_SET, "db")], 0, id="StatefulSet"),
        pytest.param([(PROMETHEUS, "main"), (STATEFUL_SET, "db")], 1, id="of an operator"),
        pytest.param([(DAEMON_SET, "agent")], 0, id="DaemonSet"),
        pytest.param([(CRON_JOB, "tick"), (JOB, "tick-29000")], 0, id="CronJob"),
        pytest.param([(JOB, "tick-29000")], 0, id="bare Job with a number"),
        pytest.param([(BACKUP, "nightly"), (JOB, "nightly-1")], 0, id="Job of an operator"),
        pytest.param([(VOLCANO, "train")], 0, id="a Job that is not of batch"),
        pytest.param([(CONFIG, "web"), (CONTROLLER, "web-1")], 0, id="DeploymentConfig"),
        pytest.param([(PIPELINE, "build"), (TASK, "build-test")], 0, id="PipelineRun"),
        pytest.param(
            [
                *((SERVICE, "web"), (CONFIGURATION, "web"), (REVISION, "web-1")),
                *((DEPLOYMENT, "web-1-deployment"), (REPLICA_SET, "web-1-deployment-5c6")),
            ],
            0,
            id="Knative",
        ),
    ],
)
def test_case_11_owner_chains(
    site: Inventory, chain: list[tuple[Kind, str]], workload: int
) -> None:
    """The workload is the highest controller of the chain that is one."""
    every = (SERVICE, CONFIGURATION, REVISION, CONTROLLER, CONFIG, TASK, PIPELINE, VOLCANO, BACKUP)
    site.cluster.kinds = (*site.cluster.kinds, *every)
    owner: Json | None = None
    for kind, name in chain:
        owner = site.cluster.apply(kind, owned(kind, name, by=owner))
    site.put(pod("web-1-x", owner))
    kind, name = chain[workload]
    assert workloads(site) == {(kind.group, kind.kind, name, True)}


def test_case_11_the_owner_that_controls_counts(site: Inventory) -> None:
    """Of several references, whatever their order."""
    _, right = deployment(site.cluster, "web")
    _, wrong = deployment(site.cluster, "other")
    item = pod("web-1", right)
    references = [reference(wrong, controller=False), reference(right)]
    item["metadata"]["ownerReferences"] = references
    site.put(item)
    assert workloads(site) == {("apps", "Deployment", "web", True)}


def test_case_11_an_owner_of_the_same_name_is_another(site: Inventory) -> None:
    """The UID counts: a ReplicaSet was replaced by one of its name."""
    _, middle = deployment(site.cluster, "web")
    item = pod("web-1", middle)
    item["metadata"]["ownerReferences"][0]["uid"] = "uid-of-an-earlier-one"
    site.put(item)
    assert workloads(site) == {("apps", "ReplicaSet", "web-7d9f8", False)}


def test_case_11_a_uid_of_another_group_is_not_followed(site: Inventory) -> None:
    """References name kind and group, and both are compared."""
    _, middle = deployment(site.cluster, "web")
    item = pod("web-1", middle)
    item["metadata"]["ownerReferences"][0]["apiVersion"] = "example.org/v1"
    site.put(item)
    assert workloads(site) == {("example.org", "ReplicaSet", "web-7d9f8", True)}


def test_case_9_static_pods_belong_to_their_node(site: Inventory) -> None:
    """Not to a DaemonSet; a pod without an owner is a workload by itself."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1", "uid": "n"}}
    mirror = pod("etcd-node-1", node, annotations={"kubernetes.io/config.mirror": "x"})
    site.put(mirror, pod("alone"))
    assert workloads(site) == {("", "Node", "node-1", True), ("", "Pod", "alone", True)}


def test_owners_in_a_circle_end(site: Inventory) -> None:
    """Whatever objects say of each other."""
    one = owned(REPLICA_SET, "one")
    two = owned(REPLICA_SET, "two", by=one)
    one["metadata"]["ownerReferences"] = [reference(two)]
    for item in (one, two):
        site.cluster.apply(REPLICA_SET, item)
    site.put(pod("web-1", one))
    assert len(workloads(site)) == 1


def test_only_metadata_of_owners_is_asked_for(site: Inventory) -> None:
    """One list each of ReplicaSets and Jobs, and no request per owner."""
    _, middle = deployment(site.cluster, "web")
    site.put(*(pod(f"web-{number}", middle) for number in range(6)))
    site.collect(page_size="500")
    paths = [path for path, _ in site.cluster.requests]
    assert all(paths.count(kind.path()) == 1 for kind in LISTED)
    assert len(paths) == len(set(paths))
    sizes = {target.resource: target.bytes for target in site.last.report.targets}
    assert sizes["replicasets"] < 1000


def test_a_kind_that_may_not_be_listed_ends_the_chain(site: Inventory) -> None:
    """The run is complete, and planning says what is not granted."""
    _, middle = deployment(site.cluster, "web")
    site.put(pod("web-1", middle))
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("deployments") else None
    assert workloads(site) == {("apps", "Deployment", "web", True)}
    assert not site.last.report.partial


def test_annotations_of_all_owners_count(site: Inventory) -> None:
    """From the pod up to the Deployment, and the repository by the configured annotation."""
    prefix, key = "metadata.github.com/", "example.org/repository"
    top = site.cluster.apply(
        DEPLOYMENT,
        owned(
            DEPLOYMENT,
            "web",
            annotations={prefix + "team": "top", prefix + "runtime-risks": "sensitive-data"},
        ),
    )
    notes = {prefix + "tier": "middle", key: "web-repository"}
    middle = site.cluster.apply(REPLICA_SET, owned(REPLICA_SET, "web-1", by=top, annotations=notes))
    own = {prefix + "tier": "pod", prefix + "runtime-risks": "internet-exposed"}
    site.put(pod("web-1-x", middle, annotations=own))
    (row,) = site.collect(github_repository_annotation=key)
    assert row["tags"] == {"team": "top", "tier": "pod"}
    assert row["risks"] == ["internet-exposed", "sensitive-data"]
    assert row["githubRepository"] == "web-repository"


def test_namespaces_can_be_chosen_or_left_out(site: Inventory) -> None:
    """By NAMESPACE, in lists of their own, or by EXCLUDE_NAMESPACES, in the list of all."""
    for namespace in ("a", "b", "c"):
        _, middle = deployment(site.cluster, "web", namespace)
        site.cluster.apply(POD, pod("web-1", middle, namespace=namespace))
    found = brief(site.collect(namespace="a,b"), "namespace", "workloadKind")
    assert found == [("a", "Deployment"), ("b", "Deployment")]
    assert sorted(site.asked()) == [f"/api/v1/namespaces/{name}/pods" for name in ("a", "b")]
    # What is no longer looked at is not gone.
    rows = site.collect(exclude_namespaces="b")
    assert brief(rows, "namespace", "state") == [("a", "running"), ("c", "running")]
    assert set(site.asked()) == {"/api/v1/pods"}


def test_shards_exchange_owners_as_json() -> None:
    """With their controllers, of which those of one Deployment are one object."""
    top = owned(DEPLOYMENT, "web")
    items = [owned(REPLICA_SET, f"web-{n}", by=top, deleting=n == 1) for n in range(3)]
    reader = OwnerReader(("apps", "ReplicaSet"))
    reader.page(msgspec.convert(items, list[wire.Owner]))
    result = reader.result()
    assert [each.deleting for each in result] == [False, True, False]
    assert len({id(each.parent) for each in result}) == 1
    assert msgspec.json.decode(msgspec.json.encode(result), type=list[Owned]) == result
