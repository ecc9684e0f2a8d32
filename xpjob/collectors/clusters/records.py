"""The rows of the tables. ``group`` and ``resource`` are those of the list that a row is made of.

Values are None, and have no series, where they are not known.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from xpjob.collectors.clusters.registries.result import Catalog, State

TriState = Literal["True", "False", "Unknown", ""]
"""The status of a condition; empty: there is no such condition."""
Manager = Literal["olm", "olm-v1", "openshift"]

_CARRIED = "When it was last known, if a list that it is made of has failed since."


class FactRow(Struct, rename="camel", kw_only=True):
    """One fact about the cluster: a number, a text, or both."""

    fact: Annotated[str, Meta(description="What the fact is about.")]
    value: Annotated[float | None, Meta(description="The number; bytes, cores or pieces.")] = None
    text: Annotated[str, Meta(description="The text, such as a version.")] = ""
    carried_since: Annotated[str, Meta(description=_CARRIED)] = ""
    group: str = ""
    resource: str = ""
    namespace: str = ""


class NodeRow(Struct, rename="camel", kw_only=True):
    """A node: its condition, what it has, and what the pods on it request."""

    node: Annotated[str, Meta(description="Name of the node.")]
    ready: Annotated[
        TriState,
        Meta(description="Status of the condition Ready; Unknown also if there is none."),
    ] = "Unknown"
    ready_since: Annotated[str, Meta(description="When that last changed.")] = ""
    healthy: Annotated[
        bool | None,
        Meta(
            description="Whether it is ready, has a network, and is under no pressure of memory, "
            "disk or processes."
        ),
    ] = None
    unhealthy_since: Annotated[str, Meta(description="Since when not; empty if it is healthy.")] = (
        ""
    )
    message: Annotated[str, Meta(description="Why not, as its conditions say it.")] = ""
    unschedulable: Annotated[bool, Meta(description="Whether the node is cordoned.")] = False
    roles: Annotated[list[str], Meta(description="Roles, by the labels of the node.")] = []
    pressures: Annotated[
        list[str], Meta(description="Other conditions that are true or unknown: pressure and such.")
    ] = []
    taints: Annotated[list[str], Meta(description="Taints, as kubectl writes them.")] = []
    kubelet: Annotated[str, Meta(description="Version of the kubelet.")] = ""
    cpu_capacity: Annotated[float | None, Meta(description="Cores of the node.")] = None
    cpu_allocatable: Annotated[float | None, Meta(description="Cores for pods.")] = None
    cpu_requested: Annotated[
        float | None, Meta(description="Cores that pods request; terminated ones count no more.")
    ] = None
    cpu_ratio: Annotated[
        float | None, Meta(description="Requested cores as a part of those for pods; not usage.")
    ] = None
    memory_capacity: Annotated[float | None, Meta(description="Memory of the node.")] = None
    memory_allocatable: Annotated[float | None, Meta(description="Memory for pods.")] = None
    memory_requested: Annotated[
        float | None, Meta(description="Memory that pods request; terminated ones count no more.")
    ] = None
    memory_ratio: Annotated[
        float | None, Meta(description="Requested memory as a part of that for pods; not usage.")
    ] = None
    storage_capacity: Annotated[float | None, Meta(description="Ephemeral storage.")] = None
    storage_allocatable: Annotated[
        float | None, Meta(description="Ephemeral storage for pods.")
    ] = None
    pods_capacity: Annotated[float | None, Meta(description="Pods that the kubelet runs.")] = None
    pods_allocatable: Annotated[float | None, Meta(description="Pods that may be placed.")] = None
    pods: Annotated[int | None, Meta(description="Pods on the node, in any phase.")] = None
    pods_running: Annotated[int | None, Meta(description="Of these, Running.")] = None
    pods_pending: Annotated[int | None, Meta(description="Of these, Pending.")] = None
    pods_failed: Annotated[int | None, Meta(description="Of these, Failed.")] = None
    pods_succeeded: Annotated[int | None, Meta(description="Of these, Succeeded.")] = None
    created_at: Annotated[str, Meta(description="When the node was created.")] = ""
    carried_since: Annotated[str, Meta(description=_CARRIED)] = ""
    uid: str = ""
    group: str = ""
    resource: str = "nodes"
    namespace: str = ""


OF_PODS = (
    *("cpu_requested", "cpu_ratio", "memory_requested", "memory_ratio"),
    *("pods", "pods_running", "pods_pending", "pods_failed", "pods_succeeded"),
)
"""Fields of a node's row that the list of pods tells."""


class OperatorRow(Struct, rename="camel", kw_only=True):
    """An operator: a package that OLM installs, or a part of OpenShift."""

    manager: Annotated[
        Manager,
        Meta(
            description="olm: Subscription or ClusterServiceVersion; olm-v1: ClusterExtension; "
            "openshift: ClusterOperator."
        ),
    ]
    namespace: Annotated[str, Meta(description="Namespace that it is installed in.")] = ""
    operator: Annotated[str, Meta(description="Name of the package, or of the ClusterOperator.")]
    name: Annotated[str, Meta(description="Name of the object.")] = ""
    display_name: Annotated[str, Meta(description="Name for people.")] = ""
    provider: Annotated[str, Meta(description="Who provides it.")] = ""
    version: Annotated[str, Meta(description="Installed version.")] = ""
    state: Annotated[
        str,
        Meta(
            description="Phase of the ClusterServiceVersion; of a ClusterExtension Installed, "
            "Retrying, Blocked, NotInstalled or Unknown; of a ClusterOperator Available, "
            "Degraded, Unavailable or Unknown."
        ),
    ] = ""
    healthy: Annotated[bool | None, Meta(description="Whether it works as far as is told.")] = None
    installed: Annotated[bool | None, Meta(description="Whether a version is installed.")] = None
    succeeded: Annotated[
        bool | None, Meta(description="Whether the installation has succeeded.")
    ] = None
    upgrade_pending: Annotated[
        bool | None, Meta(description="Whether the channel has a newer version.")
    ] = None
    approval_required: Annotated[
        bool | None, Meta(description="Whether that waits for somebody's approval.")
    ] = None
    available: Annotated[TriState, Meta(description="Condition Available.")] = ""
    progressing: Annotated[TriState, Meta(description="Condition Progressing.")] = ""
    degraded: Annotated[TriState, Meta(description="Condition Degraded.")] = ""
    upgradeable: Annotated[
        TriState, Meta(description="Condition Upgradeable; only False forbids updates.")
    ] = ""
    channel: Annotated[str, Meta(description="Channel of updates.")] = ""
    source: Annotated[str, Meta(description="CatalogSource.")] = ""
    approval: Annotated[str, Meta(description="Automatic or Manual.")] = ""
    next_version: Annotated[
        str, Meta(description="ClusterServiceVersion that an upgrade would install.")
    ] = ""
    targets: Annotated[
        list[str] | None, Meta(description="Namespaces that it works in; * for all.")
    ] = None
    message: Annotated[str, Meta(description="What is wrong, if it is told.")] = ""
    since: Annotated[str, Meta(description="Since when the state lasts.")] = ""
    carried_since: Annotated[str, Meta(description=_CARRIED)] = ""
    uid: str = ""
    csv: str = ""
    group: str = ""
    resource: str = ""


class RegistryRow(Struct, rename="camel", kw_only=True):
    """A registry of REGISTRIES_FILE."""

    registry: Annotated[str, Meta(description="Name in REGISTRIES_FILE.")]
    endpoint: Annotated[str, Meta(description="URL.")] = ""
    state: Annotated[State, Meta(description="State; see the collector's README.")] = "notChecked"
    healthy: Annotated[
        bool | None,
        Meta(
            description="Whether it is up, its paths answer, and its credentials, if there are "
            "any, let it be used."
        ),
    ] = None
    up: Annotated[bool | None, Meta(description="Whether a registry answers.")] = None
    authenticated: Annotated[
        bool | None, Meta(description="Whether the credentials are accepted, if that is known.")
    ] = None
    cause: Annotated[
        str, Meta(description="Where it fails: dns, connect, tls, timeout or proxy.")
    ] = ""
    response_seconds: Annotated[
        float | None, Meta(description="Time until it answered, in seconds.")
    ] = None
    repositories: Annotated[
        int | None, Meta(description="Number of repositories, if all could be counted.")
    ] = None
    catalog: Annotated[
        Catalog,
        Meta(
            description="How counting went: complete, more (than maxRepositories), refused, "
            "failed or notRead."
        ),
    ] = "notRead"
    certificate_expires: Annotated[
        str, Meta(description="When its certificate expires, as last seen.")
    ] = ""
    paths_failed: Annotated[
        list[str], Meta(description="Further paths that do not answer as they should.")
    ] = []
    message: Annotated[str, Meta(description="What is wrong.")] = ""
    since: Annotated[str, Meta(description="When a run first found this state.")] = ""
    carried_since: Annotated[str, Meta(description=_CARRIED)] = ""
    group: str = ""
    resource: str = "registries"
    namespace: str = ""
