"""Findings: inconsistencies between objects, and their confirmation.

Lists are requested one after the other, and a parent's status follows its children's with a delay,
so a single run sees transient inconsistencies. A finding is confirmed when two consecutive runs
have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct, field

from xpjob.collect.description import Severity


class Ref(Struct, frozen=True, gc=False):
    """Reference to an object on the cluster; the namespace is empty if it is cluster-scoped."""

    group: str
    kind: str
    namespace: str
    name: str


class Finding(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One finding about one object.

    ``class_`` is the object's role, ``other`` the second object involved, if any. ``since`` is
    when a run first had the finding, or since when the condition lasts. ``severity`` is empty in
    documents of versions that did not know it; ``dependants`` counts what suffers with the object.
    ``table`` and ``row`` (an id, see ``tables.row_id``) are the object's row, if it has one.
    ``carried_since``: since when it is kept because a list that it rests on fails.
    """

    finding: str
    class_: str = field(name="class")
    group: str
    kind: str
    namespace: str
    name: str
    uid: str
    team: str
    other: Ref | None = None
    message: str = ""
    since: str = ""
    confirmed: bool = False
    collector: str = ""
    severity: Severity = ""
    dependants: int = 0
    table: str = ""
    row: str = ""
    carried_since: str = ""

    @property
    def identity(self) -> tuple[str, str | Ref, Ref | None]:
        """Return the key by which a finding is recognised in the next run."""
        return self.finding, self.uid or self.ref, self.other

    @property
    def ref(self) -> Ref:
        """Return the reference of the object."""
        return Ref(self.group, self.kind, self.namespace, self.name)


def confirmed(
    collector: str, findings: Iterable[Finding], previous: Sequence[Finding], at: str
) -> list[Finding]:
    """Return a collector's findings; mark those of the previous run as confirmed.

    What is only kept has not been found a second time, and what was only kept not a first time.
    """
    before = {finding.identity: finding for finding in previous}
    return [
        msgspec.structs.replace(
            finding,
            collector=collector,
            since=finding.since or (earlier.since if earlier else at),
            confirmed=earlier is not None
            and (earlier.confirmed or not (earlier.carried_since or finding.carried_since)),
        )
        for finding in findings
        for earlier in [before.get(finding.identity)]
    ]
