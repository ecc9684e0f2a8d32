"""The control plane under the end-to-end tests is what they take it for."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.cluster import Cluster
from harness.connection import ApiError, Connection
from harness.controlplane import ControlPlane
from harness.processes import Process, ServerError, start, wait_for_server, wait_until

READ_CONFIG_MAPS = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.e2e.xpjob.test"},
    "spec": {
        "group": "e2e.xpjob.test",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def widget(namespace: str, number: int) -> dict[str, object]:
    """A custom resource with a status, as a controller would have left it."""
    return {
        "apiVersion": "e2e.xpjob.test/v1",
        "kind": "Widget",
        "metadata": {"name": f"widget-{number:05}", "namespace": namespace},
        "spec": {"size": number},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


@pytest.fixture(scope="module")
def widgets(cluster: Cluster) -> str:
    """A kind of custom resources, as the path under which they all are listed."""
    cluster.apply(WIDGETS)
    return "/apis/e2e.xpjob.test/v1/widgets"


def test_versions_served(cluster: Cluster) -> None:
    """A current Kubernetes answers, with the version that it was built as."""
    version = cluster.api.request("GET", "/version")
    assert (version["major"], int(version["minor"].rstrip("+")) >= 34) == ("1", True)
    groups = cluster.api.request("GET", "/apis")["groups"]
    assert {"apiextensions.k8s.io", "batch", "rbac.authorization.k8s.io"} <= {
        group["name"] for group in groups
    }


def test_rights_are_enforced(cluster: Cluster) -> None:
    """A service account without rights is refused; one with rights may do just that."""
    namespace = cluster.namespace("rights")
    path = "/api/v1/configmaps"
    stranger = Connection(cluster.service_account(namespace, "stranger"))
    with pytest.raises(ApiError) as refused:
        stranger.request("GET", path)
    assert refused.value.status == 403
    reader = Connection(cluster.service_account(namespace, "reader", READ_CONFIG_MAPS))
    wait_until("the rights are known", lambda: reader.exchange("GET", path)[0] == 200)
    assert reader.exchange("DELETE", f"/api/v1/namespaces/{namespace}/configmaps")[0] == 403


def test_unknown_tokens_are_refused(cluster: Cluster) -> None:
    """A token that nobody issued is answered with 401."""
    nobody = Connection(cluster.kubeconfig_with("not-a-token", "nobody"))
    assert nobody.exchange("GET", "/api/v1/configmaps")[0] == 401


def test_pod_security_is_enforced(cluster: Cluster) -> None:
    """A namespace that asks for restricted pods refuses others."""
    namespace = cluster.namespace("restricted")
    label = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", namespace, label, "--overwrite")
    pod = {"metadata": {"name": "plain"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    with pytest.raises(ApiError, match="PodSecurity"):
        cluster.api.request("POST", path, pod)


@pytest.mark.usefixtures("own_control_plane")
def test_requests_are_audited(cluster: Cluster) -> None:
    """What a user asked for is in the audit log, with its verb and its answer."""
    namespace = cluster.namespace("audited")
    user = Connection(cluster.service_account(namespace, "lister"))
    assert user.exchange("GET", "/api/v1/secrets?limit=1")[0] == 403
    name = f"system:serviceaccount:{namespace}:lister"
    wait_until("the request is in the audit log", lambda: bool(cluster.audit_events(name)))
    (event,) = cluster.audit_events(name)
    assert (event["verb"], event["objectRef"]["resource"]) == ("list", "secrets")
    assert event["responseStatus"]["code"] == 403


def test_thousands_of_objects_load_and_page(cluster: Cluster, widgets: str) -> None:
    """Thousands of custom resources are made with their status, and listed in pages."""
    namespace = cluster.namespace("loaded")
    count = 1000
    created = cluster.api.create(
        "e2e.xpjob.test/v1/widgets", (widget(namespace, number) for number in range(count))
    )
    assert created == count
    names, token = set(), ""
    while True:
        page = cluster.api.request("GET", f"{widgets}?limit=300&continue={token}")
        names |= {item["metadata"]["name"] for item in page["items"] if item["status"]}
        if not (token := page["metadata"].get("continue", "")):
            break
    assert len(names) == count


@pytest.mark.usefixtures("own_control_plane")
def test_continue_tokens_expire(cluster: Cluster, widgets: str) -> None:
    """After a compaction, the next page of a list that was begun before is 410."""
    namespace = cluster.namespace("expired")
    cluster.api.create("e2e.xpjob.test/v1/widgets", (widget(namespace, n) for n in range(3)))
    path = widgets.replace("/widgets", f"/namespaces/{namespace}/widgets")
    token = cluster.api.request("GET", f"{path}?limit=1")["metadata"]["continue"]
    cluster.expire_continue_tokens(path)
    status, body = cluster.api.exchange("GET", f"{path}?limit=1&continue={token}")
    assert (status, b'"reason":"Expired"' in body) == (410, True)


def test_down_leaves_nothing(tmp_path: Path, own_control_plane: ControlPlane) -> None:
    """A second control plane starts beside the first; ending it ends its processes only."""
    second = ControlPlane(tmp_path / "second")
    kubeconfig = second.up()
    assert ControlPlane(tmp_path / "second").up() == kubeconfig  # it is found again
    processes = list(second.processes)
    assert [process.name for process in processes] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
    ]
    ControlPlane(tmp_path / "second").down()
    assert not any(process.alive() for process in processes)
    assert not (tmp_path / "second").exists()
    assert own_control_plane.running()


def test_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    """A process that has the pid of an ended server, but not its start time, lives on."""
    bystander = start("bystander", ["sleep", "60"], tmp_path / "log")
    try:
        Process("server", bystander.pid, "12345").stop()
        assert bystander.alive()
    finally:
        bystander.stop()
    assert not bystander.alive()


def test_a_server_that_fails_shows_its_log(tmp_path: Path) -> None:
    """The error about a server that ended while it started has the end of its log."""
    log = tmp_path / "log"
    server = start("etcd", ["sh", "-c", "echo no space left; exit 3"], log)
    with pytest.raises(ServerError, match=r"(?s)etcd ended while it started.*no space left"):
        wait_for_server(server, log, lambda: False)
