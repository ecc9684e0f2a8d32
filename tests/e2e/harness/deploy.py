"""Applying the shipped manifests as a user would."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.build import E2E
from harness.cluster import Cluster

ROOT = E2E.parent.parent
NAMESPACE = "crossplane-system"
OPERATOR = "github.com/prometheus-operator/prometheus-operator"
CLUSTER_SCOPED = ("clusterrole", "clusterrolebinding")


class WarnedError(Exception):
    """kubectl applied something, but not without a warning."""


def restricted(cluster: Cluster) -> None:
    """Make the namespace, with Pod Security's strictest level enforced and warned about."""
    cluster.namespace(NAMESPACE)
    labels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    cluster.kubectl("label", "namespace", NAMESPACE, *labels, "--overwrite")


def apply(cluster: Cluster, folder: Path, *arguments: str) -> list[str]:
    """Apply with kubectl -k, server-side and strictly validated; give what was applied.

    Raises WarnedError with kubectl's words where the API server warns of anything.
    """
    command = ["kubectl", f"--kubeconfig={cluster.kubeconfig}", "apply", f"--kustomize={folder}"]
    command += ["--server-side", "--validate=strict", "--output=name", *arguments]
    environment = {key: os.environ[key] for key in os.environ if key != "KUBECONFIG"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    if done.returncode != 0 or done.stderr:
        raise WarnedError(f"{folder}: {done.stderr}")
    return done.stdout.split()


def remove(cluster: Cluster, folder: Path) -> None:
    """Delete with kubectl -k, and wait until all of it is gone."""
    cluster.kubectl("delete", f"--kustomize={folder}", "--ignore-not-found", "--timeout=60s")


def operator_kinds(cluster: Cluster) -> None:
    """Install the Prometheus operator's own definitions, from its Go module."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", OPERATOR],
        cwd=E2E / "tools",
        check=True,
        capture_output=True,
        text=True,
    )
    folder = Path(json.loads(done.stdout)["Dir"]) / "example" / "prometheus-operator-crd"
    for plural in ("servicemonitors", "prometheusrules"):
        cluster.apply(folder / f"monitoring.coreos.com_{plural}.yaml")


def grant_as_rbac_manager(cluster: Cluster, group: str, resources: Sequence[str]) -> None:
    """Make the roles for a definition that Crossplane's RBAC manager makes, and its chart's.

    The manager itself cannot run here: it always listens on port 8080 of all interfaces.
    """
    label = {"rbac.crossplane.io/aggregate-to-view": "true"}
    view = ["get", "list", "watch"]
    kinds = {"apiGroups": [group], "resources": list(resources), "verbs": view}
    chart = ["apiextensions.crossplane.io", "pkg.crossplane.io", "protection.crossplane.io"]
    built_in = {"apiGroups": chart, "resources": ["*"], "verbs": view}
    common = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    cluster.apply(
        {
            **common,
            "metadata": {
                "name": f"crossplane:composite:{group}:aggregate-to-view",
                "labels": label,
            },
            "rules": [kinds],
        },
        {
            **common,
            "metadata": {"name": "crossplane:aggregate-to-view", "labels": label},
            "rules": [built_in],
        },
        {
            **common,
            "metadata": {"name": "crossplane-view"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": label}]},
            "rules": [],
        },
    )
