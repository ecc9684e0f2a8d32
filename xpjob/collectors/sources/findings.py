"""Find sources that do not count what they are to count."""

from __future__ import annotations

from collections.abc import Sequence

from xpjob.collect.description import Severity
from xpjob.collect.findings import Finding
from xpjob.collect.tables import row_id
from xpjob.collectors.sources.tables import SourceRow

INVALID, NO_KIND, TRUNCATED, ERRORS = (
    *("SourceInvalid", "SourceKindNotServed"),
    *("SourceTruncated", "SourceValueErrors"),
)
FINDINGS = (INVALID, NO_KIND, TRUNCATED, ERRORS)
SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys((INVALID, TRUNCATED, ERRORS), "warning"),
    # Documents are often for more clusters than have the kind.
    NO_KIND: "info",
}
MAX_FINDINGS = 200
"""Findings of one kind, at most; the table has all."""
_OF_STATE = {"invalid": INVALID, "noKind": NO_KIND, "truncated": TRUNCATED, "errors": ERRORS}


def find(rows: Sequence[SourceRow]) -> list[Finding]:
    """Return the findings of the rows, at most ``MAX_FINDINGS`` of each kind."""
    found: dict[str, list[Finding]] = {name: [] for name in FINDINGS}
    for row in rows:
        name = _OF_STATE.get(row.state)
        if name and len(found[name]) < MAX_FINDINGS:
            found[name].append(_finding(name, row))
    return [finding for some in found.values() for finding in some]


def _finding(name: str, row: SourceRow) -> Finding:
    return Finding(
        finding=name,
        class_="source",
        group="",
        kind="Source",
        namespace=row.namespace,
        name=row.source,
        uid="",
        team="",
        message="; ".join(row.messages[:3]),
        severity=SEVERITIES[name],
        dependants=row.series,
        table="sources",
        row=row_id((row.source,)),
    )
