"""Convert rows to metric tables. No I/O.

Digests are labels only on request: each deployed version is then a series of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from xpjob.base.times import read
from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.deployments.findings import find_all
from xpjob.collectors.deployments.rows import Deployment
from xpjob.metrics.table import Column, Table

CONTAINER_LABELS = ("namespace", "workload_kind", "container_kind", "registry")
STATE_LABELS = ("namespace", "workload_kind", "state")
DIGEST_LABELS = ("namespace", "digest_from", "reason")
TAG_LABELS = ("namespace", "tag", "pinned")
FINDING_LABELS = ("finding", "namespace")
INFO_LABELS = (
    *("namespace", "workload_kind", "workload", "container", "registry", "repository", "tag"),
    "digest",
)


def tables(rows: Sequence[Deployment], *, digests: bool) -> Iterator[Table]:
    """Yield the tables in a fixed order; those with digests only if wanted."""
    live = [row for row in rows if row.live]
    yield _containers(live)
    yield _states(rows)
    yield _digests(live)
    yield _references(live)
    yield _images(live)
    yield _findings(rows)
    if digests:
        yield _info(live)


def _alike(rows: Sequence[Deployment], *names: str) -> Iterable[tuple[tuple[Any, ...], int]]:
    """Return the different values of some fields, and how many rows have each."""
    return Counter(map(attrgetter(*names), rows)).items()


def _containers(live: Sequence[Deployment]) -> Table:
    table = Table(
        CONTAINER_LABELS,
        (
            Column(
                "xpjob_deployment_containers",
                "Number of containers of workloads that run, one for each image that a container "
                "has.",
            ),
            Column(
                "xpjob_deployment_container_pods",
                "Number of containers of pods that run.",
            ),
        ),
    )
    for (*key, pods), rows in _alike(live, *CONTAINER_LABELS, "pods"):
        table.add((*key,), rows, rows * pods, objects=rows)
    return table


def _states(rows: Sequence[Deployment]) -> Table:
    text = "Number of rows of the table deployments, by state."
    table = Table(STATE_LABELS, (Column("xpjob_deployment_rows", text),))
    for key, number in _alike(rows, *STATE_LABELS):
        table.add(key, number, objects=number)
    return table


def _digests(live: Sequence[Deployment]) -> Table:
    text = "Number of containers that run, by where their digest is from, and why there is none."
    table = Table(DIGEST_LABELS, (Column("xpjob_deployment_digests", text),))
    every = _alike(live, "namespace", "digest_from", "digest", "no_digest_why")
    for (namespace, origin, digest, why), rows in every:
        table.add((namespace, origin, "" if digest else why), rows, objects=rows)
    return table


def _references(live: Sequence[Deployment]) -> Table:
    text = "Number of containers that run, by how their spec names the image."
    table = Table(TAG_LABELS, (Column("xpjob_deployment_references", text),))
    for (namespace, tag, pinned), rows in _alike(live, *TAG_LABELS):
        shown = {"": "none", "latest": "latest"}.get(tag, "other")
        table.add((namespace, shown, str(pinned).lower()), rows, objects=rows)
    return table


def _images(live: Sequence[Deployment]) -> Table:
    text = "Number of different digests that run, by registry."
    table = Table(("registry",), (Column("xpjob_deployment_images", text),))
    for registry, _ in sorted({(row.registry, row.digest) for row in live if row.digest}):
        table.add((registry,), 1)
    return table


def _findings(rows: Sequence[Deployment]) -> Table:
    text = "Number of findings about images, by finding."
    table = Table(FINDING_LABELS, (Column("xpjob_deployment_findings", text),))
    for finding in find_all(rows):
        namespace = finding.name if finding.class_ == "namespace" else finding.namespace
        table.add((finding.finding, namespace), 1)
    return table


def _info(live: Sequence[Deployment]) -> Table:
    table = Table(
        INFO_LABELS,
        (
            Column("xpjob_deployment_digest_pods", "Number of pods that run a digest."),
            Column(
                "xpjob_deployment_first_seen_timestamp_seconds",
                "When a run first found a digest there.",
                min,
            ),
        ),
    )
    for row in live:
        since = read(row.since)
        key = (
            *(row.namespace, row.workload_kind, row.workload, row.container, row.registry),
            *(cut(row.repository, MAX_LABEL), row.tag, row.digest),
        )
        table.add(key, row.pods, since.timestamp() if since else 0.0)
    return table
