"""The cluster that the end-to-end tests run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.build import missing
from harness.cluster import Cluster
from harness.controlplane import ControlPlane
from harness.crossplane import Crossplane


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane for this test run; or the developer's, where XPJOB_E2E_KUBECONFIG says so."""
    if lacking := missing():
        pytest.fail(lacking, pytrace=False)
    files = tmp_path_factory.mktemp("kubeconfigs")
    if own := os.environ.get("XPJOB_E2E_KUBECONFIG"):
        yield Cluster(Path(own), files)
        return
    control_plane = ControlPlane(tmp_path_factory.mktemp("controlplane"))
    try:
        yield Cluster(control_plane.up(), files, control_plane)
    finally:
        control_plane.down()


@pytest.fixture(scope="session")
def own_control_plane(cluster: Cluster) -> ControlPlane:
    """For tests that read the audit log or reach into etcd."""
    if cluster.control_plane is None:
        pytest.skip("needs a control plane that the tests started")
    return cluster.control_plane


@pytest.fixture(scope="session")
def crossplane(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossplane]:
    """Crossplane at work on the control plane."""
    if cluster.control_plane is None:
        pytest.skip("Crossplane is not installed on a cluster that is not ours")
    started = Crossplane(cluster, tmp_path_factory.mktemp("crossplane"))
    started.start()
    yield started
    started.stop()
