"""Make rows of folded pods: their workloads, images and digests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xpjob.base.truncate import MAX_MESSAGE, cut
from xpjob.collectors.deployments.annotations import Notes, notes_of
from xpjob.collectors.deployments.fold import FoldedContainer, FoldedPods
from xpjob.collectors.deployments.image_ids import Digest, digest_of
from xpjob.collectors.deployments.images import Image, parse
from xpjob.collectors.deployments.owners import Owners, Workload
from xpjob.collectors.deployments.rows import Deployment
from xpjob.collectors.deployments.since import Memory

MAX_REMEMBERED = 20
"""Direct owners, and config IDs, that a row remembers."""


class _Pods(NamedTuple):
    """Pods, and the workload that they are of."""

    folded: FoldedPods
    workload: Workload


class _Made(NamedTuple):
    """A row, and the pods that it is made of."""

    row: Deployment
    pods: list[FoldedPods]


def rows_of(
    pods: Iterable[FoldedPods], owners: Owners, memory: Memory, repository_key: str
) -> list[Deployment]:
    """Return the rows of what runs now in order, without times."""
    by_workload: dict[tuple[str, str, str, str], list[_Pods]] = defaultdict(list)
    for folded in pods:
        workload = owners.workload(folded.namespace, folded.owner)
        ref = workload.ref
        by_workload[folded.namespace, ref.group, ref.kind, ref.name].append(_Pods(folded, workload))
    making = _Making(memory, repository_key)
    return [row for key in sorted(by_workload) for row in making.rows(by_workload.pop(key))]


class _Making:
    """What it takes to make rows; what is parsed for many of them."""

    def __init__(self, memory: Memory, repository_key: str) -> None:
        self._memory, self._repository_key = memory, repository_key
        self._images: dict[str, tuple[Image, str]] = {}
        self._digests: dict[tuple[str, str], Digest] = {}
        self._notes: dict[tuple[tuple[tuple[str, str], ...], ...], Notes] = {}

    def rows(self, pods: list[_Pods]) -> list[Deployment]:
        """Return the rows of one workload in order."""
        made: dict[tuple[str, bool, str, str], _Made] = {}
        for folded, workload in sorted(pods, key=_order) if len(pods) > 1 else pods:
            notes = self._notes_of(folded, workload)
            for container in folded.containers:
                image, normalized = self._image(container.image)
                digest = self._digest(folded, container, image)
                key = (
                    *(container.name, container.kind == "imageVolume"),
                    *(digest.digest, container.image),
                )
                one = made.get(key)
                if one is None:
                    # The tags of most pods are taken if pods differ.
                    row = _row(folded, workload, container, image, digest)
                    row.normalized = normalized
                    row.tags, row.github_repository = notes.tags, notes.repository
                    one = made[key] = _Made(row, [])
                _add(one, folded, workload, digest, notes.risks)
        controllers: dict[tuple[str, ...], tuple[str, ...]] = {}
        rows = [_finished(one, controllers) for one in made.values()]
        rows.sort(key=lambda row: row.order)
        return rows

    def _image(self, text: str) -> tuple[Image, str]:
        """Return an image, and its whole reference."""
        if (known := self._images.get(text)) is None:
            image = parse(text)
            known = self._images[text] = image, image.normalized
        return known

    def _digest(self, folded: FoldedPods, container: FoldedContainer, image: Image) -> Digest:
        """Return the digest; one that the runtime has reported before, if it no longer does."""
        key = (container.image_id, image.digest)
        if (found := self._digests.get(key)) is None:
            found = self._digests[key] = digest_of(*key)
        if found.digest or not found.config_id:
            return found
        remembered = self._memory.digest(folded.owner.uid, container, found.config_id)
        return found._replace(digest=remembered, origin="registry") if remembered else found

    def _notes_of(self, folded: FoldedPods, workload: Workload) -> Notes:
        every = (folded.annotations, *workload.annotations)
        key = tuple(tuple(each.items()) for each in every)
        if (notes := self._notes.get(key)) is None:
            notes = self._notes[key] = notes_of(every, self._repository_key)
        return notes


def _order(pods: _Pods) -> tuple[object, ...]:
    folded = pods.folded
    count = folded.pods + folded.completed
    named = (folded.namespace, folded.owner, folded.containers, folded.completed)
    return (-count, *named, sorted(folded.annotations.items()))


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
        row.risks = tuple(sorted({*row.risks, *risks}))
    if digest.config_id and digest.config_id not in row.config_ids:
        row.config_ids = (*row.config_ids, digest.config_id)


def _finished(one: _Made, shared: dict[tuple[str, ...], tuple[str, ...]]) -> Deployment:
    """Complete a row. Rows with the same controllers share their list."""
    row = one.row
    if len(one.pods) == 1:
        (folded,) = one.pods
        row.nodes = len(folded.nodes)
        found: tuple[str, ...] = (folded.owner.uid,) if folded.owner.uid else ()
    else:
        row.nodes = len({node for folded in one.pods for node in folded.nodes})
        controllers = {folded.owner.uid for folded in one.pods} - {""}
        found = tuple(sorted(controllers)[:MAX_REMEMBERED])
    row.controllers = shared.setdefault(found, found)
    if row.config_ids:
        row.config_ids = tuple(sorted(row.config_ids)[:MAX_REMEMBERED])
    row.state = "running" if row.pods else "completed"
    return row
