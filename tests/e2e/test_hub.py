"""One hub over three real control planes: one is well, one is slow, one is down."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import fleet
from harness.build import missing
from harness.cluster import Cluster
from harness.controlplane import ControlPlane
from harness.processes import wait_until

from support.processes import pushgateway, text

NAMES = ("well", "slow", "down")
READ = [
    {"apiGroups": [fleet.GROUP], "resources": ["*"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
]
CONNECTIONS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "clusterconnections.clusterpulse.io"},
    "spec": {
        "group": "clusterpulse.io",
        "scope": "Namespaced",
        "names": {"kind": "ClusterConnection", "plural": "clusterconnections"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
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


class Spoke:
    """A control plane with some claims, and an account that may read them."""

    def __init__(self, folder: Path, claims: int) -> None:
        self.control_plane = ControlPlane(folder / "state")
        kubeconfigs = folder / "kubeconfigs"
        kubeconfigs.mkdir(parents=True)
        self.cluster = Cluster(self.control_plane.up(), kubeconfigs, self.control_plane)
        self.cluster.apply(fleet.CRDS)
        for namespace in (*fleet.NAMESPACES, "hub"):
            self.cluster.namespace(namespace)
        self.cluster.api.create(fleet.CLAIMS, (fleet.claim(n) for n in range(claims)))
        own = json.loads(self.cluster.service_account("hub", "xpjob", READ).read_text())
        self.token = own["users"][0]["user"]["token"]
        known = own["clusters"][0]["cluster"]
        self.server = known["server"]
        self.authority = base64.b64decode(known["certificate-authority-data"]).decode()
        self.folder = folder

    def entry(self, name: str) -> dict[str, Any]:
        """Return the entry of the file for it."""
        token, authority = self.folder / "token", self.folder / "ca.crt"
        token.write_text(self.token)
        authority.write_text(self.authority)
        files = {"tokenFile": str(token), "caFile": str(authority)}
        return {"name": name, "server": self.server, **files}

    def signal(self, number: int) -> None:
        """Send its API server a signal."""
        (server,) = (each for each in self.control_plane.processes if "apiserver" in each.name)
        os.kill(server.pid, number)


@pytest.fixture(scope="module")
def spokes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Spoke]]:
    """Three control planes of this test run."""
    if os.environ.get("XPJOB_E2E_KUBECONFIG"):
        pytest.skip("needs control planes that the tests start")
    if lacking := missing():
        pytest.fail(lacking, pytrace=False)
    made: dict[str, Spoke] = {}
    try:
        for number, name in enumerate(NAMES):
            made[name] = Spoke(tmp_path_factory.mktemp(name), 5 + number)
        yield made
    finally:
        for spoke in made.values():
            spoke.control_plane.down()


def start(folder: Path, gateway: str, **environ: str) -> subprocess.Popen[str]:
    """Start a hub with its store in that folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "xpjob", "run"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "CLAIM_GVRS": fleet.CLAIMS,
            "STORE_BACKEND": "directory",
            "STORE_DIR": str(folder / "store"),
            "PUSHGATEWAY_URL": gateway,
            **environ,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stored(folder: Path) -> dict[str, int]:
    """Return the number of claims in the snapshot of each cluster."""
    return {
        path.parent.name: len(json.loads(path.read_text())["claims"])
        for path in (folder / "store").glob("*/snapshot.json")
    }


def up(gateway: str) -> dict[str, str]:
    """Return what the gateway has of each cluster's API."""
    return {
        line.partition('cluster="')[2].partition('"')[0]: line.split()[-1]
        for line in text(f"{gateway}/metrics").splitlines()
        if line.startswith("xpjob_cluster_up{")
    }


def test_secrets_of_connections_are_read_by_name_and_nothing_else(
    spokes: dict[str, Spoke], tmp_path: Path
) -> None:
    """With rights to list ClusterConnections and get one Secret: real RBAC, and the audit log."""
    hub = spokes["well"].cluster
    hub.apply(CONNECTIONS)
    ca = {"token": spokes["slow"].token, "ca.crt": spokes["slow"].authority}
    spec = {"endpoint": spokes["slow"].server, "credentialsRef": {"name": "slow"}}
    hub.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "slow", "namespace": "hub"},
            "stringData": ca,
        }
    )
    connection = {
        "apiVersion": "clusterpulse.io/v1alpha1",
        "kind": "ClusterConnection",
        "metadata": {"name": "slow", "namespace": "hub"},
        "spec": spec,
    }
    wait_until("the kind is served", lambda: _applied(hub, connection))
    reader = hub.service_account(
        "hub",
        "reader",
        [
            {
                "apiGroups": ["clusterpulse.io"],
                "resources": ["clusterconnections"],
                "verbs": ["list"],
            },
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": ["slow"],
                "verbs": ["get"],
            },
        ],
    )
    with pushgateway(tmp_path) as gateway:
        process = start(
            tmp_path,
            gateway,
            CLUSTERS_FROM="clusterconnections",
            CLUSTERS_NAMESPACE="hub",
            KUBECONFIG=str(reader),
        )
        _, log = process.communicate(timeout=90)
        assert process.returncode == 0, log
        assert up(gateway) == {"slow": "1"}
    assert stored(tmp_path) == {"slow": 6}
    assert spokes["slow"].token not in log
    user = "system:serviceaccount:hub:reader"
    wait_until("its requests are in the audit log", lambda: len(hub.audit_events(user)) >= 2)
    asked = {(e["verb"], e["objectRef"]["resource"]) for e in hub.audit_events(user)}
    assert asked == {("list", "clusterconnections"), ("get", "secrets")}


def _applied(hub: Cluster, item: dict[str, Any]) -> bool:
    try:
        hub.apply(item)
    except subprocess.CalledProcessError:
        return False
    return True


def test_a_slow_and_a_dead_cluster_cost_the_others_nothing(
    spokes: dict[str, Spoke], tmp_path: Path
) -> None:
    """The one that is well is done while the slow one hangs, which is complete when it answers."""
    file = tmp_path / "clusters.yaml"
    entries = [spokes[name].entry(name) for name in NAMES]
    entries[2]["options"] = {"RUN_DEADLINE_SECONDS": 10}
    file.write_text(json.dumps({"clusters": entries}))
    with pushgateway(tmp_path) as gateway:
        process = start(tmp_path, gateway, CLUSTERS=str(file))
        _, log = process.communicate(timeout=90)
        assert process.returncode == 0, log
        assert stored(tmp_path) == {"well": 5, "slow": 6, "down": 7}
        spokes["well"].cluster.api.create(fleet.CLAIMS, [fleet.claim(100)])
        spokes["slow"].cluster.api.create(fleet.CLAIMS, [fleet.claim(100)])
        spokes["down"].control_plane.down()
        spokes["slow"].signal(signal.SIGSTOP)
        try:
            process = start(tmp_path, gateway, CLUSTERS=str(file))
            said: list[str] = []
            reading = threading.Thread(target=lambda: said.extend(process.communicate(timeout=90)))
            reading.start()
            wait_until(
                "the run for the cluster that is well", lambda: stored(tmp_path)["well"] == 6
            )
            assert stored(tmp_path)["slow"] == 6
        finally:
            spokes["slow"].signal(signal.SIGCONT)
        reading.join()
        assert process.returncode == 0, said
        assert stored(tmp_path) == {"well": 6, "slow": 7, "down": 7}
        assert (up(gateway)["well"], up(gateway)["down"]) == ("1", "0")
    assert not any(spoke.token in "".join(said) for spoke in spokes.values())
