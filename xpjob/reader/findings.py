"""Findings of all collectors as a table of the reader's own: the same filters, pages and forms."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from xpjob.collect.findings import Finding
from xpjob.collect.tables import TableSpec
from xpjob.reader import described
from xpjob.reader.packed import Encoded
from xpjob.reader.table import Stamp, View

_FILTERS = ("severity", "collector", "finding", "team", "namespace", "kind", "confirmed")
TABLE = TableSpec(
    "findings",
    Finding,
    ("finding", "uid", "group", "kind", "namespace", "name", "other"),
    title="Findings",
    filters=_FILTERS,
    search=("finding", "kind", "namespace", "name", "team", "message"),
    shown=(
        *("severity", "kind", "namespace", "name", "team", "message", "since", "dependants"),
        *("finding", "collector", "confirmed", "carriedSince"),
    ),
    by=("severity", "finding"),
    unchecked=_FILTERS,
    types={"severity": "state", "since": "time", "carriedSince": "time", "other": "ref"},
    name=("namespace", "name"),
    since="since",
    why=("message",),
).describe("")
"""No collector's: the snapshot has findings beside its tables."""
_ORDER = {"critical": 0, "warning": 1, "info": 2}


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the gravest first, then those with most dependants, then the oldest.

    A finding of a version without severities is a warning.
    """
    graded = (
        finding if finding.severity else msgspec.structs.replace(finding, severity="warning")
        for finding in findings
    )
    return sorted(graded, key=_key)


def view_of(findings: Sequence[Finding], stamp: Stamp) -> View:
    """Return the view of findings, in order."""
    rows = Encoded.of(msgspec.json.encode(each) for each in ordered(findings))
    return described.view_of(TABLE, rows, stamp)


def _key(finding: Finding) -> tuple[int, int, str, str, str]:
    return (
        _ORDER.get(finding.severity, len(_ORDER)),
        -finding.dependants,
        finding.since or "~",  # what has no time comes last
        finding.namespace,
        finding.name,
    )
