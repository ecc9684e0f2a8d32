"""The row of the table: a pod that is to have a Service, a Service without a pod, a StatefulSet."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct, field

POD_SERVICES = "podServices"
"""The key of the table."""
State = Literal[
    "foreign",
    "missing",
    "noAddress",
    "wrongAddress",
    "stale",
    "orphan",
    "impossible",
    "suspicious",
    "familyMissing",
    "noGoverningService",
    "redundant",
    "hostNetwork",
    "waiting",
    "served",
]
STATES: tuple[State, ...] = get_args(State)
"""Those to look at first come first."""
Severity = Literal["bad", "warning", "info", "ok"]
SEVERITIES: dict[State, Severity] = {
    **dict.fromkeys(STATES[:7], "bad"),
    **dict.fromkeys(STATES[7:10], "warning"),
    **dict.fromkeys(STATES[10:13], "info"),
    "served": "ok",
}
Reason = Literal[
    "",
    "tooLong",
    "dot",
    "firstCharacter",
    "noSlice",
    "notReady",
    "skipMirror",
    "noMirroring",
    "selector",
    "clusterIP",
    "controller",
    "ended",
    "deleting",
    "absent",
]

Identity = tuple[str, str, str]
"""Namespace, kind and name."""


class PodService(Struct, rename="camel", kw_only=True):
    """A pod, a Service or a StatefulSet, and how it is with its Service. Times are RFC 3339.

    ``group`` and ``resource`` are those of its list. ``ended`` is remembered for the next run.
    """

    namespace: Annotated[str, Meta(description="Namespace.")]
    kind: Annotated[
        str,
        Meta(
            description="Pod: annotated; Service: without a pod that wants it; StatefulSet: "
            "without a governing Service."
        ),
    ]
    name: Annotated[str, Meta(description="Name.")]
    state: Annotated[State, Meta(description="How it is: see the table of states.")]
    severity: Annotated[Severity, Meta(description="bad, warning, info or ok.")]
    ok: Annotated[bool, Meta(description="Whether nothing needs to be done.")]
    reason: Annotated[Reason, Meta(description="Why, where a state has several reasons.")] = ""
    since: Annotated[
        str,
        Meta(
            description="When a run first found it in this state; of what no run can have seen "
            "before, when the pod was started or the Service created."
        ),
    ] = ""
    wanted: Annotated[
        list[str], Meta(description="Addresses of the pod in the families of the Service.")
    ] = field(default_factory=list)
    found: Annotated[
        list[str],
        Meta(description="Ready addresses in the EndpointSlices of the Service, at most 50."),
    ] = field(default_factory=list)
    taken_by: Annotated[
        str, Meta(description="Another live pod that has an address that was found.")
    ] = ""
    redundant: Annotated[
        bool, Meta(description="Whether a StatefulSet gives the pod a name in DNS anyway.")
    ] = False
    todo: Annotated[str, Meta(description="What to do.")] = ""
    own_service: Annotated[
        bool, Meta(description="Whether it has a Service that the operator may have made.")
    ] = False
    value: Annotated[str, Meta(description="Value of the annotation, unless it is true.")] = ""
    service: Annotated[str, Meta(description="Governing Service of a StatefulSet.")] = ""
    service_uid: Annotated[str, Meta(description="UID of the Service.")] = ""
    pod_uid: Annotated[str, Meta(description="UID of the pod.")] = ""
    addresses: Annotated[list[str], Meta(description="All addresses of the pod.")] = field(
        default_factory=list
    )
    ended: Annotated[bool, Meta(description="Whether the pod has ended or is being deleted.")] = (
        False
    )
    carried_since: Annotated[
        str, Meta(description="When it was last known, if its lists failed since.")
    ] = ""
    group: str = ""
    resource: str = "pods"

    @property
    def identity(self) -> Identity:
        """Return what is recognised in the next run."""
        return self.namespace, self.kind, self.name
