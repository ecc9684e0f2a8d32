"""Say what to do about a row."""

from __future__ import annotations

from collections.abc import Mapping

from xpjob.collectors.services.rows import PodService

_DELETE = "delete the Service"
_TEXTS: Mapping[tuple[str, str], str] = {
    ("foreign", "selector"): "the Service of this name has a selector, so it is of somebody else; "
    "rename it or the pod, or remove the annotation: the operator overwrites its Endpoints, and "
    "deletes it with the pod",
    ("foreign", "clusterIP"): "the Service of this name is not headless: it has a cluster address, "
    "or is an ExternalName, so it is of somebody else; rename it or the pod, or remove the "
    "annotation: the operator deletes it with the pod",
    ("foreign", "controller"): "the Service of this name is controlled by another object; rename "
    "the pod, or remove the annotation: the operator overwrites its Endpoints, and deletes it with "
    "the pod",
    ("missing", ""): "see whether the operator runs, and its log for why it cannot create the "
    "Service",
    ("noAddress", "noSlice"): "see whether Endpoints of this name exist and have the address, and "
    "whether the EndpointSlice mirroring controller runs: DNS reads EndpointSlices only",
    ("noAddress", "notReady"): "no endpoint is ready: see who writes the EndpointSlice, and why it "
    "says so",
    ("noAddress", "skipMirror"): "remove the label endpointslice.kubernetes.io/skip-mirror from "
    "the Endpoints of this name: DNS reads EndpointSlices only",
    ("noAddress", "noMirroring"): "no Endpoints at all are mirrored to EndpointSlices, which DNS "
    "reads: see whether the EndpointSlice mirroring controller runs",
    ("stale", "ended"): f"{_DELETE}, or the pod, which has ended: its address may be given to "
    "another pod",
    ("stale", "deleting"): "wait for the pod to end; if it has ended, delete the Service, which "
    "the operator has left behind",
    ("orphan", ""): f"{_DELETE} and its Endpoints: no pod of its name has the annotation with the "
    "value true, and the operator removes nothing that it has missed",
    ("impossible", "tooLong"): "shorten the name to at most 63 characters: a Service cannot have "
    "it",
    ("impossible", "dot"): "remove the dots from the name: a Service cannot have it",
    ("impossible", "firstCharacter"): "let the name begin with a letter: a Service on this server "
    "cannot have it",
    ("suspicious", ""): "set the annotation to true, or remove it: any other value means no "
    "Service",
    ("familyMissing", ""): "add the other address to the EndpointSlices, or make the Service "
    "SingleStack: Endpoints, as the operator writes them, have addresses of one family only",
    ("redundant", ""): "the annotation can be removed: its StatefulSet already gives the pod a "
    "name in DNS",
    ("noGoverningService", "absent"): "create the headless Service that the StatefulSet names, or "
    "its pods have no names in DNS",
    ("noGoverningService", "clusterIP"): "make the Service that the StatefulSet names headless, or "
    "its pods have no names in DNS",
}
_WRONG = "see why the operator does not update the Endpoints"
_NONE_YET = (
    "see why the pod has no address yet, or delete the Service: what it has is of a former pod"
)
_LEFT = (
    f"{_DELETE}, or set the annotation to true: the operator does not update it with another value"
)
_FURTHER = (
    "remove the further addresses: the operator replaces the first only, and EndpointSlices from "
    "a former selector are left for ever"
)


def advice(row: PodService) -> str:
    """Return what to do, empty if nothing."""
    if row.state == "wrongAddress":
        right = set(row.found) & set(row.wanted)
        text = _FURTHER if right else _WRONG if row.addresses else _NONE_YET
    elif row.state == "suspicious" and row.taken_by and row.own_service:
        text = _LEFT
    else:
        text = _TEXTS.get((row.state, row.reason), "")
    if row.taken_by and text:
        return f"{text}. Its name leads to the pod {row.taken_by}, which has that address now"
    return text
