"""Make rows of folded pods: their workloads, images and digests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xpjob.base.truncate import MAX_MESSAGE, cut
from xpjob.collectors.deployments.annotations import notes_of
from xpjob.collectors.deployments.fold import FoldedContainer, FoldedPods
from xpjob.collectors.deployments.image_ids import Digest, digest_of
from xpjob.collectors.deployments.images import Image, parse
from xpjob.collectors.deployments.owners import Owners, Ref, Workload
from xpjob.collectors.deployments.rows import Deployment
from xpjob.collectors.deployments.since import Memory

MAX_REMEMBERED = 20
"""Direct owners, and config IDs, that a row remembers."""


class _Made(NamedTuple):
    """A row, and the pods that it is made of."""

    row: Deployment
    pods: list[FoldedPods]


def rows_of(
    pods: Iterable[FoldedPods], owners: Owners, memory: Memory, repository_key: str
) -> list[Deployment]:
    """Return the rows of what runs now, without times, in no particular order."""
    made: dict[tuple[str, Ref, str, bool, str, str], _Made] = {}
    images: dict[str, Image] = {}
    for folded in sorted(pods, key=_order):
        workload = owners.workload(folded.namespace, folded.owner)
        top = Ref(workload.ref.group, workload.ref.kind, workload.ref.name)
        notes = notes_of((folded.annotations, *workload.annotations), repository_key)
        for container in folded.containers:
            image = images.get(container.image)
            if image is None:
                image = images[container.image] = parse(container.image)
            digest = _digest(folded, container, image, memory)
            key = (
                *(folded.namespace, top, container.name, container.kind == "imageVolume"),
                *(digest.digest, container.image),
            )
            one = made.get(key)
            if one is None:
                # The tags of most pods are taken if pods differ.
                row = _row(folded, workload, container, image, digest)
                row.tags, row.github_repository = notes.tags, notes.repository
                one = made[key] = _Made(row, [])
            _add(one, folded, workload, digest, notes.risks)
    return [_finished(one) for one in made.values()]


def _order(folded: FoldedPods) -> tuple[object, ...]:
    count = folded.pods + folded.completed
    named = (folded.namespace, folded.owner, folded.containers, folded.completed)
    return (-count, *named, sorted(folded.annotations.items()))


def _digest(folded: FoldedPods, container: FoldedContainer, image: Image, memory: Memory) -> Digest:
    """Return the digest; one that the runtime has reported before, if it no longer does."""
    found = digest_of(container.image_id, image.digest)
    if found.digest or not found.config_id:
        return found
    remembered = memory.digest(folded.owner.uid, container, found.config_id)
    return found._replace(digest=remembered, origin="registry") if remembered else found


def _row(
    folded: FoldedPods,
    workload: Workload,
    container: FoldedContainer,
    image: Image,
    digest: Digest,
) -> Deployment:
    return Deployment(
        namespace=folded.namespace,
        workload_group=workload.ref.group,
        workload_kind=workload.ref.kind,
        workload=workload.ref.name,
        container=container.name,
        container_kind=container.kind,
        image=cut(container.image, MAX_MESSAGE),
        normalized=image.normalized,
        registry=image.registry,
        repository=image.repository,
        tag=image.tag,
        pinned=bool(image.digest),
        digest=digest.digest,
        digest_from=digest.origin,
        no_digest_why=digest.why,
        owner_known=workload.known,
    )


def _add(
    one: _Made, folded: FoldedPods, workload: Workload, digest: Digest, risks: Sequence[str]
) -> None:
    row = one.row
    one.pods.append(folded)
    row.pods += folded.pods
    row.completed += folded.completed
    row.owner_known &= workload.known
    if digest.origin == "registry":
        row.digest_from = "registry"
    row.no_digest_why = row.no_digest_why and digest.why
    if risks:
        row.risks = sorted({*row.risks, *risks})
    if digest.config_id and digest.config_id not in row.config_ids:
        row.config_ids.append(digest.config_id)


def _finished(one: _Made) -> Deployment:
    row = one.row
    if len(one.pods) == 1:
        row.nodes = len(one.pods[0].nodes)
    else:
        row.nodes = len({node for folded in one.pods for node in folded.nodes})
    controllers = {folded.owner.uid for folded in one.pods} - {""}
    row.controllers = sorted(controllers)[:MAX_REMEMBERED]
    row.config_ids = sorted(row.config_ids)[:MAX_REMEMBERED]
    row.state = "running" if row.pods else "completed"
    return row
