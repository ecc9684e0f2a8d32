"""Find pods and Services that somebody should look at: those in a bad state for long enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from xpjob.base.times import seconds_between
from xpjob.collect.description import Severity
from xpjob.collect.findings import Finding, Ref
from xpjob.collect.tables import row_id
from xpjob.collectors.services.rows import POD_SERVICES, PodService, State

FOREIGN, ANOTHER_POD = "ForeignService", "AddressOfAnotherPod"
MISSING, NO_ADDRESS, WRONG_ADDRESS = "ServiceMissing", "ServiceWithoutAddress", "WrongAddress"
STALE, ORPHAN, IMPOSSIBLE = "StaleService", "OrphanService", "ImpossibleServiceName"
SUSPICIOUS, FAMILY, GOVERNING = "AnnotationNotTrue", "FamilyMissing", "NoGoverningService"
FINDINGS = (
    *(FOREIGN, ANOTHER_POD, MISSING, NO_ADDRESS, WRONG_ADDRESS, STALE, ORPHAN, IMPOSSIBLE),
    *(SUSPICIOUS, FAMILY, GOVERNING),
)
"""The most urgent first."""

SEVERITIES: Mapping[str, Severity] = {
    **dict.fromkeys(FINDINGS, "warning"),
    # The operator damages another's Service; clients reach another's pod.
    **dict.fromkeys((FOREIGN, ANOTHER_POD), "critical"),
    SUSPICIOUS: "info",
}

MAX_FINDINGS = 200
"""Findings of one kind, at most; metrics and table have all."""

_OF_STATES: Mapping[State, str] = {
    "foreign": FOREIGN,
    "missing": MISSING,
    "noAddress": NO_ADDRESS,
    "wrongAddress": WRONG_ADDRESS,
    "stale": STALE,
    "orphan": ORPHAN,
    "impossible": IMPOSSIBLE,
    "suspicious": SUSPICIOUS,
    "familyMissing": FAMILY,
    "noGoverningService": GOVERNING,
}
_TEXTS: Mapping[State, str] = {
    "foreign": "the operator takes a Service for its own that is of somebody else",
    "missing": "it has no Service",
    "noAddress": "its Service has no ready address in DNS",
    "wrongAddress": "its Service has other addresses in DNS",
    "stale": "it has ended or is being deleted, and its Service is still there",
    "orphan": "no pod wants it",
    "impossible": "no Service can have its name",
    "suspicious": "the value of its annotation is not true",
    "familyMissing": "one of its two addresses is not in DNS",
    "noGoverningService": "its governing Service is missing, or not headless",
}


def find(rows: Sequence[PodService], grace: float, at: str) -> list[Finding]:
    """Return the findings at a time (RFC 3339), in their order, at most ``MAX_FINDINGS`` each.

    What has been in its state for less than ``grace`` seconds may be on its way. A Service of
    somebody else is not: the operator would damage it within that time.
    """
    found: dict[str, list[Finding]] = defaultdict(list)
    for row in rows:
        kind = _kind(row)
        if kind and (kind == FOREIGN or seconds_between(row.since, at) >= grace):
            found[kind].append(_finding(kind, row))
    return [each for kind in FINDINGS for each in _limited(found[kind])]


def _kind(row: PodService) -> str:
    # Whatever the state, but not of a Service that the operator has not made.
    if row.taken_by and row.own_service:
        return ANOTHER_POD
    if row.state == "suspicious" and row.value == "false":
        return ""  # it says what it means
    return _OF_STATES.get(row.state, "")


def _limited(some: Sequence[Finding]) -> list[Finding]:
    kept = list(some[:MAX_FINDINGS])
    if more := len(some) - len(kept):
        text = f"and {more} more; the table podServices has all of them"
        first = some[MAX_FINDINGS]
        kept.append(
            Finding(
                finding=first.finding,
                class_=first.class_,
                group=first.group,
                kind=first.kind,
                namespace="",
                name="",
                uid="",
                team="",
                message=text,
                severity=first.severity,
            )
        )
    return kept


def _finding(kind: str, row: PodService) -> Finding:
    text = _TEXTS[row.state]
    if row.state == "wrongAddress":
        text += f": {_listed(row.found)} instead of {_listed(row.wanted)}"
    namespace, _, name = row.taken_by.partition("/")
    return Finding(
        finding=kind,
        class_=row.resource,
        group=row.group,
        kind=row.kind,
        namespace=row.namespace,
        name=row.name,
        uid=row.service_uid if row.kind == "Service" else row.pod_uid,
        team="",
        other=Ref("", "Pod", namespace, name) if kind == ANOTHER_POD else None,
        message=f"{text}; {row.todo}" if row.todo else text,
        since=row.since,
        severity=SEVERITIES[kind],
        table=POD_SERVICES,
        row=row_id(row.identity),
    )


def _listed(addresses: Sequence[str]) -> str:
    more = len(addresses) - 3
    shown = ", ".join(addresses[:3]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
