"""Make rows of folded pods: their workloads, images and digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from xpjob.base.truncate import MAX_MESSAGE, cut
from xpjob.collectors.deployments.annotations import notes_of
from xpjob.collectors.deployments.fold import FoldedContainer, FoldedPods
from xpjob.collectors.deployments.image_ids import Digest, digest_of
from xpjob.collectors.deployments.images import Image, parse
from xpjob.collectors.deployments.owners import Owners, Workload
from xpjob.collectors.deployments.rows import Deployment, Place
from xpjob.collectors.deployments.since import Memory

MAX_REMEMBERED = 20
"""Direct owners, and config IDs, that a row remembers."""


@dataclass(slots=True)
class _Made:
    row: Deployment
    nodes: set[str] = field(default_factory=set)
    controllers: set[str] = field(default_factory=set)
    config_ids: set[str] = field(default_factory=set)
    risks: set[str] = field(default_factory=set)


def rows_of(
    pods: Iterable[FoldedPods], owners: Owners, memory: Memory, repository_key: str
) -> list[Deployment]:
    """Return the rows of what runs now, without times, in no particular order."""
    made: dict[tuple[Place, str, str], _Made] = {}
    images: dict[str, Image] = {}
    for folded in sorted(pods, key=_order):
        workload = owners.workload(folded.namespace, folded.owner)
        objects = (folded.annotations, *workload.annotations)
        notes = notes_of(objects, repository_key)
        for container in folded.containers:
            image = images.get(container.image)
            if image is None:
                image = images[container.image] = parse(container.image)
            digest = _digest(folded, container, image, memory)
            row = _row(folded, workload, container, image, digest)
            one = made.get(row.order)
            if one is None:
                # The tags of most pods are taken if pods differ.
                row.tags, row.github_repository = notes.tags, notes.repository
                one = made[row.order] = _Made(row)
            one.row.pods += folded.pods
            one.row.completed += folded.completed
            one.row.owner_known &= workload.known
            if digest.origin == "registry":
                one.row.digest_from = "registry"
            one.row.no_digest_why = one.row.no_digest_why and digest.why
            one.nodes.update(folded.nodes)
            one.risks.update(notes.risks)
            one.controllers.update(filter(None, (folded.owner.uid,)))
            one.config_ids.update(filter(None, (digest.config_id,)))
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


def _finished(one: _Made) -> Deployment:
    row = one.row
    row.nodes = len(one.nodes)
    row.risks = sorted(one.risks)
    row.controllers = sorted(one.controllers)[:MAX_REMEMBERED]
    row.config_ids = sorted(one.config_ids)[:MAX_REMEMBERED]
    row.state = "running" if row.pods else "completed"
    return row
