"""The collector's table: which image runs where."""

from __future__ import annotations

from xpjob.collect.description import Highlight, Link
from xpjob.collect.tables import Nothing, TableSpec
from xpjob.collectors.deployments.rows import DEPLOYMENTS, IDENTITY, Deployment

TABLES = (
    TableSpec(
        DEPLOYMENTS,
        Deployment,
        IDENTITY,
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
            "digest": "digest",
        },
        previous=Nothing,
        name=("namespace", "workload", "container"),
        links=(Link("namespace", "namespaces", "namespace"),),
        highlights=(
            Highlight("Container images that run", {"state": ("running",)}),
            Highlight("Not pinned", {"state": ("running",), "pinned": ("false",)}),
            Highlight("No digest known", {"noDigestWhy": ("configId", "unreadable")}, bad=True),
        ),
        priorities={
            **dict.fromkeys(("namespace", "workload", "container", "state"), 1),
            **dict.fromkeys(("repository", "tag", "since"), 2),
            **dict.fromkeys(("workloadKind", "until", "pods", "nodes", "digest"), 3),
        },
        titles={"since": "Runs since", "until": "Ran until", "noDigestWhy": "Why no digest"},
        facets=("namespace", "state", "registry", "workloadKind", "pinned", "attestation"),
    ),
)
