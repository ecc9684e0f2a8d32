"""What one would write first: CustomObjectsApi, dictionaries, child gauges, json, boto3.

It is told its kinds, links nothing and remembers nothing.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import boto3
from kubernetes import client, config
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

LABELS = ("group", "kind", "namespace", "composition", "creator", "team")


def main() -> None:
    """List the kinds in the arguments, push, and put."""
    config.load_kube_config(os.environ["KUBECONFIG"])
    api = client.CustomObjectsApi()
    registry = CollectorRegistry()
    total = Gauge("naive_resources", "Resources that exist.", LABELS, registry=registry)
    ready = Gauge("naive_resources_ready", "Resources that are ready.", LABELS, registry=registry)
    records = []
    for path in sys.argv[1:]:
        group, version, plural = path.split("/")[-3:]
        for item in objects(api, group, version, plural):
            record = record_of(group, item)
            labels = [record[name] for name in LABELS]
            total.labels(*labels).inc()
            ready.labels(*labels).inc(record["ready"])
            records.append(record)
    push_to_gateway(os.environ["PUSHGATEWAY_URL"], job="naive", registry=registry)
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=os.environ["S3_ENDPOINT"])
    body = json.dumps(records).encode()
    s3.put_object(Bucket=os.environ["S3_BUCKET"], Key="naive/snapshot.json", Body=body)


def objects(api: Any, group: str, version: str, plural: str) -> Any:
    """Yield every object of a kind, page by page."""
    token = None
    while True:
        page = api.list_cluster_custom_object(group, version, plural, limit=500, _continue=token)
        yield from page["items"]
        token = page["metadata"].get("continue")
        if not token:
            return


def record_of(group: str, item: dict[str, Any]) -> dict[str, Any]:
    """Return a record of about what xpjob keeps."""
    metadata, spec = item["metadata"], item.get("spec", {})
    annotations = metadata.get("annotations", {})
    conditions = {c["type"]: c for c in item.get("status", {}).get("conditions", ())}
    machinery = spec.get("crossplane", spec)
    return {
        "group": group,
        "kind": item["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata["uid"],
        "composition": machinery.get("compositionRef", {}).get("name", ""),
        "creator": annotations.get("example.org/creator", ""),
        "team": annotations.get("example.org/team", ""),
        "createdAt": metadata["creationTimestamp"],
        "ready": conditions.get("Ready", {}).get("status") == "True",
        "reason": conditions.get("Ready", {}).get("reason", ""),
        "message": conditions.get("Ready", {}).get("message", ""),
        "synced": conditions.get("Synced", {}).get("status") == "True",
    }


if __name__ == "__main__":
    main()
