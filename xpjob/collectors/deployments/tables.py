"""The collector's table: which image runs where."""

from __future__ import annotations

from xpjob.collect.tables import TableSpec
from xpjob.collectors.deployments.rows import Deployment

DEPLOYMENTS = "deployments"
TABLES = (
    TableSpec(
        DEPLOYMENTS,
        Deployment,
        (
            *("namespace", "workloadGroup", "workloadKind", "workload", "container"),
            *("containerKind", "digest", "image"),
        ),
        title="Deployments",
        filters=(
            *("namespace", "workloadKind", "workload", "container", "containerKind", "state"),
            *(
                "registry",
                "repository",
                "image",
                "tag",
                "pinned",
                "digest",
                "digestFrom",
                "noDigestWhy",
                "attestation",
            ),
            *("scaledToZero", "ownerKnown"),
        ),
        search=("namespace", "workload", "container", "image", "digest"),
        shown=(
            *("namespace", "workloadKind", "workload", "container", "repository", "tag"),
            *("state", "since", "until", "pods", "nodes", "digest"),
        ),
        changes=("state",),
        sort="namespace",
        by=("namespace",),
        unchecked=("digest", "workload", "repository", "tag"),
        types={
            **dict.fromkeys(("since", "until", "carriedSince"), "time"),
            "state": "state",
        },
        previous=Deployment,
    ),
)
