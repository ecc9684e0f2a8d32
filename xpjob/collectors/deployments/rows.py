"""The row of the table: one image of one container of a workload."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from xpjob.collect.tables import row_id
from xpjob.collectors.deployments.image_ids import From, Why

DEPLOYMENTS = "deployments"
"""The key of the table."""
IDENTITY = (
    *("namespace", "workloadGroup", "workloadKind", "workload", "container"),
    *("containerKind", "digest", "image"),
)
"""The columns that identify a row."""
ContainerKind = Literal["container", "init", "sidecar", "ephemeral", "imageVolume"]
Attestation = Literal["found", "none", ""]
State = Literal["running", "completed", "scaledToZero", "gone"]

Place = tuple[str, str, str, str, str, bool]
"""Namespace, the workload's group, kind and name, container, and whether that is a volume."""
Identity = tuple[Place, str]
"""A place and what runs there: the digest, or the image if there is none."""


class Deployment(Struct, rename="camel", kw_only=True, gc=False):
    """One image that a container of a workload runs, or ran lately. Times are RFC 3339.

    ``group`` and ``resource`` are those of its list. ``controllers`` are the UIDs of the pods'
    direct owners, by which the workload is found while their lists fail.
    """

    namespace: Annotated[str, Meta(description="Namespace.")]
    workload_group: Annotated[str, Meta(description="API group of the workload.")] = ""
    workload_kind: Annotated[
        str, Meta(description="Kind of the workload: the highest known owner of the pods.")
    ] = ""
    workload: Annotated[str, Meta(description="Name of the workload.")] = ""
    container: Annotated[str, Meta(description="Container, or volume of an image volume.")] = ""
    container_kind: Annotated[
        ContainerKind,
        Meta(description="container, init, sidecar, ephemeral or imageVolume."),
    ] = "container"
    state: Annotated[
        State,
        Meta(
            description="running; completed: only pods of jobs that have ended; scaledToZero: the "
            "workload exists and has no pods; gone."
        ),
    ] = "running"
    image: Annotated[str, Meta(description="Image as written in the spec.")] = ""
    normalized: Annotated[
        str, Meta(description="Image with the registry and tag that are implied.")
    ] = ""
    registry: Annotated[str, Meta(description="Registry.")] = ""
    repository: Annotated[str, Meta(description="Repository.")] = ""
    tag: Annotated[str, Meta(description="Tag, if one is written.")] = ""
    pinned: Annotated[bool, Meta(description="Whether the spec has a digest.")] = False
    digest: Annotated[str, Meta(description="Digest of the image in the registry.")] = ""
    digest_from: Annotated[
        From,
        Meta(description="registry: reported by the runtime; spec: only pinned in the spec."),
    ] = ""
    no_digest_why: Annotated[
        Why,
        Meta(
            description="Why the runtime reports no registry digest: notStarted, configId (it "
            "reports the digest of the image's configuration) or unreadable."
        ),
    ] = ""
    pods: Annotated[int, Meta(description="Pods that run it, or are about to.")] = 0
    completed: Annotated[int, Meta(description="Pods of jobs that have ended.")] = 0
    nodes: Annotated[int, Meta(description="Nodes of these pods.")] = 0
    since: Annotated[str, Meta(description="When a run first found it there.")] = ""
    until: Annotated[str, Meta(description="When a run first missed it; empty if it runs.")] = ""
    absent_runs: Annotated[int, Meta(description="Runs in a row that have missed it.")] = 0
    scaled_to_zero: Annotated[
        bool, Meta(description="Whether the workload exists and has no pods.")
    ] = False
    tags: Annotated[
        dict[str, str], Meta(description="Tags from annotations metadata.github.com/….")
    ] = field(default_factory=dict)
    risks: Annotated[
        tuple[str, ...], Meta(description="Runtime risks from metadata.github.com/runtime-risks.")
    ] = ()
    github_repository: Annotated[
        str, Meta(description="Repository on GitHub, from GITHUB_REPOSITORY_ANNOTATION.")
    ] = ""
    attestation: Annotated[
        Attestation,
        Meta(
            description="Whether GitHub has a provenance attestation of the digest: found or none; "
            "empty if it was not asked (GITHUB_ATTESTATIONS)."
        ),
    ] = ""
    owner_known: Annotated[
        bool,
        Meta(description="false: the workload is a lower owner, since a higher one is unknown."),
    ] = True
    config_ids: Annotated[
        tuple[str, ...],
        Meta(description="Digests of the image's configuration, if the runtime reports them."),
    ] = ()
    carried_since: Annotated[
        str, Meta(description="When it was last known, if its lists failed since.")
    ] = ""
    controllers: Annotated[
        tuple[str, ...], Meta(description="UIDs of the pods' direct owners.")
    ] = ()
    group: str = ""
    resource: str = "pods"

    @property
    def place(self) -> Place:
        """Return what it is a version of: the container of the workload."""
        return (
            *(self.namespace, self.workload_group, self.workload_kind, self.workload),
            *(self.container, self.container_kind == "imageVolume"),
        )

    @property
    def content(self) -> str:
        """Return what runs there: the digest, or the image if there is none."""
        return self.digest or self.image

    @property
    def identity(self) -> Identity:
        """Return what is remembered from run to run, whatever tag the image has."""
        return self.place, self.content

    @property
    def id(self) -> str:
        """Return the id of the row: the columns of ``IDENTITY``."""
        return row_id(
            (
                *(self.namespace, self.workload_group, self.workload_kind, self.workload),
                *(self.container, self.container_kind, self.digest, self.image),
            )
        )

    @property
    def order(self) -> tuple[Place, str, str]:
        """Return the key by which rows are sorted; no two rows have the same."""
        return self.place, self.digest, self.image

    @property
    def live(self) -> bool:
        """Return whether pods of it exist, as far as is known."""
        return not self.until


def with_others(rows: list[Deployment], others: Iterable[Deployment]) -> list[Deployment]:
    """Return rows, which are in order, with others in their places."""
    made: list[Deployment] = []
    start = 0
    for other in sorted(others, key=attrgetter("order")):
        end = bisect_right(rows, other.order, start, key=attrgetter("order"))
        made += rows[start:end]
        made.append(other)
        start = end
    return made + rows[start:] if made else rows
