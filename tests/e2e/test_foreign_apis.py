"""What other operators bring to a cluster does not disturb the inventory of Crossplane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.aggregated import discovered, subresource_api
from harness.cluster import Cluster
from harness.crossplane import MANIFESTS, Crossplane
from harness.job import Finished, run, xpjob
from harness.processes import wait_until

METRICS = ("custom.metrics.k8s.io", "v1beta2")
METRIC_NAMES = ("pods/http_requests", "deployments.apps/queue_length", "namespaces/http_requests")
CONSOLES = ("subresources.hypervisor.example.net", "v1")
CONSOLE_NAMES = ("machines/console", "machines/portforward")
AWAY = "v1beta1.external.metrics.k8s.io"
FOREIGN = "volumes.hypervisor.example.net"
PROVIDER = "provider-cloud"


@pytest.fixture(scope="module")
def shared(crossplane: Crossplane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A platform that shares its cluster with a metrics adapter and a hypervisor's operator."""
    cluster, files = crossplane.cluster, tmp_path_factory.mktemp("aggregated")
    cluster.apply(MANIFESTS / "samples")
    crossplane.wait_for_condition("database", "orders", "Ready=True", "team-a")
    _install_provider(cluster)
    cluster.apply(_foreign_definition())
    path = "/apis/hypervisor.example.net/v1/volumes"
    wait_until("the foreign kind is served", lambda: cluster.api.exchange("GET", path)[0] == 200)
    volume = {"apiVersion": "hypervisor.example.net/v1", "kind": "Volume"}
    cluster.apply({**volume, "metadata": {"name": "disk-0"}})
    try:
        with (
            subresource_api(cluster, *METRICS, METRIC_NAMES, files),
            subresource_api(cluster, *CONSOLES, CONSOLE_NAMES, files),
        ):
            yield cluster
    finally:
        cluster.kubectl("delete", "customresourcedefinition", FOREIGN)
        cluster.kubectl("delete", "providerrevision", f"{PROVIDER}-1")
        cluster.kubectl("delete", "provider.pkg.crossplane.io", PROVIDER)


def _install_provider(cluster: Cluster) -> None:
    """Record the kinds of the platform's provider, as Crossplane's package manager does."""
    paused = {"crossplane.io/paused": "true"}  # no image is looked for
    package = "provider.test/cloud:v1"
    revision = f"{PROVIDER}-1"
    cluster.apply(
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "Provider",
            "metadata": {"name": PROVIDER, "annotations": paused},
            "spec": {"package": package},
        },
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "ProviderRevision",
            "metadata": {
                "name": revision,
                "annotations": paused,
                "labels": {"pkg.crossplane.io/package": PROVIDER},
            },
            "spec": {"image": package, "desiredState": "Active", "revision": 1},
        },
    )
    definitions = ("buckets.cloud.example.org", "buckets.cloud.m.example.org")
    references = [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "name": name,
        }
        for name in definitions
    ]
    cluster.kubectl(
        *("patch", "providerrevision", revision, "--subresource=status", "--type=merge"),
        *("--patch", json.dumps({"status": {"objectRefs": references}})),
    )


def _foreign_definition() -> dict[str, Any]:
    """A kind of another operator that has put itself into the category ``managed``."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": FOREIGN},
        "spec": {
            "group": "hypervisor.example.net",
            "scope": "Cluster",
            "names": {"kind": "Volume", "plural": "volumes", "categories": ["managed", "all"]},
            "versions": [
                {
                    "name": "v1",
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


@pytest.fixture(scope="module")
def finished(shared: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One run with nothing configured."""
    return run(shared.kubeconfig, tmp_path_factory.mktemp("shared"))


def test_the_api_server_answers_verbs_of_null(shared: Cluster) -> None:
    """For the parents that it makes up; without them, the tests below would prove nothing."""
    for group in (METRICS[0], CONSOLES[0]):
        assert [parent["verbs"] for parent in discovered(shared, group)].count(None) >= 1


def test_a_run_inventories_the_platform(finished: Finished) -> None:
    """Claims, XRs and MRs of both generations; exit 0, and nothing partial."""
    assert finished.code == 0, finished.events
    assert finished.snapshot is not None
    assert "team-a/orders" in finished.names("Database")
    assert "team-b/web" in finished.names("App")
    assert {mr["group"] for mr in finished.snapshot["mrs"]} == {
        "cloud.example.org",
        "cloud.m.example.org",
    }
    assert {mr["provider"] for mr in finished.snapshot["mrs"]} == {PROVIDER}
    assert not [each for each in finished.targets().values() if each["error"]]


def test_a_foreign_kind_in_the_category_managed_is_no_mr(finished: Finished) -> None:
    """It is neither counted nor listed."""
    assert finished.snapshot is not None
    assert "Volume" not in {mr["kind"] for mr in finished.snapshot["mrs"]}
    assert "volumes" not in finished.targets()


def test_targets_says_why_a_foreign_kind_is_not_listed(shared: Cluster) -> None:
    """In JSON and in the table, and INCLUDE_KINDS lists it."""
    kubeconfig = {"KUBECONFIG": str(shared.kubeconfig)}

    def volumes(**environment: str) -> dict[str, Any]:
        done = xpjob("targets", "--output", "json", **kubeconfig, **environment)
        assert done.returncode == 0, done.stderr
        (row,) = [row for row in json.loads(done.stdout) if row["resource"] == "volumes"]
        return dict(row)

    skipped = volumes()
    assert (skipped["class"], skipped["listed"]) == ("", False)
    assert "in the category managed, but no provider" in skipped["why"]
    assert f"INCLUDE_KINDS={FOREIGN}" in skipped["why"]
    included = volumes(INCLUDE_KINDS="*.hypervisor.example.net")
    assert (included["class"], included["listed"]) == ("managed", True)
    table = xpjob("targets", **kubeconfig)
    assert f"INCLUDE_KINDS={FOREIGN}" in " ".join(table.stdout.split())


def test_an_api_service_without_a_server_costs_a_warning(shared: Cluster, tmp_path: Path) -> None:
    """The run exits 0, and the doctor names the group version and what to look at."""
    version, _, group = AWAY.partition(".")
    shared.apply(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": AWAY},
            "spec": {
                "group": group,
                "version": version,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"namespace": "default", "name": "not-there", "port": 443},
            },
        }
    )
    kubeconfig = {"KUBECONFIG": str(shared.kubeconfig)}
    try:

        def checked() -> list[dict[str, str]]:
            done = xpjob("doctor", "--output", "json", **kubeconfig)
            return [each for each in json.loads(done.stdout) if each["check"] == "discovery"]

        wait_until("discovery has noticed", lambda: checked()[0]["status"] == "warning")
        (discovery,) = checked()
        assert f"{group}/{version}" in discovery["detail"]
        assert "kubectl get apiservices" in discovery["advice"]
        finished = run(shared.kubeconfig, tmp_path)
        assert finished.code == 0, finished.events
        assert "team-a/orders" in finished.names("Database")
    finally:
        shared.kubectl("delete", "apiservice", AWAY)
