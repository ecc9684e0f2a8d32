"""What OpenShift says of itself: its version and updates, and its ClusterOperators."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.clusters import facts
from xpjob.collectors.clusters.conditions import find, status_of
from xpjob.collectors.clusters.records import FactRow, OperatorRow
from xpjob.collectors.clusters.wire import ClusterOperator, ClusterVersion, ClusterVersionStatus

GROUP = "config.openshift.io"
VERSIONS, OPERATORS = "clusterversions", "clusteroperators"


def version_facts(version: ClusterVersion) -> list[FactRow]:
    """Return the facts of the ClusterVersion.

    The current version is the newest one that was completed; the desired one may still be rolled
    out.
    """
    spec, status = version.spec, version.status
    done = (each.version for each in status.history or () if each.state == "Completed")
    current, desired = next(done, ""), status.desired.version
    updates = [each.version for each in status.available_updates or ()]
    conditional = status.conditional_updates
    # A list without updates is null or left out, also if they could not be retrieved.
    known = (
        status_of(status.conditions, "RetrievedUpdates")[0] == "True"
        or status.available_updates is not None
        or conditional is not None
    )
    rows = (
        (facts.OPENSHIFT_VERSION, None, current),
        (facts.OPENSHIFT_DESIRED, None, desired),
        (facts.OPENSHIFT_UPGRADING, _upgrading(status, current), ""),
        (facts.OPENSHIFT_CHANNEL, None, spec.channel),
        (facts.OPENSHIFT_ID, None, spec.cluster_id),
        (facts.OPENSHIFT_UPDATES, float(len(updates)) if known else None, highest(updates)),
        (facts.OPENSHIFT_CONDITIONAL, float(len(conditional or ())) if known else None, ""),
        (facts.OPENSHIFT_OVERRIDES, float(len(spec.overrides or ())), ""),
    )
    return [
        FactRow(fact=name, value=value, text=cut(text, MAX_LABEL), group=GROUP, resource=VERSIONS)
        for name, value, text in rows
        if value is not None or text
    ]


def highest(versions: Iterable[str]) -> str:
    """Return the highest semantic version, empty if there is none."""
    return max(versions, key=_precedence, default="")


def operator_row(operator: ClusterOperator) -> OperatorRow:
    """Return the row of a ClusterOperator."""
    metadata, conditions = operator.metadata, operator.status.conditions
    available, since = status_of(conditions, "Available")
    degraded, degraded_since = status_of(conditions, "Degraded")
    state, cause = "Unknown", None
    if degraded == "True":
        state, since, cause = "Degraded", degraded_since, find(conditions, "Degraded")
    elif available == "False":
        state, cause = "Unavailable", find(conditions, "Available")
    elif available == "True":
        state = "Available"
    healthy = None if state == "Unknown" else state == "Available"
    return OperatorRow(
        manager="openshift",
        operator=metadata.name,
        name=metadata.name,
        version=_version(operator),
        state=state,
        healthy=healthy,
        available=available,
        progressing=status_of(conditions, "Progressing")[0],
        degraded=degraded,
        upgradeable=status_of(conditions, "Upgradeable")[0],
        message=cause.text if cause else "",
        since=since,
        uid=metadata.uid,
        group=GROUP,
        resource=OPERATORS,
    )


def _upgrading(status: ClusterVersionStatus, current: str) -> float | None:
    """Return whether a version is being rolled out: 1, 0, or None if nothing says so."""
    progressing, _ = status_of(status.conditions, "Progressing")
    desired = status.desired.version
    if progressing == "True" or (desired and desired != current):
        return 1.0
    return 0.0 if desired or progressing == "False" else None


def _version(operator: ClusterOperator) -> str:
    versions = operator.status.versions or []
    named = [each for each in versions if each.name in ("operator", operator.metadata.name)]
    return next((cut(each.version, MAX_LABEL) for each in (*named, *versions)), "")


def _precedence(version: str) -> tuple[Sequence[int], bool, Sequence[tuple[bool, int, str]]]:
    """Return the key by which semantic versions are ordered: a pre-release comes before."""
    core, _, rest = version.partition("+")[0].partition("-")
    numbers = [int(part) if re.fullmatch(r"[0-9]{1,9}", part) else -1 for part in core.split(".")]
    parts = [
        (False, int(part), "") if re.fullmatch(r"[0-9]{1,9}", part) else (True, 0, part)
        for part in rest.split(".")
    ]
    return numbers, not rest, parts
