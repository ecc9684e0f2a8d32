"""The API server takes every manifest, and the rights that they give are exactly these."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.cluster import Cluster, KubectlError
from harness.crossplane import Crossplane
from harness.deploy import (
    NAMESPACE,
    ROOT,
    apply,
    grant_as_rbac_manager,
    operator_kinds,
    remove,
    restricted,
)
from harness.processes import wait_until

K8S = ROOT / "k8s"
OVERLAYS = sorted(path.parent for path in K8S.glob("overlays/*/kustomization.yaml"))
COMPONENTS = sorted(
    str(path.parent.relative_to(K8S / "components"))
    for path in K8S.glob("components/**/kustomization.yaml")
)
JOB = f"system:serviceaccount:{NAMESPACE}:xpjob"
GATEWAY = f"system:serviceaccount:{NAMESPACE}:xpjob-gateway"
CLAIMS = "databases.platform.example.org"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
READ = ("get", "list")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
ELSEWHERE = (
    "secrets",
    "pods",
    "nodes",
    "serviceaccounts",
    "deployments.apps",
    "clusterroles.rbac.authorization.k8s.io",
)


@pytest.fixture(scope="module")
def prepared(crossplane: Crossplane) -> Cluster:
    """Crossplane with its kinds, its namespace strictly restricted, and the operator's kinds."""
    restricted(crossplane.cluster)
    operator_kinds(crossplane.cluster)
    return crossplane.cluster


@pytest.fixture
def applied(prepared: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One folder applied, its CronJob suspended at once, and removed after the test."""
    folder: Path = request.param
    apply(prepared, folder)
    suspend = '--patch={"spec": {"suspend": true}}'
    prepared.kubectl("patch", "cronjob", "xpjob", f"--namespace={NAMESPACE}", suspend)
    yield prepared
    remove(prepared, folder)


def allowed(cluster: Cluster, user: str, verb: str, resource: str) -> bool:
    """What kubectl auth can-i says, for all namespaces."""
    arguments = ("auth", "can-i", verb, resource, f"--as={user}", "--all-namespaces", "--quiet")
    try:
        cluster.kubectl(*arguments)
    except KubectlError:
        return False
    return True


def pods_are_admitted(cluster: Cluster, kind: str, name: str) -> None:
    """Pod Security lets the pod of this template in: as a pod, not as a warning."""
    item = cluster.get(kind, name, f"--namespace={NAMESPACE}")
    owner = item["spec"]["jobTemplate"]["spec"] if kind == "cronjob" else item["spec"]
    pod = {**owner["template"], "apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] = {**pod["metadata"], "name": f"try-{name}"}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All&fieldValidation=Strict"
    cluster.api.request("POST", path, pod)


@pytest.mark.parametrize(
    "applied", [K8S / "base", *OVERLAYS], indirect=True, ids=lambda folder: folder.name
)
def test_it_is_taken_without_a_warning(applied: Cluster) -> None:
    """Server-side, strictly validated, where restricted pods are enforced."""
    pods_are_admitted(applied, "cronjob", "xpjob")
    items = applied.get("deployments", f"--namespace={NAMESPACE}")["items"]
    for item in items:
        pods_are_admitted(applied, "deployment", item["metadata"]["name"])
    assert items


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_is_taken(prepared: Cluster, name: str, tmp_path: Path) -> None:
    """With the base, without leaving anything behind."""
    root = "../" * len(tmp_path.resolve().parts[1:]) + str(K8S).lstrip("/")
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{root}/base]\ncomponents: [{root}/components/{name}]\n"
    )
    apply(prepared, tmp_path, "--dry-run=server")


def test_the_sample_of_a_tenant_is_taken(prepared: Cluster) -> None:
    """By a tenant, in the tenant's namespace."""
    prepared.namespace("team-a")
    sample = K8S / "samples" / "tenant.yaml"
    prepared.kubectl("apply", "--namespace=team-a", "--dry-run=server", f"--filename={sample}")


@pytest.mark.parametrize("applied", [K8S / "base"], indirect=True, ids=["base"])
def test_the_base_gives_what_is_needed(applied: Cluster) -> None:
    """Claims and XRs of any definition and ConfigMaps can be read, and nothing can be written."""
    grant_as_rbac_manager(applied, "platform.example.org", ["databases"])
    wait_until("the role is aggregated", lambda: allowed(applied, JOB, "list", CLAIMS))
    apply(applied, K8S / "base")  # again: what was aggregated is not fought over
    assert allowed(applied, JOB, "list", CLAIMS)
    assert all(allowed(applied, JOB, verb, "configmaps") for verb in READ)
    for resource in (CLAIMS, "configmaps", *ELSEWHERE):
        granted = {verb for verb in WRITE if allowed(applied, JOB, verb, resource)}
        assert granted == set(), resource
    for resource in ELSEWHERE:
        assert not any(allowed(applied, JOB, verb, resource) for verb in READ), resource
    assert [verb for verb in READ if allowed(applied, JOB, verb, CRDS)] == ["get"]
    assert not any(allowed(applied, JOB, verb, CRDS) for verb in WRITE)
    assert not any(allowed(applied, GATEWAY, verb, "configmaps") for verb in READ)


@pytest.mark.parametrize(
    "applied", [K8S / "overlays" / "scoped-rbac"], indirect=True, ids=["scoped-rbac"]
)
def test_scoped_rights_refuse_everything_else(applied: Cluster) -> None:
    """Get and list on what is named, and on ConfigMaps; no to all else that the API serves."""
    group = "platform.example.org"
    lines = applied.kubectl("api-resources", "--no-headers", "--output=wide").splitlines()
    assert len(lines) > 60
    names = applied.kubectl("api-resources", "--output=name").split()
    rules = applied.kubectl("auth", "can-i", "--list", f"--as={JOB}", "--no-headers")
    granted = {
        line.split()[0]: line[line.rindex("[") :]
        for line in rules.splitlines()
        if not line.startswith(" ") and "selfsubject" not in line
    }
    parts = ("providers", "functions", "configurations", "providerrevisions")
    named = {
        *("configmaps", f"*.{group}", "compositeresourcedefinitions.apiextensions.crossplane.io"),
        *(f"{part}.pkg.crossplane.io" for part in parts),
    }
    by_name = {
        CRDS,
        "managedresourcedefinitions.apiextensions.crossplane.io",
        "namespaces",  # kube-system, whose uid is the cluster's identity
    }
    expected = {**dict.fromkeys(named, "[get list]"), **dict.fromkeys(by_name, "[get]")}
    assert granted == expected, rules
    assert len(names) > 60
    for resource in (CLAIMS, "configmaps"):
        assert all(allowed(applied, JOB, verb, resource) for verb in READ)
        assert not any(allowed(applied, JOB, verb, resource) for verb in ("watch", *WRITE))
    for resource in ELSEWHERE:
        assert not any(allowed(applied, JOB, v, resource) for v in ("watch", *READ, *WRITE))


def test_the_variant_has_crossplanes_rights(prepared: Cluster, tmp_path: Path) -> None:
    """Through Crossplane's own role, and also where the base was applied before."""
    root = "../" * len(tmp_path.resolve().parts[1:]) + str(K8S).lstrip("/")
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{root}/base]\ncomponents: [{root}/components/crossplane-view]\n"
    )
    grant_as_rbac_manager(prepared, "platform.example.org", ["databases"])
    apply(prepared, tmp_path)
    try:
        wait_until("the role is known", lambda: allowed(prepared, JOB, "list", CLAIMS))
        assert not allowed(prepared, JOB, "list", "secrets")
        assert not allowed(prepared, JOB, "delete", CLAIMS)
    finally:
        remove(prepared, tmp_path)


def test_an_unconfined_pod_is_refused(prepared: Cluster) -> None:
    """The namespace enforces what the tests take it to enforce."""
    pod = {"metadata": {"name": "plain"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All"
    status, answer = prepared.api.exchange("POST", path, pod)
    assert (status, b"restricted" in answer) == (403, True)
