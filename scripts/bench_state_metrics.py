"""kube-state-metrics: its program, and its configuration for kinds of custom resources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.build import E2E, build
from harness.cluster import Cluster


def state_metrics_program() -> Path:
    """Build kube-state-metrics, unless that was done."""
    return build(E2E / "state-metrics", ("k8s.io/kube-state-metrics/v2",)) / "kube-state-metrics"


def state_metrics_config(cluster: Cluster, paths: Sequence[str]) -> object:
    """Return a family for the conditions of each kind, labelled with name and namespace."""
    resources: list[object] = []
    for path in paths:
        page = cluster.api.request("GET", f"{path}?limit=1")
        group, version, _ = path.split("/")[-3:]
        labels = {"name": ["metadata", "name"], "namespace": ["metadata", "namespace"]}
        gauge = {
            "path": ["status", "conditions"],
            "labelsFromPath": {"type": ["type"], "reason": ["reason"]},
            "valueFrom": ["status"],
        }
        each = {"type": "Gauge", "gauge": gauge}
        kind = page["kind"].removesuffix("List")
        resources.append(
            {
                "groupVersionKind": {"group": group, "version": version, "kind": kind},
                # Of several kinds with one name it shows only one.
                "metricNamePrefix": f"kind{len(resources)}",
                "labelsFromPath": labels,
                "metrics": [{"name": "condition", "help": "Conditions.", "each": each}],
            }
        )
    return {"kind": "CustomResourceStateMetrics", "spec": {"resources": resources}}
